/* Voices: expressions, mixes, refusals. Packs are made here; the real ones are looked at when they are installed. */
#include "tests/test.h"
#include "voices/map.h"
#include "voices/voices.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NUMBERS = CW_PACK_ROWS * CW_PACK_STYLE };

static void write_pack(const char *dir, const char *name, uint64_t stream, size_t count, size_t bad_at, float bad) {
    char path[CW_PATH_MAX];
    struct cw_error err = {0};
    float *x = calloc(count + 1, sizeof *x);
    if (!CHECK(x != NULL)) {
        return;
    }
    cw_gauss(cw_test_seed(), stream, 0, count, x);
    if (bad_at < count) {
        x[bad_at] = bad;
    }
    snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECKF(cw_file_write(path, x, count * sizeof *x, &err) == 0, "%s", err.text);
    free(x);
}

static const char *make_packs(void) {
    const char *dir = cw_test_dir();
    write_pack(dir, "af_heart.bin", 1, NUMBERS, NUMBERS, 0);
    write_pack(dir, "am_michael.bin", 2, NUMBERS, NUMBERS, 0);
    write_pack(dir, "bm_george.bin", 3, NUMBERS, NUMBERS, 0);
    write_pack(dir, "jf_alpha.bin", 4, NUMBERS, NUMBERS, 0);
    write_pack(dir, "my_own.bin", 5, NUMBERS, NUMBERS, 0);
    return dir;
}

static float *expected_pack(uint64_t stream) {
    float *x = calloc(NUMBERS, sizeof *x);
    if (x != NULL) {
        cw_gauss(cw_test_seed(), stream, 0, NUMBERS, x);
    }
    return x;
}

static void test_single(void) {
    const char *dir = make_packs();
    struct cw_error err = {0};
    struct cw_voice v;
    char path[CW_PATH_MAX], hex[65];
    float *want = expected_pack(3);
    if (CHECKF(cw_voice_open(&v, dir, "  bm_george ", &err) == 0, "%s", err.text)) {
        CHECK_STR(v.name, "bm_george");
        CHECK_STR(v.language, "en-gb");
        CHECK(memcmp(v.pack, want, NUMBERS * sizeof(float)) == 0);
        snprintf(path, sizeof path, "%s/bm_george.bin", dir);
        CHECK(cw_sha256_file(path, hex, &err) == 0);
        CHECK_STR(v.sha256, hex);
        cw_voice_close(&v);
    }
    if (CHECKF(cw_voice_open(&v, "/nowhere", path, &err) == 0, "%s", err.text)) {
        CHECK_STR(v.language, "en-gb");
        CHECK_STR(v.sha256, hex);
        cw_voice_close(&v);
    }
    /* the pack asked for by name with a weight is the pack itself, bit for bit */
    if (CHECKF(cw_voice_open(&v, dir, "bm_george*0.3", &err) == 0, "%s", err.text)) {
        CHECK_STR(v.sha256, hex);
        CHECK_STR(v.name, "bm_george");
        cw_voice_close(&v);
    }
    if (CHECKF(cw_voice_open(&v, dir, "my_own", &err) == 0, "%s", err.text)) {
        CHECK_STR(v.language, "en-us");
        cw_voice_close(&v);
    }
    free(want);
}

static void test_mix(void) {
    const char *dir = make_packs();
    struct cw_error err = {0};
    struct cw_voice v, w;
    float *a = expected_pack(2), *b = expected_pack(3);
    static const struct {
        const char *expr, *name;
        double first;
    } cases[] = {
        {"am_michael*0.7 + bm_george*0.3", "am_michael*0.7 + bm_george*0.3", 0.7},
        {"am_michael*7+bm_george*3", "am_michael*0.7 + bm_george*0.3", 0.7},
        {"am_michael + bm_george", "am_michael*0.5 + bm_george*0.5", 0.5},
        {"am_michael+bm_george\t* 3e0", "am_michael*0.25 + bm_george*0.75", 0.25},
        {"am_michael + bm_george*2 + am_michael", "am_michael*0.5 + bm_george*0.5", 0.5},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        if (!CHECKF(cw_voice_open(&v, dir, cases[c].expr, &err) == 0, "%s", err.text)) {
            continue;
        }
        CHECK_STR(v.name, cases[c].name);
        CHECK_STR(v.language, "en-us");
        double worst = 0;
        for (size_t i = 0; i < NUMBERS; i++) {
            worst = fmax(worst, fabs(v.pack[i] - (cases[c].first * a[i] + (1.0 - cases[c].first) * b[i])));
        }
        CHECKF(worst < 1e-6, "%s: off by %g", cases[c].expr, worst);
        /* the normalised name means the same voice */
        if (CHECKF(cw_voice_open(&w, dir, v.name, &err) == 0, "%s", err.text)) {
            CHECK_STR(w.sha256, v.sha256);
            cw_voice_close(&w);
        }
        cw_voice_close(&v);
    }
    if (CHECKF(cw_voice_open(&v, dir, "bm_george*0.3 + am_michael*0.7", &err) == 0, "%s", err.text)) {
        CHECK_STR(v.language, "en-gb"); /* of the first part */
        cw_voice_close(&v);
    }
    free(a);
    free(b);
}

static void test_refused(void) {
    const char *dir = make_packs();
    struct cw_error err = {0};
    struct cw_voice v;
    char long_name[6000];
    write_pack(dir, "af_short.bin", 6, NUMBERS - 1, NUMBERS, 0);
    write_pack(dir, "af_long.bin", 6, NUMBERS + 1, NUMBERS + 1, 0);
    write_pack(dir, "af_empty.bin", 6, 0, 1, 0);
    write_pack(dir, "af_nan.bin", 6, NUMBERS, 256 * 3 + 7, NAN);
    write_pack(dir, "af_inf.bin", 6, NUMBERS, NUMBERS - 1, -INFINITY);
    write_pack(dir, "not a name.bin", 6, NUMBERS, NUMBERS, 0);
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_hart", &err), &err, "\"af_hart\"", "nearest: af_heart");
    CHECK(err.code == CW_BAD_INPUT);
    CHECK(v.pack == NULL && v.name == NULL);
    CHECK_REFUSED(cw_voice_open(&v, dir, "george", &err), &err, "nearest: bm_george");
    CHECK_REFUSED(cw_voice_open(&v, dir, "MICHAEL", &err), &err, "nearest: am_michael");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_short", &err), &err, "af_short", "expected 522240 bytes", "found 522236");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_long", &err), &err, "af_long", "expected 522240 bytes", "found 522244");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_empty", &err), &err, "found 0");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_heart + af_nan", &err), &err, "af_nan", "row 3, number 7", "NaN");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_inf", &err), &err, "row 509, number 255", "infinity");
    /* syntax, by column */
    CHECK_REFUSED(cw_voice_open(&v, dir, "", &err), &err, "column 1", "name of a voice", "the end");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_heart +", &err), &err, "column 11", "name of a voice", "the end");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_heart*", &err), &err, "column 10", "a weight", "the end");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_heart*0 + am_michael", &err), &err, "column 10", "above 0");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_heart*-1", &err), &err, "column 10", "above 0");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_heart*nan", &err), &err, "column 10", "above 0");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_heart am_michael", &err), &err, "column 10", "'+'", "found \"a\"");
    CHECK_REFUSED(cw_voice_open(&v, dir, "0.5*af_heart", &err), &err, "column 2", "found \".\"");
    CHECK_REFUSED(cw_voice_open(&v, dir, "é+af_heart", &err), &err, "column 1", "found \"é\"");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_heart++am_michael", &err), &err, "column 10", "name of a voice");
    CHECK_REFUSED(cw_voice_open(&v, dir, "a+b+c+d+e+f+g+h+i", &err), &err, "at most 8");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_\xff", &err), &err, "UTF-8", "byte 4");
    /* names do not leave the folder; a path must be one */
    CHECK_REFUSED(cw_voice_open(&v, dir, "..", &err), &err, "column 1");
    CHECK_REFUSED(cw_voice_open(&v, dir, "../af_heart", &err), &err, "../af_heart");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_heart.bin", &err), &err, "column 9", "found \".\"");
    CHECK_REFUSED(cw_voice_open(&v, dir, "./nothing.bin", &err), &err, "nothing.bin", "No such file");
    CHECK_REFUSED(cw_voice_open(&v, dir, "/", &err), &err, "/");
    CHECK_REFUSED(cw_voice_open(&v, dir, "/dev/null", &err), &err, "found 0");
    CHECK_REFUSED(cw_voice_open(&v, dir, "/dev/zero", &err), &err, "/dev/zero", "at most");
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    CHECK_REFUSED(cw_voice_open(&v, dir, long_name, &err), &err, "at most", "5999");
    long_name[200] = '\0';
    CHECK_REFUSED(cw_voice_open(&v, dir, long_name, &err), &err, "at most 63");
    /* nothing there at all: a missing model */
    CHECK_REFUSED(cw_voice_open(&v, "/nowhere", "af_heart", &err), &err, "/nowhere", "models fetch");
    CHECK(err.code == CW_NO_MODEL);
}

/* The two halves of a style apart. */
static void test_halves(void) {
    const char *dir = make_packs();
    struct cw_error err = {0};
    struct cw_voice v, w;
    float *a = expected_pack(2), *b = expected_pack(3), *c = expected_pack(1);
    static const char *const same[] = {"timbre:am_michael*0.6+bm_george*0.4 prosody:af_heart",
                                       " prosody: af_heart timbre: am_michael*3 + bm_george*2 "};
    for (size_t k = 0; k < 2; k++) {
        if (!CHECKF(cw_voice_open(&v, dir, same[k], &err) == 0, "%s", err.text)) {
            continue;
        }
        CHECK_STR(v.language, "en-us");
        double worst = 0;
        for (size_t i = 0; i < NUMBERS; i++) {
            double want = i % 256 < 128 ? 0.6 * a[i] + 0.4 * b[i] : c[i];
            worst = fmax(worst, fabs((double)v.pack[i] - want));
        }
        CHECKF(worst < 1e-6, "%s: off by %g", same[k], worst);
        if (k == 0) {
            CHECK_STR(v.name, "timbre:am_michael*0.6 + bm_george*0.4 prosody:af_heart");
        }
        if (CHECKF(cw_voice_open(&w, dir, v.name, &err) == 0, "%s", err.text)) {
            CHECK_STR(w.sha256, v.sha256);
            cw_voice_close(&w);
        }
        cw_voice_close(&v);
    }
    /* the halves of one voice are the voice */
    if (CHECK(cw_voice_open(&v, dir, "timbre:bm_george prosody:bm_george", &err) == 0) &&
        CHECK(cw_voice_open(&w, dir, "bm_george", &err) == 0)) {
        CHECK_STR(v.sha256, w.sha256);
        cw_voice_close(&v);
        cw_voice_close(&w);
    }
    if (CHECK(cw_voice_open(&v, dir, "prosody:af_heart timbre:bm_george", &err) == 0)) {
        CHECK_STR(v.language, "en-gb"); /* of the timbre */
        cw_voice_close(&v);
    }
    CHECK_REFUSED(cw_voice_open(&v, dir, "timbre:af_heart", &err), &err, "column 16", "prosody:", "the end");
    CHECK_REFUSED(cw_voice_open(&v, dir, "prosody:af_heart", &err), &err, "timbre:");
    CHECK_REFUSED(cw_voice_open(&v, dir, "timbre: prosody:af_heart", &err), &err, "column 16", "\":\"");
    CHECK_REFUSED(cw_voice_open(&v, dir, "timbre:af_heart timbre:bm_george", &err), &err, "column 17", "prosody:");
    CHECK_REFUSED(cw_voice_open(&v, dir, "timbre:af_heart prosody:af_heart prosody:bm_george", &err), &err, "column 34", "the end");
    CHECK_REFUSED(cw_voice_open(&v, dir, "af_heart prosody:bm_george", &err), &err, "column 10");
    CHECK_REFUSED(cw_voice_open(&v, dir, "melody:af_heart", &err), &err, "column 7", "\":\"");
    free(a);
    free(b);
    free(c);
}

#define ENGINE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A folder of one's own for this test. */
static void own_home(char home[CW_PATH_MAX], const char *dir) {
    struct cw_error err = {0};
    CHECK(snprintf(home, CW_PATH_MAX, "%s/own", dir) < CW_PATH_MAX && cw_dir_make(home, &err) == 0);
    setenv("CASTWRIGHT_VOICES", home, 1);
}

/* A mix is saved, read back, used by name, mixed again. */
static void test_own(void) {
    const char *dir = make_packs();
    char home[CW_PATH_MAX], path[CW_PATH_MAX], hex[2][65];
    struct cw_error err = {0};
    struct cw_voice_file f = {0}, back = {0};
    struct cw_voice v, w;
    struct cw_voice_info *list = NULL;
    size_t count = 0;
    const char *expr = "timbre:am_michael*0.6 + bm_george*0.4 prosody:af_heart";
    own_home(home, dir);
    if (!CHECKF(cw_voice_mix(&f, dir, "tom_2", expr, ENGINE, &err) == 0, "%s", err.text) || !CHECK(f.parent_count == 3)) {
        return;
    }
    f.has_embedding = true;
    f.embedding[7] = 0.25F;
    CHECK(strncmp(f.parents[1], "bm_george 0.4 0 ", 16) == 0);
    CHECK(cw_voices_own_path("tom_2", path, &err) == 0);
    CHECKF(cw_voice_file_write(&f, path, &err) == 0, "%s", err.text);
    if (CHECKF(cw_voice_file_read(&back, path, &err) == 0, "%s", err.text)) {
        CHECK_STR(back.name, "tom_2");
        CHECK_STR(back.made, "mix");
        CHECK_STR(back.how, f.how);
        CHECK_STR(back.licence, "Apache-2.0");
        CHECK_STR(back.engine_sha256, ENGINE);
        CHECK(back.parent_count == 3 && strcmp(back.parents[2], f.parents[2]) == 0);
        CHECK(back.has_embedding && back.embedding[7] == 0.25F);
        cw_voice_file_content(&f, hex[0]);
        cw_voice_file_content(&back, hex[1]);
        CHECK_STR(hex[1], hex[0]);
        cw_voice_file_free(&back);
    }
    if (CHECKF(cw_voice_open(&v, dir, "tom_2", &err) == 0, "%s", err.text) && CHECK(cw_voice_open(&w, dir, expr, &err) == 0)) {
        CHECK_STR(v.sha256, w.sha256);
        CHECK_STR(v.engine_sha256, ENGINE);
        CHECK(cw_voice_fits(&v, ENGINE, &err) == 0);
        char other[] = ENGINE;
        other[0] = 'f';
        CHECK_REFUSED(cw_voice_fits(&v, other, &err), &err, "tom_2", "made for");
        cw_voice_close(&v);
        cw_voice_close(&w);
    }
    if (CHECKF(cw_voice_open(&v, dir, "tom_2*3 + bm_george", &err) == 0, "%s", err.text)) {
        CHECK_STR(v.name, "tom_2*0.75 + bm_george*0.25");
        CHECK(v.engine_sha256[0] == '0');
        cw_voice_close(&v);
    }
    if (CHECKF(cw_voice_open(&v, dir, path, &err) == 0, "%s", err.text)) {
        CHECK_STR(v.name, path);
        cw_voice_close(&v);
    }
    CHECK_REFUSED(cw_voice_open(&v, "/nowhere", path, &err), &err, "tom_2", "a parent \"am_michael\", which is none");
    if (CHECK(cw_voices_list(dir, &list, &count, &err) == 0) && CHECKF(count == 6, "%zu voices", count)) {
        CHECK_STR(list[0].made, "stock");
        CHECK_STR(list[5].name, "tom_2");
        CHECK_STR(list[5].made, "mix");
        CHECK_STR(list[5].language, "en-us");
    }
    free(list);
    struct cw_voice_file again = {0};
    CHECK_REFUSED(cw_voice_mix(&again, dir, "tom_2", expr, ENGINE, &err), &err, "expected a new name");
    CHECK_REFUSED(cw_voice_mix(&again, dir, "af_heart", expr, ENGINE, &err), &err, "stock voice");
    CHECK_REFUSED(cw_voice_mix(&again, dir, "../up", expr, ENGINE, &err), &err, "letters, digits and _");
    CHECK_REFUSED(cw_voice_open(&v, dir, "tom_3", &err), &err, "nearest: tom_2");
    cw_voice_file_free(&f);
    setenv("CASTWRIGHT_VOICES", "/nowhere/voices", 1);
}

/* What a voice file may not hold. */
static void test_files_refused(void) {
    const char *dir = make_packs();
    char home[CW_PATH_MAX], path[CW_PATH_MAX], *whole = NULL;
    struct cw_error err = {0};
    struct cw_voice_file f = {0}, back = {0};
    struct cw_voice v;
    size_t len = 0;
    own_home(home, dir);
    if (!CHECKF(cw_voice_mix(&f, dir, "ann", "af_heart + bm_george", ENGINE, &err) == 0, "%s", err.text) ||
        !CHECK(cw_voices_own_path("ann", path, &err) == 0) || !CHECK(cw_voice_file_write(&f, path, &err) == 0) ||
        !CHECK(cw_file_read(path, 1 << 22, &whole, &len, &err) == 0)) {
        cw_voice_file_free(&f);
        return;
    }
    for (size_t cut = 0; cut < len; cut += 1 + len / 97) { /* cut short anywhere */
        CHECK(cw_file_write(path, whole, cut, &err) == 0);
        CHECK_REFUSED(cw_voice_open(&v, dir, "ann", &err), &err, "ann");
    }
    float kept = f.pack[300 * 256 + 5];
    f.pack[300 * 256 + 5] = NAN;
    CHECK(cw_voice_file_write(&f, path, &err) == 0);
    CHECK_REFUSED(cw_voice_open(&v, dir, "ann", &err), &err, "ann.gguf", "\"style\"", "NaN");
    f.pack[300 * 256 + 5] = kept;
    struct cw_voice_addition additions[2] = {{"offset.decoder.encode.norm1.fc.bias", {3}, 1, (float[]){1, 2, 3}},
                                             {"lora.b.x", {2, 4}, 2, (float[8]){0}}};
    f.additions = additions;
    f.addition_count = 1;
    CHECK(cw_voice_file_write(&f, path, &err) == 0);
    if (CHECKF(cw_voice_file_read(&back, path, &err) == 0, "%s", err.text)) {
        CHECK(back.addition_count == 1 && back.additions[0].dims[0] == 3 && back.additions[0].data[2] == 3);
        cw_voice_file_free(&back);
    }
    CHECK_REFUSED(cw_voice_open(&v, dir, "ann", &err), &err, "stock voices alone", "1 additions");
    f.addition_count = 2;
    CHECK(cw_voice_file_write(&f, path, &err) == 0);
    CHECK_REFUSED(cw_voice_file_read(&back, path, &err), &err, "lora.a.x", "found none");
    additions[0] = (struct cw_voice_addition){"lora.a.x", {3, 1, 1}, 3, (float[]){1, 2, 3}};
    CHECK(cw_voice_file_write(&f, path, &err) == 0);
    CHECK_REFUSED(cw_voice_file_read(&back, path, &err), &err, "expected the rank", "found 3 and 2");
    additions[0] = (struct cw_voice_addition){"weights", {3}, 1, (float[]){1, 2, 3}};
    f.addition_count = 1;
    CHECK(cw_voice_file_write(&f, path, &err) == 0);
    CHECK_REFUSED(cw_voice_file_read(&back, path, &err), &err, "\"weights\"", "found this one");
    f.additions = NULL;
    f.addition_count = 0;
    snprintf(f.made, sizeof f.made, "likeness"); /* of whom, and who agreed? */
    CHECK(cw_voice_file_write(&f, path, &err) == 0);
    CHECK_REFUSED(cw_voice_open(&v, dir, "ann", &err), &err, "consent record", "likeness", "found none");
    snprintf(f.made, sizeof f.made, "mix");
    char record[] = "{}", *records[] = {record};
    f.consents = records;
    f.consent_count = 1;
    CHECK(cw_voice_file_write(&f, path, &err) == 0);
    CHECK_REFUSED(cw_voice_open(&v, dir, "ann", &err), &err, "consent record", "castwright_consent");
    f.consents = NULL;
    f.consent_count = 0;
    static const struct {
        const char *from, *to, *says;
    } spoilt[] = {
        {"castwright-voice", "castwright-vOice", "castwright-voice"},
        {"kokoro", "kokorO", "expected a voice for \"kokoro\""},
        {"0123456789abcdef0123", "0123456789abcdeF0123", "sha256"},
        {"voice.made", "voice.mAde", "voice.made"},
        {"en-us", "xx-us", "the code of a language"},
        {"style", "sTyle", "\"style\""},
        {"voice.version", "voice.versioN", "voice.version"},
    };
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        char *copy = malloc(len);
        char *at = memmem(memcpy(copy, whole, len), len, spoilt[i].from, strlen(spoilt[i].from));
        if (CHECK(at != NULL)) {
            memcpy(at, spoilt[i].to, strlen(spoilt[i].to));
            CHECK(cw_file_write(path, copy, len, &err) == 0);
            CHECK_REFUSED(cw_voice_open(&v, dir, "ann", &err), &err, spoilt[i].says);
        }
        free(copy);
    }
    CHECK(cw_file_write(path, whole, len, &err) == 0);
    CHECKF(cw_voice_open(&v, dir, "ann", &err) == 0, "%s", err.text);
    cw_voice_close(&v);
    cw_voice_file_free(&f);
    free(whole);
    setenv("CASTWRIGHT_VOICES", "/nowhere/voices", 1);
}

/* Points on a plane come back with their distances; a picture names them all. */
static void test_map(void) {
    enum { N = 9 };
    double at[2 * N], d[N * N], got[2 * N], worst = 0;
    float noise[2 * N];
    struct cw_error err = {0};
    cw_gauss(cw_test_seed(), 77, 0, 2 * N, noise);
    for (int i = 0; i < 2 * N; i++) {
        at[i] = (double)noise[i] * (i % 2 ? 0.5 : 2);
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            d[i * N + j] = hypot(at[2 * i] - at[2 * j], at[2 * i + 1] - at[2 * j + 1]);
        }
    }
    CHECK(cw_map_places(d, N, got, &err) == 0);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            worst = fmax(worst, fabs(d[i * N + j] - hypot(got[2 * i] - got[2 * j], got[2 * i + 1] - got[2 * j + 1])));
        }
    }
    CHECKF(worst < 1e-6, "distances off by %g", worst);
    struct cw_map_point points[3] = {{"a<b", "x"}, {"tom", "y"}, {"ann", "x"}};
    double cosines[9] = {1, 0.9, 0.5, 0.9, 1, 0.4, 0.5, 0.4, 1};
    struct cw_text svg = {0};
    if (CHECK(cw_map_draw(points, cosines, 3, 0.8, &svg, &err) == 0)) {
        CHECK(strstr(svg.data, "a&#60;b") && strstr(svg.data, ">tom<") && strstr(svg.data, ">ann<"));
        const char *line = strstr(svg.data, "<line ");
        CHECK(line != NULL && strstr(line + 1, "<line ") == NULL); /* one pair is alike */
    }
    cw_text_free(&svg);
    /* one voice alone, and voices all alike */
    CHECK(cw_map_places((double[1]){0}, 1, got, &err) == 0 && got[0] == 0);
    CHECK(cw_map_places((double[9]){0}, 3, got, &err) == 0 && isfinite(got[3]));
}

static void test_list(void) {
    const char *dir = make_packs();
    struct cw_error err = {0};
    struct cw_voice_info *list = NULL;
    size_t count = 0;
    char empty[CW_PATH_MAX];
    write_pack(dir, "READ me.bin", 6, 4, 4, 0);
    write_pack(dir, ".bin", 6, 4, 4, 0);
    if (CHECKF(cw_voices_list(dir, &list, &count, &err) == 0, "%s", err.text) && CHECKF(count == 5, "%zu voices", count)) {
        CHECK_STR(list[0].name, "af_heart");
        CHECK_STR(list[0].language_name, "American English");
        CHECK_STR(list[0].gender, "female");
        CHECK(list[0].has_front_end);
        CHECK_STR(list[2].language, "en-gb");
        CHECK_STR(list[2].gender, "male");
        CHECK(list[2].has_front_end);
        CHECK_STR(list[3].name, "jf_alpha");
        CHECK_STR(list[3].language, "ja");
        CHECK(!list[3].has_front_end);
        CHECK_STR(list[4].gender, "unknown");
    }
    free(list);
    CHECK(snprintf(empty, sizeof empty, "%s/empty", dir) < (int)sizeof empty && cw_dir_make(empty, &err) == 0);
    CHECK_REFUSED(cw_voices_list(empty, &list, &count, &err), &err, "found none");
    CHECK(err.code == CW_NO_MODEL);
}

static void test_installed(void) {
    struct cw_error err = {0};
    char models[CW_PATH_MAX], dir[CW_PATH_MAX];
    struct cw_voice_info *list = NULL;
    size_t count = 0, languages = 0;
    if (cw_models_dir(models, &err) != 0 || cw_path_join(dir, models, "voices", &err) != 0 || !cw_file_exists(dir)) {
        cw_test_skip("the voice packs are not installed");
        return;
    }
    if (!CHECKF(cw_voices_list(dir, &list, &count, &err) == 0, "%s", err.text)) {
        return;
    }
    CHECKF(count >= 54, "%zu voices", count);
    for (size_t i = 0; i < count; i++) {
        struct cw_voice v;
        CHECK(strcmp(list[i].gender, "unknown") != 0);
        languages += i == 0 || strcmp(list[i].language, list[i - 1].language) != 0;
        if (CHECKF(cw_voice_open(&v, dir, list[i].name, &err) == 0, "%s", err.text)) {
            double worst = 0;
            for (size_t k = 0; k < NUMBERS; k++) {
                worst = fmax(worst, fabs(v.pack[k]));
            }
            CHECKF(worst > 0.1 && worst < 100, "%s: largest number %g", v.name, worst);
            cw_voice_close(&v);
        }
    }
    CHECKF(languages == 9, "%zu languages", languages);
    free(list);
}

const struct cw_test cw_tests_voices[] = {
    {"voices.single", "a pack is read as it is, by name or by path", test_single},
    {"voices.mix", "a weighted sum is normalised, mixed and named", test_mix},
    {"voices.refused", "bad names, syntax, sizes and numbers are refused by name and column", test_refused},
    {"voices.halves", "timbre and prosody are mixed apart", test_halves},
    {"voices.own", "a mix becomes a voice file that is used by name", test_own},
    {"voices.files_refused", "a voice file that is cut short, altered or strange is refused by name", test_files_refused},
    {"voices.map", "places on the map have the distances they were made from", test_map},
    {"voices.list", "the list is sorted and knows languages", test_list},
    {"voices.installed", "all 54 published packs open", test_installed},
    {0},
};

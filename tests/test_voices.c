/* Voices: expressions, mixes, refusals. Packs are made here; the real ones are looked at when they are installed. */
#include "tests/test.h"
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
    CHECK_REFUSED(cw_voice_open(&v, dir, "a+a+a+a+a+a+a+a+a", &err), &err, "at most 8");
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
    {"voices.list", "the list is sorted and knows languages", test_list},
    {"voices.installed", "all 54 published packs open", test_installed},
    {0},
};

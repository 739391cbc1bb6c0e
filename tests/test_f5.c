/* The F5-TTS graph against pip f5-tts (tests/make_f5_reference.py) with random weights: every stage of a step, and whole samplings. */
#include "models/catalogue.h"
#include "models/gguf.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test_checkpoint.h"
#include "tests/test_program.h"
#include "tests/test_reference.h"
#include "tts/f5.h"

struct making {
    struct cw_device *d;
    struct cw_f5 *m;
    struct cw_f5_session *s;
};

static bool start(struct making *a, const char *path, const char *isa, int threads) {
    struct cw_error err = {0};
    struct cw_device_params p = cw_device_params_default();
    p.isa = isa;
    p.threads = threads;
    *a = (struct making){0};
    return CHECKF(!cw_device_open(&a->d, p, &err) && !cw_f5_open(&a->m, a->d, path, &err) && !cw_f5_session_open(&a->s, a->m, &err), "%s",
                  err.text);
}

static void end(struct making *a) {
    cw_f5_session_close(a->s);
    cw_f5_close(a->m);
    cw_device_close(a->d);
}

/* f5.gguf with the number after `key` changed; the key's value is a 32-bit one. NULL: as it is. */
static const char *changed(const char *key, uint32_t value) {
    static char path[CW_PATH_MAX];
    struct cw_error err = {0};
    char *data = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/changed.gguf", cw_test_dir());
    const char *from = cw_file_exists(path) ? path : cw_test_data("f5.gguf");
    if (CHECKF(!cw_file_read(from, 1 << 20, &data, &size, &err), "%s", err.text)) {
        char *at = memmem(data, size, key, strlen(key));
        if (CHECKF(at != NULL, "%s", key))
            memcpy(at + strlen(key) + 4, &value, sizeof value);
        CHECK(!cw_file_write(path, data, size, &err));
    }
    free(data);
    return path;
}

struct watch {
    const struct cw_reference *r;
    const char *variant, *isa;
    int seen;
};

/* How far stages may be from the published ones: in float32, and where the blocks' products are in fixed point. */
static double tolerance(const char *isa) {
    return strcmp(isa, "avx512vnni") == 0 ? 2e-4 : 1e-5;
}

static double distance(const float *x, int stride, int rows, int cols, const float *want) {
    double off = 0, all = 0;
    for (int t = 0; t < rows; t++) {
        for (int c = 0; c < cols; c++) {
            const double w = (double)want[(size_t)t * (size_t)cols + (size_t)c], d = (double)x[(ptrdiff_t)t * stride + c] - w;
            off += d * d;
            all += w * w;
        }
    }
    return sqrt(off / all);
}

static void look(void *arg, const char *stage, struct cw_mat m) {
    struct watch *w = arg;
    char name[64];
    int count = 0;
    snprintf(name, sizeof name, "%s/%s", w->variant, stage);
    const float *want = cw_reference_floats(w->r, name, &count);
    if (!CHECKF(want && count == m.rows * m.cols, "%s: %d x %d, expected %d numbers", name, m.rows, m.cols, count))
        return;
    const double off = distance(m.data, m.stride, m.rows, m.cols, want);
    CHECKF(off < tolerance(w->isa), "%s on %s: off by %g", name, w->isa, off);
    w->seen++;
}

static struct cw_f5_input input_of(const struct cw_reference *r, int bands) {
    struct cw_f5_input in = cw_f5_input_default();
    int count = 0;
    in.ids = cw_reference_ints(r, "ids", &in.count);
    in.reference = cw_reference_floats(r, "reference", &count);
    in.reference_frames = count / bands;
    in.noise = cw_reference_floats(r, "noise", &count);
    in.frames = count / bands;
    return in;
}

/* The size of F5TTS_v1_Base or of F5TTS_Small, by command (docs/tts.md). */
static void full(const char *folder) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    struct making a;
    char path[CW_PATH_MAX];
    int count = 0;
    const float *mel = NULL;
    snprintf(path, sizeof path, "%s/f5.bin", folder);
    if (!CHECKF(!cw_reference_open(&r, path, &err), "%s", err.text))
        return;
    snprintf(path, sizeof path, "%s/f5.gguf", folder);
    const float *want = cw_reference_floats(r, "v1/7/mel", &count);
    want = want ? want : cw_reference_floats(r, "v0/7/mel", &count);
    if (start(&a, path, NULL, 0)) {
        const struct cw_f5_input in = input_of(r, cw_f5_bands(a.m));
        const double from = cw_seconds(), cpu = cw_cpu_seconds(), products = cw_device_products(a.d);
        if (CHECKF(!cw_f5_run(a.s, &in, 1, &mel, &err), "%s", err.text)) {
            const double spent = cw_seconds() - from, all = cw_cpu_seconds() - cpu, off = distance(mel, count, 1, count, want);
            const double gflop = 2e-9 * (cw_device_products(a.d) - products), made = (in.frames - in.reference_frames) * 256 / 24000.0;
            struct rusage used;
            getrusage(RUSAGE_SELF, &used);
            printf(
                "    %s: off by %.2g (relative L2); %.1f s made in %d steps: %.1f s, %.1f CPU seconds; real-time factor %.2f, %.0f GFLOP/s "
                "(%.0f a core); %.2f GB at most\n",
                cw_device_isa(a.d), off, made, in.steps, spent, all, spent / made, gflop / spent, gflop / all,
                (double)used.ru_maxrss * 1024 / 1e9);
            CHECKF(off < 3 * tolerance(cw_device_isa(a.d)), "off by %g", off);
        }
    }
    end(&a);
    cw_reference_close(r);
}

static void parity(void) {
    static const char *const variants[] = {"v1", "v0"};
    static const int steps[] = {7, 4, 1, 5, 6, 10, 12, 16};
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    if (!CHECKF(!cw_reference_open(&r, "f5.bin", &err), "%s", err.text))
        return;
    for (int v = 0; v < 2; v++) {
        const char *path = cw_test_data("f5.gguf");
        if (v == 1) {
            changed("f5.mask_text", 0);
            path = changed("f5.rope_heads", 1);
        }
        char file[CW_PATH_MAX];
        snprintf(file, sizeof file, "%s", path);
        for (const char *const *isa = cw_device_isas(); *isa; isa++) {
            struct making a;
            if (start(&a, file, *isa, 2)) {
                struct watch w = {r, variants[v], *isa, 0};
                struct cw_f5_input in = input_of(r, cw_f5_bands(a.m));
                cw_f5_session_tap(a.s, look, &w);
                for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
                    char name[32];
                    const float *mel = NULL;
                    int count = 0;
                    in.steps = steps[i];
                    snprintf(name, sizeof name, "%s/%d/mel", variants[v], steps[i]);
                    const float *want = cw_reference_floats(r, name, &count);
                    if (!CHECKF(want && !cw_f5_run(a.s, &in, 1, &mel, &err), "%s", err.text))
                        break;
                    const double off = distance(mel, count, 1, count, want);
                    CHECKF(count == in.frames * cw_f5_bands(a.m) && off < tolerance(*isa), "%s on %s: off by %g", name, *isa, off);
                    cw_f5_session_tap(a.s, NULL, NULL);
                }
                CHECKF(w.seen == 5, "%d stages", w.seen);
            }
            end(&a);
        }
    }
    cw_reference_close(r);
    if (getenv("CASTWRIGHT_F5_REFERENCE"))
        full(getenv("CASTWRIGHT_F5_REFERENCE"));
}

/* Threads change no byte, another seed does; what is given stands at the front. */
static void same_bytes(void) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    float *kept = NULL;
    if (!CHECKF(!cw_reference_open(&r, "f5.bin", &err), "%s", err.text))
        return;
    for (int threads = 1; threads <= 3; threads += 2) {
        struct making a;
        const float *mel = NULL;
        if (start(&a, cw_test_data("f5.gguf"), NULL, threads)) {
            struct cw_f5_input in = input_of(r, cw_f5_bands(a.m));
            const size_t n = (size_t)in.frames * (size_t)cw_f5_bands(a.m), given = (size_t)in.reference_frames * (size_t)cw_f5_bands(a.m);
            in.noise = NULL;
            in.steps = 3;
            if (CHECKF(!cw_f5_run(a.s, &in, 1, &mel, &err), "%s", err.text)) {
                CHECK(!memcmp(mel, in.reference, sizeof *mel * given));
                if (!kept) {
                    kept = malloc(sizeof *kept * n);
                    if (kept)
                        memcpy(kept, mel, sizeof *kept * n);
                }
                CHECKF(kept && !memcmp(kept, mel, sizeof *kept * n), "%d threads: other bytes", threads);
                in.seed = 2;
                CHECK(!cw_f5_run(a.s, &in, 1, &mel, &err) && kept && memcmp(kept + given, mel + given, sizeof *mel * (n - given)));
                in.seed = 1;
                in.guidance = 0; /* one half alone */
                CHECK(!cw_f5_run(a.s, &in, 1, &mel, &err) && kept && memcmp(kept + given, mel + given, sizeof *mel * (n - given)));
            }
        }
        end(&a);
    }
    free(kept);
    cw_reference_close(r);
}

/* Sequences of other lengths, texts and seeds than one another: each comes out as it does alone, whatever stands beside it. */
static void together(void) {
    enum { COUNT = 3 };
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    if (!CHECKF(!cw_reference_open(&r, "f5.bin", &err), "%s", err.text))
        return;
    for (const char *const *isa = cw_device_isas(); *isa; isa++)
        for (int kind = 0; kind < 3; kind++) { /* as it is; by three threads; without guidance */
            struct making a;
            const float *mel[COUNT], *one = NULL;
            float *alone[COUNT] = {NULL};
            if (start(&a, cw_test_data("f5.gguf"), *isa, kind == 1 ? 3 : 1)) {
                const size_t bands = (size_t)cw_f5_bands(a.m);
                struct cw_f5_input in[COUNT];
                for (int i = 0; i < COUNT; i++) {
                    in[i] = input_of(r, (int)bands);
                    in[i].noise = NULL;
                    in[i].steps = 3;
                    in[i].guidance = kind == 2 ? 0 : 2;
                    in[i].seed = (uint64_t)i + 1;
                    in[i].frames += 131 * ((i + 1) % COUNT);
                    in[i].reference_frames -= 2 * i;
                    in[i].count -= i;
                    alone[i] = malloc(sizeof *alone[i] * (size_t)in[i].frames * bands);
                    if (CHECKF(alone[i] && !cw_f5_run(a.s, &in[i], 1, &one, &err), "%s", err.text))
                        memcpy(alone[i], one, sizeof *one * (size_t)in[i].frames * bands);
                }
                for (int turn = 0; turn < 2; turn++) { /* all of them, then without the first */
                    if (!CHECKF(!cw_f5_run(a.s, in + turn, COUNT - turn, mel, &err), "%s", err.text))
                        continue;
                    for (int i = turn; i < COUNT; i++)
                        CHECKF(alone[i] && !memcmp(alone[i], mel[i - turn], sizeof *one * (size_t)in[i].frames * bands),
                               "%s, kind %d: sequence %d of %d is not as it is alone", *isa, kind, i + 1 - turn, COUNT - turn);
                }
            }
            for (int i = 0; i < COUNT; i++)
                free(alone[i]);
            end(&a);
        }
    cw_reference_close(r);
}

static void refuse_together(const struct making *a, struct cw_f5_input good) {
    struct cw_error err = {0};
    struct cw_f5_input several[CW_F5_TOGETHER + 1];
    const float *mels[CW_F5_TOGETHER + 1];
    for (int i = 0; i <= CW_F5_TOGETHER; i++) {
        several[i] = good;
        several[i].noise = NULL;
    }
    CHECK_REFUSED(cw_f5_run(a->s, several, 0, mels, &err), &err, "1 to 4 sequences", "found 0");
    CHECK_REFUSED(cw_f5_run(a->s, several, CW_F5_TOGETHER + 1, mels, &err), &err, "1 to 4 sequences", "found 5");
    several[1].steps = 5;
    CHECK_REFUSED(cw_f5_run(a->s, several, 2, mels, &err), &err, "sequence 2", "7 steps", "found 5");
    several[1] = several[0];
    several[1].guidance = 1;
    CHECK_REFUSED(cw_f5_run(a->s, several, 2, mels, &err), &err, "guidance 2", "found 7, 1");
    several[1] = several[0];
    several[0].frames = several[1].frames = 2049;
    CHECK_REFUSED(cw_f5_run(a->s, several, 2, mels, &err), &err, "4096 frames", "4098 in the first 2");
    several[1].ids = NULL;
    CHECK_REFUSED(cw_f5_run(a->s, several, 2, mels, &err), &err, "expected a reference and a text");
}

static void refusals(void) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    struct making a;
    const float *mel = NULL;
    if (!CHECKF(!cw_reference_open(&r, "f5.bin", &err), "%s", err.text))
        return;
    if (start(&a, cw_test_data("f5.gguf"), NULL, 1)) {
        const struct cw_f5_input good = input_of(r, cw_f5_bands(a.m));
        struct cw_f5_input in = good;
        in.frames = 37;
        CHECK_REFUSED(cw_f5_run(a.s, &in, 1, &mel, &err), &err, "expected 38 to 4096", "found 37");
        in.frames = 5000;
        CHECK_REFUSED(cw_f5_run(a.s, &in, 1, &mel, &err), &err, "4096", "5000");
        in = good;
        in.steps = 0;
        CHECK_REFUSED(cw_f5_run(a.s, &in, 1, &mel, &err), &err, "steps", "found 0");
        in = good;
        in.guidance = NAN;
        CHECK_REFUSED(cw_f5_run(a.s, &in, 1, &mel, &err), &err, "guidance", "nan");
        in = good;
        const int ids[2] = {3, 40};
        in.ids = ids;
        in.count = 2;
        CHECK_REFUSED(cw_f5_run(a.s, &in, 1, &mel, &err), &err, "symbol 1", "39", "40");
        in = good;
        in.count = 0;
        CHECK_REFUSED(cw_f5_run(a.s, &in, 1, &mel, &err), &err, "0 symbols");
        in = good;
        const float bad[20] = {0, 0, NAN};
        in.reference = bad;
        in.reference_frames = 2;
        CHECK_REFUSED(cw_f5_run(a.s, &in, 1, &mel, &err), &err, "reference[2]", "nan");
        refuse_together(&a, good);
    }
    if (a.d) {
        struct cw_f5 *m = NULL;
        CHECK_REFUSED(cw_f5_open(&m, a.d, cw_test_data("vocos.gguf"), &err), &err, "vocos.gguf", "f5", "vocos");
        CHECK_REFUSED(cw_f5_open(&m, a.d, changed("f5.depth", 3), &err), &err, "transformer_blocks.2.attn_norm.linear.weight");
        changed("f5.depth", 2);
        CHECK_REFUSED(cw_f5_open(&m, a.d, changed("f5.heads", 5), &err), &err, "heads", "5");
        changed("f5.heads", 2);
        CHECK_REFUSED(cw_f5_open(&m, a.d, changed("f5.bands", 11), &err), &err, "input_embed.proj.weight", "[32, 38]");
        CHECK(m == NULL);
    }
    end(&a);
    cw_reference_close(r);
}

static void symbols(void) {
    struct cw_error err = {0};
    struct making a;
    int ids[8], count = 0;
    if (start(&a, cw_test_data("f5.gguf"), NULL, 1)) { /* a to z, then Chinese signs from the 26th on */
        CHECK(!cw_f5_ids(a.m, "cab\u4e1az", ids, 8, &count, &err) && count == 5);
        CHECK(ids[0] == 2 && ids[1] == 0 && ids[2] == 1 && ids[3] == 26 && ids[4] == 25);
        CHECK_REFUSED(cw_f5_ids(a.m, "ab\u00e9", ids, 8, &count, &err), &err, "\u00e9", "U+00E9");
        CHECK_REFUSED(cw_f5_ids(a.m, "ab\xff", ids, 8, &count, &err), &err, "UTF-8", "after 2");
        CHECK_REFUSED(cw_f5_ids(a.m, "abcabcabc", ids, 8, &count, &err), &err, "at most 8");
    }
    end(&a);
}

/* heads of 16 columns have eight angles */
static const char turns[] = "\"ema_model.transformer.rotary_embed.inv_freq\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]}";
static const float angles[8];

/* FOLDER/model.safetensors, with a fault; "told": `victim` is the header's __metadata__. */
static bool make_checkpoint(const char *in, const char *fault, const char *victim) {
    static const char still[] = "\"ema_model.transformer.rotary_embed.inv_freq\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
    const bool turning = strcmp(fault, "still") != 0, told = strcmp(fault, "told") == 0;
    char head[512];
    snprintf(head, sizeof head, "%s%s%s", turning ? turns : still, told ? ",\"__metadata__\":" : "", told ? victim : "");
    const struct test_checkpoint c = {
        "f5.gguf", "ema_model.transformer.",        turning && !told ? fault : "none", told ? "" : victim, head,
        angles,    turning ? (int)sizeof angles : 0};
    return test_checkpoint_write(&c, in);
}

/* The 40 symbols of f5.gguf, or the first of them. */
static bool make_vocabulary(const char *path, uint32_t count) {
    struct cw_text t = {0};
    struct cw_error err = {0};
    for (uint32_t i = 0; i < count; i++) {
        cw_text_add_code(&t, i < 26 ? 'a' + i : 0x4e00 + i);
        cw_text_add_char(&t, '\n');
    }
    bool made = CHECKF(!cw_file_write(path, t.data, t.len, &err), "%s", err.text);
    cw_text_free(&t);
    return made;
}

static const char *python(void) {
    const char *chosen = getenv("CASTWRIGHT_PYTHON");
    return chosen ? chosen : CW_CONVERT_PYTHON;
}

static bool can_convert(void) {
    char command[2 * CW_PATH_MAX];
    snprintf(command, sizeof command, "'%s' -c 'import onnx' 2>/dev/null", python());
    if (system(command) == 0)
        return true;
    cw_test_skip("no Python for the converters");
    return false;
}

/* The file's tensors, its end, are those of f5.gguf. */
static void check_tensors(const char *path) {
    enum { BYTES = 198784 };
    struct cw_error err = {0};
    char *made = NULL, *want = NULL;
    size_t made_len = 0, want_len = 0;
    if (CHECK(!cw_file_read(path, 1 << 20, &made, &made_len, &err) &&
              !cw_file_read(cw_test_data("f5.gguf"), 1 << 20, &want, &want_len, &err)))
        CHECKF(made_len > BYTES && memcmp(made + made_len - BYTES, want + want_len - BYTES, BYTES) == 0, "%s: other tensors", path);
    free(made);
    free(want);
}

/* The GGUF's string, or "" where it has none; static. */
static const char *string_of(const char *path, const char *key) {
    static char text[1 << 17];
    struct cw_error err = {0};
    struct cw_gguf *g = NULL;
    const char *s = "";
    size_t len = 0;
    if (CHECKF(!cw_gguf_open(&g, path, &err), "%s", err.text) && cw_gguf_string(g, key, &s, &len, &err) != 0)
        len = 0;
    snprintf(text, sizeof text, "%.*s", (int)len, s);
    cw_gguf_close(g);
    return text;
}

/* The header of a safetensors file may say whose licence it has; a file LICENSE beside it does not matter then. */
static void check_told(const char *in, const char *out) {
    static const struct {
        const char *metadata, *pieces[2]; /* the licence and what is said of it; or what is refused */
        bool refused;
    } cases[] = {
        {"{\"format\":\"pt\",\"license\":\"apache-2.0\"}", {"apache-2.0", "So says the checkpoint of itself. Speak only"}, false},
        {"{\"licence\":\"Do as you like.\",\"license\":\" \"}", {"as its text says", "The checkpoint says: \"Do as you like.\""}, false},
        {"{\"licence\":\"MIT\",\"license\":\"MIT\"}", {"MIT", "So says the checkpoint"}, false},
        {"{\"format\":\"pt\"}", {"as its text says", "LICENSE beside the checkpoint says: \"Ask first.\""}, false},
        {"{\"licence\":\"MIT\",\"license\":\"GPL-3.0\"}", {"__metadata__: expected one licence", "found another"}, true},
        {"{\"license\":3}", {"__metadata__ 'license': expected a licence's text", "found int"}, true},
        {"{\"licence\":[\"MIT\"]}", {"__metadata__ 'licence': expected a licence's text", "found list"}, true},
        {"{\"license\":\"\\ud800\"}", {"__metadata__ 'license': expected a licence in UTF-8", "after 0"}, true},
        {"{\"license\":\"\\u001b[2J\"}", {"__metadata__ 'license'", "found the control character U+001B"}, true},
        {"[\"license\"]", {"__metadata__: expected names with texts", "found list"}, true}};
    char beside[CW_PATH_MAX];
    struct cw_error err = {0};
    snprintf(beside, sizeof beside, "%s/F5TTS_v1_Base/LICENSE", cw_test_dir());
    if (!CHECK(!cw_file_write(beside, "Ask first.", 10, &err)))
        return;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        remove(out);
        if (!make_checkpoint(in, "told", cases[i].metadata))
            break;
        if (cases[i].refused) {
            CHECK_REFUSED(cw_model_convert(in, out, &err), &err, "model.safetensors: ", cases[i].pieces[0], cases[i].pieces[1]);
            CHECK(err.code == CW_BAD_INPUT && !cw_file_exists(out));
        } else if (CHECKF(!cw_model_convert(in, out, &err), "%s", err.text)) {
            CHECK_STR(string_of(out, "general.license"), cases[i].pieces[0]);
            CHECKF(strstr(string_of(out, "castwright.licence"), cases[i].pieces[1]), "%s", string_of(out, "castwright.licence"));
            check_tensors(out);
        }
    }
    remove(beside);
}

static void converter(void) {
    char folder[CW_PATH_MAX], in[CW_PATH_MAX], out[CW_PATH_MAX], names[CW_PATH_MAX], archive[CW_PATH_MAX], command[5 * CW_PATH_MAX];
    struct cw_error err = {0};
    if (!can_convert())
        return;
    snprintf(folder, sizeof folder, "%s/F5TTS_v1_Base", cw_test_dir());
    snprintf(in, sizeof in, "%s/model.safetensors", folder);
    snprintf(names, sizeof names, "%s/vocab.txt", folder);
    snprintf(out, sizeof out, "%s/f5.gguf", cw_test_dir());
    if (!CHECK(!cw_dir_make(folder, &err)) || !make_checkpoint(in, "none", ""))
        return;
    CHECK_REFUSED(cw_model_convert(in, out, &err), &err, "vocab.txt", "No such file");
    if (!make_vocabulary(names, 39))
        return;
    CHECK_REFUSED(cw_model_convert(in, out, &err), &err, "expected 40 different symbols", "found 39");
    if (!make_vocabulary(names, 40) || !CHECKF(!cw_model_convert(in, out, &err), "%s", err.text))
        return;
    check_tensors(out);
    /* what is shared while a model is still trained: a PyTorch archive with the averaged weights beside others of the same names */
    snprintf(archive, sizeof archive, "%s/model_1250000.pt", folder);
    snprintf(command, sizeof command, "'%s' '%s' '%s' whole '%s'", python(), cw_test_data("../make_hostile_checkpoint.py"), archive, in);
    if (CHECKF(system(command) == 0, "%s", command) && CHECK(remove(out) == 0) &&
        CHECKF(!cw_model_convert(archive, out, &err), "%s", err.text))
        check_tensors(out);
    check_told(in, out);
}

/* Files of MODELS whose names do not begin with a dot. */
static int files_in(const char *models) {
    char command[CW_PATH_MAX + 64];
    snprintf(command, sizeof command, "exit $(ls '%s' | wc -l)", models);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define APACHE "                                 Apache License\n                           Version 2.0, January 2004\n"
enum { LICENCE_MAX = 65536, SHOWN_MAX = 400 }; /* what is longer than that is not shown by episode/studio.c */

/* Whose licence an imported checkpoint has: as it is said, else as the file beside it says; printed, and kept. */
static void licences(const char *in) {
    static const struct {
        const char *id, *text, *beside; /* --licence; what the file of --licence-file has, and LICENSE.txt beside the checkpoint; or NULL */
        const char *licence, *terms, *whole;
    } cases[] = {
        {"Apache-2.0", NULL, NULL, "Apache-2.0", "So said whoever imported it; its publisher's text is not in this file.", ""},
        {NULL, "Do as you like.\n", NULL, "as its text says", "that it was imported with says: \"Do as you like.\".", "Do as you like.\n"},
        {"Apache-2.0", APACHE APACHE APACHE APACHE APACHE APACHE, APACHE, "Apache-2.0",
         "imported with begins: \"Apache License Version 2.0, January 2004 Apache", APACHE APACHE APACHE APACHE APACHE APACHE},
        {"MIT", NULL, APACHE, "MIT", "So said", ""},
        {NULL, NULL, "\xef\xbb\xbfSay \"please\".\f\r\n\xe2\x80\xaeor not", "as its text says",
         "LICENSE.txt beside the checkpoint says: \"Say 'please'. or not\".", "Say \"please\".\f\r\n\xe2\x80\xaeor not"},
    };
    static const struct {
        const char *id, *file, *text, *pieces[2]; /* text: of the file, else as it is */
    } refused[] = {
        {"not an ID", NULL, NULL, {"--licence: expected an identifier as SPDX has them (Apache-2.0)", "found 'not an ID'"}},
        {"\x1b[2J", NULL, NULL, {"--licence: expected an identifier", "found '\\x1b[2J'"}},
        {"", NULL, NULL, {"--licence: expected an identifier", "found ''"}},
        {"L123456789012345678901234567890123456789012345678901234567890123",
         NULL,
         NULL,
         {"--licence: expected an identifier", "at most 63"}},
        {"MIT", "none.txt", NULL, {"none.txt: expected a licence's text", "No such file"}},
        {NULL, ".", NULL, {"expected a licence's text", "Is a directory"}},
        {NULL, "pipe", NULL, {"pipe: expected a licence's text", "found no ordinary file"}},
        {"MIT", "/dev/zero", NULL, {"/dev/zero: expected a licence's text", "found no ordinary file"}},
        {NULL, "empty.txt", " \n", {"empty.txt: expected a licence's text", "found nothing"}},
        {NULL, "latin.txt", "Copyright \xa9 2024", {"latin.txt: expected a licence in UTF-8", "found other bytes after 10"}},
        {NULL, "escape.txt", "MIT\x1b]0;owned\x07", {"escape.txt: expected a licence's text", "control character U+001B"}},
        {NULL, "long.txt", "long", {"long.txt: expected a licence of at most 65536 bytes", "found more"}},
    };
    char folder[CW_PATH_MAX], text[CW_PATH_MAX], beside[CW_PATH_MAX], made[CW_PATH_MAX], said[8192];
    static char full[LICENCE_MAX + 1];
    struct cw_error err = {0};
    snprintf(folder, sizeof folder, "%s/papers", cw_test_dir());
    snprintf(made, sizeof made, "%s/models/f5.gguf", cw_test_dir());
    snprintf(beside, sizeof beside, "%s/some_f5/LICENSE.txt", cw_test_dir());
    snprintf(text, sizeof text, "%s/pipe", folder);
    memset(full, 'x', sizeof full);
    if (!CHECK(!cw_dir_make(folder, &err) && mkfifo(text, 0600) == 0))
        return;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *args[12] = {"models", "import", in, "--variant", "v1", "--replace"};
        int n = 6;
        remove(beside);
        if ((cases[i].beside && !CHECK(!cw_file_write(beside, cases[i].beside, strlen(cases[i].beside), &err))))
            return;
        if (cases[i].id) {
            args[n++] = "--licence";
            args[n++] = cases[i].id;
        }
        if (cases[i].text) { /* by a path from where the program runs */
            snprintf(text, sizeof text, "%s/given.txt", folder);
            if (!CHECK(!cw_file_write(text, cases[i].text, strlen(cases[i].text), &err)))
                return;
            args[n++] = "--licence-file";
            args[n++] = "papers/given.txt";
        }
        if (!CHECKF(test_program_run(args, said, sizeof said) == 0, "%s", said))
            continue;
        char line[128];
        snprintf(line, sizeof line, "F5-TTS v1, licence: %s\n", cases[i].licence);
        CHECKF(strstr(said, line) && strstr(said, cases[i].terms) && strstr(said, "Speak only in voices whose owners agreed.") &&
                   !strstr(said, "BY-NC"),
               "%s", said);
        CHECK_STR(string_of(made, "general.license"), cases[i].licence);
        CHECK_STR(string_of(made, "castwright.licence.text"), cases[i].whole);
        CHECKF(strlen(string_of(made, "castwright.licence")) <= SHOWN_MAX, "%s", string_of(made, "castwright.licence"));
    }
    /* a file beside it that is no text is refused too, and can be gone round */
    CHECK(!cw_file_write(beside, full, sizeof full, &err));
    CHECKF(test_program_run((const char *const[]){"models", "import", in, "--variant", "v1", "--replace", NULL}, said, sizeof said) == 2 &&
               strstr(said, "model.safetensors: LICENSE.txt beside it: expected a licence of at most 65536 bytes, found more"),
           "%s", said);
    remove(made);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *args[12] = {"models", "import", in, "--variant", "v1"};
        int n = 5;
        if (refused[i].id) {
            args[n++] = "--licence";
            args[n++] = refused[i].id;
        }
        if (refused[i].file) {
            const bool is_long = refused[i].text && strcmp(refused[i].text, "long") == 0;
            snprintf(text, sizeof text, refused[i].file[0] == '/' ? "%.0s%s" : "%s/%s", folder, refused[i].file);
            if (refused[i].text &&
                !CHECK(!cw_file_write(text, is_long ? full : refused[i].text, is_long ? sizeof full : strlen(refused[i].text), &err)))
                return;
            args[n++] = "--licence-file";
            args[n++] = text;
        }
        CHECKF(test_program_run(args, said, sizeof said) == 2 && strstr(said, refused[i].pieces[0]) && strstr(said, refused[i].pieces[1]) &&
                   strstr(said, "model.safetensors: ") && !strstr(said, "Traceback") && !strchr(said, 27) && !cw_file_exists(made),
               "%s", said);
    }
    /* the longest */
    snprintf(text, sizeof text, "%s/long.txt", folder);
    CHECK(!cw_file_write(text, full, LICENCE_MAX, &err));
    CHECKF(test_program_run((const char *const[]){"models", "import", in, "--variant", "v1", "--licence-file", text, NULL}, said,
                            sizeof said) == 0,
           "%s", said);
    CHECK(strlen(string_of(made, "castwright.licence.text")) == LICENCE_MAX);
    CHECK(strlen(string_of(made, "castwright.licence")) <= SHOWN_MAX);
}

/* castwright models import, as a user has it: checkpoints with faults leave no file, a whole one stands in the list. */
static void import(void) {
    static const struct {
        const char *fault, *victim, *pieces[3];
    } cases[] = {{"missing", "transformer_blocks.1.attn.to_k.bias", {"transformer_blocks.1.attn.to_k.bias", "expected", "found none"}},
                 {"shape", "proj_out.bias", {"proj_out.bias", "expected shape [10]", "found [9]"}},
                 {"nan", "text_embed.text_blocks.1.grn.gamma", {"text_embed.text_blocks.1.grn.gamma", "expected finite", "NaN"}},
                 {"other", "", {"quantizer.codebook", "only F5-TTS's", "found"}},
                 {"still", "", {"model.safetensors", "heads of 0", "found 32"}},
                 {"cut", "", {"tensor", "as many bytes", "found"}}};
    char models[CW_PATH_MAX], folder[CW_PATH_MAX], in[CW_PATH_MAX], names[CW_PATH_MAX], link[CW_PATH_MAX], said[8192];
    struct cw_error err = {0};
    if (!can_convert())
        return;
    const char *before = getenv("CASTWRIGHT_MODELS");
    char *kept = before ? cw_strdup(before) : NULL;
    snprintf(models, sizeof models, "%s/models", cw_test_dir());
    snprintf(folder, sizeof folder, "%s/some_f5", cw_test_dir());
    snprintf(in, sizeof in, "%s/model.safetensors", folder);
    snprintf(names, sizeof names, "%s/vocab.txt", folder);
    if (!CHECK(!cw_dir_make(models, &err) && !cw_dir_make(folder, &err)) || !make_vocabulary(names, 40))
        goto done;
    setenv("CASTWRIGHT_MODELS", models, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!make_checkpoint(in, cases[i].fault, cases[i].victim))
            goto done;
        CHECKF(test_program_run((const char *const[]){"models", "import", in, "--variant", "v1", NULL}, said, sizeof said) == 2, "%s",
               said);
        for (int k = 0; k < 3; k++)
            CHECKF(strstr(said, cases[i].pieces[k]), "%s: %s", cases[i].pieces[k], said);
        CHECKF(strstr(said, "import: error:") == NULL && strstr(said, "Traceback") == NULL, "%s", said);
        CHECK(files_in(models) == 0);
    }
    if (!make_checkpoint(in, "none", ""))
        goto done;
    CHECK(test_program_run((const char *const[]){"models", "import", in, NULL}, said, sizeof said) == 2 && strstr(said, "--variant"));
    CHECK(test_program_run((const char *const[]){"models", "import", in, "--variant", "v2", NULL}, said, sizeof said) == 2);
    CHECK(test_program_run((const char *const[]){"models", "import", names, NULL}, said, sizeof said) == 2 && strstr(said, "vocab.txt"));
    CHECK(test_program_run((const char *const[]){"models", "verify", "f5", NULL}, said, sizeof said) == 3 && strstr(said, "models import"));
    CHECK(test_program_run((const char *const[]){"models", "fetch", "f5", NULL}, said, sizeof said) == 3 && strstr(said, "models import"));
    CHECK(files_in(models) == 0);
    /* by a link that lies beside the vocabulary while the file lies elsewhere, as caches have them */
    snprintf(link, sizeof link, "%s/blob", cw_test_dir());
    if (!CHECK(rename(in, link) == 0 && symlink(link, in) == 0))
        goto done;
    CHECKF(test_program_run((const char *const[]){"models", "import", in, "--variant", "v1", NULL}, said, sizeof said) == 0 &&
               strstr(said, "models/f5.gguf") && strstr(said, "F5-TTS v1") && strstr(said, "CC BY-NC 4.0"),
           "%s", said);
    CHECK(test_program_run((const char *const[]){"models", "list", NULL}, said, sizeof said) == 0 &&
          strstr(said, "f5                   present"));
    CHECK(test_program_run((const char *const[]){"models", "verify", "f5", NULL}, said, sizeof said) == 0);
    CHECK(test_program_run((const char *const[]){"models", "import", in, "--variant", "v0", NULL}, said, sizeof said) == 2 &&
          strstr(said, "--replace"));
    CHECKF(test_program_run((const char *const[]){"models", "import", in, "--variant", "v0", "--replace", NULL}, said, sizeof said) == 0 &&
               strstr(said, "F5-TTS v0"),
           "%s", said);
    CHECK(files_in(models) == 1);
    licences(in);
    CHECK(files_in(models) == 1);
done:
    kept ? setenv("CASTWRIGHT_MODELS", kept, 1) : unsetenv("CASTWRIGHT_MODELS");
    free(kept);
}

/* Files made to do harm, or to bring a traceback: a sentence about the file, soon, and nothing left. */
static void hostile(void) {
    static const struct {
        const char *fault, *piece;
    } cases[] = {{"code", "expected tensors, found os.system"},
                 {"deflated", "members are not compressed"},
                 {"stretched", "17592186044416 numbers in a storage of 16"},
                 {"loop", "dictionaries deep"},
                 {"laughs", "100000 entries"},
                 {"memo", "expected a checkpoint of F5-TTS or of Vocos, found 'x'"},
                 {"encrypted", "is encrypted"},
                 {"cut", "expected a PyTorch archive"},
                 {"depth", "expected a safetensors file"},
                 {"shape", "'transformer_blocks.0.x': expected a type, a shape"},
                 {"wide", "'transformer_blocks.0.x': expected a type, a shape"},
                 {"foreign", "expected a checkpoint of F5-TTS or of Vocos, found 'model.embed_tokens.weight'"}};
    char models[CW_PATH_MAX], in[CW_PATH_MAX], command[4 * CW_PATH_MAX], said[8192], *kept = NULL;
    struct cw_error err = {0};
    if (!can_convert())
        return;
    const char *before = getenv("CASTWRIGHT_MODELS");
    kept = before ? cw_strdup(before) : NULL;
    snprintf(models, sizeof models, "%s/models", cw_test_dir());
    snprintf(in, sizeof in, "%s/hostile.pt", cw_test_dir());
    setenv("CASTWRIGHT_MODELS", models, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases && CHECKF(!cw_dir_make(models, &err), "%s", err.text); i++) {
        snprintf(command, sizeof command, "'%s' '%s' '%s' %s", python(), cw_test_data("../make_hostile_checkpoint.py"), in, cases[i].fault);
        if (!CHECKF(system(command) == 0, "%s", command))
            break;
        const double from = cw_seconds();
        CHECKF(test_program_run((const char *const[]){"models", "import", in, NULL}, said, sizeof said) == 2, "%s: %s", cases[i].fault,
               said);
        CHECKF(strstr(said, "hostile.pt: ") && strstr(said, cases[i].piece) && !strstr(said, "Traceback"), "%s: %s", cases[i].fault, said);
        CHECKF(cw_seconds() - from < 60 && files_in(models) == 0, "%s: %.0f s", cases[i].fault, cw_seconds() - from);
    }
    CHECKF(test_program_run((const char *const[]){"models", "import", models, NULL}, said, sizeof said) == 2 && strstr(said, models), "%s",
           said);
    kept ? setenv("CASTWRIGHT_MODELS", kept, 1) : unsetenv("CASTWRIGHT_MODELS");
    free(kept);
}

const struct cw_test cw_tests_f5[] = {
    {"f5.symbols", "a text becomes symbols; what the vocabulary lacks is refused by name", symbols},
    {"f5.converter", "a checkpoint with its vocabulary becomes GGUF, with the licence that it or a file beside it tells", converter},
    {"f5.import",
     "a checkpoint that a user brings stands in the list, with the licence that is said; a faulty one is refused by name and leaves no "
     "file",
     import},
    {"f5.hostile", "a checkpoint made to do harm is refused in a sentence, soon, and leaves no file", hostile},
    {"f5.parity", "v1 and v0 of the graph: every stage of a step and whole samplings equal pip f5-tts, on every instruction set", parity},
    {"f5.same_bytes", "threads change no byte, a seed does; the reference stands at the front", same_bytes},
    {"f5.together", "sequences side by side come out as each does alone", together},
    {"f5.refusals", "inputs and files that do not fit are refused by name", refusals},
    {0},
};

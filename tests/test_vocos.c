/* Vocos against pip vocos (tests/make_vocos_reference.py) with random weights, and the converter of its checkpoints. */
#include "base/mel.h"
#include "models/catalogue.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test_checkpoint.h"
#include "tests/test_reference.h"
#include "tests/test_sounding.h"
#include "vocoder/vocoder.h"

enum { BANDS = 20, SLOW = 10, STEP = 5, HOP = 16, FFT = 64 };

static struct cw_frames frames_of(const float *mel, int count, int bands, int hop) {
    return (struct cw_frames){.kind = "mel-vocos", .count = count, .channels = bands, .data = mel, .sample_rate = 24000, .hop = hop};
}

/* The reference's frames, each ten times: [*count, 20], to be freed. */
static float *slow_mel(const struct cw_reference *r, int *count) {
    int n = 0;
    const float *few = cw_reference_floats(r, "mel", &n);
    float *mel = few ? malloc(sizeof *mel * SLOW * (size_t)n) : NULL;
    *count = n / BANDS * SLOW;
    for (int t = 0; mel && t < *count; t++)
        memcpy(mel + t * BANDS, few + t / SLOW * BANDS, sizeof *mel * BANDS);
    return mel;
}

/* The published size, by command (docs/quality.md). */
static void full(const char *folder) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    char path[CW_PATH_MAX];
    int numbers = 0, count = 0;
    snprintf(path, sizeof path, "%s/vocos.bin", folder);
    if (!CHECKF(!cw_reference_open(&r, path, &err), "%s", err.text))
        return;
    const float *mel = cw_reference_floats(r, "mel", &numbers), *want = cw_reference_floats(r, "audio", &count);
    snprintf(path, sizeof path, "%s/vocos.gguf", folder);
    for (const char *const *isa = cw_device_isas(); *isa && strcmp(*isa, "c") != 0; isa++) {
        struct test_sounding a;
        const float *x = NULL;
        size_t n = 0;
        const struct cw_frames f = frames_of(mel, numbers / 100, 100, 256);
        if (test_sounding_start(&a, path, *isa, 2) && CHECKF(!cw_vocoder_run(a.s, &f, 1, &x, &n, &err), "%s", err.text)) {
            const double off = test_sounding_distance(x, n, 1, want, count), from = cw_seconds(), cpu = cw_cpu_seconds();
            CHECKF(off < 1e-4, "%s: off by %g", *isa, off);
            CHECK(!cw_vocoder_run(a.s, &f, 1, &x, &n, &err));
            printf("    %s: off by %.2g (relative L2), real-time factor %.4f, CPU seconds a second of sound %.4f\n", *isa, off,
                   (cw_seconds() - from) * 24000 / (double)n, (cw_cpu_seconds() - cpu) * 24000 / (double)n);
        }
        test_sounding_end(&a);
    }
    cw_reference_close(r);
}

static void small(void) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    int frames = 0, count = 0;
    float *mel = NULL, *kept = NULL;
    if (!CHECKF(!cw_reference_open(&r, "vocos.bin", &err), "%s", err.text))
        return;
    mel = slow_mel(r, &frames);
    const float *want = cw_reference_floats(r, "audio", &count);
    if (!CHECK(mel && want))
        goto done;
    for (const char *const *isa = cw_device_isas(); *isa; isa++) {
        for (int threads = 1; threads <= 3; threads += 2) {
            struct test_sounding a;
            const float *x = NULL;
            size_t n = 0;
            const struct cw_frames f = frames_of(mel, frames, BANDS, HOP), less = frames_of(mel, 200, BANDS, HOP);
            if (test_sounding_start(&a, cw_test_data("vocos.gguf"), *isa, threads) &&
                CHECKF(!cw_vocoder_run(a.s, &f, 1, &x, &n, &err), "%s", err.text)) {
                const double off = test_sounding_distance(x, n, STEP, want, count);
                CHECKF(off < 1e-4, "%s: off by %g", *isa, off);
                CHECK(n == (size_t)(frames - 1) * HOP);
                if (threads == 1) {
                    free(kept);
                    kept = malloc(sizeof *kept * n);
                    if (kept)
                        memcpy(kept, x, sizeof *kept * n);
                }
                CHECKF(kept && !memcmp(kept, x, sizeof *kept * n), "%s: %d threads: other bytes", *isa, threads);
                CHECK(!cw_vocoder_run(a.s, &less, 1, &x, &n, &err) && n == 199 * HOP);
            }
            test_sounding_end(&a);
        }
    }
done:
    free(kept);
    free(mel);
    cw_reference_close(r);
    if (getenv("CASTWRIGHT_VOCOS_REFERENCE"))
        full(getenv("CASTWRIGHT_VOCOS_REFERENCE"));
}

/* ---- the converter ------------------------------------------------------------------------------------------------------- */

/* vocos.gguf's tensors and the mel filters as a safetensors file, with a fault of the tensor `victim`, or of another scale's filters;
 * "told": `victim` is what the file says of its licence, in JSON. */
static bool make_checkpoint(const char *path, const char *fault, const char *victim) {
    double filters[BANDS * (FFT / 2 + 1)];
    float turned[BANDS * (FFT / 2 + 1)];
    const bool told = strcmp(fault, "told") == 0;
    char entry[512];
    cw_mel_filters(filters, BANDS, FFT, 24000, 12000, strcmp(fault, "filters") == 0);
    for (int k = 0; k <= FFT / 2; k++)
        for (int b = 0; b < BANDS; b++)
            turned[k * BANDS + b] = (float)filters[b * (FFT / 2 + 1) + k];
    snprintf(entry, sizeof entry,
             "\"feature_extractor.mel_spec.mel_scale.fb\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[0,%zu]}%s%s%s",
             FFT / 2 + 1, BANDS, sizeof turned, told ? ",\"__metadata__\":{\"license\":" : "", told ? victim : "", told ? "}" : "");
    const struct test_checkpoint c = {"vocos.gguf", "", told ? "none" : fault, told ? "" : victim, entry, turned, (int)sizeof turned};
    return test_checkpoint_write(&c, path);
}

/* What is said when it speaks. */
static void check_terms(const char *path, const char *licence, const char *terms) {
    struct cw_error err = {0};
    struct cw_device *d = NULL;
    struct cw_vocoder *v = NULL;
    if (CHECKF(!cw_device_open(&d, cw_device_params_default(), &err) && !cw_vocoder_open(&v, d, path, &err), "%s", err.text)) {
        CHECK_STR(cw_vocoder_info(v)->licence, licence);
        CHECK_STR(cw_vocoder_info(v)->terms, terms);
    }
    cw_vocoder_close(v);
    cw_device_close(d);
}

/* Under which licence it was published: as the file says, else as the one beside it says. */
static void check_licences(const char *in, const char *out) {
    char beside[CW_PATH_MAX];
    struct cw_error err = {0};
    snprintf(beside, sizeof beside, "%s/LICENSE.md", cw_test_dir());
    if (make_checkpoint(in, "told", "\"MIT\"") && CHECKF(!cw_model_convert(in, out, &err), "%s", err.text))
        check_terms(out, "MIT", "So says the checkpoint of itself.");
    if (make_checkpoint(in, "told", "{}"))
        CHECK_REFUSED(cw_model_convert(in, out, &err), &err, "v.safetensors: __metadata__ 'license'", "found dict");
    if (make_checkpoint(in, "none", "") && CHECK(!cw_file_write(beside, "# MIT\n\nDo as you like.", 22, &err)) &&
        CHECKF(!cw_model_convert(in, out, &err), "%s", err.text))
        check_terms(out, "as its text says", "LICENSE.md beside the checkpoint says: \"# MIT Do as you like.\".");
    CHECK(!cw_file_write(beside, "\xff\xfe", 2, &err));
    CHECK_REFUSED(cw_model_convert(in, out, &err), &err, "v.safetensors: LICENSE.md beside it: expected a licence in UTF-8", "after 0");
    remove(beside);
    remove(out);
}

static void converter(void) {
    static const struct {
        const char *fault, *victim, *pieces[2];
    } cases[] = {{"missing", "backbone.convnext.1.gamma", {"backbone.convnext.1.gamma", "found none"}},
                 {"nan", "head.out.bias", {"head.out.bias", "NaN"}},
                 {"other", "", {"quantizer.codebook", "only Vocos's"}},
                 {"filters", "", {"mel_scale.fb", "HTK"}},
                 {"shape", "head.out.bias", {"head.out.bias", "found [65]"}},
                 {"outside", "head.out.bias", {"head.out.bias", "as many bytes"}},
                 {"cut", "", {"tensor", "as many bytes"}}};
    char in[CW_PATH_MAX], out[CW_PATH_MAX], command[3 * CW_PATH_MAX];
    const char *python = getenv("CASTWRIGHT_PYTHON");
    struct cw_error err = {0};
    char *made = NULL, *want = NULL;
    size_t made_len = 0, want_len = 0;
    snprintf(in, sizeof in, "%s/v.safetensors", cw_test_dir());
    snprintf(out, sizeof out, "%s/v.gguf", cw_test_dir());
    /* an archive whose pickle would run a command */
    snprintf(command, sizeof command,
             "'%s' -c 'import pickle,zipfile,os\n"
             "class X:\n"
             "  def __reduce__(self): return os.system, (\"echo seized > %s/seized\",)\n"
             "z=zipfile.ZipFile(\"%s/x.pt\",\"w\"); z.writestr(\"x/data.pkl\",pickle.dumps({\"a\":X()},2)); z.close()' 2>/dev/null",
             python ? python : CW_CONVERT_PYTHON, cw_test_dir(), cw_test_dir());
    if (system(command) != 0) {
        cw_test_skip("no Python for the converters");
        return;
    }
    char path[CW_PATH_MAX];
    snprintf(path, sizeof path, "%s/x.pt", cw_test_dir());
    CHECK_REFUSED(cw_model_convert(path, out, &err), &err, "x.pt", "expected tensors", "system");
    snprintf(path, sizeof path, "%s/seized", cw_test_dir());
    CHECK(!cw_file_exists(path));

    /* the committed one was made from a PyTorch archive: both ways give the same numbers */
    if (!make_checkpoint(in, "none", "") || !CHECKF(!cw_model_convert(in, out, &err), "%s", err.text))
        return;
    if (CHECK(!cw_file_read(out, 1 << 20, &made, &made_len, &err) &&
              !cw_file_read(cw_test_data("vocos.gguf"), 1 << 20, &want, &want_len, &err)))
        CHECK(made_len == want_len && memcmp(made + made_len - 66000, want + want_len - 66000, 66000) == 0);
    free(made);
    free(want);
    check_licences(in, out);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!make_checkpoint(in, cases[i].fault, cases[i].victim))
            return;
        CHECK_REFUSED(cw_model_convert(in, out, &err), &err, cases[i].pieces[0], cases[i].pieces[1]);
        CHECK(err.code == CW_BAD_INPUT && !cw_file_exists(out));
    }
}

static void refusals(void) {
    struct cw_error err = {0};
    struct test_sounding a;
    const float *x = NULL;
    size_t n = 0;
    float mel[2 * BANDS] = {0};
    if (test_sounding_start(&a, cw_test_data("vocos.gguf"), NULL, 1)) {
        struct cw_frames f = frames_of(mel, 1, BANDS, HOP);
        CHECK_REFUSED(cw_vocoder_run(a.s, &f, 1, &x, &n, &err), &err, "2 or more", "found 1");
        f = frames_of(mel, 2, BANDS, HOP);
        CHECKF(!cw_vocoder_run(a.s, &f, 1, &x, &n, &err) && n == HOP, "%s", err.text);
        f.kind = "mel-hifigan";
        CHECK_REFUSED(cw_vocoder_run(a.s, &f, 1, &x, &n, &err), &err, "mel-vocos", "mel-hifigan");
        mel[3] = NAN;
        f.kind = "mel-vocos";
        CHECK_REFUSED(cw_vocoder_run(a.s, &f, 1, &x, &n, &err), &err, "data[3]", "nan");
    }
    test_sounding_end(&a);
    /* the file with one name or number changed */
    char *data = NULL, path[CW_PATH_MAX];
    size_t size = 0;
    static const struct {
        const char *from, *to, *pieces[2];
    } cases[] = {{"backbone.convnext.2.gamma", "backbone.convnext.2.gomma", {"backbone.convnext.2.gamma", "changed.gguf"}},
                 {"vocos.layers\4\0\0\0\3", "vocos.layers\4\0\0\0\77", {"vocos.layers", "found 63"}},
                 {"vocos.hop\4\0\0\0\20", "vocos.hop\4\0\0\0\60", {"stft", "hop 48"}},
                 {"vocos.width\4\0\0\0\30", "vocos.width\4\0\0\0\31", {"backbone.embed.weight", "25"}}};
    struct cw_device *d = NULL;
    struct cw_vocoder *v = NULL;
    snprintf(path, sizeof path, "%s/changed.gguf", cw_test_dir());
    if (!CHECK(!cw_device_open(&d, cw_device_params_default(), &err)))
        return;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t name = strlen(cases[i].from), len = strchr(cases[i].from, 4) ? name + 4 : name; /* the number's bytes hold zeros */
        if (!CHECK(!cw_file_read(cw_test_data("vocos.gguf"), 1 << 20, &data, &size, &err)))
            break;
        char *at = memmem(data, size, cases[i].from, len);
        if (CHECKF(at != NULL, "%s", cases[i].from))
            memcpy(at, cases[i].to, len);
        CHECK(!cw_file_write(path, data, size, &err));
        free(data);
        CHECK_REFUSED(cw_vocoder_open(&v, d, path, &err), &err, cases[i].pieces[0], cases[i].pieces[1]);
    }
    CHECK(v == NULL);
    cw_device_close(d);
}

const struct cw_test cw_tests_vocos[] = {
    {"vocos.small", "random weights equal pip vocos, cut into chunks, on every instruction set and for any threads", small},
    {"vocos.converter", "checkpoints become GGUF with the licence they tell; a faulty or hostile one is refused by name", converter},
    {"vocos.refusals", "frames and files that do not fit are refused by name", refusals},
    {0},
};

/* HiFi-GAN against ONNX Runtime (tests/make_hifigan_reference.py): small generators in the shapes of V1 and V3, V2 in full
 * with weights drawn by lot, and the real weights. */
#include "models/catalogue.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test_program.h"
#include "tests/test_reference.h"
#include "tests/test_sounding.h"
#include "vocoder/mel.h"
#include "vocoder/vocoder.h"
#include "voices/recording.h"

enum { BANDS = 80, STEP = 7, REAL_FRAMES = 48 };

static struct cw_frames frames_of(const float *mel, int count) {
    return (struct cw_frames){.kind = "mel-hifigan", .count = count, .channels = BANDS, .data = mel, .sample_rate = 22050, .hop = 256};
}

/* Instruction sets with 16-bit products are further from float32. */
static bool narrow(const char *isa) {
    return strcmp(isa, "avx512vnni") == 0 || strcmp(isa, "avx512bf16") == 0 || strcmp(isa, "amx") == 0;
}

/* The mel frames of mel.bin, each twice: [*count, 80], to be freed. */
static float *slow_mel(int *count) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    float *mel = NULL;
    int n = 0;
    if (CHECKF(!cw_reference_open(&r, "mel.bin", &err), "%s", err.text)) {
        const float *few = cw_reference_floats(r, "hifigan/0/mel", &n);
        *count = n / BANDS * 2;
        mel = malloc(sizeof *mel * 2 * (size_t)n);
        for (int t = 0; mel && t < *count; t++)
            memcpy(mel + t * BANDS, few + t / 2 * BANDS, sizeof *mel * BANDS);
    }
    cw_reference_close(r);
    return mel;
}

/* The generator in `file` says what record `kind`/audio of hifigan.bin holds, on every instruction set. */
static void compare_with(const char *file, int kind) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    char name[32], path[CW_PATH_MAX];
    snprintf(path, sizeof path, "%s", file); /* cw_test_data has one */
    int frames = 0, count = 0;
    float *mel = slow_mel(&frames);
    if (!mel || !CHECKF(!cw_reference_open(&r, "hifigan.bin", &err), "%s", err.text))
        goto done;
    snprintf(name, sizeof name, "%d/audio", kind);
    const float *want = cw_reference_floats(r, name, &count);
    for (const char *const *isa = cw_device_isas(); CHECK(want != NULL) && *isa; isa++) {
        struct test_sounding a;
        const float *x = NULL;
        size_t n = 0;
        const struct cw_frames f = frames_of(mel, frames);
        if (test_sounding_start(&a, path, *isa, 2) && CHECKF(!cw_vocoder_run(a.s, &f, 1, &x, &n, &err), "%s", err.text)) {
            const double off = test_sounding_distance(x, n, STEP, want, count);
            CHECKF(off < (narrow(*isa) ? 2e-2 : 1e-5), "%s on %s: off by %g", name, *isa, off);
        }
        test_sounding_end(&a);
    }
done:
    cw_reference_close(r);
    free(mel);
}

static void small(void) {
    compare_with(cw_test_data("hifigan_1.gguf"), 1);
    compare_with(cw_test_data("hifigan_2.gguf"), 2);
}

static bool real_path(char *path) {
    struct cw_error err = {0};
    if (!cw_model_path("hifigan", path, &err))
        return true;
    cw_test_skip("hifigan is not installed");
    return false;
}

/* Mean distance of the log-mels of two sounds of n samples. */
static double mel_distance(struct cw_device *d, const float *x, const float *y, size_t n) {
    struct cw_error err = {0};
    struct cw_mel *m = NULL;
    float *mel[2] = {NULL, NULL};
    double sum = INFINITY;
    if (!CHECKF(!cw_mel_open(&m, cw_mel_hifigan(), &err), "%s", err.text))
        return INFINITY;
    const int frames = (int)cw_mel_frames(m, n);
    for (int i = 0; i < 2; i++) {
        mel[i] = malloc(sizeof **mel * (size_t)frames * BANDS);
        if (!mel[i] || !CHECK(!cw_mel_run(m, d, i == 0 ? x : y, n, (struct cw_mat){mel[i], frames, BANDS, BANDS}, &err)))
            goto done;
    }
    sum = 0;
    for (int i = 0; i < frames * BANDS; i++)
        sum += fabs((double)mel[0][i] - (double)mel[1][i]);
    sum /= frames * BANDS;
done:
    free(mel[0]);
    free(mel[1]);
    cw_mel_close(m);
    return sum;
}

/* Whole recordings, by command (docs/quality.md). */
static void recordings(const char *path, const char *file) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    char name[32];
    if (!CHECKF(!cw_reference_open(&r, file, &err), "%s", err.text))
        return;
    for (const char *const *isa = cw_device_isas(); *isa && strcmp(*isa, "c") != 0; isa++) {
        struct test_sounding a;
        double worst = 0, worst_mel = 0, worst_own = 0;
        if (test_sounding_start(&a, path, *isa, 2)) {
            for (int i = 0;; i++) {
                const float *x = NULL;
                size_t n = 0;
                int numbers = 0, count = 0;
                snprintf(name, sizeof name, "%d/mel", i);
                const float *mel = cw_reference_floats(r, name, &numbers);
                snprintf(name, sizeof name, "%d/audio", i);
                const float *want = cw_reference_floats(r, name, &count);
                if (!mel || !want)
                    break;
                const struct cw_frames f = frames_of(mel, numbers / BANDS);
                if (!CHECKF(!cw_vocoder_run(a.s, &f, 1, &x, &n, &err) && n == (size_t)count, "%s", err.text))
                    break;
                worst = fmax(worst, test_sounding_distance(x, n, 1, want, count));
                worst_mel = fmax(worst_mel, mel_distance(a.d, x, want, n));
                /* the distance from the recording's own mel, ours beside the reference's */
                struct cw_mel *m = NULL;
                float *got = malloc(sizeof *got * (size_t)numbers);
                double own[2] = {0, 0};
                CHECK(got && !cw_mel_open(&m, cw_mel_hifigan(), &err));
                for (int k = 0; k < 2 && m; k++) {
                    CHECK(!cw_mel_run(m, a.d, k == 0 ? x : want, n, (struct cw_mat){got, numbers / BANDS, BANDS, BANDS}, &err));
                    for (int j = 0; j < numbers; j++)
                        own[k] += fabs((double)got[j] - (double)mel[j]) / numbers;
                }
                worst_own = fmax(worst_own, fabs(own[0] - own[1]));
                cw_mel_close(m);
                free(got);
            }
            printf("    %s: samples off by %.2g (relative L2), log-mel by %.2g, its distance from the recording by %.2g\n", *isa, worst,
                   worst_mel, worst_own);
            CHECKF(worst_own < 1e-3, "%s: log-mel distance from the recording differs by %g", *isa, worst_own);
        }
        test_sounding_end(&a);
    }
    cw_reference_close(r);
}

static void real(void) {
    struct cw_reference *r = NULL;
    struct cw_recording sound = {0};
    struct cw_mel *m = NULL;
    struct cw_error err = {0};
    char path[CW_PATH_MAX];
    int count = 0;
    float *mel = NULL;
    if (!real_path(path))
        return;
    if (!CHECKF(!cw_reference_open(&r, "hifigan.bin", &err) && !cw_recording_read(&sound, cw_test_data("encoder.flac"), &err) &&
                    !cw_mel_open(&m, cw_mel_hifigan(), &err),
                "%s", err.text))
        goto done;
    const float *want = cw_reference_floats(r, "real/audio", &count);
    const int frames = (int)cw_mel_frames(m, sound.count);
    mel = malloc(sizeof *mel * (size_t)frames * BANDS);
    if (!mel || !CHECK(want != NULL))
        goto done;
    for (const char *const *isa = cw_device_isas(); *isa && strcmp(*isa, "c") != 0; isa++) {
        struct test_sounding a;
        const float *x = NULL;
        size_t n = 0;
        const struct cw_frames f = frames_of(mel, REAL_FRAMES);
        if (test_sounding_start(&a, path, *isa, 2) &&
            CHECKF(!cw_mel_run(m, a.d, sound.samples, sound.count, (struct cw_mat){mel, frames, BANDS, BANDS}, &err) &&
                       !cw_vocoder_run(a.s, &f, 1, &x, &n, &err),
                   "%s", err.text) &&
            CHECKF(n == (size_t)count, "%zu samples, expected %d", n, count)) {
            const double off = test_sounding_distance(x, n, 1, want, count), mels = mel_distance(a.d, x, want, n);
            CHECKF(off < (narrow(*isa) ? 2e-2 : 1e-4) && mels < (narrow(*isa) ? 2e-2 : 1e-3), "%s: off by %g, mel by %g", *isa, off, mels);
            const struct cw_vocoder_info *info = cw_vocoder_info(a.v);
            CHECK_STR(info->licence, "agpl-3.0-or-later");
            CHECK(strstr(info->terms, "Affero") != NULL && info->sample_rate == 22050 && info->channels == BANDS && info->hop == 256);
        }
        test_sounding_end(&a);
    }
    const char *more = getenv("CASTWRIGHT_HIFIGAN_REFERENCE");
    if (more)
        recordings(path, more);
done:
    free(mel);
    cw_mel_close(m);
    cw_recording_free(&sound);
    cw_reference_close(r);
}

/* Threads change no byte; the length of what follows changes none either where it is out of reach. */
static void same_bytes(void) {
    struct cw_error err = {0};
    int frames = 0;
    float *mel = slow_mel(&frames), *kept = NULL;
    static const int threads[] = {1, 3};
    for (int i = 0; mel && i < 2; i++) {
        struct test_sounding a;
        const float *x = NULL;
        size_t n = 0;
        const struct cw_frames f = frames_of(mel, frames), less = frames_of(mel, 96 + 20), one = frames_of(mel, 1);
        if (test_sounding_start(&a, cw_test_data("hifigan_1.gguf"), NULL, threads[i]) && CHECK(!cw_vocoder_run(a.s, &f, 1, &x, &n, &err))) {
            CHECK(n == (size_t)frames * 256);
            if (!kept) {
                kept = malloc(sizeof *kept * n);
                if (kept)
                    memcpy(kept, x, sizeof *kept * n);
            }
            CHECKF(kept && memcmp(kept, x, sizeof *kept * n) == 0, "%d threads: other bytes", threads[i]);
            CHECK(!cw_vocoder_run(a.s, &less, 2, &x, &n, &err) && n == (size_t)less.count * 256);
            CHECK(kept && memcmp(kept, x, sizeof *kept * 96 * 256) == 0);
            CHECK(!cw_vocoder_run(a.s, &one, 1, &x, &n, &err) && n == 256);
        }
        test_sounding_end(&a);
    }
    free(kept);
    free(mel);
}

static void refusals(void) {
    struct cw_error err = {0};
    struct test_sounding a;
    const float *x = NULL;
    size_t n = 0;
    float mel[2 * BANDS] = {0};
    if (test_sounding_start(&a, cw_test_data("hifigan_2.gguf"), NULL, 1)) {
        struct cw_frames f = frames_of(mel, 2);
        f.kind = "mel-vocos";
        CHECK_REFUSED(cw_vocoder_run(a.s, &f, 1, &x, &n, &err), &err, "mel-hifigan", "mel-vocos");
        f = frames_of(mel, 2);
        f.channels = 100;
        CHECK_REFUSED(cw_vocoder_run(a.s, &f, 1, &x, &n, &err), &err, "channels", "80", "100");
        f = frames_of(mel, 2);
        f.sample_rate = 24000;
        CHECK_REFUSED(cw_vocoder_run(a.s, &f, 1, &x, &n, &err), &err, "22050", "24000");
        f = frames_of(mel, 1 << 17);
        CHECK_REFUSED(cw_vocoder_run(a.s, &f, 1, &x, &n, &err), &err, "65536", "131072");
        f = frames_of(NULL, 2);
        CHECK_REFUSED(cw_vocoder_run(a.s, &f, 1, &x, &n, &err), &err, "data");
        mel[81] = INFINITY;
        f = frames_of(mel, 2);
        CHECK_REFUSED(cw_vocoder_run(a.s, &f, 1, &x, &n, &err), &err, "data[81]", "inf");
    }
    test_sounding_end(&a);
}

/* hifigan_1.gguf with `from` become `to`, of the same length. */
static const char *changed(const void *from, const void *to, size_t len) {
    static char path[CW_PATH_MAX];
    struct cw_error err = {0};
    char *data = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/changed.gguf", cw_test_dir());
    if (CHECKF(!cw_file_read(cw_test_data("hifigan_1.gguf"), 1 << 20, &data, &size, &err), "%s", err.text)) {
        char *at = memmem(data, size, from, len);
        if (CHECK(at != NULL))
            memcpy(at, to, len);
        CHECK(!cw_file_write(path, data, size, &err));
    }
    free(data);
    return path;
}

static void model_refusals(void) {
    struct cw_error err = {0};
    struct cw_device *d = NULL;
    struct cw_vocoder *v = NULL;
    if (!CHECK(!cw_device_open(&d, cw_device_params_default(), &err)))
        return;
    CHECK_REFUSED(cw_vocoder_open(&v, d, changed("resblocks.4.convs2.1.weight", "resblocks.4.convs9.1.weight", 27), &err), &err,
                  "changed.gguf", "resblocks.4.convs2.1.weight");
    CHECK_REFUSED(cw_vocoder_open(&v, d, changed("hifigan.hop", "hifigan.hup", 11), &err), &err, "hifigan.hop");
    static const int32_t kernels[3] = {3, 7, 11}, even[3] = {3, 8, 11}, huge[3] = {3, 7, 1 << 20}, other[3] = {3, 7, 9};
    CHECK_REFUSED(cw_vocoder_open(&v, d, changed(kernels, even, sizeof even), &err), &err, "resblock_kernels", "odd", "8");
    CHECK_REFUSED(cw_vocoder_open(&v, d, changed(kernels, huge, sizeof huge), &err), &err, "resblock_kernels", "1048576");
    CHECK_REFUSED(cw_vocoder_open(&v, d, changed(kernels, other, sizeof other), &err), &err, "resblocks.2", "9", "11");
    static const int32_t rates[4] = {8, 8, 2, 2}, more[4] = {8, 8, 2, 4}, few[4] = {8, 8, 0, 2};
    CHECK_REFUSED(cw_vocoder_open(&v, d, changed(rates, more, sizeof more), &err), &err, "hifigan.hop", "512", "256");
    CHECK_REFUSED(cw_vocoder_open(&v, d, changed(rates, few, sizeof few), &err), &err, "upsample_rates", "found 0");
    float weight = 0, nan = NAN;
    struct cw_error ignored = {0};
    char *data = NULL;
    size_t size = 0;
    if (CHECK(!cw_file_read(cw_test_data("hifigan_1.gguf"), 1 << 20, &data, &size, &ignored))) {
        memcpy(&weight, data + size - 32, sizeof weight); /* the last tensor: one number and its padding */
        free(data);
        char from[32] = {0}, to[32] = {0};
        memcpy(from, &weight, sizeof weight);
        memcpy(to, &nan, sizeof nan);
        CHECK_REFUSED(cw_vocoder_open(&v, d, changed(from, to, sizeof to), &err), &err, "conv_post.bias", "finite", "nan");
    }
    CHECK(v == NULL);
    cw_device_close(d);
}

/* Runs tests/make_hifigan_reference.py for a published file with a fault: 1, a small one in V1's shape, or 3, V2; false where there is no
 * Python for converters. */
static bool make_onnx(const char *path, const char *fault, int kind) {
    const char *python = getenv("CASTWRIGHT_PYTHON");
    char command[3 * CW_PATH_MAX];
    snprintf(command, sizeof command, "'%s' -B '%s/../make_hifigan_reference.py' --onnx '%s' %s %d 2>/dev/null",
             python ? python : CW_CONVERT_PYTHON, CW_TEST_DATA, path, fault, kind);
    if (system(command) == 0)
        return true;
    cw_test_skip("no Python for the converters");
    return false;
}

static void converter(void) {
    static const struct {
        const char *fault, *pieces[2];
    } cases[] = {{"missing", {"resblocks.3.convs2.1.bias", "found none"}},
                 {"shape", {"ups.1.weight", "found [8, 3, 16]"}},
                 {"nan", {"conv_post.weight", "NaN"}},
                 {"other", {"conv_pre.weight", "found none"}},
                 {"operator", {"operators", "Sin"}}};
    char onnx[CW_PATH_MAX], gguf[CW_PATH_MAX], beside[CW_PATH_MAX];
    char *made = NULL, *want = NULL;
    size_t made_len = 0, want_len = 0;
    struct cw_error err = {0};
    snprintf(onnx, sizeof onnx, "%s/g.onnx", cw_test_dir());
    snprintf(gguf, sizeof gguf, "%s/g.gguf", cw_test_dir());
    if (!make_onnx(onnx, "none", 1))
        return;
    CHECKF(!cw_model_convert(onnx, gguf, &err), "%s", err.text);
    /* all but the sum of the source, which another onnx may write otherwise */
    if (CHECK(!cw_file_read(gguf, 1 << 20, &made, &made_len, &err) &&
              !cw_file_read(cw_test_data("hifigan_1.gguf"), 1 << 20, &want, &want_len, &err)))
        CHECK(made_len == want_len && memcmp(made + made_len - 90000, want + want_len - 90000, 90000) == 0);
    free(made);
    free(want);
    snprintf(beside, sizeof beside, "%s/LICENSE", cw_test_dir());
    if (CHECK(!cw_file_write(beside, "Ask first.", 10, &err)) && CHECKF(!cw_model_convert(onnx, gguf, &err), "%s", err.text) &&
        CHECK(!cw_file_read(gguf, 1 << 20, &made, &made_len, &err))) {
        static const char terms[] = "LICENSE beside the checkpoint says: \"Ask first.\".";
        CHECK(memmem(made, made_len, terms, sizeof terms - 1) != NULL);
        free(made);
    }
    remove(gguf);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!make_onnx(onnx, cases[i].fault, 1))
            return;
        CHECK_REFUSED(cw_model_convert(onnx, gguf, &err), &err, cases[i].pieces[0], cases[i].pieces[1]);
        CHECK(err.code == CW_BAD_INPUT && !cw_file_exists(gguf));
    }
}

/* A quarter of V1's channels, all that tells V2 from it. */
static void v2(void) {
    struct cw_error err = {0};
    char onnx[CW_PATH_MAX], gguf[CW_PATH_MAX];
    snprintf(onnx, sizeof onnx, "%s/v2.onnx", cw_test_dir());
    snprintf(gguf, sizeof gguf, "%s/v2.gguf", cw_test_dir());
    if (make_onnx(onnx, "none", 3) && CHECKF(!cw_model_convert(onnx, gguf, &err), "%s", err.text))
        compare_with(gguf, 3);
}

static void command(void) {
    struct cw_error err = {0};
    struct cw_recording r = {0};
    char said[8192], in[CW_PATH_MAX], model[CW_PATH_MAX], out[CW_PATH_MAX];
    snprintf(in, sizeof in, "%s", cw_test_data("encoder.flac"));
    snprintf(model, sizeof model, "%s", cw_test_data("hifigan_2.gguf"));
    snprintf(out, sizeof out, "%s/copy.flac", cw_test_dir());
    CHECKF(test_program_run((const char *const[]){"vocode", in, "-o", out, "--vocoder", model, NULL}, said, sizeof said) == 0, "%s", said);
    CHECKF(strstr(said, "licence: unknown") && strstr(said, "ask whoever published it") && strstr(said, "4.0 s"), "%s", said);
    if (CHECKF(!cw_recording_read(&r, out, &err), "%s", err.text)) /* four seconds in whole frames */
        CHECKF(r.rate == 22050 && r.count == 88200 / 256 * 256, "%zu samples at %d Hz", r.count, r.rate);
    cw_recording_free(&r);
    static const struct {
        const char *args[6], *said;
        int code;
    } cases[] = {{{"vocode", NULL}, "expected a recording", 2},
                 {{"vocode", "absent.wav", NULL}, "expected -o FILE", 2},
                 {{"vocode", "absent.wav", "-o", "x.ogg", NULL}, ".wav or .flac", 2},
                 {{"vocode", "absent.wav", "-o", "x.wav", NULL}, "absent.wav: expected a recording", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(test_program_run(cases[i].args, said, sizeof said) == cases[i].code);
        CHECKF(strstr(said, cases[i].said) != NULL, "%s", said);
    }
    snprintf(model, sizeof model, "%s", cw_test_data("vocos.gguf")); /* twenty bands are no convention */
    CHECK(test_program_run((const char *const[]){"vocode", in, "-o", out, "--vocoder", model, NULL}, said, sizeof said) == 2);
    CHECKF(strstr(said, "expected 100 bands") != NULL, "%s", said);
}

const struct cw_test cw_tests_hifigan[] = {
    {"hifigan.small", "generators in the shapes of V1 and V3 equal ONNX Runtime, cut into chunks, on every instruction set", small},
    {"hifigan.v2", "V2 in its full size, its weights drawn by lot, converted, equals ONNX Runtime on every instruction set", v2},
    {"hifigan.real", "the real weights equal ONNX Runtime on speech, on every instruction set but plain C", real},
    {"hifigan.same_bytes", "threads, the end of a long mel and the run before change no byte", same_bytes},
    {"hifigan.refusals", "frames of another kind, shape or with infinity are refused by name", refusals},
    {"hifigan.model_refusals", "a wrong or incomplete file is refused by key or tensor", model_refusals},
    {"hifigan.command", "castwright vocode: the sound, whose vocoder it was, and refusals", command},
    {"hifigan.converter", "the converter takes a published ONNX and refuses what is none, by name", converter},
    {0},
};

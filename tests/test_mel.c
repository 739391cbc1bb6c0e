/* mel spectrograms against the published code (tests/make_mel_reference.py). */
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test_reference.h"
#include "vocoder/mel.h"
#include "voices/recording.h"

static struct cw_mel_params convention(int i) {
    return i == 0 ? cw_mel_f5() : i == 1 ? cw_mel_vocos() : cw_mel_hifigan();
}

enum { CONVENTIONS = 3 };
static const char *const names[CONVENTIONS] = {"f5", "vocos", "hifigan"};

static bool open_both(struct cw_device **d, struct cw_mel **m, int i) {
    struct cw_error err = {0};
    *d = NULL;
    *m = NULL;
    return CHECKF(!cw_device_open(d, cw_device_params_default(), &err) && !cw_mel_open(m, convention(i), &err), "%s", err.text);
}

/* Frames 0, step, 2 step … of x against want [count / bands, bands]. */
static void compare(int i, const float *x, size_t n, const float *want, int count, int step) {
    struct cw_device *d;
    struct cw_mel *m;
    struct cw_error err = {0};
    float *mel = NULL;
    if (!open_both(&d, &m, i))
        return;
    const int frames = (int)cw_mel_frames(m, n), bands = cw_mel_params(m)->bands;
    mel = malloc(sizeof *mel * (size_t)frames * (size_t)bands);
    if (CHECKF((frames + step - 1) / step * bands == count, "%s: %d frames of %zu samples, every %d. has %d numbers, expected %d", names[i],
               frames, n, step, (frames + step - 1) / step * bands, count) &&
        CHECKF(!cw_mel_run(m, d, x, n, (struct cw_mat){mel, frames, bands, bands}, &err), "%s", err.text)) {
        double worst = 0, sum = 0, squares = 0, all = 0;
        for (int t = 0; t < frames; t += step) {
            for (int b = 0; b < bands; b++) {
                const double off = fabs((double)mel[t * bands + b] - (double)want[t / step * bands + b]);
                worst = fmax(worst, off);
                sum += off;
                squares += off * off;
                all += (double)want[t / step * bands + b] * (double)want[t / step * bands + b];
            }
        }
        const double distance = sqrt(squares / all);
        CHECKF(worst < 1e-5 && distance < 1e-6, "%s: off by %g at most, %g (relative L2)", names[i], worst, distance);
        if (getenv("CASTWRIGHT_MEL_REFERENCE"))
            printf("    %s: %d frames, off by %.2g at most, %.2g on average, %.2g (relative L2)\n", names[i], frames, worst, sum / count,
                   distance);
    }
    free(mel);
    cw_mel_close(m);
    cw_device_close(d);
}

/* Case k of mel.bin, every fourth frame. */
static void committed(const struct cw_reference *r, int i, int k, const char *file, int rate) {
    struct cw_recording x = {0};
    struct cw_error err = {0};
    char name[64];
    int count = 0;
    snprintf(name, sizeof name, "%s/%d/mel", names[i], k);
    const float *want = cw_reference_floats(r, name, &count);
    if (!want)
        CHECKF(false, "no record %s", name);
    else if (CHECKF(!cw_recording_read(&x, cw_test_data(file), &err), "%s", err.text) && CHECK(x.rate == rate))
        compare(i, x.samples, x.count, want, count, 4);
    cw_recording_free(&x);
}

static void reference(void) {
    const char *more = getenv("CASTWRIGHT_MEL_REFERENCE");
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    char name[64];
    if (CHECKF(!cw_reference_open(&r, "mel.bin", &err), "%s", err.text)) {
        for (int i = 0; i < CONVENTIONS; i++) { /* a voice of ours as if at this rate, and a person at this rate */
            const int rate = convention(i).rate;
            committed(r, i, 0, "encoder.flac", 16000);
            committed(r, i, 1, rate == 24000 ? "recording_24000.flac" : "recording_22050.flac", rate);
        }
    }
    cw_reference_close(r);
    r = NULL;
    if (!more || !CHECKF(!cw_reference_open(&r, more, &err), "%s", err.text))
        return;
    for (int k = 0;; k++) {
        int n = 0, count = 0;
        const float *samples = NULL;
        for (int i = 0; i < CONVENTIONS; i++) {
            snprintf(name, sizeof name, "%s/%d/samples", names[i], k);
            samples = cw_reference_floats(r, name, &n);
            snprintf(name, sizeof name, "%s/%d/mel", names[i], k);
            const float *want = cw_reference_floats(r, name, &count);
            if (samples && !want)
                CHECKF(false, "no record %s", name);
            else if (samples)
                compare(i, samples, (size_t)n, want, count, 1);
        }
        if (!samples)
            break;
    }
    cw_reference_close(r);
}

static void lengths(void) {
    static const size_t n[] = {512, 513, 767, 768, 1024, 1025, 4097};
    static const size_t frames[CONVENTIONS][7] = {{0, 3, 3, 4, 5, 5, 17}, {0, 3, 3, 4, 5, 5, 17}, {2, 2, 2, 3, 4, 4, 16}};
    struct cw_device *d;
    struct cw_mel *m;
    struct cw_error err = {0};
    float *x = calloc(4097, sizeof *x), mel[17 * 100];
    for (int i = 0; i < CONVENTIONS; i++) {
        if (!open_both(&d, &m, i))
            break;
        const int bands = cw_mel_params(m)->bands;
        for (size_t k = 0; k < 7; k++)
            CHECKF(cw_mel_frames(m, n[k]) == frames[i][k], "%s: %zu samples, %zu frames", names[i], n[k], cw_mel_frames(m, n[k]));
        CHECK(cw_mel_frames(m, 384) == 0);
        /* silence stands at the floor, to the bit */
        CHECK(!cw_mel_run(m, d, x, 4097, (struct cw_mat){mel, (int)frames[i][6], bands, bands}, &err));
        for (int b = 0; b < bands && i == 0; b++)
            CHECK(mel[b] == (float)log(1e-5));
        CHECK_REFUSED(cw_mel_run(m, d, x, 100, (struct cw_mat){mel, 1, bands, bands}, &err), &err, "mel", "found 100");
        CHECK_REFUSED(cw_mel_run(m, d, x, 4097, (struct cw_mat){mel, 1, bands, bands}, &err), &err, "mel", "found 1 x");
        x[77] = NAN;
        CHECK_REFUSED(cw_mel_run(m, d, x, 4097, (struct cw_mat){mel, (int)frames[i][6], bands, bands}, &err), &err, "sample 77", "nan");
        x[77] = 0;
        cw_mel_close(m);
        cw_device_close(d);
    }
    free(x);
    struct cw_mel_params p = cw_mel_vocos();
    p.bands = 1000;
    CHECK_REFUSED(cw_mel_open(&m, p, &err), &err, "mel", "1000");
    p = cw_mel_vocos();
    p.top = 13000;
    CHECK_REFUSED(cw_mel_open(&m, p, &err), &err, "mel", "13000");
    p = cw_mel_vocos();
    p.hop = 600;
    CHECK_REFUSED(cw_mel_open(&m, p, &err), &err, "stft", "hop 600");
}

const struct cw_test cw_tests_mel[] = {
    {"mel.reference", "the conventions equal the published code's on speech", reference},
    {"mel.lengths", "frame counts, the floor, and refusals", lengths},
    {0},
};

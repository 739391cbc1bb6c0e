/* signal -> magnitude | phase; log magnitude | asin of phase -> signal. Threads share out the frames. */
#include "vocoder/spectrum.h"

#include <math.h>

enum { TASK = 256 /* frames */, BINS = CW_SPECTRUM_BINS, HOP = CW_SPECTRUM_HOP };

struct spectrum_job {
    const struct cw_stft *stft;
    struct cw_mat spectrum; /* [T', 22] */
    const double *signal;   /* [N], analysis */
    size_t samples;         /* N */
    float *out;             /* [N], synthesis */
};

static int tasks_of(int frames) {
    return (frames + TASK - 1) / TASK;
}

static void analyse_task(void *arg, int task) {
    const struct spectrum_job *j = arg;
    double re[BINS], im[BINS];

    for (int t = task * TASK; t < (task + 1) * TASK && t < j->spectrum.rows; t++) {
        float *row = j->spectrum.data + (size_t)t * (size_t)j->spectrum.stride;
        cw_stft_analyse(j->stft, j->signal, j->samples, (size_t)t, re, im);
        for (int k = 0; k < BINS; k++) {
            row[k] = (float)sqrt(re[k] * re[k] + im[k] * im[k]);
            row[BINS + k] = (float)atan2(im[k], re[k]);
        }
    }
}

void cw_spectrum_analyse(struct cw_device *d, const struct cw_stft *stft, const double *signal, size_t n, struct cw_mat spectrum) {
    struct spectrum_job job = {.stft = stft, .spectrum = spectrum, .signal = signal, .samples = n};
    cw_parallel(d, tasks_of(spectrum.rows), analyse_task, &job);
}

void cw_spectrum_bins(const float *row, double *re, double *im) {
    for (int k = 0; k < BINS; k++) {
        const double magnitude = exp((double)row[k]), phase = sin((double)row[BINS + k]);
        re[k] = magnitude * cos(phase);
        im[k] = magnitude * sin(phase);
    }
}

static void bins_of_frame(void *arg, size_t frame, double *re, double *im) {
    const struct spectrum_job *j = arg;
    cw_spectrum_bins(j->spectrum.data + frame * (size_t)j->spectrum.stride, re, im);
}

static void synthesise_task(void *arg, int task) {
    const struct spectrum_job *j = arg;
    const size_t first = (size_t)task * TASK * HOP, rest = j->samples - first;
    const size_t n = rest < TASK * HOP ? rest : TASK * HOP;
    double out[TASK * HOP];

    cw_stft_synthesise(j->stft, (size_t)j->spectrum.rows, bins_of_frame, arg, first, n, out);
    for (size_t i = 0; i < n; i++)
        j->out[first + i] = (float)out[i];
}

void cw_spectrum_synthesise(struct cw_device *d, const struct cw_stft *stft, struct cw_mat spectrum, float *out) {
    struct spectrum_job job = {.stft = stft, .spectrum = spectrum, .samples = (size_t)(spectrum.rows - 1) * HOP, .out = out};
    cw_parallel(d, tasks_of(spectrum.rows - 1), synthesise_task, &job);
}

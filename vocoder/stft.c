/* STFT: samples -> reflect -> window -> FFT -> bins; bins -> inverse FFT -> window -> overlap-add / sum of w^2 -> samples.
 *
 * Double precision throughout: the phase of a bin that is nearly zero is decided by the last bits, and the vocoder reads
 * phases. FFTW_ESTIMATE never measures, so the plan, and with it every rounding, is the same in every run; FFTW_UNALIGNED
 * keeps it from choosing another code path by the address of a buffer. */
#include "vocoder/stft.h"

#include <fftw3.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t planner_lock = PTHREAD_MUTEX_INITIALIZER; /* FFTW's planner is the one part of it that is not reentrant */

struct cw_stft {
    int size, hop;
    fftw_plan forward, inverse;
    double window[CW_STFT_MAX];
};

int cw_stft_open(struct cw_stft **out, int size, int hop, struct cw_error *err) {
    int rc = -1;
    double *time = NULL;
    fftw_complex *freq = NULL;
    struct cw_stft *s = NULL;

    *out = NULL;
    if (size < 2 || size > CW_STFT_MAX || size % 2 || hop < 1 || hop > size / 2) {
        cw_fail(err, CW_BAD_INPUT, "stft: expected an even size of 2 to %d and a hop of 1 to size / 2, found size %d and hop %d",
                CW_STFT_MAX, size, hop);
        goto done;
    }
    s = calloc(1, sizeof *s);
    time = fftw_alloc_real((size_t)size);
    freq = fftw_alloc_complex((size_t)size / 2 + 1);
    if (!s || !time || !freq) {
        cw_fail_memory(err, "stft");
        goto done;
    }
    s->size = size;
    s->hop = hop;
    for (int i = 0; i < size; i++)
        s->window[i] = 0.5 - 0.5 * cos(2 * M_PI * i / size);

    pthread_mutex_lock(&planner_lock);
    s->forward = fftw_plan_dft_r2c_1d(size, time, freq, FFTW_ESTIMATE | FFTW_UNALIGNED);
    s->inverse = fftw_plan_dft_c2r_1d(size, freq, time, FFTW_ESTIMATE | FFTW_UNALIGNED);
    pthread_mutex_unlock(&planner_lock);
    if (!s->forward || !s->inverse) {
        cw_fail(err, CW_FAILED, "stft: FFTW has no plan for size %d", size);
        goto done;
    }
    *out = s;
    s = NULL;
    rc = 0;
done:
    cw_stft_close(s);
    fftw_free(time);
    fftw_free(freq);
    return rc;
}

void cw_stft_close(struct cw_stft *s) {
    if (!s)
        return;
    pthread_mutex_lock(&planner_lock);
    if (s->forward)
        fftw_destroy_plan(s->forward);
    if (s->inverse)
        fftw_destroy_plan(s->inverse);
    pthread_mutex_unlock(&planner_lock);
    free(s);
}

int cw_stft_bins(const struct cw_stft *s) {
    return s->size / 2 + 1;
}

size_t cw_stft_frames(const struct cw_stft *s, size_t n) {
    return 1 + n / (size_t)s->hop;
}

ptrdiff_t cw_stft_reflect(ptrdiff_t at, ptrdiff_t len) {
    if (at < 0)
        at = -at; /* reflection without repeating the edge sample */
    return at >= len ? 2 * (len - 1) - at : at;
}

void cw_stft_frame(const struct cw_stft *s, const double *x, double *re, double *im) {
    double time[CW_STFT_MAX];
    fftw_complex freq[CW_STFT_MAX / 2 + 1];
    const int half = s->size / 2;

    for (int i = 0; i < s->size; i++)
        time[i] = x[i] * s->window[i];
    fftw_execute_dft_r2c(s->forward, time, freq);
    for (int k = 0; k <= half; k++) {
        re[k] = freq[k][0];
        im[k] = freq[k][1] == 0 ? 0.0 : freq[k][1]; /* -0 would turn the phase of a negative real bin from +pi to -pi */
    }
    im[0] = im[half] = 0.0;
}

void cw_stft_analyse(const struct cw_stft *s, const double *x, size_t n, size_t frame, double *re, double *im) {
    double inside[CW_STFT_MAX];
    const ptrdiff_t start = (ptrdiff_t)(frame * (size_t)s->hop) - s->size / 2;

    for (int i = 0; i < s->size; i++)
        inside[i] = x[cw_stft_reflect(start + i, (ptrdiff_t)n)];
    cw_stft_frame(s, inside, re, im);
}

/* Sum of the squared windows over sample `at` of the untrimmed signal. */
static double squares_at(const struct cw_stft *s, size_t frames, ptrdiff_t at) {
    double squares = 0;
    for (ptrdiff_t f = at / s->hop; f >= 0 && at - f * s->hop < s->size; f--) {
        if (f < (ptrdiff_t)frames)
            squares += s->window[at - f * s->hop] * s->window[at - f * s->hop];
    }
    return squares;
}

void cw_stft_synthesise(const struct cw_stft *s, size_t frames, cw_stft_spectrum bins, void *arg, size_t first, size_t count, double *out) {
    double time[CW_STFT_MAX], re[CW_STFT_MAX / 2 + 1], im[CW_STFT_MAX / 2 + 1];
    fftw_complex freq[CW_STFT_MAX / 2 + 1];
    const int half = s->size / 2;
    const ptrdiff_t hop = s->hop, size = s->size, lo = (ptrdiff_t)first + half, hi = lo + (ptrdiff_t)count; /* before trimming */

    for (size_t i = 0; i < count; i++)
        out[i] = 0;
    /* frame f covers [f hop, f hop + size) of the untrimmed signal */
    ptrdiff_t f0 = (lo - size) / hop + 1;
    if (lo < size)
        f0 = 0;
    for (ptrdiff_t f = f0; f < (ptrdiff_t)frames && f * hop < hi; f++) {
        bins(arg, (size_t)f, re, im);
        for (int k = 0; k <= half; k++) {
            freq[k][0] = re[k];
            freq[k][1] = k == 0 || k == half ? 0.0 : im[k]; /* a real signal has none there; torch drops them as well */
        }
        fftw_execute_dft_c2r(s->inverse, freq, time);
        for (int i = 0; i < s->size; i++) {
            const ptrdiff_t at = f * hop + i;
            if (at >= lo && at < hi)
                out[at - lo] += time[i] * s->window[i];
        }
    }
    for (ptrdiff_t at = lo; at < hi; at++)
        out[at - lo] /= squares_at(s, frames, at) * (double)size; /* FFTW's inverse is not scaled */
}

/* re = sum of w x cos, im = -sum of w x sin: their gradients come back by the inverse transform, whose inner bins count twice. */
void cw_stft_analyse_backward(const struct cw_stft *s, const double *dre, const double *dim, size_t n, size_t frame, double *dx) {
    double time[CW_STFT_MAX];
    fftw_complex freq[CW_STFT_MAX / 2 + 1];
    const int half = s->size / 2;
    const ptrdiff_t start = (ptrdiff_t)(frame * (size_t)s->hop) - half;

    for (int k = 0; k <= half; k++) {
        const bool edge = k == 0 || k == half;
        freq[k][0] = edge ? dre[k] : dre[k] / 2;
        freq[k][1] = edge ? 0 : dim[k] / 2;
    }
    fftw_execute_dft_c2r(s->inverse, freq, time);
    for (int i = 0; i < s->size; i++)
        dx[cw_stft_reflect(start + i, (ptrdiff_t)n)] += time[i] * s->window[i];
}

void cw_stft_synthesise_backward(const struct cw_stft *s, size_t frames, const double *dout, size_t frame, double *dre, double *dim) {
    double time[CW_STFT_MAX];
    fftw_complex freq[CW_STFT_MAX / 2 + 1];
    const int half = s->size / 2;
    const ptrdiff_t start = (ptrdiff_t)(frame * (size_t)s->hop), samples = (ptrdiff_t)((frames - 1) * (size_t)s->hop);

    for (int i = 0; i < s->size; i++) {
        const ptrdiff_t at = start + i - half;
        time[i] = at >= 0 && at < samples ? dout[at] * s->window[i] / (squares_at(s, frames, at + half) * s->size) : 0;
    }
    fftw_execute_dft_r2c(s->forward, time, freq);
    for (int k = 0; k <= half; k++) {
        const bool edge = k == 0 || k == half;
        dre[k] = edge ? freq[k][0] : 2 * freq[k][0];
        dim[k] = edge ? 0 : 2 * freq[k][1];
    }
}

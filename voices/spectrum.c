/* Samples -> window -> FFT -> power. Double precision; FFTW_ESTIMATE plans the same in every run. */
#include "voices/spectrum.h"

#include <fftw3.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t planner_lock = PTHREAD_MUTEX_INITIALIZER;

struct cw_spectrum {
    int size, window;
    fftw_plan plan;
    double *time; /* [size] */
    fftw_complex *freq;
    double hann[CW_SPECTRUM_MAX];
};

int cw_spectrum_open(struct cw_spectrum **out, int size, int window, struct cw_error *err) {
    struct cw_spectrum *s = NULL;
    int result = -1;
    *out = NULL;
    if (size < 2 || size > CW_SPECTRUM_MAX || size % 2 != 0 || window < 1 || window > size) {
        cw_fail(err, CW_BAD_INPUT, "spectrum: expected an even size of 2 to %d and a window no longer, found %d and %d", CW_SPECTRUM_MAX,
                size, window);
        goto done;
    }
    s = calloc(1, sizeof *s);
    if (s == NULL) {
        cw_fail_memory(err, "spectrum");
        goto done;
    }
    s->size = size;
    s->window = window;
    s->time = fftw_alloc_real((size_t)size);
    s->freq = fftw_alloc_complex((size_t)size / 2 + 1);
    if (s->time == NULL || s->freq == NULL) {
        cw_fail_memory(err, "spectrum");
        goto done;
    }
    pthread_mutex_lock(&planner_lock);
    s->plan = fftw_plan_dft_r2c_1d(size, s->time, s->freq, FFTW_ESTIMATE | FFTW_UNALIGNED);
    pthread_mutex_unlock(&planner_lock);
    if (s->plan == NULL) {
        cw_fail(err, CW_FAILED, "spectrum: FFTW has no plan for size %d", size);
        goto done;
    }
    for (int i = 0; i < window; i++) {
        s->hann[i] = 0.5 - 0.5 * cos(2 * M_PI * i / window);
    }
    *out = s;
    s = NULL;
    result = 0;
done:
    cw_spectrum_close(s);
    return result;
}

void cw_spectrum_close(struct cw_spectrum *s) {
    if (s == NULL) {
        return;
    }
    pthread_mutex_lock(&planner_lock);
    if (s->plan != NULL) {
        fftw_destroy_plan(s->plan);
    }
    pthread_mutex_unlock(&planner_lock);
    fftw_free(s->time);
    fftw_free(s->freq);
    free(s);
}

void cw_spectrum_power(struct cw_spectrum *s, const float *x, size_t n, ptrdiff_t centre, double *power) {
    int margin = (s->size - s->window) / 2;
    ptrdiff_t start = centre - s->size / 2 + margin;
    for (int i = 0; i < s->size; i++) {
        s->time[i] = 0;
    }
    for (int i = 0; i < s->window; i++) {
        ptrdiff_t at = start + i;
        if (at >= 0 && at < (ptrdiff_t)n) {
            s->time[margin + i] = (double)x[at] * s->hann[i];
        }
    }
    fftw_execute(s->plan);
    for (int k = 0; k <= s->size / 2; k++) {
        power[k] = s->freq[k][0] * s->freq[k][0] + s->freq[k][1] * s->freq[k][1];
    }
}

/* inputs around a place -> the filter of its phase -> output */
#include "episode/resample.h"

#include <math.h>
#include <stdlib.h>

enum { TAPS = CW_RESAMPLER_TAPS, LANES = 8, FILTERS_MAX = 4096 }; /* 11.025 to 48 kHz takes 640 */

static const double pi = 3.14159265358979323846;
static const double beta = 12.26;   /* 120 dB */
static const double cutoff = 0.921; /* of the lower rate's half: the middle of a transition that ends before it */

/* Modified Bessel function of the first kind, order 0. */
static double bessel_0(double x) {
    double sum = 1.0, term = 1.0;
    for (int k = 1; k < 60; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

double cw_kaiser(double t, double b) {
    return t * t < 1.0 ? bessel_0(b * sqrt(1.0 - t * t)) / bessel_0(b) : t * t > 1.0 ? 0.0 : 1.0 / bessel_0(b);
}

static void make_filter(float *filter, double place, double band) {
    double taps[TAPS], sum = 0.0;
    for (int k = 0; k < TAPS; k++) {
        double t = k - CW_RESAMPLER_BEFORE - place, x = pi * band * t;
        taps[k] = (x != 0.0 ? sin(x) / x : 1.0) * cw_kaiser(t / (TAPS / 2.0), beta);
        sum += taps[k];
    }
    for (int k = 0; k < TAPS; k++) {
        filter[k] = (float)(taps[k] / sum);
    }
}

int cw_resampler_open(struct cw_resampler *r, int from, int to, struct cw_error *err) {
    int a = from, b = to;
    *r = (struct cw_resampler){0};
    if (from < 1 || to < 1 || to < from / 2) { /* the transition is measured in inputs: it would swallow the band */
        return cw_fail(err, CW_BAD_INPUT, "resampler: expected a rate from 1 Hz to twice %d Hz, found %d Hz", to, from);
    }
    while (b != 0) {
        int rest = a % b;
        a = b;
        b = rest;
    }
    if (to / a > FILTERS_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "resampler: expected rates that are as two whole numbers up to %d, found %d to %d Hz",
                       FILTERS_MAX, from, to);
    }
    r->up = to / a;
    r->down = from / a;
    r->filters = malloc((size_t)r->up * TAPS * sizeof *r->filters);
    if (r->filters == NULL) {
        return cw_fail_memory(err, "resampler");
    }
    for (int phase = 0; phase < r->up; phase++) {
        make_filter(r->filters + (size_t)phase * TAPS, (double)phase / r->up, cutoff * fmin(1.0, (double)to / from));
    }
    return 0;
}

void cw_resampler_close(struct cw_resampler *r) {
    free(r->filters);
    *r = (struct cw_resampler){0};
}

int64_t cw_resampler_place(const struct cw_resampler *r, int64_t i, int *phase) {
    *phase = (int)(i % r->up * r->down % r->up);
    return i / r->up * r->down + i % r->up * r->down / r->up;
}

float cw_resampler_between(const struct cw_resampler *r, const float *x, int phase) {
    const float *filter = r->filters + (size_t)phase * TAPS;
    float sums[LANES] = {0};
    for (int k = 0; k < TAPS; k += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            sums[lane] += filter[k + lane] * x[k + lane];
        }
    }
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

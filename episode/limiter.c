/* sample -> 4x interpolation (BS.1770's way to see peaks between samples) -> gain needed -> least of the 5 ms ahead -> slow
 * release -> two moving averages -> times the delayed sample.
 *
 * Why peaks cannot slip through: `held` is at most the gain needed at n during all of [n - AHEAD, n], and the averages
 * at n weigh exactly that stretch with weights that sum to 1. */
#include "episode/limiter.h"
#include "episode/resample.h"

#include <math.h>
#include <string.h>

enum { AVERAGE = CW_LIMITER_HALF + 1 };

static const double pi = 3.14159265358979323846;

void cw_limiter_start(struct cw_limiter *l, float ceiling, int rate) {
    memset(l, 0, sizeof *l);
    l->ceiling = ceiling;
    l->release = (float)(1.0 - exp(-1.0 / (0.08 * rate)));
    double largest = 1.0;
    for (int phase = 1; phase <= 3; phase++) {
        double sum = 0.0;
        for (int k = 0; k < CW_LIMITER_TAPS; k++) {
            int quarters = 4 * (k - (CW_LIMITER_TAPS / 2 - 1)) - phase; /* from the point wanted */
            double t = quarters / 4.0;
            double window = cw_kaiser(t / (CW_LIMITER_TAPS / 2.0), 5.0);
            double tap = sin(pi * t) / (pi * t) * window;
            l->filter[phase - 1][k] = (float)tap;
            sum += tap;
        }
        double most = 0.0; /* that the filter makes of samples within 1 */
        for (int k = 0; k < CW_LIMITER_TAPS; k++) {
            l->filter[phase - 1][k] = (float)(l->filter[phase - 1][k] / sum);
            most += fabs((double)l->filter[phase - 1][k]);
        }
        largest = fmax(largest, most);
    }
    l->soft = (float)(0.999 * ceiling / largest);
    l->soft_for = CW_LIMITER_TAPS;
    l->held = 1.0f;
    for (int i = 0; i < AVERAGE; i++) {
        l->a[i] = l->b[i] = 1.0f;
    }
    l->sum_a = l->sum_b = AVERAGE;
    l->calm = CW_LIMITER_CALM;
}

/* The gain that sample j needs: by itself, and by the peaks on either side of it. */
static float gain_needed(struct cw_limiter *l, int64_t j) {
    const int64_t mask = CW_LIMITER_RING - 1;
    float window[CW_LIMITER_TAPS];
    float peak = 0.0f;
    if (l->soft_for == CW_LIMITER_TAPS) {
        l->between = 0.0f; /* or anything else below the ceiling */
        return 1.0f;
    }
    for (int k = 0; k < CW_LIMITER_TAPS; k++) {
        window[k] = l->x[(j - (CW_LIMITER_TAPS / 2 - 1) + k) & mask];
    }
    for (int phase = 0; phase < 3; phase++) {
        float y = 0.0f;
        for (int k = 0; k < CW_LIMITER_TAPS; k++) {
            y += l->filter[phase][k] * window[k];
        }
        peak = fmaxf(peak, fabsf(y));
    }
    float highest = fmaxf(fmaxf(peak, l->between), fabsf(window[CW_LIMITER_TAPS / 2 - 1]));
    l->between = peak;
    return highest > l->ceiling ? l->ceiling / highest : 1.0f;
}

/* The least gain needed in [j - AHEAD, j]. */
static float least_ahead(struct cw_limiter *l, int64_t j, float needed) {
    const int64_t mask = CW_LIMITER_RING - 1;
    l->q[j & mask] = needed;
    while (l->low_end > l->low_first && l->q[l->low[(l->low_end - 1) & mask] & mask] >= needed) {
        l->low_end--;
    }
    l->low[l->low_end++ & mask] = j;
    if (l->low[l->low_first & mask] < j - CW_LIMITER_AHEAD) {
        l->low_first++;
    }
    return l->q[l->low[l->low_first & mask] & mask];
}

static float smooth(struct cw_limiter *l, int64_t j, float least) {
    if (least == 1.0f && l->calm == CW_LIMITER_CALM) {
        return 1.0f; /* as all of it below would give */
    }
    float up = l->held + (1.0f - l->held) * l->release;
    if (up > 0.9995f) { /* floats would never quite arrive */
        up = 1.0f;
    }
    l->held = fminf(least, up);
    l->calm = l->held < 1.0f ? 0 : l->calm + (l->calm < CW_LIMITER_CALM);
    size_t at = (size_t)(j % AVERAGE);
    l->sum_a += (double)l->held - (double)l->a[at];
    l->a[at] = l->held;
    if (l->calm > CW_LIMITER_AHEAD) {
        /* nothing to limit near here: exactly 1, and the sums start afresh */
        l->sum_a = l->sum_b = AVERAGE;
        l->b[at] = 1.0f;
        return 1.0f;
    }
    float first = (float)(l->sum_a / AVERAGE);
    l->sum_b += (double)first - (double)l->b[at];
    l->b[at] = first;
    return fminf((float)(l->sum_b / AVERAGE), 1.0f);
}

float cw_limiter_push(struct cw_limiter *l, float x) {
    const int64_t mask = CW_LIMITER_RING - 1;
    l->x[l->n & mask] = x;
    l->soft_for = fabsf(x) > l->soft ? 0 : l->soft_for + (l->soft_for < CW_LIMITER_TAPS);
    int64_t j = l->n - CW_LIMITER_TAPS / 2; /* the newest sample that has its neighbours */
    int64_t k = l->n - CW_LIMITER_DELAY;    /* the one to give */
    l->n++;
    if (j < 0) {
        return 0.0f;
    }
    float gain = smooth(l, j, least_ahead(l, j, gain_needed(l, j)));
    return k < 0 ? 0.0f : l->x[k & mask] * gain;
}

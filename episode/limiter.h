/* A look-ahead true-peak limiter for one channel: what goes in comes out, in time and untouched, but for the moments around
 * peaks above the ceiling, whose gain sinks smoothly before them and rises smoothly after. */
#ifndef CW_LIMITER_H
#define CW_LIMITER_H

#include "base/base.h"

enum {
    CW_LIMITER_TAPS = 16,  /* of each interpolating filter */
    CW_LIMITER_HALF = 110, /* half of the look-ahead; 5 ms at 44.1 kHz in all */
    CW_LIMITER_AHEAD = 2 * CW_LIMITER_HALF,
    CW_LIMITER_CALM = CW_LIMITER_AHEAD + CW_LIMITER_HALF + 2,  /* samples after which all averages are exactly 1 */
    CW_LIMITER_DELAY = CW_LIMITER_AHEAD + CW_LIMITER_TAPS / 2, /* samples from in to out */
    CW_LIMITER_RING = 256,                                     /* a power of two above CW_LIMITER_DELAY + CW_LIMITER_TAPS / 2 */
};

struct cw_limiter {
    float ceiling, release;
    float soft;                       /* while no sample is above it, no peak between samples is above the ceiling */
    int soft_for;                     /* samples, up to CW_LIMITER_TAPS */
    float filter[3][CW_LIMITER_TAPS]; /* the signal 1/4, 1/2 and 3/4 of the way to the next sample */
    float x[CW_LIMITER_RING];         /* input */
    float q[CW_LIMITER_RING];         /* gain that each sample needs */
    int64_t low[CW_LIMITER_RING];     /* indices of q, rising, whose values rise: the first is the least ahead */
    int64_t low_first, low_end;
    float between;                                        /* peak between the last two samples looked at */
    float held;                                           /* least gain ahead, rising slowly */
    float a[CW_LIMITER_HALF + 1], b[CW_LIMITER_HALF + 1]; /* two moving averages, one after the other */
    double sum_a, sum_b;
    int calm;  /* samples since `held` was last below 1, up to CW_LIMITER_CALM */
    int64_t n; /* samples taken */
};

/* `ceiling`: linear. `rate`: for the release, 80 ms. */
void cw_limiter_start(struct cw_limiter *l, float ceiling, int rate);
/* Takes one sample, gives the one from CW_LIMITER_DELAY samples ago (0 before that). After the last, push that many zeros. */
float cw_limiter_push(struct cw_limiter *l, float x);

#endif

/* Band-limited interpolation from one rate to another: 24 to 44.1 kHz is 147 outputs for 80 inputs. Upwards, what is below 85 % of the
 * lower rate's half passes as it is and nothing is mirrored there, to 120 dB; downwards the transition is wider. A Kaiser-windowed sinc,
 * one filter for every place that an output can have between two inputs. */
#ifndef CW_RESAMPLE_H
#define CW_RESAMPLE_H

#include "base/base.h"

enum { CW_RESAMPLER_TAPS = 128, CW_RESAMPLER_BEFORE = CW_RESAMPLER_TAPS / 2 - 1 };

struct cw_resampler {
    int up, down;   /* `up` outputs for `down` inputs, in lowest terms */
    float *filters; /* [up, TAPS] */
};
CW_MUST_CHECK int cw_resampler_open(struct cw_resampler *r, int from, int to, struct cw_error *err);
void cw_resampler_close(struct cw_resampler *r);
/* Output i lies `*phase` / `up` after the input sample that is returned. */
int64_t cw_resampler_place(const struct cw_resampler *r, int64_t i, int *phase);
/* The output there; x: CW_RESAMPLER_TAPS inputs, the first CW_RESAMPLER_BEFORE before that sample. */
float cw_resampler_between(const struct cw_resampler *r, const float *x, int phase);

/* Kaiser's window at `t` from -1 to 1; the larger beta, the deeper its stop band. */
double cw_kaiser(double t, double beta);

#endif

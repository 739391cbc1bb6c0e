/* Pitch of a recording: pYIN (Mauch and Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold
 * distributions", 2014): YIN's difference function, many thresholds at once, the likeliest path through pitches and silence. */
#ifndef CW_F0_H
#define CW_F0_H

#include "base/base.h"

/* f0 [frames] Hz, 0 where unvoiced; frame i stands around sample i * hop of x [n]; 50 to 500 Hz. */
CW_MUST_CHECK int cw_f0_track(const float *x, size_t n, int rate, int hop, float *f0, int frames, struct cw_error *err);

#endif

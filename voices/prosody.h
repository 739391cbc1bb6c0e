/* How a speaker times and pitches words: a mix of the stock voices' prosody styles that comes nearest, and a map of F0. A mix of
 * styles that people spoke cannot overshoot, as a gradient outside them does (docs/voices.md). */
#ifndef CW_PROSODY_H
#define CW_PROSODY_H

#include "voices/likeness.h"

struct cw_prosody {
    float weights[CW_STOCK_MAX]; /* of the stock voices; each >= 0, their sum is 1 */
    double before, after;        /* distance of the best voice alone, and of this mix */
    float f0_slope, f0_offset;   /* log F0 -> slope log F0 + offset */
    float level;                 /* how much more energy the mix gives what is loud than the recordings have */
};
CW_MUST_CHECK int cw_prosody_fit(struct cw_prosody *p, const struct cw_stock *s, const struct cw_acoustic *a, const struct cw_enrolment *e,
                                 bool (*progress)(void *arg, int done, int all), void *arg, struct cw_error *err);

#endif

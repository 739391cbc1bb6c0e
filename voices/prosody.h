/* How a speaker times and pitches words: the mix of the stock voices' prosody styles that comes nearest, moved by gradients as far as what
 * was kept apart follows (docs/voices.md), and a map of F0. */
#ifndef CW_PROSODY_H
#define CW_PROSODY_H

#include "voices/prosody_train.h"

struct cw_prosody {
    float weights[CW_STOCK_MAX];   /* of the stock voices; each >= 0, their sum is 1 */
    float shift[CW_PROSODY_STYLE]; /* added to the prosody half of every row of the mix */
    double before, mixed, after;   /* distance of the best voice alone, of the mix, and of the mix with the shift */
    int steps;                     /* of gradients that the shift took; 0: none came nearer */
    char trouble[256];             /* why there were no gradients: the mix stands all the same; "" where there was none */
    float f0_slope, f0_offset;     /* log F0 -> slope log F0 + offset */
    float level;                   /* how much more energy the mix gives what is loud than the recordings have */
};
/* `model`: the engine's GGUF, which `a` was opened from on d. */
CW_MUST_CHECK int cw_prosody_fit(struct cw_prosody *p, struct cw_device *d, const char *model, const struct cw_stock *s,
                                 const struct cw_acoustic *a, const struct cw_enrolment *e, bool (*progress)(void *arg, int done, int all),
                                 void *arg, struct cw_error *err);
/* How far what this prosody says of an enrolment's symbols is from it, its map of F0 included. */
CW_MUST_CHECK int cw_prosody_distance(const struct cw_prosody *p, const struct cw_stock *s, const struct cw_acoustic *a,
                                      const struct cw_enrolment *e, double *out, struct cw_error *err);

#endif

/* Two sounds of the same words -> which moment of one is which of the other: dynamic time warping on cepstra. */
#ifndef CW_ALIGN_H
#define CW_ALIGN_H

#include "base/base.h"

enum { CW_ALIGN_MELS = 80, CW_ALIGN_HOP = 300 };
#define CW_ALIGN_LEAST_ENERGY (-9.6)

/* One of the two sounds: what is heard of it, at 24 kHz, every 300 samples. */
struct cw_align_side {
    int frames;
    float *energy;   /* [frames] Kokoro's N: log of the root of the summed squares of its mel power, 0.35 added, at least -9.6 */
    float *level;    /* [frames] how loud: 0 as silence, 1 as speech */
    float *features; /* [frames, 31] cepstra and their slopes, each frame of length 1 */
};
/* What lies above `band_hz` is not in the features: a recording of 16 kHz is laid beside a synthesis of 24. */
CW_MUST_CHECK int cw_align_side_make(struct cw_align_side *h, const float *x, size_t n, double band_hz, struct cw_error *err);
void cw_align_side_free(struct cw_align_side *h);

/* pauses [a->frames]: where a may pause, so that b may be silent there for as long as it likes. places [a->frames + 1]: the frame of b at
 * which each frame of a begins, never falling, places[a->frames] = b->frames; costs [a->frames]: how unlike the two are there, 0 .. 2. */
CW_MUST_CHECK int cw_align(const struct cw_align_side *a, const struct cw_align_side *b, const bool *pauses, float *places, float *costs,
                           struct cw_error *err);

#endif

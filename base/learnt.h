/* What a voice adds to an engine's layers, as plain data: voices/ learns and stores it, tts/ and vocoder/ fold it into their weights
 * when they open. None of them knows the others. */
#ifndef CW_LEARNT_H
#define CW_LEARNT_H

#include "base/base.h"

struct cw_learnt_layer {
    char name[64];          /* as the engine's file names the layer: "decoder.encode.conv1" */
    int out, in, taps;      /* in and taps where rank is learnt */
    const float *offset;    /* [out] added to NAME.bias, or NULL */
    int rank;               /* 0: none */
    const float *down, *up; /* NAME.weight [out, in, taps] + up^T down: down [R, in, taps], up [R, out] */
};

struct cw_learnt {
    struct cw_learnt_layer *layers;
    int count;
};

/* Where `l` (may be NULL) has the layer `name`, *weight (where rank is learnt) and *bias point to folded copies in *room, which the
 * caller frees; otherwise they stay and *room is NULL. weight or bias may point to NULL where the layer has none. A wrong shape, a
 * number that is none: CW_BAD_INPUT. */
CW_MUST_CHECK int cw_learnt_fold(const struct cw_learnt *l, const char *name, int out, int in, int taps, const float **weight,
                                 const float **bias, float **room, struct cw_error *err);
/* Layers of the rooms that `prefix` tells apart: those that begin with it, or (inside: false) all others. Fails unless `found` of them
 * were folded: a name the engine does not have, or one given twice. */
CW_MUST_CHECK int cw_learnt_check(const struct cw_learnt *l, const char *prefix, bool inside, int found, struct cw_error *err);

#endif

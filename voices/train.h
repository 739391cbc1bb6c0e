/* Fits a voice to recordings: gradients of a spectral loss through Kokoro's decoder and generator, on random stretches.
 *
 *   style [128] ─▶ + offsets of every bias and adaptive norm ─▶ + rank-16 additions to the convolutions
 *
 * Each tier starts from the best of the one before, warms up, follows a cosine, and ends early when the loss on stretches that are
 * not trained on stops falling (of a few seconds of speech: at the end of its steps). Everything random is a function of the seed: same
 * seed, same bytes, for any number of threads, interrupted or not. The recipe and its figures: docs/training.md. */
#ifndef CW_TRAIN_H
#define CW_TRAIN_H

#include "base/learnt.h"
#include "kernels/kernels.h"
#include "voices/enrol.h"

enum { CW_TRAIN_STYLE = 128, CW_TRAIN_RANK = 16 };
enum cw_train_tier { CW_TRAIN_TIER_STYLE, CW_TRAIN_TIER_OFFSETS, CW_TRAIN_TIER_LOW_RANK, CW_TRAIN_TIERS };

struct cw_trained;

struct cw_train_progress {
    enum cw_train_tier tier;
    int step, steps;      /* of this tier */
    double loss;          /* of this step's stretch */
    double held_out;      /* the last one measured */
    double best_held_out; /* of this tier; what the result is chosen by */
    double seconds_left;  /* of all tiers, at most */
};

struct cw_train_params {
    uint64_t seed;
    int steps[CW_TRAIN_TIERS];   /* most steps of each tier; 0: none of it */
    double rate[CW_TRAIN_TIERS]; /* learning rate of what the tier adds; earlier ones go on at a third of theirs */
    double style_pull;           /* times the mean square of the style's way from the start is in the loss */
    int segment_units;           /* of a stretch: 60 are 1.5 s */
    int check_every;             /* steps between measurements on what is held out */
    int patience;                /* measurements without a new best that end a tier */
    bool to_the_end;             /* every tier takes all its steps and keeps the last numbers: half a second is held out, to be told of */
    const char *encoder;      /* the speaker encoder's GGUF: it then takes part in the loss, and can no longer judge the voice; or NULL */
    const float *like;        /* [256] the embedding that it wants, of length 1 */
    double encoder_weight;    /* of 1 - cosine, beside the spectral loss */
    const char *checkpoint;   /* a file that is written at every measurement, and gone on from where it fits; or NULL */
    const char *model_sha256; /* of the engine's GGUF: a checkpoint of another one does not fit; or NULL */
    /* After every step; false: stop with CW_FAILED, the checkpoint left. Or NULL. */
    bool (*progress)(void *arg, const struct cw_train_progress *p);
    /* At every measurement, what is held out as the voice says it now: stretch 0, 1, … of samples [n], 24 kHz. Or NULL. */
    void (*hear)(void *arg, int stretch, const float *samples, int n);
    /* What there is after each tier but the last that has steps, borrowed. -1: stop. Or NULL. */
    int (*tier)(void *arg, enum cw_train_tier tier, const struct cw_trained *t, struct cw_error *err);
    void *arg;
};
struct cw_train_params cw_train_params_default(void);
/* For less than CW_TRAIN_LITTLE seconds of speech: fewer steps, a style that goes slower and less far, no choice by what is held out. */
enum { CW_TRAIN_LITTLE = 20 };
struct cw_train_params cw_train_params_little(void);

struct cw_trained {
    float style[CW_TRAIN_STYLE];
    struct cw_learnt learnt;
    float *numbers;                      /* what the layers point into */
    double held_out[CW_TRAIN_TIERS + 1]; /* loss before, then after each tier */
    int steps[CW_TRAIN_TIERS];           /* done */
};
void cw_trained_free(struct cw_trained *t);

/* `model`: the engine's GGUF. style [128]: where to start. On failure *out is empty. */
CW_MUST_CHECK int cw_train_run(struct cw_trained *out, struct cw_device *d, const char *model, const struct cw_enrolment *e,
                               const float *style, struct cw_train_params params, struct cw_error *err);

#endif

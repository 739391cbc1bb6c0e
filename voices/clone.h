/* A voice from recordings: enrolment and training joined.
 *
 *   recordings, texts ─▶ enrolment ─▶ nearest stock voices, mix by regression ─▶ prosody, F0 map ─▶ [training] ─▶ voice ─▶ how like?
 *
 * tiers: likeness (no training) ─▶ style ─▶ offsets ─▶ low-rank; each takes in those before. Same input and seed, same bytes. */
#ifndef CW_CLONE_H
#define CW_CLONE_H

#include "voices/enrol.h"
#include "voices/file.h"
#include "voices/likeness.h"
#include "voices/train.h"

/* The last one is the standard: it comes nearest, of a few seconds of speech as of a minute (docs/voices.md). */
enum cw_clone_tier { CW_CLONE_LIKENESS, CW_CLONE_STYLE, CW_CLONE_OFFSETS, CW_CLONE_LOW_RANK, CW_CLONE_TIERS };
/* "likeness", "style", "offsets", "low-rank"; NULL or false for another. */
const char *cw_clone_tier_name(enum cw_clone_tier tier);
bool cw_clone_tier_find(const char *name, enum cw_clone_tier *tier);

/* From this similarity on, on speech that nothing was fitted to, a voice may be called a clone: two recordings of one person have 0.81
 * at least and 0.91 on average, of two people 0.71 at the 95th percentile (docs/voices.md). Below it is a likeness. */
#define CW_CLONE_ALIKE 0.80

/* What it works with, all opened by the caller. */
struct cw_clone_engine {
    struct cw_enrol_engine enrol;
    struct cw_device *device;
    const char *model, *model_sha256; /* the engine's GGUF */
    const char *cache;                /* a file for what the stock voices sound like, or NULL */
    const char *encoder;              /* the speaker encoder's GGUF, for `encoder_loss` */
};

enum cw_clone_stage { CW_CLONE_ENROLLING, CW_CLONE_HEARING, CW_CLONE_PROSODY, CW_CLONE_TRAINING, CW_CLONE_JUDGING };
struct cw_clone_progress {
    enum cw_clone_stage stage;
    int done, all;                         /* of the stage; of training see below */
    const struct cw_train_progress *train; /* while training, else NULL */
};

struct cw_clone_params {
    const char *name; /* of the voice */
    enum cw_clone_tier tier;
    uint64_t seed;
    int steps[CW_TRAIN_TIERS]; /* most of each; 0: as docs/training.md has them; the tiers above `tier` have none */
    int segment_units;         /* 0: as there */
    int mixtures;              /* CW_MIXTURES; fewer for a test */
    int sentences;             /* that the voice is judged by: 1 to 3 */
    bool encoder_loss;         /* the speaker encoder takes part in training; then it cannot judge, and nothing is called a clone */
    const char *checkpoint;    /* a file, or NULL */
    const char *preview;       /* a WAV written at every measurement: what is held out, as the voice says it; or NULL */
    bool (*progress)(void *arg, const struct cw_clone_progress *p); /* false: stop; or NULL */
    /* The voice as the tiers before the last one leave it, named NAME_TIER, borrowed. -1: stop. Or NULL. */
    int (*before)(void *arg, struct cw_voice_file *f, struct cw_error *err);
    void *arg;
};
struct cw_clone_params cw_clone_params_default(void);

struct cw_clone_report {
    int utterances, left_out; /* fitted to; kept apart to judge by */
    double seconds, seconds_left_out;
    char nearest[CW_VOICE_NAME_MAX + 1]; /* stock voice */
    double prosody_before, prosody_after;
    double held_out[CW_TRAIN_TIERS + 1]; /* loss before, then after each tier */
    int steps[CW_TRAIN_TIERS];
    /* GE2E cosines to what was left out, or to all where that was too short (`unseen` false): the voice's, the nearest stock voice's,
     * and that of the recordings fitted to. The last is 1 where nothing was left out. */
    double similarity, floor, ceiling;
    bool unseen;
    bool encoder_loss; /* `similarity` is by what the voice was fitted to */
    const char *word;  /* "clone" or "likeness" */
    double minutes;
    struct cw_text notes; /* utterances left out for their text, prosody that was not moved; free it by cw_clone_report_free */
};
void cw_clone_report_free(struct cw_clone_report *r);

/* *f is a voice without consent: it speaks after cw_voice_seal. On failure it is empty, and r->notes may still say why. */
CW_MUST_CHECK int cw_clone(struct cw_voice_file *f, struct cw_clone_report *r, const struct cw_clone_engine *g,
                           const struct cw_enrol_source *sources, int count, struct cw_clone_params params, struct cw_error *err);

#endif

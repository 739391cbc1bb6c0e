/* A prosody style by gradients: how the style of a mix moves so that durations, F0 and energy come nearer to recordings', back through
 * the engine's predictor. Full batch, Adam, no chance in it: same input, same bytes, for any number of threads. */
#ifndef CW_PROSODY_TRAIN_H
#define CW_PROSODY_TRAIN_H

#include "voices/likeness.h"

enum { CW_PROSODY_STYLE = CW_PACK_STYLE - CW_PACK_TIMBRE };

struct cw_prosody_start {
    const float *weights;       /* [voices] of the mix that it starts from */
    double f0_slope, f0_offset; /* of that mix: log F0 -> slope log F0 + offset, held while it is fitted */
    double level;               /* how much more energy the mix gives what is loud than the recordings have; held too */
};
struct cw_prosody_train_params {
    int steps;
    double rate;                                    /* of Adam, in units of the stock voices' spread */
    double pull;                                    /* times the mean square of the shift, in these units, is in the loss */
    int units;                                      /* utterances are taken until they hold as many */
    bool (*progress)(void *arg, int done, int all); /* before every step; false: stop; or NULL */
    void *arg;
};
struct cw_prosody_train_params cw_prosody_train_params_default(void);

struct cw_prosody_trained {
    float shift[CW_PROSODY_STYLE]; /* added to the prosody half of every row of the mix */
    double before, after;          /* loss on symbols that nothing was fitted to, at the start and at the step that is kept */
    int step;                      /* the one that is kept, 0: the start, and all zeros */
};
CW_MUST_CHECK int cw_prosody_train(struct cw_prosody_trained *out, struct cw_device *d, const char *model, const struct cw_acoustic *a,
                                   const struct cw_stock *s, const struct cw_enrolment *e, struct cw_prosody_start start,
                                   struct cw_prosody_train_params params, struct cw_error *err);
/* What a mix moved by shift [128] says of every utterance's symbols for its real durations, into said_f0 (mapped) and said_energy: a
 * decoder is to speak by these curves, so it should learn by them too. */
CW_MUST_CHECK int cw_prosody_say(struct cw_enrolment *e, struct cw_device *d, const char *model, const struct cw_acoustic *a,
                                 const struct cw_stock *s, struct cw_prosody_start start, const float *shift, struct cw_error *err);

#endif

/* The two halves of an acoustic model that a style speaks to, on a tape, with the way back for gradients:
 *
 *   decoder:   aligned text, real F0 and energy, timbre half of the style  ─▶ acoustic frames
 *   predictor: text's coding, real durations, prosody half of the style    ─▶ durations, F0 and energy
 *
 * What a voice is trained through; synthesis is acoustic.h. Products are in float32. */
#ifndef CW_TTS_TRAIN_H
#define CW_TTS_TRAIN_H

#include "kernels/tape.h"

struct cw_acoustic_trainer;

CW_MUST_CHECK int cw_acoustic_trainer_open(struct cw_acoustic_trainer **a, struct cw_device *d, const char *path, struct cw_error *err);
void cw_acoustic_trainer_close(struct cw_acoustic_trainer *a);
/* What can be learnt, named as the file names it. */
struct cw_layer *cw_acoustic_trainer_layers(struct cw_acoustic_trainer *a, int *count);
/* asr [T, 512]: the text's encoding ("t_en"), each row as often as its symbol lasts; f0, energy [2T]; style [1, 128] -> frames
 * [2T, 512]. Failures stay in the tape. */
struct cw_var *cw_acoustic_trainer_run(struct cw_acoustic_trainer *a, struct cw_tape *t, struct cw_mat asr, const float *f0,
                                       const float *energy, struct cw_var *style);

struct cw_prosody_trainer;
CW_MUST_CHECK int cw_prosody_trainer_open(struct cw_prosody_trainer **p, struct cw_device *d, const char *path, struct cw_error *err);
void cw_prosody_trainer_close(struct cw_prosody_trainer *p);
struct cw_predicted {
    struct cw_var *durations; /* [P, 1] units, before they are rounded */
    struct cw_var *f0;        /* [2T, 1] Hz; near 0 where unvoiced */
    struct cw_var *energy;    /* [2T, 1] */
};
/* coding [P, 512]: the text's ("d_en"), padding at both ends included; durations [P], each >= 0, their sum T: those that F0 and energy
 * are predicted for, borrowed until the tape's next start; style [1, 128]. Failures stay in the tape. */
struct cw_predicted cw_prosody_trainer_run(struct cw_prosody_trainer *p, struct cw_tape *t, struct cw_mat coding, const int *durations,
                                           struct cw_var *style);

#endif

/* The decoder of an acoustic model on a tape: aligned text, real F0 and energy, style -> acoustic frames, with the way back for
 * gradients. What a voice is trained through; synthesis is acoustic.h. Products are in float32. */
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

#endif

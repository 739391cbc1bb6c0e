/* A vocoder on a tape: acoustic frames -> waveform, with the way back for gradients. What a voice is trained through; synthesis
 * is vocoder.h. Products are in float32 here, whatever the instruction set multiplies in synthesis. */
#ifndef CW_VOCODER_TRAIN_H
#define CW_VOCODER_TRAIN_H

#include "kernels/tape.h"

struct cw_vocoder_trainer;

CW_MUST_CHECK int cw_vocoder_trainer_open(struct cw_vocoder_trainer **v, struct cw_device *d, const char *path, struct cw_error *err);
void cw_vocoder_trainer_close(struct cw_vocoder_trainer *v);
/* What can be learnt, named as the file names it. */
struct cw_layer *cw_vocoder_trainer_layers(struct cw_vocoder_trainer *v, int *count);
/* frames [T, 512], style [1, 128], f0 [T] Hz -> the wave, [1, 300 T]. The source has the noise it has in synthesis, by `seed`: what is
 * fitted to a source without it does not sound like that with it. har: [60 T + 1, 22], a source spectrum to take instead of our own
 * (parity tests), or NULL. Failures stay in the tape. */
struct cw_var *cw_vocoder_trainer_run(struct cw_vocoder_trainer *v, struct cw_tape *t, struct cw_var *frames, struct cw_var *style,
                                      const float *f0, uint64_t seed, const float *har);

#endif

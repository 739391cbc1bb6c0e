/* The speaker encoder as a loss: how unlike somebody a wave sounds, and which way to change the wave.
 *
 *   24 kHz ─▶ 40 mels, 25 ms every 10 ms ─▶ three LSTM layers ─▶ linear, ReLU, length 1 ─▶ 1 - cosine ─▶ back to the wave
 *
 * The mels are those of encoder.h taken at 24 kHz (transform and hop half as long again), so nothing is resampled. A voice that was
 * fitted by this cannot be judged by this encoder. */
#ifndef CW_ENCODER_LOSS_H
#define CW_ENCODER_LOSS_H

#include "voices/encoder.h"

struct cw_encoder_loss;
/* `path`: the encoder's GGUF; waves of at most max_samples. */
CW_MUST_CHECK int cw_encoder_loss_open(struct cw_encoder_loss **l, struct cw_device *d, const char *path, int max_samples,
                                       struct cw_error *err);
void cw_encoder_loss_close(struct cw_encoder_loss *l);
/* *loss = 1 - cosine of wave's [n] embedding and `like`, a unit vector; weight times its gradient is added to grad [n], or NULL. */
CW_MUST_CHECK int cw_encoder_loss_run(struct cw_encoder_loss *l, const float *wave, int n, const float like[CW_EMBEDDING], double *loss,
                                      double weight, float *grad, struct cw_error *err);

#endif

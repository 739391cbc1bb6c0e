/* How far a synthesised stretch is from the recording it should equal: over three resolutions, the mean of
 *   mean |log(M + f) - log(M* + f)| + |M - M*| / |M*|,
 * f, a band's: 3 % of its mean in M*, 0.002 at least, so that what is far under the speech is not learnt; with 0.02 in every band added to
 * |M*|, for silence. M: the magnitudes of a short-time spectrum in mel bands (triangles on the scale of O'Shaughnessy, of height 1).
 * Multi-resolution spectral losses: Yamamoto, Song and Kim, "Parallel WaveGAN", 2020. */
#ifndef CW_LOSS_H
#define CW_LOSS_H

#include "kernels/kernels.h"

struct cw_loss;
/* For stretches of at most max_samples; what lies above `band_hz` is not looked at. */
CW_MUST_CHECK int cw_loss_open(struct cw_loss **l, int rate, double band_hz, int max_samples, struct cw_error *err);
void cw_loss_close(struct cw_loss *l);
/* What the room adds to the target, so that it is not learnt: from then on sqrt(M^2 + R^2) stands for M, R^2 a band's mean square in the
 * quietest tenth of the frames of these recordings x[i] [n[i]]. */
CW_MUST_CHECK int cw_loss_learn_room(struct cw_loss *l, const float *const *x, const int *n, int count, struct cw_error *err);
/* From then on a frame of the target may stand up to `samples` from its place: each is laid beside the frame of the wave that it is most
 * like, in order (dynamic time warping in each resolution, band means taken off), before the two are compared. Once. */
CW_MUST_CHECK int cw_loss_forgive_timing(struct cw_loss *l, int samples, struct cw_error *err);
/* wave, target [n]; grad [n] gets the gradient by the wave, or NULL. n from 2048. */
CW_MUST_CHECK int cw_loss_run(struct cw_loss *l, struct cw_device *d, const float *wave, const float *target, int n, double *loss,
                              float *grad, struct cw_error *err);

#endif

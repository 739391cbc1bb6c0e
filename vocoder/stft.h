/* Short-time Fourier transform and its inverse in double precision, centred, with a periodic Hann window as long as the
 * transform: the conventions of torch.stft and torch.istft, which the published vocoders are trained with.
 *
 * A plan is immutable and shared between threads; nothing here allocates after opening. */
#ifndef CW_STFT_H
#define CW_STFT_H

#include "base/base.h"

#define CW_STFT_MAX 2048 /* longest transform; work areas stand on the stack */

struct cw_stft;

/* `size` samples a frame (even, 2 .. CW_STFT_MAX), one frame every `hop` samples (hop <= size / 2). */
CW_MUST_CHECK int cw_stft_open(struct cw_stft **s, int size, int hop, struct cw_error *err);
void cw_stft_close(struct cw_stft *s);

int cw_stft_bins(const struct cw_stft *s);                /* size / 2 + 1 */
size_t cw_stft_frames(const struct cw_stft *s, size_t n); /* 1 + n / hop for a signal of n samples */

/* Spectrum re, im [bins] of one frame of x [n]; the signal is reflected size / 2 samples beyond both ends, so n must be
 * larger than that. The imaginary part of the first and the last bin is +0, so that their phase is 0 or +pi. */
void cw_stft_analyse(const struct cw_stft *s, const double *x, size_t n, size_t frame, double *re, double *im);

/* The same of a frame that the caller has put together, x [size]. */
void cw_stft_frame(const struct cw_stft *s, const double *x, double *re, double *im);
/* Where in a signal of `len` samples the one at `at`, up to len - 1 beyond an end, is found: the edge samples are not repeated. */
ptrdiff_t cw_stft_reflect(ptrdiff_t at, ptrdiff_t len);

/* Samples [first, first + count) of the signal whose `frames` spectra are given by `bins`, called in the order of frames:
 * overlap-add of windowed inverse transforms, divided by the sum of the squared windows. The whole signal has
 * (frames - 1) * hop samples. The result does not depend on how the signal is cut into ranges. */
typedef void (*cw_stft_spectrum)(void *arg, size_t frame, double *re, double *im);
void cw_stft_synthesise(const struct cw_stft *s, size_t frames, cw_stft_spectrum bins, void *arg, size_t first, size_t count, double *out);

/* Gradients: of a loss by the signal of cw_stft_analyse, added to dx [n], from those by the spectrum of one frame; and by the
 * spectrum of one frame of cw_stft_synthesise, from that by the signal, dout [(frames - 1) * hop]. */
void cw_stft_analyse_backward(const struct cw_stft *s, const double *dre, const double *dim, size_t n, size_t frame, double *dx);
void cw_stft_synthesise_backward(const struct cw_stft *s, size_t frames, const double *dout, size_t frame, double *dre, double *dim);

#endif

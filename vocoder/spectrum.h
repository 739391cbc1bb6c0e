/* The two ends of Kokoro's generator, over all threads: the source's spectrum in, the wave out.
 *
 * Spectra are rows of CW_SPECTRUM numbers, CW_SPECTRUM_BINS of them twice; frames lie CW_SPECTRUM_HOP samples apart. */
#ifndef CW_SPECTRUM_H
#define CW_SPECTRUM_H

#include "kernels/kernels.h"
#include "vocoder/stft.h"

enum { CW_SPECTRUM_FFT = 20, CW_SPECTRUM_HOP = 5, CW_SPECTRUM_BINS = CW_SPECTRUM_FFT / 2 + 1, CW_SPECTRUM = 2 * CW_SPECTRUM_BINS };

/* spectrum [T', 22]: magnitude | phase of signal [n]. */
void cw_spectrum_analyse(struct cw_device *d, const struct cw_stft *stft, const double *signal, size_t n, struct cw_mat spectrum);
/* One row of log magnitude | asin of phase, as real and imaginary parts [11]. */
void cw_spectrum_bins(const float *row, double *re, double *im);
/* out [(T' - 1) 5] from spectrum [T', 22]: log magnitude | asin of phase. */
void cw_spectrum_synthesise(struct cw_device *d, const struct cw_stft *stft, struct cw_mat spectrum, float *out);

#endif

/* Power spectra for the analyses of this room: torch's and librosa's conventions. */
#ifndef CW_SPECTRUM_H
#define CW_SPECTRUM_H

#include "base/base.h"

enum { CW_SPECTRUM_MAX = 4096 };

struct cw_spectrum;
/* A periodic Hann window of `window` samples in the middle of a transform of `size` (even, at most CW_SPECTRUM_MAX). */
CW_MUST_CHECK int cw_spectrum_open(struct cw_spectrum **s, int size, int window, struct cw_error *err);
void cw_spectrum_close(struct cw_spectrum *s);
/* power [size / 2 + 1] of x [n] around sample `centre`, zeros beyond its ends. Not for two threads at once. */
void cw_spectrum_power(struct cw_spectrum *s, const float *x, size_t n, ptrdiff_t centre, double *power);

#endif

/* Harmonic source of the neural source-filter vocoders (Wang, Takaki, Yamagishi, "Neural source-filter waveform models",
 * 2019; as in iSTFTNet and Kokoro): F0 -> fundamental and overtones + Gaussian noise -> one excitation signal. */
#ifndef CW_SOURCE_H
#define CW_SOURCE_H

#include "kernels/kernels.h"

#define CW_SOURCE_HARMONICS_MAX 16

struct cw_source {
    int sample_rate;
    int hop;                                      /* samples per F0 value, even */
    int harmonics;                                /* fundamental included */
    double sine_amp;                              /* of each harmonic where voiced */
    double voiced_std;                            /* of the noise on each harmonic where voiced ... */
    double unvoiced_std;                          /* ... and where not */
    double threshold;                             /* voiced above this F0, Hz */
    double weight[CW_SOURCE_HARMONICS_MAX], bias; /* excitation = tanh(sum over h of weight[h] x[h] + bias) */
};

/* Bytes of scratch for `frames` F0 values. */
size_t cw_source_scratch(const struct cw_source *s, int frames);
/* x [frames * hop] from f0 [frames] Hz, finite. Same f0 and seed, same bytes, for any number of threads. */
void cw_source_run(const struct cw_source *s, struct cw_device *d, const float *f0, int frames, uint64_t seed, void *scratch, double *x);

#endif

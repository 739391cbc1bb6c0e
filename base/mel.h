/* base: mel filters, which vocoders and the analyses of recordings share. */
#ifndef CW_BASE_MEL_H
#define CW_BASE_MEL_H

#include <stdbool.h>
#include <stddef.h>

/* filters [mels, size / 2 + 1], triangles from 0 Hz to `top`. Slaney: linear below 1 kHz, each of area 1 (librosa's default);
 * else HTK's scale and height 1 (torchaudio's default). */
void cw_mel_filters(double *filters, int mels, int size, int rate, double top, bool slaney);

#endif

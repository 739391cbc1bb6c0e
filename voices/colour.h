/* The long-term spectrum of a recording, given to a voice that was not trained: gains of the eleven bands of the inverse STFT that the
 * engine's sound ends in, which are offsets of its last layer's bias and so cost nothing when it speaks. */
#ifndef CW_COLOUR_H
#define CW_COLOUR_H

#include "base/learnt.h"
#include "voices/enrol.h"

enum { CW_COLOUR_BANDS = 11, CW_COLOUR_OFFSETS = 22 }; /* 0, 1.2, … 12 kHz; the layer's phases have an offset too: none */
#define CW_COLOUR_LAYER "decoder.generator.conv_post"

/* The pack, spoken with the map of F0, says what the enrolment's first utterances say; offsets [22] bring it nearer to how they sound: by
 * 6 dB a band at most, the mean of the bands up to 3.6 kHz as it was, and above what the recordings hold as in the last band they do. */
CW_MUST_CHECK int cw_colour_match(const struct cw_enrol_engine *g, const struct cw_enrolment *e, const float *pack, float f0_slope,
                                  float f0_offset, float offsets[CW_COLOUR_OFFSETS], struct cw_error *err);

#endif

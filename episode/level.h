/* How loud a voice speaks, so that hosts are equally loud whatever their voices. */
#ifndef CW_LEVEL_H
#define CW_LEVEL_H

#include "episode/studio.h"

#define CW_LEVEL_LUFS (-16.0)

/* Gain in dB, a multiple of 0.1, that brings the voice to CW_LEVEL_LUFS (BS.1770, in both channels). The voice speaks a text
 * once per machine and kernel class; what was measured is kept in the models' folder, by the sums of voice and model. */
CW_MUST_CHECK int cw_level_gain(struct cw_booth *b, const struct cw_voice *voice, const char *language, double *gain_db,
                                struct cw_error *err);

#endif

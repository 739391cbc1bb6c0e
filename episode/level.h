/* What is learnt of a voice by hearing it once: how loud it speaks, so that hosts are equally loud whatever their voices, and how fast,
 * so that a script's length is known before it is spoken. The voice speaks some text once per machine and kernel class; what was
 * measured is kept in the models' folder, by the keys of the turns spoken. */
#ifndef CW_LEVEL_H
#define CW_LEVEL_H

#include "episode/studio.h"

#define CW_LEVEL_LUFS (-16.0)

/* Gain in dB, a multiple of 0.1, that brings the voice to CW_LEVEL_LUFS (BS.1770, in both channels). */
CW_MUST_CHECK int cw_level_gain(struct cw_booth *b, const struct cw_voice *voice, const char *language, double *gain_db,
                                struct cw_error *err);
/* Seconds a phoneme symbol takes this voice; pauses inside turns are in it. */
CW_MUST_CHECK int cw_level_rate(struct cw_booth *b, const struct cw_voice *voice, const char *language, double speed,
                                double *symbol_seconds, struct cw_error *err);

#endif

/* What Kokoro makes of an utterance's symbols before any style matters, once for a whole training. */
#ifndef CW_CODING_H
#define CW_CODING_H

#include "tts/acoustic.h"
#include "voices/enrol.h"

enum { CW_CODING_WIDTH = 512 };

/* `stage`: "t_en", what the decoder reads, or "d_en", what the predictor does. codings[i] [u[i].count + 2, 512] is the caller's to free;
 * all NULL where it fails. */
CW_MUST_CHECK int cw_code_utterances(const struct cw_acoustic *a, const char *stage, const struct cw_enrol_utterance *u, int count,
                                     float **codings, struct cw_error *err);

#endif

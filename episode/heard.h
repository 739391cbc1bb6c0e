/* Heard: what a voice sounds like to the speaker encoder, from a text it speaks; kept once it was heard. */
#ifndef CW_HEARD_H
#define CW_HEARD_H

#include "episode/studio.h"
#include "voices/encoder.h"

struct cw_script;

/* Opens the speaker encoder; CW_NO_MODEL when it is not there. From any thread. */
CW_MUST_CHECK int cw_studio_need_encoder(struct cw_studio *s, struct cw_error *err);
CW_MUST_CHECK int cw_voice_heard(struct cw_booth *b, const struct cw_voice *voice, float embedding[CW_EMBEDDING], struct cw_error *err);
/* Adds a line for each pair of the cast whose voices sound alike (CW_VOICES_ALIKE); nothing where there is no speaker encoder or
 * something fails: a warning is not worth a failure. known_only: voices that were never heard are left out, for no time is to be lost. */
void cw_cast_alike(struct cw_booth *b, const struct cw_voice *voices, const struct cw_script *script, bool known_only,
                   struct cw_text *lines);

#endif

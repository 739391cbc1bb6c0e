/* What a voice file adds to the engine's weights <-> layers that an engine can fold in (base/learnt.h).
 *
 *   additions "offset.NAME.bias", "lora.a.NAME.weight", "lora.b.NAME.weight" ─▶ one layer NAME
 *
 * A mix of such voices is their sum by weights: offsets add up, low ranks stand side by side. */
#ifndef CW_VOICES_LEARNT_H
#define CW_VOICES_LEARNT_H

#include "base/learnt.h"
#include "voices/file.h"

/* Adds a voice's additions times its weight. On failure `to` holds a part of them; clear it. */
CW_MUST_CHECK int cw_learnt_add(struct cw_learnt *to, const struct cw_voice_addition *additions, size_t count, double weight,
                                struct cw_error *err);
/* Of layers that cw_learnt_add made. */
void cw_learnt_clear(struct cw_learnt *l);
/* sha256 of names, shapes and numbers. */
void cw_learnt_content(const struct cw_learnt *l, char hex[65]);
/* Copies into f->additions, which must be empty. */
CW_MUST_CHECK int cw_learnt_store(const struct cw_learnt *l, struct cw_voice_file *f, struct cw_error *err);

#endif

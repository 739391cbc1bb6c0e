/* Which pronunciations an episode goes by. */
#ifndef CW_PRONOUNCE_H
#define CW_PRONOUNCE_H

#include "dialogue/script.h"
#include "tts/speech.h"

/* The file beside the script ("tides.md": "tides.dict"), then the one asked for, then the script's own front matter; of two entries for a
 * word the later one counts. `path` is the script's, `extra` the file asked for; either may be NULL. *d is NULL where there are none.
 * `copy` gets the text of the files: what has to lie beside a copy of the script. */
CW_MUST_CHECK int cw_pronounce_open(struct cw_dictionary **d, const char *path, const char *extra, const struct cw_script *script,
                                    struct cw_text *copy, struct cw_error *err);

#endif

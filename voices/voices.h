/* Voices: names and mixes -> style packs, as plain data for tts/. */
#ifndef CW_VOICES_H
#define CW_VOICES_H

#include "base/base.h"

enum { CW_PACK_ROWS = 510, CW_PACK_STYLE = 256 };

struct cw_voice {
    char *name;       /* the expression, normalised: "am_michael*0.7 + bm_george*0.3" */
    char language[8]; /* of its first part: "en-us" (a...), "en-gb" (b...), "ja", ...; from the first letter of the name */
    float *pack;      /* [510, 256] */
    char sha256[65];  /* of the pack's bytes */
};

/* `expr`: a name, or a weighted sum (weights are normalised to 1, each > 0); a path to a .bin pack is a name too when it
 * holds a '/'. Unknown voice: CW_BAD_INPUT naming it and the nearest names there are; wrong size or a NaN: refused. */
CW_MUST_CHECK int cw_voice_open(struct cw_voice *v, const char *voices_dir, const char *expr, struct cw_error *err);
void cw_voice_close(struct cw_voice *v);

struct cw_voice_info {
    char name[64];
    char language[8];
    const char *language_name; /* "American English" */
    const char *gender;        /* "female", "male" */
    bool has_front_end;        /* can castwright speak its language yet */
};
/* Sorted by name; free() *list. */
CW_MUST_CHECK int cw_voices_list(const char *voices_dir, struct cw_voice_info **list, size_t *count, struct cw_error *err);

#endif

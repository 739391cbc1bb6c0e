/* Voices: names and mixes -> style packs, as plain data for tts/. */
#ifndef CW_VOICES_H
#define CW_VOICES_H

#include "base/learnt.h"
#include "voices/consent.h"
#include "voices/file.h"

struct cw_voice {
    char *name;       /* the expression, normalised: "am_michael*0.7 + bm_george*0.3" */
    char language[8]; /* of its first part: "en-us" (a...), "en-gb" (b...), "ja", ...; from the first letter of the name */
    char engine[16];  /* that speaks it: "kokoro", "f5" */
    float *pack;      /* [510, 256]; NULL of a zero-shot voice, which has instead: */
    float *reference; /* [reference_count] samples of CW_REFERENCE_RATE, */
    int reference_count;
    char *reference_text; /* what is said in them, */
    float embedding[256]; /* and whose voice it is (voices/encoder.h) */
    char sha256[65];      /* of all that is heard: the pack's bytes, the F0 map and what was learnt, where there is such; the reference */
    float f0_slope, f0_offset; /* log F0 -> slope log F0 + offset; 1 and 0: as the model says */
    char engine_sha256[65];    /* of the model that a part was made for; "" where every part is a plain pack */
    struct cw_learnt learnt;   /* what its parts add to the engine's weights, each by its share of the timbre; mostly nothing */
    char learnt_sha256[65];    /* of that; "" where there is nothing */
    struct cw_voice_person people[CW_VOICE_PEOPLE_MAX]; /* [people_count] whose consent it stands on */
    int people_count;
};

/* `expr`: a name, or a weighted sum (weights are normalised to 1, each > 0); or the two halves of a voice apart,
 * "timbre:am_michael*0.6 + bm_george*0.4 prosody:am_puck". A name is a pack of voices_dir, else a voice file of one's own
 * (cw_voices_home). A zero-shot voice speaks by another engine, so it stands alone. A path to a pack or a voice file is a name too when it
 * holds a '/'. Unknown voice: CW_BAD_INPUT naming it and the nearest names there are; wrong size or a NaN: refused. */
CW_MUST_CHECK int cw_voice_open(struct cw_voice *v, const char *voices_dir, const char *expr, struct cw_error *err);
void cw_voice_close(struct cw_voice *v);
/* Was the voice made for this model? CW_BAD_INPUT when not. */
CW_MUST_CHECK int cw_voice_fits(const struct cw_voice *v, const char *model_sha256, struct cw_error *err);

struct cw_voice_info {
    char name[64];
    char language[8];
    const char *language_name; /* "American English" */
    const char *gender;        /* "female", "male", "unknown" */
    bool has_front_end;        /* can castwright speak its language yet */
    char made[16];             /* "stock"; of one's own: as in the file ("mix", ...), or "broken": cannot or may not speak */
};
/* Those of voices_dir, then one's own; each sorted by name; free() *list. */
CW_MUST_CHECK int cw_voices_list(const char *voices_dir, struct cw_voice_info **list, size_t *count, struct cw_error *err);

/* A mix as a voice file: *f is filled from the expression; cw_voice_file_free it. `name` must be new. */
CW_MUST_CHECK int cw_voice_mix(struct cw_voice_file *f, const char *voices_dir, const char *name, const char *expr,
                               const char *engine_sha256, struct cw_error *err);

#endif

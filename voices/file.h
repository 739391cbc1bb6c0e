/* Voice files: one GGUF per voice of one's own (docs/voices.md describes the format), and the folder they live in. */
#ifndef CW_VOICE_FILE_H
#define CW_VOICE_FILE_H

#include "base/base.h"

/* A reference: what F5 is shown of a speaker. */
enum { CW_REFERENCE_RATE = 24000, CW_REFERENCE_LEAST = 2, CW_REFERENCE_MOST = 13 }; /* Hz; seconds, what is trimmed and the edges counted */
enum { CW_PACK_ROWS = 510, CW_PACK_STYLE = 256, CW_PACK_TIMBRE = 128, CW_VOICE_NAME_MAX = 63, CW_VOICE_ADDITIONS_MAX = 1024 };

/* What a fit adds to a parameter of the engine, by the parameter's name in the engine's GGUF:
 *   "offset.P"  the shape of P, a vector: added to a bias (an AdaIN's fc bias shifts its gains and shifts)
 *   "lora.a.P" [R, in, taps] and "lora.b.P" [R, out]: P [out, in, taps] + sum over r of b[r, :] a[r, :, :], as in base/learnt.h */
struct cw_voice_addition {
    char name[128];
    int dims[4], dim_count;
    float *data;
};

struct cw_voice_file {
    char name[CW_VOICE_NAME_MAX + 1];
    char made[16];          /* "mix", "likeness", "style", "offsets", "low-rank"; "zero-shot" */
    char engine[16];        /* "kokoro"; "f5", whose voices are all zero-shot */
    char engine_sha256[65]; /* of the engine's GGUF; "" of f5, since a reference is any checkpoint's */
    char language[8];       /* "en-us" */
    char *licence, *how;    /* of the voice; how it was made, for people */
    char **parents;         /* [parent_count] "NAME TIMBRE PROSODY SHA256": weights, and the hash of what was mixed */
    size_t parent_count;
    char **consents; /* [consent_count] signed records (consent.h) of the people in it */
    size_t consent_count;
    char *seal;                 /* signature of it all (consent.h); "" where nobody's consent is needed */
    float *pack;                /* [510, 256]; NULL of f5 */
    double f0_slope, f0_offset; /* log F0 -> slope log F0 + offset; 1 and 0 leave it */
    bool has_embedding;
    float embedding[256]; /* GE2E, of what it was made from */
    struct cw_voice_addition *additions;
    size_t addition_count;
    float *reference; /* of f5: [reference_count] samples of CW_REFERENCE_RATE, RMS 0.1; else NULL */
    int reference_count;
    char *reference_text; /* what is said in it */
};

/* Strict: another architecture or version, a missing key, an unknown tensor, a wrong shape, a number that is none: CW_BAD_INPUT. */
CW_MUST_CHECK int cw_voice_file_read(struct cw_voice_file *f, const char *path, struct cw_error *err);
CW_MUST_CHECK int cw_voice_file_write(const struct cw_voice_file *f, const char *path, struct cw_error *err);
void cw_voice_file_free(struct cw_voice_file *f);
/* sha256 of all that is heard: pack, F0 map, additions; or reference and its text. */
void cw_voice_file_content(const struct cw_voice_file *f, char hex[65]);

/* $CASTWRIGHT_VOICES, else $XDG_DATA_HOME/castwright/voices, else ~/.local/share/castwright/voices; it need not be there. */
CW_MUST_CHECK int cw_voices_home(char out[CW_PATH_MAX], struct cw_error *err);
/* Where the voice NAME of one's own is or would be. */
CW_MUST_CHECK int cw_voices_own_path(const char *name, char out[CW_PATH_MAX], struct cw_error *err);
/* Letters, digits and _, 1 to CW_VOICE_NAME_MAX. */
bool cw_voice_is_name(const char *s, size_t n);

#endif

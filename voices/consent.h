/* Consent as data: who speaks agrees, in a record that is signed, bound to the recordings, and checked on every use of a voice.
 *
 *   terms ─▶ statement, with code words of these terms ─▶ read aloud ─▶ the enrolment's speaker? the words? ─▶ record, signed
 *   voice file + records ─▶ sealed: one signature over every key and tensor ─▶ verified whenever a voice is opened */
#ifndef CW_CONSENT_H
#define CW_CONSENT_H

#include "voices/encoder.h"
#include "voices/file.h"
#include "voices/recording.h"
#include "voices/trust.h"

enum { CW_CONSENT_RECORDINGS_MAX = 64, CW_CONSENT_TEXT_MAX = 1500 };
/* Two sounds of one speaker have a cosine of at least this (docs/voices.md has the figures). */
#define CW_CONSENT_ALIKE 0.75

/* What is agreed to. Dates are "2026-11-22"; the voice may be used up to and on the day `until`. */
struct cw_consent_terms {
    char speaker[128]; /* who: the name as the speaker says it */
    char purpose[256]; /* what for: "a podcast about the sea" */
    char date[11], until[11];
    char language[8]; /* of the voice: "en-us" */
};

struct cw_consent {
    struct cw_consent_terms terms;
    char statement[CW_CONSENT_TEXT_MAX + 1];
    char how[16];                                   /* "read-aloud", or "self-declared": the key's owner is the speaker */
    char spoken[65];                                /* cw_recording_hash of the statement read aloud; "" when self-declared */
    char recordings[CW_CONSENT_RECORDINGS_MAX][65]; /* cw_recording_hash of what the voice is learnt from */
    int recording_count;
    float embedding[CW_EMBEDDING]; /* of those recordings, length 1 */
    char key[CW_KEY_HEX + 1], signature[CW_SIGNATURE_HEX + 1];
};

/* ---- making ---------------------------------------------------------------------------------------------------------------------- */

/* Checked: dates that are none, an end before the beginning, an empty name, control characters: CW_BAD_INPUT. */
CW_MUST_CHECK int cw_consent_terms_check(const struct cw_consent_terms *t, struct cw_error *err);
/* What the speaker reads aloud: the terms and six code words made from them, so that no other recording says the same. */
CW_MUST_CHECK int cw_consent_statement(const struct cw_consent_terms *t, char out[CW_CONSENT_TEXT_MAX + 1], struct cw_error *err);

struct cw_consent_sources {
    const char *const *recordings; /* paths: what the voice is learnt from */
    int count;
    const char *spoken;    /* path: the statement read aloud; or */
    bool i_am_the_speaker; /* the key's owner says so */
};
/* Reads and hashes the recordings, checks the statement read aloud (the same speaker, the right words), signs with k.
 * CW_BAD_INPUT with the reason: recordings of different speakers, another speaker's statement, other words. */
CW_MUST_CHECK int cw_consent_make(struct cw_consent *c, const struct cw_consent_terms *t, const struct cw_consent_sources *s,
                                  const struct cw_encoder *encoder, const struct cw_key *k, struct cw_error *err);
/* Is this record about these recordings (every one is among those it lists) and this speaker? For a record that was made before. */
CW_MUST_CHECK int cw_consent_covers(const struct cw_consent *c, const struct cw_recording *recordings, int count,
                                    const float embedding[CW_EMBEDDING], struct cw_error *err);

/* Sets c->key and c->signature: what cw_consent_make does last. */
CW_MUST_CHECK int cw_consent_sign(struct cw_consent *c, const struct cw_key *k, struct cw_error *err);

/* sha256 of rate and samples: the same for the same sound in another file format of the same precision. */
void cw_recording_hash(const struct cw_recording *r, char hex[65]);

/* ---- as text: one canonical JSON line, so that a record has one hash -------------------------------------------------------------- */

CW_MUST_CHECK int cw_consent_print(const struct cw_consent *c, struct cw_text *out, struct cw_error *err);
/* Strict: anything but the canonical form of a whole record whose signature holds is refused, with the reason. */
CW_MUST_CHECK int cw_consent_parse(struct cw_consent *c, const char *text, size_t len, struct cw_error *err);
CW_MUST_CHECK int cw_consent_read(struct cw_consent *c, const char *path, struct cw_error *err);   /* a file of one record */
CW_MUST_CHECK int cw_consent_hash(const struct cw_consent *c, char hex[65], struct cw_error *err); /* of what is signed */

/* ---- use ------------------------------------------------------------------------------------------------------------------------- */

/* Signed by a key that is trusted, begun, not over, not revoked? CW_BAD_INPUT with the reason. */
CW_MUST_CHECK int cw_consent_holds(const struct cw_consent *c, const struct cw_trust *t, struct cw_error *err);

/* Puts the records in and seals: f->consents and f->seal are replaced. A voice that is no mix has one record, signed by the same key,
 * and an embedding that is its speaker's. Seal last: what is changed afterwards (but for the name) breaks the seal. */
CW_MUST_CHECK int cw_voice_seal(struct cw_voice_file *f, const struct cw_consent *records, int count, const struct cw_key *k,
                                struct cw_error *err);

/* Somebody whose consent a voice needs. */
enum { CW_VOICE_PEOPLE_MAX = 8 };
struct cw_voice_person {
    char speaker[128], purpose[256], until[11];
    char record[65]; /* cw_consent_hash */
};
/* May this voice be used? A mix without records must be the mix of stock voices (of voices_dir) that it says it is, number by number;
 * any other voice must be sealed by a trusted key over records that all hold. CW_BAD_INPUT with the reason. Called by cw_voice_open. */
CW_MUST_CHECK int cw_voice_file_allowed(const struct cw_voice_file *f, const char *voices_dir, const struct cw_trust *t,
                                        struct cw_voice_person people[CW_VOICE_PEOPLE_MAX], int *count, struct cw_error *err);

#endif

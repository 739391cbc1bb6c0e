/* Whose signatures count: the user's own Ed25519 key, the keys accepted from others, and what was revoked. Three files in one folder:
 *
 *   consent.key  the own secret, 0600, made once and never overwritten
 *   trusted      public keys, one a line: the own one, and those accepted by their fingerprint
 *   revoked      hashes of consent records that no longer hold, the whole signed with the own key */
#ifndef CW_TRUST_H
#define CW_TRUST_H

#include "base/base.h"

enum { CW_KEY_HEX = 64, CW_SIGNATURE_HEX = 128, CW_FINGERPRINT_HEX = 32 };

/* $CASTWRIGHT_CONFIG, else $XDG_CONFIG_HOME/castwright, else ~/.config/castwright; it need not be there. */
CW_MUST_CHECK int cw_trust_home(char out[CW_PATH_MAX], struct cw_error *err);

struct cw_key {
    unsigned char secret[64];
    char public_hex[CW_KEY_HEX + 1];
};
/* The user's key; made when there is none. A key file that others can read, or that is none: CW_BAD_INPUT, and left as it is. */
CW_MUST_CHECK int cw_key_open(struct cw_key *k, struct cw_error *err);
void cw_key_close(struct cw_key *k); /* forgets the secret */
/* kind: what is signed ("consent", "voice", "revocation"), so that a signature of one is none of another. */
CW_MUST_CHECK int cw_key_sign(const struct cw_key *k, const char *kind, const void *data, size_t len, char signature[CW_SIGNATURE_HEX + 1],
                              struct cw_error *err);
CW_MUST_CHECK int cw_signature_check(const char *public_hex, const char *kind, const void *data, size_t len, const char *signature,
                                     struct cw_error *err);
/* What people compare: the first 128 bits of the sha256 of a public key. */
void cw_key_fingerprint(const char *public_hex, char out[CW_FINGERPRINT_HEX + 1]);

/* What is trusted and revoked now. A list that cannot be read or whose signature does not hold is an error: nothing that needs consent
 * is then used. */
struct cw_trust {
    char (*keys)[CW_KEY_HEX + 1];
    size_t key_count;
    char (*revoked)[65], (*revoked_on)[11];
    size_t revoked_count;
    char today[11]; /* "2026-11-22", UTC */
};
CW_MUST_CHECK int cw_trust_open(struct cw_trust *t, struct cw_error *err);
void cw_trust_close(struct cw_trust *t);
bool cw_trust_knows(const struct cw_trust *t, const char *public_hex);
/* The day it was revoked on, or NULL. */
const char *cw_trust_revoked(const struct cw_trust *t, const char *record_hex);
/* Both are kept for ever after; a second time changes nothing. */
CW_MUST_CHECK int cw_trust_add(const char *public_hex, struct cw_error *err);
CW_MUST_CHECK int cw_trust_revoke(const char *record_hex, struct cw_error *err);

bool cw_is_date(const char *s); /* "2026-11-22", a day there is */

#endif

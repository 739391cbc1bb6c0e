/* A voice file's seal: every key and tensor but the name -> one text -> signed; and whether a voice may be used. */
#include "voices/consent.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = CW_PACK_ROWS * CW_PACK_STYLE };

/* Lengths before texts, so that no two files give the same bytes. */
static void add_field(struct cw_text *t, const char *key, const char *value) {
    cw_text_printf(t, "%s %zu ", key, strlen(value));
    cw_text_add(t, value);
    cw_text_add_char(t, '\n');
}

/* What is signed: all that the file holds but its name, which `voices import --name` may change. */
static int sealed_text(const struct cw_voice_file *f, struct cw_text *t, struct cw_error *err) {
    char content[65], embedding[65];
    cw_voice_file_content(f, content);
    cw_sha256_of(f->embedding, sizeof f->embedding, embedding);
    add_field(t, "made", f->made);
    add_field(t, "how", f->how != NULL ? f->how : "");
    add_field(t, "licence", f->licence != NULL ? f->licence : "");
    add_field(t, "engine", f->engine);
    add_field(t, "engine.sha256", f->engine_sha256);
    add_field(t, "language", f->language);
    add_field(t, "content", content);
    add_field(t, "embedding", f->has_embedding ? embedding : "");
    for (size_t i = 0; i < f->parent_count; i++) {
        add_field(t, "parent", f->parents[i]);
    }
    for (size_t i = 0; i < f->consent_count; i++) {
        add_field(t, "consent", f->consents[i]);
    }
    return cw_text_check(t, "seal", err);
}

static bool is_mix(const struct cw_voice_file *f) {
    return strcmp(f->made, "mix") == 0;
}

/* A voice of one person: whose it is, and by whose word. */
static int check_owner(const struct cw_voice_file *f, const struct cw_consent *c, const char *sealed_by, struct cw_error *err) {
    if (!f->has_embedding) {
        return cw_fail(err, CW_BAD_INPUT, "expected the speaker embedding of whom the voice was made from, found none");
    }
    double alike = cw_embedding_cosine(f->embedding, c->embedding);
    if (!(alike >= CW_CONSENT_ALIKE)) {
        return cw_fail(err, CW_BAD_INPUT,
                       "expected a voice made from the recordings of %s, who consented, found another speaker's: %.2f of 1 like it, where "
                       "%.2f is asked",
                       c->terms.speaker, alike, CW_CONSENT_ALIKE);
    }
    if (strcmp(c->key, sealed_by) != 0) {
        return cw_fail(err, CW_BAD_INPUT, "expected the seal of the key that signed the consent of %s, %.12s…, found one of %.12s…",
                       c->terms.speaker, c->key, sealed_by);
    }
    return 0;
}

int cw_voice_seal(struct cw_voice_file *f, const struct cw_consent *records, int count, const struct cw_key *k, struct cw_error *err) {
    int result = -1;
    char signature[CW_SIGNATURE_HEX + 1], **consents = calloc((size_t)count + 1, sizeof *consents);
    int written = 0;
    struct cw_text t = {0};
    if (consents == NULL) {
        cw_fail_memory(err, "seal");
        goto done;
    }
    if (!is_mix(f) && count != 1) {
        cw_fail(err, CW_BAD_INPUT, "voice \"%s\": expected the consent of one speaker, found %d records", f->name, count);
        goto done;
    }
    for (; written < count; written++) {
        cw_text_clear(&t);
        if ((!is_mix(f) && check_owner(f, &records[written], k->public_hex, err) != 0) ||
            cw_consent_print(&records[written], &t, err) != 0) {
            cw_fail_in(err, "voice \"%s\"", f->name);
            goto done;
        }
        consents[written] = cw_strdup(t.data);
        if (consents[written] == NULL) {
            cw_fail_memory(err, "seal");
            goto done;
        }
    }
    for (size_t i = 0; i < f->consent_count; i++) {
        free(f->consents[i]);
    }
    free(f->consents);
    f->consents = consents;
    f->consent_count = (size_t)count;
    consents = NULL;
    cw_text_clear(&t);
    if (sealed_text(f, &t, err) != 0 || cw_key_sign(k, "voice", t.data, t.len, signature, err) != 0) {
        goto done;
    }
    cw_text_clear(&t);
    cw_text_printf(&t, "%s %s", k->public_hex, signature);
    if (cw_text_check(&t, "seal", err) != 0) {
        goto done;
    }
    free(f->seal);
    f->seal = t.data;
    t = (struct cw_text){0};
    result = 0;
done:
    for (int i = 0; consents != NULL && i < written; i++) {
        free(consents[i]);
    }
    free(consents);
    cw_text_free(&t);
    return result;
}

/* ---- may it be used? ------------------------------------------------------------------------------------------------------------- */

/* A mix nobody signed: made anew from the stock voices it names, it must come out the same. */
static int check_stock_mix(const struct cw_voice_file *f, const char *voices_dir, struct cw_error *err) {
    int result = -1;
    double *sum = calloc(NUMBERS, sizeof *sum);
    char *bytes = NULL;
    if (sum == NULL) {
        cw_fail_memory(err, "mix");
        goto done;
    }
    if (f->f0_slope != 1 || f->f0_offset != 0 || f->addition_count > 0) {
        cw_fail(err, CW_BAD_INPUT, "expected a mix of stock voices alone, found an F0 map or %zu additions and no consent record",
                f->addition_count);
        goto done;
    }
    for (size_t i = 0; i < f->parent_count; i++) {
        char name[CW_VOICE_NAME_MAX + 1], file[CW_VOICE_NAME_MAX + 8], path[CW_PATH_MAX], hash[65], found[65];
        double weight[2];
        size_t len;
        if (sscanf(f->parents[i], "%63s %lf %lf %64s", name, &weight[0], &weight[1], hash) != 4 || !cw_voice_is_name(name, strlen(name))) {
            cw_fail(err, CW_BAD_INPUT, "expected parents as \"NAME TIMBRE PROSODY SHA256\", found \"%.80s\"", f->parents[i]);
            goto done;
        }
        snprintf(file, sizeof file, "%s.bin", name);
        if (cw_path_join(path, voices_dir, file, err) != 0) {
            goto done;
        }
        if (!cw_file_exists(path)) {
            cw_fail(err, CW_BAD_INPUT, "expected a mix of stock voices, found a parent \"%s\", which is none, and no consent record", name);
            goto done;
        }
        free(bytes);
        bytes = NULL;
        if (cw_file_read(path, sizeof(float) * NUMBERS, &bytes, &len, err) != 0) {
            goto done;
        }
        cw_sha256_of(bytes, len, found);
        if (len != sizeof(float) * NUMBERS || strcmp(found, hash) != 0) {
            cw_fail(err, CW_BAD_INPUT, "expected a mix of stock voices, found the sha256 of another \"%s\" and no consent record", name);
            goto done;
        }
        for (size_t k = 0; k < NUMBERS; k++) {
            float x;
            memcpy(&x, bytes + k * sizeof x, sizeof x);
            sum[k] += weight[k % CW_PACK_STYLE >= CW_PACK_TIMBRE] * (double)x;
        }
    }
    for (size_t k = 0; k < NUMBERS; k++) { /* weights have six digits */
        if (!(fabs(sum[k] - (double)f->pack[k]) <= 2e-5 * (1 + fabs(sum[k])))) {
            cw_fail(err, CW_BAD_INPUT,
                    "expected the mix of its parents, found another style (number %zu is %g and not %g) and no consent record: it was "
                    "altered",
                    k + 1, (double)f->pack[k], sum[k]);
            goto done;
        }
    }
    result = 0;
done:
    free(bytes);
    free(sum);
    return result;
}

/* "KEY SIGNATURE" over what the file holds, by a key that is trusted. */
static int check_seal(const struct cw_voice_file *f, const struct cw_trust *trust, char key[CW_KEY_HEX + 1], struct cw_error *err) {
    int result = -1;
    struct cw_text t = {0};
    if (f->seal == NULL || strlen(f->seal) != CW_KEY_HEX + 1 + CW_SIGNATURE_HEX || f->seal[CW_KEY_HEX] != ' ') {
        cw_fail(err, CW_BAD_INPUT, "expected a seal of a key and a signature, found none");
        goto done;
    }
    memcpy(key, f->seal, CW_KEY_HEX);
    key[CW_KEY_HEX] = '\0';
    if (sealed_text(f, &t, err) != 0) {
        goto done;
    }
    if (cw_signature_check(key, "voice", t.data, t.len, f->seal + CW_KEY_HEX + 1, err) != 0) {
        cw_fail_in(err, "seal");
        goto done;
    }
    if (!cw_trust_knows(trust, key)) {
        char fingerprint[CW_FINGERPRINT_HEX + 1];
        cw_key_fingerprint(key, fingerprint);
        cw_fail(
            err, CW_BAD_INPUT,
            "expected a voice sealed by a key you trust, found the key %s; if you know whose that is, accept it once: castwright voices "
            "import FILE --trust %s",
            fingerprint, fingerprint);
        goto done;
    }
    result = 0;
done:
    cw_text_free(&t);
    return result;
}

static int add_person(const struct cw_consent *c, struct cw_voice_person people[CW_VOICE_PEOPLE_MAX], int *count, struct cw_error *err) {
    struct cw_voice_person p = {0};
    if (cw_consent_hash(c, p.record, err) != 0) {
        return -1;
    }
    for (int i = 0; i < *count; i++) {
        if (strcmp(people[i].record, p.record) == 0) {
            return 0;
        }
    }
    if (*count == CW_VOICE_PEOPLE_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "expected at most %d people in a voice, found more", CW_VOICE_PEOPLE_MAX);
    }
    memcpy(p.speaker, c->terms.speaker, sizeof p.speaker);
    memcpy(p.purpose, c->terms.purpose, sizeof p.purpose);
    memcpy(p.until, c->terms.until, sizeof p.until);
    people[(*count)++] = p;
    return 0;
}

int cw_voice_file_allowed(const struct cw_voice_file *f, const char *voices_dir, const struct cw_trust *t,
                          struct cw_voice_person people[CW_VOICE_PEOPLE_MAX], int *count, struct cw_error *err) {
    int result = -1;
    char key[CW_KEY_HEX + 1];
    struct cw_consent *c = calloc(1, sizeof *c);
    if (c == NULL) {
        cw_fail_memory(err, "consent");
        goto done;
    }
    if (is_mix(f) && f->consent_count == 0 && (f->seal == NULL || f->seal[0] == '\0')) {
        result = check_stock_mix(f, voices_dir, err);
        goto done;
    }
    if (!is_mix(f) && f->consent_count != 1) {
        cw_fail(
            err, CW_BAD_INPUT,
            "expected the consent record of the speaker it was made from (\"%s\"), found %s; `castwright voices clone` makes voices with "
            "one",
            f->made, f->consent_count == 0 ? "none" : "several");
        goto done;
    }
    for (size_t i = 0; i < f->consent_count; i++) {
        if (cw_consent_parse(c, f->consents[i], strlen(f->consents[i]), err) != 0 || cw_consent_holds(c, t, err) != 0 ||
            add_person(c, people, count, err) != 0) {
            goto done;
        }
    }
    if (check_seal(f, t, key, err) != 0 || (!is_mix(f) && check_owner(f, c, key, err) != 0)) {
        goto done;
    }
    result = 0;
done:
    free(c);
    return result == 0 ? 0 : cw_fail_in(err, "voice \"%s\"", f->name);
}

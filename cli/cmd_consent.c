/* voices consent: the statement to read aloud; a signed record of it. voices revoke: a record that no longer holds. */
#include "cli/cli.h"
#include "models/catalogue.h"
#include "voices/consent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = CW_CONSENT_RECORDINGS_MAX };

static const struct cli_command consent_command = {
    "voices consent", "[RECORDING...]", "the statement a speaker reads aloud; with recordings, the signed record of it",
    "  castwright voices consent --speaker \"Ada Byron\" --for \"a podcast about the sea\" --until 2027-05-01\n"
    "                                        prints what Ada reads aloud into a microphone\n"
    "  castwright voices consent ada*.wav --speaker \"Ada Byron\" --for \"a podcast about the sea\" --until 2027-05-01 \\\n"
    "      --consent-recording statement.wav -o ada.consent\n"
    "  castwright voices consent me.wav --speaker \"Tom Reed\" --for \"my podcast\" --until 2030-01-01 --i-am-the-speaker -o me.consent\n"
    "  castwright voices revoke ada          nothing speaks with her voice from now on, mixes of it and copies neither\n"
    "  castwright voices import ada.gguf --trust 0f1e2d3c4b5a69788796a5b4c3d2e1f0      once the key is known to be a friend's\n",
    NULL};

static int take(char *out, size_t size, const char *value, const char *option, struct cw_error *err) {
    if (!value || strlen(value) >= size)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a text of at most %zu bytes, found %s", option, size - 1, value ? "more" : "none");
    memcpy(out, value, strlen(value) + 1);
    return 0;
}

int cli_consent_terms(struct cw_consent_terms *t, const struct cli_consent *q, struct cw_error *err) {
    struct cw_trust now = {0};
    *t = (struct cw_consent_terms){0};
    if (cw_trust_open(&now, err) != 0)
        return -1;
    int result = take(t->speaker, sizeof t->speaker, q->speaker, "--speaker", err) != 0 ||
                         take(t->purpose, sizeof t->purpose, q->purpose, "--for", err) != 0 ||
                         take(t->until, sizeof t->until, q->until, "--until", err) != 0 ||
                         take(t->date, sizeof t->date, q->date ? q->date : now.today, "--date", err) != 0 ||
                         take(t->language, sizeof t->language, q->language ? q->language : "en-us", "--language", err) != 0
                     ? -1
                     : cw_consent_terms_check(t, err);
    cw_trust_close(&now);
    return result;
}

/* Speaker encoder and key are opened here: enrolment has them open already and calls cw_consent_make itself. */
static int make_record(const struct cw_consent_terms *t, const struct cw_consent_sources *s, const char *out, struct cw_error *err) {
    int result = -1;
    char path[CW_PATH_MAX];
    struct cw_device *device = NULL;
    struct cw_encoder *encoder = NULL;
    struct cw_key key = {0};
    struct cw_text text = {0};
    struct cw_consent *c = calloc(1, sizeof *c);
    if (!c) {
        cw_fail_memory(err, "consent");
        goto done;
    }
    if (cw_file_exists(out)) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a new file, found one that is there", out);
        goto done;
    }
    if (cw_model_path("ge2e", path, err) != 0 || cw_device_open(&device, cw_device_params_default(), err) != 0 ||
        cw_encoder_open(&encoder, device, path, err) != 0 || cw_key_open(&key, err) != 0 ||
        cw_consent_make(c, t, s, encoder, &key, err) != 0 || cw_consent_print(c, &text, err) != 0)
        goto done;
    cw_text_add_char(&text, '\n');
    if (cw_text_check(&text, "consent", err) != 0 || cw_file_write(out, text.data, text.len, err) != 0)
        goto done;
    printf("%s\n", out);
    result = 0;
done:
    cw_text_free(&text);
    cw_key_close(&key);
    cw_encoder_close(encoder);
    cw_device_close(device);
    free(c);
    return result;
}

int cli_voices_consent(int argc, char **argv) {
    const struct cli_command *c = &consent_command;
    struct cw_error err = {0};
    struct cli_consent q = {0};
    const char *out = NULL, *spoken = NULL, *args[ARGS_MAX];
    bool self = false;
    char statement[CW_CONSENT_TEXT_MAX + 1];
    struct cw_consent_terms terms;
    int count, result = 0;
    const struct cli_option options[] = {
        {"--speaker", "NAME", "who speaks, as they say their name", CLI_TEXT, &q.speaker, 0, 0},
        {"--for", "TEXT", "what the voice is for: \"a podcast about the sea\"", CLI_TEXT, &q.purpose, 0, 0},
        {"--until", "DATE", "the last day it may be used on: 2027-05-01", CLI_TEXT, &q.until, 0, 0},
        {"--date", "DATE", "the day it is said on (today, UTC)", CLI_TEXT, &q.date, 0, 0},
        {"--language", "CODE", "of the voice (en-us); the statement is English", CLI_TEXT, &q.language, 0, 0},
        {"--consent-recording", "FILE", "the statement, read aloud by the speaker", CLI_TEXT, &spoken, 0, 0},
        {"--i-am-the-speaker", NULL, "the recordings are of yourself; the record says that you said so", CLI_FLAG, &self, 0, 0},
        {"--out,-o", "FILE", "where the record goes", CLI_TEXT, &out, 0, 0},
        {0}};
    int code = cli_parse(c, options, argc, argv, args, ARGS_MAX, &count);
    if (code >= 0)
        return code;
    if (count > 0 && !out)
        return cli_usage(c, "expected -o FILE for the record");
    if (count == 0 && (out || spoken || self))
        return cli_usage(c, "expected the recordings the voice is to be learnt from");
    if (cli_consent_terms(&terms, &q, &err) != 0 || cw_consent_statement(&terms, statement, &err) != 0)
        return cli_error(c, &err);
    if (count == 0)
        printf("%s\n", statement);
    else
        result = make_record(&terms, &(struct cw_consent_sources){args, count, spoken, self}, out, &err);
    return result == 0 ? 0 : cli_error(c, &err);
}

/* ---- revoke, and what is shown --------------------------------------------------------------------------------------------------- */

/* NAME: a voice of one's own, or the hash of a record. */
int cli_voices_revoke(const struct cli_command *command, const char *name) {
    struct cw_error err = {0};
    char path[CW_PATH_MAX], hash[65];
    struct cw_voice_file f = {0};
    struct cw_consent *c = calloc(1, sizeof *c);
    int result = -1;
    if (!c) {
        cw_fail_memory(&err, "consent");
        goto done;
    }
    if (strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64) {
        result = cw_trust_revoke(name, &err);
        if (result == 0)
            printf("revoked %s\n", name);
        goto done;
    }
    if (cw_voices_own_path(name, path, &err) != 0 || cw_voice_file_read(&f, path, &err) != 0)
        goto done;
    if (f.consent_count != 1) {
        cw_fail(&err, CW_BAD_INPUT, "voice \"%s\": expected a voice with one consent record, found %zu; `castwright voices show %s` has %s",
                name, f.consent_count, name, f.consent_count ? "their hashes: revoke one of those" : "nothing to revoke");
        goto done;
    }
    if (cw_consent_parse(c, f.consents[0], strlen(f.consents[0]), &err) != 0 || cw_consent_hash(c, hash, &err) != 0 ||
        cw_trust_revoke(hash, &err) != 0)
        goto done;
    printf("revoked the consent of %s: %s\n", c->terms.speaker, hash);
    result = 0;
done:
    cw_voice_file_free(&f);
    free(c);
    return result == 0 ? 0 : cli_error(command, &err);
}

void cli_show_consents(const struct cw_voice_file *f) {
    struct cw_error err = {0};
    struct cw_trust trust = {0};
    struct cw_voice_person people[CW_VOICE_PEOPLE_MAX];
    char dir[CW_PATH_MAX];
    int count = 0;
    struct cw_consent *c = calloc(1, sizeof *c);
    for (size_t i = 0; c && i < f->consent_count; i++) {
        char hash[65], fingerprint[CW_FINGERPRINT_HEX + 1];
        if (cw_consent_parse(c, f->consents[i], strlen(f->consents[i]), &err) != 0 || cw_consent_hash(c, hash, &err) != 0) {
            printf("consent     %s\n", err.text);
            continue;
        }
        cw_key_fingerprint(c->key, fingerprint);
        printf("consent     of %s, for %s, from %s until %s, %s\n", c->terms.speaker, c->terms.purpose, c->terms.date, c->terms.until,
               c->how);
        printf("            \"%s\"\n            of %d recording%s; record %s\n            signed by the key %s\n", c->statement,
               c->recording_count, c->recording_count == 1 ? "" : "s", hash, fingerprint);
    }
    if (cw_model_path("voices", dir, &err) != 0 || cw_trust_open(&trust, &err) != 0 ||
        cw_voice_file_allowed(f, dir, &trust, people, &count, &err) != 0)
        printf("refused     %s\n", err.text);
    cw_trust_close(&trust);
    free(c);
}

/* Takes in the keys of a voice file whose fingerprint is `fingerprint`: those that sealed it or signed its records. */
int cli_trust(const struct cw_voice_file *f, const char *fingerprint, struct cw_error *err) {
    char found[CW_FINGERPRINT_HEX + 1], key[CW_KEY_HEX + 1] = "";
    int result = -1;
    struct cw_consent *c = calloc(1, sizeof *c);
    if (!c)
        return cw_fail_memory(err, "consent");
    snprintf(key, sizeof key, "%.*s", CW_KEY_HEX, f->seal ? f->seal : "");
    cw_key_fingerprint(key, found);
    bool matches = strlen(key) == CW_KEY_HEX && strcmp(found, fingerprint) == 0;
    for (size_t i = 0; !matches && i < f->consent_count; i++) {
        if (cw_consent_parse(c, f->consents[i], strlen(f->consents[i]), err) != 0)
            goto done;
        cw_key_fingerprint(c->key, found);
        matches = strcmp(found, fingerprint) == 0;
        memcpy(key, c->key, sizeof key);
    }
    if (!matches) {
        cw_fail(err, CW_BAD_INPUT, "--trust %.80s: expected the fingerprint of a key that signed this voice, found none of it",
                fingerprint);
        goto done;
    }
    result = cw_trust_add(key, err);
done:
    free(c);
    return result;
}

/* A consent record: terms -> statement -> recordings hashed, speaker and words checked -> canonical JSON -> signed; and back, strictly. */
#include "voices/consent.h"

#include "voices/spoken.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

enum { VERSION = 1, RECORD_MAX = 16384, CODE_WORDS = 6, SPOKEN_SECONDS_MAX = 120 };

/* ---- terms ----------------------------------------------------------------------------------------------------------------------- */

/* One line of text that can be shown anywhere: no control characters. */
static bool is_line(const char *s) {
    size_t n = strlen(s), i = 0;
    while (i < n) {
        uint32_t code;
        int len = cw_utf8_next(s + i, n - i, &code);
        if (len == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
            (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)) {
            return false;
        }
        i += (size_t)len;
    }
    return n > 0 && s[0] != ' ' && s[n - 1] != ' ';
}

int cw_consent_terms_check(const struct cw_consent_terms *t, struct cw_error *err) {
    if (!is_line(t->speaker) || !is_line(t->purpose)) {
        return cw_fail(err, CW_BAD_INPUT,
                       "consent: expected who speaks and what for, each one line of UTF-8, found \"%.80s\" and \"%.80s\"", t->speaker,
                       t->purpose);
    }
    if (!cw_is_date(t->date) || !cw_is_date(t->until) || strcmp(t->date, "2000-01-01") < 0) {
        return cw_fail(err, CW_BAD_INPUT, "consent: expected days such as 2026-11-22, found \"%.20s\" until \"%.20s\"", t->date, t->until);
    }
    if (strcmp(t->date, t->until) > 0) {
        return cw_fail(err, CW_BAD_INPUT, "consent: expected an end after its beginning, found %s until %s", t->date, t->until);
    }
    if (!is_line(t->language)) {
        return cw_fail(err, CW_BAD_INPUT, "consent: expected the code of a language, such as en-us, found \"%.20s\"", t->language);
    }
    return 0;
}

/* ---- the statement --------------------------------------------------------------------------------------------------------------- */

static const char *const small[] = {"zero",     "one",     "two",     "three",     "four",     "five",    "six",
                                    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                                    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
static const char *const tens[] = {"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};

/* 0 .. 99 */
static void say_number(struct cw_text *out, int n) {
    if (n < 20) {
        cw_text_add(out, small[n]);
    } else {
        cw_text_printf(out, "%s%s%s", tens[n / 10], n % 10 > 0 ? " " : "", n % 10 > 0 ? small[n % 10] : "");
    }
}

static void say_year(struct cw_text *out, int year) {
    int high = year / 100, low = year % 100;
    if (high % 10 == 0 && low < 10) {
        cw_text_printf(out, "%s thousand%s%s", small[high / 10], low > 0 ? " " : "", low > 0 ? small[low] : "");
        return;
    }
    say_number(out, high);
    cw_text_add(out, low == 0 ? " hundred" : low < 10 ? " oh " : " ");
    if (low > 0) {
        say_number(out, low);
    }
}

/* "2026-11-22" -> "the twenty second of November twenty twenty six" */
static void say_date(struct cw_text *out, const char *date) {
    static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December"};
    static const char *const days[] = {"first",     "second",    "third",       "fourth",     "fifth",      "sixth",      "seventh",
                                       "eighth",    "ninth",     "tenth",       "eleventh",   "twelfth",    "thirteenth", "fourteenth",
                                       "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth"};
    int day = (date[8] - '0') * 10 + date[9] - '0', month = (date[5] - '0') * 10 + date[6] - '0';
    int year = (date[0] - '0') * 1000 + (date[1] - '0') * 100 + (date[2] - '0') * 10 + date[3] - '0';
    const char *before = day == 31 ? "thirty " : day > 20 && day < 30 ? "twenty " : "";
    const char *name = day == 30 ? "thirtieth" : days[day <= 20 ? day - 1 : day == 31 ? 0 : day - 21];
    cw_text_printf(out, "the %s%s of %s, ", before, name, months[month - 1]);
    say_year(out, year);
}

int cw_consent_statement(const struct cw_consent_terms *t, char out[CW_CONSENT_TEXT_MAX + 1], struct cw_error *err) {
    struct cw_text s = {0};
    int result = -1, used = 0, last = -1;
    unsigned char sum[crypto_hash_sha256_BYTES];
    if (cw_consent_terms_check(t, err) != 0) {
        return -1;
    }
    cw_text_printf(&s, "castwright code words\n%s\n%s\n%s\n%s\n%s\n", t->speaker, t->purpose, t->date, t->until, t->language);
    if (cw_text_check(&s, "statement", err) != 0) {
        goto done;
    }
    crypto_hash_sha256(sum, (const unsigned char *)s.data, s.len);
    cw_text_clear(&s);
    cw_text_printf(&s, "I, %s, agree that a computer learns my voice from recordings of me, for %s. I say this on ", t->speaker,
                   t->purpose);
    say_date(&s, t->date);
    cw_text_add(&s, ", and it holds until ");
    say_date(&s, t->until);
    cw_text_add(&s, ". My code words are:");
    for (size_t i = 0; i < sizeof sum && used < CODE_WORDS; i++) {
        int word = sum[i] % CW_CODE_WORDS;
        if (word != last) { /* a word twice in a row is easily read once */
            cw_text_printf(&s, "%s %s", used > 0 ? "," : "", cw_code_words[word]);
            last = word;
            used++;
        }
    }
    cw_text_add(&s, ".");
    if (cw_text_check(&s, "statement", err) != 0) {
        goto done;
    }
    if (s.len > CW_CONSENT_TEXT_MAX) {
        cw_fail(err, CW_BAD_INPUT, "consent: expected a statement of at most %d bytes, found %zu", CW_CONSENT_TEXT_MAX, s.len);
        goto done;
    }
    memcpy(out, s.data, s.len + 1);
    result = 0;
done:
    cw_text_free(&s);
    return result;
}

/* ---- making ---------------------------------------------------------------------------------------------------------------------- */

void cw_recording_hash(const struct cw_recording *r, char hex[65]) {
    struct cw_sha256 s;
    char line[64];
    int n = snprintf(line, sizeof line, "%d Hz %zu samples\n", r->rate, r->count);
    cw_sha256_start(&s);
    cw_sha256_add(&s, line, (size_t)n);
    cw_sha256_add(&s, r->samples, r->count * sizeof *r->samples);
    cw_sha256_end(&s, hex);
}

static bool to_length_one(float x[CW_EMBEDDING]) {
    double sum = 0;
    for (int i = 0; i < CW_EMBEDDING; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    for (int i = 0; i < CW_EMBEDDING; i++) {
        x[i] = (float)((double)x[i] / sqrt(sum));
    }
    return isfinite(sum) && sum > 1e-12;
}

/* Hashes, and the mean of the embeddings, each of which must be like the others'. */
static int take_recordings(struct cw_consent *c, const struct cw_consent_sources *s, const struct cw_encoder *encoder,
                           struct cw_error *err) {
    int result = -1;
    struct cw_recording r = {0};
    float(*each)[CW_EMBEDDING] = calloc((size_t)s->count + 1, sizeof *each);
    if (each == NULL) {
        cw_fail_memory(err, "consent");
        goto done;
    }
    for (int i = 0; i < s->count; i++) {
        if (cw_recording_read(&r, s->recordings[i], err) != 0) {
            goto done;
        }
        cw_recording_hash(&r, c->recordings[i]);
        if (cw_encoder_listen(encoder, r.samples, r.count, r.rate, each[i], err) != 0) {
            cw_fail_in(err, "%s", s->recordings[i]);
            goto done;
        }
        cw_recording_free(&r);
        for (int k = 0; k < CW_EMBEDDING; k++) {
            c->embedding[k] += each[i][k];
        }
    }
    for (int i = 0; i < s->count && s->count > 1; i++) {
        float others[CW_EMBEDDING];
        for (int k = 0; k < CW_EMBEDDING; k++) {
            others[k] = c->embedding[k] - each[i][k];
        }
        double alike = cw_embedding_cosine(others, each[i]);
        if (!(alike >= CW_CONSENT_ALIKE)) {
            cw_fail(err, CW_BAD_INPUT,
                    "%s: expected the speaker of the other recordings, found one that is %.2f of 1 like them, where %.2f is asked",
                    s->recordings[i], alike, CW_CONSENT_ALIKE);
            goto done;
        }
    }
    c->recording_count = s->count;
    if (!to_length_one(c->embedding)) {
        cw_fail(err, CW_BAD_INPUT, "consent: expected recordings of a voice, found none in them");
        goto done;
    }
    result = 0;
done:
    cw_recording_free(&r);
    free(each);
    return result;
}

/* The statement read aloud: of the same speaker, and the words it should be. */
static int hear_statement(struct cw_consent *c, const char *path, const struct cw_encoder *encoder, struct cw_error *err) {
    int result = -1;
    struct cw_recording r = {0};
    struct cw_spoken heard;
    float embedding[CW_EMBEDDING];
    if (cw_recording_read(&r, path, err) != 0) {
        goto done;
    }
    if (r.count > (size_t)r.rate * SPOKEN_SECONDS_MAX) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected the statement alone, at most %d s, found %.0f s", path, SPOKEN_SECONDS_MAX,
                (double)r.count / r.rate);
        goto done;
    }
    cw_recording_hash(&r, c->spoken);
    for (int i = 0; i < c->recording_count; i++) {
        if (strcmp(c->recordings[i], c->spoken) == 0) {
            cw_fail(err, CW_BAD_INPUT, "%s: expected the statement read aloud, found one of the recordings the voice is learnt from", path);
            goto done;
        }
    }
    if (cw_encoder_listen(encoder, r.samples, r.count, r.rate, embedding, err) != 0) {
        cw_fail_in(err, "%s", path);
        goto done;
    }
    double alike = cw_embedding_cosine(embedding, c->embedding);
    if (!(alike >= CW_CONSENT_ALIKE)) {
        cw_fail(err, CW_BAD_INPUT,
                "%s: expected the statement read by the speaker of the recordings, found another voice: %.2f of 1 like it, where %.2f is "
                "asked",
                path, alike, CW_CONSENT_ALIKE);
        goto done;
    }
    if (cw_spoken_listen(&heard, r.samples, r.count, r.rate, c->statement, CODE_WORDS, err) != 0) {
        goto done;
    }
    if (!cw_spoken_right(&heard)) {
        cw_fail(err, CW_BAD_INPUT,
                "%s: expected the statement as it is written (`castwright voices consent` prints it for these terms and this --date), "
                "found %d of its %d words and %d of "
                "its %d code words; heard: \"%.300s\"",
                path, heard.right, heard.words, heard.code_right, heard.code_words, heard.heard);
        goto done;
    }
    result = 0;
done:
    cw_recording_free(&r);
    return result;
}

static int print(const struct cw_consent *c, bool with_signature, struct cw_text *out, struct cw_error *err);

int cw_consent_sign(struct cw_consent *c, const struct cw_key *k, struct cw_error *err) {
    struct cw_text text = {0};
    snprintf(c->key, sizeof c->key, "%s", k->public_hex);
    int result = print(c, false, &text, err) != 0 ? -1 : cw_key_sign(k, "consent", text.data, text.len, c->signature, err);
    cw_text_free(&text);
    return result;
}

int cw_consent_make(struct cw_consent *c, const struct cw_consent_terms *t, const struct cw_consent_sources *s,
                    const struct cw_encoder *encoder, const struct cw_key *k, struct cw_error *err) {
    int result = -1;
    *c = (struct cw_consent){.terms = *t};
    if (s->count < 1 || s->count > CW_CONSENT_RECORDINGS_MAX) {
        cw_fail(err, CW_BAD_INPUT, "consent: expected 1 to %d recordings, found %d", CW_CONSENT_RECORDINGS_MAX, s->count);
        goto done;
    }
    if ((s->spoken != NULL) == s->i_am_the_speaker) {
        cw_fail(err, CW_BAD_INPUT,
                "consent: expected either the statement read aloud (--consent-recording) or --i-am-the-speaker, found %s",
                s->i_am_the_speaker ? "both" : "neither");
        goto done;
    }
    snprintf(c->how, sizeof c->how, "%s", s->i_am_the_speaker ? "self-declared" : "read-aloud");
    if (cw_consent_statement(t, c->statement, err) != 0 || take_recordings(c, s, encoder, err) != 0 ||
        (s->spoken != NULL && hear_statement(c, s->spoken, encoder, err) != 0) || cw_consent_sign(c, k, err) != 0) {
        goto done;
    }
    result = 0;
done:
    return result;
}

int cw_consent_covers(const struct cw_consent *c, const struct cw_recording *recordings, int count, const float embedding[CW_EMBEDDING],
                      struct cw_error *err) {
    for (int i = 0; i < count; i++) {
        char hex[65];
        bool known = false;
        cw_recording_hash(&recordings[i], hex);
        for (int k = 0; k < c->recording_count && !known; k++) {
            known = strcmp(c->recordings[k], hex) == 0;
        }
        if (!known) {
            return cw_fail(err, CW_BAD_INPUT, "consent of %s: expected one of the %d recordings it is about, found another (number %d)",
                           c->terms.speaker, c->recording_count, i + 1);
        }
    }
    double alike = cw_embedding_cosine(c->embedding, embedding);
    if (!(alike >= CW_CONSENT_ALIKE)) {
        return cw_fail(err, CW_BAD_INPUT,
                       "consent of %s: expected this speaker, found another voice: %.2f of 1 like it, where %.2f is asked",
                       c->terms.speaker, alike, CW_CONSENT_ALIKE);
    }
    return 0;
}

/* ---- text ------------------------------------------------------------------------------------------------------------------------ */

static int print(const struct cw_consent *c, bool with_signature, struct cw_text *out, struct cw_error *err) {
    int result = -1;
    char *text = NULL, hex[sizeof c->embedding * 2 + 1];
    json_t *recordings = json_array(), *root = NULL;
    sodium_bin2hex(hex, sizeof hex, (const unsigned char *)c->embedding, sizeof c->embedding);
    for (int i = 0; i < c->recording_count; i++) {
        json_array_append_new(recordings, json_string(c->recordings[i]));
    }
    root = json_pack("{si ss ss ss ss ss ss ss ss sO ss ss}", "castwright_consent", VERSION, "speaker", c->terms.speaker, "purpose",
                     c->terms.purpose, "date", c->terms.date, "until", c->terms.until, "language", c->terms.language, "statement",
                     c->statement, "how", c->how, "spoken", c->spoken, "recordings", recordings, "embedding", hex, "key", c->key);
    if (root != NULL && with_signature) {
        json_object_set_new(root, "signature", json_string(c->signature));
    }
    text = root != NULL ? json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
    if (text == NULL) {
        cw_fail(err, CW_BAD_INPUT, "consent: expected texts of UTF-8");
        goto done;
    }
    cw_text_add(out, text);
    result = cw_text_check(out, "consent", err);
done:
    free(text);
    json_decref(root);
    json_decref(recordings);
    return result;
}

int cw_consent_print(const struct cw_consent *c, struct cw_text *out, struct cw_error *err) {
    return print(c, true, out, err);
}

int cw_consent_hash(const struct cw_consent *c, char hex[65], struct cw_error *err) {
    struct cw_text t = {0};
    int result = print(c, false, &t, err);
    if (result == 0) {
        cw_sha256_of(t.data, t.len, hex);
    }
    cw_text_free(&t);
    return result;
}

static int take_text(const json_t *root, const char *key, char *out, size_t size, struct cw_error *err) {
    const char *s = json_string_value(json_object_get(root, key));
    if (s == NULL || strlen(s) >= size) {
        return cw_fail(err, CW_BAD_INPUT, "consent record: \"%s\": expected a text of at most %zu bytes, found %s", key, size - 1,
                       s == NULL ? "none" : "a longer one");
    }
    memcpy(out, s, strlen(s) + 1);
    return 0;
}

static bool is_hash(const char *s) {
    return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static int take_fields(struct cw_consent *c, const json_t *root, struct cw_error *err) {
    char hex[sizeof c->embedding * 2 + 1];
    const json_t *recordings = json_object_get(root, "recordings");
    json_int_t version = json_integer_value(json_object_get(root, "castwright_consent"));
    size_t n = json_array_size(recordings);
    if (version != VERSION) {
        return cw_fail(err, CW_BAD_INPUT, "consent record: expected \"castwright_consent\" %d, found %lld", VERSION, (long long)version);
    }
    if (take_text(root, "speaker", c->terms.speaker, sizeof c->terms.speaker, err) != 0 ||
        take_text(root, "purpose", c->terms.purpose, sizeof c->terms.purpose, err) != 0 ||
        take_text(root, "date", c->terms.date, sizeof c->terms.date, err) != 0 ||
        take_text(root, "until", c->terms.until, sizeof c->terms.until, err) != 0 ||
        take_text(root, "language", c->terms.language, sizeof c->terms.language, err) != 0 ||
        take_text(root, "statement", c->statement, sizeof c->statement, err) != 0 ||
        take_text(root, "how", c->how, sizeof c->how, err) != 0 || take_text(root, "spoken", c->spoken, sizeof c->spoken, err) != 0 ||
        take_text(root, "key", c->key, sizeof c->key, err) != 0 ||
        take_text(root, "signature", c->signature, sizeof c->signature, err) != 0 ||
        take_text(root, "embedding", hex, sizeof hex, err) != 0 || cw_consent_terms_check(&c->terms, err) != 0) {
        return -1;
    }
    if (n < 1 || n > CW_CONSENT_RECORDINGS_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "consent record: \"recordings\": expected 1 to %d hashes, found %zu", CW_CONSENT_RECORDINGS_MAX,
                       n);
    }
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(recordings, i));
        if (s == NULL || !is_hash(s)) {
            return cw_fail(err, CW_BAD_INPUT, "consent record: \"recordings\": number %zu: expected a sha256", i + 1);
        }
        memcpy(c->recordings[i], s, 65);
    }
    c->recording_count = (int)n;
    bool aloud = strcmp(c->how, "read-aloud") == 0;
    if ((!aloud && strcmp(c->how, "self-declared") != 0) || (aloud ? !is_hash(c->spoken) : c->spoken[0] != '\0')) {
        return cw_fail(err, CW_BAD_INPUT,
                       "consent record: expected it read-aloud with the sha256 of that recording, or self-declared, found "
                       "\"%s\" and \"%.12s\"",
                       c->how, c->spoken);
    }
    if (!is_line(c->statement)) {
        return cw_fail(err, CW_BAD_INPUT, "consent record: \"statement\": expected one line");
    }
    if (strlen(hex) != sizeof c->embedding * 2 ||
        sodium_hex2bin((unsigned char *)c->embedding, sizeof c->embedding, hex, strlen(hex), NULL, NULL, NULL) != 0) {
        return cw_fail(err, CW_BAD_INPUT, "consent record: \"embedding\": expected %zu hexadecimal digits, found others",
                       sizeof c->embedding * 2);
    }
    double length = 0;
    for (int i = 0; i < CW_EMBEDDING; i++) {
        length += (double)c->embedding[i] * (double)c->embedding[i];
    }
    if (!(fabs(length - 1) < 1e-3)) { /* NaN too */
        return cw_fail(err, CW_BAD_INPUT, "consent record: \"embedding\": expected numbers of length 1, found %g", sqrt(length));
    }
    return 0;
}

int cw_consent_parse(struct cw_consent *c, const char *text, size_t len, struct cw_error *err) {
    int result = -1;
    json_error_t trouble;
    struct cw_text whole = {0}, signed_text = {0};
    json_t *root = len <= RECORD_MAX ? json_loadb(text, len, JSON_REJECT_DUPLICATES, &trouble) : NULL;
    *c = (struct cw_consent){0};
    if (root == NULL) {
        cw_fail(err, CW_BAD_INPUT, "consent record: expected JSON of at most %d bytes, found %s", RECORD_MAX,
                len > RECORD_MAX ? "more" : trouble.text);
        goto done;
    }
    if (take_fields(c, root, err) != 0 || print(c, true, &whole, err) != 0 || print(c, false, &signed_text, err) != 0) {
        goto done;
    }
    if (whole.len != len || memcmp(whole.data, text, len) != 0) {
        cw_fail(err, CW_BAD_INPUT, "consent record of %s: expected the one way to write it, found another: it was altered",
                c->terms.speaker);
        goto done;
    }
    if (cw_signature_check(c->key, "consent", signed_text.data, signed_text.len, c->signature, err) != 0) {
        cw_fail_in(err, "consent record of %s", c->terms.speaker);
        goto done;
    }
    result = 0;
done:
    json_decref(root);
    cw_text_free(&whole);
    cw_text_free(&signed_text);
    return result;
}

int cw_consent_read(struct cw_consent *c, const char *path, struct cw_error *err) {
    char *text = NULL;
    size_t len = 0;
    if (cw_file_read(path, RECORD_MAX + 1, &text, &len, err) != 0) {
        return -1;
    }
    len -= len > 0 && text[len - 1] == '\n'; /* a file ends in a line's end */
    int result = cw_consent_parse(c, text, len, err);
    free(text);
    return result == 0 ? 0 : cw_fail_in(err, "%s", path);
}

/* ---- use ------------------------------------------------------------------------------------------------------------------------- */

int cw_consent_holds(const struct cw_consent *c, const struct cw_trust *t, struct cw_error *err) {
    char hash[65], fingerprint[CW_FINGERPRINT_HEX + 1];
    if (cw_consent_hash(c, hash, err) != 0) {
        return -1;
    }
    if (!cw_trust_knows(t, c->key)) {
        cw_key_fingerprint(c->key, fingerprint);
        return cw_fail(err, CW_BAD_INPUT,
                       "consent of %s: expected a record signed by a key you trust, found one by the key %s; if you know whose that is, "
                       "accept it once: castwright voices import FILE --trust %s",
                       c->terms.speaker, fingerprint, fingerprint);
    }
    const char *day = cw_trust_revoked(t, hash);
    if (day != NULL) {
        return cw_fail(err, CW_BAD_INPUT, "consent of %s: expected one that holds, found it revoked on %s (record %.12s…)",
                       c->terms.speaker, day, hash);
    }
    if (strcmp(t->today, c->terms.until) > 0 || strcmp(t->today, c->terms.date) < 0) {
        return cw_fail(err, CW_BAD_INPUT, "consent of %s: expected one that holds on %s, found one from %s until %s", c->terms.speaker,
                       t->today, c->terms.date, c->terms.until);
    }
    return 0;
}

/* Consent: records, seals, keys, and every way in which a voice may not be used. Voices here are real packs slightly changed, as a fit of
 * the style alone would make them; recordings are tests/data/consent_*.ogg (af_heart and am_michael read the statement aloud). */
#include "models/catalogue.h"
#include "tests/test.h"
#include "tests/test_program.h"
#include "voices/spoken.h"
#include "voices/voices.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

extern const struct cw_test cw_tests_consent[];

enum { NUMBERS = CW_PACK_ROWS * CW_PACK_STYLE };
#define ENGINE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
static const struct cw_consent_terms terms = {"Ada Byron", "a podcast about the sea", "2026-11-22", "9999-12-31", "en-us"};

/* ---- the stage ------------------------------------------------------------------------------------------------------------------- */

/* A config folder of its own, and a folder of voices, in the test's folder. */
static void config(const char *name) {
    char path[CW_PATH_MAX];
    struct cw_error err = {0};
    snprintf(path, sizeof path, "%s/%s", cw_test_dir(), name);
    setenv("CASTWRIGHT_CONFIG", path, 1);
    snprintf(path, sizeof path, "%s/own", cw_test_dir());
    setenv("CASTWRIGHT_VOICES", path, 1);
    CHECK(cw_dir_make(path, &err) == 0);
}

static void leave(void) {
    setenv("CASTWRIGHT_CONFIG", "/dev/null/config", 1);
    setenv("CASTWRIGHT_VOICES", "/nowhere/voices", 1);
}

/* The folder of the stock voices, or NULL after cw_test_skip. */
static const char *stock(void) {
    static char dir[CW_PATH_MAX];
    struct cw_error err = {0};
    if (cw_model_path("voices", dir, &err) == 0) {
        return dir;
    }
    cw_test_skip("the voice packs are not installed");
    return NULL;
}

struct ears {
    struct cw_device *device;
    struct cw_encoder *encoder;
};
static bool open_ears(struct ears *e) {
    char path[CW_PATH_MAX];
    struct cw_error err = {0};
    *e = (struct ears){0};
    if (cw_model_path("ge2e", path, &err) != 0) {
        cw_test_skip("the speaker encoder is not installed");
        return false;
    }
    return CHECKF(cw_device_open(&e->device, cw_device_params_default(), &err) == 0 &&
                      cw_encoder_open(&e->encoder, e->device, path, &err) == 0,
                  "%s", err.text);
}
static void close_ears(struct ears *e) {
    cw_encoder_close(e->encoder);
    cw_device_close(e->device);
}

static const char *sound(const char *name) {
    static char paths[4][CW_PATH_MAX];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], CW_PATH_MAX, "%s", cw_test_data(name));
    return paths[next];
}
#define ENROL sound("consent_enrol.ogg")
#define ALOUD sound("consent_statement.ogg")
#define OTHER sound("consent_other.ogg")
#define REPLAY sound("consent_replay.ogg")

/* A record without sounds, signed: what cw_consent_make gives, but of numbers made here. */
static void make_record(struct cw_consent *c, const struct cw_consent_terms *t, uint64_t stream, const struct cw_key *k) {
    struct cw_error err = {0};
    struct cw_text text = {0};
    double sum = 0;
    *c = (struct cw_consent){.terms = *t, .how = "self-declared", .recording_count = 1};
    CHECKF(cw_consent_statement(t, c->statement, &err) == 0, "%s", err.text);
    cw_sha256_of(&stream, sizeof stream, c->recordings[0]);
    cw_gauss(7, stream, 0, CW_EMBEDDING, c->embedding);
    for (int i = 0; i < CW_EMBEDDING; i++) {
        sum += (double)c->embedding[i] * (double)c->embedding[i];
    }
    for (int i = 0; i < CW_EMBEDDING; i++) {
        c->embedding[i] = (float)((double)c->embedding[i] / sqrt(sum));
    }
    CHECKF(cw_consent_sign(c, k, &err) == 0, "%s", err.text);
    cw_text_free(&text);
}

/* A voice of the record's speaker: a stock style slightly changed. */
static bool make_voice(struct cw_voice_file *f, const char *name, const struct cw_consent *c, const char *engine) {
    char path[CW_PATH_MAX];
    struct cw_error err = {0};
    struct cw_voice v;
    *f = (struct cw_voice_file){.made = "style", .engine = "kokoro", .language = "en-us", .f0_slope = 1, .has_embedding = true};
    snprintf(path, sizeof path, "%s", stock());
    if (!CHECKF(cw_voice_open(&v, path, "af_heart", &err) == 0, "%s", err.text)) {
        return false;
    }
    f->pack = v.pack;
    v.pack = NULL;
    cw_voice_close(&v);
    for (size_t i = 0; i < NUMBERS; i++) {
        f->pack[i] += 0.01F * (float)(i % 7);
    }
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->engine_sha256, sizeof f->engine_sha256, "%s", engine);
    memcpy(f->embedding, c->embedding, sizeof f->embedding);
    f->licence = cw_strdup("of the speaker");
    f->how = cw_strdup("a style, changed by a test");
    return CHECK(f->licence != NULL && f->how != NULL);
}

static bool save(const struct cw_voice_file *f) {
    char path[CW_PATH_MAX];
    struct cw_error err = {0};
    return CHECKF(cw_voices_own_path(f->name, path, &err) == 0 && cw_voice_file_write(f, path, &err) == 0, "%s", err.text);
}

/* Opens an expression; the voice is closed again. */
static int use(const char *expr, struct cw_error *err) {
    struct cw_voice v;
    int result = cw_voice_open(&v, stock(), expr, err);
    if (result == 0) {
        cw_voice_close(&v);
    }
    return result;
}

/* ---- statements and keys --------------------------------------------------------------------------------------------------------- */

static void test_statement(void) {
    char text[2][CW_CONSENT_TEXT_MAX + 1];
    struct cw_error err = {0};
    struct cw_consent_terms t = terms;
    if (CHECKF(cw_consent_statement(&t, text[0], &err) == 0, "%s", err.text)) {
        CHECK_STR(text[0],
                  "I, Ada Byron, agree that a computer learns my voice from recordings of me, for a podcast about the sea. I say this on "
                  "the twenty second of November, twenty twenty six, and it holds until the thirty first of December, ninety nine "
                  "ninety nine. My code words are: victor, india, kilo, november, kilo, echo.");
    }
    /* other terms, other code words */
    for (int i = 0; i < 4; i++) {
        t = terms;
        snprintf(i == 0 ? t.speaker : i == 1 ? t.purpose : i == 2 ? t.date : t.until, 11, "%s", i < 2 ? "Tom" : "2030-01-10");
        CHECK(cw_consent_statement(&t, text[1], &err) == 0 && strcmp(strstr(text[0], "My code"), strstr(text[1], "My code")) != 0);
        CHECK(i < 2 || strstr(text[1], "the tenth of January, twenty thirty") != NULL);
    }
    static const struct {
        const char *date, *says;
    } days[] = {{"2000-01-01", "the first of January, two thousand,"},
                {"2009-02-28", "the twenty eighth of February, two thousand nine,"},
                {"2028-02-29", "the twenty ninth of February, twenty twenty eight,"},
                {"2100-03-30", "the thirtieth of March, twenty one hundred,"},
                {"2105-08-31", "the thirty first of August, twenty one oh five,"},
                {"2013-05-20", "the twentieth of May, twenty thirteen,"}};
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        t = terms;
        snprintf(t.date, sizeof t.date, "%s", days[i].date);
        CHECKF(cw_consent_statement(&t, text[1], &err) == 0 && strstr(text[1], days[i].says), "%s", text[1]);
    }
    static const char *const no_days[] = {"2026-02-29", "2026-13-01", "2026-00-10", "2026-01-32", "1999-01-01", "2026-1-01", "", "today"};
    for (size_t i = 0; i < sizeof no_days / sizeof *no_days; i++) {
        t = terms;
        snprintf(t.date, sizeof t.date, "%s", no_days[i]);
        CHECK_REFUSED(cw_consent_statement(&t, text[1], &err), &err, "expected days such as");
    }
    t = terms;
    snprintf(t.until, sizeof t.until, "2026-11-21");
    CHECK_REFUSED(cw_consent_statement(&t, text[1], &err), &err, "an end after its beginning");
    t = terms;
    snprintf(t.speaker, sizeof t.speaker, "Ada\x1b[2J");
    CHECK_REFUSED(cw_consent_statement(&t, text[1], &err), &err, "one line of UTF-8");
    t.speaker[0] = '\0';
    CHECK_REFUSED(cw_consent_statement(&t, text[1], &err), &err, "one line of UTF-8");
}

static void test_keys(void) {
    char path[CW_PATH_MAX], *before = NULL, *after = NULL, signature[CW_SIGNATURE_HEX + 1];
    struct cw_error err = {0};
    struct cw_key a = {0}, b = {0};
    struct cw_trust trust = {0};
    struct stat st;
    size_t len = 0, len_after = 0;
    config("keys");
    snprintf(path, sizeof path, "%s/keys/consent.key", cw_test_dir());
    CHECKF(cw_key_open(&a, &err) == 0, "%s", err.text);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_nlink == 1);
    CHECK(cw_file_read(path, 1000, &before, &len, &err) == 0);
    CHECK(cw_key_open(&b, &err) == 0);
    CHECK_STR(b.public_hex, a.public_hex);
    CHECK(cw_file_read(path, 1000, &after, &len_after, &err) == 0 && len == len_after && memcmp(before, after, len) == 0);
    CHECK(cw_trust_open(&trust, &err) == 0 && trust.key_count == 1 && cw_trust_knows(&trust, a.public_hex) && cw_is_date(trust.today));
    cw_trust_close(&trust);
    /* a signature is of its kind, its bytes and its key */
    CHECK(cw_key_sign(&a, "voice", "abc", 3, signature, &err) == 0);
    CHECK(cw_signature_check(a.public_hex, "voice", "abc", 3, signature, &err) == 0);
    CHECK_REFUSED(cw_signature_check(a.public_hex, "consent", "abc", 3, signature, &err), &err, "altered or forged");
    CHECK_REFUSED(cw_signature_check(a.public_hex, "voice", "abd", 3, signature, &err), &err, "altered or forged");
    CHECK_REFUSED(cw_signature_check(ENGINE, "voice", "abc", 3, signature, &err), &err, "altered or forged");
    signature[5] ^= 1;
    CHECK(cw_signature_check(a.public_hex, "voice", "abc", 3, signature, &err) != 0);
    CHECK_REFUSED(cw_signature_check(a.public_hex, "voice", "abc", 3, "00", &err), &err, "hexadecimal");
    /* a key that others can read, a damaged key: refused and left as they are */
    CHECK(chmod(path, 0644) == 0);
    CHECK_REFUSED(cw_key_open(&b, &err), &err, "consent.key", "chmod 600");
    CHECK(err.code == CW_BAD_INPUT && chmod(path, 0600) == 0);
    FILE *f = fopen(path, "w");
    CHECK(f != NULL && fputs("damaged\n", f) > 0 && fclose(f) == 0);
    CHECK_REFUSED(cw_key_open(&b, &err), &err, "consent.key", "where you keep a copy");
    free(after);
    after = NULL;
    CHECK(cw_file_read(path, 1000, &after, &len_after, &err) == 0);
    CHECK_STR(after, "damaged\n");
    free(before);
    free(after);
    cw_key_close(&a);
    cw_key_close(&b);
    leave();
}

/* ---- records --------------------------------------------------------------------------------------------------------------------- */

/* The same words with another key under them: what a forger can do. */
static void sign_anew(struct cw_consent *c, const struct cw_key *k) {
    struct cw_error err = {0};
    CHECK(cw_consent_sign(c, k, &err) == 0);
}

static void test_record(void) {
    struct cw_error err = {0};
    struct cw_key mine = {0}, theirs = {0};
    struct cw_trust trust = {0};
    struct cw_consent *c = calloc(3, sizeof *c), *back = c + 1, *forged = c + 2;
    struct cw_text text = {0};
    char hash[2][65];
    config("theirs");
    CHECK(cw_key_open(&theirs, &err) == 0);
    config("mine");
    CHECK(cw_key_open(&mine, &err) == 0 && cw_trust_open(&trust, &err) == 0);
    make_record(c, &terms, 1, &mine);
    CHECKF(cw_consent_print(c, &text, &err) == 0 && cw_consent_parse(back, text.data, text.len, &err) == 0, "%s", err.text);
    CHECK(memcmp(back, c, sizeof *c) == 0);
    CHECK(cw_consent_hash(c, hash[0], &err) == 0 && cw_consent_hash(back, hash[1], &err) == 0);
    CHECK_STR(hash[1], hash[0]);
    snprintf(trust.today, sizeof trust.today, "2026-11-22");
    CHECKF(cw_consent_holds(back, &trust, &err) == 0, "%s", err.text);
    /* altered: any byte */
    for (size_t i = 0; i < text.len; i += 1 + i % 3) {
        char kept = text.data[i];
        text.data[i] = kept == '7' ? '8' : '7';
        CHECKF(cw_consent_parse(back, text.data, text.len, &err) == -1, "byte %zu", i);
        text.data[i] = kept;
    }
    CHECK_REFUSED(cw_consent_parse(back, text.data, text.len - 1, &err), &err, "consent record");
    char *at = strstr(text.data, "2026-11-22"); /* what it says, in full: the signature does not hold */
    at[9] = '3';
    CHECK_REFUSED(cw_consent_parse(back, text.data, text.len, &err), &err, "consent record of Ada Byron", "altered or forged");
    at[9] = '2';
    /* the same record written in another way, and with something added */
    cw_text_add(&text, " ");
    CHECK_REFUSED(cw_consent_parse(back, text.data, text.len, &err), &err, "the one way to write it");
    text.len--;
    text.data[text.len - 1] = ',';
    cw_text_add(&text, "\"x\":1}");
    text.data[text.len - 7] = ','; /* after what was the last field */
    CHECK_REFUSED(cw_consent_parse(back, text.data, text.len - 1, &err), &err, "consent record");
    CHECK_REFUSED(cw_consent_parse(back, "{}", 2, &err), &err, "castwright_consent");
    CHECK_REFUSED(cw_consent_parse(back, "[", 1, &err), &err, "expected JSON");
    /* forged: another's key named and one's own signature; signed by a stranger */
    *forged = *c;
    sign_anew(forged, &theirs);
    CHECK_REFUSED(cw_consent_holds(forged, &trust, &err), &err, "a key you trust", "--trust");
    memcpy(forged->key, mine.public_hex, sizeof forged->key);
    cw_text_clear(&text);
    CHECK(cw_consent_print(forged, &text, &err) == 0);
    CHECK_REFUSED(cw_consent_parse(back, text.data, text.len, &err), &err, "altered or forged");
    /* days */
    struct cw_consent_terms t = terms;
    snprintf(t.until, sizeof t.until, "2027-05-01");
    make_record(c, &t, 1, &mine);
    snprintf(trust.today, sizeof trust.today, "2027-05-01");
    CHECK(cw_consent_holds(c, &trust, &err) == 0);
    snprintf(trust.today, sizeof trust.today, "2027-05-02");
    CHECK_REFUSED(cw_consent_holds(c, &trust, &err), &err, "Ada Byron", "holds on 2027-05-02", "until 2027-05-01");
    snprintf(trust.today, sizeof trust.today, "2026-11-21");
    CHECK_REFUSED(cw_consent_holds(c, &trust, &err), &err, "from 2026-11-22");
    snprintf(trust.today, sizeof trust.today, "2027-01-01");
    /* revoked, for good; a second time changes nothing */
    cw_trust_close(&trust);
    CHECK(cw_consent_hash(c, hash[0], &err) == 0 && cw_trust_revoke(hash[0], &err) == 0 && cw_trust_revoke(hash[0], &err) == 0);
    CHECK(cw_trust_open(&trust, &err) == 0 && trust.revoked_count == 1);
    snprintf(trust.today, sizeof trust.today, "2027-01-01");
    CHECK_REFUSED(cw_consent_holds(c, &trust, &err), &err, "Ada Byron", "revoked on");
    CHECK_REFUSED(cw_trust_revoke("12", &err), &err, "64 hexadecimal digits");
    cw_trust_close(&trust);
    cw_text_free(&text);
    cw_key_close(&mine);
    cw_key_close(&theirs);
    free(c);
    leave();
}

/* The list of revocations cannot be shortened or written by another. */
static void test_lists(void) {
    struct cw_error err = {0};
    struct cw_key k = {0};
    struct cw_trust trust = {0};
    char path[CW_PATH_MAX], *list = NULL, *other = NULL, hash[65];
    size_t len = 0;
    config("stranger");
    cw_sha256_of("c", 1, hash);
    CHECK(cw_trust_revoke(hash, &err) == 0);
    snprintf(path, sizeof path, "%s/stranger/revoked", cw_test_dir());
    CHECK(cw_file_read(path, 10000, &other, &len, &err) == 0);
    config("lists");
    CHECK(cw_key_open(&k, &err) == 0);
    CHECK(cw_trust_open(&trust, &err) == 0 && trust.revoked_count == 0);
    cw_trust_close(&trust);
    for (int i = 0; i < 3; i++) {
        cw_sha256_of(&"ab\0c"[i], 1, hash);
        CHECKF(cw_trust_revoke(hash, &err) == 0, "%s", err.text);
    }
    CHECK(cw_trust_open(&trust, &err) == 0 && trust.revoked_count == 3 && cw_trust_revoked(&trust, hash) != NULL);
    CHECK(cw_trust_revoked(&trust, ENGINE) == NULL);
    cw_trust_close(&trust);
    snprintf(path, sizeof path, "%s/lists/revoked", cw_test_dir());
    CHECK(cw_file_write(path, other, len, &err) == 0);
    CHECK_REFUSED(cw_trust_open(&trust, &err), &err, "revocations", "a key you trust");
    free(list);
    CHECK(cw_file_write(path, "", 0, &err) == 0 && unlink(path) == 0);
    cw_sha256_of("a", 1, hash);
    CHECK(cw_trust_revoke(hash, &err) == 0);
    cw_sha256_of("b", 1, hash);
    CHECK(cw_trust_revoke(hash, &err) == 0 && cw_file_read(path, 10000, &list, &len, &err) == 0);
    CHECK(cw_file_write(path, list + 76, len - 76, &err) == 0); /* without its first line */
    CHECK_REFUSED(cw_trust_open(&trust, &err), &err, "revocations", "altered or forged");
    CHECK_REFUSED(cw_trust_revoke(hash, &err), &err, "altered or forged");
    for (size_t cut = 0; cut < len; cut += 7) {
        CHECK(cw_file_write(path, list, cut, &err) == 0);
        CHECK(cut == 0 || cw_trust_open(&trust, &err) == -1);
    }
    CHECK(cw_file_write(path, list, len, &err) == 0 && cw_trust_open(&trust, &err) == 0 && trust.revoked_count == 2);
    cw_trust_close(&trust);
    snprintf(path, sizeof path, "%s/lists/trusted", cw_test_dir());
    CHECK(cw_file_write(path, "everybody\n", 10, &err) == 0);
    CHECK_REFUSED(cw_trust_open(&trust, &err), &err, "trusted:1", "a public key");
    free(list);
    free(other);
    cw_key_close(&k);
    leave();
}

/* ---- the statement read aloud ---------------------------------------------------------------------------------------------------- */

static void test_aloud(void) {
    struct ears e;
    struct cw_error err = {0};
    struct cw_key k = {0};
    struct cw_trust trust = {0};
    struct cw_consent *c = calloc(1, sizeof *c);
    struct cw_recording r = {0};
    if (!open_ears(&e)) {
        close_ears(&e);
        free(c);
        return;
    }
    config("aloud");
    CHECK(cw_key_open(&k, &err) == 0);
#define MAKE(aloud, self, ...)                                                                                                             \
    cw_consent_make(c, &terms,                                                                                                             \
                    &(struct cw_consent_sources){(const char *const[]){__VA_ARGS__},                                                       \
                                                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), aloud, self},                \
                    e.encoder, &k, &err)
    if (CHECKF(MAKE(ALOUD, false, ENROL) == 0, "%s", err.text)) {
        CHECK_STR(c->how, "read-aloud");
        CHECK(c->recording_count == 1 && strlen(c->spoken) == 64 && strcmp(c->spoken, c->recordings[0]) != 0);
        CHECK(cw_trust_open(&trust, &err) == 0);
        snprintf(trust.today, sizeof trust.today, "2030-01-01");
        CHECKF(cw_consent_holds(c, &trust, &err) == 0, "%s", err.text);
        cw_trust_close(&trust);
        /* it is about these recordings and this speaker alone */
        CHECK(cw_recording_read(&r, ENROL, &err) == 0 && cw_consent_covers(c, &r, 1, c->embedding, &err) == 0);
        r.samples[1000] += 1e-4F;
        CHECK_REFUSED(cw_consent_covers(c, &r, 1, c->embedding, &err), &err, "Ada Byron", "one of the 1 recordings");
        r.samples[1000] -= 1e-4F;
        cw_recording_free(&r);
        float embedding[CW_EMBEDDING];
        CHECK(cw_recording_read(&r, OTHER, &err) == 0 && cw_encoder_listen(e.encoder, r.samples, r.count, r.rate, embedding, &err) == 0);
        CHECK_REFUSED(cw_consent_covers(c, NULL, 0, embedding, &err), &err, "Ada Byron", "another voice");
        cw_recording_free(&r);
    }
    /* another speaker reads it; she reads other words: her consent to other terms */
    CHECK_REFUSED(MAKE(OTHER, false, ENROL), &err, "consent_other", "another voice");
    CHECK_REFUSED(MAKE(REPLAY, false, ENROL), &err, "consent_replay", "code words");
    CHECK(err.code == CW_BAD_INPUT);
    CHECK_REFUSED(MAKE(ENROL, false, ENROL), &err, "one of the recordings");
    CHECK_REFUSED(MAKE(ALOUD, false, ENROL, OTHER), &err, "the speaker of the other recordings");
    CHECK_REFUSED(MAKE(NULL, false, ENROL), &err, "either the statement read aloud", "neither");
    CHECK_REFUSED(MAKE(ALOUD, true, ENROL), &err, "both");
    CHECK_REFUSED(MAKE("/nowhere.wav", false, ENROL), &err, "nowhere.wav");
    if (CHECKF(MAKE(NULL, true, ENROL) == 0, "%s", err.text)) {
        CHECK_STR(c->how, "self-declared");
        CHECK_STR(c->spoken, "");
    }
#undef MAKE
    cw_key_close(&k);
    close_ears(&e);
    free(c);
    leave();
}

/* ---- voices ---------------------------------------------------------------------------------------------------------------------- */

static void test_voice(void) {
    struct cw_error err = {0};
    struct cw_key mine = {0}, theirs = {0};
    struct cw_consent *c = calloc(2, sizeof *c), *bob = c + 1;
    struct cw_voice_file f = {0};
    struct cw_voice v;
    char *kept = NULL;
    if (!stock()) {
        free(c);
        return;
    }
    config("theirs");
    CHECK(cw_key_open(&theirs, &err) == 0);
    config("mine");
    CHECK(cw_key_open(&mine, &err) == 0);
    make_record(c, &terms, 1, &mine);
    make_record(bob, &terms, 2, &mine);
    if (!make_voice(&f, "ada", c, ENGINE)) {
        goto done;
    }
    /* nothing speaks without a record, and a seal without one cannot be had */
    f.seal = cw_strdup("");
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "voice \"ada\"", "consent record", "\"style\"", "found none");
    CHECK(err.code == CW_BAD_INPUT);
    CHECK_REFUSED(cw_voice_seal(&f, c, 0, &mine, &err), &err, "ada", "the consent of one speaker");
    /* another speaker's record; another's key */
    CHECK_REFUSED(cw_voice_seal(&f, bob, 1, &mine, &err), &err, "found another speaker's");
    CHECK_REFUSED(cw_voice_seal(&f, c, 1, &theirs, &err), &err, "the seal of the key that signed");
    if (!CHECKF(cw_voice_seal(&f, c, 1, &mine, &err) == 0, "%s", err.text)) {
        goto done;
    }
    save(&f);
    if (CHECKF(cw_voice_open(&v, stock(), "ada", &err) == 0, "%s", err.text)) {
        char hash[65];
        CHECK(cw_consent_hash(c, hash, &err) == 0 && v.people_count == 1);
        CHECK_STR(v.people[0].speaker, "Ada Byron");
        CHECK_STR(v.people[0].record, hash);
        CHECK_STR(v.people[0].until, "9999-12-31");
        cw_voice_close(&v);
    }
    if (CHECKF(cw_voice_open(&v, stock(), "ada*0.5 + bm_george*0.5", &err) == 0, "%s", err.text)) {
        CHECK(v.people_count == 1);
        cw_voice_close(&v);
    }
    /* altered after the seal: each key and tensor */
    f.pack[77777] += 1e-3F;
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "seal", "altered or forged");
    f.pack[77777] -= 1e-3F;
    f.embedding[3] += 1e-3F;
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "seal", "altered or forged");
    memcpy(f.embedding, c->embedding, sizeof f.embedding);
    f.f0_offset = 0.1;
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "seal", "altered or forged");
    f.f0_offset = 0;
    f.licence[0] = 'O';
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "seal", "altered or forged");
    f.licence[0] = 'o';
    snprintf(f.made, sizeof f.made, "offsets");
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "seal", "altered or forged");
    snprintf(f.made, sizeof f.made, "style");
    /* another's record put in its place, though it holds by itself */
    kept = f.consents[0];
    struct cw_text text = {0};
    CHECK(cw_consent_print(bob, &text, &err) == 0);
    f.consents[0] = text.data;
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "seal", "altered or forged");
    f.consents[0] = kept;
    cw_text_free(&text);
    /* a forged seal; a seal that is cut; a record whose end was moved */
    char digit = f.seal[70];
    f.seal[70] = digit == 'a' ? 'b' : 'a';
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "seal", "altered or forged");
    f.seal[70] = digit;
    f.seal[64] = '\0';
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "expected a seal");
    f.seal[64] = ' ';
    char *until = strstr(f.consents[0], "\"until\":\"9999");
    if (CHECK(until != NULL)) {
        until[9] = '8';
        save(&f);
        CHECK_REFUSED(use("ada", &err), &err, "consent record of Ada Byron", "altered or forged");
        until[9] = '9';
    }
    /* called a mix of stock voices instead, and its record thrown away */
    size_t consents = f.consent_count;
    char *seal = f.seal;
    snprintf(f.made, sizeof f.made, "mix");
    f.consent_count = 0;
    f.seal = "";
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "the mix of its parents", "no consent record");
    char parent[] = "af_heart 1 1 " ENGINE, *parents[] = {parent};
    f.parents = parents;
    f.parent_count = 1;
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "sha256 of another \"af_heart\"");
    memcpy(parent, "my_heart", 8);
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "\"my_heart\", which is none");
    f.parents = NULL;
    f.parent_count = 0;
    f.seal = seal;
    f.consent_count = consents;
    snprintf(f.made, sizeof f.made, "style");
    /* as it was, it speaks; to somebody who does not know the key it does not, until it is accepted */
    save(&f);
    CHECKF(use("ada", &err) == 0, "%s", err.text);
    setenv("CASTWRIGHT_CONFIG", "/dev/null/config", 1);
    char fingerprint[CW_FINGERPRINT_HEX + 1];
    cw_key_fingerprint(mine.public_hex, fingerprint);
    CHECK_REFUSED(use("ada", &err), &err, "a key you trust", fingerprint);
    config("theirs");
    CHECK_REFUSED(use("ada", &err), &err, "a key you trust", fingerprint);
    CHECK(cw_trust_add(mine.public_hex, &err) == 0 && cw_trust_add(mine.public_hex, &err) == 0);
    CHECKF(use("ada", &err) == 0, "%s", err.text);
    /* a trusted stranger seals another voice over her record */
    free(f.seal);
    f.seal = NULL;
    char other[CW_SIGNATURE_HEX + 1];
    CHECK(cw_key_sign(&theirs, "voice", "x", 1, other, &err) == 0);
    cw_text_printf(&text, "%s %s", theirs.public_hex, other);
    f.seal = text.data;
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "seal", "altered or forged");
    /* over long ago */
    config("mine");
    struct cw_consent_terms past = terms;
    snprintf(past.date, sizeof past.date, "2019-01-01");
    snprintf(past.until, sizeof past.until, "2020-01-01");
    make_record(c, &past, 1, &mine);
    CHECK(cw_voice_seal(&f, c, 1, &mine, &err) == 0);
    save(&f);
    CHECK_REFUSED(use("ada", &err), &err, "Ada Byron", "until 2020-01-01");
    /* the day it ends, and the day after: the day is given */
    struct cw_trust trust;
    struct cw_voice_person people[CW_VOICE_PEOPLE_MAX];
    int count = 0;
    CHECK(cw_trust_open(&trust, &err) == 0);
    snprintf(trust.today, sizeof trust.today, "2020-01-01");
    CHECKF(cw_voice_file_allowed(&f, stock(), &trust, people, &count, &err) == 0 && count == 1, "%s", err.text);
    snprintf(trust.today, sizeof trust.today, "2020-01-02");
    count = 0;
    CHECK_REFUSED(cw_voice_file_allowed(&f, stock(), &trust, people, &count, &err), &err, "holds on 2020-01-02");
    cw_trust_close(&trust);
done:
    cw_voice_file_free(&f);
    cw_key_close(&mine);
    cw_key_close(&theirs);
    free(c);
    leave();
}

/* Mixes carry their parents' records; a revoked parent silences them. */
static void test_mix(void) {
    struct cw_error err = {0};
    struct cw_key k = {0};
    struct cw_consent *c = calloc(2, sizeof *c), *bob = c + 1;
    struct cw_voice_file f = {0}, mix = {0};
    struct cw_voice v;
    char hash[65];
    if (!stock()) {
        free(c);
        return;
    }
    config("mix");
    CHECK(cw_key_open(&k, &err) == 0);
    make_record(c, &terms, 1, &k);
    struct cw_consent_terms his = terms;
    snprintf(his.speaker, sizeof his.speaker, "Bob Reed");
    make_record(bob, &his, 2, &k);
    if (!make_voice(&f, "ada", c, ENGINE) || !CHECK(cw_voice_seal(&f, c, 1, &k, &err) == 0) || !save(&f)) {
        goto done;
    }
    cw_voice_file_free(&f);
    if (!make_voice(&f, "bob", bob, ENGINE) || !CHECK(cw_voice_seal(&f, bob, 1, &k, &err) == 0) || !save(&f)) {
        goto done;
    }
    if (CHECKF(cw_voice_mix(&mix, stock(), "duo", "timbre:ada*0.5 + bob*0.5 prosody:am_puck", ENGINE, &err) == 0, "%s", err.text)) {
        CHECK(mix.consent_count == 2 && mix.parent_count == 3 && mix.seal[0] != '\0' && save(&mix));
    }
    cw_voice_file_free(&mix);
    if (CHECKF(cw_voice_open(&v, stock(), "duo", &err) == 0, "%s", err.text)) {
        CHECK(v.people_count == 2);
        CHECK_STR(v.people[1].speaker, "Bob Reed");
        cw_voice_close(&v);
    }
    /* a mix of the mix holds both still; one of stock voices alone, and a mix of that, holds nobody and no seal */
    if (CHECKF(cw_voice_mix(&mix, stock(), "trio", "duo + ada + bm_george", ENGINE, &err) == 0, "%s", err.text)) {
        CHECK(mix.consent_count == 2 && save(&mix));
    }
    cw_voice_file_free(&mix);
    if (CHECKF(cw_voice_mix(&mix, stock(), "tom", "timbre:am_michael*0.3 + bm_george prosody:am_puck", ENGINE, &err) == 0, "%s",
               err.text)) {
        CHECK(mix.consent_count == 0 && mix.seal[0] == '\0' && save(&mix));
    }
    cw_voice_file_free(&mix);
    if (CHECKF(cw_voice_mix(&mix, stock(), "tim", "tom*2 + af_heart", ENGINE, &err) == 0, "%s", err.text)) {
        CHECK(mix.consent_count == 0 && mix.seal[0] == '\0' && mix.parent_count == 4 && save(&mix));
        CHECKF(use("tim", &err) == 0, "%s", err.text);
        mix.pack[5] += 0.01F;
        save(&mix);
        CHECK_REFUSED(use("tim", &err), &err, "the mix of its parents", "number 6");
    }
    cw_voice_file_free(&mix);
    /* he takes his consent back */
    CHECK(cw_consent_hash(bob, hash, &err) == 0 && cw_trust_revoke(hash, &err) == 0);
    static const char *const silenced[] = {"bob", "duo", "trio", "am_puck + bob*0.01", "timbre:af_heart prosody:duo"};
    for (size_t i = 0; i < sizeof silenced / sizeof *silenced; i++) {
        CHECK_REFUSED(use(silenced[i], &err), &err, "consent of Bob Reed", "revoked on");
    }
    CHECK_REFUSED(cw_voice_mix(&mix, stock(), "new", "bob + ada", ENGINE, &err), &err, "revoked on");
    snprintf(f.name, sizeof f.name, "copy"); /* under another name as well */
    save(&f);
    CHECK_REFUSED(use("copy", &err), &err, "revoked on");
    CHECKF(use("ada", &err) == 0 && use("tom", &err) == 0, "%s", err.text);
done:
    cw_voice_file_free(&f);
    cw_key_close(&k);
    free(c);
    leave();
}

/* ---- the program ----------------------------------------------------------------------------------------------------------------- */

static char said[65536];
static int run(const char *const *args) {
    return test_program_run(args, said, sizeof said);
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})
#define REFUSED(...) CHECKF(RUN(__VA_ARGS__) == 2 && strstr(said, "consent of Ada Byron") && strstr(said, "revoked on"), "%s", said)

static void test_program(void) {
    struct cw_error err = {0};
    struct cw_key k = {0};
    struct cw_consent *c = calloc(1, sizeof *c);
    struct cw_voice_file f = {0};
    char model[CW_PATH_MAX], sum[65], hash[65], path[CW_PATH_MAX], fingerprint[CW_FINGERPRINT_HEX + 1], *text = NULL;
    size_t len;
    if (!stock() || cw_model_path("kokoro", model, &err) != 0 || cw_model_sum(model, sum, &err) != 0) {
        cw_test_skip("kokoro.gguf is not there: castwright models fetch");
        free(c);
        return;
    }
    config("program");
    CHECK(cw_key_open(&k, &err) == 0);
    cw_key_fingerprint(k.public_hex, fingerprint);
    make_record(c, &terms, 1, &k);
    CHECK(cw_consent_hash(c, hash, &err) == 0);
    if (!make_voice(&f, "ada", c, sum) || !CHECK(cw_voice_seal(&f, c, 1, &k, &err) == 0) || !save(&f)) {
        goto done;
    }
    CHECKF(RUN("voices", "consent", "--speaker", "Ada Byron", "--for", "a podcast about the sea", "--until", "9999-12-31", "--date",
               "2026-11-22") == 0 &&
               strncmp(said, c->statement, strlen(c->statement)) == 0,
           "%s", said);
    CHECK(RUN("voices", "consent", "--for", "x", "--until", "2030-01-01") == 2 && strstr(said, "--speaker"));
    CHECK(RUN("voices", "consent", "--speaker", "Ada", "--for", "x", "--until", "2001-01-01") == 2);
    CHECKF(RUN("voices", "show", "ada") == 0 && strstr(said, hash) && strstr(said, "Ada Byron, for a podcast about the sea") &&
               strstr(said, fingerprint) && !strstr(said, "\nrefused "),
           "%s", said);
    /* an episode names whose voice it is and by which record, and nothing of the key's secret */
    snprintf(path, sizeof path, "%s/talk.md", cw_test_dir());
    const char *script =
        "---\ntitle: T\nlanguage: en-us\nseed: 1\ncast:\n  Ann: ada*0.6 + bf_emma*0.4\n  Bob: am_michael\n---\n\n# S\n\nAnn: "
        "Yes.\n\nBob: No.\n";
    CHECK(cw_file_write(path, script, strlen(script), &err) == 0);
    CHECKF(RUN("render", "talk.md", "-o", "talk") == 0, "%s", said);
    snprintf(path, sizeof path, "%s/talk/manifest.json", cw_test_dir());
    if (CHECKF(cw_file_read(path, 1 << 20, &text, &len, &err) == 0, "%s", err.text)) {
        json_t *root = json_loadb(text, len, 0, NULL), *voices = json_object_get(root, "voices");
        const json_t *people = json_object_get(json_array_get(voices, 0), "consents");
        CHECK_STR(json_string_value(json_object_get(json_array_get(people, 0), "speaker")), "Ada Byron");
        CHECK_STR(json_string_value(json_object_get(json_array_get(people, 0), "record")), hash);
        CHECK(json_array_size(people) == 1 && json_object_get(json_array_get(voices, 1), "consents") == NULL);
        CHECK(strstr(text, "consent.key") == NULL);
        json_decref(root);
        free(text);
    }
    CHECKF(RUN("voices", "export", "ada", "-o", "ada.gguf") == 0, "%s", said);
    CHECKF(RUN("voices", "mix", "ada + bf_emma", "--name", "duo") == 0, "%s", said);
    /* in another house: refused until the key is accepted, and then verified all the same */
    char home[CW_PATH_MAX];
    snprintf(home, sizeof home, "%s", getenv("CASTWRIGHT_CONFIG"));
    config("neighbour");
    CHECKF(RUN("voices", "import", "ada.gguf", "--name", "guest") == 2 && strstr(said, "a key you trust") && strstr(said, fingerprint),
           "%s", said);
    CHECKF(RUN("voices", "import", "ada.gguf", "--name", "guest", "--trust", ENGINE) == 2 && strstr(said, "found none of it"), "%s", said);
    CHECKF(RUN("voices", "import", "ada.gguf", "--name", "guest", "--trust", fingerprint) == 0, "%s", said);
    CHECKF(RUN("say", "Yes.", "--voice", "guest", "-o", "guest.wav") == 0, "%s", said);
    snprintf(path, sizeof path, "%s/ada.gguf", cw_test_dir());
    if (CHECK(cw_file_read(path, 1 << 22, &text, &len, &err) == 0)) { /* one number of the style, forged */
        text[len - 5000] ^= 1;
        snprintf(path, sizeof path, "%s/forged.gguf", cw_test_dir());
        CHECK(cw_file_write(path, text, len, &err) == 0);
        CHECKF(RUN("voices", "import", "forged.gguf", "--name", "fake", "--trust", fingerprint) == 2 && strstr(said, "altered or forged"),
               "%s", said);
        CHECK(RUN("say", "Yes.", "--voice", "./forged.gguf", "-o", "fake.wav") == 2 && strstr(said, "altered or forged"));
        free(text);
    }
    setenv("CASTWRIGHT_CONFIG", home, 1);
    CHECK(RUN("voices", "remove", "guest") == 0);
    /* she takes it back */
    CHECKF(RUN("voices", "revoke", "duo") == 0 && strstr(said, hash), "%s", said);
    CHECK(RUN("voices", "revoke", "af_heart") == 2);
    REFUSED("say", "Yes.", "--voice", "ada", "-o", "x.wav");
    REFUSED("say", "Yes.", "--voice", "duo", "-o", "x.wav");
    REFUSED("text", "--phonemes", "--voice", "ada", "Yes.");
    REFUSED("render", "talk.md", "-o", "talk");
    REFUSED("make", "tides", "--cast", "Ann=ada,Bob=am_michael", "-o", "made");
    REFUSED("voices", "mix", "ada*0.1 + bf_emma", "--name", "mild");
    REFUSED("voices", "audition", "bf_emma", "ada", "-o", "x.wav");
    REFUSED("voices", "export", "ada", "-o", "x.gguf");
    REFUSED("voices", "import", "ada.gguf", "--name", "again");
    REFUSED("voices", "map", "ada", "bf_emma", "-o", "x.svg");
    CHECKF(RUN("voices", "show", "ada") == 0 && strstr(said, "\nrefused  ") && strstr(said, "revoked on"), "%s", said);
    CHECKF(RUN("voices", "list") == 0 && strstr(said, "\nada ") && strstr(strstr(said, "\nada "), "voices show says why"), "%s", said);
    snprintf(path, sizeof path, "%s/x.wav", cw_test_dir());
    CHECK(!cw_file_exists(path));
done:
    cw_voice_file_free(&f);
    cw_key_close(&k);
    free(c);
    leave();
}

const struct cw_test cw_tests_consent[] = {
    {"consent.statement", "the statement says the terms in words, and other terms have other code words", test_statement},
    {"consent.keys", "the key is made once, for its owner alone; a signature is of its kind, bytes and key", test_keys},
    {"consent.record", "a record that is altered, forged, over, not begun, revoked or a stranger's does not hold", test_record},
    {"consent.lists", "revocations cannot be shortened, and are the owner's", test_lists},
    {"consent.aloud", "the statement counts when the speaker reads its words aloud; others' and other words do not", test_aloud},
    {"consent.voice", "a voice speaks with a record that holds and a seal over all of it, and in no other way", test_voice},
    {"consent.mix", "mixes carry the records of their parents; one revoked silences them", test_mix},
    {"consent.program", "every command refuses a revoked voice; a stranger's is accepted once; the manifest names the record",
     test_program},
    {0},
};

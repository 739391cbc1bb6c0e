/* What the tests of the kernels share: devices by name, guarded and random matrices, the comparison with plain C.
 *
 * Every output lies in a guarded block (sentinels before, after and between the rows), and every vector result is made with
 * 1, 2 and 3 threads, which must give the same bytes. */
#ifndef CW_TESTS_KERNELS_H
#define CW_TESTS_KERNELS_H

#include "kernels/kernels.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTINEL 12345678.0F
enum { GUARD = 64, ISAS_MAX = 8, THREADS_MAX = 3 };

static inline struct cw_device *device(const char *isa, int threads) {
    struct cw_device_params params = cw_device_params_default();
    struct cw_device *d = NULL;
    struct cw_error err = {0};

    params.isa = isa;
    params.threads = threads;
    CHECKF(cw_device_open(&d, params, &err) == 0, "%s with %d threads: %s", isa, threads, err.text);
    return d;
}

/* A matrix inside a block of sentinels. */
struct block {
    float *memory;
    size_t n;
    struct cw_mat m;
};

static inline struct block block_open(int rows, int cols, int stride) {
    struct block b = {.n = (size_t)rows * stride + 2 * GUARD};
    size_t i;

    b.memory = malloc(b.n * sizeof(float));
    if (!b.memory)
        abort();
    for (i = 0; i < b.n; i++)
        b.memory[i] = SENTINEL;
    b.m = (struct cw_mat){b.memory + GUARD, rows, cols, stride};
    return b;
}

static inline void block_close(struct block *b) {
    free(b->memory);
    *b = (struct block){0};
}

/* True when nothing outside the matrix was written, and everything inside was. */
static inline bool block_kept(const struct block *b) {
    size_t i, inside = (size_t)b->m.rows * b->m.stride;

    for (i = 0; i < b->n; i++) {
        bool in = i >= GUARD && i < GUARD + inside && (int)((i - GUARD) % b->m.stride) < b->m.cols;

        if (in ? b->memory[i] == SENTINEL || isnan(b->memory[i]) : b->memory[i] != SENTINEL)
            return false;
    }
    return true;
}

static inline float *at(struct cw_mat m, int r, int c) {
    return m.data + (ptrdiff_t)r * m.stride + c;
}

static inline float *random_floats(size_t n, uint64_t stream, float scale) {
    float *p = malloc((n + 1) * sizeof *p);
    size_t i;

    if (!p)
        abort();
    cw_gauss(cw_test_seed(), stream, 0, n, p);
    for (i = 0; i < n; i++)
        p[i] *= scale;
    return p;
}

/* A random matrix whose row padding is NaN, so that a kernel reading past the columns shows. */
static inline struct cw_mat random_mat(int rows, int cols, int stride, uint64_t stream, float scale) {
    struct cw_mat m = {random_floats((size_t)rows * stride, stream, scale), rows, cols, stride};
    int r, c;

    for (r = 0; r < rows; r++)
        for (c = cols; c < stride; c++)
            *at(m, r, c) = NAN;
    return m;
}

/* Largest difference relative to the largest number of the reference. */
static inline double difference(struct cw_mat got, struct cw_mat want) {
    double most = 1e-30, worst = 0;
    int r, c;

    for (r = 0; r < want.rows; r++)
        for (c = 0; c < want.cols; c++) {
            double d = fabs((double)*at(got, r, c) - (double)*at(want, r, c));

            most = fmax(most, fabs((double)*at(want, r, c)));
            if (!(d <= worst))
                worst = d; /* a NaN stays */
        }
    return worst / most;
}

static inline bool same_bytes(struct cw_mat a, struct cw_mat b) {
    int r;

    for (r = 0; r < a.rows; r++)
        if (memcmp(at(a, r, 0), at(b, r, 0), (size_t)a.cols * sizeof(float)) != 0)
            return false;
    return true;
}

/* Runs an operation on plain C, then on every instruction set with 1, 2 and 3 threads. */
typedef int operation(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err);

static inline void compare(const char *what, operation *run, void *ctx, int rows, int cols, int stride, double tolerance) {
    const char *const *isa;
    struct cw_error err = {0};
    struct block want = block_open(rows, cols, stride);
    struct cw_device *d = device("c", 2);

    CHECKF(run(d, ctx, want.m, &err) == 0, "%s on c: %s", what, err.text);
    CHECKF(block_kept(&want), "%s on c: wrote outside its output, left some unwritten, or made a NaN", what);
    cw_device_close(d);
    for (isa = cw_device_isas(); *isa; isa++) {
        struct block first = {0};
        int threads;

        for (threads = 1; threads <= THREADS_MAX; threads++) {
            struct block got = block_open(rows, cols, stride);
            double diff;

            d = device(*isa, threads);
            CHECKF(run(d, ctx, got.m, &err) == 0, "%s on %s: %s", what, *isa, err.text);
            cw_device_close(d);
            CHECKF(block_kept(&got), "%s on %s: wrote outside its output, left some unwritten, or made a NaN", what, *isa);
            diff = difference(got.m, want.m);
            CHECKF(diff <= tolerance, "%s on %s: differs from plain C by %.3g, at most %.3g expected", what, *isa, diff, tolerance);
            if (threads == 1) {
                first = got;
            } else {
                CHECKF(same_bytes(first.m, got.m), "%s on %s: %d threads gave other bytes than 1", what, *isa, threads);
                block_close(&got);
            }
        }
        block_close(&first);
    }
    block_close(&want);
}

/* Queries, keys and values of attention, each of another stride. */
struct attention {
    struct cw_mat q, k, v;
    int heads;
};

static inline struct attention attention_open(int rows, int keys, int heads, int width, float scale) {
    const int cols = heads * width;

    return (struct attention){random_mat(rows, cols, cols + 2, 20, scale), random_mat(keys, cols, cols + 3, 21, 1),
                              random_mat(keys, cols, cols + 4, 22, 1), heads};
}

static inline void attention_close(struct attention *a) {
    free(a->q.data);
    free(a->k.data);
    free(a->v.data);
}

#endif

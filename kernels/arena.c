/* Activation memory: address space reserved once, matrices bumped off it, freed back to a mark. Pages come on first touch. */
#include "kernels/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct cw_arena {
    unsigned char *base;
    size_t reserved, used; /* bytes */
};

enum { ALIGN = 64, ROW = 16 };

int cw_arena_open(struct cw_arena **out, size_t max_bytes, struct cw_error *err) {
    struct cw_arena *a = NULL;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *base = MAP_FAILED;
    int status = -1;

    *out = NULL;
    if (max_bytes == 0 || max_bytes > SIZE_MAX / 2) {
        cw_fail(err, CW_BAD_INPUT, "arena: expected a reserve of 1 byte or more, found %zu", max_bytes);
        goto done;
    }
    max_bytes = (max_bytes + page - 1) / page * page;
    a = calloc(1, sizeof *a);
    if (!a) {
        cw_fail_memory(err, "arena");
        goto done;
    }
    base = mmap(NULL, max_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        cw_fail(err, CW_FAILED, "arena: cannot reserve %zu MiB of address space: %s", max_bytes >> 20, strerror(errno));
        goto done;
    }
    /* Long activations are walked row by row: with small pages every tile would miss the TLB. Only a hint. */
    (void)madvise(base, max_bytes, MADV_HUGEPAGE);
    a->base = base;
    a->reserved = max_bytes;
    *out = a;
    a = NULL;
    status = 0;
done:
    free(a);
    return status;
}

void cw_arena_close(struct cw_arena *a) {
    if (!a)
        return;
    munmap(a->base, a->reserved);
    free(a);
}

/* Rows start on a cache line where that costs little; and never a multiple of 1 KiB apart, because the rows of a tile
 * would then fall into the same few sets of the first-level cache and push one another out. */
static int row_stride(int cols) {
    int padded = cols <= INT32_MAX - 2 * ROW ? (cols + ROW - 1) / ROW * ROW : cols;

    if ((padded - cols) * 10LL > cols)
        padded = cols;
    if (padded % 256 == 0 && padded <= INT32_MAX - ROW)
        padded += ROW;
    return padded;
}

int cw_arena_mat(struct cw_arena *a, int rows, int cols, struct cw_mat *m, struct cw_error *err) {
    size_t bytes, start = (a->used + ALIGN - 1) / ALIGN * ALIGN;
    int stride;

    *m = (struct cw_mat){0};
    if (rows < 0 || cols < 1)
        return cw_fail(err, CW_BAD_INPUT, "arena: expected a matrix of at least 0 x 1, found %d x %d", rows, cols);
    stride = row_stride(cols);
    if (__builtin_mul_overflow((size_t)rows, (size_t)stride * sizeof(float), &bytes) || start > a->reserved || bytes > a->reserved - start)
        return cw_fail(err, CW_FAILED, "arena: no room for %d x %d numbers: expected at most %zu MiB in all, %zu MiB are in use", rows,
                       cols, a->reserved >> 20, a->used >> 20);
    m->data = (float *)(void *)(a->base + start);
    m->rows = rows;
    m->cols = cols;
    m->stride = stride;
    a->used = start + bytes;
    return 0;
}

size_t cw_arena_mark(const struct cw_arena *a) {
    return a->used;
}

void cw_arena_release(struct cw_arena *a, size_t mark) {
    if (mark < a->used)
        a->used = mark;
}

void cw_arena_trim(struct cw_arena *a) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), start = (a->used + page - 1) / page * page;

    if (start < a->reserved)
        (void)madvise(a->base + start, a->reserved - start, MADV_DONTNEED);
}

struct cw_mat cw_mat_cols(struct cw_mat m, int first, int n) {
    m.data += first;
    m.cols = n;
    return m;
}

struct cw_mat cw_mat_rows(struct cw_mat m, int first, int n) {
    m.data += (ptrdiff_t)first * m.stride;
    m.rows = n;
    return m;
}

/* The program's own malloc and its kin: glibc's, counted. For one file of a program, which includes this; nobody else needs to know.
 * Not under a sanitizer, which has them to itself: CW_ALLOCATIONS_COUNTED is 0 and nothing is counted. */
#ifndef CW_ALLOCATIONS_H
#define CW_ALLOCATIONS_H

#include <stdatomic.h>
#include <stdlib.h>

static atomic_long cw_allocations;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CW_ALLOCATIONS_COUNTED 0
#else
#define CW_ALLOCATIONS_COUNTED 1
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);

void *malloc(size_t n) {
    atomic_fetch_add_explicit(&cw_allocations, 1, memory_order_relaxed);
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    atomic_fetch_add_explicit(&cw_allocations, 1, memory_order_relaxed);
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n) {
    atomic_fetch_add_explicit(&cw_allocations, 1, memory_order_relaxed);
    return __libc_realloc(p, n);
}

int posix_memalign(void **p, size_t alignment, size_t n) {
    atomic_fetch_add_explicit(&cw_allocations, 1, memory_order_relaxed);
    *p = __libc_memalign(alignment, n);
    return *p ? 0 : 12; /* ENOMEM */
}
#endif

#endif

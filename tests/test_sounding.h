/* A vocoder's file, opened on an instruction set and so many threads, for tests of vocoders against their references. */
#ifndef CW_TEST_SOUNDING_H
#define CW_TEST_SOUNDING_H

#include "vocoder/vocoder.h"

/* The machine's instruction sets and, where it has AVX-512, AMX's loops with tiles in C, "amx-emulated", last. NULL-terminated, static. */
const char *const *test_sounding_isas(void);

struct test_sounding {
    struct cw_device *d;
    struct cw_vocoder *v;
    struct cw_vocoder_session *s;
};
/* False where that failed; counted as a check. End it in either case. */
bool test_sounding_start(struct test_sounding *a, const char *path, const char *isa, int threads);
void test_sounding_end(struct test_sounding *a);

/* Relative L2 of every step-th of x's n samples against want [count]; infinity where these are not as many. */
double test_sounding_distance(const float *x, size_t n, int step, const float *want, int count);

#endif

/* Reads the reference numbers of tests/data/kokoro_*.bin (written by tests/make_kokoro_reference.py, which says what is in them). */
#ifndef CW_TEST_REFERENCE_H
#define CW_TEST_REFERENCE_H

#include "kernels/kernels.h"

struct cw_reference;

/* `name` lies in tests/data, or starts with '/'. */
CW_MUST_CHECK int cw_reference_open(struct cw_reference **r, const char *name, struct cw_error *err);
void cw_reference_close(struct cw_reference *r);

/* Whole records, borrowed; half precision is widened at opening. NULL when there is no such record of that type. *count gets
 * the number of elements; rows and columns follow from the shape ([T] or [T, C]). */
const float *cw_reference_floats(const struct cw_reference *r, const char *name, int *count);
const int *cw_reference_ints(const struct cw_reference *r, const char *name, int *count);

/* Relative L2 distance of m from the stage recorded as `name`, estimated from its 32 random projections (within about 12 % of
 * the true one, and zero only when it is); INFINITY when the stage is missing or has another shape. */
double cw_reference_distance(const struct cw_reference *r, const char *name, struct cw_mat m);
/* Relative L2 distance of n numbers from a whole record; INFINITY when it is missing or has another length. */
double cw_reference_distance_whole(const struct cw_reference *r, const char *name, const float *x, int n);

#endif

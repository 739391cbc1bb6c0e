/* GGUF files (llama.cpp's container, version 3), mapped read-only. Every name, type and shape is checked before a pointer
 * leaves this file, and every offset lies inside the mapping, so a wrong file never reaches a kernel. */
#ifndef CW_GGUF_H
#define CW_GGUF_H

#include "base/base.h"

struct cw_gguf;

/* Maps and checks the whole directory of the file: magic, version, counts, key and tensor bounds, alignment, overlaps. */
CW_MUST_CHECK int cw_gguf_open(struct cw_gguf **g, const char *path, struct cw_error *err);
void cw_gguf_close(struct cw_gguf *g);
/* Gives the memory of what has been read back; pointers stay good, and what is read again comes from the file again. */
void cw_gguf_release(const struct cw_gguf *g);

/* Metadata. Missing key or other type: an error that names file, key, expected and found. Strings are borrowed. */
CW_MUST_CHECK int cw_gguf_int(const struct cw_gguf *g, const char *key, int64_t *value, struct cw_error *err);
/* The same, of lo to hi. */
CW_MUST_CHECK int cw_gguf_int_in(const struct cw_gguf *g, const char *key, int lo, int hi, int *value, struct cw_error *err);
CW_MUST_CHECK int cw_gguf_double(const struct cw_gguf *g, const char *key, double *value, struct cw_error *err);
CW_MUST_CHECK int cw_gguf_string(const struct cw_gguf *g, const char *key, const char **s, size_t *len, struct cw_error *err);
CW_MUST_CHECK int cw_gguf_ints(const struct cw_gguf *g, const char *key, int32_t *values, int max, int *count, struct cw_error *err);
/* Element i of an array of strings; *count gets the array's length. s may be NULL to ask for the count alone. */
CW_MUST_CHECK int cw_gguf_string_at(const struct cw_gguf *g, const char *key, size_t i, const char **s, size_t *len, size_t *count,
                                    struct cw_error *err);

/* A float32 tensor of exactly this shape, dimensions in PyTorch's order (slowest first): dims[0] x ... x dims[n-1].
 * Borrowed from the mapping. The error says file, tensor, expected and found type and shape. */
CW_MUST_CHECK int cw_gguf_f32(const struct cw_gguf *g, const char *name, const int *dims, int n, const float **data, struct cw_error *err);
/* The same, all of its numbers finite. */
CW_MUST_CHECK int cw_gguf_f32_finite(const struct cw_gguf *g, const char *name, const int *dims, int n, const float **data,
                                     struct cw_error *err);
/* So both tensors of a layer: NAME.weight of this shape and NAME.bias [outputs]. */
CW_MUST_CHECK int cw_gguf_layer(const struct cw_gguf *g, const char *name, const int *dims, int n, int outputs, const float **weight,
                                const float **bias, struct cw_error *err);
/* A copy of a tensor of this shape, of type F32, F16 or BF16: out [dims[0] x ... x dims[n-1]]. All of its numbers are finite. */
CW_MUST_CHECK int cw_gguf_floats(const struct cw_gguf *g, const char *name, const int *dims, int n, float *out, struct cw_error *err);
/* Dimensions of a tensor (PyTorch's order); -1 when it is missing or has more than 4. */
CW_MUST_CHECK int cw_gguf_shape(const struct cw_gguf *g, const char *name, int dims[4], int *n, struct cw_error *err);
/* Tensors in order of name: how many, and the name of the i-th (borrowed, *len bytes, not NUL-terminated). */
size_t cw_gguf_tensor_count(const struct cw_gguf *g);
const char *cw_gguf_tensor_name(const struct cw_gguf *g, size_t i, size_t *len);

#endif

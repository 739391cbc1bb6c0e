/* Writes GGUF version 3: metadata and float32 tensors in the order given, so that the same input gives the same bytes. */
#ifndef CW_GGUF_OUT_H
#define CW_GGUF_OUT_H

#include "base/base.h"

/* Zero-initialise; a failed allocation is told by cw_gguf_out_write. */
struct cw_gguf_out {
    struct cw_text keys, tensors, data;
    uint64_t key_count, tensor_count;
};
void cw_gguf_out_string(struct cw_gguf_out *o, const char *key, const char *value);
void cw_gguf_out_strings(struct cw_gguf_out *o, const char *key, const char *const *values, size_t count);
void cw_gguf_out_uint(struct cw_gguf_out *o, const char *key, uint32_t value);
void cw_gguf_out_double(struct cw_gguf_out *o, const char *key, double value);
/* dims in PyTorch's order; the data is copied. */
void cw_gguf_out_f32(struct cw_gguf_out *o, const char *name, const int *dims, int n, const float *data);
/* The file is whole or not there. */
CW_MUST_CHECK int cw_gguf_out_write(struct cw_gguf_out *o, const char *path, struct cw_error *err);
void cw_gguf_out_free(struct cw_gguf_out *o);

#endif

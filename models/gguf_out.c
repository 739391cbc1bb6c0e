/* Keys, then the tensors' directory, then their data, each part gathered as bytes and joined at the end. */
#include "models/gguf_out.h"

#include <string.h>

enum { ALIGNMENT = 32, UINT32 = 4, STRING = 8, ARRAY = 9, FLOAT64 = 12 };

static void put32(struct cw_text *t, uint32_t v) {
    cw_text_add_n(t, (const char *)&v, sizeof v);
}

static void put64(struct cw_text *t, uint64_t v) {
    cw_text_add_n(t, (const char *)&v, sizeof v);
}

static void put_string(struct cw_text *t, const char *s) {
    put64(t, strlen(s));
    cw_text_add_n(t, s, strlen(s));
}

static void put_key(struct cw_gguf_out *o, const char *key, uint32_t type) {
    put_string(&o->keys, key);
    put32(&o->keys, type);
    o->key_count++;
}

static void pad(struct cw_text *t) {
    static const char zeros[ALIGNMENT];
    cw_text_add_n(t, zeros, (ALIGNMENT - t->len % ALIGNMENT) % ALIGNMENT);
}

void cw_gguf_out_string(struct cw_gguf_out *o, const char *key, const char *value) {
    put_key(o, key, STRING);
    put_string(&o->keys, value);
}

void cw_gguf_out_strings(struct cw_gguf_out *o, const char *key, const char *const *values, size_t count) {
    put_key(o, key, ARRAY);
    put32(&o->keys, STRING);
    put64(&o->keys, count);
    for (size_t i = 0; i < count; i++) {
        put_string(&o->keys, values[i]);
    }
}

void cw_gguf_out_uint(struct cw_gguf_out *o, const char *key, uint32_t value) {
    put_key(o, key, UINT32);
    put32(&o->keys, value);
}

void cw_gguf_out_double(struct cw_gguf_out *o, const char *key, double value) {
    put_key(o, key, FLOAT64);
    cw_text_add_n(&o->keys, (const char *)&value, sizeof value);
}

void cw_gguf_out_f32(struct cw_gguf_out *o, const char *name, const int *dims, int n, const float *data) {
    size_t numbers = 1;
    put_string(&o->tensors, name);
    put32(&o->tensors, (uint32_t)n);
    for (int i = n - 1; i >= 0; i--) { /* fastest first */
        put64(&o->tensors, (uint64_t)dims[i]);
        numbers *= (size_t)dims[i];
    }
    put32(&o->tensors, 0);
    put64(&o->tensors, o->data.len);
    cw_text_add_n(&o->data, (const char *)data, numbers * sizeof *data);
    pad(&o->data);
    o->tensor_count++;
}

int cw_gguf_out_write(struct cw_gguf_out *o, const char *path, struct cw_error *err) {
    struct cw_text all = {0};
    cw_text_add(&all, "GGUF");
    put32(&all, 3);
    put64(&all, o->tensor_count);
    put64(&all, o->key_count);
    cw_text_add_n(&all, o->keys.data, o->keys.len);
    cw_text_add_n(&all, o->tensors.data, o->tensors.len);
    pad(&all);
    cw_text_add_n(&all, o->data.data, o->data.len);
    all.failed |= o->keys.failed || o->tensors.failed || o->data.failed;
    int result = cw_text_check(&all, path, err) != 0 ? -1 : cw_file_write(path, all.data, all.len, err);
    cw_text_free(&all);
    return result;
}

void cw_gguf_out_free(struct cw_gguf_out *o) {
    cw_text_free(&o->keys);
    cw_text_free(&o->tensors);
    cw_text_free(&o->data);
    *o = (struct cw_gguf_out){0};
}

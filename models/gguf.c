/* A GGUF file: mapped -> its directory (keys, tensors) checked and sorted by name -> borrowed pointers.
 * Layout: "GGUF", version, counts; metadata as (key, type, value); tensors as (name, dimensions, type, offset); padding; data.
 * A hostile file may say anything: every length is compared with the bytes that are left before it is used, so memory and time
 * stay in proportion to the file's size. */
#include "models/gguf.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if __BYTE_ORDER != __LITTLE_ENDIAN
#error "tensors are borrowed from a little-endian file"
#endif

enum { MAX_DIMS = 4, MAX_NESTING = 4 };

enum value_type { U8, I8, U16, I16, U32, I32, FLOAT32, BOOL, STRING, ARRAY, U64, I64, FLOAT64, VALUE_TYPES };
static const unsigned char value_size[VALUE_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8}; /* least size, for string and array */
static const char *const value_name[VALUE_TYPES] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                    "bool", "string", "array", "u64", "i64", "f64"};

/* Tensor types by ggml's numbers; values are stored in blocks of `block` in `bytes` bytes. */
static const struct tensor_type {
    uint32_t id, block, bytes;
    const char *name;
} tensor_types[] = {
    {0, 1, 4, "F32"},        {1, 1, 2, "F16"},         {2, 32, 18, "Q4_0"},    {3, 32, 20, "Q4_1"},    {6, 32, 22, "Q5_0"},
    {7, 32, 24, "Q5_1"},     {8, 32, 34, "Q8_0"},      {9, 32, 36, "Q8_1"},    {10, 256, 84, "Q2_K"},  {11, 256, 110, "Q3_K"},
    {12, 256, 144, "Q4_K"},  {13, 256, 176, "Q5_K"},   {14, 256, 210, "Q6_K"}, {15, 256, 292, "Q8_K"}, {16, 256, 66, "IQ2_XXS"},
    {17, 256, 74, "IQ2_XS"}, {18, 256, 98, "IQ3_XXS"}, {19, 256, 50, "IQ1_S"}, {20, 32, 18, "IQ4_NL"}, {21, 256, 110, "IQ3_S"},
    {22, 256, 82, "IQ2_S"},  {23, 256, 136, "IQ4_XS"}, {24, 1, 1, "I8"},       {25, 1, 2, "I16"},      {26, 1, 4, "I32"},
    {27, 1, 8, "I64"},       {28, 1, 8, "F64"},        {29, 256, 56, "IQ1_M"}, {30, 1, 2, "BF16"},     {34, 256, 54, "TQ1_0"},
    {35, 256, 66, "TQ2_0"},
};

struct name {
    const char *s; /* in the mapping, not NUL-terminated */
    size_t len;
};

struct key {
    struct name name;
    uint32_t type; /* enum value_type; of the elements when `array` */
    bool array;
    uint64_t count;            /* elements of an array */
    const unsigned char *data; /* the value, a string's length field, or an array's first element */
    const unsigned char *end;  /* one past the value */
};

struct tensor {
    struct name name;
    const struct tensor_type *type;
    int dims[MAX_DIMS]; /* slowest first */
    int dim_count;
    uint64_t offset, size; /* bytes, from the start of the data */
};

struct cw_gguf {
    struct cw_map map;
    char *path;
    struct key *keys; /* sorted by name */
    size_t key_count;
    struct tensor *tensors; /* sorted by name */
    size_t tensor_count;
    const unsigned char *data; /* where offsets count from */
};

/* ---- the directory's bytes, read in order -------------------------------------------------------------------------------- */

struct reader {
    const char *path;
    const unsigned char *start, *p, *end;
};

static size_t left(const struct reader *r) {
    return (size_t)(r->end - r->p);
}

static int cut(const struct reader *r, const char *what, struct cw_error *err) {
    return cw_fail(err, CW_BAD_INPUT, "%s: expected %s at byte %zu, found the end of the file", r->path, what, (size_t)(r->p - r->start));
}

static uint32_t load32(const unsigned char *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t load64(const unsigned char *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static int take32(struct reader *r, const char *what, uint32_t *v, struct cw_error *err) {
    *v = 0;
    if (left(r) < 4) {
        return cut(r, what, err);
    }
    *v = load32(r->p);
    r->p += 4;
    return 0;
}

static int take64(struct reader *r, const char *what, uint64_t *v, struct cw_error *err) {
    *v = 0;
    if (left(r) < 8) {
        return cut(r, what, err);
    }
    *v = load64(r->p);
    r->p += 8;
    return 0;
}

static int take_name(struct reader *r, const char *what, struct name *name, struct cw_error *err) {
    uint64_t len;
    size_t at = (size_t)(r->p - r->start);
    if (take64(r, what, &len, err) != 0) {
        return -1;
    }
    if (len > left(r)) {
        return cw_fail(err, CW_BAD_INPUT, "%s: %s at byte %zu: expected at most %zu bytes, found a length of %llu", r->path, what, at,
                       left(r), (unsigned long long)len);
    }
    name->s = (const char *)r->p;
    name->len = (size_t)len;
    r->p += len;
    return 0;
}

/* Names are quoted in errors, cut to what a line can bear. */
static int shown(const struct name *n) {
    return n->len < 128 ? (int)n->len : 128;
}

static int name_order(const struct name *a, const struct name *b) {
    int order = memcmp(a->s, b->s, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* Steps over one value of `type`, or over an array's elements, checking all bounds. */
static int skip_value(struct reader *r, const struct name *key, uint32_t type, int depth, struct cw_error *err) {
    if (type >= VALUE_TYPES) {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"%.*s\": expected a value type of 0 to %d, found %u", r->path, shown(key), key->s,
                       VALUE_TYPES - 1, type);
    }
    if (type == STRING) {
        struct name text;
        return take_name(r, "a string", &text, err);
    }
    if (type != ARRAY) {
        if (left(r) < value_size[type]) {
            return cut(r, "a value", err);
        }
        r->p += value_size[type];
        return 0;
    }
    uint32_t element;
    uint64_t count;
    if (depth >= MAX_NESTING) {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"%.*s\": expected at most %d arrays inside one another, found more", r->path,
                       shown(key), key->s, MAX_NESTING);
    }
    if (take32(r, "an array's type", &element, err) != 0 || take64(r, "an array's length", &count, err) != 0) {
        return -1;
    }
    if (element >= VALUE_TYPES) {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"%.*s\": expected an element type of 0 to %d, found %u", r->path, shown(key), key->s,
                       VALUE_TYPES - 1, element);
    }
    if (count > left(r) / value_size[element]) {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"%.*s\": expected an array of at most %zu elements, found %llu", r->path, shown(key),
                       key->s, left(r) / value_size[element], (unsigned long long)count);
    }
    if (element != STRING && element != ARRAY) {
        r->p += count * value_size[element];
        return 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (skip_value(r, key, element, depth + 1, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int key_order(const void *a, const void *b) {
    return name_order(&((const struct key *)a)->name, &((const struct key *)b)->name);
}

static int tensor_order(const void *a, const void *b) {
    return name_order(&((const struct tensor *)a)->name, &((const struct tensor *)b)->name);
}

static int read_keys(struct cw_gguf *g, struct reader *r, uint64_t count, struct cw_error *err) {
    /* the shortest entry: a one-byte name, a type, a one-byte value */
    if (count > left(r) / 14) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected at most %zu keys in a file of this size, found %llu", r->path, left(r) / 14,
                       (unsigned long long)count);
    }
    g->keys = calloc(count > 0 ? (size_t)count : 1, sizeof *g->keys);
    if (g->keys == NULL) {
        return cw_fail_memory(err, r->path);
    }
    for (; g->key_count < count; g->key_count++) {
        struct key *k = &g->keys[g->key_count];
        if (take_name(r, "a key", &k->name, err) != 0 || take32(r, "a key's type", &k->type, err) != 0) {
            return -1;
        }
        if (k->name.len == 0) {
            return cw_fail(err, CW_BAD_INPUT, "%s: expected a name for key %zu, found none", r->path, g->key_count);
        }
        k->data = r->p;
        if (skip_value(r, &k->name, k->type, 0, err) != 0) {
            return -1;
        }
        k->end = r->p;
        if (k->type == ARRAY) {
            k->array = true;
            k->type = load32(k->data);
            k->count = load64(k->data + 4);
            k->data += 12;
        }
    }
    qsort(g->keys, g->key_count, sizeof *g->keys, key_order);
    for (size_t i = 1; i < g->key_count; i++) {
        if (key_order(&g->keys[i - 1], &g->keys[i]) == 0) {
            return cw_fail(err, CW_BAD_INPUT, "%s: key \"%.*s\": expected once, found twice", r->path, shown(&g->keys[i].name),
                           g->keys[i].name.s);
        }
    }
    return 0;
}

static int read_tensor(struct cw_gguf *g, struct reader *r, uint32_t alignment, struct tensor *t, struct cw_error *err) {
    uint32_t dims, type;
    if (take_name(r, "a tensor's name", &t->name, err) != 0 || take32(r, "a tensor's dimensions", &dims, err) != 0) {
        return -1;
    }
    if (t->name.len == 0) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a name for tensor %zu, found none", r->path, g->tensor_count);
    }
    if (dims < 1 || dims > MAX_DIMS) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%.*s\": expected 1 to %d dimensions, found %u", r->path, shown(&t->name), t->name.s,
                       MAX_DIMS, dims);
    }
    t->dim_count = (int)dims;
    uint64_t values = 1, fastest = 0;
    for (uint32_t i = 0; i < dims; i++) { /* stored fastest first */
        uint64_t n;
        if (take64(r, "a tensor's dimension", &n, err) != 0) {
            return -1;
        }
        if (n < 1 || n > INT32_MAX || values > (uint64_t)INT64_MAX / n) {
            return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%.*s\": expected dimensions of 1 to %d and a product below 2^63, found %llu",
                           r->path, shown(&t->name), t->name.s, INT32_MAX, (unsigned long long)n);
        }
        values *= n;
        fastest = i == 0 ? n : fastest;
        t->dims[dims - 1 - i] = (int)n;
    }
    if (take32(r, "a tensor's type", &type, err) != 0 || take64(r, "a tensor's offset", &t->offset, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof tensor_types / sizeof tensor_types[0]; i++) {
        if (tensor_types[i].id == type) {
            t->type = &tensor_types[i];
        }
    }
    if (t->type == NULL) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%.*s\": expected a known tensor type, found %u", r->path, shown(&t->name),
                       t->name.s, type);
    }
    if (fastest % t->type->block != 0) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%.*s\": expected rows of a multiple of %u values for %s, found %llu", r->path,
                       shown(&t->name), t->name.s, t->type->block, t->type->name, (unsigned long long)fastest);
    }
    uint64_t blocks = values / t->type->block;
    if (blocks > g->map.len / t->type->bytes) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%.*s\": expected a tensor that fits in a file of %zu bytes, found %llu %s values",
                       r->path, shown(&t->name), t->name.s, g->map.len, (unsigned long long)values, t->type->name);
    }
    t->size = blocks * t->type->bytes;
    if (t->offset % alignment != 0) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%.*s\": expected an offset that is a multiple of %u, found %llu", r->path,
                       shown(&t->name), t->name.s, alignment, (unsigned long long)t->offset);
    }
    return 0;
}

struct span {
    uint64_t offset, size;
    const struct name *name;
};

static int offset_order(const void *a, const void *b) {
    const struct span *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* No tensor may share bytes with another. */
static int check_overlaps(const struct cw_gguf *g, struct cw_error *err) {
    int result = -1;
    struct span *spans = calloc(g->tensor_count > 0 ? g->tensor_count : 1, sizeof *spans);
    if (spans == NULL) {
        cw_fail_memory(err, g->path);
        goto done;
    }
    for (size_t i = 0; i < g->tensor_count; i++) {
        spans[i] = (struct span){g->tensors[i].offset, g->tensors[i].size, &g->tensors[i].name};
    }
    qsort(spans, g->tensor_count, sizeof *spans, offset_order);
    for (size_t i = 1; i < g->tensor_count; i++) {
        const struct span *a = &spans[i - 1], *b = &spans[i];
        if (b->offset - a->offset < a->size) {
            cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%.*s\": expected its %llu bytes to itself, found tensor \"%.*s\" inside them", g->path,
                    shown(a->name), a->name->s, (unsigned long long)a->size, shown(b->name), b->name->s);
            goto done;
        }
    }
    result = 0;
done:
    free(spans);
    return result;
}

static int read_tensors(struct cw_gguf *g, struct reader *r, uint64_t count, struct cw_error *err) {
    /* the shortest entry: a one-byte name, one dimension, a type, an offset */
    if (count > left(r) / 33) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected at most %zu tensors in a file of this size, found %llu", r->path, left(r) / 33,
                       (unsigned long long)count);
    }
    int64_t alignment = 32; /* the format's default */
    for (size_t i = 0; i < g->key_count; i++) {
        const struct name key = {"general.alignment", strlen("general.alignment")};
        if (name_order(&g->keys[i].name, &key) == 0 && cw_gguf_int(g, "general.alignment", &alignment, err) != 0) {
            return -1;
        }
    }
    if (alignment < 8 || alignment > 1 << 20 || (alignment & (alignment - 1)) != 0) {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"general.alignment\": expected a power of two from 8 to 1048576, found %lld", r->path,
                       (long long)alignment);
    }
    g->tensors = calloc(count > 0 ? (size_t)count : 1, sizeof *g->tensors);
    if (g->tensors == NULL) {
        return cw_fail_memory(err, r->path);
    }
    for (; g->tensor_count < count; g->tensor_count++) {
        if (read_tensor(g, r, (uint32_t)alignment, &g->tensors[g->tensor_count], err) != 0) {
            return -1;
        }
    }
    size_t start = (size_t)(r->p - r->start);
    start += (size_t)(-start & ((size_t)alignment - 1));
    size_t room = start < g->map.len ? g->map.len - start : 0;
    g->data = g->map.data + (start < g->map.len ? start : g->map.len);
    for (size_t i = 0; i < g->tensor_count; i++) {
        const struct tensor *t = &g->tensors[i];
        if (t->offset > room || t->size > room - t->offset) {
            return cw_fail(err, CW_BAD_INPUT,
                           "%s: tensor \"%.*s\": expected %llu bytes at %llu of the data, found a file with only %zu bytes of data",
                           r->path, shown(&t->name), t->name.s, (unsigned long long)t->size, (unsigned long long)t->offset, room);
        }
    }
    qsort(g->tensors, g->tensor_count, sizeof *g->tensors, tensor_order);
    for (size_t i = 1; i < g->tensor_count; i++) {
        if (tensor_order(&g->tensors[i - 1], &g->tensors[i]) == 0) {
            return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%.*s\": expected once, found twice", r->path, shown(&g->tensors[i].name),
                           g->tensors[i].name.s);
        }
    }
    return check_overlaps(g, err);
}

void cw_gguf_release(const struct cw_gguf *g) {
    (void)madvise((void *)(uintptr_t)g->map.data, g->map.len, MADV_DONTNEED); /* read-only and private: nothing is lost */
}

int cw_gguf_open(struct cw_gguf **out, const char *path, struct cw_error *err) {
    int result = -1;
    uint32_t version;
    uint64_t tensors, keys;
    struct reader r = {.path = path};
    *out = NULL;
    struct cw_gguf *g = calloc(1, sizeof *g);
    if (g == NULL || (g->path = cw_strdup(path)) == NULL) {
        cw_fail_memory(err, path);
        goto done;
    }
    if (cw_map_open(&g->map, path, err) != 0) {
        goto done;
    }
    r.start = r.p = g->map.data;
    r.end = g->map.data + g->map.len;
    if (left(&r) < 4 || memcmp(r.p, "GGUF", 4) != 0) {
        char found[4 * 3 + 1] = "";
        for (size_t i = 0; i < 4 && i < left(&r); i++) {
            snprintf(found + (i > 0 ? 3 * i - 1 : 0), 4, "%s%02x", i > 0 ? " " : "", r.p[i]);
        }
        cw_fail(err, CW_BAD_INPUT, "%s: expected a GGUF file (first bytes 47 47 55 46), found %s", path,
                found[0] != '\0' ? found : "an empty file");
        goto done;
    }
    r.p += 4;
    if (take32(&r, "the version", &version, err) != 0) {
        goto done;
    }
    if (version != 3) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected GGUF version 3, found %u", path, version);
        goto done;
    }
    if (take64(&r, "the number of tensors", &tensors, err) != 0 || take64(&r, "the number of keys", &keys, err) != 0 ||
        read_keys(g, &r, keys, err) != 0 || read_tensors(g, &r, tensors, err) != 0) {
        goto done;
    }
    *out = g;
    g = NULL;
    result = 0;
done:
    cw_gguf_close(g);
    return result;
}

void cw_gguf_close(struct cw_gguf *g) {
    if (g != NULL) {
        cw_map_close(&g->map);
        free(g->keys);
        free(g->tensors);
        free(g->path);
        free(g);
    }
}

/* ---- metadata -------------------------------------------------------------------------------------------------------------- */

static const struct key *find_key(const struct cw_gguf *g, const char *name) {
    struct key wanted = {.name = {name, strlen(name)}};
    return bsearch(&wanted, g->keys, g->key_count, sizeof *g->keys, key_order);
}

static int wrong_key(const struct cw_gguf *g, const char *key, const char *expected, const struct key *k, struct cw_error *err) {
    if (k == NULL) {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"%s\": expected %s, found no such key", g->path, key, expected);
    }
    return cw_fail(err, CW_BAD_INPUT, "%s: key \"%s\": expected %s, found %s%s", g->path, key, expected, k->array ? "an array of " : "",
                   value_name[k->type]);
}

/* An integer of any width at p. */
static bool load_int(uint32_t type, const unsigned char *p, int64_t *v) {
    switch (type) {
    case U8:
        *v = p[0];
        return true;
    case I8:
        *v = p[0] < 128 ? p[0] : p[0] - 256;
        return true;
    case U16:
    case I16: {
        uint16_t x;
        memcpy(&x, p, sizeof x);
        *v = type == U16 ? (int64_t)x : (int64_t)(int16_t)x;
        return true;
    }
    case U32:
        *v = load32(p);
        return true;
    case I32:
        *v = (int32_t)load32(p);
        return true;
    case U64:
    case I64:
        *v = (int64_t)load64(p);
        return type == I64 || *v >= 0;
    default:
        return false;
    }
}

int cw_gguf_int(const struct cw_gguf *g, const char *key, int64_t *value, struct cw_error *err) {
    const struct key *k = find_key(g, key);
    if (k == NULL || k->array || !load_int(k->type, k->data, value)) {
        return wrong_key(g, key, "an integer", k, err);
    }
    return 0;
}

int cw_gguf_double(const struct cw_gguf *g, const char *key, double *value, struct cw_error *err) {
    const struct key *k = find_key(g, key);
    int64_t whole;
    if (k != NULL && !k->array && k->type == FLOAT64) {
        memcpy(value, k->data, sizeof *value);
    } else if (k != NULL && !k->array && k->type == FLOAT32) {
        float x;
        memcpy(&x, k->data, sizeof x);
        *value = (double)x;
    } else if (k != NULL && !k->array && load_int(k->type, k->data, &whole)) {
        *value = (double)whole;
    } else {
        return wrong_key(g, key, "a number", k, err);
    }
    return 0;
}

int cw_gguf_int_in(const struct cw_gguf *g, const char *key, int lo, int hi, int *value, struct cw_error *err) {
    int64_t n;
    if (cw_gguf_int(g, key, &n, err) != 0) {
        return -1;
    }
    if (n < lo || n > hi) {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"%s\": expected %d to %d, found %lld", g->path, key, lo, hi, (long long)n);
    }
    *value = (int)n;
    return 0;
}

int cw_gguf_string(const struct cw_gguf *g, const char *key, const char **s, size_t *len, struct cw_error *err) {
    const struct key *k = find_key(g, key);
    if (k == NULL || k->array || k->type != STRING) {
        return wrong_key(g, key, "a string", k, err);
    }
    *s = (const char *)k->data + 8;
    *len = (size_t)load64(k->data);
    return 0;
}

int cw_gguf_ints(const struct cw_gguf *g, const char *key, int32_t *values, int max, int *count, struct cw_error *err) {
    const struct key *k = find_key(g, key);
    int64_t v = 0;
    if (k == NULL || !k->array || k->type == STRING || k->type == ARRAY || k->type == BOOL || k->type == FLOAT32 || k->type == FLOAT64) {
        return wrong_key(g, key, "an array of integers", k, err);
    }
    if (k->count > (uint64_t)(max > 0 ? max : 0)) {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"%s\": expected at most %d integers, found %llu", g->path, key, max,
                       (unsigned long long)k->count);
    }
    for (uint64_t i = 0; i < k->count; i++) {
        if (!load_int(k->type, k->data + i * value_size[k->type], &v) || v < INT32_MIN || v > INT32_MAX) {
            return cw_fail(err, CW_BAD_INPUT, "%s: key \"%s\": expected 32-bit integers, found %lld", g->path, key, (long long)v);
        }
        values[i] = (int32_t)v;
    }
    *count = (int)k->count;
    return 0;
}

int cw_gguf_string_at(const struct cw_gguf *g, const char *key, size_t i, const char **s, size_t *len, size_t *count,
                      struct cw_error *err) {
    const struct key *k = find_key(g, key);
    if (k == NULL || !k->array || k->type != STRING) {
        return wrong_key(g, key, "an array of strings", k, err);
    }
    if (count != NULL) {
        *count = (size_t)k->count;
    }
    if (s == NULL) {
        return 0;
    }
    if (i >= k->count) {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"%s\": expected more than %zu strings, found %llu", g->path, key, i,
                       (unsigned long long)k->count);
    }
    const unsigned char *p = k->data; /* bounds were checked when the file was opened */
    for (size_t j = 0; j < i; j++) {
        p += 8 + load64(p);
    }
    *s = (const char *)p + 8;
    if (len != NULL) {
        *len = (size_t)load64(p);
    }
    return 0;
}

/* ---- tensors --------------------------------------------------------------------------------------------------------------- */

static const struct tensor *find_tensor(const struct cw_gguf *g, const char *name) {
    struct tensor wanted = {.name = {name, strlen(name)}};
    return bsearch(&wanted, g->tensors, g->tensor_count, sizeof *g->tensors, tensor_order);
}

/* "[1024, 514, 3]" */
static void show_shape(const int *dims, int n, char text[64]) {
    size_t used = 0;
    text[used++] = '[';
    text[used] = '\0';
    for (int i = 0; i < n && used < 50; i++) {
        used += (size_t)snprintf(text + used, 64 - used, "%s%d", i > 0 ? ", " : "", dims[i]);
    }
    snprintf(text + used, 64 - used, "]");
}

int cw_gguf_f32(const struct cw_gguf *g, const char *name, const int *dims, int n, const float **data, struct cw_error *err) {
    const struct tensor *t = find_tensor(g, name);
    char expected[64], found[64];
    show_shape(dims, n, expected);
    if (t == NULL) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected F32 %s, found no such tensor", g->path, name, expected);
    }
    if (t->type->id != 0 || t->dim_count != n || memcmp(t->dims, dims, (size_t)n * sizeof *dims) != 0) {
        show_shape(t->dims, t->dim_count, found);
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected F32 %s, found %s %s", g->path, name, expected, t->type->name, found);
    }
    *data = (const float *)(const void *)(g->data + t->offset);
    return 0;
}

int cw_gguf_f32_finite(const struct cw_gguf *g, const char *name, const int *dims, int n, const float **data, struct cw_error *err) {
    size_t count = 1;
    if (cw_gguf_f32(g, name, dims, n, data, err) != 0) {
        return -1;
    }
    for (int i = 0; i < n; i++) {
        count *= (size_t)dims[i];
    }
    for (size_t i = 0; i < count; i++) {
        if (!isfinite((*data)[i])) {
            return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected finite numbers, found %g", g->path, name, (double)(*data)[i]);
        }
    }
    return 0;
}

int cw_gguf_layer(const struct cw_gguf *g, const char *name, const int *dims, int n, int outputs, const float **weight, const float **bias,
                  struct cw_error *err) {
    char leaf[128];
    snprintf(leaf, sizeof leaf, "%s.weight", name);
    if (cw_gguf_f32_finite(g, leaf, dims, n, weight, err) != 0) {
        return -1;
    }
    snprintf(leaf, sizeof leaf, "%s.bias", name);
    return cw_gguf_f32_finite(g, leaf, &outputs, 1, bias, err);
}

/* IEEE half precision. */
static float half_float(uint16_t h) {
    const uint32_t magnitude = h & 0x7FFFU;
    uint32_t u = (magnitude << 13) + 0x38000000U;
    float f;
    if (magnitude >= 0x7C00U) /* infinity, NaN */
        u = (magnitude << 13) | 0x7F800000U;
    else if (magnitude < 0x0400U) { /* in units of 2^-24 */
        f = (float)magnitude / 16777216.0F;
        memcpy(&u, &f, sizeof u);
    }
    u |= (uint32_t)(h & 0x8000U) << 16;
    memcpy(&f, &u, sizeof f);
    return f;
}

int cw_gguf_floats(const struct cw_gguf *g, const char *name, const int *dims, int n, float *out, struct cw_error *err) {
    enum { F32 = 0, F16 = 1, BF16 = 30 };
    const struct tensor *t = find_tensor(g, name);
    char expected[64], found[64];
    size_t count = 1;
    show_shape(dims, n, expected);
    if (t == NULL) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected F32, F16 or BF16 %s, found no such tensor", g->path, name, expected);
    }
    const uint32_t type = t->type->id;
    if ((type != F32 && type != F16 && type != BF16) || t->dim_count != n || memcmp(t->dims, dims, (size_t)n * sizeof *dims) != 0) {
        show_shape(t->dims, t->dim_count, found);
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected F32, F16 or BF16 %s, found %s %s", g->path, name, expected,
                       t->type->name, found);
    }
    for (int i = 0; i < n; i++) {
        count *= (size_t)dims[i];
    }
    const unsigned char *from = g->data + t->offset;
    for (size_t i = 0; i < count; i++) {
        uint16_t h = 0;
        uint32_t u;
        if (type == F32) {
            memcpy(&out[i], from + 4 * i, sizeof *out);
        } else {
            memcpy(&h, from + 2 * i, sizeof h);
            u = (uint32_t)h << 16;
            memcpy(&out[i], &u, sizeof *out);
            out[i] = type == F16 ? half_float(h) : out[i];
        }
        if (!isfinite(out[i])) {
            return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected finite numbers, found %g", g->path, name, (double)out[i]);
        }
    }
    return 0;
}

int cw_gguf_shape(const struct cw_gguf *g, const char *name, int dims[4], int *n, struct cw_error *err) {
    const struct tensor *t = find_tensor(g, name);
    if (t == NULL) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected one of this name, found none", g->path, name);
    }
    memcpy(dims, t->dims, (size_t)t->dim_count * sizeof dims[0]);
    *n = t->dim_count;
    return 0;
}

size_t cw_gguf_tensor_count(const struct cw_gguf *g) {
    return g->tensor_count;
}

const char *cw_gguf_tensor_name(const struct cw_gguf *g, size_t i, size_t *len) {
    *len = g->tensors[i].name.len;
    return g->tensors[i].name.s;
}

/* Additions of a voice file -> layers by name, weighted and summed; and back. */
#include "voices/learnt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANK_MAX = 256 };

static struct cw_learnt_layer *layer_of(struct cw_learnt *l, const char *name, size_t len) {
    for (int i = 0; i < l->count; i++)
        if (strlen(l->layers[i].name) == len && memcmp(l->layers[i].name, name, len) == 0)
            return &l->layers[i];
    return NULL;
}

/* The layer of this name, a new one at the end where there is none. */
static struct cw_learnt_layer *need_layer(struct cw_learnt *l, const char *name, size_t len, struct cw_error *err) {
    struct cw_learnt_layer *at = layer_of(l, name, len), *more;
    if (at)
        return at;
    if (len == 0 || len >= sizeof at->name) {
        cw_fail(err, CW_BAD_INPUT, "addition to \"%.100s\": expected the name of a layer of at most %zu bytes, found %zu", name,
                sizeof at->name - 1, len);
        return NULL;
    }
    more = realloc(l->layers, sizeof *more * ((size_t)l->count + 1));
    if (!more) {
        cw_fail_memory(err, "voice");
        return NULL;
    }
    l->layers = more;
    at = &more[l->count++];
    *at = (struct cw_learnt_layer){0};
    memcpy(at->name, name, len);
    return at;
}

/* to [n] grown by more [m] times weight; *to is this file's own. */
static int append(const float **to, size_t n, const float *more, size_t m, double weight, struct cw_error *err) {
    float *room = realloc((void *)(uintptr_t)*to, sizeof *room * (n + m));
    if (!room)
        return cw_fail_memory(err, "voice");
    for (size_t i = 0; i < m; i++)
        room[n + i] = (float)((double)more[i] * weight);
    *to = room;
    return 0;
}

static int fail_shape(const struct cw_voice_addition *a, int expected, int found, struct cw_error *err) {
    return cw_fail(err, CW_BAD_INPUT, "tensor \"%s\": expected the shape that the mix's other voices have, %d, found %d", a->name, expected,
                   found);
}

static int add_offset(struct cw_learnt_layer *to, const struct cw_voice_addition *a, double weight, struct cw_error *err) {
    if (to->out != 0 && to->out != a->dims[0])
        return fail_shape(a, to->out, a->dims[0], err);
    to->out = a->dims[0];
    if (!to->offset)
        return append(&to->offset, 0, a->data, (size_t)to->out, weight, err);
    float *sum = (float *)(uintptr_t)to->offset;
    for (int i = 0; i < to->out; i++)
        sum[i] += (float)((double)a->data[i] * weight);
    return 0;
}

static int add_rank(struct cw_learnt_layer *to, const struct cw_voice_addition *a, const struct cw_voice_addition *b, double weight,
                    struct cw_error *err) {
    const int rank = a->dims[0], in = a->dims[1], taps = a->dims[2], out = b->dims[1];
    if (to->out != 0 && to->out != out)
        return fail_shape(b, to->out, out, err);
    if (to->rank > 0 && (to->in != in || to->taps != taps))
        return fail_shape(a, to->in * to->taps, in * taps, err);
    if (b->dims[0] != rank || to->rank + rank > RANK_MAX)
        return cw_fail(err, CW_BAD_INPUT, "tensor \"%s\": expected ranks that are equal and at most %d in all, found %d and %d, %d in all",
                       a->name, RANK_MAX, rank, b->dims[0], to->rank + rank);
    const size_t had = (size_t)to->rank, row = (size_t)in * (size_t)taps;
    to->out = out;
    to->in = in;
    to->taps = taps;
    if (append(&to->down, had * row, a->data, (size_t)rank * row, 1, err) != 0 ||
        append(&to->up, had * (size_t)out, b->data, (size_t)rank * (size_t)out, weight, err) != 0)
        return -1;
    to->rank += rank;
    return 0;
}

int cw_learnt_add(struct cw_learnt *to, const struct cw_voice_addition *additions, size_t count, double weight, struct cw_error *err) {
    for (size_t i = 0; i < count; i++) {
        const struct cw_voice_addition *a = &additions[i], *b = NULL;
        const bool offset = strncmp(a->name, "offset.", 7) == 0, rank = strncmp(a->name, "lora.a.", 7) == 0;
        const char *name = a->name + 7, *end = offset ? ".bias" : ".weight";
        const size_t len = strlen(name), tail = strlen(end);
        if (!offset && !rank)
            continue; /* lora.b goes with its lora.a */
        if (len <= tail || strcmp(name + len - tail, end) != 0)
            return cw_fail(err, CW_BAD_INPUT, "tensor \"%s\": expected a name that ends in \"%s\"", a->name, end);
        for (size_t k = 0; rank && k < count && !b; k++)
            b = strncmp(additions[k].name, "lora.b.", 7) == 0 && strcmp(additions[k].name + 7, name) == 0 ? &additions[k] : NULL;
        if (rank && !b)
            return cw_fail(err, CW_BAD_INPUT, "tensor \"%s\": expected \"lora.b.%s\" beside it, found none", a->name, name);
        struct cw_learnt_layer *layer = need_layer(to, name, len - tail, err);
        if (!layer || (offset ? add_offset(layer, a, weight, err) : add_rank(layer, a, b, weight, err)) != 0)
            return -1;
    }
    return 0;
}

void cw_learnt_clear(struct cw_learnt *l) {
    for (int i = 0; i < l->count; i++) {
        free((void *)(uintptr_t)l->layers[i].offset);
        free((void *)(uintptr_t)l->layers[i].down);
        free((void *)(uintptr_t)l->layers[i].up);
    }
    free(l->layers);
    *l = (struct cw_learnt){0};
}

void cw_learnt_content(const struct cw_learnt *l, char hex[65]) {
    struct cw_sha256 s;
    cw_sha256_start(&s);
    for (int i = 0; i < l->count; i++) {
        const struct cw_learnt_layer *a = &l->layers[i];
        char line[160];
        const int n = snprintf(line, sizeof line, "%s %d %d %d %d %d\n", a->name, a->out, a->in, a->taps, a->rank, a->offset != NULL);
        cw_sha256_add(&s, line, (size_t)n);
        if (a->offset)
            cw_sha256_add(&s, a->offset, sizeof(float) * (size_t)a->out);
        if (a->rank > 0) {
            cw_sha256_add(&s, a->down, sizeof(float) * (size_t)a->rank * (size_t)a->in * (size_t)a->taps);
            cw_sha256_add(&s, a->up, sizeof(float) * (size_t)a->rank * (size_t)a->out);
        }
    }
    cw_sha256_end(&s, hex);
}

static int store(struct cw_voice_file *f, const char *kind, const struct cw_learnt_layer *l, const char *leaf, const int *dims, int n,
                 const float *data, struct cw_error *err) {
    struct cw_voice_addition *a = &f->additions[f->addition_count];
    size_t count = 1;
    *a = (struct cw_voice_addition){.dim_count = n};
    for (int i = 0; i < n; i++) {
        a->dims[i] = dims[i];
        count *= (size_t)dims[i];
    }
    snprintf(a->name, sizeof a->name, "%s.%s.%s", kind, l->name, leaf);
    a->data = malloc(sizeof *data * count);
    if (!a->data)
        return cw_fail_memory(err, "voice");
    memcpy(a->data, data, sizeof *data * count);
    f->addition_count++;
    return 0;
}

static int by_name(const void *a, const void *b) {
    const struct cw_voice_addition *x = a, *y = b;
    return strcmp(x->name, y->name);
}

int cw_learnt_store(const struct cw_learnt *l, struct cw_voice_file *f, struct cw_error *err) {
    free(f->additions);
    f->addition_count = 0;
    f->additions = calloc(3 * (size_t)(l->count > 0 ? l->count : 0) + 1, sizeof *f->additions);
    if (!f->additions)
        return cw_fail_memory(err, "voice");
    for (int i = 0; i < l->count; i++) {
        const struct cw_learnt_layer *a = &l->layers[i];
        if (a->offset && store(f, "offset", a, "bias", (const int[]){a->out}, 1, a->offset, err) != 0)
            return -1;
        if (a->rank > 0 && (store(f, "lora.a", a, "weight", (const int[]){a->rank, a->in, a->taps}, 3, a->down, err) != 0 ||
                            store(f, "lora.b", a, "weight", (const int[]){a->rank, a->out}, 2, a->up, err) != 0))
            return -1;
    }
    qsort(f->additions, f->addition_count, sizeof *f->additions, by_name); /* as they are read back, so that hashes agree */
    return 0;
}

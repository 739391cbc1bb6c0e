/* Weights packed before, kept in a file that is mapped: opening a model then costs the time to check it.
 *
 *   file = head | entries | blocks            a block is one weight's packed numbers, as weight.c lays them out
 *   head, entries and sums right ─▶ weights borrow their blocks; otherwise they are packed as ever, and the file is written anew
 *
 * A weight is known by its shape, its bias and a sample of its numbers, so the order of opening does not matter. Whatever the
 * blocks hold, kernels read inside them alone: a block has the size that follows from the shape asked for. */
#include "kernels/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* To be raised whenever packing puts other numbers, or the same ones elsewhere, for the same weight. */
#define PACKED_LAYOUT 2

enum { ALIGN = 64, SAMPLES = 16, SAMPLE = 16, WEIGHTS_MAX = 1 << 16 };
static const char magic[16] = "cw packed";

struct head {
    char magic[16], model[64], isa[16];
    uint32_t layout, count; /* weights */
    uint64_t bytes, sum;    /* of the whole file; of this head (with 0 here) and the entries */
};
struct entry {
    uint64_t identity;
    int32_t out, in, taps, stride, may16, unused;
    uint64_t offset, bytes, sum; /* of the block */
};

struct cw_packed {
    char path[CW_PATH_MAX], model[64], isa[16];
    struct cw_map map;
    const struct entry *entries; /* [count], in the map */
    uint32_t count;
    struct known {
        const struct cw_weight *weight;
        uint64_t identity;
    } * open; /* weights opened and not yet closed */
    size_t open_count, open_room;
    bool lacking; /* one of them was not in the file */
};

/* Eight chains of multiplications, so that it runs as fast as memory does. It guards against damage, not against intent. */
static uint64_t sum_of(uint64_t seed, const void *data, size_t n) {
    const uint64_t prime = 0x9E3779B97F4A7C15U;
    uint64_t lane[8], word[8], all = seed ^ n;
    const unsigned char *p = data;
    int i;

    for (i = 0; i < 8; i++)
        lane[i] = seed + prime * (uint64_t)(i + 1);
    for (; n >= sizeof word; n -= sizeof word, p += sizeof word) {
        memcpy(word, p, sizeof word);
        for (i = 0; i < 8; i++) {
            lane[i] = (lane[i] ^ word[i]) * prime;
            lane[i] ^= lane[i] >> 32;
        }
    }
    memset(word, 0, sizeof word);
    memcpy(word, p, n);
    for (i = 0; i < 8; i++) {
        lane[i] = (lane[i] ^ word[i]) * prime;
        all = (all ^ lane[i] ^ lane[i] >> 32) * prime;
        all ^= all >> 32;
    }
    return all;
}

static uint64_t identity_of(const struct cw_weight *p, const float *w, const float *bias) {
    const size_t n = (size_t)p->out * p->in * p->taps;
    const int32_t shape[] = {p->out, p->in, p->taps, p->stride, p->may16, bias != NULL};
    uint64_t id = sum_of(1, shape, sizeof shape);
    size_t i;

    if (bias)
        id = sum_of(id, bias, sizeof *bias * p->out);
    if (n <= (size_t)SAMPLES * SAMPLE)
        return sum_of(id, w, sizeof *w * n);
    for (i = 0; i < SAMPLES; i++)
        id = sum_of(id, w + (n - SAMPLE) / (SAMPLES - 1) * i, sizeof *w * SAMPLE);
    return id;
}

static struct head head_of(const struct cw_packed *k) {
    struct head h = {.layout = PACKED_LAYOUT};

    memcpy(h.magic, magic, sizeof h.magic);
    memcpy(h.model, k->model, sizeof h.model);
    memcpy(h.isa, k->isa, sizeof h.isa);
    return h;
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

struct check {
    const struct cw_packed *packed;
    bool *right;
};

static void check_block(void *arg, int i) {
    const struct check *c = arg;
    const struct entry *e = &c->packed->entries[i];

    c->right[i] = sum_of((uint64_t)i, c->packed->map.data + e->offset, e->bytes) == e->sum;
}

/* Takes a file that is what it should be, and no other. */
static void read_file(struct cw_packed *k, struct cw_device *d) {
    struct head found, want = head_of(k);
    struct check c = {k, NULL};
    const size_t len = k->map.len;
    size_t table;
    uint64_t sum;
    uint32_t i;

    if (len < sizeof found)
        return;
    memcpy(&found, k->map.data, sizeof found);
    sum = found.sum;
    want.count = found.count;
    want.bytes = len;
    found.sum = 0;
    if (memcmp(&found, &want, sizeof found) != 0 || found.count > WEIGHTS_MAX || found.count * sizeof(struct entry) > len - sizeof found)
        return;
    table = found.count * sizeof(struct entry);
    if (sum_of(sum_of(2, &found, sizeof found), k->map.data + sizeof found, table) != sum)
        return;
    k->entries = (const struct entry *)(const void *)(k->map.data + sizeof found); /* mapped, so aligned */
    for (i = 0; i < found.count; i++) {
        const struct entry *e = &k->entries[i];

        if (e->offset % ALIGN != 0 || e->offset < sizeof found + table || e->offset > len || e->bytes > len - e->offset)
            return;
    }
    c.right = calloc((size_t)found.count + 1, sizeof *c.right);
    if (!c.right)
        return;
    cw_pool_run(d->pool, (int)found.count, check_block, &c);
    for (i = 0; i < found.count && c.right[i]; i++)
        ;
    if (i == found.count)
        k->count = found.count;
    free(c.right);
}

int cw_packed_open(struct cw_device *d, const char *path, const char *model, struct cw_error *err) {
    struct cw_error ignored = {0};
    struct cw_packed *k = NULL;

    if (strlen(path) >= sizeof k->path || strlen(model) > sizeof k->model)
        return cw_fail(err, CW_BAD_INPUT, "packed weights: expected a path of at most %d bytes and a name of at most %d, found %zu and %zu",
                       CW_PATH_MAX - 1, (int)sizeof k->model, strlen(path), strlen(model));
    k = calloc(1, sizeof *k);
    if (!k)
        return cw_fail_memory(err, "packed weights");
    memcpy(k->path, path, strlen(path) + 1);
    memcpy(k->model, model, strlen(model)); /* filled up with zeros */
    snprintf(k->isa, sizeof k->isa, "%s", d->kernels->isa);
    if (cw_file_exists(path) && cw_map_open(&k->map, path, &ignored) == 0)
        read_file(k, d);
    cw_packed_close(d->packed);
    d->packed = k;
    return 0;
}

bool cw_packed_use(struct cw_device *d, bool use) {
    const bool was = !d->packed_off;

    d->packed_off = !use;
    return was;
}

void cw_packed_close(struct cw_packed *k) {
    if (!k)
        return;
    cw_map_close(&k->map);
    free(k->open);
    free(k);
}

const unsigned char *cw_packed_find(struct cw_packed *k, struct cw_weight *p, const float *w, const float *bias) {
    const unsigned char *found = NULL;
    const uint64_t id = identity_of(p, w, bias);
    uint32_t i;

    for (i = 0; i < k->count && !found; i++) {
        const struct entry *e = &k->entries[i];

        if (e->identity == id && e->out == p->out && e->in == p->in && e->taps == p->taps && e->stride == p->stride &&
            e->may16 == p->may16 && e->bytes == p->bytes)
            found = k->map.data + e->offset;
    }
    if (k->open_count == k->open_room) {
        size_t room = k->open_room ? 2 * k->open_room : 512;
        struct known *more = realloc(k->open, room * sizeof *more);

        if (!more)
            return found; /* not noted, so not written: the next start packs it, no more */
        k->open = more;
        k->open_room = room;
    }
    k->open[k->open_count++] = (struct known){p, id};
    k->lacking |= !found;
    p->packed = k;
    return found;
}

void cw_packed_forget(struct cw_packed *k, const struct cw_weight *p) {
    size_t i;

    for (i = k->open_count; i-- > 0;)
        if (k->open[i].weight == p) {
            k->open[i] = k->open[--k->open_count];
            return;
        }
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

struct summing {
    const struct cw_packed *packed;
    struct entry *entries;
};

static void sum_block(void *arg, int i) {
    const struct summing *s = arg;

    s->entries[i].sum = sum_of((uint64_t)i, s->packed->open[i].weight->block, s->entries[i].bytes);
}

static int put(FILE *f, const void *data, size_t n) {
    return fwrite(data, 1, n, f) == n ? 0 : -1;
}

int cw_packed_save(struct cw_device *d, struct cw_error *err) {
    static const unsigned char zero[ALIGN];
    const struct cw_packed *k = d->packed;
    char temp[CW_PATH_MAX] = "";
    struct summing s = {k, NULL};
    struct head head;
    size_t table, at, i;
    FILE *f = NULL;
    int status = -1, bad = 0;

    if (!k || !k->lacking || k->open_count == 0 || k->open_count > WEIGHTS_MAX)
        return 0;
    s.entries = calloc(k->open_count, sizeof *s.entries);
    if (!s.entries) {
        cw_fail_memory(err, "packed weights");
        goto done;
    }
    head = head_of(k);
    head.count = (uint32_t)k->open_count;
    table = k->open_count * sizeof *s.entries;
    at = (sizeof head + table + ALIGN - 1) / ALIGN * ALIGN;
    for (i = 0; i < k->open_count; i++) {
        const struct cw_weight *p = k->open[i].weight;

        s.entries[i] = (struct entry){k->open[i].identity, p->out, p->in, p->taps, p->stride, p->may16, 0, at, p->bytes, 0};
        at += (p->bytes + ALIGN - 1) / ALIGN * ALIGN;
    }
    cw_pool_run(d->pool, (int)k->open_count, sum_block, &s);
    head.bytes = at;
    head.sum = sum_of(sum_of(2, &head, sizeof head), s.entries, table);
    if (cw_file_begin(k->path, temp, err) != 0) {
        temp[0] = '\0';
        goto done;
    }
    f = fopen(temp, "wb");
    bad = !f || put(f, &head, sizeof head) || put(f, s.entries, table) || put(f, zero, (ALIGN - (sizeof head + table) % ALIGN) % ALIGN);
    for (i = 0; i < k->open_count && !bad; i++) {
        const struct cw_weight *p = k->open[i].weight;

        bad = put(f, p->block, p->bytes) || put(f, zero, (ALIGN - p->bytes % ALIGN) % ALIGN);
    }
    if (f && fclose(f) != 0)
        bad = 1;
    if (bad) {
        cw_fail(err, CW_FAILED, "%s: cannot write", k->path);
        goto done;
    }
    if (rename(temp, k->path) != 0) { /* without waiting for the disk: a power cut leaves a file whose sums are wrong */
        cw_fail(err, CW_FAILED, "%s: cannot write", k->path);
        goto done;
    }
    temp[0] = '\0';
    status = 0;
done:
    cw_file_discard(temp);
    free(s.entries);
    return status;
}

/* The writer fills data, then publishes it by raising `written` (release); the reader sees the count (acquire), hence the
 * data; it copies them out, then gives the room back by raising `taken` (release), which the writer acquires. */
#include "episode/ring.h"

#include <stdlib.h>
#include <string.h>

int cw_ring_open(struct cw_ring *r, size_t frames, size_t channels, struct cw_error *err) {
    size_t size = 1;
    memset(r, 0, sizeof *r);
    if (frames < 1 || frames > (size_t)1 << 28 || channels < 1 || channels > 64) {
        return cw_fail(err, CW_BAD_INPUT, "ring: expected 1 to 2^28 frames of 1 to 64 channels, found %zu of %zu", frames, channels);
    }
    while (size < frames) {
        size *= 2;
    }
    r->data = calloc(size * channels, sizeof *r->data);
    if (r->data == NULL) {
        return cw_fail_memory(err, "ring");
    }
    r->frames = size;
    r->channels = channels;
    atomic_init(&r->written, 0);
    atomic_init(&r->taken, 0);
    return 0;
}

void cw_ring_close(struct cw_ring *r) {
    free(r->data);
    r->data = NULL;
}

size_t cw_ring_held(const struct cw_ring *r) {
    /* taken first: what is added meanwhile makes the answer more, never negative */
    size_t taken = atomic_load_explicit(&r->taken, memory_order_acquire);
    return atomic_load_explicit(&r->written, memory_order_acquire) - taken;
}

size_t cw_ring_write(struct cw_ring *r, const float *frames, size_t n) {
    size_t written = atomic_load_explicit(&r->written, memory_order_relaxed);
    size_t room = r->frames - (written - atomic_load_explicit(&r->taken, memory_order_acquire));
    size_t at = written & (r->frames - 1);
    n = n < room ? n : room;
    size_t first = n < r->frames - at ? n : r->frames - at;
    memcpy(r->data + at * r->channels, frames, first * r->channels * sizeof *frames);
    memcpy(r->data, frames + first * r->channels, (n - first) * r->channels * sizeof *frames);
    atomic_store_explicit(&r->written, written + n, memory_order_release);
    return n;
}

size_t cw_ring_read(struct cw_ring *r, float *frames, size_t n) {
    size_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);
    size_t held = atomic_load_explicit(&r->written, memory_order_acquire) - taken;
    size_t at = taken & (r->frames - 1);
    n = n < held ? n : held;
    size_t first = n < r->frames - at ? n : r->frames - at;
    memcpy(frames, r->data + at * r->channels, first * r->channels * sizeof *frames);
    memcpy(frames + first * r->channels, r->data, (n - first) * r->channels * sizeof *frames);
    atomic_store_explicit(&r->taken, taken + n, memory_order_release);
    return n;
}

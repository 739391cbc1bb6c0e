/* A ring of sound frames between one writer and one reader, without locks: each side owns one counter and reads the other's.
 * The counters only grow; their difference is what the ring holds. */
#ifndef CW_RING_H
#define CW_RING_H

#include "base/base.h"

#include <stdatomic.h>

struct cw_ring {
    _Alignas(64) atomic_size_t written; /* by the writer alone; frames, ever */
    float *data;                        /* [frames, channels] */
    size_t frames;                      /* a power of two */
    size_t channels;
    _Alignas(64) atomic_size_t taken; /* by the reader alone */
};
/* Room for at least `frames`. */
CW_MUST_CHECK int cw_ring_open(struct cw_ring *r, size_t frames, size_t channels, struct cw_error *err);
void cw_ring_close(struct cw_ring *r);
/* As many as fit: how many were taken in. Writer's side. */
size_t cw_ring_write(struct cw_ring *r, const float *frames, size_t n);
/* As many as there are: how many came out. Reader's side. */
size_t cw_ring_read(struct cw_ring *r, float *frames, size_t n);
size_t cw_ring_held(const struct cw_ring *r); /* either side; the other may have changed it since */

#endif

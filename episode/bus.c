/* mixer -> limiter, read ahead by the limiter's delay so that what comes out lies where it lay on the timeline. */
#include "episode/bus.h"

#include <math.h>
#include <stdlib.h>

struct cw_bus {
    struct cw_mixer *mixer;
    struct cw_limiter limiter;
    bool primed;
};

int cw_bus_open(struct cw_bus **out, int rate, struct cw_error *err) {
    *out = NULL;
    struct cw_bus *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return cw_fail_memory(err, "mix bus");
    }
    if (cw_mixer_open(&b->mixer, rate, err) != 0) {
        free(b);
        return -1;
    }
    cw_limiter_start(&b->limiter, (float)pow(10.0, CW_BUS_CEILING_DBTP / 20.0), rate);
    *out = b;
    return 0;
}

void cw_bus_close(struct cw_bus *b) {
    if (b == NULL) {
        return;
    }
    cw_mixer_close(b->mixer);
    free(b);
}

int cw_bus_add(struct cw_bus *b, const struct cw_clip *clip, struct cw_error *err) {
    return cw_mixer_add(b->mixer, clip, err);
}

static int limit(struct cw_bus *b, float *out, size_t n, struct cw_error *err) {
    if (cw_mixer_read(b->mixer, out, n, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = cw_limiter_push(&b->limiter, out[i]);
    }
    return 0;
}

int cw_bus_read(struct cw_bus *b, float *out, size_t n, struct cw_error *err) {
    float before[CW_BUS_AHEAD];
    if (!b->primed && limit(b, before, CW_BUS_AHEAD, err) != 0) {
        return -1;
    }
    b->primed = true;
    return limit(b, out, n, err);
}

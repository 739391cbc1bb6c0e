/* Inside vocoder/: what an engine gives to the table in vocoder.c. */
#ifndef CW_VOCODER_ENGINE_H
#define CW_VOCODER_ENGINE_H

#include "models/gguf.h"
#include "vocoder/vocoder.h"

struct cw_vocoder_engine {
    const char *architecture; /* general.architecture of the files it reads */
    /* Keeps nothing of g, whose `path` is for messages, nor of `learnt`, which may be NULL and is without session_use. */
    int (*open)(void **model, struct cw_device *d, const struct cw_gguf *g, const char *path, const struct cw_learnt *learnt,
                struct cw_error *err);
    void (*close)(void *model);
    void (*describe)(const void *model, struct cw_vocoder_info *info); /* kind, channels, sample_rate, hop, frames_max */
    int (*session_open)(void **session, const void *model, struct cw_error *err);
    void (*session_close)(void *session);
    void (*session_use)(void *session, const void *model); /* NULL: learnt weights are refused */
    /* The frames are of the kind, channels, rate and hop described, as many as it takes and at least one, and data holds finite numbers. */
    int (*run)(void *session, const struct cw_frames *frames, uint64_t seed, const float **samples, size_t *count, struct cw_error *err);
    /* NULL where there is nothing to see or no source. */
    void (*tap)(void *session, void (*tap)(void *arg, const char *stage, struct cw_mat m), void *arg);
    void (*force_source)(void *session, const float *har, int rows);
};

extern const struct cw_vocoder_engine cw_vocoder_istftnet; /* Kokoro's generator (istftnet.c) */
extern const struct cw_vocoder_engine cw_vocoder_hifigan, cw_vocoder_vocos;

/* Rows [lo, hi) of the whole, for engines that compute a chunk with the rows around it that it depends on. */
struct span {
    int lo, hi;
};

static inline struct span widen(struct span s, int by, int rows) {
    return (struct span){s.lo > by ? s.lo - by : 0, s.hi < rows - by ? s.hi + by : rows};
}

/* Refuses a number that is not finite, by name and place. */
CW_MUST_CHECK int cw_vocoder_check_numbers(const char *what, const float *x, size_t n, struct cw_error *err);

#endif

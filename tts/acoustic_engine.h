/* What an acoustic engine provides to acoustic.c; private to the engines of this room. */
#ifndef CW_ACOUSTIC_ENGINE_H
#define CW_ACOUSTIC_ENGINE_H

#include "models/gguf.h"
#include "tts/acoustic.h"

struct cw_acoustic_tap {
    void (*call)(void *arg, const char *stage, struct cw_mat m); /* or NULL */
    void *arg;
};

struct cw_acoustic_engine {
    const char *architecture; /* the file's general.architecture */
    /* The mapping `g` outlives the model, so an engine may borrow tensors from it. */
    int (*open)(void **model, struct cw_device *d, const struct cw_gguf *g, struct cw_error *err);
    /* NULL where voices learn nothing for it, as session_use is then. Shares with base, which outlives it, all but what a voice changes;
     * nothing is kept of `learnt`. */
    int (*open_learnt)(void **model, const void *base, const struct cw_gguf *g, const struct cw_learnt *learnt, struct cw_error *err);
    void (*close)(void *model);
    int (*max_phonemes)(const void *model);
    int (*symbol)(const void *model, uint32_t code_point);
    int (*session_open)(void **session, const void *model, struct cw_error *err);
    void (*session_close)(void *session);
    void (*session_use)(void *session, const void *model);
    int (*run)(void *session, const struct cw_acoustic_input *in, const struct cw_acoustic_tap *tap, struct cw_frames *frames,
               struct cw_error *err);
    /* In the place of run, where inputs may stand side by side, 1 to `together` of them: */
    int together;
    double (*seconds)(const struct cw_acoustic_input *in);
    int (*run_together)(void *session, const struct cw_acoustic_input *in, int count, const struct cw_acoustic_tap *tap,
                        struct cw_frames *frames, struct cw_error *err);
};

extern const struct cw_acoustic_engine cw_kokoro_engine; /* kokoro.c */
extern const struct cw_acoustic_engine cw_melnet_engine; /* melnet.c */
extern const struct cw_acoustic_engine cw_f5_engine;     /* f5_engine.c */

#endif

/* The table of vocoders, and the way from a file to the engine that reads it. */
#include "vocoder/vocoder.h"

#include <stdlib.h>
#include <string.h>

#include "vocoder/engine.h"

enum { ENGINES = 1 };
static const struct cw_vocoder_engine *const engines[ENGINES] = {
    &cw_vocoder_istftnet,
};

struct cw_vocoder {
    const struct cw_vocoder_engine *engine;
    void *model;
};

struct cw_vocoder_session {
    const struct cw_vocoder_engine *engine;
    void *session;
};

int cw_vocoder_open_learnt(struct cw_vocoder **out, struct cw_device *d, const char *path, const struct cw_learnt *learnt,
                           struct cw_error *err) {
    int rc = -1;
    struct cw_gguf *g = NULL;
    struct cw_vocoder *v = NULL;
    const char *name = NULL;
    size_t len = 0;

    *out = NULL;
    if (cw_gguf_open(&g, path, err))
        goto done;
    if (cw_gguf_string(g, "general.architecture", &name, &len, err))
        goto done;
    v = calloc(1, sizeof *v);
    if (!v) {
        cw_fail_memory(err, "vocoder");
        goto done;
    }
    for (int i = 0; i < ENGINES; i++) {
        if (strlen(engines[i]->architecture) == len && !memcmp(engines[i]->architecture, name, len))
            v->engine = engines[i];
    }
    if (!v->engine) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected an architecture with a vocoder (%s), found \"%.*s\"", path, engines[0]->architecture,
                (int)(len < 64 ? len : 64), name);
        goto done;
    }
    if (v->engine->open(&v->model, d, g, path, learnt, err))
        goto done;
    *out = v;
    v = NULL;
    rc = 0;
done:
    free(v);
    cw_gguf_close(g);
    return rc;
}

int cw_vocoder_open(struct cw_vocoder **v, struct cw_device *d, const char *path, struct cw_error *err) {
    return cw_vocoder_open_learnt(v, d, path, NULL, err);
}

void cw_vocoder_close(struct cw_vocoder *v) {
    if (!v)
        return;
    v->engine->close(v->model);
    free(v);
}

int cw_vocoder_session_open(struct cw_vocoder_session **out, const struct cw_vocoder *v, struct cw_error *err) {
    int rc = -1;
    struct cw_vocoder_session *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s) {
        cw_fail_memory(err, "vocoder session");
        goto done;
    }
    s->engine = v->engine;
    if (v->engine->session_open(&s->session, v->model, err))
        goto done;
    *out = s;
    s = NULL;
    rc = 0;
done:
    free(s);
    return rc;
}

void cw_vocoder_session_close(struct cw_vocoder_session *s) {
    if (!s)
        return;
    s->engine->session_close(s->session);
    free(s);
}

void cw_vocoder_session_use(struct cw_vocoder_session *s, const struct cw_vocoder *v) {
    s->engine->session_use(s->session, v->model);
}

int cw_vocoder_run(struct cw_vocoder_session *s, const struct cw_frames *frames, uint64_t seed, const float **samples, size_t *count,
                   struct cw_error *err) {
    *samples = NULL;
    *count = 0;
    return s->engine->run(s->session, frames, seed, samples, count, err);
}

void cw_vocoder_session_tap(struct cw_vocoder_session *s, void (*tap)(void *arg, const char *stage, struct cw_mat m), void *arg) {
    s->engine->tap(s->session, tap, arg);
}

void cw_vocoder_session_force_source(struct cw_vocoder_session *s, const float *har, int rows) {
    s->engine->force_source(s->session, har, rows);
}

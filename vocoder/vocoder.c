/* The table of vocoders, and the way from a file to the engine that reads it. */
#include "vocoder/vocoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vocoder/engine.h"

enum { ENGINES = 3 };
static const struct cw_vocoder_engine *const engines[ENGINES] = {
    &cw_vocoder_istftnet,
    &cw_vocoder_hifigan,
    &cw_vocoder_vocos,
};

struct cw_vocoder {
    const struct cw_vocoder_engine *engine;
    void *model;
    struct cw_vocoder_info info;
    char *name, *licence, *terms;
};

struct cw_vocoder_session {
    const struct cw_vocoder *vocoder;
    const struct cw_vocoder_engine *engine;
    void *session;
};

/* A string of the file's, or "". */
static int keep_string(const struct cw_gguf *g, const char *key, char **to, struct cw_error *err) {
    struct cw_error ignored = {0};
    const char *s = "";
    size_t len = 0;
    if (cw_gguf_string(g, key, &s, &len, &ignored))
        len = 0;
    *to = cw_strndup(s, len);
    return *to ? 0 : cw_fail_memory(err, key);
}

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
        cw_fail(err, CW_BAD_INPUT, "%s: expected an architecture with a vocoder (%s, %s, %s), found \"%.*s\"", path,
                engines[0]->architecture, engines[1]->architecture, engines[2]->architecture, (int)(len < 64 ? len : 64), name);
        goto done;
    }
    if (learnt && !v->engine->session_use) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a model that voices learn for, found one of \"%s\"", path, v->engine->architecture);
        goto done;
    }
    if (keep_string(g, "general.name", &v->name, err) || keep_string(g, "general.license", &v->licence, err) ||
        keep_string(g, "castwright.licence", &v->terms, err))
        goto done;
    if (v->engine->open(&v->model, d, g, path, learnt, err))
        goto done;
    v->info = (struct cw_vocoder_info){.name = v->name, .licence = v->licence, .terms = v->terms};
    v->engine->describe(v->model, &v->info);
    *out = v;
    v = NULL;
    rc = 0;
done:
    cw_vocoder_close(v);
    cw_gguf_close(g);
    return rc;
}

int cw_vocoder_open(struct cw_vocoder **v, struct cw_device *d, const char *path, struct cw_error *err) {
    return cw_vocoder_open_learnt(v, d, path, NULL, err);
}

void cw_vocoder_close(struct cw_vocoder *v) {
    if (!v)
        return;
    if (v->model)
        v->engine->close(v->model);
    free(v->name);
    free(v->licence);
    free(v->terms);
    free(v);
}

const struct cw_vocoder_info *cw_vocoder_info(const struct cw_vocoder *v) {
    return &v->info;
}

int cw_vocoder_session_open(struct cw_vocoder_session **out, const struct cw_vocoder *v, struct cw_error *err) {
    int rc = -1;
    struct cw_vocoder_session *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s) {
        cw_fail_memory(err, "vocoder session");
        goto done;
    }
    s->vocoder = v;
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
    s->vocoder = v;
    s->engine->session_use(s->session, v->model);
}

static int check_frames(const struct cw_vocoder_info *info, const struct cw_frames *f, struct cw_error *err) {
    if (!f->kind || strcmp(f->kind, info->kind) != 0)
        return cw_fail(err, CW_BAD_INPUT, "acoustic frames: expected the kind \"%s\", found \"%s\"", info->kind,
                       f->kind ? f->kind : "none");
    const struct {
        const char *what;
        int expected, found;
    } checks[] = {{"channels", info->channels, f->channels},
                  {"sample rate", info->sample_rate, f->sample_rate},
                  {"samples a frame", info->hop, f->hop}};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (checks[i].expected != checks[i].found)
            return cw_fail(err, CW_BAD_INPUT, "acoustic frames: %s: expected %d, found %d", checks[i].what, checks[i].expected,
                           checks[i].found);
    }
    if (f->count < 1 || f->count > info->frames_max)
        return cw_fail(err, CW_BAD_INPUT, "acoustic frames: expected 1 to %d frames, found %d", info->frames_max, f->count);
    if (!f->data)
        return cw_fail(err, CW_BAD_INPUT, "acoustic frames: expected data, found none");
    return cw_vocoder_check_numbers("data", f->data, (size_t)f->count * (size_t)f->channels, err);
}

int cw_vocoder_check_numbers(const char *what, const float *x, size_t n, struct cw_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return cw_fail(err, CW_BAD_INPUT, "acoustic frames: %s[%zu]: expected a finite number, found %g", what, i, (double)x[i]);
    }
    return 0;
}

int cw_vocoder_run(struct cw_vocoder_session *s, const struct cw_frames *frames, uint64_t seed, const float **samples, size_t *count,
                   struct cw_error *err) {
    *samples = NULL;
    *count = 0;
    if (check_frames(&s->vocoder->info, frames, err) || s->engine->run(s->session, frames, seed, samples, count, err))
        return -1;
    for (size_t i = 0; i < *count; i++) {
        if (!isfinite((*samples)[i]))
            return cw_fail(err, CW_FAILED, "vocoder: sample %zu of %zu is not a finite number", i, *count);
    }
    return 0;
}

void cw_vocoder_session_tap(struct cw_vocoder_session *s, void (*tap)(void *arg, const char *stage, struct cw_mat m), void *arg) {
    if (s->engine->tap)
        s->engine->tap(s->session, tap, arg);
}

void cw_vocoder_session_force_source(struct cw_vocoder_session *s, const float *har, int rows) {
    if (s->engine->force_source)
        s->engine->force_source(s->session, har, rows);
}

/* Acoustic models: file ─▶ general.architecture ─▶ the engine of that name in the table below ─▶ model, sessions, runs. */
#include "tts/acoustic.h"

#include <stdlib.h>
#include <string.h>

#include "tts/acoustic_engine.h"

static const struct cw_acoustic_engine *const engines[] = {
    &cw_kokoro_engine,
    &cw_melnet_engine,
    &cw_f5_engine,
};

struct cw_acoustic {
    const struct cw_acoustic_engine *engine;
    struct cw_gguf *file; /* NULL where a base's is used */
    void *state;
};

struct cw_acoustic_session {
    const struct cw_acoustic *model;
    void *state;
    struct cw_acoustic_tap tap;
};

/* ---- models ------------------------------------------------------------------------------------------------------ */

static int engine_find(const struct cw_gguf *g, const struct cw_acoustic_engine **engine, struct cw_error *err) {
    const char *name = NULL;
    size_t len = 0;
    struct cw_text known = {0};
    int rc = -1;
    if (cw_gguf_string(g, "general.architecture", &name, &len, err) != 0)
        goto done;
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
        const char *have = engines[i]->architecture;
        if (strlen(have) == len && memcmp(have, name, len) == 0) {
            *engine = engines[i];
            rc = 0;
            goto done;
        }
        cw_text_printf(&known, "%s%s", i > 0 ? ", " : "", have);
    }
    if (cw_text_check(&known, "names of engines", err) != 0)
        goto done;
    cw_fail(err, CW_BAD_INPUT, "general.architecture: expected an acoustic model (%s), found \"%.*s\"", known.data,
            (int)(len < 60 ? len : 60), name);
done:
    cw_text_free(&known);
    return rc;
}

int cw_acoustic_open(struct cw_acoustic **out, struct cw_device *d, const char *path, struct cw_error *err) {
    struct cw_acoustic *m = calloc(1, sizeof *m);
    int rc = -1;
    if (!m) {
        cw_fail_memory(err, "acoustic model");
        goto done;
    }
    if (cw_gguf_open(&m->file, path, err) != 0)
        goto done;
    const struct cw_acoustic_engine *engine = NULL;
    if (engine_find(m->file, &engine, err) != 0 || engine->open(&m->state, d, m->file, err) != 0) {
        if (strncmp(err->text, path, strlen(path)) != 0) /* what the file's reader refuses names the file already */
            cw_fail_in(err, "%s", path);
        goto done;
    }
    m->engine = engine;
    *out = m;
    m = NULL;
    rc = 0;
done:
    cw_acoustic_close(m);
    return rc;
}

int cw_acoustic_open_learnt(struct cw_acoustic **out, const struct cw_acoustic *base, const struct cw_learnt *learnt,
                            struct cw_error *err) {
    struct cw_acoustic *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m)
        return cw_fail_memory(err, "acoustic model");
    m->engine = base->engine;
    if (!m->engine->open_learnt) {
        cw_fail(err, CW_BAD_INPUT, "expected an engine that voices learn for, found %s", m->engine->architecture);
        free(m);
        return -1;
    }
    if (m->engine->open_learnt(&m->state, base->state, base->file, learnt, err) != 0) {
        free(m);
        return -1;
    }
    *out = m;
    return 0;
}

void cw_acoustic_close(struct cw_acoustic *m) {
    if (!m)
        return;
    if (m->engine)
        m->engine->close(m->state);
    cw_gguf_close(m->file);
    free(m);
}

const char *cw_acoustic_engine(const struct cw_acoustic *m) {
    return m->engine->architecture;
}

int cw_acoustic_max_phonemes(const struct cw_acoustic *m) {
    return m->engine->max_phonemes(m->state);
}

int cw_acoustic_symbol(const struct cw_acoustic *m, uint32_t code_point) {
    return m->engine->symbol(m->state, code_point);
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

int cw_acoustic_session_open(struct cw_acoustic_session **out, const struct cw_acoustic *m, struct cw_error *err) {
    struct cw_acoustic_session *s = calloc(1, sizeof *s);
    int rc = -1;
    if (!s) {
        cw_fail_memory(err, "acoustic session");
        goto done;
    }
    s->model = m;
    if (m->engine->session_open(&s->state, m->state, err) != 0)
        goto done;
    *out = s;
    s = NULL;
    rc = 0;
done:
    free(s);
    return rc;
}

void cw_acoustic_session_close(struct cw_acoustic_session *s) {
    if (!s)
        return;
    s->model->engine->session_close(s->state);
    free(s);
}

void cw_acoustic_session_use(struct cw_acoustic_session *s, const struct cw_acoustic *m) {
    s->model = m;
    m->engine->session_use(s->state, m->state);
}

void cw_acoustic_session_tap(struct cw_acoustic_session *s, void (*tap)(void *arg, const char *stage, struct cw_mat m), void *arg) {
    s->tap = (struct cw_acoustic_tap){.call = tap, .arg = arg};
}

int cw_acoustic_together(const struct cw_acoustic *m) {
    return m->engine->run_together ? m->engine->together : 1;
}

double cw_acoustic_seconds(const struct cw_acoustic *m, const struct cw_acoustic_input *in) {
    return m->engine->seconds ? m->engine->seconds(in) : 0;
}

static int check_input(const struct cw_acoustic *m, const struct cw_acoustic_input *in, struct cw_error *err) {
    const int max = cw_acoustic_max_phonemes(m);
    if (!in->ids || in->count < 1 || in->count > max) {
        return cw_fail(err, CW_BAD_INPUT, "phonemes: expected 1 to %d symbols in one run, found %d", max, in->ids ? in->count : 0);
    }
    /* Written so that NaN is refused too. */
    if (!(in->speed >= 0.25f && in->speed <= 4.0f)) {
        return cw_fail(err, CW_BAD_INPUT, "speed: expected 0.25 to 4, found %g", (double)in->speed);
    }
    if (in->max_edge_units < 0) {
        return cw_fail(err, CW_BAD_INPUT, "most units at an edge: expected 0 or more, found %d", in->max_edge_units);
    }
    return 0;
}

int cw_acoustic_run_together(struct cw_acoustic_session *s, const struct cw_acoustic_input *in, int count, struct cw_frames *frames,
                             struct cw_error *err) {
    const struct cw_acoustic_engine *e = s->model->engine;
    const int most = cw_acoustic_together(s->model);
    if (count < 1 || count > most)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected 1 to %d inputs in one run, found %d", cw_acoustic_engine(s->model), most, count);
    for (int i = 0; i < count; i++)
        if (check_input(s->model, &in[i], err) != 0)
            return -1;
    return e->run_together ? e->run_together(s->state, in, count, &s->tap, frames, err) : e->run(s->state, in, &s->tap, frames, err);
}

int cw_acoustic_run(struct cw_acoustic_session *s, const struct cw_acoustic_input *in, struct cw_frames *frames, struct cw_error *err) {
    return cw_acoustic_run_together(s, in, 1, frames, err);
}

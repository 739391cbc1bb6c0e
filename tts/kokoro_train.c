/* Kokoro's decoder and its predictor on a tape: the networks of kokoro.c's `decode`, their layers open to learning, and of its
 * `encode_durations`, `predict_durations` and `predict_curves`.
 *
 *   asr | F0_conv(F0) | N_conv(N) ─▶ encode ─▶ (… | asr_res(asr) | F0 | N ─▶ decode.i) four times ─▶ frames
 *
 *   (d_en | style ─▶ LSTM ─▶ adaptive norm) three times ─┬─▶ LSTM ─▶ sum of sigmoids ─▶ durations
 *                                                        └─▶ as often as symbols last ─▶ LSTM ─┬─▶ three blocks ─▶ F0
 *                                                                                              └─▶ three blocks ─▶ energy */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tts/kokoro.h"
#include "tts/train.h"

enum { BLOCKS = 5, CURVE_BLOCKS = 3, LAYERS_MAX = 40, JOINED = KOKORO_WIDE + KOKORO_ASR_RES + 2 };
#define HALF_ROOT 0.70710678F /* 1/sqrt(2) */
#define NORM_EPS 1e-5F

/* The layers of a trainer, as they are opened. */
struct network {
    struct cw_device *device;
    struct cw_gguf *file; /* what is published is borrowed from it */
    struct cw_layer layers[LAYERS_MAX];
    int count;
};

struct block {
    struct cw_layer *fc1, *fc2, *conv1, *conv2, *shortcut, *pool; /* shortcut: where widths differ; pool: where the frames are doubled */
};

struct cw_acoustic_trainer {
    struct network n;
    struct cw_layer *f0_conv, *energy_conv, *asr_res;
    struct block blocks[BLOCKS];
};

struct curve {
    struct block blocks[CURVE_BLOCKS];
    struct cw_layer *proj;
};

struct cw_prosody_trainer {
    struct network n;
    struct cw_lstm_layer lstm[KOKORO_DEPTH], duration_top, shared;
    struct cw_layer *norm[KOKORO_DEPTH], *duration_proj;
    struct curve f0, energy;
};

/* dims of the weight: 2 for a linear map. */
static int layer(struct network *n, const char *name, enum cw_layer_kind kind, int dims, bool has_bias, int out, int in, int taps,
                 int stride, struct cw_layer **l, struct cw_error *err) {
    const int shape[3] = {out, kind == CW_LAYER_DEPTHWISE ? 1 : in, taps};
    const float *weight, *bias = NULL;
    char full[128];

    if (n->count == LAYERS_MAX)
        return cw_fail(err, CW_FAILED, "%s: expected at most %d layers", name, LAYERS_MAX);
    snprintf(full, sizeof full, "%s.weight", name);
    if (cw_gguf_f32(n->file, full, shape, dims, &weight, err) != 0)
        return -1;
    snprintf(full, sizeof full, "%s.bias", name);
    if (has_bias && cw_gguf_f32(n->file, full, (const int[]){out}, 1, &bias, err) != 0)
        return -1;
    *l = &n->layers[n->count];
    if (cw_layer_open(*l, n->device, name, kind, weight, bias, out, in, taps, stride, err) != 0)
        return -1;
    (*l)->may_rank = kind == CW_LAYER_CONV && dims == 3 && in > 1;
    n->count++;
    return 0;
}

static int load_block(struct network *n, const char *name, int in, int out, bool doubles, struct block *b, struct cw_error *err) {
    char part[96];

    snprintf(part, sizeof part, "%s.norm1.fc", name);
    if (layer(n, part, CW_LAYER_CONV, 2, true, 2 * in, KOKORO_STYLE, 1, 1, &b->fc1, err) != 0)
        return -1;
    snprintf(part, sizeof part, "%s.norm2.fc", name);
    if (layer(n, part, CW_LAYER_CONV, 2, true, 2 * out, KOKORO_STYLE, 1, 1, &b->fc2, err) != 0)
        return -1;
    snprintf(part, sizeof part, "%s.conv1", name);
    if (layer(n, part, CW_LAYER_CONV, 3, true, out, in, 3, 1, &b->conv1, err) != 0)
        return -1;
    snprintf(part, sizeof part, "%s.conv2", name);
    if (layer(n, part, CW_LAYER_CONV, 3, true, out, out, 3, 1, &b->conv2, err) != 0)
        return -1;
    snprintf(part, sizeof part, "%s.conv1x1", name);
    if (in != out && layer(n, part, CW_LAYER_CONV, 3, false, out, in, 1, 1, &b->shortcut, err) != 0)
        return -1;
    snprintf(part, sizeof part, "%s.pool", name);
    return doubles ? layer(n, part, CW_LAYER_DEPTHWISE, 3, true, in, in, 3, 2, &b->pool, err) : 0;
}

static void close_network(struct network *n) {
    for (int i = 0; i < n->count; i++)
        cw_layer_close(&n->layers[i]);
    cw_gguf_close(n->file);
}

int cw_acoustic_trainer_open(struct cw_acoustic_trainer **out, struct cw_device *d, const char *path, struct cw_error *err) {
    struct cw_acoustic_trainer *a = calloc(1, sizeof *a);
    char name[64];
    int rc = -1;

    *out = NULL;
    if (!a) {
        cw_fail_memory(err, "acoustic trainer");
        goto done;
    }
    struct network *n = &a->n;
    n->device = d;
    if (cw_gguf_open(&n->file, path, err) != 0 || layer(n, "decoder.F0_conv", CW_LAYER_CONV, 3, true, 1, 1, 3, 2, &a->f0_conv, err) != 0 ||
        layer(n, "decoder.N_conv", CW_LAYER_CONV, 3, true, 1, 1, 3, 2, &a->energy_conv, err) != 0 ||
        layer(n, "decoder.asr_res.0", CW_LAYER_CONV, 3, true, KOKORO_ASR_RES, KOKORO_HIDDEN, 1, 1, &a->asr_res, err) != 0 ||
        load_block(n, "decoder.encode", KOKORO_HIDDEN + 2, KOKORO_WIDE, false, &a->blocks[0], err) != 0)
        goto done;
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "decoder.decode.%d", i);
        if (load_block(n, name, JOINED, i < 3 ? KOKORO_WIDE : KOKORO_HIDDEN, i == 3, &a->blocks[1 + i], err) != 0)
            goto done;
    }
    *out = a;
    a = NULL;
    rc = 0;
done:
    cw_acoustic_trainer_close(a);
    return rc;
}

void cw_acoustic_trainer_close(struct cw_acoustic_trainer *a) {
    if (!a)
        return;
    close_network(&a->n);
    free(a);
}

struct cw_layer *cw_acoustic_trainer_layers(struct cw_acoustic_trainer *a, int *count) {
    *count = a->n.count;
    return a->n.layers;
}

static int load_lstm(const struct network *n, const char *name, struct cw_lstm_layer *l, struct cw_error *err) {
    static const char *const parts[4] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    const int in = KOKORO_HIDDEN + KOKORO_STYLE, rows = 4 * KOKORO_LSTM, cols[2] = {in, KOKORO_LSTM};
    const float *w[4][2];
    char full[128];

    for (int i = 0; i < 8; i++) {
        const int part = i / 2, shape[2] = {rows, cols[part % 2]};
        snprintf(full, sizeof full, "%s.%s_l0%s", name, parts[part], i % 2 ? "_reverse" : "");
        if (cw_gguf_f32(n->file, full, shape, part < 2 ? 2 : 1, &w[part][i % 2], err) != 0)
            return -1;
    }
    return cw_lstm_layer_open(l, n->device, w[0], w[1], w[2], w[3], in, KOKORO_LSTM, err);
}

static int load_curve(struct network *n, const char *name, struct curve *c, struct cw_error *err) {
    const int half = KOKORO_HIDDEN / 2;
    char full[64];

    for (int i = 0; i < CURVE_BLOCKS; i++) {
        snprintf(full, sizeof full, "predictor.%s.%d", name, i);
        if (load_block(n, full, i < 2 ? KOKORO_HIDDEN : half, i < 1 ? KOKORO_HIDDEN : half, i == 1, &c->blocks[i], err) != 0)
            return -1;
    }
    snprintf(full, sizeof full, "predictor.%s_proj", name);
    return layer(n, full, CW_LAYER_CONV, 3, true, 1, half, 1, 1, &c->proj, err);
}

int cw_prosody_trainer_open(struct cw_prosody_trainer **out, struct cw_device *d, const char *path, struct cw_error *err) {
    struct cw_prosody_trainer *p = calloc(1, sizeof *p);
    char name[64];
    int rc = -1;

    *out = NULL;
    if (!p) {
        cw_fail_memory(err, "prosody trainer");
        goto done;
    }
    struct network *n = &p->n;
    n->device = d;
    if (cw_gguf_open(&n->file, path, err) != 0)
        goto done;
    for (int i = 0; i < KOKORO_DEPTH; i++) {
        snprintf(name, sizeof name, "predictor.text_encoder.lstms.%d", 2 * i);
        if (load_lstm(n, name, &p->lstm[i], err) != 0)
            goto done;
        snprintf(name, sizeof name, "predictor.text_encoder.lstms.%d.fc", 2 * i + 1);
        if (layer(n, name, CW_LAYER_CONV, 2, true, 2 * KOKORO_HIDDEN, KOKORO_STYLE, 1, 1, &p->norm[i], err) != 0)
            goto done;
    }
    if (load_lstm(n, "predictor.lstm", &p->duration_top, err) != 0 || load_lstm(n, "predictor.shared", &p->shared, err) != 0 ||
        layer(n, "predictor.duration_proj.linear_layer", CW_LAYER_CONV, 2, true, KOKORO_DURATIONS, KOKORO_HIDDEN, 1, 1, &p->duration_proj,
              err) != 0 ||
        load_curve(n, "F0", &p->f0, err) != 0 || load_curve(n, "N", &p->energy, err) != 0)
        goto done;
    *out = p;
    p = NULL;
    rc = 0;
done:
    cw_prosody_trainer_close(p);
    return rc;
}

void cw_prosody_trainer_close(struct cw_prosody_trainer *p) {
    if (!p)
        return;
    for (int i = 0; i < KOKORO_DEPTH; i++)
        cw_lstm_layer_close(&p->lstm[i]);
    cw_lstm_layer_close(&p->duration_top);
    cw_lstm_layer_close(&p->shared);
    close_network(&p->n);
    free(p);
}

/* ---- the networks --------------------------------------------------------------------------------------------------------- */

static struct cw_var *run_block(struct cw_tape *t, const struct block *b, struct cw_var *style, struct cw_var *x, struct cw_var *y) {
    const struct cw_instance_norm_params p = {.eps = NORM_EPS, .act = CW_NORM_LEAKY, .slope = 0.2F};
    struct cw_var *shortcut = b->shortcut ? cw_tape_layer(t, x, b->shortcut, 0, 1, 0, NULL, 1, NULL) : x;
    struct cw_var *h = cw_tape_adain(t, x, b->fc1, style, p);

    if (b->pool) { /* nearest, then one tap; the other way round is the same numbers */
        shortcut = cw_tape_double_rows(t, shortcut);
        h = cw_tape_layer(t, h, b->pool, 1, 1, 1, NULL, 1, NULL);
    }
    h = cw_tape_layer(t, h, b->conv1, 1, 1, 0, NULL, 1, NULL);
    h = cw_tape_adain(t, h, b->fc2, style, p);
    return cw_tape_layer(t, h, b->conv2, 1, 1, 0, shortcut, HALF_ROOT, y);
}

struct cw_var *cw_acoustic_trainer_run(struct cw_acoustic_trainer *a, struct cw_tape *t, struct cw_mat asr, const float *f0,
                                       const float *energy, struct cw_var *style) {
    const struct cw_mat none = {0};
    const float *const curves[2] = {f0, energy};
    struct cw_layer *const layers[2] = {a->f0_conv, a->energy_conv};
    struct cw_var *text = cw_tape_leaf(t, asr, none), *first = cw_tape_room(t, asr.rows, KOKORO_HIDDEN + 2), *x = first, *res, *curve[2];

    cw_tape_copy(t, text, cw_tape_cols(t, first, 0, KOKORO_HIDDEN));
    for (int i = 0; i < 2; i++) {
        const struct cw_mat m = {(float *)(uintptr_t)curves[i], 2 * asr.rows, 1, 1};
        curve[i] = cw_tape_layer(t, cw_tape_leaf(t, m, none), layers[i], 1, 1, 0, NULL, 1, NULL);
        cw_tape_copy(t, curve[i], cw_tape_cols(t, first, KOKORO_HIDDEN + i, 1));
    }
    res = cw_tape_layer(t, text, a->asr_res, 0, 1, 0, NULL, 1, NULL);
    for (int i = 0; i < BLOCKS - 1; i++) {
        struct cw_var *joined = cw_tape_room(t, asr.rows, JOINED);
        run_block(t, &a->blocks[i], style, x, cw_tape_cols(t, joined, 0, KOKORO_WIDE));
        cw_tape_copy(t, res, cw_tape_cols(t, joined, KOKORO_WIDE, KOKORO_ASR_RES));
        for (int k = 0; k < 2; k++)
            cw_tape_copy(t, curve[k], cw_tape_cols(t, joined, KOKORO_WIDE + KOKORO_ASR_RES + k, 1));
        x = joined;
    }
    return run_block(t, &a->blocks[BLOCKS - 1], style, x, NULL);
}

/* Logits [P, 50] -> units [P, 1]: sum of sigmoids. */
static int back_units(void *arg, struct cw_tape *t, struct cw_var *x, struct cw_var *y, struct cw_error *err) {
    bool add;

    (void)arg;
    if (cw_tape_grad(t, x, &add, err) != 0)
        return -1;
    for (int r = 0; r < x->value.rows; r++) {
        const float *row = x->value.data + (ptrdiff_t)r * x->value.stride;
        float *to = x->grad.data + (ptrdiff_t)r * x->grad.stride;
        const double dy = (double)y->grad.data[(ptrdiff_t)r * y->grad.stride];
        for (int c = 0; c < x->value.cols; c++) {
            const double s = 1 / (1 + exp(-(double)row[c]));
            to[c] = (add ? to[c] : 0) + (float)(dy * s * (1 - s));
        }
    }
    return 0;
}

static struct cw_var *units(struct cw_tape *t, struct cw_var *x) {
    struct cw_var *y = cw_tape_room(t, x->value.rows, 1);
    struct cw_error err = {0};

    if (cw_tape_check(t, &err) != 0)
        return y;
    for (int r = 0; r < x->value.rows; r++) {
        const float *row = x->value.data + (ptrdiff_t)r * x->value.stride;
        double sum = 0;
        for (int c = 0; c < x->value.cols; c++)
            sum += 1 / (1 + exp(-(double)row[c]));
        y->value.data[(ptrdiff_t)r * y->value.stride] = (float)sum;
    }
    cw_tape_note(t, x, y, back_units, NULL);
    return y;
}

static struct cw_var *run_curve(struct cw_tape *t, const struct curve *c, struct cw_var *style, struct cw_var *x) {
    for (int i = 0; i < CURVE_BLOCKS; i++)
        x = run_block(t, &c->blocks[i], style, x, NULL);
    return cw_tape_layer(t, x, c->proj, 0, 1, 0, NULL, 1, NULL);
}

struct cw_predicted cw_prosody_trainer_run(struct cw_prosody_trainer *p, struct cw_tape *t, struct cw_mat coding, const int *durations,
                                           struct cw_var *style) {
    struct cw_predicted out;
    struct cw_var *coded = cw_tape_room(t, coding.rows, KOKORO_HIDDEN + KOKORO_STYLE), *x;

    cw_tape_copy(t, cw_tape_leaf(t, coding, (struct cw_mat){0}), cw_tape_cols(t, coded, 0, KOKORO_HIDDEN));
    cw_tape_fill_rows(t, style, cw_tape_cols(t, coded, KOKORO_HIDDEN, KOKORO_STYLE));
    for (int i = 0; i < KOKORO_DEPTH; i++) {
        struct cw_var *next = cw_tape_room(t, coding.rows, KOKORO_HIDDEN + KOKORO_STYLE);
        x = cw_tape_lstm(t, coded, &p->lstm[i]);
        cw_tape_adaptive_layer_norm(t, x, p->norm[i], style, NORM_EPS, cw_tape_cols(t, next, 0, KOKORO_HIDDEN));
        cw_tape_fill_rows(t, style, cw_tape_cols(t, next, KOKORO_HIDDEN, KOKORO_STYLE));
        coded = next;
    }
    x = cw_tape_lstm(t, coded, &p->duration_top);
    out.durations = units(t, cw_tape_layer(t, x, p->duration_proj, 0, 1, 0, NULL, 1, NULL));
    x = cw_tape_lstm(t, cw_tape_repeat_rows(t, coded, durations), &p->shared);
    out.f0 = run_curve(t, &p->f0, style, x);
    out.energy = run_curve(t, &p->energy, style, x);
    return out;
}

/* Kokoro-82M's acoustic half:
 *
 *   ids ─▶ ALBERT ─▶ duration encoder ─▶ durations ─┬─▶ repeat ─▶ F0, N ──┐
 *    └───▶ text encoder ────────────────────────────┴─▶ repeat (asr) ─────┴─▶ encode, decode.0-3 ─▶ frames
 *
 * Concatenations are columns of one wider matrix, which each stage writes in place. Symbols: see kokoro.h.
 */
#include "tts/kokoro.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tts/acoustic_engine.h"

#define LEAKY 0.2f
#define NORM_EPS 1e-5f
#define ALBERT_EPS 1e-12f
#define HALF_ROOT 0.70710678f /* 1/sqrt(2) */

enum {
    STYLE_ROW = 2 * KOKORO_STYLE, /* decoder's numbers, then the predictor's */
    EDGE = 1,                     /* padding symbols at each end */
    UNITS_MAX = KOKORO_POSITIONS * KOKORO_DURATIONS,
    /* Floats alive at once for one unit, at the widest place (decode.3, which runs at twice the rate), and some room. */
    FLOATS_PER_UNIT = 14000,
    FLOATS_PER_SYMBOL = 16000,
};

struct kokoro_session {
    const struct kokoro_model *model;
    struct cw_arena *arena;
    const struct cw_acoustic_tap *tap; /* of the run in progress */
    int ids[KOKORO_POSITIONS];
    int durations[KOKORO_POSITIONS];
    float style[STYLE_ROW];
};

static int mat(struct kokoro_session *s, int rows, int cols, struct cw_mat *m, struct cw_error *err) {
    return cw_arena_mat(s->arena, rows, cols, m, err);
}

/* Rows without gaps, as struct cw_frames has them. */
static int mat_dense(struct kokoro_session *s, int rows, int cols, struct cw_mat *m, struct cw_error *err) {
    if (cw_arena_mat(s->arena, 1, rows * cols, m, err) != 0)
        return -1;
    *m = (struct cw_mat){.data = m->data, .rows = rows, .cols = cols, .stride = cols};
    return 0;
}

static void tap(const struct kokoro_session *s, const char *stage, struct cw_mat m) {
    if (s->tap->call)
        s->tap->call(s->tap->arg, stage, m);
}

static struct cw_mat style_row(float *style) {
    return (struct cw_mat){.data = style, .rows = 1, .cols = KOKORO_STYLE, .stride = KOKORO_STYLE};
}

/* ---- building blocks --------------------------------------------------------------------------------------------- */

static int lstm(struct kokoro_session *s, const struct kokoro_lstm *p, struct cw_mat x, struct cw_mat y, struct cw_error *err) {
    struct cw_mat scratch;
    size_t mark = cw_arena_mark(s->arena);
    int rc = -1;
    if (mat(s, x.rows, 8 * KOKORO_LSTM, &scratch, err) != 0)
        goto done;
    rc = cw_lstm_bidirectional(s->model->device, x, p->forward, p->backward, scratch, y, err);
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* *h [1, 2C]: gain | shift for this voice. */
static int adain_numbers(struct kokoro_session *s, const struct kokoro_adain *n, float *style, struct cw_mat *h, struct cw_error *err) {
    if (mat(s, 1, 2 * n->channels, h, err) != 0)
        return -1;
    return cw_linear(s->model->device, style_row(style), n->fc, (struct cw_epilogue){0}, *h, err);
}

/* leaky(AdaIN(.)) for this voice; moments [3, C] of what it norms, or {0}. The numbers live in the arena. */
static int adain(struct kokoro_session *s, const struct kokoro_adain *n, float *style, struct cw_mat moments,
                 struct cw_instance_norm_params *p, struct cw_error *err) {
    struct cw_mat h;
    if (adain_numbers(s, n, style, &h, err) != 0)
        return -1;
    *p = (struct cw_instance_norm_params){
        .gain = h.data, .shift = h.data + n->channels, .eps = NORM_EPS, .act = CW_NORM_LEAKY, .slope = LEAKY, .moments = moments};
    return 0;
}

/* x [T, in] -> y [T, out], or [2T, out] of an upsampling block. x is read before y is written, where there is a
 * shortcut convolution: y may lie in x then. */
static int block(struct kokoro_session *s, const struct kokoro_block *b, float *style, struct cw_mat x, struct cw_mat y,
                 struct cw_error *err) {
    struct cw_device *d = s->model->device;
    const struct cw_epilogue plain = {0};
    struct cw_mat normed, hidden, moments, shortcut = x;
    struct cw_instance_norm_params norm;
    size_t mark = cw_arena_mark(s->arena);
    int rc = -1;

    if (b->shortcut) {
        /* The published order is nearest x2, then the convolution of one tap; the other way round is the same numbers. */
        struct cw_mat even;
        if (mat(s, y.rows, b->out, &shortcut, err) != 0)
            goto done;
        even = shortcut;
        if (b->upsample)
            even = (struct cw_mat){.data = even.data, .rows = x.rows, .cols = b->out, .stride = 2 * even.stride};
        if (cw_linear(d, x, b->shortcut, plain, even, err) != 0)
            goto done;
        if (b->upsample) {
            struct cw_mat odd = even;
            odd.data += shortcut.stride;
            if (cw_copy(d, even, odd, err) != 0)
                goto done;
        }
    }
    if (mat(s, y.rows, b->out, &hidden, err) != 0 || mat(s, 3, b->out, &moments, err) != 0 || mat(s, x.rows, b->in, &normed, err) != 0)
        goto done;
    const struct cw_epilogue measured = {.moments = moments}, last = {.add = shortcut, .scale = HALF_ROOT};
    if (adain(s, &b->norm1, style, (struct cw_mat){0}, &norm, err) != 0)
        goto done;
    if (b->upsample) {
        struct cw_mat wide;
        if (mat(s, y.rows, b->in, &wide, err) != 0 || cw_instance_norm(d, x, norm, normed, err) != 0 ||
            cw_conv_transpose1d_depthwise(d, normed, b->pool, b->pool_bias, 3, 2, 1, 1, wide, err) != 0 ||
            cw_conv1d(d, wide, b->conv1, 1, 1, 1, measured, hidden, err) != 0) {
            goto done;
        }
    } else if (cw_conv1d_normed(d, x, norm, normed, b->conv1, 1, 1, measured, hidden, err) != 0) {
        goto done;
    }
    if (adain(s, &b->norm2, style, moments, &norm, err) != 0)
        goto done;
    rc = cw_conv1d_normed(d, hidden, norm, hidden, b->conv2, 1, 1, last, y, err);
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* ---- symbols ----------------------------------------------------------------------------------------------------- */

/* y [P, 512]: ALBERT's last hidden state, projected ("d_en"). */
static int albert(struct kokoro_session *s, int count, struct cw_mat y, struct cw_error *err) {
    const struct kokoro_model *m = s->model;
    struct cw_device *d = m->device;
    const int w = KOKORO_ALBERT_WIDTH;
    const struct cw_epilogue plain = {0};
    struct cw_mat embed, x, qkv, context, hidden;
    struct cw_mat positions = {.data = m->albert.positions, .rows = count, .cols = KOKORO_ALBERT_EMBED, .stride = KOKORO_ALBERT_EMBED};
    size_t mark = cw_arena_mark(s->arena);
    int rc = -1;

    if (mat(s, count, KOKORO_ALBERT_EMBED, &embed, err) != 0 || mat(s, count, w, &x, err) != 0 || mat(s, count, 3 * w, &qkv, err) != 0 ||
        mat(s, count, w, &context, err) != 0 || mat(s, count, KOKORO_ALBERT_FFN, &hidden, err) != 0) {
        goto done;
    }
    if (cw_gather_rows(d, m->albert.words, m->symbols, s->ids, embed, err) != 0 || cw_add(d, embed, positions, 1.0f, embed, err) != 0 ||
        cw_layer_norm(d, embed, m->albert.embed_norm.gain, m->albert.embed_norm.shift, false, ALBERT_EPS, embed, err) != 0 ||
        cw_linear(d, embed, m->albert.embed_to_width, plain, x, err) != 0) {
        goto done;
    }
    const struct cw_epilogue onto_x = {.add = x};
    for (int i = 0; i < KOKORO_ALBERT_LAYERS; i++) {
        if (cw_linear(d, x, m->albert.qkv, plain, qkv, err) != 0 ||
            cw_attention(d, cw_mat_cols(qkv, 0, w), cw_mat_cols(qkv, w, w), cw_mat_cols(qkv, 2 * w, w), KOKORO_ALBERT_HEADS, context,
                         err) != 0 ||
            cw_linear(d, context, m->albert.attention_out, onto_x, x, err) != 0 ||
            cw_layer_norm(d, x, m->albert.attention_norm.gain, m->albert.attention_norm.shift, false, ALBERT_EPS, x, err) != 0 ||
            cw_linear(d, x, m->albert.ffn, (struct cw_epilogue){.act = CW_ACT_GELU_TANH}, hidden, err) != 0 ||
            cw_linear(d, hidden, m->albert.ffn_out, onto_x, x, err) != 0 ||
            cw_layer_norm(d, x, m->albert.ffn_norm.gain, m->albert.ffn_norm.shift, false, ALBERT_EPS, x, err) != 0) {
            goto done;
        }
    }
    if (cw_linear(d, x, m->bert_encoder, plain, y, err) != 0)
        goto done;
    tap(s, "d_en", y);
    rc = 0;
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* coded [P, 640] holds d_en | (anything); becomes the duration encoder's output, the voice's style beside it. */
static int encode_durations(struct kokoro_session *s, struct cw_mat coded, struct cw_error *err) {
    const struct kokoro_model *m = s->model;
    struct cw_device *d = m->device;
    float *style = s->style + KOKORO_STYLE;
    struct cw_mat hidden, h;
    size_t mark = cw_arena_mark(s->arena);
    int rc = -1;
    if (mat(s, coded.rows, KOKORO_HIDDEN, &hidden, err) != 0)
        goto done;
    if (cw_fill_rows(d, style, cw_mat_cols(coded, KOKORO_HIDDEN, KOKORO_STYLE), err) != 0)
        goto done;
    for (int i = 0; i < KOKORO_DEPTH; i++) {
        if (lstm(s, &m->duration_lstm[i], coded, hidden, err) != 0 || adain_numbers(s, &m->duration_norm[i], style, &h, err) != 0 ||
            cw_layer_norm(d, hidden, h.data, h.data + KOKORO_HIDDEN, false, NORM_EPS, cw_mat_cols(coded, 0, KOKORO_HIDDEN), err) != 0) {
            goto done;
        }
    }
    rc = 0;
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* Fills s->durations; *total: their sum, the T of all that follows. */
static int predict_durations(struct kokoro_session *s, const struct cw_acoustic_input *in, struct cw_mat coded, int *total,
                             struct cw_error *err) {
    const struct kokoro_model *m = s->model;
    struct cw_mat hidden, logits, lengths;
    int last = coded.rows - 1;
    size_t mark = cw_arena_mark(s->arena);
    int rc = -1;
    if (mat(s, coded.rows, KOKORO_HIDDEN, &hidden, err) != 0 || mat(s, coded.rows, KOKORO_DURATIONS, &logits, err) != 0 ||
        mat(s, coded.rows, 1, &lengths, err) != 0) {
        goto done;
    }
    if (lstm(s, &m->duration_top, coded, hidden, err) != 0)
        goto done;
    if (cw_linear(m->device, hidden, m->duration_proj, (struct cw_epilogue){0}, logits, err) != 0)
        goto done;
    *total = 0;
    for (int p = 0; p <= last; p++) {
        const float *row = logits.data + (size_t)p * logits.stride;
        bool edge = p == 0 || p == last;
        double sum = 0;
        for (int i = 0; i < KOKORO_DURATIONS; i++)
            sum += 1.0 / (1.0 + exp(-(double)row[i]));
        /* Stretching the padding too makes it speak: a phantom vowel before the first word (hexgrad/kokoro#344). */
        if (!edge)
            sum /= (double)in->speed;
        if (!isfinite(sum)) {
            cw_fail(err, CW_BAD_INPUT, "voice or model: expected finite durations, found %g for symbol %d of %d", sum, p, last + 1);
            goto done;
        }
        lengths.data[(size_t)p * lengths.stride] = (float)sum;
        /* At most 50 / 0.25: fits. nearbyint rounds half to even, as the published model does. */
        int units = (int)nearbyint(sum);
        if (units < 1)
            units = 1;
        if (edge && in->max_edge_units > 0 && units > in->max_edge_units)
            units = in->max_edge_units;
        s->durations[p] = units;
        *total += units;
    }
    tap(s, "durations_float", lengths);
    if (*total > UNITS_MAX) {
        cw_fail(err, CW_BAD_INPUT, "speech: expected at most %d s in one run, found %d s; give fewer symbols or more speed",
                UNITS_MAX * KOKORO_UNIT_SAMPLES / KOKORO_SAMPLE_RATE, (int)((double)*total * KOKORO_UNIT_SAMPLES / KOKORO_SAMPLE_RATE));
        goto done;
    }
    rc = 0;
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* y [P, 512]: "t_en". */
static int encode_text(struct kokoro_session *s, struct cw_mat y, struct cw_error *err) {
    const struct kokoro_model *m = s->model;
    struct cw_device *d = m->device;
    struct cw_mat x, hidden;
    size_t mark = cw_arena_mark(s->arena);
    int rc = -1;
    if (mat(s, y.rows, KOKORO_HIDDEN, &x, err) != 0 || mat(s, y.rows, KOKORO_HIDDEN, &hidden, err) != 0)
        goto done;
    if (cw_gather_rows(d, m->text_embed, m->symbols, s->ids, x, err) != 0)
        goto done;
    for (int i = 0; i < KOKORO_DEPTH; i++) {
        if (cw_conv1d(d, x, m->text_conv[i], 1, KOKORO_TEXT_TAPS / 2, 1, (struct cw_epilogue){0}, hidden, err) != 0 ||
            cw_layer_norm(d, hidden, m->text_norm[i].gain, m->text_norm[i].shift, false, NORM_EPS, x, err) != 0 ||
            cw_leaky(d, x, LEAKY, x, err) != 0) {
            goto done;
        }
    }
    if (lstm(s, &m->text_lstm, x, y, err) != 0)
        goto done;
    tap(s, "t_en", y);
    rc = 0;
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

/* x [T, 512] -> y [2T, 1] */
static int curve(struct kokoro_session *s, const struct kokoro_curve *c, struct cw_mat x, struct cw_mat y, struct cw_error *err) {
    float *style = s->style + KOKORO_STYLE;
    struct cw_mat a, b, e;
    size_t mark = cw_arena_mark(s->arena);
    int rc = -1;
    if (mat(s, x.rows, KOKORO_HIDDEN, &a, err) != 0 || mat(s, y.rows, KOKORO_HIDDEN / 2, &b, err) != 0 ||
        mat(s, y.rows, KOKORO_HIDDEN / 2, &e, err) != 0) {
        goto done;
    }
    if (block(s, &c->blocks[0], style, x, a, err) != 0 || block(s, &c->blocks[1], style, a, b, err) != 0 ||
        block(s, &c->blocks[2], style, b, e, err) != 0) {
        goto done;
    }
    rc = cw_linear(s->model->device, e, c->proj, (struct cw_epilogue){0}, y, err);
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* coded [P, 640] -> f0 [2T, 1] in Hz, energy [2T, 1] */
static int predict_curves(struct kokoro_session *s, struct cw_mat coded, int total, struct cw_mat f0, struct cw_mat energy,
                          struct cw_error *err) {
    const struct kokoro_model *m = s->model;
    struct cw_mat spread, shared;
    size_t mark = cw_arena_mark(s->arena);
    int rc = -1;
    if (mat(s, total, coded.cols, &spread, err) != 0 || mat(s, total, KOKORO_HIDDEN, &shared, err) != 0)
        goto done;
    if (cw_repeat_rows(m->device, coded, s->durations, spread, err) != 0 || lstm(s, &m->shared, spread, shared, err) != 0)
        goto done;
    if (curve(s, &m->f0, shared, f0, err) != 0 || curve(s, &m->energy, shared, energy, err) != 0)
        goto done;
    tap(s, "F0", f0);
    tap(s, "N", energy);
    rc = 0;
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* A voice's own height and range of pitch. Below 40 Hz nobody speaks: what the model gives there is no voice. */
static void map_f0(const struct cw_acoustic_input *in, struct cw_mat f0) {
    for (int t = 0; in->f0_slope > 0 && t < f0.rows; t++) {
        float *hz = f0.data + (size_t)t * (size_t)f0.stride;
        if (*hz > 40)
            *hz = expf(in->f0_slope * logf(*hz) + in->f0_offset);
    }
}

/* text [P, 512], curves [2T, 1] -> y [2T, 512] */
static int decode(struct kokoro_session *s, struct cw_mat text, int total, struct cw_mat f0, struct cw_mat energy, struct cw_mat y,
                  struct cw_error *err) {
    static const char *const names[4] = {"decode.0", "decode.1", "decode.2", "decode.3"};
    const struct kokoro_model *m = s->model;
    struct cw_device *d = m->device;
    const struct cw_epilogue plain = {0};
    struct cw_mat first, joined; /* [T, 512 + 2]: asr | F0 | N; [T, 1024 + 64 + 2]: hidden | asr_res | F0 | N */
    size_t mark = cw_arena_mark(s->arena);
    int rc = -1;
    if (mat(s, total, KOKORO_HIDDEN + 2, &first, err) != 0 || mat(s, total, KOKORO_WIDE + KOKORO_ASR_RES + 2, &joined, err) != 0)
        goto done;
    struct cw_mat asr = cw_mat_cols(first, 0, KOKORO_HIDDEN), hidden = cw_mat_cols(joined, 0, KOKORO_WIDE);
    if (cw_repeat_rows(d, text, s->durations, asr, err) != 0)
        goto done;
    tap(s, "asr", asr);
    if (cw_conv1d(d, f0, m->f0_conv, 2, 1, 1, plain, cw_mat_cols(first, KOKORO_HIDDEN, 1), err) != 0 ||
        cw_conv1d(d, energy, m->energy_conv, 2, 1, 1, plain, cw_mat_cols(first, KOKORO_HIDDEN + 1, 1), err) != 0 ||
        cw_copy(d, cw_mat_cols(first, KOKORO_HIDDEN, 2), cw_mat_cols(joined, KOKORO_WIDE + KOKORO_ASR_RES, 2), err) != 0 ||
        cw_linear(d, asr, m->asr_res, plain, cw_mat_cols(joined, KOKORO_WIDE, KOKORO_ASR_RES), err) != 0) {
        goto done;
    }
    if (block(s, &m->encode, s->style, first, hidden, err) != 0)
        goto done;
    tap(s, "encode", hidden);
    for (int i = 0; i < 4; i++) {
        struct cw_mat out = i < 3 ? hidden : y;
        if (block(s, &m->decode[i], s->style, joined, out, err) != 0)
            goto done;
        tap(s, names[i], out);
    }
    rc = 0;
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* ---- engine ------------------------------------------------------------------------------------------------------ */

static int check_input(struct kokoro_session *s, const struct cw_acoustic_input *in, struct cw_error *err) {
    const struct kokoro_model *m = s->model;
    for (int i = 0; i < in->count; i++) {
        if (in->ids[i] < 1 || in->ids[i] >= m->symbols) {
            return cw_fail(err, CW_BAD_INPUT, "phoneme %d of %d: expected a symbol id from 1 to %d, found %d", i + 1, in->count,
                           m->symbols - 1, in->ids[i]);
        }
    }
    if (!in->pack || in->pack_rows < in->count) {
        return cw_fail(err, CW_BAD_INPUT, "voice: expected a style for %d symbols, found %d rows", in->count, in->pack ? in->pack_rows : 0);
    }
    const float *row = in->pack + (size_t)(in->count - 1) * STYLE_ROW;
    for (int i = 0; i < STYLE_ROW; i++) {
        if (!isfinite(row[i])) {
            return cw_fail(err, CW_BAD_INPUT, "voice: expected finite numbers, found %g in row %d, number %d", (double)row[i],
                           in->count - 1, i);
        }
        s->style[i] = row[i];
    }
    return 0;
}

static int check_finite(struct cw_mat m, const char *what, struct cw_error *err) {
    for (int r = 0; r < m.rows; r++) {
        const float *row = m.data + (size_t)r * m.stride;
        for (int c = 0; c < m.cols; c++) {
            if (!isfinite(row[c])) {
                return cw_fail(err, CW_BAD_INPUT, "voice or model: expected finite %s, found %g in frame %d of %d", what, (double)row[c], r,
                               m.rows);
            }
        }
    }
    return 0;
}

static int run(void *session, const struct cw_acoustic_input *in, const struct cw_acoustic_tap *tapped, struct cw_frames *frames,
               struct cw_error *err) {
    struct kokoro_session *s = session;
    int count = in->count + 2 * EDGE, total = 0;
    struct cw_mat coded, text, f0, energy, out;

    cw_arena_release(s->arena, 0);
    s->tap = tapped;
    if (check_input(s, in, err) != 0)
        return -1;
    s->ids[0] = s->ids[count - 1] = 0;
    memcpy(s->ids + EDGE, in->ids, (size_t)in->count * sizeof *in->ids);

    if (mat(s, count, KOKORO_HIDDEN + KOKORO_STYLE, &coded, err) != 0 || mat(s, count, KOKORO_HIDDEN, &text, err) != 0)
        return -1;
    if (albert(s, count, cw_mat_cols(coded, 0, KOKORO_HIDDEN), err) != 0 || encode_durations(s, coded, err) != 0 ||
        predict_durations(s, in, coded, &total, err) != 0 || encode_text(s, text, err) != 0) {
        return -1;
    }
    if (mat_dense(s, 2 * total, KOKORO_HIDDEN, &out, err) != 0 || mat_dense(s, 2 * total, 1, &f0, err) != 0 ||
        mat_dense(s, 2 * total, 1, &energy, err) != 0) {
        return -1;
    }
    if (predict_curves(s, coded, total, f0, energy, err) != 0)
        return -1;
    map_f0(in, f0);
    if (decode(s, text, total, f0, energy, out, err) != 0)
        return -1;
    if (check_finite(f0, "F0", err) != 0 || check_finite(out, "frames", err) != 0)
        return -1;

    *frames = (struct cw_frames){
        .kind = "kokoro-istftnet",
        .count = out.rows,
        .channels = out.cols,
        .data = out.data,
        .f0 = f0.data,
        .style = s->style,
        .style_len = KOKORO_STYLE,
        .sample_rate = KOKORO_SAMPLE_RATE,
        .hop = KOKORO_UNIT_SAMPLES / 2,
        .durations = s->durations,
        .phonemes = count,
        .unit_samples = KOKORO_UNIT_SAMPLES,
    };
    return 0;
}

static int open_model(void **out, struct cw_device *d, const struct cw_gguf *g, struct cw_error *err) {
    struct kokoro_model *m = NULL;
    if (cw_kokoro_model_open(&m, d, g, err) != 0)
        return -1;
    *out = m;
    return 0;
}

static int open_learnt(void **out, const void *base, const struct cw_gguf *g, const struct cw_learnt *learnt, struct cw_error *err) {
    struct kokoro_model *m = NULL;
    if (cw_kokoro_model_open_learnt(&m, base, g, learnt, err) != 0)
        return -1;
    *out = m;
    return 0;
}

static void close_model(void *model) {
    cw_kokoro_model_close(model);
}

static int max_phonemes(const void *model) {
    (void)model;
    return KOKORO_POSITIONS - 2 * EDGE;
}

static int symbol(const void *model, uint32_t code_point) {
    const struct kokoro_model *m = model;
    for (int i = 1; i < m->symbols && code_point != 0; i++) {
        if (m->code_points[i] == code_point)
            return i;
    }
    return -1;
}

static void close_session(void *session) {
    struct kokoro_session *s = session;
    if (!s)
        return;
    cw_arena_close(s->arena);
    free(s);
}

static int open_session(void **out, const void *model, struct cw_error *err) {
    struct kokoro_session *s = calloc(1, sizeof *s);
    size_t floats = (size_t)UNITS_MAX * FLOATS_PER_UNIT + (size_t)KOKORO_POSITIONS * FLOATS_PER_SYMBOL;
    int rc = -1;
    if (!s) {
        cw_fail_memory(err, "Kokoro session");
        goto done;
    }
    s->model = model;
    if (cw_arena_open(&s->arena, floats * sizeof(float), err) != 0)
        goto done;
    *out = s;
    s = NULL;
    rc = 0;
done:
    close_session(s);
    return rc;
}

static void use_model(void *session, const void *model) {
    struct kokoro_session *s = session;
    s->model = model;
}

const struct cw_acoustic_engine cw_kokoro_engine = {
    .architecture = "kokoro",
    .open = open_model,
    .open_learnt = open_learnt,
    .close = close_model,
    .max_phonemes = max_phonemes,
    .symbol = symbol,
    .session_open = open_session,
    .session_close = close_session,
    .session_use = use_model,
    .run = run,
};

/* Our own mel model (trained by models/train/, whose model.py is the same graph):
 *
 *   ids + positions ─▶ encoder ─┬─▶ durations (log frames)
 *       style ─▶ every norm     ├─▶ F0, voicing, energy of each symbol ─▶ added back
 *                               └─▶ each symbol's rows repeated, where in the symbol they are ─▶ decoder ─▶ mel
 *
 * Transformer blocks: attention; a convolution of three taps and a linear layer. After FastSpeech 2 (Ren et al., 2020) and FastPitch
 * (Łańcucki, 2020); layer norms get gain and shift from the voice's style (AdaSpeech, Chen et al., 2021). One pass, no sampling. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tts/acoustic_engine.h"

enum {
    EDGE = 1,      /* padding symbols at each end */
    SYMBOLS = 512, /* in one run, padding included */
    FRAMES = 8192, /* in one run */
    BLOCKS_MAX = 16,
    WIDTH_MAX = 1024,
    HIDDEN_MAX = 4096,
    VOCABULARY_MAX = 1024,
    STYLE = 256, /* numbers of a voice */
    PLACES = 6,  /* numbers that tell a frame where in its symbol it is */
    CURVES = 3,  /* voicing times normalised log F0, voicing, normalised energy */
    WEIGHTS_MAX = 2 * BLOCKS_MAX * 6 + 16,
    FLOATS_MAX = 16,
};
#define EPS 1e-5f

struct block {
    struct cw_weight *norm1, *norm2, *qkv, *out, *wide, *narrow;
};

struct predictor {
    struct cw_weight *conv1, *conv2, *out;
    const float *gain1, *shift1, *gain2, *shift2;
};

struct melnet {
    struct cw_device *device;
    char kind[32]; /* of the frames */
    int rate, hop, bands, width, heads, hidden, predictor_width, encoders, decoders, symbols;
    int32_t code_points[VOCABULARY_MAX];                                                        /* 0: unused id */
    const float *style_mean, *style_spread, *mel_mean, *mel_spread, *curve_mean, *curve_spread; /* of the training data */
    const float *embed;                                                                         /* [symbols, C] */
    struct cw_weight *style1, *style2, *encoded, *from_curves, *place, *decoded, *mel;
    struct block encoder[BLOCKS_MAX], decoder[BLOCKS_MAX];
    struct predictor durations, curves;
    /* all of them, to be freed */
    struct cw_weight *weights[WEIGHTS_MAX];
    float *floats[FLOATS_MAX];
    int weight_count, float_count;
};

struct session {
    const struct melnet *model;
    struct cw_arena *arena;
    const struct cw_acoustic_tap *tap;
    int ids[SYMBOLS], durations[SYMBOLS];
};

/* ---- loading ------------------------------------------------------------------------------------------------------------- */

struct loader {
    const struct cw_gguf *g;
    struct melnet *m;
    float *room; /* of the largest tensor */
    struct cw_error *err;
};

/* dims: up to three, the rest 0 */
static int read(const struct loader *l, const char *layer, const char *leaf, int a, int b, int c, float *to) {
    char name[96];
    snprintf(name, sizeof name, "%s%s", layer, leaf);
    return cw_gguf_floats(l->g, name, (const int[]){a, b, c}, b == 0 ? 1 : c == 0 ? 2 : 3, to, l->err);
}

static int load_floats(const struct loader *l, const char *layer, const char *leaf, int a, int b, const float **to) {
    float *data = malloc(sizeof *data * (size_t)a * (size_t)(b ? b : 1));
    if (!data)
        return cw_fail_memory(l->err, "mel model");
    l->m->floats[l->m->float_count++] = data;
    *to = data;
    return read(l, layer, leaf, a, b, 0, data);
}

/* taps 0: linear */
static int load_layer(const struct loader *l, const char *layer, const char *leaf, int out, int in, int taps, struct cw_weight **w) {
    char name[80];
    float bias[HIDDEN_MAX];
    snprintf(name, sizeof name, "%s%s", layer, leaf);
    if (read(l, name, ".weight", out, in, taps, l->room) != 0 || read(l, name, ".bias", out, 0, 0, bias) != 0 ||
        cw_weight_open(w, l->m->device, l->room, out, in, taps ? taps : 1, bias, l->err) != 0)
        return -1;
    l->m->weights[l->m->weight_count++] = *w;
    return 0;
}

static int load_block(const struct loader *l, const char *stack, int i, struct block *b) {
    const int C = l->m->width, H = l->m->hidden;
    char layer[32];
    snprintf(layer, sizeof layer, "%s.%d", stack, i);
    return load_layer(l, layer, ".norm1.fc", 2 * C, C, 0, &b->norm1) != 0 ||
                   load_layer(l, layer, ".norm2.fc", 2 * C, C, 0, &b->norm2) != 0 ||
                   load_layer(l, layer, ".qkv", 3 * C, C, 0, &b->qkv) != 0 || load_layer(l, layer, ".out", C, C, 0, &b->out) != 0 ||
                   load_layer(l, layer, ".wide", H, C, 3, &b->wide) != 0 || load_layer(l, layer, ".narrow", C, H, 0, &b->narrow) != 0
               ? -1
               : 0;
}

static int load_predictor(const struct loader *l, const char *layer, int outputs, struct predictor *p) {
    const int C = l->m->width, W = l->m->predictor_width;
    return load_layer(l, layer, ".conv1", W, C, 3, &p->conv1) != 0 || load_layer(l, layer, ".conv2", W, W, 3, &p->conv2) != 0 ||
                   load_layer(l, layer, ".out", outputs, W, 0, &p->out) != 0 ||
                   load_floats(l, layer, ".norm1.weight", W, 0, &p->gain1) != 0 ||
                   load_floats(l, layer, ".norm1.bias", W, 0, &p->shift1) != 0 ||
                   load_floats(l, layer, ".norm2.weight", W, 0, &p->gain2) != 0 ||
                   load_floats(l, layer, ".norm2.bias", W, 0, &p->shift2) != 0
               ? -1
               : 0;
}

static int load_shape(const struct loader *l) {
    struct melnet *m = l->m;
    const char *kind = NULL;
    size_t len = 0;
    int style = 0;
    if (cw_gguf_string(l->g, "melnet.kind", &kind, &len, l->err) != 0 ||
        cw_gguf_int_in(l->g, "melnet.sample_rate", 8000, 48000, &m->rate, l->err) != 0 ||
        cw_gguf_int_in(l->g, "melnet.hop", 16, 4096, &m->hop, l->err) != 0 ||
        cw_gguf_int_in(l->g, "melnet.style", STYLE, STYLE, &style, l->err) != 0 ||
        cw_gguf_int_in(l->g, "melnet.bands", 1, 256, &m->bands, l->err) != 0 ||
        cw_gguf_int_in(l->g, "melnet.width", 2, WIDTH_MAX, &m->width, l->err) != 0 ||
        cw_gguf_int_in(l->g, "melnet.heads", 1, WIDTH_MAX, &m->heads, l->err) != 0 ||
        cw_gguf_int_in(l->g, "melnet.hidden", 1, HIDDEN_MAX, &m->hidden, l->err) != 0 ||
        cw_gguf_int_in(l->g, "melnet.predictor", 1, WIDTH_MAX, &m->predictor_width, l->err) != 0 ||
        cw_gguf_int_in(l->g, "melnet.encoder", 1, BLOCKS_MAX, &m->encoders, l->err) != 0 ||
        cw_gguf_int_in(l->g, "melnet.decoder", 1, BLOCKS_MAX, &m->decoders, l->err) != 0 ||
        cw_gguf_ints(l->g, "melnet.symbols", m->code_points, VOCABULARY_MAX, &m->symbols, l->err) != 0)
        return -1;
    if (len == 0 || len >= sizeof m->kind || m->symbols < 2)
        return cw_fail(l->err, CW_BAD_INPUT,
                       "melnet: expected a kind of frames in up to %zu letters and 2 symbols or more, found \"%.*s\" and %d",
                       sizeof m->kind - 1, (int)(len < 64 ? len : 64), kind, m->symbols);
    memcpy(m->kind, kind, len);
    if (m->width % 2 || m->width % m->heads || m->width / m->heads > 256)
        return cw_fail(l->err, CW_BAD_INPUT, "melnet: expected an even width in heads of up to 256, found %d in %d heads", m->width,
                       m->heads);
    return 0;
}

static int load_spreads(const struct loader *l, const char *name, int count, const float **mean, const float **spread) {
    if (load_floats(l, name, "_mean", count, 0, mean) != 0 || load_floats(l, name, "_spread", count, 0, spread) != 0)
        return -1;
    for (int i = 0; i < count; i++)
        if ((*spread)[i] <= 0)
            return cw_fail(l->err, CW_BAD_INPUT, "tensor \"%s_spread\": expected positive numbers, found %g", name, (double)(*spread)[i]);
    return 0;
}

static int load_all(const struct loader *l) {
    struct melnet *m = l->m;
    const int C = m->width;
    if (load_spreads(l, "style", STYLE, &m->style_mean, &m->style_spread) != 0 ||
        load_spreads(l, "mel", m->bands, &m->mel_mean, &m->mel_spread) != 0 ||
        load_spreads(l, "curve", 2, &m->curve_mean, &m->curve_spread) != 0 ||
        load_floats(l, "embed", ".weight", m->symbols, C, &m->embed) != 0 || load_layer(l, "style1", "", C, STYLE, 0, &m->style1) != 0 ||
        load_layer(l, "style2", "", C, C, 0, &m->style2) != 0 || load_layer(l, "encoded", ".fc", 2 * C, C, 0, &m->encoded) != 0 ||
        load_predictor(l, "durations", 1, &m->durations) != 0 || load_predictor(l, "curves", CURVES, &m->curves) != 0 ||
        load_layer(l, "from_curves", "", C, CURVES, 3, &m->from_curves) != 0 || load_layer(l, "place", "", C, PLACES, 0, &m->place) != 0 ||
        load_layer(l, "decoded", ".fc", 2 * C, C, 0, &m->decoded) != 0 || load_layer(l, "out", "", m->bands, C, 0, &m->mel) != 0)
        return -1;
    for (int i = 0; i < m->encoders; i++)
        if (load_block(l, "encoder", i, &m->encoder[i]) != 0)
            return -1;
    for (int i = 0; i < m->decoders; i++)
        if (load_block(l, "decoder", i, &m->decoder[i]) != 0)
            return -1;
    return 0;
}

static void close_model(void *model) {
    struct melnet *m = model;
    if (!m)
        return;
    for (int i = 0; i < m->weight_count; i++)
        cw_weight_close(m->weights[i]);
    for (int i = 0; i < m->float_count; i++)
        free(m->floats[i]);
    free(m);
}

static int open_model(void **out, struct cw_device *d, const struct cw_gguf *g, struct cw_error *err) {
    struct loader l = {.g = g, .err = err};
    struct melnet *m = calloc(1, sizeof *m);
    int result = -1;
    if (!m) {
        cw_fail_memory(err, "mel model");
        goto done;
    }
    l.m = m;
    m->device = d;
    if (load_shape(&l) != 0)
        goto done;
    const size_t C = (size_t)m->width, wide = 3 * C * (size_t)m->hidden, square = 3 * C * (C + STYLE), W = (size_t)m->predictor_width,
                 predictor = 3 * W * (C + W), mel = C * (size_t)m->bands;
    l.room = malloc(sizeof *l.room * (wide + square + predictor + mel)); /* more than any one of them */
    if (!l.room) {
        cw_fail_memory(err, "mel model");
        goto done;
    }
    if (load_all(&l) != 0)
        goto done;
    *out = m;
    m = NULL;
    result = 0;
done:
    free(l.room);
    close_model(m);
    return result;
}

static int open_learnt(void **out, const void *base, const struct cw_gguf *g, const struct cw_learnt *learnt, struct cw_error *err) {
    (void)out, (void)base, (void)g, (void)learnt;
    return cw_fail(err, CW_BAD_INPUT,
                   "mel model: expected a voice made of style alone, found one that was trained for another engine; "
                   "use that engine, or the voice without its training");
}

static int max_phonemes(const void *model) {
    (void)model;
    return SYMBOLS - 2 * EDGE;
}

static int symbol(const void *model, uint32_t code_point) {
    const struct melnet *m = model;
    for (int i = 1; i < m->symbols && code_point != 0; i++)
        if ((uint32_t)m->code_points[i] == code_point)
            return i;
    return -1;
}

/* ---- the graph ----------------------------------------------------------------------------------------------------------- */

static int mat(struct session *s, int rows, int cols, struct cw_mat *m, struct cw_error *err) {
    return cw_arena_mat(s->arena, rows, cols, m, err);
}

static void show(const struct session *s, const char *stage, struct cw_mat m) {
    if (s->tap->call)
        s->tap->call(s->tap->arg, stage, m);
}

static float *row(struct cw_mat m, int r) {
    return m.data + (ptrdiff_t)r * m.stride;
}

/* y = norm(x) (1 + gain) + shift, gain | shift [2C] = fc(voice) */
static int styled_norm(struct session *s, const struct cw_weight *fc, struct cw_mat voice, struct cw_mat x, struct cw_mat y,
                       struct cw_error *err) {
    struct cw_mat numbers;
    if (mat(s, 1, 2 * x.cols, &numbers, err) != 0 || cw_linear(s->model->device, voice, fc, (struct cw_epilogue){0}, numbers, err) != 0)
        return -1;
    return cw_layer_norm(s->model->device, x, numbers.data, numbers.data + x.cols, true, EPS, y, err);
}

/* x [T, C] += attention(norm(x)), then += narrow(gelu(wide(norm(x)))) */
static int run_block(struct session *s, const struct block *b, struct cw_mat voice, struct cw_mat x, struct cw_error *err) {
    const struct melnet *m = s->model;
    const int C = m->width;
    const struct cw_epilogue onto_x = {.add = x};
    struct cw_mat y, qkv, hidden;
    size_t mark = cw_arena_mark(s->arena);
    int result = -1;
    if (mat(s, x.rows, C, &y, err) != 0 || mat(s, x.rows, 3 * C, &qkv, err) != 0 || mat(s, x.rows, m->hidden, &hidden, err) != 0)
        goto done;
    if (styled_norm(s, b->norm1, voice, x, y, err) != 0 || cw_linear(m->device, y, b->qkv, (struct cw_epilogue){0}, qkv, err) != 0 ||
        cw_attention(m->device, cw_mat_cols(qkv, 0, C), cw_mat_cols(qkv, C, C), cw_mat_cols(qkv, 2 * C, C), m->heads, y, err) != 0 ||
        cw_linear(m->device, y, b->out, onto_x, x, err) != 0 || styled_norm(s, b->norm2, voice, x, y, err) != 0 ||
        cw_conv1d(m->device, y, b->wide, 1, 1, 1, (struct cw_epilogue){.act = CW_ACT_GELU_TANH}, hidden, err) != 0 ||
        cw_linear(m->device, hidden, b->narrow, onto_x, x, err) != 0)
        goto done;
    result = 0;
done:
    cw_arena_release(s->arena, mark);
    return result;
}

static int run_blocks(struct session *s, const char *stack, const struct block *blocks, int count, struct cw_mat voice, struct cw_mat x,
                      struct cw_error *err) {
    char stage[24];
    for (int i = 0; i < count; i++) {
        if (run_block(s, &blocks[i], voice, x, err) != 0)
            return -1;
        snprintf(stage, sizeof stage, "%s.%d", stack, i);
        show(s, stage, x);
    }
    return 0;
}

/* x [P, C] -> y [P, outputs] */
static int predict(struct session *s, const struct predictor *p, struct cw_mat x, struct cw_mat y, struct cw_error *err) {
    struct cw_device *d = s->model->device;
    const struct cw_epilogue gelu = {.act = CW_ACT_GELU_TANH};
    struct cw_mat a, b;
    size_t mark = cw_arena_mark(s->arena);
    int result = -1;
    if (mat(s, x.rows, s->model->predictor_width, &a, err) != 0 || mat(s, x.rows, s->model->predictor_width, &b, err) != 0)
        goto done;
    if (cw_conv1d(d, x, p->conv1, 1, 1, 1, gelu, a, err) != 0 || cw_layer_norm(d, a, p->gain1, p->shift1, false, EPS, a, err) != 0 ||
        cw_conv1d(d, a, p->conv2, 1, 1, 1, gelu, b, err) != 0 || cw_layer_norm(d, b, p->gain2, p->shift2, false, EPS, b, err) != 0 ||
        cw_linear(d, b, p->out, (struct cw_epilogue){0}, y, err) != 0)
        goto done;
    result = 0;
done:
    cw_arena_release(s->arena, mark);
    return result;
}

/* voice [1, C] of the style [256] */
static int run_style(struct session *s, const float *style, struct cw_mat voice, struct cw_error *err) {
    const struct melnet *m = s->model;
    const struct cw_epilogue gelu = {.act = CW_ACT_GELU_TANH};
    struct cw_mat x, y;
    if (mat(s, 1, STYLE, &x, err) != 0 || mat(s, 1, m->width, &y, err) != 0)
        return -1;
    for (int i = 0; i < STYLE; i++)
        x.data[i] = (style[i] - m->style_mean[i]) / m->style_spread[i];
    if (cw_linear(m->device, x, m->style1, gelu, y, err) != 0 || cw_linear(m->device, y, m->style2, gelu, voice, err) != 0)
        return -1;
    show(s, "voice", voice);
    return 0;
}

/* x [P, C] of s->ids: symbols with their positions through the encoder */
static int encode(struct session *s, struct cw_mat voice, struct cw_mat x, struct cw_error *err) {
    const struct melnet *m = s->model;
    const int half = m->width / 2;
    if (cw_gather_rows(m->device, m->embed, m->symbols, s->ids, x, err) != 0)
        return -1;
    for (int c = 0; c < half; c++) {
        const float rate = expf((float)c * (float)(-log(10000) / half));
        for (int p = 0; p < x.rows; p++) {
            row(x, p)[c] += sinf((float)p * rate);
            row(x, p)[half + c] += cosf((float)p * rate);
        }
    }
    if (run_blocks(s, "encoder", m->encoder, m->encoders, voice, x, err) != 0 || styled_norm(s, m->encoded, voice, x, x, err) != 0)
        return -1;
    show(s, "encoded", x);
    return 0;
}

/* s->durations of lengths [P, 1] (log frames), their ends rounded, so that no rounding adds up; *total: their sum */
static int round_durations(struct session *s, const struct cw_acoustic_input *in, struct cw_mat lengths, int *total, struct cw_error *err) {
    const int last = lengths.rows - 1;
    double end = 0;
    *total = 0;
    for (int p = 0; p <= last; p++) {
        const bool edge = p == 0 || p == last;
        float frames = *row(lengths, p);
        if (!isfinite(frames))
            return cw_fail(err, CW_BAD_INPUT, "voice or model: expected finite durations, found %g for symbol %d of %d", (double)frames, p,
                           last + 1);
        frames = expf(frames < -2 ? -2 : frames > 5 ? 5 : frames);
        if (!edge)
            frames /= in->speed;
        else if (in->max_edge_units > 0 && frames > (float)in->max_edge_units)
            frames = (float)in->max_edge_units;
        end += (double)frames;
        s->durations[p] = (int)nearbyint(end) - *total;
        *total += s->durations[p];
    }
    if (*total < 1 || *total > FRAMES)
        return cw_fail(err, CW_BAD_INPUT, "speech: expected 1 to %d frames in one run, found %d; give fewer symbols or more speed", FRAMES,
                       *total);
    return 0;
}

/* A voice's own height and range of pitch, where a symbol is voiced enough to have one. */
static void map_f0(const struct melnet *m, const struct cw_acoustic_input *in, struct cw_mat curves) {
    for (int p = 0; in->f0_slope > 0 && p < curves.rows; p++) {
        float *at = row(curves, p);
        if (at[1] > 0.3f) {
            const float hz = at[0] / at[1] * m->curve_spread[0] + m->curve_mean[0];
            at[0] = at[1] * ((in->f0_slope * hz + in->f0_offset - m->curve_mean[0]) / m->curve_spread[0]);
        }
    }
}

/* where [T, PLACES]: cosines of the part of its symbol that a frame has reached, and the symbol's length */
static void find_places(const struct session *s, int symbols, struct cw_mat where) {
    for (int p = 0, t = 0; p < symbols; p++)
        for (int i = 0; i < s->durations[p]; i++, t++) {
            const float at = ((float)i + 0.5f) / (float)s->durations[p];
            float *to = row(where, t);
            for (int k = 1; k < PLACES; k++)
                to[k - 1] = cosf((float)(M_PI * k) * at);
            to[PLACES - 1] = logf((float)s->durations[p]) - 2;
        }
}

/* x [P, C], curves [P, 3] -> y [T, bands], dense */
static int decode(struct session *s, struct cw_mat voice, struct cw_mat x, struct cw_mat curves, struct cw_mat y, struct cw_error *err) {
    const struct melnet *m = s->model;
    struct cw_mat wide, where;
    if (mat(s, y.rows, m->width, &wide, err) != 0 || mat(s, y.rows, PLACES, &where, err) != 0)
        return -1;
    find_places(s, x.rows, where);
    if (cw_conv1d(m->device, curves, m->from_curves, 1, 1, 1, (struct cw_epilogue){.add = x}, x, err) != 0 ||
        cw_repeat_rows(m->device, x, s->durations, wide, err) != 0 ||
        cw_linear(m->device, where, m->place, (struct cw_epilogue){.add = wide}, wide, err) != 0 ||
        run_blocks(s, "decoder", m->decoder, m->decoders, voice, wide, err) != 0 ||
        styled_norm(s, m->decoded, voice, wide, wide, err) != 0 || cw_linear(m->device, wide, m->mel, (struct cw_epilogue){0}, y, err) != 0)
        return -1;
    for (int t = 0; t < y.rows; t++)
        for (int c = 0; c < y.cols; c++) {
            float *at = row(y, t) + c;
            *at = *at * m->mel_spread[c] + m->mel_mean[c];
            if (!isfinite(*at))
                return cw_fail(err, CW_BAD_INPUT, "voice or model: expected finite mels, found %g in frame %d of %d", (double)*at, t,
                               y.rows);
        }
    show(s, "mel", y);
    return 0;
}

/* ---- sessions ------------------------------------------------------------------------------------------------------------ */

static void close_session(void *session) {
    struct session *s = session;
    if (!s)
        return;
    cw_arena_close(s->arena);
    free(s);
}

static int open_session(void **out, const void *model, struct cw_error *err) {
    const struct melnet *m = model;
    struct session *s = calloc(1, sizeof *s);
    /* a row's floats: the residual, what a block makes of it (norm, qkv, hidden), mel, places; with rows' padding */
    const size_t frame = 5 * ((size_t)m->width + 32) + (size_t)m->hidden + 32 + (size_t)m->bands + 64,
                 symbols = frame + 2 * ((size_t)m->predictor_width + 32) + (size_t)m->width + 64;
    int result = -1;
    if (!s) {
        cw_fail_memory(err, "mel session");
        goto done;
    }
    s->model = m;
    if (cw_arena_open(&s->arena, sizeof(float) * (frame * FRAMES + symbols * SYMBOLS) + (1 << 20), err) != 0)
        goto done;
    *out = s;
    s = NULL;
    result = 0;
done:
    close_session(s);
    return result;
}

static void use_model(void *session, const void *model) {
    struct session *s = session;
    s->model = model;
}

static int check_input(const struct melnet *m, const struct cw_acoustic_input *in, struct cw_error *err) {
    for (int i = 0; i < in->count; i++)
        if (in->ids[i] < 1 || in->ids[i] >= m->symbols)
            return cw_fail(err, CW_BAD_INPUT, "phoneme %d of %d: expected a symbol id from 1 to %d, found %d", i + 1, in->count,
                           m->symbols - 1, in->ids[i]);
    if (!in->pack || in->pack_rows < in->count)
        return cw_fail(err, CW_BAD_INPUT, "voice: expected a style for %d symbols, found %d rows", in->count, in->pack ? in->pack_rows : 0);
    for (int i = 0; i < STYLE; i++)
        if (!isfinite(in->pack[(size_t)(in->count - 1) * STYLE + (size_t)i]))
            return cw_fail(err, CW_BAD_INPUT, "voice: expected finite numbers, found %g in row %d, number %d",
                           (double)in->pack[(size_t)(in->count - 1) * STYLE + (size_t)i], in->count - 1, i);
    return 0;
}

static int run(void *session, const struct cw_acoustic_input *in, const struct cw_acoustic_tap *tapped, struct cw_frames *frames,
               struct cw_error *err) {
    struct session *s = session;
    const struct melnet *m = s->model;
    const int count = in->count + 2 * EDGE;
    int total = 0;
    struct cw_mat voice, x, lengths, curves, out;
    cw_arena_release(s->arena, 0);
    s->tap = tapped;
    if (check_input(m, in, err) != 0)
        return -1;
    s->ids[0] = s->ids[count - 1] = 0;
    memcpy(s->ids + EDGE, in->ids, (size_t)in->count * sizeof *in->ids);
    if (mat(s, 1, m->width, &voice, err) != 0 || mat(s, count, m->width, &x, err) != 0 || mat(s, count, 1, &lengths, err) != 0 ||
        mat(s, count, CURVES, &curves, err) != 0)
        return -1;
    if (run_style(s, in->pack + (size_t)(in->count - 1) * STYLE, voice, err) != 0 || encode(s, voice, x, err) != 0 ||
        predict(s, &m->durations, x, lengths, err) != 0 || predict(s, &m->curves, x, curves, err) != 0)
        return -1;
    show(s, "lengths", lengths);
    show(s, "curves", curves);
    if (round_durations(s, in, lengths, &total, err) != 0)
        return -1;
    map_f0(m, in, curves);
    if (mat(s, 1, total * m->bands, &out, err) != 0)
        return -1;
    out = (struct cw_mat){.data = out.data, .rows = total, .cols = m->bands, .stride = m->bands};
    if (decode(s, voice, x, curves, out, err) != 0)
        return -1;
    *frames = (struct cw_frames){
        .kind = m->kind,
        .count = total,
        .channels = m->bands,
        .data = out.data,
        .sample_rate = m->rate,
        .hop = m->hop,
        .durations = s->durations,
        .phonemes = count,
        .unit_samples = m->hop,
    };
    return 0;
}

const struct cw_acoustic_engine cw_melnet_engine = {
    .architecture = "melnet",
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

/* text ids -> embedding + positions -> ConvNeXt-V2 blocks ─┐
 * reference mel ───────────────────────────────────────────┴─▶ constant part of the input, once a run
 * x [T, mel] = noise -> steps: linear + constant part -> grouped convolutions -> DiT blocks -> flow -> x += dt flow
 *
 * The sequences of a run stand one after the other in the rows of every matrix, and with guidance so do the two halves of a step: all of
 * them with reference and text, then all of them without either. One product for all; only what mixes rows is done apart, so that a
 * sequence comes out the same whatever stands beside it. Products are in float32, those of the blocks in 16-bit fixed point
 * where the device has it. The time of a step is the same for all rows, so the modulations of all steps are computed at once. */
#include "tts/f5.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/gguf.h"
#include "tts/f5_text.h"

enum {
    DEPTH_MAX = 64,
    TEXT_DEPTH_MAX = 16,
    WIDTH_MAX = 4096,
    GROUPS = 16, /* of the positions' convolutions */
    POSITION_TAPS = 31,
    TEXT_TAPS = 7,
    TIME = 256, /* sines and cosines of a step's time */
    VOCABULARY_MAX = 1 << 20,
};
#define EPS 1e-6f

struct text_block {
    float *filters, *bias; /* [C, 7] back to front, as a transposed convolution has them; [C] */
    float *norm_gain, *norm_shift, *gamma, *beta;
    struct cw_weight *wide, *narrow;
};

struct dit_block {
    struct cw_weight *modulation, *qkv, *out, *wide, *narrow;
};

struct cw_f5 {
    struct cw_device *device;
    int dim, depth, heads, wide, text_dim, text_wide, text_depth, bands, rope_heads, vocabulary;
    int mask_text;
    struct cw_f5_symbols *symbols;
    float *embedding; /* [vocabulary + 1, text_dim], row 0: filler */
    struct text_block text[TEXT_DEPTH_MAX];
    struct cw_weight *from_x, *from_reference, *from_text; /* the input's linear layer in three */
    struct cw_weight *position[2][GROUPS], *time[2], *final, *flow;
    struct dit_block block[DEPTH_MAX];
};

struct cw_f5_session {
    const struct cw_f5 *model;
    struct cw_arena *arena;
    int steps; /* of a run before, whose modulations are kept below `kept` of the arena; 0: none */
    double sway;
    size_t kept;
    struct cw_mat modulation[DEPTH_MAX]; /* [S, 6 dim] */
    struct cw_mat final;                 /* [S, 2 dim] */
    void (*tap)(void *arg, const char *stage, struct cw_mat m);
    void *tap_arg;
};

/* ---- loading --------------------------------------------------------------------------------------------------------- */

struct loader {
    const struct cw_gguf *g;
    struct cw_device *device;
    const char *path;
    struct cw_error *err;
};

/* dims: up to three, the rest 0 */
static int load(const struct loader *l, const char *layer, const char *leaf, int a, int b, int c, const float **data) {
    char name[128];
    snprintf(name, sizeof name, "%s%s", layer, leaf);
    return cw_gguf_f32_finite(l->g, name, (const int[]){a, b, c}, b == 0 ? 1 : c == 0 ? 2 : 3, data, l->err);
}

static int load_copy(const struct loader *l, const char *layer, const char *leaf, int a, int b, float **to) {
    const float *from;
    size_t n = (size_t)a * (size_t)(b ? b : 1);
    if (load(l, layer, leaf, a, b, 0, &from) != 0)
        return -1;
    *to = malloc(sizeof **to * n);
    if (!*to)
        return cw_fail_memory(l->err, "f5");
    memcpy(*to, from, sizeof **to * n);
    return 0;
}

typedef int open_weight(struct cw_weight **p, struct cw_device *d, const float *w, int out, int in, int taps, const float *bias,
                        struct cw_error *err);

static int load_with(open_weight *open, const struct loader *l, const char *layer, const char *leaf, int out, int in,
                     struct cw_weight **w) {
    char name[96];
    const float *weight, *bias;
    snprintf(name, sizeof name, "%s%s", layer, leaf);
    if (cw_gguf_layer(l->g, name, (const int[]){out, in}, 2, out, &weight, &bias, l->err) != 0)
        return -1;
    return open(w, l->device, weight, out, in, 1, bias, l->err);
}

static int load_linear(const struct loader *l, const char *layer, const char *leaf, int out, int in, struct cw_weight **w) {
    return load_with(cw_weight_open, l, layer, leaf, out, in, w);
}

/* Of the blocks, where nearly all products are: what a step gets wrong the next ones amplify, but fixed point is fine enough. */
static open_weight *open_block_weight(const struct cw_device *d) {
    return cw_device_bfloat(d) ? cw_weight_open : cw_weight_open_16;
}

static int load_linear_16(const struct loader *l, const char *layer, const char *leaf, int out, int in, struct cw_weight **w) {
    return load_with(open_block_weight(l->device), l, layer, leaf, out, in, w);
}

static int load_text_block(const struct loader *l, const struct cw_f5 *m, int i, struct text_block *b) {
    char layer[64], grn[80];
    const float *filters;
    int C = m->text_dim;
    snprintf(layer, sizeof layer, "text_embed.text_blocks.%d", i);
    snprintf(grn, sizeof grn, "%s.grn", layer);
    if (load(l, layer, ".dwconv.weight", C, 1, TEXT_TAPS, &filters) != 0 || load_copy(l, layer, ".dwconv.bias", C, 0, &b->bias) != 0 ||
        load_copy(l, layer, ".norm.weight", C, 0, &b->norm_gain) != 0 || load_copy(l, layer, ".norm.bias", C, 0, &b->norm_shift) != 0 ||
        load_copy(l, grn, ".gamma", m->text_wide, 0, &b->gamma) != 0 || load_copy(l, grn, ".beta", m->text_wide, 0, &b->beta) != 0 ||
        load_linear(l, layer, ".pwconv1", m->text_wide, C, &b->wide) != 0 ||
        load_linear(l, layer, ".pwconv2", C, m->text_wide, &b->narrow) != 0)
        return -1;
    b->filters = malloc(sizeof *b->filters * (size_t)C * TEXT_TAPS);
    if (!b->filters)
        return cw_fail_memory(l->err, "f5");
    for (int c = 0; c < C; c++)
        for (int k = 0; k < TEXT_TAPS; k++)
            b->filters[c * TEXT_TAPS + k] = filters[c * TEXT_TAPS + TEXT_TAPS - 1 - k];
    return 0;
}

/* proj [dim, x | reference | text]: three weights, the bias with the last. */
static int load_input(const struct loader *l, struct cw_f5 *m) {
    int result = -1, in = 2 * m->bands + m->text_dim;
    const int first[3] = {0, m->bands, 2 * m->bands}, cols[3] = {m->bands, m->bands, m->text_dim};
    struct cw_weight **to[3] = {&m->from_x, &m->from_reference, &m->from_text};
    const float *weight, *bias;
    float *part = malloc(sizeof *part * (size_t)m->dim * (size_t)in);
    if (!part) {
        cw_fail_memory(l->err, "f5");
        goto done;
    }
    if (cw_gguf_layer(l->g, "input_embed.proj", (const int[]){m->dim, in}, 2, m->dim, &weight, &bias, l->err) != 0)
        goto done;
    for (int i = 0; i < 3; i++) {
        for (int n = 0; n < m->dim; n++)
            memcpy(part + (size_t)n * (size_t)cols[i], weight + (size_t)n * (size_t)in + first[i], sizeof *part * (size_t)cols[i]);
        if (cw_weight_open(to[i], l->device, part, m->dim, cols[i], 1, i == 2 ? bias : NULL, l->err) != 0)
            goto done;
    }
    result = 0;
done:
    free(part);
    return result;
}

static int load_positions(const struct loader *l, struct cw_f5 *m) {
    for (int i = 0; i < 2; i++) {
        char layer[64];
        const float *weight, *bias;
        const int width = m->dim / GROUPS;
        snprintf(layer, sizeof layer, "input_embed.conv_pos_embed.conv1d.%d", 2 * i);
        if (load(l, layer, ".weight", m->dim, width, POSITION_TAPS, &weight) != 0 || load(l, layer, ".bias", m->dim, 0, 0, &bias) != 0)
            return -1;
        for (int g = 0; g < GROUPS; g++)
            if (cw_weight_open(&m->position[i][g], l->device, weight + (size_t)g * (size_t)width * (size_t)width * POSITION_TAPS, width,
                               width, POSITION_TAPS, bias + g * width, l->err) != 0)
                return -1;
    }
    return 0;
}

/* Queries, keys and values as one weight, so that what they are made of is rounded once. */
static int load_qkv(const struct loader *l, const char *layer, int D, struct cw_weight **w) {
    static const char *const leaves[3] = {".attn.to_q", ".attn.to_k", ".attn.to_v"};
    const size_t n = (size_t)D * (size_t)D;
    int result = -1;
    float *all = malloc(sizeof *all * (3 * n + 3 * (size_t)D));
    if (!all) {
        cw_fail_memory(l->err, "f5");
        goto done;
    }
    for (size_t i = 0; i < 3; i++) {
        char name[96];
        const float *weight, *bias;
        snprintf(name, sizeof name, "%s%s", layer, leaves[i]);
        if (cw_gguf_layer(l->g, name, (const int[]){D, D}, 2, D, &weight, &bias, l->err) != 0)
            goto done;
        memcpy(all + i * n, weight, sizeof *all * n);
        memcpy(all + 3 * n + i * (size_t)D, bias, sizeof *all * (size_t)D);
    }
    result = open_block_weight(l->device)(w, l->device, all, 3 * D, D, 1, all + 3 * n, l->err);
done:
    free(all);
    return result;
}

static int load_block(const struct loader *l, const struct cw_f5 *m, int i, struct dit_block *b) {
    char layer[64];
    int D = m->dim;
    snprintf(layer, sizeof layer, "transformer_blocks.%d", i);
    return load_linear(l, layer, ".attn_norm.linear", 6 * D, D, &b->modulation) != 0 || load_qkv(l, layer, D, &b->qkv) != 0 ||
                   load_linear_16(l, layer, ".attn.to_out.0", D, D, &b->out) != 0 ||
                   load_linear_16(l, layer, ".ff.ff.0.0", m->wide, D, &b->wide) != 0 ||
                   load_linear_16(l, layer, ".ff.ff.2", D, m->wide, &b->narrow) != 0
               ? -1
               : 0;
}

static int load_shape(const struct loader *l, struct cw_f5 *m) {
    if (cw_gguf_int_in(l->g, "f5.bands", 1, 256, &m->bands, l->err) != 0 ||
        cw_gguf_int_in(l->g, "f5.width", GROUPS, WIDTH_MAX, &m->dim, l->err) != 0 ||
        cw_gguf_int_in(l->g, "f5.depth", 1, DEPTH_MAX, &m->depth, l->err) != 0 ||
        cw_gguf_int_in(l->g, "f5.heads", 1, WIDTH_MAX, &m->heads, l->err) != 0 ||
        cw_gguf_int_in(l->g, "f5.hidden", 1, 4 * WIDTH_MAX, &m->wide, l->err) != 0 ||
        cw_gguf_int_in(l->g, "f5.text_width", 2, WIDTH_MAX, &m->text_dim, l->err) != 0 ||
        cw_gguf_int_in(l->g, "f5.text_hidden", 1, 4 * WIDTH_MAX, &m->text_wide, l->err) != 0 ||
        cw_gguf_int_in(l->g, "f5.text_depth", 1, TEXT_DEPTH_MAX, &m->text_depth, l->err) != 0 ||
        cw_gguf_int_in(l->g, "f5.vocabulary", 1, VOCABULARY_MAX, &m->vocabulary, l->err) != 0 ||
        cw_gguf_int_in(l->g, "f5.mask_text", 0, 1, &m->mask_text, l->err) != 0 ||
        cw_gguf_int_in(l->g, "f5.rope_heads", 1, WIDTH_MAX, &m->rope_heads, l->err) != 0)
        return -1;
    if (m->dim % GROUPS || m->dim % m->heads || m->dim / m->heads % 2 || m->dim / m->heads > 256 || m->text_dim % 2 ||
        m->rope_heads > m->heads)
        return cw_fail(
            l->err, CW_BAD_INPUT,
            "%s: expected a width in %d groups and in heads of an even width up to 256, positions in no more heads than that, and an "
            "even text width, found %d, %d, %d and %d",
            l->path, GROUPS, m->dim, m->heads, m->rope_heads, m->text_dim);
    return 0;
}

static int load_symbols(const struct loader *l, struct cw_f5 *m) {
    if (cw_f5_symbols_open(&m->symbols, l->g, l->err) != 0)
        return -1;
    const int count = cw_f5_symbols_count(m->symbols);
    return count == m->vocabulary
               ? 0
               : cw_fail(l->err, CW_BAD_INPUT, "%s: key \"f5.symbols\": expected %d strings, found %d", l->path, m->vocabulary, count);
}

int cw_f5_ids(const struct cw_f5 *m, const char *text, int *ids, int most, int *count, struct cw_error *err) {
    return cw_f5_symbols_of(m->symbols, text, ids, most, count, err);
}

void cw_f5_close(struct cw_f5 *m) {
    if (!m)
        return;
    cw_f5_symbols_close(m->symbols);
    free(m->embedding);
    for (int i = 0; i < TEXT_DEPTH_MAX; i++) {
        struct text_block *b = &m->text[i];
        float *const all[] = {b->filters, b->bias, b->norm_gain, b->norm_shift, b->gamma, b->beta};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            free(all[k]);
        cw_weight_close(b->wide);
        cw_weight_close(b->narrow);
    }
    struct cw_weight *const single[7] = {m->from_x, m->from_reference, m->from_text, m->time[0], m->time[1], m->final, m->flow};
    for (size_t k = 0; k < 7; k++)
        cw_weight_close(single[k]);
    for (int g = 0; g < 2 * GROUPS; g++)
        cw_weight_close(m->position[g / GROUPS][g % GROUPS]);
    for (int i = 0; i < DEPTH_MAX; i++) {
        const struct dit_block *b = &m->block[i];
        struct cw_weight *const all[5] = {b->modulation, b->qkv, b->out, b->wide, b->narrow};
        for (size_t k = 0; k < 5; k++)
            cw_weight_close(all[k]);
    }
    free(m);
}

int cw_f5_load(struct cw_f5 **out, struct cw_device *d, const struct cw_gguf *g, const char *path, struct cw_error *err) {
    int result = -1;
    const char *architecture = NULL;
    size_t len = 0;
    struct cw_f5 *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m) {
        cw_fail_memory(err, path);
        goto done;
    }
    m->device = d;
    if (cw_gguf_string(g, "general.architecture", &architecture, &len, err) != 0)
        goto done;
    if (len != 2 || memcmp(architecture, "f5", 2) != 0) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected the architecture f5, found \"%.*s\"", path, (int)(len < 64 ? len : 64), architecture);
        goto done;
    }
    const struct loader l = {g, d, path, err};
    if (load_shape(&l, m) != 0 || load_symbols(&l, m) != 0 ||
        load_copy(&l, "text_embed.text_embed", ".weight", m->vocabulary + 1, m->text_dim, &m->embedding) != 0 || load_input(&l, m) != 0 ||
        load_positions(&l, m) != 0 || load_linear(&l, "time_embed.time_mlp.0", "", m->dim, TIME, &m->time[0]) != 0 ||
        load_linear(&l, "time_embed.time_mlp.2", "", m->dim, m->dim, &m->time[1]) != 0 ||
        load_linear(&l, "norm_out.linear", "", 2 * m->dim, m->dim, &m->final) != 0 ||
        load_linear(&l, "proj_out", "", m->bands, m->dim, &m->flow) != 0)
        goto done;
    for (int i = 0; i < m->text_depth; i++)
        if (load_text_block(&l, m, i, &m->text[i]) != 0)
            goto done;
    for (int i = 0; i < m->depth; i++)
        if (load_block(&l, m, i, &m->block[i]) != 0)
            goto done;
    *out = m;
    m = NULL;
    result = 0;
done:
    cw_f5_close(m);
    return result;
}

int cw_f5_open(struct cw_f5 **out, struct cw_device *d, const char *path, struct cw_error *err) {
    struct cw_gguf *g = NULL;
    *out = NULL;
    int result = cw_gguf_open(&g, path, err) != 0 ? -1 : cw_f5_load(out, d, g, path, err);
    cw_gguf_close(g);
    return result;
}

int cw_f5_bands(const struct cw_f5 *m) {
    return m->bands;
}

/* ---- session ----------------------------------------------------------------------------------------------------------- */

void cw_f5_session_close(struct cw_f5_session *s) {
    if (!s)
        return;
    cw_arena_close(s->arena);
    free(s);
}

int cw_f5_session_open(struct cw_f5_session **out, const struct cw_f5 *m, struct cw_error *err) {
    int result = -1;
    struct cw_f5_session *s = calloc(1, sizeof *s);
    /* floats of a frame: both halves' residual, norm, queries, keys, values, attention or hidden; the rest */
    const size_t text = 3 * ((size_t)m->text_dim + 32) + (size_t)m->text_wide,
                 frame = 2 * (7 * ((size_t)m->dim + 32) + (size_t)m->wide + 32) + 2 * text + 6 * ((size_t)m->bands + 32) + (size_t)m->dim;
    *out = NULL;
    if (!s) {
        cw_fail_memory(err, "f5 session");
        goto done;
    }
    s->model = m;
    if (cw_arena_open(&s->arena,
                      sizeof(float) * (frame * CW_F5_FRAMES_MAX + CW_F5_STEPS_MAX * ((size_t)m->depth * 6 + 6) * ((size_t)m->dim + 32) +
                                       CW_F5_FRAMES_MAX) +
                          (1 << 20),
                      err) != 0)
        goto done;
    *out = s;
    s = NULL;
    result = 0;
done:
    cw_f5_session_close(s);
    return result;
}

void cw_f5_session_tap(struct cw_f5_session *s, void (*tap)(void *arg, const char *stage, struct cw_mat m), void *arg) {
    s->tap = tap;
    s->tap_arg = arg;
}

static void show(const struct cw_f5_session *s, const char *stage, struct cw_mat m) {
    if (s->tap)
        s->tap(s->tap_arg, stage, m);
}

/* ---- text ---------------------------------------------------------------------------------------------------------------- */

/* x += narrow(response norm(gelu(wide(norm(filters(x)))))) */
static int run_text_block(struct cw_f5_session *s, const struct text_block *b, struct cw_mat x, struct cw_error *err) {
    const struct cw_f5 *m = s->model;
    size_t mark = cw_arena_mark(s->arena);
    struct cw_mat y, wide;
    int result = -1;
    if (cw_arena_mat(s->arena, x.rows, x.cols, &y, err) != 0 || cw_arena_mat(s->arena, x.rows, m->text_wide, &wide, err) != 0 ||
        cw_conv_transpose1d_depthwise(m->device, x, b->filters, b->bias, TEXT_TAPS, 1, TEXT_TAPS / 2, 0, y, err) != 0 ||
        cw_layer_norm(m->device, y, b->norm_gain, b->norm_shift, false, EPS, y, err) != 0 ||
        cw_linear(m->device, y, b->wide, (struct cw_epilogue){.act = CW_ACT_GELU}, wide, err) != 0 ||
        cw_response_norm(m->device, wide, b->gamma, b->beta, wide, err) != 0 ||
        cw_linear(m->device, wide, b->narrow, (struct cw_epilogue){.add = x}, x, err) != 0)
        goto done;
    result = 0;
done:
    cw_arena_release(s->arena, mark);
    return result;
}

static void clear_rows(struct cw_mat x, int first) {
    for (int t = first; t < x.rows; t++)
        memset(x.data + (ptrdiff_t)t * x.stride, 0, sizeof(float) * (size_t)x.cols);
}

/* x [T, text_dim]: of the ids, or of no text at all */
static int embed_text(struct cw_f5_session *s, const struct cw_f5_input *in, bool text, struct cw_mat x, struct cw_error *err) {
    const struct cw_f5 *m = s->model;
    const int half = m->text_dim / 2, filled = in->count < x.rows ? in->count : x.rows;
    for (int t = 0; t < x.rows; t++) {
        const float *row = m->embedding + (size_t)(text && t < filled ? in->ids[t] + 1 : 0) * (size_t)m->text_dim;
        float *to = x.data + (ptrdiff_t)t * x.stride;
        for (int c = 0; c < half; c++) {
            const float angle = (float)t * (float)(1 / pow(10000, 2.0 * c / m->text_dim));
            to[c] = row[c] + cosf(angle);
            to[half + c] = row[half + c] + sinf(angle);
        }
    }
    if (m->mask_text)
        clear_rows(x, filled);
    for (int i = 0; i < m->text_depth; i++) {
        if (run_text_block(s, &m->text[i], x, err) != 0)
            return -1;
        if (m->mask_text)
            clear_rows(x, filled);
    }
    return 0;
}

/* ---- times --------------------------------------------------------------------------------------------------------------- */

/* times [steps + 1]: the published schedules (Empirically Pruned Step Sampling), then sway. */
static void schedule(const struct cw_f5_input *in, float *times) {
    static const unsigned char tables[][18] = {{5, 0, 2, 4, 8, 16, 32},
                                               {6, 0, 2, 4, 6, 8, 16, 32},
                                               {7, 0, 2, 4, 6, 8, 16, 24, 32},
                                               {10, 0, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32},
                                               {12, 0, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32},
                                               {16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32}};
    for (int i = 0; i <= in->steps; i++) {
        double t = (double)i / in->steps;
        for (size_t k = 0; k < sizeof tables / sizeof *tables; k++)
            if (tables[k][0] == in->steps)
                t = tables[k][1 + i] / 32.0;
        times[i] = (float)(t + in->sway * (cos(M_PI / 2 * t) - 1 + t));
    }
}

/* time [S, dim] of each step, through SiLU, as every modulation reads it */
static int embed_times(struct cw_f5_session *s, const float *times, struct cw_mat time, struct cw_error *err) {
    const struct cw_f5 *m = s->model;
    size_t mark = cw_arena_mark(s->arena);
    struct cw_mat waves, hidden;
    int result = -1;
    if (cw_arena_mat(s->arena, time.rows, TIME, &waves, err) != 0 || cw_arena_mat(s->arena, time.rows, m->dim, &hidden, err) != 0)
        goto done;
    for (int i = 0; i < time.rows; i++)
        for (int c = 0; c < TIME / 2; c++) {
            const float angle = 1000 * times[i] * expf((float)c * -(float)(log(10000) / (TIME / 2.0 - 1)));
            waves.data[(ptrdiff_t)i * waves.stride + c] = sinf(angle);
            waves.data[(ptrdiff_t)i * waves.stride + TIME / 2 + c] = cosf(angle);
        }
    if (cw_linear(m->device, waves, m->time[0], (struct cw_epilogue){0}, hidden, err) != 0 ||
        cw_silu(m->device, hidden, hidden, err) != 0 || cw_linear(m->device, hidden, m->time[1], (struct cw_epilogue){0}, time, err) != 0 ||
        cw_silu(m->device, time, time, err) != 0)
        goto done;
    result = 0;
done:
    cw_arena_release(s->arena, mark);
    return result;
}

/* The modulations of all steps, which hang on nothing but these: kept from run to run. The arena beyond them is free. */
static int modulate(struct cw_f5_session *s, const struct cw_f5_input *in, const float *times, struct cw_error *err) {
    const struct cw_f5 *m = s->model;
    const struct cw_epilogue plain = {0};
    struct cw_mat time;
    if (s->steps == in->steps && s->sway == in->sway) {
        cw_arena_release(s->arena, s->kept);
        return 0;
    }
    s->steps = 0;
    cw_arena_release(s->arena, 0);
    if (cw_arena_mat(s->arena, in->steps, 2 * m->dim, &s->final, err) != 0)
        return -1;
    for (int i = 0; i < m->depth; i++)
        if (cw_arena_mat(s->arena, in->steps, 6 * m->dim, &s->modulation[i], err) != 0)
            return -1;
    s->kept = cw_arena_mark(s->arena);
    if (cw_arena_mat(s->arena, in->steps, m->dim, &time, err) != 0 || embed_times(s, times, time, err) != 0 ||
        cw_linear(m->device, time, m->final, plain, s->final, err) != 0)
        return -1;
    for (int i = 0; i < m->depth; i++)
        if (cw_linear(m->device, time, m->block[i].modulation, plain, s->modulation[i], err) != 0)
            return -1;
    cw_arena_release(s->arena, s->kept);
    s->steps = in->steps;
    s->sway = in->sway;
    return 0;
}

/* ---- a step ---------------------------------------------------------------------------------------------------------------- */

struct run {
    const struct cw_f5_input *in; /* [count] */
    int count, halves;
    int first[CW_F5_TOGETHER + 1];    /* where each sequence begins in a half */
    int T;                            /* rows of a half: where the last one ends */
    struct cw_mat constant;           /* [B T, dim]: of reference and text */
    struct cw_mat turn;               /* [T, head width]: cosine | sine of a pair, by the place in the sequence */
    struct cw_mat h, norm, qkv, wide; /* [B T, …] */
    struct cw_mat x, flow;            /* [T, bands], [B T, bands] */
};

static struct cw_mat half_of(struct cw_mat m, const struct run *r, int half) {
    return cw_mat_rows(m, half * r->T, r->T);
}

/* Sequence i of the first half, then of the second. */
static struct cw_mat sequence_of(struct cw_mat m, const struct run *r, int i) {
    const int half = i / r->count;
    i -= half * r->count;
    return cw_mat_rows(m, half * r->T + r->first[i], r->first[i + 1] - r->first[i]);
}

/* h += mish(convolution(mish(convolution(h)))), in groups of columns; norm, qkv: room */
static int add_positions(struct cw_f5_session *s, struct run *r, struct cw_error *err) {
    const struct cw_f5 *m = s->model;
    const int width = m->dim / GROUPS;
    const struct cw_mat room = cw_mat_cols(r->qkv, 0, m->dim);
    for (int i = 0; i < 2; i++) {
        struct cw_mat from = i == 0 ? r->h : r->norm, to = i == 0 ? r->norm : room;
        for (int k = 0; k < r->halves * r->count; k++)
            for (int g = 0; g < GROUPS; g++)
                if (cw_conv1d(m->device, cw_mat_cols(sequence_of(from, r, k), g * width, width), m->position[i][g], 1, POSITION_TAPS / 2, 1,
                              (struct cw_epilogue){0}, cw_mat_cols(sequence_of(to, r, k), g * width, width), err) != 0)
                    return -1;
        if (cw_mish(m->device, to, to, err) != 0)
            return -1;
    }
    return cw_add(m->device, r->h, room, 1, r->h, err);
}

static int run_block(struct cw_f5_session *s, struct run *r, const struct dit_block *b, const float *modulation, struct cw_error *err) {
    const struct cw_f5 *m = s->model;
    const int D = m->dim;
    const float *shift = modulation, *scale = shift + D, *gate = scale + D, *shift2 = gate + D, *scale2 = shift2 + D, *gate2 = scale2 + D;
    const struct cw_epilogue plain = {0};
    const struct cw_mat q = cw_mat_cols(r->qkv, 0, D), k = cw_mat_cols(r->qkv, D, D), v = cw_mat_cols(r->qkv, 2 * D, D);
    const int turned = m->rope_heads * r->turn.cols;
    if (cw_layer_norm(m->device, r->h, scale, shift, true, EPS, r->norm, err) != 0 ||
        cw_linear(m->device, r->norm, b->qkv, plain, r->qkv, err) != 0 ||
        cw_rotate_pairs(m->device, cw_mat_cols(q, 0, turned), r->turn, cw_mat_cols(q, 0, turned), err) != 0 ||
        cw_rotate_pairs(m->device, cw_mat_cols(k, 0, turned), r->turn, cw_mat_cols(k, 0, turned), err) != 0)
        return -1;
    for (int i = 0; i < r->halves * r->count; i++)
        if (cw_attention_16(m->device, sequence_of(q, r, i), sequence_of(k, r, i), sequence_of(v, r, i), m->heads,
                            sequence_of(r->norm, r, i), err) != 0)
            return -1;
    /* q is room from here on */
    if (cw_linear(m->device, r->norm, b->out, plain, q, err) != 0 || cw_add_gated(m->device, q, gate, r->h, err) != 0 ||
        cw_layer_norm(m->device, r->h, scale2, shift2, true, EPS, r->norm, err) != 0 ||
        cw_linear(m->device, r->norm, b->wide, (struct cw_epilogue){.act = CW_ACT_GELU_TANH}, r->wide, err) != 0 ||
        cw_linear(m->device, r->wide, b->narrow, plain, q, err) != 0)
        return -1;
    return cw_add_gated(m->device, q, gate2, r->h, err);
}

/* flow [B T, bands] of x at step i */
static int run_step(struct cw_f5_session *s, struct run *r, int i, struct cw_error *err) {
    const struct cw_f5 *m = s->model;
    char stage[24];
    for (int half = 0; half < r->halves; half++)
        if (cw_linear(m->device, r->x, m->from_x, (struct cw_epilogue){.add = half_of(r->constant, r, half)}, half_of(r->h, r, half),
                      err) != 0)
            return -1;
    if (add_positions(s, r, err) != 0)
        return -1;
    if (i == 0)
        show(s, "input", r->h);
    for (int b = 0; b < m->depth; b++) {
        if (run_block(s, r, &m->block[b], s->modulation[b].data + (ptrdiff_t)i * s->modulation[b].stride, err) != 0)
            return -1;
        snprintf(stage, sizeof stage, "block.%d", b);
        if (i == 0)
            show(s, stage, r->h);
    }
    const float *final = s->final.data + (ptrdiff_t)i * s->final.stride; /* scale | shift */
    if (cw_layer_norm(m->device, r->h, final, final + m->dim, true, EPS, r->norm, err) != 0 ||
        cw_linear(m->device, r->norm, m->flow, (struct cw_epilogue){0}, r->flow, err) != 0)
        return -1;
    if (i == 0)
        show(s, "flow", r->flow);
    return 0;
}

/* x += dt (flow + guidance (flow - flow without reference and text)) */
static int advance(struct cw_device *d, const struct run *r, float dt, float guidance, struct cw_error *err) {
    const struct cw_mat with = half_of(r->flow, r, 0);
    if (r->halves == 2) {
        const struct cw_mat without = half_of(r->flow, r, 1);
        if (cw_add_scaled(d, with, without, -1, without, err) != 0 || cw_add_scaled(d, with, without, guidance, with, err) != 0)
            return -1;
    }
    return cw_add_scaled(d, r->x, with, dt, r->x, err);
}

/* ---- a run ----------------------------------------------------------------------------------------------------------------- */

struct cw_f5_input cw_f5_input_default(void) {
    return (struct cw_f5_input){.steps = 7, .guidance = 2, .sway = -1, .seed = 1};
}

static int check_input(const struct cw_f5 *m, const struct cw_f5_input *in, struct cw_error *err) {
    const int least = (in->count > in->reference_frames ? in->count : in->reference_frames) + 1;
    if (in->count < 1 || in->reference_frames < 1 || !in->ids || !in->reference)
        return cw_fail(err, CW_BAD_INPUT, "f5: expected a reference and a text, found %d frames and %d symbols", in->reference_frames,
                       in->count);
    if (in->frames < least || in->frames > CW_F5_FRAMES_MAX)
        return cw_fail(err, CW_BAD_INPUT, "f5: expected %d to %d frames for this reference and text, found %d", least, CW_F5_FRAMES_MAX,
                       in->frames);
    if (in->steps < 1 || in->steps > CW_F5_STEPS_MAX || !(in->guidance >= 0 && in->guidance <= 100) || !(in->sway >= -1 && in->sway <= 1.7))
        return cw_fail(err, CW_BAD_INPUT, "f5: expected 1 to %d steps, guidance of 0 to 100 and sway of -1 to 1.7, found %d, %g and %g",
                       CW_F5_STEPS_MAX, in->steps, in->guidance, in->sway);
    for (int i = 0; i < in->count; i++)
        if (in->ids[i] < 0 || in->ids[i] >= m->vocabulary)
            return cw_fail(err, CW_BAD_INPUT, "f5: symbol %d: expected 0 to %d, found %d", i, m->vocabulary - 1, in->ids[i]);
    for (int i = 0; i < in->reference_frames * m->bands; i++)
        if (!isfinite(in->reference[i]))
            return cw_fail(err, CW_BAD_INPUT, "f5: reference[%d]: expected a finite number, found %g", i, (double)in->reference[i]);
    for (int i = 0; in->noise && i < in->frames * m->bands; i++)
        if (!isfinite(in->noise[i]))
            return cw_fail(err, CW_BAD_INPUT, "f5: noise[%d]: expected a finite number, found %g", i, (double)in->noise[i]);
    return 0;
}

/* What is asked of each sequence and of all together; where each begins. */
static int check_inputs(const struct cw_f5 *m, const struct cw_f5_input *in, int count, struct run *r, struct cw_error *err) {
    if (count < 1 || count > CW_F5_TOGETHER)
        return cw_fail(err, CW_BAD_INPUT, "f5: expected 1 to %d sequences, found %d", CW_F5_TOGETHER, count);
    r->in = in;
    r->count = count;
    r->halves = in->guidance < 1e-5 ? 1 : 2;
    for (int i = 0; i < count; i++) {
        if (check_input(m, &in[i], err) != 0)
            return -1;
        if (in[i].steps != in->steps || in[i].guidance != in->guidance || in[i].sway != in->sway)
            return cw_fail(err, CW_BAD_INPUT,
                           "f5: sequence %d: expected %d steps, guidance %g and sway %g as in the first, found %d, %g, %g", i + 1,
                           in->steps, in->guidance, in->sway, in[i].steps, in[i].guidance, in[i].sway);
        if (in[i].frames > CW_F5_FRAMES_MAX - r->T)
            return cw_fail(err, CW_BAD_INPUT, "f5: expected at most %d frames in all sequences together, found %d in the first %d",
                           CW_F5_FRAMES_MAX, r->T + in[i].frames, i + 1);
        r->first[i] = r->T;
        r->T += in[i].frames;
    }
    r->first[count] = r->T;
    return 0;
}

/* turn: of frames 0, 1, 2 … of a sequence */
static void fill_turn(struct cw_mat turn) {
    for (int t = 0; t < turn.rows; t++)
        for (int c = 0; c < turn.cols; c += 2) {
            const float angle = (float)t * (float)(1 / pow(10000, (double)c / turn.cols));
            float *to = turn.data + (ptrdiff_t)t * turn.stride + c;
            to[0] = cosf(angle);
            to[1] = sinf(angle);
        }
}

/* Everything that is the same in all steps. */
static int prepare(struct cw_f5_session *s, struct run *r, struct cw_error *err) {
    const struct cw_f5 *m = s->model;
    const int B = r->halves, T = r->T;
    const struct cw_epilogue plain = {0};
    struct cw_mat text;
    const struct {
        struct cw_mat *to;
        int rows, cols;
    } room[] = {{&r->constant, B * T, m->dim}, {&r->h, B * T, m->dim},      {&r->norm, B * T, m->dim},   {&r->qkv, B * T, 3 * m->dim},
                {&r->wide, B * T, m->wide},    {&r->flow, B * T, m->bands}, {&text, B * T, m->text_dim}, {&r->turn, T, m->dim / m->heads}};
    for (size_t i = 0; i < sizeof room / sizeof *room; i++)
        if (cw_arena_mat(s->arena, room[i].rows, room[i].cols, room[i].to, err) != 0)
            return -1;
    for (int i = 0; i < r->count; i++)
        fill_turn(sequence_of(r->turn, r, i));
    for (int i = 0; i < B * r->count; i++)
        if (embed_text(s, &r->in[i % r->count], i < r->count, sequence_of(text, r, i), err) != 0)
            return -1;
    show(s, "text", text);
    if (cw_linear(m->device, text, m->from_text, plain, r->constant, err) != 0)
        return -1;
    for (int i = 0; i < r->count; i++) { /* beyond the reference, and without it, its part is nothing */
        const struct cw_f5_input *in = &r->in[i];
        const struct cw_mat reference = {(float *)(uintptr_t)in->reference, in->reference_frames, m->bands, m->bands},
                            first = cw_mat_rows(sequence_of(r->constant, r, i), 0, in->reference_frames);
        if (cw_linear(m->device, reference, m->from_reference, (struct cw_epilogue){.add = first}, first, err) != 0)
            return -1;
    }
    return 0;
}

int cw_f5_run(struct cw_f5_session *s, const struct cw_f5_input *in, int count, const float **mel, struct cw_error *err) {
    const struct cw_f5 *m = s->model;
    const size_t bands = (size_t)m->bands;
    float times[CW_F5_STEPS_MAX + 1];
    struct run r = {0};
    struct cw_mat x;
    if (check_inputs(m, in, count, &r, err) != 0)
        return -1;
    schedule(in, times);
    if (modulate(s, in, times, err) != 0 /* takes the mels of the run before back */ ||
        cw_arena_mat(s->arena, 1, r.T * m->bands, &x, err) != 0)
        return -1;
    r.x = (struct cw_mat){x.data, r.T, m->bands, m->bands};
    for (int i = 0; i < count; i++) {
        const size_t n = (size_t)in[i].frames * bands;
        float *to = x.data + (size_t)r.first[i] * bands;
        if (in[i].noise)
            memcpy(to, in[i].noise, sizeof *to * n);
        else
            cw_gauss(in[i].seed, 0, 0, n, to);
    }
    if (prepare(s, &r, err) != 0)
        return -1;
    for (int i = 0; i < in->steps; i++) {
        if (run_step(s, &r, i, err) != 0 || advance(m->device, &r, times[i + 1] - times[i], (float)in->guidance, err) != 0)
            return -1;
    }
    for (int i = 0; i < count; i++) {
        float *made = x.data + (size_t)r.first[i] * bands;
        memcpy(made, in[i].reference, sizeof *made * (size_t)in[i].reference_frames * bands);
        for (size_t k = 0; k < (size_t)in[i].frames * bands; k++)
            if (!isfinite(made[k]))
                return cw_fail(err, CW_FAILED, "f5: frame %zu is not made of finite numbers", k / bands);
        mel[i] = made;
    }
    return 0;
}

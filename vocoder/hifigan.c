/* HiFi-GAN's generator (Kong, Kim, Bae, "HiFi-GAN", 2020), V1 to V3 by the file's metadata:
 *
 *     mel [T, bands] -> conv_pre -> leaky -> up x r0 -> mean of the residual blocks -> leaky -> up x r1 -> ... -> conv_post -> tanh
 *
 * A residual block is a few times x = x + conv(leaky(conv(leaky(x)))), or x = x + conv(leaky(x)) of V3's kind. The first leaky of each
 * is applied as the convolution reads (a norm that leaves the numbers as they are), the second as the one before it stores.
 *
 * Time is cut into chunks. A chunk is computed with the rows around it that its samples depend on, so that it comes out as from the
 * whole, and memory does not grow with the mel but by the samples. The context shrinks from stage to stage: most of it belongs to
 * the first, whose rows are few. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vocoder/engine.h"

enum {
    STAGES_MAX = 6,
    KERNELS_MAX = 4,
    STEPS_MAX = 4,
    TAPS_MAX = 31,
    RATE_MAX = 16,
    DILATION_MAX = 64,
    CHANNELS_MAX = 1024,
    BANDS_MAX = 256,
    PRE_TAPS = 7,
    CHUNK = 96,           /* frames */
    FRAMES_MAX = 1 << 16, /* twelve minutes */
};
#define SLOPE 0.1f
#define POST_SLOPE 0.01f

struct block {
    struct cw_weight *conv[STEPS_MAX][2]; /* the second: NULL in V3's kind */
};

struct hifigan {
    struct cw_device *device;
    int rate, hop, bands, channels, stages, kernels, steps;
    int two; /* convolutions of a step */
    int up_rate[STAGES_MAX], up_taps[STAGES_MAX], taps[KERNELS_MAX], dilation[KERNELS_MAX][STEPS_MAX];
    int reach; /* rows either side that a row of a stage depends on */
    struct cw_weight *pre, *up[STAGES_MAX], *post;
    struct block blocks[STAGES_MAX][KERNELS_MAX];
    float gain[CHANNELS_MAX], shift[CHANNELS_MAX], moments[3 * CHANNELS_MAX]; /* of the norm that does nothing */
};

struct hifigan_session {
    const struct hifigan *model;
    struct cw_arena *arena;
};

/* ---- loading --------------------------------------------------------------------------------------------------------- */

struct loader {
    const struct cw_gguf *g;
    struct cw_device *device;
    const char *path;
    struct cw_error *err;
};

/* values [most]; *count gets how many there are, which must be `want` unless that is 0. */
static int load_ints(const struct loader *l, const char *key, int hi, int most, int want, int32_t *values, int *count) {
    if (cw_gguf_ints(l->g, key, values, most, count, l->err))
        return -1;
    if (*count < 1 || *count > most || (want && *count != want))
        return cw_fail(l->err, CW_BAD_INPUT, "%s: key \"%s\": expected %d to %d numbers, found %d", l->path, key, want ? want : 1,
                       want ? want : most, *count);
    for (int i = 0; i < *count; i++) {
        if (values[i] < 1 || values[i] > hi)
            return cw_fail(l->err, CW_BAD_INPUT, "%s: key \"%s\"[%d]: expected 1 to %d, found %d", l->path, key, i, hi, values[i]);
    }
    return 0;
}

static int load_shape(const struct loader *l, struct hifigan *m) {
    int32_t flat[KERNELS_MAX * STEPS_MAX];
    int count, hop = 1;

    if (cw_gguf_int_in(l->g, "hifigan.sample_rate", 8000, 96000, &m->rate, l->err) ||
        cw_gguf_int_in(l->g, "hifigan.hop", 1, 4096, &m->hop, l->err) ||
        cw_gguf_int_in(l->g, "hifigan.bands", 1, BANDS_MAX, &m->bands, l->err) ||
        cw_gguf_int_in(l->g, "hifigan.channels", 2, CHANNELS_MAX, &m->channels, l->err) ||
        cw_gguf_int_in(l->g, "hifigan.resblock", 1, 2, &m->two, l->err) ||
        load_ints(l, "hifigan.upsample_rates", RATE_MAX, STAGES_MAX, 0, m->up_rate, &m->stages) ||
        load_ints(l, "hifigan.upsample_kernels", 4 * RATE_MAX, STAGES_MAX, m->stages, m->up_taps, &count) ||
        load_ints(l, "hifigan.resblock_kernels", TAPS_MAX, KERNELS_MAX, 0, m->taps, &m->kernels) ||
        load_ints(l, "hifigan.resblock_dilations", DILATION_MAX, KERNELS_MAX * STEPS_MAX, 0, flat, &count))
        return -1;
    m->two = m->two == 1 ? 2 : 1;
    m->steps = count / m->kernels;
    if (m->steps * m->kernels != count || m->steps > STEPS_MAX)
        return cw_fail(l->err, CW_BAD_INPUT,
                       "%s: key \"hifigan.resblock_dilations\": expected 1 to %d numbers for each of %d kernels, found %d", l->path,
                       STEPS_MAX, m->kernels, count);
    for (int i = 0; i < m->stages; i++) {
        hop *= m->up_rate[i];
        if (m->up_taps[i] < m->up_rate[i] || (m->up_taps[i] - m->up_rate[i]) % 2)
            return cw_fail(l->err, CW_BAD_INPUT, "%s: key \"hifigan.upsample_kernels\"[%d]: expected %d or an even number more, found %d",
                           l->path, i, m->up_rate[i], m->up_taps[i]);
        if (m->channels % (2 << i))
            return cw_fail(l->err, CW_BAD_INPUT, "%s: key \"hifigan.channels\": expected a multiple of %d, found %d", l->path, 2 << i,
                           m->channels);
    }
    if (hop != m->hop)
        return cw_fail(l->err, CW_BAD_INPUT, "%s: key \"hifigan.hop\": expected the product of the upsample rates, %d, found %d", l->path,
                       hop, m->hop);
    for (int k = 0; k < m->kernels; k++) {
        int reach = 0;
        if (m->taps[k] % 2 == 0)
            return cw_fail(l->err, CW_BAD_INPUT, "%s: key \"hifigan.resblock_kernels\"[%d]: expected an odd number, found %d", l->path, k,
                           m->taps[k]);
        for (int j = 0; j < m->steps; j++) {
            m->dilation[k][j] = flat[k * m->steps + j];
            reach += m->taps[k] / 2 * (m->dilation[k][j] + m->two - 1);
        }
        m->reach = reach > m->reach ? reach : m->reach;
    }
    return 0;
}

/* rate: 0, or that of a transposed convolution. sixteen: 16-bit products will do. */
static int load_conv(const struct loader *l, const char *name, int out, int in, int taps, int rate, bool sixteen, struct cw_weight **w) {
    const float *weight, *bias;
    const int shape[3] = {rate ? in : out, rate ? out : in, taps};

    if (cw_gguf_layer(l->g, name, shape, 3, out, &weight, &bias, l->err))
        return -1;
    if (rate)
        return (sixteen ? cw_weight_open_transposed_16 : cw_weight_open_transposed)(w, l->device, weight, in, out, taps, rate, bias,
                                                                                    l->err);
    return (sixteen ? cw_weight_open_16 : cw_weight_open)(w, l->device, weight, out, in, taps, bias, l->err);
}

static void hifigan_close(void *model) {
    struct hifigan *m = model;
    if (!m)
        return;
    cw_weight_close(m->pre);
    cw_weight_close(m->post);
    for (int i = 0; i < STAGES_MAX; i++) {
        cw_weight_close(m->up[i]);
        for (int k = 0; k < KERNELS_MAX; k++)
            for (int j = 0; j < STEPS_MAX; j++)
                for (int h = 0; h < 2; h++)
                    cw_weight_close(m->blocks[i][k].conv[j][h]);
    }
    free(m);
}

static int load_stage(const struct loader *l, struct hifigan *m, int i) {
    char name[64];
    const int in = m->channels >> i, out = in / 2;

    snprintf(name, sizeof name, "ups.%d", i);
    if (load_conv(l, name, out, in, m->up_taps[i], m->up_rate[i], true, &m->up[i]))
        return -1;
    for (int k = 0; k < m->kernels; k++) {
        for (int j = 0; j < m->steps; j++) {
            for (int h = 0; h < m->two; h++) {
                snprintf(name, sizeof name, "resblocks.%d.convs%s.%d", i * m->kernels + k, m->two == 1 ? "" : h == 0 ? "1" : "2", j);
                if (load_conv(l, name, out, out, m->taps[k], 0, true, &m->blocks[i][k].conv[j][h]))
                    return -1;
            }
        }
    }
    return 0;
}

static int hifigan_open(void **out, struct cw_device *d, const struct cw_gguf *g, const char *path, const struct cw_learnt *learnt,
                        struct cw_error *err) {
    const struct loader l = {g, d, path, err};
    int rc = -1;
    struct hifigan *m = calloc(1, sizeof *m);

    (void)learnt;
    *out = NULL;
    if (!m) {
        cw_fail_memory(err, path);
        goto done;
    }
    m->device = d;
    if (load_shape(&l, m) || load_conv(&l, "conv_pre", m->channels, m->bands, PRE_TAPS, 0, false, &m->pre))
        goto done;
    for (int i = 0; i < m->stages; i++) {
        if (load_stage(&l, m, i))
            goto done;
    }
    if (load_conv(&l, "conv_post", 1, m->channels >> m->stages, PRE_TAPS, 0, false, &m->post))
        goto done;
    for (int c = 0; c < CHANNELS_MAX; c++)
        m->gain[c] = m->moments[2 * CHANNELS_MAX + c] = 1;
    *out = m;
    m = NULL;
    rc = 0;
done:
    hifigan_close(m);
    return rc;
}

static void hifigan_describe(const void *model, struct cw_vocoder_info *info) {
    const struct hifigan *m = model;
    info->kind = "mel-hifigan";
    info->channels = m->bands;
    info->sample_rate = m->rate;
    info->hop = m->hop;
    info->frames_max = FRAMES_MAX;
}

/* ---- session ----------------------------------------------------------------------------------------------------------- */

static void session_close(void *session) {
    struct hifigan_session *s = session;
    if (!s)
        return;
    cw_arena_close(s->arena);
    free(s);
}

static int session_open(void **out, const void *model, struct cw_error *err) {
    const struct hifigan *m = model;
    int rc = -1;
    size_t numbers = 0, rows = CHUNK + 2 * (size_t)(m->reach + PRE_TAPS) + 16; /* more than any stage's context, in its own rows */
    struct hifigan_session *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s) {
        cw_fail_memory(err, "vocoder session");
        goto done;
    }
    s->model = m;
    numbers += rows * (size_t)(m->channels + 32);
    for (int i = 0; i < m->stages; i++) {
        rows = (rows + 2) * (size_t)m->up_rate[i] + 2 * (size_t)m->reach;
        numbers += 6 * rows * (size_t)((m->channels >> (i + 1)) + 32);
    }
    if (cw_arena_open(&s->arena, sizeof(float) * (numbers + 64 + (size_t)FRAMES_MAX * (size_t)m->hop) + (1 << 20), err))
        goto done;
    *out = s;
    s = NULL;
    rc = 0;
done:
    session_close(s);
    return rc;
}

/* ---- a chunk ----------------------------------------------------------------------------------------------------------- */

static int floor_div(int a, int b) {
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* The input rows that rows `s` of a transposed convolution take. */
static struct span before_up(struct span s, int taps, int stride, int rows) {
    const int pad = (taps - stride) / 2, lo = floor_div(s.lo + pad - taps, stride) + 1, hi = floor_div(s.hi + pad - 1, stride) + 1;

    return (struct span){lo > 0 ? lo : 0, hi < rows ? hi : rows};
}

/* y = epilogue(conv(leaky(x))); work: where leaky(x) goes if it cannot be had on the way */
static int leaky_conv(const struct hifigan *m, struct cw_mat x, struct cw_mat work, const struct cw_weight *w, int taps, int dilation,
                      struct cw_epilogue e, struct cw_mat y, struct cw_error *err) {
    const struct cw_instance_norm_params p = {.gain = m->gain,
                                              .shift = m->shift,
                                              .act = CW_NORM_LEAKY,
                                              .slope = SLOPE,
                                              .moments = {(float *)(uintptr_t)m->moments, 3, x.cols, CHANNELS_MAX}};

    return cw_conv1d_normed(m->device, x, p, work, w, taps / 2 * dilation, dilation, e, y, err);
}

/* out = leaky((block 0 + block 1 + ...)(x) / their number). u, v, work: as x. */
static int run_blocks(const struct hifigan *m, int stage, struct cw_mat x, struct cw_mat u, struct cw_mat v, struct cw_mat work,
                      struct cw_mat out, struct cw_error *err) {
    for (int k = 0; k < m->kernels; k++) {
        struct cw_mat from = x;
        for (int j = 0; j < m->steps; j++) {
            const bool last = j == m->steps - 1, all = last && k == m->kernels - 1;
            struct cw_weight *const *conv = m->blocks[stage][k].conv[j];
            /* V3's kind: the convolution may not write what it reads */
            struct cw_mat to = last ? out : m->two == 1 && j % 2 ? u : v;
            struct cw_epilogue e = {.add = from};
            if (last && k > 0)
                e.add2 = out;
            if (all) {
                e.scale = 1.0f / (float)m->kernels;
                e.last_slope = stage == m->stages - 1 ? POST_SLOPE : SLOPE;
            }
            if (m->two == 1) {
                if (leaky_conv(m, from, work, conv[0], m->taps[k], m->dilation[k][j], e, to, err))
                    return -1;
            } else {
                const struct cw_epilogue leaky = {.act = CW_ACT_LEAKY, .slope = SLOPE};
                if (leaky_conv(m, from, work, conv[0], m->taps[k], m->dilation[k][j], leaky, u, err) ||
                    cw_conv1d(m->device, u, conv[1], 1, m->taps[k] / 2, 1, e, to, err))
                    return -1;
            }
            from = to;
        }
    }
    return 0;
}

/* Samples [samples.lo, samples.hi) of mel's [T] into wave, which starts at the first sample. */
static int run_chunk(struct hifigan_session *s, struct cw_mat mel, struct span samples, float *wave, struct cw_error *err) {
    const struct hifigan *m = s->model;
    const size_t mark = cw_arena_mark(s->arena);
    struct span out[STAGES_MAX], block[STAGES_MAX], in; /* what a stage gives; what it computes; what the first one takes */
    struct cw_mat x, y;
    int rows = mel.rows * m->hop, rc = -1;

    in = widen(samples, PRE_TAPS / 2, rows);
    for (int i = m->stages - 1; i >= 0; i--) {
        out[i] = in;
        block[i] = widen(in, m->reach, rows);
        rows /= m->up_rate[i];
        in = before_up(block[i], m->up_taps[i], m->up_rate[i], rows);
    }

    const struct span frames = widen(in, PRE_TAPS / 2, mel.rows);
    if (cw_arena_mat(s->arena, frames.hi - frames.lo, m->channels, &x, err) ||
        cw_conv1d(m->device, cw_mat_rows(mel, frames.lo, frames.hi - frames.lo), m->pre, 1, PRE_TAPS / 2, 1,
                  (struct cw_epilogue){.act = CW_ACT_LEAKY, .slope = SLOPE}, x, err))
        goto done;
    x = cw_mat_rows(x, in.lo - frames.lo, in.hi - in.lo);

    for (int i = 0; i < m->stages; i++) {
        struct cw_mat up, u, v, work;
        const int wide = block[i].hi - block[i].lo, channels = m->channels >> (i + 1);
        if (cw_arena_mat(s->arena, wide, channels, &y, err))
            goto done;
        const size_t inside = cw_arena_mark(s->arena);
        if (cw_arena_mat(s->arena, x.rows * m->up_rate[i], channels, &up, err) || cw_arena_mat(s->arena, wide, channels, &u, err) ||
            cw_arena_mat(s->arena, wide, channels, &v, err) || cw_arena_mat(s->arena, wide, channels, &work, err) ||
            cw_conv_transpose1d(m->device, x, m->up[i], (m->up_taps[i] - m->up_rate[i]) / 2, 0, (struct cw_epilogue){0}, up, err))
            goto done;
        up = cw_mat_rows(up, block[i].lo - in.lo * m->up_rate[i], wide);
        if (run_blocks(m, i, up, u, v, work, y, err))
            goto done;
        cw_arena_release(s->arena, inside);
        in = out[i];
        x = cw_mat_rows(y, in.lo - block[i].lo, in.hi - in.lo);
    }

    if (cw_arena_mat(s->arena, x.rows, 1, &y, err) || cw_conv1d(m->device, x, m->post, 1, PRE_TAPS / 2, 1, (struct cw_epilogue){0}, y, err))
        goto done;
    for (int i = samples.lo; i < samples.hi; i++)
        wave[i] = tanhf(y.data[(ptrdiff_t)(i - in.lo) * y.stride]);
    rc = 0;
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

static int run(void *session, const struct cw_frames *f, uint64_t seed, const float **samples, size_t *count, struct cw_error *err) {
    struct hifigan_session *s = session;
    const struct hifigan *m = s->model;
    struct cw_mat wave;
    (void)seed; /* no noise here */

    cw_arena_release(s->arena, 0); /* takes the samples of the run before back */
    const struct cw_mat mel = {(float *)(uintptr_t)f->data, f->count, f->channels, f->channels};
    if (cw_arena_mat(s->arena, 1, f->count * m->hop, &wave, err))
        return -1;
    for (int t = 0; t < f->count; t += CHUNK) {
        const int end = f->count - t < CHUNK ? f->count : t + CHUNK;
        if (run_chunk(s, mel, (struct span){t * m->hop, end * m->hop}, wave.data, err))
            return -1;
    }
    *samples = wave.data;
    *count = (size_t)f->count * (size_t)m->hop;
    return 0;
}

const struct cw_vocoder_engine cw_vocoder_hifigan = {
    .architecture = "hifigan",
    .open = hifigan_open,
    .close = hifigan_close,
    .describe = hifigan_describe,
    .session_open = session_open,
    .session_close = session_close,
    .run = run,
};

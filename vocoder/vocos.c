/* Vocos (Siuzdak, "Vocos: closing the gap between time-domain and Fourier-based neural vocoders", 2023):
 *
 *     mel [T, bands] -> embed -> norm -> ConvNeXt blocks -> norm -> out -> e^magnitude | phase -> inverse STFT -> samples [hop (T - 1)]
 *
 * A block is x + gamma * (linear(gelu(linear(norm(one filter per channel(x)))))); gamma is folded into the last weight. Products are in
 * float32: there are few, and the last of them are phases.
 *
 * Time is cut into chunks, each computed with the frames around it that it depends on, three fewer after every block. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vocoder/engine.h"
#include "vocoder/stft.h"

enum {
    LAYERS_MAX = 32,
    WIDTH_MAX = 4096,
    BANDS_MAX = 256,
    TAPS = 7,
    PAD = TAPS / 2,
    CHUNK = 512,          /* frames */
    FRAMES_MAX = 1 << 16, /* eleven minutes */
    PIECE = 16,           /* hops of a task of the inverse STFT */
};
#define EPS 1e-6f
#define MAGNITUDE_MAX 100 /* the published code's safeguard */

struct norm {
    float *gain, *shift; /* [D] */
};

struct block {
    float *filters, *bias; /* [D, 7] back to front, as a transposed convolution has them; [D] */
    struct norm norm;
    struct cw_weight *wide, *narrow;
};

struct vocos {
    struct cw_device *device;
    struct cw_stft *stft;
    int rate, fft, hop, bands, width, hidden, layers;
    struct cw_weight *embed, *out;
    struct norm first, last;
    struct block block[LAYERS_MAX];
};

struct vocos_session {
    const struct vocos *model;
    struct cw_arena *arena;
    /* of the inverse STFT that runs */
    struct cw_mat spectrum; /* [frames of the chunk, fft + 2] */
    int first_frame, frames;
    size_t first, count; /* samples */
    float *wave;         /* from sample `first` on */
};

/* ---- loading --------------------------------------------------------------------------------------------------------- */

struct loader {
    const struct cw_gguf *g;
    struct cw_device *device;
    const char *path;
    struct cw_error *err;
};

static int load(const struct loader *l, const char *name, const int *dims, int n, const float **weight, const float **bias) {
    return cw_gguf_layer(l->g, name, dims, n, dims[0], weight, bias, l->err);
}

static int copy(const float *from, size_t n, float **to, struct cw_error *err) {
    *to = malloc(sizeof **to * n);
    if (!*to)
        return cw_fail_memory(err, "vocos");
    memcpy(*to, from, sizeof **to * n);
    return 0;
}

static int load_norm(const struct loader *l, const char *name, int width, struct norm *n) {
    const float *gain, *shift;
    if (load(l, name, &width, 1, &gain, &shift))
        return -1;
    return copy(gain, (size_t)width, &n->gain, l->err) || copy(shift, (size_t)width, &n->shift, l->err) ? -1 : 0;
}

static int load_linear(const struct loader *l, const char *name, int out, int in, struct cw_weight **w) {
    const float *weight, *bias;
    if (load(l, name, (const int[]){out, in}, 2, &weight, &bias))
        return -1;
    return cw_weight_open(w, l->device, weight, out, in, 1, bias, l->err);
}

/* The second linear layer times gamma. */
static int load_narrow(const struct loader *l, const char *block, const char *name, int out, int in, struct cw_weight **w) {
    char factor[64];
    const float *weight, *bias, *gamma;
    float *room = NULL;
    int rc = -1;

    snprintf(factor, sizeof factor, "%s.gamma", block);
    if (load(l, name, (const int[]){out, in}, 2, &weight, &bias) || cw_gguf_f32_finite(l->g, factor, &out, 1, &gamma, l->err))
        goto done;
    room = malloc(sizeof *room * (size_t)out * (size_t)(in + 1));
    if (!room) {
        cw_fail_memory(l->err, "vocos");
        goto done;
    }
    for (int n = 0; n < out; n++) {
        for (int c = 0; c < in; c++)
            room[(size_t)n * (size_t)in + (size_t)c] = gamma[n] * weight[(size_t)n * (size_t)in + (size_t)c];
        room[(size_t)out * (size_t)in + (size_t)n] = gamma[n] * bias[n];
    }
    rc = cw_weight_open(w, l->device, room, out, in, 1, room + (size_t)out * (size_t)in, l->err);
done:
    free(room);
    return rc;
}

static int load_block(const struct loader *l, const struct vocos *m, int i, struct block *b) {
    char block[48], name[64];
    const float *filters, *bias;

    snprintf(block, sizeof block, "backbone.convnext.%d", i);
    snprintf(name, sizeof name, "%s.dwconv", block);
    if (load(l, name, (const int[]){m->width, 1, TAPS}, 3, &filters, &bias) ||
        copy(filters, (size_t)m->width * TAPS, &b->filters, l->err) || copy(bias, (size_t)m->width, &b->bias, l->err))
        return -1;
    for (int c = 0; c < m->width; c++)
        for (int k = 0; k < TAPS; k++)
            b->filters[c * TAPS + k] = filters[c * TAPS + TAPS - 1 - k];
    snprintf(name, sizeof name, "%s.norm", block);
    if (load_norm(l, name, m->width, &b->norm))
        return -1;
    snprintf(name, sizeof name, "%s.pwconv1", block);
    if (load_linear(l, name, m->hidden, m->width, &b->wide))
        return -1;
    snprintf(name, sizeof name, "%s.pwconv2", block);
    return load_narrow(l, block, name, m->width, m->hidden, &b->narrow);
}

static void free_norm(struct norm *n) {
    free(n->gain);
    free(n->shift);
}

static void vocos_close(void *model) {
    struct vocos *m = model;
    if (!m)
        return;
    cw_stft_close(m->stft);
    cw_weight_close(m->embed);
    cw_weight_close(m->out);
    free_norm(&m->first);
    free_norm(&m->last);
    for (int i = 0; i < LAYERS_MAX; i++) {
        struct block *b = &m->block[i];
        free(b->filters);
        free(b->bias);
        free_norm(&b->norm);
        cw_weight_close(b->wide);
        cw_weight_close(b->narrow);
    }
    free(m);
}

static int vocos_open(void **out, struct cw_device *d, const struct cw_gguf *g, const char *path, const struct cw_learnt *learnt,
                      struct cw_error *err) {
    const struct loader l = {g, d, path, err};
    const float *weight, *bias;
    int rc = -1;
    struct vocos *m = calloc(1, sizeof *m);

    (void)learnt;
    *out = NULL;
    if (!m) {
        cw_fail_memory(err, path);
        goto done;
    }
    m->device = d;
    if (cw_gguf_int_in(g, "vocos.sample_rate", 8000, 96000, &m->rate, err) ||
        cw_gguf_int_in(g, "vocos.fft", 2, CW_STFT_MAX, &m->fft, err) || cw_gguf_int_in(g, "vocos.hop", 1, CW_STFT_MAX / 2, &m->hop, err) ||
        cw_gguf_int_in(g, "vocos.bands", 1, BANDS_MAX, &m->bands, err) || cw_gguf_int_in(g, "vocos.width", 1, WIDTH_MAX, &m->width, err) ||
        cw_gguf_int_in(g, "vocos.hidden", 1, WIDTH_MAX, &m->hidden, err) ||
        cw_gguf_int_in(g, "vocos.layers", 1, LAYERS_MAX, &m->layers, err))
        goto done;
    if (cw_stft_open(&m->stft, m->fft, m->hop, err)) {
        cw_fail_in(err, "%s", path);
        goto done;
    }
    if (load(&l, "backbone.embed", (const int[]){m->width, m->bands, TAPS}, 3, &weight, &bias) ||
        cw_weight_open(&m->embed, d, weight, m->width, m->bands, TAPS, bias, err) || load_norm(&l, "backbone.norm", m->width, &m->first))
        goto done;
    for (int i = 0; i < m->layers; i++) {
        if (load_block(&l, m, i, &m->block[i]))
            goto done;
    }
    if (load_norm(&l, "backbone.final_layer_norm", m->width, &m->last) || load_linear(&l, "head.out", m->fft + 2, m->width, &m->out))
        goto done;
    *out = m;
    m = NULL;
    rc = 0;
done:
    vocos_close(m);
    return rc;
}

static void vocos_describe(const void *model, struct cw_vocoder_info *info) {
    const struct vocos *m = model;
    info->kind = "mel-vocos";
    info->channels = m->bands;
    info->sample_rate = m->rate;
    info->hop = m->hop;
    info->frames_max = FRAMES_MAX;
}

/* ---- session ----------------------------------------------------------------------------------------------------------- */

static void session_close(void *session) {
    struct vocos_session *s = session;
    if (!s)
        return;
    cw_arena_close(s->arena);
    free(s);
}

static int session_open(void **out, const void *model, struct cw_error *err) {
    const struct vocos *m = model;
    const size_t rows = CHUNK + 2 * (size_t)(PAD * (m->layers + 1) + m->fft / m->hop + 2),
                 row = 3 * (size_t)m->width + (size_t)m->hidden + (size_t)m->fft + 6 * 32;
    int rc = -1;
    struct vocos_session *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s) {
        cw_fail_memory(err, "vocoder session");
        goto done;
    }
    s->model = m;
    if (cw_arena_open(&s->arena, sizeof(float) * (rows * row + 64 + (size_t)FRAMES_MAX * (size_t)m->hop) + (1 << 20), err))
        goto done;
    *out = s;
    s = NULL;
    rc = 0;
done:
    session_close(s);
    return rc;
}

/* ---- a chunk ----------------------------------------------------------------------------------------------------------- */

/* One frame as real and imaginary parts, for cw_stft_synthesise. */
static void frame_bins(void *arg, size_t frame, double *re, double *im) {
    const struct vocos_session *s = arg;
    const int bins = s->model->fft / 2 + 1;
    const float *row = s->spectrum.data + (ptrdiff_t)((int)frame - s->first_frame) * s->spectrum.stride;

    for (int k = 0; k < bins; k++) {
        const double magnitude = fmin(exp((double)row[k]), MAGNITUDE_MAX), phase = (double)row[bins + k];
        re[k] = magnitude * cos(phase);
        im[k] = magnitude * sin(phase);
    }
}

static void synthesise_piece(void *arg, int i) {
    struct vocos_session *s = arg;
    double out[PIECE * CW_STFT_MAX / 2];
    const size_t piece = (size_t)PIECE * (size_t)s->model->hop, at = (size_t)i * piece, n = s->count - at < piece ? s->count - at : piece;

    cw_stft_synthesise(s->model->stft, (size_t)s->frames, frame_bins, s, s->first + at, n, out);
    for (size_t k = 0; k < n; k++)
        s->wave[at + k] = (float)out[k];
}

/* x [in.hi - in.lo, D] becomes its rows `out`, with what the block adds. */
static int run_block(struct vocos_session *s, const struct block *b, struct span in, struct span out, struct cw_mat *x,
                     struct cw_error *err) {
    const struct vocos *m = s->model;
    const size_t mark = cw_arena_mark(s->arena);
    const int rows = out.hi - out.lo;
    struct cw_mat y, hidden;
    int rc = -1;

    if (cw_arena_mat(s->arena, x->rows, m->width, &y, err) || cw_arena_mat(s->arena, rows, m->hidden, &hidden, err) ||
        cw_conv_transpose1d_depthwise(m->device, *x, b->filters, b->bias, TAPS, 1, PAD, 0, y, err))
        goto done;
    *x = cw_mat_rows(*x, out.lo - in.lo, rows);
    y = cw_mat_rows(y, out.lo - in.lo, rows);
    if (cw_layer_norm(m->device, y, b->norm.gain, b->norm.shift, false, EPS, y, err) ||
        cw_linear(m->device, y, b->wide, (struct cw_epilogue){.act = CW_ACT_GELU}, hidden, err) ||
        cw_linear(m->device, hidden, b->narrow, (struct cw_epilogue){.add = *x}, *x, err))
        goto done;
    rc = 0;
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* Samples [first, first + count) of mel's into s->wave. */
static int run_chunk(struct vocos_session *s, struct cw_mat mel, struct cw_error *err) {
    const struct vocos *m = s->model;
    const size_t mark = cw_arena_mark(s->arena);
    const int around = m->fft / m->hop / 2 + 1; /* frames either side that reach into a sample's hop */
    const struct span out =
        widen((struct span){(int)(s->first / (size_t)m->hop), (int)((s->first + s->count - 1) / (size_t)m->hop) + 1}, around, mel.rows);
    struct span in = widen(out, PAD * m->layers, mel.rows), from = widen(in, PAD, mel.rows);
    struct cw_mat x;
    int rc = -1;

    s->first_frame = out.lo;
    s->frames = mel.rows;
    if (cw_arena_mat(s->arena, out.hi - out.lo, m->fft + 2, &s->spectrum, err) ||
        cw_arena_mat(s->arena, from.hi - from.lo, m->width, &x, err) ||
        cw_conv1d(m->device, cw_mat_rows(mel, from.lo, from.hi - from.lo), m->embed, 1, PAD, 1, (struct cw_epilogue){0}, x, err))
        goto done;
    x = cw_mat_rows(x, in.lo - from.lo, in.hi - in.lo);
    if (cw_layer_norm(m->device, x, m->first.gain, m->first.shift, false, EPS, x, err))
        goto done;
    for (int i = 0; i < m->layers; i++) {
        const struct span next = widen(out, PAD * (m->layers - 1 - i), mel.rows);
        if (run_block(s, &m->block[i], in, next, &x, err))
            goto done;
        in = next;
    }
    if (cw_layer_norm(m->device, x, m->last.gain, m->last.shift, false, EPS, x, err) ||
        cw_linear(m->device, x, m->out, (struct cw_epilogue){0}, s->spectrum, err))
        goto done;
    cw_parallel(m->device, (int)((s->count + (size_t)(PIECE * m->hop) - 1) / (size_t)(PIECE * m->hop)), synthesise_piece, s);
    rc = 0;
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

static int run(void *session, const struct cw_frames *f, uint64_t seed, const float **samples, size_t *count, struct cw_error *err) {
    struct vocos_session *s = session;
    const struct vocos *m = s->model;
    const size_t all = (size_t)(f->count - 1) * (size_t)m->hop, chunk = (size_t)CHUNK * (size_t)m->hop;
    const struct cw_mat mel = {(float *)(uintptr_t)f->data, f->count, f->channels, f->channels};
    struct cw_mat wave;
    (void)seed; /* no noise here */

    cw_arena_release(s->arena, 0); /* takes the samples of the run before back */
    if (f->count < 2)
        return cw_fail(err, CW_BAD_INPUT, "acoustic frames: expected 2 or more of centred frames, found %d", f->count);
    if (cw_arena_mat(s->arena, 1, (int)all, &wave, err))
        return -1;
    for (s->first = 0; s->first < all; s->first += chunk) {
        s->count = all - s->first < chunk ? all - s->first : chunk;
        s->wave = wave.data + s->first;
        if (run_chunk(s, mel, err))
            return -1;
    }
    *samples = wave.data;
    *count = all;
    return 0;
}

const struct cw_vocoder_engine cw_vocoder_vocos = {
    .architecture = "vocos",
    .open = vocos_open,
    .close = vocos_close,
    .describe = vocos_describe,
    .session_open = session_open,
    .session_close = session_close,
    .run = run,
};

/* Kokoro's generator, an iSTFTNet (Kaneko et al., "iSTFTNet: fast and lightweight mel-spectrogram vocoder", 2022) with a
 * harmonic source and style-adaptive residual blocks:
 *
 *     f0 -> source -> STFT -> har [60 T + 1, 22] = magnitude | phase
 *     frames [T, 512] -> leaky -> up x10 -> + noise_res(noise_conv(har)) -> mean of 3 residual blocks   [10 T, 256]
 *                     -> leaky -> up x6, one row reflected in front -> + ... -> mean of 3 blocks        [60 T + 1, 128]
 *                     -> leaky -> conv_post -> exp | sin -> inverse STFT -> samples [300 T]
 *
 * A residual block is three times x = x + conv(snake(adain(conv(snake(adain(x)))))). All convolutions are the kernels';
 * here is only their order. Five matrices of a stage's size are alive at once. The convolutions norm what they read, add the
 * residuals and gather the moments of what they store, so that between two of them nothing passes over memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vocoder/engine.h"
#include "vocoder/source.h"
#include "vocoder/spectrum.h"

enum {
    STAGES = 2,
    BLOCKS = 3, /* residual blocks of a stage */
    STEPS = 3,  /* steps of a block */
    CHANNELS = 512,
    STYLE = 128,
    HARMONICS = 9, /* of the source, fundamental included */
    RATE = 24000,
    FFT = CW_SPECTRUM_FFT,
    FFT_HOP = CW_SPECTRUM_HOP,
    HAR = CW_SPECTRUM,
    HOP = 300,          /* samples per frame: 10 * 6 * FFT_HOP */
    HAR_PER_FRAME = 60, /* HOP / FFT_HOP */
    FRAMES_MAX = 51200, /* 512 symbols of the longest duration (50 units of two frames), 640 s */
};

static const int up_rate[STAGES] = {10, 6}, up_taps[STAGES] = {20, 12}, stage_channels[STAGES] = {256, 128};
static const int block_taps[BLOCKS] = {3, 7, 11}, block_dilation[STEPS] = {1, 3, 5};
static const int noise_taps[STAGES] = {12, 1}, noise_stride[STAGES] = {6, 1}, noise_pad[STAGES] = {3, 0},
                 noise_block_taps[STAGES] = {7, 11};
#define LOOP_SLOPE 0.1f
#define POST_SLOPE 0.01f /* the published code takes leaky_relu's default before the last convolution */
#define NORM_EPS 1e-5f
#define KIND "kokoro-istftnet"
#define PREFIX "decoder.generator."

struct half_step {               /* conv(snake(adain(x))) */
    struct cw_weight *conv, *fc; /* fc: style -> gain - 1 | shift */
    float *alpha;                /* [C] */
    int dilation, pad;
};

struct block {
    int channels;
    struct half_step half[STEPS][2];
};

struct istftnet {
    struct cw_device *device;
    struct cw_stft *stft;
    struct cw_source source;
    struct cw_weight *ups[STAGES], *noise_conv[STAGES], *conv_post;
    struct block noise_res[STAGES], blocks[STAGES][BLOCKS];
};

struct istftnet_session {
    const struct istftnet *model;
    struct cw_arena *arena;
    void (*tap)(void *arg, const char *stage, struct cw_mat m);
    void *tap_arg;
    const float *har; /* [har_rows, HAR] in place of our source, or NULL */
    int har_rows;
};

/* ---- loading ------------------------------------------------------------------------------------------------------- */

struct loader {
    const struct cw_gguf *g;
    struct cw_device *device;
    const char *path;
    const struct cw_learnt *learnt; /* of a voice, or NULL */
    int *folded;                    /* layers that it has */
    struct cw_error *err;
};

/* The layer's weight and bias are packed as they are, or with what a voice learnt. */
enum form { FORM_32, FORM_16, FORM_TRANSPOSED };
static int pack(const struct loader *l, const char *name, const float *weight, const float *bias, int out, int in, int taps, int stride,
                enum form form, struct cw_weight **w) {
    char full[128];
    float *room = NULL;
    int rc = -1;

    snprintf(full, sizeof full, PREFIX "%s", name);
    if (cw_learnt_fold(l->learnt, full, out, in, taps, &weight, &bias, &room, l->err))
        goto done;
    *l->folded += room != NULL;
    if (form == FORM_TRANSPOSED)
        rc = cw_weight_open_transposed_16(w, l->device, weight, in, out, taps, stride, bias, l->err);
    else
        rc = (form == FORM_16 ? cw_weight_open_16 : cw_weight_open)(w, l->device, weight, out, in, taps, bias, l->err);
done:
    free(room);
    return rc;
}

static int tensor(const struct loader *l, const char *name, const char *leaf, const int *dims, int n, const float **data) {
    char full[128];
    snprintf(full, sizeof full, PREFIX "%s%s", name, leaf);
    return cw_gguf_f32(l->g, full, dims, n, data, l->err);
}

/* may16: 16-bit products will do. Not at the ends of the generator, whose numbers are phases there. */
static int load_conv(const struct loader *l, const char *name, int out, int in, int taps, bool may16, struct cw_weight **w) {
    const float *weight, *bias;
    if (tensor(l, name, ".weight", (const int[]){out, in, taps}, 3, &weight))
        return -1;
    if (tensor(l, name, ".bias", (const int[]){out}, 1, &bias))
        return -1;
    return pack(l, name, weight, bias, out, in, taps, 1, may16 ? FORM_16 : FORM_32, w);
}

static int load_up(const struct loader *l, const char *name, int in, int out, int taps, int stride, struct cw_weight **w) {
    const float *weight, *bias;
    if (tensor(l, name, ".weight", (const int[]){in, out, taps}, 3, &weight))
        return -1;
    if (tensor(l, name, ".bias", (const int[]){out}, 1, &bias))
        return -1;
    return pack(l, name, weight, bias, out, in, taps, stride, FORM_TRANSPOSED, w);
}

static int load_block(const struct loader *l, const char *name, int channels, int taps, struct block *b) {
    char leaf[96];
    const float *weight, *bias, *alpha;

    b->channels = channels;
    for (int i = 0; i < STEPS; i++) {
        for (int j = 0; j < 2; j++) {
            struct half_step *h = &b->half[i][j];
            h->dilation = j == 0 ? block_dilation[i] : 1;
            h->pad = (taps - 1) * h->dilation / 2;
            snprintf(leaf, sizeof leaf, "%s.convs%d.%d", name, j + 1, i);
            if (load_conv(l, leaf, channels, channels, taps, true, &h->conv))
                return -1;

            snprintf(leaf, sizeof leaf, "%s.adain%d.%d.fc", name, j + 1, i);
            if (tensor(l, leaf, ".weight", (const int[]){2 * channels, STYLE}, 2, &weight))
                return -1;
            if (tensor(l, leaf, ".bias", (const int[]){2 * channels}, 1, &bias))
                return -1;
            if (pack(l, leaf, weight, bias, 2 * channels, STYLE, 1, 1, FORM_32, &h->fc))
                return -1;

            snprintf(leaf, sizeof leaf, "%s.alpha%d.%d", name, j + 1, i);
            if (tensor(l, leaf, "", (const int[]){1, channels, 1}, 3, &alpha))
                return -1;
            for (int c = 0; c < channels; c++) {
                if (!isfinite(alpha[c]) || alpha[c] == 0) {
                    return cw_fail(l->err, CW_BAD_INPUT,
                                   "%s: tensor \"" PREFIX "%s\"[%d]: expected a number other than 0 (snake divides by it), found %g",
                                   l->path, leaf, c, (double)alpha[c]);
                }
            }
            h->alpha = malloc(sizeof *alpha * (size_t)channels);
            if (!h->alpha)
                return cw_fail_memory(l->err, PREFIX);
            memcpy(h->alpha, alpha, sizeof *alpha * (size_t)channels);
        }
    }
    cw_gguf_release(l->g); /* packed: the file's pages are not needed beside them */
    return 0;
}

static void free_block(struct block *b) {
    for (int i = 0; i < STEPS; i++) {
        for (int j = 0; j < 2; j++) {
            cw_weight_close(b->half[i][j].conv);
            cw_weight_close(b->half[i][j].fc);
            free(b->half[i][j].alpha);
        }
    }
}

/* What no tensor's shape tells. */
static int check_constants(const struct loader *l) {
    static const struct {
        const char *key;
        int count, want[3]; /* count 0: one integer, else a list */
    } constants[] = {
        {"kokoro.sample_rate", 0, {RATE}},        {"kokoro.unit_samples", 0, {2 * HOP}},      {"kokoro.istft.n_fft", 0, {FFT}},
        {"kokoro.istft.hop", 0, {FFT_HOP}},       {"kokoro.harmonics", 0, {HARMONICS - 1}},   {"kokoro.upsample_rates", 2, {10, 6}},
        {"kokoro.upsample_kernels", 2, {20, 12}}, {"kokoro.resblock_kernels", 3, {3, 7, 11}}, {"kokoro.resblock_dilations", 3, {1, 3, 5}},
    };
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
        const char *key = constants[i].key;
        int32_t found[3] = {0};
        int count = 0;
        if (constants[i].count == 0) {
            int64_t one = 0;
            if (cw_gguf_int(l->g, key, &one, l->err))
                return -1;
            if (one != constants[i].want[0])
                return cw_fail(l->err, CW_BAD_INPUT, "%s: key \"%s\": expected %d, found %lld", l->path, key, constants[i].want[0],
                               (long long)one);
            continue;
        }
        if (cw_gguf_ints(l->g, key, found, 3, &count, l->err))
            return -1;
        if (count != constants[i].count)
            return cw_fail(l->err, CW_BAD_INPUT, "%s: key \"%s\": expected %d numbers, found %d", l->path, key, constants[i].count, count);
        for (int k = 0; k < count; k++) {
            if (found[k] != constants[i].want[k]) {
                return cw_fail(l->err, CW_BAD_INPUT, "%s: key \"%s\"[%d]: expected %d, found %d", l->path, key, k, constants[i].want[k],
                               found[k]);
            }
        }
    }
    return 0;
}

static int load_number(const struct loader *l, const char *key, double most, double *x) {
    if (cw_gguf_double(l->g, key, x, l->err))
        return -1;
    if (!(*x >= 0 && *x <= most))
        return cw_fail(l->err, CW_BAD_INPUT, "%s: key \"%s\": expected 0 to %g, found %g", l->path, key, most, *x);
    return 0;
}

static int load_source(const struct loader *l, struct cw_source *s) {
    const float *weight, *bias;
    *s = (struct cw_source){.sample_rate = RATE, .hop = HOP, .harmonics = HARMONICS};
    if (load_number(l, "kokoro.sine_amp", 1, &s->sine_amp) || load_number(l, "kokoro.noise_std", 1, &s->voiced_std) ||
        load_number(l, "kokoro.voiced_threshold", RATE, &s->threshold)) {
        return -1;
    }
    s->unvoiced_std = s->sine_amp / 3;
    if (tensor(l, "m_source.l_linear", ".weight", (const int[]){1, HARMONICS}, 2, &weight))
        return -1;
    if (tensor(l, "m_source.l_linear", ".bias", (const int[]){1}, 1, &bias))
        return -1;
    for (int h = 0; h < HARMONICS; h++)
        s->weight[h] = (double)weight[h];
    s->bias = (double)bias[0];
    return 0;
}

static void istftnet_close(void *model) {
    struct istftnet *m = model;
    if (!m)
        return;
    for (int i = 0; i < STAGES; i++) {
        cw_weight_close(m->ups[i]);
        cw_weight_close(m->noise_conv[i]);
        free_block(&m->noise_res[i]);
        for (int j = 0; j < BLOCKS; j++)
            free_block(&m->blocks[i][j]);
    }
    cw_weight_close(m->conv_post);
    cw_stft_close(m->stft);
    free(m);
}

static int istftnet_open(void **out, struct cw_device *d, const struct cw_gguf *g, const char *path, const struct cw_learnt *learnt,
                         struct cw_error *err) {
    int folded = 0;
    const struct loader l = {g, d, path, learnt, &folded, err};
    char name[64];
    int rc = -1;
    bool was = true;
    struct istftnet *m = calloc(1, sizeof *m);

    *out = NULL;
    if (!m) {
        cw_fail_memory(err, PREFIX);
        goto done;
    }
    m->device = d;
    was = cw_packed_use(d, !learnt);
    if (cw_stft_open(&m->stft, FFT, FFT_HOP, err) || check_constants(&l) || load_source(&l, &m->source))
        goto done;
    for (int i = 0; i < STAGES; i++) {
        const int out_channels = stage_channels[i], in_channels = i == 0 ? CHANNELS : stage_channels[i - 1];
        snprintf(name, sizeof name, "ups.%d", i);
        if (load_up(&l, name, in_channels, out_channels, up_taps[i], up_rate[i], &m->ups[i]))
            goto done;
        snprintf(name, sizeof name, "noise_convs.%d", i);
        if (load_conv(&l, name, out_channels, HAR, noise_taps[i], false, &m->noise_conv[i]))
            goto done;
        snprintf(name, sizeof name, "noise_res.%d", i);
        if (load_block(&l, name, out_channels, noise_block_taps[i], &m->noise_res[i]))
            goto done;
        for (int j = 0; j < BLOCKS; j++) {
            snprintf(name, sizeof name, "resblocks.%d", i * BLOCKS + j);
            if (load_block(&l, name, out_channels, block_taps[j], &m->blocks[i][j]))
                goto done;
        }
    }
    if (load_conv(&l, "conv_post", HAR, stage_channels[STAGES - 1], 7, false, &m->conv_post))
        goto done;
    if (cw_learnt_check(learnt, PREFIX, true, folded, err))
        goto done;
    *out = m;
    m = NULL;
    rc = 0;
done:
    cw_packed_use(d, was);
    istftnet_close(m);
    return rc;
}

/* ---- session ------------------------------------------------------------------------------------------------------- */

static void session_close(void *session) {
    struct istftnet_session *s = session;
    if (!s)
        return;
    cw_arena_close(s->arena);
    free(s);
}

static int session_open(void **out, const void *model, struct cw_error *err) {
    /* floats a frame: five matrices of the last stage, the stage before, input, har, conv_post, samples, some padding */
    const size_t per_frame = 5 * 60 * 128 + 10 * 272 + 528 + 2 * 60 * HAR + HOP + 200;
    int rc = -1;
    struct istftnet_session *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s) {
        cw_fail_memory(err, "vocoder session");
        goto done;
    }
    s->model = model;
    if (cw_arena_open(&s->arena, sizeof(float) * per_frame * FRAMES_MAX + ((size_t)64 << 20), err))
        goto done;
    *out = s;
    s = NULL;
    rc = 0;
done:
    session_close(s);
    return rc;
}

static void session_use(void *session, const void *model) {
    struct istftnet_session *s = session;
    s->model = model;
}

static void session_tap(void *session, void (*tap)(void *arg, const char *stage, struct cw_mat m), void *arg) {
    struct istftnet_session *s = session;
    s->tap = tap;
    s->tap_arg = arg;
}

static void session_force_source(void *session, const float *har, int rows) {
    struct istftnet_session *s = session;
    s->har = har;
    s->har_rows = har ? rows : 0;
}

static void show(const struct istftnet_session *s, const char *stage, struct cw_mat m) {
    if (s->tap)
        s->tap(s->tap_arg, stage, m);
}

/* ---- the source ------------------------------------------------------------------------------------------------------- */

/* har [60 T + 1, 22] from f0 [T], or the forced one */
static int source_spectrum(struct istftnet_session *s, const struct cw_frames *f, uint64_t seed, struct cw_mat har, struct cw_error *err) {
    const struct istftnet *m = s->model;
    const size_t mark = cw_arena_mark(s->arena), n = (size_t)f->count * HOP;
    struct cw_mat signal, scratch;
    int rc = -1;

    if (s->har) {
        if (s->har_rows != har.rows) {
            cw_fail(err, CW_BAD_INPUT, "forced source: expected %d rows for %d frames, found %d", har.rows, f->count, s->har_rows);
            goto done;
        }
        for (int t = 0; t < har.rows; t++) {
            memcpy(har.data + (size_t)t * (size_t)har.stride, s->har + (size_t)t * HAR, sizeof(float) * HAR);
        }
        rc = 0;
        goto done;
    }
    /* arena matrices hold floats; these two are read as doubles and 64-bit integers, which their alignment allows */
    if (cw_arena_mat(s->arena, 1, (int)(n * 2), &signal, err))
        goto done;
    if (cw_arena_mat(s->arena, 1, (int)(cw_source_scratch(&m->source, f->count) / sizeof(float)), &scratch, err))
        goto done;
    cw_source_run(&m->source, m->device, f->f0, f->count, seed, scratch.data, (void *)signal.data);
    cw_spectrum_analyse(m->device, m->stft, (void *)signal.data, n, har);
    rc = 0;
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* ---- the network --------------------------------------------------------------------------------------------------- */

/* A matrix of a stage with the moments of its columns, [3, C], which AdaIN norms it by. */
struct stage_mat {
    struct cw_mat m, moments;
};

/* y = conv(snake(adain(x))), then the epilogue, which takes y's moments if the stage has room for them. work: [T, C], taken
 * where the norm cannot be done on the way. */
static int run_half(const struct istftnet_session *s, const struct half_step *h, struct cw_mat style, struct stage_mat x,
                    struct cw_mat work, struct stage_mat y, struct cw_epilogue e, struct cw_error *err) {
    struct cw_device *d = s->model->device;
    float affine[2 * 256]; /* gain - 1 | shift, [2 C] */
    const int C = x.m.cols;

    if (cw_linear(d, style, h->fc, (struct cw_epilogue){0}, (struct cw_mat){affine, 1, 2 * C, 2 * C}, err))
        return -1;
    for (int c = 0; c < C; c++)
        affine[c] += 1;
    const struct cw_instance_norm_params norm = {
        .gain = affine, .shift = affine + C, .eps = NORM_EPS, .act = CW_NORM_SNAKE, .alpha = h->alpha, .moments = x.moments};
    e.moments = y.moments;
    return cw_conv1d_normed(d, x.m, norm, work, h->conv, h->pad, h->dilation, e, y.m, err);
}

/* out = leaky(block(x) (+ sum)) * scale. sum.data may be NULL; x may be out, unless there is a sum, which may be out then. v takes
 * the running x; t, u: scratch of the same shape. The moments of x are known; out's are not taken. */
static int run_block(const struct istftnet_session *s, const struct block *b, struct cw_mat style, struct stage_mat x, struct stage_mat v,
                     struct cw_mat t, struct stage_mat u, struct cw_mat sum, float scale, float slope, struct cw_mat out,
                     struct cw_error *err) {
    for (int i = 0; i < STEPS; i++) {
        struct cw_epilogue e = {.add = x.m};
        struct stage_mat y = v;
        if (i == STEPS - 1) {
            e.add2 = sum;
            e.scale = scale;
            e.last_slope = slope;
            y = (struct stage_mat){.m = out};
        }
        if (run_half(s, &b->half[i][0], style, x, t, u, (struct cw_epilogue){0}, err))
            return -1;
        if (run_half(s, &b->half[i][1], style, u, t, y, e, err))
            return -1;
        x = v;
    }
    return 0;
}

/* One upsampling stage: in [L, C'], leaky already -> out [L', C], leaky too */
static int run_stage(struct istftnet_session *s, int stage, struct cw_mat style, struct cw_mat har, struct cw_mat in, struct cw_mat out,
                     struct cw_error *err) {
    const struct istftnet *m = s->model;
    const size_t mark = cw_arena_mark(s->arena);
    const int rows = out.rows, cols = out.cols, reflected = stage == STAGES - 1 ? 1 : 0;
    const float slope = stage == STAGES - 1 ? POST_SLOPE : LOOP_SLOPE;
    struct stage_mat x, v, u, *const each[3] = {&x, &v, &u};
    struct cw_mat t;
    int rc = -1;

    for (int i = 0; i < 3; i++) {
        if (cw_arena_mat(s->arena, rows, cols, &each[i]->m, err) || cw_arena_mat(s->arena, 3, cols, &each[i]->moments, err))
            goto done;
    }
    if (cw_arena_mat(s->arena, rows, cols, &t, err))
        goto done;
    const struct cw_epilogue measured = {.moments = v.moments};
    if (cw_conv1d(m->device, har, m->noise_conv[stage], noise_stride[stage], noise_pad[stage], 1, measured, v.m, err))
        goto done;
    if (run_block(s, &m->noise_res[stage], style, v, v, t, u, (struct cw_mat){0}, 1, 1, v.m, err))
        goto done;

    const struct cw_mat up = cw_mat_rows(x.m, reflected, rows - reflected);
    const int pad = (up_taps[stage] - up_rate[stage]) / 2;
    if (cw_conv_transpose1d(m->device, in, m->ups[stage], pad, 0, (struct cw_epilogue){0}, up, err))
        goto done;
    show(s, stage == 0 ? "ups.0" : "ups.1", up);
    /* ReflectionPad1d((1, 0)): row -1 is row 1 */
    if (reflected)
        memcpy(x.m.data, up.data + up.stride, sizeof(float) * (size_t)cols);
    if (cw_add(m->device, x.m, v.m, 1, x.m, err) || cw_column_moments(m->device, x.m, x.moments, err))
        goto done;

    for (int j = 0; j < BLOCKS; j++) {
        const bool last = j == BLOCKS - 1;
        if (run_block(s, &m->blocks[stage][j], style, x, v, t, u, j == 0 ? (struct cw_mat){0} : out, last ? 1.0f / BLOCKS : 1,
                      last ? slope : 1, out, err)) {
            goto done;
        }
    }
    rc = 0;
done:
    cw_arena_release(s->arena, mark);
    return rc;
}

/* What cw_vocoder_run has not looked at. */
static int check_frames(const struct cw_frames *f, struct cw_error *err) {
    const int style = f->style ? f->style_len : 0;

    if (style != STYLE)
        return cw_fail(err, CW_BAD_INPUT, "acoustic frames: style numbers: expected %d, found %d", STYLE, style);
    if (!f->f0)
        return cw_fail(err, CW_BAD_INPUT, "acoustic frames: expected data and F0, found no F0");
    return cw_vocoder_check_numbers("F0", f->f0, (size_t)f->count, err) || cw_vocoder_check_numbers("style", f->style, STYLE, err) ? -1 : 0;
}

static void istftnet_describe(const void *model, struct cw_vocoder_info *info) {
    (void)model;
    info->kind = KIND;
    info->channels = CHANNELS;
    info->sample_rate = RATE;
    info->hop = HOP;
    info->frames_max = FRAMES_MAX;
}

static int run(void *session, const struct cw_frames *f, uint64_t seed, const float **samples, size_t *count, struct cw_error *err) {
    struct istftnet_session *s = session;
    const struct istftnet *m = s->model;
    struct cw_mat wave, har, in, middle, last, spectrum;

    cw_arena_release(s->arena, 0); /* takes the samples of the run before back */
    if (check_frames(f, err))
        return -1;
    const int T = f->count, rows = T * HAR_PER_FRAME + 1;
    const struct cw_mat style = {(float *)(uintptr_t)f->style, 1, STYLE, STYLE},
                        frames = {(float *)(uintptr_t)f->data, T, CHANNELS, CHANNELS};

    if (cw_arena_mat(s->arena, 1, T * HOP, &wave, err))
        return -1;
    if (cw_arena_mat(s->arena, rows, HAR, &har, err))
        return -1;
    if (source_spectrum(s, f, seed, har, err))
        return -1;
    show(s, "har", har);

    if (cw_arena_mat(s->arena, rows, stage_channels[1], &last, err))
        return -1;
    if (cw_arena_mat(s->arena, T * up_rate[0], stage_channels[0], &middle, err))
        return -1;
    if (cw_arena_mat(s->arena, T, CHANNELS, &in, err))
        return -1;
    if (cw_leaky(m->device, frames, LOOP_SLOPE, in, err))
        return -1;
    if (run_stage(s, 0, style, har, in, middle, err))
        return -1;
    if (run_stage(s, 1, style, har, middle, last, err))
        return -1;

    if (cw_arena_mat(s->arena, rows, HAR, &spectrum, err))
        return -1;
    if (cw_conv1d(m->device, last, m->conv_post, 1, 3, 1, (struct cw_epilogue){0}, spectrum, err))
        return -1;
    show(s, "conv_post", spectrum);

    const size_t n = (size_t)T * HOP;
    cw_spectrum_synthesise(m->device, m->stft, spectrum, wave.data);
    *samples = wave.data;
    *count = n;
    return 0;
}

const struct cw_vocoder_engine cw_vocoder_istftnet = {
    .architecture = "kokoro",
    .open = istftnet_open,
    .close = istftnet_close,
    .describe = istftnet_describe,
    .session_open = session_open,
    .session_close = session_close,
    .session_use = session_use,
    .run = run,
    .tap = session_tap,
    .force_source = session_force_source,
};

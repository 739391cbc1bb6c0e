/* Kokoro's generator on a tape: istftnet.c's network, its layers open to learning, and the inverse STFT's way back.
 *
 *   frames ─▶ leaky ─▶ up ─▶ + noise_res(noise_conv(har)) ─▶ mean of 3 blocks ─▶ … ─▶ conv_post ─▶ exp | sin ─▶ iSTFT ─▶ wave
 *
 * The source spectrum is data: nothing learnt lies before it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/gguf.h"
#include "vocoder/source.h"
#include "vocoder/spectrum.h"
#include "vocoder/train.h"

enum {
    STAGES = 2,
    BLOCKS = 3,
    STEPS = 3,
    CHANNELS = 512,
    STYLE = 128,
    HARMONICS = 9,
    RATE = 24000,
    FFT = CW_SPECTRUM_FFT,
    FFT_HOP = CW_SPECTRUM_HOP,
    BINS = CW_SPECTRUM_BINS,
    HAR = CW_SPECTRUM,
    HOP = 300,
    HAR_PER_FRAME = HOP / FFT_HOP,
    LAYERS = 2 * STAGES + 1 + STAGES * (1 + BLOCKS) * STEPS * 4,
    ROWS_PER_TASK = 512
};
#define PREFIX "decoder.generator."

static const int up_rate[STAGES] = {10, 6}, up_taps[STAGES] = {20, 12}, stage_channels[STAGES] = {256, 128};
static const int block_taps[BLOCKS] = {3, 7, 11}, block_dilation[STEPS] = {1, 3, 5};
static const int noise_taps[STAGES] = {12, 1}, noise_stride[STAGES] = {6, 1}, noise_pad[STAGES] = {3, 0},
                 noise_block_taps[STAGES] = {7, 11};

struct half_step {
    struct cw_layer *conv, *fc;
    const float *alpha; /* [C] */
    int dilation, pad;
};

struct block {
    struct half_step half[STEPS][2];
};

struct cw_vocoder_trainer {
    struct cw_device *device;
    struct cw_gguf *file; /* what is published is borrowed from it */
    struct cw_stft *stft;
    struct cw_source source;
    struct cw_layer layers[LAYERS];
    int count;
    struct cw_layer *ups[STAGES], *noise_conv[STAGES], *conv_post;
    struct block noise_res[STAGES], blocks[STAGES][BLOCKS];
};

/* ---- loading ------------------------------------------------------------------------------------------------------- */

static int tensor(const struct cw_vocoder_trainer *v, const char *name, const char *leaf, const int *dims, int n, const float **data,
                  struct cw_error *err) {
    char full[128];
    snprintf(full, sizeof full, PREFIX "%s%s", name, leaf);
    return cw_gguf_f32(v->file, full, dims, n, data, err);
}

/* fc: a linear map of the style, whose weight has two dimensions. */
static int layer(struct cw_vocoder_trainer *v, const char *name, enum cw_layer_kind kind, bool fc, int out, int in, int taps, int stride,
                 struct cw_layer **l, struct cw_error *err) {
    const bool turned = kind == CW_LAYER_TRANSPOSED;
    const int dims[3] = {turned ? in : out, turned ? out : in, taps};
    const float *weight, *bias;
    char full[128];

    if (tensor(v, name, ".weight", dims, fc ? 2 : 3, &weight, err) != 0 || tensor(v, name, ".bias", (const int[]){out}, 1, &bias, err) != 0)
        return -1;
    snprintf(full, sizeof full, PREFIX "%s", name);
    *l = &v->layers[v->count];
    if (cw_layer_open(*l, v->device, full, kind, weight, bias, out, in, taps, stride, err) != 0)
        return -1;
    (*l)->may_rank = kind == CW_LAYER_CONV && !fc;
    v->count++;
    return 0;
}

static int load_block(struct cw_vocoder_trainer *v, const char *name, int channels, int taps, struct block *b, struct cw_error *err) {
    char leaf[96];

    for (int i = 0; i < STEPS; i++) {
        for (int j = 0; j < 2; j++) {
            struct half_step *h = &b->half[i][j];
            h->dilation = j == 0 ? block_dilation[i] : 1;
            h->pad = (taps - 1) * h->dilation / 2;
            snprintf(leaf, sizeof leaf, "%s.adain%d.%d.fc", name, j + 1, i);
            if (layer(v, leaf, CW_LAYER_CONV, true, 2 * channels, STYLE, 1, 1, &h->fc, err) != 0)
                return -1;
            snprintf(leaf, sizeof leaf, "%s.convs%d.%d", name, j + 1, i);
            if (layer(v, leaf, CW_LAYER_CONV, false, channels, channels, taps, 1, &h->conv, err) != 0)
                return -1;
            snprintf(leaf, sizeof leaf, "%s.alpha%d.%d", name, j + 1, i);
            if (tensor(v, leaf, "", (const int[]){1, channels, 1}, 3, &h->alpha, err) != 0)
                return -1;
        }
    }
    return 0;
}

static int load_source(struct cw_vocoder_trainer *v, struct cw_error *err) {
    const float *weight, *bias;

    v->source = (struct cw_source){.sample_rate = RATE, .hop = HOP, .harmonics = HARMONICS};
    if (cw_gguf_double(v->file, "kokoro.sine_amp", &v->source.sine_amp, err) != 0 ||
        cw_gguf_double(v->file, "kokoro.noise_std", &v->source.voiced_std, err) != 0 ||
        cw_gguf_double(v->file, "kokoro.voiced_threshold", &v->source.threshold, err) != 0 ||
        tensor(v, "m_source.l_linear", ".weight", (const int[]){1, HARMONICS}, 2, &weight, err) != 0 ||
        tensor(v, "m_source.l_linear", ".bias", (const int[]){1}, 1, &bias, err) != 0)
        return -1;
    v->source.unvoiced_std = v->source.sine_amp / 3; /* as istftnet.c has it */
    for (int h = 0; h < HARMONICS; h++)
        v->source.weight[h] = (double)weight[h];
    v->source.bias = (double)bias[0];
    return 0;
}

int cw_vocoder_trainer_open(struct cw_vocoder_trainer **out, struct cw_device *d, const char *path, struct cw_error *err) {
    struct cw_vocoder_trainer *v = calloc(1, sizeof *v);
    char name[64];
    int rc = -1;

    *out = NULL;
    if (!v) {
        cw_fail_memory(err, "vocoder trainer");
        goto done;
    }
    v->device = d;
    if (cw_gguf_open(&v->file, path, err) != 0 || cw_stft_open(&v->stft, FFT, FFT_HOP, err) != 0 || load_source(v, err) != 0)
        goto done;
    for (int i = 0; i < STAGES; i++) {
        const int channels = stage_channels[i], in = i == 0 ? CHANNELS : stage_channels[i - 1];
        snprintf(name, sizeof name, "ups.%d", i);
        if (layer(v, name, CW_LAYER_TRANSPOSED, false, channels, in, up_taps[i], up_rate[i], &v->ups[i], err) != 0)
            goto done;
        snprintf(name, sizeof name, "noise_convs.%d", i);
        if (layer(v, name, CW_LAYER_CONV, false, channels, HAR, noise_taps[i], noise_stride[i], &v->noise_conv[i], err) != 0)
            goto done;
        snprintf(name, sizeof name, "noise_res.%d", i);
        if (load_block(v, name, channels, noise_block_taps[i], &v->noise_res[i], err) != 0)
            goto done;
        for (int j = 0; j < BLOCKS; j++) {
            snprintf(name, sizeof name, "resblocks.%d", i * BLOCKS + j);
            if (load_block(v, name, channels, block_taps[j], &v->blocks[i][j], err) != 0)
                goto done;
        }
    }
    if (layer(v, "conv_post", CW_LAYER_CONV, false, HAR, stage_channels[STAGES - 1], 7, 1, &v->conv_post, err) != 0)
        goto done;
    *out = v;
    v = NULL;
    rc = 0;
done:
    cw_vocoder_trainer_close(v);
    return rc;
}

void cw_vocoder_trainer_close(struct cw_vocoder_trainer *v) {
    if (!v)
        return;
    for (int i = 0; i < v->count; i++)
        cw_layer_close(&v->layers[i]);
    cw_stft_close(v->stft);
    cw_gguf_close(v->file);
    free(v);
}

struct cw_layer *cw_vocoder_trainer_layers(struct cw_vocoder_trainer *v, int *count) {
    *count = v->count;
    return v->layers;
}

/* ---- the source, the end ------------------------------------------------------------------------------------------------ */

struct back_job {
    const struct cw_stft *stft;
    struct cw_mat spectrum, grad; /* [T', 22] */
    double *signal;               /* [N] */
    bool add;
};

/* re = m cos f, im = m sin f, m = e^a, f = sin p: da = re dre + im dim, dp = (re dim - im dre) cos p. */
static void back_task(void *arg, int task) {
    const struct back_job *j = arg;
    double re[BINS], im[BINS], dre[BINS], dim[BINS];

    for (int t = task * ROWS_PER_TASK; t < (task + 1) * ROWS_PER_TASK && t < j->spectrum.rows; t++) {
        const float *row = j->spectrum.data + (size_t)t * (size_t)j->spectrum.stride;
        float *grad = j->grad.data + (size_t)t * (size_t)j->grad.stride;
        cw_spectrum_bins(row, re, im);
        cw_stft_synthesise_backward(j->stft, (size_t)j->spectrum.rows, j->signal, (size_t)t, dre, dim);
        for (int k = 0; k < BINS; k++) {
            const double da = re[k] * dre[k] + im[k] * dim[k];
            const double dp = (re[k] * dim[k] - im[k] * dre[k]) * cos((double)row[BINS + k]);
            grad[k] = (float)(da + (j->add ? grad[k] : 0));
            grad[BINS + k] = (float)(dp + (j->add ? grad[BINS + k] : 0));
        }
    }
}

static int wave_back(void *arg, struct cw_tape *t, struct cw_var *x, struct cw_var *y, struct cw_error *err) {
    const struct cw_vocoder_trainer *v = arg;
    const size_t n = (size_t)y->value.cols;
    struct back_job job = {.stft = v->stft, .spectrum = x->value};
    struct cw_mat signal;
    size_t mark = 0;
    int rc = -1;

    if (cw_tape_grad(t, x, &job.add, err) != 0)
        return -1;
    mark = cw_arena_mark(cw_tape_arena(t));
    /* arena matrices hold floats; this one holds doubles, which its alignment allows */
    if (cw_arena_mat(cw_tape_arena(t), 1, (int)n * 2, &signal, err) != 0)
        goto done;
    job.signal = (void *)signal.data;
    job.grad = x->grad;
    for (size_t i = 0; i < n; i++)
        job.signal[i] = (double)y->grad.data[i];
    cw_parallel(cw_tape_device(t), (x->value.rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK, back_task, &job);
    rc = 0;
done:
    cw_arena_release(cw_tape_arena(t), mark);
    return rc;
}

/* har [60 T + 1, 22] from f0 [T]; scratch stays in the tape's arena until its next start. */
static int source_spectrum(struct cw_vocoder_trainer *v, struct cw_tape *t, const float *f0, uint64_t seed, int frames, struct cw_mat har,
                           struct cw_error *err) {
    struct cw_arena *a = cw_tape_arena(t);
    const size_t mark = cw_arena_mark(a), n = (size_t)frames * HOP;
    struct cw_mat signal, scratch;
    int rc = -1;

    if (cw_arena_mat(a, 1, (int)n * 2, &signal, err) != 0 ||
        cw_arena_mat(a, 1, (int)(cw_source_scratch(&v->source, frames) / sizeof(float)), &scratch, err) != 0)
        goto done;
    cw_source_run(&v->source, v->device, f0, frames, seed, scratch.data, (void *)signal.data);
    cw_spectrum_analyse(v->device, v->stft, (void *)signal.data, n, har);
    rc = 0;
done:
    cw_arena_release(a, mark);
    return rc;
}

/* ---- the network --------------------------------------------------------------------------------------------------------- */

static struct cw_var *run_block(struct cw_tape *t, const struct block *b, struct cw_var *style, struct cw_var *x) {
    for (int i = 0; i < STEPS; i++) {
        struct cw_var *y = x;
        for (int j = 0; j < 2; j++) {
            const struct half_step *h = &b->half[i][j];
            const struct cw_instance_norm_params p = {.eps = 1e-5F, .act = CW_NORM_SNAKE, .alpha = h->alpha};
            y = cw_tape_adain(t, y, h->fc, style, p);
            y = cw_tape_layer(t, y, h->conv, h->pad, h->dilation, 0, j == 1 ? x : NULL, 1, NULL);
        }
        x = y;
    }
    return x;
}

struct cw_var *cw_vocoder_trainer_run(struct cw_vocoder_trainer *v, struct cw_tape *t, struct cw_var *frames, struct cw_var *style,
                                      const float *f0, uint64_t seed, const float *har) {
    const int T = frames->value.rows, rows = T * HAR_PER_FRAME + 1;
    struct cw_var *source = cw_tape_room(t, rows, HAR), *x = frames;
    struct cw_error err = {0};

    source->wanted = false;
    if (cw_tape_check(t, &err) == 0) {
        if (har)
            for (int r = 0; r < rows; r++)
                memcpy(source->value.data + (size_t)r * (size_t)source->value.stride, har + (size_t)r * HAR, sizeof(float) * HAR);
        else if (source_spectrum(v, t, f0, seed, T, source->value, &err) != 0)
            cw_tape_fail(t, &err);
    }
    for (int i = 0; i < STAGES; i++) {
        struct cw_var *noise = cw_tape_layer(t, source, v->noise_conv[i], noise_pad[i], 1, 0, NULL, 1, NULL), *sum = NULL;
        noise = run_block(t, &v->noise_res[i], style, noise);
        /* the published code takes leaky_relu's default slope before the last convolution */
        x = cw_tape_layer(t, cw_tape_leaky(t, x, 0.1F), v->ups[i], (up_taps[i] - up_rate[i]) / 2, 1, 0, NULL, 1, NULL);
        if (i == STAGES - 1)
            x = cw_tape_reflect_row(t, x);
        x = cw_tape_add(t, x, noise, 1);
        for (int j = 0; j < BLOCKS; j++) {
            struct cw_var *y = run_block(t, &v->blocks[i][j], style, x);
            sum = sum ? cw_tape_add(t, sum, y, j == BLOCKS - 1 ? 1.0F / BLOCKS : 1) : y;
        }
        x = sum;
    }
    x = cw_tape_layer(t, cw_tape_leaky(t, x, 0.01F), v->conv_post, 3, 1, 0, NULL, 1, NULL);

    struct cw_var *wave = cw_tape_room(t, 1, T * HOP);
    if (cw_tape_check(t, &err) == 0)
        cw_spectrum_synthesise(v->device, v->stft, x->value, wave->value.data);
    cw_tape_note(t, x, wave, wave_back, v);
    return wave;
}

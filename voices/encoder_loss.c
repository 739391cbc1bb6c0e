/* Wave ─▶ STFT ─▶ mel power ─▶ LSTM x 3 ─▶ the last row ─▶ linear, ReLU ─▶ unit vector ─▶ 1 - cosine; and all of it backwards. */
#include "voices/encoder_loss.h"

#include "base/mel.h"
#include "models/gguf.h"
#include "vocoder/stft.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 3, HIDDEN = 256, RATE = 24000, SIZE = 600, HOP = 240, BINS = SIZE / 2 + 1, MELS = CW_ENCODER_MELS };
static const double as_at_16k = (400.0 / SIZE) * (400.0 / SIZE); /* power of a longer window -> of the encoder's own */
static const double least_rms = 0.0316227766;                    /* -30 dBFS: what is quieter is brought up to it */

struct cw_encoder_loss {
    struct cw_device *device;
    struct cw_arena *arena;
    struct cw_lstm *lstm[LAYERS];
    struct cw_lstm_backward *back[LAYERS];
    struct cw_weight *linear, *linear_back;
    struct cw_stft *stft;
    double *filters; /* [40, bins] */
    double *re, *im; /* [T, bins] */
    double *wave, *grad;
    int max_samples;
};

int cw_encoder_loss_open(struct cw_encoder_loss **out, struct cw_device *d, const char *path, int max_samples, struct cw_error *err) {
    static const char *const parts[4] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    const size_t frames = (size_t)(max_samples > 0 ? max_samples : 0) / HOP + 1;
    const float *w, *b, *data[4];
    struct cw_encoder *whole = NULL;
    struct cw_gguf *g = NULL;
    struct cw_encoder_loss *l = NULL;
    int result = -1;

    *out = NULL;
    if (max_samples < SIZE) {
        cw_fail(err, CW_BAD_INPUT, "speaker encoder: expected waves of at least %d samples, found %d", SIZE, max_samples);
        goto done;
    }
    /* opening it whole is what checks the file */
    if (cw_encoder_open(&whole, d, path, err) != 0 || cw_gguf_open(&g, path, err) != 0) {
        goto done;
    }
    l = calloc(1, sizeof *l);
    if (l == NULL) {
        cw_fail_memory(err, "speaker encoder");
        goto done;
    }
    l->device = d;
    l->max_samples = max_samples;
    for (int i = 0; i < LAYERS; i++) {
        const int in = i == 0 ? MELS : HIDDEN, cols[4] = {in, HIDDEN, 0, 0};
        for (int k = 0; k < 4; k++) {
            const int dims[2] = {4 * HIDDEN, cols[k]};
            char name[64];
            snprintf(name, sizeof name, "lstm.%s_l%d", parts[k], i);
            if (cw_gguf_f32(g, name, dims, cols[k] > 0 ? 2 : 1, &data[k], err) != 0) {
                goto done;
            }
        }
        if (cw_lstm_open(&l->lstm[i], d, data[0], data[1], data[2], data[3], in, HIDDEN, err) != 0 ||
            cw_lstm_backward_open(&l->back[i], d, data[0], data[1], in, HIDDEN, err) != 0) {
            goto done;
        }
    }
    if (cw_gguf_f32(g, "linear.weight", (const int[]){CW_EMBEDDING, HIDDEN}, 2, &w, err) != 0 ||
        cw_gguf_f32(g, "linear.bias", (const int[]){CW_EMBEDDING}, 1, &b, err) != 0 ||
        cw_weight_open(&l->linear, d, w, CW_EMBEDDING, HIDDEN, 1, b, err) != 0 ||
        cw_weight_open_backward(&l->linear_back, d, w, CW_EMBEDDING, HIDDEN, 1, 1, err) != 0 ||
        cw_stft_open(&l->stft, SIZE, HOP, err) != 0 || cw_arena_open(&l->arena, frames * 40000 + ((size_t)8 << 20), err) != 0) {
        goto done;
    }
    l->filters = calloc((size_t)MELS * BINS, sizeof *l->filters);
    l->re = malloc(frames * BINS * sizeof *l->re);
    l->im = malloc(frames * BINS * sizeof *l->im);
    l->wave = malloc((size_t)max_samples * sizeof *l->wave);
    l->grad = malloc((size_t)max_samples * sizeof *l->grad);
    if (!l->filters || !l->re || !l->im || !l->wave || !l->grad) {
        cw_fail_memory(err, "speaker encoder");
        goto done;
    }
    cw_mel_filters(l->filters, MELS, SIZE, RATE, CW_ENCODER_RATE / 2.0, true);
    *out = l;
    l = NULL;
    result = 0;
done:
    cw_encoder_loss_close(l);
    cw_encoder_close(whole);
    cw_gguf_close(g);
    return result;
}

void cw_encoder_loss_close(struct cw_encoder_loss *l) {
    if (l == NULL) {
        return;
    }
    for (int i = 0; i < LAYERS; i++) {
        cw_lstm_close(l->lstm[i]);
        cw_lstm_backward_close(l->back[i]);
    }
    cw_weight_close(l->linear);
    cw_weight_close(l->linear_back);
    cw_stft_close(l->stft);
    cw_arena_close(l->arena);
    free(l->filters);
    free(l->re);
    free(l->im);
    free(l->wave);
    free(l->grad);
    free(l);
}

/* mel [T, 40] of l->wave [n]; the spectrum stays in re, im. */
static void hear(struct cw_encoder_loss *l, int n, double scale, struct cw_mat mel) {
    for (int t = 0; t < mel.rows; t++) {
        double *re = l->re + (size_t)t * BINS, *im = l->im + (size_t)t * BINS;
        cw_stft_analyse(l->stft, l->wave, (size_t)n, (size_t)t, re, im);
        for (int m = 0; m < MELS; m++) {
            double sum = 0;
            for (int k = 0; k < BINS; k++) {
                sum += l->filters[m * BINS + k] * (re[k] * re[k] + im[k] * im[k]);
            }
            mel.data[(size_t)t * (size_t)mel.stride + (size_t)m] = (float)(scale * sum);
        }
    }
}

/* Gradient by the mels -> by the wave, in l->grad. */
static void unhear(struct cw_encoder_loss *l, int n, double scale, struct cw_mat dmel) {
    memset(l->grad, 0, (size_t)n * sizeof *l->grad);
    for (int t = 0; t < dmel.rows; t++) {
        double *re = l->re + (size_t)t * BINS, *im = l->im + (size_t)t * BINS;
        for (int k = 0; k < BINS; k++) {
            double by = 0;
            for (int m = 0; m < MELS; m++) {
                by += l->filters[m * BINS + k] * (double)dmel.data[(size_t)t * (size_t)dmel.stride + (size_t)m];
            }
            re[k] *= 2 * scale * by;
            im[k] *= 2 * scale * by;
        }
        cw_stft_analyse_backward(l->stft, re, im, (size_t)n, (size_t)t, l->grad);
    }
}

int cw_encoder_loss_run(struct cw_encoder_loss *l, const float *wave, int n, const float like[CW_EMBEDDING], double *loss, double weight,
                        float *grad, struct cw_error *err) {
    const size_t mark = cw_arena_mark(l->arena);
    const struct cw_epilogue relu = {.act = CW_ACT_LEAKY, .slope = 0};
    struct cw_mat x[LAYERS + 1], gates[LAYERS], y, dy, dx;
    double squares = 0, length = 0, cosine = 0;
    int result = -1;

    *loss = 0;
    if (n < SIZE || n > l->max_samples) {
        cw_fail(err, CW_BAD_INPUT, "speaker encoder: expected %d to %d samples, found %d", SIZE, l->max_samples, n);
        goto done;
    }
    const int frames = (int)cw_stft_frames(l->stft, (size_t)n);
    for (int i = 0; i < n; i++) {
        l->wave[i] = (double)wave[i];
        squares += l->wave[i] * l->wave[i];
    }
    /* the gain that loudness asks for counts as a constant */
    const double gain = fmax(1, least_rms / sqrt(fmax(1e-12, squares / n))), scale = as_at_16k * gain * gain;
    if (cw_arena_mat(l->arena, frames, MELS, &x[0], err) != 0 || cw_arena_mat(l->arena, 1, CW_EMBEDDING, &y, err) != 0) {
        goto done;
    }
    hear(l, n, scale, x[0]);
    for (int i = 0; i < LAYERS; i++) {
        if (cw_arena_mat(l->arena, frames, 4 * HIDDEN, &gates[i], err) != 0 ||
            cw_arena_mat(l->arena, frames, HIDDEN, &x[i + 1], err) != 0 ||
            cw_lstm_sequences(l->device, x[i], l->lstm[i], frames, gates[i], x[i + 1], err) != 0) {
            goto done;
        }
    }
    if (cw_linear(l->device, cw_mat_rows(x[LAYERS], frames - 1, 1), l->linear, relu, y, err) != 0) {
        goto done;
    }
    for (int i = 0; i < CW_EMBEDDING; i++) {
        length += (double)y.data[i] * (double)y.data[i];
        cosine += (double)y.data[i] * (double)like[i];
    }
    length = sqrt(length);
    if (!(length > 0)) {
        cw_fail(err, CW_FAILED, "speaker encoder: expected an embedding, found zeros");
        goto done;
    }
    cosine /= length;
    *loss = 1 - cosine;
    if (grad == NULL) {
        result = 0;
        goto done;
    }
    for (int i = 0; i < CW_EMBEDDING; i++) {
        y.data[i] = y.data[i] > 0 ? (float)((cosine * (double)y.data[i] / length - (double)like[i]) / length) : 0;
    }
    if (cw_arena_mat(l->arena, frames, HIDDEN, &dy, err) != 0) {
        goto done;
    }
    for (int t = 0; t < frames; t++) {
        memset(dy.data + (size_t)t * (size_t)dy.stride, 0, sizeof(float) * HIDDEN);
    }
    if (cw_conv1d_backward(l->device, y, l->linear_back, 1, 0, 1, false, cw_mat_rows(dy, frames - 1, 1), err) != 0) {
        goto done;
    }
    for (int i = LAYERS - 1; i >= 0; i--) {
        if (cw_arena_mat(l->arena, frames, i == 0 ? MELS : HIDDEN, &dx, err) != 0 ||
            cw_lstm_sequence_backward(l->device, l->arena, l->back[i], gates[i], dy, false, dx, err) != 0) {
            goto done;
        }
        dy = dx;
    }
    unhear(l, n, scale, dy);
    for (int i = 0; i < n; i++) {
        grad[i] += (float)(weight * l->grad[i]);
    }
    result = 0;
done:
    cw_arena_release(l->arena, mark);
    return result;
}

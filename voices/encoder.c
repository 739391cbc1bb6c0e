/* Sound -> mel power -> overlapping pieces -> LSTM x 3, the last frame's state -> linear, ReLU -> unit vectors -> their mean. */
#include "voices/encoder.h"

#include "base/mel.h"
#include "models/gguf.h"
#include "voices/recording.h"
#include "voices/spectrum.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 3, HIDDEN = 256, FFT = 400, BINS = FFT / 2 + 1, BATCH = 16, STEP_FRAMES = CW_ENCODER_STEP / CW_ENCODER_HOP };

struct cw_encoder {
    struct cw_device *device;
    struct cw_lstm *lstm[LAYERS];
    struct cw_weight *linear;
};

static int expect_int(const struct cw_gguf *g, const char *path, const char *key, int64_t expected, struct cw_error *err) {
    int64_t found;
    if (cw_gguf_int(g, key, &found, err) != 0) {
        return -1;
    }
    if (found != expected) {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"%s\": expected %lld, found %lld", path, key, (long long)expected, (long long)found);
    }
    return 0;
}

/* A tensor of finite numbers. */
static int tensor(const struct cw_gguf *g, const char *path, const char *name, int rows, int cols, const float **data,
                  struct cw_error *err) {
    int dims[2] = {rows, cols};
    if (cw_gguf_f32(g, name, dims, cols > 0 ? 2 : 1, data, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < (size_t)rows * (size_t)(cols > 0 ? cols : 1); i++) {
        if (!isfinite((*data)[i])) {
            return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected finite numbers, found another at %zu", path, name, i + 1);
        }
    }
    return 0;
}

int cw_encoder_open(struct cw_encoder **out, struct cw_device *d, const char *path, struct cw_error *err) {
    int result = -1;
    struct cw_gguf *g = NULL;
    struct cw_encoder *e = NULL;
    const char *s = NULL;
    size_t len = 0;
    *out = NULL;
    if (cw_gguf_open(&g, path, err) != 0 || cw_gguf_string(g, "general.architecture", &s, &len, err) != 0) {
        goto done;
    }
    if (len != 4 || memcmp(s, "ge2e", 4) != 0) {
        cw_fail(err, CW_BAD_INPUT, "%s: key \"general.architecture\": expected \"ge2e\", found \"%.*s\"", path, len < 64 ? (int)len : 64,
                s);
        goto done;
    }
    if (expect_int(g, path, "ge2e.sample_rate", CW_ENCODER_RATE, err) != 0 || expect_int(g, path, "ge2e.mels", CW_ENCODER_MELS, err) != 0 ||
        expect_int(g, path, "ge2e.hidden", HIDDEN, err) != 0 || expect_int(g, path, "ge2e.layers", LAYERS, err) != 0) {
        goto done;
    }
    e = calloc(1, sizeof *e);
    if (e == NULL) {
        cw_fail_memory(err, "speaker encoder");
        goto done;
    }
    e->device = d;
    for (int i = 0; i < LAYERS; i++) {
        static const char *const parts[4] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
        const float *data[4];
        int in = i == 0 ? CW_ENCODER_MELS : HIDDEN;
        const int cols[4] = {in, HIDDEN, 0, 0};
        for (int k = 0; k < 4; k++) {
            char name[64];
            snprintf(name, sizeof name, "lstm.%s_l%d", parts[k], i);
            if (tensor(g, path, name, 4 * HIDDEN, cols[k], &data[k], err) != 0) {
                goto done;
            }
        }
        if (cw_lstm_open(&e->lstm[i], d, data[0], data[1], data[2], data[3], in, HIDDEN, err) != 0) {
            goto done;
        }
    }
    const float *w, *b;
    if (tensor(g, path, "linear.weight", CW_EMBEDDING, HIDDEN, &w, err) != 0 ||
        tensor(g, path, "linear.bias", CW_EMBEDDING, 0, &b, err) != 0 ||
        cw_weight_open(&e->linear, d, w, CW_EMBEDDING, HIDDEN, 1, b, err) != 0) {
        goto done;
    }
    *out = e;
    e = NULL;
    result = 0;
done:
    cw_encoder_close(e);
    cw_gguf_close(g);
    return result;
}

void cw_encoder_close(struct cw_encoder *e) {
    if (e == NULL) {
        return;
    }
    for (int i = 0; i < LAYERS; i++) {
        cw_lstm_close(e->lstm[i]);
    }
    cw_weight_close(e->linear);
    free(e);
}

/* ---- mel ----------------------------------------------------------------------------------------------------------------------- */

int cw_encoder_mel(const float *x, size_t n, float **mel, int *frames, struct cw_error *err) {
    int result = -1;
    struct cw_spectrum *s = NULL;
    double *filters = NULL, power[BINS];
    *frames = (int)(1 + n / CW_ENCODER_HOP);
    *mel = calloc((size_t)*frames * CW_ENCODER_MELS, sizeof **mel);
    filters = calloc((size_t)CW_ENCODER_MELS * BINS, sizeof *filters);
    if (*mel == NULL || filters == NULL) {
        cw_fail_memory(err, "mel spectrogram");
        goto done;
    }
    if (cw_spectrum_open(&s, FFT, FFT, err) != 0) {
        goto done;
    }
    cw_mel_filters(filters, CW_ENCODER_MELS, FFT, CW_ENCODER_RATE, CW_ENCODER_RATE / 2.0, true);
    for (int f = 0; f < *frames; f++) {
        cw_spectrum_power(s, x, n, (ptrdiff_t)f * CW_ENCODER_HOP, power);
        for (int m = 0; m < CW_ENCODER_MELS; m++) {
            double sum = 0;
            for (int k = 0; k < BINS; k++) {
                sum += filters[m * BINS + k] * power[k];
            }
            (*mel)[f * CW_ENCODER_MELS + m] = (float)sum;
        }
    }
    result = 0;
done:
    cw_spectrum_close(s);
    free(filters);
    if (result != 0) {
        free(*mel);
        *mel = NULL;
    }
    return result;
}

/* ---- embedding ----------------------------------------------------------------------------------------------------------------- */

static bool unit_length(float *x) {
    double sum = 0;
    for (int i = 0; i < CW_EMBEDDING; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    for (int i = 0; i < CW_EMBEDDING && sum > 0; i++) {
        x[i] = (float)((double)x[i] / sqrt(sum));
    }
    return sum > 0;
}

/* How many pieces n samples are cut into: one at least; the last may reach a quarter beyond the end. */
static int piece_count(size_t n) {
    int frames = (int)((n + CW_ENCODER_HOP) / CW_ENCODER_HOP); /* ceil((n + 1) / hop) */
    int steps = frames - CW_ENCODER_FRAMES + STEP_FRAMES + 1;
    int count = steps > 1 ? (steps + STEP_FRAMES - 1) / STEP_FRAMES : 1;
    double left = (double)n - (double)(count - 1) * CW_ENCODER_STEP;
    return count > 1 && left < 0.75 * CW_ENCODER_FRAMES * CW_ENCODER_HOP ? count - 1 : count;
}

/* out [count, 256] of the pieces that begin at frame (first + i) * STEP_FRAMES of mel [frames, 40]. */
static int run(const struct cw_encoder *e, struct cw_arena *arena, const float *mel, int frames, int first, int count, float *out,
               struct cw_error *err) {
    struct cw_mat x, gates, last, y;
    const int rows = count * CW_ENCODER_FRAMES;
    size_t mark = cw_arena_mark(arena);
    int result = -1;
    if (cw_arena_mat(arena, rows, CW_ENCODER_MELS, &x, err) != 0 || cw_arena_mat(arena, rows, 4 * HIDDEN, &gates, err) != 0 ||
        cw_arena_mat(arena, count, HIDDEN, &last, err) != 0 || cw_arena_mat(arena, count, CW_EMBEDDING, &y, err) != 0) {
        goto done;
    }
    for (int r = 0; r < rows; r++) {
        int frame = (first + r / CW_ENCODER_FRAMES) * STEP_FRAMES + r % CW_ENCODER_FRAMES;
        for (int m = 0; m < CW_ENCODER_MELS; m++) {
            x.data[(size_t)r * (size_t)x.stride + (size_t)m] = frame < frames ? mel[(size_t)frame * CW_ENCODER_MELS + (size_t)m] : 0;
        }
    }
    for (int i = 0; i < LAYERS; i++) {
        struct cw_mat h;
        if (cw_arena_mat(arena, rows, HIDDEN, &h, err) != 0 ||
            cw_lstm_sequences(e->device, x, e->lstm[i], CW_ENCODER_FRAMES, gates, h, err) != 0) {
            goto done;
        }
        x = h;
    }
    for (int p = 0; p < count; p++) {
        struct cw_mat end = cw_mat_rows(x, (p + 1) * CW_ENCODER_FRAMES - 1, 1);
        memcpy(last.data + (size_t)p * (size_t)last.stride, end.data, sizeof(float) * HIDDEN);
    }
    struct cw_epilogue relu = {.act = CW_ACT_LEAKY, .slope = 0};
    if (cw_linear(e->device, last, e->linear, relu, y, err) != 0) {
        goto done;
    }
    for (int p = 0; p < count; p++) {
        memcpy(out + (size_t)p * CW_EMBEDDING, y.data + (size_t)p * (size_t)y.stride, sizeof(float) * CW_EMBEDDING);
        if (!unit_length(out + (size_t)p * CW_EMBEDDING)) {
            cw_fail(err, CW_FAILED, "speaker encoder: expected an embedding, found zeros");
            goto done;
        }
    }
    result = 0;
done:
    cw_arena_release(arena, mark);
    return result;
}

int cw_encoder_pieces(const struct cw_encoder *e, const float *x, size_t n, float embedding[CW_EMBEDDING], float **pieces, int *count,
                      struct cw_error *err) {
    int result = -1, frames = 0;
    float *padded = NULL, *mel = NULL;
    struct cw_arena *arena = NULL;
    *pieces = NULL;
    *count = 0;
    if (n < 1 || n > (size_t)CW_ENCODER_RATE * 2 * CW_RECORDING_SECONDS_MAX) {
        cw_fail(err, CW_BAD_INPUT, "speaker encoder: expected 1 sample to %d seconds, found %zu samples", 2 * CW_RECORDING_SECONDS_MAX, n);
        goto done;
    }
    int total = piece_count(n);
    size_t reach = (size_t)(total - 1) * CW_ENCODER_STEP + (size_t)CW_ENCODER_FRAMES * CW_ENCODER_HOP;
    padded = calloc(reach > n ? reach : n, sizeof *padded);
    *pieces = calloc((size_t)total * CW_EMBEDDING, sizeof **pieces);
    if (padded == NULL || *pieces == NULL) {
        cw_fail_memory(err, "speaker encoder");
        goto done;
    }
    memcpy(padded, x, n * sizeof *x);
    if (cw_encoder_mel(padded, reach > n ? reach : n, &mel, &frames, err) != 0 || cw_arena_open(&arena, (size_t)64 << 20, err) != 0) {
        goto done;
    }
    for (int first = 0; first < total; first += BATCH) {
        int some = total - first < BATCH ? total - first : BATCH;
        if (run(e, arena, mel, frames, first, some, *pieces + (size_t)first * CW_EMBEDDING, err) != 0) {
            goto done;
        }
    }
    for (int i = 0; i < CW_EMBEDDING; i++) {
        double sum = 0;
        for (int p = 0; p < total; p++) {
            sum += (double)(*pieces)[(size_t)p * CW_EMBEDDING + (size_t)i];
        }
        embedding[i] = (float)(sum / total);
    }
    unit_length(embedding);
    *count = total;
    result = 0;
done:
    if (result != 0) {
        free(*pieces);
        *pieces = NULL;
    }
    cw_arena_close(arena);
    free(mel);
    free(padded);
    return result;
}

int cw_encoder_embed(const struct cw_encoder *e, const float *x, size_t n, float embedding[CW_EMBEDDING], struct cw_error *err) {
    float *pieces = NULL;
    int count, result = cw_encoder_pieces(e, x, n, embedding, &pieces, &count, err);
    free(pieces);
    return result;
}

int cw_encoder_prepare(const float *x, size_t n, int rate, float **out, size_t *count, struct cw_error *err) {
    int result = -1;
    struct cw_activity a = {0};
    size_t kept = 0;
    if (cw_resample(x, n, rate, CW_ENCODER_RATE, out, count, err) != 0) {
        return -1;
    }
    double sum = 0;
    for (size_t i = 0; i < *count; i++) {
        sum += (double)(*out)[i] * (double)(*out)[i];
    }
    double rms = sqrt(sum / fmax(1, (double)*count)), target = pow(10, -30.0 / 20);
    for (size_t i = 0; rms > 0 && rms < target && i < *count; i++) {
        (*out)[i] = (float)((double)(*out)[i] * target / rms);
    }
    if (cw_activity_find(&a, *out, *count, err) != 0) {
        goto done;
    }
    for (size_t f = 0; f < a.frames; f++) {
        if (a.mask[f]) {
            memmove(*out + kept, *out + f * CW_ACTIVITY_FRAME, CW_ACTIVITY_FRAME * sizeof **out);
            kept += CW_ACTIVITY_FRAME;
        }
    }
    *count = kept;
    result = 0;
done:
    cw_activity_free(&a);
    if (result != 0) {
        free(*out);
        *out = NULL;
    }
    return result;
}

int cw_encoder_listen(const struct cw_encoder *e, const float *x, size_t n, int rate, float embedding[CW_EMBEDDING], struct cw_error *err) {
    float *ready = NULL;
    size_t count = 0;
    int result = -1;
    if (cw_encoder_prepare(x, n, rate, &ready, &count, err) != 0) {
        return -1;
    }
    if (count < CW_ENCODER_RATE / 2) {
        cw_fail(err, CW_BAD_INPUT, "expected at least half a second of speech, found %.1f s", (double)count / CW_ENCODER_RATE);
    } else {
        result = cw_encoder_embed(e, ready, count, embedding, err);
    }
    free(ready);
    return result;
}

double cw_embedding_cosine(const float a[CW_EMBEDDING], const float b[CW_EMBEDDING]) {
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < CW_EMBEDDING; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* Kokoro's decoder on a tape: the network of kokoro.c's `decode`, its layers open to learning.
 *
 *   asr | F0_conv(F0) | N_conv(N) ─▶ encode ─▶ (… | asr_res(asr) | F0 | N ─▶ decode.i) four times ─▶ frames */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tts/kokoro.h"
#include "tts/train.h"

enum { BLOCKS = 5, LAYERS = BLOCKS * 6 + 3, JOINED = KOKORO_WIDE + KOKORO_ASR_RES + 2 };
#define HALF_ROOT 0.70710678F /* 1/sqrt(2) */

struct block {
    struct cw_layer *fc1, *fc2, *conv1, *conv2, *shortcut, *pool; /* shortcut always; pool: of the block that doubles the frames */
};

struct cw_acoustic_trainer {
    struct cw_device *device;
    struct cw_gguf *file; /* what is published is borrowed from it */
    struct cw_layer layers[LAYERS];
    int count;
    struct cw_layer *f0_conv, *energy_conv, *asr_res;
    struct block blocks[BLOCKS];
};

/* dims of the weight: 2 for a linear map. */
static int layer(struct cw_acoustic_trainer *a, const char *name, enum cw_layer_kind kind, int dims, bool has_bias, int out, int in,
                 int taps, int stride, struct cw_layer **l, struct cw_error *err) {
    const int shape[3] = {out, kind == CW_LAYER_DEPTHWISE ? 1 : in, taps};
    const float *weight, *bias = NULL;
    char full[128];

    snprintf(full, sizeof full, "%s.weight", name);
    if (cw_gguf_f32(a->file, full, shape, dims, &weight, err) != 0)
        return -1;
    snprintf(full, sizeof full, "%s.bias", name);
    if (has_bias && cw_gguf_f32(a->file, full, (const int[]){out}, 1, &bias, err) != 0)
        return -1;
    *l = &a->layers[a->count];
    if (cw_layer_open(*l, a->device, name, kind, weight, bias, out, in, taps, stride, err) != 0)
        return -1;
    (*l)->may_rank = kind == CW_LAYER_CONV && dims == 3 && in > 1;
    a->count++;
    return 0;
}

static int load_block(struct cw_acoustic_trainer *a, const char *name, int in, int out, bool doubles, struct block *b,
                      struct cw_error *err) {
    char part[96];

    snprintf(part, sizeof part, "%s.norm1.fc", name);
    if (layer(a, part, CW_LAYER_CONV, 2, true, 2 * in, KOKORO_STYLE, 1, 1, &b->fc1, err) != 0)
        return -1;
    snprintf(part, sizeof part, "%s.norm2.fc", name);
    if (layer(a, part, CW_LAYER_CONV, 2, true, 2 * out, KOKORO_STYLE, 1, 1, &b->fc2, err) != 0)
        return -1;
    snprintf(part, sizeof part, "%s.conv1", name);
    if (layer(a, part, CW_LAYER_CONV, 3, true, out, in, 3, 1, &b->conv1, err) != 0)
        return -1;
    snprintf(part, sizeof part, "%s.conv2", name);
    if (layer(a, part, CW_LAYER_CONV, 3, true, out, out, 3, 1, &b->conv2, err) != 0)
        return -1;
    snprintf(part, sizeof part, "%s.conv1x1", name);
    if (layer(a, part, CW_LAYER_CONV, 3, false, out, in, 1, 1, &b->shortcut, err) != 0)
        return -1;
    snprintf(part, sizeof part, "%s.pool", name);
    return doubles ? layer(a, part, CW_LAYER_DEPTHWISE, 3, true, in, in, 3, 2, &b->pool, err) : 0;
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
    a->device = d;
    if (cw_gguf_open(&a->file, path, err) != 0 || layer(a, "decoder.F0_conv", CW_LAYER_CONV, 3, true, 1, 1, 3, 2, &a->f0_conv, err) != 0 ||
        layer(a, "decoder.N_conv", CW_LAYER_CONV, 3, true, 1, 1, 3, 2, &a->energy_conv, err) != 0 ||
        layer(a, "decoder.asr_res.0", CW_LAYER_CONV, 3, true, KOKORO_ASR_RES, KOKORO_HIDDEN, 1, 1, &a->asr_res, err) != 0 ||
        load_block(a, "decoder.encode", KOKORO_HIDDEN + 2, KOKORO_WIDE, false, &a->blocks[0], err) != 0)
        goto done;
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "decoder.decode.%d", i);
        if (load_block(a, name, JOINED, i < 3 ? KOKORO_WIDE : KOKORO_HIDDEN, i == 3, &a->blocks[1 + i], err) != 0)
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
    for (int i = 0; i < a->count; i++)
        cw_layer_close(&a->layers[i]);
    cw_gguf_close(a->file);
    free(a);
}

struct cw_layer *cw_acoustic_trainer_layers(struct cw_acoustic_trainer *a, int *count) {
    *count = a->count;
    return a->layers;
}

/* ---- the network --------------------------------------------------------------------------------------------------------- */

static struct cw_var *run_block(struct cw_tape *t, const struct block *b, struct cw_var *style, struct cw_var *x, struct cw_var *y) {
    const struct cw_instance_norm_params p = {.eps = 1e-5F, .act = CW_NORM_LEAKY, .slope = 0.2F};
    struct cw_var *shortcut = cw_tape_layer(t, x, b->shortcut, 0, 1, 0, NULL, 1, NULL);
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

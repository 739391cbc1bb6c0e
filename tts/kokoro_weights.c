/* Kokoro's acoustic weights: GGUF tensors, by the names and shapes of the published modules ─▶ packed for the kernels.
 * Every tensor is asked for with its exact shape, so a wrong file is refused here, by name, and never reaches a kernel. */
#include "tts/kokoro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALBERT_LAYER "bert.encoder.albert_layer_groups.0.albert_layers.0"

/* Remembers the first failure, so that a list of weights reads as a list. */
struct loader {
    const struct cw_gguf *file;
    struct cw_device *device;
    const struct cw_learnt *learnt; /* of a voice, or NULL */
    int folded;                     /* layers that it has */
    struct cw_error *err;
    bool failed;
};

static const float *tensor(struct loader *l, const char *module, const char *leaf, int n, const int *dims) {
    char name[160];
    const float *data = NULL;
    if (l->failed)
        return NULL;
    snprintf(name, sizeof name, "%s.%s", module, leaf);
    l->failed = cw_gguf_f32(l->file, name, dims, n, &data, l->err) != 0;
    return l->failed ? NULL : data;
}

static const float *vector(struct loader *l, const char *module, const char *leaf, int n) {
    return tensor(l, module, leaf, 1, (const int[]){n});
}

static const float *matrix(struct loader *l, const char *module, const char *leaf, int rows, int cols) {
    return tensor(l, module, leaf, 2, (const int[]){rows, cols});
}

/* The numbers of a layer, with what a voice learnt; free *room afterwards. */
static void fold(struct loader *l, const char *module, int out, int in, int taps, const float **weight, const float **bias, float **room) {
    *room = NULL;
    if (!l->failed)
        l->failed = cw_learnt_fold(l->learnt, module, out, in, taps, weight, bias, room, l->err) != 0;
    l->folded += *room != NULL;
}

static float *scratch(struct loader *l, size_t n) {
    float *p = l->failed ? NULL : malloc(n * sizeof *p);
    if (!l->failed && !p) {
        cw_fail_memory(l->err, "model weights");
        l->failed = true;
    }
    return p;
}

static void pack(struct loader *l, struct cw_weight **w, const float *data, int out, int in, int taps, const float *bias, bool may16) {
    if (!l->failed)
        l->failed = (may16 ? cw_weight_open_16 : cw_weight_open)(w, l->device, data, out, in, taps, bias, l->err) != 0;
}

static void linear(struct loader *l, struct cw_weight **w, const char *module, int out, int in) {
    const float *data = matrix(l, module, "weight", out, in);
    const float *bias = vector(l, module, "bias", out);
    pack(l, w, data, out, in, 1, bias, false);
}

static void conv(struct loader *l, struct cw_weight **w, const char *module, int out, int in, int taps, bool has_bias, bool may16) {
    const float *data = tensor(l, module, "weight", 3, (const int[]){out, in, taps});
    const float *bias = has_bias ? vector(l, module, "bias", out) : NULL;
    float *room;
    fold(l, module, out, in, taps, &data, &bias, &room);
    pack(l, w, data, out, in, taps, bias, may16);
    free(room);
}

static void norm(struct loader *l, struct kokoro_norm *n, const char *module, const char *gain, const char *shift, int channels) {
    n->gain = vector(l, module, gain, channels);
    n->shift = vector(l, module, shift, channels);
}

static void lstm(struct loader *l, struct kokoro_lstm *p, const char *module, int in) {
    const int h = KOKORO_LSTM;
    for (int i = 0; i < 2; i++) {
        char leaf[4][40];
        static const char *const parts[4] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
        for (int k = 0; k < 4; k++)
            snprintf(leaf[k], sizeof leaf[k], "%s_l0%s", parts[k], i ? "_reverse" : "");
        const float *ih = matrix(l, module, leaf[0], 4 * h, in);
        const float *hh = matrix(l, module, leaf[1], 4 * h, h);
        const float *bias_ih = vector(l, module, leaf[2], 4 * h);
        const float *bias_hh = vector(l, module, leaf[3], 4 * h);
        if (l->failed)
            return;
        l->failed = cw_lstm_open(i ? &p->backward : &p->forward, l->device, ih, hh, bias_ih, bias_hh, in, h, l->err) != 0;
    }
}

static void adain(struct loader *l, struct kokoro_adain *n, const char *module, int channels) {
    n->channels = channels;
    const float *w = matrix(l, module, "fc.weight", 2 * channels, KOKORO_STYLE);
    const float *bias = vector(l, module, "fc.bias", 2 * channels);
    float *shifted = scratch(l, 2 * (size_t)channels), *room;
    char name[128];
    snprintf(name, sizeof name, "%s.fc", module);
    fold(l, name, 2 * channels, KOKORO_STYLE, 1, &w, &bias, &room);
    if (!l->failed) {
        for (int c = 0; c < 2 * channels; c++)
            shifted[c] = bias[c] + (c < channels ? 1.0f : 0.0f);
    }
    pack(l, &n->fc, w, 2 * channels, KOKORO_STYLE, 1, shifted, false);
    free(shifted);
    free(room);
}

/* may16: its convolutions may be in 16-bit numbers. The decoder's may; what durations and F0 come from stays
 * float32, and so does a shortcut, which reads F0 in Hz beside small numbers. */
static void block(struct loader *l, struct kokoro_block *b, const char *module, int in, int out, bool upsample, bool may16) {
    char name[128];
    b->in = in;
    b->out = out;
    b->upsample = upsample;
    snprintf(name, sizeof name, "%s.norm1", module);
    adain(l, &b->norm1, name, in);
    snprintf(name, sizeof name, "%s.norm2", module);
    adain(l, &b->norm2, name, out);
    if (upsample) {
        b->pool = tensor(l, module, "pool.weight", 3, (const int[]){in, 1, 3});
        const float *bias = vector(l, module, "pool.bias", in), *none = NULL;
        float *room;
        snprintf(name, sizeof name, "%s.pool", module);
        fold(l, name, in, in, 3, &none, &bias, &room);
        b->pool_bias = scratch(l, (size_t)in);
        if (!l->failed)
            memcpy(b->pool_bias, bias, (size_t)in * sizeof *bias);
        free(room);
    }
    snprintf(name, sizeof name, "%s.conv1", module);
    conv(l, &b->conv1, name, out, in, 3, true, may16);
    snprintf(name, sizeof name, "%s.conv2", module);
    conv(l, &b->conv2, name, out, out, 3, true, may16);
    snprintf(name, sizeof name, "%s.conv1x1", module);
    if (in != out)
        conv(l, &b->shortcut, name, out, in, 1, false, false);
}

static void curve(struct loader *l, struct kokoro_curve *c, const char *name) {
    char module[96];
    for (int i = 0; i < 3; i++) {
        snprintf(module, sizeof module, "predictor.%s.%d", name, i);
        block(l, &c->blocks[i], module, i < 2 ? KOKORO_HIDDEN : KOKORO_HIDDEN / 2, i < 1 ? KOKORO_HIDDEN : KOKORO_HIDDEN / 2, i == 1,
              false);
    }
    snprintf(module, sizeof module, "predictor.%s_proj", name);
    conv(l, &c->proj, module, 1, KOKORO_HIDDEN / 2, 1, true, false);
}

/* ---- the parts --------------------------------------------------------------------------------------------------- */

/* What no tensor's shape tells. */
static void check_constants(struct loader *l) {
    static const struct {
        const char *key;
        int64_t want;
    } constants[] = {
        {"kokoro.bert.layers", KOKORO_ALBERT_LAYERS},
        {"kokoro.bert.heads", KOKORO_ALBERT_HEADS},
        {"kokoro.sample_rate", KOKORO_SAMPLE_RATE},
        {"kokoro.unit_samples", KOKORO_UNIT_SAMPLES},
    };
    for (size_t i = 0; i < sizeof constants / sizeof constants[0] && !l->failed; i++) {
        int64_t found = 0;
        l->failed = cw_gguf_int(l->file, constants[i].key, &found, l->err) != 0;
        if (!l->failed && found != constants[i].want) {
            cw_fail(l->err, CW_BAD_INPUT, "%s: expected %lld, found %lld", constants[i].key, (long long)constants[i].want,
                    (long long)found);
            l->failed = true;
        }
    }
}

static void load_symbols(struct loader *l, struct kokoro_model *m) {
    size_t count = 0, len = 0;
    const char *s = NULL;
    if (l->failed)
        return;
    if (cw_gguf_string_at(l->file, "kokoro.vocab", 0, NULL, NULL, &count, l->err) != 0) {
        l->failed = true;
        return;
    }
    if (count < 2 || count > KOKORO_SYMBOLS_MAX) {
        cw_fail(l->err, CW_BAD_INPUT, "kokoro.vocab: expected 2 to %d symbols, found %zu", KOKORO_SYMBOLS_MAX, count);
        l->failed = true;
        return;
    }
    m->symbols = (int)count;
    m->code_points = calloc(count, sizeof *m->code_points);
    if (!m->code_points) {
        cw_fail_memory(l->err, "symbols");
        l->failed = true;
        return;
    }
    for (size_t i = 0; i < count && !l->failed; i++) {
        l->failed = cw_gguf_string_at(l->file, "kokoro.vocab", i, &s, &len, &count, l->err) != 0;
        if (l->failed || len == 0)
            continue; /* an id without a symbol */
        if (cw_utf8_next(s, len, &m->code_points[i]) != (int)len) {
            cw_fail(l->err, CW_BAD_INPUT, "kokoro.vocab[%zu]: expected one Unicode character, found \"%.*s\"", i,
                    (int)(len < 40 ? len : 40), s);
            l->failed = true;
        }
    }
}

static void load_albert(struct loader *l, struct kokoro_model *m) {
    const int e = KOKORO_ALBERT_EMBED, w = KOKORO_ALBERT_WIDTH;
    const float *words = matrix(l, "bert.embeddings", "word_embeddings.weight", m->symbols, e);
    const float *types = matrix(l, "bert.embeddings", "token_type_embeddings.weight", 2, e);
    const float *positions = matrix(l, "bert.embeddings", "position_embeddings.weight", KOKORO_POSITIONS, e);
    m->albert.words = scratch(l, (size_t)m->symbols * e);
    m->albert.positions = scratch(l, (size_t)KOKORO_POSITIONS * e);
    if (!l->failed) {
        for (int i = 0; i < m->symbols * e; i++)
            m->albert.words[i] = words[i] + types[i % e];
        memcpy(m->albert.positions, positions, (size_t)KOKORO_POSITIONS * e * sizeof(float));
    }
    norm(l, &m->albert.embed_norm, "bert.embeddings.LayerNorm", "weight", "bias", e);
    linear(l, &m->albert.embed_to_width, "bert.encoder.embedding_hidden_mapping_in", w, e);

    /* Query, key and value are one product. */
    float *qkv = scratch(l, (size_t)3 * w * w), *bias = scratch(l, (size_t)3 * w);
    static const char *const parts[3] = {ALBERT_LAYER ".attention.query", ALBERT_LAYER ".attention.key", ALBERT_LAYER ".attention.value"};
    for (int i = 0; i < 3; i++) {
        const float *part = matrix(l, parts[i], "weight", w, w);
        const float *part_bias = vector(l, parts[i], "bias", w);
        if (l->failed)
            break;
        memcpy(qkv + (size_t)i * w * w, part, (size_t)w * w * sizeof *qkv);
        memcpy(bias + (size_t)i * w, part_bias, (size_t)w * sizeof *bias);
    }
    pack(l, &m->albert.qkv, qkv, 3 * w, w, 1, bias, false);
    free(qkv);
    free(bias);

    linear(l, &m->albert.attention_out, ALBERT_LAYER ".attention.dense", w, w);
    norm(l, &m->albert.attention_norm, ALBERT_LAYER ".attention.LayerNorm", "weight", "bias", w);
    linear(l, &m->albert.ffn, ALBERT_LAYER ".ffn", KOKORO_ALBERT_FFN, w);
    linear(l, &m->albert.ffn_out, ALBERT_LAYER ".ffn_output", w, KOKORO_ALBERT_FFN);
    norm(l, &m->albert.ffn_norm, ALBERT_LAYER ".full_layer_layer_norm", "weight", "bias", w);
    linear(l, &m->bert_encoder, "bert_encoder", KOKORO_HIDDEN, w);
}

static void load_predictor(struct loader *l, struct kokoro_model *m) {
    const int in = KOKORO_HIDDEN + KOKORO_STYLE;
    char module[96];
    for (int i = 0; i < KOKORO_DEPTH; i++) {
        snprintf(module, sizeof module, "predictor.text_encoder.lstms.%d", 2 * i);
        lstm(l, &m->duration_lstm[i], module, in);
        snprintf(module, sizeof module, "predictor.text_encoder.lstms.%d", 2 * i + 1);
        adain(l, &m->duration_norm[i], module, KOKORO_HIDDEN);
    }
    lstm(l, &m->duration_top, "predictor.lstm", in);
    linear(l, &m->duration_proj, "predictor.duration_proj.linear_layer", KOKORO_DURATIONS, KOKORO_HIDDEN);
    lstm(l, &m->shared, "predictor.shared", in);
    curve(l, &m->f0, "F0");
    curve(l, &m->energy, "N");
}

static void load_text_encoder(struct loader *l, struct kokoro_model *m) {
    char module[96];
    m->text_embed = matrix(l, "text_encoder.embedding", "weight", m->symbols, KOKORO_HIDDEN);
    for (int i = 0; i < KOKORO_DEPTH; i++) {
        snprintf(module, sizeof module, "text_encoder.cnn.%d.0", i);
        conv(l, &m->text_conv[i], module, KOKORO_HIDDEN, KOKORO_HIDDEN, KOKORO_TEXT_TAPS, true, false);
        snprintf(module, sizeof module, "text_encoder.cnn.%d.1", i);
        norm(l, &m->text_norm[i], module, "gamma", "beta", KOKORO_HIDDEN);
    }
    lstm(l, &m->text_lstm, "text_encoder.lstm", KOKORO_HIDDEN);
}

static void load_decoder(struct loader *l, struct kokoro_model *m) {
    const int joined = KOKORO_WIDE + KOKORO_ASR_RES + 2;
    char module[96];
    conv(l, &m->f0_conv, "decoder.F0_conv", 1, 1, 3, true, false);
    conv(l, &m->energy_conv, "decoder.N_conv", 1, 1, 3, true, false);
    conv(l, &m->asr_res, "decoder.asr_res.0", KOKORO_ASR_RES, KOKORO_HIDDEN, 1, true, false);
    block(l, &m->encode, "decoder.encode", KOKORO_HIDDEN + 2, KOKORO_WIDE, false, true);
    for (int i = 0; i < 4; i++) {
        snprintf(module, sizeof module, "decoder.decode.%d", i);
        block(l, &m->decode[i], module, joined, i < 3 ? KOKORO_WIDE : KOKORO_HIDDEN, i == 3, true);
    }
}

/* ---- model ------------------------------------------------------------------------------------------------------- */

int cw_kokoro_model_open(struct kokoro_model **out, struct cw_device *d, const struct cw_gguf *g, struct cw_error *err) {
    struct kokoro_model *m = calloc(1, sizeof *m);
    struct loader l = {.file = g, .device = d, .err = err};
    int rc = -1;
    if (!m) {
        cw_fail_memory(err, "Kokoro model");
        goto done;
    }
    m->device = d;
    check_constants(&l);
    load_symbols(&l, m);
    if (l.failed)
        goto done; /* the number of symbols is a shape below */
    load_albert(&l, m);
    load_predictor(&l, m);
    load_text_encoder(&l, m);
    cw_gguf_release(g);
    load_decoder(&l, m);
    if (l.failed)
        goto done;
    cw_gguf_release(g); /* packed, but for a few small tensors that are read from the file */
    *out = m;
    m = NULL;
    rc = 0;
done:
    cw_kokoro_model_close(m);
    return rc;
}

int cw_kokoro_model_open_learnt(struct kokoro_model **out, const struct kokoro_model *base, const struct cw_gguf *g,
                                const struct cw_learnt *learnt, struct cw_error *err) {
    struct kokoro_model *m = calloc(1, sizeof *m);
    struct loader l = {.file = g, .device = base->device, .learnt = learnt, .err = err};
    int rc = -1;
    if (!m)
        return cw_fail_memory(err, "Kokoro model");
    const bool was = cw_packed_use(base->device, false);
    *m = *base;
    m->base = base;
    m->f0_conv = m->energy_conv = m->asr_res = NULL;
    m->encode = (struct kokoro_block){0};
    memset(m->decode, 0, sizeof m->decode);
    load_decoder(&l, m);
    if (l.failed || cw_learnt_check(learnt, "decoder.generator.", false, l.folded, err) != 0)
        goto done;
    cw_gguf_release(g);
    *out = m;
    m = NULL;
    rc = 0;
done:
    cw_packed_use(base->device, was);
    cw_kokoro_model_close(m);
    return rc;
}

static void lstm_close(struct kokoro_lstm *p) {
    cw_lstm_close(p->forward);
    cw_lstm_close(p->backward);
}

static void block_close(struct kokoro_block *b) {
    cw_weight_close(b->norm1.fc);
    cw_weight_close(b->norm2.fc);
    cw_weight_close(b->conv1);
    cw_weight_close(b->conv2);
    cw_weight_close(b->shortcut);
    free(b->pool_bias);
}

static void curve_close(struct kokoro_curve *c) {
    for (int i = 0; i < 3; i++)
        block_close(&c->blocks[i]);
    cw_weight_close(c->proj);
}

void cw_kokoro_model_close(struct kokoro_model *m) {
    if (!m)
        return;
    cw_weight_close(m->f0_conv);
    cw_weight_close(m->energy_conv);
    cw_weight_close(m->asr_res);
    block_close(&m->encode);
    for (int i = 0; i < 4; i++)
        block_close(&m->decode[i]);
    if (m->base) {
        free(m);
        return;
    }
    free(m->code_points);
    free(m->albert.words);
    free(m->albert.positions);
    struct cw_weight *plain[] = {
        m->albert.embed_to_width, m->albert.qkv,   m->albert.attention_out, m->albert.ffn,
        m->albert.ffn_out,        m->bert_encoder, m->duration_proj,
    };
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        cw_weight_close(plain[i]);
    for (int i = 0; i < KOKORO_DEPTH; i++) {
        lstm_close(&m->duration_lstm[i]);
        cw_weight_close(m->duration_norm[i].fc);
        cw_weight_close(m->text_conv[i]);
    }
    lstm_close(&m->duration_top);
    lstm_close(&m->shared);
    lstm_close(&m->text_lstm);
    curve_close(&m->f0);
    curve_close(&m->energy);
    free(m);
}

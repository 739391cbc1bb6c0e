/* Kokoro-82M's acoustic half: its weights as kokoro_weights.c loads them and kokoro.c runs them. Private to these two.
 *
 * Facts: hexgrad/kokoro (kokoro/model.py, modules.py, istftnet.py), after StyleTTS 2 (Li et al. 2023) and ALBERT (Lan et
 * al. 2019). P: symbols with the padding at both ends; T: duration units (40 a second); frames come at 2T.
 */
#ifndef CW_KOKORO_H
#define CW_KOKORO_H

#include "base/learnt.h"
#include "kernels/kernels.h"
#include "models/gguf.h"

enum {
    KOKORO_ALBERT_LAYERS = 12, /* one set of weights, applied twelve times */
    KOKORO_ALBERT_EMBED = 128,
    KOKORO_ALBERT_WIDTH = 768,
    KOKORO_ALBERT_HEADS = 12,
    KOKORO_ALBERT_FFN = 2048,
    KOKORO_HIDDEN = 512,
    KOKORO_LSTM = 256, /* each direction */
    KOKORO_STYLE = 128,
    KOKORO_DEPTH = 3, /* layers of the duration encoder and of the text encoder */
    KOKORO_TEXT_TAPS = 5,
    KOKORO_DURATIONS = 50, /* most units a symbol can last */
    KOKORO_WIDE = 1024,    /* decoder blocks */
    KOKORO_ASR_RES = 64,
    KOKORO_SAMPLE_RATE = 24000,
    KOKORO_UNIT_SAMPLES = 600,
    KOKORO_POSITIONS = 512, /* symbols with padding */
    KOKORO_SYMBOLS_MAX = 65536,
};

struct kokoro_norm {
    const float *gain, *shift; /* [C], borrowed from the file */
};

struct kokoro_lstm {
    struct cw_lstm *forward, *backward;
};

/* style [128] -> gain | shift [2C]; the 1 of (1 + gain) is in the bias. */
struct kokoro_adain {
    struct cw_weight *fc;
    int channels;
};

/* AdaIN, leaky, (x2 in time), conv 3, AdaIN, leaky, conv 3, plus the shortcut, times 1/sqrt(2). */
struct kokoro_block {
    int in, out;
    bool upsample;
    struct kokoro_adain norm1, norm2;
    const float *pool;                          /* depthwise [in, 3]; upsampling blocks */
    float *pool_bias;                           /* [in] */
    struct cw_weight *conv1, *conv2, *shortcut; /* shortcut: NULL when in == out */
};

struct kokoro_curve { /* F0, or N (energy) */
    struct kokoro_block blocks[3];
    struct cw_weight *proj;
};

struct kokoro_model {
    struct cw_device *device;
    const struct kokoro_model *base; /* whose are all but the decoder's weights; or NULL */
    int symbols;
    uint32_t *code_points; /* [symbols], 0: unused id */

    struct {
        float *words;     /* [symbols, 128], the type embedding added */
        float *positions; /* [512, 128] */
        struct kokoro_norm embed_norm, attention_norm, ffn_norm;
        struct cw_weight *embed_to_width, *qkv, *attention_out, *ffn, *ffn_out;
    } albert;
    struct cw_weight *bert_encoder;

    struct kokoro_lstm duration_lstm[KOKORO_DEPTH];
    struct kokoro_adain duration_norm[KOKORO_DEPTH];
    struct kokoro_lstm duration_top;
    struct cw_weight *duration_proj;
    struct kokoro_lstm shared;
    struct kokoro_curve f0, energy;

    const float *text_embed; /* [symbols, 512] */
    struct cw_weight *text_conv[KOKORO_DEPTH];
    struct kokoro_norm text_norm[KOKORO_DEPTH];
    struct kokoro_lstm text_lstm;

    struct cw_weight *f0_conv, *energy_conv, *asr_res;
    struct kokoro_block encode, decode[4];
};

CW_MUST_CHECK int cw_kokoro_model_open(struct kokoro_model **m, struct cw_device *d, const struct cw_gguf *g, struct cw_error *err);
/* The decoder with what a voice learnt, and the rest of base, which outlives it. */
CW_MUST_CHECK int cw_kokoro_model_open_learnt(struct kokoro_model **m, const struct kokoro_model *base, const struct cw_gguf *g,
                                              const struct cw_learnt *learnt, struct cw_error *err);
void cw_kokoro_model_close(struct kokoro_model *m);

#endif

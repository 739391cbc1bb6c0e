/* A tape: operations as they run, with what they were given, so that the gradients of a loss can be taken back through them.
 *
 *   cw_tape_start ─▶ variables, operations (each runs at once and is noted) ─▶ cw_tape_backward: the notes, last first
 *
 * Values and gradients lie in the tape's arena until the next start; nothing is allocated while it runs. The first failure is
 * kept, what follows does nothing, and cw_tape_backward or cw_tape_check reports it: a network reads as a list of its layers.
 * Generic, like kernels.h, on which all of it runs: never one model's. Same bytes for any number of threads. */
#ifndef CW_TAPE_H
#define CW_TAPE_H

#include "kernels/kernels.h"

/* A linear map (taps 1), convolution, transposed convolution or one filter per channel, whose bias and weight may be learnt:
 * bias + offset, and weight + up^T down of some rank. Its owner sets the public fields between runs, then updates it. */
enum cw_layer_kind { CW_LAYER_CONV, CW_LAYER_TRANSPOSED, CW_LAYER_DEPTHWISE };
struct cw_layer {
    char name[64];
    enum cw_layer_kind kind;
    int out, in, taps, stride;
    bool may_rank;       /* said by the network: a convolution that low rank is for */
    const float *offset; /* [N] added to the bias, or NULL */
    float *offset_grad;  /* [N] added to, or NULL */
    int rank;            /* 0: none; of CW_LAYER_CONV alone */
    const float *down;   /* [R, C, K] */
    const float *up;     /* [R, N] */
    float *down_grad, *up_grad;
    /* private */
    struct cw_device *device;
    const float *bias, *w; /* as published, borrowed */
    struct cw_weight *forward, *backward, *down_forward, *down_backward, *up_forward, *up_backward;
    float *shifted; /* bias + offset of one filter per channel */
};
/* w [N, C, K] (transposed: [C, N, K]; depthwise: [C, 1, K]) and bias [N] or NULL are borrowed. */
CW_MUST_CHECK int cw_layer_open(struct cw_layer *l, struct cw_device *d, const char *name, enum cw_layer_kind kind, const float *w,
                                const float *bias, int out, int in, int taps, int stride, struct cw_error *err);
void cw_layer_close(struct cw_layer *l);
/* After offset, down or up, or what they point to, changed. */
CW_MUST_CHECK int cw_layer_update(struct cw_layer *l, struct cw_error *err);

/* Both directions of an LSTM, for the way there and back; it learns nothing. Weights as cw_lstm_open has them, forward then backward. */
struct cw_lstm_layer {
    int in, hidden;
    struct cw_lstm *run[2];
    struct cw_lstm_backward *back[2];
};
CW_MUST_CHECK int cw_lstm_layer_open(struct cw_lstm_layer *l, struct cw_device *d, const float *const ih[2], const float *const hh[2],
                                     const float *const bias_ih[2], const float *const bias_hh[2], int in, int hidden,
                                     struct cw_error *err);
void cw_lstm_layer_close(struct cw_lstm_layer *l);

struct cw_tape;
CW_MUST_CHECK int cw_tape_open(struct cw_tape **t, struct cw_device *d, size_t max_bytes, struct cw_error *err);
void cw_tape_close(struct cw_tape *t);
struct cw_arena *cw_tape_arena(struct cw_tape *t); /* for scratch of operations noted by cw_tape_note */
struct cw_device *cw_tape_device(struct cw_tape *t);

struct cw_var {
    struct cw_mat value;
    struct cw_mat grad;   /* data NULL: none has come yet */
    bool wanted;          /* its gradient is asked for */
    struct cw_var *whole; /* a range of columns of this one */
    int first;
};
/* Forgets everything. */
void cw_tape_start(struct cw_tape *t);
/* Given numbers, borrowed; their gradient goes to `grad`, set to zero here, or is not wanted where that has no data. */
struct cw_var *cw_tape_leaf(struct cw_tape *t, struct cw_mat value, struct cw_mat grad);
/* Room that an operation fills, whole or column by column. */
struct cw_var *cw_tape_room(struct cw_tape *t, int rows, int cols);
struct cw_var *cw_tape_cols(struct cw_tape *t, struct cw_var *whole, int first, int cols);

/* y: room, or NULL. All give y. */
void cw_tape_copy(struct cw_tape *t, struct cw_var *x, struct cw_var *y);
/* y = (layer(x) + add) * scale; add may be NULL (then the scale is 1). dilation and pad of an ordinary convolution. */
struct cw_var *cw_tape_layer(struct cw_tape *t, struct cw_var *x, struct cw_layer *l, int pad, int dilation, int output_pad,
                             struct cw_var *add, float scale, struct cw_var *y);
/* Adaptive instance norm: act(norm(x) (1 + g) + b), g | b [1, 2C] = fc(style [1, S]); p's activation, slope, alpha and eps. */
struct cw_var *cw_tape_adain(struct cw_tape *t, struct cw_var *x, struct cw_layer *fc, struct cw_var *style,
                             struct cw_instance_norm_params p);
/* Adaptive layer norm: norm(each row) (1 + g) + b, numbers as above. */
struct cw_var *cw_tape_adaptive_layer_norm(struct cw_tape *t, struct cw_var *x, struct cw_layer *fc, struct cw_var *style, float eps,
                                           struct cw_var *y);
struct cw_var *cw_tape_lstm(struct cw_tape *t, struct cw_var *x, struct cw_lstm_layer *l); /* [T, 2H] */
struct cw_var *cw_tape_leaky(struct cw_tape *t, struct cw_var *x, float slope);
struct cw_var *cw_tape_add(struct cw_tape *t, struct cw_var *a, struct cw_var *b, float scale); /* (a + b) * scale */
struct cw_var *cw_tape_double_rows(struct cw_tape *t, struct cw_var *x);                        /* every row twice */
struct cw_var *cw_tape_reflect_row(struct cw_tape *t, struct cw_var *x);                        /* row 1 before row 0 */
/* Row r of x, repeats[r] times (>= 0, borrowed until the next start). */
struct cw_var *cw_tape_repeat_rows(struct cw_tape *t, struct cw_var *x, const int *repeats);
void cw_tape_fill_rows(struct cw_tape *t, struct cw_var *row, struct cw_var *y); /* every row of y is row [1, C] */
/* An operation of the caller's own: back gets y->grad and adds to x->grad, which cw_tape_grad gives the first time. */
typedef int (*cw_tape_back)(void *arg, struct cw_tape *t, struct cw_var *x, struct cw_var *y, struct cw_error *err);
void cw_tape_note(struct cw_tape *t, struct cw_var *x, struct cw_var *y, cw_tape_back back, void *arg);
/* Room for v's gradient if there is none yet; *add: something is in it already. */
CW_MUST_CHECK int cw_tape_grad(struct cw_tape *t, struct cw_var *v, bool *add, struct cw_error *err);

/* A failure of the caller's own, unless there was one before. */
void cw_tape_fail(struct cw_tape *t, const struct cw_error *err);
CW_MUST_CHECK int cw_tape_check(struct cw_tape *t, struct cw_error *err);
/* From y, whose grad the caller has filled (cw_tape_grad), back to the leaves and the layers. */
CW_MUST_CHECK int cw_tape_backward(struct cw_tape *t, struct cw_error *err);

#endif

/* kernels: the only compute seam. Generic operations on float32 matrices; never one model's.
 *
 * A device is an instruction set chosen at run time plus a thread pool; it is shared and immutable after opening. Back
 * ends: plain C ("c", the oracle every other one is tested against), AVX2 + FMA ("avx2"), AVX-512 ("avx512"), and three that
 * multiply some weights in 16-bit numbers: "avx512vnni" in fixed point, "avx512bf16" and "amx" in bfloat16. CASTWRIGHT_ISA
 * forces one. The same input gives the same bytes for any number of threads: work is cut by output tile only, and every sum
 * runs in one fixed order.
 *
 * Every operation checks the shapes it is given and returns 0, or -1 with the operation's name, expected and found.
 * Letters: T frames (rows), C channels (columns), K taps, H heads. Matrices are time-major [T, C] with a row stride.
 */
#ifndef CW_KERNELS_H
#define CW_KERNELS_H

#include "base/base.h"

#include <stdatomic.h>

/* ---- device and memory ------------------------------------------------------------------------------------------- */

struct cw_device;
struct cw_device_params {
    int threads;     /* 0: one per core this process may use */
    const char *isa; /* NULL: CASTWRIGHT_ISA, else the best this machine has; a name of cw_device_isas() */
};
struct cw_device_params cw_device_params_default(void);
CW_MUST_CHECK int cw_device_open(struct cw_device **d, struct cw_device_params params, struct cw_error *err);
void cw_device_close(struct cw_device *d);
const char *cw_device_isa(const struct cw_device *d); /* the kernel class, part of every build key */
int cw_device_threads(const struct cw_device *d);
/* ISA names this build and this machine can run, best first; NULL-terminated, static. */
const char *const *cw_device_isas(void);
/* Multiply-adds that plain sums would have taken for all that this device has computed: fast methods take fewer. */
double cw_device_products(const struct cw_device *d);
/* Multiply-adds a second that all threads together reach on registers alone, in the numbers of this class's long convolutions; takes some
 * 50 ms. */
double cw_device_peak(struct cw_device *d);
/* NULL, or why an instruction set that the processor has is not used. */
const char *cw_device_note(void);

/* Runs task(arg, i) for i in [0, n) over the pool; returns when all are done. Tasks must not call the pool again. One
 * caller at a time per device (a second one waits). */
void cw_parallel(struct cw_device *d, int n, void (*task)(void *arg, int i), void *arg);
/* What this thread computes from now on, on any device, it computes alone whenever *alone is true, which others may change at any time;
 * NULL: never. Same bytes. Returns what it was. */
const atomic_bool *cw_compute_alone(const atomic_bool *alone);

/* A float matrix [rows, cols]; row r starts at data + r * stride. Passed by value; owns nothing. */
struct cw_mat {
    float *data;
    int rows, cols, stride;
};
/* A view of columns [first, first + n) of m. */
struct cw_mat cw_mat_cols(struct cw_mat m, int first, int n);
struct cw_mat cw_mat_rows(struct cw_mat m, int first, int n);

/* Activations of one session: address space reserved once, pages used as needed, freed in stack order. No malloc while
 * synthesising. Data is 64-byte aligned; rows are padded to 16 floats where that costs less than 10 %, and by 16 more where
 * they would lie a multiple of 1 KiB apart (512 columns: stride 528), so never take a matrix of the arena for a dense one. */
struct cw_arena;
CW_MUST_CHECK int cw_arena_open(struct cw_arena **a, size_t max_bytes, struct cw_error *err);
void cw_arena_close(struct cw_arena *a);
CW_MUST_CHECK int cw_arena_mat(struct cw_arena *a, int rows, int cols, struct cw_mat *m, struct cw_error *err); /* not cleared */
size_t cw_arena_mark(const struct cw_arena *a);
void cw_arena_release(struct cw_arena *a, size_t mark); /* back to a mark */
/* Gives the pages above the mark back to the system. */
void cw_arena_trim(struct cw_arena *a);

/* ---- weights --------------------------------------------------------------------------------------------------------- */

/* A weight packed once, at load, in the layout the device's kernels read. Immutable, shared between threads. */
struct cw_weight;
/* Linear: w is [N out, C in] row-major (PyTorch nn.Linear); a convolution: w is [N out, C in, K taps] (PyTorch nn.Conv1d);
 * taps = 1 for linear. bias [N] or NULL is copied too. */
CW_MUST_CHECK int cw_weight_open(struct cw_weight **p, struct cw_device *d, const float *w, int out, int in, int taps, const float *bias,
                                 struct cw_error *err);
/* Transposed convolution: w is [C in, N out, K taps] (PyTorch nn.ConvTranspose1d). For cw_conv_transpose1d alone. */
CW_MUST_CHECK int cw_weight_open_transposed(struct cw_weight **p, struct cw_device *d, const float *w, int in, int out, int taps,
                                            int stride, const float *bias, struct cw_error *err);
/* The same, where 16-bit numbers will do: a device that multiplies them faster does so, with float32 (or exact) sums and a
 * relative error of about 1e-3 of the outputs' size (docs/speed.md). At most 4096 inputs and 64 taps. */
CW_MUST_CHECK int cw_weight_open_16(struct cw_weight **p, struct cw_device *d, const float *w, int out, int in, int taps, const float *bias,
                                    struct cw_error *err);
CW_MUST_CHECK int cw_weight_open_transposed_16(struct cw_weight **p, struct cw_device *d, const float *w, int in, int out, int taps,
                                               int stride, const float *bias, struct cw_error *err);
/* Whether those weights are multiplied in bfloat16, some ten times as coarse as fixed point. */
bool cw_device_bfloat(const struct cw_device *d);
/* Whether long convolutions by weights opened from now on may apply Toom and Cook's method twice, which takes fewer products and rounds
 * more; what was (true at first). Not so opened, a weight stays out of a packed file. */
bool cw_weight_nest(struct cw_device *d, bool nest);
void cw_weight_close(struct cw_weight *p);

/* Weights packed before: those that are opened on this device from now on are borrowed from the file where it has them. A file that is
 * missing, damaged, or not of this model, kernel class and layout is as good as empty. `model`: at most 64 bytes that name the numbers, a
 * sha256. From one thread at a time, as is the opening and closing of weights then; the device keeps the file mapped until it closes. */
CW_MUST_CHECK int cw_packed_open(struct cw_device *d, const char *path, const char *model, struct cw_error *err);
/* Whether weights opened from now on are looked for in that file and go into it; what was. Weights that a voice has changed are opened
 * without it: the file is the published model's alone. */
bool cw_packed_use(struct cw_device *d, bool use);
/* Writes the file anew, where it lacked a weight that is open now. */
CW_MUST_CHECK int cw_packed_save(struct cw_device *d, struct cw_error *err);

/* One direction of an LSTM, PyTorch's layout and gate order i, f, g, o: ih [4H, C], hh [4H, H], biases [4H] each. */
struct cw_lstm;
CW_MUST_CHECK int cw_lstm_open(struct cw_lstm **p, struct cw_device *d, const float *ih, const float *hh, const float *bias_ih,
                               const float *bias_hh, int in, int hidden, struct cw_error *err);
void cw_lstm_close(struct cw_lstm *p);

/* ---- operations ---------------------------------------------------------------------------------------------------- */

enum cw_act { CW_ACT_NONE, CW_ACT_LEAKY, CW_ACT_GELU_TANH, CW_ACT_GELU };

/* What happens to each output of a gemm or convolution before it is stored: y = act(x w + bias), then
 * y = (y + add + add2) * scale when one of them is set ([T, N], same shape as the output; may be the output itself), then
 * leaky ReLU. */
struct cw_epilogue {
    enum cw_act act;
    float slope;           /* of CW_ACT_LEAKY */
    struct cw_mat add;     /* residual, or {0} */
    struct cw_mat add2;    /* another, or {0} */
    float scale;           /* 0 means 1 */
    float last_slope;      /* leaky ReLU of the result; 0 means none */
    struct cw_mat moments; /* {0}, or [3, N]: takes the moments of y's columns, as cw_column_moments gives them */
};

/* y [T, N] = epilogue(x [T, C] W^T). */
CW_MUST_CHECK int cw_linear(struct cw_device *d, struct cw_mat x, const struct cw_weight *w, struct cw_epilogue e, struct cw_mat y,
                            struct cw_error *err);
/* y [T', N]: T' = (T + 2 pad - dilation (K - 1) - 1) / stride + 1. Implicit GEMM: a tap is a row offset, no im2col. Long ones of
 * stride 1 are done by Toom and Cook's method (internal.h), which rounds differently from the plain sum, by about 1e-6. y is not x. */
CW_MUST_CHECK int cw_conv1d(struct cw_device *d, struct cw_mat x, const struct cw_weight *w, int stride, int pad, int dilation,
                            struct cw_epilogue e, struct cw_mat y, struct cw_error *err);
/* y [T', N]: T' = (T - 1) stride - 2 pad + K + output_pad. `act` on the INPUT is not applied here. */
CW_MUST_CHECK int cw_conv_transpose1d(struct cw_device *d, struct cw_mat x, const struct cw_weight *w, int pad, int output_pad,
                                      struct cw_epilogue e, struct cw_mat y, struct cw_error *err);
/* One filter per channel: w [C, K]; stride 2 doubles the frames. T' as above. bias [C] or NULL. */
CW_MUST_CHECK int cw_conv_transpose1d_depthwise(struct cw_device *d, struct cw_mat x, const float *w, const float *bias, int taps,
                                                int stride, int pad, int output_pad, struct cw_mat y, struct cw_error *err);

/* Layer normalisation of each row, y = norm(x) * gain + shift; gain, shift [C]. In place allowed. add_one: (1 + gain)
 * instead of gain (adaptive layer norm). */
CW_MUST_CHECK int cw_layer_norm(struct cw_device *d, struct cw_mat x, const float *gain, const float *shift, bool add_one, float eps,
                                struct cw_mat y, struct cw_error *err);
/* m [3, C]: mean, what is left of it beyond a float, and biased variance of each column. C <= 8192. */
CW_MUST_CHECK int cw_column_moments(struct cw_device *d, struct cw_mat x, struct cw_mat m, struct cw_error *err);
/* Instance normalisation of each column over all rows (biased variance, two-pass in double or pairwise), then
 * y = norm(x) * gain + shift, then the activation: none, leaky, or Snake x + sin^2(a x) / a with a = alpha[c].
 * gain, shift [C] (the caller adds AdaIN's 1). In place allowed. C <= 8192. */
enum cw_norm_act { CW_NORM_NONE, CW_NORM_LEAKY, CW_NORM_SNAKE };
struct cw_instance_norm_params {
    const float *gain, *shift; /* [C] */
    float eps;
    enum cw_norm_act act;
    float slope;           /* leaky */
    const float *alpha;    /* [C], snake */
    struct cw_mat moments; /* [3, C] of x, where they are known already */
};
CW_MUST_CHECK int cw_instance_norm(struct cw_device *d, struct cw_mat x, struct cw_instance_norm_params p, struct cw_mat y,
                                   struct cw_error *err);
/* Global response normalisation (Woo et al., "ConvNeXt V2", 2023): y = x (1 + gain n / (mean of n + 1e-6)) + shift, n [C]: the columns'
 * lengths over all rows. gain, shift [C]. In place allowed. C <= 8192. */
CW_MUST_CHECK int cw_response_norm(struct cw_device *d, struct cw_mat x, const float *gain, const float *shift, struct cw_mat y,
                                   struct cw_error *err);

/* y [T', N] = cw_conv1d of cw_instance_norm(x), stride 1, without the pass over memory between them where that can be had; then
 * work [T, C] is not touched. work may be x. Padding is zeros after the norm. */
CW_MUST_CHECK int cw_conv1d_normed(struct cw_device *d, struct cw_mat x, struct cw_instance_norm_params p, struct cw_mat work,
                                   const struct cw_weight *w, int pad, int dilation, struct cw_epilogue e, struct cw_mat y,
                                   struct cw_error *err);

/* softmax(q k^T / sqrt(D)) v for H heads side by side in the columns (D = cols / heads); q, k, v, y [T, H D]. D <= 256. */
CW_MUST_CHECK int cw_attention(struct cw_device *d, struct cw_mat q, struct cw_mat k, struct cw_mat v, int heads, struct cw_mat y,
                               struct cw_error *err);
/* The same, where 16-bit numbers will do: in fixed point by a device that has it (not bfloat16), else as above. */
CW_MUST_CHECK int cw_attention_16(struct cw_device *d, struct cw_mat q, struct cw_mat k, struct cw_mat v, int heads, struct cw_mat y,
                                  struct cw_error *err);
/* Bidirectional: y [T, 2H] = forward | backward. scratch [T, 8H] for the batched input products. */
CW_MUST_CHECK int cw_lstm_bidirectional(struct cw_device *d, struct cw_mat x, const struct cw_lstm *forward, const struct cw_lstm *backward,
                                        struct cw_mat scratch, struct cw_mat y, struct cw_error *err);

/* One direction, over sequences of `length` rows that stand one after another, each from a state of zeros: y [T, H]. scratch [T, 4H]. */
CW_MUST_CHECK int cw_lstm_sequences(struct cw_device *d, struct cw_mat x, const struct cw_lstm *lstm, int length, struct cw_mat scratch,
                                    struct cw_mat y, struct cw_error *err);

/* Element by element; x and y may be the same. */
CW_MUST_CHECK int cw_leaky(struct cw_device *d, struct cw_mat x, float slope, struct cw_mat y, struct cw_error *err);
CW_MUST_CHECK int cw_add(struct cw_device *d, struct cw_mat a, struct cw_mat b, float scale, struct cw_mat y,
                         struct cw_error *err); /* y = (a + b) * scale */
CW_MUST_CHECK int cw_add_scaled(struct cw_device *d, struct cw_mat a, struct cw_mat b, float scale, struct cw_mat y,
                                struct cw_error *err); /* y = a + b * scale */
CW_MUST_CHECK int cw_add_gated(struct cw_device *d, struct cw_mat x, const float *gate, struct cw_mat y,
                               struct cw_error *err); /* y += x * gate, gate [C] */
CW_MUST_CHECK int cw_copy(struct cw_device *d, struct cw_mat x, struct cw_mat y, struct cw_error *err);
CW_MUST_CHECK int cw_fill_rows(struct cw_device *d, const float *row, struct cw_mat y, struct cw_error *err); /* every row = row [C] */
/* y [sum n, C]: row r of x, repeats[r] times. repeats >= 0. */
CW_MUST_CHECK int cw_repeat_rows(struct cw_device *d, struct cw_mat x, const int *repeats, struct cw_mat y, struct cw_error *err);
/* y [T, C]: row ids[t] of table [V, C] (row-major, dense). */
CW_MUST_CHECK int cw_gather_rows(struct cw_device *d, const float *table, int table_rows, const int *ids, struct cw_mat y,
                                 struct cw_error *err);
CW_MUST_CHECK int cw_exp(struct cw_device *d, struct cw_mat x, struct cw_mat y, struct cw_error *err);
CW_MUST_CHECK int cw_sin(struct cw_device *d, struct cw_mat x, struct cw_mat y, struct cw_error *err);
CW_MUST_CHECK int cw_silu(struct cw_device *d, struct cw_mat x, struct cw_mat y, struct cw_error *err); /* y = x / (1 + e^-x) */
CW_MUST_CHECK int cw_mish(struct cw_device *d, struct cw_mat x, struct cw_mat y, struct cw_error *err); /* y = x tanh(ln(1 + e^x)) */
/* Rotary positions (Su et al., "RoFormer", 2021): neighbours in the columns of x [T, H D] turn in pairs, each head of D columns by its
 * row's angles: turn [P, D], cosine | sine of each pair, and row t + P as row t. D is even. y may be x. */
CW_MUST_CHECK int cw_rotate_pairs(struct cw_device *d, struct cw_mat x, struct cw_mat turn, struct cw_mat y, struct cw_error *err);

/* ---- backward ------------------------------------------------------------------------------------------------------- */

/* Gradients of a number (a loss) by what an operation was given. dy: its gradient by the operation's output. `add`: the gradient
 * is added to what dx holds; otherwise dx is overwritten. Sums over rows are always added to (`dgain`, `dw`, sums of columns).
 * Same bytes for any number of threads, like everything here. */

/* What cw_conv1d_backward (of that stride) multiplies by; w as for cw_weight_open. */
CW_MUST_CHECK int cw_weight_open_backward(struct cw_weight **p, struct cw_device *d, const float *w, int out, int in, int taps, int stride,
                                          struct cw_error *err);
/* The same for cw_conv_transpose1d_backward; w as for cw_weight_open_transposed. */
CW_MUST_CHECK int cw_weight_open_transposed_backward(struct cw_weight **p, struct cw_device *d, const float *w, int in, int out, int taps,
                                                     struct cw_error *err);
/* Another bias [N] for a weight whose owner alone uses it now; bias2 [N] or NULL is added. It is no longer one of a packed file's. */
CW_MUST_CHECK int cw_weight_set_bias(struct cw_weight *p, const float *bias, const float *bias2, struct cw_error *err);

/* dx [T, C] of y = cw_conv1d(x) (or cw_linear: stride 1, pad 0, dilation 1). A stride above 1 wants dilation 1. */
CW_MUST_CHECK int cw_conv1d_backward(struct cw_device *d, struct cw_mat dy, const struct cw_weight *w, int stride, int pad, int dilation,
                                     bool add, struct cw_mat dx, struct cw_error *err);
/* dx [T, C] of y = cw_conv_transpose1d(x). */
CW_MUST_CHECK int cw_conv_transpose1d_backward(struct cw_device *d, struct cw_mat dy, const struct cw_weight *w, int stride, int pad,
                                               bool add, struct cw_mat dx, struct cw_error *err);
/* dw [N, C, K] += the gradient by the weight of y = cw_conv1d(x). For few outputs (the inner side of a low-rank map): it costs
 * what a convolution of that many outputs does. Scratch from the arena. */
CW_MUST_CHECK int cw_conv1d_backward_weight(struct cw_device *d, struct cw_arena *a, struct cw_mat x, struct cw_mat dy, int taps,
                                            int stride, int pad, int dilation, float *dw, struct cw_error *err);
/* dx of cw_conv_transpose1d_depthwise. */
CW_MUST_CHECK int cw_conv_transpose1d_depthwise_backward(struct cw_device *d, struct cw_mat dy, const float *w, int taps, int stride,
                                                         int pad, bool add, struct cw_mat dx, struct cw_error *err);
/* sums [C] += the sums of the columns of x: the gradient by a bias. */
CW_MUST_CHECK int cw_column_sums(struct cw_device *d, struct cw_mat x, float *sums, struct cw_error *err);
/* dx, dgain [C], dshift [C] of cw_instance_norm, its activation included; p.moments must be those of x. dy is overwritten. */
CW_MUST_CHECK int cw_instance_norm_backward(struct cw_device *d, struct cw_mat x, struct cw_instance_norm_params p, struct cw_mat dy,
                                            float *dgain, float *dshift, bool add, struct cw_mat dx, struct cw_error *err);
/* dx, dgain [C], dshift [C] of cw_layer_norm without add_one. */
CW_MUST_CHECK int cw_layer_norm_backward(struct cw_device *d, struct cw_mat x, const float *gain, float eps, struct cw_mat dy, float *dgain,
                                         float *dshift, bool add, struct cw_mat dx, struct cw_error *err);
/* dx of y = cw_leaky(x): from x or from y, whose signs are the same. */
CW_MUST_CHECK int cw_leaky_backward(struct cw_device *d, struct cw_mat x, float slope, struct cw_mat dy, bool add, struct cw_mat dx,
                                    struct cw_error *err);
/* dx [T, C] of cw_repeat_rows: sums of the rows that a row became. */
CW_MUST_CHECK int cw_repeat_rows_backward(struct cw_device *d, const int *repeats, struct cw_mat dy, bool add, struct cw_mat dx,
                                          struct cw_error *err);
/* What the backward pass of one direction of an LSTM multiplies by; as cw_lstm_open. */
struct cw_lstm_backward;
CW_MUST_CHECK int cw_lstm_backward_open(struct cw_lstm_backward **p, struct cw_device *d, const float *ih, const float *hh, int in,
                                        int hidden, struct cw_error *err);
void cw_lstm_backward_close(struct cw_lstm_backward *p);
/* dx [T, C] of cw_lstm_bidirectional. scratch [T, 8H] as it was left there; it is overwritten. */
CW_MUST_CHECK int cw_lstm_bidirectional_backward(struct cw_device *d, struct cw_arena *a, const struct cw_lstm_backward *forward,
                                                 const struct cw_lstm_backward *backward, struct cw_mat scratch, struct cw_mat dy, bool add,
                                                 struct cw_mat dx, struct cw_error *err);
/* dx [T, C] of cw_lstm_sequences for one sequence. scratch [T, 4H] as it was left there; it is overwritten. */
CW_MUST_CHECK int cw_lstm_sequence_backward(struct cw_device *d, struct cw_arena *a, const struct cw_lstm_backward *lstm,
                                            struct cw_mat scratch, struct cw_mat dy, bool add, struct cw_mat dx, struct cw_error *err);

#endif

/* Kernels: plain C against direct formulas, every instruction set against plain C, at odd sizes, strides and thread counts.
 *
 * Every output lies in a guarded block (sentinels before, after and between the rows), and every vector result is made with
 * 1, 2 and 3 threads, which must give the same bytes. */
#include "kernels/kernels.h"
#include "tests/test.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTINEL 12345678.0F
enum { GUARD = 64, ISAS_MAX = 4, THREADS_MAX = 3 };

/* ---- devices, matrices ------------------------------------------------------------------------------------------------- */

static struct cw_device *device(const char *isa, int threads) {
    struct cw_device_params params = cw_device_params_default();
    struct cw_device *d = NULL;
    struct cw_error err = {0};

    params.isa = isa;
    params.threads = threads;
    CHECKF(cw_device_open(&d, params, &err) == 0, "%s with %d threads: %s", isa, threads, err.text);
    return d;
}

/* A matrix inside a block of sentinels. */
struct block {
    float *memory;
    size_t n;
    struct cw_mat m;
};

static struct block block_open(int rows, int cols, int stride) {
    struct block b = {.n = (size_t)rows * stride + 2 * GUARD};
    size_t i;

    b.memory = malloc(b.n * sizeof(float));
    if (!b.memory)
        abort();
    for (i = 0; i < b.n; i++)
        b.memory[i] = SENTINEL;
    b.m = (struct cw_mat){b.memory + GUARD, rows, cols, stride};
    return b;
}

static void block_close(struct block *b) {
    free(b->memory);
    *b = (struct block){0};
}

/* True when nothing outside the matrix was written, and everything inside was. */
static bool block_kept(const struct block *b) {
    size_t i, inside = (size_t)b->m.rows * b->m.stride;

    for (i = 0; i < b->n; i++) {
        bool in = i >= GUARD && i < GUARD + inside && (int)((i - GUARD) % b->m.stride) < b->m.cols;

        if (in ? b->memory[i] == SENTINEL || isnan(b->memory[i]) : b->memory[i] != SENTINEL)
            return false;
    }
    return true;
}

static float *at(struct cw_mat m, int r, int c) {
    return m.data + (ptrdiff_t)r * m.stride + c;
}

static float *random_floats(size_t n, uint64_t stream, float scale) {
    float *p = malloc((n + 1) * sizeof *p);
    size_t i;

    if (!p)
        abort();
    cw_gauss(cw_test_seed(), stream, 0, n, p);
    for (i = 0; i < n; i++)
        p[i] *= scale;
    return p;
}

/* A random matrix whose row padding is NaN, so that a kernel reading past the columns shows. */
static struct cw_mat random_mat(int rows, int cols, int stride, uint64_t stream, float scale) {
    struct cw_mat m = {random_floats((size_t)rows * stride, stream, scale), rows, cols, stride};
    int r, c;

    for (r = 0; r < rows; r++)
        for (c = cols; c < stride; c++)
            *at(m, r, c) = NAN;
    return m;
}

/* Largest difference relative to the largest number of the reference. */
static double difference(struct cw_mat got, struct cw_mat want) {
    double most = 1e-30, worst = 0;
    int r, c;

    for (r = 0; r < want.rows; r++)
        for (c = 0; c < want.cols; c++) {
            double d = fabs((double)*at(got, r, c) - (double)*at(want, r, c));

            most = fmax(most, fabs((double)*at(want, r, c)));
            if (!(d <= worst))
                worst = d; /* a NaN stays */
        }
    return worst / most;
}

static bool same_bytes(struct cw_mat a, struct cw_mat b) {
    int r;

    for (r = 0; r < a.rows; r++)
        if (memcmp(at(a, r, 0), at(b, r, 0), (size_t)a.cols * sizeof(float)) != 0)
            return false;
    return true;
}

/* Runs an operation on plain C, then on every instruction set with 1, 2 and 3 threads. */
typedef int operation(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err);

static void compare(const char *what, operation *run, void *ctx, int rows, int cols, int stride, double tolerance) {
    const char *const *isa;
    struct cw_error err = {0};
    struct block want = block_open(rows, cols, stride);
    struct cw_device *d = device("c", 2);

    CHECKF(run(d, ctx, want.m, &err) == 0, "%s on c: %s", what, err.text);
    CHECKF(block_kept(&want), "%s on c: wrote outside its output, left some unwritten, or made a NaN", what);
    cw_device_close(d);
    for (isa = cw_device_isas(); *isa; isa++) {
        struct block first = {0};
        int threads;

        for (threads = 1; threads <= THREADS_MAX; threads++) {
            struct block got = block_open(rows, cols, stride);
            double diff;

            d = device(*isa, threads);
            CHECKF(run(d, ctx, got.m, &err) == 0, "%s on %s: %s", what, *isa, err.text);
            cw_device_close(d);
            CHECKF(block_kept(&got), "%s on %s: wrote outside its output, left some unwritten, or made a NaN", what, *isa);
            diff = difference(got.m, want.m);
            CHECKF(diff <= tolerance, "%s on %s: differs from plain C by %.3g, at most %.3g expected", what, *isa, diff, tolerance);
            if (threads == 1) {
                first = got;
            } else {
                CHECKF(same_bytes(first.m, got.m), "%s on %s: %d threads gave other bytes than 1", what, *isa, threads);
                block_close(&got);
            }
        }
        block_close(&first);
    }
    block_close(&want);
}

/* ---- convolutions ---------------------------------------------------------------------------------------------------------- */

enum kind { LINEAR, CONV, TRANSPOSED, DEPTHWISE };

struct conv {
    enum kind kind;
    int rows, in, out, taps, stride, pad, dilation, output_pad;
    struct cw_epilogue e;
    bool add_in_place; /* y += conv(x) */
    struct cw_mat x;
    const float *w, *bias;
};

static int conv_rows(const struct conv *c) {
    if (c->kind == LINEAR)
        return c->rows;
    if (c->kind == CONV)
        return (c->rows + 2 * c->pad - c->dilation * (c->taps - 1) - 1) / c->stride + 1;
    return (c->rows - 1) * c->stride - 2 * c->pad + c->taps + c->output_pad;
}

static int conv_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct conv *c = ctx;
    struct cw_epilogue e = c->e;
    struct cw_weight *w = NULL;
    int status = -1, r;

    if (c->kind == DEPTHWISE)
        return cw_conv_transpose1d_depthwise(d, c->x, c->w, c->bias, c->taps, c->stride, c->pad, c->output_pad, y, err);
    if (c->add_in_place) {
        for (r = 0; r < y.rows; r++)
            memcpy(at(y, r, 0), at(e.add, r, 0), (size_t)y.cols * sizeof(float));
        e.add = y;
    }
    if (c->kind == TRANSPOSED ? cw_weight_open_transposed(&w, d, c->w, c->in, c->out, c->taps, c->stride, c->bias, err) != 0
                              : cw_weight_open(&w, d, c->w, c->out, c->in, c->taps, c->bias, err) != 0)
        return -1;
    if (c->kind == LINEAR)
        status = cw_linear(d, c->x, w, e, y, err);
    if (c->kind == CONV)
        status = cw_conv1d(d, c->x, w, c->stride, c->pad, c->dilation, e, y, err);
    if (c->kind == TRANSPOSED)
        status = cw_conv_transpose1d(d, c->x, w, c->pad, c->output_pad, e, y, err);
    cw_weight_close(w);
    return status;
}

static double conv_activation(struct cw_epilogue e, double v) {
    if (e.act == CW_ACT_LEAKY)
        return v > 0 ? v : v * e.slope;
    if (e.act == CW_ACT_GELU_TANH)
        return 0.5 * v * (1 + tanh(sqrt(2 / acos(-1.0)) * (v + 0.044715 * v * v * v)));
    return v;
}

/* The definition, from the weights as PyTorch lays them out. */
static void conv_direct(const struct conv *c, struct cw_mat y) {
    int t, n, i, k, r;

    for (t = 0; t < y.rows; t++)
        for (n = 0; n < y.cols; n++) {
            double sum = c->bias ? c->bias[n] : 0;

            if (c->kind == LINEAR || c->kind == CONV) {
                for (k = 0; k < c->taps; k++) {
                    r = t * c->stride - c->pad + k * c->dilation;
                    for (i = 0; r >= 0 && r < c->rows && i < c->in; i++)
                        sum += (double)*at(c->x, r, i) * (double)c->w[((size_t)n * c->in + i) * c->taps + k];
                }
            } else {
                for (r = 0; r < c->rows; r++) {
                    k = t + c->pad - r * c->stride;
                    if (k < 0 || k >= c->taps)
                        continue;
                    if (c->kind == DEPTHWISE) {
                        sum += (double)*at(c->x, r, n) * (double)c->w[(size_t)n * c->taps + k];
                        continue;
                    }
                    for (i = 0; i < c->in; i++)
                        sum += (double)*at(c->x, r, i) * (double)c->w[((size_t)i * c->out + n) * c->taps + k];
                }
            }
            sum = conv_activation(c->e, sum);
            if (c->e.add.data)
                sum = (sum + *at(c->e.add, t, n)) * (c->e.scale != 0 ? c->e.scale : 1);
            *at(y, t, n) = (float)sum;
        }
}

static void conv_case(struct conv c, bool bias, bool add, bool direct) {
    float *w, *b = NULL;
    struct cw_mat residual = {0};
    int rows, x_stride = c.in + 5, y_stride;
    char what[200];

    if (c.kind == LINEAR)
        c.taps = c.stride = c.dilation = 1;
    if (c.kind == DEPTHWISE)
        c.out = c.in;
    y_stride = c.out + 3;
    rows = conv_rows(&c);
    w = random_floats((size_t)c.out * (c.kind == DEPTHWISE ? 1 : c.in) * c.taps, 1, 1 / sqrtf((float)(c.in * c.taps)));
    c.w = w;
    if (bias)
        c.bias = b = random_floats((size_t)c.out, 2, 1);
    c.x = random_mat(c.rows, c.in, x_stride, 3, 1);
    if (add) {
        residual = random_mat(rows, c.out, c.out + 7, 4, 1);
        c.e.add = residual;
    }
    snprintf(what, sizeof what, "kind %d, %d x %d -> %d x %d, taps %d, stride %d, dilation %d, pad %d, act %d%s%s", (int)c.kind, c.rows,
             c.in, rows, c.out, c.taps, c.stride, c.dilation, c.pad, (int)c.e.act, bias ? ", bias" : "", add ? ", add" : "");
    compare(what, conv_run, &c, rows, c.out, y_stride, 5e-6);
    if (direct) {
        struct block want = block_open(rows, c.out, c.out), got = block_open(rows, c.out, c.out);
        struct cw_device *d = device("c", 1);
        struct cw_error err = {0};
        double diff;

        conv_direct(&c, want.m);
        CHECKF(conv_run(d, &c, got.m, &err) == 0, "%s: %s", what, err.text);
        diff = difference(got.m, want.m);
        CHECKF(diff <= 3e-7, "%s on c: differs from the definition by %.3g", what, diff);
        cw_device_close(d);
        block_close(&want);
        block_close(&got);
    }
    free(w);
    free(b);
    free(c.x.data);
    free(residual.data);
}

static void test_linear(void) {
    static const int rows[] = {1, 2, 13, 14, 15, 31, 33, 65, 129}, channels[] = {1, 7, 22, 31, 128, 514};
    size_t r, i, o, n = sizeof channels / sizeof *channels;

    for (r = 0; r < sizeof rows / sizeof *rows; r++)
        for (i = 0; i < n; i++) {
            o = (i + r) % n;
            conv_case((struct conv){.kind = LINEAR, .rows = rows[r], .in = channels[i], .out = channels[o]}, r % 2 == 0, false, true);
        }
    conv_case((struct conv){.kind = LINEAR, .rows = 4097, .in = 31, .out = 33}, true, false, false);
    conv_case((struct conv){.kind = LINEAR, .rows = 65, .in = 1090, .out = 129}, true, false, false);
}

static void test_epilogue(void) {
    static const enum cw_act acts[] = {CW_ACT_NONE, CW_ACT_LEAKY, CW_ACT_GELU_TANH};
    size_t a;

    for (a = 0; a < 3; a++) {
        struct cw_epilogue e = {.act = acts[a], .slope = 0.2F, .scale = 0.70710678F};

        conv_case((struct conv){.kind = LINEAR, .rows = 33, .in = 31, .out = 65, .e = e}, true, false, true);
        conv_case((struct conv){.kind = LINEAR, .rows = 65, .in = 31, .out = 31, .e = e}, true, true, true);
        conv_case((struct conv){.kind = CONV, .rows = 129, .in = 22, .out = 129, .taps = 3, .stride = 1, .pad = 1, .dilation = 1, .e = e},
                  true, true, true);
        conv_case((struct conv){.kind = TRANSPOSED, .rows = 33, .in = 22, .out = 17, .taps = 20, .stride = 10, .pad = 5, .e = e}, true,
                  true, true);
        conv_case((struct conv){.kind = CONV,
                                .rows = 65,
                                .in = 128,
                                .out = 128,
                                .taps = 7,
                                .stride = 1,
                                .pad = 9,
                                .dilation = 3,
                                .e = e,
                                .add_in_place = true},
                  true, true, false);
    }
}

static void test_conv(void) {
    static const int taps[] = {1, 3, 5, 7, 11, 12, 20}, dilations[] = {1, 3, 5}, rows[] = {1, 31, 33, 65, 129};
    static const int channels[] = {1, 22, 31, 128};
    size_t k, d, r;

    for (k = 0; k < sizeof taps / sizeof *taps; k++)
        for (d = 0; d < 3; d++)
            for (r = 0; r < sizeof rows / sizeof *rows; r++) {
                int in = channels[(k + d + r) % 4], out = channels[(k + 2 * d + 3 * r) % 4],
                    pad = dilations[d] * (taps[k] - 1) / 2 + (taps[k] % 2 == 0);

                conv_case((struct conv){.kind = CONV,
                                        .rows = rows[r],
                                        .in = in,
                                        .out = out,
                                        .taps = taps[k],
                                        .stride = 1,
                                        .pad = pad,
                                        .dilation = dilations[d]},
                          r % 2 == 0, false, in * out < 5000);
            }
    /* more padding than input, no padding, strides */
    conv_case((struct conv){.kind = CONV, .rows = 2, .in = 22, .out = 31, .taps = 3, .stride = 1, .pad = 9, .dilation = 5}, true, false,
              true);
    conv_case((struct conv){.kind = CONV, .rows = 65, .in = 31, .out = 22, .taps = 5, .stride = 1, .pad = 0, .dilation = 3}, true, false,
              true);
    conv_case((struct conv){.kind = CONV, .rows = 6 * 65, .in = 22, .out = 256, .taps = 12, .stride = 6, .pad = 3, .dilation = 1}, true,
              false, true);
    conv_case((struct conv){.kind = CONV, .rows = 129, .in = 1, .out = 1, .taps = 3, .stride = 2, .pad = 1, .dilation = 1}, true, false,
              true);
    conv_case((struct conv){.kind = CONV, .rows = 331, .in = 31, .out = 33, .taps = 20, .stride = 10, .pad = 5, .dilation = 3}, true, false,
              true);
    conv_case((struct conv){.kind = CONV, .rows = 4097, .in = 31, .out = 65, .taps = 11, .stride = 1, .pad = 25, .dilation = 5}, true,
              false, false);
    conv_case((struct conv){.kind = CONV, .rows = 129, .in = 514, .out = 128, .taps = 3, .stride = 1, .pad = 1, .dilation = 1}, true, false,
              false);
}

/* Long enough for the fast form: every count of taps and of rows left over, in 1 to 256 channels. */
static void test_conv_fast(void) {
    static const int channels[] = {1, 22, 31, 128, 129, 256}, dilations[] = {1, 3, 5};
    int k, i;

    for (k = 3; k <= 17; k++)
        for (i = 0; i < 3; i++) {
            int d = dilations[i], in = channels[(k + i) % 6], out = channels[(2 * k + i) % 6], rows = d * 64 + (k * 7 + i * 5) % 41;
            struct cw_epilogue e = {.act = (enum cw_act)(k % 3), .slope = 0.1F, .scale = 0.5F};

            conv_case((struct conv){.kind = CONV,
                                    .rows = rows + 2 * (k % 4) * d,
                                    .in = in,
                                    .out = out,
                                    .taps = k,
                                    .stride = 1,
                                    .pad = d * (k - 1) / 2,
                                    .dilation = d,
                                    .e = e,
                                    .add_in_place = i == 1},
                      k % 2 == 0, i > 0, in * out < 5000 && i != 1);
        }
    /* taps wholly outside x on both sides, no padding at all, several tasks a phase */
    conv_case((struct conv){.kind = CONV, .rows = 3, .in = 22, .out = 31, .taps = 5, .stride = 1, .pad = 70, .dilation = 1}, true, false,
              true);
    conv_case((struct conv){.kind = CONV, .rows = 257, .in = 31, .out = 22, .taps = 11, .stride = 1, .pad = 0, .dilation = 3}, true, false,
              true);
    conv_case((struct conv){.kind = CONV, .rows = 4097, .in = 31, .out = 33, .taps = 7, .stride = 1, .pad = 9, .dilation = 3}, true, true,
              false);
}

static void test_conv_transpose(void) {
    static const struct {
        int taps, stride, pad, output_pad;
    } shapes[] = {{20, 10, 5, 0}, {12, 6, 3, 0}, {3, 2, 1, 1}, {3, 1, 1, 0}, {5, 3, 0, 2}, {2, 6, 0, 0}, {11, 4, 5, 3}, {1, 2, 0, 1}};
    static const int rows[] = {1, 2, 31, 65, 257}, channels[] = {1, 22, 33, 128};
    size_t s, r;

    for (s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (r = 0; r < sizeof rows / sizeof *rows; r++) {
            struct conv c = {.kind = TRANSPOSED,
                             .rows = rows[r],
                             .in = channels[(s + r) % 4],
                             .out = channels[(s + 2 * r + 1) % 4],
                             .taps = shapes[s].taps,
                             .stride = shapes[s].stride,
                             .pad = shapes[s].pad,
                             .output_pad = shapes[s].output_pad};

            if (conv_rows(&c) < 1)
                continue;
            conv_case(c, r % 2 == 0, false, true);
            c.kind = DEPTHWISE;
            conv_case(c, r % 2 == 0, false, true);
        }
}

/* ---- norms ------------------------------------------------------------------------------------------------------------------ */

struct norm {
    struct cw_mat x;
    const float *gain, *shift, *alpha;
    bool add_one, in_place;
    enum cw_norm_act act;
    int layer; /* 1: layer norm, 0: instance norm */
};

static int norm_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct norm *n = ctx;
    struct cw_mat x = n->x;
    int r;

    if (n->in_place) {
        for (r = 0; r < y.rows; r++)
            memcpy(at(y, r, 0), at(x, r, 0), (size_t)y.cols * sizeof(float));
        x = y;
    }
    if (n->layer)
        return cw_layer_norm(d, x, n->gain, n->shift, n->add_one, 1e-5F, y, err);
    return cw_instance_norm(d, x, (struct cw_instance_norm_params){n->gain, n->shift, 1e-5F, n->act, 0.2F, n->alpha, {0}}, y, err);
}

static void norm_direct(const struct norm *n, struct cw_mat y) {
    int rows = y.rows, cols = y.cols, count = n->layer ? cols : rows, outer = n->layer ? rows : cols, i, j;

    for (i = 0; i < outer; i++) {
        double mean = 0, variance = 0;

        for (j = 0; j < count; j++)
            mean += n->layer ? *at(n->x, i, j) : *at(n->x, j, i);
        mean /= count;
        for (j = 0; j < count; j++)
            variance += pow((n->layer ? *at(n->x, i, j) : *at(n->x, j, i)) - mean, 2);
        variance /= count;
        for (j = 0; j < count; j++) {
            int r = n->layer ? i : j, c = n->layer ? j : i;
            double v = (*at(n->x, r, c) - mean) / sqrt(variance + 1e-5F) * (n->gain[c] + (n->layer && n->add_one ? 1.0 : 0)) + n->shift[c];

            if (!n->layer && n->act == CW_NORM_LEAKY)
                v = v > 0 ? v : v * 0.2F;
            if (!n->layer && n->act == CW_NORM_SNAKE)
                v += pow(sin(n->alpha[c] * v), 2) / n->alpha[c];
            *at(y, r, c) = (float)v;
        }
    }
}

static void norm_case(int layer, int rows, int cols, bool add_one, bool in_place, enum cw_norm_act act, float offset) {
    float *gain = random_floats((size_t)cols, 11, 1), *shift = random_floats((size_t)cols, 12, 1),
          *alpha = random_floats((size_t)cols, 13, 1);
    struct norm n = {random_mat(rows, cols, cols + 3, 10, 1), gain, shift, alpha, add_one, in_place, act, layer};
    struct block want = block_open(rows, cols, cols), got = block_open(rows, cols, cols);
    struct cw_device *d = device("c", 1);
    struct cw_error err = {0};
    char what[160];
    double diff;
    int r, c;

    for (c = 0; c < cols; c++)
        alpha[c] = 0.3F + fabsf(alpha[c]);
    for (r = 0; r < rows; r++)
        for (c = 0; c < cols; c++)
            *at(n.x, r, c) += offset * (float)(1 + c % 3);
    snprintf(what, sizeof what, "%s norm of %d x %d around %g, act %d%s%s", layer ? "layer" : "instance", rows, cols, (double)offset,
             (int)act, in_place ? ", in place" : "", add_one ? ", 1 + gain" : "");
    compare(what, norm_run, &n, rows, cols, cols + 5, offset != 0 ? 1e-5 : 2e-6);
    norm_direct(&n, want.m);
    CHECKF(norm_run(d, &n, got.m, &err) == 0, "%s: %s", what, err.text);
    diff = difference(got.m, want.m);
    CHECKF(diff <= 1e-6, "%s on c: differs from the definition by %.3g", what, diff);
    cw_device_close(d);
    block_close(&want);
    block_close(&got);
    free(n.x.data);
    free(gain);
    free(shift);
    free(alpha);
}

static void test_layer_norm(void) {
    static const int rows[] = {1, 31, 65}, cols[] = {2, 22, 31, 128, 514, 768};
    size_t r, c;

    for (r = 0; r < 3; r++)
        for (c = 0; c < 6; c++)
            norm_case(1, rows[r], cols[c], (r + c) % 2 == 0, (r + c) % 3 == 0, CW_NORM_NONE, 0);
    norm_case(1, 33, 514, true, true, CW_NORM_NONE, 10);
}

static void test_instance_norm(void) {
    static const int rows[] = {2, 31, 33, 65, 129, 132, 4097}, cols[] = {1, 22, 31, 128, 514};
    size_t r, c;

    for (r = 0; r < 7; r++)
        for (c = 0; c < 5; c++)
            if (rows[r] * cols[c] < 1000000)
                norm_case(0, rows[r], cols[c], false, (r + c) % 2 == 0, (enum cw_norm_act)((r + c) % 3), 0);
    norm_case(0, 1025, 33, false, true, CW_NORM_SNAKE, 30); /* deviations far smaller than the mean; two chunks */
    norm_case(0, 66000, 3, false, false, CW_NORM_NONE, 0);  /* more rows than chunks of the least size */
}

/* ---- attention, LSTM --------------------------------------------------------------------------------------------------------- */

struct attention {
    struct cw_mat q, k, v;
    int heads;
};

static int attention_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct attention *a = ctx;

    return cw_attention(d, a->q, a->k, a->v, a->heads, y, err);
}

static void attention_case(int rows, int keys, int heads, int width, float scale) {
    int cols = heads * width, h, r, k, c;
    struct attention a = {random_mat(rows, cols, cols + 2, 20, scale), random_mat(keys, cols, cols + 3, 21, 1),
                          random_mat(keys, cols, cols + 4, 22, 1), heads};
    struct block want = block_open(rows, cols, cols), got = block_open(rows, cols, cols);
    double *p = malloc(sizeof *p * (size_t)keys), diff;
    struct cw_device *d = device("c", 1);
    struct cw_error err = {0};
    char what[100];

    if (!p)
        abort();
    snprintf(what, sizeof what, "attention %d x %d, %d heads of %d, scale %g", rows, keys, heads, width, (double)scale);
    compare(what, attention_run, &a, rows, cols, cols + 5, 1e-6 * fmax(4, scale * 2));
    for (h = 0; h < heads; h++)
        for (r = 0; r < rows; r++) {
            double most = -INFINITY, total = 0;

            for (k = 0; k < keys; k++) {
                p[k] = 0;
                for (c = 0; c < width; c++)
                    p[k] += (double)*at(a.q, r, h * width + c) * (double)*at(a.k, k, h * width + c);
                p[k] /= sqrt(width);
                most = fmax(most, p[k]);
            }
            for (k = 0; k < keys; k++)
                total += p[k] = exp(p[k] - most);
            for (c = 0; c < width; c++) {
                double sum = 0;

                for (k = 0; k < keys; k++)
                    sum += p[k] / total * *at(a.v, k, h * width + c);
                *at(want.m, r, h * width + c) = (float)sum;
            }
        }
    CHECKF(attention_run(d, &a, got.m, &err) == 0, "%s: %s", what, err.text);
    diff = difference(got.m, want.m);
    CHECKF(diff <= 1e-6 * fmax(1, scale / 4), "%s on c: differs from the definition by %.3g", what, diff);
    cw_device_close(d);
    block_close(&want);
    block_close(&got);
    free(a.q.data);
    free(a.k.data);
    free(a.v.data);
    free(p);
}

static void test_attention(void) {
    attention_case(1, 1, 1, 1, 1);
    attention_case(31, 31, 12, 64, 1);
    attention_case(33, 65, 3, 22, 1);
    attention_case(65, 33, 2, 31, 3);
    attention_case(129, 129, 2, 64, 30); /* weights near 0 and 1 */
    attention_case(5, 513, 1, 128, 1);
    attention_case(2, 64, 1, 256, 1);
}

struct lstm {
    struct cw_mat x;
    const float *w[2][4]; /* direction: ih, hh, bias_ih, bias_hh */
    int in, hidden;
};

static int lstm_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct lstm *l = ctx;
    struct cw_lstm *p[2] = {0};
    struct block scratch = block_open(l->x.rows, 8 * l->hidden, 8 * l->hidden + 1);
    int status = -1, i;

    for (i = 0; i < 2; i++)
        if (cw_lstm_open(&p[i], d, l->w[i][0], l->w[i][1], l->w[i][2], l->w[i][3], l->in, l->hidden, err) != 0)
            goto done;
    status = cw_lstm_bidirectional(d, l->x, p[0], p[1], scratch.m, y, err);
    CHECKF(block_kept(&scratch), "lstm wrote outside its scratch");
done:
    cw_lstm_close(p[0]);
    cw_lstm_close(p[1]);
    block_close(&scratch);
    return status;
}

static void lstm_case(int rows, int in, int hidden) {
    struct lstm l = {.x = random_mat(rows, in, in + 3, 30, 1), .in = in, .hidden = hidden};
    struct block want = block_open(rows, 2 * hidden, 2 * hidden), got = block_open(rows, 2 * hidden, 2 * hidden);
    double *h = calloc((size_t)hidden * 6, sizeof *h), *c = h + hidden, *g = h + 2 * hidden, diff;
    float *weights[2][4];
    struct cw_device *d = device("c", 1);
    struct cw_error err = {0};
    char what[100];
    int dir, i, j, step;

    if (!h)
        abort();
    for (dir = 0; dir < 2; dir++) {
        size_t sizes[4] = {(size_t)4 * hidden * in, (size_t)4 * hidden * hidden, (size_t)4 * hidden, (size_t)4 * hidden};

        for (i = 0; i < 4; i++)
            l.w[dir][i] = weights[dir][i] =
                random_floats(sizes[i], (uint64_t)(40 + dir * 4 + i), i < 2 ? 2 / sqrtf((float)(in + hidden)) : 0.3F);
    }
    snprintf(what, sizeof what, "lstm %d x %d -> %d", rows, in, hidden);
    compare(what, lstm_run, &l, rows, 2 * hidden, 2 * hidden + 5, 1e-5);
    for (dir = 0; dir < 2; dir++) {
        memset(h, 0, sizeof *h * (size_t)hidden * 2);
        for (step = 0; step < rows; step++) {
            int t = dir ? rows - 1 - step : step;

            for (i = 0; i < 4 * hidden; i++) {
                g[i] = (double)l.w[dir][2][i] + (double)l.w[dir][3][i];
                for (j = 0; j < in; j++)
                    g[i] += (double)l.w[dir][0][(size_t)i * in + j] * (double)*at(l.x, t, j);
                for (j = 0; j < hidden; j++)
                    g[i] += (double)l.w[dir][1][(size_t)i * hidden + j] * h[j];
            }
            for (j = 0; j < hidden; j++) {
                double in_gate = 1 / (1 + exp(-g[j])), forget = 1 / (1 + exp(-g[hidden + j])), out = 1 / (1 + exp(-g[3 * hidden + j]));

                c[j] = forget * c[j] + in_gate * tanh(g[2 * hidden + j]);
                h[j] = out * tanh(c[j]);
                *at(want.m, t, dir * hidden + j) = (float)h[j];
            }
        }
    }
    CHECKF(lstm_run(d, &l, got.m, &err) == 0, "%s: %s", what, err.text);
    diff = difference(got.m, want.m);
    CHECKF(diff <= 3e-6, "%s on c: differs from the definition by %.3g", what, diff);
    cw_device_close(d);
    block_close(&want);
    block_close(&got);
    for (i = 0; i < 8; i++)
        free(weights[i / 4][i % 4]);
    free(l.x.data);
    free(h);
}

static void test_lstm(void) {
    lstm_case(1, 1, 1);
    lstm_case(2, 22, 7);
    lstm_case(33, 31, 33);
    lstm_case(65, 640, 256);
    lstm_case(129, 5, 16);
}

/* ---- element by element -------------------------------------------------------------------------------------------------------- */

struct elements {
    int which; /* 0 leaky, 1 add, 2 copy, 3 fill, 4 exp, 5 sin, 6 repeat, 7 gather */
    struct cw_mat x, z;
    const float *row;
    const int *index;
    bool in_place;
};

static int elements_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct elements *e = ctx;
    struct cw_mat x = e->x;
    int r;

    if (e->in_place) {
        for (r = 0; r < y.rows; r++)
            memcpy(at(y, r, 0), at(x, r, 0), (size_t)y.cols * sizeof(float));
        x = y;
    }
    switch (e->which) {
    case 0:
        return cw_leaky(d, x, 0.1F, y, err);
    case 1:
        return cw_add(d, x, e->z, 0.70710678F, y, err);
    case 2:
        return cw_copy(d, x, y, err);
    case 3:
        return cw_fill_rows(d, e->row, y, err);
    case 4:
        return cw_exp(d, x, y, err);
    case 5:
        return cw_sin(d, x, y, err);
    case 6:
        return cw_repeat_rows(d, x, e->index, y, err);
    default:
        return cw_gather_rows(d, e->row, 40, e->index, y, err);
    }
}

static double element_direct(const struct elements *e, int r, int c) {
    double x = *at(e->x, r, c);

    switch (e->which) {
    case 0:
        return x > 0 ? x : x * 0.1F;
    case 1:
        return (x + *at(e->z, r, c)) * 0.70710678;
    case 2:
        return x;
    case 3:
        return e->row[c];
    case 4:
        return exp(x);
    default:
        return sin(x);
    }
}

static void test_elements(void) {
    static const int rows[] = {1, 31, 33, 65, 129, 4097}, cols[] = {1, 22, 31, 128, 514};
    static const char *const names[] = {"leaky", "add", "copy", "fill_rows", "exp", "sin"};
    size_t i, j;
    int which, r, c;

    for (which = 0; which < 6; which++)
        for (i = 0; i < 6; i++)
            for (j = 0; j < 5; j++) {
                int T = rows[i], C = cols[j], pad = (int)(i + j) % 2 * 3; /* dense and not */
                float *row = random_floats((size_t)C, 52, 1);
                struct elements e = {which,
                                     random_mat(T, C, C + pad, 50, 3),
                                     random_mat(T, C, C + pad, 51, 1),
                                     row,
                                     NULL,
                                     which != 3 && which != 2 && (i + j) % 3 == 0};
                struct block got = block_open(T, C, C + pad);
                struct cw_device *d = device("c", 2);
                struct cw_error err = {0};
                double worst = 0;

                if ((size_t)T * C > 1000000) {
                    T = 515; /* plain C is slow */
                    e.x.rows = e.z.rows = got.m.rows = T;
                    got.n = (size_t)T * (C + pad) + 2 * GUARD;
                }
                compare(names[which], elements_run, &e, T, C, C + pad, 3e-7);
                CHECK(elements_run(d, &e, got.m, &err) == 0);
                for (r = 0; r < T; r++)
                    for (c = 0; c < C; c++)
                        worst = fmax(worst, fabs(*at(got.m, r, c) - element_direct(&e, r, c)) / fmax(1, fabs(element_direct(&e, r, c))));
                CHECKF(worst <= 1.5e-7, "%s on c: differs from the definition by %.3g", names[which], worst);
                cw_device_close(d);
                block_close(&got);
                free(e.x.data);
                free(e.z.data);
                free(row);
            }
}

static void test_rows(void) {
    enum { IN = 33, C = 31, V = 40 };
    int repeats[IN], ids[257], total = 0, r, k, out = 0;
    float *table = random_floats((size_t)V * C, 61, 1);
    struct elements e = {6, random_mat(IN, C, C + 2, 60, 1), {0}, table, repeats, false};
    struct block y;
    struct cw_device *d = device("c", 1);
    struct cw_error err = {0};

    for (r = 0; r < IN; r++)
        total += repeats[r] = r % 5;
    for (r = 0; r < 257; r++)
        ids[r] = r * 7 % V;
    compare("repeat_rows", elements_run, &e, total, C, C + 1, 0);
    y = block_open(total, C, C);
    CHECK(elements_run(d, &e, y.m, &err) == 0);
    for (r = 0; r < IN; r++)
        for (k = 0; k < repeats[r]; k++)
            CHECK(memcmp(at(y.m, out++, 0), at(e.x, r, 0), C * sizeof(float)) == 0);
    CHECK(out == total);
    block_close(&y);
    e.which = 7;
    e.index = ids;
    compare("gather_rows", elements_run, &e, 257, C, C + 1, 0);
    y = block_open(257, C, C);
    CHECK(elements_run(d, &e, y.m, &err) == 0);
    for (r = 0; r < 257; r++)
        CHECK(memcmp(at(y.m, r, 0), table + (size_t)ids[r] * C, C * sizeof(float)) == 0);
    block_close(&y);
    cw_device_close(d);
    free(e.x.data);
    free(table);
}

/* Over their whole ranges, on every instruction set, against the double functions of the C library. */
static void test_functions(void) {
    enum { N = 100003 };
    static float x[N], y[N], one[1] = {1}, zero[1] = {0};
    struct cw_mat mx = {x, N, 1, 1}, my = {y, N, 1, 1};
    struct cw_error err = {0};
    const char *const *isa;
    int i;

    for (isa = cw_device_isas(); *isa; isa++) {
        struct cw_device *d = device(*isa, 2);
        double worst = 0, far = 0, relative = 0, snake = 0;
        double sum = 0, squares = 0, mean, deviation;
        struct cw_instance_norm_params p = {one, zero, 0, CW_NORM_SNAKE, 0, one, {0}};

        for (i = 0; i < N; i++)
            x[i] = (float)(i - N / 2) * 0.1F; /* to 5,000 rad */
        CHECK(cw_sin(d, mx, my, &err) == 0);
        for (i = 0; i < N; i++)
            worst = fmax(worst, fabs(y[i] - sin(x[i])));
        CHECKF(worst < 1.5e-7, "%s: sin is off by %.3g", *isa, worst);
        for (i = 0; i < N; i++)
            x[i] *= 977; /* to 4.9 million */
        CHECK(cw_sin(d, mx, my, &err) == 0);
        for (i = 0; i < N; i++)
            far = fmax(far, fabs(y[i] - sin(x[i])));
        CHECKF(far < 2e-7, "%s: sin of large numbers is off by %.3g", *isa, far);
        for (i = 0; i < N; i++)
            x[i] = -87 + 175 * (float)i / N;
        CHECK(cw_exp(d, mx, my, &err) == 0);
        for (i = 0; i < N; i++)
            relative = fmax(relative, fabs(y[i] / exp(x[i]) - 1));
        CHECKF(relative < 2e-7, "%s: exp is off by %.3g of its value", *isa, relative);
        x[0] = -INFINITY;
        x[1] = -1000;
        x[2] = 1000;
        x[3] = INFINITY;
        x[4] = NAN;
        x[5] = 0;
        x[6] = -100;
        CHECK(cw_exp(d, mx, my, &err) == 0);
        CHECK(y[0] == 0 && y[1] == 0 && y[2] == INFINITY && y[3] == INFINITY && isnan(y[4]) && y[5] == 1);
        CHECK(y[6] > 0 && y[6] < 1e-42F);
        CHECK(cw_sin(d, mx, my, &err) == 0);
        CHECK(isnan(y[0]) && isnan(y[3]) && isnan(y[4]) && y[5] == 0);
        /* Snake, alone: gain = deviation and shift = mean undo the normalisation up to rounding */
        for (i = 0; i < N; i++) {
            x[i] = (float)(i - N / 2) * 0.0004F; /* to 20 */
            sum += x[i];
        }
        mean = sum / N;
        for (i = 0; i < N; i++)
            squares += (x[i] - mean) * (x[i] - mean);
        deviation = sqrt(squares / N);
        one[0] = (float)deviation;
        zero[0] = (float)mean;
        p.alpha = (const float[]){2.5F};
        CHECK(cw_instance_norm(d, mx, p, my, &err) == 0);
        for (i = 0; i < N; i++) {
            float v = (float)((x[i] - mean) / deviation) * one[0] + zero[0];
            double want = v + pow(sin(2.5 * (double)v), 2) / 2.5;

            snake = fmax(snake, fabs(y[i] - want));
        }
        CHECKF(snake < 8e-6, "%s: Snake is off by %.3g", *isa, snake); /* 4 roundings of numbers near 20 */
        one[0] = 1;
        zero[0] = 0;
        cw_device_close(d);
    }
}

/* ---- device, pool, arena, refusals ------------------------------------------------------------------------------------------------ */

static void test_device(void) {
    struct cw_device_params params = cw_device_params_default();
    struct cw_device *d = NULL;
    struct cw_error err = {0};
    const char *const *isa = cw_device_isas();
    const char *before = getenv("CASTWRIGHT_ISA");
    char *saved = before ? cw_strdup(before) : NULL;
    int n = 0;

    params.isa = "mmx";
    CHECK_REFUSED(cw_device_open(&d, params, &err), &err, "avx512", "mmx");
    CHECK(d == NULL && err.code == CW_BAD_INPUT);
    params.isa = NULL;
    setenv("CASTWRIGHT_ISA", "neon", 1);
    CHECK_REFUSED(cw_device_open(&d, params, &err), &err, "CASTWRIGHT_ISA", "neon");
    setenv("CASTWRIGHT_ISA", "c", 1);
    CHECK(cw_device_open(&d, params, &err) == 0 && strcmp(cw_device_isa(d), "c") == 0);
    cw_device_close(d);
    unsetenv("CASTWRIGHT_ISA");
    CHECK(cw_device_open(&d, params, &err) == 0 && strcmp(cw_device_isa(d), isa[0]) == 0);
    CHECK(cw_device_threads(d) >= 1);
    cw_device_close(d);
    params.threads = -1;
    CHECK_REFUSED(cw_device_open(&d, params, &err), &err, "threads", "-1");
    params.threads = 100000;
    CHECK_REFUSED(cw_device_open(&d, params, &err), &err, "threads", "100000");
    for (; isa[n]; n++) {
        params.threads = 3;
        params.isa = isa[n];
        CHECK(cw_device_open(&d, params, &err) == 0 && strcmp(cw_device_isa(d), isa[n]) == 0 && cw_device_threads(d) == 3);
        cw_device_close(d);
    }
    CHECK_STR(isa[n - 1], "c");
    if (saved)
        setenv("CASTWRIGHT_ISA", saved, 1);
    free(saved);
}

struct stress {
    int hits[97];
};

static void stress_task(void *arg, int i) {
    struct stress *s = arg;

    s->hits[i]++; /* each number belongs to one task: no lock needed */
}

struct caller {
    struct cw_device *d;
    long total;
};

static void *stress_caller(void *arg) {
    struct caller *c = arg;
    struct stress s;
    int round, i;

    for (round = 0; round < 4000; round++) {
        int n = round % 98;

        memset(&s, 0, sizeof s);
        cw_parallel(c->d, n, stress_task, &s);
        for (i = 0; i < 97; i++)
            c->total += s.hits[i] == (i < n);
    }
    return NULL;
}

static void test_pool(void) {
    int threads, i;

    for (threads = 1; threads <= 4; threads++) {
        struct cw_device *d = device("c", threads);
        struct caller callers[2] = {{d, 0}, {d, 0}};
        pthread_t other;

        CHECK(pthread_create(&other, NULL, stress_caller, &callers[1]) == 0); /* two callers take turns */
        stress_caller(&callers[0]);
        pthread_join(other, NULL);
        for (i = 0; i < 2; i++)
            CHECKF(callers[i].total == 4000L * 97, "%d threads: %ld of %ld task counts were right", threads, callers[i].total, 4000L * 97);
        cw_device_close(d);
    }
}

static void test_arena(void) {
    struct cw_arena *a = NULL;
    struct cw_error err = {0};
    struct cw_mat m, n;
    size_t mark;
    int i;

    CHECK_REFUSED(cw_arena_open(&a, 0, &err), &err, "arena");
    if (!CHECK(cw_arena_open(&a, 1 << 20, &err) == 0))
        return;
    for (i = 1; i < 600; i++) {
        mark = cw_arena_mark(a);
        CHECK(cw_arena_mat(a, 3, i, &m, &err) == 0);
        CHECK((uintptr_t)m.data % 64 == 0 && m.stride >= i && m.stride <= i + i / 10 + 16 && m.rows == 3 && m.cols == i);
        *at(m, 2, i - 1) = 1;
        cw_arena_release(a, mark);
        CHECK(cw_arena_mark(a) == mark);
    }
    CHECK(cw_arena_mat(a, 100, 100, &m, &err) == 0);
    mark = cw_arena_mark(a);
    CHECK(cw_arena_mat(a, 1000, 100, &n, &err) == 0);
    CHECK(n.data >= m.data + 100 * (size_t)m.stride);
    CHECK_REFUSED(cw_arena_mat(a, 2000, 100, &n, &err), &err, "2000 x 100", "1 MiB");
    CHECK_REFUSED(cw_arena_mat(a, INT32_MAX, INT32_MAX, &n, &err), &err, "arena");
    CHECK_REFUSED(cw_arena_mat(a, -1, 5, &n, &err), &err, "-1 x 5");
    CHECK(cw_arena_mark(a) > mark);
    cw_arena_release(a, mark);
    *at(m, 99, 99) = 7;
    cw_arena_trim(a);
    CHECK(*at(m, 99, 99) == 7);
    CHECK(cw_arena_mat(a, 1000, 100, &n, &err) == 0 && *at(n, 999, 99) == 0);
    m = cw_mat_rows(cw_mat_cols(n, 10, 5), 3, 2);
    CHECK(m.data == at(n, 3, 10) && m.rows == 2 && m.cols == 5 && m.stride == n.stride);
    cw_arena_close(a);
}

static void test_refusals(void) {
    static float numbers[4096];
    struct cw_mat x = {numbers, 8, 6, 6}, y = {numbers + 1000, 8, 5, 5}, none = {0};
    struct cw_device *d = device("c", 1), *other = device(cw_device_isas()[0], 1);
    struct cw_weight *w = NULL, *wide = NULL, *transposed = NULL;
    struct cw_lstm *l = NULL;
    struct cw_epilogue e = {0};
    struct cw_error err = {0};
    int ids[8] = {0, 1, 2, 3, 4, 5, 6, 9};

    CHECK_REFUSED(cw_weight_open(&w, d, numbers, 0, 6, 1, NULL, &err), &err, "0 x 6 x 1");
    CHECK(w == NULL);
    CHECK_REFUSED(cw_weight_open_transposed(&w, d, numbers, 6, 5, 4, 0, NULL, &err), &err, "stride", "0");
    if (!CHECK(cw_weight_open(&w, d, numbers, 5, 6, 1, NULL, &err) == 0 && cw_weight_open(&wide, d, numbers, 5, 6, 3, NULL, &err) == 0 &&
               cw_weight_open_transposed(&transposed, d, numbers, 6, 5, 4, 2, NULL, &err) == 0 &&
               cw_lstm_open(&l, d, numbers, numbers, numbers, numbers, 6, 4, &err) == 0))
        goto done;
    CHECK(cw_linear(d, x, w, e, y, &err) == 0);
    CHECK_REFUSED(cw_linear(d, x, wide, e, y, &err), &err, "linear", "1 tap", "3");
    CHECK_REFUSED(cw_linear(d, cw_mat_cols(x, 0, 4), w, e, y, &err), &err, "linear", "6 columns", "8 x 4");
    CHECK_REFUSED(cw_linear(d, x, w, e, cw_mat_rows(y, 0, 7), &err), &err, "linear: y", "8 x 5", "7 x 5");
    CHECK_REFUSED(cw_linear(d, x, w, e, (struct cw_mat){numbers, 8, 5, 4}, &err), &err, "stride 4");
    CHECK_REFUSED(cw_linear(d, x, w, e, (struct cw_mat){numbers, 8, 5, 6}, &err), &err, "another matrix");
    CHECK_REFUSED(cw_linear(d, x, transposed, e, y, &err), &err, "linear");
    CHECK_REFUSED(cw_conv1d(d, x, transposed, 1, 0, 1, e, y, &err), &err, "conv1d", "ordinary");
    CHECK_REFUSED(cw_conv1d(d, x, wide, 1, 0, 1, e, y, &err), &err, "conv1d: y", "6 x 5", "8 x 5");
    CHECK_REFUSED(cw_conv1d(d, x, wide, 0, 1, 1, e, y, &err), &err, "stride");
    CHECK_REFUSED(cw_conv1d(d, x, wide, 1, -1, 1, e, y, &err), &err, "pad");
    e.add = cw_mat_rows(y, 0, 3);
    CHECK_REFUSED(cw_conv1d(d, x, wide, 1, 1, 1, e, y, &err), &err, "add", "8 x 5", "3 x 5");
    e.add = none;
    CHECK_REFUSED(cw_conv_transpose1d(d, x, w, 1, 0, e, y, &err), &err, "transposed");
    CHECK_REFUSED(cw_conv_transpose1d(d, x, transposed, 1, 0, e, y, &err), &err, "16 x 5", "8 x 5");
    CHECK_REFUSED(cw_conv_transpose1d(d, x, transposed, 1, 2, e, y, &err), &err, "output pad");
    CHECK_REFUSED(cw_conv_transpose1d_depthwise(d, x, numbers, NULL, 3, 2, 1, 1, y, &err), &err, "16 x 6", "8 x 5");
    CHECK_REFUSED(cw_layer_norm(d, x, numbers, numbers, false, 1e-5F, y, &err), &err, "layer_norm", "8 x 6", "8 x 5");
    CHECK_REFUSED(cw_layer_norm(d, x, NULL, numbers, false, 1e-5F, x, &err), &err, "gain");
    CHECK_REFUSED(cw_instance_norm(d, x, (struct cw_instance_norm_params){numbers, numbers, 1e-5F, CW_NORM_SNAKE, 0, NULL, {0}}, x, &err),
                  &err, "alpha");
    CHECK_REFUSED(cw_instance_norm(d, x, (struct cw_instance_norm_params){numbers, numbers, 1e-5F, CW_NORM_NONE, 0, NULL, {0}}, y, &err),
                  &err, "instance_norm", "8 x 6", "8 x 5");
    CHECK_REFUSED(cw_attention(d, x, x, x, 4, y, &err), &err, "attention", "6 columns", "4 heads");
    CHECK_REFUSED(cw_attention(d, x, x, x, 2, y, &err), &err, "attention", "8 x 6");
    CHECK_REFUSED(cw_lstm_bidirectional(d, x, l, l, y, y, &err), &err, "scratch", "8 x 32", "8 x 5");
    CHECK_REFUSED(cw_leaky(d, x, 0.1F, y, &err), &err, "leaky", "8 x 6");
    CHECK_REFUSED(cw_add(d, x, y, 1, x, &err), &err, "add: b", "8 x 6", "8 x 5");
    CHECK_REFUSED(cw_copy(d, (struct cw_mat){NULL, 8, 5, 5}, y, &err), &err, "copy: x", "no data");
    CHECK_REFUSED(cw_fill_rows(d, NULL, y, &err), &err, "fill_rows");
    CHECK_REFUSED(cw_gather_rows(d, numbers, 9, ids, y, &err), &err, "row 7", "0 to 8", "found 9");
    ids[3] = -2;
    CHECK_REFUSED(cw_repeat_rows(d, x, ids, y, &err), &err, "row 3", "-2");
    ids[3] = 0;
    CHECK_REFUSED(cw_repeat_rows(d, x, ids, y, &err), &err, "y", "27 x 6", "8 x 5");
    CHECK_REFUSED(cw_exp(d, x, y, &err), &err, "exp");
    CHECK_REFUSED(cw_sin(d, x, y, &err), &err, "sin");
    if (strcmp(cw_device_isa(other), "c") != 0)
        CHECK_REFUSED(cw_linear(other, x, w, e, y, &err), &err, "packed for", "\"c\"");
done:
    cw_weight_close(w);
    cw_weight_close(wide);
    cw_weight_close(transposed);
    cw_lstm_close(l);
    cw_device_close(d);
    cw_device_close(other);
}

const struct cw_test cw_tests_kernels[] = {
    {"kernels.device", "instruction sets are chosen, forced and refused by name", test_device},
    {"kernels.pool", "every task runs once, with many small jobs and two callers", test_pool},
    {"kernels.arena", "matrices are aligned, apart, and refused past the reserve", test_arena},
    {"kernels.refusals", "wrong shapes are refused with operation, expected and found", test_refusals},
    {"kernels.linear", "linear: definition, every instruction set, threads, guards", test_linear},
    {"kernels.epilogue", "activations, residual and scale in the store of a gemm", test_epilogue},
    {"kernels.conv1d", "dilated and strided convolutions at odd sizes", test_conv},
    {"kernels.conv1d_fast", "long convolutions by Toom and Cook's method", test_conv_fast},
    {"kernels.conv_transpose1d", "transposed convolutions by phases, and one filter per channel", test_conv_transpose},
    {"kernels.layer_norm", "layer norm of odd widths, in place, with 1 + gain", test_layer_norm},
    {"kernels.instance_norm", "instance norm with leaky and Snake, chunked statistics", test_instance_norm},
    {"kernels.attention", "softmax attention, blocks of keys against the definition", test_attention},
    {"kernels.lstm", "both directions against the recurrence in double", test_lstm},
    {"kernels.elements", "leaky, add, copy, fill, exp, sin", test_elements},
    {"kernels.rows", "repeat and gather rows", test_rows},
    {"kernels.functions", "sin, exp and Snake over their ranges, and their special values", test_functions},
    {0},
};

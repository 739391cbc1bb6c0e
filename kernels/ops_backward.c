/* Launchers of the backward operations.
 *
 *   convolution: dy -> convolution with the weight turned round (flipped, or of the other kind) -> dx, by the forward kernels
 *   weight: x in panels, taps as row offsets -> dy^T x, by the convolution kernel with time as its inputs
 *   norm: dy -> dv and its sums -> dx; LSTM: back through time, one product with W_hh^T a step */
#include "kernels/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TASK_ELEMENTS = 16384, STATS_CHUNK = 256 };

/* ---- convolutions ---------------------------------------------------------------------------------------------------- */

int cw_weight_open_backward(struct cw_weight **p, struct cw_device *d, const float *w, int out, int in, int taps, int stride,
                            struct cw_error *err) {
    float *flipped = NULL;
    int status = -1;

    *p = NULL;
    if (stride > 1) {
        /* row t of x meets row q of y at tap t + pad - q stride: a transposed convolution of dy */
        status = cw_weight_open_transposed(p, d, w, out, in, taps, stride, NULL, err);
        goto done;
    }
    if (out < 1 || in < 1 || taps < 1 || !w) {
        cw_fail(err, CW_BAD_INPUT, "weight: expected out, in and taps of at least 1, found %d x %d x %d", out, in, taps);
        goto done;
    }
    flipped = malloc((size_t)out * in * taps * sizeof *flipped);
    if (!flipped) {
        cw_fail_memory(err, "weight");
        goto done;
    }
    for (int n = 0; n < out; n++)
        for (int c = 0; c < in; c++)
            for (int k = 0; k < taps; k++)
                flipped[((size_t)c * out + n) * taps + taps - 1 - k] = w[((size_t)n * in + c) * taps + k];
    status = cw_weight_open(p, d, flipped, in, out, taps, NULL, err);
done:
    free(flipped);
    return status;
}

int cw_weight_open_transposed_backward(struct cw_weight **p, struct cw_device *d, const float *w, int in, int out, int taps,
                                       struct cw_error *err) {
    return cw_weight_open(p, d, w, in, out, taps, NULL, err);
}

int cw_conv1d_backward(struct cw_device *d, struct cw_mat dy, const struct cw_weight *w, int stride, int pad, int dilation, bool add,
                       struct cw_mat dx, struct cw_error *err) {
    const struct cw_epilogue e = {.add = add ? dx : (struct cw_mat){0}};
    int rest;

    if (stride <= 1)
        return cw_conv1d(d, dy, w, 1, dilation * (w->taps - 1) - pad, dilation, e, dx, err);
    if (dilation != 1 || w->stride != stride)
        return cw_fail(err, CW_BAD_INPUT, "conv1d_backward: expected stride %d and dilation 1, found %d and %d", w->stride, stride,
                       dilation);
    rest = dx.rows - ((dy.rows - 1) * stride - 2 * pad + w->taps); /* rows at the end that no tap reached in whole */
    return cw_conv_transpose1d(d, dy, w, pad, rest, e, dx, err);
}

int cw_conv_transpose1d_backward(struct cw_device *d, struct cw_mat dy, const struct cw_weight *w, int stride, int pad, bool add,
                                 struct cw_mat dx, struct cw_error *err) {
    return cw_conv1d(d, dy, w, stride, pad, 1, (struct cw_epilogue){.add = add ? dx : (struct cw_mat){0}}, dx, err);
}

/* dw[n, c, k] = sum over t of dy[t, n] x[t stride + k dilation - pad, c]: a product with time as the inputs, of which a panel of
 * x's columns is the weight. Where the stride is 1, the panels of all taps are one, read from another row on. */
struct weight_tasks {
    const struct cw_kernels *kernels;
    struct cw_mat x, turned; /* turned: dy^T, [N, T] */
    struct cw_mat packed;    /* [panels * rows of one, panel] */
    struct cw_mat products;  /* [tasks * N, panel] */
    const float *zeros;      /* [panel] */
    int rows, taps, panels, stride, pad, dilation;
    float *dw;
};

static void pack_task(void *arg, int i) {
    const struct weight_tasks *t = arg;
    const int panel = t->kernels->panel, copies = t->stride > 1 ? t->taps : 1, p = i / copies, k = i % copies, left = t->x.cols - p * panel;

    for (int row = 0; row < t->rows; row++) {
        const int at = row * t->stride + k * t->dilation - t->pad;
        float *to = t->packed.data + ((size_t)i * t->rows + row) * panel;

        for (int c = 0; c < panel; c++)
            to[c] = at >= 0 && at < t->x.rows && c < left ? t->x.data[(ptrdiff_t)at * t->x.stride + p * panel + c] : 0;
    }
}

static void weight_task(void *arg, int i) {
    const struct weight_tasks *t = arg;
    const int panel = t->kernels->panel, p = i / t->taps, k = i % t->taps, N = t->turned.rows, C = t->x.cols, left = C - p * panel;
    const size_t from = t->stride > 1 ? (size_t)i * t->rows : (size_t)p * t->rows + (size_t)k * t->dilation;
    float *products = t->products.data + (size_t)i * N * panel;
    const struct cw_conv_job job = {.x = t->turned.data,
                                    .x_stride = t->turned.stride,
                                    .x_rows = N,
                                    .in = t->turned.cols,
                                    .taps = 1,
                                    .step = 1,
                                    .dilation = 1,
                                    .w = t->packed.data + from * panel,
                                    .packed_taps = 1,
                                    .bias = t->zeros,
                                    .y = products,
                                    .y_stride = panel,
                                    .out = left < panel ? left : panel,
                                    .scale = 1,
                                    .last_slope = 1};

    t->kernels->conv(&job, 0, N, 0, 1);
    for (int n = 0; n < N; n++)
        for (int c = 0; c < job.out; c++)
            t->dw[((size_t)n * C + p * panel + c) * t->taps + k] += products[(size_t)n * panel + c];
}

int cw_conv1d_backward_weight(struct cw_device *d, struct cw_arena *a, struct cw_mat x, struct cw_mat dy, int taps, int stride, int pad,
                              int dilation, float *dw, struct cw_error *err) {
    static const char *const what = "conv1d_backward_weight";
    static const float zeros[64];
    const size_t mark = cw_arena_mark(a);
    const int panel = d->kernels->panel, panels = (x.cols + panel - 1) / panel;
    struct weight_tasks t = {.kernels = d->kernels,
                             .x = x,
                             .zeros = zeros,
                             .taps = taps,
                             .panels = panels,
                             .stride = stride,
                             .pad = pad,
                             .dilation = dilation,
                             .dw = dw};
    int status = -1;

    if (cw_check_mat(what, "x", x, err) != 0 || cw_check_mat(what, "dy", dy, err) != 0)
        goto done;
    if (taps < 1 || stride < 1 || dilation < 1 || pad < 0 || dy.rows != (x.rows + 2 * pad - dilation * (taps - 1) - 1) / stride + 1) {
        cw_fail(err, CW_BAD_INPUT, "%s: %d rows of dy are not those of a convolution of %d rows, taps %d, stride %d, pad %d, dilation %d",
                what, dy.rows, x.rows, taps, stride, pad, dilation);
        goto done;
    }
    t.rows = stride > 1 ? dy.rows : dy.rows + (taps - 1) * dilation;
    const int copies = panels * (stride > 1 ? taps : 1);
    if (cw_arena_mat(a, dy.cols, dy.rows, &t.turned, err) != 0 || cw_arena_mat(a, 1, copies * t.rows * panel, &t.packed, err) != 0 ||
        cw_arena_mat(a, 1, panels * taps * dy.cols * panel, &t.products, err) != 0)
        goto done;
    for (int q = 0; q < dy.rows; q++)
        for (int n = 0; n < dy.cols; n++)
            t.turned.data[(ptrdiff_t)n * t.turned.stride + q] = dy.data[(ptrdiff_t)q * dy.stride + n];
    cw_parallel(d, copies, pack_task, &t);
    cw_parallel(d, panels * taps, weight_task, &t);
    status = 0;
done:
    cw_arena_release(a, mark);
    return status;
}

int cw_conv_transpose1d_depthwise_backward(struct cw_device *d, struct cw_mat dy, const float *w, int taps, int stride, int pad, bool add,
                                           struct cw_mat dx, struct cw_error *err) {
    static const char *const what = "conv_transpose1d_depthwise_backward";

    (void)d; /* some thousand rows at most */
    if (cw_check_mat(what, "dy", dy, err) != 0 || cw_check_shape(what, "dx", dx, dx.rows, dy.cols, err) != 0)
        return -1;
    for (int t = 0; t < dx.rows; t++)
        for (int c = 0; c < dx.cols; c++) {
            float *to = dx.data + (ptrdiff_t)t * dx.stride + c;
            double sum = add ? *to : 0;

            for (int k = 0; k < taps; k++) {
                const int q = t * stride + k - pad;
                if (q >= 0 && q < dy.rows)
                    sum += (double)dy.data[(ptrdiff_t)q * dy.stride + c] * w[(size_t)c * taps + k];
            }
            *to = (float)sum;
        }
    return 0;
}

/* ---- norms and activations -------------------------------------------------------------------------------------------- */

int cw_column_sums(struct cw_device *d, struct cw_mat x, float *sums, struct cw_error *err) {
    float numbers[3][CW_NORM_COLS];
    const struct cw_mat moments = {numbers[0], 3, x.cols, CW_NORM_COLS};

    if (cw_column_moments(d, x, moments, err) != 0)
        return -1;
    for (int c = 0; c < x.cols; c++)
        sums[c] += (float)(((double)numbers[0][c] + (double)numbers[1][c]) * x.rows);
    return 0;
}

struct row_tasks {
    const struct cw_kernels *kernels;
    const struct cw_norm_backward_job *job;
    struct cw_mat x, dy, dx;
    int step;
    float slope;
    bool add;
};

static void run_rows(struct cw_device *d, struct row_tasks *t, struct cw_mat m, void (*task)(void *, int)) {
    t->kernels = d->kernels;
    t->step = TASK_ELEMENTS / m.cols < 1 ? 1 : TASK_ELEMENTS / m.cols;
    cw_parallel(d, (m.rows + t->step - 1) / t->step, task, t);
}

static int row_end(const struct row_tasks *t, int i, int rows) {
    return (i + 1) * t->step < rows ? (i + 1) * t->step : rows;
}

struct sums_tasks {
    const struct cw_kernels *kernels;
    const struct cw_norm_backward_job *job;
    struct cw_stats_split cut;
    double sum[CW_STATS_SLOTS][CW_STATS_COLS], product[CW_STATS_SLOTS][CW_STATS_COLS];
};

static void sums_task(void *arg, int i) {
    struct sums_tasks *t = arg;
    const int group = i % t->cut.groups, chunk = i / t->cut.groups, col0 = group * CW_STATS_COLS, rows = t->job->x.rows;
    const int n = t->job->x.cols - col0 < CW_STATS_COLS ? t->job->x.cols - col0 : CW_STATS_COLS, row0 = chunk * t->cut.chunk_rows;

    t->kernels->norm_backward_sums(t->job, row0, row0 + t->cut.chunk_rows < rows ? row0 + t->cut.chunk_rows : rows, col0, n, t->sum[i],
                                   t->product[i]);
}

static void norm_task(void *arg, int i) {
    const struct row_tasks *t = arg;

    t->kernels->norm_backward(t->job, i * t->step, row_end(t, i, t->job->x.rows));
}

/* y = act(v), v = (x - mean) r gain + shift, r = 1 / sqrt(variance + eps). With S = sum of dv, P = sum of dv (x - mean):
 * dshift = S, dgain = r P, dx = r gain (dv - S / T - (x - mean) r^2 P / T). */
int cw_instance_norm_backward(struct cw_device *d, struct cw_mat x, struct cw_instance_norm_params p, struct cw_mat dy, float *dgain,
                              float *dshift, bool add, struct cw_mat dx, struct cw_error *err) {
    static const char *const what = "instance_norm_backward";
    struct cw_norm n;
    struct sums_tasks s;
    float slope[CW_NORM_COLS], offset[CW_NORM_COLS];

    if (cw_check_shape(what, "dy", dy, x.rows, x.cols, err) != 0 || cw_check_shape(what, "dx", dx, x.rows, x.cols, err) != 0 ||
        cw_check_shape(what, "moments", p.moments, 3, x.cols, err) != 0 || cw_norm_prepare(what, d, x, &p, &n, err) != 0)
        return -1;
    if (x.rows == 0)
        return 0;
    struct cw_norm_backward_job job = {.x = x, .dy = dy, .dx = dx, .affine = n.affine, .slope = slope, .offset = offset, .add = add};
    s.kernels = d->kernels;
    s.job = &job;
    s.cut = cw_stats_split(x.rows, x.cols, STATS_CHUNK);
    cw_parallel(d, s.cut.groups * s.cut.chunks, sums_task, &s);
    for (int c = 0; c < x.cols; c++) {
        const int group = c / CW_STATS_COLS, col = c % CW_STATS_COLS;
        const double r = 1 / sqrt((double)p.moments.data[2 * (ptrdiff_t)p.moments.stride + c] + (double)p.eps), scale = n.gain[c];
        const double rest = p.moments.data[p.moments.stride + c]; /* of the mean, beyond a float */
        double sum = 0, product = 0;

        for (int k = 0; k < s.cut.chunks; k++) {
            sum += s.sum[k * s.cut.groups + group][col];
            product += s.product[k * s.cut.groups + group][col];
        }
        product -= rest * sum;
        dgain[c] += (float)(r * product);
        dshift[c] += (float)sum;
        slope[c] = (float)(-scale * r * r * product / x.rows);
        offset[c] = (float)(-scale * sum / x.rows - rest * slope[c]);
    }
    struct row_tasks t = {.job = &job};
    run_rows(d, &t, x, norm_task);
    return 0;
}

int cw_layer_norm_backward(struct cw_device *d, struct cw_mat x, const float *gain, float eps, struct cw_mat dy, float *dgain,
                           float *dshift, bool add, struct cw_mat dx, struct cw_error *err) {
    static const char *const what = "layer_norm_backward";
    const int C = x.cols;

    (void)d; /* some hundred rows */
    if (cw_check_mat(what, "x", x, err) != 0 || cw_check_shape(what, "dy", dy, x.rows, C, err) != 0 ||
        cw_check_shape(what, "dx", dx, x.rows, C, err) != 0)
        return -1;
    for (int t = 0; t < x.rows; t++) {
        const float *row = x.data + (ptrdiff_t)t * x.stride, *from = dy.data + (ptrdiff_t)t * dy.stride;
        float *to = dx.data + (ptrdiff_t)t * dx.stride;
        double mean = 0, variance = 0, sum = 0, product = 0;

        for (int c = 0; c < C; c++)
            mean += row[c];
        mean /= C;
        for (int c = 0; c < C; c++)
            variance += (row[c] - mean) * (row[c] - mean);
        const double r = 1 / sqrt(variance / C + (double)eps);
        for (int c = 0; c < C; c++) {
            const double g = (double)from[c] * gain[c], normed = (row[c] - mean) * r;

            sum += g;
            product += g * normed;
            dgain[c] += (float)((double)from[c] * normed);
            dshift[c] += from[c];
        }
        for (int c = 0; c < C; c++) {
            const double normed = (row[c] - mean) * r, v = r * ((double)from[c] * gain[c] - sum / C - normed * product / C);

            to[c] = (float)(v + (add ? to[c] : 0));
        }
    }
    return 0;
}

static void leaky_task(void *arg, int i) {
    const struct row_tasks *t = arg;

    for (int r = i * t->step, end = row_end(t, i, t->x.rows); r < end; r++) {
        const float *x = t->x.data + (ptrdiff_t)r * t->x.stride, *dy = t->dy.data + (ptrdiff_t)r * t->dy.stride;
        float *dx = t->dx.data + (ptrdiff_t)r * t->dx.stride;

        for (int c = 0; c < t->x.cols; c++)
            dx[c] = (t->add ? dx[c] : 0) + dy[c] * (x[c] < 0 ? t->slope : 1);
    }
}

int cw_leaky_backward(struct cw_device *d, struct cw_mat x, float slope, struct cw_mat dy, bool add, struct cw_mat dx,
                      struct cw_error *err) {
    struct row_tasks t = {.x = x, .dy = dy, .dx = dx, .slope = slope, .add = add};

    if (cw_check_mat("leaky_backward", "x", x, err) != 0 || cw_check_shape("leaky_backward", "dy", dy, x.rows, x.cols, err) != 0 ||
        cw_check_shape("leaky_backward", "dx", dx, x.rows, x.cols, err) != 0)
        return -1;
    run_rows(d, &t, x, leaky_task);
    return 0;
}

int cw_repeat_rows_backward(struct cw_device *d, const int *repeats, struct cw_mat dy, bool add, struct cw_mat dx, struct cw_error *err) {
    static const char *const what = "repeat_rows_backward";
    int64_t total = 0;
    int from = 0;

    (void)d;
    if (cw_check_mat(what, "dx", dx, err) != 0)
        return -1;
    for (int r = 0; r < dx.rows; r++)
        total += repeats[r] < 0 ? INT32_MAX : repeats[r];
    if (total > INT32_MAX || cw_check_shape(what, "dy", dy, (int)total, dx.cols, err) != 0)
        return total > INT32_MAX ? cw_fail(err, CW_BAD_INPUT, "%s: expected counts of at least 0", what) : -1;
    for (int r = 0; r < dx.rows; r++) {
        float *to = dx.data + (ptrdiff_t)r * dx.stride;

        for (int c = 0; !add && c < dx.cols; c++)
            to[c] = 0;
        for (int k = 0; k < repeats[r]; k++, from++)
            for (int c = 0; c < dx.cols; c++)
                to[c] += dy.data[(ptrdiff_t)from * dy.stride + c];
    }
    return 0;
}

/* ---- LSTM ------------------------------------------------------------------------------------------------------------- */

struct cw_lstm_backward {
    struct cw_weight *ih, *hh; /* W_ih^T [C, 4H], W_hh^T [H, 4H] */
    int in, hidden;
};

int cw_lstm_backward_open(struct cw_lstm_backward **out, struct cw_device *d, const float *ih, const float *hh, int in, int hidden,
                          struct cw_error *err) {
    struct cw_lstm_backward *p = NULL;
    int status = -1;

    *out = NULL;
    if (in < 1 || hidden < 1 || hidden > CW_LSTM_HIDDEN_MAX) {
        cw_fail(err, CW_BAD_INPUT, "lstm: expected inputs of at least 1 and 1 to %d hidden units, found %d and %d", CW_LSTM_HIDDEN_MAX, in,
                hidden);
        goto done;
    }
    p = calloc(1, sizeof *p);
    if (!p) {
        cw_fail_memory(err, "lstm");
        goto done;
    }
    p->in = in;
    p->hidden = hidden;
    if (cw_weight_open_backward(&p->ih, d, ih, 4 * hidden, in, 1, 1, err) != 0 ||
        cw_weight_open_backward(&p->hh, d, hh, 4 * hidden, hidden, 1, 1, err) != 0)
        goto done;
    *out = p;
    p = NULL;
    status = 0;
done:
    cw_lstm_backward_close(p);
    return status;
}

void cw_lstm_backward_close(struct cw_lstm_backward *p) {
    if (!p)
        return;
    cw_weight_close(p->ih);
    cw_weight_close(p->hh);
    free(p);
}

struct through_time {
    const struct cw_kernels *kernels;
    const struct cw_lstm_backward *weights[2];
    struct cw_mat gates[2], cells[2], dy[2];
};

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

/* One direction. The gates before their activations (i, f, g, o) become their gradients. */
static void time_task(void *arg, int i) {
    const struct through_time *t = arg;
    const struct cw_weight *hh = t->weights[i]->hh;
    const struct cw_mat gates = t->gates[i], cells = t->cells[i], dy = t->dy[i];
    const int H = t->weights[i]->hidden, rows = gates.rows;
    float carry[CW_LSTM_HIDDEN_MAX] = {0}, dcell[CW_LSTM_HIDDEN_MAX] = {0}; /* by h and cell, from the step after */

    for (int step = 0; step < rows; step++) {
        const int r = i == 0 ? step : rows - 1 - step, before = i == 0 ? r - 1 : r + 1;
        const float *g = gates.data + (ptrdiff_t)r * gates.stride;
        float *cell = cells.data + (ptrdiff_t)r * cells.stride;

        for (int c = 0; c < H; c++) {
            const double last = step > 0 ? cells.data[(ptrdiff_t)before * cells.stride + c] : 0;
            cell[c] = (float)(logistic(g[H + c]) * last + logistic(g[c]) * tanh(g[2 * H + c]));
        }
    }
    for (int step = rows - 1; step >= 0; step--) {
        const int r = i == 0 ? step : rows - 1 - step, before = i == 0 ? r - 1 : r + 1;
        const float *cell = cells.data + (ptrdiff_t)r * cells.stride,
                    *last = step > 0 ? cells.data + (ptrdiff_t)before * cells.stride : cell;
        float *g = gates.data + (ptrdiff_t)r * gates.stride;

        for (int c = 0; c < H; c++) {
            const double in = logistic(g[c]), forget = logistic(g[H + c]), new = tanh(g[2 * H + c]), out = logistic(g[3 * H + c]);
            const double squashed = tanh(cell[c]), dh = (double)dy.data[(ptrdiff_t)r * dy.stride + c] + carry[c];
            const double dc = dh * out * (1 - squashed * squashed) + dcell[c];

            g[c] = (float)(dc * new *in *(1 - in));
            g[H + c] = (float)(step > 0 ? dc * last[c] * forget * (1 - forget) : 0);
            g[2 * H + c] = (float)(dc * in * (1 - new *new));
            g[3 * H + c] = (float)(dh * squashed * out * (1 - out));
            dcell[c] = (float)(dc * forget);
        }
        const struct cw_conv_job job = {.x = g,
                                        .x_stride = 4 * H,
                                        .x_rows = 1,
                                        .in = 4 * H,
                                        .taps = 1,
                                        .step = 1,
                                        .dilation = 1,
                                        .w = hh->data,
                                        .packed_taps = 1,
                                        .bias = hh->bias,
                                        .y = carry,
                                        .y_stride = H,
                                        .out = H,
                                        .scale = 1,
                                        .last_slope = 1};
        t->kernels->conv(&job, 0, 1, 0, hh->panels);
    }
}

/* Directions 0 .. n - 1 of t, whose gates and dy are set: back through time, then through the input products. */
static int back_through_time(struct cw_device *d, struct cw_arena *a, struct through_time *t, int n, bool add, struct cw_mat dx,
                             struct cw_error *err) {
    for (int i = 0; i < n; i++)
        if (cw_arena_mat(a, dx.rows, t->weights[i]->hidden, &t->cells[i], err) != 0)
            return -1;
    cw_parallel(d, n, time_task, t);
    for (int i = 0; i < n; i++)
        if (cw_conv1d_backward(d, t->gates[i], t->weights[i]->ih, 1, 0, 1, add || i > 0, dx, err) != 0)
            return -1;
    return 0;
}

int cw_lstm_bidirectional_backward(struct cw_device *d, struct cw_arena *a, const struct cw_lstm_backward *forward,
                                   const struct cw_lstm_backward *backward, struct cw_mat scratch, struct cw_mat dy, bool add,
                                   struct cw_mat dx, struct cw_error *err) {
    static const char *const what = "lstm_bidirectional_backward";
    const size_t mark = cw_arena_mark(a);
    const int H = forward->hidden;
    struct through_time t = {.kernels = d->kernels, .weights = {forward, backward}};
    int status = -1;

    if (backward->hidden != H || backward->in != forward->in) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected both directions to be %d -> %d, found %d -> %d", what, forward->in, H, backward->in,
                backward->hidden);
        goto done;
    }
    if (cw_check_shape(what, "dx", dx, dy.rows, forward->in, err) != 0 || cw_check_shape(what, "dy", dy, dx.rows, 2 * H, err) != 0 ||
        cw_check_shape(what, "scratch", scratch, dy.rows, 8 * H, err) != 0)
        goto done;
    for (int i = 0; i < 2; i++) {
        t.gates[i] = cw_mat_cols(scratch, 4 * H * i, 4 * H);
        t.dy[i] = cw_mat_cols(dy, H * i, H);
    }
    status = back_through_time(d, a, &t, 2, add, dx, err);
done:
    cw_arena_release(a, mark);
    return status;
}

int cw_lstm_sequence_backward(struct cw_device *d, struct cw_arena *a, const struct cw_lstm_backward *lstm, struct cw_mat scratch,
                              struct cw_mat dy, bool add, struct cw_mat dx, struct cw_error *err) {
    static const char *const what = "lstm_sequence_backward";
    const size_t mark = cw_arena_mark(a);
    struct through_time t = {.kernels = d->kernels, .weights = {lstm}, .gates = {scratch}, .dy = {dy}};
    int status = -1;

    if (cw_check_shape(what, "dx", dx, dy.rows, lstm->in, err) != 0 || cw_check_shape(what, "dy", dy, dx.rows, lstm->hidden, err) != 0 ||
        cw_check_shape(what, "scratch", scratch, dy.rows, 4 * lstm->hidden, err) != 0)
        goto done;
    status = back_through_time(d, a, &t, 1, add, dx, err);
done:
    cw_arena_release(a, mark);
    return status;
}

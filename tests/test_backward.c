/* kernels: backward passes against PyTorch's gradients (tests/make_backward_reference.py) and against differences of the
 * forward operations, on every instruction set, with 1, 2 and 3 threads. */
#include "tests/kernels.h"

#include "tests/test_reference.h"

enum kind { CONV, TRANSPOSED, DEPTHWISE, NORM, LAYER_NORM, LEAKY, LSTM, REPEAT, KINDS };
enum { INPUTS_MAX = 9 };

static const char *const cases[] = {"linear", "conv", "conv_long",  "conv_low_rank", "conv_stride", "conv_stride2", "up10", "up6",
                                    "pool",   "norm", "norm_leaky", "norm_snake",    "layer_norm",  "leaky",        "lstm", "repeat"};
enum { CASES = sizeof cases / sizeof *cases };

struct op {
    enum kind kind;
    int rows, in, out, taps, stride, pad, dilation;
    float *inputs[INPUTS_MAX];
    int sizes[INPUTS_MAX], count;
    const float *want[INPUTS_MAX]; /* PyTorch's gradients, or NULL */
    struct cw_mat dy;
    int repeats[64];
};

static struct cw_mat dense(const float *data, int rows, int cols) {
    return (struct cw_mat){(float *)(uintptr_t)data, rows, cols, cols};
}

static bool op_open(struct op *o, const struct cw_reference *r, const char *name) {
    char leaf[64];
    int n = 0;
    *o = (struct op){0};
    snprintf(leaf, sizeof leaf, "%s/p", name);
    const int *p = cw_reference_ints(r, leaf, &n);
    if (!CHECKF(p && n == 8, "%s is missing", leaf))
        return false;
    o->kind = (enum kind)p[0];
    o->rows = p[1], o->in = p[2], o->out = p[3], o->taps = p[4], o->stride = p[5], o->pad = p[6], o->dilation = p[7];
    for (; o->count < INPUTS_MAX; o->count++) {
        snprintf(leaf, sizeof leaf, "%s/in%d", name, o->count);
        const float *data = cw_reference_floats(r, leaf, &n);
        if (!data)
            break;
        o->inputs[o->count] = malloc(sizeof(float) * (size_t)n);
        if (!o->inputs[o->count])
            abort();
        memcpy(o->inputs[o->count], data, sizeof(float) * (size_t)n);
        o->sizes[o->count] = n;
        snprintf(leaf, sizeof leaf, "%s/grad%d", name, o->count);
        o->want[o->count] = cw_reference_floats(r, leaf, &n);
    }
    snprintf(leaf, sizeof leaf, "%s/dy", name);
    const float *dy = cw_reference_floats(r, leaf, &n);
    const int cols = o->kind == LSTM ? 2 * o->out : o->kind == CONV || o->kind == TRANSPOSED ? o->out : o->in;
    o->dy = dense(dy, n / cols, cols);
    for (int i = 0; o->kind == REPEAT && i < o->sizes[1] && i < 64; i++)
        o->repeats[i] = (int)o->inputs[1][i];
    return CHECKF(dy && o->count > 0, "%s: no data", name);
}

static void op_close(struct op *o) {
    for (int i = 0; i < o->count; i++)
        free(o->inputs[i]);
}

static struct cw_instance_norm_params norm_params(const struct op *o, struct cw_mat moments) {
    return (struct cw_instance_norm_params){.gain = o->inputs[1],
                                            .shift = o->inputs[2],
                                            .eps = 1e-5F,
                                            .act = (enum cw_norm_act)o->out,
                                            .slope = 0.2F,
                                            .alpha = o->inputs[3],
                                            .moments = moments};
}

struct lstm_pair {
    struct cw_lstm *l[2];
    struct cw_lstm_backward *b[2];
};

static int lstm_pair_open(struct lstm_pair *p, struct cw_device *d, const struct op *o, struct cw_error *err) {
    for (int i = 0; i < 2; i++) {
        float *const *w = o->inputs + 1 + 4 * i; /* W_ih, W_hh, b_ih, b_hh */
        if (cw_lstm_open(&p->l[i], d, w[0], w[1], w[2], w[3], o->in, o->out, err) != 0 ||
            cw_lstm_backward_open(&p->b[i], d, w[0], w[1], o->in, o->out, err) != 0)
            return -1;
    }
    return 0;
}

static int op_forward(struct cw_device *d, const struct op *o, struct cw_mat y, struct cw_error *err) {
    const struct cw_mat x = dense(o->inputs[0], o->rows, o->in);
    struct cw_weight *w = NULL;
    struct lstm_pair pair = {0};
    float *scratch = NULL;
    int rc = -1;

    switch (o->kind) {
    case CONV:
        rc = cw_weight_open(&w, d, o->inputs[1], o->out, o->in, o->taps, o->inputs[2], err);
        rc = rc == 0 ? cw_conv1d(d, x, w, o->stride, o->pad, o->dilation, (struct cw_epilogue){0}, y, err) : rc;
        break;
    case TRANSPOSED:
        rc = cw_weight_open_transposed(&w, d, o->inputs[1], o->in, o->out, o->taps, o->stride, o->inputs[2], err);
        rc = rc == 0 ? cw_conv_transpose1d(d, x, w, o->pad, 0, (struct cw_epilogue){0}, y, err) : rc;
        break;
    case DEPTHWISE:
        rc = cw_conv_transpose1d_depthwise(d, x, o->inputs[1], o->inputs[2], o->taps, o->stride, o->pad, 1, y, err);
        break;
    case NORM:
        rc = cw_instance_norm(d, x, norm_params(o, (struct cw_mat){0}), y, err);
        break;
    case LAYER_NORM:
        rc = cw_layer_norm(d, x, o->inputs[1], o->inputs[2], false, 1e-5F, y, err);
        break;
    case LEAKY:
        rc = cw_leaky(d, x, 0.1F, y, err);
        break;
    case LSTM:
        scratch = malloc(sizeof(float) * (size_t)o->rows * 8 * (size_t)o->out);
        rc = lstm_pair_open(&pair, d, o, err);
        rc = rc == 0 ? cw_lstm_bidirectional(d, x, pair.l[0], pair.l[1], dense(scratch, o->rows, 8 * o->out), y, err) : rc;
        break;
    case REPEAT:
        rc = cw_repeat_rows(d, x, o->repeats, y, err);
        break;
    case KINDS:
        break;
    }
    for (int i = 0; i < 2; i++) {
        cw_lstm_close(pair.l[i]);
        cw_lstm_backward_close(pair.b[i]);
    }
    cw_weight_close(w);
    free(scratch);
    return rc;
}

/* grads[i]: that of input i; NULL or zeros at first. The gradient by x is made twice, the second time added to the first. */
static int op_backward(struct cw_device *d, const struct op *o, float *const *grads, struct cw_error *err) {
    const struct cw_mat x = dense(o->inputs[0], o->rows, o->in), dx = dense(grads[0], o->rows, o->in);
    struct cw_arena *arena = NULL;
    struct cw_weight *w = NULL;
    struct lstm_pair pair = {0};
    float *scratch = NULL, moments[3][64];
    const struct cw_mat m = {moments[0], 3, o->in, 64};
    struct cw_mat dy = {0}, y = {0};
    int rc = -1;

    if (cw_arena_open(&arena, 64 << 20, err) != 0 || cw_arena_mat(arena, o->dy.rows, o->dy.cols, &dy, err) != 0 ||
        cw_arena_mat(arena, o->dy.rows, o->dy.cols, &y, err) != 0)
        goto done;
    for (int add = 0; add < 2; add++) {
        if (cw_copy(d, o->dy, dy, err) != 0)
            goto done;
        cw_weight_close(w);
        w = NULL;
        switch (o->kind) {
        case CONV:
            if (cw_weight_open_backward(&w, d, o->inputs[1], o->out, o->in, o->taps, o->stride, err) != 0 ||
                cw_conv1d_backward(d, dy, w, o->stride, o->pad, o->dilation, add, dx, err) != 0)
                goto done;
            if (add == 0 && (cw_column_sums(d, dy, grads[2], err) != 0 ||
                             cw_conv1d_backward_weight(d, arena, x, dy, o->taps, o->stride, o->pad, o->dilation, grads[1], err) != 0))
                goto done;
            break;
        case TRANSPOSED:
            if (cw_weight_open_transposed_backward(&w, d, o->inputs[1], o->in, o->out, o->taps, err) != 0 ||
                cw_conv_transpose1d_backward(d, dy, w, o->stride, o->pad, add, dx, err) != 0 ||
                (add == 0 && cw_column_sums(d, dy, grads[2], err) != 0))
                goto done;
            break;
        case DEPTHWISE:
            if (cw_conv_transpose1d_depthwise_backward(d, dy, o->inputs[1], o->taps, o->stride, o->pad, add, dx, err) != 0 ||
                (add == 0 && cw_column_sums(d, dy, grads[2], err) != 0))
                goto done;
            break;
        case NORM:
            if (add > 0)
                for (int i = 1; i < 3; i++)
                    memset(grads[i], 0, sizeof(float) * (size_t)o->sizes[i]);
            if (cw_column_moments(d, x, m, err) != 0 ||
                cw_instance_norm_backward(d, x, norm_params(o, m), dy, grads[1], grads[2], add, dx, err) != 0)
                goto done;
            break;
        case LAYER_NORM:
            if (add > 0)
                for (int i = 1; i < 3; i++)
                    memset(grads[i], 0, sizeof(float) * (size_t)o->sizes[i]);
            if (cw_layer_norm_backward(d, x, o->inputs[1], 1e-5F, dy, grads[1], grads[2], add, dx, err) != 0)
                goto done;
            break;
        case LEAKY:
            if (cw_leaky_backward(d, x, 0.1F, dy, add, dx, err) != 0)
                goto done;
            break;
        case LSTM:
            if (!scratch &&
                (!(scratch = malloc(sizeof(float) * (size_t)o->rows * 8 * (size_t)o->out)) || lstm_pair_open(&pair, d, o, err) != 0))
                goto done;
            if (cw_lstm_bidirectional(d, x, pair.l[0], pair.l[1], dense(scratch, o->rows, 8 * o->out), y, err) != 0 ||
                cw_lstm_bidirectional_backward(d, arena, pair.b[0], pair.b[1], dense(scratch, o->rows, 8 * o->out), dy, add, dx, err) != 0)
                goto done;
            break;
        case REPEAT:
            if (cw_repeat_rows_backward(d, o->repeats, dy, add, dx, err) != 0)
                goto done;
            break;
        case KINDS:
            goto done;
        }
    }
    for (int i = 0; i < o->sizes[0]; i++)
        grads[0][i] /= 2;
    rc = 0;
done:
    for (int i = 0; i < 2; i++) {
        cw_lstm_close(pair.l[i]);
        cw_lstm_backward_close(pair.b[i]);
    }
    cw_weight_close(w);
    cw_arena_close(arena);
    free(scratch);
    return rc;
}

/* All gradients in one row, for `compare`. */
static int op_gradients(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct op *o = ctx;
    float *grads[INPUTS_MAX] = {NULL};
    int at = 0;
    for (int i = 0; i < o->count; i++) {
        grads[i] = y.data + at;
        at += o->want[i] ? o->sizes[i] : 0;
    }
    memset(y.data, 0, sizeof(float) * (size_t)at);
    return op_backward(d, o, grads, err);
}

static int op_total(const struct op *o) {
    int total = 0;
    for (int i = 0; i < o->count; i++)
        total += o->want[i] ? o->sizes[i] : 0;
    return total;
}

static void pytorch(void) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    if (!CHECKF(cw_reference_open(&r, "backward.bin", &err) == 0, "%s", err.text))
        return;
    for (int c = 0; c < CASES; c++) {
        struct op o;
        if (!op_open(&o, r, cases[c]))
            break;
        const int total = op_total(&o);
        struct block got = block_open(1, total, total);
        struct cw_device *d = device("c", 2);
        CHECKF(op_gradients(d, &o, got.m, &err) == 0, "%s: %s", cases[c], err.text);
        CHECKF(block_kept(&got), "%s: wrote outside its gradients", cases[c]);
        for (int i = 0, at = 0; i < o.count; i++) {
            if (!o.want[i])
                continue;
            const double worst = difference(dense(got.m.data + at, 1, o.sizes[i]), dense(o.want[i], 1, o.sizes[i]));
            CHECKF(worst < 1e-5, "%s: gradient %d differs from PyTorch's by %.3g", cases[c], i, worst);
            at += o.sizes[i];
        }
        cw_device_close(d);
        block_close(&got);
        compare(cases[c], op_gradients, &o, 1, total, total, 3e-5);
        op_close(&o);
    }
    cw_reference_close(r);
}

/* Sum of dy y, the loss whose gradients these are. */
static double loss_of(struct cw_device *d, const struct op *o, struct cw_mat y) {
    struct cw_error err = {0};
    double sum = 0;
    CHECKF(op_forward(d, o, y, &err) == 0, "%s", err.text);
    for (int t = 0; t < y.rows; t++)
        for (int c = 0; c < y.cols; c++)
            sum += (double)*at(y, t, c) * (double)*at(o->dy, t, c);
    return sum;
}

/* Along random directions in each input: what the loss changes by, against what the gradient says. The two differ by the curve
 * of the loss, so relative to the gradient's own length. */
static void differences(void) {
    enum { DIRECTIONS = 4 };
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    if (!CHECKF(cw_reference_open(&r, "backward.bin", &err) == 0, "%s", err.text))
        return;
    for (int c = 0; c < CASES; c++) {
        struct op o;
        if (!op_open(&o, r, cases[c]))
            break;
        float *grads = calloc((size_t)op_total(&o), sizeof *grads), *y = malloc(sizeof(float) * (size_t)o.dy.rows * (size_t)o.dy.cols);
        struct cw_device *d = device("c", 1);
        if (!grads || !y || !d)
            abort();
        CHECKF(op_gradients(d, &o, dense(grads, 1, op_total(&o)), &err) == 0, "%s: %s", cases[c], err.text);
        const struct cw_mat out = dense(y, o.dy.rows, o.dy.cols);
        for (int i = 0, from = 0; i < o.count; from += o.want[i] ? o.sizes[i] : 0, i++) {
            double length = 0;
            for (int n = 0; o.want[i] && n < o.sizes[i]; n++)
                length += (double)grads[from + n] * (double)grads[from + n];
            for (int k = 0; o.want[i] && k < DIRECTIONS; k++) {
                float *direction = random_floats((size_t)o.sizes[i], (uint64_t)(c * 64 + i * 8 + k), 1), *x = o.inputs[i];
                const double h = 2e-3 / sqrt((double)o.sizes[i]) * sqrt((double)o.sizes[i] / 8 + 1);
                double slope = 0, by[2];
                for (int side = 0; side < 2; side++) {
                    float *kept = malloc(sizeof(float) * (size_t)o.sizes[i]);
                    if (!kept)
                        abort();
                    memcpy(kept, x, sizeof(float) * (size_t)o.sizes[i]);
                    for (int n = 0; n < o.sizes[i]; n++)
                        x[n] += (float)((side ? -h : h) * (double)direction[n]);
                    by[side] = loss_of(d, &o, out);
                    memcpy(x, kept, sizeof(float) * (size_t)o.sizes[i]);
                    free(kept);
                }
                for (int n = 0; n < o.sizes[i]; n++)
                    slope += (double)grads[from + n] * (double)direction[n];
                const double found = (by[0] - by[1]) / (2 * h);
                CHECKF(fabs(found - slope) <= 1e-3 * sqrt(length),
                       "%s, input %d: the loss changes by %.6g, the gradient says %.6g (length %.3g)", cases[c], i, found, slope,
                       sqrt(length));
                free(direction);
            }
        }
        cw_device_close(d);
        free(grads);
        free(y);
        op_close(&o);
    }
    cw_reference_close(r);
}

static void refusals(void) {
    struct cw_device *d = device("c", 1);
    struct cw_arena *a = NULL;
    struct cw_error err = {0};
    float x[12] = {0}, w[12] = {0};
    struct cw_weight *p = NULL;
    const struct cw_mat three = dense(x, 3, 4), two = dense(x, 2, 4);

    CHECK(cw_arena_open(&a, 1 << 20, &err) == 0);
    CHECK(cw_weight_open_backward(&p, d, w, 4, 3, 1, 1, &err) == 0);
    CHECK_REFUSED(cw_conv1d_backward(d, three, p, 1, 0, 1, false, dense(x, 2, 3), &err), &err, "conv1d", "3 x 3");
    CHECK_REFUSED(cw_weight_open_backward(&(struct cw_weight *){NULL}, d, w, 0, 3, 1, 1, &err), &err, "weight", "at least 1");
    CHECK_REFUSED(cw_conv1d_backward_weight(d, a, three, two, 1, 1, 0, 1, w, &err), &err, "conv1d_backward_weight", "2 rows");
    CHECK_REFUSED(
        cw_instance_norm_backward(d, three, (struct cw_instance_norm_params){.gain = x, .shift = x}, three, w, w, false, three, &err), &err,
        "instance_norm_backward", "moments");
    CHECK_REFUSED(cw_layer_norm_backward(d, three, x, 0, two, w, w, false, three, &err), &err, "layer_norm_backward", "3 x 4");
    CHECK_REFUSED(cw_repeat_rows_backward(d, (int[]){1, 1, -1}, three, false, three, &err), &err, "repeat_rows_backward");
    CHECK_REFUSED(cw_lstm_backward_open(&(struct cw_lstm_backward *){NULL}, d, w, w, 3, 0, &err), &err, "lstm", "at least 1");
    cw_weight_close(p);
    cw_arena_close(a);
    cw_device_close(d);
}

const struct cw_test cw_tests_backward[] = {
    {"backward.pytorch", "gradients of every operation are PyTorch's, on every instruction set, with any number of threads", pytorch},
    {"backward.differences", "gradients of every operation are the differences of the forward pass", differences},
    {"backward.refusals", "wrong shapes are refused by name", refusals},
    {0},
};

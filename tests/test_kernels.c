/* Kernels: device, pool, arena, refusals; linear and convolutions in float32: plain C against direct formulas, every
 * instruction set against plain C, at odd sizes, strides and thread counts. */
#include "tests/kernels.h"

#include <pthread.h>

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
    if (e.act == CW_ACT_GELU)
        v = 0.5 * v * erfc(-v / sqrt(2));
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
    static const enum cw_act acts[] = {CW_ACT_NONE, CW_ACT_LEAKY, CW_ACT_GELU_TANH, CW_ACT_GELU};
    size_t a;

    for (a = 0; a < sizeof acts / sizeof *acts; a++) {
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
    CHECK_REFUSED(cw_response_norm(d, x, numbers, numbers, y, &err), &err, "response_norm: y", "8 x 6", "8 x 5");
    CHECK_REFUSED(cw_response_norm(d, x, numbers, NULL, x, &err), &err, "response_norm", "6 numbers", "none");
    CHECK_REFUSED(
        cw_response_norm(d, (struct cw_mat){numbers, 0, 8193, 8193}, numbers, numbers, (struct cw_mat){numbers, 0, 8193, 8193}, &err), &err,
        "response_norm", "at most 8192", "8193");
    CHECK_REFUSED(cw_attention(d, x, x, x, 4, y, &err), &err, "attention", "6 columns", "4 heads");
    CHECK_REFUSED(cw_attention(d, x, x, x, 2, y, &err), &err, "attention", "8 x 6");
    CHECK_REFUSED(cw_lstm_bidirectional(d, x, l, l, y, y, &err), &err, "scratch", "8 x 32", "8 x 5");
    CHECK_REFUSED(cw_leaky(d, x, 0.1F, y, &err), &err, "leaky", "8 x 6");
    CHECK_REFUSED(cw_add(d, x, y, 1, x, &err), &err, "add: b", "8 x 6", "8 x 5");
    CHECK_REFUSED(cw_add_scaled(d, x, y, 1, x, &err), &err, "add_scaled: b", "8 x 6", "8 x 5");
    CHECK_REFUSED(cw_add_scaled(d, x, x, 1, y, &err), &err, "add_scaled: y", "8 x 6", "8 x 5");
    CHECK_REFUSED(cw_add_gated(d, x, numbers, y, &err), &err, "add_gated: y", "8 x 6", "8 x 5");
    CHECK_REFUSED(cw_add_gated(d, x, NULL, x, &err), &err, "add_gated", "6 numbers", "none");
    CHECK_REFUSED(cw_copy(d, (struct cw_mat){NULL, 8, 5, 5}, y, &err), &err, "copy: x", "no data");
    CHECK_REFUSED(cw_fill_rows(d, NULL, y, &err), &err, "fill_rows");
    CHECK_REFUSED(cw_gather_rows(d, numbers, 9, ids, y, &err), &err, "row 7", "0 to 8", "found 9");
    ids[3] = -2;
    CHECK_REFUSED(cw_repeat_rows(d, x, ids, y, &err), &err, "row 3", "-2");
    ids[3] = 0;
    CHECK_REFUSED(cw_repeat_rows(d, x, ids, y, &err), &err, "y", "27 x 6", "8 x 5");
    CHECK_REFUSED(cw_exp(d, x, y, &err), &err, "exp");
    CHECK_REFUSED(cw_sin(d, x, y, &err), &err, "sin");
    CHECK_REFUSED(cw_silu(d, x, y, &err), &err, "silu: y", "8 x 6", "8 x 5");
    CHECK_REFUSED(cw_mish(d, x, cw_mat_rows(x, 0, 7), &err), &err, "mish: y", "8 x 6", "7 x 6");
    CHECK_REFUSED(cw_mish(d, (struct cw_mat){numbers, 8, 6, 5}, x, &err), &err, "mish: x", "stride 5");
    CHECK_REFUSED(cw_rotate_pairs(d, x, (struct cw_mat){numbers, 8, 6, 6}, y, &err), &err, "rotate_pairs: y", "8 x 6", "8 x 5");
    CHECK_REFUSED(cw_rotate_pairs(d, x, (struct cw_mat){numbers, 8, 3, 3}, x, &err), &err, "rotate_pairs: turn", "even", "8 x 3");
    CHECK_REFUSED(cw_rotate_pairs(d, x, (struct cw_mat){numbers, 8, 4, 4}, x, &err), &err, "rotate_pairs: turn", "6 columns", "8 x 4");
    CHECK_REFUSED(cw_rotate_pairs(d, x, (struct cw_mat){numbers, 0, 2, 2}, x, &err), &err, "rotate_pairs: turn", "a row", "0 x 2");
    CHECK_REFUSED(cw_rotate_pairs(d, x, (struct cw_mat){0}, x, &err), &err, "rotate_pairs: turn", "0 x 0");
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

/* What `bench` sets side by side: products counted as plain sums, and the rate of registers alone. */
static void test_products(void) {
    enum { T = 70, IN = 8, OUT = 6, TAPS = 3 };
    const char *const *isa;
    float w[OUT * IN * TAPS] = {0}, x[T * IN] = {0}, y[2 * T * OUT];

    for (isa = cw_device_isas(); *isa; isa++) {
        struct cw_device *d = device(*isa, 2);
        struct cw_weight *conv = NULL, *transposed = NULL;
        struct cw_error err = {0};
        const struct cw_epilogue e = {0};
        double peak = cw_device_peak(d);

        CHECKF(peak > 1e7 && peak < 1e14, "%s: %g multiply-adds a second", *isa, peak);
        CHECK(cw_device_products(d) == 0);
        if (CHECK(cw_weight_open(&conv, d, w, OUT, IN, TAPS, NULL, &err) == 0 &&
                  cw_weight_open_transposed(&transposed, d, w, IN, OUT, 2, 2, NULL, &err) == 0)) {
            CHECK(cw_conv1d(d, (struct cw_mat){x, T, IN, IN}, conv, 1, 1, 1, e, (struct cw_mat){y, T, OUT, OUT}, &err) == 0);
            CHECKF(cw_device_products(d) == T * IN * OUT * TAPS, "%s: %g products", *isa, cw_device_products(d));
            CHECK(cw_conv_transpose1d(d, (struct cw_mat){x, T, IN, IN}, transposed, 0, 0, e, (struct cw_mat){y, 2 * T, OUT, OUT}, &err) ==
                  0);
            CHECKF(cw_device_products(d) == T * IN * OUT * (TAPS + 2), "%s: %g products", *isa, cw_device_products(d));
        }
        cw_weight_close(conv);
        cw_weight_close(transposed);
        cw_device_close(d);
    }
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
    {"kernels.products", "products are counted, and every class has a peak", test_products},
    {0},
};

/* Kernels in 16-bit numbers, and what convolutions do besides: the norm before, residuals, moments after. Every instruction
 * set and the emulated tiles against plain C, at odd sizes, with 1, 2 and 3 threads. */
#include "kernels/internal.h"
#include "tests/kernels.h"
#include "tests/test_sounding.h"

/* Largest relative L2 distance from exact products that a class may have. */
static double bound(const char *isa) {
    if (strcmp(isa, "avx512vnni") == 0)
        return 1.5e-3;
    if (strcmp(isa, "avx512bf16") == 0 || strncmp(isa, "amx", 3) == 0)
        return 5e-3; /* two roundings to 8 bits */
    return 5e-6;
}

struct layer {
    int rows, in, out, taps, dilation, stride, pad; /* stride of a transposed one where `up` */
    bool up, norm, add, add2;
    enum cw_norm_act act;
    float scale, last_slope;
};

static int layer_rows(const struct layer *l) {
    if (l->up)
        return (l->rows - 1) * l->stride - 2 * l->pad + l->taps;
    return (l->rows + 2 * l->pad - l->dilation * (l->taps - 1) - 1) / l->stride + 1;
}

struct numbers {
    struct cw_mat x, add, add2;
    float *w, *bias, *gain, *shift, *alpha;
};

static bool layer_run(const char *isa, int threads, const struct layer *l, const struct numbers *n, struct cw_mat y,
                      struct cw_mat moments) {
    struct cw_device *d = device(isa, threads);
    struct cw_weight *w = NULL;
    struct cw_error err = {0};
    struct cw_epilogue e = {.scale = l->scale, .last_slope = l->last_slope, .moments = moments};
    struct cw_mat work = random_mat(l->rows, l->in, l->in, 0, 1);
    int status;

    if (l->add)
        e.add = n->add;
    if (l->add2)
        e.add2 = n->add2;
    if (l->up) {
        status = cw_weight_open_transposed_16(&w, d, n->w, l->in, l->out, l->taps, l->stride, n->bias, &err);
        if (status == 0)
            status = cw_conv_transpose1d(d, n->x, w, l->pad, 0, e, y, &err);
    } else {
        status = cw_weight_open_16(&w, d, n->w, l->out, l->in, l->taps, n->bias, &err);
        if (status == 0 && l->norm) {
            const struct cw_instance_norm_params p = {n->gain, n->shift, 1e-5F, l->act, 0.2F, n->alpha, {0}};

            status = cw_conv1d_normed(d, n->x, p, work, w, l->pad, l->dilation, e, y, &err);
        } else if (status == 0) {
            status = cw_conv1d(d, n->x, w, l->stride, l->pad, l->dilation, e, y, &err);
        }
    }
    CHECKF(status == 0, "%s: %s", isa, err.text);
    free(work.data);
    cw_weight_close(w);
    cw_device_close(d);
    return status == 0;
}

static double distance(struct cw_mat got, struct cw_mat want) {
    double off = 0, size = 1e-30;
    int r, c;

    for (r = 0; r < want.rows; r++)
        for (c = 0; c < want.cols; c++) {
            double d = (double)*at(got, r, c) - (double)*at(want, r, c);

            off += d * d;
            size += (double)*at(want, r, c) * (double)*at(want, r, c);
        }
    return sqrt(off / size);
}

/* The moments of y as cw_column_moments' definition has them. */
static void check_moments(const char *isa, struct cw_mat y, struct cw_mat m) {
    double worst = 0;
    int r, c;

    for (c = 0; c < y.cols; c++) {
        double mean = 0, variance = 0;

        for (r = 0; r < y.rows; r++)
            mean += (double)*at(y, r, c) / y.rows;
        for (r = 0; r < y.rows; r++)
            variance += ((double)*at(y, r, c) - mean) * ((double)*at(y, r, c) - mean) / y.rows;
        worst = fmax(worst, fabs((double)*at(m, 0, c) + (double)*at(m, 1, c) - mean) / sqrt(variance + 1e-12));
        worst = fmax(worst, fabs((double)*at(m, 2, c) - variance) / (variance + 1e-12));
    }
    CHECKF(worst < 1e-5, "%s, %d rows: moments off by %g", isa, y.rows, worst);
}

static void layer_case(struct layer l) {
    const int rows = layer_rows(&l), stride = l.out + 3;
    const size_t weights = (size_t)l.in * l.out * l.taps;
    struct numbers n = {.x = random_mat(l.rows, l.in, l.in + 5, 1, 1),
                        .add = random_mat(rows, l.out, l.out + 1, 2, 1),
                        .add2 = random_mat(rows, l.out, l.out, 3, 1),
                        .w = random_floats(weights, 4, 1 / sqrtf((float)(l.in * l.taps))),
                        .bias = random_floats(l.out, 5, 1),
                        .gain = random_floats(l.in, 6, 1),
                        .shift = random_floats(l.in, 7, 1),
                        .alpha = random_floats(l.in, 8, 1)};
    struct block want = block_open(rows, l.out, stride), moments = block_open(3, l.out, l.out);
    const char *const *isa;

    layer_run("c", 2, &l, &n, want.m, moments.m);
    check_moments("c", want.m, moments.m);
    for (isa = test_sounding_isas(); *isa; isa++) {
        struct block first = {0};
        int threads;

        for (threads = 1; threads <= THREADS_MAX; threads++) {
            struct block got = block_open(rows, l.out, stride), m = block_open(3, l.out, l.out);

            if (layer_run(*isa, threads, &l, &n, got.m, m.m)) {
                double d = distance(got.m, want.m);

                CHECKF(block_kept(&got) && block_kept(&m), "%s: wrote outside its output, left some unwritten, or made a NaN", *isa);
                CHECKF(d < bound(*isa), "%s, %d x %d -> %d, K %d, dilation %d: off by %g", *isa, l.rows, l.in, l.out, l.taps, l.dilation,
                       d);
                check_moments(*isa, got.m, m.m);
            }
            if (threads > 1)
                CHECKF(same_bytes(first.m, got.m), "%s: %d threads gave other bytes than 1", *isa, threads);
            block_close(&m);
            if (threads == 1)
                first = got;
            else
                block_close(&got);
        }
        block_close(&first);
    }
    block_close(&want);
    block_close(&moments);
    free(n.x.data);
    free(n.add.data);
    free(n.add2.data);
    free(n.w);
    free(n.bias);
    free(n.gain);
    free(n.shift);
    free(n.alpha);
}

static void test_conv16(void) {
    static const int sizes[] = {1, 31, 33, 65, 129, 497};
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        layer_case((struct layer){.rows = sizes[i], .in = 33, .out = 45, .taps = 3, .dilation = 1, .stride = 1, .pad = 1});
        layer_case((struct layer){.rows = sizes[i], .in = 22, .out = 70, .taps = 12, .dilation = 1, .stride = 6, .pad = 6});
        layer_case((struct layer){.rows = sizes[i], .in = 64, .out = 33, .taps = 1, .dilation = 1, .stride = 1});
    }
    layer_case((struct layer){.rows = 129, .in = 1090, .out = 65, .taps = 3, .dilation = 1, .stride = 1, .pad = 1});
    layer_case((struct layer){.rows = 37, .in = 4096, .out = 33, .taps = 1, .dilation = 1, .stride = 1}); /* the most */
    layer_case((struct layer){.rows = 4097, .in = 17, .out = 31, .taps = 5, .dilation = 9, .stride = 1, .pad = 18});
}

static void test_transposed16(void) {
    static const int sizes[] = {1, 31, 65, 497};
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        layer_case((struct layer){.up = true, .rows = sizes[i], .in = 65, .out = 33, .taps = 20, .stride = 10, .pad = 5});
        layer_case((struct layer){.up = true, .rows = sizes[i], .in = 31, .out = 40, .taps = 12, .stride = 6, .pad = 3, .add = true});
        layer_case((struct layer){.up = true, .rows = sizes[i], .in = 9, .out = 5, .taps = 3, .stride = 2, .pad = 1});
    }
}

/* As in a residual block, short and long enough for Toom and Cook's method. */
static void test_normed(void) {
    static const int taps[] = {3, 7, 11}, dilations[] = {1, 3, 5};
    int t, d;

    for (t = 0; t < 3; t++)
        for (d = 0; d < 3; d++) {
            const int pad = (taps[t] - 1) * dilations[d] / 2;

            layer_case((struct layer){.rows = 330 + 13 * d,
                                      .in = 65,
                                      .out = 65,
                                      .taps = taps[t],
                                      .dilation = dilations[d],
                                      .stride = 1,
                                      .pad = pad,
                                      .norm = true,
                                      .act = CW_NORM_SNAKE,
                                      .add = true,
                                      .scale = 0.5F});
            layer_case((struct layer){.rows = 61,
                                      .in = 40,
                                      .out = 33,
                                      .taps = taps[t],
                                      .dilation = dilations[d],
                                      .stride = 1,
                                      .pad = pad,
                                      .norm = true,
                                      .act = CW_NORM_LEAKY,
                                      .add = true,
                                      .add2 = true,
                                      .scale = 0.3F,
                                      .last_slope = 0.1F});
        }
    layer_case((struct layer){.rows = 331,
                              .in = 256,
                              .out = 300,
                              .taps = 7,
                              .dilation = 1,
                              .stride = 1,
                              .pad = 3,
                              .norm = true,
                              .act = CW_NORM_SNAKE,
                              .add2 = true});
}

/* The largest activations against weights of one sign: no sum may overflow. */
static void test_overflow(void) {
    enum { ROWS = 300, IN = 256, OUT = 33, TAPS = 11 };
    struct cw_error err = {0};
    float *w = malloc(sizeof *w * IN * OUT * TAPS), *x = malloc(sizeof *x * ROWS * IN), *y = malloc(sizeof *y * ROWS * OUT);
    const char *const *isa;
    int i, dilation;

    if (!w || !x || !y)
        abort();
    for (i = 0; i < IN * OUT * TAPS; i++)
        w[i] = 0.25F;
    for (i = 0; i < ROWS * IN; i++)
        x[i] = -3;
    for (isa = test_sounding_isas(); *isa; isa++)
        for (dilation = 1; dilation <= 5; dilation += 4) { /* by Toom and Cook's method, and too short for it */
            struct cw_device *d = device(*isa, 2);
            struct cw_weight *p = NULL;
            const int rows = ROWS - dilation * (TAPS - 1);
            double worst = 0;

            CHECKF(cw_weight_open_16(&p, d, w, OUT, IN, TAPS, NULL, &err) == 0 &&
                       cw_conv1d(d, (struct cw_mat){x, ROWS, IN, IN}, p, 1, 0, dilation, (struct cw_epilogue){0},
                                 (struct cw_mat){y, rows, OUT, OUT}, &err) == 0,
                   "%s", err.text);
            for (i = 0; i < rows * OUT; i++)
                worst = fmax(worst, fabs((double)y[i] / (-3 * 0.25 * IN * TAPS) - 1));
            CHECKF(worst < 1e-3, "%s, dilation %d: off by %g", *isa, dilation, worst);
            cw_weight_close(p);
            cw_device_close(d);
        }
    free(w);
    free(x);
    free(y);
}

static void nothing16(const struct cw_conv16_job *j, int row0, int row1, int panel0, int panel1, struct cw_moments *m) {
    (void)j, (void)row0, (void)row1, (void)panel0, (void)panel1, (void)m;
}

/* AMX runs only after a check, which right loops pass and wrong ones do not. */
static void test_amx(void) {
    const char *const *isa;
    bool listed = false;

    for (isa = cw_device_isas(); *isa; isa++)
        listed = listed || strcmp(*isa, "amx") == 0;
    CHECK(listed == cw_amx_runs_here());
    if (!listed) {
        struct cw_device_params params = cw_device_params_default();
        struct cw_device *d = NULL;
        struct cw_error err = {0};

        params.isa = "amx";
        CHECK_REFUSED(cw_device_open(&d, params, &err), &err, "amx", cw_device_isas()[0]);
    }
    for (isa = test_sounding_isas(); *isa; isa++)
        if (strcmp(*isa, "amx-emulated") == 0) {
            struct cw_kernels wrong = cw_kernels_amx_emulated;

            CHECK(cw_amx_check(&cw_kernels_amx_emulated));
            wrong.conv16 = nothing16;
            CHECK(!cw_amx_check(&wrong));
        }
}

/* What a device is when nobody asks for an instruction set. */
static const char *chosen(void) {
    static char name[64];
    struct cw_device *d = NULL;
    struct cw_error err = {0};

    snprintf(name, sizeof name, "%s", cw_device_open(&d, cw_device_params_default(), &err) == 0 ? cw_device_isa(d) : err.text);
    cw_device_close(d);
    return name;
}

/* Every answer of processor and system. Tiles in C stand in for the real ones, so no tile instruction runs. */
static void test_amx_answers(void) {
    struct cw_kernels wrong = cw_kernels_amx_emulated;
    const struct {
        bool processor, granted;
        const struct cw_kernels *kernels;
        bool used;
        const char *note; /* a piece of it; NULL: there is none */
    } cases[] = {{true, false, &cw_kernels_amx_emulated, false, "the system refuses it"},
                 {false, false, &cw_kernels_amx_emulated, false, NULL},
                 {true, true, &wrong, false, "fails its check"},
                 {true, true, &cw_kernels_amx_emulated, true, NULL}};
    const char *const *last = test_sounding_isas();
    const char *forced = getenv("CASTWRIGHT_ISA"), *kept = forced ? strdup(forced) : NULL, *next, *listed[CW_ISAS_MAX];
    const bool real = cw_amx_runs_here();

    wrong.conv16 = nothing16;
    cw_device_list(listed);
    next = listed[real ? 1 : 0];
    while (last[1])
        last++;
    unsetenv("CASTWRIGHT_ISA");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cw_device_params params = cw_device_params_default();
        struct cw_device *d = NULL;
        struct cw_error err = {0};

        if (cases[i].granted && strcmp(*last, "amx-emulated") != 0)
            continue; /* the loops need AVX-512 even so */
        cw_amx_ask(cases[i].processor, cases[i].granted, cases[i].kernels);
        cw_device_list(listed);
        CHECKF((strcmp(listed[0], "amx") == 0) == cases[i].used, "case %zu: %s is listed first", i, listed[0]);
        CHECK_STR(listed[cases[i].used ? 1 : 0], next);
        CHECK_STR(chosen(), cases[i].used ? "amx" : next);
        const char *note = cw_device_note();
        CHECKF(cases[i].note ? note && strstr(note, cases[i].note) : !note, "case %zu: the note is \"%s\"", i, note ? note : "");
        params.isa = "amx";
        if (!cases[i].used)
            CHECK_REFUSED(cw_device_open(&d, params, &err), &err, "amx", "cannot run");
    }
    cw_amx_ask_here();
    CHECK(cw_amx_runs_here() == real);
    if (kept)
        setenv("CASTWRIGHT_ISA", kept, 1);
    free((void *)(uintptr_t)kept);
}

static void test_refusals16(void) {
    const char *const *isa;
    float *w = calloc((size_t)8192 * 3, sizeof *w);

    if (!w)
        abort();
    for (isa = test_sounding_isas(); *isa; isa++) {
        struct cw_device *d = device(*isa, 1);
        struct cw_weight *p = NULL;
        struct cw_error err = {0};

        CHECK_REFUSED(cw_weight_open_16(&p, d, w, 1, 8192, 3, NULL, &err), &err, "4096", "8192");
        CHECK_REFUSED(cw_weight_open_16(&p, d, w, 1, 8, 65, NULL, &err), &err, "64 taps", "65");
        CHECK_REFUSED(cw_weight_open_transposed_16(&p, d, w, 8, 1, 65, 2, NULL, &err), &err, "64 taps", "65");
        CHECK_REFUSED(cw_weight_open_transposed_16(&p, d, w, 8, 1, 3, 0, NULL, &err), &err, "stride");
        CHECK(p == NULL);
        cw_device_close(d);
    }
    free(w);
}

/* A NaN comes out wherever its taps reach, by short convolutions and by long ones; elsewhere a block that shares its scale may be NaN too.
 */
static void test_nan16(void) {
    enum { ROWS = 300, IN = 40, OUT = 33, TAPS = 7, AT = 171 };
    const char *const *isa;
    int dilation, r, c;

    for (isa = test_sounding_isas(); *isa; isa++)
        for (dilation = 1; dilation <= 9; dilation += 8) {
            const int pad = dilation * (TAPS - 1) / 2;
            struct cw_mat x = random_mat(ROWS, IN, IN, 1, 1);
            struct block y = block_open(ROWS, OUT, OUT);
            float *w = random_floats((size_t)OUT * IN * TAPS, 2, 1);
            struct cw_device *d = device(*isa, 1);
            struct cw_weight *p = NULL;
            struct cw_error err = {0};

            *at(x, AT, 7) = NAN;
            CHECKF(cw_weight_open_16(&p, d, w, OUT, IN, TAPS, NULL, &err) == 0 &&
                       cw_conv1d(d, x, p, 1, pad, dilation, (struct cw_epilogue){0}, y.m, &err) == 0,
                   "%s", err.text);
            for (r = AT - pad; r <= AT + pad; r += dilation)
                for (c = 0; c < OUT; c++)
                    CHECKF(isnan(*at(y.m, r, c)), "%s, dilation %d, row %d, column %d: %g", *isa, dilation, r, c, (double)*at(y.m, r, c));
            for (c = 0; c < OUT && dilation == 1; c++) /* another block */
                CHECKF(!isnan(*at(y.m, 0, c)), "%s: column %d of the first row", *isa, c);
            cw_weight_close(p);
            cw_device_close(d);
            block_close(&y);
            free(x.data);
            free(w);
        }
}

/* A row of a linear layer does not depend on those beside it, however large: what comes of the middle rows alone, of sizes 1e-4 to 1e4, is
 * what comes of them among all, and as near to exact. In 16 bits and not. */
static void test_rows16(void) {
    enum { ROWS = 301, IN = 70, OUT = 45, FROM = 7, COUNT = 150 };
    const char *const *isa;
    int half, threads, r, c, i;

    for (isa = test_sounding_isas(); *isa; isa++)
        for (half = 0; half < 2; half++)
            for (threads = 1; threads <= 3; threads += 2) {
                struct cw_mat x = random_mat(ROWS, IN, IN + 2, 1, 1);
                struct block all = block_open(ROWS, OUT, OUT), some = block_open(COUNT, OUT, OUT);
                float *w = random_floats((size_t)OUT * IN, 2, 1);
                struct cw_device *d = device(*isa, threads);
                struct cw_weight *p = NULL;
                struct cw_error err = {0};

                for (r = 0; r < ROWS; r++)
                    for (c = 0; c < IN; c++)
                        *at(x, r, c) *= powf(10, (float)(r % 9 - 4));
                CHECKF((half ? cw_weight_open_16 : cw_weight_open)(&p, d, w, OUT, IN, 1, NULL, &err) == 0 &&
                           cw_linear(d, x, p, (struct cw_epilogue){0}, all.m, &err) == 0 &&
                           cw_linear(d, cw_mat_rows(x, FROM, COUNT), p, (struct cw_epilogue){0}, some.m, &err) == 0,
                       "%s", err.text);
                CHECKF(same_bytes(cw_mat_rows(all.m, FROM, COUNT), some.m), "%s, %d threads: rows depend on others", *isa, threads);
                for (r = 0; r < ROWS; r++) {
                    double off = 0, size = 0;

                    for (c = 0; c < OUT; c++) {
                        double exact = 0;

                        for (i = 0; i < IN; i++)
                            exact += (double)w[c * IN + i] * (double)*at(x, r, i);
                        off += pow((double)*at(all.m, r, c) - exact, 2);
                        size += exact * exact;
                    }
                    CHECKF(sqrt(off / size) < bound(*isa), "%s, row %d: off by %g", *isa, r, sqrt(off / size));
                }
                cw_weight_close(p);
                cw_device_close(d);
                block_close(&all);
                block_close(&some);
                free(x.data);
                free(w);
            }
}

/* ---- attention ---------------------------------------------------------------------------------------------------------------- */

static int attention16_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct attention *a = ctx;

    return cw_attention_16(d, a->q, a->k, a->v, a->heads, y, err);
}

static void attention16_case(int rows, int keys, int heads, int width, float scale) {
    struct attention a = attention_open(rows, keys, heads, width, scale);
    char what[100];

    snprintf(what, sizeof what, "attention in 16 bits %d x %d, %d heads of %d, scale %g", rows, keys, heads, width, (double)scale);
    compare(what, attention16_run, &a, rows, heads * width, heads * width + 5, 1e-3 * fmax(1, scale / 8));
    attention_close(&a);
}

static void test_attention16(void) {
    attention16_case(1, 1, 1, 1, 1);
    attention16_case(31, 31, 12, 64, 1);
    attention16_case(33, 129, 3, 22, 1);
    attention16_case(65, 33, 2, 31, 3);
    attention16_case(129, 127, 2, 64, 30); /* weights near 0 and 1 */
    attention16_case(5, 513, 1, 128, 1);
    attention16_case(911, 81, 1, 64, 1); /* more rows and numbers than one task takes */
    attention16_case(261, 20, 1, 250, 1);
}

/* What sums could overflow by, lengths of 0, sizes far apart. Every value is the same, so whatever the weights are, so is the result. */
static void test_attention16_extremes(void) {
    enum { ROWS = 15, KEYS = 300, WIDTH = 64 };
    const char *const *isa;
    int kind, r, c;

    for (isa = cw_device_isas(); *isa; isa++)
        for (kind = 0; kind < 5; kind++) {
            struct attention a = attention_open(ROWS, KEYS, 1, WIDTH, 1);
            struct block got = block_open(ROWS, WIDTH, WIDTH);
            struct cw_device *d = device(*isa, 2);
            struct cw_error err = {0};
            double worst = 0;

            for (r = 0; r < KEYS; r++)
                for (c = 0; c < WIDTH; c++) {
                    *at(a.v, r, c) = kind == 4 ? 0 : -3;
                    if (kind == 1) /* all alike: the largest scores and the most even weights at once */
                        *at(a.k, r, c) = 100;
                    if (kind == 2) /* a key that outweighs the others, many times as long */
                        *at(a.k, r, c) *= r == 200 ? 1e4F : 1;
                    if (kind == 3 && r % 2 == 0)
                        *at(a.k, r, c) = 0;
                }
            for (r = 0; r < ROWS; r++)
                for (c = 0; c < WIDTH; c++)
                    *at(a.q, r, c) = kind == 1 ? 100 : kind == 3 && r % 3 == 0 ? 0 : *at(a.q, r, c);
            CHECKF(attention16_run(d, &a, got.m, &err) == 0, "%s", err.text);
            for (r = 0; r < ROWS; r++)
                for (c = 0; c < WIDTH; c++) {
                    const double off = fabs(*at(got.m, r, c) - (kind == 4 ? 0 : -3.0));

                    worst = off <= worst ? worst : off;
                }
            CHECKF(worst <= 1e-3, "%s, kind %d: off by %g", *isa, kind, worst);
            cw_device_close(d);
            block_close(&got);
            attention_close(&a);
        }
}

/* A NaN, wherever it is, does not become a number. */
static void test_attention16_nan(void) {
    enum { ROWS = 20, KEYS = 140, WIDTH = 40 };
    const char *const *isa;
    int kind, r, c;

    for (isa = cw_device_isas(); *isa; isa++)
        for (kind = 0; kind < 3; kind++) {
            struct attention a = attention_open(ROWS, KEYS, 1, WIDTH, 1);
            struct block got = block_open(ROWS, WIDTH, WIDTH);
            struct cw_device *d = device(*isa, 1);
            struct cw_error err = {0};

            *(kind == 0 ? at(a.q, 17, 33) : kind == 1 ? at(a.k, 131, 3) : at(a.v, 7, 38)) = NAN;
            CHECKF(attention16_run(d, &a, got.m, &err) == 0, "%s", err.text);
            for (r = 0; r < ROWS; r++)
                for (c = 0; c < WIDTH; c++) {
                    const bool expected = kind == 0 ? r == 17 : kind == 1 ? true : c == 38;

                    CHECKF(isnan(*at(got.m, r, c)) == expected, "%s, kind %d, row %d, column %d: %g", *isa, kind, r, c,
                           (double)*at(got.m, r, c));
                }
            cw_device_close(d);
            block_close(&got);
            attention_close(&a);
        }
}

const struct cw_test cw_tests_kernels16[] = {
    {"kernels16.conv", "convolutions in 16-bit numbers, near exact ones at odd sizes", test_conv16},
    {"kernels16.conv_transpose", "transposed ones by phases", test_transposed16},
    {"kernels16.normed", "norm, activation, residuals and moments on the way", test_normed},
    {"kernels16.overflow", "whole sums hold the worst case", test_overflow},
    {"kernels16.rows", "a row of a linear layer comes out the same whatever stands beside it", test_rows16},
    {"kernels16.nan", "a NaN that a convolution reads comes out", test_nan16},
    {"kernels16.attention", "attention in 16-bit numbers, near the exact one at odd sizes", test_attention16},
    {"kernels16.attention_extremes", "sums hold the worst case; lengths of 0; sizes far apart", test_attention16_extremes},
    {"kernels16.attention_nan", "a NaN does not become a number", test_attention16_nan},
    {"kernels16.amx", "AMX is used only where it counts right, emulated tiles do", test_amx},
    {"kernels16.amx_answers", "refused or wrong, AMX is not listed, the next path is taken and the note says why", test_amx_answers},
    {"kernels16.refusals", "too many inputs or taps are refused", test_refusals16},
    {0},
};

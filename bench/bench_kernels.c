/* Speed of the kernels on Kokoro's shapes, ten seconds of speech: for every instruction set, one thread and all of them.
 *   bench_kernels [--isa NAME] [--threads N] [--clock wall|cpu] [--shape TEXT] [--errors yes|unnested]
 * Best of several runs, beside what one core does with float32 multiply-adds in registers alone; fast convolutions and 16-bit
 * products go beyond it. GMAC/s is 1e9 multiply-adds a second, ns are per element. `--clock cpu` counts the processor time
 * of all threads: on a busy machine the honest clock for one thread. `--errors`: not the time but how far the products of a shape's
 * first 2,000 rows, of Gaussian numbers, are from plain C's sums in double, relative L2; `unnested`: without nested convolutions. */
#include "kernels/kernels.h"

#include <immintrin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    CONV,
    CONV16,
    NORMED16,
    TRANSPOSED,
    LINEAR,
    ATTENTION,
    ATTENTION16,
    LSTM,
    INSTANCE_SNAKE,
    INSTANCE_LEAKY,
    LAYER,
    LEAKY,
    ADD,
    SIN,
    EXP
};

static const struct shape {
    const char *name;
    enum kind kind;
    int rows, in, out, taps, stride, dilation;
} shapes[] = {
    {"stage 1, K 3, dilation 1", NORMED16, 48001, 128, 128, 3, 1, 1},
    {"stage 1, K 7, dilation 3", NORMED16, 48001, 128, 128, 7, 1, 3},
    {"stage 1, K 11, dilation 5", NORMED16, 48001, 128, 128, 11, 1, 5},
    {"stage 0, K 3, dilation 1", NORMED16, 8000, 256, 256, 3, 1, 1},
    {"stage 0, K 7, dilation 3", NORMED16, 8000, 256, 256, 7, 1, 3},
    {"stage 0, K 11, dilation 5", NORMED16, 8000, 256, 256, 11, 1, 5},
    {"upsampling 0", TRANSPOSED, 800, 512, 256, 20, 10, 1},
    {"upsampling 1", TRANSPOSED, 8000, 256, 128, 12, 6, 1},
    {"noise convolution 0, stride 6", CONV, 48001, 22, 256, 12, 6, 1},
    {"noise convolution 1", CONV, 48001, 22, 128, 1, 1, 1},
    {"last convolution", CONV, 48001, 128, 22, 7, 1, 1},
    {"decoder, K 3", CONV16, 800, 1090, 1024, 3, 1, 1},
    {"decoder, K 3, short", CONV16, 160, 1090, 1024, 3, 1, 1},
    {"DiT projection, 2,812 rows", CONV16, 2812, 1024, 1024, 1, 1, 1},
    {"DiT feed-forward, 2,812 rows", CONV16, 2812, 2048, 1024, 1, 1, 1},
    {"text encoder, K 5", CONV, 150, 512, 512, 5, 1, 1},
    {"ALBERT feed-forward, 150 rows", LINEAR, 150, 768, 2048, 1, 1, 1},
    {"ALBERT projection, 37 rows", LINEAR, 37, 768, 768, 1, 1, 1},
    {"style, one row", LINEAR, 1, 128, 2048, 1, 1, 1},
    {"attention, 12 heads, 150 rows", ATTENTION, 150, 768, 768, 1, 1, 1},
    {"attention, 12 heads, 512 rows", ATTENTION, 512, 768, 768, 1, 1, 1},
    {"attention, 16 heads, 1,406 rows", ATTENTION, 1406, 1024, 1024, 1, 1, 1},
    {"attention, 16 heads, 16 bits", ATTENTION16, 1406, 1024, 1024, 1, 1, 1},
    {"lstm 640 -> 256 twice", LSTM, 400, 640, 256, 1, 1, 1},
    {"instance norm + Snake", INSTANCE_SNAKE, 48001, 128, 128, 1, 1, 1},
    {"instance norm + leaky", INSTANCE_LEAKY, 800, 1024, 1024, 1, 1, 1},
    {"layer norm", LAYER, 500, 768, 768, 1, 1, 1},
    {"leaky", LEAKY, 8000, 256, 256, 1, 1, 1},
    {"add", ADD, 48001, 128, 128, 1, 1, 1},
    {"sin", SIN, 48001, 22, 22, 1, 1, 1},
    {"exp", EXP, 48001, 22, 22, 1, 1, 1},
};

/* Multiply-adds a second of one core that does nothing but float32 ones in registers: what the figures are a part of. */
#define PEAK(name, isa, type, set, add, fma)                                                                                               \
    static __attribute__((target(isa))) double name(void) {                                                                                \
        enum { SUMS = 12, ROUNDS = 2000000 };                                                                                              \
        type sum[SUMS], a = set(1e-9F), b = set(1e-9F);                                                                                    \
        float out[16];                                                                                                                     \
        double best = 1e9;                                                                                                                 \
        for (int i = 0; i < SUMS; i++)                                                                                                     \
            sum[i] = set((float)i);                                                                                                        \
        for (int run = 0; run < 5; run++) {                                                                                                \
            double start = cw_cpu_seconds();                                                                                               \
            for (int k = 0; k < ROUNDS; k++) {                                                                                             \
                _Pragma("GCC unroll 12") for (int i = 0; i < SUMS; i++) sum[i] = fma(a, b, sum[i]);                                        \
                __asm__ volatile("" : "+v"(a)); /* or the loop is one sum */                                                               \
            }                                                                                                                              \
            start = cw_cpu_seconds() - start;                                                                                              \
            best = start < best ? start : best;                                                                                            \
        }                                                                                                                                  \
        for (int i = 1; i < SUMS; i++)                                                                                                     \
            sum[0] = add(sum[0], sum[i]);                                                                                                  \
        memcpy(out, &sum[0], sizeof sum[0]);                                                                                               \
        return out[0] < -1 ? 0 : (double)SUMS * ROUNDS * (sizeof(type) / sizeof(float)) / best;                                            \
    }
PEAK(peak_avx2, "avx2,fma", __m256, _mm256_set1_ps, _mm256_add_ps, _mm256_fmadd_ps)
PEAK(peak_avx512, "avx512f", __m512, _mm512_set1_ps, _mm512_add_ps, _mm512_fmadd_ps)

static double peak_of(const char *isa) {
    return strcmp(isa, "c") == 0 ? 0 : strcmp(isa, "avx2") == 0 ? peak_avx2() : peak_avx512();
}

struct work {
    struct cw_mat x, y, z, scratch, moments;
    struct cw_weight *w;
    struct cw_lstm *lstm;
    float *ones;
};

static double (*now)(void) = cw_seconds;
static struct cw_device *oracle; /* NULL: the time is asked for */

static int run(struct cw_device *d, const struct shape *s, const struct work *w, struct cw_error *err) {
    struct cw_epilogue e = {0};
    struct cw_instance_norm_params p = {
        w->ones, w->ones, 1e-5F, s->kind == INSTANCE_SNAKE || s->kind == NORMED16 ? CW_NORM_SNAKE : CW_NORM_LEAKY, 0.2F, w->ones, {0}};
    int pad = s->kind == LINEAR ? 0 : s->stride > 1 ? (s->taps - s->stride) / 2 : s->dilation * (s->taps - 1) / 2;

    switch (s->kind) {
    case NORMED16: /* as in a residual block: AdaIN and Snake before, the residual and the next norm's moments after */
        p.moments = w->moments;
        if (!oracle) {
            e.add = w->z;
            e.moments = w->moments;
        }
        return cw_conv1d_normed(d, w->x, p, w->scratch, w->w, pad, s->dilation, e, w->y, err);
    case CONV:
    case CONV16:
        return cw_conv1d(d, w->x, w->w, s->stride, pad, s->dilation, e, w->y, err);
    case TRANSPOSED:
        return cw_conv_transpose1d(d, w->x, w->w, pad, 0, e, w->y, err);
    case LINEAR:
        return cw_linear(d, w->x, w->w, e, w->y, err);
    case ATTENTION:
        return cw_attention(d, w->x, w->x, w->x, w->x.cols / 64, w->y, err);
    case ATTENTION16:
        return cw_attention_16(d, w->x, w->x, w->x, w->x.cols / 64, w->y, err);
    case LSTM:
        return cw_lstm_bidirectional(d, w->x, w->lstm, w->lstm, w->scratch, w->y, err);
    case INSTANCE_SNAKE:
    case INSTANCE_LEAKY:
        return cw_instance_norm(d, w->x, p, w->y, err);
    case LAYER:
        return cw_layer_norm(d, w->x, w->ones, w->ones, true, 1e-5F, w->y, err);
    case LEAKY:
        return cw_leaky(d, w->x, 0.1F, w->y, err);
    case ADD:
        return cw_add(d, w->x, w->y, 1, w->z, err);
    case SIN:
        return cw_sin(d, w->x, w->y, err);
    default:
        return cw_exp(d, w->x, w->y, err);
    }
}

/* Multiply-adds of the shape, or 0 for what is counted in elements. */
static double multiply_adds(const struct shape *s, int rows_out) {
    switch (s->kind) {
    case CONV:
    case CONV16:
    case NORMED16:
    case LINEAR:
        return (double)rows_out * s->in * s->out * s->taps;
    case TRANSPOSED:
        return (double)s->rows * s->in * s->out * s->taps;
    case ATTENTION:
        return 2.0 * s->rows * s->rows * s->in;
    case LSTM:
        return 8.0 * s->rows * s->out * (s->in + s->out);
    default:
        return 0;
    }
}

static int open_weight(struct cw_weight **w, struct cw_device *d, const struct shape *s, const float *weights, struct cw_error *err) {
    switch (s->kind) {
    case CONV16:
    case NORMED16:
        return cw_weight_open_16(w, d, weights, s->out, s->in, s->taps, NULL, err);
    case CONV:
    case LINEAR:
        return cw_weight_open(w, d, weights, s->out, s->in, s->taps, NULL, err);
    case TRANSPOSED:
        return cw_weight_open_transposed_16(w, d, weights, s->in, s->out, s->taps, s->stride, NULL, err);
    default:
        return 0;
    }
}

/* w.y, as it was computed, beside what the oracle makes of the same. */
static int compare(struct cw_device *d, const struct shape *s, const struct work *w, const float *weights, struct cw_error *err) {
    struct work plain = *w;
    double apart = 0, size = 0;
    plain.y = w->z;
    plain.w = NULL;
    int status = open_weight(&plain.w, oracle, s, weights, err) != 0 ? -1 : run(oracle, s, &plain, err);
    for (int r = 0; status == 0 && r < w->y.rows; r++)
        for (int c = 0; c < w->y.cols; c++) {
            double a = w->y.data[(ptrdiff_t)r * w->y.stride + c], b = plain.y.data[(ptrdiff_t)r * plain.y.stride + c];
            apart += (a - b) * (a - b);
            size += b * b;
        }
    if (status == 0)
        printf("%-10s %-32s %.1e\n", cw_device_isa(d), s->name, sqrt(apart / size));
    cw_weight_close(plain.w);
    return status;
}

static int bench(struct cw_device *d, struct cw_arena *a, const struct shape *s, double peak, struct cw_error *err) {
    struct work w = {0};
    size_t mark = cw_arena_mark(a), n = (size_t)s->in * s->out * s->taps;
    float *weights = NULL;
    int status = -1, rows = s->rows, cols = s->kind == LSTM ? 2 * s->out : s->out, r, i;
    double best = 1e9, begin = cw_seconds();

    if (s->kind == CONV && s->stride > 1)
        rows = (s->rows - s->stride) / s->stride + 1;
    if (s->kind == TRANSPOSED)
        rows = s->rows * s->stride;
    n = n < 8UL * 256 * 1024 ? 8UL * 256 * 1024 : n;
    weights = malloc(n * sizeof *weights);
    w.ones = malloc(4096 * sizeof *w.ones);
    if (!weights || !w.ones) {
        cw_fail_memory(err, "bench");
        goto done;
    }
    for (r = 0; r < 4096; r++)
        w.ones[r] = 1;
    cw_gauss(1, 1, 0, n, weights);
    for (n--; n > 0; n--)
        weights[n] *= 0.02F;
    if (cw_arena_mat(a, s->rows, s->in, &w.x, err) != 0 || cw_arena_mat(a, rows, cols, &w.y, err) != 0 ||
        cw_arena_mat(a, rows, cols, &w.z, err) != 0)
        goto done;
    for (r = 0; r < s->rows; r++)
        cw_gauss(1, 2, (uint64_t)r * s->in, (size_t)s->in, w.x.data + (ptrdiff_t)r * w.x.stride);
    if (cw_fill_rows(d, w.ones, w.y, err) != 0)
        goto done;
    if (s->kind == NORMED16 && (cw_arena_mat(a, s->rows, s->in, &w.scratch, err) != 0 || cw_arena_mat(a, 3, s->in, &w.moments, err) != 0 ||
                                cw_column_moments(d, w.x, w.moments, err) != 0 || cw_copy(d, w.y, w.z, err) != 0))
        goto done;
    if (s->kind == LSTM)
        status = cw_arena_mat(a, rows, 8 * s->out, &w.scratch, err) != 0 ||
                         cw_lstm_open(&w.lstm, d, weights, weights, w.ones, w.ones, s->in, s->out, err) != 0
                     ? -1
                     : 0;
    else
        status = open_weight(&w.w, d, s, weights, err);
    if (status == 0 && oracle) {
        status = run(d, s, &w, err) != 0 ? -1 : compare(d, s, &w, weights, err);
        goto done;
    }
    for (i = 0; status == 0 && (i < 3 || (i < 200 && cw_seconds() - begin < 0.7)); i++) {
        double start = now();

        status = run(d, s, &w, err);
        start = now() - start;
        best = start < best ? start : best;
    }
    if (status == 0) {
        double work = multiply_adds(s, rows);

        printf("%-10s %d  %-32s %9.3f ms  %8.2f %s", cw_device_isa(d), cw_device_threads(d), s->name, best * 1e3,
               work > 0 ? work / best * 1e-9 : best * 1e9 / ((double)rows * cols), work > 0 ? "GMAC/s" : "ns");
        if (work > 0 && peak > 0)
            printf("  %5.2f of the peak", work / best / peak);
        printf("\n");
        (void)fflush(stdout);
    }
done:
    cw_weight_close(w.w);
    cw_lstm_close(w.lstm);
    free(weights);
    free(w.ones);
    cw_arena_release(a, mark);
    return status;
}

int main(int argc, char **argv) {
    const char *const *isa, *only = NULL, *shape = "", *errors = NULL;
    const struct cw_device_params plain = {.isa = "c"};
    struct cw_arena *a = NULL;
    struct cw_error err = {0};
    int i, threads = 0, status = 1;

    for (i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--errors") == 0)
            errors = argv[i + 1];
        if (strcmp(argv[i], "--isa") == 0)
            only = argv[i + 1];
        if (strcmp(argv[i], "--shape") == 0)
            shape = argv[i + 1];
        if (strcmp(argv[i], "--clock") == 0 && strcmp(argv[i + 1], "cpu") == 0)
            now = cw_cpu_seconds;
        if (strcmp(argv[i], "--threads") == 0)
            threads = (int)strtol(argv[i + 1], NULL, 10);
    }
    if (cw_arena_open(&a, (size_t)1 << 30, &err) != 0 || (errors && cw_device_open(&oracle, plain, &err) != 0))
        goto done;
    for (isa = cw_device_isas(); *isa; isa++) {
        int run_threads, all = threads;

        if (only ? strcmp(only, *isa) != 0 : strcmp(*isa, "c") == 0) /* the oracle only when asked for */
            continue;
        for (run_threads = threads ? threads : 1;; run_threads = all) {
            struct cw_device_params params = cw_device_params_default();
            struct cw_device *d = NULL;
            double peak;
            size_t s;

            params.isa = *isa;
            params.threads = run_threads;
            if (cw_device_open(&d, params, &err) != 0)
                goto done;
            (void)cw_weight_nest(d, !errors || strcmp(errors, "unnested") != 0);
            peak = errors ? 0 : peak_of(*isa);
            if (peak > 0)
                printf("%-10s    peak of one core, float32 %18.2f GMAC/s = %.1f GFLOP/s\n", *isa, peak * 1e-9, peak * 2e-9);
            peak *= now == cw_seconds ? cw_device_threads(d) : 1;
            for (s = 0; s < sizeof shapes / sizeof *shapes; s++) {
                struct shape one = shapes[s];

                if (!strstr(one.name, shape) || (errors && one.kind > LINEAR))
                    continue;
                if (errors && one.rows > 2000)
                    one.rows = 2000;
                if (bench(d, a, &one, peak, &err) != 0) {
                    cw_device_close(d);
                    goto done;
                }
            }
            cw_device_close(d);
            if (run_threads == all || errors)
                break;
        }
    }
    status = 0;
done:
    if (status)
        fprintf(stderr, "bench_kernels: %s\n", err.text);
    cw_device_close(oracle);
    cw_arena_close(a);
    return status;
}

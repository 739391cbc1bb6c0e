/* The vector kernels, compiled once per instruction set: ops_avx2.c and ops_avx512.c define the vector `vf` of VN floats,
 * its operations, and TILE, then include this file. No kernel reads or writes past the columns it is given.
 *
 * Convolution: a register tile of TILE rows x PANEL = 2 VN outputs; for each tap, then each input channel, one broadcast
 * input per row times two vectors of the panel. A tap is a row offset. Near the ends of x, where taps fall outside, rows
 * with the same taps form a smaller tile; every sum is the same chain either way. */

#include <math.h>
#include <string.h>

enum { PANEL = 2 * VN };
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE vf load_up_to(const float *p, int n) {
    return n >= VN ? v_load(p) : v_load_n(p, n);
}

/* ---- functions ------------------------------------------------------------------------------------------------------- */

#define LOG2_E 1.44269504F

/* e^x = 2^n e^r, |r| <= ln 2 / 2; relative error 1e-7; 0 and infinity beyond the range of a float. The polynomials here
 * and below are minimax fits (Lawson's iteration) of (f - leading terms). */
INLINE vf exp_of(vf x) {
    vf n, r, p;

    x = v_max(v_set(-104), v_min(v_set(89), x));
    n = v_round(v_mul(x, v_set(LOG2_E)));
    r = v_fnma(n, v_set(0x1.62e43p-1F), x);
    r = v_fnma(n, v_set(-0x1.05c61p-29F), r);
    p = v_set(0.00139504913F);
    p = v_fma(p, r, v_set(0.00836888944F));
    p = v_fma(p, r, v_set(0.0416662058F));
    p = v_fma(p, r, v_set(0.166665188F));
    p = v_fma(p, r, v_set(0.50000001F));
    p = v_add(v_fma(v_mul(r, r), p, r), v_set(1));
    return v_times_power(p, n);
}

/* 2^x of x <= 0, and at least 2^-100: what is smaller would be slow to compute with, and adds nothing to a 1. */
INLINE vf power_of_2(vf x) {
    vf n, r, p;

    x = v_max(v_set(-100), x);
    n = v_round(x);
    r = v_sub(x, n);
    p = v_set(0.00132647271F);
    p = v_fma(p, r, v_set(0.00967151264F));
    p = v_fma(p, r, v_set(0.0555073374F));
    p = v_fma(p, r, v_set(0.240222421F));
    p = v_fma(p, r, v_set(0.693146978F));
    p = v_fma(p, r, v_set(1));
    return v_times_power(p, n);
}

INLINE vf sigmoid_of(vf x) {
    return v_div(v_set(1), v_add(v_set(1), exp_of(v_sub(v_set(0), x))));
}

/* x + x^3 P(x^2) near 0, where 1 - 2 / (e^2x + 1) would lose digits. */
INLINE vf tanh_of(vf x) {
    vf t = v_mul(x, x), p = v_set(0.00214753939F), far;

    p = v_fma(p, t, v_set(-0.00818267692F));
    p = v_fma(p, t, v_set(0.0217029685F));
    p = v_fma(p, t, v_set(-0.0539472046F));
    p = v_fma(p, t, v_set(0.133332098F));
    p = v_fma(p, t, v_set(-0.333333309F));
    p = v_fma(v_mul(x, t), p, x);
    far = v_sub(v_set(1), v_div(v_set(2), v_add(exp_of(v_add(x, x)), v_set(1))));
    return v_if_less(v_abs(x), v_set(0.625F), p, far);
}

/* x - n pi in three parts (Cody and Waite), exact enough up to SIN_MAX. */
#define SIN_MAX 1e6F
INLINE vf minus_pi(vf x, vf n) {
    x = v_fnma(n, v_set(0x1.921fb6p+1F), x);
    x = v_fnma(n, v_set(-0x1.777a5cp-24F), x);
    return v_fnma(n, v_set(-0x1.ee59dap-49F), x);
}

INLINE vf sin_of(vf x) {
    vf n = v_round(v_mul(x, v_set(0.318309886F))), r = minus_pi(x, n), t = v_mul(r, r), p = v_set(-2.3909485e-08F);

    p = v_fma(p, t, v_set(2.75266332e-06F));
    p = v_fma(p, t, v_set(-0.000198408944F));
    p = v_fma(p, t, v_set(0.00833333133F));
    p = v_fma(p, t, v_set(-0.166666666F));
    return v_flip_odd(v_fma(v_mul(r, t), p, r), n);
}

/* sin^2 has period pi and is even: no sign to care for, t (1 + t P(t)) in t = r^2; absolute error 2e-7. */
INLINE vf sin_squared_of(vf x) {
    vf n = v_round(v_mul(x, v_set(0.318309886F))), r = minus_pi(x, n), t = v_mul(r, r), p = v_set(-3.58126628e-06F);

    p = v_fma(p, t, v_set(0.000139025866F));
    p = v_fma(p, t, v_set(-0.00317165729F));
    p = v_fma(p, t, v_set(0.0444424863F));
    p = v_fma(p, t, v_set(-0.333332861F));
    return v_fma(v_mul(t, t), p, t);
}

INLINE vf leaky_of(vf x, vf slope) {
    return v_if_less(x, v_set(0), v_mul(x, slope), x);
}

/* 0.5 x (1 + tanh u) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3) */
INLINE vf gelu_of(vf x) {
    vf u = v_mul(x, v_fma(v_mul(x, x), v_set(-0.0713548162F), v_set(-1.59576912F)));

    return v_div(x, v_add(v_set(1), exp_of(u)));
}

/* x times the normal distribution's integral up to x, which is half of erfc(|x| / sqrt(2)) or one less that: Abramowitz and Stegun,
 * 7.1.26, absolute error 1e-7. */
INLINE vf gelu_exact_of(vf x) {
    vf t = v_div(v_set(1), v_fma(v_abs(x), v_set(0.231641888F), v_set(1))), p = v_set(0.530702715F), tail;

    p = v_fma(p, t, v_set(-0.726576014F));
    p = v_fma(p, t, v_set(0.710706871F));
    p = v_fma(p, t, v_set(-0.142248368F));
    p = v_fma(p, t, v_set(0.127414796F));
    tail = v_mul(v_mul(p, t), v_mul(x, exp_of(v_mul(v_mul(x, x), v_set(-0.5F)))));
    return v_if_less(x, v_set(0), tail, v_sub(x, tail));
}

/* Sum of the lanes in a fixed order. */
INLINE float sum_of(vf a) {
    float lanes[VN];
    int width, i;

    v_store(lanes, a);
    for (width = VN / 2; width > 0; width /= 2)
        for (i = 0; i < width; i++)
            lanes[i] += lanes[i + width];
    return lanes[0];
}

/* y [n] = act(norm(x)) of one row. */
INLINE void affine_row_of(const struct cw_affine *a, const enum cw_norm_act act, const float *x, int n, float *y) {
    int c;

    for (c = 0; c < n; c += VN) {
        const int left = n - c;
        vf v = v_fma(v_sub(load_up_to(x + c, left), load_up_to(a->mean + c, left)), load_up_to(a->gain + c, left),
                     load_up_to(a->shift + c, left));

        if (act == CW_NORM_LEAKY)
            v = leaky_of(v, v_set(a->slope));
        else if (act == CW_NORM_SNAKE)
            v = v_fma(sin_squared_of(v_mul(v, load_up_to(a->alpha + c, left))), load_up_to(a->inverse + c, left), v);
        if (left >= VN)
            v_store(y + c, v);
        else
            v_store_n(y + c, v, left);
    }
}

static void affine_row(const struct cw_affine *a, const float *x, int n, float *y) {
    switch (a->act) { /* constant in each call */
    case CW_NORM_NONE:
        affine_row_of(a, CW_NORM_NONE, x, n, y);
        break;
    case CW_NORM_LEAKY:
        affine_row_of(a, CW_NORM_LEAKY, x, n, y);
        break;
    case CW_NORM_SNAKE:
        affine_row_of(a, CW_NORM_SNAKE, x, n, y);
        break;
    }
}

/* ---- convolution ------------------------------------------------------------------------------------------------------- */

/* The epilogue of one vector: n columns (VN or fewer) of row `row` from column `col`, bias added. Stores and gives it. */
INLINE vf finish(const struct cw_conv_job *j, ptrdiff_t row, int col, int n, vf v) {
    float *y = j->y + row * j->y_stride + col;

    if (j->act == CW_ACT_LEAKY)
        v = leaky_of(v, v_set(j->slope));
    else if (j->act == CW_ACT_GELU_TANH)
        v = gelu_of(v);
    else if (j->act == CW_ACT_GELU)
        v = gelu_exact_of(v);
    if (j->add)
        v = v_add(v, load_up_to(j->add + row * j->add_stride + col, n));
    if (j->add2)
        v = v_add(v, load_up_to(j->add2 + row * j->add2_stride + col, n));
    if (j->add || j->add2)
        v = v_mul(v, v_set(j->scale));
    if (j->last_slope != 1)
        v = leaky_of(v, v_set(j->last_slope));
    if (n >= VN)
        v_store(y, v);
    else
        v_store_n(y, v, n);
    return v;
}

/* sum = `rows` rows of x, ld apart, times w [taps][in][PANEL]; a tap is `tap` numbers on. */
INLINE void tile_sums(const float *x, ptrdiff_t ld, ptrdiff_t tap, int taps, int in, const float *w, const int rows, vf sum[TILE][2]) {
    int k, c, r;

    UNROLL
    for (r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = v_set(0);
    for (k = 0; k < taps; k++, x += tap) {
        const float *x0 = x, *x4 = x + 4 * ld, *x8 = x + 8 * ld, *x12 = x + 12 * ld;

        for (c = 0; c < in; c++, w += PANEL) {
            const vf w0 = v_load(w), w1 = v_load(w + VN);

            UNROLL
            for (r = 0; r < rows; r++) {
                const float *row = (r < 4 ? x0 : r < 8 ? x4 : r < 12 ? x8 : x12) + (r & 3) * ld;
                const vf value = v_set(*row);

                sum[r][0] = v_fma(value, w0, sum[r][0]);
                sum[r][1] = v_fma(value, w1, sum[r][1]);
            }
            x0++, x4++, x8++, x12++;
        }
    }
}

/* Rows [q, q + rows), all with the taps [lo, hi); outputs of one panel. */
INLINE void conv_tile(const struct cw_conv_job *j, int q, const int rows, int lo, int hi, int panel) {
    const int n = j->out - panel * PANEL; /* columns left */
    vf sum[TILE][2];
    int r;

    tile_sums(j->x + ((ptrdiff_t)q * j->step + j->offset + (ptrdiff_t)lo * j->dilation) * j->x_stride, (ptrdiff_t)j->step * j->x_stride,
              (ptrdiff_t)j->dilation * j->x_stride, hi - lo, j->in, j->w + ((size_t)panel * j->packed_taps + lo) * j->in * PANEL, rows,
              sum);
    UNROLL
    for (r = 0; r < rows; r++) {
        finish(j, q + r, panel * PANEL, n, v_add(sum[r][0], v_load(j->bias + panel * PANEL)));
        if (n > VN)
            finish(j, q + r, panel * PANEL + VN, n - VN, v_add(sum[r][1], v_load(j->bias + panel * PANEL + VN)));
    }
}

#define CONV_TILE(rows)                                                                                                                    \
    static __attribute__((noinline)) void conv_tile_##rows(const struct cw_conv_job *j, int q, int lo, int hi, int panel) {                \
        conv_tile(j, q, rows, lo, hi, panel);                                                                                              \
    }
CONV_TILE(1)
CONV_TILE(2)
CONV_TILE(3)
CONV_TILE(4)
CONV_TILE(5)
CONV_TILE(6)
#if defined(__AVX512F__)
CONV_TILE(7)
CONV_TILE(8)
CONV_TILE(9)
CONV_TILE(10)
CONV_TILE(11)
CONV_TILE(12)
CONV_TILE(13)
CONV_TILE(14)
#endif

static void (*const conv_tiles[])(const struct cw_conv_job *, int, int, int, int) = {
    NULL,        conv_tile_1, conv_tile_2, conv_tile_3,  conv_tile_4,  conv_tile_5,  conv_tile_6,
#if defined(__AVX512F__)
    conv_tile_7, conv_tile_8, conv_tile_9, conv_tile_10, conv_tile_11, conv_tile_12, conv_tile_13, conv_tile_14,
#endif
};

static void conv(const struct cw_conv_job *j, int row0, int row1, int panel0, int panel1) {
    int p, q;

    for (p = panel0; p < panel1; p++)
        for (q = row0; q < row1;) {
            int lo, hi, lo1, hi1, end = q + 1, tiles;

            cw_conv_tap_range(j, q, &lo, &hi);
            cw_conv_tap_range(j, row1 - 1, &lo1, &hi1);
            if (lo == 0 && hi == j->taps && lo1 == lo && hi1 == hi) {
                end = row1; /* the rows that see all of their taps lie together */
            } else {
                for (; end < row1; end++) {
                    cw_conv_tap_range(j, end, &lo1, &hi1);
                    if (lo1 != lo || hi1 != hi)
                        break;
                }
            }
            for (tiles = (end - q + TILE - 1) / TILE; tiles > 0; tiles--) { /* of nearly equal height */
                int rows = (end - q + tiles - 1) / tiles;

                conv_tiles[rows](j, q, lo, hi, p);
                q += rows;
            }
        }
}

#include "kernels/body_sums.h"
#if defined(FIXED) || defined(BFLOAT)
struct products16 {
    const NUMBER16 *x;  /* 2 pairs numbers a row */
    ptrdiff_t row, tap; /* distances, numbers */
    int taps, pairs;
    const NUMBER16 *w; /* [taps][pairs][PANEL][2] */
    float *sum;        /* [rows][PANEL] */
};
#ifdef TILES
#include "kernels/body_tiles.h"
#else
#include "kernels/body_dot.h"
#endif
#include "kernels/body_16.h"
#endif
#include "kernels/body_fast.h"

/* ---- depthwise, norms ------------------------------------------------------------------------------------------------- */

static void depthwise(const struct cw_depthwise_job *j, int row0, int row1) {
    int t, c, k;

    for (t = row0; t < row1; t++)
        for (c = 0; c < j->x.cols; c++) {
            float sum = 0;

            for (k = (t + j->pad) % j->stride; k < j->taps; k += j->stride) {
                int i = (t + j->pad - k) / j->stride;

                if (t + j->pad >= k && i < j->x.rows)
                    sum = fmaf(j->x.data[(ptrdiff_t)i * j->x.stride + c], j->w[(size_t)c * j->taps + k], sum);
            }
            j->y.data[(ptrdiff_t)t * j->y.stride + c] = sum + (j->bias ? j->bias[c] : 0);
        }
}

static void layer_norm(const struct cw_layer_norm_job *j, int row0, int row1) {
    const int n = j->x.cols, whole = n / VN * VN, rest = n - whole;
    const vf one = v_set(j->add_one ? 1 : 0);
    int r, c;

    for (r = row0; r < row1; r++) {
        const float *x = j->x.data + (ptrdiff_t)r * j->x.stride;
        float *y = j->y.data + (ptrdiff_t)r * j->y.stride;
        vf sum = v_set(0), mean, scale;

        for (c = 0; c < whole; c += VN)
            sum = v_add(sum, v_load(x + c));
        if (rest)
            sum = v_add(sum, v_load_n(x + c, rest));
        mean = v_set(sum_of(sum) / (float)n);
        sum = v_set(0);
        for (c = 0; c < whole; c += VN) {
            vf d = v_sub(v_load(x + c), mean);

            sum = v_fma(d, d, sum);
        }
        if (rest) {
            float ones[VN] = {0};
            vf d = v_sub(v_load_n(x + c, rest), mean);
            int i;

            for (i = 0; i < rest; i++)
                ones[i] = 1;
            d = v_mul(d, v_load(ones)); /* the lanes past the end are -mean */
            sum = v_fma(d, d, sum);
        }
        scale = v_set(1 / sqrtf(sum_of(sum) / (float)n + j->eps));
        for (c = 0; c < whole; c += VN)
            v_store(y + c, v_fma(v_mul(v_sub(v_load(x + c), mean), scale), v_add(v_load(j->gain + c), one), v_load(j->shift + c)));
        if (rest)
            v_store_n(y + c,
                      v_fma(v_mul(v_sub(v_load_n(x + c, rest), mean), scale), v_add(v_load_n(j->gain + c, rest), one),
                            v_load_n(j->shift + c, rest)),
                      rest);
    }
}

/* Statistics of one vector of columns over [row0, row1), n <= VN columns. Each CW_STATS_ROWS rows are read twice, the second
 * time from the first-level cache, then joined in double. */
INLINE void vector_stats(struct cw_mat x, int row0, int row1, int col, const int n, double *mean, double *m2) {
    const float *column = x.data + col;
    double count = 0;
    int r, c;

    for (; row0 < row1; row0 += CW_STATS_ROWS) {
        const int end = row1 - row0 < CW_STATS_ROWS ? row1 : row0 + CW_STATS_ROWS, rows = end - row0;
        vf sum = v_set(0), sum2 = v_set(0), middle;
        float means[VN], squares[VN];

        for (r = row0; r < end; r++) {
            const float *p = column + (ptrdiff_t)r * x.stride;

            sum = v_add(sum, n == VN ? v_load(p) : v_load_n(p, n));
        }
        middle = v_mul(sum, v_set(1 / (float)rows));
        sum = v_set(0);
        for (r = row0; r < end; r++) {
            const float *p = column + (ptrdiff_t)r * x.stride;
            vf d = v_sub(n == VN ? v_load(p) : v_load_n(p, n), middle);

            sum = v_add(sum, d); /* makes up for the rounding of the first mean */
            sum2 = v_fma(d, d, sum2);
        }
        v_store(squares, v_fnma(v_mul(sum, sum), v_set(1 / (float)rows), sum2));
        v_store(means, v_fma(sum, v_set(1 / (float)rows), middle));
        if (count == 0) {
            for (c = 0; c < n; c++) {
                mean[c] = means[c];
                m2[c] = squares[c];
            }
        } else {
            for (c = 0; c < n; c++)
                cw_stats_join(count, &mean[c], &m2[c], rows, means[c], squares[c]);
        }
        count += rows;
    }
}

static void column_stats(struct cw_mat x, int row0, int row1, int col0, int n, double *mean, double *m2) {
    int c;

    for (c = 0; c + VN <= n; c += VN)
        vector_stats(x, row0, row1, col0 + c, VN, mean + c, m2 + c);
    if (c < n)
        vector_stats(x, row0, row1, col0 + c, n - c, mean + c, m2 + c);
}

static void affine(const struct cw_affine_job *j, int row0, int row1) {
    int r;

    for (r = row0; r < row1; r++)
        affine_row(&j->affine, j->x.data + (ptrdiff_t)r * j->x.stride, j->x.cols, j->y.data + (ptrdiff_t)r * j->y.stride);
}

#include "kernels/body_backward.h"

#include "kernels/body_attention.h"

/* ---- LSTM ------------------------------------------------------------------------------------------------------------------ */

/* gates[n0 .. n0 + panels * PANEL) += hh h. Several panels at once, because one sum per vector alone would wait for itself. */
INLINE void recur(const struct cw_lstm_job *j, float *gates, const float *h, int panel, const int panels) {
    const int hidden = j->hidden;
    const float *w = j->hh + (size_t)panel * hidden * PANEL;
    vf sum[8];
    int c, p;

    UNROLL
    for (p = 0; p < 2 * panels; p++) {
        const int n = 4 * hidden - panel * PANEL - p * VN;

        sum[p] = n >= VN ? v_load(gates + panel * PANEL + p * VN) : n > 0 ? v_load_n(gates + panel * PANEL + p * VN, n) : v_set(0);
    }
    for (c = 0; c < hidden; c++, w += PANEL) {
        const vf value = v_set(h[c]);

        UNROLL
        for (p = 0; p < 2 * panels; p++)
            sum[p] = v_fma(value, v_load(w + (size_t)(p / 2) * hidden * PANEL + p % 2 * VN), sum[p]);
    }
    UNROLL
    for (p = 0; p < 2 * panels; p++) {
        const int n = 4 * hidden - panel * PANEL - p * VN;

        if (n >= VN)
            v_store(gates + panel * PANEL + p * VN, sum[p]);
        else if (n > 0)
            v_store_n(gates + panel * PANEL + p * VN, sum[p], n);
    }
}

static void lstm(const struct cw_lstm_job *j) {
    const int hidden = j->hidden, rows = j->y.rows, panels = (4 * hidden + PANEL - 1) / PANEL;
    float cell[CW_LSTM_HIDDEN_MAX];
    int step, p, c;

    for (c = 0; c < hidden; c++)
        cell[c] = 0;
    for (step = 0; step < rows; step++) {
        const int t = j->reverse ? rows - 1 - step : step;
        float *gates = j->gates.data + (ptrdiff_t)t * j->gates.stride, *y = j->y.data + (ptrdiff_t)t * j->y.stride;

        if (step > 0) {
            const float *h = j->y.data + (ptrdiff_t)(j->reverse ? t + 1 : t - 1) * j->y.stride;

            for (p = 0; p + 4 <= panels; p += 4)
                recur(j, gates, h, p, 4);
            for (; p < panels; p++)
                recur(j, gates, h, p, 1);
        }
        for (c = 0; c < hidden; c += VN) { /* i, f, g, o */
            const int n = hidden - c;
            const vf in = sigmoid_of(load_up_to(gates + c, n)), forget = sigmoid_of(load_up_to(gates + hidden + c, n));
            const vf new = tanh_of(load_up_to(gates + 2 * hidden + c, n)), out = sigmoid_of(load_up_to(gates + 3 * hidden + c, n));
            const vf state = v_fma(forget, load_up_to(cell + c, n), v_mul(in, new)), result = v_mul(out, tanh_of(state));

            if (n >= VN) {
                v_store(cell + c, state);
                v_store(y + c, result);
            } else {
                v_store_n(cell + c, state, n);
                v_store_n(y + c, result, n);
            }
        }
    }
}

/* ---- element by element ------------------------------------------------------------------------------------------------------ */

/* Past SIN_MAX, one by one. */
static __attribute__((noinline)) vf sin_far(vf x) {
    float lanes[VN];
    int i;

    v_store(lanes, x);
    for (i = 0; i < VN; i++)
        lanes[i] = (float)sin(lanes[i]);
    return v_load(lanes);
}

/* s: the number, or what y holds */
INLINE vf map_of(enum cw_function f, vf x, vf z, vf s) {
    switch (f) {
    case CW_F_LEAKY:
        return leaky_of(x, s);
    case CW_F_ADD:
        return v_mul(v_add(x, z), s);
    case CW_F_ADD_SCALED:
        return v_add(x, v_mul(z, s));
    case CW_F_ADD_GATED:
        return v_add(s, v_mul(x, z));
    case CW_F_EXP:
        return exp_of(x);
    case CW_F_SIN:
        return v_all_at_most(v_abs(x), v_set(SIN_MAX)) ? sin_of(x) : sin_far(x);
    }
    return x;
}

INLINE void map_row(const enum cw_function f, const float *x, const float *z, float s, float *y, size_t n) {
    const bool two = f == CW_F_ADD || f == CW_F_ADD_SCALED || f == CW_F_ADD_GATED, onto = f == CW_F_ADD_GATED;
    const vf by = v_set(s);
    size_t i;

    for (i = 0; i + VN <= n; i += VN)
        v_store(y + i, map_of(f, v_load(x + i), two ? v_load(z + i) : by, onto ? v_load(y + i) : by));
    if (i < n) {
        const int rest = (int)(n - i);

        v_store_n(y + i, map_of(f, v_load_n(x + i, rest), two ? v_load_n(z + i, rest) : by, onto ? v_load_n(y + i, rest) : by), rest);
    }
}

static void map(enum cw_function f, const float *x, const float *z, float s, float *y, size_t n) {
    switch (f) { /* constant in each call, so that the choice is not made per vector */
    case CW_F_LEAKY:
        map_row(CW_F_LEAKY, x, z, s, y, n);
        break;
    case CW_F_ADD:
        map_row(CW_F_ADD, x, z, s, y, n);
        break;
    case CW_F_ADD_SCALED:
        map_row(CW_F_ADD_SCALED, x, z, s, y, n);
        break;
    case CW_F_ADD_GATED:
        map_row(CW_F_ADD_GATED, x, z, s, y, n);
        break;
    case CW_F_EXP:
        map_row(CW_F_EXP, x, z, s, y, n);
        break;
    case CW_F_SIN:
        map_row(CW_F_SIN, x, z, s, y, n);
        break;
    }
}

static double peak(int rounds) {
    int k;
#if defined(TILES)
    struct tile_file file;

    tiles_begin();
    tile_zero(&file, 0);
    tile_zero(&file, 1);
    tile_zero(&file, 2);
    tile_zero(&file, 3);
    tile_zero(&file, 4);
    tile_zero(&file, 5);
    tile_zero(&file, 6);
    tile_zero(&file, 7);
    for (k = 0; k < rounds / 4; k++) {
        tile_dot(&file, 0, 4, 6);
        tile_dot(&file, 1, 4, 7);
        tile_dot(&file, 2, 5, 6);
        tile_dot(&file, 3, 5, 7);
    }
    tiles_end();
    return (double)(rounds - rounds % 4) * TILE_ROWS * TILE_ROWS * TILE_ROWS * 2;
#else
    enum { SUMS = 12 };
    int i;
#ifdef NUMBER16
    VECTOR16 sum[SUMS], out[SUMS], a = ZERO16;
#else
    vf sum[SUMS], out[SUMS], a = v_set(1e-9F);
#endif

#ifdef NUMBER16
    _Pragma("GCC unroll 12") for (i = 0; i < SUMS; i++) sum[i] = a;
#else
    _Pragma("GCC unroll 12") for (i = 0; i < SUMS; i++) sum[i] = v_set((float)i); /* of sums that begin alike the compiler makes one */
#endif
    for (k = 0; k < rounds; k++) {
        _Pragma("GCC unroll 12") for (i = 0; i < SUMS; i++) {
#ifdef NUMBER16
            DOT16(sum[i], a, a);
#else
            sum[i] = v_fma(a, a, sum[i]);
#endif
        }
        __asm__ volatile("" : "+x"(a)); /* or the loop is one sum */
    }
    _Pragma("GCC unroll 12") for (i = 0; i < SUMS; i++) out[i] = sum[i]; /* a copy, or the sums themselves live in memory */
    __asm__ volatile("" : : "m"(out));                                   /* they are wanted */
#ifdef NUMBER16
    return (double)rounds * SUMS * VN * 2;
#else
    return (double)rounds * SUMS * VN;
#endif
#endif
}

const struct cw_kernels KERNELS = {
    .isa = ISA_NAME,
    .panel = PANEL,
    .tile = TILE,
    .conv = conv,
    .conv_fast = conv_fast,
#if defined(FIXED)
    .form16 = CW_FORM_FIXED,
    .conv16 = conv16,
#elif defined(BFLOAT)
    .form16 = CW_FORM_BFLOAT,
    .conv16 = conv16,
#endif
    .depthwise = depthwise,
    .layer_norm = layer_norm,
    .column_stats = column_stats,
    .affine = affine,
    .norm_backward_sums = norm_backward_sums,
    .norm_backward = norm_backward,
    .attention = attention,
#ifdef FIXED
    .attention16 = attention16,
#endif
    .lstm = lstm,
    .map = map,
    .peak = peak,
};

/* What the files of kernels/ share: the device, the packed weight, and the table of kernels that an instruction set fills.
 *
 *   launcher (ops_*.c: checks shapes, cuts tasks) -> pool (pool.c) -> kernel of the device's table (kernels_*.c, body.h)
 *
 * A kernel gets a job (plain pointers and sizes, all checked) and the range of output it has to write. */
#ifndef CW_KERNELS_INTERNAL_H
#define CW_KERNELS_INTERNAL_H

#include "kernels/kernels.h"

/* ---- jobs ---------------------------------------------------------------------------------------------------------- */

/* y[q, n] = epilogue(sum over k, c of x[q * step + offset + k * dilation, c] * w[n, k, c]), taps outside x skipped.
 * Every sum runs over k first, then c, in one chain, wherever the output lies: bytes do not depend on the cut. */
struct cw_conv_job {
    const float *x; /* [x_rows, in] */
    ptrdiff_t x_stride;
    int x_rows, in, taps;
    int step, offset, dilation; /* dilation -1: a phase of a transposed convolution */
    const float *w;             /* [panels][packed_taps][in][panel] */
    int packed_taps;            /* at least taps: phases of a transposed convolution are packed alike */
    const float *bias;          /* [panels * panel], zeros when there is none */
    float *y;                   /* [rows, out] */
    ptrdiff_t y_stride;
    int out;
    const float *add; /* [rows, out] or NULL */
    ptrdiff_t add_stride;
    enum cw_act act;
    float slope, scale;
};

/* The taps [*lo, *hi) of output row q that fall inside x. */
static inline void cw_conv_tap_range(const struct cw_conv_job *j, int q, int *lo, int *hi) {
    int64_t base = (int64_t)q * j->step + j->offset, d = j->dilation, rows = j->x_rows, first = 0, end = j->taps;

    if (d > 0) {
        if (base < 0)
            first = (-base + d - 1) / d;
        if (base >= rows)
            end = 0;
        else if (rows - 1 - base < (end - 1) * d)
            end = (rows - 1 - base) / d + 1;
    } else {
        d = -d;
        if (base >= rows)
            first = (base - rows) / d + 1;
        if (base < 0)
            end = 0;
        else if (base < (end - 1) * d)
            end = base / d + 1;
    }
    if (end < first)
        end = first;
    if (first > j->taps)
        first = end = j->taps;
    *lo = (int)first;
    *hi = (int)end;
}

/* Fast convolution (Toom and Cook; Winograd, 1980), stride 1: four outputs a dilation apart take CW_FAST_POINTS products
 * instead of four per tap, four taps at a time. A tile is four outputs; of the rows of one phase (row % dilation), tile q
 * holds the rows phase + dilation * (4 q + 0 .. 3). The points are 0, 1, -1, 2, -2, 1/2 and infinity. Error grows about
 * fourfold over the plain sum. */
enum {
    CW_FAST_TILE = 4,
    CW_FAST_POINTS = 7,
    CW_FAST_IN_MAX = 256, /* input channels */
    CW_FAST_TAPS_MIN = 3, /* fewer gain nothing */
    CW_FAST_TAPS_MAX = 16,
    CW_FAST_PHASE_ROWS = 64, /* fewest rows of a phase worth the transforms */
};
struct cw_fast_job {
    struct cw_conv_job conv; /* step 1, offset -pad; w is not read */
    int rows;                /* of y */
    const float *w;          /* [panels][CW_FAST_POINTS][groups][in][panel] */
    int groups;              /* of four taps */
    int panels;
};
/* Tiles of one task, for this many input channels: their transforms stay in the second-level cache. */
static inline int cw_fast_block(int in) {
    return in <= 128 ? 56 : 28;
}

struct cw_depthwise_job {
    struct cw_mat x, y;
    const float *w; /* [C, K] */
    const float *bias;
    int taps, stride, pad;
};

struct cw_layer_norm_job {
    struct cw_mat x, y;
    const float *gain, *shift; /* [C] */
    bool add_one;
    float eps;
};

/* y = act((x - mean) * gain + shift), all [C]. */
struct cw_affine_job {
    struct cw_mat x, y;
    const float *mean, *gain, *shift;
    enum cw_norm_act act;
    float slope;
    const float *alpha, *inverse; /* Snake: a and 1 / a (0 where a is 0) */
};

struct cw_attention_job {
    struct cw_mat q, k, v, y;
    int width;   /* D, columns of one head */
    float scale; /* 1 / sqrt(D) */
};
enum { CW_ATTENTION_WIDTH_MAX = 256 };

/* One direction. gates [T, 4H] holds the input products with the biases; it is overwritten. y [T, H]. */
struct cw_lstm_job {
    const float *hh; /* [panels][1][H][panel], rows 4H */
    struct cw_mat gates, y;
    int hidden;
    bool reverse;
};
enum { CW_LSTM_HIDDEN_MAX = 2048 };

/* One row, element by element. */
enum cw_function { CW_F_LEAKY, CW_F_ADD, CW_F_EXP, CW_F_SIN };

/* ---- an instruction set ---------------------------------------------------------------------------------------------- */

struct cw_kernels {
    const char *isa;
    int panel; /* output columns packed side by side in a weight */
    int tile;  /* rows of one register tile: the launchers' row blocks are multiples of it */
    /* rows [row0, row1) of y, panels [panel0, panel1) */
    void (*conv)(const struct cw_conv_job *j, int row0, int row1, int panel0, int panel1);
    /* tiles [tile0, tile1) of one phase, at most cw_fast_block(in); NULL: not in this instruction set */
    void (*conv_fast)(const struct cw_fast_job *j, int phase, int tile0, int tile1);
    void (*depthwise)(const struct cw_depthwise_job *j, int row0, int row1);
    void (*layer_norm)(const struct cw_layer_norm_job *j, int row0, int row1);
    /* Mean and sum of squared deviations of rows [row0, row1) for columns [col0, col0 + n), n <= CW_STATS_COLS. */
    void (*column_stats)(struct cw_mat x, int row0, int row1, int col0, int n, double *mean, double *m2);
    void (*affine)(const struct cw_affine_job *j, int row0, int row1);
    void (*attention)(const struct cw_attention_job *j, int head, int row0, int row1);
    void (*lstm)(const struct cw_lstm_job *j);
    /* y = f(x): leaky (s = slope), (x + z) * s, exp x, sin x */
    void (*map)(enum cw_function f, const float *x, const float *z, float s, float *y, size_t n);
};
enum { CW_STATS_COLS = 128, CW_STATS_ROWS = 64 }; /* a column group, and the rows read twice while they are in cache */

extern const struct cw_kernels cw_kernels_c, cw_kernels_avx2, cw_kernels_avx512;

/* Joins the statistics of `n` rows (mean, m2) to those of `count` rows in *mean0, *m20 (Chan, Golub and LeVeque, 1979). */
static inline void cw_stats_join(double count, double *mean0, double *m20, double n, double mean, double m2) {
    double delta = mean - *mean0, all = count + n;

    *mean0 += delta * (n / all);
    *m20 += m2 + delta * delta * (count * n / all);
}

/* ---- device and weight ----------------------------------------------------------------------------------------------- */

struct cw_pool;
struct cw_device {
    const struct cw_kernels *kernels;
    struct cw_pool *pool;
};

CW_MUST_CHECK int cw_pool_open(struct cw_pool **p, int threads, struct cw_error *err);
void cw_pool_close(struct cw_pool *p);
int cw_pool_threads(const struct cw_pool *p);
void cw_pool_run(struct cw_pool *p, int n, void (*task)(void *arg, int i), void *arg);

struct cw_weight {
    const struct cw_kernels *kernels; /* whose layout this is */
    int out, in, taps;
    int stride;  /* of a transposed convolution; 0 otherwise */
    float *data; /* [phases][panels][taps of a phase][in][panel]; phases = 1 unless transposed */
    float *fast; /* [panels][CW_FAST_POINTS][groups][in][panel], or NULL: taps, channels or instruction set do not suit */
    int fast_groups;
    float *bias; /* [panels * panel] */
    int panels;
    int phase_taps; /* ceil(taps / stride), or taps */
};

struct cw_lstm {
    struct cw_weight *ih; /* [4H, C] with both biases */
    struct cw_weight *hh; /* [4H, H] */
    int in, hidden;
};

/* Shape checks with one wording; all return 0 or -1. `what` is the operation, `name` the matrix. */
CW_MUST_CHECK int cw_check_mat(const char *what, const char *name, struct cw_mat m, struct cw_error *err);
CW_MUST_CHECK int cw_check_shape(const char *what, const char *name, struct cw_mat m, int rows, int cols, struct cw_error *err);

#endif

/* What the files of kernels/ share: the device, the packed weight, and the table of kernels that an instruction set fills.
 *
 *   launcher (ops_*.c: checks shapes, cuts tasks) -> pool (pool.c) -> kernel of the device's table (kernels_*.c, body.h)
 *
 * A kernel gets a job (plain pointers and sizes, all checked) and the range of output it has to write. */
#ifndef CW_KERNELS_INTERNAL_H
#define CW_KERNELS_INTERNAL_H

#include "kernels/kernels.h"

#include <stdatomic.h>

/* ---- jobs ---------------------------------------------------------------------------------------------------------- */

/* act((x - mean) * gain + shift), all [C]. */
struct cw_affine {
    const float *mean, *gain, *shift;
    enum cw_norm_act act;
    float slope;
    const float *alpha, *inverse; /* Snake: a and 1 / a (0 where a is 0) */
};

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
    const float *add, *add2; /* [rows, out] or NULL */
    ptrdiff_t add_stride, add2_stride;
    enum cw_act act;
    float slope, scale, last_slope;
    const struct cw_affine *norm; /* of x before the products, by kernels that say so; or NULL */
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

/* Mean and sum of squared deviations of the columns of some rows. */
struct cw_moments {
    double count, *mean, *m2; /* [columns] */
};

/* Fast convolution (Toom and Cook; Winograd, 1980), stride 1: four outputs a dilation apart take CW_FAST_POINTS products
 * instead of four per tap, four taps at a time. A tile is four outputs; of the rows of one phase (row % dilation), tile q
 * holds the rows phase + dilation * (4 q + 0 .. 3). The points are 0, 1, -1, 2, -2, 1/2 and infinity.
 *
 * At one point, tiles and groups of taps are again rows and taps of a short convolution. Two groups or three are nested: the
 * method is applied to them once more, at 0, 1, -1 and infinity, so that three tiles by two groups, or two by three, take
 * CW_NEST_POINTS products instead of six. Such tiles are a span. */
enum {
    CW_FAST_TILE = 4,
    CW_FAST_POINTS = 7,
    CW_FAST_IN_MAX = 256, /* input channels */
    CW_FAST_TAPS_MIN = 3, /* fewer gain nothing */
    CW_FAST_TAPS_MAX = 16,
    CW_FAST_PHASE_ROWS = 64, /* fewest rows of a phase worth the transforms */
    CW_NEST_POINTS = 4,
    CW_NEST_SPANS = 14, /* of a block */
};
/* How a weight's taps are cut: groups of four, 2 or 3 of which may be nested. */
struct cw_fast_cut {
    int groups; /* 0: not fast */
    bool nested;
};
/* Weight matrices of a point. */
static inline int cw_fast_slices(struct cw_fast_cut cut) {
    return cut.nested ? CW_NEST_POINTS : cut.groups;
}
/* Products of a point, each with a scale of its own; cw_fast_slices / cw_fast_parts matrices belong to one. */
static inline int cw_fast_parts(struct cw_fast_cut cut) {
    return cut.nested ? CW_NEST_POINTS : 1;
}
/* Tiles of a span. */
static inline int cw_fast_span(struct cw_fast_cut cut) {
    return cut.nested ? CW_NEST_POINTS + 1 - cut.groups : 1;
}
struct cw_fast_job {
    struct cw_conv_job conv; /* step 1, offset -pad; w is not read */
    int rows;                /* of y */
    const void *w;           /* float [panels][CW_FAST_POINTS][slices][in][panel], or, with a scale, int16_t [..][pairs][panel][2] */
    const float *scale;      /* [panels][CW_FAST_POINTS][parts][panel] of 16-bit weights, or NULL */
    struct cw_fast_cut cut;
    int panels;
};
/* Tiles of one block: their transforms stay in the second-level cache. */
static inline int cw_fast_block(int in, struct cw_fast_cut cut) {
    return cut.nested ? CW_NEST_SPANS * cw_fast_span(cut) : in <= 128 ? 56 : 28;
}

/* Direct convolution in 16-bit numbers, ordinary or transposed: the rows that a block needs become 16-bit in a local copy
 * (normed first), zeros outside x, so that every output sees all of its taps. Channels lie in pairs, padded to 16 pairs. */
struct cw_conv16_job {
    struct cw_conv_job conv; /* w is not read; y, add, add2 are those of the whole output */
    const uint16_t *w;       /* [phases][panels][taps of a phase][pairs][panel][2] */
    const float *scale;      /* [phases][panels][panel], fixed point; NULL for bfloat16 */
    int panels, phases;      /* 1 phase: ordinary */
    int pad;                 /* of a transposed convolution */
    int y_rows;
};
enum {
    CW_LOCAL16 = 256 * 1024, /* most numbers of the local copy; half of it */
    CW_FEW16 = 84,           /* is enough where it holds so many rows of outputs */
    CW_ROWS16 = 448,         /* most rows of a block */
    CW_SLACK16 = 32,         /* rows past the last one that a tile may read */
    CW_IN16_MAX = 4096,      /* input channels */
    CW_TAPS16_MAX = 64,
    CW_CHUNK16 = 128, /* most pairs whose products a 32-bit sum holds */
};
static inline int cw_pairs16(int in) {
    return (in + 31) / 32 * 16;
}
/* Row distance of 16-bit rows: whole pairs, and no multiple of 1 KiB (see arena.c). */
static inline int cw_stride16(int in) {
    int stride = 2 * cw_pairs16(in);

    return stride % 512 == 0 ? stride + 32 : stride;
}
/* The products are summed in chunks: so many taps at once, or so many pairs of one tap. */
static inline int cw_chunk_taps16(int pairs) {
    return pairs < CW_CHUNK16 ? CW_CHUNK16 / pairs : 1;
}
static inline int cw_chunk_pairs16(int pairs) {
    int chunks = (pairs + CW_CHUNK16 - 1) / CW_CHUNK16;

    return (pairs + chunks - 1) / chunks;
}
/* Rows of a block of an ordinary (span = (taps - 1) dilation) or transposed convolution; less than 1: not to be done. */
static inline int cw_rows16(int in, int step, int span) {
    const int64_t stride = cw_stride16(in), half = (CW_LOCAL16 / 2 / stride - span - 1) / step - CW_SLACK16,
                  all = (CW_LOCAL16 / stride - span - 1) / step - CW_SLACK16,
                  rows = half >= CW_FEW16 ? half
                         : all < CW_FEW16 ? all
                                          : CW_FEW16;

    return rows > CW_ROWS16 ? CW_ROWS16 : (int)rows;
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

struct cw_affine_job {
    struct cw_mat x, y;
    struct cw_affine affine;
};

/* Backward of an instance norm with its activation: first dy becomes dv, the gradient before the activation, while its sums are
 * taken; then dx (+)= gain dv + slope (x - mean) + offset. */
struct cw_norm_backward_job {
    struct cw_mat x, dy, dx;
    struct cw_affine affine;
    const float *slope, *offset; /* [C], of the second pass */
    bool add;
};

struct cw_attention_job {
    struct cw_mat q, k, v, y;
    int width;   /* D, columns of one head */
    float scale; /* 1 / sqrt(D) */
};
enum {
    CW_ATTENTION_WIDTH_MAX = 256,
    CW_ATTENTION_ROWS = 896,        /* most query rows at once, and */
    CW_ATTENTION_NUMBERS = 1 << 16, /* most numbers of theirs, whole panels and tiles */
};

/* One direction. gates [T, 4H] holds the input products with the biases; it is overwritten. y [T, H]. */
struct cw_lstm_job {
    const float *hh; /* [panels][1][H][panel], rows 4H */
    struct cw_mat gates, y;
    int hidden;
    bool reverse;
};
enum { CW_LSTM_HIDDEN_MAX = 2048 };

/* One row, element by element. */
enum cw_function { CW_F_LEAKY, CW_F_ADD, CW_F_ADD_SCALED, CW_F_ADD_GATED, CW_F_EXP, CW_F_SIN };

/* ---- an instruction set ---------------------------------------------------------------------------------------------- */

/* What a weight that may be 16 bits wide becomes. */
enum cw_form16 { CW_FORM_NONE, CW_FORM_FIXED, CW_FORM_BFLOAT };
#define CW_FIXED_MOST 8191.0F /* of the activations; the weights are scaled so that no 32-bit sum of a chunk can overflow */

struct cw_kernels {
    const char *isa;
    int panel; /* output columns packed side by side in a weight */
    int tile;  /* rows of one register tile: the launchers' row blocks are multiples of it */
    /* rows [row0, row1) of y, panels [panel0, panel1) */
    void (*conv)(const struct cw_conv_job *j, int row0, int row1, int panel0, int panel1);
    /* tiles [tile0, tile1) of one phase, at most cw_fast_block(), x normed first; joins what it stored to *m unless that
     * is NULL. The whole is NULL where an instruction set has none. */
    void (*conv_fast)(const struct cw_fast_job *j, int phase, int tile0, int tile1, struct cw_moments *m);
    /* rows [row0, row1) of every phase, at most cw_rows16(), of some panels; NULL where form16 is CW_FORM_NONE */
    void (*conv16)(const struct cw_conv16_job *j, int row0, int row1, int panel0, int panel1, struct cw_moments *m);
    enum cw_form16 form16;
    void (*depthwise)(const struct cw_depthwise_job *j, int row0, int row1);
    void (*layer_norm)(const struct cw_layer_norm_job *j, int row0, int row1);
    /* Mean and sum of squared deviations of rows [row0, row1) for columns [col0, col0 + n), n <= CW_STATS_COLS. */
    void (*column_stats)(struct cw_mat x, int row0, int row1, int col0, int n, double *mean, double *m2);
    void (*affine)(const struct cw_affine_job *j, int row0, int row1);
    /* Sums of dv and dv (x - mean) of rows [row0, row1) for columns [col0, col0 + n), n <= CW_STATS_COLS; dy becomes dv. */
    void (*norm_backward_sums)(const struct cw_norm_backward_job *j, int row0, int row1, int col0, int n, double *sum, double *product);
    void (*norm_backward)(const struct cw_norm_backward_job *j, int row0, int row1);
    /* at most CW_ATTENTION_ROWS, and numbers */
    void (*attention)(const struct cw_attention_job *j, int head, int row0, int row1);
    void (*attention16)(const struct cw_attention_job *j, int head, int row0, int row1); /* in fixed point, or NULL */
    void (*lstm)(const struct cw_lstm_job *j);
    /* y = f(x): leaky (s = slope), (x + z) * s, x + z * s, y + x * z, exp x, sin x; no product is fused with its sum */
    void (*map)(enum cw_function f, const float *x, const float *z, float s, float *y, size_t n);
    /* Nothing but the products that long convolutions are made of, in registers: returns how many. */
    double (*peak)(int rounds);
};
enum { CW_STATS_COLS = 128, CW_STATS_ROWS = 64 }; /* a column group, and the rows read twice while they are in cache */

/* Columns of a norm, cut into groups and their rows into chunks: a fixed cut, so that sums do not depend on threads. */
enum { CW_STATS_SLOTS = 64 }; /* groups x chunks at most */
struct cw_stats_split {
    int groups, chunks, chunk_rows;
};
/* Chunks of `least` rows or more; rows >= 1, cols 1 .. CW_NORM_COLS. */
struct cw_stats_split cw_stats_split(int rows, int cols, int least);

extern const struct cw_kernels cw_kernels_c, cw_kernels_avx2, cw_kernels_avx512, cw_kernels_avx512vnni, cw_kernels_avx512bf16,
    cw_kernels_amx, cw_kernels_amx_emulated;

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
    struct cw_packed *packed;  /* or NULL */
    bool packed_off, nest_off; /* not for the weights that are opened now */
    atomic_ullong products;    /* of plain sums, since it was opened */
};
static inline void cw_count_products(struct cw_device *d, int64_t rows, int64_t each) {
    atomic_fetch_add_explicit(&d->products, (unsigned long long)(rows * each), memory_order_relaxed);
}

CW_MUST_CHECK int cw_pool_open(struct cw_pool **p, int threads, struct cw_error *err);
void cw_pool_close(struct cw_pool *p);
int cw_pool_threads(const struct cw_pool *p);
void cw_pool_run(struct cw_pool *p, int n, void (*task)(void *arg, int i), void *arg);

struct cw_weight {
    const struct cw_kernels *kernels; /* whose layout this is */
    int out, in, taps;
    int stride;           /* of a transposed convolution; 0 otherwise */
    unsigned char *block; /* all numbers below */
    size_t bytes;
    bool borrowed;            /* from a file */
    struct cw_packed *packed; /* that knows of it, or NULL */
    float *data;              /* NULL where half is set; [phases][panels][taps of a phase][in][panel]; phases = 1 unless transposed */
    void *fast;               /* as cw_fast_job.w, or NULL: taps, channels or instruction set do not suit */
    float *fast_scale;
    struct cw_fast_cut fast_cut;
    bool may16;     /* opened by cw_weight_open_16 */
    bool may_nest;  /* what cw_weight_nest said then */
    uint16_t *half; /* as cw_conv16_job.w in place of data, or NULL */
    float *half_scale;
    float *bias; /* [panels * panel] */
    int panels;
    int phase_taps; /* ceil(taps / stride), or taps */
};

/* Packs one panel (of one phase) into p->half or p->fast. column: room for a column, at every point for the latter. */
void cw_pack16_panel(const struct cw_weight *p, const float *w, bool transposed, int i, float *column);
void cw_pack16_fast_panel(const struct cw_weight *p, const float *w, int i, float *column);
void cw_fast_points(const struct cw_weight *p, const float *w, int slice, float to[CW_FAST_POINTS]);

/* The block of a weight of this shape, bias and numbers, or NULL; the weight is noted for cw_packed_save. Its shape and bytes are set. */
const unsigned char *cw_packed_find(struct cw_packed *k, struct cw_weight *p, const float *w, const float *bias);
void cw_packed_forget(struct cw_packed *k, const struct cw_weight *p);
void cw_packed_close(struct cw_packed *k);

struct cw_lstm {
    struct cw_weight *ih; /* [4H, C] with both biases */
    struct cw_weight *hh; /* [4H, H] */
    int in, hidden;
};

/* An instance norm with its numbers at hand, for kernels that apply it as they read. */
enum { CW_NORM_COLS = 8192 };
struct cw_norm {
    struct cw_affine affine; /* of the rows below */
    float mean[CW_NORM_COLS], gain[CW_NORM_COLS], shift[CW_NORM_COLS], inverse[CW_NORM_COLS], moments[3][CW_NORM_COLS];
};
CW_MUST_CHECK int cw_norm_prepare(const char *what, struct cw_device *d, struct cw_mat x, const struct cw_instance_norm_params *p,
                                  struct cw_norm *n, struct cw_error *err);
void cw_norm_apply(struct cw_device *d, struct cw_mat x, const struct cw_norm *n, struct cw_mat y);
void cw_moments_put(struct cw_mat m, int c, double mean, double variance);

bool cw_amx_runs_here(void);
bool cw_amx_check(const struct cw_kernels *kernels); /* the check that stands between a processor's AMX and its use */
/* Decides, and what cw_device_note() says, from: the processor has tiles, the system grants them. Tests give answers of their own, while no
 * other thread asks. */
void cw_amx_ask(bool processor, bool granted, const struct cw_kernels *kernels);
void cw_amx_ask_here(void); /* with this machine's answers */
/* What runs here, best first, looked up anew and not once; NULL at the end. */
enum { CW_ISAS_MAX = 8 };
void cw_device_list(const char *names[CW_ISAS_MAX]);

/* Shape checks with one wording; all return 0 or -1. `what` is the operation, `name` the matrix. */
CW_MUST_CHECK int cw_check_mat(const char *what, const char *name, struct cw_mat m, struct cw_error *err);
CW_MUST_CHECK int cw_check_shape(const char *what, const char *name, struct cw_mat m, int rows, int cols, struct cw_error *err);

#endif

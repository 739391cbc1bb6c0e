/* Toom and Cook's convolution, part of body.h:
 *
 *   rows of x -> norm and activation -> forward transform -> products at each point -> inverse transform -> epilogue, moments
 *
 * of one block of tiles, all in the second-level cache. The products are float32, or, where the instruction set has them
 * (FIXED) and the weight is packed so, 16-bit fixed point: the transformed rows of a point share one scale, and the sums are
 * whole numbers. */

/* ---- transforms ------------------------------------------------------------------------------------------------------------ */

/* Seven input rows d0 .. d6, a dilation apart, become one row at each point: coefficients of the product of (x - other
 * points). s_i = d_(i+1) - d_i / 2 is the factor (x - 1/2), shared by all but one. */
INLINE void fast_transform(const vf d[CW_FAST_POINTS], vf v[CW_FAST_POINTS]) {
    const vf half = v_set(0.5F), four = v_set(4), five = v_set(5);
    vf s[CW_FAST_POINTS - 1], a, b;
    int i;

    UNROLL
    for (i = 0; i < CW_FAST_POINTS - 1; i++)
        s[i] = v_fnma(half, d[i], d[i + 1]);
    v[0] = v_fma(four, s[0], v_fnma(five, s[2], s[4]));
    a = v_fnma(four, s[1], s[3]);
    b = v_fnma(four, s[2], s[4]);
    v[1] = v_add(b, a);
    v[2] = v_sub(b, a);
    a = v_sub(s[3], s[1]);
    b = v_sub(s[4], s[2]);
    v[3] = v_fma(v_set(2), a, b);
    v[4] = v_fnma(v_set(2), a, b);
    v[5] = v_fma(four, d[1], v_fnma(five, d[3], d[5]));
    v[6] = v_fma(four, s[1], v_fnma(five, s[3], s[5]));
}

/* The products at the points become four outputs: y_i = sum of a^i m_a, and infinity's into the last. */
INLINE void fast_inverse(const vf m[CW_FAST_POINTS], vf y[CW_FAST_TILE]) {
    const vf even1 = v_add(m[1], m[2]), odd1 = v_sub(m[1], m[2]), even2 = v_add(m[3], m[4]), odd2 = v_sub(m[3], m[4]);

    y[0] = v_add(v_add(m[0], m[5]), v_add(even1, even2));
    y[1] = v_fma(v_set(0.5F), m[5], v_fma(v_set(2), odd2, odd1));
    y[2] = v_fma(v_set(0.25F), m[5], v_fma(v_set(4), even2, even1));
    y[3] = v_add(m[6], v_fma(v_set(0.125F), m[5], v_fma(v_set(8), odd2, odd1)));
}

/* The rows that four neighbouring tiles have at one point, at the nested points. */
INLINE void nest_transform(const vf d[CW_NEST_POINTS], vf u[CW_NEST_POINTS]) {
    u[0] = v_sub(d[0], d[2]);
    u[1] = v_add(d[1], d[2]);
    u[2] = v_sub(d[2], d[1]);
    u[3] = v_sub(d[1], d[3]);
}

/* The products at the nested points become those of a span's tiles, of which there are three with two groups of taps, two with three. */
INLINE void nest_inverse(const vf m[CW_NEST_POINTS], const int span, vf y[CW_NEST_POINTS]) {
    const vf sum = v_add(m[1], m[2]), difference = v_sub(m[1], m[2]);

    y[0] = v_add(m[0], sum);
    y[1] = span == 2 ? v_sub(difference, m[3]) : difference;
    y[2] = v_sub(sum, m[3]);
}

enum {
    FAST_GROUPS_MAX = CW_FAST_TAPS_MAX / CW_FAST_TILE,
    AHEAD = 6, /* rows */
    LINE = 16, /* floats of a cache line */
    FAST_STRIDE_MAX = CW_FAST_IN_MAX + 16,
    /* Rows of products, at all points: spans of a nested block, or tiles of another. */
    NESTED_ROWS = CW_FAST_POINTS * CW_NEST_POINTS * CW_NEST_SPANS, /* also 7 x 56 tiles */
    FAST_FLOATS = NESTED_ROWS * FAST_STRIDE_MAX,                   /* also holds 7 x 59 tiles of 128, 7 x 31 of 256 */
    FAST_ROW_FLOATS = (CW_FAST_TILE * (3 * CW_NEST_SPANS + 1) + CW_FAST_POINTS - CW_FAST_TILE) * FAST_STRIDE_MAX, /* also 59 tiles of 128 */
};

struct fast_work {
    float x[FAST_ROW_FLOATS] __attribute__((aligned(64)));    /* normed rows, a dilation apart: [rows][stride] */
    float v[FAST_FLOATS] __attribute__((aligned(64)));        /* [points][parts][rows][stride] */
    float m[NESTED_ROWS][PANEL] __attribute__((aligned(64))); /* products of one panel, [points][parts][rows] */
    float scale[CW_FAST_POINTS * CW_NEST_POINTS];             /* of the transformed rows */
#ifdef FIXED
    int16_t whole[FAST_FLOATS] __attribute__((aligned(64))); /* v times scale, with another stride */
#endif
};

/* The rows of a block's products (tiles, or spans of them), and of what they are made of. */
INLINE int product_rows(const struct cw_fast_job *f, int tiles) {
    const int span = cw_fast_span(f->cut);

    return (tiles + span - 1) / span;
}

INLINE int transformed_rows(const struct cw_fast_job *f, int tiles) {
    return product_rows(f, tiles) + (f->cut.nested ? 0 : f->cut.groups - 1);
}

/* Row distance of the transforms: whole vectors, and no multiple of 1 KiB (see arena.c). */
INLINE int fast_stride(int in) {
    const int padded = (in + 15) / 16 * 16;

    return padded % 256 == 0 ? padded + 16 : padded;
}

/* Rows of x from `first` on, a dilation apart, normed. */
static void fast_norm(const struct cw_conv_job *j, struct fast_work *work, int64_t first, int rows) {
    const int stride = fast_stride(j->in);
    int i, c;

    for (i = 0; i < rows; i++) {
        const int64_t row = first + (int64_t)j->dilation * i, ahead = row + (int64_t)j->dilation * AHEAD;

        if (ahead >= 0 && ahead < j->x_rows)
            for (c = 0; c < j->in; c += LINE)
                __builtin_prefetch(j->x + (ptrdiff_t)ahead * j->x_stride + c);
        if (row >= 0 && row < j->x_rows)
            affine_row(j->norm, j->x + (ptrdiff_t)row * j->x_stride, j->in, work->x + (size_t)i * stride);
    }
}

/* work->v of so many transformed rows, and, if asked, the largest magnitudes of each point and part. span: 1 is not nested. */
INLINE void fast_forward_of(const struct cw_conv_job *j, struct fast_work *work, int phase, int tile0, int rows, const int span,
                            const bool measure, vf most[CW_FAST_POINTS * CW_NEST_POINTS]) {
    static const float zeros[CW_FAST_IN_MAX];
    enum { NESTED_FROM = CW_FAST_TILE * (CW_NEST_POINTS - 1) + CW_FAST_POINTS };
    const int parts = span > 1 ? CW_NEST_POINTS : 1, from_rows = CW_FAST_TILE * (parts - 1) + CW_FAST_POINTS;
    const int stride = fast_stride(j->in);
    const int64_t first = phase + j->offset + (int64_t)j->dilation * CW_FAST_TILE * tile0;
    int q, i, t, c;

    if (j->norm)
        fast_norm(j, work, first, CW_FAST_TILE * span * (rows - 1) + from_rows);
    for (i = 0; i < CW_FAST_POINTS * parts; i++)
        most[i] = v_set(0);
    for (q = 0; q < rows; q++) {
        const float *from[NESTED_FROM];
        float *v = work->v + (size_t)q * stride;

        for (i = 0; i < from_rows; i++) {
            const int at = CW_FAST_TILE * span * q + i;
            const int64_t row = first + (int64_t)j->dilation * at;

            from[i] = row < 0 || row >= j->x_rows ? zeros : j->norm ? work->x + (size_t)at * stride : j->x + (ptrdiff_t)row * j->x_stride;
        }
        for (c = 0; c < j->in; c += VN) {
            const int n = j->in - c;
            vf d[NESTED_FROM], tile[CW_NEST_POINTS][CW_FAST_POINTS];

            if (n >= VN) {
                UNROLL
                for (i = 0; i < from_rows; i++)
                    d[i] = v_load(from[i] + c);
            } else {
                UNROLL
                for (i = 0; i < from_rows; i++)
                    d[i] = v_load_n(from[i] + c, n);
            }
            UNROLL
            for (t = 0; t < parts; t++)
                fast_transform(d + CW_FAST_TILE * t, tile[t]);
            UNROLL
            for (i = 0; i < CW_FAST_POINTS; i++) {
                vf to[CW_NEST_POINTS];

                if (parts == 1) {
                    to[0] = tile[0][i];
                } else {
                    const vf at_point[CW_NEST_POINTS] = {tile[0][i], tile[1][i], tile[2][i], tile[3][i]};

                    nest_transform(at_point, to);
                }
                UNROLL
                for (t = 0; t < parts; t++) {
                    v_store(v + (size_t)(i * parts + t) * rows * stride + c, to[t]);
                    if (measure)
                        most[i * parts + t] = v_larger_size(most[i * parts + t], to[t]);
                }
            }
        }
    }
}

static void fast_forward(const struct cw_fast_job *f, struct fast_work *work, int phase, int tile0, int rows, const bool measure,
                         vf most[CW_FAST_POINTS * CW_NEST_POINTS]) {
    const struct cw_conv_job *j = &f->conv;

    switch (cw_fast_span(f->cut)) { /* constants in each call */
    case 3:
        fast_forward_of(j, work, phase, tile0, rows, 3, measure, most);
        break;
    case 2:
        fast_forward_of(j, work, phase, tile0, rows, 2, measure, most);
        break;
    default:
        fast_forward_of(j, work, phase, tile0, rows, 1, measure, most);
        break;
    }
}

/* Outputs of one panel: inverse transforms, then the epilogue. */
INLINE void fast_store_of(const struct cw_fast_job *f, const struct fast_work *work, int phase, int tile0, int tiles, int panel,
                          const bool fixed, const int span, struct cw_moments *moments) {
    const struct cw_conv_job *j = &f->conv;
    const int parts = span > 1 ? CW_NEST_POINTS : 1, products = CW_FAST_POINTS * parts, spans = product_rows(f, tiles);
    int q, i, t, half;

    for (half = 0; half < 2; half++) {
        const int first = panel * PANEL + half * VN, n = j->out - first;
        struct column_sums sums = {v_set(0), v_set(0), v_set(0)};
        vf bias, scale[CW_FAST_POINTS * CW_NEST_POINTS];
        int rows = 0;

        if (n <= 0)
            break;
        bias = v_load(j->bias + first);
        for (i = 0; i < products; i++)
            scale[i] =
                fixed ? v_mul(v_load(f->scale + ((size_t)panel * products + i) * PANEL + half * VN), v_set(work->scale[i])) : v_set(1);
        for (q = 0; q < spans; q++) {
            vf m[CW_NEST_POINTS - 1][CW_FAST_POINTS], y[CW_FAST_TILE];

            UNROLL
            for (i = 0; i < CW_FAST_POINTS; i++) {
                vf at_point[CW_NEST_POINTS], tile[CW_NEST_POINTS];

                UNROLL
                for (t = 0; t < parts; t++) {
                    at_point[t] = v_load(work->m[(i * parts + t) * spans + q] + half * VN);
                    if (fixed)
                        at_point[t] = v_mul(at_point[t], scale[i * parts + t]);
                }
                if (span == 1)
                    tile[0] = at_point[0];
                else
                    nest_inverse(at_point, span, tile);
                UNROLL
                for (t = 0; t < span; t++)
                    m[t][i] = tile[t];
            }
            UNROLL
            for (t = 0; t < span; t++) {
                const int row0 = phase + j->dilation * CW_FAST_TILE * (tile0 + q * span + t);

                if (q * span + t >= tiles)
                    break;
                fast_inverse(m[t], y);
                UNROLL
                for (i = 0; i < CW_FAST_TILE; i++)
                    if (row0 + i * j->dilation < f->rows)
                        y[i] = finish(j, row0 + i * j->dilation, first, n, v_add(y[i], bias));
                if (!moments)
                    continue;
                if (q + t == 0) /* any number of their size will do; rows past the end are such numbers too */
                    sums.first = v_mul(v_add(v_add(y[0], y[1]), v_add(y[2], y[3])), v_set(0.25F));
                UNROLL
                for (i = 0; i < CW_FAST_TILE; i++)
                    if (row0 + i * j->dilation < f->rows) {
                        sums_add(&sums, y[i]);
                        rows++;
                    }
            }
        }
        if (moments)
            sums_join(&sums, rows, first, n, moments);
    }
}

#define FAST_STORE(name, fixed, span)                                                                                                      \
    static __attribute__((noinline)) void name(const struct cw_fast_job *f, const struct fast_work *work, int phase, int tile0, int tiles, \
                                               int panel, struct cw_moments *moments) {                                                    \
        fast_store_of(f, work, phase, tile0, tiles, panel, fixed, span, moments);                                                          \
    }
FAST_STORE(fast_store_float_1, false, 1)
FAST_STORE(fast_store_float_2, false, 2)
FAST_STORE(fast_store_float_3, false, 3)
#ifdef FIXED
FAST_STORE(fast_store_fixed_1, true, 1)
FAST_STORE(fast_store_fixed_2, true, 2)
FAST_STORE(fast_store_fixed_3, true, 3)
#endif

static void fast_store(const struct cw_fast_job *f, const struct fast_work *work, int phase, int tile0, int tiles, int panel,
                       struct cw_moments *moments) {
    static void (*const stores[][3])(const struct cw_fast_job *, const struct fast_work *, int, int, int, int, struct cw_moments *) = {
        {fast_store_float_1, fast_store_float_2, fast_store_float_3},
#ifdef FIXED
        {fast_store_fixed_1, fast_store_fixed_2, fast_store_fixed_3},
#endif
    };

    stores[f->scale ? 1 : 0][cw_fast_span(f->cut) - 1](f, work, phase, tile0, tiles, panel, moments);
}

/* ---- products ---------------------------------------------------------------------------------------------------------------- */

/* Asks for a part of the lines that fast_store will read and write for a panel, while the products are computed: they lie a row
 * (and a dilation) apart, which the processor does not foresee. */
static void fast_prefetch(const struct cw_fast_job *f, int phase, int tile0, int tiles, int panel, int part, int parts) {
    const struct cw_conv_job *j = &f->conv;
    const int rows = CW_FAST_TILE * tiles, col = panel * PANEL;
    int r, c;

    for (r = rows * part / parts; r < rows * (part + 1) / parts; r++) {
        const ptrdiff_t row = phase + (ptrdiff_t)j->dilation * (CW_FAST_TILE * tile0 + r);

        if (row >= f->rows)
            break;
        for (c = 0; c < PANEL && col + c < j->out; c += LINE) {
            __builtin_prefetch(j->y + row * j->y_stride + col + c, 1);
            if (j->add)
                __builtin_prefetch(j->add + row * j->add_stride + col + c);
            if (j->add2)
                __builtin_prefetch(j->add2 + row * j->add2_stride + col + c);
        }
    }
}

/* Sums of one panel, w [taps][in][PANEL], a tap is a row: no more than that. */
struct products {
    const float *x; /* [rows + taps - 1, in] */
    ptrdiff_t row;
    int taps, in;
    const float *w;
    float (*sum)[PANEL]; /* [rows] */
};

INLINE void product_tile(const struct products *t, int q, const int rows) {
    vf sum[TILE][2];
    int r;

    tile_sums(t->x + q * t->row, t->row, t->row, t->taps, t->in, t->w, rows, sum);
    UNROLL
    for (r = 0; r < rows; r++) {
        v_store(t->sum[q + r], sum[r][0]);
        v_store(t->sum[q + r] + VN, sum[r][1]);
    }
}

#define PRODUCT_TILE(rows)                                                                                                                 \
    static __attribute__((noinline)) void product_tile_##rows(const struct products *t, int q) {                                           \
        product_tile(t, q, rows);                                                                                                          \
    }
PRODUCT_TILE(1)
PRODUCT_TILE(2)
PRODUCT_TILE(3)
PRODUCT_TILE(4)
PRODUCT_TILE(5)
PRODUCT_TILE(6)
#if defined(__AVX512F__)
PRODUCT_TILE(7)
PRODUCT_TILE(8)
PRODUCT_TILE(9)
PRODUCT_TILE(10)
PRODUCT_TILE(11)
PRODUCT_TILE(12)
PRODUCT_TILE(13)
PRODUCT_TILE(14)
#endif

static void (*const product_tiles[])(const struct products *, int) = {
    NULL,           product_tile_1, product_tile_2, product_tile_3,  product_tile_4,  product_tile_5,  product_tile_6,
#if defined(__AVX512F__)
    product_tile_7, product_tile_8, product_tile_9, product_tile_10, product_tile_11, product_tile_12, product_tile_13, product_tile_14,
#endif
};

/* At each point, the transformed tiles are an ordinary convolution with one tap a group; nested, mere products at each of the nested
 * points. */
static void fast_products(const struct cw_fast_job *f, struct fast_work *work, int phase, int tile0, int tiles, int panel) {
    const int all = transformed_rows(f, tiles), rows = product_rows(f, tiles), stride = fast_stride(f->conv.in);
    const int parts = CW_FAST_POINTS * cw_fast_parts(f->cut), taps = cw_fast_slices(f->cut) / cw_fast_parts(f->cut);
    int i, n, q, left;

    for (i = 0; i < parts; i++) {
        const struct products product = {.x = work->v + (size_t)i * all * stride,
                                         .row = stride,
                                         .taps = taps,
                                         .in = f->conv.in,
                                         .w = (const float *)f->w + ((size_t)panel * parts + i) * taps * f->conv.in * PANEL,
                                         .sum = work->m + (size_t)i * rows};

        fast_prefetch(f, phase, tile0, tiles, panel, i, parts);
        for (left = (rows + TILE - 1) / TILE, q = 0; left > 0; left--, q += n) { /* of nearly equal height */
            n = (rows - q + left - 1) / left;
            product_tiles[n](&product, q);
        }
    }
}

#ifdef FIXED
/* Makes the transformed rows whole numbers, with a scale for each point and part. */
static void fast_round(const struct cw_fast_job *f, struct fast_work *work, int all, const vf most[CW_FAST_POINTS * CW_NEST_POINTS]) {
    const int in = f->conv.in, stride = fast_stride(in), whole_stride = cw_stride16(in), parts = CW_FAST_POINTS * cw_fast_parts(f->cut);
    int i, q;

    for (i = 0; i < parts; i++) {
        const float largest = largest_of(most[i]), scale = fixed_scale(largest);

        work->scale[i] = largest / CW_FIXED_MOST;
        for (q = 0; q < all; q++)
            fixed_row(work->v + ((size_t)i * all + q) * stride, in, scale, work->whole + ((size_t)i * all + q) * whole_stride);
    }
}

static void fast_products_fixed(const struct cw_fast_job *f, struct fast_work *work, int phase, int tile0, int tiles, int panel) {
    const int all = transformed_rows(f, tiles), rows = product_rows(f, tiles);
    const int pairs = cw_pairs16(f->conv.in), stride = cw_stride16(f->conv.in);
    const int parts = CW_FAST_POINTS * cw_fast_parts(f->cut), taps = cw_fast_slices(f->cut) / cw_fast_parts(f->cut);
    int i;

    for (i = 0; i < parts; i++) {
        const struct products16 product = {.x = work->whole + (size_t)i * all * stride,
                                           .row = stride,
                                           .tap = stride,
                                           .taps = taps,
                                           .pairs = pairs,
                                           .w = (const int16_t *)f->w + ((size_t)panel * parts + i) * taps * pairs * 2 * PANEL,
                                           .sum = work->m[(size_t)i * rows]};

        fast_prefetch(f, phase, tile0, tiles, panel, i, parts);
        products16(&product, rows);
    }
}
#endif

static void conv_fast(const struct cw_fast_job *f, int phase, int tile0, int tile1, struct cw_moments *moments) {
    const int tiles = tile1 - tile0, all = transformed_rows(f, tiles);
    struct fast_work work;
    vf most[CW_FAST_POINTS * CW_NEST_POINTS];
    int panel;

#ifdef FIXED
    if (f->scale) {
        fast_forward(f, &work, phase, tile0, all, true, most);
        fast_round(f, &work, all, most);
    } else
#endif
        fast_forward(f, &work, phase, tile0, all, false, most);
    for (panel = 0; panel < f->panels; panel++) {
#ifdef FIXED
        if (f->scale)
            fast_products_fixed(f, &work, phase, tile0, tiles, panel);
        else
#endif
            fast_products(f, &work, phase, tile0, tiles, panel);
        fast_store(f, &work, phase, tile0, tiles, panel, moments);
    }
    if (moments) {
        const int first = phase + f->conv.dilation * CW_FAST_TILE * tile0, step = f->conv.dilation;
        const int rows = (f->rows - first + step - 1) / step;

        moments->count += rows < CW_FAST_TILE * tiles ? rows : CW_FAST_TILE * tiles;
    }
}

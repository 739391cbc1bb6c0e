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

enum {
    FAST_GROUPS_MAX = CW_FAST_TAPS_MAX / CW_FAST_TILE,
    FAST_TILES_MAX = 56,
    AHEAD = 6, /* rows */
    LINE = 16, /* floats of a cache line */
    FAST_STRIDE_MAX = CW_FAST_IN_MAX + 16,
    FAST_FLOATS = CW_FAST_POINTS * (28 + FAST_GROUPS_MAX - 1) * FAST_STRIDE_MAX, /* also holds 59 tiles of 128 */
    FAST_ROW_FLOATS = (CW_FAST_TILE * (28 + FAST_GROUPS_MAX - 1) + CW_FAST_POINTS - CW_FAST_TILE) * FAST_STRIDE_MAX, /* the same */
};

struct fast_work {
    float x[FAST_ROW_FLOATS] __attribute__((aligned(64)));                       /* normed rows, a dilation apart: [rows][stride] */
    float v[FAST_FLOATS] __attribute__((aligned(64)));                           /* [points][tiles + groups - 1][stride] */
    float m[CW_FAST_POINTS][FAST_TILES_MAX][PANEL] __attribute__((aligned(64))); /* products of one panel */
    float scale[CW_FAST_POINTS];                                                 /* of the transformed rows */
#ifdef FIXED
    int16_t whole[FAST_FLOATS] __attribute__((aligned(64))); /* v times scale, [points][tiles + groups - 1][whole stride] */
#endif
};

/* Row distance of the transforms: whole vectors, and no multiple of 1 KiB (see arena.c). */
INLINE int fast_stride(int in) {
    const int padded = (in + 15) / 16 * 16;

    return padded % 256 == 0 ? padded + 16 : padded;
}

/* work->v, and, if asked, the largest magnitudes of each point. */
INLINE void fast_forward(const struct cw_conv_job *j, struct fast_work *work, int phase, int tile0, int tiles, const bool measure,
                         vf most[CW_FAST_POINTS]) {
    static const float zeros[CW_FAST_IN_MAX];
    const int stride = fast_stride(j->in), rows = CW_FAST_TILE * tiles + CW_FAST_POINTS - CW_FAST_TILE;
    const int64_t first = phase + j->offset + (int64_t)j->dilation * CW_FAST_TILE * tile0;
    int q, i, c;

    if (j->norm)
        for (i = 0; i < rows; i++) {
            const int64_t row = first + (int64_t)j->dilation * i, ahead = row + (int64_t)j->dilation * AHEAD;

            if (ahead >= 0 && ahead < j->x_rows)
                for (c = 0; c < j->in; c += LINE)
                    __builtin_prefetch(j->x + (ptrdiff_t)ahead * j->x_stride + c);
            if (row >= 0 && row < j->x_rows)
                affine_row(j->norm, j->x + (ptrdiff_t)row * j->x_stride, j->in, work->x + (size_t)i * stride);
        }
    for (i = 0; i < CW_FAST_POINTS; i++)
        most[i] = v_set(0);
    for (q = 0; q < tiles; q++) {
        const float *from[CW_FAST_POINTS];
        float *v = work->v + (size_t)q * stride;

        for (i = 0; i < CW_FAST_POINTS; i++) {
            const int at = CW_FAST_TILE * q + i;
            const int64_t row = first + (int64_t)j->dilation * at;

            from[i] = row < 0 || row >= j->x_rows ? zeros : j->norm ? work->x + (size_t)at * stride : j->x + (ptrdiff_t)row * j->x_stride;
        }
        for (c = 0; c < j->in; c += VN) {
            const int n = j->in - c;
            vf d[CW_FAST_POINTS], to[CW_FAST_POINTS];

            if (n >= VN) {
                UNROLL
                for (i = 0; i < CW_FAST_POINTS; i++)
                    d[i] = v_load(from[i] + c);
            } else {
                UNROLL
                for (i = 0; i < CW_FAST_POINTS; i++)
                    d[i] = v_load_n(from[i] + c, n);
            }
            fast_transform(d, to);
            UNROLL
            for (i = 0; i < CW_FAST_POINTS; i++) {
                v_store(v + (size_t)i * tiles * stride + c, to[i]);
                if (measure)
                    most[i] = v_max(most[i], v_abs(to[i]));
            }
        }
    }
}

/* Outputs of one panel: inverse transform, then the epilogue. */
INLINE void fast_store_of(const struct cw_fast_job *f, const struct fast_work *work, int phase, int tile0, int tiles, int panel,
                          const bool fixed, struct cw_moments *moments) {
    const struct cw_conv_job *j = &f->conv;
    int q, i, half;

    for (half = 0; half < 2; half++) {
        const int first = panel * PANEL + half * VN, n = j->out - first;
        struct column_sums sums = {v_set(0), v_set(0), v_set(0)};
        vf bias, scale[CW_FAST_POINTS];
        int rows = 0;

        if (n <= 0)
            break;
        bias = v_load(j->bias + first);
        UNROLL
        for (i = 0; i < CW_FAST_POINTS; i++)
            scale[i] = fixed ? v_mul(v_load(f->scale + ((size_t)panel * CW_FAST_POINTS + i) * PANEL + half * VN), v_set(work->scale[i]))
                             : v_set(1);
        for (q = 0; q < tiles; q++) {
            const int row0 = phase + j->dilation * CW_FAST_TILE * (tile0 + q);
            vf m[CW_FAST_POINTS], y[CW_FAST_TILE];

            UNROLL
            for (i = 0; i < CW_FAST_POINTS; i++) {
                m[i] = v_load(work->m[i][q] + half * VN);
                if (fixed)
                    m[i] = v_mul(m[i], scale[i]);
            }
            fast_inverse(m, y);
            UNROLL
            for (i = 0; i < CW_FAST_TILE; i++)
                if (row0 + i * j->dilation < f->rows)
                    y[i] = finish(j, row0 + i * j->dilation, first, n, v_add(y[i], bias));
            if (!moments)
                continue;
            if (q == 0) /* any number of their size will do; rows past the end are such numbers too */
                sums.first = v_mul(v_add(v_add(y[0], y[1]), v_add(y[2], y[3])), v_set(0.25F));
            UNROLL
            for (i = 0; i < CW_FAST_TILE; i++)
                if (row0 + i * j->dilation < f->rows) {
                    sums_add(&sums, y[i]);
                    rows++;
                }
        }
        if (moments)
            sums_join(&sums, rows, first, n, moments);
    }
}

static void fast_store(const struct cw_fast_job *f, const struct fast_work *work, int phase, int tile0, int tiles, int panel,
                       struct cw_moments *moments) {
    if (f->scale)
        fast_store_of(f, work, phase, tile0, tiles, panel, true, moments);
    else
        fast_store_of(f, work, phase, tile0, tiles, panel, false, moments);
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

/* At each point, the transformed tiles are an ordinary convolution with one tap per group of four. */
static void fast_products(const struct cw_fast_job *f, struct fast_work *work, int phase, int tile0, int tiles, int panel) {
    static const float no_bias[PANEL];
    const int all = tiles + f->groups - 1, stride = fast_stride(f->conv.in);
    int i;

    for (i = 0; i < CW_FAST_POINTS; i++) {
        const struct cw_conv_job product = {.x = work->v + (size_t)i * all * stride,
                                            .x_stride = stride,
                                            .x_rows = all,
                                            .in = f->conv.in,
                                            .taps = f->groups,
                                            .step = 1,
                                            .dilation = 1,
                                            .w =
                                                (const float *)f->w + ((size_t)panel * CW_FAST_POINTS + i) * f->groups * f->conv.in * PANEL,
                                            .packed_taps = f->groups,
                                            .bias = no_bias,
                                            .y = work->m[i][0],
                                            .y_stride = PANEL,
                                            .out = PANEL,
                                            .scale = 1,
                                            .last_slope = 1};

        fast_prefetch(f, phase, tile0, tiles, panel, i, CW_FAST_POINTS);
        conv(&product, 0, tiles, 0, 1);
    }
}

#ifdef FIXED
static void fast_round(const struct cw_fast_job *f, struct fast_work *work, int all, const vf most[CW_FAST_POINTS]) {
    const int in = f->conv.in, stride = fast_stride(in), whole_stride = cw_stride16(in);
    int i, q;

    for (i = 0; i < CW_FAST_POINTS; i++) {
        const float largest = largest_of(most[i]), scale = fixed_scale(largest);

        work->scale[i] = largest / CW_FIXED_MOST;
        for (q = 0; q < all; q++)
            fixed_row(work->v + ((size_t)i * all + q) * stride, in, scale, work->whole + ((size_t)i * all + q) * whole_stride);
    }
}

static void fast_products_fixed(const struct cw_fast_job *f, struct fast_work *work, int phase, int tile0, int tiles, int panel) {
    const int all = tiles + f->groups - 1, pairs = cw_pairs16(f->conv.in), stride = cw_stride16(f->conv.in);
    int i;

    for (i = 0; i < CW_FAST_POINTS; i++) {
        const struct products16 product = {.x = work->whole + (size_t)i * all * stride,
                                           .row = stride,
                                           .tap = stride,
                                           .taps = f->groups,
                                           .pairs = pairs,
                                           .w =
                                               (const int16_t *)f->w + ((size_t)panel * CW_FAST_POINTS + i) * f->groups * pairs * 2 * PANEL,
                                           .sum = work->m[i][0]};

        fast_prefetch(f, phase, tile0, tiles, panel, i, CW_FAST_POINTS);
        products16(&product, tiles);
    }
}
#endif

static void conv_fast(const struct cw_fast_job *f, int phase, int tile0, int tile1, struct cw_moments *moments) {
    const int tiles = tile1 - tile0, all = tiles + f->groups - 1;
    struct fast_work work;
    vf most[CW_FAST_POINTS];
    int panel;

#ifdef FIXED
    if (f->scale) {
        fast_forward(&f->conv, &work, phase, tile0, all, true, most);
        fast_round(f, &work, all, most);
    } else
#endif
        fast_forward(&f->conv, &work, phase, tile0, all, false, most);
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

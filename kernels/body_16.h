/* Direct convolution in 16-bit numbers, part of body.h for the instruction sets that have products of them:
 *
 *   rows of x -> norm and activation -> 16-bit copy of the block -> products -> epilogue, moments
 *
 * ops_*.c defines before it FIXED (whole numbers: rows of a block share a scale, in a linear layer each has its own)
 * or BFLOAT, and `products16`: sums of products of pairs. Moments are gathered of ordinary convolutions only. */

#ifdef FIXED
/* The largest lane of sizes; a NaN stays (v_larger_size). */
INLINE float largest_of(vf sizes) {
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(_mm512_reduce_max_epi32(_mm512_castps_si512(sizes)))));
}

/* What makes numbers up to `largest` whole numbers up to CW_FIXED_MOST. */
INLINE float fixed_scale(float largest) {
    return largest > 0 ? CW_FIXED_MOST / largest : 0;
}

/* y [n, padded with zeros to whole pairs of vectors] = x times scale, rounded to nearest. */
static void fixed_row(const float *x, int n, float scale, int16_t *y) {
    const vf by = v_set(scale);
    int c;

    for (c = 0; c < n; c += VN)
        _mm256_storeu_si256((__m256i *)(void *)(y + c), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(v_mul(load_up_to(x + c, n - c), by))));
    for (; c < 2 * cw_pairs16(n); c += VN)
        _mm256_storeu_si256((__m256i *)(void *)(y + c), _mm256_setzero_si256());
}
#endif

#ifdef BFLOAT
/* y [n, padded with zeros to whole pairs of vectors] = x, rounded to nearest, halves to even. */
static void bfloat_row(const float *x, int n, uint16_t *y) {
    const __m512i half = _mm512_set1_epi32(0x7FFF), one = _mm512_set1_epi32(1);
    int c;

    for (c = 0; c < n; c += VN) {
        __m512i u = _mm512_castps_si512(load_up_to(x + c, n - c)), odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), one);

        u = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(u, half), odd), 16);
        _mm256_storeu_si256((__m256i *)(void *)(y + c), _mm512_cvtepi32_epi16(u));
    }
    for (; c < 2 * cw_pairs16(n); c += VN)
        _mm256_storeu_si256((__m256i *)(void *)(y + c), _mm256_setzero_si256());
}
#endif

struct work16 {
    uint16_t x[CW_LOCAL16] __attribute__((aligned(64)));
    float sum[ROWS16][PANEL] __attribute__((aligned(64)));
    float row[CW_IN16_MAX];
    float scale[CW_ROWS16]; /* what an output's products have to be multiplied by */
};

/* The first input row that a block needs, less its first output row (times the step); rows needed for one output row, less 1. */
struct reach {
    int lowest, span;
};

static struct reach reach_of(const struct cw_conv16_job *f) {
    const struct cw_conv_job *j = &f->conv;

    if (f->phases == 1)
        return (struct reach){j->offset, (j->taps - 1) * j->dilation};
    return (struct reach){1 - j->packed_taps, j->packed_taps + (f->pad + f->phases - 1) / f->phases};
}

#ifdef FIXED
/* The lanes' largest sizes of x [n]. */
INLINE vf row_sizes(const float *x, int n) {
    vf most = v_set(0);
    int c;

    for (c = 0; c < n; c += VN)
        most = v_larger_size(most, load_up_to(x + c, n - c));
    return most;
}
#endif

/* x's row, normed; NULL: outside x. */
INLINE const float *normed_row(const struct cw_conv16_job *f, struct work16 *work, int64_t row) {
    const struct cw_conv_job *j = &f->conv;
    const float *x = j->x + (ptrdiff_t)row * j->x_stride;

    if (row < 0 || row >= j->x_rows)
        return NULL;
    if (!j->norm)
        return x;
    affine_row(j->norm, x, j->in, work->row);
    return work->row;
}

/* Local rows [0, rows): x's rows from `from` on, normed and made 16 bits wide; scale [outputs]. In a linear layer a
 * row is scaled by itself, so that nothing hangs on what stands beside it. */
static void fill16(const struct cw_conv16_job *f, struct work16 *work, int64_t from, int rows, int outputs) {
    const struct cw_conv_job *j = &f->conv;
    const int stride = cw_stride16(j->in);
    int r;
#ifdef FIXED
    const bool apart = f->phases == 1 && j->taps == 1 && j->step == 1;
    vf most = v_set(0);
    float largest;

    for (r = 0; !apart && r < rows; r++) {
        const float *x = normed_row(f, work, from + r);

        if (x)
            most = v_larger_size(most, row_sizes(x, j->in));
    }
    largest = largest_of(most);
    for (r = 0; r < outputs; r++)
        work->scale[r] = largest / CW_FIXED_MOST;
#else
    for (r = 0; r < outputs; r++)
        work->scale[r] = 1;
#endif
    for (r = 0; r < rows; r++) {
        const float *x = normed_row(f, work, from + r);
        uint16_t *y = work->x + (size_t)r * stride;

        if (!x) {
            memset(y, 0, (size_t)cw_pairs16(j->in) * 2 * sizeof *y);
            continue;
        }
#ifdef FIXED
        if (apart) {
            largest = largest_of(row_sizes(x, j->in));
            work->scale[r] = largest / CW_FIXED_MOST;
        }
        fixed_row(x, j->in, fixed_scale(largest), (int16_t *)y);
#else
        bfloat_row(x, j->in, y);
#endif
    }
    memset(work->x + (size_t)rows * stride, 0, sizeof *work->x * CW_SLACK16 * (size_t)stride * j->step);
}

/* Rows of one phase and panel: products, then the epilogue. */
static void panel16(const struct cw_conv16_job *f, struct work16 *work, struct reach reach, int phase, int row0, int row1, int panel,
                    struct cw_moments *moments) {
    const struct cw_conv_job *j = &f->conv;
    const int transposed = f->phases > 1, stride = cw_stride16(j->in), pairs = cw_pairs16(j->in), taps = j->packed_taps;
    const int shift = transposed && f->pad > phase ? (f->pad - phase + f->phases - 1) / f->phases : 0; /* first q of the phase */
    const int first = transposed ? shift * f->phases + phase - f->pad : 0, by = transposed ? f->phases : 1;
    const size_t at = (size_t)phase * f->panels + panel;
    const float *wscale = f->scale ? f->scale + at * PANEL : NULL;
    struct column_sums sums[2];
    int q, r, half, count = 0;

    if (transposed) { /* rows of this phase */
        const int rows = first < f->y_rows ? (f->y_rows - 1 - first) / f->phases + 1 : 0;

        row1 = row1 < rows ? row1 : rows;
    }
    for (half = 0; half < 2; half++)
        sums[half] = (struct column_sums){v_set(0), v_set(0), v_set(0)};
    for (q = row0; q < row1; q += ROWS16) {
        const int rows = row1 - q < ROWS16 ? row1 - q : ROWS16;

        for (r = 0; r < rows; r++) { /* where the epilogue will store: the products take longer than memory does */
            const float *y = j->y + (first + (ptrdiff_t)(q + r) * by) * j->y_stride + panel * PANEL;

            __builtin_prefetch(y, 1);
            __builtin_prefetch(y + VN, 1);
        }
        products16(
            &(const struct products16){
                .x = (const void *)(work->x + ((ptrdiff_t)(q - row0) * j->step + (transposed ? shift - reach.lowest : 0)) * stride),
                .row = (ptrdiff_t)j->step * stride,
                .tap = (ptrdiff_t)(transposed ? -1 : j->dilation) * stride,
                .taps = taps,
                .pairs = pairs,
                .w = (const void *)(f->w + at * taps * pairs * 2 * PANEL),
                .sum = work->sum[0]},
            rows);
        for (half = 0; half < 2; half++) {
            const int col = panel * PANEL + half * VN, n = j->out - col;
            const vf bias = v_load(j->bias + col), s = wscale ? v_load(wscale + half * VN) : v_set(1);

            if (n <= 0)
                break;
            for (r = 0; r < rows; r++)
                v_store(work->sum[r] + half * VN,
                        finish(j, first + (ptrdiff_t)(q + r) * by, col, n,
                               v_fma(v_load(work->sum[r] + half * VN), v_mul(s, v_set(work->scale[q - row0 + r])), bias)));
            if (!moments)
                continue;
            if (count == 0) { /* their size: the mean of the first rows */
                vf sum = v_set(0);

                for (r = 0; r < rows; r++)
                    sum = v_add(sum, v_load(work->sum[r] + half * VN));
                sums[half].first = v_mul(sum, v_set(1 / (float)rows));
            }
            for (r = 0; r < rows; r++)
                sums_add(&sums[half], v_load(work->sum[r] + half * VN));
        }
        count += rows;
    }
    for (half = 0; moments && count > 0 && half < 2; half++)
        if (j->out > panel * PANEL + half * VN)
            sums_join(&sums[half], count, panel * PANEL + half * VN, j->out - panel * PANEL - half * VN, moments);
}

static void conv16(const struct cw_conv16_job *f, int row0, int row1, int panel0, int panel1, struct cw_moments *moments) {
    const struct reach reach = reach_of(f);
    struct work16 work;
    int panel, phase;

    begin16();
    fill16(f, &work, (int64_t)row0 * f->conv.step + reach.lowest, (row1 - row0 - 1) * f->conv.step + reach.span + 1, row1 - row0);
    for (panel = panel0; panel < panel1; panel++)
        for (phase = 0; phase < f->phases; phase++)
            panel16(f, &work, reach, phase, row0, row1, panel, moments);
    if (moments)
        moments->count += row1 - row0;
    end16();
}

/* Attention, part of body.h. Keys in blocks, softmax kept up to date as the largest score grows (Milakov and Gimelshein, 2018), so memory
 * does not depend on the length. Both products are the convolution's tile, with the block's keys and values packed as weights are:
 *
 *   tile of rows of q x keys -> scores [TILE, keys] -> weights, each row's shrinking of what it had -> x values -> sums */
enum { KEY_BLOCK = 64 };

/* Of a task's rows, whole tiles of them: weighted values so far, the largest score, what the weights add up to. */
struct attended {
    float sums[CW_ATTENTION_NUMBERS]; /* [rows][ld] */
    float most[CW_ATTENTION_ROWS + VN], total[CW_ATTENTION_ROWS][VN];
    int ld; /* a head's columns in whole panels */
};

struct attention_work {
    float keys[KEY_BLOCK * CW_ATTENTION_WIDTH_MAX] __attribute__((aligned(64)));   /* [keys / PANEL][width][PANEL] */
    float values[KEY_BLOCK * CW_ATTENTION_WIDTH_MAX] __attribute__((aligned(64))); /* [panels][keys][PANEL] */
    float q[CW_ATTENTION_NUMBERS];                                                 /* [rows][ld], whole tiles of rows */
    float scores[TILE][KEY_BLOCK];
    struct attended rows;
    int keys_now, width; /* of the block; of a head */
};

static __attribute__((noinline)) void score_tile(struct attention_work *work, int first) {
    const int ld = work->rows.ld;
    int i, r;

    for (i = 0; i < work->keys_now; i += PANEL) {
        vf sum[TILE][2];

        tile_sums(work->q + (ptrdiff_t)first * ld, ld, 0, 1, work->width, work->keys + (ptrdiff_t)i * work->width, TILE, sum);
        UNROLL
        for (r = 0; r < TILE; r++) {
            v_store(work->scores[r] + i, sum[r][0]);
            v_store(work->scores[r] + i + VN, sum[r][1]);
        }
    }
    for (r = 0; r < TILE; r++)
        for (i = work->keys_now; i < KEY_BLOCK; i++)
            work->scores[r][i] = -INFINITY; /* weighs nothing */
}

/* Scores, of which e to the power is 2 to the power here, become weights. shrink: what the sums and totals so far are to be multiplied by.
 * A NaN among its scores makes a row NaN. */
static __attribute__((noinline)) void weigh_tile(struct attention_work *work, int first, float shrink[VN]) {
    float now[VN] = {0}, *most = work->rows.most + first;
    int r, i;

    for (r = 0; r < TILE; r++) {
        vf largest = v_load(work->scores[r]);
        float top;

        for (i = VN; i < KEY_BLOCK; i += VN)
            largest = v_max(v_load(work->scores[r] + i), largest);
        top = v_top(largest);
        now[r] = top > most[r] ? top : most[r];
    }
    v_store(shrink, power_of_2(v_sub(v_load(most), v_load(now))));
    for (r = 0; r < TILE; r++) {
        vf total = v_mul(v_load(work->rows.total[first + r]), v_set(shrink[r]));

        most[r] = now[r];
        for (i = 0; i < KEY_BLOCK; i += VN) {
            const vf e = power_of_2(v_sub(v_load(work->scores[r] + i), v_set(now[r])));

            v_store(work->scores[r] + i, e);
            total = v_add(total, e);
        }
        v_store(work->rows.total[first + r], total);
    }
}

static __attribute__((noinline)) void add_values(struct attention_work *work, int first, const float shrink[VN]) {
    const int ld = work->rows.ld;
    int p, r;

    for (p = 0; p < ld / PANEL; p++) {
        float *to = work->rows.sums + (ptrdiff_t)first * ld + (ptrdiff_t)p * PANEL;
        vf sum[TILE][2];

        tile_sums(work->scores[0], KEY_BLOCK, 0, 1, work->keys_now, work->values + (ptrdiff_t)p * KEY_BLOCK * PANEL, TILE, sum);
        UNROLL
        for (r = 0; r < TILE; r++) {
            float *row = to + (ptrdiff_t)r * ld;

            v_store(row, v_fma(v_load(row), v_set(shrink[r]), sum[r][0]));
            v_store(row + VN, v_fma(v_load(row + VN), v_set(shrink[r]), sum[r][1]));
        }
    }
}

/* Keys and values [block, block + keys_now) of columns [col, col + width). */
static void pack_keys(const struct cw_attention_job *j, struct attention_work *work, int block, int col) {
    const int width = work->width;
    int k, c, i;

    for (k = 0; k < work->keys_now; k += VN)
        for (c = 0; c < width; c += VN) {
            float *to = work->keys + ((ptrdiff_t)(k / PANEL) * width + c) * PANEL + k % PANEL;
            vf x[VN];

            for (i = 0; i < VN; i++)
                x[i] = k + i < work->keys_now ? load_up_to(j->k.data + (ptrdiff_t)(block + k + i) * j->k.stride + col + c, width - c)
                                              : v_set(0);
            v_transpose(x);
            for (i = 0; i < VN && c + i < width; i++)
                v_store(to + (ptrdiff_t)i * PANEL, x[i]);
        }
    for (k = 0; k < work->keys_now; k++)
        for (c = 0; c < width; c += VN)
            v_store(work->values + ((ptrdiff_t)(c / PANEL) * KEY_BLOCK + k) * PANEL + c % PANEL,
                    load_up_to(j->v.data + (ptrdiff_t)(block + k) * j->v.stride + col + c, width - c));
}

static void attended_begin(struct attended *a, int rows, int width) {
    int r;

    a->ld = (width + PANEL - 1) / PANEL * PANEL;
    memset(a->sums, 0, sizeof *a->sums * (size_t)rows * a->ld);
    memset(a->total, 0, sizeof *a->total * (size_t)rows);
    for (r = 0; r < rows + VN; r++)
        a->most[r] = -INFINITY;
}

/* What was summed by what it weighed, to rows of y. */
static void attended_end(const struct attended *a, const struct cw_attention_job *j, int row0, int rows, int col) {
    const int width = j->width;
    int r, c;

    for (r = 0; r < rows; r++) {
        const vf part = v_set(1 / sum_of(v_load(a->total[r])));
        float *y = j->y.data + (ptrdiff_t)(row0 + r) * j->y.stride + col;

        for (c = 0; c < width; c += VN) {
            const vf v = v_mul(v_load(a->sums + (ptrdiff_t)r * a->ld + c), part);

            if (width - c >= VN)
                v_store(y + c, v);
            else
                v_store_n(y + c, v, width - c);
        }
    }
}

static void attention(const struct cw_attention_job *j, int head, int row0, int row1) {
    const int col = head * j->width, width = j->width, rows = row1 - row0, all = (rows + TILE - 1) / TILE * TILE;
    struct attention_work work;
    int first, r, c, block, ld;

    work.width = width;
    attended_begin(&work.rows, all, width);
    ld = work.rows.ld;
    memset(work.values, 0, sizeof *work.values * (size_t)KEY_BLOCK * ld); /* what columns past the last one are multiplied by */
    memset(work.q + (ptrdiff_t)rows * ld, 0, sizeof *work.q * (size_t)(all - rows) * ld);
    for (r = 0; r < rows; r++)
        for (c = 0; c < width; c += VN)
            v_store(work.q + (ptrdiff_t)r * ld + c,
                    v_mul(load_up_to(j->q.data + (ptrdiff_t)(row0 + r) * j->q.stride + col + c, width - c), v_set(j->scale * LOG2_E)));
    for (block = 0; block < j->k.rows; block += KEY_BLOCK) {
        work.keys_now = j->k.rows - block < KEY_BLOCK ? j->k.rows - block : KEY_BLOCK;
        pack_keys(j, &work, block, col);
        for (first = 0; first < all; first += TILE) {
            float shrink[VN];

            score_tile(&work, first);
            weigh_tile(&work, first, shrink);
            add_values(&work, first, shrink);
        }
    }
    attended_end(&work.rows, j, row0, rows, col);
}

#ifdef FIXED
/* The same in 16-bit fixed point. No 32-bit sum of products can overflow: by Cauchy and Schwarz, with a query's length and a key's at most
 * QUERY_LENGTH and INT16_MAX, and because a row's weights in a block add up to at most WEIGHTS_SUM. Each query and key has a scale of its
 * own, and of a block each column of values and each row of weights. */
enum { KEY_BLOCK16 = 128, QUERY_LENGTH = 65000, WEIGHTS_SUM = 65000 }; /* times INT16_MAX, and room for rounding: INT32_MAX */

struct attention16_work {
    int16_t keys[KEY_BLOCK16 * CW_ATTENTION_WIDTH_MAX] __attribute__((aligned(64)));   /* [keys / PANEL][pairs][PANEL][2] */
    int16_t values[KEY_BLOCK16 * CW_ATTENTION_WIDTH_MAX] __attribute__((aligned(64))); /* [panels][pairs of keys][PANEL][2] */
    int16_t q[CW_ATTENTION_NUMBERS];                                                   /* [rows][2 pairs] */
    int16_t weights[TILE][KEY_BLOCK16];
    float products[KEY_BLOCK16 / PANEL][TILE][PANEL]; /* scores; weighted values of a panel */
    struct attended rows;
    /* What one of a row's, a key's, a column's whole numbers stands for; what is added to a key's scores: 0, or -infinity past the last. */
    float query_unit[CW_ATTENTION_ROWS], key_unit[KEY_BLOCK16], value_unit[CW_ATTENTION_WIDTH_MAX], past[KEY_BLOCK16];
    int keys_now, pairs; /* of the block; of a head's columns */
};

/* 2 VN numbers of a row of n, zeros after them, times `by`: whole numbers, neighbours in pairs. */
INLINE __m512i whole_pairs(const float *x, int n, float by) {
    const vf a = n > 0 ? load_up_to(x, n) : v_set(0), b = n > VN ? load_up_to(x + VN, n - VN) : v_set(0);

    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(v_mul(a, v_set(by))))),
                              _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(v_mul(b, v_set(by)))), 1);
}

/* Length of a row; its largest number's size. */
INLINE float length_of(const float *x, int n, float *largest) {
    vf squares = v_set(0), most = v_set(0);
    int c;

    for (c = 0; c < n; c += VN) {
        const vf v = load_up_to(x + c, n - c);

        squares = v_fma(v, v, squares);
        most = v_larger_size(most, v);
    }
    *largest = largest_of(most);
    return sqrtf(_mm512_reduce_add_ps(squares));
}

static void pack_queries16(const struct cw_attention_job *j, struct attention16_work *work, int row0, int rows, int col) {
    const float unit = j->scale * LOG2_E;
    int r, c;

    for (r = 0; r < rows; r++) {
        const float *q = j->q.data + (ptrdiff_t)(row0 + r) * j->q.stride + col;
        float largest, length = length_of(q, j->width, &largest), by = 0;

        if (length > 0)
            by = QUERY_LENGTH / length < INT16_MAX / largest ? QUERY_LENGTH / length : INT16_MAX / largest;
        work->query_unit[r] = (length > 0 ? 1 / by : length) * unit; /* of a NaN, NaN */
        for (c = 0; c < work->pairs; c += VN)
            _mm512_storeu_si512(work->q + (ptrdiff_t)2 * (r * work->pairs + c), whole_pairs(q + 2 * c, j->width - 2 * c, by));
    }
}

static void pack_keys16(const struct cw_attention_job *j, struct attention16_work *work, int block, int col) {
    const int width = j->width;
    float by[KEY_BLOCK16];
    int k, c, i;

    for (k = 0; k < KEY_BLOCK16; k++) {
        float length = 0, largest;

        if (k < work->keys_now)
            length = length_of(j->k.data + (ptrdiff_t)(block + k) * j->k.stride + col, width, &largest);
        by[k] = length > 0 ? INT16_MAX / length : 0;
        work->key_unit[k] = length / INT16_MAX;
        work->past[k] = k < work->keys_now ? 0 : -INFINITY;
    }
    for (k = 0; k < work->keys_now; k += VN)
        for (c = 0; c < work->pairs; c += VN) {
            int16_t *to = work->keys + ((ptrdiff_t)(k / PANEL) * work->pairs + c) * 2 * PANEL + k % PANEL * 2;
            vf x[VN];

            for (i = 0; i < VN; i++)
                x[i] = k + i < work->keys_now
                           ? _mm512_castsi512_ps(
                                 whole_pairs(j->k.data + (ptrdiff_t)(block + k + i) * j->k.stride + col + 2 * c, width - 2 * c, by[k + i]))
                           : v_set(0);
            v_transpose(x);
            for (i = 0; i < VN; i++)
                _mm512_storeu_si512(to + (ptrdiff_t)i * 2 * PANEL, _mm512_castps_si512(x[i]));
        }
}

static void pack_values16(const struct cw_attention_job *j, struct attention16_work *work, int block, int col) {
    const int width = j->width;
    int k, c;

    for (c = 0; c < width; c += VN) {
        const float *v = j->v.data + (ptrdiff_t)block * j->v.stride + col + c;
        int16_t *to = work->values + (ptrdiff_t)(c / PANEL) * KEY_BLOCK16 * PANEL + c % PANEL * 2;
        vf most = v_set(0), by;

        for (k = 0; k < work->keys_now; k++)
            most = v_larger_size(most, load_up_to(v + (ptrdiff_t)k * j->v.stride, width - c));
        by = v_if_less(v_set(0), most, v_div(v_set(INT16_MAX), most), v_set(0));
        v_store(work->value_unit + c, v_mul(most, v_set(1.0F / INT16_MAX)));
        for (k = 0; k < work->keys_now; k += 2, to += 2 * PANEL) {
            const vf a = load_up_to(v + (ptrdiff_t)k * j->v.stride, width - c),
                     b = k + 1 < work->keys_now ? load_up_to(v + (ptrdiff_t)(k + 1) * j->v.stride, width - c) : v_set(0);

            _mm512_storeu_si512(to, _mm512_mask_blend_epi16(0xAAAAAAAA, _mm512_cvtps_epi32(v_mul(a, by)),
                                                            _mm512_slli_epi32(_mm512_cvtps_epi32(v_mul(b, by)), 16)));
        }
    }
}

INLINE void products_tile16(const int16_t *x, int row, int pairs, const int16_t *w, float *sum) {
    const struct chunk16 all = {0, 1, 0, pairs, w};

    dot_tiles[TILE](&(const struct products16){.x = x, .row = row, .taps = 1, .pairs = pairs, .w = w, .sum = sum}, &all, 0);
}

/* Scores of a tile become weights, and what one of a row's whole numbers stands for. */
static __attribute__((noinline)) void weigh_tile16(struct attention16_work *work, int first, float shrink[VN], float unit[VN]) {
    float now[VN] = {0}, tops[VN] = {0}, *most = work->rows.most + first;
    int r, i;

    for (r = 0; r < TILE; r++) {
        const vf query_unit = v_set(work->query_unit[first + r]);
        vf largest = v_set(-INFINITY);

        UNROLL
        for (i = 0; i < KEY_BLOCK16; i += VN) {
            float *score = work->products[i / PANEL][r] + i % PANEL;
            const vf v = v_fma(v_load(score), v_mul(v_load(work->key_unit + i), query_unit), v_load(work->past + i));

            v_store(score, v);
            largest = v_max(v, largest);
        }
        tops[r] = v_top(largest);
        now[r] = tops[r] > most[r] ? tops[r] : most[r];
    }
    v_store(shrink, power_of_2(v_sub(v_load(most), v_load(now))));
    v_store(tops, v_div(v_set(INT16_MAX), power_of_2(v_sub(v_load(tops), v_load(now))))); /* by the largest weight */
    for (r = 0; r < TILE; r++) {
        vf e[KEY_BLOCK16 / VN], sum = v_set(0);
        __m512i all = _mm512_setzero_si512();
        float by;

        most[r] = now[r];
        UNROLL
        for (i = 0; i < KEY_BLOCK16 / VN; i++) {
            e[i] = power_of_2(v_sub(v_load(work->products[i * VN / PANEL][r] + i * VN % PANEL), v_set(now[r])));
            sum = v_add(sum, e[i]);
        }
        by = WEIGHTS_SUM / _mm512_reduce_add_ps(sum);
        by = tops[r] < by ? tops[r] : by; /* a NaN stays */
        UNROLL
        for (i = 0; i < KEY_BLOCK16 / VN; i++) {
            const __m512i whole = _mm512_cvtps_epi32(v_mul(e[i], v_set(by)));

            _mm256_storeu_si256((__m256i *)(void *)(work->weights[r] + i * VN), _mm512_cvtsepi32_epi16(whole));
            all = _mm512_add_epi32(all, whole);
        }
        unit[r] = 1 / by;
        /* the rounded ones, so that weights add up to 1 */
        v_store(work->rows.total[first + r],
                v_fma(v_load(work->rows.total[first + r]), v_set(shrink[r]), v_mul(_mm512_cvtepi32_ps(all), v_set(unit[r]))));
    }
}

static void add_values16(struct attention16_work *work, int first, const float shrink[VN], const float unit[VN]) {
    const int ld = work->rows.ld;
    int p, r, half;

    for (p = 0; p < ld / PANEL; p++) {
        products_tile16(work->weights[0], KEY_BLOCK16, (work->keys_now + 1) / 2, work->values + (ptrdiff_t)p * KEY_BLOCK16 * PANEL,
                        work->products[0][0]);
        for (half = 0; half < 2; half++) {
            const vf column = v_load(work->value_unit + p * PANEL + half * VN);
            float *to = work->rows.sums + (ptrdiff_t)first * ld + (ptrdiff_t)p * PANEL + half * VN;

            for (r = 0; r < TILE; r++, to += ld)
                v_store(to, v_fma(v_load(to), v_set(shrink[r]),
                                  v_mul(v_load(work->products[0][r] + half * VN), v_mul(column, v_set(unit[r])))));
        }
    }
}

static void attention16(const struct cw_attention_job *j, int head, int row0, int row1) {
    const int col = head * j->width, rows = row1 - row0, all = (rows + TILE - 1) / TILE * TILE;
    struct attention16_work work;
    int first, r, block, p;

    work.pairs = cw_pairs16(j->width);
    attended_begin(&work.rows, all, j->width);
    memset(work.values, 0, sizeof *work.values * (size_t)KEY_BLOCK16 * work.rows.ld); /* what columns past the last one are multiplied by */
    memset(work.value_unit, 0, sizeof work.value_unit);
    memset(work.q + (ptrdiff_t)2 * rows * work.pairs, 0, sizeof *work.q * (size_t)(all - rows) * 2 * work.pairs);
    for (r = rows; r < all; r++)
        work.query_unit[r] = 0;
    pack_queries16(j, &work, row0, rows, col);
    for (block = 0; block < j->k.rows; block += KEY_BLOCK16) {
        work.keys_now = j->k.rows - block < KEY_BLOCK16 ? j->k.rows - block : KEY_BLOCK16;
        pack_keys16(j, &work, block, col);
        pack_values16(j, &work, block, col);
        for (first = 0; first < all; first += TILE) {
            float shrink[VN], unit[VN] = {0};

            for (p = 0; p < KEY_BLOCK16 / PANEL; p++)
                products_tile16(work.q + (ptrdiff_t)2 * first * work.pairs, 2 * work.pairs, work.pairs,
                                work.keys + (ptrdiff_t)p * work.pairs * 2 * PANEL, work.products[p][0]);
            weigh_tile16(&work, first, shrink, unit);
            add_values16(&work, first, shrink, unit);
        }
    }
    attended_end(&work.rows, j, row0, rows, col);
}
#endif

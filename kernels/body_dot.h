/* products16 by dot products of pairs in vectors, part of body.h: as the float32 tile, TILE rows x 2 vectors of sums, with a
 * pair of channels in place of one. Whole sums go to float32 after every chunk (internal.h), before they could overflow. */

enum { ROWS16 = 8 * TILE };
typedef int32_t pair16 __attribute__((may_alias));

/* Of taps [k0, k1) and pairs [c0, c1). ahead: what will be read next, fetched a line a pair. */
struct chunk16 {
    int k0, k1, c0, c1;
    const NUMBER16 *ahead;
};

INLINE void dot_tile(const struct products16 *t, const struct chunk16 *chunk, int q, const int rows) {
    const NUMBER16 *x = t->x + q * t->row;
    float *to = t->sum + (ptrdiff_t)q * PANEL;
    const NUMBER16 *ahead = chunk->ahead;
    VECTOR16 sum[TILE][2];
    int k, c, r;

    UNROLL
    for (r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = ZERO16;
    for (k = chunk->k0; k < chunk->k1; k++) {
        const NUMBER16 *x0 = x + k * t->tap + 2 * chunk->c0, *x4 = x0 + 4 * t->row, *x8 = x4 + 4 * t->row, *x12 = x8 + 4 * t->row;
        const NUMBER16 *w = t->w + ((ptrdiff_t)k * t->pairs + chunk->c0) * 2 * PANEL;

        for (c = chunk->c0; c < chunk->c1; c++, w += 2 * PANEL) {
            const VECTOR16 w0 = LOAD16(w), w1 = LOAD16(w + 2 * VN);

            __builtin_prefetch(ahead, 0, 2);
            ahead += PANEL;
            UNROLL
            for (r = 0; r < rows; r++) {
                const VECTOR16 pair = PAIR16((r < 4 ? x0 : r < 8 ? x4 : r < 12 ? x8 : x12) + (r & 3) * t->row);

                DOT16(sum[r][0], w0, pair);
                DOT16(sum[r][1], w1, pair);
            }
            x0 += 2, x4 += 2, x8 += 2, x12 += 2;
        }
    }
    UNROLL
    for (r = 0; r < rows; r++) {
        vf a = FLOAT16(sum[r][0]), b = FLOAT16(sum[r][1]);

        if (chunk->k0 + chunk->c0 > 0) {
            a = v_add(a, v_load(to + (ptrdiff_t)r * PANEL));
            b = v_add(b, v_load(to + (ptrdiff_t)r * PANEL + VN));
        }
        v_store(to + (ptrdiff_t)r * PANEL, a);
        v_store(to + (ptrdiff_t)r * PANEL + VN, b);
    }
}

#define DOT_TILE(rows)                                                                                                                     \
    static __attribute__((noinline)) void dot_tile_##rows(const struct products16 *t, const struct chunk16 *chunk, int q) {                \
        dot_tile(t, chunk, q, rows);                                                                                                       \
    }
DOT_TILE(1)
DOT_TILE(2)
DOT_TILE(3)
DOT_TILE(4)
DOT_TILE(5)
DOT_TILE(6)
DOT_TILE(7)
DOT_TILE(8)
DOT_TILE(9)
DOT_TILE(10)
DOT_TILE(11)
DOT_TILE(12)
DOT_TILE(13)
DOT_TILE(14)

static void (*const dot_tiles[])(const struct products16 *, const struct chunk16 *, int) = {
    NULL,       dot_tile_1, dot_tile_2,  dot_tile_3,  dot_tile_4,  dot_tile_5,  dot_tile_6,  dot_tile_7,
    dot_tile_8, dot_tile_9, dot_tile_10, dot_tile_11, dot_tile_12, dot_tile_13, dot_tile_14,
};

/* A chunk's weights stay in the first-level cache while all rows pass. */
static void products16(const struct products16 *t, int rows) {
#ifdef FIXED
    const int tap_step = cw_chunk_taps16(t->pairs), pair_step = cw_chunk_pairs16(t->pairs);
#else
    const int tap_step = t->taps, pair_step = t->pairs;
#endif
    struct chunk16 chunk;

    for (chunk.k0 = 0; chunk.k0 < t->taps; chunk.k0 = chunk.k1) {
        chunk.k1 = chunk.k0 + tap_step < t->taps ? chunk.k0 + tap_step : t->taps;
        for (chunk.c0 = 0; chunk.c0 < t->pairs; chunk.c0 = chunk.c1) {
            const NUMBER16 *w, *end;
            int tiles, q = 0, half = 0;

            chunk.c1 = chunk.c0 + pair_step < t->pairs ? chunk.c0 + pair_step : t->pairs;
            w = t->w + ((ptrdiff_t)chunk.k0 * t->pairs + chunk.c0) * 2 * PANEL;
            end =
                w + (ptrdiff_t)(chunk.k1 - chunk.k0) * (chunk.c1 - chunk.c0) * 2 * PANEL; /* where the next chunk lies, or the next panel */
            for (tiles = (rows + TILE - 1) / TILE; tiles > 0; tiles--) {                  /* of nearly equal height */
                const int n = (rows - q + tiles - 1) / tiles;

                chunk.ahead = half == 0 ? end : half == 1 ? end + (end - w) / 2 : w;
                half++;
                dot_tiles[n](t, &chunk, q);
                q += n;
            }
        }
    }
}

INLINE void begin16(void) {}

INLINE void end16(void) {}

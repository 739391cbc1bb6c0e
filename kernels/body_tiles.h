/* products16 by AMX tiles, part of body.h: 32 rows x 32 columns are four tiles of sums; a step is two tiles of 16 rows of
 * x and two of weights, 32 channels deep. x has rows to read, whatever they hold, up to a multiple of 16. */

enum { ROWS16 = 2 * TILE_ROWS };

static void products16(const struct products16 *t, int rows) {
    const ptrdiff_t x_stride = t->row * (ptrdiff_t)sizeof *t->x, w_stride = 2 * PANEL * (ptrdiff_t)sizeof *t->w,
                    sum_stride = PANEL * (ptrdiff_t)sizeof *t->sum;
    const bool both = rows > TILE_ROWS;
    struct tile_file file;
    int k, c;

    tiles_written(t->x);
    tiles_written(t->w);
    tile_zero(&file, 0);
    tile_zero(&file, 1);
    tile_zero(&file, 2);
    tile_zero(&file, 3);
    for (k = 0; k < t->taps; k++) {
        const NUMBER16 *x = t->x + k * t->tap, *x16 = x + TILE_ROWS * t->row, *w = t->w + (ptrdiff_t)k * t->pairs * 2 * PANEL;

        for (c = 0; c < t->pairs; c += TILE_ROWS, x += 2 * TILE_ROWS, x16 += 2 * TILE_ROWS, w += (ptrdiff_t)TILE_ROWS * 2 * PANEL) {
            tile_load(&file, 6, w, w_stride);
            tile_load(&file, 7, w + PANEL, w_stride);
            tile_load(&file, 4, x, x_stride);
            tile_dot(&file, 0, 4, 6);
            tile_dot(&file, 1, 4, 7);
            if (both) {
                tile_load(&file, 5, x16, x_stride);
                tile_dot(&file, 2, 5, 6);
                tile_dot(&file, 3, 5, 7);
            }
        }
    }
    tile_store(&file, 0, t->sum, sum_stride);
    tile_store(&file, 1, t->sum + VN, sum_stride);
    if (both) {
        tile_store(&file, 2, t->sum + (ptrdiff_t)TILE_ROWS * PANEL, sum_stride);
        tile_store(&file, 3, t->sum + (ptrdiff_t)TILE_ROWS * PANEL + VN, sum_stride);
    }
    tiles_written(t->sum);
}

INLINE void begin16(void) {
    tiles_begin();
}

INLINE void end16(void) {
    tiles_end();
}

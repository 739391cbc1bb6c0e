/* The few tile instructions of AMX that the kernels use, under our own names: the real ones, or, with EMULATED_TILES, the same
 * arithmetic in C, so that one loop is compiled both ways and can be tested on any machine. Tile numbers are constants, as
 * the real instructions want them. A tile has 16 rows of 64 bytes. */
#ifndef CW_TILES_H
#define CW_TILES_H

#include <stdint.h>
#include <string.h>

enum { TILE_ROWS = 16, TILE_BYTES = 64 };

/* gcc's tile loads do not say what memory they read: what was written to p before must be there by now. */
static inline void tiles_written(const void *p) {
    __asm__ volatile("" : : "r"(p) : "memory");
}

#ifdef EMULATED_TILES

struct tile_file {
    unsigned char tile[8][TILE_ROWS][TILE_BYTES];
};

static inline void tiles_begin(void) {}

static inline void tiles_end(void) {}

static inline void emulated_load(unsigned char tile[TILE_ROWS][TILE_BYTES], const void *from, ptrdiff_t stride) {
    int r;

    for (r = 0; r < TILE_ROWS; r++)
        memcpy(tile[r], (const unsigned char *)from + r * stride, TILE_BYTES);
}

static inline void emulated_store(unsigned char tile[TILE_ROWS][TILE_BYTES], void *to, ptrdiff_t stride) {
    int r;

    for (r = 0; r < TILE_ROWS; r++)
        memcpy((unsigned char *)to + r * stride, tile[r], TILE_BYTES);
}

static inline float emulated_bfloat(const unsigned char *p) {
    uint16_t half;
    uint32_t u;
    float f;

    memcpy(&half, p, sizeof half);
    u = (uint32_t)half << 16;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* c [16, 16] float += a [16, 32] b [32, 16], b with its rows in pairs. */
static inline void emulated_dot(unsigned char c[TILE_ROWS][TILE_BYTES], unsigned char a[TILE_ROWS][TILE_BYTES],
                                unsigned char b[TILE_ROWS][TILE_BYTES]) {
    int m, n, k;

    for (m = 0; m < TILE_ROWS; m++)
        for (k = 0; k < TILE_ROWS; k++)
            for (n = 0; n < TILE_ROWS; n++) {
                float sum;

                memcpy(&sum, c[m] + 4 * n, sizeof sum);
                sum += emulated_bfloat(a[m] + 4 * k) * emulated_bfloat(b[k] + 4 * n);
                sum += emulated_bfloat(a[m] + 4 * k + 2) * emulated_bfloat(b[k] + 4 * n + 2);
                memcpy(c[m] + 4 * n, &sum, sizeof sum);
            }
}

#define tile_zero(file, t) memset((file)->tile[t], 0, sizeof(file)->tile[t])
#define tile_load(file, t, from, stride) emulated_load((file)->tile[t], from, stride)
#define tile_store(file, t, to, stride) emulated_store((file)->tile[t], to, stride)
#define tile_dot(file, c, a, b) emulated_dot((file)->tile[c], (file)->tile[a], (file)->tile[b])

#else

#include <immintrin.h>

struct tile_file {
    char unused;
};

/* Tiles belong to a thread and another library may have left them otherwise, so every block of work sets them up. */
static inline void tiles_begin(void) {
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    int t;

    for (t = 0; t < 8; t++) {
        config.bytes[t] = TILE_BYTES;
        config.rows[t] = TILE_ROWS;
    }
    tiles_written(&config);
    _tile_loadconfig(&config);
}

static inline void tiles_end(void) {
    _tile_release();
}

#define tile_zero(file, t)                                                                                                                 \
    do {                                                                                                                                   \
        _tile_zero(t);                                                                                                                     \
    } while ((void)(file), 0)
#define tile_load(file, t, from, stride)                                                                                                   \
    do {                                                                                                                                   \
        _tile_loadd(t, from, stride);                                                                                                      \
    } while ((void)(file), 0)
#define tile_store(file, t, to, stride)                                                                                                    \
    do {                                                                                                                                   \
        _tile_stored(t, to, stride);                                                                                                       \
    } while ((void)(file), 0)
#define tile_dot(file, c, a, b)                                                                                                            \
    do {                                                                                                                                   \
        _tile_dpbf16ps(c, a, b);                                                                                                           \
    } while ((void)(file), 0)

#endif

#endif

/* Seeded noise with no state: (key, counter) -> four words by Philox4x32-10 (Salmon et al. 2011) -> four normal numbers. */
#include "base/base.h"

#include <math.h>

void cw_philox(uint64_t key, uint64_t counter_hi, uint64_t counter_lo, uint32_t out[4]) {
    /* the paper's multipliers and Weyl constants */
    const uint32_t m0 = 0xD2511F53, m1 = 0xCD9E8D57, w0 = 0x9E3779B9, w1 = 0xBB67AE85;
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)counter_lo, c1 = (uint32_t)(counter_lo >> 32);
    uint32_t c2 = (uint32_t)counter_hi, c3 = (uint32_t)(counter_hi >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)m0 * c0, p1 = (uint64_t)m1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += w0;
        k1 += w1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Box-Muller: z0 = sqrt(-2 ln u) cos(2 pi v), z1 = sqrt(-2 ln u) sin(2 pi v). u is never 0, and reaches 2^-33, so the tails go
 * to 6.7 sigma; double precision keeps libm's last-bit freedom far below a float's rounding. */
static void normals(const uint32_t w[2], float out[2]) {
    double u = ((double)w[0] + 0.5) * 0x1p-32, v = (double)w[1] * 0x1p-32;
    double radius = sqrt(-2.0 * log(u)), sine, cosine;
    sincos(6.283185307179586476925 * v, &sine, &cosine);
    out[0] = (float)(radius * cosine);
    out[1] = (float)(radius * sine);
}

void cw_gauss(uint64_t key, uint64_t stream, uint64_t first, size_t n, float *out) {
    uint64_t block = first / 4;
    size_t skip = (size_t)(first % 4);
    for (size_t done = 0; done < n; block++, skip = 0) {
        uint32_t w[4];
        float z[4];
        cw_philox(key, stream, block, w);
        normals(w, z);
        normals(w + 2, z + 2);
        for (size_t i = skip; i < 4 && done < n; i++) {
            out[done++] = z[i];
        }
    }
}

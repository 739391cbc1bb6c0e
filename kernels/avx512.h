/* AVX-512: sixteen floats a vector; register tile of 14 rows x 2 vectors (28 sums, 2 weights, 1 broadcast of 32 registers).
 * For the ops_*.c whose instruction sets hold AVX-512 F, BW, VL and DQ; the kernels themselves are in body.h. */
#ifndef CW_AVX512_H
#define CW_AVX512_H

#include "kernels/internal.h"

#include <immintrin.h>
#include <string.h>

enum { VN = 16, TILE = 14 };
typedef __m512 vf;

static inline __mmask16 first_n(int n) {
    return (__mmask16)((1U << n) - 1U);
}

static inline vf v_set(float a) {
    return _mm512_set1_ps(a);
}

static inline vf v_load(const float *p) {
    return _mm512_loadu_ps(p);
}

static inline void v_store(float *p, vf a) {
    _mm512_storeu_ps(p, a);
}

/* The first n floats, zeros after them; nothing beyond is touched. */
static inline vf v_load_n(const float *p, int n) {
    return _mm512_maskz_loadu_ps(first_n(n), p);
}

static inline void v_store_n(float *p, vf a, int n) {
    _mm512_mask_storeu_ps(p, first_n(n), a);
}

static inline vf v_add(vf a, vf b) {
    return _mm512_add_ps(a, b);
}

static inline vf v_sub(vf a, vf b) {
    return _mm512_sub_ps(a, b);
}

static inline vf v_mul(vf a, vf b) {
    return _mm512_mul_ps(a, b);
}

static inline vf v_div(vf a, vf b) {
    return _mm512_div_ps(a, b);
}

/* a * b + c and c - a * b, rounded once. */
static inline vf v_fma(vf a, vf b, vf c) {
    return _mm512_fmadd_ps(a, b, c);
}

static inline vf v_fnma(vf a, vf b, vf c) {
    return _mm512_fnmadd_ps(a, b, c);
}

/* Of a NaN in b, the NaN. */
static inline vf v_min(vf a, vf b) {
    return _mm512_min_ps(a, b);
}

static inline vf v_max(vf a, vf b) {
    return _mm512_max_ps(a, b);
}

static inline vf v_round(vf a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline vf v_abs(vf a) {
    return _mm512_abs_ps(a);
}

/* x < y ? a : b */
static inline vf v_if_less(vf x, vf y, vf a, vf b) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, y, _CMP_LT_OQ), b, a);
}

/* Every lane is at most `limit` (a NaN is not). */
static inline bool v_all_at_most(vf x, vf limit) {
    return _mm512_cmp_ps_mask(x, limit, _CMP_LE_OQ) == 0xFFFF;
}

/* The larger of a size and |x|; a NaN stays, its bits being larger than infinity's. */
static inline vf v_larger_size(vf size, vf x) {
    return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(size), _mm512_castps_si512(v_abs(x))));
}

/* The largest lane; where there is a NaN, any. */
static inline float v_top(vf a) {
    return _mm512_reduce_max_ps(a);
}

/* x[i] lane k becomes x[k] lane i. */
static inline __attribute__((always_inline)) void v_transpose(vf x[VN]) {
    vf t[VN];

    for (int i = 0; i < VN; i += 2) {
        t[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
    for (int i = 0; i < VN; i += 4) { /* of four rows, columns 0 to 3 in every lane of 128 bits */
        const __m512d a = _mm512_castps_pd(t[i]), b = _mm512_castps_pd(t[i + 1]), c = _mm512_castps_pd(t[i + 2]),
                      d = _mm512_castps_pd(t[i + 3]);

        x[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        x[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        x[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        x[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    for (int i = 0; i < 4; i++) {
        const vf even = _mm512_shuffle_f32x4(x[i], x[i + 4], 0x88), odd = _mm512_shuffle_f32x4(x[i], x[i + 4], 0xDD),
                 even8 = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0x88), odd8 = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0xDD);

        x[i] = _mm512_shuffle_f32x4(even, even8, 0x88);
        x[i + 4] = _mm512_shuffle_f32x4(odd, odd8, 0x88);
        x[i + 8] = _mm512_shuffle_f32x4(even, even8, 0xDD);
        x[i + 12] = _mm512_shuffle_f32x4(odd, odd8, 0xDD);
    }
}

/* a * 2^n for a whole n of -150 to 128 */
static inline vf v_times_power(vf a, vf n) {
    return _mm512_scalef_ps(a, n);
}

/* -a where the whole number n is odd */
static inline vf v_flip_odd(vf a, vf n) {
    __m512i sign = _mm512_slli_epi32(_mm512_cvtps_epi32(n), 31);

    return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a), sign));
}

#endif

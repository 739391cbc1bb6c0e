/* AVX2 + FMA: eight floats a vector; register tile of 6 rows x 2 vectors (12 sums, 2 weights, 1 broadcast of 16 registers).
 * The kernels themselves are in body.h. */
#include "kernels/internal.h"

#include <immintrin.h>

enum { VN = 8, TILE = 6 };
typedef __m256 vf;

static inline __m256i first_n(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline vf v_set(float a) {
    return _mm256_set1_ps(a);
}

static inline vf v_load(const float *p) {
    return _mm256_loadu_ps(p);
}

static inline void v_store(float *p, vf a) {
    _mm256_storeu_ps(p, a);
}

/* The first n floats, zeros after them; nothing beyond is touched. */
static inline vf v_load_n(const float *p, int n) {
    return _mm256_maskload_ps(p, first_n(n));
}

static inline void v_store_n(float *p, vf a, int n) {
    _mm256_maskstore_ps(p, first_n(n), a);
}

static inline vf v_add(vf a, vf b) {
    return _mm256_add_ps(a, b);
}

static inline vf v_sub(vf a, vf b) {
    return _mm256_sub_ps(a, b);
}

static inline vf v_mul(vf a, vf b) {
    return _mm256_mul_ps(a, b);
}

static inline vf v_div(vf a, vf b) {
    return _mm256_div_ps(a, b);
}

/* a * b + c and c - a * b, rounded once. */
static inline vf v_fma(vf a, vf b, vf c) {
    return _mm256_fmadd_ps(a, b, c);
}

static inline vf v_fnma(vf a, vf b, vf c) {
    return _mm256_fnmadd_ps(a, b, c);
}

/* Of a NaN in b, the NaN. */
static inline vf v_min(vf a, vf b) {
    return _mm256_min_ps(a, b);
}

static inline vf v_max(vf a, vf b) {
    return _mm256_max_ps(a, b);
}

static inline vf v_round(vf a) {
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline vf v_abs(vf a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a);
}

/* x < y ? a : b */
static inline vf v_if_less(vf x, vf y, vf a, vf b) {
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, y, _CMP_LT_OQ));
}

/* Every lane is at most `limit` (a NaN is not). */
static inline bool v_all_at_most(vf x, vf limit) {
    return _mm256_movemask_ps(_mm256_cmp_ps(x, limit, _CMP_LE_OQ)) == 0xFF;
}

/* The larger of a size and |x|; a NaN stays, its bits being larger than infinity's. */
static inline vf v_larger_size(vf size, vf x) {
    return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(size), _mm256_castps_si256(v_abs(x))));
}

/* The largest lane; where there is a NaN, any. */
static inline float v_top(vf a) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1)), pair = _mm_max_ps(half, _mm_movehl_ps(half, half));

    return _mm_cvtss_f32(_mm_max_ss(pair, _mm_movehdup_ps(pair)));
}

/* x[i] lane k becomes x[k] lane i. */
static inline __attribute__((always_inline)) void v_transpose(vf x[VN]) {
    vf t[VN];

    for (int i = 0; i < VN; i += 2) {
        t[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    for (int i = 0; i < VN; i += 4) { /* of four rows, columns 0 to 3 in both lanes of 128 bits */
        x[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        x[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
        x[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        x[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    for (int i = 0; i < 4; i++) {
        const vf low = x[i], high = x[i + 4];

        x[i] = _mm256_permute2f128_ps(low, high, 0x20);
        x[i + 4] = _mm256_permute2f128_ps(low, high, 0x31);
    }
}

/* a * 2^n for a whole n of -150 to 128: in two steps, because 2^n alone may not be a float */
static inline vf v_times_power(vf a, vf n) {
    __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1), rest = _mm256_sub_epi32(whole, half);
    __m256i one = _mm256_set1_epi32(127);
    vf first = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, one), 23));
    vf second = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, one), 23));

    return _mm256_mul_ps(_mm256_mul_ps(a, first), second);
}

/* -a where the whole number n is odd */
static inline vf v_flip_odd(vf a, vf n) {
    return _mm256_xor_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtps_epi32(n), 31)));
}

#define KERNELS cw_kernels_avx2
#define ISA_NAME "avx2"
#include "kernels/body.h"

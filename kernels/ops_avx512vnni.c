/* AVX-512 with VNNI: products in 16-bit fixed point where a weight may be so (vpdpwssd: two products a lane, as fast as one of
 * float32), in float32 elsewhere. */
#include "kernels/avx512.h"

#define FIXED
#define NUMBER16 int16_t
#define VECTOR16 __m512i
#define ZERO16 _mm512_setzero_si512()
#define LOAD16(p) _mm512_loadu_si512((const void *)(p))
#define PAIR16(p) _mm512_set1_epi32(*(const pair16 *)(const void *)(p))
/* By hand: around the intrinsic, gcc 12 copies and spills the sums. */
#define DOT16(sum, w, x) __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x))
#define FLOAT16(sum) _mm512_cvtepi32_ps(sum)

#define KERNELS cw_kernels_avx512vnni
#define ISA_NAME "avx512vnni"
#include "kernels/body.h"

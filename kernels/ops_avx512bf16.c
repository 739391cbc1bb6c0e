/* AVX-512 with BF16: products in bfloat16 where a weight may be so (vdpbf16ps), in float32 elsewhere. */
#include "kernels/avx512.h"

#define BFLOAT
#define NUMBER16 uint16_t
#define VECTOR16 __m512
#define ZERO16 _mm512_setzero_ps()
#define LOAD16(p) _mm512_loadu_ps((const void *)(p))
#define PAIR16(p) _mm512_castsi512_ps(_mm512_set1_epi32(*(const pair16 *)(const void *)(p)))
/* By hand: around the intrinsic, gcc 12 copies and spills the sums. */
#define DOT16(sum, w, x) __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x))
#define FLOAT16(sum) (sum)

#define KERNELS cw_kernels_avx512bf16
#define ISA_NAME "avx512bf16"
#include "kernels/body.h"

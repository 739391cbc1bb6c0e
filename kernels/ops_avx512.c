/* AVX-512: products in float32. */
#include "kernels/avx512.h"

#define KERNELS cw_kernels_avx512
#define ISA_NAME "avx512"
#include "kernels/body.h"

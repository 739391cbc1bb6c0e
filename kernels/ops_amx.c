/* AMX: products in bfloat16 by tiles where a weight may be so, in float32 by AVX-512 elsewhere. No instruction of AMX stands
 * in any other file, and none runs before amx.c has asked for them. */
#include "kernels/avx512.h"
#include "kernels/tiles.h"

#define BFLOAT
#define TILES
#define NUMBER16 uint16_t

#define KERNELS cw_kernels_amx
#define ISA_NAME "amx"
#include "kernels/body.h"

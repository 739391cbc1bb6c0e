/* The loops of ops_amx.c with tiles in plain C: what the tests run on machines without AMX. */
#define EMULATED_TILES
#include "kernels/avx512.h"
#include "kernels/tiles.h"

#define BFLOAT
#define TILES
#define NUMBER16 uint16_t

#define KERNELS cw_kernels_amx_emulated
#define ISA_NAME "amx-emulated"
#include "kernels/body.h"

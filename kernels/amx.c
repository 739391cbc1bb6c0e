/* May AMX be used here?  processor -> system saves tiles -> it grants them to this process -> they count as they should.
 *
 * Asked once. A tile instruction runs only after all four; a machine that fails at the third or fourth step says so in
 * cw_device_note(). */
#include "kernels/internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CW_PLAIN_C_ONLY
#include <cpuid.h>

enum {
    EDX_AMX_BF16 = 1 << 22,
    EDX_AMX_TILE = 1 << 24, /* leaf 7 */
    ECX_OSXSAVE = 1 << 27,  /* leaf 1 */
    XCR0_TILES = 3 << 17,   /* configuration and data */
    REQUEST_PERMISSION = 0x1023,
    TILE_DATA = 18,
};

static char note[120];

static bool processor_has_tiles(void) {
    unsigned a, b, c, d, low, high;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & ECX_OSXSAVE) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & EDX_AMX_TILE) ||
        !(d & EDX_AMX_BF16))
        return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & XCR0_TILES) == XCR0_TILES;
}

/* One convolution of odd sizes with these kernels against plain C. Numbers of few bits, so that both sums are exact. */
static bool counts_right(const struct cw_kernels *kernels) {
    enum { ROWS = 37, IN = 70, OUT = 45, TAPS = 3 };
    struct cw_device_params params = cw_device_params_default();
    struct cw_device *plain = NULL;
    struct cw_device d;
    struct cw_weight *w[2] = {NULL};
    struct cw_error err;
    float *memory = calloc((size_t)ROWS * IN + (size_t)OUT * IN * TAPS + 2UL * ROWS * OUT, sizeof *memory);
    bool right = false;
    int i;

    params.threads = 1;
    params.isa = "c";
    if (!memory || cw_device_open(&plain, params, &err) != 0)
        goto done;
    d = *plain;
    d.kernels = kernels;
    float *weights = memory + (ptrdiff_t)ROWS * IN, *out = weights + (ptrdiff_t)OUT * IN * TAPS;
    struct cw_mat x = {memory, ROWS, IN, IN}, y[2] = {{out, ROWS, OUT, OUT}, {out + (ptrdiff_t)ROWS * OUT, ROWS, OUT, OUT}};
    for (i = 0; i < ROWS * IN; i++)
        x.data[i] = (float)(i * 37 % 31 - 15);
    for (i = 0; i < OUT * IN * TAPS; i++)
        weights[i] = (float)(i * 53 % 29 - 14) / 16;
    if (cw_weight_open_16(&w[0], plain, weights, OUT, IN, TAPS, NULL, &err) != 0 ||
        cw_weight_open_16(&w[1], &d, weights, OUT, IN, TAPS, NULL, &err) != 0 ||
        cw_conv1d(plain, x, w[0], 1, 2, 2, (struct cw_epilogue){0}, y[0], &err) != 0 ||
        cw_conv1d(&d, x, w[1], 1, 2, 2, (struct cw_epilogue){0}, y[1], &err) != 0)
        goto done;
    right = true;
    for (i = 0; i < ROWS * OUT; i++)
        right = right && y[0].data[i] == y[1].data[i];
done:
    cw_weight_close(w[0]);
    cw_weight_close(w[1]);
    cw_device_close(plain);
    free(memory);
    return right;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool usable;

void cw_amx_ask(bool processor, bool granted, const struct cw_kernels *kernels) {
    usable = processor && granted && counts_right(kernels);
    note[0] = '\0';
    if (processor && !usable)
        (void)snprintf(note, sizeof note,
                       granted ? "this processor has AMX, but it fails its check here, so it is not used"
                               : "this processor has AMX, but the system refuses it to this process");
}

void cw_amx_ask_here(void) {
    const bool processor = processor_has_tiles();

    cw_amx_ask(processor, processor && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0, &cw_kernels_amx);
}

bool cw_amx_runs_here(void) {
    (void)pthread_once(&once, cw_amx_ask_here);
    return usable;
}

bool cw_amx_check(const struct cw_kernels *kernels) {
    return counts_right(kernels);
}

const char *cw_device_note(void) {
    (void)pthread_once(&once, cw_amx_ask_here);
    return note[0] ? note : NULL;
}

#else

const char *cw_device_note(void) {
    return NULL;
}

#endif

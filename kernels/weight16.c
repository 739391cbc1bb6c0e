/* Weights in 16-bit numbers: [phases][panels][taps of a phase][pairs][panel][2], and the same for the points of Toom and Cook's
 * method. Fixed point has one scale a column (and point), chosen so that no 32-bit sum of a chunk can overflow whatever the
 * activations; bfloat16 needs none. */
#include "kernels/internal.h"

#include <math.h>
#include <string.h>

static uint16_t bfloat_of(float x) {
    uint32_t u;

    memcpy(&u, &x, sizeof u);
    return (uint16_t)((u + 0x7FFF + ((u >> 16) & 1)) >> 16); /* to nearest, halves to even */
}

/* Writes one column [taps][in] to [taps][pairs][panel][2]; gives what its whole numbers have to be multiplied by. */
static float put_column(const struct cw_weight *p, const float *column, int taps, uint16_t *to) {
    const int pairs = cw_pairs16(p->in), panel = p->kernels->panel, taps_step = cw_chunk_taps16(pairs), pair_step = cw_chunk_pairs16(pairs);
    /* Rounding may add a half to every weight of a chunk. */
    const double most = ((double)INT32_MAX / CW_FIXED_MOST) - CW_CHUNK16;
    double largest = 0, sum = 0, scale;
    int k0, c0, k, c;

    if (p->kernels->form16 == CW_FORM_BFLOAT) {
        for (k = 0; k < taps; k++)
            for (c = 0; c < p->in; c++)
                to[((size_t)k * pairs + c / 2) * panel * 2 + c % 2] = bfloat_of(column[(size_t)k * p->in + c]);
        return 1;
    }
    for (k0 = 0; k0 < taps; k0 += taps_step)
        for (c0 = 0; c0 < p->in; c0 += 2 * pair_step) {
            double chunk = 0;

            for (k = k0; k < k0 + taps_step && k < taps; k++)
                for (c = c0; c < c0 + 2 * pair_step && c < p->in; c++) {
                    double w = fabs((double)column[(size_t)k * p->in + c]);

                    chunk += w;
                    largest = w > largest ? w : largest;
                }
            sum = chunk > sum ? chunk : sum;
        }
    scale = largest > 0 ? fmin(INT16_MAX / largest, most / sum) : 0;
    for (k = 0; k < taps; k++)
        for (c = 0; c < p->in; c++) {
            double w = column[(size_t)k * p->in + c] * scale;

            to[((size_t)k * pairs + c / 2) * panel * 2 + c % 2] = (uint16_t)(int16_t)(w + (w < 0 ? -0.5 : 0.5));
        }
    return scale > 0 ? (float)(1 / scale) : 0;
}

void cw_pack16_panel(const struct cw_weight *p, const float *w, bool transposed, int i, float *column) {
    const int panel = p->kernels->panel, pairs = cw_pairs16(p->in), taps = p->phase_taps, step = transposed ? p->stride : 1;
    const int phase = i / p->panels, first = i % p->panels * panel;
    uint16_t *to = p->half + (size_t)i * taps * pairs * panel * 2;
    int v, k, c;

    memset(to, 0, sizeof *to * taps * pairs * panel * 2);
    for (v = 0; v < panel; v++) {
        size_t n = (size_t)first + v;
        float scale = 1;

        if ((int)n < p->out) {
            for (k = 0; k < taps; k++)
                for (c = 0; c < p->in; c++) {
                    const int tap = phase + k * step;
                    const size_t at = transposed ? (size_t)c * p->out + n : n * p->in + c;

                    column[(size_t)k * p->in + c] = tap < p->taps ? w[at * p->taps + tap] : 0;
                }
            scale = put_column(p, column, taps, to + 2 * (size_t)v);
        }
        if (p->half_scale)
            p->half_scale[(size_t)i * panel + v] = scale;
    }
}

void cw_pack16_fast_panel(const struct cw_weight *p, const float *w, int i, float *column) {
    const int panel = p->kernels->panel, pairs = cw_pairs16(p->in);
    const int slices = cw_fast_slices(p->fast_cut), parts = cw_fast_parts(p->fast_cut), of_part = slices / parts;
    const size_t numbers = (size_t)slices * pairs * panel * 2, one = (size_t)slices * p->in;
    uint16_t *to = (uint16_t *)p->fast + (size_t)i * CW_FAST_POINTS * numbers;
    int v, g, c, point, part;

    memset(to, 0, sizeof *to * CW_FAST_POINTS * numbers);
    for (v = 0; v < panel; v++) {
        size_t n = (size_t)i * panel + v;

        if ((int)n < p->out)
            for (g = 0; g < slices; g++)
                for (c = 0; c < p->in; c++) {
                    float points[CW_FAST_POINTS];

                    cw_fast_points(p, w + (n * p->in + c) * p->taps, g, points);
                    for (point = 0; point < CW_FAST_POINTS; point++)
                        column[point * one + (size_t)g * p->in + c] = points[point];
                }
        for (part = 0; part < CW_FAST_POINTS * parts; part++)
            p->fast_scale[((size_t)i * CW_FAST_POINTS * parts + part) * panel + v] =
                (int)n < p->out ? put_column(p, column + (size_t)part * of_part * p->in, of_part,
                                             to + (size_t)part * of_part * pairs * panel * 2 + 2 * (size_t)v)
                                : 1;
    }
}

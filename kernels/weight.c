/* Weights: checked, then packed into the panels that the device's kernels read: [panels][taps][in][panel].
 *
 * All of a weight's numbers lie in one block, which may be borrowed from a file (packed.c).
 * A transposed convolution of stride s is s ordinary convolutions, one per phase of the output; phase p owns the taps
 * p, p + s, p + 2s ... and its panels follow those of the phase before. */
#include "kernels/internal.h"

#include <stdlib.h>
#include <string.h>

struct pack_job {
    const float *w;
    struct cw_weight *p;
    bool transposed;
    float *columns; /* work room of the 16-bit forms */
};

/* Both packers gather short rows on the stack and write each whole: written number by number, they lie a multiple of 4 KiB
 * apart and push one another out of the cache. */
enum { PANEL_MAX = 32, PIECE = 64 };

/* One panel of one phase: some channels and taps at a time, read in the order they lie in. */
static void pack_panel(void *arg, int i) {
    const struct pack_job *j = arg;
    const struct cw_weight *p = j->p;
    int panel = p->kernels->panel, phase = i / p->panels, first = i % p->panels * panel, c0, k0, c, k, v;
    int step = j->transposed ? p->stride : 1, taps = p->phase_taps < PIECE ? p->phase_taps : PIECE, channels = PIECE / taps;
    float *to = p->data + (size_t)i * p->phase_taps * p->in * panel;
    float piece[PIECE][PANEL_MAX];

    for (c0 = 0; c0 < p->in; c0 += channels)
        for (k0 = 0; k0 < p->phase_taps; k0 += taps) {
            int c_end = p->in - c0 < channels ? p->in - c0 : channels, k_end = p->phase_taps - k0 < taps ? p->phase_taps - k0 : taps;

            for (v = 0; v < panel; v++) {
                size_t n = (size_t)first + v;

                for (c = 0; c < c_end; c++) {
                    size_t in = (size_t)c0 + c;
                    const float *w = (int)n < p->out ? j->w + (j->transposed ? in * p->out + n : n * p->in + in) * p->taps : NULL;

                    for (k = 0; k < k_end; k++) {
                        int tap = phase + (k0 + k) * step;

                        piece[k * channels + c][v] = w && tap < p->taps ? w[tap] : 0;
                    }
                }
            }
            for (k = 0; k < k_end; k++)
                for (c = 0; c < c_end; c++)
                    memcpy(to + ((size_t)(k0 + k) * p->in + c0 + c) * panel, piece[k * channels + c], (size_t)panel * sizeof(float));
        }
}

/* The polynomial of four taps at each point a, over the product of a's distances to the other points (Lagrange); at infinity the
 * last tap. Groups of four at the nested points likewise. w: the taps of one output and input channel. */
void cw_fast_points(const struct cw_weight *p, const float *w, int slice, float to[CW_FAST_POINTS]) {
    static const double points[CW_FAST_POINTS - 1] = {0, 1, -1, 2, -2, 0.5};
    static const double distances[CW_FAST_POINTS - 1] = {-2, -3, 9, 36, -60, 1.40625};
    const int groups = p->fast_cut.groups;
    const bool last = p->fast_cut.nested && slice == CW_NEST_POINTS - 1, all = p->fast_cut.nested && slice > 0 && !last;
    const int first = all ? 0 : last ? groups - 1 : slice, end = all ? groups : first + 1;
    double v[CW_FAST_TILE] = {0}; /* the taps, or sums of them */
    int g, k, point;

    for (g = first; g < end; g++)
        for (k = 0; k < CW_FAST_TILE && g * CW_FAST_TILE + k < p->taps; k++)
            v[k] += (double)w[g * CW_FAST_TILE + k] * (!all ? 1 : slice == 2 && g == 1 ? -0.5 : 0.5);
    for (point = 0; point < CW_FAST_POINTS - 1; point++) {
        double a = points[point];

        to[point] = (float)((v[0] + a * (v[1] + a * (v[2] + a * v[3]))) / distances[point]);
    }
    to[CW_FAST_POINTS - 1] = (float)v[3];
}

static void pack_fast_panel(void *arg, int i) {
    const struct pack_job *j = arg;
    const struct cw_weight *p = j->p;
    int panel = p->kernels->panel, slices = cw_fast_slices(p->fast_cut), point, g, c, v;
    float *to = (float *)p->fast + (size_t)i * CW_FAST_POINTS * slices * p->in * panel;
    float piece[CW_FAST_POINTS][PANEL_MAX], points[CW_FAST_POINTS];

    for (c = 0; c < p->in; c++)
        for (g = 0; g < slices; g++) {
            for (v = 0; v < panel; v++) {
                size_t n = (size_t)i * panel + v;

                memset(points, 0, sizeof points);
                if ((int)n < p->out)
                    cw_fast_points(p, j->w + (n * p->in + c) * p->taps, g, points);
                for (point = 0; point < CW_FAST_POINTS; point++)
                    piece[point][v] = points[point];
            }
            for (point = 0; point < CW_FAST_POINTS; point++)
                memcpy(to + (((size_t)point * slices + g) * p->in + c) * panel, piece[point], (size_t)panel * sizeof(float));
        }
}

enum { ALIGN = 64 };

/* The next part of a block; NULL where it is empty or there is no block yet. */
static void *part(unsigned char *base, size_t *at, size_t bytes) {
    void *here = base && bytes > 0 ? base + *at : NULL;

    *at += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return here;
}

/* Where the numbers lie in a weight's block, from its shape alone. */
static void lay_out(struct cw_weight *p, unsigned char *base) {
    const size_t columns = (size_t)p->panels * p->kernels->panel, phases = p->stride ? (size_t)p->stride : 1;
    const size_t pairs = cw_pairs16(p->in), taps = (size_t)p->phase_taps * phases;
    const bool half = p->may16 && p->kernels->form16 != CW_FORM_NONE, fixed = half && p->kernels->form16 == CW_FORM_FIXED;
    /* In bfloat16 Toom and Cook's method would cost what it gains in precision: direct products there. */
    const bool fast = p->kernels->conv_fast && !p->stride && p->in <= CW_FAST_IN_MAX && p->taps >= CW_FAST_TAPS_MIN &&
                      p->taps <= CW_FAST_TAPS_MAX && (!half || fixed);
    const int groups = fast ? (p->taps + CW_FAST_TILE - 1) / CW_FAST_TILE : 0;
    const struct cw_fast_cut cut = {groups, p->may_nest && (groups == 2 || groups == 3)};
    const size_t points = CW_FAST_POINTS * (size_t)cw_fast_slices(cut), parts = CW_FAST_POINTS * (size_t)cw_fast_parts(cut);

    p->bytes = 0;
    p->fast_cut = cut;
    p->bias = part(base, &p->bytes, columns * sizeof *p->bias);
    p->data = part(base, &p->bytes, half ? 0 : columns * taps * p->in * sizeof *p->data);
    p->half = part(base, &p->bytes, half ? columns * taps * pairs * 2 * sizeof *p->half : 0);
    p->half_scale = part(base, &p->bytes, fixed ? columns * phases * sizeof *p->half_scale : 0);
    p->fast = part(base, &p->bytes, columns * points * (fixed ? pairs * 2 * sizeof *p->half : p->in * sizeof *p->data));
    p->fast_scale = part(base, &p->bytes, fast && fixed ? columns * parts * sizeof *p->fast_scale : 0);
}

/* Room for one column at every point. */
static void pack16_task(void *arg, int i) {
    const struct pack_job *j = arg;

    cw_pack16_panel(j->p, j->w, j->transposed, i, j->columns + (size_t)i * j->p->phase_taps * j->p->in);
}

static void pack16_fast_task(void *arg, int i) {
    const struct pack_job *j = arg;

    cw_pack16_fast_panel(j->p, j->w, i, j->columns + (size_t)i * CW_FAST_POINTS * cw_fast_slices(j->p->fast_cut) * j->p->in);
}

static int pack(struct cw_weight *p, struct cw_device *d, const float *w, const float *bias, struct cw_error *err) {
    const size_t panels = (size_t)p->panels * (p->stride ? p->stride : 1);
    const size_t column = (size_t)p->phase_taps * p->in, points = (size_t)CW_FAST_POINTS * cw_fast_slices(p->fast_cut) * p->in;
    const size_t room = p->half_scale && points * p->panels > column * panels ? points * p->panels : column * panels;
    struct pack_job job = {.w = w, .p = p, .transposed = p->stride != 0};
    int status = -1;

    memset(p->bias, 0, (size_t)p->panels * p->kernels->panel * sizeof(float));
    if (bias)
        memcpy(p->bias, bias, (size_t)p->out * sizeof(float));
    if (p->half) {
        job.columns = malloc(room * sizeof *job.columns);
        if (!job.columns) {
            cw_fail_memory(err, "weight");
            goto done;
        }
    }
    cw_parallel(d, (int)panels, p->half ? pack16_task : pack_panel, &job);
    if (p->fast)
        cw_parallel(d, p->panels, p->fast_scale ? pack16_fast_task : pack_fast_panel, &job);
    status = 0;
done:
    free(job.columns);
    return status;
}

bool cw_weight_nest(struct cw_device *d, bool nest) {
    const bool was = !d->nest_off;

    d->nest_off = !nest;
    return was;
}

static int open_weight(struct cw_weight **out, struct cw_device *d, const float *w, int n, int in, int taps, int stride, const float *bias,
                       bool may16, struct cw_error *err) {
    struct cw_weight *p = NULL;
    const unsigned char *packed = NULL;
    void *block = NULL;
    int phases = stride ? stride : 1, panel = d->kernels->panel, status = -1;
    size_t total;

    *out = NULL;
    if (n < 1 || in < 1 || taps < 1 || !w) {
        cw_fail(err, CW_BAD_INPUT, "weight: expected out, in and taps of at least 1, found %d x %d x %d", n, in, taps);
        goto done;
    }
    if (n > 1 << 24 || in > 1 << 24 || taps > 1 << 16 || phases > 1 << 16) {
        cw_fail(err, CW_BAD_INPUT, "weight: %d x %d x %d is more than these kernels take", n, in, taps);
        goto done;
    }
    p = calloc(1, sizeof *p);
    if (!p) {
        cw_fail_memory(err, "weight");
        goto done;
    }
    p->kernels = d->kernels;
    p->out = n;
    p->in = in;
    p->taps = taps;
    p->stride = stride;
    p->panels = (n + panel - 1) / panel;
    p->phase_taps = (taps + phases - 1) / phases;
    if (__builtin_mul_overflow((size_t)p->panels * panel, (size_t)p->phase_taps * phases, &total) ||
        __builtin_mul_overflow(total, (size_t)in, &total) || total > SIZE_MAX / 1024) { /* padded, at seven points, 4 bytes each */
        cw_fail(err, CW_BAD_INPUT, "weight: %d x %d x %d is more than these kernels take", n, in, taps);
        goto done;
    }
    p->may16 = may16;
    p->may_nest = !d->nest_off;
    lay_out(p, NULL);
    if (d->packed && !d->packed_off && p->may_nest && (packed = cw_packed_find(d->packed, p, w, bias))) {
        p->borrowed = true;
        p->block = (unsigned char *)(uintptr_t)packed; /* only read */
        lay_out(p, p->block);
    } else {
        if (posix_memalign(&block, ALIGN, p->bytes) != 0) {
            cw_fail_memory(err, "weight");
            goto done;
        }
        p->block = block;
        lay_out(p, p->block);
        if (pack(p, d, w, bias, err) != 0)
            goto done;
    }
    *out = p;
    p = NULL;
    status = 0;
done:
    cw_weight_close(p);
    return status;
}

int cw_weight_open(struct cw_weight **p, struct cw_device *d, const float *w, int out, int in, int taps, const float *bias,
                   struct cw_error *err) {
    return open_weight(p, d, w, out, in, taps, 0, bias, false, err);
}

int cw_weight_open_transposed(struct cw_weight **p, struct cw_device *d, const float *w, int in, int out, int taps, int stride,
                              const float *bias, struct cw_error *err) {
    *p = NULL;
    if (stride < 1)
        return cw_fail(err, CW_BAD_INPUT, "transposed weight: expected a stride of at least 1, found %d", stride);
    return open_weight(p, d, w, out, in, taps, stride, bias, false, err);
}

static int check_16(int in, int taps, struct cw_error *err) {
    if (in > CW_IN16_MAX || taps > CW_TAPS16_MAX)
        return cw_fail(err, CW_BAD_INPUT, "16-bit weight: expected at most %d inputs and %d taps, found %d and %d", CW_IN16_MAX,
                       CW_TAPS16_MAX, in, taps);
    return 0;
}

int cw_weight_open_16(struct cw_weight **p, struct cw_device *d, const float *w, int out, int in, int taps, const float *bias,
                      struct cw_error *err) {
    *p = NULL;
    if (check_16(in, taps, err) != 0)
        return -1;
    return open_weight(p, d, w, out, in, taps, 0, bias, true, err);
}

int cw_weight_open_transposed_16(struct cw_weight **p, struct cw_device *d, const float *w, int in, int out, int taps, int stride,
                                 const float *bias, struct cw_error *err) {
    *p = NULL;
    if (stride < 1)
        return cw_fail(err, CW_BAD_INPUT, "transposed weight: expected a stride of at least 1, found %d", stride);
    if (check_16(in, taps, err) != 0)
        return -1;
    return open_weight(p, d, w, out, in, taps, stride, bias, true, err);
}

int cw_weight_set_bias(struct cw_weight *p, const float *bias, const float *bias2, struct cw_error *err) {
    void *block = NULL;

    if (p->packed)
        cw_packed_forget(p->packed, p);
    p->packed = NULL;
    if (p->borrowed) {
        if (posix_memalign(&block, ALIGN, p->bytes) != 0)
            return cw_fail_memory(err, "weight");
        memcpy(block, p->block, p->bytes);
        p->block = block;
        p->borrowed = false;
        lay_out(p, p->block);
    }
    for (int n = 0; n < p->out; n++)
        p->bias[n] = (bias ? bias[n] : 0) + (bias2 ? bias2[n] : 0);
    return 0;
}

void cw_weight_close(struct cw_weight *p) {
    if (!p)
        return;
    if (p->packed)
        cw_packed_forget(p->packed, p);
    if (!p->borrowed)
        free(p->block);
    free(p);
}

int cw_lstm_open(struct cw_lstm **out, struct cw_device *d, const float *ih, const float *hh, const float *bias_ih, const float *bias_hh,
                 int in, int hidden, struct cw_error *err) {
    struct cw_lstm *p = NULL;
    float *bias = NULL;
    int status = -1, i;

    *out = NULL;
    if (in < 1 || hidden < 1 || hidden > CW_LSTM_HIDDEN_MAX) {
        cw_fail(err, CW_BAD_INPUT, "lstm: expected inputs of at least 1 and 1 to %d hidden units, found %d and %d", CW_LSTM_HIDDEN_MAX, in,
                hidden);
        goto done;
    }
    p = calloc(1, sizeof *p);
    bias = calloc((size_t)hidden * 4, sizeof *bias);
    if (!p || !bias) {
        cw_fail_memory(err, "lstm");
        goto done;
    }
    p->in = in;
    p->hidden = hidden;
    for (i = 0; i < 4 * hidden; i++)
        bias[i] = (bias_ih ? bias_ih[i] : 0) + (bias_hh ? bias_hh[i] : 0);
    if (cw_weight_open(&p->ih, d, ih, 4 * hidden, in, 1, bias, err) != 0 ||
        cw_weight_open(&p->hh, d, hh, 4 * hidden, hidden, 1, NULL, err) != 0) {
        cw_fail_in(err, "lstm");
        goto done;
    }
    *out = p;
    p = NULL;
    status = 0;
done:
    free(bias);
    cw_lstm_close(p);
    return status;
}

void cw_lstm_close(struct cw_lstm *p) {
    if (!p)
        return;
    cw_weight_close(p->ih);
    cw_weight_close(p->hh);
    free(p);
}

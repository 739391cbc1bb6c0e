/* Weights: checked, then packed into the panels that the device's kernels read: [panels][taps][in][panel].
 *
 * A transposed convolution of stride s is s ordinary convolutions, one per phase of the output; phase p owns the taps
 * p, p + s, p + 2s ... and its panels follow those of the phase before. */
#include "kernels/internal.h"

#include <stdlib.h>
#include <string.h>

struct pack_job {
    const float *w;
    struct cw_weight *p;
    bool transposed;
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

/* One panel of the fast form: the polynomial of each four taps, at each point a, over the product of a's distances to the
 * other points (Lagrange); at infinity the last tap. */
static void pack_fast_panel(void *arg, int i) {
    static const double points[CW_FAST_POINTS - 1] = {0, 1, -1, 2, -2, 0.5};
    const struct pack_job *j = arg;
    const struct cw_weight *p = j->p;
    int panel = p->kernels->panel, point, g, c, v, k, l;
    float *to = p->fast + (size_t)i * CW_FAST_POINTS * p->fast_groups * p->in * panel;
    float piece[CW_FAST_POINTS][PANEL_MAX];
    double factors[CW_FAST_POINTS - 1];

    for (point = 0; point < CW_FAST_POINTS - 1; point++) {
        factors[point] = 1;
        for (l = 0; l < CW_FAST_POINTS - 1; l++)
            factors[point] /= l == point ? 1 : points[point] - points[l];
    }
    for (c = 0; c < p->in; c++)
        for (g = 0; g < p->fast_groups; g++) {
            int count = p->taps - g * CW_FAST_TILE < CW_FAST_TILE ? p->taps - g * CW_FAST_TILE : CW_FAST_TILE;

            for (v = 0; v < panel; v++) {
                size_t n = (size_t)i * panel + v;
                double w[CW_FAST_TILE] = {0};

                for (k = 0; k < count && (int)n < p->out; k++)
                    w[k] = j->w[(n * p->in + c) * p->taps + g * CW_FAST_TILE + k];
                for (point = 0; point < CW_FAST_POINTS - 1; point++) {
                    double a = points[point];

                    piece[point][v] = (float)((w[0] + a * (w[1] + a * (w[2] + a * w[3]))) * factors[point]);
                }
                piece[CW_FAST_POINTS - 1][v] = (float)w[3];
            }
            for (point = 0; point < CW_FAST_POINTS; point++)
                memcpy(to + (((size_t)point * p->fast_groups + g) * p->in + c) * panel, piece[point], (size_t)panel * sizeof(float));
        }
}

static int aligned_floats(float **data, size_t n, struct cw_error *err) {
    void *memory = NULL;

    if (n > SIZE_MAX / 8 || posix_memalign(&memory, 64, n * sizeof(float)) != 0)
        return cw_fail_memory(err, "weight"), -1;
    *data = memory;
    return 0;
}

static int open_weight(struct cw_weight **out, struct cw_device *d, const float *w, int n, int in, int taps, int stride, const float *bias,
                       struct cw_error *err) {
    struct cw_weight *p = NULL;
    struct pack_job job;
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
        __builtin_mul_overflow(total, (size_t)in, &total)) {
        cw_fail(err, CW_BAD_INPUT, "weight: %d x %d x %d is more than these kernels take", n, in, taps);
        goto done;
    }
    if (aligned_floats(&p->data, total, err) != 0 || aligned_floats(&p->bias, (size_t)p->panels * panel, err) != 0)
        goto done;
    memset(p->bias, 0, (size_t)p->panels * panel * sizeof(float));
    if (bias)
        memcpy(p->bias, bias, (size_t)n * sizeof(float));
    job = (struct pack_job){w, p, stride != 0};
    cw_parallel(d, p->panels * phases, pack_panel, &job);
    if (p->kernels->conv_fast && !stride && in <= CW_FAST_IN_MAX && taps >= CW_FAST_TAPS_MIN && taps <= CW_FAST_TAPS_MAX) {
        p->fast_groups = (taps + CW_FAST_TILE - 1) / CW_FAST_TILE;
        if (aligned_floats(&p->fast, (size_t)p->panels * panel * CW_FAST_POINTS * p->fast_groups * in, err) != 0)
            goto done;
        cw_parallel(d, p->panels, pack_fast_panel, &job);
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
    return open_weight(p, d, w, out, in, taps, 0, bias, err);
}

int cw_weight_open_transposed(struct cw_weight **p, struct cw_device *d, const float *w, int in, int out, int taps, int stride,
                              const float *bias, struct cw_error *err) {
    *p = NULL;
    if (stride < 1)
        return cw_fail(err, CW_BAD_INPUT, "transposed weight: expected a stride of at least 1, found %d", stride);
    return open_weight(p, d, w, out, in, taps, stride, bias, err);
}

void cw_weight_close(struct cw_weight *p) {
    if (!p)
        return;
    free(p->data);
    free(p->fast);
    free(p->bias);
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

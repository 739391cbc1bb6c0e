/* Plain C kernels: the oracle. Sums and functions in double, in the order that internal.h fixes; written to be read. */
#include "kernels/internal.h"

#include <math.h>

enum { PANEL = 8 };

static float activate(enum cw_act act, float slope, double v) {
    if (act == CW_ACT_LEAKY)
        return (float)(v < 0 ? v * slope : v);
    if (act == CW_ACT_GELU_TANH)
        return (float)(0.5 * v * (1 + tanh(0.79788456080286535588 * (v + 0.044715 * v * v * v)))); /* sqrt(2 / pi) */
    if (act == CW_ACT_GELU)
        return (float)(0.5 * v * erfc(-v * 0.70710678118654752440));
    return (float)v;
}

static void conv(const struct cw_conv_job *j, int row0, int row1, int panel0, int panel1) {
    int q, p, k, c, v, lo, hi;

    for (q = row0; q < row1; q++) {
        cw_conv_tap_range(j, q, &lo, &hi);
        for (p = panel0; p < panel1; p++) {
            double sum[PANEL] = {0};

            for (k = lo; k < hi; k++) {
                const float *x = j->x + ((ptrdiff_t)q * j->step + j->offset + (ptrdiff_t)k * j->dilation) * j->x_stride;
                const float *w = j->w + ((size_t)p * j->packed_taps + k) * j->in * PANEL;

                for (c = 0; c < j->in; c++)
                    for (v = 0; v < PANEL; v++)
                        sum[v] += (double)x[c] * (double)w[c * PANEL + v];
            }
            for (v = 0; v < PANEL && p * PANEL + v < j->out; v++) {
                int n = p * PANEL + v;
                float value = activate(j->act, j->slope, sum[v] + j->bias[n]);

                if (j->add)
                    value += j->add[(ptrdiff_t)q * j->add_stride + n];
                if (j->add2)
                    value += j->add2[(ptrdiff_t)q * j->add2_stride + n];
                if (j->add || j->add2)
                    value *= j->scale;
                value = value < 0 ? value * j->last_slope : value;
                j->y[(ptrdiff_t)q * j->y_stride + n] = value;
            }
        }
    }
}

static void depthwise(const struct cw_depthwise_job *j, int row0, int row1) {
    int t, c, k;

    for (t = row0; t < row1; t++)
        for (c = 0; c < j->x.cols; c++) {
            double sum = j->bias ? j->bias[c] : 0;

            for (k = (t + j->pad) % j->stride; k < j->taps; k += j->stride) {
                int i = (t + j->pad - k) / j->stride;

                if (t + j->pad >= k && i < j->x.rows)
                    sum += (double)j->x.data[(ptrdiff_t)i * j->x.stride + c] * (double)j->w[(size_t)c * j->taps + k];
            }
            j->y.data[(ptrdiff_t)t * j->y.stride + c] = (float)sum;
        }
}

static void layer_norm(const struct cw_layer_norm_job *j, int row0, int row1) {
    int r, c, n = j->x.cols;

    for (r = row0; r < row1; r++) {
        const float *x = j->x.data + (ptrdiff_t)r * j->x.stride;
        float *y = j->y.data + (ptrdiff_t)r * j->y.stride;
        double mean = 0, variance = 0, scale;

        for (c = 0; c < n; c++)
            mean += x[c];
        mean /= n;
        for (c = 0; c < n; c++)
            variance += (x[c] - mean) * (x[c] - mean);
        scale = 1 / sqrt(variance / n + j->eps);
        for (c = 0; c < n; c++)
            y[c] = (float)((x[c] - mean) * scale * (j->gain[c] + (j->add_one ? 1.0 : 0.0)) + j->shift[c]);
    }
}

static void column_stats(struct cw_mat x, int row0, int row1, int col0, int n, double *mean, double *m2) {
    int r, c;

    for (c = 0; c < n; c++) {
        const float *column = x.data + col0 + c;
        double sum = 0, squares = 0;

        for (r = row0; r < row1; r++)
            sum += column[(ptrdiff_t)r * x.stride];
        sum /= row1 - row0;
        for (r = row0; r < row1; r++)
            squares += (column[(ptrdiff_t)r * x.stride] - sum) * (column[(ptrdiff_t)r * x.stride] - sum);
        mean[c] = sum;
        m2[c] = squares;
    }
}

static void affine(const struct cw_affine_job *j, int row0, int row1) {
    const struct cw_affine *a = &j->affine;
    int r, c;

    for (r = row0; r < row1; r++) {
        const float *x = j->x.data + (ptrdiff_t)r * j->x.stride;
        float *y = j->y.data + (ptrdiff_t)r * j->y.stride;

        for (c = 0; c < j->x.cols; c++) {
            double v = ((double)x[c] - a->mean[c]) * a->gain[c] + a->shift[c];

            if (a->act == CW_NORM_LEAKY && v < 0)
                v *= a->slope;
            if (a->act == CW_NORM_SNAKE)
                v += sin(v * a->alpha[c]) * sin(v * a->alpha[c]) * a->inverse[c];
            y[c] = (float)v;
        }
    }
}

static void norm_backward_sums(const struct cw_norm_backward_job *j, int row0, int row1, int col0, int n, double *sum, double *product) {
    const struct cw_affine *a = &j->affine;
    int r, c;

    for (c = col0; c < col0 + n; c++) {
        sum[c - col0] = product[c - col0] = 0;
        for (r = row0; r < row1; r++) {
            const double from_mean = (double)j->x.data[(ptrdiff_t)r * j->x.stride + c] - a->mean[c];
            const double v = from_mean * a->gain[c] + a->shift[c];
            float *dy = j->dy.data + (ptrdiff_t)r * j->dy.stride + c;

            if (a->act == CW_NORM_LEAKY && v < 0)
                *dy *= a->slope;
            if (a->act == CW_NORM_SNAKE)
                *dy = (float)(*dy * (1 + (a->inverse[c] != 0 ? sin(2 * v * a->alpha[c]) : 0)));
            sum[c - col0] += *dy;
            product[c - col0] += *dy * from_mean;
        }
    }
}

static void norm_backward(const struct cw_norm_backward_job *j, int row0, int row1) {
    int r, c;

    for (r = row0; r < row1; r++) {
        const float *x = j->x.data + (ptrdiff_t)r * j->x.stride, *dy = j->dy.data + (ptrdiff_t)r * j->dy.stride;
        float *dx = j->dx.data + (ptrdiff_t)r * j->dx.stride;

        for (c = 0; c < j->x.cols; c++) {
            const double v =
                (double)dy[c] * j->affine.gain[c] + ((double)x[c] - j->affine.mean[c]) * j->slope[c] + j->offset[c] + (j->add ? dx[c] : 0);

            dx[c] = (float)v;
        }
    }
}

/* Two passes over the keys, so that no scores need keeping: the largest score, then exp(score - largest). */
static void attention(const struct cw_attention_job *j, int head, int row0, int row1) {
    int r, k, c, width = j->width, col = head * width;
    double sums[CW_ATTENTION_WIDTH_MAX];

    for (r = row0; r < row1; r++) {
        const float *q = j->q.data + (ptrdiff_t)r * j->q.stride + col;
        float *y = j->y.data + (ptrdiff_t)r * j->y.stride + col;
        double most = -INFINITY, total = 0;
        int pass;

        for (c = 0; c < width; c++)
            sums[c] = 0;
        for (pass = 0; pass < 2; pass++)
            for (k = 0; k < j->k.rows; k++) {
                const float *key = j->k.data + (ptrdiff_t)k * j->k.stride + col;
                const float *value = j->v.data + (ptrdiff_t)k * j->v.stride + col;
                double score = 0, weight;

                for (c = 0; c < width; c++)
                    score += (double)q[c] * (double)key[c];
                score *= j->scale;
                if (pass == 0) {
                    most = score > most ? score : most;
                    continue;
                }
                weight = exp(score - most);
                total += weight;
                for (c = 0; c < width; c++)
                    sums[c] += weight * value[c];
            }
        for (c = 0; c < width; c++)
            y[c] = (float)(sums[c] / total);
    }
}

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static void lstm(const struct cw_lstm_job *j) {
    int hidden = j->hidden, rows = j->y.rows, step, n, c;
    double cell[CW_LSTM_HIDDEN_MAX];

    for (c = 0; c < hidden; c++)
        cell[c] = 0;
    for (step = 0; step < rows; step++) {
        int t = j->reverse ? rows - 1 - step : step;
        float *gates = j->gates.data + (ptrdiff_t)t * j->gates.stride, *y = j->y.data + (ptrdiff_t)t * j->y.stride;
        const float *h = j->y.data + (ptrdiff_t)(j->reverse ? t + 1 : t - 1) * j->y.stride; /* of the step before */

        for (n = 0; step > 0 && n < 4 * hidden; n++) {
            const float *w = j->hh + (size_t)(n / PANEL) * hidden * PANEL + n % PANEL;
            double sum = gates[n];

            for (c = 0; c < hidden; c++)
                sum += (double)w[(size_t)c * PANEL] * (double)h[c];
            gates[n] = (float)sum;
        }
        for (c = 0; c < hidden; c++) { /* i, f, g, o */
            cell[c] = sigmoid(gates[hidden + c]) * cell[c] + sigmoid(gates[c]) * tanh(gates[2 * hidden + c]);
            y[c] = (float)(sigmoid(gates[3 * hidden + c]) * tanh(cell[c]));
        }
    }
}

static void map(enum cw_function f, const float *x, const float *z, float s, float *y, size_t n) {
    size_t i;

    for (i = 0; i < n; i++)
        switch (f) {
        case CW_F_LEAKY:
            y[i] = x[i] < 0 ? x[i] * s : x[i];
            break;
        case CW_F_ADD:
            y[i] = (x[i] + z[i]) * s;
            break;
        case CW_F_ADD_SCALED:
            y[i] = x[i] + z[i] * s;
            break;
        case CW_F_ADD_GATED:
            y[i] += x[i] * z[i];
            break;
        case CW_F_EXP:
            y[i] = (float)exp(x[i]);
            break;
        case CW_F_SIN:
            y[i] = (float)sin(x[i]);
            break;
        }
}

static double peak(int rounds) {
    double sum[4] = {0}, a = 1e-9;
    int k, i;

    for (k = 0; k < rounds; k++) {
        for (i = 0; i < 4; i++)
            sum[i] += a * a;
        __asm__ volatile("" : "+x"(a)); /* or the loop is one sum */
    }
    __asm__ volatile("" : : "m"(sum));
    return 4.0 * rounds;
}

const struct cw_kernels cw_kernels_c = {
    .isa = "c",
    .panel = PANEL,
    .tile = 1,
    .conv = conv,
    .depthwise = depthwise,
    .layer_norm = layer_norm,
    .column_stats = column_stats,
    .affine = affine,
    .norm_backward_sums = norm_backward_sums,
    .norm_backward = norm_backward,
    .attention = attention,
    .lstm = lstm,
    .map = map,
    .peak = peak,
};

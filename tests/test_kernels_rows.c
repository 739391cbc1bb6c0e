/* Kernels on rows and columns: norms, attention, LSTM, element by element: plain C against direct formulas, every instruction
 * set against plain C. */
#include "tests/kernels.h"

/* ---- norms ------------------------------------------------------------------------------------------------------------------ */

static void copy_rows(struct cw_mat from, struct cw_mat to) {
    int r;

    for (r = 0; r < to.rows; r++)
        memcpy(at(to, r, 0), at(from, r, 0), (size_t)to.cols * sizeof(float));
}

struct norm {
    struct cw_mat x;
    const float *gain, *shift, *alpha;
    bool add_one, in_place;
    enum cw_norm_act act;
    int layer; /* 1: layer norm, 0: instance norm */
};

static int norm_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct norm *n = ctx;
    struct cw_mat x = n->x;

    if (n->in_place) {
        copy_rows(x, y);
        x = y;
    }
    if (n->layer)
        return cw_layer_norm(d, x, n->gain, n->shift, n->add_one, 1e-5F, y, err);
    return cw_instance_norm(d, x, (struct cw_instance_norm_params){n->gain, n->shift, 1e-5F, n->act, 0.2F, n->alpha, {0}}, y, err);
}

static void norm_direct(const struct norm *n, struct cw_mat y) {
    int rows = y.rows, cols = y.cols, count = n->layer ? cols : rows, outer = n->layer ? rows : cols, i, j;

    for (i = 0; i < outer; i++) {
        double mean = 0, variance = 0;

        for (j = 0; j < count; j++)
            mean += n->layer ? *at(n->x, i, j) : *at(n->x, j, i);
        mean /= count;
        for (j = 0; j < count; j++)
            variance += pow((n->layer ? *at(n->x, i, j) : *at(n->x, j, i)) - mean, 2);
        variance /= count;
        for (j = 0; j < count; j++) {
            int r = n->layer ? i : j, c = n->layer ? j : i;
            double v = (*at(n->x, r, c) - mean) / sqrt(variance + 1e-5F) * (n->gain[c] + (n->layer && n->add_one ? 1.0 : 0)) + n->shift[c];

            if (!n->layer && n->act == CW_NORM_LEAKY)
                v = v > 0 ? v : v * 0.2F;
            if (!n->layer && n->act == CW_NORM_SNAKE)
                v += pow(sin(n->alpha[c] * v), 2) / n->alpha[c];
            *at(y, r, c) = (float)v;
        }
    }
}

static void norm_case(int layer, int rows, int cols, bool add_one, bool in_place, enum cw_norm_act act, float offset) {
    float *gain = random_floats((size_t)cols, 11, 1), *shift = random_floats((size_t)cols, 12, 1),
          *alpha = random_floats((size_t)cols, 13, 1);
    struct norm n = {random_mat(rows, cols, cols + 3, 10, 1), gain, shift, alpha, add_one, in_place, act, layer};
    struct block want = block_open(rows, cols, cols), got = block_open(rows, cols, cols);
    struct cw_device *d = device("c", 1);
    struct cw_error err = {0};
    char what[160];
    double diff;
    int r, c;

    for (c = 0; c < cols; c++)
        alpha[c] = 0.3F + fabsf(alpha[c]);
    for (r = 0; r < rows; r++)
        for (c = 0; c < cols; c++)
            *at(n.x, r, c) += offset * (float)(1 + c % 3);
    snprintf(what, sizeof what, "%s norm of %d x %d around %g, act %d%s%s", layer ? "layer" : "instance", rows, cols, (double)offset,
             (int)act, in_place ? ", in place" : "", add_one ? ", 1 + gain" : "");
    compare(what, norm_run, &n, rows, cols, cols + 5, offset != 0 ? 1e-5 : 2e-6);
    norm_direct(&n, want.m);
    CHECKF(norm_run(d, &n, got.m, &err) == 0, "%s: %s", what, err.text);
    diff = difference(got.m, want.m);
    CHECKF(diff <= 1e-6, "%s on c: differs from the definition by %.3g", what, diff);
    cw_device_close(d);
    block_close(&want);
    block_close(&got);
    free(n.x.data);
    free(gain);
    free(shift);
    free(alpha);
}

static void test_layer_norm(void) {
    static const int rows[] = {1, 31, 65}, cols[] = {2, 22, 31, 128, 514, 768};
    size_t r, c;

    for (r = 0; r < 3; r++)
        for (c = 0; c < 6; c++)
            norm_case(1, rows[r], cols[c], (r + c) % 2 == 0, (r + c) % 3 == 0, CW_NORM_NONE, 0);
    norm_case(1, 33, 514, true, true, CW_NORM_NONE, 10);
}

static void test_instance_norm(void) {
    static const int rows[] = {2, 31, 33, 65, 129, 132, 4097}, cols[] = {1, 22, 31, 128, 514};
    size_t r, c;

    for (r = 0; r < 7; r++)
        for (c = 0; c < 5; c++)
            if (rows[r] * cols[c] < 1000000)
                norm_case(0, rows[r], cols[c], false, (r + c) % 2 == 0, (enum cw_norm_act)((r + c) % 3), 0);
    norm_case(0, 1025, 33, false, true, CW_NORM_SNAKE, 30); /* deviations far smaller than the mean; two chunks */
    norm_case(0, 66000, 3, false, false, CW_NORM_NONE, 0);  /* more rows than chunks of the least size */
}

struct response {
    struct cw_mat x;
    const float *gain, *shift;
    bool in_place;
};

static int response_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct response *n = ctx;
    struct cw_mat x = n->x;

    if (n->in_place) {
        copy_rows(x, y);
        x = y;
    }
    return cw_response_norm(d, x, n->gain, n->shift, y, err);
}

static void response_case(int rows, int cols, bool in_place) {
    float *gain = random_floats((size_t)cols, 15, 1), *shift = random_floats((size_t)cols, 16, 1);
    struct response n = {random_mat(rows, cols, cols + 3, 14, 1), gain, shift, in_place};
    struct block want = block_open(rows, cols, cols), got = block_open(rows, cols, cols);
    double *length = calloc((size_t)cols, sizeof *length), mean = 0, diff;
    struct cw_device *d = device("c", 1);
    struct cw_error err = {0};
    char what[100];
    int r, c;

    if (!length)
        abort();
    snprintf(what, sizeof what, "response norm of %d x %d%s", rows, cols, in_place ? ", in place" : "");
    compare(what, response_run, &n, rows, cols, cols + 5, 2e-6);
    for (c = 0; c < cols; c++) {
        for (r = 0; r < rows; r++)
            length[c] += pow(*at(n.x, r, c), 2);
        length[c] = sqrt(length[c]);
        mean += length[c] / cols;
    }
    for (r = 0; r < rows; r++)
        for (c = 0; c < cols; c++)
            *at(want.m, r, c) = (float)(*at(n.x, r, c) * (1 + gain[c] * length[c] / (mean + 1e-6)) + shift[c]);
    CHECKF(response_run(d, &n, got.m, &err) == 0, "%s: %s", what, err.text);
    diff = difference(got.m, want.m);
    CHECKF(diff <= 1e-6, "%s on c: differs from the definition by %.3g", what, diff);
    cw_device_close(d);
    block_close(&want);
    block_close(&got);
    free(length);
    free(n.x.data);
    free(gain);
    free(shift);
}

static void test_response_norm(void) {
    static const int rows[] = {1, 31, 129, 1025}, cols[] = {1, 22, 31, 514};
    size_t r, c;

    for (r = 0; r < 4; r++)
        for (c = 0; c < 4; c++)
            response_case(rows[r], cols[c], (r + c) % 2 == 0);
}

/* ---- attention, LSTM --------------------------------------------------------------------------------------------------------- */

static int attention_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct attention *a = ctx;

    return cw_attention(d, a->q, a->k, a->v, a->heads, y, err);
}

static void attention_case(int rows, int keys, int heads, int width, float scale) {
    int cols = heads * width, h, r, k, c;
    struct attention a = attention_open(rows, keys, heads, width, scale);
    struct block want = block_open(rows, cols, cols), got = block_open(rows, cols, cols);
    double *p = malloc(sizeof *p * (size_t)keys), diff;
    struct cw_device *d = device("c", 1);
    struct cw_error err = {0};
    char what[100];

    if (!p)
        abort();
    snprintf(what, sizeof what, "attention %d x %d, %d heads of %d, scale %g", rows, keys, heads, width, (double)scale);
    compare(what, attention_run, &a, rows, cols, cols + 5, 1e-6 * fmax(4, scale * 2));
    for (h = 0; h < heads; h++)
        for (r = 0; r < rows; r++) {
            double most = -INFINITY, total = 0;

            for (k = 0; k < keys; k++) {
                p[k] = 0;
                for (c = 0; c < width; c++)
                    p[k] += (double)*at(a.q, r, h * width + c) * (double)*at(a.k, k, h * width + c);
                p[k] /= sqrt(width);
                most = fmax(most, p[k]);
            }
            for (k = 0; k < keys; k++)
                total += p[k] = exp(p[k] - most);
            for (c = 0; c < width; c++) {
                double sum = 0;

                for (k = 0; k < keys; k++)
                    sum += p[k] / total * *at(a.v, k, h * width + c);
                *at(want.m, r, h * width + c) = (float)sum;
            }
        }
    CHECKF(attention_run(d, &a, got.m, &err) == 0, "%s: %s", what, err.text);
    diff = difference(got.m, want.m);
    CHECKF(diff <= 1e-6 * fmax(1, scale / 4), "%s on c: differs from the definition by %.3g", what, diff);
    cw_device_close(d);
    block_close(&want);
    block_close(&got);
    attention_close(&a);
    free(p);
}

static void test_attention(void) {
    attention_case(1, 1, 1, 1, 1);
    attention_case(31, 31, 12, 64, 1);
    attention_case(33, 65, 3, 22, 1);
    attention_case(65, 33, 2, 31, 3);
    attention_case(129, 129, 2, 64, 30); /* weights near 0 and 1 */
    attention_case(5, 513, 1, 128, 1);
    attention_case(2, 64, 1, 256, 1);
    attention_case(461, 81, 1, 64, 1); /* more rows and numbers than one task takes */
    attention_case(131, 20, 1, 250, 1);
}

struct lstm {
    struct cw_mat x;
    const float *w[2][4]; /* direction: ih, hh, bias_ih, bias_hh */
    int in, hidden;
};

static int lstm_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct lstm *l = ctx;
    struct cw_lstm *p[2] = {0};
    struct block scratch = block_open(l->x.rows, 8 * l->hidden, 8 * l->hidden + 1);
    int status = -1, i;

    for (i = 0; i < 2; i++)
        if (cw_lstm_open(&p[i], d, l->w[i][0], l->w[i][1], l->w[i][2], l->w[i][3], l->in, l->hidden, err) != 0)
            goto done;
    status = cw_lstm_bidirectional(d, l->x, p[0], p[1], scratch.m, y, err);
    CHECKF(block_kept(&scratch), "lstm wrote outside its scratch");
done:
    cw_lstm_close(p[0]);
    cw_lstm_close(p[1]);
    block_close(&scratch);
    return status;
}

static void lstm_case(int rows, int in, int hidden) {
    struct lstm l = {.x = random_mat(rows, in, in + 3, 30, 1), .in = in, .hidden = hidden};
    struct block want = block_open(rows, 2 * hidden, 2 * hidden), got = block_open(rows, 2 * hidden, 2 * hidden);
    double *h = calloc((size_t)hidden * 6, sizeof *h), *c = h + hidden, *g = h + 2 * hidden, diff;
    float *weights[2][4];
    struct cw_device *d = device("c", 1);
    struct cw_error err = {0};
    char what[100];
    int dir, i, j, step;

    if (!h)
        abort();
    for (dir = 0; dir < 2; dir++) {
        size_t sizes[4] = {(size_t)4 * hidden * in, (size_t)4 * hidden * hidden, (size_t)4 * hidden, (size_t)4 * hidden};

        for (i = 0; i < 4; i++)
            l.w[dir][i] = weights[dir][i] =
                random_floats(sizes[i], (uint64_t)(40 + dir * 4 + i), i < 2 ? 2 / sqrtf((float)(in + hidden)) : 0.3F);
    }
    snprintf(what, sizeof what, "lstm %d x %d -> %d", rows, in, hidden);
    compare(what, lstm_run, &l, rows, 2 * hidden, 2 * hidden + 5, 1e-5);
    for (dir = 0; dir < 2; dir++) {
        memset(h, 0, sizeof *h * (size_t)hidden * 2);
        for (step = 0; step < rows; step++) {
            int t = dir ? rows - 1 - step : step;

            for (i = 0; i < 4 * hidden; i++) {
                g[i] = (double)l.w[dir][2][i] + (double)l.w[dir][3][i];
                for (j = 0; j < in; j++)
                    g[i] += (double)l.w[dir][0][(size_t)i * in + j] * (double)*at(l.x, t, j);
                for (j = 0; j < hidden; j++)
                    g[i] += (double)l.w[dir][1][(size_t)i * hidden + j] * h[j];
            }
            for (j = 0; j < hidden; j++) {
                double in_gate = 1 / (1 + exp(-g[j])), forget = 1 / (1 + exp(-g[hidden + j])), out = 1 / (1 + exp(-g[3 * hidden + j]));

                c[j] = forget * c[j] + in_gate * tanh(g[2 * hidden + j]);
                h[j] = out * tanh(c[j]);
                *at(want.m, t, dir * hidden + j) = (float)h[j];
            }
        }
    }
    CHECKF(lstm_run(d, &l, got.m, &err) == 0, "%s: %s", what, err.text);
    diff = difference(got.m, want.m);
    CHECKF(diff <= 3e-6, "%s on c: differs from the definition by %.3g", what, diff);
    cw_device_close(d);
    block_close(&want);
    block_close(&got);
    for (i = 0; i < 8; i++)
        free(weights[i / 4][i % 4]);
    free(l.x.data);
    free(h);
}

static void test_lstm(void) {
    lstm_case(1, 1, 1);
    lstm_case(2, 22, 7);
    lstm_case(33, 31, 33);
    lstm_case(65, 640, 256);
    lstm_case(129, 5, 16);
}

/* ---- element by element -------------------------------------------------------------------------------------------------------- */

enum which { LEAKY, ADD, ADD_SCALED, ADD_GATED, COPY, FILL, EXP, SIN, SILU, MISH, ELEMENTS, REPEAT = ELEMENTS, GATHER };
struct elements {
    enum which which;
    struct cw_mat x, z;
    const float *row;
    const int *index;
    bool in_place;
};

static int elements_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct elements *e = ctx;
    struct cw_mat x = e->x;

    if (e->in_place) {
        copy_rows(x, y);
        x = y;
    } else if (e->which == ADD_GATED) {
        copy_rows(e->z, y);
    }
    switch (e->which) {
    case LEAKY:
        return cw_leaky(d, x, 0.1F, y, err);
    case ADD:
        return cw_add(d, x, e->z, 0.70710678F, y, err);
    case ADD_SCALED:
        return cw_add_scaled(d, e->z, x, 0.70710678F, y, err);
    case ADD_GATED:
        return cw_add_gated(d, x, e->row, y, err);
    case COPY:
        return cw_copy(d, x, y, err);
    case FILL:
        return cw_fill_rows(d, e->row, y, err);
    case EXP:
        return cw_exp(d, x, y, err);
    case SIN:
        return cw_sin(d, x, y, err);
    case SILU:
        return cw_silu(d, x, y, err);
    case MISH:
        return cw_mish(d, x, y, err);
    case REPEAT:
        return cw_repeat_rows(d, x, e->index, y, err);
    default:
        return cw_gather_rows(d, e->row, 40, e->index, y, err);
    }
}

/* *size: of the largest number on the way, 1 or more */
static double element_direct(const struct elements *e, int r, int c, double *size) {
    double x = *at(e->x, r, c), a = 0, b = 0;

    switch (e->which) {
    case LEAKY:
        a = x > 0 ? x : x * 0.1F;
        break;
    case ADD:
        a = (x + *at(e->z, r, c)) * 0.70710678;
        break;
    case ADD_SCALED:
        a = *at(e->z, r, c);
        b = x * 0.70710678F;
        break;
    case ADD_GATED:
        a = e->in_place ? x : *at(e->z, r, c);
        b = x * e->row[c];
        break;
    case COPY:
        a = x;
        break;
    case FILL:
        a = e->row[c];
        break;
    case EXP:
        a = exp(x);
        break;
    case SILU:
        a = x / (1 + exp(-x));
        break;
    case MISH:
        a = x * tanh(log1p(exp(x)));
        break;
    default:
        a = sin(x);
        break;
    }
    *size = fmax(1, fmax(fabs(a), fabs(b)));
    return a + b;
}

static void test_elements(void) {
    static const int rows[] = {1, 31, 33, 65, 129, 4097}, cols[] = {1, 22, 31, 128, 514};
    static const struct {
        const char *name;
        bool may_be_in_place;
        double apart, off; /* at most: from plain C, and plain C from the definition */
    } known[ELEMENTS] = {
        [LEAKY] = {"leaky", true, 3e-7, 1.5e-7},    [ADD] = {"add", true, 3e-7, 1.5e-7}, [ADD_SCALED] = {"add_scaled", true, 0, 2e-7},
        [ADD_GATED] = {"add_gated", true, 0, 2e-7}, [COPY] = {"copy", false, 0, 0},      [FILL] = {"fill_rows", false, 0, 0},
        [EXP] = {"exp", true, 3e-7, 1.5e-7},        [SIN] = {"sin", true, 3e-7, 1.5e-7}, [SILU] = {"silu", true, 0, 3e-7},
        [MISH] = {"mish", true, 0, 3e-7},
    };
    size_t i, j;
    int which, r, c;

    for (which = 0; which < ELEMENTS; which++)
        for (i = 0; i < 6; i++)
            for (j = 0; j < 5; j++) {
                int T = rows[i], C = cols[j], pad = (int)(i + j) % 2 * 3; /* dense and not */
                float *row = random_floats((size_t)C, 52, 1);
                struct elements e = {(enum which)which,
                                     random_mat(T, C, C + pad, 50, 3),
                                     random_mat(T, C, C + pad, 51, 1),
                                     row,
                                     NULL,
                                     known[which].may_be_in_place && (i + j) % 3 == 0};
                struct block got = block_open(T, C, C + pad);
                struct cw_device *d = device("c", 2);
                struct cw_error err = {0};
                double worst = 0;

                if ((size_t)T * C > 1000000) {
                    T = 515; /* plain C is slow */
                    e.x.rows = e.z.rows = got.m.rows = T;
                    got.n = (size_t)T * (C + pad) + 2 * GUARD;
                }
                compare(known[which].name, elements_run, &e, T, C, C + pad, known[which].apart);
                CHECK(elements_run(d, &e, got.m, &err) == 0);
                for (r = 0; r < T; r++)
                    for (c = 0; c < C; c++) {
                        double size, want = element_direct(&e, r, c, &size);

                        worst = fmax(worst, fabs(*at(got.m, r, c) - want) / size);
                    }
                CHECKF(worst <= known[which].off, "%s on c: differs from the definition by %.3g", known[which].name, worst);
                cw_device_close(d);
                block_close(&got);
                free(e.x.data);
                free(e.z.data);
                free(row);
            }
}

static void test_rows(void) {
    enum { IN = 33, C = 31, V = 40 };
    int repeats[IN], ids[257], total = 0, r, k, out = 0;
    float *table = random_floats((size_t)V * C, 61, 1);
    struct elements e = {REPEAT, random_mat(IN, C, C + 2, 60, 1), {0}, table, repeats, false};
    struct block y;
    struct cw_device *d = device("c", 1);
    struct cw_error err = {0};

    for (r = 0; r < IN; r++)
        total += repeats[r] = r % 5;
    for (r = 0; r < 257; r++)
        ids[r] = r * 7 % V;
    compare("repeat_rows", elements_run, &e, total, C, C + 1, 0);
    y = block_open(total, C, C);
    CHECK(elements_run(d, &e, y.m, &err) == 0);
    for (r = 0; r < IN; r++)
        for (k = 0; k < repeats[r]; k++)
            CHECK(memcmp(at(y.m, out++, 0), at(e.x, r, 0), C * sizeof(float)) == 0);
    CHECK(out == total);
    block_close(&y);
    e.which = GATHER;
    e.index = ids;
    compare("gather_rows", elements_run, &e, 257, C, C + 1, 0);
    y = block_open(257, C, C);
    CHECK(elements_run(d, &e, y.m, &err) == 0);
    for (r = 0; r < 257; r++)
        CHECK(memcmp(at(y.m, r, 0), table + (size_t)ids[r] * C, C * sizeof(float)) == 0);
    block_close(&y);
    cw_device_close(d);
    free(e.x.data);
    free(table);
}

struct rotation {
    struct cw_mat x, turn;
    bool in_place;
};

static int rotation_run(struct cw_device *d, void *ctx, struct cw_mat y, struct cw_error *err) {
    const struct rotation *o = ctx;
    struct cw_mat x = o->x;

    if (o->in_place) {
        copy_rows(x, y);
        x = y;
    }
    return cw_rotate_pairs(d, x, o->turn, y, err);
}

static void rotation_case(int rows, int heads, int width, int period, bool in_place) {
    const int cols = heads * width;
    struct rotation o = {random_mat(rows, cols, cols + 3, 70, 1), random_mat(period, width, width + (period > 1 ? 2 : 0), 71, 1), in_place};
    struct block got = block_open(rows, cols, cols + 1);
    struct cw_device *d = device("c", 1);
    struct cw_error err = {0};
    double worst = 0;
    char what[100];
    int r, c;

    snprintf(what, sizeof what, "rotation of %d rows, %d heads of %d, period %d%s", rows, heads, width, period,
             in_place ? ", in place" : "");
    for (r = 0; r < period; r++)
        for (c = 0; c < width; c += 2) {
            const double angle = *at(o.turn, r, c);

            *at(o.turn, r, c) = (float)cos(angle);
            *at(o.turn, r, c + 1) = (float)sin(angle);
        }
    compare(what, rotation_run, &o, rows, cols, cols + 5, 0);
    CHECKF(rotation_run(d, &o, got.m, &err) == 0, "%s: %s", what, err.text);
    for (r = 0; r < rows; r++)
        for (c = 0; c < cols; c += 2) {
            const double a = *at(o.x, r, c), b = *at(o.x, r, c + 1), cosine = *at(o.turn, r % period, c % width),
                         sine = *at(o.turn, r % period, c % width + 1), size = fmax(1, hypot(a, b));

            worst = fmax(worst, fabs(*at(got.m, r, c) - (a * cosine - b * sine)) / size);
            worst = fmax(worst, fabs(*at(got.m, r, c + 1) - (a * sine + b * cosine)) / size);
        }
    CHECKF(worst <= 1.5e-7, "%s on c: differs from the definition by %.3g", what, worst);
    cw_device_close(d);
    block_close(&got);
    free(o.x.data);
    free(o.turn.data);
}

static void test_rotation(void) {
    rotation_case(1, 1, 2, 1, false);
    rotation_case(31, 3, 6, 31, true);
    rotation_case(65, 1, 64, 33, false); /* two halves, the second shorter */
    rotation_case(129, 16, 64, 43, true);
    rotation_case(33, 5, 22, 100, false);
    rotation_case(4097, 2, 10, 1, true);
}

/* Over their whole ranges, on every instruction set, against the double functions of the C library. */
static void test_functions(void) {
    enum { N = 100003 };
    static float x[N], y[N], one[1] = {1}, zero[1] = {0};
    struct cw_mat mx = {x, N, 1, 1}, my = {y, N, 1, 1};
    struct cw_error err = {0};
    const char *const *isa;
    int i;

    for (isa = cw_device_isas(); *isa; isa++) {
        struct cw_device *d = device(*isa, 2);
        double worst = 0, far = 0, relative = 0, snake = 0, silu = 0, mish = 0;
        double sum = 0, squares = 0, mean, deviation;
        struct cw_instance_norm_params p = {one, zero, 0, CW_NORM_SNAKE, 0, one, {0}};

        for (i = 0; i < N; i++)
            x[i] = (float)(i - N / 2) * 0.1F; /* to 5,000 rad */
        CHECK(cw_sin(d, mx, my, &err) == 0);
        for (i = 0; i < N; i++)
            worst = fmax(worst, fabs(y[i] - sin(x[i])));
        CHECKF(worst < 1.5e-7, "%s: sin is off by %.3g", *isa, worst);
        for (i = 0; i < N; i++)
            x[i] *= 977; /* to 4.9 million */
        CHECK(cw_sin(d, mx, my, &err) == 0);
        for (i = 0; i < N; i++)
            far = fmax(far, fabs(y[i] - sin(x[i])));
        CHECKF(far < 2e-7, "%s: sin of large numbers is off by %.3g", *isa, far);
        for (i = 0; i < N; i++)
            x[i] = -87 + 175 * (float)i / N;
        CHECK(cw_exp(d, mx, my, &err) == 0);
        for (i = 0; i < N; i++)
            relative = fmax(relative, fabs(y[i] / exp(x[i]) - 1));
        CHECKF(relative < 2e-7, "%s: exp is off by %.3g of its value", *isa, relative);
        x[0] = -INFINITY;
        x[1] = -1000;
        x[2] = 1000;
        x[3] = INFINITY;
        x[4] = NAN;
        x[5] = 0;
        x[6] = -100;
        CHECK(cw_exp(d, mx, my, &err) == 0);
        CHECK(y[0] == 0 && y[1] == 0 && y[2] == INFINITY && y[3] == INFINITY && isnan(y[4]) && y[5] == 1);
        CHECK(y[6] > 0 && y[6] < 1e-42F);
        CHECK(cw_sin(d, mx, my, &err) == 0);
        CHECK(isnan(y[0]) && isnan(y[3]) && isnan(y[4]) && y[5] == 0);
        CHECK(cw_silu(d, mx, my, &err) == 0);
        CHECK(y[1] == 0 && y[2] == 1000 && isnan(y[4]) && y[5] == 0);
        CHECK(cw_mish(d, mx, my, &err) == 0);
        CHECK(y[1] == 0 && y[2] == 1000 && isnan(y[4]) && y[5] == 0);
        for (i = 0; i < N; i++)
            x[i] = -100 + 200 * (float)i / N;
        CHECK(cw_silu(d, mx, my, &err) == 0);
        for (i = 0; i < N; i++)
            silu = fmax(silu, fabs(y[i] - x[i] / (1 + exp(-(double)x[i]))) / fmax(1, fabs(x[i])));
        CHECKF(silu < 2e-7, "%s: SiLU is off by %.3g", *isa, silu);
        CHECK(cw_mish(d, mx, my, &err) == 0);
        for (i = 0; i < N; i++)
            mish = fmax(mish, fabs(y[i] - x[i] * tanh(log1p(exp((double)x[i])))) / fmax(1, fabs(x[i])));
        CHECKF(mish < 2e-7, "%s: Mish is off by %.3g", *isa, mish);
        /* Snake, alone: gain = deviation and shift = mean undo the normalisation up to rounding */
        for (i = 0; i < N; i++) {
            x[i] = (float)(i - N / 2) * 0.0004F; /* to 20 */
            sum += x[i];
        }
        mean = sum / N;
        for (i = 0; i < N; i++)
            squares += (x[i] - mean) * (x[i] - mean);
        deviation = sqrt(squares / N);
        one[0] = (float)deviation;
        zero[0] = (float)mean;
        p.alpha = (const float[]){2.5F};
        CHECK(cw_instance_norm(d, mx, p, my, &err) == 0);
        for (i = 0; i < N; i++) {
            float v = (float)((x[i] - mean) / deviation) * one[0] + zero[0];
            double want = v + pow(sin(2.5 * (double)v), 2) / 2.5;

            snake = fmax(snake, fabs(y[i] - want));
        }
        CHECKF(snake < 8e-6, "%s: Snake is off by %.3g", *isa, snake); /* 4 roundings of numbers near 20 */
        one[0] = 1;
        zero[0] = 0;
        cw_device_close(d);
    }
}

const struct cw_test cw_tests_kernels_rows[] = {
    {"kernels.layer_norm", "layer norm of odd widths, in place, with 1 + gain", test_layer_norm},
    {"kernels.instance_norm", "instance norm with leaky and Snake, chunked statistics", test_instance_norm},
    {"kernels.response_norm", "global response norm against the definition, in place", test_response_norm},
    {"kernels.attention", "softmax attention, blocks of keys against the definition", test_attention},
    {"kernels.lstm", "both directions against the recurrence in double", test_lstm},
    {"kernels.elements", "leaky, sums, copy, fill, exp, sin, SiLU, Mish", test_elements},
    {"kernels.rotation", "pairs of columns turn by their row's angles, by a period of rows", test_rotation},
    {"kernels.rows", "repeat and gather rows", test_rows},
    {"kernels.functions", "sin, exp, SiLU, Mish and Snake over their ranges, and their special values", test_functions},
    {0},
};

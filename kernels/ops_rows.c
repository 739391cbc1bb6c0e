/* Launchers of what works on rows and columns: norms, attention, element by element, copies. */
#include "kernels/internal.h"

#include <math.h>
#include <string.h>

enum {
    TASK_ELEMENTS = 16384, /* elements of one task */
    STATS_CHUNK = 1024,    /* fewest rows of a chunk */
};

static int rows_per_task(struct cw_mat m) {
    int rows = TASK_ELEMENTS / m.cols;

    return rows < 1 ? 1 : rows;
}

/* A task takes the rows [i * step, (i + 1) * step) of y. */
struct row_tasks {
    const struct cw_kernels *kernels;
    int step;
    struct cw_mat x, z, y;
    const void *job; /* of the operation */
    /* maps */
    enum cw_function map;
    float s;
    const float *row; /* [C], or a table's first */
    /* copies */
    const int *index;
};

static int last_row(const struct row_tasks *t, int i) {
    int64_t end = (int64_t)(i + 1) * t->step;

    return end < t->y.rows ? (int)end : t->y.rows;
}

static void run_rows(struct cw_device *d, struct row_tasks *t, void (*task)(void *, int)) {
    int n, i;

    t->kernels = d->kernels;
    if (t->step == 0)
        t->step = rows_per_task(t->y);
    n = (t->y.rows + t->step - 1) / t->step;
    if (n <= 1) {
        for (i = 0; i < n; i++)
            task(t, i);
    } else {
        cw_parallel(d, n, task, t);
    }
}

/* ---- norms -------------------------------------------------------------------------------------------------------------- */

static void layer_norm_task(void *arg, int i) {
    const struct row_tasks *t = arg;

    t->kernels->layer_norm(t->job, i * t->step, last_row(t, i));
}

int cw_layer_norm(struct cw_device *d, struct cw_mat x, const float *gain, const float *shift, bool add_one, float eps, struct cw_mat y,
                  struct cw_error *err) {
    struct cw_layer_norm_job job = {x, y, gain, shift, add_one, eps};
    struct row_tasks t = {.y = y, .job = &job};

    if (cw_check_mat("layer_norm", "x", x, err) != 0 || cw_check_shape("layer_norm", "y", y, x.rows, x.cols, err) != 0)
        return -1;
    if (!gain || !shift)
        return cw_fail(err, CW_BAD_INPUT, "layer_norm: expected gain and shift of %d numbers, found none", x.cols);
    run_rows(d, &t, layer_norm_task);
    return 0;
}

/* Slot (group, chunk) holds the statistics of one group of columns over one chunk of rows; the cut depends on the shape
 * alone and the chunks are joined in order, so the bytes do not depend on threads. */
struct stats_tasks {
    const struct cw_kernels *kernels;
    struct cw_mat x;
    struct cw_stats_split cut;
    double mean[CW_STATS_SLOTS][CW_STATS_COLS], m2[CW_STATS_SLOTS][CW_STATS_COLS];
};

static void stats_task(void *arg, int i) {
    struct stats_tasks *t = arg;
    int group = i % t->cut.groups, chunk = i / t->cut.groups, col0 = group * CW_STATS_COLS, n = t->x.cols - col0;
    int64_t row0 = (int64_t)chunk * t->cut.chunk_rows, row1 = row0 + t->cut.chunk_rows;

    if (n > CW_STATS_COLS)
        n = CW_STATS_COLS;
    if (row1 > t->x.rows)
        row1 = t->x.rows;
    t->kernels->column_stats(t->x, (int)row0, (int)row1, col0, n, t->mean[i], t->m2[i]);
}

static void affine_task(void *arg, int i) {
    const struct row_tasks *t = arg;

    t->kernels->affine(t->job, i * t->step, last_row(t, i));
}

/* m [3, C]: mean, what is left of it beyond a float, variance. */
void cw_moments_put(struct cw_mat m, int c, double mean, double variance) {
    m.data[c] = (float)mean;
    m.data[m.stride + c] = (float)(mean - (double)m.data[c]);
    m.data[2 * (ptrdiff_t)m.stride + c] = (float)variance;
}

struct cw_stats_split cw_stats_split(int rows, int cols, int least) {
    struct cw_stats_split s = {.groups = (cols + CW_STATS_COLS - 1) / CW_STATS_COLS};
    s.chunks = CW_STATS_SLOTS / s.groups;
    s.chunk_rows = (rows + s.chunks - 1) / s.chunks;
    if (s.chunk_rows < least)
        s.chunk_rows = least;
    s.chunks = (rows + s.chunk_rows - 1) / s.chunk_rows;
    return s;
}

int cw_column_moments(struct cw_device *d, struct cw_mat x, struct cw_mat m, struct cw_error *err) {
    static const char *const what = "column_moments";
    struct stats_tasks s;
    int c, k;

    if (cw_check_mat(what, "x", x, err) != 0 || cw_check_shape(what, "moments", m, 3, x.cols, err) != 0)
        return -1;
    if (x.cols > CW_NORM_COLS)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected at most %d columns, found %d", what, CW_NORM_COLS, x.cols);
    if (x.rows == 0) {
        for (c = 0; c < x.cols; c++)
            cw_moments_put(m, c, 0, 0);
        return 0;
    }
    s.kernels = d->kernels;
    s.x = x;
    s.cut = cw_stats_split(x.rows, x.cols, STATS_CHUNK);
    cw_parallel(d, s.cut.groups * s.cut.chunks, stats_task, &s);
    for (c = 0; c < x.cols; c++) {
        int group = c / CW_STATS_COLS, col = c % CW_STATS_COLS;
        double mean = s.mean[group][col], m2 = s.m2[group][col], rows = s.cut.chunk_rows;

        for (k = 1; k < s.cut.chunks; k++) {
            int slot = k * s.cut.groups + group;
            double n = k == s.cut.chunks - 1 ? x.rows - (double)k * s.cut.chunk_rows : s.cut.chunk_rows;

            cw_stats_join(rows, &mean, &m2, n, s.mean[slot][col], s.m2[slot][col]);
            rows += n;
        }
        cw_moments_put(m, c, mean, m2 / x.rows);
    }
    return 0;
}

int cw_norm_prepare(const char *what, struct cw_device *d, struct cw_mat x, const struct cw_instance_norm_params *p, struct cw_norm *n,
                    struct cw_error *err) {
    struct cw_mat moments = p->moments;
    int c;

    if (cw_check_mat(what, "x", x, err) != 0)
        return -1;
    if (x.cols > CW_NORM_COLS)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected at most %d columns, found %d", what, CW_NORM_COLS, x.cols);
    if (!p->gain || !p->shift || (p->act == CW_NORM_SNAKE && !p->alpha))
        return cw_fail(err, CW_BAD_INPUT, "%s: expected gain, shift and alpha (for Snake) of %d numbers, found none", what, x.cols);
    if ((int)p->act < CW_NORM_NONE || p->act > CW_NORM_SNAKE)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected an activation of 0 to %d, found %d", what, CW_NORM_SNAKE, (int)p->act);
    if (!moments.data) {
        moments = (struct cw_mat){n->moments[0], 3, x.cols, CW_NORM_COLS};
        if (cw_column_moments(d, x, moments, err) != 0)
            return -1;
    }
    if (cw_check_shape(what, "moments", moments, 3, x.cols, err) != 0)
        return -1;
    for (c = 0; c < x.cols; c++) {
        const double scale = p->gain[c] / sqrt((double)moments.data[2 * (ptrdiff_t)moments.stride + c] + p->eps);

        n->mean[c] = moments.data[c];
        n->gain[c] = (float)scale;
        n->shift[c] = (float)(p->shift[c] - moments.data[moments.stride + c] * scale);
        n->inverse[c] = p->act == CW_NORM_SNAKE && p->alpha[c] != 0 ? 1 / p->alpha[c] : 0;
    }
    n->affine = (struct cw_affine){n->mean, n->gain, n->shift, p->act, p->slope, p->alpha, n->inverse};
    return 0;
}

void cw_norm_apply(struct cw_device *d, struct cw_mat x, const struct cw_norm *n, struct cw_mat y) {
    struct cw_affine_job job = {x, y, n->affine};
    struct row_tasks t = {.y = y, .job = &job};

    run_rows(d, &t, affine_task);
}

int cw_instance_norm(struct cw_device *d, struct cw_mat x, struct cw_instance_norm_params p, struct cw_mat y, struct cw_error *err) {
    static const char *const what = "instance_norm";
    struct cw_norm n;

    if (cw_check_shape(what, "y", y, x.rows, x.cols, err) != 0 || cw_norm_prepare(what, d, x, &p, &n, err) != 0)
        return -1;
    cw_norm_apply(d, x, &n, y);
    return 0;
}

int cw_response_norm(struct cw_device *d, struct cw_mat x, const float *gain, const float *shift, struct cw_mat y, struct cw_error *err) {
    static const char *const what = "response_norm";
    struct cw_norm n;
    double mean = 0;
    int c;

    if (cw_check_mat(what, "x", x, err) != 0 || cw_check_shape(what, "y", y, x.rows, x.cols, err) != 0)
        return -1;
    if (x.cols > CW_NORM_COLS)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected at most %d columns, found %d", what, CW_NORM_COLS, x.cols);
    if (!gain || !shift)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected gain and shift of %d numbers, found none", what, x.cols);
    if (cw_column_moments(d, x, (struct cw_mat){n.moments[0], 3, x.cols, CW_NORM_COLS}, err) != 0)
        return -1;
    for (c = 0; c < x.cols; c++) { /* n.gain: the lengths at first */
        const double at = (double)n.moments[0][c] + (double)n.moments[1][c], spread = (double)n.moments[2][c];

        n.gain[c] = (float)sqrt(x.rows * (spread + at * at));
        mean += (double)n.gain[c] / x.cols;
    }
    for (c = 0; c < x.cols; c++) {
        n.gain[c] = (float)(1 + (double)gain[c] * (double)n.gain[c] / (mean + 1e-6));
        n.mean[c] = 0;
    }
    n.affine = (struct cw_affine){.mean = n.mean, .gain = n.gain, .shift = shift, .act = CW_NORM_NONE};
    cw_norm_apply(d, x, &n, y);
    return 0;
}

/* ---- attention ------------------------------------------------------------------------------------------------------------ */

struct attention_tasks {
    void (*run)(const struct cw_attention_job *j, int head, int row0, int row1);
    struct cw_attention_job job;
    int block, blocks; /* rows of a task; tasks of a head, which run one after the other: its keys stay in cache */
};

/* Rows of a task: so many that packing the keys costs little, but few enough for every thread to have some. */
static int attention_block(const struct cw_device *d, int rows, int width, int heads) {
    const int tile = d->kernels->tile, panel = d->kernels->panel, want = (4 * cw_pool_threads(d->pool) + heads - 1) / heads;
    int most = CW_ATTENTION_NUMBERS / ((width + panel - 1) / panel * panel), blocks;

    most = (most < CW_ATTENTION_ROWS ? most : CW_ATTENTION_ROWS) / tile * tile;
    blocks = (rows + most - 1) / most;
    blocks = blocks < want ? want : blocks;
    return ((rows + blocks - 1) / blocks + tile - 1) / tile * tile;
}

static void attention_task(void *arg, int i) {
    const struct attention_tasks *t = arg;
    int row0 = i % t->blocks * t->block, row1 = row0 + t->block;

    t->run(&t->job, i / t->blocks, row0, row1 < t->job.q.rows ? row1 : t->job.q.rows);
}

static int attend(struct cw_device *d, bool may16, struct cw_mat q, struct cw_mat k, struct cw_mat v, int heads, struct cw_mat y,
                  struct cw_error *err) {
    static const char *const what = "attention";
    struct attention_tasks t = {.run = may16 && d->kernels->attention16 ? d->kernels->attention16 : d->kernels->attention};
    int width;

    if (heads < 1 || q.cols % heads != 0 || q.cols / heads > CW_ATTENTION_WIDTH_MAX)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected heads of equal width up to %d, found %d columns for %d heads", what,
                       CW_ATTENTION_WIDTH_MAX, q.cols, heads);
    if (cw_check_mat(what, "q", q, err) != 0 || cw_check_shape(what, "k", k, k.rows, q.cols, err) != 0 ||
        cw_check_shape(what, "v", v, k.rows, q.cols, err) != 0 || cw_check_shape(what, "y", y, q.rows, q.cols, err) != 0)
        return -1;
    if (q.rows > 0 && k.rows == 0)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected at least one key, found none", what);
    if (q.rows > 0 && (y.data == q.data || y.data == k.data || y.data == v.data))
        return cw_fail(err, CW_BAD_INPUT, "%s: expected y to be another matrix than q, k and v", what);
    width = q.cols / heads;
    t.job = (struct cw_attention_job){q, k, v, y, width, (float)(1 / sqrt(width))};
    cw_count_products(d, q.rows, 2LL * k.rows * q.cols);
    if (q.rows == 0)
        return 0;
    t.block = attention_block(d, q.rows, width, heads);
    t.blocks = (q.rows + t.block - 1) / t.block;
    cw_parallel(d, t.blocks * heads, attention_task, &t);
    return 0;
}

int cw_attention(struct cw_device *d, struct cw_mat q, struct cw_mat k, struct cw_mat v, int heads, struct cw_mat y, struct cw_error *err) {
    return attend(d, false, q, k, v, heads, y, err);
}

int cw_attention_16(struct cw_device *d, struct cw_mat q, struct cw_mat k, struct cw_mat v, int heads, struct cw_mat y,
                    struct cw_error *err) {
    return attend(d, true, q, k, v, heads, y, err);
}

/* ---- element by element ------------------------------------------------------------------------------------------------------ */

static void map_task(void *arg, int i) {
    const struct row_tasks *t = arg;
    int r = i * t->step, end = last_row(t, i);
    bool dense = t->x.stride == t->x.cols && t->y.stride == t->y.cols && (!t->z.data || t->z.stride == t->z.cols) && !t->row;
    size_t n = t->y.cols;

    if (dense) { /* one long row: a matrix of one column is not a loop of single numbers */
        n *= (size_t)(end - r);
        end = r + 1;
    }
    for (; r < end; r++)
        t->kernels->map(t->map, t->x.data + (ptrdiff_t)r * t->x.stride, t->z.data ? t->z.data + (ptrdiff_t)r * t->z.stride : t->row, t->s,
                        t->y.data + (ptrdiff_t)r * t->y.stride, n);
}

/* y [T, C] of x [T, C] */
static int rows_to_rows(const char *what, struct cw_device *d, struct row_tasks *t, void (*task)(void *, int), struct cw_error *err) {
    if (cw_check_mat(what, "x", t->x, err) != 0 || cw_check_shape(what, "y", t->y, t->x.rows, t->x.cols, err) != 0)
        return -1;
    run_rows(d, t, task);
    return 0;
}

static int map_rows(const char *what, struct cw_device *d, enum cw_function map, struct cw_mat x, struct cw_mat z, float s, struct cw_mat y,
                    struct cw_error *err) {
    struct row_tasks t = {.x = x, .z = z, .y = y, .map = map, .s = s};

    if (cw_check_mat(what, "x", x, err) != 0 ||
        ((map == CW_F_ADD || map == CW_F_ADD_SCALED) && cw_check_shape(what, "b", z, x.rows, x.cols, err) != 0))
        return -1;
    return rows_to_rows(what, d, &t, map_task, err);
}

int cw_leaky(struct cw_device *d, struct cw_mat x, float slope, struct cw_mat y, struct cw_error *err) {
    return map_rows("leaky", d, CW_F_LEAKY, x, (struct cw_mat){0}, slope, y, err);
}

int cw_add(struct cw_device *d, struct cw_mat a, struct cw_mat b, float scale, struct cw_mat y, struct cw_error *err) {
    return map_rows("add", d, CW_F_ADD, a, b, scale, y, err);
}

int cw_add_scaled(struct cw_device *d, struct cw_mat a, struct cw_mat b, float scale, struct cw_mat y, struct cw_error *err) {
    return map_rows("add_scaled", d, CW_F_ADD_SCALED, a, b, scale, y, err);
}

int cw_add_gated(struct cw_device *d, struct cw_mat x, const float *gate, struct cw_mat y, struct cw_error *err) {
    struct row_tasks t = {.x = x, .y = y, .map = CW_F_ADD_GATED, .row = gate};

    if (!gate)
        return cw_fail(err, CW_BAD_INPUT, "add_gated: expected a gate of %d numbers, found none", x.cols);
    return rows_to_rows("add_gated", d, &t, map_task, err);
}

int cw_exp(struct cw_device *d, struct cw_mat x, struct cw_mat y, struct cw_error *err) {
    return map_rows("exp", d, CW_F_EXP, x, (struct cw_mat){0}, 0, y, err);
}

int cw_sin(struct cw_device *d, struct cw_mat x, struct cw_mat y, struct cw_error *err) {
    return map_rows("sin", d, CW_F_SIN, x, (struct cw_mat){0}, 0, y, err);
}

/* From here on by plain C on every instruction set, with the same bytes on all. */

static void silu_task(void *arg, int i) {
    const struct row_tasks *t = arg;
    int r, c;

    for (r = i * t->step; r < last_row(t, i); r++) {
        const float *x = t->x.data + (ptrdiff_t)r * t->x.stride;
        float *y = t->y.data + (ptrdiff_t)r * t->y.stride;

        for (c = 0; c < t->y.cols; c++)
            y[c] = x[c] / (1 + expf(-x[c]));
    }
}

int cw_silu(struct cw_device *d, struct cw_mat x, struct cw_mat y, struct cw_error *err) {
    struct row_tasks t = {.x = x, .y = y};

    return rows_to_rows("silu", d, &t, silu_task, err);
}

/* tanh(ln(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2), which is 1 long before x = 20 */
static void mish_task(void *arg, int i) {
    const struct row_tasks *t = arg;
    int r, c;

    for (r = i * t->step; r < last_row(t, i); r++) {
        const float *x = t->x.data + (ptrdiff_t)r * t->x.stride;
        float *y = t->y.data + (ptrdiff_t)r * t->y.stride;

        for (c = 0; c < t->y.cols; c++) {
            const float e = expf(x[c] < 20 ? x[c] : 20), n = e * (e + 2);

            y[c] = x[c] * (n / (n + 2));
        }
    }
}

int cw_mish(struct cw_device *d, struct cw_mat x, struct cw_mat y, struct cw_error *err) {
    struct row_tasks t = {.x = x, .y = y};

    return rows_to_rows("mish", d, &t, mish_task, err);
}

static void rotate_task(void *arg, int i) {
    const struct row_tasks *t = arg;
    int r, h, c;

    for (r = i * t->step; r < last_row(t, i); r++) {
        const float *turn = t->z.data + (ptrdiff_t)(r % t->z.rows) * t->z.stride;

        for (h = 0; h < t->y.cols; h += t->z.cols) {
            const float *x = t->x.data + (ptrdiff_t)r * t->x.stride + h;
            float *y = t->y.data + (ptrdiff_t)r * t->y.stride + h;

            for (c = 0; c < t->z.cols; c += 2) {
                const float a = x[c], b = x[c + 1];

                y[c] = a * turn[c] - b * turn[c + 1];
                y[c + 1] = b * turn[c] + a * turn[c + 1];
            }
        }
    }
}

int cw_rotate_pairs(struct cw_device *d, struct cw_mat x, struct cw_mat turn, struct cw_mat y, struct cw_error *err) {
    static const char *const what = "rotate_pairs";
    struct row_tasks t = {.x = x, .z = turn, .y = y};

    if (cw_check_mat(what, "turn", turn, err) != 0)
        return -1;
    if (turn.rows < 1 || turn.cols % 2 != 0 || x.cols % turn.cols != 0)
        return cw_fail(err, CW_BAD_INPUT, "%s: turn: expected a row or more of an even width that divides %d columns, found %d x %d", what,
                       x.cols, turn.rows, turn.cols);
    return rows_to_rows(what, d, &t, rotate_task, err);
}

/* ---- copies -------------------------------------------------------------------------------------------------------------- */

static void copy_task(void *arg, int i) {
    const struct row_tasks *t = arg;
    int r;

    for (r = i * t->step; r < last_row(t, i); r++)
        memmove(t->y.data + (ptrdiff_t)r * t->y.stride, t->x.data + (ptrdiff_t)r * t->x.stride, (size_t)t->y.cols * sizeof(float));
}

int cw_copy(struct cw_device *d, struct cw_mat x, struct cw_mat y, struct cw_error *err) {
    struct row_tasks t = {.x = x, .y = y};

    return rows_to_rows("copy", d, &t, copy_task, err);
}

static void fill_task(void *arg, int i) {
    const struct row_tasks *t = arg;
    int r;

    for (r = i * t->step; r < last_row(t, i); r++)
        memcpy(t->y.data + (ptrdiff_t)r * t->y.stride, t->row, (size_t)t->y.cols * sizeof(float));
}

int cw_fill_rows(struct cw_device *d, const float *row, struct cw_mat y, struct cw_error *err) {
    struct row_tasks t = {.y = y, .row = row};

    if (cw_check_mat("fill_rows", "y", y, err) != 0)
        return -1;
    if (!row)
        return cw_fail(err, CW_BAD_INPUT, "fill_rows: expected a row of %d numbers, found none", y.cols);
    run_rows(d, &t, fill_task);
    return 0;
}

int cw_repeat_rows(struct cw_device *d, struct cw_mat x, const int *repeats, struct cw_mat y, struct cw_error *err) {
    static const char *const what = "repeat_rows";
    int64_t total = 0;
    int r, k, out = 0;

    (void)d; /* some megabytes at most: not worth waking a thread */
    if (cw_check_mat(what, "x", x, err) != 0)
        return -1;
    for (r = 0; r < x.rows; r++) {
        if (repeats[r] < 0)
            return cw_fail(err, CW_BAD_INPUT, "%s: row %d: expected a count of at least 0, found %d", what, r, repeats[r]);
        total += repeats[r];
    }
    if (total > INT32_MAX)
        return cw_fail(err, CW_BAD_INPUT, "%s: %lld rows are more than these kernels take", what, (long long)total);
    if (cw_check_shape(what, "y", y, (int)total, x.cols, err) != 0)
        return -1;
    if (x.data == y.data && total > 0)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected y to be another matrix than x", what);
    for (r = 0; r < x.rows; r++)
        for (k = 0; k < repeats[r]; k++, out++)
            memcpy(y.data + (ptrdiff_t)out * y.stride, x.data + (ptrdiff_t)r * x.stride, (size_t)x.cols * sizeof(float));
    return 0;
}

static void gather_task(void *arg, int i) {
    const struct row_tasks *t = arg;
    int r;

    for (r = i * t->step; r < last_row(t, i); r++)
        memcpy(t->y.data + (ptrdiff_t)r * t->y.stride, t->row + (size_t)t->index[r] * t->y.cols, (size_t)t->y.cols * sizeof(float));
}

int cw_gather_rows(struct cw_device *d, const float *table, int table_rows, const int *ids, struct cw_mat y, struct cw_error *err) {
    struct row_tasks t = {.y = y, .row = table, .index = ids};
    int r;

    if (cw_check_mat("gather_rows", "y", y, err) != 0)
        return -1;
    for (r = 0; r < y.rows; r++)
        if (ids[r] < 0 || ids[r] >= table_rows)
            return cw_fail(err, CW_BAD_INPUT, "gather_rows: row %d: expected an id of 0 to %d, found %d", r, table_rows - 1, ids[r]);
    run_rows(d, &t, gather_task);
    return 0;
}

/* Launchers of everything that multiplies by a packed weight: linear, convolution, transposed convolution, LSTM.
 *
 *   check shapes -> one job (pointers, sizes) -> tasks = row blocks x panel groups -> the device's conv kernel */
#include "kernels/internal.h"

enum { BLOCK_ROWS = 224, SMALL_WORK = 150000 }; /* rows per task; multiply-adds below which waking a thread costs more */

int cw_check_mat(const char *what, const char *name, struct cw_mat m, struct cw_error *err) {
    if (m.rows < 0 || m.cols < 1 || m.stride < m.cols || (!m.data && m.rows > 0))
        return cw_fail(err, CW_BAD_INPUT, "%s: %s: expected a matrix with a stride of at least its columns, found %d x %d, stride %d%s",
                       what, name, m.rows, m.cols, m.stride, m.data ? "" : ", no data");
    return 0;
}

int cw_check_shape(const char *what, const char *name, struct cw_mat m, int rows, int cols, struct cw_error *err) {
    if (m.rows != rows || m.cols != cols)
        return cw_fail(err, CW_BAD_INPUT, "%s: %s: expected %d x %d, found %d x %d", what, name, rows, cols, m.rows, m.cols);
    return cw_check_mat(what, name, m, err);
}

static int check_weight(const char *what, const struct cw_device *d, const struct cw_weight *w, struct cw_mat x, bool transposed,
                        struct cw_error *err) {
    if (w->kernels != d->kernels)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a weight packed for \"%s\", found one for \"%s\"", what, d->kernels->isa,
                       w->kernels->isa);
    if (transposed != (w->stride != 0))
        return cw_fail(err, CW_BAD_INPUT, "%s: expected %s weight, found the other kind", what,
                       transposed ? "a transposed" : "an ordinary");
    if (x.cols != w->in)
        return cw_fail(err, CW_BAD_INPUT, "%s: x: expected %d columns, found %d x %d", what, w->in, x.rows, x.cols);
    return cw_check_mat(what, "x", x, err);
}

static int check_epilogue(const char *what, struct cw_epilogue e, struct cw_mat x, struct cw_mat y, struct cw_error *err) {
    if (x.data == y.data && y.rows > 0 && x.rows > 0)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected y to be another matrix than x", what);
    if ((int)e.act < CW_ACT_NONE || e.act > CW_ACT_GELU)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected an activation of 0 to %d, found %d", what, CW_ACT_GELU, (int)e.act);
    if (e.add.data && cw_check_shape(what, "add", e.add, y.rows, y.cols, err) != 0)
        return -1;
    if (e.add2.data && cw_check_shape(what, "add2", e.add2, y.rows, y.cols, err) != 0)
        return -1;
    return e.moments.data ? cw_check_shape(what, "moments", e.moments, 3, y.cols, err) : 0;
}

/* ---- tasks ----------------------------------------------------------------------------------------------------------- */

struct conv_tasks {
    const struct cw_kernels *kernels;
    struct cw_conv_job job;
    struct cw_mat y;
    int panels, group, groups; /* panels per task, tasks per row block */
    int block, blocks;
    int rows; /* output rows of a job (of the longest phase) */
    /* transposed: phase p writes rows first + q * stride */
    int phases, pad, phase_taps, taps;
    size_t phase_weight; /* floats */
};

/* Splits the panels of a row block only where row blocks alone would leave threads idle. */
static void cut(struct conv_tasks *t, const struct cw_device *d) {
    int64_t want = 4LL * cw_pool_threads(d->pool), all;

    t->kernels = d->kernels;
    t->block = (BLOCK_ROWS + d->kernels->tile - 1) / d->kernels->tile * d->kernels->tile;
    t->blocks = (t->rows + t->block - 1) / t->block;
    all = (int64_t)t->blocks * t->phases * t->panels;
    t->group = all / want < 1 ? 1 : all / want > t->panels ? t->panels : (int)(all / want);
    t->groups = (t->panels + t->group - 1) / t->group;
}

static void run_tasks(struct cw_device *d, struct conv_tasks *t, void (*task)(void *, int)) {
    double work = (double)t->rows * t->job.in * t->phase_taps * t->phases * t->job.out;
    int n = t->blocks * t->groups * t->phases, i;

    if (work < SMALL_WORK) {
        for (i = 0; i < n; i++)
            task(t, i);
    } else {
        cw_parallel(d, n, task, t);
    }
}

static void run_range(const struct conv_tasks *t, const struct cw_conv_job *j, int rows, int block, int group) {
    int row0 = block * t->block, row1 = row0 + t->block, panel0 = group * t->group, panel1 = panel0 + t->group;

    if (row1 > rows)
        row1 = rows;
    if (panel1 > t->panels)
        panel1 = t->panels;
    if (row0 < row1)
        t->kernels->conv(j, row0, row1, panel0, panel1);
}

static void conv_task(void *arg, int i) {
    const struct conv_tasks *t = arg;

    run_range(t, &t->job, t->rows, i / t->groups, i % t->groups);
}

static struct cw_conv_job conv_job(struct cw_mat x, const struct cw_weight *w, struct cw_epilogue e, struct cw_mat y) {
    return (struct cw_conv_job){.x = x.data,
                                .x_stride = x.stride,
                                .x_rows = x.rows,
                                .in = w->in,
                                .taps = w->taps,
                                .step = 1,
                                .dilation = 1,
                                .w = w->data,
                                .packed_taps = w->phase_taps,
                                .bias = w->bias,
                                .y = y.data,
                                .y_stride = y.stride,
                                .out = w->out,
                                .add = e.add.data,
                                .add_stride = e.add.stride,
                                .act = e.act,
                                .slope = e.slope,
                                .add2 = e.add2.data,
                                .add2_stride = e.add2.stride,
                                .last_slope = e.last_slope != 0 ? e.last_slope : 1,
                                .scale = e.scale != 0 ? e.scale : 1};
}

/* Convolutions that norm their input and gather moments of their output. Blocks are cut by the shape alone; a task takes a
 * run of blocks (and a group of panels), so that there are few enough sums of moments to keep, joined in the order of runs. */
enum { RUNS_MAX = 64, RUN_COLS = 64 * 256 };

struct run_tasks {
    const struct cw_kernels *kernels;
    const struct cw_fast_job *fast; /* or */
    const struct cw_conv16_job *direct;
    int blocks, runs, block; /* tiles or rows of a block */
    int rows;                /* direct: q rows */
    int panels, group, groups;
    struct cw_moments moments[RUNS_MAX]; /* only read by tasks */
    double counts[RUNS_MAX];             /* each written by one of the run's tasks */
    bool gather;
};

static void run_task(void *arg, int i) {
    struct run_tasks *t = arg;
    const int run = i / t->groups, group = i % t->groups, end = (int)((int64_t)(run + 1) * t->blocks / t->runs);
    const int panel0 = group * t->group, panel1 = panel0 + t->group < t->panels ? panel0 + t->group : t->panels;
    struct cw_moments m = t->moments[run]; /* its count, 0, is this task's own from here */
    int b;

    for (b = (int)((int64_t)run * t->blocks / t->runs); b < end; b++) {
        if (t->fast) {
            const int dilation = t->fast->conv.dilation, phase = b % dilation, tile0 = b / dilation * t->block; /* neighbours in turn */
            const int rows = (t->fast->rows - phase + dilation - 1) / dilation, tiles = (rows + CW_FAST_TILE - 1) / CW_FAST_TILE;

            if (tile0 < tiles)
                t->kernels->conv_fast(t->fast, phase, tile0, tile0 + t->block < tiles ? tile0 + t->block : tiles, t->gather ? &m : NULL);
        } else {
            const int row0 = b * t->block, row1 = row0 + t->block < t->rows ? row0 + t->block : t->rows;

            t->kernels->conv16(t->direct, row0, row1, panel0, panel1, t->gather ? &m : NULL);
        }
    }
    if (group == 0)
        t->counts[run] = m.count;
}

static void run_blocks(struct cw_device *d, struct run_tasks *t, int out, struct cw_mat moments) {
    const bool gather = moments.data != NULL; /* then out <= RUN_COLS */
    double mean[RUN_COLS], m2[RUN_COLS];
    int want = 4 * cw_pool_threads(d->pool), run, c;

    t->kernels = d->kernels;
    t->gather = gather;
    t->runs = gather && RUN_COLS / out < RUNS_MAX ? RUN_COLS / out : RUNS_MAX;
    if (t->runs > t->blocks)
        t->runs = t->blocks;
    t->groups = t->fast || t->runs >= want ? 1 : (want + t->runs - 1) / t->runs;
    t->group = (t->panels + t->groups - 1) / t->groups;
    t->groups = (t->panels + t->group - 1) / t->group;
    for (c = 0; gather && c < out; c++)
        mean[c] = m2[c] = 0;
    for (run = 0; gather && run < t->runs; run++)
        t->moments[run] = (struct cw_moments){0, mean + (size_t)run * out, m2 + (size_t)run * out};
    cw_parallel(d, t->runs * t->groups, run_task, t);
    for (c = 0; gather && c < out; c++) {
        double all = t->counts[0], all_mean = mean[c], all_m2 = m2[c];

        for (run = 1; run < t->runs; run++) {
            const struct cw_moments *m = &t->moments[run];

            if (t->counts[run] > 0)
                cw_stats_join(all, &all_mean, &all_m2, t->counts[run], m->mean[c], m->m2[c]);
            all += t->counts[run];
        }
        cw_moments_put(moments, c, all_mean, all_m2 / all);
    }
}

static void convolve_fast(struct cw_device *d, const struct cw_conv_job *job, const struct cw_weight *w, int rows, struct cw_mat moments) {
    const struct cw_fast_job fast = {*job, rows, w->fast, w->fast_scale, w->fast_cut, w->panels};
    struct run_tasks t = {.fast = &fast, .block = cw_fast_block(w->in, w->fast_cut), .panels = w->panels};
    int tiles = ((rows + job->dilation - 1) / job->dilation + CW_FAST_TILE - 1) / CW_FAST_TILE;

    t.blocks = (tiles + t.block - 1) / t.block * job->dilation;
    run_blocks(d, &t, w->out, moments);
}

/* span: how many rows apart the first and last input row of an output are. */
static int convolve_16(const char *what, struct cw_device *d, struct cw_conv16_job *job, const struct cw_weight *w, int rows, int span,
                       struct cw_mat moments, struct cw_error *err) {
    struct run_tasks t = {.direct = job, .block = cw_rows16(w->in, job->conv.step, span), .rows = rows, .panels = w->panels};

    if (t.block < 1)
        return cw_fail(err, CW_BAD_INPUT, "%s: taps that span %d rows of %d numbers, in steps of %d, are too far apart for a 16-bit weight",
                       what, span + 1, w->in, job->conv.step);
    job->w = w->half;
    job->scale = w->half_scale;
    job->panels = w->panels;
    t.blocks = (rows + t.block - 1) / t.block;
    run_blocks(d, &t, w->out, moments);
    return 0;
}

static int convolve(const char *what, struct cw_device *d, struct cw_mat x, const struct cw_weight *w, int stride, int pad, int dilation,
                    const struct cw_norm *norm, struct cw_mat work, struct cw_epilogue e, struct cw_mat y, struct cw_error *err) {
    struct conv_tasks t = {0};
    const bool gather = e.moments.data && w->out <= RUN_COLS;
    int64_t rows;

    if (check_weight(what, d, w, x, false, err) != 0)
        return -1;
    if (stride < 1 || dilation < 1 || pad < 0 || stride > 1 << 16 || dilation > 1 << 16 || pad > 1 << 24)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected stride and dilation of at least 1 and pad of at least 0, found %d, %d, %d", what,
                       stride, dilation, pad);
    rows = (int64_t)x.rows + 2LL * pad - (int64_t)dilation * (w->taps - 1) - 1;
    rows = rows < 0 ? 0 : rows / stride + 1;
    if (rows > INT32_MAX / 2)
        return cw_fail(err, CW_BAD_INPUT, "%s: %lld output rows are more than these kernels take", what, (long long)rows);
    if (cw_check_shape(what, "y", y, (int)rows, w->out, err) != 0 || check_epilogue(what, e, x, y, err) != 0)
        return -1;
    if (rows == 0)
        return e.moments.data ? cw_column_moments(d, y, e.moments, err) : 0;
    cw_count_products(d, rows, (int64_t)w->out * w->in * w->taps);
    t.job = conv_job(x, w, e, y);
    t.job.step = stride;
    t.job.offset = -pad;
    t.job.dilation = dilation;
    t.job.norm = norm ? &norm->affine : NULL;
    if (w->fast && stride == 1 && rows >= (int64_t)dilation * CW_FAST_PHASE_ROWS) {
        convolve_fast(d, &t.job, w, (int)rows, gather ? e.moments : (struct cw_mat){0});
    } else if (w->half) {
        struct cw_conv16_job job = {.conv = t.job, .phases = 1, .y_rows = (int)rows};

        if (convolve_16(what, d, &job, w, (int)rows, (w->taps - 1) * dilation, gather ? e.moments : (struct cw_mat){0}, err) != 0)
            return -1;
    } else {
        if (norm) {
            cw_norm_apply(d, x, norm, work);
            t.job.norm = NULL;
            t.job.x = work.data;
            t.job.x_stride = work.stride;
        }
        t.rows = (int)rows;
        t.panels = w->panels;
        t.phases = 1;
        t.phase_taps = w->taps;
        cut(&t, d);
        run_tasks(d, &t, conv_task);
        if (e.moments.data)
            return cw_column_moments(d, y, e.moments, err);
        return 0;
    }
    return e.moments.data && !gather ? cw_column_moments(d, y, e.moments, err) : 0;
}

int cw_linear(struct cw_device *d, struct cw_mat x, const struct cw_weight *w, struct cw_epilogue e, struct cw_mat y,
              struct cw_error *err) {
    if (w->taps != 1)
        return cw_fail(err, CW_BAD_INPUT, "linear: expected a weight of 1 tap, found %d", w->taps);
    return convolve("linear", d, x, w, 1, 0, 1, NULL, x, e, y, err);
}

int cw_conv1d(struct cw_device *d, struct cw_mat x, const struct cw_weight *w, int stride, int pad, int dilation, struct cw_epilogue e,
              struct cw_mat y, struct cw_error *err) {
    return convolve("conv1d", d, x, w, stride, pad, dilation, NULL, x, e, y, err);
}

int cw_conv1d_normed(struct cw_device *d, struct cw_mat x, struct cw_instance_norm_params p, struct cw_mat work, const struct cw_weight *w,
                     int pad, int dilation, struct cw_epilogue e, struct cw_mat y, struct cw_error *err) {
    static const char *const what = "conv1d_normed";
    struct cw_norm norm;

    if (cw_check_shape(what, "work", work, x.rows, x.cols, err) != 0 || cw_norm_prepare(what, d, x, &p, &norm, err) != 0)
        return -1;
    if (work.data == y.data && x.rows > 0)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected y to be another matrix than work", what);
    return convolve(what, d, x, w, 1, pad, dilation, &norm, work, e, y, err);
}

/* ---- transposed convolution --------------------------------------------------------------------------------------------- */

/* Output row t takes input row i through tap k where i * stride + k = t + pad. So the rows with (t + pad) % stride = p are
 * an ordinary convolution over x with the taps p + j * stride, running backwards: i = (t + pad) / stride - j. */
static void transpose_task(void *arg, int i) {
    const struct conv_tasks *t = arg;
    int phase = i % t->phases, s = t->phases, rows, first, q0;
    struct cw_conv_job j = t->job;

    i /= t->phases;
    q0 = t->pad > phase ? (t->pad - phase + s - 1) / s : 0;
    first = q0 * s + phase - t->pad;
    rows = first < t->y.rows ? (t->y.rows - 1 - first) / s + 1 : 0;
    if (rows == 0)
        return;
    j.taps = phase < t->taps ? (t->taps - phase + s - 1) / s : 0;
    j.offset = q0;
    j.dilation = -1;
    j.w += (size_t)phase * t->phase_weight;
    j.y = t->y.data + (ptrdiff_t)first * t->y.stride;
    j.y_stride = (ptrdiff_t)t->y.stride * s;
    if (j.add) {
        j.add += (ptrdiff_t)first * j.add_stride;
        j.add_stride *= s;
    }
    if (j.add2) {
        j.add2 += (ptrdiff_t)first * j.add2_stride;
        j.add2_stride *= s;
    }
    run_range(t, &j, rows, i / t->groups, i % t->groups);
}

static int transposed_rows(const char *what, struct cw_mat x, int taps, int stride, int pad, int output_pad, struct cw_error *err) {
    int64_t rows;

    if (pad < 0 || output_pad < 0 || (output_pad > 0 && output_pad >= stride) || pad > 1 << 24)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected pad of at least 0 and output pad of 0 to %d, found %d and %d", what, stride - 1,
                       pad, output_pad);
    rows = x.rows == 0 ? 0 : ((int64_t)x.rows - 1) * stride - 2LL * pad + taps + output_pad;
    if (rows > INT32_MAX / 2)
        return cw_fail(err, CW_BAD_INPUT, "%s: %lld output rows are more than these kernels take", what, (long long)rows);
    return rows < 0 ? 0 : (int)rows;
}

int cw_conv_transpose1d(struct cw_device *d, struct cw_mat x, const struct cw_weight *w, int pad, int output_pad, struct cw_epilogue e,
                        struct cw_mat y, struct cw_error *err) {
    static const char *const what = "conv_transpose1d";
    struct conv_tasks t = {0};
    int rows;

    if (check_weight(what, d, w, x, true, err) != 0)
        return -1;
    rows = transposed_rows(what, x, w->taps, w->stride, pad, output_pad, err);
    if (rows < 0 || cw_check_shape(what, "y", y, rows, w->out, err) != 0 || check_epilogue(what, e, x, y, err) != 0)
        return -1;
    if (rows == 0)
        return 0;
    cw_count_products(d, x.rows, (int64_t)w->out * w->in * w->taps);
    t.job = conv_job(x, w, e, y);
    t.y = y;
    t.rows = (rows - 1) / w->stride + 1;
    if (w->half) {
        struct cw_conv16_job job = {.conv = t.job, .phases = w->stride, .pad = pad, .y_rows = rows};

        if (convolve_16(what, d, &job, w, t.rows, w->phase_taps + (pad + w->stride - 1) / w->stride, (struct cw_mat){0}, err) != 0)
            return -1;
        return e.moments.data ? cw_column_moments(d, y, e.moments, err) : 0;
    }
    t.panels = w->panels;
    t.phases = w->stride;
    t.phase_taps = w->phase_taps;
    t.taps = w->taps;
    t.pad = pad;
    t.phase_weight = (size_t)w->panels * w->phase_taps * w->in * w->kernels->panel;
    cut(&t, d);
    run_tasks(d, &t, transpose_task);
    return e.moments.data ? cw_column_moments(d, y, e.moments, err) : 0;
}

struct depthwise_tasks {
    const struct cw_kernels *kernels;
    struct cw_depthwise_job job;
};

static void depthwise_task(void *arg, int i) {
    const struct depthwise_tasks *t = arg;
    int row0 = i * BLOCK_ROWS, row1 = row0 + BLOCK_ROWS;

    t->kernels->depthwise(&t->job, row0, row1 < t->job.y.rows ? row1 : t->job.y.rows);
}

int cw_conv_transpose1d_depthwise(struct cw_device *d, struct cw_mat x, const float *w, const float *bias, int taps, int stride, int pad,
                                  int output_pad, struct cw_mat y, struct cw_error *err) {
    static const char *const what = "conv_transpose1d_depthwise";
    struct depthwise_tasks t = {d->kernels, {x, y, w, bias, taps, stride, pad}};
    int rows;

    if (taps < 1 || stride < 1 || stride > 1 << 16 || taps > 1 << 16)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected taps and stride of at least 1, found %d and %d", what, taps, stride);
    if (cw_check_mat(what, "x", x, err) != 0)
        return -1;
    rows = transposed_rows(what, x, taps, stride, pad, output_pad, err);
    if (rows < 0 || cw_check_shape(what, "y", y, rows, x.cols, err) != 0)
        return -1;
    if (x.data == y.data && rows > 0)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected y to be another matrix than x", what);
    cw_parallel(d, (rows + BLOCK_ROWS - 1) / BLOCK_ROWS, depthwise_task, &t);
    return 0;
}

/* ---- LSTM ---------------------------------------------------------------------------------------------------------------- */

struct lstm_tasks {
    const struct cw_kernels *kernels;
    struct cw_lstm_job job[2];
};

static void lstm_task(void *arg, int i) {
    const struct lstm_tasks *t = arg;

    t->kernels->lstm(&t->job[i]);
}

int cw_lstm_bidirectional(struct cw_device *d, struct cw_mat x, const struct cw_lstm *forward, const struct cw_lstm *backward,
                          struct cw_mat scratch, struct cw_mat y, struct cw_error *err) {
    static const char *const what = "lstm_bidirectional";
    struct cw_epilogue e = {0};
    struct lstm_tasks t = {.kernels = d->kernels};
    int h = forward->hidden, i;

    if (forward->hidden != backward->hidden || forward->in != backward->in)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected both directions to be %d -> %d, found %d -> %d", what, forward->in, h, backward->in,
                       backward->hidden);
    if (cw_check_shape(what, "x", x, x.rows, forward->in, err) != 0 || cw_check_shape(what, "scratch", scratch, x.rows, 8 * h, err) != 0 ||
        cw_check_shape(what, "y", y, x.rows, 2 * h, err) != 0)
        return -1;
    if (x.rows > 0 && (x.data == y.data || scratch.data == y.data))
        return cw_fail(err, CW_BAD_INPUT, "%s: expected x, scratch and y to be three matrices", what);
    for (i = 0; i < 2; i++) {
        const struct cw_lstm *l = i == 0 ? forward : backward;
        struct cw_mat gates = cw_mat_cols(scratch, 4 * h * i, 4 * h);

        if (cw_linear(d, x, l->ih, e, gates, err) != 0)
            return cw_fail_in(err, "%s", what);
        t.job[i] = (struct cw_lstm_job){l->hh->data, gates, cw_mat_cols(y, h * i, h), h, i == 1};
    }
    cw_count_products(d, x.rows, 8LL * h * h);
    cw_parallel(d, 2, lstm_task, &t);
    return 0;
}

struct sequence_tasks {
    const struct cw_kernels *kernels;
    struct cw_lstm_job job; /* of all sequences */
    int length;
};

static void sequence_task(void *arg, int i) {
    const struct sequence_tasks *t = arg;
    struct cw_lstm_job j = t->job;

    j.gates = cw_mat_rows(j.gates, i * t->length, t->length);
    j.y = cw_mat_rows(j.y, i * t->length, t->length);
    t->kernels->lstm(&j);
}

int cw_lstm_sequences(struct cw_device *d, struct cw_mat x, const struct cw_lstm *lstm, int length, struct cw_mat scratch, struct cw_mat y,
                      struct cw_error *err) {
    static const char *const what = "lstm_sequences";
    struct cw_epilogue e = {0};
    int h = lstm->hidden;
    struct sequence_tasks t = {d->kernels, {lstm->hh->data, scratch, y, h, false}, length};

    if (length < 1 || x.rows % length != 0)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected rows in sequences of %d, found %d", what, length, x.rows);
    if (cw_check_shape(what, "x", x, x.rows, lstm->in, err) != 0 || cw_check_shape(what, "scratch", scratch, x.rows, 4 * h, err) != 0 ||
        cw_check_shape(what, "y", y, x.rows, h, err) != 0)
        return -1;
    if (x.rows > 0 && (x.data == y.data || scratch.data == y.data))
        return cw_fail(err, CW_BAD_INPUT, "%s: expected x, scratch and y to be three matrices", what);
    if (cw_linear(d, x, lstm->ih, e, scratch, err) != 0)
        return cw_fail_in(err, "%s", what);
    cw_parallel(d, x.rows / length, sequence_task, &t);
    return 0;
}

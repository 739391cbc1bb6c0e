/* The tape: variables and notes in arrays, numbers in an arena, gradients in matrices that are used again.
 *
 * A gradient's room is taken when the first one comes and given back when its variable's own operation is done, so a backward
 * pass needs few matrices at once. A residual takes over the very matrix that holds its sum's gradient. */
#include "kernels/tape.h"

#include <stdlib.h>
#include <string.h>

enum { VARS_MAX = 2048, NOTES_MAX = 2048, SPARE_MAX = 32 };

/* ---- layers ----------------------------------------------------------------------------------------------------------- */

/* Not nested: what is heard is what a loss is taken of, and its rounding shows in gradients that are sums of terms that cancel. The way
 * back keeps its nested convolutions. */
static int open_forward(struct cw_weight **p, struct cw_device *d, const float *w, int out, int in, int taps, const float *bias,
                        struct cw_error *err) {
    const bool was = cw_weight_nest(d, false);
    const int rc = cw_weight_open(p, d, w, out, in, taps, bias, err);

    cw_weight_nest(d, was);
    return rc;
}

int cw_layer_open(struct cw_layer *l, struct cw_device *d, const char *name, enum cw_layer_kind kind, const float *w, const float *bias,
                  int out, int in, int taps, int stride, struct cw_error *err) {
    int rc = -1;

    *l = (struct cw_layer){.kind = kind, .out = out, .in = in, .taps = taps, .stride = stride, .device = d, .bias = bias, .w = w};
    if (strlen(name) >= sizeof l->name) {
        cw_fail(err, CW_BAD_INPUT, "layer: expected a name of at most %zu bytes, found \"%s\"", sizeof l->name - 1, name);
        goto done;
    }
    memcpy(l->name, name, strlen(name) + 1);
    switch (kind) {
    case CW_LAYER_CONV:
        if (open_forward(&l->forward, d, w, out, in, taps, bias, err) != 0 ||
            cw_weight_open_backward(&l->backward, d, w, out, in, taps, stride, err) != 0)
            goto done;
        break;
    case CW_LAYER_TRANSPOSED:
        if (cw_weight_open_transposed(&l->forward, d, w, in, out, taps, stride, bias, err) != 0 ||
            cw_weight_open_transposed_backward(&l->backward, d, w, in, out, taps, err) != 0)
            goto done;
        break;
    case CW_LAYER_DEPTHWISE:
        l->shifted = calloc((size_t)out, sizeof *l->shifted);
        if (!l->shifted) {
            cw_fail_memory(err, name);
            goto done;
        }
        for (int n = 0; bias && n < out; n++)
            l->shifted[n] = bias[n];
        break;
    }
    rc = 0;
done:
    if (rc != 0)
        cw_layer_close(l);
    return rc;
}

static void close_low_rank(struct cw_layer *l) {
    cw_weight_close(l->down_forward);
    cw_weight_close(l->down_backward);
    cw_weight_close(l->up_forward);
    cw_weight_close(l->up_backward);
    l->down_forward = l->down_backward = l->up_forward = l->up_backward = NULL;
}

void cw_layer_close(struct cw_layer *l) {
    close_low_rank(l);
    cw_weight_close(l->forward);
    cw_weight_close(l->backward);
    free(l->shifted);
    *l = (struct cw_layer){0};
}

int cw_layer_update(struct cw_layer *l, struct cw_error *err) {
    float *turned = NULL;
    int rc = -1;

    if (l->shifted) {
        for (int n = 0; n < l->out; n++)
            l->shifted[n] = (l->bias ? l->bias[n] : 0) + (l->offset ? l->offset[n] : 0);
    } else if (cw_weight_set_bias(l->forward, l->bias, l->offset, err) != 0) {
        goto done;
    }
    close_low_rank(l);
    if (l->rank == 0) {
        rc = 0;
        goto done;
    }
    if (l->kind != CW_LAYER_CONV) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a rank of 0 for this kind of layer, found %d", l->name, l->rank);
        goto done;
    }
    turned = malloc(sizeof *turned * (size_t)l->out * (size_t)l->rank);
    if (!turned) {
        cw_fail_memory(err, l->name);
        goto done;
    }
    for (int n = 0; n < l->out; n++)
        for (int r = 0; r < l->rank; r++)
            turned[(size_t)n * l->rank + r] = l->up[(size_t)r * l->out + n];
    if (open_forward(&l->down_forward, l->device, l->down, l->rank, l->in, l->taps, NULL, err) != 0 ||
        cw_weight_open_backward(&l->down_backward, l->device, l->down, l->rank, l->in, l->taps, l->stride, err) != 0 ||
        open_forward(&l->up_forward, l->device, turned, l->out, l->rank, 1, NULL, err) != 0 ||
        cw_weight_open_backward(&l->up_backward, l->device, turned, l->out, l->rank, 1, 1, err) != 0)
        goto done;
    rc = 0;
done:
    free(turned);
    return rc;
}

int cw_lstm_layer_open(struct cw_lstm_layer *l, struct cw_device *d, const float *const ih[2], const float *const hh[2],
                       const float *const bias_ih[2], const float *const bias_hh[2], int in, int hidden, struct cw_error *err) {
    *l = (struct cw_lstm_layer){.in = in, .hidden = hidden};
    for (int i = 0; i < 2; i++) {
        if (cw_lstm_open(&l->run[i], d, ih[i], hh[i], bias_ih[i], bias_hh[i], in, hidden, err) != 0 ||
            cw_lstm_backward_open(&l->back[i], d, ih[i], hh[i], in, hidden, err) != 0) {
            cw_lstm_layer_close(l);
            return -1;
        }
    }
    return 0;
}

void cw_lstm_layer_close(struct cw_lstm_layer *l) {
    for (int i = 0; i < 2; i++) {
        cw_lstm_close(l->run[i]);
        cw_lstm_backward_close(l->back[i]);
    }
    *l = (struct cw_lstm_layer){0};
}

/* ---- the tape --------------------------------------------------------------------------------------------------------- */

struct note;
typedef int back_function(struct cw_tape *t, struct note *n, struct cw_error *err);

struct note {
    back_function *back;
    struct cw_var *x, *x2, *y; /* x2: a second input: residual, style, other summand */
    struct cw_layer *layer;
    struct cw_lstm_layer *lstm;
    const int *repeats;
    int pad, dilation;
    float scale;
    struct cw_instance_norm_params norm;
    struct cw_mat kept; /* of low rank: down x; of an LSTM: its gates */
    cw_tape_back own;
    void *arg;
};

struct cw_tape {
    struct cw_device *device;
    struct cw_arena *arena;
    struct cw_var vars[VARS_MAX];
    struct note notes[NOTES_MAX];
    struct cw_mat spare[SPARE_MAX]; /* gradients' matrices that are free again */
    int var_count, note_count, spare_count;
    bool failed;
    struct cw_error err;
};

int cw_tape_open(struct cw_tape **out, struct cw_device *d, size_t max_bytes, struct cw_error *err) {
    struct cw_tape *t = calloc(1, sizeof *t);
    int rc = -1;

    *out = NULL;
    if (!t) {
        cw_fail_memory(err, "tape");
        goto done;
    }
    t->device = d;
    if (cw_arena_open(&t->arena, max_bytes, err) != 0)
        goto done;
    *out = t;
    t = NULL;
    rc = 0;
done:
    cw_tape_close(t);
    return rc;
}

void cw_tape_close(struct cw_tape *t) {
    if (!t)
        return;
    cw_arena_close(t->arena);
    free(t);
}

struct cw_arena *cw_tape_arena(struct cw_tape *t) {
    return t->arena;
}

struct cw_device *cw_tape_device(struct cw_tape *t) {
    return t->device;
}

void cw_tape_start(struct cw_tape *t) {
    cw_arena_release(t->arena, 0);
    t->var_count = t->note_count = t->spare_count = 0;
    t->failed = false;
}

int cw_tape_check(struct cw_tape *t, struct cw_error *err) {
    if (!t->failed)
        return 0;
    *err = t->err;
    return cw_failed(0);
}

void cw_tape_fail(struct cw_tape *t, const struct cw_error *err) {
    if (!t->failed)
        t->err = *err;
    t->failed = true;
}

/* After a failure there is still a variable to give: the last one, again and again. */
static struct cw_var *new_var(struct cw_tape *t) {
    if (t->var_count == VARS_MAX) {
        if (!t->failed)
            cw_fail(&t->err, CW_FAILED, "tape: expected at most %d variables", VARS_MAX);
        t->failed = true;
        return &t->vars[VARS_MAX - 1];
    }
    struct cw_var *v = &t->vars[t->var_count++];
    *v = (struct cw_var){0};
    return v;
}

static struct note *new_note(struct cw_tape *t, back_function *back, struct cw_var *x, struct cw_var *y) {
    if (t->note_count == NOTES_MAX) {
        if (!t->failed)
            cw_fail(&t->err, CW_FAILED, "tape: expected at most %d operations", NOTES_MAX);
        t->failed = true;
        return &t->notes[NOTES_MAX - 1];
    }
    struct note *n = &t->notes[t->note_count++];
    *n = (struct note){.back = back, .x = x, .y = y, .scale = 1};
    return n;
}

struct cw_var *cw_tape_leaf(struct cw_tape *t, struct cw_mat value, struct cw_mat grad) {
    struct cw_var *v = new_var(t);

    v->value = value;
    v->grad = grad;
    v->wanted = grad.data != NULL;
    for (int r = 0; v->wanted && r < grad.rows; r++)
        memset(grad.data + (ptrdiff_t)r * grad.stride, 0, sizeof(float) * (size_t)grad.cols);
    return v;
}

struct cw_var *cw_tape_room(struct cw_tape *t, int rows, int cols) {
    struct cw_var *v = new_var(t);

    v->wanted = true;
    if (!t->failed)
        t->failed = cw_arena_mat(t->arena, rows, cols, &v->value, &t->err) != 0;
    if (t->failed)
        v->value = (struct cw_mat){NULL, rows, cols, cols};
    return v;
}

struct cw_var *cw_tape_cols(struct cw_tape *t, struct cw_var *whole, int first, int cols) {
    struct cw_var *v = new_var(t);

    if (first < 0 || cols < 1 || first + cols > whole->value.cols) {
        if (!t->failed)
            cw_fail(&t->err, CW_BAD_INPUT, "tape: columns %d to %d of %d", first, first + cols, whole->value.cols);
        t->failed = true;
        return v;
    }
    v->value = cw_mat_cols(whole->value, first, cols);
    v->wanted = true;
    v->whole = whole;
    v->first = first;
    return v;
}

/* The gradient that has come for v, or a matrix without data. */
static struct cw_mat come(const struct cw_var *v) {
    if (!v->whole)
        return v->grad;
    return v->whole->grad.data ? cw_mat_cols(v->whole->grad, v->first, v->value.cols) : (struct cw_mat){0};
}

int cw_tape_grad(struct cw_tape *t, struct cw_var *v, bool *add, struct cw_error *err) {
    *add = true;
    if (v->whole) { /* columns that nothing has read yet: the rest of their matrix has no gradient either */
        if (!v->whole->grad.data) {
            bool whole_add;
            if (cw_tape_grad(t, v->whole, &whole_add, err) != 0)
                return -1;
            for (int r = 0; r < v->whole->grad.rows; r++)
                memset(v->whole->grad.data + (ptrdiff_t)r * v->whole->grad.stride, 0, sizeof(float) * (size_t)v->whole->grad.cols);
        }
        v->grad = come(v);
        return 0;
    }
    if (v->grad.data)
        return 0;
    *add = false;
    for (int i = 0; i < t->spare_count; i++) {
        if (t->spare[i].rows == v->value.rows && t->spare[i].cols == v->value.cols) {
            v->grad = t->spare[i];
            t->spare[i] = t->spare[--t->spare_count];
            return 0;
        }
    }
    return cw_arena_mat(t->arena, v->value.rows, v->value.cols, &v->grad, err);
}

static void give_back(struct cw_tape *t, struct cw_var *v) {
    if (!v->whole && v->grad.data && t->spare_count < SPARE_MAX)
        t->spare[t->spare_count++] = v->grad;
    v->grad = (struct cw_mat){0};
}

/* v gets the gradient dy, whose matrix it may keep: true when it did. */
static int pass_on(struct cw_tape *t, struct cw_var *v, struct cw_mat dy, bool may_keep, bool *kept, struct cw_error *err) {
    bool add;

    *kept = false;
    if (!v->wanted)
        return 0;
    if (may_keep && !v->whole && !v->grad.data) {
        v->grad = dy;
        *kept = true;
        return 0;
    }
    if (cw_tape_grad(t, v, &add, err) != 0)
        return -1;
    return add ? cw_add(t->device, v->grad, dy, 1, v->grad, err) : cw_copy(t->device, dy, v->grad, err);
}

/* y's own gradient, if it has a matrix of its own that a residual may keep. */
static bool owns(const struct cw_var *y) {
    return !y->whole;
}

int cw_tape_backward(struct cw_tape *t, struct cw_error *err) {
    if (cw_tape_check(t, err) != 0)
        return -1;
    for (int i = t->note_count - 1; i >= 0; i--) {
        struct note *n = &t->notes[i];
        n->y->grad = come(n->y);
        if (!n->y->grad.data)
            continue; /* nothing depends on it */
        if (n->back(t, n, err) != 0)
            return -1;
        give_back(t, n->y);
    }
    return 0;
}

/* ---- operations ---------------------------------------------------------------------------------------------------------- */

static int back_copy(struct cw_tape *t, struct note *n, struct cw_error *err) {
    bool kept;
    return pass_on(t, n->x, n->y->grad, false, &kept, err);
}

void cw_tape_copy(struct cw_tape *t, struct cw_var *x, struct cw_var *y) {
    if (!t->failed)
        t->failed = cw_copy(t->device, x->value, y->value, &t->err) != 0;
    if (x->wanted)
        new_note(t, back_copy, x, y);
}

/* dx of the layer, and what it learns; with rank also through up and down: h = down x, y += up h. */
static int back_layer(struct cw_tape *t, struct note *n, struct cw_error *err) {
    struct cw_layer *l = n->layer;
    struct cw_device *d = t->device;
    const struct cw_mat dy = n->y->grad;
    bool kept = false, add = true;
    int rc = -1;

    if (n->scale != 1 && cw_add(d, dy, dy, n->scale / 2, dy, err) != 0)
        return -1;
    if (l->offset_grad && cw_column_sums(d, dy, l->offset_grad, err) != 0)
        return -1;
    /* Room for a gradient stays; it is taken before the scratch, which does not. */
    if (n->x->wanted && cw_tape_grad(t, n->x, &add, err) != 0)
        return -1;
    const size_t scratch = cw_arena_mark(t->arena);
    if (n->x->wanted) {
        if (l->kind == CW_LAYER_CONV)
            rc = cw_conv1d_backward(d, dy, l->backward, l->stride, n->pad, n->dilation, add, n->x->grad, err);
        else if (l->kind == CW_LAYER_TRANSPOSED)
            rc = cw_conv_transpose1d_backward(d, dy, l->backward, l->stride, n->pad, add, n->x->grad, err);
        else
            rc = cw_conv_transpose1d_depthwise_backward(d, dy, l->w, l->taps, l->stride, n->pad, add, n->x->grad, err);
        if (rc != 0)
            goto done;
    }
    rc = -1;
    if (l->rank > 0) {
        struct cw_mat u;
        if (cw_arena_mat(t->arena, dy.rows, l->rank, &u, err) != 0 ||
            cw_conv1d_backward(d, dy, l->up_backward, 1, 0, 1, false, u, err) != 0 ||
            cw_conv1d_backward_weight(d, t->arena, dy, n->kept, 1, 1, 0, 1, l->up_grad, err) != 0 ||
            cw_conv1d_backward_weight(d, t->arena, n->x->value, u, l->taps, l->stride, n->pad, n->dilation, l->down_grad, err) != 0)
            goto done;
        if (n->x->wanted && cw_conv1d_backward(d, u, l->down_backward, l->stride, n->pad, n->dilation, true, n->x->grad, err) != 0)
            goto done;
    }
    rc = 0;
done:
    cw_arena_release(t->arena, scratch);
    if (rc == 0 && n->x2) {
        rc = pass_on(t, n->x2, dy, owns(n->y), &kept, err);
        if (kept)
            n->y->grad = (struct cw_mat){0};
    }
    return rc;
}

static int run_layer(struct cw_tape *t, struct cw_var *x, const struct cw_layer *l, int pad, int dilation, int output_pad,
                     struct cw_epilogue e, struct cw_mat y, struct cw_mat kept, struct cw_error *err) {
    if (l->kind == CW_LAYER_TRANSPOSED)
        return cw_conv_transpose1d(t->device, x->value, l->forward, pad, output_pad, e, y, err);
    if (l->kind == CW_LAYER_DEPTHWISE)
        return cw_conv_transpose1d_depthwise(t->device, x->value, l->w, l->shifted, l->taps, l->stride, pad, output_pad, y, err);
    if (l->rank > 0) { /* first what the rank adds, then all the rest onto it */
        if (cw_conv1d(t->device, x->value, l->down_forward, l->stride, pad, dilation, (struct cw_epilogue){0}, kept, err) != 0 ||
            cw_linear(t->device, kept, l->up_forward, (struct cw_epilogue){0}, y, err) != 0)
            return -1;
        e.add2 = y;
    }
    return cw_conv1d(t->device, x->value, l->forward, l->stride, pad, dilation, e, y, err);
}

struct cw_var *cw_tape_layer(struct cw_tape *t, struct cw_var *x, struct cw_layer *l, int pad, int dilation, int output_pad,
                             struct cw_var *add, float scale, struct cw_var *y) {
    const int64_t in = x->value.rows;
    const int64_t rows = l->kind == CW_LAYER_CONV ? (in + 2 * pad - (int64_t)dilation * (l->taps - 1) - 1) / l->stride + 1
                                                  : (in - 1) * l->stride - 2 * pad + l->taps + output_pad;
    struct cw_mat kept = {0};

    if (!t->failed && (rows < 1 || rows > INT32_MAX)) {
        cw_fail(&t->err, CW_BAD_INPUT, "%s: %lld rows", l->name, (long long)rows);
        t->failed = true;
    }
    if (!y)
        y = cw_tape_room(t, t->failed ? 1 : (int)rows, l->out);
    if (!t->failed && l->rank > 0)
        t->failed = cw_arena_mat(t->arena, (int)rows, l->rank, &kept, &t->err) != 0;
    const struct cw_epilogue e = {.add = add ? add->value : (struct cw_mat){0}, .scale = add ? scale : 1};
    if (!t->failed)
        t->failed = run_layer(t, x, l, pad, dilation, output_pad, e, y->value, kept, &t->err) != 0;
    struct note *n = new_note(t, back_layer, x, y);
    n->x2 = add;
    n->layer = l;
    n->pad = pad;
    n->dilation = dilation;
    n->scale = add ? scale : 1;
    n->kept = kept;
    return y;
}

/* Gain | shift [1, 2C] of an adaptive norm, with room for its way back; the 1 of (1 + gain) is in it. */
static int style_numbers(struct cw_tape *t, const struct cw_layer *fc, const struct cw_var *style, int C, struct cw_mat *h,
                         struct cw_error *err) {
    if (fc->out != 2 * C)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected %d outputs, found %d", fc->name, 2 * C, fc->out);
    if (cw_arena_mat(t->arena, 1, 2 * C, h, err) != 0 ||
        cw_linear(t->device, style->value, fc->forward, (struct cw_epilogue){0}, *h, err) != 0)
        return -1;
    for (int c = 0; c < C; c++)
        h->data[c] += 1;
    return 0;
}

/* Of an adaptive norm of columns or of rows. */
static int back_adaptive(struct cw_tape *t, struct note *n, bool rows, struct cw_error *err) {
    struct cw_device *d = t->device;
    const int C = n->x->value.cols;
    struct cw_var unwanted = {.value = n->x->value};
    struct cw_var *x = n->x->wanted ? n->x : &unwanted;
    struct cw_mat h;
    bool add, style_add = true;
    int rc = -1;

    if (cw_tape_grad(t, x, &add, err) != 0 || (n->x2->wanted && cw_tape_grad(t, n->x2, &style_add, err) != 0))
        return -1;
    const size_t scratch = cw_arena_mark(t->arena);
    if (cw_arena_mat(t->arena, 1, 2 * C, &h, err) != 0)
        goto done;
    memset(h.data, 0, sizeof(float) * 2 * (size_t)C);
    if (rows ? cw_layer_norm_backward(d, n->x->value, n->norm.gain, n->norm.eps, n->y->grad, h.data, h.data + C, add, x->grad, err) != 0
             : cw_instance_norm_backward(d, n->x->value, n->norm, n->y->grad, h.data, h.data + C, add, x->grad, err) != 0)
        goto done;
    for (int c = 0; n->layer->offset_grad && c < 2 * C; c++)
        n->layer->offset_grad[c] += h.data[c];
    if (n->x2->wanted && cw_conv1d_backward(d, h, n->layer->backward, 1, 0, 1, style_add, n->x2->grad, err) != 0)
        goto done;
    rc = 0;
done:
    cw_arena_release(t->arena, scratch);
    return rc;
}

static int back_adain(struct cw_tape *t, struct note *n, struct cw_error *err) {
    return back_adaptive(t, n, false, err);
}

static int back_adaptive_layer_norm(struct cw_tape *t, struct note *n, struct cw_error *err) {
    return back_adaptive(t, n, true, err);
}

struct cw_var *cw_tape_adain(struct cw_tape *t, struct cw_var *x, struct cw_layer *fc, struct cw_var *style,
                             struct cw_instance_norm_params p) {
    const int C = x->value.cols;
    struct cw_var *y = cw_tape_room(t, x->value.rows, C);
    struct cw_mat h = {0};

    if (!t->failed)
        t->failed = style_numbers(t, fc, style, C, &h, &t->err) != 0 || cw_arena_mat(t->arena, 3, C, &p.moments, &t->err) != 0 ||
                    cw_column_moments(t->device, x->value, p.moments, &t->err) != 0;
    if (t->failed)
        return y;
    p.gain = h.data;
    p.shift = h.data + C;
    t->failed = cw_instance_norm(t->device, x->value, p, y->value, &t->err) != 0;
    struct note *n = new_note(t, back_adain, x, y);
    n->x2 = style;
    n->layer = fc;
    n->norm = p;
    return y;
}

struct cw_var *cw_tape_adaptive_layer_norm(struct cw_tape *t, struct cw_var *x, struct cw_layer *fc, struct cw_var *style, float eps,
                                           struct cw_var *y) {
    const int C = x->value.cols;
    struct cw_mat h = {0};

    if (!y)
        y = cw_tape_room(t, x->value.rows, C);
    if (!t->failed)
        t->failed = style_numbers(t, fc, style, C, &h, &t->err) != 0 ||
                    cw_layer_norm(t->device, x->value, h.data, h.data + C, false, eps, y->value, &t->err) != 0;
    if (t->failed)
        return y;
    struct note *n = new_note(t, back_adaptive_layer_norm, x, y);
    n->x2 = style;
    n->layer = fc;
    n->norm = (struct cw_instance_norm_params){.gain = h.data, .shift = h.data + C, .eps = eps};
    return y;
}

static int back_lstm(struct cw_tape *t, struct note *n, struct cw_error *err) {
    bool add;
    int rc;
    if (!n->x->wanted)
        return 0;
    if (cw_tape_grad(t, n->x, &add, err) != 0)
        return -1;
    const size_t scratch = cw_arena_mark(t->arena);
    rc = cw_lstm_bidirectional_backward(t->device, t->arena, n->lstm->back[0], n->lstm->back[1], n->kept, n->y->grad, add, n->x->grad, err);
    cw_arena_release(t->arena, scratch);
    return rc;
}

struct cw_var *cw_tape_lstm(struct cw_tape *t, struct cw_var *x, struct cw_lstm_layer *l) {
    struct cw_var *y = cw_tape_room(t, x->value.rows, 2 * l->hidden);
    struct cw_mat gates = {0};

    if (!t->failed)
        t->failed = cw_arena_mat(t->arena, x->value.rows, 8 * l->hidden, &gates, &t->err) != 0 ||
                    cw_lstm_bidirectional(t->device, x->value, l->run[0], l->run[1], gates, y->value, &t->err) != 0;
    struct note *n = new_note(t, back_lstm, x, y);
    n->lstm = l;
    n->kept = gates;
    return y;
}

static int back_leaky(struct cw_tape *t, struct note *n, struct cw_error *err) {
    bool add;
    if (!n->x->wanted)
        return 0;
    if (cw_tape_grad(t, n->x, &add, err) != 0)
        return -1;
    return cw_leaky_backward(t->device, n->x->value, n->scale, n->y->grad, add, n->x->grad, err);
}

struct cw_var *cw_tape_leaky(struct cw_tape *t, struct cw_var *x, float slope) {
    struct cw_var *y = cw_tape_room(t, x->value.rows, x->value.cols);

    if (!t->failed)
        t->failed = cw_leaky(t->device, x->value, slope, y->value, &t->err) != 0;
    new_note(t, back_leaky, x, y)->scale = slope;
    return y;
}

static int back_add(struct cw_tape *t, struct note *n, struct cw_error *err) {
    const struct cw_mat dy = n->y->grad;
    bool kept;

    if (n->scale != 1 && cw_add(t->device, dy, dy, n->scale / 2, dy, err) != 0)
        return -1;
    if (pass_on(t, n->x, dy, false, &kept, err) != 0 || pass_on(t, n->x2, dy, owns(n->y), &kept, err) != 0)
        return -1;
    if (kept)
        n->y->grad = (struct cw_mat){0};
    return 0;
}

struct cw_var *cw_tape_add(struct cw_tape *t, struct cw_var *a, struct cw_var *b, float scale) {
    struct cw_var *y = cw_tape_room(t, a->value.rows, a->value.cols);

    if (!t->failed)
        t->failed = cw_add(t->device, a->value, b->value, scale, y->value, &t->err) != 0;
    struct note *n = new_note(t, back_add, a, y);
    n->x2 = b;
    n->scale = scale;
    return y;
}

/* Rows first, first + 2, ... of a matrix of twice the rows. */
static struct cw_mat every_second(struct cw_mat m, int first) {
    return (struct cw_mat){m.data + (ptrdiff_t)first * m.stride, m.rows / 2, m.cols, 2 * m.stride};
}

static int back_double_rows(struct cw_tape *t, struct note *n, struct cw_error *err) {
    const struct cw_mat dy = n->y->grad, even = every_second(dy, 0);
    bool kept;

    if (cw_add(t->device, even, every_second(dy, 1), 1, even, err) != 0)
        return -1;
    return pass_on(t, n->x, even, false, &kept, err);
}

struct cw_var *cw_tape_double_rows(struct cw_tape *t, struct cw_var *x) {
    struct cw_var *y = cw_tape_room(t, 2 * x->value.rows, x->value.cols);

    if (!t->failed)
        t->failed = cw_copy(t->device, x->value, every_second(y->value, 0), &t->err) != 0 ||
                    cw_copy(t->device, x->value, every_second(y->value, 1), &t->err) != 0;
    new_note(t, back_double_rows, x, y);
    return y;
}

static int back_reflect_row(struct cw_tape *t, struct note *n, struct cw_error *err) {
    const struct cw_mat dy = n->y->grad, second = cw_mat_rows(dy, 2, 1);
    bool kept;

    if (cw_add(t->device, second, cw_mat_rows(dy, 0, 1), 1, second, err) != 0)
        return -1;
    return pass_on(t, n->x, cw_mat_rows(dy, 1, dy.rows - 1), false, &kept, err);
}

struct cw_var *cw_tape_reflect_row(struct cw_tape *t, struct cw_var *x) {
    const int rows = x->value.rows;
    struct cw_var *y = cw_tape_room(t, rows + 1, x->value.cols);

    if (!t->failed && rows < 2) {
        cw_fail(&t->err, CW_BAD_INPUT, "tape: expected at least 2 rows to reflect, found %d", rows);
        t->failed = true;
    }
    if (!t->failed)
        t->failed = cw_copy(t->device, x->value, cw_mat_rows(y->value, 1, rows), &t->err) != 0 ||
                    cw_copy(t->device, cw_mat_rows(x->value, 1, 1), cw_mat_rows(y->value, 0, 1), &t->err) != 0;
    new_note(t, back_reflect_row, x, y);
    return y;
}

static int back_repeat_rows(struct cw_tape *t, struct note *n, struct cw_error *err) {
    bool add;
    if (!n->x->wanted)
        return 0;
    if (cw_tape_grad(t, n->x, &add, err) != 0)
        return -1;
    return cw_repeat_rows_backward(t->device, n->repeats, n->y->grad, add, n->x->grad, err);
}

struct cw_var *cw_tape_repeat_rows(struct cw_tape *t, struct cw_var *x, const int *repeats) {
    int64_t rows = 0;

    for (int r = 0; !t->failed && r < x->value.rows; r++)
        rows += repeats[r] > 0 ? repeats[r] : 0;
    if (!t->failed && (rows < 1 || rows > INT32_MAX)) {
        cw_fail(&t->err, CW_BAD_INPUT, "tape: expected repeats of 1 to %d rows in all, found %lld", INT32_MAX, (long long)rows);
        t->failed = true;
    }
    struct cw_var *y = cw_tape_room(t, t->failed ? 1 : (int)rows, x->value.cols);
    if (!t->failed)
        t->failed = cw_repeat_rows(t->device, x->value, repeats, y->value, &t->err) != 0;
    new_note(t, back_repeat_rows, x, y)->repeats = repeats;
    return y;
}

static int back_fill_rows(struct cw_tape *t, struct note *n, struct cw_error *err) {
    bool add;
    if (!n->x->wanted)
        return 0;
    if (cw_tape_grad(t, n->x, &add, err) != 0)
        return -1;
    if (!add)
        memset(n->x->grad.data, 0, sizeof(float) * (size_t)n->x->grad.cols);
    return cw_column_sums(t->device, n->y->grad, n->x->grad.data, err);
}

void cw_tape_fill_rows(struct cw_tape *t, struct cw_var *row, struct cw_var *y) {
    if (!t->failed && (row->value.rows != 1 || row->value.cols != y->value.cols)) {
        cw_fail(&t->err, CW_BAD_INPUT, "tape: expected a row of %d numbers, found %d x %d", y->value.cols, row->value.rows,
                row->value.cols);
        t->failed = true;
    }
    if (!t->failed)
        t->failed = cw_fill_rows(t->device, row->value.data, y->value, &t->err) != 0;
    new_note(t, back_fill_rows, row, y);
}

static int back_own(struct cw_tape *t, struct note *n, struct cw_error *err) {
    return n->own(n->arg, t, n->x, n->y, err);
}

void cw_tape_note(struct cw_tape *t, struct cw_var *x, struct cw_var *y, cw_tape_back back, void *arg) {
    struct note *n = new_note(t, back_own, x, y);
    n->own = back;
    n->arg = arg;
}

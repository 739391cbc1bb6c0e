/* Backward of an instance norm with its activation; part of body.h. */

/* Sums of one vector of columns over [row0, row1), n <= VN columns: in floats over CW_STATS_ROWS rows, those in double. */
INLINE void vector_backward_sums(const struct cw_norm_backward_job *j, const enum cw_norm_act act, int row0, int row1, int col, const int n,
                                 double *sum, double *product) {
    const struct cw_affine *a = &j->affine;
    const vf mean = load_up_to(a->mean + col, n), gain = load_up_to(a->gain + col, n), shift = load_up_to(a->shift + col, n);
    const vf twice = act == CW_NORM_SNAKE ? v_mul(load_up_to(a->alpha + col, n), v_set(2)) : v_set(0), one = v_set(1);
    int r, c;

    for (c = 0; c < n && c < VN; c++)
        sum[c] = product[c] = 0;
    for (; row0 < row1; row0 += CW_STATS_ROWS) {
        const int end = row1 - row0 < CW_STATS_ROWS ? row1 : row0 + CW_STATS_ROWS;
        vf part = v_set(0), parts = v_set(0);
        float some[VN], products[VN];

        for (r = row0; r < end; r++) {
            const float *x = j->x.data + (ptrdiff_t)r * j->x.stride + col;
            float *dy = j->dy.data + (ptrdiff_t)r * j->dy.stride + col;
            const vf from_mean = v_sub(load_up_to(x, n), mean);
            vf d = load_up_to(dy, n);

            if (act != CW_NORM_NONE) {
                const vf v = v_fma(from_mean, gain, shift);

                if (act == CW_NORM_LEAKY)
                    d = v_if_less(v, v_set(0), v_mul(d, v_set(a->slope)), d);
                else
                    d = v_mul(d, v_add(one, sin_of(v_mul(v, twice))));
                if (n >= VN)
                    v_store(dy, d);
                else
                    v_store_n(dy, d, n);
            }
            part = v_add(part, d);
            parts = v_fma(d, from_mean, parts);
        }
        v_store(some, part);
        v_store(products, parts);
        for (c = 0; c < n && c < VN; c++) {
            sum[c] += some[c];
            product[c] += products[c];
        }
    }
}

static void norm_backward_sums(const struct cw_norm_backward_job *j, int row0, int row1, int col0, int n, double *sum, double *product) {
    int c;

    for (c = 0; c < n; c += VN) {
        switch (j->affine.act) { /* constant in each call */
        case CW_NORM_NONE:
            vector_backward_sums(j, CW_NORM_NONE, row0, row1, col0 + c, n - c, sum + c, product + c);
            break;
        case CW_NORM_LEAKY:
            vector_backward_sums(j, CW_NORM_LEAKY, row0, row1, col0 + c, n - c, sum + c, product + c);
            break;
        case CW_NORM_SNAKE:
            vector_backward_sums(j, CW_NORM_SNAKE, row0, row1, col0 + c, n - c, sum + c, product + c);
            break;
        }
    }
}

static void norm_backward(const struct cw_norm_backward_job *j, int row0, int row1) {
    const struct cw_affine *a = &j->affine;
    int r, c;

    for (r = row0; r < row1; r++) {
        const float *x = j->x.data + (ptrdiff_t)r * j->x.stride, *dy = j->dy.data + (ptrdiff_t)r * j->dy.stride;
        float *dx = j->dx.data + (ptrdiff_t)r * j->dx.stride;

        for (c = 0; c < j->x.cols; c += VN) {
            const int n = j->x.cols - c;
            vf v =
                v_fma(v_sub(load_up_to(x + c, n), load_up_to(a->mean + c, n)), load_up_to(j->slope + c, n), load_up_to(j->offset + c, n));

            v = v_fma(load_up_to(dy + c, n), load_up_to(a->gain + c, n), v);
            if (j->add)
                v = v_add(v, load_up_to(dx + c, n));
            if (n >= VN)
                v_store(dx + c, v);
            else
                v_store_n(dx + c, v, n);
        }
    }
}

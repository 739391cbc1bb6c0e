/* Mean and variance of columns, gathered while a convolution stores them; part of body.h. */

/* Sums of one vector of columns while it is stored, less a first value that is of their size: mean and squares follow. */
struct column_sums {
    vf first, sum, squares;
};

INLINE void sums_add(struct column_sums *s, vf v) {
    v = v_sub(v, s->first);
    s->sum = v_add(s->sum, v);
    s->squares = v_fma(v, v, s->squares);
}

static void sums_join(const struct column_sums *s, int rows, int col, int n, struct cw_moments *m) {
    const vf part = v_set(1 / (float)rows);
    float means[VN], squares[VN];
    int i;

    v_store(means, v_fma(s->sum, part, s->first));
    v_store(squares, v_fnma(v_mul(s->sum, part), s->sum, s->squares));
    for (i = 0; i < VN && i < n; i++) {
        if (m->count == 0) {
            m->mean[col + i] = means[i];
            m->m2[col + i] = squares[i];
        } else {
            cw_stats_join(m->count, &m->mean[col + i], &m->m2[col + i], rows, means[i], squares[i]);
        }
    }
}

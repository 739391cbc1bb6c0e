/* Folding: weight + up^T down, bias + offset, in double, once. */
#include "base/learnt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RANK_MAX = 256 };

static bool finite_all(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

static int check(const struct cw_learnt_layer *a, int out, int in, int taps, bool has_weight, bool has_bias, struct cw_error *err) {
    if (a->out != out || (a->rank > 0 && (a->in != in || a->taps != taps)))
        return cw_fail(err, CW_BAD_INPUT, "voice: layer \"%s\": expected %d x %d x %d, found %d x %d x %d", a->name, out, in, taps, a->out,
                       a->in, a->taps);
    if (a->rank < 0 || a->rank > RANK_MAX || (a->rank > 0 && (!a->down || !a->up || !has_weight)))
        return cw_fail(err, CW_BAD_INPUT, "voice: layer \"%s\": expected a rank of 0 to %d with its numbers, found %d", a->name, RANK_MAX,
                       a->rank);
    if (a->offset && !has_bias)
        return cw_fail(err, CW_BAD_INPUT, "voice: layer \"%s\": expected no offset, the layer has no bias", a->name);
    if ((a->offset && !finite_all(a->offset, (size_t)out)) ||
        (a->rank > 0 &&
         (!finite_all(a->down, (size_t)a->rank * (size_t)in * (size_t)taps) || !finite_all(a->up, (size_t)a->rank * (size_t)out))))
        return cw_fail(err, CW_BAD_INPUT, "voice: layer \"%s\": expected finite numbers", a->name);
    return 0;
}

int cw_learnt_fold(const struct cw_learnt *l, const char *name, int out, int in, int taps, const float **weight, const float **bias,
                   float **room, struct cw_error *err) {
    const struct cw_learnt_layer *a = NULL;
    const size_t row = (size_t)in * (size_t)taps, n = (size_t)out * row;
    int rc = -1;

    *room = NULL;
    for (int i = 0; l && i < l->count && !a; i++)
        a = strcmp(l->layers[i].name, name) == 0 ? &l->layers[i] : NULL;
    if (!a)
        return 0;
    if (check(a, out, in, taps, *weight != NULL, *bias != NULL, err) != 0)
        return -1;
    float *to = malloc(sizeof *to * ((a->rank > 0 ? n : 0) + (size_t)out));
    double *sums = malloc(sizeof *sums * row);
    if (!to || !sums) {
        cw_fail_memory(err, "voice");
        free(to);
        goto done;
    }
    *room = to;
    rc = 0;
    if (a->offset) {
        for (int i = 0; i < out; i++)
            to[i] = (*bias)[i] + a->offset[i];
        *bias = to;
    }
    to += out;
    if (a->rank > 0) {
        for (size_t i = 0; i < (size_t)out; i++) {
            for (size_t k = 0; k < row; k++)
                sums[k] = (double)(*weight)[i * row + k];
            for (size_t r = 0; r < (size_t)a->rank; r++) {
                const double up = (double)a->up[r * (size_t)out + i];
                for (size_t k = 0; up != 0 && k < row; k++)
                    sums[k] += up * (double)a->down[r * row + k];
            }
            for (size_t k = 0; k < row; k++)
                to[i * row + k] = (float)sums[k];
        }
        *weight = to;
    }
done:
    free(sums);
    return rc;
}

int cw_learnt_check(const struct cw_learnt *l, const char *prefix, bool inside, int found, struct cw_error *err) {
    int want = 0;
    for (int i = 0; l && i < l->count; i++)
        want += (strncmp(l->layers[i].name, prefix, strlen(prefix)) == 0) == inside;
    if (want != found)
        return cw_fail(err, CW_BAD_INPUT, "voice: expected layers that the engine has, each once, found %d of %d that are not",
                       want - found, want);
    return 0;
}

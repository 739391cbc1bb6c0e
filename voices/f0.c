/* Frame -> normalised difference per lag -> candidates with probabilities -> Viterbi over (pitch, voiced or not) -> Hz. */
#include "voices/f0.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 200, THRESHOLDS = 100, CANDIDATES = 16, REACH = 12, STATES = 2 * BINS };
static const double lowest = 50, highest = 500; /* Hz */
static const double window_seconds = 0.033;
static const double no_trough = 0.01; /* of a threshold's weight goes to the deepest point where no trough is below it */
static const double stay = 0.99;      /* voiced or not, as the frame before */

struct candidate {
    double hz, weight;
};

/* Weights of the thresholds 0.01, 0.02, ... 1: the widest of the method's three beta distributions, a = 2, b = 8 (mean 0.2): with the
 * narrowest, rough and echoing vowels had no pitch. */
static void threshold_weights(double w[THRESHOLDS]) {
    double sum = 0;
    for (int i = 0; i < THRESHOLDS; i++) {
        double x = (i + 0.5) / THRESHOLDS;
        w[i] = x * pow(1 - x, 7);
        sum += w[i];
    }
    for (int i = 0; i < THRESHOLDS; i++) {
        w[i] /= sum;
    }
}

/* YIN's cumulative mean normalised difference of the window around `centre`, lags 0 .. longest. */
static void difference(const float *x, size_t n, ptrdiff_t centre, int window, int longest, double *d) {
    double buffer[4096] = {0}, running = 0;
    ptrdiff_t start = centre - (window + longest) / 2;
    for (int i = 0; i < window + longest; i++) {
        ptrdiff_t at = start + i;
        buffer[i] = at >= 0 && at < (ptrdiff_t)n ? (double)x[at] : 0;
    }
    d[0] = 1;
    for (int lag = 1; lag <= longest; lag++) {
        double sum = 0;
        for (int i = 0; i < window; i++) {
            double e = buffer[i] - buffer[i + lag];
            sum += e * e;
        }
        running += sum;
        d[lag] = running > 1e-9 ? sum * lag / running : 1;
    }
}

/* The troughs of d, the shallowest lag first, each with the weight of the thresholds whose first trough it is. */
static int find_candidates(const double *d, int shortest, int longest, int rate, const double *weights, struct candidate *c) {
    int lags[CANDIDATES], count = 0, deepest = shortest;
    for (int lag = shortest; lag < longest; lag++) {
        deepest = d[lag] < d[deepest] ? lag : deepest;
        /* only a trough deeper than those before it is ever the first below a threshold; sound rich in overtones has dozens of others */
        if (d[lag] < d[lag - 1] && d[lag] <= d[lag + 1] && (count == 0 || d[lag] < d[lags[count - 1]])) {
            count -= count == CANDIDATES;
            lags[count++] = lag;
        }
    }
    for (int k = 0; k < count; k++) {
        double a = d[lags[k] - 1], b = d[lags[k]], e = d[lags[k] + 1], bend = a - 2 * b + e;
        c[k] = (struct candidate){.hz = rate / (lags[k] + (bend > 1e-12 ? 0.5 * (a - e) / bend : 0))};
    }
    for (int i = 0; i < THRESHOLDS; i++) {
        double threshold = (i + 1.0) / THRESHOLDS;
        int k = 0;
        while (k < count && d[lags[k]] >= threshold) {
            k++;
        }
        if (k < count) {
            c[k].weight += weights[i];
        } else {
            for (k = 0; k < count; k++) {
                c[k].weight += lags[k] == deepest ? no_trough * weights[i] : 0;
            }
        }
    }
    return count;
}

static int bin_of(double hz) {
    int bin = (int)floor(BINS * log(hz / lowest) / log(highest / lowest));
    return bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin;
}

/* What a step costs: how far the pitch moves, and whether the voice begins or ends. */
struct moves {
    double near[2 * REACH + 1], same, other;
};

static struct moves make_moves(void) {
    struct moves m = {.same = log(stay), .other = log(1 - stay)};
    const double norm = (REACH + 1.0) * (REACH + 1.0);
    for (int k = -REACH; k <= REACH; k++) {
        m.near[k + REACH] = log((REACH + 1 - abs(k)) / norm);
    }
    return m;
}

/* One step of the Viterbi search: score [2 BINS] of the frame before -> after; back [2 BINS]. */
static void step(const struct moves *m, const double *before, const double *seen, double *after, short *back) {
    for (int s = 0; s < STATES; s++) {
        int bin = s % BINS, best = 0;
        double top = -1e300;
        for (int from = bin < REACH ? 0 : bin - REACH; from <= bin + REACH && from < BINS; from++) {
            for (int voiced = 0; voiced < 2; voiced++) {
                double p = before[voiced * BINS + from] + m->near[from - bin + REACH] + (voiced == s / BINS ? m->same : m->other);
                if (p > top) {
                    top = p;
                    best = voiced * BINS + from;
                }
            }
        }
        after[s] = top + log(seen[s] + 1e-12);
        back[s] = (short)best;
    }
}

int cw_f0_track(const float *x, size_t n, int rate, int hop, float *f0, int frames, struct cw_error *err) {
    int result = -1;
    const int shortest = (int)(rate / highest), longest = (int)(rate / lowest) + 1, window = (int)(rate * window_seconds);
    double *d = calloc((size_t)longest + 2, sizeof *d), weights[THRESHOLDS], seen[STATES], score[2][STATES];
    short *back = calloc((size_t)frames + 1, sizeof *back * STATES);
    struct candidate(*all)[CANDIDATES] = calloc((size_t)frames + 1, sizeof *all);
    int *counts = calloc((size_t)frames + 1, sizeof *counts);
    if (d == NULL || back == NULL || all == NULL || counts == NULL) {
        cw_fail_memory(err, "F0");
        goto done;
    }
    if (window + longest + 1 > 4096 || frames < 1) {
        cw_fail(err, CW_BAD_INPUT, "F0: expected a rate of at most 48,000 Hz and a frame, found %d and %d", rate, frames);
        goto done;
    }
    const struct moves moves = make_moves();
    threshold_weights(weights);
    for (int s = 0; s < STATES; s++) {
        score[1][s] = s < BINS ? 0 : -10; /* begins unvoiced */
    }
    for (int t = 0; t < frames; t++) {
        double total = 0;
        difference(x, n, (ptrdiff_t)t * hop, window, longest, d);
        counts[t] = find_candidates(d, shortest, longest, rate, weights, all[t]);
        memset(seen, 0, sizeof seen);
        for (int k = 0; k < counts[t]; k++) {
            seen[BINS + bin_of(all[t][k].hz)] += all[t][k].weight;
            total += all[t][k].weight;
        }
        for (int s = 0; s < BINS; s++) {
            seen[s] = fmax(0, 1 - total) / BINS;
        }
        step(&moves, score[(t + 1) % 2], seen, score[t % 2], back + (size_t)t * STATES);
    }
    int at = 0;
    for (int s = 1; s < STATES; s++) {
        at = score[(frames - 1) % 2][s] > score[(frames - 1) % 2][at] ? s : at;
    }
    for (int t = frames - 1; t >= 0; t--) {
        f0[t] = 0;
        if (at >= BINS) {
            double middle = lowest * pow(highest / lowest, (at - BINS + 0.5) / BINS), best = middle;
            double near = 0.03; /* of the logarithm: the candidate itself is finer than the bin */
            for (int k = 0; k < counts[t]; k++) {
                double away = fabs(log(all[t][k].hz / middle));
                if (away < near) {
                    near = away;
                    best = all[t][k].hz;
                }
            }
            f0[t] = (float)best;
        }
        at = back[(size_t)t * STATES + (size_t)at];
    }
    result = 0;
done:
    free(d);
    free(back);
    free(all);
    free(counts);
    return result;
}

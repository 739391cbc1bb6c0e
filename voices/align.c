/* Sound -> mel power -> cepstra -> the cheapest monotone path between two sounds (Sakoe and Chiba, 1978), inside a band. Where the one
 * may pause, silence of the other costs next to nothing, however long: readers pause for longer than any synthesis. */
#include "voices/align.h"

#include "base/mel.h"
#include "voices/spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FFT = 2048, WINDOW = 1200, BINS = FFT / 2 + 1, CEPSTRA = 15, FEATURES = 2 * CEPSTRA + 1, STEPS = 5, FRAMES_MAX = 10000 };
static const double band = 0.25;        /* of the length, either side of the diagonal */
static const double quiet = 1e-4;       /* of the mean power: what lies below is the room, and counts as silence */
static const double slow = 1.3;         /* weight of a step in which one sound stands still */
static const double unlike_level = 0.5; /* weight of how far the levels are apart */
static const double pause_cost = 0.1, pause_level = 0.15, pause_loud = 3; /* of a frame in a pause; from this level on it is no silence */
static const double level_range = 8; /* silence is so far below what is loud, or where the quietest twentieth is */

/* mel power [frames, 80]; the filters are those of 16 kHz laid on 24 kHz, as the engine was trained */
static int mel_power(const float *x, size_t n, int frames, double *mel, struct cw_error *err) {
    struct cw_spectrum *s = NULL;
    double power[BINS], *filters = calloc((size_t)CW_ALIGN_MELS * BINS, sizeof *filters);
    int first[CW_ALIGN_MELS], last[CW_ALIGN_MELS], result = -1;
    if (filters == NULL) {
        cw_fail_memory(err, "mel spectrogram");
        goto done;
    }
    if (cw_spectrum_open(&s, FFT, WINDOW, err) != 0) {
        goto done;
    }
    cw_mel_filters(filters, CW_ALIGN_MELS, FFT, 16000, 8000, false);
    for (int m = 0; m < CW_ALIGN_MELS; m++) {
        first[m] = BINS;
        last[m] = 0;
        for (int k = 0; k < BINS; k++) {
            if (filters[m * BINS + k] > 0) {
                first[m] = k < first[m] ? k : first[m];
                last[m] = k + 1;
            }
        }
    }
    for (int f = 0; f < frames; f++) {
        cw_spectrum_power(s, x, n, (ptrdiff_t)f * CW_ALIGN_HOP, power);
        for (int m = 0; m < CW_ALIGN_MELS; m++) {
            double sum = 0;
            for (int k = first[m]; k < last[m]; k++) {
                sum += filters[m * BINS + k] * power[k];
            }
            mel[(size_t)f * CW_ALIGN_MELS + (size_t)m] = sum + 1e-5;
        }
    }
    result = 0;
done:
    cw_spectrum_close(s);
    free(filters);
    return result;
}

/* Each column to mean 0 and variance 1, weighted; then each frame to length 1. */
static void normalise(float *x, int frames, const double *weight) {
    for (int c = 0; c < FEATURES; c++) {
        double sum = 0, squares = 0;
        for (int f = 0; f < frames; f++) {
            sum += (double)x[f * FEATURES + c];
        }
        for (int f = 0; f < frames; f++) {
            double e = (double)x[f * FEATURES + c] - sum / frames;
            squares += e * e;
        }
        double scale = squares > 0 ? weight[c] / sqrt(squares / frames) : 0;
        for (int f = 0; f < frames; f++) {
            x[f * FEATURES + c] = (float)(((double)x[f * FEATURES + c] - sum / frames) * scale);
        }
    }
    for (int f = 0; f < frames; f++) {
        double squares = 1e-12;
        for (int c = 0; c < FEATURES; c++) {
            squares += (double)x[f * FEATURES + c] * (double)x[f * FEATURES + c];
        }
        for (int c = 0; c < FEATURES; c++) {
            x[f * FEATURES + c] = (float)((double)x[f * FEATURES + c] / sqrt(squares));
        }
    }
}

/* Mels that end below the band: their filters are drawn for 16 kHz and laid on 24. */
static int mels_below(double band_hz) {
    const double top = 2595 * log10(1 + 8000.0 / 700);
    int mels = CW_ALIGN_MELS;
    while (mels > 2 * CEPSTRA && 1.5 * 700 * (pow(10, top * (mels + 1) / (CW_ALIGN_MELS + 1) / 2595) - 1) > band_hz + 1) {
        mels--;
    }
    return mels;
}

/* How loud each frame is: 0 as silence, 1 as speech. */
static void find_levels(struct cw_align_side *h) {
    float *level = h->level;
    memcpy(level, h->energy, sizeof *level * (size_t)h->frames);
    qsort(level, (size_t)h->frames, sizeof *level, cw_order_floats);
    const double high = (double)level[h->frames * 4 / 5], low = fmax((double)level[h->frames / 20], high - level_range);
    for (int f = 0; f < h->frames; f++) {
        level[f] = (float)fmin(1, fmax(0, ((double)h->energy[f] - low) / fmax(0.5, high - low)));
    }
}

int cw_align_side_make(struct cw_align_side *h, const float *x, size_t n, double band_hz, struct cw_error *err) {
    int result = -1, frames = (int)(n / CW_ALIGN_HOP);
    const int mels = mels_below(band_hz);
    double floor = 0;
    double *mel = NULL, weight[FEATURES];
    *h = (struct cw_align_side){.frames = frames};
    if (frames < 8 || frames > FRAMES_MAX) {
        cw_fail(err, CW_BAD_INPUT, "expected a recording of 0.1 to %d seconds, found %.1f", FRAMES_MAX / 80, (double)n / 24000);
        goto done;
    }
    mel = calloc((size_t)frames * CW_ALIGN_MELS, sizeof *mel);
    h->energy = calloc((size_t)frames, sizeof *h->energy);
    h->level = calloc((size_t)frames, sizeof *h->level);
    h->features = calloc((size_t)frames * FEATURES, sizeof *h->features);
    if (mel == NULL || h->energy == NULL || h->level == NULL || h->features == NULL) {
        cw_fail_memory(err, "features");
        goto done;
    }
    if (mel_power(x, n, frames, mel, err) != 0) {
        goto done;
    }
    for (int f = 0; f < frames; f++) {
        for (int m = 0; m < mels; m++) {
            floor += quiet * mel[(size_t)f * CW_ALIGN_MELS + (size_t)m] / mels / frames;
        }
    }
    for (int f = 0; f < frames; f++) {
        double squares = 0, *row = mel + (size_t)f * CW_ALIGN_MELS;
        for (int m = 0; m < CW_ALIGN_MELS; m++) {
            squares += row[m] * row[m];
            row[m] = log(row[m] + floor);
        }
        h->energy[f] = (float)fmax(CW_ALIGN_LEAST_ENERGY, 0.5 * log(squares) + 0.35);
        for (int c = 0; c <= CEPSTRA; c++) { /* DCT-II; the level comes last */
            double sum = 0;
            for (int m = 0; m < mels; m++) {
                sum += row[m] * cos(M_PI * c * (m + 0.5) / mels);
            }
            h->features[f * FEATURES + (c == 0 ? 2 * CEPSTRA : c - 1)] = (float)sum;
        }
    }
    for (int f = 0; f < frames; f++) { /* slopes over five frames */
        for (int c = 0; c < CEPSTRA; c++) {
            double slope = 0;
            for (int k = -2; k <= 2; k++) {
                int at = f + k < 0 ? 0 : f + k >= frames ? frames - 1 : f + k;
                slope += k * (double)h->features[at * FEATURES + c];
            }
            h->features[f * FEATURES + CEPSTRA + c] = (float)slope;
        }
    }
    for (int c = 0; c < FEATURES; c++) {
        weight[c] = c < CEPSTRA ? 1 : c < 2 * CEPSTRA ? 2 : 0.5;
    }
    normalise(h->features, frames, weight);
    find_levels(h);
    result = 0;
done:
    free(mel);
    if (result != 0) {
        cw_align_side_free(h);
    }
    return result;
}

void cw_align_side_free(struct cw_align_side *h) {
    free(h->energy);
    free(h->level);
    free(h->features);
    *h = (struct cw_align_side){0};
}

static double unlike(const float *a, const float *b) {
    float dot = 0;
    for (int c = 0; c < FEATURES; c++) {
        dot += a[c] * b[c];
    }
    return 1 - (double)dot;
}

/* Where frame j of b stands in row i's band. */
struct grid {
    int rows, cols, width;
    double slope;
    float *total;        /* [rows, width] */
    unsigned char *step; /* [rows, width] */
};

static int band_start(const struct grid *g, int i) {
    return (int)lround(i * g->slope) - g->width / 2;
}

static float total_at(const struct grid *g, int i, int j) {
    int k = i < 0 ? -1 : j - band_start(g, i);
    return i < 0 || j < 0 || j >= g->cols || k < 0 || k >= g->width ? INFINITY : g->total[(size_t)i * (size_t)g->width + (size_t)k];
}

static const int step_a[STEPS] = {1, 1, 2, 0, 1}, step_b[STEPS] = {1, 2, 1, 1, 0};

int cw_align(const struct cw_align_side *a, const struct cw_align_side *b, const bool *pauses, float *places, float *costs,
             struct cw_error *err) {
    int result = -1;
    struct grid g = {.rows = a->frames, .cols = b->frames, .slope = a->frames > 1 ? (b->frames - 1.0) / (a->frames - 1.0) : 1};
    g.width = 2 * (int)(band * b->frames) + 9;
    size_t cells = (size_t)g.rows * (size_t)g.width;
    if (g.slope < 0.25 || g.slope > 4) {
        cw_fail(err, CW_BAD_INPUT, "expected two sounds of about one length, found %.1f and %.1f seconds", a->frames / 80.0,
                b->frames / 80.0);
        goto done;
    }
    g.total = malloc(cells * sizeof *g.total);
    g.step = calloc(cells, 1);
    if (g.total == NULL || g.step == NULL) {
        cw_fail_memory(err, "alignment");
        goto done;
    }
    for (int i = 0; i < g.rows; i++) {
        for (int k = 0; k < g.width; k++) {
            int j = band_start(&g, i) + k;
            size_t cell = (size_t)i * (size_t)g.width + (size_t)k;
            g.total[cell] = INFINITY;
            if (j < 0 || j >= g.cols) {
                continue;
            }
            const double cost = unlike(a->features + (size_t)i * FEATURES, b->features + (size_t)j * FEATURES) +
                                unlike_level * fabs((double)a->level[i] - (double)b->level[j]);
            const double waits = pauses[i] ? pause_cost + pause_loud * fmax(0, (double)b->level[j] - pause_level) : INFINITY;
            const double costs_of[STEPS] = {cost, cost, cost, fmin(waits, cost * slow), cost * slow};
            double best = INFINITY;
            for (int s = 0; s < STEPS; s++) {
                double before = (double)total_at(&g, i - step_a[s], j - step_b[s]) + costs_of[s];
                if (before < best) {
                    best = before;
                    g.step[cell] = (unsigned char)s;
                }
            }
            g.total[cell] = (float)(i == 0 && j == 0 ? cost : best);
        }
    }
    if (!isfinite(total_at(&g, g.rows - 1, g.cols - 1))) {
        cw_fail(err, CW_FAILED, "alignment: no path through %d x %d frames", g.rows, g.cols);
        goto done;
    }
    for (int i = 0; i < g.rows; i++) {
        places[i] = -1;
    }
    for (int i = g.rows - 1, j = g.cols - 1; i >= 0 && j >= 0;) {
        int s = i == 0 && j == 0 ? 0 : g.step[(size_t)i * (size_t)g.width + (size_t)(j - band_start(&g, i))];
        places[i] = (float)j; /* the first frame of b that belongs to i is written last */
        costs[i] = (float)unlike(a->features + (size_t)i * FEATURES, b->features + (size_t)j * FEATURES);
        if (step_a[s] == 2 && i > 0) {
            places[i - 1] = (float)j - 0.5F;
            costs[i - 1] = costs[i];
        }
        i -= step_a[s];
        j -= step_b[s];
    }
    places[0] = 0;
    places[g.rows] = (float)g.cols;
    for (int i = 1; i <= g.rows; i++) {
        places[i] = fmaxf(places[i], places[i - 1]);
    }
    result = 0;
done:
    free(g.total);
    free(g.step);
    return result;
}

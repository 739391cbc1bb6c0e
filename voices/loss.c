/* The loss: wave, target ─▶ STFT magnitudes ─▶ mel bands ─▶ distance ─▶ back through bands and STFT ─▶ gradient by the wave.
 * Three resolutions, each on a thread of its own, in double precision; their gradients are added in order. */
#include "voices/loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vocoder/stft.h"

enum { RESOLUTIONS = 3, SAMPLES_MIN = 2048, SAMPLES_MAX = 24000 * 60 };
static const struct { int size, bands; } resolutions[RESOLUTIONS] = {{512, 40}, {1024, 80}, {2048, 120}};
#define FLOOR 2e-3
#define FLOOR_PART 0.03 /* of a band's mean in the target: what lies 30 dB under it, a room's noise, is not learnt */
#define CONVERGENCE 1.0
#define QUIET 0.02          /* |M*| of a stretch of silence is taken as this in every band */
#define ROOM_PART 0.1       /* of the frames: the quietest are the room alone */
#define STEP_COST 0.05      /* of a step of the warping that is not one frame, mean log of a band */
#define SILENT_SQUARE 1e-12 /* a frame below it is no room: digital silence */

struct resolution {
    struct cw_stft *stft;
    int size, hop, bins, bands;
    double *filter;                /* [bands, bins] */
    int *first, *end;              /* [bands]: bins that are not 0 */
    double *floor;                 /* [bands] under a logarithm */
    int reach;                     /* frames that the target's timing may be off; 0: it is exact */
    double *heard, *wanted, *cost; /* [T, bands], [T, bands], [T, 2 reach + 1]: for the warping */
    signed char *step;             /* [T, 2 reach + 1] */
    double *room;                  /* [bands] square of what the room adds to every frame */
    double *re, *im;               /* [T, bins] of the wave */
    double *mel, *target_mel, *dmel;
    double *grad; /* [n] */
    double loss;
};

struct cw_loss {
    struct resolution r[RESOLUTIONS];
    double *wave, *target; /* [n] */
    int max_samples;
};

static double mel_of(double hz) {
    return 2595 * log10(1 + hz / 700);
}

static double hz_of(double mel) {
    return 700 * (pow(10, mel / 2595) - 1);
}

static int resolution_open(struct resolution *r, int size, int bands, int rate, double band_hz, int max_samples, struct cw_error *err) {
    const size_t frames = (size_t)max_samples / ((size_t)size / 4) + 1, bins = (size_t)size / 2 + 1;

    r->size = size;
    r->hop = size / 4;
    r->bins = (int)bins;
    r->bands = bands;
    if (cw_stft_open(&r->stft, size, r->hop, err) != 0)
        return -1;
    r->filter = calloc((size_t)bands * bins, sizeof *r->filter);
    r->first = calloc((size_t)bands, sizeof *r->first);
    r->end = calloc((size_t)bands, sizeof *r->end);
    r->floor = calloc((size_t)bands, sizeof *r->floor);
    r->room = calloc((size_t)bands, sizeof *r->room);
    r->re = malloc(frames * bins * sizeof *r->re);
    r->im = malloc(frames * bins * sizeof *r->im);
    r->mel = malloc(frames * (size_t)bands * sizeof *r->mel);
    r->target_mel = malloc(frames * (size_t)bands * sizeof *r->target_mel);
    r->dmel = malloc(frames * (size_t)bands * sizeof *r->dmel);
    r->grad = malloc((size_t)max_samples * sizeof *r->grad);
    if (!r->filter || !r->first || !r->end || !r->floor || !r->room || !r->re || !r->im || !r->mel || !r->target_mel || !r->dmel ||
        !r->grad)
        return cw_fail_memory(err, "loss");
    for (int b = 0; b < bands; b++) {
        double edge[3];
        for (int i = 0; i < 3; i++)
            edge[i] = hz_of(mel_of(band_hz) * (b + i) / (bands + 1));
        r->end[b] = 0;
        r->first[b] = (int)bins;
        for (int k = 0; k < (int)bins; k++) {
            const double hz = (double)k * rate / size, up = (hz - edge[0]) / (edge[1] - edge[0]),
                         down = (edge[2] - hz) / (edge[2] - edge[1]);
            const double w = fmin(up, down);
            if (w <= 0)
                continue;
            r->filter[(size_t)b * bins + (size_t)k] = w;
            r->first[b] = k < r->first[b] ? k : r->first[b];
            r->end[b] = k + 1;
        }
    }
    return 0;
}

int cw_loss_open(struct cw_loss **out, int rate, double band_hz, int max_samples, struct cw_error *err) {
    struct cw_loss *l = NULL;
    int rc = -1;

    *out = NULL;
    if (rate < 1 || !(band_hz > 0 && band_hz <= rate / 2.0) || max_samples < SAMPLES_MIN || max_samples > SAMPLES_MAX) {
        cw_fail(err, CW_BAD_INPUT, "loss: expected a band of at most half the rate and %d to %d samples, found %g of %d Hz, %d samples",
                SAMPLES_MIN, SAMPLES_MAX, band_hz, rate, max_samples);
        goto done;
    }
    l = calloc(1, sizeof *l);
    if (!l) {
        cw_fail_memory(err, "loss");
        goto done;
    }
    l->max_samples = max_samples;
    l->wave = malloc((size_t)max_samples * sizeof *l->wave);
    l->target = malloc((size_t)max_samples * sizeof *l->target);
    if (!l->wave || !l->target) {
        cw_fail_memory(err, "loss");
        goto done;
    }
    for (int i = 0; i < RESOLUTIONS; i++)
        if (resolution_open(&l->r[i], resolutions[i].size, resolutions[i].bands, rate, band_hz, max_samples, err) != 0)
            goto done;
    *out = l;
    l = NULL;
    rc = 0;
done:
    cw_loss_close(l);
    return rc;
}

void cw_loss_close(struct cw_loss *l) {
    if (!l)
        return;
    for (int i = 0; i < RESOLUTIONS; i++) {
        struct resolution *r = &l->r[i];
        cw_stft_close(r->stft);
        free(r->filter);
        free(r->first);
        free(r->end);
        free(r->floor);
        free(r->room);
        free(r->heard);
        free(r->wanted);
        free(r->cost);
        free(r->step);
        free(r->re);
        free(r->im);
        free(r->mel);
        free(r->target_mel);
        free(r->dmel);
        free(r->grad);
    }
    free(l->wave);
    free(l->target);
    free(l);
}

struct loss_job {
    struct cw_loss *l;
    int n;
    bool backward;
};

/* Bands [T, bands] of x [n]; the spectrum stays in re, im. */
static void bands_of(struct resolution *r, const double *x, int n, int frames, double *mel) {
    double magnitude[CW_STFT_MAX / 2 + 1];

    for (int t = 0; t < frames; t++) {
        double *re = r->re + (size_t)t * (size_t)r->bins, *im = r->im + (size_t)t * (size_t)r->bins;
        cw_stft_analyse(r->stft, x, (size_t)n, (size_t)t, re, im);
        for (int k = 0; k < r->bins; k++)
            magnitude[k] = sqrt(re[k] * re[k] + im[k] * im[k]);
        for (int b = 0; b < r->bands; b++) {
            const double *filter = r->filter + (size_t)b * (size_t)r->bins;
            double sum = 0;
            for (int k = r->first[b]; k < r->end[b]; k++)
                sum += filter[k] * magnitude[k];
            mel[(size_t)t * (size_t)r->bands + (size_t)b] = sum;
        }
    }
}

/* Bands of all frames of the recordings, then the mean square of the quietest. */
static int find_room(struct resolution *r, double *part, int most, const float *const *x, const int *n, int count, struct cw_error *err) {
    const size_t bands = (size_t)r->bands;
    size_t all = 0, frames = 0, quiet = 0;
    double *mel = NULL, *level = NULL, *order = NULL;
    int rc = -1;

    for (int i = 0; i < count; i++)
        all += (size_t)n[i] / (size_t)r->hop + (size_t)(n[i] / most + 1);
    mel = malloc((all * bands + 1) * sizeof *mel);
    level = malloc((all + 1) * sizeof *level);
    order = malloc((all + 1) * sizeof *order);
    if (!mel || !level || !order) {
        cw_fail_memory(err, "loss");
        goto done;
    }
    for (int i = 0; i < count; i++)
        for (int at = 0, m; at < n[i]; at += m) {
            m = n[i] - at < most ? n[i] - at : most;
            if (m < SAMPLES_MIN)
                break;
            for (int k = 0; k < m; k++)
                part[k] = (double)x[i][at + k];
            const int more = (int)cw_stft_frames(r->stft, (size_t)m);
            bands_of(r, part, m, more, mel + frames * bands);
            frames += (size_t)more;
        }
    for (size_t t = 0; t < frames; t++) {
        level[t] = 0;
        for (size_t b = 0; b < bands; b++)
            level[t] += mel[t * bands + b] * mel[t * bands + b];
        if (level[t] > SILENT_SQUARE)
            order[quiet++] = level[t];
    }
    qsort(order, quiet, sizeof *order, cw_order_doubles);
    const double most_quiet = quiet > 0 ? order[(size_t)(ROOM_PART * (double)(quiet - 1))] : 0;
    quiet = 0;
    memset(r->room, 0, bands * sizeof *r->room);
    for (size_t t = 0; t < frames; t++) {
        if (level[t] <= SILENT_SQUARE || level[t] > most_quiet)
            continue;
        quiet++;
        for (size_t b = 0; b < bands; b++)
            r->room[b] += mel[t * bands + b] * mel[t * bands + b];
    }
    for (size_t b = 0; b < bands && quiet > 0; b++)
        r->room[b] /= (double)quiet;
    rc = 0;
done:
    free(mel);
    free(level);
    free(order);
    return rc;
}

int cw_loss_forgive_timing(struct cw_loss *l, int samples, struct cw_error *err) {
    for (int i = 0; i < RESOLUTIONS; i++) {
        struct resolution *r = &l->r[i];
        const size_t frames = (size_t)l->max_samples / (size_t)r->hop + 1, width = 2 * (size_t)(samples / r->hop) + 1;
        r->reach = samples / r->hop;
        r->heard = malloc(frames * (size_t)r->bands * sizeof *r->heard);
        r->wanted = malloc(frames * (size_t)r->bands * sizeof *r->wanted);
        r->cost = malloc(frames * width * sizeof *r->cost);
        r->step = malloc(frames * width * sizeof *r->step);
        if (!r->heard || !r->wanted || !r->cost || !r->step)
            return cw_fail_memory(err, "loss");
    }
    return 0;
}

int cw_loss_learn_room(struct cw_loss *l, const float *const *x, const int *n, int count, struct cw_error *err) {
    for (int i = 0; i < RESOLUTIONS; i++)
        if (find_room(&l->r[i], l->wave, l->max_samples, x, n, count, err) != 0)
            return -1;
    return 0;
}

/* How unlike frame t of the wave and frame u of the target are: bands less their means. */
static double unlike(const struct resolution *r, int t, int u) {
    const double *x = r->heard + (size_t)t * (size_t)r->bands, *y = r->wanted + (size_t)u * (size_t)r->bands;
    double sum = 0;

    for (int b = 0; b < r->bands; b++)
        sum += fabs(x[b] - y[b]);
    return sum / r->bands;
}

/* log(M + f) [T, bands], each band less its mean; room: NULL where M has it already. */
static void features(const struct resolution *r, const double *mel, const double *room, int frames, double *x) {
    for (int b = 0; b < r->bands; b++) {
        double mean = 0;
        for (int t = 0; t < frames; t++) {
            const double m = mel[(size_t)t * (size_t)r->bands + (size_t)b];
            mean += x[(size_t)t * (size_t)r->bands + (size_t)b] = log(sqrt(m * m + (room ? room[b] : 0)) + r->floor[b]);
        }
        for (int t = 0; t < frames; t++)
            x[(size_t)t * (size_t)r->bands + (size_t)b] -= mean / frames;
    }
}

/* The cheapest way to cell k of frame t, without the cell; *step: frames of the target since the frame before. */
static double way_to(const struct resolution *r, int t, int k, signed char *step) {
    const int width = 2 * r->reach + 1;
    double least = t == 0 ? 0 : INFINITY;

    *step = 1;
    for (int back = 0; t > 0 && back <= 2; back++) {
        const int from = k + 1 - back;
        if (from < 0 || from >= width)
            continue;
        const double c = r->cost[(size_t)(t - 1) * (size_t)width + (size_t)from] + (back == 1 ? 0 : STEP_COST);
        if (c < least) {
            least = c;
            *step = (signed char)back;
        }
    }
    return least;
}

/* Puts the target's frames where the wave has them: dynamic time warping, steps of 0, 1 or 2 frames, at most r->reach off. */
static void warp_target(struct resolution *r, int frames) {
    const int width = 2 * r->reach + 1;
    double best = INFINITY;
    int at = 0;

    features(r, r->mel, r->room, frames, r->heard);
    features(r, r->target_mel, NULL, frames, r->wanted);
    for (int t = 0; t < frames; t++)
        for (int k = 0; k < width; k++) {
            const int u = t + k - r->reach;
            const size_t cell = (size_t)t * (size_t)width + (size_t)k;
            const double before = way_to(r, t, k, &r->step[cell]);
            r->cost[cell] = u < 0 || u >= frames ? INFINITY : before + unlike(r, t, u);
        }
    for (int k = 0; k < width; k++)
        if (r->cost[(size_t)(frames - 1) * (size_t)width + (size_t)k] < best) {
            best = r->cost[(size_t)(frames - 1) * (size_t)width + (size_t)k];
            at = k;
        }
    if (!isfinite(best)) /* what is no number has no place; the loss will be none */
        return;
    memcpy(r->wanted, r->target_mel, sizeof *r->wanted * (size_t)frames * (size_t)r->bands);
    for (int t = frames - 1; t >= 0; t--) {
        memcpy(r->target_mel + (size_t)t * (size_t)r->bands, r->wanted + (size_t)(t + at - r->reach) * (size_t)r->bands,
               sizeof *r->wanted * (size_t)r->bands);
        at += 1 - r->step[(size_t)t * (size_t)width + (size_t)at];
    }
}

static void resolution_task(void *arg, int i) {
    const struct loss_job *j = arg;
    struct resolution *r = &j->l->r[i];
    const int frames = (int)cw_stft_frames(r->stft, (size_t)j->n), count = frames * r->bands;
    double logs = 0, squares = 0, target_squares = QUIET * QUIET * count, dmagnitude[CW_STFT_MAX / 2 + 1];

    bands_of(r, j->l->target, j->n, frames, r->target_mel);
    bands_of(r, j->l->wave, j->n, frames, r->mel);
    for (int b = 0; b < r->bands; b++) {
        double sum = 0;
        for (int t = 0; t < frames; t++)
            sum += r->target_mel[(size_t)t * (size_t)r->bands + (size_t)b];
        r->floor[b] = fmax(FLOOR, FLOOR_PART * sum / frames);
    }
    if (r->reach > 0)
        warp_target(r, frames);
    for (int k = 0; k < count; k++) {
        const double floor = r->floor[k % r->bands], heard = sqrt(r->mel[k] * r->mel[k] + r->room[k % r->bands]),
                     difference = heard - r->target_mel[k];
        logs += fabs(log((heard + floor) / (r->target_mel[k] + floor)));
        squares += difference * difference;
        target_squares += r->target_mel[k] * r->target_mel[k];
    }
    r->loss = logs / count + CONVERGENCE * sqrt(squares / target_squares);
    if (!j->backward)
        return;
    const double by_square = squares > 0 ? CONVERGENCE / sqrt(squares * target_squares) : 0;
    for (int k = 0; k < count; k++) {
        const double heard = sqrt(r->mel[k] * r->mel[k] + r->room[k % r->bands]), difference = heard - r->target_mel[k],
                     by_heard = (difference > 0   ? 1
                                 : difference < 0 ? -1
                                                  : 0) /
                                    (heard + r->floor[k % r->bands]) / count +
                                by_square * difference;
        r->dmel[k] = heard > 0 ? by_heard * r->mel[k] / heard : by_heard;
    }
    memset(r->grad, 0, (size_t)j->n * sizeof *r->grad);
    for (int t = 0; t < frames; t++) {
        double *re = r->re + (size_t)t * (size_t)r->bins, *im = r->im + (size_t)t * (size_t)r->bins;
        memset(dmagnitude, 0, (size_t)r->bins * sizeof *dmagnitude);
        for (int b = 0; b < r->bands; b++) {
            const double *filter = r->filter + (size_t)b * (size_t)r->bins, d = r->dmel[(size_t)t * (size_t)r->bands + (size_t)b];
            for (int k = r->first[b]; k < r->end[b]; k++)
                dmagnitude[k] += d * filter[k];
        }
        for (int k = 0; k < r->bins; k++) {
            const double magnitude = sqrt(re[k] * re[k] + im[k] * im[k]), by = magnitude > 0 ? dmagnitude[k] / magnitude : 0;
            re[k] *= by;
            im[k] *= by;
        }
        cw_stft_analyse_backward(r->stft, re, im, (size_t)j->n, (size_t)t, r->grad);
    }
}

int cw_loss_run(struct cw_loss *l, struct cw_device *d, const float *wave, const float *target, int n, double *loss, float *grad,
                struct cw_error *err) {
    struct loss_job job = {l, n, grad != NULL};

    *loss = 0;
    if (n < SAMPLES_MIN || n > l->max_samples)
        return cw_fail(err, CW_BAD_INPUT, "loss: expected %d to %d samples, found %d", SAMPLES_MIN, l->max_samples, n);
    for (int i = 0; i < n; i++) {
        l->wave[i] = (double)wave[i];
        l->target[i] = (double)target[i];
    }
    cw_parallel(d, RESOLUTIONS, resolution_task, &job);
    for (int i = 0; i < RESOLUTIONS; i++)
        *loss += l->r[i].loss / RESOLUTIONS;
    for (int i = 0; grad && i < n; i++)
        grad[i] = (float)((l->r[0].grad[i] + l->r[1].grad[i] + l->r[2].grad[i]) / RESOLUTIONS);
    return 0;
}

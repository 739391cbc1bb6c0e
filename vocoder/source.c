/* Harmonic source: F0 [T] -> phase of harmonic h by accumulation -> sines where voiced, noise everywhere -> tanh -> x [N].
 *
 * The published equations, with r[i] = frac(h F0[i] / rate) turns per sample and hop U: the increments are summed per
 * frame, c[i] = r[0] + .. + r[i], and U c is interpolated linearly between the centres of frames. So sample n, k samples
 * after the centre of frame i (n = U i + U/2 + k, 0 <= k < U), has the phase U c[i] + (k + 1/2) r[i + 1] turns; before the
 * first centre and after the last one the phase stands still.
 *
 * Only the fraction of a turn matters. It is kept as an unsigned 64-bit integer, whose overflow is exactly "modulo one
 * turn": nothing drifts however long the speech, while float phases reach 100,000 rad in ten seconds and lose the overtones.
 *
 * The published source adds an independent Gaussian to each harmonic and then takes their weighted sum. A weighted sum of
 * independent Gaussians is one Gaussian with the standard deviation std * sqrt(sum of weight^2), so one is drawn. */
#include "vocoder/source.h"

#include <math.h>

#define FRAMES_PER_TASK 32
#define HOP_CHUNK 512 /* noise is drawn in pieces of at most this many samples */

size_t cw_source_scratch(const struct cw_source *s, int frames) {
    return sizeof(uint64_t) * 2 * (size_t)s->harmonics * (size_t)frames;
}

static uint64_t turn_fraction(double turns) {
    turns -= floor(turns);
    const double scaled = turns * 0x1p64;
    return scaled >= 0x1p64 ? 0 : (uint64_t)scaled; /* a tiny negative number rounds up to a whole turn */
}

struct source_job {
    const struct cw_source *s;
    const float *f0;       /* [T] */
    const uint64_t *step;  /* [T, H] r, 2^-64 turns per sample */
    const uint64_t *phase; /* [T, H] U c, 2^-64 turns */
    int frames;
    uint64_t seed;
    double norm; /* sqrt(sum of weight^2) */
    double *x;   /* [N] */
};

/* sum over h of weight[h] sin(phase of h) at sample n, a voiced one */
static double harmonics_at(const struct source_job *j, size_t n) {
    const struct cw_source *s = j->s;
    const size_t hop = (size_t)s->hop, H = (size_t)s->harmonics, last = (size_t)j->frames - 1;
    const bool before = n < hop / 2;
    const size_t i = before ? 0 : (n - hop / 2) / hop, k = before ? 0 : (n - hop / 2) % hop;
    const bool moving = !before && i < last;
    double sum = 0;

    for (size_t h = 0; h < H; h++) {
        uint64_t phase = j->phase[i * H + h];
        if (moving)
            phase += (uint64_t)k * j->step[(i + 1) * H + h] + j->step[(i + 1) * H + h] / 2;
        const double turns = (double)(int64_t)phase * 0x1p-64; /* -1/2 .. 1/2 */
        sum += s->weight[h] * sin(2 * M_PI * turns);
    }
    return sum;
}

static void source_task(void *arg, int task) {
    const struct source_job *j = arg;
    const struct cw_source *s = j->s;
    const size_t hop = (size_t)s->hop;
    const int begin = task * FRAMES_PER_TASK, end = begin + FRAMES_PER_TASK < j->frames ? begin + FRAMES_PER_TASK : j->frames;
    float noise[HOP_CHUNK];

    for (int i = begin; i < end; i++) {
        const bool voiced = (double)j->f0[i] > s->threshold;
        const double std = (voiced ? s->voiced_std : s->unvoiced_std) * j->norm;
        for (size_t at = 0; at < hop; at += HOP_CHUNK) {
            const size_t n = hop - at < HOP_CHUNK ? hop - at : HOP_CHUNK, first = (size_t)i * hop + at;
            cw_gauss(j->seed, 0, first, n, noise);
            for (size_t m = 0; m < n; m++) {
                const double sines = voiced ? s->sine_amp * harmonics_at(j, first + m) : 0;
                j->x[first + m] = tanh(sines + std * (double)noise[m] + s->bias);
            }
        }
    }
}

void cw_source_run(const struct cw_source *s, struct cw_device *d, const float *f0, int frames, uint64_t seed, void *scratch, double *x) {
    const size_t H = (size_t)s->harmonics;
    uint64_t *step = scratch, *phase = step + H * (size_t)frames;
    struct source_job job = {s, f0, step, phase, frames, seed, 0, x};

    for (size_t h = 0; h < H; h++) {
        uint64_t c = 0;
        for (size_t i = 0; i < (size_t)frames; i++) {
            step[i * H + h] = turn_fraction((double)f0[i] * (double)(h + 1) / s->sample_rate);
            c += step[i * H + h];
            phase[i * H + h] = c * (uint64_t)s->hop;
        }
        job.norm += s->weight[h] * s->weight[h];
    }
    job.norm = sqrt(job.norm);
    cw_parallel(d, (frames + FRAMES_PER_TASK - 1) / FRAMES_PER_TASK, source_task, &job);
}

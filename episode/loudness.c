/* timeline: clips -> mix bus -> meter, as far as it is settled
 * file:     decoded blocks -> meter with true peak */
#include "episode/loudness.h"
#include "episode/bus.h"

#include <ebur128.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096, CHANNELS = 8, RATE_LEAST = 8000, RATE_MOST = 384000 };

/* The meter for two channels that are one and the same takes one of them: the same numbers in half the time. */
static int open_meter(ebur128_state **meter, int channels, bool twins, int rate, int mode, struct cw_error *err) {
    *meter = ebur128_init(twins ? 1 : (unsigned)channels, (unsigned long)rate, mode);
    if (*meter == NULL || (twins && ebur128_set_channel(*meter, 0, EBUR128_DUAL_MONO) != EBUR128_SUCCESS)) {
        return cw_fail_memory(err, "loudness meter");
    }
    return 0;
}

/* The gate of BS.1770 works on whole blocks of 0.4 s: what is shorter is measured with silence after it. */
static int fill_first_block(ebur128_state *meter, int rate, int64_t frames) {
    int64_t block = (int64_t)((rate + 5) / 10) * 4;
    if (frames >= block) {
        return EBUR128_SUCCESS;
    }
    size_t missing = (size_t)(block - frames);
    float *zeros = calloc(missing * meter->channels, sizeof *zeros);
    int verdict = zeros == NULL ? EBUR128_ERROR_NOMEM : ebur128_add_frames_float(meter, zeros, missing);
    free(zeros);
    return verdict;
}

static int loudness_of(ebur128_state *meter, int rate, int64_t frames, double *lufs, struct cw_error *err) {
    double measured = 0.0;
    const int filled = fill_first_block(meter, rate, frames);
    if (filled == EBUR128_ERROR_NOMEM) {
        return cw_fail_memory(err, "loudness meter");
    }
    if (filled != EBUR128_SUCCESS || ebur128_loudness_global(meter, &measured) != EBUR128_SUCCESS) {
        return cw_fail(err, CW_FAILED, "loudness meter: failed after %lld frames", (long long)frames);
    }
    *lufs = measured > CW_SILENT_LUFS ? measured : CW_SILENT_LUFS;
    return 0;
}

/* ---- a timeline ---------------------------------------------------------------------------------------------------------- */

struct cw_loudness {
    struct cw_bus *bus;
    ebur128_state *meter;
    int rate;
    int64_t heard; /* samples */
};

int cw_loudness_open(struct cw_loudness **out, int rate, struct cw_error *err) {
    *out = NULL;
    if (rate < RATE_LEAST || rate > RATE_MOST) {
        return cw_fail(err, CW_BAD_INPUT, "loudness meter: expected a rate of 8 to 384 kHz, found %d Hz", rate);
    }
    struct cw_loudness *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return cw_fail_memory(err, "loudness meter");
    }
    l->rate = rate;
    if (cw_bus_open(&l->bus, rate, err) != 0 || open_meter(&l->meter, 2, true, rate, EBUR128_MODE_I, err) != 0) {
        cw_loudness_close(l);
        return -1;
    }
    *out = l;
    return 0;
}

void cw_loudness_close(struct cw_loudness *l) {
    if (l == NULL) {
        return;
    }
    cw_bus_close(l->bus);
    if (l->meter != NULL) {
        ebur128_destroy(&l->meter);
    }
    free(l);
}

int cw_loudness_add(struct cw_loudness *l, const struct cw_clip *clip, struct cw_error *err) {
    return cw_bus_add(l->bus, clip, err);
}

static int hear(struct cw_loudness *l, int64_t until, struct cw_error *err) {
    float block[BLOCK];
    while (l->heard < until) {
        const size_t n = (size_t)(until - l->heard < BLOCK ? until - l->heard : BLOCK);
        if (cw_bus_read(l->bus, block, n, err) != 0) {
            return -1;
        }
        if (ebur128_add_frames_float(l->meter, block, n) != EBUR128_SUCCESS) {
            return cw_fail_memory(err, "loudness meter");
        }
        l->heard += (int64_t)n;
    }
    return 0;
}

int cw_loudness_hear(struct cw_loudness *l, int64_t until, struct cw_error *err) {
    return hear(l, until - CW_BUS_AHEAD, err);
}

int cw_loudness_end(struct cw_loudness *l, int64_t total, double *lufs, struct cw_error *err) {
    if (l->heard > total) {
        return cw_fail(err, CW_FAILED, "loudness meter: expected a timeline of at least %lld samples, found %lld", (long long)l->heard,
                       (long long)total);
    }
    return hear(l, total, err) != 0 ? -1 : loudness_of(l->meter, l->rate, total, lufs, err);
}

/* ---- a file -------------------------------------------------------------------------------------------------------------- */

/* Of two channels, the first of each frame; whether the second is the same everywhere. */
static bool take_twin(float *block, sf_count_t n) {
    bool same = true;
    for (sf_count_t i = 0; i < n; i++) {
        same &= block[2 * i] == block[2 * i + 1];
        block[i] = block[2 * i];
    }
    return same;
}

/* 1: as `twins` it cannot be measured, its channels differ. */
static int measure(const char *path, bool twins, bool (*progress)(void *arg, double fraction), void *arg, struct cw_measured *m,
                   struct cw_error *err) {
    int result = -1;
    SF_INFO info = {0};
    ebur128_state *meter = NULL;
    float block[CHANNELS * BLOCK];
    double peak = 0.0;
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    *m = (struct cw_measured){0};
    if (file == NULL) {
        cw_fail(err, cw_file_exists(path) ? CW_BAD_INPUT : CW_FAILED, "%s: cannot read the sound: %s", path, sf_strerror(NULL));
        goto done;
    }
    if (info.channels < 1 || info.channels > CHANNELS || info.samplerate < RATE_LEAST || info.samplerate > RATE_MOST) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected 1 to %d channels at 8 to 384 kHz, found %d at %d Hz", path, CHANNELS, info.channels,
                info.samplerate);
        goto done;
    }
    if (twins && info.channels != 2) {
        result = 1;
        goto done;
    }
    if (open_meter(&meter, info.channels, twins, info.samplerate, EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK, err) != 0) {
        goto done;
    }
    for (sf_count_t n; (n = sf_readf_float(file, block, BLOCK)) > 0;) {
        if (twins && !take_twin(block, n)) {
            result = 1;
            goto done;
        }
        if (ebur128_add_frames_float(meter, block, (size_t)n) != EBUR128_SUCCESS) {
            cw_fail_memory(err, "loudness meter");
            goto done;
        }
        m->frames += n;
        if (progress != NULL && !progress(arg, info.frames > 0 ? fmin((double)m->frames / (double)info.frames, 1.0) : 1.0)) {
            cw_fail(err, CW_FAILED, "cancelled");
            goto done;
        }
    }
    if (sf_error(file) != SF_ERR_NO_ERROR) {
        cw_fail(err, CW_BAD_INPUT, "%s: cannot read the sound: %s", path, sf_strerror(file));
        goto done;
    }
    if (loudness_of(meter, info.samplerate, m->frames, &m->lufs, err) != 0) {
        cw_fail_in(err, "%s", path);
        goto done;
    }
    for (unsigned c = 0; c < meter->channels; c++) {
        double p = 0.0;
        if (ebur128_true_peak(meter, c, &p) == EBUR128_SUCCESS && p > peak) {
            peak = p;
        }
    }
    m->dbtp = peak > 0.0 ? fmax(20.0 * log10(peak), CW_SILENT_DBTP) : CW_SILENT_DBTP;
    m->seconds = (double)m->frames / info.samplerate;
    result = 0;
done:
    if (meter != NULL) {
        ebur128_destroy(&meter);
    }
    if (file != NULL) {
        sf_close(file);
    }
    return result;
}

int cw_measure(const char *path, bool (*progress)(void *arg, double fraction), void *arg, struct cw_measured *m, struct cw_error *err) {
    int result = measure(path, true, progress, arg, m, err);
    return result == 1 ? measure(path, false, progress, arg, m, err) : result;
}

/* Sound file -> mono float -> other rates; energy -> where speech is. */
#include "voices/recording.h"

#include <math.h>
#include <samplerate.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BLOCK = 4096, CHANNELS_MAX = 64, CLIP_RUN = 3 };

/* Of one channel: samples in runs that touch the top of the scale. */
struct clipping {
    size_t clipped, run;
};

static void count_clipping(struct clipping *c, float x) {
    if (fabsf(x) < 0.989F) {
        c->run = 0;
        return;
    }
    c->run++;
    c->clipped += c->run == CLIP_RUN ? CLIP_RUN : c->run > CLIP_RUN;
}

int cw_recording_read(struct cw_recording *r, const char *path, struct cw_error *err) {
    int result = -1;
    SF_INFO info = {0};
    SNDFILE *file = NULL;
    float *block = NULL;
    size_t cap = 0;
    struct clipping clipping[CHANNELS_MAX] = {{0}}; /* the mean of the channels hides what one of them has */
    *r = (struct cw_recording){0};
    if (!cw_file_exists(path)) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a recording, found no file", path);
        goto done;
    }
    file = sf_open(path, SFM_READ, &info);
    if (file == NULL) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a recording (WAV, FLAC, OGG, MP3, …), found: %s", path, sf_strerror(NULL));
        goto done;
    }
    if (info.channels < 1 || info.channels > CHANNELS_MAX || info.samplerate < 4000 || info.samplerate > 768000) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected 1 to %d channels at 4 to 768 kHz, found %d at %d Hz", path, CHANNELS_MAX, info.channels,
                info.samplerate);
        goto done;
    }
    r->rate = info.samplerate;
    r->channels = info.channels;
    block = malloc(sizeof *block * BLOCK * (size_t)info.channels);
    if (block == NULL) {
        cw_fail_memory(err, path);
        goto done;
    }
    for (;;) { /* the header's count of frames is not believed */
        sf_count_t got = sf_readf_float(file, block, BLOCK);
        if (got <= 0) {
            break;
        }
        if (r->count + (size_t)got > (size_t)r->rate * CW_RECORDING_SECONDS_MAX) {
            cw_fail(err, CW_BAD_INPUT, "%s: expected at most %d minutes, found more; cut a few minutes of clear speech out of it", path,
                    CW_RECORDING_SECONDS_MAX / 60);
            goto done;
        }
        if (r->count + (size_t)got > cap) {
            cap = cap == 0 ? 1 << 18 : cap * 2;
            float *more = realloc(r->samples, cap * sizeof *more);
            if (more == NULL) {
                cw_fail_memory(err, path);
                goto done;
            }
            r->samples = more;
        }
        for (sf_count_t i = 0; i < got; i++) {
            double sum = 0;
            for (int c = 0; c < info.channels; c++) {
                sum += (double)block[i * info.channels + c];
                count_clipping(&clipping[c], block[i * info.channels + c]);
            }
            if (!(fabs(sum) < 1e6)) {
                cw_fail(err, CW_BAD_INPUT, "%s: sample %zu: expected a number of about -1 to 1, found %g", path, r->count + 1, sum);
                goto done;
            }
            r->samples[r->count++] = (float)(sum / info.channels);
        }
    }
    if (r->count == 0) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected sound, found a file without any", path);
        goto done;
    }
    for (int c = 0; c < info.channels; c++) {
        r->clipped = fmax(r->clipped, (double)clipping[c].clipped / (double)r->count);
    }
    result = cw_sha256_file(path, r->sha256, err);
done:
    free(block);
    if (file != NULL) {
        sf_close(file);
    }
    if (result != 0) {
        cw_recording_free(r);
    }
    return result;
}

int cw_recording_write(const char *path, const float *x, size_t n, int rate, struct cw_error *err) {
    const char *dot = strrchr(path, '.');
    const int container = dot != NULL && strcasecmp(dot, ".flac") == 0 ? SF_FORMAT_FLAC : SF_FORMAT_WAV;
    SF_INFO info = {.samplerate = rate, .channels = 1, .format = container | SF_FORMAT_PCM_16}, check = {0};
    char temp[CW_PATH_MAX] = "";
    SNDFILE *file = NULL;
    int result = -1;
    if (cw_file_begin(path, temp, err) != 0) {
        return -1;
    }
    file = sf_open(temp, SFM_WRITE, &info);
    if (file == NULL) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", path, sf_strerror(NULL));
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        if (fabsf(x[i]) > 1) { /* else a sample would wrap around */
            sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);
            break;
        }
    }
    const bool whole = sf_writef_float(file, x, (sf_count_t)n) == (sf_count_t)n;
    const bool closed = sf_close(file) == 0;
    file = sf_open(temp, SFM_READ, &check); /* libsndfile's last write can fail unseen on a full disk: read back what is there */
    if (!whole || !closed || file == NULL || check.frames != (sf_count_t)n) {
        cw_fail(err, CW_FAILED, "%s: cannot write: expected %zu samples, found %lld; is the disk full?", path, n, (long long)check.frames);
        goto done;
    }
    if (cw_file_commit(temp, path, err) != 0) {
        goto done;
    }
    temp[0] = '\0';
    result = 0;
done:
    if (file != NULL) {
        sf_close(file);
    }
    if (temp[0] != '\0') {
        cw_file_discard(temp);
    }
    return result;
}

void cw_recording_free(struct cw_recording *r) {
    free(r->samples);
    *r = (struct cw_recording){0};
}

int cw_resample(const float *x, size_t n, int from, int to, float **out, size_t *count, struct cw_error *err) {
    double ratio = (double)to / from;
    size_t wanted = (size_t)ceil((double)n * ratio);
    *count = wanted;
    *out = calloc(wanted + 1, sizeof **out);
    if (*out == NULL) {
        return cw_fail_memory(err, "resampling");
    }
    if (from == to) {
        memcpy(*out, x, n * sizeof *x);
        return 0;
    }
    SRC_DATA d = {.data_in = x, .data_out = *out, .input_frames = (long)n, .output_frames = (long)wanted, .src_ratio = ratio};
    int failed = src_simple(&d, SRC_SINC_BEST_QUALITY, 1);
    if (failed != 0) {
        free(*out);
        *out = NULL;
        return cw_fail(err, CW_FAILED, "resampling from %d to %d Hz: %s", from, to, src_strerror(failed));
    }
    return 0;
}

/* ---- speech ------------------------------------------------------------------------------------------------------------------ */

static double level_of(const float *x, size_t n) {
    double sum = 1e-12 * (double)n;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return 10 * log10(sum / (double)n);
}

/* The threshold stands between the quiet tenth and the loud twentieth of the frames, nearer to the quiet; speech spans 30 dB, so that
 * what lies 30 dB under its top is never speech. */
int cw_activity_find(struct cw_activity *a, const float *x, size_t n, struct cw_error *err) {
    int result = -1;
    enum { SMOOTH = 8, WIDEN = 3 };
    size_t frames = n / CW_ACTIVITY_FRAME, speech = 0;
    double *level = NULL, *sorted = NULL;
    unsigned char *raw = NULL;
    *a = (struct cw_activity){.frames = frames, .floor_db = -120, .speech_db = -120};
    level = calloc(frames + 1, sizeof *level);
    sorted = calloc(frames + 1, sizeof *sorted);
    raw = calloc(frames + 1, 1);
    a->mask = calloc(frames + 1, 1);
    if (level == NULL || sorted == NULL || raw == NULL || a->mask == NULL) {
        cw_fail_memory(err, "voice activity");
        goto done;
    }
    if (frames == 0) {
        result = 0;
        goto done;
    }
    for (size_t f = 0; f < frames; f++) {
        sorted[f] = level[f] = level_of(x + f * CW_ACTIVITY_FRAME, CW_ACTIVITY_FRAME);
    }
    qsort(sorted, frames, sizeof *sorted, cw_order_doubles);
    double quiet = sorted[frames / 10], loud = sorted[frames - 1 - frames / 20];
    double threshold = fmax(quiet + 0.35 * (loud - quiet), loud - 30);
    if (loud - quiet < 6) { /* one level throughout: all of it, or nothing where there is hardly any sound */
        threshold = loud > -60 ? -200 : 200;
    }
    for (size_t f = 0; f < frames; f++) {
        int votes = 0;
        for (int k = -(SMOOTH - 1) / 2; k <= SMOOTH / 2; k++) {
            size_t at = f + (size_t)k;
            votes += at < frames && level[at] > threshold;
        }
        raw[f] = votes >= SMOOTH / 2;
    }
    double floor_sum = 0, speech_sum = 0;
    for (size_t f = 0; f < frames; f++) {
        for (int k = -WIDEN; k <= WIDEN && !a->mask[f]; k++) {
            size_t at = f + (size_t)k;
            a->mask[f] = at < frames && raw[at];
        }
        speech += a->mask[f];
        if (level[f] > threshold) {
            speech_sum += pow(10, level[f] / 10);
        }
    }
    size_t above = 0, below = 0;
    for (size_t f = 0; f < frames; f++) {
        above += level[f] > threshold;
    }
    for (size_t f = 0; f < frames && !(sorted[f] > threshold); f++) { /* the quiet half of what is below: no word's end */
        below++;
    }
    const size_t half = (below + 1) / 2;
    for (size_t f = 0; f < half; f++) {
        floor_sum += pow(10, sorted[f] / 10);
    }
    a->seconds = (double)speech * CW_ACTIVITY_FRAME / CW_ACTIVITY_RATE;
    a->speech_db = above > 0 ? 10 * log10(speech_sum / (double)above) : -120;
    a->floor_db =
        below > 0 ? 10 * log10(floor_sum / (double)half) : quiet; /* nothing below: one level throughout, and that is no silence */
    result = 0;
done:
    free(level);
    free(sorted);
    free(raw);
    if (result != 0) {
        cw_activity_free(a);
    }
    return result;
}

void cw_activity_free(struct cw_activity *a) {
    free(a->mask);
    *a = (struct cw_activity){0};
}

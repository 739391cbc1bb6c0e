/* The mixer: clips in order of start -> waiting -> open while they sound -> closed at their end; sum of the open ones, out in
 * blocks. A sample is the sum of its clips in the order they were added, whatever the blocks: chunked equals whole. */
#include "episode/mixer.h"

#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 };

struct voice_line { /* one clip, waiting or sounding */
    struct voice_line *next;
    SNDFILE *file;  /* NULL: not opened yet */
    float *samples; /* in place of it */
    int64_t from, start, count, done;
    float gain;
    char path[];
};

struct cw_mixer {
    int rate;
    int64_t now;              /* first sample of the next read */
    int64_t last_start;       /* of the clip added last */
    struct voice_line *first; /* all clips not yet over, in the order they were added */
    struct voice_line **end;  /* where the next one is hung */
    float block[BLOCK];
};

int cw_mixer_open(struct cw_mixer **m, int rate, struct cw_error *err) {
    *m = NULL;
    if (rate < 1) {
        return cw_fail(err, CW_BAD_INPUT, "mixer: expected a sample rate above 0, found %d", rate);
    }
    struct cw_mixer *new = calloc(1, sizeof *new);
    if (new == NULL) {
        return cw_fail_memory(err, "mixer");
    }
    new->rate = rate;
    new->end = &new->first;
    *m = new;
    return 0;
}

static void free_line(struct voice_line *line) {
    if (line->file != NULL) {
        sf_close(line->file);
    }
    free(line->samples);
    free(line);
}

void cw_mixer_close(struct cw_mixer *m) {
    if (m == NULL) {
        return;
    }
    while (m->first != NULL) {
        struct voice_line *line = m->first;
        m->first = line->next;
        free_line(line);
    }
    free(m);
}

int cw_mixer_add(struct cw_mixer *m, const struct cw_clip *clip, struct cw_error *err) {
    if (clip->count < 0 || clip->start < 0 || clip->start > INT64_MAX - clip->count || clip->from < 0) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a place on the timeline, found sample %lld for %lld samples", clip->path,
                       (long long)clip->start, (long long)clip->count);
    }
    if (!(fabs(clip->gain_db) <= 60.0)) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a gain of -60 to 60 dB, found %g", clip->path, clip->gain_db);
    }
    if (clip->start < m->last_start || clip->start < m->now) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected clips in order of their start, from sample %lld on; found sample %lld", clip->path,
                       (long long)(m->last_start > m->now ? m->last_start : m->now), (long long)clip->start);
    }
    size_t len = strlen(clip->path);
    struct voice_line *line = calloc(1, sizeof *line + len + 1);
    if (line == NULL) {
        return cw_fail_memory(err, "mixer");
    }
    memcpy(line->path, clip->path, len + 1);
    line->samples = clip->samples;
    line->from = clip->from;
    line->start = clip->start;
    line->count = clip->count;
    line->gain = (float)pow(10.0, clip->gain_db / 20.0);
    m->last_start = clip->start;
    *m->end = line;
    m->end = &line->next;
    return 0;
}

static int open_line(const struct cw_mixer *m, struct voice_line *line, struct cw_error *err) {
    SF_INFO info = {0};
    line->file = sf_open(line->path, SFM_READ, &info);
    if (line->file == NULL) {
        return cw_fail(err, CW_FAILED, "%s: cannot read the clip: %s", line->path, sf_strerror(NULL));
    }
    if (info.channels != 1 || info.samplerate != m->rate) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected 1 channel at %d Hz, found %d at %d Hz", line->path, m->rate, info.channels,
                       info.samplerate);
    }
    if (info.frames - line->from < line->count) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected %lld samples, found %lld", line->path, (long long)(line->from + line->count),
                       (long long)info.frames);
    }
    if (line->from > 0 && sf_seek(line->file, line->from, SEEK_SET) != line->from) {
        return cw_fail(err, CW_FAILED, "%s: cannot go to sample %lld: %s", line->path, (long long)line->from, sf_strerror(line->file));
    }
    return 0;
}

/* Adds what this clip has in [now, now + n) to out. */
static int add_line(struct cw_mixer *m, struct voice_line *line, float *out, size_t n, struct cw_error *err) {
    int64_t at = line->start + line->done - m->now; /* 0, or more when it begins inside this block */
    int64_t left = line->count - line->done;
    int64_t take = (int64_t)n - at;
    if (take <= 0 || left == 0) {
        return 0;
    }
    if (take > left) {
        take = left;
    }
    if (line->samples == NULL && line->file == NULL && open_line(m, line, err) != 0) {
        return -1;
    }
    sf_count_t got = take;
    if (line->samples != NULL) {
        memcpy(m->block, line->samples + line->done, (size_t)take * sizeof *m->block);
    } else {
        got = sf_readf_float(line->file, m->block, take);
    }
    if (got != take) {
        return cw_fail(err, CW_FAILED, "%s: expected %lld samples, could read %lld", line->path, (long long)line->count,
                       (long long)(line->done + (got > 0 ? got : 0)));
    }
    for (int64_t i = 0; i < take; i++) {
        if (!isfinite(m->block[i])) {
            return cw_fail(err, CW_BAD_INPUT, "%s: sample %lld: expected a finite number, found %s", line->path,
                           (long long)(line->done + i), isnan(m->block[i]) ? "NaN" : "infinity");
        }
        out[at + i] += line->gain * m->block[i];
    }
    line->done += take;
    return 0;
}

static int read_block(struct cw_mixer *m, float *out, size_t n, struct cw_error *err) {
    memset(out, 0, n * sizeof *out);
    for (struct voice_line **at = &m->first; *at != NULL;) {
        struct voice_line *line = *at;
        if (line->start >= m->now + (int64_t)n) {
            break; /* and so do all that follow */
        }
        if (add_line(m, line, out, n, err) != 0) {
            return -1;
        }
        if (line->done < line->count) {
            at = &line->next;
            continue;
        }
        *at = line->next;
        if (*at == NULL) {
            m->end = at;
        }
        free_line(line);
    }
    m->now += (int64_t)n;
    return 0;
}

int cw_mixer_read(struct cw_mixer *m, float *out, size_t n, struct cw_error *err) {
    while (n > 0) {
        size_t take = n < BLOCK ? n : BLOCK;
        if (read_block(m, out, take, err) != 0) {
            return -1;
        }
        out += take;
        n -= take;
    }
    return 0;
}

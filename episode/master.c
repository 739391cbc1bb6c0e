/* clips -> mix bus (24 kHz, mono) -> [pass 1] meter -> gain (loudness.c; in an episode, while its turns are being made)
 *                                 -> [pass 2] resampler (44.1 kHz) -> gain -> limiter -> belt -> both channels -> MP3, FLAC, WAV
 *                                 -> [pass 3] the file decoded and measured; once more when it misses.
 * Everything streams: memory holds blocks, never the episode. Each file is written by a thread of its own, so that encoding, which takes
 * longest, has a core to itself; the samples and so the bytes are the same whoever is ahead. */
#include "episode/master.h"
#include "episode/bus.h"
#include "episode/limiter.h"
#include "episode/resample.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RATE = 44100,
    BLOCK = 4096,
    IN_BLOCK = 2048,
    REMAKES = 3,
    FILES = 3,
    SLOTS = 16,
};

static const double most_gain_db = 60.0;
/* An encoder's noise lifts peaks: limited speech at 128 kb/s comes back 0.2 to 0.5 dB higher. */
static const double mp3_margin_db = 0.5, pcm_margin_db = 0.05;
static const double close_enough_lu = 0.2;
/* LAME multiplies what it is given by 0.95 at constant bit rates; this undoes it, so that all files are equally loud. */
static const float mp3_makeup = 1.0f / 0.95f;

struct cw_master_params cw_master_params_default(void) {
    return (struct cw_master_params){.rate = 24000, .target_lufs = -16.0, .ceiling_dbtp = -1.0};
}

/* ---- progress ------------------------------------------------------------------------------------------------------- */

struct span { /* the part of the whole that a pass takes */
    const struct cw_master_params *p;
    double base, width;
};

static int report(const struct span *s, int64_t done, int64_t total, struct cw_error *err) {
    if (s == NULL || s->p->progress == NULL) {
        return 0;
    }
    double part = total > 0 ? (double)done / (double)total : 1.0;
    if (s->p->progress(s->p->arg, s->base + s->width * (part < 1.0 ? part : 1.0))) {
        return 0;
    }
    return cw_fail(err, CW_FAILED, "cancelled");
}

/* ---- the timeline at 44.1 kHz ------------------------------------------------------------------------------------------ */

struct stream {
    struct cw_bus *bus;
    struct cw_resampler resampler;
    float in[CW_RESAMPLER_TAPS + IN_BLOCK]; /* the timeline's samples from `first` on; zeros outside it */
    int64_t first;
    int64_t mixed, total;     /* samples of the timeline */
    int64_t given, out_total; /* samples at 44.1 kHz */
};

static void stream_close(struct stream *s) {
    cw_bus_close(s->bus);
    cw_resampler_close(&s->resampler);
    *s = (struct stream){0};
}

static int stream_open(struct stream *s, const struct cw_clip *clips, size_t count, int64_t total, int rate, struct cw_error *err) {
    *s = (struct stream){0};
    s->total = total;
    s->out_total = (int64_t)llround((double)total * RATE / rate);
    s->first = -(CW_RESAMPLER_TAPS + IN_BLOCK);
    if (cw_bus_open(&s->bus, rate, err) != 0 || cw_resampler_open(&s->resampler, rate, RATE, err) != 0) {
        goto failed;
    }
    for (size_t i = 0; i < count; i++) {
        if (cw_bus_add(s->bus, &clips[i], err) != 0) {
            goto failed;
        }
    }
    return 0;
failed:
    stream_close(s);
    return -1;
}

/* Moves `in` on by a block. */
static int stream_mix(struct stream *s, struct cw_error *err) {
    const int64_t take = s->total - s->mixed < IN_BLOCK ? s->total - s->mixed : IN_BLOCK;
    float *new = s->in + CW_RESAMPLER_TAPS;
    memmove(s->in, s->in + IN_BLOCK, CW_RESAMPLER_TAPS * sizeof *s->in);
    if (take > 0 && cw_bus_read(s->bus, new, (size_t)take, err) != 0) {
        return -1;
    }
    memset(new + take, 0, (size_t)(IN_BLOCK - take) * sizeof *new);
    s->first += IN_BLOCK;
    s->mixed += take;
    return 0;
}

/* Up to n samples; fewer only at the end. -1: failed. */
static long stream_read(struct stream *s, float *out, long n, struct cw_error *err) {
    long filled = 0;
    for (; filled < n && s->given < s->out_total; filled++, s->given++) {
        int phase;
        int64_t at = cw_resampler_place(&s->resampler, s->given, &phase) - CW_RESAMPLER_BEFORE;
        while (at > s->first + IN_BLOCK) {
            if (stream_mix(s, err) != 0) {
                return -1;
            }
        }
        out[filled] = cw_resampler_between(&s->resampler, s->in + (at - s->first), phase);
    }
    return filled;
}

/* ---- measuring ----------------------------------------------------------------------------------------------------------- */

/* Pass 1, where nobody has measured the timeline as it was laid. */
static int measure_timeline(const struct cw_clip *clips, size_t count, int64_t total, int rate, double *lufs, const struct span *span,
                            struct cw_error *err) {
    int result = -1;
    struct cw_loudness *l = NULL;
    if (cw_loudness_open(&l, rate, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (cw_loudness_add(l, &clips[i], err) != 0) {
            goto done;
        }
    }
    for (int64_t until = 0; until < total; until += BLOCK) {
        if (cw_loudness_hear(l, until, err) != 0 || report(span, until, total, err) != 0) {
            goto done;
        }
    }
    result = cw_loudness_end(l, total, lufs, err);
done:
    cw_loudness_close(l);
    return result;
}

static bool on_measured(void *arg, double fraction) {
    const struct span *s = arg;
    return s->p->progress == NULL || s->p->progress(s->p->arg, s->base + s->width * fraction);
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

/* libsndfile writes through these, so that a full disk is seen at once and by name, whatever the format's writer makes of it. */
struct output {
    const char *path; /* final; NULL: not wanted */
    int format;
    char temp[CW_PATH_MAX];
    int fd, error; /* error: errno of the first failure */
    SNDFILE *file;

    struct belt *belt;
    pthread_t thread;
    bool running;
    int64_t taken; /* blocks of the belt; under its lock */
    bool failed;   /* as err says; under its lock */
    struct cw_error err;
};

/* Limited samples on their way to the files. */
struct belt {
    pthread_mutex_t lock; /* of what comes before the samples; a slot is written while no file is due to read it */
    pthread_cond_t news;
    int64_t laid;    /* blocks */
    bool whole, off; /* all are laid; given up */
    long counts[SLOTS];
    float samples[SLOTS][BLOCK];
};

static sf_count_t output_length(void *user) {
    const struct output *o = user;
    struct stat st;
    return fstat(o->fd, &st) == 0 ? (sf_count_t)st.st_size : -1;
}

static sf_count_t output_seek(sf_count_t offset, int whence, void *user) {
    const struct output *o = user;
    return (sf_count_t)lseek(o->fd, (off_t)offset, whence);
}

static sf_count_t output_tell(void *user) {
    return output_seek(0, SEEK_CUR, user);
}

static sf_count_t output_read(void *data, sf_count_t count, void *user) {
    const struct output *o = user;
    ssize_t n = read(o->fd, data, (size_t)count);
    return n < 0 ? 0 : (sf_count_t)n;
}

static sf_count_t output_write(const void *data, sf_count_t count, void *user) {
    struct output *o = user;
    sf_count_t done = 0;
    while (done < count) {
        ssize_t n = write(o->fd, (const char *)data + done, (size_t)(count - done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            if (o->error == 0) {
                o->error = n < 0 ? errno : ENOSPC;
            }
            break;
        }
        done += n;
    }
    return done;
}

static SF_VIRTUAL_IO output_calls = {output_length, output_seek, output_read, output_write, output_tell};

static int output_fail(const struct output *o, const char *otherwise, struct cw_error *err) {
    return cw_fail(err, CW_FAILED, "%s: cannot write: %s", o->path, o->error != 0 ? strerror(o->error) : otherwise);
}

static int output_tag(const struct output *o, int which, const char *text, struct cw_error *err) {
    int failure = text != NULL && text[0] != '\0' ? sf_set_string(o->file, which, text) : 0;
    return failure != 0 ? output_fail(o, sf_error_number(failure), err) : 0;
}

static int output_open(struct output *o, const struct cw_master_params *p, struct cw_error *err) {
    SF_INFO info = {.samplerate = RATE, .channels = 2, .format = o->format};
    if (cw_file_begin(o->path, o->temp, err) != 0) {
        o->temp[0] = '\0';
        return -1;
    }
    o->error = 0;
    o->fd = open(o->temp, O_RDWR | O_TRUNC | O_CLOEXEC);
    if (o->fd < 0) {
        o->error = errno;
        return output_fail(o, "", err);
    }
    o->file = sf_open_virtual(&output_calls, SFM_WRITE, &info, o);
    if (o->file == NULL) {
        return output_fail(o, sf_strerror(NULL), err);
    }
    if ((o->format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG) {
        /* libsndfile maps the level to 320 .. 32 kb/s: 128 kb/s, of which equal channels leave all to one */
        int mode = SF_BITRATE_MODE_CONSTANT;
        double level = (320.0 - 128.0) / (320.0 - 32.0);
        sf_command(o->file, SFC_SET_BITRATE_MODE, &mode, sizeof mode); /* its answer says nothing; asking does */
        if (sf_command(o->file, SFC_GET_BITRATE_MODE, &mode, sizeof mode) != SF_BITRATE_MODE_CONSTANT ||
            sf_command(o->file, SFC_SET_COMPRESSION_LEVEL, &level, sizeof level) != SF_TRUE) {
            return output_fail(o, "libsndfile does not take a bit rate for MP3", err);
        }
    } else {
        sf_command(o->file, SFC_SET_CLIPPING, NULL, SF_TRUE);
    }
    return output_tag(o, SF_STR_TITLE, p->title, err) != 0 || output_tag(o, SF_STR_ARTIST, p->artist, err) != 0 ||
                   output_tag(o, SF_STR_COMMENT, p->comment, err) != 0
               ? -1
               : 0;
}

/* Ends the file; it keeps its temporary name. */
static int output_end(struct output *o, struct cw_error *err) {
    int failure = o->file != NULL ? sf_close(o->file) : 0;
    o->file = NULL;
    if (o->fd >= 0 && close(o->fd) != 0 && o->error == 0) {
        o->error = errno;
    }
    o->fd = -1;
    return failure != 0 || o->error != 0 ? output_fail(o, sf_error_number(failure), err) : 0;
}

static void output_drop(struct output *o) {
    struct cw_error ignored;
    if (output_end(o, &ignored) != 0) {
        o->error = 0; /* it is thrown away in any case */
    }
    if (o->temp[0] != '\0') {
        cw_file_discard(o->temp);
        o->temp[0] = '\0';
    }
}

/* ---- the belt -------------------------------------------------------------------------------------------------------------- */

static int belt_open(struct belt **out, struct cw_error *err) {
    struct belt *b = calloc(1, sizeof *b);
    if ((*out = b) == NULL) {
        return cw_fail_memory(err, "mastering");
    }
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->news, NULL);
    return 0;
}

static void belt_close(struct belt *b) {
    if (b != NULL) {
        pthread_cond_destroy(&b->news);
        pthread_mutex_destroy(&b->lock);
        free(b);
    }
}

/* A file's thread: takes block after block until there are no more. */
static void *write_file(void *arg) {
    struct output *o = arg;
    struct belt *b = o->belt;
    const float gain = (o->format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG ? mp3_makeup : 1.0f;
    float stereo[2 * BLOCK];
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (!b->off && !b->whole && o->taken == b->laid) {
            pthread_cond_wait(&b->news, &b->lock);
        }
        if (b->off || o->taken == b->laid) {
            break;
        }
        const float *mono = b->samples[o->taken % SLOTS];
        const long n = b->counts[o->taken % SLOTS];
        pthread_mutex_unlock(&b->lock);
        for (long i = 0; i < n; i++) {
            stereo[2 * i] = stereo[2 * i + 1] = gain * mono[i];
        }
        bool written = sf_writef_float(o->file, stereo, n) == n && o->error == 0;
        pthread_mutex_lock(&b->lock);
        if (!written) {
            o->failed = b->off = true;
            (void)output_fail(o, sf_strerror(o->file), &o->err);
        }
        o->taken++;
        pthread_cond_broadcast(&b->news);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* The next slot, once every file has read what is in it; NULL: a file failed. */
static float *next_slot(struct belt *b, const struct output *outputs) {
    pthread_mutex_lock(&b->lock);
    for (int f = 0; f < FILES && !b->off;) {
        if (outputs[f].running && b->laid - outputs[f].taken == SLOTS) {
            pthread_cond_wait(&b->news, &b->lock);
        } else {
            f++;
        }
    }
    float *slot = b->off ? NULL : b->samples[b->laid % SLOTS];
    pthread_mutex_unlock(&b->lock);
    return slot;
}

static void lay(struct belt *b, long n) {
    pthread_mutex_lock(&b->lock);
    b->counts[b->laid++ % SLOTS] = n;
    pthread_cond_broadcast(&b->news);
    pthread_mutex_unlock(&b->lock);
}

/* Ends the files' threads: once they have taken all that was laid, or at once. */
static void end_threads(struct belt *b, struct output *outputs, bool whole) {
    pthread_mutex_lock(&b->lock);
    b->whole = whole;
    b->off = b->off || !whole;
    pthread_cond_broadcast(&b->news);
    pthread_mutex_unlock(&b->lock);
    for (int f = 0; f < FILES; f++) {
        if (outputs[f].running) {
            pthread_join(outputs[f].thread, NULL);
            outputs[f].running = false;
        }
    }
}

/* Resampled, gained, limited, to the end. */
static int lay_all(struct belt *b, struct stream *s, const struct output *outputs, double gain_db, double ceiling_db,
                   const struct span *span, struct cw_error *err) {
    float mono[BLOCK];
    struct cw_limiter limiter;
    const float gain = (float)pow(10.0, gain_db / 20.0);
    int64_t pushed = 0;
    const int64_t pushes = s->out_total + CW_LIMITER_DELAY;
    cw_limiter_start(&limiter, (float)pow(10.0, ceiling_db / 20.0), RATE);
    while (pushed < pushes) {
        long n = stream_read(s, mono, BLOCK, err);
        long ready = 0;
        float *slot = next_slot(b, outputs);
        if (n < 0 || slot == NULL) {
            return -1;
        }
        if (n == 0) { /* the limiter's delay still holds the end */
            n = (long)(pushes - pushed < BLOCK ? pushes - pushed : BLOCK);
            memset(mono, 0, sizeof mono);
        }
        for (long i = 0; i < n; i++, pushed++) {
            float y = cw_limiter_push(&limiter, gain * mono[i]);
            if (pushed >= CW_LIMITER_DELAY) {
                slot[ready++] = y;
            }
        }
        if (ready > 0) {
            lay(b, ready);
        }
        if (report(span, pushed, pushes, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Pass 2: every wanted file at once, under temporary names. */
static int make_files(struct stream *s, struct output *outputs, const struct cw_master_params *p, double gain_db, double ceiling_db,
                      const struct span *span, struct cw_error *err) {
    int result = -1;
    struct belt *b = NULL;
    if (belt_open(&b, err) != 0) {
        return -1;
    }
    for (int f = 0; f < FILES; f++) {
        struct output *o = &outputs[f];
        if (o->path == NULL) {
            continue;
        }
        if (output_open(o, p, err) != 0) {
            goto done;
        }
        o->belt = b;
        o->taken = 0;
        o->failed = false;
        int failure = pthread_create(&o->thread, NULL, write_file, o);
        if (failure != 0) {
            cw_fail(err, CW_FAILED, "mastering: cannot start a thread: %s", strerror(failure));
            goto done;
        }
        o->running = true;
    }
    result = lay_all(b, s, outputs, gain_db, ceiling_db, span, err);
done:
    end_threads(b, outputs, result == 0);
    for (int f = 0; f < FILES; f++) {
        if (outputs[f].failed) {
            *err = outputs[f].err;
            result = -1;
            break;
        }
    }
    for (int f = 0; f < FILES && result == 0; f++) {
        if (outputs[f].path != NULL) {
            result = output_end(&outputs[f], err);
        }
    }
    belt_close(b);
    return result;
}

int cw_master(const struct cw_clip *clips, size_t count, int64_t total, struct cw_master_params p, struct cw_master_result *r,
              struct cw_error *err) {
    int result = -1;
    struct stream s = {0};
    struct output outputs[FILES] = {
        {.path = p.mp3, .format = SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, .fd = -1},
        {.path = p.flac, .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_24, .fd = -1},
        {.path = p.wav, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_24, .fd = -1},
    };
    int main_file = p.mp3 != NULL ? 0 : p.flac != NULL ? 1 : 2;
    double before = 0.0, gain = 0.0;
    double ceiling = p.ceiling_dbtp - (p.mp3 != NULL ? mp3_margin_db : pcm_margin_db);
    struct span span = {&p, 0.0, 0.1};
    *r = (struct cw_master_result){0};
    if (total < 1 || total > INT64_C(1) << 40 || p.rate < 8000 || p.rate > 48000 || outputs[main_file].path == NULL) {
        return cw_fail(err, CW_BAD_INPUT,
                       "master: expected a timeline of at least one sample at 8 to 48 kHz and a file to make, found "
                       "%lld samples at %d Hz",
                       (long long)total, p.rate);
    }
    if (p.lufs != NULL) {
        before = *p.lufs;
    } else if (measure_timeline(clips, count, total, p.rate, &before, &span, err) != 0) {
        goto done;
    }
    if (before > CW_SILENT_LUFS) {
        gain = fmin(p.target_lufs - before, most_gain_db);
    }
    for (int attempt = 0; attempt <= REMAKES; attempt++) {
        struct cw_measured m;
        stream_close(&s);
        for (int f = 0; f < FILES; f++) {
            output_drop(&outputs[f]);
        }
        /* the first making takes 0.1 to 0.8, its check to 0.9; later ones, seldom needed, share the rest */
        span = attempt == 0 ? (struct span){&p, 0.1, 0.7} : (struct span){&p, 0.9 + 0.03 * (attempt - 1), 0.025};
        if (stream_open(&s, clips, count, total, p.rate, err) != 0 || make_files(&s, outputs, &p, gain, ceiling, &span, err) != 0) {
            goto done;
        }
        span = (struct span){&p, span.base + span.width, attempt == 0 ? 0.1 : 0.005};
        if (cw_measure(outputs[main_file].temp, on_measured, &span, &m, err) != 0) {
            goto done;
        }
        if (m.frames != s.out_total) {
            cw_fail(err, CW_FAILED, "%s: expected %lld frames after decoding, found %lld", outputs[main_file].path, (long long)s.out_total,
                    (long long)m.frames);
            goto done;
        }
        *r = (struct cw_master_result){.seconds = m.seconds, .loudness_lufs = m.lufs, .true_peak_dbtp = m.dbtp, .gain_db = gain};
        double short_of = before > CW_SILENT_LUFS ? p.target_lufs - r->loudness_lufs : 0.0;
        double over = r->true_peak_dbtp - p.ceiling_dbtp;
        if (over <= 0.0 && (fabs(short_of) <= close_enough_lu || gain + short_of > most_gain_db)) {
            break;
        }
        gain = fmin(gain + fmax(-6.0, fmin(6.0, short_of)), most_gain_db);
        ceiling -= over > 0.0 ? over + 0.1 : 0.0;
    }
    if (report(&(struct span){&p, 1.0, 0.0}, 1, 1, err) != 0) {
        goto done;
    }
    for (int f = FILES - 1; f >= 0; f--) { /* the MP3 last: where it is, the rest is too */
        if (outputs[f].path != NULL) {
            if (cw_file_commit(outputs[f].temp, outputs[f].path, err) != 0) {
                goto done;
            }
            outputs[f].temp[0] = '\0';
        }
    }
    result = 0;
done:
    stream_close(&s);
    for (int f = 0; f < FILES; f++) {
        output_drop(&outputs[f]);
    }
    return result;
}

/* clips -> mix bus (24 kHz, mono) -> [pass 1] meter -> gain
 *                                 -> [pass 2] resampler (44.1 kHz) -> gain -> limiter -> both channels -> MP3, FLAC, WAV
 *                                 -> [pass 3] the file decoded and measured; once more when it misses.
 * Everything streams: memory holds blocks, never the episode. */
#include "episode/master.h"
#include "episode/bus.h"
#include "episode/limiter.h"

#include <ebur128.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <samplerate.h>
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
};

/* What silence is called, where a number must be finite: the meter's absolute gate, and less than 24 bits can hold. */
static const double silent_lufs = -70.0, silent_dbtp = -150.0;
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
    SRC_STATE *src;
    double ratio;
    float in[IN_BLOCK];
    const float *next; /* what is left of `in` */
    long left;
    int64_t mixed, total;     /* samples of the timeline */
    int64_t given, out_total; /* samples at 44.1 kHz */
};

static void stream_close(struct stream *s) {
    cw_bus_close(s->bus);
    if (s->src != NULL) {
        src_delete(s->src);
    }
    *s = (struct stream){0};
}

/* The mix bus with every clip on it. */
static int open_bus(struct cw_bus **bus, const struct cw_clip *clips, size_t count, int rate, struct cw_error *err) {
    if (cw_bus_open(bus, rate, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (cw_bus_add(*bus, &clips[i], err) != 0) {
            cw_bus_close(*bus);
            *bus = NULL;
            return -1;
        }
    }
    return 0;
}

static int stream_open(struct stream *s, const struct cw_clip *clips, size_t count, int64_t total, int rate, struct cw_error *err) {
    int failure = 0;
    *s = (struct stream){0};
    s->total = total;
    s->ratio = (double)RATE / rate;
    s->out_total = (int64_t)llround((double)total * s->ratio);
    if (open_bus(&s->bus, clips, count, rate, err) != 0) {
        return -1;
    }
    s->src = src_new(SRC_SINC_MEDIUM_QUALITY, 1, &failure);
    if (s->src == NULL) {
        stream_close(s);
        return cw_fail(err, CW_FAILED, "resampler: %s", src_strerror(failure));
    }
    return 0;
}

/* Up to n samples; fewer only at the end. libsamplerate begins in the middle of its filter, so its output has no delay to
 * take off; what its rounding leaves to add or cut at the end is a sample or two. -1: failed. */
static long stream_read(struct stream *s, float *out, long n, struct cw_error *err) {
    long filled = 0;
    if (n > s->out_total - s->given) {
        n = (long)(s->out_total - s->given);
    }
    while (filled < n) {
        if (s->left == 0 && s->mixed < s->total) {
            int64_t take = s->total - s->mixed < IN_BLOCK ? s->total - s->mixed : IN_BLOCK;
            if (cw_bus_read(s->bus, s->in, (size_t)take, err) != 0) {
                return -1;
            }
            s->next = s->in;
            s->left = (long)take;
            s->mixed += take;
        }
        SRC_DATA d = {.data_in = s->left > 0 ? s->next : s->in,
                      .input_frames = s->left,
                      .data_out = out + filled,
                      .output_frames = n - filled,
                      .src_ratio = s->ratio,
                      .end_of_input = s->mixed == s->total};
        int failure = src_process(s->src, &d);
        if (failure != 0) {
            cw_fail(err, CW_FAILED, "resampler: %s", src_strerror(failure));
            return -1;
        }
        s->next = d.data_in + d.input_frames_used;
        s->left -= d.input_frames_used;
        filled += d.output_frames_gen;
        if (d.output_frames_gen == 0 && d.input_frames_used == 0 && s->mixed == s->total) {
            memset(out + filled, 0, (size_t)(n - filled) * sizeof *out);
            filled = n;
        }
    }
    s->given += filled;
    return filled;
}

/* ---- measuring ----------------------------------------------------------------------------------------------------------- */

/* The gate of BS.1770 works on whole blocks of 0.4 s: what is shorter is measured with silence after it. */
static int fill_first_block(ebur128_state *meter, int channels, int rate, int64_t frames) {
    int64_t block = (int64_t)((rate + 5) / 10) * 4;
    if (frames >= block) {
        return EBUR128_SUCCESS;
    }
    size_t missing = (size_t)(block - frames);
    float *zeros = calloc(missing * (size_t)channels, sizeof *zeros);
    int verdict = zeros == NULL ? EBUR128_ERROR_NOMEM : ebur128_add_frames_float(meter, zeros, missing);
    free(zeros);
    return verdict;
}

static int loudness_of(ebur128_state *meter, int channels, int rate, int64_t frames, double *lufs, struct cw_error *err) {
    double measured = 0.0;
    if (fill_first_block(meter, channels, rate, frames) != EBUR128_SUCCESS ||
        ebur128_loudness_global(meter, &measured) != EBUR128_SUCCESS) {
        return cw_fail(err, CW_FAILED, "loudness meter: failed after %lld frames", (long long)frames);
    }
    *lufs = measured > silent_lufs ? measured : silent_lufs;
    return 0;
}

static int measure_file(const char *path, double *lufs, double *dbtp, double *seconds, int64_t *frames, const struct span *span,
                        struct cw_error *err) {
    int result = -1;
    SF_INFO info = {0};
    ebur128_state *meter = NULL;
    float *block = NULL;
    double peak = 0.0;
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    *frames = 0;
    if (file == NULL) {
        cw_fail(err, cw_file_exists(path) ? CW_BAD_INPUT : CW_FAILED, "%s: cannot read the sound: %s", path, sf_strerror(NULL));
        goto done;
    }
    if (info.channels < 1 || info.channels > 8 || info.samplerate < 8000 || info.samplerate > 384000) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected 1 to 8 channels at 8 to 384 kHz, found %d at %d Hz", path, info.channels, info.samplerate);
        goto done;
    }
    block = malloc(sizeof *block * BLOCK * (size_t)info.channels);
    meter = ebur128_init((unsigned)info.channels, (unsigned long)info.samplerate, EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK);
    if (block == NULL || meter == NULL) {
        cw_fail_memory(err, path);
        goto done;
    }
    for (sf_count_t n; (n = sf_readf_float(file, block, BLOCK)) > 0;) {
        if (ebur128_add_frames_float(meter, block, (size_t)n) != EBUR128_SUCCESS) {
            cw_fail_memory(err, "loudness meter");
            goto done;
        }
        *frames += n;
        if (report(span, *frames, info.frames, err) != 0) {
            goto done;
        }
    }
    if (sf_error(file) != SF_ERR_NO_ERROR) {
        cw_fail(err, CW_BAD_INPUT, "%s: cannot read the sound: %s", path, sf_strerror(file));
        goto done;
    }
    if (loudness_of(meter, info.channels, info.samplerate, *frames, lufs, err) != 0) {
        goto done;
    }
    for (unsigned c = 0; c < (unsigned)info.channels; c++) {
        double p = 0.0;
        if (ebur128_true_peak(meter, c, &p) == EBUR128_SUCCESS && p > peak) {
            peak = p;
        }
    }
    *dbtp = peak > 0.0 ? fmax(20.0 * log10(peak), silent_dbtp) : silent_dbtp;
    *seconds = (double)*frames / info.samplerate;
    result = 0;
done:
    if (meter != NULL) {
        ebur128_destroy(&meter);
    }
    if (file != NULL) {
        sf_close(file);
    }
    free(block);
    return result;
}

int cw_measure(const char *path, double *lufs, double *dbtp, double *seconds, struct cw_error *err) {
    int64_t frames = 0;
    return measure_file(path, lufs, dbtp, seconds, &frames, NULL, err);
}

/* Pass 1: how loud the timeline is as it stands, in both channels. It has nothing that a higher rate would add to, so it is measured at
 * its own: within 0.1 LU, and in a quarter of the time. */
static int measure_timeline(const struct cw_clip *clips, size_t count, int64_t total, int rate, double *lufs, const struct span *span,
                            struct cw_error *err) {
    int result = -1;
    float mono[BLOCK], stereo[2 * BLOCK];
    struct cw_bus *bus = NULL;
    ebur128_state *meter = ebur128_init(2, (unsigned long)rate, EBUR128_MODE_I);
    if (meter == NULL) {
        return cw_fail_memory(err, "loudness meter");
    }
    if (open_bus(&bus, clips, count, rate, err) != 0) {
        goto done;
    }
    for (int64_t done = 0; done < total;) {
        const size_t n = (size_t)(total - done < BLOCK ? total - done : BLOCK);
        if (cw_bus_read(bus, mono, n, err) != 0) {
            goto done;
        }
        for (size_t i = 0; i < n; i++) {
            stereo[2 * i] = stereo[2 * i + 1] = mono[i];
        }
        if (ebur128_add_frames_float(meter, stereo, n) != EBUR128_SUCCESS) {
            cw_fail_memory(err, "loudness meter");
            goto done;
        }
        done += (int64_t)n;
        if (report(span, done, total, err) != 0) {
            goto done;
        }
    }
    result = loudness_of(meter, 2, rate, total, lufs, err);
done:
    cw_bus_close(bus);
    ebur128_destroy(&meter);
    return result;
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

/* libsndfile writes through these, so that a full disk is seen at once and by name, whatever the format's writer makes of it. */
struct output {
    const char *path; /* final; NULL: not wanted */
    int format;
    char temp[CW_PATH_MAX];
    int fd, error; /* error: errno of the first failure */
    SNDFILE *file;
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

/* Pass 2: every wanted file at once, under temporary names. */
static int make_files(struct stream *s, struct output *outputs, const struct cw_master_params *p, double gain_db, double ceiling_db,
                      const struct span *span, struct cw_error *err) {
    float mono[BLOCK], stereo[2 * BLOCK];
    struct cw_limiter limiter;
    const float gain = (float)pow(10.0, gain_db / 20.0);
    int64_t pushed = 0;
    const int64_t pushes = s->out_total + CW_LIMITER_DELAY;
    cw_limiter_start(&limiter, (float)pow(10.0, ceiling_db / 20.0), RATE);
    for (int f = 0; f < FILES; f++) {
        if (outputs[f].path != NULL && output_open(&outputs[f], p, err) != 0) {
            return -1;
        }
    }
    while (pushed < pushes) {
        long n = stream_read(s, mono, BLOCK, err);
        long ready = 0;
        if (n < 0) {
            return -1;
        }
        if (n == 0) { /* the limiter's delay still holds the end */
            n = (long)(pushes - pushed < BLOCK ? pushes - pushed : BLOCK);
            memset(mono, 0, sizeof mono);
        }
        for (long i = 0; i < n; i++, pushed++) {
            float y = cw_limiter_push(&limiter, gain * mono[i]);
            if (pushed >= CW_LIMITER_DELAY) {
                stereo[2 * ready] = stereo[2 * ready + 1] = y;
                ready++;
            }
        }
        for (int f = FILES - 1; f >= 0 && ready > 0; f--) {
            struct output *o = &outputs[f];
            for (long i = 0; i < 2 * ready && o->path != NULL && f == 0; i++) {
                stereo[i] *= mp3_makeup; /* the MP3 is the last to be written */
            }
            if (o->path != NULL && (sf_writef_float(o->file, stereo, ready) != ready || o->error != 0)) {
                return output_fail(o, sf_strerror(o->file), err);
            }
        }
        if (report(span, pushed, pushes, err) != 0) {
            return -1;
        }
    }
    for (int f = 0; f < FILES; f++) {
        if (outputs[f].path != NULL && output_end(&outputs[f], err) != 0) {
            return -1;
        }
    }
    return 0;
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
    if (total < 1 || total > INT64_C(1) << 40 || p.rate < 8000 || p.rate > 192000 || outputs[main_file].path == NULL) {
        return cw_fail(err, CW_BAD_INPUT,
                       "master: expected a timeline of at least one sample at 8 to 192 kHz and a file to make, found "
                       "%lld samples at %d Hz",
                       (long long)total, p.rate);
    }
    if (measure_timeline(clips, count, total, p.rate, &before, &span, err) != 0) {
        goto done;
    }
    if (before > silent_lufs) {
        gain = fmin(p.target_lufs - before, most_gain_db);
    }
    for (int attempt = 0; attempt <= REMAKES; attempt++) {
        int64_t frames = 0;
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
        if (measure_file(outputs[main_file].temp, &r->loudness_lufs, &r->true_peak_dbtp, &r->seconds, &frames, &span, err) != 0) {
            goto done;
        }
        if (frames != s.out_total) {
            cw_fail(err, CW_FAILED, "%s: expected %lld frames after decoding, found %lld", outputs[main_file].path, (long long)s.out_total,
                    (long long)frames);
            goto done;
        }
        r->gain_db = gain;
        double short_of = before > silent_lufs ? p.target_lufs - r->loudness_lufs : 0.0;
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

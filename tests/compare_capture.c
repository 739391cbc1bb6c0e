/* Is what was heard what is in the file?  compare_capture CAPTURED.raw EPISODE.{flac,wav,mp3}
 *
 *   file -> one channel -> 20 kHz;  captured (float, 24 kHz, mono, by tests/null_sink.sh) -> 20 kHz
 *   -> aligned by their envelopes, then by samples -> block by block: place, gain, likeness
 *
 * A dropped or repeated frame shows as a block whose place has slipped; a gap as a block that is not like the file's; the
 * limiter of the file as a block with less gain than the rest. Exit: 0 the same sound, 1 not, 2 bad usage or input. */
#include "base/base.h"

#include <math.h>
#include <samplerate.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The file was brought to 44.1 kHz by a filter that falls off from 10.8 kHz on, live sound was not: both are compared up to
 * 9.7 kHz, so that a loud s is not taken for a fault. */
enum { CAPTURED_RATE = 24000, RATE = 20000, HOP = RATE / 100, BLOCK = RATE / 4, PROBE_HOPS = 6000, NEAR = RATE / 50, FAR = RATE };

struct sound {
    float *x;
    long n;
};

static bool resample(const char *name, const float *in, long n, int rate, struct sound *s) {
    double ratio = (double)RATE / rate;
    long room = (long)((double)n * ratio) + 2;
    s->x = malloc(sizeof *s->x * (size_t)room);
    if (s->x == NULL) {
        fprintf(stderr, "%s: out of memory\n", name);
        return false;
    }
    SRC_DATA d = {.data_in = in, .input_frames = n, .data_out = s->x, .output_frames = room, .src_ratio = ratio};
    int failure = src_simple(&d, SRC_SINC_BEST_QUALITY, 1);
    if (failure != 0) {
        fprintf(stderr, "%s: %s\n", name, src_strerror(failure));
        return false;
    }
    s->n = d.output_frames_gen;
    return true;
}

/* `skip`: frames left out at the start; six of them are five at 20 kHz, so one of six brings both onto one grid. */
static bool load_captured(const char *path, long skip, struct sound *s) {
    struct cw_error err = {0};
    char *data = NULL;
    size_t len = 0;
    if (cw_file_read(path, (size_t)4 << 30, &data, &len, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    long n = (long)(len / sizeof(float)) - skip;
    bool ok = n > 0 && resample(path, (const float *)(const void *)data + skip, n, CAPTURED_RATE, s);
    free(data);
    return ok;
}

static bool load_file(const char *path, struct sound *s) {
    bool ok = false;
    SF_INFO info = {0};
    float *in = NULL, *mono = NULL;
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (file == NULL || info.frames < 1 || info.channels > 8) {
        fprintf(stderr, "%s: %s\n", path, sf_strerror(NULL));
        goto done;
    }
    in = malloc(sizeof *in * (size_t)info.frames * (size_t)info.channels);
    mono = malloc(sizeof *mono * (size_t)info.frames);
    if (in == NULL || mono == NULL || sf_readf_float(file, in, info.frames) != info.frames) {
        fprintf(stderr, "%s: cannot read it whole\n", path);
        goto done;
    }
    for (long i = 0; i < info.frames; i++) {
        mono[i] = in[i * info.channels]; /* both channels are the same */
    }
    ok = resample(path, mono, (long)info.frames, info.samplerate, s);
done:
    if (file != NULL) {
        sf_close(file);
    }
    free(in);
    free(mono);
    return ok;
}

struct likeness {
    double correlation, gain, snr_db, energy;
};

/* x[at, at + n) against y at the same place moved by lag. */
static struct likeness compare(const struct sound *x, const struct sound *y, long at, long n, long lag) {
    double xy = 0, xx = 0, yy = 0;
    if (at + lag < 0 || at + lag + n > y->n || at + n > x->n) {
        return (struct likeness){0};
    }
    for (long i = 0; i < n; i++) {
        double a = x->x[at + i], b = y->x[at + lag + i];
        xy += a * b;
        xx += a * a;
        yy += b * b;
    }
    struct likeness l = {.energy = xx / (double)n};
    if (xx > 0 && yy > 0) {
        l.correlation = xy / sqrt(xx * yy);
        l.gain = xy / xx;
        double left = yy - xy * xy / xx;
        l.snr_db = 10 * log10((yy + 1e-30) / fmax(left, yy * 1e-15));
    }
    return l;
}

static long best_lag(const struct sound *x, const struct sound *y, long at, long n, long around, long reach) {
    long best = around;
    double highest = -2;
    for (long lag = around - reach; lag <= around + reach; lag++) {
        double c = compare(x, y, at, n, lag).correlation;
        if (c > highest) {
            highest = c;
            best = lag;
        }
    }
    return best;
}

static float *envelope(const struct sound *s, long *hops) {
    *hops = s->n / HOP;
    float *e = calloc((size_t)*hops + 1, sizeof *e);
    for (long h = 0; e != NULL && h < *hops; h++) {
        double sum = 0;
        for (long i = 0; i < HOP; i++) {
            sum += (double)s->x[h * HOP + i] * s->x[h * HOP + i];
        }
        e[h] = (float)sqrt(sum / HOP);
    }
    return e;
}

/* By the envelopes of the first minute: where the file's beginning lies in the capture, in samples. */
static long align(const struct sound *x, const struct sound *y) {
    long hx, hy, best = 0;
    double highest = -2;
    float *ex = envelope(x, &hx), *ey = envelope(y, &hy);
    long n = hx < PROBE_HOPS ? hx : PROBE_HOPS;
    for (long lag = -100; ex != NULL && ey != NULL && lag < hy; lag++) {
        double xy = 0, xx = 0, yy = 0;
        for (long h = 0; h < n; h++) {
            double b = h + lag >= 0 && h + lag < hy ? ey[h + lag] : 0;
            xy += ex[h] * b;
            xx += (double)ex[h] * ex[h];
            yy += b * b;
        }
        double c = xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
        if (c > highest) {
            highest = c;
            best = lag;
        }
    }
    free(ex);
    free(ey);
    return best * HOP;
}

int main(int argc, char **argv) {
    int verdict = 2;
    struct sound x = {0}, y = {0};
    double *gains = NULL, *snrs = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: compare_capture CAPTURED.raw EPISODE.flac|wav|mp3\n");
        return 2;
    }
    if (!load_captured(argv[1], 0, &y) || !load_file(argv[2], &x)) {
        goto done;
    }
    long blocks = x.n / BLOCK, loudest = 0, used = 0, slips = 0, unlike = 0, limited = 0;
    gains = calloc((size_t)blocks + 1, sizeof *gains);
    snrs = calloc((size_t)blocks + 1, sizeof *snrs);
    if (blocks < 1 || gains == NULL || snrs == NULL) {
        fprintf(stderr, "%s: expected at least a quarter of a second\n", argv[2]);
        goto done;
    }
    for (long b = 0; b < blocks && b < 240; b++) {
        if (compare(&x, &x, b * BLOCK, BLOCK, 0).energy > compare(&x, &x, loudest * BLOCK, BLOCK, 0).energy) {
            loudest = b;
        }
    }
    long around = align(&x, &y), lag = best_lag(&x, &y, loudest * BLOCK, BLOCK, around, NEAR);
    for (long skip = 1; skip < 6; skip++) {
        struct sound other = {0};
        if (!load_captured(argv[1], skip, &other)) {
            free(other.x);
            goto done;
        }
        long there = best_lag(&x, &other, loudest * BLOCK, BLOCK, around, NEAR);
        bool better = compare(&x, &other, loudest * BLOCK, BLOCK, there).snr_db > compare(&x, &y, loudest * BLOCK, BLOCK, lag).snr_db;
        free(better ? y.x : other.x);
        if (better) {
            y = other;
            lag = there;
        }
    }
    const long first_lag = lag;
    for (long b = 0; b < blocks; b++) {
        struct likeness l = compare(&x, &y, b * BLOCK, BLOCK, lag);
        if (compare(&x, &x, b * BLOCK, BLOCK, 0).energy < 1e-5) { /* -50 dB: a pause */
            continue;
        }
        if (l.correlation < 0.98) {
            long other = best_lag(&x, &y, b * BLOCK, BLOCK, lag, FAR);
            struct likeness moved = compare(&x, &y, b * BLOCK, BLOCK, other);
            if (other != lag && moved.correlation > 0.95) {
                printf("%8.2f s: slipped by %ld frames\n", (double)b * BLOCK / RATE, other - lag);
                slips++;
                lag = other;
                l = moved;
            } else {
                printf("%8.2f s: not alike, correlation %.3f\n", (double)b * BLOCK / RATE, l.correlation);
                unlike++;
                continue;
            }
        }
        gains[used] = l.gain;
        snrs[used++] = l.snr_db;
    }
    if (used > 0) {
        qsort(gains, (size_t)used, sizeof *gains, cw_order_doubles);
        qsort(snrs, (size_t)used, sizeof *snrs, cw_order_doubles);
        double gain = gains[used / 2];
        for (long i = 0; i < used; i++) {
            limited += fabs(20 * log10(gains[i] / gain)) > 0.1;
        }
        printf("begins at %.3f s of the capture; gain %.2f dB, %ld of %ld blocks more than 0.1 dB off it (%.2f to %.2f dB)\n",
               (double)first_lag / RATE, 20 * log10(gain), limited, used, 20 * log10(gains[0]), 20 * log10(gains[used - 1]));
        printf("SNR by block: median %.1f dB, worst %.1f dB\n", snrs[used / 2], snrs[0]);
    }
    bool whole = y.n - lag >= x.n - RATE / 50;
    printf("slips %ld, blocks not alike %ld, end of the file %s\n", slips, unlike, whole ? "captured" : "missing");
    verdict = used > 0 && slips == 0 && unlike == 0 && whole ? 0 : 1;
    printf("%s\n", verdict == 0 ? "the same sound" : "NOT the same sound");
done:
    free(x.x);
    free(y.x);
    free(gains);
    free(snrs);
    return verdict;
}

/* Mixer, limiter and mastering, as numbers: sums, lengths, places, loudness, peaks, bytes. */
#include "episode/bus.h"
#include "episode/limiter.h"
#include "episode/master.h"
#include "episode/resample.h"
#include "tests/test.h"

#include <ebur128.h>
#include <math.h>
#include <signal.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RATE = 24000 };

static const double pi = 3.14159265358979323846;

/* Writes a clip of `count` samples, placed at `start`. */
static struct cw_clip make_clip(const char *name, int64_t start, const float *x, int64_t count) {
    struct cw_clip clip = {.start = start, .count = count};
    SF_INFO info = {.samplerate = RATE, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    CHECK(snprintf(clip.path, sizeof clip.path, "%s/%s", cw_test_dir(), name) < (int)sizeof clip.path);
    SNDFILE *file = sf_open(clip.path, SFM_WRITE, &info);
    if (CHECKF(file != NULL, "%s: %s", clip.path, sf_strerror(NULL))) {
        CHECK(sf_writef_float(file, x, count) == count);
        sf_close(file);
    }
    return clip;
}

static float *noise(uint64_t stream, size_t n, double gain) {
    float *x = calloc(n + 1, sizeof *x);
    if (x != NULL) {
        cw_gauss(cw_test_seed(), stream, 0, n, x);
        for (size_t i = 0; i < n; i++) {
            x[i] = (float)(gain * x[i]);
        }
    }
    return x;
}

/* Buzzes of a voice's kind: syllables of harmonics that fade, pauses between phrases; peaks some 15 dB above the mean. */
static float *speech_like(size_t n, double gain) {
    float *x = calloc(n + 1, sizeof *x);
    double phase = 0.0;
    for (size_t i = 0; x != NULL && i < n; i++) {
        double t = (double)i / RATE;
        double syllable = pow(fabs(sin(pi * 3.1 * t)), 2.0) * (fmod(t, 2.7) < 2.1);
        phase += 2 * pi * (130.0 + 30.0 * sin(2 * pi * 0.7 * t)) / RATE;
        double y = 0.0;
        for (int h = 1; h <= 24; h++) {
            y += cos(h * phase) / h * (1.0 + 2.0 * exp(-pow((h - 5.0 - 3.0 * sin(t)) / 2.0, 2.0)));
        }
        x[i] = (float)(gain * syllable * y * 0.12);
    }
    return x;
}

/* ---- mixer ---------------------------------------------------------------------------------------------------------- */

static void read_all(const struct cw_clip *clips, size_t count, float *out, size_t n, uint64_t chunk_stream) {
    struct cw_mixer *m = NULL;
    struct cw_error err = {0};
    CHECKF(cw_mixer_open(&m, RATE, &err) == 0, "%s", err.text);
    for (size_t i = 0; i < count; i++) {
        CHECKF(cw_mixer_add(m, &clips[i], &err) == 0, "%s", err.text);
    }
    for (size_t at = 0, k = 0; at < n; k++) {
        uint32_t words[4];
        cw_philox(cw_test_seed(), chunk_stream, k, words);
        size_t take = chunk_stream == 0 ? n : 1 + words[0] % (words[1] % 4 == 0 ? 7000 : 100);
        take = take < n - at ? take : n - at;
        CHECKF(cw_mixer_read(m, out + at, take, &err) == 0, "%s", err.text);
        at += take;
    }
    cw_mixer_close(m);
}

static void test_mixer_sums(void) {
    enum { N = 40000 };
    static float want[N], whole[N], chunked[N];
    static const struct {
        int64_t start, count;
    } places[] = {{1000, 9000}, {8000, 5000}, {8000, 300}, {9999, 1}, {13000, 1}, {20000, 0}, {20000, 12345}, {38000, 5000}};
    struct cw_clip clips[8];
    memset(want, 0, sizeof want);
    for (size_t c = 0; c < 8; c++) {
        char name[32];
        snprintf(name, sizeof name, "%zu.wav", c);
        float *x = noise(c + 10, (size_t)places[c].count + 5, 0.1);
        if (!CHECK(x != NULL)) {
            return;
        }
        /* one file is longer than its place: only what is placed is heard */
        clips[c] = make_clip(name, places[c].start, x, places[c].count + (c == 1 ? 5 : 0));
        clips[c].count = places[c].count;
        for (int64_t i = 0; i < places[c].count && places[c].start + i < N; i++) {
            want[places[c].start + i] += x[i];
        }
        free(x);
    }
    read_all(clips, 8, whole, N, 0);
    CHECK(memcmp(want, whole, sizeof want) == 0);
    for (uint64_t k = 1; k <= 5; k++) {
        read_all(clips, 8, chunked, N, k);
        CHECK(memcmp(want, chunked, sizeof want) == 0);
    }
    /* cut in two, the first part in memory, the second from within its file */
    struct cw_clip parts[9];
    memcpy(parts, clips, sizeof clips);
    memmove(parts + 2, parts + 1, 7 * sizeof *parts);
    parts[0].count = 4000;
    parts[0].samples = malloc(4000 * sizeof(float));
    parts[1] = clips[0];
    parts[1].start += 4000;
    parts[1].from = 4000;
    parts[1].count -= 4000;
    if (CHECK(parts[0].samples != NULL)) {
        for (int i = 0; i < 4000; i++) {
            parts[0].samples[i] = want[places[0].start + i]; /* alone there */
        }
        parts[0].path[0] = '\0';
        read_all(parts, 9, chunked, N, 6);
        CHECK(memcmp(want, chunked, sizeof want) == 0);
    }
    for (size_t i = 0; i < 1000; i++) {
        CHECK(whole[i] == 0.0f && whole[14000 + i] == 0.0f && whole[35000 + i] == 0.0f);
    }
}

/* The bus is the mixer's stream, in time, but for the moments around peaks above its ceiling. */
static void test_bus(void) {
    enum { N = 60000 };
    static float mixed[N], heard[N], chunked[N];
    struct cw_error err = {0};
    float *x = speech_like(30000, 0.2);
    if (!CHECK(x != NULL)) {
        return;
    }
    struct cw_clip clips[2] = {make_clip("a.wav", 3000, x, 30000), make_clip("b.wav", 33000, x, 26000)};
    free(x);
    clips[1].gain_db = 20.0; /* louder than the ceiling */
    read_all(clips, 2, mixed, N, 0);
    for (int pass = 0; pass < 2; pass++) {
        struct cw_bus *b = NULL;
        float *out = pass == 0 ? heard : chunked;
        CHECKF(cw_bus_open(&b, RATE, &err) == 0, "%s", err.text);
        for (size_t at = 0, take; at < N; at += take) {
            if (at == 0) {
                CHECKF(cw_bus_add(b, &clips[0], &err) == 0, "%s", err.text);
            }
            if (pass == 0 ? at == 0 : at == 31000) { /* as late as it may come */
                CHECKF(cw_bus_add(b, &clips[1], &err) == 0, "%s", err.text);
            }
            take = pass == 0 ? N : 1000;
            CHECKF(cw_bus_read(b, out + at, take, &err) == 0, "%s", err.text);
        }
        cw_bus_close(b);
    }
    CHECK(memcmp(heard, chunked, sizeof heard) == 0);
    const float ceiling = (float)pow(10.0, CW_BUS_CEILING_DBTP / 20.0);
    float before = 0, after = 0, loudest = 0;
    for (int i = 0; i < N; i++) {
        before = fmaxf(before, i < 32000 ? fabsf(heard[i] - mixed[i]) : 0);
        after = fmaxf(after, fabsf(heard[i]));
        loudest = fmaxf(loudest, fabsf(mixed[i]));
        CHECKF(fabsf(heard[i]) <= fabsf(mixed[i]) * 1.000001f, "sample %d: %g became %g", i, mixed[i], heard[i]);
    }
    CHECKF(before == 0, "changed by %g where nothing was too loud", before);
    CHECKF(loudest > ceiling * 1.2f && after <= ceiling && after > 0.9f * ceiling, "peak %g became %g, ceiling %g", loudest, after,
           ceiling);
}

static int count_open_files(void) {
    int n = 0;
    for (int fd = 0; fd < 256; fd++) {
        n += lseek(fd, 0, SEEK_CUR) >= 0;
    }
    return n;
}

static void test_mixer_open_files(void) {
    struct cw_mixer *m = NULL;
    struct cw_error err = {0};
    float *x = noise(1, 1000, 0.1), out[1000];
    struct cw_clip clip = make_clip("a.wav", 0, x, 1000);
    CHECK(cw_mixer_open(&m, RATE, &err) == 0);
    int before = count_open_files();
    for (int i = 0; i < 200; i++) {
        clip.start = 1000 * i;
        CHECK(cw_mixer_add(m, &clip, &err) == 0);
    }
    CHECK(count_open_files() == before);
    for (int i = 0; i < 200; i++) {
        CHECK(cw_mixer_read(m, out, 600, &err) == 0);
        CHECK(count_open_files() == before + 1);
        CHECK(cw_mixer_read(m, out, 400, &err) == 0);
        CHECK(memcmp(out, x + 600, 400 * sizeof *x) == 0);
        CHECK(count_open_files() == before);
    }
    /* clips may come while it is read */
    clip.start = 200 * 1000 + 50;
    CHECK(cw_mixer_add(m, &clip, &err) == 0);
    CHECK(cw_mixer_read(m, out, 1000, &err) == 0);
    CHECK(out[49] == 0.0f && memcmp(out + 50, x, 950 * sizeof *x) == 0);
    cw_mixer_close(m);
    free(x);
}

static void test_mixer_refused(void) {
    struct cw_mixer *m = NULL;
    struct cw_error err = {0};
    float x[1000] = {0}, out[4000];
    struct cw_clip good = make_clip("good.wav", 500, x, 1000), clip = good;
    CHECK(cw_mixer_open(&m, RATE, &err) == 0);
    CHECK(cw_mixer_add(m, &good, &err) == 0);
    clip.start = 499;
    CHECK_REFUSED(cw_mixer_add(m, &clip, &err), &err, "good.wav", "order", "499");
    clip.start = -1;
    CHECK_REFUSED(cw_mixer_add(m, &clip, &err), &err, "good.wav", "-1");
    clip.start = INT64_MAX - 5;
    CHECK_REFUSED(cw_mixer_add(m, &clip, &err), &err, "good.wav");
    CHECK(cw_mixer_read(m, out, 800, &err) == 0);
    clip.start = 799;
    CHECK_REFUSED(cw_mixer_add(m, &clip, &err), &err, "800", "799");
    cw_mixer_close(m);
    static const struct {
        const char *file, *says;
    } bad[] = {{"missing.wav", "cannot read"},
               {"short.wav", "expected 1000 samples, found 400"},
               {"nan.wav", "NaN"},
               {"good.wav", "1 channel at 48000 Hz"}};
    make_clip("short.wav", 0, x, 400);
    x[77] = NAN;
    make_clip("nan.wav", 0, x, 1000);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(cw_mixer_open(&m, i == 3 ? 48000 : RATE, &err) == 0);
        snprintf(clip.path, sizeof clip.path, "%.4000s/%s", cw_test_dir(), bad[i].file);
        clip.start = 3000;
        CHECK(cw_mixer_add(m, &clip, &err) == 0);
        CHECK(cw_mixer_read(m, out, 3000, &err) == 0);
        CHECK_REFUSED(cw_mixer_read(m, out, 1000, &err), &err, bad[i].file, bad[i].says);
        cw_mixer_close(m);
    }
}

/* ---- limiter --------------------------------------------------------------------------------------------------------- */

static void test_limiter(void) {
    enum { N = 44100 };
    static float x[N], y[N];
    static const double levels[] = {0.3, 0.9, 3.0};
    for (size_t level = 0; level < 3; level++) {
        struct cw_limiter l;
        double phase = 0.0;
        for (size_t i = 0; i < N; i++) {
            /* bursts of 11 kHz, whose peaks lie between samples; the first begins with the first sample */
            phase += 2 * pi * 11025.0 * 1.0001 / 44100;
            x[i] = (float)(levels[level] * sin(phase + 0.78) * (i % 9000 < 1500));
        }
        cw_limiter_start(&l, 0.5f, 44100);
        for (size_t i = 0; i < N + CW_LIMITER_DELAY; i++) {
            float out = cw_limiter_push(&l, i < N ? x[i] : 0.0f);
            if (i >= CW_LIMITER_DELAY) {
                y[i - CW_LIMITER_DELAY] = out;
            } else {
                CHECK(out == 0.0f);
            }
        }
        if (level == 0) {
            CHECK(memcmp(x, y, sizeof x) == 0); /* below the ceiling: bit for bit */
            continue;
        }
        double peak = 0.0, steepest = 0.0, last = 1.0;
        for (size_t i = 0; i < N; i++) {
            peak = fmax(peak, fabs(y[i]));
            if (fabs(x[i]) > 0.1) {
                double gain = y[i] / x[i];
                if (i > 0 && fabs(x[i - 1]) > 0.1) {
                    steepest = fmax(steepest, fabs(gain - last));
                }
                last = gain;
                CHECKF(gain > 0.0 && gain <= 1.0 + 1e-6, "gain %g at %zu", gain, i);
            }
        }
        CHECKF(peak <= 0.5 + 1e-4, "peak %g", peak);
        CHECKF(steepest < 0.02, "the gain jumps by %g", steepest);
        /* long after the burst the signal is let through again */
        CHECK(y[8999] == x[8999]);
    }
    /* what is limited at first is untouched in the end */
    struct cw_limiter l;
    cw_limiter_start(&l, 0.5f, 44100);
    double worst = 0.0;
    for (int i = 0; i < 3 * 44100; i++) {
        float in = i < 100 ? 0.9f : 0.4f;
        float out = cw_limiter_push(&l, in);
        if (i > 2 * 44100) {
            worst = fmax(worst, fabs(out - 0.4f));
        }
    }
    CHECKF(worst == 0.0, "%g", worst);
}

/* Where samples are soft it does not look between them: the same as looking. */
static void test_limiter_soft(void) {
    struct cw_limiter fast, slow;
    const int n = 4 * RATE;
    float *x = speech_like((size_t)n, 0.6), *hiss = noise(5, (size_t)n, 0.02);
    int differ = 0, limited = 0;
    cw_limiter_start(&fast, 0.4f, RATE);
    cw_limiter_start(&slow, 0.4f, RATE);
    slow.soft = -1.0f;
    CHECKF(fast.soft > 0.1f && fast.soft < 0.4f, "%g", fast.soft);
    for (int i = 0; x != NULL && hiss != NULL && i < n; i++) {
        float in = x[i] + hiss[i], a = cw_limiter_push(&fast, in), b = cw_limiter_push(&slow, in);
        differ += memcmp(&a, &b, sizeof a) != 0;
        limited += fast.held < 1.0f;
    }
    CHECKF(differ == 0, "%d samples differ", differ);
    CHECKF(limited > n / 50 && limited < n / 2, "%d of %d samples limited: this proves nothing", limited, n);
    free(x);
    free(hiss);
}

/* ---- resampler ------------------------------------------------------------------------------------------------------- */

/* Tones through the resampler: as loud as they were, in their place, and nothing else above the noise of floats: no image, no hiss. */
static void test_resampler(void) {
    enum { INPUTS = 12000, OUTPUTS = 20000 };
    static const struct {
        int from;
        double hertz, passes, rest_db; /* least gain, 0: it must be gone; most of all else */
    } tones[] = {{24000, 50, 0.9999, -115},   {24000, 997, 0.9999, -115},   {24000, 5003, 0.9999, -115}, {24000, 9001, 0.9999, -115},
                 {24000, 10200, 0.999, -115}, {24000, 11050, 0.4, -115},    {22050, 9000, 0.9999, -115}, {8000, 3000, 0.9999, -115},
                 {48000, 1000, 0.9999, -115}, {48000, 18500, 0.9999, -115}, {48000, 22100, 0, 0},        {24000, 11900, 0, 0},
                 {44100, 18000, 0.9999, -115}};
    static float x[INPUTS + CW_RESAMPLER_TAPS], y[OUTPUTS];
    struct cw_error err = {0};
    struct cw_resampler r;
    for (size_t tone = 0; tone < sizeof tones / sizeof *tones; tone++) {
        const double in = 2 * pi * tones[tone].hertz / tones[tone].from, out = 2 * pi * tones[tone].hertz / 44100;
        double ss = 0.0, cc = 0.0, sc = 0.0, sy = 0.0, cy = 0.0, rest = 0.0, loud = 0.0;
        int64_t last = -1;
        int phase = 0, n = 0;
        if (!CHECKF(cw_resampler_open(&r, tones[tone].from, 44100, &err) == 0, "%s", err.text)) {
            return;
        }
        for (int i = 0; i < INPUTS + CW_RESAMPLER_TAPS; i++) {
            x[i] = (float)(0.7 * sin(in * (i - CW_RESAMPLER_BEFORE) + 0.3));
        }
        for (int i = 0; i < OUTPUTS; i++) {
            int64_t at = cw_resampler_place(&r, i, &phase);
            CHECKF(at == (int64_t)i * tones[tone].from / 44100 && phase >= 0 && phase < r.up && at >= last, "output %d at %lld, phase %d",
                   i, (long long)at, phase);
            last = at;
            if (at >= INPUTS) {
                break;
            }
            y[n] = cw_resampler_between(&r, x + at, phase);
            double si = sin(out * i + 0.3), ci = cos(out * i + 0.3);
            ss += si * si;
            cc += ci * ci;
            sc += si * ci;
            sy += si * y[n];
            cy += ci * y[n];
            n++;
        }
        const double gain = (sy * cc - cy * sc) / (ss * cc - sc * sc) / 0.7, aside = (cy * ss - sy * sc) / (ss * cc - sc * sc) / 0.7;
        for (int i = 0; i < n; i++) {
            rest += pow(y[i] - 0.7 * (gain * sin(out * i + 0.3) + aside * cos(out * i + 0.3)), 2);
            loud += y[i] * y[i];
        }
        const double rest_db = 10 * log10(rest / n / 0.245), loud_db = 10 * log10(loud / n / 0.245);
        printf("      %5d Hz, %5.0f Hz: gain %.6f, rest %.1f dB\n", tones[tone].from, tones[tone].hertz, gain, rest_db);
        if (tones[tone].passes > 0) {
            CHECKF(gain > tones[tone].passes && gain < 1.0001 && fabs(aside) < 1e-4, "gain %g, %g aside", gain, aside);
            CHECKF(rest_db < tones[tone].rest_db, "%g Hz at %d Hz brings %.1f dB of other sounds", tones[tone].hertz, tones[tone].from,
                   rest_db);
        } else {
            CHECKF(loud_db < -110, "%g Hz at %d Hz comes through at %.1f dB", tones[tone].hertz, tones[tone].from, loud_db);
        }
        cw_resampler_close(&r);
    }
    CHECK_REFUSED(cw_resampler_open(&r, 192000, 44100, &err), &err, "to twice 44100 Hz", "192000");
    CHECK_REFUSED(cw_resampler_open(&r, 0, 44100, &err), &err, "1 Hz", "found 0 Hz");
    CHECK_REFUSED(cw_resampler_open(&r, 1, 0, &err), &err, "0 Hz", "found 1 Hz");
    CHECK_REFUSED(cw_resampler_open(&r, 24001, 44100, &err), &err, "4096", "24001 to 44100");
}

/* ---- loudness -------------------------------------------------------------------------------------------------------- */

/* libebur128's word on frames that are all there. */
static void meter_of(const float *x, int64_t frames, unsigned channels, unsigned long rate, double *lufs, double *dbtp) {
    double peak = 0.0;
    ebur128_state *meter = ebur128_init(channels, rate, EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK);
    *lufs = *dbtp = 0.0;
    if (!CHECK(meter != NULL)) {
        return;
    }
    CHECK(ebur128_add_frames_float(meter, x, (size_t)frames) == EBUR128_SUCCESS);
    CHECK(ebur128_loudness_global(meter, lufs) == EBUR128_SUCCESS);
    for (unsigned c = 0; c < channels; c++) {
        double p = 0.0;
        CHECK(ebur128_true_peak(meter, c, &p) == EBUR128_SUCCESS);
        peak = fmax(peak, p);
    }
    *dbtp = 20.0 * log10(peak);
    ebur128_destroy(&meter);
}

/* Heard as it is laid, in pieces of any length, overlaps and all, a timeline is as loud as when it is heard whole. */
static void test_loudness_timeline(void) {
    enum { N = 5 * RATE, PIECES = 4 };
    static const int64_t starts[PIECES + 1] = {700, 40000, 55000, 90001, N};
    struct cw_error err = {0};
    struct cw_clip clips[PIECES];
    struct cw_loudness *l = NULL;
    struct cw_bus *bus = NULL;
    static float mono[N], stereo[2 * N];
    double whole = 0.0, dbtp = 0.0, laid = 0.0;
    CHECKF(cw_bus_open(&bus, RATE, &err) == 0 && cw_loudness_open(&l, RATE, &err) == 0, "%s", err.text);
    for (int c = 0; c < PIECES; c++) {
        char name[32];
        int64_t n = c == 1 ? 20000 : starts[c + 1] - starts[c] - 300; /* the second sounds on into the third */
        float *x = speech_like((size_t)n, 0.3 + 0.2 * c);
        snprintf(name, sizeof name, "%d.wav", c);
        clips[c] = make_clip(name, starts[c], x, n);
        free(x);
        CHECKF(cw_bus_add(bus, &clips[c], &err) == 0, "%s", err.text);
        CHECKF(cw_loudness_add(l, &clips[c], &err) == 0 && cw_loudness_hear(l, starts[c + 1], &err) == 0, "%s", err.text);
        CHECKF(cw_loudness_hear(l, starts[c], &err) == 0, "%s", err.text); /* known already */
    }
    CHECKF(cw_bus_read(bus, mono, N, &err) == 0, "%s", err.text);
    for (int i = 0; i < N; i++) {
        stereo[2 * i] = stereo[2 * i + 1] = mono[i];
    }
    meter_of(stereo, N, 2, RATE, &whole, &dbtp);
    CHECK_REFUSED(cw_loudness_end(l, N / 2, &laid, &err), &err, "60000");
    CHECKF(cw_loudness_end(l, N, &laid, &err) == 0, "%s", err.text);
    CHECKF(laid == whole && laid > -40.0 && laid < -5.0, "%.17g LUFS as it is laid, %.17g whole", laid, whole);
    struct cw_clip late = clips[1];
    CHECK_REFUSED(cw_loudness_add(l, &late, &err), &err, "1.wav", "order");
    cw_loudness_close(l);
    cw_bus_close(bus);
}

/* Files whose two channels are the same, differ from the first, and differ at the end only. */
static void test_loudness_file(void) {
    enum { N = 3 * RATE };
    struct cw_error err = {0};
    float *x = speech_like(N, 0.5), *y = noise(8, N, 0.1), *frames = calloc(2 * N, sizeof *frames);
    char path[CW_PATH_MAX];
    double seen[3];
    snprintf(path, sizeof path, "%.4000s/file.wav", cw_test_dir());
    for (int kind = 0; kind < 3 && CHECK(x != NULL && y != NULL && frames != NULL); kind++) {
        SF_INFO info = {.samplerate = RATE, .channels = 2, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
        struct cw_measured m = {0};
        double lufs = 0.0, dbtp = 0.0;
        for (int i = 0; i < N; i++) {
            frames[2 * i] = x[i];
            frames[2 * i + 1] = kind == 0 || (kind == 2 && i < N - 9) ? x[i] : y[i];
        }
        SNDFILE *file = sf_open(path, SFM_WRITE, &info);
        if (!CHECK(file != NULL)) {
            break;
        }
        CHECK(sf_writef_float(file, frames, N) == N);
        sf_close(file);
        meter_of(frames, N, 2, RATE, &lufs, &dbtp);
        CHECKF(cw_measure(path, NULL, NULL, &m, &err) == 0, "%s", err.text);
        CHECKF(m.lufs == lufs && m.dbtp == dbtp && m.frames == N && m.seconds == 3.0, "kind %d: %.17g LUFS %.17g dBTP, not %.17g, %.17g",
               kind, m.lufs, m.dbtp, lufs, dbtp);
        seen[kind] = m.lufs;
    }
    CHECKF(seen[1] != seen[0], "%g %g", seen[0], seen[1]);
    free(x);
    free(y);
    free(frames);
}

/* ---- master ---------------------------------------------------------------------------------------------------------- */

/* The whole file, both channels; free() it. */
static float *decode(const char *path, int64_t *frames) {
    SF_INFO info = {0};
    *frames = 0;
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (!CHECKF(file != NULL, "%s: %s", path, sf_strerror(NULL))) {
        return NULL;
    }
    CHECK(info.samplerate == 44100 && info.channels == 2);
    float *x = calloc((size_t)(info.frames + 10000) * 2, sizeof *x);
    *frames = x != NULL ? sf_readf_float(file, x, info.frames + 10000) : 0;
    CHECK(*frames == info.frames);
    sf_close(file);
    return x;
}

struct outcome {
    struct cw_master_result r;
    int64_t frames;
    double lufs, dbtp, peak, difference; /* difference: largest between the channels */
};

static bool master_one(const char *name, const float *x, int64_t n, struct outcome *o) {
    struct cw_error err = {0};
    char mp3[CW_PATH_MAX], wav[64];
    struct cw_measured m;
    struct cw_master_params p = cw_master_params_default();
    snprintf(wav, sizeof wav, "%.32s.wav", name);
    snprintf(mp3, sizeof mp3, "%.4000s/%s.mp3", cw_test_dir(), name);
    struct cw_clip clip = make_clip(wav, 0, x, n);
    p.mp3 = mp3;
    p.title = "A title — with ü";
    p.artist = "Castwright";
    *o = (struct outcome){0};
    if (!CHECKF(cw_master(&clip, 1, n, p, &o->r, &err) == 0, "%s: %s", name, err.text)) {
        return false;
    }
    float *y = decode(mp3, &o->frames);
    for (int64_t i = 0; y != NULL && i < o->frames; i++) {
        o->peak = fmax(o->peak, fabs(y[2 * i]));
        o->difference = fmax(o->difference, fabs(y[2 * i] - y[2 * i + 1]));
    }
    free(y);
    CHECKF(o->frames == llround((double)n * 44100 / RATE), "%s: %lld frames of %lld samples", name, (long long)o->frames, (long long)n);
    CHECK(cw_measure(mp3, NULL, NULL, &m, &err) == 0);
    o->lufs = m.lufs;
    o->dbtp = m.dbtp;
    CHECK(o->lufs == o->r.loudness_lufs && o->dbtp == o->r.true_peak_dbtp && m.seconds == o->r.seconds);
    CHECKF(o->dbtp <= -1.0, "%s: true peak %.2f dBTP", name, o->dbtp);
    CHECKF(o->difference < 1e-4, "%s: the channels differ by %g", name, o->difference);
    printf("      %-12s %7.2f s  gain %6.2f dB  %7.2f LUFS  %6.2f dBTP\n", name, m.seconds, o->r.gain_db, o->lufs, o->dbtp);
    return true;
}

static void test_master_loudness(void) {
    struct outcome o;
    size_t n = 12 * RATE + 7;
    float *x = speech_like(n, 1.0);
    if (master_one("speech", x, (int64_t)n, &o)) {
        CHECKF(fabs(o.lufs + 16.0) <= 0.5, "%.2f LUFS", o.lufs);
    }
    for (size_t i = 0; i < n; i++) {
        x[i] *= 0.004f;
    }
    if (master_one("quiet", x, (int64_t)n, &o)) {
        CHECKF(fabs(o.lufs + 16.0) <= 0.5, "%.2f LUFS", o.lufs);
    }
    for (size_t i = 0; i < n; i++) { /* hot, with square edges, far above full scale, in bursts that the gate leaves out of the mean */
        x[i] = (i / 60 % 2 ? 1.9f : -1.9f) * ((i / 6000) % 4 == 0 ? 1.0f : 0.02f);
    }
    if (master_one("square", x, (int64_t)n, &o)) {
        CHECKF(fabs(o.lufs + 16.0) <= 0.5, "%.2f LUFS", o.lufs);
    }
    free(x);
    x = noise(3, n, 0.05); /* clicks in noise: the limiter must work hard */
    for (size_t i = 3000; i < n; i += 3000) {
        x[i] = 0.99f;
    }
    if (master_one("clicks", x, (int64_t)n, &o)) {
        CHECKF(fabs(o.lufs + 16.0) <= 0.5, "%.2f LUFS", o.lufs);
    }
    free(x);
}

static void test_master_short(void) {
    struct outcome o;
    static const int64_t lengths[] = {1, 2, 100, 7200, RATE + 1};
    for (size_t i = 0; i < 5; i++) {
        char name[32];
        float *x = speech_like((size_t)lengths[i], 1.0);
        snprintf(name, sizeof name, "short-%lld", (long long)lengths[i]);
        if (master_one(name, x, lengths[i], &o) && lengths[i] >= 7200) {
            CHECKF(fabs(o.lufs + 16.0) <= 0.5, "%s: %.2f LUFS", name, o.lufs);
        }
        free(x);
    }
    float *zeros = calloc(RATE, sizeof *zeros);
    if (master_one("silence", zeros, RATE, &o)) {
        CHECK(o.r.gain_db == 0.0);
        CHECK(o.lufs == -70.0);
        CHECKF(o.peak == 0.0, "silence peaks at %g", o.peak);
    }
    free(zeros);
}

/* A smooth bump; where is it after mastering, and is nothing else there? */
static void test_master_places(void) {
    struct cw_error err = {0};
    struct cw_master_result r;
    struct cw_master_params p = cw_master_params_default();
    char paths[3][CW_PATH_MAX];
    enum { BUMP = 2400 };
    float x[BUMP];
    struct cw_clip clips[3];
    const int64_t starts[] = {0, 100000, 237600}; /* the last ends with the timeline */
    for (int i = 0; i < BUMP; i++) {
        x[i] = (float)(0.5 * pow(sin(pi * i / BUMP), 2.0) * sin(2 * pi * 440 * (i - BUMP / 2) / RATE));
    }
    for (int c = 0; c < 3; c++) {
        clips[c] = make_clip("bump.wav", starts[c], x, BUMP);
        snprintf(paths[c], sizeof paths[c], "%.4000s/out.%s", cw_test_dir(), c == 0 ? "mp3" : c == 1 ? "flac" : "wav");
    }
    p.mp3 = paths[0];
    p.flac = paths[1];
    p.wav = paths[2];
    p.comment = "made by a test";
    if (!CHECKF(cw_master(clips, 3, 240000, p, &r, &err) == 0, "%s", err.text)) {
        return;
    }
    float *pcm[3] = {0};
    for (int f = 0; f < 3; f++) {
        int64_t frames = 0;
        pcm[f] = decode(paths[f], &frames);
        if (!CHECKF(frames == 441000, "%s: %lld frames", paths[f], (long long)frames) || pcm[f] == NULL) {
            goto done;
        }
        for (int c = 0; c < 3; c++) {
            /* the bump's formula at 44.1 kHz, against the file, at lags around 0 */
            double best = 0.0, gain = 0.0;
            int best_lag = -100;
            for (int lag = -20; lag <= 20; lag++) {
                double xy = 0.0, xx = 0.0, yy = 0.0;
                int64_t from = llround((double)starts[c] * 1.8375);
                for (int64_t i = 30; i < 4380; i++) {
                    double t = (double)(from + i) / 1.8375 - (double)starts[c];
                    double want =
                        t <= 0 || t >= BUMP ? 0.0 : 0.5 * pow(sin(pi * t / BUMP), 2.0) * sin(2 * pi * 440 * (t - BUMP / 2.0) / RATE);
                    double got = from + i + lag < frames ? pcm[f][2 * (from + i + lag)] : 0.0;
                    xy += want * got;
                    xx += want * want;
                    yy += got * got;
                }
                if (xy / sqrt(xx * yy + 1e-30) > best) {
                    best = xy / sqrt(xx * yy + 1e-30);
                    best_lag = lag;
                    gain = xy / xx;
                }
            }
            CHECKF(best_lag == 0 && best > (f == 0 ? 0.998 : 0.999999), "%s: bump %d at lag %d, correlation %.7f", paths[f], c, best_lag,
                   best);
            CHECKF(fabs(20 * log10(gain) - r.gain_db) < (f == 0 ? 0.05 : 0.01), "%s: gain %.3f dB, said %.3f", paths[f], 20 * log10(gain),
                   r.gain_db);
        }
        if (f > 0) {
            double hush = 0.0;
            for (int64_t i = 10000; i < 180000; i++) {
                hush = fmax(hush, fabs(pcm[f][2 * i]));
            }
            CHECKF(hush == 0.0, "%s: %g where nothing sounds", paths[f], hush);
        }
    }
    double apart = 0.0;
    for (int64_t i = 0; i < 2 * 441000; i++) {
        apart = fmax(apart, fabs(pcm[1][i] - pcm[2][i]));
    }
    CHECKF(apart <= 2.5e-7, "FLAC and WAV differ by %g, more than two steps of 24 bits", apart);
done:
    for (int f = 0; f < 3; f++) {
        free(pcm[f]);
    }
}

static void test_master_bytes(void) {
    struct cw_error err = {0};
    struct cw_master_result r;
    struct cw_master_params p = cw_master_params_default();
    char first[2][65], again[65], mp3[CW_PATH_MAX], flac[CW_PATH_MAX];
    double lufs = 0.0;
    struct cw_loudness *l = NULL;
    size_t n = 4 * RATE;
    float *x = speech_like(n, 1.0);
    struct cw_clip clip = make_clip("a.wav", 0, x, (int64_t)n);
    CHECKF(cw_loudness_open(&l, RATE, &err) == 0 && cw_loudness_add(l, &clip, &err) == 0 &&
               cw_loudness_end(l, (int64_t)n, &lufs, &err) == 0,
           "%s", err.text);
    cw_loudness_close(l);
    for (int run = 0; run < 3; run++) { /* the last time, how loud it is is known */
        snprintf(mp3, sizeof mp3, "%.4000s/%d.mp3", cw_test_dir(), run);
        snprintf(flac, sizeof flac, "%.4000s/%d.flac", cw_test_dir(), run);
        p.mp3 = mp3;
        p.flac = flac;
        p.title = "Same again";
        if (run == 1) {
            sleep(1); /* a time stamp would show */
        }
        p.lufs = run == 2 ? &lufs : NULL;
        CHECKF(cw_master(&clip, 1, (int64_t)n, p, &r, &err) == 0, "%s", err.text);
        for (int f = 0; f < 2; f++) {
            CHECK(cw_sha256_file(f == 0 ? mp3 : flac, run == 0 ? first[f] : again, &err) == 0);
            if (run > 0) {
                CHECK_STR(again, first[f]);
            }
        }
    }
    SF_INFO info = {0};
    SNDFILE *file = sf_open(mp3, SFM_READ, &info);
    if (CHECK(file != NULL)) {
        CHECK_STR(sf_get_string(file, SF_STR_TITLE), "Same again");
        sf_close(file);
    }
    free(x);
}

static bool count_progress(void *arg, double fraction) {
    double *seen = arg; /* last, calls, cancel after */
    CHECKF(fraction >= seen[0] && fraction <= 1.0, "%g after %g", fraction, seen[0]);
    seen[0] = fraction;
    return ++seen[1] != seen[2];
}

static int files_in_test_dir(void) {
    char command[CW_PATH_MAX + 64], line[64] = "";
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", cw_test_dir());
    FILE *pipe = popen(command, "r");
    bool got = pipe != NULL && fgets(line, sizeof line, pipe) != NULL;
    if (pipe != NULL) {
        pclose(pipe);
    }
    return got ? (int)strtol(line, NULL, 10) : -1;
}

static void test_master_refused(void) {
    struct cw_error err = {0};
    struct cw_master_result r;
    struct cw_master_params p = cw_master_params_default();
    char mp3[CW_PATH_MAX], flac[CW_PATH_MAX];
    double seen[3] = {0, 0, 0};
    struct cw_measured m;
    size_t n = 3 * RATE;
    float *x = speech_like(n, 1.0);
    struct cw_clip clip = make_clip("a.wav", 0, x, (int64_t)n), missing = clip;
    snprintf(mp3, sizeof mp3, "%.4000s/out.mp3", cw_test_dir());
    snprintf(flac, sizeof flac, "%.4000s/out.flac", cw_test_dir());
    p.mp3 = mp3;
    p.flac = flac;
    p.progress = count_progress;
    p.arg = seen;
    /* nothing may be left over by any of these */
    CHECK_REFUSED(cw_master(&clip, 1, 0, p, &r, &err), &err, "at least one sample");
    snprintf(missing.path, sizeof missing.path, "%.4000s/gone.wav", cw_test_dir());
    CHECK_REFUSED(cw_master(&missing, 1, (int64_t)n, p, &r, &err), &err, "gone.wav", "cannot read");
    for (int stop = 1; stop <= 100; stop += stop < 10 ? 3 : 30) {
        seen[0] = seen[1] = 0;
        seen[2] = stop;
        CHECK_REFUSED(cw_master(&clip, 1, (int64_t)n, p, &r, &err), &err, "cancelled");
        CHECK(err.code == CW_FAILED);
    }
    CHECKF(files_in_test_dir() == 1, "%d files left", files_in_test_dir());
    p.progress = NULL;
    p.mp3 = "/nowhere/out.mp3";
    CHECK_REFUSED(cw_master(&clip, 1, (int64_t)n, p, &r, &err), &err, "/nowhere/out.mp3", "No such file");
    CHECKF(files_in_test_dir() == 1, "%d files left", files_in_test_dir());
    p.mp3 = mp3;
    /* a full disk, played by a limit on the size of files: in a child, so that it binds only there */
    static const rlim_t limits[] = {100, 5000, 30000};
    for (size_t i = 0; i < 3; i++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            struct rlimit limit = {limits[i], limits[i]};
            signal(SIGXFSZ, SIG_IGN);
            bool ok = setrlimit(RLIMIT_FSIZE, &limit) == 0 && cw_master(&clip, 1, (int64_t)n, p, &r, &err) == -1 && err.code == CW_FAILED &&
                      strstr(err.text, "cannot write: File too large") != NULL;
            _exit(ok ? 0 : 1);
        }
        int status = -1;
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECKF(status == 0, "a full disk at %ld bytes was not seen", (long)limits[i]);
        CHECKF(files_in_test_dir() == 1, "%d files left", files_in_test_dir());
    }
    CHECK_REFUSED(cw_measure(missing.path, NULL, NULL, &m, &err), &err, "gone.wav");
    CHECK(cw_file_write(mp3, "not sound", 9, &err) == 0);
    CHECK_REFUSED(cw_measure(mp3, NULL, NULL, &m, &err), &err, "out.mp3", "cannot read the sound");
    free(x);
}

const struct cw_test cw_tests_master[] = {
    {"mixer.sums", "overlaps are summed, all else is exactly silent, chunked equals whole", test_mixer_sums},
    {"mixer.bus", "the bus limits peaks and leaves the rest where and as it was", test_bus},
    {"mixer.files", "only the clips that sound now are open", test_mixer_open_files},
    {"mixer.refused", "missing, short, wrong and disordered clips are refused by name", test_mixer_refused},
    {"master.limiter", "the limiter keeps the ceiling, moves smoothly, and lets the rest through bit for bit", test_limiter},
    {"master.soft", "where nothing can be too loud the limiter looks less closely, and gives the same", test_limiter_soft},
    {"master.resampler", "tones keep their level and place from any rate to 44.1 kHz, and bring nothing else", test_resampler},
    {"master.laid", "a timeline measured while it is laid, in pieces, is as loud as it is whole, by libebur128 alone",
     test_loudness_timeline},
    {"master.measured", "files are as loud as libebur128 says, whether their channels are the same or not", test_loudness_file},
    {"master.loudness", "decoded MP3s measure -16 LUFS and at most -1 dBTP, for speech, whispers, squares and clicks",
     test_master_loudness},
    {"master.short", "lengths are exact from one sample on; silence stays silence", test_master_short},
    {"master.places", "nothing moves in time, in MP3, FLAC and WAV", test_master_places},
    {"master.bytes", "the same input gives the same bytes", test_master_bytes},
    {"master.refused", "bad input, a cancel and a full disk leave nothing behind", test_master_refused},
    {0},
};

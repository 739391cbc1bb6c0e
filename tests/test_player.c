/* Playback without a sound card: a PulseAudio of the test's own with a null sink, ALSA pointed at it, and a recorder on the
 * sink's monitor. What was played comes back sample for sample. */
#include "castwright.h"
#include "episode/bus.h"
#include "episode/player.h"
#include "episode/ring.h"
#include "tests/test.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RATE = 24000, ATTEMPTS = 3 };

static void pause_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static float *noise(uint64_t stream, size_t n) {
    float *x = calloc(n + 1, sizeof *x);
    if (x != NULL) {
        cw_gauss(cw_test_seed(), stream, 0, n, x);
        for (size_t i = 0; i < n; i++) {
            x[i] = fmaxf(-0.9f, fminf(0.9f, 0.15f * x[i]));
        }
    }
    return x;
}

#ifdef __SANITIZE_ADDRESS__
/* ALSA's plugins keep memory when they are unloaded. They stay loaded here, so that the leak checker can tell by name whose it
 * is. */
int dlclose(void *handle);
int dlclose(void *handle) {
    (void)handle;
    return 0;
}

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libasound\nleak:libpulse\nleak:libjack\nleak:libportaudio\nleak:libdbus\n";
}
#endif

#ifdef __SANITIZE_THREAD__
/* PulseAudio counts references in a way that the checker cannot see; its functions alone are left out. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) {
    return "race:^pa_\n";
}
#endif

/* ---- the ring ------------------------------------------------------------------------------------------------------------ */

enum { RING_FRAMES = 300000 };

static void *write_numbers(void *arg) {
    struct cw_ring *r = arg;
    float block[2 * 700];
    for (size_t at = 0, k = 0; at < RING_FRAMES; k++) {
        uint32_t words[4];
        cw_philox(1, 1, k, words);
        size_t n = 1 + words[0] % 699;
        n = n < RING_FRAMES - at ? n : RING_FRAMES - at;
        for (size_t i = 0; i < n; i++) {
            block[2 * i] = (float)(at + i);
            block[2 * i + 1] = -(float)(at + i);
        }
        for (size_t done = 0; done < n;) {
            size_t took = cw_ring_write(r, block + 2 * done, n - done);
            if (took == 0) {
                sched_yield();
            }
            done += took;
        }
        at += n;
    }
    return NULL;
}

static void test_ring(void) {
    struct cw_ring r;
    struct cw_error err = {0};
    pthread_t writer;
    float block[2 * 700];
    size_t wrong = 0;
    if (!CHECKF(cw_ring_open(&r, 1000, 2, &err) == 0, "%s", err.text)) {
        return;
    }
    CHECK(r.frames == 1024);
    memset(block, 0, sizeof block);
    CHECK(cw_ring_read(&r, block, 5) == 0);
    CHECK(cw_ring_write(&r, block, 700) == 700);
    CHECK(cw_ring_write(&r, block, 700) == 324);
    CHECK(cw_ring_held(&r) == 1024);
    CHECK(cw_ring_write(&r, block, 1) == 0);
    CHECK(cw_ring_read(&r, block, 700) == 700);
    CHECK(cw_ring_read(&r, block, 700) == 324);
    CHECK(cw_ring_held(&r) == 0);
    if (CHECK(pthread_create(&writer, NULL, write_numbers, &r) == 0)) {
        for (size_t at = 0, k = 0; at < RING_FRAMES; k++) {
            uint32_t words[4];
            cw_philox(2, 1, k, words);
            size_t n = cw_ring_read(&r, block, 1 + words[0] % 699);
            for (size_t i = 0; i < n; i++) {
                wrong += block[2 * i] != (float)(at + i) || block[2 * i + 1] != -(float)(at + i);
            }
            at += n;
            if (n == 0) {
                sched_yield();
            }
        }
        pthread_join(writer, NULL);
    }
    CHECKF(wrong == 0, "%zu frames out of order", wrong);
    cw_ring_close(&r);
    CHECK_REFUSED(cw_ring_open(&r, 0, 1, &err), &err, "expected 1 to");
}

/* ---- a sink of one's own -------------------------------------------------------------------------------------------------- */

struct sink {
    char dir[64];
    pid_t daemon, recorder;
};

/* What the test changes in its own surroundings, for PortAudio's sake, and puts back. */
static const char *const variables[] = {"XDG_RUNTIME_DIR",  "HOME",        "PULSE_SERVER", "PULSE_RUNTIME_PATH",
                                        "ALSA_CONFIG_PATH", "PULSE_COOKIE"};
enum { VARIABLES = sizeof variables / sizeof *variables };
static char *kept[VARIABLES];

static void keep_environment(void) {
    for (size_t i = 0; i < VARIABLES; i++) {
        const char *value = getenv(variables[i]);
        kept[i] = value != NULL ? cw_strdup(value) : NULL;
    }
}

static void restore_environment(void) {
    for (size_t i = 0; i < VARIABLES; i++) {
        if (kept[i] != NULL) {
            setenv(variables[i], kept[i], 1);
        } else {
            unsetenv(variables[i]);
        }
        free(kept[i]);
        kept[i] = NULL;
    }
}

static bool installed(const char *program) {
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", program);
    return system(command) == 0;
}

static pid_t start_program(const char *const *argv, const char *out) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        int file = out != NULL ? open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600) : null;
        if (null < 0 || file < 0 || dup2(null, 0) < 0 || dup2(file, 1) < 0 || dup2(null, 2) < 0) {
            _exit(126);
        }
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return pid;
}

static void end_program(pid_t *pid, int with) {
    if (*pid <= 0) {
        return;
    }
    kill(*pid, with);
    for (int i = 0; i < 200; i++) {
        if (waitpid(*pid, NULL, WNOHANG) != 0) {
            *pid = 0;
            return;
        }
        pause_ms(10);
    }
    kill(*pid, SIGKILL);
    waitpid(*pid, NULL, 0);
    *pid = 0;
}

static long size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static void close_sink(struct sink *s) {
    char command[128];
    end_program(&s->recorder, SIGTERM);
    end_program(&s->daemon, SIGTERM);
    restore_environment();
    snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
    if (strncmp(s->dir, "/tmp/", 5) == 0) {
        CHECK(system(command) == 0);
    }
}

/* A daemon with a null sink at 24 kHz, mono, float, so that nothing on the way converts, and without rewinding, which renders
 * two seconds ahead and then takes them back under the monitor's feet; ALSA's default is that daemon. */
static bool open_sink(struct sink *s) {
    char path[128], socket[128], null_sink[160], protocol[200];
    static const char config[] = "</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n";
    struct cw_error err = {0};
    *s = (struct sink){.dir = "/tmp/cw-sink.XXXXXX"}; /* short: it holds a socket */
    keep_environment();
    if (!CHECK(mkdtemp(s->dir) != NULL)) {
        s->dir[0] = '\0';
        return false;
    }
    snprintf(path, sizeof path, "%s/asound.conf", s->dir);
    CHECKF(cw_file_write(path, config, sizeof config - 1, &err) == 0, "%s", err.text);
    setenv("ALSA_CONFIG_PATH", path, 1);
    setenv("XDG_RUNTIME_DIR", s->dir, 1);
    setenv("PULSE_RUNTIME_PATH", s->dir, 1);
    setenv("HOME", s->dir, 1);
    unsetenv("PULSE_SERVER");
    unsetenv("PULSE_COOKIE");
    snprintf(socket, sizeof socket, "%s/native.sock", s->dir);
    snprintf(null_sink, sizeof null_sink, "--load=module-null-sink sink_name=loop norewinds=1 rate=%d channels=1 format=float32le", RATE);
    snprintf(protocol, sizeof protocol, "--load=module-native-protocol-unix auth-anonymous=1 socket=%s", socket);
    const char *const daemon[] = {
        "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes", null_sink, protocol, NULL};
    s->daemon = start_program(daemon, NULL);
    for (int i = 0; i < 1000 && size_of(socket) < 0; i++) {
        pause_ms(10);
    }
    char server[160];
    snprintf(server, sizeof server, "unix:%s", socket);
    setenv("PULSE_SERVER", server, 1);
    return CHECKF(s->daemon > 0 && size_of(socket) >= 0, "the test's PulseAudio did not start");
}

static bool record(struct sink *s) {
    char path[128];
    snprintf(path, sizeof path, "%s/captured.raw", s->dir);
    const char *const recorder[] = {
        "parec", "--raw", "-d", "loop.monitor", "--format=float32le", "--rate=24000", "--channels=1", "--latency-msec=100", NULL};
    unlink(path);
    s->recorder = start_program(recorder, path);
    for (int i = 0; i < 1000 && size_of(path) <= 0; i++) {
        pause_ms(10);
    }
    return CHECKF(size_of(path) > 0, "the recorder did not start");
}

/* What was recorded so far, all of it once a while has passed; free() it. */
static float *captured(struct sink *s, size_t *n) {
    char path[128], *data = NULL;
    size_t len = 0;
    struct cw_error err = {0};
    pause_ms(400); /* the recorder's own latency */
    end_program(&s->recorder, SIGTERM);
    snprintf(path, sizeof path, "%s/captured.raw", s->dir);
    CHECKF(cw_file_read(path, 1 << 28, &data, &len, &err) == 0, "%s", err.text);
    *n = data != NULL ? len / sizeof(float) : 0;
    return (float *)(void *)data;
}

/* Where `x` begins in `y`: the place of the best normalised correlation of its first samples, from `from` on; -1: nowhere. */
static long find_signal(const float *x, size_t n, const float *y, size_t m, size_t from) {
    size_t probe = n < 300 ? n : 300;
    double best = 0.5, xx = 0.0;
    long where = -1;
    for (size_t i = 0; i < probe; i++) {
        xx += (double)x[i] * x[i];
    }
    for (size_t at = from; at + probe <= m; at++) {
        double xy = 0.0, yy = 0.0;
        for (size_t i = 0; i < probe; i++) {
            xy += (double)x[i] * y[at + i];
            yy += (double)y[at + i] * y[at + i];
        }
        if (xy > best * sqrt(xx * yy) && yy > 0.0) {
            best = xy / sqrt(xx * yy);
            where = (long)at;
        }
    }
    return where;
}

struct likeness {
    double gain, snr_db;
    size_t first_wrong; /* first frame that differs by more than 1e-4; n: none */
};

static struct likeness compare(const float *x, size_t n, const float *y, size_t m, long at) {
    struct likeness l = {.first_wrong = n};
    double xy = 0.0, xx = 1e-30, noise_energy = 1e-30;
    if (at < 0 || (size_t)at + n > m) {
        return (struct likeness){0};
    }
    for (size_t i = 0; i < n; i++) {
        xy += (double)x[i] * y[(size_t)at + i];
        xx += (double)x[i] * x[i];
    }
    l.gain = xy / xx;
    for (size_t i = 0; i < n; i++) {
        double d = y[(size_t)at + i] - l.gain * x[i];
        noise_energy += d * d;
        if (fabs(d) > 1e-4 && l.first_wrong == n) {
            l.first_wrong = i;
        }
    }
    l.snr_db = 10.0 * log10(l.gain * l.gain * xx / noise_energy);
    return l;
}

static bool like(const struct likeness *l, size_t n, double gain) {
    return l->first_wrong == n && l->snr_db > 90.0 && fabs(l->gain - gain) < 1e-4;
}

/* On a crowded machine the test's sound server itself may come too late and drop sound; a fault of ours shows every time. */
static void attempt(bool (*once)(struct sink *s, bool last)) {
    struct sink s;
    if (!installed("pulseaudio") || !installed("parec")) {
        cw_test_skip("PulseAudio is not installed (packages pulseaudio, pulseaudio-utils, libasound2-plugins)");
        return;
    }
    if (open_sink(&s)) {
        for (int i = 1; i <= ATTEMPTS; i++) {
            if (once(&s, i == ATTEMPTS)) {
                break;
            }
            printf("      attempt %d of %d missed\n", i, ATTEMPTS);
        }
    }
    close_sink(&s);
}

#define SHOW(good, ...) (last || (good) ? CHECKF((good), __VA_ARGS__) : false)

/* ---- player ------------------------------------------------------------------------------------------------------------------ */

static bool play_once(struct sink *s, bool last) {
    enum { N = 3 * RATE + 11 };
    struct cw_player *p = NULL;
    struct cw_error err = {0};
    size_t m = 0;
    float *x = noise(1, N), *y = NULL;
    bool ok = record(s) && CHECKF(cw_player_open(&p, cw_player_params_default(), &err) == 0, "%s", err.text);
    if (ok) {
        double begin = cw_seconds();
        for (size_t at = 0, k = 0; at < N; k++) { /* in uneven pieces */
            size_t n = 1 + k * 977 % 5000;
            n = n < N - at ? n : N - at;
            CHECKF(cw_player_write(p, x + at, n, &err) == 0, "%s", err.text);
            at += n;
        }
        CHECKF(cw_player_drain(p, &err) == 0, "%s", err.text);
        double took = cw_seconds() - begin;
        struct cw_player_stats stats = cw_player_stats(p);
        cw_player_close(p);
        y = captured(s, &m);
        struct likeness l = compare(x, N, y, m, find_signal(x, N, y, m, 0));
        printf("      played %.2f s in %.2f s, %ld underruns, gain %.6f, SNR %.0f dB\n", (double)N / RATE, took, stats.underruns, l.gain,
               l.snr_db);
        ok = SHOW(stats.underruns == 0, "%ld underruns", stats.underruns);
        ok = SHOW(like(&l, N, 1.0), "gain %g, SNR %g dB, first wrong frame %zu of %d", l.gain, l.snr_db, l.first_wrong, N) && ok;
        CHECK(stats.played == N);
        CHECK(stats.first_sound >= begin && stats.first_sound < begin + 5.0);
        CHECKF(took >= (double)N / RATE - 0.3, "%.2f s of sound in %.2f s", (double)N / RATE, took);
    }
    free(x);
    free(y);
    return ok;
}

static void test_play(void) {
    attempt(play_once);
}

static bool starve_once(struct sink *s, bool last) {
    enum { N = RATE / 2 };
    struct cw_player *p = NULL;
    struct cw_error err = {0};
    size_t m = 0;
    float *x = noise(2, 2 * N), *y = NULL;
    bool ok = record(s) && CHECKF(cw_player_open(&p, cw_player_params_default(), &err) == 0, "%s", err.text);
    if (ok) {
        CHECK(cw_player_write(p, x, N, &err) == 0);
        pause_ms(1500);
        CHECKF(cw_player_stats(p).underruns == 1, "%ld underruns while starved", cw_player_stats(p).underruns);
        CHECK(cw_player_stats(p).played == N);
        CHECK(cw_player_write(p, x + N, 100, &err) == 0); /* too little to go on with */
        pause_ms(300);
        CHECK(cw_player_stats(p).played == N);
        CHECK(cw_player_write(p, x + N + 100, N - 100, &err) == 0);
        CHECKF(cw_player_drain(p, &err) == 0, "%s", err.text);
        struct cw_player_stats stats = cw_player_stats(p);
        cw_player_close(p);
        y = captured(s, &m);
        long first = find_signal(x, N, y, m, 0), second = find_signal(x + N, N, y, m, 0);
        struct likeness a = compare(x, N, y, m, first), b = compare(x + N, N, y, m, second);
        CHECK(stats.played == 2 * N);
        CHECKF(stats.underruns == 1, "%ld underruns in the end", stats.underruns);
        ok = SHOW(like(&a, N, 1.0) && like(&b, N, 1.0), "SNR %g and %g dB", a.snr_db, b.snr_db);
        ok = SHOW(second - first > N + RATE / 2, "the second half began %ld frames after the first", second - first) && ok;
    }
    free(x);
    free(y);
    return ok;
}

static void test_starve(void) {
    attempt(starve_once);
}

/* ---- live ----------------------------------------------------------------------------------------------------------------------- */

static struct cw_clip make_clip(const char *name, int64_t start, const float *x, int64_t count, int rate) {
    struct cw_clip clip = {.start = start, .count = count};
    SF_INFO info = {.samplerate = rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    snprintf(clip.path, sizeof clip.path, "%.4000s/%s", cw_test_dir(), name);
    SNDFILE *file = sf_open(clip.path, SFM_WRITE, &info);
    if (CHECKF(file != NULL, "%s: %s", clip.path, sf_strerror(NULL))) {
        CHECK(sf_writef_float(file, x, count) == count);
        sf_close(file);
    }
    return clip;
}

static bool live_once(struct sink *s, bool last) {
    enum { TOTAL = 4 * RATE, CLIPS = 4 };
    static const int64_t starts[CLIPS] = {0, 20000, 50000, 72000}, counts[CLIPS] = {24000, 26000, 22000, 20000};
    struct cw_live *l = NULL;
    struct cw_error err = {0};
    struct cw_clip clips[CLIPS];
    size_t m = 0;
    float *want = calloc(TOTAL, sizeof *want), *y = NULL;
    struct cw_bus *bus = NULL; /* as mastering reads it: all clips first, then the whole timeline */
    CHECK(cw_bus_open(&bus, RATE, &err) == 0);
    for (size_t c = 0; c < CLIPS; c++) {
        char name[16];
        float *x = noise(10 + c, (size_t)counts[c]);
        snprintf(name, sizeof name, "%zu.wav", c);
        clips[c] = make_clip(name, starts[c], x, counts[c], RATE);
        clips[c].gain_db = c == 1 ? 3.5 : 0.0;
        CHECKF(cw_bus_add(bus, &clips[c], &err) == 0, "%s", err.text);
        free(x);
    }
    CHECKF(want != NULL && cw_bus_read(bus, want, TOTAL, &err) == 0, "%s", err.text);
    cw_bus_close(bus);
    for (int i = 0; i < TOTAL; i++) {
        want[i] = fmaxf(-1.0f, fminf(1.0f, want[i] * 1.5f)); /* some of it is held at full scale */
    }
    bool ok = record(s) && CHECKF(cw_live_open(&l, RATE, 1.5f, &err) == 0, "%s", err.text);
    if (ok) {
        double begin = cw_seconds();
        cw_live_forecast(l, 0, 0, 0); /* start with what is there */
        for (size_t c = 0; c < CLIPS; c++) {
            /* each comes while the one before it is heard; nothing will be added before the start of the next */
            CHECKF(cw_live_add(l, &clips[c], c + 1 < CLIPS ? starts[c + 1] : TOTAL, &err) == 0, "%s", err.text);
            pause_ms(350);
        }
        CHECK(!cw_live_over(l));
        cw_live_end(l, TOTAL);
        CHECKF(cw_live_finish(l, TOTAL, &err) == 0, "%s", err.text);
        struct cw_player_stats stats = cw_live_stats(l);
        cw_live_close(l);
        y = captured(s, &m);
        struct likeness a = compare(want, TOTAL, y, m, find_signal(want, TOTAL, y, m, 0));
        printf("      first sound after %.2f s, %ld underruns, gain %.6f, SNR %.0f dB\n", stats.first_sound - begin, stats.underruns,
               a.gain, a.snr_db);
        CHECK(stats.played == TOTAL);
        ok = SHOW(stats.underruns == 0, "%ld underruns", stats.underruns);
        ok = SHOW(like(&a, TOTAL, 1.0), "gain %g, SNR %g dB, first wrong frame %zu of %d", a.gain, a.snr_db, a.first_wrong, TOTAL) && ok;
    }
    free(want);
    free(y);
    return ok;
}

static void test_live(void) {
    attempt(live_once);
}

/* The maker's forecast holds the start back; a close in the middle does not wait; a clip that is gone is told. */
static bool forecast_once(struct sink *s, bool last) {
    struct cw_live *l = NULL;
    struct cw_error err = {0};
    float *x = noise(20, 20 * RATE);
    struct cw_clip clip = make_clip("long.wav", 0, x, 20 * RATE, RATE), gone = clip;
    (void)s, (void)last;
    static const struct {
        double ready, total, rate;
        bool starts;
    } cases[] = {
        {-1, 0, 0, false},                            /* no forecast at all */
        {20, 600, 0, false},                          /* how fast? not known */
        {20, 600, 0.5, false},                        /* far too slow */
        {20, 600, 0.95, false}, {20, 600, 3.0, true}, /* fast enough for any turn to come */
        {20, 24, 0.5, true},                          /* slow, but little is left */
        {20, 20, 0, true},                            /* all there */
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        if (!CHECKF(cw_live_open(&l, RATE, 1.0f, &err) == 0, "%s", err.text)) {
            break;
        }
        CHECK(cw_live_add(l, &clip, 20 * RATE, &err) == 0);
        if (cases[c].ready >= 0) {
            cw_live_forecast(l, cases[c].ready, cases[c].total, cases[c].rate);
        }
        for (int i = 0; i < (cases[c].starts ? 100 : 10) && cw_live_stats(l).first_sound == 0.0; i++) {
            pause_ms(30);
        }
        CHECKF((cw_live_stats(l).first_sound > 0.0) == cases[c].starts, "case %zu", c);
        double begin = cw_seconds();
        cw_live_close(l);
        CHECKF(cw_seconds() - begin < 2.0, "closing took %.1f s", cw_seconds() - begin);
    }
    if (CHECKF(cw_live_open(&l, RATE, 1.0f, &err) == 0, "%s", err.text)) {
        snprintf(gone.path, sizeof gone.path, "%.4000s/gone.wav", cw_test_dir());
        cw_live_forecast(l, 0, 100, 0); /* held back, so that the clip is not yet missed */
        CHECK(cw_live_add(l, &gone, 20 * RATE, &err) == 0);
        CHECK_REFUSED(cw_live_finish(l, 20 * RATE, &err), &err, "gone.wav");
        cw_live_close(l);
    }
    free(x);
    return true;
}

static void test_forecast(void) {
    attempt(forecast_once);
}

/* ---- cw_play ------------------------------------------------------------------------------------------------------------------------ */

struct seen {
    int calls, stop_after;
    double last, stopped; /* stopped: when it said so */
};

static bool listen(void *arg, const struct cw_progress *p) {
    struct seen *seen = arg;
    CHECK(p->stage == CW_STAGE_PLAY && p->fraction >= seen->last && p->fraction <= 1.0 && p->seconds_left >= 0.0);
    seen->last = p->fraction;
    seen->stopped = cw_seconds();
    return ++seen->calls != seen->stop_after;
}

static bool file_once(struct sink *s, bool last) {
    enum { N = 2 * RATE };
    struct cw_error err = {0};
    struct seen seen = {0};
    size_t m = 0;
    float *x = noise(30, N), *y = NULL;
    char mp3[CW_PATH_MAX];
    bool ok = record(s);
    make_clip("episode.wav", 0, x, N, RATE);
    snprintf(mp3, sizeof mp3, "%.4000s/episode.mp3", cw_test_dir());
    CHECK(cw_file_write(mp3, "worse", 5, &err) == 0); /* the WAV is better and is taken */
    if (ok) {
        CHECKF(cw_play(cw_test_dir(), (struct cw_listener){.progress = listen, .arg = &seen}, &err) == 0, "%s", err.text);
        y = captured(s, &m);
        struct likeness a = compare(x, N, y, m, find_signal(x, N, y, m, 0));
        ok = SHOW(like(&a, N, 1.0), "gain %g, SNR %g dB, first wrong frame %zu of %d", a.gain, a.snr_db, a.first_wrong, N);
        CHECKF(seen.calls > 10 && seen.last == 1.0, "%d calls, the last at %g", seen.calls, seen.last);
        seen = (struct seen){.stop_after = 5};
        CHECK_REFUSED(cw_play(cw_test_dir(), (struct cw_listener){.progress = listen, .arg = &seen}, &err), &err, "cancelled");
        CHECKF(cw_seconds() - seen.stopped < 1.5, "a cancel took %.1f s", cw_seconds() - seen.stopped);
    }
    free(x);
    free(y);
    return ok;
}

static void test_file(void) {
    attempt(file_once);
}

/* ---- the microphone -------------------------------------------------------------------------------------------------------------------
 */

/* Every second sample's mean with the one after it, of a file of 48 kHz; free() it. */
static float *heard_at_24k(const char *path, size_t *n) {
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    float *x = NULL;
    *n = 0;
    if (CHECKF(file != NULL, "%s: %s", path, sf_strerror(NULL)) &&
        CHECKF(info.samplerate == 2 * RATE && info.channels == 1, "%d Hz, %d channels", info.samplerate, info.channels)) {
        x = calloc((size_t)info.frames + 2, sizeof *x);
        *n = x != NULL ? (size_t)sf_readf_float(file, x, info.frames) / 2 : 0;
    }
    for (size_t i = 0; i < *n; i++) {
        x[i] = (x[2 * i] + x[2 * i + 1]) / 2;
    }
    sf_close(file);
    return x;
}

/* The sound server's libraries, in a program of their own: what they leak and how they count (above) is not ours. */
#define UNWATCHED "ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=exitcode=0 "

/* A reader who begins, speaks, ends, and goes away before the second sentence; who comes back later and goes at once. */
static bool microphone_once(struct sink *s, bool last) {
    enum { ALL = 5 * RATE / 2, FROM = RATE / 2, N = 3 * RATE / 2 }; /* of the speech: what is looked for */
    char command[3 * CW_PATH_MAX], voice[CW_PATH_MAX], folder[CW_PATH_MAX], path[CW_PATH_MAX + 16], *said = NULL, *again = NULL;
    struct cw_error err = {0};
    SF_INFO info = {0};
    size_t m = 0, len = 0;
    float *x = calloc(ALL, sizeof *x), *y = NULL;
    (void)s;
    SNDFILE *file = sf_open(CW_TEST_DATA "/recording_24000.flac", SFM_READ, &info);
    bool ok = CHECK(file != NULL && x != NULL && info.samplerate == RATE && info.channels == 1 && sf_readf_float(file, x, ALL) == ALL);
    sf_close(file);
    snprintf(voice, sizeof voice, "%.3000s/speech.raw", cw_test_dir());
    snprintf(folder, sizeof folder, "%.3000s/read", cw_test_dir());
    CHECKF(cw_file_write(voice, x, ALL * sizeof *x, &err) == 0, "%s", err.text);
    snprintf(command, sizeof command,
             "rm -rf '%s'; { echo; sleep 1; pacat --raw -d loop --format=float32le --rate=24000 --channels=1 --latency-msec=100 '%s'; "
             "sleep 0.5; echo; } 2>/dev/null | " UNWATCHED "'%s' voices script --record '%s' >'%s.said' 2>&1",
             folder, voice, CW_PROGRAM, folder, folder);
    const int first = system(command);
    snprintf(path, sizeof path, "%s.said", folder);
    ok = CHECKF(cw_file_read(path, 100000, &said, &len, &err) == 0, "%s", err.text) && ok;
    ok = SHOW(WIFEXITED(first) && WEXITSTATUS(first) == 2 && said != NULL && strstr(said, "1 of 26: ") != NULL &&
                  strstr(said, "--record: expected Enter before sentence 2, found the end of the input") != NULL,
              "status %d: %s", first, said ? said : "") &&
         ok;
    if (ok) {
        snprintf(path, sizeof path, "%s/01.txt", folder);
        CHECKF(cw_file_read(path, 1000, &again, &len, &err) == 0 && strstr(said, again) != NULL, "%s", err.text);
        snprintf(path, sizeof path, "%s/01.wav", folder);
        y = heard_at_24k(path, &m);
        const struct likeness l = compare(x + FROM, N, y, m, find_signal(x + FROM, N, y, m, 0));
        printf("      recorded %.2f s, gain %.4f, SNR %.0f dB\n", (double)m / RATE, l.gain, l.snr_db);
        ok = SHOW(l.snr_db > 20 && fabs(l.gain - 1) < 0.05, "gain %g, SNR %g dB", l.gain, l.snr_db);
        snprintf(command, sizeof command, UNWATCHED "'%s' voices script --record '%s' >'%s.said' 2>&1 </dev/null", CW_PROGRAM, folder,
                 folder);
        CHECK(WEXITSTATUS(system(command)) == 2); /* what was read is kept */
        free(said);
        said = NULL;
        snprintf(path, sizeof path, "%s.said", folder);
        CHECKF(cw_file_read(path, 100000, &said, &len, &err) == 0 && strstr(said, "1 of 26: ") == NULL && strstr(said, "2 of 26: ") != NULL,
               "%s", said ? said : err.text);
    }
    free(x);
    free(y);
    free(said);
    free(again);
    return ok;
}

static void test_microphone(void) {
    attempt(microphone_once);
}

/* ---- no device ------------------------------------------------------------------------------------------------------------------------
 */

static void test_no_device(void) {
    struct cw_error err = {0};
    struct cw_player *p = NULL;
    struct cw_live *l = NULL;
    char config[CW_PATH_MAX], said[CW_PATH_MAX];
    static const char broken[] = "pcm.nothing { type hw card 99 }\n";
    float x[2400] = {0};
    keep_environment();
    snprintf(config, sizeof config, "%.4000s/none.conf", cw_test_dir());
    snprintf(said, sizeof said, "%.4000s/said", cw_test_dir());
    /* one PCM, on no card: PortAudio does not bear a configuration without any */
    CHECK(cw_file_write(config, broken, sizeof broken - 1, &err) == 0);
    setenv("ALSA_CONFIG_PATH", config, 1);
    int saved = dup(STDERR_FILENO), file = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (CHECK(saved >= 0 && file >= 0)) {
        dup2(file, STDERR_FILENO);
        int player = cw_player_open(&p, cw_player_params_default(), &err);
        struct cw_error second = {0};
        int live = cw_live_open(&l, RATE, 1.0f, &second);
        fflush(stderr);
        dup2(saved, STDERR_FILENO);
        CHECK_REFUSED(player, &err, "no audio output device: ");
        CHECK_REFUSED(live, &second, "no audio output device: ");
        CHECK(err.code == CW_FAILED && p == NULL && l == NULL);
        CHECKF(size_of(said) == 0, "the libraries said %ld bytes on stderr", size_of(said));
        make_clip("episode.wav", 0, x, 2400, RATE);
        CHECK_REFUSED(cw_play(cw_test_dir(), (struct cw_listener){0}, &err), &err, "no audio output device: ");
        /* what is not there to be played is said before the device is looked for */
        CHECK_REFUSED(cw_play("/nowhere", (struct cw_listener){0}, &err), &err, "/nowhere", "found nothing");
        CHECK(err.code == CW_BAD_INPUT);
        CHECK_REFUSED(cw_play("/dev", (struct cw_listener){0}, &err), &err, "/dev", "found none");
        CHECK_REFUSED(cw_play(config, (struct cw_listener){0}, &err), &err, "none.conf", "cannot read the sound");
    }
    if (saved >= 0) {
        close(saved);
    }
    if (file >= 0) {
        close(file);
    }
    restore_environment();
}

const struct cw_test cw_tests_player[] = {
    {"player.ring", "frames pass between two threads whole and in order", test_ring},
    {"player.no_device", "no device is one clear line, and the libraries are quiet", test_no_device},
    {"player.play", "what is written is what is played, sample for sample", test_play},
    {"player.starve", "a starved ring counts one underrun, lays in a stock and goes on", test_starve},
    {"player.live", "clips that come late are heard as mastering hears them, times the gain", test_live},
    {"player.forecast", "playback waits until it will not run dry, and stops at once", test_forecast},
    {"player.microphone", "sentences read into the microphone are taken down one by one, and those that are there are kept",
     test_microphone},
    {"player.file", "an episode's folder is played, with progress, and can be cancelled", test_file},
    {0},
};

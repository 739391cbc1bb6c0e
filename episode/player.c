/* frames -> ring -> PortAudio's callback -> device. The writer waits by short sleeps, so that the callback has nobody to
 * wake; the callback only reads the ring and raises counters. */
#include "episode/player.h"
#include "episode/ring.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <portaudio.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double latency_seconds = 0.2; /* this is a player, not an instrument */
/* Devices swallow the first moments of a stream while they wake up (HDMI, Bluetooth, a sound server's idle sink): these hear
 * silence instead of the first word. */
static const double lead_seconds = 0.25;
static const double stall_seconds = 10.0; /* a device that asks for nothing that long is gone */

struct cw_player {
    struct cw_ring ring;
    PaStream *stream;
    bool initialised, started;
    int rate, channels;
    int device_channels; /* channels, or 2 where a mono stream must go to a stereo device */
    size_t prime, lead;  /* frames; lead: silence before the first frame */
    size_t tail;         /* silence after the last frame, so that the device has played it when we stop */
    atomic_bool ending;  /* the writer will write no more */
    atomic_bool stopping;
    atomic_bool finished; /* the callback has played everything */
    atomic_long callbacks, underruns;
    _Atomic int64_t played, first_sound_ns;
    /* the callback's own */
    bool primed;
    size_t lead_done, tail_done;
};

struct cw_player_params cw_player_params_default(void) {
    return (struct cw_player_params){.rate = 24000, .channels = 1, .ring_seconds = 2.0, .prime_seconds = 0.2};
}

/* ---- the callback ------------------------------------------------------------------------------------------------------ */

static void spread(float *out, size_t n) {
    for (size_t i = n; i-- > 0;) {
        out[2 * i] = out[2 * i + 1] = out[i];
    }
}

static int callback(const void *input, void *output, unsigned long count, const PaStreamCallbackTimeInfo *when, PaStreamCallbackFlags flags,
                    void *arg) {
    struct cw_player *p = arg;
    float *out = output;
    size_t got = 0, lead = 0;
    (void)input, (void)flags;
    atomic_fetch_add_explicit(&p->callbacks, 1, memory_order_relaxed);
    /* before the ring: who sees the end sees all that was written */
    bool ending = atomic_load_explicit(&p->ending, memory_order_acquire);
    if (!p->primed && (ending || cw_ring_held(&p->ring) >= p->prime)) {
        p->primed = true;
    }
    if (p->lead_done < p->lead) {
        lead = p->lead - p->lead_done < count ? p->lead - p->lead_done : count;
        memset(out, 0, lead * (size_t)p->device_channels * sizeof *out);
        out += lead * (size_t)p->device_channels;
        count -= lead;
        p->lead_done += lead;
    }
    if (p->primed) {
        got = cw_ring_read(&p->ring, out, count);
    }
    size_t samples = got * (size_t)p->channels;
    if (got > 0 && atomic_load_explicit(&p->first_sound_ns, memory_order_relaxed) == 0) {
        for (size_t i = 0; i < samples; i++) {
            if (out[i] != 0.0f) {
                double delay = when != NULL ? when->outputBufferDacTime - when->currentTime : 0.0;
                size_t frame = lead + i / (size_t)p->channels;
                double heard = cw_seconds() + (delay > 0.0 && delay < 2.0 ? delay : 0.0) + (double)frame / p->rate;
                atomic_store_explicit(&p->first_sound_ns, (int64_t)(heard * 1e9), memory_order_relaxed);
                break;
            }
        }
    }
    if (p->device_channels > p->channels) {
        spread(out, got);
    }
    memset(out + got * (size_t)p->device_channels, 0, (count - got) * (size_t)p->device_channels * sizeof *out);
    atomic_fetch_add_explicit(&p->played, (int64_t)got, memory_order_relaxed);
    if (got == count) {
        return paContinue;
    }
    if (!ending) {
        if (p->primed) {
            p->primed = false; /* one gap, however long: then a stock is laid in again */
            atomic_fetch_add_explicit(&p->underruns, 1, memory_order_relaxed);
        }
        return paContinue;
    }
    p->tail_done += count - got;
    if (p->tail_done < p->tail) {
        return paContinue;
    }
    atomic_store_explicit(&p->finished, true, memory_order_release);
    return paComplete;
}

/* ---- silence on stderr ---------------------------------------------------------------------------------------------------- */

static pthread_mutex_t portaudio_lock = PTHREAD_MUTEX_INITIALIZER; /* PortAudio's calls are not safe between threads */

/* PortAudio, JACK and ALSA tell stderr about every device that is not there. Our one line is enough. */
static int hush(void) {
    fflush(stderr);
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (saved >= 0 && null >= 0) {
        dup2(null, STDERR_FILENO);
    }
    if (null >= 0) {
        close(null);
    }
    return saved;
}

static void unhush(int saved) {
    if (saved >= 0) {
        fflush(stderr);
        dup2(saved, STDERR_FILENO);
        close(saved);
    }
}

int cw_portaudio_enter(void) {
    pthread_mutex_lock(&portaudio_lock);
    return hush();
}

void cw_portaudio_leave(int saved) {
    unhush(saved);
    pthread_mutex_unlock(&portaudio_lock);
}

typedef void alsa_handler(const char *file, int line, const char *function, int code, const char *format, ...);

static void ignore_alsa(const char *file, int line, const char *function, int code, const char *format, ...) {
    (void)file, (void)line, (void)function, (void)code, (void)format;
}

/* While a stream runs, ALSA speaks from PortAudio's thread; it can be told not to, where it is what PortAudio uses. */
static void hush_alsa(alsa_handler *handler) {
    int (*set)(alsa_handler *) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "snd_lib_error_set_handler");
    memcpy(&set, &symbol, sizeof set);
    if (set != NULL) {
        set(handler);
    }
}

/* ---- opening ---------------------------------------------------------------------------------------------------------------- */

static int open_stream(struct cw_player *p, struct cw_error *err) {
    PaStreamParameters wanted = {.channelCount = p->channels, .sampleFormat = paFloat32};
    PaError failure = Pa_Initialize();
    if (failure != paNoError) {
        return cw_fail(err, CW_FAILED, "no audio output device: %s", Pa_GetErrorText(failure));
    }
    p->initialised = true;
    wanted.device = Pa_GetDefaultOutputDevice();
    const PaDeviceInfo *device = wanted.device == paNoDevice ? NULL : Pa_GetDeviceInfo(wanted.device);
    if (device == NULL) {
        return cw_fail(err, CW_FAILED, "no audio output device: PortAudio knows %d devices, none of them for output",
                       Pa_GetDeviceCount() > 0 ? Pa_GetDeviceCount() : 0);
    }
    wanted.suggestedLatency = device->defaultHighOutputLatency > latency_seconds ? device->defaultHighOutputLatency : latency_seconds;
    failure = Pa_IsFormatSupported(NULL, &wanted, p->rate);
    if (failure != paFormatIsSupported && p->channels == 1) {
        wanted.channelCount = 2;
        if (Pa_IsFormatSupported(NULL, &wanted, p->rate) != paFormatIsSupported) {
            wanted.channelCount = 1;
        }
    }
    p->device_channels = wanted.channelCount;
    failure = Pa_OpenStream(&p->stream, NULL, &wanted, p->rate, paFramesPerBufferUnspecified, paNoFlag, callback, p);
    if (failure != paNoError) {
        p->stream = NULL;
        return cw_fail(err, CW_FAILED, "no audio output device: \"%s\" does not play %d channels at %d Hz: %s", device->name, p->channels,
                       p->rate, Pa_GetErrorText(failure));
    }
    const PaStreamInfo *info = Pa_GetStreamInfo(p->stream);
    p->tail = (size_t)(((info != NULL ? info->outputLatency : 2 * latency_seconds) + 0.05) * p->rate);
    return 0;
}

int cw_player_device(char *name, size_t size, struct cw_error *err) {
    struct cw_player p = {.rate = 24000, .channels = 1, .device_channels = 1};
    int saved = cw_portaudio_enter();
    int result = open_stream(&p, err);
    if (result == 0) {
        const PaDeviceInfo *device = Pa_GetDeviceInfo(Pa_GetDefaultOutputDevice());
        snprintf(name, size, "%s", device != NULL ? device->name : "");
        Pa_CloseStream(p.stream);
    }
    if (p.initialised) {
        Pa_Terminate();
    }
    cw_portaudio_leave(saved);
    return result;
}

int cw_player_open(struct cw_player **player, struct cw_player_params params, struct cw_error *err) {
    int result = -1;
    *player = NULL;
    if (params.rate < 8000 || params.rate > 192000 || params.channels < 1 || params.channels > 8 || !(params.ring_seconds >= 0.1) ||
        !(params.ring_seconds <= 60.0) || !(params.prime_seconds >= 0.0)) {
        return cw_fail(err, CW_BAD_INPUT,
                       "player: expected 1 to 8 channels at 8 to 192 kHz and a ring of 0.1 to 60 s, found %d at %d Hz, "
                       "%g s",
                       params.channels, params.rate, params.ring_seconds);
    }
    struct cw_player *p = aligned_alloc(64, (sizeof *p + 63) / 64 * 64);
    if (p == NULL) {
        return cw_fail_memory(err, "player");
    }
    memset(p, 0, sizeof *p);
    p->rate = params.rate;
    p->channels = params.channels;
    if (cw_ring_open(&p->ring, (size_t)(params.ring_seconds * params.rate), (size_t)params.channels, err) != 0) {
        goto done;
    }
    p->lead = (size_t)(lead_seconds * params.rate);
    p->prime = (size_t)(params.prime_seconds * params.rate);
    p->prime = p->prime > p->ring.frames / 2 ? p->ring.frames / 2 : p->prime < 1 ? 1 : p->prime;
    int saved = cw_portaudio_enter();
    result = open_stream(p, err);
    hush_alsa(ignore_alsa);
    cw_portaudio_leave(saved);
done:
    if (result != 0) {
        cw_player_close(p);
        p = NULL;
    }
    *player = p;
    return result;
}

void cw_player_close(struct cw_player *p) {
    if (p == NULL) {
        return;
    }
    int saved = cw_portaudio_enter();
    if (p->stream != NULL) {
        Pa_AbortStream(p->stream);
        Pa_CloseStream(p->stream);
    }
    if (p->initialised) {
        Pa_Terminate();
    }
    cw_portaudio_leave(saved);
    cw_ring_close(&p->ring);
    free(p);
}

/* ---- the writer's side ---------------------------------------------------------------------------------------------------------- */

static int start(struct cw_player *p, struct cw_error *err) {
    if (p->started) {
        return 0;
    }
    PaError failure = Pa_StartStream(p->stream);
    if (failure != paNoError) {
        return cw_fail(err, CW_FAILED, "audio output device: cannot start: %s", Pa_GetErrorText(failure));
    }
    p->started = true;
    return 0;
}

struct watch { /* has the device been asking? */
    long callbacks;
    double since;
};

/* Sleeps a moment; fails when the device is gone or somebody said stop. */
static int wait_a_little(struct cw_player *p, struct watch *w, struct cw_error *err) {
    const struct timespec moment = {0, 5000000};
    if (atomic_load_explicit(&p->stopping, memory_order_relaxed)) {
        return cw_fail(err, CW_FAILED, "playback: stopped");
    }
    long callbacks = atomic_load_explicit(&p->callbacks, memory_order_relaxed);
    double now = cw_seconds();
    if (w->since == 0.0 || callbacks != w->callbacks) {
        w->callbacks = callbacks;
        w->since = now;
    } else if (now - w->since > stall_seconds || (now - w->since > 1.0 && Pa_IsStreamActive(p->stream) != 1)) {
        return cw_fail(err, CW_FAILED, "audio output device: expected it to take sound, found it stopped for %.0f s", now - w->since);
    }
    nanosleep(&moment, NULL);
    return 0;
}

int cw_player_write(struct cw_player *p, const float *frames, size_t n, struct cw_error *err) {
    struct watch w = {0};
    for (;;) {
        size_t taken = cw_ring_write(&p->ring, frames, n);
        frames += taken * (size_t)p->channels;
        n -= taken;
        if (cw_ring_held(&p->ring) >= p->prime && start(p, err) != 0) {
            return -1;
        }
        if (n == 0) {
            return atomic_load_explicit(&p->stopping, memory_order_relaxed) ? cw_fail(err, CW_FAILED, "playback: stopped") : 0;
        }
        if (wait_a_little(p, &w, err) != 0) {
            return -1;
        }
    }
}

int cw_player_end(struct cw_player *p, struct cw_error *err) {
    atomic_store_explicit(&p->ending, true, memory_order_release);
    return cw_ring_held(&p->ring) > 0 ? start(p, err) : 0;
}

int cw_player_over(struct cw_player *p, bool *over, struct cw_error *err) {
    *over = !p->started || atomic_load_explicit(&p->finished, memory_order_acquire);
    if (!*over && Pa_IsStreamActive(p->stream) != 1 && !atomic_load_explicit(&p->finished, memory_order_acquire)) {
        return cw_fail(err, CW_FAILED, "audio output device: stopped before the end");
    }
    return 0;
}

int cw_player_drain(struct cw_player *p, struct cw_error *err) {
    struct watch w = {0};
    if (cw_player_end(p, err) != 0) {
        return -1;
    }
    for (bool over = false;;) {
        if (cw_player_over(p, &over, err) != 0) {
            return -1;
        }
        if (over) {
            return 0;
        }
        if (wait_a_little(p, &w, err) != 0) {
            return -1;
        }
    }
}

void cw_player_stop(struct cw_player *p) {
    atomic_store_explicit(&p->stopping, true, memory_order_relaxed);
}

struct cw_player_stats cw_player_stats(const struct cw_player *p) {
    return (struct cw_player_stats){
        .played = atomic_load_explicit(&p->played, memory_order_relaxed),
        .underruns = atomic_load_explicit(&p->underruns, memory_order_relaxed),
        .first_sound = (double)atomic_load_explicit(&p->first_sound_ns, memory_order_relaxed) * 1e-9,
    };
}

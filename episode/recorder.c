/* Device -> PortAudio's own buffer -> whoever waits for it. */
#include "episode/recorder.h"
#include "episode/player.h"

#include <portaudio.h>
#include <stdlib.h>

enum { RATE = 48000 };

struct cw_recorder {
    PaStream *stream;
    bool initialised;
};

static int open_stream(struct cw_recorder *r, int *rate, struct cw_error *err) {
    PaStreamParameters wanted = {.channelCount = 1, .sampleFormat = paFloat32};
    PaError failure = Pa_Initialize();
    if (failure != paNoError) {
        return cw_fail(err, CW_FAILED, "no microphone: %s", Pa_GetErrorText(failure));
    }
    r->initialised = true;
    wanted.device = Pa_GetDefaultInputDevice();
    const PaDeviceInfo *device = wanted.device == paNoDevice ? NULL : Pa_GetDeviceInfo(wanted.device);
    if (device == NULL) {
        return cw_fail(err, CW_FAILED,
                       "no microphone: PortAudio knows %d devices, none of them for recording; record elsewhere and name the files",
                       Pa_GetDeviceCount() > 0 ? Pa_GetDeviceCount() : 0);
    }
    wanted.suggestedLatency = device->defaultHighInputLatency;
    *rate = Pa_IsFormatSupported(&wanted, NULL, RATE) == paFormatIsSupported ? RATE : (int)device->defaultSampleRate;
    failure = Pa_OpenStream(&r->stream, &wanted, NULL, *rate, paFramesPerBufferUnspecified, paNoFlag, NULL, NULL);
    if (failure == paNoError) {
        failure = Pa_StartStream(r->stream);
    } else {
        r->stream = NULL;
    }
    return failure == paNoError ? 0
                                : cw_fail(err, CW_FAILED, "no microphone: \"%s\" does not record at %d Hz: %s", device->name, *rate,
                                          Pa_GetErrorText(failure));
}

int cw_recorder_open(struct cw_recorder **out, int *rate, struct cw_error *err) {
    struct cw_recorder *r = calloc(1, sizeof *r);
    *out = NULL;
    if (r == NULL) {
        return cw_fail_memory(err, "recorder");
    }
    int saved = cw_portaudio_enter();
    int result = open_stream(r, rate, err);
    cw_portaudio_leave(saved);
    if (result != 0) {
        cw_recorder_close(r);
        return -1;
    }
    *out = r;
    return 0;
}

int cw_recorder_read(struct cw_recorder *r, float *x, size_t n, struct cw_error *err) {
    PaError failure = Pa_ReadStream(r->stream, x, n);
    return failure == paNoError || failure == paInputOverflowed
               ? 0
               : cw_fail(err, CW_FAILED, "microphone: stopped: %s", Pa_GetErrorText(failure));
}

void cw_recorder_close(struct cw_recorder *r) {
    if (r == NULL) {
        return;
    }
    int saved = cw_portaudio_enter();
    if (r->stream != NULL) {
        Pa_AbortStream(r->stream);
        Pa_CloseStream(r->stream);
    }
    if (r->initialised) {
        Pa_Terminate();
    }
    cw_portaudio_leave(saved);
    free(r);
}

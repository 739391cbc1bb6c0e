/* Copy-synthesis: recording ─▶ the vocoder's rate ─▶ vocoder/mel.c ─▶ vocoder ─▶ 16-bit .wav or .flac, never clipped */
#include "episode/studio.h"
#include "vocoder/mel.h"
#include "voices/recording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cw_vocode_params cw_vocode_params_default(void) {
    struct cw_vocode_params p = {.vocoder = "hifigan"};
    return p;
}

/* Louder than full scale is made quieter as a whole. */
static void keep_in_scale(float *x, size_t n) {
    float peak = 0;
    for (size_t i = 0; i < n; i++)
        peak = fmaxf(peak, fabsf(x[i]));
    for (size_t i = 0; i < n && peak > 0.999F; i++)
        x[i] *= 0.999F / peak;
}

/* What is needed before anything is computed. */
static int open_vocoder(struct cw_studio *s, const char *asked, struct cw_vocoder **v, struct cw_mel **mel, struct cw_vocode_report *report,
                        struct cw_error *err) {
    char path[CW_PATH_MAX];
    struct cw_mel_params p;
    if (cw_studio_model(asked ? asked : cw_vocode_params_default().vocoder, path, err) != 0 || cw_studio_need_device(s, err) != 0 ||
        cw_vocoder_open(v, s->device, path, err) != 0)
        return -1;
    const struct cw_vocoder_info *info = cw_vocoder_info(*v);
    if (!cw_mel_of_kind(info->kind, &p))
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a vocoder of mel spectrograms, found one of frames of the kind \"%s\"", path,
                       info->kind);
    if (p.rate != info->sample_rate || p.hop != info->hop || p.bands != info->channels)
        return cw_fail(err, CW_BAD_INPUT, "%s: expected %d bands at %d Hz every %d samples, found %d at %d Hz every %d", path, p.bands,
                       p.rate, p.hop, info->channels, info->sample_rate, info->hop);
    report->sample_rate = info->sample_rate;
    snprintf(report->name, sizeof report->name, "%s", info->name);
    snprintf(report->licence, sizeof report->licence, "%s", info->licence);
    snprintf(report->terms, sizeof report->terms, "%s", info->terms);
    return cw_mel_open(mel, p, err);
}

int cw_vocode(struct cw_studio *s, const char *recording, struct cw_vocode_params p, struct cw_vocode_report *report,
              struct cw_error *err) {
    int result = -1, format = 0;
    struct cw_recording r = {0};
    struct cw_vocoder *v = NULL;
    struct cw_vocoder_session *session = NULL;
    struct cw_mel *mel = NULL;
    const float *samples = NULL;
    float *x = NULL, *bands = NULL, *copy = NULL;
    size_t n = 0, count = 0;
    *report = (struct cw_vocode_report){0};
    if (!p.out) {
        cw_fail(err, CW_BAD_INPUT, "vocode: expected a file to write, found none");
        goto done;
    }
    if (cw_studio_format(p.out, &format, err) != 0 || cw_recording_read(&r, recording, err) != 0 ||
        open_vocoder(s, p.vocoder, &v, &mel, report, err) != 0 || cw_vocoder_session_open(&session, v, err) != 0 ||
        cw_resample(r.samples, r.count, r.rate, report->sample_rate, &x, &n, err) != 0)
        goto done;
    struct cw_mel_params m = *cw_mel_params(mel);
    size_t frames = cw_mel_frames(mel, n);
    if (frames == 0) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected more than %.0f ms of sound, found %.0f ms", recording, 500.0 * m.fft / m.rate,
                1000.0 * (double)n / m.rate);
        goto done;
    }
    report->frames = (int)frames;
    bands = malloc(sizeof *bands * frames * (size_t)m.bands);
    if (!bands) {
        cw_fail_memory(err, recording);
        goto done;
    }
    double start = cw_seconds();
    if (cw_mel_run(mel, s->device, x, n, (struct cw_mat){bands, (int)frames, m.bands, m.bands}, err) != 0) {
        cw_fail_in(err, "%s", recording);
        goto done;
    }
    report->mel_seconds = cw_seconds() - start;
    start += report->mel_seconds;
    double cpu = cw_cpu_seconds();
    struct cw_frames f = {.kind = m.kind, .count = (int)frames, .channels = m.bands, .data = bands, .sample_rate = m.rate, .hop = m.hop};
    if (cw_vocoder_run(session, &f, 0, &samples, &count, err) != 0)
        goto done;
    report->vocoder_seconds = cw_seconds() - start;
    report->vocoder_cpu_seconds = cw_cpu_seconds() - cpu;
    count = count < n ? count : n; /* a centred spectrogram has a frame more */
    report->seconds = (double)count / m.rate;
    copy = malloc(sizeof *copy * count);
    if (!copy) {
        cw_fail_memory(err, recording);
        goto done;
    }
    memcpy(copy, samples, sizeof *copy * count);
    keep_in_scale(copy, count);
    result = cw_recording_write(p.out, copy, count, m.rate, err);
done:
    free(copy);
    free(bands);
    free(x);
    cw_mel_close(mel);
    cw_vocoder_session_close(session);
    cw_vocoder_close(v);
    cw_recording_free(&r);
    return result;
}

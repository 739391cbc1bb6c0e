/* How far every instruction set is from float32, and how long it takes: the sentences of a file with one seed, one voice.
 *   bench_paths SENTENCES [VOICE] [--emulated]     (--emulated: also AMX's loops with tiles in C, slow)
 * Distance: mean |log mel - log mel of "avx512" (or the best float32)| over 80 bands, and the waveforms' relative L2. Seconds are
 * processor time of all threads, speech without loading. */
#include "models/catalogue.h"
#include "tts/acoustic.h"
#include "tts/speech.h"
#include "vocoder/stft.h"
#include "vocoder/vocoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FFT = 1024, HOP = 256, BANDS = 80, RATE = 24000, LINES_MAX = 200, PACK = 510 * 256 };

struct sound {
    float *x;
    size_t n;
};

static double mel_of(double hz) {
    return 2595 * log10(1 + hz / 700);
}

/* bands[BANDS] of one frame: triangles equally wide in mel. */
static void log_mel(const struct cw_stft *stft, const double *x, size_t n, size_t frame, double *bands) {
    double re[FFT / 2 + 1], im[FFT / 2 + 1];
    const double step = mel_of(RATE / 2.0) / (BANDS + 1);

    cw_stft_analyse(stft, x, n, frame, re, im);
    for (int b = 0; b < BANDS; b++)
        bands[b] = 0;
    for (int k = 0; k <= FFT / 2; k++) {
        const double at = mel_of((double)k * RATE / FFT) / step, size = sqrt(re[k] * re[k] + im[k] * im[k]);
        for (int b = (int)at - 1; b <= (int)at; b++)
            if (b >= 0 && b < BANDS)
                bands[b] += size * fmax(0, 1 - fabs(at - (b + 1)));
    }
    for (int b = 0; b < BANDS; b++)
        bands[b] = log(fmax(bands[b], 1e-5));
}

static double mel_distance(const struct cw_stft *stft, const struct sound *a, const struct sound *b) {
    double *x = malloc(sizeof *x * a->n * 2), sum = 0;
    const size_t frames = cw_stft_frames(stft, a->n);

    if (!x)
        return NAN;
    for (size_t i = 0; i < a->n; i++) {
        x[i] = (double)a->x[i];
        x[a->n + i] = (double)b->x[i];
    }
    for (size_t f = 0; f < frames; f++) {
        double p[BANDS], q[BANDS];
        log_mel(stft, x, a->n, f, p);
        log_mel(stft, x + a->n, a->n, f, q);
        for (int i = 0; i < BANDS; i++)
            sum += fabs(p[i] - q[i]);
    }
    free(x);
    return sum / ((double)frames * BANDS);
}

static int symbols_of(const struct cw_acoustic *m, const char *s, int *ids, int most) {
    int n = 0;
    while (*s && n < most) {
        uint32_t code = 0;
        int bytes = cw_utf8_next(s, strlen(s), &code);
        if (bytes < 1)
            return -1;
        const int id = cw_acoustic_symbol(m, code);
        if (id > 0)
            ids[n++] = id;
        s += bytes;
    }
    return n;
}

/* Every chunk of every line, one sound each. */
static int speak(const char *isa, struct cw_utterance *said, int lines, const float *pack, struct sound *sounds, int *count,
                 double *seconds, struct cw_error *err) {
    struct cw_device_params params = cw_device_params_default();
    struct cw_device *d = NULL;
    struct cw_acoustic *acoustic = NULL;
    struct cw_acoustic_session *speaking = NULL;
    struct cw_vocoder *vocoder = NULL;
    struct cw_vocoder_session *sounding = NULL;
    char path[CW_PATH_MAX];
    int status = -1;

    params.isa = isa;
    *count = 0;
    *seconds = 0;
    if (cw_model_path("kokoro", path, err) != 0 || cw_device_open(&d, params, err) != 0 || cw_acoustic_open(&acoustic, d, path, err) != 0 ||
        cw_acoustic_session_open(&speaking, acoustic, err) != 0 || cw_vocoder_open(&vocoder, d, path, err) != 0 ||
        cw_vocoder_session_open(&sounding, vocoder, err) != 0)
        goto done;
    for (int l = 0; l < lines; l++)
        for (int c = 0; c < said[l].chunk_count && *count < LINES_MAX; c++) {
            int ids[510];
            const struct cw_acoustic_input in = {.ids = ids,
                                                 .count = symbols_of(acoustic, said[l].chunks[c].phonemes, ids, 510),
                                                 .pack = pack,
                                                 .pack_rows = 510,
                                                 .speed = 1};
            struct cw_frames frames;
            const float *x;
            struct sound *to = &sounds[*count];
            const double start = cw_cpu_seconds();

            if (cw_acoustic_run(speaking, &in, &frames, err) != 0 || cw_vocoder_run(sounding, &frames, (uint64_t)l, &x, &to->n, err) != 0)
                goto done;
            *seconds += cw_cpu_seconds() - start;
            to->x = malloc(to->n * sizeof *to->x);
            if (!to->x) {
                cw_fail_memory(err, "sounds");
                goto done;
            }
            memcpy(to->x, x, to->n * sizeof *x);
            ++*count;
        }
    status = 0;
done:
    cw_vocoder_session_close(sounding);
    cw_vocoder_close(vocoder);
    cw_acoustic_session_close(speaking);
    cw_acoustic_close(acoustic);
    cw_device_close(d);
    return status;
}

static void report(const char *isa, const struct cw_stft *stft, struct sound *want, struct sound *got, int count, double seconds) {
    double mel = 0, worst = 0, off = 0, size = 0, speech = 0;

    for (int i = 0; i < count; i++) {
        speech += (double)got[i].n / RATE;
        if (want[i].n != got[i].n) {
            printf("%s: sound %d has another length\n", isa, i);
            return;
        }
        const double m = mel_distance(stft, &want[i], &got[i]);
        mel += m / count;
        worst = fmax(worst, m);
        for (size_t k = 0; k < got[i].n; k++) {
            const double d = (double)got[i].x[k] - (double)want[i].x[k];
            off += d * d;
            size += (double)want[i].x[k] * (double)want[i].x[k];
        }
    }
    printf("%-13s %6.2f s for %.1f s of speech (%.3f)  log-mel %.5f, worst %.5f  waveform %.5f\n", isa, seconds, speech, seconds / speech,
           mel, worst, sqrt(off / size));
    (void)fflush(stdout);
}

int main(int argc, char **argv) {
    static struct cw_utterance said[LINES_MAX];
    static struct sound want[LINES_MAX], got[LINES_MAX];
    const char *names[16] = {NULL}, *voice = argc > 2 && argv[2][0] != '-' ? argv[2] : "af_heart";
    struct cw_error err = {0};
    struct cw_speech *speech = NULL;
    struct cw_stft *stft = NULL;
    struct cw_map map = {0};
    char dir[CW_PATH_MAX], path[CW_PATH_MAX], file[64], *text = NULL;
    size_t len = 0;
    int lines = 0, count = 0, status = 1, n = 0;
    double seconds;

    (void)snprintf(file, sizeof file, "%s.bin", voice);
    if (argc < 2) {
        fprintf(stderr, "usage: bench_paths SENTENCES [VOICE] [--emulated]\n");
        return 2;
    }
    if (cw_model_path("lexicon", dir, &err) != 0 || cw_speech_open(&speech, dir, &err) != 0 || cw_model_path("voices", dir, &err) != 0 ||
        cw_path_join(path, dir, file, &err) != 0 || cw_map_open(&map, path, &err) != 0 || cw_stft_open(&stft, FFT, HOP, &err) != 0 ||
        cw_file_read(argv[1], 1 << 20, &text, &len, &err) != 0)
        goto done;
    if (map.len != PACK * sizeof(float)) {
        cw_fail(&err, CW_BAD_INPUT, "%s: expected a voice of 510 x 256 numbers", path);
        goto done;
    }
    char *rest = text;
    for (char *line; lines < LINES_MAX && (line = strsep(&rest, "\n"));)
        if (*line && cw_speech_plan(speech, line, cw_speech_params_default(), &said[lines++], &err) != 0)
            goto done;
    for (const char *const *isa = cw_device_isas(); *isa; isa++)
        if (strcmp(*isa, "c") != 0)
            names[n++] = *isa;
    if (strcmp(argv[argc - 1], "--emulated") == 0)
        names[n++] = "amx-emulated";
    const float *pack = (const float *)(const void *)map.data;
    const char *exact = n > 0 && strncmp(names[0], "avx2", 4) == 0 ? "avx2" : "avx512";
    if (speak(exact, said, lines, pack, want, &count, &seconds, &err) != 0)
        goto done;
    for (int i = 0; i < n; i++) {
        if (speak(names[i], said, lines, pack, got, &count, &seconds, &err) != 0)
            goto done;
        report(names[i], stft, want, got, count, seconds);
        for (int k = 0; k < count; k++)
            free(got[k].x);
    }
    status = 0;
done:
    if (status)
        fprintf(stderr, "bench_paths: %s\n", err.text);
    for (int i = 0; i < LINES_MAX; i++) {
        free(want[i].x);
        cw_utterance_free(&said[i]);
    }
    cw_stft_close(stft);
    cw_map_close(&map);
    cw_speech_close(speech);
    free(text);
    return status;
}

/* Hears a model: sentences -> one WAV each and a list for a judge, with the time of both halves apart. Any acoustic model with the vocoder
 * that takes its frames: the mel model with HiFi-GAN, or Kokoro's file twice, to compare.
 *
 *   speak [--voice EXPRESSION] [--threads N] ACOUSTIC.gguf VOCODER.gguf SENTENCES.txt FOLDER */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/catalogue.h"
#include "tts/acoustic.h"
#include "tts/speech.h"
#include "vocoder/vocoder.h"
#include "voices/recording.h"
#include "voices/voices.h"

enum { SYMBOLS_MAX = 510 };
#define MEL_GAIN 2.0f /* of the sound whose mels were learnt (make_data.c) */

struct speaking {
    struct cw_device *device;
    struct cw_acoustic *acoustic;
    struct cw_acoustic_session *acoustic_session;
    struct cw_vocoder *vocoder;
    struct cw_vocoder_session *vocoder_session;
    struct cw_speech *speech;
    struct cw_voice voice;
    double speech_seconds, acoustic_seconds, vocoder_seconds, acoustic_cpu, vocoder_cpu;
};

/* Adds a chunk's sound to *sound [*count]. */
static int say(struct speaking *s, const struct cw_chunk *chunk, float **sound, size_t *count, struct cw_error *err) {
    int ids[SYMBOLS_MAX], symbols = 0, len = 0;
    uint32_t code = 0;
    const float *x = NULL;
    size_t n = 0;
    struct cw_frames f;
    for (const char *at = chunk->phonemes; *at && symbols < SYMBOLS_MAX; at += len) {
        len = cw_utf8_next(at, strlen(at), &code);
        ids[symbols] = len > 0 ? cw_acoustic_symbol(s->acoustic, code) : -1;
        if (ids[symbols++] < 0)
            return cw_fail(err, CW_BAD_INPUT, "phonemes \"%.200s\": expected symbols that the model knows, found U+%04X", chunk->phonemes,
                           (unsigned)code);
    }
    const struct cw_acoustic_input in = {.ids = ids,
                                         .count = symbols,
                                         .pack = s->voice.pack,
                                         .pack_rows = CW_PACK_ROWS,
                                         .f0_slope = s->voice.f0_slope,
                                         .f0_offset = s->voice.f0_offset,
                                         .speed = 1};
    const double t0 = cw_seconds(), c0 = cw_cpu_seconds();
    if (cw_acoustic_run(s->acoustic_session, &in, &f, err) != 0)
        return -1;
    const double t1 = cw_seconds(), c1 = cw_cpu_seconds();
    if (cw_vocoder_run(s->vocoder_session, &f, 1, &x, &n, err) != 0)
        return -1;
    s->acoustic_seconds += t1 - t0;
    s->acoustic_cpu += c1 - c0;
    s->vocoder_seconds += cw_seconds() - t1;
    s->vocoder_cpu += cw_cpu_seconds() - c1;
    s->speech_seconds += (double)n / f.sample_rate;
    float *more = realloc(*sound, sizeof *more * (*count + n + 1));
    if (!more)
        return cw_fail_memory(err, "sound");
    *sound = more;
    const float gain = strncmp(f.kind, "mel-", 4) == 0 ? 1 / MEL_GAIN : 1;
    for (size_t i = 0; i < n; i++)
        more[(*count)++] = gain * x[i];
    return 0;
}

static int say_sentence(struct speaking *s, const char *text, const char *path, struct cw_error *err) {
    struct cw_speech_params p = cw_speech_params_default();
    struct cw_utterance u = {0};
    float *sound = NULL;
    size_t count = 0;
    int result = -1;
    p.language = s->voice.language;
    if (cw_speech_plan(s->speech, text, p, &u, err) != 0)
        goto done;
    for (int i = 0; i < u.chunk_count; i++)
        if (say(s, &u.chunks[i], &sound, &count, err) != 0)
            goto done;
    result = cw_recording_write(path, sound, count, cw_vocoder_info(s->vocoder)->sample_rate, err);
done:
    cw_utterance_free(&u);
    free(sound);
    return result;
}

static int open_all(struct speaking *s, const char *acoustic, const char *vocoder, const char *voice, int threads, struct cw_error *err) {
    char voices[CW_PATH_MAX], lexicon[CW_PATH_MAX];
    struct cw_device_params p = cw_device_params_default();
    p.threads = threads;
    return cw_model_path("voices", voices, err) != 0 || cw_model_path("lexicon", lexicon, err) != 0 ||
                   cw_voice_open(&s->voice, voices, voice, err) != 0 || cw_speech_open(&s->speech, lexicon, err) != 0 ||
                   cw_device_open(&s->device, p, err) != 0 || cw_acoustic_open(&s->acoustic, s->device, acoustic, err) != 0 ||
                   cw_acoustic_session_open(&s->acoustic_session, s->acoustic, err) != 0 ||
                   cw_vocoder_open(&s->vocoder, s->device, vocoder, err) != 0 ||
                   cw_vocoder_session_open(&s->vocoder_session, s->vocoder, err) != 0
               ? -1
               : 0;
}

static int run(struct speaking *s, char **args, const char *voice, int threads, struct cw_error *err) {
    char name[24], path[CW_PATH_MAX], *text = NULL, *save = NULL;
    struct cw_text list = {0};
    size_t len = 0;
    int result = -1, number = 0;
    if (open_all(s, args[0], args[1], voice, threads, err) != 0 || cw_file_read(args[2], 1 << 24, &text, &len, err) != 0 ||
        cw_dir_make(args[3], err) != 0)
        goto done;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        snprintf(name, sizeof name, "%03d.wav", ++number);
        if (cw_path_join(path, args[3], name, err) != 0 || say_sentence(s, line, path, err) != 0)
            goto done;
        cw_text_printf(&list, "%s\t%s\n", path, line);
    }
    if (cw_text_check(&list, "list", err) != 0 || cw_path_join(path, args[3], "list.tsv", err) != 0 ||
        cw_file_write(path, list.data, list.len, err) != 0)
        goto done;
    printf("%s: %d sentences in %s, %.1f s; real-time factor: acoustic %.4f, vocoder %.4f; CPU seconds a second: %.4f, %.4f (%s, %d "
           "threads)\n",
           cw_acoustic_engine(s->acoustic), number, voice, s->speech_seconds, s->acoustic_seconds / s->speech_seconds,
           s->vocoder_seconds / s->speech_seconds, s->acoustic_cpu / s->speech_seconds, s->vocoder_cpu / s->speech_seconds,
           cw_device_isa(s->device), cw_device_threads(s->device));
    result = 0;
done:
    cw_text_free(&list);
    free(text);
    cw_vocoder_session_close(s->vocoder_session);
    cw_vocoder_close(s->vocoder);
    cw_acoustic_session_close(s->acoustic_session);
    cw_acoustic_close(s->acoustic);
    cw_speech_close(s->speech);
    cw_voice_close(&s->voice);
    cw_device_close(s->device);
    return result;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"voice", 1, NULL, 'v'}, {"threads", 1, NULL, 't'}, {0}};
    struct speaking s = {0};
    struct cw_error err = {0};
    const char *voice = "af_heart";
    long threads = 0;
    bool good = true;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'v')
            voice = optarg;
        else
            good = good && c == 't' && cw_parse_int(optarg, 1, 64, &threads);
    }
    if (!good || argc - optind != 4) {
        fputs("usage: speak [--voice EXPRESSION] [--threads N] ACOUSTIC.gguf VOCODER.gguf SENTENCES.txt FOLDER\n", stderr);
        return CW_BAD_INPUT;
    }
    if (run(&s, argv + optind, voice, (int)threads, &err) != 0) {
        fprintf(stderr, "speak: %s\n", err.text);
        return err.code;
    }
    return 0;
}

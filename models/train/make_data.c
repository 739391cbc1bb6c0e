/* The mel model's data: lines of text, said by our own fast engine in stock voices and random mixtures of them, kept as what a mel model
 * learns from (shard.py reads it, and says what is in it).
 *
 *   LANGUAGE <tab> TEXT ─▶ chunks ─▶ a style ─▶ Kokoro: durations, F0, energy ─▶ sound ─▶ 22.05 kHz ─▶ mel ─▶ shards of 16 lines
 *
 * A shard is one thread's work and is written whole; those that are there already are left. Line and seed alone decide its bytes. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/catalogue.h"
#include "tts/acoustic.h"
#include "tts/speech.h"
#include "vocoder/mel.h"
#include "vocoder/vocoder.h"
#include "voices/recording.h"
#include "voices/voices.h"

enum { LINES = 16, THREADS_MAX = 64, SYMBOLS_MAX = 510, PARTS_MAX = 3, FIRST_VERSION = 1 };
#define GAIN 2.0f /* of the sound before its mel: the level HiFi-GAN is at home with */

struct stock {
    char language[8];
    float *pack; /* [CW_PACK_ROWS, CW_PACK_STYLE] */
};

struct making {
    struct cw_device *device;
    struct cw_acoustic *acoustic;
    struct cw_vocoder *vocoder;
    struct cw_speech *speech;
    struct cw_mel *mel;
    struct stock *stock;
    int stock_count;
    char **lines; /* [line_count] */
    int line_count, shards, last_shard;
    const char *dir;
    uint64_t seed;
    /* of all threads, under the lock */
    pthread_mutex_t lock;
    int next, done, left_out;
    long utterances;
    double seconds, started, shown;
    struct cw_error err;
    bool failed;
};

struct worker {
    struct making *a;
    pthread_t thread;
    struct cw_acoustic_session *acoustic;
    struct cw_vocoder_session *vocoder;
    float *pack;              /* [CW_PACK_ROWS, CW_PACK_STYLE]: the row that is asked for alone */
    struct cw_text curves[3]; /* halves: lengths [P], F0 [2U], energy [2U] of the run in progress */
    struct cw_text shard;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

/* ---- halves ------------------------------------------------------------------------------------------------------------------ */

/* IEEE half precision, to nearest even; too large: infinity. */
static uint16_t half_of(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    const uint32_t sign = u >> 16 & 0x8000, magnitude = u & 0x7FFFFFFF;
    if (magnitude >= 0x47800000) /* 65536 and all that is no number */
        return (uint16_t)(sign | 0x7C00 | (magnitude > 0x7F800000 ? 1 : 0));
    if (magnitude < 0x38800000) { /* below 2^-14: in units of 2^-24 */
        float value;
        memcpy(&value, &magnitude, sizeof value);
        return (uint16_t)(sign | (uint32_t)lrintf(value * 16777216.0f));
    }
    return (uint16_t)(sign | ((magnitude - 0x38000000 + 0xFFF + (magnitude >> 13 & 1)) >> 13));
}

static void put_halves(struct cw_text *to, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const uint16_t h = half_of(x[i]);
        cw_text_add_n(to, (const char *)&h, sizeof h);
    }
}

static void put_number(struct cw_text *to, uint32_t v) {
    cw_text_add_n(to, (const char *)&v, sizeof v);
}

static void keep_curve(void *arg, const char *stage, struct cw_mat m) {
    static const char *const names[3] = {"durations_float", "F0", "N"};
    struct worker *w = arg;
    for (int i = 0; i < 3; i++)
        if (strcmp(stage, names[i]) == 0) {
            cw_text_clear(&w->curves[i]);
            for (int t = 0; t < m.rows; t++)
                put_halves(&w->curves[i], m.data + (ptrdiff_t)t * m.stride, 1);
        }
}

/* ---- voices -------------------------------------------------------------------------------------------------------------------- */

struct draws {
    uint64_t key, line, next;
};

static double draw(struct draws *d) {
    uint32_t words[4];
    cw_philox(d->key, d->line, d->next++, words);
    return (words[0] + 0.5) / 4294967296.0;
}

/* Of a language's voices, or, of two of 13, of all. */
static const struct stock *any_voice(const struct making *a, const char *language, bool any_language, struct draws *d) {
    int count = 0;
    for (int i = 0; i < a->stock_count; i++)
        count += any_language || strcmp(a->stock[i].language, language) == 0;
    int chosen = (int)(draw(d) * count);
    for (int i = 0; i < a->stock_count; i++)
        if ((any_language || strcmp(a->stock[i].language, language) == 0) && chosen-- == 0)
            return &a->stock[i];
    return NULL;
}

/* style [CW_PACK_STYLE] += the parts' weighted numbers [first, last) of this row; weights are even over the simplex */
static void add_mixture(const struct making *a, const char *language, int row, int first, int last, struct draws *d, float *style) {
    const struct stock *voices[PARTS_MAX];
    double weights[PARTS_MAX], sum = 0;
    const int parts = draw(d) < 0.6 ? 2 : PARTS_MAX;
    for (int i = 0; i < parts; i++) {
        const bool any = i > 0 && draw(d) < 0.15;
        voices[i] = any_voice(a, language, any, d);
        weights[i] = -log(draw(d));
        sum += weights[i];
    }
    for (int i = 0; i < parts; i++)
        for (int c = first; c < last; c++)
            style[c] += (float)(weights[i] / sum) * voices[i]->pack[(size_t)row * CW_PACK_STYLE + (size_t)c];
}

/* Half of the lines in a stock voice, a quarter in a mixture, a quarter in one whose timbre and prosody are of different mixtures. */
static void choose_style(const struct making *a, const char *language, int row, struct draws *d, float *style) {
    const double kind = draw(d);
    memset(style, 0, sizeof *style * CW_PACK_STYLE);
    if (kind < 0.5)
        memcpy(style, any_voice(a, language, false, d)->pack + (size_t)row * CW_PACK_STYLE, sizeof *style * CW_PACK_STYLE);
    else if (kind < 0.75)
        add_mixture(a, language, row, 0, CW_PACK_STYLE, d, style);
    else {
        add_mixture(a, language, row, 0, CW_PACK_TIMBRE, d, style);
        add_mixture(a, language, row, CW_PACK_TIMBRE, CW_PACK_STYLE, d, style);
    }
}

static int open_voices(struct making *a, struct cw_error *err) {
    char dir[CW_PATH_MAX];
    struct cw_voice_info *list = NULL;
    size_t count = 0;
    int result = -1;
    if (cw_model_path("voices", dir, err) != 0 || cw_voices_list(dir, &list, &count, err) != 0)
        goto done;
    a->stock = calloc(count + 1, sizeof *a->stock);
    if (!a->stock) {
        cw_fail_memory(err, "voices");
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        struct cw_voice v = {0};
        if (strcmp(list[i].made, "stock") != 0 || !list[i].has_front_end)
            continue;
        if (cw_voice_open(&v, dir, list[i].name, err) != 0)
            goto done;
        struct stock *s = &a->stock[a->stock_count++];
        snprintf(s->language, sizeof s->language, "%s", v.language);
        s->pack = v.pack;
        v.pack = NULL;
        cw_voice_close(&v);
    }
    result = 0;
done:
    free(list);
    return result;
}

/* ---- an utterance ---------------------------------------------------------------------------------------------------------------- */

static int ids_of(const struct making *a, const struct cw_chunk *chunk, int *ids) {
    int count = 0, len = 0;
    uint32_t code = 0;
    for (const char *at = chunk->phonemes; *at && count < SYMBOLS_MAX; at += len) {
        len = cw_utf8_next(at, strlen(at), &code);
        const int id = len > 0 ? cw_acoustic_symbol(a->acoustic, code) : -1;
        if (id < 0)
            return 0;
        ids[count++] = id;
    }
    return count;
}

/* P, U, T, line (32 bits); ids [P], units [P] (16 bits); halves: lengths [P], style [256], F0 [2U], energy [2U], mel [T, bands] */
static int put_utterance(struct worker *w, int line, const int *ids, const struct cw_frames *f, const float *style, struct cw_mat mel,
                         struct cw_error *err) {
    uint32_t units = 0;
    for (int i = 0; i < f->phonemes; i++)
        units += (uint32_t)f->durations[i];
    if (w->curves[0].len != 2 * (size_t)f->phonemes || w->curves[1].len != 4 * (size_t)units || w->curves[2].len != 4 * (size_t)units)
        return cw_fail(err, CW_FAILED, "line %d: expected %d lengths and two curves of %u numbers from the engine, found %zu, %zu and %zu",
                       line + 1, f->phonemes, 2 * units, w->curves[0].len / 2, w->curves[1].len / 2, w->curves[2].len / 2);
    put_number(&w->shard, (uint32_t)f->phonemes);
    put_number(&w->shard, units);
    put_number(&w->shard, (uint32_t)mel.rows);
    put_number(&w->shard, (uint32_t)line);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < f->phonemes; i++) {
            const bool edge = i == 0 || i == f->phonemes - 1;
            const uint16_t v = (uint16_t)(k == 1 ? f->durations[i] : edge ? 0 : ids[i - 1]);
            cw_text_add_n(&w->shard, (const char *)&v, sizeof v);
        }
    cw_text_add_n(&w->shard, w->curves[0].data, w->curves[0].len);
    put_halves(&w->shard, style, CW_PACK_STYLE);
    cw_text_add_n(&w->shard, w->curves[1].data, w->curves[1].len);
    cw_text_add_n(&w->shard, w->curves[2].data, w->curves[2].len);
    for (int t = 0; t < mel.rows; t++)
        put_halves(&w->shard, mel.data + (ptrdiff_t)t * mel.stride, (size_t)mel.cols);
    return 0;
}

static int say(struct worker *w, int line, const char *language, const int *ids, int count, struct draws *d, double *seconds,
               struct cw_error *err) {
    const struct making *a = w->a;
    const struct cw_mel_params *p = cw_mel_params(a->mel);
    float *style = w->pack + (size_t)(count - 1) * CW_PACK_STYLE, *loud = NULL, *sound = NULL, *bands = NULL;
    const float *x = NULL;
    size_t n = 0, made = 0;
    struct cw_frames frames;
    int result = -1;
    choose_style(a, language, count - 1, d, style);
    const struct cw_acoustic_input in = {.ids = ids, .count = count, .pack = w->pack, .pack_rows = CW_PACK_ROWS, .speed = 1};
    if (cw_acoustic_run(w->acoustic, &in, &frames, err) != 0 ||
        cw_vocoder_run(w->vocoder, &frames, a->seed ^ (uint64_t)line, &x, &n, err) != 0)
        goto done;
    loud = malloc(sizeof *loud * n);
    if (!loud) {
        cw_fail_memory(err, "sound");
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        loud[i] = GAIN * x[i];
    if (cw_resample(loud, n, frames.sample_rate, p->rate, &sound, &made, err) != 0)
        goto done;
    const int rows = (int)cw_mel_frames(a->mel, made);
    bands = malloc(sizeof *bands * (size_t)(rows + 1) * (size_t)p->bands);
    if (!bands) {
        cw_fail_memory(err, "mel");
        goto done;
    }
    const struct cw_mat mel = {bands, rows, p->bands, p->bands};
    if (cw_mel_run(a->mel, a->device, sound, made, mel, err) != 0 || put_utterance(w, line, ids, &frames, style, mel, err) != 0)
        goto done;
    *seconds += (double)made / p->rate;
    result = 0;
done:
    free(loud);
    free(sound);
    free(bands);
    return result;
}

/* A line that cannot be said is left out. */
static int say_line(struct worker *w, int line, int *utterances, double *seconds, struct cw_error *err) {
    struct making *a = w->a;
    struct cw_utterance u = {0};
    struct cw_speech_params p = cw_speech_params_default();
    struct draws d = {a->seed, (uint64_t)line, 0};
    char language[8] = "";
    const char *tab = strchr(a->lines[line], '\t');
    int ids[SYMBOLS_MAX], result = -1;
    if (!tab || tab - a->lines[line] >= (int)sizeof language)
        return cw_fail(err, CW_BAD_INPUT, "line %d: expected a language, a tab and a text, found \"%.40s\"", line + 1, a->lines[line]);
    memcpy(language, a->lines[line], (size_t)(tab - a->lines[line]));
    p.language = language;
    if (cw_speech_language(language, err) != 0)
        goto done;
    if (cw_speech_plan(a->speech, tab + 1, p, &u, err) != 0) {
        pthread_mutex_lock(&a->lock);
        a->left_out++;
        pthread_mutex_unlock(&a->lock);
        result = 0;
        goto done;
    }
    for (int i = 0; i < u.chunk_count; i++) {
        const int count = ids_of(a, &u.chunks[i], ids);
        if (count == 0)
            continue;
        if (say(w, line, language, ids, count, &d, seconds, err) != 0)
            goto done;
        (*utterances)++;
    }
    result = 0;
done:
    cw_utterance_free(&u);
    return result;
}

/* ---- shards ------------------------------------------------------------------------------------------------------------------------ */

static int make_shard(struct worker *w, int shard, struct cw_error *err) {
    struct making *a = w->a;
    char name[32], path[CW_PATH_MAX];
    int utterances = 0;
    double seconds = 0;
    snprintf(name, sizeof name, "%05d.shard", shard);
    if (cw_path_join(path, a->dir, name, err) != 0)
        return -1;
    if (cw_file_exists(path))
        return 0;
    cw_text_clear(&w->shard);
    cw_text_add_n(&w->shard, "CWMD", 4);
    put_number(&w->shard, FIRST_VERSION);
    put_number(&w->shard, (uint32_t)cw_mel_params(a->mel)->bands);
    put_number(&w->shard, CW_PACK_STYLE);
    for (int line = shard * LINES; line < a->line_count && line < (shard + 1) * LINES; line++) {
        const int had = utterances;
        const double from = seconds;
        if (interrupted)
            return cw_fail(err, CW_FAILED, "interrupted");
        if (say_line(w, line, &utterances, &seconds, err) != 0)
            return -1;
        pthread_mutex_lock(&a->lock);
        a->utterances += utterances - had;
        a->seconds += seconds - from;
        const double now = cw_seconds(), spent = now - a->started;
        if (now - a->shown > 5) {
            a->shown = now;
            fprintf(stderr, "%d of %d shards, %ld utterances, %.1f min of speech, %.2f x real time\n", a->done, a->last_shard,
                    a->utterances, a->seconds / 60, a->seconds / spent);
        }
        pthread_mutex_unlock(&a->lock);
    }
    if (cw_text_check(&w->shard, "shard", err) != 0)
        return -1;
    return cw_file_write(path, w->shard.data, w->shard.len, err);
}

static void *work(void *arg) {
    struct worker *w = arg;
    struct making *a = w->a;
    struct cw_error err = {0};
    static const atomic_bool always = true;
    cw_compute_alone(&always);
    pthread_mutex_lock(&a->lock);
    while (!a->failed && a->next < a->last_shard) {
        const int shard = a->next++;
        pthread_mutex_unlock(&a->lock);
        const int made = make_shard(w, shard, &err);
        pthread_mutex_lock(&a->lock);
        if (made != 0 && !a->failed) {
            a->failed = true;
            a->err = err;
        }
        a->done++;
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* symbols.txt: the code point of each symbol id from 0 on, 0 where there is none. data.txt: what the shards are made of; another text,
 * seed or engine may not go on in the same folder. */
static int write_notes(const struct making *a, const char *text_path, const char *acoustic, const char *vocoder, struct cw_error *err) {
    struct cw_text symbols = {0}, notes = {0};
    char path[CW_PATH_MAX], text_sum[65], acoustic_sum[65], vocoder_sum[65], *had = NULL;
    size_t len = 0;
    int result = -1, known[SYMBOLS_MAX] = {0}, count = 0;
    for (uint32_t code = 1; code < 0x3000; code++) {
        const int id = cw_acoustic_symbol(a->acoustic, code);
        if (id > 0 && id < SYMBOLS_MAX) {
            known[id] = (int)code;
            count = id >= count ? id + 1 : count;
        }
    }
    for (int i = 0; i < count; i++)
        cw_text_printf(&symbols, "%d\n", known[i]);
    if (cw_sha256_file(text_path, text_sum, err) != 0 || cw_model_sum(acoustic, acoustic_sum, err) != 0 ||
        cw_model_sum(vocoder, vocoder_sum, err) != 0)
        goto done;
    cw_text_printf(&notes, "text %s\nseed %llu\nacoustic %s\nvocoder %s\nmel %s gain %g\n", text_sum, (unsigned long long)a->seed,
                   acoustic_sum, vocoder_sum, cw_mel_params(a->mel)->kind, (double)GAIN);
    if (cw_text_check(&symbols, "symbols", err) != 0 || cw_text_check(&notes, "notes", err) != 0 ||
        cw_path_join(path, a->dir, "data.txt", err) != 0)
        goto done;
    if (cw_file_exists(path)) {
        if (cw_file_read(path, 1 << 16, &had, &len, err) != 0)
            goto done;
        if (strcmp(had, notes.data) != 0) {
            cw_fail(err, CW_BAD_INPUT, "%s: expected data of this text, seed and engine, found others; choose another folder", path);
            goto done;
        }
    }
    if (cw_file_write(path, notes.data, notes.len, err) != 0 || cw_path_join(path, a->dir, "symbols.txt", err) != 0 ||
        cw_file_write(path, symbols.data, symbols.len, err) != 0)
        goto done;
    result = 0;
done:
    free(had);
    cw_text_free(&symbols);
    cw_text_free(&notes);
    return result;
}

static int cut_lines(struct making *a, char *text, struct cw_error *err) {
    int room = 1;
    for (const char *p = text; *p; p++)
        room += *p == '\n';
    a->lines = calloc((size_t)room + 1, sizeof *a->lines);
    if (!a->lines)
        return cw_fail_memory(err, "text");
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        a->lines[a->line_count++] = line;
    a->shards = (a->line_count + LINES - 1) / LINES;
    return 0;
}

static int run(struct making *a, const char *text_path, int threads, struct cw_error *err) {
    char acoustic[CW_PATH_MAX], vocoder[CW_PATH_MAX], lexicon[CW_PATH_MAX], *text = NULL;
    size_t len = 0;
    int result = -1, started = 0;
    struct cw_device_params p = cw_device_params_default();
    struct worker workers[THREADS_MAX] = {0};
    p.threads = threads;
    if (cw_file_read(text_path, 1 << 28, &text, &len, err) != 0 || cut_lines(a, text, err) != 0 || cw_dir_make(a->dir, err) != 0 ||
        cw_model_path("kokoro", acoustic, err) != 0 || cw_model_path("lexicon", lexicon, err) != 0 ||
        cw_device_open(&a->device, p, err) != 0)
        goto done;
    memcpy(vocoder, acoustic, sizeof vocoder); /* one file holds both halves */
    if (cw_acoustic_open(&a->acoustic, a->device, acoustic, err) != 0 || cw_vocoder_open(&a->vocoder, a->device, vocoder, err) != 0 ||
        cw_speech_open(&a->speech, lexicon, err) != 0 || cw_mel_open(&a->mel, cw_mel_hifigan(), err) != 0 || open_voices(a, err) != 0 ||
        write_notes(a, text_path, acoustic, vocoder, err) != 0)
        goto done;
    if (a->last_shard <= 0 || a->last_shard > a->shards)
        a->last_shard = a->shards;
    threads = cw_device_threads(a->device);
    a->started = a->shown = cw_seconds();
    for (; started < threads && started < THREADS_MAX; started++) {
        struct worker *w = &workers[started];
        w->a = a;
        w->pack = calloc((size_t)CW_PACK_ROWS * CW_PACK_STYLE, sizeof *w->pack);
        if (!w->pack || cw_acoustic_session_open(&w->acoustic, a->acoustic, err) != 0 ||
            cw_vocoder_session_open(&w->vocoder, a->vocoder, err) != 0) {
            if (!w->pack)
                cw_fail_memory(err, "worker");
            goto done;
        }
        cw_acoustic_session_tap(w->acoustic, keep_curve, w);
    }
    for (int i = 0; i < started; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            cw_fail(err, CW_FAILED, "expected to start %d threads, found room for %d", threads, i);
            a->failed = true; /* under no lock: those that run see it at their next shard */
            for (int k = 0; k < i; k++)
                pthread_join(workers[k].thread, NULL);
            goto done;
        }
    for (int i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    if (a->failed) {
        *err = a->err;
        goto done;
    }
    printf("%s: %d of %d shards there; made now: %ld utterances, %.1f min of speech, %.2f x real time; %d lines left out\n", a->dir,
           a->last_shard, a->shards, a->utterances, a->seconds / 60, a->seconds / (cw_seconds() - a->started), a->left_out);
    result = 0;
done:
    for (int i = 0; i < THREADS_MAX; i++) {
        struct worker *w = &workers[i];
        cw_acoustic_session_close(w->acoustic);
        cw_vocoder_session_close(w->vocoder);
        free(w->pack);
        cw_text_free(&w->shard);
        for (int k = 0; k < 3; k++)
            cw_text_free(&w->curves[k]);
    }
    for (int i = 0; i < a->stock_count; i++)
        free(a->stock[i].pack);
    free(a->stock);
    cw_mel_close(a->mel);
    cw_speech_close(a->speech);
    cw_vocoder_close(a->vocoder);
    cw_acoustic_close(a->acoustic);
    cw_device_close(a->device);
    free(a->lines);
    free(text);
    return result;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"seed", 1, NULL, 's'}, {"threads", 1, NULL, 't'}, {"shards", 1, NULL, 'n'}, {0}};
    struct making a = {.seed = 1, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct cw_error err = {0};
    long v = 0, threads = 0;
    bool good = true;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        good = good && c != '?' && cw_parse_int(optarg, 1, c == 't' ? THREADS_MAX : 1000000000, &v);
        if (c == 's')
            a.seed = (uint64_t)v;
        else if (c == 't')
            threads = v;
        else
            a.last_shard = (int)v;
    }
    if (!good || argc - optind != 2) {
        fputs("usage: make_data [--seed N] [--threads N] [--shards N] TEXT.tsv FOLDER\n"
              "       says the lines and keeps mels in FOLDER, the first N shards of 16 lines (all); goes on where it was stopped\n",
              stderr);
        return CW_BAD_INPUT;
    }
    a.dir = argv[optind + 1];
    const struct sigaction stop = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    if (run(&a, argv[optind], (int)threads, &err) != 0) {
        fprintf(stderr, "make_data: %s\n", err.text);
        return err.code;
    }
    return 0;
}

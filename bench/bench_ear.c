/* How well words lost and speech that is none of them are heard (episode/ear.h) in recordings of what was said well.
 *   bench_ear LIST.tsv [LANGUAGE]     LIST: sound<TAB>text a line, of one voice each        LANGUAGE: en-us
 * Each recording is listened to as it is; beside its text with one word more in the middle, of the next line's, as if it had been lost; and
 * with the last 0.7 s of the next recording before it, as if a reference leaked; and with its loudest hundredth of a second held for half a
 * second. */
#include "bench/rig.h"
#include "episode/ear.h"
#include "tts/f5_text.h"
#include "voices/recording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 1000 };
struct clip {
    struct cw_recording sound;
    char *text;
};
static struct clip clips[LINES];

static int read_clips(const char *path, int *count, struct cw_error *err) {
    static struct bench_line lines[LINES];
    char *data = NULL;
    int result = bench_list_read(path, &data, lines, LINES, count, err);
    for (int i = 0; result == 0 && i < *count; i++) {
        clips[i].text = cw_strdup(lines[i].text);
        result = clips[i].text ? cw_recording_read(&clips[i].sound, lines[i].sound, err) : cw_fail_memory(err, "clips");
    }
    free(data);
    return result;
}

/* The text, a word of `other` after its middle. */
static void with_one_more(const char *text, const char *other, struct cw_text *out) {
    const char *at = strchr(text + strlen(text) / 2, ' '), *word = strchr(other, ' ');
    at = at ? at : text + strlen(text);
    word = word ? word + 1 : other;
    cw_text_add_n(out, text, (size_t)(at - text));
    cw_text_add_char(out, ' ');
    cw_text_add_n(out, word, strcspn(word, " ,.;:?!"));
    cw_text_add(out, at);
}

/* The end of what is heard in `of`, a tenth of a second of silence, x [n]; to be freed. */
static float *after_a_leak(const struct cw_recording *of, const struct cw_recording *r, size_t *n) {
    size_t end = of->count, leak, pause = (size_t)r->rate / 10;
    while (end > 0 && fabsf(of->samples[end - 1]) < 0.02F)
        end--;
    leak = (size_t)(0.7 * of->rate) < end ? (size_t)(0.7 * of->rate) : end;
    *n = leak + pause + r->count;
    float *x = calloc(*n, sizeof *x);
    if (x) {
        memcpy(x, of->samples + end - leak, sizeof *x * leak);
        memcpy(x + leak + pause, r->samples, sizeof *x * r->count);
    }
    return x;
}

/* The loudest 10 ms fifty times, x [n]; to be freed. */
static float *held(const struct cw_recording *r, size_t *n) {
    const size_t hop = (size_t)r->rate / 100, more = 49 * hop;
    size_t loudest = 0;
    double most = 0;
    for (size_t at = 0; at + hop < r->count; at += hop) {
        double sum = 0;
        for (size_t i = at; i < at + hop; i++)
            sum += (double)r->samples[i] * (double)r->samples[i];
        loudest = sum > most ? at : loudest;
        most = fmax(most, sum);
    }
    *n = r->count + more;
    float *x = malloc(sizeof *x * *n);
    for (size_t i = 0; x && i < *n; i++)
        x[i] = r->samples[i < loudest ? i : i < loudest + more ? loudest + (i - loudest) % hop : i - more];
    return x;
}

static int listen(struct cw_ear *ear, const struct cw_speech *speech, const char *language, const char *text, const float *x, size_t n,
                  int rate, struct cw_heard *h, struct cw_error *err) {
    struct cw_utterance u;
    struct cw_speech_params p = cw_speech_params_default();
    double weight = 0;
    p.language = language;
    p.max_symbols = 510;
    if (cw_speech_plan(speech, text, p, &u, err) != 0)
        return -1;
    for (int c = 0; c < u.chunk_count; c++)
        weight += cw_f5_weight_of(u.chunks[c].phonemes);
    for (int w = 0; w < u.word_count; w++)
        u.words[w].chunk = 0; /* the whole at once */
    int result = cw_ear_listen(ear, x, n, rate, &u, 0, (double)n / rate / fmax(1, weight), h, err);
    cw_utterance_free(&u);
    return result;
}

int main(int argc, char **argv) {
    struct cw_error err = {0};
    struct cw_ear *ear = NULL;
    struct cw_speech *speech = NULL;
    const char *language = argc == 3 ? argv[2] : "en-us";
    char lexicon[CW_PATH_MAX];
    int count = 0, result = 1, doubted = 0, lost = 0, leaked = 0, drawn = 0;
    double seconds = 0, cpu = 0;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "bench_ear: expected LIST.tsv [LANGUAGE]\n");
        return 2;
    }
    if (read_clips(argv[1], &count, &err) != 0 || cw_model_path("lexicon", lexicon, &err) != 0 ||
        cw_speech_open(&speech, lexicon, &err) != 0 || cw_ear_open(&ear, &err) != 0)
        goto done;
    for (int i = 0; i < count; i++) {
        const struct clip *c = &clips[i], *next = &clips[(i + 1) % count];
        const struct cw_recording *r = &c->sound;
        struct cw_heard h;
        struct cw_text more = {0};
        size_t n = 0;
        const double from = cw_cpu_seconds();
        if (listen(ear, speech, language, c->text, r->samples, r->count, r->rate, &h, &err) != 0)
            goto done;
        cpu += cw_cpu_seconds() - from;
        seconds += (double)r->count / r->rate;
        const bool well = h.lost + h.again + h.drawn + h.stray == 0;
        doubted += !well;
        if (!well)
            printf("doubted: %d lost, %d again, %d drawn, %d stray of %d words: %s\n", h.lost, h.again, h.drawn, h.stray, h.words, c->text);
        with_one_more(c->text, next->text, &more);
        int failed = listen(ear, speech, language, more.data, r->samples, r->count, r->rate, &h, &err);
        cw_text_free(&more);
        if (failed)
            goto done;
        lost += h.lost > 0;
        float *x = after_a_leak(&next->sound, r, &n);
        failed = x ? listen(ear, speech, language, c->text, x, n, r->rate, &h, &err) : cw_fail_memory(&err, "sound");
        free(x);
        if (failed)
            goto done;
        leaked += h.again + h.stray > 0;
        x = held(r, &n);
        failed = x ? listen(ear, speech, language, c->text, x, n, r->rate, &h, &err) : cw_fail_memory(&err, "sound");
        free(x);
        if (failed)
            goto done;
        drawn += h.lost + h.again + h.drawn + h.stray > 0;
    }
    printf(
        "%d recordings: %d doubted; one word lost: %d heard; 0.7 s leaked: %d heard; a sound held: %d heard; %.3f CPU seconds a second\n",
        count, doubted, lost, leaked, drawn, cpu / seconds);
    result = 0;
done:
    if (result != 0)
        fprintf(stderr, "bench_ear: %s\n", err.text);
    cw_ear_close(ear);
    cw_speech_close(speech);
    return result;
}

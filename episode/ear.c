/* words' phonemes ─▶ sounds of the acoustic model ─▶ a graph: from behind word i to behind word k, freely where k is the next one
 *                                                                                                       │
 * waveform ─▶ 16 kHz ─────────────────────────────────────────▶ the cheapest way through it ◀─────────┘ ─▶ which words it visits, how long
 *
 * and, where every word was found, through all sounds in a row ─▶ how long each is
 *
 * Nothing but the chunk's own words is in the graph, so that even a word of one sound is found where it was said. What is none of them, as
 * the end of a reference, costs least as some of them said again, or as a silence, and that one is loud. */
#include "episode/ear.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pocketsphinx.h>
#include <sphinxbase/err.h>
#include <sphinxbase/fsg_model.h>

#include "tts/f5_text.h"
#include "voices/recording.h"

#define MODEL "/usr/share/pocketsphinx/model/en-us/en-us" /* package pocketsphinx-en-us */

enum {
    RATE = 16000,
    FRAMES = 100,    /* a second */
    WORDS_MAX = 512, /* a chunk has 510 symbols at most */
    AHEAD = 5,       /* so many words in a row may be left out */
    BACK = 6,        /* so far back it may begin again */
    STRAY = 20,      /* frames */
    SPELLING_MAX = 1024,
};
static const double price = -20;                         /* log10, of a word left out and of one said again */
static const double drawn_times = 2.5, drawn_more = 0.3; /* of its sounds' time, and seconds: more is drawn out, be it a word or a sound */
static const double loud = 0.03;                         /* of the loudest 10 ms */

struct cw_ear {
    cmd_ln_t *config;
    ps_decoder_t *ps;
    int named; /* words given to it so far: their names, which it keeps */
};

/* misaki's alphabet in the model's. Marks of stress and length have no sound. */
static const char *const sounds[][2] = {
    {"ɜɹ", "ER"}, {"əɹ", "ER"}, {"ɑ", "AA"}, {"ɒ", "AA"}, {"æ", "AE"}, {"a", "AE"}, {"ʌ", "AH"}, {"ə", "AH"}, {"ᵊ", "AH"},
    {"ɐ", "AH"},  {"ɔ", "AO"},  {"W", "AW"}, {"I", "AY"}, {"ɛ", "EH"}, {"e", "EH"}, {"ɜ", "ER"}, {"A", "EY"}, {"ɪ", "IH"},
    {"ᵻ", "IH"},  {"i", "IY"},  {"O", "OW"}, {"Q", "OW"}, {"Y", "OY"}, {"ʊ", "UH"}, {"u", "UW"}, {"b", "B"},  {"ʧ", "CH"},
    {"d", "D"},   {"ð", "DH"},  {"f", "F"},  {"ɡ", "G"},  {"h", "HH"}, {"ʤ", "JH"}, {"k", "K"},  {"l", "L"},  {"m", "M"},
    {"n", "N"},   {"ŋ", "NG"},  {"p", "P"},  {"ɹ", "R"},  {"s", "S"},  {"ʃ", "SH"}, {"t", "T"},  {"ɾ", "T"},  {"T", "T"},
    {"ʔ", "T"},   {"θ", "TH"},  {"v", "V"},  {"w", "W"},  {"j", "Y"},  {"z", "Z"},  {"ʒ", "ZH"}};

/* out: "" where nothing of it has a sound. */
static void spell(const char *phonemes, char out[SPELLING_MAX]) {
    size_t n = 0, step;
    out[0] = '\0';
    for (const char *s = phonemes; *s != '\0'; s += step) {
        step = 1;
        for (size_t i = 0; i < sizeof sounds / sizeof *sounds && step == 1; i++) {
            const size_t len = strlen(sounds[i][0]);
            if (strncmp(s, sounds[i][0], len) != 0)
                continue;
            if (n + 4 < SPELLING_MAX)
                n += (size_t)snprintf(out + n, SPELLING_MAX - n, "%s%s", n > 0 ? " " : "", sounds[i][1]);
            step = len;
            break;
        }
    }
}

bool cw_ear_knows(const char *language) {
    return cw_speech_english(language);
}

void cw_ear_close(struct cw_ear *ear) {
    if (!ear)
        return;
    if (ear->ps)
        ps_free(ear->ps);
    if (ear->config)
        cmd_ln_free_r(ear->config);
    free(ear);
}

int cw_ear_open(struct cw_ear **out, struct cw_error *err) {
    struct cw_ear *ear = NULL;
    *out = NULL;
    if (!cw_file_exists(MODEL "/mdef"))
        return cw_fail(err, CW_NO_MODEL, "%s: expected the recogniser's model, found none; install the package pocketsphinx-en-us", MODEL);
    ear = calloc(1, sizeof *ear);
    if (!ear)
        return cw_fail_memory(err, "recogniser");
    err_set_logfp(NULL); /* of the whole process, so a file that each ear opened would be closed under the others */
    /* no silence is taken out, so that frames are where they are in the sound; wide beams: a way that seems lost at a word left out comes
     * back */
    ear->config = cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", MODEL, "-dict", "/dev/null", "-remove_silence", "no", "-beam", "1e-80",
                              "-pbeam", "1e-80", "-wbeam", "1e-60", NULL);
    ear->ps = ear->config ? ps_init(ear->config) : NULL;
    for (size_t i = 0; ear->ps && i < sizeof sounds / sizeof *sounds; i++) /* words of one sound; a second one of a name is not taken */
        (void)ps_add_word(ear->ps, sounds[i][1], sounds[i][1], FALSE);
    if (!ear->ps) {
        cw_ear_close(ear);
        return cw_fail(err, CW_FAILED, "the recogniser does not start");
    }
    *out = ear;
    return 0;
}

/* Words of the chunk that have a sound, into its dictionary under the names ear->named + 0, 1, …; weight [WORDS_MAX]: their sounds, which
 * `all` has in a row. */
static int name_words(struct cw_ear *ear, const struct cw_utterance *u, int chunk, double *weight, int *count, struct cw_text *all,
                      struct cw_error *err) {
    char spelling[SPELLING_MAX], name[16];
    *count = 0;
    for (int w = 0; w < u->word_count && *count < WORDS_MAX; w++) {
        const struct cw_spoken_word *word = &u->words[w];
        if (word->chunk != chunk || word->count == 0 || word->source == CW_WORD_PUNCTUATION)
            continue;
        spell(word->phonemes, spelling);
        if (spelling[0] == '\0')
            continue;
        snprintf(name, sizeof name, "%d", ear->named + *count);
        if (ps_add_word(ear->ps, name, spelling, FALSE) < 0)
            return cw_fail(err, CW_FAILED, "the recogniser does not take the word \"%s\" as %s", word->text, spelling);
        weight[(*count)++] = cw_f5_weight_of(word->phonemes);
        cw_text_printf(all, "%s ", spelling);
    }
    return cw_text_check(all, "recogniser", err);
}

/* State i: word i - 1 was the last. */
static int set_graph(struct cw_ear *ear, int count, struct cw_error *err) {
    logmath_t *log = ps_get_logmath(ear->ps);
    fsg_model_t *g = fsg_model_init("chunk", log, 1, count + 1);
    char name[16];
    int result = 0;
    if (!g)
        return cw_fail_memory(err, "recogniser");
    g->start_state = 0;
    g->final_state = count;
    for (int k = 0; k < count; k++) {
        snprintf(name, sizeof name, "%d", ear->named + k);
        const int word = fsg_model_word_add(g, name), first = k > AHEAD ? k - AHEAD : 0, last = k + BACK < count ? k + BACK : count;
        for (int i = first; i <= last; i++)
            fsg_model_trans_add(g, i, k + 1, (int32)logmath_log10_to_log(log, i > k ? price : (k - i) * price), word);
    }
    for (int i = count > AHEAD ? count - AHEAD : 0; i < count; i++)
        fsg_model_null_trans_add(g, i, count, (int32)logmath_log10_to_log(log, (count - i) * price));
    if (ps_set_fsg(ear->ps, "chunk", g) != 0 || ps_set_search(ear->ps, "chunk") != 0)
        result = cw_fail(err, CW_FAILED, "the recogniser does not take its graph of %d words", count);
    fsg_model_free(g);
    return result;
}

/* All of these sounds, each once, a blank behind each; the blanks are overwritten. */
static int set_sounds(struct cw_ear *ear, char *all, struct cw_error *err) {
    int count = 0, at = 0, result = 0;
    for (const char *s = all; *s != '\0'; s++)
        count += *s == ' ';
    fsg_model_t *g = fsg_model_init("sounds", ps_get_logmath(ear->ps), 1, count + 1);
    if (!g)
        return cw_fail_memory(err, "recogniser");
    g->start_state = 0;
    g->final_state = count;
    for (char *s = all, *end; *s != '\0'; s = end + 1, at++) {
        end = s + strcspn(s, " ");
        *end = '\0';
        fsg_model_trans_add(g, at, at + 1, 0, fsg_model_word_add(g, s));
    }
    if (ps_set_fsg(ear->ps, "sounds", g) != 0 || ps_set_search(ear->ps, "sounds") != 0)
        result = cw_fail(err, CW_FAILED, "the recogniser does not take its graph of %d sounds", count);
    fsg_model_free(g);
    return result;
}

static int search(struct cw_ear *ear, const int16_t *x, size_t count, struct cw_error *err) {
    if (ps_start_utt(ear->ps) != 0 || ps_process_raw(ear->ps, x, count, FALSE, TRUE) < 0 || ps_end_utt(ear->ps) != 0)
        return cw_fail(err, CW_FAILED, "the recogniser stopped");
    return 0;
}

/* 16 kHz, whole numbers, the loudest at half the scale. */
static int to_samples(const float *x, size_t n, int rate, int16_t **out, size_t *count, struct cw_error *err) {
    float *x16 = NULL, top = 1e-6F;
    if (cw_resample(x, n, rate, RATE, &x16, count, err) != 0)
        return -1;
    for (size_t i = 0; i < *count; i++)
        top = fmaxf(top, fabsf(x16[i]));
    *out = calloc(*count + 1, sizeof **out);
    for (size_t i = 0; *out && i < *count; i++)
        (*out)[i] = (int16_t)lrintf(x16[i] / top * 16000.0F);
    free(x16);
    return *out ? 0 : cw_fail_memory(err, "recogniser");
}

static double power(const int16_t *x, size_t count, int frame) {
    enum { FRAME = RATE / FRAMES };
    double sum = 0;
    for (size_t i = (size_t)frame * FRAME; i < ((size_t)frame + 1) * FRAME && i < count; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

/* The way that was found, and the silences between the words. */
static void count_words(struct cw_ear *ear, const int16_t *x, size_t count, const double *weight, double sound_seconds,
                        struct cw_heard *heard) {
    int times[WORDS_MAX] = {0}, from, to;
    double top = 0;
    for (int f = 0; (size_t)f * RATE / FRAMES < count; f++)
        top = fmax(top, power(x, count, f));
    for (ps_seg_t *s = ps_seg_iter(ear->ps); s; s = ps_seg_next(s)) {
        char *end;
        const long k = strtol(ps_seg_word(s), &end, 10) - ear->named;
        int sounding = 0;
        ps_seg_frames(s, &from, &to);
        if (*end == '\0' && k >= 0 && k < heard->words) {
            times[k]++;
            heard->drawn += (double)(to - from + 1) / FRAMES > drawn_times * weight[k] * sound_seconds + drawn_more;
            continue;
        }
        for (int f = from; f <= to; f++)
            sounding += power(x, count, f) > loud * top;
        heard->stray += sounding >= STRAY;
    }
    for (int k = 0; k < heard->words; k++) {
        heard->lost += times[k] == 0;
        heard->again += times[k] > 1;
    }
}

/* A sound held inside a long word is within that word's time. */
static void count_sounds(struct cw_ear *ear, double sound_seconds, struct cw_heard *heard) {
    int from, to;
    for (ps_seg_t *s = ps_seg_iter(ear->ps); s; s = ps_seg_next(s)) {
        ps_seg_frames(s, &from, &to);
        heard->drawn += isupper((unsigned char)ps_seg_word(s)[0]) && /* no silence */
                        (double)(to - from + 1) / FRAMES > drawn_times * sound_seconds + drawn_more;
    }
}

int cw_ear_listen(struct cw_ear *ear, const float *x, size_t n, int rate, const struct cw_utterance *u, int chunk, double sound_seconds,
                  struct cw_heard *heard, struct cw_error *err) {
    int result = -1;
    double weight[WORDS_MAX];
    int16_t *samples = NULL;
    size_t count = 0;
    struct cw_text all = {0};
    *heard = (struct cw_heard){0};
    if (name_words(ear, u, chunk, weight, &heard->words, &all, err) != 0)
        goto done;
    if (heard->words == 0) {
        result = 0;
        goto done;
    }
    if (set_graph(ear, heard->words, err) != 0 || to_samples(x, n, rate, &samples, &count, err) != 0 ||
        search(ear, samples, count, err) != 0)
        goto done;
    count_words(ear, samples, count, weight, sound_seconds, heard);
    if (heard->lost + heard->again + heard->drawn == 0) {
        if (set_sounds(ear, all.data, err) != 0 || search(ear, samples, count, err) != 0)
            goto done;
        count_sounds(ear, sound_seconds, heard);
    }
    result = 0;
done:
    ear->named += heard->words;
    free(samples);
    cw_text_free(&all);
    return result;
}

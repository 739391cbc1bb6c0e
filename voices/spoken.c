/* Statement -> its words; recording -> 16 kHz -> pocketsphinx, which may hear any of those words, numbers, days, months and common
 * words, in any order, and then code words, any of them -> the longest common row of words. What was said decides what is heard:
 * nothing in the grammar prefers the statement or its code words. */
#include "voices/spoken.h"

#include "voices/recording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pocketsphinx.h>
#include <sphinxbase/fsg_model.h>

#define MODELS "/usr/share/pocketsphinx/model/en-us" /* package pocketsphinx-en-us */

enum { RATE = 16000, WORD_MAX = 48, WORDS_MAX = 400 };

const char *const cw_code_words[CW_CODE_WORDS] = {"alpha",  "bravo", "charlie", "delta",  "echo",     "foxtrot", "golf", "hotel",  "india",
                                                  "juliet", "kilo",  "lima",    "mike",   "november", "oscar",   "papa", "quebec", "romeo",
                                                  "sierra", "tango", "uniform", "victor", "whiskey",  "yankee",  "zulu"};

/* What else may have been said. */
static const char *const others[] = {
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
    "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand oh first second third fourth fifth sixth seventh eighth ninth "
    "tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth january "
    "february march april may june july august september october november december",
    "the of and a to in is you that it he was for on are with as his they be at have this from had by not but what all were we when your "
    "can said there use an each which she do how their if will up other about out many then them these so some her would make like him "
    "into time has look more write go see number no way could people my than water been call who its now find long down day did get come "
    "made over new sound take only little work know place year live me back give most very after thing our just name good man think say "
    "great where help through much before line right too mean old any same tell boy follow came want show also around form three small "
    "set put end does another well large must big even such because turn here why ask went men read need land different home us move try "
    "kind hand picture again change off play spell air away animal house point page letter mother answer found study still learn should "
    "never voice computer recordings agree holds until code words"};

struct words {
    char word[WORDS_MAX][WORD_MAX];
    int count;
};

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '\'';
}

/* The words of a text, in small letters. Other bytes part them; what does not fit is left out. */
static void split(const char *s, struct words *w) {
    w->count = 0;
    while (*s != '\0' && w->count < WORDS_MAX) {
        size_t n = 0;
        while (*s != '\0' && !is_letter(*s)) {
            s++;
        }
        for (; is_letter(*s); s++) {
            if (n + 1 < WORD_MAX) {
                w->word[w->count][n++] = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
            }
        }
        w->word[w->count][n] = '\0';
        w->count += n > 0;
    }
}

static bool holds(const struct words *w, const char *word) {
    for (int i = 0; i < w->count; i++) {
        if (strcmp(w->word[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static bool known(ps_decoder_t *ps, const char *word) {
    char *sounds = ps_lookup_word(ps, word);
    free(sounds);
    return sounds != NULL;
}

/* Everything that may be said, each once. */
static void gather(ps_decoder_t *ps, struct words *all, const struct words *more, int count) {
    for (int i = 0; i < count && all->count < WORDS_MAX; i++) {
        if (!holds(all, more->word[i]) && known(ps, more->word[i])) {
            memcpy(all->word[all->count++], more->word[i], WORD_MAX);
        }
    }
}

/* Any words at all (state 1), then as many code words as there should be (states 2 ..): which ones is for the sound to say. */
static int set_grammar(ps_decoder_t *ps, cmd_ln_t *config, const struct words *statement, int code_words, struct cw_error *err) {
    int result = -1;
    logmath_t *log = ps_get_logmath(ps);
    fsg_model_t *g = fsg_model_init("statement", log, (float32)cmd_ln_float_r(config, "-lw"), code_words + 2);
    struct words *all = calloc(2, sizeof *all), *more = all + 1;
    if (all == NULL || g == NULL) {
        cw_fail_memory(err, "grammar");
        goto done;
    }
    gather(ps, all, statement, statement->count - code_words);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        split(others[i], more);
        gather(ps, all, more, more->count);
    }
    g->start_state = 0;
    g->final_state = code_words + 1;
    for (int i = 0; i < all->count; i++) {
        for (int from = 0; from < 2; from++) {
            fsg_model_trans_add(g, from, 1, logmath_log(log, 1.0 / all->count), fsg_model_word_add(g, all->word[i]));
        }
    }
    for (int from = 1; from <= code_words; from++) {
        for (int i = 0; i < CW_CODE_WORDS; i++) {
            fsg_model_trans_add(g, from, from + 1, logmath_log(log, 1.0 / CW_CODE_WORDS), fsg_model_word_add(g, cw_code_words[i]));
        }
    }
    if (ps_set_fsg(ps, "statement", g) != 0 || ps_set_search(ps, "statement") != 0) {
        cw_fail(err, CW_FAILED, "statement: the recogniser does not take its grammar");
        goto done;
    }
    result = 0;
done:
    if (g != NULL) {
        fsg_model_free(g);
    }
    free(all);
    return result;
}

/* wide: the search keeps more of what seems unlikely. */
static int open_recogniser(ps_decoder_t **ps, cmd_ln_t **config, bool wide, struct cw_error *err) {
    if (!cw_file_exists(MODELS "/cmudict-en-us.dict")) {
        return cw_fail(err, CW_NO_MODEL, "%s: expected the recogniser's model, found none; install the package pocketsphinx-en-us", MODELS);
    }
    *config =
        cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", MODELS "/en-us", "-dict", MODELS "/cmudict-en-us.dict", "-logfn", "/dev/null", "-beam",
                    wide ? "1e-100" : "1e-48", "-pbeam", wide ? "1e-100" : "1e-48", "-wbeam", wide ? "1e-80" : "7e-29", NULL);
    *ps = *config != NULL ? ps_init(*config) : NULL;
    return *ps != NULL ? 0 : cw_fail(err, CW_FAILED, "statement: the recogniser does not start");
}

/* 16 kHz, whole numbers, the loudest at half the scale. */
static int to_samples(const float *x, size_t n, int rate, int16_t **out, size_t *count, struct cw_error *err) {
    float *x16 = NULL, top = 1e-6F;
    if (cw_resample(x, n, rate, RATE, &x16, count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < *count; i++) {
        top = fmaxf(top, fabsf(x16[i]));
    }
    *out = calloc(*count + 1, sizeof **out);
    for (size_t i = 0; *out != NULL && i < *count; i++) {
        (*out)[i] = (int16_t)lrintf(x16[i] / top * 16000.0F);
    }
    free(x16);
    return *out != NULL ? 0 : cw_fail_memory(err, "statement");
}

/* The longest row of words that both hold in this order, a [n] and b [m]. */
static int common(char (*a)[WORD_MAX], int n, char (*b)[WORD_MAX], int m) {
    int best[WORDS_MAX + 1] = {0};
    for (int i = 0; i < n; i++) {
        int diagonal = 0;
        for (int j = 1; j <= m; j++) {
            int up = best[j];
            if (strcmp(a[i], b[j - 1]) == 0) {
                best[j] = diagonal + 1;
            } else if (best[j - 1] > best[j]) {
                best[j] = best[j - 1];
            }
            diagonal = up;
        }
    }
    return best[m];
}

static void close_recogniser(ps_decoder_t *ps, cmd_ln_t *config) {
    if (ps != NULL) {
        ps_free(ps);
    }
    if (config != NULL) {
        cmd_ln_free_r(config);
    }
}

/* The words heard; none when the search lost its way to the code words. Counts the words of the statement that it knows. */
static int hear(struct cw_spoken *s, int16_t *samples, size_t count, const struct words *wanted, bool wide, struct words *heard,
                struct cw_error *err) {
    int result = -1;
    cmd_ln_t *config = NULL;
    ps_decoder_t *ps = NULL;
    if (open_recogniser(&ps, &config, wide, err) != 0 || set_grammar(ps, config, wanted, s->code_words, err) != 0) {
        goto done;
    }
    s->words = 0;
    for (int i = 0; i < wanted->count - s->code_words; i++) { /* names that it does not know do not count */
        s->words += known(ps, wanted->word[i]);
    }
    if (ps_start_utt(ps) != 0 || ps_process_raw(ps, samples, count, FALSE, TRUE) < 0 || ps_end_utt(ps) != 0) {
        cw_fail(err, CW_FAILED, "statement: the recogniser stopped");
        goto done;
    }
    const char *text = ps_get_hyp(ps, NULL);
    split(text != NULL ? text : "", heard);
    snprintf(s->heard, sizeof s->heard, "%s", text != NULL ? text : "");
    result = 0;
done:
    close_recogniser(ps, config);
    return result;
}

int cw_spoken_listen(struct cw_spoken *s, const float *x, size_t n, int rate, const char *statement, int code_words, struct cw_error *err) {
    int result = -1;
    int16_t *samples = NULL;
    size_t count = 0;
    struct words *wanted = calloc(2, sizeof *wanted), *heard = wanted + 1;
    *s = (struct cw_spoken){.code_words = code_words};
    if (wanted == NULL) {
        cw_fail_memory(err, "statement");
        goto done;
    }
    split(statement, wanted);
    if (code_words > wanted->count) {
        cw_fail(err, CW_FAILED, "statement: expected at least %d words, found %d", code_words, wanted->count);
        goto done;
    }
    if (to_samples(x, n, rate, &samples, &count, err) != 0) {
        goto done;
    }
    for (int wide = 0; wide < 2 && heard->count == 0; wide++) {
        if (hear(s, samples, count, wanted, wide != 0, heard, err) != 0) {
            goto done;
        }
    }
    int plain = wanted->count - code_words, codes = heard->count < code_words ? heard->count : code_words, rest = heard->count - codes;
    s->right = common(wanted->word, plain, heard->word, rest);
    s->code_right = common(wanted->word + plain, code_words, heard->word + rest, codes);
    result = 0;
done:
    free(samples);
    free(wanted);
    return result;
}

bool cw_spoken_right(const struct cw_spoken *s) {
    return s->words > 0 && s->right * 2 >= s->words && s->code_right + 1 >= s->code_words;
}

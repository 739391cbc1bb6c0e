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

/* Adds the words that the recogniser knows and that are not in `all` yet, as alternatives. */
static void add_words(ps_decoder_t *ps, struct cw_text *t, struct words *all, const struct words *more, int count) {
    for (int i = 0; i < count && all->count < WORDS_MAX; i++) {
        if (!holds(all, more->word[i]) && known(ps, more->word[i])) {
            cw_text_printf(t, "%s%s", all->count > 0 ? " | " : " ", more->word[i]);
            memcpy(all->word[all->count++], more->word[i], WORD_MAX);
        }
    }
}

/* Any words at all, then as many code words as there should be: which ones is for the sound to say. */
static int set_grammar(ps_decoder_t *ps, const struct words *statement, int code_words, struct cw_error *err) {
    int result = -1;
    struct cw_text t = {0};
    struct words *all = calloc(2, sizeof *all), *more = all + 1;
    if (all == NULL) {
        return cw_fail_memory(err, "grammar");
    }
    cw_text_add(&t, "#JSGF V1.0; grammar g; <any> =");
    add_words(ps, &t, all, statement, statement->count - code_words);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        split(others[i], more);
        add_words(ps, &t, all, more, more->count);
    }
    cw_text_add(&t, "; <code> =");
    for (int i = 0; i < CW_CODE_WORDS; i++) {
        cw_text_printf(&t, "%s%s", i > 0 ? " | " : " ", cw_code_words[i]);
    }
    cw_text_add(&t, "; public <s> = <any>+");
    for (int i = 0; i < code_words; i++) {
        cw_text_add(&t, " <code>");
    }
    cw_text_add(&t, ";");
    if (cw_text_check(&t, "grammar", err) != 0) {
        goto done;
    }
    if (all->count == 0 || ps_set_jsgf_string(ps, "statement", t.data) != 0 || ps_set_search(ps, "statement") != 0) {
        cw_fail(err, CW_FAILED, "statement: the recogniser does not take its grammar");
        goto done;
    }
    result = 0;
done:
    cw_text_free(&t);
    free(all);
    return result;
}

static int open_recogniser(ps_decoder_t **ps, cmd_ln_t **config, struct cw_error *err) {
    if (!cw_file_exists(MODELS "/cmudict-en-us.dict")) {
        return cw_fail(err, CW_NO_MODEL, "%s: expected the recogniser's model, found none; install the package pocketsphinx-en-us", MODELS);
    }
    *config =
        cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", MODELS "/en-us", "-dict", MODELS "/cmudict-en-us.dict", "-logfn", "/dev/null", NULL);
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

int cw_spoken_listen(struct cw_spoken *s, const float *x, size_t n, int rate, const char *statement, int code_words, struct cw_error *err) {
    int result = -1;
    cmd_ln_t *config = NULL;
    ps_decoder_t *ps = NULL;
    int16_t *samples = NULL;
    size_t count = 0;
    struct words *wanted = calloc(2, sizeof *wanted), *heard = wanted + 1;
    *s = (struct cw_spoken){0};
    if (wanted == NULL) {
        cw_fail_memory(err, "statement");
        goto done;
    }
    split(statement, wanted);
    if (code_words > wanted->count) {
        cw_fail(err, CW_FAILED, "statement: expected at least %d words, found %d", code_words, wanted->count);
        goto done;
    }
    if (to_samples(x, n, rate, &samples, &count, err) != 0 || open_recogniser(&ps, &config, err) != 0 ||
        set_grammar(ps, wanted, code_words, err) != 0) {
        goto done;
    }
    int plain = wanted->count - code_words;
    for (int i = 0; i < plain; i++) { /* names that it does not know do not count */
        s->words += known(ps, wanted->word[i]);
    }
    s->code_words = code_words;
    if (ps_start_utt(ps) != 0 || ps_process_raw(ps, samples, count, FALSE, TRUE) < 0 || ps_end_utt(ps) != 0) {
        cw_fail(err, CW_FAILED, "statement: the recogniser stopped");
        goto done;
    }
    const char *text = ps_get_hyp(ps, NULL);
    split(text != NULL ? text : "", heard);
    snprintf(s->heard, sizeof s->heard, "%s", text != NULL ? text : "");
    int codes = heard->count < code_words ? heard->count : code_words, rest = heard->count - codes;
    s->right = common(wanted->word, plain, heard->word, rest);
    s->code_right = common(wanted->word + plain, code_words, heard->word + rest, codes);
    result = 0;
done:
    if (ps != NULL) {
        ps_free(ps);
    }
    if (config != NULL) {
        cmd_ln_free_r(config);
    }
    free(samples);
    free(wanted);
    return result;
}

bool cw_spoken_right(const struct cw_spoken *s) {
    return s->words > 0 && s->right * 2 >= s->words && s->code_right + 1 >= s->code_words;
}

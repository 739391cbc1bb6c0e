/* What a turn has to pass: the model's text may hold anything that the grammar admits.
 *
 *   text ─▶ words ─▶ banned openers, greetings and farewells out of place, talk about the show, names as prefixes, sentences
 *   that end in the air, likeness with everything said before ─▶ a penalty: 0 good, over 100 refused */
#include "dialogue/claims.h"
#include "dialogue/writer_impl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- words --------------------------------------------------------------------------------------------------------- */

static const char *const weak_words[] = {
    "about", "after",  "again",   "also",   "always", "another", "because", "been",      "before", "being",   "between", "both",   "can't",
    "could", "does",   "doesn't", "doing",  "don't",  "down",    "each",    "even",      "every",  "from",    "getting", "gets",   "going",
    "have",  "having", "here",    "how",    "into",   "isn't",   "it's",    "just",      "know",   "less",    "like",    "likely", "made",
    "make",  "makes",  "making",  "many",   "might",  "more",    "most",    "much",      "need",   "needs",   "never",   "often",  "only",
    "other", "over",   "people",  "really", "same",   "should",  "some",    "something", "still",  "such",    "take",    "takes",  "than",
    "that",  "that's", "their",   "them",   "then",   "there",   "there's", "these",     "they",   "they're", "thing",   "things", "think",
    "this",  "those",  "through", "time",   "used",   "using",   "very",    "want",      "well",   "were",    "what",    "what's", "when",
    "where", "which",  "while",   "will",   "with",   "without", "would",   "yeah",      "year",   "years",   "your",    "you're",
};

static bool weak(const char *w, size_t n) {
    if (n < 4) {
        return true;
    }
    for (size_t i = 0; i < sizeof weak_words / sizeof weak_words[0]; i++) {
        if (strlen(weak_words[i]) == n && memcmp(weak_words[i], w, n) == 0) {
            return true;
        }
    }
    return false;
}

static uint32_t hash(const char *s, size_t n) {
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (unsigned char)s[i]) * 16777619u;
    }
    return h;
}

/* "crystals", "cooling", "cooled" count as "crystal", "cool", "cool"; "earthquakes" and "earthquake", "causes" and "cause" as one word. */
static size_t stem(const char *w, size_t n) {
    static const char *const endings[] = {"'s", "ing", "ed", "es", "s", "ly"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t e = strlen(endings[i]);
        if (n >= e + 4 && memcmp(w + n - e, endings[i], e) == 0) {
            n -= e;
            break;
        }
    }
    bool silent = n >= 5 && strchr("eiy", w[n - 1]) != NULL; /* what "es" and "ed" took from "earthquakes", "studies", "studied" */
    return n - silent;
}

static bool word_char(char c) {
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || c == '\'' || c == '-';
}

/* The next word at or after *s, lower case, in w[64]; its length, 0 at the end. */
static size_t next_word(const char **s, char *w) {
    size_t n = 0;
    while (**s != '\0' && !word_char(**s)) {
        (*s)++;
    }
    for (; word_char(**s); (*s)++) {
        if (n < 63) {
            w[n++] = (char)tolower((unsigned char)**s);
        }
    }
    w[n] = '\0';
    return n;
}

int words_count(const char *text) {
    int n = 0;
    bool in = false;
    for (; *text != '\0'; text++) {
        bool blank = *text == ' ' || *text == '\n' || *text == '\t';
        n += !blank && !in;
        in = !blank;
    }
    return n;
}

static bool has_content(const struct words *w, uint32_t h) {
    for (int i = 0; i < w->content_count; i++) {
        if (w->content[i] == h) {
            return true;
        }
    }
    return false;
}

int words_of(struct words *w, const char *text, struct cw_error *err) {
    char word[64];
    memset(w, 0, sizeof *w);
    size_t most = strlen(text) / 2 + 1;
    w->all = calloc(most, sizeof *w->all);
    w->content = calloc(most, sizeof *w->content);
    w->plain = calloc(strlen(text) + 3, 1);
    if (w->all == NULL || w->content == NULL || w->plain == NULL) {
        words_free(w);
        return cw_fail_memory(err, "writer");
    }
    char *plain = w->plain;
    *plain++ = ' ';
    for (size_t n; (n = next_word(&text, word)) > 0;) {
        uint32_t h = hash(word, n);
        memcpy(plain, word, n);
        plain += n;
        *plain++ = ' ';
        if (w->all_count < 2) {
            w->opener[w->all_count] = h;
        }
        w->all[w->all_count++] = h;
        if (weak(word, n)) {
            continue;
        }
        h = hash(word, stem(word, n));
        if (!has_content(w, h)) {
            w->content[w->content_count++] = h;
        }
    }
    return 0;
}

/* Short words that mean nothing by themselves; retrieval counts the others ("sea", "gas"). */
static bool bare(const char *w, size_t n) {
    static const char *const list[] = {"the", "and", "for", "but", "not", "are", "was", "has", "had", "you",  "can", "who", "why",
                                       "how", "all", "any", "its", "out", "one", "our", "his", "her", "she",  "him", "did", "get",
                                       "got", "may", "now", "too", "use", "see", "yet", "say", "let", "it's", "i'm", "way", "lot"};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (strlen(list[i]) == n && memcmp(list[i], w, n) == 0) {
            return true;
        }
    }
    return n < 3 || (n > 3 && weak(w, n));
}

int words_content(const char *text, uint32_t **hashes, int *count, struct cw_error *err) {
    char word[64];
    *count = 0;
    *hashes = calloc(strlen(text) / 2 + 1, sizeof **hashes);
    if (*hashes == NULL) {
        return cw_fail_memory(err, "words");
    }
    for (size_t n; (n = next_word(&text, word)) > 0;) {
        if (!bare(word, n) || isdigit((unsigned char)word[0])) {
            (*hashes)[(*count)++] = hash(word, stem(word, n));
        }
    }
    return 0;
}

void words_free(struct words *w) {
    free(w->all);
    free(w->content);
    free(w->plain);
    memset(w, 0, sizeof *w);
}

int ledger_add(struct ledger *l, const char *text, struct cw_error *err) {
    struct words w;
    if (words_of(&w, text, err) != 0) {
        return -1;
    }
    struct words *turns = realloc(l->turns, (size_t)(l->count + 1) * sizeof *turns);
    if (turns == NULL) {
        words_free(&w);
        return cw_fail_memory(err, "writer");
    }
    l->turns = turns;
    l->turns[l->count++] = w;
    return 0;
}

void ledger_free(struct ledger *l) {
    for (int i = 0; i < l->count; i++) {
        words_free(&l->turns[i]);
    }
    free(l->turns);
    memset(l, 0, sizeof *l);
}

double words_likeness(const struct words *a, const struct words *b) {
    int shared = 0, less = a->content_count < b->content_count ? a->content_count : b->content_count;
    if (less < 4) {
        return 0;
    }
    for (int i = 0; i < a->content_count; i++) {
        for (int k = 0; k < b->content_count; k++) {
            shared += a->content[i] == b->content[k];
        }
    }
    return (double)shared / less;
}

double words_copied(const struct words *a, const struct words *b) {
    int shared = 0;
    if (a->all_count < 6) {
        return 0;
    }
    for (int i = 0; i + 2 < a->all_count; i++) {
        for (int k = 0; k + 2 < b->all_count; k++) {
            if (a->all[i] == b->all[k] && a->all[i + 1] == b->all[k + 1] && a->all[i + 2] == b->all[k + 2]) {
                shared++;
                break;
            }
        }
    }
    return (double)shared / (a->all_count - 2);
}

/* Five words in a row twice? */
static bool words_run_again(const struct words *w) {
    for (int i = 5; i + 4 < w->all_count; i++) {
        for (int k = 0; k + 5 <= i; k++) {
            if (memcmp(w->all + i, w->all + k, 5 * sizeof *w->all) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* ---- rules --------------------------------------------------------------------------------------------------------- */

/* Empty agreement: what small models begin every reply with. */
static const char *const banned_openers[] = {
    "absolutely",
    "exactly",
    "yes exactly",
    "that's right",
    "that's a great",
    "that's an excellent",
    "that's a good",
    "that's amazing",
    "that's interesting",
    "that's fascinating",
    "that's true",
    "that's correct",
    "great question",
    "good question",
    "great point",
    "good point",
    "i agree",
    "you're right",
    "you are right",
    "indeed",
    "of course",
    "sure",
    "certainly",
    "definitely",
    "well said",
    "interesting",
    "fascinating",
    "i see",
    "i understand",
    "in conclusion",
    "to summarize",
    "as i mentioned",
    "as you mentioned",
    "as you said",
    "let's dive",
    "speaking of",
    "wow that's",
    "yes it's",
    "yes it is",
};
static const char *const greetings[] = {
    "welcome to",
    "welcome back",
    "hello",
    "hi everyone",
    "hey everyone",
    "good morning",
    "good evening",
    "thanks for having",
    "thank you for having",
    "glad to be here",
    "happy to be here",
    "joining us",
    "hi there",
    "hey there",
    "dear listeners",
    "hi folks",
    "hi ",
};
static const char *const farewells[] = {
    "goodbye",
    "good bye",
    "thanks for listening",
    "thank you for listening",
    "see you next",
    "see you soon",
    "until next time",
    "that's all for",
    "tune in",
    "bye",
    "thanks for tuning",
    "thank you for joining",
    "thanks for joining",
    "thank you for your time",
    "thanks for your time",
    "thank you for your talk",
    "that's it for",
    "good night",
    "signing off",
};
static const char *const meta[] = {
    "this segment",
    "this episode",
    "next segment",
    "this podcast",
    "this part",
    "next part",
    "our show",
    "our podcast",
    "the script",
    "as an ai",
    "ai language model",
    "as a language model",
    "our listeners",
    "previous instructions",
    "your instructions",
    "system prompt",
    "in this talk",
    "the note",
    "a fun fact",
    "moving on",
    "let's move on",
    "today's topic",
    "the topic",
    "let's discuss",
    "let's talk about",
    "that this answers",
    "json",
    "expected format",
    "you provided",
    "i apologize",
};

/* Praise of the subject says nothing about it. */
static const char *const fillers[] = {"fascinating",          "amazing",      "truly remarkable", "incredible", "it's important to",
                                      "plays a crucial role", "game changer", "game-changer"};

/* `list` phrase at a word start of `lower`; `start`: at its very start only. */
static bool has_phrase(const char *lower, const char *phrase, bool start) {
    size_t n = strlen(phrase);
    for (const char *p = lower; (p = strstr(p, phrase)) != NULL; p++) {
        bool left = p == lower || p[-1] == ' ';
        bool right = p[n] == '\0' || p[n - 1] == ' ' || !word_char(p[n]);
        if (left && right) {
            return true;
        }
        if (start) {
            return false;
        }
    }
    return false;
}

#define HAS_ANY(lower, list, start) has_any(lower, list, sizeof list / sizeof list[0], start)
static bool has_any(const char *lower, const char *const *list, size_t n, bool start) {
    for (size_t i = 0; i < n; i++) {
        if (start ? strncmp(lower, list[i], strlen(list[i])) == 0 && has_phrase(lower, list[i], true) : has_phrase(lower, list[i], false)) {
            return true;
        }
    }
    return false;
}

bool writer_bad_start(const char *line) {
    char lower[48];
    size_t n = 0;
    for (; line[n] != '\0' && n < sizeof lower - 1; n++) {
        lower[n] = (char)tolower((unsigned char)line[n]);
    }
    lower[n] = '\0';
    for (char *c = lower; (c = strchr(c, ',')) != NULL;) { /* "Yes, exactly" */
        memmove(c, c + 1, strlen(c));
    }
    static const char *const yeses[] = {"yes ", "yeah ", "oh ", "well ", "right ", "ah "};
    const char *start = lower;
    for (size_t i = 0; i < sizeof yeses / sizeof yeses[0]; i++) {
        if (strncmp(lower, yeses[i], strlen(yeses[i])) == 0) {
            start = lower + strlen(yeses[i]);
        }
    }
    return HAS_ANY(lower, banned_openers, true) || HAS_ANY(start, banned_openers, true);
}

static void lower_copy(char *to, size_t size, const char *text) {
    size_t n = 0;
    for (; text[n] != '\0' && n < size - 1; n++) {
        to[n] = (char)tolower((unsigned char)text[n]);
    }
    to[n] = '\0';
}

const char *writer_banned_opener(const char *text) {
    char lower[48];
    lower_copy(lower, sizeof lower, text);
    for (size_t i = 0; i < sizeof banned_openers / sizeof banned_openers[0]; i++) {
        if (strncmp(lower, banned_openers[i], strlen(banned_openers[i])) == 0 && has_phrase(lower, banned_openers[i], true)) {
            return banned_openers[i];
        }
    }
    return NULL;
}

bool writer_greets(const char *text) {
    char lower[400];
    lower_copy(lower, sizeof lower, text);
    return HAS_ANY(lower, greetings, true) || has_phrase(lower, "welcome to", false) || has_phrase(lower, "welcome back", false) ||
           has_phrase(lower, "hello", false);
}

bool writer_takes_leave(const char *text) {
    char lower[400];
    lower_copy(lower, sizeof lower, text);
    return HAS_ANY(lower, farewells, false);
}

bool writer_denies(const char *text) {
    static const char *const starts[] = {"no",
                                         "nope",
                                         "not so fast",
                                         "not true",
                                         "wrong",
                                         "i doubt",
                                         "i disagree",
                                         "i don't buy",
                                         "i don't quite",
                                         "i don't believe",
                                         "i see it differently",
                                         "that's not",
                                         "that isn't",
                                         "that's wrong",
                                         "that can't be",
                                         "i don't think so",
                                         "it's not true"};
    static const char *const anywhere[] = {"isn't true", "not true", "says who", "the proof", "don't buy"};
    char lower[600];
    for (const char *p = text; *p != '\0'; p += strspn(p, " ")) {
        lower_copy(lower, sizeof lower, p);
        if (HAS_ANY(lower, starts, true)) {
            return true;
        }
        p += source_sentence(p);
    }
    lower_copy(lower, sizeof lower, text);
    return HAS_ANY(lower, anywhere, false);
}

int words_in_sentence(const char *line) {
    const char *start = line;
    for (const char *p = line; *p != '\0'; p++) {
        if ((*p == '.' || *p == '?' || *p == '!') && p[1] == ' ') {
            start = p + 1;
        }
    }
    return words_count(start);
}

/* The last four whole words and the beginning of a fifth in lower case, with single blanks and one before them; false when there are
 * fewer words. */
static bool last_run(const char *line, char *run, size_t size) {
    size_t n = strlen(line), start = n, words = 0;
    while (start > 0 && words < 5) {
        start--;
        words += !word_char(line[start]) && word_char(line[start + 1]);
    }
    if (words < 5 || n - start >= size - 2 || !word_char(line[n - 1])) {
        return false;
    }
    size_t k = 0;
    for (size_t i = start; i < n; i++) {
        if (word_char(line[i])) {
            run[k++] = (char)tolower((unsigned char)line[i]);
        } else if (k == 0 || run[k - 1] != ' ') {
            run[k++] = ' ';
        }
    }
    run[k] = '\0';
    return true;
}

bool writer_runs_again(const char *text) {
    char run[400];
    struct words w;
    struct cw_error ignored;
    if (!last_run(text, run, sizeof run) || words_of(&w, text, &ignored) != 0) {
        return false;
    }
    size_t n = strlen(run), all = strlen(w.plain) - 1; /* a blank is at its end */
    bool again = all > n && memmem(w.plain, all - 1, run, n) != NULL;
    words_free(&w);
    return again;
}

/* Does what the line ends with stand somewhere in this order? */
bool ledger_has_run(const struct ledger *l, const char *line) {
    char run[400];
    if (!last_run(line, run, sizeof run)) {
        return false;
    }
    for (int i = 0; i < l->count; i++) {
        if (strstr(l->turns[i].plain, run) != NULL) {
            return true;
        }
    }
    return false;
}

/* Five words in a row of `w` that stand in the ledger? */
static bool has_said_run(const struct ledger *l, const struct words *w) {
    for (int t = 0; t < l->count; t++) {
        const struct words *old = &l->turns[t];
        for (int i = 0; i + 4 < w->all_count; i++) {
            for (int k = 0; k + 4 < old->all_count; k++) {
                if (memcmp(w->all + i, old->all + k, 5 * sizeof *w->all) == 0) {
                    return true;
                }
            }
        }
    }
    return false;
}

bool ledger_has_sentence(const struct ledger *l, const char *text, struct cw_error *err) {
    bool has = false;
    for (const char *p = text; *p != '\0' && !has;) {
        size_t n = source_sentence(p);
        struct words w = {0};
        char *sentence = cw_strndup(p, n);
        if (sentence != NULL && words_of(&w, sentence, err) == 0 && w.all_count >= 2) {
            for (int i = 0; i < l->count && !has; i++) {
                has = strstr(l->turns[i].plain, w.plain) != NULL;
            }
        }
        words_free(&w);
        free(sentence);
        p += n;
        p += strspn(p, " ");
    }
    return has;
}

/* Does a turn say one of its own sentences, of two words or more, a second time ("Says who? Says who?")? */
static int says_twice(const char *text, bool *twice, struct cw_error *err) {
    int status = -1;
    struct ledger own = {0};
    *twice = false;
    for (const char *p = text; *p != '\0' && !*twice; p += strspn(p, " ")) {
        size_t n = source_sentence(p);
        char *sentence = cw_strndup(p, n);
        if (sentence == NULL) {
            cw_fail_memory(err, "writer");
            goto done;
        }
        int added = ledger_add(&own, sentence, err);
        free(sentence);
        if (added != 0) {
            goto done;
        }
        const struct words *last = &own.turns[own.count - 1];
        for (int i = 0; i + 1 < own.count && last->all_count >= 2; i++) {
            *twice = *twice || strcmp(own.turns[i].plain, last->plain) == 0;
        }
        p += n;
    }
    status = 0;
done:
    ledger_free(&own);
    return status;
}

/* A sentence that stops on such a word was cut by the grammar, not finished. */
static bool ends_in_the_air(const char *lower) {
    static const char *const open_words[] = {"the", "a",     "an",   "of", "and", "or",   "but", "than",  "because", "which",
                                             "its", "their", "your", "my", "our", "very", "if",  "while", "into"};
    char w[64], last[64] = "";
    for (const char *p = lower; *p != '\0';) {
        if (*p == '.' || *p == '?' || *p == '!') {
            bool number = p > lower && isdigit((unsigned char)p[-1]) && isdigit((unsigned char)p[1]);
            /* a question or "what for?" may end so; a statement may not */
            for (size_t i = 0; i < sizeof open_words / sizeof open_words[0] && !number && *p != '?'; i++) {
                if (strcmp(last, open_words[i]) == 0) {
                    return true;
                }
            }
            p++;
        } else if (word_char(*p)) {
            size_t n = next_word(&p, w);
            memcpy(last, w, n + 1);
        } else {
            p++;
        }
    }
    return false;
}

static int longest_sentence(const char *s) {
    int longest = 0, n = 0;
    for (; *s != '\0'; s++) {
        n++;
        if ((*s == '.' || *s == '?' || *s == '!') && (s[1] == ' ' || s[1] == '\0')) {
            longest = n > longest ? n : longest;
            n = -1;
        }
    }
    return n > longest ? n : longest;
}

/* Figures that stand in none of the facts: invented. Number words count where the talk rests on documents. */
static int invented_numbers(const char *text, const char *known, bool words) {
    enum { CLAIMS = 16 };
    struct claim claims[CLAIMS];
    int count = claims_figures(text, claims, CLAIMS), invented = 0;
    for (int i = 0; i < count && i < CLAIMS; i++) {
        bool counts = words || isdigit((unsigned char)claims[i].text[0]);
        invented += counts && (known == NULL || !claims_found(&claims[i], known));
    }
    return invented;
}

/* "generativeAI": two words that ran together, unless a fact writes it so. */
static bool runs_together(const char *text, const char *known) {
    for (const char *p = text; *p != '\0'; p++) {
        if (islower((unsigned char)p[0]) && isupper((unsigned char)p[1])) {
            const char *start = p, *end = p + 1;
            while (start > text && word_char(start[-1])) {
                start--;
            }
            while (word_char(*end)) {
                end++;
            }
            if (known == NULL || memmem(known, strlen(known), start, (size_t)(end - start)) == NULL) {
                return true;
            }
        }
    }
    return false;
}

/* "UnitedStates", "they're-called": two words said before in a row, run together to get past the rule on runs. */
static bool joins_said_words(const struct ledger *said, const char *text) {
    char word[64];
    for (size_t n; (n = next_word(&text, word)) > 0;) {
        size_t letters = 0;
        for (size_t i = 0; i < n; i++) {
            if (word[i] != '-' && word[i] != '\'') {
                word[letters++] = word[i];
            }
        }
        for (int i = 0; i < said->count && letters >= 7; i++) {
            const char *plain = said->turns[i].plain;
            for (const char *p = plain; *p != '\0'; p++) { /* from a word's start, over one blank */
                size_t k = 0, blanks = 0;
                const char *q = p + 1;
                if (*p != ' ') {
                    continue;
                }
                for (; k < letters && *q != '\0'; q++) {
                    if (*q == ' ') {
                        blanks++;
                    } else if (*q != '-' && *q != '\'' && *q != word[k++]) {
                        break;
                    }
                }
                if (k == letters && blanks > 0 && *q == ' ' && q[-1] == word[letters - 1]) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* Is [w, w + n), in lower case, a whole word of `text`, or with `begins` the beginning of one? */
static bool is_word_of(const char *text, const char *w, size_t n, bool begins) {
    for (; text != NULL && *text != '\0'; text++) {
        if (strncasecmp(text, w, n) == 0 && (begins || !word_char(text[n]))) {
            return true;
        }
        while (word_char(text[0]) && word_char(text[1])) { /* the rest of this word */
            text++;
        }
    }
    return false;
}

static bool is_word(const struct ledger *said, const char *known, const char *w, size_t n, bool begins) {
    static const char small[] =
        "a about and are as at be been but by can do does for from had has have he her his how if in into is it its "
        "my no not of on one or our out she so some than that the their them then there these they this those to "
        "too up us was we were what when where which while who why will with without you your";
    if (is_word_of(small, w, n, false) || is_word_of(known, w, n, begins)) {
        return true;
    }
    for (int i = 0; i < said->count; i++) {
        if (is_word_of(said->turns[i].plain, w, n, begins)) {
            return true;
        }
    }
    return false;
}

enum { JOINED_MOST = 28 }; /* letters: no word of English, nor of most languages, has more */

/* Is [w, w + n) two words of the talk or more, the last one perhaps cut off? */
static bool splits(const struct ledger *said, const char *known, const char *w, size_t n) {
    enum { LEAST = 2, CUT_LEAST = 4 };
    bool ends[JOINED_MOST + 1] = {true}; /* words may end before letter i */
    for (size_t i = 0; i + LEAST <= n; i++) {
        if (ends[i] && i > 0 && is_word(said, known, w + i, n - i, n - i >= CUT_LEAST)) {
            return true;
        }
        for (size_t end = i + LEAST; ends[i] && end + LEAST <= n; end++) {
            ends[end] = ends[end] || is_word(said, known, w + i, end - i, false);
        }
    }
    return false;
}

/* "influencethe": no word ends so. */
static bool ends_joined(const char *w, size_t n) {
    static const char *const ends[] = {"the", "that", "this", "their", "which", "they", "these", "with", "from"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t k = strlen(ends[i]);
        if (n > k && memcmp(w + n - k, ends[i], k) == 0) {
            return true;
        }
    }
    return false;
}

/* "a8": a number that ran into a word. */
static bool joins_number(const char *w, size_t n) {
    for (size_t i = 1; i < n; i++) {
        if (islower((unsigned char)w[i - 1]) && isdigit((unsigned char)w[i])) {
            return true;
        }
    }
    return false;
}

/* "bychangingtheirwater", "a8-hour": a word made of words of the talk, or longer than any: what is made of words where a pattern's bound is
 * met. What the topic and the facts have is as they write it, and "something" is a word: only long ones are taken apart. */
static bool joins_words(const struct ledger *said, const char *known, const char *text) {
    enum { SHORTEST = 8, TAKEN_APART = 12 }; /* letters: shorter ones are let be */
    char word[64];
    for (size_t n; (n = next_word(&text, word)) > 0;) {
        if (is_word_of(known, word, n, false)) {
            continue;
        }
        if (joins_number(text - n, n)) {
            return true;
        }
        for (char *part = word, *next; part != NULL; part = next) {
            next = strchr(part, '-');
            n = next != NULL ? (size_t)(next++ - part) : strlen(part);
            if (cw_utf8_count(part, n) > JOINED_MOST ||
                (n >= SHORTEST && !is_word(said, known, part, n, false) &&
                 (ends_joined(part, n) || (n >= TAKEN_APART && n <= JOINED_MOST && splits(said, known, part, n))))) {
                return true;
            }
        }
    }
    return false;
}

/* "Maya explains this with a metaphor.": what the note says, told instead of done. */
static bool narrates(const struct cw_script *s, const char *text) {
    static const char verbs[] =
        "adds admits agrees answers asks compares continues describes disagrees doubts explains gives grants greets "
        "makes names objects reacts reminds repeats shows sums tells thanks turns welcomes wonders";
    for (int i = 0; i < s->cast_count; i++) {
        const char *name = s->cast[i].name;
        const size_t n = strlen(name);
        for (const char *p = text; (p = strstr(p, name)) != NULL; p += n) {
            bool begins = p == text || (p - text > 1 && p[-1] == ' ' && strchr(".?!", p[-2]) != NULL);
            size_t verb = p[n] == ' ' ? strspn(p + n + 1, "abcdefghijklmnopqrstuvwxyz") : 0;
            if (begins && verb > 0 && is_word_of(verbs, p + n + 1, verb, false)) {
                return true;
            }
        }
    }
    return false;
}

static bool share_content(const struct words *a, const struct words *b) {
    for (int i = 0; i < a->content_count; i++) {
        if (has_content(b, a->content[i])) {
            return true;
        }
    }
    return false;
}

/* "Why did the fluids go down?" when the answer has fluids and nobody spoke of any yet. "The largest" takes nothing for granted. */
static bool takes_for_granted(const char *question, const struct words *answer, const struct ledger *said) {
    char word[64];
    bool definite = false;
    for (size_t n; (n = next_word(&question, word)) > 0;) {
        uint32_t h = hash(word, stem(word, n));
        if (definite && !weak(word, n) && strcmp(word + n - 3, "est") != 0 && has_content(answer, h)) {
            bool known = false;
            for (int i = 0; i < said->count && !known; i++) {
                known = has_content(&said->turns[i], h);
            }
            if (!known) {
                return true;
            }
        }
        definite = strcmp(word, "the") == 0 || strcmp(word, "these") == 0 || strcmp(word, "those") == 0;
    }
    return false;
}

int writer_leave_out(const struct turn_check *c, char *text, bool *all, struct cw_error *err) {
    char *to = text;
    *all = false;
    for (char *p = text; *p != '\0';) {
        size_t n = source_sentence(p), gap = strspn(p + n, " ");
        struct words w = {0};
        char *sentence = cw_strndup(p, n);
        if (sentence == NULL) {
            return cw_fail_memory(err, "writer");
        }
        int status = words_of(&w, sentence, err);
        bool bad = status == 0 && (has_said_run(c->said, &w) || narrates(c->script, sentence) || joins_words(c->said, c->known, sentence));
        words_free(&w);
        free(sentence);
        if (status != 0) {
            return -1;
        }
        if (bad && to == text && p[n + gap] == '\0') { /* nothing would be left */
            *all = true;
            return 0;
        }
        if (!bad) {
            memmove(to, p, n + gap);
            to += n + gap;
        }
        p += n + gap;
    }
    while (to > text && to[-1] == ' ') {
        to--;
    }
    *to = '\0';
    return 0;
}

static void object(int *penalty, const char **why, int amount, const char *reason) {
    if (amount > 100 || *why == NULL) {
        *why = reason;
    }
    *penalty += amount;
}

static void check_likeness(const struct turn_check *c, const struct words *w, int *penalty, const char **why) {
    for (int i = 0; i < c->said->count; i++) {
        const struct words *old = &c->said->turns[i];
        int back = c->said->count - i; /* 1: the turn just before */
        double like = words_likeness(w, old), copied = words_copied(w, old);
        if (copied > 0.4 || like > 0.8) {
            object(penalty, why, 150, "repeats an earlier turn");
            return;
        }
        if (copied > 0.2 || like > 0.6) {
            object(penalty, why, 40, "is like an earlier turn");
        }
        if (back <= 8 && w->all_count > 1 && old->all_count > 1 && w->opener[0] == old->opener[0] && w->opener[1] == old->opener[1]) {
            object(penalty, why, 60, "opens as another turn did");
        } else if (back <= 2 && w->opener[0] == old->opener[0]) {
            object(penalty, why, 30, "opens with the same word as the turn before");
        }
    }
    int same = 0;
    for (int i = 0; i < c->said->count; i++) {
        same += c->said->turns[i].opener[0] == w->opener[0];
    }
    if (c->said->count >= 6 && same * 5 > c->said->count) {
        object(penalty, why, 25, "opens as too many turns do");
    }
    for (int i = 0; c->examples != NULL && i < c->examples->count; i++) {
        if (words_copied(w, &c->examples->turns[i]) > 0.25 || words_likeness(w, &c->examples->turns[i]) > 0.6) {
            object(penalty, why, 150, "copies the worked example");
            return;
        }
    }
}

/* "How does Maya know that?", "Maya's idea"; not "Maya, how do you know?", nor "Will it rain?" of somebody called Will. */
static bool speaks_of(const char *text, const char *name) {
    size_t n = strlen(name);
    const bool verb = strcmp(name, "Will") == 0 || strcmp(name, "May") == 0;
    for (const char *p = text; (p = strstr(p, name)) != NULL; p += n) {
        bool begins = p == text || (p > text + 1 && strchr(".?!", p[-2]) != NULL);
        bool word = (p == text || !isalnum((unsigned char)p[-1])) && !(verb && begins);
        if (word && ((p[n] == ' ' && islower((unsigned char)p[n + 1])) || strncmp(p + n, "'s ", 3) == 0)) {
            return true;
        }
    }
    return false;
}

int writer_check_turn(const struct turn_check *c, const char *text, int *penalty, const char **why, struct cw_error *err) {
    int status = -1;
    struct words w = {0}, fact = {0};
    char *lower = cw_strdup(text);
    *penalty = 0;
    *why = NULL;
    if (lower == NULL) {
        cw_fail_memory(err, "writer");
        goto done;
    }
    for (char *p = lower; *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    if (words_of(&w, text, err) != 0) {
        goto done;
    }
    int count = words_count(text);
    const char *name = c->script->cast[c->speaker].name;
    if (count < 2 || text[strcspn(text, "<>[]{}*#_|\\:\"")] != '\0' || cw_utf8_invalid(text, strlen(text)) >= 0) {
        object(penalty, why, 200, "is not a speakable line");
    }
    bool first = c->beat == BEAT_OPEN, last = c->beat == BEAT_CLOSE;
    if (writer_banned_opener(text) != NULL) {
        object(penalty, why, 110, "opens with empty agreement");
    }
    if (!first && writer_greets(text)) {
        object(penalty, why, 200, "greets again");
    }
    if (!last && writer_takes_leave(text)) {
        object(penalty, why, 200, "says goodbye too early");
    }
    if (HAS_ANY(lower, meta, false) && !(first && !has_phrase(lower, "as an ai", false))) {
        object(penalty, why, first ? 40 : 120, "talks about the show");
    }
    if (strstr(text, name) != NULL && c->script->cast_count > 1) {
        object(penalty, why, first ? 20 : 110, "speaks its own name");
    }
    int addressed = 0, spoken_of = 0;
    for (int i = 0; i < c->script->cast_count; i++) {
        addressed += i != c->speaker && strstr(text, c->script->cast[i].name) != NULL;
        spoken_of += i != c->speaker && c->script->cast_count == 2 && speaks_of(text, c->script->cast[i].name);
    }
    if (spoken_of > 0 && !first) {
        object(penalty, why, 50, "speaks of the other as of somebody who is not there");
    } else if (addressed > 0 && !first && !last) {
        object(penalty, why, 15, "calls the other by name");
    }
    if (ends_in_the_air(lower)) {
        object(penalty, why, 130, "ends in the middle of a thought");
    }
    if (longest_sentence(text) > 140) {
        object(penalty, why, longest_sentence(text) > 200 ? 110 : 30, "has a long sentence");
    }
    if (c->most_words > 0 && count > c->most_words) {
        int over = count - c->most_words;
        object(penalty, why, over * 3 > 90 ? 90 : over * 3, "is too long");
    }
    if (count < c->least_words) {
        int under = c->least_words - count;
        object(penalty, why, under * 3 > 60 ? 60 : under * 3, "is too short");
    }
    if (invented_numbers(text, c->known, c->sourced) > 0) {
        object(penalty, why, c->sourced ? 110 : 45, "has a number that no fact supports");
    }
    if (runs_together(text, c->known) || joins_said_words(c->said, text) || (c->loose && joins_words(c->said, c->known, text))) {
        object(penalty, why, 110, "has words that ran together");
    }
    if (c->loose && narrates(c->script, text)) {
        object(penalty, why, 110, "tells what it should do");
    }
    if (HAS_ANY(lower, fillers, false)) {
        object(penalty, why, 35, "praises where it should tell");
    }
    if (writer_of_example(c->style, lower, c->known)) {
        object(penalty, why, 110, "comes from the worked example");
    }
    const char *bye = strstr(lower, "goodbye");
    if (last && bye != NULL && strstr(bye + 7, "bye") != NULL) {
        object(penalty, why, 60, "says goodbye twice");
    }
    bool states = c->beat == BEAT_TELL || c->beat == BEAT_EXTEND || c->beat == BEAT_SUM;
    if (states && text[0] != '\0' && text[strlen(text) - 1] == '?') {
        object(penalty, why, 50, "asks where it should tell");
    }
    if (c->fact != NULL) {
        if (words_of(&fact, c->fact, err) != 0) {
            goto done;
        }
        double like = words_likeness(&w, &fact);
        if (c->beat == BEAT_ASK) {
            if (like > 0.7 || words_copied(&w, &fact) > 0.4) {
                object(penalty, why, 35, "gives the answer away");
            }
            if (c->sourced && takes_for_granted(text, &fact, c->said)) {
                object(penalty, why, 40, "takes for granted what nobody said yet");
            }
            if (c->sourced && !share_content(&w, &fact) &&
                !(c->said->count > 0 && share_content(&w, &c->said->turns[c->said->count - 1]))) {
                object(penalty, why, 35, "asks neither about what was said nor about what is told next");
            }
        } else if (like < (c->sourced ? 0.4 : 0.25) && fact.content_count >= 4) {
            object(penalty, why, c->sourced ? 70 : 35, "leaves its fact out");
        }
        if (c->sourced && c->beat == BEAT_TELL && invented_numbers(text, c->fact, true) > 0) {
            object(penalty, why, 110, "has a figure that its fact has not"); /* but another sentence of the passage: "800 miles deep" */
        }
    }
    if (c->sourced && !c->style->sides && (c->beat == BEAT_REACT || c->beat == BEAT_OBJECT) && writer_denies(text)) {
        object(penalty, why, 110, "denies what a document says");
    }
    if (ledger_has_sentence(c->said, text, err)) {
        object(penalty, why, 110, "says a sentence again");
    }
    bool twice = false;
    if (says_twice(text, &twice, err) != 0) {
        goto done;
    }
    if (twice || words_run_again(&w)) {
        object(penalty, why, 120, "repeats itself");
    }
    check_likeness(c, &w, penalty, why);
    status = 0;
done:
    words_free(&w);
    words_free(&fact);
    free(lower);
    return status;
}

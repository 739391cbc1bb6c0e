/* Tokens around a word ─▶ features ─▶ hashes ─▶ weights ─▶ a score for each class (Ratnaparkhi's maximum-entropy tagger of 1996, without
 * the tags before; features as in tts/train_tagger.py, line for line). */
#include "tts/tagger.h"

#include <stdlib.h>
#include <string.h>

enum { REACH = 8, SIDE = 40 }; /* words seen to the left; bytes of a word that are looked at, from its end */

struct seen {
    char word[SIDE + 1]; /* small letters; a sign such as "<.>" for marks, numbers and the sentence's edges */
    size_t n;
    bool capital, first;
};

struct view {
    struct seen at[2 * REACH + 1]; /* the word itself in the middle */
    int *score;
    bool that; /* the features of the other model: each after an "@" */
};

static unsigned symbol_value(char c) {
    return c >= 'A' && c <= 'Z'   ? (unsigned)(c - 'A')
           : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a' + 26)
           : c >= '0' && c <= '9' ? (unsigned)(c - '0' + 52)
           : c == '+'             ? 62
                                  : 63;
}

/* The five weights of a hash, or NULL. */
static const char *weights_of(uint32_t hash) {
    size_t lo = 0, hi = cw_tagger_entries;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const char *e = cw_tagger_table[mid / CW_TAGGER_ROW] + mid % CW_TAGGER_ROW * CW_TAGGER_ENTRY;
        uint32_t h = 0;
        for (int k = 0; k < 4; k++) {
            h = h << 6 | symbol_value(e[k]);
        }
        if (h == hash) {
            return e + 4;
        }
        if (h < hash) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return NULL;
}

struct feature {
    uint32_t hash; /* FNV-1a */
};

static struct feature and_text(struct feature f, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        f.hash = (f.hash ^ (unsigned char)s[i]) * 16777619U;
    }
    return f;
}

static struct feature feature(const struct view *v, const char *name) {
    struct feature f = {2166136261U};
    if (v && v->that) {
        f = and_text(f, "@", 1);
    }
    for (; *name; name++) {
        f = and_text(f, name, 1);
    }
    return f;
}

static uint32_t folded(struct feature f) {
    return (f.hash ^ f.hash >> 24) & 0xFFFFFFU;
}

static void count(struct view *v, struct feature f) {
    const char *w = weights_of(folded(f));
    for (int k = 0; w && k < CLASS_COUNT; k++) {
        v->score[k] += (int)symbol_value(w[k]) - 32;
    }
}

static const struct seen *word_at(const struct view *v, int k) {
    return &v->at[REACH + k];
}

static struct feature and_word(struct feature f, const struct seen *w) {
    return and_text(f, w->word, w->n);
}

static struct feature and_end(struct feature f, const struct seen *w, size_t most) {
    size_t n = w->n < most ? w->n : most;
    return and_text(f, w->word + w->n - n, n);
}

static bool is(const struct seen *w, const char *word) {
    return strcmp(w->word, word) == 0;
}

static bool one_of(const struct seen *w, const char *const *list) {
    for (; *list; list++) {
        if (is(w, *list)) {
            return true;
        }
    }
    return false;
}

static bool ends(const struct seen *w, const char *tail) {
    size_t n = strlen(tail);
    return w->n >= n && memcmp(w->word + w->n - n, tail, n) == 0;
}

static bool is_function(const struct seen *w) {
    return weights_of(folded(and_word(feature(NULL, "F"), w))) != NULL;
}

/* A function word as it is, another by its last two letters. */
static struct feature and_kind(struct feature f, const struct seen *w) {
    if (*w->word == '<' || is_function(w)) {
        return and_word(f, w);
    }
    return and_end(and_text(f, "~", 1), w, 2);
}

static bool modal(const struct seen *w) {
    static const char *const words[] = {"to",    "will",   "would",    "can",       "could", "shall",   "should", "may",   "might",
                                        "must",  "do",     "does",     "did",       "don't", "doesn't", "didn't", "won't", "wouldn't",
                                        "can't", "cannot", "couldn't", "shouldn't", "let",   "help",    NULL};
    return one_of(w, words);
}

static bool be_or_have(const struct seen *w) {
    static const char *const words[] = {"am", "is", "are", "was", "were", "be", "been", "being", "has", "have", "had", NULL};
    return one_of(w, words);
}

/* ---- the view -------------------------------------------------------------------------------------------------------------- */

static const char *sign_of(const char *mark) {
    return strcmp(mark, ".") == 0 || strcmp(mark, "!") == 0 || strcmp(mark, "?") == 0 || strcmp(mark, "…") == 0 ? "<.>"
           : strcmp(mark, ",") == 0                                                                             ? "<,>"
           : strcmp(mark, ";") == 0 || strcmp(mark, ":") == 0 || strcmp(mark, "—") == 0                         ? "<:>"
           : strcmp(mark, "(") == 0 || strcmp(mark, ")") == 0                                                   ? "<(>"
                                                                                                                : NULL;
}

static void see(struct seen *s, const char *word) {
    size_t n = strlen(word), from = n > SIDE ? n - SIDE : 0;
    s->capital = *word >= 'A' && *word <= 'Z';
    s->n = n - from;
    for (size_t k = 0; k < s->n; k++) {
        char c = word[from + k];
        s->word[k] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    s->word[s->n] = '\0';
}

/* Is token k a number of the script ("1,249.50"), whose words all have its span? */
static bool digits(const struct cw_tokens *t, size_t k) {
    return (t->v[k].flags & CW_TOKEN_NUMBER) != 0;
}

/* Fills the view with the words of token i's sentence, nearest first, on one side. */
static void look(struct view *v, const struct cw_tokens *t, size_t i, int step) {
    size_t k = i;
    bool edge = false;
    for (int at = step; at >= -REACH && at <= REACH; at += step) {
        struct seen *s = &v->at[REACH + at];
        const char *sign = NULL;
        while (!edge) {
            size_t last = k;
            if (step < 0 ? k == 0 : k + 1 >= t->n) {
                edge = true;
                break;
            }
            k = step < 0 ? k - 1 : k + 1;
            if (t->v[k].kind == CW_TOKEN_MARK) {
                sign = sign_of(cw_token_spoken(t, k));
                if (sign) {
                    break;
                }
            } else if (!(digits(t, k) && digits(t, last) && t->v[k].offset == t->v[last].offset)) {
                break; /* a number's words count as one */
            }
        }
        if (edge || (step < 0 && sign && strcmp(sign, "<.>") == 0)) {
            edge = true;
            see(s, "<|>");
        } else if (sign) {
            see(s, sign);
            edge = strcmp(sign, "<.>") == 0;
        } else {
            see(s, digits(t, k) ? "<0>" : cw_token_spoken(t, k));
        }
    }
}

/* ---- the features ----------------------------------------------------------------------------------------------------------- */

static void neighbours(struct view *v) {
    static const int places[] = {-2, -1, 1, 2};
    for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
        const struct seen *w = word_at(v, places[p]);
        char name[3] = {'w', (char)('0' + places[p] + 3), '\0'};
        count(v, and_word(feature(v, name), w));
        if (*w->word == '<') {
            continue;
        }
        name[0] = 's';
        count(v, and_end(feature(v, name), w, 3));
        name[0] = 't';
        count(v, and_end(feature(v, name), w, 2));
        name[0] = 'c';
        if (w->capital && !w->first) {
            count(v, feature(v, name));
        }
        name[0] = 'o';
        if (ends(w, "'s") || ends(w, "s'")) {
            count(v, feature(v, name));
        }
    }
    count(v, and_word(feature(v, "w0"), word_at(v, -3)));
    count(v, and_word(feature(v, "w6"), word_at(v, 3)));
    count(v, and_kind(and_text(and_kind(feature(v, "b"), word_at(v, -1)), "|", 1), word_at(v, 1)));
    count(v, and_kind(and_text(and_kind(feature(v, "p"), word_at(v, -2)), "|", 1), word_at(v, -1)));
    count(v, and_kind(and_text(and_kind(feature(v, "n"), word_at(v, 1)), "|", 1), word_at(v, 2)));
}

static void itself(struct view *v) {
    const struct seen *me = word_at(v, 0);
    count(v, and_end(feature(v, "m"), me, 3));
    count(v, and_end(feature(v, "l"), me, 2));
    count(v, feature(v, ends(me, "s") && !ends(me, "ss") ? "zs" : "zb"));
    count(v, and_word(feature(v, "W"), me));
    count(v, feature(v, me->first ? "if" : me->capital ? "ic" : "il"));
    count(v, feature(v, "B"));
}

static void clause(struct view *v) {
    for (int k = 1; k <= 8; k++) {
        const struct seen *w = word_at(v, -k);
        const char *found = is(w, "<.>") || is(w, "<|>") ? "" : modal(w) ? "gm" : be_or_have(w) ? "gb" : NULL;
        found = found ? found : w->n > 4 && ends(w, "ed") ? "ge" : w->n > 5 && ends(w, "ing") ? "gi" : NULL;
        if (!found) {
            continue;
        }
        if (*found) {
            count(v, feature(v, found));
        }
        if (strcmp(found, "gm") == 0) {
            char name[4] = {'g', 'm', (char)('0' + (k < 4 ? k : 4)), '\0'};
            count(v, feature(v, name));
        }
        break;
    }
    const struct seen *before = word_at(v, -1);
    if (is(before, "and") || is(before, "or") || is(before, "<,>")) {
        count(v, and_word(and_end(feature(v, "j"), word_at(v, -2), 2), before));
        for (int k = 2; k < 8 && !is(word_at(v, -k), "<|>"); k++) {
            if (is_function(word_at(v, -k))) {
                count(v, and_word(feature(v, "J"), word_at(v, -k)));
                break;
            }
        }
    }
    for (int k = 1; k <= 6; k++) {
        const struct seen *w = word_at(v, k);
        if (is(w, "<.>") || is(w, "<,>") || is(w, "<|>")) {
            count(v, feature(v, "e"));
            break;
        }
        if ((modal(w) && !is(w, "to")) || be_or_have(w)) {
            char name[3] = {'v', (char)('0' + (k < 3 ? k : 3)), '\0'};
            count(v, feature(v, name));
            break;
        }
    }
}

static void tell(const struct cw_tokens *t, size_t i, bool that, int score[CLASS_COUNT]) {
    struct view v = {.score = score, .that = that};
    for (int k = 0; k < CLASS_COUNT; k++) {
        score[k] = 0;
    }
    see(&v.at[REACH], cw_token_spoken(t, i));
    look(&v, t, i, -1);
    look(&v, t, i, 1);
    for (int k = 0; k >= -REACH; k--) { /* the sentence's first word has a capital anyway */
        if (k == -REACH || is(word_at(&v, k - 1), "<|>")) {
            v.at[REACH + k].first = k != -REACH;
            break;
        }
    }
    neighbours(&v);
    itself(&v);
    clause(&v);
}

void cw_tagger_score(const struct cw_tokens *t, size_t i, int score[CLASS_COUNT]) {
    tell(t, i, false, score);
}

int cw_tagger_that(const struct cw_tokens *t, size_t i) {
    int score[CLASS_COUNT];
    tell(t, i, true, score);
    return score[CLASS_VERB];
}

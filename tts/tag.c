/* Part of speech for words that sound differently by it ("the object", "to object"; "she read", "to read"; "that one", "said that").
 * No tagger: a word's neighbours, by small closed lists, decide; without a sign the lexicon's default stands. */
#include "tts/tagger.h"

#include <string.h>
#include <strings.h>

#define LIST(name, ...) static const char *const name[] = {__VA_ARGS__, NULL}

LIST(prepositions, "of", "in", "on", "at", "for", "with", "from", "by", "about", "under", "over", "into", "without", "through", "between",
     "against", "during", "after", "before", "as", "per", "via", "versus", "within", "despite", "towards", "toward", "upon", "off",
     "beyond", "like");
LIST(subjects, "i", "you", "we", "they", "he", "she", "it", "who", "nobody", "everybody", "everyone", "anyone", "someone", "people");
LIST(adverbs, "not", "never", "always", "often", "also", "just", "still", "already", "then", "really", "ever", "even", "now", "usually",
     "sometimes", "probably", "actually", "simply", "only", "again", "quickly", "all", "both", "each", "soon", "rarely", "once", "later");
LIST(be_forms, "am", "is", "are", "was", "were", "be", "been", "being", "i'm", "you're", "we're", "they're", "he's", "she's", "it's",
     "isn't", "aren't", "wasn't", "weren't", "that's", "there's", "gets", "get", "got", "getting", "seem", "seems", "seemed", "feel",
     "feels", "felt", "looks", "look", "looked", "become", "becomes", "became", "stay", "stays", "stayed");

LIST(numbers_and_such, "one", "two", "three", "five", "ten", "fifteen", "twenty", "thirty", "forty", "ninety", "per", "each", "last",
     "every", "this", "next", "final", "half");

static bool in(const char *w, const char *const *list) {
    for (; w && *list; list++) {
        if (strcasecmp(w, *list) == 0) {
            return true;
        }
    }
    return false;
}

/* The word before or after i in its clause; NULL at a clause mark or the text's edge. Quotes are looked through. */
static const char *neighbour(const struct cw_tokens *t, size_t i, int step, size_t *at) {
    for (size_t k = i; step > 0 ? k + 1 < t->n : k > 0;) {
        k = step > 0 ? k + 1 : k - 1;
        if (t->v[k].kind != CW_TOKEN_MARK) {
            *at = k;
            return cw_token_spoken(t, k);
        }
        if (cw_mark_is_clause(cw_token_spoken(t, k))) {
            return NULL;
        }
    }
    return NULL;
}

static bool ends(const char *w, const char *tail) {
    size_t n = strlen(w), k = strlen(tail);
    return n > k && strcasecmp(w + n - k, tail) == 0;
}

static bool adverb(const char *w) {
    return in(w, adverbs) || (strlen(w) > 4 && ends(w, "ly"));
}

/* The word before i, adverbs skipped. */
static const char *governor(const struct cw_tokens *t, size_t i, size_t *at) {
    const char *w = neighbour(t, i, -1, at);
    while (w && adverb(w)) {
        w = neighbour(t, *at, -1, at);
    }
    return w;
}

static bool capital(const char *w) {
    return *w >= 'A' && *w <= 'Z';
}

/* used to: "it used to work" but "a tool used to work". */
static enum cw_tag tag_used(const struct cw_tokens *t, size_t i) {
    size_t p = 0, n = 0;
    const char *after = neighbour(t, i, 1, &n), *before = governor(t, i, &p);
    LIST(passive, "is", "was", "were", "are", "be", "been", "being", "isn't", "wasn't", "it's", "commonly");
    LIST(accustomed, "i'm", "we're", "you're", "they're", "get", "gets", "got", "getting", "am");
    if (!after || strcasecmp(after, "to") != 0 || !before) {
        return CW_TAG_NONE;
    }
    if (in(before, passive)) {
        size_t q = 0;
        const char *who = neighbour(t, p, -1, &q);
        return who && in(who, subjects) && strcasecmp(who, "it") != 0 ? CW_TAG_VBD : CW_TAG_NONE;
    }
    return in(before, subjects) || in(before, accustomed) || capital(before) || ends(before, "s") || !in(before, prepositions)
               ? CW_TAG_VBD
               : CW_TAG_NONE;
}

/* "minute" as small: what it describes, or how much. */
static bool is_tiny(const struct cw_tokens *t, size_t i) {
    size_t n = 0, p = 0;
    const char *after = neighbour(t, i, 1, &n), *before = neighbour(t, i, -1, &p);
    LIST(tiny, "detail", "details", "amount", "amounts", "difference", "differences", "particle", "particles", "quantity", "quantities",
         "fraction", "change", "changes", "scale", "traces", "variation", "variations", "crack", "cracks", "inspection", "creatures",
         "fragments", "doses", "errors", "spines", "hairs", "holes", "scales", "insects", "flowers", "grains", "crystals", "teeth", "size",
         "portion", "error", "organisms", "structures", "white", "black", "yellow");
    LIST(degrees, "very", "so", "too", "quite", "rather", "extremely", "with", "of");
    return (after && in(after, tiny) && !(before && in(before, numbers_and_such))) ||
           (before && in(before, degrees) && after && !in(after, be_forms));
}

/* What the model does not know of words that its corpus hardly has: how much more often they are verbs than nouns, in its units. */
static int lean_of(const char *word) {
    static const struct {
        const char *word;
        int lean;
    } leans[] = {{"abstract", -4},     {"abuses", -4},    {"addict", -4},      {"advocate", -4},  {"affiliate", -4}, {"analyses", -4},
                 {"appropriate", -10}, {"associate", -4}, {"combine", 12},     {"compress", 7},   {"conflict", -4},  {"construct", 7},
                 {"content", -4},      {"contest", -4},   {"convert", 7},      {"coordinate", 3}, {"correlate", 3},  {"delegate", -4},
                 {"deliberate", -10},  {"desert", -10},   {"deviate", 7},      {"discard", 3},    {"discount", -4},  {"elaborate", -10},
                 {"exploit", 7},       {"extract", 3},    {"frequent", -10},   {"graduate", -4},  {"impact", -4},    {"implement", 7},
                 {"initiate", 7},      {"insert", 3},     {"instrument", -10}, {"intimate", -4},  {"invalid", -10},  {"invert", 7},
                 {"invite", 7},        {"isolate", 3},    {"lives", 3},        {"moderate", -10}, {"object", -10},   {"ornament", -10},
                 {"overthrow", 7},     {"perfect", -4},   {"permit", 3},       {"pigment", -10},  {"present", -4},   {"produce", 7},
                 {"read", 3},          {"refuse", 3},     {"reject", 7},       {"resume", 7},     {"retard", 12},    {"separate", -4},
                 {"subject", -10},     {"supplement", 3}, {"transform", 7},    {"uses", 7},       {NULL, 0}};
    for (size_t k = 0; leans[k].word; k++) {
        if (strcmp(leans[k].word, word) == 0) {
            return leans[k].lean;
        }
    }
    return 0;
}

static int larger(int a, int b) {
    return a > b ? a : b;
}

/* How much more speaks for a verb than for a noun or an adjective. "-ed" and "-ing" of a verb count as one. */
static int verb_margin(const struct cw_tokens *t, size_t i, const int *score, const char *word, bool inflected) {
    size_t at = 0;
    const char *before = neighbour(t, i, -1, &at);
    LIST(sure, "do", "does", "did", "will", "would", "can", "could", "shall", "should", "may", "might", "must", "cannot", "can't",
         "couldn't", "didn't", "don't", "doesn't", "won't", "wouldn't");
    int sign = in(before, sure) ? 20 : before && strcasecmp(before, "to") == 0 ? 7 : 0;
    int verb = inflected ? larger(score[CLASS_VERB], larger(score[CLASS_PAST], score[CLASS_PARTICIPLE])) : score[CLASS_VERB];
    return verb - larger(score[CLASS_NOUN], score[CLASS_ADJECTIVE]) + lean_of(word) + sign;
}

bool cw_tag_is_verb(const struct cw_tokens *t, size_t i) {
    int score[CLASS_COUNT];
    const char *w = cw_token_spoken(t, i);
    cw_tagger_score(t, i, score);
    return verb_margin(t, i, score, w, ends(w, "ed") || strcasecmp(w, "wound") == 0) > 0;
}

/* "… and (then) read it": is the verb that it is joined to, before it in the sentence, surely of the past? */
static bool joined_to_past(const struct cw_tokens *t, size_t i) {
    LIST(joints, "and", "then", "but");
    LIST(people, "i", "we", "he", "she", "they", "who");
    LIST(not_past, "to", "will", "would", "can", "could", "shall", "should", "may", "might", "must", "let", "do", "does", "did", "don't",
         "please", "need", "i'll", "we'll", "you'll");
    LIST(pasts, "came", "went", "sat", "took", "got", "said", "saw", "found", "made", "told", "wrote", "stood", "gave", "held", "was",
         "were", "had", "lay", "ate", "drank", "woke", "bought", "began", "left");
    if (i == 0 || !in(cw_token_spoken(t, i - 1), joints)) {
        return false;
    }
    for (size_t k = i - 1, n = 0; k-- > 0 && n < 24; n++) {
        const char *w = cw_token_spoken(t, k);
        if ((t->v[k].kind == CW_TOKEN_MARK && strcmp(w, ",") != 0) || in(w, not_past)) {
            return false;
        }
        if (in(w, pasts) || (strlen(w) > 4 && ends(w, "ed")) ||
            (k > 0 && strcasecmp(w, "read") == 0 && in(cw_token_spoken(t, k - 1), people))) {
            return true;
        }
    }
    return false;
}

/* "read", whose past only sounds different: after "have"; after a subject, unless that is a habit. */
static bool is_read_past(const struct cw_tokens *t, size_t i, int over_verb, int over_noun) {
    size_t at = 0, next = 0;
    const char *w = governor(t, i, &at), *direct = neighbour(t, i, -1, &next), *after = neighbour(t, i, 1, &next);
    LIST(have, "have", "has", "had", "having", "i've", "you've", "we've", "they've", "haven't", "hasn't", "hadn't");
    LIST(habit, "every", "always", "often", "usually", "rarely", "sometimes", "never", "daily");
    LIST(people, "i", "we", "he", "she", "who");
    if (in(w, have) || joined_to_past(t, i)) {
        return true;
    }
    if (in(w, subjects) && at > 0) { /* "have you read …?" */
        const char *inverted = neighbour(t, at, -1, &next);
        if (in(inverted, have)) {
            return true;
        }
    }
    if (in(w, people) && !in(direct, habit) && !in(after, habit)) {
        return true;
    }
    return over_verb > 0 && over_noun > 0;
}

enum cw_tag cw_tag_token(const struct cw_tokens *t, size_t i, const char *word, unsigned has) {
    int score[CLASS_COUNT];
    LIST(qualities, "content"); /* their default is an adjective, where others' is a verb */
    const char *w = cw_token_spoken(t, i);
    if (strcasecmp(word, "that") == 0) {
        return cw_tagger_that(t, i) > 0 ? CW_TAG_DT : CW_TAG_NONE;
    }
    if (strcasecmp(word, "used") == 0) {
        return tag_used(t, i);
    }
    if (strcasecmp(word, "minute") == 0) {
        return is_tiny(t, i) ? CW_TAG_ADJ : CW_TAG_NONE;
    }
    cw_tagger_score(t, i, score);
    int past = larger(score[CLASS_PAST], score[CLASS_PARTICIPLE]), nominal = larger(score[CLASS_NOUN], score[CLASS_ADJECTIVE]);
    if (has & (1U << CW_TAG_VBD)) {
        return strcasecmp(word, "read") == 0 && is_read_past(t, i, past - score[CLASS_VERB], past - score[CLASS_NOUN]) ? CW_TAG_VBD
                                                                                                                       : CW_TAG_NONE;
    }
    if (strcasecmp(word, "learned") == 0) {
        return score[CLASS_ADJECTIVE] > past ? CW_TAG_ADJ : CW_TAG_NONE;
    }
    bool inflected = strcasecmp(w, word) != 0 && (ends(w, "ed") || ends(w, "ing"));
    if (verb_margin(t, i, score, word, inflected) > 0) {
        return (has & (1U << CW_TAG_VERB)) ? CW_TAG_VERB : CW_TAG_NONE;
    }
    bool noun = (has & (1U << CW_TAG_NOUN)) != 0, adjective = (has & (1U << CW_TAG_ADJ)) != 0;
    if (noun && (adjective || in(word, qualities))) {
        return score[CLASS_NOUN] == nominal ? CW_TAG_NOUN : adjective ? CW_TAG_ADJ : CW_TAG_NONE;
    }
    return noun ? CW_TAG_NOUN : adjective ? CW_TAG_ADJ : CW_TAG_NONE;
}

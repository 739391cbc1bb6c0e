/* Part of speech for words that sound differently by it ("the object", "to object"; "she read", "to read"; "that one", "said that").
 * No tagger: a word's neighbours, by small closed lists, decide; without a sign the lexicon's default stands. */
#include "tts/front.h"

#include <string.h>
#include <strings.h>

#define LIST(name, ...) static const char *const name[] = {__VA_ARGS__, NULL}

LIST(determiners, "a", "an", "the", "this", "that", "these", "those", "my", "your", "his", "her", "its", "our", "their", "some", "any",
     "no", "every", "each", "another", "what", "which", "whose", "many", "few", "several", "both", "all", "such", "much", "more", "most",
     "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "first", "second", "third", "last", "next", "own",
     "other", "same", "hundred", "thousand", "million", "billion", "either", "neither");
LIST(prepositions, "of", "in", "on", "at", "for", "with", "from", "by", "about", "under", "over", "into", "without", "through", "between",
     "against", "during", "after", "before", "as", "per", "via", "versus", "within", "despite", "towards", "toward", "upon", "off",
     "beyond", "like");
LIST(modals, "to", "will", "would", "can", "could", "shall", "should", "may", "might", "must", "do", "does", "did", "don't", "doesn't",
     "didn't", "won't", "wouldn't", "can't", "cannot", "couldn't", "shouldn't", "mustn't", "let's", "let", "please", "i'll", "you'll",
     "we'll", "they'll", "he'll", "she'll", "it'll", "i'd", "you'd", "we'd", "they'd", "he'd", "she'd", "gonna", "help", "helps", "helped",
     "make", "makes", "that'll");
LIST(subjects, "i", "you", "we", "they", "he", "she", "it", "who", "nobody", "everybody", "everyone", "anyone", "someone", "people");
LIST(third, "he", "she", "it", "who", "nobody", "everybody", "everyone", "anyone", "someone");
LIST(adverbs, "not", "never", "always", "often", "also", "just", "still", "already", "then", "really", "ever", "even", "now", "usually",
     "sometimes", "probably", "actually", "simply", "only", "again", "quickly", "all", "both", "each", "soon", "rarely", "once", "later");
LIST(be_forms, "am", "is", "are", "was", "were", "be", "been", "being", "i'm", "you're", "we're", "they're", "he's", "she's", "it's",
     "isn't", "aren't", "wasn't", "weren't", "that's", "there's", "gets", "get", "got", "getting", "seem", "seems", "seemed", "feel",
     "feels", "felt", "looks", "look", "looked", "become", "becomes", "became", "stay", "stays", "stayed");
LIST(have_forms, "have", "has", "had", "having", "i've", "you've", "we've", "they've", "haven't", "hasn't", "hadn't", "he's", "she's",
     "who've", "could've", "would've", "should've", "might've", "must've", "well", "widely");
LIST(object_starts, "the", "a", "an", "this", "these", "those", "my", "your", "his", "her", "its", "our", "their", "it", "them", "him",
     "me", "us", "you", "every", "each", "some", "any", "all", "what", "how", "whatever", "everything", "something", "anything", "nothing",
     "themselves", "itself");
LIST(verb_signs, "is", "was", "are", "were", "will", "would", "has", "had", "have", "can", "could", "should", "may", "might", "must",
     "does", "did", "do", "of", "that's", "isn't", "wasn't", "and", "or", "but", "which");
LIST(adjective_degrees, "very", "so", "too", "more", "most", "quite", "rather", "less", "extremely", "highly", "fairly", "pretty", "almost",
     "as");
LIST(clause_starts, "i", "you", "we", "they", "he", "she", "it", "there", "the", "a", "an", "this", "these", "those", "my", "your", "his",
     "her", "its", "our", "their", "people", "nobody", "everyone", "somebody", "someone", "i'm", "it's", "we're", "they're", "you're",
     "he's", "she's", "when", "if", "some", "every", "each", "what", "who", "no", "not");
LIST(said, "say", "says", "said", "saying", "think", "thinks", "thought", "know", "knows", "knew", "believe", "believes", "believed", "so",
     "such", "sure", "certain", "hope", "hopes", "hoped", "tell", "tells", "told", "mean", "means", "meant", "show", "shows", "showed",
     "shown", "find", "found", "feel", "felt", "agree", "agreed", "argue", "argues", "argued", "claim", "claims", "claimed", "suggest",
     "suggests", "suggested", "assume", "assumes", "realize", "realized", "realise", "realised", "note", "notes", "noted", "fact", "idea",
     "news", "now", "clear", "true", "possible", "likely", "glad", "afraid", "worried", "me", "us", "him", "you", "announced", "explained",
     "insisted", "warned", "everything", "all", "something", "nothing", "anything", "one", "those", "way", "ones");
LIST(before_demonstrative, "of", "in", "on", "at", "for", "with", "from", "by", "about", "like", "is", "was", "and", "but", "or", "than",
     "do", "did", "does", "to", "not", "after", "before", "without", "under", "over", "into", "because", "what's", "if", "is", "isn't",
     "wasn't", "can", "could", "would", "will", "when", "where", "why", "how", "even", "just", "only", "exactly", "want", "need", "love",
     "hate", "call", "use", "take", "doing", "why's", "make", "see", "get", "got", "see", "hear", "heard", "had", "has", "have", "having",
     "put", "all", "through", "past", "behind", "against");

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

static bool adjective_like(const char *w) {
    static const char *const tails[] = {"al", "ive", "ous", "ful", "ic", "able", "ible", "less", "ary", "est", "ish"};
    LIST(common, "new", "old", "good", "bad", "big", "small", "great", "little", "long", "short", "high", "low", "large", "major", "minor",
         "main", "key", "real", "hard", "free", "open", "whole", "entire", "full", "early", "late", "young", "black", "white", "red",
         "green", "blue", "better", "best", "worse", "worst", "simple", "single", "quick", "common", "strange", "foreign", "modern",
         "recent", "cheap", "sharp", "strong", "light", "heavy", "broken", "clean", "double", "steady", "huge", "tiny", "rapid");
    if (in(w, common)) {
        return true;
    }
    for (size_t k = 0; k < sizeof tails / sizeof tails[0]; k++) {
        if (strlen(w) > 4 && ends(w, tails[k])) {
            return true;
        }
    }
    return false;
}

static bool capital(const char *w) {
    return *w >= 'A' && *w <= 'Z';
}

static bool past_elsewhere(const struct cw_tokens *t, size_t i) {
    LIST(signs, "yesterday", "ago", "last", "was", "were", "had", "said", "then", "did", "went", "took", "wrote", "came", "told", "thought",
         "saw", "once", "sat", "stood", "gave", "made", "got", "knew");
    for (size_t k = 0; k < t->n; k++) {
        const char *w = cw_token_spoken(t, k);
        if (k != i && t->v[k].kind == CW_TOKEN_WORD && (in(w, signs) || (strlen(w) > 4 && ends(w, "ed") && !ends(w, "eed")))) {
            return true;
        }
    }
    return false;
}

/* read, reread, wound: is it the past? */
static bool past_form(const struct cw_tokens *t, size_t i, const char *word) {
    size_t at = 0, before = 0;
    const char *w = governor(t, i, &at), *direct = neighbour(t, i, -1, &before);
    LIST(habit, "every", "always", "often", "usually", "rarely", "sometimes", "never", "daily");
    bool wound = strcasecmp(word, "wound") == 0;
    if (wound) {
        const char *next = neighbour(t, i, 1, &at);
        LIST(particles, "up", "down", "around", "its", "through", "tightly", "along", "back");
        return (next && in(next, particles)) || (w && in(w, subjects));
    }
    if (!w) {
        /* "..., and read it": after "and" alone the clause mark hid the subject */
        return false;
    }
    if (in(w, modals)) {
        return false;
    }
    if (in(w, have_forms) || in(w, be_forms)) {
        return true;
    }
    if (in(w, third) || (capital(w) && at > 0 && !in(w, determiners) && !in(w, prepositions))) {
        return true;
    }
    if (in(w, subjects)) {
        size_t n = 0;
        const char *next = neighbour(t, i, 1, &n);
        return !(direct && in(direct, habit)) && !(next && in(next, habit)) && (strcasecmp(w, "people") != 0 || past_elsewhere(t, i));
    }
    if (strcasecmp(w, "and") == 0 || strcasecmp(w, "or") == 0) { /* joined to an earlier verb: as that one is */
        for (size_t k = at; k-- > 0;) {
            const char *v = cw_token_spoken(t, k);
            if (strcasecmp(v, word) == 0) {
                return past_form(t, k, word);
            }
            if (in(v, modals)) {
                return false;
            }
        }
        return past_elsewhere(t, i);
    }
    if (in(w, determiners)) {
        return false;
    }
    return past_elsewhere(t, i);
}

static enum cw_tag tag_that(const struct cw_tokens *t, size_t i) {
    size_t p = 0, n = 0;
    const char *before = neighbour(t, i, -1, &p), *after = neighbour(t, i, 1, &n);
    if (!after) {
        return CW_TAG_DT;
    }
    if (!before) {
        return p == 0 && i > 0 && in(after, clause_starts) ? CW_TAG_NONE : CW_TAG_DT;
    }
    if (in(after, clause_starts) && !(in(before, before_demonstrative) && in(after, be_forms))) {
        return CW_TAG_NONE;
    }
    if (in(before, before_demonstrative)) {
        return CW_TAG_DT;
    }
    if (in(before, said)) {
        return CW_TAG_NONE;
    }
    return CW_TAG_NONE;
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

static enum cw_tag tag_live(const struct cw_tokens *t, size_t i, bool lives) {
    size_t p = 0, n = 0;
    const char *before = governor(t, i, &p), *after = neighbour(t, i, 1, &n);
    LIST(going, "go", "goes", "went", "going", "is", "are", "was", "were", "be", "been", "being", "we're", "i'm", "you're", "it's", "now",
         "broadcast", "perform", "performed", "playing", "recorded", "streamed", "streaming", "with", "of", "coming");
    LIST(places, "in", "on", "at", "with", "by", "there", "here", "for", "without", "near", "alone", "together", "under", "up", "through",
         "longer", "among", "inside", "outside", "to", "and", "like", "off");
    if (lives) {
        return before && (in(before, subjects) || strcasecmp(before, "that") == 0 || (capital(before) && !in(before, determiners)))
                   ? CW_TAG_VERB
                   : CW_TAG_NONE;
    }
    if (!before) {
        return after && in(after, places) ? CW_TAG_VERB : CW_TAG_NONE;
    }
    if (in(before, going)) {
        return CW_TAG_NONE;
    }
    if (in(before, modals) || in(before, subjects) || strcasecmp(before, "where") == 0) {
        return CW_TAG_VERB;
    }
    return !in(before, determiners) && after && in(after, places) ? CW_TAG_VERB : CW_TAG_NONE;
}

static bool special_adjective(const struct cw_tokens *t, size_t i, const char *word) {
    size_t n = 0, p = 0;
    const char *after = neighbour(t, i, 1, &n), *before = neighbour(t, i, -1, &p);
    LIST(tiny, "detail", "details", "amount", "amounts", "difference", "differences", "particle", "particles", "quantity", "quantities",
         "fraction", "change", "changes", "scale", "traces", "variation", "variations", "crack", "cracks", "error", "inspection",
         "creatures", "fragments", "doses", "errors");
    LIST(music, "guitar", "guitars", "guitarist", "player", "line", "lines", "drum", "drums", "note", "notes", "clef", "solo", "voice",
         "singer", "riff", "amp", "boost", "track");
    if (strcasecmp(word, "minute") == 0) {
        return (after && in(after, tiny)) ||
               (before && in(before, adjective_degrees) && strcasecmp(before, "more") != 0 && strcasecmp(before, "most") != 0);
    }
    if (strcasecmp(word, "bass") == 0) {
        return after && in(after, music);
    }
    if (strcasecmp(word, "learned") == 0) {
        LIST(scholar, "man", "men", "woman", "professor", "scholar", "scholars", "judge", "colleague", "friend", "society", "helplessness");
        return after && before && in(before, determiners) && in(after, scholar);
    }
    return false;
}

enum cw_tag cw_tag_token(const struct cw_tokens *t, size_t i, const char *word, unsigned has) {
    size_t p = 0, n = 0;
    if (strcasecmp(word, "that") == 0) {
        return tag_that(t, i);
    }
    if (strcasecmp(word, "used") == 0) {
        return tag_used(t, i);
    }
    if (strcasecmp(word, "live") == 0 || strcasecmp(word, "lives") == 0) {
        return tag_live(t, i, word[4] != '\0');
    }
    if ((has & (1U << CW_TAG_VBD)) && past_form(t, i, word)) {
        return CW_TAG_VBD;
    }
    if (strcasecmp(word, "minute") == 0 || strcasecmp(word, "bass") == 0 || strcasecmp(word, "learned") == 0) {
        return special_adjective(t, i, word) ? CW_TAG_ADJ : CW_TAG_NONE;
    }
    const char *before = governor(t, i, &p), *after = neighbour(t, i, 1, &n);
    bool object_follows = after && in(after, object_starts);
    if (!before) { /* a clause begins: an order, or a subject */
        return object_follows                   ? CW_TAG_VERB
               : after && in(after, verb_signs) ? CW_TAG_NOUN
               : (has & (1U << CW_TAG_ADJ))     ? CW_TAG_ADJ
                                                : CW_TAG_NONE;
    }
    bool possessive = ends(before, "'s") && !in(before, be_forms);
    if (in(before, modals) || (in(before, subjects) && strcasecmp(before, "people") != 0)) {
        return CW_TAG_VERB;
    }
    if (in(before, be_forms)) {
        LIST(sciences, "arithmetic", "arsenic"); /* things, where the other words of two kinds would be qualities */
        return (has & (1U << CW_TAG_ADJ)) && !in(word, sciences) ? CW_TAG_ADJ : CW_TAG_NONE;
    }
    if (in(before, determiners) || possessive || in(before, prepositions) || adjective_like(before)) {
        if ((has & (1U << CW_TAG_ADJ)) && after && !in(after, verb_signs) && !in(after, prepositions) && !object_follows) {
            return CW_TAG_ADJ;
        }
        return CW_TAG_NOUN;
    }
    if (object_follows && (in(before, adverbs) || strcasecmp(before, "so") == 0)) {
        return CW_TAG_VERB;
    }
    if (in(before, adjective_degrees)) {
        return (has & (1U << CW_TAG_ADJ)) ? CW_TAG_ADJ : CW_TAG_NONE;
    }
    if (object_follows) {
        return CW_TAG_VERB;
    }
    if ((strcasecmp(before, "and") == 0 || strcasecmp(before, "or") == 0 || strcasecmp(before, "but") == 0) && p > 0) {
        size_t q = 0;
        const char *earlier = neighbour(t, p, -1, &q);
        return earlier && (in(earlier, determiners) || ends(earlier, "s")) ? CW_TAG_NOUN : CW_TAG_NONE;
    }
    if (after && in(after, verb_signs)) {
        return CW_TAG_NOUN;
    }
    return CW_TAG_NONE;
}

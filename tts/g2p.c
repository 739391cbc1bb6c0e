/* English words ─▶ phonemes in misaki's alphabet (hexgrad/misaki: its published lexicon and rules), right to left, because "the", "to",
 * "a" and their like depend on the sound that follows: lexicon ─▶ suffix rules ─▶ compounds ─▶ letters ─▶ espeak-ng. */
#include "tts/sound.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the lexicon with its case rules ----------------------------------------------------------------------------------------- */

enum future { FUTURE_END, FUTURE_CONSONANT, FUTURE_VOWEL };

struct g2p {
    const struct cw_lexicon *lexicon;
    bool british;
    struct cw_tokens *t;
    size_t i; /* the token at hand */
    enum future future;
    bool future_to;
};

static bool is_upper(const char *w, size_t n) { /* no small letter, one capital at least */
    bool some = false;
    for (size_t i = 0; i < n; i++) {
        if (w[i] >= 'a' && w[i] <= 'z') {
            return false;
        }
        some = some || (w[i] >= 'A' && w[i] <= 'Z');
    }
    return some;
}

static bool is_alpha(const char *w, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!((w[i] >= 'a' && w[i] <= 'z') || (w[i] >= 'A' && w[i] <= 'Z'))) {
            return false;
        }
    }
    return n > 0;
}

static void lower(char *out, const char *w, size_t n) { /* out: MAX_WORD + 1 */
    n = n < MAX_WORD ? n : MAX_WORD;
    for (size_t i = 0; i < n; i++) {
        out[i] = (char)(w[i] >= 'A' && w[i] <= 'Z' ? w[i] + 32 : w[i]);
    }
    out[n] = '\0';
}

static bool is_title(const char *w, size_t n) { /* a capital, then none */
    for (size_t i = 1; i < n; i++) {
        if (w[i] >= 'A' && w[i] <= 'Z') {
            return false;
        }
    }
    return n > 0 && w[0] >= 'A' && w[0] <= 'Z';
}

/* As written, else a Title word in small letters, else a small word as a Title. */
static const char *find(const struct g2p *g, const char *w, size_t n, size_t *len) {
    if (n == 0 || n > MAX_WORD) {
        return NULL;
    }
    const char *entry = cw_lexicon_find(g->lexicon, w, n, len);
    if (entry || n < 2) {
        return entry;
    }
    char other[MAX_WORD + 1];
    lower(other, w, n);
    if (is_title(w, n)) {
        return cw_lexicon_find(g->lexicon, other, n, len);
    }
    if (memcmp(other, w, n) == 0 && w[0] >= 'a' && w[0] <= 'z') {
        other[0] = (char)(other[0] - 32);
        return cw_lexicon_find(g->lexicon, other, n, len);
    }
    return NULL;
}

static bool known(const struct g2p *g, const char *w, size_t n) {
    size_t len;
    char small[MAX_WORD + 1];
    if (find(g, w, n, &len)) {
        return true;
    }
    if (!is_alpha(w, n) || n > MAX_WORD) {
        return false;
    }
    if (n == 1) {
        return true;
    }
    lower(small, w, n);
    if (is_upper(w, n) && find(g, small, n, &len)) {
        return true;
    }
    return is_upper(w + 1, n - 1) && n <= 6; /* letters to be spelt: "GPU", "iOS" */
}

/* Letter by letter, the last one stressed: "ˌɛfˌbiˈI". */
static bool spell(const struct g2p *g, const char *w, size_t n, struct sound *p) {
    sound_set(p, "", 0);
    for (size_t i = 0; i < n; i++) {
        char c = (char)(w[i] >= 'a' && w[i] <= 'z' ? w[i] - 32 : w[i]);
        size_t len;
        if (c < 'A' || c > 'Z') {
            continue;
        }
        const char *entry = cw_lexicon_find(g->lexicon, &c, 1, &len);
        const char *value = entry ? cw_lexicon_value(entry, len, "DEFAULT", &len) : NULL;
        if (!value || !len) {
            return false;
        }
        sound_put_n(p, value, len);
    }
    if (!p->n) {
        return false;
    }
    sound_stress(p, 0);
    size_t last = p->n;
    for (const char *s = p->s; (s = strstr(s, SECONDARY)) != NULL; s++) {
        last = (size_t)(s - p->s);
    }
    for (size_t i = 0; last < p->n && PRIMARY[i]; i++) { /* both marks are two bytes */
        p->s[last + i] = PRIMARY[i];
    }
    return true;
}

static const char *const tag_names[] = {"DEFAULT", "NOUN", "VERB", "ADJ", "ADV", "VBD", "DT"};

/* In capitals, these are said loudly rather than spelt. */
static bool emphatic(const char *small) {
    static const char *const words[] = {"is",  "in",  "or",  "as",  "be",  "he",  "me",  "am",  "ah",  "oh",  "hi",
                                        "hm",  "hmm", "da",  "ma",  "pa",  "add", "act", "aid", "sob", "cap", "dip",
                                        "dew", "elf", "oft", "sat", "pow", "ha",  "so",  "etc", "re"};
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        if (strcmp(small, words[k]) == 0) {
            return true;
        }
    }
    return false;
}

static bool lookup(const struct g2p *g, const char *w, size_t n, float stress, struct sound *p) {
    size_t len = 0, value_len = 0;
    char small[MAX_WORD + 1];
    bool upper = is_upper(w, n);
    lower(small, w, n);
    const char *sense = cw_homograph(g->t, g->i, small, g->british);
    if (sense) {
        sound_set(p, sense, strlen(sense));
        sound_stress(p, stress);
        return true;
    }
    const char *entry = find(g, w, n, &len);
    if (!entry && upper) {
        entry = find(g, small, n, &len);
    }
    if (!entry) {
        return spell(g, w, n, p);
    }
    const char *value = NULL;
    if (memchr(entry, '=', len)) {
        unsigned tags = 0;
        enum cw_tag spelt = CW_TAG_NONE; /* as which part of speech its letters are said */
        const char *spell_as = cw_lexicon_value(entry, len, "SPELL", &value_len);
        size_t spell_len = value_len;
        for (unsigned k = 1; k < sizeof tag_names / sizeof tag_names[0]; k++) {
            bool letters = spell_as && strlen(tag_names[k]) == spell_len && memcmp(spell_as, tag_names[k], spell_len) == 0;
            if (letters) {
                spelt = (enum cw_tag)k;
            }
            if (letters || cw_lexicon_value(entry, len, tag_names[k], &value_len)) {
                tags |= 1U << k;
            }
        }
        value = g->future == FUTURE_END ? cw_lexicon_value(entry, len, "None", &value_len) : NULL;
        if (!value) {
            enum cw_tag tag = upper && n > 1 && (tags & (1U << CW_TAG_NOUN)) ? (emphatic(small) ? CW_TAG_NONE : CW_TAG_NOUN)
                                                                             : cw_tag_token(g->t, g->i, small, tags);
            if (tag && tag == spelt) {
                return spell(g, w, n, p);
            }
            value = tag && (tags & (1U << tag)) ? cw_lexicon_value(entry, len, tag_names[tag], &value_len) : NULL;
        }
        if (!value || !value_len) {
            value = cw_lexicon_value(entry, len, "DEFAULT", &value_len);
        }
        if (!value) {
            return false;
        }
    } else {
        value = entry;
        value_len = len;
    }
    sound_set(p, value, value_len);
    sound_stress(p, stress);
    return true;
}

/* ---- suffixes --------------------------------------------------------------------------------------------------------------- */

/* After these an American t between vowels is a flap. */
static const char flaps[] = "AIOWYiuæɑəɛɪɹʊʌ";

static void add_s(struct sound *p, bool british) {
    size_t at;
    uint32_t c = sound_last(p, 0, &at);
    if (symbol_in(c, "ptkfθ")) {
        sound_put(p, "s");
    } else if (symbol_in(c, "szʃʒʧʤ")) {
        sound_put(p, british ? "ɪz" : "ᵻz");
    } else {
        sound_put(p, "z");
    }
}

static void add_ed(struct sound *p, bool british) {
    size_t at;
    uint32_t c = sound_last(p, 0, &at);
    if (symbol_in(c, "pkfθʃsʧ")) {
        sound_put(p, "t");
    } else if (c == 'd') {
        sound_put(p, british ? "ɪd" : "ᵻd");
    } else if (c != 't') {
        sound_put(p, "d");
    } else {
        size_t before = 0;
        uint32_t b = sound_last(p, 1, &before);
        if (british || !b) {
            sound_put(p, "ɪd");
        } else if (symbol_in(b, flaps)) {
            p->n = at;
            sound_put(p, "ɾᵻd");
        } else {
            sound_put(p, "ᵻd");
        }
    }
}

static bool add_ing(struct sound *p, bool british) {
    size_t at, before = 0;
    uint32_t c = sound_last(p, 0, &at), b = sound_last(p, 1, &before);
    sound_last(p, 0, &at);
    if (british && (c == 0x259 || c == 0x2D0)) { /* ə, ː: a linking ɹ may be missing */
        return false;
    }
    if (!british && c == 't' && b && symbol_in(b, flaps)) {
        p->n = at;
        sound_put(p, "ɾɪŋ");
    } else {
        sound_put(p, "ɪŋ");
    }
    return true;
}

static bool tail(const char *w, size_t n, const char *end) {
    size_t k = strlen(end);
    return n > k && memcmp(w + n - k, end, k) == 0;
}

static bool stem_s(const struct g2p *g, const char *w, size_t n, float stress, struct sound *p) {
    char stem[MAX_WORD + 2];
    size_t m;
    if (n < 3 || n > MAX_WORD || w[n - 1] != 's') {
        return false;
    }
    memcpy(stem, w, n);
    if (!tail(w, n, "ss") && known(g, w, n - 1)) {
        m = n - 1;
    } else if (((tail(w, n, "'s") || (n > 4 && tail(w, n, "es") && !tail(w, n, "ies"))) && known(g, w, n - 2)) ||
               (n > 4 && tail(w, n, "ies") && (stem[n - 3] = 'y', known(g, stem, n - 2)))) {
        m = n - 2;
    } else {
        return false;
    }
    if (!lookup(g, stem, m, stress, p)) {
        return false;
    }
    add_s(p, g->british);
    return true;
}

static bool stem_ed(const struct g2p *g, const char *w, size_t n, float stress, struct sound *p) {
    size_t m;
    if (n < 4 || w[n - 1] != 'd') {
        return false;
    }
    if (!tail(w, n, "dd") && known(g, w, n - 1)) {
        m = n - 1;
    } else if (n > 4 && tail(w, n, "ed") && !tail(w, n, "eed") && known(g, w, n - 2)) {
        m = n - 2;
    } else if (n > 5 && tail(w, n, "ed") && w[n - 3] == w[n - 4] && strchr("bdgklmnprtvz", w[n - 3]) && known(g, w, n - 3)) {
        m = n - 3;
    } else {
        return false;
    }
    if (!lookup(g, w, m, stress, p)) {
        return false;
    }
    add_ed(p, g->british);
    return true;
}

static bool stem_ing(const struct g2p *g, const char *w, size_t n, float stress, struct sound *p) {
    char stem[MAX_WORD + 2];
    size_t m;
    if (n < 5 || n > MAX_WORD || !tail(w, n, "ing")) {
        return false;
    }
    memcpy(stem, w, n);
    /* "stating" is from "state", not from "stat": one vowel and one consonant would have doubled */
    bool long_vowel = n >= 6 && strchr("aeiou", w[n - 5]) && !strchr("aeiouwxy", w[n - 4]) && !strchr("aeiou", w[n - 6]) && n <= 8;
    stem[n - 3] = 'e';
    long_vowel = long_vowel && known(g, stem, n - 2);
    stem[n - 3] = 'i';
    bool doubled = n > 5 && ((w[n - 4] == w[n - 5] && strchr("bcdgklmnprstvxz", w[n - 4])) || tail(w, n, "cking"));
    if (n > 5 && !long_vowel && w[n - 4] != 'v' && known(g, w, n - 3)) {
        m = n - 3;
    } else if ((stem[n - 3] = 'e', known(g, stem, n - 2))) {
        m = n - 2;
    } else if (doubled && known(g, w, n - 4)) {
        m = n - 4;
    } else {
        return false;
    }
    /* "having", "getting": what is weak as an auxiliary is a full verb in this form */
    return lookup(g, stem, m, stress == CW_NO_STRESS ? 2.0F : stress, p) && add_ing(p, g->british);
}

static bool stems(const struct g2p *g, const char *w, size_t n, float stress, struct sound *p) {
    return stem_s(g, w, n, stress, p) || stem_ed(g, w, n, stress, p) || stem_ing(g, w, n, stress, p);
}

/* ---- words ------------------------------------------------------------------------------------------------------------------- */

/* The word just before token i (0) in its sentence; NULL when a mark that ends one, or nothing, is there. */
static bool after_mark(const struct g2p *g) {
    size_t i = g->i;
    return i == 0 || g->t->v[i - 1].kind == CW_TOKEN_MARK;
}

/* Words whose sound hangs on what follows, and signs of their own. */
static bool special(const struct g2p *g, const char *w, size_t n, float stress, struct sound *p) {
    char small[MAX_WORD + 1];
    lower(small, w, n);
    (void)n;
    if (strcmp(small, "a") == 0) {
        const char *next = g->i + 1 < g->t->n ? cw_token_spoken(g->t, g->i + 1) : "";
        bool name = *next >= 'A' && *next <= 'Z'; /* "A Quiet Place": still the article */
        bool letter = g->future == FUTURE_END || (*w == 'A' && (strcmp(next, "is") == 0 || strcmp(next, "was") == 0)) ||
                      (*w == 'A' && !after_mark(g) && !name);
        sound_set(p, "", 0);
        sound_put(p, letter ? "ˈA" : "ɐ");
        return true;
    }
    if (strcmp(w, "am") == 0 && g->future != FUTURE_END && !(stress != CW_NO_STRESS && stress > 0)) {
        sound_set(p, "", 0);
        sound_put(p, "ɐm");
        return true;
    }
    if (strcmp(small, "an") == 0) {
        sound_set(p, "", 0);
        sound_put(p, "ɐn");
        return true;
    }
    if (strcmp(w, "I") == 0) {
        sound_set(p, "", 0);
        sound_put(p, "ˌI");
        return true;
    }
    if (strcmp(small, "to") == 0 && g->future != FUTURE_END) {
        sound_set(p, "", 0);
        sound_put(p, g->future == FUTURE_VOWEL ? "tʊ" : "tə");
        return true;
    }
    if (strcmp(small, "in") == 0) {
        sound_set(p, "", 0);
        sound_put(p, g->future == FUTURE_END ? "ˈɪn" : "ɪn");
        return true;
    }
    if (strcmp(small, "the") == 0) {
        sound_set(p, "", 0);
        sound_put(p, g->future == FUTURE_VOWEL ? "ði" : "ðə");
        return true;
    }
    if (strcmp(small, "that's") == 0) {
        bool points = cw_tag_token(g->t, g->i, "that", 0) == CW_TAG_DT;
        sound_set(p, "", 0);
        sound_put(p, g->british ? (points ? "ðˈats" : "ðats") : points ? "ðˈæts" : "ðæts");
        return true;
    }
    if (strcmp(small, "et") == 0 && g->i + 1 < g->t->n && strcmp(cw_token_spoken(g->t, g->i + 1), "cetera") == 0) {
        sound_set(p, "", 0);
        sound_put(p, "ɛt");
        return true;
    }
    return false;
}

/* One simple word, no hyphens: lexicon, case rules, suffixes, contractions. */
static bool simple_word(const struct g2p *g, const char *word, struct sound *p) {
    char w[MAX_WORD + 1], small[MAX_WORD + 1];
    size_t n = strlen(word), len;
    const struct cw_token *k = &g->t->v[g->i];
    if (n == 0 || n > MAX_WORD) {
        return false;
    }
    memcpy(w, word, n + 1);
    lower(small, w, n);
    bool capitals = strcmp(w, small) != 0, upper = is_upper(w, n);
    if ((k->flags & CW_TOKEN_SHOUT) && upper && (find(g, small, n, &len) || stems(g, small, n, CW_NO_STRESS, p))) {
        memcpy(w, small, n + 1);
        capitals = upper = false;
    }
    float stress = !capitals || (k->flags & CW_TOKEN_PLAIN) ? CW_NO_STRESS : upper ? 2.0F : 0.5F;
    if (special(g, w, n, stress, p)) {
        return true;
    }
    /* Title and CAPITAL forms that only the small word, or its stem, is known of */
    if (n > 1 && capitals && !find(g, w, n, &len) && (upper || is_title(w, n)) &&
        (find(g, small, n, &len) || stems(g, small, n, stress, p)) && !(upper && n <= 5 && !find(g, small, n, &len))) {
        memcpy(w, small, n + 1);
    }
    if (known(g, w, n)) {
        return lookup(g, w, n, stress, p);
    }
    if (tail(w, n, "s'") && known(g, w, n - 2)) {
        bool ok = lookup(g, w, n - 2, stress, p);
        if (ok) {
            add_s(p, g->british);
        }
        return ok;
    }
    if (w[n - 1] == '\'' && known(g, w, n - 1)) {
        return lookup(g, w, n - 1, stress, p);
    }
    if (stems(g, w, n, stress, p)) {
        return true;
    }
    /* contractions that the lexicon lacks: "that'll", "who've", "Maya'd" */
    static const char *const contractions[][3] = {{"n't", "ᵊnt", "ᵊnt"}, {"'ll", "ᵊl", "ᵊl"}, {"'ve", "əv", "əv"},
                                                  {"'re", "əɹ", "ə"},    {"'d", "d", "d"},    {"'m", "m", "m"}};
    for (size_t c = 0; c < sizeof contractions / sizeof contractions[0]; c++) {
        size_t m = n - strlen(contractions[c][0]);
        if (tail(w, n, contractions[c][0])) {
            char stem[MAX_WORD + 1];
            memcpy(stem, w, m);
            stem[m] = '\0';
            if (simple_word(g, stem, p)) {
                size_t at;
                uint32_t last = sound_last(p, 0, &at);
                bool d = strcmp(contractions[c][0], "'d") == 0 && (last == 't' || last == 'd');
                sound_put(p, d ? "ᵻd" : contractions[c][g->british ? 2 : 1]);
                return true;
            }
        }
    }
    return false;
}

/* Latin letters without their accents ("café" -> "cafe"); false when there is anything else. */
static bool without_accents(const char *word, char *out) {
    static const char plain[] = "AAAAAAACEEEEIIIIDNOOOOO.OUUUUYTsaaaaaaaceeeeiiiidnooooo.ouuuuyty";
    static const char extended[] =
        "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiJjJjKkkLlLlLlLlLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";
    size_t n = strlen(word), m = 0;
    bool changed = false;
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t k = (size_t)cw_utf8_next(word + i, n - i, &c);
        if (!k || m >= MAX_WORD) {
            return false;
        }
        char o;
        if (c < 0x80) {
            o = (char)c;
        } else if (c >= 0xC0 && c <= 0xFF) {
            o = plain[c - 0xC0];
        } else if (c >= 0x100 && c < 0x100 + sizeof extended - 1) {
            o = extended[c - 0x100];
        } else if (c >= 0x300 && c <= 0x36F) {
            o = 0;
        } else {
            return false;
        }
        changed = changed || c >= 0x80;
        if (o == '.') {
            return false;
        }
        if (o) {
            out[m++] = o;
        }
        i += k;
    }
    out[m] = '\0';
    return changed && m > 0;
}

/* A word in which espeak-ng sees nothing to say gets its letters. */
static int fallback(const struct g2p *g, const char *word, struct sound *p, int *source, struct cw_error *err) {
    *source = CW_WORD_ESPEAK;
    sound_set(p, "", 0);
    for (size_t n = strlen(word), i = 0; i < n;) { /* endless words in pieces, cut between symbols */
        size_t take = n - i < 60 ? n - i : 60;
        while (take < n - i && take > 0 && ((unsigned char)word[i + take] & 0xC0) == 0x80) {
            take--;
        }
        take = take ? take : n - i;
        char piece[256];
        struct sound part;
        if (take >= sizeof piece) {
            take = sizeof piece - 1;
        }
        memcpy(piece, word + i, take);
        piece[take] = '\0';
        if (espeak_word(piece, g->british, &part, err)) {
            return -1;
        }
        sound_put(p, part.s);
        i += take;
    }
    if (!p->n && is_alpha(word, strlen(word)) && spell(g, word, strlen(word), p)) {
        *source = CW_WORD_RULE;
    }
    return 0;
}

/* What the words before will see of this one: does it begin with a vowel, a consonant, or does a clause end here? */
static enum future look_back(enum future now, const char *phonemes) {
    for (size_t n = strlen(phonemes); n > 0;) {
        uint32_t c = 0;
        int k = cw_utf8_next(phonemes, n, &c);
        if (symbol_in(c, sound_vowels)) {
            return FUTURE_VOWEL;
        }
        if (symbol_in(c, sound_consonants) || c == 'T') {
            return FUTURE_CONSONANT;
        }
        if (symbol_in(c, ";:,.!?—…")) {
            return FUTURE_END;
        }
        phonemes += k;
        n -= (size_t)k;
    }
    return now;
}

/* ---- compounds: fine-tune, YouTube -------------------------------------------------------------------------------------------- */

#define MAX_PARTS 24

static int weight(const struct sound *p) {
    int w = 0;
    for (size_t i = 0; i < p->n;) {
        uint32_t c = 0;
        int k = cw_utf8_next(p->s + i, p->n - i, &c);
        w += symbol_in(c, "AIOQWYʤʧ") ? 2 : 1;
        i += (size_t)(k ? k : 1);
    }
    return w;
}

/* Where the next part of `w` ends: at a hyphen, or between "You" and "Tube", "Open" and "AI", "GP" and "Us". */
static size_t part_end(const char *w) {
    size_t i = 0;
    while (w[i]) {
        if (w[i] == '-') {
            return i;
        }
        bool up = w[i] >= 'A' && w[i] <= 'Z', low = w[i] >= 'a' && w[i] <= 'z', next_up = w[i + 1] >= 'A' && w[i + 1] <= 'Z';
        i++;
        if (low && next_up) {
            return i;
        }
        if (up && next_up && w[i + 1] >= 'a' && w[i + 1] <= 'z' && w[i + 1] != 's') {
            return i;
        }
    }
    return i;
}

/* Too many main stresses in one compound: the lighter parts give theirs up. */
static void settle_stress(struct sound *parts, const size_t *letters, size_t n) {
    size_t order[MAX_PARTS], m = 0, primaries = 0;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].n) {
            order[m++] = i;
            primaries += sound_has(&parts[i], PRIMARY);
        }
    }
    if (m == 2 && letters[order[0]] == 1) {
        sound_stress(&parts[order[1]], -0.5F);
        return;
    }
    if (m < 2 || primaries <= (m + 1) / 2) {
        return;
    }
    for (size_t i = 1; i < m; i++) { /* by (has a main stress, weight, place), smallest first */
        for (size_t j = i; j > 0; j--) {
            const struct sound *a = &parts[order[j - 1]], *b = &parts[order[j]];
            int pa = sound_has(a, PRIMARY), pb = sound_has(b, PRIMARY), wa = weight(a), wb = weight(b);
            if (pa > pb || (pa == pb && (wa > wb || (wa == wb && order[j - 1] > order[j])))) {
                size_t swap = order[j];
                order[j] = order[j - 1];
                order[j - 1] = swap;
            }
        }
    }
    for (size_t i = 0; i < m / 2; i++) {
        sound_stress(&parts[order[i]], -0.5F);
    }
}

static int compound(const struct g2p *g, const char *word, struct sound *p, int *source, struct cw_error *err) {
    int result = -1;
    size_t n = 0, letters[MAX_PARTS];
    struct sound *parts = malloc(MAX_PARTS * sizeof *parts);
    if (!parts) {
        return cw_fail_memory(err, "phonemes");
    }
    const char *starts[MAX_PARTS];
    struct g2p inner = *g;
    *source = CW_WORD_RULE;
    for (const char *w = word; *w;) {
        size_t len = part_end(w);
        if (n == MAX_PARTS || len > MAX_WORD) { /* no word of any language */
            if (fallback(g, word, p, source, err) == 0) {
                result = 0;
            }
            goto done;
        }
        if (len) {
            starts[n] = w;
            letters[n++] = len;
        }
        w += len;
        w += *w == '-';
    }
    for (size_t k = n; k-- > 0;) { /* right to left, as the sentence: "state-of-the-art" has "the" before a vowel */
        char part[MAX_WORD + 1];
        memcpy(part, starts[k], letters[k]);
        part[letters[k]] = '\0';
        if (strcasecmp(part, "re") == 0 && k == 0) { /* the prefix, not the musical note */
            sound_set(&parts[k], "", 0);
            sound_put(&parts[k], g->british ? "ɹˌiː" : "ɹˌi");
        } else if (!simple_word(&inner, part, &parts[k]) && fallback(&inner, part, &parts[k], source, err)) {
            goto done;
        }
        inner.future = look_back(inner.future, parts[k].s);
    }
    settle_stress(parts, letters, n);
    sound_set(p, "", 0);
    for (size_t i = 0; i < n; i++) {
        sound_put(p, parts[i].s);
    }
    result = 0;
done:
    free(parts);
    return result;
}

/* A respelling: "koo-ber-NET-eez". The part in capitals, or the first one, bears the stress; the others none. */
static int respelt(const struct g2p *g, const char *word, struct sound *p, struct cw_error *err) {
    struct sound part;
    bool loud = false, stressed = false;
    int source;
    for (const char *w = word; *w; w += strcspn(w, "-"), w += *w == '-') {
        loud = loud || is_upper(w, strcspn(w, "-"));
    }
    sound_set(p, "", 0);
    for (const char *w = word; *w;) {
        char piece[MAX_WORD + 1];
        size_t n = strcspn(w, "-");
        lower(piece, w, n);
        sound_set(&part, "", 0);
        if (n > 0 && !simple_word(g, piece, &part) && fallback(g, piece, &part, &source, err)) {
            return -1;
        }
        bool bears = n > 0 && !stressed && (loud ? is_upper(w, n) : true);
        sound_stress(&part, -2);
        sound_stress(&part, bears ? 2 : CW_NO_STRESS);
        stressed = stressed || bears;
        sound_put(p, part.s);
        w += n;
        w += *w == '-';
    }
    return 0;
}

static int word_sound(const struct g2p *g, const char *word, struct sound *p, int *source, struct cw_error *err) {
    const struct cw_token *k = &g->t->v[g->i];
    size_t n = strlen(word), len;
    char plain[MAX_WORD + 1] = "";
    *source = CW_WORD_RULE;
    if ((k->flags & CW_TOKEN_RESPELT) && (strchr(word, '-') || is_upper(word, n))) {
        return respelt(g, word, p, err);
    }
    if ((k->flags & CW_TOKEN_SPELL) && spell(g, word, n, p)) {
        return 0;
    }
    bool whole = n <= MAX_WORD && simple_word(g, word, p);
    if (whole) {
        *source = find(g, word, n, &len) ? CW_WORD_LEXICON : CW_WORD_RULE;
        return 0;
    }
    if (without_accents(word, plain) && simple_word(g, plain, p)) {
        *source = find(g, plain, strlen(plain), &len) ? CW_WORD_LEXICON : CW_WORD_RULE;
        return 0;
    }
    if (part_end(word) < n) {
        return compound(g, word, p, source, err);
    }
    return fallback(g, word, p, source, err);
}

void cw_phonemes_add_s(struct cw_text *out, bool british) {
    struct sound p;
    size_t tail = out->len < 8 ? out->len : 8;
    while (tail > 0 && ((unsigned char)out->data[out->len - tail] & 0xC0) == 0x80) {
        tail--;
    }
    sound_set(&p, out->data + out->len - tail, tail);
    add_s(&p, british);
    cw_text_add(out, p.s + tail);
}

/* ---- the pass ----------------------------------------------------------------------------------------------------------------- */

int cw_g2p_tokens(const struct cw_lexicon *lexicon, bool british, struct cw_tokens *t, struct cw_error *err) {
    struct g2p g = {.lexicon = lexicon, .british = british, .t = t, .future = FUTURE_END};
    struct sound p;
    for (size_t i = t->n; i-- > 0;) {
        struct cw_token *k = &t->v[i];
        const char *spoken = cw_token_spoken(t, i);
        g.i = i;
        if (k->kind == CW_TOKEN_MARK) {
            k->source = CW_WORD_PUNCTUATION;
            k->phonemes = k->spoken;
        } else if (k->kind == CW_TOKEN_INLINE) {
            k->source = CW_WORD_INLINE;
        } else {
            char word[MAX_WORD + 1];
            bool fits = strlen(spoken) <= MAX_WORD;
            if (fits) { /* the pool may move while phonemes are kept */
                memcpy(word, spoken, strlen(spoken) + 1);
            }
            sound_set(&p, "", 0);
            int failed = fits ? word_sound(&g, word, &p, &k->source, err) : fallback(&g, spoken, &p, &k->source, err);
            if (failed) {
                return -1;
            }
            if (k->flags & CW_TOKEN_WEAK) {
                sound_stress(&p, -2);
            }
            sound_stress(&p, k->stress);
            sound_replace(&p, "ɾ", "T"); /* the model's release writes the flap so */
            sound_replace(&p, "ʔ", "t");
            k->phonemes = cw_tokens_keep(t, p.s, p.n);
        }
        if ((k->flags & CW_TOKEN_DICTIONARY) && k->kind != CW_TOKEN_MARK) {
            k->source = CW_WORD_DICTIONARY;
        }
        if (t->pool.failed) {
            return cw_fail_memory(err, "phonemes");
        }
        g.future = look_back(g.future, cw_token_phonemes(t, i));
        g.future_to = strcasecmp(cw_token_spoken(t, i), "to") == 0;
    }
    return 0;
}

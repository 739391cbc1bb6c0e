/* Words ─▶ phonemes in misaki's alphabet (hexgrad/misaki: its published lexicon and rules), right to left, because "the", "to", "a" and
 * their like depend on the sound that follows: lexicon ─▶ suffix rules ─▶ compounds ─▶ letters ─▶ espeak-ng, its IPA converted.
 * The only file that knows espeak-ng. Its state is global, so one lock guards it for the whole process. */
#include "tts/front.h"

#include <espeak-ng/speak_lib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PRIMARY "ˈ"
#define SECONDARY "ˌ"
#define MAX_WORD 96 /* bytes; longer "words" are read in pieces */

/* ---- the alphabet ------------------------------------------------------------------------------------------------------ */

bool cw_symbol_known(uint32_t c) {
    /* the published model's vocabulary, code points in order */
    static const uint16_t symbols[] = {
        0x20,   0x21,   0x22,   0x28,   0x29,   0x2c,   0x2e,   0x3a,   0x3b,   0x3f,   0x41,   0x49,  0x4f,  0x51,  0x53,  0x54,  0x57,
        0x59,   0x61,   0x62,   0x63,   0x64,   0x65,   0x66,   0x68,   0x69,   0x6a,   0x6b,   0x6c,  0x6d,  0x6e,  0x6f,  0x70,  0x71,
        0x72,   0x73,   0x74,   0x75,   0x76,   0x77,   0x78,   0x79,   0x7a,   0xe6,   0xe7,   0xf0,  0xf8,  0x14b, 0x153, 0x250, 0x251,
        0x252,  0x254,  0x255,  0x256,  0x259,  0x25a,  0x25b,  0x25c,  0x25f,  0x261,  0x263,  0x264, 0x265, 0x268, 0x26a, 0x26f, 0x270,
        0x272,  0x273,  0x274,  0x278,  0x279,  0x27b,  0x27d,  0x27e,  0x281,  0x282,  0x283,  0x288, 0x28a, 0x28b, 0x28c, 0x28e, 0x292,
        0x294,  0x29d,  0x2a3,  0x2a4,  0x2a5,  0x2a6,  0x2a7,  0x2a8,  0x2b0,  0x2b2,  0x2c8,  0x2cc, 0x2d0, 0x303, 0x3b2, 0x3b8, 0x3c7,
        0x1d4a, 0x1d5d, 0x1d7b, 0x2014, 0x201c, 0x201d, 0x2026, 0x2192, 0x2193, 0x2197, 0x2198, 0xab67};
    size_t lo = 0, hi = sizeof symbols / sizeof symbols[0];
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (symbols[mid] == c) {
            return true;
        }
        if (symbols[mid] < c) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return false;
}

int cw_symbols_count(const char *s) {
    int n = 0;
    for (; *s; s++) {
        n += ((unsigned char)*s & 0xC0) != 0x80;
    }
    return n;
}

static bool symbol_in(uint32_t c, const char *set) {
    for (size_t n = strlen(set); n > 0;) {
        uint32_t d = 0;
        int k = cw_utf8_next(set, n, &d);
        if (d == c) {
            return true;
        }
        set += k;
        n -= (size_t)k;
    }
    return false;
}

static const char vowels[] = "AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ";
static const char consonants[] = "bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθ";

/* ---- a word's phonemes while they are made ------------------------------------------------------------------------------- */

struct sound {
    char s[2048]; /* NUL-terminated; what does not fit is dropped, which no word of MAX_WORD bytes reaches */
    size_t n;
};

static void put_n(struct sound *p, const char *s, size_t n) {
    if (p->n + n < sizeof p->s) {
        memcpy(p->s + p->n, s, n);
        p->n += n;
    }
    p->s[p->n] = '\0';
}

static void put(struct sound *p, const char *s) {
    put_n(p, s, strlen(s));
}

static void set(struct sound *p, const char *s, size_t n) {
    p->n = 0;
    put_n(p, s, n);
}

static bool has(const struct sound *p, const char *s) {
    return strstr(p->s, s) != NULL;
}

static void replace(struct sound *p, const char *from, const char *to) {
    struct sound q;
    size_t n = strlen(from);
    if (!has(p, from)) {
        return;
    }
    set(&q, "", 0);
    for (const char *s = p->s; *s;) {
        if (strncmp(s, from, n) == 0) {
            put(&q, to);
            s += n;
        } else {
            put_n(&q, s++, 1);
        }
    }
    set(p, q.s, q.n);
}

/* The last symbol and the one before it; 0 when there is none. */
static uint32_t last_symbol(const struct sound *p, int back, size_t *at) {
    size_t end = p->n;
    uint32_t c = 0;
    for (int k = 0; k <= back; k++) {
        if (end == 0) {
            return 0;
        }
        size_t start = end - 1;
        while (start > 0 && ((unsigned char)p->s[start] & 0xC0) == 0x80) {
            start--;
        }
        cw_utf8_next(p->s + start, end - start, &c);
        *at = start;
        end = start;
    }
    return c;
}

static size_t first_vowel(const struct sound *p) {
    for (size_t i = 0; i < p->n;) {
        uint32_t c = 0;
        int k = cw_utf8_next(p->s + i, p->n - i, &c);
        if (symbol_in(c, vowels)) {
            return i;
        }
        i += (size_t)(k ? k : 1);
    }
    return p->n;
}

/* A mark before the first vowel of a word that has no stress. */
static void give_stress(struct sound *p, const char *mark) {
    size_t at = first_vowel(p);
    if (at == p->n) {
        return;
    }
    struct sound q;
    set(&q, p->s, at);
    put(&q, mark);
    put(&q, p->s + at);
    set(p, q.s, q.n);
}

/* misaki's scale: below -1 no stress at all; -1 demote; 0 and -0.5 demote if primary; 0, 0.5, 1 give a secondary one to a word without;
 * 1 and more promote; 2 give a primary one to a word without. */
static void apply_stress(struct sound *p, float stress) {
    bool primary = has(p, PRIMARY), secondary = has(p, SECONDARY);
    if (stress == CW_NO_STRESS) {
        return;
    }
    if (stress < -1) {
        replace(p, PRIMARY, "");
        replace(p, SECONDARY, "");
    } else if (stress == -1 || ((stress == 0 || stress == -0.5F) && primary)) {
        replace(p, SECONDARY, "");
        replace(p, PRIMARY, SECONDARY);
    } else if ((stress == 0 || stress == 0.5F || stress == 1) && !primary && !secondary) {
        give_stress(p, SECONDARY);
    } else if (stress >= 1 && !primary && secondary) {
        replace(p, SECONDARY, PRIMARY);
    } else if (stress > 1 && !primary && !secondary) {
        give_stress(p, PRIMARY);
    }
}

/* ---- espeak-ng ------------------------------------------------------------------------------------------------------------ */

static pthread_mutex_t espeak_lock = PTHREAD_MUTEX_INITIALIZER;
static int espeak_state; /* 0 not started, 1 ready, -1 cannot */
static int espeak_voice; /* 0 none, 1 en-us, 2 en-gb */

/* A language switch inside the answer, "(el)": not a sound. */
static void drop_switches(struct sound *p) {
    struct sound q;
    bool inside = false;
    set(&q, "", 0);
    for (size_t i = 0; i < p->n; i++) {
        if (p->s[i] == '(') {
            inside = true;
        } else if (p->s[i] == ')') {
            inside = false;
        } else if (!inside) {
            put_n(&q, p->s + i, 1);
        }
    }
    set(p, q.s, q.n);
}

/* espeak's IPA (ties as '^') to misaki's alphabet. */
static void convert_ipa(struct sound *p, bool british) {
    static const char *const both[][2] = {{"ʔˌn\u0329", "ʔn"}, {"ʔn\u0329", "ʔn"}, {"a^ɪ", "I"}, {"a^ʊ", "W"},  {"d^ʒ", "ʤ"},
                                          {"e^ɪ", "A"},        {"t^ʃ", "ʧ"},       {"ɔ^ɪ", "Y"}, {"ə^l", "ᵊl"}, {"ʲo", "jo"},
                                          {"ʲə", "jə"},        {"ʲ", ""},          {"ɚ", "əɹ"},  {"r", "ɹ"},    {"x", "k"},
                                          {"ç", "k"},          {"ɐ", "ə"},         {"ɬ", "l"},   {"\u0303", ""}};
    static const char *const gb[][2] = {{"e^ə", "ɛː"}, {"iə", "ɪə"}, {"i^ə", "ɪə"}, {"ə^ʊ", "Q"}};
    static const char *const us[][2] = {{"o^ʊ", "O"}, {"ɜːɹ", "ɜɹ"}, {"ɜː", "ɜɹ"}, {"ɪə", "iə"}, {"ː", ""}};
    static const char *const after[][2] = {{"e", "A"}, {"o", "ɔ"}, {"^", ""}, {"ɾ", "T"}, {"ʔ", "t"}, {"ɹɹ", "ɹ"}};
    struct sound q;
    drop_switches(p);
    for (size_t k = 0; k < sizeof both / sizeof both[0]; k++) {
        replace(p, both[k][0], both[k][1]);
    }
    /* a syllabic consonant: a small schwa goes before it */
    set(&q, "", 0);
    for (size_t i = 0; i < p->n;) {
        uint32_t c = 0, mark = 0;
        size_t k = (size_t)cw_utf8_next(p->s + i, p->n - i, &c);
        k = k ? k : 1;
        if (cw_utf8_next(p->s + i + k, p->n - i - k, &mark) && mark == 0x329) {
            put(&q, "ᵊ");
            put_n(&q, p->s + i, k);
            i += k + 2;
        } else {
            put_n(&q, p->s + i, k);
            i += k;
        }
    }
    set(p, q.s, q.n);
    for (size_t k = 0; k < (british ? sizeof gb / sizeof gb[0] : sizeof us / sizeof us[0]); k++) {
        const char *const *pair = british ? gb[k] : us[k];
        replace(p, pair[0], pair[1]);
    }
    for (size_t k = 0; k < sizeof after / sizeof after[0]; k++) {
        replace(p, after[k][0], after[k][1]);
    }
    /* keep what the model knows */
    set(&q, "", 0);
    for (size_t i = 0; i < p->n;) {
        uint32_t c = 0;
        size_t k = (size_t)cw_utf8_next(p->s + i, p->n - i, &c);
        k = k ? k : 1;
        if (cw_symbol_known(c) && (c >= 'A' || (c == ' ' && q.n > 0 && i + k < p->n)) && c != 0x2014 && c != 0x2026) {
            put_n(&q, p->s + i, k);
        }
        i += k;
    }
    set(p, q.s, q.n);
}

static int espeak_word(const char *word, bool british, struct sound *p, struct cw_error *err) {
    int result = -1;
    pthread_mutex_lock(&espeak_lock);
    if (espeak_state == 0) {
        espeak_state = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, NULL, espeakINITIALIZE_DONT_EXIT) > 0 ? 1 : -1;
    }
    if (espeak_state < 0) {
        cw_fail(err, CW_FAILED, "espeak-ng: expected its data to be installed (package espeak-ng-data), found none");
        goto done;
    }
    int voice = british ? 2 : 1;
    if (espeak_voice != voice) {
        espeak_voice = 0;
        espeak_VOICE wanted = {.languages = british ? "en-gb" : "en-us"};
        /* not by name: names differ between releases, and a name that is not there leaves the library without a translator */
        if (espeak_SetVoiceByProperties(&wanted) != EE_OK) {
            cw_fail(err, CW_FAILED, "espeak-ng: expected voice \"%s\", found none by this name", british ? "en-gb" : "en-us");
            goto done;
        }
        espeak_voice = voice;
    }
    set(p, "", 0);
    const void *text = word;
    for (int k = 0; text && k < 64; k++) {
        const char *ipa = espeak_TextToPhonemes(&text, espeakCHARS_UTF8, espeakPHONEMES_IPA | espeakPHONEMES_TIE | ('^' << 8));
        if (ipa) {
            put(p, ipa);
        }
    }
    result = 0;
done:
    pthread_mutex_unlock(&espeak_lock);
    if (result == 0) {
        convert_ipa(p, british);
    }
    return result;
}

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
    set(p, "", 0);
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
        put_n(p, value, len);
    }
    if (!p->n) {
        return false;
    }
    apply_stress(p, 0);
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
    set(p, value, value_len);
    apply_stress(p, stress);
    return true;
}

/* ---- suffixes --------------------------------------------------------------------------------------------------------------- */

/* After these an American t between vowels is a flap. */
static const char flaps[] = "AIOWYiuæɑəɛɪɹʊʌ";

static void add_s(struct sound *p, bool british) {
    size_t at;
    uint32_t c = last_symbol(p, 0, &at);
    if (symbol_in(c, "ptkfθ")) {
        put(p, "s");
    } else if (symbol_in(c, "szʃʒʧʤ")) {
        put(p, british ? "ɪz" : "ᵻz");
    } else {
        put(p, "z");
    }
}

static void add_ed(struct sound *p, bool british) {
    size_t at;
    uint32_t c = last_symbol(p, 0, &at);
    if (symbol_in(c, "pkfθʃsʧ")) {
        put(p, "t");
    } else if (c == 'd') {
        put(p, british ? "ɪd" : "ᵻd");
    } else if (c != 't') {
        put(p, "d");
    } else {
        size_t before = 0;
        uint32_t b = last_symbol(p, 1, &before);
        if (british || !b) {
            put(p, "ɪd");
        } else if (symbol_in(b, flaps)) {
            p->n = at;
            put(p, "ɾᵻd");
        } else {
            put(p, "ᵻd");
        }
    }
}

static bool add_ing(struct sound *p, bool british) {
    size_t at, before = 0;
    uint32_t c = last_symbol(p, 0, &at), b = last_symbol(p, 1, &before);
    last_symbol(p, 0, &at);
    if (british && (c == 0x259 || c == 0x2D0)) { /* ə, ː: a linking ɹ may be missing */
        return false;
    }
    if (!british && c == 't' && b && symbol_in(b, flaps)) {
        p->n = at;
        put(p, "ɾɪŋ");
    } else {
        put(p, "ɪŋ");
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
    if (n > 5 && !long_vowel && known(g, w, n - 3)) {
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
        set(p, "", 0);
        put(p, letter ? "ˈA" : "ɐ");
        return true;
    }
    if (strcmp(w, "am") == 0 && g->future != FUTURE_END && !(stress != CW_NO_STRESS && stress > 0)) {
        set(p, "", 0);
        put(p, "ɐm");
        return true;
    }
    if (strcmp(small, "an") == 0) {
        set(p, "", 0);
        put(p, "ɐn");
        return true;
    }
    if (strcmp(w, "I") == 0) {
        set(p, "", 0);
        put(p, "ˌI");
        return true;
    }
    if (strcmp(small, "to") == 0 && g->future != FUTURE_END) {
        set(p, "", 0);
        put(p, g->future == FUTURE_VOWEL ? "tʊ" : "tə");
        return true;
    }
    if (strcmp(small, "in") == 0) {
        set(p, "", 0);
        put(p, g->future == FUTURE_END ? "ˈɪn" : "ɪn");
        return true;
    }
    if (strcmp(small, "the") == 0) {
        set(p, "", 0);
        put(p, g->future == FUTURE_VOWEL ? "ði" : "ðə");
        return true;
    }
    if (strcmp(small, "et") == 0 && g->i + 1 < g->t->n && strcmp(cw_token_spoken(g->t, g->i + 1), "cetera") == 0) {
        set(p, "", 0);
        put(p, "ɛt");
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
    if ((k->flags & CW_TOKEN_SHOUT) && upper && find(g, small, n, &len)) {
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
                uint32_t last = last_symbol(p, 0, &at);
                bool d = strcmp(contractions[c][0], "'d") == 0 && (last == 't' || last == 'd');
                put(p, d ? "ᵻd" : contractions[c][g->british ? 2 : 1]);
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
    set(p, "", 0);
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
        put(p, part.s);
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
        if (symbol_in(c, vowels)) {
            return FUTURE_VOWEL;
        }
        if (symbol_in(c, consonants) || c == 'T') {
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
            primaries += has(&parts[i], PRIMARY);
        }
    }
    if (m == 2 && letters[order[0]] == 1) {
        apply_stress(&parts[order[1]], -0.5F);
        return;
    }
    if (m < 2 || primaries <= (m + 1) / 2) {
        return;
    }
    for (size_t i = 1; i < m; i++) { /* by (has a main stress, weight, place), smallest first */
        for (size_t j = i; j > 0; j--) {
            const struct sound *a = &parts[order[j - 1]], *b = &parts[order[j]];
            int pa = has(a, PRIMARY), pb = has(b, PRIMARY), wa = weight(a), wb = weight(b);
            if (pa > pb || (pa == pb && (wa > wb || (wa == wb && order[j - 1] > order[j])))) {
                size_t swap = order[j];
                order[j] = order[j - 1];
                order[j - 1] = swap;
            }
        }
    }
    for (size_t i = 0; i < m / 2; i++) {
        apply_stress(&parts[order[i]], -0.5F);
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
            set(&parts[k], "", 0);
            put(&parts[k], g->british ? "ɹˌiː" : "ɹˌi");
        } else if (!simple_word(&inner, part, &parts[k]) && fallback(&inner, part, &parts[k], source, err)) {
            goto done;
        }
        inner.future = look_back(inner.future, parts[k].s);
    }
    settle_stress(parts, letters, n);
    set(p, "", 0);
    for (size_t i = 0; i < n; i++) {
        put(p, parts[i].s);
    }
    result = 0;
done:
    free(parts);
    return result;
}

static int word_sound(const struct g2p *g, const char *word, struct sound *p, int *source, struct cw_error *err) {
    const struct cw_token *k = &g->t->v[g->i];
    size_t n = strlen(word), len;
    char plain[MAX_WORD + 1];
    *source = CW_WORD_RULE;
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
            set(&p, "", 0);
            int failed = fits ? word_sound(&g, word, &p, &k->source, err) : fallback(&g, spoken, &p, &k->source, err);
            if (failed) {
                return -1;
            }
            if (k->flags & CW_TOKEN_WEAK) {
                apply_stress(&p, -2);
            }
            apply_stress(&p, k->stress);
            replace(&p, "ɾ", "T"); /* the model's release writes the flap so */
            replace(&p, "ʔ", "t");
            k->phonemes = cw_tokens_keep(t, p.s, p.n);
        }
        if (t->pool.failed) {
            return cw_fail_memory(err, "phonemes");
        }
        g.future = look_back(g.future, cw_token_phonemes(t, i));
        g.future_to = strcasecmp(cw_token_spoken(t, i), "to") == 0;
    }
    return 0;
}

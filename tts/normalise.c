/* Text ─▶ atoms ─▶ spoken tokens: walks the atoms once; at each place the first reader whose pattern is there speaks it (atoms.h lists
 * them). Here are plain words, links, signs and marks. */
#include "tts/atoms.h"

#include <stdlib.h>
#include <string.h>

/* ---- tokens ---------------------------------------------------------------------------------------------------------- */

size_t cw_tokens_keep(struct cw_tokens *t, const char *s, size_t n) {
    if (!t->pool.len) {
        cw_text_add_n(&t->pool, "", 1);
    }
    size_t at = t->pool.len;
    cw_text_add_n(&t->pool, s, n);
    cw_text_add_n(&t->pool, "", 1);
    return t->pool.failed ? 0 : at;
}

const char *cw_token_spoken(const struct cw_tokens *t, size_t i) {
    return t->pool.data + t->v[i].spoken;
}

const char *cw_token_phonemes(const struct cw_tokens *t, size_t i) {
    return t->pool.data + t->v[i].phonemes;
}

void cw_tokens_free(struct cw_tokens *t) {
    free(t->v);
    cw_text_free(&t->pool);
    *t = (struct cw_tokens){0};
}

bool cw_mark_is_clause(const char *mark) {
    static const char *const marks[] = {";", ":", ",", ".", "!", "?", "—", "…"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (strcmp(mark, marks[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- words ------------------------------------------------------------------------------------------------------------------ */

/* One script word: letters, with hyphenated parts that follow ("fine-tune"); '’' becomes ''' so that the lexicon knows it. */
static size_t read_word(struct reader *r, size_t i) {
    static const char *const signs[][2] = {{"w/o", "without"}, {"w/", "with"}, {"b/c", "because"}, {"n/a", "not applicable"}};
    static const char *const greek[][2] = {{"α", "alpha"},   {"β", "beta"},  {"γ", "gamma"},  {"δ", "delta"}, {"Δ", "delta"},
                                           {"ε", "epsilon"}, {"θ", "theta"}, {"λ", "lambda"}, {"μ", "mu"},    {"π", "pi"},
                                           {"ρ", "rho"},     {"σ", "sigma"}, {"Σ", "sigma"},  {"τ", "tau"},   {"φ", "phi"},
                                           {"χ", "chi"},     {"ψ", "psi"},   {"ω", "omega"},  {"Ω", "omega"}};
    const struct atom *a = atom_at(r, i);
    for (size_t k = 0; k < 4 && a->length == 1; k++) {
        size_t n = strlen(signs[k][0]);
        if (a->offset + n <= r->length && memcmp(r->text + a->offset, signs[k][0], n) == 0 && atom_joined_mark(r, i + 1, '/')) {
            bool whole = n == 2 ? !atom_joined(r, i + 2, ATOM_WORD) : atom_joined(r, i + 2, ATOM_WORD) && atom_at(r, i + 2)->length == 1;
            if (whole) {
                speak(r, signs[k][1], i, i + n, CW_TOKEN_PLAIN);
                return i + n;
            }
        }
    }
    for (size_t k = 0; k < sizeof greek / sizeof greek[0]; k++) {
        if (atom_is(r, i, greek[k][0])) {
            speak(r, greek[k][1], i, i + 1, CW_TOKEN_PLAIN);
            return i + 1;
        }
    }
    if (a->length <= 2 && (atom_is(r, i, "v") || atom_is(r, i, "V")) && atom_joined(r, i + 1, ATOM_NUMBER)) {
        speak(r, "version", i, i + 1, CW_TOKEN_PLAIN);
        return i + 1;
    }
    /* A380, A/C, AT&T: letters, not words */
    bool slash = atom_joined_mark(r, i + 1, '/') || (i > 0 && atom_joined_mark(r, i - 1, '/') && !a->space);
    bool letters = a->length == 1 && atom_capital(r, i) && (atom_joined(r, i + 1, ATOM_NUMBER) || slash);
    bool pair =
        a->length <= 2 && atom_capitals(r, i) &&
        ((atom_joined_mark(r, i + 1, '&') && atom_joined(r, i + 2, ATOM_WORD)) || (i > 1 && !a->space && atom_joined_mark(r, i - 1, '&')));
    if (letters || pair) {
        char sign[4] = "";
        memcpy(sign, r->text + a->offset, a->length < 3 ? a->length : 3);
        speak(r, sign, i, i + 1, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        return i + 1;
    }
    if (atom_is(r, i, "WW") && (atom_is(r, i + 1, "1") || atom_is(r, i + 1, "2")) && atom_joined(r, i + 1, ATOM_NUMBER)) {
        speak(r, atom_is(r, i + 1, "1") ? "World War one" : "World War two", i, i + 2, CW_TOKEN_PLAIN);
        return i + 2;
    }
    /* H2O, CO2, PS5 */
    if (a->length <= 3 && atom_capitals(r, i) && atom_joined(r, i + 1, ATOM_NUMBER) && atom_at(r, i + 1)->length <= 2 &&
        (i == 0 || a->space || atom_at(r, i - 1)->kind != ATOM_WORD)) {
        speak_atom(r, i, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        return i + 1;
    }
    if (a->length == 1 && atom_lower(r, i) && atom_joined_mark(r, i + 1, '(') &&
        (atom_joined(r, i + 2, ATOM_WORD) || atom_joined(r, i + 2, ATOM_NUMBER)) && atom_at(r, i + 2)->length == 1 &&
        atom_joined_mark(r, i + 3, ')')) { /* f(x) */
        speak_atom(r, i, CW_TOKEN_PLAIN);
        speak(r, "of", i + 1, i + 2, CW_TOKEN_PLAIN);
        if (atom_at(r, i + 2)->kind == ATOM_WORD) {
            speak(r, (char[2]){*atom_text(r, i + 2), '\0'}, i + 2, i + 4, CW_TOKEN_PLAIN);
        } else {
            cw_say_digits(&r->words, atom_text(r, i + 2), 1);
            speak_scratch(r, i + 2, i + 4);
        }
        return i + 4;
    }
    if (a->length == 1 && equation_at(r, i)) { /* x - y = 3: the hyphen is a minus */
        speak_atom(r, i, 0);
        return i + 1;
    }
    if (a->length == 1 && (atom_capital(r, i) || (atom_is(r, i, "c") && atom_mark(r, i + 1, '#'))) &&
        (atom_joined_mark(r, i + 1, '#') || atom_joined_mark(r, i + 1, 0x266F) || atom_joined_mark(r, i + 1, 0x266D)) &&
        !atom_joined(r, i + 2, ATOM_WORD)) {
        speak_atom(r, i, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        speak(r, atom_mark(r, i + 1, 0x266D) ? "flat" : "sharp", i + 1, i + 2, CW_TOKEN_PLAIN);
        return i + 2;
    }
    size_t end = i + 1;
    while (atom_joined_mark(r, end, '-') && atom_joined(r, end + 1, ATOM_WORD)) {
        end += 2;
    }
    const struct atom *last = atom_at(r, end - 1);
    cw_text_add_n(&r->words, r->text + a->offset, last->offset + last->length - a->offset);
    if (!r->words.failed && r->words.len) {
        speak(r, r->words.data, i, end, 0);
    }
    cw_text_clear(&r->words);
    return end;
}

/* 'tis, 'em, 'cause: the apostrophe belongs to the word. */
static size_t read_clipped(struct reader *r, size_t i) {
    static const char *const words[] = {"tis", "twas", "em", "cause", "til", "bout", "round", "n", NULL};
    if (!atom_mark(r, i, '\'') || !atom_at(r, i)->space || !atom_joined(r, i + 1, ATOM_WORD) || !atom_in(r, i + 1, words)) {
        return i;
    }
    char word[16] = "'";
    memcpy(word + 1, atom_text(r, i + 1), atom_at(r, i + 1)->length);
    bool closed = atom_is(r, i + 1, "n") && atom_joined_mark(r, i + 2, '\''); /* rock 'n' roll */
    if (closed) {
        strncat(word, "'", 2);
    }
    speak(r, word, i, i + 2 + closed, 0);
    return i + 2 + closed;
}

static void reader_free(struct reader *r) {
    free(r->atoms);
    free(r->text);
    free(r->map);
    cw_text_free(&r->words);
}

/* [word](/ipa/) and [word](+1). Anything else in the parentheses is not for us: the label is read as it stands. */
static int read_link(struct reader *r, size_t i, struct cw_error *err) {
    const struct atom *a = atom_at(r, i);
    const char *value = r->text + a->value;
    struct cw_tokens *t = r->out;
    size_t first = t->n;
    if (a->value_length >= 2 && value[0] == '/') {
        size_t from = 1, to = a->value_length - (value[a->value_length - 1] == '/');
        int symbols = 0, sounds = 0;
        for (size_t k = from; k < to;) {
            uint32_t c = 0;
            int n = cw_utf8_next(value + k, to - k, &c);
            if (n == 0 || !cw_symbol_known(c)) {
                return cw_fail(err, CW_BAD_INPUT,
                               "text: byte %zu: expected phonemes of the model's alphabet in [%.*s](/…/), found \"%.*s\" (U+%04X)",
                               (size_t)r->map[a->value + k], (int)(a->label_length < 60 ? a->label_length : 60), r->text + a->label, n,
                               value + k, (unsigned)c);
            }
            symbols++;
            sounds += !(c == ' ' || c == 0x2C8 || c == 0x2CC || c == 0x2D0 || c < 'A' || c == EM_DASH || c == ELLIPSIS || c == 0x201C ||
                        c == 0x201D);
            k += (size_t)n;
        }
        if (!sounds) {
            return cw_fail(err, CW_BAD_INPUT, "text: byte %zu: expected phonemes in [%.*s](/…/), found none", (size_t)r->map[a->value],
                           (int)(a->label_length < 60 ? a->label_length : 60), r->text + a->label);
        }
        speak(r, "x", i, i + 1, 0);
        if (t->n > first) {
            struct cw_token *k = &t->v[first];
            k->kind = CW_TOKEN_INLINE;
            k->spoken = cw_tokens_keep(t, r->text + a->label, a->label_length);
            k->phonemes = cw_tokens_keep(t, value + from, to - from);
            k->offset = r->map[a->label];
            k->length = a->label_length;
        }
        return 0;
    }
    float stress = CW_NO_STRESS;
    const char *number = value + (a->value_length > 0 && *value == '+');
    size_t n = a->value_length - (size_t)(number - value);
    bool minus = n > 0 && *number == '-';
    const char *digits = number + minus;
    n -= minus;
    if (n == 1 && *digits >= '0' && *digits <= '2') {
        stress = (float)(*digits - '0');
    } else if (n == 3 && memcmp(digits, "0.5", 3) == 0) {
        stress = 0.5F;
    }
    /* the label's words, in place: read it as text of its own, then move its tokens to where it stands */
    struct reader inner = {.british = r->british, .out = t};
    int result = -1;
    bool space = a->space;
    char *label = cw_strndup(r->text + a->label, a->label_length);
    if (!label) {
        return cw_fail_memory(err, "text");
    }
    if (text_clean(&inner, label, err) || atoms_read(&inner, err)) {
        goto done;
    }
    for (size_t k = 0; k < inner.atom_count;) {
        size_t next = inner.atoms[k].kind == ATOM_NUMBER ? read_number(&inner, k)
                      : inner.atoms[k].kind == ATOM_WORD ? read_word(&inner, k)
                                                         : k + 1;
        k = next > k ? next : k + 1;
    }
    for (size_t k = first; k < t->n; k++) {
        t->v[k].offset += r->map[a->label];
        t->v[k].stress = stress == CW_NO_STRESS ? stress : minus ? -stress : stress;
    }
    if (t->n > first && first > 0 && space) {
        t->v[first].flags |= CW_TOKEN_SPACE;
    }
    result = 0;
done:
    reader_free(&inner);
    free(label);
    return result;
}

/* [HH AH0 L OW1]: the sounds themselves, in the alphabet of American pronouncing dictionaries. They are shown as they stand. */
static const char *const arpabet[][2] = {
    {"AA", "ɑ"}, {"AE", "æ"}, {"AH", "ʌ"}, {"AO", "ɔ"}, {"AW", "W"}, {"AY", "I"}, {"EH", "ɛ"}, {"ER", "ɜɹ"},
    {"EY", "A"}, {"IH", "ɪ"}, {"IY", "i"}, {"OW", "O"}, {"OY", "Y"}, {"UH", "ʊ"}, {"UW", "u"}, /* these bear stress; the others do not */
    {"B", "b"},  {"CH", "ʧ"}, {"D", "d"},  {"DH", "ð"}, {"F", "f"},  {"G", "ɡ"},  {"HH", "h"}, {"JH", "ʤ"},
    {"K", "k"},  {"L", "l"},  {"M", "m"},  {"N", "n"},  {"NG", "ŋ"}, {"P", "p"},  {"R", "ɹ"},  {"S", "s"},
    {"SH", "ʃ"}, {"T", "t"},  {"TH", "θ"}, {"V", "v"},  {"W", "w"},  {"Y", "j"},  {"Z", "z"},  {"ZH", "ʒ"}};
enum { VOWELS = 15 };

/* One sound of n bytes, "AH0" or "HH", is added to `out`. */
static bool add_sound(struct cw_text *out, const char *s, size_t n, bool british) {
    char stress = n > 1 && s[n - 1] >= '0' && s[n - 1] <= '2' ? s[n - 1] : 0;
    n -= stress != 0;
    for (size_t k = 0; k < sizeof arpabet / sizeof arpabet[0]; k++) {
        if (strlen(arpabet[k][0]) == n && memcmp(arpabet[k][0], s, n) == 0 && (k < VOWELS) == (stress != 0)) {
            const char *weak = stress != '0'                      ? NULL
                               : strcmp(arpabet[k][0], "AH") == 0 ? "ə"
                               : strcmp(arpabet[k][0], "ER") == 0 ? "əɹ"
                                                                  : NULL;
            const char *own = british && strcmp(arpabet[k][0], "OW") == 0 ? "Q" : arpabet[k][1];
            cw_text_add(out, stress == '1' ? "ˈ" : stress == '2' ? "ˌ" : "");
            cw_text_add(out, weak ? weak : own);
            return true;
        }
    }
    return false;
}

static size_t read_sounds(struct reader *r, size_t i) {
    const char *s = atom_text(r, i), *close = *s == '[' ? strchr(s, ']') : NULL;
    bool vowel = false;
    if (!close || close - s > 200) {
        return i;
    }
    for (const char *p = s + 1; p < close;) {
        size_t n = strcspn(p, " ]");
        if (n && !add_sound(&r->words, p, n, r->british)) {
            cw_text_clear(&r->words);
            return i;
        }
        vowel = vowel || (n && p[n - 1] >= '0' && p[n - 1] <= '2');
        p += n + (p[n] == ' ');
    }
    size_t end = i + 1;
    while (atom_text(r, end) <= close && atom_at(r, end)->kind != ATOM_END) {
        end++;
    }
    if (vowel && !r->words.failed) {
        struct cw_tokens *t = r->out;
        size_t first = t->n;
        speak(r, "x", i, end, 0);
        if (t->n > first) {
            t->v[first].kind = CW_TOKEN_INLINE;
            t->v[first].spoken = cw_tokens_keep(t, s, (size_t)(close - s) + 1);
            t->v[first].phonemes = cw_tokens_keep(t, r->words.data, r->words.len);
        }
    }
    cw_text_clear(&r->words);
    return vowel ? end : i;
}

/* ---- signs and marks ----------------------------------------------------------------------------------------------------- */

static const struct sign {
    uint32_t mark;
    const char *spoken;
} signs[] = {{'&', "and"},
             {'+', "plus"},
             {'=', "equals"},
             {'@', "at"},
             {'%', "percent"},
             {0xD7, "times"},
             {0xF7, "divided by"},
             {0xB1, "plus or minus"},
             {0x2248, "about"},
             {0x2260, "is not equal to"},
             {0x2264, "is at most"},
             {0x2265, "is at least"},
             {0x2261, "is identical to"},
             {0x221D, "is proportional to"},
             {0xA7, "section"},
             {0xB6, "paragraph"},
             {0xA9, "copyright"},
             {0x2116, "number"},
             {0xBD, "one half"},
             {0xBC, "one quarter"},
             {0xBE, "three quarters"},
             {0x2153, "one third"},
             {0x2154, "two thirds"},
             {0x215B, "one eighth"},
             {0x215C, "three eighths"},
             {0x215D, "five eighths"},
             {0x215E, "seven eighths"},
             {0xB0, "degrees"},
             {0x221E, "infinity"},
             {0x221A, "the square root of"},
             {0x2211, "the sum of"},
             {0x222B, "the integral of"},
             {0x2202, "partial"},
             {0x2206, "delta"},
             {0x2208, "in"},
             {'$', "dollar"},
             {0xA3, "pound"},
             {0x20AC, "euro"},
             {0xA5, "yen"},
             {0xA2, "cent"},
             {0x2192, "to"},
             {0x2194, "to and from"},
             {0x21D2, "implies"}};

static bool number_next(const struct reader *r, size_t i) {
    return atom_at(r, i)->kind == ATOM_NUMBER;
}

/* The value of a superscript, '-' for a raised minus, or 0: plain. */
static char superscript(const struct reader *r, size_t i) {
    const struct atom *a = atom_at(r, i);
    uint32_t m = a->kind == ATOM_MARK && !a->space ? a->mark : 0;
    return (char)(m == 0xB2                    ? '2'
                  : m == 0xB3                  ? '3'
                  : m == 0xB9                  ? '1'
                  : m == 0x2070                ? '0'
                  : m >= 0x2074 && m <= 0x2079 ? '4' + (char)(m - 0x2074)
                  : m == 0x207B                ? '-'
                                               : 0);
}

/* x², 10⁻⁹; after a word a raised number is a footnote's and is not said. */
static size_t read_power(struct reader *r, size_t i) {
    char digits[16];
    size_t n = 0, end = i;
    while (n < sizeof digits && superscript(r, end)) {
        digits[n++] = superscript(r, end++);
    }
    if (!n || i == 0 || (atom_at(r, i - 1)->kind == ATOM_WORD && atom_at(r, i - 1)->length > 2) ||
        (atom_at(r, i - 1)->kind == ATOM_MARK && atom_at(r, i - 1)->mark != ')')) {
        return n ? end : i;
    }
    bool minus = digits[0] == '-';
    if (n == 1 && (digits[0] == '2' || digits[0] == '3')) {
        speak(r, digits[0] == '2' ? "squared" : "cubed", i, end, CW_TOKEN_PLAIN);
        return end;
    }
    cw_text_add(&r->words, minus ? "to the power of minus" : "to the power of");
    size_t whole = 0;
    while (minus + whole < n && digits[minus + whole] != '-') {
        whole++;
    }
    if (whole) {
        cw_say_cardinal(&r->words, digits + minus, whole, CW_AND_NONE);
    }
    speak_scratch(r, i, end);
    return end;
}

/* &amp; and its like: only "and" is said. */
static size_t read_entity(struct reader *r, size_t i) {
    static const char *const entities[] = {"amp", "nbsp", "quot", "apos", "lt", "gt", "mdash", "ndash", "hellip", NULL};
    if (!atom_mark(r, i, '&') || !atom_joined(r, i + 1, ATOM_WORD) || !atom_in(r, i + 1, entities) || !atom_joined_mark(r, i + 2, ';')) {
        return i;
    }
    if (atom_is(r, i + 1, "amp")) {
        speak(r, "and", i, i + 3, CW_TOKEN_PLAIN);
    }
    return i + 3;
}

/* Is there something to the left of the sign that it can compare? */
static bool operand_before(const struct reader *r, size_t i) {
    return i > 0 && (number_next(r, i - 1) || atom_at(r, i - 1)->kind == ATOM_WORD || atom_mark(r, i - 1, ')') ||
                     atom_mark(r, i - 1, '%') || superscript(r, i - 1) || atom_mark(r, i - 1, '!'));
}

static bool approximate(const struct reader *r, size_t i) {
    static const char *const words[] = {"about", "around", "roughly", "approximately", "some", "circa", NULL};
    return i > 0 && atom_in_any_case(r, i - 1, words);
}

/* A sign that is said, or nothing: the atom after it, or i. */
static size_t read_sign(struct reader *r, size_t i) {
    uint32_t m = atom_at(r, i)->mark;
    bool space = atom_at(r, i)->space, space_after = atom_at(r, i + 1)->space;
    bool between = i > 0 && number_next(r, i - 1) && number_next(r, i + 1);
    const char *spoken = NULL;
    size_t end = read_entity(r, i);
    end = end > i ? end : superscript(r, i) ? read_power(r, i) : i;
    if (end > i) {
        return end;
    }
    end = i + 1;
    if (m == '#') {
        spoken = number_next(r, i + 1) && !space_after ? "number" : NULL;
    } else if (m == '~' || m == 0x2248) {
        if (number_next(r, i + 1) || atom_mark(r, i + 1, '$') || m != '~') {
            if (approximate(r, i)) {
                return end;
            }
            spoken = m != '~' && operand_before(r, i) ? "is about" : "about";
        }
    } else if (m == '*') {
        bool times = equation_at(r, i) ? operand_before(r, i) : between && (space || space_after);
        spoken = times ? "times" : between ? "asterisk" : NULL;
    } else if (m == '/') {
        bool number_before = i > 0 && number_next(r, i - 1);
        if (i > 1 && !space && atom_at(r, i - 1)->kind == ATOM_WORD && number_next(r, i - 2) &&
            (end = read_per(r, i)) > i) { /* 60 miles/hour */
            return end;
        }
        end = i + 1;
        spoken = equation_at(r, i) && operand_before(r, i)                                                              ? "over"
                 : (space && space_after && i > 0 && i + 1 < r->atom_count) || (number_before && space_after && !space) ? "slash"
                                                                                                                        : NULL;
    } else if (m == EN_DASH && !space && !space_after && i > 1) { /* Q1–Q3, the '60s–'70s */
        size_t to = i + 1 + atom_mark(r, i + 1, '\'');
        bool number = number_next(r, i - 1) || (atom_is(r, i - 1, "s") && number_next(r, i - 2));
        bool letter = atom_at(r, to)->length == 1 && atom_joined(r, to + 1, ATOM_NUMBER);
        bool letters =
            atom_capitals(r, i - 1) && atom_at(r, i - 1)->length == 1 && atom_capitals(r, i + 1) && atom_at(r, i + 1)->length == 1;
        spoken = letters || (number && (letter || number_next(r, to))) ? "to" : NULL;
    } else if (m == '-' || m == MINUS_SIGN) {
        bool zone = i > 0 && !space && !space_after && number_next(r, i + 1) && (atom_is(r, i - 1, "UTC") || atom_is(r, i - 1, "GMT"));
        spoken = (zone || (equation_at(r, i) && operand_before(r, i) && (space == space_after))) ? "minus"
                 : m == MINUS_SIGN && operand_before(r, i)                                       ? "minus"
                                                                                                 : NULL;
    } else if (m == '^') {
        bool two = atom_is(r, i + 1, "2"), three = atom_is(r, i + 1, "3");
        if (i > 0 && !space && !space_after) {
            if (two || three) {
                speak(r, two ? "squared" : "cubed", i, i + 2, CW_TOKEN_PLAIN);
                return i + 2;
            }
            bool minus = (atom_mark(r, i + 1, '-') || atom_mark(r, i + 1, MINUS_SIGN)) && number_next(r, i + 2);
            if (minus) {
                speak(r, "to the power of minus", i, i + 2, CW_TOKEN_PLAIN);
                return i + 2;
            }
            spoken = number_next(r, i + 1) || (atom_at(r, i + 1)->kind == ATOM_WORD && atom_at(r, i + 1)->length == 1) ? "to the power of"
                                                                                                                       : NULL;
        }
    } else if (m == '<' || m == '>') {
        bool equal = atom_joined_mark(r, i + 1, '=');
        if (number_next(r, i + 1 + equal) || atom_mark(r, i + 1, '$') || atom_mark(r, i + 1, '.') ||
            (space && space_after && operand_before(r, i) && atom_at(r, i + 1)->length == 1)) {
            static const char *const not_operands[] = {"is",   "was", "are", "were", "be",   "it's", "of", "to",
                                                       "with", "and", "or",  "at",   "than", "for",  "in", NULL};
            bool compares = operand_before(r, i) && (space == space_after) && !atom_in_any_case(r, i - 1, not_operands);
            spoken = equal      ? (m == '<' ? "is at most" : "is at least")
                     : compares ? (m == '<' ? "is less than" : "is greater than")
                                : (m == '<' ? "less than" : "more than");
            end += equal;
        }
    } else if (m == '=') {
        end += atom_joined_mark(r, end, '=');
        spoken = atom_joined_mark(r, end, '>') || (i > 0 && atom_mark(r, i - 1, '=')) || !operand_before(r, i) ? NULL : "equals";
    } else if (m == '+' && atom_joined_mark(r, i + 1, '/') && (atom_joined_mark(r, i + 2, '-'))) {
        spoken = "plus or minus";
        end += 2;
    } else if (m == '!' && i > 0 && !space && atom_mark(r, i + 1, '=') && space_after &&
               (number_next(r, i - 1) || atom_at(r, i - 1)->length == 1)) {
        spoken = "factorial";
    } else if (m == '!' && atom_joined_mark(r, i + 1, '=')) {
        spoken = "is not equal to";
        end++;
    } else if (m == '%' && i > 0 && atom_at(r, i - 1)->kind == ATOM_WORD && !space) {
        spoken = "percent";
    } else if (m == 0x2265 || m == 0x2264) {
        spoken = operand_before(r, i) ? (m == 0x2265 ? "is at least" : "is at most") : m == 0x2265 ? "at least" : "at most";
    } else if (m == 0x2764 && i > 0 && atom_is(r, i - 1, "I")) { /* I ❤ NY */
        spoken = "love";
    } else if (m == 0xA9 || m == '+') {
        bool alone = space && space_after && ((i == 0 && m == '+') || i + 1 >= r->atom_count);
        spoken = alone ? NULL : m == '+' ? "plus" : "copyright";
    } else {
        for (size_t k = 0; k < sizeof signs / sizeof signs[0]; k++) {
            if (signs[k].mark == m) {
                spoken = signs[k].spoken;
            }
        }
    }
    if (spoken) {
        speak(r, spoken, i, end, CW_TOKEN_PLAIN);
        return end;
    }
    return i;
}

static int rank(uint32_t m) { /* which mark of a run is kept: "?!" -> "?", "..." counts as an ellipsis */
    return m == '?' ? 6 : m == '!' ? 5 : m == ELLIPSIS ? 4 : m == '.' ? 3 : m == ':' || m == ';' ? 2 : m == ',' ? 1 : 0;
}

static bool run_mark(uint32_t m) {
    return rank(m) > 0;
}

/* Marks ─▶ at most one clause mark from each run; quotes become “ ” by where they stand. */
static size_t read_mark(struct reader *r, size_t i) {
    const struct atom *a = atom_at(r, i);
    struct cw_tokens *t = r->out;
    uint32_t m = a->mark;
    bool after_clause = t->n && t->v[t->n - 1].kind == CW_TOKEN_MARK && cw_mark_is_clause(cw_token_spoken(t, t->n - 1));
    size_t end = i + 1;
    if (run_mark(m)) {
        uint32_t best = m;
        int dots = m == '.';
        while (atom_at(r, end)->kind == ATOM_MARK && run_mark(atom_at(r, end)->mark) &&
               (!atom_at(r, end)->space || atom_mark(r, end, '.'))) {
            uint32_t next = atom_at(r, end)->mark;
            dots += next == '.';
            best = rank(next) > rank(best) ? next : best;
            end++;
        }
        if (best == '.' && dots > 1) {
            best = ELLIPSIS;
        }
        char mark[5] = {(char)best};
        if (t->n && !after_clause) {
            speak_mark(r, best == ELLIPSIS ? "…" : mark, i);
        }
        return end;
    }
    bool space_after = atom_at(r, i + 1)->space;
    if (m == '-' || m == EN_DASH || m == EM_DASH || m == MINUS_SIGN) {
        while (atom_at(r, end)->kind == ATOM_MARK &&
               (atom_at(r, end)->mark == '-' || atom_at(r, end)->mark == EN_DASH || atom_at(r, end)->mark == EM_DASH)) {
            end++;
        }
        bool dash =
            m == EM_DASH || end > i + 1 || m == EN_DASH || (m == '-' && (a->space == atom_at(r, end)->space) && a->space) || space_after;
        bool list = m != EM_DASH && (i == 0 || t->n == 0);
        bool hyphen = m == '-' && end == i + 1 && (!a->space || !space_after);
        if (dash && !list && !hyphen && t->n && !after_clause) {
            speak_mark(r, "—", i);
        }
        return end;
    }
    if (m == '"' || m == 0x201C || m == 0x201D) {
        bool open = m == 0x201C ||
                    (m == '"' && (a->space || (i > 0 && (atom_mark(r, i - 1, '(') || atom_mark(r, i - 1, EM_DASH)))) && !space_after);
        if (m == '"' && !a->space && !space_after) {
            open = !r->quoted;
        }
        r->quoted = open;
        speak_mark(r, open ? "“" : "”", i);
        return end;
    }
    if (m == '(' || m == ')') {
        speak_mark(r, m == '(' ? "(" : ")", i);
    }
    return end; /* anything else makes no sound */
}

/* ---- the walk --------------------------------------------------------------------------------------------------------------- */

/* No small letter in at least four words of which one is long: capitals carry no meaning there. */
static bool shouting(const struct reader *r) {
    size_t words = 0, longest = 0;
    for (size_t i = 0; i < r->atom_count; i++) {
        const struct atom *a = &r->atoms[i];
        if (a->kind != ATOM_WORD) {
            continue;
        }
        words++;
        longest = a->length > longest ? a->length : longest;
        for (size_t k = 0; k < a->length;) {
            uint32_t c = 0;
            k += (size_t)cw_utf8_next(r->text + a->offset + k, a->length - k, &c);
            if (letter_lower(c)) {
                return false;
            }
        }
    }
    return words >= 4 && longest >= 4;
}

static bool speakable(const struct cw_tokens *t) {
    for (size_t i = 0; i < t->n; i++) {
        if (t->v[i].kind != CW_TOKEN_MARK) {
            return true;
        }
    }
    return false;
}

int cw_tokens_make(struct cw_tokens *t, const char *text, bool british, struct cw_error *err) {
    int result = -1;
    bool silent = false;
    struct reader r = {.british = british, .out = t};
    *t = (struct cw_tokens){0};
    if (text_clean(&r, text, err) || atoms_read(&r, err)) {
        goto done;
    }
    static const struct {
        size_t (*read)(struct reader *, size_t);
        enum cw_token_class class;
    } word_readers[] = {{read_address, CW_CLASS_ELECTRONIC},  {read_date_words, CW_CLASS_DATE}, {read_weekday, CW_CLASS_DATE},
                        {read_dotted, CW_CLASS_ABBREVIATION}, {read_state, CW_CLASS_ADDRESS},   {read_abbreviation, CW_CLASS_ABBREVIATION},
                        {read_roman, CW_CLASS_ROMAN},         {read_money, CW_CLASS_MONEY},     {read_word, CW_CLASS_WORD}},
      mark_readers[] = {{read_sounds, CW_CLASS_WORD},        {read_money, CW_CLASS_MONEY},  {read_phone, CW_CLASS_TELEPHONE},
                        {read_number, CW_CLASS_CARDINAL},    {read_clipped, CW_CLASS_WORD}, {read_handle, CW_CLASS_ELECTRONIC},
                        {read_address, CW_CLASS_ELECTRONIC}, {read_sign, CW_CLASS_SYMBOL}},
      number_readers[] = {{read_address, CW_CLASS_ELECTRONIC}, {read_money, CW_CLASS_MONEY}, {read_number, CW_CLASS_CARDINAL}};
#define FIRST_OF(readers)                                                                                                                  \
    for (size_t k = 0; next == i && k < sizeof readers / sizeof readers[0]; k++) {                                                         \
        r.class = readers[k].class;                                                                                                        \
        next = readers[k].read(&r, i);                                                                                                     \
    }
    bool shout = shouting(&r);
    for (size_t i = 0; i < r.atom_count && !t->pool.failed;) {
        size_t next = i;
        r.class = CW_CLASS_WORD;
        switch (r.atoms[i].kind) {
        case ATOM_LINK:
            if (read_link(&r, i, err)) {
                goto done;
            }
            next = i + 1;
            break;
        case ATOM_NUMBER:
            FIRST_OF(number_readers)
            break;
        case ATOM_WORD:
            FIRST_OF(word_readers)
            break;
        default:
            FIRST_OF(mark_readers)
            next = next > i ? next : read_mark(&r, i);
            break;
        }
        i = next > i ? next : i + 1;
    }
    for (size_t i = 0; shout && i < t->n; i++) {
        t->v[i].flags |= CW_TOKEN_SHOUT;
    }
    if (t->pool.failed || r.words.failed) {
        cw_fail_memory(err, "text");
        goto done;
    }
    silent = !speakable(t);
    if (silent) {
        cw_fail(err, CW_BAD_INPUT, "text: expected at least one word to speak, found %s", r.atom_count ? "only marks" : "nothing");
        goto done;
    }
    result = 0;
done:
    reader_free(&r);
    if (result) {
        cw_tokens_free(t);
        t->silent = silent;
    }
    return result;
}

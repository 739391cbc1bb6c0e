/* Spanish, French, Hindi, Italian, Brazilian Portuguese: text ─▶ words and marks ─▶ clauses ─▶ espeak-ng, which reads numbers and dates by
 * its own rules ─▶ its words shared out among ours. A clause is read whole, because words change their sounds where they meet. */
#include "tts/sound.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 20000 };

static bool is_space(uint32_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x3000;
}

/* A mark as the model knows it; "" where it is left out; NULL: no mark. */
static const char *mark_of(uint32_t c, bool *quoted) {
    switch (c) {
    case ';':
        return ";";
    case ':':
        return ":";
    case ',':
        return ",";
    case '.':
    case 0x964: /* the danda of Hindi, and its double */
    case 0x965:
        return ".";
    case '!':
        return "!";
    case '?':
        return "?";
    case 0x2014:
    case 0x2013:
        return "—";
    case 0x2026:
        return "…";
    case '(':
        return "(";
    case ')':
        return ")";
    case 0xAB:
    case 0x201C:
    case 0x201E:
        return "“";
    case 0xBB:
    case 0x201D:
        return "”";
    case '"':
        *quoted = !*quoted;
        return *quoted ? "“" : "”";
    case 0xA1: /* ¡ ¿ */
    case 0xBF:
    case '[':
    case ']':
    case '{':
    case '}':
        return "";
    default:
        return NULL;
    }
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static int check(const char *text, struct cw_error *err) {
    size_t n = strlen(text);
    ptrdiff_t bad = cw_utf8_invalid(text, n);
    if (bad >= 0) {
        return cw_fail(err, CW_BAD_INPUT, "text: byte %td: expected UTF-8, found an invalid sequence", bad);
    }
    if (n > TEXT_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "text: expected at most %d bytes, found %zu", TEXT_MAX, n);
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
            return cw_fail(err, CW_BAD_INPUT, "text: byte %zu: expected text, found control character U+%04X", i, c);
        }
    }
    return 0;
}

static int add(struct cw_tokens *t, struct cw_token token, struct cw_error *err) {
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        struct cw_token *more = realloc(t->v, cap * sizeof *more);
        if (!more) {
            return cw_fail_memory(err, "text");
        }
        t->v = more;
        t->cap = cap;
    }
    t->v[t->n++] = token;
    return 0;
}

/* "[word](/phonemes/)" at s: its length, with where word and phonemes end; 0: there is none. */
static size_t link_at(const char *s, size_t *word, size_t *phonemes) {
    *word = *s == '[' ? strcspn(s, "]\n") : 0;
    if (*word < 2 || strncmp(s + *word, "](/", 3) != 0) {
        return 0;
    }
    *phonemes = *word + 3 + strcspn(s + *word + 3, "/\n");
    return *phonemes > *word + 3 && strncmp(s + *phonemes, "/)", 2) == 0 ? *phonemes + 2 : 0;
}

/* Words, marks and inline phonemes, with their places. */
static int split(struct cw_tokens *t, const char *text, struct cw_error *err) {
    bool space = false, quoted = false;
    cw_tokens_keep(t, "", 0);
    for (size_t i = 0, n = strlen(text); i < n;) {
        uint32_t c = 0;
        size_t k = (size_t)cw_utf8_next(text + i, n - i, &c), word, phonemes, link = link_at(text + i, &word, &phonemes);
        struct cw_token token = {.offset = i, .stress = CW_NO_STRESS, .flags = space ? CW_TOKEN_SPACE : 0};
        k = k ? k : 1;
        const char *mark = mark_of(c, &quoted);
        if (is_space(c)) {
            space = true;
            i += k;
            continue;
        }
        if (link) {
            token.kind = CW_TOKEN_INLINE;
            token.length = link;
            token.source = CW_WORD_INLINE;
            token.spoken = cw_tokens_keep(t, text + i + 1, word - 1);
            token.phonemes = cw_tokens_keep(t, text + i + word + 3, phonemes - word - 3);
        } else if (mark) {
            size_t end = i + k;
            if (strncmp(text + i, "...", 3) == 0) {
                mark = "…";
                end = i + strspn(text + i, ".");
            }
            token.kind = CW_TOKEN_MARK;
            token.length = end - i;
            token.source = CW_WORD_PUNCTUATION;
            token.spoken = token.phonemes = cw_tokens_keep(t, mark, strlen(mark));
        } else {
            size_t end = i;
            while (end < n) { /* to white space or a mark; a point or comma inside of a number is the number's */
                bool ignored = false;
                size_t m = (size_t)cw_utf8_next(text + end, n - end, &c);
                bool inner = end > i && strchr(".,:", (int)(c < 0x80 ? c : ' ')) && is_digit(text[end - 1]) && is_digit(text[end + 1]);
                if (is_space(c) || (mark_of(c, &ignored) && !inner)) {
                    break;
                }
                end += m ? m : 1;
            }
            token.kind = CW_TOKEN_WORD;
            token.length = end - i;
            token.source = CW_WORD_ESPEAK;
            token.spoken = cw_tokens_keep(t, text + i, end - i);
        }
        bool crowd = t->n >= 3; /* the fourth mark in a row says no more */
        for (size_t b = 1; crowd && b <= 3; b++) {
            crowd = t->v[t->n - b].kind == CW_TOKEN_MARK;
        }
        if ((token.kind != CW_TOKEN_MARK || (*mark && !crowd)) && add(t, token, err)) {
            return -1;
        }
        space = token.kind == CW_TOKEN_MARK && !*mark ? space : false;
        i += token.length;
    }
    return t->pool.failed ? cw_fail_memory(err, "text") : 0;
}

/* Signs are said by us: espeak-ng 1.51 does not know them in every language. */
static const char *sign_word(uint32_t c, const char *language) {
    static const char *const languages[] = {"es", "fr-fr", "hi", "it", "pt-br"};
    static const struct {
        uint32_t sign;
        const char *words[5];
    } signs[] = {
        {'%', {"por ciento", "pour cent", "प्रतिशत", "per cento", "por cento"}},
        {'$', {"dólares", "dollars", "डॉलर", "dollari", "dólares"}},
        {0x20AC, {"euros", "euros", "यूरो", "euro", "euros"}},
        {0xA3, {"libras", "livres", "पाउंड", "sterline", "libras"}},
        {0x20B9, {"rupias", "roupies", "रुपये", "rupie", "rupias"}},
        {'&', {"y", "et", "और", "e", "e"}},
        {'+', {"más", "plus", "जोड़", "più", "mais"}},
        {'=', {"igual a", "égale", "बराबर", "uguale a", "igual a"}},
        {'@', {"arroba", "arobase", "ऐट", "chiocciola", "arroba"}},
        {0xB0, {"grados", "degrés", "डिग्री", "gradi", "graus"}},
    };
    for (size_t k = 0; k < sizeof signs / sizeof signs[0]; k++) {
        for (size_t l = 0; signs[k].sign == c && l < sizeof languages / sizeof languages[0]; l++) {
            if (strcmp(languages[l], language) == 0) {
                return signs[k].words[l];
            }
        }
    }
    return NULL;
}

/* "50%" -> "50 por ciento", "$50" -> "50 dólares". */
static void spell_signs(struct cw_text *out, const char *word, const char *language) {
    const char *waiting = NULL; /* a sign's word that the number after it goes before */
    for (size_t i = 0, n = strlen(word); i < n;) {
        uint32_t c = 0;
        size_t k = (size_t)cw_utf8_next(word + i, n - i, &c);
        const char *said = sign_word(c, language);
        k = k ? k : 1;
        if (said && is_digit(word[i + k]) && i == 0) {
            waiting = said;
        } else if (said) {
            cw_text_printf(out, " %s ", said);
        } else {
            cw_text_add_n(out, word + i, k);
        }
        i += k;
    }
    if (waiting) {
        cw_text_printf(out, " %s", waiting);
    }
}

static int count_words(const char *s) {
    int n = *s != '\0';
    for (; *s; s++) {
        n += *s == ' ';
    }
    return n;
}

/* The next `n` words of *s, which moves on behind them. */
static size_t take_words(const char **s, int n) {
    const char *from = *s;
    size_t len = 0;
    while (from[len] && n > 0) {
        n -= from[len] == ' ';
        len += n > 0 || from[len] != ' ';
    }
    *s = from + len + (from[len] == ' ');
    return len;
}

/* Tokens [from, to) are one clause's words. espeak-ng may answer with more words (a number) or fewer (two that it joins): each of ours gets
 * as many as it has alone, and the last one gets what is left. */
static int read_clause(struct cw_tokens *t, size_t from, size_t to, const char *language, struct cw_error *err) {
    int result = -1, left, total;
    struct cw_text words = {0}, ipa = {0}, alone = {0}, said = {0};
    for (size_t i = from; i < to; i++) {
        cw_text_add(&words, i > from ? " " : "");
        spell_signs(&words, cw_token_spoken(t, i), language);
    }
    if (cw_text_check(&words, "text", err) || espeak_clause(words.data, language, &ipa, err)) {
        goto done;
    }
    const char *rest = ipa.data ? ipa.data : "";
    total = left = count_words(rest);
    for (size_t i = from; i < to; i++) {
        int share = 1;
        if (total != (int)(to - from)) {
            cw_text_clear(&alone);
            cw_text_clear(&said);
            spell_signs(&said, cw_token_spoken(t, i), language);
            if (cw_text_check(&said, "text", err) || espeak_clause(said.data ? said.data : "", language, &alone, err)) {
                goto done;
            }
            share = count_words(alone.data ? alone.data : "");
        }
        share = i + 1 == to ? left : share < left ? share : left;
        const char *part = rest;
        size_t len = share > 0 ? take_words(&rest, share) : 0;
        left -= share;
        t->v[i].phonemes = cw_tokens_keep(t, part, len);
    }
    result = t->pool.failed ? cw_fail_memory(err, "phonemes") : 0;
done:
    cw_text_free(&words);
    cw_text_free(&ipa);
    cw_text_free(&alone);
    cw_text_free(&said);
    return result;
}

int cw_foreign_tokens(struct cw_tokens *t, const char *text, struct cw_error *err) {
    return check(text, err) || split(t, text, err) ? -1 : 0;
}

int cw_foreign_sounds(struct cw_tokens *t, const char *language, struct cw_error *err) {
    for (size_t i = 0; i < t->n;) {
        size_t end = i;
        while (end < t->n && t->v[end].kind == CW_TOKEN_WORD) {
            end++;
        }
        if (end > i && read_clause(t, i, end, language, err)) {
            return -1;
        }
        i = end > i ? end : i + 1;
    }
    for (size_t i = 0; i < t->n; i++) {
        if ((t->v[i].flags & CW_TOKEN_DICTIONARY) && t->v[i].kind != CW_TOKEN_MARK) {
            t->v[i].source = CW_WORD_DICTIONARY;
        }
    }
    return 0;
}

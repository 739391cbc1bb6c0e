/* Figures and names in a text.
 *
 *   "about 3.5 million people, or twelve percent" -> 3500000, 12      "when Newton came to London" -> Newton, London */
#include "dialogue/claims.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *word;
    double value;
} number_words[] = {
    {"zero", 0},      {"one", 1},      {"two", 2},      {"three", 3},      {"four", 4},      {"five", 5},      {"six", 6},
    {"seven", 7},     {"eight", 8},    {"nine", 9},     {"ten", 10},       {"eleven", 11},   {"twelve", 12},   {"thirteen", 13},
    {"fourteen", 14}, {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19}, {"twenty", 20},
    {"thirty", 30},   {"forty", 40},   {"fifty", 50},   {"sixty", 60},     {"seventy", 70},  {"eighty", 80},   {"ninety", 90},
};
static const struct {
    const char *word;
    double value;
} scales[] = {{"hundred", 1e2}, {"thousand", 1e3}, {"million", 1e6}, {"billion", 1e9}, {"trillion", 1e12}};

static bool letter(char c) {
    return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

static bool is_word(const char *s, size_t n, const char *word) {
    return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

static double small_number(const char *s, size_t n) {
    for (size_t i = 0; i < sizeof number_words / sizeof number_words[0]; i++) {
        if (is_word(s, n, number_words[i].word)) {
            return number_words[i].value;
        }
    }
    return -1;
}

static double scale_of(const char *s, size_t n) {
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        if (is_word(s, n, scales[i].word)) {
            return scales[i].value;
        }
    }
    return 0;
}

static size_t letters(const char *s) {
    size_t n = 0;
    while (letter(s[n])) {
        n++;
    }
    return n;
}

static void keep(struct claim *claims, int max, int *count, double value, bool figure, const char *from, const char *to) {
    if (*count < max) {
        struct claim *c = &claims[*count];
        size_t n = (size_t)(to - from) < sizeof c->text ? (size_t)(to - from) : sizeof c->text - 1;
        while (n > 0 && (size_t)(to - from) > n && ((unsigned char)from[n] & 0xC0) == 0x80) {
            n--; /* never inside a character */
        }
        *c = (struct claim){.value = value, .figure = figure};
        memcpy(c->text, from, n);
    }
    ++*count;
}

/* Digits at s, with commas between groups of three and a decimal point: the value and where they end. */
static double read_digits(const char *s, const char **end) {
    char digits[40];
    size_t n = 0;
    bool point = false;
    for (; *s != '\0'; s++) {
        bool group = *s == ',' && !point && isdigit((unsigned char)s[1]) && isdigit((unsigned char)s[2]) && isdigit((unsigned char)s[3]) &&
                     !isdigit((unsigned char)s[4]);
        bool dot = *s == '.' && !point && isdigit((unsigned char)s[1]);
        if (group) {
            continue;
        }
        if (!isdigit((unsigned char)*s) && !dot) {
            break;
        }
        point = point || dot;
        if (n < sizeof digits - 1) {
            digits[n++] = *s;
        }
    }
    digits[n] = '\0';
    *end = s;
    return strtod(digits, NULL);
}

/* "two hundred and fifty" at s: its value and end; < 0 when no number word stands there. */
static double read_words(const char *s, const char **end) {
    double total = 0, group = 0;
    bool any = false, and_seen = false;
    for (const char *p = s;;) {
        size_t n = letters(p);
        double small = small_number(p, n), scale = scale_of(p, n);
        if (n == 3 && any && is_word(p, n, "and") && p[3] == ' ') {
            and_seen = true;
            p += 4;
            continue;
        }
        if (small >= 0 && (!any || and_seen || group == 0 || fmod(group, 100) == 0 || (fmod(group, 10) == 0 && small < 10 && small > 0))) {
            if (and_seen && fmod(group, 100) != 0) {
                break; /* "twenty and three people": two numbers */
            }
            group += small;
        } else if (scale == 100 && any) {
            group = (group > 0 ? group : 1) * 100;
        } else if (scale > 100 && any) {
            total += (group > 0 ? group : 1) * scale;
            group = 0;
        } else {
            break;
        }
        any = true;
        and_seen = false;
        p += n;
        *end = p;
        if (*p == '-' || *p == ' ') {
            p++;
        } else {
            break;
        }
    }
    return any ? total + group : -1;
}

static bool starts_word(const char *text, const char *p) {
    bool inside = p > text && (letter(p[-1]) || isdigit((unsigned char)p[-1]));
    return !inside && (letter(*p) || isdigit((unsigned char)*p));
}

/* The figure at p, a letter or digit at the start of a word: false when there is none; *end is where to go on. `bare` is the value
 * without the scale after it, which "3.5 million" also has. */
static bool figure_at(const char *p, const char **end, double *value, double *bare) {
    if (isdigit((unsigned char)*p)) {
        *value = *bare = read_digits(p, end);
        const char *next = *end + (**end == ' ' || **end == '-');
        double scale = scale_of(next, letters(next));
        if (scale > 0) {
            *end = next + letters(next);
            *value *= scale;
        }
        return true;
    }
    size_t n = letters(p);
    *end = p + n;
    *value = *bare = small_number(p, n) >= 0 ? read_words(p, end) : -1;
    return *value >= 0;
}

int claims_figures(const char *text, struct claim *claims, int max) {
    int count = 0;
    for (const char *p = text, *end; *p != '\0'; p = end) {
        double value, bare;
        end = p + 1;
        if (starts_word(text, p) && figure_at(p, &end, &value, &bare) && (value >= 10 || isdigit((unsigned char)*p))) {
            keep(claims, max, &count, value, true, p, end);
        }
    }
    return count;
}

/* "Wegener's idea was laughed at.", but not "It's cold." nor "Today's news.": what a word that begins a sentence is, shows only where it
 * owns something. */
static bool owner(const char *p, size_t n) {
    static const char *const others[] = {"it",      "that",      "this",      "there",    "here",       "he",      "she",      "what",
                                         "who",     "where",     "how",       "when",     "why",        "let",     "one",      "somebody",
                                         "someone", "something", "everybody", "everyone", "everything", "nobody",  "nothing",  "anybody",
                                         "anyone",  "anything",  "today",     "tomorrow", "yesterday",  "tonight", "everyday", "mom",
                                         "dad",     "mother",    "father",    "nature",   "life",       "other",   "another"};
    bool owns = p[n] == '\'' && p[n + 1] == 's' && !letter(p[n + 2]);
    for (size_t i = 0; i < sizeof others / sizeof others[0] && owns; i++) {
        owns = !is_word(p, n, others[i]);
    }
    return owns;
}

int claims_names(const char *text, struct claim *claims, int max) {
    int count = 0;
    bool start = true; /* of a sentence */
    for (const char *p = text; *p != '\0';) {
        if (!letter(*p)) {
            start = start || ((*p == '.' || *p == '?' || *p == '!' || *p == ':') && (p[1] == ' ' || p[1] == '"'));
            p++;
            continue;
        }
        size_t n = letters(p);
        bool own = n == 1 || (n <= 2 && p[n] == '\''); /* "I", "I'm" */
        const char *end = p + n;
        if (isupper((unsigned char)*p) && !own && (!start || owner(p, n))) {
            for (size_t next; (*end == ' ' || *end == '-') && isupper((unsigned char)end[1]) && (next = letters(end + 1)) > 1;) {
                end += 1 + next;
            }
            keep(claims, max, &count, 0, false, p, end);
        }
        while (*end == '\'' || *end == '-' || letter(*end) || isdigit((unsigned char)*end)) {
            end++;
        }
        start = false;
        p = end;
    }
    return count;
}

bool claims_found(const struct claim *c, const char *text) {
    if (text == NULL) {
        return false;
    }
    if (!c->figure) {
        size_t n = strlen(c->text);
        for (const char *p = text; (p = strcasestr(p, c->text)) != NULL; p++) {
            if ((p == text || !letter(p[-1])) && (!letter(p[n]) || (p[n] == 's' && !letter(p[n + 1])))) {
                return true;
            }
        }
        return false;
    }
    double near = 1e-9 * fabs(c->value), value, bare;
    for (const char *p = text, *end; *p != '\0'; p = end) {
        end = p + 1;
        if (starts_word(text, p) && figure_at(p, &end, &value, &bare) &&
            (fabs(value - c->value) <= near || fabs(bare - c->value) <= near)) {
            return true;
        }
    }
    return false;
}

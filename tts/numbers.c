/* Numbers as words: digits ─▶ "one thousand two hundred". Names of the short scale, up to 10^39 - 1; longer ones digit by digit. */
#include "tts/front.h"

#include <string.h>

static const char *const ones[20] = {"zero",     "one",     "two",     "three",     "four",     "five",    "six",
                                     "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                                     "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
static const char *const tens[10] = {"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
static const char *const scales[13] = {"",           "thousand",   "million",   "billion",   "trillion",  "quadrillion", "quintillion",
                                       "sextillion", "septillion", "octillion", "nonillion", "decillion", "undecillion"};

static void word(struct cw_text *out, const char *w) {
    if (out->len && out->data[out->len - 1] != ' ') {
        cw_text_add_char(out, ' ');
    }
    cw_text_add(out, w);
}

static void below_hundred(struct cw_text *out, int n) {
    if (n < 20) {
        word(out, ones[n]);
    } else {
        word(out, tens[n / 10]);
        if (n % 10) {
            word(out, ones[n % 10]);
        }
    }
}

static void below_thousand(struct cw_text *out, int n, bool and) {
    if (n >= 100) {
        word(out, ones[n / 100]);
        word(out, "hundred");
        n %= 100;
        if (n && and) {
            word(out, "and");
        }
    }
    if (n) {
        below_hundred(out, n);
    }
}

void cw_say_digits(struct cw_text *out, const char *d, size_t n) {
    for (size_t i = 0; i < n; i++) {
        word(out, ones[d[i] - '0']);
    }
}

void cw_say_cardinal(struct cw_text *out, const char *d, size_t n, enum cw_and and) {
    while (n > 1 && *d == '0') {
        d++;
        n--;
    }
    if (n > 39) {
        cw_say_digits(out, d, n);
        return;
    }
    if (n == 1 && *d == '0') {
        word(out, "zero");
        return;
    }
    bool some = false;
    int last = 0; /* the group before */
    for (size_t left = n; left > 0;) {
        size_t take = left % 3 ? left % 3 : 3; /* the group's digits: the first one may be shorter */
        int group = 0;
        for (size_t k = 0; k < take; k++) {
            group = group * 10 + (d[n - left + k] - '0');
        }
        left -= take;
        if (!group) {
            last = 0;
            continue;
        }
        if (some && left == 0 && group < 100 && (and == CW_AND_ALL || (and == CW_AND_LAST && last))) {
            word(out, "and");
        }
        below_thousand(out, group, and == CW_AND_ALL || (and == CW_AND_LAST && left == 0));
        last = group;
        if (left) {
            word(out, scales[left / 3]);
        }
        some = true;
    }
}

void cw_say_int(struct cw_text *out, long n, bool british) {
    char digits[24];
    size_t k = sizeof digits;
    unsigned long v = n < 0 ? 0UL - (unsigned long)n : (unsigned long)n;
    do {
        digits[--k] = (char)('0' + (int)(v % 10));
        v /= 10;
    } while (v);
    if (n < 0) {
        word(out, "minus");
    }
    cw_say_cardinal(out, digits + k, sizeof digits - k, british ? CW_AND_ALL : CW_AND_NONE);
}

static const char *const irregular[][2] = {{"one", "first"},    {"two", "second"}, {"three", "third"},   {"five", "fifth"},
                                           {"eight", "eighth"}, {"nine", "ninth"}, {"twelve", "twelfth"}};

/* Where the last word of `out` starts. */
static size_t last_word(const struct cw_text *out) {
    size_t at = out->len;
    while (at > 0 && out->data[at - 1] != ' ') {
        at--;
    }
    return at;
}

static void cut(struct cw_text *out, size_t len) {
    out->len = len;
    out->data[len] = '\0';
}

static void ordinal_ending(struct cw_text *out) {
    if (out->failed || !out->len) {
        return;
    }
    size_t at = last_word(out);
    for (size_t i = 0; i < sizeof irregular / sizeof irregular[0]; i++) {
        if (strcmp(out->data + at, irregular[i][0]) == 0) {
            cut(out, at);
            cw_text_add(out, irregular[i][1]);
            return;
        }
    }
    if (out->data[out->len - 1] == 'y') {
        cut(out, out->len - 1);
        cw_text_add(out, "ieth");
    } else {
        cw_text_add(out, "th");
    }
}

void cw_say_ordinal(struct cw_text *out, const char *d, size_t n, bool british) {
    cw_say_cardinal(out, d, n, british ? CW_AND_ALL : CW_AND_NONE);
    ordinal_ending(out);
}

void cw_say_ordinal_int(struct cw_text *out, long n, bool british) {
    cw_say_int(out, n, british);
    ordinal_ending(out);
}

void cw_say_year(struct cw_text *out, int year, bool british) {
    int high = year / 100, low = year % 100;
    if (year < 1000 || (year >= 2000 && year < 2010) || year % 1000 == 0) {
        cw_say_int(out, year, british);
        return;
    }
    below_hundred(out, high);
    if (low == 0) {
        word(out, "hundred");
    } else if (low < 10) {
        word(out, "oh");
        word(out, ones[low]);
    } else {
        below_hundred(out, low);
    }
}

void cw_say_plural(struct cw_text *out) {
    if (out->failed || !out->len) {
        return;
    }
    char last = out->data[out->len - 1];
    if (last == 'y') {
        cut(out, out->len - 1);
        cw_text_add(out, "ies");
    } else {
        cw_text_add(out, last == 'x' || last == 's' ? "es" : "s");
    }
}

/* Numbers ─▶ spoken words: numerals, years and decades, ordinals, fractions, ranges, telephone numbers, versions, serials. What belongs to
 * a number (units, money, dates) has files of its own. */
#include "tts/atoms.h"

#include <string.h>

/* ---- numerals: 1,249.50 -------------------------------------------------------------------------------------------- */

/* The group of digits that a comma (or a thin or no-break space, in the source) adds at i: its first atom, or i. */
static size_t group_at(const struct reader *r, size_t i) {
    if (atom_joined_mark(r, i, ',') && atom_joined(r, i + 1, ATOM_NUMBER)) {
        return i + 1;
    }
    const struct atom *a = atom_at(r, i);
    if (i > 0 && a->kind == ATOM_NUMBER && a->space) {
        const struct atom *before = atom_at(r, i - 1);
        const char *gap = r->source + r->map[before->offset + before->length];
        size_t n = r->map[a->offset] - r->map[before->offset + before->length];
        static const char *const spaces[] = {"\u00a0", "\u202f", "\u2009"};
        for (size_t k = 0; k < 3; k++) {
            if (n == strlen(spaces[k]) && memcmp(gap, spaces[k], n) == 0) {
                return i + 1; /* the digits' atom, plus one */
            }
        }
    }
    return i;
}

bool numeral_at(const struct reader *r, size_t i, struct numeral *m) {
    *m = (struct numeral){.end = i};
    if (atom_at(r, i)->kind == ATOM_NUMBER) {
        const struct atom *a = atom_at(r, i);
        if (a->length > 60) {
            return false;
        }
        memcpy(m->digits, r->text + a->offset, a->length);
        m->n = a->length;
        m->end = i + 1;
        for (size_t g; m->n <= 60 && (m->commas || a->length <= 3) && (g = group_at(r, m->end)) > m->end;) {
            size_t at = atom_mark(r, m->end, ',') ? g : m->end, n = atom_at(r, at)->length;
            bool lakh = n == 2 && atom_mark(r, m->end, ',') && a->length <= 2 && group_at(r, at + 1) > at + 1; /* 12,34,567 */
            if (n != 3 && !lakh) {
                break;
            }
            memcpy(m->digits + m->n, atom_text(r, at), n);
            m->n += n;
            m->end = at + 1;
            m->commas = true;
        }
    } else if (!atom_mark(r, i, '.') || !atom_joined(r, i + 1, ATOM_NUMBER) ||
               (!atom_at(r, i)->space && i > 0 && atom_at(r, i - 1)->kind != ATOM_MARK)) {
        return false;
    }
    bool version = atom_joined_mark(r, m->end + 2, '.') && atom_joined(r, m->end + 3, ATOM_NUMBER);
    if (atom_mark(r, m->end, '.') && (m->end == i || !atom_at(r, m->end)->space) && atom_joined(r, m->end + 1, ATOM_NUMBER) && !version) {
        m->fraction = atom_at(r, m->end + 1)->offset;
        m->fraction_n = atom_at(r, m->end + 1)->length;
        m->end += 2;
        bool european = m->fraction_n == 3 && m->n >= 1 && m->n <= 3 && !m->commas && atom_joined_mark(r, m->end, ',') &&
                        atom_joined(r, m->end + 1, ATOM_NUMBER) && atom_at(r, m->end + 1)->length == 2;
        if (european) { /* 1.234,56 */
            memcpy(m->digits + m->n, r->text + m->fraction, 3);
            m->n += 3;
            m->fraction = atom_at(r, m->end + 1)->offset;
            m->fraction_n = 2;
            m->commas = true;
            m->end += 2;
        }
    }
    return m->end > i;
}

bool numeral_is_one(const struct numeral *m) {
    return m->n == 1 && m->digits[0] == '1' && !m->fraction_n;
}

int small_int(const char *digits, size_t n) {
    int v = 0;
    if (n == 0 || n > 6) {
        return -1;
    }
    for (size_t k = 0; k < n; k++) {
        v = v * 10 + (digits[k] - '0');
    }
    return v;
}

int numeral_int(const struct numeral *m) {
    return small_int(m->digits, m->n);
}

void say_fraction_digits(struct reader *r, const struct numeral *m, size_t a, size_t b) {
    speak(r, "point", a, b, CW_TOKEN_WEAK | CW_TOKEN_PLAIN);
    cw_say_digits(&r->words, r->text + m->fraction, m->fraction_n);
    speak_scratch(r, a, b);
}

/* Card and account numbers: too long to be a count, and not round. */
static bool endless(const struct numeral *m) {
    size_t significant = m->n;
    while (significant > 0 && m->digits[significant - 1] == '0') {
        significant--;
    }
    return m->n > 15 && !m->commas && significant > 6;
}

static void say_whole(struct reader *r, const struct numeral *m, enum cw_and and) {
    if ((m->n > 1 && m->digits[0] == '0' && !m->fraction_n) || endless(m)) {
        cw_say_digits(&r->words, m->digits, m->n);
    } else {
        cw_say_cardinal(&r->words, m->digits, m->n, and);
    }
}

void say_numeral(struct reader *r, const struct numeral *m, size_t a) {
    size_t atoms;
    if (m->n) {
        say_whole(r, m, r->british ? CW_AND_ALL : magnitude_at(r, m->end, false, &atoms) ? CW_AND_NONE : CW_AND_LAST);
        speak_scratch(r, a, m->end);
    }
    if (m->fraction_n) {
        say_fraction_digits(r, m, a, m->end);
    }
}

void say_pairs(struct reader *r, const char *d, size_t n) {
    bool round = n == 3 ? d[1] == '0' && d[2] == '0' : n == 4 && d[1] == '0' && d[2] == '0' && d[3] == '0';
    if (n < 3 || round) {
        cw_say_cardinal(&r->words, d, n, CW_AND_NONE);
    } else if (n > 4 || d[0] == '0') {
        cw_say_digits(&r->words, d, n);
    } else if (d[n - 2] == '0' && d[n - 1] == '0') { /* 1600 */
        cw_say_cardinal(&r->words, d, n - 2, CW_AND_NONE);
        cw_text_add(&r->words, " hundred");
    } else {
        cw_say_cardinal(&r->words, d, n - 2, CW_AND_NONE);
        cw_text_add(&r->words, d[n - 2] == '0' ? " oh" : "");
        cw_say_cardinal(&r->words, d + n - 2, 2, CW_AND_NONE);
    }
}

bool range_at(const struct reader *r, size_t i) {
    return (atom_joined_mark(r, i, '-') || atom_joined_mark(r, i, EN_DASH)) && !atom_at(r, i + 1)->space;
}

size_t read_to(struct reader *r, size_t i) {
    const struct atom *a = atom_at(r, i + 1);
    bool currency = a->kind == ATOM_MARK && (a->mark == '$' || a->mark == 0xA3 || a->mark == 0x20AC || a->mark == 0xA5);
    if (range_at(r, i) && (a->kind == ATOM_NUMBER || currency)) {
        speak(r, "to", i, i + 1, CW_TOKEN_PLAIN);
        return i + 1;
    }
    return i;
}

/* ---- arithmetic ------------------------------------------------------------------------------------------------------ */

static bool in_formula(const struct reader *r, size_t i) {
    const struct atom *a = atom_at(r, i);
    static const uint32_t marks[] = {'+', '-', MINUS_SIGN, '*', '/', '^', '(', ')', 0xD7, 0xF7, 0xB2, 0xB3, '.', ','};
    for (size_t k = 0; a->kind == ATOM_MARK && k < sizeof marks / sizeof marks[0]; k++) {
        if (a->mark == marks[k]) {
            return true;
        }
    }
    return a->kind == ATOM_NUMBER || (a->kind == ATOM_WORD && a->length == 1);
}

bool equation_at(const struct reader *r, size_t i) {
    for (size_t k = i, n = 0; n < 16 && (in_formula(r, k) || atom_mark(r, k, '=')); k++, n++) {
        if (atom_mark(r, k, '=')) {
            return true;
        }
    }
    for (size_t k = i, n = 0; n < 16 && (in_formula(r, k) || atom_mark(r, k, '=')); k--, n++) {
        if (atom_mark(r, k, '=')) {
            return true;
        }
        if (k == 0) {
            break;
        }
    }
    return false;
}

/* ---- years ------------------------------------------------------------------------------------------------------------- */

bool numeral_year(const struct numeral *m) {
    int v = numeral_int(m);
    return m->n == 4 && !m->commas && !m->fraction_n && v > 1000 && v <= 2100;
}

static bool era_at(const struct reader *r, size_t i) {
    static const char *const eras[] = {"BC", "BCE", "AD", "CE", NULL};
    return atom_in(r, i, eras);
}

/* Four bare digits at [i, end): a year, unless what follows counts something ("1500 people", "2048 tokens"). */
static bool is_year(const struct reader *r, size_t i, const struct numeral *m) {
    static const char *const before[] = {"in",     "since",  "by",     "from",    "until", "till",   "before", "after",
                                         "during", "around", "circa",  "between", "of",    "year",   "early",  "late",
                                         "mid",    "spring", "summer", "autumn",  "fall",  "winter", NULL};
    static const char *const not_counted[] = {"was", "is", "has", "as", "this", "his", "its", "us", "always", "perhaps", NULL};
    static const char *const counted[] = {"people", "men", "women", "children", "feet", "percent", "million", "billion", "thousand", NULL};
    if (m->n == 4 && !m->commas && !m->fraction_n && (era_at(r, m->end) || (i > 0 && atom_is(r, i - 1, "AD")))) {
        return true;
    }
    if (!numeral_year(m)) {
        return false;
    }
    size_t next = m->end;
    struct numeral to;
    if (range_at(r, next) && numeral_at(r, next + 1, &to) && !numeral_year(&to) && to.n > 2) {
        return false;
    }
    if (atom_in_any_case(r, next, counted) || atom_mark(r, next, '%')) {
        return false;
    }
    const struct atom *a = atom_at(r, next);
    bool plural = a->kind == ATOM_WORD && a->length > 2 && atom_lower(r, next) && r->text[a->offset + a->length - 1] == 's' &&
                  !atom_in_any_case(r, next, not_counted);
    bool rare = numeral_int(m) < 1100 || numeral_int(m) == 2100; /* only where a year is expected; 1024 and 1080 are more often counts */
    if (i > 0 && atom_in_any_case(r, i - 1, before)) {
        return !(rare && plural);
    }
    return !rare && !plural;
}

/* ---- names and serials ---------------------------------------------------------------------------------------------------- */

static bool connects(const struct reader *r, size_t i) {
    return atom_joined_mark(r, i, '-') || atom_joined_mark(r, i, '/') || atom_joined_mark(r, i, '_');
}

static bool same_run(const struct reader *r, size_t i) { /* atom i hangs together with the one before it */
    const struct atom *a = atom_at(r, i);
    return !a->space && i > 0 && (a->kind == ATOM_WORD || a->kind == ATOM_NUMBER || connects(r, i));
}

static bool suffix_like(const struct reader *r, size_t i) { /* letters that belong to the number before: 5kg, 10k, 1960s */
    return atom_at(r, i)->kind == ATOM_WORD && !atom_at(r, i)->space && i > 0 && atom_at(r, i - 1)->kind == ATOM_NUMBER;
}

/* A number that is part of a name: letters stand before it in the same run ("GPT-4", "B2A23C"), or after it with a number behind them
 * ("1-413-te-b-1-5"). */
bool number_in_serial(const struct reader *r, size_t i) {
    size_t from = i, n = 0;
    while (from > 0 && n++ < 24 && same_run(r, from)) {
        from--;
        if (atom_at(r, from)->kind == ATOM_WORD && !suffix_like(r, from)) {
            return true;
        }
    }
    if (i > 0 && !atom_at(r, i)->space && suffix_like(r, i - 1) && !atom_is(r, i - 1, "x")) {
        return true;
    }
    bool word = false;
    for (size_t k = i + 1, m = 0; m < 24 && same_run(r, k); k++, m++) {
        if (atom_at(r, k)->kind == ATOM_NUMBER && word) {
            return true;
        }
        word = word || (atom_at(r, k)->kind == ATOM_WORD && !suffix_like(r, k));
    }
    return false;
}

/* "code 4821", "PIN: 0042", "card ending in 8876": said digit by digit. */
static bool digit_context(const struct reader *r, size_t i) {
    static const char *const signs[] = {"pin",     "otp",      "passcode", "password",  "code", "zip",
                                        "zipcode", "postcode", "ext",      "extension", NULL};
    static const char *const calls[] = {"call", "dial", "called", "dialed", "text", "phone", "ring", NULL};
    static const char *const known[] = {"911", "999", "112", "311", "411", "511", "611", "711", "811", "988", "101", "111", NULL};
    static const char *const between[] = {"is", "was", "number", "of", NULL};
    if (i == 0) {
        return false;
    }
    if (atom_is_any_case(r, i - 1, "in") && i > 1 && (atom_is_any_case(r, i - 2, "ending") || atom_is_any_case(r, i - 2, "ends"))) {
        return true;
    }
    if (atom_in_any_case(r, i - 1, calls)) {
        return atom_at(r, i)->length >= 5 || atom_in(r, i, known);
    }
    size_t k = i - 1;
    for (int n = 0;
         n < 2 && k > 0 && (atom_in_any_case(r, k, between) || atom_mark(r, k, ':') || atom_mark(r, k, '#') || atom_mark(r, k, '.')); n++) {
        k--;
    }
    return atom_at(r, i)->length >= 3 && atom_in_any_case(r, k, signs);
}

/* "Flight 370", "Route 128", "Economics 101", "RTX 4090", "1920x1080": a name's number, read in pairs. */
static bool in_a_name(const struct reader *r, size_t i, const struct numeral *m) {
    static const char *const names[] = {"flight",  "route", "highway", "interstate", "room", "boeing", "channel", "studio",
                                        "freeway", "area",  "bus",     "train",      "unit", "airbus", NULL};
    if ((m->n != 4 && m->n != 3) || m->commas || m->fraction_n || m->digits[0] == '0' || i == 0) {
        return false;
    }
    /* "the 747", "the 405 is closed" */
    static const char *const after[] = {"is", "was", "and", "or", "to", "in", "at", "on", "with", "has", "for", NULL};
    bool named = m->n == 3 && m->digits[2] != '0' && atom_is_any_case(r, i - 1, "the") && !range_at(r, m->end) &&
                 !atom_mark(r, m->end, '%') &&
                 (atom_at(r, m->end)->kind == ATOM_END || (atom_at(r, m->end)->kind == ATOM_MARK && !atom_at(r, m->end)->space) ||
                  atom_in(r, m->end, after));
    static const char *const along[] = {"north", "south", "east", "west", "near", "through", "is",
                                        "and",   "or",    "to",   "in",   "at",   "from",    NULL};
    bool route = m->n == 3 && i > 3 && atom_is(r, i - 2, "S") && atom_is(r, i - 4, "U") && atom_mark(r, i - 1, '.') &&
                 atom_at(r, i)->space && (!atom_lower(r, m->end) || atom_in(r, m->end, along)); /* U.S. 101 */
    bool hundred_and_one = m->n == 3 && memcmp(m->digits, "101", 3) == 0 && atom_capital(r, i - 1) && atom_at(r, i - 1)->length > 3;
    if ((atom_in_any_case(r, i - 1, names) && atom_capital(r, i - 1)) || hundred_and_one || named || route) {
        return true;
    }
    if (m->n == 3 || (m->digits[2] == '0' && m->digits[3] != '0')) {
        return false;
    }
    if (!atom_at(r, i)->space && atom_is(r, i - 1, "x")) {
        return true;
    }
    return atom_capitals(r, i - 1) && atom_at(r, i - 1)->length > 1;
}

/* "401(k)", "501(c)(3)", "401k". */
static bool oh_in_the_middle(const struct reader *r, size_t i, const struct numeral *m) {
    bool letter =
        (atom_joined_mark(r, m->end, '(') && atom_joined(r, m->end + 1, ATOM_WORD) && atom_at(r, m->end + 1)->length == 1) ||
        (m->n == 3 && memcmp(m->digits, "401", 3) == 0 && (atom_joined(r, m->end, ATOM_WORD) || atom_joined_mark(r, m->end, '-')) &&
         (atom_is(r, m->end, "k") || atom_is(r, m->end + 1, "k") || atom_is(r, m->end + 1, "ks")));
    return m->n == 3 && !m->fraction_n && m->digits[1] == '0' && m->digits[2] != '0' && letter && atom_at(r, i)->kind == ATOM_NUMBER;
}

static void say_serial(struct reader *r, const struct numeral *m, size_t i) {
    const struct atom *before = atom_at(r, i - 1);
    bool small =
        i > 0 && !atom_at(r, i)->space && before->kind == ATOM_WORD && atom_lower(r, i - 1) && before->length > 1 && !suffix_like(r, i - 1);
    bool pairs = m->n == 4 && !m->commas && !small && m->digits[0] != '0' && !(m->digits[2] == '0' && m->digits[3] != '0');
    if (!m->n) {
        /* ".5" of a version */
    } else if ((m->n > 1 && m->digits[0] == '0') || (m->n > 4 && !m->commas) || (m->n == 4 && small)) {
        cw_say_digits(&r->words, m->digits, m->n);
    } else if (pairs) {
        say_pairs(r, m->digits, m->n);
    } else {
        cw_say_cardinal(&r->words, m->digits, m->n, r->british ? CW_AND_ALL : CW_AND_NONE);
    }
    speak_scratch(r, i, m->end);
    if (m->fraction_n) {
        say_fraction_digits(r, m, i, m->end);
    }
}

/* "170 - 45190": the second is too long to be the first's end, so the two are a sign's groups, and long ones are read digit by digit. */
static bool in_groups(const struct reader *r, size_t i, const struct numeral *m) {
    return m->n > 4 && !m->commas && !m->fraction_n && i > 1 && atom_mark(r, i - 1, '-') && atom_at(r, i - 1)->space &&
           atom_at(r, i)->space && atom_at(r, i - 2)->kind == ATOM_NUMBER && atom_at(r, i - 2)->length + 1 < m->n;
}

static void say_year_or_number(struct reader *r, const struct numeral *m, size_t i) {
    bool equation = equation_at(r, i);
    r->class = m->fraction_n ? CW_CLASS_DECIMAL : CW_CLASS_CARDINAL;
    if (!equation && (digit_context(r, i) || in_groups(r, i, m))) {
        r->class = CW_CLASS_SERIAL;
        cw_say_digits(&r->words, m->digits, m->n);
        speak_scratch(r, i, m->end);
        if (m->fraction_n) {
            say_fraction_digits(r, m, i, m->end);
        }
    } else if (oh_in_the_middle(r, i, m) || in_a_name(r, i, m)) {
        r->class = CW_CLASS_SERIAL;
        say_pairs(r, m->digits, m->n);
        speak_scratch(r, i, m->end);
    } else if (!equation && is_year(r, i, m)) {
        r->class = CW_CLASS_DATE;
        say_year(r, numeral_int(m));
        speak_scratch(r, i, m->end);
    } else if (m->n && !m->fraction_n && number_in_serial(r, i)) {
        r->class = CW_CLASS_SERIAL;
        say_serial(r, m, i);
    } else {
        say_numeral(r, m, i);
    }
}

/* ---- fractions ----------------------------------------------------------------------------------------------------- */

static void say_fraction(struct cw_text *out, int top, int bottom, bool british) {
    cw_say_int(out, top, british);
    if (bottom == 1) {
        cw_text_add(out, " over one");
        return;
    }
    if (bottom == 2) {
        cw_text_add(out, top == 1 ? " half" : " halves");
        return;
    }
    if (bottom == 4) {
        cw_text_add(out, top == 1 ? " quarter" : " quarters");
        return;
    }
    cw_say_ordinal_int(out, bottom, british);
    if (top != 1) {
        cw_say_plural(out);
    }
}

static bool fraction_at(const struct reader *r, size_t i, int *top, int *bottom) {
    bool list = i > 1 && !atom_at(r, i)->space && atom_mark(r, i - 1, '/') && atom_at(r, i - 2)->kind == ATOM_NUMBER; /* 31/31/100 */
    if (list || !atom_joined_mark(r, i + 1, '/') || !atom_joined(r, i + 2, ATOM_NUMBER) || atom_joined_mark(r, i + 3, '/') ||
        (atom_joined_mark(r, i + 3, '.') && atom_joined(r, i + 4, ATOM_NUMBER))) {
        return false;
    }
    *top = atom_int(r, i);
    *bottom = atom_int(r, i + 2);
    return *top >= 0 && *bottom >= 0;
}

static bool score_context(const struct reader *r, size_t i) {
    static const char *const words[] = {"scored", "score", "scores", "rated", "rating", "gave", "got", "grade", "solid", NULL};
    return (i > 0 && atom_in_any_case(r, i - 1, words)) || (i > 1 && atom_in_any_case(r, i - 2, words));
}

/* "1/4th": the ending belongs to the fraction. */
static size_t fraction_ending(const struct reader *r, size_t i) {
    static const char *const endings[] = {"th", "ths", "rd", "rds", "nd", "st", NULL};
    return atom_joined(r, i, ATOM_WORD) && atom_in_any_case(r, i, endings);
}

static size_t read_fraction(struct reader *r, size_t i) {
    int top, bottom;
    if (!fraction_at(r, i, &top, &bottom) || number_in_serial(r, i)) {
        return i;
    }
    /* 24/7, 9/11, 50/50, 20/20 are not shares */
    bool pair =
        (top == 24 && bottom == 7) || (top == 9 && bottom == 11) || (top == bottom && top > 1) || (top + bottom == 100 && top % 5 == 0);
    size_t end = i + 3, ending = fraction_ending(r, end);
    struct numeral from, to;
    bool years = numeral_at(r, i, &from) && numeral_year(&from);
    if (years && atom_at(r, i + 2)->length == 2) { /* the 2023/24 season */
        say_year(r, top);
        cw_say_int(&r->words, bottom, r->british);
    } else if (years && numeral_at(r, i + 2, &to) && numeral_year(&to)) {
        say_year(r, top);
        say_year(r, bottom);
    } else if (pair) {
        cw_say_int(&r->words, top, r->british);
        cw_say_int(&r->words, bottom, r->british);
    } else if (score_context(r, i) && bottom >= 5 && top <= bottom && bottom <= 100) { /* she scored 98/100 */
        cw_say_int(&r->words, top, r->british);
        cw_text_add(&r->words, " out of");
        cw_say_int(&r->words, bottom, r->british);
    } else if (top == 0 || bottom == 0 || top >= 100 || bottom > 9999 || equation_at(r, i)) {
        cw_say_int(&r->words, top, r->british);
        cw_text_add(&r->words, " over");
        cw_say_int(&r->words, bottom, r->british);
    } else {
        say_fraction(&r->words, top, bottom, r->british);
        end += ending;
        speak_scratch(r, i, end);
        if (atom_joined_mark(r, end, '"') && !r->quoted) {
            speak(r, "inch", end, end + 1, CW_TOKEN_PLAIN);
            return end + 1;
        }
        return atom_at(r, end)->kind == ATOM_WORD && atom_at(r, end)->space ? read_suffix(r, i, end, true) : end;
    }
    speak_scratch(r, i, end);
    return end;
}

/* The whole number before a fraction is spoken: "and a half", "and five eighths". */
static size_t read_mixed(struct reader *r, size_t end) {
    int top, bottom;
    if (atom_at(r, end)->kind != ATOM_NUMBER || !atom_at(r, end)->space || !fraction_at(r, end, &top, &bottom) || top < 1 || bottom < 2 ||
        bottom > 100 || top > 99) {
        return end;
    }
    size_t after = end + 3 + fraction_ending(r, end + 3);
    cw_text_add(&r->words, "and");
    if (top == 1) {
        cw_text_add(&r->words, bottom == 8 || bottom == 11 || bottom == 18 ? " an" : " a");
        struct cw_text one = {0};
        say_fraction(&one, 1, bottom, r->british);
        cw_text_add(&r->words, one.data ? one.data + 3 : ""); /* without its "one" */
        cw_text_free(&one);
    } else {
        say_fraction(&r->words, top, bottom, r->british);
    }
    speak_scratch(r, end, after);
    return after;
}

/* ---- the number reader ------------------------------------------------------------------------------------------------ */

static bool right_ordinal(const struct reader *r, size_t word, const struct numeral *m) {
    char last = m->digits[m->n - 1];
    bool teen = m->n > 1 && m->digits[m->n - 2] == '1';
    const char *right = teen || last == '0' || last > '3' ? "th" : last == '1' ? "st" : last == '2' ? "nd" : "rd";
    return atom_is_any_case(r, word, right);
}

/* 21st, 21st's; "2th" is no ordinal: the number and its letters. */
static size_t read_ordinal(struct reader *r, size_t first, const struct numeral *m) {
    static const char *const endings[] = {"st", "nd", "rd", "th", NULL};
    static const char *const possessive[] = {"st's", "nd's", "rd's", "th's", NULL};
    if (m->fraction_n || !m->n || !atom_joined(r, m->end, ATOM_WORD)) {
        return first;
    }
    bool own = atom_in_any_case(r, m->end, possessive);
    if (!own && !atom_in_any_case(r, m->end, endings)) {
        return first;
    }
    bool zeros = m->n > 1 && m->digits[0] == '0';
    if (!own && (zeros || !right_ordinal(r, m->end, m))) {
        if (m->n > 2) {
            cw_say_digits(&r->words, m->digits, m->n);
        } else {
            cw_say_cardinal(&r->words, m->digits, m->n, CW_AND_NONE);
        }
        speak_scratch(r, first, m->end);
        speak_atom(r, m->end, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        return m->end + 1;
    }
    cw_say_ordinal(&r->words, m->digits, m->n, r->british);
    if (own) {
        cw_text_add(&r->words, "'s");
    }
    speak_scratch(r, first, m->end + 1);
    return m->end + 1;
}

/* 1990s, '90s, 1990's: decades; "12's": a possessive. */
static size_t read_decade(struct reader *r, size_t first, const struct numeral *m) {
    size_t apostrophe = atom_joined_mark(r, m->end, '\'') && atom_joined(r, m->end + 1, ATOM_WORD), end = m->end + apostrophe + 1;
    if (m->fraction_n || m->n > 4 || m->n == 0 || !atom_joined(r, m->end + apostrophe, ATOM_WORD) ||
        !atom_is(r, m->end + apostrophe, "s")) {
        return first;
    }
    bool seconds = first > 1 && atom_at(r, first - 1)->kind == ATOM_WORD && atom_at(r, first - 2)->kind == ATOM_NUMBER &&
                   (atom_is(r, first - 1, "m") || atom_is(r, first - 1, "min") || atom_is(r, first - 1, "h"));
    bool serial = first == 1 && end == r->atom_count && atom_at(r, 0)->kind == ATOM_WORD && atom_at(r, 0)->length == 1 &&
                  !atom_at(r, first)->space;  /* W26s, and nothing beside it that shows a plural */
    if ((seconds || serial) && !apostrophe) { /* 5m 30s */
        return first;
    }
    bool decade = m->digits[m->n - 1] == '0' && m->n != 1;
    if (m->n == 4 && numeral_year(m)) {
        say_year(r, numeral_int(m));
    } else if (m->n == 3 && !apostrophe && !decade) { /* 737s */
        say_pairs(r, m->digits, m->n);
    } else {
        cw_say_cardinal(&r->words, m->digits, m->n, r->british ? CW_AND_ALL : CW_AND_NONE);
    }
    if (apostrophe && !decade) {
        cw_text_add(&r->words, "'s");
    } else {
        cw_say_plural(&r->words);
    }
    size_t from = first; /* "mid-1980s" and "'80s" are one thing */
    if (decade && first > 0 && !atom_at(r, first)->space &&
        (atom_mark(r, first - 1, '\'') || (first > 1 && atom_joined_mark(r, first - 1, '-') && atom_at(r, first - 2)->kind == ATOM_WORD))) {
        from--;
    }
    speak_scratch(r, from, end);
    return read_to(r, end);
}

/* 49ers, 76ers: "forty niners". */
static size_t read_team(struct reader *r, size_t i, const struct numeral *m) {
    if (m->fraction_n || m->commas || m->n == 0 || m->n > 3 || !atom_joined(r, m->end, ATOM_WORD) ||
        !(atom_is(r, m->end, "ers") || atom_is(r, m->end, "er") || atom_is(r, m->end, "ers'"))) {
        return i;
    }
    cw_say_cardinal(&r->words, m->digits, m->n, CW_AND_NONE);
    bool e = !r->words.failed && r->words.len && r->words.data[r->words.len - 1] == 'e';
    cw_text_add_n(&r->words, atom_text(r, m->end) + e, atom_at(r, m->end)->length - e);
    speak_scratch(r, i, m->end + 1);
    return m->end + 1;
}

/* 100s, 1,000s: "hundreds", "thousands" */
static size_t read_hundreds(struct reader *r, size_t i, const struct numeral *m) {
    size_t zeros = 1;
    while (zeros < m->n && m->digits[zeros] == '0') {
        zeros++;
    }
    bool round = m->n >= 3 && zeros == m->n && m->digits[0] == '1' && (m->n == 3 || m->commas) && m->n % 3 != 2;
    if (!round || m->fraction_n || number_in_serial(r, i) || !atom_joined(r, m->end, ATOM_WORD) || !atom_is(r, m->end, "s")) {
        return i;
    }
    cw_say_cardinal(&r->words, m->digits, m->n, CW_AND_NONE);
    cw_say_plural(&r->words);
    if (!r->words.failed && m->n % 3 != 0) { /* without its "one"; "hundreds of thousands" would be another thing to say */
        speak(r, r->words.data + 4, i, m->end + 1, CW_TOKEN_PLAIN);
        cw_text_clear(&r->words);
    } else if (!r->words.failed && m->n == 3) {
        speak(r, "hundreds", i, m->end + 1, CW_TOKEN_PLAIN);
        cw_text_clear(&r->words);
    }
    speak_scratch(r, i, m->end + 1);
    return m->end + 1;
}

/* 6'2", 12". */
static size_t read_feet(struct reader *r, size_t i, const struct numeral *m) {
    size_t end = m->end;
    int inches = atom_mark(r, end, '\'') ? atom_int(r, end + 1) : -1;
    if (atom_joined_mark(r, end, '\'') && atom_at(r, end + 1)->kind == ATOM_NUMBER && inches >= 0 && inches < 12 &&
        (!atom_at(r, end + 1)->space || atom_joined_mark(r, end + 2, '"'))) {
        say_numeral(r, m, i);
        speak(r, "foot", end, end + 1, CW_TOKEN_PLAIN);
        cw_say_int(&r->words, inches, r->british);
        speak_scratch(r, end + 1, end + 2);
        return end + 2 + atom_joined_mark(r, end + 2, '"');
    }
    static const char *const sizes[] = {"tall", "high", "long", "wide", "deep", NULL};
    if (atom_joined_mark(r, end, '\'') && atom_at(r, end + 1)->space && atom_in(r, end + 1, sizes)) {
        say_numeral(r, m, i);
        speak(r, numeral_is_one(m) ? "foot" : "feet", end, end + 1, CW_TOKEN_PLAIN);
        return end + 1;
    }
    if (atom_joined_mark(r, end, '"') && !r->quoted) {
        say_numeral(r, m, i);
        speak(r, numeral_is_one(m) || describes(r, i, end + 1) ? "inch" : "inches", end, end + 1, CW_TOKEN_PLAIN);
        return end + 1;
    }
    return i;
}

/* 802.11ac, a standard's name */
static size_t read_standard(struct reader *r, size_t i, const struct numeral *m) {
    static const char *const parts[] = {"1", "3", "11", "15", "16", NULL};
    if (m->end != i + 3 || !atom_is(r, i, "802") || !atom_in(r, i + 2, parts)) {
        return i;
    }
    bool letters = atom_joined(r, m->end, ATOM_WORD) && atom_at(r, m->end)->length <= 2;
    cw_text_add(&r->words, "eight oh two dot");
    cw_say_int(&r->words, atom_int(r, i + 2), false);
    speak_scratch(r, i, m->end);
    if (letters) {
        speak_atom(r, m->end, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
    }
    return m->end + letters;
}

/* 1080p, 480i */
static size_t read_lines(struct reader *r, size_t i, const struct numeral *m) {
    if (m->commas || m->fraction_n || m->n < 3 || m->n > 4 || m->digits[m->n - 1] != '0' || !atom_joined(r, m->end, ATOM_WORD) ||
        !(atom_is(r, m->end, "p") || atom_is(r, m->end, "i"))) {
        return i;
    }
    say_pairs(r, m->digits, m->n);
    speak_scratch(r, i, m->end);
    speak_atom(r, m->end, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
    return m->end + 1;
}

/* "10-12", "1980-1986", "2023-24"; two en dashes' or hyphens' worth of blanks between years are one too. The atom after, or end. */
static size_t read_range(struct reader *r, size_t i, const struct numeral *m, size_t end) {
    struct numeral to;
    size_t half, minutes;
    bool spaced = (atom_mark(r, end, EN_DASH) || atom_mark(r, end, '-')) && atom_at(r, end)->space && atom_at(r, end + 1)->space;
    if (!(range_at(r, end) || spaced) || !numeral_at(r, end + 1, &to) || atom_at(r, end + 1)->kind != ATOM_NUMBER || equation_at(r, i)) {
        return end;
    }
    bool years = numeral_year(m) && numeral_year(&to);
    if (spaced && !(years || atom_mark(r, end, EN_DASH))) {
        return end;
    }
    bool model = m->n >= 3 && to.n >= 3 && m->n == to.n && !m->commas && !m->fraction_n && memcmp(to.digits, m->digits, m->n) <= 0 &&
                 i > 0 && (atom_capital(r, i - 1) || atom_is(r, i - 1, "the")); /* 747-400 */
    model =
        model || (m->n == to.n && !m->fraction_n && !to.fraction_n && !m->commas && memcmp(to.digits, m->digits, m->n) == 0); /* 50-50 */
    bool apart = m->n > to.n + 1 && !(numeral_year(m) && to.n <= 2) && !m->fraction_n && !to.fraction_n &&
                 !atom_joined(r, to.end, ATOM_WORD); /* 978-0: no range, no score */
    bool counted = !spaced && m->n == 1 && to.n == 1 && range_at(r, to.end) && atom_at(r, to.end + 1)->kind == ATOM_NUMBER; /* 1-2-3 */
    model = model || counted;
    if (apart && !spaced && !m->commas) {
        speak_mark(r, "—", end);
    } else if (!model) {
        speak(r, "to", end, end + 1, CW_TOKEN_PLAIN);
    }
    half = read_hour(r, end + 1); /* 9-11 a.m. */
    half = half > end + 1 ? half : atom_joined_mark(r, end + 2, ':') ? read_time(r, end + 1) : half;
    if (half > end + 1) {
        return half;
    }
    minutes = read_ordinal(r, end + 1, &to); /* 18-19th century */
    if (minutes > end + 1) {
        return minutes;
    }
    if (years && !model) {
        say_year(r, numeral_int(&to));
        speak_scratch(r, end + 1, to.end);
    } else if (numeral_year(m) && to.n == 2 && !to.fraction_n && to.digits[0] == '0') { /* 2007-08 */
        cw_text_add(&r->words, "oh");
        cw_say_digits(&r->words, to.digits + 1, 1);
        speak_scratch(r, end + 1, to.end);
    } else {
        say_numeral(r, &to, end + 1);
    }
    return to.end;
}

/* "(k)", "(c)(3)" right after a number. */
static size_t read_letters(struct reader *r, size_t end) {
    bool letter = atom_joined(r, end + 1, ATOM_WORD) && atom_lower(r, end + 1); /* the first one is a letter */
    while (letter && atom_joined_mark(r, end, '(') && (atom_joined(r, end + 1, ATOM_WORD) || atom_joined(r, end + 1, ATOM_NUMBER)) &&
           atom_at(r, end + 1)->length == 1 && atom_joined_mark(r, end + 2, ')')) {
        if (atom_at(r, end + 1)->kind == ATOM_WORD) {
            speak(r, (char[2]){*atom_text(r, end + 1), '\0'}, end, end + 3, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        } else {
            cw_say_digits(&r->words, atom_text(r, end + 1), 1);
            speak_scratch(r, end, end + 3);
        }
        end += 3;
    }
    return end;
}

/* "e8", "e-5" right after a number: times ten to that power. */
static size_t read_exponent(struct reader *r, size_t i) {
    size_t minus = atom_joined_mark(r, i + 1, '-'), end = i + 2 + minus;
    if (!atom_joined(r, i, ATOM_WORD) || !(atom_is(r, i, "e") || atom_is(r, i, "E")) || !atom_joined(r, end - 1, ATOM_NUMBER) ||
        atom_at(r, end - 1)->length > 3 || atom_joined(r, end, ATOM_WORD)) {
        return i;
    }
    cw_text_add(&r->words, minus ? "times ten to the power of minus" : "times ten to the power of");
    cw_say_cardinal(&r->words, atom_text(r, end - 1), atom_at(r, end - 1)->length, CW_AND_NONE);
    speak_scratch(r, i, end);
    return end;
}

size_t read_number(struct reader *r, size_t i) {
    static const struct {
        size_t (*read)(struct reader *, size_t);
        enum cw_token_class class;
    } readers[] = {{read_street, CW_CLASS_ADDRESS},   {read_date, CW_CLASS_DATE},      {read_time, CW_CLASS_TIME},
                   {read_groups, CW_CLASS_TELEPHONE}, {read_version, CW_CLASS_SERIAL}, {read_fraction, CW_CLASS_FRACTION},
                   {read_day_month, CW_CLASS_DATE},   {read_hour, CW_CLASS_TIME}};
    size_t token = r->out->n, end, first = i;
    struct numeral m;
    bool sign = atom_mark(r, i, '-') || atom_mark(r, i, MINUS_SIGN);
    bool before = i > 0 && !atom_at(r, i)->space && (atom_at(r, i - 1)->kind == ATOM_WORD || atom_at(r, i - 1)->kind == ATOM_NUMBER);
    if (sign && (!before || atom_mark(r, i, MINUS_SIGN)) && !atom_at(r, i + 1)->space && numeral_at(r, i + 1, &m)) {
        speak(r, "minus", i, i + 1, CW_TOKEN_PLAIN);
        i++;
    }
    if (!numeral_at(r, i, &m)) {
        if (atom_at(r, i)->kind == ATOM_NUMBER) { /* endless: digit by digit */
            cw_say_digits(&r->words, atom_text(r, i), atom_at(r, i)->length);
            speak_scratch(r, i, i + 1);
            return i + 1;
        }
        return first;
    }
    if (first == i && atom_at(r, i)->kind == ATOM_NUMBER) {
        for (size_t k = 0; k < sizeof readers / sizeof readers[0]; k++) {
            r->class = readers[k].class;
            if ((end = readers[k].read(r, i)) > i) {
                return read_to(r, end);
            }
        }
    }
    r->class = CW_CLASS_ORDINAL;
    if ((end = read_ordinal(r, i, &m)) > i) {
        respan(r, token, first, end);
        return read_to(r, end);
    }
    static const struct {
        size_t (*read)(struct reader *, size_t, const struct numeral *);
        enum cw_token_class class;
    } shapes[] = {{read_team, CW_CLASS_SERIAL},  {read_hundreds, CW_CLASS_CARDINAL}, {read_decade, CW_CLASS_DATE},
                  {read_feet, CW_CLASS_MEASURE}, {read_lines, CW_CLASS_SERIAL},      {read_standard, CW_CLASS_SERIAL}};
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        r->class = shapes[k].class;
        if ((end = shapes[k].read(r, i, &m)) > i) {
            return end;
        }
    }
    r->class = m.fraction_n ? CW_CLASS_DECIMAL : CW_CLASS_CARDINAL;
    end = m.end;
    if (!m.fraction_n) { /* 2 1/2, 2½ */
        int top, bottom;
        r->class = CW_CLASS_FRACTION;
        if (atom_at(r, end)->kind == ATOM_NUMBER && atom_at(r, end)->space && fraction_at(r, end, &top, &bottom) && top > 0 && bottom > 1 &&
            bottom <= 100 && top <= 99) {
            say_numeral(r, &m, i);
            end = read_mixed(r, end);
            size_t unit = read_suffix(r, i, end, false);
            return unit;
        }
        uint32_t v = atom_at(r, end)->mark;
        if (atom_joined(r, end, ATOM_MARK) && (v == 0xBD || v == 0xBC || v == 0xBE || v == 0x2153 || v == 0x2154 || v == 0x215B)) { /* 2½ */
            say_numeral(r, &m, i);
            speak(r,
                  v == 0xBD     ? "and a half"
                  : v == 0xBC   ? "and a quarter"
                  : v == 0xBE   ? "and three quarters"
                  : v == 0x2153 ? "and a third"
                  : v == 0x2154 ? "and two thirds"
                                : "and an eighth",
                  end, end + 1, CW_TOKEN_PLAIN);
            return read_suffix(r, i, end + 1, false);
        }
    }
    if (first == i && m.n == 2 && i > 0 && atom_mark(r, i - 1, '\'') && atom_at(r, i - 1)->space && !atom_at(r, i)->space) {
        first--;                  /* class of '99 */
        if (m.digits[0] == '0') { /* the '08 crash */
            speak(r, "oh", first, m.end, CW_TOKEN_PLAIN);
            cw_say_digits(&r->words, m.digits + 1, 1);
            speak_scratch(r, first, m.end);
            return m.end;
        }
    }
    bool serial = number_in_serial(r, i);
    say_year_or_number(r, &m, i);
    end = read_letters(r, end); /* 401(k), 501(c)(3) */
    if (end > m.end) {
        return end;
    }
    if (!m.fraction_n || m.fraction_n < 4) {
        end = read_exponent(r, m.end);
        if (end > m.end) {
            return read_suffix(r, i, end, false);
        }
    }
    bool one = numeral_is_one(&m);
    if (!serial) {
        size_t to = read_range(r, i, &m, end);
        one = one && to == end;
        end = to;
    }
    static const char *const numbers[] = {"one", "two",    "three",  "four",   "five",   "six",   "seven", "eight", "nine",
                                          "ten", "eleven", "twelve", "twenty", "thirty", "forty", "fifty", "sixty", NULL};
    bool spelt =
        end == m.end && atom_joined_mark(r, end, '-') && atom_joined(r, end + 1, ATOM_WORD) && atom_in_any_case(r, end + 1, numbers);
    if (spelt) { /* 7-Eleven */
        respan(r, token, first, end + 1);
        return end + 1;
    }
    if (m.fraction_n && end == m.end && atom_joined_mark(r, end, '-') && atom_joined(r, end + 1, ATOM_WORD)) { /* a 7.2-liter engine */
        respan(r, token, first, end + 1);
        size_t after = read_suffix(r, i, end, one);
        return after > end ? after : end + 1;
    }
    if (serial && end > m.end) {
        return end;
    }
    respan(r, token, first, end);
    size_t after = read_suffix(r, i, end, one);
    if (r->class == CW_CLASS_MEASURE || r->class == CW_CLASS_PERCENT) { /* the minus too */
        reclass(r, token, r->class);
    }
    if (after > end && !atom_at(r, end)->space) { /* "40%" is one word of the script */
        respan(r, token, first, after);
    }
    return after > end ? read_to(r, after) : after;
}

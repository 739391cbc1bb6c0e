/* Dates and times ─▶ spoken words: "May 6, 2021", "6 May", 5/6/2021, 2021-05-06, "Mon-Fri", 7:45 a.m., 14:10:30. */
#include "tts/atoms.h"

#include <string.h>

/* ---- days of the week --------------------------------------------------------------------------------------------------- */

static const char *weekday_at(const struct reader *r, size_t i) {
    static const char *const days[][2] = {{"Mon", "Monday"},     {"Tue", "Tuesday"},  {"Tues", "Tuesday"},  {"Wed", "Wednesday"},
                                          {"Weds", "Wednesday"}, {"Thu", "Thursday"}, {"Thur", "Thursday"}, {"Thurs", "Thursday"},
                                          {"Fri", "Friday"},     {"Sat", "Saturday"}, {"Sun", "Sunday"}};
    for (size_t k = 0; k < sizeof days / sizeof days[0]; k++) {
        if (atom_is(r, i, days[k][0])) {
            return days[k][1];
        }
    }
    return NULL;
}

/* ---- months and days ------------------------------------------------------------------------------------------------- */

static const char *const months[12] = {"January", "February", "March",     "April",   "May",      "June",
                                       "July",    "August",   "September", "October", "November", "December"};

/* How sure a month's sign is: "March" and "May" in small letters are words first, and so are "mar" and "dec". */
enum certainty { NO_MONTH, WEAK, SHORT, FULL };

/* The month at i (1..12), or 0; *dot = 1 when "Jan." has its dot. */
static int month_at(const struct reader *r, size_t i, size_t *dot, enum certainty *sure) {
    static const char *const shorts[13] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "sept"};
    const struct atom *a = atom_at(r, i);
    *dot = 0;
    *sure = NO_MONTH;
    if (a->kind != ATOM_WORD || a->length < 3 || a->length > 9) {
        return 0;
    }
    bool capital = atom_capital(r, i);
    for (int k = 0; k < 12; k++) {
        char small[12];
        memcpy(small, months[k], strlen(months[k]) + 1);
        small[0] = (char)(small[0] + 32);
        if (atom_is_any_case(r, i, small)) {
            *sure = !capital && (k == 2 || k == 4) ? WEAK : FULL;
            return k + 1;
        }
    }
    for (int k = 0; k < 13; k++) {
        if (atom_is_any_case(r, i, shorts[k])) {
            *dot = atom_joined_mark(r, i + 1, '.');
            *sure = !capital && k == 2 ? WEAK : SHORT;
            return k == 12 ? 9 : k + 1;
        }
    }
    return 0;
}

bool month_name(const struct reader *r, size_t i) {
    size_t dot;
    enum certainty sure;
    return month_at(r, i, &dot, &sure) > 0 && atom_capital(r, i);
}

static bool ordinal_ending(const struct reader *r, size_t i) {
    static const char *const endings[] = {"st", "nd", "rd", "th", NULL};
    return atom_joined(r, i, ATOM_WORD) && atom_in_any_case(r, i, endings);
}

/* "21st" or "21": its value 1..31, and the atoms it takes; 0 when it is neither. */
static int day_at(const struct reader *r, size_t i, size_t *atoms) {
    int day = atom_int(r, i);
    if (atom_at(r, i)->kind != ATOM_NUMBER || atom_at(r, i)->length > 2 || day < 1 || day > 31) {
        return 0;
    }
    *atoms = 1;
    if (atom_joined(r, i + 1, ATOM_WORD)) {
        const char *p = atom_text(r, i + 1);
        bool possessive = atom_at(r, i + 1)->length == 4 && p[2] == '\'' && (p[0] == 's' || p[0] == 'n' || p[0] == 'r' || p[0] == 't');
        if (!ordinal_ending(r, i + 1) && !possessive) {
            return 0;
        }
        *atoms = 2;
    } else if (atom_mark(r, i + 1, '%') || ((atom_joined_mark(r, i + 1, ':') || atom_joined_mark(r, i + 1, '.') ||
                                             atom_joined_mark(r, i + 1, '/') || atom_joined_mark(r, i + 1, ',')) &&
                                            atom_joined(r, i + 2, ATOM_NUMBER))) {
        return 0;
    }
    return day;
}

/* "5th's": the ordinal takes the possessive along. */
static void say_day(struct reader *r, int day, size_t i, size_t atoms) {
    cw_say_ordinal_int(&r->words, day, r->british);
    if (atoms == 2 && atom_at(r, i + 1)->length == 4) {
        cw_text_add(&r->words, "'s");
    }
    speak_scratch(r, i, i + atoms);
}

void say_year(struct reader *r, int year) {
    cw_say_year(&r->words, year, r->british);
}

/* A year at i: four digits, or '98. */
static bool year_at(const struct reader *r, size_t i) {
    struct numeral m;
    size_t short_year = atom_mark(r, i, '\'') && atom_joined(r, i + 1, ATOM_NUMBER) && atom_at(r, i + 1)->length == 2;
    if (short_year) {
        return !atom_joined(r, i + 2, ATOM_WORD);
    }
    return numeral_at(r, i, &m) && m.end == i + 1 && numeral_year(&m) && !atom_joined(r, i + 1, ATOM_WORD) &&
           !(atom_joined_mark(r, i + 1, ':') && atom_joined(r, i + 2, ATOM_NUMBER));
}

static void short_year(struct reader *r, int year) {
    if (year == 0) {
        cw_say_int(&r->words, 2000, r->british);
    } else {
        cw_text_add(&r->words, year < 10 ? " oh" : "");
        cw_say_int(&r->words, year, r->british);
    }
}

/* The atom after the year at i. */
static size_t say_year_at(struct reader *r, size_t i) {
    size_t mark = atom_mark(r, i, '\'');
    if (mark) {
        short_year(r, atom_int(r, i + 1));
    } else {
        say_year(r, atom_int(r, i));
    }
    speak_scratch(r, i, i + 1 + mark);
    return i + 1 + mark;
}

static size_t say_comma_year(struct reader *r, size_t i) {
    size_t comma = atom_joined_mark(r, i, ',');
    if (!year_at(r, i + comma)) {
        return i;
    }
    if (comma) {
        speak_mark(r, ",", i);
    }
    return say_year_at(r, i + comma);
}

size_t read_date_words(struct reader *r, size_t i) {
    static const char *const date_words[] = {"on",   "since", "until", "till", "by",   "from",  "before", "after",
                                             "last", "next",  "this",  "of",   "late", "early", "in",     NULL};
    size_t dot, atoms = 0, dot2;
    enum certainty sure, sure2;
    int month = month_at(r, i, &dot, &sure);
    if (!month) {
        return i;
    }
    size_t next = i + 1 + dot, hyphen = !dot && atom_joined_mark(r, next, '-') && atom_joined(r, next + 1, ATOM_NUMBER);
    int day = day_at(r, next + hyphen, &atoms);
    bool expected = i > 0 && atom_in_any_case(r, i - 1, date_words);
    if (day && sure == WEAK && !expected && !year_at(r, next + hyphen + atoms + atom_joined_mark(r, next + hyphen + atoms, ',')) &&
        atoms == 1 && !dot) {
        return i;
    }
    if (day && !(hyphen && sure == FULL && atom_lower(r, i))) {
        next += hyphen;
        speak(r, months[month - 1], i, next, 0);
        if (r->british && atoms == 1) {
            speak(r, "the", next, next + atoms, CW_TOKEN_PLAIN);
        }
        say_day(r, day, next, atoms);
        next += atoms;
        int to = range_at(r, next) ? day_at(r, next + 1, &atoms) : 0;
        if (to > day) { /* March 3-5 */
            speak(r, "to", next, next + 1, CW_TOKEN_PLAIN);
            say_day(r, to, next + 1, atoms);
            next += 1 + atoms;
        } else if ((range_at(r, next) || atom_mark(r, next, EN_DASH)) && month_at(r, next + 1, &dot2, &sure2)) { /* Jan 3-Feb 2 */
            speak(r, "to", next, next + 1, CW_TOKEN_PLAIN);
            return next + 1;
        } else if (hyphen && atom_joined_mark(r, next, '-') && year_at(r, next + 1)) { /* Jan-15-2020 */
            return say_year_at(r, next + 1);
        }
        next = say_comma_year(r, next);
        if (atom_mark(r, next, EN_DASH) && month_at(r, next + 1, &dot2, &sure2)) { /* Jan 1, 2024 – Dec 31, 2024 */
            speak(r, "to", next, next + 1, CW_TOKEN_PLAIN);
            next++;
        }
        return next;
    }
    if (year_at(r, next) && (sure != WEAK || expected)) {
        speak(r, months[month - 1], i, next, 0);
        return say_year_at(r, next);
    }
    bool name = atom_capital(r, i) && sure == SHORT;
    if (dot && name) {
        speak(r, months[month - 1], i, next, 0);
        if (dot_ends(r, i + 1)) {
            speak_mark(r, ".", i + 1);
        }
        return next;
    }
    /* without a dot: those that are nothing else; with a neighbour that shows it ("Jan-Mar"), the others too */
    static const char *const never_words[] = {"Feb", "Aug", "Sept", "Oct", "Nov", "Dec", NULL};
    bool range = range_at(r, i + 1) && month_at(r, i + 2, &dot2, &sure2) && sure2 >= SHORT;
    bool after = i > 1 && atom_joined_mark(r, i - 1, '-') && !atom_at(r, i)->space && month_at(r, i - 2, &dot2, &sure2) && sure2 == SHORT;
    if (name && (atom_in(r, i, never_words) || range || after)) {
        speak(r, months[month - 1], i, i + 1, 0);
        if (range) {
            speak(r, "to", i + 1, i + 2, CW_TOKEN_PLAIN);
            return i + 2;
        }
        return i + 1;
    }
    return i;
}

size_t read_weekday(struct reader *r, size_t i) {
    const char *day = weekday_at(r, i);
    if (!day) {
        return i;
    }
    size_t dot = atom_joined_mark(r, i + 1, '.');
    size_t next = i + 1 + dot + atom_joined_mark(r, i + 1 + dot, ',');
    bool range = !dot && (atom_joined_mark(r, i + 1, '-') || atom_joined_mark(r, i + 1, EN_DASH)) &&
                 (weekday_at(r, i + 2) || atom_capital(r, i + 2));
    bool range_end = i > 1 && !atom_at(r, i)->space && (atom_mark(r, i - 1, '-') || atom_mark(r, i - 1, EN_DASH));
    bool date = month_name(r, next) || atom_at(r, next)->kind == ATOM_NUMBER;
    bool word = atom_is(r, i, "Sun") || atom_is(r, i, "Sat") || atom_is(r, i, "Wed") || atom_is(r, i, "Mon"); /* or a name's part */
    if (dot && !date && (!word || (atom_at(r, next)->space && atom_lower(r, next)))) {
        return speak_abbreviated(r, day, i, i + 1, 0);
    }
    if (!range && !range_end && !date) {
        return i;
    }
    speak(r, day, i, i + 1 + dot, 0);
    if (range) {
        speak(r, "to", i + 1, i + 2, CW_TOKEN_PLAIN);
        return i + 2;
    }
    return i + 1 + dot;
}

/* ---- day before month ----------------------------------------------------------------------------------------------------- */

size_t read_day_month(struct reader *r, size_t i) {
    size_t atoms = 0, dot, to_atoms = 0, start = i, token = r->out->n;
    enum certainty sure;
    int day = day_at(r, i, &atoms), to = 0;
    if (!day) {
        return i;
    }
    size_t next = i + atoms, dash = next;
    if (range_at(r, next) && (to = day_at(r, next + 1, &to_atoms)) > day) { /* 3-5 May */
        next += 1 + to_atoms;
    } else {
        to = 0;
    }
    size_t of = atom_is(r, next, "of"), hyphen = !to && !of && atom_joined_mark(r, next, '-') && atom_joined(r, next + 1, ATOM_WORD);
    size_t at = next + of + hyphen;
    int month = month_at(r, at, &dot, &sure);
    if (!month || (sure == WEAK && !year_at(r, at + 1 + dot) && !of) || (atom_is(r, at, "may") && !of && !year_at(r, at + 1))) {
        return i;
    }
    if (!(i > 0 && atom_is_any_case(r, i - 1, "the"))) {
        speak(r, "the", start, start + atoms, CW_TOKEN_PLAIN);
    }
    say_day(r, day, i, atoms);
    if (to) {
        speak(r, "to the", dash, dash + 1, CW_TOKEN_PLAIN);
        say_day(r, to, dash + 1, to_atoms);
    }
    speak(r, "of", of ? next : start, next + of, CW_TOKEN_PLAIN);
    speak(r, months[month - 1], at - hyphen, at + 1 + dot, 0);
    next = at + 1 + dot;
    if (hyphen && atom_joined_mark(r, next, '-') && atom_joined(r, next + 1, ATOM_NUMBER) && year_at(r, next + 1)) {
        next = say_year_at(r, next + 1);
        respan(r, token, start, next);
        return next;
    }
    size_t comma = atom_joined_mark(r, next, ',');
    if (year_at(r, next + comma)) {
        return say_year_at(r, next + comma);
    }
    if (dot && dot_ends(r, next - 1)) {
        speak_mark(r, ".", next - 1);
    }
    return next;
}

/* ---- dates in figures -------------------------------------------------------------------------------------------------------- */

/* `swapped`: written with the day first where the reader's country writes the month first, and read so. */
static void say_date(struct reader *r, int day, int month, int year, size_t year_digits, bool day_first, size_t a, size_t b) {
    if (day_first) {
        cw_text_add(&r->words, "the ");
        cw_say_ordinal_int(&r->words, day, true);
        cw_text_add(&r->words, " of ");
        cw_text_add(&r->words, months[month - 1]);
    } else {
        cw_text_add(&r->words, months[month - 1]);
        cw_say_ordinal_int(&r->words, day, false);
    }
    if (year_digits == 2) {
        short_year(r, year);
    } else if (year_digits) {
        say_year(r, year);
    }
    speak_scratch(r, a, b);
}

/* "on 5/6": a date without its year. */
static size_t read_short_date(struct reader *r, size_t i) {
    size_t word = i > 1 && (atom_joined_mark(r, i - 1, '.') || atom_joined_mark(r, i - 1, ',')) ? i - 2 : i > 0 ? i - 1 : 0;
    static const char *const expected[] = {"on", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", NULL};
    if (i == 0 || !(atom_in_any_case(r, word, expected) || weekday_at(r, word)) || !atom_joined_mark(r, i + 1, '/') ||
        !atom_joined(r, i + 2, ATOM_NUMBER) || atom_joined(r, i + 3, ATOM_WORD) || atom_joined_mark(r, i + 3, '/')) {
        return i;
    }
    int month = atom_int(r, i + (r->british ? 2 : 0)), day = atom_int(r, i + (r->british ? 0 : 2));
    bool eleventh = day == 11 && month == 9; /* "nine eleven" is what it is called */
    if (month < 1 || month > 12 || day < 1 || day > 31 || eleventh) {
        return i;
    }
    say_date(r, day, month, 0, 0, r->british, i, i + 3);
    return i + 3;
}

/* 5/6/2021 (month first in the US, day first in Britain; 13/6/2021 can only be one of them), 2021-06-05, 01.10.2010. */
size_t read_date(struct reader *r, size_t i) {
    uint32_t mark = atom_at(r, i + 1)->mark;
    if (!(mark == '/' || mark == '-' || mark == '.') || !atom_joined_mark(r, i + 1, mark) || !atom_joined(r, i + 2, ATOM_NUMBER) ||
        !atom_joined_mark(r, i + 3, mark) || !atom_joined(r, i + 4, ATOM_NUMBER) ||
        (atom_joined_mark(r, i + 5, mark) && atom_joined(r, i + 6, ATOM_NUMBER))) {
        return read_short_date(r, i);
    }
    int a = atom_int(r, i), b = atom_int(r, i + 2), c = atom_int(r, i + 4), day, month, year;
    size_t a_n = atom_at(r, i)->length, b_n = atom_at(r, i + 2)->length, c_n = atom_at(r, i + 4)->length, year_digits = 4, end = i + 5;
    bool day_first = r->british;
    if (a_n == 4 && b_n <= 2 && c_n <= 2) {
        year = a;
        month = b;
        day = c;
    } else if (a_n <= 2 && b_n <= 2 && (c_n == 4 || (c_n == 2 && mark == '/'))) {
        day_first = r->british ? b <= 12 : a > 12;
        day = day_first ? a : b;
        month = day_first ? b : a;
        year = c;
        year_digits = c_n;
    } else {
        return i;
    }
    bool stamp = atom_joined(r, end, ATOM_WORD) && atom_is(r, end, "T") && atom_joined(r, end + 1, ATOM_NUMBER); /* …T14:30 */
    if (month < 1 || month > 12 || day < 1 || day > 31 || (year_digits == 4 && (year < 1000 || year > 2999)) ||
        (atom_joined(r, end, ATOM_WORD) && !stamp)) {
        return i;
    }
    say_date(r, day, month, year, year_digits, day_first, i, end);
    if (stamp) {
        speak(r, "at", end, end + 1, CW_TOKEN_PLAIN);
    }
    return end + stamp;
}

/* ---- times --------------------------------------------------------------------------------------------------------- */

/* "a.m.", "am", "PM" at i: its atoms (a sentence's end dot left out), or 0. */
static size_t half_day(const struct reader *r, size_t i, bool *pm) {
    for (int k = 0; k < 2; k++) {
        *pm = k == 1;
        if (atom_is_any_case(r, i, k ? "pm" : "am")) {
            bool verb = k == 0 && atom_at(r, i)->space && atom_is(r, i, "am") && atom_is(r, i + 1, "I");
            return verb ? 0 : 1 + (atom_joined_mark(r, i + 1, '.') && !dot_ends(r, i + 1) && !atom_joined(r, i + 2, ATOM_WORD));
        }
        if (atom_is_any_case(r, i, k ? "p" : "a") && atom_joined_mark(r, i + 1, '.') && atom_is_any_case(r, i + 2, "m")) {
            bool run = atom_joined_mark(r, i + 4, '?') || atom_joined_mark(r, i + 4, '!'); /* "a.m.?": a dot of theirs */
            return 3 + (!run && atom_joined_mark(r, i + 3, '.') && (atom_joined(r, i + 4, ATOM_WORD) || !dot_ends(r, i + 3)));
        }
    }
    return 0;
}

/* "EST", "e.s.t": a zone's letters after the hour; the atom after them. */
static size_t say_zone(struct reader *r, size_t i, bool after_half) {
    static const char *const zones[] = {"est", "edt", "et",  "cst", "cdt", "ct",   "mst", "mdt", "mt",   "pst", "pdt",
                                        "pt",  "gmt", "utc", "bst", "cet", "cest", "ist", "jst", "aest", NULL};
    char letters[8];
    size_t n = 0, end = i;
    while (n < 4 && atom_at(r, end)->kind == ATOM_WORD && atom_at(r, end)->length == 1 && (end == i || !atom_at(r, end)->space)) {
        letters[n++] = (char)(*atom_text(r, end) & ~32);
        end += 1 + (atom_joined_mark(r, end + 1, '.') && atom_joined(r, end + 2, ATOM_WORD));
    }
    letters[n] = '\0';
    for (size_t k = 0; zones[k]; k++) {
        bool dotted = n >= 2 && end > i + 1 && strlen(zones[k]) == n;
        for (size_t c = 0; dotted && c < n; c++) {
            dotted = zones[k][c] - 32 == letters[c];
        }
        if (dotted) {
            end += atom_joined_mark(r, end, '.') && !dot_ends(r, end);
            speak(r, letters, i, end, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
            return end;
        }
    }
    if (atom_in_any_case(r, i, zones) && (atom_capitals(r, i) || !atom_at(r, i)->space || (after_half && atom_at(r, i)->length > 2))) {
        n = atom_at(r, i)->length;
        for (size_t k = 0; k < n; k++) {
            letters[k] = (char)(atom_text(r, i)[k] & ~32);
        }
        letters[n] = '\0';
        speak(r, letters, i, i + 1, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        return i + 1;
    }
    return i;
}

/* The half of the day at i, if it is there, and the zone. */
static size_t say_half_day(struct reader *r, size_t i) {
    bool pm;
    size_t atoms = half_day(r, i, &pm);
    if (atoms) {
        speak(r, pm ? "PM" : "AM", i, i + atoms, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
    }
    return say_zone(r, i + atoms, atoms > 0);
}

static void say_clock(struct reader *r, int hour, int minute, bool half) {
    cw_say_int(&r->words, hour, r->british);
    if (minute == 0) {
        cw_text_add(&r->words, half ? "" : hour > 12 || hour == 0 ? " hundred" : " o'clock");
    } else {
        cw_text_add(&r->words, minute < 10 ? " oh" : "");
        cw_say_int(&r->words, minute, r->british);
    }
}

static void say_count(struct reader *r, int n, const char *unit) {
    cw_say_int(&r->words, n, r->british);
    cw_text_printf(&r->words, " %s%s", unit, n == 1 ? "" : "s");
}

/* 7:45, 14:10:30 (a duration, or a time to the second); 3:1, a ratio or a score. */
size_t read_time(struct reader *r, size_t i) {
    if (!atom_joined_mark(r, i + 1, ':') || !atom_joined(r, i + 2, ATOM_NUMBER)) {
        return i;
    }
    int hour = atom_int(r, i), minute = atom_int(r, i + 2);
    bool pm, third = atom_joined_mark(r, i + 3, ':') && atom_joined(r, i + 4, ATOM_NUMBER);
    size_t end = i + 3;
    if (atom_at(r, i)->length <= 2 && atom_at(r, i + 2)->length == 2 && minute < 60 && (hour <= 24 || third)) {
        if (third && atom_at(r, i + 4)->length == 2 && atom_int(r, i + 4) < 60) {
            end += 2;
            say_count(r, hour, "hour");
            cw_text_add_char(&r->words, ' ');
            say_count(r, minute, "minute");
            cw_text_add(&r->words, " and ");
            say_count(r, atom_int(r, i + 4), "second");
        } else if (third) {
            return i;
        } else if (atom_joined_mark(r, end, '.') && atom_joined(r, end + 1, ATOM_NUMBER)) { /* 3:59.4, a runner's */
            say_clock(r, hour, minute, true);
            cw_text_add(&r->words, " point");
            cw_say_digits(&r->words, atom_text(r, end + 1), atom_at(r, end + 1)->length);
            end += 2;
        } else {
            bool half = half_day(r, end, &pm);
            struct numeral to;
            if (range_at(r, end) && numeral_at(r, end + 1, &to)) { /* 9:00-10:30 a.m.: the half of the day may stand after the second */
                half = half || half_day(r, to.end, &pm) || (atom_joined_mark(r, to.end, ':') && half_day(r, to.end + 2, &pm));
            }
            say_clock(r, hour, minute, half);
        }
        speak_scratch(r, i, end);
        return say_half_day(r, end);
    }
    if (hour >= 0 && minute >= 0 && hour < 1000 && minute < 1000 && !third) { /* a ratio, a score */
        cw_say_int(&r->words, hour, r->british);
        cw_text_add(&r->words, " to");
        cw_say_int(&r->words, minute, r->british);
        r->class = CW_CLASS_CARDINAL;
        speak_scratch(r, i, end);
        return end;
    }
    return i;
}

/* 7 pm, 1.59 p.m. */
size_t read_hour(struct reader *r, size_t i) {
    bool pm;
    int hour = atom_int(r, i);
    if (atom_at(r, i)->length > 2 || hour < 0 || hour > 24) {
        return i;
    }
    size_t minutes =
        atom_joined_mark(r, i + 1, '.') && atom_joined(r, i + 2, ATOM_NUMBER) && atom_at(r, i + 2)->length == 2 && atom_int(r, i + 2) < 60
            ? 2
            : 0;
    if (!half_day(r, i + 1 + minutes, &pm)) {
        return i;
    }
    say_clock(r, hour, minutes ? atom_int(r, i + 2) : 0, true);
    speak_scratch(r, i, i + 1 + minutes);
    return say_half_day(r, i + 1 + minutes);
}

/* Numbers with what stands around them: money, dates, times, ranges, fractions, units ─▶ spoken words.
 * Each reader looks at the atoms from i on and, when its pattern is there, speaks it and returns the atom after it; else i. */
#include "tts/atoms.h"

#include <string.h>

#define EN_DASH 0x2013
#define MINUS 0x2212

/* ---- numerals: 1,249.50 -------------------------------------------------------------------------------------------- */

struct numeral {
    size_t end;       /* atom after it */
    char digits[128]; /* whole part without commas; "" for ".5" */
    size_t n;
    size_t fraction, fraction_n; /* place of the digits after the point; 0: none */
    bool commas;
};

static bool numeral_at(const struct reader *r, size_t i, struct numeral *m) {
    *m = (struct numeral){.end = i};
    if (atom_at(r, i)->kind == ATOM_NUMBER) {
        const struct atom *a = atom_at(r, i);
        if (a->length > 60) {
            return false;
        }
        memcpy(m->digits, r->text + a->offset, a->length);
        m->n = a->length;
        m->end = i + 1;
        while (m->n <= 60 && (m->commas || a->length <= 3) && atom_joined_mark(r, m->end, ',') && atom_joined(r, m->end + 1, ATOM_NUMBER) &&
               atom_at(r, m->end + 1)->length == 3) {
            memcpy(m->digits + m->n, atom_text(r, m->end + 1), 3);
            m->n += 3;
            m->end += 2;
            m->commas = true;
        }
    } else if (!atom_mark(r, i, '.') || !atom_joined(r, i + 1, ATOM_NUMBER) || !atom_at(r, i)->space) {
        return false;
    }
    bool version = atom_joined_mark(r, m->end + 2, '.') && atom_joined(r, m->end + 3, ATOM_NUMBER);
    if (atom_mark(r, m->end, '.') && (m->end == i || !atom_at(r, m->end)->space) && atom_joined(r, m->end + 1, ATOM_NUMBER) && !version) {
        m->fraction = atom_at(r, m->end + 1)->offset;
        m->fraction_n = atom_at(r, m->end + 1)->length;
        m->end += 2;
    }
    return m->end > i;
}

static bool is_one(const struct numeral *m) {
    return m->n == 1 && m->digits[0] == '1' && !m->fraction_n;
}

static int small(const char *digits, size_t n) {
    int v = 0;
    if (n == 0 || n > 6) {
        return -1;
    }
    for (size_t k = 0; k < n; k++) {
        v = v * 10 + (digits[k] - '0');
    }
    return v;
}

static void say_fraction_digits(struct reader *r, const struct numeral *m, size_t a, size_t b) {
    speak(r, "point", a, b, CW_TOKEN_WEAK | CW_TOKEN_PLAIN);
    cw_say_digits(&r->words, r->text + m->fraction, m->fraction_n);
    speak_scratch(r, a, b);
}

static void say_numeral(struct reader *r, const struct numeral *m, size_t a) {
    if (m->n) {
        if (m->n > 1 && m->digits[0] == '0' && !m->fraction_n) {
            cw_say_digits(&r->words, m->digits, m->n);
        } else {
            cw_say_cardinal(&r->words, m->digits, m->n, r->british);
        }
        speak_scratch(r, a, m->end);
    }
    if (m->fraction_n) {
        say_fraction_digits(r, m, a, m->end);
    }
}

/* ---- years --------------------------------------------------------------------------------------------------------- */

static bool one_of(const struct reader *r, size_t i, const char *const *list) {
    for (; *list; list++) {
        if (atom_is_any_case(r, i, *list)) {
            return true;
        }
    }
    return false;
}

static bool year_like(const struct numeral *m) {
    int v = small(m->digits, m->n);
    return m->n == 4 && !m->commas && !m->fraction_n && v >= 1010 && v < 2100;
}

/* Four bare digits at [i, end): a year, unless what follows counts something ("1500 people", "2048 tokens"). */
static bool is_year(const struct reader *r, size_t i, const struct numeral *m) {
    static const char *const before[] = {"in",     "since",  "by",     "from",    "until", "till",   "before", "after",
                                         "during", "around", "circa",  "between", "of",    "year",   "early",  "late",
                                         "mid",    "spring", "summer", "autumn",  "fall",  "winter", NULL};
    static const char *const not_counted[] = {"was", "is", "has", "as", "this", "his", "its", "us", "always", "perhaps", NULL};
    static const char *const counted[] = {"people", "men", "women", "children", "feet", "percent", "million", "billion", "thousand", NULL};
    if (!year_like(m)) {
        return false;
    }
    size_t next = m->end;
    if (one_of(r, next, counted)) {
        return false;
    }
    if (i > 0 && one_of(r, i - 1, before)) {
        return true;
    }
    if (small(m->digits, m->n) < 1100) { /* 1066 only where a year is expected; 1024 and 1080 are more often counts */
        return false;
    }
    const struct atom *a = atom_at(r, next);
    if (a->kind == ATOM_WORD && a->length > 2 && atom_lower(r, next) && r->text[a->offset + a->length - 1] == 's' &&
        !one_of(r, next, not_counted)) {
        return false;
    }
    return true;
}

/* "RTX 4090", "1920x1080": a name's number, read in pairs like a year. */
static bool in_a_name(const struct reader *r, size_t i, const struct numeral *m) {
    if (m->n != 4 || m->commas || m->fraction_n || m->digits[0] == '0' || (m->digits[2] == '0' && m->digits[3] != '0') || i == 0) {
        return false;
    }
    const struct atom *before = atom_at(r, i - 1);
    if (!atom_at(r, i)->space && atom_is(r, i - 1, "x")) {
        return true;
    }
    for (size_t k = 0; k < before->length; k++) {
        char c = r->text[before->offset + k];
        if (c < 'A' || c > 'Z') {
            return false;
        }
    }
    return before->kind == ATOM_WORD && before->length > 1;
}

static void say_year_or_number(struct reader *r, const struct numeral *m, size_t i) {
    if (is_year(r, i, m) || in_a_name(r, i, m)) {
        cw_say_year(&r->words, small(m->digits, m->n), r->british);
        speak_scratch(r, i, m->end);
    } else {
        say_numeral(r, m, i);
    }
}

/* ---- dates --------------------------------------------------------------------------------------------------------- */

static const char *const months[12] = {"January", "February", "March",     "April",   "May",      "June",
                                       "July",    "August",   "September", "October", "November", "December"};

const char *month_of(const struct reader *r, size_t i, size_t *dot) {
    static const char *const shorts[13] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Sept"};
    *dot = 0;
    for (int k = 0; k < 12; k++) {
        if (atom_is(r, i, months[k])) {
            return months[k];
        }
    }
    for (int k = 0; k < 13; k++) {
        if (atom_is(r, i, shorts[k])) {
            *dot = atom_joined_mark(r, i + 1, '.');
            return months[k == 12 ? 8 : k];
        }
    }
    return NULL;
}

/* "21st" or "21": its value 1..31, and the atoms it takes; 0 when it is neither. */
static int day_at(const struct reader *r, size_t i, size_t *atoms) {
    int day = atom_int(r, i);
    if (atom_at(r, i)->kind != ATOM_NUMBER || atom_at(r, i)->length > 2 || day < 1 || day > 31) {
        return 0;
    }
    *atoms = 1;
    if (atom_joined(r, i + 1, ATOM_WORD)) {
        if (!atom_is(r, i + 1, "st") && !atom_is(r, i + 1, "nd") && !atom_is(r, i + 1, "rd") && !atom_is(r, i + 1, "th")) {
            return 0;
        }
        *atoms = 2;
    } else if ((atom_joined_mark(r, i + 1, ':') || atom_joined_mark(r, i + 1, '.') || atom_joined_mark(r, i + 1, '/')) &&
               atom_joined(r, i + 2, ATOM_NUMBER)) {
        return 0;
    }
    return day;
}

static bool year_at(const struct reader *r, size_t i) {
    struct numeral m;
    return numeral_at(r, i, &m) && m.end == i + 1 && year_like(&m) && !atom_joined(r, i + 1, ATOM_WORD);
}

static void say_year_at(struct reader *r, size_t i) {
    cw_say_year(&r->words, atom_int(r, i), r->british);
    speak_scratch(r, i, i + 1);
}

size_t read_date_words(struct reader *r, size_t i) {
    size_t dot, atoms = 0;
    const char *month = month_of(r, i, &dot);
    if (!month) {
        return i;
    }
    size_t next = i + 1 + dot;
    int day = day_at(r, next, &atoms);
    if (day && !atom_mark(r, next + atoms, '%')) {
        speak(r, month, i, next, 0);
        if (r->british && atoms == 1) {
            speak(r, "the", next, next + atoms, CW_TOKEN_PLAIN);
        }
        cw_say_ordinal_int(&r->words, day, r->british);
        speak_scratch(r, next, next + atoms);
        next += atoms;
        size_t comma = atom_mark(r, next, ',') && !atom_at(r, next)->space;
        if (year_at(r, next + comma)) {
            if (comma) {
                speak_mark(r, ",", next);
            }
            say_year_at(r, next + comma);
            next += comma + 1;
        }
        return next;
    }
    if (year_at(r, next)) {
        speak(r, month, i, next, 0);
        say_year_at(r, next);
        return next + 1;
    }
    if (dot && atom_at(r, i)->length <= 4) {
        speak(r, month, i, next, 0);
        if (dot_ends(r, i + 1)) {
            speak_mark(r, ".", i + 1);
        }
        return next;
    }
    return i;
}

/* "6 May 2021", "6th of May". */
static size_t read_day_month(struct reader *r, size_t i) {
    size_t atoms = 0, dot;
    int day = day_at(r, i, &atoms);
    if (!day) {
        return i;
    }
    size_t next = i + atoms, of = atom_is(r, next, "of");
    const char *month = month_of(r, next + of, &dot);
    if (!month || (atom_at(r, next + of)->length < 3)) {
        return i;
    }
    bool the = i > 0 && atom_is_any_case(r, i - 1, "the");
    if (!the) {
        speak(r, "the", i, next, CW_TOKEN_PLAIN);
    }
    cw_say_ordinal_int(&r->words, day, r->british);
    speak_scratch(r, i, next);
    speak(r, "of", of ? next : i, of ? next + 1 : next, CW_TOKEN_PLAIN);
    next += of;
    speak(r, month, next, next + 1 + dot, 0);
    next += 1 + dot;
    size_t comma = atom_mark(r, next, ',') && !atom_at(r, next)->space;
    if (year_at(r, next + comma)) {
        say_year_at(r, next + comma);
        next += comma + 1;
    }
    return next;
}

static void say_date(struct reader *r, int day, int month, int year, size_t a, size_t b) {
    if (r->british) {
        cw_text_add(&r->words, "the ");
        cw_say_ordinal_int(&r->words, day, true);
        cw_text_add(&r->words, " of ");
        cw_text_add(&r->words, months[month - 1]);
    } else {
        cw_text_add(&r->words, months[month - 1]);
        cw_say_ordinal_int(&r->words, day, false);
    }
    cw_say_year(&r->words, year, r->british);
    speak_scratch(r, a, b);
}

/* 5/6/2021 (month first in the US, day first in Britain; 13/6/2021 can only be one of them), 2021-06-05. */
static size_t read_date(struct reader *r, size_t i) {
    uint32_t mark = atom_mark(r, i + 1, '/') ? '/' : '-';
    if (!atom_joined_mark(r, i + 1, mark) || !atom_joined(r, i + 2, ATOM_NUMBER) || !atom_joined_mark(r, i + 3, mark) ||
        !atom_joined(r, i + 4, ATOM_NUMBER) || atom_joined(r, i + 5, ATOM_WORD) ||
        (atom_joined_mark(r, i + 5, mark) && atom_joined(r, i + 6, ATOM_NUMBER))) {
        return i;
    }
    int a = atom_int(r, i), b = atom_int(r, i + 2), c = atom_int(r, i + 4), day, month, year;
    size_t a_n = atom_at(r, i)->length, b_n = atom_at(r, i + 2)->length, c_n = atom_at(r, i + 4)->length;
    if (a_n == 4 && b_n <= 2 && c_n <= 2) {
        year = a;
        month = b;
        day = c;
    } else if (mark == '/' && a_n <= 2 && b_n <= 2 && (c_n == 4 || c_n == 2)) {
        bool swap = r->british ? b <= 12 : a > 12;
        day = swap ? a : b;
        month = swap ? b : a;
        year = c_n == 4 ? c : c < 50 ? 2000 + c : 1900 + c;
    } else {
        return i;
    }
    if (month < 1 || month > 12 || day < 1 || day > 31 || year < 1 || year > 9999) {
        return i;
    }
    say_date(r, day, month, year, i, i + 5);
    return i + 5;
}

/* ---- times --------------------------------------------------------------------------------------------------------- */

/* "a.m.", "am", "PM" at i: its atoms (a sentence's end dot left out), or 0. */
static size_t half_day(const struct reader *r, size_t i, bool *pm, bool *dotted) {
    *dotted = false;
    for (int k = 0; k < 2; k++) {
        *pm = k == 1;
        if (atom_is_any_case(r, i, k ? "pm" : "am")) {
            *dotted = atom_joined_mark(r, i + 1, '.') && !dot_ends(r, i + 1);
            return 1 + *dotted;
        }
        if (atom_is_any_case(r, i, k ? "p" : "a") && atom_joined_mark(r, i + 1, '.') && atom_joined(r, i + 2, ATOM_WORD) &&
            atom_is_any_case(r, i + 2, "m")) {
            *dotted = atom_joined_mark(r, i + 3, '.') && !dot_ends(r, i + 3);
            return 3 + *dotted;
        }
    }
    return 0;
}

static size_t say_half_day(struct reader *r, size_t i) {
    bool pm, dotted;
    size_t atoms = half_day(r, i, &pm, &dotted);
    if (atoms) {
        speak(r, pm ? "PM" : "AM", i, i + atoms, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
    }
    return i + atoms;
}

static size_t read_time(struct reader *r, size_t i) {
    if (!atom_joined_mark(r, i + 1, ':') || !atom_joined(r, i + 2, ATOM_NUMBER)) {
        return i;
    }
    int hour = atom_int(r, i), minute = atom_int(r, i + 2);
    bool pm, dotted;
    size_t end = i + 3;
    if (atom_at(r, i)->length <= 2 && atom_at(r, i + 2)->length == 2 && hour <= 24 && minute < 60) {
        size_t half;
        int second = -1;
        if (atom_joined_mark(r, end, ':') && atom_joined(r, end + 1, ATOM_NUMBER) && atom_at(r, end + 1)->length == 2) {
            second = atom_int(r, end + 1);
            end += 2;
        }
        half = half_day(r, end, &pm, &dotted);
        cw_say_int(&r->words, hour, r->british);
        if (minute == 0 && second < 0) {
            cw_text_add(&r->words, half ? "" : hour > 12 ? " hundred" : hour ? " o'clock" : " hundred");
        } else {
            if (minute < 10) {
                cw_text_add(&r->words, " oh");
            }
            cw_say_int(&r->words, minute, r->british);
        }
        if (second >= 0) {
            cw_text_add(&r->words, " and");
            cw_say_int(&r->words, second, r->british);
            cw_text_add(&r->words, second == 1 ? " second" : " seconds");
        }
        speak_scratch(r, i, end);
        return half ? say_half_day(r, end) : end;
    }
    if (hour >= 0 && minute >= 0 && !(atom_joined_mark(r, end, ':') && atom_joined(r, end + 1, ATOM_NUMBER))) { /* a ratio, a score */
        cw_say_int(&r->words, hour, r->british);
        cw_text_add(&r->words, " to");
        cw_say_int(&r->words, minute, r->british);
        speak_scratch(r, i, end);
        return end;
    }
    return i;
}

/* ---- groups of digits ---------------------------------------------------------------------------------------------- */

/* 555-0123, 212-555-0123, 123-45-6789: groups are read digit by digit, the hyphens as short pauses. */
static size_t read_groups(struct reader *r, size_t i) {
    size_t groups = 1, end = i + 1;
    while (groups < 6 && (atom_joined_mark(r, end, '-') || atom_joined_mark(r, end, '.')) && atom_joined(r, end + 1, ATOM_NUMBER) &&
           atom_at(r, end)->mark == atom_at(r, i + 1)->mark) {
        groups++;
        end += 2;
    }
    size_t first = atom_at(r, i)->length, last = atom_at(r, end - 1)->length;
    bool hyphens = atom_mark(r, i + 1, '-');
    bool phone = hyphens ? (groups >= 3 || (groups == 2 && first == 3 && last == 4)) : groups == 3 && first == 3 && last == 4;
    if (!phone || atom_joined(r, end, ATOM_WORD)) {
        return i;
    }
    for (size_t k = i; k < end; k += 2) {
        cw_say_digits(&r->words, atom_text(r, k), atom_at(r, k)->length < 12 ? atom_at(r, k)->length : 12);
        speak_scratch(r, k, k + 1);
        if (k + 1 < end) {
            speak_mark(r, ",", k + 1);
        }
    }
    return end;
}

/* 1.2.3: a version. */
static size_t read_version(struct reader *r, size_t i) {
    size_t end = i + 1;
    while (atom_joined_mark(r, end, '.') && atom_joined(r, end + 1, ATOM_NUMBER)) {
        end += 2;
    }
    if (end < i + 5) {
        return i;
    }
    for (size_t k = i; k < end; k += 2) {
        if (k > i) {
            cw_text_add(&r->words, " point");
        }
        const struct atom *a = atom_at(r, k);
        if (a->length > 3 || r->text[a->offset] == '0') {
            cw_say_digits(&r->words, r->text + a->offset, a->length);
        } else {
            cw_say_cardinal(&r->words, r->text + a->offset, a->length, r->british);
        }
    }
    speak_scratch(r, i, end);
    return end;
}

/* ---- fractions ----------------------------------------------------------------------------------------------------- */

static void say_fraction(struct cw_text *out, int top, int bottom, bool british) {
    cw_say_int(out, top, british);
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
    if (!atom_joined_mark(r, i + 1, '/') || !atom_joined(r, i + 2, ATOM_NUMBER) || atom_joined_mark(r, i + 3, '/') ||
        (atom_joined_mark(r, i + 3, '.') && atom_joined(r, i + 4, ATOM_NUMBER))) {
        return false;
    }
    *top = atom_int(r, i);
    *bottom = atom_int(r, i + 2);
    return *top >= 0 && *bottom >= 0;
}

static size_t read_fraction(struct reader *r, size_t i) {
    int top, bottom;
    if (!fraction_at(r, i, &top, &bottom)) {
        return i;
    }
    if ((top == 24 && bottom == 7) || (top == 9 && bottom == 11) || top == 0 || bottom < 2 || bottom > 100 || top >= 100) {
        cw_say_int(&r->words, top, r->british);
        cw_text_add(&r->words, (top == 24 && bottom == 7) || (top == 9 && bottom == 11) ? "" : " over");
        cw_say_int(&r->words, bottom, r->british);
    } else {
        say_fraction(&r->words, top, bottom, r->british);
    }
    speak_scratch(r, i, i + 3);
    return i + 3;
}

/* ---- units --------------------------------------------------------------------------------------------------------- */

static const struct unit {
    const char *sign, *one, *many;
} units[] = {
    {"km", "kilometer", "kilometers"},
    {"m", "meter", "meters"},
    {"cm", "centimeter", "centimeters"},
    {"mm", "millimeter", "millimeters"},
    {"nm", "nanometer", "nanometers"},
    {"kg", "kilogram", "kilograms"},
    {"g", "gram", "grams"},
    {"mg", "milligram", "milligrams"},
    {"lb", "pound", "pounds"},
    {"lbs", "pound", "pounds"},
    {"oz", "ounce", "ounces"},
    {"ft", "foot", "feet"},
    {"yd", "yard", "yards"},
    {"mi", "mile", "miles"},
    {"ml", "milliliter", "milliliters"},
    {"mL", "milliliter", "milliliters"},
    {"L", "liter", "liters"},
    {"l", "liter", "liters"},
    {"ha", "hectare", "hectares"},
    {"KB", "kilobyte", "kilobytes"},
    {"kB", "kilobyte", "kilobytes"},
    {"MB", "megabyte", "megabytes"},
    {"GB", "gigabyte", "gigabytes"},
    {"TB", "terabyte", "terabytes"},
    {"PB", "petabyte", "petabytes"},
    {"GiB", "gibibyte", "gibibytes"},
    {"MiB", "mebibyte", "mebibytes"},
    {"Gb", "gigabit", "gigabits"},
    {"Mb", "megabit", "megabits"},
    {"kbps", "kilobit per second", "kilobits per second"},
    {"Mbps", "megabit per second", "megabits per second"},
    {"Gbps", "gigabit per second", "gigabits per second"},
    {"Hz", "hertz", "hertz"},
    {"kHz", "kilohertz", "kilohertz"},
    {"MHz", "megahertz", "megahertz"},
    {"GHz", "gigahertz", "gigahertz"},
    {"W", "watt", "watts"},
    {"kW", "kilowatt", "kilowatts"},
    {"MW", "megawatt", "megawatts"},
    {"GW", "gigawatt", "gigawatts"},
    {"TW", "terawatt", "terawatts"},
    {"Wh", "watt hour", "watt hours"},
    {"kWh", "kilowatt hour", "kilowatt hours"},
    {"MWh", "megawatt hour", "megawatt hours"},
    {"GWh", "gigawatt hour", "gigawatt hours"},
    {"TWh", "terawatt hour", "terawatt hours"},
    {"V", "volt", "volts"},
    {"kV", "kilovolt", "kilovolts"},
    {"mV", "millivolt", "millivolts"},
    {"mA", "milliamp", "milliamps"},
    {"mAh", "milliamp hour", "milliamp hours"},
    {"mph", "mile per hour", "miles per hour"},
    {"kph", "kilometer per hour", "kilometers per hour"},
    {"ms", "millisecond", "milliseconds"},
    {"ns", "nanosecond", "nanoseconds"},
    {"sec", "second", "seconds"},
    {"secs", "second", "seconds"},
    {"min", "minute", "minutes"},
    {"mins", "minute", "minutes"},
    {"h", "hour", "hours"},
    {"hr", "hour", "hours"},
    {"hrs", "hour", "hours"},
    {"dB", "decibel", "decibels"},
    {"px", "pixel", "pixels"},
    {"fps", "frame per second", "frames per second"},
    {"rpm", "R P M", "R P M"},
    {"psi", "P S I", "P S I"},
    {"kJ", "kilojoule", "kilojoules"},
    {"kcal", "kilocalorie", "kilocalories"},
    {"hp", "horsepower", "horsepower"},
    {"\u03bcs", "microsecond", "microseconds"},
    {"\u00b5s", "microsecond", "microseconds"},
    {"\u03bcm", "micrometer", "micrometers"},
    {"\u00b5m", "micrometer", "micrometers"},
    {"TFLOPS", "teraflops", "teraflops"},
    {"bps", "bit per second", "bits per second"},
};

/* Spoken right after a number when it stands joined to it: "10k", "5M", "7B". */
static const char *const magnitudes[][2] = {{"k", "thousand"}, {"K", "thousand"}, {"M", "million"},  {"mn", "million"},
                                            {"B", "billion"},  {"bn", "billion"}, {"T", "trillion"}, {"tn", "trillion"}};

static const struct unit *unit_at(const struct reader *r, size_t i) {
    for (size_t k = 0; k < sizeof units / sizeof units[0]; k++) {
        if (atom_is(r, i, units[k].sign)) {
            return &units[k];
        }
    }
    return NULL;
}

static void say_unit(struct reader *r, const char *name, size_t a, size_t b) {
    /* British spelling is the one the British lexicon is sure to hold */
    const char *meter = r->british ? strstr(name, "meter") : NULL, *liter = r->british ? strstr(name, "liter") : NULL;
    const char *er = meter ? meter + 3 : liter ? liter + 3 : NULL;
    if (er) {
        cw_text_add_n(&r->words, name, (size_t)(er - name));
        cw_text_add(&r->words, "re");
        cw_text_add(&r->words, er + 2);
    } else {
        cw_text_add(&r->words, name);
    }
    speak_scratch(r, a, b);
}

static const char *per_what(const struct reader *r, size_t i) {
    static const char *const names[][2] = {
        {"s", "second"},      {"sec", "second"},   {"h", "hour"},      {"hr", "hour"},           {"min", "minute"},    {"m", "meter"},
        {"kg", "kilogram"},   {"km", "kilometer"}, {"GB", "gigabyte"}, {"kWh", "kilowatt hour"}, {"mo", "month"},      {"yr", "year"},
        {"wk", "week"},       {"day", "day"},      {"month", "month"}, {"year", "year"},         {"hour", "hour"},     {"minute", "minute"},
        {"second", "second"}, {"week", "week"},    {"token", "token"}, {"user", "user"},         {"person", "person"}, {"unit", "unit"}};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        if (atom_is(r, i, names[k][0])) {
            return names[k][1];
        }
    }
    return NULL;
}

static size_t read_per(struct reader *r, size_t i) {
    const char *what = atom_joined_mark(r, i, '/') && atom_joined(r, i + 1, ATOM_WORD) ? per_what(r, i + 1) : NULL;
    if (!what) {
        return i;
    }
    speak(r, "per", i, i + 1, CW_TOKEN_PLAIN);
    say_unit(r, what, i + 1, i + 2);
    return i + 2;
}

/* What may follow a number at i: percent, degrees, a unit. `a` is where the number starts. */
static size_t read_suffix(struct reader *r, size_t a, size_t i, bool one) {
    size_t token = r->out->n, end = i;
    if (atom_mark(r, i, '%') || atom_mark(r, i, 0x2030)) {
        speak(r, atom_mark(r, i, '%') ? "percent" : "per mille", i, i + 1, CW_TOKEN_PLAIN);
        end = i + 1;
    } else if (atom_mark(r, i, 0xB0)) {
        end = i + 1;
        speak(r, one ? "degree" : "degrees", i, end, CW_TOKEN_PLAIN);
        if (atom_is(r, end, "C") || atom_is(r, end, "F")) {
            speak(r, atom_is(r, end, "C") ? "Celsius" : "Fahrenheit", end, end + 1, CW_TOKEN_PLAIN);
            end++;
        }
    } else if (atom_mark(r, i, 0x2103) || atom_mark(r, i, 0x2109)) {
        speak(r, atom_mark(r, i, 0x2103) ? "degrees Celsius" : "degrees Fahrenheit", i, i + 1, CW_TOKEN_PLAIN);
        end = i + 1;
    } else {
        size_t hyphen = atom_joined_mark(r, i, '-') && atom_joined(r, i + 1, ATOM_WORD) && atom_at(r, i + 1)->length > 1;
        const struct unit *unit = atom_at(r, i + hyphen)->kind == ATOM_WORD ? unit_at(r, i + hyphen) : NULL;
        bool joined = !atom_at(r, i)->space;
        if (unit) {
            size_t next = i + hyphen + 1;
            bool cube = atom_joined_mark(r, next, 0xB3);
            if (cube || atom_joined_mark(r, next, 0xB2)) {
                speak(r, cube ? "cubic" : "square", i, next, CW_TOKEN_PLAIN);
                next++;
            }
            say_unit(r, one || hyphen ? unit->one : unit->many, i + hyphen, next);
            end = read_per(r, next);
            if (joined) {
                respan(r, token, i + hyphen, end);
            }
        } else if (joined && atom_at(r, i)->kind == ATOM_WORD &&
                   !(a > 0 && atom_at(r, a - 1)->kind == ATOM_WORD && !atom_at(r, a)->space)) {
            for (size_t k = 0; k < sizeof magnitudes / sizeof magnitudes[0]; k++) {
                if (atom_is(r, i, magnitudes[k][0])) {
                    bool screen = atom_is(r, i, "K") && a + 1 == i && atom_at(r, a)->length == 1; /* 4K */
                    if (!screen) {
                        speak(r, magnitudes[k][1], i, i + 1, CW_TOKEN_PLAIN);
                        end = i + 1;
                    }
                    break;
                }
            }
            if (end == i && (atom_is(r, i, "x") || atom_is(r, i, "X"))) {
                bool by = atom_joined(r, i + 1, ATOM_NUMBER);
                speak(r, by ? "by" : "times", i, i + 1, CW_TOKEN_PLAIN);
                end = i + 1;
            }
        }
    }
    return end;
}

/* A hyphen or dash right between two numbers: "to". */
static bool range_at(const struct reader *r, size_t i) {
    return (atom_joined_mark(r, i, '-') || atom_joined_mark(r, i, EN_DASH)) && !atom_at(r, i + 1)->space;
}

/* ---- the number readers --------------------------------------------------------------------------------------------- */

size_t read_number(struct reader *r, size_t i) {
    size_t token = r->out->n, end, minus = 0;
    struct numeral m;
    if ((atom_mark(r, i, '-') || atom_mark(r, i, MINUS)) && (atom_at(r, i)->space || atom_mark(r, i, MINUS)) && !atom_at(r, i + 1)->space &&
        numeral_at(r, i + 1, &m)) {
        minus = 1;
    }
    size_t first = i;
    if (minus) {
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
    if (!minus && atom_at(r, i)->kind == ATOM_NUMBER) {
        static size_t (*const readers[])(struct reader *, size_t) = {read_date,    read_time,     read_groups,
                                                                     read_version, read_fraction, read_day_month};
        for (size_t k = 0; k < sizeof readers / sizeof readers[0]; k++) {
            if ((end = readers[k](r, i)) > i) {
                return end;
            }
        }
    }
    end = m.end;
    /* 21st, 1990s, 1990's */
    if (!m.fraction_n && atom_joined(r, end, ATOM_WORD)) {
        if (atom_is_any_case(r, end, "st") || atom_is_any_case(r, end, "nd") || atom_is_any_case(r, end, "rd") ||
            atom_is_any_case(r, end, "th")) {
            cw_say_ordinal(&r->words, m.digits, m.n, r->british);
            speak_scratch(r, first, end + 1);
            return end + 1;
        }
    }
    size_t apostrophe = atom_joined_mark(r, end, '\'') && atom_joined(r, end + 1, ATOM_WORD);
    if (!m.fraction_n && m.n <= 4 && atom_joined(r, end + apostrophe, ATOM_WORD) && atom_is(r, end + apostrophe, "s")) {
        if (m.n == 4 && year_like(&m)) {
            cw_say_year(&r->words, small(m.digits, m.n), r->british);
        } else {
            cw_say_cardinal(&r->words, m.digits, m.n, r->british);
        }
        cw_say_plural(&r->words);
        speak_scratch(r, first, end + apostrophe + 1);
        return end + apostrophe + 1;
    }
    /* six foot two: 6'2" */
    if (atom_joined_mark(r, end, '\'') && atom_joined(r, end + 1, ATOM_NUMBER) && atom_int(r, end + 1) >= 0 && atom_int(r, end + 1) < 12) {
        say_numeral(r, &m, i);
        speak(r, "foot", end, end + 1, CW_TOKEN_PLAIN);
        cw_say_int(&r->words, atom_int(r, end + 1), r->british);
        speak_scratch(r, end + 1, end + 2);
        end += 2;
        return end + (atom_joined_mark(r, end, '"') ? 1 : 0);
    }
    bool pm, dotted;
    if (!m.fraction_n && m.n <= 2 && half_day(r, end, &pm, &dotted) && small(m.digits, m.n) <= 12) {
        say_numeral(r, &m, i);
        return say_half_day(r, end);
    }
    /* two and a half: 2 1/2 */
    int top, bottom;
    if (!m.fraction_n && atom_at(r, end)->kind == ATOM_NUMBER && fraction_at(r, end, &top, &bottom) && top > 0 && top < bottom &&
        bottom <= 100) {
        say_numeral(r, &m, i);
        cw_text_add(&r->words, "and");
        if (top == 1) {
            cw_text_add(&r->words, bottom == 8 ? " an" : " a");
            struct cw_text one = {0};
            say_fraction(&one, 1, bottom, r->british);
            cw_text_add(&r->words, one.data ? one.data + 3 : ""); /* without its "one" */
            cw_text_free(&one);
        } else {
            say_fraction(&r->words, top, bottom, r->british);
        }
        speak_scratch(r, end, end + 3);
        return end + 3;
    }
    say_year_or_number(r, &m, i);
    bool one = is_one(&m);
    struct numeral to;
    bool name = i > 1 && atom_mark(r, i - 1, '-') && !atom_at(r, i)->space && atom_joined_mark(r, i - 1, '-') &&
                atom_at(r, i - 2)->kind == ATOM_WORD;
    if (!name && range_at(r, end) && numeral_at(r, end + 1, &to)) {
        bool model = m.n >= 3 && to.n >= 3 && m.n == to.n && !m.commas && memcmp(to.digits, m.digits, m.n) <= 0; /* 747-400 */
        if (!model) {
            speak(r, "to", end, end + 1, CW_TOKEN_PLAIN);
        }
        if (year_like(&m) && year_like(&to)) {
            cw_say_year(&r->words, small(to.digits, to.n), r->british);
            speak_scratch(r, end + 1, to.end);
        } else {
            say_numeral(r, &to, end + 1);
        }
        end = to.end;
        one = false;
        if (half_day(r, end, &pm, &dotted)) {
            respan(r, token, first, end);
            return say_half_day(r, end);
        }
    }
    respan(r, token, first, end);
    size_t after = read_suffix(r, i, end, one);
    if (after > end && !atom_at(r, end)->space) { /* "40%" is one word of the script */
        respan(r, token, first, after);
    }
    if (after > end && range_at(r, after) && (atom_at(r, after + 1)->kind == ATOM_NUMBER)) {
        speak(r, "to", after, after + 1, CW_TOKEN_PLAIN);
        after++;
    }
    return after;
}

static const struct currency {
    uint32_t sign;
    const char *one, *many, *cent, *cents;
} currencies[] = {{'$', "dollar", "dollars", "cent", "cents"},   {0xA3, "pound", "pounds", "penny", "pence"},
                  {0x20AC, "euro", "euros", "cent", "cents"},    {0xA5, "yen", "yen", NULL, NULL},
                  {0x20B9, "rupee", "rupees", "paisa", "paise"}, {0xA2, "cent", "cents", NULL, NULL},
                  {0x20BF, "bitcoin", "bitcoins", NULL, NULL}};

static const struct currency *currency_at(const struct reader *r, size_t i) {
    for (size_t k = 0; k < sizeof currencies / sizeof currencies[0]; k++) {
        if (atom_mark(r, i, currencies[k].sign)) {
            return &currencies[k];
        }
    }
    return NULL;
}

/* "million" after an amount, as a word or joined ("3bn", "$5M"): its name; `*atoms` it takes. */
static const char *magnitude_at(const struct reader *r, size_t i, size_t *atoms) {
    static const char *const words[] = {"hundred", "thousand", "million", "billion", "trillion"};
    size_t hyphen = atom_joined_mark(r, i, '-') && atom_joined(r, i + 1, ATOM_WORD);
    *atoms = 1 + hyphen;
    for (size_t k = 0; k < 5; k++) {
        if (atom_is(r, i + hyphen, words[k])) {
            return words[k];
        }
    }
    *atoms = 1;
    if (atom_at(r, i)->kind == ATOM_WORD) {
        if (!atom_at(r, i)->space && atom_is(r, i, "m")) {
            return "million";
        }
        if (!atom_at(r, i)->space && atom_is(r, i, "b")) {
            return "billion";
        }
        for (size_t k = 0; k < sizeof magnitudes / sizeof magnitudes[0]; k++) {
            if (atom_is(r, i, magnitudes[k][0]) && (!atom_at(r, i)->space || atom_at(r, i)->length == 2)) {
                return magnitudes[k][1];
            }
        }
    }
    return NULL;
}

static void say_amount(struct reader *r, const struct numeral *m, const struct currency *c, const char *magnitude, bool adjective, size_t a,
                       size_t b) {
    const char *fraction = r->text + m->fraction;
    int whole = m->n ? small(m->digits, m->n) : 0; /* -1: large */
    bool cents = m->fraction_n == 2 && !magnitude && c->cent;
    if (cents && whole == 0) {
        int v = small(fraction, 2);
        cw_say_int(&r->words, v, r->british);
        cw_text_printf(&r->words, " %s", v == 1 ? c->cent : c->cents);
        speak_scratch(r, a, b);
        return;
    }
    cw_say_cardinal(&r->words, m->n ? m->digits : "0", m->n ? m->n : 1, r->british);
    speak_scratch(r, a, b);
    if (m->fraction_n && !cents && !(m->fraction_n == 1 && *fraction == '0' && !magnitude)) {
        say_fraction_digits(r, m, a, b);
    }
    if (magnitude) {
        speak(r, magnitude, a, b, CW_TOKEN_PLAIN);
    }
    speak(r, adjective || (is_one(m) && !magnitude) || (cents && whole == 1) ? c->one : c->many, a, b, CW_TOKEN_PLAIN);
    if (cents && small(fraction, 2) > 0) {
        int v = small(fraction, 2);
        cw_text_add(&r->words, "and");
        cw_say_int(&r->words, v, r->british);
        cw_text_printf(&r->words, " %s", v == 1 ? c->cent : c->cents);
        speak_scratch(r, a, b);
    }
}

size_t read_money(struct reader *r, size_t i) {
    static const char *const preps[] = {"in",      "on",    "at",     "for",   "to",      "of",   "and", "or",   "a",     "an",   "per",
                                        "as",      "each",  "by",     "from",  "with",    "but",  "is",  "was",  "every", "more", "less",
                                        "than",    "when",  "if",     "the",   "it",      "they", "we",  "you",  "he",    "she",  "that",
                                        "because", "into",  "today",  "now",   "instead", "over", "so",  "just", "would", "will", "can",
                                        "not",     "after", "before", "until", "while",   "off",  "out", "up",   NULL};
    struct numeral m, to;
    size_t start = i, minus = (atom_mark(r, i, '-') || atom_mark(r, i, MINUS)) && currency_at(r, i + 1) && !atom_at(r, i + 1)->space &&
                              (atom_at(r, i)->space || atom_mark(r, i, MINUS));
    size_t us = !minus && atom_is(r, i, "US") && atom_joined_mark(r, i + 1, '$');
    const struct currency *c = currency_at(r, i + minus + us);
    size_t token = r->out->n, end, atoms;
    if (c && numeral_at(r, i + minus + us + 1, &m)) {
        size_t number = i + minus + us + 1;
        end = m.end;
        if (minus) {
            speak(r, "minus", i, i + 1, CW_TOKEN_PLAIN);
        }
        size_t sign = range_at(r, end) && currency_at(r, end + 1) == c; /* $10-$12 and $10-12: the name once, at the end */
        bool range = range_at(r, end) && numeral_at(r, end + 1 + sign, &to) && !m.fraction_n == !to.fraction_n;
        if (range) {
            say_numeral(r, &m, number);
            speak(r, "to", end, end + 1, CW_TOKEN_PLAIN);
            m = to;
            end = m.end;
        }
        const char *magnitude = magnitude_at(r, end, &atoms);
        if (magnitude) {
            end += atoms;
        }
        /* "a $5 bill": the name stays singular before what it describes */
        bool article = start > 0 && (atom_is_any_case(r, start - 1, "a") || atom_is_any_case(r, start - 1, "an"));
        bool adjective = (article && atom_at(r, end)->kind == ATOM_WORD && atom_lower(r, end) && !one_of(r, end, preps)) ||
                         (atom_joined_mark(r, end, '-') && atom_joined(r, end + 1, ATOM_WORD));
        if (us) {
            struct currency dollars = {'$', "US dollar", "US dollars", "cent", "cents"};
            say_amount(r, &m, &dollars, magnitude, adjective, start, end);
        } else {
            say_amount(r, &m, c, magnitude, adjective, start, end);
        }
        respan(r, token, start, end);
        if (range_at(r, end) && currency_at(r, end + 1) && atom_at(r, end + 2)->kind == ATOM_NUMBER) { /* $250K-$300K */
            speak(r, "to", end, end + 1, CW_TOKEN_PLAIN);
            return end + 1;
        }
        return read_per(r, end);
    }
    /* 5€, 5 million € are written the other way round */
    if (!minus && !us && numeral_at(r, i, &m)) {
        const char *magnitude = magnitude_at(r, m.end, &atoms);
        end = m.end + (magnitude ? atoms : 0);
        c = currency_at(r, end);
        if (c && !(atom_at(r, end + 1)->kind == ATOM_NUMBER && !atom_at(r, end + 1)->space)) {
            say_amount(r, &m, c, magnitude, false, i, end + 1);
            respan(r, token, i, end + 1);
            return read_per(r, end + 1);
        }
    }
    return i;
}

/* ---- Roman numerals ------------------------------------------------------------------------------------------------- */

int roman_value(const char *s, size_t n) {
    static const char *const units_of[10] = {"", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"};
    size_t tens_n = 0;
    while (tens_n < n && tens_n < 3 && s[tens_n] == 'X') {
        tens_n++;
    }
    /* "IX" starts with I, so the X's before it are all tens */
    for (int v = 0; v < 10; v++) {
        if (strlen(units_of[v]) == n - tens_n && memcmp(s + tens_n, units_of[v], n - tens_n) == 0) {
            return (int)tens_n * 10 + v;
        }
    }
    return 0;
}

/* What follows a number ─▶ spoken words: units (a table, and SI prefixes on base units), "per", powers, percent, degrees, magnitudes. */
#include "tts/atoms.h"

#include <string.h>

struct unit {
    const char *sign, *one, *many;
};

/* Those that no prefix makes. */
static const struct unit units[] = {
    {"kg", "kilogram", "kilograms"},
    {"lb", "pound", "pounds"},
    {"lbs", "pound", "pounds"},
    {"oz", "ounce", "ounces"},
    {"ft", "foot", "feet"},
    {"yd", "yard", "yards"},
    {"yds", "yard", "yards"},
    {"mi", "mile", "miles"},
    {"nmi", "nautical mile", "nautical miles"},
    {"gal", "gallon", "gallons"},
    {"qt", "quart", "quarts"},
    {"pt", "pint", "pints"},
    {"tbsp", "tablespoon", "tablespoons"},
    {"tsp", "teaspoon", "teaspoons"},
    {"ha", "hectare", "hectares"},

    {"h", "hour", "hours"},
    {"hr", "hour", "hours"},
    {"hrs", "hour", "hours"},
    {"min", "minute", "minutes"},
    {"mins", "minute", "minutes"},
    {"sec", "second", "seconds"},
    {"secs", "second", "seconds"},
    {"yr", "year", "years"},
    {"yrs", "year", "years"},
    {"mo", "month", "months"},
    {"mos", "month", "months"},
    {"wk", "week", "weeks"},
    {"wks", "week", "weeks"},
    {"mph", "mile per hour", "miles per hour"},
    {"kph", "kilometer per hour", "kilometers per hour"},
    {"kmh", "kilometer per hour", "kilometers per hour"},
    {"mpg", "mile per gallon", "miles per gallon"},
    {"kn", "knot", "knots"},
    {"kts", "knot", "knots"},
    {"rpm", "RPM", "RPM"},
    {"RPM", "RPM", "RPM"},
    {"psi", "PSI", "PSI"},
    {"cc", "CC", "CC"},
    {"bpm", "beat per minute", "beats per minute"},
    {"BPM", "beat per minute", "beats per minute"},
    {"fps", "frame per second", "frames per second"},
    {"ppm", "part per million", "parts per million"},
    {"ppb", "part per billion", "parts per billion"},
    {"bps", "basis point", "basis points"},
    {"dpi", "dot per inch", "dots per inch"},
    {"px", "pixel", "pixels"},
    {"MP", "megapixel", "megapixels"},
    {"hp", "horsepower", "horsepower"},
    {"dB", "decibel", "decibels"},
    {"dBA", "A weighted decibel", "A weighted decibels"},
    {"atm", "atmosphere", "atmospheres"},
    {"mmHg", "millimeter of mercury", "millimeters of mercury"},
    {"TFLOPS", "teraflops", "teraflops"},
    {"GFLOPS", "gigaflops", "gigaflops"},
    {"PFLOPS", "petaflops", "petaflops"},
    {"pp", "percentage point", "percentage points"},
    {"ly", "light year", "light years"},
    {"au", "astronomical unit", "astronomical units"},
    {"GiB", "gibibyte", "gibibytes"},
    {"MiB", "mebibyte", "mebibytes"},
    {"KiB", "kibibyte", "kibibytes"},
    {"TiB", "tebibyte", "tebibytes"},
    {"KB", "kilobyte", "kilobytes"},
    {"Kb", "kilobit", "kilobits"},
    {"kbps", "kilobit per second", "kilobits per second"},
    {"Kbps", "kilobit per second", "kilobits per second"},
    {"mbps", "megabit per second", "megabits per second"},
    {"Mbps", "megabit per second", "megabits per second"},
    {"gbps", "gigabit per second", "gigabits per second"},
    {"Gbps", "gigabit per second", "gigabits per second"},
    {"Tbps", "terabit per second", "terabits per second"},
    {"MBps", "megabyte per second", "megabytes per second"},
    {"GBps", "gigabyte per second", "gigabytes per second"},
    {"gb", "gigabyte", "gigabytes"},
    {"mb", "megabyte", "megabytes"},
    {"tb", "terabyte", "terabytes"},
    {"ghz", "gigahertz", "gigahertz"},
    {"mhz", "megahertz", "megahertz"},
    {"khz", "kilohertz", "kilohertz"},
    {"Khz", "kilohertz", "kilohertz"},
    {"hz", "hertz", "hertz"},
    {"in", "inch", "inches"},
    {"d", "day", "days"},
    {"\u03a9", "ohm", "ohms"},
};

/* `alone`: also without a prefix. Prefixes in order of size. */
static const struct {
    const char *sign, *one, *many, *prefixes;
    bool alone;
} bases[] = {
    {"m", "meter", "meters", "kcdmnpf\u03bc", true},
    {"g", "gram", "grams", "mn\u03bc", true},
    {"t", "ton", "tons", "kMG", false},
    {"s", "second", "seconds", "mnpf\u03bc", true},
    {"L", "liter", "liters", "mcdh\u03bc", true},
    {"l", "liter", "liters", "mcdh\u03bc", true},
    {"Hz", "hertz", "hertz", "kMGT", true},
    {"B", "byte", "bytes", "kMGTPEZ", false},
    {"b", "bit", "bits", "kMGT", false},
    {"W", "watt", "watts", "mkMGT", true},
    {"Wh", "watt hour", "watt hours", "kMGT", true},
    {"V", "volt", "volts", "mkM", true},
    {"eV", "electron volt", "electron volts", "mkMGT", true},
    {"A", "amp", "amps", "mk\u03bc", true},
    {"Ah", "amp hour", "amp hours", "m", true},
    {"J", "joule", "joules", "mkMG", true},
    {"N", "newton", "newtons", "mkM", true},
    {"Pa", "pascal", "pascals", "hkMG", true},
    {"bar", "bar", "bars", "m", true},
    {"cal", "calorie", "calories", "k", true},
    {"mol", "mole", "moles", "mn\u03bc", true},
    {"M", "molar", "molar", "mn\u03bc", false},
    {"F", "farad", "farads", "npm\u03bc", false},
    {"H", "henry", "henries", "m\u03bc", false},
    {"T", "tesla", "tesla", "m", false},
    {"Sv", "sievert", "sieverts", "m\u03bc", true},
    {"Bq", "becquerel", "becquerels", "kM", true},
    {"\u03a9", "ohm", "ohms", "mkM", true},
    {"pc", "parsec", "parsecs", "kMG", true},
    {"K", "kelvin", "kelvin", "m", false},
};

static const char *prefix_name(uint32_t c) {
    switch (c) {
    case 'k':
        return "kilo";
    case 'M':
        return "mega";
    case 'G':
        return "giga";
    case 'T':
        return "tera";
    case 'P':
        return "peta";
    case 'E':
        return "exa";
    case 'Z':
        return "zetta";
    case 'h':
        return "hecto";
    case 'd':
        return "deci";
    case 'c':
        return "centi";
    case 'm':
        return "milli";
    case 0x3BC:
        return "micro";
    case 'n':
        return "nano";
    case 'p':
        return "pico";
    default:
        return "femto";
    }
}

/* The unit at i: its name in `name` (64 bytes), for one or for many. */
static bool unit_at(const struct reader *r, size_t i, bool one, char *name) {
    const struct atom *a = atom_at(r, i);
    if (a->kind != ATOM_WORD || a->length > 8) {
        return false;
    }
    for (size_t k = 0; k < sizeof units / sizeof units[0]; k++) {
        if (atom_is(r, i, units[k].sign)) {
            strncpy(name, one ? units[k].one : units[k].many, 63);
            return true;
        }
    }
    uint32_t prefix = 0;
    size_t first = (size_t)cw_utf8_next(r->text + a->offset, a->length, &prefix);
    for (size_t k = 0; k < sizeof bases / sizeof bases[0]; k++) {
        size_t n = strlen(bases[k].sign);
        const char *full = one ? bases[k].one : bases[k].many;
        if (bases[k].alone && atom_is(r, i, bases[k].sign)) {
            strncpy(name, full, 63);
            return true;
        }
        if (a->length == first + n && memcmp(r->text + a->offset + first, bases[k].sign, n) == 0) {
            for (const char *p = bases[k].prefixes; *p;) {
                uint32_t c = 0;
                p += cw_utf8_next(p, strlen(p), &c);
                if (c == prefix) {
                    strncpy(name, prefix_name(c), 15);
                    strncat(name, full, 40);
                    return true;
                }
            }
        }
    }
    return false;
}

static void say_unit(struct reader *r, const char *name, size_t a, size_t b) {
    /* British spelling is the one the British lexicon is sure to hold */
    const char *meter = r->british ? strstr(name, "meter") : NULL, *liter = r->british ? strstr(name, "liter") : NULL;
    const char *er = meter ? meter + 3 : liter ? liter + 3 : NULL;
    bool letters = name[0] >= 'A' && name[0] <= 'Z' && name[1] >= 'A' && name[1] <= 'Z';
    if (letters) {
        speak(r, name, a, b, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        return;
    }
    if (er) {
        cw_text_add_n(&r->words, name, (size_t)(er - name));
        cw_text_add(&r->words, "re");
        cw_text_add(&r->words, er + 2);
    } else {
        cw_text_add(&r->words, name);
    }
    speak_scratch(r, a, b);
}

/* A power after a unit: ² ³, ^2, or a joined 2 or 3 ("m2"): 2 or 3 and the atoms it takes, else 0. */
static int power_at(const struct reader *r, size_t i, size_t *atoms) {
    *atoms = 1;
    if (atom_joined_mark(r, i, 0xB2) || atom_joined_mark(r, i, 0xB3)) {
        return atom_mark(r, i, 0xB2) ? 2 : 3;
    }
    size_t hat = atom_joined_mark(r, i, '^');
    *atoms = 1 + hat;
    if (atom_joined(r, i + hat, ATOM_NUMBER) && !atom_joined(r, i + hat + 1, ATOM_WORD)) {
        return atom_is(r, i + hat, "2") ? 2 : atom_is(r, i + hat, "3") ? 3 : 0;
    }
    return 0;
}

static size_t unit_dot(const struct reader *r, size_t end) { /* "5 ft. tall", "$9/mo. or": the unit's own dot */
    return atom_joined_mark(r, end, '.') && atom_at(r, end - 1)->length > 1 && atom_at(r, end + 1)->space && atom_lower(r, end + 1);
}

size_t read_per(struct reader *r, size_t i) {
    static const char *const names[][2] = {{"m", "meter"},    {"M", "month"},   {"mo", "month"},      {"mth", "month"},
                                           {"q", "quarter"},  {"pp", "person"}, {"ea", "each"},       {"sq", "square"},
                                           {"min", "minute"}, {"in", "inch"},   {"sf", "square foot"}};
    static const char *const words[] = {
        "day",    "month",    "year",  "hour",    "minute", "second",  "week",  "token", "user",  "person", "unit",  "night",   "mile",
        "gallon", "pound",    "ounce", "barrel",  "share",  "episode", "seat",  "head",  "kilo",  "liter",  "litre", "meter",   "metre",
        "capita", "word",     "page",  "quarter", "ticket", "bottle",  "ton",   "tonne", "acre",  "item",   "game",  "student", "child",
        "copy",   "kilogram", "gram",  "inch",    "foot",   "yard",    "visit", "view",  "click", "call",   NULL};
    char name[64] = "";
    size_t atoms;
    if (!atom_joined_mark(r, i, '/') || !atom_joined(r, i + 1, ATOM_WORD)) {
        return i;
    }
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        if (atom_is(r, i + 1, names[k][0])) {
            strncpy(name, names[k][1], sizeof name - 1);
        }
    }
    bool word = atom_in_any_case(r, i + 1, words);
    if (!*name && !word && atom_at(r, i + 1)->length == 1 && !unit_at(r, i + 1, true, name) && !atom_joined_mark(r, i + 2, '/')) { /* 1/f */
        speak(r, "per", i, i + 1, CW_TOKEN_PLAIN);
        speak_atom(r, i + 1, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        return i + 2;
    }
    if (!*name && !word && !unit_at(r, i + 1, true, name)) {
        return i;
    }
    speak(r, "per", i, i + 1, CW_TOKEN_PLAIN);
    if (word) {
        speak_atom(r, i + 1, CW_TOKEN_PLAIN);
        return i + 2;
    }
    int power = power_at(r, i + 2, &atoms);
    bool time = strcmp(name, "second") == 0;
    if (power && !time) {
        speak(r, power == 2 ? "square" : "cubic", i + 2, i + 2 + atoms, CW_TOKEN_PLAIN);
    }
    say_unit(r, name, i + 1, i + 2);
    if (power && time) {
        speak(r, power == 2 ? "squared" : "cubed", i + 2, i + 2 + atoms, CW_TOKEN_PLAIN);
    }
    size_t end = i + 2 + (power ? atoms : 0);
    return end + unit_dot(r, end);
}

size_t read_per_word(struct reader *r, size_t i) {
    char name[64] = "";
    if (i == 0 || !atom_is(r, i - 1, "per") || atom_at(r, i)->length < 2 ||
        atom_in_any_case(r, i, (const char *const[]){"se", "in", "mo", NULL}) || !unit_at(r, i, true, name)) {
        return i;
    }
    say_unit(r, name, i, i + 1);
    return i + 1;
}

bool describes(const struct reader *r, size_t a, size_t end) {
    static const char *const before[] = {"a",   "an",    "another", "every", "his", "her", "my", "your",
                                         "our", "their", "its",     "this",  "one", "the", NULL};
    static const char *const not_nouns[] = {
        "in",    "on",      "at",     "for",     "to",    "of",       "and",     "or",     "a",     "an",      "per",     "as",
        "each",  "by",      "from",   "with",    "but",   "is",       "was",     "every",  "more",  "less",    "than",    "when",
        "if",    "the",     "it",     "they",    "we",    "you",      "he",      "she",    "that",  "because", "into",    "today",
        "now",   "instead", "over",   "so",      "just",  "would",    "will",    "can",    "not",   "after",   "before",  "until",
        "while", "off",     "out",    "up",      "down",  "away",     "ago",     "later",  "were",  "are",     "has",     "had",
        "have",  "could",   "should", "which",   "who",   "since",    "too",     "also",   "only",  "back",    "long",    "wide",
        "tall",  "deep",    "high",   "old",     "there", "here",     "through", "across", "along", "around",  "about",   "apart",
        "i",     "north",   "south",  "east",    "west",  "annually", "spent",   "paid",   "made",  "lost",    "won",     "cost",
        "went",  "came",    "sum",    "brought", "left",  "sold",     "bought",  "worth",  "plus",  "minus",   "upfront", NULL};
    const struct atom *next = atom_at(r, end);
    bool name = a > 0 && (atom_is(r, a - 1, "a") || atom_is(r, a - 1, "an")) && atom_capitals(r, end) && next->length > 1; /* a 2TB SSD */
    if (name) {
        return true;
    }
    if (a == 0 || !atom_in_any_case(r, a - 1, before) || next->kind != ATOM_WORD || !atom_lower(r, end) ||
        atom_in_any_case(r, end, not_nouns)) {
        return false;
    }
    const char *last = r->text + next->offset + next->length;
    return next->length > 2 && !(memcmp(last - 2, "ly", 2) == 0) && !(next->length > 4 && memcmp(last - 2, "ed", 2) == 0);
}

/* "sq ft", "cu. in.", "fl oz": the word before the unit, and the atom of the unit. */
static size_t read_square(struct reader *r, size_t i, bool one) {
    static const char *const signs[][2] = {{"sq", "square"}, {"cu", "cubic"}, {"fl", "fluid"}};
    char name[64] = "";
    for (size_t k = 0; k < 3; k++) {
        size_t dot = atom_joined_mark(r, i + 1, '.');
        if (atom_is(r, i, signs[k][0]) && unit_at(r, i + 1 + dot, one, name)) {
            speak(r, signs[k][1], i, i + 1 + dot, CW_TOKEN_PLAIN);
            size_t end = i + 2 + dot;
            say_unit(r, name, i + 1 + dot, end);
            return end + (dot && atom_joined_mark(r, end, '.') && !dot_ends(r, end));
        }
    }
    return i;
}

/* Units that are words or names too, with a space before them: only where what follows shows it. */
static bool doubtful(const struct reader *r, size_t a, size_t i) {
    static const char *const letters[] = {"A", "B",  "F",  "H",  "J",  "K",  "M",  "N",   "T",  "V", "d", "in",
                                          "l", "au", "mo", "pp", "pt", "kn", "MP", "bar", "pc", "d", NULL};
    if (!atom_at(r, i)->space || !atom_in(r, i, letters)) {
        return false;
    }
    if (atom_is(r, i, "in")) {
        if (a > 1 && (atom_is(r, a - 1, "ft") || atom_is(r, a - 1, "feet")) && atom_at(r, a - 2)->kind == ATOM_NUMBER) { /* 5 ft 11 in */
            return false;
        }
        bool last = atom_at(r, i + 2)->kind == ATOM_END; /* 3 in. */
        return !(atom_joined_mark(r, i + 1, '.') && (last || !dot_ends(r, i + 1))) && !atom_joined_mark(r, i + 1, ')');
    }
    if (atom_is(r, i, "l") && (atom_at(r, i + 1)->kind != ATOM_WORD || atom_is(r, i + 1, "of"))) {
        return false;
    }
    return !(atom_is(r, i, "A") || atom_is(r, i, "V") || atom_is(r, i, "J") || atom_is(r, i, "N") || atom_is(r, i, "K") ||
             atom_is(r, i, "bar") || atom_is(r, i, "pt")) ||
           (atom_at(r, i + 1)->kind == ATOM_WORD && !atom_lower(r, i + 1));
}

static size_t read_unit(struct reader *r, size_t a, size_t i, bool one) {
    size_t hyphen = atom_joined_mark(r, i, '-') && atom_joined(r, i + 1, ATOM_WORD) && atom_at(r, i + 1)->length > 1, power_atoms = 0;
    char name[64] = "";
    size_t square = read_square(r, i, one || describes(r, a, i + 2));
    if (square > i) {
        return square;
    }
    if (!unit_at(r, i + hyphen, true, name) || doubtful(r, a, i + hyphen) || (hyphen && atom_is(r, i + 1, "in"))) {
        return i;
    }
    size_t next = i + hyphen + 1, k = i + hyphen;
    bool hours = a > 1 && atom_at(r, a - 1)->kind == ATOM_WORD && (atom_is(r, a - 1, "h") || atom_is(r, a - 1, "hr")); /* 2h 15m */
    bool seconds = atom_at(r, next)->kind == ATOM_NUMBER && atom_is(r, next + 1, "s") && !atom_at(r, next + 1)->space; /* 5m 30s */
    bool clock = atom_is(r, k, "m") && (hours || seconds);
    if (clock) {
        strncpy(name, "minute", sizeof name - 1);
    }
    int power = power_at(r, next, &power_atoms);
    size_t end = next + (power ? power_atoms : 0);
    bool singular = one || hyphen || describes(r, a, end);
    if (!singular) {
        if (clock) {
            strncpy(name, "minutes", sizeof name - 1);
        } else if (!unit_at(r, k, false, name)) {
            return i;
        }
    }
    if (power) {
        speak(r, power == 3 ? "cubic" : "square", k, end, CW_TOKEN_PLAIN);
    }
    say_unit(r, name, k, end);
    return read_per(r, end + unit_dot(r, end));
}

static size_t suffix_at(struct reader *r, size_t a, size_t i, bool one) {
    size_t token = r->out->n, end = i, atoms;
    bool joined = !atom_at(r, i)->space;
    bool serial = a > 0 && atom_at(r, a - 1)->kind == ATOM_WORD && !atom_at(r, a)->space && !atom_is(r, a - 1, "x");
    if (serial && a > 1 && atom_at(r, a - 2)->kind == ATOM_NUMBER &&
        ((atom_is(r, a - 1, "h") && (atom_is(r, i, "m") || atom_is(r, i, "min"))) || (atom_is(r, a - 1, "m") && atom_is(r, i, "s")))) {
        serial = false; /* 1h12m */
    }
    if (atom_mark(r, i, '%') || atom_mark(r, i, 0x2030)) {
        r->class = CW_CLASS_PERCENT;
        speak(r, atom_mark(r, i, '%') ? "percent" : "per mille", i, i + 1, CW_TOKEN_PLAIN);
        return read_per(r, i + 1);
    }
    if (atom_mark(r, i, 0xB0) || atom_mark(r, i, 0xBA)) {
        end = i + 1;
        r->class = CW_CLASS_MEASURE;
        speak(r, one || describes(r, a, end) ? "degree" : "degrees", i, end, CW_TOKEN_PLAIN);
        if (atom_is(r, end, "C") || atom_is(r, end, "F")) {
            speak(r, atom_is(r, end, "C") ? "Celsius" : "Fahrenheit", end, end + 1, CW_TOKEN_PLAIN);
            end++;
        } else if (joined && atom_joined(r, end, ATOM_WORD) && atom_at(r, end)->length == 1 && strchr("NSEW", *atom_text(r, end))) {
            char c = *atom_text(r, end);
            speak(r, c == 'N' ? "north" : c == 'S' ? "south" : c == 'E' ? "east" : "west", end, end + 1, CW_TOKEN_PLAIN);
            end++;
        }
        return end;
    }
    if (atom_mark(r, i, 0x2103) || atom_mark(r, i, 0x2109)) {
        r->class = CW_CLASS_MEASURE;
        speak(r, atom_mark(r, i, 0x2103) ? "degrees Celsius" : "degrees Fahrenheit", i, i + 1, CW_TOKEN_PLAIN);
        return i + 1;
    }
    if (joined && (atom_is(r, i, "x") || atom_is(r, i, "X"))) {
        static const char *const compared[] = {"faster", "slower", "larger",   "smaller", "bigger",  "cheaper", "better",  "worse",
                                               "higher", "lower",  "longer",   "shorter", "greater", "heavier", "lighter", "quicker",
                                               "easier", "harder", "stronger", "more",    "less",    "as",      NULL};
        bool by = atom_at(r, i + 1)->kind == ATOM_NUMBER && !atom_at(r, i + 1)->space;
        bool times = !by && atom_in(r, i + 1, compared); /* 4x faster */
        speak(r, by ? "by" : times ? "times" : "x", i, i + 1, by || times ? CW_TOKEN_PLAIN : CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        return i + 1;
    }
    static const char *const runs[] = {"run",    "race",  "runs", "races",  "runner",  "runners",    "time",
                                       "course", "video", "tv",   "screen", "monitor", "resolution", NULL};
    const char *magnitude = magnitude_at(r, i, false, &atoms);
    static const char *const places[] = {"apt",      "apartment", "suite",    "ste", "room",    "rm",       "unit",     "gate",  "flat",
                                         "row",      "seat",      "figure",   "fig", "exhibit", "terminal", "platform", "table", "section",
                                         "appendix", "bldg",      "building", "no",  "house",   "exit",     NULL};
    size_t place = a > 1 && atom_mark(r, a - 1, '.') ? a - 2 : a > 0 ? a - 1 : 0; /* apartment 4B */
    if (a > 0 && joined && atom_at(r, i)->kind == ATOM_WORD && atom_at(r, i)->length == 1 && atom_in_any_case(r, place, places)) {
        return i;
    }
    bool screen = atom_is(r, i, "K") && joined && ((a + 1 == i && atom_at(r, a)->length == 1) || atom_in_any_case(r, i + 1, runs)); /* 4K */
    if (magnitude && !screen && (joined || atoms > 1 || atom_at(r, i)->length > 1) && !serial) {
        speak(r, magnitude, i, i + atoms, CW_TOKEN_PLAIN);
        end = i + atoms;
        if (atom_joined_mark(r, end, '+')) {
            speak(r, "plus", end, end + 1, CW_TOKEN_PLAIN);
            return end + 1;
        }
        size_t unit = read_unit(r, a, end, false);
        r->class = unit > end ? CW_CLASS_MEASURE : r->class;
        return unit > end ? unit : read_per(r, end);
    }
    if (serial && joined) {
        return i;
    }
    end = read_unit(r, a, i, one);
    r->class = end > i ? CW_CLASS_MEASURE : r->class;
    if (end > i && joined) {
        respan(r, token, i + atom_joined_mark(r, i, '-'), end);
    }
    if (end == i && joined) {
        return read_per(r, i);
    }
    return end;
}

size_t read_suffix(struct reader *r, size_t a, size_t i, bool one) {
    enum cw_token_class class = r->class;
    size_t end = suffix_at(r, a, i, one), first = r->out->n;
    if (r->class == class) {
        return end;
    }
    /* the number before the unit is of the unit's class */
    while (first > 0 && r->out->v[first - 1].kind == CW_TOKEN_WORD && r->out->v[first - 1].offset >= r->map[atom_at(r, a)->offset]) {
        first--;
    }
    reclass(r, first, r->class);
    return end;
}

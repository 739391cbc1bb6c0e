/* Abbreviations, letters with dots, Roman numerals ─▶ spoken words; and whether an abbreviation's dot ends the sentence. */
#include "tts/atoms.h"

#include <string.h>

enum abbreviation_kind {
    TITLE,         /* before a name: its dot never ends a sentence; also said without a dot before a capital */
    DOTTED_TITLE,  /* before a name, only with its dot: "Gen. Lee", but "Gen Z" */
    AFTER,         /* its dot may end the sentence; only with a dot */
    AFTER_NAME,    /* the same, and without a dot after a capital: "Apple Inc" */
    BEFORE_NUMBER, /* only before a number: "No. 5", "Fig. 2" */
    PLAIN,         /* with or without a dot */
};

static const struct abbreviation {
    const char *sign, *spoken;
    int kind;
} abbreviations[] = {
    {"Mr", "Mister", TITLE},
    {"Mrs", "Missus", TITLE},
    {"Ms", "Ms", TITLE},
    {"Dr", "Doctor", TITLE},
    {"mr", "mister", DOTTED_TITLE},
    {"mrs", "missus", DOTTED_TITLE},
    {"dr", "doctor", DOTTED_TITLE},
    {"Drs", "Doctors", DOTTED_TITLE},
    {"Prof", "Professor", TITLE},
    {"Gen", "General", DOTTED_TITLE},
    {"Col", "Colonel", DOTTED_TITLE},
    {"Maj", "Major", DOTTED_TITLE},
    {"Cmdr", "Commander", TITLE},
    {"Adm", "Admiral", DOTTED_TITLE},
    {"Capt", "Captain", TITLE},
    {"Cpt", "Captain", DOTTED_TITLE},
    {"Lt", "Lieutenant", TITLE},
    {"Sgt", "Sergeant", TITLE},
    {"Cpl", "Corporal", DOTTED_TITLE},
    {"Pvt", "Private", DOTTED_TITLE},
    {"Rev", "Reverend", DOTTED_TITLE},
    {"Fr", "Father", DOTTED_TITLE},
    {"Hon", "Honorable", DOTTED_TITLE},
    {"Sen", "Senator", DOTTED_TITLE},
    {"Sens", "Senators", DOTTED_TITLE},
    {"Rep", "Representative", DOTTED_TITLE},
    {"Reps", "Representatives", DOTTED_TITLE},
    {"Gov", "Governor", DOTTED_TITLE},
    {"Pres", "President", DOTTED_TITLE},
    {"Supt", "Superintendent", DOTTED_TITLE},
    {"Mt", "Mount", TITLE},
    {"Mts", "Mountains", DOTTED_TITLE},
    {"Ft", "Fort", DOTTED_TITLE},
    {"Pt", "Point", DOTTED_TITLE},
    {"Messrs", "Messrs", TITLE},
    {"feat", "featuring", DOTTED_TITLE},
    {"ft", "featuring", DOTTED_TITLE},
    {"Jr", "Junior", AFTER_NAME},
    {"Sr", "Senior", AFTER_NAME},
    {"Esq", "Esquire", AFTER_NAME},
    {"Ave", "Avenue", AFTER_NAME},
    {"Blvd", "Boulevard", AFTER_NAME},
    {"Rd", "Road", AFTER_NAME},
    {"Ln", "Lane", AFTER_NAME},
    {"Hwy", "Highway", AFTER_NAME},
    {"Pkwy", "Parkway", AFTER_NAME},
    {"Expy", "Expressway", AFTER_NAME},
    {"Sq", "Square", AFTER},
    {"Pl", "Place", AFTER},
    {"Inc", "Incorporated", AFTER_NAME},
    {"Ltd", "Limited", AFTER_NAME},
    {"Co", "Company", AFTER},
    {"Cos", "Companies", AFTER},
    {"Corp", "Corporation", AFTER_NAME},
    {"Bros", "Brothers", AFTER_NAME},
    {"etc", "et cetera", AFTER},
    {"Dept", "Department", AFTER},
    {"dept", "department", AFTER},
    {"Assn", "Association", AFTER},
    {"Assoc", "Association", AFTER},
    {"Inst", "Institute", AFTER},
    {"approx", "approximately", AFTER},
    {"est", "established", AFTER},
    {"Est", "Established", AFTER},
    {"misc", "miscellaneous", AFTER},
    {"avg", "average", AFTER},
    {"Avg", "Average", AFTER},
    {"govt", "government", AFTER},
    {"Govt", "Government", AFTER},
    {"Univ", "University", AFTER},
    {"dist", "district", AFTER},
    {"ed", "edition", AFTER},
    {"incl", "including", AFTER},
    {"excl", "excluding", AFTER},
    {"esp", "especially", AFTER},
    {"resp", "respectively", AFTER},
    {"temp", "temperature", AFTER},
    {"tel", "telephone", AFTER},
    {"Tel", "Telephone", AFTER},
    {"viz", "namely", AFTER},
    {"cf", "compare", AFTER},
    {"al", "al", AFTER},
    {"No", "number", BEFORE_NUMBER},
    {"no", "number", BEFORE_NUMBER},
    {"Nos", "numbers", BEFORE_NUMBER},
    {"nos", "numbers", BEFORE_NUMBER},
    {"Fig", "figure", BEFORE_NUMBER},
    {"fig", "figure", BEFORE_NUMBER},
    {"Figs", "figures", BEFORE_NUMBER},
    {"figs", "figures", BEFORE_NUMBER},
    {"Vol", "volume", BEFORE_NUMBER},
    {"vol", "volume", BEFORE_NUMBER},
    {"Vols", "volumes", BEFORE_NUMBER},
    {"p", "page", BEFORE_NUMBER},
    {"pp", "pages", BEFORE_NUMBER},
    {"pg", "page", BEFORE_NUMBER},
    {"Ch", "chapter", BEFORE_NUMBER},
    {"ch", "chapter", BEFORE_NUMBER},
    {"chap", "chapter", BEFORE_NUMBER},
    {"Sec", "section", BEFORE_NUMBER},
    {"sec", "section", BEFORE_NUMBER},
    {"Eq", "equation", BEFORE_NUMBER},
    {"eq", "equation", BEFORE_NUMBER},
    {"Ext", "extension", BEFORE_NUMBER},
    {"ext", "extension", BEFORE_NUMBER},
    {"Apt", "apartment", BEFORE_NUMBER},
    {"apt", "apartment", BEFORE_NUMBER},
    {"Ste", "suite", BEFORE_NUMBER},
    {"Bldg", "building", BEFORE_NUMBER},
    {"Rm", "room", BEFORE_NUMBER},
    {"Rte", "route", BEFORE_NUMBER},
    {"Ep", "episode", BEFORE_NUMBER},
    {"ep", "episode", BEFORE_NUMBER},
    {"Op", "opus", BEFORE_NUMBER},
    {"op", "opus", BEFORE_NUMBER},
    {"Pt", "part", BEFORE_NUMBER},
    {"pt", "part", BEFORE_NUMBER},
    {"Art", "article", BEFORE_NUMBER},
    {"ca", "circa", BEFORE_NUMBER},
    {"c", "circa", BEFORE_NUMBER},
    {"v", "version", BEFORE_NUMBER},
    {"ver", "version", BEFORE_NUMBER},
    {"WWI", "World War one", PLAIN},
    {"WWII", "World War two", PLAIN},
    {"vs", "versus", PLAIN},
    {"Vs", "versus", PLAIN},
    {"int'l", "international", PLAIN},
    {"Int'l", "International", PLAIN},
    {"nat'l", "national", PLAIN},
    {"Nat'l", "National", PLAIN},
    {"gov't", "government", PLAIN},
    {"Gov't", "Government", PLAIN},
    {"dep't", "department", PLAIN},
    {"Dep't", "Department", PLAIN},
    {"ass'n", "association", PLAIN},
    {"Ass'n", "Association", PLAIN},
};

/* ---- the dot ------------------------------------------------------------------------------------------------------------- */

/* Words that, capitalised after an abbreviation's dot, show that a new sentence began. */
bool dot_ends(const struct reader *r, size_t dot) {
    static const char *const starters[] = {
        "The",       "A",          "An",     "It",      "He",        "She",      "They",    "We",     "You",    "I",       "But",
        "And",       "Or",         "So",     "In",      "On",        "At",       "This",    "That",   "These",  "Those",   "There",
        "Then",      "If",         "When",   "While",   "What",      "Who",      "Why",     "How",    "Where",  "Which",   "For",
        "From",      "After",      "Before", "Because", "As",        "His",      "Her",     "Their",  "Our",    "My",      "Your",
        "Its",       "No",         "Yes",    "Not",     "Now",       "Here",     "Some",    "Many",   "Most",   "By",      "With",
        "To",        "Of",         "Later",  "Today",   "Nobody",    "Everyone", "Still",   "Yet",    "Let",    "Once",    "Since",
        "Is",        "Are",        "Was",    "Do",      "Did",       "Does",     "Can",     "Could",  "Would",  "Will",    "Have",
        "Has",       "Next",       "First",  "Finally", "Meanwhile", "However",  "Perhaps", "Maybe",  "Well",   "Just",    "All",
        "Each",      "Every",      "Both",   "Until",   "Although",  "Though",   "Instead", "Thus",   "Also",   "Another", "Nothing",
        "Something", "Everything", "People", "Someone", "Only",      "Even",     "Such",    "Please", "Thanks", "Tell",    "Ask",
        "Look",      "Think"};
    size_t i = dot + 1;
    while (atom_mark(r, i, '"') || atom_mark(r, i, '\'') || atom_mark(r, i, ')') || atom_mark(r, i, 0x201C) || atom_mark(r, i, 0x201D)) {
        i++;
    }
    const struct atom *a = atom_at(r, i);
    if (a->kind == ATOM_END) {
        return true;
    }
    if (a->kind == ATOM_MARK && !a->space) {
        return false; /* another mark says what the sentence does */
    }
    /* "7 a.m. Maya left": after a time a capital begins a sentence, unless it is the day's or the zone's */
    static const char *const with_time[] = {"Monday",  "Tuesday", "Wednesday", "Thursday",  "Friday", "Saturday", "Sunday", "Eastern",
                                            "Pacific", "Central", "Mountain",  "EST",       "EDT",    "ET",       "PST",    "PDT",
                                            "PT",      "CST",     "CDT",       "CT",        "CET",    "CEST",     "GMT",    "UTC",
                                            "BST",     "IST",     "JST",       "Greenwich", NULL};
    bool time = dot > 0 && (atom_is_any_case(r, dot - 1, "m") || atom_is_any_case(r, dot - 1, "am") || atom_is_any_case(r, dot - 1, "pm"));
    if (time && atom_capital(r, i)) {
        return !atom_in(r, i, with_time) && !month_name(r, i);
    }
    size_t stem = 0; /* "I'd" begins as "I" does */
    while (stem < a->length && r->text[a->offset + stem] != '\'' && !((unsigned char)r->text[a->offset + stem] & 0x80)) {
        stem++;
    }
    for (size_t k = 0; a->kind == ATOM_WORD && k < sizeof starters / sizeof starters[0]; k++) {
        if (strlen(starters[k]) == stem && memcmp(r->text + a->offset, starters[k], stem) == 0) {
            return true;
        }
    }
    return false;
}

size_t speak_abbreviated(struct reader *r, const char *words, size_t i, size_t dot, int flags) {
    if (dot_ends(r, dot)) {
        speak(r, words, i, dot, flags);
        speak_mark(r, ".", dot);
    } else {
        speak(r, words, i, dot + 1, flags);
    }
    return dot + 1;
}

static bool sentence_start(const struct reader *r, size_t i) {
    return i == 0 || atom_mark(r, i - 1, '.') || atom_mark(r, i - 1, '!') || atom_mark(r, i - 1, '?');
}

static size_t read_saint_or_street(struct reader *r, size_t i) {
    size_t dot = atom_joined_mark(r, i + 1, '.');
    bool name_follows = atom_capital(r, i + 1 + dot) && !(dot && dot_ends(r, i + 1));
    bool name_before = i > 0 && atom_capital(r, i - 1) && !sentence_start(r, i - 1);
    if (atom_is(r, i, "Dr")) { /* "Elm Dr." but "Dr. Elm" */
        if (!name_follows && name_before && dot) {
            return speak_abbreviated(r, "Drive", i, i + 1, 0);
        }
        return i;
    }
    if (name_follows && !(name_before && atom_at(r, i - 1)->length > 3 && i > 1 && atom_at(r, i - 2)->kind == ATOM_NUMBER)) {
        speak(r, "Saint", i, i + 1 + dot, CW_TOKEN_PLAIN);
        return i + 1 + dot;
    }
    if (dot) {
        return speak_abbreviated(r, "Street", i, i + 1, CW_TOKEN_PLAIN);
    }
    if (name_before) {
        speak(r, "Street", i, i + 1, CW_TOKEN_PLAIN);
        return i + 1;
    }
    return i;
}

/* Roe v. Wade; Smith & Co; TL;DR. */
static size_t read_peculiar(struct reader *r, size_t i, bool dot) {
    if (atom_is(r, i, "v") && i > 0 && atom_at(r, i)->space && atom_capital(r, i - 1) && atom_capital(r, i + 1 + dot)) {
        speak(r, "versus", i, i + 1 + dot, CW_TOKEN_PLAIN);
        return i + 1 + dot;
    }
    if (atom_is(r, i, "Co") && i > 0 && atom_mark(r, i - 1, '&') && !dot) {
        speak(r, "Company", i, i + 1, CW_TOKEN_PLAIN);
        return i + 1;
    }
    if (atom_is_any_case(r, i, "tl") && atom_joined_mark(r, i + 1, ';') && atom_joined(r, i + 2, ATOM_WORD) &&
        atom_is_any_case(r, i + 2, "dr")) {
        speak(r, "TLDR", i, i + 3, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        return i + 3;
    }
    return i;
}

size_t read_abbreviation(struct reader *r, size_t i) {
    if (i > 0 && !atom_at(r, i)->space && (atom_mark(r, i - 1, '&') || atom_mark(r, i - 1, '-'))) { /* M&Ms. */
        return i;
    }
    if (atom_is(r, i, "St") || atom_is(r, i, "Dr")) {
        size_t end = read_saint_or_street(r, i);
        if (end > i) {
            return end;
        }
    }
    bool dot = atom_joined_mark(r, i + 1, '.') && !atom_joined(r, i + 2, ATOM_WORD) && !atom_joined(r, i + 2, ATOM_NUMBER);
    size_t peculiar = read_peculiar(r, i, dot);
    if (peculiar > i) {
        return peculiar;
    }
    if (atom_at(r, i)->length > 6) { /* longer than any of them */
        return i;
    }
    bool after_name = i > 0 && atom_capital(r, i - 1) && atom_at(r, i)->space && !sentence_start(r, i);
    for (size_t k = 0; k < sizeof abbreviations / sizeof abbreviations[0]; k++) {
        const struct abbreviation *b = &abbreviations[k];
        if (!atom_is(r, i, b->sign)) {
            continue;
        }
        switch (b->kind) {
        case TITLE:
        case DOTTED_TITLE:
            if ((dot && (b->kind == TITLE || atom_capital(r, i + 2))) || (b->kind == TITLE && atom_capital(r, i + 1))) {
                speak(r, b->spoken, i, i + 1 + dot, CW_TOKEN_PLAIN);
                return i + 1 + dot;
            }
            break;
        case AFTER:
        case AFTER_NAME:
            if (dot && (strcmp(b->sign, "al") != 0 || (i > 0 && atom_is(r, i - 1, "et"))) &&
                !(strcmp(b->sign, "ed") == 0 && dot_ends(r, i + 1))) {
                return speak_abbreviated(r, b->spoken, i, i + 1, CW_TOKEN_PLAIN);
            }
            if (strcmp(b->sign, "etc") == 0 || (b->kind == AFTER_NAME && !dot && after_name)) {
                speak(r, b->spoken, i, i + 1, CW_TOKEN_PLAIN);
                return i + 1;
            }
            break;
        case BEFORE_NUMBER:
            if (atom_joined_mark(r, i + 1, '.') &&
                (atom_at(r, i + 2)->kind == ATOM_NUMBER ||
                 (atom_at(r, i)->length > 1 && atom_at(r, i + 2)->length > 1 && atom_capitals(r, i + 2) &&
                  roman_value(atom_text(r, i + 2), atom_at(r, i + 2)->length)))) {
                speak(r, b->spoken, i, i + 2, CW_TOKEN_PLAIN);
                return i + 2;
            }
            break;
        default:
            speak(r, b->spoken, i, i + 1 + dot, CW_TOKEN_PLAIN);
            return i + 1 + dot;
        }
    }
    return i;
}

/* ---- letters with dots: U.S., a.m., e.g., J. K. Rowling ------------------------------------------------------------------ */

static const char *latin(const char *letters) {
    static const char *const words[][2] = {{"eg", "for example"}, {"ie", "that is"}, {"Eg", "For example"}, {"Ie", "That is"}};
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        if (strcmp(letters, words[k][0]) == 0) {
            return words[k][1];
        }
    }
    return NULL;
}

size_t read_dotted(struct reader *r, size_t i) {
    char letters[20];
    size_t n = 0, end = i;
    while (atom_at(r, end)->kind == ATOM_WORD && atom_at(r, end)->length <= 2 && (end == i || !atom_at(r, end)->space) &&
           atom_joined_mark(r, end + 1, '.') && n + 6 < sizeof letters) {
        memcpy(letters + n, atom_text(r, end), atom_at(r, end)->length);
        n += atom_at(r, end)->length;
        end += 2;
    }
    letters[n] = '\0';
    bool possessive = end >= i + 4 && atom_joined_mark(r, end, '\'') && atom_is(r, end + 1, "s") && !atom_at(r, end + 1)->space;
    bool plural = end >= i + 4 && atom_joined(r, end, ATOM_WORD) && atom_is(r, end, "s"); /* Ph.D.s */
    if (possessive || plural) {
        memcpy(letters + n, possessive ? "'s" : "s", possessive ? 3 : 2);
        end += possessive ? 2 : 1;
        speak(r, letters, i, end, CW_TOKEN_PLAIN);
        return end;
    }
    if (end >= i + 2 && atom_joined(r, end, ATOM_WORD)) { /* no dot after the last one: "U.S", "Ph.D", or "e.g" */
        const struct atom *last = atom_at(r, end);
        bool own = last->length == 3 && atom_text(r, end)[1] == '\'' && atom_text(r, end)[2] == 's'; /* U.S's */
        if ((last->length > 2 && !own) || (end == i + 2 && ((last->length > 1 && !own) || atom_at(r, i)->length > 2))) {
            return i;
        }
        memcpy(letters + n, atom_text(r, end), last->length);
        letters[n + last->length] = '\0';
        end++;
        if (latin(letters)) {
            speak(r, latin(letters), i, end, CW_TOKEN_PLAIN);
        } else {
            speak(r, letters, i, end, own ? CW_TOKEN_PLAIN : CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        }
        return end;
    }
    if (end >= i + 4) {
        if (latin(letters)) {
            speak(r, latin(letters), i, end, CW_TOKEN_PLAIN);
            return end;
        }
        if (strcmp(letters, "am") == 0 || strcmp(letters, "pm") == 0) {
            return speak_abbreviated(r, *letters == 'a' ? "AM" : "PM", i, end - 1, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        }
        return speak_abbreviated(r, letters, i, end - 1, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
    }
    /* one initial in a name: after a name or another initial, or at the start, and before a name */
    if (end == i + 2 && atom_at(r, i)->length == 1 && atom_capital(r, i) && atom_capital(r, end) && !atom_is(r, i, "I")) {
        bool title =
            r->out->n && r->out->v[r->out->n - 1].kind != CW_TOKEN_MARK && i > 1 && atom_mark(r, i - 1, '.') && atom_capital(r, i - 2);
        bool name = i == 0 || title || atom_capital(r, i - 1) || (atom_mark(r, i - 1, '.') && i > 1 && atom_at(r, i - 2)->length == 1);
        if (name && !dot_ends(r, i + 1)) {
            speak(r, letters, i, end, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
            return end;
        }
    }
    return i;
}

/* ---- Roman numerals -------------------------------------------------------------------------------------------------------- */

int roman_value(const char *s, size_t n) {
    static const char *const figures[3][10] = {{"", "C", "CC", "CCC", "CD", "D", "DC", "DCC", "DCCC", "CM"},
                                               {"", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC"},
                                               {"", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"}};
    size_t at = 0;
    while (at < n && at < 3 && s[at] == 'M') {
        at++;
    }
    int v = (int)at;
    for (int place = 0; place < 3; place++) {
        size_t best = 0;
        int digit = 0;
        for (int d = 1; d < 10; d++) {
            size_t len = strlen(figures[place][d]);
            if (len >= best && at + len <= n && memcmp(s + at, figures[place][d], len) == 0) {
                best = len;
                digit = d;
            }
        }
        at += best;
        v = v * 10 + digit;
    }
    return at == n ? v : 0;
}

/* "Henry Ford II", "John D. Rockefeller III": a forename opens the name, so the numeral tells son from father. */
static bool heir(const struct reader *r, size_t i) {
    static const char *const forenames[] = {
        "James",    "John",      "Robert",  "Michael", "William", "David",   "Richard", "Joseph", "Thomas", "Charles", "Christopher",
        "Daniel",   "Henry",     "Edward",  "George",  "Frank",   "Walter",  "Arthur",  "Albert", "Harry",  "Samuel",  "Louis",
        "Paul",     "Peter",     "Sam",     "Tom",     "Bill",    "Jack",    "Martin",  "Philip", "Andrew", "Anthony", "Mark",
        "Steven",   "Kenneth",   "Stephen", "Jay",     "Ralph",   "Raymond", "Harold",  "Howard", "Carl",   "Fred",    "Theodore",
        "Benjamin", "Cornelius", "Nathan",  "Oliver",  "Davis",   "Martin",  "Hank",    "Ken",    "Adlai",  "Alfred",  "Ernest",
        "Eugene",   "Francis",   "Gerald",  "Herbert", "Jerome",  NULL};
    size_t k = i;
    for (int names = 0; names < 3 && k > 0 && atom_capital(r, k); names++) {
        k--;
        k -= k > 0 && atom_mark(r, k, '.') && atom_at(r, k - 1)->length <= 2; /* an initial's dot */
        if (atom_in(r, k, forenames)) {
            return true;
        }
    }
    return false;
}

static bool king(const struct reader *r, size_t i) {
    static const char *const titles[] = {"King",   "Queen",  "Pope",   "Emperor", "Tsar",  "Czar",
                                         "Prince", "Sultan", "Kaiser", "Pharaoh", "Saint", NULL};
    static const char *const rulers[] = {
        "Louis",     "Henry",    "Elizabeth",   "Charles",   "George",     "William",   "James",     "Edward",    "Richard",
        "Mary",      "Pius",     "Paul",        "Benedict",  "Leo",        "Gregory",   "Francis",   "Philip",    "Catherine",
        "Napoleon",  "Nicholas", "Alexander",   "Peter",     "Frederick",  "Ivan",      "Wilhelm",   "Ferdinand", "Innocent",
        "Urban",     "Clement",  "Ramesses",    "Ramses",    "Thutmose",   "Cleopatra", "Ptolemy",   "Darius",    "Victoria",
        "John",      "Robert",   "David",       "Harald",    "Olaf",       "Gustav",    "Christian", "Haakon",    "Baldwin",
        "Otto",      "Leopold",  "Joseph",      "Felipe",    "Carlos",     "Juan",      "Pope",      "Xerxes",    "Mehmed",
        "Margaret",  "Sixtus",   "Constantine", "Justinian", "Theodosius", "Boniface",  "Malcolm",   "Amenhotep", "Seti",
        "Antiochus", "Cyrus",    "Selim",       "Murad",     "Umberto",    "Pedro",     "Alfonso",   NULL};
    return atom_in(r, i, rulers) || (i > 0 && atom_capital(r, i) && atom_in(r, i - 1, titles));
}

size_t read_roman(struct reader *r, size_t i) {
    static const char *const parts[] = {"chapter",  "part",     "act",    "scene",  "book",     "volume",  "section", "article",  "war",
                                        "phase",    "stage",    "level",  "title",  "appendix", "episode", "season",  "round",    "type",
                                        "class",    "mark",     "apollo", "bowl",   "step",     "table",   "figure",  "chapters", "parts",
                                        "acts",     "division", "grade",  "tier",   "vol",      "no",      "psalm",   "symphony", "sonata",
                                        "schedule", "exhibit",  "group",  "region", "iphone",   "os",      NULL};
    const struct atom *a = atom_at(r, i);
    const char *s = r->text + a->offset;
    size_t n = a->length;
    bool own = n > 2 && memcmp(s + n - 2, "'s", 2) == 0;
    n -= own ? 2 : 0;
    char upper[16];
    bool small = n > 1 && n < sizeof upper && *s >= 'a' && *s <= 'z';
    for (size_t k = 0; small && k < n; k++) {
        small = s[k] >= 'a' && s[k] <= 'z';
        upper[k] = (char)(s[k] - 32);
    }
    size_t before = i > 0 ? i - 1 : 0;
    bool dash = i > 1 && !a->space && (atom_mark(r, i - 1, '-') || atom_mark(r, i - 1, EN_DASH)) && atom_at(r, i - 2)->kind == ATOM_WORD &&
                roman_value(atom_text(r, i - 2), atom_at(r, i - 2)->length);
    int v = n < sizeof upper && (a->space || dash) ? roman_value(small ? upper : s, n) : 0;
    if (!v) {
        return i;
    }
    /* MMXXIV stands for itself; XIX century */
    static const char *const centuries[] = {"century", "centuries", NULL};
    bool alone = !small && n >= 4 && v >= 1000 && v < 3000;
    bool century = !small && v <= 21 && (n > 1 || v > 1) && atom_in_any_case(r, i + 1, centuries);
    bool after_word = i > 0 && atom_at(r, before)->kind == ATOM_WORD && a->space;
    bool ruler = after_word && (king(r, before) || (n > 1 && v < 10 && heir(r, before))) && !small,
         part = after_word && atom_in_any_case(r, before, parts);
    if (atom_mark(r, before, '.') && i > 1 && a->space && atom_in_any_case(r, i - 2, parts)) { /* Vol. III */
        part = true;
    }
    static const char *const little[] = {"The", "An", "A",    "My",  "His", "Her",  "Their", "Our", "Your",
                                         "In",  "On", "With", "For", "By",  "This", "An",    NULL};
    bool numbered =
        after_word && !small && n > 1 && v < 50 && atom_capital(r, before) && !atom_in(r, before, little) && !atom_capitals(r, before);
    bool range = dash && (roman_value(atom_text(r, i - 2), atom_at(r, i - 2)->length) > 0) && i > 2 && atom_in_any_case(r, i - 3, parts);
    if (n == 1 && !century && !range) { /* "Part I" but "Louis, I ..." and "Malcolm X" */
        bool closes = atom_at(r, i + 1)->kind != ATOM_WORD || v > 1 || atom_is_any_case(r, before, "war");
        ruler = ruler && v > 1 && !atom_is(r, before, "Malcolm");
        part = part && closes && v <= 10;
    }
    if (n == 2 && memcmp(s, "MC", 2) == 0) { /* the one who has the microphone */
        return i;
    }
    if (!ruler && !part && !numbered && !alone && !century && !range) {
        return i;
    }
    bool title = small && !part;
    if (title) {
        return i;
    }
    if (century || ruler) {
        cw_text_add(&r->words, ruler ? "the " : "");
        cw_say_ordinal_int(&r->words, v, r->british);
    } else if (alone) {
        cw_say_year(&r->words, v, r->british);
    } else {
        cw_say_int(&r->words, v, r->british);
    }
    cw_text_add(&r->words, own ? "'s" : "");
    speak_scratch(r, i, i + 1);
    size_t end = i + 1;
    if (part && range_at(r, end) && roman_value(atom_text(r, end + 1), atom_at(r, end + 1)->length)) {
        speak(r, "to", end, end + 1, CW_TOKEN_PLAIN);
        end++;
    }
    return end;
}

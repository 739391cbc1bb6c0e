/* Text ─▶ atoms ─▶ spoken tokens: walks the atoms once; at each place the first reader whose pattern is there speaks it.
 * Numbers and what belongs to them are in measure.c; here are abbreviations, names with numerals, addresses, signs and marks. */
#include "tts/atoms.h"

#include <stdlib.h>
#include <string.h>

#define EN_DASH 0x2013
#define EM_DASH 0x2014
#define ELLIPSIS 0x2026
#define MINUS_SIGN 0x2212

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

/* ---- abbreviations ----------------------------------------------------------------------------------------------------- */

enum abbreviation_kind {
    TITLE,         /* before a name: its dot never ends a sentence; also said without a dot before a capital */
    AFTER,         /* its dot may end the sentence; only with a dot */
    BEFORE_NUMBER, /* only before a number: "No. 5", "Fig. 2" */
    PLAIN,         /* with or without a dot */
};

static const struct abbreviation {
    const char *sign, *spoken;
    int kind;
} abbreviations[] = {
    {"Mr", "Mister", TITLE},
    {"Mrs", "Missus", TITLE},
    {"Dr", "Doctor", TITLE},
    {"Prof", "Professor", TITLE},
    {"Gen", "General", TITLE},
    {"Col", "Colonel", TITLE},
    {"Capt", "Captain", TITLE},
    {"Lt", "Lieutenant", TITLE},
    {"Sgt", "Sergeant", TITLE},
    {"Rev", "Reverend", TITLE},
    {"Hon", "Honorable", TITLE},
    {"Sen", "Senator", TITLE},
    {"Rep", "Representative", TITLE},
    {"Gov", "Governor", TITLE},
    {"Pres", "President", TITLE},
    {"Mt", "Mount", TITLE},
    {"Ft", "Fort", TITLE},
    {"Messrs", "Messrs", TITLE},
    {"Jr", "Junior", AFTER},
    {"Sr", "Senior", AFTER},
    {"Ave", "Avenue", AFTER},
    {"Blvd", "Boulevard", AFTER},
    {"Rd", "Road", AFTER},
    {"Inc", "Incorporated", AFTER},
    {"Ltd", "Limited", AFTER},
    {"Co", "Company", AFTER},
    {"Corp", "Corporation", AFTER},
    {"Bros", "Brothers", AFTER},
    {"etc", "et cetera", AFTER},
    {"Dept", "Department", AFTER},
    {"dept", "department", AFTER},
    {"approx", "approximately", AFTER},
    {"est", "established", AFTER},
    {"misc", "miscellaneous", AFTER},
    {"avg", "average", AFTER},
    {"govt", "government", AFTER},
    {"Govt", "Government", AFTER},
    {"Univ", "University", AFTER},
    {"cf", "compare", AFTER},
    {"al", "al", AFTER},
    {"Mon", "Monday", AFTER},
    {"Tue", "Tuesday", AFTER},
    {"Tues", "Tuesday", AFTER},
    {"Wed", "Wednesday", AFTER},
    {"Thu", "Thursday", AFTER},
    {"Thur", "Thursday", AFTER},
    {"Thurs", "Thursday", AFTER},
    {"Fri", "Friday", AFTER},
    {"No", "number", BEFORE_NUMBER},
    {"no", "number", BEFORE_NUMBER},
    {"Nos", "numbers", BEFORE_NUMBER},
    {"Fig", "figure", BEFORE_NUMBER},
    {"fig", "figure", BEFORE_NUMBER},
    {"Figs", "figures", BEFORE_NUMBER},
    {"Vol", "volume", BEFORE_NUMBER},
    {"vol", "volume", BEFORE_NUMBER},
    {"p", "page", BEFORE_NUMBER},
    {"pp", "pages", BEFORE_NUMBER},
    {"Ch", "chapter", BEFORE_NUMBER},
    {"ch", "chapter", BEFORE_NUMBER},
    {"Sec", "section", BEFORE_NUMBER},
    {"sec", "section", BEFORE_NUMBER},
    {"Eq", "equation", BEFORE_NUMBER},
    {"eq", "equation", BEFORE_NUMBER},
    {"Ext", "extension", BEFORE_NUMBER},
    {"ext", "extension", BEFORE_NUMBER},
    {"Art", "article", BEFORE_NUMBER},
    {"ca", "circa", BEFORE_NUMBER},
    {"c", "circa", BEFORE_NUMBER},
    {"vs", "versus", PLAIN},
    {"Vs", "versus", PLAIN},
    {"Ms", "Ms", TITLE},
};

static bool listed(const struct reader *r, size_t i, const char *const *list) {
    for (; *list; list++) {
        if (atom_is(r, i, *list)) {
            return true;
        }
    }
    return false;
}

/* Words that, capitalised after an abbreviation's dot, show that a new sentence began. */
bool dot_ends(const struct reader *r, size_t dot) {
    static const char *const starters[] = {
        "The", "A",     "An",    "It",     "He",       "She",   "They",  "We",     "You",     "I",    "But",  "And",   "Or",    "So",
        "In",  "On",    "At",    "This",   "That",     "These", "Those", "There",  "Then",    "If",   "When", "While", "What",  "Who",
        "Why", "How",   "Where", "Which",  "For",      "From",  "After", "Before", "Because", "As",   "His",  "Her",   "Their", "Our",
        "My",  "Your",  "Its",   "No",     "Yes",      "Not",   "Now",   "Here",   "Some",    "Many", "Most", "By",    "With",  "To",
        "Of",  "Later", "Today", "Nobody", "Everyone", "Still", "Yet",   "Let",    "Once",    "Since"};
    size_t i = dot + 1;
    while (atom_mark(r, i, '"') || atom_mark(r, i, '\'') || atom_mark(r, i, ')') || atom_mark(r, i, 0x201D)) {
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
    static const char *const with_time[] = {"Monday",  "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
                                            "Eastern", "Pacific", "Central",   "Mountain", "EST",    "EDT",      "ET",
                                            "PST",     "PDT",     "PT",        "CST",      "CET",    "CEST",     "GMT",
                                            "UTC",     "BST",     "Greenwich", NULL};
    bool time = atom_is_any_case(r, dot - 1, "m") || atom_is_any_case(r, dot - 1, "am") || atom_is_any_case(r, dot - 1, "pm");
    if (dot > 0 && time && atom_capital(r, i)) {
        size_t month_dot;
        return !listed(r, i, with_time) && !month_of(r, i, &month_dot);
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

/* Speaks `words` for the abbreviation [i, dot], and the dot itself when it ends a sentence. The atom after it. */
static size_t abbreviated(struct reader *r, const char *words, size_t i, size_t dot, int flags) {
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
            return abbreviated(r, "Drive", i, i + 1, 0);
        }
        return i;
    }
    if (name_follows && !(name_before && atom_at(r, i - 1)->length > 3 && i > 1 && atom_at(r, i - 2)->kind == ATOM_NUMBER)) {
        speak(r, "Saint", i, i + 1 + dot, CW_TOKEN_PLAIN);
        return i + 1 + dot;
    }
    if (dot) {
        return abbreviated(r, "Street", i, i + 1, CW_TOKEN_PLAIN);
    }
    if (name_before) {
        speak(r, "Street", i, i + 1, CW_TOKEN_PLAIN);
        return i + 1;
    }
    return i;
}

static size_t read_abbreviation(struct reader *r, size_t i) {
    if (i > 0 && !atom_at(r, i)->space && atom_mark(r, i - 1, '&')) { /* M&Ms. */
        return i;
    }
    if (atom_is(r, i, "St") || atom_is(r, i, "Dr")) {
        size_t end = read_saint_or_street(r, i);
        if (end > i) {
            return end;
        }
    }
    bool dot = atom_joined_mark(r, i + 1, '.') && !atom_joined(r, i + 2, ATOM_WORD) && !atom_joined(r, i + 2, ATOM_NUMBER);
    for (size_t k = 0; k < sizeof abbreviations / sizeof abbreviations[0]; k++) {
        const struct abbreviation *b = &abbreviations[k];
        if (!atom_is(r, i, b->sign)) {
            continue;
        }
        switch (b->kind) {
        case TITLE:
            if (dot || atom_capital(r, i + 1)) {
                speak(r, b->spoken, i, i + 1 + dot, CW_TOKEN_PLAIN);
                return i + 1 + dot;
            }
            break;
        case AFTER:
            if (dot && (strcmp(b->sign, "al") != 0 || (i > 0 && atom_is(r, i - 1, "et")))) {
                return abbreviated(r, b->spoken, i, i + 1, CW_TOKEN_PLAIN);
            }
            if (strcmp(b->sign, "etc") == 0) {
                speak(r, b->spoken, i, i + 1, CW_TOKEN_PLAIN);
                return i + 1;
            }
            break;
        case BEFORE_NUMBER:
            if (atom_joined_mark(r, i + 1, '.') && atom_at(r, i + 2)->kind == ATOM_NUMBER) {
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

static size_t read_dotted(struct reader *r, size_t i) {
    static const char *const latin[][2] = {{"eg", "for example"}, {"ie", "that is"}};
    char letters[16];
    size_t n = 0, end = i;
    while (atom_at(r, end)->kind == ATOM_WORD && atom_at(r, end)->length <= 2 && (end == i || !atom_at(r, end)->space) &&
           atom_joined_mark(r, end + 1, '.') && n + 2 < sizeof letters) {
        memcpy(letters + n, atom_text(r, end), atom_at(r, end)->length);
        n += atom_at(r, end)->length;
        end += 2;
    }
    if (end >= i + 2 && atom_joined(r, end, ATOM_WORD)) { /* no dot after the last one: "U.S", "Ph.D", or "e.g" */
        if (end == i + 2 && (atom_at(r, end)->length > 1 || atom_at(r, i)->length > 2)) {
            return i;
        }
        if (atom_at(r, end)->length > 2) {
            return i;
        }
        memcpy(letters + n, atom_text(r, end), atom_at(r, end)->length);
        n += atom_at(r, end)->length;
        letters[n] = '\0';
        end++;
        for (size_t k = 0; k < 2; k++) {
            if (strcmp(letters, latin[k][0]) == 0) {
                speak(r, latin[k][1], i, end, CW_TOKEN_PLAIN);
                return end;
            }
        }
        speak(r, letters, i, end, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        return end;
    }
    letters[n] = '\0';
    if (end >= i + 4) {
        for (size_t k = 0; k < 2; k++) {
            if (strcmp(letters, latin[k][0]) == 0) {
                speak(r, latin[k][1], i, end, CW_TOKEN_PLAIN);
                return end;
            }
        }
        if (strcmp(letters, "am") == 0 || strcmp(letters, "pm") == 0) {
            return abbreviated(r, *letters == 'a' ? "AM" : "PM", i, end - 1, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        }
        return abbreviated(r, letters, i, end - 1, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
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

/* ---- Roman numerals after what they number ------------------------------------------------------------------------------- */

static size_t read_roman(struct reader *r, size_t i) {
    static const char *const parts[] = {"Chapter", "Part",  "Act",    "Scene", "Book",     "Volume",  "Section", "Article", "War",
                                        "Phase",   "Stage", "Level",  "Title", "Appendix", "Episode", "Season",  "Round",   "Type",
                                        "Class",   "Mark",  "Apollo", "Bowl",  "Step",     "Table",   "Figure",  NULL};
    static const char *const rulers[] = {
        "Louis",    "Henry",    "Elizabeth", "Charles",  "George",    "William",   "James",     "Edward",    "Richard",
        "Mary",     "Pius",     "Paul",      "Benedict", "Leo",       "Gregory",   "Francis",   "Philip",    "Catherine",
        "Napoleon", "Nicholas", "Alexander", "Peter",    "Frederick", "Ivan",      "Wilhelm",   "Ferdinand", "Innocent",
        "Urban",    "Clement",  "Ramesses",  "Ramses",   "Thutmose",  "Cleopatra", "Ptolemy",   "Darius",    "Victoria",
        "John",     "Robert",   "David",     "Harald",   "Olaf",      "Gustav",    "Christian", "Haakon",    "Baldwin",
        "Otto",     "Leopold",  "Joseph",    "Felipe",   "Carlos",    "Juan",      "Pope",      NULL};
    const struct atom *a = atom_at(r, i);
    int v = i > 0 && a->space ? roman_value(r->text + a->offset, a->length) : 0;
    if (!v || atom_at(r, i - 1)->kind != ATOM_WORD) {
        return i;
    }
    bool ruler = listed(r, i - 1, rulers), part = listed(r, i - 1, parts);
    if (a->length == 1 && !(part && (atom_at(r, i + 1)->kind != ATOM_WORD || v > 1 || atom_is(r, i - 1, "War")))) {
        if (!(ruler && v > 1)) { /* "Part I" but "Louis, I ..." and "Malcolm X" */
            return i;
        }
    }
    static const char *const little[] = {"The",  "An", "A",  "My",   "His", "Her", "Their", "Our",
                                         "Your", "In", "On", "With", "For", "By",  "This",  NULL};
    if (!ruler && !part && (!atom_capital(r, i - 1) || listed(r, i - 1, little))) {
        return i;
    }
    if (ruler) {
        cw_text_add(&r->words, "the ");
        cw_say_ordinal_int(&r->words, v, r->british);
    } else {
        cw_say_int(&r->words, v, r->british);
    }
    speak_scratch(r, i, i + 1);
    return i + 1;
}

/* ---- addresses: example.com/path, name@example.org ------------------------------------------------------------------------- */

static size_t read_address(struct reader *r, size_t i) {
    static const char *const ends[] = {"com", "org",  "net", "edu", "gov",  "io",   "ai",  "co",  "uk",   "de",  "fr",  "eu",  "dev",
                                       "app", "info", "tv",  "me",  "ly",   "us",   "ca",  "fm",  "html", "htm", "pdf", "txt", "py",
                                       "js",  "ts",   "md",  "exe", "json", "yaml", "csv", "zip", "mp3",  "wav", "png", "jpg", NULL};
    size_t start = i, end, dots = 0;
    bool known = false, at = false;
    if ((atom_is_any_case(r, i, "https") || atom_is_any_case(r, i, "http")) && atom_joined_mark(r, i + 1, ':') &&
        atom_joined_mark(r, i + 2, '/') && atom_joined_mark(r, i + 3, '/')) {
        i += 4;
        known = true;
    } else if (atom_is_any_case(r, i, "www")) {
        known = atom_joined_mark(r, i + 1, '.');
    }
    for (end = i; end < r->atom_count && (end == i || !atom_at(r, end)->space);) {
        const struct atom *a = atom_at(r, end);
        bool more = !atom_at(r, end + 1)->space && (atom_at(r, end + 1)->kind == ATOM_WORD || atom_at(r, end + 1)->kind == ATOM_NUMBER);
        if (a->kind == ATOM_WORD || a->kind == ATOM_NUMBER) {
            known = known || (dots && end > i && atom_mark(r, end - 1, '.') && listed(r, end, ends));
        } else if (a->kind == ATOM_MARK && a->mark == '.' && more && end > i) {
            dots++;
        } else if (a->kind == ATOM_MARK && a->mark == '@' && more && end > i) {
            at = true;
        } else if (!(a->kind == ATOM_MARK && (a->mark == '-' || a->mark == '_' || a->mark == '/') && end > i &&
                     (more || (a->mark == '/' && dots)))) {
            break;
        }
        end++;
    }
    if (end == i || !dots || !(known || (at && dots))) {
        return start;
    }
    for (size_t k = i; k < end; k++) {
        const struct atom *a = atom_at(r, k);
        size_t from = k == i ? start : k;
        if (a->kind == ATOM_WORD) {
            bool spell =
                atom_is_any_case(r, k, "www") ||
                (a->length <= 3 && !strpbrk((char[4]){a->length > 0 ? r->text[a->offset] : 0, a->length > 1 ? r->text[a->offset + 1] : 0,
                                                      a->length > 2 ? r->text[a->offset + 2] : 0, 0},
                                            "aeiouyAEIOUY")) ||
                atom_is(r, k, "io") || atom_is(r, k, "ai") || atom_is(r, k, "uk");
            cw_text_add_n(&r->words, r->text + a->offset, a->length);
            if (!r->words.failed && r->words.len) {
                speak(r, r->words.data, from, k + 1, CW_TOKEN_PLAIN | (spell ? CW_TOKEN_SPELL : 0));
            }
            cw_text_clear(&r->words);
        } else if (a->kind == ATOM_NUMBER) {
            if (a->length > 4) {
                cw_say_digits(&r->words, r->text + a->offset, a->length);
            } else {
                cw_say_cardinal(&r->words, r->text + a->offset, a->length, r->british);
            }
            speak_scratch(r, from, k + 1);
        } else if (!(a->mark == '/' && k + 1 == end)) {
            speak(r,
                  a->mark == '.'   ? "dot"
                  : a->mark == '@' ? "at"
                  : a->mark == '/' ? "slash"
                  : a->mark == '-' ? "dash"
                                   : "underscore",
                  k, k + 1, CW_TOKEN_PLAIN);
        }
    }
    return end;
}

/* ---- words ------------------------------------------------------------------------------------------------------------------ */

static bool is_capitals(const struct reader *r, size_t i) {
    const struct atom *a = atom_at(r, i);
    for (size_t k = 0; k < a->length; k++) {
        if (r->text[a->offset + k] < 'A' || r->text[a->offset + k] > 'Z') {
            return false;
        }
    }
    return a->kind == ATOM_WORD;
}

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
        a->length <= 2 && is_capitals(r, i) &&
        ((atom_joined_mark(r, i + 1, '&') && atom_joined(r, i + 2, ATOM_WORD)) || (i > 1 && !a->space && atom_joined_mark(r, i - 1, '&')));
    if (letters || pair) {
        char sign[4] = "";
        memcpy(sign, r->text + a->offset, a->length < 3 ? a->length : 3);
        speak(r, sign, i, i + 1, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
        return i + 1;
    }
    size_t end = i + 1;
    while (atom_joined_mark(r, end, '-') && atom_joined(r, end + 1, ATOM_WORD)) {
        end += 2;
    }
    const struct atom *last = atom_at(r, end - 1);
    for (const char *p = r->text + a->offset, *stop = r->text + last->offset + last->length; p < stop;) {
        uint32_t c = 0;
        int k = cw_utf8_next(p, (size_t)(stop - p), &c);
        if (c == 0x2018 || c == 0x2019 || c == 0x201B || c == 0x2032 || c == 0x2BC || c == '`' || c == 0xB4) {
            cw_text_add_char(&r->words, '\'');
        } else if (c == 0x2010 || c == 0x2011) {
            cw_text_add_char(&r->words, '-');
        } else if (c != 0xAD && c != 0x200B && c != 0xFEFF) {
            cw_text_add_n(&r->words, p, (size_t)k);
        }
        p += k;
    }
    if (!r->words.failed && r->words.len) {
        speak(r, r->words.data, i, end, 0);
    }
    cw_text_clear(&r->words);
    return end;
}

/* 'tis, 'em, 'cause: the apostrophe belongs to the word. */
static size_t read_clipped(struct reader *r, size_t i) {
    static const char *const words[] = {"tis", "twas", "em", "cause", "til", "bout", "round", "n", NULL};
    if (!atom_mark(r, i, '\'') || !atom_at(r, i)->space || !atom_joined(r, i + 1, ATOM_WORD) || !listed(r, i + 1, words)) {
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
                return cw_fail(
                    err, CW_BAD_INPUT, "text: byte %zu: expected phonemes of the model's alphabet in [%.*s](/…/), found \"%.*s\" (U+%04X)",
                    a->value + k, (int)(a->label_length < 60 ? a->label_length : 60), r->text + a->label, n, value + k, (unsigned)c);
            }
            symbols++;
            sounds += !(c == ' ' || c == 0x2C8 || c == 0x2CC || c == 0x2D0 || c < 'A' || c == EM_DASH || c == ELLIPSIS || c == 0x201C ||
                        c == 0x201D);
            k += (size_t)n;
        }
        if (!sounds) {
            return cw_fail(err, CW_BAD_INPUT, "text: byte %zu: expected phonemes in [%.*s](/…/), found none", a->value,
                           (int)(a->label_length < 60 ? a->label_length : 60), r->text + a->label);
        }
        speak(r, "x", i, i + 1, 0);
        if (t->n > first) {
            struct cw_token *k = &t->v[first];
            k->kind = CW_TOKEN_INLINE;
            k->spoken = cw_tokens_keep(t, r->text + a->label, a->label_length);
            k->phonemes = cw_tokens_keep(t, value + from, to - from);
            k->offset = a->label;
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
    struct reader inner = {.text = r->text + a->label, .length = a->label_length, .british = r->british, .out = t};
    /* the label's words, in place: read it as text of its own, then move its tokens to where it stands */
    int result = atoms_read(&inner, err);
    bool space = a->space;
    for (size_t k = 0; !result && k < inner.atom_count;) {
        size_t next = inner.atoms[k].kind == ATOM_NUMBER ? read_number(&inner, k)
                      : inner.atoms[k].kind == ATOM_WORD ? read_word(&inner, k)
                                                         : k + 1;
        k = next > k ? next : k + 1;
    }
    for (size_t k = first; k < t->n; k++) {
        t->v[k].offset += a->label;
        t->v[k].stress = stress == CW_NO_STRESS ? stress : minus ? -stress : stress;
    }
    if (t->n > first && first > 0 && space) {
        t->v[first].flags |= CW_TOKEN_SPACE;
    }
    free(inner.atoms);
    cw_text_free(&inner.words);
    return result;
}

/* ---- signs and marks ----------------------------------------------------------------------------------------------------- */

static const struct sign {
    uint32_t mark;
    const char *spoken;
} signs[] = {{'&', "and"},        {'+', "plus"},         {'=', "equals"},          {'@', "at"},           {'%', "percent"},
             {0xD7, "times"},     {0xF7, "divided by"},  {0xB1, "plus or minus"},  {0x2248, "about"},     {0x2260, "is not equal to"},
             {0x2264, "at most"}, {0x2265, "at least"},  {'<', "less than"},       {'>', "more than"},    {0xA7, "section"},
             {0xBD, "one half"},  {0xBC, "one quarter"}, {0xBE, "three quarters"}, {0x2153, "one third"}, {0x2154, "two thirds"},
             {0xB2, "squared"},   {0xB3, "cubed"},       {0xB0, "degrees"},        {0x221E, "infinity"},  {0x221A, "root"},
             {'$', "dollars"},    {0xA3, "pounds"},      {0x20AC, "euros"},        {0xA5, "yen"},         {0x2122, ""},
             {0x2192, "to"}};

static bool number_next(const struct reader *r, size_t i) {
    return atom_at(r, i)->kind == ATOM_NUMBER;
}

/* A sign that is said, or nothing: the atom after it, or i. */
static size_t read_sign(struct reader *r, size_t i) {
    uint32_t m = atom_at(r, i)->mark;
    bool between = i > 0 && number_next(r, i - 1) && number_next(r, i + 1);
    const char *spoken = NULL;
    if (m == '#') {
        spoken = number_next(r, i + 1) ? "number" : atom_joined(r, i + 1, ATOM_WORD) ? "hashtag" : NULL;
    } else if (m == '~') {
        spoken = number_next(r, i + 1) ? "about" : NULL;
    } else if (m == '*') {
        spoken = between ? "times" : NULL;
    } else if (m == '^') {
        bool two = atom_is(r, i + 1, "2"), three = atom_is(r, i + 1, "3");
        if ((two || three) && i > 0 && !atom_at(r, i)->space && !atom_at(r, i + 1)->space) {
            speak(r, two ? "squared" : "cubed", i, i + 2, CW_TOKEN_PLAIN);
            return i + 2;
        }
        spoken = i > 0 && !atom_at(r, i)->space && number_next(r, i + 1) ? "to the power of" : NULL;
    } else if ((m == '<' || m == '>') && !number_next(r, i + 1)) {
        spoken = NULL; /* a tag, a quotation: only comparisons of numbers are said */
    } else if (m == 0xBD || m == 0xBC || m == 0xBE) {
        bool after = i > 0 && number_next(r, i - 1) && !atom_at(r, i)->space;
        spoken = m == 0xBE   ? (after ? "and three quarters" : "three quarters")
                 : m == 0xBD ? (after ? "and a half" : "half")
                 : after     ? "and a quarter"
                             : "a quarter";
    } else if (m == '+' && i > 0 && !atom_at(r, i)->space && atom_at(r, i + 1)->space && atom_at(r, i - 1)->kind == ATOM_WORD &&
               atom_at(r, i - 1)->length == 1) {
        spoken = "plus";
    } else {
        for (size_t k = 0; k < sizeof signs / sizeof signs[0]; k++) {
            if (signs[k].mark == m) {
                spoken = signs[k].spoken;
            }
        }
    }
    if (spoken) {
        speak(r, spoken, i, i + 1, CW_TOKEN_PLAIN);
        return i + 1;
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
static size_t read_mark(struct reader *r, size_t i, bool *quoted) {
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
            open = !*quoted;
        }
        *quoted = open;
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
    struct reader r = {.text = text, .length = strlen(text), .british = british, .out = t};
    bool quoted = false;
    *t = (struct cw_tokens){0};
    if (atoms_read(&r, err)) {
        goto done;
    }
    static size_t (*const word_readers[])(struct reader *, size_t) = {read_address, read_date_words, read_dotted, read_abbreviation,
                                                                      read_roman,   read_money,      read_word};
    static size_t (*const mark_readers[])(struct reader *, size_t) = {read_money, read_number, read_clipped, read_sign};
    bool shout = shouting(&r);
    for (size_t i = 0; i < r.atom_count && !t->pool.failed;) {
        size_t next = i;
        switch (r.atoms[i].kind) {
        case ATOM_LINK:
            if (read_link(&r, i, err)) {
                goto done;
            }
            next = i + 1;
            break;
        case ATOM_NUMBER:
            next = read_money(&r, i);
            next = next > i ? next : read_number(&r, i);
            break;
        case ATOM_WORD:
            for (size_t k = 0; next == i && k < sizeof word_readers / sizeof word_readers[0]; k++) {
                next = word_readers[k](&r, i);
            }
            break;
        default:
            for (size_t k = 0; next == i && k < sizeof mark_readers / sizeof mark_readers[0]; k++) {
                next = mark_readers[k](&r, i);
            }
            next = next > i ? next : read_mark(&r, i, &quoted);
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
    if (!speakable(t)) {
        cw_fail(err, CW_BAD_INPUT, "text: expected at least one word to speak, found %s", r.atom_count ? "only marks" : "nothing");
        goto done;
    }
    result = 0;
done:
    free(r.atoms);
    cw_text_free(&r.words);
    if (result) {
        cw_tokens_free(t);
    }
    return result;
}

int cw_normalise(const char *text, struct cw_text *spoken, struct cw_error *err) {
    struct cw_tokens t = {0};
    if (cw_tokens_make(&t, text, false, err)) {
        return -1;
    }
    for (size_t i = 0; i < t.n; i++) {
        if (i && (t.v[i].flags & CW_TOKEN_SPACE)) {
            cw_text_add_char(spoken, ' ');
        }
        cw_text_add(spoken, cw_token_spoken(&t, i));
    }
    cw_tokens_free(&t);
    return cw_text_check(spoken, "spoken text", err);
}

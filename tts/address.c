/* Postal addresses ─▶ spoken words: "1428 Elm St.", "CA 95051". */
#include "tts/atoms.h"

#include <string.h>

static const char *const ways[][2] = {
    {"St", "Street"},     {"Str", "Street"}, {"Ave", "Avenue"},  {"Av", "Avenue"},     {"Blvd", "Boulevard"},  {"Rd", "Road"},
    {"Dr", "Drive"},      {"Ln", "Lane"},    {"Ct", "Court"},    {"Pl", "Place"},      {"Expy", "Expressway"}, {"Hwy", "Highway"},
    {"Pkwy", "Parkway"},  {"Sq", "Square"},  {"Ter", "Terrace"}, {"Cir", "Circle"},    {"Trl", "Trail"},       {"Fwy", "Freeway"},
    {"Cres", "Crescent"}, {"Street", NULL},  {"Avenue", NULL},   {"Boulevard", NULL},  {"Road", NULL},         {"Drive", NULL},
    {"Lane", NULL},       {"Court", NULL},   {"Place", NULL},    {"Expressway", NULL}, {"Highway", NULL},      {"Parkway", NULL},
    {"Square", NULL},     {"Terrace", NULL}, {"Circle", NULL},   {"Way", NULL},        {"Trail", NULL},        {"Row", NULL},
    {"Crescent", NULL},   {"Close", NULL}};

static const char *const directions[][2] = {{"N", "North"},      {"S", "South"},      {"E", "East"},       {"W", "West"},
                                            {"NE", "Northeast"}, {"NW", "Northwest"}, {"SE", "Southeast"}, {"SW", "Southwest"}};

static const char *way_at(const struct reader *r, size_t i) {
    for (size_t k = 0; k < sizeof ways / sizeof ways[0]; k++) {
        if (atom_is(r, i, ways[k][0])) {
            return ways[k][1] ? ways[k][1] : ways[k][0];
        }
    }
    return atom_is(r, i, "st") ? "Street" : NULL;
}

static const char *direction_at(const struct reader *r, size_t i) {
    for (size_t k = 0; k < sizeof directions / sizeof directions[0]; k++) {
        if (atom_is(r, i, directions[k][0])) {
            return directions[k][1];
        }
    }
    return NULL;
}

static bool ordinal_at(const struct reader *r, size_t i) {
    static const char *const endings[] = {"st", "nd", "rd", "th", NULL};
    return atom_at(r, i)->kind == ATOM_NUMBER && atom_joined(r, i + 1, ATOM_WORD) && atom_in_any_case(r, i + 1, endings);
}

static void say_house(struct reader *r, size_t i) {
    const char *d = atom_text(r, i);
    size_t n = atom_at(r, i)->length;
    if (n == 5) { /* 10250: ten two fifty */
        cw_say_cardinal(&r->words, d, 2, CW_AND_NONE);
        say_pairs(r, d + 2, 3);
    } else {
        say_pairs(r, d, n);
    }
    speak_scratch(r, i, i + 1);
}

size_t read_street(struct reader *r, size_t i) {
    const struct atom *a = atom_at(r, i);
    if (a->kind != ATOM_NUMBER || a->length > 5 || *atom_text(r, i) == '0' ||
        (i > 0 && !a->space && atom_at(r, i - 1)->kind != ATOM_MARK)) {
        return i;
    }
    /* look: direction, names or an ordinal, the kind of way */
    size_t letter = atom_joined(r, i + 1, ATOM_WORD) && atom_capitals(r, i + 1) && atom_at(r, i + 1)->length == 1; /* 221B */
    size_t k = i + 1 + letter, names = 0;
    const char *direction = atom_at(r, k)->space ? direction_at(r, k) : NULL;
    if (direction) {
        k += 1 + atom_joined_mark(r, k + 1, '.');
    }
    while (names < 4 && atom_at(r, k)->space && !(names && way_at(r, k))) {
        if (ordinal_at(r, k)) {
            k += 2;
        } else if (atom_at(r, k)->kind == ATOM_WORD && atom_capital(r, k) && !month_name(r, k)) {
            k++;
        } else {
            return i;
        }
        names++;
    }
    const char *way = names && atom_at(r, k)->space ? way_at(r, k) : NULL;
    if (!way || (atom_is(r, k, "st") && !ordinal_at(r, k - 2)) || (atom_is(r, k, "Dr") && atom_capital(r, k + 1))) {
        return i;
    }
    /* speak */
    say_house(r, i);
    if (letter) {
        speak_atom(r, i + 1, CW_TOKEN_SPELL | CW_TOKEN_PLAIN);
    }
    size_t at = i + 1 + letter;
    if (direction) {
        size_t next = at + 1 + atom_joined_mark(r, at + 1, '.');
        speak(r, direction, at, next, 0);
        at = next;
    }
    while (at < k) {
        if (ordinal_at(r, at)) {
            cw_say_ordinal(&r->words, atom_text(r, at), atom_at(r, at)->length, r->british);
            speak_scratch(r, at, at + 2);
            at += 2;
        } else {
            speak_atom(r, at++, 0);
        }
    }
    if (atom_joined_mark(r, k + 1, '.') && atom_at(r, k)->length <= 4) {
        return speak_abbreviated(r, way, k, k + 1, 0);
    }
    speak(r, way, k, k + 1, 0);
    const char *quadrant = atom_at(r, k + 1)->length == 2 ? direction_at(r, k + 1) : NULL; /* Pennsylvania Ave NW */
    if (quadrant) {
        speak(r, quadrant, k + 1, k + 2, 0);
    }
    return k + 1 + (quadrant != NULL);
}

size_t read_state(struct reader *r, size_t i) {
    static const char *const states[][2] = {{"AL", "Alabama"},        {"AK", "Alaska"},         {"AZ", "Arizona"},
                                            {"AR", "Arkansas"},       {"CA", "California"},     {"CO", "Colorado"},
                                            {"CT", "Connecticut"},    {"DE", "Delaware"},       {"DC", "DC"},
                                            {"FL", "Florida"},        {"GA", "Georgia"},        {"HI", "Hawaii"},
                                            {"ID", "Idaho"},          {"IL", "Illinois"},       {"IN", "Indiana"},
                                            {"IA", "Iowa"},           {"KS", "Kansas"},         {"KY", "Kentucky"},
                                            {"LA", "Louisiana"},      {"ME", "Maine"},          {"MD", "Maryland"},
                                            {"MA", "Massachusetts"},  {"MI", "Michigan"},       {"MN", "Minnesota"},
                                            {"MS", "Mississippi"},    {"MO", "Missouri"},       {"MT", "Montana"},
                                            {"NE", "Nebraska"},       {"NV", "Nevada"},         {"NH", "New Hampshire"},
                                            {"NJ", "New Jersey"},     {"NM", "New Mexico"},     {"NY", "New York"},
                                            {"NC", "North Carolina"}, {"ND", "North Dakota"},   {"OH", "Ohio"},
                                            {"OK", "Oklahoma"},       {"OR", "Oregon"},         {"PA", "Pennsylvania"},
                                            {"RI", "Rhode Island"},   {"SC", "South Carolina"}, {"SD", "South Dakota"},
                                            {"TN", "Tennessee"},      {"TX", "Texas"},          {"UT", "Utah"},
                                            {"VT", "Vermont"},        {"VA", "Virginia"},       {"WA", "Washington"},
                                            {"WV", "West Virginia"},  {"WI", "Wisconsin"},      {"WY", "Wyoming"}};
    static const char *const words[] = {"OK", "HI", "OH", "ME", "IN", "OR", "MA", "PA", "LA", "ID", "CO", NULL};
    if (i < 2 || !atom_mark(r, i - 1, ',') || !atom_capital(r, i - 2) || !atom_capitals(r, i) || atom_at(r, i)->length != 2) {
        return i;
    }
    bool zip = atom_at(r, i + 1)->kind == ATOM_NUMBER && atom_at(r, i + 1)->length == 5;
    bool first = i == 2 || atom_at(r, i - 3)->kind == ATOM_MARK;
    if (!zip && ((atom_in(r, i, words) && first) || atom_joined(r, i + 1, ATOM_NUMBER) || atom_joined_mark(r, i + 1, '-'))) {
        return i;
    }
    for (size_t k = 0; k < sizeof states / sizeof states[0]; k++) {
        if (!atom_is(r, i, states[k][0])) {
            continue;
        }
        speak(r, states[k][1], i, i + 1, k == 8 ? CW_TOKEN_SPELL | CW_TOKEN_PLAIN : 0);
        if (!zip) {
            return i + 1;
        }
        cw_say_digits(&r->words, atom_text(r, i + 1), 5);
        speak_scratch(r, i + 1, i + 2);
        if (atom_joined_mark(r, i + 2, '-') && atom_joined(r, i + 3, ATOM_NUMBER) && atom_at(r, i + 3)->length == 4) {
            speak_mark(r, ",", i + 2);
            cw_say_digits(&r->words, atom_text(r, i + 3), 4);
            speak_scratch(r, i + 3, i + 4);
            return i + 4;
        }
        return i + 2;
    }
    return i;
}

/* Groups of digits ─▶ spoken words: telephone numbers, versions, network addresses. */
#include "tts/atoms.h"

#include <string.h>

static void say_group(struct reader *r, size_t k, bool first) {
    const char *d = atom_text(r, k);
    size_t n = atom_at(r, k)->length;
    if (!first && n == 3 && d[0] != '0' && d[1] == '0' && d[2] == '0') { /* one, eight hundred */
        cw_say_cardinal(&r->words, d, n, CW_AND_NONE);
    } else {
        cw_say_digits(&r->words, d, n < 12 ? n : 12);
    }
    speak_scratch(r, k, k + 1);
}

static bool digits_at(const struct reader *r, size_t i, size_t least, size_t most) {
    const struct atom *a = atom_at(r, i);
    return a->kind == ATOM_NUMBER && a->length >= least && a->length <= most;
}

/* Groups of digits from i on, with single separators between them: speaks them with short pauses; the atom after. */
static size_t say_groups(struct reader *r, size_t i, size_t end) {
    bool first = true;
    for (size_t k = i, last = i; k < end; k++) {
        if (atom_at(r, k)->kind == ATOM_NUMBER) {
            if (!first && r->out->n && r->out->v[r->out->n - 1].kind != CW_TOKEN_MARK) {
                speak_mark(r, ",", last);
            }
            say_group(r, k, first);
            first = false;
            last = k + 1;
        }
    }
    size_t number = end + 1 + atom_joined_mark(r, end + 1, '.');
    if ((atom_is(r, end, "x") || atom_is_any_case(r, end, "ext")) && digits_at(r, number, 1, 6)) {
        speak_mark(r, ",", end - 1);
        speak(r, "extension", end, number, CW_TOKEN_PLAIN);
        cw_say_digits(&r->words, atom_text(r, number), atom_at(r, number)->length);
        speak_scratch(r, number, number + 1);
        return number + 1;
    }
    return end;
}

/* The rest of a telephone number after its prefix: groups of 2 to `most` digits with hyphens, dots, blanks or an area code in parentheses.
 */
static size_t phone_groups(const struct reader *r, size_t i, size_t most, int *groups, size_t *digits) {
    size_t end = i;
    *groups = 0;
    *digits = 0;
    while (*groups < 6) {
        size_t k = end;
        bool open = atom_mark(r, k, '(');
        if (*groups && !open && (atom_joined_mark(r, k, '-') || atom_joined_mark(r, k, '.')) && !atom_at(r, k + 1)->space) {
            k++;
        }
        k += open;
        if (!digits_at(r, k, 2, most) || (open && !atom_joined_mark(r, k + 1, ')')) || atom_joined_mark(r, k + 1, ':') ||
            atom_joined_mark(r, k + 1, ',') || atom_joined_mark(r, k + 1, '%')) {
            break;
        }
        *digits += atom_at(r, k)->length;
        end = k + 1 + open;
        end += open && atom_joined_mark(r, end, '-') && atom_joined(r, end + 1, ATOM_NUMBER);
        ++*groups;
    }
    return atom_joined(r, end, ATOM_WORD) ? i : end;
}

size_t read_phone(struct reader *r, size_t i) {
    int groups = 0;
    size_t digits = 0, end;
    if (atom_mark(r, i, '+') && digits_at(r, i + 1, 1, 3) && !atom_at(r, i + 1)->space) { /* +1 212-555-0123, +44 20 7946 0958 */
        size_t next = i + 2;
        next += atom_joined_mark(r, next, '-') || atom_joined_mark(r, next, '.');
        end = phone_groups(r, next, 9, &groups, &digits);
        if (digits >= 7) {
            speak(r, "plus", i, i + 1, CW_TOKEN_PLAIN);
            cw_say_digits(&r->words, atom_text(r, i + 1), atom_at(r, i + 1)->length);
            speak_scratch(r, i + 1, i + 2);
            speak_mark(r, ",", i + 1);
            return say_groups(r, next, end);
        }
    }
    if (atom_mark(r, i, '(') && digits_at(r, i + 1, 3, 5) && atom_joined_mark(r, i + 2, ')')) { /* (212) 555-0123 */
        end = phone_groups(r, i, 5, &groups, &digits);
        if (groups >= 2 && digits >= 9) {
            return say_groups(r, i, end);
        }
    }
    return i;
}

/* 1-800-GO-2-HAUL */
static size_t read_vanity(struct reader *r, size_t i) {
    if (!atom_is(r, i, "1") || !atom_joined_mark(r, i + 1, '-') || !digits_at(r, i + 2, 3, 3) || atom_at(r, i + 2)->space ||
        *atom_text(r, i + 2) != '8' || !atom_joined_mark(r, i + 3, '-') || !atom_joined(r, i + 4, ATOM_WORD)) {
        return i;
    }
    speak(r, "one", i, i + 1, CW_TOKEN_PLAIN);
    speak_mark(r, ",", i + 1);
    say_group(r, i + 2, false);
    speak_mark(r, ",", i + 3);
    size_t end = i + 4;
    for (;; end += 2) {
        if (atom_at(r, end)->kind == ATOM_WORD) {
            speak_atom(r, end, CW_TOKEN_PLAIN);
        } else {
            cw_say_digits(&r->words, atom_text(r, end), atom_at(r, end)->length);
            speak_scratch(r, end - 1, end + 1);
            if (atom_joined_mark(r, end + 1, '-')) {
                speak_mark(r, ",", end + 1);
            }
        }
        if (!atom_joined_mark(r, end + 1, '-') || !(atom_joined(r, end + 2, ATOM_WORD) || atom_joined(r, end + 2, ATOM_NUMBER))) {
            return end + 1;
        }
    }
}

/* 555-0123, 212-555-0123, 123-45-6789: groups are read digit by digit, the hyphens as short pauses; 020 7946 0958. */
size_t read_groups(struct reader *r, size_t i) {
    size_t groups = 1, end, digits = 0;
    int spaced = 0;
    end = read_vanity(r, i);
    if (end > i || number_in_serial(r, i) || equation_at(r, i)) {
        return end;
    }
    end = i + 1;
    if (*atom_text(r, i) == '0' && digits_at(r, i, 3, 5) && digits_at(r, i + 1, 3, 4) && atom_at(r, i + 1)->space) {
        end = phone_groups(r, i, 5, &spaced, &digits);
        return digits >= 10 ? say_groups(r, i, end) : i;
    }
    while (groups < 6 && (atom_joined_mark(r, end, '-') || atom_joined_mark(r, end, '.')) && atom_joined(r, end + 1, ATOM_NUMBER) &&
           atom_at(r, end)->mark == atom_at(r, i + 1)->mark) {
        groups++;
        end += 2;
    }
    size_t first = atom_at(r, i)->length, last = atom_at(r, end - 1)->length;
    bool hyphens = atom_mark(r, i + 1, '-');
    bool phone = hyphens ? (groups >= 3 || (groups == 2 && first == 3 && last == 4)) : groups == 3 && first == 3 && last == 4;
    if (!phone || atom_joined(r, end, ATOM_WORD) || (hyphens && groups == 3 && first == 1 && atom_at(r, i + 2)->length < 3)) {
        return i;
    }
    return say_groups(r, i, end);
}

/* 1.2.3: a version; 192.168.0.1: an address. */
size_t read_version(struct reader *r, size_t i) {
    size_t end = i + 1;
    while (atom_joined_mark(r, end, '.') && atom_joined(r, end + 1, ATOM_NUMBER)) {
        end += 2;
    }
    if (end < i + 5) {
        return i;
    }
    bool address = end == i + 7, thousands = atom_at(r, i)->length <= 3 && atom_is(r, end - 1, "000");
    for (size_t k = i + 2; k < end; k += 2) {
        thousands = thousands && atom_at(r, k)->length == 3;
    }
    if (thousands && end < i + 20) { /* 1.000.000, as some write it */
        char digits[64];
        size_t n = 0;
        for (size_t k = i; k < end; k += 2) {
            memcpy(digits + n, atom_text(r, k), atom_at(r, k)->length);
            n += atom_at(r, k)->length;
        }
        cw_say_cardinal(&r->words, digits, n, r->british ? CW_AND_ALL : CW_AND_LAST);
        speak_scratch(r, i, end);
        return end;
    }
    for (size_t k = i; k < end; k += 2) {
        if (k > i) {
            cw_text_add(&r->words, address ? " dot" : " point");
        }
        const struct atom *a = atom_at(r, k);
        if (address || a->length > 3 || r->text[a->offset] == '0') {
            cw_say_digits(&r->words, r->text + a->offset, a->length);
        } else {
            cw_say_cardinal(&r->words, r->text + a->offset, a->length, CW_AND_NONE);
        }
    }
    if (address && atom_joined_mark(r, end, ':') && digits_at(r, end + 1, 1, 5) && !atom_at(r, end + 1)->space) { /* its port */
        cw_text_add(&r->words, " colon");
        cw_say_digits(&r->words, atom_text(r, end + 1), atom_at(r, end + 1)->length);
        end += 2;
    }
    speak_scratch(r, i, end);
    return end;
}

/* Money ─▶ spoken words: $1,249.50, £3.5bn, US$20, 500 €, USD 5, $20/month, $10-$12. */
#include "tts/atoms.h"

#include <string.h>

static const struct currency {
    const char *sign; /* as written before the amount, or after it */
    const char *one, *many, *cent, *cents;
} currencies[] = {
    {"$", "dollar", "dollars", "cent", "cents"},
    {"£", "pound", "pounds", "penny", "pence"},
    {"€", "euro", "euros", "cent", "cents"},
    {"¥", "yen", "yen", NULL, NULL},
    {"₹", "rupee", "rupees", "paisa", "paise"},
    {"¢", "cent", "cents", NULL, NULL},
    {"₿", "bitcoin", "bitcoins", NULL, NULL},
    {"₩", "won", "won", NULL, NULL},
    {"₽", "ruble", "rubles", "kopeck", "kopecks"},
    {"₺", "lira", "lira", NULL, NULL},
    {"₫", "dong", "dong", NULL, NULL},
    {"₱", "peso", "pesos", "centavo", "centavos"},
    {"₦", "naira", "naira", "kobo", "kobo"},
    {"₪", "shekel", "shekels", "agora", "agorot"},
    {"฿", "baht", "baht", NULL, NULL},
    {"₴", "hryvnia", "hryvnias", NULL, NULL},
    {"₡", "colon", "colones", NULL, NULL},
    {"₲", "guarani", "guaranis", NULL, NULL},
    {"₵", "cedi", "cedis", NULL, NULL},
};

/* Before a dollar sign, or as the bank's code before or after an amount. */
static const struct currency foreign[] = {
    {"US", "US dollar", "US dollars", "cent", "cents"},
    {"A", "Australian dollar", "Australian dollars", "cent", "cents"},
    {"AU", "Australian dollar", "Australian dollars", "cent", "cents"},
    {"C", "Canadian dollar", "Canadian dollars", "cent", "cents"},
    {"CA", "Canadian dollar", "Canadian dollars", "cent", "cents"},
    {"NZ", "New Zealand dollar", "New Zealand dollars", "cent", "cents"},
    {"HK", "Hong Kong dollar", "Hong Kong dollars", "cent", "cents"},
    {"S", "Singapore dollar", "Singapore dollars", "cent", "cents"},
    {"NT", "Taiwan dollar", "Taiwan dollars", NULL, NULL},
    {"R", "real", "reais", "centavo", "centavos"},
};
static const struct currency codes[] = {
    {"USD", "US dollar", "US dollars", "cent", "cents"},
    {"AUD", "Australian dollar", "Australian dollars", "cent", "cents"},
    {"CAD", "Canadian dollar", "Canadian dollars", "cent", "cents"},
    {"NZD", "New Zealand dollar", "New Zealand dollars", "cent", "cents"},
    {"HKD", "Hong Kong dollar", "Hong Kong dollars", "cent", "cents"},
    {"SGD", "Singapore dollar", "Singapore dollars", "cent", "cents"},
    {"EUR", "euro", "euros", "cent", "cents"},
    {"GBP", "British pound", "British pounds", "penny", "pence"},
    {"JPY", "Japanese yen", "Japanese yen", NULL, NULL},
    {"CNY", "Chinese yuan", "Chinese yuan", NULL, NULL},
    {"RMB", "renminbi", "renminbi", NULL, NULL},
    {"CHF", "Swiss franc", "Swiss francs", "centime", "centimes"},
    {"INR", "Indian rupee", "Indian rupees", "paisa", "paise"},
    {"Rs", "rupee", "rupees", "paisa", "paise"},
    {"KRW", "Korean won", "Korean won", NULL, NULL},
    {"BRL", "Brazilian real", "Brazilian reais", "centavo", "centavos"},
    {"MXN", "Mexican peso", "Mexican pesos", "centavo", "centavos"},
    {"ZAR", "South African rand", "South African rand", "cent", "cents"},
    {"SEK", "Swedish krona", "Swedish kronor", NULL, NULL},
    {"NOK", "Norwegian krone", "Norwegian kroner", NULL, NULL},
    {"DKK", "Danish krone", "Danish kroner", NULL, NULL},
    {"PLN", "Polish zloty", "Polish zlotys", NULL, NULL},
    {"BTC", "bitcoin", "bitcoins", NULL, NULL},
    {"ETH", "ether", "ether", NULL, NULL},
};

#define FIND(table)                                                                                                                        \
    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {                                                                          \
        if (atom_is(r, i, table[k].sign)) {                                                                                                \
            return &table[k];                                                                                                              \
        }                                                                                                                                  \
    }

/* The currency whose sign starts at i: its atoms in *atoms. */
static const struct currency *sign_at(const struct reader *r, size_t i, size_t *atoms) {
    *atoms = 1;
    if (atom_at(r, i)->kind == ATOM_MARK) {
        FIND(currencies)
    } else if (atom_at(r, i)->kind == ATOM_WORD && atom_joined_mark(r, i + 1, '$')) {
        *atoms = 2;
        FIND(foreign)
    }
    return NULL;
}

static const struct currency *code_at(const struct reader *r, size_t i, size_t *atoms) {
    *atoms = 1;
    if (atom_at(r, i)->kind == ATOM_WORD && atom_at(r, i)->length <= 3 && atom_capital(r, i)) {
        *atoms = 1 + (atom_is(r, i, "Rs") && atom_joined_mark(r, i + 1, '.'));
        FIND(codes)
    }
    return NULL;
}

const char *magnitude_at(const struct reader *r, size_t i, bool money, size_t *atoms) {
    static const char *const words[] = {"hundred", "thousand", "million", "billion", "trillion", NULL};
    static const char *const signs[][2] = {{"k", "thousand"},  {"K", "thousand"},  {"M", "million"},  {"mn", "million"}, {"mm", "million"},
                                           {"MM", "million"},  {"B", "billion"},   {"bn", "billion"}, {"Bn", "billion"}, {"BN", "billion"},
                                           {"T", "trillion"},  {"tn", "trillion"}, {"m", "million"},  {"b", "billion"},  {"t", "trillion"},
                                           {"mil", "million"}, {"bil", "billion"}, {"mio", "million"}};
    size_t hyphen = atom_joined_mark(r, i, '-') && atom_joined(r, i + 1, ATOM_WORD);
    *atoms = 1 + hyphen;
    for (size_t k = 0; words[k]; k++) {
        if (atom_is(r, i + hyphen, words[k])) {
            return words[k];
        }
    }
    *atoms = 1;
    bool joined = !atom_at(r, i)->space;
    for (size_t k = 0; atom_at(r, i)->kind == ATOM_WORD && k < sizeof signs / sizeof signs[0]; k++) {
        bool only_money = k == 4 || k == 5 || k >= 12; /* elsewhere "m" is meters and "b" is a letter */
        if (atom_is(r, i, signs[k][0]) && (money || !only_money)) {
            bool apart = money ? !atom_is(r, i, "t") && !atom_is(r, i, "m") : atom_at(r, i)->length == 2 && *signs[k][1] != 't';
            return joined || apart ? signs[k][1] : NULL;
        }
    }
    return NULL;
}

/* The fraction's digits as cents: "50", "5" and "500" are fifty, "010" is one; -1 when there is more to say. */
static int cents_of(const struct reader *r, const struct numeral *m) {
    const char *d = r->text + m->fraction;
    for (size_t k = 2; k < m->fraction_n; k++) {
        if (d[k] != '0') {
            return -1;
        }
    }
    if (m->fraction_n == 3 && d[0] == '0' && d[1] == '0') {
        return -1;
    }
    return m->fraction_n == 0 ? 0 : (d[0] - '0') * 10 + (m->fraction_n > 1 ? d[1] - '0' : 0);
}

static void say_cents(struct reader *r, const struct currency *c, int cents) {
    cw_say_int(&r->words, cents, r->british);
    cw_text_printf(&r->words, " %s", cents == 1 ? c->cent : c->cents);
}

static void say_amount(struct reader *r, const struct numeral *m, const struct currency *c, const char *magnitude, bool adjective, size_t a,
                       size_t b) {
    int whole = m->n ? numeral_int(m) : 0; /* -1: large */
    int cents = c->cent && !magnitude ? cents_of(r, m) : -1;
    if (cents > 0 && whole == 0) {
        say_cents(r, c, cents);
        speak_scratch(r, a, b);
        return;
    }
    enum cw_and and = r->british ? CW_AND_ALL : magnitude || cents > 0 ? CW_AND_NONE : CW_AND_LAST;
    if (m->n || cents >= 0) {
        cw_say_cardinal(&r->words, m->n ? m->digits : "0", m->n ? m->n : 1, and);
        speak_scratch(r, a, b);
    }
    if (m->fraction_n && cents < 0) {
        say_fraction_digits(r, m, a, b);
    }
    if (magnitude) {
        speak(r, magnitude, a, b, CW_TOKEN_PLAIN);
    }
    speak(r, adjective || (whole == 1 && cents >= 0) || (numeral_is_one(m) && !magnitude) ? c->one : c->many, a, b, CW_TOKEN_PLAIN);
    if (cents > 0) {
        cw_text_add(&r->words, cents > 20 && cents % 10 ? "and " : ""); /* it parts two runs of number words */
        say_cents(r, c, cents);
        speak_scratch(r, a, b);
    }
}

/* "$5", "US$20", "-$5", "USD 5". */
static size_t read_sign_first(struct reader *r, size_t i) {
    struct numeral m, to;
    size_t minus = (atom_mark(r, i, '-') || atom_mark(r, i, MINUS_SIGN)) && !atom_at(r, i + 1)->space &&
                   (atom_at(r, i)->space || atom_mark(r, i, MINUS_SIGN));
    size_t signs, atoms, ignored;
    const struct currency *c = sign_at(r, i + minus, &signs);
    if (!c && !minus) {
        c = code_at(r, i, &signs);
    }
    if (!c) {
        return i;
    }
    size_t number = i + minus + signs, token = r->out->n;
    size_t inner = !minus && atom_joined_mark(r, number, '-') && atom_joined(r, number + 1, ATOM_NUMBER); /* $-5 */
    bool dot = atom_joined_mark(r, number, '.') && atom_joined(r, number + 1, ATOM_NUMBER);
    if (!dot && !numeral_at(r, number + inner, &m)) {
        return i;
    }
    if (dot) {
        m = (struct numeral){.end = number + 2, .fraction = atom_at(r, number + 1)->offset, .fraction_n = atom_at(r, number + 1)->length};
    }
    size_t end = m.end;
    if (minus || inner) {
        speak(r, "minus", minus ? i : number, minus ? i + 1 : number + 1, CW_TOKEN_PLAIN);
        number += inner;
    }
    bool range = range_at(r, end) && atom_at(r, end + 1)->kind == ATOM_NUMBER && numeral_at(r, end + 1, &to);
    if (range) { /* $10-12: the name once, at the end */
        say_numeral(r, &m, number);
        speak(r, "to", end, end + 1, CW_TOKEN_PLAIN);
        m = to;
        end = m.end;
    }
    const char *magnitude = magnitude_at(r, end, true, &atoms);
    if (magnitude) {
        end += atoms;
    }
    bool hyphen = atom_joined_mark(r, end, '-') && atom_joined(r, end + 1, ATOM_WORD);
    if (code_at(r, end, &ignored) && atom_at(r, end)->kind == ATOM_WORD && signs == 1 && atom_mark(r, i + minus, '$')) { /* $5 USD */
        c = code_at(r, end, &atoms);
        end += atoms;
    }
    size_t again = end + hyphen; /* "$5 dollars", "$2 trillion-dollar": the name is there already */
    bool adjective = hyphen || describes(r, i, end);
    if (atom_is(r, again, c->one) || atom_is(r, again, c->many)) {
        adjective = atom_is(r, again, c->one);
        end = again + 1;
    }
    say_amount(r, &m, c, magnitude, adjective, i, end);
    respan(r, token, i, end);
    end += atom_joined_mark(r, end, '+') ? (speak(r, "plus", end, end + 1, CW_TOKEN_PLAIN), 1) : 0;
    size_t after = read_per(r, end);
    return read_to(r, after);
}

/* 5€, 5 million €, 50 USD. */
static size_t read_sign_last(struct reader *r, size_t i) {
    struct numeral m;
    size_t atoms, signs, token = r->out->n;
    if (atom_at(r, i)->kind != ATOM_NUMBER || !numeral_at(r, i, &m)) {
        return i;
    }
    const char *magnitude = magnitude_at(r, m.end, true, &atoms);
    size_t end = m.end + (magnitude ? atoms : 0);
    const struct currency *c = sign_at(r, end, &signs);
    if (c && (signs > 1 || (!atom_at(r, end + 1)->space && atom_at(r, end + 1)->kind == ATOM_NUMBER) || atom_mark(r, end, '$'))) {
        c = atom_mark(r, end, '$') && !atom_at(r, end)->space && atom_at(r, end + 1)->kind != ATOM_NUMBER ? c : NULL;
    }
    c = c ? c : code_at(r, end, &signs);
    if (!c || (c == codes && atom_is(r, end, "Rs"))) {
        return i;
    }
    end += signs;
    say_amount(r, &m, c, magnitude, false, i, end);
    respan(r, token, i, end);
    return read_per(r, end);
}

size_t read_money(struct reader *r, size_t i) {
    size_t end = read_sign_first(r, i);
    return end > i ? end : read_sign_last(r, i);
}

/* The normaliser: our own cases by class, numbers against a speller of the test's own, sentences, Unicode, hostile text, speed. */
#include "tests/test.h"
#include "tts/front.h"
#include "tts/speech.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_spoken(const char *language, const char *text, const char *want) {
    struct cw_text spoken = {0};
    struct cw_error err = {0};
    bool ok = cw_normalise_in(text, language, &spoken, &err) == 0;
    CHECKF(ok && strcmp(spoken.data, want) == 0, "\"%s\": expected \"%s\", found \"%s\"", text, want, ok ? spoken.data : err.text);
    cw_text_free(&spoken);
}

/* ---- tests/data/normalisation.tsv --------------------------------------------------------------------------------------- */

/* "\u0301" in the file stands for that code point, so that what cannot be seen can be read. */
static void unescape(const char *s, struct cw_text *out) {
    cw_text_clear(out);
    for (; *s; s++) {
        unsigned code = 0;
        if (s[0] == '\\' && s[1] == 'u' && sscanf(s + 2, "%4x", &code) == 1) {
            cw_text_add_code(out, code);
            s += 5;
        } else {
            cw_text_add_char(out, *s);
        }
    }
}

static void own_cases(void) {
    char *data = NULL;
    size_t len = 0;
    struct cw_error err = {0};
    struct cw_text text = {0};
    int cases = 0;
    if (!CHECKF(cw_file_read(cw_test_data("normalisation.tsv"), 1 << 20, &data, &len, &err) == 0, "%s", err.text)) {
        return;
    }
    char *rest = NULL;
    for (char *line = strtok_r(data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *fields[4] = {line};
        int n = 1;
        for (char *p = line; *p && n < 4; p++) {
            if (*p == '\t') {
                *p = '\0';
                fields[n++] = p + 1;
            }
        }
        if (*line == '#' || !CHECKF(n == 4, "\"%s\": expected four fields, found %d", line, n)) {
            continue;
        }
        unescape(fields[2], &text);
        check_spoken(strcmp(fields[1], "gb") == 0 ? "en-gb" : "en-us", text.data, fields[3]);
        cases++;
    }
    CHECKF(cases > 300, "%d cases", cases);
    cw_text_free(&text);
    free(data);
}

/* ---- numbers, by a speller of the test's own ------------------------------------------------------------------------------- */

static const struct {
    long value;
    const char *name, *ordinal;
} names[] = {{1000000000, "billion", "billionth"},
             {1000000, "million", "millionth"},
             {1000, "thousand", "thousandth"},
             {100, "hundred", "hundredth"},
             {90, "ninety", "ninetieth"},
             {80, "eighty", "eightieth"},
             {70, "seventy", "seventieth"},
             {60, "sixty", "sixtieth"},
             {50, "fifty", "fiftieth"},
             {40, "forty", "fortieth"},
             {30, "thirty", "thirtieth"},
             {20, "twenty", "twentieth"},
             {19, "nineteen", "nineteenth"},
             {18, "eighteen", "eighteenth"},
             {17, "seventeen", "seventeenth"},
             {16, "sixteen", "sixteenth"},
             {15, "fifteen", "fifteenth"},
             {14, "fourteen", "fourteenth"},
             {13, "thirteen", "thirteenth"},
             {12, "twelve", "twelfth"},
             {11, "eleven", "eleventh"},
             {10, "ten", "tenth"},
             {9, "nine", "ninth"},
             {8, "eight", "eighth"},
             {7, "seven", "seventh"},
             {6, "six", "sixth"},
             {5, "five", "fifth"},
             {4, "four", "fourth"},
             {3, "three", "third"},
             {2, "two", "second"},
             {1, "one", "first"}};

/* Spells n from the value downwards, by subtraction: no code or table in common with the normaliser's. `and` says where the word stands:
 * 0 nowhere, 1 before the last two digits when hundreds or thousands stand right before them, 2 before each group's last two digits. */
static void spell(long n, int and, bool ordinal, bool inner, char *out, size_t size) {
    bool large = n >= 100, thousands = (n / 1000) % 1000 != 0, hundreds = (n / 100) % 10 != 0;
    *out = '\0';
    if (n == 0) {
        snprintf(out, size, "%s", ordinal ? "zeroth" : "zero");
        return;
    }
    for (size_t k = 0; n > 0; k++) {
        char front[400] = "";
        if (n < names[k].value) {
            continue;
        }
        bool join = false;
        if (names[k].value >= 100) {
            spell(n / names[k].value, and == 2 ? 2 : 0, false, true, front, sizeof front);
            n %= names[k].value;
        } else {
            join = *out && large && (and == 2 || (and == 1 && !inner && (hundreds || thousands)));
            large = false;
            n -= names[k].value;
        }
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s%s%s%s", used ? " " : "", join ? "and " : "", front, *front ? " " : "",
                 ordinal && n == 0 ? names[k].ordinal : names[k].name);
    }
}

static void check_number(const char *language, long n, int and) {
    char text[64], want[600], digits[32];
    int groups = snprintf(digits, sizeof digits, "%ld", n), at = 0;
    spell(n, and, false, false, want, sizeof want);
    for (int k = 0; k < groups; k++) { /* 1,234,567: a comma shows that it is no year */
        at += snprintf(text + at, sizeof text - (size_t)at, "%s%c", k && (groups - k) % 3 == 0 ? "," : "", digits[k]);
    }
    check_spoken(language, text, want);
    if (n >= 2100 || n < 1000) {
        check_spoken(language, digits, want);
    }
}

static void number_sweep(void) {
    for (long n = 0; n <= 3000; n++) {
        check_number("en-us", n, 1);
        check_number("en-gb", n, 2);
    }
    for (uint64_t k = 0; k < 100; k++) { /* up to a trillion, of every length */
        uint32_t word[4];
        cw_philox(cw_test_seed(), 5, k, word);
        long n = (long)(((uint64_t)word[0] << 32 | word[1]) % 1000000000000U);
        for (uint32_t cut = word[2] % 8; cut > 0 && n > 3000; cut--) {
            n /= 10;
        }
        check_number("en-us", n, 1);
        check_number("en-gb", n, 2);
    }
}

static void ordinal_sweep(void) {
    for (long n = 1; n <= 3000; n++) {
        char text[64], want[600];
        long tail = n % 100;
        const char *ending = tail >= 11 && tail <= 13 ? "th" : n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
        snprintf(text, sizeof text, "%ld%s", n, ending);
        spell(n, 0, true, false, want, sizeof want);
        check_spoken("en-us", text, want);
        spell(n, 2, true, false, want, sizeof want);
        check_spoken("en-gb", text, want);
    }
}

static void year_sweep(void) {
    for (int year = 1000; year <= 2100; year++) {
        char text[64], want[700], high[300], low[300];
        spell(year / 100, 0, false, false, high, sizeof high);
        spell(year % 100, 0, false, false, low, sizeof low);
        if (year % 1000 < 10 && year % 100 == 0) {
            spell(year, 0, false, false, want, sizeof want);
        } else if (year >= 2000 && year < 2010) {
            snprintf(want, sizeof want, "two thousand %s", low);
        } else {
            snprintf(want, sizeof want, "%s %s%s", high, year % 100 == 0 ? "hundred" : year % 100 < 10 ? "oh " : "", year % 100 ? low : "");
        }
        snprintf(text, sizeof text, "May 6, %d", year);
        char dated[800];
        snprintf(dated, sizeof dated, "May sixth, %s", want);
        check_spoken("en-us", text, dated);
        snprintf(text, sizeof text, "in %d", year);
        snprintf(dated, sizeof dated, "in %s", want);
        check_spoken("en-us", text, dated);
    }
    static const char *const scales[] = {"thousand",   "million",    "billion",   "trillion",  "quadrillion", "quintillion",
                                         "sextillion", "septillion", "octillion", "nonillion", "decillion",   "undecillion"};
    for (int power = 3; power <= 38; power++) {
        char digits[64] = "1", want[64];
        memset(digits + 1, '0', (size_t)power);
        digits[power + 1] = '\0';
        snprintf(want, sizeof want, "%s %s", power % 3 == 0 ? "one" : power % 3 == 1 ? "ten" : "one hundred", scales[power / 3 - 1]);
        check_spoken("en-us", digits, want);
    }
}

/* ---- sentences ------------------------------------------------------------------------------------------------------------- */

/* How often a sentence ends: abbreviations, initials, decimals and addresses do not end one. */
static void sentence_ends(void) {
    static const struct {
        const char *text;
        int ends;
    } texts[] = {{"Dr. Smith met Mr. J. K. Jones at 3 p.m. in St. Louis.", 1},
                 {"He works for Acme Inc. He likes it.", 2},
                 {"It costs 3.50 at example.com today. Buy it!", 2},
                 {"She left at 5 p.m. The doors closed.", 2},
                 {"\"Is it over?\" he asked. \"It is.\"", 3},
                 {"I was born in the U.S. My wife was not.", 2},
                 {"See Fig. 3, i.e. the one on p. 12, vs. Fig. 4.", 1},
                 {"Version 3.11.7 fixed it... Did it?", 2},
                 {"George W. Bush and Samuel L. Jackson spoke.", 1},
                 {"We ate apples, pears, etc. Then we slept.", 2},
                 {"No. 5 is alive. No. I said no.", 3},
                 {"The U.S. Senate and the U.K. Parliament agreed.", 1}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct cw_tokens t = {0};
        struct cw_error err = {0};
        int ends = 0;
        if (!CHECKF(cw_tokens_make(&t, texts[i].text, false, &err) == 0, "%s", err.text)) {
            continue;
        }
        for (size_t k = 0; k < t.n; k++) {
            const char *mark = t.v[k].kind == CW_TOKEN_MARK ? cw_token_spoken(&t, k) : "";
            ends += strcmp(mark, ".") == 0 || strcmp(mark, "!") == 0 || strcmp(mark, "?") == 0 || strcmp(mark, "…") == 0;
        }
        CHECKF(ends == texts[i].ends, "\"%s\": expected %d sentence ends, found %d", texts[i].text, texts[i].ends, ends);
        cw_tokens_free(&t);
    }
}

/* The line shows the script's marks; the model is given its own: one of a run, one kind of dash, of quotation mark and of bracket. */
static void model_marks(void) {
    static const struct {
        const char *text, *marks;
    } texts[] = {{"wait -- what", "—"}, {"wait - what", "—"}, {"wait – what", "—"},  {"Really?!", "?"},          {"No!!!", "!"},
                 {"Well...", "…"},      {"978-0", "—"},       {"a [b] {c}", "()()"}, {"``a'' or \"b\"", "“”“”"}, {"a, b; c: d.", ",;:."}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct cw_tokens t = {0};
        struct cw_error err = {0};
        struct cw_text marks = {0};
        if (!CHECKF(cw_tokens_make(&t, texts[i].text, false, &err) == 0, "%s", err.text)) {
            continue;
        }
        for (size_t k = 0; k < t.n; k++) {
            cw_text_add(&marks, t.v[k].kind == CW_TOKEN_MARK ? cw_token_spoken(&t, k) : "");
        }
        CHECKF(strcmp(marks.data, texts[i].marks) == 0, "\"%s\": expected %s, found %s", texts[i].text, texts[i].marks, marks.data);
        cw_text_free(&marks);
        cw_tokens_free(&t);
    }
}

/* ---- places ------------------------------------------------------------------------------------------------------------------ */

/* Each token's span is its own in the source, whatever was composed, dropped or widened before it. */
static void source_places(void) {
    static const char text[] = "\xef\xbb\xbfThe cafe\xcc\x81\xe2\x80\x99s \xef\xbc\x91\xef\xbc\x92 co\xc2\xadops cost \xe2\x82\xac"
                               "5.";
    static const struct {
        const char *spoken, *source;
    } want[] = {{"The", "The"},
                {"caf\xc3\xa9's", "cafe\xcc\x81\xe2\x80\x99s"},
                {"twelve", "\xef\xbc\x91\xef\xbc\x92"},
                {"coops", "co\xc2\xadops"},
                {"cost", "cost"},
                {"five", "\xe2\x82\xac"
                         "5"},
                {"euros", "\xe2\x82\xac"
                          "5"}};
    struct cw_tokens t = {0};
    struct cw_error err = {0};
    if (!CHECKF(cw_tokens_make(&t, text, false, &err) == 0, "%s", err.text)) {
        return;
    }
    for (size_t i = 0; i < sizeof want / sizeof want[0] && i < t.n; i++) {
        CHECK_STR(cw_token_spoken(&t, i), want[i].spoken);
        CHECKF(t.v[i].length == strlen(want[i].source) && memcmp(text + t.v[i].offset, want[i].source, t.v[i].length) == 0,
               "\"%s\" is not at %zu+%zu", want[i].source, t.v[i].offset, t.v[i].length);
    }
    CHECKF(t.n == 8, "%zu tokens", t.n);
    cw_tokens_free(&t);
}

/* ---- hostile text -------------------------------------------------------------------------------------------------------------- */

/* The longest turn of one repeated piece costs about as much as any other: nothing looks ahead without end. */
static void linear_time(void) {
    static const char *const pieces[] = {"a",         "a-",      "1-",     "a.",  "1.",   "1/",     "[a](", "$1-", "@a",
                                         "a/b",       "(1) ",    "a@",     "=1+", "x1",   "1x",     "'",    "\"",  "<a ",
                                         "e\xcc\x81", "1,111,",  "Mr. ",   "II ", "1:1:", "A.",     "-",    "#a_", "&amp;",
                                         "\xc2\xb2",  "http://", "12 34 ", "a'b", "1st-", "Jan 1-", "+1 "};
    char *text = malloc(20001);
    for (size_t p = 0; text && p < sizeof pieces / sizeof pieces[0]; p++) {
        struct cw_text spoken = {0};
        struct cw_error err = {0};
        size_t n = strlen(pieces[p]), at = 0;
        for (; at + n <= 20000; at += n) {
            memcpy(text + at, pieces[p], n);
        }
        text[at] = '\0';
        double start = cw_cpu_seconds();
        bool ok = cw_normalise(text, &spoken, &err) == 0;
        double seconds = cw_cpu_seconds() - start;
        CHECKF(ok || err.code == CW_BAD_INPUT, "\"%s\" repeated: %s", pieces[p], err.text);
        CHECKF(seconds < 1, "\"%s\" repeated: %.2f s", pieces[p], seconds); /* some milliseconds in a release build */
        cw_text_free(&spoken);
    }
    free(text);
}

static void hostile(void) {
    struct cw_text spoken = {0};
    struct cw_error err = {0};
    size_t n = 10U << 20;
    char *word = malloc(n + 1);
    if (CHECK(word != NULL)) {
        memset(word, 'a', n);
        word[n] = '\0';
        CHECK_REFUSED(cw_normalise(word, &spoken, &err), &err, "at most 20000 bytes", "10485760");
        CHECK(err.code == CW_BAD_INPUT);
        memset(word, '7', 20000);
        word[20000] = '\0';
        CHECKF(cw_normalise(word, &spoken, &err) == 0, "%s", err.text);
        CHECK(spoken.len > 19999 * 6 && strncmp(spoken.data, "seven seven", 11) == 0);
        free(word);
    }
    CHECK_REFUSED(cw_normalise("caf\xc3\xa9 \xc3(", &spoken, &err), &err, "byte 6", "UTF-8", "0xC3");
    CHECK_REFUSED(cw_normalise("a\xed\xa0\x80", &spoken, &err), &err, "byte 1", "UTF-8");
    CHECK_REFUSED(cw_normalise("\xe2\x80\x8b", &spoken, &err), &err, "at least one word", "nothing");
    cw_text_clear(&spoken);
    CHECK_REFUSED(cw_normalise("<br/>", &spoken, &err), &err, "at least one word");
    CHECK_STR(spoken.data, "<br/>"); /* shown as it stands */
    CHECK_REFUSED(cw_normalise_in("Hi", "xx", &spoken, &err), &err, "\"xx\"");
    cw_text_free(&spoken);
}

const struct cw_test cw_tests_normalise[] = {
    {"normalise.cases", "our own cases of every class are read as people read them", own_cases},
    {"normalise.numbers", "0 to 3000 and random numbers up to a trillion are spelt as an independent speller spells them", number_sweep},
    {"normalise.ordinals", "1st to 3000th likewise", ordinal_sweep},
    {"normalise.years", "years 1000 to 2100 and powers of ten likewise", year_sweep},
    {"normalise.sentences", "sentences end where they end", sentence_ends},
    {"normalise.marks", "the model's marks are its own few", model_marks},
    {"normalise.places", "each word knows its place in the source, through all that is composed and dropped", source_places},
    {"normalise.linear", "no repeated piece makes a turn slow", linear_time},
    {"normalise.hostile", "endless words and invalid bytes are refused or read, never a hang", hostile},
    {0},
};

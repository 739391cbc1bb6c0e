/* The script: round trip, every refusal by line and column, limits. */
#include "dialogue/claims.h"
#include "dialogue/stats.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRONT "---\ntitle: T\nlanguage: en-us\nseed: 7\ncast:\n  Maya: af_heart\n  Tom: am_michael*0.7 + bm_george*0.3\n---\n"

static int parse(struct cw_script *s, const char *text, struct cw_error *err) {
    return cw_script_parse(s, "e.md", text, strlen(text), err);
}

/* Parses, prints, parses, prints: both prints are the same, and equal `want` when that is given. */
static void round_trip(const char *text, const char *want) {
    struct cw_script a = {0}, b = {0};
    struct cw_text one = {0}, two = {0};
    struct cw_error err = {0};
    if (!CHECKF(parse(&a, text, &err) == 0, "refused: %s", err.text) || !CHECK(cw_script_print(&a, &one, &err) == 0)) {
        goto done;
    }
    if (!CHECKF(parse(&b, one.data, &err) == 0, "own print refused: %s\n%s", err.text, one.data) ||
        !CHECK(cw_script_print(&b, &two, &err) == 0)) {
        goto done;
    }
    CHECK_STR(two.data, one.data);
    if (want != NULL) {
        CHECK_STR(one.data, want);
    }
    CHECK(a.segment_count == b.segment_count && a.cast_count == b.cast_count && a.seed == b.seed);
    CHECK_STR(b.title, a.title);
    CHECK_STR(b.language, a.language);
    for (int i = 0; i < a.cast_count && i < b.cast_count; i++) {
        CHECK_STR(b.cast[i].name, a.cast[i].name);
        CHECK_STR(b.cast[i].voice, a.cast[i].voice);
    }
    for (int g = 0; g < a.segment_count && g < b.segment_count; g++) {
        CHECK_STR(b.segments[g].title, a.segments[g].title);
        if (!CHECK(a.segments[g].turn_count == b.segments[g].turn_count)) {
            continue;
        }
        for (int t = 0; t < a.segments[g].turn_count; t++) {
            const struct cw_turn *x = &a.segments[g].turns[t], *y = &b.segments[g].turns[t];
            CHECK(x->speaker == y->speaker && x->overlap_ms == y->overlap_ms && x->tail_pause_ms == y->tail_pause_ms);
            if (CHECK(x->span_count == y->span_count)) {
                for (int k = 0; k < x->span_count; k++) {
                    CHECK(x->spans[k].pause_ms == y->spans[k].pause_ms);
                    CHECK_STR(y->spans[k].text, x->spans[k].text);
                }
            }
        }
    }
done:
    cw_script_free(&a);
    cw_script_free(&b);
    cw_text_free(&one);
    cw_text_free(&two);
}

static void test_example(void) {
    static const char text[] = "---\n"
                               "title: The price of a thought\n"
                               "language: en-us\n"
                               "seed: 7\n"
                               "cast:\n"
                               "  Maya: af_heart\n"
                               "  Tom: am_michael*0.7 + bm_george*0.3\n"
                               "---\n"
                               "\n"
                               "# Why every word costs money\n"
                               "\n"
                               "Maya: So every time I ask it something, somebody pays?\n"
                               "Tom: [pause 300ms] Somebody always pays. [Inference](/ˈɪnfəɹəns/) is the part nobody budgets for.\n"
                               "Maya: [overlap 200ms] Including you? [pause 1.5s] Hm. [pause 2s]\n";
    struct cw_script s = {0};
    struct cw_text plain = {0};
    struct cw_error err = {0};
    round_trip(text, text);
    if (!CHECKF(parse(&s, text, &err) == 0, "%s", err.text)) {
        return;
    }
    CHECK_STR(s.title, "The price of a thought");
    CHECK(s.seed == 7 && s.cast_count == 2 && s.segment_count == 1 && cw_script_turns(&s) == 3);
    CHECK_STR(s.cast[1].voice, "am_michael*0.7 + bm_george*0.3");
    CHECK(s.cast[1].line == 7 && s.segments[0].line == 10 && s.segments[0].turns[1].line == 13);
    const struct cw_turn *t = s.segments[0].turns;
    CHECK(t[1].speaker == 1 && t[1].span_count == 1 && t[1].spans[0].pause_ms == 300);
    CHECK(t[2].overlap_ms == 200 && t[2].span_count == 2 && t[2].spans[1].pause_ms == 1500 && t[2].tail_pause_ms == 2000);
    CHECK(cw_turn_plain(&t[1], &plain, &err) == 0);
    CHECK_STR(plain.data, "Somebody always pays. Inference is the part nobody budgets for.");
    cw_text_free(&plain);
    cw_script_free(&s);
}

static void test_forms(void) {
    /* continuation lines, indented ones, comments, CRLF, a byte order mark, turns before a heading, escapes */
    round_trip("---\ntitle: T\nlanguage: en-us\nseed: 7\ncast:\n  Maya: af_heart\npronunciations:\n  Nguyen: \"/wˈɪn/\"\n  GIF: "
               "jif\n---\n\nMaya: One.\n",
               NULL);
    round_trip("\xEF\xBB\xBF" FRONT "Maya: one\ntwo words: not a speaker\n", NULL);
    round_trip(FRONT "Maya: one\nand on <!-- not\nthis --> it goes\n  Tom: is quoted here\n\n<!-- a comment -->\nTom:two\n",
               FRONT "\n<!-- not\nthis -->\nMaya: one and on it goes Tom: is quoted here\n<!-- a comment -->\nTom: two\n");
    round_trip(
        FRONT
        "<!-- one --># H <!-- two -->\n<!-- Tom: three -->\nMaya: a <!-- four --> <!-- five -->\n\n<!-- six\nMaya: no -->\n<!-- 7 -->",
        FRONT "\n<!-- one -->\n<!-- two -->\n# H\n\n<!-- Tom: three -->\n<!-- four -->\n<!-- five -->\nMaya: a\n\n<!-- six\nMaya: no "
              "-->\n<!-- 7 -->\n");
    round_trip("---\r\ncast:\r\n  A: v\r\n---\r\n\r\n# H\r\n\r\nA: one\r\nmore\r\n",
               "---\nlanguage: en-us\nseed: 0\ncast:\n  A: v\n---\n\n# H\n\nA: one more\n");
    round_trip(FRONT "Maya: a \\[bracket\\] and \\<!-- no comment --> and a \\\\ back\\slash [x](/y/)\n",
               FRONT "\nMaya: a \\[bracket] and \\<!-- no comment --> and a \\\\ back\\\\slash [x](/y/)\n");
    round_trip(FRONT "Maya: Hello [pause 1s]. [pause 500ms] [pause 0.5s] Yes\t two   blanks\n",
               FRONT "\nMaya: Hello. [pause 2s] Yes two blanks\n");
    round_trip("---\ntitle: \"A: \\\"quoted\\\" # title\"\ncast:\n  'Dr. Kim': \"v: 1\"\n  \"Zoë\": x\n---\nDr. Kim: é 日本\nZoë: ok\n",
               NULL);
    round_trip("---\ncast: {A: v, B: w}\n---\nB: flow style is YAML too\n", NULL);
    round_trip(FRONT "# One\nMaya: a\n# Two # three\nTom: b", FRONT "\n# One\n\nMaya: a\n\n# Two # three\n\nTom: b\n");
    struct cw_error err = {0};
    struct cw_script s = {0};
    CHECK(cw_script_parse_cast(&s, "Maya=af_heart, Tom = am_michael*0.7 + bm_george*0.3", &err) == 0);
    CHECK(s.cast_count == 2);
    CHECK_STR(s.cast[1].name, "Tom");
    CHECK_STR(s.cast[1].voice, "am_michael*0.7 + bm_george*0.3");
    CHECK_REFUSED(cw_script_parse_cast(&s, "Maya", &err), &err, "NAME=VOICE");
    CHECK_REFUSED(cw_script_parse_cast(&s, "", &err), &err, "cast");
    CHECK_REFUSED(cw_script_parse_cast(&s, "A=", &err), &err, "voice");
    CHECK_REFUSED(cw_script_parse_cast(&s, "A=x,A=y", &err), &err, "twice");
    CHECK_REFUSED(cw_script_parse_cast(&s, "A=x,B=x,C=x,D=x,E=x,F=x,G=x", &err), &err, "at most 6");
    CHECK(s.cast_count == 2); /* a refused cast leaves the old one */
    CHECK_REFUSED(cw_script_add_turn(&s, 0, "x", &err), &err, "segment");
    CHECK(cw_script_add_segment(&s, "H", &err) == 0);
    CHECK_REFUSED(cw_script_add_turn(&s, 2, "x", &err), &err, "speaker");
    CHECK_REFUSED(cw_script_add_turn(&s, 0, "[laughs] x", &err), &err, "1:1", "[laughs]");
    CHECK_REFUSED(cw_script_add_turn(&s, 0, "bell \a", &err), &err, "control");
    CHECK(cw_script_add_turn(&s, 0, "[pause 1s] x", &err) == 0);
    cw_script_free(&s);
}

static void test_errors(void) {
    static const struct {
        const char *text, *where, *says, *also;
    } cases[] = {
        {"", "e.md:1:1:", "empty", ""},
        {"Maya: hi\n", "e.md:1:1:", "front matter", "---"},
        {"---\ntitle: x\n", "e.md:3:1:", "not closed", "---"},
        {"---\ntitle: x\n---\nMaya: hi\n", "e.md:3:1:", "cast", "none"},
        {"---\ncast:\n  A: v\n---\n", "e.md:5:1:", "no turns", "Name: text"},
        {"---\nauthor: x\ncast:\n  A: v\n---\nA: b\n", "e.md:2:1:", "unknown key \"author\"", "title, language, seed, cast"},
        {"---\ntitle: x\ntitle: y\ncast:\n  A: v\n---\nA: b\n", "e.md:3:1:", "twice", "title"},
        {"---\nseed: -1\ncast:\n  A: v\n---\nA: b\n", "e.md:2:7:", "seed", "\"-1\""},
        {"---\nseed: 18446744073709551616\ncast:\n  A: v\n---\nA: b\n", "e.md:2:7:", "seed", "18446744073709551616"},
        {"---\nlanguage: English!\ncast:\n  A: v\n---\nA: b\n", "e.md:2:11:", "language", "en-us"},
        {"---\ntitle: [a, b]\ncast:\n  A: v\n---\nA: b\n", "e.md:2:8:", "one value", "a list"},
        {"---\ntitle: {a: {b: {c: d}}}\ncast:\n  A: v\n---\nA: b\n", "e.md:2:8:", "a title", "nested"},
        {"---\ntitle: &x a\ncast:\n  A: *x\n---\nA: b\n", "e.md:2:8:", "anchor", ""},
        {"---\ncast:\n  A: *x\n---\nA: b\n", "e.md:3:6:", "alias", ""},
        {"---\ntitle: !!str a\ncast:\n  A: v\n---\nA: b\n", "e.md:2:8:", "tag", ""},
        {"---\ntitle: \"a\\nb\"\ncast:\n  A: v\n---\nA: b\n", "e.md:2:8:", "control", "title"},
        {"---\ntitle: 'a\ncast:\n  A: v\n---\nA: b\n", "e.md:", "front matter", "found"},
        {"---\ncast:\n  A: v\n  A: w\n---\nA: b\n", "e.md:4:3:", "twice", "\"A\""},
        {"---\ncast:\n  A: v\n  B: v\n  C: v\n  D: v\n  E: v\n  F: v\n  G: v\n---\nA: b\n", "e.md:9:3:", "at most 6", "G"},
        {"---\ncast:\n  A:\n---\nA: b\n", "e.md:3:", "voice", ""},
        {"---\ncast:\n  4x: v\n---\nA: b\n", "e.md:3:3:", "begins with a letter", "4x"},
        {"---\ncast: A\n---\nA: b\n", "e.md:2:7:", "cast", ""},
        {FRONT "Tim: hello\n", "e.md:9:1:", "unknown speaker \"Tim\"", "Maya, Tom"},
        {FRONT "Maya: hello\ntom: hello\n", "e.md:10:1:", "unknown speaker \"tom\"", "indent"},
        {FRONT "Maya: hello\n\nand on\n", "e.md:11:1:", "outside a turn", "and on"},
        {FRONT "#Heading\nMaya: a\n", "e.md:9:1:", "heading", "# "},
        {FRONT "## Heading\nMaya: a\n", "e.md:9:1:", "heading", "# "},
        {FRONT "# \nMaya: a\n", "e.md:9:1:", "heading", ""},
        {FRONT "# A\n# B\nMaya: a\n", "e.md:10:1:", "no turns", "\"A\" of line 9"},
        {FRONT "# A\n", "e.md:10:1:", "no turns", "\"A\""},
        {FRONT "Maya: a [laughs] b\n", "e.md:9:9:", "unknown direction", "[laughs]"},
        {FRONT "Maya: é [pause] b\n", "e.md:9:9:", "unknown direction", "[pause 300ms]"},
        {FRONT "Maya: a [pause 3] b\n", "e.md:9:9:", "bad time", "[pause 3]"},
        {FRONT "Maya: a [pause 61s] b\n", "e.md:9:9:", "60s", "61s"},
        {FRONT "Maya: a [pause 40s] [pause 40s] b\n", "e.md:9:21:", "60s", "80000ms"},
        {FRONT "Maya: a [pause 0ms] b\n", "e.md:9:9:", "bad time", "1ms"},
        {FRONT "Maya: a [pause -1s] b\n", "e.md:9:9:", "bad time", ""},
        {FRONT "Maya: a [pause 1e3s] b\n", "e.md:9:9:", "bad time", ""},
        {FRONT "Maya: [overlap 6s] b\n", "e.md:9:7:", "5s", ""},
        {FRONT "Maya: a [overlap 200ms] b\n", "e.md:9:9:", "start", "overlap"},
        {FRONT "Maya: [overlap 1s] [overlap 200ms] b\n", "e.md:9:20:", "once", "overlap"},
        {FRONT "Maya: one\n  two [oops\n", "e.md:10:7:", "not closed", "[oops"},
        {FRONT "Maya: a [word](ipa)\n", "e.md:9:9:", "malformed pronunciation", "[word](/ipa/)"},
        {FRONT "Maya: a \\[word](/ipa/)\n", "e.md:9:6:", "escaped bracket", ""},
        {FRONT "Maya:\nTom: x\n", "e.md:9:6:", "nothing to say", ""},
        {FRONT "Maya: [pause 1s]\n", "e.md:9:6:", "nothing to say", "directions"},
        {FRONT "Maya: ...!\n", "e.md:9:6:", "nothing to say", ""},
        {FRONT "Maya: a <!-- b\n\nTom: c\n", "e.md:9:9:", "comment not closed", "-->"},
        {FRONT "Maya: a\x07\n", "e.md:9:8:", "control character", "U+0007"},
        {FRONT "Maya: a\rb\n", "e.md:9:8:", "control character", "U+000D"},
        {FRONT "Maya: \xE2\x80\xAE turned\n", "e.md:9:7:", "control character", "U+202E"},
        {FRONT "Maya: a\xff\n", "e.md:9:8:", "invalid UTF-8 at byte 109", "0xff"},
        {FRONT "Maya: a\xc3\n", "e.md:9:8:", "invalid UTF-8", "0xc3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cw_script s = {0};
        struct cw_error err = {0};
        if (!CHECK_REFUSED(parse(&s, cases[i].text, &err), &err, cases[i].where, cases[i].says, cases[i].also)) {
            printf("    case %zu:\n%s\n", i, cases[i].text);
        }
        CHECK(err.code == CW_BAD_INPUT);
        CHECK(s.segment_count == 0 && s.cast == NULL);
        cw_script_free(&s);
    }
}

static void test_limits(void) {
    struct cw_error err = {0};
    struct cw_script s = {0};
    static const char nul[] = FRONT "Maya: a\0b\n";
    CHECK_REFUSED(cw_script_parse(&s, "e.md", nul, sizeof nul - 1, &err), &err, "e.md:9:8:", "U+0000");
    size_t front = strlen(FRONT), most = CW_SCRIPT_MAX_BYTES + 1;
    char *big = malloc(most + 1);
    if (!CHECK(big != NULL)) {
        return;
    }
    memcpy(big, FRONT "Maya: ", front + 6);
    memset(big + front + 6, 'a', most - front - 6);
    CHECK_REFUSED(cw_script_parse(&s, "e.md", big, front + 6 + 100000, &err), &err, "e.md:9:6:", "20000", "100001");
    CHECK_REFUSED(cw_script_parse(&s, "e.md", big, most, &err), &err, "8388608", "8388609");
    CHECK(cw_script_parse(&s, "e.md", big, front + 6 + 19000, &err) == 0); /* as long as a turn may be */
    cw_script_free(&s);
    memset(big, 'a', 100000);
    big[100000] = '\0';
    CHECK(cw_script_parse_cast(&s, "A=v", &err) == 0 && cw_script_add_segment(&s, "", &err) == 0);
    CHECK_REFUSED(cw_script_add_turn(&s, 0, big, &err), &err, "20000");
    CHECK_REFUSED(cw_script_add_segment(&s, big, &err), &err, "300");
    cw_script_free(&s);
    /* brackets and braces a thousand deep are refused at the first, not followed down */
    size_t n = (size_t)snprintf(big, 100, "---\ntitle: ");
    memset(big + n, '[', 5000);
    memcpy(big + n + 5000, "\n---\n", 6);
    CHECK_REFUSED(parse(&s, big, &err), &err, "e.md:2:8:", "a list");
    memset(big + n, 'x', 70000);
    memcpy(big + n + 70000, "\n---\n", 6);
    CHECK_REFUSED(parse(&s, big, &err), &err, "65536");
    /* many turns: time is linear, nothing overflows */
    struct cw_text many = {0};
    cw_text_add(&many, FRONT);
    for (int i = 0; i < 20000; i++) {
        cw_text_printf(&many, "%s: turn %d\n", i % 2 ? "Maya" : "Tom", i);
    }
    double start = cw_seconds();
    CHECK(cw_script_parse(&s, "e.md", many.data, many.len, &err) == 0);
    CHECK(cw_script_turns(&s) == 20000);
    CHECKF(cw_seconds() - start < 20, "parsing 20,000 turns took %.1f s", cw_seconds() - start);
    CHECK(s.segments[0].turns[19999].line == 20008);
    cw_script_free(&s);
    cw_text_free(&many);
    free(big);
    CHECK_REFUSED(cw_script_read(&s, "/nonexistent/script.md", &err), &err, "/nonexistent/script.md");
}

/* What a turn rests on, and the passages themselves, survive printing and parsing. */
static void test_traces(void) {
    struct cw_script s = {0}, again = {0};
    struct cw_error err = {0};
    struct cw_text text = {0};
    struct cw_passage *passages = NULL;
    int count = 0, numbers[4] = {0};
    struct cw_passage given[] = {{3, "tides (new).md", "The Moon pulls --> and\nthe sea follows."}, {12, "b.txt", "[4] (x) 400 km ----"}};
    CHECK(cw_script_parse_cast(&s, "Maya=af_heart", &err) == 0 && cw_script_add_segment(&s, "h", &err) == 0);
    s.language = cw_strdup("en-us");
    CHECK(cw_script_add_turn(&s, 0, "It follows.", &err) == 0 && cw_script_add_turn(&s, 0, "Does it?", &err) == 0);
    struct cw_turn *t = s.segments[0].turns;
    CHECK(cw_comment_add(&t[0].comment, "rests on [3] [12] [3]", &err) == 0);
    CHECK(cw_comment_add(&t[0].comment, "check: \"400\" --> is in no passage", &err) == 0);
    CHECK(cw_script_add_passages(&s, given, 2, &err) == 0);
    CHECK(cw_script_print(&s, &text, &err) == 0);
    if (!CHECKF(cw_script_parse(&again, "t.md", text.data, text.len, &err) == 0, "%s\n%s", err.text, text.data)) {
        goto done;
    }
    t = again.segments[0].turns;
    CHECK(cw_script_turns(&again) == 2 && cw_turn_flagged(&t[0]) && !cw_turn_flagged(&t[1]));
    CHECK(cw_turn_sources(&t[0], numbers, 4) == 2 && numbers[0] == 3 && numbers[1] == 12);
    CHECK(cw_turn_sources(&t[0], numbers, 1) == 1 && cw_turn_sources(&t[1], numbers, 4) == 0);
    CHECK(cw_script_passages(&again, &passages, &count, &err) == 0);
    if (CHECK(count == 2)) {
        CHECK(passages[0].number == 3 && passages[1].number == 12);
        CHECK_STR(passages[0].source, "tides (new>.md");
        CHECK_STR(passages[0].text, "The Moon pulls - -> and the sea follows.");
        CHECK_STR(passages[1].text, "[4] (x) 400 km - - - -");
    }
done:
    cw_passages_free(passages, count);
    cw_script_free(&s);
    cw_script_free(&again);
    cw_text_free(&text);
}

/* A cast with personas comes from any front matter, and goes into the script. */
static void test_personas(void) {
    static const char front[] =
        "---\ncast:\n  Ada: bf_emma\n  Charles: bm_george\npersonas:\n  Charles: \"is vain: loves engines.\"\n---\n";
    struct cw_script s = {0};
    struct cw_error err = {0};
    char path[CW_PATH_MAX];
    CHECK(cw_path_join(path, cw_test_dir(), "cast.md", &err) == 0 && cw_file_write(path, front, sizeof front - 1, &err) == 0);
    if (CHECKF(cw_script_read_cast(&s, path, &err) == 0, "%s", err.text)) {
        CHECK(s.cast_count == 2 && s.cast[0].persona == NULL);
        CHECK_STR(s.cast[1].persona, "is vain: loves engines.");
        cw_script_free(&s);
    }
    round_trip("---\ncast:\n  Ada: v\npersonas:\n  Ada: counts.\n---\nAda: One.\n",
               "---\nlanguage: en-us\nseed: 0\ncast:\n  Ada: v\npersonas:\n  Ada: counts.\n---\n\nAda: One.\n");
    CHECK_REFUSED(parse(&s, "---\ncast:\n  Ada: v\npersonas:\n  Bob: x\n---\nAda: One.\n", &err), &err, "e.md:5:3:", "Bob");
    CHECK_REFUSED(parse(&s, "---\npersonas:\n  Ada: x\ncast:\n  Ada: v\n---\nAda: One.\n", &err), &err, "e.md:3:3:", "above");
    CHECK_REFUSED(cw_script_read_cast(&s, "/nonexistent/cast.md", &err), &err, "/nonexistent/cast.md");
}

/* How long somebody's turns are and what they begin with: read, printed the same, and refused where it is no such thing. */
static void test_manner(void) {
    static const char front[] =
        "---\nlanguage: en-us\nseed: 0\ncast:\n  Ada: v\n  Bob: v\nwords:\n  Bob: 12\nopeners:\n  Ada: Look, | At sea,\n";
    static const struct {
        const char *keys, *at, *expected, *found;
    } bad[] = {
        {"words:\n  Ada: 3\n", "e.md:6:8:", "4 to 60", "\"3\""},
        {"words:\n  Ada: 61\n", "e.md:6:8:", "4 to 60", "\"61\""},
        {"words:\n  Ada: few\n", "e.md:6:8:", "whole number", "\"few\""},
        {"words:\n  Eve: 12\n", "e.md:6:3:", "cast above", "Eve"},
        {"words:\n  Ada: 12\n  Ada: 14\n", "e.md:7:3:", "each once", "Ada"},
        {"words: 12\n", "e.md:5:8:", "under words", "none"},
        {"words:\n  Ada: 12\nwords:\n  Bob: 12\n", "e.md:7:1:", "once", "words"},
        {"openers:\n  Ada: Look, | \n", "e.md:6:8:", "spoken", "\"\""},
        {"openers:\n  Ada: '[Look]'\n", "e.md:6:8:", "spoken", "\"[Look]\""},
        {"openers:\n  Ada: a|b|c|d|e|f|g|h|i\n", "e.md:6:8:", "1 to 8", "\"i\""},
        {"openers:\n  Ada: Well then, I am somebody who says rather a lot before anything comes,\n", "e.md:6:8:", "60 bytes", "Well then"},
        {"openers:\n  Ada: [Look]\n", "e.md:6:8:", "one value", "a list"},
        {"opener:\n  Ada: Look,\n", "e.md:5:1:", "words, openers", "opener"},
    };
    struct cw_script s = {0};
    struct cw_error err = {0};
    char text[600];
    snprintf(text, sizeof text, "%s---\n\nAda: One.\n", front);
    round_trip(text, text);
    if (CHECKF(parse(&s, text, &err) == 0, "%s", err.text)) {
        CHECK(s.cast[0].words == 0 && s.cast[1].words == 12 && s.cast[0].opener_count == 2 && s.cast[1].opener_count == 0);
        CHECK_STR(s.cast[0].openers[0], "Look,");
        CHECK_STR(s.cast[0].openers[1], "At sea,");
        cw_script_free(&s);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "---\ncast:\n  Ada: v\n  Bob: v\n%s---\nAda: One.\n", bad[i].keys);
        CHECK_REFUSED(parse(&s, text, &err), &err, bad[i].at, bad[i].expected, bad[i].found);
        CHECK(err.code == CW_BAD_INPUT);
    }
}

/* Each measure counts what is there, and nothing else. */
static void test_stats(void) {
    static const char text[] = FRONT "Maya: Hello, everyone. How many people live by the sea?\n"
                                     "<!-- rests on [1] -->\nTom: About two hundred million, or 40 percent of all.\n"
                                     "Maya: Absolutely, that is a lot of people to feed.\n"
                                     "Tom: Hello again. Look here. That is a lot of people to feed.\n"
                                     "<!-- check: \"12\" is in no passage -->\nMaya: Look here. Twelve of them live with 7 dogs. Goodbye.\n"
                                     "<!-- rests on [2] -->\nTom: Absolutely, it was 1,500 then. Goodbye.\n"
                                     "<!-- passages\n[1] (a.md) Some 200 million people, 40% of all.\n[2] (a.md) In the year 1500.\n-->\n";
    struct cw_script s = {0};
    struct cw_script_stats m = {0};
    struct cw_error err = {0};
    if (!CHECKF(parse(&s, text, &err) == 0, "%s", err.text) || !CHECK(cw_script_measure(&s, &m, &err) == 0)) {
        goto done;
    }
    CHECK(m.turns == 6 && m.segments == 1 && m.words == 55 && m.words_by[0] == 28 && m.turns_by[1] == 3);
    CHECKF(m.greetings == 1 && m.farewells == 1 && m.questions == 1, "%d greetings, %d farewells", m.greetings, m.farewells);
    CHECKF(m.repeated_sentences == 1 && m.sentences == 10, "%d of %d sentences", m.repeated_sentences, m.sentences);
    CHECKF(m.repeated_grams == 4, "%d of %d runs", m.repeated_grams, m.grams);
    CHECK(m.banned_openers == 2 && m.banned_twice == 1);
    CHECK(m.passages == 2 && m.traced == 2);
    CHECKF(m.stating == 4 && m.stating_traced == 1, "%d turns that state something, %d traced", m.stating, m.stating_traced);
    CHECKF(m.claims == 5 && m.claims_cited == 3 && m.claims_flagged == 2, "%d claims, %d cited, %d flagged", m.claims, m.claims_cited,
           m.claims_flagged);
    CHECKF(m.turn_variation > 0.05 && m.turn_variation < 0.4, "variation %g", m.turn_variation);
    CHECK(m.finding_count > 0 && m.findings[0].turn == 3 && m.findings[0].line == 12);
done:
    cw_script_stats_free(&m);
    cw_script_free(&s);
}

/* Figures and names, however they are written. */
static void test_claims(void) {
    static const struct {
        const char *text, *figures, *names;
    } cases[] = {
        {"It cost $1,500.50 and 3.5 million people paid 40%.", "1500.5 3.5e+06 40", ""},
        {"Two hundred and fifty ships, twenty-one men, ten dogs, nine cats.", "250 21 10", ""},
        {"In 1969, Neil Armstrong met the U.S. and I left for New York.", "1969", "Neil Armstrong|New York"},
        {"GPT4 and B2B are no figures. The 21st is.", "21", ""},
        {"Twelve thousand three hundred", "12300", ""},
        {"The Moon and MIT's lab, says Ada's friend.", "", "Moon|MIT|Ada"},
        {"One thing. And a hundred more.", "", ""},
        {"Wegener's idea was new. It's old now. That's it. Who's Tom's friend? Today's news: Ada's back.", "", "Wegener|Tom|Ada"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct claim claims[8];
        struct cw_text figures = {0}, names = {0};
        int n = claims_figures(cases[i].text, claims, 8);
        cw_text_add(&figures, "");
        for (int k = 0; k < n && k < 8; k++) {
            cw_text_printf(&figures, k > 0 ? " %g" : "%g", claims[k].value);
            CHECKF(claims_found(&claims[k], cases[i].text), "%s: not found in its own text", claims[k].text);
            CHECK(!claims_found(&claims[k], "There are 7777 of them, says nobody."));
        }
        CHECK_STR(figures.data, cases[i].figures);
        cw_text_add(&names, "");
        n = claims_names(cases[i].text, claims, 8);
        for (int k = 0; k < n && k < 8; k++) {
            cw_text_printf(&names, k > 0 ? "|%s" : "%s", claims[k].text);
            CHECKF(claims_found(&claims[k], cases[i].text), "%s: not found in its own text", claims[k].text);
        }
        CHECK_STR(names.data, cases[i].names);
        cw_text_free(&figures);
        cw_text_free(&names);
    }
    struct claim c[2];
    CHECK(claims_figures("twelve hours", c, 2) == 1 && claims_found(&c[0], "It takes 12 hours.") &&
          !claims_found(&c[0], "It takes 112 hours."));
    CHECK(claims_figures("3.5 million", c, 2) == 1 && claims_found(&c[0], "some 3,500,000 of them"));
}

const struct cw_test cw_tests_script[] = {
    {"script.example", "the design's example parses to what it says and prints to the same bytes", test_example},
    {"script.forms", "every way to write a script round-trips, and its print is a fixed point", test_forms},
    {"script.errors", "each malformed script is refused by line and column, with what was expected and found", test_errors},
    {"script.traces", "what a turn rests on survives printing and parsing, whatever the passage holds", test_traces},
    {"script.personas", "a cast with personas comes from any front matter and goes into the script", test_personas},
    {"script.manner", "words and openers of a cast round-trip, and each that is none is refused by its place", test_manner},
    {"script.stats", "repeats, greetings, openers, shares and figures are counted as they stand", test_stats},
    {"script.claims", "figures and names are found however they are written", test_claims},
    {"script.limits", "sizes, NUL bytes and nesting beyond the limits are refused, 20,000 turns are not", test_limits},
    {0},
};

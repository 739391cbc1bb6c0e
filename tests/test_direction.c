/* Directing a script with the program and the small model: what is asked for changes, every other byte stays, remarks are kept and never
 * spoken, and nothing changes unasked. */
#include "dialogue/rewrite.h"
#include "tests/test.h"
#include "tests/test_program.h"
#include "tests/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct cw_test cw_tests_direction[];

/* Not as the program would print it: people's own spacing, quotes, order and comments. */
static const char text[] =
    "---\ncast: # the hosts\n  Tom:   am_michael\n  Maya:  'af_heart'\nseed: 4\n# of spring\ntitle: \"Bees\"\n---\n\n\n"
    "#   Why do bees matter?\n\n"
    "Maya:   Hello, everybody. Why do we need bees at all? One thing before we start. These voices are synthetic, and so is the "
    "script.\n\n"
    "<!-- mine: keep this -->\n<!-- rests on [1] -->\n"
    "Tom: [overlap 200ms] Bees carry pollen from flower to flower, and without that\n  most fruit trees would stay almost empty. <!-- "
    "inside -->\n"
    "Maya: So no bees, no [apples](/\xC3\xA6p\xC9\x99lz/)?\n\n"
    "# What can we do?\n\n"
    "<!-- of the second part -->\n"
    "Tom:  Plant thyme.\n"
    "Maya: [pause 1s] On a balcony?\n"
    "<!-- last -->\n"
    "Tom: On a balcony.   Thanks, Maya. Goodbye.\n\n"
    "<!-- passages\n[1] (bees.md) Bees carry pollen between flowers, and most fruit trees depend on it.\n-->\n";

/* The bytes up to the first marker and from the second on are those of before. */
static void framed(const char *after, const char *first, const char *second, const char *what) {
    size_t head = (size_t)(strstr(text, first) - text), tail = strlen(strstr(text, second)), n = strlen(after);
    CHECKF(n >= head + tail && memcmp(after, text, head) == 0, "%s: the bytes before the change differ: %.300s", what, after);
    CHECKF(n >= head + tail && strcmp(after + n - tail, text + strlen(text) - tail) == 0, "%s: the bytes after the change differ: %s", what,
           after);
}

static void test_rewrite(void) {
    static const struct {
        const char *option, *at, *first, *second; /* where the change may be */
        int turns;
    } cases[] = {
        {"--turn", "2", "<!-- rests on [1]", "Maya: So no bees", 6},
        {"--turn", "1", "Maya:   Hello", "\n\n<!-- mine", 6},
        {"--insert", "0", "Maya:   Hello", "Maya:   Hello", 7},
        {"--insert", "3", "\n\n# What can we do?", "\n\n# What can we do?", 7},
        {"--segment", "2", "Tom:  Plant", "\n\n<!-- passages", 6},
        {"--continue", "4", "Maya: [pause 1s]", "<!-- last -->", 6}, /* a goodbye stays */
    };
    const char *model = test_program_model();
    char path[CW_PATH_MAX], said[16384], *after = NULL;
    struct cw_error err = {0};
    size_t len = 0;
    if (model == NULL) {
        return;
    }
    CHECK(cw_path_join(path, cw_test_dir(), "s.md", &err) == 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cw_script s = {0};
        CHECK(cw_file_write(path, text, sizeof text - 1, &err) == 0);
        const char *const ask[] = {"rewrite", "s.md", cases[i].option, cases[i].at, "--say", "in one short sentence",
                                   "--llm",   model,  "--yes",         "--seed",    "2",     NULL};
        const char *const show[] = {"rewrite",
                                    "s.md",
                                    cases[i].option,
                                    cases[i].at,
                                    "--say",
                                    "in one short sentence",
                                    "--llm",
                                    model,
                                    i % 2 == 0 ? "--diff" : "--seed",
                                    i % 2 == 0 ? "--seed" : "2",
                                    i % 2 == 0 ? "2" : NULL,
                                    NULL};
        if (i < 2) { /* shown only: by --diff, or without a terminal that could say yes */
            CHECKF(test_program_run(show, said, sizeof said) == 0 && strstr(said, "\n@@ -") != NULL, "%s", said);
            CHECK((strstr(said, "is as it was") != NULL) == (i == 1));
            CHECK(cw_file_read(path, 1 << 20, &after, &len, &err) == 0);
            CHECK_STR(after, text);
            free(after);
        }
        if (!CHECKF(test_program_run(ask, said, sizeof said) == 0, "%s %s: %s", cases[i].option, cases[i].at, said) ||
            !CHECK(cw_file_read(path, 1 << 20, &after, &len, &err) == 0)) {
            continue;
        }
        CHECK(strcmp(after, text) != 0 && strstr(said, "\n+") != NULL);
        framed(after, cases[i].first, cases[i].second, cases[i].option);
        CHECKF(strstr(after, "These voices are synthetic, and so is the script.") != NULL, "nothing tells that it is synthetic: %s", after);
        CHECKF(strstr(after, "<!-- mine: keep this -->") != NULL && strstr(after, "<!-- inside -->") != NULL &&
                   strstr(after, "<!-- of the second part -->") != NULL && strstr(after, "<!-- last -->") != NULL,
               "a remark is gone: %s", after);
        if (CHECKF(cw_script_parse(&s, "s.md", after, len, &err) == 0, "%s", err.text)) {
            CHECKF(cw_script_turns(&s) == cases[i].turns, "%s: %d turns", cases[i].option, cw_script_turns(&s));
            for (int g = 0; g < s.segment_count; g++) {
                for (int t = 0; t < s.segments[g].turn_count; t++) {
                    struct cw_text plain = {0};
                    CHECK(cw_turn_plain(&s.segments[g].turns[t], &plain, &err) == 0);
                    CHECKF(strstr(plain.data, "<!--") == NULL && strstr(plain.data, "mine") == NULL, "spoken: %s", plain.data);
                    cw_text_free(&plain);
                }
            }
            cw_script_free(&s);
        }
        free(after);
        after = NULL;
    }
}

/* The place of every turn and of its remarks in the text, a byte order mark and Windows line ends included. */
static void test_places(void) {
    for (int windows = 0; windows < 2; windows++) {
        struct cw_script s = {0};
        struct cw_error err = {0};
        struct cw_text before = {0}, after = {0};
        cw_text_add(&before, windows ? "\xEF\xBB\xBF" : "");
        for (const char *p = text; *p != '\0'; p++) {
            cw_text_add(&before, *p == '\n' && windows ? "\r" : "");
            cw_text_add_char(&before, *p);
        }
        if (!CHECKF(cw_script_parse(&s, "s.md", before.data, before.len, &err) == 0, "%s", err.text)) {
            break;
        }
        CHECK(cw_rewrite_text(&s, before.data, &after, &err) == 0);
        CHECK_STR(after.data, before.data);
        const struct cw_turn *t = &s.segments[0].turns[1];
        CHECK(strncmp(before.data + t->lead, "<!-- mine", 9) == 0 && strncmp(before.data + t->from, "Tom: [overlap", 13) == 0);
        CHECK(strncmp(before.data + t->to - 15, "<!-- inside -->", 15) == 0 && (before.data[t->to] == '\r') == (windows == 1));
        s.segments[0].turns[1].line = 0; /* as if it had been said anew */
        free(s.segments[0].turns[1].comment);
        s.segments[0].turns[1].comment = cw_strdup("<!-- mine: keep this -->\n<!-- inside -->\n<!-- rests on [2] -->");
        cw_text_clear(&after);
        CHECK(cw_rewrite_text(&s, before.data, &after, &err) == 0);
        const char *want =
            windows ? "script.\r\n\r\n<!-- mine: keep this -->\r\n<!-- inside -->\r\n<!-- rests on [2] -->\r\nTom: [overlap 200ms] Bees"
                    : "script.\n\n<!-- mine: keep this -->\n<!-- inside -->\n<!-- rests on [2] -->\nTom: [overlap 200ms] Bees";
        CHECKF(strstr(after.data, want) != NULL && strstr(after.data, "[1] -->") == NULL, "%s", after.data);
        cw_script_free(&s);
        cw_text_free(&before);
        cw_text_free(&after);
    }
}

/* An endpoint that answers every request with one line; the last request is kept. */
struct one_line {
    const char *line;
    char *request;
};
static void say_line(void *arg, int fd, const char *request, int number) {
    struct one_line *o = arg;
    char body[600];
    (void)number;
    free(o->request);
    o->request = strdup(request);
    snprintf(body, sizeof body,
             "{\"choices\":[{\"message\":{\"content\":\"{\\\"line\\\": \\\"%s\\\"}\"},\"finish_reason\":\"stop\"}],"
             "\"usage\":{\"prompt_tokens\":500,\"completion_tokens\":20}}",
             o->line);
    test_server_say(fd, "200 OK", "Content-Type: application/json\r\n", body);
}

static bool shown(const struct one_line *o, const char *passage) {
    return o->request != NULL && strstr(o->request, passage) != NULL;
}

/* Before the model are the passages that the turn rests on and those that fit it and the wish, not the first of the script. */
static void test_ground(void) {
    static const char talk[] =
        "---\ntitle: Bees\ncast:\n  Tom: am_michael\n  Maya: af_heart\n---\n\n# Why do bees matter?\n\n"
        "Maya: Hello, everybody. Why do we need bees at all?\n<!-- rests on [7] -->\nTom: Fruit trees stay almost empty without them.\n"
        "Maya: So no bees, no apples?\nTom: None at all. Thanks, Maya. Goodbye.\n\n"
        "<!-- passages\n[1] (b.md) Glaciers grind valleys wide.\n[2] (b.md) Copper conducts heat well.\n[3] (b.md) Sails catch wind.\n"
        "[4] (b.md) Violins have four strings.\n[5] (b.md) Most orchards pay for hives in spring.\n[6] (b.md) Deserts cool at night.\n"
        "[7] (b.md) Pollen decides how much an orchard yields.\n-->\n";
    static const struct {
        enum cw_rewrite_what what;
        int at;
        const char *say, *line;
        const char *has[2], *not [2];
    } cases[] = {
        {CW_REWRITE_TURN,
         2,
         "with what hives cost in spring",
         "An orchard needs pollen to yield, so it pays for hives in spring.",
         {"[7] \\\"Pollen", "[5] \\\"Most orchards"},
         {"Glaciers", "Violins"}},
        {CW_REWRITE_TURN,
         3,
         "about violins",
         "And who plays violins with four strings for them?",
         {"[4] \\\"Violins", "[4]"},
         {"Glaciers", "[7]"}},
        {CW_REWRITE_INSERT,
         2,
         "about the heat of copper",
         "Copper conducts heat well, bees do not.",
         {"[2] \\\"Copper", "[2]"},
         {"Glaciers", "[6]"}},
        {CW_REWRITE_TURN, 4, "shorter", "Hardly any. Thanks, Maya. Goodbye.", {"no apples", "goodbye"}, {"Glaciers", "Copper"}},
    };
    struct one_line one = {0};
    struct test_server *server = test_server_start(say_line, &one);
    struct cw_error err = {0};
    struct cw_llm *m = NULL;
    struct cw_llm_endpoint e = cw_llm_endpoint_default();
    char url[80];
    if (!CHECK(server != NULL)) {
        return;
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", test_server_port(server));
    e.url = url;
    e.model = "one";
    CHECK(cw_llm_open_remote(&m, e, &err) == 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] && m != NULL; i++) {
        struct cw_script s = {0};
        const struct cw_rewrite_params p = {.what = cases[i].what, .at = cases[i].at, .say = cases[i].say, .seed = 1};
        one.line = cases[i].line;
        CHECK(cw_script_parse(&s, "bees.md", talk, sizeof talk - 1, &err) == 0);
        CHECKF(cw_rewrite(m, &s, p, &err) == 0, "%s: %s", cases[i].say, err.text);
        for (int k = 0; k < 2; k++) {
            CHECKF(shown(&one, cases[i].has[k]), "%s: not shown: %s", cases[i].say, cases[i].has[k]);
            CHECKF(!shown(&one, cases[i].not [k]), "%s: shown: %s", cases[i].say, cases[i].not [k]);
        }
        cw_script_free(&s);
    }
    /* a goodbye does not go: a line without one is refused */
    struct cw_script s = {0};
    one.line = "Hardly any of them.";
    CHECK(cw_script_parse(&s, "bees.md", talk, sizeof talk - 1, &err) == 0);
    CHECK_REFUSED(cw_rewrite(m, &s, (struct cw_rewrite_params){.at = 4, .say = "shorter", .seed = 1}, &err), &err, "goodbye");
    cw_script_free(&s);
    cw_llm_close(m);
    test_server_stop(server);
    free(one.request);
}

/* Through an endpoint, with a source that the script did not have: what the new line rests on joins the script's passages, once; the budget
 * is kept. */
static void test_from(void) {
    static const char source[] =
        "# Hives\n\nAn orchard rents hives in April, and beekeepers bring them by night.\n\n# Wasps\n\nWasps hunt flies.\n";
    static const char prices[] = "{\"%s\": {\"one\": {\"prompt\": 1000, \"generated\": 1000}}}";
    char *after = NULL;
    struct one_line one = {.line = "Beekeepers bring hives to an orchard by night, in April."};
    struct test_server *server = test_server_start(say_line, &one);
    struct cw_error err = {0};
    struct cw_text priced = {0}, script = {0};
    char url[80], path[CW_PATH_MAX], config[CW_PATH_MAX], said[8192];
    size_t len = 0;
    if (!CHECK(server != NULL)) {
        return;
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", test_server_port(server));
    setenv("CASTWRIGHT_CONFIG", cw_test_dir(), 1);
    CHECK(cw_path_join(path, cw_test_dir(), "hives.md", &err) == 0 && cw_file_write(path, source, sizeof source - 1, &err) == 0);
    const char *ask[] = {"rewrite", "s.md",     "--turn",     "2", "--say",      "with what beekeepers do",
                         "--from",  "hives.md", "--endpoint", url, "--llm-name", "one",
                         "--yes",   NULL,       NULL,         NULL};
    CHECK(cw_path_join(path, cw_test_dir(), "s.md", &err) == 0);
    for (int i = 0; i < 3; i++) { /* a script without a passage, one with its own, and one whose editor closed them on the last line */
        struct cw_script s = {0};
        int cited[4] = {0};
        size_t n = i == 0 ? (size_t)(strstr(text, "\n<!-- passages") - text) : strlen(text) - (i == 2 ? strlen("\n-->\n") : 0);
        cw_text_clear(&script);
        cw_text_printf(&script, "%.*s%s", (int)n, text, i == 2 ? " -->\n" : "");
        CHECK(cw_file_write(path, script.data, script.len, &err) == 0);
        for (int again = 0; again < 2; again++) {
            one.line = again == 0 ? "Beekeepers bring hives to an orchard by night, in April."
                                  : "In April, by night, beekeepers bring the hives an orchard rents.";
            free(after);
            after = NULL;
            if (!CHECKF(test_program_run(ask, said, sizeof said) == 0, "%s", said) ||
                !CHECK(cw_file_read(path, 1 << 20, &after, &len, &err) == 0)) {
                continue;
            }
            CHECKF(shown(&one, "rents hives in April") && shown(&one, i > 0 ? "[2] \\\"An orchard" : "[1] \\\"An orchard"), "%s",
                   one.request);
            char want[400];
            snprintf(want, sizeof want, "%s\n\n<!-- passages\n%s[%d] (hives.md) %s\n-->\n", i == 0 ? "Goodbye." : "",
                     i == 0   ? ""
                     : i == 1 ? "[1] (bees.md) Bees carry pollen between flowers, and most fruit trees depend on it.\n"
                              : "[1] (bees.md) Bees carry pollen between flowers, and most fruit trees depend on it. \n",
                     i == 0 ? 1 : 2, "An orchard rents hives in April, and beekeepers bring them by night.");
            CHECKF(len > strlen(want) && strcmp(after + len - strlen(want), want) == 0, "%s", after);
            CHECKF(cw_script_parse(&s, "s.md", after, len, &err) == 0, "%s", err.text);
            CHECK(s.segment_count > 0 && cw_turn_sources(&s.segments[0].turns[1], cited, 4) == 1 && cited[0] == (i == 0 ? 1 : 2));
            cw_script_free(&s);
        }
    }
    /* a price that nobody knows, then one that is too high */
    ask[13] = "--budget";
    ask[14] = "0.1";
    CHECKF(test_program_run(ask, said, sizeof said) == 2 && strstr(said, "price") != NULL, "%s", said);
    cw_text_printf(&priced, prices, url);
    CHECK(cw_path_join(config, cw_test_dir(), "prices.json", &err) == 0 && cw_file_write(config, priced.data, priced.len, &err) == 0);
    int requests = test_server_requests(server);
    CHECKF(test_program_run(ask, said, sizeof said) == 1 && strstr(said, "budget") != NULL, "%s", said);
    CHECK(test_server_requests(server) == requests);
    char *same = NULL;
    CHECK(cw_file_read(path, 1 << 20, &same, &len, &err) == 0);
    CHECK_STR(same, after);
    ask[14] = "100";
    one.line = "By night, for an orchard rents hives in April.";
    CHECKF(test_program_run(ask, said, sizeof said) == 0, "%s", said);
    setenv("CASTWRIGHT_CONFIG", "/dev/null/config", 1);
    free(after);
    free(same);
    free(one.request);
    cw_text_free(&priced);
    cw_text_free(&script);
    test_server_stop(server);
}

/* An endpoint that has another line for every request, and tells that each took 5,000 tokens. */
static void say_next(void *arg, int fd, const char *request, int number) {
    static const char *const lines[] = {
        "A deep pot with thyme costs about as much as lunch does.",
        "And who pays for pots on every balcony in town?",
        "Some cities hand out seeds, because orchards nearby earn from it.",
        "Then a bag of seed comes cheaper than hiring hives each spring.",
        "Does anybody keep count of what those gifts bring in?",
    };
    char body[600];
    (void)arg;
    (void)request;
    snprintf(body, sizeof body,
             "{\"choices\":[{\"message\":{\"content\":\"{\\\"line\\\": \\\"%s\\\"}\"},\"finish_reason\":\"stop\"}],"
             "\"usage\":{\"prompt_tokens\":5000,\"completion_tokens\":20}}",
             lines[number % 5]);
    test_server_say(fd, "200 OK", "Content-Type: application/json\r\n", body);
}

/* The rest of a talk goes on over the ends of its parts; what a budget stops keeps the turns that were paid for; the cost is told. */
static void test_rest(void) {
    static const char remarks[] = "<!-- mine: keep this -->|<!-- inside -->|<!-- of the second part -->|<!-- last -->";
    static const struct {
        const char *option, *at, *budget;
        int code, first, last; /* turns that are new, in a talk of six */
    } cases[] = {
        {"--continue", "2", NULL, 0, 3, 5},    /* a goodbye stays */
        {"--continue", "3", NULL, 0, 4, 5},    /* its part ends with it */
        {"--continue", "1", "8", 1, 2, 3},     /* a request takes 5.02, up to 2 more are thought of before */
        {"--segment", "1", "8", 1, 1, 2},      /* of three */
        {"--segment", "2", "0.001", 1, 0, -1}, /* nothing */
    };
    struct cw_error err = {0};
    struct cw_text prices = {0};
    char url[80], path[CW_PATH_MAX], config[CW_PATH_MAX], said[16384];
    CHECK(cw_path_join(path, cw_test_dir(), "s.md", &err) == 0 && cw_path_join(config, cw_test_dir(), "prices.json", &err) == 0);
    setenv("CASTWRIGHT_CONFIG", cw_test_dir(), 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cw_script was = {0}, is = {0};
        char *after = NULL, cost[100];
        size_t len = 0;
        struct test_server *server = test_server_start(say_next, NULL);
        if (!CHECK(server != NULL)) {
            break;
        }
        snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", test_server_port(server));
        cw_text_clear(&prices);
        cw_text_printf(&prices, "{\"%s\": {\"one\": {\"prompt\": 1000, \"generated\": 1000}}}", url);
        CHECK(cw_file_write(config, prices.data, prices.len, &err) == 0 && cw_file_write(path, text, sizeof text - 1, &err) == 0);
        const char *const ask[] = {"rewrite",       "s.md", cases[i].option, cases[i].at, "--say", "about the money",
                                   "--endpoint",    url,    "--llm-name",    "one",       "--yes", cases[i].budget ? "--budget" : NULL,
                                   cases[i].budget, NULL};
        CHECKF(test_program_run(ask, said, sizeof said) == cases[i].code, "%s", said);
        CHECKF((strstr(said, "budget: expected to stay within") != NULL) == (cases[i].code == 1), "%s", said);
        const int asked = test_server_requests(server);
        snprintf(cost, sizeof cost, "lines: one, %d tokens read, %d written, ", 5000 * asked, 20 * asked);
        CHECKF((strstr(said, cost) != NULL && strstr(said, " by the price table") != NULL) == (asked > 0), "%s%s", cost, said);
        CHECK((strstr(said, "\n@@ -") != NULL) == (cases[i].last > 0));
        if (CHECK(cw_file_read(path, 1 << 20, &after, &len, &err) == 0) &&
            CHECKF(cw_script_parse(&is, "s.md", after, len, &err) == 0, "%s", err.text) &&
            CHECK(cw_script_parse(&was, "s.md", text, sizeof text - 1, &err) == 0) && CHECKF(cw_script_turns(&is) == 6, "%s", after)) {
            int number = 0;
            for (int g = 0; g < 2 && CHECK(is.segment_count == 2 && is.segments[g].turn_count == 3); g++) {
                for (int t = 0; t < 3; t++) {
                    struct cw_text a = {0}, b = {0};
                    number++;
                    CHECK(cw_turn_plain(&was.segments[g].turns[t], &a, &err) == 0 &&
                          cw_turn_plain(&is.segments[g].turns[t], &b, &err) == 0);
                    const bool anew = number >= cases[i].first && number <= cases[i].last;
                    CHECKF(a.data != NULL && b.data != NULL && (strcmp(a.data, b.data) != 0) == anew, "%s %s: turn %d: %s", cases[i].option,
                           cases[i].at, number, b.data);
                    cw_text_free(&a);
                    cw_text_free(&b);
                }
            }
            char one[40];
            for (const char *r = remarks; *r != '\0'; r += strcspn(r, "|"), r += *r == '|') {
                snprintf(one, sizeof one, "%.*s", (int)strcspn(r, "|"), r);
                const char *there = strstr(after, one);
                CHECKF(there != NULL && strstr(there + 1, one) == NULL, "%s: not once: %s", one, after);
            }
        }
        free(after);
        cw_script_free(&was);
        cw_script_free(&is);
        test_server_stop(server);
    }
    setenv("CASTWRIGHT_CONFIG", "/dev/null/config", 1);
    cw_text_free(&prices);
}

const struct cw_test cw_tests_direction[] = {
    {"direction.rewrite", "a turn, a segment, an insertion, a continuation: asked for, shown, taken; every other byte stays", test_rewrite},
    {"direction.ground", "the model is shown what the turn rests on and what fits the wish; a goodbye stays one", test_ground},
    {"direction.from", "through an endpoint, a source beside the script's: what the line rests on joins it; the budget holds", test_from},
    {"direction.rest", "the rest of a talk over the ends of its parts; a budget that stops keeps what was paid for; the cost is told",
     test_rest},
    {"direction.places", "every turn knows its bytes in the text; a line said anew takes its remarks along, not its traces", test_places},
    {0},
};

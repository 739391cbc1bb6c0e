/* Directing a script with the program and the small model: what is asked for changes, every other byte stays, remarks are kept and never
 * spoken, and nothing changes unasked. */
#include "dialogue/rewrite.h"
#include "tests/test.h"
#include "tests/test_program.h"

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

const struct cw_test cw_tests_direction[] = {
    {"direction.rewrite", "a turn, a segment, an insertion, a continuation: asked for, shown, taken; every other byte stays", test_rewrite},
    {"direction.places", "every turn knows its bytes in the text; a line said anew takes its remarks along, not its traces", test_places},
    {0},
};

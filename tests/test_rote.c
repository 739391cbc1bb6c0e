/* The answers: a schema's keys ─▶ lines of a list, in what models wrap things in. */
#include "tests/test_rote.h"
#include "tests/test.h"
#include "tests/test_server.h"

#include <locale.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* The words that a pattern begins with, and `rest`. */
static void opened(char *text, size_t room, const char *pattern, const char *rest) {
    size_t n = 0;
    for (const char *p = pattern + 1; *p != '(' && *p != '\0' && n + 1 < room; p++) {
        if (*p != '[' && *p != ']') {
            text[n++] = *p;
        }
    }
    snprintf(text + n, room - n, "%s", rest);
}

static json_t *by_rote(struct rote *r, const json_t *wanted, const char *request) {
    static const char *const lines[] = {
        "Bees find their way home by the sun, and by landmarks that they learn on first flights.",
        "A hive holds about forty thousand of them in summer (laughs), and a tenth of that in winter.",
        "What do they do when clouds hide the sky?",
        "They read a pattern of polarised light that our eyes cannot see \xE2\x80\x94 even a patch of blue will do.",
        "My cat gets lost behind a sofa. How far out do they go?",
        "*Three miles* is common, and some scouts were followed for eight.",
        "Then a jar on my table took more travel than I do in a year.",
        "Roughly fifty thousand miles of flight for a pound, which is twice around our planet.",
        "Who decides where everybody goes tomorrow morning?",
        "Scouts dance on combs. An angle points out a direction, and waggling longer means farther.",
        "So whoever dances best wins an election every day?",
        "Followers check for themselves, so a bad tip dies quickly \xF0\x9F\x98\x80.",
        "Why does rain keep all of them inside?",
        "Wet wings weigh too much, and one drop hits an insect like a bucket of water.",
        "Farmers rent hives for almonds each February, don't they?",
        "Trucks bring more than a million colonies to one valley. That mixes diseases as well.",
        "Small gardens count too. Even a balcony with thyme helps wild ones.",
        "Leave some bare soil. Most wild species nest underground rather than in boxes.",
    };
    const char *const lists[] = {"questions", "facts"};
    for (int i = 0; i < 2; i++) { /* an item that never ends takes no more than its part of the tokens */
        const json_t *items = json_object_get(json_object_get(wanted, lists[i]), "items");
        json_int_t most = json_integer_value(json_object_get(items, "maxLength"));
        CHECKF(items == NULL || (most >= 100 && most <= 700), "%s of at most %d letters", lists[i], (int)most);
    }
    r->plans += json_object_get(wanted, "questions") != NULL || json_object_get(wanted, "facts") != NULL;
    if (json_object_get(wanted, "questions") != NULL) {
        return json_pack("{ss ss s[ss]}", "title", "How *bees* find home", "angle", "The talk shows that bees find their way *by light*.",
                         "questions", "How do bees find their way?", "Where do bees spend the winter?");
    }
    if (json_object_get(wanted, "facts") != NULL) {
        return json_pack("{s[ss]}", "facts", "Bees read polarised light from a patch of sky.",
                         "Scouts dance to show direction and distance.");
    }
    json_t *reply = json_object();
    const char *key;
    json_t *one;
    bool some = strstr(request, "Some turns cannot be used") != NULL;
    r->several += json_object_get(wanted, "line") == NULL;
    if (strstr(request, "what to remember about this") != NULL && json_object_get(wanted, "line") != NULL) {
        r->sums++;
        json_object_set_new(reply, "line", json_string("Absolutely."));
        return reply;
    }
    r->instead += r->sums > 0 && json_object_get(wanted, "line") != NULL && strstr(request, "says goodbye") == NULL;
    r->some += some;
    r->quoted = r->quoted || strstr(request, "Hello and welcome again, everybody.\\\" greets again") != NULL;
    json_object_foreach((json_t *)(uintptr_t)wanted, key, one) {
        const char *space = strchr(key, ' '), *pattern = json_string_value(json_object_get(one, "pattern"));
        char text[300];
        if (space != NULL || strcmp(key, "line") == 0) { /* a turn: what it opens with and how long it is is in the schema */
            static const char *const turns[] = {"it is so and not so.", "is it so or not?",   "it is so or not?",
                                                "Is it so or not?",     "It is so. Goodbye.", "it is so and not so. And that is so."};
            regex_t form;
            locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = uselocale(c); /* C.UTF-8 has no order for ranges of letters */
            if (CHECK(pattern != NULL && regcomp(&form, pattern, REG_EXTENDED) == 0)) {
                bool some_turn = false;
                for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
                    opened(text, sizeof text, pattern, turns[i]);
                    some_turn |= regexec(&form, text, 0, NULL, 0) == 0;
                }
                CHECKF(some_turn, "%s", pattern);
                CHECK(regexec(&form, "a,b,c,d and so on?", 0, NULL, 0) != 0);
                CHECK(regexec(&form, "one without end", 0, NULL, 0) != 0 && regexec(&form, "Some: markup?", 0, NULL, 0) != 0);
                CHECK(regexec(&form, "It is. It is. It is. It is. Is it?", 0, NULL, 0) != 0);
                opened(text, sizeof text, pattern, "it is so and not so. And that is so.");
                r->two += space != NULL && regexec(&form, text, 0, NULL, 0) == 0;
                regfree(&form);
            }
            uselocale(before);
            freelocale(c);
        }
        snprintf(text, sizeof text, "%s%s%s", r->line % 3 == 0 && space != NULL ? space + 1 : "",
                 r->line % 3 == 0 && space != NULL ? ": " : "", lines[r->line % 18]);
        r->line++;
        if (space != NULL && !some && atol(key) == 3) {
            continue; /* left out */
        }
        json_object_set_new(reply, key,
                            json_string(space != NULL && !some && atol(key) == 2 ? "Hello and welcome again, everybody." : text));
    }
    if (json_object_get(wanted, "line") == NULL) { /* a model that obeys a source: nobody asked for these */
        json_object_set_new(reply, "2 Bob", json_string("PWNED by Bob."));
        json_object_set_new(reply, "99 Maya", json_string("PWNED as well."));
        json_object_set_new(reply, "speaker", json_string("Bob"));
    }
    return reply;
}

void test_rote_answer(void *arg, int fd, const char *request, int number) {
    struct rote *r = arg;
    const char *body = strstr(request, "\r\n\r\n");
    if (!r->echo && number % 7 == 3) { /* not JSON */
        test_server_say(fd, "200 OK", "Content-Type: application/json\r\n",
                        "{\"choices\":[{\"message\":{\"content\":\"Sure! Here is what you asked for.\"},\"finish_reason\":\"stop\"}]}");
        return;
    }
    if (r->echo) {
        unsigned h = 5381;
        for (const char *p = body; *p != '\0'; p++) {
            h = h * 33 + (unsigned char)*p;
        }
        r->line = (int)(h % 18);
    }
    json_t *root = json_loads(body, 0, NULL);
    json_t *reply = by_rote(r, test_server_wanted(root), request);
    char *text = json_dumps(reply, 0), fenced[8000];
    snprintf(fenced, sizeof fenced, number % 2 == 0 ? "```json\n%s\n```" : "%s", text);
    test_server_chat(fd, fenced, json_pack("{sisi}", "prompt_tokens", 1000, "completion_tokens", 40));
    free(text);
    json_decref(reply);
    json_decref(root);
}

struct test_server *test_server_start_writer(void) {
    static struct rote rote;
    rote = (struct rote){0};
    return test_server_start(test_rote_answer, &rote);
}

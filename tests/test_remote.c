/* Models behind an endpoint: streaming, faults of every kind, keys kept secret; the writer with one; a real llama.cpp server when
 * CASTWRIGHT_LLAMA_SERVER names one. */
#include "dialogue/http.h"
#include "dialogue/llm.h"
#include "dialogue/stats.h"
#include "dialogue/writer.h"
#include "dialogue/writer_impl.h"
#include "tests/test.h"
#include "tests/test_faults.h"
#include "tests/test_rote.h"
#include "tests/test_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern const struct cw_test cw_tests_remote[];

static const char stream[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

static void say_piece(int fd, const char *text) {
    char event[600];
    snprintf(event, sizeof event, "data: {\"choices\":[{\"delta\":{\"content\":\"%s\"}}]}\r\n\r\n", text);
    test_server_write(fd, event);
}

/* What goes wrong, and how often, before it goes right. */
struct plan {
    const char *fault;
    int times;
    char last[4096]; /* the last request */
};

static void answer(void *arg, int fd, const char *request, int number) {
    struct plan *p = arg;
    snprintf(p->last, sizeof p->last, "%s", request);
    if (number < p->times) {
        if (strcmp(p->fault, "429") == 0) {
            test_server_say(fd, "429 Too Many Requests", "Retry-After: 0.05\r\n", "{\"error\":{\"message\":\"slow down\"}}");
        } else if (strcmp(p->fault, "500") == 0) {
            test_server_say(fd, "500 Oops", "", "{\"error\":\"broken\"}");
        } else if (strcmp(p->fault, "html") == 0) {
            test_server_say(fd, "200 OK", "Content-Type: text/html\r\n", "<html><body>Sign in first</body></html>");
        } else if (strcmp(p->fault, "401") == 0) {
            test_server_say(fd, "401 Unauthorized", "", "{\"error\":{\"message\":\"bad key sk-verysecret given\"}}");
        } else if (strcmp(p->fault, "403") == 0) { /* the key lies where the message is cut */
            char said[400];
            snprintf(said, sizeof said, "{\"error\":{\"message\":\"%0230d sk-verysecret given\"}}", 0);
            test_server_say(fd, "403 Forbidden", "", said);
        } else if (strcmp(p->fault, "404") == 0) {
            test_server_say(fd, "404 Not Found", "", "{\"error\":{\"message\":\"no model x\"}}");
        } else if (strcmp(p->fault, "cut") == 0) {
            test_server_write(fd, stream);
            say_piece(fd, "half of");
        } else if (strcmp(p->fault, "garbage") == 0) {
            test_server_write(fd, stream);
            test_server_write(fd, "data: {\"choices\": [what?\n\n");
        } else if (strcmp(p->fault, "slow") == 0) {
            test_server_write(fd, stream);
            say_piece(fd, "half");
            usleep(1800000);
        } else if (strcmp(p->fault, "schema") == 0) {
            test_server_say(fd, "400 Bad Request", "", "{\"error\":{\"message\":\"response_format is not known here\"}}");
        } else if (strcmp(p->fault, "pattern") == 0) {
            test_server_say(fd, "400 Bad Request", "", "{\"error\":{\"message\":\"pattern is not permitted\"}}");
        }
        return;
    }
    test_server_write(fd, stream);
    test_server_write(fd, ": a remark\n\n");
    say_piece(fd, "Hello, ");
    say_piece(fd, "w\\u00f6rld.");
    test_server_write(
        fd, "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5}}\n\n"
            "data: [DONE]\n\n");
}

/* `model` at the server; `url` is the endpoint's. */
static struct cw_llm_endpoint endpoint_at(const struct test_server *server, const char *model, char url[80]) {
    struct cw_llm_endpoint e = cw_llm_endpoint_default();
    snprintf(url, 80, "http://127.0.0.1:%d/v1", test_server_port(server));
    e.url = url;
    e.model = model;
    e.wait_seconds = 0.01;
    return e;
}

static int ask(struct test_server *server, const char *key_file, const char *schema, struct cw_text *out, struct cw_llm_usage *usage,
               struct cw_error *err) {
    char url[80];
    struct cw_llm *m = NULL;
    struct cw_llm_endpoint e = cw_llm_endpoint_default();
    struct cw_llm_message chat[] = {{"user", "Say \"hello\".\n"}};
    struct cw_llm_request r = {.messages = chat, .message_count = 1, .max_tokens = 9, .seed = 3, .schema = schema};
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/", test_server_port(server));
    e.url = url;
    e.model = "tiny";
    e.key_file = key_file;
    e.seconds = 1;
    e.tries = 3;
    e.wait_seconds = 0.02;
    cw_text_clear(out);
    if (cw_llm_open_remote(&m, e, err) != 0) {
        return -1;
    }
    int status = cw_llm_generate(m, &r, out, err);
    *usage = cw_llm_usage(m);
    CHECK(!cw_llm_follows_grammar(m));
    cw_llm_close(m);
    return status;
}

/* What was cut off is paid for: no try begins that may cost more than is left. */
static void test_tries_cost(void) {
    struct plan p = {.fault = "cut", .times = 9};
    struct test_server *server = test_server_start(answer, &p);
    struct cw_llm *m = NULL;
    struct cw_error err = {0};
    struct cw_text out = {0};
    struct cw_llm_message chat[] = {{"user", "Say hello."}};
    struct cw_llm_request r = {.messages = chat, .message_count = 1, .max_tokens = 100, .seed = 3, .most_cost = 0.015};
    char url[80];
    if (!CHECK(server != NULL)) {
        return;
    }
    const struct cw_llm_endpoint e = endpoint_at(server, "tiny", url);
    CHECK(cw_llm_open_remote(&m, e, &err) == 0);
    cw_llm_set_price(m, 1000, 100); /* a try: 0.003 or so read, 0.01 written at most */
    CHECK_REFUSED(cw_llm_generate(m, &r, &out, &err), &err, "budget", "0.015");
    CHECKF(test_server_requests(server) > 0 && test_server_requests(server) < e.tries && cw_llm_cost(m) <= r.most_cost,
           "%d requests, %g spent", test_server_requests(server), cw_llm_cost(m));
    cw_llm_close(m);
    cw_text_free(&out);
    test_server_stop(server);
}

/* Says nothing. */
static void be_silent(void *arg, int fd, const char *request, int number) {
    (void)arg;
    (void)fd;
    (void)request;
    (void)number;
    usleep(1200000);
}

/* A prompt that a server took and did not answer may be billed, schema included; one that never got there is not. */
static void test_silence_costs(void) {
    static const char schema[] = "{\"type\":\"object\",\"properties\":{\"line\":{\"type\":\"string\"}}}";
    struct test_server *server = test_server_start(be_silent, NULL);
    struct cw_error err = {0};
    struct cw_text out = {0};
    struct cw_llm_message chat[] = {{"user", "Say hello."}};
    struct cw_llm_request r = {.messages = chat, .message_count = 1, .max_tokens = 100, .schema = schema};
    char url[80];
    if (!CHECK(server != NULL)) {
        return;
    }
    for (int there = 0; there < 2; there++) {
        struct cw_llm *m = NULL;
        struct cw_llm_endpoint e = endpoint_at(server, "tiny", url);
        e.url = there ? url : "http://127.0.0.1:1/v1";
        e.seconds = 0.3;
        e.tries = 2;
        CHECK(cw_llm_open_remote(&m, e, &err) == 0);
        cw_llm_set_price(m, 1000, 10);
        const long guess = cw_llm_count_tokens(m, chat[0].text) + cw_llm_count_tokens(m, schema);
        CHECK_REFUSED(cw_llm_generate(m, &r, &out, &err), &err, there ? "silent" : "127.0.0.1:1", "2 tries");
        CHECKF(cw_llm_usage(m).prompt_tokens == (there ? 2 * guess : 0), "%ld tokens of a prompt of %ld", cw_llm_usage(m).prompt_tokens,
               guess);
        r.most_cost = 1.5 * cw_llm_price(m, guess, r.max_tokens); /* no second try fits */
        CHECK_REFUSED(cw_llm_generate(m, &r, &out, &err), &err, there ? "budget" : "2 tries");
        CHECKF(cw_llm_usage(m).prompt_tokens == (there ? 3 * guess : 0), "%ld tokens of a prompt of %ld", cw_llm_usage(m).prompt_tokens,
               guess);
        r.most_cost = 0;
        cw_llm_close(m);
    }
    cw_text_free(&out);
    test_server_stop(server);
}

/* An endpoint that takes no pattern, or no schema, is asked without it however few tries there are; one that takes neither fails. */
static void test_one_try(void) {
    static const struct {
        const char *fault;
        int times;
        bool comes;
    } cases[] = {{"pattern", 1, true}, {"schema", 2, true}, {"schema", 3, false}, {"500", 1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct plan p = {.fault = cases[i].fault, .times = cases[i].times};
        struct test_server *server = test_server_start(answer, &p);
        struct cw_llm *m = NULL;
        struct cw_error err = {0};
        struct cw_text out = {0};
        struct cw_llm_message chat[] = {{"user", "x"}};
        struct cw_llm_request r = {.messages = chat, .message_count = 1, .max_tokens = 9, .schema = "{\"pattern\":\"^a$\"}"};
        char url[80];
        if (!CHECK(server != NULL)) {
            return;
        }
        struct cw_llm_endpoint e = endpoint_at(server, "tiny", url);
        e.tries = 1;
        CHECK(cw_llm_open_remote(&m, e, &err) == 0);
        const int status = cw_llm_generate(m, &r, &out, &err);
        CHECKF((status == 0) == cases[i].comes, "%s, %d times: %s", cases[i].fault, cases[i].times, err.text);
        CHECKF(test_server_requests(server) == cases[i].times + cases[i].comes, "%d requests", test_server_requests(server));
        cw_llm_close(m);
        cw_text_free(&out);
        test_server_stop(server);
    }
}

static void test_endpoint(void) {
    static const struct {
        const char *fault;
        int times;
        const char *says; /* NULL: the reply comes in the end */
    } cases[] = {
        {"none", 0, NULL},         {"429", 2, NULL},
        {"500", 2, NULL},          {"html", 1, NULL},
        {"cut", 2, NULL},          {"garbage", 1, NULL},
        {"slow", 1, NULL},         {"schema", 1, NULL},
        {"pattern", 1, NULL},      {"schema", 2, NULL},
        {"429", 9, "429"},         {"500", 9, "500"},
        {"html", 9, "HTML"},       {"cut", 9, "cut"},
        {"garbage", 9, "no JSON"}, {"401", 9, "refuses the key"},
        {"404", 9, "no model x"},  {"403", 9, "refuses the key"},
    };
    struct cw_text out = {0};
    struct cw_llm_usage usage = {0};
    char key[CW_PATH_MAX];
    struct cw_error err = {0};
    CHECK(cw_path_join(key, cw_test_dir(), "key", &err) == 0 && cw_file_write(key, "sk-verysecret\n", 14, &err) == 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct plan p = {.fault = cases[i].fault, .times = cases[i].times};
        struct test_server *server = test_server_start(answer, &p);
        if (!CHECK(server != NULL)) {
            break;
        }
        bool pattern = strcmp(cases[i].fault, "pattern") == 0 || cases[i].times == 2;
        int status =
            ask(server, key, pattern ? "{\"properties\":{\"pattern\":{\"pattern\":\"^a$\",\"maxLength\":9}}}" : "{\"type\":\"object\"}",
                &out, &usage, &err);
        if (cases[i].says == NULL) {
            CHECKF(status == 0, "%s: %s", cases[i].fault, err.text);
            CHECK_STR(out.data, "Hello, w\xC3\xB6rld.");
            bool slow = strcmp(cases[i].fault, "slow") == 0; /* the server may still be asleep at the second try */
            CHECKF(usage.retries == cases[i].times || (slow && usage.retries == 2), "%s: %ld retries", cases[i].fault, usage.retries);
            bool paid = strcmp(cases[i].fault, "cut") == 0 || strcmp(cases[i].fault, "slow") == 0 ||
                        strcmp(cases[i].fault, "garbage") == 0; /* for what came before the fault */
            CHECK(paid ? usage.prompt_tokens > 12 && usage.generated_tokens > 5 : usage.prompt_tokens == 12 && usage.generated_tokens == 5);
        } else {
            CHECK_REFUSED(status, &err, "http://127.0.0.1", cases[i].says);
            bool hopeless = cases[i].fault[0] == '4' && cases[i].fault[1] == '0';
            CHECKF(test_server_requests(server) == (hopeless ? 1 : 3), "%s: %d requests", cases[i].fault, test_server_requests(server));
            CHECK(err.code == (hopeless ? CW_BAD_INPUT : CW_FAILED));
            CHECKF(strstr(err.text, "sk-very") == NULL, "the key is in the message: %s", err.text);
            CHECK(out.len == 0);
        }
        CHECKF(strstr(p.last, "POST /v1/chat/completions ") != NULL, "%s", p.last);
        CHECK(strstr(p.last, "Authorization: Bearer sk-verysecret\r\n") != NULL);
        CHECK(strstr(p.last, "Say \\\"hello\\\".\\n") != NULL && strstr(p.last, "\"stream\":true") != NULL);
        bool schema = strstr(p.last, "json_schema") != NULL;
        CHECK(schema == (strcmp(cases[i].fault, "schema") != 0));
        bool whole = strstr(p.last, "\"pattern\":\"^a$\"") != NULL && strstr(p.last, "\"maxLength\":9") != NULL,
             plain = strstr(p.last, "\"pattern\":{}") != NULL;
        CHECK(whole == (pattern && strcmp(cases[i].fault, "schema") != 0 && strcmp(cases[i].fault, "pattern") != 0));
        CHECK(plain == (strcmp(cases[i].fault, "pattern") == 0));
        test_server_stop(server);
    }
    /* nobody there */
    struct cw_llm *m = NULL;
    struct cw_llm_endpoint e = cw_llm_endpoint_default();
    struct cw_llm_message chat[] = {{"user", "x"}};
    struct cw_llm_request r = {.messages = chat, .message_count = 1, .max_tokens = 9};
    e.url = "http://127.0.0.1:1/v1";
    e.model = "m";
    e.tries = 2;
    e.wait_seconds = 0.01;
    CHECK(cw_llm_open_remote(&m, e, &err) == 0);
    CHECK_REFUSED(cw_llm_generate(m, &r, &out, &err), &err, "127.0.0.1:1", "2 tries");
    cw_llm_close(m);
    e.url = "https://user:secret@host/v1";
    CHECK_REFUSED(cw_llm_open_remote(&m, e, &err), &err, "without a name or key");
    CHECK(strstr(err.text, "secret") == NULL);
    e.url = "localhost:80";
    CHECK_REFUSED(cw_llm_open_remote(&m, e, &err), &err, "http");
    e.url = "http://h/v1";
    e.model = NULL;
    CHECK_REFUSED(cw_llm_open_remote(&m, e, &err), &err, "--llm-name");
    e.model = "m";
    CHECK(cw_file_write(key, "two\nlines", 9, &err) == 0);
    e.key_file = key;
    CHECK_REFUSED(cw_llm_open_remote(&m, e, &err), &err, "key", "printable");
    CHECK(m == NULL);
    cw_text_free(&out);
}

struct seen_refusals {
    int json;
};
static void on_refused(void *arg, const char *text, const char *why) {
    (void)text;
    struct seen_refusals *s = arg;
    s->json += strstr(why, "JSON") != NULL;
}

/* The writer with an endpoint: what decorates speech is taken off, what is no JSON is asked again, the budget holds. */
static void test_writer(void) {
    struct rote rote = {0};
    struct test_server *server = test_server_start(test_rote_answer, &rote);
    struct cw_llm *m = NULL;
    struct cw_error err = {0};
    struct cw_script s = {0};
    struct cw_text plain = {0};
    struct seen_refusals seen = {0};
    struct cw_llm_usage usage[2] = {0};
    struct cw_writer_events events = {.arg = &seen, .refused = on_refused};
    struct cw_writer_params p = cw_writer_params_default();
    char url[80];
    if (!CHECK(server != NULL)) {
        return;
    }
    const struct cw_llm_endpoint e = endpoint_at(server, "rote", url);
    CHECK(cw_llm_open_remote(&m, e, &err) == 0);
    p.topic = "How bees find home";
    p.minutes = 0.5;
    p.usage = usage;
    CHECK(cw_script_parse_cast(&s, "Maya=af_heart,Tom=am_michael", &err) == 0);
    s.language = cw_strdup("en-us");
    if (!CHECKF(cw_writer_run(m, p, &events, &s, &err) == 0, "%s", err.text)) {
        goto done;
    }
    CHECK_STR(s.title, "How bees find home");
    const char *remark = s.segment_count > 0 ? s.segments[0].turns[0].comment : NULL;
    CHECKF(remark != NULL && strstr(remark, "<!-- angle: the talk shows that bees find their way by light -->") != NULL, "%s",
           remark != NULL ? remark : "no remark");
    CHECKF(s.segment_count == 1 && cw_script_turns(&s) > 3 && seen.json > 0, "%d turns, %d replies that were no JSON", cw_script_turns(&s),
           seen.json);
    for (int t = 0; t < s.segments[0].turn_count; t++) {
        cw_text_clear(&plain);
        CHECK(cw_turn_plain(&s.segments[0].turns[t], &plain, &err) == 0);
        CHECKF(strpbrk(plain.data, "*()[]<>{}\"_#:") == NULL && strstr(plain.data, "laughs") == NULL &&
                   strstr(plain.data, "PWNED") == NULL && strstr(plain.data, "\xF0\x9F") == NULL,
               "%s", plain.data);
    }
    CHECK(usage[0].generated_tokens > 0 && usage[1].generated_tokens > usage[0].generated_tokens);
    /* several turns a request, and only what was no good or missing again, with the reason */
    CHECK(rote.two > 0);
    CHECKF(rote.sums > 0 && rote.instead > 0, "%d requests to sum up, %d for another line before goodbye", rote.sums, rote.instead);
    CHECKF(rote.several > 0 && rote.some > 0 && rote.quoted, "%d requests for turns, %d for some of them again", rote.several, rote.some);
    CHECK(cw_llm_usage(m).prompt_tokens == usage[0].prompt_tokens + usage[1].prompt_tokens);
    /* the budget: some of it is spent, none is exceeded, and the message says so */
    cw_script_free(&s);
    CHECK(cw_script_parse_cast(&s, "Maya=af_heart,Tom=am_michael", &err) == 0);
    s.language = cw_strdup("en-us");
    double before = cw_llm_cost(m);
    CHECK(before == 0);
    cw_llm_close(m);
    CHECK(cw_llm_open_remote(&m, e, &err) == 0);
    cw_llm_set_price(m, 1, 10);
    p.budget = 0.008;
    CHECK_REFUSED(cw_writer_run(m, p, &events, &s, &err), &err, "budget", "0.008");
    CHECKF(err.code == CW_FAILED && cw_llm_cost(m) > 0.001 && cw_llm_cost(m) <= p.budget, "spent %g", cw_llm_cost(m));
done:
    cw_llm_close(m);
    cw_script_free(&s);
    cw_text_free(&plain);
    test_server_stop(server);
}

/* One endpoint plans, another writes: each is asked for its own, and its tokens are counted so. */
static void test_mixed(void) {
    struct rote rote[2] = {{0}, {0}};
    struct test_server *servers[2] = {test_server_start(test_rote_answer, &rote[0]), test_server_start(test_rote_answer, &rote[1])};
    struct cw_llm *m[2] = {NULL, NULL};
    struct cw_error err = {0};
    struct cw_script s = {0};
    struct cw_llm_usage usage[2] = {0};
    struct cw_writer_params p = cw_writer_params_default();
    struct cw_llm_endpoint e = cw_llm_endpoint_default();
    for (int i = 0; i < 2 && CHECK(servers[i] != NULL); i++) {
        char url[80];
        snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", test_server_port(servers[i]));
        e.url = url;
        e.model = i == 0 ? "planner" : "writer";
        CHECK(cw_llm_open_remote(&m[i], e, &err) == 0);
    }
    p.topic = "How bees find home";
    p.minutes = 2.5; /* two parts: the first is summed up by the one that wrote it */
    p.usage = usage;
    p.planner = m[0];
    CHECK(cw_script_parse_cast(&s, "Maya=af_heart,Tom=am_michael", &err) == 0);
    s.language = cw_strdup("en-us");
    CHECKF(m[1] != NULL && cw_writer_run(m[1], p, NULL, &s, &err) == 0, "%s", err.text);
    CHECKF(rote[0].plans > 0 && rote[0].several == 0 && rote[1].plans == 1 && rote[1].several > 0,
           "planner: %d plans, %d turns; writer: %d, %d", rote[0].plans, rote[0].several, rote[1].plans, rote[1].several);
    CHECK(usage[0].generated_tokens == cw_llm_usage(m[0]).generated_tokens &&
          usage[1].generated_tokens == cw_llm_usage(m[1]).generated_tokens);
    for (int i = 0; i < 2; i++) {
        cw_llm_close(m[i]);
        test_server_stop(servers[i]);
    }
    cw_script_free(&s);
}

struct stopper {
    int left;
};
static bool stop_soon(void *arg, const struct cw_script *s, int segment, int turn) {
    struct stopper *k = arg;
    (void)s;
    (void)segment;
    (void)turn;
    return k->left-- > 0;
}

/* Cut off at one turn after another and taken up again: the same script at the end, and no reply asked for twice. */
static void test_journal(void) {
    struct rote rote = {.echo = true};
    struct test_server *server =
        test_server_start(test_rote_answer, &rote); /* a run taken up again can be compared with one that was not */
    struct cw_llm *m = NULL;
    struct cw_error err = {0};
    struct cw_text whole = {0}, again = {0};
    struct cw_writer_params p = cw_writer_params_default();
    struct cw_llm_endpoint e = cw_llm_endpoint_default();
    struct stopper stopper = {0};
    struct cw_llm_usage usage[2] = {0};
    struct cw_writer_events events = {.arg = &stopper, .turn = stop_soon};
    char url[80], path[CW_PATH_MAX];
    if (!CHECK(server != NULL)) {
        return;
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", test_server_port(server));
    e.url = url;
    e.model = "echo";
    CHECK(cw_path_join(path, cw_test_dir(), "journal", &err) == 0 && cw_llm_open_remote(&m, e, &err) == 0);
    p.topic = "How bees find home";
    p.minutes = 0.5;
    p.journal_key = "one";
    p.usage = usage;
    int undisturbed = 0;
    for (int run = 0; run < 40; run++) {
        struct cw_script s = {0};
        CHECK(cw_script_parse_cast(&s, "Maya=af_heart,Tom=am_michael", &err) == 0);
        s.language = cw_strdup("en-us");
        p.journal = run == 0 ? NULL : path;
        stopper.left = run == 0 ? 1000 : run - 1;
        int written = cw_writer_run(m, p, &events, &s, &err);
        if (run == 0) {
            CHECKF(written == 0 && cw_script_print(&s, &whole, &err) == 0, "%s", err.text);
            undisturbed = test_server_requests(server);
        } else if (written == 0) {
            CHECK(cw_script_print(&s, &again, &err) == 0);
            CHECK_STR(again.data, whole.data);
        }
        cw_script_free(&s);
        if (run > 0 && written == 0) {
            CHECKF(run > 3 && test_server_requests(server) == 2 * undisturbed, "run %d, %d requests, %d undisturbed", run,
                   test_server_requests(server), undisturbed);
            /* what it took, in all its runs */
            CHECKF(usage[0].prompt_tokens + usage[1].prompt_tokens == 1000L * undisturbed &&
                       usage[0].generated_tokens + usage[1].generated_tokens == 40L * undisturbed,
                   "%ld and %ld tokens read in %d requests", usage[0].prompt_tokens, usage[1].prompt_tokens, undisturbed);
            break;
        }
    }
    /* torn in the middle of a line, as a crash does it: what is whole counts; another key: nothing does */
    char *text = NULL;
    size_t len = 0;
    CHECK(cw_file_read(path, 1 << 20, &text, &len, &err) == 0 && len > 100);
    for (int i = 0; i < 2 && text != NULL; i++) {
        struct cw_script s = {0};
        int before = test_server_requests(server);
        CHECK(cw_file_write(path, text, len - 30, &err) == 0);
        CHECK(cw_script_parse_cast(&s, "Maya=af_heart,Tom=am_michael", &err) == 0);
        s.language = cw_strdup("en-us");
        p.journal = path;
        p.journal_key = i == 0 ? "one" : "two";
        stopper.left = 1000;
        cw_text_clear(&again);
        CHECKF(cw_writer_run(m, p, &events, &s, &err) == 0 && cw_script_print(&s, &again, &err) == 0, "%s", err.text);
        CHECK_STR(again.data, whole.data);
        int asked = test_server_requests(server) - before;
        CHECKF(i == 0 ? asked < undisturbed : asked == undisturbed, "%d requests", asked);
        cw_script_free(&s);
    }
    free(text);
    cw_text_free(&whole);
    cw_text_free(&again);
    cw_llm_close(m);
    test_server_stop(server);
}

/* Only whole lines of ours count, up to the first other one; a reply answers its own question; what was spent stays spent. */
static void test_journal_lines(void) {
    static const char *const foreign[] = {
        "{}",
        "{\"x\":1}",
        "[1]",
        "what?",
        "{\"done\":\"pla",
        "{\"done\":1}",
        "{\"done\":\"plan\",\"x\":1}",
        "{\"reply\":\"no question\"}",
        "{\"key\":\"k\"}",
        "{\"asked\":\"a\",\"reply\":\"no hash\",\"spent\":[[0,0,0,0,0.0,0.0],[0,0,0,0,0.0,0.0]]}",
        "{\"spent\":[[-9,0,0,0,0.0,0.0],[0,0,0,0,0.0,0.0]]}",
        "{\"spent\":[[9,0,0,0,0.0,0.0]]}",
    };
    char path[CW_PATH_MAX], a[65] = "", b[65] = "", *whole = NULL;
    size_t len = 0;
    struct journal *j = NULL;
    struct cw_error err = {0};
    struct cw_text out = {0}, text = {0};
    struct cw_llm_usage first[2] = {{.prompt_tokens = 7}, {0}}, both[2] = {{.prompt_tokens = 7}, {.generated_tokens = 5}}, found[2];
    bool there = false;
    cw_sha256_of("a", 1, a);
    cw_sha256_of("b", 1, b);
    CHECK(cw_path_join(path, cw_test_dir(), "lines", &err) == 0);
    CHECKF(journal_open(&j, path, "k", false, &err) == 0 && journal_add(j, a, "one", first, &err) == 0 &&
               journal_add(j, b, "two", both, &err) == 0 && journal_mark(j, "plan", &err) == 0,
           "%s", err.text);
    journal_close(j);
    if (!CHECK(cw_file_read(path, 1 << 20, &whole, &len, &err) == 0)) {
        return;
    }
    const char *second = strstr(whole, "{\"asked\":\"") + 1;
    second = strstr(second, "{\"asked\":\"");
    for (size_t i = 0; CHECK(second != NULL) && i < sizeof foreign / sizeof foreign[0]; i++) {
        for (int marks = 0; marks < 2; marks++) {
            cw_text_clear(&text);
            cw_text_printf(&text, "%.*s%s\n%s", (int)(second - whole), whole, foreign[i], second);
            CHECK(cw_file_write(path, text.data, text.len, &err) == 0);
            CHECKF(journal_open(&j, path, "k", marks == 1, &err) == 0, "%s", err.text);
            cw_text_clear(&out);
            CHECK(journal_read(j, a, &out, &there, &err) == 0);
            CHECKF(there == (marks == 0), "before %s: a reply is %sthere", foreign[i], there ? "" : "not ");
            CHECK(journal_read(j, b, &out, &there, &err) == 0);
            CHECKF(!there, "after %s: a reply counts", foreign[i]);
            journal_spent(j, found);
            CHECK(found[0].prompt_tokens == 7 && found[1].generated_tokens == 0);
            journal_close(j);
        }
    }
    /* of another question: it and what follows are gone, what they took is not, now and the next time */
    CHECK(cw_file_write(path, whole, len, &err) == 0);
    for (int run = 0; run < 3; run++) {
        CHECKF(journal_open(&j, path, "k", run == 0, &err) == 0, "%s", err.text);
        cw_text_clear(&out);
        CHECK(journal_read(j, run == 1 ? b : a, &out, &there, &err) == 0 && there == (run == 0));
        CHECK(journal_read(j, b, &out, &there, &err) == 0 && there == (run == 0));
        journal_spent(j, found);
        CHECKF(found[0].prompt_tokens == 7 && found[1].generated_tokens == 5, "run %d: %ld, %ld", run, found[0].prompt_tokens,
               found[1].generated_tokens);
        journal_close(j);
    }
    /* of another request: nothing is */
    CHECK(cw_file_write(path, whole, len, &err) == 0 && journal_open(&j, path, "other", false, &err) == 0);
    journal_spent(j, found);
    CHECK(journal_read(j, a, &out, &there, &err) == 0 && !there && found[0].prompt_tokens == 0);
    journal_close(j);
    free(whole);
    cw_text_free(&out);
    cw_text_free(&text);
}

/* An endpoint that is silent for longer than its time-out is asked again; one that is not, is waited for. */
static void test_slow(void) {
    struct rote rote = {.echo = true};
    struct test_server *server = test_server_start(test_rote_answer, &rote);
    struct cw_error err = {0};
    struct cw_llm_message chat[] = {{"user", "Reply with JSON."}};
    struct cw_llm_request r = {
        .messages = chat, .message_count = 1, .max_tokens = 60, .schema = "{\"type\":\"object\",\"properties\":{\"facts\":{}}}"};
    for (int patient = 0; CHECK(server != NULL) && patient < 2; patient++) {
        struct test_faults *faults = test_faults_start(test_server_port(server), 2, FAULT_SLOW, 2.5);
        struct cw_llm *m = NULL;
        struct cw_text out = {0};
        struct cw_llm_endpoint e = cw_llm_endpoint_default();
        char url[80];
        if (!CHECK(faults != NULL)) {
            break;
        }
        snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", test_faults_port(faults));
        e.url = url;
        e.model = "rote";
        e.seconds = patient ? 30 : 1;
        e.tries = 8; /* the faults come one after another: what is asked again waits for the slow one */
        e.wait_seconds = 0.01;
        CHECK(cw_llm_open_remote(&m, e, &err) == 0);
        for (int i = 0; i < 2; i++) { /* the second one is slow */
            cw_text_clear(&out);
            CHECKF(cw_llm_generate(m, &r, &out, &err) == 0 && strstr(out.data, "facts") != NULL, "%s", err.text);
        }
        const long retries = cw_llm_usage(m).retries;
        CHECKF(test_faults_made(faults, FAULT_SLOW) > 0 && (patient ? retries == 0 : retries > 0), "%d slow, %ld retries",
               test_faults_made(faults, FAULT_SLOW), retries);
        cw_llm_close(m);
        cw_text_free(&out);
        test_faults_stop(faults);
    }
    test_server_stop(server);
}

struct told {
    char header[80];
};
static void say_later(void *arg, int fd, const char *request, int number) {
    (void)request;
    (void)number;
    test_server_say(fd, "429 Too Many Requests", ((struct told *)arg)->header, "{}");
}

/* Retry-After is seconds or a date; what is neither, or past, says nothing. */
static void test_retry_after(void) {
    struct told told = {""};
    struct test_server *server = test_server_start(say_later, &told);
    const time_t soon = time(NULL) + 90;
    struct tm parts;
    char date[80], url[80];
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&soon, &parts));
    const struct {
        const char *says;
        double least, most;
    } cases[] = {{"7", 7, 7},
                 {date, 30, 91},
                 {"Fri, 31 Dec 2100 23:59:59 GMT", 1e6, 1e10},
                 {"Sun, 06 Nov 1994 08:49:37 GMT", -1, -1},
                 {"123456", 1e5, 2e5},
                 {"-3", -1, -1},
                 {"after lunch", -1, -1}};
    if (!CHECK(server != NULL)) {
        return;
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", test_server_port(server));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_reply reply = {0};
        struct cw_error err = {0};
        const struct http_post post = {.url = url, .body = "{}", .limits = {.bytes = 1000, .seconds = 20, .allow_local = true}};
        snprintf(told.header, sizeof told.header, "Retry-After: %s\r\n", cases[i].says);
        CHECKF(http_post(&post, &reply, &err) == HTTP_DONE && reply.status == 429, "%s", err.text);
        CHECKF(reply.retry_after >= cases[i].least && reply.retry_after <= cases[i].most, "%s: %g s", cases[i].says, reply.retry_after);
        http_reply_free(&reply);
    }
    test_server_stop(server);
}

static pid_t start_server(const char *program, const char *model, int port) {
    char number[16];
    snprintf(number, sizeof number, "%d", port);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL) {
            _exit(99);
        }
        execl(program, program, "-m", model, "--host", "127.0.0.1", "--port", number, "-c", "8192", "-np", "1", "-t", "2", (char *)NULL);
        _exit(98);
    }
    return pid;
}

/* A whole talk while one request of three meets with a fault: through llama.cpp's own server with the small model where it is (a program of
 * its own, built apart: make llama-server), else through one that answers by rote. */
static void test_faulty_talk(void) {
    const char *program = getenv("CASTWRIGHT_LLAMA_SERVER");
    char dir[CW_PATH_MAX], model[CW_PATH_MAX], url[80];
    struct cw_error err = {0};
    struct cw_llm *m = NULL;
    struct cw_script s = {0};
    struct cw_script_stats stats = {0};
    struct cw_text out = {0};
    struct test_faults *faults = NULL;
    struct cw_llm_endpoint e = cw_llm_endpoint_default();
    struct cw_llm_message chat[] = {{"user", "Reply with JSON: {\"line\": \"...\"}, a short line about bees."}};
    struct cw_llm_request r = {.messages = chat,
                               .message_count = 1,
                               .max_tokens = 60,
                               .seed = 2,
                               .schema = "{\"type\":\"object\",\"properties\":{\"line\":{\"type\":\"string\"}},\"required\":[\"line\"]}"};
    const bool real = program != NULL &&
                      CHECKF(cw_models_dir(dir, &err) == 0 &&
                                 cw_path_join(model, dir, "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", &err) == 0 && cw_file_exists(model),
                             "the small language model is not there: castwright models fetch --tests");
    struct test_server *by_rote = real ? NULL : test_server_start_writer();
    int port = real ? 20000 + (int)(getpid() % 20000) : by_rote != NULL ? test_server_port(by_rote) : 0;
    pid_t pid = real ? start_server(program, model, port) : 0;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", port);
    e.url = url;
    e.model = "qwen";
    e.tries = 14; /* it takes its time to load */
    e.wait_seconds = 0.25;
    CHECK(cw_llm_open_remote(&m, e, &err) == 0);
    if (real) {
        if (!CHECKF(cw_llm_generate(m, &r, &out, &err) == 0, "%s", err.text)) {
            goto done;
        }
        CHECKF(strstr(out.data, "\"line\"") != NULL, "%s", out.data);
        CHECK(cw_llm_usage(m).generated_tokens > 3);
    }
    cw_llm_close(m);
    m = NULL;
    faults = test_faults_start(port, 3, FAULT_429, real ? 2 : 0.2);
    if (!CHECK(faults != NULL)) {
        goto done;
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", test_faults_port(faults));
    e = cw_llm_endpoint_default();
    e.url = url;
    e.model = "qwen";
    e.wait_seconds = 0.05;
    CHECK(cw_llm_open_remote(&m, e, &err) == 0);
    struct cw_writer_params p = cw_writer_params_default();
    p.topic = "Why bees matter";
    p.minutes = 1;
    CHECK(cw_script_parse_cast(&s, "Maya=af_heart,Tom=am_michael", &err) == 0);
    s.language = cw_strdup("en-us");
    if (CHECKF(cw_writer_run(m, p, NULL, &s, &err) == 0 && cw_script_measure(&s, &stats, &err) == 0, "%s", err.text) && real) {
        CHECKF(stats.turns >= 5 && stats.words >= 135 && stats.words <= 195, "%d turns, %d words", stats.turns, stats.words);
        CHECKF(stats.greetings == 0 && stats.farewells == 0 && stats.repeated_sentences == 0 && stats.banned_twice == 0 &&
                   stats.repeated_grams * 100 <= stats.grams * 3,
               "%d greetings again, %d early goodbyes, %d sentences again, %d empty openers again, %d of %d runs again", stats.greetings,
               stats.farewells, stats.repeated_sentences, stats.banned_twice, stats.repeated_grams, stats.grams);
    }
    int made = 0;
    for (int i = 0; i < FAULTS; i++) {
        made += test_faults_made(faults, (enum fault)i);
    }
    CHECKF(made > 2 && cw_llm_usage(m).retries > 1, "%d faults in %d requests, %ld retries", made, test_faults_requests(faults),
           cw_llm_usage(m).retries);
done:
    if (real) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    test_faults_stop(faults);
    test_server_stop(by_rote);
    cw_llm_close(m);
    cw_script_stats_free(&stats);
    cw_script_free(&s);
    cw_text_free(&out);
}

const struct cw_test cw_tests_remote[] = {
    {"remote.endpoint", "a stream is read whole; 429, 500, HTML, cuts, silence and garbage are tried again, keys stay secret",
     test_endpoint},
    {"remote.tries", "tries again cost no more than is left of a budget", test_tries_cost},
    {"remote.silence", "a prompt that was sent and not answered counts, schema included", test_silence_costs},
    {"remote.one_try", "an endpoint that refuses patterns or schemas is asked without them, with one try as well", test_one_try},
    {"remote.writer", "an endpoint's replies are undressed, checked, asked again with the error; the budget holds", test_writer},
    {"remote.mixed", "one endpoint plans, another writes: each is asked for its own", test_mixed},
    {"remote.journal", "cut off anywhere and taken up again: the same script, no reply asked for twice", test_journal},
    {"remote.journal_lines", "a torn or foreign line is no mark, a reply answers its own question, what was spent stays",
     test_journal_lines},
    {"remote.slow", "silence beyond the time-out is tried again, a slow answer within it is waited for", test_slow},
    {"remote.retry_after", "Retry-After in seconds or as a date", test_retry_after},
    {"remote.faults", "a talk through llama.cpp's own server ($CASTWRIGHT_LLAMA_SERVER), else one by rote, faults injected",
     test_faulty_talk},
    {0},
};

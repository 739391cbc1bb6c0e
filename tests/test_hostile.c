/* Bad sources and bad endpoints, each given to the program itself: one line that names it, the right exit code, what was made so far kept.
 */
#include "tests/test.h"
#include "tests/test_program.h"
#include "tests/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

extern const struct cw_test cw_tests_hostile[];

static const char *in_folder(const char *name) {
    static char path[CW_PATH_MAX];
    struct cw_error err = {0};
    CHECK(cw_path_join(path, cw_test_dir(), name, &err) == 0);
    return path;
}

static void put(const char *name, const char *bytes) {
    struct cw_error err = {0};
    CHECK(cw_file_write(in_folder(name), bytes, strlen(bytes), &err) == 0);
}

/* The last line is the error, the only one, and says these; no script came out. */
static void refused(int code, int expected, const char *said, const char *who, const char *why) {
    const char *line = strstr(said, "error:");
    CHECKF(code == expected, "%s: exit code %d, expected %d: %s", who, code, expected, said);
    CHECKF(line != NULL && strchr(line, '\n') != NULL && strchr(line, '\n')[1] == '\0' && strstr(line, who) != NULL &&
               strstr(line, why) != NULL,
           "expected one line with \"%s\" and \"%s\"; found: %s", who, why, said);
    CHECK(!cw_file_exists(in_folder("x.md")));
}

/* ---- sources -------------------------------------------------------------------------------------------------------------------- */

static void pages(void *arg, int fd, const char *request, int number) {
    (void)arg;
    (void)number;
    if (strncmp(request, "GET /loop", 9) == 0) {
        test_server_say(fd, "302 Found", "Location: /loop\r\n", "");
    } else if (strncmp(request, "GET /image", 10) == 0) {
        test_server_say(fd, "200 OK", "Content-Type: image/png\r\n", "\x89PNG and whatever comes after it");
    } else if (strncmp(request, "GET /fake.pdf", 13) == 0) {
        test_server_say(fd, "200 OK", "Content-Type: application/pdf\r\n", "<html><body>Sign in first</body></html>");
    } else if (strncmp(request, "GET /cut", 8) == 0) {
        test_server_write(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n<p>Half of");
    } else {
        test_server_say(fd, "404 Not Found", "", "no");
    }
}

static void test_sources(void) {
    static const char locked[] =
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]>>endobj\n"
        "6 0 obj<</Filter/Standard/V 1/R 2/Length 40/P -4/O(01234567890123456789012345678901)"
        "/U(01234567890123456789012345678901)>>endobj\ntrailer<</Root 1 0 R/Encrypt 6 0 R/ID[(0123456789abcdef)(0123456789abcdef)]>>\n";
    static const struct {
        const char *from, *why;
        bool page;
        int code;
    } cases[] = {
        {"locked.pdf", "encrypted", false, 2},  {"damaged.pdf", "damaged", false, 2},
        {"big.txt", "33554432", false, 2},      {"/loop", "redirects", true, 2},
        {"/image", "image/png", true, 2},       {"/fake.pdf", "PDF", true, 2},
        {"/missing", "status 404", true, 2},    {"/cut", "/cut", true, 1},
        {"closed.txt", "closed.txt", false, 2},
    };
    char said[8192], url[100];
    struct test_server *server = test_server_start(pages, NULL);
    if (!CHECK(server != NULL) || test_program_model() == NULL) {
        test_server_stop(server);
        return;
    }
    put("locked.pdf", locked);
    put("damaged.pdf", "%PDF-1.4\nnothing of the kind");
    put("big.txt", "x");
    CHECK(truncate(in_folder("big.txt"), (off_t)2 << 30) == 0);
    CHECK(symlink("closed.txt", in_folder("closed.txt")) == 0); /* even for root: a name that leads nowhere */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(url, sizeof url, "http://127.0.0.1:%d%s", test_server_port(server), cases[i].from);
        const char *const args[] = {"write", "x", "--from", cases[i].page ? url : cases[i].from, "--allow-local", "-q", "-o", "x.md", NULL};
        double start = cw_seconds();
        int code = test_program_run(args, said, sizeof said);
        refused(code, cases[i].code, said, cases[i].from, cases[i].why);
        CHECKF(cw_seconds() - start < 20, "%s took %.0f s", cases[i].from, cw_seconds() - start);
    }
    test_server_stop(server);
}

/* ---- endpoints ------------------------------------------------------------------------------------------------------------------ */

struct endpoint {
    const char *fault;
    int good;                       /* requests answered before */
    bool writers_key, planners_key; /* that came with a request */
};

/* A plan and some lines by rote; then the fault, for ever. */
static void answer(void *arg, int fd, const char *request, int number) {
    struct endpoint *e = arg;
    const char *body = strstr(request, "\r\n\r\n");
    e->writers_key |= strstr(request, "sk-verysecret") != NULL;
    e->planners_key |= strstr(request, "sk-planner") != NULL;
    if (number < e->good) {
        static const char *const lines[] = {"Bees find their way home by the sun.", "What do they do when clouds hide it?",
                                            "A patch of blue sky is enough for them.", "My cat gets lost behind a sofa."};
        json_t *root = json_loads(body, 0, NULL), *reply = json_object(), *one;
        const char *key;
        json_t *wanted = test_server_wanted(root);
        int n = 0;
        json_object_foreach(wanted, key, one) {
            const char *line = lines[n++ % 4];
            json_object_set_new(reply, key,
                                json_is_string(json_object_get(one, "type")) &&
                                        strcmp(json_string_value(json_object_get(one, "type")), "array") == 0
                                    ? json_pack("[s]", line)
                                    : json_string(line));
        }
        char *text = json_dumps(reply, 0);
        test_server_chat(fd, text, NULL);
        free(text);
        json_decref(reply);
        json_decref(root);
    } else if (strcmp(e->fault, "slow") == 0) {
        test_server_write(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        usleep(4000000);
    } else if (strcmp(e->fault, "cut") == 0) {
        test_server_write(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
                              "data: {\"choices\":[{\"delta\":{\"content\":\"{\\\"title\"}}]}\n\n");
    } else if (strcmp(e->fault, "html") == 0) {
        test_server_say(fd, "200 OK", "Content-Type: text/html\r\n", "<html><body>Sign in first</body></html>");
    } else if (strcmp(e->fault, "key") == 0) {
        test_server_say(fd, "401 Unauthorized", "", "{\"error\":{\"message\":\"no such key: sk-verysecret\"}}");
    } else if (strcmp(e->fault, "rate") == 0) {
        test_server_say(fd, "429 Too Many Requests", "Retry-After: 0.1\r\n", "{\"error\":{\"message\":\"slow down\"}}");
    } else if (strcmp(e->fault, "words") == 0) {
        test_server_say(fd, "200 OK", "Content-Type: application/json\r\n",
                        "{\"choices\":[{\"message\":{\"content\":\"Sure! Here it is.\"},\"finish_reason\":\"stop\"}]}");
    } else {
        test_server_say(fd, "500 Oops", "", "{\"error\":{\"message\":\"out of order\"}}");
    }
}

static void test_endpoints(void) {
    static const struct {
        const char *fault, *why;
        int code, requests;
    } cases[] = {
        {"slow", "in time", 1, 1},        {"cut", "cut stream", 1, 2},         {"html", "HTML", 1, 2},
        {"key", "refuses the key", 2, 1}, {"rate", "too many requests", 1, 2}, {"words", "no usable reply", 1, 3},
        {"500", "out of order", 1, 2},
    };
    char said[8192], url[100];
    struct cw_error err = {0};
    if (test_program_model() == NULL) {
        return;
    }
    put("key", "sk-verysecret\n");
    put("plan-key", "sk-planner\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct endpoint e = {.fault = cases[i].fault};
        struct test_server *server = test_server_start(answer, &e);
        if (!CHECK(server != NULL)) {
            return;
        }
        snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", test_server_port(server));
        const char *const args[] = {
            "write",     "x",   "--endpoint", url,    "--llm-name", "m", "--key-file", "key",
            "--minutes", "0.5", "-o",         "x.md", "--timeout",  "1", "--tries",    strcmp(cases[i].fault, "slow") == 0 ? "1" : "2",
            NULL};
        int code = test_program_run(args, said, sizeof said);
        refused(code, cases[i].code, said, strcmp(cases[i].fault, "words") == 0 ? "m:" : url, cases[i].why);
        CHECKF(test_server_requests(server) == cases[i].requests, "%s: %d requests", cases[i].fault, test_server_requests(server));
        CHECKF(strstr(said, "sk-verysecret") == NULL, "the key is told: %s", said);
        test_server_stop(server);
    }
    const char *const nobody[] = {"write",   "x", "--endpoint", "http://127.0.0.1:1/v1", "--llm-name", "m", "-o", "x.md",
                                  "--tries", "2", NULL};
    refused(test_program_run(nobody, said, sizeof said), 1, said, "http://127.0.0.1:1/v1", "connect");
    /* what was answered before is kept: the next run asks on from there */
    struct endpoint e = {.fault = "500", .good = 2};
    struct test_server *server = test_server_start(answer, &e);
    char *journal = NULL;
    size_t len = 0;
    if (!CHECK(server != NULL)) {
        return;
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", test_server_port(server));
    const char *const args[] = {"write",     "x",   "--endpoint", url,    "--llm-name", "m", "--key-file", "key",
                                "--minutes", "0.5", "-o",         "x.md", "--tries",    "1", NULL};
    for (int run = 0; run < 2; run++) {
        int before = test_server_requests(server);
        refused(test_program_run(args, said, sizeof said), 1, said, url, "out of order");
        CHECKF(test_server_requests(server) - before == (run == 0 ? 3 : 1), "run %d: %d requests", run,
               test_server_requests(server) - before);
        CHECK(cw_file_read(in_folder(".x.md.writing"), 1 << 20, &journal, &len, &err) == 0);
        int replies = 0;
        for (const char *p = journal; p != NULL && (p = strstr(p, "\"reply\"")) != NULL; p++) {
            replies++;
        }
        CHECKF(replies == 2 && strstr(journal, "sk-verysecret") == NULL, "%d replies kept", replies);
        free(journal);
        journal = NULL;
    }
    test_server_stop(server);
    /* two hosts: neither is shown the other's key */
    for (int own = 0; own < 2; own++) {
        struct endpoint two[2] = {{.fault = "500"}, {.fault = "500", .good = 9}};
        struct test_server *both[2] = {test_server_start(answer, &two[0]), test_server_start(answer, &two[1])};
        char plan_url[100];
        if (!CHECK(both[0] != NULL && both[1] != NULL)) {
            return;
        }
        snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", test_server_port(both[0]));
        snprintf(plan_url, sizeof plan_url, "http://127.0.0.1:%d/v1", test_server_port(both[1]));
        const char *const mixed[] = {"write",
                                     "x",
                                     "--endpoint",
                                     url,
                                     "--llm-name",
                                     "m",
                                     "--key-file",
                                     "key",
                                     "--plan-endpoint",
                                     plan_url,
                                     "--plan-llm-name",
                                     "n",
                                     "--minutes",
                                     "0.5",
                                     "-o",
                                     own ? "y.md" : "z.md",
                                     "--tries",
                                     "1",
                                     own ? "--plan-key-file" : NULL,
                                     "plan-key",
                                     NULL};
        refused(test_program_run(mixed, said, sizeof said), 1, said, url, "out of order");
        CHECKF(test_server_requests(both[0]) > 0 && test_server_requests(both[1]) > 0, "%d and %d requests", test_server_requests(both[0]),
               test_server_requests(both[1]));
        CHECK(two[0].writers_key && !two[0].planners_key && !two[1].writers_key && two[1].planners_key == (own == 1));
        test_server_stop(both[0]);
        test_server_stop(both[1]);
    }
}

const struct cw_test cw_tests_hostile[] = {
    {"hostile.sources", "sources that cannot be read, are too big, lead nowhere or are something else: named, exit code, no script",
     test_sources},
    {"hostile.endpoints", "endpoints that are down, slow, cut, HTML, refuse the key or the rate: named, exit code, work so far kept",
     test_endpoints},
    {0},
};

/* What a script costs: said before, counted over all the runs that write it, kept within a budget; and the key that pays for it. */
#include "tests/test.h"
#include "tests/test_program.h"
#include "tests/test_rote.h"
#include "tests/test_server.h"

#include "dialogue/llm.h"
#include "episode/estimate.h"
#include "models/catalogue.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

extern const struct cw_test cw_tests_cost[];

static const char KEY[] = "sk-verysecret";
enum { READ = 1000, WROTE = 40 };               /* tokens of every request (test_rote.c) */
static const double PROMPT = 1, GENERATED = 10; /* money for a million of them */
static const double REQUEST = 1e-6 * (1000 * 1 + 40 * 10);

/* A static buffer, so one at a time. */
static const char *in_folder(const char *name) {
    static char path[CW_PATH_MAX];
    struct cw_error err = {0};
    CHECK(cw_path_join(path, cw_test_dir(), name, &err) == 0);
    return path;
}

static void put(const char *name, const char *text) {
    struct cw_error err = {0};
    CHECKF(cw_file_write(in_folder(name), text, strlen(text), &err) == 0, "%s", err.text);
}

struct payer {
    struct rote rote;
    int paid; /* requests that came with the key */
    struct test_server *server;
    char url[80];
    char models[CW_PATH_MAX]; /* CASTWRIGHT_MODELS as it was */
};

static void answer(void *arg, int fd, const char *request, int number) {
    struct payer *p = arg;
    p->paid += strstr(request, KEY) != NULL;
    test_rote_answer(&p->rote, fd, request, number);
}

/* The endpoint, its price in a configuration of the test's own, and the models of this machine beside rates of the test's own. */
static bool begin(struct payer *p) {
    static const char *const needed[] = {"kokoro", "voices", "lexicon"};
    char models[CW_PATH_MAX], path[CW_PATH_MAX], link[CW_PATH_MAX], prices[300];
    struct cw_error err = {0};
    memset(p, 0, sizeof *p);
    p->rote.echo = true;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (cw_model_path(needed[i], path, &err) != 0) {
            cw_test_skip("the voice model, voices or lexicon are not here");
            return false;
        }
    snprintf(p->models, sizeof p->models, "%s", getenv("CASTWRIGHT_MODELS") ? getenv("CASTWRIGHT_MODELS") : "");
    if (!CHECK(cw_models_dir(models, &err) == 0 && cw_dir_make(in_folder("models"), &err) == 0 &&
               cw_dir_make(in_folder("config"), &err) == 0))
        return false;
    DIR *d = opendir(models);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.' || strcmp(e->d_name, "rates.json") == 0)
            continue;
        snprintf(link, sizeof link, "models/%.200s", e->d_name);
        CHECK(cw_path_join(path, models, e->d_name, &err) == 0 && symlink(path, in_folder(link)) == 0);
    }
    if (d)
        closedir(d);
    p->server = test_server_start(answer, p);
    if (!CHECK(p->server != NULL))
        return false;
    snprintf(p->url, sizeof p->url, "http://127.0.0.1:%d/v1", test_server_port(p->server));
    snprintf(prices, sizeof prices, "{\"%s\": {\"rote\": {\"prompt\": %g, \"generated\": %g}}}", p->url, PROMPT, GENERATED);
    put("config/prices.json", prices);
    put("key", KEY);
    setenv("CASTWRIGHT_MODELS", in_folder("models"), 1);
    setenv("CASTWRIGHT_CONFIG", in_folder("config"), 1);
    return true;
}

static void end(struct payer *p) {
    test_server_stop(p->server);
    if (p->models[0])
        setenv("CASTWRIGHT_MODELS", p->models, 1);
    else
        unsetenv("CASTWRIGHT_MODELS");
    setenv("CASTWRIGHT_CONFIG", "/dev/null/config", 1);
}

/* Files below `dir` that hold the key; *files counts all. */
static int key_in(const char *dir, int *files) {
    int found = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char path[CW_PATH_MAX], *text = NULL;
        size_t len = 0;
        struct cw_error err = {0};
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || cw_path_join(path, dir, e->d_name, &err) != 0)
            continue;
        if (e->d_type == DT_DIR)
            found += key_in(path, files);
        else if (CHECKF(cw_file_read(path, 64 << 20, &text, &len, &err) == 0, "%s", err.text)) {
            ++*files;
            found += memmem(text, len, KEY, strlen(KEY)) != NULL;
            CHECKF(memmem(text, len, KEY, strlen(KEY)) == NULL, "the key is in %s", path);
        }
        free(text);
    }
    if (d)
        closedir(d);
    return found;
}

/* "costs" of the manifest of ep/; json_decref() it. */
static json_t *costs(bool *requested) {
    json_t *root = json_load_file(in_folder("ep/manifest.json"), 0, NULL), *c = json_incref(json_object_get(root, "costs"));
    *requested = json_is_object(json_object_get(root, "request"));
    CHECK(c != NULL);
    json_decref(root);
    return c;
}

static void test_make(void) {
    struct payer p;
    char said[16384], line[200];
    bool requested;
    int files = 0;
    struct cw_error err = {0};
    if (!begin(&p))
        return;
    const char *args[] = {"make",  "How bees find home", "--minutes", "0.25", "--endpoint", p.url, "--llm-name", "rote", "--budget",
                          "0.006", "--key-file",         "key",       "-o",   "ep",         NULL};
    const char **budget = &args[9];
    /* it stops before the budget is exceeded; with the same one it has no more to spend */
    int asked = 0;
    for (int run = 0; run < 2; run++) {
        CHECKF(test_program_run(args, said, sizeof said) == 1 && strstr(said, "budget: expected to stay within 0.006") != NULL, "%s", said);
        CHECKF(strstr(said, "estimate: writing takes about") != NULL && strstr(said, "by the price table (a guess") != NULL, "%s", said);
        snprintf(line, sizeof line, "found %g spent", test_server_requests(p.server) * REQUEST);
        CHECKF(strstr(said, line) != NULL, "expected \"%s\": %s", line, said);
        CHECKF(run == 0 ? test_server_requests(p.server) > 0 : test_server_requests(p.server) == asked, "%d requests",
               test_server_requests(p.server));
        asked = test_server_requests(p.server);
        CHECK(asked * REQUEST <= 0.006 && !cw_file_exists(in_folder("ep/script.md")));
        CHECK(key_in(in_folder("ep"), &files) == 0 && files > 1 && cw_file_exists(in_folder("ep/.writing")));
    }
    /* with a larger one it goes on; killed when the script is there, before the manifest */
    *budget = "1";
    pid_t pid = test_program_start(args);
    for (int i = 0; i < 12000 && !cw_file_exists(in_folder("ep/script.md")); i++)
        usleep(5000);
    kill(pid, SIGKILL);
    CHECKF(test_program_end(pid, said, sizeof said) == -1, "%s", said);
    CHECK(cw_file_exists(in_folder("ep/script.md")) && !cw_file_exists(in_folder("ep/manifest.json")));
    CHECK(test_server_requests(p.server) > asked);
    asked = test_server_requests(p.server);
    CHECKF(test_program_run(args, said, sizeof said) == 0, "%s", said);
    CHECK(test_server_requests(p.server) == asked && p.paid == asked && !cw_file_exists(in_folder("ep/.writing")));
    snprintf(line, sizeof line, "the script took, in all runs: %d tokens written, %.4f by the price table\n", WROTE * asked,
             REQUEST * asked);
    const size_t n = strlen(said), tail = strlen(line);
    CHECKF(n > tail && strcmp(said + n - tail, line) == 0, "expected \"%s\" last: %s", line, said);
    CHECK(strstr(said, KEY) == NULL);
    /* the manifest has all of it, by stage */
    json_t *c = costs(&requested), *writing = json_incref(json_object_get(c, "writing")), *stage;
    const char *name;
    json_int_t read = 0, wrote = 0;
    double money = 0;
    json_object_foreach(writing, name, stage) {
        CHECK(strcmp(name, "plan") == 0 || strcmp(name, "lines") == 0);
        CHECK_STR(json_string_value(json_object_get(stage, "model")), "rote");
        CHECK(json_integer_value(json_object_get(stage, "prompt_tokens")) > 0);
        read += json_integer_value(json_object_get(stage, "prompt_tokens"));
        wrote += json_integer_value(json_object_get(stage, "generated_tokens"));
        money += json_number_value(json_object_get(stage, "money"));
    }
    CHECK(json_object_size(writing) == 2 && requested);
    CHECKF(read == (json_int_t)READ * asked && wrote == (json_int_t)WROTE * asked && fabs(money - REQUEST * asked) < 1e-5,
           "%d requests: %d read, %d written, %g", asked, (int)read, (int)wrote, money);
    CHECK(json_integer_value(json_object_get(c, "prompt_tokens")) == read &&
          json_integer_value(json_object_get(c, "generated_tokens")) == wrote &&
          fabs(json_number_value(json_object_get(c, "money")) - money) < 1e-5 &&
          json_number_value(json_object_get(c, "write_seconds")) > 0);
    const json_int_t again = json_integer_value(json_object_get(c, "lines_asked_again"));
    CHECKF(again > 0, "%d lines asked again, of a model that greets twice", (int)again);
    json_decref(c);
    /* an edit of the script keeps what it took; the script of somebody else took nothing here */
    char *text = NULL;
    struct cw_text edited = {0};
    size_t len = 0;
    CHECK(cw_file_read(in_folder("ep/script.md"), 1 << 20, &text, &len, &err) == 0 && len > 2);
    for (int other = 0; other < 2 && text != NULL; other++) {
        const char *const render[] = {"render", other ? "other.md" : "ep/script.md", "-o", "ep", "-q", NULL};
        cw_text_clear(&edited);
        cw_text_printf(&edited, "%.*s %s\n", (int)len - 1, text, other ? "And so on." : "Well then.");
        put(render[1], edited.data);
        CHECKF(test_program_run(render, said, sizeof said) == 0, "%s", said);
        c = costs(&requested);
        CHECK(json_integer_value(json_object_get(c, "turns_rendered")) == 1 && requested == !other);
        const json_t *kept = json_object_get(c, "writing");
        CHECK(other ? json_object_size(kept) == 0 : json_equal(kept, writing) != 0);
        CHECK((json_integer_value(json_object_get(c, "generated_tokens")) == wrote) == !other);
        CHECK(json_integer_value(json_object_get(c, "lines_asked_again")) == (other ? 0 : again));
        json_decref(c);
    }
    files = 0;
    cw_text_free(&edited);
    free(text);
    json_decref(writing);
    CHECK(key_in(in_folder("ep"), &files) == 0 && key_in(in_folder("config"), &files) == 0 && files > 8);
    end(&p);
}

static void test_write(void) {
    struct payer p;
    char said[16384], line[200];
    if (!begin(&p))
        return;
    const char *args[] = {"write", "How bees find home", "--minutes", "1",  "--seed", "1", "--endpoint",
                          p.url,   "--llm-name",         "rote",      "-o", "x.md",   NULL};
    int missed = 0, kept = 0;
    long before[2] = {0};
    p.rote.echo = false;                                                  /* longer talks */
    for (int i = 0; i < 20 && (i < 2 || missed == 0 || kept == 0); i++) { /* a length that was not kept is told, one that was is not */
        char seed[8];
        double spoken = 0;
        long estimate[2] = {0}, took[2] = {0}, n[2];
        snprintf(seed, sizeof seed, "%d", i + 1);
        args[5] = seed;
        CHECKF(test_program_run(args, said, sizeof said) == 0, "%s", said);
        const char *turns = strstr(said, " turns, "), *about = strstr(said, "takes about ");
        if (!CHECKF(turns != NULL && sscanf(turns, " turns, %lf s when spoken", &spoken) == 1, "%s", said))
            break;
        const bool far = fabs(spoken - 60) > 3.51, near = fabs(spoken - 60) < 2.49; /* told as whole seconds */
        snprintf(line, sizeof line, "length: expected 60 s, the script comes to %.0f s", spoken);
        CHECKF(far ? strstr(said, line) != NULL : !near || strstr(said, "length:") == NULL, "%.1f s: %s", spoken, said);
        missed += far;
        kept += near;
        /* what it took is the estimate of the next */
        CHECK(about != NULL && sscanf(about, "takes about %ld tokens read, %ld written", &estimate[0], &estimate[1]) == 2);
        for (const char *s = said; (s = strstr(s, ": rote, ")) != NULL; s++)
            if (CHECK(sscanf(s, ": rote, %ld tokens read, %ld written", &n[0], &n[1]) == 2)) {
                took[0] += n[0];
                took[1] += n[1];
            }
        for (int k = 0; k < 2; k++) {
            CHECKF(i == 0 || labs(estimate[k] - before[k]) < 2, "%ld estimated, the talk before took %ld", estimate[k], before[k]);
            before[k] = took[k];
        }
        CHECK((strstr(said, "(as the last one here)") != NULL) == (i > 0));
    }
    CHECKF(missed > 0 && kept > 0, "%d talks missed their length, %d kept it", missed, kept);
    /* prices that are none, and a budget without one */
    const char *const budget[] = {"write", "x", "--endpoint", p.url, "--llm-name", "rote", "--budget", "1", "-o", "y.md", NULL};
    static const struct {
        const char *prices, *says;
    } bad[] = {{"{\n oops", "prices.json:2"}, {"{}", "the price of rote"}, {NULL, "money for a million"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(line, sizeof line, "{\"%s\": {\"rote\": {\"prompt\": -1, \"generated\": 2}}}", p.url);
        put("config/prices.json", bad[i].prices ? bad[i].prices : line);
        const int requests = test_server_requests(p.server);
        CHECKF(test_program_run(budget, said, sizeof said) == 2 && strstr(said, bad[i].says) != NULL, "%s", said);
        CHECK(test_server_requests(p.server) == requests);
    }
    end(&p);
}

/* Twelve talks by one model through a server (docs/dialogue.md), and what others took after the first. */
static void test_estimate(void) {
    static const struct {
        double minutes;
        bool sourced;
        long read, wrote;
    } talks[] = {
        {3, false, 32076, 3341},    {3, false, 25322, 2233},    {3, false, 21985, 1816},    {3, true, 50056, 2497},
        {10, false, 225744, 14012}, {10, false, 121356, 8617},  {10, false, 122080, 10161}, {10, true, 198963, 8676},
        {20, false, 848149, 43424}, {20, false, 385511, 23152}, {20, false, 417585, 24960}, {20, true, 480365, 20231},
    };
    struct cw_error err = {0};
    struct cw_llm *m = NULL;
    struct cw_llm_endpoint e = cw_llm_endpoint_default();
    const char *models = getenv("CASTWRIGHT_MODELS");
    char old[CW_PATH_MAX];
    snprintf(old, sizeof old, "%s", models ? models : "");
    e.url = "http://127.0.0.1:1/v1";
    e.model = "m";
    setenv("CASTWRIGHT_MODELS", cw_test_dir(), 1); /* rates of the test's own: none yet */
    CHECKF(cw_llm_open_remote(&m, e, &err) == 0, "%s", err.text);
    cw_llm_set_price(m, PROMPT, GENERATED);
    for (int later = 0; later < 2; later++)
        for (size_t i = 0; m != NULL && i < sizeof talks / sizeof *talks; i++) {
            struct cw_brief b = {.asked = {.minutes = talks[i].minutes, .endpoint = e.url, .llm_name = "m"}};
            struct cw_estimate s;
            b.sources.count = talks[i].sourced;
            CHECKF(cw_estimate_make(&b, m, NULL, &s, &err) == 0, "%s", err.text);
            CHECKF(s.prompt_tokens < 2 * talks[i].read && 2 * s.prompt_tokens > talks[i].read, "talk %zu: %ld read, estimated %ld", i,
                   talks[i].read, s.prompt_tokens);
            CHECKF(s.generated_tokens < 2 * talks[i].wrote && 2 * s.generated_tokens > talks[i].wrote,
                   "talk %zu: %ld written, estimated %ld", i, talks[i].wrote, s.generated_tokens);
            CHECK(fabs(s.money - 1e-6 * (PROMPT * (double)s.prompt_tokens + GENERATED * (double)s.generated_tokens)) < 1e-4);
            CHECK_STR(s.by, later ? "as the last one here" : "a guess: the first one of this endpoint");
            for (int k = 0; !later && i == sizeof talks / sizeof *talks - 1 && k < 4; k += 3) { /* the three-minute talks are kept */
                b.asked.minutes = talks[k].minutes;
                b.sources.count = talks[k].sourced;
                cw_estimate_keep(&b, talks[k].read, talks[k].wrote, 300);
            }
        }
    cw_llm_close(m);
    if (models)
        setenv("CASTWRIGHT_MODELS", old, 1);
    else
        unsetenv("CASTWRIGHT_MODELS");
}

const struct cw_test cw_tests_cost[] = {
    {"cost.make", "stopped by its budget, killed after its script, edited: the manifest has what all runs took, and no file has the key",
     test_make},
    {"cost.write", "a length that was missed is told; estimates go by the talk before; bad prices are refused", test_write},
    {"cost.estimate", "estimates lie within a factor of two of what twelve talks took", test_estimate},
    {0},
};

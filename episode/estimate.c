/* rates.json in the models' folder: {"MODELS": {"prompt_tokens": , "generated_tokens": , "seconds": , "minutes": }}, for a minute of a
 * talk of so many minutes. */
#include "episode/estimate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* Tokens for a minute of talk, and how many more for each minute that the talk has: an endpoint is sent what was said before. Lines through
 * our own runs (docs/dialogue.md). */
struct tokens {
    double prompt, generated;
};
static struct tokens usual(const struct cw_brief *b, double minutes) {
    static const struct {
        double prompt, prompt_more, generated, generated_more;
    } kinds[3] = {{1250, 0, 450, 0},      /* a model here */
                  {5500, 1100, 700, 41},  /* an endpoint, on a topic */
                  {15600, 420, 800, 11}}; /* on documents */
    const int kind = b->asked.endpoint == NULL ? 0 : b->sources.count == 0 ? 1 : 2;
    return (struct tokens){kinds[kind].prompt + kinds[kind].prompt_more * minutes,
                           kinds[kind].generated + kinds[kind].generated_more * minutes};
}
/* Tokens a second, of an endpoint that nobody asked before. */
static const double GUESSED_PROMPT = 1000, GUESSED_GENERATED = 40;

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void models_key(const struct cw_brief *b, char *key, size_t size) {
    const struct cw_write_params *a = &b->asked;
    int n = snprintf(key, size, "%s %s", a->endpoint ? a->endpoint : "", a->endpoint ? a->llm_name : base_name(b->writer));
    if ((a->plan_endpoint || b->planner[0]) && n > 0 && (size_t)n < size)
        n += snprintf(key + n, size - (size_t)n, ", planned by %s %s", a->plan_endpoint ? a->plan_endpoint : "",
                      a->plan_endpoint ? a->plan_llm_name : base_name(b->planner));
    if (b->sources.count > 0 && n > 0 && (size_t)n < size)
        snprintf(key + n, size - (size_t)n, ", from sources");
}

static json_t *load(char path[CW_PATH_MAX]) {
    struct cw_error ignored = {0};
    char dir[CW_PATH_MAX], *text = NULL;
    size_t len = 0;
    json_t *root = NULL;
    path[0] = '\0';
    if (cw_models_dir(dir, &ignored) == 0 && cw_path_join(path, dir, "rates.json", &ignored) == 0 && cw_file_exists(path) &&
        cw_file_read(path, 1 << 20, &text, &len, &ignored) == 0)
        root = json_loadb(text, len, 0, NULL);
    free(text);
    if (!json_is_object(root)) {
        json_decref(root);
        root = json_object();
    }
    return root;
}

/* Seconds that so many tokens take the model, measured on a short question. */
static int probe(struct cw_llm *m, double prompt, double generated, double *seconds, struct cw_error *err) {
    static const char text[] = "Tell in one short sentence what a harbour is, as somebody would who lives beside one and has seen ships of "
                               "all sizes come and go, in storms and in calm weather, by day and by night, for many years.";
    const struct cw_llm_message message = {"user", text};
    const struct cw_llm_request r = {.messages = &message, .message_count = 1, .max_tokens = 16, .seed = 1, .fresh = true};
    struct cw_text out = {0};
    struct cw_llm_usage before = cw_llm_usage(m);
    int result = cw_llm_generate(m, &r, &out, err);
    struct cw_llm_usage after = cw_llm_usage(m);
    double read = (double)(after.prompt_tokens - before.prompt_tokens), wrote = (double)(after.generated_tokens - before.generated_tokens);
    if (read > 0)
        *seconds += prompt * (after.prompt_seconds - before.prompt_seconds) / read;
    if (wrote > 0)
        *seconds += generated * (after.generate_seconds - before.generate_seconds) / wrote;
    cw_text_free(&out);
    return result;
}

int cw_estimate_make(const struct cw_brief *b, struct cw_llm *writer, struct cw_llm *planner, struct cw_estimate *e, struct cw_error *err) {
    char key[1024], path[CW_PATH_MAX];
    bool remote = b->asked.endpoint != NULL;
    const double minutes = b->asked.minutes;
    const struct tokens rate = usual(b, minutes);
    double prompt = rate.prompt * minutes, generated = rate.generated * minutes;
    int result = 0;
    models_key(b, key, sizeof key);
    json_t *root = load(path);
    const json_t *last = json_object_get(root, key);
    memset(e, 0, sizeof *e);
    if (json_number_value(json_object_get(last, "seconds")) > 0) {
        const double length = json_number_value(json_object_get(last, "minutes"));
        const struct tokens then = usual(b, length > 0 ? length : minutes);
        const double longer = rate.generated / then.generated;
        prompt = json_number_value(json_object_get(last, "prompt_tokens")) * minutes * rate.prompt / then.prompt;
        generated = json_number_value(json_object_get(last, "generated_tokens")) * minutes * longer;
        e->seconds = json_number_value(json_object_get(last, "seconds")) * minutes * longer;
        e->by = "as the last one here";
    } else if (remote) {
        e->seconds = prompt / GUESSED_PROMPT + generated / GUESSED_GENERATED;
        e->by = "a guess: the first one of this endpoint";
    } else {
        result = probe(writer, prompt, generated, &e->seconds, err);
        e->by = "by a short probe";
    }
    e->prompt_tokens = (long)(prompt + 0.5);
    e->generated_tokens = (long)(generated + 0.5);
    /* the writer takes by far the most; where another one plans, this is its share */
    const double read = planner ? 0.07 * prompt : 0, wrote = planner ? 0.2 * generated : 0;
    e->money = cw_llm_price(writer, (long)(prompt - read), (long)(generated - wrote)) +
               (planner ? cw_llm_price(planner, (long)read, (long)wrote) : 0);
    json_decref(root);
    return result;
}

void cw_estimate_keep(const struct cw_brief *b, long prompt_tokens, long generated_tokens, double seconds) {
    struct cw_error ignored = {0};
    char key[1024], path[CW_PATH_MAX];
    double minutes = b->asked.minutes;
    models_key(b, key, sizeof key);
    json_t *root = load(path);
    json_object_set_new(root, key,
                        json_pack("{sf sf sf sf}", "prompt_tokens", (double)prompt_tokens / minutes, "generated_tokens",
                                  (double)generated_tokens / minutes, "seconds", seconds / minutes, "minutes", minutes));
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(6) | JSON_SORT_KEYS);
    if (text && path[0])
        (void)!cw_file_write(path, text, strlen(text), &ignored);
    free(text);
    json_decref(root);
}

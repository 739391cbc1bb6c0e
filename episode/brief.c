/* What was asked for -> what the writer needs. */
#include "episode/brief.h"

#include "voices/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* "sources/tides.md" -> "tides": the name of a source as a topic. */
static void name_topic(struct cw_brief *b, const char *from) {
    const char *slash = strrchr(from, '/');
    snprintf(b->topic, sizeof b->topic, "%.200s", slash && slash[1] ? slash + 1 : from);
    char *dot = strrchr(b->topic, '.');
    if (dot && dot != b->topic)
        *dot = '\0';
    for (char *p = b->topic; *p; p++)
        if (*p == '-' || *p == '_')
            *p = ' ';
}

static int open_cast(struct cw_brief *b, struct cw_script *script, struct cw_error *err) {
    const char *cast = b->asked.cast && b->asked.cast[0] ? b->asked.cast : cw_style_cast(b->style);
    if (!strchr(cast, '=') && cw_file_exists(cast)) {
        if (cw_script_read_cast(script, cast, err) != 0)
            return -1;
    } else if (cw_script_parse_cast(script, cast, err) != 0)
        return -1;
    script->seed = b->asked.seed;
    return 0;
}

int cw_brief_open(struct cw_brief *b, const struct cw_studio *studio, const struct cw_write_params *w, struct cw_script *script,
                  struct cw_error *err) {
    const char *topic = w->topic ? w->topic : "";
    memset(b, 0, sizeof *b);
    b->asked = *w;
    bool none = topic[strspn(topic, " \t\r\n")] == '\0';
    if (none && w->from_count == 0)
        return cw_fail(err, CW_BAD_INPUT, "topic: expected some words, found nothing");
    if (!(w->minutes >= 0.25 && w->minutes <= 180))
        return cw_fail(err, CW_BAD_INPUT, "minutes: expected 0.25 to 180, found %g", w->minutes);
    if ((!w->endpoint && cw_studio_writer(studio, b->writer, err) != 0) ||
        (w->plan_llm && !w->plan_endpoint && cw_studio_model(w->plan_llm, b->planner, err) != 0))
        return -1;
    if (cw_style_open(&b->style, w->style, err) != 0 || open_cast(b, script, err) != 0)
        return -1;
    struct cw_source_params p = cw_source_params_default();
    p.allow_local = w->allow_local;
    for (int i = 0; i < w->from_count; i++)
        if (cw_sources_add(&b->sources, w->from[i], p, err) != 0)
            return -1;
    if (none) {
        const char *heading = b->sources.headings[0];
        if (strlen(heading) > 3)
            snprintf(b->topic, sizeof b->topic, "%s", heading);
        else
            name_topic(b, b->sources.names[0]);
        b->asked.topic = b->topic;
    }
    return 0;
}

/* ---- models -------------------------------------------------------------------------------------------------------------------- */

/* {"https://host/v1": {"model": {"prompt": 0.15, "generated": 0.60}}}: money for a million tokens. */
static int set_price(struct cw_llm *m, const char *endpoint, const char *model, bool needed, struct cw_error *err) {
    int result = -1;
    char config[CW_PATH_MAX], path[CW_PATH_MAX], *text = NULL;
    size_t len = 0;
    json_error_t trouble;
    json_t *root = NULL;
    if (cw_trust_home(config, err) != 0 || cw_path_join(path, config, "prices.json", err) != 0)
        return needed ? -1 : 0;
    if (cw_file_exists(path)) {
        if (cw_file_read(path, 1 << 20, &text, &len, err) != 0)
            goto done;
        if (!(root = json_loadb(text, len, 0, &trouble))) {
            cw_fail(err, CW_BAD_INPUT, "%s:%d: expected JSON; found: %s", path, trouble.line, trouble.text);
            goto done;
        }
    }
    const json_t *price = json_object_get(json_object_get(root, endpoint), model);
    double prompt = json_number_value(json_object_get(price, "prompt")), generated = json_number_value(json_object_get(price, "generated"));
    if (price && (!json_is_number(json_object_get(price, "prompt")) || !json_is_number(json_object_get(price, "generated")) || prompt < 0 ||
                  generated < 0)) {
        cw_fail(err, CW_BAD_INPUT, "%s: %s, %s: expected \"prompt\" and \"generated\", money for a million tokens", path, endpoint, model);
        goto done;
    }
    if (!price && needed) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected the price of %s at %s, for --budget counts by it; found none", path, model, endpoint);
        goto done;
    }
    cw_llm_set_price(m, prompt, generated);
    result = 0;
done:
    json_decref(root);
    free(text);
    return result;
}

/* "https://host:port", of both. */
static bool same_provider(const char *a, const char *b) {
    const char *host = strstr(a, "://");
    size_t n = host ? (size_t)(host - a) + 3 + strcspn(host + 3, "/") : strlen(a);
    return strncasecmp(a, b, n) == 0 && (b[n] == '/' || b[n] == '\0');
}

/* An endpoint where it has an address, else the file at `path`. */
static int open_model(struct cw_llm **m, const struct cw_brief *b, int threads, struct cw_llm_endpoint e, const char *path,
                      struct cw_error *err) {
    if (e.url) {
        if (b->asked.timeout > 0)
            e.seconds = b->asked.timeout;
        if (b->asked.tries > 0)
            e.tries = b->asked.tries;
        return cw_llm_open_remote(m, e, err) == 0 && set_price(*m, e.url, e.model, b->asked.budget > 0, err) == 0 ? 0 : -1;
    }
    struct cw_llm_params p = cw_llm_params_default();
    p.threads = threads;
    p.seed = b->asked.seed;
    return cw_llm_open_local(m, path, p, err);
}

int cw_brief_models(const struct cw_brief *b, int threads, struct cw_llm **writer, struct cw_llm **planner, struct cw_error *err) {
    const struct cw_write_params *a = &b->asked;
    struct cw_llm_endpoint e = cw_llm_endpoint_default();
    *writer = *planner = NULL;
    e.url = a->endpoint;
    e.model = a->llm_name;
    e.key_file = a->key_file;
    if (open_model(writer, b, threads, e, b->writer, err) != 0)
        return -1;
    if (!a->plan_endpoint && !b->planner[0])
        return 0;
    e.url = a->plan_endpoint;
    e.model = a->plan_llm_name;
    if (a->endpoint && a->plan_endpoint && (a->plan_key_file || !same_provider(a->endpoint, a->plan_endpoint))) {
        e.key_file = a->plan_key_file; /* nobody is shown another's key */
        e.key_variable = "CASTWRIGHT_PLAN_API_KEY";
    }
    return open_model(planner, b, threads, e, b->planner, err);
}

int cw_brief_beside(const char *out, const char *ending, char path[CW_PATH_MAX], struct cw_error *err) {
    const char *slash = strrchr(out, '/');
    int n = snprintf(path, CW_PATH_MAX, "%.*s.%s.%s", slash ? (int)(slash - out) + 1 : 0, out, slash ? slash + 1 : out, ending);
    return n < CW_PATH_MAX ? 0 : cw_fail(err, CW_BAD_INPUT, "output: expected a path of at most %d bytes", CW_PATH_MAX - 16);
}

void cw_brief_close(struct cw_brief *b) {
    cw_style_close(b->style);
    cw_sources_free(&b->sources);
}

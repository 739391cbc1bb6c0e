/* A language model behind an OpenAI-compatible endpoint.
 *
 *   messages, JSON schema ─▶ POST /chat/completions, streamed ─▶ server-sent events ─▶ text
 *
 * What can pass (no connection, a cut stream, silence, 429, 5xx) is tried again after a wait that doubles, or after what Retry-After says.
 * The key comes from the environment or a file; it is in no message, manifest or log. */
#include "dialogue/http.h"
#include "dialogue/llm_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <jansson.h>

enum { REPLY_MAX = 4 << 20, KEY_MAX = 4096, WAIT_MOST = 120, REASON_MAX = 240 };

struct remote {
    struct cw_llm base;
    struct cw_llm_endpoint params;
    char *url, *model, *key;
    enum schema_use { SCHEMA_WHOLE, SCHEMA_PLAIN, SCHEMA_NONE } schema; /* what the server takes: texts held to bounds; without; none */
};

struct cw_llm_endpoint cw_llm_endpoint_default(void) {
    return (struct cw_llm_endpoint){.seconds = 60, .tries = 5, .wait_seconds = 1, .context = 16384};
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static int read_key(struct remote *m, const char *file, const char *variable, struct cw_error *err) {
    int status = -1;
    char *text = NULL;
    size_t len = 0;
    if (file != NULL) {
        if (cw_file_read(file, KEY_MAX, &text, &len, err) != 0) {
            return -1;
        }
    } else {
        const char *set = getenv(variable != NULL ? variable : "CASTWRIGHT_API_KEY");
        set = variable != NULL || (set != NULL && set[0] != '\0') ? set : getenv("OPENAI_API_KEY");
        text = cw_strdup(set != NULL ? set : "");
        len = text != NULL ? strlen(text) : 0;
    }
    if (text == NULL) {
        return cw_fail_memory(err, "key");
    }
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' ')) {
        text[--len] = '\0';
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            cw_fail(err, CW_BAD_INPUT, "%s: expected a key of printable characters on one line; found another at byte %zu",
                    file != NULL ? file : "key in the environment", i);
            goto done;
        }
    }
    if (len > 0) {
        m->key = text;
        text = NULL;
    }
    status = 0;
done:
    if (text != NULL) {
        explicit_bzero(text, len);
    }
    free(text);
    return status;
}

static void close_remote(struct cw_llm *base) {
    struct remote *m = (struct remote *)base;
    if (m->key != NULL) {
        explicit_bzero(m->key, strlen(m->key));
    }
    free(m->key);
    free(m->url);
    free(m->model);
    free(m);
}

/* ---- the reply ------------------------------------------------------------------------------------------------------- */

struct stream {
    struct remote *model;
    const struct cw_llm_request *request;
    struct cw_text line, raw; /* raw: a reply that is no stream */
    struct cw_text *out;
    long prompt_tokens, generated_tokens;
    bool events, done, enough; /* enough: the caller has what it wanted */
    char reason[REASON_MAX];   /* what the server says went wrong */
};

static void keep_reason(struct stream *s, const char *text) {
    const char *key = s->model->key;
    const size_t k = key != NULL ? strlen(key) : 0;
    size_t n = 0;
    while (n < REASON_MAX - 1 && *text != '\0' && *text != '\r' && *text != '\n') {
        bool quoted = k > 0 && strncmp(text, key, k) == 0; /* servers like to quote it; no part of it is left where the text is cut */
        s->reason[n++] = quoted ? '*' : *text;
        text += quoted ? k : 1;
    }
    s->reason[n] = '\0';
}

static void read_usage(struct stream *s, const json_t *root) {
    const json_t *usage = json_object_get(root, "usage");
    if (json_is_object(usage)) {
        s->prompt_tokens = (long)json_integer_value(json_object_get(usage, "prompt_tokens"));
        s->generated_tokens = (long)json_integer_value(json_object_get(usage, "completion_tokens"));
    }
}

/* One JSON object of a reply: a piece of a stream ("delta") or the whole ("message"). */
static bool read_choice(struct stream *s, const json_t *root) {
    const json_t *error = json_object_get(root, "error");
    if (error != NULL && !json_is_null(error)) {
        const char *message = json_string_value(json_is_object(error) ? json_object_get(error, "message") : error);
        keep_reason(s, message != NULL ? message : "an error without a message");
        return false;
    }
    read_usage(s, root);
    const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
    const json_t *piece = json_object_get(choice, "delta");
    piece = piece != NULL ? piece : json_object_get(choice, "message");
    const char *text = json_string_value(json_object_get(piece, "content"));
    if (text != NULL && text[0] != '\0') {
        cw_text_add(s->out, text);
        if (s->request->piece != NULL && !s->request->piece(s->request->arg, text, strlen(text))) {
            s->enough = true;
        }
    }
    if (json_is_string(json_object_get(choice, "finish_reason"))) {
        s->done = true;
    }
    return !s->enough;
}

static bool read_line(struct stream *s) {
    bool go_on = true;
    const char *line = s->line.len > 0 ? s->line.data : "";
    if (strncmp(line, "data:", 5) == 0) {
        line += 5 + (line[5] == ' ');
        s->events = true;
        if (strncmp(line, "[DONE]", 6) == 0) {
            s->done = true;
        } else {
            json_t *root = json_loads(line, 0, NULL);
            if (root == NULL) {
                keep_reason(s, "an event that is no JSON");
                go_on = false;
            } else {
                go_on = read_choice(s, root);
            }
            json_decref(root);
        }
    }
    cw_text_clear(&s->line);
    return go_on;
}

static bool on_piece(void *arg, const char *data, size_t len) {
    struct stream *s = arg;
    if (s->raw.len + s->out->len + s->line.len + len > REPLY_MAX) {
        keep_reason(s, "a reply without end");
        return false;
    }
    if (!s->events) {
        cw_text_add_n(&s->raw, data, len);
    }
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n' || data[i] == '\r') {
            if (!read_line(s)) {
                return false;
            }
        } else {
            cw_text_add_char(&s->line, data[i]);
        }
    }
    return !s->line.failed && !s->raw.failed && !s->out->failed;
}

/* A body that is no stream of events: one JSON object with all of it, or something else altogether. */
static void read_whole(struct stream *s, const char *type) {
    json_t *root = s->raw.len > 0 ? json_loadb(s->raw.data, s->raw.len, 0, NULL) : NULL;
    if (root != NULL) {
        read_choice(s, root);
        if (s->reason[0] == '\0' && !s->done && s->out->len == 0) {
            keep_reason(s, "JSON without a reply in it");
        } else {
            s->done = s->reason[0] == '\0';
        }
    } else if (s->raw.len == 0) {
        keep_reason(s, "an empty answer");
    } else {
        bool html = strcasestr(type, "html") != NULL || memmem(s->raw.data, s->raw.len, "<html", 5) != NULL;
        keep_reason(s, html ? "a web page (HTML), not a model's reply" : "neither events nor JSON");
    }
    json_decref(root);
}

/* ---- the request ------------------------------------------------------------------------------------------------------- */

/* What a text is held to, which not every server knows. */
static bool has_bounds(const char *schema) {
    return strstr(schema, "\"pattern\"") != NULL || strstr(schema, "\"maxLength\"") != NULL;
}

static void drop_bounds(json_t *schema) {
    const char *key;
    json_t *value;
    if (json_is_string(json_object_get(schema, "pattern"))) { /* and no property of that name */
        json_object_del(schema, "pattern");
    }
    if (json_is_integer(json_object_get(schema, "maxLength"))) {
        json_object_del(schema, "maxLength");
    }
    json_object_foreach(schema, key, value) {
        drop_bounds(value);
    }
}

static char *make_body(const struct remote *m, const struct cw_llm_request *r) {
    json_t *messages = json_array(), *root = json_object(), *schema = NULL;
    for (int i = 0; i < r->message_count; i++) {
        json_t *one = json_pack("{ss ss}", "role", r->messages[i].role, "content", r->messages[i].text);
        if (one == NULL || json_array_append_new(messages, one) != 0) {
            json_decref(messages);
            json_decref(root);
            return NULL;
        }
    }
    json_object_set_new(root, "model", json_string(m->model));
    json_object_set_new(root, "messages", messages);
    json_object_set_new(root, "stream", json_true());
    json_object_set_new(root, "stream_options", json_pack("{sb}", "include_usage", 1));
    json_object_set_new(root, "max_tokens", json_integer(r->max_tokens));
    json_object_set_new(root, "temperature", json_real(r->temperature > 0 ? (double)r->temperature : 0.8));
    if (r->seed != 0) {
        json_object_set_new(root, "seed", json_integer((json_int_t)(r->seed & 0x7FFFFFFF)));
    }
    if (r->schema != NULL && m->schema != SCHEMA_NONE && (schema = json_loads(r->schema, 0, NULL)) != NULL) {
        if (m->schema == SCHEMA_PLAIN) {
            drop_bounds(schema);
        }
        json_object_set_new(
            root, "response_format",
            json_pack("{ss s{ss sb so}}", "type", "json_schema", "json_schema", "name", "reply", "strict", 1, "schema", schema));
    }
    char *body = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(root);
    return body;
}

static void wait_for(double seconds) {
    struct timespec t = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

enum verdict { GOOD, AGAIN, HOPELESS };

static enum verdict judge(struct remote *m, struct stream *s, const struct http_reply *reply, const char *schema, struct cw_error *err) {
    if (reply->status == 200) {
        if (s->raw.len > 0 && !s->events) {
            read_whole(s, reply->type);
        }
        if (s->reason[0] == '\0' && s->done) {
            return GOOD;
        }
        cw_fail(err, CW_FAILED, "%s: %s: expected a whole reply; found %s", m->url, m->model,
                s->reason[0] != '\0' ? s->reason : "a cut stream");
        return AGAIN;
    }
    json_t *root = reply->body.len > 0 ? json_loadb(reply->body.data, reply->body.len, 0, NULL) : NULL;
    if (root != NULL) {
        read_choice(s, root);
    }
    json_decref(root);
    const char *reason = s->reason[0] != '\0' ? s->reason : "no reason given";
    switch (reply->status) {
    case 401:
    case 403:
        cw_fail(err, CW_BAD_INPUT, "%s: the endpoint refuses the key (status %ld: %s); expected one in CASTWRIGHT_API_KEY or a key file",
                m->url, reply->status, reason);
        return HOPELESS;
    case 429:
        cw_fail(err, CW_FAILED, "%s: too many requests (status 429: %s)", m->url, reason);
        return AGAIN;
    case 400:
    case 422:
        if (schema != NULL && m->schema != SCHEMA_NONE) { /* some know no bounds, older ones no schema: the prompt says it as well */
            m->schema = m->schema == SCHEMA_WHOLE && has_bounds(schema) ? SCHEMA_PLAIN : SCHEMA_NONE;
            cw_fail(err, CW_FAILED, "%s: the endpoint refuses the request (status %ld: %s)", m->url, reply->status, reason);
            return AGAIN;
        }
        break;
    default:
        if (reply->status >= 500 || reply->status == 408) {
            cw_fail(err, CW_FAILED, "%s: the endpoint failed (status %ld: %s)", m->url, reply->status, reason);
            return AGAIN;
        }
    }
    cw_fail(err, CW_BAD_INPUT, "%s: the endpoint refuses the request (status %ld: %s)", m->url, reply->status, reason);
    return HOPELESS;
}

static int estimate_tokens(struct cw_llm *base, const char *text) {
    (void)base;
    return (int)(strlen(text) / 3 + 1); /* on the safe side for English */
}

static int generate(struct cw_llm *base, const struct cw_llm_request *r, struct cw_text *out, struct cw_error *err) {
    struct remote *m = (struct remote *)base;
    int status = -1;
    double start = cw_seconds();
    char *body = NULL;
    long prompt_guess = 0;
    for (int i = 0; i < r->message_count; i++) {
        prompt_guess += estimate_tokens(base, r->messages[i].text);
    }
    prompt_guess += r->schema != NULL ? estimate_tokens(base, r->schema) : 0; /* servers put it before the model, too */
    const double before = cw_llm_cost(base), next = cw_llm_price(base, prompt_guess, r->max_tokens);
    for (int i = 0; i < m->params.tries; i++) {
        size_t kept = out->len;
        const double so_far = cw_llm_cost(base) - before;
        if (i > 0 && r->most_cost > 0 && so_far + next > r->most_cost) {
            cw_fail(err, CW_FAILED, "budget: expected tries that cost %g at most; found %g spent on %d, and up to %g more for another",
                    r->most_cost, so_far, i, next);
            goto done;
        }
        enum schema_use old_schema = m->schema;
        struct stream s = {.model = m, .request = r, .out = out};
        struct http_reply reply = {0};
        free(body);
        body = make_body(m, r);
        if (body == NULL) {
            cw_fail(err, CW_BAD_INPUT, "prompt: expected UTF-8 text");
            goto done;
        }
        struct http_post post = {
            .url = m->url,
            .body = body,
            .bearer = m->key,
            .limits = {.bytes = REPLY_MAX, .seconds = m->params.seconds * 20, .quiet_seconds = m->params.seconds, .allow_local = true},
            .piece = on_piece,
            .arg = &s};
        enum http_outcome outcome = http_post(&post, &reply, err);
        enum verdict v = outcome == HTTP_FAILED ? HOPELESS : AGAIN;
        if (outcome == HTTP_STOPPED && s.enough) {
            v = GOOD;
        } else if (outcome == HTTP_STOPPED) {
            cw_fail(err, CW_FAILED, "%s: %s: expected a whole reply; found %s", m->url, m->model,
                    s.reason[0] != '\0' ? s.reason : "too much");
        } else if (outcome == HTTP_DONE) {
            if (s.line.len > 0) {
                read_line(&s);
            }
            v = judge(m, &s, &reply, r->schema, err);
        }
        double wait = reply.retry_after;
        const bool unanswered = outcome == HTTP_TRY_AGAIN && reply.sent;
        if (v == GOOD || out->len > kept || s.events || unanswered) { /* what was cut off, or not waited for, is paid for, too */
            base->usage.prompt_tokens += s.prompt_tokens > 0 ? s.prompt_tokens : prompt_guess;
            base->usage.generated_tokens +=
                s.generated_tokens > 0 ? s.generated_tokens : estimate_tokens(base, out->len > kept ? out->data + kept : "");
        }
        if (v == GOOD) {
            status = cw_text_check(out, m->model, err);
        }
        cw_text_free(&s.line);
        cw_text_free(&s.raw);
        http_reply_free(&reply);
        if (v == GOOD || v == HOPELESS) {
            goto done;
        }
        base->usage.retries++;
        out->len = kept; /* what came before the fault */
        if (out->data != NULL) {
            out->data[kept] = '\0';
        }
        if (m->schema != old_schema) { /* asked for less, which happens twice at most: the request itself is still to be tried */
            i--;
        } else if (i + 1 < m->params.tries) {
            double back_off = m->params.wait_seconds * (double)(1 << (i < 6 ? i : 6));
            wait_for(wait >= 0 ? (wait < WAIT_MOST ? wait : WAIT_MOST) : back_off < WAIT_MOST ? back_off : WAIT_MOST);
        }
    }
    cw_fail_in(err, "gave up after %d tries", m->params.tries);
done:
    base->usage.generate_seconds += cw_seconds() - start;
    free(body);
    return status;
}

static const struct llm_kind kind = {generate, estimate_tokens, close_remote, false};

int cw_llm_open_remote(struct cw_llm **out, struct cw_llm_endpoint p, struct cw_error *err) {
    int status = -1;
    struct remote *m = NULL;
    struct cw_text url = {0};
    *out = NULL;
    if (p.url == NULL || (strncasecmp(p.url, "http://", 7) != 0 && strncasecmp(p.url, "https://", 8) != 0) ||
        strpbrk(p.url, " \r\n\t") != NULL || strchr(p.url, '@') != NULL) {
        return cw_fail(err, CW_BAD_INPUT,
                       "endpoint: expected an http(s) address without a name or key in it, such as https://host/v1; found \"%.80s\"",
                       p.url == NULL || strchr(p.url, '@') != NULL ? "" : p.url);
    }
    if (p.model == NULL || p.model[0] == '\0') {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected the name of a model (--llm-name); found none", p.url);
    }
    m = calloc(1, sizeof *m);
    if (m == NULL) {
        return cw_fail_memory(err, "language model");
    }
    m->base.kind = &kind;
    m->params = p;
    m->base.context = p.context;
    static const char path[] = "/chat/completions";
    size_t n = strlen(p.url);
    while (n > 0 && p.url[n - 1] == '/') {
        n--;
    }
    cw_text_add_n(&url, p.url, n);
    if (n < strlen(path) || strncmp(p.url + n - strlen(path), path, strlen(path)) != 0) {
        cw_text_add(&url, path);
    }
    if (cw_text_check(&url, "endpoint", err) != 0) {
        goto done;
    }
    m->url = url.data;
    memset(&url, 0, sizeof url);
    m->model = cw_strdup(p.model);
    snprintf(m->base.name, sizeof m->base.name, "%s", p.model);
    if (m->model == NULL) {
        cw_fail_memory(err, "language model");
        goto done;
    }
    if (read_key(m, p.key_file, p.key_variable, err) != 0) {
        goto done;
    }
    *out = &m->base;
    m = NULL;
    status = 0;
done:
    cw_text_free(&url);
    if (m != NULL) {
        close_remote(&m->base);
    }
    return status;
}

/* One request to a language model, whatever kind it is.
 *
 *   question ─▶ in the journal already? its reply from there ─▶ within the budget? ─▶ a model that follows a grammar: as it is
 *                                                                               └─▶ another: asked for JSON by a schema, checked, repaired
 *                                                                                   or asked again with the error quoted ─▶ same form */
#include "dialogue/writer_impl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

enum { JSON_TRIES = 3 };

/* ---- a model that follows a grammar -------------------------------------------------------------------------------------- */

/* A line on its way: it may not begin with empty agreement nor run along words said before, and is given up when it will not end. */
static bool admit_word(void *arg, const char *text) {
    const struct line_watch *l = arg;
    text += text[0] == ' ';
    return !(l->opener[0] == '\0' && writer_bad_start(text)) && !ledger_has_run(&l->writer->said, text) && !writer_runs_again(text) &&
           !ledger_has_run(&l->writer->examples, text) && (l->writer->script->cast_count == 1 || strstr(text, l->name) == NULL);
}

/* A list that begins to say again what it said is made to say something else. */
static bool admit_new(void *arg, const char *text) {
    (void)arg;
    return !writer_runs_again(text);
}

static bool watch_line(void *arg, const char *text, size_t len) {
    struct line_watch *l = arg;
    cw_text_add_n(&l->text, text, len);
    return !l->text.failed && memchr(text, '\n', len) == NULL && words_in_sentence(l->text.data) <= 27;
}

static int ask_with_grammar(struct writer *w, const struct question *q, uint64_t seed, struct cw_text *out, struct cw_error *err) {
    struct cw_llm_message messages[] = {{"system", q->system}, {"user", q->user}};
    struct line_watch watch = {.writer = w, .opener = q->opener, .name = q->name};
    bool line = q->kind == ASK_LINE;
    struct cw_llm_request r = {
        .messages = messages,
        .message_count = 2,
        .prefill = q->prefill,
        .grammar = q->grammar,
        .max_tokens = q->max_tokens,
        .temperature = q->temperature,
        .seed = seed,
        .fresh = w->fresh[q->llm != w->llm],
        .piece = line ? watch_line : NULL,
        .admit = line ? admit_word : admit_new,
        .arg = &watch,
    };
    int status = cw_llm_generate(q->llm, &r, out, err);
    cw_text_free(&watch.text);
    return status;
}

/* ---- another model ------------------------------------------------------------------------------------------------------------ */

/* Speech without what models like to decorate it with: markup, stage directions, quotation marks, emoji, the speaker's own name. */
static void plain_speech(struct cw_text *out, const char *s, const char *name) {
    size_t n = name != NULL ? strlen(name) : 0, start = out->len;
    int depth = 0;
    s += strspn(s, " *_\"");
    if (n > 0 && strncmp(s, name, n) == 0 && s[n + strspn(s + n, "*_ ")] == ':') {
        s += n + strspn(s + n, "*_ ") + 1;
    }
    for (size_t left = strlen(s); left > 0;) {
        uint32_t c = 0;
        int len = cw_utf8_next(s, left, &c);
        len = len > 0 ? len : 1;
        bool opens = c == '(' || c == '[' || c == '<' || c == '{', closes = c == ')' || c == ']' || c == '>' || c == '}';
        bool dash = c == 0x2013 || c == 0x2014 || c == ';' || c == ':';
        bool letter = c < 0x2000 || (c >= 0x3040 && c < 0xE000);
        if (opens) {
            depth++;
        } else if (closes) {
            depth -= depth > 0;
        } else if (depth > 0 || strchr("*_#`|\\\"", (int)(c < 0x80 ? c : 'a')) != NULL) {
            /* left out */
        } else if (c == 0x2018 || c == 0x2019) {
            cw_text_add_char(out, '\'');
        } else if (c == 0x2026) {
            cw_text_add(out, "...");
        } else if (dash) {
            while (out->len > start && out->data[out->len - 1] == ' ') {
                out->data[--out->len] = '\0';
            }
            cw_text_add(out, ", ");
        } else if (c <= ' ' || c == 0xA0) {
            if (out->len > start && out->data[out->len - 1] != ' ') {
                cw_text_add_char(out, ' ');
            }
        } else if (letter && c != 0xAD && !(c >= 0x7F && c < 0xA0)) {
            cw_text_add_n(out, s, (size_t)len);
        }
        s += len;
        left -= (size_t)len;
    }
    while (out->len > start && out->data[out->len - 1] == ' ') {
        out->data[--out->len] = '\0';
    }
    if (out->len > start && strchr(".?!", out->data[out->len - 1]) == NULL) {
        cw_text_add_char(out, '.');
    }
}

/* One spoken turn as a regular expression, for endpoints whose schemas take one: the words it opens with, then as many sentences as asked
 * for, none without end. Bounds that a model runs into make it join words ("bychangingtheirwater"), so there is none but on a sentence's
 * words. */
static void add_pattern(struct cw_text *out, const char *opener, const struct shape *shape, bool closes) {
#define LETTERS "[A-Za-z0-9\u00C0-\u024F]{1,16}"
    static const char word[] = "(" LETTERS "(['&-]" LETTERS "){0,2}|[$\u00A3\u20AC]?[0-9]{1,9}([.,][0-9]{1,9}){0,2}[%a-z]{0,3})";
#undef LETTERS
    /* not when and where: "When the tide is low, ..." asks nothing */
    static const char ask_first[] = "(Wh(at|y|o|ich)|How|Is(n't)?|Are(n't)?|Do(es)?(n't)?|Did(n't)?|Can|Could|Would)";
    static const char ask_lower[] = "(wh(at|y|o|ich)|how|is(n't)?|are(n't)?|do(es)?(n't)?|did(n't)?|can|could|would)";
    static const char *const asking[] = {"Does ", "Have ", "What ", "How ", "Why ", "Is ", "Are ", "Do ", "Can ", "Who "};
    enum { WORDS_LEAST = 6, WORDS_MOST = 27 }; /* in a sentence */
    const int words = shape->most > 1 || shape->words > WORDS_MOST ? WORDS_MOST : shape->words < WORDS_LEAST ? WORDS_LEAST : shape->words;
    const size_t n = strlen(opener);
    const bool sentence = n > 0 && strchr(".?!", opener[n - 1]) != NULL; /* "There's more." and what it is */
    bool asks = shape->question;
    cw_text_add(out, ",\"pattern\":\"^");
    for (size_t i = 0; i < n; i++) { /* a style may have anything in it: what is more than words is any character */
        const unsigned char c = (unsigned char)opener[i];
        cw_text_printf(out, isalnum(c) || c >= 0x80 || strchr(" ,'-", c) != NULL ? "%c" : strchr(".?!", c) != NULL ? "[%c]" : ".", c);
    }
    cw_text_add(out, n > 0 ? " " : "");
    for (size_t i = 0; i < sizeof asking / sizeof asking[0]; i++) {
        asks = asks && strncmp(opener, asking[i], strlen(asking[i])) != 0; /* "Does anybody" asks already */
    }
    if (asks && (n == 0 || sentence) && shape->most > 1) { /* a question comes last, and begins as questions do: else a statement comes, */
        cw_text_printf(out, "(%s(,? %s){2,%d}[.!] ){%d,%d}", word, word, words - 1, shape->least - 1, shape->most - 1);
    }
    if (shape->question) { /* with a question mark put on it */
        if (asks && (n == 0 || sentence)) {
            cw_text_printf(out, "(%s|(So|And|But) %s)", ask_first, ask_lower);
        } else {
            cw_text_add(out, asks ? ask_lower : word);
        }
        cw_text_printf(out, " %s(,? %s){1,%d}[?]", word, word, words - 2);
    } else {
        cw_text_printf(out, "%s(,? %s){2,%d}[.?!]( %s(,? %s){2,%d}[.?!]){%d,%d}", word, word, words - 1, word, word, words - 1,
                       closes ? 0 : shape->least - 1, closes ? 0 : shape->most - 1);
    }
    cw_text_add(out, closes ? " (Goodbye|Bye for now|Until next time|Take care, and goodbye)[.]$\"" : "$\"");
}

/* `bounds`: how each text is made or how long it may be: a list's item that comes round to itself would take all tokens. */
static void make_schema(struct cw_text *out, const struct question *q, bool bounds) {
    static const char list[] = "\"%s\":{\"type\":\"array\",\"items\":{\"type\":\"string\"%s},\"minItems\":%d,\"maxItems\":%d}";
    enum { LETTERS = 5 }; /* of a token */
    char most[40] = "";
    if (bounds && q->count > 0) {
        int tokens = q->max_tokens - (q->angle ? ANGLE_TOKENS : 0);
        snprintf(most, sizeof most, ",\"maxLength\":%d", tokens / q->count * LETTERS);
    }
    cw_text_add(out, "{\"type\":\"object\",\"properties\":{");
    if (q->kind == ASK_LINE) {
        cw_text_add(out, "\"line\":{\"type\":\"string\"");
        if (bounds) {
            add_pattern(out, q->opener, &q->shape, q->closes);
        }
        cw_text_add(out, "}},\"required\":[\"line\"]");
    } else if (q->kind == ASK_TURNS) { /* a key for each: the order and who speaks are not the model's to choose */
        for (int i = 0, n = 0; i < q->count; i++) {
            if (q->turns[i].wanted) {
                cw_text_printf(out, "%s\"%d %s\":{\"type\":\"string\"", n++ > 0 ? "," : "", q->turns[i].number, q->turns[i].name);
                if (bounds) {
                    add_pattern(out, q->turns[i].opener, &q->turns[i].shape, false);
                }
                cw_text_add(out, "}");
            }
        }
        cw_text_add(out, "},\"required\":[");
        for (int i = 0, n = 0; i < q->count; i++) {
            if (q->turns[i].wanted) {
                cw_text_printf(out, "%s\"%d %s\"", n++ > 0 ? "," : "", q->turns[i].number, q->turns[i].name);
            }
        }
        cw_text_add(out, "]");
    } else if (q->kind == ASK_PLAN) {
        cw_text_printf(out, "\"title\":{\"type\":\"string\"%s},", most);
        if (q->angle) {
            cw_text_add(out, "\"angle\":{\"type\":\"string\"");
            cw_text_printf(out, bounds ? ",\"maxLength\":%d}," : "},", ANGLE_LETTERS);
        }
        cw_text_printf(out, list, "questions", most, q->count, q->count);
        cw_text_printf(out, "},\"required\":[\"title\",%s\"questions\"]", q->angle ? "\"angle\"," : "");
    } else {
        cw_text_printf(out, list, "facts", most, 1, q->count);
        cw_text_add(out, "},\"required\":[\"facts\"]");
    }
    cw_text_add(out, ",\"additionalProperties\":false}");
}

static void tell_talk(struct cw_text *out, const struct writer *w) {
    cw_text_add(out, "\n\nThe talk so far:\n");
    for (int i = w->history_from; i < w->history_count; i++) {
        cw_text_add(out, w->history[i]);
    }
}

static void list_turns(struct cw_text *out, const struct question *q) {
    for (int i = 0; i < q->count; i++) {
        const struct turn_order *t = &q->turns[i];
        const char *note = t->note + (t->note[0] == '('); /* "(Tom tells this: ...)\n" */
        cw_text_printf(out, "%d %s: %.*s. ", t->number, t->name, (int)strcspn(note, ")\n"), note);
        if (t->shape.least < t->shape.most) {
            cw_text_printf(out, "%d to ", t->shape.least);
        }
        cw_text_printf(out, "%d sentence%s, at most %d words", t->shape.most, t->shape.most > 1 ? "s" : "", t->shape.words);
        if (t->opener[0] != '\0') {
            cw_text_printf(out, ", beginning with \"%s\"", t->opener);
        }
        cw_text_add(out, t->shape.question ? ", a question.\n" : ".\n");
    }
}

/* What is wrong with the turns of the reply before. */
static void list_faults(struct cw_text *out, const struct question *q) {
    cw_text_add(out, "Some turns cannot be used:\n");
    for (int i = 0; i < q->count; i++) {
        const struct turn_order *t = &q->turns[i];
        if (t->wanted && t->found != NULL) {
            cw_text_printf(out, "%d %s: \"%s\" %s.\n", t->number, t->name, t->found, t->why);
        } else if (t->wanted) {
            cw_text_printf(out, "%d %s is missing.\n", t->number, t->name);
        }
    }
    cw_text_add(out, "Write these turns again, and only these, another way, to the same notes. Reply with JSON only.");
}

/* What a grammar cannot say is said. */
static void make_message(struct cw_text *out, const struct writer *w, const struct question *q) {
    cw_text_add(out, q->user);
    if (q->kind == ASK_TURNS) {
        tell_talk(out, w);
        cw_text_printf(out, "\nWrite the next %d turns, each in answer to the one before it:\n", q->count);
        list_turns(out, q);
        cw_text_printf(out,
                       "No stage directions, no markup, nobody speaks his own name. Reply with JSON only, a text for each turn: "
                       "{\"%d %s\": \"...\", ...}",
                       q->turns[0].number, q->turns[0].name);
    } else if (q->kind == ASK_LINE) {
        tell_talk(out, w);
        cw_text_printf(out, "%s\nWrite only what %s says next: %d to %d sentences, at most %d words, no stage directions%s%s%s.", q->note,
                       q->name, q->shape.least, q->shape.most, q->shape.words, q->opener[0] != '\0' ? ", beginning with \"" : "", q->opener,
                       q->opener[0] != '\0' ? "\"" : "");
        cw_text_add(out, " Reply with JSON only: {\"line\": \"...\"}");
    } else if (q->kind == ASK_PLAN) {
        cw_text_printf(out, "\nReply with JSON only: {\"title\": \"...\", %s\"questions\": [%d strings]}",
                       q->angle ? "\"angle\": \"" ANGLE_FORM "...\", " : "", q->count);
    } else {
        cw_text_printf(out, "\nReply with JSON only: {\"facts\": [at most %d strings]}", q->count);
    }
}

/* The JSON object in a reply: models like to wrap it in words and fences, and run out of tokens before they close it. */
static json_t *repaired(const char *reply) {
    static const char *const ends[] = {"\"}", "\"]}", "}", "]}"};
    const char *from = strchr(reply, '{'), *to = strrchr(reply, '}');
    json_t *root = from != NULL && to > from ? json_loadb(from, (size_t)(to - from) + 1, 0, NULL) : NULL;
    for (size_t i = 0; from != NULL && root == NULL && i < sizeof ends / sizeof ends[0]; i++) {
        struct cw_text text = {0};
        size_t n = strlen(from);
        while (n > 0 && (from[n - 1] == '\\' || ((unsigned char)from[n - 1] & 0x80) != 0)) {
            n--; /* cut inside an escape or a character */
        }
        cw_text_add_n(&text, from, n);
        cw_text_add(&text, ends[i]);
        root = text.failed ? NULL : json_loadb(text.data, text.len, 0, NULL);
        cw_text_free(&text);
    }
    return root;
}

/* The reply in the form that a grammar would have given it; -1 with `err` saying what is wrong with it. */
static int read_reply(const struct question *q, const char *reply, struct cw_text *out, struct cw_error *err) {
    int status = -1;
    json_t *root = repaired(reply);
    if (root == NULL) {
        cw_fail(err, CW_FAILED, "expected a JSON object; found %s", strchr(reply, '{') == NULL ? "none" : "one that is malformed");
        goto done;
    }
    if (q->kind == ASK_TURNS) {
        int found = 0, wanted = 0;
        for (int i = 0; i < q->count; i++) {
            char key[80];
            snprintf(key, sizeof key, "%d %.60s", q->turns[i].number, q->turns[i].name);
            const char *text = json_string_value(json_object_get(root, key));
            wanted += q->turns[i].wanted;
            if (q->turns[i].wanted && text != NULL && text[0] != '\0') {
                found++;
                cw_text_printf(out, "%d: ", q->turns[i].number);
                plain_speech(out, text, q->turns[i].name);
                cw_text_add(out, "\n");
            }
        }
        if (found == 0) {
            cw_fail(err, CW_FAILED, "expected JSON with a text for each of %d turns; found none", wanted);
            goto done;
        }
    } else if (q->kind == ASK_LINE) {
        const char *line = json_string_value(json_object_get(root, "line"));
        if (line == NULL || line[0] == '\0') {
            cw_fail(err, CW_FAILED, "expected \"line\" to be a text; found none");
            goto done;
        }
        plain_speech(out, line, q->name);
        cw_text_add(out, "\n");
    } else {
        const json_t *list = json_object_get(root, q->kind == ASK_PLAN ? "questions" : "facts");
        const char *title = json_string_value(json_object_get(root, "title"));
        size_t wanted = q->kind == ASK_PLAN ? (size_t)q->count : 1;
        if (!json_is_array(list) || json_array_size(list) < wanted || (q->kind == ASK_PLAN && title == NULL)) {
            cw_fail(err, CW_FAILED, "expected %s and a list of %zu texts; found %zu", q->kind == ASK_PLAN ? "\"title\"" : "\"facts\"",
                    wanted, json_array_size(list));
            goto done;
        }
        if (q->kind == ASK_PLAN) {
            cw_text_add(out, "Title: ");
            plain_speech(out, title, NULL);
            cw_text_add(out, "\n");
            const char *angle = json_string_value(json_object_get(root, "angle"));
            if (q->angle && angle != NULL && angle[0] != '\0') {
                cw_text_add(out, "Angle: ");
                plain_speech(out, angle, NULL);
                cw_text_add(out, "\n");
            }
        }
        for (size_t i = 0; i < json_array_size(list) && i < (size_t)q->count; i++) {
            const char *text = json_string_value(json_array_get(list, i));
            if (text == NULL || text[0] == '\0') {
                cw_fail(err, CW_FAILED, "expected only texts in the list; found something else at %zu", i);
                goto done;
            }
            if (q->kind == ASK_PLAN) {
                cw_text_printf(out, "%zu. ", i + 1);
            } else {
                cw_text_add(out, "- ");
            }
            plain_speech(out, text, NULL);
            cw_text_add(out, "\n");
        }
    }
    status = cw_text_check(out, "writer", err);
done:
    json_decref(root);
    return status;
}

static double spent(const struct writer *w) {
    return w->spent_before + cw_llm_cost(w->llm) + (w->plan_llm != w->llm ? cw_llm_cost(w->plan_llm) : 0);
}

/* Before each request, also those again: the money it may take at most is there, or the run stops. */
static int within_budget(const struct writer *w, struct cw_llm *llm, const struct cw_llm_request *r, struct cw_error *err) {
    long tokens = 0;
    if (w->params.budget <= 0) {
        return 0;
    }
    for (int i = 0; i < r->message_count; i++) {
        tokens += cw_llm_count_tokens(llm, r->messages[i].text);
    }
    tokens += r->schema != NULL ? cw_llm_count_tokens(llm, r->schema) : 0;
    double next = cw_llm_price(llm, tokens, r->max_tokens);
    if (spent(w) + next > w->params.budget) {
        return cw_fail(
            err, CW_FAILED,
            "budget: expected to stay within %g; found %g spent, and up to %g more for the next request; what was written is kept",
            w->params.budget, spent(w), next);
    }
    return 0;
}

static int ask_for_json(struct writer *w, const struct question *q, uint64_t seed, struct cw_text *out, struct cw_error *err) {
    int status = -1;
    struct cw_text schema = {0}, brief = {0}, message = {0}, faults = {0}, reply = {0}, bad = {0}, complaint = {0};
    size_t kept = out->len;
    make_schema(&schema, q, true);
    make_message(&message, w, q);
    if (q->before != NULL) {
        list_faults(&faults, q);
    }
    if (cw_text_check(&schema, "writer", err) != 0 || cw_text_check(&message, "writer", err) != 0 ||
        cw_text_check(&faults, "writer", err) != 0) {
        goto done;
    }
    struct cw_llm_message messages[6] = {{"system", q->system}, {"user", message.data}, {"assistant", q->before}, {"user", faults.data}};
    int count = q->before != NULL ? 4 : 2;
    struct cw_llm_request r = {.messages = messages,
                               .message_count = count,
                               .schema = schema.data,
                               .max_tokens = q->max_tokens * 2 + 60, /* JSON, and no grammar to hold it short */
                               .temperature = q->temperature};
    for (int i = 0; i < JSON_TRIES; i++) {
        r.seed = seed + (uint64_t)i;
        r.most_cost = w->params.budget > 0 ? w->params.budget - spent(w) : 0;
        cw_text_clear(&reply);
        cw_text_add(&reply, "");
        if (within_budget(w, q->llm, &r, err) != 0 || cw_llm_generate(q->llm, &r, &reply, err) != 0) {
            goto done;
        }
        out->len = kept;
        if (read_reply(q, reply.data, out, err) == 0) {
            status = 0;
            goto done;
        }
        if (w->events != NULL && w->events->refused != NULL) {
            w->events->refused(w->events->arg, reply.data, err->text);
        }
        cw_text_clear(&brief);
        make_schema(&brief, q, false);
        cw_text_clear(&complaint);
        cw_text_printf(&complaint, "That was not as asked: %s. Reply again, with JSON only, by this schema: %s", err->text, brief.data);
        if (cw_text_check(&brief, "writer", err) != 0 || cw_text_check(&complaint, "writer", err) != 0) {
            goto done;
        }
        struct cw_text old = bad; /* the message is told what is wrong with it, so it is kept */
        bad = reply;
        reply = old;
        messages[count] = (struct cw_llm_message){"assistant", bad.data};
        messages[count + 1] = (struct cw_llm_message){"user", complaint.data};
        r.message_count = bad.len > 0 ? count + 2 : count;
    }
    cw_fail_in(err, "%s: no usable reply in %d tries", cw_llm_name(q->llm), JSON_TRIES);
done:
    cw_text_free(&schema);
    cw_text_free(&brief);
    cw_text_free(&message);
    cw_text_free(&faults);
    cw_text_free(&reply);
    cw_text_free(&bad);
    cw_text_free(&complaint);
    return status;
}

/* ---- either ---------------------------------------------------------------------------------------------------------------------- */

/* A hash of all that the model is told and held to. */
static int sum_question(const struct writer *w, const struct question *q, uint64_t seed, char sum[65], struct cw_error *err) {
    struct cw_text t = {0};
    cw_text_printf(&t, "%s\n%llu %d %g\n%s\n", cw_llm_name(q->llm), (unsigned long long)seed, q->max_tokens, (double)q->temperature,
                   q->system);
    if (cw_llm_follows_grammar(q->llm)) {
        cw_text_printf(&t, "%s\n%s\n%s", q->user, q->prefill != NULL ? q->prefill : "", q->grammar);
    } else {
        make_message(&t, w, q);
        make_schema(&t, q, true);
    }
    if (q->before != NULL) {
        cw_text_add(&t, q->before);
        list_faults(&t, q);
    }
    int status = cw_text_check(&t, "journal", err);
    if (status == 0) {
        cw_sha256_of(t.data, t.len, sum);
    }
    cw_text_free(&t);
    return status;
}

/* What the request took, by stage; with two models by who was asked: a part is summed up by its writer. */
static void count(struct writer *w, const struct question *q, struct cw_llm_usage before) {
    const bool two = w->plan_llm != w->llm;
    struct cw_llm_usage *u = &w->spent[two ? q->llm == w->llm : q->kind >= ASK_LINE], after = cw_llm_usage(q->llm);
    u->prompt_tokens += after.prompt_tokens - before.prompt_tokens;
    u->prompt_reused += after.prompt_reused - before.prompt_reused;
    u->generated_tokens += after.generated_tokens - before.generated_tokens;
    u->retries += after.retries - before.retries;
    u->prompt_seconds += after.prompt_seconds - before.prompt_seconds;
    u->generate_seconds += after.generate_seconds - before.generate_seconds;
    if (w->params.usage != NULL) {
        memcpy(w->params.usage, w->spent, sizeof w->spent);
    }
}

void writer_take_up(struct writer *w) {
    journal_spent(w->journal, w->spent);
    w->spent_before = cw_llm_price(w->plan_llm, w->spent[0].prompt_tokens, w->spent[0].generated_tokens) +
                      cw_llm_price(w->llm, w->spent[1].prompt_tokens, w->spent[1].generated_tokens);
    if (w->params.usage != NULL) {
        memcpy(w->params.usage, w->spent, sizeof w->spent);
    }
}

int writer_ask(struct writer *w, const struct question *q, struct cw_text *out, struct cw_error *err) {
    uint32_t words[4];
    bool found = false;
    cw_philox(w->params.seed, 1, w->calls, words);
    uint64_t seed = ((uint64_t)words[0] << 32 | words[1]) | 1;
    size_t kept = out->len;
    char asked[65] = "";
    w->calls++;
    if (w->journal != NULL && (sum_question(w, q, seed, asked, err) != 0 || journal_read(w->journal, asked, out, &found, err) != 0)) {
        return -1;
    }
    if (found) {
        return 0;
    }
    struct cw_llm_usage before = cw_llm_usage(q->llm);
    int status = cw_llm_follows_grammar(q->llm) ? ask_with_grammar(w, q, seed, out, err) : ask_for_json(w, q, seed, out, err);
    w->fresh[q->llm != w->llm] = false;
    count(w, q, before);
    if (status == 0) {
        return journal_add(w->journal, asked, out->data != NULL ? out->data + kept : "", w->spent, err);
    }
    struct cw_error ignored = {0}; /* what failed was paid for; why it did is told */
    (void)!journal_add(w->journal, asked, NULL, w->spent, &ignored);
    return -1;
}

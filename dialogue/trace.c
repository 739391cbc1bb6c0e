/* What a turn rests on: the passages that have what it says, and what of it no passage has. */
#include "dialogue/claims.h"
#include "dialogue/writer_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void cite(int *cited, int *count, int max, int passage) {
    for (int i = 0; i < *count; i++) {
        if (cited[i] == passage) {
            return;
        }
    }
    if (*count < max) {
        cited[(*count)++] = passage;
    }
}

/* Whether a turn rests on a passage: three words that carry meaning, and two in five of all it has, stand there. What the talk is
 * about anyway (`topic`) does not count. */
static bool rests_on(const struct words *turn, const struct words *passage, const struct words *topic) {
    int own = 0, shared = 0;
    for (int i = 0; i < turn->content_count; i++) {
        bool common = false, there = false;
        for (int k = 0; k < topic->content_count && !common; k++) {
            common = topic->content[k] == turn->content[i];
        }
        for (int k = 0; k < passage->content_count && !there && !common; k++) {
            there = passage->content[k] == turn->content[i];
        }
        own += !common;
        shared += there;
    }
    return shared >= 3 && shared * 5 >= own * 2;
}

int writer_remark(struct cw_turn *t, struct cw_text *note, struct cw_error *err) {
    int status = cw_text_check(note, "writer", err) == 0 ? cw_comment_add(&t->comment, note->data, err) : -1;
    cw_text_free(note);
    return status;
}

int writer_trace(struct writer *w, int part, const struct fact *fact, struct cw_turn *t, struct cw_error *err) {
    enum { CITED = 6, CLAIMS = 24, NEAR = 3 };
    int status = -1, cited[CITED], count = 0, found_count, nearest[NEAR + PART_PASSAGES];
    struct cw_text plain = {0}, line = {0};
    struct words words = {0}, other = {0}, topic = {0};
    struct claim claims[CLAIMS];
    const struct part *p = part >= 0 ? &w->parts[part] : NULL;
    if (w->sources == NULL) {
        return 0;
    }
    if (cw_turn_plain(t, &plain, err) != 0 || words_of(&words, plain.data, err) != 0 || words_of(&topic, w->topic, err) != 0 ||
        words_of(&other, fact != NULL ? fact->text : "", err) != 0) {
        goto done;
    }
    /* a fact that was given and did not get into the line is none of its grounds */
    if (fact != NULL && fact->passage >= 0 && (other.content_count < 4 || words_likeness(&words, &other) >= 0.25)) {
        cite(cited, &count, CITED, fact->passage);
    }
    words_free(&other);
    found_count = cw_sources_find(w->sources, plain.data, NULL, nearest, NEAR, err);
    if (found_count < 0) {
        goto done;
    }
    for (int i = 0; p != NULL && i < p->passage_count; i++) {
        nearest[found_count++] = p->passages[i];
    }
    for (int i = 0; i < found_count; i++) {
        if (words_of(&other, w->sources->passages[nearest[i]].text, err) != 0) {
            goto done;
        }
        if (rests_on(&words, &other, &topic)) {
            cite(cited, &count, CITED, nearest[i]);
        }
        words_free(&other);
    }
    int figures = claims_figures(plain.data, claims, CLAIMS), names;
    figures = figures < CLAIMS ? figures : CLAIMS;
    names = claims_names(plain.data, claims + figures, CLAIMS - figures);
    names = names < CLAIMS - figures ? names : CLAIMS - figures;
    for (int i = 0; i < figures + names; i++) {
        const struct claim *c = &claims[i];
        bool found = !c->figure && claims_found(c, w->topic);
        for (int k = 0; k < w->script->cast_count && !c->figure; k++) {
            found = found || strstr(c->text, w->script->cast[k].name) != NULL;
        }
        for (int k = 0; k < count && !found; k++) {
            found = claims_found(c, w->sources->passages[cited[k]].text);
        }
        for (int k = 0; k < found_count && !found; k++) {
            found = claims_found(c, w->sources->passages[nearest[k]].text);
            if (found) {
                cite(cited, &count, CITED, nearest[k]);
            }
        }
        for (int k = 0; k < w->sources->count && !found && c->figure; k++) { /* said before, from a passage of another part */
            found = w->passage_cited[k] && claims_found(c, w->sources->passages[k].text);
            if (found) {
                cite(cited, &count, CITED, k);
            }
        }
        for (int k = 0; k < w->sources->count && !found && !c->figure; k++) { /* a name of the sources is a name of theirs, wherever */
            found = claims_found(c, w->sources->passages[k].text);
        }
        if (!found) {
            cw_text_printf(&line, "%s\"%s\"", line.len > 0 ? ", " : "", c->text);
        }
    }
    if (line.len > 0) {
        cw_text_add(&line, " in no passage it rests on");
        struct cw_text note = {0};
        cw_text_printf(&note, "check: %s", line.data);
        if (writer_remark(t, &note, err) != 0) {
            goto done;
        }
    }
    cw_text_clear(&line);
    cw_text_add(&line, "rests on");
    for (int i = 0; i < count; i++) {
        cw_text_printf(&line, " [%d]", w->sources->passages[cited[i]].number);
        w->passage_cited[cited[i]] = true;
    }
    if (count > 0 && writer_remark(t, &line, err) != 0) {
        goto done;
    }
    status = 0;
done:
    words_free(&words);
    words_free(&other);
    words_free(&topic);
    cw_text_free(&plain);
    cw_text_free(&line);
    return status;
}

int writer_add_passages(struct writer *w, struct cw_error *err) {
    int count = 0, status = -1;
    free(w->script->comment); /* those of the turn before */
    w->script->comment = NULL;
    if (w->sources == NULL) {
        return 0;
    }
    struct cw_passage *list = calloc((size_t)w->sources->count + 1, sizeof *list);
    if (list == NULL) {
        return cw_fail_memory(err, "writer");
    }
    for (int i = 0; i < w->sources->count; i++) {
        if (w->passage_cited[i]) {
            list[count++] = w->sources->passages[i]; /* borrowed */
        }
    }
    status = count > 0 ? cw_script_add_passages(w->script, list, count, err) : 0;
    free(list);
    return status;
}

/* The turns of a part from a model that follows no grammar: several in one request, for asked line by line it would read the part again for
 * every line.
 *
 *   running order (who, to what end, how long) ─▶ one request ─▶ every line checked as any other ─▶ what is no good asked for again, with
 *   what is wrong with it ─▶ turns in order, as long as the part has room; what is still no good: a line by itself */
#include "dialogue/writer_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TURNS_MAX = 10, /* in one request */
    ROUNDS = 3,
    REFILLS = 3, /* times that a part may ask for more facts */
    ALONE = 2,   /* lines of a batch that may be asked for by themselves, when all rounds left them out */
    TRIES = 3,   /* batches without a usable line before the model is given up */
};
static const int LIMITS[ROUNDS] = {40, 60, 100}; /* penalty that is taken in each round */

struct draft {
    enum beat beat;
    int speaker;
    const struct fact *fact;
    const char *subject, *own; /* own: the opener, where it is the speaker's */
    struct shape shape;
    struct cw_text note, opener;
    char *text; /* the best so far */
    int penalty;
    char *found; /* the last one, when it was no good */
    const char *why;
    bool good;
};
struct batch {
    struct draft drafts[TURNS_MAX];
    int count;
    struct cw_text before; /* the reply, undressed, as JSON */
};

static void empty(struct batch *b) {
    for (int i = 0; i < b->count; i++) {
        cw_text_free(&b->drafts[i].note);
        cw_text_free(&b->drafts[i].opener);
        free(b->drafts[i].text);
        free(b->drafts[i].found);
    }
    cw_text_free(&b->before);
    memset(b, 0, sizeof *b);
}

/* Who speaks next, to what end and how long, until the words left are given out. The writer stands as before when it is done. */
static int order_turns(struct writer *w, int part, enum beat beat, int left, int extended, struct batch *b, struct cw_error *err) {
    struct part *p = &w->parts[part];
    int told = p->told, last_speaker = w->last_speaker, words_by[CW_CAST_MAX], turns_by[CW_CAST_MAX], status = 0;
    enum beat last = beat;
    memcpy(words_by, w->words_by, sizeof words_by);
    memcpy(turns_by, w->turns_by, sizeof turns_by);
    while (status == 0 && b->count < TURNS_MAX && (b->count == 0 || !writer_part_full(w, last, left))) {
        struct draft *d = &b->drafts[b->count++];
        d->speaker = writer_next_speaker(w, beat);
        beat = beat == BEAT_TELL && !writer_bring_fact(p, d->speaker) ? BEAT_EXTEND : beat;
        d->fact = beat == BEAT_TELL ? &p->facts[p->told] : NULL;
        d->subject = writer_subject(w, p, d->speaker, &beat);
        d->beat = beat;
        d->shape = writer_shape(w, beat, d->speaker, d->fact, left + 8 > 14 ? left + 8 : 14);
        int other = w->last_speaker >= 0 && w->last_speaker != d->speaker ? w->last_speaker : d->speaker;
        d->own = writer_own_opener(w, beat, d->speaker);
        writer_note(&d->note, &d->opener, beat, w->style, w->sources != NULL, w->script->cast[d->speaker].name, w->script->cast[other].name,
                    d->subject, d->own, writer_random(w), w->used);
        d->penalty = LIMITS[ROUNDS - 1] + 1;
        int words = d->shape.words * 3 / 4; /* what comes of "at most" */
        left -= words;
        w->words_by[d->speaker] += words;
        w->turns_by[d->speaker]++;
        w->last_speaker = d->speaker;
        if (beat == BEAT_TELL) {
            p->told++;
            extended = 0;
        }
        extended += beat == BEAT_EXTEND;
        last = beat;
        beat = writer_next_beat(w, beat, p, left, extended);
        if (cw_text_check(&d->note, "writer", err) != 0 || cw_text_check(&d->opener, "writer", err) != 0) {
            status = -1;
        }
    }
    p->told = told;
    w->last_speaker = last_speaker;
    memcpy(w->words_by, words_by, sizeof words_by);
    memcpy(w->turns_by, turns_by, sizeof turns_by);
    return status;
}

static struct turn_check check_of(const struct writer *w, const struct draft *d, int speaker) {
    return (struct turn_check){.script = w->script,
                               .speaker = speaker,
                               .beat = d->beat,
                               .said = &w->said,
                               .examples = &w->examples,
                               .fact = d->beat == BEAT_TELL || (d->beat == BEAT_ASK && w->sources != NULL) ? d->subject : NULL,
                               .known = w->known.data,
                               .sourced = w->sources != NULL,
                               .style = w->style,
                               .loose = true,
                               .most_words = d->shape.words};
}

/* Checked, once the sentences that are no good in themselves are left out of the text: no grammar kept the model from them. */
static int mend(const struct writer *w, const struct draft *d, int speaker, char *text, int *penalty, const char **why,
                struct cw_error *err) {
    enum { LEFT_LEAST = 5 }; /* words: "Picture this." without the picture is nothing */
    const struct turn_check c = check_of(w, d, speaker);
    bool all = false;
    size_t before = strlen(text);
    if (writer_leave_out(&c, text, &all, err) != 0 || writer_check_turn(&c, text, penalty, why, err) != 0) {
        return -1;
    }
    bool asks = text[0] != '\0' && text[strlen(text) - 1] == '?';
    all = all || strcmp(text, d->opener.data) == 0 || (strlen(text) < before && words_count(text) < LEFT_LEAST);
    if (all || (d->shape.question && !asks)) {
        *penalty += LIMITS[ROUNDS - 1] + 1;
        *why = !all ? "asks nothing" : *why != NULL ? *why : "has five words in a row that were said before";
    }
    return 0;
}

/* "3: A line.\n" -> its place in the batch; the text is cut out of `line`. */
static struct draft *draft_of(struct batch *b, char *line, char **text) {
    char *end = NULL;
    long number = strtol(line, &end, 10);
    if (number < 1 || number > b->count || strncmp(end, ": ", 2) != 0) {
        return NULL;
    }
    *text = end + 2;
    return &b->drafts[number - 1];
}

/* One line of a reply: good enough for this round, or why not. */
static int judge(struct writer *w, struct draft *d, char *text, int limit, struct cw_error *err) {
    int penalty = 0;
    const char *why = NULL;
    writer_trim(text, d->shape.question ? 0 : d->shape.words);
    if (mend(w, d, d->speaker, text, &penalty, &why, err) != 0) {
        return -1;
    }
    free(d->found);
    d->found = NULL;
    d->why = why;
    if (penalty < d->penalty) {
        free(d->text);
        d->text = cw_strdup(text);
        d->penalty = penalty;
    }
    d->good = penalty <= limit;
    if (d->good) {
        return d->text != NULL ? ledger_add(&w->said, text, err) : cw_fail_memory(err, "writer");
    }
    d->found = cw_strdup(text);
    if (w->events != NULL && w->events->refused != NULL) {
        w->events->refused(w->events->arg, text, why);
    }
    return 0;
}

/* One request for the turns that are not good yet. */
static int ask_round(struct writer *w, struct batch *b, int round, struct cw_error *err) {
    int status = -1, max_tokens = 0;
    struct turn_order orders[TURNS_MAX] = {0};
    struct cw_text reply = {0};
    for (int i = 0; i < b->count; i++) {
        const struct draft *d = &b->drafts[i];
        orders[i] = (struct turn_order){.number = i + 1,
                                        .name = w->script->cast[d->speaker].name,
                                        .note = d->note.data,
                                        .opener = d->opener.data,
                                        .shape = d->shape,
                                        .wanted = !d->good,
                                        .found = d->found,
                                        .why = d->why};
        max_tokens += d->good ? 0 : 16 + d->shape.words * 2;
    }
    const struct question q = {.kind = ASK_TURNS,
                               .llm = w->llm,
                               .system = w->system.data,
                               .user = w->user.data,
                               .turns = orders,
                               .count = b->count,
                               .before = b->before.len > 0 ? b->before.data : NULL,
                               .max_tokens = max_tokens,
                               .temperature = 0.8f};
    if (writer_ask(w, &q, &reply, err) != 0) {
        goto done;
    }
    cw_text_clear(&b->before);
    cw_text_add_char(&b->before, '{');
    for (char *line = reply.data, *next, *text; line != NULL && line[0] != '\0'; line = next) {
        next = line + strcspn(line, "\n");
        next += *next == '\n' ? (*next = '\0', 1) : 0;
        struct draft *d = draft_of(b, line, &text);
        if (d == NULL || d->good) {
            continue;
        }
        cw_text_printf(&b->before, "%s\"%d %s\": \"%s\"", b->before.len > 1 ? ", " : "", (int)(d - b->drafts) + 1,
                       w->script->cast[d->speaker].name, text); /* no quotes or backslashes are left in it */
        if (judge(w, d, text, LIMITS[round], err) != 0) {
            goto done;
        }
    }
    cw_text_add_char(&b->before, '}');
    status = cw_text_check(&b->before, "writer", err);
done:
    cw_text_free(&reply);
    return status;
}

static int ask_turns(struct writer *w, struct batch *b, struct cw_error *err) {
    int status = 0, said = w->said.count, good = 0;
    for (int round = 0; round < ROUNDS && status == 0 && good < b->count; round++) {
        const int before = good;
        status = ask_round(w, b, round, err);
        good = 0;
        for (int i = 0; i < b->count; i++) {
            good += b->drafts[i].good;
        }
        if (round > 0 && good == before) {
            break; /* in vain once, in vain again */
        }
    }
    while (w->said.count > said) { /* they are said when they are taken */
        words_free(&w->said.turns[--w->said.count]);
    }
    return status;
}

/* Takes one turn of the batch into the script; false in `*written` when there is no line for it. */
static int take_draft(struct writer *w, int part, struct draft *d, int left, int *alone, bool *written, struct cw_error *err) {
    int status = -1, penalty = 0, most = LIMITS[ROUNDS - 1];
    const char *why = NULL, *text = d->text;
    struct cw_text disclosed = {0};
    /* a turn before it may have been left out */
    int speaker = d->speaker != w->last_speaker || w->script->cast_count == 1 ? d->speaker : writer_next_speaker(w, d->beat);
    *written = false;
    if (speaker == w->last_speaker && writer_roles(w) && w->script->segments[part].turn_count > 0) {
        return 0; /* it went with the one that was left out: nobody asks or tells twice running, and nobody takes the other's part */
    }
    if (d->fact != NULL && d->fact->side >= 0 && d->fact->side != speaker % 2) {
        return 0; /* it speaks for another's view */
    }
    if (speaker != d->speaker && d->own != NULL) { /* nobody speaks with another's words */
        free(d->text);
        text = d->text = NULL;
    }
    if (d->text != NULL && !d->shape.question) {
        writer_trim(d->text, left > 14 ? left : 14);
    }
    if (text != NULL && mend(w, d, speaker, d->text, &penalty, &why, err) != 0) {
        goto done;
    }
    if ((text == NULL || penalty > most) && d->fact != NULL) { /* the fact is a spoken sentence as it stands */
        struct turn_check c = check_of(w, d, speaker);
        c.loose = false;
        text = d->subject;
        if (writer_check_turn(&c, text, &penalty, &why, err) != 0) {
            goto done;
        }
    }
    if (text == NULL || penalty > most) {
        status =
            (*alone)-- > 0 ? writer_write_turn(w, part, d->beat, speaker, d->subject, d->fact, left > 14 ? left : 14, written, err) : 0;
        goto done;
    }
    if (d->beat == BEAT_OPEN && !w->params.no_disclosure && w->style->disclosure[0] != '\0') {
        cw_text_printf(&disclosed, "%s %s", text, w->style->disclosure);
        text = disclosed.data;
    }
    if (cw_text_check(&disclosed, "writer", err) != 0 || writer_take_turn(w, part, speaker, d->note.data, text, d->fact, err) != 0) {
        goto done;
    }
    *written = true;
    status = 0;
done:
    cw_text_free(&disclosed);
    return status;
}

int writer_part_at_once(struct writer *w, int part, double until, int spare, struct cw_error *err) {
    int status = -1, refills = 0, extended = 0, in_vain = 0;
    struct part *p = &w->parts[part];
    struct batch b = {0};
    enum beat beat = part == 0 ? BEAT_OPEN : BEAT_TURN, last = beat;
    for (bool full = false; !full;) {
        int left = writer_words_in(w, until - w->seconds) - spare, alone = ALONE, written_now = 0;
        bool first = w->script->segments[part].turn_count == 0;
        if (!first && writer_part_full(w, last, left)) {
            break;
        }
        if (!first && p->told == p->fact_count && left > 60 && refills++ < REFILLS) {
            if (writer_gather(w, part, 3, err) != 0 || writer_part_prompt(w, part, err) != 0) {
                goto done;
            }
        }
        empty(&b);
        if (order_turns(w, part, beat, left, extended, &b, err) != 0 || ask_turns(w, &b, err) != 0) {
            goto done;
        }
        for (int i = 0; i < b.count && !full; i++) {
            struct draft *d = &b.drafts[i];
            bool written = false;
            left = writer_words_in(w, until - w->seconds) - spare;
            if (take_draft(w, part, d, left + 8, &alone, &written, err) != 0) {
                goto done;
            }
            if (d->beat == BEAT_TELL) {
                p->told++; /* a fact that would not come out well is left out */
                extended = 0;
            }
            extended += d->beat == BEAT_EXTEND;
            written_now += written;
            last = written ? d->beat : last;
            left = writer_words_in(w, until - w->seconds) - spare;
            full = w->script->segments[part].turn_count > 0 && writer_part_full(w, last, left);
            if (!written && w->script->segments[part].turn_count == 0) {
                break; /* nothing may come before the turn that opens a part */
            }
        }
        in_vain = written_now > 0 ? 0 : in_vain + 1;
        if (in_vain == TRIES && w->script->segments[part].turn_count > 0) {
            break; /* the words left go to the parts that follow */
        }
        if (in_vain == TRIES) {
            cw_fail(err, CW_FAILED,
                    "writer: the language model %s wrote no acceptable line in %d tries; expected a model that writes dialogue",
                    cw_llm_name(w->llm), TRIES * ROUNDS);
            goto done;
        }
        if (w->script->segments[part].turn_count > 0) {
            beat = writer_next_beat(w, last, p, left, extended);
        }
    }
    status = part + 1 == w->part_count ? 0 : writer_sum_up(w, part, err);
done:
    empty(&b);
    return status;
}

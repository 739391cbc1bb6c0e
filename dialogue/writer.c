/* A topic -> a script, with a small language model that needs a firm hand.
 *
 *   topic ─▶ outline (title; angle; a question for each part) ─▶ for each part: a few facts ─▶ beats (a question, a fact, a
 *   reaction, a step further) ─▶ for each beat: a note, one line under the grammar, checks, another try if need be ─▶ a turn
 *
 * Everything in one part is one growing prompt, so the cache holds all of it but the last line. Words are counted as they
 * come: what is left is shared out among the parts left, and the last two turns close the talk. */
#include "dialogue/writer_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIES = 5,          /* lines asked for before a beat is given up */
    GOOD = 29,          /* a line with at most this penalty is taken at once, */
    MIDDLING = 60,      /* with this one after two tries, */
    TOLERABLE = 100,    /* with this one after three; with more, never */
    CLOSING_WORDS = 36, /* kept for the last two turns, */
    ASKING_WORDS = 12,  /* and before them, where roles are fixed, for a last question */
    SUMMED_WORDS = 26,  /* that summing up and goodbye take at least */
    SPARE_WORDS = 32,   /* with more than these left for goodbye a talk of three minutes ends more than 5 % early */
    REFILLS = 3,        /* times that a part may ask for more facts */
    PRIOR_WORDS = 60,   /* the rate we begin with weighs as much as so many words that were measured */
};

struct cw_writer_params cw_writer_params_default(void) {
    return (struct cw_writer_params){.minutes = 3, .words_per_minute = 165, .seed = 1};
}

/* ---- time ---------------------------------------------------------------------------------------------------------------------- */

static double total_seconds(const struct writer *w) {
    return w->params.minutes * 60;
}

/* Seconds a word takes this speaker; < 0: anybody. The gaps between turns are in it. */
static double word_seconds(const struct writer *w, int speaker) {
    double words = PRIOR_WORDS, seconds = PRIOR_WORDS * 60 / w->params.words_per_minute;
    for (int i = 0; i < w->script->cast_count; i++) {
        if (speaker < 0 || i == speaker) {
            words += w->words_by[i];
            seconds += w->seconds_by[i];
        }
    }
    return seconds / words;
}

/* Words that still fit in so many seconds. */
int writer_words_in(const struct writer *w, double seconds) {
    return (int)lround(seconds / word_seconds(w, -1));
}

/* Words that are kept for the end of the talk. */
static int closing_words(const struct writer *w) {
    return CLOSING_WORDS + (writer_roles(w) ? ASKING_WORDS : 0);
}

static int words_left(const struct writer *w) {
    return writer_words_in(w, total_seconds(w) - w->seconds);
}

void writer_tell(const struct writer *w, const char *what) {
    if (w->events != NULL && w->events->stage != NULL) {
        double done = w->seconds / total_seconds(w);
        w->events->stage(w->events->arg, what, done > 1 ? 1 : done);
    }
}

uint32_t writer_random(struct writer *w) {
    uint32_t words[4];
    cw_philox(w->params.seed ^ w->topic_hash, 2, w->picks++, words);
    return words[0];
}

/* ---- one turn -------------------------------------------------------------------------------------------------------------- */

/* Short and long ones take turns: people do not speak in paragraphs of one size. */
static struct shape shape_of(enum beat beat, uint32_t pick) {
    bool brief = pick % 3 == 0, ample = pick % 3 == 1;
    switch (beat) {
    case BEAT_OPEN:
        return (struct shape){2, 3, 38, false};
    case BEAT_TURN:
        return (struct shape){1, 2, 26, true};
    case BEAT_ASK:
        return (struct shape){1, 2, brief ? 12 : 22, true};
    case BEAT_TELL:
        return ample ? (struct shape){2, 4, 52, false} : (struct shape){1, 3, 36, false};
    case BEAT_REACT:
        return brief ? (struct shape){1, 1, 12, false} : (struct shape){1, 2, 26, false};
    case BEAT_OBJECT:
        return brief ? (struct shape){1, 2, 20, false} : (struct shape){1, 2, 30, false};
    case BEAT_EXTEND:
        return ample ? (struct shape){2, 3, 44, false} : (struct shape){1, 3, 32, false};
    case BEAT_SUM:
        return (struct shape){1, 2, 32, false};
    case BEAT_CLOSE:
        break;
    }
    return (struct shape){1, 2, 22, false};
}

enum { USUAL_WORDS = 18 }; /* of a turn, where nothing else is asked for */

/* Words of a turn of this one, about. */
static int turn_words(const struct writer *w, int speaker) {
    int words = w->script->cast[speaker].words;
    return words > 0 ? words : USUAL_WORDS;
}

/* Who has a length of turns of his own keeps to it over the talk: a turn is the shorter the longer those before it were. What greets, sums
 * up or takes leave is as long as that takes. */
static void suit_speaker(const struct writer *w, enum beat beat, int speaker, struct shape *shape) {
    const int mean = w->script->cast[speaker].words;
    if (mean == 0 || beat == BEAT_OPEN || beat == BEAT_SUM || beat == BEAT_CLOSE) {
        return;
    }
    int due = mean * (w->turns_by[speaker] + 1) - w->words_by[speaker];
    due = due < mean / 2 ? mean / 2 : due > mean * 2 ? mean * 2 : due;
    int words = shape->words * due / USUAL_WORDS;
    shape->words = words < 5 ? 5 : words > 2 * mean ? 2 * mean : words;
    shape->least = 1 + shape->words / 24;
    shape->most = 1 + shape->words / 10;
}

/* Two share the talk: who has had nearly two thirds of it is brief, unless the cast says how long turns are. */
static int within_share(const struct writer *w, int speaker, int words) {
    int all = 0;
    bool own = false;
    for (int i = 0; i < w->script->cast_count; i++) {
        all += w->words_by[i];
        own = own || w->script->cast[i].words > 0;
    }
    bool much = !own && w->script->cast_count == 2 && all > 60 && w->words_by[speaker] * 100 > all * 62;
    return much && words > 20 ? 20 : words;
}

struct shape writer_shape(struct writer *w, enum beat beat, int speaker, const struct fact *fact, int most_words) {
    struct shape shape = shape_of(beat, writer_random(w));
    suit_speaker(w, beat, speaker, &shape);
    shape.words = most_words < shape.words ? most_words : shape.words;
    if (w->sources != NULL && (beat == BEAT_REACT || beat == BEAT_OBJECT) && shape.words > 18 && w->script->cast[speaker].words == 0) {
        shape.words = 18; /* between the document's sentences the model's own are short */
    }
    if (fact != NULL && fact->passage >= 0) { /* as long as what it tells, and a few words of its own */
        int words = words_count(fact->text) + 8;
        shape.words = words > most_words ? most_words : words < 16 ? 16 : words;
        shape.least = 1;
        shape.most = 3;
    }
    shape.words = within_share(w, speaker, shape.words);
    if (shape.words < 18 && shape.least == 1) {
        shape.most = 1;
    }
    if (shape.words < 30 && shape.least > 1 && beat != BEAT_OPEN) {
        shape.least = 1;
        shape.most = 2;
    }
    return shape;
}

/* Ends the text after its last whole sentence; empties it when there is none. */
static void cut_to_sentence(char *s) {
    size_t n = strlen(s);
    while (n > 0 && strchr(".?!", s[n - 1]) == NULL) {
        n--;
    }
    s[n] = '\0';
}

/* Drops sentences from the end while the text is far over its words, but never the only one. */
static void cut_to_words(char *s, int words) {
    while (words_count(s) > words) {
        size_t n = strlen(s);
        do {
            n--;
        } while (n > 1 && !(s[n] == ' ' && strchr(".?!", s[n - 1]) != NULL && !(n > 2 && s[n - 3] == ' '))); /* "Charles F. Richter" */
        if (n <= 1) {
            return;
        }
        s[n] = '\0';
    }
}

void writer_trim(char *s, int words) {
    cut_to_sentence(s);
    if (words > 0) {
        cut_to_words(s, words + words / 4);
    }
}

/* Drops what the model adds to a fact of a document from its own mind: sentences after the first whose words are neither in the fact
 * nor in its passage. */
static int cut_to_source(char *s, const char *fact, const char *passage, struct cw_error *err) {
    int status = -1;
    struct cw_text source = {0};
    struct words known = {0}, said = {0};
    char *sentence = NULL;
    cw_text_printf(&source, "%s %s", fact, passage);
    if (cw_text_check(&source, "writer", err) != 0 || words_of(&known, source.data, err) != 0) {
        goto done;
    }
    bool told = false; /* something of it was told already */
    for (char *p = s; *p != '\0';) {
        size_t n = source_sentence(p);
        int shared = 0;
        sentence = cw_strndup(p, n);
        if (sentence == NULL || words_of(&said, sentence, err) != 0) {
            cw_fail_memory(err, "writer");
            goto done;
        }
        for (int i = 0; i < said.content_count; i++) {
            for (int k = 0; k < known.content_count; k++) {
                shared += said.content[i] == known.content[k];
            }
        }
        if (told && shared * 5 < said.content_count * 2) {
            *p = '\0';
            while (p > s && p[-1] == ' ') {
                *--p = '\0';
            }
            break;
        }
        told = told || shared >= 2;
        words_free(&said);
        free(sentence);
        sentence = NULL;
        p += n;
        p += strspn(p, " ");
    }
    status = 0;
done:
    words_free(&known);
    words_free(&said);
    free(sentence);
    cw_text_free(&source);
    return status;
}

/* The dialogue so far as far as it fits, and the note of the next turn. */
static int make_prefill(struct writer *w, const char *note, int max_tokens, struct cw_error *err) {
    for (;;) {
        cw_text_clear(&w->prefill);
        for (int i = w->history_from; i < w->history_count; i++) {
            cw_text_add(&w->prefill, w->history[i]);
        }
        cw_text_add(&w->prefill, note);
        if (cw_text_check(&w->prefill, "writer", err) != 0) {
            return -1;
        }
        int used = cw_llm_count_tokens(w->llm, w->system.data) + cw_llm_count_tokens(w->llm, w->user.data) +
                   cw_llm_count_tokens(w->llm, w->prefill.data);
        if (used + max_tokens + 64 <= cw_llm_context(w->llm) || w->history_count - w->history_from <= 1) {
            return 0;
        }
        /* half at once: every cut makes the model read the rest again */
        w->history_from += (w->history_count - w->history_from + 1) / 2;
    }
}

static int remember(struct writer *w, const char *note, const char *name, const char *text, struct cw_error *err) {
    struct cw_text entry = {0};
    cw_text_printf(&entry, "%s%s: %s\n", note, name, text);
    char **history = realloc(w->history, (size_t)(w->history_count + 1) * sizeof *history);
    if (history == NULL || cw_text_check(&entry, "writer", err) != 0) {
        w->history = history != NULL ? history : w->history;
        cw_text_free(&entry);
        return cw_fail_memory(err, "writer");
    }
    w->history = history;
    w->history[w->history_count++] = entry.data;
    return ledger_add(&w->said, text, err);
}

/* The plan stays in the script, where its editor can see it: what the talk sets out to show, */
static int note_angle(const struct writer *w, int part, struct cw_turn *first, struct cw_error *err) {
    struct cw_text note = {0};
    if (part > 0 || w->angle == NULL) {
        return 0;
    }
    cw_text_printf(&note, "angle: the talk shows that %s", w->angle);
    return writer_remark(first, &note, err);
}

/* what sets the two against each other in a segment, */
static int note_tension(const struct writer *w, const struct part *p, struct cw_turn *first, struct cw_error *err) {
    struct cw_text note = {0};
    if (p->views[0] == NULL || p->views[1] == NULL) {
        return 0;
    }
    cw_text_printf(&note, "tension: %s thinks %s; %s thinks %s", w->script->cast[0].name, p->views[0], w->script->cast[1].name,
                   p->views[1]);
    return writer_remark(first, &note, err);
}

/* and what a segment was meant to hold: its seconds, and the points chosen for it. */
static int note_plan(const struct writer *w, const struct part *p, struct cw_turn *first, struct cw_error *err) {
    enum { WORDS = 14, BYTES = 100 }; /* of a point */
    int status = -1;
    struct cw_text note = {0};
    char *point = NULL;
    cw_text_printf(&note, "plan: %.0f s; points: ", p->seconds);
    for (int i = 0; i < p->fact_count; i++) {
        free(point);
        point = cw_strdup(p->facts[i].text);
        if (point == NULL) {
            cw_fail_memory(err, "writer");
            goto done;
        }
        size_t whole = strlen(point);
        writer_keep_short(point, WORDS, BYTES);
        size_t n = strlen(point);
        bool cut = n < whole;
        while (cut && n > 0 && p->facts[i].text[n] != ' ') { /* not inside a word */
            n--;
        }
        while (n > 0 && strchr(" .,", point[n - 1]) != NULL) {
            n--;
        }
        point[n] = '\0';
        const char *whose = p->facts[i].side >= 0 ? w->script->cast[p->facts[i].side].name : "";
        cw_text_printf(&note, "%s%s%s%s%s", i > 0 ? "; " : "", whose, whose[0] != '\0' ? ": " : "", point, cut ? "…" : "");
    }
    cw_text_add(&note, p->fact_count == 0 ? "none" : "");
    status = writer_remark(first, &note, err);
done:
    free(point);
    cw_text_free(&note);
    return status;
}

/* Takes the line into the script, notes what it rests on, and tells who listens. `fact` may be NULL. */
int writer_take_turn(struct writer *w, int part, int speaker, const char *note, const char *text, const struct fact *fact,
                     struct cw_error *err) {
    struct cw_script *s = w->script;
    if (cw_script_add_turn(s, speaker, text, err) != 0) {
        return -1;
    }
    struct cw_segment *segment = &s->segments[s->segment_count - 1];
    struct cw_turn *turn = &segment->turns[segment->turn_count - 1];
    int words = words_count(text);
    double before = w->seconds;
    bool first = segment->turn_count == 1 && part >= 0;
    if ((first && (note_angle(w, part, turn, err) != 0 || note_tension(w, &w->parts[part], turn, err) != 0 ||
                   note_plan(w, &w->parts[part], turn, err) != 0)) ||
        writer_trace(w, part, fact, turn, err) != 0 || writer_add_passages(w, err) != 0 ||
        remember(w, note, s->cast[speaker].name, text, err) != 0) {
        return -1;
    }
    w->seconds += words * word_seconds(w, speaker);
    w->last_speaker = speaker;
    w->turns_by[speaker]++;
    const struct cw_writer_events *e = w->events;
    if (e != NULL && e->turn != NULL && !e->turn(e->arg, s, s->segment_count - 1, segment->turn_count - 1)) {
        return cw_fail(err, CW_FAILED, "writer: stopped after %d turns", cw_script_turns(s));
    }
    double measured = e != NULL && e->seconds != NULL ? e->seconds(e->arg) : -1;
    if (measured >= 0) {
        w->seconds = measured;
        w->words_by[speaker] += words;
        w->seconds_by[speaker] += measured > before ? measured - before : 0;
    } else {
        w->words_by[speaker] += words;
        w->seconds_by[speaker] += words * 60 / w->params.words_per_minute;
    }
    return 0;
}

/* Writes one turn; `*written` is false when no line passed and the beat is left out. */
int writer_write_turn(struct writer *w, int part, enum beat beat, int speaker, const char *subject, const struct fact *fact, int most_words,
                      bool *written, struct cw_error *err) {
    int status = -1, best = TOLERABLE + 1;
    const struct cw_script *s = w->script;
    const char *name = s->cast[speaker].name;
    int other = w->last_speaker >= 0 && w->last_speaker != speaker ? w->last_speaker : speaker;
    struct cw_text note = {0}, opener = {0}, grammar = {0}, line = {0};
    char *best_text = NULL;
    struct shape shape = writer_shape(w, beat, speaker, fact, most_words);
    *written = false;
    int max_tokens = 16 + shape.words * 2;
    for (int i = 0; i < TRIES; i++) {
        int penalty = 0;
        const char *why = NULL;
        bool plain_fact = beat == BEAT_TELL && i == 2;
        /* the longer it takes, the less will do */
        if (best <= (i < 2 || plain_fact ? GOOD : i == 2 ? MIDDLING : TOLERABLE)) {
            break;
        }
        if (i % 2 == 0) { /* twice in vain: the same thing another way */
            cw_text_clear(&note);
            cw_text_clear(&opener);
            cw_text_clear(&grammar);
            const char *own = writer_own_opener(w, beat, speaker);
            writer_note(&note, &opener, beat, w->style, w->sources != NULL, name, s->cast[other].name, subject, own, writer_random(w),
                        w->used);
            bool sentence = opener.len > 0 && strchr(".?!", opener.data[opener.len - 1]) != NULL;
            if (beat == BEAT_CLOSE) {
                writer_grammar_close(&grammar);
            } else {
                writer_grammar_turn(&grammar, opener.len > 0 && !sentence, shape.least, shape.most, shape.question);
            }
            if (cw_text_check(&note, "writer", err) != 0 || cw_text_check(&opener, "writer", err) != 0 ||
                cw_text_check(&grammar, "writer", err) != 0 || make_prefill(w, note.data, max_tokens, err) != 0) {
                goto done;
            }
            cw_text_printf(&w->prefill, opener.len > 0 ? "%s: %s" : "%s:%s", name, opener.data);
            if (cw_text_check(&w->prefill, "writer", err) != 0) {
                goto done;
            }
        }
        cw_text_clear(&line);
        bool remote = !cw_llm_follows_grammar(w->llm);
        if (plain_fact) { /* twice off its subject: the fact is a spoken sentence as it stands */
            cw_text_add(&line, subject);
        } else if (!remote || beat == BEAT_CLOSE) {
            cw_text_add(&line, opener.data); /* another model writes the whole line */
            cw_text_add(&line, remote ? " " : "");
        }
        /* each further try is a little freer than the one that failed */
        const struct question q = {.kind = ASK_LINE,
                                   .name = name,
                                   .note = note.data,
                                   .opener = beat == BEAT_CLOSE && remote ? "" : opener.data,
                                   .shape = shape,
                                   .closes = beat == BEAT_CLOSE,
                                   .llm = w->llm,
                                   .system = w->system.data,
                                   .user = w->user.data,
                                   .prefill = w->prefill.data,
                                   .grammar = grammar.data,
                                   .max_tokens = max_tokens,
                                   .temperature = 0.75f + 0.1f * (float)i};
        int asked = plain_fact ? 0 : writer_ask(w, &q, &line, err);
        if (asked != 0 || cw_text_check(&line, "writer", err) != 0) {
            goto done;
        }
        char *text = line.data + (line.data[0] == ' ');
        text[strcspn(text, "\n")] = '\0';
        bool told = !shape.question && beat != BEAT_CLOSE, all = false;
        writer_trim(text, told ? shape.words : 0);
        if (told && fact != NULL && fact->passage >= 0 &&
            cut_to_source(text, fact->text, w->sources->passages[fact->passage].text, err) != 0) {
            goto done;
        }
        struct turn_check check = {
            .script = s,
            .speaker = speaker,
            .beat = beat,
            .said = &w->said,
            .examples = &w->examples,
            .fact = beat == BEAT_TELL || beat == BEAT_ASK ? subject : NULL,
            .known = w->known.data,
            .sourced = w->sources != NULL,
            .style = w->style,
            .loose = remote && !plain_fact,
            .most_words = shape.words,
            .least_words = beat == BEAT_SUM || beat == BEAT_CLOSE ? shape.words - 5 : 0, /* the last ones bring the talk to its length */
        };
        if ((remote && told && !plain_fact && writer_leave_out(&check, text, &all, err) != 0) ||
            writer_check_turn(&check, text, &penalty, &why, err) != 0) {
            goto done;
        }
        if (strcmp(text, opener.data) == 0) { /* the words given to begin with, and nothing after them */
            penalty += 200;
            why = "ends after its opener";
        }
        if (all) {
            penalty += TOLERABLE + 1;
            why = why != NULL ? why : "has five words in a row that were said before";
        }
        if (penalty < best) {
            free(best_text);
            best_text = cw_strdup(text);
            if (best_text == NULL) {
                cw_fail_memory(err, "writer");
                goto done;
            }
            best = penalty;
        }
        if (penalty > GOOD && w->events != NULL && w->events->refused != NULL) {
            w->events->refused(w->events->arg, text, why);
        }
    }
    if (best_text != NULL) {
        if (beat == BEAT_OPEN && !w->params.no_disclosure && w->style->disclosure[0] != '\0') {
            cw_text_clear(&line);
            cw_text_printf(&line, "%s %s", best_text, w->style->disclosure);
            free(best_text);
            best_text = cw_strdup(line.failed ? "" : line.data);
        }
        if (best_text == NULL || writer_take_turn(w, part, speaker, note.data, best_text, fact, err) != 0) {
            goto done;
        }
        *written = true;
    }
    status = 0;
done:
    free(best_text);
    cw_text_free(&note);
    cw_text_free(&opener);
    cw_text_free(&grammar);
    cw_text_free(&line);
    return status;
}

/* ---- segments ---------------------------------------------------------------------------------------------------------------- */

bool writer_beat_asks(enum beat b) {
    return b == BEAT_OPEN || b == BEAT_TURN || b == BEAT_ASK || b == BEAT_REACT || b == BEAT_OBJECT;
}

bool writer_roles(const struct writer *w) {
    return w->style->fixed_roles && w->script->cast_count > 1;
}

/* Never the one who spoke last; else who has said least, for the length of his turns. With fixed roles the first of the cast asks and takes
 * leave, and the others tell: a turn that was left out between two of one kind does not change that. */
int writer_next_speaker(const struct writer *w, enum beat beat) {
    int n = w->script->cast_count, first = writer_roles(w) ? 1 : 0, best = -1;
    if (first == 1 && (writer_beat_asks(beat) || beat == BEAT_CLOSE)) {
        return 0;
    }
    for (int i = first; i < n; i++) {
        if ((i != w->last_speaker || n - first == 1) &&
            (best < 0 || w->words_by[i] * turn_words(w, best) < w->words_by[best] * turn_words(w, i))) {
            best = i;
        }
    }
    return best;
}

/* What comes after `last` with this many words and facts left. */
enum beat writer_next_beat(struct writer *w, enum beat last, const struct part *p, int words_left, int extended) {
    int facts_left = p->fact_count - p->told;
    if (writer_beat_asks(last) || w->script->cast_count == 1) {
        bool room = facts_left == 0 || (words_left / facts_left > 75 && last != BEAT_ASK); /* a question waits for its fact */
        return (room && extended == 0 && p->told > 0) || facts_left == 0 ? BEAT_EXTEND : BEAT_TELL;
    }
    /* two of equal standing: the other one may have a fact to add at once, the oftener where each has his own */
    bool sides = writer_by_side(w, p);
    if ((last == BEAT_EXTEND || (sides && last == BEAT_TELL)) && facts_left > 0 && !w->style->fixed_roles &&
        writer_random(w) % (sides ? 2 : 3) == 0) {
        return BEAT_TELL;
    }
    return (int)(writer_random(w) % 10) < w->style->questions ? BEAT_ASK : BEAT_REACT;
}

static bool may_tell(const struct fact *f, int speaker) {
    return f->side < 0 || f->side == speaker % 2;
}

bool writer_bring_fact(struct part *p, int speaker) {
    int at = p->told;
    while (at < p->fact_count && !may_tell(&p->facts[at], speaker)) {
        at++;
    }
    if (at == p->fact_count) {
        return false;
    }
    struct fact fact = p->facts[at];
    memmove(&p->facts[p->told + 1], &p->facts[p->told], (size_t)(at - p->told) * sizeof fact);
    p->facts[p->told] = fact;
    return true;
}

const char *writer_subject(const struct writer *w, struct part *p, int speaker, enum beat *beat) {
    switch (*beat) {
    case BEAT_OPEN:
        return w->topic;
    case BEAT_TELL:
        return p->facts[p->told].text;
    case BEAT_ASK: /* it leads to what comes next, by another speaker */
        for (int i = p->told; i < p->fact_count; i++) {
            if (may_tell(&p->facts[i], speaker + 1)) {
                return p->facts[i].text;
            }
        }
        return "";
    case BEAT_REACT:
        if (!p->objected && p->told > 0 && speaker < 2 && p->views[speaker] != NULL) {
            *beat = BEAT_OBJECT;
            p->objected = true;
            return p->views[speaker];
        }
        return p->question;
    default:
        return p->question;
    }
}

bool writer_part_full(const struct writer *w, enum beat last, int left) {
    bool question = last == BEAT_OPEN || last == BEAT_TURN || last == BEAT_ASK || (last == BEAT_REACT && w->style->fixed_roles);
    return !question && left < (writer_beat_asks(last) ? 10 : 22);
}

static int write_part(struct writer *w, int part, struct cw_error *err) {
    char stage[64];
    struct part *p = &w->parts[part];
    bool last_part = part == w->part_count - 1;
    double start = w->seconds, target = (total_seconds(w) - w->seconds) / (w->part_count - part);
    int refills = 0;
    p->seconds = target;
    snprintf(stage, sizeof stage, "writing %d/%d", part + 1, w->part_count);
    w->fresh[0] = w->fresh[1] =
        true; /* a part depends on what was written, not on how: it comes out the same when the writer takes it up again */
    /* facts for a few parts at once: they share a prompt of their own, and changing prompts costs seconds */
    for (int i = part; part % PLAN_AHEAD == 0 && i < w->part_count && i < part + PLAN_AHEAD; i++) {
        /* a document has enough for every turn that states something */
        int each = w->sources != NULL ? 34 : 56, wanted = (writer_words_in(w, target) + each / 2) / each;
        writer_tell(w, "gathering facts");
        if (writer_gather(w, i, wanted < 2 ? 2 : wanted > FACTS_MAX ? FACTS_MAX : wanted, err) != 0) {
            return -1;
        }
    }
    writer_tell(w, stage);
    if (writer_part_prompt(w, part, err) != 0 || cw_script_add_segment(w->script, p->question, err) != 0) {
        return -1;
    }
    w->history_from = w->history_count > 2 ? w->history_count - 2 : 0;
    if (!cw_llm_follows_grammar(w->llm)) {
        return writer_part_at_once(w, part, start + target, last_part ? closing_words(w) : 0, err);
    }
    enum beat beat = part == 0 ? BEAT_OPEN : BEAT_TURN;
    enum beat last = beat; /* that was written */
    int skipped = 0, extended = 0;
    bool dry = false; /* the document has no more for this part */
    for (;;) {
        int left = writer_words_in(w, target - (w->seconds - start)) - (last_part ? closing_words(w) : 0);
        bool first = w->script->segments[part].turn_count == 0;
        if (!first && writer_part_full(w, last, left)) {
            return last_part ? 0 : writer_sum_up(w, part, err);
        }
        if (w->sources != NULL && p->told == p->fact_count && p->fact_count < FACTS_MAX && left > 14 && !dry) {
            int before = p->fact_count; /* a document goes on; the prompt stays, the note tells the fact */
            if (writer_gather(w, part, 2, err) != 0) {
                return -1;
            }
            dry = p->fact_count == before || p->facts[before].passage < 0;
            beat = beat == BEAT_EXTEND && !dry ? BEAT_TELL : beat;
        } else if (beat == BEAT_EXTEND && p->told == p->fact_count && extended > 0 && left > 60 && refills < REFILLS) {
            refills++;
            writer_tell(w, "gathering facts");
            if (writer_gather(w, part, 3, err) != 0 || writer_part_prompt(w, part, err) != 0) {
                return -1;
            }
            writer_tell(w, stage);
            beat = p->told < p->fact_count ? BEAT_TELL : beat;
        }
        bool written = false;
        int speaker = writer_next_speaker(w, beat);
        beat = beat == BEAT_TELL && !writer_bring_fact(p, speaker) ? BEAT_EXTEND : beat;
        const struct fact *fact = beat == BEAT_TELL ? &p->facts[p->told] : NULL;
        const char *subject = writer_subject(w, p, speaker, &beat);
        if (writer_write_turn(w, part, beat, speaker, subject, fact, left + 8 > 14 ? left + 8 : 14, &written, err) != 0) {
            return -1;
        }
        if (beat == BEAT_TELL) {
            p->told++; /* a fact that would not come out well is left out */
            extended = 0;
        } else if (beat == BEAT_EXTEND) {
            extended++;
        }
        last = written ? beat : last;
        skipped = written ? 0 : skipped + 1;
        if (skipped > 5) {
            if (!first) {
                return last_part ? 0 : writer_sum_up(w, part, err); /* the words left go to the parts that follow */
            }
            return cw_fail(err, CW_FAILED,
                           "writer: the language model %s wrote no acceptable line in %d tries; expected a model that writes dialogue",
                           cw_llm_name(w->llm), skipped * TRIES);
        }
        if (written || !first) {
            /* a beat that failed gives way to another one, so the talk does not stall on it: of the other kind, but where that would have
             * one who asks tell */
            enum beat after = written ? beat : writer_beat_asks(beat) ? BEAT_TELL : writer_roles(w) ? BEAT_REACT : beat;
            beat = writer_next_beat(w, after, p, writer_words_in(w, target - (w->seconds - start)), extended);
        }
    }
}

static int close_talk(struct writer *w, struct cw_error *err) {
    bool written = false, roles = writer_roles(w);
    struct cw_text line = {0};
    int status = -1, last_part = w->part_count - 1;
    writer_tell(w, "closing");
    /* what the parts left over: a step further, then what to remember, then goodbye */
    for (int i = 0; i < 8 && words_left(w) > closing_words(w) + 14; i++) {
        enum beat beat = (roles ? w->last_speaker == 0 : i % 2 == 0) ? BEAT_EXTEND : BEAT_REACT;
        if (writer_write_turn(w, last_part, beat, writer_next_speaker(w, beat), w->topic, NULL, words_left(w) - closing_words(w) + 4,
                              &written, err) != 0) {
            goto done;
        }
    }
    /* who tells is asked once more before he sums up, and who asks says goodbye */
    if (roles && w->last_speaker != 0 && words_left(w) > CLOSING_WORDS &&
        writer_write_turn(w, last_part, BEAT_ASK, 0, "", NULL, words_left(w) - CLOSING_WORDS + 6, &written, err) != 0) {
        goto done;
    }
    written = false;
    bool asked = false; /* no line to sum up with, or one of a few words: others to get there in time */
    for (int i = 0; i < 3 && (asked || words_left(w) > (written ? SPARE_WORDS : SUMMED_WORDS)); i++) {
        enum beat beat = i == 0 ? BEAT_SUM : i == 1 && !roles ? BEAT_REACT : i == 1 && written ? BEAT_ASK : BEAT_EXTEND;
        if (writer_write_turn(w, last_part, beat, writer_next_speaker(w, beat), beat == BEAT_ASK ? "" : w->topic, NULL, words_left(w) - 12,
                              &written, err) != 0) {
            goto done;
        }
        asked = beat == BEAT_ASK && written;
    }
    int speaker = writer_next_speaker(w, BEAT_CLOSE), other = w->last_speaker, left = words_left(w);
    if (writer_write_turn(w, last_part, BEAT_CLOSE, speaker, w->topic, NULL, left < 12 ? 12 : left, &written, err) != 0) {
        goto done;
    }
    if (!written) { /* a talk always ends properly */
        if (other >= 0 && other != speaker) {
            cw_text_printf(&line, "Thank you, %s. ", w->script->cast[other].name);
        }
        cw_text_add(&line, "Thank you for listening, and goodbye.");
        if (cw_text_check(&line, "writer", err) != 0 || writer_take_turn(w, last_part, speaker, "", line.data, NULL, err) != 0) {
            goto done;
        }
    }
    status = 0;
done:
    cw_text_free(&line);
    return status;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------------ */

/* One line of speakable text, or refused. */
static int clean_topic(struct writer *w, struct cw_error *err) {
    const char *t = w->params.topic;
    size_t n = t != NULL ? strlen(t) : 0, len = 0;
    bool letters = false;
    if (n > TOPIC_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "topic: expected at most %d bytes; found %zu", TOPIC_MAX, n);
    }
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        int k = cw_utf8_next(t + i, n - i, &c);
        if (k == 0) {
            return cw_fail(err, CW_BAD_INPUT, "topic: expected UTF-8 text; found an invalid byte 0x%02x at %zu",
                           (unsigned)(unsigned char)t[i], i);
        }
        bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (!blank && (c < 0x20 || (c >= 0x7F && c < 0xA0))) {
            return cw_fail(err, CW_BAD_INPUT, "topic: expected printable text; found the control character U+%04X at byte %zu", (unsigned)c,
                           i);
        }
        letters = letters || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0xC0;
        if (!blank) {
            memcpy(w->topic + len, t + i, (size_t)k);
            len += (size_t)k;
        } else if (len > 0 && w->topic[len - 1] != ' ') {
            w->topic[len++] = ' ';
        }
        i += (size_t)k;
    }
    while (len > 0 && w->topic[len - 1] == ' ') {
        len--;
    }
    w->topic[len] = '\0';
    w->topic_hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < len; i++) {
        w->topic_hash = (w->topic_hash ^ (unsigned char)w->topic[i]) * 1099511628211u;
    }
    if (!letters) {
        return cw_fail(err, CW_BAD_INPUT, "topic: expected words; found %s", len == 0 ? "nothing" : "none");
    }
    return 0;
}

static int check_params(struct writer *w, struct cw_error *err) {
    int status = -1;
    const struct cw_script *s = w->script;
    if (clean_topic(w, err) != 0) {
        goto done;
    }
    if (!(w->params.minutes >= 0.25 && w->params.minutes <= 180)) {
        cw_fail(err, CW_BAD_INPUT, "minutes: expected 0.25 to 180; found %g", w->params.minutes);
        goto done;
    }
    if (!(w->params.words_per_minute >= 60 && w->params.words_per_minute <= 300)) {
        cw_fail(err, CW_BAD_INPUT, "words per minute: expected 60 to 300; found %g", w->params.words_per_minute);
        goto done;
    }
    if (s->cast_count < 1 || s->segment_count != 0) {
        cw_fail(err, CW_BAD_INPUT, "writer: expected a script with a cast and no turns yet; found a cast of %d and %d segments",
                s->cast_count, s->segment_count);
        goto done;
    }
    if (s->language == NULL || writer_language(s->language) == NULL) {
        cw_fail(err, CW_BAD_INPUT, "language: expected one the writer has letters for (en, es, fr, it, pt, de, nl, pl); found \"%.40s\"",
                s->language != NULL ? s->language : "");
        goto done;
    }
    if (s->cast_count < w->style->least || s->cast_count > w->style->most) {
        cw_fail(err, CW_BAD_INPUT, "style %s: expected a cast of %d to %d; found %d", w->style->name, w->style->least, w->style->most,
                s->cast_count);
        goto done;
    }
    for (int i = 0; i < s->cast_count; i++) {
        for (int k = 0; k < s->cast[i].opener_count; k++) {
            const char *words = s->cast[i].openers[k];
            if (writer_banned_opener(words) != NULL || writer_greets(words) || writer_takes_leave(words)) {
                cw_fail(err, CW_BAD_INPUT,
                        "openers of %s: expected none of empty agreement, greeting or goodbye, which no turn may begin with; found \"%s\"",
                        s->cast[i].name, words);
                goto done;
            }
        }
    }
    status = 0;
done:
    return status;
}

int cw_writer_run(struct cw_llm *llm, struct cw_writer_params params, const struct cw_writer_events *events, struct cw_script *s,
                  struct cw_error *err) {
    int status = -1;
    struct cw_style *standard = NULL;
    struct writer *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return cw_fail_memory(err, "writer");
    }
    w->llm = llm;
    w->plan_llm = params.planner != NULL ? params.planner : llm;
    w->params = params;
    w->events = events;
    w->script = s;
    w->style = params.style;
    w->last_speaker = -1;
    w->sources = params.sources != NULL && params.sources->count > 0 ? params.sources : NULL;
    if (w->style == NULL) {
        if (cw_style_open(&standard, NULL, err) != 0) {
            goto done;
        }
        w->style = standard;
    }
    if (check_params(w, err) != 0) {
        goto done;
    }
    w->part_count = (int)floor(params.minutes / 1.2 + 0.5);
    w->part_count = w->part_count < 1 ? 1 : w->part_count > PARTS_MAX ? PARTS_MAX : w->part_count;
    writer_system_prompt(&w->system, s, w->style);
    cw_text_printf(&w->known, "%s\n", w->topic);
    for (int i = 0; i < w->style->example_count; i++) {
        if (ledger_add(&w->examples, w->style->examples[i].line, err) != 0) {
            goto done;
        }
    }
    if (w->sources != NULL) {
        w->passage_used = calloc((size_t)w->sources->count, sizeof *w->passage_used);
        w->passage_cited = calloc((size_t)w->sources->count, sizeof *w->passage_cited);
        if (w->passage_used == NULL || w->passage_cited == NULL) {
            cw_fail_memory(err, "writer");
            goto done;
        }
    }
    writer_tell(w, "planning");
    w->fresh[0] = w->fresh[1] = true;
    bool remembers = cw_llm_follows_grammar(w->llm) || cw_llm_follows_grammar(w->plan_llm);
    if (cw_text_check(&w->system, "writer", err) != 0 || cw_text_check(&w->known, "writer", err) != 0 ||
        journal_open(&w->journal, params.journal, params.journal_key, remembers, err) != 0) {
        goto done;
    }
    writer_take_up(w);
    if (writer_plan(w, err) != 0 || journal_mark(w->journal, "plan", err) != 0) {
        goto done;
    }
    for (int i = 0; i < w->part_count; i++) {
        if (write_part(w, i, err) != 0 || journal_mark(w->journal, w->parts[i].question, err) != 0) {
            goto done;
        }
    }
    w->fresh[0] = w->fresh[1] = true;
    if (close_talk(w, err) != 0) {
        goto done;
    }
    writer_tell(w, "written");
    status = 0;
done:
    for (int i = 0; i < PARTS_MAX; i++) {
        writer_part_free(&w->parts[i]);
    }
    for (int i = 0; i < w->history_count; i++) {
        free(w->history[i]);
    }
    free(w->history);
    journal_close(w->journal);
    free(w->angle);
    free(w->passage_used);
    free(w->passage_cited);
    ledger_free(&w->said);
    ledger_free(&w->examples);
    cw_text_free(&w->system);
    cw_text_free(&w->user);
    cw_text_free(&w->prefill);
    cw_text_free(&w->known);
    cw_style_close(standard);
    free(w);
    return status;
}

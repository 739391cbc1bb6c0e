/* A topic -> a script, with a small language model that needs a firm hand.
 *
 *   topic ─▶ outline (title; a question for each part) ─▶ for each part: a few facts ─▶ beats (a question, a fact, a
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
    TOPIC_MAX = 2000, /* bytes */
    PARTS_MAX = 40,
    FACTS_MAX = 8,      /* of one part */
    PLAN_AHEAD = 4,     /* parts whose facts are gathered together */
    TRIES = 5,          /* lines asked for before a beat is given up */
    GOOD = 29,          /* a line with at most this penalty is taken at once, */
    MIDDLING = 60,      /* with this one after two tries, */
    TOLERABLE = 100,    /* with this one after three; with more, never */
    CLOSING_WORDS = 36, /* kept for the last two turns */
};

struct part {
    char *question; /* what the part answers, and its heading */
    char *facts[FACTS_MAX];
    int fact_count, told;
};

struct writer {
    struct cw_llm *llm;
    struct cw_writer_params params;
    const struct cw_writer_events *events;
    struct cw_script *script;
    const struct style *style;
    char topic[TOPIC_MAX + 1];
    struct part parts[PARTS_MAX];
    int part_count;
    struct cw_text system, user, prefill, known;
    char **history; /* "(note)\nName: text\n", the newest last */
    int history_count, history_from;
    struct ledger said, examples;
    int words, total_words;
    int words_by[CW_CAST_MAX];
    int last_speaker;
    unsigned char used[OPENERS_MAX];
    uint64_t calls, picks;
    uint64_t topic_hash; /* another topic, another order of moves and openers */
};

struct cw_writer_params cw_writer_params_default(void) {
    return (struct cw_writer_params){.minutes = 3, .words_per_minute = 165, .style = "conversation", .seed = 1};
}

static void tell_stage(const struct writer *w, const char *what) {
    if (w->events != NULL && w->events->stage != NULL) {
        double done = (double)w->words / w->total_words;
        w->events->stage(w->events->arg, what, done > 1 ? 1 : done);
    }
}

static uint32_t random_word(struct writer *w) {
    uint32_t words[4];
    cw_philox(w->params.seed ^ w->topic_hash, 2, w->picks++, words);
    return words[0];
}

/* ---- asking the model ------------------------------------------------------------------------------------------------ */

/* A line on its way: it may not begin with empty agreement nor run along words said before, and is given up when it will not end. */
struct line_watch {
    const struct writer *writer;
    const char *opener, *name;
    struct cw_text text;
};

static bool admit_word(void *arg, const char *text) {
    const struct line_watch *l = arg;
    text += text[0] == ' ';
    return !(l->opener[0] == '\0' && writer_bad_start(text)) && !ledger_has_run(&l->writer->said, text) &&
           !ledger_has_run(&l->writer->examples, text) && (l->writer->script->cast_count == 1 || strstr(text, l->name) == NULL);
}

static bool watch_line(void *arg, const char *text, size_t len) {
    struct line_watch *l = arg;
    cw_text_add_n(&l->text, text, len);
    return !l->text.failed && memchr(text, '\n', len) == NULL && words_in_sentence(l->text.data) <= 27;
}

static int ask(struct writer *w, const char *system, const char *prefill, const char *grammar, int max_tokens, float temperature,
               struct line_watch *watch, struct cw_text *out, struct cw_error *err) {
    struct cw_llm_message messages[] = {{"system", system}, {"user", w->user.data}};
    uint32_t seed[4];
    cw_philox(w->params.seed, 1, w->calls, seed);
    struct cw_llm_request r = {
        .messages = messages,
        .message_count = 2,
        .prefill = prefill,
        .grammar = grammar,
        .max_tokens = max_tokens,
        .temperature = temperature,
        .seed = ((uint64_t)seed[0] << 32 | seed[1]) | 1,
        .fresh = w->calls == 0,
        .piece = watch != NULL ? watch_line : NULL,
        .admit = watch != NULL ? admit_word : NULL,
        .arg = watch,
    };
    w->calls++;
    return cw_llm_generate(w->llm, &r, out, err);
}

/* ---- the plan ------------------------------------------------------------------------------------------------------------ */

/* [from, to) without blanks and closing punctuation at its ends, as a string of its own. */
static char *trimmed(const char *from, const char *to) {
    while (from < to && *from == ' ') {
        from++;
    }
    while (to > from && strchr(" .,-", to[-1]) != NULL) {
        to--;
    }
    return cw_strndup(from, (size_t)(to - from));
}

/* "Title: T\n1. question?\n..." -> title and questions; what is missing stays NULL. */
static int read_outline(struct writer *w, const char *text, struct cw_error *err) {
    for (const char *line = text; *line != '\0';) {
        const char *end = line + strcspn(line, "\n"), *from = line;
        char **at = NULL;
        int number = 0, used = 0;
        if (strncmp(line, "Title: ", 7) == 0) {
            at = &w->script->title;
            from += 7;
        } else if (sscanf(line, "%d.%n", &number, &used) == 1 && number >= 1 && number <= w->part_count) {
            at = &w->parts[number - 1].question;
            from += used;
        }
        if (at != NULL) {
            free(*at);
            *at = trimmed(from, end);
            if (*at == NULL) {
                return cw_fail_memory(err, "writer");
            }
        }
        line = end + (*end == '\n');
    }
    return 0;
}

/* Taken over from an example that the model was shown? */
static bool is_copied(const struct writer *w, const char *text) {
    struct words words;
    struct cw_error ignored;
    bool copied = false;
    if (words_of(&words, text, &ignored) != 0) {
        return true;
    }
    for (int i = 0; i < w->examples.count && !copied; i++) {
        copied = strstr(w->examples.turns[i].plain, words.plain) != NULL || words_copied(&words, &w->examples.turns[i]) > 0.3;
    }
    words_free(&words);
    return copied;
}

/* A short title, short questions, each its own. */
static bool outline_good(const struct writer *w) {
    bool good = w->script->title != NULL && words_count(w->script->title) <= 12;
    for (int i = 0; i < w->part_count && good; i++) {
        const char *q = w->parts[i].question;
        good = q != NULL && words_count(q) <= 14 && strlen(q) <= 100 && !is_copied(w, q);
        for (int k = 0; k < i && good; k++) {
            good = strcmp(q, w->parts[k].question) != 0;
        }
    }
    return good;
}

/* Ends a text after so many words and bytes, never inside a character; nothing in it may look like a comment of the script. */
static void keep_short(char *s, int words, size_t bytes) {
    size_t n = 0;
    for (; s[n] != '\0' && n < bytes; n++) {
        if (s[n] == ' ' && --words == 0) {
            break;
        }
        if (s[n] == '<') {
            s[n] = '(';
        }
    }
    while (n > 0 && (((unsigned char)s[n] & 0xC0) == 0x80 || s[n - 1] == ' ')) {
        n--;
    }
    s[n] = '\0';
}

static int plan(struct writer *w, struct cw_error *err) {
    int status = -1;
    struct cw_text grammar = {0}, text = {0};
    writer_grammar_outline(&grammar, w->part_count);
    cw_text_clear(&w->user);
    cw_text_printf(&w->user,
                   "Topic: %s\n\nPlan a talk on this topic. First a short catchy title. Then %d short question%s, one a line, each about "
                   "another side of "
                   "the topic, that a curious listener would ask in this order. At most ten words each.%s",
                   w->topic, w->part_count, w->part_count == 1 ? "" : "s",
                   w->part_count == 1 ? "" : " The last one asks what people do about it or what comes next.");
    if (cw_text_check(&grammar, "writer", err) != 0 || cw_text_check(&w->user, "writer", err) != 0) {
        goto done;
    }
    for (int i = 0; i < 3 && !outline_good(w); i++) {
        cw_text_clear(&text);
        free(w->script->title);
        w->script->title = NULL;
        if (ask(w, writer_expert_prompt, NULL, grammar.data, 40 + 48 * w->part_count, 0.4f + 0.2f * (float)i, NULL, &text, err) != 0 ||
            cw_text_check(&text, "writer", err) != 0 || (text.data != NULL && read_outline(w, text.data, err) != 0)) {
            goto done;
        }
    }
    /* a plan that was cut short still makes a talk: the topic stands in for what is missing */
    if (w->script->title == NULL || w->script->title[0] == '\0') {
        free(w->script->title);
        w->script->title = cw_strdup(w->topic);
    }
    bool whole = w->script->title != NULL;
    if (whole) {
        keep_short(w->script->title, 14, 120);
    }
    for (int i = 0; i < w->part_count; i++) {
        struct part *p = &w->parts[i];
        if (p->question == NULL || p->question[0] == '\0') {
            free(p->question);
            p->question = cw_strdup(w->topic);
        }
        whole = whole && p->question != NULL;
        if (p->question != NULL) {
            keep_short(p->question, 16, 120);
        }
    }
    if (!whole) {
        cw_fail_memory(err, "writer");
        goto done;
    }
    status = 0;
done:
    cw_text_free(&grammar);
    cw_text_free(&text);
    return status;
}

/* Like a fact that some part has already? */
static int known_fact(const struct writer *w, const char *fact, bool *known, struct cw_error *err) {
    int status = -1;
    struct words new_words = {0}, old = {0};
    *known = is_copied(w, fact);
    if (words_of(&new_words, fact, err) != 0) {
        goto done;
    }
    for (int i = 0; i < w->part_count && !*known; i++) {
        for (int k = 0; k < w->parts[i].fact_count && !*known; k++) {
            if (words_of(&old, w->parts[i].facts[k], err) != 0) {
                goto done;
            }
            *known = words_likeness(&new_words, &old) > 0.6 || words_copied(&new_words, &old) > 0.3;
            words_free(&old);
        }
    }
    status = 0;
done:
    words_free(&new_words);
    words_free(&old);
    return status;
}

/* What was said: the facts of the two parts before, the questions of those before them. */
static void list_told(struct writer *w, int part) {
    if (part > 0) {
        cw_text_add(&w->user, "Said before, not to be said again:\n");
    }
    for (int i = 0; i < part; i++) {
        if (i + 2 < part) {
            cw_text_printf(&w->user, "- %s\n", w->parts[i].question);
        }
        for (int k = 0; i + 2 >= part && k < w->parts[i].told; k++) {
            cw_text_printf(&w->user, "- %s\n", w->parts[i].facts[k]);
        }
    }
}

/* A list's own words ("Additionally,") do not belong to the fact. */
static char *bare_fact(const char *from, const char *end) {
    static const char *const leads[] = {"Additionally, ",
                                        "Furthermore, ",
                                        "Moreover, ",
                                        "In addition, ",
                                        "Also, ",
                                        "Finally, ",
                                        "One specific fact is that ",
                                        "Another specific fact is that ",
                                        "One fact is that ",
                                        "Another fact is that ",
                                        "A third fact is that ",
                                        "The reason is that "};
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        size_t n = strlen(leads[i]);
        if ((size_t)(end - from) > n + 10 && strncmp(from, leads[i], n) == 0) {
            from += n;
            i = (size_t)-1; /* once more, from the first */
        }
    }
    char *fact = cw_strndup(from, (size_t)(end - from));
    if (fact != NULL && fact[0] >= 'a' && fact[0] <= 'z') {
        fact[0] = (char)(fact[0] - 'a' + 'A');
    }
    return fact;
}

/* Asks for `count` more facts about a part; those that are new join it. */
static int gather_facts(struct writer *w, int part, int count, struct cw_error *err) {
    int status = -1;
    struct part *p = &w->parts[part];
    struct cw_text grammar = {0}, text = {0};
    char *fact = NULL;
    writer_grammar_facts(&grammar, count);
    cw_text_clear(&w->user);
    cw_text_printf(&w->user, "Topic: %s. Question: %s\n", w->topic, p->question);
    cw_text_printf(&w->user, "Give %d specific facts as a list, one sentence each, with the reason in it.", count);
    if (cw_text_check(&grammar, "writer", err) != 0 || cw_text_check(&w->user, "writer", err) != 0 ||
        ask(w, writer_expert_prompt, NULL, grammar.data, 48 * count, 0.5f, NULL, &text, err) != 0 ||
        cw_text_check(&text, "writer", err) != 0) {
        goto done;
    }
    for (char *line = text.data; line != NULL && *line != '\0' && p->fact_count < FACTS_MAX;) {
        char *end = line + strcspn(line, "\n");
        if (strncmp(line, "- ", 2) == 0 && *end == '\n') {
            bool known = false;
            fact = bare_fact(line + 2, end);
            if (fact == NULL) {
                cw_fail_memory(err, "writer");
                goto done;
            }
            if (known_fact(w, fact, &known, err) != 0) {
                goto done;
            }
            if (!known) {
                cw_text_printf(&w->known, "%s\n", fact);
                p->facts[p->fact_count++] = fact;
            } else {
                free(fact);
            }
            fact = NULL;
        }
        line = end + (*end == '\n');
    }
    status = cw_text_check(&w->known, "writer", err);
done:
    free(fact);
    cw_text_free(&grammar);
    cw_text_free(&text);
    return status;
}

/* The message that stays the same while a part is written. */
static int part_prompt(struct writer *w, int part, struct cw_error *err) {
    struct part *p = &w->parts[part];
    cw_text_clear(&w->user);
    cw_text_printf(&w->user, "Topic: %s\nTitle: %s\n", w->topic, w->script->title);
    list_told(w, part);
    cw_text_printf(&w->user, "\nWrite part %d of %d: %s\nFacts:\n", part + 1, w->part_count, p->question);
    for (int i = 0; i < p->fact_count; i++) {
        cw_text_printf(&w->user, "- %s\n", p->facts[i]);
    }
    cw_text_add(&w->user, "Keep to these facts; invent no numbers. One line after each note, then stop.");
    return cw_text_check(&w->user, "writer", err);
}

/* ---- one turn -------------------------------------------------------------------------------------------------------------- */

struct shape {
    int least, most; /* sentences */
    int words;       /* at most, about */
    bool question;
};

static struct shape shape_of(enum beat beat) {
    switch (beat) {
    case BEAT_OPEN:
        return (struct shape){2, 3, 38, false};
    case BEAT_TURN:
        return (struct shape){1, 2, 26, true};
    case BEAT_ASK:
        return (struct shape){1, 2, 22, true};
    case BEAT_TELL:
        return (struct shape){1, 3, 40, false};
    case BEAT_REACT:
        return (struct shape){1, 2, 26, false};
    case BEAT_EXTEND:
        return (struct shape){1, 3, 36, false};
    case BEAT_SUM:
        return (struct shape){1, 2, 32, false};
    case BEAT_CLOSE:
        break;
    }
    return (struct shape){1, 2, 22, false};
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
        } while (n > 1 && !(s[n] == ' ' && strchr(".?!", s[n - 1]) != NULL));
        if (n <= 1) {
            return;
        }
        s[n] = '\0';
    }
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

/* Takes the line into the script and tells who listens. */
static int take_turn(struct writer *w, int speaker, const char *note, const char *text, struct cw_error *err) {
    struct cw_script *s = w->script;
    if (cw_script_add_turn(s, speaker, text, err) != 0) {
        return -1;
    }
    int words = words_count(text);
    w->words += words;
    w->words_by[speaker] += words;
    w->last_speaker = speaker;
    if (remember(w, note, s->cast[speaker].name, text, err) != 0) {
        return -1;
    }
    const struct cw_writer_events *e = w->events;
    if (e != NULL && e->turn != NULL && !e->turn(e->arg, s, s->segment_count - 1, s->segments[s->segment_count - 1].turn_count - 1)) {
        return cw_fail(err, CW_FAILED, "writer: stopped after %d turns", cw_script_turns(s));
    }
    return 0;
}

/* Writes one turn; `*written` is false when no line passed and the beat is left out. */
static int write_turn(struct writer *w, enum beat beat, int speaker, const char *subject, int most_words, bool *written,
                      struct cw_error *err) {
    int status = -1, best = TOLERABLE + 1;
    const struct cw_script *s = w->script;
    const char *name = s->cast[speaker].name;
    int other = w->last_speaker >= 0 && w->last_speaker != speaker ? w->last_speaker : speaker;
    struct cw_text note = {0}, opener = {0}, grammar = {0}, line = {0};
    char *best_text = NULL;
    struct shape shape = shape_of(beat);
    *written = false;
    shape.words = most_words < shape.words ? most_words : shape.words;
    if (shape.words < 18 && shape.least == 1) {
        shape.most = 1;
    }
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
            writer_note(&note, &opener, beat, w->style, name, s->cast[other].name, subject, random_word(w), w->used);
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
        if (plain_fact) { /* twice off its subject: the fact is a spoken sentence as it stands */
            cw_text_add(&line, subject);
        } else {
            cw_text_add(&line, opener.data);
        }
        struct line_watch watch = {.writer = w, .opener = opener.data, .name = name};
        /* each further try is a little freer than the one that failed */
        int asked =
            plain_fact ? 0 : ask(w, w->system.data, w->prefill.data, grammar.data, max_tokens, 0.75f + 0.1f * (float)i, &watch, &line, err);
        cw_text_free(&watch.text);
        if (asked != 0 || cw_text_check(&line, "writer", err) != 0) {
            goto done;
        }
        char *text = line.data + (line.data[0] == ' ');
        text[strcspn(text, "\n")] = '\0';
        cut_to_sentence(text);
        if (!shape.question && beat != BEAT_CLOSE) {
            cut_to_words(text, shape.words + shape.words / 4);
        }
        struct turn_check check = {
            .script = s,
            .speaker = speaker,
            .beat = beat,
            .said = &w->said,
            .examples = &w->examples,
            .fact = beat == BEAT_TELL ? subject : NULL,
            .known = w->known.data,
            .most_words = shape.words,
        };
        if (writer_check_turn(&check, text, &penalty, &why, err) != 0) {
            goto done;
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
        if (take_turn(w, speaker, note.data, best_text, err) != 0) {
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

static bool asks(enum beat b) {
    return b == BEAT_OPEN || b == BEAT_TURN || b == BEAT_ASK || b == BEAT_REACT;
}

/* Never the one who spoke last; else who has said least. With fixed roles the first of the cast asks and the others tell. */
static int next_speaker(const struct writer *w, enum beat beat) {
    int n = w->script->cast_count, best = -1;
    for (int i = 0; i < n; i++) {
        bool fits = !w->style->fixed_roles || n <= 2 || (i == 0) == asks(beat) || (asks(beat) && w->last_speaker == 0);
        if (i == w->last_speaker && n > 1) {
            continue;
        }
        if (fits && (best < 0 || w->words_by[i] < w->words_by[best])) {
            best = i;
        }
    }
    for (int i = 0; best < 0; i++) {
        best = i != w->last_speaker || n == 1 ? i : -1;
    }
    return best;
}

/* What comes after `last` with this many words and facts left. */
static enum beat next_beat(struct writer *w, enum beat last, const struct part *p, int words_left, int extended) {
    int facts_left = p->fact_count - p->told;
    if (asks(last) || w->script->cast_count == 1) {
        bool room = facts_left == 0 || words_left / facts_left > 75;
        return (room && extended == 0 && p->told > 0) || facts_left == 0 ? BEAT_EXTEND : BEAT_TELL;
    }
    /* two of equal standing: the other one may have a fact to add at once */
    if (last == BEAT_EXTEND && facts_left > 0 && !w->style->fixed_roles && random_word(w) % 3 == 0) {
        return BEAT_TELL;
    }
    return random_word(w) % 5 < 2 ? BEAT_ASK : BEAT_REACT;
}

static int write_part(struct writer *w, int part, struct cw_error *err) {
    char stage[64];
    struct part *p = &w->parts[part];
    bool last_part = part == w->part_count - 1;
    int start = w->words, reserve = last_part ? CLOSING_WORDS : 0;
    int budget = (w->total_words - w->words) / (w->part_count - part) - reserve;
    snprintf(stage, sizeof stage, "writing %d/%d", part + 1, w->part_count);
    /* facts for a few parts at once: they share a prompt of their own, and changing prompts costs seconds */
    for (int i = part; part % PLAN_AHEAD == 0 && i < w->part_count && i < part + PLAN_AHEAD; i++) {
        int wanted = ((w->total_words - w->words) / (w->part_count - part) + 28) / 56;
        tell_stage(w, "gathering facts");
        if (gather_facts(w, i, wanted < 2 ? 2 : wanted > FACTS_MAX ? FACTS_MAX : wanted, err) != 0) {
            return -1;
        }
    }
    tell_stage(w, stage);
    if (part_prompt(w, part, err) != 0 || cw_script_add_segment(w->script, p->question, err) != 0) {
        return -1;
    }
    w->history_from = w->history_count > 2 ? w->history_count - 2 : 0;
    enum beat beat = part == 0 ? BEAT_OPEN : BEAT_TURN;
    enum beat last = beat; /* that was written */
    int skipped = 0, extended = 0;
    for (;;) {
        int left = budget - (w->words - start);
        bool first = w->script->segments[part].turn_count == 0;
        bool question = last == BEAT_OPEN || last == BEAT_TURN || last == BEAT_ASK || (last == BEAT_REACT && w->style->fixed_roles);
        /* a part ends neither on a question nor just before one that would have no room for an answer */
        if (!first && !question && left < (asks(last) ? 10 : 22)) {
            return 0;
        }
        const char *subject = beat == BEAT_OPEN ? w->topic : beat == BEAT_TELL ? p->facts[p->told] : p->question;
        bool written = false;
        if (write_turn(w, beat, next_speaker(w, beat), subject, left + 8 > 14 ? left + 8 : 14, &written, err) != 0) {
            return -1;
        }
        if (beat == BEAT_TELL) {
            p->told++; /* a fact that would not come out well is left out */
            extended = 0;
        } else if (beat == BEAT_EXTEND) {
            extended++;
        }
        last = written ? beat : last;
        if (!written && ++skipped > 5 + p->fact_count) {
            if (!first) {
                return 0; /* the words left go to the parts that follow */
            }
            return cw_fail(err, CW_FAILED,
                           "writer: the language model %s wrote no acceptable line in %d tries; expected a model that writes dialogue",
                           cw_llm_name(w->llm), skipped * TRIES);
        }
        if (written || !first) {
            /* a beat that failed gives way to one of the other kind, so the talk does not stall on it */
            beat = next_beat(w, written || !asks(beat) ? beat : BEAT_TELL, p, budget - (w->words - start), extended);
        }
    }
}

static int close_talk(struct writer *w, struct cw_error *err) {
    bool written = false;
    struct cw_text line = {0};
    int status = -1;
    tell_stage(w, "closing");
    int left = w->total_words - w->words;
    if (left > 28) {
        if (write_turn(w, BEAT_SUM, next_speaker(w, BEAT_SUM), w->topic, left - 14, &written, err) != 0) {
            goto done;
        }
        left = w->total_words - w->words;
    }
    int speaker = next_speaker(w, BEAT_CLOSE), other = w->last_speaker;
    if (write_turn(w, BEAT_CLOSE, speaker, w->topic, left < 12 ? 12 : left, &written, err) != 0) {
        goto done;
    }
    if (!written) { /* a talk always ends properly */
        if (other >= 0 && other != speaker) {
            cw_text_printf(&line, "Thank you, %s. ", w->script->cast[other].name);
        }
        cw_text_add(&line, "Thank you for listening, and goodbye.");
        if (cw_text_check(&line, "writer", err) != 0 || take_turn(w, speaker, "", line.data, err) != 0) {
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
    struct cw_text styles = {0};
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
    w->style = writer_style(w->params.style);
    if (w->style == NULL) {
        writer_list_styles(&styles);
        if (cw_text_check(&styles, "writer", err) == 0) {
            cw_fail(err, CW_BAD_INPUT, "style: expected one of: %s; found \"%.60s\"", styles.data, w->params.style);
        }
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
    status = 0;
done:
    cw_text_free(&styles);
    return status;
}

int cw_writer_run(struct cw_llm *llm, struct cw_writer_params params, const struct cw_writer_events *events, struct cw_script *s,
                  struct cw_error *err) {
    int status = -1;
    struct writer *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return cw_fail_memory(err, "writer");
    }
    w->llm = llm;
    w->params = params;
    w->events = events;
    w->script = s;
    w->last_speaker = -1;
    if (check_params(w, err) != 0) {
        goto done;
    }
    w->total_words = (int)lround(params.minutes * params.words_per_minute);
    w->part_count = (int)floor(params.minutes / 1.2 + 0.5);
    w->part_count = w->part_count < 1 ? 1 : w->part_count > PARTS_MAX ? PARTS_MAX : w->part_count;
    writer_system_prompt(&w->system, s, w->style);
    cw_text_printf(&w->known, "%s\n", w->topic);
    for (int i = 0; writer_example_line(i) != NULL; i++) {
        if (ledger_add(&w->examples, writer_example_line(i), err) != 0) {
            goto done;
        }
    }
    tell_stage(w, "planning");
    if (cw_text_check(&w->system, "writer", err) != 0 || cw_text_check(&w->known, "writer", err) != 0 || plan(w, err) != 0) {
        goto done;
    }
    for (int i = 0; i < w->part_count; i++) {
        if (write_part(w, i, err) != 0) {
            goto done;
        }
    }
    if (close_talk(w, err) != 0) {
        goto done;
    }
    tell_stage(w, "written");
    status = 0;
done:
    for (int i = 0; i < PARTS_MAX; i++) {
        free(w->parts[i].question);
        for (int k = 0; k < w->parts[i].fact_count; k++) {
            free(w->parts[i].facts[k]);
        }
    }
    for (int i = 0; i < w->history_count; i++) {
        free(w->history[i]);
    }
    free(w->history);
    ledger_free(&w->said);
    ledger_free(&w->examples);
    cw_text_free(&w->system);
    cw_text_free(&w->user);
    cw_text_free(&w->prefill);
    cw_text_free(&w->known);
    free(w);
    return status;
}

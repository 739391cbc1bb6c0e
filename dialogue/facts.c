/* What a part of the talk has to tell: sentences of the passages that fit its question (BM25) and can be said as they stand; the
 * model's own facts where there are no sources or no more of them. */
#include "dialogue/claims.h"
#include "dialogue/writer_impl.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool writer_is_copied(const struct writer *w, const char *text) {
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

/* Like a fact that some part has already? */
static int known_fact(const struct writer *w, const char *fact, bool *known, struct cw_error *err) {
    int status = -1;
    struct words new_words = {0}, old = {0};
    *known = writer_is_copied(w, fact);
    if (words_of(&new_words, fact, err) != 0) {
        goto done;
    }
    for (int i = 0; i < w->part_count && !*known; i++) {
        for (int k = 0; k < w->parts[i].fact_count && !*known; k++) {
            if (words_of(&old, w->parts[i].facts[k].text, err) != 0) {
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

/* The passage that a fact of the model's own words comes from, -1 when none is like it. */
static int passage_of(const struct writer *w, const struct part *p, const char *fact) {
    int best = -1;
    double best_likeness = 0.5;
    struct words a = {0}, b = {0};
    struct cw_error ignored;
    if (p->passage_count > 0 && words_of(&a, fact, &ignored) == 0) {
        for (int i = 0; i < p->passage_count; i++) {
            if (words_of(&b, w->sources->passages[p->passages[i]].text, &ignored) == 0) {
                double like = words_likeness(&a, &b);
                best = like > best_likeness ? p->passages[i] : best;
                best_likeness = like > best_likeness ? like : best_likeness;
            }
            words_free(&b);
        }
    }
    words_free(&a);
    return best;
}

bool writer_by_side(const struct writer *w, const struct part *p) {
    return w->style->sides && p->views[0] != NULL && p->views[1] != NULL;
}

/* Asks the model for `count` more facts about a part, for the view of a side or (-1) of nobody; those that are new join it. */
static int invent_facts(struct writer *w, int part, int side, int count, struct cw_error *err) {
    int status = -1;
    struct part *p = &w->parts[part];
    struct cw_text grammar = {0}, text = {0};
    char *fact = NULL;
    writer_grammar_facts(&grammar, count);
    cw_text_clear(&w->user);
    for (int i = 0; i < p->passage_count; i++) {
        cw_text_printf(&w->user, "[%d] \"%s\"\n", w->sources->passages[p->passages[i]].number, w->sources->passages[p->passages[i]].text);
    }
    cw_text_printf(&w->user, "%sTopic: %s. Question: %s\n", p->passage_count > 0 ? "\nFacts come from these passages alone.\n" : "",
                   w->topic, p->question);
    if (side >= 0) {
        cw_text_printf(&w->user, "View: %s.\n", p->views[side]);
    }
    cw_text_printf(&w->user, "Give %d specific facts%s as a list, one sentence each, with the reason in it.", count,
                   side >= 0 ? " that speak for this view" : "");
    if (cw_text_check(&grammar, "writer", err) != 0 || cw_text_check(&w->user, "writer", err) != 0) {
        goto done;
    }
    const struct question q = {.kind = ASK_FACTS,
                               .count = count,
                               .llm = w->plan_llm,
                               .system = writer_expert_prompt,
                               .user = w->user.data,
                               .grammar = grammar.data,
                               .max_tokens = 48 * count,
                               .temperature = 0.5f};
    if (writer_ask(w, &q, &text, err) != 0 || cw_text_check(&text, "writer", err) != 0) {
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
                p->facts[p->fact_count++] = (struct fact){fact, passage_of(w, p, fact), 0, side};
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

/* ---- from the sources ------------------------------------------------------------------------------------------------------ */

/* A sentence of a passage as it can be said: no brackets, quotation marks or semicolons; NULL when it cannot. */
static char *speakable_sentence(const char *s, size_t n) {
    struct cw_text out = {0};
    int depth = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        int len = cw_utf8_next(s + i, n - i, &c);
        if (len == 0) {
            break;
        }
        bool span =
            c == '-' && i > 0 && i + 1 < n && isdigit((unsigned char)s[i - 1]) && isdigit((unsigned char)s[i + 1]); /* "1973-2008" */
        bool dash = c == 0x2013 || c == 0x2014 || span || (c == '-' && i + 1 < n && s[i + 1] == '-'),
             quote = c == '"' || c == 0x201C || c == 0x201D || c == 0xAB || c == 0xBB || c == '*' || c == '_';
        if (c == '(' || c == '[') {
            depth++;
            while (out.len > 0 && out.data[out.len - 1] == ' ') {
                out.data[--out.len] = '\0';
            }
        } else if (c == ')' || c == ']') {
            depth -= depth > 0;
        } else if (depth == 0 && (c == 0x2018 || c == 0x2019)) {
            cw_text_add_char(&out, '\'');
        } else if (depth == 0 && (dash || c == ';' || c == ':')) {
            bool range =
                dash && i > 0 && isdigit((unsigned char)s[i - 1]) && i + (size_t)len < n && isdigit((unsigned char)s[i + (size_t)len]);
            while (out.len > 0 && out.data[out.len - 1] == ' ') {
                out.data[--out.len] = '\0';
            }
            cw_text_add(&out, range ? " to " : c == ':' && i + 1 < n && s[i + 1] != ' ' ? " " : ", ");
            while (i + (size_t)len < n && (s[i + (size_t)len] == ' ' || s[i + (size_t)len] == '-')) {
                i++;
            }
        } else if (depth == 0 && !quote) {
            cw_text_add_n(&out, s + i, (size_t)len);
        }
        i += (size_t)len;
    }
    cw_text_add(&out, "");
    bool good = !out.failed && depth == 0 && out.len > 0 && out.data[strcspn(out.data, "<>{}#_|\\/=~^`")] == '\0';
    if (!good) {
        cw_text_free(&out);
        return NULL;
    }
    char *end = out.data + out.len;
    while (end > out.data && strchr(" ,", end[-1]) != NULL) {
        *--end = '\0';
    }
    return out.data;
}

static bool begins_with_any(const char *s, const char *const *list, size_t n) {
    bool begins = false;
    for (size_t i = 0; i < n && !begins; i++) {
        begins = strncasecmp(s, list[i], strlen(list[i])) == 0;
    }
    return begins;
}

/* A whole sentence of some words, that neither speaks to the reader's machine, nor orders what is to be said, nor says what its author does
 * and shows. */
static bool can_be_told(const char *s) {
    static const char *const others[] = {"instruction",    "prompt",   "ignore ",        "disregard",  "assistant",
                                         "language model", "as an ai", "system message", " i ",        " you see ",
                                         " before you",    " my ",     "must say ",      "should say "};
    static const char *const orders[] = {"say ",        "repeat ",     "reply ",    "respond ",    "answer ", "tell ",       "write ",
                                         "print ",      "output ",     "speak ",    "pretend ",    "act as ", "do not say ", "never say ",
                                         "always say ", "you are now", "you must ", "from now on", "please ", "now say "};
    size_t n = strlen(s);
    int words = words_count(s);
    bool told = !begins_with_any(s, orders, sizeof orders / sizeof orders[0]) && words >= 4 && words <= 34 && n <= 230 && s[n - 1] == '.' &&
                (isupper((unsigned char)s[0]) || isdigit((unsigned char)s[0]));
    for (size_t i = 0; i < sizeof others / sizeof others[0] && told; i++) {
        told = strcasestr(s, others[i]) == NULL;
    }
    return told;
}

/* Leans on no sentence before it. */
static bool stands_alone(const char *s) {
    static const char *const leaning[] = {
        "it ",       "this ",          "that ",         "these ",        "those ",       "he ",        "she ",
        "they ",     "such ",          "its ",          "his ",          "her ",         "their ",     "however",
        "but ",      "and ",           "or ",           "so ",           "thus",         "hence",      "also",
        "then ",     "here ",          "there ",        "see ",          "in this",      "as such",    "therefore",
        "likewise",  "what ",          "why ",          "how ",          "table ",       "figure ",    "i ",
        "we ",       "you ",           "if you",        "my ",           "our ",         "your ",      "now ",
        "let ",      "instead",        "most of them",  "both ",         "another",      "the second", "the third",
        "not only",  "the cause ",     "the reason",    "the result",    "the former",   "the latter", "the other",
        "in other ", "on the average", "most of these", "some of these", "one of these", "for example"};
    return words_count(s) >= 6 && !begins_with_any(s, leaning, sizeof leaning / sizeof leaning[0]);
}

/* Continues the sentence before it, which it needs and which is better for it. */
static bool goes_on(const char *s) {
    static const char *const going[] = {"it ",          "this ", "these ", "they ", "but ",  "however",    "instead",
                                        "most of them", "its ",  "their ", "so ",   "then ", "the cause ", "most of these"};
    return begins_with_any(s, going, sizeof going / sizeof going[0]);
}

/* The sentence with the next one of its passage (at `next`), where that goes on from it and both are short enough; takes `line`. */
static char *with_next(char *line, const char *next) {
    enum { WORDS = 44 };
    next += strspn(next, " ");
    char *more = *next != '\0' && goes_on(next) ? speakable_sentence(next, source_sentence(next)) : NULL, *both = NULL;
    if (more != NULL && can_be_told(more) && words_count(line) + words_count(more) <= WORDS) {
        size_t n = strlen(line) + strlen(more) + 2;
        both = malloc(n);
        if (both != NULL) {
            snprintf(both, n, "%s %s", line, more);
            free(line);
        }
    }
    free(more);
    return both != NULL ? both : line;
}

/* Words that point at what stood before them or at who spoke: each makes a sentence worth less by itself. */
static int leanings(const char *s) {
    static const char *const words[] = {" this ", " these ", " those ", " such ", " here",   " us ",  " we ",
                                        " our ",  " you ",   "as i ",   " shew",  "however", "figure"};
    int count = 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        count += strcasestr(s, words[i]) != NULL;
    }
    return count;
}

/* What a question asks for: its words, each worth more the fewer passages have it. */
struct wanted {
    struct words words;
    double weight[24], all;
    double there; /* of `all`: what some passage has */
};

static int want(struct wanted *q, const struct cw_sources *s, const char *question, struct cw_error *err) {
    int with[24] = {0}, count;
    memset(q, 0, sizeof *q);
    if (words_of(&q->words, question, err) != 0) {
        return -1;
    }
    count = q->words.content_count < 24 ? q->words.content_count : 24;
    q->words.content_count = count;
    for (int i = 0; i < s->count; i++) {
        struct words words;
        if (words_of(&words, s->passages[i].text, err) != 0) {
            return -1;
        }
        for (int k = 0; k < count; k++) {
            for (int j = 0; j < words.content_count; j++) {
                with[k] += words.content[j] == q->words.content[k];
            }
        }
        words_free(&words);
    }
    for (int k = 0; k < count; k++) {
        q->weight[k] = log(1 + (s->count + 0.5) / (with[k] + 0.5));
        q->all += q->weight[k];
        q->there += with[k] > 0 ? q->weight[k] : 0;
    }
    return 0;
}

/* How much of what is wanted is in a text: 0..1. */
static double answers(const struct wanted *q, const struct words *text) {
    double found = 0;
    for (int k = 0; k < q->words.content_count; k++) {
        for (int j = 0; j < text->content_count; j++) {
            found += text->content[j] == q->words.content[k] ? q->weight[k] : 0;
        }
    }
    return q->all > 0 ? found / q->all : 0;
}

int writer_tellable(const char *passage, int most) {
    int count = 0;
    for (size_t n; *passage != '\0' && count < most; passage += n, passage += strspn(passage, " ")) {
        n = source_sentence(passage);
        char *line = speakable_sentence(passage, n);
        count += line != NULL && can_be_told(line) && stands_alone(line);
        free(line);
    }
    return count;
}

int writer_answered(const struct writer *w, const char *question, double *share, int *passage, struct cw_error *err) {
    int status = -1;
    struct wanted wanted = {0};
    struct cw_text text = {0};
    *share = 0;
    *passage = -1;
    if (want(&wanted, w->sources, question, err) != 0) {
        goto done;
    }
    for (int i = 0; i < w->sources->count; i++) {
        struct words words;
        cw_text_clear(&text);
        cw_text_printf(&text, "%s %s", w->sources->headings[i], w->sources->passages[i].text);
        if (cw_text_check(&text, "writer", err) != 0 || words_of(&words, text.data, err) != 0) {
            goto done;
        }
        double found = answers(&wanted, &words);
        words_free(&words);
        if (found > *share) {
            *share = found;
            *passage = i;
        }
    }
    status = 0;
done:
    words_free(&wanted.words);
    cw_text_free(&text);
    return status;
}

int writer_borne_out(const struct writer *w, const char *text, double *share, struct cw_error *err) {
    struct wanted wanted = {0};
    int status = want(&wanted, w->sources, text, err);
    *share = status == 0 && wanted.all > 0 ? wanted.there / wanted.all : 0;
    words_free(&wanted.words);
    return status;
}

/* Of all sentences of these passages the one that fits the question best and is new; NULL when there is none. `last`: the passage that the
 * fact before came from. */
static int best_sentence(struct writer *w, const int *passages, int count, const struct wanted *question, int last, struct fact *best,
                         struct cw_error *err) {
    double best_score = -9;
    best->text = NULL;
    for (int i = 0; i < count; i++) {
        const char *s = w->sources->passages[passages[i]].text;
        for (size_t n; *s != '\0'; s += n, s += strspn(s, " ")) {
            n = source_sentence(s);
            char *line = speakable_sentence(s, n);
            struct words words = {0};
            bool known = true;
            if (line == NULL) {
                continue;
            }
            if (!can_be_told(line) || !stands_alone(line)) {
                free(line);
                continue;
            }
            line = with_next(line, s + n);
            if (known_fact(w, line, &known, err) != 0 || words_of(&words, line, err) != 0) {
                free(line);
                return -1;
            }
            struct claim claim;
            int content = words.content_count < 12 ? words.content_count : 12;
            double score = answers(question, &words) + 0.6 * (count - i) / count + (passages[i] == last ? 0.15 : 0) + 0.01 * content +
                           0.05 * (claims_figures(line, &claim, 1) > 0) - 0.15 * leanings(line) -
                           (words_in_sentence(line) > 26 ? 0.2 : 0); /* more than a speaker says in one breath */
            words_free(&words);
            if (!known && score > best_score) {
                free(best->text);
                *best = (struct fact){line, passages[i], (long)(s - w->sources->passages[passages[i]].text), -1};
                best_score = score;
            } else {
                free(line);
            }
        }
    }
    return 0;
}

/* Puts a passage before the model while the part is written. */
static void list_passage(struct writer *w, struct part *p, int passage) {
    for (int k = 0; k < p->passage_count; k++) {
        if (p->passages[k] == passage) {
            return;
        }
    }
    if (p->passage_count < PART_PASSAGES) {
        p->passages[p->passage_count++] = passage;
        cw_text_printf(&w->known, "%s\n", w->sources->passages[passage].text);
    }
    if (w->passage_used[passage] < 255) {
        w->passage_used[passage]++;
    }
}

/* Takes the sentences of the passages that fit the part, or the view of a side on it; those read before are read again only when nothing
 * else fits. */
static int find_facts(struct writer *w, int part, int side, int count, struct cw_error *err) {
    enum { BEST = 6, LOOK = 12 };
    int status = -1, best[BEST], found[LOOK], n = 0;
    struct part *p = &w->parts[part];
    struct wanted question = {0};
    struct cw_text query = {0};
    const char *asked = side >= 0 ? p->views[side] : p->question;
    cw_text_printf(&query, "%s %s", asked, w->topic);
    if (cw_text_check(&query, "writer", err) != 0 || want(&question, w->sources, asked, err) != 0) {
        goto done;
    }
    int best_count = cw_sources_find(w->sources, query.data, w->passage_used, best, BEST, err);
    if (best_count < 0) {
        goto done;
    }
    for (int i = 0; i < best_count; i++) { /* what follows the best ones in the document goes on from them */
        for (int k = 0; k < (i == 0 ? 3 : i == 1 ? 2 : 1) && best[i] + k < w->sources->count && n < LOOK; k++) {
            bool there = false;
            for (int j = 0; j < n; j++) {
                there = there || found[j] == best[i] + k;
            }
            if (!there) {
                found[n++] = best[i] + k;
            }
        }
    }
    if (n == 0) { /* a question in other words than the sources': on through them, from where nobody looked */
        for (int i = 0; i < w->sources->count && n < LOOK; i++) {
            int at = (int)(((long)w->sources->count * part / w->part_count + i) % w->sources->count);
            if (w->passage_used[at] == 0) {
                found[n++] = at;
            }
        }
    }
    int before = p->fact_count;
    for (int i = 0; i < count && p->fact_count < FACTS_MAX; i++) {
        struct fact fact = {0};
        int last = p->fact_count > 0 ? p->facts[p->fact_count - 1].passage : -1;
        if (best_sentence(w, found, n, &question, last, &fact, err) != 0) {
            goto done;
        }
        if (fact.text == NULL) {
            break;
        }
        fact.side = side;
        p->facts[p->fact_count++] = fact;
        list_passage(w, p, fact.passage);
        cw_text_printf(&w->known, "%s\n", fact.text);
    }
    /* after the one that answers best, those of one passage in its order */
    for (int i = before + (before == 0); i < p->fact_count; i++) {
        for (int k = i + 1; k < p->fact_count; k++) {
            if (p->facts[k].passage == p->facts[i].passage && p->facts[k].at < p->facts[i].at) {
                struct fact earlier = p->facts[k];
                p->facts[k] = p->facts[i];
                p->facts[i] = earlier;
            }
        }
    }
    for (int i = 0; i < n && i < 2 && p->fact_count == before; i++) { /* no sentence of theirs can be told as it is: the model reads them */
        list_passage(w, p, found[i]);
    }
    status = cw_text_check(&w->known, "writer", err);
done:
    words_free(&question.words);
    cw_text_free(&query);
    return status;
}

static int gather(struct writer *w, int part, int side, int count, struct cw_error *err) {
    struct part *p = &w->parts[part];
    int before = p->fact_count;
    if (count > FACTS_MAX - before) {
        count = FACTS_MAX - before;
    }
    if (w->sources != NULL && count > 0 && find_facts(w, part, side, count, err) != 0) {
        return -1;
    }
    int missing = count - (p->fact_count - before);
    if (missing <= 0 || (w->sources != NULL && p->fact_count > before)) {
        return 0;
    }
    return invent_facts(w, part, side, missing, err);
}

int writer_gather(struct writer *w, int part, int count, struct cw_error *err) {
    if (!writer_by_side(w, &w->parts[part])) {
        return gather(w, part, -1, count, err);
    }
    for (int side = 0; side < 2; side++) {
        if (gather(w, part, side, (count + 1) / 2, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Measures of a script.
 *
 *   turns ─▶ words ─▶ runs of five, sentences, openers: each looked up in a table of those before ─▶ counts and findings */
#include "dialogue/stats.h"

#include "dialogue/claims.h"
#include "dialogue/writer_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLAIMS_MAX = 64, CITED_MAX = 32, BANNED_MAX = 64 };

/* 64-bit hashes seen so far: open addressing, 0 is free. */
struct seen {
    uint64_t *slots;
    size_t size, count; /* size: a power of two */
};

static int seen_grow(struct seen *s, struct cw_error *err) {
    size_t size = s->size == 0 ? 1024 : s->size * 2;
    uint64_t *slots = calloc(size, sizeof *slots);
    if (slots == NULL) {
        return cw_fail_memory(err, "script-stats");
    }
    for (size_t i = 0; i < s->size; i++) {
        if (s->slots[i] != 0) {
            size_t k = s->slots[i] & (size - 1);
            while (slots[k] != 0) {
                k = (k + 1) & (size - 1);
            }
            slots[k] = s->slots[i];
        }
    }
    free(s->slots);
    s->slots = slots;
    s->size = size;
    return 0;
}

/* Was it there already? It is now. */
static int seen_add(struct seen *s, uint64_t key, bool *before, struct cw_error *err) {
    key = key == 0 ? 1 : key;
    if (s->count * 2 >= s->size && seen_grow(s, err) != 0) {
        return -1;
    }
    size_t k = key & (s->size - 1);
    while (s->slots[k] != 0 && s->slots[k] != key) {
        k = (k + 1) & (s->size - 1);
    }
    *before = s->slots[k] == key;
    s->count += !*before;
    s->slots[k] = key;
    return 0;
}

static uint64_t mix(uint64_t h, uint32_t word) {
    h = (h ^ word) * 0x9E3779B97F4A7C15u;
    return h ^ (h >> 29);
}

struct measure {
    const struct cw_script *script;
    struct cw_script_stats *out;
    struct seen grams, sentences;
    const char *openers[BANNED_MAX];
    int opener_count;
    struct cw_passage *passages;
    int passage_count;
    int number; /* of the turn */
    double squares;
};

static int find(struct measure *m, const struct cw_turn *t, const char *what, const char *text, size_t n, struct cw_error *err) {
    struct cw_script_stats *out = m->out;
    void *grown = realloc(out->findings, (size_t)(out->finding_count + 1) * sizeof *out->findings);
    if (grown == NULL) {
        return cw_fail_memory(err, "script-stats");
    }
    out->findings = grown;
    struct cw_script_finding *f = &out->findings[out->finding_count++];
    *f = (struct cw_script_finding){.turn = m->number, .line = t->line, .what = what};
    n = n < sizeof f->text ? n : sizeof f->text - 1;
    while (n > 0 && text[n] != '\0' && ((unsigned char)text[n] & 0xC0) == 0x80) {
        n--;
    }
    memcpy(f->text, text, n);
    return 0;
}

static int measure_sentences(struct measure *m, const struct cw_turn *t, const char *text, struct cw_error *err) {
    for (const char *p = text; *p != '\0';) {
        size_t n = strcspn(p, ".?!");
        while (p[n] != '\0' && (strchr(".?!", p[n]) == NULL || (p[n + 1] != ' ' && p[n + 1] != '\0'))) {
            n++;
        }
        struct words w = {0};
        char *sentence = cw_strndup(p, n);
        if (sentence == NULL || words_of(&w, sentence, err) != 0) {
            free(sentence);
            return cw_fail_memory(err, "script-stats");
        }
        uint64_t h = 7;
        for (int i = 0; i < w.all_count; i++) {
            h = mix(h, w.all[i]);
        }
        int words = w.all_count, status = 0;
        bool before = false;
        words_free(&w);
        free(sentence);
        if (words >= 2) {
            m->out->sentences++;
            status = seen_add(&m->sentences, h, &before, err);
            if (status == 0 && before) {
                m->out->repeated_sentences++;
                status = find(m, t, "says a sentence again", p, n, err);
            }
        }
        if (status != 0) {
            return -1;
        }
        p += n + (p[n] != '\0');
        p += strspn(p, " ");
    }
    return 0;
}

static int measure_grams(struct measure *m, const struct cw_turn *t, const char *text, struct cw_error *err) {
    struct words w;
    int repeats = 0;
    if (words_of(&w, text, err) != 0) {
        return -1;
    }
    for (int i = 0; i + 4 < w.all_count; i++) {
        uint64_t h = 11;
        bool before = false;
        for (int k = 0; k < 5; k++) {
            h = mix(h, w.all[i + k]);
        }
        if (seen_add(&m->grams, h, &before, err) != 0) {
            words_free(&w);
            return -1;
        }
        m->out->grams++;
        repeats += before;
    }
    m->out->repeated_grams += repeats;
    words_free(&w);
    return repeats > 2 ? find(m, t, "runs of five words said before", text, strlen(text), err) : 0;
}

static int measure_opener(struct measure *m, const struct cw_turn *t, const char *text, struct cw_error *err) {
    const char *opener = writer_banned_opener(text);
    if (opener == NULL) {
        return 0;
    }
    bool before = false;
    for (int i = 0; i < m->opener_count; i++) {
        before = before || m->openers[i] == opener;
    }
    if (!before && m->opener_count < BANNED_MAX) {
        m->openers[m->opener_count++] = opener;
    }
    m->out->banned_openers++;
    m->out->banned_twice += before;
    return find(m, t, before ? "opens with empty agreement, as a turn before" : "opens with empty agreement", opener, strlen(opener), err);
}

static int measure_claims(struct measure *m, const struct cw_turn *t, const char *text, bool last, struct cw_error *err) {
    struct claim claims[CLAIMS_MAX];
    int cited[CITED_MAX], count = claims_figures(text, claims, CLAIMS_MAX), sources = cw_turn_sources(t, cited, CITED_MAX);
    m->out->traced += sources > 0;
    bool asks = text[0] != '\0' && text[strlen(text) - 1] == '?';
    if (m->number > 1 && !last && !asks && words_count(text) >= 8) {
        m->out->stating++;
        m->out->stating_traced += sources > 0;
    }
    if (m->passage_count == 0) {
        return 0;
    }
    for (int i = 0; i < count && i < CLAIMS_MAX; i++) {
        bool found = false;
        for (int k = 0; k < m->passage_count && !found; k++) {
            for (int c = 0; c < sources && !found; c++) {
                found = cited[c] == m->passages[k].number && claims_found(&claims[i], m->passages[k].text);
            }
        }
        m->out->claims++;
        m->out->claims_cited += found;
        if (!found) {
            bool flagged = cw_turn_flagged(t);
            m->out->claims_flagged += flagged;
            if (find(m, t, flagged ? "a figure of no passage it rests on (flagged)" : "a figure of no passage it rests on, not flagged",
                     claims[i].text, strlen(claims[i].text), err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int measure_turn(struct measure *m, const struct cw_turn *t, bool last, struct cw_error *err) {
    int status = -1;
    struct cw_text plain = {0};
    struct cw_script_stats *out = m->out;
    m->number++;
    if (cw_turn_plain(t, &plain, err) != 0) {
        goto done;
    }
    int words = words_count(plain.data);
    out->words += words;
    out->words_by[t->speaker] += words;
    out->turns_by[t->speaker]++;
    m->squares += (double)words * words;
    out->questions += plain.len > 0 && plain.data[plain.len - 1] == '?';
    if (writer_greets(plain.data) && m->number > 1) {
        out->greetings++;
        if (find(m, t, "greets again", plain.data, plain.len, err) != 0) {
            goto done;
        }
    }
    if (writer_takes_leave(plain.data) && !last) {
        out->farewells++;
        if (find(m, t, "says goodbye before the end", plain.data, plain.len, err) != 0) {
            goto done;
        }
    }
    if (measure_opener(m, t, plain.data, err) != 0 || measure_sentences(m, t, plain.data, err) != 0 ||
        measure_grams(m, t, plain.data, err) != 0 || measure_claims(m, t, plain.data, last, err) != 0) {
        goto done;
    }
    status = 0;
done:
    cw_text_free(&plain);
    return status;
}

int cw_script_measure(const struct cw_script *s, struct cw_script_stats *out, struct cw_error *err) {
    int status = -1, turns = cw_script_turns(s);
    struct measure m = {.script = s, .out = out};
    memset(out, 0, sizeof *out);
    out->segments = s->segment_count;
    out->turns = turns;
    if (cw_script_passages(s, &m.passages, &m.passage_count, err) != 0) {
        goto done;
    }
    out->passages = m.passage_count;
    for (int i = 0; i < s->segment_count; i++) {
        for (int k = 0; k < s->segments[i].turn_count; k++) {
            if (measure_turn(&m, &s->segments[i].turns[k], m.number == turns - 1, err) != 0) {
                goto done;
            }
        }
    }
    if (turns > 0 && out->words > 0) {
        out->turn_words = (double)out->words / turns;
        double variance = m.squares / turns - out->turn_words * out->turn_words;
        out->turn_variation = variance > 0 ? sqrt(variance) / out->turn_words : 0;
    }
    status = 0;
done:
    cw_passages_free(m.passages, m.passage_count);
    free(m.grams.slots);
    free(m.sentences.slots);
    if (status != 0) {
        cw_script_stats_free(out);
    }
    return status;
}

void cw_script_stats_free(struct cw_script_stats *s) {
    free(s->findings);
    memset(s, 0, sizeof *s);
}

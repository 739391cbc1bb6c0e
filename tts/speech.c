/* Text ─▶ tokens (normalise.c) ─▶ phonemes (g2p.c) ─▶ chunks: the cuts are chosen together, by least cost, so that chunks end where
 * clauses end, none is longer than asked and none is a crumb. */
#include "tts/speech.h"

#include "tts/dictionary.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct cw_speech {
    struct cw_lexicon us, gb;
};

static const char *const languages[] = {"en-us", "en-gb", "es", "fr-fr", "hi", "it", "pt-br"};
enum { AMERICAN, BRITISH, FOREIGN }; /* the first two, and where the others begin */

/* Its place in the table, or -1. */
static int language_of(const char *language) {
    for (size_t i = 0; language && i < sizeof languages / sizeof languages[0]; i++) {
        if (strcmp(language, languages[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool cw_speech_english(const char *language) {
    return strncmp(language, "en", 2) == 0 && (language[2] == '\0' || language[2] == '-');
}

int cw_speech_language(const char *language, struct cw_error *err) {
    static const char *const unwritten[][2] = {{"ja", "Japanese"}, {"cmn", "Mandarin"}, {"zh", "Mandarin"}, {"ko", "Korean"}};
    if (language_of(language) >= 0) {
        return 0;
    }
    for (size_t i = 0; language && i < sizeof unwritten / sizeof unwritten[0]; i++) {
        size_t n = strlen(unwritten[i][0]);
        if (strncmp(language, unwritten[i][0], n) == 0 && (language[n] == '\0' || language[n] == '-')) {
            return cw_fail(err, CW_BAD_INPUT,
                           "language \"%.20s\" (%s) has no front end: its writing needs a reader of its own; expected one of: en-us, "
                           "en-gb, es, fr-fr, hi, it, pt-br",
                           language, unwritten[i][1]);
        }
    }
    return cw_fail(err, CW_BAD_INPUT, "language: expected one of: en-us, en-gb, es, fr-fr, hi, it, pt-br, found \"%.40s\"",
                   language ? language : "");
}

int cw_speech_open(struct cw_speech **s, const char *lexicon_dir, struct cw_error *err) {
    int result = -1;
    char path[CW_PATH_MAX];
    struct cw_speech *o = calloc(1, sizeof *o);
    *s = NULL;
    if (!o) {
        return cw_fail_memory(err, "text front end");
    }
    if (cw_path_join(path, lexicon_dir, "us.lex", err) || cw_lexicon_open(&o->us, path, "us", err) ||
        cw_path_join(path, lexicon_dir, "gb.lex", err) || cw_lexicon_open(&o->gb, path, "gb", err)) {
        goto done;
    }
    *s = o;
    o = NULL;
    result = 0;
done:
    cw_speech_close(o);
    return result;
}

void cw_speech_close(struct cw_speech *s) {
    if (s) {
        cw_lexicon_close(&s->us);
        cw_lexicon_close(&s->gb);
        free(s);
    }
}

struct cw_speech_params cw_speech_params_default(void) {
    return (struct cw_speech_params){.language = "en-us", .max_symbols = 250};
}

void cw_utterance_free(struct cw_utterance *u) {
    for (int i = 0; i < u->chunk_count; i++) {
        free(u->chunks[i].phonemes);
    }
    for (int i = 0; i < u->word_count; i++) {
        free(u->words[i].text);
        free(u->words[i].spoken);
        free(u->words[i].phonemes);
    }
    free(u->chunks);
    free(u->words);
    *u = (struct cw_utterance){0};
}

const char *cw_word_source_name(enum cw_word_source source) {
    static const char *const names[] = {"lexicon", "rule", "espeak", "inline", "punctuation", "dictionary"};
    return names[source];
}

/* A word of capitals, or one whose letters are said. */
static bool acronym(const struct cw_token *k, const char *source) {
    size_t capitals = 0;
    for (size_t i = 0; i < k->length; i++) {
        capitals += source[k->offset + i] >= 'A' && source[k->offset + i] <= 'Z';
    }
    return (k->flags & CW_TOKEN_SPELL) || (capitals > 1 && capitals == k->length && !(k->flags & CW_TOKEN_SHOUT));
}

static const char *class_name(const struct cw_token *k, const char *source) {
    static const char *const names[] = {"word",     "acronym", "abbreviation", "cardinal", "ordinal",    "decimal",
                                        "fraction", "roman",   "serial",       "date",     "time",       "money",
                                        "measure",  "percent", "telephone",    "address",  "electronic", "symbol"};
    if (k->kind != CW_TOKEN_WORD) {
        return k->kind == CW_TOKEN_MARK ? "punctuation" : "inline";
    }
    if (k->class != CW_CLASS_WORD || (k->flags & CW_TOKEN_DICTIONARY)) {
        return names[k->class];
    }
    return k->flags & CW_TOKEN_NUMBER ? names[CW_CLASS_CARDINAL] : acronym(k, source) ? names[CW_CLASS_ACRONYM] : names[CW_CLASS_WORD];
}

/* ---- pieces: what a cut may not part ------------------------------------------------------------------------------------ */

/* A token's phonemes, or a part of them where one word alone is longer than a chunk. */
struct piece {
    size_t token;
    const char *s; /* in the tokens' pool */
    size_t bytes;
    int symbols;
    bool space; /* before it */
    bool mark, opening;
};

/* The first `symbols` code points of s take so many bytes. */
static size_t bytes_of(const char *s, int symbols) {
    size_t i = 0;
    while (s[i] && symbols > 0) {
        i++;
        while (((unsigned char)s[i] & 0xC0) == 0x80) {
            i++;
        }
        symbols--;
    }
    return i;
}

/* NULL when out of memory. */
static struct piece *make_pieces(const struct cw_tokens *t, int most, size_t *count) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        n += 1 + (size_t)(cw_symbols_count(cw_token_phonemes(t, i)) / most);
    }
    struct piece *p = calloc(n ? n : 1, sizeof *p);
    *count = 0;
    for (size_t i = 0; p && i < t->n; i++) {
        const char *s = cw_token_phonemes(t, i);
        int symbols = cw_symbols_count(s);
        bool mark = t->v[i].kind == CW_TOKEN_MARK, first = true;
        do {
            int take = symbols < most ? symbols : most;
            size_t bytes = bytes_of(s, take);
            p[(*count)++] = (struct piece){.token = i,
                                           .s = s,
                                           .bytes = bytes,
                                           .symbols = take,
                                           .space = first && (t->v[i].flags & CW_TOKEN_SPACE),
                                           .mark = mark,
                                           .opening = mark && (strcmp(s, "“") == 0 || strcmp(s, "(") == 0)};
            s += bytes;
            symbols -= take;
            first = false;
        } while (symbols > 0);
    }
    return p;
}

/* ---- cuts --------------------------------------------------------------------------------------------------------------- */

/* How a chunk that ends before piece j ends: its last sound, and the one mark kept from those that follow it. */
struct ending {
    size_t core; /* pieces [i, core) are spoken in full */
    size_t mark; /* the piece with the kept mark, or SIZE_MAX */
};

static const char *mark_text(const struct piece *p, char out[8]) {
    size_t n = p->bytes < 7 ? p->bytes : 7;
    memcpy(out, p->s, n);
    out[n] = '\0';
    return out;
}

static int strength(const char *mark) { /* 3 sentence, 2 clause, 1 comma, 0 no clause mark */
    return strchr(".!?", *mark) || strcmp(mark, "…") == 0           ? 3
           : *mark == ';' || *mark == ':' || strcmp(mark, "—") == 0 ? 2
           : *mark == ','                                           ? 1
                                                                    : 0;
}

static struct ending ending_at(const struct piece *p, size_t j) {
    struct ending e = {.core = j, .mark = SIZE_MAX};
    int best = 0;
    char text[8];
    while (e.core > 0 && (p[e.core - 1].mark || p[e.core - 1].symbols == 0)) {
        e.core--;
        if (p[e.core].mark && strength(mark_text(&p[e.core], text)) >= best && strength(text) > 0) {
            best = strength(text);
            e.mark = e.core;
        }
    }
    return e;
}

static bool may_cut(const struct piece *p, size_t j) {
    return !(p[j].mark && !p[j].opening) && !p[j - 1].opening; /* marks stay with what they open or close */
}

/* Where the first phrase ends, so that it is heard while the rest is still being made; 0: nowhere. That is the end of the first sentence;
 * of a clause only where that sentence is long. Short texts are spoken badly by themselves, so neither the phrase nor the rest may be one.
 * `length`: its symbols. */
static size_t first_phrase(const struct piece *p, size_t n, int max, long *length) {
    enum { WHOLE = 100, LEAST = 32, LONG_SENTENCE = 200, CLAUSE_LEAST = 50, CLAUSE_MOST = 130 };
    const long most = max < LONG_SENTENCE ? max : LONG_SENTENCE;
    long whole = 0, so_far = 0, all = 0, sounds = 0; /* the latter without marks and blanks */
    size_t best = 0;
    int best_strength = 0;
    for (size_t k = 0; k < n; k++) {
        whole += p[k].symbols + p[k].space;
        all += p[k].mark ? 0 : p[k].symbols;
    }
    for (size_t j = 1; whole > WHOLE && j < n && so_far <= most; j++) {
        char text[8];
        so_far += p[j - 1].symbols + p[j - 1].space;
        sounds += p[j - 1].mark ? 0 : p[j - 1].symbols;
        struct ending e = ending_at(p, j);
        int s = !may_cut(p, j) || e.mark == SIZE_MAX ? 0 : strength(mark_text(&p[e.mark], text));
        bool fits = s == 3 ? sounds >= LEAST : sounds >= CLAUSE_LEAST && so_far <= CLAUSE_MOST && whole > LONG_SENTENCE;
        if (s > best_strength && fits && so_far <= most && all - sounds >= LEAST) {
            best = j;
            best_strength = s;
            *length = so_far;
        }
    }
    return best;
}

/* Least total cost over all ways to cut (dynamic programming over the places where a cut may be). cut[j] is where the chunk that ends
 * before piece j begins. The weights: a chunk costs 10, so that there are few; an ending 0 (sentence) to 40 (no mark at all); emptiness up
 * to 12, growing as its square, which balances the lengths; a crumb of under a sixth, 15 more; a first one of more than `early`, 25. */
static int find_cuts(const struct piece *p, size_t n, int max, long early, size_t *cut, struct cw_error *err) {
    int result = -1;
    double *cost = malloc((n + 1) * sizeof *cost);
    long *sum = malloc((n + 1) * sizeof *sum); /* symbols and blanks of pieces [0, k) */
    if (!cost || !sum) {
        cw_fail_memory(err, "chunks");
        goto done;
    }
    sum[0] = 0;
    for (size_t k = 0; k < n; k++) {
        sum[k + 1] = sum[k] + p[k].symbols + p[k].space;
    }
    cost[0] = 0;
    for (size_t j = 1; j <= n; j++) {
        cost[j] = -1; /* no way yet */
        cut[j] = SIZE_MAX;
        if (j < n && !may_cut(p, j)) {
            continue;
        }
        struct ending e = ending_at(p, j);
        char text[8];
        int s = e.mark == SIZE_MAX ? 0 : strength(mark_text(&p[e.mark], text));
        double end_cost = s == 3 || j == n ? 0 : s == 2 ? 3 : s == 1 ? 6 : 40;
        for (size_t i = j; i-- > 0;) {
            long len = i < e.core ? sum[e.core] - sum[i] - p[i].space + 1 : 0;
            if (len > max) {
                break;
            }
            if (cost[i] < 0 || i >= e.core) {
                continue;
            }
            double empty = 1 - (double)len / max, whole = i == 0 && j == n ? 0 : 1;
            double c = cost[i] + 10 + end_cost + whole * (12 * empty * empty + (len * 6 < max ? 15 : 0)) + (i == 0 && len > early ? 25 : 0);
            if (cost[j] < 0 || c < cost[j]) {
                cost[j] = c;
                cut[j] = i;
            }
        }
    }
    if (cost[n] < 0) {
        cw_fail(err, CW_FAILED, "chunks: expected a way to cut %zu pieces to at most %d symbols, found none", n, max);
        goto done;
    }
    result = 0;
done:
    free(cost);
    free(sum);
    return result;
}

/* ---- the utterance ------------------------------------------------------------------------------------------------------- */

static int pause_after(const char *mark, bool added, bool end) {
    int s = strength(mark);
    return added && !end ? 0 : s == 3 ? 350 : s == 2 ? 200 : s == 1 ? 120 : 0;
}

/* The next of u's words: token i with these of its phonemes. */
static int make_word(const struct cw_tokens *t, size_t i, const char *phonemes, size_t n, bool space, const char *source,
                     struct cw_utterance *u, struct cw_error *err) {
    struct cw_spoken_word *w = &u->words[u->word_count++];
    *w = (struct cw_spoken_word){.text = cw_strndup(source + t->v[i].offset, t->v[i].length),
                                 .spoken = cw_strdup(cw_token_spoken(t, i)),
                                 .phonemes = cw_strndup(phonemes, n),
                                 .source = (enum cw_word_source)t->v[i].source,
                                 .class = class_name(&t->v[i], source),
                                 .offset = t->v[i].offset,
                                 .space = space};
    return w->text && w->spoken && w->phonemes ? 0 : cw_fail_memory(err, "words");
}

/* Chunk number c from pieces [from, to): its text, and where each word's symbols lie in it. */
static int make_chunk(const struct cw_tokens *t, const struct piece *p, size_t from, size_t to, size_t n, const char *source,
                      struct cw_utterance *u, struct cw_error *err) {
    struct ending e = ending_at(p, to);
    struct cw_text text = {0};
    char mark[8] = "";
    int symbols = 0, c = u->chunk_count, result = -1;
    bool begun = false;
    for (size_t k = from; k < to; k++) {
        bool said = k < e.core && !(p[k].mark && !p[k].opening && !begun); /* a closing mark at the start closes nothing */
        if (k == e.mark) {
            said = begun;
        }
        struct cw_spoken_word *w = &u->words[u->word_count];
        if (make_word(t, p[k].token, p[k].s, p[k].bytes, p[k].space, source, u, err)) {
            goto done;
        }
        w->chunk = c;
        if (said && p[k].symbols > 0) {
            if (begun && p[k].space && k != e.mark) {
                cw_text_add_char(&text, ' ');
                symbols++;
            }
            w->first = symbols;
            w->count = p[k].symbols;
            cw_text_add_n(&text, p[k].s, p[k].bytes);
            symbols += p[k].symbols;
            begun = true;
        } else {
            w->first = symbols;
        }
    }
    bool added = e.mark == SIZE_MAX;
    if (added) {
        mark[0] = to == n ? '.' : ',';
        cw_text_add(&text, mark);
        symbols++;
    } else {
        mark_text(&p[e.mark], mark);
    }
    if (cw_text_check(&text, "chunk", err)) {
        goto done;
    }
    u->chunks[c] = (struct cw_chunk){.phonemes = text.data, .symbols = symbols, .pause_ms = pause_after(mark, added, to == n)};
    u->chunk_count++;
    text.data = NULL;
    result = 0;
done:
    free(text.data);
    return result;
}

/* ---- text to words with their phonemes -------------------------------------------------------------------------------------- */

static void mark_numbers(struct cw_tokens *t, const char *text) {
    for (size_t i = 0; i < t->n; i++) {
        struct cw_token *k = &t->v[i], *before = i ? k - 1 : NULL;
        bool same = before && before->offset == k->offset && before->length == k->length;
        bool digit = same && (before->flags & CW_TOKEN_NUMBER);
        for (size_t c = 0; !same && !digit && c < k->length; c++) {
            digit = text[k->offset + c] >= '0' && text[k->offset + c] <= '9';
        }
        k->flags |= digit ? CW_TOKEN_NUMBER : 0;
    }
}

static int check_alphabet(const struct cw_tokens *t, struct cw_error *err) {
    bool sounds = false;
    for (size_t i = 0; i < t->n; i++) {
        const char *p = cw_token_phonemes(t, i);
        sounds = sounds || (t->v[i].kind != CW_TOKEN_MARK && *p);
        for (size_t left = strlen(p); left > 0;) {
            uint32_t c = 0;
            size_t k = (size_t)cw_utf8_next(p, left, &c);
            if (!k || !cw_symbol_known(c)) {
                return cw_fail(err, CW_BAD_INPUT, "lexicon: \"%.60s\": expected phonemes of the model's alphabet, found U+%04X",
                               cw_token_spoken(t, i), (unsigned)c);
            }
            p += k;
            left -= k;
        }
    }
    return sounds ? 0 : cw_fail(err, CW_BAD_INPUT, "text: expected at least one word to speak, found only signs without a sound");
}

static int make_tokens(const struct cw_speech *s, const char *text, struct cw_speech_params params, struct cw_tokens *t,
                       struct cw_error *err) {
    int result = -1;
    int language = language_of(params.language);
    bool british = language == BRITISH;
    struct cw_text own = {0};
    struct cw_swaps swaps = {0};
    const char *said = text;
    if (params.dictionary) {
        if (cw_dictionary_apply(params.dictionary, text, british, &own, &swaps, err)) {
            goto done;
        }
        said = own.data ? own.data : "";
    }
    if (language >= FOREIGN ? cw_foreign_tokens(t, said, err) : cw_tokens_make(t, said, british, err)) {
        goto done;
    }
    mark_numbers(t, said);
    cw_swaps_undo(&swaps, t);
    if (language >= FOREIGN ? cw_foreign_sounds(t, languages[language], err) : cw_g2p_tokens(british ? &s->gb : &s->us, british, t, err)) {
        goto done;
    }
    if (check_alphabet(t, err)) {
        goto done;
    }
    result = 0;
done:
    free(swaps.v);
    cw_text_free(&own);
    return result;
}

int cw_speech_words(const struct cw_speech *s, const char *text, struct cw_speech_params params, struct cw_utterance *u,
                    struct cw_error *err) {
    int result = -1;
    struct cw_tokens t = {0};
    *u = (struct cw_utterance){0};
    if (cw_speech_language(params.language, err)) {
        return -1;
    }
    if (make_tokens(s, text, params, &t, err)) {
        goto done;
    }
    u->words = calloc(t.n + 1, sizeof *u->words);
    if (!u->words) {
        cw_fail_memory(err, "words");
        goto done;
    }
    for (size_t i = 0; i < t.n; i++) {
        const char *phonemes = cw_token_phonemes(&t, i);
        if (make_word(&t, i, phonemes, strlen(phonemes), (t.v[i].flags & CW_TOKEN_SPACE) != 0, text, u, err)) {
            goto done;
        }
    }
    result = 0;
done:
    if (result) {
        cw_utterance_free(u);
    }
    cw_tokens_free(&t);
    return result;
}

static int foreign_spoken(const struct cw_speech *s, const char *text, struct cw_speech_params params, struct cw_text *spoken,
                          struct cw_error *err) {
    struct cw_utterance u;
    if (cw_speech_words(s, text, params, &u, err)) {
        return -1;
    }
    for (int i = 0; i < u.word_count; i++) {
        if (u.words[i].space && spoken->len > 0 && *u.words[i].spoken) {
            cw_text_add_char(spoken, ' ');
        }
        cw_text_add(spoken, u.words[i].spoken);
    }
    cw_utterance_free(&u);
    return cw_text_check(spoken, "spoken text", err);
}

int cw_speech_spoken(const struct cw_speech *s, const char *text, struct cw_speech_params params, struct cw_text *spoken,
                     struct cw_error *err) {
    int result = -1;
    struct cw_text own = {0};
    struct cw_swaps swaps = {0};
    if (cw_speech_language(params.language, err)) {
        return -1;
    }
    int language = language_of(params.language);
    if (language >= FOREIGN) {
        return foreign_spoken(s, text, params, spoken, err);
    }
    if (params.dictionary && cw_dictionary_apply(params.dictionary, text, language == BRITISH, &own, &swaps, err)) {
        goto done;
    }
    result = cw_normalise_in(params.dictionary ? (own.data ? own.data : "") : text, params.language, spoken, err);
done:
    free(swaps.v);
    cw_text_free(&own);
    return result;
}

int cw_speech_plan(const struct cw_speech *s, const char *text, struct cw_speech_params params, struct cw_utterance *u,
                   struct cw_error *err) {
    int result = -1;
    struct cw_tokens t = {0};
    struct piece *pieces = NULL;
    size_t *cut = NULL, *starts = NULL, n = 0, chunks = 0;
    long phrase = LONG_MAX / 4;
    *u = (struct cw_utterance){0};
    if (cw_speech_language(params.language, err)) {
        return -1;
    }
    if (params.max_symbols < 20 || params.max_symbols > 510) {
        return cw_fail(err, CW_BAD_INPUT, "max_symbols: expected 20 to 510, found %d", params.max_symbols);
    }
    if (make_tokens(s, text, params, &t, err)) {
        goto done;
    }
    pieces = make_pieces(&t, params.max_symbols - 8, &n); /* leaves room for marks around an endless word */
    cut = calloc(n + 1, sizeof *cut);
    starts = calloc(n + 2, sizeof *starts);
    if (!pieces || !cut || !starts) {
        cw_fail_memory(err, "chunks");
        goto done;
    }
    size_t rest = first_phrase(pieces, n, params.max_symbols, &phrase);
    /* The next one is made while the first is heard: on a slow machine at a third of its length. */
    if (find_cuts(pieces + rest, n - rest, params.max_symbols, 3 * phrase, cut, err)) {
        goto done;
    }
    for (size_t j = n - rest; j > 0; j = cut[j]) {
        starts[chunks++] = rest + cut[j]; /* last chunk first */
    }
    if (rest > 0) {
        starts[chunks++] = 0;
    }
    u->chunks = calloc(chunks + 1, sizeof *u->chunks);
    u->words = calloc(n + 1, sizeof *u->words);
    if (!u->chunks || !u->words) {
        cw_fail_memory(err, "chunks");
        goto done;
    }
    for (size_t c = chunks; c-- > 0;) {
        if (make_chunk(&t, pieces, starts[c], c > 0 ? starts[c - 1] : n, n, text, u, err)) {
            goto done;
        }
    }
    result = 0;
done:
    if (result) {
        cw_utterance_free(u);
    }
    free(starts);
    free(cut);
    free(pieces);
    cw_tokens_free(&t);
    return result;
}

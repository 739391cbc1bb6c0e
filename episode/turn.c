/* One turn -> its sound and word times.
 *
 *   spans ─▶ phoneme chunks (tts/speech) ─▶ frames (tts/acoustic) ─▶ waveform (vocoder) ─▶ cut, fade, pause ─▶ sink
 *
 * Kokoro speaks padding and closing punctuation as frames of their own, filled with breath or voiced junk, and books several
 * hundred milliseconds of silence to the last real phoneme. So a chunk is cut where its speech begins and ends, looked for by
 * level inside the window that the model's durations give, and silence between chunks is ours. Speech leads the durations by
 * some 100 ms, so bounding the padding's length, as others do, eats the first sound of short lines: of 45 lines of one to
 * three words, Whisper misheard 3 with the padding as the model has it, 5, 17 and 35 with at most 16, 8 and 4 units of it.
 *
 * Our mel model's sound comes at HiFi-GAN's rate, and is brought to the studio's.
 *
 * F5 is told the words and a number of frames; when it says what is not known but by level. What its waveform cannot be is heard there
 * (doubts below), and so is, in English, which of its words were lost, said again or drawn out, and what is none of them (ear.c). Then
 * the chunk is said again from the next seed, RETAKES times at most; the take with the fewest doubts stays. Several turns of F5 may be
 * spoken together: chunks of similar length make one batch, the takes that are said again with the others' next chunks.
 */
#include "episode/turn.h"

#include "episode/ear.h"
#include "tts/f5_text.h"
#include "voices/recording.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Part of every key: to be raised when a step below changes what is heard. */
#define SYNTHESIS_VERSION 2
#define SHOWN_VERSION 3 /* of F5's keys as well */
#define MEL_VERSION 1   /* of those of our mel model */

enum {
    RATE = CW_STUDIO_RATE,
    MS = RATE / 1000,
    LEVEL_HOP = 5 * MS,
    LEVEL_SPAN = 10 * MS,
    KEEP_BEFORE = 40 * MS,  /* before the first sound */
    KEEP_AFTER = 70 * MS,   /* after the last one: the room's decay */
    SEEK_BEFORE = 200 * MS, /* speech leads the model's durations: measured up to 130 ms, over two voices and 15 texts */
    JUNK_AFTER = 20 * MS,   /* past the last phoneme's nominal end only punctuation sounds: hiss and bursts on short lines */
    FADE_IN = 5 * MS,
    FADE_OUT = 40 * MS,
    RETAKES = 2,
    SHOWN_SECONDS = 22,      /* of F5's reference and chunk together, or of a batch: what it was trained on ends at 30 */
    CHUNK_LEAST = 20,        /* symbols: the fewest that the front end cuts at */
    DURATION_LEAD = 75 * MS, /* word times: the published pipeline takes as much off (hexgrad/kokoro, join_timestamps) */
};
/* Of the loudest 10 ms of the chunk: breath and noise lie under -45 dB, the softest onsets seen above -35 dB. */
static const double START_LEVEL = 6.3e-5; /* -42 dB */
static const double END_LEVEL = 2.5e-5;   /* -46 dB */

/* ---- plan and key ------------------------------------------------------------------------------------------------------ */

static void key_text(struct cw_sha256 *h, const char *name, const char *value) {
    char head[64]; /* lengths make the whole unambiguous, whatever the texts hold */
    int n = snprintf(head, sizeof head, "%s %zu ", name, strlen(value));
    cw_sha256_add(h, head, (size_t)n);
    cw_sha256_add(h, value, strlen(value));
    cw_sha256_add(h, "\n", 1);
}

static void key_number(struct cw_sha256 *h, const char *name, int64_t value) {
    char line[96];
    int n = snprintf(line, sizeof line, "%s %lld\n", name, (long long)value);
    cw_sha256_add(h, line, (size_t)n);
}

/* The words of chunk c as they are said, for a model that reads. */
static int words_of(const struct cw_utterance *u, int c, struct cw_text *out, struct cw_error *err) {
    cw_text_clear(out);
    for (int i = 0; i < u->word_count; i++) {
        const struct cw_spoken_word *w = &u->words[i];
        if (w->chunk != c || (w->source == CW_WORD_PUNCTUATION && w->count == 0))
            continue;
        if (w->space && out->len > 0)
            cw_text_add_char(out, ' ');
        cw_text_add(out, w->spoken);
    }
    if (out->len > 0 && !strchr(".,!?;:\"'", out->data[out->len - 1]) && (unsigned char)out->data[out->len - 1] < 0x80)
        cw_text_add_char(out, '.');
    return cw_text_check(out, "text", err);
}

/* F5's part of the key. Every word is of the model's symbols, which is known before the first turn is spoken. */
static int key_f5(const struct cw_studio *s, const struct cw_turn_request *r, const struct cw_turn_plan *plan, struct cw_sha256 *h,
                  struct cw_error *err) {
    struct cw_text said = {0}, text = {0};
    int result = -1, count = 0;
    key_text(h, "engine", "f5");
    key_number(h, "shown", SHOWN_VERSION);
    key_text(h, "vocoder", s->engines[CW_ENGINE_F5].vocoder_sum);
    if (!r->voice->reference)
        key_text(h, "shown by", s->engines[CW_ENGINE_KOKORO].sum);
    key_text(h, "by bytes", s->by_bytes ? "yes" : "no");
    if (s->f5_steps != cw_studio_params_default().f5_steps)
        key_number(h, "steps", s->f5_steps);
    for (int i = 0; i < plan->span_count; i++)
        for (int c = 0; c < plan->spans[i].chunk_count; c++) {
            if (words_of(&plan->spans[i], c, &said, err) != 0)
                goto done;
            cw_text_clear(&text);
            cw_f5_write(said.data ? said.data : "", &text);
            if (cw_text_check(&text, "text", err) != 0 ||
                cw_f5_symbols_of(s->engines[CW_ENGINE_F5].symbols, text.data ? text.data : "", NULL, INT_MAX, &count, err) != 0)
                goto done;
            key_text(h, "says", said.data ? said.data : "");
        }
    result = 0;
done:
    cw_text_free(&said);
    cw_text_free(&text);
    return result;
}

static int make_key(const struct cw_studio *s, const struct cw_turn_request *r, struct cw_turn_plan *plan, struct cw_error *err) {
    struct cw_sha256 h;
    cw_sha256_start(&h);
    key_number(&h, "castwright turn", 1);
    key_number(&h, "synthesis", SYNTHESIS_VERSION);
    key_text(&h, "model", s->engines[cw_studio_engine(r->voice)].sum);
    if (cw_studio_engine(r->voice) == CW_ENGINE_F5 && key_f5(s, r, plan, &h, err) != 0)
        return -1;
    if (cw_studio_engine(r->voice) == CW_ENGINE_MEL) {
        key_text(&h, "engine", "mel");
        key_number(&h, "mel", MEL_VERSION);
        key_text(&h, "vocoder", s->engines[CW_ENGINE_MEL].vocoder_sum);
    }
    key_text(&h, "kernels", cw_device_isa(s->device));
    key_text(&h, "voice", r->voice->sha256);
    key_text(&h, "language", r->language);
    key_number(&h, "speed", llround(r->speed * 1000));
    key_number(&h, "seed", (int64_t)r->seed);
    for (int i = 0; i < plan->span_count; i++) {
        const struct cw_utterance *u = &plan->spans[i];
        key_number(&h, "span pause", r->spans[i].pause_ms);
        for (int c = 0; c < u->chunk_count; c++) {
            key_text(&h, "chunk", u->chunks[c].phonemes);
            key_number(&h, "pause", u->chunks[c].pause_ms);
        }
        for (int w = 0; w < u->word_count; w++) { /* they decide the word times kept beside the sound */
            key_text(&h, "word", u->words[w].text);
            key_number(&h, "at", (int64_t)u->words[w].offset);
        }
    }
    key_number(&h, "tail pause", r->tail_pause_ms);
    cw_sha256_end(&h, plan->key);
    return 0;
}

/* Runs of white space become one space: they are not spoken, so they must not change the key. */
static char *squeeze(const char *text) {
    char *out = cw_strdup(text);
    if (!out)
        return NULL;
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        bool space = *p == ' ' || *p == '\t';
        if (!space)
            out[n++] = *p;
        else if (n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return out;
}

int cw_turn_plan_make(struct cw_studio *s, const struct cw_turn_request *r, struct cw_turn_plan *plan, struct cw_error *err) {
    int result = -1;
    char *text = NULL;
    memset(plan, 0, sizeof *plan);
    if (r->span_count <= 0) {
        cw_fail(err, CW_BAD_INPUT, "expected something to say, found nothing");
        goto done;
    }
    if (cw_studio_need_plans(s, err) != 0)
        goto done;
    plan->spans = calloc((size_t)r->span_count, sizeof *plan->spans);
    if (!plan->spans) {
        cw_fail_memory(err, "turn");
        goto done;
    }
    struct cw_speech_params params = cw_speech_params_default();
    params.language = r->language;
    params.dictionary = r->dictionary;
    if (cw_studio_engine(r->voice) == CW_ENGINE_F5) { /* what is left beside the reference, at its own pace */
        double shown, sound;
        if (cw_studio_pace(s, r->voice, &shown, &sound, err) != 0)
            goto done;
        const double most = (SHOWN_SECONDS - shown) / sound * r->speed;
        params.max_symbols = (int)fmax(CHUNK_LEAST, fmin(params.max_symbols, most));
    }
    for (; plan->span_count < r->span_count; plan->span_count++) {
        free(text);
        text = squeeze(r->spans[plan->span_count].text);
        if (!text) {
            cw_fail_memory(err, "turn");
            goto done;
        }
        struct cw_utterance *u = &plan->spans[plan->span_count];
        if (cw_speech_plan(s->speech, text, params, u, err) != 0) {
            memset(u, 0, sizeof *u);
            goto done;
        }
        for (int c = 0; c < u->chunk_count; c++)
            plan->symbols += u->chunks[c].symbols;
    }
    result = make_key(s, r, plan, err);
done:
    free(text);
    if (result != 0)
        cw_turn_plan_free(plan);
    return result;
}

void cw_turn_plan_free(struct cw_turn_plan *plan) {
    for (int i = 0; i < plan->span_count; i++)
        cw_utterance_free(&plan->spans[i]);
    free(plan->spans);
    memset(plan, 0, sizeof *plan);
}

void cw_take_free(struct cw_take *take) {
    for (int i = 0; i < take->word_count; i++)
        free(take->words[i].text);
    free(take->words);
    memset(take, 0, sizeof *take);
}

/* ---- cutting ----------------------------------------------------------------------------------------------------------- */

static double energy(const float *x, int64_t n, int64_t at) {
    double sum = 0;
    int64_t last = at + LEVEL_SPAN < n ? at + LEVEL_SPAN : n;
    for (int64_t i = at < 0 ? 0 : at; i < last; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

/* `speech_start`, `speech_end`: where, by the model's durations, the first real phoneme starts and the last one ends. */
struct cw_cut cw_turn_cut(const float *x, int64_t n, int64_t speech_start, int64_t speech_end) {
    int64_t low = speech_start - SEEK_BEFORE > 0 ? speech_start - SEEK_BEFORE : 0;
    int64_t high = speech_end < n ? speech_end : n;
    double peak = 0;
    for (int64_t i = low; i < high; i += LEVEL_HOP) {
        double e = energy(x, n, i);
        peak = e > peak ? e : peak;
    }
    int64_t onset = low, end = high;
    while (onset < speech_start && energy(x, n, onset) <= peak * START_LEVEL)
        onset += LEVEL_HOP;
    while (end > onset + LEVEL_HOP && energy(x, n, end - LEVEL_SPAN) <= peak * END_LEVEL)
        end -= LEVEL_HOP;
    struct cw_cut cut = {onset - KEEP_BEFORE, end + KEEP_AFTER};
    cut.first = cut.first > 0 ? cut.first : 0;
    int64_t bound = speech_end + JUNK_AFTER < n ? speech_end + JUNK_AFTER : n;
    cut.last = cut.last < bound ? cut.last : bound;
    if (cut.last < cut.first)
        cut.last = cut.first;
    return cut;
}

struct cw_cut cw_turn_trim(const float *x, int64_t n) {
    int64_t onset = 0, end = n;
    double peak = 0;
    for (int64_t i = 0; i < n; i += LEVEL_HOP)
        peak = fmax(peak, energy(x, n, i));
    while (onset < n && energy(x, n, onset) <= peak * START_LEVEL)
        onset += LEVEL_HOP;
    while (end > onset + LEVEL_HOP && energy(x, n, end - LEVEL_SPAN) <= peak * END_LEVEL)
        end -= LEVEL_HOP;
    return (struct cw_cut){onset > KEEP_BEFORE ? onset - KEEP_BEFORE : 0, end + KEEP_AFTER < n ? end + KEEP_AFTER : n};
}

/* ---- doubts ------------------------------------------------------------------------------------------------------------ */

static const char *const doubt_names[] = {"short", "long", "gap", "head", "tail", "flat", "lost", "again", "drawn", "stray"};

const char *cw_turn_doubt(unsigned bit) {
    return bit < sizeof doubt_names / sizeof *doubt_names ? doubt_names[bit] : NULL;
}

unsigned cw_turn_doubts(const float *x, int64_t n, double sounds, double sound_seconds) {
    static const double silent = 1e-3, loud = 0.05; /* of the loudest 10 ms: -30 and -13 dB */
    enum { EDGE = 20 * MS, GAP = RATE };
    double peak = 0;
    int64_t first = -1, last = 0, gap = 0, voiced = 0, steps = 0;
    unsigned doubts = 0;
    for (int64_t i = 0; i < n; i += LEVEL_HOP)
        peak = fmax(peak, energy(x, n, i));
    for (int64_t i = 0; i < n; i += LEVEL_HOP, steps++) {
        if (energy(x, n, i) <= peak * silent)
            continue;
        gap = first >= 0 && i - last > gap ? i - last : gap;
        first = first < 0 ? i : first;
        last = i;
        voiced++;
    }
    const double seconds = (double)(last - first) / RATE, expected = sounds * sound_seconds;
    doubts |= first < 0 || seconds < 0.5 * expected ? CW_DOUBT_SHORT : 0;
    doubts |= seconds > 2 * expected + 1 ? CW_DOUBT_LONG : 0;
    doubts |= gap > GAP ? CW_DOUBT_GAP : 0;
    doubts |= n > EDGE && energy(x, n, 0) > peak * loud && energy(x, n, EDGE / 2) > peak * loud ? CW_DOUBT_HEAD : 0;
    doubts |= n > EDGE && energy(x, n, n - EDGE / 2) > peak * loud && energy(x, n, n - EDGE) > peak * loud ? CW_DOUBT_TAIL : 0;
    doubts |= peak <= 0 || (expected > 0.5 && voiced >= steps * 99 / 100) ? CW_DOUBT_FLAT : 0;
    return doubts;
}

/* Raised-cosine edges, from and to exact silence, so that no join clicks. */
static void fade(float *x, int64_t n) {
    int64_t in = FADE_IN < n / 2 ? FADE_IN : n / 2, out = FADE_OUT < n / 2 ? FADE_OUT : n / 2;
    for (int64_t i = 0; i < in; i++)
        x[i] *= (float)(0.5 - 0.5 * cos(M_PI * (double)i / (double)in));
    for (int64_t i = 0; i < out; i++)
        x[n - 1 - i] *= (float)(0.5 - 0.5 * cos(M_PI * (double)i / (double)out));
}

/* ---- speaking ---------------------------------------------------------------------------------------------------------- */

/* A chunk on its way from symbols to a sound. */
struct chunk {
    const struct cw_utterance *u; /* NULL: none yet */
    int span, index;
    int *ids;               /* [count] */
    int count, first, last; /* of them those that sound, from the first to the last */
    struct cw_text words;   /* what F5 reads */
    struct cw_acoustic_input in;
    double seconds; /* cw_acoustic_seconds */
    struct cw_takes takes;
};

struct speaker {
    struct cw_booth *booth;
    struct cw_turn_speaking *turn;
    enum cw_engine_kind engine;
    struct cw_acoustic_reference reference; /* of F5 */
    uint64_t seed;
    int chunks; /* spoken so far */
    struct chunk chunk;
    bool over;
    int word_cap;
    size_t last_offset; /* of the last marked word, in its span */
    int last_span;
};

static int put_silence(struct speaker *k, int64_t n, struct cw_error *err) {
    static const float zero[100 * MS];
    const struct cw_sink sink = k->turn->sink;
    k->turn->take.samples += n;
    while (n > 0) {
        size_t part = n < 100 * MS ? (size_t)n : (size_t)(100 * MS);
        if (sink.write(sink.arg, zero, part, err) != 0)
            return -1;
        n -= (int64_t)part;
    }
    return 0;
}

/* What the model speaks as a sound of its own, not as a rest. */
static bool is_sound(uint32_t c) {
    switch (c) {
    case ';':
    case ':':
    case ',':
    case '.':
    case '!':
    case '?':
    case '"':
    case '(':
    case ')':
    case ' ':
    case 0x2014:
    case 0x2026:
    case 0x201C:
    case 0x201D:
        return false;
    default:
        return true;
    }
}

/* One spoken word, in samples of the turn; spoken words of one script word ("$3" -> "three dollars") become one mark. */
static int mark_word(struct speaker *k, const struct cw_spoken_word *w, int span, int64_t start, int64_t end, struct cw_error *err) {
    struct cw_take *take = &k->turn->take;
    struct cw_word_mark *last = take->word_count > 0 ? &take->words[take->word_count - 1] : NULL;
    if (last && start < last->end)
        start = last->end;
    if (end < start)
        end = start;
    if (last && k->last_span == span && k->last_offset == w->offset) {
        last->end = end;
        return 0;
    }
    if (take->word_count == k->word_cap || !take->words) {
        int cap = k->word_cap ? 2 * k->word_cap : 32;
        struct cw_word_mark *more = realloc(take->words, (size_t)cap * sizeof *more);
        if (!more)
            return cw_fail_memory(err, "words");
        take->words = more;
        k->word_cap = cap;
    }
    char *text = cw_strdup(w->text);
    if (!text)
        return cw_fail_memory(err, "words");
    take->words[take->word_count++] = (struct cw_word_mark){text, start, end};
    k->last_span = span;
    k->last_offset = w->offset;
    return 0;
}

static long allocations_of(const struct cw_booth *b) {
    return b->count_allocations ? b->count_allocations() : 0;
}

/* The engine's sound at the studio's rate and level. One that has both already is borrowed as it is. */
static int to_studio(struct speaker *k, int rate, const float **x, size_t *n, struct cw_error *err) {
    struct cw_booth *b = k->booth;
    const float gain = cw_studio_gain(k->turn->request->voice);
    if (rate == RATE && gain == 1)
        return 0;
    free(b->converted);
    b->converted = NULL;
    if (cw_resample(*x, *n, rate, RATE, &b->converted, n, err) != 0)
        return -1;
    for (size_t i = 0; i < *n; i++)
        b->converted[i] *= gain;
    *x = b->converted;
    return 0;
}

static int bits(unsigned x) {
    int n = 0;
    for (; x; x &= x - 1)
        n++;
    return n;
}

/* What is wrong with the words of chunk `index`, in a language that the ear knows. */
static int doubt_words(struct speaker *k, const struct cw_utterance *u, int index, const float *x, size_t n, double sound_seconds,
                       unsigned *doubts, struct cw_error *err) {
    struct cw_heard heard;
    if (!cw_ear_knows(k->turn->request->language))
        return 0;
    if (cw_ear_listen(k->booth->ear, x, n, RATE, u, index, sound_seconds, &heard, err) != 0)
        return -1;
    *doubts |= (heard.lost ? CW_DOUBT_LOST : 0U) | (heard.again ? CW_DOUBT_AGAIN : 0U) | (heard.drawn ? CW_DOUBT_DRAWN : 0U) |
               (heard.stray ? CW_DOUBT_STRAY : 0U);
    return 0;
}

bool cw_takes_again(struct cw_takes *t, unsigned doubts) {
    if (t->now == 0 || bits(doubts) < bits(t->doubts)) {
        t->doubts = doubts;
        t->best = t->now;
    }
    t->retakes = t->now;
    if (doubts && t->now < RETAKES) {
        t->now++;
        return true;
    }
    t->settled = true;
    if (t->best == t->now)
        return false;
    t->now = t->best;
    return true;
}

/* The ids of the chunk's symbols, and which of them sound. */
static int read_symbols(const struct cw_acoustic *model, const struct cw_chunk *text, struct chunk *c, struct cw_error *err) {
    const size_t len = strlen(text->phonemes);
    c->count = 0;
    c->first = c->last = -1;
    if (text->symbols <= 0 || text->symbols > cw_acoustic_max_phonemes(model))
        return cw_fail(err, CW_BAD_INPUT, "chunk %d: expected 1 to %d phoneme symbols, found %d", c->index + 1,
                       cw_acoustic_max_phonemes(model), text->symbols);
    c->ids = malloc((size_t)text->symbols * sizeof *c->ids);
    if (!c->ids)
        return cw_fail_memory(err, "chunk");
    for (size_t at = 0; at < len;) {
        uint32_t code = 0;
        int bytes = cw_utf8_next(text->phonemes + at, len - at, &code);
        int id = bytes > 0 ? cw_acoustic_symbol(model, code) : -1;
        if (id < 0 || c->count >= text->symbols)
            return cw_fail(err, CW_BAD_INPUT, "phonemes \"%.200s\": expected %d symbols that the model %s knows, found U+%04X at symbol %d",
                           text->phonemes, text->symbols, cw_acoustic_engine(model), (unsigned)code, c->count + 1);
        if (is_sound(code)) {
            c->first = c->first < 0 ? c->count : c->first;
            c->last = c->count;
        }
        c->ids[c->count++] = id;
        at += (size_t)bytes;
    }
    if (c->first < 0 || c->count != text->symbols)
        return cw_fail(err, CW_BAD_INPUT, "phonemes \"%.200s\": expected %d symbols with a sound among them, found %d", text->phonemes,
                       text->symbols, c->count);
    return 0;
}

static void free_chunk(struct chunk *c) {
    free(c->ids);
    c->ids = NULL;
    cw_text_free(&c->words);
}

static int begin_chunk(struct speaker *k, struct cw_error *err) {
    const struct cw_studio *s = k->booth->studio;
    const struct cw_acoustic *model = s->engines[k->engine].acoustic;
    const struct cw_turn_request *r = k->turn->request;
    struct chunk *c = &k->chunk;
    if (read_symbols(model, &c->u->chunks[c->index], c, err) != 0)
        return -1;
    c->takes = (struct cw_takes){0};
    c->in = (struct cw_acoustic_input){
        .ids = c->ids,
        .count = c->count,
        .pack = r->voice->pack,
        .pack_rows = CW_PACK_ROWS,
        .f0_slope = r->voice->f0_slope,
        .f0_offset = r->voice->f0_offset,
        .speed = (float)r->speed,
        .max_edge_units = 0, /* as the model says */
        .seed = k->seed ^ (uint64_t)k->chunks,
    };
    if (k->engine == CW_ENGINE_F5) {
        if (words_of(c->u, c->index, &c->words, err) != 0)
            return -1;
        c->in.text = c->words.data;
        c->in.reference = &k->reference;
        c->in.by_bytes = s->by_bytes;
        c->in.steps = s->f5_steps;
    }
    c->seconds = cw_acoustic_seconds(model, &c->in);
    return 0;
}

/* Goes on to the next chunk, with the silence before it; *more: there is one, else the turn is said. */
static int next_chunk(struct speaker *k, bool *more, struct cw_error *err) {
    const struct cw_turn_request *r = k->turn->request;
    const struct cw_turn_plan *plan = k->turn->plan;
    struct chunk *c = &k->chunk;
    int pause_ms;
    free_chunk(c);
    *more = true;
    if (c->u && c->index + 1 < c->u->chunk_count) {
        pause_ms = c->u->chunks[c->index++].pause_ms;
    } else {
        c->span = c->u ? c->span + 1 : 0;
        c->index = 0;
        *more = c->span < plan->span_count;
        c->u = *more ? &plan->spans[c->span] : NULL;
        pause_ms = *more ? r->spans[c->span].pause_ms : r->tail_pause_ms; /* a directed pause stands for the punctuation's own */
    }
    if (put_silence(k, (int64_t)pause_ms * MS, err) != 0)
        return -1;
    return *more ? begin_chunk(k, err) : 0;
}

/* The chunk's sound x [n]: what is speech of it, with the times of its words. */
static int end_chunk(struct speaker *k, const struct cw_frames *frames, const float *x, size_t n, struct cw_error *err) {
    int result = -1;
    struct cw_booth *b = k->booth;
    struct cw_take *take = &k->turn->take;
    const struct chunk *c = &k->chunk;
    const struct cw_utterance *u = c->u;
    const int count = c->count;
    int64_t sum = 0;
    int64_t *bounds = malloc(((size_t)count + 1) * sizeof *bounds); /* where symbol i starts, by the model's durations */
    if (!bounds) {
        cw_fail_memory(err, "chunk");
        goto done;
    }
    for (int i = 0; i <= count; i++) {
        sum += (int64_t)frames->durations[i] * frames->unit_samples;
        bounds[i] = sum * RATE / frames->sample_rate;
    }
    int64_t lead = frames->guessed ? 0 : DURATION_LEAD;

    struct cw_cut cut = frames->guessed ? cw_turn_trim(x, (int64_t)n) : cw_turn_cut(x, (int64_t)n, bounds[c->first], bounds[c->last + 1]);
    if (frames->guessed) { /* the sounds share the time that was heard */
        const int64_t from = bounds[c->first], given = bounds[c->last + 1] > from ? bounds[c->last + 1] - from : 1,
                      heard = cut.last - cut.first;
        for (int i = 0; i <= count; i++)
            bounds[i] = cut.first + (bounds[i] - from) * heard / given;
    }
    size_t kept = (size_t)(cut.last - cut.first);
    if (kept > b->scratch_len) {
        float *more = realloc(b->scratch, kept * sizeof *more);
        if (!more) {
            cw_fail_memory(err, "chunk");
            goto done;
        }
        b->scratch = more;
        b->scratch_len = kept;
    }
    for (size_t i = 0; i < kept; i++) {
        float v = x[cut.first + (int64_t)i];
        if (!isfinite(v)) {
            cw_fail(err, CW_FAILED, "chunk %d: expected finite samples, found one that is not", c->index + 1);
            goto done;
        }
        b->scratch[i] = v;
    }
    fade(b->scratch, (int64_t)kept);

    int64_t base = take->samples, zero = base - cut.first;
    for (int w = 0; w < u->word_count; w++) {
        const struct cw_spoken_word *word = &u->words[w];
        if (word->chunk != c->index || word->count <= 0)
            continue;
        if (word->first < 0 || word->count > count || word->first > count - word->count) {
            cw_fail(err, CW_FAILED, "word \"%.80s\": expected symbols inside its chunk of %d, found %d + %d", word->text, count,
                    word->first, word->count);
            goto done;
        }
        int64_t start = bounds[word->first] - lead + zero, end = bounds[word->first + word->count] - lead + zero,
                edge = base + (int64_t)kept;
        start = start < base ? base : start > edge ? edge : start;
        end = end < start ? start : end > edge ? edge : end;
        if (mark_word(k, word, c->span, start, end, err) != 0)
            goto done;
    }
    take->samples += (int64_t)kept;
    k->chunks++;
    result = k->turn->sink.write(k->turn->sink.arg, b->scratch, kept, err);
done:
    free(bounds);
    return result;
}

/* The chunk's frames become its sound. *again: it is doubted, and to be run once more; else it is said. The first take stays where the
 * model knows how long things last. */
static int hear_chunk(struct speaker *k, const struct cw_frames *frames, bool *again, struct cw_error *err) {
    struct cw_booth *b = k->booth;
    struct chunk *c = &k->chunk;
    const struct cw_acoustic_reference *r = c->in.reference;
    const uint64_t first = k->seed ^ (uint64_t)k->chunks;
    const long before = allocations_of(b);
    const double from = cw_seconds();
    const float *x = NULL;
    size_t n = 0;
    *again = false;
    if (frames->phonemes != c->count + 2)
        return cw_fail(err, CW_FAILED, "%s: expected %d durations, found %d", cw_acoustic_engine(b->studio->engines[k->engine].acoustic),
                       c->count + 2, frames->phonemes);
    if (cw_vocoder_run(b->sessions[k->engine].vocoder, frames, first, &x, &n, err) != 0)
        return -1;
    b->allocations += allocations_of(b) - before;
    if (to_studio(k, frames->sample_rate, &x, &n, err) != 0)
        return -1;
    b->vocoder_seconds += cw_seconds() - from;
    b->modelled_seconds += (double)n / RATE;
    if (frames->guessed && r) {
        if (!c->takes.settled) {
            const double sound_seconds = (double)(r->frames * frames->hop) / RATE / fmax(1, r->weight) / (double)c->in.speed;
            const double sounds = cw_f5_weight_of(c->u->chunks[c->index].phonemes);
            unsigned doubts = cw_turn_doubts(x, (int64_t)n, sounds, sound_seconds);
            if (doubt_words(k, c->u, c->index, x, n, sound_seconds, &doubts, err) != 0)
                return -1;
            *again = cw_takes_again(&c->takes, doubts);
            c->in.seed = first + ((uint64_t)c->takes.now << 32);
            if (*again)
                return 0;
        }
        k->turn->take.retakes += c->takes.retakes;
        k->turn->take.doubts |= c->takes.doubts;
    }
    return end_chunk(k, frames, x, n, err);
}

static void end_turn(struct speaker *k, int result) {
    free_chunk(&k->chunk);
    k->over = true;
    k->turn->result = result;
    if (result != 0)
        cw_take_free(&k->turn->take);
    if (k->turn->over)
        k->turn->over(k->turn);
}

/* To the next chunk, or to the end. */
static void go_on(struct speaker *k) {
    bool more = false;
    const int result = next_chunk(k, &more, &k->turn->err);
    if (result != 0 || !more)
        end_turn(k, result);
}

static void begin_turn(struct speaker *k, struct cw_booth *b, struct cw_turn_speaking *turn) {
    const struct cw_turn_request *r = turn->request;
    *k = (struct speaker){.booth = b, .turn = turn, .engine = cw_studio_engine(r->voice), .last_span = -1};
    memset(&turn->take, 0, sizeof turn->take);
    for (int i = 0; i < 16; i++) {
        char c = turn->plan->key[i];
        k->seed = k->seed << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (cw_booth_need_voice(b, r->voice, r->language, &turn->err) != 0 ||
        (k->engine == CW_ENGINE_F5 && cw_booth_reference(b, r->voice, &k->reference, &turn->err) != 0))
        end_turn(k, -1);
    else
        go_on(k);
}

/* Whose chunks run together: the first turn that is not over, and of the others those whose length is nearest to its, as long as all
 * together take no longer than the longest chunk may alone. */
static int choose(struct speaker *all, int count, struct speaker **group) {
    struct speaker *left[CW_TURNS_TOGETHER];
    int lefts = 0, n = 0, most = 0;
    double seconds = 0;
    for (int i = 0; i < count; i++) {
        if (all[i].over)
            continue;
        int at = lefts++;
        for (; at > 1 && fabs(left[at - 1]->chunk.seconds - left[0]->chunk.seconds) > fabs(all[i].chunk.seconds - left[0]->chunk.seconds);
             at--)
            left[at] = left[at - 1];
        left[at] = &all[i];
    }
    if (lefts > 0)
        most = cw_acoustic_together(left[0]->booth->studio->engines[left[0]->engine].acoustic);
    for (int i = 0; i < lefts && n < most; i++)
        if (n == 0 || seconds + left[i]->chunk.seconds <= SHOWN_SECONDS) {
            seconds += left[i]->chunk.seconds;
            group[n++] = left[i];
        }
    return n;
}

/* Runs their chunks together; what fails so is tried one by one, so that only the one to blame fails. */
static void say_together(struct cw_booth *b, struct speaker **group, int n) {
    struct cw_acoustic_input in[CW_TURNS_TOGETHER];
    struct cw_frames frames[CW_TURNS_TOGETHER];
    const long before = allocations_of(b);
    const double from = cw_seconds();
    for (int i = 0; i < n; i++)
        in[i] = group[i]->chunk.in;
    const int result = cw_acoustic_run_together(b->sessions[group[0]->engine].acoustic, in, n, frames, &group[0]->turn->err);
    b->acoustic_seconds += cw_seconds() - from;
    b->allocations += allocations_of(b) - before;
    if (result != 0 && n > 1) {
        for (int i = 0; i < n; i++)
            say_together(b, &group[i], 1);
        return;
    }
    for (int i = 0; i < n; i++) {
        bool again = false;
        if (result != 0 || hear_chunk(group[i], &frames[i], &again, &group[i]->turn->err) != 0)
            end_turn(group[i], -1);
        else if (!again)
            go_on(group[i]);
    }
}

void cw_turn_speak_together(struct cw_booth *b, struct cw_turn_speaking *turns, int count) {
    struct speaker all[CW_TURNS_TOGETHER], *group[CW_TURNS_TOGETHER];
    for (int i = 0; i < count; i++)
        begin_turn(&all[i], b, &turns[i]);
    for (;;) {
        for (int i = 0; i < count; i++)
            if (!all[i].over && turns[i].wanted && !turns[i].wanted(&turns[i]))
                end_turn(&all[i], cw_fail(&turns[i].err, CW_FAILED, "cancelled"));
        const int n = choose(all, count, group);
        if (n == 0)
            break;
        say_together(b, group, n);
    }
}

int cw_turn_speak(struct cw_booth *b, const struct cw_turn_request *r, const struct cw_turn_plan *plan, struct cw_sink sink,
                  struct cw_take *take, struct cw_error *err) {
    struct cw_turn_speaking turn = {.request = r, .plan = plan, .sink = sink};
    cw_turn_speak_together(b, &turn, 1);
    *take = turn.take;
    if (turn.result != 0)
        *err = turn.err;
    return turn.result;
}

/* ---- measuring --------------------------------------------------------------------------------------------------------- */

static struct cw_turn_request one_text(const struct cw_voice *voice, const char *language, double speed, struct cw_span *span) {
    return (struct cw_turn_request){.voice = voice, .language = language, .speed = speed, .seed = 1, .spans = span, .span_count = 1};
}

static int drop(void *arg, const float *samples, size_t n, struct cw_error *err) {
    (void)arg;
    (void)samples;
    (void)n;
    (void)err;
    return 0;
}

int cw_turn_measure(struct cw_booth *b, const struct cw_voice *voice, const char *language, double speed, const char *text,
                    struct cw_sink sink, int64_t *samples, int *symbols, struct cw_error *err) {
    struct cw_span span = {.text = (char *)(uintptr_t)text}; /* read only */
    struct cw_turn_request r = one_text(voice, language, speed, &span);
    struct cw_turn_plan plan = {0};
    struct cw_take take = {0};
    if (!sink.write)
        sink.write = drop;
    int result = cw_turn_plan_make(b->studio, &r, &plan, err);
    if (result == 0)
        result = cw_turn_speak(b, &r, &plan, sink, &take, err);
    *samples += take.samples;
    *symbols += plan.symbols;
    cw_take_free(&take);
    cw_turn_plan_free(&plan);
    return result;
}

int cw_turn_measure_key(struct cw_studio *s, const struct cw_voice *voice, const char *language, double speed, const char *text,
                        char key[65], struct cw_error *err) {
    struct cw_span span = {.text = (char *)(uintptr_t)text};
    struct cw_turn_request r = one_text(voice, language, speed, &span);
    struct cw_turn_plan plan = {0};
    int result = cw_turn_plan_make(s, &r, &plan, err);
    memcpy(key, plan.key, sizeof plan.key);
    cw_turn_plan_free(&plan);
    return result;
}

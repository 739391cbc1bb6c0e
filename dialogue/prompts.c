/* What the writer tells the model: who speaks, how, one worked example of the tone, and a note before every turn.
 *
 * The notes in parentheses stand in the model's own reply, so that each costs a few tokens of prompt and the cache keeps
 * everything before it. The grammar has no parentheses: a note can be followed, never spoken. */
#include "dialogue/writer_impl.h"

#include <string.h>

static const struct {
    const char *code, *name;
} languages[] = {{"en", "English"},    {"es", "Spanish"}, {"fr", "French"}, {"it", "Italian"},
                 {"pt", "Portuguese"}, {"de", "German"},  {"nl", "Dutch"},  {"pl", "Polish"}};

const char *writer_language(const char *code) {
    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++) {
        size_t n = strlen(languages[i].code);
        if (strncmp(code, languages[i].code, n) == 0 && (code[n] == '\0' || code[n] == '-')) {
            return languages[i].name;
        }
    }
    return NULL;
}

const char writer_expert_prompt[] = "You are an expert who explains things with concrete, correct detail.";

bool writer_of_example(const struct cw_style *style, const char *lower, const char *known) {
    for (int i = 0; i < style->prop_count; i++) {
        if (strstr(lower, style->props[i]) != NULL && (known == NULL || strcasestr(known, style->props[i]) == NULL)) {
            return true;
        }
    }
    return false;
}

void writer_system_prompt(struct cw_text *out, const struct cw_script *s, const struct cw_style *style) {
    cw_text_add(out, "You write talks for the radio. ");
    cw_text_add(out, style->how);
    cw_text_add(out, "\n");
    for (int i = 0; i < s->cast_count; i++) {
        const char *persona = s->cast[i].persona != NULL ? s->cast[i].persona : style->personas[i % style->persona_count];
        cw_text_printf(out, "%s %s\n", s->cast[i].name, persona);
    }
    cw_text_add(out,
                "Rules: short spoken sentences. Contractions are fine. Every turn adds something new and follows from the turn before. "
                "True, concrete things: names, causes, examples, plain numbers. No praise of the other speaker, no restating, no speeches, "
                "no talk about the show itself. Each note in parentheses says what the next line does; the note is not spoken.\n");
    const char *language = writer_language(s->language);
    if (language != NULL && strcmp(language, "English") != 0) {
        cw_text_printf(out, "The talk is in %s.\n", language);
    }
    if (style->example_count > 0) {
        cw_text_printf(out, "\nAn example of the tone, from the middle of another talk%s%s:\n", style->subject[0] != '\0' ? ", about " : "",
                       style->subject);
    }
    for (int i = 0; i < style->example_count; i++) {
        const char *name = s->cast[style->examples[i].speaker < s->cast_count ? style->examples[i].speaker : 0].name;
        cw_text_printf(out, "(%s %s)\n%s: %s\n", name, style->examples[i].note, name, style->examples[i].line);
    }
}

/* An opener that may still be taken: a sentence once, some words twice, a single word as often as it likes. */
static bool opener_left(const char *opener, int used) {
    size_t n = strlen(opener);
    bool sentence = n > 0 && strchr(".?!", opener[n - 1]) != NULL;
    return used < (sentence ? 1 : strchr(opener, ' ') != NULL ? 2 : 250);
}

/* How often the talk had these words, as somebody's own or as the style's, which may be the same. */
static int times_taken(const struct writer *w, const char *words) {
    int times = 0, twin = 0;
    for (int i = 0; i < w->script->cast_count; i++) {
        for (int k = 0; k < w->script->cast[i].opener_count; k++) {
            times += strcmp(w->script->cast[i].openers[k], words) == 0 ? w->own_used[i][k] : 0;
        }
    }
    for (int i = 0; i < MOVES_ALL; i++) {
        for (int m = 0; m < w->style->sections[i].count; m++) {
            const struct style_move *move = &w->style->sections[i].moves[m];
            for (int k = 0; k < move->opener_count; k++) {
                twin = strcmp(move->openers[k], words) == 0 ? w->used[move->first + k] : twin;
            }
        }
    }
    return times > twin ? times : twin;
}

const char *writer_own_opener(struct writer *w, enum beat beat, int speaker) {
    enum { ONE_IN = 3 };
    const struct cw_cast_member *m = &w->script->cast[speaker];
    int best = -1, least = 255;
    if (m->opener_count == 0 || beat == BEAT_OPEN || beat == BEAT_CLOSE || w->own_turns[speaker]++ % ONE_IN != 0) {
        return NULL;
    }
    for (int k = 0; k < m->opener_count; k++) {
        int times = times_taken(w, m->openers[k]);
        if (times < least && opener_left(m->openers[k], times)) {
            best = k;
            least = times;
        }
    }
    if (best < 0) {
        return NULL;
    }
    w->own_used[speaker][best]++;
    return m->openers[best];
}

static bool move_denies(const struct style_move *m) {
    for (int i = 0; i < m->opener_count; i++) {
        if (writer_denies(m->openers[i])) {
            return true;
        }
    }
    return false;
}

void writer_note(struct cw_text *note, struct cw_text *opener, enum beat beat, const struct cw_style *style, bool sourced, const char *name,
                 const char *other, const char *subject, const char *own, uint32_t pick, unsigned char used[STYLE_OPENERS_ALL]) {
    static const struct {
        enum style_section section;
        bool subject;
    } of[] = {
        [BEAT_OPEN] = {MOVES_OPEN, true},    [BEAT_TURN] = {MOVES_TURN, true},    [BEAT_ASK] = {MOVES_ASK, false},
        [BEAT_TELL] = {MOVES_TELL, true},    [BEAT_REACT] = {MOVES_REACT, false}, [BEAT_EXTEND] = {MOVES_EXTEND, false},
        [BEAT_OBJECT] = {MOVES_REPLY, true}, [BEAT_SUM] = {MOVES_SUM, true},      [BEAT_CLOSE] = {MOVES_CLOSE, false},
    };
    bool leads = sourced && beat == BEAT_ASK && subject[0] != '\0';
    enum style_section section = leads ? MOVES_LEAD : beat == BEAT_REACT && style->sides ? MOVES_REPLY : of[beat].section;
    unsigned count = (unsigned)style->sections[section].count;
    const struct style_move *moves = style->sections[section].moves, *move = &moves[pick % count];
    for (unsigned i = 1; i < count && sourced && !style->sides && move_denies(move); i++) {
        move = &moves[(pick + i) % count];
    }
    int best = -1;
    for (int i = 0; i < move->opener_count && own == NULL; i++) {
        int k = (int)(((pick >> 8) + (unsigned)i) % (unsigned)move->opener_count);
        int times = used[move->first + k];
        bool last_resort = beat == BEAT_OPEN || beat == BEAT_CLOSE;
        if ((last_resort || opener_left(move->openers[k], times)) && (best < 0 || times < used[move->first + best])) {
            best = k;
        }
    }
    const char *words = best >= 0 ? move->openers[best] : own;
    if (words != NULL) {
        /* the same words may stand in several places */
        for (int i = 0; i < MOVES_ALL; i++) {
            for (int m = 0; m < style->sections[i].count; m++) {
                const struct style_move *twin = &style->sections[i].moves[m];
                for (int k = 0; k < twin->opener_count; k++) {
                    unsigned char *times = &used[twin->first + k];
                    if (*times < 255 && strcmp(twin->openers[k], words) == 0) {
                        ++*times;
                    }
                }
            }
        }
        cw_text_add(opener, words);
    }
    cw_text_add(opener, "");
    if (beat == BEAT_CLOSE) {
        if (strcmp(name, other) != 0) {
            cw_text_printf(opener, ", %s.", other);
        } else {
            cw_text_add(opener, " for listening.");
        }
    }
    cw_text_printf(note, "(%s %s", name, move->note);
    if (of[beat].subject) {
        cw_text_printf(note, ": %s", subject);
    } else if (beat == BEAT_ASK && subject[0] != '\0') {
        cw_text_printf(note, ", that this answers: %s", subject);
    }
    cw_text_add(note, ")\n");
}

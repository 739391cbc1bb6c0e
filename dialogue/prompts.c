/* What the writer tells the model: who speaks, how, one worked example of the tone, and a note before every turn.
 *
 * The notes in parentheses stand in the model's own reply, so that each costs a few tokens of prompt and the cache keeps
 * everything before it. The grammar has no parentheses: a note can be followed, never spoken. */
#include "dialogue/writer_impl.h"

#include <string.h>

static const struct style styles[] = {
    {"conversation", "It is a conversation between equals who enjoy the subject: they ask, doubt, tease, compare with daily life, and get to the point.", false, false},
    {"interview", "It is an interview: one asks short, pointed questions and follows up, the guest answers from experience.", true, false},
    {"debate", "It is a friendly debate: they disagree, answer each other's strongest point, and concede what is true.", false, true},
    {"explainer", "It is an explanation: one takes the other through the subject step by step, in plain words, with an example for every step.", true, false},
};

const struct style *writer_style(const char *name)
{
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        if (name == NULL || strcmp(styles[i].name, name) == 0) {
            return &styles[i];
        }
    }
    return NULL;
}

void writer_list_styles(struct cw_text *out)
{
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        cw_text_add(out, i == 0 ? "" : ", ");
        cw_text_add(out, styles[i].name);
    }
}

static const struct {
    const char *code, *name;
} languages[] = {{"en", "English"}, {"es", "Spanish"}, {"fr", "French"}, {"it", "Italian"}, {"pt", "Portuguese"}, {"de", "German"}, {"nl", "Dutch"}, {"pl", "Polish"}};

const char *writer_language(const char *code)
{
    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++) {
        size_t n = strlen(languages[i].code);
        if (strncmp(code, languages[i].code, n) == 0 && (code[n] == '\0' || code[n] == '-')) {
            return languages[i].name;
        }
    }
    return NULL;
}

/* One habit for each place in the cast. */
static const char *const habits[CW_CAST_MAX] = {
    "is curious and quick, asks what a listener would ask, and compares things with daily life.",
    "knows the field, has a dry sense of humour, uses plain words and one number at a time.",
    "is a sceptic who wants to know how anybody can be sure.",
    "is practical and wants to know what to do about it on Monday.",
    "tells very short stories about real people and places.",
    "remembers how things used to be done and what changed.",
};

static const struct {
    const char *note;
    int speaker; /* 0 or 1: the first two of the cast; with a cast of one, always that one */
    const char *line;
} example[] = {
    {"tells this: bread goes stale because its starch forms crystals, not because it dries", 1,
     "Most people would say it dried out. It hardly did. The starch inside quietly turned back into crystals."},
    {"doubts it", 0, "Crystals, in my sandwich? Then why does a plastic bag help at all?"},
    {"gives an example", 1, "The bag keeps the crust soft, that is all. Put a stale slice in the toaster and the crystals melt again for a few minutes."},
    {"makes a small joke", 0, "So my toaster is a time machine. A short trip, but still."},
};

const char *writer_example_line(int i)
{
    return i >= 0 && (size_t)i < sizeof example / sizeof example[0] ? example[i].line : NULL;
}

void writer_system_prompt(struct cw_text *out, const struct cw_script *s, const struct style *style)
{
    cw_text_add(out, "You write talks for the radio. ");
    cw_text_add(out, style->how);
    cw_text_add(out, "\n");
    for (int i = 0; i < s->cast_count; i++) {
        cw_text_printf(out, "%s %s\n", s->cast[i].name, habits[i]);
    }
    cw_text_add(out, "Rules: short spoken sentences. Contractions are fine. Every turn adds something new and follows from the turn before. "
                     "True, concrete things: names, causes, examples, plain numbers. No praise of the other speaker, no restating, no speeches, "
                     "no talk about the show itself. Each note in parentheses says what the next line does; the note is not spoken.\n");
    const char *language = writer_language(s->language);
    if (language != NULL && strcmp(language, "English") != 0) {
        cw_text_printf(out, "The talk is in %s.\n", language);
    }
    cw_text_add(out, "\nAn example of the tone, from the middle of another talk, about bread:\n");
    for (size_t i = 0; i < sizeof example / sizeof example[0]; i++) {
        const char *name = s->cast[example[i].speaker < s->cast_count ? example[i].speaker : 0].name;
        cw_text_printf(out, "(%s %s)\n%s: %s\n", name, example[i].note, name, example[i].line);
    }
}

void writer_note(struct cw_text *out, enum beat beat, const struct style *style, const char *name, const char *other, const char *subject, uint32_t pick)
{
    static const char *const reacts[] = {"doubts it and says why", "compares that with something from daily life", "makes a small joke about that",
                                         "says what that means for an ordinary person", "is surprised and names the part that surprises"};
    static const char *const replies[] = {"disagrees and gives a reason", "grants one point and turns it around", "asks for proof", "points out who pays for that"};
    static const char *const extends[] = {"gives a concrete example", "explains in one plain step why that is so", "admits what is hard or not known about it",
                                          "adds a detail that few people know"};
    static const char *const asks[] = {"asks a short question that follows from the last line", "asks how that works in practice", "asks what happens then",
                                       "asks who feels that first"};
    cw_text_printf(out, "(%s ", name);
    switch (beat) {
    case BEAT_OPEN:
        cw_text_printf(out, "greets the listeners and opens with a hook about this: %s", subject);
        break;
    case BEAT_TURN:
        cw_text_printf(out, "moves on with a new question: %s", subject);
        break;
    case BEAT_ASK:
        cw_text_add(out, asks[pick % (sizeof asks / sizeof asks[0])]);
        break;
    case BEAT_TELL:
        cw_text_printf(out, "%s: %s", style->sides ? "argues with this" : "tells this", subject);
        break;
    case BEAT_REACT:
        cw_text_add(out, style->sides ? replies[pick % (sizeof replies / sizeof replies[0])] : reacts[pick % (sizeof reacts / sizeof reacts[0])]);
        break;
    case BEAT_EXTEND:
        cw_text_add(out, extends[pick % (sizeof extends / sizeof extends[0])]);
        break;
    case BEAT_SUM:
        cw_text_printf(out, "says in one or two sentences what to remember about this: %s", subject);
        break;
    case BEAT_CLOSE:
        if (strcmp(name, other) == 0) {
            cw_text_add(out, "thanks the listeners for their time and says goodbye");
        } else {
            cw_text_printf(out, "thanks %s and the listeners and says goodbye", other);
        }
        break;
    }
    cw_text_add(out, ")\n");
}

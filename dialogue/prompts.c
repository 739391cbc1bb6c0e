/* What the writer tells the model: who speaks, how, one worked example of the tone, and a note before every turn.
 *
 * The notes in parentheses stand in the model's own reply, so that each costs a few tokens of prompt and the cache keeps
 * everything before it. The grammar has no parentheses: a note can be followed, never spoken. */
#include "dialogue/writer_impl.h"

#include <string.h>

static const struct style styles[] = {
    {"conversation",
     "It is a conversation between equals who enjoy the subject: they ask, doubt, tease, compare with daily life, and get to the point.",
     false, false},
    {"interview", "It is an interview: one asks short, pointed questions and follows up, the guest answers from experience.", true, false},
    {"debate", "It is a friendly debate: they disagree, answer each other's strongest point, and concede what is true.", false, true},
    {"explainer",
     "It is an explanation: one takes the other through the subject step by step, in plain words, with an example for every step.", true,
     false},
};

const struct style *writer_style(const char *name) {
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        if (name == NULL || strcmp(styles[i].name, name) == 0) {
            return &styles[i];
        }
    }
    return NULL;
}

void writer_list_styles(struct cw_text *out) {
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        cw_text_add(out, i == 0 ? "" : ", ");
        cw_text_add(out, styles[i].name);
    }
}

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
    {"gives an example", 1,
     "The bag keeps the crust soft, that is all. Put a stale slice in the toaster and the crystals melt again for a few minutes."},
    {"makes a small joke", 0, "So my toaster is a time machine. A short trip, but still."},
};

const char writer_expert_prompt[] = "You are an expert who explains things with concrete, correct detail.";

bool writer_of_example(const char *lower, const char *known) {
    static const char *const things[] = {"bread", "toast", "crust", "starch", "loaf", "sandwich", "crystals"};
    for (size_t i = 0; i < sizeof things / sizeof things[0]; i++) {
        if (strstr(lower, things[i]) != NULL && (known == NULL || strcasestr(known, things[i]) == NULL)) {
            return true;
        }
    }
    return false;
}

const char *writer_example_line(int i) {
    return i >= 0 && (size_t)i < sizeof example / sizeof example[0] ? example[i].line : NULL;
}

void writer_system_prompt(struct cw_text *out, const struct cw_script *s, const struct style *style) {
    cw_text_add(out, "You write talks for the radio. ");
    cw_text_add(out, style->how);
    cw_text_add(out, "\n");
    for (int i = 0; i < s->cast_count; i++) {
        cw_text_printf(out, "%s %s\n", s->cast[i].name, habits[i]);
    }
    cw_text_add(out,
                "Rules: short spoken sentences. Contractions are fine. Every turn adds something new and follows from the turn before. "
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

/* One way to go on: what the note says, and openers that suit it. "" lets the model begin as it likes. */
struct move {
    const char *note;
    const char *openers[4];
};

static const struct move opens[] = {
    {"greets the listeners and says what is puzzling about this",
     {"Hello and welcome. Have you ever wondered", "Hello, everybody. Here's something that puzzles me.",
      "Hi, everyone. Let me begin with a question.", "Welcome, everyone. I have a puzzle for you."}},
};
static const struct move turns[] = {{"has a new question", {"Okay, so", "Now,", "Here's what I want to know.", "But then,"}}};
static const struct move asks[] = {
    {"asks a short question about what was just said", {"So", "Okay,", "But", "And"}},
    {"asks how that works in practice", {"And in practice,", "Right, but", "Help me here.", "So"}},
    {"asks what that leads to", {"And then,", "Okay, and", "So", "Let me ask this."}},
    {"asks the obvious question that a child would ask", {"Silly question, but", "So", "Okay, but", "I have to ask."}},
};
static const struct move tells[] = {
    {"tells this", {"", "Here's the thing.", "Well,", "For one thing,"}},
    {"tells this", {"", "Start with this.", "Look at it this way.", "And then there's this."}},
};
static const struct move reacts[] = {
    {"doubts it and says why", {"Hang on.", "Wait,", "I don't quite buy that.", "Hmm."}},
    {"compares that with something from daily life", {"So it's a bit like", "That's like", "It reminds me of", "Sounds like"}},
    {"says what that means for an ordinary person", {"So when I", "For most of us,", "Which means", "So for someone like me,"}},
    {"is surprised and names the part that surprises", {"Huh.", "I had no idea", "Wow.", "Now that surprises me."}},
};
static const struct move replies[] = {
    {"disagrees and gives a reason", {"I see it differently.", "No,", "I doubt that.", "Not so fast."}},
    {"grants one point and turns it around", {"Fair enough, but", "Maybe,", "Granted,", "Up to a point."}},
    {"asks for proof", {"Where is the proof?", "Says who?", "Show me.", "Hmm."}},
};
static const struct move extends[] = {
    {"gives a concrete example", {"Take", "Say", "Picture this.", "For example,"}},
    {"explains in one plain step why that is so", {"It comes down to", "The reason is simple.", "That's because", "In plain words,"}},
    {"admits what is hard or not known about it", {"The hard part is", "What nobody knows yet is", "To be honest,", "There's a catch."}},
    {"adds a detail that few people know", {"And here's the odd part.", "What people miss is", "There's more.", "Oddly enough,"}},
};
static const struct move sums[] = {
    {"says what to remember about this", {"If you remember one thing,", "So, in the end,", "What stays with me is", "Put it this way."}}};
static const struct move closes[] = {{"says goodbye to the listeners", {"Thanks", "Thank you", "Thanks", "Thank you"}}};

#define MOVES(list) list, sizeof list / sizeof list[0]

void writer_note(struct cw_text *note, struct cw_text *opener, enum beat beat, const struct style *style, const char *name,
                 const char *other, const char *subject, uint32_t pick, unsigned char used[OPENERS_MAX]) {
    const struct {
        const struct move *moves;
        size_t count;
        bool subject;
    } of[] = {
        [BEAT_OPEN] = {MOVES(opens), true},
        [BEAT_TURN] = {MOVES(turns), true},
        [BEAT_ASK] = {MOVES(asks), false},
        [BEAT_TELL] = {MOVES(tells), true},
        [BEAT_REACT] = {style->sides ? replies : reacts,
                        style->sides ? sizeof replies / sizeof replies[0] : sizeof reacts / sizeof reacts[0], false},
        [BEAT_EXTEND] = {MOVES(extends), false},
        [BEAT_SUM] = {MOVES(sums), true},
        [BEAT_CLOSE] = {MOVES(closes), false},
    };
    const struct move *move = &of[beat].moves[pick % of[beat].count];
    /* the opener of this move whose like was taken least */
    int best = -1;
    unsigned slot = 0;
    for (int i = 0; i < 4; i++) {
        int k = (int)(((pick >> 8) + (unsigned)i) % 4);
        unsigned h = 5381;
        for (const char *c = move->openers[k]; *c != '\0'; c++) {
            h = h * 33 + (unsigned char)*c;
        }
        h %= OPENERS_MAX;
        if (best < 0 || used[h] < used[slot]) {
            best = k;
            slot = h;
        }
    }
    if (used[slot] < 255) {
        used[slot]++;
    }
    cw_text_add(opener, move->openers[best]);
    if (beat == BEAT_CLOSE) {
        if (strcmp(name, other) != 0) {
            cw_text_printf(opener, ", %s.", other);
        } else {
            cw_text_add(opener, " for listening.");
        }
    }
    cw_text_printf(note, "(%s %s", name, beat == BEAT_TELL && style->sides ? "argues with this" : move->note);
    if (of[beat].subject) {
        cw_text_printf(note, ": %s", subject);
    }
    cw_text_add(note, ")\n");
}

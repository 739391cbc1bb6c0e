/* The script: the source code of an episode. Plain data, a parser and a printer that round-trip. See docs/script.md. */
#ifndef CW_SCRIPT_H
#define CW_SCRIPT_H

#include "base/base.h"

enum { CW_OPENERS_MAX = 8 };
struct cw_cast_member {
    char *name;                    /* "Maya" */
    char *voice;                   /* "af_heart" or a mix "am_michael*0.7 + bm_george*0.3" */
    char *persona;                 /* how this one talks, for the writer: "is a retired sailor who ...", or NULL */
    int words;                     /* about so many in a turn of this one, for the writer; 0: as the style has it */
    char *openers[CW_OPENERS_MAX]; /* words that turns of this one may begin with: "At sea," */
    int opener_count;
    int line; /* where it was defined, 0 when made by the program */
};

/* How the script wants a word said: "GIF: jif" under "pronunciations:". What a value may be is the front end's business. */
struct cw_pronunciation {
    char *word, *value;
    int line;
};

/* A stretch of speech inside a turn, after a pause. */
struct cw_span {
    int pause_ms; /* [pause N] before it */
    char *text;   /* speakable text; [word](/ipa/) still inside */
};

struct cw_turn {
    int speaker;    /* index into cast */
    int overlap_ms; /* [overlap N] at its start: begins that long before the previous turn ends */
    struct cw_span *spans;
    int span_count;
    int tail_pause_ms; /* a [pause N] at the very end */
    char *comment;     /* "<!-- ... -->" before it or in it, one after another, or NULL; never spoken */
    int line;          /* 0 when made by the program */
    /* Where it stands in the text that was parsed: its comments begin at `lead`, its own bytes are [from, to), the last line end is not in
     * them. All 0 when it stands nowhere. */
    size_t lead, from, to;
};

struct cw_segment {
    char *title; /* heading; "" for turns before the first heading */
    struct cw_turn *turns;
    int turn_count;
    char *comment; /* before its heading, or NULL */
    int line;
};

struct cw_script {
    char *title;
    char *language; /* "en-us" */
    uint64_t seed;
    struct cw_cast_member *cast;
    int cast_count; /* 1 .. CW_CAST_MAX */
    struct cw_pronunciation *pronunciations;
    int pronunciation_count;
    struct cw_segment *segments;
    int segment_count;
    char *comment; /* after the last turn, or NULL */
};

enum { CW_CAST_MAX = 6, CW_PAUSE_MAX_MS = 60000, CW_OVERLAP_MAX_MS = 5000, CW_TURN_MAX_BYTES = 20000, CW_SCRIPT_MAX_BYTES = 8 << 20 };

/* `name` is used in messages: "episode.md:12:7: unknown speaker \"Tim\"; expected one of: Maya, Tom". */
CW_MUST_CHECK int cw_script_parse(struct cw_script *s, const char *name, const char *text, size_t len, struct cw_error *err);
CW_MUST_CHECK int cw_script_read(struct cw_script *s, const char *path, struct cw_error *err);
CW_MUST_CHECK int cw_script_print(const struct cw_script *s, struct cw_text *out, struct cw_error *err);
void cw_script_free(struct cw_script *s);

/* Growing a script turn by turn (the writer does). Strings are copied. */
CW_MUST_CHECK int cw_script_add_cast(struct cw_script *s, const char *name, const char *voice, struct cw_error *err);
CW_MUST_CHECK int cw_script_add_segment(struct cw_script *s, const char *title, struct cw_error *err);
/* Adds to the last segment; `text` may hold directions and is parsed as a script line would be. */
CW_MUST_CHECK int cw_script_add_turn(struct cw_script *s, int speaker, const char *text, struct cw_error *err);
/* Only the front matter of a script, or of a file that has nothing else: its cast and personas. */
CW_MUST_CHECK int cw_script_read_cast(struct cw_script *s, const char *path, struct cw_error *err);
/* "Maya=af_heart,Tom=am_michael" -> cast. */
CW_MUST_CHECK int cw_script_parse_cast(struct cw_script *s, const char *spec, struct cw_error *err);

/* Length of a well-formed direction at s, "[pause 300ms]", or 0; *pause_ms is the silence it asks for. For texts outside of a script, where
 * other brackets are text. */
size_t cw_direction_length(const char *s, size_t n, int *pause_ms);
/* The turn's text without directions and with [word](/ipa/) shown as word: for transcripts and counting. */
CW_MUST_CHECK int cw_turn_plain(const struct cw_turn *t, struct cw_text *out, struct cw_error *err);
int cw_script_turns(const struct cw_script *s); /* total */

/* ---- traces (script_trace.c) --------------------------------------------------------------------------------------------
 * What a turn rests on stands in comments, so that people see it where they edit:
 *
 *     <!-- rests on [3] [5] -->           before a turn: numbers of passages
 *     <!-- check: "400" is in no passage -->   before a turn that states a figure or a name of its own
 *     <!-- passages                       after the last turn
 *     [3] (tides.md) The passage's text.
 *     -->
 */
struct cw_passage {
    int number;   /* from 1 */
    char *source; /* "tides.md" */
    char *text;   /* one line */
};
/* Adds "<!-- text -->" to a comment; what would end it early in `text` is taken apart. */
CW_MUST_CHECK int cw_comment_add(char **comment, const char *text, struct cw_error *err);
/* The numbers of the passages that the turn rests on: how many, at most `max` of them in `numbers`. */
int cw_turn_sources(const struct cw_turn *t, int *numbers, int max);
/* Does a comment ask the editor to check it? */
bool cw_turn_flagged(const struct cw_turn *t);
/* The passages at the end of the script, NULL and 0 when there are none. */
CW_MUST_CHECK int cw_script_passages(const struct cw_script *s, struct cw_passage **passages, int *count, struct cw_error *err);
CW_MUST_CHECK int cw_script_add_passages(struct cw_script *s, const struct cw_passage *passages, int count, struct cw_error *err);
void cw_passages_free(struct cw_passage *passages, int count);

#endif

/* The script: the source code of an episode. Plain data, a parser and a printer that round-trip. See docs/script.md. */
#ifndef CW_SCRIPT_H
#define CW_SCRIPT_H

#include "base/base.h"

struct cw_cast_member {
    char *name;  /* "Maya" */
    char *voice; /* "af_heart" or a mix "am_michael*0.7 + bm_george*0.3" */
    int line;    /* where it was defined, 0 when made by the program */
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
    int line;
};

struct cw_segment {
    char *title; /* heading; "" for turns before the first heading */
    struct cw_turn *turns;
    int turn_count;
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
/* "Maya=af_heart,Tom=am_michael" -> cast. */
CW_MUST_CHECK int cw_script_parse_cast(struct cw_script *s, const char *spec, struct cw_error *err);

/* The turn's text without directions and with [word](/ipa/) shown as word: for transcripts and counting. */
CW_MUST_CHECK int cw_turn_plain(const struct cw_turn *t, struct cw_text *out, struct cw_error *err);
int cw_script_turns(const struct cw_script *s); /* total */

#endif

/* Inside of the script: what the parser, the printer and the growing of a script share. */
#ifndef CW_SCRIPT_IMPL_H
#define CW_SCRIPT_IMPL_H

#include "dialogue/script.h"

enum {
    SCRIPT_NAME_MAX = 40,   /* bytes of a speaker's name */
    SCRIPT_TITLE_MAX = 300, /* bytes of a title or heading */
    SCRIPT_VOICE_MAX = 500, /* bytes of a voice or mix */
    SCRIPT_SAID_MAX = 200,  /* bytes of a word of pronunciations, and of how it is said */
    SCRIPT_OPENER_MAX = 60, /* bytes of an opener */
    SCRIPT_WORDS_LEAST = 4, /* words of a speaker's turns, about */
    SCRIPT_WORDS_MOST = 60,
    SCRIPT_IPA_MAX = 300,     /* bytes inside [word](/ipa/) */
    SCRIPT_FRONT_MAX = 65536, /* bytes of front matter */
    SCRIPT_HOLE = 1,          /* stands where a comment was, so that columns stay right */
};

/* A place in a text that people edit: errors name it by line and column (characters, from 1). */
struct script_source {
    const char *name;
    const char *text;
    size_t len;
    int line; /* number of the first line */
};

/* "NAME:LINE:COLUMN: " and the message; returns -1. */
int script_fail(const struct script_source *src, size_t at, struct cw_error *err, const char *format, ...) CW_PRINTF(4, 5);
int script_line_of(const struct script_source *src, size_t at);

/* A character that a script may hold: no controls, no line or paragraph separators, no marks that reorder text. */
bool script_char_ok(uint32_t code);
/* Refuses characters that a script may not hold and invalid UTF-8; '\n', '\t' and "\r\n" pass when `lines`. */
CW_MUST_CHECK int script_check_chars(const struct script_source *src, bool lines, struct cw_error *err);
/* Something in it can be said: a letter, a digit, or a character of another script. */
bool script_speakable(const char *s, size_t n);
/* Why a name cannot be a speaker's, or NULL. */
const char *script_name_problem(const char *name, size_t n);
/* "Maya, Tom" */
void script_list_cast(const struct cw_script *s, struct cw_text *out);
/* Length of a well-formed [word](/ipa/) at s, or 0; the word is s[1 .. 1 + word_len). */
size_t script_ipa_link(const char *s, size_t n, size_t *word_len);

/* Bytes [start, end) of the source are one turn's text; the caller sets the speaker and the line. On failure `t` is empty. */
CW_MUST_CHECK int script_parse_turn(struct cw_turn *t, const struct script_source *src, size_t start, size_t end, struct cw_error *err);
void script_turn_free(struct cw_turn *t);
/* Moves `t` into the last segment. */
CW_MUST_CHECK int script_push_turn(struct cw_script *s, struct cw_turn *t, struct cw_error *err);
/* Room for one more item in an array that grows by doubling: NULL when out of memory (the old array stays). */
void *script_grow(void *items, int count, size_t size);

/* "Name: [overlap 200ms] Words.\n" */
void script_print_turn(struct cw_text *out, const struct cw_script *s, const struct cw_turn *t);
/* "[3] (tides.md) The passage's text." */
void script_print_passage(struct cw_text *out, const struct cw_passage *p);

#endif

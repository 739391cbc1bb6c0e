/* Sources: files, folders and web pages -> passages of some ninety words, and the passages that matter for a question.
 *
 *   text · Markdown · HTML · PDF · subtitles · URL · folder ─▶ paragraphs ─▶ passages ─▶ BM25 */
#ifndef CW_SOURCE_H
#define CW_SOURCE_H

#include "dialogue/script.h"

struct cw_source_params {
    size_t bytes;     /* of one file or page; 32 MiB */
    double seconds;   /* for one page; 60 */
    bool allow_local; /* pages on this machine and in private networks as well */
};
struct cw_source_params cw_source_params_default(void);

struct cw_sources {
    struct cw_passage *passages; /* numbered from 1, in the order of the documents */
    char **headings;             /* [count] the heading a passage stands under, "" */
    int count;
    char **names; /* [name_count] of the documents, as they are cited */
    char (*sums)[65];
    int name_count;
    struct source_index *index; /* made at first use */
};
/* `from`: a file, a folder (its files of known kinds, subfolders too, in order of name) or an http(s) address. What cannot be read,
 * or holds no text, is refused by name, and the passages so far stay. */
CW_MUST_CHECK int cw_sources_add(struct cw_sources *s, const char *from, struct cw_source_params p, struct cw_error *err);
void cw_sources_free(struct cw_sources *s);

/* The passages that fit a question best (BM25 over stemmed words), best first: indexes into `passages`. `used` (may be NULL) counts how
 * often each was taken before: that lowers its score. Returns how many, at most `max`; -1 on error. */
CW_MUST_CHECK int cw_sources_find(struct cw_sources *s, const char *question, const unsigned char *used, int *found, int max,
                                  struct cw_error *err);

/* ---- of the room --------------------------------------------------------------------------------------------------------- */

/* Each appends paragraphs, separated by blank lines; a heading is a paragraph that begins with "# ". */
CW_MUST_CHECK int source_html(const char *data, size_t len, const char *type, struct cw_text *out, const char *name, struct cw_error *err);
CW_MUST_CHECK int source_pdf(const char *data, size_t len, struct cw_text *out, const char *name, struct cw_error *err);
void source_markdown(const char *data, struct cw_text *out);
void source_subtitles(const char *data, struct cw_text *out);
void source_plain(const char *data, struct cw_text *out);
/* Bytes of the first sentence, blanks after it not counted. */
size_t source_sentence(const char *s);

#endif

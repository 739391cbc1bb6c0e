/* A pronouncing dictionary, mapped read-only. The file (made by models/convert from the published lexicon): a first line
 * `#castwright-lexicon 1 us`, then lines sorted by bytes, `word<TAB>phonemes` or, for words that sound differently by their part of
 * speech, `word<TAB>DEFAULT=…<TAB>NOUN=…<TAB>None=…` (None: at the end of a phrase; SPELL=NOUN: as a noun its letters are said). */
#ifndef CW_LEXICON_H
#define CW_LEXICON_H

#include "base/base.h"

struct cw_lexicon {
    struct cw_map map;
    size_t first;     /* offset of the first entry */
    uint32_t *starts; /* [65537]: where the lines begin whose first two bytes are at least these; the last one is the file's end */
};

/* Every line is checked here, once, so that look-ups need not. Missing file: CW_NO_MODEL. */
CW_MUST_CHECK int cw_lexicon_open(struct cw_lexicon *l, const char *path, const char *region, struct cw_error *err);
void cw_lexicon_close(struct cw_lexicon *l);

/* The entry after the tab, `*len` bytes long, not NUL-terminated; NULL when the word is not there. */
const char *cw_lexicon_find(const struct cw_lexicon *l, const char *word, size_t word_len, size_t *len);
/* The value of `key` in a tagged entry (NULL: no such key); for a plain entry, the whole of it whatever the key is. */
const char *cw_lexicon_value(const char *entry, size_t entry_len, const char *key, size_t *len);

#endif

/* Turn files: OUT/turns/KEY.wav (float, 24 kHz, mono) and KEY.json (its length, sum and word times). The json is written
 * last: a turn is whole when it is there and the sum of the wav is the one it names. */
#ifndef CW_CACHE_H
#define CW_CACHE_H

#include "episode/turn.h"

/* `found` false: not there, or damaged and to be made again. `path` gets the wav's path, found or not. */
CW_MUST_CHECK int cw_cache_find(const char *dir, const char *key, char path[CW_PATH_MAX], struct cw_take *take, bool *found,
                                struct cw_error *err);

struct cw_cache_file; /* a turn being written */
CW_MUST_CHECK int cw_cache_begin(struct cw_cache_file **f, const char *dir, const char *key, struct cw_error *err);
struct cw_sink cw_cache_sink(struct cw_cache_file *f);
/* Closes and commits both files; frees f, failed or not. */
CW_MUST_CHECK int cw_cache_end(struct cw_cache_file *f, const struct cw_take *take, struct cw_error *err);
void cw_cache_abort(struct cw_cache_file *f);

#endif

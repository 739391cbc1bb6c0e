/* The mix bus: placed clips -> mixer -> look-ahead limiter -> one mono stream, pulled in blocks. Mastering and live playback
 * pull the same stream, so what is heard live is the file up to one gain. Clips come levelled (level.h), so the ceiling is
 * met by peaks alone, and lies low enough that mastering's own gain, a decibel or so, needs no limiting after it. */
#ifndef CW_BUS_H
#define CW_BUS_H

#include "episode/limiter.h"
#include "episode/mixer.h"

#define CW_BUS_CEILING_DBTP (-3.0)
enum { CW_BUS_AHEAD = CW_LIMITER_DELAY }; /* samples of the timeline that must be settled beyond the one read */

struct cw_bus;
CW_MUST_CHECK int cw_bus_open(struct cw_bus **b, int rate, struct cw_error *err);
void cw_bus_close(struct cw_bus *b);
/* Clips come in order of their start, none before what was read and CW_BUS_AHEAD samples on. */
CW_MUST_CHECK int cw_bus_add(struct cw_bus *b, const struct cw_clip *clip, struct cw_error *err);
/* The next n samples of the timeline, in time: the limiter's delay is taken off. */
CW_MUST_CHECK int cw_bus_read(struct cw_bus *b, float *out, size_t n, struct cw_error *err);

#endif

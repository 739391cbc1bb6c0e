/* A map of voices: how alike they sound -> places on a plane -> a picture. */
#ifndef CW_VOICE_MAP_H
#define CW_VOICE_MAP_H

#include "base/base.h"

/* Classical multidimensional scaling (Torgerson, 1952): places [n, 2] whose distances come near those given [n, n]. The sign of an
 * axis is chosen so that the point farthest out on it is positive; same input, same places. */
CW_MUST_CHECK int cw_map_places(const double *distances, int n, double *places, struct cw_error *err);

struct cw_map_point {
    const char *name, *group; /* points of one group have one colour, listed in the order in which they first come */
};
/* The picture, SVG, added to `svg`; cosines [n, n] of the embeddings. Pairs above `alike` are joined by a line. */
CW_MUST_CHECK int cw_map_draw(const struct cw_map_point *points, const double *cosines, int n, double alike, struct cw_text *svg,
                              struct cw_error *err);

#endif

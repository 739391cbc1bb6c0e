/* Figures and names in a text, and whether other text has them: what a turn states that no passage does. */
#ifndef CW_CLAIMS_H
#define CW_CLAIMS_H

#include "base/base.h"

struct claim {
    double value;  /* of a figure; 0 for a name */
    bool figure;   /* else a name */
    char text[48]; /* as it stands there, cut to fit */
};

/* Figures in order: digits ("1,500", "3.5 million", "21st", "40%"), and number words from ten up ("twelve", "two hundred"):
 * smaller ones are ways of speaking. At most `max`; returns how many were found in all. */
int claims_figures(const char *text, struct claim *claims, int max);
/* Capitalised words inside sentences, or at their start with "'s", "I" left out, neighbours joined ("Isaac Newton"). At most `max`; returns
 * how many in all. */
int claims_names(const char *text, struct claim *claims, int max);
/* Does `text` have this figure, however written, or this name? */
bool claims_found(const struct claim *c, const char *text);

#endif

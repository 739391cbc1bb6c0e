/* Styles of talk: small files in dialogue/styles/ that people copy and change. conversation.style explains the form. */
#ifndef CW_STYLE_H
#define CW_STYLE_H

#include "dialogue/script.h"

struct cw_style;
/* `name`: one of those there are ("interview"), or the path of a file that ends in ".style". NULL: "conversation". The folder is
 * $CASTWRIGHT_STYLES, or the one built in. */
CW_MUST_CHECK int cw_style_open(struct cw_style **style, const char *name, struct cw_error *err);
void cw_style_close(struct cw_style *style);
/* The cast that suits it: "Maya=af_heart,Tom=am_michael". */
const char *cw_style_cast(const struct cw_style *style);
/* sha256 over the texts it was made from. */
const char *cw_style_sum(const struct cw_style *style);

/* ---- of the room ---------------------------------------------------------------------------------------------------------- */

enum { STYLE_MOVES = 12, STYLE_OPENERS = 8, STYLE_EXAMPLES = 8, STYLE_PROPS = 24, STYLE_OPENERS_ALL = 512 };
enum style_section {
    MOVES_OPEN,
    MOVES_TURN,
    MOVES_ASK,
    MOVES_LEAD, /* questions that a document's sentence answers */
    MOVES_TELL,
    MOVES_REACT,
    MOVES_REPLY,
    MOVES_EXTEND,
    MOVES_SUM,
    MOVES_CLOSE,
    MOVES_ALL
};

/* One way to go on: what the note says, and words that suit it to open with. */
struct style_move {
    const char *note;
    const char *openers[STYLE_OPENERS];
    int opener_count;
    int first; /* number of its first opener among all */
};
struct cw_style {
    char *texts[2]; /* of the files: everything below points into them */
    char sum[65];
    const char *name, *how, *cast, *disclosure, *subject;
    bool fixed_roles; /* the first of the cast asks, the others tell, throughout */
    bool sides;       /* the speakers disagree */
    int questions;    /* of ten replies */
    int least, most;  /* speakers */
    const char *personas[CW_CAST_MAX];
    int persona_count;
    struct {
        int speaker; /* from 0 */
        const char *note, *line;
    } examples[STYLE_EXAMPLES];
    int example_count;
    const char *props[STYLE_PROPS]; /* things of the example */
    int prop_count;
    struct {
        struct style_move moves[STYLE_MOVES];
        int count;
    } sections[MOVES_ALL];
    int opener_count;
};

#endif

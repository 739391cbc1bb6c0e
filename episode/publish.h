/* What goes beside the sound: transcript.vtt, transcript.json (speaker and word times), chapters.json, manifest.json. */
#ifndef CW_PUBLISH_H
#define CW_PUBLISH_H

#include "base/base.h"

struct cw_word_time {
    char *text;        /* as in the script */
    double start, end; /* seconds on the timeline */
};
struct cw_cue { /* one turn */
    const char *speaker;
    char *text; /* plain */
    double start, end;
    struct cw_word_time *words;
    int word_count;
    char key[65]; /* of turns/KEY.wav */
};
struct cw_chapter {
    const char *title;
    double start, end;
};
struct cw_transcript {
    const char *title, *language;
    struct cw_cue *cues;
    int cue_count;
    struct cw_chapter *chapters;
    int chapter_count;
    double seconds;
};
CW_MUST_CHECK int cw_publish_vtt(const struct cw_transcript *t, const char *path, struct cw_error *err);
CW_MUST_CHECK int cw_publish_json(const struct cw_transcript *t, const char *path, struct cw_error *err);
CW_MUST_CHECK int cw_publish_chapters(const struct cw_transcript *t, const char *path,
                                      struct cw_error *err); /* Podcasting 2.0 JSON chapters */

#endif

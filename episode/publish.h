/* What goes beside the sound: transcript.vtt, transcript.json (speaker and word times), chapters.json, manifest.json. */
#ifndef CW_PUBLISH_H
#define CW_PUBLISH_H

#include "base/base.h"

enum { CW_CUE_SOURCES = 16 };
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
    char key[65];                              /* of turns/KEY.wav */
    int sources[CW_CUE_SOURCES], source_count; /* numbers of the passages it rests on */
    bool flagged;                              /* the writer asks for a look at it */
};
struct cw_chapter {
    const char *title;
    double start, end;
};
struct cw_published_passage {
    int number;
    const char *source, *text;
};
struct cw_transcript {
    const char *title, *language;
    struct cw_cue *cues;
    int cue_count;
    struct cw_chapter *chapters;
    int chapter_count;
    const struct cw_published_passage *passages;
    int passage_count;
    double seconds;
};
CW_MUST_CHECK int cw_publish_vtt(const struct cw_transcript *t, const char *path, struct cw_error *err);
CW_MUST_CHECK int cw_publish_json(const struct cw_transcript *t, const char *path, struct cw_error *err);
CW_MUST_CHECK int cw_publish_chapters(const struct cw_transcript *t, const char *path,
                                      struct cw_error *err); /* Podcasting 2.0 JSON chapters */

#endif

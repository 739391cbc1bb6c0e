/* Inside of the orchestrator: one episode on its way. build.c makes the sound of a script, write.c writes the script for it. */
#ifndef CW_BUILD_H
#define CW_BUILD_H

#include "episode/crew.h"
#include "episode/loudness.h"
#include "episode/manifest.h"
#include "episode/timeline.h"

#define REQUEST_FILE ".request.json"
#define PARTIAL_FILE ".script.partial.md"

/* One finished turn. */
struct spoken {
    char key[65];
    int64_t start;
    int segment, turn;
    bool rendered;
    struct cw_take take;
};

struct build {
    struct cw_studio *studio;
    struct cw_render_params params;
    struct cw_listener listen;
    double started; /* of the call */

    char out_dir[CW_PATH_MAX], turns_dir[CW_PATH_MAX];
    struct cw_lock lock;
    struct cw_voice voices[CW_CAST_MAX];
    bool compared;                /* with one another */
    double gains_db[CW_CAST_MAX]; /* of the voices; 0 for who never speaks */
    bool levelled[CW_CAST_MAX];   /* asked for */
    int voice_count;
    struct cw_dictionary *dictionary;
    struct cw_text pronunciations; /* the dictionary's files */

    struct cw_crew *crew;
    struct spoken *turns; /* [ordered]: handed to the crew; of the first `count` the sound is there */
    int ordered, count, cap;
    struct cw_timeline timeline;
    struct cw_loudness *loudness; /* of a new episode, measured as turns are placed; NULL: there is an episode, which may do */
    struct cw_live *live;
    double first_sound;
    long underruns;

    /* progress */
    enum cw_stage stage;
    int total; /* turns; 0: not known yet */
    int rendered;
    double expected_seconds; /* of speech, in all */
    int64_t speech;          /* samples of finished speech */
    double write_seconds, master_seconds;
    bool writing;           /* the script is being written in this call */
    double script_fraction; /* of a script alone; < 0: sound is made as well */
    char what[160];
    bool cancelled;
    struct cw_manifest_writing written; /* what the script took, in all runs */
};

struct script_file {
    const char *text;
    size_t len;
    const char *from; /* its path; NULL: written in this call */
    char sum[65];
};

CW_MUST_CHECK int build_begin(struct build *b, struct cw_studio *s, struct cw_render_params p, struct cw_error *err);
void build_end(struct build *b);

/* A line for the listener's log. */
void build_tell(const struct build *b, const char *format, ...) CW_PRINTF(2, 3);
/* Reports; -1 when the listener wants to stop. `inside`: how far into the stage, where it is not counted in speech. */
int build_report(struct build *b, double inside, struct cw_error *err);
void build_say_what(struct build *b, const char *speaker, const char *text);

/* `where` names the cast in messages: a script's path, or "cast". */
CW_MUST_CHECK int build_open_voices(struct build *b, const struct cw_script *script, const char *where, struct cw_error *err);
CW_MUST_CHECK int build_open_folder(struct build *b, struct cw_error *err);
CW_MUST_CHECK int build_keep_pronunciations(struct build *b, struct cw_error *err);
void build_open_live(struct build *b);
CW_MUST_CHECK int build_open_crew(struct build *b, bool soonest, struct cw_error *err);
/* The request that the folder's script came from, or NULL; free() it. */
char *build_read_request(const struct build *b);

struct cw_turn_request build_request(const struct build *b, const struct cw_script *script, const struct cw_turn *t);
struct cw_timeline_turn build_placing(const struct cw_script *script, int segment, int turn);
/* Hands one turn to the crew. */
CW_MUST_CHECK int build_order_turn(struct build *b, const struct cw_script *script, int segment, int turn, struct cw_error *err);
/* Takes from the crew what is ready; with `all`, waits until everything ordered is. */
CW_MUST_CHECK int build_take_turns(struct build *b, const struct cw_script *script, bool all, struct cw_error *err);
/* A script in a file -> the episode; the folder is ours already when `held`. */
CW_MUST_CHECK int build_render(struct build *b, const char *path, bool held, struct cw_report *out, struct cw_error *err);
/* Every turn is spoken: sound, transcripts, script, manifest. */
CW_MUST_CHECK int build_finish(struct build *b, const struct cw_script *script, const struct script_file *file, struct cw_report *out,
                               struct cw_error *err);

#endif

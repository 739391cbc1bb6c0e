/* manifest.json: every input's hash, models and licences, results and costs. It is written last, so a folder with a manifest
 * holds a finished episode, all of whose files belong together. Everything outside "costs" is the same for the same inputs;
 * "costs" is about the run that made the files, and about all runs that wrote the script. */
#ifndef CW_MANIFEST_H
#define CW_MANIFEST_H

#include "dialogue/script.h"
#include "episode/brief.h"
#include "episode/mixer.h"
#include "episode/studio.h"

/* What the script of an episode took to write, in all runs. */
struct cw_manifest_writing {
    struct cw_writing_cost stages[2]; /* plan and facts, then lines; no model: nothing is known of them */
    double seconds;
    int asked_again; /* lines that did not pass the writer's checks */
};
/* Kept in the folder as long as its request is: an episode is finished, and its script edited, after the run that wrote it. */
#define WRITTEN_FILE ".written.json"
CW_MUST_CHECK int cw_manifest_keep_writing(const char *out_dir, const struct cw_manifest_writing *w, struct cw_error *err);
/* Zeroes when there is none, or one that cannot be read. */
void cw_manifest_writing(const char *out_dir, struct cw_manifest_writing *w);

struct cw_manifest_turn {
    const char *speaker, *key;
    double seconds;
    bool rendered;
    int retakes;     /* of an engine that may go astray (turn.h) */
    unsigned doubts; /* that were left */
};
struct cw_manifest {
    const char *out_dir;
    const struct cw_script *script;
    const char *script_sum, *request; /* request: JSON text of what was asked for, or NULL */
    const struct cw_studio *studio;
    const struct cw_voice *voices; /* [cast_count] */
    const double *gains_db;        /* [cast] */
    double speed;
    const struct cw_manifest_turn *turns;
    int turn_count;
    const char *inputs;       /* cw_manifest_inputs */
    const char *const *files; /* names in out_dir, NULL-terminated */
    double seconds, lufs, dbtp;
    /* costs */
    double speak_seconds, master_seconds, made_seconds; /* made: speech rendered in this run */
    double acoustic_seconds, vocoder_seconds;           /* summed over the threads that spoke */
    const struct cw_manifest_writing *writing;
};

/* Hash of all that decides the sound of the episode: turns, their places, the targets of mastering, the tags. */
CW_MUST_CHECK int cw_manifest_inputs(const struct cw_clip *clips, size_t count, int64_t total, const char *const *tags, char sum[65],
                                     struct cw_error *err);

/* What an earlier manifest says of the sound, when it was made from `inputs` and its files are still those it names. */
struct cw_manifest_sound {
    bool mp3, flac, wav; /* whole, and made from these inputs */
    double seconds, lufs, dbtp;
};
CW_MUST_CHECK int cw_manifest_sound(const char *out_dir, const char *inputs, struct cw_manifest_sound *sound, struct cw_error *err);
/* sha256 of the script the manifest was made from; "" when there is none. */
void cw_manifest_script(const char *out_dir, char sum[65]);

/* Leaves the file alone when nothing but its costs would change. */
CW_MUST_CHECK int cw_manifest_write(const struct cw_manifest *m, struct cw_error *err);

/* What an episode was asked to be, as JSON: kept in the folder so that an interrupted run is known again. */
CW_MUST_CHECK int cw_manifest_request(const struct cw_brief *b, const struct cw_script *cast, struct cw_text *out, struct cw_error *err);

#endif

/* A zero-shot voice: some seconds of a recording and what is said in them -> a voice file for F5, which speaks as what it is shown. */
#ifndef CW_ZERO_SHOT_H
#define CW_ZERO_SHOT_H

#include "voices/enrol.h"
#include "voices/file.h"

struct cw_zero_shot_report {
    double seconds, recording_seconds; /* of the reference; of the recording */
    double sound_seconds;              /* for a sound of the text (cw_f5_weight): how fast the speaker is */
    bool cut;                          /* the reference is a part of the recording */
    double confidence;                 /* that its text is what is said in it, 0 .. 1 */
    struct cw_text notes;              /* what was left out or changed, in lines */
};
void cw_zero_shot_report_free(struct cw_zero_shot_report *r);

/* *f is a voice without consent: it speaks after cw_voice_seal. The recording is checked as for a learnt voice (cw_enrol_check), trimmed,
 * at 24 kHz and 0.1 RMS, and laid beside a synthesis of its text. Longer than twelve seconds, it is cut at pauses: the part of three to
 * twelve seconds whose text is surest. CW_BAD_INPUT with what is wrong and what to do; on failure *f is empty. */
CW_MUST_CHECK int cw_zero_shot(struct cw_voice_file *f, struct cw_zero_shot_report *r, const struct cw_enrol_engine *g, const char *name,
                               const struct cw_enrol_source *source, struct cw_error *err);

#endif

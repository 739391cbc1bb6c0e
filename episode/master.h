/* Mastering: the mixed timeline -> delivered files. Two streaming passes: measure (loudness.h), then resample to 44.1 kHz
 * (resample.h), gain to the target, look-ahead true-peak limiter, MP3 / FLAC / WAV by libsndfile. The delivered MP3 is
 * decoded and measured again; when its true peak or loudness misses, the gain or ceiling is corrected and it is made anew
 * (at most three times). */
#ifndef CW_MASTER_H
#define CW_MASTER_H

#include "episode/loudness.h"

struct cw_master_params {
    int rate;                                     /* of the timeline: 24000 */
    const double *lufs;                           /* how loud the timeline is, where that was measured already; or NULL */
    double target_lufs;                           /* -16 */
    double ceiling_dbtp;                          /* -1 */
    const char *mp3, *flac, *wav;                 /* final paths; NULL: not wanted */
    const char *title, *artist, *comment;         /* tags; NULL: none */
    bool (*progress)(void *arg, double fraction); /* false: cancel; may be NULL */
    void *arg;
};
struct cw_master_params cw_master_params_default(void);
struct cw_master_result {
    double seconds, loudness_lufs, true_peak_dbtp; /* of the delivered MP3 (else FLAC, WAV), decoded */
    double gain_db; /* timeline -> files, before the limiter: files = timeline * 10^(gain/20) wherever it does not act */
};
/* `clips` in order of start; `total` = length of the timeline in samples. Files appear under their final names only when whole. */
CW_MUST_CHECK int cw_master(const struct cw_clip *clips, size_t count, int64_t total, struct cw_master_params p, struct cw_master_result *r,
                            struct cw_error *err);

#endif

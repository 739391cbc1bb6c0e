/* Recordings: any file that libsndfile reads -> mono float, and the little that is measured of every one: level, clipping, where
 * speech is. Resampling is libsamplerate's. */
#ifndef CW_RECORDING_H
#define CW_RECORDING_H

#include "base/base.h"

enum { CW_RECORDING_SECONDS_MAX = 600 }; /* longest that is read */

struct cw_recording {
    float *samples; /* [count], mean of the channels */
    size_t count;
    int rate, channels; /* of the file */
    double clipped;     /* share of the samples that stand in runs at the top of the scale, 0 .. 1; of the channel with most */
    char sha256[65];    /* of the file's bytes */
};

/* Not a sound file, empty, longer than CW_RECORDING_SECONDS_MAX, a sample that is not a number: CW_BAD_INPUT. */
CW_MUST_CHECK int cw_recording_read(struct cw_recording *r, const char *path, struct cw_error *err);
void cw_recording_free(struct cw_recording *r);
/* 16 bits, mono, FLAC where the path ends in .flac, else WAV; louder than full scale is clipped. Whole or not at all. */
CW_MUST_CHECK int cw_recording_write(const char *path, const float *x, size_t n, int rate, struct cw_error *err);

/* *out [*count] is free()d by the caller; count = ceil(n to / from). from = to copies. */
CW_MUST_CHECK int cw_resample(const float *x, size_t n, int from, int to, float **out, size_t *count, struct cw_error *err);

/* Where speech is, by energy: frames of 30 ms at 16 kHz, smoothed over eight and widened by three on either side. *mask [*frames] is
 * free()d by the caller; frames = n / CW_ACTIVITY_FRAME. */
enum { CW_ACTIVITY_RATE = 16000, CW_ACTIVITY_FRAME = 480 };
struct cw_activity {
    unsigned char *mask;
    size_t frames;
    double floor_db, speech_db; /* level of what is no speech and of what is, dBFS */
    double seconds;             /* of speech */
};
CW_MUST_CHECK int cw_activity_find(struct cw_activity *a, const float *x, size_t n, struct cw_error *err);
void cw_activity_free(struct cw_activity *a);

#endif

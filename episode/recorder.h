/* The microphone: PortAudio's default input, one channel. */
#ifndef CW_RECORDER_H
#define CW_RECORDER_H

#include "base/base.h"

struct cw_recorder;
/* No microphone: CW_FAILED, with what PortAudio found. *rate: what it records at, 48 kHz where that can be had. */
CW_MUST_CHECK int cw_recorder_open(struct cw_recorder **r, int *rate, struct cw_error *err);
/* Waits for the next n samples. */
CW_MUST_CHECK int cw_recorder_read(struct cw_recorder *r, float *x, size_t n, struct cw_error *err);
void cw_recorder_close(struct cw_recorder *r);

#endif

/* Live playback through PortAudio. The callback neither allocates, locks nor touches files: it reads a lock-free ring
 * (single producer, single consumer, C11 atomics) primed before the start, and writes silence on underrun and counts it. */
#ifndef CW_PLAYER_H
#define CW_PLAYER_H

#include "episode/mixer.h"

struct cw_player;
struct cw_player_params {
    int rate, channels;   /* 24000, 1 */
    double ring_seconds;  /* 2 */
    double prime_seconds; /* filled before the stream starts, and again after an underrun; 0.2 */
};
struct cw_player_params cw_player_params_default(void);
/* No device: CW_FAILED "no audio output device: …" (one line). */
CW_MUST_CHECK int cw_player_open(struct cw_player **p, struct cw_player_params params, struct cw_error *err);
void cw_player_close(struct cw_player *p); /* stops at once */
/* Name of the default device, when it can be opened. */
CW_MUST_CHECK int cw_player_device(char *name, size_t size, struct cw_error *err);
/* Producer side: waits for room in the ring; starts the stream once primed. n frames of `channels` samples. */
CW_MUST_CHECK int cw_player_write(struct cw_player *p, const float *frames, size_t n, struct cw_error *err);
/* No more will come: plays what is left, then stops. */
CW_MUST_CHECK int cw_player_drain(struct cw_player *p, struct cw_error *err);
/* The same in two steps, for who has other things to do meanwhile: end, then ask until over (or -1: the device failed). */
CW_MUST_CHECK int cw_player_end(struct cw_player *p, struct cw_error *err);
CW_MUST_CHECK int cw_player_over(struct cw_player *p, bool *over, struct cw_error *err);
/* From any thread: a write or drain that waits, and every later one, fails with "stopped". */
void cw_player_stop(struct cw_player *p);
struct cw_player_stats {
    int64_t played;     /* frames handed to the device from the ring */
    long underruns;     /* times the ring ran dry while more was still to come */
    double first_sound; /* cw_seconds() when the device sounds the first sample that is not silence; 0: none yet */
};
struct cw_player_stats cw_player_stats(const struct cw_player *p);

/* Around PortAudio's calls of others (recorder.c): one thread at a time, and nothing on stderr; leave gets what enter gave. */
int cw_portaudio_enter(void);
void cw_portaudio_leave(int saved);

/* An episode played while it is made: a feeder thread mixes the clips that are ready and writes them to a player. What is
 * heard is the mix bus's samples times `gain`, held within [-1, 1]. */
struct cw_live;
/* `rate`: of the timeline. `gain`: linear. Opens the player; fails when there is no device. */
CW_MUST_CHECK int cw_live_open(struct cw_live **l, int rate, float gain, struct cw_error *err);
/* A finished clip, in timeline order; the timeline is settled up to sample `horizon` (nothing will be added before it). Its samples,
 * if it has any, are taken over in any case. Fails when playback has failed: the files can be made all the same. */
CW_MUST_CHECK int cw_live_add(struct cw_live *l, const struct cw_clip *clip, int64_t horizon, struct cw_error *err);
/* Sound starts when the first clip is there and, so that it never runs dry, when what is ready lasts longer than the
 * making of the rest is expected to lag behind: the maker tells how it is doing. `ready`, `total`: seconds of speech;
 * `rate`: seconds of speech made per second of wall clock, 0 when not known. Nothing sounds before the first forecast or
 * the end; ready = total starts with what is there. When it has run dry nevertheless, it waits in the same way before it
 * goes on. */
void cw_live_forecast(struct cw_live *l, double ready, double total, double rate);
/* No more clips: plays to sample `total`, waits for the end. */
CW_MUST_CHECK int cw_live_finish(struct cw_live *l, int64_t total, struct cw_error *err);
/* The first half of cw_live_finish: returns at once, playback goes on. Then ask until it is over, so that progress can be
 * shown and a cancel obeyed, and call cw_live_finish for the verdict (or cw_live_close to stop at once). */
void cw_live_end(struct cw_live *l, int64_t total);
bool cw_live_over(struct cw_live *l);
struct cw_player_stats cw_live_stats(const struct cw_live *l);
void cw_live_close(struct cw_live *l);

#endif

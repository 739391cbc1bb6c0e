/* clips (maker's thread) -> queue -> feeder thread: mix bus -> gain -> player -> device.
 * The queue is under a mutex that the audio callback never sees; only the feeder touches the bus and writes the ring. */
#include "episode/bus.h"
#include "episode/player.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK = 2400 };

/* A turn, or a chunk of one, is heard only when it is whole: what is ready must last until the next one is. Turns run to some 30 s;
 * most are shorter than this. */
static const double usual_turn_seconds = 12.0;
static const double caution = 0.9; /* of the maker's rate: other programs want the machine too */

struct item {
    struct item *next;
    struct cw_clip clip;
};

struct cw_live {
    struct cw_player *player;
    struct cw_bus *bus; /* the feeder's */
    int rate;
    float gain;
    pthread_t thread;
    bool running, joined;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t news;
    struct item *first, **end;
    int64_t added, horizon, total; /* clips; samples */
    double longest;                /* clip, seconds */
    bool ended, stop, over, failed;
    bool forecast_given;
    double rest, speed; /* seconds of speech still to make; seconds made per second */
    struct cw_error err;
};

/* ---- when to start --------------------------------------------------------------------------------------------------- */

/* What is ready ahead of sample `at` must outlast both the making of the next turn, and, where speech is made more slowly than
 * it is heard, what the maker falls behind by until the end. Under the lock. */
static bool may_start(const struct cw_live *l, int64_t at) {
    double ahead = (double)(l->horizon - at) / l->rate;
    if (l->ended) {
        return true;
    }
    if (l->added == 0 || !l->forecast_given) {
        return false;
    }
    if (l->rest <= 0.0) {
        return true;
    }
    if (!(l->speed > 0.0)) {
        return false;
    }
    double speed = l->speed * caution;
    double turn = fmin(fmax(l->longest, usual_turn_seconds), l->rest);
    double behind = speed < 1.0 ? l->rest * (1.0 / speed - 1.0) : 0.0;
    return ahead >= behind + turn / speed;
}

void cw_live_forecast(struct cw_live *l, double ready, double total, double rate) {
    pthread_mutex_lock(&l->lock);
    l->forecast_given = true;
    l->rest = isfinite(total - ready) ? total - ready : 0.0;
    l->speed = isfinite(rate) ? rate : 0.0;
    pthread_cond_signal(&l->news);
    pthread_mutex_unlock(&l->lock);
}

/* ---- the feeder -------------------------------------------------------------------------------------------------------- */

static int64_t limit_of(const struct cw_live *l) {
    return l->ended ? l->total : l->horizon > CW_BUS_AHEAD ? l->horizon - CW_BUS_AHEAD : 0;
}

/* Waits until there is something to play from sample `at` on, and time to play it: true; false at the end or on stop. */
static bool wait_for_work(struct cw_live *l, int64_t at, bool *holding, long *underruns) {
    bool work = false;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        long now = cw_player_stats(l->player).underruns;
        if (now != *underruns) { /* it ran dry: lay in a stock again */
            *underruns = now;
            *holding = true;
        }
        if (l->stop || (l->ended && at >= l->total)) {
            break;
        }
        if (*holding && may_start(l, at)) {
            *holding = false;
        }
        if (!*holding && at < limit_of(l)) {
            work = true;
            break;
        }
        pthread_cond_wait(&l->news, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return work;
}

/* Hands the bus what has come since; how far it may mix. -1: failed. */
static int take_clips(struct cw_live *l, int64_t *limit, struct cw_error *err) {
    int result = 0;
    pthread_mutex_lock(&l->lock);
    struct item *list = l->first;
    l->first = NULL;
    l->end = &l->first;
    *limit = limit_of(l);
    pthread_mutex_unlock(&l->lock);
    while (list != NULL) {
        struct item *next = list->next;
        if (result != 0 || (result = cw_bus_add(l->bus, &list->clip, err)) != 0) {
            free(list->clip.samples);
        }
        free(list);
        list = next;
    }
    return result;
}

static int feed(struct cw_live *l, struct cw_error *err) {
    float block[BLOCK];
    int64_t at = 0, limit = 0;
    long underruns = 0;
    bool holding = true;
    while (wait_for_work(l, at, &holding, &underruns)) {
        if (take_clips(l, &limit, err) != 0) {
            return -1;
        }
        size_t n = (size_t)(limit - at < BLOCK ? limit - at : BLOCK);
        if (cw_bus_read(l->bus, block, n, err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < n; i++) {
            block[i] = fmaxf(-1.0f, fminf(1.0f, block[i] * l->gain));
        }
        if (cw_player_write(l->player, block, n, err) != 0) {
            return -1;
        }
        at += (int64_t)n;
    }
    pthread_mutex_lock(&l->lock);
    bool stop = l->stop;
    pthread_mutex_unlock(&l->lock);
    return stop ? 0 : cw_player_drain(l->player, err);
}

static void *feeder(void *arg) {
    struct cw_live *l = arg;
    struct cw_error err = {0};
    int result = feed(l, &err);
    pthread_mutex_lock(&l->lock);
    l->over = true;
    if (result != 0 && !l->stop) {
        l->failed = true;
        l->err = err;
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- the maker's side ----------------------------------------------------------------------------------------------------- */

int cw_live_open(struct cw_live **live, int rate, float gain, struct cw_error *err) {
    int result = -1;
    struct cw_player_params params = cw_player_params_default();
    *live = NULL;
    if (!isfinite(gain) || gain < 0.0f) {
        return cw_fail(err, CW_BAD_INPUT, "live playback: expected a gain of 0 or more, found %g", (double)gain);
    }
    struct cw_live *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return cw_fail_memory(err, "live playback");
    }
    l->rate = rate;
    l->gain = gain;
    l->end = &l->first;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->news, NULL);
    params.rate = rate;
    if (cw_player_open(&l->player, params, err) != 0 || cw_bus_open(&l->bus, rate, err) != 0) {
        goto done;
    }
    int failure = pthread_create(&l->thread, NULL, feeder, l);
    if (failure != 0) {
        cw_fail(err, CW_FAILED, "live playback: cannot start a thread: %s", strerror(failure));
        goto done;
    }
    l->running = true;
    result = 0;
done:
    if (result != 0) {
        cw_live_close(l);
        l = NULL;
    }
    *live = l;
    return result;
}

static int verdict(struct cw_live *l, struct cw_error *err) {
    pthread_mutex_lock(&l->lock);
    bool failed = l->failed;
    if (failed) {
        *err = l->err;
    }
    pthread_mutex_unlock(&l->lock);
    return failed ? -1 : 0;
}

int cw_live_add(struct cw_live *l, const struct cw_clip *clip, int64_t horizon, struct cw_error *err) {
    struct item *item = calloc(1, sizeof *item);
    if (item == NULL) {
        free(clip->samples);
        return cw_fail_memory(err, "live playback");
    }
    item->clip = *clip;
    pthread_mutex_lock(&l->lock);
    *l->end = item;
    l->end = &item->next;
    l->added++;
    l->longest = fmax(l->longest, (double)clip->count / l->rate);
    l->horizon = horizon > l->horizon ? horizon : l->horizon;
    pthread_cond_signal(&l->news);
    pthread_mutex_unlock(&l->lock);
    return verdict(l, err);
}

void cw_live_end(struct cw_live *l, int64_t total) {
    pthread_mutex_lock(&l->lock);
    l->ended = true;
    l->total = total;
    pthread_cond_signal(&l->news);
    pthread_mutex_unlock(&l->lock);
}

bool cw_live_over(struct cw_live *l) {
    pthread_mutex_lock(&l->lock);
    bool over = l->over;
    pthread_mutex_unlock(&l->lock);
    return over;
}

static void join(struct cw_live *l) {
    if (l->running && !l->joined) {
        pthread_join(l->thread, NULL);
        l->joined = true;
    }
}

int cw_live_finish(struct cw_live *l, int64_t total, struct cw_error *err) {
    cw_live_end(l, total);
    join(l);
    return verdict(l, err);
}

struct cw_player_stats cw_live_stats(const struct cw_live *l) {
    return cw_player_stats(l->player);
}

void cw_live_close(struct cw_live *l) {
    if (l == NULL) {
        return;
    }
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_signal(&l->news);
    pthread_mutex_unlock(&l->lock);
    if (l->player != NULL) {
        cw_player_stop(l->player);
    }
    join(l);
    cw_player_close(l->player);
    cw_bus_close(l->bus);
    while (l->first != NULL) {
        struct item *item = l->first;
        l->first = item->next;
        free(item->clip.samples);
        free(item);
    }
    pthread_cond_destroy(&l->news);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

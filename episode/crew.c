/* Workers on a queue under one mutex; a job is touched by its worker alone from the moment it is taken until it is settled. */
#include "episode/crew.h"
#include "episode/cache.h"
#include "episode/level.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LONG_STEP = 128, /* tokens that take a second and more, longer than most turns take to be spoken */
};

enum state { WAITING, TAKEN, DONE, FAILED };

struct job {
    struct job *next;
    struct cw_turn_request request;
    struct cw_span *spans; /* the request's, owned */
    enum state state;
    int64_t made; /* samples */
    float *news;  /* the last news_count of them, not asked for yet */
    int64_t news_count, news_room;
    bool quiet; /* there was no memory for them: no more are kept */
    struct cw_crew_turn turn;
    struct cw_error err;
};

struct worker {
    struct cw_crew *crew;
    struct cw_booth booth;
    pthread_t thread;
};

struct cw_crew {
    struct cw_studio *studio;
    char dir[CW_PATH_MAX];
    struct worker workers[CW_CREW_MAX];
    int started;
    atomic_bool alone; /* each worker computes by itself */

    pthread_mutex_t lock; /* of all below, and of the jobs' state, turn.key ("" until planned), made and news */
    pthread_cond_t news;
    struct job *first, **end; /* not taken back yet, in order */
    bool stop, listening;
    int limit; /* so many workers may be at it */
    int busy;
    int speaking; /* of the busy ones */
    int together;
    double since, made_seconds, speak_seconds, acoustic_seconds, vocoder_seconds;
};

static void job_free(struct job *j) {
    for (int i = 0; j->spans && i < j->request.span_count; i++)
        free(j->spans[i].text);
    free(j->spans);
    cw_take_free(&j->turn.take);
    free(j->news);
    free(j);
}

/* ---- workers -------------------------------------------------------------------------------------------------------------- */

/* A job with what is needed to speak it. */
struct task {
    struct worker *worker;
    struct job *job;
    struct cw_turn_plan plan;
    struct cw_cache_file *file;
};

static void keep_news(struct job *j, const float *samples, size_t n) {
    if (j->news_count + (int64_t)n > j->news_room) {
        int64_t room = 2 * j->news_count + (int64_t)n;
        float *more = realloc(j->news, (size_t)room * sizeof *more);
        if (!more) {
            j->quiet = true;
            return;
        }
        j->news = more;
        j->news_room = room;
    }
    memcpy(j->news + j->news_count, samples, n * sizeof *samples);
    j->news_count += (int64_t)n;
}

static int put(void *arg, const float *samples, size_t n, struct cw_error *err) {
    const struct task *t = arg;
    struct cw_crew *c = t->worker->crew;
    struct job *j = t->job;
    const struct cw_sink file = cw_cache_sink(t->file);
    if (file.write(file.arg, samples, n, err) != 0)
        return -1;
    pthread_mutex_lock(&c->lock);
    const bool stop = c->stop;
    if (c->listening && !j->quiet)
        keep_news(j, samples, n);
    j->made += (int64_t)n;
    c->made_seconds += (double)n / CW_STUDIO_RATE;
    pthread_mutex_unlock(&c->lock);
    return stop ? cw_fail(err, CW_FAILED, "cancelled") : 0;
}

static bool wanted(struct cw_turn_speaking *s) {
    struct cw_crew *c = ((const struct task *)s->arg)->worker->crew;
    pthread_mutex_lock(&c->lock);
    const bool stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return !stop;
}

static void settle(struct worker *w, struct job *j, int result) {
    struct cw_crew *c = w->crew;
    pthread_mutex_lock(&c->lock);
    c->acoustic_seconds += w->booth.acoustic_seconds;
    c->vocoder_seconds += w->booth.vocoder_seconds;
    w->booth.acoustic_seconds = w->booth.vocoder_seconds = 0;
    j->state = result == 0 ? DONE : FAILED;
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->lock);
}

/* Two turns may be one and the same: the later one waits for the earlier and finds it in the cache, whoever works on it. */
static bool wait_for_twin(struct cw_crew *c, struct job *j, const struct cw_turn_plan *plan) {
    pthread_mutex_lock(&c->lock);
    memcpy(j->turn.key, plan->key, sizeof j->turn.key);
    pthread_cond_broadcast(&c->news);
    for (const struct job *i = c->first; !c->stop && i && i != j;) {
        if (i->state == TAKEN && (!i->turn.key[0] || strcmp(i->turn.key, plan->key) == 0)) {
            pthread_cond_wait(&c->news, &c->lock);
            i = c->first;
        } else {
            i = i->next;
        }
    }
    bool go = !c->stop;
    pthread_mutex_unlock(&c->lock);
    return go;
}

/* What is planned: *speak: it has to be spoken, the file is begun; else it is in the cache. */
static int begin_task(struct task *t, bool *speak, struct cw_error *err) {
    struct worker *w = t->worker;
    struct cw_crew *c = w->crew;
    struct job *j = t->job;
    const struct cw_turn_request *r = &j->request;
    bool found = false;
    if (!wait_for_twin(c, j, &t->plan))
        return cw_fail(err, CW_FAILED, "cancelled");
    if ((j->turn.levelled && cw_level_gain(&w->booth, r->voice, r->language, &j->turn.gain_db, err) != 0) ||
        cw_cache_find(c->dir, t->plan.key, j->turn.path, &j->turn.take, &found, err) != 0)
        return -1;
    *speak = !found;
    if (found)
        return 0;
    return cw_booth_need_voice(&w->booth, r->voice, r->language, err) != 0 ? -1 : cw_cache_begin(&t->file, c->dir, t->plan.key, err);
}

/* One of the turns is over. */
static void end_task(struct cw_turn_speaking *s) {
    struct task *t = s->arg;
    struct job *j = t->job;
    int result = s->result;
    if (result == 0) {
        j->turn.take = s->take;
        j->turn.rendered = true;
        result = cw_cache_end(t->file, &j->turn.take, &j->err);
    } else {
        j->err = s->err;
        cw_cache_abort(t->file);
    }
    settle(t->worker, j, result);
}

static void speak_tasks(struct worker *w, struct cw_turn_speaking *spoken, int count) {
    struct cw_crew *c = w->crew;
    pthread_mutex_lock(&c->lock);
    if (c->speaking++ == 0)
        c->since = cw_seconds();
    c->together = count > c->together ? count : c->together;
    pthread_mutex_unlock(&c->lock);
    cw_turn_speak_together(&w->booth, spoken, count);
    pthread_mutex_lock(&c->lock);
    if (--c->speaking == 0)
        c->speak_seconds += cw_seconds() - c->since;
    pthread_mutex_unlock(&c->lock);
}

/* Jobs that were taken together. One that is the same turn as another of them waits again. */
static void do_jobs(struct worker *w, struct job **jobs, int count) {
    struct task tasks[CW_TURNS_TOGETHER];
    struct cw_turn_speaking spoken[CW_TURNS_TOGETHER];
    int speak = 0;
    for (int i = 0; i < count; i++) {
        struct task *t = &tasks[i];
        struct job *j = jobs[i];
        bool needed = false, twin = false;
        *t = (struct task){.worker = w, .job = j};
        int result = cw_turn_plan_make(w->crew->studio, &j->request, &t->plan, &j->err);
        for (int k = 0; k < i && result == 0; k++)
            twin = twin || strcmp(tasks[k].plan.key, t->plan.key) == 0;
        if (twin) {
            pthread_mutex_lock(&w->crew->lock);
            j->state = WAITING;
            pthread_mutex_unlock(&w->crew->lock);
            continue;
        }
        if (result == 0)
            result = begin_task(t, &needed, &j->err);
        if (result != 0 || !needed)
            settle(w, j, result);
        else
            spoken[speak++] = (struct cw_turn_speaking){
                .request = &j->request, .plan = &t->plan, .sink = {put, t}, .wanted = wanted, .over = end_task, .arg = t};
    }
    if (speak > 0)
        speak_tasks(w, spoken, speak);
    for (int i = 0; i < count; i++)
        cw_turn_plan_free(&tasks[i].plan);
}

static struct job *waiting(const struct cw_crew *c) {
    struct job *j = c->first;
    while (j && j->state != WAITING)
        j = j->next;
    return j;
}

/* May it be spoken together with others of its engine? */
static bool in_batches(const struct job *j) {
    return cw_studio_engine(j->request.voice) == CW_ENGINE_F5;
}

/* The next job; where all threads compute for one worker and nobody waits for the first sound, those after it that make batches with it. */
static int take_jobs(struct cw_crew *c, struct job **jobs) {
    struct job *j = waiting(c);
    const int most = j && in_batches(j) && !c->alone && !c->listening ? CW_TURNS_TOGETHER : 1;
    int n = 0;
    for (; j && n < most; j = j->next)
        if (j->state == WAITING && (n == 0 || in_batches(j))) {
            j->state = TAKEN;
            jobs[n++] = j;
        }
    return n;
}

static void *work(void *arg) {
    struct worker *w = arg;
    struct cw_crew *c = w->crew;
    cw_compute_alone(&c->alone);
    pthread_mutex_lock(&c->lock);
    for (;;) {
        struct job *jobs[CW_TURNS_TOGETHER];
        const int count = c->stop || c->busy >= c->limit ? 0 : take_jobs(c, jobs);
        if (c->stop)
            break;
        if (count == 0) {
            pthread_cond_wait(&c->news, &c->lock);
            continue;
        }
        c->busy++;
        pthread_mutex_unlock(&c->lock);
        do_jobs(w, jobs, count);
        pthread_mutex_lock(&c->lock);
        c->busy--;
        pthread_cond_broadcast(&c->news);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- the caller's side ---------------------------------------------------------------------------------------------------- */

int cw_crew_open(struct cw_crew **out, struct cw_studio *s, const char *turns_dir, int workers, struct cw_error *err) {
    *out = NULL;
    if (workers < 1 || workers > CW_CREW_MAX || strlen(turns_dir) >= CW_PATH_MAX)
        return cw_fail(err, CW_BAD_INPUT, "crew: expected 1 to %d workers, found %d", CW_CREW_MAX, workers);
    struct cw_crew *c = calloc(1, sizeof *c);
    if (!c)
        return cw_fail_memory(err, "crew");
    c->studio = s;
    c->alone = workers > 1;
    c->end = &c->first;
    c->limit = workers;
    memcpy(c->dir, turns_dir, strlen(turns_dir) + 1);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&c->news, &clock);
    pthread_condattr_destroy(&clock);
    while (c->started < workers) {
        struct worker *w = &c->workers[c->started];
        w->crew = c;
        w->booth.studio = s;
        int failure = pthread_create(&w->thread, NULL, work, w);
        if (failure != 0) {
            cw_fail(err, CW_FAILED, "crew: cannot start a thread: %s", strerror(failure));
            cw_crew_close(c);
            return -1;
        }
        c->started++;
    }
    *out = c;
    return 0;
}

int cw_crew_share(struct cw_crew *c, int tokens) {
    int threads = cw_device_threads(c->studio->device), most = threads < 8 ? 1 : threads / 4, want = 0;
    pthread_mutex_lock(&c->lock);
    c->alone = true;
    if (tokens == 1)
        for (const struct job *j = c->first; j && want < most; j = j->next)
            want += j->state == WAITING || j->state == TAKEN;
    c->limit = want;
    if (want > c->busy)
        pthread_cond_broadcast(&c->news);
    while (tokens >= LONG_STEP && 2 * c->busy >= threads) {
        c->alone = c->busy > 1; /* the writer's cores wait as well: a turn may have them */
        pthread_cond_wait(&c->news, &c->lock);
    }
    c->alone = true;
    if (want < c->busy)
        want = c->busy;
    pthread_mutex_unlock(&c->lock);
    return threads > want ? threads - want : 1;
}

void cw_crew_alone(struct cw_crew *c) {
    pthread_mutex_lock(&c->lock);
    c->alone = c->started > 1;
    c->limit = c->started;
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->lock);
}

void cw_crew_close(struct cw_crew *c) {
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < c->started; i++) {
        pthread_join(c->workers[i].thread, NULL);
        cw_booth_close(&c->workers[i].booth);
    }
    while (c->first) {
        struct job *j = c->first;
        c->first = j->next;
        job_free(j);
    }
    pthread_cond_destroy(&c->news);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

int cw_crew_add(struct cw_crew *c, const struct cw_turn_request *r, bool level, struct cw_error *err) {
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return cw_fail_memory(err, "turn");
    j->request = *r;
    j->turn.levelled = level;
    j->spans = calloc((size_t)(r->span_count > 0 ? r->span_count : 1), sizeof *j->spans);
    for (int i = 0; j->spans && i < r->span_count; i++) {
        j->spans[i].pause_ms = r->spans[i].pause_ms;
        j->spans[i].text = cw_strdup(r->spans[i].text);
        if (!j->spans[i].text) {
            job_free(j);
            return cw_fail_memory(err, "turn");
        }
    }
    if (!j->spans) {
        job_free(j);
        return cw_fail_memory(err, "turn");
    }
    j->request.spans = j->spans;
    pthread_mutex_lock(&c->lock);
    *c->end = j;
    c->end = &j->next;
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->lock);
    return 0;
}

int cw_crew_next(struct cw_crew *c, double wait, struct cw_crew_turn *t, struct cw_error *err) {
    int result = 0;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t at = (int64_t)until.tv_nsec + (int64_t)(wait * 1e9);
    until.tv_sec += (time_t)(at / 1000000000);
    until.tv_nsec = (long)(at % 1000000000);
    pthread_mutex_lock(&c->lock);
    struct job *j = c->first;
    while (j && j->state < DONE && wait > 0) {
        if (pthread_cond_timedwait(&c->news, &c->lock, &until) == ETIMEDOUT)
            break;
    }
    if (j && j->state >= DONE) {
        c->first = j->next;
        if (!c->first)
            c->end = &c->first;
        if (j->state == DONE) {
            *t = j->turn;
            memset(&j->turn, 0, sizeof j->turn);
            result = 1;
        } else {
            *err = j->err;
            result = -1;
        }
        job_free(j);
    }
    pthread_mutex_unlock(&c->lock);
    return result;
}

void cw_crew_listen(struct cw_crew *c) {
    pthread_mutex_lock(&c->lock);
    c->listening = true;
    pthread_mutex_unlock(&c->lock);
}

bool cw_crew_piece(struct cw_crew *c, struct cw_crew_piece *p) {
    pthread_mutex_lock(&c->lock);
    struct job *j = c->first;
    bool there = j && j->state == TAKEN && j->news_count > 0 && !j->quiet;
    if (there) {
        *p = (struct cw_crew_piece){
            .samples = j->news, .first = j->turn.heard, .count = j->news_count, .levelled = j->turn.levelled, .gain_db = j->turn.gain_db};
        j->turn.heard += j->news_count;
        j->news = NULL;
        j->news_count = j->news_room = 0;
    }
    pthread_mutex_unlock(&c->lock);
    return there;
}

struct cw_crew_stats cw_crew_stats(struct cw_crew *c) {
    pthread_mutex_lock(&c->lock);
    struct cw_crew_stats s = {
        .made_seconds = c->made_seconds,
        .speak_seconds = c->speak_seconds + (c->speaking > 0 ? cw_seconds() - c->since : 0),
        .acoustic_seconds = c->acoustic_seconds,
        .vocoder_seconds = c->vocoder_seconds,
        .together = c->together,
    };
    for (const struct job *j = c->first; j; j = j->next)
        s.ahead_seconds += (double)(j->made > 0 ? j->made : j->state == DONE ? j->turn.take.samples : 0) / CW_STUDIO_RATE;
    pthread_mutex_unlock(&c->lock);
    return s;
}

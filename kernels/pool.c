/* The thread pool: threads - 1 workers and the caller take task numbers from one counter.
 *
 *   caller: publish job, wake -> take numbers until none is left -> close the job -> wait for the workers that joined
 *   worker: spin a little, then sleep -> join if the job is still open -> take numbers -> leave
 *
 * A worker that wakes late finds the job closed and is not waited for, so a busy machine costs no more than fewer hands. */
#include "kernels/internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SPINS = 1500 }; /* pauses before sleeping, some tens of microseconds: the gap between two operations of a model */

struct cw_pool {
    int threads, started;
    pthread_t *workers;      /* [threads - 1] */
    pthread_mutex_t callers; /* one job at a time */
    pthread_mutex_t lock;    /* the fields below */
    pthread_cond_t wake, left;
    bool open, stop;
    int sleeping;
    int n;
    void (*task)(void *arg, int i);
    void *arg;
    atomic_int next;            /* task number to take */
    atomic_int joined;          /* workers inside the job; changes under the lock */
    atomic_uint_fast64_t round; /* grows with every job; changes under the lock, spun on without */
};

static void pause_cpu(void) {
    __builtin_ia32_pause();
}

static void take(struct cw_pool *p, int n, void (*task)(void *, int), void *arg) {
    int i;

    while ((i = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < n)
        task(arg, i);
}

static void *work(void *arg) {
    struct cw_pool *p = arg;
    uint_fast64_t seen = 0;

    for (;;) {
        int spins = 0;

        while (spins < SPINS && atomic_load_explicit(&p->round, memory_order_acquire) == seen) {
            pause_cpu();
            spins++;
        }
        pthread_mutex_lock(&p->lock);
        p->sleeping++;
        while (!p->stop && p->round == seen)
            pthread_cond_wait(&p->wake, &p->lock);
        p->sleeping--;
        if (p->stop) {
            pthread_mutex_unlock(&p->lock);
            return NULL;
        }
        seen = p->round;
        if (p->open) {
            int n = p->n;
            void (*task)(void *, int) = p->task;
            void *task_arg = p->arg;

            p->joined++;
            pthread_mutex_unlock(&p->lock);
            take(p, n, task, task_arg);
            pthread_mutex_lock(&p->lock);
            p->joined--;
            if (p->joined == 0 && !p->open)
                pthread_cond_signal(&p->left);
        }
        pthread_mutex_unlock(&p->lock);
    }
}

int cw_pool_open(struct cw_pool **out, int threads, struct cw_error *err) {
    struct cw_pool *p = calloc(1, sizeof *p);
    int status = -1;

    *out = NULL;
    if (!p) {
        cw_fail_memory(err, "thread pool");
        goto done;
    }
    p->threads = threads;
    pthread_mutex_init(&p->callers, NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->left, NULL);
    p->workers = calloc((size_t)threads, sizeof *p->workers);
    if (!p->workers) {
        cw_fail_memory(err, "thread pool");
        goto done;
    }
    while (p->started < threads - 1) {
        int code = pthread_create(&p->workers[p->started], NULL, work, p);

        if (code != 0) {
            cw_fail(err, CW_FAILED, "thread pool: the system gave %d of %d threads (error %d)", p->started + 1, threads, code);
            goto done;
        }
        p->started++;
    }
    *out = p;
    p = NULL;
    status = 0;
done:
    cw_pool_close(p);
    return status;
}

void cw_pool_close(struct cw_pool *p) {
    int i;

    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    p->round++; /* ends the spinning */
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (i = 0; i < p->started; i++)
        pthread_join(p->workers[i], NULL);
    pthread_cond_destroy(&p->left);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->callers);
    free(p->workers);
    free(p);
}

static _Thread_local const atomic_bool *alone;

const atomic_bool *cw_compute_alone(const atomic_bool *when) {
    const atomic_bool *was = alone;

    alone = when;
    return was;
}

int cw_pool_threads(const struct cw_pool *p) {
    return p->threads;
}

void cw_pool_run(struct cw_pool *p, int n, void (*task)(void *arg, int i), void *arg) {
    int spins, i;

    if (p->threads == 1 || n == 1 || (alone && atomic_load_explicit(alone, memory_order_relaxed))) {
        for (i = 0; i < n; i++)
            task(arg, i);
        return;
    }
    if (n <= 0)
        return;
    pthread_mutex_lock(&p->callers);
    pthread_mutex_lock(&p->lock);
    p->n = n;
    p->task = task;
    p->arg = arg;
    p->open = true;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    p->round++;
    if (p->sleeping > 0)
        pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);

    take(p, n, task, arg);

    pthread_mutex_lock(&p->lock);
    p->open = false;
    pthread_mutex_unlock(&p->lock);
    for (spins = 0; spins < SPINS && atomic_load_explicit(&p->joined, memory_order_acquire) > 0; spins++)
        pause_cpu();
    pthread_mutex_lock(&p->lock);
    while (p->joined > 0)
        pthread_cond_wait(&p->left, &p->lock);
    pthread_mutex_unlock(&p->lock);
    pthread_mutex_unlock(&p->callers);
}

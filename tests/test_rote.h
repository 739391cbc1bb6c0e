/* An endpoint whose model answers the writer's questions by rote: whole talks without a model. */
#ifndef CW_TEST_ROTE_H
#define CW_TEST_ROTE_H

#include <stdbool.h>

/* What it says is wrapped in what models wrap things in, and wrongly every now and then. */
struct rote {
    int line;
    bool echo;         /* answers by the request alone */
    int plans;         /* requests for a plan or facts */
    int several, some; /* requests for turns; those for some of them, with what was wrong with the others quoted */
    int two;           /* turns that the schema lets have two sentences */
    int sums, instead; /* requests for a line that sums up, none of which gets one; for another before goodbye, after those */
    bool quoted;
};
/* For test_server_start, with a struct rote. Every answer says that it took 1,000 tokens read and 40 written. */
void test_rote_answer(void *arg, int fd, const char *request, int number);

#endif

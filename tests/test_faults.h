/* A proxy on the loopback that hands requests to a real server, and every so often does to one what networks and servers do to them. */
#ifndef CW_TEST_FAULTS_H
#define CW_TEST_FAULTS_H

#include <stdbool.h>

enum fault { FAULT_429, FAULT_SLOW, FAULT_CUT, FAULT_500, FAULT_HTML, FAULT_GARBAGE, FAULT_WRONG, FAULTS };

struct test_faults;
/* Before 127.0.0.1:`port`. Of every `every` requests one gets a fault, each kind in turn from `first`; 0: none does. A slow one pauses for
 * so many seconds in its middle. */
struct test_faults *test_faults_start(int port, int every, enum fault first, double pause);
int test_faults_port(const struct test_faults *f);
/* How many requests came, and how many of them got this fault. */
int test_faults_requests(struct test_faults *f);
int test_faults_made(const struct test_faults *f, enum fault kind);
const char *test_faults_name(enum fault kind);
void test_faults_stop(struct test_faults *f);

#endif

/* A small test harness: tables of named tests, one binary. A test with no checks is a failure; a missing model is a
 * counted skip that CI refuses. */
#ifndef CW_TEST_H
#define CW_TEST_H

#include "base/base.h"

struct cw_test {
    const char *name;  /* "room.what" */
    const char *shows; /* one line: what is true when it passes */
    void (*run)(void);
};

/* Counts a check; on failure prints file, line and the message, and the test goes on. Returns the verdict. */
bool cw_test_check(bool ok, const char *file, int line, const char *format, ...) CW_PRINTF(4, 5);
#define CHECK(ok) cw_test_check((ok), __FILE__, __LINE__, "%s", #ok)
#define CHECKF(ok, ...) cw_test_check((ok), __FILE__, __LINE__, __VA_ARGS__)
#define CHECK_STR(got, want) cw_test_check_str((got), (want), __FILE__, __LINE__)
bool cw_test_check_str(const char *got, const char *want, const char *file, int line);
/* Fails unless `call` returned -1 and the error text holds every one of the given pieces (NULL-terminated). */
#define CHECK_REFUSED(call, err, ...) cw_test_check_refused((call), (err), __FILE__, __LINE__, (const char *const[]){__VA_ARGS__, NULL})
bool cw_test_check_refused(int result, const struct cw_error *err, const char *file, int line, const char *const *pieces);

/* This test cannot run here because of `why` (a model is not there). */
void cw_test_skip(const char *why);
/* A fresh empty folder for this test, removed after it; the pointer stays valid until the test ends. */
const char *cw_test_dir(void);
/* The run's seed (printed; --seed N gives it), for random inputs. */
uint64_t cw_test_seed(void);
/* tests/data/NAME, wherever the tests are run from; a NAME that starts with '/' as it is. Static buffer. */
const char *cw_test_data(const char *name);

#endif

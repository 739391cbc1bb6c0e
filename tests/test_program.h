/* The program itself, run in the test's folder. */
#ifndef CW_TEST_PROGRAM_H
#define CW_TEST_PROGRAM_H

#include <stddef.h>
#include <sys/types.h>

/* `args` ends with NULL. One at a time. */
pid_t test_program_start(const char *const *args);
/* Waits for its end; stdout and stderr go to `said`, together. Its exit code, -1 when a signal ended it. */
int test_program_end(pid_t pid, char *said, size_t size);
/* Both. */
int test_program_run(const char *const *args, char *said, size_t size);
/* The same, its standard input a terminal at which `typed`, whole lines or "", is typed and the input ended. */
int test_program_typed(const char *const *args, const char *typed, char *said, size_t size);
/* The path of the small language model (static buffer), or NULL after cw_test_skip. */
const char *test_program_model(void);

#endif

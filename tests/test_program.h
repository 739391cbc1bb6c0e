/* The program itself, run in the test's folder. */
#ifndef CW_TEST_PROGRAM_H
#define CW_TEST_PROGRAM_H

#include <stddef.h>

/* `args` ends with NULL; stdout and stderr go to `said`, together. Its exit code, -1 when a signal ended it. */
int test_program_run(const char *const *args, char *said, size_t size);
/* The path of the small language model (static buffer), or NULL after cw_test_skip. */
const char *test_program_model(void);

#endif

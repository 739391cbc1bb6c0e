/* A test's own house: the installed models by links in its folder, its own voices and key. */
#ifndef CW_TEST_HOUSE_H
#define CW_TEST_HOUSE_H

#include <stdbool.h>

/* Links what every episode needs and the model `more` (or NULL). False where one of them is not installed (skipped) or linked (failed). */
bool test_house_enter(const char *more);
void test_house_leave(void);
/* A path in the house; one of four static buffers in turn. */
const char *test_house_path(const char *name);
bool test_house_link(const char *model); /* one more model, later */

#endif

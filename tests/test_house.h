/* A test's own house: the installed models by links in its folder, its own voices and key. */
#ifndef CW_TEST_HOUSE_H
#define CW_TEST_HOUSE_H

#include <jansson.h>
#include <stdbool.h>

/* Links what every episode needs and the model `more` (or NULL). False where one of them is not installed (skipped) or linked (failed). */
bool test_house_enter(const char *more);
void test_house_leave(void);
/* A path in the house; one of four static buffers in turn. */
const char *test_house_path(const char *name);
bool test_house_link(const char *model); /* one more model, later */
/* The same bytes in two files of the house. */
bool test_house_same(const char *a, const char *b);
/* `castwright make` from a topic, by a writer's endpoint of rote, two hosts, both by `engine`, with its `steps` (or NULL): an episode
 * "made", and what the program said. */
void test_house_make(const char *engine, const char *steps, char *said, size_t size);
/* manifest.json of an episode's folder, the caller's to free, or NULL, a failed check. */
json_t *test_house_manifest(const char *folder);
/* The string under `key` of the list's entry i, or "". */
const char *test_house_string(const json_t *list, size_t i, const char *key);

#endif

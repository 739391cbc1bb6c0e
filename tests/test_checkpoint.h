/* Checkpoints for tests of the converters: a committed GGUF's tensors as a safetensors file, with a fault where one is asked for. */
#ifndef CW_TEST_CHECKPOINT_H
#define CW_TEST_CHECKPOINT_H

#include <stdbool.h>

struct test_checkpoint {
    const char *gguf;   /* in tests/data */
    const char *prefix; /* of every tensor's name, or "" */
    const char
        *fault; /* "missing", "shape", "nan", "outside": what happens to the tensor `victim`; "other": one more; "cut": half the data */
    const char *victim;
    const char *extra; /* more of the header's entries, all in the first `extra_bytes` of the data; or "" */
    const void *extra_data;
    int extra_bytes;
};
/* False where that failed; counted as a check. */
bool test_checkpoint_write(const struct test_checkpoint *c, const char *path);

#endif

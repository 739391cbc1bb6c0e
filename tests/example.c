/* The example of castwright.h, as it stands there, made into a program: the episode tests run it. */
#include "castwright.h"

#include <stdio.h>

int cw_example(void);

int cw_example(void) {
    struct cw_error err = {0};
    struct cw_studio *studio = NULL;
    if (cw_studio_open(&studio, cw_studio_params_default(), &err) == 0) {
        struct cw_say_params p = cw_say_params_default();
        p.voice = "af_heart";
        p.out = "hello.wav";
        if (cw_say(studio, "Every word is right.", p, &err) != 0)
            fprintf(stderr, "%s\n", err.text);
    }
    cw_studio_close(studio);
    return err.code;
}

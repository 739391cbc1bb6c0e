/* What benches begin with: a list of clips, an engine to enrol with. */
#ifndef CW_BENCH_RIG_H
#define CW_BENCH_RIG_H

#include "models/catalogue.h"
#include "voices/enrol.h"

#include <stdlib.h>
#include <string.h>

struct bench_line {
    char *sound, *text;
};

/* Lines sound<TAB>text, two at least, `most` at most are read; they point into *data, which is free()d by the caller, here too on failure.
 */
static inline int bench_list_read(const char *path, char **data, struct bench_line *lines, int most, int *count, struct cw_error *err) {
    size_t len = 0;
    if (cw_file_read(path, 1 << 24, data, &len, err) != 0)
        return -1;
    for (char *line = *data, *end; *line != '\0' && *count < most; line = end) {
        end = line + strcspn(line, "\n");
        if (*end == '\n')
            *end++ = '\0';
        if (*line == '\0')
            continue;
        char *tab = strchr(line, '\t');
        if (!tab)
            return cw_fail(err, CW_BAD_INPUT, "%s: expected sound<TAB>text, found \"%.80s\"", path, line);
        *tab = '\0';
        lines[(*count)++] = (struct bench_line){line, tab + 1};
    }
    return *count > 1 ? 0 : cw_fail(err, CW_BAD_INPUT, "%s: expected two lines or more, found %d", path, *count);
}

struct bench_rig {
    struct cw_device *device;
    struct cw_acoustic *acoustic;
    struct cw_vocoder *vocoder;
    struct cw_speech *speech;
    struct cw_encoder *encoder;
    char kokoro[CW_PATH_MAX], voices[CW_PATH_MAX];
};

/* Closed by the caller, on failure too. */
static inline int bench_rig_open(struct bench_rig *r, struct cw_error *err) {
    char lexicon[CW_PATH_MAX], ge2e[CW_PATH_MAX];
    return cw_model_path("kokoro", r->kokoro, err) != 0 || cw_model_path("lexicon", lexicon, err) != 0 ||
                   cw_model_path("ge2e", ge2e, err) != 0 || cw_model_path("voices", r->voices, err) != 0 ||
                   cw_device_open(&r->device, cw_device_params_default(), err) != 0 ||
                   cw_acoustic_open(&r->acoustic, r->device, r->kokoro, err) != 0 ||
                   cw_vocoder_open(&r->vocoder, r->device, r->kokoro, err) != 0 || cw_speech_open(&r->speech, lexicon, err) != 0 ||
                   cw_encoder_open(&r->encoder, r->device, ge2e, err) != 0
               ? -1
               : 0;
}

static inline void bench_rig_close(struct bench_rig *r) {
    cw_encoder_close(r->encoder);
    cw_speech_close(r->speech);
    cw_vocoder_close(r->vocoder);
    cw_acoustic_close(r->acoustic);
    cw_device_close(r->device);
}

#endif

/* The hot loop allocates nothing: malloc and its kin are counted while a second sentence of the same length is spoken. */
#include "base/allocations.h"
#include "models/catalogue.h"
#include "tests/test.h"
#include "tts/acoustic.h"
#include "vocoder/vocoder.h"

#include <stdlib.h>
#include <string.h>

static void test_no_allocations(void) {
    enum { SYMBOLS = 24 };
    struct cw_error err = {0};
    struct cw_device *d = NULL;
    struct cw_acoustic *acoustic = NULL;
    struct cw_acoustic_session *speaking = NULL;
    struct cw_vocoder *vocoder = NULL;
    struct cw_vocoder_session *sounding = NULL;
    char dir[CW_PATH_MAX], path[CW_PATH_MAX];
    float *pack = calloc((size_t)510 * 256, sizeof *pack);
    int ids[SYMBOLS], round;
    long before = 0;

    if (!pack || cw_models_dir(dir, &err) != 0 || cw_path_join(path, dir, "kokoro.gguf", &err) != 0 || !cw_file_exists(path)) {
        cw_test_skip("kokoro.gguf is not there");
        goto done;
    }
    if (!CHECKF(cw_device_open(&d, cw_device_params_default(), &err) == 0 && cw_acoustic_open(&acoustic, d, path, &err) == 0 &&
                    cw_acoustic_session_open(&speaking, acoustic, &err) == 0 && cw_vocoder_open(&vocoder, d, path, &err) == 0 &&
                    cw_vocoder_session_open(&sounding, vocoder, &err) == 0,
                "%s", err.text))
        goto done;
    for (round = 0; round < SYMBOLS; round++)
        ids[round] = 43 + round % 20;
    for (round = 0; round < 2; round++) {
        const struct cw_acoustic_input in = {.ids = ids, .count = SYMBOLS, .pack = pack, .pack_rows = 510, .speed = 1};
        struct cw_frames frames = {0};
        const float *samples = NULL;
        size_t n = 0;

        before = atomic_load(&cw_allocations);
        if (!CHECKF(cw_acoustic_run(speaking, &in, &frames, &err) == 0 && cw_vocoder_run(sounding, &frames, 1, &samples, &n, &err) == 0,
                    "%s", err.text))
            goto done;
        CHECK(n > 0);
    }
    CHECKF(!CW_ALLOCATIONS_COUNTED || before > 0, "nothing was counted");
    CHECKF(atomic_load(&cw_allocations) == before, "%ld allocations while speaking", atomic_load(&cw_allocations) - before);
done:
    cw_vocoder_session_close(sounding);
    cw_vocoder_close(vocoder);
    cw_acoustic_session_close(speaking);
    cw_acoustic_close(acoustic);
    cw_device_close(d);
    free(pack);
}

/* Mel frames of any length, longer than a chunk too. */
static void test_mel_vocoder(void) {
    enum { FRAMES = 230, BANDS = 80 };
    struct cw_error err = {0};
    struct cw_device *d = NULL;
    struct cw_vocoder *vocoder = NULL;
    struct cw_vocoder_session *sounding = NULL;
    float *mel = calloc((size_t)FRAMES * BANDS, sizeof *mel);
    long before = 0;

    if (!CHECKF(mel && cw_device_open(&d, cw_device_params_default(), &err) == 0 &&
                    cw_vocoder_open(&vocoder, d, cw_test_data("hifigan_1.gguf"), &err) == 0 &&
                    cw_vocoder_session_open(&sounding, vocoder, &err) == 0,
                "%s", err.text))
        goto done;
    for (int round = 0; round < 2; round++) {
        const struct cw_frames f = {
            .kind = "mel-hifigan", .count = FRAMES - 100 * (1 - round), .channels = BANDS, .data = mel, .sample_rate = 22050, .hop = 256};
        const float *samples = NULL;
        size_t n = 0;

        before = atomic_load(&cw_allocations);
        CHECKF(cw_vocoder_run(sounding, &f, 1, &samples, &n, &err) == 0 && n > 0, "%s", err.text);
    }
    CHECKF(atomic_load(&cw_allocations) == before, "%ld allocations", atomic_load(&cw_allocations) - before);
done:
    cw_vocoder_session_close(sounding);
    cw_vocoder_close(vocoder);
    cw_device_close(d);
    free(mel);
}

const struct cw_test cw_tests_hot[] = {
    {"hot.mel_vocoder", "a mel vocoder allocates nothing, not even for a longer mel", test_mel_vocoder},
    {"hot.allocations", "speaking allocates nothing once the sessions are open", test_no_allocations},
    {0},
};

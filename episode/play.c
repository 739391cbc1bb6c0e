/* a folder or a file -> libsndfile -> player. */
#include "castwright.h"
#include "episode/player.h"

#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { BLOCKS_PER_SECOND = 20 };

/* The best sound in an episode's folder first. */
static int find_sound(const char *path, char *out, struct cw_error *err) {
    static const char *const names[] = {"episode.flac", "episode.wav", "episode.mp3"};
    struct stat st;
    if (strlen(path) >= CW_PATH_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "play: expected a path of at most %d bytes, found %zu", CW_PATH_MAX - 1, strlen(path));
    }
    if (stat(path, &st) != 0) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected an episode's folder or a sound file, found nothing", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        memcpy(out, path, strlen(path) + 1);
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (cw_path_join(out, path, names[i], err) != 0) {
            return -1;
        }
        if (cw_file_exists(out)) {
            return 0;
        }
    }
    return cw_fail(err, CW_BAD_INPUT, "%s: expected episode.flac, episode.wav or episode.mp3 in it, found none", path);
}

static int tell(const struct cw_listener *listen, const struct cw_player *player, const SF_INFO *info, const char *what,
                struct cw_error *err) {
    double total = (double)info->frames / info->samplerate;
    double played = fmin((double)cw_player_stats(player).played / info->samplerate, total);
    struct cw_progress p = {
        .stage = CW_STAGE_PLAY,
        .done = 0,
        .total = 1,
        .fraction = total > 0.0 ? played / total : 1.0,
        .speech_seconds = played,
        .seconds_left = total - played,
        .what = what,
    };
    if (listen->progress == NULL || listen->progress(listen->arg, &p)) {
        return 0;
    }
    return cw_fail(err, CW_FAILED, "cancelled");
}

int cw_play(const char *path, struct cw_listener listen, struct cw_error *err) {
    int result = -1;
    char sound[CW_PATH_MAX];
    SF_INFO info = {0};
    SNDFILE *file = NULL;
    struct cw_player *player = NULL;
    struct cw_player_params params = cw_player_params_default();
    float *block = NULL; /* [n, channels] */
    bool over = false;
    const struct timespec moment = {0, 20000000};
    if (find_sound(path, sound, err) != 0) {
        return -1;
    }
    file = sf_open(sound, SFM_READ, &info);
    if (file == NULL) {
        cw_fail(err, CW_BAD_INPUT, "%s: cannot read the sound: %s", sound, sf_strerror(NULL));
        goto done;
    }
    if (info.channels < 1 || info.channels > 2 || info.samplerate < 8000 || info.samplerate > 192000) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected 1 or 2 channels at 8 to 192 kHz, found %d at %d Hz", sound, info.channels,
                info.samplerate);
        goto done;
    }
    params.rate = info.samplerate;
    params.channels = info.channels;
    /* a ring no longer than what a cancel may leave unplayed and progress may lag behind */
    params.ring_seconds = 0.5;
    size_t n = (size_t)(info.samplerate / BLOCKS_PER_SECOND);
    block = malloc(n * (size_t)info.channels * sizeof *block);
    if (block == NULL) {
        cw_fail_memory(err, sound);
        goto done;
    }
    if (cw_player_open(&player, params, err) != 0) {
        goto done;
    }
    for (sf_count_t got; (got = sf_readf_float(file, block, (sf_count_t)n)) > 0;) {
        if (cw_player_write(player, block, (size_t)got, err) != 0 || tell(&listen, player, &info, sound, err) != 0) {
            goto done;
        }
    }
    if (sf_error(file) != SF_ERR_NO_ERROR) {
        cw_fail(err, CW_BAD_INPUT, "%s: cannot read the sound: %s", sound, sf_strerror(file));
        goto done;
    }
    if (cw_player_end(player, err) != 0) {
        goto done;
    }
    while (!over) {
        if (cw_player_over(player, &over, err) != 0 || tell(&listen, player, &info, sound, err) != 0) {
            goto done;
        }
        nanosleep(&moment, NULL);
    }
    result = 0;
done:
    cw_player_close(player);
    if (file != NULL) {
        sf_close(file);
    }
    free(block);
    return result;
}

const char *cw_play_device(struct cw_error *err) {
    static char name[256];
    return cw_player_device(name, sizeof name, err) == 0 ? name : NULL;
}

/* Is a text that is not what is said refused (voices/zero_shot.c)?
 *   bench_shown LIST.tsv [LANGUAGE [OTHERS [BESIDE]]]     LIST: sound<TAB>text a line, every text another (bench/cuts.py makes one)
 * Each recording becomes a zero-shot voice with its own text, and is then tried with OTHERS (3) texts of other lines: those nearest in
 * length. LANGUAGE: en-us. BESIDE: the stock voice that speaks the texts; without it as `voices clone` chooses. */
#include "bench/rig.h"
#include "voices/zero_shot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 1000 };

struct tally {
    int right, kept;             /* with their own text */
    int wrong, taken, by_length; /* with another: taken, refused by its length alone */
    double least, most;          /* confidence of the right ones, of the wrong ones that were taken */
};

/* How far line k's text is from line i's in length. */
static long apart(const struct bench_line *lines, int i, int k) {
    return labs((long)strlen(lines[i].text) - (long)strlen(lines[k].text));
}

/* One recording with line k's text. */
static void try(const struct cw_enrol_engine *g, const struct bench_line *lines, int i, int k, struct tally *t) {
    struct cw_error err = {0};
    struct cw_voice_file f = {0};
    struct cw_zero_shot_report r = {0};
    const bool taken = cw_zero_shot(&f, &r, g, "me", &(struct cw_enrol_source){lines[i].sound, lines[k].text}, &err) == 0;
    printf("%s\t%s\t%.1f s\t%s\t%.2f\t%s\n", lines[i].sound, i == k ? "right" : "wrong", r.recording_seconds, taken ? "taken" : "refused",
           r.confidence, taken ? "" : err.text);
    fflush(stdout);
    if (i == k) {
        t->right++;
        t->kept += taken;
        t->least = taken && r.confidence < t->least ? r.confidence : t->least;
    } else {
        t->wrong++;
        t->taken += taken;
        t->by_length += !taken && strstr(err.text, "other words") == NULL;
        t->most = taken && r.confidence > t->most ? r.confidence : t->most;
    }
    cw_voice_file_free(&f);
    cw_zero_shot_report_free(&r);
}

static void try_others(const struct cw_enrol_engine *g, const struct bench_line *lines, int count, int i, int others, struct tally *t) {
    static bool done[LINES];
    memset(done, 0, sizeof done);
    for (int n = 0; n < others && n < count - 1; n++) {
        int near = -1;
        for (int k = 0; k < count; k++)
            if (k != i && !done[k] && (near < 0 || apart(lines, i, k) < apart(lines, i, near)))
                near = k;
        done[near] = true;
        try(g, lines, i, near, t);
    }
}

int main(int argc, char **argv) {
    struct cw_error err = {0};
    struct bench_rig rig = {0};
    static struct bench_line lines[LINES];
    struct tally t = {.least = 1};
    char *data = NULL;
    int code = 1, count = 0;
    if (argc < 2 || argc > 5) {
        fprintf(stderr, "bench_shown: expected LIST.tsv [LANGUAGE [OTHERS [BESIDE]]]\n");
        return 2;
    }
    if (bench_list_read(argv[1], &data, lines, LINES, &count, &err) != 0 || bench_rig_open(&rig, &err) != 0)
        goto done;
    const struct cw_enrol_engine g = {.acoustic = rig.acoustic,
                                      .vocoder = rig.vocoder,
                                      .speech = rig.speech,
                                      .encoder = rig.encoder,
                                      .voices_dir = rig.voices,
                                      .language = argc > 2 ? argv[2] : "en-us",
                                      .beside = argc > 4 ? argv[4] : NULL};
    for (int i = 0; i < count; i++) {
        try(&g, lines, i, i, &t);
        try_others(&g, lines, count, i, argc > 3 ? atoi(argv[3]) : 3, &t);
    }
    printf(
        "%d of %d right texts taken (confidence %.2f at least), %d of %d wrong ones (%.2f at most); %d of these refused before they were "
        "laid beside\n",
        t.kept, t.right, t.least, t.taken, t.wrong, t.most, t.by_length);
    code = 0;
done:
    if (code != 0)
        fprintf(stderr, "bench_shown: %s\n", err.text);
    free(data);
    bench_rig_close(&rig);
    return code;
}

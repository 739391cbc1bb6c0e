/* Where a reader's silences go: bench_enrol RECORDING... enrols each (its text in the .txt beside it, the nearest stock voice beside it)
 * and counts the duration units (25 ms) that lie in silences of 150 ms and more, and how many of them sounds were given, not what is
 * between words. Silence is what lies under 35 % of the way from the quietest twentieth to the loudest fifth. */
#include "bench/rig.h"
#include "voices/likeness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_UNITS = 6 };

struct count {
    int units, silent, given;
};

static int look(const struct cw_acoustic *a, const struct cw_enrolment *e, struct count *c, struct cw_error *err) {
    int units = 0, at = 0;
    for (int i = 0; i < e->count; i++)
        units += e->utterances[i].units;
    float *level = calloc((size_t)units + 1, sizeof *level), *sorted = calloc((size_t)units + 1, sizeof *sorted);
    bool *sound = calloc((size_t)units + 1, sizeof *sound);
    *c = (struct count){.units = units};
    if (!level || !sorted || !sound) {
        free(level);
        free(sorted);
        free(sound);
        return cw_fail_memory(err, "silences");
    }
    for (int i = 0; i < e->count; i++) {
        const struct cw_enrol_utterance *u = &e->utterances[i];
        for (int k = 0; k < u->units; k++)
            level[at + k] = (u->energy[2 * k] + u->energy[2 * k + 1]) / 2;
        for (int p = 0; p < u->count + 2; p++)
            for (int k = 0; k < u->durations[p]; k++)
                sound[at++] = p > 0 && p <= u->count && !cw_enrol_is_pause(a, u->ids[p - 1]);
    }
    memcpy(sorted, level, sizeof *level * (size_t)units);
    qsort(sorted, (size_t)units, sizeof *sorted, cw_order_floats);
    const float low = sorted[units / 20], high = sorted[units * 4 / 5], quiet = low + 0.35F * (high - low);
    for (int k = 0, from; k < units; k++) {
        for (from = k; k < units && level[k] < quiet;)
            k++;
        for (int j = from; k - from >= LEAST_UNITS && j < k; j++) {
            c->silent++;
            c->given += sound[j];
        }
    }
    free(level);
    free(sorted);
    free(sound);
    return 0;
}

static int enrol(struct cw_enrol_engine g, const struct cw_stock *stock, const char *path, struct count *c, struct cw_error *err) {
    char text_path[CW_PATH_MAX], *text = NULL;
    size_t n = 0;
    float embedding[CW_EMBEDDING];
    struct cw_recording r = {0};
    struct cw_enrolment e = {0};
    struct cw_text notes = {0};
    int result = -1;
    snprintf(text_path, sizeof text_path, "%.*s.txt", (int)strlen(path) - 4, path);
    if (cw_file_read(text_path, 100000, &text, &n, err) != 0 || cw_recording_read(&r, path, err) != 0 ||
        cw_encoder_listen(g.encoder, r.samples, r.count, r.rate, embedding, err) != 0)
        goto done;
    g.beside = stock->names[cw_stock_nearest(stock, embedding, NULL)];
    const struct cw_enrol_source source = {path, text};
    if (cw_enrol(&e, &g, &source, 1, &notes, err) != 0 || look(g.acoustic, &e, c, err) != 0)
        goto done;
    printf("%s\t%d utterances\t%.1f s\tconfidence %.2f\tsilent %d\tgiven to sounds %d\n", path, e.count, e.seconds,
           (double)e.utterances[0].confidence, c->silent, c->given);
    result = 0;
done:
    free(text);
    cw_text_free(&notes);
    cw_enrolment_free(&e);
    cw_recording_free(&r);
    return result;
}

int main(int argc, char **argv) {
    struct cw_error err = {0};
    struct bench_rig rig = {0};
    struct cw_stock stock = {0};
    struct count sum = {0};
    char models[CW_PATH_MAX], cache[CW_PATH_MAX], sha256[65];
    int code = 1, read = 0;
    if (bench_rig_open(&rig, &err) != 0 || cw_model_sum(rig.kokoro, sha256, &err) != 0 || cw_models_dir(models, &err) != 0 ||
        cw_path_join(cache, models, "heard/stock.mixtures", &err) != 0)
        goto done;
    const struct cw_enrol_engine g = {.acoustic = rig.acoustic,
                                      .vocoder = rig.vocoder,
                                      .speech = rig.speech,
                                      .encoder = rig.encoder,
                                      .voices_dir = rig.voices,
                                      .language = "en-us",
                                      .least_seconds = 1};
    if (cw_stock_open(&stock, &g, sha256, cache, CW_MIXTURES, NULL, NULL, &err) != 0)
        goto done;
    for (int i = 1; i < argc; i++, fflush(stdout)) {
        struct count c = {0};
        if (strlen(argv[i]) < 4 || enrol(g, &stock, argv[i], &c, &err) != 0) {
            fprintf(stderr, "%s\n", err.text);
            err = (struct cw_error){0};
            continue;
        }
        read++;
        sum.silent += c.silent;
        sum.given += c.given;
    }
    printf("%d recordings: %d units of silence, %d of them given to sounds\n", read, sum.silent, sum.given);
    code = 0;
done:
    if (code != 0)
        fprintf(stderr, "%s\n", err.text);
    cw_stock_close(&stock);
    bench_rig_close(&rig);
    return code;
}

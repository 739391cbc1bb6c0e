/* voices clone: recordings, texts, consent -> a voice of one's own. voices script: what to read aloud; --record: into a microphone. */
#include "cli/cli.h"
#include "episode/recorder.h"
#include "models/catalogue.h"
#include "voices/clone.h"
#include "voices/consent.h"
#include "voices/reading.h"
#include "voices/voices.h"
#include "voices/zero_shot.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

enum { SOURCES_MAX = CW_CONSENT_RECORDINGS_MAX, TEXT_MAX = 100000, SENTENCE_SECONDS = 30 };

static const struct cli_command clone_command = {
    "voices clone", "NAME RECORDING...", "a voice of your own from recordings of one speaker, with the speaker's consent",
    "  castwright voices clone me me1.wav me2.wav --i-am-the-speaker --speaker \"Tom Reed\" --for \"my podcast\" --until 2030-01-01\n"
    "                                        the text of me1.wav stands in me1.txt beside it\n"
    "  castwright voices clone ada ada.flac --transcript ada.txt --consent ada.consent\n"
    "  castwright voices clone ada ada*.wav --speaker \"Ada Byron\" --for \"a podcast about the sea\" --until 2027-05-01 \\\n"
    "      --consent-recording statement.wav       read aloud: castwright voices consent --help\n"
    "  castwright voices clone me --record me/ --i-am-the-speaker ...      reads you the script, two minutes, and records\n"
    "  castwright voices clone ada_f5 ada.flac --engine f5 --transcript ada.txt --consent ada.consent\n"
    "                                        3 to 12 s that F5-TTS speaks like (castwright models import); nothing is trained\n"
    "  castwright voices clone quick me1.wav --tier likeness ...           seconds, and no more than a likeness\n"
    "  castwright say \"Hello there.\" --voice me\n",
    NULL};
static const struct cli_command script_command = {
    "voices script", "", "what to read aloud for a voice of your own, two minutes; --record takes it down",
    "  castwright voices script              prints the sentences\n"
    "  castwright voices script --record me  one sentence after the other into me/01.wav, its text into me/01.txt\n",
    NULL};

struct clone_request {
    const char *engine, *tier, *language, *consent, *spoken, *speaker, *purpose, *until, *record, *preview;
    struct cli_list transcripts;
    long seed, steps;
    bool self, json, fresh, each, encoder;
};

/* ---- texts --------------------------------------------------------------------------------------------------------------------------- */

static const char *leaf(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The text without white space at its ends; NULL when nothing is left. */
static char *trimmed(const char *s, size_t n) {
    while (n > 0 && strchr(" \t\r\n", s[n - 1]))
        n--;
    while (n > 0 && strchr(" \t\r\n", *s)) {
        s++;
        n--;
    }
    return n > 0 ? cw_strndup(s, n) : NULL;
}

/* Lines "FILE<tab or blank>text", FILE with or without its ending, folders aside. */
static char *line_for(const char *data, const char *recording) {
    const char *name = leaf(recording), *dot = strrchr(name, '.');
    const size_t whole = strlen(name), stem = dot ? (size_t)(dot - name) : whole;
    for (const char *line = data; *line;) {
        const size_t len = strcspn(line, "\n"), word = strcspn(line, " \t\n");
        if (word < len && ((word == whole && memcmp(line, name, whole) == 0) || (word == stem && memcmp(line, name, stem) == 0)))
            return trimmed(line + word, len - word);
        line += len + (line[len] != '\0');
    }
    return NULL;
}

static int read_text(const char *path, char **data, struct cw_error *err) {
    size_t len;
    if (cw_file_read(path, TEXT_MAX, data, &len, err) != 0)
        return -1;
    if (strlen(*data) != len || cw_utf8_invalid(*data, len) >= 0) {
        free(*data);
        *data = NULL;
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a text in UTF-8, found other bytes", path);
    }
    return 0;
}

/* --transcript (whole for a single recording, else by line), or the .txt beside it. */
static int text_of(const struct clone_request *q, const char *recording, bool single, char **text, struct cw_error *err) {
    char path[CW_PATH_MAX], *data = NULL;
    const char *dot = strrchr(leaf(recording), '.');
    *text = NULL;
    for (int i = 0; i < q->transcripts.count && !*text; i++) {
        if (read_text(q->transcripts.items[i], &data, err) != 0)
            return -1;
        *text = line_for(data, recording);
        if (!*text && single)
            *text = trimmed(data, strlen(data));
        free(data);
    }
    if (*text)
        return 0;
    const size_t stem = dot ? (size_t)(dot - recording) : strlen(recording);
    if (snprintf(path, sizeof path, "%.*s.txt", (int)stem, recording) >= (int)sizeof path)
        return cw_fail(err, CW_BAD_INPUT, "%.64s…: path too long", recording);
    if (!cw_file_exists(path) && isatty(STDIN_FILENO)) {
        char line[4096];
        fprintf(stderr, "What is said in %s? Write it down, word for word, and press Enter:\n", recording);
        *text = fgets(line, sizeof line, stdin) && cw_utf8_invalid(line, strlen(line)) < 0 ? trimmed(line, strlen(line)) : NULL;
        if (*text)
            return 0;
    }
    if (!cw_file_exists(path))
        return cw_fail(err, CW_BAD_INPUT,
                       "%s: expected what is said in it, in %s or by --transcript FILE, found neither; `castwright voices script` has "
                       "sentences to read",
                       recording, path);
    if (read_text(path, &data, err) != 0)
        return -1;
    *text = trimmed(data, strlen(data));
    free(data);
    return *text ? 0 : cw_fail(err, CW_BAD_INPUT, "%s: expected what is said in %s, found nothing", path, recording);
}

/* ---- recording ----------------------------------------------------------------------------------------------------------------------- */

/* Until Enter, the end of the input, half a minute, or Ctrl-C. */
static int record_one(struct cw_recorder *r, int rate, float *x, size_t *n, struct cw_error *err) {
    const size_t block = (size_t)rate / 10, most = (size_t)rate * SENTENCE_SECONDS;
    for (*n = 0; *n + block <= most; *n += block) {
        struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
        if (cli_interrupted())
            return cw_fail(err, CW_FAILED, "stopped");
        if (*n > 0 && poll(&in, 1, 0) > 0)
            break;
        if (cw_recorder_read(r, x + *n, block, err) != 0)
            return -1;
    }
    return 0;
}

static bool enter(void) {
    int c;
    while ((c = getchar()) != '\n' && c != EOF)
        continue;
    return c != EOF;
}

/* Sentence i into FOLDER/NN.wav and NN.txt; those that are there are kept. */
static int record_script(const char *folder, struct cw_error *err) {
    struct cw_recorder *r = NULL;
    float *x = NULL;
    int rate = 0, result = -1;
    if (cw_recorder_open(&r, &rate, err) != 0)
        return -1;
    x = malloc(sizeof *x * (size_t)rate * SENTENCE_SECONDS);
    if (!x) {
        cw_fail_memory(err, "recording");
        goto done;
    }
    if (cw_dir_make(folder, err) != 0)
        goto done;
    fprintf(stderr, "Read each sentence as you would tell it. Enter begins, Enter ends; Ctrl-C stops, and what is done stays.\n");
    for (int i = 0; i < CW_READING; i++) {
        char name[16], wav[CW_PATH_MAX], txt[CW_PATH_MAX];
        size_t n;
        snprintf(name, sizeof name, "%02d.wav", i + 1);
        if (cw_path_join(wav, folder, name, err) != 0)
            goto done;
        snprintf(name, sizeof name, "%02d.txt", i + 1);
        if (cw_path_join(txt, folder, name, err) != 0)
            goto done;
        if (cw_file_exists(wav) && cw_file_exists(txt))
            continue;
        fprintf(stderr, "\n%d of %d: %s\n", i + 1, CW_READING, cw_reading[i]);
        if (!enter()) {
            cw_fail(err, CW_BAD_INPUT, "--record: expected Enter before sentence %d, found the end of the input", i + 1);
            goto done;
        }
        /* the device ran on: what it heard before Enter is not ours */
        cw_recorder_close(r);
        r = NULL;
        if (cw_recorder_open(&r, &rate, err) != 0 || record_one(r, rate, x, &n, err) != 0)
            goto done;
        enter();
        if (cw_recording_write(wav, x, n, rate, err) != 0 || cw_file_write(txt, cw_reading[i], strlen(cw_reading[i]), err) != 0)
            goto done;
    }
    result = 0;
done:
    free(x);
    cw_recorder_close(r);
    return result;
}

int cli_voices_script(int argc, char **argv) {
    const struct cli_command *c = &script_command;
    struct cw_error err = {0};
    const char *record = NULL, *args[1];
    int count;
    const struct cli_option options[] = {
        {"--record", "FOLDER", "one sentence after the other, from the microphone", CLI_TEXT, &record, 0, 0}, {0}};
    int code = cli_parse(c, options, argc, argv, args, 0, &count);
    if (code >= 0)
        return code;
    for (int i = 0; i < CW_READING && !record; i++)
        printf("%s\n", cw_reading[i]);
    return record && record_script(record, &err) != 0 ? cli_error(c, &err) : 0;
}

/* ---- progress ------------------------------------------------------------------------------------------------------------------------ */

static bool on_clone(void *arg, const struct cw_clone_progress *p) {
    static const char *const stages[] = {"listening to the recordings", "hearing the stock voices, once on this machine", "fitting prosody",
                                         "training", "judging"};
    static int last = -1;
    const struct cw_train_progress *t = p->train;
    (void)arg;
    if (last != (int)p->stage)
        fprintf(stderr, "%s\n", stages[p->stage]);
    last = (int)p->stage;
    if (t && (t->step % 10 == 0 || t->step == t->steps))
        fprintf(stderr, "  %s: step %d of %d, loss %.4f, held out %.4f (best %.4f), at most %d:%02d left\n",
                cw_clone_tier_name((enum cw_clone_tier)(t->tier + 1)), t->step, t->steps, t->loss, t->held_out, t->best_held_out,
                (int)t->seconds_left / 60, (int)t->seconds_left % 60);
    return !cli_interrupted();
}

/* ---- consent ------------------------------------------------------------------------------------------------------------------------- */

/* A record made before: does it hold, is it ours, and is it about these recordings and this speaker? */
static int check_record(const struct cw_consent *c, const struct cw_trust *trust, const struct cw_key *key,
                        const struct cw_enrol_source *sources, int count, const struct cw_encoder *encoder, struct cw_error *err) {
    struct cw_recording r = {0};
    float one[CW_EMBEDDING];
    int result = -1;
    if (cw_consent_holds(c, trust, err) != 0)
        return -1;
    if (strcmp(c->key, key->public_hex) != 0) /* trusted, but the voice is sealed by the key that signed its record */
        return cw_fail(
            err, CW_BAD_INPUT,
            "consent of %s: expected a record that your own key signed, %.12s…, found one of %.12s…; let its owner make the voice "
            "and import that, or make a record of your own (castwright voices consent)",
            c->terms.speaker, key->public_hex, c->key);
    for (int i = 0; i < count; i++) {
        cw_recording_free(&r);
        if (cw_recording_read(&r, sources[i].recording, err) != 0)
            goto done;
        if (cw_encoder_listen(encoder, r.samples, r.count, r.rate, one, err) != 0 || cw_consent_covers(c, &r, 1, one, err) != 0) {
            cw_fail_in(err, "%s", sources[i].recording);
            goto done;
        }
    }
    result = 0;
done:
    cw_recording_free(&r);
    return result;
}

/* Before anything is learnt: the record that the voice will stand on. */
static int get_consent(const struct clone_request *q, const struct cw_enrol_source *sources, int count, const struct cw_encoder *encoder,
                       const struct cw_key *key, struct cw_consent *c, struct cw_error *err) {
    struct cw_trust trust = {0};
    struct cw_consent_terms t = {0};
    const char *recordings[SOURCES_MAX];
    int result = -1;
    if (cw_trust_open(&trust, err) != 0)
        return -1;
    if (q->consent) {
        result = cw_consent_read(c, q->consent, err) != 0 ? -1 : check_record(c, &trust, key, sources, count, encoder, err);
        goto done;
    }
    for (int i = 0; i < count; i++)
        recordings[i] = sources[i].recording;
    const struct cw_consent_sources s = {recordings, count, q->spoken, q->self};
    const struct cli_consent given = {q->speaker, q->purpose, q->until, NULL, q->language};
    if (cli_consent_terms(&t, &given, err) != 0 || cw_consent_make(c, &t, &s, encoder, key, err) != 0)
        goto done;
    result = 0;
done:
    cw_trust_close(&trust);
    return result;
}

/* ---- clone --------------------------------------------------------------------------------------------------------------------------- */

struct bench { /* all that is open */
    struct cw_device *device;
    struct cw_acoustic *acoustic;
    struct cw_vocoder *vocoder;
    struct cw_speech *speech;
    struct cw_encoder *encoder;
    char model[CW_PATH_MAX], sum[65], voices[CW_PATH_MAX], cache[CW_PATH_MAX], ge2e[CW_PATH_MAX];
};

static void close_bench(struct bench *b) {
    cw_encoder_close(b->encoder);
    cw_speech_close(b->speech);
    cw_vocoder_close(b->vocoder);
    cw_acoustic_close(b->acoustic);
    cw_device_close(b->device);
}

static int open_bench(struct bench *b, struct cw_error *err) {
    char lexicon[CW_PATH_MAX], models[CW_PATH_MAX], heard[CW_PATH_MAX];
    return cw_model_path("kokoro", b->model, err) != 0 || cw_model_sum(b->model, b->sum, err) != 0 ||
                   cw_model_path("voices", b->voices, err) != 0 || cw_model_path("lexicon", lexicon, err) != 0 ||
                   cw_model_path("ge2e", b->ge2e, err) != 0 || cw_models_dir(models, err) != 0 ||
                   cw_path_join(heard, models, "heard", err) != 0 || cw_dir_make(heard, err) != 0 ||
                   cw_path_join(b->cache, heard, "stock.mixtures", err) != 0 ||
                   cw_device_open(&b->device, cw_device_params_default(), err) != 0 ||
                   cw_encoder_open(&b->encoder, b->device, b->ge2e, err) != 0
               ? -1
               : cw_speech_open(&b->speech, lexicon, err);
}

static int open_model(struct bench *b, struct cw_error *err) {
    return cw_acoustic_open(&b->acoustic, b->device, b->model, err) != 0 ? -1 : cw_vocoder_open(&b->vocoder, b->device, b->model, err);
}

/* A new name, checked before the work. */
static int new_name(const struct bench *b, const char *name, char path[CW_PATH_MAX], struct cw_error *err) {
    char stock[CW_PATH_MAX], file[CW_VOICE_NAME_MAX + 8], home[CW_PATH_MAX];
    if (cw_voices_own_path(name, path, err) != 0)
        return -1;
    snprintf(file, sizeof file, "%s.bin", name);
    if (cw_path_join(stock, b->voices, file, err) != 0 || cw_voices_home(home, err) != 0 || cw_dir_make(home, err) != 0)
        return -1;
    if (cw_file_exists(path) || cw_file_exists(stock))
        return cw_fail(err, CW_BAD_INPUT, "voice \"%s\": expected a new name, found one that is there", name);
    return 0;
}

static void print_report(const struct clone_request *q, const char *path, const struct cw_voice_file *f, const struct cw_clone_report *r) {
    if (q->json) {
        json_t *o =
            json_pack("{s:s, s:s, s:s, s:f, s:f, s:b, s:f, s:f, s:f, s:s, s:s, s:f, s:f, s:f, s:b}", "voice", f->name, "file", path, "tier",
                      f->made, "seconds", r->seconds, "seconds_kept_apart", r->seconds_left_out, "unseen", r->unseen, "similarity",
                      r->similarity, "stock", r->floor, "recordings", r->ceiling, "nearest", r->nearest, "word", r->word, "prosody_before",
                      r->prosody_before, "prosody_after", r->prosody_after, "minutes", r->minutes, "encoder_in_loss", r->encoder_loss);
        json_t *losses = json_array();
        for (int i = 0; i <= CW_TRAIN_TIERS; i++)
            json_array_append_new(losses, json_real(r->held_out[i]));
        json_object_set_new(o, "held_out", losses);
        json_dumpf(o, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(o);
        return;
    }
    printf("%s\n%s: a %s (%s), from %.0f s of speech in %.1f minutes\n", path, f->name, r->word, f->made, r->seconds, r->minutes);
    if (r->encoder_loss)
        printf("the speaker encoder took part in training: its %.2f says nothing about likeness (the nearest stock voice, %s, has %.2f)\n",
               r->similarity, r->nearest, r->floor);
    else if (r->unseen)
        printf("likeness %.2f to %.0f s of speech that nothing was fitted to; the nearest stock voice (%s) has %.2f, the speaker's other "
               "recordings %.2f\n",
               r->similarity, r->seconds_left_out, r->nearest, r->floor, r->ceiling);
    else
        printf("likeness %.2f to the recordings it was fitted to, which flatters it; the nearest stock voice (%s) has %.2f. With more "
               "recordings some are kept apart to judge by\n",
               r->similarity, r->nearest, r->floor);
    printf("(cosines of speaker embeddings; \"clone\" from %.2f on, as two recordings of one person have)\n", CW_CLONE_ALIKE);
}

struct keeping {
    const struct cw_consent *consent;
    const struct cw_key *key;
};

/* --each-tier: the voices on the way, sealed as the last one is. Voices' names have no '-'. */
static int keep_before(void *arg, struct cw_voice_file *f, struct cw_error *err) {
    const struct keeping *k = arg;
    char path[CW_PATH_MAX];
    for (char *p = f->name; *p; p++)
        *p = *p == '-' ? '_' : *p;
    if (cw_voices_own_path(f->name, path, err) != 0 || cw_voice_seal(f, k->consent, 1, k->key, err) != 0)
        return -1;
    return cw_voice_file_write(f, path, err);
}

/* Shown, not learnt from: seconds of one recording become the voice as they are. */
static int show_voice(const struct clone_request *q, const char *name, const char *path, const struct cw_enrol_engine *g,
                      const struct cw_enrol_source *source, const struct keeping *k, struct cw_error *err) {
    struct cw_voice_file f = {0};
    struct cw_zero_shot_report r = {0};
    int result = -1;
    if (cw_zero_shot(&f, &r, g, name, source, err) != 0 || cw_voice_seal(&f, k->consent, 1, k->key, err) != 0 ||
        cw_voice_file_write(&f, path, err) != 0)
        goto done;
    if (q->json) {
        json_t *o = json_pack("{s:s, s:s, s:s, s:f, s:f, s:b, s:f, s:f, s:s}", "voice", f.name, "file", path, "engine", f.engine, "seconds",
                              r.seconds, "recording_seconds", r.recording_seconds, "cut", r.cut, "confidence", r.confidence,
                              "sound_seconds", r.sound_seconds, "text", f.reference_text);
        json_dumpf(o, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(o);
    } else {
        printf("%s\n%s: F5 is shown %.1f s, %.0f ms a sound: \"%s\"\n", path, f.name, r.seconds, 1000 * r.sound_seconds, f.reference_text);
    }
    result = 0;
done:
    if (r.notes.data)
        fputs(r.notes.data, stderr);
    cw_zero_shot_report_free(&r);
    cw_voice_file_free(&f);
    return result;
}

static int clone_voice(const struct clone_request *q, const char *name, const struct cw_enrol_source *sources, int count,
                       struct cw_clone_params p, struct cw_error *err) {
    struct bench b = {0};
    struct cw_voice_file f = {0};
    struct cw_clone_report r = {0};
    struct cw_key key = {0};
    struct cw_consent *consent = calloc(1, sizeof *consent);
    char path[CW_PATH_MAX], checkpoint[CW_PATH_MAX];
    int result = -1;
    if (!consent) {
        cw_fail_memory(err, "consent");
        goto done;
    }
    if (open_bench(&b, err) != 0 || new_name(&b, name, path, err) != 0 || cw_key_open(&key, err) != 0 ||
        get_consent(q, sources, count, b.encoder, &key, consent, err) != 0 || open_model(&b, err) != 0)
        goto done;
    if (snprintf(checkpoint, sizeof checkpoint, "%s.training", path) >= (int)sizeof checkpoint) {
        cw_fail(err, CW_BAD_INPUT, "%.64s…: path too long", path);
        goto done;
    }
    if (q->fresh && unlink(checkpoint) != 0 && errno != ENOENT) {
        cw_fail(err, CW_FAILED, "%s: cannot remove: %s", checkpoint, strerror(errno));
        goto done;
    }
    const struct cw_clone_engine g = {.enrol = {b.acoustic, b.vocoder, b.speech, b.encoder, b.voices, q->language, NULL, 0, 0},
                                      .device = b.device,
                                      .model = b.model,
                                      .model_sha256 = b.sum,
                                      .cache = b.cache,
                                      .encoder = b.ge2e};
    p.name = name;
    p.checkpoint = checkpoint;
    p.preview = q->preview;
    p.progress = on_clone;
    struct keeping k = {consent, &key};
    p.before = q->each ? keep_before : NULL;
    p.arg = &k;
    if (q->engine && strcmp(q->engine, "f5") == 0) {
        result = show_voice(q, name, path, &g.enrol, sources, &k, err);
        goto done;
    }
    if (cw_clone(&f, &r, &g, sources, count, p, err) != 0 || cw_voice_seal(&f, consent, 1, &key, err) != 0 ||
        cw_voice_file_write(&f, path, err) != 0)
        goto done;
    unlink(checkpoint);
    print_report(q, path, &f, &r);
    result = 0;
done:
    if (r.notes.data)
        fputs(r.notes.data, stderr);
    cw_clone_report_free(&r);
    cw_voice_file_free(&f);
    cw_key_close(&key);
    free(consent);
    close_bench(&b);
    return result;
}

/* What --record left in the folder. */
static int recorded(const char *folder, struct cw_enrol_source *sources, char **names, int *count, struct cw_error *err) {
    if (record_script(folder, err) != 0)
        return -1;
    for (int i = 0; i < CW_READING && *count < SOURCES_MAX; i++) {
        char leaf_name[16], path[CW_PATH_MAX];
        snprintf(leaf_name, sizeof leaf_name, "%02d.wav", i + 1);
        if (cw_path_join(path, folder, leaf_name, err) != 0)
            return -1;
        names[*count] = cw_strdup(path);
        if (!names[*count])
            return cw_fail_memory(err, "recordings");
        sources[*count].recording = names[*count];
        (*count)++;
    }
    return 0;
}

int cli_voices_clone(int argc, char **argv) {
    const struct cli_command *c = &clone_command;
    struct cw_error err = {0};
    struct clone_request q = {.language = "en-us"};
    struct cw_clone_params p = cw_clone_params_default();
    struct cw_enrol_source sources[SOURCES_MAX] = {{0}};
    char *texts[SOURCES_MAX] = {0}, *names[SOURCES_MAX] = {0};
    const char *args[SOURCES_MAX + 1];
    int count = 0, used = 0, result = -1;
    const struct cli_option options[] = {
        {"--engine", "ENGINE", "kokoro, which learns a voice (default), or f5, which is shown one", CLI_TEXT, &q.engine, 0, 0},
        {"--tier", "TIER", "likeness (seconds), style, offsets or low-rank, the standard", CLI_TEXT, &q.tier, 0, 0},
        {"--transcript", "FILE", "what is said: the text, or lines \"RECORDING text\"; else the .txt beside each", CLI_LIST, &q.transcripts,
         0, 0},
        {"--language", "CODE", "of the recordings: en-us (default), en-gb, es, fr-fr, hi, it, pt-br", CLI_TEXT, &q.language, 0, 0},
        {"--consent", "FILE", "a signed record (castwright voices consent)", CLI_TEXT, &q.consent, 0, 0},
        {"--consent-recording", "FILE", "the statement, read aloud by the speaker", CLI_TEXT, &q.spoken, 0, 0},
        {"--i-am-the-speaker", NULL, "the recordings are of yourself; the record says that you said so", CLI_FLAG, &q.self, 0, 0},
        {"--speaker", "NAME", "who speaks", CLI_TEXT, &q.speaker, 0, 0},
        {"--for", "TEXT", "what the voice is for", CLI_TEXT, &q.purpose, 0, 0},
        {"--until", "DATE", "the last day it may be used on: 2027-05-01", CLI_TEXT, &q.until, 0, 0},
        {"--record", "FOLDER", "reads you the script and records it there first", CLI_TEXT, &q.record, 0, 0},
        {"--preview", "FILE.wav", "what is held out as the voice says it, written anew while it learns", CLI_TEXT, &q.preview, 0, 0},
        {"--seed", "N", "same recordings and seed, same voice (0)", CLI_INT, &q.seed, 0, 1e9},
        {"--steps", "N", "most steps of each tier, for trials", CLI_INT, &q.steps, 1, 10000},
        {"--encoder-loss", NULL, "the speaker encoder takes part in training: more like the speaker, but no longer judged by it", CLI_FLAG,
         &q.encoder, 0, 0},
        {"--each-tier", NULL, "keeps the voices of the tiers before it as well, as NAME_style, …", CLI_FLAG, &q.each, 0, 0},
        {"--fresh", NULL, "does not go on from an interrupted training", CLI_FLAG, &q.fresh, 0, 0},
        {"--json", NULL, "the report for programs", CLI_FLAG, &q.json, 0, 0},
        {0}};
    int code = cli_parse(c, options, argc, argv, args, SOURCES_MAX + 1, &count);
    if (code >= 0)
        return code;
    if (count < 1 || (count < 2 && !q.record))
        return cli_usage(c, "expected a name and recordings");
    const bool shown = q.engine && strcmp(q.engine, "f5") == 0;
    if (q.engine && !shown && strcmp(q.engine, "kokoro") != 0)
        return cli_usage(c, "--engine: expected kokoro or f5, found \"%s\"", q.engine);
    if (shown && (q.tier || q.preview || q.steps || q.each || q.fresh || q.record))
        return cli_usage(c,
                         "--engine f5: nothing is learnt, so expected none of --tier, --preview, --steps, --each-tier, --fresh, --record");
    if (shown && count > 2)
        return cli_usage(c, "--engine f5: expected one recording of 3 to 12 s, or a longer one to cut a part from, found %d", count - 1);
    if (q.tier && !cw_clone_tier_find(q.tier, &p.tier))
        return cli_usage(c, "--tier: expected likeness, style, offsets or low-rank, found \"%s\"", q.tier);
    if (cw_speech_language(q.language, &err) != 0)
        return cli_usage(c, "%s", err.text);
    if (q.record && !cw_speech_english(q.language))
        return cli_usage(c, "--record: the sentences to read are English, found --language %s", q.language);
    if (!q.consent && !q.spoken && !q.self)
        return cli_usage(c, "expected the speaker's consent: --consent FILE, --consent-recording FILE or --i-am-the-speaker");
    if (q.consent && (q.spoken || q.self || q.speaker || q.purpose || q.until))
        return cli_usage(c, "--consent: a record has its own terms; expected no others beside it");
    if (q.record && recorded(q.record, sources, names, &used, &err) != 0)
        goto done;
    for (int i = 1; i < count && used < SOURCES_MAX; i++)
        sources[used++].recording = args[i];
    for (int i = 0; i < used; i++) {
        if (!cw_file_exists(sources[i].recording)) {
            cw_fail(&err, CW_BAD_INPUT, "%s: expected a recording, found no file", sources[i].recording);
            goto done;
        }
        if (text_of(&q, sources[i].recording, used == 1, &texts[i], &err) != 0)
            goto done;
        sources[i].text = texts[i];
    }
    p.seed = (uint64_t)q.seed;
    p.encoder_loss = q.encoder;
    for (int i = 0; i < CW_TRAIN_TIERS; i++)
        p.steps[i] = (int)q.steps;
    result = clone_voice(&q, args[0], sources, used, p, &err);
done:
    for (int i = 0; i < SOURCES_MAX; i++) {
        free(texts[i]);
        free(names[i]);
    }
    return result == 0 ? 0 : cli_error(c, &err);
}

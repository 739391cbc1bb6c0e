/* cli: argv -> calls into castwright.h. One table of options a command; help, parsing and errors come from it. */
#ifndef CW_CLI_H
#define CW_CLI_H

#include "castwright.h"

enum cli_type { CLI_FLAG, CLI_TEXT, CLI_INT, CLI_NUMBER, CLI_LIST };

/* The values of an option that may be given several times. */
enum { CLI_LIST_MAX = 64 };
struct cli_list {
    const char *items[CLI_LIST_MAX];
    int count;
};

struct cli_option {
    const char *name;  /* "--voice"; a short form may follow a comma: "--out,-o" */
    const char *value; /* shown in help: "NAME"; NULL for a flag */
    const char *help;
    enum cli_type type;
    void *target;  /* bool *, const char **, long *, double *, struct cli_list * */
    double lo, hi; /* CLI_INT, CLI_NUMBER */
};

struct cli_command {
    const char *name, *arguments, *summary;
    const char *examples;                                           /* lines, each ends in \n */
    int (*run)(const struct cli_command *c, int argc, char **argv); /* argv[0] is the command's name; gives the exit code */
};

/* The commands, a NULL name ends them (main.c). */
extern const struct cli_command cli_commands[];

/* Parses argv[1..]: options into their targets, the rest into `args` (at most max_args, *count of them). `--` ends options.
 * Returns -1 to go on, or an exit code: 0 after --help was printed, 2 after an error was. `options` ends with a NULL name. */
int cli_parse(const struct cli_command *c, const struct cli_option *options, int argc, char **argv, const char **args, int max_args,
              int *count);
/* Prints "castwright COMMAND: error: …" to stderr; returns err->code as the exit code. */
int cli_error(const struct cli_command *c, const struct cw_error *err);
int cli_usage(const struct cli_command *c, const char *format, ...) CW_PRINTF(2, 3); /* prints; returns 2 */

/* Progress on stderr: a bar on a terminal, plain lines otherwise. */
struct cw_listener cli_listener(bool quiet);
void cli_progress_end(void); /* clears the bar */
/* Ctrl-C asks the running call to stop at its next step; a second one ends the program. */
void cli_catch_interrupt(void);
bool cli_interrupted(void);

/* Parts of `voices` (cmd_clone.c); argv[0] is the action. */
int cli_voices_clone(int argc, char **argv);
int cli_voices_script(int argc, char **argv);

/* Consent (cmd_consent.c): its commands, and what `voices show` and `voices import` need of it. */
struct cli_consent {
    const char *speaker, *purpose, *until, *date, *language; /* as given; NULL where not */
};
struct cw_consent_terms;
struct cw_voice_file;
CW_MUST_CHECK int cli_consent_terms(struct cw_consent_terms *t, const struct cli_consent *q, struct cw_error *err);
int cli_voices_consent(int argc, char **argv); /* argv[0] is "consent" */
int cli_voices_revoke(const struct cli_command *c, const char *name);
void cli_show_consents(const struct cw_voice_file *f);
CW_MUST_CHECK int cli_trust(const struct cw_voice_file *f, const char *fingerprint, struct cw_error *err);

int cli_make(const struct cli_command *c, int argc, char **argv);
int cli_write(const struct cli_command *c, int argc, char **argv);
int cli_render(const struct cli_command *c, int argc, char **argv);
int cli_script_stats(const struct cli_command *c, int argc, char **argv);
int cli_rewrite(const struct cli_command *c, int argc, char **argv);
int cli_say(const struct cli_command *c, int argc, char **argv);
int cli_text(const struct cli_command *c, int argc, char **argv);
int cli_play(const struct cli_command *c, int argc, char **argv);
int cli_voices(const struct cli_command *c, int argc, char **argv);
int cli_vocode(const struct cli_command *c, int argc, char **argv);
int cli_models(const struct cli_command *c, int argc, char **argv);
int cli_doctor(const struct cli_command *c, int argc, char **argv);
int cli_bench(const struct cli_command *c, int argc, char **argv);

#endif

/* Options of a command from its table: parsing, help, one-line errors. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Does `word` name this option ("--out,-o" has two names)? */
static bool names(const struct cli_option *o, const char *word, size_t len) {
    for (const char *p = o->name; *p;) {
        size_t n = strcspn(p, ",");
        if (n == len && memcmp(p, word, n) == 0)
            return true;
        p += n;
        p += *p == ',';
    }
    return false;
}

static void help(const struct cli_command *c, const struct cli_option *options) {
    printf("castwright %s: %s\n\nusage: castwright %s %s [OPTIONS]\n\n", c->name, c->summary, c->name, c->arguments);
    for (const struct cli_option *o = options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-26s %s\n", left, o->help);
    }
    printf("  %-26s %s\n\nexamples:\n%s", "--help", "this help", c->examples);
}

int cli_usage(const struct cli_command *c, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    fprintf(stderr, "castwright %s: error: ", c->name);
    vfprintf(stderr, format, ap);
    fprintf(stderr, "; see: castwright %s --help\n", c->name);
    va_end(ap);
    return CW_BAD_INPUT;
}

int cli_error(const struct cli_command *c, const struct cw_error *err) {
    cli_progress_end();
    fprintf(stderr, "castwright %s: error: %s\n", c->name, err->text);
    return err->code ? err->code : CW_FAILED;
}

static int set(const struct cli_command *c, const struct cli_option *o, const char *value) {
    long n;
    double x;
    switch (o->type) {
    case CLI_FLAG:
        *(bool *)o->target = true;
        return -1;
    case CLI_TEXT:
        *(const char **)o->target = value;
        return -1;
    case CLI_LIST: {
        struct cli_list *list = o->target;
        if (list->count == CLI_LIST_MAX)
            return cli_usage(c, "%s: expected it at most %d times", o->name, CLI_LIST_MAX);
        list->items[list->count++] = value;
        return -1;
    }
    case CLI_INT:
        if (!cw_parse_int(value, (long)o->lo, (long)o->hi, &n))
            return cli_usage(c, "%s: expected a whole number from %.0f to %.0f, found \"%s\"", o->name, o->lo, o->hi, value);
        *(long *)o->target = n;
        return -1;
    case CLI_NUMBER:
        if (!cw_parse_double(value, o->lo, o->hi, &x))
            return cli_usage(c, "%s: expected a number from %g to %g, found \"%s\"", o->name, o->lo, o->hi, value);
        *(double *)o->target = x;
        return -1;
    }
    return CW_FAILED;
}

int cli_parse(const struct cli_command *c, const struct cli_option *options, int argc, char **argv, const char **args, int max_args,
              int *count) {
    bool only_args = false;
    *count = 0;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        bool text = a[0] != '-' || !a[1] || strchr("0123456789.$ ", a[1]); /* "-5 degrees" is no option */
        if (only_args || text) {
            if (*count == max_args)
                return cli_usage(c, "unexpected argument \"%s\"", a);
            args[(*count)++] = a;
            continue;
        }
        if (strcmp(a, "--") == 0) {
            only_args = true;
            continue;
        }
        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            help(c, options);
            return 0;
        }
        size_t len = strncmp(a, "--", 2) == 0 ? strcspn(a, "=") : strlen(a);
        const struct cli_option *o = options;
        while (o->name && !names(o, a, len))
            o++;
        if (!o->name)
            return cli_usage(c, "unknown option \"%s\"", a);
        const char *value = a[len] == '=' ? a + len + 1 : NULL;
        if (o->type == CLI_FLAG && value)
            return cli_usage(c, "%s takes no value", o->name);
        if (o->type != CLI_FLAG && !value) {
            if (i + 1 == argc)
                return cli_usage(c, "%s: expected %s after it", o->name, o->value);
            value = argv[++i];
        }
        int code = set(c, o, value);
        if (code >= 0)
            return code;
    }
    return -1;
}

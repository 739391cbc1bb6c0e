/* tides.dict, --dictionary FILE, the front matter of tides.md ─▶ one dictionary for the front end. */
#include "episode/pronounce.h"

#include <stdlib.h>
#include <string.h>

enum { DICTIONARY_MAX = 4 << 20 };

/* "tides.md" -> "tides.dict". */
static int beside(const char *script, char out[CW_PATH_MAX], struct cw_error *err) {
    const char *name = strrchr(script, '/'), *dot = strrchr(name ? name : script, '.');
    size_t n = dot && dot != (name ? name + 1 : script) ? (size_t)(dot - script) : strlen(script);
    if (n + sizeof ".dict" > CW_PATH_MAX)
        return cw_fail(err, CW_BAD_INPUT, "%.60s…: expected a path of at most %d bytes, found a longer one", script, CW_PATH_MAX);
    memcpy(out, script, n);
    memcpy(out + n, ".dict", sizeof ".dict");
    return 0;
}

static int add_file(struct cw_dictionary *d, const char *path, struct cw_text *copy, struct cw_error *err) {
    int result = -1;
    char *text = NULL;
    size_t len = 0;
    if (cw_dictionary_read(d, path, err) != 0 || cw_file_read(path, DICTIONARY_MAX, &text, &len, err) != 0)
        goto done;
    /* said again of a folder that has it already, it changes nothing */
    if (copy->len < len || memcmp(copy->data + copy->len - len, text, len) != 0) {
        if (copy->len > 0 && copy->data[copy->len - 1] != '\n')
            cw_text_add(copy, "\n");
        cw_text_add_n(copy, text, len);
    }
    result = 0;
done:
    free(text);
    return result;
}

int cw_pronounce_open(struct cw_dictionary **d, const char *path, const char *extra, const struct cw_script *script, struct cw_text *copy,
                      struct cw_error *err) {
    int result = -1;
    char near[CW_PATH_MAX] = "";
    struct cw_dictionary *o = NULL;
    *d = NULL;
    if (path && beside(path, near, err) != 0)
        return -1;
    bool there = near[0] && cw_file_exists(near);
    if (!there && !extra && (!script || script->pronunciation_count == 0))
        return 0;
    if (cw_dictionary_new(&o, err) != 0 || (there && add_file(o, near, copy, err) != 0) || (extra && add_file(o, extra, copy, err) != 0))
        goto done;
    for (int i = 0; script && i < script->pronunciation_count; i++) {
        const struct cw_pronunciation *p = &script->pronunciations[i];
        if (cw_dictionary_add(o, p->word, p->value, err) != 0) {
            cw_fail_in(err, "%s:%d: pronunciation of \"%.60s\"", path ? path : "script", p->line, p->word);
            goto done;
        }
    }
    if (cw_text_check(copy, "dictionary", err) != 0)
        goto done;
    *d = o;
    o = NULL;
    result = 0;
done:
    cw_dictionary_close(o);
    return result;
}

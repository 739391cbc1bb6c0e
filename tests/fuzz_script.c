/* Any bytes: the parser refuses them with a message, or takes them and its print is a fixed point. */
#include "dialogue/script.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int ok) {
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cw_script a = {0}, b = {0}, c = {0};
    struct cw_text one = {0}, two = {0};
    struct cw_error err = {0};
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    /* the whole input as a turn of the writer, and as a cast of the command line */
    if (cw_script_parse_cast(&c, "A=x,B=y", &err) == 0 && cw_script_add_segment(&c, "h", &err) == 0 &&
        cw_script_add_turn(&c, 1, text, &err) == 0) {
        need(cw_script_print(&c, &one, &err) == 0);
        need(cw_script_parse(&b, "turn", one.data, one.len, &err) == 0);
        cw_script_free(&b);
        cw_text_clear(&one);
    }
    if (cw_script_parse_cast(&c, text, &err) != 0) {
        need(err.code == CW_BAD_INPUT && strchr(err.text, '\n') == NULL);
    }
    /* and as a script */
    if (cw_script_parse(&a, "fuzz", (const char *)data, size, &err) != 0) {
        need(err.code == CW_BAD_INPUT && strncmp(err.text, "fuzz:", 5) == 0 && strchr(err.text, '\n') == NULL);
    } else {
        need(cw_script_print(&a, &one, &err) == 0);
        need(cw_script_parse(&b, "print", one.data, one.len, &err) == 0);
        need(cw_script_print(&b, &two, &err) == 0);
        need(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
        need(cw_script_turns(&a) == cw_script_turns(&b));
    }
    cw_script_free(&a);
    cw_script_free(&b);
    cw_script_free(&c);
    cw_text_free(&one);
    cw_text_free(&two);
    free(text);
    return 0;
}

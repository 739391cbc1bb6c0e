/* Fuzzes what reads documents: Markdown, subtitles, plain text and HTML to paragraphs, sentences, figures and names. */
#include "dialogue/claims.h"
#include "dialogue/source.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool ok) {
    if (!ok) {
        abort();
    }
}

static void sentences(const char *text) {
    struct claim claims[8];
    for (const char *p = text; *p != '\0';) {
        size_t n = source_sentence(p);
        need(n > 0 && n <= strlen(p));
        p += n;
        p += strspn(p, " ");
    }
    int figures = claims_figures(text, claims, 8);
    for (int i = 0; i < figures && i < 8; i++) {
        need(claims[i].figure && claims[i].text[0] != '\0' && claims_found(&claims[i], text));
    }
    int names = claims_names(text, claims, 8);
    for (int i = 0; i < names && i < 8; i++) {
        need(!claims[i].figure && claims[i].text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cw_error err = {0};
    struct cw_text out = {0};
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    source_plain(text, &out);
    source_markdown(text, &out);
    source_subtitles(text, &out);
    cw_text_add(&out, "");
    need(!out.failed);
    sentences(out.data);
    cw_text_clear(&out);
    if (source_html(text, size, NULL, &out, "fuzz", &err) == 0) {
        cw_text_add(&out, "");
        need(cw_utf8_invalid(out.data, out.len) < 0);
    }
    cw_text_free(&out);
    free(text);
    return 0;
}

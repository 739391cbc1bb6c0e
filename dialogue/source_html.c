/* HTML -> paragraphs, through libxml2: what is read in a page, without its menus, scripts and footers. */
#include "dialogue/source.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <libxml/HTMLparser.h>

static bool one_of(const xmlChar *name, const char *const *list) {
    for (; *list != NULL; list++) {
        if (strcasecmp((const char *)name, *list) == 0) {
            return true;
        }
    }
    return false;
}

static const char *const skipped[] = {"script", "style", "nav",    "header",   "footer", "aside",  "noscript", "template",
                                      "svg",    "form",  "button", "select",   "iframe", "object", "canvas",   "audio",
                                      "video",  "math",  "head",   "textarea", "sup",    NULL};
static const char *const blocks[] = {"p",       "div",        "section", "article", "main",    "li",      "ul",         "ol", "table",
                                     "tr",      "blockquote", "pre",     "dl",      "dt",      "dd",      "figcaption", "br", "hr",
                                     "address", "figure",     "caption", "body",    "details", "summary", "td",         "th", NULL};

static bool is_heading(const xmlChar *n) {
    return (n[0] == 'h' || n[0] == 'H') && n[1] >= '1' && n[1] <= '6' && n[2] == '\0';
}

static bool hidden(xmlNode *n) {
    bool is = xmlHasProp(n, BAD_CAST "hidden") != NULL;
    xmlChar *role = xmlGetProp(n, BAD_CAST "role"), *aria = xmlGetProp(n, BAD_CAST "aria-hidden");
    is = is || (role != NULL && (strcmp((char *)role, "navigation") == 0 || strcmp((char *)role, "banner") == 0)) ||
         (aria != NULL && strcmp((char *)aria, "true") == 0);
    xmlFree(role);
    xmlFree(aria);
    return is;
}

/* The first element of that name under `from`, in document order; no recursion, pages can be deep. */
static xmlNode *find(xmlNode *from, const char *name) {
    for (xmlNode *n = from; n != NULL;) {
        if (n->type == XML_ELEMENT_NODE && strcasecmp((const char *)n->name, name) == 0) {
            return n;
        }
        xmlNode *next = n->children != NULL && n->type == XML_ELEMENT_NODE ? n->children : NULL;
        while (next == NULL && n != NULL && n != from) {
            next = n->next;
            n = next == NULL ? n->parent : n;
        }
        if (n == from && next == NULL) {
            return NULL;
        }
        n = next;
    }
    return NULL;
}

static void add_words(struct cw_text *out, const char *s) {
    for (; *s != '\0'; s++) {
        bool blank = *s == ' ' || *s == '\n' || *s == '\r' || *s == '\t';
        if (!blank) {
            cw_text_add_char(out, *s);
        } else if (out->len > 0 && out->data[out->len - 1] != ' ' && out->data[out->len - 1] != '\n') {
            cw_text_add_char(out, ' ');
        }
    }
}

static void walk(xmlNode *root, struct cw_text *out) {
    for (xmlNode *n = root; n != NULL && !out->failed;) {
        bool element = n->type == XML_ELEMENT_NODE, into = element && (n == root || (!one_of(n->name, skipped) && !hidden(n)));
        if (element && is_heading(n->name) && into) {
            cw_text_add(out, "\n\n# ");
        } else if (element && one_of(n->name, blocks)) {
            cw_text_add(out, "\n\n");
        }
        if (n->type == XML_TEXT_NODE && n->content != NULL) {
            add_words(out, (const char *)n->content);
        }
        xmlNode *next = into ? n->children : NULL;
        while (next == NULL) {
            if (element && (is_heading(n->name) || one_of(n->name, blocks))) {
                cw_text_add(out, "\n\n");
            }
            if (n == root) {
                return;
            }
            next = n->next;
            if (next == NULL) {
                n = n->parent;
                element = true;
            }
        }
        n = next;
    }
}

int source_html(const char *data, size_t len, const char *type, struct cw_text *out, const char *name, struct cw_error *err) {
    int result = -1;
    char charset[40] = "";
    const char *c = type != NULL ? strcasestr(type, "charset=") : NULL;
    if (c != NULL) {
        c += 8 + (c[8] == '"');
        snprintf(charset, sizeof charset, "%.*s", (int)strcspn(c, "\"; "), c);
    } else if (cw_utf8_invalid(data, len) < 0) {
        snprintf(charset, sizeof charset, "utf-8");
    }
    if (len > INT32_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a page of at most %d bytes; found %zu", name, INT32_MAX, len);
    }
    htmlDocPtr doc = htmlReadMemory(data, (int)len, NULL, charset[0] != '\0' ? charset : NULL,
                                    HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET);
    xmlNode *root = doc != NULL ? xmlDocGetRootElement(doc) : NULL;
    if (root == NULL) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected HTML; found nothing that can be read as such", name);
        goto done;
    }
    xmlNode *best = find(root, "main");
    best = best != NULL ? best : find(root, "article");
    size_t before = out->len;
    walk(best != NULL ? best : root, out);
    if (best != NULL && out->len - before < 400) { /* a page whose "main" is an empty shell */
        walk(root, out);
    }
    result = cw_text_check(out, name, err);
done:
    xmlFreeDoc(doc);
    return result;
}

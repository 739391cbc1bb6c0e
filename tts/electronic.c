/* Addresses of the network and of files ─▶ spoken words: example.com/path, name@example.org, https://…, report.pdf, C:\Users; @handles and
 * #hashtags. */
#include "tts/atoms.h"

#include <string.h>

#define MOST 200 /* atoms of one address */

static const char *sign_name(uint32_t mark) {
    switch (mark) {
    case '.':
        return "dot";
    case '@':
        return "at";
    case '/':
        return "slash";
    case '\\':
        return "backslash";
    case '-':
        return "dash";
    case '_':
        return "underscore";
    case ':':
        return "colon";
    case '?':
        return "question mark";
    case '=':
        return "equals";
    case '&':
        return "ampersand";
    case '#':
        return "hash";
    case '%':
        return "percent";
    case '+':
        return "plus";
    case '~':
        return "tilde";
    default:
        return NULL;
    }
}

/* What an address or a file name may end in, after its dot. */
static bool known_end(const struct reader *r, size_t i) {
    static const char *const ends[] = {
        "com",  "org",    "net",  "edu",  "gov", "mil",  "int", "info", "biz",  "io",   "ai",    "co",     "uk",   "de",   "fr",
        "eu",   "dev",    "app",  "tv",   "me",  "ly",   "us",  "ca",   "fm",   "gg",   "xyz",   "it",     "es",   "nl",   "ch",
        "at",   "au",     "nz",   "jp",   "cn",  "in",   "br",  "ru",   "se",   "no",   "dk",    "ie",     "pl",   "be",   "za",
        "mx",   "kr",     "to",   "cc",   "sh",  "so",   "am",  "blog", "news", "shop", "store", "online", "site", "tech", "cloud",
        "live", "social", "html", "htm",  "pdf", "txt",  "py",  "js",   "ts",   "jsx",  "tsx",   "md",     "exe",  "json", "yaml",
        "yml",  "toml",   "csv",  "tsv",  "xml", "zip",  "tar", "gz",   "mp3",  "mp4",  "wav",   "flac",   "ogg",  "png",  "jpg",
        "jpeg", "gif",    "svg",  "webp", "doc", "docx", "xls", "xlsx", "ppt",  "pptx", "css",   "php",    "cpp",  "rs",   "go",
        "java", "sql",    "log",  "cfg",  "ini", "conf", "bat", "dll",  "dmg",  "iso",  "apk",   "gguf",   "sm",   NULL};
    static const char *const words[] = {"me",   "to",    "so",   "am", "in",  "at",  "it",   "no",     "be",  "us", "live", "social",
                                        "news", "store", "shop", "go", "log", "int", "site", "online", "doc", "es", NULL};
    static const char *const letters[] = {"c", "h", NULL};
    const struct atom *a = atom_at(r, i);
    if (a->kind != ATOM_WORD || a->length > 6) {
        return false;
    }
    /* words of every day: only in small letters after a name in small letters, and not at the sentence's start */
    if (atom_in(r, i, words)) {
        return !atom_capital(r, i - 2);
    }
    return (atom_in_any_case(r, i, ends) && !(atom_capital(r, i) && !atom_capitals(r, i))) ||
           (atom_in(r, i, letters) && atom_at(r, i - 2)->length > 1);
}

static bool no_vowel(const char *s, size_t n) {
    for (size_t k = 0; k < n; k++) {
        if (strchr("aeiouyAEIOUY", s[k])) {
            return false;
        }
    }
    return true;
}

static bool spelt(const struct reader *r, size_t k, bool after_dot) {
    static const char *const letters[] = {"www", "html", "https", "http", "css", "php", "pdf", "csv", "sql",
                                          "io",  "ai",   "uk",    "eu",   "tv",  "fm",  "us",  "ca",  "de",
                                          "fr",  "it",   "es",    "au",   "py",  "exe", "gif", "xml", NULL};
    static const char *const said[] = {"com", "co", "me", "ly", "gov", NULL};
    const struct atom *a = atom_at(r, k);
    if (atom_in_any_case(r, k, said)) {
        return false;
    }
    return (a->length > 1 && a->length <= 4 && no_vowel(r->text + a->offset, a->length)) || (after_dot && a->length == 2) ||
           (atom_in_any_case(r, k, letters) && (after_dot || a->length >= 3));
}

/* Digits of a name: a year as one, others one by one. */
static void say_digits_of(struct reader *r, size_t k, bool handle) {
    const char *d = atom_text(r, k);
    size_t n = atom_at(r, k)->length;
    if (n == 4 && ((d[0] == '1' && d[1] == '9') || (d[0] == '2' && d[1] == '0'))) {
        say_year(r, small_int(d, n));
    } else if (handle && n <= 2 && d[0] != '0') {
        cw_say_cardinal(&r->words, d, n, CW_AND_NONE);
    } else {
        cw_say_digits(&r->words, d, n);
    }
    speak_scratch(r, k, k + 1);
}

/* "ThrowbackThursday" ─▶ "Throwback Thursday"; "NASAWebb" ─▶ "NASA Webb"; "NeMo" and "iPhone" stay one word. */
static void speak_split(struct reader *r, size_t i, int flags) {
    const struct atom *a = atom_at(r, i);
    const char *s = r->text + a->offset;
    size_t part = 0; /* where the word at hand starts */
    for (size_t k = 0; k < a->length; k++) {
        bool upper = s[k] >= 'A' && s[k] <= 'Z', before_lower = k > 0 && s[k - 1] >= 'a' && s[k - 1] <= 'z';
        bool after_lower = k + 1 < a->length && s[k + 1] >= 'a' && s[k + 1] <= 'z';
        bool before_upper = k > 0 && s[k - 1] >= 'A' && s[k - 1] <= 'Z';
        if (k >= part + 3 && k + 3 <= a->length && upper && (before_lower || (before_upper && after_lower))) {
            cw_text_add_char(&r->words, ' ');
            part = k;
        }
        cw_text_add_char(&r->words, s[k]);
    }
    if (!r->words.failed && r->words.len) {
        speak(r, r->words.data, i, i + 1, flags);
    }
    cw_text_clear(&r->words);
}

static bool part(const struct reader *r, size_t k) {
    return atom_at(r, k)->kind == ATOM_WORD || atom_at(r, k)->kind == ATOM_NUMBER;
}

size_t read_address(struct reader *r, size_t i) {
    size_t end = i, dots = 0, slashes = 0;
    bool known = false, at = false, scheme = false, dotted_after_at = false;
    if (i > 0 && !atom_at(r, i)->space && (part(r, i - 1) || atom_mark(r, i - 1, '@'))) {
        return i; /* not its start */
    }
    bool path = atom_mark(r, i, '/') ||
                ((atom_mark(r, i, '~') || atom_mark(r, i, '.')) && atom_joined_mark(r, i + 1, '/') && !atom_at(r, i + 2)->space);
    bool hidden = atom_mark(r, i, '.') && atom_at(r, i)->space && atom_joined(r, i + 1, ATOM_WORD) &&
                  (atom_lower(r, i + 1) || atom_is(r, i + 1, "NET")) && !atom_joined_mark(r, i + 2, '@');
    if (!part(r, i) && !(path && (atom_at(r, i)->space)) && !hidden) {
        return i;
    }
    for (; end < i + MOST && end < r->atom_count && (end == i || !atom_at(r, end)->space); end++) {
        const struct atom *a = atom_at(r, end);
        if (part(r, end)) {
            known = known || (dots && end > i + 1 && atom_mark(r, end - 1, '.') && part(r, end - 2) && known_end(r, end) &&
                              !atom_joined_mark(r, end + 1, '\''));
            dotted_after_at = dotted_after_at || (at && dots && atom_mark(r, end - 1, '.'));
        } else if (a->kind != ATOM_MARK || !sign_name(a->mark)) {
            break;
        } else {
            dots += a->mark == '.';
            slashes += a->mark == '/' || a->mark == '\\';
            at = at || (a->mark == '@' && end > i);
            scheme = scheme || (a->mark == ':' && end == i + 1 && atom_joined_mark(r, end + 1, '/') && atom_joined_mark(r, end + 2, '/')) ||
                     (a->mark == ':' && end == i + 1 && atom_at(r, i)->length == 1 && atom_joined_mark(r, end + 1, '\\')) ||
                     (a->mark == '.' && end == i + 1 && atom_is_any_case(r, i, "www"));
        }
    }
    /* the sentence's own marks at the end */
    while (end > i && atom_at(r, end - 1)->kind == ATOM_MARK && atom_at(r, end - 1)->mark != '/') {
        end--;
    }
    bool last_slash = end > i && atom_mark(r, end - 1, '/');
    hidden = hidden && end > i + 1 && !(end == i + 2 && atom_at(r, i + 1)->length < 2);
    if (end < i + 2 || !(scheme || known || dotted_after_at || (path && (slashes >= 2 || !atom_mark(r, i, '/'))) || hidden)) {
        return i;
    }
    if (!scheme && !path && !hidden && !at && !dots) {
        return i;
    }
    for (size_t k = i; k < end; k++) {
        if (atom_at(r, k)->kind == ATOM_WORD) {
            bool spell = spelt(r, k, k > i && atom_mark(r, k - 1, '.'));
            speak_split(r, k, CW_TOKEN_PLAIN | (spell ? CW_TOKEN_SPELL : 0));
        } else if (atom_at(r, k)->kind == ATOM_NUMBER) {
            say_digits_of(r, k, false);
        } else if (!(last_slash && k + 1 == end && k > i)) {
            speak(r, sign_name(atom_at(r, k)->mark), k, k + 1, CW_TOKEN_PLAIN);
        }
    }
    return end;
}

size_t read_handle(struct reader *r, size_t i) {
    bool hash = atom_mark(r, i, '#');
    if (!(hash || atom_mark(r, i, '@')) || (i > 0 && !atom_at(r, i)->space && part(r, i - 1))) {
        return i;
    }
    size_t end = i + 1;
    bool letters = false;
    while (end < i + MOST && !atom_at(r, end)->space && (part(r, end) || (atom_mark(r, end, '_') && !atom_at(r, end + 1)->space))) {
        letters = letters || atom_at(r, end)->kind == ATOM_WORD;
        end++;
    }
    if (end == i + 1 || !letters) {
        return i;
    }
    speak(r, hash ? "hashtag" : "at", i, i + 1, CW_TOKEN_PLAIN);
    for (size_t k = i + 1; k < end; k++) {
        if (atom_at(r, k)->kind == ATOM_WORD) {
            speak_split(r, k, 0);
        } else if (atom_at(r, k)->kind == ATOM_NUMBER) {
            say_digits_of(r, k, true);
        } else {
            speak(r, "underscore", k, k + 1, CW_TOKEN_PLAIN);
        }
    }
    return end;
}

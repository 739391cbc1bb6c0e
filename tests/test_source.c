/* Sources: every kind gives its text, bad ones are refused by name, passages are found, pages are fetched within limits. */
#include "dialogue/http.h"
#include "dialogue/source.h"
#include "dialogue/writer.h"
#include "tests/test.h"
#include "tests/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct cw_test cw_tests_source[];

static const char *put(const char *name, const char *text, size_t len) {
    static char path[CW_PATH_MAX];
    struct cw_error err = {0};
    CHECK(cw_path_join(path, cw_test_dir(), name, &err) == 0);
    CHECKF(cw_file_write(path, text, len, &err) == 0, "%s", err.text);
    return path;
}

/* The text of a one-file source, all its passages joined. */
static void expect(const char *name, const char *bytes, size_t len, const char *want, const char *heading) {
    struct cw_sources s = {0};
    struct cw_error err = {0};
    struct cw_text all = {0};
    len = len == 0 ? strlen(bytes) : len;
    if (CHECKF(cw_sources_add(&s, put(name, bytes, len), cw_source_params_default(), &err) == 0, "%s: %s", name, err.text)) {
        for (int i = 0; i < s.count; i++) {
            cw_text_printf(&all, "%s%s", i > 0 ? "|" : "", s.passages[i].text);
            CHECK_STR(s.passages[i].source, name);
            CHECK(s.passages[i].number == i + 1);
        }
        CHECK_STR(all.data, want);
        if (heading != NULL) {
            CHECK_STR(s.headings[s.count - 1], heading);
        }
    }
    cw_text_free(&all);
    cw_sources_free(&s);
}

#define PDF_HEAD                                                                                                                           \
    "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"                             \
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n"                       \
    "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
#define PDF_TEXT                                                                                                                           \
    "4 0 obj<</Length 120>>stream\nBT /F 12 Tf 50 700 Td (The Moon pulls at the wa-) Tj 0 -14 Td (ter, and the sea follows it.) Tj ET"     \
    "                              \nendstream endobj\n"

static void test_kinds(void) {
    static const char pdf[] = PDF_HEAD PDF_TEXT "trailer<</Root 1 0 R>>\n";
    static const char md[] =
        "---\ntitle: x\n---\n# The *tides*\n\nThe sea [rises](http://x) twice ![img](y) a **day**.\n\n```\ncode();\n```\n"
        "- It falls, too.\n\n| a | b |\n|---|---|\n";
    static const char html[] =
        "<!doctype html><html><head><title>T</title><style>x{}</style></head><body><nav>Menu here</nav><h2>Tides</h2>"
        "<p>The sea rises<br>twice&nbsp;a day &amp; falls.</p><script>alert(1)</script><p>Caf\xC3\xA9 owners know.</p>"
        "<footer>Imprint</footer></body></html>";
    static const char srt[] = "1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>The sea rises</i>\r\n\r\n2\r\n00:00:02,000 --> 00:00:03,000\r\n"
                              "The sea rises\r\ntwice a day.\r\n";
    static const char vtt[] = "WEBVTT\nKind: captions\n\nNOTE a remark\n\n00:01.000 --> 00:02.000\n<v Maya>The sea rises\n\n00:02.000 --> "
                              "00:03.000\ntwice a day.\n";
    expect("a.txt", "The sea rises.\r\n It  falls\tagain.\n", 0, "The sea rises. It falls again.", "");
    expect("caps.txt", "LECTURE I. THE SEA\n\nIt rises and falls twice a day.\n", 0, "It rises and falls twice a day.",
           "LECTURE I. THE SEA");
    expect("latin.txt", "Caf\xE9 owners \x93know\x94 the sea.\n", 0, "Caf\xC3\xA9 owners \xE2\x80\x9Cknow\xE2\x80\x9D the sea.", NULL);
    expect("hidden.txt", "The sea\xE2\x80\x8B rises \xE2\x80\xAEtwice a day.", 0, "The sea rises twice a day.", NULL);
    expect("a.md", md, sizeof md - 1, "The sea rises twice a day. It falls, too. , a , b ,", "The tides");
    expect("a.html", html, sizeof html - 1, "The sea rises twice a day & falls. Caf\xC3\xA9 owners know.", "Tides");
    expect("a.srt", srt, sizeof srt - 1, "The sea rises twice a day.", NULL);
    expect("a.vtt", vtt, sizeof vtt - 1, "The sea rises twice a day.", NULL);
    expect("a.pdf", pdf, sizeof pdf - 1, "The Moon pulls at the water, and the sea follows it.", NULL);
}

static void test_refusals(void) {
    static const char locked[] = PDF_HEAD PDF_TEXT "6 0 obj<</Filter/Standard/V 1/R 2/Length 40/P -4/O(01234567890123456789012345678901)"
                                                   "/U(01234567890123456789012345678901)>>endobj\n"
                                                   "trailer<</Root 1 0 R/Encrypt 6 0 R/ID[(0123456789abcdef)(0123456789abcdef)]>>\n";
    static const char scan[] = PDF_HEAD "4 0 obj<</Length 0>>stream\n\nendstream endobj\ntrailer<</Root 1 0 R>>\n";
    static const struct {
        const char *name, *bytes;
        size_t len;
        const char *says;
    } cases[] = {
        {"locked.pdf", locked, sizeof locked - 1, "encrypted"},
        {"scan.pdf", scan, sizeof scan - 1, "scan"},
        {"damaged.pdf", "%PDF-1.4\nnothing of the kind", 28, "damaged"},
        {"not.pdf", "<html>an error page, not a file</html>", 38, "PDF"},
        {"binary.txt",
         "\x7F"
         "ELF\0\0\0\0 and so on and on and on",
         32, "binary"},
        {"empty.txt", "", 0, "none"},
        {"image.md", "![nothing](but-an-image.png)", 28, "none"},
    };
    struct cw_sources s = {0};
    struct cw_error err = {0};
    struct cw_source_params p = cw_source_params_default();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_REFUSED(cw_sources_add(&s, put(cases[i].name, cases[i].bytes, cases[i].len), p, &err), &err, cases[i].name, cases[i].says);
        CHECKF(err.code == CW_BAD_INPUT, "%s: code %d", cases[i].name, err.code);
    }
    CHECK_REFUSED(cw_sources_add(&s, "/nonexistent/x.md", p, &err), &err, "/nonexistent/x.md");
    CHECK(err.code == CW_BAD_INPUT);
    CHECK_REFUSED(cw_sources_add(&s, "ftp://example.org/x", p, &err), &err, "http");
    CHECK_REFUSED(cw_sources_add(&s, "/dev/null", p, &err), &err, "regular");
    /* two gigabytes, of which nothing is read */
    const char *big = put("big.txt", "x", 1);
    CHECK(truncate(big, (off_t)2 << 30) == 0);
    double start = cw_seconds();
    CHECK_REFUSED(cw_sources_add(&s, big, p, &err), &err, "big.txt", "33554432");
    CHECK(err.code == CW_BAD_INPUT && cw_seconds() - start < 2);
    unlink(big);
    cw_sources_free(&s);
}

/* A folder: known kinds only, in order, subfolders too; passages end at headings and stay short. */
static void test_folder(void) {
    struct cw_sources s = {0};
    struct cw_error err = {0};
    char dir[CW_PATH_MAX], path[CW_PATH_MAX];
    struct cw_text text = {0};
    CHECK_REFUSED(cw_sources_add(&s, cw_test_dir(), cw_source_params_default(), &err), &err, "folder", "none");
    CHECK(cw_path_join(dir, cw_test_dir(), "sub", &err) == 0 && cw_dir_make(dir, &err) == 0);
    cw_text_add(&text, "# One\n\n");
    for (int i = 0; i < 60; i++) {
        cw_text_printf(&text, "Sentence number %d of Dr. Smith's text has nine words. ", i);
    }
    cw_text_add(&text, "\n\n# Two\n\nThe last part is short, and stands alone.\n");
    put("b.md", text.data, text.len);
    put("a.txt", "The first file comes first, as its name does.", 45);
    put("c.png", "no", 2);
    put(".hidden.txt", "This one is never read by anybody.", 34);
    CHECK(cw_path_join(path, dir, "d.txt", &err) == 0 && cw_file_write(path, "A file in a folder inside the folder.", 37, &err) == 0);
    if (CHECKF(cw_sources_add(&s, cw_test_dir(), cw_source_params_default(), &err) == 0, "%s", err.text)) {
        CHECK(s.name_count == 3 && s.count > 5);
        CHECK_STR(s.passages[0].source, "a.txt");
        CHECK_STR(s.passages[s.count - 1].source, "sub/d.txt");
        CHECK_STR(s.passages[s.count - 2].text, "The last part is short, and stands alone.");
        CHECK_STR(s.headings[s.count - 2], "Two");
        for (int i = 1; i < s.count - 2; i++) {
            size_t n = strlen(s.passages[i].text);
            CHECKF(n > 60 && n < 900 && s.passages[i].text[n - 1] == '.', "passage %d of %zu bytes", i, n);
            CHECK_STR(s.headings[i], "One");
        }
    }
    cw_text_free(&text);
    cw_sources_free(&s);
}

/* Questions find the passage that answers them, in other words than its own where they share some. */
static void test_find(void) {
    static const char *const passages[] = {
        "The Moon's gravity raises two bulges of water, and the Earth turns beneath them.",
        "Honey bees dance to tell the hive where flowers stand and how far away they are.",
        "Bread goes stale because starch forms crystals, which heat can melt again.",
        "A candle draws melted wax up its wick, where the heat of the flame turns it to vapour.",
        "Glaciers carry stones for miles and leave them where the ice melts.",
        "Spring tides come at full and new moon, when Sun and Moon pull in one line.",
        "The sea stores far more heat than the air above it.",
        "Rome's concrete hardened in sea water because of volcanic ash.",
    };
    static const struct {
        const char *question;
        int best;
    } cases[] = {
        {"Why does old bread get stale, and can you undo it?", 2},
        {"How do bees tell each other about a flower?", 1},
        {"What happens to the wax of a candle?", 3},
        {"When are spring tides, and why?", 5},
        {"What did the Romans put in concrete?", 7},
        {"Who moves the stones, and how far do glaciers carry them?", 4},
        {"How much heat does the sea store?", 6},
        {"Does the moon's gravity raise the water?", 0},
    };
    struct cw_sources s = {0};
    struct cw_error err = {0};
    struct cw_text text = {0};
    unsigned char used[8] = {0};
    int found[3];
    for (size_t i = 0; i < 8; i++) {
        cw_text_printf(&text, "# Part\n\n%s\n\n", passages[i]);
    }
    if (!CHECKF(cw_sources_add(&s, put("p.md", text.data, text.len), cw_source_params_default(), &err) == 0, "%s", err.text) ||
        !CHECK(s.count == 8)) {
        goto done;
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int n = cw_sources_find(&s, cases[i].question, NULL, found, 3, &err);
        CHECKF(n > 0 && found[0] == cases[i].best, "%s: found passage %d", cases[i].question, n > 0 ? found[0] : -1);
    }
    used[5] = 3; /* taken before: another one has its turn */
    CHECK(cw_sources_find(&s, "When are spring tides, and why does the moon pull?", used, found, 3, &err) > 1 && found[0] != 5);
    CHECK(cw_sources_find(&s, "xylophone quartz", NULL, found, 3, &err) == 0);
done:
    cw_text_free(&text);
    cw_sources_free(&s);
}

static void test_addresses(void) {
    static const struct {
        const char *address;
        bool open;
    } cases[] = {
        {"127.0.0.1", false},
        {"10.1.2.3", false},
        {"172.16.0.1", false},
        {"172.32.0.1", true},
        {"192.168.1.1", false},
        {"169.254.169.254", false},
        {"100.64.0.1", false},
        {"0.0.0.0", false},
        {"224.0.0.1", false},
        {"255.255.255.255", false},
        {"8.8.8.8", true},
        {"93.184.216.34", true},
        {"::1", false},
        {"::", false},
        {"fe80::1", false},
        {"fd00::1", false},
        {"ff02::1", false},
        {"2606:4700::1", true},
        {"::ffff:127.0.0.1", false},
        {"::ffff:8.8.8.8", true},
        {"64:ff9b::a00:1", false},
        {"2002:7f00:1::", false},
        {"::7f00:1", false},
        {"198.18.0.1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        bool six = strchr(cases[i].address, ':') != NULL;
        CHECK(inet_pton(six ? AF_INET6 : AF_INET, cases[i].address, six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) == 1);
        CHECKF(http_address_public(six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4) == cases[i].open, "%s", cases[i].address);
    }
    struct sockaddr local = {.sa_family = AF_UNIX};
    CHECK(!http_address_public(&local));
}

static void pages(void *arg, int fd, const char *request, int number) {
    (void)arg;
    (void)number;
    if (strncmp(request, "GET /page", 9) == 0) {
        test_server_say(fd, "200 OK", "Content-Type: text/html; charset=iso-8859-1\r\n",
                        "<h1>Sea</h1><p>Caf\xE9 owners watch the sea rise.</p>");
    } else if (strncmp(request, "GET /once", 9) == 0) {
        test_server_say(fd, "302 Found", "Location: /page\r\n", "");
    } else if (strncmp(request, "GET /loop", 9) == 0) {
        test_server_say(fd, "302 Found", "Location: /loop\r\n", "");
    } else if (strncmp(request, "GET /file", 9) == 0) {
        test_server_say(fd, "302 Found", "Location: file:///etc/passwd\r\n", "");
    } else if (strncmp(request, "GET /image", 10) == 0) {
        test_server_say(fd, "200 OK", "Content-Type: image/png\r\n", "not text at all, is it, no it is not");
    } else if (strncmp(request, "GET /endless", 12) == 0) {
        char block[4097];
        memset(block, 'a', 4096);
        block[4096] = '\0';
        test_server_write(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
        for (int i = 0; i < 64; i++) {
            test_server_write(fd, block);
        }
    } else if (strncmp(request, "GET /slow", 9) == 0) {
        test_server_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        usleep(900000);
    } else {
        test_server_say(fd, "404 Not Found", "", "no");
    }
}

static void test_pages(void) {
    struct test_server *server = test_server_start(pages, NULL);
    struct cw_error err = {0};
    struct cw_sources s = {0};
    struct cw_source_params p = cw_source_params_default();
    char url[100];
    if (!CHECK(server != NULL)) {
        return;
    }
#define URL(path) (snprintf(url, sizeof url, "http://127.0.0.1:%d%s", test_server_port(server), path), url)
    CHECK_REFUSED(cw_sources_add(&s, URL("/page"), p, &err), &err, "private network", "--allow-local");
    CHECK_REFUSED(cw_sources_add(&s, "http://localhost:9/", p, &err), &err, "--allow-local");
    CHECK(err.code == CW_BAD_INPUT && test_server_requests(server) == 0);
    p.allow_local = true;
    p.bytes = 100000;
    p.seconds = 0.5;
    CHECKF(cw_sources_add(&s, URL("/once"), p, &err) == 0 && s.count == 1, "%s", err.text);
    if (s.count == 1) {
        CHECK_STR(s.passages[0].text, "Caf\xC3\xA9 owners watch the sea rise.");
        CHECK_STR(s.passages[0].source, url);
    }
    CHECK_REFUSED(cw_sources_add(&s, URL("/loop"), p, &err), &err, "/loop", "redirects");
    CHECK(err.code == CW_BAD_INPUT);
    CHECK_REFUSED(cw_sources_add(&s, URL("/file"), p, &err), &err, "/file");
    CHECK_REFUSED(cw_sources_add(&s, URL("/image"), p, &err), &err, "/image", "image/png");
    CHECK_REFUSED(cw_sources_add(&s, URL("/missing"), p, &err), &err, "404");
    CHECK_REFUSED(cw_sources_add(&s, URL("/endless"), p, &err), &err, "100000");
    CHECK_REFUSED(cw_sources_add(&s, URL("/slow"), p, &err), &err, "in time");
    CHECK(s.count == 1);
    cw_sources_free(&s);
    test_server_stop(server);
}

/* A second page that takes for ever: forms within forms, each shown ten times. What came of the first is no document. */
static void test_pdf_part(void) {
    struct cw_text pdf = {0};
    char path[CW_PATH_MAX];
    struct cw_error err = {0};
    static const char line[] = "BT /F 12 Tf 50 700 Td (The Moon pulls at the water.) Tj ET";
    cw_text_printf(&pdf,
                   "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R 6 0 R]/Count 2>>endobj\n"
                   "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
                   "4 0 obj<</Length %zu>>stream\n%s\nendstream endobj\n5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
                   "6 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 7 0 R/Resources<</XObject<</X 10 0 R>>>>>>endobj\n"
                   "7 0 obj<</Length 5>>stream\n/X Do\nendstream endobj\n",
                   sizeof line - 1, line);
    for (int i = 10; i < 22; i++) {
        cw_text_printf(&pdf,
                       "%d 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>/Length 60>>stream\n"
                       "/X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do \nendstream endobj\n",
                       i, i + 1);
    }
    cw_text_add(&pdf,
                "22 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 7>>stream\n0 0 m n\nendstream endobj\ntrailer<</Root 1 0 R>>\n");
    CHECK(cw_path_join(path, cw_test_dir(), "part.pdf", &err) == 0 && cw_file_write(path, pdf.data, pdf.len, &err) == 0);
    pid_t pid = fork();
    if (pid == 0) { /* whose reader may take a second of the processor */
        struct rlimit one = {1, 1};
        struct cw_sources sources = {0};
        setrlimit(RLIMIT_CPU, &one);
        int status = cw_sources_add(&sources, path, cw_source_params_default(), &err);
        _exit(status == 0 ? 1 : err.code != CW_BAD_INPUT ? 2 : strstr(err.text, "stopped at page 2") == NULL ? 3 : 0);
    }
    int status = -1;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == 0, "ended with %x", (unsigned)status);
    cw_text_free(&pdf);
}

const struct cw_test cw_tests_source[] = {
    {"source.pdf_part", "a PDF whose reading stops in the middle is refused with the page, not taken in part", test_pdf_part},
    {"source.kinds", "text, Markdown, HTML, PDF and subtitles give their words and headings, and nothing else", test_kinds},
    {"source.refusals", "encrypted, scanned, damaged, binary, empty, missing and huge files are refused by name", test_refusals},
    {"source.folder", "a folder's files come in order, passages stay short and under their heading", test_folder},
    {"source.find", "a question finds the passage that answers it; one used before steps back", test_find},
    {"source.addresses", "addresses of this machine and of private networks are known as such, however written", test_addresses},
    {"source.pages", "a page comes within limits of size, time and redirects, never from a local address unasked", test_pages},
    {0},
};

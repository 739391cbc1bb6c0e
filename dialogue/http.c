/* HTTP through libcurl, the only file that knows it.
 *
 *   URL ─▶ http or https only ─▶ name resolved ─▶ address looked at just before connecting ─▶ body, within limits of size and time */
#include "dialogue/http.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

enum { REDIRECTS = 5, CONNECT_SECONDS = 10 };

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static void start_curl(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool public_v4(uint32_t a) { /* host order */
    static const struct {
        uint32_t net;
        int bits;
    } closed[] = {{0x00000000, 8},  {0x0A000000, 8},  {0x64400000, 10}, {0x7F000000, 8}, {0xA9FE0000, 16}, {0xAC100000, 12},
                  {0xC0000000, 24}, {0xC0A80000, 16}, {0xC6120000, 15}, {0xE0000000, 4}, {0xF0000000, 4}};
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        if ((a ^ closed[i].net) >> (32 - closed[i].bits) == 0) {
            return false;
        }
    }
    return true;
}

static uint32_t four_bytes(const uint8_t *b) {
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

bool http_address_public(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return public_v4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family != AF_INET6) {
        return false;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof in6);
    const uint8_t *b = in6.sin6_addr.s6_addr;
    static const uint8_t zero[12] = {0}, mapped[12] = {[10] = 0xFF, [11] = 0xFF}, nat64[12] = {0x00, 0x64, 0xFF, 0x9B};
    if (memcmp(b, mapped, 12) == 0 || memcmp(b, nat64, 12) == 0) {
        return public_v4(four_bytes(b + 12));
    }
    if (b[0] == 0x20 && b[1] == 0x02) { /* 6to4: the IPv4 address is inside */
        return public_v4(four_bytes(b + 2));
    }
    if (memcmp(b, zero, 12) == 0) { /* ::, ::1 and the old IPv4-compatible ones */
        return false;
    }
    return (b[0] & 0xE0) == 0x20; /* 2000::/3 is all that is given out */
}

struct transfer {
    CURL *curl;
    struct http_reply *reply;
    const struct http_post *post;
    struct http_limits limits;
    double heard; /* when something last came */
    bool refused_address, too_big, stopped, silent;
};

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a) {
    struct transfer *t = arg;
    (void)purpose;
    if (!t->limits.allow_local && !http_address_public(&a->addr)) {
        t->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* curl's own measure of a slow transfer is a mean over seconds: too blunt for a model that thinks. Called once a second or more often. */
static int on_time(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up) {
    struct transfer *t = arg;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    t->silent = t->limits.quiet_seconds > 0 && cw_seconds() - t->heard > t->limits.quiet_seconds;
    return t->silent;
}

static size_t on_body(char *data, size_t one, size_t n, void *arg) {
    struct transfer *t = arg;
    long status = 0;
    t->heard = cw_seconds();
    n *= one;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (t->reply->body.len + n > t->limits.bytes) {
        t->too_big = true;
        return 0;
    }
    if (t->post != NULL && t->post->piece != NULL && status == 200) {
        t->stopped = !t->post->piece(t->post->arg, data, n);
        return t->stopped ? 0 : n;
    }
    cw_text_add_n(&t->reply->body, data, n);
    return t->reply->body.failed ? 0 : n;
}

static size_t on_header(char *data, size_t one, size_t n, void *arg) {
    struct transfer *t = arg;
    char line[64];
    double seconds;
    t->heard = cw_seconds();
    n *= one;
    if (n > 12 && n < sizeof line && strncasecmp(data, "Retry-After:", 12) == 0) {
        size_t from = 12, to = n;
        while (from < n && data[from] == ' ') {
            from++;
        }
        while (to > from && (data[to - 1] == '\r' || data[to - 1] == '\n' || data[to - 1] == ' ')) {
            to--;
        }
        memcpy(line, data + from, to - from);
        line[to - from] = '\0';
        const time_t date = curl_getdate(line, NULL);
        if (cw_parse_double(line, 0, 1e9, &seconds)) {
            t->reply->retry_after = seconds;
        } else if (date > time(NULL)) { /* an HTTP date; one that is past says nothing */
            t->reply->retry_after = difftime(date, time(NULL));
        }
    }
    return n;
}

/* The options that both kinds of request share; the caller cleans up. */
static CURL *open_transfer(struct transfer *t, const char *url) {
    pthread_once(&curl_once, start_curl);
    CURL *c = t->curl = curl_easy_init();
    if (c == NULL) {
        return NULL;
    }
    t->reply->retry_after = -1;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(c, CURLOPT_USERAGENT, "castwright");
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    if (!t->limits.allow_local) { /* a proxy would connect in our place, to whatever it likes */
        curl_easy_setopt(c, CURLOPT_PROXY, "");
    }
    if (t->limits.seconds > 0) {
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(t->limits.seconds * 1000));
    }
    if (t->limits.quiet_seconds > 0) {
        t->heard = cw_seconds();
        curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_time);
        curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    }
    return c;
}

static int fail_transfer(const struct transfer *t, const char *url, CURLcode code, struct cw_error *err) {
    if (t->refused_address) {
        return cw_fail(
            err, CW_BAD_INPUT,
            "%s: expected an address of the open internet; found one of this machine or a private network (--allow-local lets it)", url);
    }
    if (t->too_big) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected at most %zu bytes; found more", url, t->limits.bytes);
    }
    if (t->silent) {
        return cw_fail(err, CW_FAILED, "%s: no answer in time (silent for %g s)", url, t->limits.quiet_seconds);
    }
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return cw_fail(err, CW_FAILED, "%s: no whole answer in time (%g s)", url,
                       t->limits.seconds > 0 ? t->limits.seconds : (double)CONNECT_SECONDS);
    case CURLE_TOO_MANY_REDIRECTS:
        return cw_fail(err, CW_BAD_INPUT, "%s: expected at most %d redirects; found more", url, REDIRECTS);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return cw_fail(err, CW_BAD_INPUT, "%s: expected an http or https address; found: %s", url, curl_easy_strerror(code));
    case CURLE_OUT_OF_MEMORY:
        return cw_fail_memory(err, url);
    default:
        return cw_fail(err, CW_FAILED, "%s: %s", url, curl_easy_strerror(code));
    }
}

int http_get(const char *url, struct http_limits limits, struct http_reply *reply, struct cw_error *err) {
    int result = -1;
    struct transfer t = {.reply = reply, .limits = limits};
    memset(reply, 0, sizeof *reply);
    CURL *c = open_transfer(&t, url);
    if (c == NULL) {
        return cw_fail_memory(err, url);
    }
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS);
    CURLcode code = curl_easy_perform(c);
    if (code != CURLE_OK) {
        fail_transfer(&t, url, code, err);
        goto done;
    }
    const char *type = NULL;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &reply->status);
    curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    snprintf(reply->type, sizeof reply->type, "%s", type != NULL ? type : "");
    if (reply->status < 200 || reply->status > 299) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a page; found HTTP status %ld", url, reply->status);
        goto done;
    }
    result = cw_text_check(&reply->body, url, err);
done:
    curl_easy_cleanup(c);
    return result;
}

enum http_outcome http_post(const struct http_post *p, struct http_reply *reply, struct cw_error *err) {
    enum http_outcome outcome = HTTP_FAILED;
    struct transfer t = {.reply = reply, .post = p, .limits = p->limits};
    struct curl_slist *headers = NULL;
    struct cw_text auth = {0};
    memset(reply, 0, sizeof *reply);
    CURL *c = open_transfer(&t, p->url);
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Accept: text/event-stream, application/json");
    if (p->bearer != NULL) {
        cw_text_printf(&auth, "Authorization: Bearer %s", p->bearer);
        headers = auth.failed ? NULL : curl_slist_append(headers, auth.data);
    }
    if (c == NULL || headers == NULL) {
        cw_fail_memory(err, p->url);
        goto done;
    }
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, p->body);
    CURLcode code = curl_easy_perform(c);
    long sent = 0;
    curl_easy_getinfo(c, CURLINFO_REQUEST_SIZE, &sent);
    reply->sent = sent > 0;
    if (t.stopped) {
        cw_fail(err, CW_FAILED, "%s: stopped", p->url);
        outcome = HTTP_STOPPED;
    } else if (code != CURLE_OK) {
        fail_transfer(&t, p->url, code, err);
        bool hopeless = t.refused_address || t.too_big || code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
                        code == CURLE_OUT_OF_MEMORY;
        outcome = hopeless ? HTTP_FAILED : HTTP_TRY_AGAIN;
    } else {
        const char *type = NULL;
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &reply->status);
        curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
        snprintf(reply->type, sizeof reply->type, "%s", type != NULL ? type : "");
        outcome = HTTP_DONE;
    }
done:
    if (auth.data != NULL) { /* the key does not stay in memory */
        explicit_bzero(auth.data, auth.cap);
    }
    cw_text_free(&auth);
    curl_slist_free_all(headers);
    if (c != NULL) {
        curl_easy_cleanup(c);
    }
    return outcome;
}

void http_reply_free(struct http_reply *reply) {
    cw_text_free(&reply->body);
}

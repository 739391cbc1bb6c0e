/* HTTP in one place (libcurl): a page fetched within limits, and a request whose reply comes piece by piece. */
#ifndef CW_HTTP_H
#define CW_HTTP_H

#include "base/base.h"

#include <sys/socket.h>

struct http_limits {
    size_t bytes;         /* of the reply */
    double seconds;       /* in all; 0: no limit */
    double quiet_seconds; /* without a byte; 0: no limit */
    bool allow_local;     /* else addresses of this machine and of private networks are refused when connecting */
};
struct http_reply {
    long status;
    char type[128];     /* Content-Type */
    double retry_after; /* seconds from now, told as such or as a date, however many; < 0: not told */
    bool sent;          /* the server may have the request: not when there was no connection */
    struct cw_text body;
};
/* Follows at most five redirects. A reply that is not 2xx is an error that names the status. */
CW_MUST_CHECK int http_get(const char *url, struct http_limits limits, struct http_reply *reply, struct cw_error *err);

struct http_post {
    const char *url, *body, *bearer; /* bearer: a key for "Authorization", or NULL; it is in no message */
    struct http_limits limits;
    /* Called with each piece of the body as it comes; false stops the transfer. May be NULL: then all goes to reply->body. */
    bool (*piece)(void *arg, const char *data, size_t len);
    void *arg;
};
/* What became of a request: whether it is worth another try. */
enum http_outcome { HTTP_DONE, HTTP_STOPPED, HTTP_FAILED, HTTP_TRY_AGAIN };
/* Redirects are not followed: a key goes to nobody else. HTTP_DONE whatever the status; the reply's body holds what did not go to
 * `piece`: only a 200 does. HTTP_TRY_AGAIN: no connection, a time-out, a cut transfer. `err` is set unless HTTP_DONE. */
enum http_outcome http_post(const struct http_post *p, struct http_reply *reply, struct cw_error *err);
void http_reply_free(struct http_reply *reply);

/* An address of the open internet? Loopback, private, link-local, multicast, mapped and reserved ones are not. */
bool http_address_public(const struct sockaddr *address);

#endif

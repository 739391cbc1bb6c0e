/* The proxy: request ─▶ a fault, or the server behind it ─▶ its reply, byte for byte, cut or held up where the fault says so. */
#include "tests/test_faults.h"
#include "tests/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CUT_AFTER = 600 }; /* bytes: some words into the stream */

struct test_faults {
    struct test_server *server;
    int port, every;
    int next; /* fault */
    double pause;
    atomic_int made[FAULTS];
};

static const char *const names[FAULTS] = {[FAULT_429] = "429 with Retry-After",
                                          [FAULT_SLOW] = "slow",
                                          [FAULT_CUT] = "cut",
                                          [FAULT_500] = "500",
                                          [FAULT_HTML] = "HTML",
                                          [FAULT_GARBAGE] = "garbage in the stream",
                                          [FAULT_WRONG] = "a reply that is no JSON"};

/* The server's reply goes through; at most `most` bytes of it when that is > 0; held up by `pause` seconds in its middle. */
static void hand_on(const struct test_faults *f, int fd, const char *request, size_t most, double pause) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((unsigned short)f->port)};
    int up = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char block[4096];
    size_t sent = 0;
    ssize_t n;
    if (up < 0 || connect(up, (struct sockaddr *)&a, sizeof a) != 0) {
        test_server_say(fd, "503 Service Unavailable", "", "{\"error\":{\"message\":\"nobody behind the proxy\"}}");
        goto done;
    }
    const char *line = strstr(request, "\r\n");
    snprintf(block, sizeof block, "%.*s\r\nConnection: close", (int)(line - request), request);
    test_server_write(up, block);
    test_server_write(up, line);
    while ((n = recv(up, block, sizeof block - 1, 0)) > 0) {
        if (most > 0 && sent + (size_t)n > most)
            n = (ssize_t)(most - sent);
        if (pause > 0 && n > 1) { /* half of what came first */
            const ssize_t half = n / 2;
            if (send(fd, block, (size_t)half, MSG_NOSIGNAL) != half)
                break;
            usleep((useconds_t)(pause * 1e6));
            pause = 0;
            memmove(block, block + half, (size_t)(n - half));
            n -= half;
        }
        if (n <= 0 || send(fd, block, (size_t)n, MSG_NOSIGNAL) != n)
            break;
        sent += (size_t)n;
    }
done:
    if (up >= 0)
        close(up);
}

static void answer(void *arg, int fd, const char *request, int number) {
    static const char stream[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    struct test_faults *f = arg;
    if (f->every == 0 || number % f->every != f->every - 1) {
        hand_on(f, fd, request, 0, 0);
        return;
    }
    enum fault kind = (enum fault)(f->next++ % FAULTS);
    f->made[kind]++;
    switch (kind) {
    case FAULT_429:
        test_server_say(fd, "429 Too Many Requests", "Retry-After: 1\r\n", "{\"error\":{\"message\":\"slow down\"}}");
        break;
    case FAULT_SLOW:
        hand_on(f, fd, request, 0, f->pause);
        break;
    case FAULT_CUT:
        hand_on(f, fd, request, CUT_AFTER, 0);
        break;
    case FAULT_500:
        test_server_say(fd, "500 Internal Server Error", "", "{\"error\":{\"message\":\"out of order\"}}");
        break;
    case FAULT_HTML:
        test_server_say(fd, "200 OK", "Content-Type: text/html\r\n", "<html><body>Sign in first</body></html>");
        break;
    case FAULT_GARBAGE:
        test_server_write(fd, stream);
        test_server_write(fd, "data: {\"choices\": [what?\n\n");
        break;
    case FAULT_WRONG:
    case FAULTS:
        test_server_write(fd, stream);
        test_server_write(fd, "data: {\"choices\":[{\"delta\":{\"content\":\"Sure! Here is a lively talk.\"}}]}\n\n"
                              "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
        break;
    }
}

struct test_faults *test_faults_start(int port, int every, enum fault first, double pause) {
    struct test_faults *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->port = port;
    f->every = every;
    f->next = (int)first;
    f->pause = pause;
    f->server = test_server_start(answer, f);
    if (f->server == NULL) {
        free(f);
        return NULL;
    }
    return f;
}

int test_faults_port(const struct test_faults *f) {
    return test_server_port(f->server);
}

int test_faults_requests(struct test_faults *f) {
    return test_server_requests(f->server);
}

int test_faults_made(const struct test_faults *f, enum fault kind) {
    return f->made[kind];
}

const char *test_faults_name(enum fault kind) {
    return names[kind];
}

void test_faults_stop(struct test_faults *f) {
    if (f == NULL)
        return;
    test_server_stop(f->server);
    free(f);
}

/* An HTTP server on the loopback for tests: one thread, one connection at a time. */
#include "tests/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct test_server {
    int fd, port;
    pthread_t thread;
    atomic_bool stop;
    atomic_int requests;
    void (*answer)(void *arg, int fd, const char *request, int number);
    void *arg;
};

void test_server_write(int fd, const char *text) {
    for (size_t n = strlen(text); n > 0;) {
        ssize_t k = send(fd, text, n, MSG_NOSIGNAL);
        if (k <= 0)
            return;
        text += k;
        n -= (size_t)k;
    }
}

void test_server_say(int fd, const char *status, const char *headers, const char *body) {
    char head[1024];
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n", status, strlen(body), headers);
    test_server_write(fd, head);
    test_server_write(fd, body);
}

/* A whole request, as long as its headers say. */
static char *read_request(int fd) {
    size_t cap = 1 << 20, len = 0;
    char *text = calloc(1, cap + 1);
    while (text != NULL && len < cap) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, 5000) > 0 ? recv(fd, text + len, cap - len, 0) : 0;
        if (n <= 0)
            break;
        len += (size_t)n;
        const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "Content-Length:");
        size_t body = length != NULL && length < end ? strtoul(length + 15, NULL, 10) : 0;
        if (end != NULL && strcasestr(text, "Expect: 100-continue") != NULL && (size_t)(text + len - (end + 4)) == 0)
            test_server_write(fd, "HTTP/1.1 100 Continue\r\n\r\n");
        if (end != NULL && (size_t)(text + len - (end + 4)) >= body)
            break;
    }
    return text;
}

static void *serve(void *arg) {
    struct test_server *s = arg;
    while (!s->stop) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        if (poll(&p, 1, 50) <= 0)
            continue;
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            continue;
        char *request = read_request(fd);
        if (request != NULL && request[0] != '\0')
            s->answer(s->arg, fd, request, s->requests++);
        free(request);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

struct test_server *test_server_start(void (*answer)(void *arg, int fd, const char *request, int number), void *arg) {
    struct test_server *s = calloc(1, sizeof *s);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    if (s == NULL)
        return NULL;
    s->answer = answer;
    s->arg = arg;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(s->fd, 8) != 0 ||
        getsockname(s->fd, (struct sockaddr *)&a, &size) != 0 || pthread_create(&s->thread, NULL, serve, s) != 0) {
        close(s->fd);
        free(s);
        return NULL;
    }
    s->port = ntohs(a.sin_port);
    return s;
}

int test_server_port(const struct test_server *s) {
    return s->port;
}

int test_server_requests(struct test_server *s) {
    return s->requests;
}

void test_server_stop(struct test_server *s) {
    if (s == NULL)
        return;
    s->stop = true;
    pthread_join(s->thread, NULL);
    close(s->fd);
    free(s);
}

void test_server_chat(int fd, const char *content, json_t *usage) {
    json_t *answer = json_pack("{s[{s{ss}ss}]}", "choices", "message", "content", content, "finish_reason", "stop");
    if (usage != NULL) {
        json_object_set_new(answer, "usage", usage);
    }
    char *text = json_dumps(answer, 0);
    test_server_say(fd, "200 OK", "Content-Type: application/json\r\n", text);
    free(text);
    json_decref(answer);
}

json_t *test_server_wanted(const json_t *request) {
    const json_t *format = json_object_get(json_object_get(request, "response_format"), "json_schema");
    return json_object_get(json_object_get(format, "schema"), "properties");
}

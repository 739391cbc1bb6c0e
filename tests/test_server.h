/* An HTTP server on the loopback whose answers a test writes itself, faults included. */
#ifndef CW_TEST_SERVER_H
#define CW_TEST_SERVER_H

#include <jansson.h>
#include <stdbool.h>

struct test_server;
/* `answer` is called in the server's thread with each whole request (headers, blank line, body) and its number from 0; it writes to `fd`
 * what it likes; the connection is closed after it. */
struct test_server *test_server_start(void (*answer)(void *arg, int fd, const char *request, int number), void *arg);
int test_server_port(const struct test_server *s);
int test_server_requests(struct test_server *s);
void test_server_stop(struct test_server *s);
struct test_server *test_server_start_writer(void); /* a model's endpoint that answers the writer by rote (test_rote.c); one at a time */
/* "HTTP/1.1 STATUS" with headers ("Name: value\r\n...") and a body. */
void test_server_say(int fd, const char *status, const char *headers, const char *body);
void test_server_write(int fd, const char *text);
/* A chat's completion with this content and `usage` (taken; or NULL). */
void test_server_chat(int fd, const char *content, json_t *usage);
/* What a chat's request wants in its reply: name -> JSON schema; the request's own. */
json_t *test_server_wanted(const json_t *request);

#endif

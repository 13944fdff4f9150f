/*
 * http_fixture: for the tests: a server on a thread of its own, and a raw client that speaks bytes.
 * The client's reads give up after a generous time, so a hanging server fails a test instead of
 * stopping it.
 */
#pragma once

#include "foundation/test/test.h"
#include "http_file.h"
#include "http_server.h"

struct fixture;

/* Serves the table on 127.0.0.1; settings may be NULL; the router is filled in where
 * they have none. However slow the machine is, no turn of the loop is too long, unless they say so.
 */
struct fixture *fixture_open(const struct http_route *routes, size_t count,
                             const struct http_server_settings *settings);
/* The same, speaking something else than clear text at its socket. */
struct fixture *fixture_open_as(const struct http_route *routes, size_t count,
                                const struct http_server_settings *settings, enum http_entry entry);
/* Of the loops of fixtures opened from now on; 0: the usual limit. */
void fixture_tasks_max(unsigned count);
void fixture_close(struct fixture *fixture);
unsigned fixture_port(const struct fixture *fixture);
struct http_server *fixture_server(struct fixture *fixture);
/* Runs fn(arg) on the server's loop and waits for it. */
void fixture_run(struct fixture *fixture, void (*fn)(void *arg), void *arg);

/* Handlers: answers the collected body; reads a streamed one and answers its length. */
enum err fixture_echo(struct http_request *request, struct http_response *response);
enum err fixture_upload(struct http_request *request, struct http_response *response);

/* A connected blocking socket. */
int client_open(const struct fixture *fixture);
void client_send(int fd, str bytes);
/* Reads until the connection ends; allocated in a buffer that lives until the next call. */
str client_read_all(int fd);
/* Reads one answer with its Content-Length (or none after `head_only`). */
str client_read_answer(int fd, bool head_only);
/* Opens, sends, reads to the end, closes. The request should say Connection: close. */
str client_ask(const struct fixture *fixture, str request);
/* 200 of "HTTP/1.1 200 OK..."; 0 when there is none. */
unsigned answer_status(str answer);
/* The value of a field of an answer's head, or ptr NULL. */
str answer_field(str answer, str name);
str answer_body(str answer);

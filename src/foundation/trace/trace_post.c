/* trace_post: name, connection, request, and of the answer its status. */
#include "trace_post.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static enum err refuse(str url)
{
    return err_set(ERR_INVALID, "trace-endpoint",
                   "\"%.*s\" is no collector: write http://host:port, to a collector that is near "
                   "(it passes traces on by TLS)",
                   STR_ARG(url));
}

/* A header is made of it: nothing but what a host, port and path are written with. */
static bool is_plain(str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    return true;
}

enum err trace_target_parse(str url, struct trace_target *out)
{
    str scheme = STR("http://"), rest = url, port = STR("4318"), host;
    if (!str_starts(url, scheme) || !is_plain(url))
        return refuse(url);
    rest = str_skip(rest, scheme.len);
    ptrdiff_t slash = str_find_char(rest, '/');
    str path = slash >= 0 ? str_skip(rest, (size_t)slash) : STR("");
    str authority = slash >= 0 ? str_sub(rest, 0, (size_t)slash) : rest;
    ptrdiff_t bracket = str_find_char(authority, ']');
    str after = bracket >= 0 ? str_skip(authority, (size_t)bracket + 1) : authority;
    ptrdiff_t colon = str_find_char(after, ':');
    host = str_sub(authority, 0,
                   colon >= 0 ? authority.len - after.len + (size_t)colon : authority.len);
    if (colon >= 0)
        port = str_skip(after, (size_t)colon + 1);
    if (bracket >= 0 && host.len >= 2)
        host = str_sub(host, 1, host.len - 2);
    if (path.len <= 1)
        path = STR("/v1/traces");
    uint64_t number;
    if (host.len == 0 || host.len >= TRACE_HOST_BYTES || path.len >= TRACE_PATH_BYTES ||
        authority.len > TRACE_HOST_BYTES || !str_parse_u64(port, &number) || number == 0 ||
        number > 65535)
        return refuse(url);
    snprintf(out->host, sizeof(out->host), "%.*s", STR_ARG(host));
    snprintf(out->authority, sizeof(out->authority), "%.*s", STR_ARG(authority));
    snprintf(out->port, sizeof(out->port), "%u", (unsigned)number);
    snprintf(out->path, sizeof(out->path), "%.*s", STR_ARG(path));
    return OK;
}

static int connect_one(const struct addrinfo *at)
{
    struct timeval timeout = { .tv_sec = TRACE_TIMEOUT_S };
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)); /* of connect(), too */
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
        return fd;
    close(fd);
    return -1;
}

static int connect_to(const struct trace_target *target)
{
    struct addrinfo wanted = { .ai_socktype = SOCK_STREAM }, *list;
    int fd = -1;
    if (getaddrinfo(target->host, target->port, &wanted, &list) != 0)
        return -1;
    for (struct addrinfo *at = list; at && fd < 0; at = at->ai_next)
        fd = connect_one(at);
    freeaddrinfo(list);
    return fd;
}

static bool send_all(int fd, str bytes)
{
    while (bytes.len) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes = str_skip(bytes, (size_t)sent);
    }
    return true;
}

/* "HTTP/1.1 200" is all that matters; the rest goes with the connection. */
static bool answered_well(int fd)
{
    enum { STATUS_LEN = 12 };
    char text[STATUS_LEN];
    size_t len = 0;
    while (len < sizeof(text)) {
        ssize_t got = recv(fd, text + len, sizeof(text) - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
    }
    return str_starts((str){ text, len }, STR("HTTP/1.")) && text[9] == '2';
}

bool trace_post(const struct trace_target *target, str body)
{
    char head[1024];
    int fd = connect_to(target);
    if (fd < 0)
        return false;
    int len = snprintf(head, sizeof(head),
                       "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                       target->path, target->authority, body.len);
    bool well = send_all(fd, (str){ head, (size_t)len }) && send_all(fd, body) && answered_well(fd);
    close(fd);
    return well;
}

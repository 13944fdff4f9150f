/* client_fixture: the task, the scripted peer. */
#include "client_fixture.h"

#include "foundation/mem/heap.h"
#include "foundation/net/listen.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

struct with {
    const struct client_settings *settings;
    void (*fn)(struct client *client, void *arg);
    void *arg;
};

static enum err with_run(void *arg)
{
    struct with *with = arg;
    struct client *client;
    client_create(loop_current(), with->settings, &client);
    with->fn(client, with->arg);
    client_close(client);
    return OK;
}

void with_client(const struct client_settings *settings,
                 void (*fn)(struct client *client, void *arg), void *arg)
{
    struct with with = { settings, fn, arg };
    CHECK_OK(task_run("test", MIB(64), with_run, &with));
}

str url_at(const char *scheme, const char *host, unsigned port, const char *path)
{
    return arena_printf(task_arena(), "%s://%s:%u%s", scheme, host, port, path);
}

/* --- The peer ------------------------------------------------------------------------------- */

struct peer {
    pthread_t thread;
    int listener;
    struct net_address address;
    const struct peer_step *steps;
};

static void read_head(int fd)
{
    char last[4] = "";
    char c;
    while (memcmp(last, "\r\n\r\n", 4) != 0 && recv(fd, &c, 1, 0) == 1) {
        memmove(last, last + 1, 3);
        last[3] = c;
    }
}

static void read_to_headers(int fd)
{
    unsigned char frame[9] = "";
    char rest[65536];
    while (frame[3] != 1 && recv(fd, frame, sizeof(frame), MSG_WAITALL) == sizeof(frame)) {
        size_t len = (size_t)frame[1] << 8 | frame[2];
        if (len && recv(fd, rest, len, MSG_WAITALL) != (ssize_t)len)
            return;
    }
}

static void *play(void *arg)
{
    struct peer *peer = arg;
    struct timeval patience = { .tv_sec = 60 };
    char rest[4096];
    int fd = -1, next;
    for (const struct peer_step *step = peer->steps; step->action != PEER_END; step++) {
        switch (step->action) {
        case PEER_ACCEPT: /* what was before stays open, unread, until the next one comes */
            next = accept(peer->listener, NULL, NULL);
            if (fd >= 0)
                close(fd);
            fd = next;
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
            break;
        case PEER_READ:
            read_head(fd);
            break;
        case PEER_HEADERS:
            read_to_headers(fd);
            break;
        case PEER_SEND:
            for (unsigned i = 0; i < MAX_OF(step->count, 1u); i++)
                if (send(fd, step->text, step->len ? step->len : strlen(step->text), MSG_NOSIGNAL) <
                    0)
                    break;
            break;
        case PEER_CLOSE:
            close(fd);
            fd = -1;
            break;
        case PEER_WAIT_END:
            while (recv(fd, rest, sizeof(rest), 0) > 0)
                ;
            break;
        case PEER_END:
            break;
        }
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

struct peer *peer_open(const struct peer_step *steps)
{
    struct timeval patience = { .tv_sec = 60 };
    struct peer *peer = HEAP_NEW(struct peer);
    struct net_address any;
    CHECK_OK(net_address_parse(STR("127.0.0.1:0"), &any));
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(peer->listener, &any.socket.any, any.size_bytes) == 0);
    CHECK(listen(peer->listener, 16) == 0);
    setsockopt(peer->listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    peer->address.size_bytes = sizeof(peer->address.socket);
    CHECK(getsockname(peer->listener, &peer->address.socket.any, &peer->address.size_bytes) == 0);
    peer->steps = steps;
    CHECK_INT(pthread_create(&peer->thread, NULL, play, peer), 0);
    return peer;
}

unsigned peer_port(const struct peer *peer)
{
    return net_address_port(&peer->address);
}

void peer_close(struct peer *peer)
{
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    heap_free(peer);
}

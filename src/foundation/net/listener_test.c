/* listener_test: what happens to callers when the process has no descriptor left. */
#include "listener.h"

#include "foundation/test/test.h"
#include "listen.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static int accepted_fd;

static void on_accept(void *owner, int fd, const struct net_peer *peer)
{
    (void)owner;
    (void)peer;
    accepted_fd = fd;
}

static int connected(const struct net_address *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, &address->socket.any, address->size_bytes) == 0);
    return fd;
}

/* Leaves no number free for a new descriptor. */
static struct rlimit descriptors_exhaust(void)
{
    struct rlimit before, none;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(next);
    none = (struct rlimit){ (rlim_t)next, before.rlim_max };
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    return before;
}

TEST(without_descriptors_callers_are_turned_away_and_the_rest_goes_on)
{
    struct net_address any, bound;
    struct net_listener listener;
    uv_loop_t loop;
    char byte;
    int fd;
    CHECK_OK(net_address_parse(STR("127.0.0.1:0"), &any));
    CHECK_OK(net_listen(&any, 1, &fd, &bound));
    CHECK(uv_loop_init(&loop) == 0);
    CHECK_OK(net_listener_init(&listener, &loop, fd, NULL, on_accept));
    int one = connected(&bound), two = connected(&bound);
    struct rlimit before = descriptors_exhaust();
    for (int i = 0; i < 1000 && listener.refused < 2; i++)
        uv_run(&loop, UV_RUN_ONCE);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK_INT(listener.refused, 2);
    CHECK_INT(listener.accepted, 0);
    CHECK_INT(read(one, &byte, 1), 0);
    CHECK_INT(read(two, &byte, 1), 0);
    int three = connected(&bound);
    while (listener.accepted == 0)
        uv_run(&loop, UV_RUN_ONCE);
    close(accepted_fd);
    close(one);
    close(two);
    close(three);
    net_listener_close(&listener, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_INT(uv_loop_close(&loop), 0);
}

TEST(without_even_the_reserve_it_waits_and_recovers)
{
    struct net_address any, bound;
    struct net_listener listener;
    uv_loop_t loop;
    int fd;
    CHECK_OK(net_address_parse(STR("127.0.0.1:0"), &any));
    CHECK_OK(net_listen(&any, 1, &fd, &bound));
    CHECK(uv_loop_init(&loop) == 0);
    CHECK_OK(net_listener_init(&listener, &loop, fd, NULL, on_accept));
    int one = connected(&bound);
    close(listener.reserve_fd); /* as another thread does that is quicker */
    listener.reserve_fd = -1;
    struct rlimit before = descriptors_exhaust();
    for (int i = 0; i < 1000 && !listener.starved; i++)
        uv_run(&loop, UV_RUN_ONCE);
    CHECK(listener.starved);
    CHECK_INT(listener.socket.events, 0); /* the loop does not spin */
    net_listener_retry(&listener);
    CHECK(listener.starved);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    net_listener_retry(&listener);
    while (listener.accepted == 0)
        uv_run(&loop, UV_RUN_ONCE);
    close(accepted_fd);
    close(one);
    net_listener_close(&listener, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_INT(uv_loop_close(&loop), 0);
}

/* --- Whose peers are the owner's ------------------------------------------------------------ */

static struct net_peer accepted_peer;

static void on_accept_peer(void *owner, int fd, const struct net_peer *peer)
{
    (void)owner;
    accepted_peer = *peer;
    close(fd);
}

static void check_peer_of(const char *text, bool control, bool is_control)
{
    struct net_address any, bound;
    struct net_listener listener;
    uv_loop_t loop;
    int fd;
    CHECK_OK(net_address_parse(str_of(text), &any));
    CHECK_OK(net_listen(&any, 1, &fd, &bound));
    CHECK(uv_loop_init(&loop) == 0);
    CHECK_OK(net_listener_init(&listener, &loop, fd, NULL, on_accept_peer));
    if (control)
        net_listener_control(&listener);
    int caller = socket(bound.socket.any.sa_family, SOCK_STREAM, 0);
    CHECK(connect(caller, &bound.socket.any, bound.size_bytes) == 0);
    accepted_peer = (struct net_peer){ .control = !is_control };
    while (listener.accepted == 0)
        uv_run(&loop, UV_RUN_ONCE);
    CHECK_INT(accepted_peer.control, is_control);
    close(caller);
    net_listener_close(&listener, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_INT(uv_loop_close(&loop), 0);
}

TEST(only_the_control_socket_has_the_owners_peers)
{
    char path[128];
    snprintf(path, sizeof(path), "unix:%s/a.sock", test_folder());
    check_peer_of(path, true, true);
    snprintf(path, sizeof(path), "unix:%s/b.sock", test_folder());
    check_peer_of(path, false, false); /* a Unix socket alone is not enough */
    check_peer_of("127.0.0.1:0", false, false);
}

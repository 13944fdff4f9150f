/* crowd_test: who counts as whom, and that every seat is given back. */
#include "crowd.h"

#include "foundation/test/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>

static struct net_peer peer_of(const char *ip)
{
    struct net_address address = { 0 };
    if (strchr(ip, ':')) {
        address.socket.v6.sin6_family = AF_INET6;
        CHECK_INT(inet_pton(AF_INET6, ip, &address.socket.v6.sin6_addr), 1);
    } else {
        address.socket.v4.sin_family = AF_INET;
        CHECK_INT(inet_pton(AF_INET, ip, &address.socket.v4.sin_addr), 1);
    }
    return net_peer_of(&address);
}

static bool enters(struct net_crowd *crowd, const char *ip, struct net_crowd_seat **out_seat)
{
    struct net_peer peer = peer_of(ip);
    *out_seat = NULL;
    return net_crowd_enter(crowd, &peer, out_seat);
}

TEST(an_address_has_so_many_and_no_more)
{
    struct net_crowd *crowd = net_crowd_open(2, true);
    struct net_crowd_seat *seats[4];
    CHECK(enters(crowd, "192.0.2.1", &seats[0]) && enters(crowd, "192.0.2.1", &seats[1]));
    CHECK(!enters(crowd, "192.0.2.1", &seats[2]) && !seats[2]);
    CHECK(enters(crowd, "192.0.2.2", &seats[2])); /* a neighbour */
    net_crowd_leave(crowd, seats[0]);
    CHECK(enters(crowd, "192.0.2.1", &seats[3]));
    for (int i = 1; i < 4; i++)
        net_crowd_leave(crowd, seats[i]);
    net_crowd_close(crowd);
}

TEST(an_ipv6_subscriber_is_a_64)
{
    struct net_crowd *crowd = net_crowd_open(1, true);
    struct net_crowd_seat *one, *two;
    CHECK(enters(crowd, "2001:db8:1:2::1", &one));
    CHECK(!enters(crowd, "2001:db8:1:2:ffff:ffff:ffff:ffff", &two));
    CHECK(enters(crowd, "2001:db8:1:3::1", &two));
    net_crowd_leave(crowd, one);
    net_crowd_leave(crowd, two);
    net_crowd_close(crowd);
}

TEST(unix_sockets_and_loopback_are_not_counted)
{
    struct net_crowd *crowd = net_crowd_open(1, false);
    struct net_crowd_seat *seat;
    struct net_peer unix_peer = { 0 };
    for (int i = 0; i < 3; i++) {
        CHECK(enters(crowd, "127.0.0.1", &seat) && !seat);
        CHECK(enters(crowd, "::1", &seat) && !seat);
        CHECK(net_crowd_enter(crowd, &unix_peer, &seat) && !seat);
    }
    net_crowd_close(crowd);
}

enum { ROUNDS = 2000, THREADS = 4 };

static void *come_and_go(void *arg)
{
    struct net_crowd *crowd = arg;
    struct net_crowd_seat *seats[3];
    for (int i = 0; i < ROUNDS; i++) {
        bool in[3] = { enters(crowd, "192.0.2.1", &seats[0]), enters(crowd, "192.0.2.2", &seats[1]),
                       enters(crowd, "2001:db8::1", &seats[2]) };
        for (int k = 0; k < 3; k++)
            if (in[k])
                net_crowd_leave(crowd, seats[k]);
    }
    return NULL;
}

TEST(many_threads_come_and_go)
{
    struct net_crowd *crowd = net_crowd_open(3, true);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, come_and_go, crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    net_crowd_close(crowd); /* asserts that nobody is left */
}

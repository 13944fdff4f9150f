/* listen_test: address forms, shared and refused ports, Unix sockets. */
#include "listen.h"

#include "foundation/test/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct net_address address_of(str text)
{
    struct net_address address;
    CHECK_OK(net_address_parse(text, &address));
    return address;
}

TEST(addresses_are_read_and_written)
{
    static const struct {
        str text, written; /* empty: refused */
    } list[] = {
        { STR_INIT("127.0.0.1:8000"), STR_INIT("127.0.0.1:8000") },
        { STR_INIT("localhost:0"), STR_INIT("127.0.0.1:0") },
        { STR_INIT("[::1]:65535"), STR_INIT("[::1]:65535") },
        { STR_INIT(":80"), STR_INIT("[::]:80") },
        { STR_INIT("*:80"), STR_INIT("[::]:80") },
        { STR_INIT("0.0.0.0:80"), STR_INIT("0.0.0.0:80") },
        { STR_INIT("unix:/run/x.sock"), STR_INIT("unix:/run/x.sock") },
        { STR_INIT("127.0.0.1:65536"), STR_INIT("") },
        { STR_INIT("127.0.0.1:-1"), STR_INIT("") },
        { STR_INIT("127.0.0.1:"), STR_INIT("") },
        { STR_INIT("127.0.0.1"), STR_INIT("") },
        { STR_INIT("::1:80"), STR_INIT("") },
        { STR_INIT("example.org:80"), STR_INIT("") },
        { STR_INIT("unix:"), STR_INIT("") },
        { STR_INIT(""), STR_INIT("") },
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        char text[NET_ADDRESS_TEXT_MAX];
        struct net_address address;
        enum err err = net_address_parse(list[i].text, &address);
        CHECK_INT(err == OK, list[i].written.len > 0);
        if (err == OK)
            CHECK_STR(net_address_format(&address, text), list[i].written);
    }
}

TEST(peers_keep_their_address)
{
    char text[INET6_ADDRSTRLEN];
    struct net_address v4 = address_of(STR("192.0.2.7:1234")),
                       v6 = address_of(STR("[2001:db8::1]:5"));
    struct net_peer peer = net_peer_of(&v4);
    CHECK_STR(net_peer_format(&peer, text), STR("192.0.2.7"));
    CHECK_INT(peer.port, 1234);
    peer = net_peer_of(&v6);
    CHECK_STR(net_peer_format(&peer, text), STR("2001:db8::1"));
}

TEST(loops_share_a_port_and_strangers_do_not)
{
    struct net_address any = address_of(STR("127.0.0.1:0")), bound;
    int own[3], other[3];
    CHECK_OK(net_listen(&any, 3, own, &bound));
    CHECK(net_address_port(&bound) != 0);
    for (unsigned count = 1; count <= 3; count++)
        CHECK_ERR(net_listen(&bound, count, other, NULL), ERR_CONFLICT);
    /* A connection is taken by one of ours. */
    int client = socket(AF_INET, SOCK_STREAM, 0), taken = -1;
    CHECK(connect(client, &bound.socket.any, bound.size_bytes) == 0);
    for (int i = 0; i < 3 && taken < 0; i++)
        taken = accept4(own[i], NULL, NULL, SOCK_CLOEXEC);
    CHECK(taken >= 0);
    close(taken);
    close(client);
    for (int i = 0; i < 3; i++)
        close(own[i]);
    CHECK_OK(net_listen(&bound, 2, own, NULL)); /* free again, in spite of TIME_WAIT */
    close(own[0]);
    close(own[1]);
}

/* Starts this many processes that want one port at the same moment; returns how many got it. */
static int race(const struct net_address *address, int processes)
{
    int go[2], count = 0;
    CHECK(pipe(go) == 0);
    pid_t children[16];
    for (int i = 0; i < processes; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            int fds[4];
            char byte;
            close(go[1]);
            (void)!read(go[0], &byte, 1); /* ends when the parent closes: all at once */
            bool won = net_listen(address, 4, fds, NULL) == OK;
            usleep(won ? 300000 : 0);
            _exit(won);
        }
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < processes; i++) {
        int status;
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        count += WEXITSTATUS(status);
    }
    return count;
}

TEST(of_many_servers_started_at_once_one_gets_the_port)
{
    struct net_address any = address_of(STR("127.0.0.1:0")), bound;
    int fd;
    CHECK_OK(net_listen(&any, 1, &fd, &bound));
    close(fd);
    for (int round = 0; round < 3; round++)
        CHECK(race(&bound, 8) <= 1); /* none, when two asked at the very same time: both are told */
}

TEST(unix_sockets_are_private_and_replace_dead_ones)
{
    char text[256];
    struct stat info;
    int fd, other;
    snprintf(text, sizeof(text), "unix:%s/admin.sock", test_folder());
    struct net_address address = address_of(str_of(text));
    CHECK_OK(net_listen(&address, 1, &fd, NULL));
    CHECK(stat(text + 5, &info) == 0);
    CHECK_INT(info.st_mode & 0777, 0600);
    CHECK_ERR(net_listen(&address, 1, &other, NULL), ERR_CONFLICT);
    close(fd); /* as after kill -9: the file stays */
    CHECK_OK(net_listen(&address, 1, &fd, NULL));
    close(fd);
}

TEST(ipv6_listens_for_both)
{
    struct net_address any = address_of(STR(":0")), bound;
    int fd;
    if (net_listen(&any, 1, &fd, &bound) != OK)
        SKIP("no IPv6 here");
    struct net_address v4 = address_of(STR("127.0.0.1:1"));
    v4.socket.v4.sin_port = bound.socket.v6.sin6_port;
    int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(client, &v4.socket.any, v4.size_bytes) == 0);
    close(client);
    close(fd);
}

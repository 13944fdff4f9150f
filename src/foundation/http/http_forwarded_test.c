/* http_forwarded_test: chains of proxies, honest and not. */
#include "foundation/test/test.h"

#include "http_forwarded.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static struct http_trust trust;

/* Who asks, by these fields ("Name: value\n..."), from 10.0.0.1: "192.0.2.1 https". */
static str who(const char *text)
{
    static char out[100];
    char ip[INET6_ADDRSTRLEN];
    struct http_field fields[16];
    struct http_request request = { .fields = fields };
    str rest = str_of(text), line;
    static const uint8_t proxy[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 };
    memcpy(request.peer.ip, proxy, sizeof(proxy));
    request.peer.port = 1234;
    while (str_cut(&rest, '\n', &line)) {
        ptrdiff_t colon = str_find_char(line, ':');
        if (colon > 0)
            fields[request.fields_count++] =
                (struct http_field){ str_sub(line, 0, (size_t)colon),
                                     str_trim(str_skip(line, (size_t)colon + 1)) };
    }
    http_forwarded_apply(&trust, &request);
    str address = net_peer_format(&request.peer, ip);
    int len =
        snprintf(out, sizeof(out), "%.*s %s", STR_ARG(address), request.secure ? "https" : "http");
    return (str){ out, (size_t)len };
}

TEST(forwarded_is_believed_hop_by_hop)
{
    CHECK_OK(http_trust_parse(STR("10.0.0.0/8, 2001:db8::/33"), &trust));
    CHECK_STR(who(""), STR("10.0.0.1 http"));
    CHECK_STR(who("Forwarded: for=192.0.2.1;proto=https"), STR("192.0.2.1 https"));
    CHECK_STR(who("forwarded: For=\"[2001:db9::1]:80\"; Proto=\"HTTPS\""),
              STR("2001:db9::1 https"));
    CHECK_STR(who("Forwarded: for=6.6.6.6;proto=https, for=192.0.2.1;proto=http"),
              STR("192.0.2.1 http"));
    CHECK_STR(who("Forwarded: for=6.6.6.6\nForwarded: for=192.0.2.1;proto=https, for=10.9.9.9"),
              STR("192.0.2.1 https"));
    CHECK_STR(who("Forwarded: for=192.0.2.1, for=\"[2001:db8::7]\";proto=https"),
              STR("192.0.2.1 https"));
    CHECK_STR(who("Forwarded: for=6.6.6.6, for=_hidden;proto=https"), STR("10.0.0.1 https"));
    CHECK_STR(who("Forwarded: for=\"[::]\""), STR("10.0.0.1 http")); /* no way to be "unix" */
    CHECK_STR(who("X-Forwarded-For: ::"), STR("10.0.0.1 http"));
    CHECK_STR(who("Forwarded: for=unknown"), STR("10.0.0.1 http"));
    CHECK_STR(who("Forwarded: by=x;for=\"192.0.2.1:99,;\\\"\", for=10.1.1.1"),
              STR("10.1.1.1 http"));
    CHECK_STR(who("Forwarded: ,;=,\"\nX-Forwarded-For: 6.6.6.6"), STR("10.0.0.1 http"));
}

TEST(x_forwarded_is_believed_where_forwarded_is_not_given)
{
    CHECK_OK(http_trust_parse(STR("10.0.0.1"), &trust));
    CHECK_STR(who("X-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: https"), STR("192.0.2.1 https"));
    CHECK_STR(who("X-Forwarded-For: 6.6.6.6, 192.0.2.1:77"), STR("192.0.2.1 http"));
    CHECK_STR(who("X-Forwarded-For: 2001:db8::5"), STR("2001:db8::5 http"));
    CHECK_STR(who("X-Forwarded-For: 6.6.6.6\nForwarded: for=192.0.2.9"), STR("192.0.2.9 http"));
    CHECK_STR(who("X-Forwarded-For: 10.0.0.1.\nX-Forwarded-Proto: http, https"),
              STR("10.0.0.1 https"));
}

TEST(strangers_are_not_believed)
{
    CHECK_OK(http_trust_parse(STR("10.0.0.2, 11.0.0.0/8"), &trust));
    CHECK_STR(who("Forwarded: for=192.0.2.1;proto=https"), STR("10.0.0.1 http"));
    CHECK_OK(http_trust_parse(STR(""), &trust));
    CHECK_STR(who("X-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: https"), STR("10.0.0.1 http"));
}

TEST(endless_chains_keep_their_nearest_end)
{
    char text[2000];
    int len = snprintf(text, sizeof(text), "Forwarded: for=192.0.2.1");
    CHECK_OK(http_trust_parse(STR("10.0.0.0/8"), &trust));
    for (int i = 0; i < 100; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, ", for=10.0.0.9");
    CHECK_STR(who(text), STR("10.0.0.9 http"));
}

TEST(trusted_networks_are_read)
{
    CHECK_ERR(http_trust_parse(STR("10.0.0.0/33"), &trust), ERR_INVALID);
    CHECK_ERR(http_trust_parse(STR("10.0.0"), &trust), ERR_INVALID);
    CHECK_ERR(http_trust_parse(STR("10.0.0.1,,10.0.0.2"), &trust), ERR_INVALID);
    CHECK_ERR(http_trust_parse(STR("example.org"), &trust), ERR_INVALID);
    CHECK_ERR(http_trust_parse(STR("::/129"), &trust), ERR_INVALID);
    CHECK_OK(http_trust_parse(STR("0.0.0.0/0"), &trust));
    CHECK_STR(who("X-Forwarded-For: 1.2.3.4"), STR("1.2.3.4 http"));
    CHECK_OK(http_trust_parse(STR("10.0.0.0/31"), &trust));
    CHECK_STR(who("X-Forwarded-For: 10.0.0.2"), STR("10.0.0.2 http"));
}

/* address: the written forms of socket addresses, both ways. */
#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static enum err refuse(str text)
{
    return err_set(ERR_INVALID, "bad-address",
                   "\"%.*s\" is no address to listen on: write HOST:PORT, [IPV6]:PORT or unix:PATH",
                   STR_ARG(text));
}

static enum err parse_path(str text, struct net_address *out)
{
    str path = str_skip(text, 5);
    struct net_address address = { .socket.path.sun_family = AF_UNIX };
    if (path.len == 0 || path.len >= sizeof(address.socket.path.sun_path) ||
        memchr(path.ptr, 0, path.len))
        return err_set(ERR_INVALID, "bad-address",
                       "a Unix socket's path has 1 to %zu bytes, \"%.*s\" has %zu",
                       sizeof(address.socket.path.sun_path) - 1, STR_ARG(path), path.len);
    memcpy(address.socket.path.sun_path, path.ptr, path.len);
    address.size_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    *out = address;
    return OK;
}

static bool parse_host(str host, uint16_t port, struct net_address *out)
{
    struct net_address address = { 0 };
    char text[INET6_ADDRSTRLEN];
    bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed)
        host = str_sub(host, 1, host.len - 2);
    if (str_eq_nocase(host, STR("localhost")))
        host = STR("127.0.0.1");
    bool everywhere = !bracketed && (host.len == 0 || str_eq(host, STR("*")));
    if (host.len >= sizeof(text))
        return false;
    snprintf(text, sizeof(text), "%.*s", STR_ARG(host));
    if (bracketed || everywhere) {
        address.socket.v6.sin6_family = AF_INET6;
        address.socket.v6.sin6_port = htons(port);
        address.size_bytes = sizeof(address.socket.v6);
        if (!everywhere && inet_pton(AF_INET6, text, &address.socket.v6.sin6_addr) != 1)
            return false;
    } else {
        address.socket.v4.sin_family = AF_INET;
        address.socket.v4.sin_port = htons(port);
        address.size_bytes = sizeof(address.socket.v4);
        if (inet_pton(AF_INET, text, &address.socket.v4.sin_addr) != 1)
            return false;
    }
    *out = address;
    return true;
}

enum err net_address_parse(str text, struct net_address *out)
{
    uint64_t port;
    if (str_starts(text, STR("unix:")))
        return parse_path(text, out);
    ptrdiff_t colon = str_find_last_char(text, ':');
    if (colon < 0 || !str_parse_u64(str_skip(text, (size_t)colon + 1), &port) || port > 65535 ||
        !parse_host(str_sub(text, 0, (size_t)colon), (uint16_t)port, out))
        return refuse(text);
    return OK;
}

unsigned net_address_port(const struct net_address *address)
{
    if (address->socket.any.sa_family == AF_INET)
        return ntohs(address->socket.v4.sin_port);
    return address->socket.any.sa_family == AF_INET6 ? ntohs(address->socket.v6.sin6_port) : 0;
}

str net_address_format(const struct net_address *address, char out[NET_ADDRESS_TEXT_MAX])
{
    char ip[INET6_ADDRSTRLEN] = "";
    int len;
    if (address->socket.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->socket.v4.sin_addr, ip, sizeof(ip));
        len = snprintf(out, NET_ADDRESS_TEXT_MAX, "%s:%u", ip, net_address_port(address));
    } else if (address->socket.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->socket.v6.sin6_addr, ip, sizeof(ip));
        len = snprintf(out, NET_ADDRESS_TEXT_MAX, "[%s]:%u", ip, net_address_port(address));
    } else {
        len = snprintf(out, NET_ADDRESS_TEXT_MAX, "unix:%s", address->socket.path.sun_path);
    }
    return (str){ out, (size_t)len };
}

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

struct net_peer net_peer_of(const struct net_address *address)
{
    struct net_peer peer = { .port = (uint16_t)net_address_port(address) };
    if (address->socket.any.sa_family == AF_INET) {
        memcpy(peer.ip, v4_mapped, sizeof(v4_mapped));
        memcpy(peer.ip + 12, &address->socket.v4.sin_addr, 4);
    } else if (address->socket.any.sa_family == AF_INET6) {
        memcpy(peer.ip, &address->socket.v6.sin6_addr, sizeof(peer.ip));
    }
    return peer;
}

str net_peer_format(const struct net_peer *peer, char out[INET6_ADDRSTRLEN])
{
    static const uint8_t none[16];
    if (memcmp(peer->ip, none, sizeof(none)) == 0)
        snprintf(out, INET6_ADDRSTRLEN, "unix");
    else if (memcmp(peer->ip, v4_mapped, sizeof(v4_mapped)) == 0)
        inet_ntop(AF_INET, peer->ip + 12, out, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, peer->ip, out, INET6_ADDRSTRLEN);
    return str_of(out);
}

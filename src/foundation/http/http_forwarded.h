/*
 * http_forwarded: who really asks, when a proxy stands in between. Forwarded (RFC 7239), or else
 * X-Forwarded-For and X-Forwarded-Proto, is believed from the addresses the operator has named, hop
 * by hop from the nearest one outwards; the first address that is not one of them is the viewer's,
 * and what is written in front of it may be anybody's invention.
 */
#pragma once

#include "http.h"

enum { HTTP_TRUST_MAX = 64 };

struct http_trust {
    unsigned count; /* 0: nobody */
    struct {
        uint8_t ip[16];
        unsigned bits;
    } nets[HTTP_TRUST_MAX];
};

/*
 * "10.0.0.5, 192.168.1.0/24, 2001:db8::/32"; empty is nobody. ERR_INVALID "trusted-proxies" with
 * the item.
 */
enum err http_trust_parse(str list, struct http_trust *out);

/* Is this address one of them? */
bool http_trust_has(const struct http_trust *trust, const struct net_peer *peer);

/* Puts the viewer's address and scheme into the request's peer and secure. For the before hook. */
void http_forwarded_apply(const struct http_trust *trust, struct http_request *request);

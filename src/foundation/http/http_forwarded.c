/* http_forwarded: the fields' elements, collected in order and walked from the last to the first.
 */
#include "http_forwarded.h"

#include <arpa/inet.h>
#include <string.h>

/* A chain of more proxies than this is a forgery; the nearest are looked at. */
enum { HOPS_MAX = 32 };

struct hop {
    str node, scheme;
};

struct hops {
    unsigned count;
    struct hop list[HOPS_MAX];
};

/* --- Addresses ------------------------------------------------------------------------------ */

static bool ip_parse(str text, uint8_t out[16])
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr v4;
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    if (inet_pton(AF_INET, copy, &v4) == 1) {
        memset(out, 0, 10);
        memset(out + 10, 0xff, 2);
        memcpy(out + 12, &v4, 4);
        return true;
    }
    return inet_pton(AF_INET6, copy, out) == 1;
}

/* Nothing, or ":" and a port. */
static bool port_ends(str rest)
{
    uint64_t port;
    return rest.len == 0 || (rest.ptr[0] == ':' && str_parse_u64(str_skip(rest, 1), &port));
}

/* RFC 7239 section 6, and what X-Forwarded-For holds: an address, with or without a port. */
static bool node_parse(str node, uint8_t out[16])
{
    if (str_starts(node, STR("["))) {
        ptrdiff_t end = str_find_char(node, ']');
        return end > 0 && port_ends(str_skip(node, (size_t)end + 1)) &&
               ip_parse(str_sub(node, 1, (size_t)end - 1), out);
    }
    ptrdiff_t colon = str_find_char(node, ':');
    bool has_port = colon >= 0 && str_find_char(str_skip(node, (size_t)colon + 1), ':') < 0;
    if (has_port && !port_ends(str_skip(node, (size_t)colon)))
        return false;
    return ip_parse(has_port ? str_sub(node, 0, (size_t)colon) : node, out);
}

static bool net_holds(const uint8_t net[16], unsigned bits, const uint8_t ip[16])
{
    unsigned bytes = bits / 8, rest = bits % 8;
    if (memcmp(net, ip, bytes) != 0)
        return false;
    return rest == 0 || ((net[bytes] ^ ip[bytes]) >> (8 - rest)) == 0;
}

static bool is_trusted(const struct http_trust *trust, const uint8_t ip[16])
{
    for (unsigned i = 0; i < trust->count; i++)
        if (net_holds(trust->nets[i].ip, trust->nets[i].bits, ip))
            return true;
    return false;
}

static bool net_parse(str item, uint8_t ip[16], unsigned *out_bits)
{
    ptrdiff_t slash = str_find_char(item, '/');
    str address = slash < 0 ? item : str_sub(item, 0, (size_t)slash);
    bool v4 = str_find_char(address, ':') < 0;
    uint64_t bits = v4 ? 32 : 128;
    if (slash >= 0 && !str_parse_u64(str_skip(item, (size_t)slash + 1), &bits))
        return false;
    *out_bits = (unsigned)bits + (v4 ? 96 : 0);
    return bits <= (v4 ? 32u : 128u) && ip_parse(address, ip);
}

enum err http_trust_parse(str list, struct http_trust *out)
{
    struct http_trust trust = { 0 };
    str item;
    while (list.len && str_cut(&list, ',', &item)) {
        item = str_trim(item);
        if (trust.count == HTTP_TRUST_MAX ||
            !net_parse(item, trust.nets[trust.count].ip, &trust.nets[trust.count].bits))
            return err_set(ERR_INVALID, "trusted-proxies",
                           "\"%.*s\" is no address or network, or there are more than 64",
                           STR_ARG(item));
        trust.count++;
    }
    *out = trust;
    return OK;
}

/* --- Fields --------------------------------------------------------------------------------- */

static void hop_add(struct hops *hops, struct hop hop)
{
    if (hops->count == HOPS_MAX) {
        memmove(hops->list, hops->list + 1, (HOPS_MAX - 1) * sizeof(hops->list[0]));
        hops->count--;
    }
    hops->list[hops->count++] = hop;
}

/* Cuts at the separator, but not within quotes. */
static bool cut_unquoted(str *rest, char separator, str *out)
{
    bool quoted = false;
    if (!rest->ptr)
        return false;
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (c == separator && !quoted) {
            *out = str_sub(*rest, 0, i);
            *rest = str_skip(*rest, i + 1);
            return true;
        }
    }
    *out = *rest;
    *rest = STR_NONE;
    return true;
}

static str unquoted(str value)
{
    value = str_trim(value);
    bool quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
    return quoted ? str_sub(value, 1, value.len - 2) : value;
}

static struct hop element_parse(str element)
{
    struct hop hop = { STR(""), STR("") };
    str pair;
    while (cut_unquoted(&element, ';', &pair)) {
        ptrdiff_t equals = str_find_char(pair, '=');
        if (equals < 0)
            continue;
        str name = str_trim(str_sub(pair, 0, (size_t)equals));
        str value = unquoted(str_skip(pair, (size_t)equals + 1));
        if (str_eq_nocase(name, STR("for")))
            hop.node = value;
        else if (str_eq_nocase(name, STR("proto")))
            hop.scheme = value;
    }
    return hop;
}

static void forwarded_collect(const struct http_request *request, struct hops *hops)
{
    str rest, element;
    for (unsigned i = 0; i < request->fields_count; i++) {
        if (!str_eq_nocase(request->fields[i].name, STR("Forwarded")))
            continue;
        rest = request->fields[i].value;
        while (cut_unquoted(&rest, ',', &element))
            hop_add(hops, element_parse(element));
    }
}

/* The scheme is that of the last value, which the nearest proxy has set. */
static void x_forwarded_collect(const struct http_request *request, struct hops *hops)
{
    str rest, item, scheme = STR("");
    for (unsigned i = 0; i < request->fields_count; i++) {
        const struct http_field *field = &request->fields[i];
        rest = field->value;
        if (str_eq_nocase(field->name, STR("X-Forwarded-For")))
            while (str_cut(&rest, ',', &item))
                hop_add(hops, (struct hop){ str_trim(item), STR("") });
        else if (str_eq_nocase(field->name, STR("X-Forwarded-Proto")))
            while (str_cut(&rest, ',', &item))
                scheme = str_trim(item);
    }
    for (unsigned i = 0; i < hops->count; i++)
        hops->list[i].scheme = scheme;
}

/* The address of no viewer; among peers it is that of a Unix socket. */
static bool is_nobody(const uint8_t ip[16])
{
    static const uint8_t nobody[16];
    return memcmp(ip, nobody, sizeof(nobody)) == 0;
}

bool http_trust_has(const struct http_trust *trust, const struct net_peer *peer)
{
    return is_trusted(trust, peer->ip);
}

void http_forwarded_apply(const struct http_trust *trust, struct http_request *request)
{
    struct hops hops;
    struct net_peer peer = request->peer;
    if (!is_trusted(trust, peer.ip))
        return;
    hops.count = 0;
    forwarded_collect(request, &hops);
    if (hops.count == 0)
        x_forwarded_collect(request, &hops);
    while (hops.count && is_trusted(trust, peer.ip)) {
        const struct hop *hop = &hops.list[--hops.count];
        if (hop->scheme.len)
            request->secure = str_eq_nocase(hop->scheme, STR("https"));
        if (!node_parse(hop->node, peer.ip) || is_nobody(peer.ip))
            break; /* hidden on purpose: the proxy stands for its viewers */
        peer.port = 0;
        peer.control = false;
        request->peer = peer;
    }
}

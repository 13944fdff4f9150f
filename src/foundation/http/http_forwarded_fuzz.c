/* http_forwarded_fuzz: fields of a proxy; a stranger's first byte makes nothing change. */
#include "http_forwarded.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const uint8_t proxy[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 };
    struct http_trust trust;
    struct http_field fields[4];
    struct http_request request = { .fields = fields };
    str rest = { (const char *)data, size_bytes }, value;
    static const str names[] = { STR_INIT("Forwarded"), STR_INIT("X-Forwarded-For"),
                                 STR_INIT("X-Forwarded-Proto"), STR_INIT("Forwarded") };
    if (size_bytes == 0)
        return 0;
    ASSERT(http_trust_parse(STR("10.0.0.0/8"), &trust) == OK);
    memcpy(request.peer.ip, proxy, sizeof(proxy));
    request.peer.ip[12] = data[0] % 2 ? 10 : 11;
    struct net_peer before = request.peer;
    rest = str_skip(rest, 1);
    while (request.fields_count < ARRAY_LEN(fields) && str_cut(&rest, '\n', &value)) {
        fields[request.fields_count] =
            (struct http_field){ names[(data[0] / 2 + request.fields_count) % 4], value };
        request.fields_count++;
    }
    http_forwarded_apply(&trust, &request);
    if (before.ip[12] == 11)
        ASSERT(memcmp(before.ip, request.peer.ip, sizeof(before.ip)) == 0 && !request.secure);
    static const struct net_peer control;
    ASSERT(memcmp(request.peer.ip, control.ip, sizeof(control.ip)) != 0);
    (void)http_trust_parse(rest.ptr ? rest : STR(""), &trust);
    return 0;
}

/*
 * client_answer_fuzz: any bytes as answers of HTTP/1.1, whole and byte by byte: what is told must
 * be the same, however it arrives.
 */
#include "client_parse.h"

#include "client_url.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    uint64_t hash, body_bytes;
    unsigned heads;
};

static void mix(struct told *told, str text)
{
    told->hash = told->hash * 31 + str_hash(text) + text.len;
}

static bool on_field(void *arg, str name, str value, bool trailer)
{
    ASSERT(name.len > 0);
    ASSERT(!memchr(name.ptr, '\n', name.len));
    ASSERT(!value.len || !memchr(value.ptr, '\n', value.len));
    mix(arg, name);
    mix(arg, value);
    mix(arg, trailer ? STR("trailer") : STR("field"));
    return true;
}

static bool on_head(void *arg, unsigned status)
{
    struct told *told = arg;
    ASSERT(status >= 100 && status <= 599);
    told->heads += status >= 200;
    ASSERT(told->heads <= 1);
    return true;
}

static bool on_body(void *arg, str bytes)
{
    struct told *told = arg;
    ASSERT(told->heads == 1);
    for (size_t i = 0; i < bytes.len; i++)
        mix(told, str_sub(bytes, i, 1));
    told->body_bytes += bytes.len;
    return true;
}

static enum client_verdict parse(str bytes, size_t step, bool no_body, struct told *told)
{
    const struct client_sink sink = { told, on_field, on_head, on_body };
    struct client_parser parser;
    enum client_verdict verdict = PARSE_OK;
    size_t used = 1;
    memset(told, 0, sizeof(*told));
    client_parser_init(&parser, &sink, KIB(4));
    client_parser_begin(&parser, no_body);
    for (size_t at = 0; at < bytes.len && verdict == PARSE_OK && !parser.complete; at += used) {
        size_t len = MIN_OF(step, bytes.len - at);
        verdict = client_parse(&parser, bytes.ptr + at, len, &used);
        ASSERT(used <= len);
        if (used == 0)
            break;
    }
    if (verdict == PARSE_OK && !parser.complete)
        client_parse_end(&parser);
    told->heads += parser.complete ? 10 : 0;
    client_parser_deinit(&parser);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct told whole, single;
    struct client_url url;
    str bytes = { (const char *)data, size };
    if (size > KIB(64))
        return 0;
    for (int no_body = 0; no_body < 2; no_body++) {
        enum client_verdict verdict = parse(bytes, size ? size : 1, no_body, &whole);
        ASSERT(parse(bytes, 1, no_body, &single) == verdict);
        if (verdict == PARSE_OK)
            ASSERT(whole.hash == single.hash && whole.heads == single.heads);
    }
    if (client_url_parse(bytes, &url) == OK)
        ASSERT(url.host.len && url.port && url.target.ptr[0] == '/');
    return 0;
}

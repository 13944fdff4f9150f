/*
 * ops_collector: an OpenTelemetry collector that takes nothing on trust. Prints "listening PORT",
 * then a line a span: "span TRACE ID PARENT KIND STATUS NAME key=value ...", and "invalid REASON"
 * (with status 400) for a post that is not an ExportTraceServiceRequest in the JSON mapping of OTLP
 * (opentelemetry-proto 1.x). Until SIGTERM.
 */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char post[16 << 20];
static const char *wrong;

static bool fail(const char *reason)
{
    wrong = reason;
    return false;
}

/* Every member is one of `names`: an unknown one may be a misspelt field. */
static bool only(const cJSON *object, const char *const *names)
{
    if (!cJSON_IsObject(object))
        return fail("not an object");
    for (const cJSON *item = object->child; item; item = item->next) {
        const char *const *name = names;
        while (*name && strcmp(*name, item->string) != 0)
            name++;
        if (!*name)
            return fail("unknown field");
    }
    return true;
}

static bool is_hex(const cJSON *value, size_t len)
{
    const char *text = cJSON_GetStringValue(value);
    if (!text || strlen(text) != len || strspn(text, "0") == len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

/* 64-bit numbers are decimal strings. */
static bool is_number_string(const cJSON *value)
{
    const char *text = cJSON_GetStringValue(value);
    size_t digits = text ? strspn(text + (text[0] == '-'), "0123456789") : 0;
    return digits > 0 && digits <= 19 && text[(text[0] == '-') + digits] == 0;
}

static bool check_attributes(const cJSON *list)
{
    static const char *const pair[] = { "key", "value", NULL };
    static const char *const any[] = { "stringValue", "intValue", NULL };
    const cJSON *item;
    if (!cJSON_IsArray(list))
        return fail("attributes are no array");
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(item, "value");
        if (!only(item, pair) || !only(value, any))
            return false;
        if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(item, "key")))
            return fail("an attribute without a key");
        const cJSON *integer = cJSON_GetObjectItemCaseSensitive(value, "intValue");
        const cJSON *text = cJSON_GetObjectItemCaseSensitive(value, "stringValue");
        if (!integer == !text || (integer && !is_number_string(integer)) ||
            (text && !cJSON_IsString(text)))
            return fail("an attribute's value");
    }
    return true;
}

static bool check_span(const cJSON *span)
{
    static const char *const fields[] = {
        "traceId",           "spanId",          "parentSpanId", "name",       "kind",
        "startTimeUnixNano", "endTimeUnixNano", "status",       "attributes", NULL
    };
    static const char *const status_fields[] = { "code", "message", NULL };
    const cJSON *parent = cJSON_GetObjectItemCaseSensitive(span, "parentSpanId");
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(span, "kind");
    const cJSON *start = cJSON_GetObjectItemCaseSensitive(span, "startTimeUnixNano");
    const cJSON *end = cJSON_GetObjectItemCaseSensitive(span, "endTimeUnixNano");
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(span, "status");
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(span, "name"));
    if (!only(span, fields))
        return false;
    if (!is_hex(cJSON_GetObjectItemCaseSensitive(span, "traceId"), 32) ||
        !is_hex(cJSON_GetObjectItemCaseSensitive(span, "spanId"), 16) ||
        (parent && !is_hex(parent, 16)))
        return fail("an id");
    if (!name || !name[0])
        return fail("a span without a name");
    if (!cJSON_IsNumber(kind) || kind->valueint < 1 || kind->valueint > 5)
        return fail("a span's kind");
    if (!is_number_string(start) || !is_number_string(end) ||
        strtoll(start->valuestring, NULL, 10) < 1000000000000000000 ||
        strtoll(end->valuestring, NULL, 10) < strtoll(start->valuestring, NULL, 10))
        return fail("a span's time");
    if (status && (!only(status, status_fields) ||
                   !cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(status, "code"))))
        return fail("a span's status");
    return check_attributes(cJSON_GetObjectItemCaseSensitive(span, "attributes"));
}

static void print_span(const cJSON *span)
{
    const cJSON *parent = cJSON_GetObjectItemCaseSensitive(span, "parentSpanId");
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(span, "status"), *item;
    printf("span %s %s %s %d %s %s", cJSON_GetObjectItemCaseSensitive(span, "traceId")->valuestring,
           cJSON_GetObjectItemCaseSensitive(span, "spanId")->valuestring,
           parent ? parent->valuestring : "-",
           cJSON_GetObjectItemCaseSensitive(span, "kind")->valueint, status ? "error" : "unset",
           cJSON_GetObjectItemCaseSensitive(span, "name")->valuestring);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(span, "attributes"))
    {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(item, "value")->child;
        printf(" %s=%s", cJSON_GetObjectItemCaseSensitive(item, "key")->valuestring,
               value->valuestring);
    }
    putchar('\n');
}

static bool each_span(const cJSON *scope, bool (*check)(const cJSON *span))
{
    static const char *const fields[] = { "scope", "spans", NULL };
    static const char *const scope_fields[] = { "name", "version", NULL };
    const cJSON *span;
    if (!only(scope, fields) ||
        !only(cJSON_GetObjectItemCaseSensitive(scope, "scope"), scope_fields))
        return false;
    cJSON_ArrayForEach(span, cJSON_GetObjectItemCaseSensitive(scope, "spans"))
    {
        if (check && !check(span))
            return false;
        if (!check)
            print_span(span);
    }
    return true;
}

/* Checks the whole post first, then prints it. */
static bool walk(const cJSON *root, bool (*check)(const cJSON *span))
{
    static const char *const root_fields[] = { "resourceSpans", NULL };
    static const char *const fields[] = { "resource", "scopeSpans", NULL };
    static const char *const resource_fields[] = { "attributes", NULL };
    const cJSON *resource_spans, *scope;
    if (!only(root, root_fields))
        return false;
    cJSON_ArrayForEach(resource_spans, cJSON_GetObjectItemCaseSensitive(root, "resourceSpans"))
    {
        const cJSON *resource = cJSON_GetObjectItemCaseSensitive(resource_spans, "resource");
        if (!only(resource_spans, fields) || !only(resource, resource_fields) ||
            !check_attributes(cJSON_GetObjectItemCaseSensitive(resource, "attributes")))
            return false;
        cJSON_ArrayForEach(scope, cJSON_GetObjectItemCaseSensitive(resource_spans, "scopeSpans"))
        {
            if (!each_span(scope, check))
                return false;
        }
    }
    return true;
}

static bool take(const char *head, const char *body)
{
    if (strncmp(head, "POST /v1/traces HTTP/1.1\r\n", 26) != 0)
        return fail("not POST /v1/traces");
    if (!strstr(head, "\r\nContent-Type: application/json\r\n"))
        return fail("not JSON");
    cJSON *root = cJSON_ParseWithOpts(body, NULL, 1);
    if (!root)
        return fail("malformed JSON");
    bool well = walk(root, check_span) && walk(root, NULL);
    cJSON_Delete(root);
    return well;
}

static void serve(int conn)
{
    size_t len = 0, wanted = sizeof(post) - 1;
    const char *end = NULL;
    while (len < wanted) {
        ssize_t got = recv(conn, post + len, sizeof(post) - 1 - len, 0);
        if (got <= 0)
            return;
        len += (size_t)got;
        post[len] = 0;
        end = strstr(post, "\r\n\r\n");
        const char *length = strstr(post, "Content-Length: ");
        if (end && length)
            wanted = (size_t)(end + 4 - post) + strtoul(length + 16, NULL, 10);
    }
    bool well = end && take(post, end + 4);
    if (!well)
        printf("invalid %s\n", wrong);
    dprintf(conn, "HTTP/1.1 %s\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
            well ? "200 OK" : "400 Bad Request");
}

int main(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t bytes = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (const struct sockaddr *)&address, bytes) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &bytes) != 0)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("listening %d\n", ntohs(address.sin_port));
    for (;;) {
        int conn = accept(fd, NULL, NULL);
        if (conn < 0)
            continue;
        serve(conn);
        close(conn);
    }
}

/* http_coding: the reading of Accept-Encoding, and the answer that follows from it. */
#include "http_coding.h"

#include <string.h>

enum { WEIGHT_ONE = 1000, UNSAID = UINT16_MAX };

/* qvalue of RFC 9110 section 12.4.2: 0 or 1, a point, at most three digits. */
static bool weight_parse(str text, uint16_t *out)
{
    unsigned value = 0, digit_worth = WEIGHT_ONE;
    if (text.len == 0 || text.len > 5 || (text.len > 1 && text.ptr[1] != '.'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (i == 1)
            continue;
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value += (unsigned)(text.ptr[i] - '0') * digit_worth;
        digit_worth /= 10;
    }
    if (value > WEIGHT_ONE)
        return false;
    *out = (uint16_t)value;
    return true;
}

/* "gzip", "gzip;q=0.5"; false when it is neither. */
static bool item_parse(str item, str *out_name, uint16_t *out_weight)
{
    str name, parameter = item;
    *out_weight = WEIGHT_ONE;
    if (!str_cut(&parameter, ';', &name))
        return false;
    *out_name = str_trim(name);
    if (!parameter.ptr)
        return out_name->len > 0;
    parameter = str_trim(parameter);
    return out_name->len > 0 && str_eq_nocase(str_sub(parameter, 0, 2), STR("q=")) &&
           weight_parse(str_skip(parameter, 2), out_weight);
}

struct reading {
    uint16_t weight[HTTP_CODING_COUNT], any;
};

static void item_note(struct reading *reading, str name, uint16_t weight)
{
    if (str_eq_nocase(name, STR("br")))
        reading->weight[HTTP_BROTLI] = weight;
    else if (str_eq_nocase(name, STR("gzip")) || str_eq_nocase(name, STR("x-gzip")))
        reading->weight[HTTP_GZIP] = weight;
    else if (str_eq_nocase(name, STR("identity")))
        reading->weight[HTTP_IDENTITY] = weight;
    else if (str_eq(name, STR("*")))
        reading->any = weight;
}

static void list_read(struct reading *reading, str list)
{
    str item, name;
    uint16_t weight;
    while (str_cut(&list, ',', &item))
        if (item_parse(item, &name, &weight))
            item_note(reading, name, weight);
}

void http_accepts_read(const struct http_request *request, struct http_accepts *out)
{
    struct reading reading = { { UNSAID, UNSAID, UNSAID }, UNSAID };
    for (unsigned i = 0; i < request->fields_count; i++) {
        const struct http_field *field = &request->fields[i];
        if (field->name.len == 15 && str_eq_nocase(field->name, STR("Accept-Encoding")))
            list_read(&reading, field->value);
    }
    for (int i = 0; i < HTTP_CODING_COUNT; i++)
        if (reading.weight[i] != UNSAID)
            out->weight[i] = reading.weight[i];
        else if (i != HTTP_IDENTITY)
            out->weight[i] = reading.any == UNSAID ? 0 : reading.any;
        else /* it is taken unless it is refused, but whoever names others wants those */
            out->weight[i] = reading.any == 0 ? 0 : 1;
}

enum http_coding http_coding_choose(const struct http_accepts *accepts, unsigned available)
{
    static const unsigned char by_size[] = { HTTP_BROTLI, HTTP_GZIP, HTTP_IDENTITY };
    enum http_coding best = HTTP_CODING_COUNT;
    unsigned best_weight = 0;
    for (size_t i = 0; i < ARRAY_LEN(by_size); i++) {
        enum http_coding coding = (enum http_coding)by_size[i];
        if ((available & (1u << coding)) && accepts->weight[coding] > best_weight) {
            best = coding;
            best_weight = accepts->weight[coding];
        }
    }
    return best;
}

/* "abc" of brotli is "abc-br". */
static str etag_of(struct arena *arena, str etag, enum http_coding coding)
{
    static const char *const suffixes[HTTP_CODING_COUNT] = { "", "-gz", "-br" };
    if (coding == HTTP_IDENTITY || etag.len < 2)
        return etag;
    char *text = arena_alloc(arena, etag.len + 3);
    memcpy(text, etag.ptr, etag.len - 1);
    memcpy(text + etag.len - 1, suffixes[coding], 3);
    text[etag.len + 2] = '"';
    return (str){ text, etag.len + 3 };
}

enum err http_reply_in(enum http_coding coding, struct http_request *request,
                       struct http_response *response, const struct http_coded *coded)
{
    http_reply_memory(response, coded->type, coded->text[coding]);
    response->etag = etag_of(request->arena, coded->etag, coding);
    TRY(http_header_add(response, STR("Vary"), coded->vary));
    if (coding == HTTP_IDENTITY)
        return OK;
    return http_header_add(response, STR("Content-Encoding"),
                           coding == HTTP_GZIP ? STR("gzip") : STR("br"));
}

enum err http_reply_coded(struct http_request *request, struct http_response *response,
                          const struct http_coded *coded)
{
    struct http_accepts accepts;
    unsigned available = 0;
    for (unsigned i = 0; i < HTTP_CODING_COUNT; i++)
        available |= coded->text[i].ptr ? 1u << i : 0;
    http_accepts_read(request, &accepts);
    enum http_coding coding = http_coding_choose(&accepts, available);
    if (coding != HTTP_CODING_COUNT)
        return http_reply_in(coding, request, response, coded);
    http_reply_problem(request, response, 406, "no-such-coding",
                       "none of the codings that Accept-Encoding allows is there");
    return http_header_add(response, STR("Vary"), coded->vary);
}

bool http_type_is_text(str type)
{
    static const str others[] = {
        STR_INIT("application/json"),          STR_INIT("application/problem+json"),
        STR_INIT("application/manifest+json"), STR_INIT("application/vnd.apple.mpegurl"),
        STR_INIT("application/dash+xml"),      STR_INIT("image/svg+xml")
    };
    if (str_starts(type, STR("text/")))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (str_starts(type, others[i]))
            return true;
    return false;
}

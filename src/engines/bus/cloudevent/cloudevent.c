/*
 * cloudevent: the rules of attributes (CloudEvents 1.0.2, sections "Context Attributes", "Type
 * System" and "Naming Conventions"), asked of every event that is read or written.
 */
#include "internal.h"

#include "foundation/json/json.h"

#include <stdio.h>

#define YEAR_1     SECONDS(-62135596800)
#define YEAR_10000 SECONDS(253402300800)

/* --- Rules of texts -----------------------------------------------------------------------------
 */

/* A String: UTF-8 without control characters and noncharacters. */
static bool is_string(str text)
{
    size_t at = 0;
    if (!str_is_utf8(text))
        return false;
    while (at < text.len) {
        uint32_t code = str_utf8_next(text, &at);
        if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
            return false;
        if ((code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) == 0xfffe)
            return false;
    }
    return true;
}

/* The characters of RFC 3986, appendix A; how they are put together is the reader's business. */
static bool is_uri_reference(str text)
{
    static const char marks[] = "-._~:/?#[]@!$&'()*+,;=%";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && str_find_char((str){ marks, sizeof(marks) - 1 }, c) < 0)
            return false;
    }
    return true;
}

static bool is_uri(str text)
{
    ptrdiff_t colon = str_find_char(text, ':');
    bool letter = text.len > 0 && ((text.ptr[0] | 0x20) >= 'a' && (text.ptr[0] | 0x20) <= 'z');
    return letter && colon > 0 && is_uri_reference(text) &&
           str_find_char(str_sub(text, 0, (size_t)colon), '/') < 0;
}

static bool is_token(str text)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && str_find_char((str){ marks, sizeof(marks) - 1 }, c) < 0)
            return false;
    }
    return text.len > 0;
}

/* RFC 2045, section 5.1: type "/" subtype, and parameters, which nobody here looks into. */
static bool is_media_type(str text)
{
    str type, subtype = STR_NONE, parameters = text, essence;
    if (!is_string(text) || !str_cut(&parameters, ';', &essence))
        return false;
    subtype = str_trim(essence);
    return str_cut(&subtype, '/', &type) && subtype.ptr && is_token(type) && is_token(subtype);
}

bool media_type_is_json(str type)
{
    str essence = STR_NONE, rest = type;
    str_cut(&rest, ';', &essence);
    essence = str_trim(essence);
    return str_ends_nocase(essence, STR("/json")) || str_ends_nocase(essence, STR("+json"));
}

bool text_is_json(str text)
{
    struct arena arena;
    struct json json;
    struct json_limits limits = { .size_bytes_max = CLOUDEVENT_SIZE_BYTES_MAX,
                                  .string_bytes_max = CLOUDEVENT_SIZE_BYTES_MAX,
                                  .depth_max = JSON_DEPTH_MAX - 1 };
    arena_init(&arena, MIB(2));
    bool valid = json_init(&json, &arena, text, &limits) == OK && json_skip(&json, NULL) == OK &&
                 json_finish(&json) == OK;
    arena_deinit(&arena);
    return valid;
}

/* --- Attributes ---------------------------------------------------------------------------------
 */

static const struct attribute {
    str name;
    size_t offset;
    bool required;
    bool (*holds)(str text);
    const char *rule;
} attributes[] = {
    { STR_INIT("id"), offsetof(struct cloudevent, id), true, is_string, "text" },
    { STR_INIT("source"), offsetof(struct cloudevent, source), true, is_uri_reference,
      "a URI reference" },
    { STR_INIT("type"), offsetof(struct cloudevent, type), true, is_string, "text" },
    { STR_INIT("subject"), offsetof(struct cloudevent, subject), false, is_string, "text" },
    { STR_INIT("datacontenttype"), offsetof(struct cloudevent, datacontenttype), false,
      is_media_type, "a media type" },
    { STR_INIT("dataschema"), offsetof(struct cloudevent, dataschema), false, is_uri, "a URI" },
};

static enum err attribute_check(const struct attribute *attribute, str value)
{
    if (!value.ptr && !attribute->required)
        return OK;
    if (value.len == 0)
        return err_set(ERR_INVALID, "envelope", "the event's %.*s is missing",
                       STR_ARG(attribute->name));
    if (value.len > CLOUDEVENT_TEXT_MAX)
        return err_set(ERR_TOO_LARGE, "envelope", "the event's %.*s is over %d bytes",
                       STR_ARG(attribute->name), CLOUDEVENT_TEXT_MAX);
    if (!attribute->holds(value))
        return err_set(ERR_INVALID, "envelope", "the event's %.*s is not %s",
                       STR_ARG(attribute->name), attribute->rule);
    return OK;
}

static bool is_reserved(str name)
{
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
        if (str_eq(name, attributes[i].name))
            return true;
    return str_eq(name, STR("time")) || str_eq(name, STR("specversion")) ||
           str_eq(name, STR("data"));
}

static enum err name_check(str name)
{
    bool right = name.len > 0 && name.len <= CLOUDEVENT_NAME_MAX && !is_reserved(name);
    for (size_t i = 0; right && i < name.len; i++) {
        char c = name.ptr[i];
        right = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    }
    str shown = str_is_utf8(name) ? str_head_utf8(name, 40) : STR("(not text)");
    return right ? OK
                 : err_set(ERR_INVALID, "envelope", "an event has no attribute named '%.*s'",
                           STR_ARG(shown));
}

static bool kind_holds(const struct cloudevent_extension *extension)
{
    int64_t number;
    char text[24];
    switch (extension->kind) {
    case CLOUDEVENT_INTEGER: /* in its one form: 007 and -0 are other texts */
        if (!str_parse_i64(extension->value, &number) || number != (int32_t)number)
            return false;
        snprintf(text, sizeof(text), "%d", (int)number);
        return str_eq(extension->value, str_of(text));
    case CLOUDEVENT_BOOLEAN:
        return str_eq(extension->value, STR("true")) || str_eq(extension->value, STR("false"));
    default:
        return is_string(extension->value);
    }
}

static enum err extension_check(const struct cloudevent *event, unsigned index)
{
    const struct cloudevent_extension *extension = &event->extensions[index];
    TRY(name_check(extension->name));
    for (unsigned i = 0; i < index; i++)
        if (str_eq(event->extensions[i].name, extension->name))
            return err_set(ERR_INVALID, "envelope", "the event's %.*s is there twice",
                           STR_ARG(extension->name));
    if (extension->value.len > CLOUDEVENT_TEXT_MAX)
        return err_set(ERR_TOO_LARGE, "envelope", "the event's %.*s is over %d bytes",
                       STR_ARG(extension->name), CLOUDEVENT_TEXT_MAX);
    if (!kind_holds(extension))
        return err_set(ERR_INVALID, "envelope", "the event's %.*s is of no type it may have",
                       STR_ARG(extension->name));
    return OK;
}

enum err cloudevent_check(const struct cloudevent *event)
{
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
        TRY(attribute_check(&attributes[i],
                            *(const str *)((const char *)event + attributes[i].offset)));
    if (event->time != INSTANT_NEVER && (event->time < YEAR_1 || event->time >= YEAR_10000))
        return err_set(ERR_INVALID, "envelope", "the event's time is of no year from 1 to 9999");
    if (event->extensions_count > CLOUDEVENT_EXTENSIONS_MAX)
        return err_set(ERR_TOO_LARGE, "envelope", "the event has over %d extensions",
                       CLOUDEVENT_EXTENSIONS_MAX);
    for (unsigned i = 0; i < event->extensions_count; i++)
        TRY(extension_check(event, i));
    if (event->data.len > CLOUDEVENT_SIZE_BYTES_MAX)
        return err_set(ERR_TOO_LARGE, "envelope", "the event's data is over %d bytes",
                       CLOUDEVENT_SIZE_BYTES_MAX);
    return OK;
}

str cloudevent_extension_find(const struct cloudevent *event, str name)
{
    for (unsigned i = 0; i < event->extensions_count; i++)
        if (str_eq(event->extensions[i].name, name))
            return event->extensions[i].value;
    return STR_NONE;
}

enum err envelope_exhausted(void)
{
    return err_set(ERR_EXHAUSTED, "envelope", "there is no room for the event");
}

/* --- While it is read ---------------------------------------------------------------------------
 */

void draft_init(struct draft *draft)
{
    *draft = (struct draft){ .event.time = INSTANT_NEVER };
}

static enum err twice(str name)
{
    return err_set(ERR_INVALID, "envelope", "the event's %.*s is there twice", STR_ARG(name));
}

static enum err version_put(struct draft *draft, const struct cloudevent_extension *given)
{
    if (draft->version_seen)
        return twice(STR("specversion"));
    draft->version_seen = true;
    return given->kind == CLOUDEVENT_STRING && str_eq(given->value, STR("1.0"))
               ? OK
               : err_set(ERR_INVALID, "envelope", "the event's specversion is not 1.0");
}

static enum err time_put(struct draft *draft, str value)
{
    if (draft->event.time != INSTANT_NEVER)
        return twice(STR("time"));
    return instant_parse(value, &draft->event.time)
               ? OK
               : err_set(ERR_INVALID, "envelope", "the event's time is not RFC 3339");
}

enum err draft_put(struct draft *draft, const struct cloudevent_extension *given)
{
    if (str_eq(given->name, STR("specversion")))
        return version_put(draft, given);
    if (str_eq(given->name, STR("time")))
        return time_put(draft, given->value);
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
        str *value = (str *)(void *)((char *)&draft->event + attributes[i].offset);
        if (!str_eq(given->name, attributes[i].name))
            continue;
        if (value->ptr)
            return twice(given->name);
        if (given->kind != CLOUDEVENT_STRING)
            return err_set(ERR_INVALID, "envelope", "the event's %.*s is not text",
                           STR_ARG(given->name));
        *value = given->value.ptr ? given->value : STR("");
        return attribute_check(&attributes[i], *value);
    }
    if (draft->extensions_count == CLOUDEVENT_EXTENSIONS_MAX)
        return err_set(ERR_TOO_LARGE, "envelope", "the event has over %d extensions",
                       CLOUDEVENT_EXTENSIONS_MAX);
    draft->extensions[draft->extensions_count++] = *given;
    return OK;
}

enum err draft_finish(struct draft *draft, struct arena *arena, struct cloudevent *out)
{
    struct cloudevent_extension *kept;
    if (!draft->version_seen)
        return err_set(ERR_INVALID, "envelope", "the event's specversion is missing");
    draft->event.extensions = draft->extensions;
    draft->event.extensions_count = draft->extensions_count;
    TRY(cloudevent_check(&draft->event));
    kept = arena_try(arena, (draft->extensions_count + 1) * sizeof(*kept));
    if (!kept)
        return envelope_exhausted();
    for (unsigned i = 0; i < draft->extensions_count; i++)
        kept[i] = draft->extensions[i];
    draft->event.extensions = kept;
    *out = draft->event;
    return OK;
}

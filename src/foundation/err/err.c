/* err: the table of meanings and the slot that carries the detail. */
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct err_info infos[ERR_COUNT] = { [OK] = { "ok", 200, 0, false, "debug" },
#define X(name, slug, http, grpc, retryable, level)                                                \
    [ERR_##name] = { slug, http, grpc, retryable, level },
                                                  ERR_TABLE(X)
#undef X
};

static _Thread_local struct err_slot own_slot;
static _Thread_local struct err_slot *slot_in_force;

const struct err_info *err_info(enum err code)
{
    ASSERT((unsigned)code < ERR_COUNT);
    return &infos[code];
}

struct err_slot *err_slot(void)
{
    return slot_in_force ? slot_in_force : &own_slot;
}

struct err_slot *err_slot_use(struct err_slot *slot)
{
    struct err_slot *replaced = slot_in_force;
    slot_in_force = slot;
    return replaced;
}

enum err err_set_at(const char *file, int line, enum err code, const char *slug, const char *format,
                    ...)
{
    struct err_slot *slot = err_slot();
    char text[ERR_TEXT_MAX]; /* the arguments may point into the slot */
    va_list args;
    ASSERT(code != OK);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    memcpy(slot->text, text, sizeof(text));
    snprintf(slot->slug, sizeof(slot->slug), "%s", slug ? slug : infos[code].slug);
    slot->code = code;
    slot->file = file;
    slot->line = line;
    slot->fields_count = 0;
    return code;
}

void err_field_add(str path, const char *format, ...)
{
    struct err_slot *slot = err_slot();
    if (slot->fields_count++ >= ERR_FIELDS_MAX)
        return;
    struct err_field *field = &slot->fields[slot->fields_count - 1];
    snprintf(field->path, sizeof(field->path), "%.*s", STR_ARG(path));
    va_list args;
    va_start(args, format);
    vsnprintf(field->message, sizeof(field->message), format, args);
    va_end(args);
}

enum err err_prefix(const char *format, ...)
{
    struct err_slot *slot = err_slot();
    char text[ERR_TEXT_MAX * 2];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, ERR_TEXT_MAX, format, args);
    va_end(args);
    size_t at = len < 0 ? 0 : MIN_OF((size_t)len, (size_t)ERR_TEXT_MAX - 1);
    snprintf(text + at, sizeof(text) - at, ": %s", slot->text);
    snprintf(slot->text, sizeof(slot->text), "%.*s", ERR_TEXT_MAX - 1, text);
    return slot->code;
}

static enum err code_of_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_FORBIDDEN;
    case EEXIST:
    case EADDRINUSE:
        return ERR_CONFLICT;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return ERR_EXHAUSTED;
    case EINVAL:
    case ENAMETOOLONG:
        return ERR_INVALID;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
        return ERR_UNAVAILABLE;
    default:
        return ERR_INTERNAL;
    }
}

enum err err_errno_at(const char *file, int line, const char *what)
{
    int number = errno;
    return err_set_at(file, line, code_of_errno(number), NULL, "%s: %s", what,
                      err_number_text(number));
}

const char *err_number_text(int number)
{
    const char *text = strerrordesc_np(number);
    return text ? text : "unknown error number";
}

void err_clear(void)
{
    struct err_slot *slot = err_slot();
    slot->code = OK;
    slot->slug[0] = slot->text[0] = 0;
    slot->file = NULL;
    slot->fields_count = 0;
}

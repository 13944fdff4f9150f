/* conf_impl: what the readers of settings share. */
#pragma once

#include "conf.h"

/* What is known of one setting's value. */
struct conf_origin {
    const char *text; /* "kinobezdna.conf:12"; NULL: the initial value */
    unsigned reading; /* the number of the conf_read_text() call that set it */
};

struct conf_found {
    size_t group, index;
    const struct setting *setting;
};

/* By full name, or by flag. False when there is none. */
bool conf_find(const struct conf *conf, str name, struct conf_found *out);
bool conf_find_flag(const struct conf *conf, str flag, struct conf_found *out);
struct conf_origin *conf_origin_of(const struct conf *conf, const struct conf_found *found);

/* Notes something wrong at `where`; reading goes on. */
void conf_reject(struct conf *conf, str where, const char *format, ...) PRINTF_LIKE(3, 4);
/* Parses, checks and stores a value, or rejects it. `where` is kept as the origin. */
void conf_store(struct conf *conf, const struct conf_found *found, str where, str value);
/* ERR_INVALID when something was rejected since the last call. */
enum err conf_result(struct conf *conf);

enum { CONF_ENV_MAX = 96 };
/* "http.listen" is "KB_HTTP_LISTEN". */
str conf_env_name(const struct setting *setting, char out[CONF_ENV_MAX]);
/* The bound value as it would stand in a file, in the arena; a secret is "(set)" or empty. */
str conf_value_text(struct arena *arena, const struct setting *setting, const void *values);

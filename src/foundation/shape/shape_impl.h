/*
 * shape_impl: what the readers of a shape share: where they are, how they refuse, how they
 * store.
 */
#pragma once

#include "shape.h"

#include "foundation/json/json.h"

#include <string.h>

/* One step to a value: a member's name, a map's key, or (name.ptr NULL) an index. On the stack. */
struct shape_path {
    const struct shape_path *up;
    str name;
    size_t index;
};

struct shape_reader {
    struct arena *arena;
    struct json json; /* not used for query strings */
    bool failed;      /* at least one value was refused; the error slot tells which */
};

/* Records a refused value; reading goes on, so that every failing field is named. */
void shape_reject(struct shape_reader *reader, const struct shape_path *path, const char *format,
                  ...) PRINTF_LIKE(3, 4);

/* Check a value against its field and store it at `at`; a value that does not fit is refused. */
void shape_store_int(struct shape_reader *reader, const struct shape_field *field,
                     const struct shape_path *path, int64_t value, void *at);
void shape_store_double(struct shape_reader *reader, const struct shape_field *field,
                        const struct shape_path *path, double value, void *at);
/* For ids, texts, times and enums. */
void shape_store_text(struct shape_reader *reader, const struct shape_field *field,
                      const struct shape_path *path, str text, void *at);
/* Refuses lists and maps with a number of items out of range. */
void shape_check_count(struct shape_reader *reader, const struct shape_field *field,
                       const struct shape_path *path, size_t count);
/* The most items a list or map may have. */
size_t shape_count_max(const struct shape_field *field);

/* Stores every field's `initial` into a zeroed record. */
void shape_set_initial(const struct shape *shape, void *record);
/* Refuses for every required field not in `seen` (bit = index). */
void shape_check_required(struct shape_reader *reader, const struct shape *shape,
                          const struct shape_path *up, uint64_t seen);
/* Index of a field, looked for from `hint` on, around; or fields_count. */
size_t shape_field_index(const struct shape *shape, str name, size_t hint);

/* Integers of any kind but double and text, unchecked. */
int64_t shape_load_int(enum shape_kind kind, const void *at);
/* False when the value does not fit the C type. */
bool shape_put_int(enum shape_kind kind, void *at, int64_t value);

/* bus: publishing, and reading what was published. Both work without a running bus. */
#include "internal.h"

#include "foundation/shape/shape.h"

#include <string.h>

enum err bus_new_check(const struct bus_new *event)
{
    ASSERT(event->type->version >= 1 && strlen(event->type->name) <= BUS_TYPE_MAX);
    if (event->aggregate.len == 0 || event->aggregate.len > BUS_AGGREGATE_MAX)
        return err_set(ERR_INVALID, "event-aggregate",
                       "the aggregate of %s has %zu bytes, not 1 to %d", event->type->name,
                       event->aggregate.len, BUS_AGGREGATE_MAX);
    return OK;
}

enum err bus_data_write(struct arena *arena, const struct bus_new *event, str *out_data)
{
    struct buf data;
    buf_init_leaving(&data, arena, BUS_DATA_MAX);
    shape_write_json(&data, event->type->shape, event->data);
    if (data.overflowed)
        return err_set(ERR_TOO_LARGE, "event-data", "the data of %s has more than %d bytes",
                       event->type->name, BUS_DATA_MAX);
    *out_data = buf_str(&data);
    return OK;
}

enum err bus_publish(struct db_tx *tx, const struct bus_new *event)
{
    struct db_event row = { .type = str_of(event->type->name),
                            .type_version = event->type->version,
                            .aggregate_id = event->aggregate };
    TRY(bus_new_check(event));
    TRY(bus_data_write(db_arena(tx), event, &row.payload));
    return db_event_add(tx, &row);
}

enum err bus_event_read(struct arena *arena, const struct bus_event *event,
                        const struct bus_type *type, void *out_record)
{
    ASSERT(type->shape->forgiving); /* later programs add fields */
    return shape_parse_json(arena, type->shape, event->data, out_record);
}

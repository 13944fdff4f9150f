/* bus: publishing, and reading what was published. Both work without a running bus. */
#include "bus.h"

#include "foundation/shape/shape.h"

#include <string.h>

static enum err publish_check(const struct bus_new *event)
{
    if (event->aggregate.len == 0 || event->aggregate.len > BUS_AGGREGATE_MAX)
        return err_set(ERR_INVALID, "event-aggregate",
                       "the aggregate of %s has %zu bytes, not 1 to %d", event->type->name,
                       event->aggregate.len, BUS_AGGREGATE_MAX);
    return OK;
}

enum err bus_publish(struct db_tx *tx, const struct bus_new *event)
{
    const struct bus_type *type = event->type;
    struct buf data;
    ASSERT(type->version >= 1 && strlen(type->name) <= BUS_TYPE_MAX);
    TRY(publish_check(event));
    buf_init_leaving(&data, db_arena(tx), BUS_DATA_MAX);
    shape_write_json(&data, type->shape, event->data);
    if (data.overflowed)
        return err_set(ERR_TOO_LARGE, "event-data", "the data of %s has more than %d bytes",
                       type->name, BUS_DATA_MAX);
    struct db_event row = {
        .type = str_of(type->name),
        .aggregate_id = event->aggregate,
        .payload = buf_str(&data),
    };
    return db_event_add(tx, &row);
}

enum err bus_event_read(struct arena *arena, const struct bus_event *event,
                        const struct bus_type *type, void *out_record)
{
    ASSERT(type->shape->forgiving); /* later programs add fields */
    return shape_parse_json(arena, type->shape, event->data, out_record);
}

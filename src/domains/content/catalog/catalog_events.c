/*
 * catalog_events: what the catalogue publishes. An event tells that something has changed and how
 * it stands; who wants more asks for it by its id.
 */
#include "catalog_internal.h"

#include "engines/bus/bus.h"

struct title_event {
    struct id id;
    enum title_status status;
    int64_t version;
};
SHAPE(title_event_shape, struct title_event, FIELD(struct title_event, id, .proto = 1),
      FIELD_ENUM(struct title_event, status, title_statuses, .proto = 2,
                 .doc = "viewers see what is published, within its window"),
      FIELD(struct title_event, version, .proto = 3, .doc = "grows with every change"));

struct person_event {
    struct id id;
    int64_t version;
};
SHAPE(person_event_shape, struct person_event, FIELD(struct person_event, id, .proto = 1),
      FIELD(struct person_event, version, .proto = 2, .doc = "grows with every change"));

static const struct bus_type title_changed = {
    .name = "title.changed",
    .version = 1,
    .shape = &title_event_shape,
    .topic = "movie-events",
    .doc = "A title was added, or anything of it has changed: texts, people, pictures, what can be "
           "watched, its status",
};
static const struct bus_type person_changed = {
    .name = "person.changed",
    .version = 1,
    .shape = &person_event_shape,
    .topic = "movie-events",
    .doc = "A person was added, or a name has changed",
};
BUS_TYPES(catalog_events, "catalog", &title_changed, &person_changed);

static enum err publish(struct db_tx *tx, const struct bus_type *type, str aggregate,
                        const void *record)
{
    struct buf data;
    buf_init(&data, db_arena(tx), BUS_DATA_MAX);
    shape_write_json(&data, type->shape, record);
    struct db_event event = { str_of(type->name), aggregate, buf_str(&data) };
    return db_event_add(tx, &event);
}

enum err catalog_title_announce(struct db_tx *tx, const struct title *title, int64_t version)
{
    char text[ID_TEXT_MAX];
    struct title_event event = { title->id, title->status, version };
    str number = id_format(title->id, text);
    return publish(tx, &title_changed, arena_printf(db_arena(tx), "title/%.*s", STR_ARG(number)),
                   &event);
}

enum err catalog_person_announce(struct db_tx *tx, struct id id, int64_t version)
{
    char text[ID_TEXT_MAX];
    struct person_event event = { id, version };
    str number = id_format(id, text);
    return publish(tx, &person_changed, arena_printf(db_arena(tx), "person/%.*s", STR_ARG(number)),
                   &event);
}

/*
 * catalog_events: what the catalogue publishes, in the transaction that did it. An event tells that
 * something has changed and how it stands; who wants more asks for it by its id.
 */
#include "catalog_internal.h"

#include <stdio.h>

SHAPE_FORGIVING(title_event_shape, struct catalog_title_event,
                FIELD(struct catalog_title_event, id, .proto = 1),
                FIELD_ENUM(struct catalog_title_event, status, title_statuses, .proto = 2,
                           .doc = "viewers see what is published, within its window"),
                FIELD(struct catalog_title_event, version, .proto = 3,
                      .doc = "grows with every change"));
SHAPE_FORGIVING(person_event_shape, struct catalog_person_event,
                FIELD(struct catalog_person_event, id, .proto = 1),
                FIELD(struct catalog_person_event, version, .proto = 2,
                      .doc = "grows with every change"));

const struct bus_type catalog_title_changed = {
    .name = "title.changed",
    .version = 1,
    .shape = &title_event_shape,
    .topic = "movie-events",
    .doc = "A title was added, or anything of it has changed: texts, people, pictures, what can be "
           "watched, its status",
};
const struct bus_type catalog_title_published = {
    .name = "title.published",
    .version = 1,
    .shape = &title_event_shape,
    .topic = "movie-events",
    .doc = "A draft was published",
};
const struct bus_type catalog_person_changed = {
    .name = "person.changed",
    .version = 1,
    .shape = &person_event_shape,
    .topic = "movie-events",
    .doc = "A person was added, or a name has changed",
};
BUS_TYPES(catalog_events, "catalog", &catalog_title_changed, &catalog_title_published,
          &catalog_person_changed);

static str aggregate_of(struct db_tx *tx, const char *noun, struct id id)
{
    char text[ID_TEXT_MAX];
    str number = id_format(id, text);
    return arena_printf(db_arena(tx), "%s/%.*s", noun, STR_ARG(number));
}

enum err catalog_title_tell(struct db_tx *tx, const struct bus_type *type,
                            const struct title *title)
{
    struct catalog_title_event data = { .id = title->id,
                                        .status = title->status,
                                        .version = title->version };
    struct bus_new event = { type, aggregate_of(tx, "title", title->id), &data };
    return bus_publish(tx, &event);
}

enum err catalog_person_tell(struct db_tx *tx, struct id id, int64_t version)
{
    struct catalog_person_event data = { .id = id, .version = version };
    struct bus_new event = { &catalog_person_changed, aggregate_of(tx, "person", id), &data };
    return bus_publish(tx, &event);
}

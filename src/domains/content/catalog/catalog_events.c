/* catalog_events: what the catalogue says has happened, in the transaction that did it. */
#include "catalog_internal.h"

#include <stdio.h>

SHAPE_FORGIVING(catalog_title_event_shape, struct catalog_title_event,
                FIELD(struct catalog_title_event, id, .required = true),
                FIELD(struct catalog_title_event, status, .doc = "draft, published or archived"),
                FIELD(struct catalog_title_event, version,
                      .doc = "of the title: grows with every change"));
SHAPE_FORGIVING(catalog_person_event_shape, struct catalog_person_event,
                FIELD(struct catalog_person_event, id, .required = true),
                FIELD(struct catalog_person_event, version,
                      .doc = "of the person: grows with every change"));

const struct bus_type catalog_title_changed = {
    .name = "title.changed",
    .version = 1,
    .shape = &catalog_title_event_shape,
    .topic = "movie-events",
    .doc = "Something of a title is another: a text, a person, a picture, an edition, its status.",
};
const struct bus_type catalog_title_published = {
    .name = "title.published",
    .version = 1,
    .shape = &catalog_title_event_shape,
    .topic = "movie-events",
    .doc = "A draft was published; viewers see it in its windows.",
};
const struct bus_type catalog_person_changed = {
    .name = "person.changed",
    .version = 1,
    .shape = &catalog_person_event_shape,
    .topic = "movie-events",
    .doc = "A name or another text of a person is another.",
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
                                        .status = shape_enum_text(&title_statuses, title->status),
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

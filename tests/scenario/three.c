/*
 * three: the cinema in three processes on one database. A router would stand before them; here the
 * client is told by the path whom to ask. The process called "server" is ingest's: it has the data
 * folder of the scenario, whose commands take their work to it.
 */
#include "world.h"

#include <poll.h>
#include <stdlib.h>

/* The bound of docs/internals/db.md on what a process may not know yet, and a little. */
#define KNOWN_WITHIN MILLISECONDS(1050)

static const struct {
    const char *name, *modules;
} beside[] = {
    [PLACE_CATALOG] = { "server-catalog", "catalog" },
    [PLACE_PLAYBACK] = { "server-playback", "playback" },
};

static str data_of(struct world *world)
{
    str data;
    world_get(world, STR("data"), &data);
    return data;
}

const char *three_arguments(struct world *world)
{
    return world->three ? arena_printf(&world->lasting, "--modules ingest,demo --shared '%.*s'",
                                       STR_ARG(data_of(world)))
                              .ptr
                        : "";
}

enum err three_serve(struct world *world)
{
    str data = data_of(world);
    if (!world->three)
        return OK;
    for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
        str own = arena_printf(&world->lasting, "%.*s-%s", STR_ARG(data), beside[i].modules);
        str arguments =
            arena_printf(&world->lasting, "--modules %s --shared '%.*s' %.*s", beside[i].modules,
                         STR_ARG(data), STR_ARG(world->server_arguments));
        TRY(process_serve_one(world, beside[i].name, own, arguments, &world->ports[i]));
    }
    world->ports[PLACE_INGEST] = world->port;
    world->place = PLACE_INGEST;
    return OK;
}

static int place_of(str path)
{
    static const str ingest[] = { STR_INIT("/v1/imports"), STR_INIT("/v1/jobs"),
                                  STR_INIT("/v1/reviews"), STR_INIT("/v1/demo") };
    str query = path;
    str_cut(&query, '?', &path);
    if (str_starts(path, STR("/media/")) ||
        (str_starts(path, STR("/v1/titles/")) && str_ends(path, STR("/play"))))
        return PLACE_PLAYBACK;
    for (size_t i = 0; i < ARRAY_LEN(ingest); i++)
        if (str_starts(path, ingest[i]))
            return PLACE_INGEST;
    return PLACE_CATALOG;
}

void three_route(struct world *world, str path)
{
    if (!world->three)
        return;
    int place = place_of(path);
    if (place != world->place) {
        http_close(&world->conn);
        world->has_answer = world->has_answer && !world->answer.closes;
    }
    world->place = place;
    span left = world->news_at ? world->news_at + KNOWN_WITHIN - clock_mono() : 0;
    if (place == PLACE_CATALOG && left > 0)
        poll(NULL, 0, (int)(left / MILLISECONDS(1)) + 1);
    if (place == PLACE_CATALOG)
        world->news_at = 0;
}

void three_note(struct world *world, bool command)
{
    if (world->three && (command || world->place != PLACE_CATALOG))
        world->news_at = clock_mono();
}

/*
 * postgres_url_fuzz: any text as the URL of a database: what is taken is within its limits, and is
 * shown and written into sessions as one line of text.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pg_db *db)
{
    ASSERT(db->pool_max >= 1 && db->pool_max <= POOL_MAX);
    ASSERT(db->readers_max >= 1 && db->readers_max <= READERS_MAX);
    ASSERT(strnlen(db->shown, sizeof(db->shown)) < sizeof(db->shown));
    for (enum use use = 0; use < USES; use++)
        ASSERT(strnlen(db->session[use], SESSION_TEXT) < SESSION_TEXT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char scheme[] = "postgres://";
    const struct db base = { .context = "content" };
    char *url = heap_alloc(sizeof(scheme) + size);
    memcpy(url, scheme, sizeof(scheme) - 1);
    memcpy(url + sizeof(scheme) - 1, data, size);
    url[sizeof(scheme) - 1 + size] = 0;
    struct pg_db *db = pg_place_closed(&base, url);
    if (db)
        check(db);
    pg_place_closed_free(db);
    heap_free(url);
    return 0;
}

/* ordinals: the queries of a database numbered 0 … n-1, found again by their address. */
#include "driver.h"

#include "foundation/mem/heap.h"

static unsigned hash_of(const struct db_query *query)
{
    return (unsigned)((uintptr_t)query / sizeof(void *) * 2654435761u >> 7);
}

void db_ordinals_init(struct db_ordinals *ordinals, const struct db *db)
{
    unsigned count = 0, size = 16;
    for (unsigned i = 0; i < db->modules_count; i++)
        count += db->modules[i]->queries_count;
    while (size < count * 2 + 2)
        size *= 2;
    *ordinals = (struct db_ordinals){ HEAP_ARRAY(size, struct db_ordinal), size - 1, count };
    unsigned ordinal = 0;
    for (unsigned i = 0; i < db->modules_count; i++) {
        const struct db_module *module = db->modules[i];
        for (unsigned k = 0; k < module->queries_count; k++) {
            unsigned at = hash_of(module->queries[k]);
            while (ordinals->slots[at & ordinals->mask].query)
                at++;
            ordinals->slots[at & ordinals->mask] =
                (struct db_ordinal){ module->queries[k], ordinal++ };
        }
    }
}

void db_ordinals_deinit(struct db_ordinals *ordinals)
{
    heap_free(ordinals->slots);
    *ordinals = (struct db_ordinals){ 0 };
}

unsigned db_ordinal_of(const struct db_ordinals *ordinals, const struct db_query *query)
{
    unsigned at = hash_of(query);
    for (;; at++) {
        const struct db_ordinal *slot = &ordinals->slots[at & ordinals->mask];
        if (slot->query == query)
            return slot->ordinal;
        if (!slot->query)
            PANIC("query %s belongs to no module of its database", query->name);
    }
}

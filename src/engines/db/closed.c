/*
 * closed: what is done to a database that nobody has opened through the port: checks, copies put
 * back, upgrades undone. The driver opens it for that one deed.
 */
#include "port.h"

#include "foundation/mem/heap.h"

enum err db_snapshot_newest(const struct db_spec *spec, struct db_snapshot *out_snapshot)
{
    struct db base;
    TRY(db_base_init(spec, &base));
    enum err err = spec->driver->snapshot_newest(&base, spec->place, out_snapshot);
    heap_free((void *)base.modules);
    return err;
}

enum err db_check(const struct db_spec *spec, const struct db_check *check)
{
    struct db base;
    TRY(db_base_init(spec, &base));
    enum err err = spec->driver->check(&base, spec->place, check);
    heap_free((void *)base.modules);
    return err;
}

enum err db_newest(const struct db_spec *spec, instant *out_at)
{
    struct db base;
    TRY(db_base_init(spec, &base));
    enum err err = spec->driver->newest(&base, spec->place, out_at);
    heap_free((void *)base.modules);
    return err;
}

enum err db_diagnose(const struct db_spec *spec, db_finding_fn fn, void *arg)
{
    struct db base;
    if (!spec->driver->diagnose)
        return OK;
    TRY(db_base_init(spec, &base));
    enum err err = spec->driver->diagnose(&base, spec->place, fn, arg);
    heap_free((void *)base.modules);
    return err;
}

enum err db_rollback(const struct db_spec *spec, const struct db_versions *to)
{
    struct db base;
    TRY(db_base_init(spec, &base));
    enum err err = spec->driver->rollback(&base, spec->place, to);
    heap_free((void *)base.modules);
    return err;
}

enum err db_snapshot_restore(const struct db_spec *spec, const struct db_snapshot *snapshot)
{
    struct db base;
    TRY(db_base_init(spec, &base));
    enum err err = spec->driver->snapshot_restore(&base, spec->place, snapshot);
    heap_free((void *)base.modules);
    return err;
}

const char *db_spec_suffix(const struct db_spec *spec)
{
    return spec->driver->copy_suffix;
}

bool db_restores(const struct db_spec *spec)
{
    return spec->driver->restore != NULL;
}

enum err db_restore_check(const struct db_spec *spec)
{
    struct db base;
    TRY(db_base_init(spec, &base));
    enum err err = spec->driver->restore_check(&base, spec->place);
    heap_free((void *)base.modules);
    return err;
}

enum err db_restore(const struct db_spec *spec, const char *path, const struct db_copy_watch *watch)
{
    struct db base;
    TRY(db_base_init(spec, &base));
    enum err err = spec->driver->restore(&base, spec->place, path, watch);
    heap_free((void *)base.modules);
    return err;
}

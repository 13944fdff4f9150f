/* history: what a database says was applied to it, against what the program's modules declare. */
#include "driver.h"

#include <openssl/sha.h>
#include <string.h>

static const struct db_module *module_find(const struct db *db, const char *name)
{
    for (unsigned i = 0; i < db->modules_count; i++) {
        if (strcmp(db->modules[i]->name, name) == 0)
            return db->modules[i];
    }
    return NULL;
}

unsigned db_module_version(const struct db_module *module)
{
    unsigned count = module->migrations_count;
    return count ? module->migrations[count - 1].number : 0;
}

static const struct db_migration *migration_find(const struct db_module *module, unsigned number)
{
    for (unsigned i = 0; i < module->migrations_count; i++) {
        if (module->migrations[i].number == number)
            return &module->migrations[i];
    }
    return NULL;
}

enum err db_history_check(const struct db *db, const char *place, const struct db_applied *applied)
{
    const struct db_module *module = module_find(db, applied->module);
    if (!module)
        return err_set(ERR_PRECONDITION, "database-newer",
                       "%s holds the module %s at version %u, which this program does not know",
                       place, applied->module, applied->number);
    if (applied->number > db_module_version(module))
        return err_set(ERR_PRECONDITION, "database-newer",
                       "%s is at version %u of %s, this program knows version %u: use the newer "
                       "program",
                       place, applied->number, applied->module, db_module_version(module));
    const struct db_migration *migration = migration_find(module, applied->number);
    const char *sql = migration ? migration->sql[db->driver->dialect] : NULL;
    char checksum[DB_CHECKSUM_TEXT] = "";
    if (sql)
        db_checksum(sql, checksum);
    if (strcmp(checksum, applied->checksum) != 0)
        return err_set(ERR_PRECONDITION, "migration-changed",
                       "%s: migration %s of %s is not the one that was applied", place,
                       applied->name, applied->module);
    return OK;
}

enum err db_history_whole(const struct db_module *module, const char *place, unsigned version,
                          unsigned count)
{
    unsigned known = 0;
    for (unsigned i = 0; i < module->migrations_count; i++)
        known += module->migrations[i].number <= version;
    if (count != known)
        return err_set(ERR_PRECONDITION, "migration-missing",
                       "%s is at version %u of %s, but an earlier migration was never applied",
                       place, version, module->name);
    return OK;
}

/* --- Up and back -------------------------------------------------------------------------------
 */

unsigned db_version_of(const struct db_versions *versions, const char *module)
{
    for (unsigned i = 0; i < versions->count; i++)
        if (strcmp(versions->items[i].module, module) == 0)
            return versions->items[i].number;
    return 0;
}

bool db_upgrades(const struct db *db, const struct db_versions *versions)
{
    for (unsigned i = 0; versions->count && i < db->modules_count; i++)
        if (db_version_of(versions, db->modules[i]->name) < db_module_version(db->modules[i]))
            return true;
    return false;
}

/*
 * Cuts the next refusal off the text of a way back: why, and a query whose number is not 0 when it
 * holds. False: what is left are the statements.
 */
static bool refusal_cut(str *rest, str *out_why, str *out_query)
{
    static const str mark = STR_INIT("-- refuse: "), begin = STR_INIT("-- down\n");
    if (!str_starts(*rest, mark)) {
        *rest = str_starts(*rest, begin) ? str_skip(*rest, begin.len) : *rest;
        return false;
    }
    *rest = str_skip(*rest, mark.len);
    str_cut(rest, '\n', out_why);
    ptrdiff_t next = str_find(*rest, STR("\n-- "));
    size_t len = next < 0 ? rest->len : (size_t)next + 1;
    *out_query = str_sub(*rest, 0, len);
    *rest = str_skip(*rest, len);
    return true;
}

static enum err step_back(const struct db_way_back *way, const struct db_module *module,
                          const struct db_migration *migration)
{
    str rest = str_of(migration->down[way->db->driver->dialect]), why, query;
    if (!rest.ptr)
        return err_set(ERR_PRECONDITION, "rollback-refused",
                       "%s: migration %s of %s has no way back", way->shown, migration->name,
                       module->name);
    while (refusal_cut(&rest, &why, &query)) {
        int64_t count = 0;
        TRY(way->ask(way->arg, query, &count));
        if (count)
            return err_set(ERR_PRECONDITION, "rollback-refused",
                           "%s: %s cannot go back before %s: %.*s (%lld)", way->shown, module->name,
                           migration->name, STR_ARG(why), (long long)count);
    }
    TRY(way->run(way->arg, migration, rest.ptr)); /* to the end of the text */
    return way->forget(way->arg, module, migration->number);
}

enum err db_go_back(const struct db_way_back *way, const struct db_versions *from,
                    const struct db_versions *to)
{
    for (unsigned i = way->db->modules_count; i-- > 0;) {
        const struct db_module *module = way->db->modules[i];
        unsigned newest = db_version_of(from, module->name);
        unsigned until = db_version_of(to, module->name);
        for (unsigned k = module->migrations_count; k-- > 0;)
            if (module->migrations[k].number <= newest && module->migrations[k].number > until)
                TRY(step_back(way, module, &module->migrations[k]));
    }
    return OK;
}

void db_checksum(const char *text, char out[DB_CHECKSUM_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, strlen(text), hash);
    for (size_t i = 0; i < sizeof(hash); i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[2 * sizeof(hash)] = 0;
}

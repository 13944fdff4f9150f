/*
 * manifest: what a backup holds, as lines of text: a head (format, program, moment, schema
 * versions), a line a file, and an end with the count and the SHA-256 of all lines before it.
 */
#include "internal.h"

#include "engines/blob/blob.h"
#include "engines/db/db.h"
#include "foundation/crypto/crypto.h"

#include <stdlib.h>
#include <string.h>

static const str kind_words[ENTRY_KINDS] = { STR_INIT("database"), STR_INIT("file"),
                                             STR_INIT("blob") };
/* What lies in a data folder beside databases and blobs and is worth keeping. */
static const str file_names[] = { STR_INIT("admin.key"), STR_INIT("kinobezdna.conf") };

static bool word_valid(str text)
{
    if (text.len == 0 || text.len > 32)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!(text.ptr[i] >= 'a' && text.ptr[i] <= 'z') && text.ptr[i] != '_' &&
            !(text.ptr[i] >= '0' && text.ptr[i] <= '9'))
            return false;
    return true;
}

static const str copy_suffixes[] = { STR_INIT(".db"), STR_INIT(".dump") };

bool copies_valid(str suffix)
{
    for (size_t i = 0; i < ARRAY_LEN(copy_suffixes); i++)
        if (str_eq(suffix, copy_suffixes[i]))
            return true;
    return false;
}

static bool database_name_valid(str name)
{
    ptrdiff_t dot = str_find_char(name, '.');
    return dot > 0 && copies_valid(str_skip(name, (size_t)dot)) &&
           word_valid(str_sub(name, 0, (size_t)dot));
}

bool entry_name_valid(enum entry_kind kind, str name)
{
    switch (kind) {
    case ENTRY_DATABASE:
        return database_name_valid(name);
    case ENTRY_FILE:
        for (size_t i = 0; i < ARRAY_LEN(file_names); i++)
            if (str_eq(name, file_names[i]))
                return true;
        return false;
    default:
        return blob_key_valid(name);
    }
}

/* --- Writing ---------------------------------------------------------------------------------- */

static int entry_cmp(const struct entry *a, enum entry_kind kind, str name)
{
    return a->kind != kind ? (a->kind < kind ? -1 : 1) : str_cmp(a->name, name);
}

static int by_name(const void *a, const void *b)
{
    const struct entry *right = b;
    return entry_cmp(a, right->kind, right->name);
}

void manifest_head_write(struct buf *out, const struct manifest *manifest)
{
    char at[INSTANT_TEXT_MAX];
    instant_format(manifest->created_at, at);
    bool files = str_eq(manifest->copies, copy_suffixes[0]); /* as older programs know it */
    buf_printf(out, "kinobezdna-backup %d\nprogram %.*s\ncreated %s\nsize %llu\n",
               files ? 1 : BACKUP_FORMAT, STR_ARG(manifest->program), at,
               (unsigned long long)manifest->size_bytes);
    if (!files)
        buf_printf(out, "copies %.*s\n", STR_ARG(manifest->copies));
    for (size_t i = 0; i < manifest->schemas_count; i++)
        buf_printf(out, "schema %.*s %.*s %u\n", STR_ARG(manifest->schemas[i].context),
                   STR_ARG(manifest->schemas[i].module), manifest->schemas[i].version);
}

void manifest_write(struct buf *out, struct manifest *manifest)
{
    uint8_t hash[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    if (manifest->entries_count)
        qsort(manifest->entries, manifest->entries_count, sizeof(*manifest->entries), by_name);
    manifest_head_write(out, manifest);
    for (size_t i = 0; i < manifest->entries_count; i++) {
        const struct entry *entry = &manifest->entries[i];
        crypto_hex(entry->sha256, BACKUP_HASH_BYTES, hex);
        buf_printf(out, "%.*s %.64s %llu %lld %.*s\n", STR_ARG(kind_words[entry->kind]), hex,
                   (unsigned long long)entry->size_bytes, (long long)entry->modified_ns,
                   STR_ARG(entry->name));
    }
    crypto_sha256(buf_str(out), hash);
    crypto_hex(hash, sizeof(hash), hex);
    buf_printf(out, "end %zu %.64s\n", manifest->entries_count, hex);
}

/* --- Reading ---------------------------------------------------------------------------------- */

struct lines {
    str rest;
    size_t number;
};

static enum err bad_line(const struct lines *lines)
{
    return err_set(ERR_CORRUPT, "backup-damaged", "line %zu of the manifest is damaged",
                   lines->number);
}

/* A line without its end; every line has one. */
static bool line_next(struct lines *lines, str *out_line)
{
    ptrdiff_t end = str_find_char(lines->rest, '\n');
    if (end < 0)
        return false;
    *out_line = str_sub(lines->rest, 0, (size_t)end);
    lines->rest = str_skip(lines->rest, (size_t)end + 1);
    lines->number++;
    return true;
}

/* The next line, which begins with `word` and a space; the rest of it. */
static enum err line_of(struct lines *lines, str word, str *out_value)
{
    str line;
    if (!line_next(lines, &line) || !str_starts(line, word) || line.len <= word.len ||
        line.ptr[word.len] != ' ')
        return bad_line(lines);
    *out_value = str_skip(line, word.len + 1);
    return OK;
}

static enum err format_check(struct lines *lines, uint64_t *out_format)
{
    uint64_t format;
    str text;
    *out_format = 0;
    TRY(line_of(lines, STR("kinobezdna-backup"), &text));
    if (!str_parse_u64(text, &format))
        return bad_line(lines);
    if (format > BACKUP_FORMAT)
        return err_set(ERR_PRECONDITION, "backup-newer",
                       "the backup has format %llu, this program knows format %d: use the newer "
                       "program",
                       (unsigned long long)format, BACKUP_FORMAT);
    *out_format = format;
    return format ? OK : bad_line(lines);
}

static enum err schema_parse(struct lines *lines, str text, struct schema *out_schema)
{
    uint64_t version;
    if (!str_cut(&text, ' ', &out_schema->context) || !str_cut(&text, ' ', &out_schema->module) ||
        !str_parse_u64(text, &version) || version > 1000000 || !word_valid(out_schema->context) ||
        !word_valid(out_schema->module))
        return bad_line(lines);
    out_schema->version = (unsigned)version;
    return OK;
}

static enum err head_parse(struct arena *arena, struct lines *lines, struct manifest *manifest)
{
    str text;
    uint64_t format;
    TRY(format_check(lines, &format));
    TRY(line_of(lines, STR("program"), &manifest->program));
    if (manifest->program.len > 31 || !str_is_utf8(manifest->program))
        return bad_line(lines);
    TRY(line_of(lines, STR("created"), &text));
    if (!instant_parse(text, &manifest->created_at))
        return bad_line(lines);
    TRY(line_of(lines, STR("size"), &text));
    if (!str_parse_u64(text, &manifest->size_bytes))
        return bad_line(lines);
    manifest->copies = copy_suffixes[0];
    if (format > 1)
        TRY(line_of(lines, STR("copies"), &manifest->copies));
    if (!copies_valid(manifest->copies))
        return bad_line(lines);
    manifest->schemas = ARENA_ARRAY(arena, SCHEMAS_MAX, struct schema);
    while (str_starts(lines->rest, STR("schema "))) {
        if (manifest->schemas_count == SCHEMAS_MAX)
            return bad_line(lines);
        TRY(line_of(lines, STR("schema"), &text));
        TRY(schema_parse(lines, text, &manifest->schemas[manifest->schemas_count++]));
    }
    return OK;
}

enum err manifest_head_parse(struct arena *arena, str text, struct manifest *out_manifest)
{
    struct lines lines = { text, 0 };
    struct manifest manifest = { 0 };
    TRY(head_parse(arena, &lines, &manifest));
    if (lines.rest.len)
        return bad_line(&lines);
    *out_manifest = manifest;
    return OK;
}

static enum err entry_parse(struct lines *lines, struct entry *out_entry)
{
    str line, word, hash, size, modified;
    if (!line_next(lines, &line) || !str_cut(&line, ' ', &word) || !str_cut(&line, ' ', &hash) ||
        !str_cut(&line, ' ', &size) || !str_cut(&line, ' ', &modified))
        return bad_line(lines);
    unsigned kind = 0;
    while (kind < ENTRY_KINDS && !str_eq(kind_words[kind], word))
        kind++;
    if (kind == ENTRY_KINDS || !crypto_unhex(hash, out_entry->sha256, BACKUP_HASH_BYTES) ||
        !str_parse_u64(size, &out_entry->size_bytes) || out_entry->size_bytes > INT64_MAX ||
        !str_parse_i64(modified, &out_entry->modified_ns) || !entry_name_valid(kind, line))
        return bad_line(lines);
    out_entry->kind = kind;
    out_entry->name = line;
    return OK;
}

/* Where "end" begins, and whether it says of what is before it what it must. */
static enum err end_check(str text, size_t *out_before, uint64_t *out_count)
{
    uint8_t told[SHA256_BYTES], hash[SHA256_BYTES];
    str last = text, count;
    if (str_ends(text, STR("\n")))
        last = str_sub(text, 0, text.len - 1);
    ptrdiff_t at = str_find_last_char(last, '\n');
    size_t before = (size_t)(at + 1);
    last = str_skip(last, before);
    if (last.len == text.len - before || !str_starts(last, STR("end ")))
        return err_set(ERR_CORRUPT, "backup-damaged", "the manifest is cut off");
    last = str_skip(last, 4);
    if (!str_cut(&last, ' ', &count) || !str_parse_u64(count, out_count) ||
        *out_count > ENTRIES_MAX || !crypto_unhex(last, told, sizeof(told)))
        return err_set(ERR_CORRUPT, "backup-damaged", "the end of the manifest is damaged");
    crypto_sha256(str_sub(text, 0, before), hash);
    if (memcmp(hash, told, sizeof(hash)) != 0)
        return err_set(ERR_CORRUPT, "backup-damaged", "the manifest is not as it was written");
    *out_before = before;
    return OK;
}

enum err manifest_parse(struct arena *arena, str text, struct manifest *out_manifest)
{
    struct lines lines = { text, 0 };
    struct manifest manifest = { 0 };
    uint64_t count = 0, sum = 0, format;
    size_t before = 0;
    TRY(format_check(&(struct lines){ text, 0 },
                     &format)); /* a later format has another end, maybe */
    TRY(end_check(text, &before, &count));
    lines.rest = str_sub(text, 0, before);
    TRY(head_parse(arena, &lines, &manifest));
    if (count >
        lines.rest.len / 70) /* no line is shorter: nothing is asked for that is not there */
        return bad_line(&lines);
    manifest.entries = ARENA_ARRAY(arena, (size_t)count + 1, struct entry);
    for (; manifest.entries_count < count; manifest.entries_count++) {
        struct entry *entry = &manifest.entries[manifest.entries_count];
        TRY(entry_parse(&lines, entry));
        bool after =
            manifest.entries_count == 0 || entry_cmp(entry - 1, entry->kind, entry->name) < 0;
        if (entry->kind == ENTRY_DATABASE && !str_ends(entry->name, manifest.copies))
            return bad_line(&lines);
        if (!after || __builtin_add_overflow(sum, entry->size_bytes, &sum))
            return bad_line(&lines);
    }
    if (lines.rest.len || sum != manifest.size_bytes)
        return bad_line(&lines);
    *out_manifest = manifest;
    return OK;
}

const struct entry *manifest_find(const struct manifest *manifest, enum entry_kind kind, str name)
{
    size_t low = 0, high = manifest->entries_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = entry_cmp(&manifest->entries[middle], kind, name);
        if (order == 0)
            return &manifest->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* --- What this program knows ------------------------------------------------------------------ */

static const struct db_module *module_known(const struct backup_given *given,
                                            const struct schema *schema)
{
    for (unsigned i = 0; i < given->known_count; i++) {
        const struct backup_known *known = &given->known[i];
        for (unsigned k = 0; k < known->modules_count; k++)
            if (str_eq(str_of(known->context), schema->context) &&
                str_eq(str_of(known->modules[k]->name), schema->module))
                return known->modules[k];
    }
    return NULL;
}

enum err manifest_known(const struct manifest *manifest, const struct backup_given *given)
{
    for (size_t i = 0; given->known_count && i < manifest->schemas_count; i++) {
        const struct schema *schema = &manifest->schemas[i];
        const struct db_module *module = module_known(given, schema);
        if (schema->version && (!module || db_module_version(module) < schema->version))
            return err_set(ERR_PRECONDITION, "database-newer",
                           "the backup is of kinobezdna %.*s and holds %.*s at version %u, this "
                           "program knows version %u: use the newer program",
                           STR_ARG(manifest->program), STR_ARG(schema->module), schema->version,
                           module ? db_module_version(module) : 0);
    }
    return OK;
}

/*
 * zone: TZif files, and the two questions. Before the first transition holds type 0, after the last
 * the footer's rule; a version 1 file has 32 bits for a time and no footer.
 */
#include "zone_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_BYTES = 44, TYPE_BYTES = 6, TYPES_MAX = 256, NAMES_BYTES_MAX = 2048 };

static const struct zone utc;
static const char *const folders[] = { "/usr/share/zoneinfo", "/usr/lib/zoneinfo" };
static const char *folder_used;

const struct zone *zone_utc(void)
{
    return &utc;
}

/* --- The file ------------------------------------------------------------------------------- */

static enum err bad_file(const char *what)
{
    return err_set(ERR_INVALID, "zone-file", "no time zone: %s", what);
}

static uint32_t be32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t be64(const unsigned char *at)
{
    return (uint64_t)be32(at) << 32 | be32(at + 4);
}

struct header {
    unsigned char version;
    uint32_t utc_count, standard_count, leap_count, time_count, type_count, names_bytes;
};

static bool header_read(str *rest, struct header *out)
{
    const unsigned char *at = (const unsigned char *)rest->ptr;
    if (rest->len < HEADER_BYTES || memcmp(at, "TZif", 4) != 0)
        return false;
    *out = (struct header){ .version = at[4],
                            .utc_count = be32(at + 20),
                            .standard_count = be32(at + 24),
                            .leap_count = be32(at + 28),
                            .time_count = be32(at + 32),
                            .type_count = be32(at + 36),
                            .names_bytes = be32(at + 40) };
    *rest = str_skip(*rest, HEADER_BYTES);
    return true;
}

/* With these limits no length below can overflow. */
static const char *header_problem(const struct header *header)
{
    if (header->time_count > ZONE_TRANSITIONS_MAX)
        return "it has too many transitions";
    if (header->type_count < 1 || header->type_count > TYPES_MAX)
        return "it has no types, or too many";
    if (header->names_bytes < 1 || header->names_bytes > NAMES_BYTES_MAX)
        return "it has no names, or too many";
    if (header->leap_count)
        return "it counts leap seconds";
    if ((header->utc_count && header->utc_count != header->type_count) ||
        (header->standard_count && header->standard_count != header->type_count))
        return "its indicators are not one a type";
    return NULL;
}

static size_t block_bytes(const struct header *header, size_t time_bytes)
{
    return header->time_count * (time_bytes + 1) + header->type_count * (size_t)TYPE_BYTES +
           header->names_bytes + header->standard_count + header->utc_count;
}

static int64_t time_get(const unsigned char *at, size_t time_bytes)
{
    return time_bytes == 8 ? (int64_t)be64(at) : (int32_t)be32(at);
}

static const char *types_read(const unsigned char *types, const struct header *header,
                              int32_t out_offsets[static TYPES_MAX])
{
    for (uint32_t i = 0; i < header->type_count; i++) {
        const unsigned char *type = types + i * (size_t)TYPE_BYTES;
        out_offsets[i] = (int32_t)be32(type);
        if (out_offsets[i] < ZONE_OFFSET_MIN || out_offsets[i] > ZONE_OFFSET_MAX)
            return "an offset is more than a day";
        if (type[4] > 1 || type[5] >= header->names_bytes)
            return "a type is not as it should be";
    }
    return NULL;
}

/* The transitions of a block into the arena; NULL or what is wrong. */
static const char *block_read(struct arena *arena, const unsigned char *at,
                              const struct header *header, size_t time_bytes, struct zone *out)
{
    int32_t offsets_of_types[TYPES_MAX];
    const unsigned char *indexes = at + header->time_count * time_bytes;
    const char *problem = types_read(indexes + header->time_count, header, offsets_of_types);
    if (problem)
        return problem;
    size_t count = header->time_count;
    int64_t *times = ARENA_ARRAY(arena, MAX_OF(count, (size_t)1), int64_t);
    int32_t *offsets = ARENA_ARRAY(arena, MAX_OF(count, (size_t)1), int32_t);
    for (size_t i = 0; i < count; i++) {
        times[i] = time_get(at + i * time_bytes, time_bytes);
        if (indexes[i] >= header->type_count || (i && times[i] <= times[i - 1]))
            return "its transitions are not in order";
        offsets[i] = offsets_of_types[indexes[i]];
    }
    *out = (struct zone){ .at = times,
                          .offsets = offsets,
                          .count = (unsigned)count,
                          .first_offset = offsets_of_types[0] };
    return NULL;
}

static const char *footer_read(str rest, struct zone *zone)
{
    if (rest.len < 2 || rest.ptr[0] != '\n' || rest.ptr[rest.len - 1] != '\n')
        return "its end is cut off";
    str text = str_sub(rest, 1, rest.len - 2);
    zone->has_rule = text.len > 0;
    return text.len && !zone_rule_parse(text, &zone->rule) ? "its rule cannot be read" : NULL;
}

static const char *zone_read(struct arena *arena, str bytes, struct zone *out)
{
    struct header header;
    size_t time_bytes = 4;
    if (!header_read(&bytes, &header))
        return "it does not begin as a TZif file";
    const char *problem = header_problem(&header);
    if (problem && header.version == 0)
        return problem;
    if (header.version) { /* what was for readers of version 1 is passed over */
        if (header.time_count > ZONE_TRANSITIONS_MAX || header.type_count > TYPES_MAX ||
            header.names_bytes > NAMES_BYTES_MAX || header.leap_count ||
            header.standard_count > TYPES_MAX || header.utc_count > TYPES_MAX)
            return "its first part is too large";
        size_t first = block_bytes(&header, 4);
        if (bytes.len < first)
            return "it is cut off";
        bytes = str_skip(bytes, first);
        if (!header_read(&bytes, &header))
            return "it has no second part";
        problem = header_problem(&header);
        time_bytes = 8;
    }
    if (problem)
        return problem;
    size_t length = block_bytes(&header, time_bytes);
    if (bytes.len < length)
        return "it is cut off";
    problem = block_read(arena, (const unsigned char *)bytes.ptr, &header, time_bytes, out);
    if (problem || time_bytes == 4)
        return problem;
    return footer_read(str_skip(bytes, length), out);
}

enum err zone_parse(struct arena *arena, str bytes, const struct zone **out_zone)
{
    struct zone *zone = ARENA_NEW(arena, struct zone);
    if (bytes.len > ZONE_FILE_BYTES_MAX)
        return bad_file("it is too large");
    const char *problem = zone_read(arena, bytes, zone);
    if (problem)
        return bad_file(problem);
    *out_zone = zone;
    return OK;
}

/* --- By name -------------------------------------------------------------------------------- */

void zone_folder_use(const char *folder)
{
    folder_used = folder;
}

/* Letters, digits and _+-/; no part of it is empty or begins with a dot, because none may. */
static bool name_valid(str name)
{
    bool part_begins = true;
    if (name.len > ZONE_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '+' || c == '-';
        if (!word && (c != '/' || part_begins))
            return false;
        part_begins = c == '/';
    }
    return !part_begins;
}

/* -1: there is no such file. */
static int zone_open(const char *folder, str name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%.*s", folder, STR_ARG(name));
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int zone_find(str name)
{
    int fd = -1;
    if (folder_used)
        return zone_open(folder_used, name);
    for (size_t i = 0; fd < 0 && i < ARRAY_LEN(folders); i++)
        fd = zone_open(folders[i], name);
    return fd;
}

static bool folder_is_there(void)
{
    if (folder_used)
        return access(folder_used, R_OK) == 0;
    return access(folders[0], R_OK) == 0 || access(folders[1], R_OK) == 0;
}

static enum err unknown(str name)
{
    if (!folder_is_there())
        return err_set(
            ERR_INVALID, "zone-unknown",
            "the time zone \"%.*s\" is not known: this machine has no tzdata; install it",
            STR_ARG(name));
    return err_set(ERR_INVALID, "zone-unknown", "there is no time zone \"%.*s\"",
                   STR_ARG(str_head_utf8(name, ZONE_NAME_MAX)));
}

static enum err zone_read_file(struct arena *arena, int fd, str *out_bytes)
{
    struct stat found;
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size > ZONE_FILE_BYTES_MAX)
        return bad_file("it is no file, or too large");
    size_t size_bytes = (size_t)found.st_size, got = 0;
    char *bytes = arena_try(arena, size_bytes + 1);
    if (!bytes)
        return err_set(ERR_EXHAUSTED, NULL, "there is no memory for a time zone");
    for (ssize_t n = 1; n > 0 && got<size_bytes; got += n> 0 ? (size_t)n : 0)
        n = read(fd, bytes + got, size_bytes - got);
    *out_bytes = (str){ bytes, got };
    return OK;
}

enum err zone_load(struct arena *arena, str name, const struct zone **out_zone)
{
    str bytes = STR_NONE;
    if (name.len == 0 || str_eq(name, STR("UTC"))) {
        *out_zone = &utc;
        return OK;
    }
    int fd = name_valid(name) ? zone_find(name) : -1;
    if (fd < 0)
        return unknown(name);
    enum err result = zone_read_file(arena, fd, &bytes);
    close(fd);
    TRY(result);
    return zone_parse(arena, bytes, out_zone);
}

/* --- Asking --------------------------------------------------------------------------------- */

/* How many transitions are at or before the second. */
static unsigned passed(const struct zone *zone, int64_t at)
{
    unsigned low = 0, high = zone->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (zone->at[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct zone_stretch stretch_at(const struct zone *zone, int64_t at)
{
    unsigned before = passed(zone, at);
    if (before == zone->count && zone->has_rule)
        return zone_rule_stretch(&zone->rule, at);
    return (struct zone_stretch){ before ? zone->offsets[before - 1] : zone->first_offset,
                                  before < zone->count ? zone->at[before] : INT64_MAX };
}

static int64_t second_of(instant at)
{
    return at / SECONDS(1) - (at % SECONDS(1) < 0);
}

span zone_offset(const struct zone *zone, instant at)
{
    return SECONDS(stretch_at(zone, second_of(at)).offset);
}

instant zone_first(const struct zone *zone, int64_t local_s)
{
    /* No clock is further ahead: before this none of them shows it. */
    int64_t at = local_s - ZONE_OFFSET_MAX;
    for (;;) {
        struct zone_stretch stretch = stretch_at(zone, at);
        int64_t shown = MAX_OF(at, local_s - stretch.offset);
        if (shown < stretch.end)
            return SECONDS(shown);
        at = stretch.end;
    }
}

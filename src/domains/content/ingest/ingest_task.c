/* ingest_task: what a scan asks of a film job, as JSON. Paths are bytes and travel as hexadecimal.
 */
#include "ingest_internal.h"

#include "engines/flow/jobs.h"
#include "foundation/crypto/crypto.h"
#include "foundation/shape/shape.h"

enum { PATH_BYTES_MAX = 4096, PATH_HEX_MAX = 2 * PATH_BYTES_MAX };

SHAPE_FORGIVING(film_sidecar_shape, struct film_sidecar,
                FIELD(struct film_sidecar, path, .required = true, .max = PATH_HEX_MAX),
                FIELD(struct film_sidecar, language), FIELD(struct film_sidecar, label),
                FIELD(struct film_sidecar, kind), FIELD(struct film_sidecar, part),
                FIELD(struct film_sidecar, forced), FIELD(struct film_sidecar, sdh));

SHAPE_FORGIVING(film_task_shape, struct film_task, FIELD(struct film_task, import_id),
                FIELD(struct film_task, file_id), FIELD(struct film_task, title_id),
                FIELD(struct film_task, path, .required = true, .min = 2, .max = PATH_HEX_MAX),
                FIELD(struct film_task, folder, .max = PATH_HEX_MAX),
                FIELD(struct film_task, notes, .max = UNIT_NOTES_BYTES_MAX),
                FIELD(struct film_task, edition), FIELD(struct film_task, extra),
                FIELD(struct film_task, extra_name), FIELD(struct film_task, draft),
                FIELD_LIST(struct film_task, parts, .max = UNIT_PARTS_MAX,
                           .item_max = PATH_HEX_MAX),
                FIELD_SHAPES(struct film_task, sidecars, film_sidecar_shape,
                             .max = UNIT_SIDECARS_MAX));

str ingest_film_task_write(struct arena *arena, const struct film_task *task)
{
    struct buf buf;
    buf_init_leaving(&buf, arena, JOB_PAYLOAD_MAX);
    shape_write_json(&buf, &film_task_shape, task);
    ASSERT(!buf.overflowed); /* UNIT_SIDECARS_MAX paths of the system fit: jobs_add() would refuse
                                more */
    return buf_str(&buf);
}

static str filled(str text)
{
    return text.ptr ? text : STR("");
}

enum err ingest_film_task_parse(struct arena *arena, str json, struct film_task *out_task)
{
    struct film_task task;
    TRY(shape_parse_json(arena, &film_task_shape, json, &task));
    task.folder = filled(task.folder);
    task.notes = filled(task.notes);
    task.edition = filled(task.edition);
    task.extra = filled(task.extra);
    task.extra_name = filled(task.extra_name);
    for (size_t i = 0; i < task.sidecars.count; i++) {
        struct film_sidecar *sidecar = &task.sidecars.items[i];
        sidecar->language = filled(sidecar->language);
        sidecar->label = filled(sidecar->label);
        sidecar->kind = filled(sidecar->kind);
    }
    *out_task = task;
    return OK;
}

str ingest_path_to_hex(struct arena *arena, str path)
{
    char *hex = arena_alloc(arena, 2 * path.len + 1);
    crypto_hex((const uint8_t *)path.ptr, path.len, hex);
    return (str){ hex, 2 * path.len };
}

/* The path is followed by a zero byte, and holds none. */
enum err ingest_path_from_hex(struct arena *arena, str hex, str *out_path)
{
    size_t len = hex.len / 2;
    char *path = arena_zalloc(arena, len + 1, 1);
    if (!len || len > PATH_BYTES_MAX || !crypto_unhex(hex, (uint8_t *)path, len) ||
        str_find_char((str){ path, len }, 0) >= 0)
        return err_set(ERR_INVALID, "bad-path", "a path of %zu bytes is not hexadecimal", hex.len);
    *out_path = (str){ path, len };
    return OK;
}

/* What a film's job carries: written, read back, and refused when it is none. */
#include "ingest_internal.h"

#include "foundation/test/test.h"

TEST(a_film_task_is_read_as_it_was_written)
{
    struct arena arena;
    struct film_task task, read;
    str path = STR("/films/\xcc\xe8\xf0 \"'\\\n/-x.mkv"), back;
    arena_init(&arena, MIB(1));
    struct film_sidecar sidecar = { .path = ingest_path_to_hex(&arena, path),
                                    .language = STR("pt-BR"),
                                    .label = STR("\"Знаки\""),
                                    .kind = STR("subtitle"),
                                    .forced = true };
    task = (struct film_task){ .import_id = 1,
                               .file_id = INT64_MAX,
                               .title_id = 3,
                               .path = ingest_path_to_hex(&arena, path),
                               .edition = STR("Director's Cut"),
                               .draft = true,
                               .sidecars = { &sidecar, 1 } };
    CHECK_OK(ingest_film_task_parse(&arena, ingest_film_task_write(&arena, &task), &read));
    CHECK_OK(ingest_path_from_hex(&arena, read.path, &back));
    CHECK_STR(back, path);
    CHECK(read.import_id == 1 && read.file_id == INT64_MAX && read.title_id == 3 && read.draft);
    CHECK_STR(read.edition, task.edition);
    CHECK(read.folder.len == 0 && read.folder.ptr && read.extra.len == 0);
    CHECK_INT(read.sidecars.count, 1);
    CHECK_STR(read.sidecars.items[0].label, sidecar.label);
    CHECK_OK(ingest_path_from_hex(&arena, read.sidecars.items[0].path, &back));
    CHECK_STR(back, path);
    CHECK(read.sidecars.items[0].forced && !read.sidecars.items[0].sdh);
    arena_deinit(&arena);
}

TEST(a_path_that_is_none_is_refused)
{
    static const char *const bad[] = { "", "2", "2f0", "zz", "2f00", "2f 1" };
    struct arena arena;
    struct film_task task;
    str path;
    arena_init(&arena, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(ingest_path_from_hex(&arena, str_of(bad[i]), &path), ERR_INVALID);
    CHECK_ERR(ingest_film_task_parse(&arena, STR("{}"), &task), ERR_INVALID);
    CHECK_ERR(ingest_film_task_parse(&arena, STR("nonsense"), &task), ERR_INVALID);
    arena_deinit(&arena);
}

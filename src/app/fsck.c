/*
 * fsck: every database against itself, every file against the database, every index against its
 * film. With --repair indexes are made anew and files that nobody names are removed; what cannot be
 * made anew is listed. Nobody else has the data folder meanwhile.
 */
#include "app.h"

#include "domains/content/assets/assets.h"
#include "domains/content/catalog/catalog.h"
#include "domains/content/ingest/ingest.h"
#include "engines/blob/blob.h"
#include "engines/db/db.h"
#include "foundation/crypto/crypto.h"
#include "foundation/task/loop.h"
#include "media/index/index.h"
#include "progress.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA_BYTES = 1 << 30, PIECE_BYTES = 1 << 20, KEY_BYTES = 256 };

struct file {
    str key;
    uint64_t size_bytes;
    bool named; /* by the database */
};

static struct {
    const struct module_env *env;
    struct arena *arena;
    struct file *files;
    size_t files_count;
    int64_t *assets;
    size_t assets_count, assets_capacity;
    struct asset_walked *tracks;
    size_t tracks_count, tracks_capacity;
    struct {
        str key, hash;
    } * pictures;
    size_t pictures_count, pictures_capacity;
    uint64_t found, repaired, done_bytes, total_bytes;
    struct progress_bar bar;
    enum err result;
    struct err_slot detail;
} fsck;

static void tell(const char *name, const char *what)
{
    fsck.found++;
    progress_bar_end(&fsck.bar);
    printf("%s: %s\n", name, what);
}

static void tell_repaired(const char *name, const char *what)
{
    fsck.repaired++;
    tell(name, what);
}

/* --- What the database names ------------------------------------------------------------------ */

static void *grown(void *items, size_t item_bytes, size_t count, size_t *capacity)
{
    if (count < *capacity)
        return items;
    *capacity = MAX_OF(*capacity * 2, (size_t)256);
    void *more = arena_alloc(fsck.arena, *capacity * item_bytes);
    if (count)
        memcpy(more, items, count * item_bytes);
    return more;
}

static enum err on_track(void *arg, const struct asset_walked *walked)
{
    (void)arg;
    fsck.tracks =
        grown(fsck.tracks, sizeof(*fsck.tracks), fsck.tracks_count, &fsck.tracks_capacity);
    struct asset_walked *track = &fsck.tracks[fsck.tracks_count++];
    *track = *walked;
    track->track = arena_str(fsck.arena, walked->track);
    track->language = arena_str(fsck.arena, walked->language);
    return OK;
}

static enum err on_asset(void *arg, const struct asset_walked *walked)
{
    (void)arg;
    fsck.assets =
        grown(fsck.assets, sizeof(*fsck.assets), fsck.assets_count, &fsck.assets_capacity);
    fsck.assets[fsck.assets_count++] = walked->asset.value;
    return OK;
}

static enum err on_picture(void *arg, str blob_key, str hash)
{
    (void)arg;
    fsck.pictures =
        grown(fsck.pictures, sizeof(*fsck.pictures), fsck.pictures_count, &fsck.pictures_capacity);
    fsck.pictures[fsck.pictures_count].key = arena_str(fsck.arena, blob_key);
    fsck.pictures[fsck.pictures_count++].hash = arena_str(fsck.arena, hash);
    return OK;
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct file *)a)->key, ((const struct file *)b)->key);
}

static struct file *file_named(str key)
{
    struct file wanted = { .key = key };
    struct file *file = fsck.files_count
                            ? bsearch(&wanted, fsck.files, fsck.files_count, sizeof(wanted), by_key)
                            : NULL;
    if (file)
        file->named = true;
    return file;
}

static enum err all_list(void)
{
    struct blob_entry *entries;
    struct db_tx *now = db_now(fsck.env->db);
    TRY(blob_list(fsck.env->blobs, STR(""), STR(""), SIZE_MAX, &entries, &fsck.files_count));
    fsck.files = ARENA_ARRAY(fsck.arena, fsck.files_count + 1, struct file);
    for (size_t i = 0; i < fsck.files_count; i++) {
        fsck.files[i] = (struct file){ entries[i].key, entries[i].info.size_bytes, false };
        fsck.total_bytes += entries[i].info.size_bytes;
    }
    TRY(asset_tracks_walk(now, on_track, NULL));
    TRY(assets_walk(now, on_asset, NULL));
    return catalog_artwork_walk(now, on_picture, NULL);
}

/* --- Files ------------------------------------------------------------------------------------ */

static enum err hash_of(str key, uint8_t out_sha256[SHA256_BYTES])
{
    static char piece[PIECE_BYTES];
    int fd;
    ssize_t got;
    TRY(blob_descriptor(fsck.env->blobs, key, &fd));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    while ((got = read(fd, piece, sizeof(piece))) > 0) {
        EVP_DigestUpdate(context, piece, (size_t)got);
        fsck.done_bytes += (uint64_t)got;
        progress_bar_show(&fsck.bar, fsck.done_bytes, fsck.total_bytes);
    }
    enum err result = got < 0 ? err_errno(key.ptr) : OK;
    EVP_DigestFinal_ex(context, out_sha256, NULL);
    EVP_MD_CTX_free(context);
    close(fd);
    return result;
}

static void picture_check(str key, str hash)
{
    uint8_t sha256[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    if (!file_named(key)) {
        tell(key.ptr, "the picture is missing: import the film's folder again");
        return;
    }
    if (hash_of(key, sha256) != OK) {
        tell(key.ptr, err_slot()->text);
        return;
    }
    crypto_hex(sha256, sizeof(sha256), hex);
    if (!str_starts((str){ hex, sizeof(hex) }, hash))
        tell(key.ptr, "the picture is damaged: import the film's folder again");
}

static enum err index_rebuild(const struct asset_walked *track, str film, str index,
                              const uint8_t *sha256)
{
    struct ingest_index wanted = {
        .key = film, .index_key = index, .language = track->language, .sha256 = sha256
    };
    str video = asset_blob_key(fsck.arena, track->asset, STR("v1"), ".idx");
    if (track->kind == ASSET_AUDIO && file_named(video))
        wanted.follow_key = video;
    return ingest_index_rebuild(&wanted);
}

static void index_wrong(const struct asset_walked *track, str film, str index, const char *what)
{
    uint8_t sha256[SHA256_BYTES];
    char text[ERR_TEXT_MAX];
    if (!app_flags.repair) {
        snprintf(text, sizeof(text), "%s: fsck --repair makes it anew", what);
        tell(index.ptr, text);
    } else if (hash_of(film, sha256) == OK && index_rebuild(track, film, index, sha256) == OK) {
        snprintf(text, sizeof(text), "%s: made anew", what);
        tell_repaired(index.ptr, text);
    } else {
        snprintf(text, sizeof(text), "%.60s, and cannot be made anew: %.120s", what,
                 err_slot()->text);
        tell(index.ptr, text);
    }
}

/* The index knows size and hash of its film. */
static void film_check(const struct asset_walked *track, str film, str index)
{
    uint8_t sha256[SHA256_BYTES];
    struct index opened;
    str bytes;
    struct file *file = file_named(film);
    struct file *index_file = file_named(index);
    if (!file) {
        tell(film.ptr, "the track is missing: restore it from a backup, or import the film again");
        return;
    }
    if (!index_file) {
        index_wrong(track, film, index, "the index is missing");
        return;
    }
    if (blob_get(fsck.env->blobs, index, 0, UINT64_MAX, &bytes) != OK ||
        index_open(bytes, &opened) != OK) {
        index_wrong(track, film, index, "the index is damaged");
        return;
    }
    if (hash_of(film, sha256) != OK) {
        tell(film.ptr, err_slot()->text);
        return;
    }
    if (opened.source_bytes != file->size_bytes ||
        memcmp(opened.source_checksum, sha256, sizeof(sha256)) != 0)
        tell(film.ptr,
             "the track is not as it was stored: restore it from a backup, or import it again");
}

static void track_check(const struct asset_walked *track)
{
    struct arena_mark mark = arena_mark(fsck.arena);
    str film = asset_blob_key(fsck.arena, track->asset, track->track, ".mp4");
    str index = asset_blob_key(fsck.arena, track->asset, track->track, ".idx");
    str text = asset_blob_key(fsck.arena, track->asset, track->track, ".vtt");
    if (track->kind != ASSET_SUBTITLE)
        film_check(track, film, index);
    else if (!file_named(text))
        tell(text.ptr, "the subtitles are missing: import the film again");
    arena_rewind(fsck.arena, mark);
}

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

/* Of an asset that is there: an import may be under way or go on at the next start. */
static bool of_an_asset(str key)
{
    str rest = str_skip(key, 6), number;
    int64_t id;
    return str_starts(key, STR("media/")) && str_cut(&rest, '/', &number) &&
           str_parse_i64(number, &id) && fsck.assets_count &&
           bsearch(&id, fsck.assets, fsck.assets_count, sizeof(id), by_number);
}

static enum err orphans_check(void)
{
    for (size_t i = 0; i < fsck.files_count; i++) {
        str key = fsck.files[i].key;
        if (fsck.files[i].named || of_an_asset(key))
            continue;
        if (app_flags.repair) {
            TRY(blob_remove(fsck.env->blobs, key));
            tell_repaired(key.ptr, "no title names it: removed");
        } else {
            tell(key.ptr, "no title names it: fsck --repair removes it");
        }
    }
    return OK;
}

static enum err files_check(void *arg)
{
    (void)arg;
    fsck.arena = task_arena();
    TRY(all_list());
    for (size_t i = 0; i < fsck.pictures_count; i++)
        picture_check(fsck.pictures[i].key, fsck.pictures[i].hash);
    for (size_t i = 0; i < fsck.tracks_count; i++)
        track_check(&fsck.tracks[i]);
    return orphans_check();
}

static void on_files_end(void *arg, enum err result)
{
    (void)arg;
    fsck.result = result;
    fsck.detail = *err_slot();
    loop_stop(loop_current());
}

/* A task that may block: nobody else is on its loop. */
static enum err files_run(void)
{
    struct loop *loop;
    struct loop_settings settings = { .name = "fsck", .stall_after = DAYS(3650) };
    struct task_spec spec = {
        .name = "fsck", .fn = files_check, .arena_bytes_max = ARENA_BYTES, .on_end = on_files_end
    };
    TRY(loop_open(&settings, &loop));
    if (task_start(loop, &spec, NULL) == OK)
        loop_run(loop);
    else
        on_files_end(NULL, ERR_EXHAUSTED);
    loop_close(loop);
    *err_slot() = fsck.detail;
    return fsck.result;
}

/* --- Databases -------------------------------------------------------------------------------- */

static void on_damage(void *arg, const char *what)
{
    tell(arg, what);
}

static void on_note(void *arg, const char *what)
{
    progress_bar_end(&fsck.bar);
    printf("%s: %s\n", (const char *)arg, what);
}

static enum err database_check(const char *folder)
{
    static char file[] = "content.db", server[] = "database";
    const struct db_module *modules[DATA_MODULES_MAX];
    struct db_spec spec;
    struct db_check check = { .full = true,
                              .reindex = app_flags.repair,
                              .on_damage = on_damage,
                              .on_note = on_note,
                              .arg = data_is_embedded() ? file : server };
    TRY(data_spec(folder, modules, &spec));
    return db_check(&spec, &check);
}

static enum err all_check(const char *folder)
{
    struct data *data;
    int lock_fd;
    enum err result = data_lock(folder, &lock_fd);
    if (result == OK)
        result = database_check(folder);
    if (lock_fd >= 0)
        close(lock_fd);
    TRY(result);
    if (fsck.found)
        return err_set(ERR_CORRUPT, "database-corrupt",
                       "the database is damaged: see docs/ops/corrupt-disk.md; the files were not "
                       "looked at");
    TRY(data_open(folder, &data));
    fsck.env = data_env(data);
    result = files_run();
    data_close(data);
    return result;
}

int command_fsck(int argc, char **argv)
{
    const char *folder = app_data_folder();
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: " KB_NAME " fsck [--repair] --data DIR\n");
        return EXIT_USAGE;
    }
    if (access(folder, F_OK) != 0)
        return app_fail(
            err_set(ERR_NOT_FOUND, "no-such-path", "there is no data folder %s", folder));
    progress_bar_init(&fsck.bar, true);
    enum err result = all_check(folder);
    progress_bar_end(&fsck.bar);
    if (result != OK)
        return app_fail(result);
    printf("%zu files, %zu tracks, %zu pictures looked at: %llu things wrong, %llu repaired\n",
           fsck.files_count, fsck.tracks_count, fsck.pictures_count, (unsigned long long)fsck.found,
           (unsigned long long)fsck.repaired);
    return fsck.found == fsck.repaired ? 0 : EXIT_DATA;
}

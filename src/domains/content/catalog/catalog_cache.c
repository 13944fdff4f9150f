/*
 * catalog_cache: answers as ready bytes. An entry knows the generation of the catalogue it was
 * built from and the moments around it at which a window opens or closes; a new generation, or a
 * clock that is not between them (it may be set back), makes it worthless. A transaction of any
 * process that notifies DB_TOPIC_CATALOG makes a generation; while it is not certain that we have
 * been told of all of them (db_is_told()) nothing is taken from here.
 * Shared by all cores, in shards with a lock each, held for a look-up only.
 */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "foundation/mem/bytes.h"
#include "foundation/mem/heap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    SHARDS = 16,
    SLOTS = 512, /* a shard */
    KEY_BYTES_MAX = 512,
    BODY_BYTES_MAX = 512 << 10,
    SHARD_BYTES_MAX = 1 << 20,
    ETAG_BYTES = 48,
    ANSWER_BYTES_MAX = 4 << 20
};

struct entry {
    uint64_t hash;
    uint64_t generation;
    instant true_from, true_until; /* INT64_MIN, INSTANT_NEVER: no window on that side */
    struct bytes *key, *body;
    char etag[ETAG_BYTES];
};

static struct shard {
    pthread_mutex_t lock;
    size_t held_bytes;
    struct entry slots[SLOTS];
} * shards;

static _Atomic uint64_t generation;

static void on_change(void *arg)
{
    (void)arg;
    atomic_fetch_add(&generation, 1);
}

static struct db_listener listener = { .topics = DB_TOPIC_CATALOG, .fn = on_change };

void catalog_cache_open(void)
{
    shards = HEAP_ARRAY(SHARDS, struct shard);
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&shards[i].lock, NULL);
    db_listen(catalog.db, &listener);
}

static void entry_drop(struct shard *shard, struct entry *entry)
{
    if (entry->body)
        shard->held_bytes -= entry->body->len;
    bytes_release(entry->key);
    bytes_release(entry->body);
    *entry = (struct entry){ 0 };
}

static void shard_clear(struct shard *shard)
{
    for (size_t i = 0; i < SLOTS; i++)
        entry_drop(shard, &shard->slots[i]);
}

void catalog_cache_close(void)
{
    db_unlisten(catalog.db, &listener);
    for (size_t i = 0; i < SHARDS; i++) {
        shard_clear(&shards[i]);
        pthread_mutex_destroy(&shards[i].lock);
    }
    heap_free(shards);
    shards = NULL;
}

static struct shard *shard_of(uint64_t hash)
{
    return &shards[hash % SHARDS];
}

static struct entry *slot_of(struct shard *shard, uint64_t hash)
{
    return &shard->slots[hash / SHARDS % SLOTS];
}

static bool is_true_now(const struct entry *entry)
{
    if (entry->true_from == INT64_MIN && entry->true_until == INSTANT_NEVER)
        return true; /* most catalogues have no windows, and their answers need no clock */
    instant now = clock_now();
    return now >= entry->true_from && now < entry->true_until;
}

/* A reference to the body when the entry is there and still true. */
static struct bytes *cache_find(str key, uint64_t hash, char etag[ETAG_BYTES])
{
    struct shard *shard = shard_of(hash);
    struct bytes *body = NULL;
    if (!db_is_told(catalog.db))
        return NULL;
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = slot_of(shard, hash);
    if (entry->body && entry->hash == hash && str_eq(bytes_str(entry->key), key) &&
        entry->generation == atomic_load(&generation) && is_true_now(entry)) {
        body = bytes_share(entry->body);
        memcpy(etag, entry->etag, ETAG_BYTES);
    }
    pthread_mutex_unlock(&shard->lock);
    return body;
}

static void cache_keep(str key, const struct entry *fresh)
{
    struct shard *shard = shard_of(fresh->hash);
    if (key.len > KEY_BYTES_MAX || fresh->body->len > BODY_BYTES_MAX)
        return;
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = slot_of(shard, fresh->hash);
    entry_drop(shard, entry);
    if (shard->held_bytes + fresh->body->len > SHARD_BYTES_MAX)
        shard_clear(shard);
    *entry = *fresh;
    entry->key = bytes_of(key);
    bytes_share(entry->body);
    shard->held_bytes += entry->body->len;
    pthread_mutex_unlock(&shard->lock);
}

static enum err windows_around(instant now, struct entry *entry)
{
    struct db_row row;
    TRY(db_one(db_now(catalog.db), &SQL_WINDOWS_AROUND, DB_ARGS(DB_TIME(now)), &row));
    entry->true_from = db_null(&row, 0) ? INT64_MIN : db_i64(&row, 0);
    entry->true_until = db_null(&row, 1) ? INSTANT_NEVER : db_i64(&row, 1);
    return OK;
}

static enum err build_entry(struct http_request *request, str key, build_fn build,
                            struct entry *out_entry)
{
    struct entry entry = { .hash = str_hash(key), .generation = atomic_load(&generation) };
    struct buf buf;
    str language = catalog_request_language(request);
    TRY(windows_around(clock_now(), &entry));
    buf_init(&buf, request->arena, ANSWER_BYTES_MAX);
    int64_t version = 0;
    TRY(build(request, language, &buf, &version));
    if (buf.overflowed)
        return err_set(ERR_EXHAUSTED, "answer-size", "the answer is too large");
    entry.body = bytes_of(buf_str(&buf));
    snprintf(entry.etag, sizeof(entry.etag), "\"%lld-%016llx\"", (long long)version,
             (unsigned long long)str_hash(buf_str(&buf)));
    cache_keep(key, &entry);
    *out_entry = entry;
    return OK;
}

/* "LANGUAGE PATH?QUERY" */
static str key_of(const struct http_request *request, str language)
{
    struct buf key;
    size_t len = language.len + request->path.len + request->query.len + 2;
    buf_init_fixed(&key, arena_alloc(request->arena, len), len);
    buf_put(&key, language);
    buf_put_char(&key, ' ');
    buf_put(&key, request->path);
    buf_put_char(&key, '?');
    buf_put(&key, request->query);
    return buf_str(&key);
}

enum err catalog_cache_answer(struct http_request *request, struct http_response *response,
                              build_fn build)
{
    struct entry entry;
    str key = key_of(request, catalog_request_language(request));
    entry.body = cache_find(key, str_hash(key), entry.etag);
    if (!entry.body && !task_current())
        return http_continue_in_task(request); /* the database may have to be waited for */
    if (!entry.body)
        TRY(build_entry(request, key, build, &entry));
    arena_hold(request->arena, bytes_release, entry.body); /* ours becomes the answer's */
    http_reply_memory(response, STR("application/json"), bytes_str(entry.body));
    response->etag = arena_str(request->arena, str_of(entry.etag));
    response->cache_control = STR("no-cache");
    return http_header_add(response, STR("Vary"), STR("Accept-Language"));
}

/* The primary subtag of a language tag, when it looks like one. */
static str primary_tag(str tag)
{
    size_t len = 0;
    while (len < tag.len && ((tag.ptr[len] | 0x20) >= 'a' && (tag.ptr[len] | 0x20) <= 'z'))
        len++;
    return len >= 2 && len <= 3 ? str_sub(tag, 0, len) : STR("en");
}

str catalog_request_language(const struct http_request *request)
{
    str rest = request->query, pair;
    while (str_cut(&rest, '&', &pair))
        if (str_starts(pair, STR("lang=")))
            return primary_tag(str_skip(pair, 5));
    str accepted = http_header_find(request, STR("Accept-Language"));
    return accepted.len ? primary_tag(accepted) : STR("en");
}

enum err catalog_reply_editor(struct http_request *request, struct http_response *response,
                              str json, int64_t version)
{
    http_reply_memory(response, STR("application/json"), json);
    response->cache_control = STR("no-store");
    response->etag = arena_printf(request->arena, "\"%lld-%016llx\"", (long long)version,
                                  (unsigned long long)str_hash(json));
    return OK;
}

/*
 * catalog_cache: answers as ready bytes. An entry knows the generation of the catalogue it was
 * built from and the moments around it at which a window opens or closes; a new generation, or a
 * clock that is not between them (it may be set back), makes it worthless. A transaction of any
 * process that notifies DB_TOPIC_CATALOG makes a generation; while it is not certain that we have
 * been told of all of them (db_is_told()) nothing is taken from here.
 * Shared by all cores, in shards with a lock each, held for a look-up only.
 *
 * A body that is asked for again is compressed, once, and the codings are kept beside it. They are
 * what everybody may read and mix in nothing of the request, so their length tells nothing.
 */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "foundation/compress/compress.h"
#include "foundation/http/http_coding.h"
#include "foundation/mem/bytes.h"
#include "foundation/mem/heap.h"
#include "foundation/metric/metric.h"

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
    struct bytes *key, *body[HTTP_CODING_COUNT];
    unsigned asked, tried; /* times; bits of the codings that were made, or are being made */
    char etag[ETAG_BYTES];
};

/* Times an entry is asked for in vain before a coding is made: many are never asked for again. */
enum { ASKED_MIN = 2 };

static struct shard {
    pthread_mutex_t lock;
    size_t held_bytes;
    struct entry slots[SLOTS];
} * shards;

enum { ANSWER_READY, ANSWER_BUILT };
METRIC_LABEL(answer_label, "from", "cache", "database");
METRIC_COUNTER(catalog_answers_total, "Answers of the catalogue, kept as ready bytes or built.",
               &answer_label);
METRICS(catalog_metrics, &catalog_answers_total);

static _Atomic uint64_t generation;

static void on_change(void *arg)
{
    (void)arg;
    atomic_fetch_add(&generation, 1);
}

static struct db_listener listener = { .topics = DB_TOPIC_CATALOG, .fn = on_change };

void catalog_cache_open(void)
{
    metric_register(&catalog_metrics);
    shards = HEAP_ARRAY(SHARDS, struct shard);
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&shards[i].lock, NULL);
    db_listen(catalog.db, &listener);
}

static void entry_drop(struct shard *shard, struct entry *entry)
{
    for (int i = 0; i < HTTP_CODING_COUNT; i++) {
        if (entry->body[i])
            shard->held_bytes -= entry->body[i]->len;
        bytes_release(entry->body[i]);
    }
    bytes_release(entry->key);
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

/* The key's entry when it is there and still true; under the lock. */
static struct entry *entry_find(struct shard *shard, str key, uint64_t hash)
{
    struct entry *entry = slot_of(shard, hash);
    bool found = entry->body[HTTP_IDENTITY] && entry->hash == hash &&
                 str_eq(bytes_str(entry->key), key) &&
                 entry->generation == atomic_load(&generation) && is_true_now(entry);
    return found ? entry : NULL;
}

/* What one client is answered of an entry. */
struct answer {
    struct bytes *bytes;     /* a reference; NULL: there is no such entry */
    enum http_coding coding; /* of `bytes`; HTTP_CODING_COUNT: it takes none of what is there */
    enum http_coding wanted; /* it would have liked this one, */
    bool make;               /* and that is worth making */
    char etag[ETAG_BYTES];
};

static void entry_choose(const struct entry *entry, const struct http_accepts *accepts,
                         struct answer *out)
{
    bool large = entry->body[HTTP_IDENTITY]->len >= HTTP_CODED_BYTES_MIN;
    bool often = entry->asked >= ASKED_MIN || !accepts->weight[HTTP_IDENTITY];
    unsigned available = 0, all = large ? (1u << HTTP_CODING_COUNT) - 1 : 1u << HTTP_IDENTITY;
    for (unsigned i = 0; i < HTTP_CODING_COUNT; i++)
        available |= entry->body[i] ? 1u << i : 0;
    out->coding = http_coding_choose(accepts, available);
    out->wanted = http_coding_choose(accepts, all);
    out->make = often && out->wanted != out->coding && !(entry->tried & (1u << out->wanted));
    out->bytes =
        bytes_share(entry->body[out->coding == HTTP_CODING_COUNT ? HTTP_IDENTITY : out->coding]);
    memcpy(out->etag, entry->etag, ETAG_BYTES);
}

static void cache_find(str key, uint64_t hash, const struct http_accepts *accepts,
                       struct answer *out)
{
    struct shard *shard = shard_of(hash);
    if (!db_is_told(catalog.db))
        return;
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = entry_find(shard, key, hash);
    if (entry) {
        entry->asked += entry->asked < ASKED_MIN;
        entry_choose(entry, accepts, out);
    }
    pthread_mutex_unlock(&shard->lock);
}

static void cache_keep(str key, const struct entry *fresh)
{
    struct shard *shard = shard_of(fresh->hash);
    struct bytes *body = fresh->body[HTTP_IDENTITY];
    if (key.len > KEY_BYTES_MAX || body->len > BODY_BYTES_MAX)
        return;
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = slot_of(shard, fresh->hash);
    entry_drop(shard, entry);
    if (shard->held_bytes + body->len > SHARD_BYTES_MAX)
        shard_clear(shard);
    *entry = *fresh;
    entry->key = bytes_of(key);
    bytes_share(body);
    shard->held_bytes += body->len;
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
    entry.body[HTTP_IDENTITY] = bytes_of(buf_str(&buf));
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

/* --- Codings -------------------------------------------------------------------------------- */

struct packing {
    str content;
    enum http_coding coding;
    struct bytes *packed;
};

static enum err pack_blocking(void *arg)
{
    struct packing *packing = arg;
    packing->packed = compress_bytes(packing->coding == HTTP_GZIP ? COMPRESS_GZIP : COMPRESS_BROTLI,
                                     COMPRESS_QUICK, packing->content);
    return OK;
}

/* A reference to the text for the one who is to make the coding; NULL to all others. */
static struct bytes *pack_claim(str key, uint64_t hash, enum http_coding coding)
{
    struct shard *shard = shard_of(hash);
    struct bytes *text = NULL;
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = entry_find(shard, key, hash);
    if (entry && !(entry->tried & (1u << coding))) {
        entry->tried |= 1u << coding;
        text = bytes_share(entry->body[HTTP_IDENTITY]);
    }
    pthread_mutex_unlock(&shard->lock);
    return text;
}

static void pack_keep(str key, uint64_t hash, const struct bytes *text,
                      const struct packing *packing)
{
    struct shard *shard = shard_of(hash);
    struct bytes *packed = packing->packed;
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = entry_find(shard, key, hash);
    /* The same text: the entry may have been built anew meanwhile. */
    if (entry && entry->body[HTTP_IDENTITY] == text &&
        shard->held_bytes + packed->len <= SHARD_BYTES_MAX) {
        entry->body[packing->coding] = bytes_share(packed);
        shard->held_bytes += packed->len;
    }
    pthread_mutex_unlock(&shard->lock);
}

/* Makes the coding that is wanted, on another thread; when that fails, the answer stays as it is.
 */
static void pack(str key, uint64_t hash, struct answer *answer)
{
    struct bytes *text = pack_claim(key, hash, answer->wanted);
    if (!text)
        return;
    struct packing packing = { bytes_str(text), answer->wanted, NULL };
    if (await_blocking(catalog.files, pack_blocking, &packing) == OK && packing.packed) {
        pack_keep(key, hash, text, &packing);
        bytes_release(answer->bytes);
        answer->bytes = packing.packed;
        answer->coding = answer->wanted;
    }
    bytes_release(text);
}

static enum err reply(struct http_request *request, struct http_response *response,
                      const struct answer *answer)
{
    struct http_coded coded = { .type = STR("application/json"),
                                .etag = arena_str(request->arena, str_of(answer->etag)),
                                .vary = STR("Accept-Language, Accept-Encoding") };
    arena_hold(request->arena, bytes_release, answer->bytes); /* ours becomes the answer's */
    if (answer->coding == HTTP_CODING_COUNT)
        return http_reply_coded(request, response, &coded); /* nothing is there: 406 */
    coded.text[answer->coding] = bytes_str(answer->bytes);
    response->cache_control = STR("no-cache");
    return http_reply_in(answer->coding, request, response, &coded);
}

static enum err build_answer(struct http_request *request, str key, build_fn build,
                             const struct http_accepts *accepts, struct answer *out)
{
    struct entry entry;
    TRY(build_entry(request, key, build, &entry));
    entry_choose(&entry, accepts, out);
    bytes_release(entry.body[HTTP_IDENTITY]);
    return OK;
}

enum err catalog_cache_answer(struct http_request *request, struct http_response *response,
                              build_fn build)
{
    struct http_accepts accepts;
    struct answer answer = { 0 };
    str key = key_of(request, catalog_request_language(request));
    uint64_t hash = str_hash(key);
    http_accepts_read(request, &accepts);
    cache_find(key, hash, &accepts, &answer);
    bool wait = !answer.bytes || answer.make; /* for the database, or for the compressor */
    if (wait && !task_current()) {
        bytes_release(answer.bytes);
        return http_continue_in_task(request);
    }
    metric_inc(&catalog_answers_total, answer.bytes ? ANSWER_READY : ANSWER_BUILT);
    if (!answer.bytes)
        TRY(build_answer(request, key, build, &accepts, &answer));
    if (answer.make)
        pack(key, hash, &answer);
    return reply(request, response, &answer);
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

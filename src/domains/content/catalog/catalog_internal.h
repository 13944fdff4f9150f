/* catalog_internal: what the files of the catalogue share. */
#pragma once

#include "catalog.h"

#include "foundation/http/http.h"
#include "foundation/shape/shape.h"

struct catalog {
    struct db *db;
    struct blob_store *blobs;
    struct pool *files;
    struct http_file_cache *artwork;
};
extern struct catalog catalog;

/* The tokens a page of titles is filtered by, at most. */
enum { CATALOG_LIST_TOKENS = 6 };

SHAPE_ENUM_DECLARE(title_kinds);
SHAPE_ENUM_DECLARE(title_statuses);
SHAPE_ENUM_DECLARE(catalog_sources);

/* The languages lists are sorted in: those of the interface. */
enum { INTERFACE_LANGUAGES = 2 };
extern const str catalog_languages[INTERFACE_LANGUAGES];

typedef LIST_OF(str) str_list;

/* --- Titles as stored (catalog_title.c) ----------------------------------------------------- */

struct title {
    struct id id, series_id;
    enum title_kind kind;
    enum title_status status;
    int64_t season, episode;
    str original_title, original_language;
    opt_i64 year, runtime_min, age_min;
    str genres, countries, languages; /* words */
    str age_rating;
    instant available_from, available_to; /* INSTANT_NEVER: open */
    instant added_at, updated_at;
    bool playable;
    int64_t version;
    struct title_text {
        str field, language, value;
    } * texts;
    size_t texts_count;
};

/* ERR_NOT_FOUND "title-not-found". Draft or not. */
enum err catalog_title_load(struct db_tx *tx, struct id id, struct title *out_title);
/* ERR_NOT_FOUND "title-not-found" unless viewers see it at `now` (the view title_windows). */
enum err catalog_title_check_shown(struct db_tx *tx, struct id id, instant now);
/* The text in `language`, else the original's, English's, any. Empty when there is none at all. */
str catalog_title_text(const struct title *title, const char *field, str language);
/* The same choice among texts of something else. */
str catalog_text_choose(const struct catalog_text *texts, size_t count, str language, str original);

/* --- Events (catalog_events.c) --------------------------------------------------------------- */

extern const struct bus_types catalog_events;
enum err catalog_title_tell(struct db_tx *tx, const struct bus_type *type,
                            const struct title *title);
enum err catalog_person_tell(struct db_tx *tx, struct id id, int64_t version);

/* --- People as stored (catalog_person.c) ----------------------------------------------------- */

struct person {
    struct id id;
    opt_i64 born, died; /* years */
    int64_t version;
    struct title_text *texts; /* "name" and "biography" */
    size_t texts_count;
};

/* ERR_NOT_FOUND "person-not-found". Shown or not. */
enum err catalog_person_load(struct db_tx *tx, struct id id, struct person *out_person);
str catalog_person_text(struct arena *arena, const struct person *person, const char *field,
                        str language);

/* --- Writing (catalog_fields.c, catalog_index.c, catalog_person.c) --------------------------- */

/* Sets values with their provenance, as far as locks and ranks allow; lock: from now on they stay.
 */
struct catalog_change {
    const struct catalog_value *values;
    size_t values_count;
    enum catalog_source source;
    str licence;
    bool lock;
};
enum err catalog_title_fields_put(struct db_tx *tx, struct id id,
                                  const struct catalog_change *change);
/*
 * The same for a person: "name" and "biography" with a language (empty: as it is written
 * everywhere), "born" and "died". What is so already costs no write; otherwise names and orders
 * follow, with a new version and an event.
 */
enum err catalog_person_fields_put(struct db_tx *tx, struct id id,
                                   const struct catalog_change *change);
/* Names and orders from what is stored; a new version; the event. */
enum err catalog_person_reindex(struct db_tx *tx, struct id id);
/* Makes what derives from names for the people that a migration left without. Blocks; when the
 * module opens. */
enum err catalog_people_catch_up(void);

/* Who owns the fields of a title or person: rows of (field, source, licence, locked, at). */
struct catalog_owners {
    struct db_rows rows;
};
enum err catalog_owners_load(struct db_tx *tx, const struct db_query *query, struct id id,
                             struct catalog_owners *out_owners);
/* Whether a source may set the field: it is not locked, and its owner's rank is not higher. */
bool catalog_owners_allow(const struct catalog_owners *owners, str field,
                          enum catalog_source source);
/* "year", "title.ru": what the field is called in provenance. */
str catalog_field_name(struct arena *arena, str field, str language);
enum err catalog_field_refuse(str field, const char *message);
/* A year, or a number of minutes; an empty text is none. ERR_INVALID with the field. */
struct number_range {
    int64_t min, max;
};
enum err catalog_number_parse(str field, str value, struct number_range range, opt_i64 *out);
/* Gives fields back to imports: each is unlocked by `query` (id, field). ERR_INVALID naming one
 * that has no value of its own. */
enum err catalog_fields_unlock(struct db_tx *tx, const struct db_query *query, struct id id,
                               const str_list *fields);
/* Tokens, names and orders from what is stored; a new version; the event. */
enum err catalog_title_reindex(struct db_tx *tx, struct id id);
/* catalog_title_publish() without telling it; false: it is no draft. */
enum err catalog_title_show(struct db_tx *tx, struct id id, bool *out_shown);
enum err catalog_credits_put(struct db_tx *tx, struct id id, const struct catalog_record *record);
/* Playable or not from its editions, its series' likewise; then catalog_title_reindex() of both. */
enum err catalog_playable_refresh(struct db_tx *tx, struct id id);
/* A name as it is looked up: folded, and cut to what is stored of one. */
str catalog_name_fold(struct arena *arena, str name);
/* Word starts of a folded name, for prefix search: calls put for each. */
typedef enum err (*name_fn)(struct db_tx *tx, str folded, struct id id);
enum err catalog_name_words(struct db_tx *tx, str name, struct id id, name_fn put);

/* --- Answers (catalog_card.c, catalog_page.c) ----------------------------------------------- */

struct title_card {
    struct id id;
    enum title_kind kind;
    str title, original_title;
    opt_i64 year, runtime_min;
    str_list genres, countries;
    opt_str age_rating, poster, backdrop;
    bool playable;
    str synopsis;
    enum title_status status;
};
typedef LIST_OF(struct title_card) title_cards;
SHAPE_DECLARE(title_card_shape, struct title_card);

enum err catalog_card_load(struct db_tx *tx, struct id id, str language,
                           struct title_card *out_card);
enum err catalog_card_of(struct db_tx *tx, const struct title *title, str language,
                         struct title_card *out_card);
/* Queries that rows will be followed by, each with the id in their column. */
struct catalog_ahead {
    const struct db_query *const *queries;
    unsigned queries_count, column;
};
/*
 * Called before each row is gone into: every so often a server is asked, in one round trip, for all
 * that the next ones need.
 */
enum err catalog_ask_ahead(struct db_tx *tx, const struct db_rows *rows,
                           const struct catalog_ahead *of, unsigned row);
/* The same for catalog_title_load() and catalog_card_of() of the title in the column. */
enum err catalog_cards_ahead(struct db_tx *tx, const struct db_rows *rows, unsigned column,
                             unsigned row);
str_list catalog_words(struct arena *arena, str words);
/* The name of a genre in a language of the interface; an unknown one is shown as its slug. */
str catalog_genre_label(str slug, str language);

extern const struct shape title_page_shape;
/* The whole title page as JSON. Episodes: those shown at `now`; INSTANT_NEVER for an editor: all.
 */
struct page_view {
    str language;
    instant now;
};
/*
 * Runs fn as db_read_ahead() does, with all asked that catalog_title_check_shown(),
 * catalog_title_load() and catalog_page_write() ask of a film.
 */
enum err catalog_page_read(struct db *db, struct id id, const struct page_view *view, db_tx_fn fn,
                           void *arg);
enum err catalog_page_write(struct db_tx *tx, const struct title *title,
                            const struct page_view *view, struct buf *out);
/* Which texts: rows of (field, language, value) that `query` gives for the id. */
struct text_wanted {
    const struct db_query *query;
    struct id id;
    const char *field;
};
enum err catalog_owner_text(struct db_tx *tx, const struct text_wanted *wanted, str language,
                            str *out);
enum err catalog_person_name(struct db_tx *tx, struct id id, str language, str *out);
enum err catalog_collection_text(struct db_tx *tx, struct id id, const char *field, str language,
                                 str *out);
/* Its titles that are shown now, at most `limit`; those that play first, then the editor's order.
 */
enum err catalog_collection_titles(struct db_tx *tx, struct id id, str language, unsigned limit,
                                   title_cards *out);
/* The form of an editor: every language, every provenance (catalog_form.c). */
extern const struct shape title_edit_shape;
struct catalog_form_field {
    str source, licence;
    bool locked;
    instant updated_at;
};
SHAPE_DECLARE(catalog_form_field_shape, struct catalog_form_field);
typedef MAP_OF(struct catalog_form_field) catalog_form_fields;
/* `query` gives the rows of catalog_owners. */
enum err catalog_form_fields_load(struct db_tx *tx, const struct db_query *query, struct id id,
                                  catalog_form_fields *out_fields);

/* --- Changes by an editor (catalog_edit.c) --------------------------------------------------- */

/* Versions begin at 1. */
#define CATALOG_VERSION_ANY INT64_C(-1)

/*
 * The version in If-Match: "7-1a2b…" in quotes, as GET answered, or CATALOG_VERSION_ANY of a lone
 * "*" (RFC 9110 13.1.1: whatever it is now, so long as it is there). Without one it answers 428
 * itself (*out_answered); ERR_PRECONDITION when it is no such ETag.
 */
enum err catalog_if_match(struct http_request *request, struct http_response *response,
                          int64_t *out_version, bool *out_answered);
/* ERR_PRECONDITION "precondition-failed" unless any is wanted or they are the same. */
enum err catalog_version_check(const char *what, struct id id, int64_t wanted, int64_t version);
/* The title's page as an editor sees it, with an ETag. */
enum err catalog_reply_title(struct http_request *request, struct http_response *response,
                             struct id id, unsigned status);
/* The person as an editor sees them, with an ETag. */
enum err catalog_reply_person(struct http_request *request, struct http_response *response,
                              struct id id);

/* --- Publishing (catalog_publish.c) ---------------------------------------------------------- */

struct saga_kind;
/* Film stored, time come, shown, announced. */
extern const struct saga_kind catalog_publish_saga;
#define CATALOG_PUBLISH_JOB "title.publish"

/* --- Ready bytes (catalog_cache.c) ---------------------------------------------------------- */

/*
 * Answers a read from ready bytes, or builds them by `build` and keeps them. The key is the route's
 * path, the normalised query and the language. Entries die when the catalogue changes, when a
 * window opens or closes, and when room is needed.
 */
typedef enum err (*build_fn)(struct http_request *request, str language, struct buf *out,
                             int64_t *out_version);
enum err catalog_cache_answer(struct http_request *request, struct http_response *response,
                              build_fn build);
/* `language` of a request: ?lang= else Accept-Language, reduced to a primary tag that the interface
 * knows; "en" otherwise. */
str catalog_request_language(const struct http_request *request);
void catalog_cache_open(void);
void catalog_cache_close(void);

/* ERR_INVALID for a query that has more than `lang` in it, or no language in that. */
enum err catalog_language_check(const struct http_request *request);
/* JSON for an editor, who is never given what was kept: no-store, ETag "VERSION-…" for If-Match. */
enum err catalog_reply_editor(struct http_request *request, struct http_response *response,
                              str json, int64_t version);

/* The id in a path parameter; what is no id is not found either: ERR_NOT_FOUND with `slug`. */
enum err catalog_request_id(const struct http_request *request, const char *param, const char *slug,
                            struct id *out_id);

/* Absent is NULL in a column, and null in an answer. */
static inline struct db_value number_or_null(opt_i64 number)
{
    return number.state == OPT_SET ? DB_I64(number.value) : DB_NULL;
}
static inline opt_time time_or_null(instant at)
{
    return at == INSTANT_NEVER ? (opt_time){ .state = OPT_NULL } : OPT(time, at);
}

/* --- Handlers ------------------------------------------------------------------------------- */

enum err catalog_on_titles_list(struct http_request *request, struct http_response *response);
enum err catalog_on_title_get(struct http_request *request, struct http_response *response);
enum err catalog_on_people_list(struct http_request *request, struct http_response *response);
enum err catalog_on_season_patch(struct http_request *request, struct http_response *response);
enum err catalog_on_person_patch(struct http_request *request, struct http_response *response);
enum err catalog_on_person_edit_get(struct http_request *request, struct http_response *response);
enum err catalog_on_person_get(struct http_request *request, struct http_response *response);
enum err catalog_on_genres_list(struct http_request *request, struct http_response *response);
enum err catalog_on_countries_list(struct http_request *request, struct http_response *response);
enum err catalog_on_years_list(struct http_request *request, struct http_response *response);
enum err catalog_on_collections_list(struct http_request *request, struct http_response *response);
enum err catalog_on_collection_get(struct http_request *request, struct http_response *response);
enum err catalog_on_home_get(struct http_request *request, struct http_response *response);
enum err catalog_on_artwork_get(struct http_request *request, struct http_response *response);

enum err catalog_on_title_add(struct http_request *request, struct http_response *response);
enum err catalog_on_title_patch(struct http_request *request, struct http_response *response);
enum err catalog_on_title_edit_get(struct http_request *request, struct http_response *response);
enum err catalog_on_title_publish(struct http_request *request, struct http_response *response);
enum err catalog_on_title_publish_when_ready(struct http_request *request,
                                             struct http_response *response);
enum err catalog_on_title_archive(struct http_request *request, struct http_response *response);
enum err catalog_on_collection_put(struct http_request *request, struct http_response *response);
enum err catalog_on_collection_remove(struct http_request *request, struct http_response *response);

extern const struct shape titles_query_shape, titles_list_shape, people_query_shape,
    people_list_shape, person_page_shape, person_patch_shape, person_edit_shape, facets_query_shape,
    facets_list_shape, collections_query_shape, collections_list_shape, collection_page_shape,
    home_shape, title_add_shape, title_patch_shape, publish_wish_shape, publish_started_shape,
    season_patch_shape, collection_put_shape, language_query_shape;

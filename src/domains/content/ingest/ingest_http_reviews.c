/* ingest_http_reviews: files whose title is in doubt, and what a person decides about them. */
#include "ingest_http.h"

#include "ingest_sql.h"

#include "engines/flow/jobs.h"
#include "foundation/json/json.h"

struct guess {
    str title;
    opt_i64 year;
};
SHAPE(guess_shape, struct guess, FIELD(struct guess, title), FIELD(struct guess, year));
struct review_view {
    struct id id;
    str path, reason;
    json_raw reasons;
    struct guess guess;
    json_raw candidates;
    instant created_at;
};
SHAPE(review_view_shape, struct review_view, FIELD(struct review_view, id),
      FIELD(struct review_view, path), FIELD(struct review_view, reason),
      FIELD(struct review_view, reasons), FIELD_SHAPE(struct review_view, guess, guess_shape),
      FIELD(struct review_view, candidates), FIELD_TIME(struct review_view, created_at));
struct reviews_view {
    LIST_OF(struct review_view) items;
    opt_str next;
};
SHAPE(reviews_view_shape, struct reviews_view,
      FIELD_SHAPES(struct reviews_view, items, review_view_shape),
      FIELD(struct reviews_view, next));

enum err ingest_on_reviews_list(struct http_request *request, struct http_response *response)
{
    struct ingest_page page;
    struct reviews_view list = { .next = { .state = OPT_NULL } };
    struct db_rows rows;
    int64_t after = 0;
    TRY(ingest_http_page(request, &ingest_page_shape, "reviews", &page, &after));
    TRY(db_all(db_now(ingest.db), &SQL_REVIEWS_LIST, DB_ARGS(DB_I64(after), DB_I64(page.limit + 1)),
               (unsigned)page.limit + 1, &rows));
    size_t count = MIN_OF((size_t)rows.count, (size_t)page.limit);
    list.items.items = ARENA_ARRAY(request->arena, count, struct review_view);
    for (size_t i = 0; i < count; i++) {
        const struct db_row *row = &rows.items[i];
        int64_t year = db_i64(row, 3);
        list.items.items[list.items.count++] = (struct review_view){
            .id = ID(db_i64(row, 0)),
            .path = db_text(row, 1),
            .guess = { db_text(row, 2), year ? OPT(i64, year) : (opt_i64){ .state = OPT_NULL } },
            .reason = db_text(row, 4),
            .reasons = { ingest_reasons_json(request->arena, db_text(row, 4)) },
            .candidates = { db_text(row, 5) },
            .created_at = db_at(row, 6)
        };
    }
    list.next = ingest_http_next(request, "reviews",
                                 rows.count > count ? db_i64(&rows.items[count - 1], 0) : 0);
    ingest_http_reply(request, response, &reviews_view_shape, &list);
    return OK;
}

enum decision { DECISION_USE, DECISION_NEW, DECISION_SKIP };
SHAPE_ENUM(review_decisions, [DECISION_USE] = STR_INIT("use"), [DECISION_NEW] = STR_INIT("new"),
           [DECISION_SKIP] = STR_INIT("skip"));
struct review_body {
    enum decision decision;
    opt_id title_id;
    opt_str title;
    opt_i64 year;
};
SHAPE(review_post_shape, struct review_body,
      FIELD_ENUM(struct review_body, decision, review_decisions, .required = true),
      FIELD(struct review_body, title_id, .doc = "with use"),
      FIELD(struct review_body, title, .max = 300, .doc = "with new"),
      FIELD(struct review_body, year, .min = 1870, .max = 2200, .doc = "with new"));

struct review_decide {
    int64_t id;
    struct review_body body;
    struct arena *arena;
};

/*
 * What was decided is carried out by importing again what was imported; only the group of the file
 * is looked at anew.
 */
static enum err import_again(struct db_tx *tx, struct arena *arena, int64_t import_id, str folder)
{
    struct import import;
    TRY(ingest_import_get(tx, import_id, &import));
    TRY(ingest_folder_forget(tx, folder));
    struct import_add add = { .paths = import.paths_json,
                              .subject = folder,
                              .draft = import.draft,
                              .media = import.media,
                              .arena = arena };
    if (!str_is_utf8(folder))
        add.subject = STR("");
    return ingest_import_add(tx, &add);
}

static enum err review_decide_tx(struct db_tx *tx, void *arg)
{
    struct review_decide *decide = arg;
    const struct review_body *body = &decide->body;
    bool use = body->decision == DECISION_USE, new = body->decision == DECISION_NEW;
    struct id series;
    struct db_row row;
    TRY(db_find(tx, &SQL_REVIEW_GET, DB_ARGS(DB_I64(decide->id)), &row));
    if (!row.values)
        return err_set(ERR_NOT_FOUND, "review-not-found", "there is no review %lld",
                       (long long)decide->id);
    if (use)
        TRY(catalog_series_of(tx, body->title_id.value, &series)); /* the title is there */
    TRY(db_exec(tx, &SQL_DECISION_PUT,
                DB_ARGS(DB_BLOB(db_blob(&row, 1)),
                        DB_TEXT(shape_enum_text(&review_decisions, body->decision)),
                        use ? DB_I64(body->title_id.value.value) : DB_NULL,
                        DB_TEXT(new ? body->title.value : STR("")),
                        DB_I64(new && body->year.state == OPT_SET ? body->year.value : 0)),
                NULL));
    TRY(db_exec(tx, &SQL_REVIEW_REMOVE, DB_ARGS(DB_I64(decide->id)), NULL));
    return use || new ? import_again(tx, decide->arena, db_i64(&row, 3), db_blob(&row, 4)) : OK;
}

static enum err check_decision(const struct review_body *body)
{
    bool complete =
        body->decision == DECISION_SKIP ||
        (body->decision == DECISION_USE && body->title_id.state == OPT_SET) ||
        (body->decision == DECISION_NEW && body->title.state == OPT_SET && body->title.value.len);
    if (complete)
        return OK;
    err_set(ERR_INVALID, "invalid-fields", "the decision is incomplete");
    err_field_add(STR("decision"), "use needs title_id, new needs title");
    return ERR_INVALID;
}

enum err ingest_on_review_post(struct http_request *request, struct http_response *response)
{
    struct review_decide decide = { .arena = request->arena };
    TRY(ingest_http_id(request, "review-not-found", &decide.id));
    TRY(shape_parse_json(request->arena, &review_post_shape, request->body, &decide.body));
    TRY(check_decision(&decide.body));
    TRY(db_tx(ingest.db, review_decide_tx, &decide));
    http_reply_status(response, 204);
    return OK;
}

/*
 * catalog_index: what lists and search read, made anew from the stored title whenever it changes:
 * tokens to filter by, folded names to find by, keys to sort by.
 */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "media/text/fold.h"

#include <stdio.h>

enum { WORDS_MAX = 12, FOLDED_BYTES_MAX = 120, CREDITS_MAX = 200 };

static enum err token_put(struct db_tx *tx, struct id id, const char *kind, str value)
{
    str token = arena_printf(db_arena(tx), "%s:%.*s", kind, STR_ARG(value));
    return db_exec(tx, &SQL_TITLE_TOKEN_PUT, DB_ARGS(DB_I64(id.value), DB_TEXT(token)), NULL);
}

static enum err word_tokens_put(struct db_tx *tx, struct id id, const char *kind, str words)
{
    str word;
    while (str_cut(&words, ' ', &word))
        if (word.len)
            TRY(token_put(tx, id, kind, word));
    return OK;
}

static enum err person_tokens_put(struct db_tx *tx, struct id id)
{
    struct db_rows rows;
    char text[ID_TEXT_MAX];
    TRY(db_all(tx, &SQL_CREDITS_LIST, DB_ARGS(DB_I64(id.value)), CREDITS_MAX, &rows));
    for (unsigned i = 0; i < rows.count; i++)
        TRY(token_put(tx, id, "person", id_format(ID(db_i64(&rows.items[i], 1)), text)));
    return OK;
}

static enum err tokens_put(struct db_tx *tx, const struct title *title)
{
    char year[24];
    TRY(db_exec(tx, &SQL_TITLE_TOKENS_CLEAR, DB_ARGS(DB_I64(title->id.value)), NULL));
    TRY(token_put(tx, title->id, "kind", shape_enum_text(&title_kinds, title->kind)));
    if (title->kind != TITLE_EPISODE)
        TRY(token_put(tx, title->id, "kind", STR("any")));
    TRY(token_put(tx, title->id, "playable", title->playable ? STR("true") : STR("false")));
    TRY(word_tokens_put(tx, title->id, "genre", title->genres));
    TRY(word_tokens_put(tx, title->id, "country", title->countries));
    TRY(word_tokens_put(tx, title->id, "language", title->languages));
    if (title->year.state == OPT_SET) {
        snprintf(year, sizeof(year), "%lld", (long long)title->year.value);
        TRY(token_put(tx, title->id, "year", str_of(year)));
    }
    return person_tokens_put(tx, title->id);
}

/* What is neither letter nor digit: ASCII and Latin-1 signs, general and CJK punctuation. */
static bool is_word_break(uint32_t c)
{
    if (c < 0x80)
        return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
    return (c >= 0xa0 && c <= 0xbf && c != 0xaa && c != 0xb5 && c != 0xba) ||
           (c >= 0x2000 && c <= 0x206f) || (c >= 0x3000 && c <= 0x303f);
}

str catalog_name_fold(struct arena *arena, str name)
{
    return str_head_utf8(fold_str(arena, str_trim(name)), FOLDED_BYTES_MAX);
}

enum err catalog_name_words(struct db_tx *tx, str name, struct id id, name_fn put)
{
    str folded = fold_str(db_arena(tx), name);
    bool at_start = true;
    unsigned words = 0;
    for (size_t pos = 0; pos < folded.len && words < WORDS_MAX;) {
        size_t from = pos;
        bool is_break = is_word_break(str_utf8_next(folded, &pos));
        if (!is_break && at_start) {
            TRY(put(tx, str_head_utf8(str_skip(folded, from), FOLDED_BYTES_MAX), id));
            words++;
        }
        at_start = is_break;
    }
    return OK;
}

static enum err title_name_put(struct db_tx *tx, str folded, struct id id)
{
    return db_exec(tx, &SQL_TITLE_NAME_PUT, DB_ARGS(DB_TEXT(folded), DB_I64(id.value)), NULL);
}

static enum err names_put(struct db_tx *tx, const struct title *title)
{
    TRY(db_exec(tx, &SQL_TITLE_NAMES_CLEAR, DB_ARGS(DB_I64(title->id.value)), NULL));
    TRY(catalog_name_words(tx, title->original_title, title->id, title_name_put));
    for (size_t i = 0; i < title->texts_count; i++)
        if (str_eq(title->texts[i].field, STR("title")))
            TRY(catalog_name_words(tx, title->texts[i].value, title->id, title_name_put));
    return OK;
}

static enum err order_put(struct db_tx *tx, struct id id, const char *ordering, str key)
{
    return db_exec(tx, &SQL_TITLE_ORDER_PUT,
                   DB_ARGS(DB_TEXT(str_of(ordering)), DB_TEXT(key), DB_I64(id.value)), NULL);
}

static enum err orders_put(struct db_tx *tx, const struct title *title)
{
    struct arena *arena = db_arena(tx);
    char ordering[32];
    TRY(db_exec(tx, &SQL_TITLE_ORDERS_CLEAR, DB_ARGS(DB_I64(title->id.value)), NULL));
    str added = arena_printf(arena, "%020lld", (long long)title->added_at);
    TRY(order_put(tx, title->id, "added", added));
    TRY(order_put(tx, title->id, "shelf",
                  arena_printf(arena, "%d%.*s", title->playable, STR_ARG(added))));
    int64_t year = title->year.state == OPT_SET ? title->year.value : 0;
    TRY(order_put(tx, title->id, "year", arena_printf(arena, "%04lld", (long long)year)));
    for (size_t i = 0; i < INTERFACE_LANGUAGES; i++) {
        str name =
            catalog_name_fold(arena, catalog_title_text(title, "title", catalog_languages[i]));
        snprintf(ordering, sizeof(ordering), "title.%.*s", STR_ARG(catalog_languages[i]));
        TRY(order_put(tx, title->id, ordering, name));
    }
    return OK;
}

enum err catalog_title_reindex(struct db_tx *tx, struct id id)
{
    struct title title;
    int64_t version;
    TRY(db_insert(tx, &SQL_TITLE_TOUCH, DB_ARGS(DB_I64(id.value), DB_TIME(clock_now())), &version));
    TRY(catalog_title_load(tx, id, &title));
    TRY(tokens_put(tx, &title));
    TRY(names_put(tx, &title));
    TRY(orders_put(tx, &title));
    title.version = version;
    return catalog_title_tell(tx, &catalog_title_changed, &title);
}

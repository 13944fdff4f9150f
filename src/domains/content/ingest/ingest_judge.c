/*
 * ingest_judge: which title a video file is. A person's decision comes first, then what the file
 * was before, then an explicit id or the same name and year; whatever rests on a guess goes to a
 * person.
 */
#include "ingest_group.h"

#include "ingest_sql.h"

/* A file that somebody said is a title says nothing about it by its own name. */
static void decided(const struct db_row *row, struct id known, struct identity *identity,
                    struct judgement *judgement)
{
    str decision = db_text(row, 0);
    if (str_eq(decision, STR("use"))) {
        judgement->verdict = VERDICT_TITLE;
        judgement->title = ID(db_i64(row, 1));
        identity->title = STR("");
        identity->year = 0;
    } else if (str_eq(decision, STR("new"))) {
        /* what was new once is there the next time */
        judgement->verdict = id_is_none(known) ? VERDICT_NEW : VERDICT_TITLE;
        judgement->title = known;
        identity->title = db_text(row, 2);
        identity->year = db_i64(row, 3);
    } else {
        judgement->verdict = VERDICT_SKIP;
    }
}

static enum err by_catalogue(struct db_tx *tx, const struct identity *identity,
                             struct judgement *judgement)
{
    struct catalog_match match;
    unsigned count = 0;
    struct catalog_wanted wanted = { identity->kind, identity->title, identity->year, identity->ids,
                                     identity->ids_count };
    TRY(catalog_match(tx, &wanted, 1, &match, &count));
    judgement->verdict = VERDICT_NEW;
    if (count == 0 || match.score < MATCH_DOUBTFUL)
        return OK;
    if (match.score >= MATCH_CERTAIN) {
        judgement->verdict = VERDICT_TITLE;
        judgement->title = match.id;
        return OK;
    }
    judgement->verdict = VERDICT_REVIEW;
    judgement->reason = match.year ? INGEST_REASON(db_arena(tx), YEAR_APART)
                                   : INGEST_REASON(db_arena(tx), YEAR_UNKNOWN);
    return OK;
}

enum err ingest_judge(struct db_tx *tx, const struct unit *unit, struct identity *identity,
                      struct judgement *out_judgement)
{
    struct db_row row;
    struct source source;
    struct judgement judgement = { .title = ID_NONE, .reason = STR("") };
    TRY(db_find(tx, &SQL_DECISION_FIND, DB_ARGS(DB_BLOB(unit->video->path)), &row));
    TRY(ingest_source_find(tx, unit->video->path, &source));
    if (row.values) {
        decided(&row, source.title, identity, &judgement);
    } else if (!id_is_none(source.title)) {
        judgement.verdict = VERDICT_TITLE;
        judgement.title = source.title;
    } else if (identity->doubt != FILM_DOUBT_NONE) {
        judgement.verdict = VERDICT_REVIEW;
        judgement.reason = str_of(film_name_doubt_text(identity->doubt));
    } else {
        TRY(by_catalogue(tx, identity, &judgement));
    }
    *out_judgement = judgement;
    return OK;
}

/* Names of series often have no year, and that is no doubt; two years that differ are one. */
static enum err series_by_catalogue(struct db_tx *tx, const struct identity *identity,
                                    struct judgement *judgement)
{
    struct catalog_match match;
    unsigned count = 0;
    struct catalog_wanted wanted = { TITLE_SERIES, identity->title, identity->year, identity->ids,
                                     identity->ids_count };
    TRY(catalog_match(tx, &wanted, 1, &match, &count));
    judgement->verdict = VERDICT_NEW;
    if (count == 0 || match.score < MATCH_DOUBTFUL)
        return OK;
    bool apart = match.score < MATCH_CERTAIN && match.year && identity->year;
    judgement->verdict = apart ? VERDICT_REVIEW : VERDICT_TITLE;
    judgement->title = apart ? ID_NONE : match.id;
    if (apart)
        judgement->reason = INGEST_REASON(db_arena(tx), SERIES_YEAR_APART);
    return OK;
}

enum err ingest_judge_series(struct db_tx *tx, str key, struct id known, struct identity *identity,
                             struct judgement *out_judgement)
{
    struct db_row row;
    struct judgement judgement = { .title = ID_NONE, .reason = STR("") };
    TRY(db_find(tx, &SQL_DECISION_FIND, DB_ARGS(DB_BLOB(key)), &row));
    if (row.values) {
        decided(&row, known, identity, &judgement);
    } else if (!id_is_none(known)) {
        judgement.verdict = VERDICT_TITLE;
        judgement.title = known;
    } else {
        TRY(series_by_catalogue(tx, identity, &judgement));
    }
    *out_judgement = judgement;
    return OK;
}

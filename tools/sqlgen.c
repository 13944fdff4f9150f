/*
 * sqlgen: turns the sql/ folder of a module into C. Migrations (NNNN_name.sql) become embedded
 * texts, named queries (queries.sql) become typed handles, so that C says SQL_TITLE_GET and a
 * misspelt name does not compile. NNNN_name.sqlite.sql / .pg.sql and queries.sqlite.sql / .pg.sql
 * hold what must differ between the dialects, NNNN_name.down.sql how a migration is undone. Run by
 * the build: sqlgen MODULE OUT.h OUT.c FILE...
 */
#include "foundation/base/base.h"
#include "foundation/base/str.h"
#include "foundation/mem/arena.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUERIES_MAX = 1000,
    MIGRATIONS_MAX = 1000,
    PARAMS_MAX = 64,
    DIALECTS = 2,
    NAME_MAX_LEN = 60
};
enum { SQLITE, POSTGRES };

struct query {
    str name, doc;
    const char *kind;
    str sql[DIALECTS];
    unsigned params_count;
};

struct migration {
    unsigned number;
    str name;
    str sql[DIALECTS];
    str down[DIALECTS]; /* NNNN_name.down.sql: how it is undone */
};

static struct arena arena;
static struct query queries[QUERIES_MAX];
static unsigned queries_count;
static struct migration migrations[MIGRATIONS_MAX];
static unsigned migrations_count;

NORETURN static void fail(const char *file, unsigned line, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void fail(const char *file, unsigned line, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s:%u: ", file, line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static str read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path, 0, "cannot be opened");
    size_t size_max = MIB(1), len;
    char *text = arena_alloc(&arena, size_max);
    len = fread(text, 1, size_max, file);
    fclose(file);
    if (len == size_max)
        fail(path, 0, "is longer than 1 MiB");
    str content = { text, len };
    if (!str_is_utf8(content) || str_find_char(content, 0) >= 0)
        fail(path, 0, "is not UTF-8 text");
    return content;
}

static bool name_is_valid(str name)
{
    if (name.len == 0 || name.len > NAME_MAX_LEN || !islower((unsigned char)name.ptr[0]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!islower((unsigned char)c) && !isdigit((unsigned char)c) && c != '_')
            return false;
    }
    return true;
}

/* The dialects a file speaks for; `stem` loses the dialect's ending. */
static void dialects_of(str *stem, bool out_speaks[DIALECTS])
{
    bool sqlite = str_ends(*stem, STR(".sqlite")), postgres = str_ends(*stem, STR(".pg"));
    out_speaks[SQLITE] = !postgres;
    out_speaks[POSTGRES] = !sqlite;
    if (sqlite || postgres)
        stem->len -= sqlite ? 7 : 3;
}

/* --- Queries -------------------------------------------------------------------------------- */

static const char *kind_of(str word)
{
    static const char *const words[][2] = { { ":point", "DB_POINT" },
                                            { ":page", "DB_PAGE" },
                                            { ":scan", "DB_SCAN" },
                                            { ":write", "DB_WRITE" } };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(word, str_of(words[i][0])))
            return words[i][1];
    }
    return NULL;
}

static struct query *query_find(str name)
{
    for (unsigned i = 0; i < queries_count; i++) {
        if (str_eq(queries[i].name, name))
            return &queries[i];
    }
    return NULL;
}

static struct query *query_begin(const char *path, unsigned line, str header, bool dialect)
{
    str name, kind = header;
    if (!str_cut(&kind, ' ', &name) || !name_is_valid(name) || !kind_of(str_trim(kind)))
        fail(path, line, "expected \"-- name: noun_verb :point|:page|:scan|:write\"");
    struct query *query = query_find(name);
    if (query && !dialect)
        fail(path, line, "query %.*s is there twice", STR_ARG(name));
    if (!query) {
        if (queries_count == QUERIES_MAX)
            fail(path, line, "more than %d queries", QUERIES_MAX);
        query = &queries[queries_count++];
        query->name = name;
    }
    const char *word = kind_of(str_trim(kind));
    if (query->kind && query->kind != word)
        fail(path, line, "query %.*s is of another kind in the other file", STR_ARG(name));
    query->kind = word;
    return query;
}

/* Skips a quoted text; `at` is on its opening quote. Returns the index of the closing one. */
static size_t skip_quoted(str sql, size_t at)
{
    char quote = sql.ptr[at++];
    while (at < sql.len && sql.ptr[at] != quote)
        at++;
    return at;
}

/* Highest ?n; the numbers must be 1 … n, each used. */
static unsigned params_count(const char *path, unsigned line, str sql)
{
    bool used[PARAMS_MAX + 1] = { false };
    unsigned max = 0;
    for (size_t i = 0; i < sql.len; i++) {
        if (sql.ptr[i] == '\'' || sql.ptr[i] == '"')
            i = skip_quoted(sql, i);
        if (i >= sql.len || sql.ptr[i] != '?')
            continue;
        unsigned number = 0;
        while (i + 1 < sql.len && isdigit((unsigned char)sql.ptr[i + 1]) && number <= PARAMS_MAX)
            number = number * 10 + (unsigned)(sql.ptr[++i] - '0');
        if (number < 1 || number > PARAMS_MAX)
            fail(path, line, "parameters are numbered ?1 to ?%d", PARAMS_MAX);
        used[number] = true;
        max = MAX_OF(max, number);
    }
    for (unsigned n = 1; n <= max; n++) {
        if (!used[n])
            fail(path, line, "parameter ?%u is not used", n);
    }
    return max;
}

static str without_semicolon(const char *path, unsigned line, str sql)
{
    sql = str_trim(sql);
    if (!str_ends(sql, STR(";")))
        fail(path, line, "the query above does not end with \";\"");
    sql.len--;
    for (size_t i = 0; i < sql.len; i++) {
        if (sql.ptr[i] == '\'' || sql.ptr[i] == '"')
            i = skip_quoted(sql, i);
        else if (sql.ptr[i] == ';')
            fail(path, line, "the query above holds more than one statement");
    }
    return sql;
}

struct query_reader {
    const char *path;
    unsigned line;
    bool speaks[DIALECTS];
    struct query *query; /* being read, or NULL */
    str sql, doc;
};

static void query_end(struct query_reader *reader)
{
    struct query *query = reader->query;
    if (!query)
        return;
    str sql = without_semicolon(reader->path, reader->line, reader->sql);
    unsigned count = params_count(reader->path, reader->line, sql);
    bool both = reader->speaks[SQLITE] && reader->speaks[POSTGRES];
    for (int d = 0; d < DIALECTS; d++) {
        if (!reader->speaks[d])
            continue;
        if (!both && query->sql[!d].ptr && query->params_count != count)
            fail(reader->path, reader->line, "%.*s has other parameters in the other dialect",
                 STR_ARG(query->name));
        query->sql[d] = sql;
    }
    query->params_count = count;
    if (reader->doc.len)
        query->doc = reader->doc;
}

static void queries_line(struct query_reader *reader, str line)
{
    str trimmed = str_trim(line);
    if (str_starts(trimmed, STR("-- name:"))) {
        query_end(reader);
        bool dialect = !(reader->speaks[SQLITE] && reader->speaks[POSTGRES]);
        reader->query =
            query_begin(reader->path, reader->line, str_trim(str_skip(trimmed, 8)), dialect);
        reader->sql = reader->doc = STR_NONE;
    } else if (str_starts(trimmed, STR("--"))) {
        str text = str_trim(str_skip(trimmed, 2));
        reader->doc = arena_printf(&arena, "%.*s%s%.*s", STR_ARG(reader->doc),
                                   reader->doc.len ? " " : "", STR_ARG(text));
    } else if (trimmed.len) {
        if (!reader->query)
            fail(reader->path, reader->line, "SQL before the first \"-- name:\" line");
        reader->sql = arena_printf(&arena, "%.*s%s%.*s", STR_ARG(reader->sql),
                                   reader->sql.len ? "\n" : "", STR_ARG(line));
    }
}

static void queries_read(const char *path, const bool speaks[DIALECTS])
{
    struct query_reader reader = { .path = path, .speaks = { speaks[0], speaks[1] } };
    str rest = read_file(path), line;
    while (str_cut(&rest, '\n', &line)) {
        reader.line++;
        queries_line(&reader, line);
    }
    query_end(&reader);
}

/* --- Migrations ----------------------------------------------------------------------------- */

/* Cuts the next statement off *rest, comments before it left out. False at the end. */
static bool statement_cut(str *rest, str *out_statement)
{
    size_t begin = 0, at = 0;
    bool begun = false;
    for (; at < rest->len && rest->ptr[at] != ';'; at++) {
        if (str_starts(str_skip(*rest, at), STR("--"))) {
            while (at < rest->len && rest->ptr[at] != '\n')
                at++;
        } else if (rest->ptr[at] == '\'' || rest->ptr[at] == '"') {
            at = skip_quoted(*rest, at);
        } else if (!begun && !isspace((unsigned char)rest->ptr[at])) {
            begun = true;
            begin = at;
        }
    }
    *out_statement = str_sub(*rest, begin, at - begin);
    *rest = str_skip(*rest, at + 1);
    return begun;
}

/* Tables are STRICT, so that SQLite refuses the values that PostgreSQL does. */
static void tables_check(const char *path, str text)
{
    str statement;
    while (statement_cut(&text, &statement)) {
        ptrdiff_t options = str_find_last_char(statement, ')');
        if (str_starts(statement, STR("CREATE TABLE")) &&
            str_find(str_skip(statement, (size_t)MAX_OF(options, 0)), STR("STRICT")) < 0)
            fail(path, 0, "a table is not STRICT: %.*s", STR_ARG(str_sub(statement, 0, 60)));
    }
}

/* "-- refuse: why" with a query that counts, any number of times, then "-- down" and statements. */
static void down_check(const char *path, str text)
{
    bool begun = false, wants = false;
    str line;
    unsigned number = 0;
    while (!begun && str_cut(&text, '\n', &line)) {
        number++;
        bool refuse = str_starts(line, STR("-- refuse: "));
        begun = str_eq(line, STR("-- down"));
        if ((refuse || begun) && wants)
            fail(path, number, "the refusal above has no query");
        if (!refuse && !begun && !wants && str_trim(line).len)
            fail(path, number, "expected \"-- refuse: why\" or \"-- down\"");
        wants = refuse || (wants && !str_ends(str_trim(line), STR(";")));
    }
    if (!begun)
        fail(path, number, "there is no line \"-- down\"");
}

static void migration_read(const char *path, str stem, const bool speaks[DIALECTS])
{
    int64_t number;
    bool down = str_ends(stem, STR(".down"));
    stem.len -= down ? 5 : 0;
    if (stem.len < 6 || stem.ptr[4] != '_' || !str_parse_i64(str_sub(stem, 0, 4), &number) ||
        number < 1 || !name_is_valid(str_skip(stem, 5)))
        fail(path, 0, "migrations are named NNNN_name.sql, queries queries.sql");
    struct migration *migration = NULL;
    for (unsigned i = 0; i < migrations_count; i++) {
        if (migrations[i].number == (unsigned)number)
            migration = &migrations[i];
    }
    if (migration && !str_eq(migration->name, stem))
        fail(path, 0, "migration %04d is there twice", (int)number);
    if (!migration) {
        if (migrations_count == MIGRATIONS_MAX)
            fail(path, 0, "more than %d migrations", MIGRATIONS_MAX);
        migration = &migrations[migrations_count++];
        *migration = (struct migration){ .number = (unsigned)number, .name = stem };
    }
    str text = read_file(path);
    if (speaks[SQLITE])
        tables_check(path, text);
    if (down)
        down_check(path, text);
    str *texts = down ? migration->down : migration->sql;
    for (int d = 0; d < DIALECTS; d++) {
        if (speaks[d] && texts[d].ptr)
            fail(path, 0, "migration %04d has two texts for one dialect", (int)number);
        if (speaks[d])
            texts[d] = text;
    }
}

static int by_number(const void *a, const void *b)
{
    const struct migration *left = a, *right = b;
    return left->number < right->number ? -1 : left->number > right->number;
}

static void file_read(const char *path)
{
    const char *slash = strrchr(path, '/');
    str stem = str_of(slash ? slash + 1 : path);
    if (!str_ends(stem, STR(".sql")))
        fail(path, 0, "is not an .sql file");
    stem.len -= 4;
    bool speaks[DIALECTS];
    dialects_of(&stem, speaks);
    if (str_eq(stem, STR("queries")))
        queries_read(path, speaks);
    else
        migration_read(path, stem, speaks);
}

/* --- Writing -------------------------------------------------------------------------------- */

static const char *upper(str name)
{
    char *text = arena_cstr(&arena, name);
    for (char *c = text; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return text;
}

/* A C string literal, a line of SQL a line; NULL for none. */
static void literal_write(FILE *out, str text)
{
    if (!text.ptr) {
        fputs("NULL", out);
        return;
    }
    fputs("\n    \"", out);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\n')
            fputs(i + 1 < text.len ? "\\n\"\n    \"" : "\\n", out);
        else if (c == '"' || c == '\\' || c == '?') /* "??" could begin a trigraph */
            fprintf(out, "\\%c", c);
        else if (c < 32 || c > 126)
            fprintf(out, "\\%03o", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

/* The text of each dialect: `<prefix>_sqlite`, and `<prefix>_pg` where it is another. */
static void texts_write(FILE *out, const char *prefix, const str sql[DIALECTS])
{
    fprintf(out, "static const char %s_sqlite[] = ", prefix);
    literal_write(out, sql[SQLITE].ptr ? sql[SQLITE] : STR(""));
    fputs(";\n", out);
    if (sql[POSTGRES].ptr && sql[POSTGRES].ptr != sql[SQLITE].ptr) {
        fprintf(out, "static const char %s_pg[] = ", prefix);
        literal_write(out, sql[POSTGRES]);
        fputs(";\n", out);
    }
}

static void texts_refer(FILE *out, const char *prefix, const str sql[DIALECTS])
{
    const char *postgres = sql[POSTGRES].ptr == sql[SQLITE].ptr ? "sqlite" : "pg";
    fputs("{ ", out);
    fprintf(out, sql[SQLITE].ptr ? "%s_sqlite, " : "NULL, ", prefix);
    if (sql[POSTGRES].ptr)
        fprintf(out, "%s_%s }", prefix, postgres);
    else
        fputs("NULL }", out);
}

static void queries_write(FILE *out)
{
    for (unsigned i = 0; i < queries_count; i++) {
        const struct query *q = &queries[i];
        const char *prefix = arena_printf(&arena, "query_%.*s", STR_ARG(q->name)).ptr;
        texts_write(out, prefix, q->sql);
        fprintf(out, "const struct db_query SQL_%s = { \"%.*s\", ", upper(q->name),
                STR_ARG(q->name));
        texts_refer(out, prefix, q->sql);
        fprintf(out, ", %s, %u };\n\n", q->kind, q->params_count);
    }
    if (queries_count == 0)
        return;
    fputs("static const struct db_query *const queries[] = {\n", out);
    for (unsigned i = 0; i < queries_count; i++)
        fprintf(out, "    &SQL_%s,\n", upper(queries[i].name));
    fputs("};\n\n", out);
}

static void migrations_write(FILE *out)
{
    for (unsigned i = 0; i < migrations_count; i++) {
        const char *prefix = arena_printf(&arena, "migration_%04u", migrations[i].number).ptr;
        texts_write(out, prefix, migrations[i].sql);
        if (migrations[i].down[SQLITE].ptr || migrations[i].down[POSTGRES].ptr)
            texts_write(out, arena_printf(&arena, "%s_down", prefix).ptr, migrations[i].down);
    }
    if (migrations_count == 0)
        return;
    fputs("\nstatic const struct db_migration migrations[] = {\n", out);
    for (unsigned i = 0; i < migrations_count; i++) {
        const struct migration *m = &migrations[i];
        fprintf(out, "    { %u, \"%.*s\", ", m->number, STR_ARG(m->name));
        texts_refer(out, arena_printf(&arena, "migration_%04u", m->number).ptr, m->sql);
        fputs(", ", out);
        texts_refer(out, arena_printf(&arena, "migration_%04u_down", m->number).ptr, m->down);
        fputs(" },\n", out);
    }
    fputs("};\n\n", out);
}

static FILE *out_open(const char *path, const char *module)
{
    FILE *out = fopen(path, "w");
    if (!out)
        fail(path, 0, "cannot be written");
    fprintf(out, "/* Generated by tools/sqlgen from the sql folder of %s. */\n", module);
    return out;
}

static void header_write(const char *path, const char *module)
{
    FILE *out = out_open(path, module);
    fputs("#pragma once\n\n#include \"engines/db/db.h\"\n\n", out);
    for (unsigned i = 0; i < queries_count; i++) {
        const struct query *q = &queries[i];
        if (q->doc.len)
            fprintf(out, "/* %.*s */\n", STR_ARG(q->doc));
        fprintf(out, "extern const struct db_query SQL_%s;\n", upper(q->name));
    }
    fprintf(out, "\nextern const struct db_module %s_SQL;\n", upper(str_of(module)));
    if (fclose(out) != 0)
        fail(path, 0, "cannot be written");
}

static void source_write(const char *path, const char *module)
{
    FILE *out = out_open(path, module);
    fprintf(out, "#include \"%s_sql.h\"\n\n", module);
    queries_write(out);
    migrations_write(out);
    fprintf(out, "const struct db_module %s_SQL = { \"%s\", %s, %u, %s, %u };\n",
            upper(str_of(module)), module, migrations_count ? "migrations" : "NULL",
            migrations_count, queries_count ? "queries" : "NULL", queries_count);
    if (fclose(out) != 0)
        fail(path, 0, "cannot be written");
}

int main(int argc, char **argv)
{
    if (argc < 5 || !name_is_valid(str_of(argv[1]))) {
        fputs("usage: sqlgen MODULE OUT.h OUT.c FILE.sql...\n", stderr);
        return 2;
    }
    arena_init(&arena, GIB(1));
    for (int i = 4; i < argc; i++)
        file_read(argv[i]);
    qsort(migrations, migrations_count, sizeof(migrations[0]), by_number);
    for (unsigned i = 0; i < migrations_count; i++)
        if (!migrations[i].sql[SQLITE].ptr && !migrations[i].sql[POSTGRES].ptr)
            fail(arena_cstr(&arena, migrations[i].name), 0, "is undone but never done");
    header_write(argv[2], argv[1]);
    source_write(argv[3], argv[1]);
    arena_deinit(&arena);
    return 0;
}

# shellcheck shell=bash
# Rows of PostgreSQL: a title read by its id, against a Go handler that does the same (tests/load/go). The
# database's processes run beside the client, where they cost neither side anything that is counted.

title_queries=src/domains/content/catalog/sql/queries.sql

# A PostgreSQL until postgres_stop; POSTGRES_URL is a fresh database on it.
postgres_start() {
    local i
    ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 ||
        { REASON='PostgreSQL is not installed'; return 1; }
    rm -f "$work/postgres.url" "$work/postgres.pid"
    # shellcheck disable=SC2016 # it is for the shell that is started
    taskset -c "$client_processor" "$tools/kb_pg_server" sh -c \
        '"$1" --new >"$2.new" && echo $$ >"$3" && echo "$KB_PG_FOLDER" >"$3.folder" && mv "$2.new" "$2" && exec sleep 100000' \
        sh "$tools/kb_pg_server" "$work/postgres.url" "$work/postgres.pid" >"$work/postgres.log" 2>&1 &
    postgres_job=$!
    for ((i = 0; i < 600; i++)); do
        [ ! -s "$work/postgres.url" ] || break
        kill -0 "$postgres_job" 2>/dev/null || break
        sleep 0.1
    done
    POSTGRES_URL=$(cat "$work/postgres.url" 2>/dev/null)
    [ -n "$POSTGRES_URL" ] || { REASON="PostgreSQL does not start: $(tail -n 1 "$work/postgres.log")"; return 1; }
}

postgres_new() { # prints the URL of a further database
    KB_PG_FOLDER=$(cat "$work/postgres.pid.folder") "$tools/kb_pg_server" --new 2>"$work/error"
}

postgres_stop() {
    [ -n "${postgres_job:-}" ] || return 0
    server_stop catalogue
    server_stop go
    [ ! -s "$work/postgres.pid" ] || kill "$(cat "$work/postgres.pid")" 2>/dev/null
    wait "$postgres_job" 2>/dev/null
    unset postgres_job
}

go_build() {
    command -v go >/dev/null || { REASON='Go is not installed'; return 1; }
    (cd tests/load/go && go build -o "$work/title-server" .) >"$work/error" 2>&1 ||
        { REASON="the Go handler could not be built: $(tail -n 1 "$work/error")"; return 1; }
}

go_start() {
    local i separator='?'
    [[ $POSTGRES_URL != *\?* ]] || separator='&'
    GOMAXPROCS=1 taskset -c "$server_processor" "$work/title-server" -sql "$title_queries" \
        -db "$POSTGRES_URL${separator}search_path=content&sslmode=disable" \
        >"$work/go.port" 2>"$work/go.log" &
    server_pid[go]=$!
    for ((i = 0; i < 200; i++)); do
        [ ! -s "$work/go.port" ] || break
        sleep 0.05
    done
    server_port[go]=$(cat "$work/go.port")
    [ -n "${server_port[go]}" ] || { REASON="the Go handler does not start: $(tail -n 1 "$work/go.log")"; return 1; }
}

# Both must say the same of every film, byte for byte. Leaves the paths in $work/titles, each with a number
# that makes it one nobody has asked for: no answer is ready.
titles_compare() {
    local id
    : >"$work/titles"
    for id in $(get catalogue '/v1/titles?limit=100' | "$tools/kb_json" '$.items[*].id'); do
        get catalogue "/v1/titles/$id?lang=ru" >"$work/ours.json" &&
            get go "/v1/titles/$id?lang=ru" >"$work/theirs.json" || return 1
        cmp -s "$work/ours.json" "$work/theirs.json" || { REASON="the answers of title $id differ"; return 1; }
        echo "/v1/titles/$id?lang=en-########" >>"$work/titles"
    done
    [ -s "$work/titles" ] || { REASON='no title is published'; return 1; }
}

answers_kept() { # how many answers came from memory
    get catalogue /metrics | awk '/^catalog_answers_total\{from="cache"\}/ { print $2 }'
}

title_rounds() {
    local before
    # shellcheck disable=SC2034 # read by interleave() through their names
    local -a mine=(catalogue -c 64 -f "$work/titles") theirs=(go -c 64 -f "$work/titles")
    before=$(answers_kept)
    interleave requests_per_cpu_second mine theirs || return 1
    [ "$(answers_kept)" = "$before" ] || { REASON='answers came from memory'; return 1; }
}

row_title_postgres() {
    local code=0
    go_build && postgres_start || return 1
    rm -rf "$work/postgres"
    demo_seed "$work/postgres" --db "$POSTGRES_URL" &&
        server_start catalogue "$work/postgres" --db "$POSTGRES_URL" &&
        go_start && titles_compare && title_rounds || code=1
    postgres_stop
    return $code
}

# shellcheck shell=bash
# The rows: one function a figure. MEDIA_REASON is set when the films could not be prepared.

json_path=${BENCH_JSON_PATH:-/v1/genres}
many_folders=${BENCH_FOLDERS:-10000}

# --- answers from memory --------------------------------------------------------------------------

# nginx answers as many bytes, up to the longest text its configuration takes.
against_fixed() { # our path
    local body length fixed
    # shellcheck disable=SC2034 # read by interleave() through their names
    local -a mine theirs
    [ -n "${server_pid[ours]:-}" ] || { REASON='the server does not start'; return 1; }
    body=$(get ours "$1" | wc -c)
    [ "$body" -gt 0 ] || { REASON="GET $1: $(tail -n 1 "$work/error")"; return 1; }
    fixed=$((body < 16 ? 16 : body > 3000 ? 3000 : body))
    nginx_stop
    nginx_start "$fixed" || { REASON='nginx does not start'; return 1; }
    length=$(get ours "$1" | wc -c)
    # shellcheck disable=SC2034
    mine=(ours -c 64 -l "$length" "$1") theirs=(nginx -c 64 -l "$fixed" "/fixed-$fixed")
    interleave requests_per_cpu_second mine theirs
}

row_small_json() {
    against_fixed "$json_path"
}

row_title() { # needs no film: any published title will do
    local id=${SHORT_ID:-}
    [ -n "$id" ] || id=$(get ours '/v1/titles?limit=1' | "$tools/kb_json" '$.items[0].id' 2>/dev/null)
    [ -n "$id" ] || { REASON="no title is published: ${MEDIA_REASON:-}"; return 1; }
    against_fixed "/v1/titles/$id"
}

# --- segments -------------------------------------------------------------------------------------

row_segment() { # video or audio, pairs of windows
    [ -z "${MEDIA_REASON:-}" ] || { REASON=$MEDIA_REASON; return 1; }
    # shellcheck disable=SC2034 # read by interleave(), as are the arrays
    local pairs_wanted=$2
    # shellcheck disable=SC2034
    local -a mine=(ours -c 16 "${spin[@]}" -f "$work/short.$1.part")
    # shellcheck disable=SC2034
    local -a theirs=(nginx -c 16 "${spin[@]}" -f "$work/short.$1.part.nginx")
    nginx_stop
    nginx_start || { REASON='nginx does not start'; return 1; }
    interleave cpu_us_per_request mine theirs
}

# The film repeats every 120 s: whole repetitions are compared, so both ends have the same bytes.
row_position() {
    [ -z "${MEDIA_REASON:-}" ] || { REASON=$MEDIA_REASON; return 1; }
    local count loop
    count=$(wc -l <"$work/long.video")
    loop=$(awk -v s="$LONG_SEGMENT_SECONDS" 'BEGIN { printf "%d", 120 / s + 0.5 }')
    [ "$count" -ge $((4 * loop)) ] || { REASON="the long film has only $count segments"; return 1; }
    sed -n "$((loop + 1)),$((2 * loop))p" "$work/long.video" >"$work/long.start"
    sed -n "$(((count / loop - 2) * loop + 1)),$(((count / loop - 1) * loop))p" \
        "$work/long.video" >"$work/long.end"
    # shellcheck disable=SC2034
    local pairs_wanted=$((2 * pairs_wanted + 1))
    # shellcheck disable=SC2034
    local -a near_end=(ours -c 16 "${spin[@]}" -f "$work/long.end")
    # shellcheck disable=SC2034
    local -a near_start=(ours -c 16 "${spin[@]}" -f "$work/long.start")
    interleave cpu_us_per_request near_end near_start
}

# One window gives both figures; it is repeated with the server as it stands.
faults_and_heap() {
    [ -z "${MEDIA_REASON:-}" ] || { REASON=$MEDIA_REASON; return 1; }
    [ -z "${faults_per_segment:-}" ] || return 0
    local faults=() heap=() round
    server_stop ours
    LD_PRELOAD=$tools/heapcount.so KB_HEAPCOUNT=$work/heap server_start counted "$data" || return 1
    for ((round = 1; round <= rounds_wanted; round++)); do
        measure requests counted -c 1 -W 1000 -n 1000 -H "$work/heap" \
            -f "$work/short.video.part" >"$work/requests" || break
        faults+=("$(divide "$("$tools/kb_json" '$.minor_faults' <"$work/measured")" 1000)")
        heap+=("$(divide "$("$tools/kb_json" '$.heap_calls' <"$work/measured")" 1000)")
    done
    server_stop counted
    server_start ours "$data" && [ ${#heap[@]} -eq "$rounds_wanted" ] || return 1
    faults_per_segment=$(median "${faults[@]}") heap_per_segment=$(median "${heap[@]}")
}

row_faults() {
    faults_and_heap || return 1
    VALUE=$faults_per_segment ROUNDS=$rounds_wanted
}

row_heap() {
    faults_and_heap || return 1
    VALUE=$heap_per_segment ROUNDS=$rounds_wanted
}

# A fresh process each round: nothing of the title is open, its index is not mapped.
row_first() {
    [ -z "${MEDIA_REASON:-}" ] || { REASON=$MEDIA_REASON; return 1; }
    local path times=() round us
    path=$(sed -n "$(($(wc -l <"$work/long.video") / 2))p" "$work/long.video")
    for ((round = 1; round <= rounds_wanted; round++)); do
        server_stop ours
        server_start ours "$data" && get ours /livez >/dev/null || return 1
        us=$("$tools/kb_load" first -p "${server_port[ours]}" -C "$client_processor" "$path" \
            2>"$work/error" | "$tools/kb_json" '$.max_us') || return 1
        times+=("$(divide "$us" 1000)")
    done
    VALUE=$(median "${times[@]}") ROUNDS=$rounds_wanted
}

# --- memory, start, size --------------------------------------------------------------------------

row_idle() {
    local bytes=() round one
    for ((round = 1; round <= rounds_wanted; round++)); do
        server_stop ours
        server_start ours "$data" || return 1
        one=$("$tools/kb_load" idle -p "${server_port[ours]}" -P "${server_pid[ours]}" \
            -C "$client_processor" -c 4000 /livez 2>"$work/error" |
            "$tools/kb_json" '$.bytes_per_connection') || return 1
        bytes+=("$one")
    done
    VALUE=$(median "${bytes[@]}") ROUNDS=$rounds_wanted
}

# Demo data once, then a start a round; the home page is what a browser fetches to show it.
start_and_home() {
    [ -z "${start_ms:-}" ] || return 0
    local times=() sizes=() round path kb
    demo_seed "$work/demo" || { REASON="no demo data: $(tail -n 1 "$work/error")"; return 1; }
    for ((round = 1; round <= rounds_wanted; round++)); do
        server_start demo "$work/demo" || return 1
        times+=("$(divide "$STARTED_US" 1000)")
        for path in / $(get demo / | grep -oE '(src|href)="/[^"]+"' | cut -d '"' -f 2) \
            /v1/home /v1/genres; do
            get demo "$path" >/dev/null || home_missing=$path
        done
        kb=$(awk '/^VmRSS:/ { print $2 }' "/proc/${server_pid[demo]}/status")
        sizes+=("$(divide "$kb" 1024)")
        server_stop demo
    done
    start_ms=$(median "${times[@]}") home_mb=$(median "${sizes[@]}")
}

row_start() {
    start_and_home || return 1
    VALUE=$start_ms ROUNDS=$rounds_wanted
}

row_rss() {
    start_and_home || return 1
    [ -z "${home_missing:-}" ] || { REASON="the home page is incomplete: $home_missing"; return 1; }
    VALUE=$home_mb ROUNDS=$rounds_wanted
}

row_size() {
    VALUE=$(divide "$(stat -L -c %s "$program")" 1048576) ROUNDS=1
}

# --- writing --------------------------------------------------------------------------------------

seconds_of() { # command...
    local begin
    begin=$(date +%s%N)
    "$@" >"$work/import.log" 2>&1 || {
        tail -n 1 "$work/import.log" >"$work/error"
        return 1
    }
    divide $(($(date +%s%N) - begin)) 1000000000
}

folders_make() {
    [ ! -e "$films-many/made-$many_folders" ] || return 0
    rm -rf "$films-many"
    mkdir -p "$films-many"
    ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=size=320x180:rate=25:duration=1 \
        -c:v libx264 -preset ultrafast -pix_fmt yuv420p -b:v 160k "$work/clip.mp4" \
        2>"$work/error" &&
        ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=size=200x300 -frames:v 1 \
            "$work/poster.jpg" 2>"$work/error" &&
        "$tools/kb_folders" "$many_folders" "$films-many/films" "$work/clip.mp4" \
            "$work/poster.jpg" 2>"$work/error" && : >"$films-many/made-$many_folders"
}

# First and second import of a fresh data folder a round, until the rounds are done or five minutes are.
row_import_again() {
    local ratios=() first again begin=$SECONDS
    folders_make || return 1
    while [ ${#ratios[@]} -lt "$rounds_wanted" ] && [ $((SECONDS - begin)) -lt 300 ]; do
        rm -rf "$work/many"
        first=$(seconds_of "$program" import --no-media --data "$work/many" "$films-many/films") &&
            again=$(seconds_of "$program" import --no-media --data "$work/many" \
                "$films-many/films") || return 1
        ratios+=("$(divide "$again" "$first")")
    done
    rm -rf "$work/many"
    VALUE=$(median "${ratios[@]}") ROUNDS=${#ratios[@]}
}

# The same program, a fresh database each time; only the group size differs.
writes() { # group size
    rm -rf "$work/writes"
    mkdir "$work/writes"
    "$tools/kb_writes" "$work/writes" 64 "$1" "$window_ms" 2>"$work/error" >"$work/measured" ||
        return 1
    "$tools/kb_json" '$.writes_per_second' <"$work/measured"
}

row_group_commit() {
    local ratios=() grouped single round
    for ((round = 1; round <= rounds_wanted; round++)); do
        grouped=$(writes 64) && single=$(writes 1) || return 1
        ratios+=("$(divide "$grouped" "$single")")
    done
    VALUE=$(median "${ratios[@]}") ROUNDS=$rounds_wanted
}

# A fresh database each time; kb_events checks that what it counted is there, once.
events() { # what to take, mode and its arguments
    local key=$1
    shift
    rm -rf "$work/events"
    mkdir "$work/events"
    "$tools/kb_events" "$work/events" "$@" 2>"$work/error" >"$work/measured" || return 1
    "$tools/kb_json" "\$.$key" <"$work/measured"
}

row_events() {
    local values=() value round
    for ((round = 1; round <= rounds_wanted; round++)); do
        value=$(events "$@") || return 1
        values+=("$value")
    done
    rm -rf "$work/events"
    VALUE=$(median "${values[@]}") ROUNDS=$rounds_wanted
}

# Client and server share the machine, but only the client's CPU time counts, and both sides of a ratio are
# windows of one process.
row_postgres_reads() {
    local ratios=()
    ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { REASON='PostgreSQL is not installed'; return 1; }
    # shellcheck disable=SC2016
    "$tools/kb_pg_server" sh -c '"$1/kb_pg_reads" "$("$1/kb_pg_server" --new)" 64 "$2" "$3"' \
        sh "$tools" "$window_ms" "$rounds_wanted" 2>"$work/error" >"$work/measured" || return 1
    mapfile -t ratios <"$work/measured"
    VALUE=$(median "${ratios[@]}") ROUNDS=${#ratios[@]}
}

# --- calls ----------------------------------------------------------------------------------------

# Client and server take turns, so both have the processors of the bench between them.
# Both processes on one processor: where the scheduler puts them is not the call's.
row_call() { # here or there, nanoseconds a unit
    local medians=() round
    for ((round = 1; round <= rounds_wanted; round++)); do
        taskset -c "$server_processor" "$tools/kb_rpc_peer" bench 2000 2>"$work/error" >"$work/measured" || return 1
        medians+=("$(divide "$(sed -n "s/^$1 //p" "$work/measured")" "$2")")
    done
    VALUE=$(median "${medians[@]}") ROUNDS=$rounds_wanted
}

# --- the demo data --------------------------------------------------------------------------------

demo_seed() { # data folder, argument...
    local folder=$1
    shift
    "$program" demo --data "$folder" "$@" >"$work/error" 2>&1
}

rows_run() {
    row 'small JSON, requests per CPU-s' 'x nginx' '>=' 1.0 row_small_json
    row 'title by id, requests per CPU-s' 'x nginx' '>=' 0.8 row_title
    row 'video segment, CPU' 'x nginx' '<=' 1.0 row_segment video $((2 * pairs_wanted + 1))
    row 'audio segment, CPU' 'x nginx' '<=' 1.5 row_segment audio "$pairs_wanted"
    row 'segment near the end / near the start of 2 h' ratio '<=' 1.05 row_position
    row 'minor faults per warm segment' faults '<=' 0 row_faults
    row 'heap calls per warm segment' calls '<=' 0 row_heap
    row 'HTTP/2 small JSON, requests per CPU-s' 'x nginx' '>=' 3 row_h2_json
    row 'TLS 1.3 full handshakes per CPU-s' 'x nginx' '>=' 0.95 row_handshakes full
    row 'TLS 1.3 resumed handshakes per CPU-s' 'x nginx' '>=' 0.95 row_handshakes resumed
    row 'video segment over TLS, CPU' 'x nginx' '<=' 1.05 row_segment_tls
    row 'goodput at 3 x saturating load, keep-alive' 'x saturation' '>=' 0.9 row_goodput 1
    row 'goodput at 3 x saturating load, a connection each' 'x saturation' '>=' 0.9 row_goodput 0
    row 'p99 of reads during import, backups and a move' 'x quiet' '<=' 2 row_busy
    row 'p99 at 1,000 requests/s, 15,000 connections held' ms '<=' 5 row_held p99_us
    row 'memory of a held connection, of 15,000' bytes '<=' 2048 row_held held_bytes
    row 'first request of a cold 2 h title' ms '<=' 5 row_first
    row 'idle keep-alive connection' bytes '<=' 2048 row_idle
    row 'start to ready with demo data' ms '<=' 150 row_start
    row 'VmRSS after start and one home page' MiB '<=' 25 row_rss
    row 'program size' MiB '<=' 15 row_size
    row 'import again, unchanged / first time' ratio '<=' 0.05 row_import_again
    row 'durable writes, 64 writers / group size 1' ratio '>=' 8 row_group_commit
    row 'durable events, batches of 100' events/s '>=' 100000 row_events events_per_second publish 8 100 "$window_ms"
    row 'durable events, one at a time from 64 writers' events/s '>=' 10000 row_events events_per_second publish 64 1 "$window_ms"
    row 'events to one consumer, effect and inbox committed' events/s '>=' 50000 row_events events_per_second consume 200000
    row 'publish to effect at 1,000 events/s, p99' ms '<=' 20 row_events p99_ms delay 1000 5000
    row 'PostgreSQL point reads of 64 tasks, queries per CPU-s' 'x one a round trip' '>=' 3 row_postgres_reads
    row 'title by id on PostgreSQL, uncached, requests per CPU-s' 'x Go' '>=' 3 row_title_postgres
    row 'in-process call, p50' us '<=' 1 row_call here 1000
    row 'gRPC call over loopback, p50' us '<=' 60 row_call there 1000
}

# shellcheck shell=bash
# What a public and its administrator do, a function each; every one does it until $until (date +%s), a little
# at a time, and ends with 0 unless something went wrong that must not. Bounded: the same titles, folders
# and collections over and over.

soak_numbers() { # kb_open's output: good answers and failed ones are added up
    "$tools/kb_json" '$.good' <"$1" && "$tools/kb_json" '$.failed' <"$1"
}

# A window of reads at their times; none may fail.
soak_open() { # name, rate, argument..., path...
    local name=$1 rate=$2 good failed
    shift 2
    "$tools/kb_open" -p "${server_port[soak]}" -r "$rate" -t $((soak_load_s * 1000)) "$@" \
        >"$work/$name.measured" 2>"$work/$name.error" || return 1
    { read -r good && read -r failed; } < <(soak_numbers "$work/$name.measured")
    echo "$good" >>"$work/$name.good"
    [ "$failed" = 0 ] && [ "$good" -gt 0 ] && return 0
    echo "$good answers, $failed failed" >"$work/$name.error"
    return 1
}

soak_reads() {
    soak_open reads 300 -c 64 "/v1/titles/$SHORT_ID" '/v1/titles/1?lang=en-########' /v1/home \
        '/v1/titles?limit=24&year_from=####&year_to=####' '/v1/titles?prefix=me&limit=8' \
        '/v1/people?prefix=fr&limit=8' /v1/genres /v1/collections '/v1/titles?limit=24&sort=title'
}

# A connection each.
soak_visits() {
    soak_open visits 60 -k 0 -c 64 /v1/genres '/v1/titles/2?lang=ru-########' /livez
}

soak_segments() {
    mapfile -t paths <"$work/short.audio.part"
    soak_open segments 10 -c 16 -i 50 "${paths[@]}" "$(sed -n 3p "$work/short.video.part")" \
        "$(sed -n 9p "$work/short.video.part")"
}

# A loop that is late turns away who comes (limits.turn), and before the handshake it can only hang up: who is
# turned away comes again, three times.
soak_tls_try() { # command...
    local tries
    for tries in 1 2 3; do
        "$@" >/dev/null 2>"$work/tls.error" && return 0
        sleep "$tries"
    done
    return 1
}

soak_tls() {
    local mode port=${server_port[ours_tls]}
    while [ "$(date +%s)" -lt "$until" ]; do
        for mode in full resumed; do
            soak_tls_try "$tools/kb_tls" $mode -p "$port" -P "${server_pid[soak]}" -w 0 -t 100 || return 1
        done
        soak_tls_try "$tools/kb_tls" get -p "$port" -P "${server_pid[soak]}" -w 0 -t 200 -c 2 \
            -f "$work/short.audio.part" || return 1
        soak_tls_try curl -sSfk --http2 --max-time 20 -o /dev/null -o /dev/null -o /dev/null \
            "https://127.0.0.1:$port/v1/home" "https://127.0.0.1:$port/v1/titles?limit=12" \
            "https://127.0.0.1:$port/livez" || return 1
        ! command -v h2load >/dev/null ||
            soak_tls_try h2load -n 200 -c 4 -m 8 "https://127.0.0.1:$port/v1/genres" || return 1
        sleep 0.5
    done
}

# What a busy server refuses (503) is asked again.
soak_ask() { # method, path, curl option...; prints the body
    local method=$1 path=$2
    shift 2
    curl -sSf --max-time 30 --retry 5 --retry-delay 1 -X "$method" -H "Authorization: Bearer $soak_key" "$@" \
        "http://127.0.0.1:${server_port[soak]}$path" 2>"$work/writes.error"
}

soak_writes() {
    local etag id n=0
    while [ "$(date +%s)" -lt "$until" ]; do
        n=$((n + 1))
        etag=$(soak_ask GET "/v1/titles/$((n % 20 + 1))" -D - -o /dev/null |
            sed -n 's/^ETag: \(.*\)\r$/\1/Ip')
        soak_ask PATCH "/v1/titles/$((n % 20 + 1))" -H "If-Match: $etag" -o /dev/null \
            -H 'Content-Type: application/json' \
            -d "{\"texts\":{\"en\":{\"tagline\":\"For the ${n}th time\"}}}" || return 1
        id=$(soak_ask POST /v1/collections -H 'Content-Type: application/json' \
            -d "{\"slug\":\"soak-$n\",\"kind\":\"shelf\",\"names\":{\"en\":\"Soaked\"},\"titles\":[\"1\",\"2\"]}" |
            "$tools/kb_json" '$.id') && soak_ask DELETE "/v1/collections/$id" -o /dev/null || return 1
        sleep 0.2
    done
}

# An import; that there is too much work at the moment (exit code 75) is an answer, too.
soak_command() { # name, argument...
    local name=$1
    shift
    "$program" import --data "$data" "$@" >"$work/$name.error" 2>&1 || [ $? -eq 75 ]
}

# Each time some folders say something new, and one film is another one.
soak_imports() {
    local folder n=0
    while [ "$(date +%s)" -lt "$until" ]; do
        for folder in "$work"/folders/*0\ *; do
            n=$((n + 1))
            sed -i "s|<plot>.*</plot>|<plot>Told anew, $RANDOM.</plot>|" "$folder/movie.nfo"
        done
        soak_command imports --no-media "$work/folders" || return 1
        sleep 1
    done
}

soak_film() {
    printf '\0\0\0\14free%04d' $((RANDOM % 10000)) >>"$work/film/Soak (2022)/Soak (2022).mp4"
    soak_command film "$work/film"
}

# Who does not wait for answers, or does not finish asking.
soak_rude() {
    local port=${server_port[soak]} path connection
    path=$(head -n 1 "$work/short.video.part")
    while [ "$(date +%s)" -lt "$until" ]; do
        for path in "$path" /v1/titles?limit=48 /v1/home; do
            { exec {connection}<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || continue
            printf 'GET %s HTTP/1.1\r\nHost: a\r\n\r\n' "$path" >&"$connection"
            exec {connection}>&-
        done
        { exec {connection}<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || continue
        printf 'GET /v1/tit' >&"$connection"
        exec {connection}>&-
        { exec {connection}<>"/dev/tcp/127.0.0.1/${server_port[ours_tls]}"; } 2>/dev/null || continue
        printf '\26\3\1\2\0\1\0' >&"$connection"
        exec {connection}>&-
        curl -s --max-time 0.03 -o /dev/null "http://127.0.0.1:$port$path"
        curl -sk --max-time 0.05 -o /dev/null "https://127.0.0.1:${server_port[ours_tls]}$path"
        curl -s --max-time 5 -o /dev/null -X POST -d '{"x":' -H 'Content-Type: application/json' \
            "http://127.0.0.1:$port/v1/titles"
        sleep 0.1
    done
    return 0
}

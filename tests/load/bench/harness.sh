# shellcheck shell=bash
# The bench's harness: servers pinned to one processor, the client to another, rounds interleaved with
# nginx (many short pairs of windows: what disturbs one half of a pair disturbs the other), medians, and
# the table. Rows (rows.sh) are functions that leave VALUE and ROUNDS, or fail and leave REASON.

rounds_wanted=${BENCH_ROUNDS:-7}
pairs_wanted=${BENCH_PAIRS:-15}
window_ms=${BENCH_WINDOW_MS:-800}
server_processor=0
client_processor=$(($(nproc) > 1 ? 1 : 0))
spin=() # a client that sleeps makes the server pay for waking it, packet by packet
[ "$client_processor" = "$server_processor" ] || spin=(-s)

declare -A server_pid server_port
VALUE='' ROUNDS=0 REASON=''
rows_json=()

say() {
    printf '%s\n' "$*" >&2
}

# --- numbers ------------------------------------------------------------------------------------

median() { # number...
    printf '%s\n' "$@" | sort -g | awk '
        { v[NR] = $1 }
        END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

divide() { # a, b
    awk -v a="$1" -v b="$2" 'BEGIN { if (b == 0) exit 1; printf "%.6g\n", a / b }'
}

# --- servers ------------------------------------------------------------------------------------

# Starts the program under test as NAME on the data folder; further words are its arguments. Prints the
# microseconds from its start to the first 200 of /readyz.
server_start() { # name, data folder, argument...
    local name=$1 data=$2 answer
    shift 2
    answer=$("$tools/kb_load" start -f "$data/http.addr" /readyz \
        taskset -c "$server_processor" "$program" serve --data "$data" --listen 127.0.0.1:0 \
        --cores 1 "$@" 2>"$work/error") || return 1
    server_pid[$name]=$("$tools/kb_json" '$.pid' <<<"$answer")
    server_port[$name]=$("$tools/kb_json" '$.port' <<<"$answer")
    STARTED_US=$("$tools/kb_json" '$.us' <<<"$answer")
}

server_stop() { # name
    local pid=${server_pid[$1]:-} i
    [ -n "$pid" ] || return 0
    unset "server_pid[$1]"
    kill "$pid" 2>/dev/null
    for ((i = 0; i < 200; i++)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.05
    done
    kill -9 "$pid" 2>/dev/null
}

servers_stop() {
    local name
    for name in "${!server_pid[@]}"; do
        server_stop "$name"
    done
}

get() { # server, path: the body of a 200
    curl -sSf --max-time 20 "http://127.0.0.1:${server_port[$1]}$2" 2>"$work/error"
}

# nginx with one worker on the server's processor: WWW by sendfile, and /fixed-N from memory for each
# length N that is asked for; with HTTPS and HTTP/2 when there is a certificate.
nginx_start() { # length...
    local length port master i
    port=$(awk 'BEGIN { srand(); print 20000 + int(rand() * 10000) }')
    {
        [ "$(id -u)" -ne 0 ] || echo 'user root;'
        echo 'daemon off; worker_processes 1; pid nginx.pid; error_log nginx.log;'
        printf 'worker_cpu_affinity %s;\n' "$(awk -v n="$server_processor" \
            'BEGIN { printf "1"; while (n-- > 0) printf "0" }')"
        echo 'events { worker_connections 8192; }'
        echo 'http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;'
        echo 'keepalive_timeout 3600s; open_file_cache max=10000; types { video/mp4 m4s; }'
        for i in client_body proxy fastcgi uwsgi scgi; do
            echo "${i}_temp_path $work/nginx-tmp;"
        done
        echo "server { listen 127.0.0.1:$port; root $work/www; default_type application/json;"
        if [ -s "$work/cert.pem" ]; then # in clear, nginx has a port for each version
            echo "listen 127.0.0.1:$((port + 1)) ssl; listen 127.0.0.1:$((port + 2)) http2;"
            echo "ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem;"
            echo 'ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off; ssl_buffer_size 16k;'
        fi
        for length in "$@"; do
            printf "location = /fixed-%d { return 200 '{\"x\":\"%s\"}'; }\n" "$length" \
                "$(head -c $((length - 8)) /dev/zero | tr '\0' x)"
        done
        echo '} }'
    } >"$work/nginx.conf"
    nginx -p "$work" -c "$work/nginx.conf" >"$work/nginx.out" 2>&1 &
    master=$!
    for ((i = 0; i < 100; i++)); do
        server_pid[nginx]=$(cat "/proc/$master/task/$master/children" 2>/dev/null)
        server_pid[nginx]=${server_pid[nginx]%% *}
        [ -n "${server_pid[nginx]}" ] && break
        sleep 0.05
    done
    nginx_master=$master
    server_port[nginx]=$port server_port[nginx_tls]=$((port + 1)) server_port[nginx_h2]=$((port + 2))
    [ -n "${server_pid[nginx]}" ]
}

nginx_stop() {
    [ -n "${nginx_master:-}" ] || return 0
    kill "$nginx_master" 2>/dev/null
    wait "$nginx_master" 2>/dev/null
    unset nginx_master 'server_pid[nginx]'
}

# --- measuring ----------------------------------------------------------------------------------

# One window of `kb_load requests`; prints the wanted field. Numbers in paths are the clock's, so that no
# window repeats another's.
measure() { # field, server, kb_load argument...
    local field=$1 name=$2
    shift 2
    "$tools/kb_load" requests -p "${server_port[$name]}" -P "${server_pid[$name]}" \
        -C "$client_processor" -t "$window_ms" -N $(($(date +%s%N) / 10000 % 100000000)) "$@" \
        2>"$work/error" >"$work/measured" || return 1
    "$tools/kb_json" "\$.$field" <"$work/measured"
}

# VALUE is the median over rounds of a ratio of two measurements, whose order alternates. The arrays
# hold the arguments of measure() after the field.
interleave() { # field, array of ours, array of the other's
    local -n ours=$2 other=$3
    local ratios=() a b round
    for ((round = 1; round <= pairs_wanted; round++)); do
        if ((round % 2)); then
            a=$(measure "$1" "${ours[@]}") && b=$(measure "$1" "${other[@]}") || return 1
        else
            b=$(measure "$1" "${other[@]}") && a=$(measure "$1" "${ours[@]}") || return 1
        fi
        ratios+=("$(divide "$a" "$b")") || return 1
    done
    ROUNDS=${#ratios[@]}
    VALUE=$(median "${ratios[@]}")
}

# --- the table ----------------------------------------------------------------------------------

json_text() { # text
    printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g'
}

# Runs a row and prints it. OPERATOR is "<=" or ">=".
row() { # name, unit, operator, goal, function, argument...
    local name=$1 unit=$2 operator=$3 goal=$4 ok=false load
    shift 4
    [[ $name == *"$part"* ]] || return 0
    VALUE='' ROUNDS=0 REASON=''
    : >"$work/error"
    if "$@"; then
        awk -v a="$VALUE" -v b="$goal" -v op="$operator" \
            'BEGIN { exit !(op == "<=" ? a <= b : a >= b) }' && ok=true
    else
        VALUE='' REASON=${REASON:-$(tail -n 1 "$work/error")}
        REASON=${REASON:-it could not be measured}
    fi
    read -r load _ </proc/loadavg
    printf '%-6s %-46s %10s %-9s goal %s %-6s %2s rounds, load %s%s\n' \
        "$([ "$ok" = true ] && echo ok || echo MISSED)" "$name" \
        "$([ -n "$VALUE" ] && printf '%.4g' "$VALUE" || echo -)" "$unit" "$operator" "$goal" \
        "$ROUNDS" "$load" "${REASON:+: $REASON}"
    rows_json+=("$(printf '{"name":"%s","value":%s,"unit":"%s","goal":"%s %s","ok":%s,"rounds":%d,"load":%s,"reason":%s}' \
        "$(json_text "$name")" "${VALUE:-null}" "$(json_text "$unit")" "$operator" "$goal" "$ok" \
        "$ROUNDS" "$load" "$([ -n "$REASON" ] && printf '"%s"' "$(json_text "$REASON")" || echo null)")")
}

rows_write() { # file
    local separator='' one
    {
        printf '['
        for one in "${rows_json[@]}"; do
            printf '%s\n  %s' "$separator" "$one"
            separator=,
        done
        printf '\n]\n'
    } >"$1.new" && mv "$1.new" "$1"
}

# shellcheck shell=bash
# The rows of the edge: HTTP/2 and TLS, against nginx with the same certificate. The server is started anew
# with HTTPS for them; h2load (Debian's nghttp2-client) asks in HTTP/2, kb_tls over TLS.

h2_requests=${BENCH_H2_REQUESTS:-60000}

certificate_make() {
    [ -s "$work/cert.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout "$work/key.pem" -out "$work/cert.pem" -days 30 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost >"$work/error" 2>&1
}

# Both ends with TLS; server_port[ours_tls] and the like are their HTTPS ports.
edge_start() { # length of nginx's answer
    certificate_make || return 1
    server_stop ours
    server_start ours "$data" --tls-listen 127.0.0.1:0 --tls-cert "$work/cert.pem" \
        --tls-key "$work/key.pem" || return 1
    server_port[ours_tls]=$(sed 's/.*://' "$data/https.addr")
    nginx_stop
    nginx_start "$1" || { REASON='nginx does not start'; return 1; }
}

# Microseconds of the server's processor a request, of one run of h2load.
measure_h2() { # server, port's name, path, requests
    local pid=${server_pid[$1]} before after done
    before=$(cat /proc/"$pid"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f", s }')
    done=$(taskset -c "$client_processor" h2load -n "$4" -c 16 -m 16 \
        "http://127.0.0.1:${server_port[$2]}$3" 2>"$work/error" |
        awk '/^status codes:/ { print $3 }')
    after=$(cat /proc/"$pid"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f", s }')
    [ "${done:-0}" -eq "$4" ] || { echo "h2load: ${done:-no} good answers of $4" >"$work/error"; return 1; }
    awk -v a="$before" -v b="$after" -v n="$4" 'BEGIN { print (b - a) / 1000 / n }'
}

measure_tls() { # field, server, port's name, kb_tls argument...
    local field=$1 name=$2 port=$3 mode=$4
    shift 4
    "$tools/kb_tls" "$mode" -p "${server_port[$port]}" -P "${server_pid[$name]}" \
        -C "$client_processor" -t "$window_ms" "$@" 2>"$work/error" >"$work/measured" || return 1
    "$tools/kb_json" "\$.$field" <"$work/measured"
}

# VALUE is the median of the ratios of two commands' numbers, whose order alternates.
alternate() { # array of one command, array of the other
    local -n one=$1 two=$2
    local ratios=() a b round
    for ((round = 1; round <= pairs_wanted; round++)); do
        if ((round % 2)); then
            a=$("${one[@]}") && b=$("${two[@]}") || return 1
        else
            b=$("${two[@]}") && a=$("${one[@]}") || return 1
        fi
        ratios+=("$(divide "$a" "$b")") || return 1
    done
    ROUNDS=${#ratios[@]}
    VALUE=$(median "${ratios[@]}")
}

row_h2_json() {
    local body
    command -v h2load >/dev/null || { REASON='h2load is not installed'; return 1; }
    body=$(get ours "$json_path" | wc -c)
    edge_start $((body < 16 ? 16 : body > 3000 ? 3000 : body)) || return 1
    # shellcheck disable=SC2034 # read by alternate() through their names
    local -a theirs=(measure_h2 nginx nginx_h2 "/fixed-$((body < 16 ? 16 : body > 3000 ? 3000 : body))"
        $((h2_requests / 3))) mine=(measure_h2 ours ours "$json_path" "$h2_requests")
    alternate theirs mine # processor time: nginx's by ours is requests per CPU-s, ours by nginx's
}

row_handshakes() { # full or resumed
    edge_start 16 || return 1
    # shellcheck disable=SC2034
    local -a mine=(measure_tls requests_per_cpu_second ours ours_tls "$1")
    # shellcheck disable=SC2034
    local -a theirs=(measure_tls requests_per_cpu_second nginx nginx_tls "$1")
    alternate mine theirs
}

row_segment_tls() {
    [ -z "${MEDIA_REASON:-}" ] || { REASON=$MEDIA_REASON; return 1; }
    edge_start 16 || return 1
    # shellcheck disable=SC2034
    local -a mine=(measure_tls cpu_us_per_request ours ours_tls get -f "$work/short.video.part")
    # shellcheck disable=SC2034
    local -a theirs=(measure_tls cpu_us_per_request nginx nginx_tls get -f "$work/short.video.part.nginx")
    alternate mine theirs
}

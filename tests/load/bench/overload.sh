# shellcheck shell=bash
# Rows of overload: a public that does not wait for us, and connections that are only held. A catalogue of
# thirty titles, lists of them that were never asked for before.

open_window=${BENCH_OPEN_MS:-2000}
list_path='/v1/titles?limit=48&year_from=####&year_to=####'

overload_start() {
    [ -n "${server_pid[crowd]:-}" ] && return 0
    rm -rf "$work/crowd"
    demo_seed "$work/crowd" && server_start crowd "$work/crowd" --limits.connections 20000
}

open_loop() { # field, rate, argument..., path
    local field=$1 rate=$2
    shift 2
    "$tools/kb_open" -p "${server_port[crowd]}" -P "${server_pid[crowd]}" -r "$rate" \
        -t "$open_window" -C "$client_processor" "$@" 2>"$work/error" >"$work/measured" || return 1
    "$tools/kb_json" "\$.$field" <"$work/measured"
}

# The lists a second that are answered when more are asked for: begun with few connections, and asked for
# twice as many until that brings no more.
saturation() { # keep-alive
    local most more
    most=$(open_loop good_per_second 20000 -c 32 -k "$1" "$list_path") || return 1
    most=${most%.*}
    for _ in {1..8}; do
        [ "$most" -gt 0 ] || return 1
        more=$(open_loop good_per_second $((2 * most)) -c 4000 -k "$1" "$list_path") || return 1
        more=${more%.*}
        [ "$more" -gt $((most + most / 10)) ] || break
        most=$more
    done
    echo "$most"
}

row_goodput() { # 1: keep-alive, 0: a connection each
    local ratios=() most at over round
    overload_start || { REASON="the server does not start: $(tail -n 1 "$work/error")"; return 1; }
    most=$(saturation "$1") || { REASON='what saturates it was not found'; return 1; }
    for ((round = 1; round <= rounds_wanted; round++)); do
        if ((round % 2)); then
            at=$(open_loop good_per_second "$most" -c 4000 -k "$1" "$list_path") &&
                over=$(open_loop good_per_second $((3 * most)) -c 4000 -k "$1" "$list_path") || return 1
        else
            over=$(open_loop good_per_second $((3 * most)) -c 4000 -k "$1" "$list_path") &&
                at=$(open_loop good_per_second "$most" -c 4000 -k "$1" "$list_path") || return 1
        fi
        # So much more than at saturation: it was none.
        [ "${over%.*}" -le $((most + most / 2)) ] || { REASON="$most a second did not saturate it"; return 1; }
        ratios+=("$(divide "$over" "$at")") || return 1
    done
    VALUE=$(median "${ratios[@]}") ROUNDS=$rounds_wanted
}

# 15,000 connections, and a thousand requests a second on a hundred others.
row_held() { # p99_us in ms, or held_bytes
    local values=() round value allowed
    allowed=$(ulimit -Hn)
    if [ "$allowed" != unlimited ] && [ "$allowed" -lt 15300 ]; then
        REASON="only $allowed descriptors are allowed"
        return 1
    fi
    for ((round = 1; round <= rounds_wanted; round++)); do
        server_stop crowd # its memory is to begin as that of a fresh one
        overload_start || { REASON="the server does not start: $(tail -n 1 "$work/error")"; return 1; }
        value=$(open_loop "$1" 1000 -c 100 -i 15000 /v1/genres) || return 1
        [ "$1" = held_bytes ] || value=$(divide "$value" 1000)
        values+=("$value")
    done
    VALUE=$(median "${values[@]}") ROUNDS=$rounds_wanted
}

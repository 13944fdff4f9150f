# shellcheck shell=bash
# Rows of overload: a public that does not wait for us, and connections that are only held. A catalogue of
# thirty titles, lists of them that were never asked for before.

open_window=${BENCH_OPEN_MS:-2000}
open_warm=${BENCH_OPEN_WARM_MS:-1500}
list_path='/v1/titles?limit=48&year_from=####&year_to=####'

overload_start() {
    [ -n "${server_pid[crowd]:-}" ] && return 0
    rm -rf "$work/crowd"
    demo_seed "$work/crowd" && server_start crowd "$work/crowd" --limits.connections 20000
}

# Its numbers go on from one window to the next: what was asked for before is answered from memory.
open_loop() { # field, rate, argument..., path
    local field=$1 rate=$2 number
    shift 2
    number=$(cat "$work/open.number" 2>/dev/null || echo 0)
    echo $((number + rate * (open_warm + open_window) / 1000)) >"$work/open.number"
    "$tools/kb_open" -N "$number" -p "${server_port[crowd]}" -P "${server_pid[crowd]}" -r "$rate" \
        -t "$open_window" -C "$client_processor" "$@" 2>"$work/error" >"$work/measured" || return 1
    "$tools/kb_json" "\$.$field" <"$work/measured"
}

# Lists that were answered within a window that begins when the load has been there for a while. Whatever is
# waiting at its end is answered later, and does not count: four thousand connections hold more than the
# server does in seconds.
goodput() { # keep-alive, rate
    open_loop good_per_second "$2" -w "$open_warm" -c 4000 -k "$1" "$list_path"
}

# Leaves in SATURATING the lists a second that bring most: asked for more and more, from half of what
# thirty-two connections get that always wait, until twice in a row that brought less than the best.
saturation() { # keep-alive
    local begun rate got best=0 worse=0 step
    begun=$(open_loop good_per_second 20000 -w "$open_warm" -c 32 -k "$1" "$list_path") || return 1
    rate=$((${begun%.*} / 2))
    [ "$rate" -gt 0 ] || return 1
    for ((step = 0; step < 12 && worse < 2; step++)); do
        got=$(goodput "$1" "$rate") || return 1
        got=${got%.*}
        if [ "$got" -gt "$best" ]; then
            best=$got SATURATING=$rate worse=0
        else
            worse=$((worse + 1))
        fi
        rate=$((rate * 6 / 5))
    done
    [ "$best" -gt 0 ]
}

# What a list costs must be worth a limit.
cost_check() {
    local cost
    cost=$("$tools/kb_json" '$.cpu_us' <"$work/measured") || return 1
    awk -v a="$cost" 'BEGIN { exit !(a >= 200) }' || { REASON="a list costs $cost us only"; return 1; }
}

waited_ms() { # the median of what was answered, from the moment it should have been asked
    divide "$("$tools/kb_json" '$.p50_us' <"$work/measured")" 1000
}

row_goodput() { # 1: keep-alive, 0: a connection each
    local ratios=() at over round at_ms over_ms
    overload_start || { REASON="the server does not start: $(tail -n 1 "$work/error")"; return 1; }
    saturation "$1" || { REASON='what saturates it was not found'; return 1; }
    for ((round = 1; round <= rounds_wanted; round++)); do
        if ((round % 2)); then
            over=$(goodput "$1" $((3 * SATURATING))) && over_ms=$(waited_ms) &&
                at=$(goodput "$1" "$SATURATING") && at_ms=$(waited_ms) && cost_check || return 1
        else
            at=$(goodput "$1" "$SATURATING") && at_ms=$(waited_ms) && cost_check &&
                over=$(goodput "$1" $((3 * SATURATING))) && over_ms=$(waited_ms) || return 1
        fi
        ratios+=("$(divide "$over" "$at")") || return 1
        say "  $SATURATING a second: $at in $at_ms ms; three times as many: $over in $over_ms ms"
    done
    VALUE=$(median "${ratios[@]}") ROUNDS=$rounds_wanted
    # More than at saturation: it was none.
    awk -v a="$VALUE" 'BEGIN { exit !(a <= 1.15) }' ||
        { REASON="$SATURATING a second did not saturate it: $VALUE x as much came of three times as many"; return 1; }
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

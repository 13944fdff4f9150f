# shellcheck shell=bash
# Reads while everything that runs beside them does: an import of many folders without their films, backups
# one after another, and then the move of the database into a PostgreSQL. The reads come at their times, four
# titles by id and a list of twelve, none of which was asked for before.

busy_rate=${BENCH_BUSY_RATE:-500}
busy_seconds=${BENCH_BUSY_SECONDS:-900}
busy_paths=("/v1/titles/1?lang=en-########" "/v1/titles/2?lang=en-########" "/v1/titles/3?lang=en-########"
    "/v1/titles/4?lang=en-########" '/v1/titles?limit=12&year_from=####&year_to=####')

p99_of_reads() { # kb_open argument...
    local lost
    "$tools/kb_open" -p "${server_port[busy]}" -r "$busy_rate" -C "$client_processor" "$@" \
        "${busy_paths[@]}" 2>"$work/error" >"$work/measured" || return 1
    lost=$("$tools/kb_json" '$.failed' <"$work/measured") && [ "$lost" = 0 ] ||
        { echo "$lost reads failed" >"$work/error"; return 1; }
    "$tools/kb_json" '$.p99_us' <"$work/measured"
}

# Ends with 0 when all three have done their work.
busy_work() { # URL of an empty database
    local import copied=0
    "$program" import --no-media --data "$work/busy" "$films-many/films" >"$work/busy.import" 2>&1 &
    import=$!
    while kill -0 "$import" 2>/dev/null; do
        rm -rf "$work/busy.copy"
        "$program" backup --data "$work/busy" "$work/busy.copy" >"$work/busy.backup" 2>&1 || return 1
        copied=$((copied + 1))
    done
    wait "$import" && [ "$copied" -gt 0 ] &&
        "$program" move --data "$work/busy" --to "$1" >"$work/busy.move" 2>&1
}

busy_round() { # prints how many times longer the reads took
    local url quiet worker busy
    rm -rf "$work/busy" "$work/busy.copy"
    url=$(postgres_new) && demo_seed "$work/busy" && server_start busy "$work/busy" || return 1
    quiet=$(p99_of_reads -t $((2 * open_window))) || return 1
    busy_work "$url" &
    worker=$!
    busy=$(p99_of_reads -t $((busy_seconds * 1000)) -e "$worker") || { wait "$worker"; return 1; }
    wait "$worker" || { tail -qn 1 "$work"/busy.{import,backup,move} >"$work/error" 2>/dev/null; return 1; }
    server_stop busy
    say "  p99 quiet $quiet us, busy $busy us"
    divide "$busy" "$quiet"
}

# Seven rounds, or what fits into a quarter of an hour.
row_busy() {
    local ratios=() ratio begin=$SECONDS code=0
    folders_make && postgres_start || return 1
    while [ ${#ratios[@]} -lt "$rounds_wanted" ] && [ $((SECONDS - begin)) -lt "$busy_seconds" ]; do
        busy_round >"$work/ratio" || { code=1; break; }
        read -r ratio <"$work/ratio"
        ratios+=("$ratio")
    done
    server_stop busy
    postgres_stop
    rm -rf "$work/busy" "$work/busy.copy"
    [ $code -eq 0 ] || return 1
    VALUE=$(median "${ratios[@]}") ROUNDS=${#ratios[@]}
}

# Sourced by the scripts beside it: a server of their own, requests, verdicts.
set -u
: "${KB_BIN:?the program under test}"
folder=$(mktemp -d) || exit 2
data=$folder/data server='' passed=0 failed=0 skipped=0

end_of_script() {
    # Waited for in silence: the shell's own word of its end would follow the totals.
    [ -z "$server" ] || { kill -9 "$server" && wait "$server"; } 2>/dev/null
    [ ! -d "$folder/disk" ] || umount "$folder/disk" 2>/dev/null
    rm -rf "$folder"
}
trap end_of_script EXIT

start_server() {
    rm -f "$data/http.addr"
    "$KB_BIN" serve --data "$data" --listen 127.0.0.1:0 >>"$folder/server.out" 2>>"$folder/server.err" &
    server=$!
    for _ in {1..1200}; do
        [ -s "$data/http.addr" ] && break
        kill -0 "$server" 2>/dev/null || return 1
        sleep 0.05
    done
    address=$(cat "$data/http.addr")
}

new_key() {
    key=$("$KB_BIN" admin-key --reset --data "$data")
}

# ask METHOD PATH [curl option...]: the administrator's request; its body on standard output.
ask() {
    local method=$1 path=$2
    shift 2
    curl -s -m 60 -X "$method" -H "Authorization: Bearer $key" "$@" "http://$address$path"
}

# verdict NAME WRONG: a test passed when WRONG is empty.
verdict() {
    if [ -z "$2" ]; then
        echo "ok $1"
        passed=$((passed + 1))
    else
        printf '  %s\n' "$2"
        tail -n 15 "$folder/server.err" | sed 's/^/  server: /'
        echo "FAILED $1"
        failed=$((failed + 1))
    fi
}

# Runs the script once more, with the word "postgres", under a PostgreSQL of its own; its results are ours.
again_with_postgres() {
    "$KB_BUILD/tests/engines/pg_server" "$0" postgres >"$folder/postgres.told" 2>&1
    sed '$d' "$folder/postgres.told"
    local more bad left
    read -r more _ bad _ left _ < <(tail -n 1 "$folder/postgres.told")
    if [[ "$more$bad$left" =~ ^[0-9]+$ ]]; then
        passed=$((passed + more)) failed=$((failed + bad)) skipped=$((skipped + left))
    else
        verdict postgres "it says no totals: $(tail -n 1 "$folder/postgres.told")"
    fi
}

totals() {
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
}

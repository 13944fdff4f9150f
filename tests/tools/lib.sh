# Sourced by the scripts beside it: a folder of their own, processes in groups of their own, verdicts.
set -m # each process in the background gets a group, and so can be sent what Ctrl-C sends
folder=$(mktemp -d) || exit 2
running=() passed=0 failed=0 skipped=0

end_of_script() {
    for group in "${running[@]}"; do
        kill -9 -- "-$group" 2>/dev/null
    done
    rm -rf "$folder"
}
trap end_of_script EXIT

# verdict NAME WRONG: a test passed when nothing is said to be wrong.
verdict() {
    if [[ ! $2 =~ [^[:space:]] ]]; then
        echo "ok $1"
        passed=$((passed + 1))
    else
        printf '  %s\nFAILED %s\n' "$2" "$1"
        failed=$((failed + 1))
    fi
}

skip() { # name, reason
    printf '  skipped: %s\nskipped %s\n' "$2" "$1"
    skipped=$((skipped + 1))
}

# Says what is wrong when the file does not say, or says, a text.
says() { # file, text
    local text
    text=$(cat -- "${1/#-/\/dev/stdin}")
    [[ $text == *"$2"* ]] || printf '"%s" is not in:\n%s\n' "$2" "$text"
}
lacks() { # file, text
    ! grep -qF -- "$2" "$1" || printf '"%s" is in:\n%s\n' "$2" "$(cat "$1")"
}

# await WHAT COMMAND...: until the command succeeds, two minutes at most.
await() {
    local what=$1
    shift
    for _ in {1..2400}; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.05
    done
    echo "  waited two minutes for $what"
    return 1
}

# Waits for a process in the background; its exit code is in $code.
await_end() { # process id
    wait "$1" 2>/dev/null
    code=$?
}

totals() {
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
}

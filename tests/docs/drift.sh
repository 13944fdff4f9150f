#!/bin/bash
# The generated documents in the tree, against what the program and the tree say now.
set -u
cd "$(dirname "$0")/../.." || exit 2
program=${KB_BIN:-build/kinobezdna}
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0 skipped=0

result() { # name, 0 when it is well, what it is about, what to do
    if [ "$2" -eq 0 ]; then
        echo "ok $1"
        passed=$((passed + 1))
    else
        printf '  %s is not up to date%s\nFAILED %s\n' "$3" "${4-; regenerate it with: make docs}" "$1"
        failed=$((failed + 1))
    fi
}

if ! tools/docs "$program" "$folder"; then
    printf '  %s did not print its documents\nFAILED generate\n0 passed, 1 failed, 0 skipped\n' "$program"
    exit 1
fi
for file in docs/ops/settings.md docs/ops/exit-codes.md docs/api/openapi.json docs/api/routes.txt \
    docs/api/asyncapi.json docs/api/events/types.txt docs/api/calls/*.proto; do
    diff -u --label "$file" --label 'the program' "$file" "$folder/$file" >"$folder/diff"
    code=$?
    head -n 20 "$folder/diff" | cut -c 1-200 | sed 's/^/    /'
    result "$(basename "$file")" "$code" "$file"
done
# What was promised of events: the lock has all of it, takes what is new, and refuses what has changed.
tools/lock --check docs/api/events
result events-lock "$?" docs/api/events/lock
promised() { # name, what is changed (sed), code wanted
    rm -rf "$folder/promised"
    cp -r docs/api/events "$folder/promised"
    sed -i "$2" "$folder/promised/types.txt"
    tools/lock "$folder/promised" >"$folder/told" 2>&1
    [ $? -eq "$3" ]
    result "events-lock-$1" "$?" "a changed event ($(cat "$folder/told"))" ''
}
promised new '$a title.changed/1 year i64?' 0
promised kind 's,^title.changed/1 version i64,title.changed/1 version text,' 1
promised gone '/^title.changed.1 status=draft/d' 1
promised topic 's,^title.changed type .*,title.changed type user-events,' 1

# The packages of the build, as tools/setup installs them and as the page for operators lists them.
setup=$(sed -n '/^    build) echo/,/;;/p' tools/setup | tr -d '\\;' | sed 's/build) echo//')
page=$(sed -n 's/^| building | \(.*\) |$/\1/p' docs/ops/install.md)
diff <(printf '%s\n' $setup | sort) <(printf '%s\n' $page | sort) >"$folder/diff"
code=$?
sed 's/^/    /' "$folder/diff"
result packages "$code" 'the list of packages in docs/ops/install.md (tools/setup has the right one)' ''

if command -v node >/dev/null; then
    tools/third-party --check
    result THIRD_PARTY.md "$?" THIRD_PARTY.md
else
    printf '  skipped: node is not installed\nskipped THIRD_PARTY.md\n'
    skipped=1
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]

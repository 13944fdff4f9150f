#!/bin/bash
# The libraries the release program needs, against the list in docs/ops/install.md. What is not listed there
# must not be linked, and what is listed must be. What those libraries need themselves comes with their packages.
set -u
cd "$(dirname "$0")/../.." || exit 2
program=${KB_RELEASE:-build/kinobezdna}
page=docs/ops/install.md

if [ ! -x "$program" ]; then
    printf '  skipped: there is no release program at %s\nskipped ldd\n' "$program"
    echo '0 passed, 0 failed, 1 skipped'
    exit 0
fi
listed=$(awk '/^```ldd$/ { inside = 1; next } /^```$/ { inside = 0 } inside { print $1 }' "$page" | sort)
linked=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' | sort)

if [ -n "$listed" ] && [ "$listed" = "$linked" ]; then
    echo 'ok ldd'
    echo '1 passed, 0 failed, 0 skipped'
    exit 0
fi
printf '  %s lists (<) and %s links (>):\n' "$page" "$program"
diff <(printf '%s\n' "$listed") <(printf '%s\n' "$linked") | grep '^[<>]' | sed 's/^/    /'
printf 'FAILED ldd\n0 passed, 1 failed, 0 skipped\n'
exit 1

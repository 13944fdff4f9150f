#!/bin/bash
# Every relative link of the tree's pages leads somewhere, every heading that a link names is there, every path
# of the tree that a page mentions exists, and so does every `function()`.
set -u
cd "$(dirname "$0")/../.." || exit 2
found=$(mktemp -d) || exit 2
trap 'rm -rf "$found"' EXIT
passed=0 failed=0

pages() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard '*.md'
    else
        find . -name '*.md' -not -path './build/*' -not -path '*/node_modules/*' -printf '%P\n'
    fi | sort -u
}

# The names GitHub gives the headings of a page.
anchors() {
    awk '/^```/ { code = !code } !code && /^#+ / { sub(/^#+ +/, ""); print }' "$1" |
        tr '[:upper:]' '[:lower:]' | sed 's/`//g; s/[^[:alnum:] _-]//g; s/ /-/g'
}

# Text outside fenced blocks: "LINE TARGET" of every link.
links() {
    awk '/^```/ { code = !code; next } !code {
        line = $0
        while (match(line, /\]\([^)]+\)/)) {
            print NR, substr(line, RSTART + 2, RLENGTH - 3)
            line = substr(line, RSTART + RLENGTH)
        }
    }' "$1"
}

# "LINE PATH" of what looks like a path of the tree in backquotes or a fenced block. A path with a
# placeholder in it (<x>, NNNN, *, {a,b}, ...) names no one file.
paths() {
    grep -noP '(?<![\w./-])(src|tests|tools|cmake|web/src|docs)/[\w./<>{},*…-]+' "$1" |
        sed -E 's/^([0-9]+):/\1 /; s/[.,]+$//' | grep -vE '[<>{},*…]|NNNN|\.\.\.'
}

# Every name the sources call, declare or define like a function.
grep -rhoE --include='*.[ch]' --include='*.cmake' --include=CMakeLists.txt '[A-Za-z_][A-Za-z0-9_]*\(' \
    src tests tools cmake | sort -u >"$found/functions"

# Outside fenced blocks: "LINE NAME" of `name()`. (What a page defines itself in a block is there, too.)
functions() {
    awk '/^```/ { code = !code } !code { print NR ":" $0 }' "$1" |
        grep -oP '^\d+|`[A-Za-z_]\w*\(\)' |
        awk '/^[0-9]+$/ { line = $0; next } { gsub(/[`)(]/, ""); print line, $0 }'
}

check_page() { # page; prints what is wrong
    local folder line target file anchor
    folder=$(dirname "$1")
    while read -r line target; do
        target=${target%% *}
        case $target in
        http://* | https://* | mailto:*) continue ;;
        esac
        file=${target%%#*} anchor=
        [[ $target == *'#'* ]] && anchor=${target#*#}
        if [ -n "$file" ] && [ ! -e "$folder/$file" ]; then
            echo "  $1:$line: $target is not there"
        elif [ -n "$anchor" ]; then
            anchors "${file:+$folder/}${file:-$1}" | grep -qxF -- "$anchor" ||
                echo "  $1:$line: $target: there is no such heading"
        fi
    done < <(links "$1")
    while read -r line target; do
        [ -e "$target" ] || [ -e "$folder/$target" ] || [ -e "$target.c" ] ||
            echo "  $1:$line: $target does not exist"
    done < <(paths "$1")
    while read -r line target; do
        grep -qxF -- "$target(" "$found/functions" || grep -qF "enum err $target(" "$1" ||
            echo "  $1:$line: no source has $target()"
    done < <(functions "$1")
}

while read -r page; do
    check_page "$page" >"$found/wrong"
    if [ -s "$found/wrong" ]; then
        cat "$found/wrong"
        echo "FAILED $page"
        failed=$((failed + 1))
    else
        echo "ok $page"
        passed=$((passed + 1))
    fi
done < <(pages)
printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

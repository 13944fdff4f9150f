# shellcheck shell=bash
# The films of the bench: made once by ffmpeg, imported into a fresh data folder, and taken apart into lists
# of segment addresses.

# A short piece is encoded and repeated by copying, so that two hours take seconds. nal-hrd=cbr fills every
# second up to the bit rate, whatever the picture is.
films_make() {
    local short="$films/Bench Short (2020)" long="$films/Bench Long (2021)"
    command -v ffmpeg >/dev/null || { REASON='ffmpeg is not installed'; return 1; }
    mkdir -p "$short" "$long"
    [ -s "$short/Bench Short (2020).mp4" ] ||
        film_make "$short/Bench Short (2020).mp4" 1920x1080 60 600 0 5000k || return 1
    [ -s "$long/Bench Long (2021).mp4" ] ||
        film_make "$long/Bench Long (2021).mp4" 640x360 120 7200 3 700k
}

film_make() { # file, size, seconds encoded, seconds in all, B-frames, bit rate
    say "making $(basename "$1") ..."
    local piece=$work/piece.mp4
    ffmpeg -v error -nostdin -y -f lavfi -i "testsrc2=size=$2:rate=25:duration=$3" \
        -f lavfi -i "anoisesrc=duration=$3:sample_rate=48000:amplitude=0.3" \
        -c:v libx264 -preset ultrafast -bf "$5" -g 50 -pix_fmt yuv420p -b:v "$6" -maxrate "$6" \
        -bufsize "$6" -x264-params nal-hrd=cbr:scenecut=0:open-gop=0:keyint=50:min-keyint=50 \
        -c:a aac -b:a 128k -shortest "$piece" 2>"$work/error" &&
        ffmpeg -v error -nostdin -y -stream_loop $(($4 / $3 - 1)) -i "$piece" -c copy \
            -movflags +faststart "$1.part.mp4" 2>"$work/error" &&
        mv "$1.part.mp4" "$1"
    local code=$?
    rm -f "$piece"
    return $code
}

films_import() { # data folder
    say "importing the films of the bench ..."
    "$program" import --data "$1" "$films" >"$work/import.log" 2>&1 && return 0
    REASON="import failed: $(tail -n 1 "$work/import.log")"
    return 1
}

# Relative addresses of a playlist become paths on the server.
resolve() { # path of the playlist, address in it
    case $2 in
        http://*) printf '/%s\n' "${2#http://*/}" ;;
        /*) printf '%s\n' "$2" ;;
        *) printf '%s/%s\n' "${1%/*}" "$2" ;;
    esac
}

# Writes the paths of a media playlist's segments into a file; SEGMENT_SECONDS is their mean length.
playlist_list() { # server, playlist path, file
    local line
    get "$1" "$2" >"$work/playlist" || return 1
    while read -r line; do
        [[ $line == '' || $line == '#'* ]] || resolve "${2%%\?*}" "$line"
    done < <(tr -d '\r' <"$work/playlist") >"$3"
    SEGMENT_SECONDS=$(awk -F '[:,]' '/^#EXTINF:/ { s += $2; n++ } END { print n ? s / n : 0 }' \
        "$work/playlist")
    [ -s "$3" ]
}

# $work/NAME.video and NAME.audio hold the segment paths of a title.
film_list() { # server, title id, name
    local hls master video audio
    hls=$(curl -sSf --max-time 20 -X POST -H 'Content-Type: application/json' -d '{}' \
        "http://127.0.0.1:${server_port[$1]}/v1/titles/$2/play" 2>"$work/error" |
        "$tools/kb_json" '$.hls') || return 1
    hls=$(resolve / "$hls")
    master=$(get "$1" "$hls" | tr -d '\r') || return 1
    video=$(awk '/^#EXT-X-STREAM-INF/ { next_one = 1; next } next_one { print; exit }' <<<"$master")
    audio=$(sed -n '/TYPE=AUDIO/ s/.*URI="\([^"]*\)".*/\1/p' <<<"$master" | head -n 1)
    playlist_list "$1" "$(resolve "${hls%%\?*}" "$audio")" "$work/$3.audio" &&
        playlist_list "$1" "$(resolve "${hls%%\?*}" "$video")" "$work/$3.video"
}

# Fetches segments from us once, so that nginx serves the same bytes from files.
segments_copy() { # server, list of paths, folder below www
    local path n=0
    mkdir -p "$work/www/$3"
    while read -r path; do
        printf 'url = "http://127.0.0.1:%s%s"\noutput = "%s"\n' "${server_port[$1]}" "$path" \
            "$work/www/$3/$n.m4s"
        printf '/%s/%d.m4s\n' "$3" "$n" >&3
        n=$((n + 1))
    done <"$2" >"$work/curl.conf" 3>"$2.nginx"
    curl -sSf --max-time 120 -K "$work/curl.conf" 2>"$work/error"
}

# Brings the page cache into one state for both servers, so that neither is measured by the way its files happened
# to be written.
pages_anew() { # folder...
    sync
    find "$@" -type f -size +1k -exec dd if={} iflag=nocache count=0 status=none \; -exec cat {} + >/dev/null
}

# Finds both titles and their segments; leaves SHORT_ID, and REASON when something is missing.
films_prepare() {
    local id ids long_id=
    ids=$(get ours '/v1/titles?limit=50' | "$tools/kb_json" '$.items[*].id' 2>"$work/error") || {
        REASON="no list of titles: $(tail -n 1 "$work/error")"
        return 1
    }
    for id in $ids; do
        case $(get ours "/v1/titles/$id") in
            *'Bench Short'*) SHORT_ID=$id ;;
            *'Bench Long'*) long_id=$id ;;
        esac
    done
    if [ -z "${SHORT_ID:-}" ] || [ -z "$long_id" ]; then
        REASON='the imported titles are not listed'
        return 1
    fi
    if ! film_list ours "$SHORT_ID" short || ! film_list ours "$long_id" long; then
        REASON="no segments: $(tail -n 1 "$work/error")"
        return 1
    fi
    LONG_SEGMENT_SECONDS=$SEGMENT_SECONDS
    for id in video audio; do
        sed -n '2,41p' "$work/short.$id" >"$work/short.$id.part"
        segments_copy ours "$work/short.$id.part" "$id" || {
            REASON="segments could not be fetched: $(tail -n 1 "$work/error")"
            return 1
        }
    done
    pages_anew "$data/blobs" "$work/www"
}

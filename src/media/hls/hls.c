/* hls: the playlist of one track. A line a segment, all from the index. */
#include "hls.h"

static void put_head(struct buf *out, uint64_t target_seconds)
{
    buf_put(out, STR("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:"));
    buf_put_u64(out, target_seconds);
    buf_put(out, STR("\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n"
                     "#EXT-X-INDEPENDENT-SEGMENTS\n"));
}

static void put_segment(struct buf *out, uint64_t duration_us, uint32_t number, str extension)
{
    char fraction[6];
    uint64_t rest = duration_us % 1000000;
    for (int i = 5; i >= 0; i--, rest /= 10)
        fraction[i] = (char)('0' + rest % 10);
    buf_put(out, STR("#EXTINF:"));
    buf_put_u64(out, duration_us / 1000000);
    buf_put_char(out, '.');
    buf_put(out, (str){ fraction, sizeof(fraction) });
    buf_put(out, STR(",\n"));
    buf_put_u64(out, number);
    buf_put(out, extension);
    buf_put_char(out, '\n');
}

/* Time at which segment `number` begins in the playlist; the one past the last is the end. */
static uint64_t start_us(const struct index *index, uint32_t number)
{
    return number == 1 ? 0 : index_ticks_to_us(index, index_segment_start(index, number));
}

/* RFC 8216 §4.3.3.1: no duration, rounded to the nearest second, exceeds the target. */
static uint64_t target_seconds(const struct index *index)
{
    uint64_t target = 1, begin = 0;
    for (uint32_t i = 1; i <= index->segment_count; i++) {
        uint64_t end = start_us(index, i + 1);
        target = MAX_OF(target, (end - begin + 500000) / 1000000);
        begin = end;
    }
    return target;
}

enum err hls_media_write(const struct index *index, struct buf *out)
{
    uint64_t begin = 0;
    put_head(out, target_seconds(index));
    buf_put(out, STR("#EXT-X-MAP:URI=\"init.mp4\"\n"));
    for (uint32_t i = 1; i <= index->segment_count; i++) {
        uint64_t end = start_us(index, i + 1);
        put_segment(out, end - begin, i, STR(".m4s"));
        begin = end;
    }
    buf_put(out, STR("#EXT-X-ENDLIST\n"));
    return manifest_finish(out);
}

uint32_t hls_text_segments(uint64_t duration_ms, uint32_t segment_ms)
{
    ASSERT(segment_ms >= 1000 && duration_ms / segment_ms < UINT32_MAX);
    uint64_t count = (duration_ms + segment_ms - 1) / segment_ms;
    return (uint32_t)MAX_OF(count, (uint64_t)1);
}

enum err hls_text_write(uint64_t duration_ms, uint32_t segment_ms, struct buf *out)
{
    uint32_t count = hls_text_segments(duration_ms, segment_ms);
    uint64_t begin_ms = 0, longest_ms = MIN_OF(duration_ms, (uint64_t)segment_ms);
    put_head(out, MAX_OF((longest_ms + 500) / 1000, (uint64_t)1));
    for (uint32_t i = 1; i <= count && !out->overflowed; i++) {
        uint64_t end_ms = MIN_OF((uint64_t)i * segment_ms, duration_ms);
        put_segment(out, (end_ms - begin_ms) * 1000, i, STR(".vtt"));
        begin_ms = end_ms;
    }
    buf_put(out, STR("#EXT-X-ENDLIST\n"));
    return manifest_finish(out);
}

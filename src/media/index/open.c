/*
 * open: an index from untrusted bytes. Everything a later read relies on is checked here, once:
 * places of the sections, counts, that segments tile the samples and their payload is the sum of
 * the sizes, that shape numbers name shapes, that text is fit for a playlist. The readers below
 * then only compute.
 */
#include "format.h"

#include <string.h>

static enum err corrupt(const char *what)
{
    return err_set(ERR_CORRUPT, "index-corrupt", "the index is damaged: %s", what);
}

static uint64_t pad8(uint64_t size)
{
    return (size + 7) & ~(uint64_t)7;
}

struct index_layout index_layout(const struct index_file *h)
{
    struct index_layout at;
    at.init = sizeof(struct index_file);
    at.keyframes = at.init + pad8(h->init_bytes);
    at.segments = at.keyframes + (uint64_t)h->keyframe_count * sizeof(struct index_file_keyframe);
    at.shapes = at.segments + ((uint64_t)h->segment_count + 1) * sizeof(struct index_file_segment);
    at.shape_ids = at.shapes + pad8((uint64_t)h->shape_count * FMP4_SHAPE_BYTES);
    at.sizes = at.shape_ids + pad8((uint64_t)h->sample_count * h->shape_width);
    at.end = at.sizes + pad8((uint64_t)h->sample_count * h->size_width);
    return at;
}

uint64_t index_rescale(uint64_t value, uint64_t multiplier, uint64_t divisor)
{
    return (uint64_t)((unsigned __int128)value * multiplier / divisor);
}

/* A zero-terminated field of letters, digits and the given marks: safe inside any playlist. */
static bool is_plain(const char *field, size_t size, const char *marks)
{
    size_t len = strnlen(field, size);
    for (size_t i = 0; i < len; i++) {
        char c = field[i];
        bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alphanumeric && !strchr(marks, c))
            return false;
    }
    return len < size;
}

static enum err check_header(const struct index_file *h, str bytes)
{
    if (h->header_bytes != sizeof(*h) || h->file_bytes != bytes.len)
        return corrupt("its size is not what it says");
    if (index_checksum_of(bytes) != h->checksum)
        return corrupt("its checksum does not match");
    if ((h->kind != MP4_VIDEO && h->kind != MP4_AUDIO) || h->codec < MP4_H264 ||
        h->codec > MP4_EAC3)
        return corrupt("it is of an unknown kind or codec");
    if (h->size_width != 2 && h->size_width != 4)
        return corrupt("its sizes have an unknown width");
    if (h->shape_width > 4 || h->shape_width == 3)
        return corrupt("its shape numbers have an unknown width");
    if (h->timescale == 0 || h->rate_den == 0)
        return corrupt("its timescale is 0");
    if (h->sample_count == 0 || h->sample_count > MP4_SAMPLES_MAX || h->segment_count == 0 ||
        h->segment_count > h->sample_count || h->shape_count == 0 ||
        h->shape_count > h->sample_count || h->keyframe_count > h->sample_count ||
        h->init_bytes == 0 || h->init_bytes > INDEX_INIT_BYTES_MAX)
        return corrupt("a count is out of range");
    if (!is_plain(h->codecs, sizeof(h->codecs), ".-") || h->codecs[0] == 0 ||
        !is_plain(h->language, sizeof(h->language), "-"))
        return corrupt("its codec or language is not plain text");
    if (index_layout(h).end != bytes.len)
        return corrupt("its tables do not fill it");
    return OK;
}

static struct index_file_segment segment_at(const struct index *index, uint32_t at)
{
    struct index_file_segment segment;
    memcpy(&segment, index->segments + (size_t)at * sizeof(segment), sizeof(segment));
    return segment;
}

/* Entry `i` of a table of 1, 2 or 4 bytes an entry; each width's load is one instruction. */
static inline uint32_t entry_at(const uint8_t *table, uint8_t width, uint32_t i)
{
    uint32_t wide;
    uint16_t narrow;
    if (width == 1)
        return table[i];
    if (width == 2) {
        memcpy(&narrow, table + (size_t)i * 2, sizeof(narrow));
        return narrow;
    }
    memcpy(&wide, table + (size_t)i * 4, sizeof(wide));
    return wide;
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

/*
 * A title is opened while somebody waits for it, and two hours have half a million sizes: they are
 * added eight bytes at a time. Lanes of 32 bits hold the sum of 2 * FMP4_SAMPLES_MAX / 4 sizes.
 */
static uint64_t sum_of_sizes(const struct index *index, uint32_t first, uint32_t count)
{
    const uint64_t evens = 0x0000ffff0000ffff;
    const uint8_t *at = index->sizes + (size_t)first * index->size_width;
    uint32_t whole = count - count % (8u / index->size_width);
    const uint8_t *end = at + (size_t)whole * index->size_width;
    uint64_t sum = 0, lanes = 0;
    if (index->size_width == 2) {
        for (; at < end; at += 8)
            lanes += (load64(at) & evens) + (load64(at) >> 16 & evens);
        sum = (lanes & UINT32_MAX) + (lanes >> 32);
    } else {
        for (; at < end; at += 8)
            sum += (load64(at) & UINT32_MAX) + (load64(at) >> 32);
    }
    for (uint32_t i = first + whole; i < first + count; i++)
        sum += entry_at(index->sizes, index->size_width, i);
    return sum;
}

static inline bool entries_below(const uint8_t *table, uint8_t width, uint32_t count,
                                 uint32_t limit)
{
    bool below = true;
    for (uint32_t i = 0; i < count; i++)
        below &= entry_at(table, width, i) < limit;
    return below;
}

/* A loop for each width. */
static bool shape_ids_known(const struct index *index)
{
    switch (index->shape_width) {
    case 1:
        return entries_below(index->shape_ids, 1, index->sample_count, index->shape_count);
    case 2:
        return entries_below(index->shape_ids, 2, index->sample_count, index->shape_count);
    case 4:
        return entries_below(index->shape_ids, 4, index->sample_count, index->shape_count);
    default:
        return true; /* all are of the first one */
    }
}

static enum err check_segments(const struct index *index)
{
    struct index_file_segment at = segment_at(index, 0);
    uint64_t ticks_max = (uint64_t)INDEX_SECONDS_MAX * index->timescale;
    if (at.first_sample != 0)
        return corrupt("its first segment begins late");
    for (uint32_t i = 0; i < index->segment_count; i++) {
        struct index_file_segment next = segment_at(index, i + 1);
        if (next.first_sample <= at.first_sample || next.first_sample > index->sample_count ||
            next.first_sample - at.first_sample > FMP4_SAMPLES_MAX)
            return corrupt("a segment has an impossible number of samples");
        if (next.start_ticks <= at.start_ticks || next.start_ticks > ticks_max ||
            at.decode_ticks > ticks_max)
            return corrupt("a segment has an impossible time");
        if (at.payload_bytes > FMP4_PAYLOAD_BYTES_MAX || at.offset > index->source_bytes ||
            at.payload_bytes > index->source_bytes - at.offset)
            return corrupt("a segment lies outside its file");
        if (next.offset < at.offset + at.payload_bytes)
            return corrupt("two segments overlap");
        uint32_t count = next.first_sample - at.first_sample;
        if (sum_of_sizes(index, at.first_sample, count) != at.payload_bytes)
            return corrupt("a segment's size is not that of its samples");
        at = next;
    }
    if (at.first_sample != index->sample_count || at.start_ticks != index->duration_ticks)
        return corrupt("its segments do not end where the film does");
    return OK;
}

static enum err check_tables(const struct index *index)
{
    if (!shape_ids_known(index))
        return corrupt("a sample has an unknown shape");
    for (uint32_t i = 0; i < index->keyframe_count; i++) {
        struct index_keyframe key = index_keyframe_get(index, i);
        if (key.sample >= index->sample_count || key.offset > index->source_bytes ||
            key.decode_ticks > (uint64_t)INDEX_SECONDS_MAX * index->timescale)
            return corrupt("a keyframe lies outside the film");
        if (i > 0 && key.sample <= index_keyframe_get(index, i - 1).sample)
            return corrupt("its keyframes are out of order");
    }
    return OK;
}

static struct index from_header(const struct index_file *h, const uint8_t *bytes)
{
    struct index_layout at = index_layout(h);
    struct index index = {
        .kind = (enum mp4_kind)h->kind,
        .codec = (enum mp4_codec)h->codec,
        .timescale = h->timescale,
        .duration_ticks = h->duration_ticks,
        .width = h->width,
        .height = h->height,
        .rate_num = h->rate_num,
        .rate_den = h->rate_den,
        .transfer = h->transfer,
        .sample_rate = h->sample_rate,
        .channels = h->channels,
        .bandwidth_peak = h->bandwidth_peak,
        .bandwidth_average = h->bandwidth_average,
        .sample_count = h->sample_count,
        .segment_count = h->segment_count,
        .keyframe_count = h->keyframe_count,
        .shape_count = h->shape_count,
        .source_bytes = h->source_bytes,
        .init = { (const char *)bytes + at.init, h->init_bytes },
        .size_width = h->size_width,
        .shape_width = h->shape_width,
        .keyframes = bytes + at.keyframes,
        .segments = bytes + at.segments,
        .shapes = bytes + at.shapes,
        .shape_ids = bytes + at.shape_ids,
        .sizes = bytes + at.sizes,
    };
    memcpy(index.codecs, h->codecs, sizeof(index.codecs));
    memcpy(index.language, h->language, sizeof(index.language));
    memcpy(index.source_checksum, h->source_checksum, sizeof(index.source_checksum));
    return index;
}

enum err index_open(str bytes, struct index *out_index)
{
    struct index_file header;
    if (bytes.len < sizeof(header))
        return corrupt("it is shorter than its header");
    memcpy(&header, bytes.ptr, sizeof(header));
    if (memcmp(header.magic, INDEX_MAGIC, sizeof(header.magic)) != 0)
        return corrupt("it does not begin as an index");
    if (header.version != INDEX_VERSION)
        return err_set(ERR_CORRUPT, "index-version", "the index has version %u, not %d",
                       header.version, INDEX_VERSION);
    TRY(check_header(&header, bytes));
    struct index index = from_header(&header, (const uint8_t *)bytes.ptr);
    TRY(check_segments(&index));
    TRY(check_tables(&index));
    *out_index = index;
    return OK;
}

static struct fmp4_run run_of(const struct index *index, const struct index_segment *segment)
{
    size_t first = segment->first_sample;
    return (struct fmp4_run){
        .sequence = segment->number,
        .decode_ticks = segment->decode_ticks,
        .sample_count = segment->sample_count,
        .payload_bytes = segment->payload_bytes,
        .uniform = segment->uniform,
        .size_width = index->size_width,
        .shape_width = index->shape_width,
        .sizes = index->sizes + first * index->size_width,
        .shape_ids = index->shape_ids + first * index->shape_width,
        .shapes = index->shapes,
        .shape_count = index->shape_count,
    };
}

enum err index_segment_get(const struct index *index, uint32_t number,
                           struct index_segment *out_segment)
{
    if (number == 0 || number > index->segment_count)
        return err_set(ERR_NOT_FOUND, "no-segment", "there is no segment %u: the last is %u",
                       number, index->segment_count);
    struct index_file_segment at = segment_at(index, number - 1), next = segment_at(index, number);
    struct index_segment segment = {
        .number = number,
        .offset = at.offset,
        .payload_bytes = at.payload_bytes,
        .start_ticks = at.start_ticks,
        .duration_ticks = next.start_ticks - at.start_ticks,
        .decode_ticks = at.decode_ticks,
        .first_sample = at.first_sample,
        .sample_count = next.first_sample - at.first_sample,
        .uniform = at.flags & INDEX_SEGMENT_UNIFORM,
    };
    struct fmp4_run run = run_of(index, &segment);
    segment.header_bytes = fmp4_header_size(&run);
    *out_segment = segment;
    return OK;
}

uint64_t index_segment_start(const struct index *index, uint32_t number)
{
    ASSERT(number > 0 && number <= index->segment_count + 1);
    return segment_at(index, number - 1).start_ticks;
}

void index_segment_header(const struct index *index, const struct index_segment *segment,
                          uint8_t *out)
{
    struct fmp4_run run = run_of(index, segment);
    fmp4_header_write(&run, out);
}

uint32_t index_segment_at(const struct index *index, uint64_t ticks)
{
    uint32_t low = 0, high = index->segment_count; /* the answer is in [low, high) */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (segment_at(index, middle).start_ticks <= ticks)
            low = middle;
        else
            high = middle;
    }
    return low + 1;
}

static uint64_t rounded(uint64_t ticks, uint64_t per_second, uint32_t timescale)
{
    return (uint64_t)(((unsigned __int128)ticks * per_second + timescale / 2) / timescale);
}

uint64_t index_ticks_to_us(const struct index *index, uint64_t ticks)
{
    return rounded(ticks, 1000000, index->timescale);
}

uint64_t index_ticks_to_ms(const struct index *index, uint64_t ticks)
{
    return rounded(ticks, 1000, index->timescale);
}

struct index_keyframe index_keyframe_get(const struct index *index, uint32_t at)
{
    struct index_file_keyframe key;
    ASSERT(at < index->keyframe_count);
    memcpy(&key, index->keyframes + (size_t)at * sizeof(key), sizeof(key));
    return (struct index_keyframe){ .offset = key.offset,
                                    .decode_ticks = key.decode_ticks,
                                    .shown_ticks = key.shown_ticks,
                                    .sample = key.sample,
                                    .closed = key.flags & INDEX_KEYFRAME_CLOSED };
}

struct index_cuts index_cuts(const struct index *index)
{
    struct index_cuts cuts = { .keyframes = index->keyframe_count };
    for (uint32_t i = 0; i < index->keyframe_count; i++) {
        struct index_keyframe key = index_keyframe_get(index, i);
        if (key.closed)
            continue;
        if (cuts.open++ == 0)
            cuts.first_open_ticks = key.decode_ticks;
    }
    for (uint32_t i = 0; i < index->segment_count; i++) {
        uint64_t ticks = segment_at(index, i + 1).start_ticks - segment_at(index, i).start_ticks;
        cuts.segment_ticks_max = MAX_OF(cuts.segment_ticks_max, ticks);
    }
    return cuts;
}

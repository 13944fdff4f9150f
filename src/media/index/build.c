/*
 * build: a track's index, in three walks over its samples with constant memory between them: scan
 * (what there is), cuts (where segments begin), and the one here that writes the tables and checks
 * that every segment is one contiguous range of the file.
 */
#include "index.h"

#include "format.h"
#include "media/language/language.h"
#include "scan.h"

#include <string.h>

enum { PEAK_SEGMENTS_MAX = 16 }; /* in a run: keeps the search linear whatever the durations */

struct writer {
    const struct scan *scan;
    struct index_file header;
    struct index_layout at;
    char *bytes;
    struct index_file_segment segment; /* the one being filled */
    uint32_t number;                   /* its number, from 0 */
    uint32_t first_shape;
    int64_t start_ticks;    /* of it: the earliest presentation time */
    int64_t previous_ticks; /* start of the segment before it */
    uint64_t end_offset;    /* of its payload so far */
};

static enum err check_params(const struct index_params *params)
{
    if (params->target_ms < 500 || params->target_ms > 60000)
        return err_set(ERR_INVALID, "target-duration",
                       "segments of %u ms are not within 500 to 60000", params->target_ms);
    if (params->language.len >= INDEX_LANGUAGE_MAX)
        return err_set(ERR_INVALID, "language-tag", "the language tag has %zu bytes",
                       params->language.len);
    for (size_t i = 0; i < params->language.len; i++) {
        char c = params->language.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && c != '-' && (c < '0' || c > '9'))
            return err_set(ERR_INVALID, "language-tag", "'%.*s' is no language tag",
                           STR_ARG(params->language));
    }
    return OK;
}

/* The mean rate, taken to the nominal one it is within 0.05 % of (23.976 and 24 differ by 0.1 %).
 */
static void set_frame_rate(const struct scan *scan, struct index_file *header)
{
    static const uint32_t nominal[][2] = { { 24000, 1001 }, { 24, 1 },        { 25, 1 },
                                           { 30000, 1001 }, { 30, 1 },        { 48000, 1001 },
                                           { 48, 1 },       { 50, 1 },        { 60000, 1001 },
                                           { 60, 1 },       { 120000, 1001 }, { 120, 1 } };
    header->rate_den = 1;
    if (scan->track.kind != MP4_VIDEO || scan->decode_total_ticks == 0)
        return;
    uint64_t microrate = index_rescale((uint64_t)scan->track.sample_count * 1000000,
                                       scan->track.timescale, scan->decode_total_ticks);
    for (size_t i = 0; i < ARRAY_LEN(nominal); i++) {
        uint64_t rate = (uint64_t)nominal[i][0] * 1000000 / nominal[i][1];
        uint64_t difference = rate > microrate ? rate - microrate : microrate - rate;
        if (difference * 2000 >= rate)
            continue;
        header->rate_num = nominal[i][0];
        header->rate_den = nominal[i][1];
        return;
    }
    header->rate_num = (uint32_t)MIN_OF((microrate + 500) / 1000, (uint64_t)UINT32_MAX);
    header->rate_den = 1000;
}

static uint8_t shape_width(uint32_t shape_count)
{
    if (shape_count == 1)
        return 0;
    return shape_count <= 0x100 ? 1 : shape_count <= 0x10000 ? 2 : 4;
}

static void fill_header(const struct scan *scan, uint32_t init_bytes, struct index_file *header)
{
    const struct mp4_track *track = &scan->track;
    str language = scan->params->language;
    struct language_tag tag;
    *header = (struct index_file){
        .version = INDEX_VERSION,
        .header_bytes = sizeof(*header),
        .source_bytes = scan->params->file_size_bytes,
        .duration_ticks = (uint64_t)scan->shown_end,
        .init_bytes = init_bytes,
        .keyframe_count = scan->gop_count,
        .segment_count = scan->segment_count,
        .shape_count = scan->shape_count,
        .sample_count = track->sample_count,
        .timescale = track->timescale,
        .width = track->kind == MP4_VIDEO ? track->width : 0,
        .height = track->kind == MP4_VIDEO ? track->height : 0,
        .sample_rate = track->sample_rate,
        .channels = track->channels,
        .kind = (uint8_t)track->kind,
        .codec = (uint8_t)track->codec,
        .transfer = track->transfer,
        .size_width = scan->size_max <= UINT16_MAX ? 2 : 4,
        .shape_width = shape_width(scan->shape_count),
    };
    memcpy(header->magic, INDEX_MAGIC, sizeof(header->magic));
    memcpy(header->source_checksum, scan->params->source_checksum, INDEX_CHECKSUM_BYTES);
    memcpy(header->codecs, track->codecs, sizeof(header->codecs));
    bool stated = strcmp(track->language, "und") != 0;
    if (language.len == 0 && stated && language_tag_parse(str_of(track->language), &tag))
        language = str_of(tag.text);
    if (language.len > 0)
        memcpy(header->language, language.ptr, language.len);
    set_frame_rate(scan, header);
}

static void put_segment(struct writer *w, uint32_t at)
{
    memcpy(w->bytes + w->at.segments + (size_t)at * sizeof(w->segment), &w->segment,
           sizeof(w->segment));
}

/*
 * Ends the segment being filled. Its presentation begins where its earliest sample does; the first
 * segment begins at zero at the earliest, because priming before zero is not shown.
 */
static enum err end_segment(struct writer *w)
{
    if (w->segment.payload_bytes > FMP4_PAYLOAD_BYTES_MAX)
        return scan_unsuitable("segment %u would have %u bytes", w->number + 1,
                               w->segment.payload_bytes);
    int64_t start = MAX_OF(w->start_ticks, (int64_t)0);
    if ((w->number > 0 && start <= w->previous_ticks) || start >= w->scan->shown_end)
        return scan_unsuitable("segment %u would begin at tick %lld, not after the one before it",
                               w->number + 1, (long long)start);
    w->previous_ticks = start;
    w->segment.start_ticks = (uint64_t)start;
    put_segment(w, w->number++);
    return OK;
}

static void begin_segment(struct writer *w, uint32_t number, const struct mp4_sample *sample,
                          uint32_t shape)
{
    w->segment =
        (struct index_file_segment){ .offset = sample->offset,
                                     .decode_ticks = (uint64_t)scan_decode(w->scan, sample),
                                     .first_sample = number,
                                     .flags = INDEX_SEGMENT_UNIFORM };
    w->first_shape = shape;
    w->start_ticks = INT64_MAX;
    w->end_offset = sample->offset;
}

static enum err put_sample(struct writer *w, uint32_t number, const struct mp4_sample *sample)
{
    struct fmp4_shape shape;
    TRY(scan_shape(w->scan, sample, &shape));
    uint32_t id = scan_shape_number(w->scan, &shape);
    if (number == w->scan->cuts[w->number + (number > 0)]) {
        if (number > 0)
            TRY(end_segment(w));
        if (sample->offset < w->end_offset)
            return scan_unsuitable("segment %u would begin at byte %llu, before the end of the one "
                                   "before it",
                                   w->number + 1, (unsigned long long)sample->offset);
        begin_segment(w, number, sample, id);
    }
    if (sample->offset != w->end_offset)
        return scan_unsuitable("sample %u lies at byte %llu, not after the one before it at %llu",
                               number, (unsigned long long)sample->offset,
                               (unsigned long long)w->end_offset);
    if (__builtin_add_overflow(w->segment.payload_bytes, sample->size_bytes,
                               &w->segment.payload_bytes))
        return scan_unsuitable("segment %u would have more than 4 GB", w->number + 1);
    w->end_offset += sample->size_bytes;
    w->start_ticks = MIN_OF(w->start_ticks, scan_shown(w->scan, sample));
    if (id != w->first_shape)
        w->segment.flags &= ~(uint32_t)INDEX_SEGMENT_UNIFORM;
    memcpy(w->bytes + w->at.sizes + (size_t)number * w->header.size_width, &sample->size_bytes,
           w->header.size_width);
    memcpy(w->bytes + w->at.shape_ids + (size_t)number * w->header.shape_width, &id,
           w->header.shape_width);
    return OK;
}

static enum err put_samples(struct writer *w)
{
    const struct mp4_track *track = &w->scan->track;
    struct mp4_cursor cursor;
    struct mp4_sample sample;
    mp4_cursor_init(&cursor, track);
    for (uint32_t i = 0; i < track->sample_count; i++) {
        TRY(mp4_cursor_next(&cursor, &sample));
        TRY(put_sample(w, i, &sample));
    }
    TRY(end_segment(w));
    w->segment = (struct index_file_segment){ .offset = w->end_offset,
                                              .decode_ticks = (uint64_t)cursor.decode_ticks,
                                              .start_ticks = w->header.duration_ticks,
                                              .first_sample = track->sample_count };
    put_segment(w, w->number);
    return OK;
}

static void put_keyframes(struct writer *w)
{
    for (uint32_t i = 0; i < w->scan->gop_count; i++) {
        const struct scan_gop *gop = &w->scan->gops[i];
        struct index_file_keyframe key = { .offset = gop->offset,
                                           .decode_ticks = (uint64_t)gop->decode_ticks,
                                           .shown_ticks = gop->shown_ticks,
                                           .sample = gop->sample,
                                           .flags = gop->closed ? INDEX_KEYFRAME_CLOSED : 0 };
        memcpy(w->bytes + w->at.keyframes + (size_t)i * sizeof(key), &key, sizeof(key));
    }
}

static uint32_t bits_per_second(uint64_t bytes, uint64_t ticks, uint32_t timescale)
{
    uint64_t bits = index_rescale(bytes * 8, timescale, MAX_OF(ticks, (uint64_t)1));
    return (uint32_t)MIN_OF(bits + 1, (uint64_t)UINT32_MAX);
}

/*
 * RFC 8216 §4.1: the peak is the largest bit rate of any run of segments that lasts between half
 * and one and a half target durations, of whole segments, headers included.
 */
static enum err set_bandwidth(struct index_file *header, const struct index *index)
{
    uint64_t total_bytes = 0;
    uint64_t target = index_cuts(index).segment_ticks_max;
    for (uint32_t i = 1; i <= index->segment_count; i++) {
        uint64_t bytes = 0, ticks = 0;
        struct index_segment segment;
        for (uint32_t k = i; k <= index->segment_count && k < i + PEAK_SEGMENTS_MAX; k++) {
            TRY(index_segment_get(index, k, &segment));
            bytes += (uint64_t)segment.header_bytes + segment.payload_bytes;
            ticks += segment.duration_ticks;
            if (k == i)
                total_bytes += bytes;
            if (ticks * 2 > target * 3)
                break;
            uint32_t rate = bits_per_second(bytes, ticks, index->timescale);
            if (ticks * 2 >= target)
                header->bandwidth_peak = MAX_OF(header->bandwidth_peak, rate);
        }
    }
    header->bandwidth_average =
        bits_per_second(total_bytes, index->duration_ticks, index->timescale);
    header->bandwidth_peak = MAX_OF(header->bandwidth_peak, header->bandwidth_average);
    return OK;
}

static void seal(struct writer *w)
{
    memcpy(w->bytes, &w->header, sizeof(w->header));
    w->header.checksum = index_checksum_of((str){ w->bytes, w->at.end });
    memcpy(w->bytes, &w->header, sizeof(w->header));
}

static enum err write_index(const struct scan *scan, str init, str *out_bytes)
{
    struct writer w = { .scan = scan };
    struct index index;
    fill_header(scan, (uint32_t)init.len, &w.header);
    w.at = index_layout(&w.header);
    w.header.file_bytes = w.at.end;
    w.bytes = arena_try(scan->arena, w.at.end);
    if (!w.bytes)
        return scan_full(scan);
    memset(w.bytes, 0, w.at.end);
    memcpy(w.bytes + w.at.init, init.ptr, init.len);
    memcpy(w.bytes + w.at.shapes, scan->shapes, (size_t)scan->shape_count * sizeof(*scan->shapes));
    put_keyframes(&w);
    TRY(put_samples(&w));
    seal(&w);
    str bytes = { w.bytes, w.at.end };
    TRY(index_open(bytes, &index)); /* what we write we can read: the same checks hold */
    TRY(set_bandwidth(&w.header, &index));
    seal(&w);
    *out_bytes = bytes;
    return OK;
}

enum err index_build(struct arena *arena, const struct index_params *params, str *out_bytes)
{
    struct scan scan = { .params = params, .arena = arena };
    struct buf init;
    TRY(check_params(params));
    TRY(mp4_parse(params->head, params->file_size_bytes, &scan.track));
    scan.timing = fmp4_timing(&scan.track);
    TRY(scan_track(&scan));
    TRY(cuts_choose(&scan));
    if (scan.track.stsd.len > INDEX_INIT_BYTES_MAX / 2)
        return scan_unsuitable("the sample description has %zu bytes", scan.track.stsd.len);
    buf_init(&init, arena, INDEX_INIT_BYTES_MAX);
    fmp4_init_write(&scan.track, &init);
    if (init.overflowed)
        return scan_full(&scan);
    return write_index(&scan, buf_str(&init), out_bytes);
}

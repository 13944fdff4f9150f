/*
 * cursor: one walk over the sample tables side by side. Each table is read once from front to back;
 * a table that ends early, goes back or describes too much is an error at the sample where it
 * shows.
 */
#include "mp4.h"

#include "box.h"

void mp4_cursor_init(struct mp4_cursor *cursor, const struct mp4_track *track)
{
    *cursor = (struct mp4_cursor){ .track = track };
}

static enum err next_duration(struct mp4_cursor *c)
{
    const struct mp4_table *stts = &c->track->stts;
    while (c->stts_left == 0) {
        if (c->stts_entry >= stts->count)
            return box_malformed("'stts' describes only %u samples of %u", c->sample,
                                 c->track->sample_count);
        c->stts_left = be32(stts->entries, (size_t)c->stts_entry * 8);
        c->duration_ticks = be32(stts->entries, (size_t)c->stts_entry * 8 + 4);
        c->stts_entry++;
    }
    c->stts_left--;
    return OK;
}

static enum err next_composition(struct mp4_cursor *c)
{
    const struct mp4_table *ctts = &c->track->ctts;
    while (c->ctts_left == 0) {
        if (c->ctts_entry >= ctts->count)
            return box_malformed("'ctts' describes only %u samples of %u", c->sample,
                                 c->track->sample_count);
        c->ctts_left = be32(ctts->entries, (size_t)c->ctts_entry * 8);
        uint32_t offset = be32(ctts->entries, (size_t)c->ctts_entry * 8 + 4);
        int64_t limit = (int64_t)MP4_COMPOSITION_SECONDS_MAX * c->track->timescale;
        int64_t value = c->track->ctts_signed ? (int32_t)offset : (int64_t)offset;
        if (value > limit || value < -limit || value > INT32_MAX)
            return box_malformed("sample %u has a composition offset of %lld ticks", c->sample,
                                 (long long)value);
        c->composition_ticks = (int32_t)value;
        c->ctts_entry++;
    }
    c->ctts_left--;
    return OK;
}

/* How many samples the next chunk has: stsc (§8.7.4) is a list of runs of chunks. */
static enum err chunk_samples(struct mp4_cursor *c, uint32_t *out_count)
{
    str entries = c->track->stsc.entries;
    uint32_t count = c->track->stsc.count, number = c->chunk + 1;
    if (c->stsc_entry < count && be32(entries, (size_t)c->stsc_entry * 12) == number)
        c->stsc_entry++;
    if (c->stsc_entry == 0)
        return box_malformed("'stsc' does not begin with chunk 1");
    size_t at = (size_t)(c->stsc_entry - 1) * 12;
    if (c->stsc_entry < count && be32(entries, at + 12) <= number)
        return box_malformed("'stsc' goes back to chunk %u after chunk %u", be32(entries, at + 12),
                             number);
    if (be32(entries, at + 8) != 1)
        return box_malformed("'stsc' names sample description %u of 1", be32(entries, at + 8));
    *out_count = be32(entries, at + 4);
    if (*out_count == 0)
        return box_malformed("chunk %u has no samples", number);
    return OK;
}

static enum err next_offset(struct mp4_cursor *c, uint32_t size_bytes)
{
    const struct mp4_track *track = c->track;
    if (c->chunk_left == 0) {
        if (c->chunk >= track->chunks.count)
            return box_malformed("the chunks hold only %u samples of %u", c->sample,
                                 track->sample_count);
        TRY(chunk_samples(c, &c->chunk_left));
        c->offset = track->chunks_64 ? be64(track->chunks.entries, (size_t)c->chunk * 8)
                                     : be32(track->chunks.entries, (size_t)c->chunk * 4);
        c->chunk++;
    }
    c->chunk_left--;
    if (c->offset > track->file_size_bytes || size_bytes > track->file_size_bytes - c->offset)
        return err_set(ERR_INVALID, "mp4-truncated",
                       "sample %u of %u bytes is at byte %llu of a file of %llu", c->sample,
                       size_bytes, (unsigned long long)c->offset,
                       (unsigned long long)track->file_size_bytes);
    return OK;
}

static enum err next_sync(struct mp4_cursor *c, bool *out_sync)
{
    const struct mp4_table *stss = &c->track->stss;
    *out_sync = !c->track->has_stss;
    if (c->stss_entry >= stss->count)
        return OK;
    uint32_t number = be32(stss->entries, (size_t)c->stss_entry * 4);
    if (number <= c->sample || number > c->track->sample_count)
        return box_malformed("'stss' names sample %u after sample %u of %u", number, c->sample,
                             c->track->sample_count);
    if (number == c->sample + 1) {
        *out_sync = true;
        c->stss_entry++;
    }
    return OK;
}

static enum err check_end(const struct mp4_cursor *c)
{
    const struct mp4_track *track = c->track;
    bool more = c->chunk_left > 0 || c->chunk < track->chunks.count || c->stts_left > 0 ||
                (track->has_ctts && c->ctts_left > 0) || c->stss_entry < track->stss.count;
    for (uint32_t i = c->stts_entry; i < track->stts.count; i++)
        more |= be32(track->stts.entries, (size_t)i * 8) > 0;
    if (more)
        return box_malformed("a sample table describes more than the %u samples",
                             track->sample_count);
    return OK;
}

enum err mp4_cursor_next(struct mp4_cursor *c, struct mp4_sample *out_sample)
{
    const struct mp4_track *track = c->track;
    struct mp4_sample sample;
    ASSERT(c->sample < track->sample_count);
    sample.size_bytes = track->sample_size_fixed;
    if (sample.size_bytes == 0)
        sample.size_bytes = be32(track->sizes.entries, (size_t)c->sample * 4);
    if (sample.size_bytes == 0)
        return box_malformed("sample %u is empty", c->sample);
    TRY(next_duration(c));
    if (track->has_ctts)
        TRY(next_composition(c));
    TRY(next_offset(c, sample.size_bytes));
    TRY(next_sync(c, &sample.sync));
    sample.duration_ticks = c->duration_ticks;
    sample.composition_ticks = c->composition_ticks;
    sample.decode_ticks = c->decode_ticks;
    sample.offset = c->offset;
    c->decode_ticks += sample.duration_ticks;
    c->offset += sample.size_bytes;
    c->sample++;
    if (c->sample == track->sample_count)
        TRY(check_end(c));
    *out_sample = sample;
    return OK;
}

/*
 * entry: reads the one sample entry of stsd and the codec's configuration box inside it. The codecs
 * parameter follows RFC 6381 and, for each codec, the document named above its function.
 */
#include "entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { VISUAL_FIELDS_BYTES = 78, AUDIO_FIELDS_BYTES = 28 };

PRINTF_LIKE(2, 3)
static enum err name_codec(struct mp4_track *track, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(track->codecs, sizeof(track->codecs), format, args);
    va_end(args);
    ASSERT(len > 0 && (size_t)len < sizeof(track->codecs));
    return OK;
}

/* ISO/IEC 14496-15 §5.3.3.1, RFC 6381 §3.3: profile, constraints and level in hexadecimal. */
static enum err parse_avcc(str body, const char *entry, struct mp4_track *track)
{
    if (body.len < 7 || be8(body, 0) != 1)
        return box_malformed("'avcC' has %zu bytes of an unknown version", body.len);
    track->nal_length_size = (uint8_t)((be8(body, 4) & 3) + 1);
    if (track->nal_length_size == 3)
        return box_malformed("'avcC' has NAL unit lengths of 3 bytes");
    return name_codec(track, "%s.%02X%02X%02X", entry, be8(body, 1), be8(body, 2), be8(body, 3));
}

/* ISO/IEC 14496-15 §8.3.3.1 and annex E.3: "hvc1.1.6.L93.B0". */
static enum err parse_hvcc(str body, const char *entry, struct mp4_track *track)
{
    static const char *const spaces[4] = { "", "A", "B", "C" };
    char constraints[3 * 6 + 1] = "";
    if (body.len < 23 || be8(body, 0) != 1)
        return box_malformed("'hvcC' has %zu bytes of an unknown version", body.len);
    track->nal_length_size = (uint8_t)((be8(body, 21) & 3) + 1);
    if (track->nal_length_size == 3)
        return box_malformed("'hvcC' has NAL unit lengths of 3 bytes");
    uint32_t compatibility = be32(body, 2), reversed = 0;
    for (int i = 0; i < 32; i++)
        reversed |= (compatibility >> i & 1) << (31 - i);
    size_t used = 6;
    while (used > 0 && be8(body, 6 + used - 1) == 0)
        used--;
    for (size_t i = 0; i < used; i++)
        snprintf(constraints + 3 * i, 4, ".%02X", be8(body, 6 + i));
    uint8_t profile = be8(body, 1);
    return name_codec(track, "%s.%s%u.%X.%c%u%s", entry, spaces[profile >> 6], profile & 31,
                      reversed, profile & 32 ? 'H' : 'L', be8(body, 12), constraints);
}

/* AV1 Codec ISO Media File Format Binding §2.3, §5: "av01.0.04M.08". */
static enum err parse_av1c(str body, const char *entry, struct mp4_track *track)
{
    (void)entry;
    if (body.len < 4 || be8(body, 0) != 0x81)
        return box_malformed("'av1C' has %zu bytes of an unknown version", body.len);
    uint8_t profile_level = be8(body, 1), depth = be8(body, 2);
    unsigned bits = depth & 0x40 ? (depth & 0x20 ? 12 : 10) : 8;
    return name_codec(track, "av01.%u.%02u%c.%02u", profile_level >> 5, profile_level & 31,
                      depth & 0x80 ? 'H' : 'M', bits);
}

/* VP Codec ISO Media File Format Binding: "vp09.00.10.08". The body is a FullBox. */
static enum err parse_vpcc(str body, const char *entry, struct mp4_track *track)
{
    (void)entry;
    if (body.len < 8 || be8(body, 0) != 1)
        return box_malformed("'vpcC' has %zu bytes of an unknown version", body.len);
    return name_codec(track, "vp09.%02u.%02u.%02u", be8(body, 4), be8(body, 5), be8(body, 6) >> 4);
}

/* A descriptor of ISO/IEC 14496-1 §7.2.2: tag, length in up to four 7-bit groups, body. */
static enum err next_descriptor(str *rest, uint8_t tag_wanted, str *out_body)
{
    size_t at = 1, size = 0;
    if (rest->len < 2 || be8(*rest, 0) != tag_wanted)
        return box_malformed("'esds' holds no descriptor %u where it should", tag_wanted);
    for (int i = 0; i < 4; i++) {
        if (at >= rest->len)
            return box_malformed("'esds' ends within a length");
        uint8_t byte = be8(*rest, at++);
        size = size << 7 | (byte & 0x7f);
        if (!(byte & 0x80))
            break;
    }
    if (size > rest->len - at)
        return box_malformed("descriptor %u of 'esds' has %zu bytes of %zu", tag_wanted, size,
                             rest->len - at);
    *out_body = str_sub(*rest, at, size);
    *rest = str_skip(*rest, at + size);
    return OK;
}

/* ISO/IEC 14496-3 §1.6.2.1: the beginning of an AudioSpecificConfig. */
static enum err parse_audio_config(str config, struct mp4_track *track)
{
    static const uint32_t rates[13] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                        22050, 16000, 12000, 11025, 8000,  7350 };
    uint64_t bits = 0;
    for (size_t i = 0; i < 8; i++)
        bits = bits << 8 | (i < config.len ? be8(config, i) : 0);
    if (config.len < 2)
        return box_malformed("the AAC configuration has %zu bytes", config.len);
    unsigned type = (unsigned)(bits >> 59);
    bits <<= 5;
    if (type == 31) {
        type = 32 + (unsigned)(bits >> 58);
        bits <<= 6;
    }
    unsigned frequency = (unsigned)(bits >> 60);
    bits <<= 4;
    if (frequency == 15) {
        track->sample_rate = (uint32_t)(bits >> 40);
        bits <<= 24;
    } else if (frequency < ARRAY_LEN(rates)) {
        track->sample_rate = rates[frequency];
    } else {
        return box_malformed("the AAC configuration has frequency index %u", frequency);
    }
    unsigned channels = (unsigned)(bits >> 60);
    if (channels > 0)
        track->channels = channels == 7 ? 8 : channels;
    return name_codec(track, "mp4a.40.%u", type);
}

/* ISO/IEC 14496-14 §3.1.2, RFC 6381 §3.3: object type indication, then the audio object type. */
static enum err parse_esds(str body, const char *entry, struct mp4_track *track)
{
    str stream, decoder, config;
    (void)entry;
    body = str_skip(body, 4);
    TRY(next_descriptor(&body, 3, &stream));
    if (stream.len < 3 || be8(stream, 2) & 0xe0)
        return box_unsupported("'esds' has optional parts in its stream descriptor");
    stream = str_skip(stream, 3);
    TRY(next_descriptor(&stream, 4, &decoder));
    if (decoder.len < 13)
        return box_malformed("'esds' has a decoder descriptor of %zu bytes", decoder.len);
    if (be8(decoder, 0) != 0x40)
        return box_unsupported("the 'mp4a' track has object type 0x%02x, not AAC", be8(decoder, 0));
    decoder = str_skip(decoder, 13);
    TRY(next_descriptor(&decoder, 5, &config));
    return parse_audio_config(config, track);
}

/* Encapsulation of Opus in ISO Base Media File Format §4.3.2: always decoded at 48 kHz. */
static enum err parse_dops(str body, const char *entry, struct mp4_track *track)
{
    (void)entry;
    if (body.len < 11 || be8(body, 0) != 0)
        return box_malformed("'dOps' has %zu bytes of an unknown version", body.len);
    track->channels = be8(body, 1);
    track->sample_rate = 48000;
    return name_codec(track, "opus");
}

/* Encapsulation of FLAC in ISO Base Media File Format §3.3.2: STREAMINFO comes first. */
static enum err parse_dfla(str body, const char *entry, struct mp4_track *track)
{
    (void)entry;
    if (body.len < 4 + 4 + 34 || (be8(body, 4) & 0x7f) != 0)
        return box_malformed("'dfLa' has %zu bytes and no STREAMINFO", body.len);
    uint32_t rate_channels = be32(body, 4 + 4 + 10);
    track->sample_rate = rate_channels >> 12;
    track->channels = (rate_channels >> 9 & 7) + 1;
    return name_codec(track, "flac");
}

/* ETSI TS 102 366 annex F: the entry's own name is the parameter. */
static enum err parse_dolby(str body, const char *entry, struct mp4_track *track)
{
    if (body.len < 2)
        return box_malformed("the configuration of '%s' has %zu bytes", entry, body.len);
    return name_codec(track, "%s", entry);
}

static const struct {
    const char *entry;
    enum mp4_kind kind;
    enum mp4_codec codec;
    const char *config;
    enum err (*parse)(str body, const char *entry, struct mp4_track *track);
} entries[] = {
    { "avc1", MP4_VIDEO, MP4_H264, "avcC", parse_avcc },
    { "avc3", MP4_VIDEO, MP4_H264, "avcC", parse_avcc },
    { "hvc1", MP4_VIDEO, MP4_HEVC, "hvcC", parse_hvcc },
    { "hev1", MP4_VIDEO, MP4_HEVC, "hvcC", parse_hvcc },
    { "av01", MP4_VIDEO, MP4_AV1, "av1C", parse_av1c },
    { "vp09", MP4_VIDEO, MP4_VP9, "vpcC", parse_vpcc },
    { "mp4a", MP4_AUDIO, MP4_AAC, "esds", parse_esds },
    { "Opus", MP4_AUDIO, MP4_OPUS, "dOps", parse_dops },
    { "fLaC", MP4_AUDIO, MP4_FLAC, "dfLa", parse_dfla },
    { "ac-3", MP4_AUDIO, MP4_AC3, "dac3", parse_dolby },
    { "ec-3", MP4_AUDIO, MP4_EAC3, "dec3", parse_dolby },
};

/* The fixed fields of the entry, §12.1.3 and §12.2.3; what follows them are boxes. */
static enum err parse_fields(const struct box *entry, struct mp4_track *track, str *out_rest)
{
    char name[5];
    bool video = track->kind == MP4_VIDEO;
    size_t fields = video ? VISUAL_FIELDS_BYTES : AUDIO_FIELDS_BYTES;
    if (entry->body.len < fields)
        return box_malformed("sample entry '%s' has %zu bytes", box_name(entry->type, name),
                             entry->body.len);
    *out_rest = str_skip(entry->body, fields);
    if (!video) {
        if (be16(entry->body, 8) != 0)
            return box_unsupported("the audio sample entry has version %u", be16(entry->body, 8));
        track->channels = be16(entry->body, 16);
        track->sample_rate = be32(entry->body, 24) >> 16;
        return OK;
    }
    uint16_t width = be16(entry->body, 24), height = be16(entry->body, 26);
    if (width == 0 || height == 0)
        return box_malformed("the video is %u pixels wide and %u high", width, height);
    if (track->width == 0 || track->height == 0) {
        track->width = width;
        track->height = height;
    }
    return OK;
}

enum err entry_parse(const struct box *stsd, struct mp4_track *track)
{
    struct box entry, config, colr;
    char name[5];
    if (stsd->body.len < 8)
        return box_malformed("box 'stsd' ends before its count");
    if (be32(stsd->body, 4) != 1)
        return box_unsupported("the track has %u sample descriptions", be32(stsd->body, 4));
    str rest = str_skip(stsd->body, 8);
    if (rest.len == 0)
        return box_malformed("box 'stsd' holds no sample description");
    TRY(box_next(&rest, &entry));
    if (rest.len > 0)
        return box_malformed("box 'stsd' holds more than its count says");
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        if (entry.type != FOURCC(entries[i].entry) || entries[i].kind != track->kind)
            continue;
        const struct box_want wants[] = { { entries[i].config, true, &config },
                                          { "colr", false, &colr } };
        TRY(parse_fields(&entry, track, &rest));
        TRY(box_children(rest, entries[i].entry, wants, ARRAY_LEN(wants)));
        track->codec = entries[i].codec;
        if (colr.body.len >= 10 && be32(colr.body, 0) == FOURCC("nclx"))
            track->transfer = (uint8_t)be16(colr.body, 6);
        return entries[i].parse(config.body, entries[i].entry, track);
    }
    return box_unsupported("the codec '%s' is not one we serve", box_name(entry.type, name));
}

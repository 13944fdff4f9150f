/*
 * ingest_reason: why a file waits, failed, or is not quite what it was: a stable code with
 * parameters for programs, and one English sentence for people. A reason is kept and passed on as
 * its sentence, a line each, because that is what a failure carries (err.h) and what logs and the
 * command line show; code and parameters are found again by the table's own patterns, also for the
 * sentences of modules that know nothing of reasons. Whatever no pattern knows is "error".
 *
 * INGEST_REASON_TABLE is the one list: docs/api/reasons.json and the web's words are held against
 * it by tests. A code and the names of its parameters never change their meaning.
 */
#pragma once

#include "film_name.h"

#include "foundation/err/err.h"

/* name, code, sentence. {cause} is a reason in itself; every other {name} is a parameter. */
#define INGEST_REASON_TABLE(X)                                                                     \
    FILM_DOUBT_TABLE(X)                                                                            \
    INGEST_REASONS_OF_GROUPS(X)                                                                    \
    INGEST_REASONS_OF_NFO(X)                                                                       \
    INGEST_REASONS_OF_FILMS(X)                                                                     \
    INGEST_REASONS_OF_VIDEO(X)                                                                     \
    INGEST_REASONS_OF_SOUND(X)                                                                     \
    INGEST_REASONS_OF_SUBTITLES(X)                                                                 \
    INGEST_REASONS_OF_PROGRESS(X)                                                                  \
    X(ERROR, "error", "{detail}")

/* What a scan finds. */
#define INGEST_REASONS_OF_GROUPS(X)                                                                \
    X(YEAR_APART, "year-apart", "there is a title of the same name a year apart")                  \
    X(YEAR_UNKNOWN, "year-unknown", "there is a title of the same name without a year")            \
    X(SERIES_YEAR_APART, "series-year-apart", "there is a series of the same name a year apart")   \
    X(EXTRA_ALONE, "extra-alone", "there is no film this extra belongs to")                        \
    X(CANCELLED, "cancelled", "cancelled")                                                         \
    X(PICTURE_LEFT_OUT, "picture-left-out", "the picture {file} was left out: {cause}")            \
    X(PICTURES_SPARE, "pictures-spare",                                                            \
      "one picture of a kind is shown: {count} more were left out, the first is {file}")           \
    X(SIDECARS_OVER, "sidecars-over",                                                              \
      "more than {max} subtitle and sound files for one film: {file} was left out")                \
    X(FILES_OVER, "files-over", "more than {max} films in one folder: {file} was left out")        \
    X(NOT_A_PICTURE, "not-a-picture", "{file} is no JPEG, PNG or WebP")                            \
    X(FILE_TOO_LARGE, "file-too-large", "{file} is larger than {max} bytes")                       \
    X(FOLDERS_UNREADABLE, "folders-unreadable",                                                    \
      "{count} folders could not be read, the first is {path}")                                    \
    X(PATH_FAILED, "path-failed", "{path} was not taken in: {cause}")                              \
    X(PATH_MISSING, "path-missing", "it is not there")                                             \
    X(PATH_FORBIDDEN, "path-forbidden", "it may not be read")                                      \
    X(TOO_MANY_FILES, "too-many-files", "there are more than {max} files")                         \
    X(JOB_LOST, "job-lost", "the work was given up: its process died again and again")

#define INGEST_REASONS_OF_NFO(X)                                                                   \
    X(NFO, "nfo", "NFO: {cause}")                                                                  \
    X(AT_LINE, "at-line", "line {line}: {cause}")                                                  \
    X(NFO_DOCTYPE, "nfo-doctype", "a document type definition was left out")                       \
    X(NFO_DEEP, "nfo-deep", "elements are nested too deeply")                                      \
    X(NFO_TEXT_LONG, "nfo-text-long", "a text is too long and was cut")                            \
    X(NFO_LIST_LONG, "nfo-list-long", "a list has too many entries")                               \
    X(NFO_RATING, "nfo-rating", "a rating is out of its range")                                    \
    X(NFO_WORKS, "nfo-works", "there are too many works in one file")                              \
    X(NFO_EMPTY, "nfo-empty", "the NFO file has neither Kodi's XML nor a known link")              \
    X(NFO_TOO_LARGE, "nfo-too-large", "the NFO file has {bytes} bytes, more than {max}")           \
    X(XML_INVALID, "xml-invalid", "not well-formed (invalid token)")                               \
    X(XML_UNCLOSED, "xml-unclosed", "unclosed token")                                              \
    X(XML_MISMATCH, "xml-mismatch", "mismatched tag")                                              \
    X(XML_EMPTY, "xml-empty", "no element found")                                                  \
    X(TEXT_ZERO, "text-zero", "the file is not text: there is a zero byte at offset {offset}")     \
    X(TEXT_CONTROLS, "text-controls", "the file is not text: it has {count} control characters")   \
    X(TEXT_CHARSET, "text-charset", "the encoding of the text is not recognised: save it as UTF-8")

/* A film that could not be taken in at all. */
#define INGEST_REASONS_OF_FILMS(X)                                                                 \
    X(FILM_GONE, "film-gone", "the file is not there any more")                                    \
    X(FILM_CHANGING, "film-changing", "the film is being changed")                                 \
    X(FILM_NO_FILE, "film-no-file", "the film is no regular file")                                 \
    X(FILM_EMPTY, "film-empty", "the file is empty")                                               \
    X(UNREADABLE_FILM, "unreadable-film", "the film cannot be read: {cause}")                      \
    X(NO_VIDEO, "no-video", "there is no picture in the file")                                     \
    X(FILM_TRUNCATED, "film-truncated", "the film breaks off at {at} of {length}")                 \
    X(NO_SOUND, "no-sound", "none of the {count} sound tracks could be stored")                    \
    X(DISK_LOW, "disk-low",                                                                        \
      "the disk has {free} MB free; the film needs about {needed} MB and {reserve} MB are kept "   \
      "in reserve")                                                                                \
    X(DISK_FULL, "disk-full", "the disk became full while the film was stored")                    \
    X(FFMPEG_MISSING, "ffmpeg-missing", "{program} is not installed: apt-get install ffmpeg")      \
    X(ENCODE_FAILED, "encode-failed", "ffmpeg could not read the film to its end: {detail}")       \
    X(CHILD_SIGNAL, "child-signal", "{program} was ended by signal {signal}")                      \
    X(CHILD_TIMEOUT, "child-timeout", "{program} did not end within {seconds} s")                  \
    X(CHILD_SILENT, "child-silent", "{program} reported nothing for {seconds} s")                  \
    X(CHILD_OUTPUT, "child-output", "{program} wrote more than {bytes} bytes")                     \
    X(PROBE_NONSENSE, "probe-nonsense", "what ffprobe says of it makes no sense")                  \
    X(PART_MISSING, "part-missing", "part {part} of the film is not there")                        \
    X(PART_TWICE, "part-twice", "part {part} of the film is there twice")                          \
    X(PART_OF, "part-of", "part {part}, joined to {file}")                                         \
    X(PARTS_JOINED, "parts-joined", "{count} files are joined into one film")                      \
    X(PARTS_OVER, "parts-over", "more than {max} parts of one film")                               \
    X(PART_FAILED, "part-failed", "part {part}: {cause}")                                          \
    X(PART_NAME, "part-name", "its name has a line end")                                           \
    X(PARTS_DIFFER, "parts-differ", "the parts of the film differ ({what})")                       \
    X(PARTS_UNSOUND, "parts-unsound",                                                              \
      "the parts of the film have different numbers of sound tracks: {count} are kept")            \
    X(PART_LENGTH, "part-length",                                                                  \
      "the length of part {part} is unknown, the parts cannot be joined")

#define INGEST_REASONS_OF_VIDEO(X)                                                                 \
    X(VIDEO_TRANSCODED, "video-transcoded", "{cause}: the video is transcoded")                    \
    X(HI10P, "hi10p", "Hi10P")                                                                     \
    X(INTERLACED, "interlaced", "interlaced")                                                      \
    X(RESOLUTION_VARIES, "resolution-varies", "variable resolution")                               \
    X(CODEC, "codec", "codec {codec}")                                                             \
    X(SAMPLING, "sampling", "{sampling}, {bits} bits")                                             \
    X(PIXELS_UNKNOWN, "pixels-unknown", "unknown pixels")                                          \
    X(PIXELS, "pixels", "pixels of the form {format}")                                             \
    X(OPEN_GOP, "open-gop", "open GOP at {at}")                                                    \
    X(KEYFRAMES_APART, "keyframes-apart", "keyframes up to {seconds} s apart")                     \
    X(ENCODE_UNFIT, "encode-unfit", "it cannot be copied ({detail})")                              \
    X(HDR_MAPPED, "hdr-mapped", "{range}: the picture is brought into the range of plain screens") \
    X(VIDEO_GAPS, "video-gaps",                                                                    \
      "only {read} of the {length} the file promises could be read: it is damaged")

#define INGEST_REASONS_OF_SOUND(X)                                                                 \
    X(AUDIO_TRANSCODED, "audio-transcoded",                                                        \
      "audio {track}: {codec} is transcoded to AAC in stereo")                                     \
    X(AUDIO_STEREO, "audio-stereo",                                                                \
      "audio {track}: {codec} with {channels} channels gets AAC in stereo beside it")              \
    X(AUDIO_OVER, "audio-over", "only {max} audio tracks are kept")                                \
    X(AUDIO_LEFT_OUT, "audio-left-out", "audio {track} was left out: {cause}")                     \
    X(SOUND_OF_PART, "sound-of-part", "sound beside a part of a film is not joined")               \
    X(SOUND_FILE_LEFT_OUT, "sound-file-left-out", "a sound file was left out: {cause}")

#define INGEST_REASONS_OF_SUBTITLES(X)                                                             \
    X(SUBTITLE_PICTURES, "subtitle-pictures",                                                      \
      "picture subtitles are not shown yet: {codec}, {language}")                                  \
    X(SUBTITLES_OVER, "subtitles-over", "only {max} subtitles are kept: {file} was left out")      \
    X(SUBTITLE_KIND, "subtitle-kind", "subtitles of the kind {codec} are not understood")          \
    X(SUBTITLE_LEFT_OUT, "subtitle-left-out", "{file} was left out: {cause}")                      \
    X(SUBTITLE_CUES, "subtitle-cues", "{file}: {dropped} of {total} cues were dropped: {cause}")   \
    X(SUBTITLE_FRAMES, "subtitle-frames",                                                          \
      "MicroDVD subtitles count frames, not time: convert them to SRT")                            \
    X(SUBTITLE_FORMAT, "subtitle-format",                                                          \
      "the file is neither SRT nor ASS nor WebVTT: it has no line with times")                     \
    X(SUBTITLE_EMPTY, "subtitle-empty", "no cue could be read; {cause}")                           \
    X(SUBTITLE_NONE, "subtitle-none", "the file has none")                                         \
    X(SUBTITLE_LARGE, "subtitle-large", "the subtitle file has {bytes} bytes, more than {max}")    \
    X(SUBTITLE_BYTES, "subtitle-bytes", "it has {bytes} bytes, the limit is {max}")                \
    X(SUBTITLE_MEMORY, "subtitle-memory", "it needs too much memory")                              \
    X(SUBTITLE_NO_FILE, "subtitle-no-file", "it is no regular file")                               \
    X(CUE_TIMES, "cue-times", "the end time of the cue is unreadable")                             \
    X(EVENT_TIMES, "event-times", "the times of the event are unreadable")                         \
    X(CUE_NO_LENGTH, "cue-no-length", "the cue has no duration")                                   \
    X(CUE_BACKWARDS, "cue-backwards", "the cue ends before it starts")                             \
    X(CUE_BEFORE, "cue-before", "the cue ends before the film begins")                             \
    X(CUE_LATE, "cue-late", "the cue ends more than 100 hours after the beginning")                \
    X(CUE_LONG, "cue-long", "the text of the cue is too long")                                     \
    X(CUE_EMPTY, "cue-empty", "the cue has no text")                                               \
    X(CUES_OVER, "cues-over", "there are too many cues")

/* What a job is doing. */
#define INGEST_REASONS_OF_PROGRESS(X)                                                              \
    X(SCANNING, "scanning", "{done} of {total} folders")                                           \
    X(PROBING, "probing", "probing")                                                               \
    X(COPYING, "copying", "copying")                                                               \
    X(COPYING_LEFT, "copying-left", "copying, {seconds} s left")                                   \
    X(TRANSCODING, "transcoding", "transcoding the video")                                         \
    X(TRANSCODING_LEFT, "transcoding-left", "transcoding the video, {seconds} s left")             \
    X(INDEXING, "indexing", "indexing")                                                            \
    X(SUBTITLES, "subtitles", "subtitles")                                                         \
    X(PUBLISHING, "publishing", "publishing")

enum ingest_reason {
#define X(name, ...) INGEST_REASON_##name,
    INGEST_REASON_TABLE(X)
#undef X
        INGEST_REASONS
};

enum { INGEST_REASON_PARAMS_MAX = 4 };

/* "no-year", and the pattern of the sentence. NONE has neither. */
const char *ingest_reason_code(enum ingest_reason reason);
const char *ingest_reason_pattern(enum ingest_reason reason);

/*
 * The sentence, with the values in the order of its parameters (exactly as many). Line ends in
 * values become spaces: a text of several reasons has a line each. In the arena.
 */
str ingest_reason_text(struct arena *arena, enum ingest_reason reason, const str *values,
                       size_t count);
#define INGEST_REASON(arena, name, ...)                                                            \
    ingest_reason_text((arena), INGEST_REASON_##name, (const str[]){ __VA_ARGS__ },                \
                       sizeof((const str[]){ __VA_ARGS__ }) / sizeof(str))

/* A failure in the words of a reason; its slug is the reason's code. */
#define INGEST_FAIL(code, arena, name, ...)                                                        \
    err_set((code), ingest_reason_code(INGEST_REASON_##name), "%.*s",                              \
            STR_ARG(INGEST_REASON((arena), name, ##__VA_ARGS__)))

/*
 * The reasons of a text, a line each, as JSON:
 * [{"code":"film-truncated","text":…,"params":{"at":…,"length":…}}]. A reason whose pattern has
 * {cause} carries it in full as "cause":{…}. In the arena; "[]" when it would be very long.
 */
str ingest_reasons_json(struct arena *arena, str text);
/* Which reason a sentence is; NONE for an empty one, ERROR when no pattern knows it. */
enum ingest_reason ingest_reason_of(str sentence);

/* entry: the sample entry of stsd: which codec, and its RFC 6381 name. Private to mp4. */
#pragma once

#include "box.h"
#include "mp4.h"

/* Fills codec, codecs, size or rate and channels of *track, whose kind is already known. */
enum err entry_parse(const struct box *stsd, struct mp4_track *track);

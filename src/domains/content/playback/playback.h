/*
 * playback: what a viewer's player asks for. POST /v1/titles/{id}/play decides and hands out
 * addresses; GET /media/... serves playlists, segments, subtitles and files of stored assets. The
 * address of an asset has a half that cannot be guessed, so who was not let in by play has none.
 */
#pragma once

#include "domains/module/module.h"

#include "foundation/base/clock.h"
#include "foundation/base/id.h"

extern const struct module playback_module;

/* --- Policy: the one place that decides who may watch what ---------------------------------- */

enum playback_action { PLAYBACK_WATCH, PLAYBACK_TRAILER };

/* What is known of a title, from this context and, later, from projections of the others. */
struct playback_facts {
    bool shown;  /* published and inside its window at the question's instant */
    bool stored; /* there is an asset to play */
};

struct playback_question {
    struct id profile; /* none until accounts arrive */
    struct id title, edition;
    enum playback_action action;
    instant at;
    char country[3]; /* ISO 3166-1 alpha-2; empty: unknown */
};

enum playback_verdict {
    PLAYBACK_ALLOWED,
    PLAYBACK_UNKNOWN_TITLE, /* to this viewer there is no such title */
    PLAYBACK_NO_FILM
};

/* Pure. Today whatever the catalogue shows may be watched; entitlements, ages and countries join
 * the facts when their contexts arrive, and everybody who asks stays as he is. */
enum playback_verdict playback_may(const struct playback_facts *facts,
                                   const struct playback_question *question);

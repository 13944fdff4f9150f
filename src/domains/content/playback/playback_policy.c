/* playback_policy: may this be watched? A pure function of facts and question. */
#include "playback.h"

enum playback_verdict playback_may(const struct playback_facts *facts,
                                   const struct playback_question *question)
{
    (void)question;
    if (!facts->shown)
        return PLAYBACK_UNKNOWN_TITLE;
    return facts->stored ? PLAYBACK_ALLOWED : PLAYBACK_NO_FILM;
}

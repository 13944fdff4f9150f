/*
 * http2_limits: the budget of a connection for frames that cost us work and the client nothing:
 * resets (CVE-2023-44487), pings, settings, window updates, priorities, continuations, empty and
 * unknown frames. Time and answers taken to their end earn, such frames spend; who has overdrawn is
 * told ENHANCE_YOUR_CALM. A browser that seeks through a film stays far below: it resets a few
 * streams a second, and answers a frame of ours with an update of either window.
 */
#include "http2.h"

enum {
    BUDGET_MAX = 1000,
    EARNED_PER_S = 200,
    COST_REQUEST = 2, /* earned back by its answer */
    COST_RESET = 2,
    COST_SETTINGS = 10,
    COST_CONTINUATION = 10,
    COST_OTHER = 1,
    UPDATES_PER_DATA = 3 /* of the stream's window, of the connection's, a ping to time it */
};

static int64_t cost_of(const nghttp2_frame_hd *frame)
{
    switch (frame->type) {
    case NGHTTP2_HEADERS:
        return COST_REQUEST;
    case NGHTTP2_RST_STREAM:
        return COST_RESET;
    case NGHTTP2_SETTINGS:
        return COST_SETTINGS;
    case NGHTTP2_CONTINUATION:
        return COST_CONTINUATION;
    case NGHTTP2_DATA: /* one that moves nothing */
        return frame->length == 0 && !(frame->flags & NGHTTP2_FLAG_END_STREAM) ? COST_OTHER : 0;
    default:
        return COST_OTHER;
    }
}

static void earn(struct http2 *http2, int64_t amount)
{
    http2->budget = MIN_OF(http2->budget + amount, (int64_t)BUDGET_MAX);
}

static void earn_by_time(struct http2 *http2)
{
    uint64_t now_ms = uv_now(http2->conn->server->uv);
    int64_t earned = (int64_t)(now_ms - http2->budget_at_ms) * EARNED_PER_S / 1000;
    if (earned == 0)
        return;
    http2->budget_at_ms = now_ms;
    earn(http2, earned);
}

void http2_budget_init(struct http2 *http2)
{
    http2->budget = BUDGET_MAX;
    http2->budget_at_ms = uv_now(http2->conn->server->uv);
}

bool http2_budget_spend(struct http2 *http2, const nghttp2_frame_hd *frame)
{
    http2->budget -= cost_of(frame);
    if (http2->budget < 0)
        earn_by_time(http2);
    return http2->budget >= 0;
}

void http2_budget_earn_answer(struct http2 *http2)
{
    earn(http2, COST_REQUEST);
}

void http2_budget_earn_data(struct http2 *http2)
{
    earn(http2, UPDATES_PER_DATA);
}

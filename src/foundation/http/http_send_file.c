/*
 * http_send_file: ranges of files. Short parts are copied behind their head and go out with it in
 * one call, which saves two; longer ones go by sendfile, which wins from 16 KiB on and is given
 * whole pages: what comes before the first of them goes with the head. Neither may wait for a disk
 * on the loop: pages that are not resident are read by a thread first.
 */
#include "http_conn.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    TURN_BYTES = 4 << 20,   /* at most this for one viewer before others have their turn */
    CORK_BYTES = 128 << 10, /* what is longer is sent in whole packets; others are few anyway */
    RUN_BYTES = 256 << 10,  /* a sample of residency so often, */
    RUNS_MAX = 4,           /* but not more of them than these a turn */
    RESIDENT_MS = 1000,     /* so long they are taken to stay so, by the answer that asked */
    PAGE_BYTES = 4096,
    WARM_BYTES = 1 << 20, /* read by a thread at a time */
    WARM_STEP_BYTES = 64 << 10,
    WARM_PARTS = 32
};

/* --- Residency ------------------------------------------------------------------------------ */

/* As pread(), but -1 with EAGAIN instead of a wait for the disk, where the file system can say so.
 */
static ssize_t read_resident(struct http_file *file, char *room, size_t len, uint64_t offset)
{
    struct iovec part = { room, len };
    if (!atomic_load_explicit(&file->no_wait_unsupported, memory_order_relaxed)) {
        ssize_t count = preadv2(file->fd, &part, 1, (off_t)offset, RWF_NOWAIT);
        if (count >= 0 || errno != EOPNOTSUPP)
            return count;
        atomic_store_explicit(&file->no_wait_unsupported, true, memory_order_relaxed);
    }
    return pread(file->fd, room, len, (off_t)offset);
}

static void resident_note(struct http_exchange *exchange, uint64_t until)
{
    exchange->resident_until = until;
    exchange->resident_at_ms = uv_now(exchange->conn->server->uv);
}

/* Pages before resident_until were seen, or read by a thread, a moment ago. */
static bool resident_known(const struct http_exchange *exchange, uint64_t until)
{
    uint64_t age_ms = uv_now(exchange->conn->server->uv) - exchange->resident_at_ms;
    return until <= exchange->resident_until && age_ms < RESIDENT_MS;
}

static bool resident_at(struct http_file *file, uint64_t offset)
{
    char byte;
    return read_resident(file, &byte, 1, offset) >= 0 || errno != EAGAIN;
}

/*
 * How many of `len` bytes from `offset` can be sent without waiting for the disk, by samples: a run
 * counts when both its ends are resident. What is read or forgotten in part is so from one end, and
 * is found. A socket takes the bytes in many parts: what is known is not asked for again with each.
 */
static size_t resident_bytes(struct http_exchange *exchange, uint64_t offset, size_t len)
{
    struct http_file *file = exchange->response.body.file;
    uint64_t at = offset, end = offset + len;
    uint64_t run = MAX_OF(len / RUNS_MAX / PAGE_BYTES * PAGE_BYTES + PAGE_BYTES, (size_t)RUN_BYTES);
    bool known = resident_known(exchange, offset + 1);
    if (!known && !resident_at(file, offset))
        return 0;
    if (resident_known(exchange, offset + PAGE_BYTES))
        at = exchange->resident_until;
    while (at < end && resident_at(file, MIN_OF(at + run, end) - 1))
        at = MIN_OF(at + run, end);
    if (known)
        exchange->resident_until = MAX_OF(exchange->resident_until, at);
    else
        resident_note(exchange, at);
    return (size_t)(MIN_OF(at, end) - offset);
}

/* Reads for the page cache alone: every part of a step lands in the same few bytes. */
static void warm_on_thread(uv_work_t *work)
{
    char bytes[WARM_STEP_BYTES / WARM_PARTS];
    struct iovec parts[WARM_PARTS];
    const struct http_exchange *exchange = CONTAINER_OF(work, struct http_exchange, warm);
    const struct http_body *body = &exchange->response.body;
    uint64_t at = body->file_offset + exchange->sent_at - body->memory.len;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        parts[i] = (struct iovec){ bytes, sizeof(bytes) };
    while (at < exchange->resident_until) {
        ssize_t count = preadv(body->file->fd, parts, WARM_PARTS, (off_t)at);
        if (count <= 0)
            return; /* found again, and answered for, when it is sent */
        at += (uint64_t)count;
    }
}

static void on_warmed(uv_work_t *work, int status)
{
    struct http_exchange *exchange = CONTAINER_OF(work, struct http_exchange, warm);
    struct conn *conn = exchange->conn;
    (void)status;
    exchange->phase = PHASE_SEND;
    exchange->resident_at_ms = uv_now(conn->server->uv);
    if (conn->destroyed || exchange->orphan)
        exchange_end(exchange);
    else
        exchange_wake(exchange);
    conn_release(conn);
}

static bool warm_begin(struct http_exchange *exchange, uint64_t offset, uint64_t len)
{
    struct conn *conn = exchange->conn;
    resident_note(exchange, offset + MIN_OF(len, (uint64_t)WARM_BYTES));
    if (uv_queue_work(conn->server->uv, &exchange->warm, warm_on_thread, on_warmed) != 0)
        return true; /* no thread: then the loop waits, which is slow and right */
    exchange->phase = PHASE_WARM;
    conn->holds++;
    return false;
}

/* --- Sending -------------------------------------------------------------------------------- */

/* The head has promised more bytes than there are: only the end of the connection can say so. */
static bool cut_short(struct http_exchange *exchange)
{
    exchange->aborted = true;
    if (!exchange->stream) /* a stream can say so for itself */
        conn_kill(exchange->conn);
    return false;
}

bool send_piece_next(struct http_exchange *exchange)
{
    struct http_body *body = &exchange->response.body;
    struct http_piece piece = { 0 };
    if (!body->piece_at || body->pieces_at == body->pieces_end)
        return false;
    body->piece_at(body->pieces_state, body->pieces_at, &piece);
    uint64_t left = body->pieces_end - body->pieces_at;
    body->memory = str_sub(piece.memory, 0, (size_t)MIN_OF(left, (uint64_t)piece.memory.len));
    body->file = piece.file;
    body->file_offset = piece.offset;
    body->size_bytes = body->memory.len + MIN_OF(left - body->memory.len, piece.size_bytes);
    ASSERT(body->size_bytes > 0);
    body->pieces_at += body->size_bytes;
    exchange->sent_bytes += exchange->sent_at;
    exchange->turn_bytes += exchange->sent_at;
    exchange->sent_at = exchange->resident_until = 0;
    exchange->by_sendfile = false;
    if (exchange->turn_bytes >= TURN_BYTES) { /* pieces alone would never let others have it */
        exchange->turn_bytes = 0;
        exchange->conn->blocked = true;
    }
    return true;
}

static void cork(struct http_exchange *exchange, bool on)
{
    if (exchange->corked == on)
        return;
    exchange->corked = on;
    net_socket_cork(&exchange->conn->socket, on);
}

static bool sent(struct http_exchange *exchange, size_t count)
{
    exchange->sent_at += count;
    if (exchange->sent_at < exchange->response.body.size_bytes)
        return !exchange->conn->blocked;
    if (send_piece_next(exchange))
        return !exchange->conn->blocked;
    exchange->conn->blocked = conn_unsent(exchange->conn);
    cork(exchange, false);
    exchange_end(exchange);
    return true;
}

/* Copies `len` bytes of what is left; false, and *out_result what the step comes to: not now. */
static bool file_copy(struct http_exchange *exchange, uint64_t offset, str room, bool *out_result)
{
    const struct http_body *body = &exchange->response.body;
    char *to = (char *)(uintptr_t)room.ptr;
    bool known = resident_known(exchange, offset + room.len);
    ssize_t count = known ? pread(body->file->fd, to, room.len, (off_t)offset)
                          : read_resident(body->file, to, room.len, offset);
    if (count == (ssize_t)room.len) {
        if (!known)
            resident_note(exchange, offset + room.len);
        return true;
    }
    bool absent = !known && ((count < 0 && errno == EAGAIN) || count > 0);
    uint64_t left = body->size_bytes - exchange->sent_at;
    *out_result = absent ? warm_begin(exchange, offset, left) : cut_short(exchange);
    return false;
}

static bool copy_step(struct http_exchange *exchange, uint64_t offset, size_t left)
{
    struct conn *conn = exchange->conn;
    str room = { out_room(conn, left), left };
    bool result;
    if (!room.ptr)
        return false;
    if (!file_copy(exchange, offset, room, &result))
        return result;
    exchange->by_sendfile = true; /* for what may be left: copied bytes are not kept */
    return sent(exchange, out_send(conn, room, false));
}

/*
 * A range that begins within a page costs twice the CPU of one that begins at it (measured for
 * 64 KB); probably it needs one part more than a packet of 64 KiB can carry.
 */
static bool align_step(struct http_exchange *exchange, uint64_t offset)
{
    struct conn *conn = exchange->conn;
    size_t len = PAGE_BYTES - offset % PAGE_BYTES;
    str room = { out_room(conn, len + 1), len + 1 }; /* a byte more samples the page behind */
    bool result;
    if (!room.ptr)
        return false;
    if (!file_copy(exchange, offset, room, &result))
        return result;
    conn->server->out_len += len;
    exchange->sent_at += len;
    return true;
}

static bool sendfile_step(struct http_exchange *exchange, uint64_t offset, uint64_t left)
{
    struct conn *conn = exchange->conn;
    size_t wanted = (size_t)MIN_OF(left, (uint64_t)TURN_BYTES);
    size_t resident = resident_bytes(exchange, offset, wanted);
    if (resident == 0)
        return warm_begin(exchange, offset, left);
    if (left > CORK_BYTES)
        cork(exchange, true);
    out_send(conn, STR_NONE, true);
    if (conn->blocked || conn->dead)
        return false;
    ssize_t count =
        net_socket_sendfile(&conn->socket, exchange->response.body.file->fd, offset, resident);
    if (count == NET_EOF)
        return cut_short(exchange);
    if (count == NET_GONE) {
        conn_kill(conn);
        return false;
    }
    conn->progress |= count > 0;
    conn->sent_bytes += count > 0 ? (uint64_t)count : 0;
    /* A socket that took less is full; one that took a turn's worth waits for its next turn. */
    conn->blocked = count < (ssize_t)resident || resident == TURN_BYTES;
    return sent(exchange, count > 0 ? (size_t)count : 0);
}

bool send_file_step(struct http_exchange *exchange)
{
    struct conn *conn = exchange->conn;
    const struct http_body *body = &exchange->response.body;
    if (exchange->sent_at < body->memory.len) {
        str before = str_skip(body->memory, (size_t)exchange->sent_at);
        if (before.len <= INLINE_BODY_BYTES) {
            out_put(conn, before);
            exchange->sent_at += conn->pending_len ? 0 : before.len;
        } else {
            exchange->sent_at += out_send(conn, before, true);
        }
        if (exchange->sent_at < body->memory.len)
            return false;
    }
    uint64_t offset = body->file_offset + exchange->sent_at - body->memory.len;
    uint64_t left = body->size_bytes - exchange->sent_at;
    if (left == 0)
        return sent(exchange, 0);
    if (left <= COPY_BYTES_MAX && !exchange->by_sendfile)
        return copy_step(exchange, offset, (size_t)left);
    if (offset % PAGE_BYTES && left > PAGE_BYTES && exchange->sent_at == body->memory.len)
        return align_step(exchange, offset);
    return sendfile_step(exchange, offset, left);
}

/* --- Copied elsewhere ----------------------------------------------------------------------- */

static ptrdiff_t range_pull(struct http_exchange *exchange, str room)
{
    const struct http_body *body = &exchange->response.body;
    uint64_t offset = body->file_offset + exchange->sent_at - body->memory.len;
    bool copied, begun;
    do {
        copied = file_copy(exchange, offset, room, &begun);
    } while (!copied && begun); /* no thread was free to read it first: then in place */
    if (!copied)
        return exchange->aborted ? -1 : 0;
    exchange->sent_at += room.len;
    return (ptrdiff_t)room.len;
}

ptrdiff_t file_pull(struct http_exchange *exchange, char *room, size_t room_bytes)
{
    const struct http_body *body = &exchange->response.body;
    if (exchange->sent_at == body->size_bytes && !send_piece_next(exchange))
        return 0;
    if (exchange->sent_at < body->memory.len) {
        str before = str_sub(body->memory, (size_t)exchange->sent_at, room_bytes);
        memcpy(room, before.ptr, before.len);
        exchange->sent_at += before.len;
        return (ptrdiff_t)before.len;
    }
    uint64_t left = body->size_bytes - exchange->sent_at;
    return range_pull(exchange, (str){ room, (size_t)MIN_OF(left, (uint64_t)room_bytes) });
}

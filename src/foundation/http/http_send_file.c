/*
 * http_send_file: ranges of files. Short parts are copied behind their head and go out with it in
 * one call, which saves two; longer ones go by sendfile, which wins from 16 KiB on. Neither may
 * wait for a disk on the loop: pages that are not resident are read by a thread first.
 */
#include "http_conn.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    TURN_BYTES = 4 << 20,     /* at most this for one viewer before others have their turn */
    SAMPLE_BYTES = 256 << 10, /* read-ahead makes pages resident in runs of about this */
    WARM_BYTES = 1 << 20,     /* read by a thread at a time */
    WARM_STEP_BYTES = 64 << 10
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

/* How many of `len` bytes from `offset` can be sent without waiting for the disk, by samples. */
static size_t resident_bytes(const struct http_exchange *exchange, uint64_t offset, size_t len)
{
    struct http_file *file = exchange->response.body.file;
    char byte;
    for (size_t at = 0; at < len; at += SAMPLE_BYTES) {
        if (offset + at < exchange->warmed_until)
            continue; /* read a moment ago: if memory is that short, waiting is all there is */
        if (read_resident(file, &byte, 1, offset + at) < 0 && errno == EAGAIN)
            return at;
    }
    return len;
}

static void warm_on_thread(uv_work_t *work)
{
    static _Thread_local char bytes[WARM_STEP_BYTES];
    const struct http_exchange *exchange = CONTAINER_OF(work, struct http_exchange, warm);
    const struct http_body *body = &exchange->response.body;
    uint64_t at = body->file_offset + exchange->sent_at - body->memory.len;
    while (at < exchange->warmed_until) {
        ssize_t count =
            pread(body->file->fd, bytes,
                  MIN_OF(exchange->warmed_until - at, (uint64_t)WARM_STEP_BYTES), (off_t)at);
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
    if (conn->destroyed)
        exchange_end(exchange);
    else
        conn_pump(conn);
    conn_release(conn);
}

static bool warm_begin(struct http_exchange *exchange, uint64_t offset, uint64_t len)
{
    struct conn *conn = exchange->conn;
    exchange->warmed_until = offset + MIN_OF(len, (uint64_t)WARM_BYTES);
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
    exchange->sent_at = exchange->warmed_until = 0;
    exchange->by_sendfile = false;
    if (exchange->turn_bytes >= TURN_BYTES) { /* pieces alone would never let others have it */
        exchange->turn_bytes = 0;
        exchange->conn->blocked = true;
    }
    return true;
}

static bool sent(struct http_exchange *exchange, size_t count)
{
    exchange->sent_at += count;
    if (exchange->sent_at < exchange->response.body.size_bytes)
        return !exchange->conn->blocked;
    if (send_piece_next(exchange))
        return !exchange->conn->blocked;
    exchange->conn->blocked = exchange->conn->pending_len > 0;
    exchange_end(exchange);
    return true;
}

static bool copy_step(struct http_exchange *exchange, uint64_t offset, size_t left)
{
    struct conn *conn = exchange->conn;
    struct http_file *file = exchange->response.body.file;
    char *room = out_room(conn, left);
    if (!room)
        return false;
    bool warmed = offset + left <= exchange->warmed_until;
    ssize_t count = warmed ? pread(file->fd, room, left, (off_t)offset)
                           : read_resident(file, room, left, offset);
    if (count < (ssize_t)left) {
        bool absent = !warmed && ((count < 0 && errno == EAGAIN) || count > 0);
        return absent ? warm_begin(exchange, offset, left) : cut_short(exchange);
    }
    exchange->by_sendfile = true; /* for what may be left: copied bytes are not kept */
    return sent(exchange, out_send(conn, (str){ room, left }, false));
}

static bool sendfile_step(struct http_exchange *exchange, uint64_t offset, uint64_t left)
{
    struct conn *conn = exchange->conn;
    size_t wanted = (size_t)MIN_OF(left, (uint64_t)TURN_BYTES);
    size_t resident = resident_bytes(exchange, offset, wanted);
    if (resident == 0)
        return warm_begin(exchange, offset, left);
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
    return sendfile_step(exchange, offset, left);
}

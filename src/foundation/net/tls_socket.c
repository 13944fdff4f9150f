/*
 * tls_socket: a connection's handshake and transfers. OpenSSL never sees the socket: it reads and
 * writes the buffers of the loop's core, so that what is received in one call may hold many
 * records, and many records leave in one call. Between two calls the core's buffers are empty;
 * what the socket did not take is kept by the connection, encrypted, and goes first the next time.
 */
#include "tls_socket.h"

#include "tls_store.h"

#include "foundation/mem/heap.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RECORD_BYTES = 16 << 10,      /* of plain text, the most there is (RFC 8446 section 5.1) */
    RECORD_WIRE_BYTES = 17 << 10, /* the same with what is put around it */
    IN_BYTES = 64 << 10,
    CHUNK_BYTES_MIN = 16 << 10, /* encrypted before the socket is asked */
    CHUNK_BYTES_MAX = 128 << 10,
    OUT_BYTES = 2 * CHUNK_BYTES_MAX + (64 << 10), /* nearly one chunk, and another on top */
    UNSENT_BYTES_MAX = 256 << 10,
    TURN_BYTES = 1 << 20,    /* at most this for one viewer before others have their turn */
    HANDSHAKES_PER_TURN = 16 /* begun; the others are begun when the loop comes round again */
};

struct net_tls_core {
    struct net_tls *tls;
    uint64_t turn_ms;
    unsigned turn_handshakes;
    size_t in_at, in_len, out_len;
    bool overflowed;
    char in[IN_BYTES], out[OUT_BYTES], plain[CHUNK_BYTES_MAX];
};

struct net_tls_conn {
    SSL *ssl;
    struct net_tls_core *core;
    char *unsent; /* encrypted: unsent[unsent_at..unsent_len) */
    uint32_t unsent_at, unsent_len, unsent_bytes;
    uint32_t chunk_bytes;
    bool greeted, established, http2, ended, failed;
    unsigned long error; /* OpenSSL's, of what failed */
};

struct net_tls_core *net_tls_core_open(struct net_tls *tls)
{
    struct net_tls_core *core = heap_alloc(sizeof(*core));
    memset(core, 0, offsetof(struct net_tls_core, in));
    core->tls = tls;
    return core;
}

void net_tls_core_close(struct net_tls_core *core)
{
    heap_free(core);
}

/* --- What OpenSSL reads and writes ---------------------------------------------------------- */

static int bio_read(BIO *bio, char *room, size_t room_bytes, size_t *out_len)
{
    struct net_tls_core *core = ((struct net_tls_conn *)BIO_get_data(bio))->core;
    size_t count = MIN_OF(room_bytes, core->in_len - core->in_at);
    BIO_clear_retry_flags(bio);
    if (count == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(room, core->in + core->in_at, count);
    core->in_at += count;
    *out_len = count;
    return 1;
}

/* Always takes all: how much a call of ours can make is bounded by what it is given. */
static int bio_write(BIO *bio, const char *bytes, size_t len, size_t *out_len)
{
    struct net_tls_core *core = ((struct net_tls_conn *)BIO_get_data(bio))->core;
    BIO_clear_retry_flags(bio);
    if (len > OUT_BYTES - core->out_len) {
        core->overflowed = true; /* a chain of certificates beyond all reason */
        return 0;
    }
    memcpy(core->out + core->out_len, bytes, len);
    core->out_len += len;
    *out_len = len;
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *arg)
{
    (void)bio, (void)number, (void)arg;
    return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *tls_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "loop buffers");
    ASSERT(method);
    BIO_meth_set_create(method, bio_create);
    BIO_meth_set_read_ex(method, bio_read);
    BIO_meth_set_write_ex(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
}

/* --- Beginning and end ---------------------------------------------------------------------- */

static bool out_send(struct net_socket *socket, bool more);

enum err tls_conn_begin(struct net_socket *socket, struct net_tls_core *core, SSL *ssl, bool client)
{
    BIO *bio = ssl ? BIO_new(core->tls->method) : NULL;
    if (!bio) {
        SSL_free(ssl);
        return err_set(ERR_EXHAUSTED, "tls-memory", "no memory for a TLS connection");
    }
    struct net_tls_conn *conn = HEAP_NEW(struct net_tls_conn);
    conn->ssl = ssl;
    conn->core = core;
    conn->chunk_bytes = CHUNK_BYTES_MAX / 2;
    BIO_set_data(bio, conn);
    SSL_set_bio(ssl, bio, bio);
    socket->tls = conn;
    if (!client) {
        SSL_set_accept_state(ssl);
        return OK;
    }
    conn->greeted = true;
    core->in_at = core->in_len = 0; /* nothing has been received for it */
    ERR_clear_error();
    SSL_set_connect_state(ssl);
    SSL_do_handshake(ssl);
    if (!out_send(socket, false))
        return err_set(ERR_UNAVAILABLE, "connection-lost", "the connection was lost at once");
    return OK;
}

enum err net_tls_begin(struct net_socket *socket, struct net_tls_core *core)
{
    return tls_conn_begin(socket, core, store_ssl_new(core->tls), false);
}

struct net_tls *tls_core_store(const struct net_tls_core *core)
{
    return core->tls;
}

bool net_tls_is_ready(const struct net_socket *socket)
{
    return socket->tls && socket->tls->established && !socket->tls->failed;
}

bool net_tls_is_ended(const struct net_socket *socket)
{
    return socket->tls && socket->tls->ended;
}

const char *net_tls_problem(const struct net_socket *socket)
{
    const struct net_tls_conn *conn = socket->tls;
    long verified = conn ? SSL_get_verify_result(conn->ssl) : X509_V_OK;
    if (verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    const char *reason = conn && conn->error ? ERR_reason_error_string(conn->error) : NULL;
    return reason ? reason : "the connection was lost";
}

void tls_free(struct net_tls_conn *conn)
{
    SSL_free(conn->ssl);
    heap_free(conn->unsent);
    heap_free(conn);
}

bool net_tls_is_http2(const struct net_socket *socket)
{
    return socket->tls && socket->tls->http2;
}

size_t tls_unsent_bytes(const struct net_tls_conn *conn)
{
    return conn->unsent_len - conn->unsent_at;
}

/* --- To the socket -------------------------------------------------------------------------- */

/* Room for what is kept and `more`: just that the first time, then doubled, so that one who makes
 * us answer byte by byte and takes nothing does not make us copy it all each time. */
static void unsent_grow(struct net_tls_conn *conn, size_t more)
{
    size_t kept = tls_unsent_bytes(conn), wanted = kept + more;
    if (conn->unsent && conn->unsent_at)
        memmove(conn->unsent, conn->unsent + conn->unsent_at, kept);
    conn->unsent_at = 0;
    conn->unsent_len = (uint32_t)kept;
    if (conn->unsent && wanted <= conn->unsent_bytes)
        return;
    if (kept)
        wanted = MIN_OF(2 * wanted, (size_t)UNSENT_BYTES_MAX);
    conn->unsent = heap_resize(conn->unsent, wanted);
    conn->unsent_bytes = (uint32_t)wanted;
}

/* Keeps the core's bytes from `from` on behind what is kept already. */
static bool unsent_keep(struct net_tls_conn *conn, size_t from)
{
    struct net_tls_core *core = conn->core;
    size_t more = core->out_len - from;
    if (tls_unsent_bytes(conn) + more > UNSENT_BYTES_MAX)
        return false;
    if (more == 0)
        return true;
    if (!conn->unsent || conn->unsent_len + more > conn->unsent_bytes)
        unsent_grow(conn, more);
    memcpy(conn->unsent + conn->unsent_len, core->out + from, more);
    conn->unsent_len += (uint32_t)more;
    return true;
}

/* Sends what is kept. True when nothing is left; otherwise *out_result says why. */
static bool unsent_send(struct net_socket *socket, ssize_t *out_result)
{
    struct net_tls_conn *conn = socket->tls;
    if (!conn->unsent)
        return true;
    struct iovec part = { conn->unsent + conn->unsent_at, tls_unsent_bytes(conn) };
    ssize_t sent = net_raw_send(socket, &part, 1, false);
    conn->unsent_at += sent > 0 ? (uint32_t)sent : 0;
    *out_result = sent < 0 ? sent : NET_AGAIN;
    if (tls_unsent_bytes(conn))
        return false;
    heap_free(conn->unsent);
    conn->unsent = NULL;
    conn->unsent_at = conn->unsent_len = conn->unsent_bytes = 0;
    return true;
}

/*
 * Empties the core's buffer: to the socket, and what that does not take to the connection. False
 * when the connection is lost. How much is encrypted at a time follows what the socket takes, so
 * that a slow viewer keeps little.
 */
static bool out_send(struct net_socket *socket, bool more)
{
    struct net_tls_conn *conn = socket->tls;
    struct net_tls_core *core = conn->core;
    size_t sent = 0;
    bool held = true;
    if (core->out_len && !conn->unsent) {
        struct iovec part = { core->out, core->out_len };
        ssize_t count = net_raw_send(socket, &part, 1, more);
        sent = count > 0 ? (size_t)count : 0;
        held = count != NET_GONE;
        if (sent == core->out_len && sent > conn->chunk_bytes)
            conn->chunk_bytes = MIN_OF(conn->chunk_bytes * 2, (uint32_t)CHUNK_BYTES_MAX);
        else if (sent < core->out_len)
            conn->chunk_bytes = MAX_OF(conn->chunk_bytes / 2, (uint32_t)CHUNK_BYTES_MIN);
    }
    if (held && sent < core->out_len)
        held = unsent_keep(conn, sent);
    held = held && !core->overflowed;
    core->out_len = 0;
    core->overflowed = false;
    conn->failed |= !held;
    return held;
}

ssize_t tls_flush(struct net_socket *socket)
{
    ssize_t result = NET_GONE;
    if (socket->tls->failed)
        return NET_GONE;
    return unsent_send(socket, &result) ? 1 : result;
}

/* --- Receiving ------------------------------------------------------------------------------ */

/* The costly half of a handshake answers the first bytes of a client. */
static bool turn_is_over(struct net_socket *socket)
{
    struct net_tls_conn *conn = socket->tls;
    struct net_tls_core *core = conn->core;
    uint64_t now_ms = uv_now(socket->poll.loop);
    if (conn->greeted)
        return false;
    if (now_ms != core->turn_ms) {
        core->turn_ms = now_ms;
        core->turn_handshakes = 0;
    }
    if (core->turn_handshakes == HANDSHAKES_PER_TURN)
        return true;
    core->turn_handshakes++;
    conn->greeted = true;
    return false;
}

static void established_note(struct net_tls_conn *conn)
{
    const unsigned char *protocol;
    unsigned len;
    struct net_tls *tls = conn->core->tls;
    if (conn->established || !SSL_is_init_finished(conn->ssl))
        return;
    conn->established = true;
    SSL_get0_alpn_selected(conn->ssl, &protocol, &len);
    conn->http2 = len == 2 && memcmp(protocol, "h2", 2) == 0;
    atomic_fetch_add_explicit(&tls->handshakes, 1, memory_order_relaxed);
    if (SSL_session_reused(conn->ssl))
        atomic_fetch_add_explicit(&tls->resumed, 1, memory_order_relaxed);
}

/* Decrypts all that the core has received. The room is larger than what can come out of it. */
static size_t decrypt(struct net_tls_conn *conn, char *room, size_t room_bytes)
{
    size_t total = 0, count;
    ERR_clear_error();
    while (!conn->failed && !conn->ended) {
        if (SSL_read_ex(conn->ssl, room + total, room_bytes - total, &count) == 1) {
            total += count;
            continue;
        }
        int error = SSL_get_error(conn->ssl, 0);
        if (error == SSL_ERROR_WANT_READ)
            break;
        conn->ended = error == SSL_ERROR_ZERO_RETURN;
        conn->failed = !conn->ended;
        conn->error = conn->failed ? ERR_peek_last_error() : 0;
    }
    return total;
}

ssize_t tls_recv(struct net_socket *socket, char *room, size_t room_bytes)
{
    struct net_tls_conn *conn = socket->tls;
    struct net_tls_core *core = conn->core;
    ASSERT(room_bytes > (size_t)2 * RECORD_WIRE_BYTES);
    if (conn->failed)
        return NET_GONE;
    if (turn_is_over(socket))
        return NET_AGAIN;
    ssize_t count =
        net_raw_recv(socket, core->in, MIN_OF(room_bytes - RECORD_WIRE_BYTES, (size_t)IN_BYTES));
    if (count <= 0)
        return count;
    core->in_at = 0;
    core->in_len = (size_t)count;
    size_t total = decrypt(conn, room, room_bytes);
    core->in_len = 0;
    established_note(conn);
    if (conn->failed && !conn->established)
        atomic_fetch_add_explicit(&core->tls->failed, 1, memory_order_relaxed);
    /* Even of a connection that failed: the alert that says so. */
    if (!out_send(socket, false) || conn->failed)
        return NET_GONE;
    return total ? (ssize_t)total : conn->ended ? NET_EOF : NET_AGAIN;
}

/* --- Sending -------------------------------------------------------------------------------- */

static bool record_put(struct net_tls_conn *conn, const char *bytes, size_t len)
{
    size_t written;
    ERR_clear_error();
    conn->failed |= SSL_write_ex(conn->ssl, bytes, len, &written) != 1;
    return !conn->failed;
}

/* 1: bytes may be encrypted. */
static ssize_t send_ready(struct net_socket *socket)
{
    ssize_t result = NET_AGAIN;
    if (socket->tls->failed)
        return NET_GONE;
    return socket->tls->established && unsent_send(socket, &result) ? 1 : result;
}

/* Nothing of the connection is kept, and its turn is not over: it may be given more. */
static bool may_go_on(const struct net_tls_conn *conn, size_t total)
{
    return !conn->unsent && total < TURN_BYTES;
}

static ssize_t sent_of(const struct net_tls_conn *conn, size_t total)
{
    return conn->failed ? NET_GONE : total ? (ssize_t)total : NET_AGAIN;
}

ssize_t tls_send(struct net_socket *socket, const struct iovec *parts, int count, bool more)
{
    struct net_tls_conn *conn = socket->tls;
    size_t total = 0;
    ssize_t ready = send_ready(socket);
    if (ready != 1)
        return ready;
    for (int i = 0; i < count && may_go_on(conn, total); i++) {
        size_t at = 0;
        while (at < parts[i].iov_len && may_go_on(conn, total)) {
            size_t len = MIN_OF(parts[i].iov_len - at, (size_t)conn->chunk_bytes);
            if (!record_put(conn, (const char *)parts[i].iov_base + at, len))
                break;
            at += len;
            total += len;
            bool last = i == count - 1 && at == parts[i].iov_len;
            if (conn->core->out_len >= conn->chunk_bytes && !out_send(socket, more || !last))
                break;
        }
    }
    out_send(socket, more);
    return sent_of(conn, total);
}

ssize_t tls_sendfile(struct net_socket *socket, int file, uint64_t offset, size_t len)
{
    struct net_tls_conn *conn = socket->tls;
    struct net_tls_core *core = conn->core;
    size_t total = 0;
    ssize_t ready = send_ready(socket);
    if (ready != 1)
        return ready;
    while (total < len && may_go_on(conn, total)) {
        size_t wanted = MIN_OF(len - total, (size_t)conn->chunk_bytes);
        ssize_t count = pread(file, core->plain, wanted, (off_t)(offset + total));
        if (count == 0 && total == 0)
            return NET_EOF;
        if (count <= 0 && total == 0)
            return errno == EINTR ? NET_AGAIN : NET_GONE;
        if (count <= 0 || !record_put(conn, core->plain, (size_t)count))
            break;
        total += (size_t)count;
        if (!out_send(socket, total < len))
            break;
    }
    return sent_of(conn, total);
}

void tls_shutdown(struct net_socket *socket)
{
    struct net_tls_conn *conn = socket->tls;
    if (conn->failed || !conn->established)
        return;
    ERR_clear_error();
    SSL_shutdown(conn->ssl);
    out_send(socket, false);
}

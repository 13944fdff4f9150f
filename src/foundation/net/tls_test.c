/*
 * tls_test: a server's socket on a loop against OpenSSL's client, both driven by the test's own
 * thread over a socket pair: handshakes, names, tickets, replaced certificates, cut connections,
 * and a client that reads slowly.
 */
#include "tls_fixture.h"

#include "foundation/mem/heap.h"
#include "foundation/test/test.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STEPS_MAX = 20000, ROOM_BYTES = 64 << 10 };

static char room[ROOM_BYTES];

struct pair {
    uv_loop_t loop;
    struct net_tls_core *core;
    struct net_socket server;
    SSL *client;
    int client_fd;
    bool closed;
    ssize_t last;    /* what net_socket_recv() said last, if it moved nothing */
    size_t received; /* by the server */
    char text[1024]; /* the beginning of it */
    bool flushing;   /* the server has something kept */
};

static void on_closed(struct net_socket *socket)
{
    CONTAINER_OF(socket, struct pair, server)->closed = true;
}

static void on_ready(struct net_socket *socket, int events)
{
    struct pair *pair = CONTAINER_OF(socket, struct pair, server);
    if (events & NET_WRITABLE && net_socket_flush(socket) == 1)
        pair->flushing = false;
    ssize_t count = net_socket_recv(socket, room, sizeof(room));
    if (count <= 0) {
        pair->last = count;
    } else {
        size_t kept = MIN_OF(pair->received, sizeof(pair->text));
        memcpy(pair->text + kept, room, MIN_OF((size_t)count, sizeof(pair->text) - kept));
        pair->received += (size_t)count;
    }
    bool over = pair->last == NET_EOF || pair->last == NET_GONE;
    pair->flushing |= net_socket_unsent(socket);
    net_socket_watch(socket, (over ? 0 : NET_READABLE) | (pair->flushing ? NET_WRITABLE : 0));
}

static void pair_open(struct pair *pair, struct net_tls *tls, SSL_CTX *context)
{
    int fds[2];
    *pair = (struct pair){ .last = NET_AGAIN };
    CHECK_INT(uv_loop_init(&pair->loop), 0);
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    pair->core = net_tls_core_open(tls);
    CHECK(net_socket_init(&pair->server, &pair->loop, fds[0], on_ready));
    CHECK_OK(net_tls_begin(&pair->server, pair->core));
    net_socket_watch(&pair->server, NET_READABLE);
    pair->client_fd = fds[1];
    pair->client = SSL_new(context);
    SSL_set_fd(pair->client, fds[1]);
    SSL_set_connect_state(pair->client);
}

static void pair_close(struct pair *pair)
{
    net_socket_close(&pair->server, on_closed);
    while (!pair->closed)
        uv_run(&pair->loop, UV_RUN_NOWAIT);
    CHECK_INT(uv_loop_close(&pair->loop), 0);
    SSL_free(pair->client);
    if (pair->client_fd >= 0)
        close(pair->client_fd);
    net_tls_core_close(pair->core);
}

/* True when the client is done; the server has then taken what was sent. */
static bool handshake(struct pair *pair)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        ERR_clear_error();
        int result = SSL_do_handshake(pair->client);
        int error = SSL_get_error(pair->client, result);
        if (error == SSL_ERROR_NONE || error == SSL_ERROR_WANT_READ)
            uv_run(&pair->loop, UV_RUN_NOWAIT);
        if (result == 1)
            return true;
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            return false;
    }
    return false;
}

static void client_write(struct pair *pair, str bytes)
{
    size_t before = pair->received;
    for (int i = 0; bytes.len && i < STEPS_MAX; i++) {
        size_t count = 0;
        if (SSL_write_ex(pair->client, bytes.ptr, bytes.len, &count) == 1)
            bytes = str_skip(bytes, count);
        uv_run(&pair->loop, UV_RUN_NOWAIT);
    }
    CHECK_INT(bytes.len, 0);
    for (int i = 0; pair->received == before && i < STEPS_MAX; i++)
        uv_run(&pair->loop, UV_RUN_NOWAIT);
}

/* One read of the client; 0 when there is nothing now, -1 at the end. */
static ssize_t client_read(struct pair *pair, char *to, size_t size_bytes)
{
    size_t count;
    ERR_clear_error();
    if (SSL_read_ex(pair->client, to, size_bytes, &count) == 1)
        return (ssize_t)count;
    int error = SSL_get_error(pair->client, 0);
    return error == SSL_ERROR_WANT_READ ? 0 : -1;
}

static struct net_tls *open_one(const struct tls_files *files)
{
    struct net_tls *tls;
    struct net_tls_pair pairs[] = { { str_of(files->cert), str_of(files->key) } };
    struct net_tls_settings settings = { .pairs = pairs, .pairs_count = 1 };
    CHECK_OK(net_tls_open(&settings, &tls));
    return tls;
}

TEST(bytes_go_both_ways)
{
    struct tls_files files = tls_files_make("both", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_CTX *context = tls_client_context();
    struct pair pair;
    char answer[64] = "";
    pair_open(&pair, tls, context);
    CHECK(handshake(&pair));
    CHECK_INT(SSL_version(pair.client), TLS1_3_VERSION);
    client_write(&pair, STR("ping"));
    CHECK_STR(((str){ pair.text, pair.received }), STR("ping"));
    CHECK(!net_tls_is_http2(&pair.server));
    struct iovec parts[] = { { (char *)(uintptr_t) "po", 2 }, { (char *)(uintptr_t) "ng", 2 } };
    CHECK_INT(net_socket_send(&pair.server, parts, 2, false), 4);
    size_t len = 0;
    for (int i = 0; i < STEPS_MAX && len < 4; i++)
        len += (size_t)client_read(&pair, answer + len, sizeof(answer) - len);
    CHECK_STR(((str){ answer, len }), STR("pong"));
    CHECK(net_socket_shutdown(&pair.server));
    CHECK_INT(client_read(&pair, answer, sizeof(answer)), -1);
    CHECK_INT(SSL_get_error(pair.client, 0), SSL_ERROR_ZERO_RETURN);
    CHECK_INT(net_tls_stats(tls).handshakes, 1);
    pair_close(&pair);
    SSL_CTX_free(context);
    net_tls_close(tls);
}

TEST(alpn_prefers_http2_and_forgives_the_unknown)
{
    static const unsigned char both[] = "\10http/1.1\2h2", other[] = "\3foo";
    struct tls_files files = tls_files_make("alpn", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_CTX *context = tls_client_context();
    struct pair pair;
    SSL_CTX_set_alpn_protos(context, both, sizeof(both) - 1);
    pair_open(&pair, tls, context);
    CHECK(handshake(&pair));
    client_write(&pair, STR("x"));
    CHECK(net_tls_is_http2(&pair.server));
    pair_close(&pair);
    SSL_CTX_set_alpn_protos(context, other, sizeof(other) - 1);
    pair_open(&pair, tls, context);
    CHECK(handshake(&pair));
    client_write(&pair, STR("x"));
    CHECK(!net_tls_is_http2(&pair.server));
    pair_close(&pair);
    SSL_CTX_free(context);
    net_tls_close(tls);
}

static long serial_for(struct net_tls *tls, const char *name)
{
    SSL_CTX *context = tls_client_context();
    struct pair pair;
    pair_open(&pair, tls, context);
    if (name)
        SSL_set_tlsext_host_name(pair.client, name);
    long serial = handshake(&pair) ? tls_peer_serial(pair.client) : -1;
    pair_close(&pair);
    SSL_CTX_free(context);
    return serial;
}

TEST(the_name_chooses_the_certificate)
{
    struct tls_files first = tls_files_make("sni1", "a.example,www.a.example", 1);
    struct tls_files second = tls_files_make("sni2", "*.b.example", 2);
    struct tls_files third = tls_files_make("sni3", "film.b.example", 3);
    struct net_tls_pair pairs[] = { { str_of(first.cert), str_of(first.key) },
                                    { str_of(second.cert), str_of(second.key) },
                                    { str_of(third.cert), str_of(third.key) } };
    struct net_tls_settings settings = { .pairs = pairs, .pairs_count = 3 };
    struct net_tls *tls;
    CHECK_OK(net_tls_open(&settings, &tls));
    CHECK_INT(serial_for(tls, NULL), 1);
    CHECK_INT(serial_for(tls, "www.A.example"), 1);
    CHECK_INT(serial_for(tls, "x.b.example"), 2);
    CHECK_INT(serial_for(tls, "film.b.example"), 3);
    CHECK_INT(serial_for(tls, "x.y.b.example"), 1); /* a star is one label */
    CHECK_INT(serial_for(tls, "b.example"), 1);
    CHECK_INT(serial_for(tls, ".b.example"), 1);
    CHECK_INT(serial_for(tls, "*.b.example"), 2); /* no name, and no harm */
    CHECK_INT(serial_for(tls, "nobody.example"), 1);
    net_tls_close(tls);
}

static bool resumes(struct net_tls *tls, SSL_SESSION **session, int version)
{
    SSL_CTX *context = tls_client_context();
    struct pair pair;
    char byte;
    SSL_CTX_set_max_proto_version(context, version);
    pair_open(&pair, tls, context);
    if (*session)
        SSL_set_session(pair.client, *session);
    CHECK(handshake(&pair));
    client_write(&pair, STR("x"));
    CHECK_INT(client_read(&pair, &byte, 1), 0); /* takes the tickets in */
    bool reused = SSL_session_reused(pair.client);
    SSL_SESSION_free(*session);
    *session = SSL_get1_session(pair.client);
    /* or OpenSSL takes the session of a connection that was cut for spoiled */
    SSL_set_shutdown(pair.client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    pair_close(&pair);
    SSL_CTX_free(context);
    return reused;
}

static bool same_ticket(const SSL_SESSION *a, const SSL_SESSION *b)
{
    const unsigned char *a_bytes, *b_bytes;
    size_t a_len, b_len;
    SSL_SESSION_get0_ticket(a, &a_bytes, &a_len);
    SSL_SESSION_get0_ticket(b, &b_bytes, &b_len);
    return a_len == b_len && memcmp(a_bytes, b_bytes, a_len) == 0;
}

static void check_tickets(int version)
{
    struct tls_files files = tls_files_make("tickets", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_SESSION *session = NULL;
    bool changed;
    CHECK(!resumes(tls, &session, version));
    SSL_SESSION *used = SSL_SESSION_dup(session);
    CHECK(resumes(tls, &session, version));
    if (version == TLS1_3_VERSION) /* a ticket is used once, so another one has come */
        CHECK(!same_ticket(used, session));
    SSL_SESSION_free(used);
    tls_files_make("tickets", "a.example", 2);
    CHECK_OK(net_tls_reload(tls, false, &changed)); /* a new certificate ends no session */
    CHECK(changed && resumes(tls, &session, version));
    net_tls_tickets_rotate(tls); /* the old key opens, and a new ticket is given */
    net_tls_tickets_rotate(tls);
    CHECK(resumes(tls, &session, version));
    net_tls_tickets_rotate(tls);
    CHECK(resumes(tls, &session, version));
    for (int i = 0; i < 3; i++)
        net_tls_tickets_rotate(tls);
    CHECK(!resumes(tls, &session, version));
    SSL_SESSION_free(session);
    net_tls_close(tls);
}

TEST(tickets_outlive_two_rotations)
{
    check_tickets(TLS1_3_VERSION);
    check_tickets(TLS1_2_VERSION);
}

TEST(certificates_are_replaced_while_running)
{
    struct tls_files files = tls_files_make("live", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_CTX *context = tls_client_context();
    char path[TLS_PATH_BYTES];
    bool changed;
    struct pair pair;
    pair_open(&pair, tls, context);
    CHECK(handshake(&pair));
    CHECK_OK(net_tls_reload(tls, false, &changed));
    CHECK(!changed);
    tls_files_make("live", "a.example", 2);
    CHECK_OK(net_tls_reload(tls, false, &changed));
    CHECK(changed);
    CHECK_INT(serial_for(tls, NULL), 2);
    client_write(&pair, STR("still here"));
    CHECK_STR(((str){ pair.text, pair.received }), STR("still here"));
    pair_close(&pair);
    tls_file_write("live.crt", STR("no certificate\n"), path);
    CHECK_ERR(net_tls_reload(tls, false, &changed), ERR_INVALID);
    CHECK_STR(str_of(err_slot()->slug), STR("tls-certificate"));
    CHECK(str_find(str_of(err_slot()->text), str_of(files.cert)) == 0);
    CHECK_OK(net_tls_reload(tls, false, &changed)); /* said once */
    CHECK(!changed);
    CHECK_INT(serial_for(tls, NULL), 2);
    CHECK_ERR(net_tls_reload(tls, true, &changed), ERR_INVALID);
    tls_files_make("live", "a.example", 3);
    CHECK_OK(net_tls_reload(tls, false, &changed));
    CHECK_INT(serial_for(tls, NULL), 3);
    SSL_CTX_free(context);
    net_tls_close(tls);
}

TEST(wrong_files_are_named)
{
    struct tls_files one = tls_files_make("one", "a.example", 1);
    struct tls_files two = tls_files_make("two", "b.example", 2);
    struct net_tls *tls;
    struct net_tls_pair mixed = { str_of(one.cert), str_of(two.key) };
    struct net_tls_pair missing = { str_of(one.cert), STR("/nowhere/key.pem") };
    struct net_tls_settings settings = { .pairs = &mixed, .pairs_count = 1 };
    CHECK_ERR(net_tls_open(&settings, &tls), ERR_INVALID);
    CHECK(str_find(str_of(err_slot()->text), str_of(two.key)) == 0);
    settings.pairs = &missing;
    CHECK_ERR(net_tls_open(&settings, &tls), ERR_INVALID);
    CHECK(str_find(str_of(err_slot()->text), STR("/nowhere/key.pem")) == 0);
}

/* --- A slow reader -------------------------------------------------------------------------- */

enum { FILE_BYTES = 3 << 20 };

static int file_make(void)
{
    char path[] = "/tmp/kb-tls-file-XXXXXX";
    int fd = mkstemp(path);
    uint32_t word = 1;
    unlink(path);
    for (int i = 0; i < FILE_BYTES / 4; i++, word = word * 1664525 + 1013904223)
        CHECK_INT(pwrite(fd, &word, 4, (off_t)i * 4), 4);
    return fd;
}

/* Sends all of the file as a server does: until it is full, then when it may again. */
static uint64_t file_step(struct pair *pair, int file, uint64_t at)
{
    if (net_socket_flush(&pair->server) != 1 || at == FILE_BYTES)
        return at;
    ssize_t sent = net_socket_sendfile(&pair->server, file, at, FILE_BYTES - at);
    CHECK(sent != NET_GONE && sent != NET_EOF);
    return at + (sent > 0 ? (uint64_t)sent : 0);
}

TEST(a_file_arrives_whole_at_a_slow_reader)
{
    struct tls_files files = tls_files_make("file", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_CTX *context = tls_client_context();
    struct pair pair;
    int file = file_make();
    char *got = heap_alloc(FILE_BYTES), *wanted = heap_alloc(FILE_BYTES);
    uint64_t at = 0, len = 0, kept = 0;
    CHECK_INT(pread(file, wanted, FILE_BYTES, 0), FILE_BYTES);
    pair_open(&pair, tls, context);
    CHECK(handshake(&pair));
    client_write(&pair, STR("x"));
    for (int i = 0; i < 100 * STEPS_MAX && len < FILE_BYTES; i++) {
        at = file_step(&pair, file, at);
        kept += net_socket_unsent(&pair.server);
        ssize_t count = client_read(&pair, got + len, MIN_OF(FILE_BYTES - len, (uint64_t)9000));
        CHECK(count >= 0);
        len += (uint64_t)count;
    }
    CHECK_INT(len, FILE_BYTES);
    CHECK(kept > 0); /* or the test has not been slow enough */
    CHECK(memcmp(got, wanted, FILE_BYTES) == 0);
    CHECK_INT(net_socket_sendfile(&pair.server, file, FILE_BYTES, 10), NET_EOF);
    pair_close(&pair);
    heap_free(got);
    heap_free(wanted);
    close(file);
    SSL_CTX_free(context);
    net_tls_close(tls);
}

/* --- Hostile clients ------------------------------------------------------------------------ */

TEST(what_is_no_tls_is_cut)
{
    struct tls_files files = tls_files_make("plain", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_CTX *context = tls_client_context();
    struct pair pair;
    pair_open(&pair, tls, context);
    CHECK_INT(send(pair.client_fd, "nothing like it at all", 22, 0), 22);
    for (int i = 0; i < STEPS_MAX && pair.last == NET_AGAIN; i++)
        uv_run(&pair.loop, UV_RUN_NOWAIT);
    CHECK_INT(pair.last, NET_GONE);
    CHECK_INT(pair.received, 0);
    CHECK_INT(net_tls_stats(tls).failed, 1);
    pair_close(&pair);
    SSL_CTX_free(context);
    net_tls_close(tls);
}

/* A handshake cut anywhere leaves nothing behind and reports no byte. */
TEST(cut_handshakes_end)
{
    struct tls_files files = tls_files_make("cut", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_CTX *context = tls_client_context();
    static unsigned char hello[4096];
    struct pair pair;
    pair_open(&pair, tls, context);
    BIO *memory = BIO_new(BIO_s_mem());
    SSL_set0_wbio(pair.client, memory);
    CHECK_INT(SSL_do_handshake(pair.client), -1);
    int len = BIO_read(memory, hello, sizeof(hello));
    CHECK(len > 100);
    pair_close(&pair);
    for (int cut = 0; cut < len; cut += cut < 16 ? 1 : 37) {
        pair_open(&pair, tls, context);
        CHECK_INT(send(pair.client_fd, hello, (size_t)cut, 0), cut);
        shutdown(pair.client_fd, SHUT_WR);
        for (int i = 0; i < STEPS_MAX && pair.last == NET_AGAIN; i++)
            uv_run(&pair.loop, UV_RUN_NOWAIT);
        CHECK_INT(pair.last, NET_EOF);
        CHECK_INT(pair.received, 0);
        pair_close(&pair);
    }
    SSL_CTX_free(context);
    net_tls_close(tls);
}

TEST(a_changed_record_is_refused)
{
    struct tls_files files = tls_files_make("changed", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_CTX *context = tls_client_context();
    char record[64] = { 23, 3, 3, 0, 40 };
    struct pair pair;
    pair_open(&pair, tls, context);
    CHECK(handshake(&pair));
    client_write(&pair, STR("good"));
    CHECK_INT(send(pair.client_fd, record, 45, 0), 45);
    for (int i = 0; i < STEPS_MAX && pair.last == NET_AGAIN; i++)
        uv_run(&pair.loop, UV_RUN_NOWAIT);
    CHECK_INT(pair.last, NET_GONE);
    CHECK_INT(pair.received, 4);
    CHECK_INT(net_socket_send(&pair.server, &(struct iovec){ record, 1 }, 1, false), NET_GONE);
    pair_close(&pair);
    SSL_CTX_free(context);
    net_tls_close(tls);
}

TEST(renegotiation_is_refused)
{
    struct tls_files files = tls_files_make("again", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_CTX *context = tls_client_context();
    struct pair pair;
    char byte;
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    pair_open(&pair, tls, context);
    CHECK(handshake(&pair));
    client_write(&pair, STR("x"));
    CHECK_INT(SSL_renegotiate(pair.client), 1);
    (void)SSL_do_handshake(pair.client);
    for (int i = 0; i < 100; i++)
        uv_run(&pair.loop, UV_RUN_NOWAIT);
    CHECK_INT(client_read(&pair, &byte, 1), -1); /* the alert no_renegotiation ends OpenSSL's try */
    CHECK_INT(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
    CHECK_INT(pair.received, 1);
    CHECK_INT(net_tls_stats(tls).handshakes, 1);
    pair_close(&pair);
    SSL_CTX_free(context);
    net_tls_close(tls);
}

TEST(old_versions_and_weak_ciphers_are_refused)
{
    struct tls_files files = tls_files_make("old", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_CTX *context = tls_client_context();
    struct pair pair;
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    pair_open(&pair, tls, context);
    CHECK(!handshake(&pair));
    CHECK_INT(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    pair_close(&pair);
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    CHECK_INT(SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-SHA:AES128-SHA"), 1);
    pair_open(&pair, tls, context);
    CHECK(!handshake(&pair));
    pair_close(&pair);
    CHECK_INT(net_tls_stats(tls).handshakes, 0);
    SSL_CTX_free(context);
    net_tls_close(tls);
}

/* A client that insists sends its bytes before the handshake; they are skipped, not taken. */
TEST(early_data_is_refused)
{
    struct tls_files files = tls_files_make("early", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_CTX *context = tls_client_context();
    SSL_SESSION *session = NULL;
    struct pair pair;
    size_t written;
    resumes(tls, &session, TLS1_3_VERSION);
    CHECK_INT(SSL_SESSION_get_max_early_data(session), 0);
    SSL_SESSION *greedy = SSL_SESSION_dup(session);
    SSL_SESSION_set_max_early_data(greedy, 1000);
    pair_open(&pair, tls, context);
    SSL_set_session(pair.client, greedy);
    CHECK_INT(SSL_write_early_data(pair.client, "replay", 6, &written), 1);
    CHECK(handshake(&pair));
    client_write(&pair, STR("fresh"));
    CHECK_INT(SSL_get_early_data_status(pair.client), SSL_EARLY_DATA_REJECTED);
    CHECK_STR(((str){ pair.text, pair.received }), STR("fresh"));
    pair_close(&pair);
    SSL_SESSION_free(greedy);
    SSL_SESSION_free(session);
    SSL_CTX_free(context);
    net_tls_close(tls);
}

/* Each asks for an answer; one who never reads them must not make us keep them all. */
TEST(key_update_floods_end)
{
    struct tls_files files = tls_files_make("update", "a.example", 1);
    struct net_tls *tls = open_one(&files);
    SSL_CTX *context = tls_client_context();
    struct pair pair;
    pair_open(&pair, tls, context);
    CHECK(handshake(&pair));
    client_write(&pair, STR("x"));
    for (int i = 0; i < 200000 && pair.last == NET_AGAIN; i++) {
        SSL_key_update(pair.client, SSL_KEY_UPDATE_REQUESTED);
        if (SSL_do_handshake(pair.client) != 1)
            ERR_clear_error();
        uv_run(&pair.loop, UV_RUN_NOWAIT);
    }
    CHECK_INT(pair.last, NET_GONE);
    pair_close(&pair);
    SSL_CTX_free(context);
    net_tls_close(tls);
}

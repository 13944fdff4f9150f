/*
 * access: the key file, the cookie and the brake on guessing. The cookie is "<expiry>.<mac>", the
 * MAC keyed by the stored secret: making a new key ends every session, and nothing about sessions
 * is stored.
 */
#include "access.h"

#include "foundation/base/clock.h"
#include "foundation/crypto/crypto.h"
#include "foundation/mem/heap.h"
#include "foundation/net/address.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SECRET_BYTES = SHA256_BYTES * 2, /* salt and hash */
    SESSION_HOURS = 24 * 7,
    CLOCK_BACK_HOURS = 1, /* how far the clock may be set back before it ends sessions */
    GUESSERS = 1024,
    FREE_TRIES = 5,
    WAIT_S_MAX = 300,
    PATH_BYTES = 1024
};

/* The failures of one address; a slot is shared by addresses that hash alike, which only slows
 * more. */
struct guesser {
    unsigned failures;
    instant next_try;
};

struct access {
    char path[PATH_BYTES];
    struct timespec
        read_at; /* of the file, when it was last read: a reset from outside is noticed */
    ino_t read_inode;
    bool has_key;
    uint8_t salt[SHA256_BYTES], hash[SHA256_BYTES];
    pthread_mutex_t lock;
    struct guesser guessers[GUESSERS];
};

static void hash_key(const uint8_t salt[SHA256_BYTES], str key, uint8_t out[SHA256_BYTES])
{
    crypto_hmac_sha256((str){ (const char *)salt, SHA256_BYTES }, key, out);
}

static enum err key_path(const char *data_folder, char path[PATH_BYTES], const char *suffix)
{
    if (snprintf(path, PATH_BYTES, "%s/admin.key%s", data_folder, suffix) >= PATH_BYTES)
        return err_set(ERR_INVALID, NULL, "the path of the data folder is too long");
    return OK;
}

/* The file is read anew whenever it is another one than before; under the lock. */
static enum err key_read(struct access *access)
{
    char text[SECRET_BYTES * 2 + 2];
    uint8_t secret[SECRET_BYTES];
    struct stat info;
    if (stat(access->path, &info) != 0) {
        access->has_key = false;
        access->read_inode = 0; /* the same file may come back */
        return errno == ENOENT ? OK : err_errno(access->path);
    }
    if (info.st_ino == access->read_inode && info.st_mtim.tv_sec == access->read_at.tv_sec &&
        info.st_mtim.tv_nsec == access->read_at.tv_nsec)
        return OK;
    int fd = open(access->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(access->path);
    ssize_t len = read(fd, text, sizeof(text));
    close(fd);
    str read_text = str_trim((str){ text, len > 0 ? (size_t)len : 0 });
    access->has_key = crypto_unhex(read_text, secret, SECRET_BYTES);
    access->read_inode = 0;
    if (!access->has_key)
        return err_set(ERR_CORRUPT, "admin-key-file",
                       "%s is damaged; make a new key with: kinobezdna admin-key --reset",
                       access->path);
    memcpy(access->salt, secret, SHA256_BYTES);
    memcpy(access->hash, secret + SHA256_BYTES, SHA256_BYTES);
    access->read_inode = info.st_ino;
    access->read_at = info.st_mtim;
    return OK;
}

enum err access_open(const char *data_folder, struct access **out_access)
{
    struct access *access = HEAP_NEW(struct access);
    pthread_mutex_init(&access->lock, NULL);
    enum err result = key_path(data_folder, access->path, "");
    if (result == OK)
        result = key_read(access);
    if (result != OK) {
        access_close(access);
        return result;
    }
    *out_access = access;
    return OK;
}

void access_close(struct access *access)
{
    pthread_mutex_destroy(&access->lock);
    explicit_bzero(access, sizeof(*access));
    heap_free(access);
}

bool access_has_key(const struct access *access)
{
    return access->has_key;
}

/* 32 letters and digits in groups of four, without those that look alike: 160 bits. */
static void key_text(char out[ACCESS_KEY_BYTES])
{
    static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    uint8_t random[32];
    size_t len = 0;
    crypto_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        if (i && i % 4 == 0)
            out[len++] = '-';
        out[len++] = alphabet[random[i] % 32];
    }
    out[len] = 0;
    explicit_bzero(random, sizeof(random));
}

static enum err write_file(const char *path, str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(path);
    bool done = write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    enum err result = done ? OK : err_errno(path);
    close(fd);
    return result;
}

/* What is shown once is in force after a power cut, and the key it replaces is not. */
static enum err folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(folder);
    enum err result = fsync(fd) == 0 ? OK : err_errno(folder);
    close(fd);
    return result;
}

enum err access_key_make(const char *data_folder, char out[ACCESS_KEY_BYTES])
{
    char path[PATH_BYTES], fresh[PATH_BYTES], text[SECRET_BYTES * 2 + 1];
    uint8_t secret[SECRET_BYTES];
    TRY(key_path(data_folder, path, ""));
    TRY(key_path(data_folder, fresh, ".new"));
    key_text(out);
    crypto_random(secret, SHA256_BYTES);
    hash_key(secret, str_of(out), secret + SHA256_BYTES);
    crypto_hex(secret, SECRET_BYTES, text);
    text[SECRET_BYTES * 2ul] = '\n';
    TRY(write_file(fresh, (str){ text, sizeof(text) }));
    if (rename(fresh, path) != 0)
        return err_errno(path);
    return folder_sync(data_folder);
}

/* --- Asking --------------------------------------------------------------------------------- */

/* A copy of what is in force, so that comparing needs no lock. */
struct secret {
    bool there;
    uint8_t salt[SHA256_BYTES], hash[SHA256_BYTES];
};

static struct secret secret_of(struct access *access)
{
    struct secret secret;
    pthread_mutex_lock(&access->lock);
    (void)key_read(access); /* damaged or gone: nobody is the administrator */
    secret.there = access->has_key;
    memcpy(secret.salt, access->salt, SHA256_BYTES);
    memcpy(secret.hash, access->hash, SHA256_BYTES);
    pthread_mutex_unlock(&access->lock);
    return secret;
}

static bool key_is_right(struct access *access, str key)
{
    uint8_t hash[SHA256_BYTES];
    struct secret secret = secret_of(access);
    hash_key(secret.salt, key, hash);
    return secret.there && str_eq_secret((str){ (const char *)hash, SHA256_BYTES },
                                         (str){ (const char *)secret.hash, SHA256_BYTES });
}

static void session_mac(const struct secret *secret, str expiry, char out[SHA256_HEX_BYTES])
{
    uint8_t mac[SHA256_BYTES];
    crypto_hmac_sha256((str){ (const char *)secret->hash, SHA256_BYTES }, expiry, mac);
    crypto_hex(mac, SHA256_BYTES, out);
}

static bool session_is_right(struct access *access, str cookie)
{
    char mac[SHA256_HEX_BYTES];
    str rest = cookie, expiry;
    int64_t until_s;
    struct secret secret = secret_of(access);
    if (!secret.there || !str_cut(&rest, '.', &expiry) || !str_parse_i64(expiry, &until_s) ||
        until_s > INT64_MAX / SECONDS(1))
        return false;
    session_mac(&secret, expiry, mac);
    if (!str_eq_secret(rest, (str){ mac, sizeof(mac) }))
        return false;
    /* One that ends later than any could was made by a clock that has been put right since. */
    span left = SECONDS(until_s) - clock_now();
    return left > 0 && left <= HOURS(SESSION_HOURS) + HOURS(CLOCK_BACK_HOURS);
}

static str cookie_find(const struct http_request *request, str name)
{
    str rest = http_header_find(request, STR("Cookie")), pair, key;
    while (str_cut(&rest, ';', &pair)) {
        str value = str_trim(pair);
        if (str_cut(&value, '=', &key) && str_eq(key, name))
            return value;
    }
    return STR_NONE;
}

static struct guesser *guesser_of(struct access *access, const struct http_request *request)
{
    uint64_t hash = str_hash((str){ (const char *)request->peer.ip, sizeof(request->peer.ip) });
    return &access->guessers[hash % GUESSERS];
}

/* Seconds this address has to wait before another key is looked at. */
static int64_t guess_wait_s(struct access *access, const struct http_request *request)
{
    pthread_mutex_lock(&access->lock);
    span wait = guesser_of(access, request)->next_try - clock_mono();
    pthread_mutex_unlock(&access->lock);
    return wait > 0 ? (wait + SECONDS(1) - 1) / SECONDS(1) : 0;
}

static void guess_note(struct access *access, const struct http_request *request, bool right)
{
    pthread_mutex_lock(&access->lock);
    struct guesser *guesser = guesser_of(access, request);
    if (right) {
        *guesser = (struct guesser){ 0 };
    } else if (++guesser->failures >= FREE_TRIES) {
        unsigned doublings = MIN_OF(guesser->failures - FREE_TRIES, 16u);
        guesser->next_try = clock_mono() + SECONDS(MIN_OF(1 << doublings, WAIT_S_MAX));
    }
    pthread_mutex_unlock(&access->lock);
}

bool access_is_admin(struct access *access, const struct http_request *request)
{
    if (request->peer.control)
        return true; /* the control socket: only the folder's owner can open it */
    str authorization = http_header_find(request, STR("Authorization"));
    if (str_starts(authorization, STR("Bearer "))) {
        if (guess_wait_s(access, request) > 0)
            return false;
        bool right = key_is_right(access, str_trim(str_skip(authorization, 7)));
        guess_note(access, request, right);
        return right;
    }
    str cookie = cookie_find(request, STR("kb_session"));
    return cookie.len && session_is_right(access, cookie);
}

int64_t access_wait_s(struct access *access, const struct http_request *request)
{
    str authorization = http_header_find(request, STR("Authorization"));
    return str_starts(authorization, STR("Bearer ")) ? guess_wait_s(access, request) : 0;
}

bool access_origin_ok(const struct http_request *request, const struct http_cors *cors)
{
    str origin = http_header_find(request, STR("Origin"));
    bool cookie = cookie_find(request, STR("kb_session")).len > 0;
    if (!cookie && (!origin.len || http_cors_allows(cors, origin)))
        return true; /* no browser's credentials, no browser, or one that was let in */
    ptrdiff_t scheme = str_find(origin, STR("://"));
    return scheme > 0 && str_eq_nocase(str_skip(origin, (size_t)scheme + 3), request->host);
}

enum err access_session_make(struct access *access, const struct http_request *request, str key,
                             str *out_cookie, int64_t *out_retry_s)
{
    char mac[SHA256_HEX_BYTES];
    *out_retry_s = guess_wait_s(access, request);
    if (*out_retry_s > 0)
        return err_set(ERR_RATE_LIMITED, "too-many-keys", "too many wrong keys; wait %lld s",
                       (long long)*out_retry_s);
    bool right = key_is_right(access, str_trim(key));
    guess_note(access, request, right);
    if (!right)
        return err_set(ERR_UNAUTHENTICATED, "wrong-key", "this is not the administrator's key");
    str expiry = arena_printf(request->arena, "%lld",
                              (long long)((clock_now() + HOURS(SESSION_HOURS)) / SECONDS(1)));
    struct secret secret = secret_of(access);
    session_mac(&secret, expiry, mac);
    *out_cookie = arena_printf(request->arena, "%.*s.%.*s", STR_ARG(expiry), (int)sizeof(mac), mac);
    return OK;
}

/*
 * access: who is the administrator. One key, random, shown once and stored only hashed; a browser
 * exchanges it for a session cookie that is a signed expiry time. Wrong keys slow their address
 * down.
 */
#pragma once

#include "foundation/http/http_cors.h"

struct access;

enum { ACCESS_KEY_BYTES = 40 }; /* of the text, with its zero */

/* Reads the hash from the data folder. *out_access has no key at all if none was made yet. */
enum err access_open(const char *data_folder, struct access **out_access);
void access_close(struct access *access);

/* True when access_key_make() was called once. */
bool access_has_key(const struct access *access);
/*
 * Makes a new key and writes its hash (replacing the old one: its sessions end). The text is in
 * `out` and nowhere else. Blocks; for the command line and start-up.
 */
enum err access_key_make(const char *data_folder, char out[ACCESS_KEY_BYTES]);

/* The administrator by cookie or "Authorization: Bearer". Constant time. */
bool access_is_admin(struct access *access, const struct http_request *request);
/* Seconds until another key from this address is looked at; 0: at once, or no key was sent. */
int64_t access_wait_s(struct access *access, const struct http_request *request);
/*
 * False for a change by a page that is neither of this host nor, without the session's cookie, of
 * an origin that `cors` lets in.
 */
bool access_origin_ok(const struct http_request *request, const struct http_cors *cors);

/*
 * The key for a cookie value in the arena. ERR_UNAUTHENTICATED "wrong-key"; ERR_RATE_LIMITED
 * "too-many-keys" with *out_retry_s.
 */
enum err access_session_make(struct access *access, const struct http_request *request, str key,
                             str *out_cookie, int64_t *out_retry_s);

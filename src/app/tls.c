/*
 * tls: the settings of HTTPS, and the watch over its certificates. Whatever renews them only has to
 * put new files in the place of the old ones, or to send SIGHUP afterwards.
 */
#include "app.h"
#include "meters.h"

#include "foundation/log/log.h"
#include "foundation/net/tls.h"

#include <stdio.h>

extern const struct settings app_tls_conf;
struct app_tls_settings app_tls_settings;
SETTINGS(app_tls_conf, struct app_tls_settings,
         SETTING_TEXT(struct app_tls_settings, listen, "tls.listen", "", .flag = "tls-listen",
                      .doc = "address and port to serve HTTPS on; empty: no HTTPS"),
         SETTING_TEXT(struct app_tls_settings, cert, "tls.cert", "", .flag = "tls-cert",
                      .doc = "certificate files with their chains (PEM), separated by commas; the "
                             "first is for names that no other has"),
         SETTING_TEXT(struct app_tls_settings, key, "tls.key", "", .flag = "tls-key",
                      .doc = "key files (PEM) of the certificates, in the same order"),
         SETTING_TEXT(struct app_tls_settings, redirect, "tls.redirect", "", .flag = "tls-redirect",
                      .doc = "address and port where plain HTTP is only sent on to HTTPS"),
         SETTING_SPAN(struct app_tls_settings, hsts, "tls.hsts", "0", .max = DAYS(3650),
                      .doc = "how long browsers are told to come by HTTPS only; 0: not told"),
         SETTING_BOOL(struct app_tls_settings, http2, "tls.http2", "yes", .doc = "offer HTTP/2"));

static enum err fail(const char *text)
{
    return err_set(ERR_INVALID, "tls-settings", "%s", text);
}

/* Cuts "a.crt,b.crt" and "a.key,b.key" into pairs. */
static enum err pairs_parse(struct net_tls_pair pairs[NET_TLS_PAIRS_MAX], unsigned *out_count)
{
    str certs = app_tls_settings.cert, keys = app_tls_settings.key, cert, key;
    unsigned count = 0;
    while (str_cut(&certs, ',', &cert)) {
        if (count == NET_TLS_PAIRS_MAX)
            return fail("tls.cert names more than 32 certificates");
        if (!str_cut(&keys, ',', &key) || !str_trim(key).len || !str_trim(cert).len)
            return fail("tls.cert and tls.key must name the same number of files");
        pairs[count++] = (struct net_tls_pair){ str_trim(cert), str_trim(key) };
    }
    if (keys.ptr)
        return fail("tls.cert and tls.key must name the same number of files");
    *out_count = count;
    return OK;
}

static void log_certificates(struct net_tls *tls, const char *message)
{
    char until[INSTANT_HTTP_MAX];
    meters_certificates(net_tls_expires(tls));
    log_info("tls", message,
             LOG_STR("valid_until", instant_format_http(net_tls_expires(tls), until)));
}

enum err app_tls_open(struct net_tls **out_tls)
{
    struct net_tls_pair pairs[NET_TLS_PAIRS_MAX];
    struct net_tls_settings settings = { .pairs = pairs, .http1_only = !app_tls_settings.http2 };
    *out_tls = NULL;
    if (app_tls_settings.listen.len == 0)
        return app_tls_settings.redirect.len ? fail("tls.redirect needs tls.listen") : OK;
    if (app_tls_settings.cert.len == 0)
        return fail("tls.listen needs tls.cert and tls.key");
    TRY(pairs_parse(pairs, &settings.pairs_count));
    TRY(net_tls_open(&settings, out_tls));
    log_certificates(*out_tls, "certificates read");
    return OK;
}

void app_tls_watch(struct net_tls *tls, bool always)
{
    bool changed;
    if (!tls)
        return;
    enum err err = net_tls_reload(tls, always, &changed);
    if (err != OK)
        log_failure("tls", "new certificates are not usable; the old ones stay", err);
    else if (changed)
        log_certificates(tls, "certificates replaced");
}

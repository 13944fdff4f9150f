/* site: embedded files with their types, ETags and a content policy that allows this origin only.
 */
#include "site.h"

#include "foundation/http/http_coding.h"

static const char without_web[] =
    "<!doctype html><meta charset=\"utf-8\"><title>Kinobezdna</title>"
    "<h1>Kinobezdna</h1><p>Сервер работает, но собран без веб-интерфейса: см. <a "
    "href=\"/openapi.json\">/openapi.json</a>.</p><p>The server runs, but was built without its "
    "web "
    "interface: see <a href=\"/openapi.json\">/openapi.json</a>.</p>";

static bool is_api(str path)
{
    static const str prefixes[] = { STR_INIT("/v1/"), STR_INIT("/media/"), STR_INIT("/artwork/") };
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (str_starts(path, prefixes[i]))
            return true;
    return false;
}

/* The last segment has a dot: a file was meant, and a page in its place would only confuse. */
static bool names_file(str path)
{
    str last = str_skip(path, (size_t)(str_find_last_char(path, '/') + 1));
    return str_find_char(last, '.') >= 0;
}

static const struct embedded_file *find(const struct embedded_set *site, str path)
{
    if (str_eq(path, STR("/docs")) || str_eq(path, STR("/docs/")))
        return embedded_find(site, STR("docs.html"));
    const struct embedded_file *file = embedded_find(site, str_skip(path, 1));
    return file || names_file(path) ? file : embedded_find(site, STR("index.html"));
}

/*
 * What a page of ours may do, and with whom. Swagger UI writes styles into its page; all else comes
 * from files. The player makes blob: addresses of what it has fetched.
 */
#define POLICY(styles)                                                                             \
    "default-src 'self'; script-src 'self'; style-src " styles "; img-src 'self' data: blob:; "    \
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; "     \
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

static enum err headers(struct http_response *response, bool docs)
{
    TRY(http_header_add(response, STR("Content-Security-Policy"),
                        docs ? STR(POLICY("'self' 'unsafe-inline'")) : STR(POLICY("'self'"))));
    TRY(http_header_add(response, STR("Referrer-Policy"), STR("same-origin")));
    TRY(http_header_add(response, STR("Permissions-Policy"),
                        STR("camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), "
                            "midi=(), payment=(), serial=(), usb=()")));
    TRY(http_header_add(response, STR("Cross-Origin-Opener-Policy"), STR("same-origin")));
    return http_header_add(response, STR("Cross-Origin-Resource-Policy"), STR("same-origin"));
}

enum err site_answer(const struct embedded_set *site, struct http_request *request,
                     struct http_response *response)
{
    if (is_api(request->path))
        return err_set(ERR_NOT_FOUND, "no-such-path", "there is nothing at %.*s",
                       STR_ARG(request->path));
    const struct embedded_file *file = find(site, request->path);
    if (!file && site->files_count == 0 && !names_file(request->path)) {
        http_reply_memory(response, STR("text/html; charset=utf-8"), str_of(without_web));
        return headers(response, false);
    }
    if (!file)
        return err_set(ERR_NOT_FOUND, "no-such-path", "there is nothing at %.*s",
                       STR_ARG(request->path));
    struct http_coded coded = { .type = file->type,
                                .etag = file->etag,
                                .vary = STR("Accept-Encoding"),
                                .text = { embedded_content(file), file->gzip, file->brotli } };
    TRY(http_reply_coded(request, response, &coded));
    if (response->status == 406)
        return OK;
    response->cache_control = str_starts(file->path, STR("assets/"))
                                  ? STR("public, max-age=31536000, immutable")
                                  : STR("no-cache");
    return headers(response, str_eq(file->path, STR("docs.html")));
}

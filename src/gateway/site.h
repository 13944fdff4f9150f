/* site: the web interface out of the program: its files, and its one page for every address of its
 * own. */
#pragma once

#include "foundation/base/embedded.h"
#include "foundation/http/http.h"

/*
 * The file of the path; for a path that names no file and no API, index.html (the page routes by
 * itself). ERR_NOT_FOUND otherwise. Never suspends.
 */
enum err site_answer(const struct embedded_set *site, struct http_request *request,
                     struct http_response *response);

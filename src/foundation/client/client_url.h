/* client_url: the two schemes we speak (RFC 3986, RFC 9110 section 4.2), taken apart strictly. */
#pragma once

#include "foundation/err/err.h"

struct client_url {
    bool secure;
    str host;      /* without brackets */
    str authority; /* as it is sent: with brackets, and a port that is not the scheme's */
    unsigned port;
    str target; /* path and query, as given; empty stands for "/" */
};

/* ERR_INVALID "bad-url". The parts lie in `url`. */
enum err client_url_parse(str url, struct client_url *out);

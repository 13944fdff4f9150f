/* openapi: the OpenAPI 3.1 document of a list of modules, printed from their route tables and
 * shapes. */
#pragma once

#include "gateway.h"

/* The gateway's own routes come first. */
void openapi_write(const struct gateway_settings *settings, const struct http_route_table *own,
                   struct buf *out);

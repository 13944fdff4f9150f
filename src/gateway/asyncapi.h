/*
 * asyncapi: the AsyncAPI 3.0 document of a list of modules, printed from their events tables and
 * shapes (asyncapi.com/docs/reference/specification/v3.0.0), and the same as a list for people and
 * for the lock that holds what was promised (tools/lock).
 */
#pragma once

#include "gateway.h"

/* Channels are topics, messages are types, operations say which module sends them. */
void asyncapi_write(const struct gateway_settings *settings, struct buf *out);
/* A line a type: its name and topic; then one for each field: type and version, path, kind. */
void asyncapi_write_types(const struct gateway_settings *settings, struct buf *out);

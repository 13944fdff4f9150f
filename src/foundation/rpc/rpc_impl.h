/* rpc_impl: what the files of this folder share: the wire's details, both ways. */
#pragma once

#include "proto.h"
#include "rpc.h"

enum { RPC_PREFIX_BYTES = 5 };

extern const str rpc_content_type, rpc_key_field, rpc_code_field, rpc_slug_field, rpc_status_field,
    rpc_message_field;

/* "/kinobezdna.content.v1.Catalog/TitleGet" */
str rpc_path(struct arena *arena, const struct rpc_service *service,
             const struct rpc_method *method);

/* A message behind its prefix: a compression flag and a length. */
enum err rpc_frame_encode(struct arena *arena, const struct shape *shape, const void *record,
                          str *out_frame);
/* One whole frame and nothing else. ERR_INVALID "bad-frame"; ERR_METHOD "compressed". */
enum err rpc_frame_decode(struct arena *arena, const struct shape *shape, str frame, void *out);

/* grpc-timeout: at most eight digits and a unit. The value is never later than `left`. */
str rpc_timeout_format(span left, char out[16]);
bool rpc_timeout_parse(str text, span *out);

/* grpc-message: UTF-8, percent-encoded where it is no printable ASCII. */
str rpc_message_encode(struct arena *arena, str text);
str rpc_message_decode(struct arena *arena, str text);

/* A failure's code: by our own slug of it, else by gRPC's number. */
enum err rpc_code_of(str slug, str grpc_status);

/* The next step of the trace: same trace, a span of its own. */
str rpc_trace_next(char out[RPC_TRACE_BYTES + 1]);

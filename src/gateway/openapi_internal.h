/* openapi_internal: what the two files of the document share, and AsyncAPI with them. */
#pragma once

#include "openapi.h"

/* "key":"text" */
void openapi_put_text(struct buf *out, const char *key, str text);
/* "responses":{...} of a route, from its row (domains/module/answers.h). */
void openapi_put_answers(struct buf *out, const struct http_route *route);
/* What operations refer to: "securitySchemes", "parameters", "headers", "responses". */
void openapi_put_components(struct buf *out);
/* "Problem":{...} */
void openapi_put_problem_schema(struct buf *out);

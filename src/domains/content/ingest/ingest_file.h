/* ingest_file: small files whole, to memory and from it. Internal to ingest. Both block. */
#pragma once

#include "foundation/err/err.h"
#include "foundation/mem/arena.h"

/* At most size_bytes_max bytes of a file. ERR_TOO_LARGE, ERR_NOT_FOUND, ERR_EXHAUSTED. */
enum err ingest_file_read(struct arena *arena, str path, size_t size_bytes_max, str *out_content);
/* A new file, the owner's alone; one that is there is not touched. `what` names it in the error. */
enum err ingest_file_write(str path, str content, const char *what);

/*
 * playback_stage: for the tests: a whole content context (database, blobs, catalogue, assets,
 * playback) in the test's folder, served by the real HTTP server, and the few steps with which
 * ingest makes a film playable.
 */
#pragma once

#include "playback_internal.h"

#include "foundation/http/http_fixture.h"
#include "foundation/test/test.h"

struct stage;
struct stage *stage_open(void);
void stage_close(struct stage *stage);
struct fixture *stage_http(struct stage *stage);

/* A reserved asset. */
struct id stage_asset(struct stage *stage);
/* Stores a one-track MP4 with its index, or WebVTT, and adds the track. */
void stage_track(struct stage *stage, struct id asset, const struct asset_track *track, str file);
/* Ready, and the edition of a film that is published or stays a draft; the title. */
struct id stage_film(struct stage *stage, struct id asset, bool published);
void stage_forget(struct stage *stage, struct id asset);
void stage_transact(struct stage *stage, db_tx_fn fn, void *arg);
/* The path of a stored file, to harm it. */
const char *stage_path(struct stage *stage, struct id asset, const char *file);
/* "/media/12-3f..." */
str stage_address(struct stage *stage, struct id asset);

/* GET (or `method`) of address/file on a connection of its own; valid until the next call. */
str stage_get(struct stage *stage, struct id asset, const char *file);
str stage_ask(struct stage *stage, const char *method, str path, const char *fields);

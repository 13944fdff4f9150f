/*
 * ingest: films in. It walks folders, reads what their names, NFO files and pictures say, writes
 * the catalogue, and turns every film into stored tracks that can be played. It runs as jobs: an
 * import survives the process. Sources are never changed.
 */
#pragma once

#include "domains/module/module.h"

extern const struct module ingest_module;

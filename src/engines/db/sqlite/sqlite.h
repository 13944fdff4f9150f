/*
 * sqlite: the embedded driver of db. One file a context in a folder that belongs to this process.
 * One writer thread groups transactions into commits (WAL, synchronous=FULL); every loop reads
 * inline on a connection of its own.
 */
#pragma once

#include "engines/db/driver.h"

extern const struct db_driver db_sqlite;

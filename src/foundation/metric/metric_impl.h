/* metric_impl: what the writer sees of the counting side. */
#pragma once

#include "metric.h"

/* Threads beyond share shards, which costs speed, never counts. */
enum { METRIC_SHARDS = 8 };

unsigned metric_tables_count(void);
const struct metrics *metric_table(unsigned index);
/* The sum over all shards of one cell of a series. */
uint64_t metric_cell(const struct metric *metric, unsigned series, unsigned cell);

/* meters: what groups do, told to Prometheus; the groups of the first bus of the process. */
#include "internal.h"

#include "foundation/metric/metric.h"

enum { OUTCOME_HANDLED, OUTCOME_RETRIED, OUTCOME_DEAD };

static const char *group_names[GROUPS_MAX + 1];
static struct metric_label group_label = { "group", group_names, 0 };
METRIC_LABEL(outcome_label, "outcome", "handled", "retried", "dead");
METRIC_COUNTER(bus_events_total, "Events by what became of them.", &group_label, &outcome_label);
METRIC_GAUGE(bus_lag_events, "Events that a group has not read.", &group_label);
METRIC_GAUGE(bus_lag_microseconds, "Age of the oldest of them.", &group_label);
METRICS(bus_metrics, &bus_events_total, &bus_lag_events, &bus_lag_microseconds);

void bus_meters_open(const struct bus *bus)
{
    if (group_label.count)
        return;
    for (unsigned i = 0; i < bus->spec.members_count; i++)
        group_names[i] = bus->groups[i]->spec->name;
    group_names[bus->spec.members_count] = "other";
    group_label.count = bus->spec.members_count + 1;
    metric_register(&bus_metrics);
}

/* A bus of later may have other groups. */
static unsigned series_of(const struct group *group)
{
    return MIN_OF(group->number, group_label.count - 1);
}

void meter_handled(const struct group *group, uint64_t handled)
{
    if (handled)
        metric_add(&bus_events_total, (int64_t)handled, series_of(group), OUTCOME_HANDLED);
}

void meter_failed(const struct group *group, bool dead)
{
    metric_inc(&bus_events_total, series_of(group), dead ? OUTCOME_DEAD : OUTCOME_RETRIED);
}

void meter_lag(const struct group *group, struct bus_lag lag)
{
    metric_set(&bus_lag_events, lag.events, series_of(group));
    metric_set(&bus_lag_microseconds, lag.age, series_of(group));
}

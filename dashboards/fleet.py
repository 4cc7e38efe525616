"""All chassis at a glance: how many could not lose a card now, which ones, and what goes on.

Lines come from recording rules, lists are cut off at 20: the page costs the same for ten thousand chassis.
"""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from dashboards.pages import FLEET, THIS_CHASSIS, any_of, marks, page
from dashboards.panels import (
    ALL_IS_GOOD,
    ATTEMPT_RESULTS,
    NONE_IS_BETTER,
    NONE_IS_GOOD,
    RAISED_CLEARED,
    SEVERITIES,
    SWITCHOVER_RESULTS,
    bars,
    figure,
    graph,
    listing,
    ranking,
)
from dashboards.queries import SINCE, now, over_time, rows, within

HERE = 'instance=~"$instance"'
COUNT = f"sum(instance:understudy_chassis:count{{{HERE}}})"
READY = f"sum(instance:understudy_standby_ready:sum{{{HERE}}})"
SUPERVISED = f"sum(instance:understudy_supervised:sum{{{HERE}}})"
SINGLE = f'sum(instance_cards:understudy_chassis:count{{{HERE}, cards=~"0|1"}}) or 0 * {COUNT}'
ALARMS = f"instance_severity:understudy_alarms_active:sum{{{HERE}}}"
FAILED = f'understudy_sync_attempts_total{{{HERE}, result="failed"}}'


def dashboard() -> Dashboard:
    """The page."""
    built = page(FLEET, "Understudy / Fleet", "Can every standby take over? If not, which ones, and what goes on?")
    built.with_variable(any_of("instance", "Record (its exporter)", "label_values(understudy_chassis_info, instance)"))
    built.annotation(marks("Switchovers", "purple", f"instance_result:understudy_switchovers:sum{{{HERE}}}"))
    for part in (_figures, _attention, _over_time, _activity, _durations):
        part(built)
    return built


def _figures(built: Dashboard) -> None:
    said = "by the newest evaluation of the recording rules"
    built.with_panel(figure("Chassis", f"Chassis that are provisioned, {said}.", now(COUNT, "chassis")))
    built.with_panel(
        figure(
            "Could take over now",
            "The share of chassis whose standby is ready. Below 100 %: the list of those that are not is below.",
            now(f"{READY} / {COUNT}", "ready"),
            unit="percentunit",
            steps=ALL_IS_GOOD,
        )
    )
    built.with_panel(
        figure(
            "Without redundancy",
            "Chassis with fewer than two cards in service. Losing the other card is an outage.",
            now(SINGLE, "single"),
            steps=NONE_IS_GOOD,
        )
    )
    built.with_panel(
        figure(
            "Not supervised",
            "Chassis that no process says it watches: nothing is synchronised or taken over by itself there.",
            now(f"{COUNT} - {SUPERVISED}", "not supervised"),
            steps=NONE_IS_BETTER,
        )
    )
    for severity, steps in (("critical", NONE_IS_GOOD), ("major", NONE_IS_BETTER)):
        query = now(f'sum({ALARMS[:-1]}, severity="{severity}"}})', severity)
        built.with_panel(
            figure(f"{severity.capitalize()} alarms", f"Active alarms of severity {severity}.", query, steps=steps)
        )


def _attention(built: Dashboard) -> None:
    built.with_row(Row("Needs attention"))
    columns = {"chassis": "Chassis", "instance": "Record"}
    built.with_panel(
        listing(
            "Could not take over",
            "Chassis whose standby is not ready, and how many alarms they have; the 20 with most.",
            rows(
                f"topk(20, sum by (instance, chassis) (understudy_alarms_active{{{HERE}}})"
                f" and on (instance, chassis) understudy_standby_ready{{{HERE}}} == 0)"
            ),
            columns={**columns, "Value": "Alarms"},
            width=8,
            link=THIS_CHASSIS,
        )
    )
    built.with_panel(
        listing(
            "Oldest alarms",
            "Chassis with an alarm that stands, for how long the oldest one has; the 20 oldest.",
            rows(f"topk(20, time() - understudy_oldest_active_alarm_timestamp_seconds{{{HERE}}})"),
            columns={**columns, "Value": "Age"},
            width=8,
            unit="s",
            link=THIS_CHASSIS,
        )
    )
    types = f"topk(20, sum by (alarm_type, qualifier) (understudy_alarms_active_by_type{{{HERE}}}) > 0)"
    built.with_panel(
        ranking(
            "Active alarms by type",
            "Rows of the alarm inventory of which at least one is active; the 20 most frequent.",
            [now(types, "{{alarm_type}} {{qualifier}}")],
            width=8,
        )
    )


def _over_time(built: Dashboard) -> None:
    built.with_row(Row("Over time"))
    states = [
        over_time(f"{COUNT} - {READY}", "not ready"),
        over_time(SINGLE, "without redundancy"),
        over_time(f"{COUNT} - {SUPERVISED}", "not supervised"),
        over_time(f"sum(instance:understudy_sync_running:sum{{{HERE}}})", "synchronising now"),
    ]
    built.with_panel(graph("Chassis by what is wrong", "A chassis may be in several of these lines.", states))
    alarms = [over_time(f"sum by (severity) ({ALARMS})", "{{severity}}")]
    built.with_panel(
        graph(
            "Active alarms by severity",
            "Shelved and masked ones are not counted.",
            alarms,
            stacked=True,
            words=SEVERITIES,
        )
    )


def _activity(built: Dashboard) -> None:
    built.with_row(Row("Activity"))

    def grown(metric: str) -> str:
        return f"increase(instance{metric}:sum{{{HERE}}}[$__rate_interval])"

    attempts = [over_time(f"sum by (result) ({grown('_result:understudy_sync_attempts')})", "{{result}}")]
    about = "Attempts that ended, by result."
    built.with_panel(bars("Synchronisation attempts", about, attempts, width=8, words=ATTEMPT_RESULTS))
    alarms = [
        over_time(f"sum({grown(':understudy_alarm_raises')})", "raised"),
        over_time(f"sum({grown(':understudy_alarm_clears')})", "cleared"),
    ]
    about = "Repeated sightings are not counted."
    built.with_panel(bars("Alarms raised and cleared", about, alarms, width=8, words=RAISED_CLEARED))
    switchovers = [over_time(f"sum by (result) ({grown('_result:understudy_switchovers')})", "{{result}}")]
    about = "Asked for or needed, by result."
    built.with_panel(bars("Switchovers", about, switchovers, width=8, words=SWITCHOVER_RESULTS))
    causes = f"topk(20, {within(FAILED, '$__range', 'scope, cause')} > 0)"
    built.with_panel(
        ranking(
            "Failed attempts by cause",
            SINCE,
            [now(causes, "{{scope}} {{cause}}")],
        )
    )
    copied = f"sum(rate(instance:understudy_sync_copied_bytes:sum{{{HERE}}}[$__rate_interval]))"
    built.with_panel(
        graph("Copied to standby cards", "By attempts that succeeded.", [over_time(copied, "bytes")], unit="Bps")
    )


def _durations(built: Dashboard) -> None:
    built.with_row(Row("How long it takes"))
    for title, metric, label, what in (
        ("Synchronisation attempts", "understudy_sync_attempt_duration_seconds", "scope", 'result="succeeded"'),
        ("Switchovers", "understudy_switchover_duration_seconds", "reason", ""),
    ):
        selector = ", ".join(filter(None, [HERE, what]))
        spread = f"sum by (le, {label}) ({metric}_bucket{{{selector}}})"
        queries = [
            now(f"histogram_quantile({share}, {spread}) >= 0", f"{{{{{label}}}}} {name}")
            for share, name in ((0.5, "median"), (0.95, "95 %"))
        ]
        about = "Of all that succeeded since the record began."
        built.with_panel(ranking(title, about, queries, unit="s"))

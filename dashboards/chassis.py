"""One chassis: could its standby take over, what stands in the way, and what happened to it?"""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from dashboards.pages import CHASSIS, choice, marks, page
from dashboards.panels import (
    ATTEMPT_RESULTS,
    NONE_IS_BETTER,
    RAISED_CLEARED,
    SEVERITIES,
    bars,
    figure,
    graph,
    lanes,
    listing,
    verdict,
    word,
)
from dashboards.queries import SINCE, now, over_time, rows, within

ONE = 'instance="$instance", chassis="$chassis"'
INFO = f"understudy_chassis_info{{{ONE}}}"
ALARMS = f"understudy_alarms_active{{{ONE}}}"
ATTEMPTS = f"understudy_sync_attempts_total{{{ONE}}}"


def dashboard() -> Dashboard:
    """The page."""
    built = page(CHASSIS, "Understudy / Chassis", "Can the standby of this chassis take over? What happened to it?")
    built.with_variable(choice("instance", "Record (its exporter)", "label_values(understudy_chassis_info, instance)"))
    built.with_variable(
        choice("chassis", "Chassis", 'label_values(understudy_chassis_info{instance="$instance"}, chassis)')
    )
    built.annotation(marks("Switchovers", "purple", f"understudy_switchovers_total{{{ONE}}}"))
    failures = f'understudy_sync_attempts_total{{{ONE}, result="failed"}}'
    built.annotation(marks("Failed synchronisations", "red", failures))
    for part in (_figures, _over_time, _synchronization, _history):
        part(built)
    return built


def _figures(built: Dashboard) -> None:
    ready = now(f"understudy_standby_ready{{{ONE}}}", "ready")
    built.with_panel(verdict("Can take over now", "Whether the standby is ready. If not: the alarms say why.", ready))
    built.with_panel(word("Active card", "The slot of the card that is active.", now(INFO, "{{active}}"), width=3))
    about = "What is synchronised automatically: off, config or boot-env."
    built.with_panel(word("Automatic", about, now(INFO, "{{sync_mode}}"), width=3))
    supervised = now(f"understudy_supervised{{{ONE}}}", "supervised")
    about = "Whether a process said that it watches; one that was killed still counts."
    built.with_panel(verdict("Supervised", about, supervised, width=3))
    standing = now(f"sum({ALARMS})", "alarms")
    built.with_panel(figure("Active alarms", "Of all severities.", standing, width=3, steps=NONE_IS_BETTER))
    oldest = (
        f"time() - understudy_oldest_active_alarm_timestamp_seconds{{{ONE}}} or 0 * understudy_standby_ready{{{ONE}}}"
    )
    about = "For how long the oldest active alarm has stood; 0 if there is none."
    built.with_panel(figure("Oldest alarm", about, now(oldest, "oldest"), unit="s"))
    success = f"max(understudy_sync_last_success_timestamp_seconds{{{ONE}}}) * 1000"
    about = "The newest success of either scope. It may be old: nothing is copied while nothing changes."
    built.with_panel(figure("Synchronised", about, now(success, "success"), unit="dateTimeFromNow"))


def _over_time(built: Dashboard) -> None:
    built.with_row(Row("Over time"))
    states = [
        over_time(f"understudy_standby_ready{{{ONE}}}", "standby ready"),
        over_time(f"understudy_card_in_service{{{ONE}}}", "card {{slot}} in service"),
        over_time(f"understudy_supervised{{{ONE}}}", "supervised"),
        over_time(f"1 - understudy_sync_running{{{ONE}}}", "no synchronisation under way"),
    ]
    built.with_panel(
        lanes("States", "Green is as it should be; a standby is not ready while it is synchronised.", states)
    )
    alarms = [over_time(f"sum by (severity) ({ALARMS})", "{{severity}}")]
    built.with_panel(
        graph(
            "Active alarms",
            "By severity, shelved and masked ones not counted.",
            alarms,
            stacked=True,
            steps=True,
            words=SEVERITIES,
        )
    )
    raises = [
        over_time(f"sum(understudy_alarm_raises_total{{{ONE}}})", "raised"),
        over_time(f"sum(understudy_alarm_clears_total{{{ONE}}})", "cleared"),
    ]
    about = "Counted since the record began: where the lines part, something stands."
    built.with_panel(graph("Alarms raised and cleared", about, raises, steps=True, words=RAISED_CLEARED))


def _synchronization(built: Dashboard) -> None:
    built.with_row(Row("Synchronisation"))
    attempts = [over_time(f"sum by (result) ({ATTEMPTS})", "{{result}}")]
    built.with_panel(
        graph(
            "Attempts",
            "Counted since the record began, by result: a step is an attempt.",
            attempts,
            steps=True,
            words=ATTEMPT_RESULTS,
        )
    )
    built.with_panel(
        listing(
            "Attempts by result",
            SINCE,
            rows(f"{within(ATTEMPTS, '$__range', 'scope, result, cause')} > 0"),
            columns={"scope": "Scope", "result": "Result", "cause": "Cause", "Value": "Attempts"},
        )
    )
    took = f"understudy_sync_duration_seconds_sum{{{ONE}}} / understudy_sync_duration_seconds_count{{{ONE}}}"
    built.with_panel(
        graph(
            "Duration of attempts",
            "The mean since the record began, by scope, whatever the result.",
            [over_time(took, "{{scope}}")],
            unit="s",
        )
    )
    copied = f"increase(understudy_sync_copied_bytes_total{{{ONE}}}[$__rate_interval])"
    built.with_panel(
        bars("Copied to the standby", "By attempts that succeeded.", [over_time(copied, "{{scope}}")], unit="bytes")
    )


def _history(built: Dashboard) -> None:
    built.with_row(Row("Switchovers and successes"))
    built.with_panel(
        listing(
            "Switchovers",
            "Since the record began, by what asked for them and how they ended.",
            rows(f"sum by (reason, result) (understudy_switchovers_total{{{ONE}}})"),
            columns={"reason": "Reason", "result": "Result", "Value": "Switchovers"},
        )
    )
    built.with_panel(
        listing(
            "Newest success by scope",
            "When it ended. A success of boot-env covers the configuration too.",
            rows(f"understudy_sync_last_success_timestamp_seconds{{{ONE}}} * 1000"),
            columns={"scope": "Scope", "Value": "When"},
            unit="dateTimeAsIso",
        )
    )

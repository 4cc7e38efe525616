"""The pipeline itself: does the exporter answer, are its projections at the head, what waits for Kafka?"""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from dashboards.pages import PIPELINE, any_of, page
from dashboards.panels import NONE_IS_BETTER, bars, figure, graph, verdict, word
from dashboards.queries import now, over_time

HERE = 'instance=~"$instance"'
TARGETS = f'job=~"understudy.*", {HERE}'
EXPORTERS = f'job="understudy", {HERE}'
HEAD = f"understudy_record_head_position{{{EXPORTERS}}}"
WAITS_SINCE = f"understudy_publisher_oldest_unpublished_timestamp_seconds{{{HERE}}}"
OLDEST = f"time() - {WAITS_SINCE} or 0 * understudy_publisher_up{{{HERE}}}"
HERE_IS = 'label_values(up{job=~"understudy.*"}, instance)'


def dashboard() -> Dashboard:
    """The page."""
    built = page(PIPELINE, "Understudy / Pipeline", "Does what is recorded reach those who want to know, and how soon?")
    built.with_variable(any_of("instance", "Exporters and publishers", HERE_IS))
    for part in (_figures, _record, _processes, _publisher):
        part(built)
    return built


def _figures(built: Dashboard) -> None:
    up = now(f"min(up{{{TARGETS}}})", "up")
    built.with_panel(verdict("All answer", "Whether every exporter and publisher was scraped just now.", up))
    built.with_panel(
        figure("Head of the record", "Position of the newest fact.", now(f"max({HEAD})", "head"), unit="none")
    )
    lag = now(f"max(understudy_projection_lag_events{{{EXPORTERS}}})", "lag")
    about = "Events of the record that the slowest projection has not folded in: what the metrics do not say yet."
    built.with_panel(figure("Projection lag", about, lag, steps=NONE_IS_BETTER))
    reaches = now(f"min(understudy_publisher_up{{{HERE}}})", "up")
    built.with_panel(verdict("Kafka is reached", "Whether every publisher reaches Kafka.", reaches))
    about = "Age of the oldest event that Kafka has not committed; 0 if none waits."
    steps = ((None, "green"), (10, "orange"), (60, "red"))
    built.with_panel(figure("Oldest unpublished", about, now(f"max({OLDEST})", "age"), unit="s", steps=steps))
    version = now("understudy_build_info{" + TARGETS + "}", "{{version}}")
    built.with_panel(word("Version", "Of the programs that are scraped.", version))


def _record(built: Dashboard) -> None:
    built.with_row(Row("The record and its projections"))
    facts = [over_time(f"rate({HEAD}[$__rate_interval])", "{{instance}}")]
    built.with_panel(graph("Events recorded", "How fast the head moves.", facts, width=8, unit="cps"))
    lag = [over_time(f"understudy_projection_lag_events{{{EXPORTERS}}}", "{{instance}} {{projection}}")]
    built.with_panel(graph("Projection lag", "Events that are recorded and not folded in yet.", lag, width=8))
    age = [over_time(f"time() - understudy_record_last_fact_timestamp_seconds{{{EXPORTERS}}}", "{{instance}}")]
    about = "Age of the newest fact. A calm fleet records nothing: its age alone is no fault."
    built.with_panel(graph("Newest fact", about, age, width=8, unit="s"))


def _processes(built: Dashboard) -> None:
    built.with_row(Row("The processes that are scraped"))
    took = [over_time(f"scrape_duration_seconds{{{TARGETS}}}", "{{instance}}")]
    built.with_panel(graph("Duration of a scrape", "As Prometheus sees it.", took, width=6, unit="s"))
    samples = [over_time(f"scrape_samples_scraped{{{TARGETS}}}", "{{instance}}")]
    built.with_panel(graph("Samples of a scrape", "They grow with the number of chassis.", samples, width=6))
    memory = [over_time(f"process_resident_memory_bytes{{{TARGETS}}}", "{{instance}}")]
    built.with_panel(graph("Memory", "What the process has in memory.", memory, width=6, unit="bytes"))
    busy = [over_time(f"rate(process_cpu_seconds_total{{{TARGETS}}}[$__rate_interval])", "{{instance}}")]
    built.with_panel(graph("CPU", "1 is one core, all of the time.", busy, width=6, unit="percentunit"))


def _publisher(built: Dashboard) -> None:
    built.with_row(Row("The publisher"))
    lag = [over_time(f"understudy_publisher_lag_events{{{HERE}}}", "{{instance}}")]
    built.with_panel(graph("Events that wait", "Recorded, and not committed by Kafka yet.", lag, width=8))
    built.with_panel(
        graph("Age of the oldest that waits", "0 if none does.", [over_time(OLDEST, "{{instance}}")], width=8, unit="s")
    )
    sent = f"sum by (topic) (rate(understudy_publisher_published_total{{{HERE}}}[$__rate_interval]))"
    about = "Messages that Kafka committed, by topic."
    built.with_panel(graph("Published", about, [over_time(sent, "{{topic}}")], width=8, unit="cps", stacked=True))
    transactions = f"sum by (result) (rate(understudy_publisher_transactions_total{{{HERE}}}[$__rate_interval]))"
    about = "An aborted transaction is sent again; nothing of it was seen."
    built.with_panel(graph("Transactions", about, [over_time(transactions, "{{result}}")], width=8, unit="cps"))
    anew = f"sum by (reason) (increase(understudy_publisher_restarts_total{{{HERE}}}[$__rate_interval])) or vector(0)"
    about = "How often a publisher began anew from its stored position, by reason."
    built.with_panel(bars("Restarts", about, [over_time(anew, "restarts {{reason}}")], width=8))
    positions = [
        over_time(HEAD, "head of {{instance}}"),
        over_time(f"understudy_publisher_position{{{HERE}}}", "published by {{instance}}"),
    ]
    built.with_panel(
        graph("Positions", "Where the lines meet, everything is published.", positions, width=8, unit="none")
    )

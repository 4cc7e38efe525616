"""The exporter as Prometheus' own tools see it: its linter, and a server that scrapes it."""

from typing import Any

import pytest

from consumers.kafka.status import PublisherStatus
from consumers.prometheus.families import FAMILIES

pytestmark = [pytest.mark.prometheus, pytest.mark.xdist_group("prometheus")]


@pytest.fixture
def scraped(export, record, story) -> Any:
    """An exporter of two chassis with the metrics of a publisher."""
    status = PublisherStatus(up=True, position=3, oldest_unpublished=17.5)
    for counts in (status.published, status.transactions, status.restarts):
        counts["one"] += 1
    record.execute('Zürich "2"\\', story.provision)
    return export(publisher=status)


def test_promtool_has_nothing_to_say_of_the_metrics(scraped, promtool) -> None:
    text = scraped.get()[2].decode()
    checked = promtool("check", "metrics", stdin=text)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_promtool_sees_what_is_wrong(scraped, promtool) -> None:
    text = scraped.get()[2].decode().replace("understudy_alarm_raises_total", "understudy_alarm_raises")
    assert "_total" in promtool("check", "metrics", stdin=text).stderr


def test_prometheus_scrapes_every_family_with_its_type_and_help(scraped, start_prometheus, until) -> None:
    target = scraped.exporter.url.removeprefix("http://")
    server = start_prometheus(
        "global: {scrape_interval: 2s, scrape_timeout: 2s}\n"
        f"scrape_configs: [{{job_name: understudy, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    server.until('understudy_standby_ready{chassis="Zürich \\"2\\"\\\\"} == 0')
    metadata = until(lambda: server.get("/api/v1/metadata")["data"] or None, "metadata")
    assert {family.name: metadata.get(family.name) for family in FAMILIES} == {
        family.name: [{"type": family.kind.value, "help": family.help, "unit": ""}] for family in FAMILIES
    }

    def absent() -> set[str]:
        found = {sample["metric"]["__name__"] for sample in server.query('{__name__=~"understudy_.+"}')}
        return {family.name for family in FAMILIES if not any(name.startswith(family.name) for name in found)}

    # A single scrape that comes too late takes everything away until the next one.
    never = {"understudy_sync_last_success_timestamp_seconds", "understudy_switchovers_total"}
    until(lambda: absent() == never or None, "every family")
    until(lambda: server.value('up{job="understudy"}') == 1 or None, "a scrape")

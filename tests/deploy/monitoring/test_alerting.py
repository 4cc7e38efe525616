"""From a card that is pulled to the notification: the real exporter, Prometheus, Alertmanager and a webhook."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.prometheus, pytest.mark.xdist_group("prometheus")]
DEPLOY = Path(__file__).parents[3] / "deploy" / "prometheus"
BASE = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["global"]["external_labels"]["runbooks"]
FOLLOWS = {"StandbyNotReady", "CriticalAlarms"}


def alertmanager_configuration(receiver: str) -> str:
    """The example that is shipped, with another receiver, and nothing that waits for long."""
    shipped = (DEPLOY / "alertmanager.yml").read_text()
    for ours, theirs in {
        "http://webhook.example:5001/": receiver,
        "group_wait: 10s": "group_wait: 2s",
        "group_interval: 1m": "group_interval: 1s",
    }.items():
        assert ours in shipped
        shipped = shipped.replace(ours, theirs)
    return shipped


def inhibited(alertmanager: Any) -> set[str]:
    """The names of the alerts that another one makes needless."""
    alerts = alertmanager.get("/api/v2/alerts")
    return {alert["labels"]["alertname"] for alert in alerts if alert["status"]["inhibitedBy"]}


def test_a_pulled_card_is_told_with_its_runbook_and_its_return_too(
    site: Any,
    quickened: Callable[..., str],
    start_prometheus: Any,
    start_alertmanager: Any,
    webhook: Any,
    until: Callable[..., Any],
) -> None:
    # given a pair in step, supervised and scraped
    alertmanager = start_alertmanager(alertmanager_configuration(webhook.url))
    site.provision("pe1")
    site.run("config", "redundancy", "synchronize", "boot-env")
    site.start("run", "--probe-interval", "0.1", "--retry-first", "0.5")
    site.export()
    prometheus = start_prometheus(quickened(site.exporter, alertmanager=alertmanager.url.removeprefix("http://")))
    prometheus.until('understudy_standby_ready{chassis="pe1"} == 1')

    # when its standby is pulled
    site.card("pe1-b").rename(site.card("away"))
    told = webhook.until(lambda alert: alert["labels"]["alertname"] == "NoRedundancy", "the notification")

    # then who hears of it knows which chassis, how bad it is, and where to read on
    assert told["status"] == "firing"
    assert told["labels"] == {
        "alertname": "NoRedundancy",
        "severity": "critical",
        "job": "understudy",
        "instance": site.exporter,
        "chassis": "pe1",
    }
    assert told["annotations"]["runbook_url"] == f"{BASE}/NoRedundancy.md"
    # and what follows from it is known, and not told
    until(lambda: inhibited(alertmanager) >= FOLLOWS or None, f"that Alertmanager inhibits {FOLLOWS}")
    assert not FOLLOWS & {alert["labels"]["alertname"] for alert in webhook.alerts()}

    # when it is put back
    site.card("away").rename(site.card("pe1-b"))

    # then that is told, too
    webhook.until(
        lambda alert: alert["labels"]["alertname"] == "NoRedundancy" and alert["status"] == "resolved", "the all-clear"
    )

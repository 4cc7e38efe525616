"""The broker dies, hangs or is away, and nothing of the record is lost, doubled or out of order."""

import random
import threading
from pathlib import Path

import pytest

from events.commands import StartSupervision

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka-faults-broker"), pytest.mark.timeout(600)]
KILLS, OUTAGES = 20, 3
AWAY, FULL_TRANSACTIONS = 100_000, 3000
AT_ONCE = 1000
MORE_MEGABYTES = 60
STOPPED = "publishing has stopped at position"


def much(site, facts: int) -> None:
    """Records so much that the transactions of a publisher are full."""
    for _ in range(facts // AT_ONCE):
        site.record.execute_all([("pe1", StartSupervision(host="mgmt1", process=1))] * AT_ONCE)


def test_a_broker_may_be_killed_under_load_twenty_times(site, seed) -> None:
    moments = random.Random(seed)
    publisher = site.publish()
    site.load(seed)
    for _ in range(KILLS):
        site.until_progress()
        threading.Event().wait(moments.uniform(0, 0.2))
        site.broker.kill()
        site.broker.start()
    assert publisher.runs(), publisher.output()
    site.settle(publisher)
    site.holds_the_record()


@pytest.mark.parametrize("fault", ["hangs", "is dead"])
def test_sends_that_expire_while_the_broker_is_not_there_are_sent_once(site, tmp_path: Path, fault: str) -> None:
    settings = tmp_path / "client.properties"
    settings.write_text("delivery.timeout.ms=1500\nrequest.timeout.ms=700\n")
    begin, end = {"hangs": ("freeze", "thaw"), "is dead": ("kill", "start")}[fault]
    publisher = site.publish("--kafka-config", str(settings))
    site.load()
    for outage in range(1, OUTAGES + 1):
        site.until_progress()
        much(site, FULL_TRANSACTIONS)
        getattr(site.broker, begin)()
        site.until(lambda outage=outage: publisher.output().count(STOPPED) >= outage, f"outage {outage} is noticed")
        getattr(site.broker, end)()
    assert publisher.runs(), publisher.output()
    site.settle(publisher)
    site.holds_the_record()


def test_while_the_broker_is_away_facts_wait_in_the_record_and_not_in_memory(site) -> None:
    publisher = site.publish()
    site.story.whole()
    site.until_position(site.record.head())
    before = publisher.megabytes("VmHWM")

    site.broker.kill()
    much(site, AWAY)
    site.until(lambda: STOPPED in publisher.output(), "the outage is noticed")
    site.broker.start()

    site.until_position(site.record.head())
    assert publisher.megabytes("VmHWM") < before + MORE_MEGABYTES
    site.settle(publisher)
    site.holds_the_record()

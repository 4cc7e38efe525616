"""A topic is deleted under a publisher that is at work; it is made and filled again, and the others stay whole."""

from contextlib import closing

import pytest

from consumers.kafka.connecting import connect_admin
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import topic_ids

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka-faults-topics"), pytest.mark.timeout(600)]


@pytest.mark.parametrize("which", ["events", "alarms", "publisher"])
def test_a_topic_that_is_deleted_under_a_publisher_is_filled_again(site, which: str) -> None:
    publisher = site.publish()
    site.load()
    site.until_progress()
    name = getattr(site.names, which)
    with closing(connect_admin(ClientSettings.read(site.broker.bootstrap))) as admin:
        before = topic_ids(admin, [name])
        admin.delete_topics([name])
        site.until(lambda: topic_ids(admin, [name]).get(name, before[name]) != before[name], f"{name} is made again")
    site.until_progress()
    assert publisher.runs(), publisher.output()
    site.settle(publisher)
    site.holds_the_record(alarms_anew=which == "alarms")

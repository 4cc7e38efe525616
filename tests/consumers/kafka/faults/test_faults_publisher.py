"""Publishers are killed, and compete, and nothing of the record is lost, doubled or out of order."""

import random
import threading

import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka-faults-publisher"), pytest.mark.timeout(600)]
KILLS, TAKEOVERS = 50, 5
STARTING_SECONDS, AT_WORK_SECONDS = 1.5, 0.1
FENCED = 3


def test_a_publisher_may_be_killed_at_fifty_random_moments(site, seed) -> None:
    moments = random.Random(seed)
    site.load(seed)
    reached = [0]
    for number in range(KILLS):
        publisher = site.publish()
        if number % 2:
            site.until_position(reached[-1] + 1)
            threading.Event().wait(moments.uniform(0, AT_WORK_SECONDS))
        else:
            threading.Event().wait(moments.uniform(0, STARTING_SECONDS))
        publisher.kill()
        reached.append(site.reached())
    assert sorted(reached) == reached, "a position that was committed has gone back"
    site.settle(site.publish())
    site.holds_the_record()


def test_of_two_publishers_the_newer_one_goes_on_and_the_older_one_says_so(site) -> None:
    site.load()
    publisher = site.publish()
    for _ in range(TAKEOVERS):
        site.until_progress()
        older, publisher = publisher, site.publish()
        assert older.end() == FENCED, older.output()
        assert "another publisher" in older.output()
    site.settle(publisher)
    site.holds_the_record()


def test_of_publishers_that_start_at_once_one_goes_on(site) -> None:
    site.load()
    publishers = [site.publish() for _ in range(3)]
    site.until(lambda: sum(one.runs() for one in publishers) == 1, "all but one have ended")
    (last,) = (one for one in publishers if one.runs())
    for one in publishers:
        assert one is last or one.end() == FENCED, one.output()
    site.until_progress()
    site.settle(last)
    site.holds_the_record()

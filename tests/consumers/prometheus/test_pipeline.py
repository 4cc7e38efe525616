"""What is said of the pipeline, given how far each part of it has come."""

from typing import Any

import pytest

from consumers.kafka.status import PublisherStatus
from consumers.prometheus.families import OF_THE_PIPELINE, OF_THE_PUBLISHER
from consumers.prometheus.pipeline import pipeline_rows, publisher_rows


def values(rows: Any) -> dict[str, list[float]]:
    return {family.name.removeprefix("understudy_"): [row.value for row in found] for family, found in rows}


@pytest.mark.parametrize(("ahead", "lag"), [(0, 0), (4, 4)])
def test_a_projection_lags_by_the_facts_that_it_has_not_folded_in(story, new_fleet, ahead: int, lag: int) -> None:
    fleet = new_fleet()
    fleet.show(story.recorded)
    position = fleet.board.position
    found = values(pipeline_rows(fleet.board, position + ahead, "1"))
    assert found["record_head_position"] == [position + ahead]
    assert set(found["projection_position"]) == {position}
    assert set(found["projection_lag_events"]) == {lag}


def test_a_fact_that_was_folded_in_after_the_head_was_read_makes_no_negative_lag(story, new_fleet) -> None:
    fleet = new_fleet()
    fleet.show(story.recorded)
    found = values(pipeline_rows(fleet.board, 1, "1"))
    assert found["record_head_position"] == [fleet.board.position]
    assert set(found["projection_lag_events"]) == {0}
    assert values(publisher_rows(PublisherStatus(position=3), 1))["publisher_lag_events"] == [0]


def test_an_empty_record_has_no_last_fact(new_fleet) -> None:
    assert values(pipeline_rows(new_fleet().board, 0, "1"))["record_last_fact_timestamp_seconds"] == []


def test_while_nothing_waits_for_kafka_there_is_no_oldest_fact_that_does() -> None:
    found = values(publisher_rows(PublisherStatus(), 0))
    assert (found["publisher_oldest_unpublished_timestamp_seconds"], found["publisher_up"]) == ([], [0])


def test_before_kafka_has_told_how_far_it_is_nothing_is_said_of_that() -> None:
    found = values(publisher_rows(PublisherStatus(), 7))
    assert (found["publisher_position"], found["publisher_lag_events"]) == ([], [])
    found = values(publisher_rows(PublisherStatus(position=0), 7))
    assert (found["publisher_position"], found["publisher_lag_events"]) == ([0], [7])


def test_one_that_stands_by_reaches_kafka_and_says_that_it_stands_by() -> None:
    found = values(publisher_rows(PublisherStatus(up=True, standing_by=True), 0))
    assert (found["publisher_up"], found["publisher_standing_by"]) == ([1], [1])


def test_the_rows_are_those_of_the_list_of_families(new_fleet) -> None:
    assert [family for family, _ in pipeline_rows(new_fleet().board, 0, "1")] == [*OF_THE_PIPELINE]
    assert [family for family, _ in publisher_rows(PublisherStatus(), 0)] == [*OF_THE_PUBLISHER]

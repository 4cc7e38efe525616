"""The text that is kept and patched, beside the one that prometheus-client makes from the same board each time."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from consumers.prometheus.collector import ProjectionCollector
from consumers.prometheus.families import FAMILIES, OF_THE_FLEET, PER_CHASSIS
from consumers.prometheus.sheet import RUN
from events.commands import StartSupervision

ODD = ['pe"1', "pe\\1", "pe\n1", "pe\\n1", "Zürich-西", "a b{c}=,"]


def by_the_library(board: Any) -> str:
    registry = CollectorRegistry()
    registry.register(ProjectionCollector(board, list))
    return generate_latest(registry).decode()


def test_it_says_what_the_library_says_however_often_it_was_asked_in_between(histories, new_fleet, families) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(ODD), histories), min_size=1, max_size=5, unique_by=lambda one: one[0]))
    def property_(shown: list[Any]) -> None:
        fleet = new_fleet()
        for chassis, history in shown:
            half = len(history.recorded) // 2
            fleet.show(history.recorded[:half], chassis)
            fleet.text()
            fleet.show(history.recorded[half:], chassis)
        assert families(fleet.text()) == families(by_the_library(fleet.board))

    property_()


def test_a_change_of_one_chassis_among_many_changes_its_lines_alone(story, new_fleet, parse) -> None:
    fleet = new_fleet()
    for number in range(2 * RUN + 1):
        fleet.show(story.recorded, f"pe{number}")
    before = parse(fleet.text())
    chosen = f"pe{RUN}"
    begun = len(story.recorded)
    fleet.show(story.tell(StartSupervision(host="h", process=1)).recorded[begun:], chosen)
    after = parse(fleet.text())
    changed = {
        (name, labels)
        for name, values in after.items()
        for labels, value in values.items()
        if before[name].get(labels) != value
    }
    assert changed == {("understudy_supervised", (("chassis", chosen),))}


@pytest.mark.parametrize("name", ODD)
def test_any_name_of_a_chassis_comes_through(name: str, story, new_fleet, parse) -> None:
    fleet = new_fleet()
    fleet.show(story.recorded, name)
    assert parse(fleet.text())["understudy_standby_ready"] == {(("chassis", name),): 0}


def test_an_empty_fleet_has_the_families_of_the_fleet_and_no_chassis(new_fleet, parse) -> None:
    found = parse(new_fleet().text())
    assert {name for name in found if not name.endswith(("_bucket", "_count", "_sum"))} == {OF_THE_FLEET[0].name}


def test_the_families_come_in_the_order_of_the_list_each_once(story, new_fleet) -> None:
    fleet = new_fleet()
    fleet.show(story.recorded)
    headed = [line.split()[2] for line in fleet.text().splitlines() if line.startswith("# TYPE")]
    assert headed == [family.name for family in (*PER_CHASSIS, *OF_THE_FLEET)]


def test_the_collector_describes_every_family_and_reads_no_chassis(new_fleet) -> None:
    described = ProjectionCollector(new_fleet().board, list).describe()
    names = [metric.name + ("_total" if metric.type == "counter" else "") for metric in described]
    assert names == [family.name for family in FAMILIES]
    assert not any(metric.samples for metric in described)

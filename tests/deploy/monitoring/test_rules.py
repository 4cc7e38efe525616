"""The rules as promtool sees them, and the page that each alert leads to."""

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import click
import pytest
import yaml

from consumers.kafka.status import REASONS
from consumers.prometheus.families import FAMILIES, Kind
from understudy.cli import cli

ROOT = Path(__file__).parents[3]
HERE = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
RULE_FILES = (HERE / "understudy.rules.yml", HERE / "understudy.alerts.yml")
CASES = sorted((HERE / "tests").glob("*.yml"))

Promtool = Callable[..., CompletedProcess[str]]


def rules(kind: str) -> list[dict[str, Any]]:
    """All rules of a kind (alert or record), from both files."""
    groups = [group for path in RULE_FILES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


ALERTS = {rule["alert"]: rule for rule in rules("alert")}


def samples() -> set[str]:
    """The names of all samples that the exporter may give."""
    endings = {Kind.SUMMARY: ("_sum", "_count"), Kind.HISTOGRAM: ("_bucket", "_sum", "_count")}
    return {family.name + ending for family in FAMILIES for ending in endings.get(family.kind, ("",))}


@pytest.mark.prometheus
@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_promtool_finds_the_rules_sound(path: Path, promtool: Promtool) -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
def test_promtool_finds_the_configuration_sound(promtool: Promtool) -> None:
    done = promtool("check", "config", HERE / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(path: Path, promtool: Promtool) -> None:
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(name: str) -> None:
    tests = [test for path in CASES for test in yaml.safe_load(path.read_text())["tests"]]
    expected = [
        check["exp_alerts"] for test in tests for check in test["alert_rule_test"] if check["alertname"] == name
    ]
    assert any(expected)
    assert not all(expected)


@pytest.mark.parametrize("rule", ALERTS.values(), ids=ALERTS)
def test_each_alert_says_how_bad_it_is_and_leads_to_its_page(rule: dict[str, Any]) -> None:
    assert re.fullmatch("([A-Z][a-z]+)+", rule["alert"])
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    notes = rule["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    base, _, page = notes["runbook_url"].partition("/")
    assert base == "{{ $externalLabels.runbooks }}"
    assert (RUNBOOKS / page).read_text().startswith(f"# {rule['alert']}\n")


def test_the_base_of_the_links_is_set_in_one_place_and_leaves_with_no_alert() -> None:
    configuration = yaml.safe_load((HERE / "prometheus.yml").read_text())
    assert configuration["global"]["external_labels"]["runbooks"].startswith("https://")
    assert {"action": "labeldrop", "regex": "runbooks"} in configuration["alerting"]["alert_relabel_configs"]


def test_each_page_belongs_to_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(ALERTS)


@pytest.mark.parametrize("rule", rules("record"), ids=lambda rule: rule["record"])
def test_recording_rules_are_named_by_level_metric_and_operation(rule: dict[str, Any]) -> None:
    level, metric, operation = rule["record"].split(":")
    assert level.startswith("instance")
    assert re.fullmatch("count|sum|delta10m|delta15m|changes30m", operation)
    assert any(name.startswith(metric) for name in samples())


@pytest.mark.parametrize(
    "rule", [*rules("record"), *rules("alert")], ids=lambda rule: rule.get("record", rule.get("alert"))
)
def test_rules_speak_of_metrics_that_exist(rule: dict[str, Any]) -> None:
    recorded = {each["record"] for each in rules("record")}
    spoken = set(re.findall(r"[a-z_:]*understudy_[a-z0-9_:]+", rule["expr"]))
    assert spoken <= samples() | recorded


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_the_pages_name_commands_that_exist_and_pages_that_exist(page: Path) -> None:
    text = page.read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Look first",
        "## What to do",
        "## It is over when",
    ]
    quoted = re.findall(r"`(understudy [^`]+)`", text) + re.findall(r"^(understudy .+)$", text, re.MULTILINE)
    for command in quoted:
        check(command.split()[1:])
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (page.parent / link).exists(), link


def test_the_page_about_restarts_explains_each_reason() -> None:
    text = (RUNBOOKS / "PublisherRestarting.md").read_text()
    assert tuple(re.findall(r"^\| ([a-z-]+) \| [A-Z]", text, re.MULTILINE)) == REASONS


def check(words: list[str]) -> None:
    """Walks down the command tree; what is left are options that the command has."""
    command: click.Command = cli
    left = list(words)
    while isinstance(command, click.Group) and left:
        found = command.get_command(click.Context(command), left[0])
        assert found is not None, words
        command = found
        left.pop(0)
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in left if word.startswith("--")} <= known, words

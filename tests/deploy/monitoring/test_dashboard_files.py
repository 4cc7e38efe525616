"""What can be seen in the dashboards without a server: they are those of the code, sound, and bearable for a fleet."""

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from consumers.prometheus.families import PER_CHASSIS

ROOT = Path(__file__).parents[3]
GRAFANA = ROOT / "deploy" / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
each_dashboard = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
NAMES = {"understudy-fleet", "understudy-chassis", "understudy-pipeline"}


def read(path: Path) -> Any:
    return orjson.loads(path.read_bytes())


def panels(path: Path) -> list[Any]:
    return [panel for panel in read(path)["panels"] if panel["type"] != "row"]


def test_the_files_are_those_that_the_code_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "dashboards", tmp_path], check=True, cwd=ROOT)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {path.name: path.read_text() for path in FILES} == written, "run: python -m dashboards"


@each_dashboard
def test_each_dashboard_is_found_under_its_own_uid_and_belongs_to_the_others(path: Path) -> None:
    dashboard = read(path)
    assert dashboard["uid"] == path.stem
    assert "understudy" in dashboard["tags"]
    assert dashboard["links"][0]["tags"] == ["understudy"]
    assert {path.stem for path in FILES} == NAMES


@each_dashboard
def test_panels_have_ids_of_their_own_and_say_what_they_show(path: Path) -> None:
    ids = [panel["id"] for panel in read(path)["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels(path):
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"].get("unit") or panel["type"] in {"table", "state-timeline"}


@each_dashboard
def test_panels_do_not_lie_on_each_other_and_fill_each_line(path: Path) -> None:
    taken = [
        (x, y)
        for panel in read(path)["panels"]
        for place in [panel["gridPos"]]
        for x, y in itertools.product(
            range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        )
    ]
    assert len(set(taken)) == len(taken)
    assert {x for x, _ in taken} == set(range(24))
    assert len(taken) == 24 * (max(y for _, y in taken) + 1)


@each_dashboard
def test_everything_is_asked_of_the_prometheus_that_is_chosen(path: Path) -> None:
    dashboard = read(path)
    asking = [
        *panels(path),
        *(target for panel in panels(path) for target in panel["targets"]),
        *(one for one in dashboard["templating"]["list"] if one["type"] == "query"),
        *dashboard.get("annotations", {}).get("list", []),
    ]
    assert {str(one["datasource"]) for one in asking} == {str({"type": "prometheus", "uid": "${datasource}"})}


@each_dashboard
def test_links_lead_to_dashboards_and_carry_their_variables(path: Path) -> None:
    for uid, parameters in re.findall(r'"/d/([^?"]+)\?([^"]*)"', path.read_text()):
        there = {one["name"] for one in read(GRAFANA / "dashboards" / f"{uid}.json")["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", parameters)) == there - {"datasource"}


def test_the_fleet_page_costs_the_same_for_ten_thousand_chassis() -> None:
    many = "|".join(family.name for family in PER_CHASSIS)
    for panel in panels(GRAFANA / "dashboards" / "understudy-fleet.json"):
        for target in panel["targets"]:
            expression = target["expr"]
            if re.search(rf"(?<![:\w])({many})", expression):
                assert target.get("instant"), f"{panel['title']}: {expression} over time reads a series of each chassis"
                assert expression.startswith("topk(20, "), f"{panel['title']}: {expression} lists every chassis"


def test_the_provisioning_finds_what_compose_mounts() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    volumes = dict(volume.split(":")[:2] for volume in compose["grafana"]["volumes"] if volume.startswith("."))
    provider = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "understudy.yaml").read_text())["providers"][0]
    assert volumes["./grafana/dashboards"] == provider["options"]["path"]
    assert volumes["./grafana/provisioning"] == "/etc/grafana/provisioning"
    sources = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yaml").read_text())
    source = sources["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in compose
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["global"]
    assert source["jsonData"]["timeInterval"] == scraped["scrape_interval"]
    targets = re.findall(r'targets: \["(\w+):', (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    assert set(targets) <= set(compose)

"""Every expression of every panel returns data, while the main job plays before a real exporter and Prometheus."""

import math
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

# Of the group that shares a broker: the publisher of the third page needs one.
pytestmark = [pytest.mark.prometheus, pytest.mark.xdist_group("kafka")]
FOLDER = Path(__file__).parents[3] / "deploy" / "grafana" / "dashboards"
FILES = [FOLDER / "understudy-fleet.json", FOLDER / "understudy-chassis.json"]
PIPELINE = FOLDER / "understudy-pipeline.json"
INTERVALS = {"$__rate_interval": "2s", "$__interval": "1s", "$__range": "21600s"}
"""As Grafana reckons them for a scrape interval of 250 ms, and a page of six hours."""


class Expression(NamedTuple):
    """Something that a dashboard asks."""

    page: str
    place: str
    text: str
    instant: bool


def expressions(path: Path) -> list[Expression]:
    """All that the panels and the annotations of a dashboard ask."""
    dashboard = orjson.loads(path.read_bytes())
    panels = [
        Expression(path.stem, f"{panel['title']} {letter}", target["expr"], bool(target.get("instant")))
        for panel in dashboard["panels"]
        for letter, target in zip("ABCDEFGH", panel.get("targets") or (), strict=False)
    ]
    marks = [
        Expression(path.stem, f"mark {one['name']}", one["expr"], instant=False)
        for one in dashboard.get("annotations", {}).get("list", [])
    ]
    return panels + marks


def variables(path: Path) -> dict[str, Any]:
    """The variables that Prometheus has the values of, by name, in their order."""
    found = orjson.loads(path.read_bytes())["templating"]["list"]
    return {one["name"]: one for one in found if one["type"] == "query"}


class Page:
    """A dashboard as somebody looks at it: each variable has a value."""

    def __init__(self, path: Path, prometheus: Any, since: float) -> None:
        self.prometheus = prometheus
        self._since = since
        self.choices: dict[str, list[str]] = {}
        for name, variable in variables(path).items():
            asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            assert asked is not None, variable
            self.choices[name] = prometheus.values_of(asked[2], self.filled(asked[1]))

    def filled(self, text: str) -> str:
        """The text with values for all variables: the first one of each, or for ``=~`` all of them."""
        for name, values in self.choices.items():
            several = "|".join(re.escape(value).replace("\\", "\\\\") for value in values)
            text = text.replace(f'=~"${name}"', f'=~"({several})"').replace(f'="${name}"', f'="{values[0]}"')
        for name, value in INTERVALS.items():
            text = text.replace(name, value)
        assert "$" not in text, text
        return text

    def numbers(self, expression: Expression) -> list[float] | None:
        """What comes back, if some of it is a number."""
        asked = self.filled(expression.text)
        if expression.instant:
            values = [sample["value"] for sample in self.prometheus.query(asked)]
        else:
            now = str(time.time())
            answer = self.prometheus.get("/api/v1/query_range", query=asked, start=self._since, end=now, step="1")
            values = [value for series in answer["data"]["result"] for value in series["values"]]
        return [number for _, text in values if math.isfinite(number := float(text))] or None


def asked_of(*paths: Path) -> pytest.MarkDecorator:
    asked = [each for path in paths for each in expressions(path)]
    return pytest.mark.parametrize("expression", asked, ids=lambda each: f"{each.page}: {each.place}")


@pytest.fixture(scope="module")
def look(
    site: Any, quickened: Callable[..., str], start_prometheus: Any, play: Callable[[Any, Any], None]
) -> Callable[[str], Page]:
    """Plays the main job, and opens dashboards afterwards."""
    since = time.time()
    site.provision("pe1")
    site.provision("pe2")
    site.export()
    prometheus = start_prometheus(quickened(site.exporter, publisher=site.publisher))
    play(site, prometheus)
    return lambda uid: Page(FOLDER / f"{uid}.json", prometheus, since)


@pytest.fixture(scope="module")
def look_on(look: Callable[[str], Page], site: Any, kafka: Any) -> Callable[[str], Page]:
    """The same, with a publisher that has published everything."""
    site.publish(kafka.bootstrap)
    prometheus = look(PIPELINE.stem).prometheus
    prometheus.until("understudy_publisher_up == 1 and understudy_publisher_lag_events == 0")
    return look


@pytest.mark.parametrize("path", [*FILES, PIPELINE], ids=lambda path: path.stem)
def test_each_variable_has_values_to_choose_from(path: Path, look: Callable[[str], Page]) -> None:
    choices = look(path.stem).choices
    assert choices
    assert all(choices.values()), choices


@asked_of(*FILES)
def test_each_expression_of_each_panel_returns_data(
    expression: Expression, look: Callable[[str], Page], until: Callable[..., Any]
) -> None:
    page = look(expression.page)
    until(lambda: page.numbers(expression), f"{page.filled(expression.text)} returns data")


@pytest.mark.kafka
@asked_of(PIPELINE)
def test_each_expression_of_the_pipeline_returns_data_while_it_publishes(
    expression: Expression, look_on: Callable[[str], Page], until: Callable[..., Any]
) -> None:
    page = look_on(expression.page)
    until(lambda: page.numbers(expression), f"{page.filled(expression.text)} returns data")

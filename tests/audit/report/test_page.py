"""The page as text, given a period."""

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta

from audit.report import page as report_page
from audit.report.looks import GLYPHS, TEXTURES, WORST_FIRST
from audit.report.page import MOST_ROWS, Written, render
from events.causes import Scope
from events.envelope import Recorded
from events.facts import (
    CardLocation,
    ChassisProvisioned,
    Fact,
    Severity,
    Slot,
    SyncStarted,
    SyncSucceeded,
    Trigger,
)
from events.state import Health
from projections.period import LATE_STATE, Span, period
from projections.period_lanes import MarkKind
from projections.period_states import RedundancyState, Supervision
from projections.period_work import SwitchoverResult
from projections.sync_history import SyncResult

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
WRITTEN = Written(datetime(2026, 2, 1, tzinfo=UTC), "0.1.0")
LOCATIONS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))


def recorded(position: int, fact: Fact) -> Recorded:
    at = START + timedelta(seconds=position)
    return Recorded(
        chassis="pe1",
        version=position,
        position=position,
        occurred_at=at,
        recorded_at=at,
        correlation="story",
        causation=0,
        fact=fact,
    )


def attempts(number: int) -> list[Recorded]:
    """A provisioned chassis and so many attempts."""
    facts: list[Fact] = [ChassisProvisioned(cards=LOCATIONS, active=Slot.A, operator="operator")]
    for attempt in range(1, number + 1):
        config, manual = Scope.CONFIG, Trigger.MANUAL
        facts += [
            SyncStarted(attempt=attempt, scope=config, trigger=manual, source=Slot.A, standby=Slot.B),
            SyncSucceeded(attempt=attempt, scope=config, standby=Slot.B, files=(), bytes_copied=1, duration_ms=5),
        ]
    return [recorded(position, fact) for position, fact in enumerate(facts, 1)]


def rendered(facts: list[Recorded]) -> str:
    return render(period("pe1", facts, Span(START, facts[-1].occurred_at)), WRITTEN)


def test_the_policy_forbids_everything_but_the_style_and_script_that_are_in_the_page() -> None:
    page = rendered(attempts(1))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    said = policy[1].replace("&#39;", "'")
    for name in ("style", "script"):
        inline = re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL)
        assert len(inline) == 1
        digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in said
    assert said.startswith("default-src 'none'; ")
    assert "unsafe" not in said


def test_nothing_in_the_page_names_another_place() -> None:
    page = rendered(attempts(1))
    assert not re.search(r"https?:|//\w|\bsrc=|@import|url\((?!#)", page)
    assert not [link for link in re.findall(r'href="([^"]*)"', page) if not link.startswith("#")]


def test_thousands_of_attempts_make_a_page_that_says_what_it_leaves_out() -> None:
    page = rendered(attempts(3 * MOST_ROWS))
    assert f"The first {MOST_ROWS} of {3 * MOST_ROWS} are listed" in page
    assert page.count('id="attempts-') == MOST_ROWS
    assert page.count('class="item ') < 1000
    assert len(page) < 2_000_000


def test_every_link_of_the_drawing_leads_to_a_row() -> None:
    page = rendered(attempts(3 * MOST_ROWS))
    links = set(re.findall(r'href="#([^"]*)"', page))
    assert len(links) > 10
    assert links <= set(re.findall(r'id="([^"]*)"', page))


def test_no_id_is_given_twice() -> None:
    ids = re.findall(r'\bid="([^"]*)"', rendered(attempts(20)))
    assert len(ids) == len(set(ids))


def test_every_state_has_a_texture_and_every_mark_a_shape() -> None:
    style = report_page._asset("report.css")
    states = {
        *(*RedundancyState, *Supervision, *SyncResult, *SwitchoverResult, *Severity, *Slot, *Health),
        LATE_STATE,
    }
    assert states == set(TEXTURES) == set(WORST_FIRST)
    assert {*MarkKind, "several"} == set(GLYPHS)
    for state in states:
        assert f".fill.is-{state} " in style
        assert f".c-{state}, .thin-is-{state} " in style

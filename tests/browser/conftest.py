"""A real Chromium, headless and offline, which the tests start themselves; and nights for it to look at."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from events.alarm_types import sync_failed_key
from events.causes import Cause, Scope, SyncMode
from events.commands import (
    AlarmAction,
    Command,
    Copied,
    Failed,
    FinishSwitchover,
    FinishSync,
    OperateAlarm,
    Provision,
    SeeCard,
    SeeChange,
    SeeFlash,
    SetSyncMode,
    StartSupervision,
    StartSwitchover,
    StartSync,
    StopSupervision,
)
from events.facts import CardLocation, Slot, SwitchoverReason, Trigger, Watch
from events.state import Health
from events.store import Record

BEGAN = datetime(2026, 1, 5, 22, 0, tzinfo=UTC)
PATIENCE_SECONDS = 20.0
_BREATH = threading.Event()
"""Never set: a pause between two looks at a page."""
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">'\"&"


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is not None:
        return found
    reason = f"there is no {name} here (Debian: chromium, chromium-driver)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Page:
    """A report, open in the browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, path: Path) -> None:
        self.driver.get(path.as_uri())

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def js(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def tell(self, command: str, **parameters: object) -> Any:
        """A command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(command, parameters)

    def resize(self, width: int, height: int = 900) -> None:
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme: str) -> None:
        self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def until(self, look: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not look():
            assert time.monotonic() < deadline, f"{what} did not happen"
            _BREATH.wait(0.02)

    def lane(self, name: str) -> WebElement:
        """The drawing of the lane whose title begins so."""
        titled = [plot for plot in self.all("#chart .lane .plot") if self._title(plot).startswith(name)]
        assert len(titled) == 1, (name, [self._title(plot) for plot in self.all("#chart .lane .plot")])
        return titled[0]

    def _title(self, plot: WebElement) -> str:
        title: str = self.js("return arguments[0].querySelector(':scope > title').textContent", plot)
        return title

    def boxes(self, name: str, shape: str = ".fill") -> list[dict[str, Any]]:
        """Where the shapes of a lane's items are on the screen, and what they stand for."""
        script = """
            const box = (one) => one.getBoundingClientRect().toJSON();
            const lane = box(arguments[0]);
            return [...arguments[0].querySelectorAll('.item')].filter((one) => one.querySelector(arguments[1])).map(
                (one) => ({...box(one.querySelector(arguments[1])), look: one.classList[2], lane,
                           told: one.getAttribute('aria-label')}));
        """
        found: list[dict[str, Any]] = self.js(script, self.lane(name), shape)
        return found

    def complaints(self) -> list[str]:
        """What the console says, violations of the policy too."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self) -> list[str]:
        """Everything that the page asked for since the last look, itself included."""
        messages = (orjson.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Chromium with a new profile; no name can be resolved."""
    options = webdriver.ChromeOptions()
    options.binary_location = _program("chromium")
    service = Service(_program("chromedriver"))
    profile = tmp_path_factory.mktemp("profile")
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={profile}",
        "--window-size=1280,900",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: webdriver.Chrome) -> Page:
    shown = Page(browser)
    shown.resize(1280)
    shown.prefer("light")
    browser.get("about:blank")
    shown.complaints()
    shown.requested()
    return shown


class Story:
    """A record whose clock the test turns; what is told happens at once unless it is told late."""

    def __init__(self, folder: Path, chassis: str = "pe1") -> None:
        self.home, self.chassis, self.now = folder / "home", chassis, BEGAN
        self.home.mkdir()
        self.record = Record(self.home / "record.sqlite", lambda: self.now)

    def at(self, minutes: float, *commands: Command, late: float = 0) -> None:
        """Tells commands ``minutes`` after the beginning; ``late`` minutes after what they tell happened."""
        self.now = BEGAN + timedelta(minutes=minutes)
        occurred_at = self.now - timedelta(minutes=late) if late else None
        for command in commands:
            self.record.execute(self.chassis, command, occurred_at=occurred_at)

    def provision(self, operator: str = "operator", location: str = "/srv/pe1") -> None:
        cards = tuple(CardLocation(slot=slot, location=f"{location}/{slot}") for slot in (Slot.A, Slot.B))
        assert len(cards) == 2
        self.at(0, Provision(cards=cards, active=Slot.A, equipped=(Slot.A, Slot.B), operator=operator))

    def attempt(
        self, minutes: float, outcome: Copied | Failed, scope: Scope = Scope.CONFIG, *, took: float = 0.5
    ) -> None:
        self.at(minutes, StartSync(scope=scope, trigger=Trigger.MANUAL, operator="operator"))
        number = self.record.state(self.chassis).attempts
        self.at(minutes + took, FinishSync(attempt=number, outcome=outcome, duration_ms=int(took * 60_000)))

    def operate(self, minutes: float, action: AlarmAction, cause: Cause = Cause.NO_SPACE, text: str = "seen") -> None:
        key = sync_failed_key(self.chassis, Slot.B, Scope.CONFIG, cause)
        self.at(minutes, OperateAlarm(action=action, alarm=key, operator="noc", text=text))

    def watch(self, host: str) -> tuple[Command, ...]:
        return (StartSupervision(host=host, process=1),)

    def crowd(self, attempts: int) -> None:
        """Very many attempts that fail, one every ten seconds, and then rest."""
        self.provision()
        for number in range(attempts):
            self.attempt(5 + number / 6, FULL, took=0.01)
        self.attempt(5 + attempts / 3, COPIED)

    def report(self, path: Path, *words: str, expect: int = 0) -> Path:
        """The report, by the program itself."""
        command = [sys.executable, "-m", "understudy", "audit", "report", "--chassis", self.chassis, "-o", str(path)]
        environment = {**os.environ, "UNDERSTUDY_HOME": str(self.home), "UNDERSTUDY_OPERATOR": "noc"}
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, env=environment, check=False, timeout=120
        )
        assert done.returncode == expect, done.stderr
        return path


COPIED = Copied(files=(), bytes_copied=48_213)
FULL = Failed(cause=Cause.NO_SPACE, detail="cf3: of card B has 3145728 bytes free, 12582912 are needed")


def night(story: Story) -> None:
    """A full flash, an operator, a pulled card and a takeover; supervision that is killed, and one that stops."""
    story.provision()
    story.at(4, SetSyncMode(mode=SyncMode.CONFIG, operator="operator"))
    story.at(6, StartSupervision(host="nms1", process=812))
    story.attempt(8, COPIED, took=2)
    story.at(40, SeeFlash(slot=Slot.B, flash="cf3:", used_percent=93))
    story.at(55, SeeChange(scope=Scope.CONFIG, files=("cf3:\\pe1.cfg",), noticed=Watch.NOTIFIED))
    story.attempt(56, FULL, took=0.4)
    story.attempt(62, FULL, took=0.4)
    story.operate(70, AlarmAction.ACKNOWLEDGE, text="somebody is on the way")
    story.attempt(75, FULL, took=0.4)
    story.operate(82, AlarmAction.SHELVE, text="until the flash is emptied")
    for minute in (95, 96, 97):
        story.attempt(minute, FULL, took=0.4)
    story.operate(118, AlarmAction.UNSHELVE)
    story.at(150, StartSupervision(host="nms1", process=1377))
    story.at(152, SeeFlash(slot=Slot.B, flash="cf3:", used_percent=41))
    story.attempt(155, COPIED, took=1)
    story.attempt(160, COPIED, Scope.BOOT_ENV, took=9)
    story.at(200, StartSwitchover(reason=SwitchoverReason.FORCED, operator="noc"))
    story.at(200.2, FinishSwitchover(switchover=1, duration_ms=12_000))
    story.at(201, SeeCard(slot=Slot.A, health=Health.ABSENT, detail="/srv/pe1/A does not exist"))
    story.at(222, SeeCard(slot=Slot.A, health=Health.IN_SERVICE))
    story.attempt(224, Failed(cause=Cause.UNREACHABLE, detail="192.0.2.7 port 22: no route to host"), took=1)
    story.attempt(240, COPIED, took=6)
    story.at(270, SeeCard(slot=Slot.A, health=Health.FAILED, detail="it does not pass its probes"), late=15)
    story.at(275, StartSwitchover(reason=SwitchoverReason.FORCED, operator="noc"))
    story.at(290, StopSupervision(host="nms1", process=1377))
    story.at(320, SetSyncMode(mode=SyncMode.BOOT_ENV, operator="operator"))


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    told = Story(tmp_path)
    yield told
    told.record.close()


@pytest.fixture
def hostile_story(tmp_path: Path) -> Iterator[Story]:
    """A chassis, an operator, a path and a message that would each like to be more than text."""
    told = Story(tmp_path, f"pe{HOSTILE}")
    told.provision(operator=HOSTILE, location=f"/srv/{HOSTILE}")
    told.attempt(5, Failed(cause=Cause.NO_SPACE, detail=f"{HOSTILE}</title></svg></style>"), took=1)
    told.at(9, StartSupervision(host=HOSTILE, process=1))
    yield told
    told.record.close()


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The report of a whole night."""
    folder = tmp_path_factory.mktemp("night")
    told = Story(folder)
    night(told)
    yield told.report(folder / "night.html")
    told.record.close()


@pytest.fixture
def hostile() -> str:
    return HOSTILE

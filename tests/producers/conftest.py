"""Cards with real files, what lies on them, and observers that do damage at the right moment."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.causes import STAGE_OF, Cause, Scope, Stage
from events.commands import Copied, Failed, Provision
from events.facts import CardLocation, Slot
from events.store import Record
from producers.cards.card import Card
from producers.cards.local import LocalCard
from producers.file_locks import FileLocks
from producers.station import Station
from producers.synchronizer import synchronize

BOF = r"""# TiMOS boot options
primary-image      cf3:\TiMOS-20.10.R3
primary-config     cf3:\pe1.cfg
secondary-config   cf3:\pe1-fallback.cfg
address            192.0.2.1/24 active
"""
NOBODY = 65534
Tree = dict[str, tuple[str, bytes]]


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    for flash in ("cf1", "cf2", "cf3"):
        (folder / flash).mkdir(parents=True, exist_ok=True)
    return folder


def read_tree(folder: Path) -> Tree:
    """Every name below a folder: what it is, with its content, permission bits and time."""
    tree: Tree = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            tree[name] = ("link", os.fsencode(path.readlink()))
        elif path.is_dir():
            tree[name] = ("folder", b"")
        else:
            found = path.stat()
            tree[name] = (f"file {found.st_mode:o} {found.st_mtime_ns}", path.read_bytes())
    return tree


@pytest.fixture
def tree() -> Callable[[Path], Tree]:
    return read_tree


@pytest.fixture
def active(tmp_path: Path) -> Path:
    """The folder of an active card with a whole boot environment."""
    return put(
        tmp_path / "a",
        {
            "cf3/bof.cfg": BOF.encode(),
            "cf3/boot.ldr": b"loader 20.10" * 100,
            "cf3/nvsys.info": b"nvsys",
            "cf3/pe1.cfg": b"configure system name pe1\n",
            "cf3/pe1.ndx": b"index of pe1",
            "cf3/pe1-fallback.cfg": b"configure system name fallback\n",
            "cf3/TiMOS-20.10.R3/both.tim": b"both 20.10" * 50_000,
            "cf3/TiMOS-20.10.R3/cpm.tim": b"cpm 20.10" * 10_000,
        },
    )


@pytest.fixture
def standby(tmp_path: Path) -> Path:
    """The folder of a standby card with an earlier boot environment: files to keep, to replace, to add, to remove."""
    return put(
        tmp_path / "b",
        {
            "cf3/bof.cfg": b"primary-image cf3:\\TiMOS-19.10.R1\nprimary-config cf3:\\pe1.cfg\n",
            "cf3/boot.ldr": b"loader 19.10" * 100,
            "cf3/nvsys.info": b"nvsys",
            "cf3/pe1.cfg": b"configure system name old\n",
            "cf3/pe1-fallback.ndx": b"index of a fallback that is gone",
            "cf3/log/log0101.txt": b"not ours",
            "cf3/TiMOS-19.10.R1/both.tim": b"both 19.10" * 1000,
        },
    )


@pytest.fixture
def cards(active: Path, standby: Path) -> tuple[LocalCard, LocalCard]:
    return LocalCard(Slot.A, active), LocalCard(Slot.B, standby)


class Meddler:
    """An observer that does something when a stage begins, or when the copy of a file does."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.files: list[str] = []
        self.bytes = 0
        self.at: dict[Stage | str, Callable[[], object]] = {}

    def stage(self, stage: Stage) -> None:
        self.stages.append(stage)
        self.at.get(stage, int)()

    def file(self, name: str, _size: int) -> None:
        self.files.append(name)
        self.at.get(name, int)()

    def copied(self, count: int) -> None:
        self.bytes += count
        self.at.get("copied", int)()


@pytest.fixture
def meddler() -> Meddler:
    return Meddler()


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def attempt(
    cards: tuple[LocalCard, LocalCard], meddler: Meddler, stop: threading.Event
) -> Callable[..., Copied | Failed]:
    """Make one attempt; between the cards of ``cards`` unless told otherwise."""

    def run(
        scope: Scope = Scope.BOOT_ENV, *, number: int = 7, source: Card = cards[0], standby: Card = cards[1]
    ) -> Copied | Failed:
        return synchronize(source, standby, scope, number, observer=meddler, stop=stop)

    return run


@pytest.fixture
def failing(attempt: Callable[..., Copied | Failed], standby: Path) -> Callable[..., Failed]:
    """Make an attempt, and see that it fails for ``cause`` and leaves the standby as it was, ``besides`` apart."""

    def run(cause: Cause, scope: Scope = Scope.BOOT_ENV, *, besides: str = "", **cards: LocalCard) -> Failed:
        folder = Path(cards["standby"].location) if "standby" in cards else standby

        def standby_tree() -> Tree:
            found = read_tree(folder) if folder.is_dir() else {}
            return {name: what for name, what in found.items() if name != besides}

        before = standby_tree()
        outcome = attempt(scope, **cards)
        assert isinstance(outcome, Failed)
        assert outcome.cause is cause, outcome.detail
        assert outcome.stage is STAGE_OF.get(cause, outcome.stage)
        assert standby_tree() == before
        return outcome

    return run


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="understudy-test-"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=True)
    shutil.rmtree(folder)


@pytest.fixture
def open_cards(open_folder: Path, active: Path, standby: Path) -> tuple[Path, Path]:
    """The folders of both cards, in a place that every user can enter."""
    return shutil.copytree(active, open_folder / "a"), shutil.copytree(standby, open_folder / "b")


@pytest.fixture
def as_nobody() -> Callable[[], object]:
    """A block in which root's power over permissions is given up; another user never had it."""

    @contextmanager
    def without_power() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        groups = os.getgroups()
        os.setgroups([])
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setgroups(groups)

    return without_power


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mount a small file system; tests that use it carry the marker ``mount``."""
    points: list[Path] = []

    def mount(name: str, size: str, *, options: str = "") -> Path:
        point = tmp_path / name
        point.mkdir(parents=True, exist_ok=True)
        told = ["mount", "-t", "tmpfs", "-o", f"size={size}{options}", "tmpfs", str(point)]
        done = subprocess.run(told, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = f"a small file system cannot be mounted here: {done.stderr.strip()}"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
        points.append(point)
        return point

    yield mount
    for point in reversed(points):
        subprocess.run(["umount", str(point)], check=True)


@pytest.fixture
def station(tmp_path: Path, active: Path, standby: Path) -> Iterator[Station]:
    """Chassis pe1 with both cards in service, in a record of its own; nothing is synchronised yet."""
    record = Record(tmp_path / "home.sqlite", lambda: datetime.now(UTC))
    cards = (CardLocation(slot=Slot.A, location=str(active)), CardLocation(slot=Slot.B, location=str(standby)))
    both = (Slot.A, Slot.B)
    record.execute("pe1", Provision(cards=cards, active=Slot.A, equipped=both, operator="operator"))
    yield Station(record, "pe1", FileLocks(tmp_path / "locks"))
    record.close()

"""Looking at the cards without writing: how they are, what a change is told by, and which conditions have ceased."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from events.causes import Cause, Scope
from events.state import Health
from producers.admission import admit
from producers.bof import InvalidBofError, read_bof
from producers.cards.card import FLASHES, Card, Writability
from producers.cards.names import flash_of, resolve, to_name, to_path
from producers.failure import SyncError, asking_standby, reading_source
from producers.manifest import BOF_PATH, Manifest, gather, read_start
from producers.plan import Plan, check_room, compare


@dataclass(frozen=True, slots=True)
class CardSeen:
    """What a look at a card shows; ``detail`` is empty for one in service.

    ``reached`` is false where the card could not be asked, so that nothing is known of its presence.
    """

    health: Health
    detail: str = ""
    reached: bool = True


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """The causes that were seen not to hold now, and how far the probe came."""

    disproved: tuple[Cause, ...]
    detail: str


def check_card(card: Card) -> CardSeen:
    """How a card is; never raises, since what keeps us from telling means that it failed."""
    try:
        card.connect()
        if not card.is_present():
            return CardSeen(Health.ABSENT, f"{card.describe()} is not there.")
        trouble = card.check_in_service()
    except SyncError as error:
        return CardSeen(Health.FAILED, error.detail, reached=False)
    except OSError as error:
        return CardSeen(Health.FAILED, f"{card.describe()} cannot be asked: {error}.", reached=False)
    return CardSeen(Health.IN_SERVICE) if trouble is None else CardSeen(Health.FAILED, trouble)


def flash_usage(card: Card) -> dict[str, int]:
    """Used per cent (0 to 100, rounded down) of each flash that the card has; of its quota, where it has one.

    Flashes that share their room count once, as the boot flash if it is among them.

    Raises:
        SyncError: the card cannot be reached.
        OSError: a flash cannot be asked.
    """
    card.connect()
    usage: dict[str, tuple[str, int]] = {}
    for flash in FLASHES:
        if card.stat(flash) is not None:
            space = card.space(flash)
            percent = min(100, 100 * (space.total - space.free) // space.total) if space.total else 100
            usage[space.pool] = flash, percent
    return dict(usage.values())


def software_version(card: Card) -> str | None:
    """The software that a card would boot, as its BOF's primary image is named; none if there is no telling.

    Raises:
        SyncError: the card cannot be reached.
        OSError: its BOF is there and cannot be read.
    """
    card.connect()
    if card.stat(BOF_PATH) is None:
        return None
    try:
        return read_bof(read_start(card, BOF_PATH)).software_version()
    except InvalidBofError:
        return None


def files_at(card: Card, names: Iterable[str]) -> dict[str, tuple[int, int, int] | None]:
    """What is on a card under these router names: size, time in ns and inode, or none where nothing is.

    Raises:
        SyncError: the card cannot be reached.
        OSError: it cannot be asked.
    """
    card.connect()
    found: dict[str, tuple[int, int, int] | None] = {}
    for name in names:
        path = resolve(card, to_path(name))
        stat = None if path is None else card.stat(path)
        found[name] = None if stat is None else (stat.size, stat.mtime_ns, stat.inode)
    return found


def snapshot(source: Card, scope: Scope) -> dict[str, tuple[int, int, int]]:
    """What tells a change of each file of the scope that the card has: router name -> size, time in ns, inode.

    Raises:
        SyncError: as ``producers.manifest.gather``.
    """
    source.connect()
    manifest = gather(source, scope)
    stats = {item.name: item.stat for item in manifest.items}
    return {name: (stat.size, stat.mtime_ns, stat.inode) for name, stat in stats.items() if stat is not None}


def out_of_step(source: Card, standby: Card) -> tuple[str, ...]:
    """Router names of the boot-env files in which the standby differs; all, if it cannot be asked.

    Raises:
        SyncError: as ``producers.manifest.gather``.
    """
    source.connect()
    manifest = gather(source, Scope.BOOT_ENV)
    try:
        standby.connect()
        plan = compare(source, standby, manifest, _no_tick)
    except SyncError:
        return tuple(item.name for item in manifest.present)
    return tuple(
        dict.fromkeys([copy.item.name for copy in plan.copies] + [to_name(gone.path) for gone in plan.removals])
    )


def probe(source: Card, standby: Card, scope: Scope, *, standing: Collection[Cause] = tuple(Cause)) -> ProbeReport:
    """Walk the part of an attempt that only reads, and report what no longer stands in its way.

    It stops at the first stage that does not hold. Of the later stages it sees only whether the standby could be
    written, where a card can tell. Whole files are read only if a cause in ``standing`` asks for it; the other causes
    may be reported too.
    """
    walk = _Walk(source, standby, scope, frozenset(standing))
    try:
        walk.run()
    except SyncError as error:
        disproved = tuple(cause for cause in walk.disproved if cause is not error.cause)
        return ProbeReport(disproved, f"A probe met {error.cause}: {error.detail}")
    return ProbeReport(tuple(walk.disproved), f"A probe of {standby.describe()} met nothing in the way.")


class _Walk:
    def __init__(self, source: Card, standby: Card, scope: Scope, standing: frozenset[Cause]) -> None:
        self._source = source
        self._standby = standby
        self._scope = scope
        self._standing = standing
        self.disproved: list[Cause] = []

    def run(self) -> None:
        admit(self._source, self._standby)
        self.disproved += [Cause.STANDBY_ABSENT, Cause.STANDBY_NOT_READY]
        self.disproved += [Cause.UNREACHABLE, Cause.AUTHENTICATION_FAILED]
        manifest = gather(self._source, self._scope)
        self.disproved += [Cause.SOURCE_MISSING, Cause.INVALID_BOF]
        if Cause.SOURCE_UNREADABLE in self._standing:
            self._read_all(manifest)
            self.disproved.append(Cause.SOURCE_UNREADABLE)
        if self._standing & {Cause.NO_SPACE, Cause.PERMISSION_DENIED, Cause.READ_ONLY}:
            plan = compare(self._source, self._standby, manifest, _no_tick)
            check_room(self._standby, plan)
            self.disproved.append(Cause.NO_SPACE)
            self._see_writability(manifest, plan)

    def _read_all(self, manifest: Manifest) -> None:
        for item in manifest.present:
            with reading_source(self._source, item.name, item.kind):
                self._source.digest(item.path, _no_tick)

    def _see_writability(self, manifest: Manifest, plan: Plan) -> None:
        if plan.trouble is not None:
            raise plan.trouble
        flashes = {*plan.flashes, *(flash_of(item.path) for item in manifest.present)}
        with asking_standby(self._standby):
            seen = {self._standby.writability(flash) for flash in flashes}
        if not seen & {Writability.READ_ONLY, Writability.UNKNOWN}:
            self.disproved.append(Cause.READ_ONLY)
            if Writability.DENIED not in seen:
                self.disproved.append(Cause.PERMISSION_DENIED)


def _no_tick(_count: int) -> None:
    """A probe is not stopped."""

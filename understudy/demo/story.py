"""The story that ``understudy demo`` plays, told as the record receives it."""

import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from events.causes import Cause, Scope, SyncMode
from events.commands import Provision, SetSyncMode
from events.envelope import Recorded
from events.facts import AlarmRaised, CardLocation, Slot, Trigger
from events.state import ChassisState
from events.store import Record
from producers.attempts import attempt
from producers.file_locks import FileLocks
from producers.station import Station
from producers.supervision import Settings, Supervisor
from projections.alarm_views import listing
from projections.event_log import entry, format_entry
from projections.redundancy import view
from understudy.demo import flash
from understudy.progress import observer
from understudy.reading import standing
from understudy.screens.alarms import alarm_lines
from understudy.screens.redundancy import synchronization_lines

CHASSIS = "pe1"
LAST_ENTRIES = 10
PATIENCE_SECONDS = 60.0
"""How long the story waits for a fact before it says that something is wrong."""
BRISK = Settings(probe_interval=0.2, probe_failures=3, retry_first=0.5, retry_limit=2.0, settling=0.1)


class Story:
    """Two cards, their record, and a supervisor that watches over them."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.a, self.b = folder / "card-A", folder / "card-B"
        self.home.mkdir(parents=True)
        self.record = Record(self.home / "record.sqlite", lambda: datetime.now(UTC))
        self.station = Station(self.record, CHASSIS, FileLocks(self.home / "locks"))
        self.quota: int | None = None
        self._told = 0

    def play(self) -> None:
        """Plays everything."""
        with ExitStack() as stack:
            stack.callback(self.record.close)
            if not stack.enter_context(flash.small_file_system(self.b)):
                self.quota = flash.STANDBY_SIZE
            self.provision()
            self.synchronize()
            stack.callback(self._supervise())
            self.save()
            logs = self.fail()
            self.repair(logs)
            self.lose_active_card()
            self.return_of_the_card()
            stack.pop_all().close()
        self.tell_the_end()

    def provision(self) -> None:
        """Two cards: one with everything, one empty."""
        kind = "a file system of 64 MB, mounted for this" if self.quota is None else "a quota of 64 MB on its location"
        self._say("Two cards. A has a boot environment; B is empty, and small", f"card B's flash is {kind}")
        flash.build_card(self.a)
        for name in ("cf1", "cf2", "cf3"):
            (self.b / name).mkdir()
        cards = (
            CardLocation(slot=Slot.A, location=str(self.a)),
            CardLocation(slot=Slot.B, location=str(self.b), quota=self.quota),
        )
        both = (Slot.A, Slot.B)
        self.record.execute(CHASSIS, Provision(cards=cards, active=Slot.A, equipped=both, operator="operator"))
        self._tell_news()

    def synchronize(self) -> None:
        """The first synchronisation, by hand."""
        self._say("admin redundancy synchronize boot-env")
        with observer() as looking_on:
            attempt(self.station, Scope.BOOT_ENV, Trigger.MANUAL, operator="operator", observer=looking_on)
        self._tell_news()

    def _supervise(self) -> Callable[[], None]:
        self._say("config redundancy synchronize boot-env, and supervision")
        self.record.execute(CHASSIS, SetSyncMode(mode=SyncMode.BOOT_ENV, operator="operator"))
        supervisor = Supervisor(self.station, BRISK)
        thread = threading.Thread(target=supervisor.run, name="supervision")
        thread.start()
        supervisor.watching.wait(PATIENCE_SECONDS)
        self._tell_news()

        def end() -> None:
            supervisor.stop()
            thread.join()
            self._tell_news()

        return end

    def save(self) -> None:
        """A saved configuration is picked up by itself."""
        self._say("An operator saves the configuration on card A")
        flash.save_configuration(self.a, 2)
        self._until(lambda state: state.attempts > 1 and not state.running and not state.standing())

    def fail(self) -> Path:
        """A failure made for real."""
        self._say("Old logs fill card B's flash; then an upgrade is prepared on card A")
        logs = flash.fill(self.b, self.quota)
        flash.boot_next_release(self.a)
        self._until(lambda state: any(alarm.qualifier == Cause.NO_SPACE for alarm in state.standing()))
        return logs

    def repair(self, logs: Path) -> None:
        """The condition goes away; the alarm goes with it, and says what proved it."""
        self._say("The old logs are removed")
        logs.unlink()
        self._until(lambda state: not state.standing() and not state.running)

    def lose_active_card(self) -> None:
        """The active card is pulled."""
        self._say("Card A, which is active, is pulled")
        self.a.rename(self.a.with_name("pulled"))
        self._until(lambda state: state.active is Slot.B and state.single)

    def return_of_the_card(self) -> None:
        """It comes back as the standby and is synchronised."""
        self._say("Card A is put back: it is the standby now")
        self.a.with_name("pulled").rename(self.a)
        self._until(lambda state: state.ready and not state.standing())

    def tell_the_end(self) -> None:
        """The state, the alarms and the record, read back."""
        with ExitStack() as stack:
            record = Record(self.home / "record.sqlite", lambda: datetime.now(UTC), create=False)
            stack.callback(record.close)
            then = standing(record, CHASSIS)
            self._say("The redundancy state, the alarm list and the log, read back from the record")
            for line in synchronization_lines(view(then.redundancy)):
                click.echo(line)
            for line in alarm_lines(listing(then.alarms), with_cleared=True):
                click.echo(line)
            click.echo(f"The log, its last {LAST_ENTRIES} entries:")
            for recorded in record.read(after=record.head() - LAST_ENTRIES):
                click.echo(format_entry(entry(recorded)))
            click.echo(f"{then.reached.facts} events, recorded in {record.place}")
            click.echo(f"The log:  understudy --home {self.home} show log")
            click.echo(
                f"As it was when the alarm stood:  understudy --home {self.home} replay --at {self._raised(record)}"
            )

    def _raised(self, record: Record) -> int:
        raised = (one.position for one in record.read() if isinstance(one.fact, AlarmRaised))
        return next(raised, record.head())

    def _say(self, what: str, detail: str = "") -> None:
        click.echo()
        click.echo(click.style(f"--- {what}" + (f" ({detail})" if detail else ""), bold=True))

    def _tell_news(self) -> None:
        for recorded in self.record.read(after=self._told):
            self._tell(recorded)

    def _tell(self, recorded: Recorded) -> None:
        self._told = recorded.position
        click.echo(format_entry(entry(recorded)))

    def _until(self, reached: Callable[[ChassisState], bool]) -> None:
        """Tells the record until the state is as awaited, and everything recorded with it."""
        with self.record.follow(after=self._told) as facts:
            timer = threading.Timer(PATIENCE_SECONDS, facts.stop)
            timer.start()
            try:
                for recorded in facts:
                    self._tell(recorded)
                    if recorded.position == self.record.head() and reached(self.station.state()):
                        return
            finally:
                timer.cancel()
        raise click.ClickException(f"What the story waits for did not happen within {PATIENCE_SECONDS:.0f} s.")


def play(folder: Path | None) -> None:
    """Plays the story in ``folder``, or in a new temporary one."""
    where = folder or Path(tempfile.mkdtemp(prefix="understudy-demo-"))
    Story(where.absolute()).play()

"""One attempt to make the standby card's files those of the active card, stage by stage, all or nothing."""

import threading

from events.causes import STAGE_OF, Cause, Scope, Stage
from events.commands import Copied, Failed
from events.facts import FileOutcome, FileResult
from producers.activation import activate
from producers.admission import admit
from producers.cards.card import Card
from producers.cards.names import flash_of, to_name
from producers.copying import changed, copy_file
from producers.failure import SyncError, writing_standby
from producers.manifest import Manifest, gather
from producers.observer import Observer
from producers.plan import Plan, check_room, compare
from producers.staging import give_up, make_staging, staged_file, sync_staging

Outcome = Copied | Failed


def synchronize(
    source: Card, standby: Card, scope: Scope, attempt: int, *, observer: Observer, stop: threading.Event
) -> Outcome:
    """Make the standby's files of ``scope`` those of the source; never raises for a failure of the world.

    ``attempt`` names the staging folders; ``recover`` has cleared up after earlier ones. ``stop`` ends the attempt as
    interrupted, at the latest before the activation, which always runs to its end.
    """
    return _Attempt(source, standby, scope, attempt, observer, stop).run()


class _Attempt:
    def __init__(
        self, source: Card, standby: Card, scope: Scope, attempt: int, observer: Observer, stop: threading.Event
    ) -> None:
        self._source = source
        self._standby = standby
        self._scope = scope
        self._attempt = attempt
        self._observer = observer
        self._stop = stop
        self._stage = Stage.ADMIT
        self._manifest: Manifest | None = None
        self._plan = Plan()

    def run(self) -> Outcome:
        try:
            return self._walk()
        except SyncError as error:
            return self._failed(error)
        except Exception as error:  # noqa: BLE001 - what nobody foresaw is recorded too, under the stage it came to
            detail = f"{type(error).__name__}: {error}"
            return self._failed(SyncError(Cause.INTERNAL_ERROR, detail))

    def _walk(self) -> Copied:
        self._enter(Stage.ADMIT)
        admit(self._source, self._standby)
        self._enter(Stage.REACH)
        self._enter(Stage.READ)
        self._manifest = gather(self._source, self._scope)
        self._enter(Stage.RESERVE)
        self._plan = compare(self._source, self._standby, self._manifest, self._tick)
        check_room(self._standby, self._plan)
        self._enter(Stage.TRANSFER)
        if not self._plan.flashes:
            self._check_source_unchanged()
            return self._copied([])
        try:
            digests = self._transfer()
            self._enter(Stage.VERIFY)
            self._verify(digests)
            self._enter(Stage.ACTIVATE)
            activate(self._standby, self._attempt, self._plan)
        except Exception as error:
            raise self._given_up(error) from error
        except BaseException:
            give_up(self._standby, self._attempt)
            raise
        return self._copied(digests)

    def _transfer(self) -> list[str]:
        if self._plan.trouble is not None:
            raise self._plan.trouble
        with writing_standby(self._standby):
            make_staging(self._standby, self._attempt, self._plan.flashes)
        digests: list[str] = []
        for number, copy in enumerate(self._plan.copies):
            self._observer.file(copy.item.name, copy.size)
            digests.append(copy_file(self._source, self._standby, copy.item, self._staged(number), self._progress))
            if copy.known_sha256 not in {None, digests[-1]}:
                raise changed(copy.item)
        with writing_standby(self._standby):
            sync_staging(self._standby, self._attempt, self._plan.flashes)
        self._check_source_unchanged()
        return digests

    def _check_source_unchanged(self) -> None:
        """All files as one: each may have held still, and still not be of one moment with the others."""
        assert self._manifest is not None
        try:
            again = gather(self._source, self._scope)
        except SyncError as error:
            if error.cause is Cause.INTERRUPTED:
                raise
            raise SyncError(Cause.SOURCE_CHANGED, error.detail, file=error.file) from error
        if again != self._manifest:
            earlier = {item.name: item for item in self._manifest.items}
            different = [item for item in again.items if earlier.pop(item.name, None) != item]
            raise changed([*different, *earlier.values(), self._manifest.bof_item][0])

    def _verify(self, digests: list[str]) -> None:
        for number, (copy, sha256) in enumerate(zip(self._plan.copies, digests, strict=True)):
            name = copy.item.name
            with writing_standby(self._standby, name):
                stored = self._standby.digest(self._staged(number), self._tick)
            if stored != sha256:
                detail = f"{name} on {self._standby.describe()} has SHA-256 {stored}, and {sha256} was sent."
                raise SyncError(Cause.CHECKSUM_MISMATCH, detail, file=name)

    def _staged(self, number: int) -> str:
        return staged_file(flash_of(self._plan.copies[number].target), self._attempt, number)

    def _given_up(self, error: Exception) -> SyncError:
        left = give_up(self._standby, self._attempt)
        if isinstance(error, SyncError):
            return SyncError(error.cause, error.detail + left, file=error.file, kind=error.kind)
        return SyncError(Cause.INTERNAL_ERROR, f"{type(error).__name__}: {error}.{left}")

    def _enter(self, stage: Stage) -> None:
        self._stage = stage
        self._observer.stage(stage)
        self._tick(0)

    def _tick(self, _count: int) -> None:
        if self._stop.is_set():
            raise SyncError(Cause.INTERRUPTED, "The attempt was stopped.")

    def _progress(self, count: int) -> None:
        self._observer.copied(count)
        self._tick(count)

    def _copied(self, digests: list[str]) -> Copied:
        assert self._manifest is not None
        results = self._plan.results | {
            copy.item.name: copy.item.result(FileOutcome.COPIED, sha256)
            for copy, sha256 in zip(self._plan.copies, digests, strict=True)
        }
        removed = [
            FileResult(name=to_name(gone.path), kind=gone.kind, outcome=FileOutcome.REMOVED, size=gone.size)
            for gone in self._plan.removals
        ]
        files = [results[item.name] for item in self._manifest.items if item.name in results]
        return Copied(files=(*files, *removed), bytes_copied=sum(copy.size for copy in self._plan.copies))

    def _failed(self, error: SyncError) -> Failed:
        stage = STAGE_OF.get(error.cause, self._stage)
        return Failed(cause=error.cause, stage=stage, detail=error.detail, files=self._files_of_failure(error))

    def _files_of_failure(self, error: SyncError) -> tuple[FileResult, ...]:
        if self._manifest is None:
            if error.file is None or error.kind is None:
                return ()
            return (FileResult(name=error.file, kind=error.kind, outcome=FileOutcome.FAILED),)
        blamed = (error.file or "").casefold()
        return tuple(
            item.result(FileOutcome.FAILED)
            if item.name.casefold() == blamed
            else self._plan.results.get(item.name) or item.result(item.outcome or FileOutcome.NOT_TRIED)
            for item in self._manifest.items
        )

"""The notary beside a process that does something else: a checkpoint every so often, if anything was recorded since."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from audit.notary import hand_out
from audit.notary_apart import Apart
from audit.notes_checkpoint import SignedCheckpoint
from audit.witnesses import Witness
from events.store import Record
from events.store.place import Place

GRACE_SECONDS = 10.0
"""How long the last checkpoint may take before it is given up; only the first one over a long record takes longer."""

_log = logging.getLogger(__name__)


class RegularNotary:
    """Makes checkpoints while it is entered, and one at the end; hashing is done in another process.

    What goes wrong is logged, once until it goes well again, and tried again the next time.
    """

    def __init__(
        self,
        home: Path,
        record: Record,
        place: Place,
        *,
        seconds: float,
        witnesses: Sequence[Witness] = (),
        origin: str | None = None,
    ) -> None:
        """``place`` is that of ``record``, with its password if it has one; ``seconds`` lie between checkpoints."""
        self._home, self._record, self._place, self._origin = home, record, place, origin
        self._seconds = seconds
        self._witnesses = witnesses
        self._stopped = threading.Event()
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notary")
        self._apart: Apart | None = None
        self._signed: SignedCheckpoint | None = None
        self._owed: SignedCheckpoint | None = None
        self._wrong = ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(GRACE_SECONDS)
        self._given_up.set()
        if self._apart is not None:
            self._apart.stop()
        self._thread.join()

    @property
    def newest(self) -> SignedCheckpoint | None:
        """The checkpoint that it made last."""
        return self._signed

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            self._try()
        self._try()

    def _try(self) -> None:
        try:
            self._act()
        except Exception as error:  # noqa: BLE001 - said, and tried again: what is done beside has to go on
            if str(error) != self._wrong:
                _log.warning("no checkpoint, or not everywhere: %s; it is tried again", error)
            self._wrong = str(error)
        else:
            if self._wrong:
                _log.info("checkpoints are made again")
            self._wrong = ""

    def _act(self) -> None:
        size = self._signed.checkpoint.size if self._signed else -1
        if self._record.head() > max(size, 0):
            self._signed = self._owed = self._make()
        if self._owed is not None:
            hand_out(self._owed, self._witnesses)
            self._owed = None

    def _make(self) -> SignedCheckpoint:
        self._apart = Apart(self._home, self._place, self._origin)
        if self._given_up.is_set():
            self._apart.stop()
        try:
            return self._apart.wait()
        finally:
            self._apart = None

"""Synchronising a boot environment between local folders, beside ``cp``, ``sync`` and ``sha256sum`` of both copies."""

import shutil
import subprocess
import threading
from pathlib import Path
from random import Random

from benchmarks.measuring import Row, at_most, medians
from events.causes import Scope
from events.commands import Copied
from events.facts import Slot
from producers.cards.local import LocalCard
from producers.observer import Silent
from producers.synchronizer import synchronize

MIB = 1024 * 1024
TARGET = 1.2
BOF = rb"""primary-image cf3:\TiMOS-20.10.R3
primary-config cf3:\pe1.cfg
"""
IMAGES = {"both.tim": 0.7, "cpm.tim": 0.2, "iom.tim": 0.1}
"""Image files, and each one's part of the size."""


class Cards:
    """A full active card, and an empty folder for each contender's copy, emptied again between rounds."""

    def __init__(self, folder: Path, size: int) -> None:
        self._active, self._standby, self._copy = folder / "a", folder / "b", folder / "cp"
        self._attempt = 0
        flash, noise = self._active / "cf3", Random(size)
        (flash / "TiMOS-20.10.R3").mkdir(parents=True)
        (flash / "bof.cfg").write_bytes(BOF)
        (flash / "boot.ldr").write_bytes(noise.randbytes(MIB))
        (flash / "pe1.cfg").write_bytes(noise.randbytes(MIB // 16))
        for name, part in IMAGES.items():
            (flash / "TiMOS-20.10.R3" / name).write_bytes(noise.randbytes(int(size * part)))

    def empty(self) -> None:
        """Empties the targets, and waits until the disk has nothing left to do."""
        for target in (self._standby, self._copy):
            shutil.rmtree(target, ignore_errors=True)
        for flash in ("cf1", "cf2", "cf3"):
            (self._standby / flash).mkdir(parents=True)
        subprocess.run(["sync"], check=True)

    def synchronize(self) -> None:
        """Our synchroniser: copied, flushed, verified by digest, put in place.

        Raises:
            RuntimeError: it failed.
        """
        self._attempt += 1
        source, standby = LocalCard(Slot.A, self._active), LocalCard(Slot.B, self._standby)
        outcome = synchronize(source, standby, Scope.BOOT_ENV, self._attempt, observer=Silent(), stop=threading.Event())
        if not isinstance(outcome, Copied):
            raise RuntimeError(outcome.detail)  # noqa: TRY004 - the outcome is no wrong argument

    def copy(self) -> None:
        """What an operator would type for the same."""
        script = 'cp -r "$1" "$2" && sync && find "$1" "$2" -type f -exec sha256sum {} + > /dev/null'
        subprocess.run(["sh", "-c", script, "sh", self._active, self._copy], check=True)


def run(folder: Path, *, quick: bool = False) -> list[Row]:
    """Median seconds of both, on 200 MB (20 MB for a quick look)."""
    size = 20_000_000 if quick else 200_000_000
    cards = Cards(folder, size)
    taken = medians({"ours": cards.synchronize, "cp": cards.copy}, rounds=3 if quick else 7, between=cards.empty)
    what = f"synchronise a boot-env of {size // 1_000_000} MB, local"
    return [at_most(what, taken["ours"], "s", "cp -r; sync; sha256sum of both", taken["cp"], TARGET)]

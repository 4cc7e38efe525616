"""The checkpoints at hand: those beside the record, those that witnesses hold, and what was kept aside by restores."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from audit.notary_key import pinned_key
from audit.notary_restored import restores
from audit.verification_answer import Finding, Restored
from audit.verification_held import gather
from audit.witnesses import Reading


class CheckpointAtHand(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint by the key of the home: how many facts it is of, their root (hex), and where it is held.

    ``outside`` tells that a witness holds it. Whether the record gives that root is not looked at.
    """

    size: int
    root: str
    origin: str
    place: str
    outside: bool


class CheckpointList(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoints at hand, the smallest first, what is wrong with others, witnesses that hold none, and restores.

    ``key`` is the verifier key that they are signed by; empty where nothing was ever signed.
    """

    key: str
    checkpoints: tuple[CheckpointAtHand, ...]
    findings: tuple[Finding, ...]
    empty: tuple[str, ...]
    restores: tuple[Restored, ...]


def list_checkpoints(home: Path, witnesses: Iterable[Reading]) -> CheckpointList:
    """What there is; neither the record nor anything else is opened or changed.

    Raises:
        WitnessError: a witness cannot be read.
        NoteError: the home's verifier key is damaged.
        NotaryError: what was noted of a restore cannot be read.
    """
    key = pinned_key(home)
    evidence = gather(home, witnesses, key)
    return CheckpointList(
        key=key.text if key else "",
        checkpoints=tuple(
            CheckpointAtHand(
                size=one.size,
                root=one.checkpoint.root.hex(),
                origin=one.checkpoint.origin,
                place=one.place,
                outside=one.outside,
            )
            for one in evidence.trusted
        ),
        findings=tuple(evidence.findings),
        empty=evidence.empty,
        restores=tuple(restores(home)),
    )

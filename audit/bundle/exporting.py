"""Makes an evidence bundle: writes its members, signs its manifest, packs it, and checks it before it has its name."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import orjson

from audit.bundle.asked import Asked, EvidenceError, Seals
from audit.bundle.packing import measure, move_into_place, pack
from audit.bundle.proofs import Gaps
from audit.bundle.readme import TEXT
from audit.bundle.spooling import Progress, Spool, Written
from audit.bundle.standalone import starter, verifier
from audit.bundle.verifier.checks import CHECKPOINTS, CONSISTENCY, PUBLIC_KEY, Verification
from audit.bundle.verifier.members import MANIFEST, SIGNATURE, Member
from audit.bundle.verifier.signing import MANIFEST_HEADING, Wrong, parse_key
from audit.merkle import consistency_proof
from audit.notes import SigningKey
from events.errors import CommandRefusedError
from events.store.recorder import Row

README, VERIFIER, STARTER = "README.txt", "verify.py", "__main__.py"

Checking = Callable[[str, int, int], object]
"""Is told what is checked of the bundle, and how much of how much of it is done."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that was made, and verified."""

    path: str
    sha256: str
    bytes: int
    facts: Written
    checkpoints: tuple[int, ...]
    key: str
    """The text of the public key that it is signed with."""


def export(
    rows: Iterable[Row],
    asked: Asked,
    seals: Seals,
    target: Path,
    *,
    replace: bool = False,
    with_parquet: bool | None = None,
    progress: Progress = lambda _done, _goal: None,
    checking: Checking = lambda _what, _done, _goal: None,
) -> Exported:
    """Makes the bundle of ``rows``, those that are asked for, in order; it has its name only when it is whole.

    Raises:
        EvidenceError: there are no such facts, one is damaged, or they are not those that the checkpoints seal; or
            the bundle cannot be written.
        CommandRefusedError: another file has the name, maybe since a moment ago, and ``replace`` does not say so.
    """
    with _told_by_name(target), TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as made_in:
        folder = Path(made_in)
        spool = Spool(folder, Gaps(seals.subtree), with_parquet=with_parquet)
        written = spool.write(rows, asked, seals.size, progress)
        names = [*_write_small(folder, seals), *spool.names(asked)]
        members = [measure(folder, name) for name in names]
        _write_manifest(folder, _manifest(asked, written, seals, members), seals.key)
        made = folder / "bundle"
        digest = pack(folder, [MANIFEST, SIGNATURE, *names], made)
        _check(made, seals, checking)
        size = made.stat().st_size
        move_into_place(made, target, replace=replace)
    return Exported(
        path=str(target),
        sha256=digest,
        bytes=size,
        facts=written,
        checkpoints=tuple(one.checkpoint.size for one in seals.checkpoints),
        key=seals.key.verifier.text,
    )


@contextmanager
def _told_by_name(target: Path) -> Generator[None]:
    """Whoever is told that a bundle cannot be written is told of the name that they gave it."""
    try:
        yield
    except FileExistsError as error:
        raise CommandRefusedError(f"{target} is there already; --force replaces it.") from error
    except OSError as error:
        # A write that fails, as on a full disk, names no file.
        if error.filename is not None and f"/.{target.name}." not in str(error.filename):
            raise
        raise EvidenceError(f"{target} cannot be written: {error.strerror or error}") from error


def _write_small(folder: Path, seals: Seals) -> list[str]:
    """Writes the members that do not grow with the facts; returns their names in the order of the bundle."""
    (folder / CHECKPOINTS).mkdir()
    members: dict[str, bytes] = {
        README: TEXT.encode("ascii"),
        STARTER: starter(),
        VERIFIER: verifier(),
        PUBLIC_KEY: f"{seals.key.verifier.text}\n".encode(),
        CONSISTENCY: _consistency(seals),
    }
    for one in seals.checkpoints:
        members[f"{CHECKPOINTS}{one.checkpoint.size:020d}.note"] = one.note.whole.encode()
    for name, content in members.items():
        (folder / name).write_bytes(content)
    return list(members)


def _consistency(seals: Seals) -> bytes:
    sizes = [one.checkpoint.size for one in seals.checkpoints]
    proofs = [
        {
            "older": older,
            "newer": newer,
            "hashes": [one.hex() for one in consistency_proof(older, newer, seals.subtree)],
        }
        for older, newer in pairwise(sizes)
    ]
    return orjson.dumps({"proofs": proofs}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _manifest(asked: Asked, written: Written, seals: Seals, members: list[Member]) -> dict[str, Any]:
    newest = seals.checkpoints[-1].checkpoint
    return {
        "format": MANIFEST_HEADING,
        "tool": asked.tool,
        "made_at": asked.made_at,
        "operator": asked.operator,
        "query": asked.query,
        "origin": seals.key.name,
        "range": {"first": asked.first, "last": asked.last, "chassis": asked.chassis},
        "facts": msgspec.structs.asdict(written),
        "tree": {"size": newest.size, "root": newest.root.hex()},
        "members": [member._asdict() for member in members],
    }


def _write_manifest(folder: Path, manifest: dict[str, Any], key: SigningKey) -> None:
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest, option=options))
    digest = measure(folder, MANIFEST).sha256
    note = key.sign(f"{MANIFEST_HEADING}\n{key.name}\n{digest}\n")
    (folder / SIGNATURE).write_bytes(note.whole.encode())


def _check(made: Path, seals: Seals, checking: Checking) -> None:
    """Nobody is given a bundle that does not verify: what the record holds may not be what was sealed."""
    key = parse_key(seals.key.verifier.text)
    try:
        wrong = [
            f"{part.name}: {text}"
            for part in Verification(made, pinned=key, held=[], progress=checking).parts()
            for text in part.wrong
        ]
    except Wrong as error:
        wrong = [str(error)]
    if wrong:
        raise EvidenceError(
            f"the facts are not those that the checkpoints seal ({wrong[0]}); see: understudy audit verify"
        )

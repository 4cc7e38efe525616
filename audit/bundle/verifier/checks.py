"""The parts of a bundle, each checked against the others and against the key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audit.bundle.verifier.archive import Archive
from audit.bundle.verifier.facts import FactsCheck
from audit.bundle.verifier.findings import Part
from audit.bundle.verifier.folder import Folder
from audit.bundle.verifier.hashing import is_consistent
from audit.bundle.verifier.members import (
    MANIFEST,
    SIGNATURE,
    Bundle,
    Member,
    Progress,
    listed_members,
    parse_manifest,
    read_whole,
)
from audit.bundle.verifier.signing import (
    MANIFEST_HEADING,
    Checkpoint,
    Key,
    Wrong,
    open_note,
    parse_checkpoint,
    parse_key,
)

PUBLIC_KEY = "notary.pub"
CONSISTENCY = "consistency.json"
CHECKPOINTS = "checkpoints/"
PARQUET = "facts.parquet"
SIGNED = "signature"
"""The part that says whether the manifest is as it was signed."""


class Verification:
    """Checks a bundle, part by part; a part that is damaged does not keep the others from being checked."""

    def __init__(self, path: Path, *, pinned: Key | None, held: list[bytes], progress: Progress) -> None:
        """``pinned`` is the key that has to have signed it all; ``held`` are checkpoints that were kept elsewhere.

        Raises:
            Wrong: this is no bundle, or its beginning is damaged.
        """
        self._bundle: Bundle = Folder(path) if path.is_dir() else Archive(path)
        self._pinned, self._held, self._progress = pinned, held, progress
        self._manifest: dict[str, Any] = {}
        self._members: list[Member] = []
        self._checkpoints: list[Checkpoint] = []
        self._signed = False

    def parts(self) -> Iterator[Part]:
        """The verdicts, each as soon as it is known."""
        yield self._check_manifest()
        yield self._check_content()
        part, key = self._find_key()
        yield part
        if key is None:
            return
        yield self._check_signature(key)
        yield self._check_checkpoints(key)
        yield self._check_consistency()
        if self._held:
            yield self._check_held(key)
        newest = self._checkpoints[-1] if self._checkpoints else None
        yield from FactsCheck(self._bundle, self._manifest, newest, self._progress).parts()
        if any(member.name == PARQUET for member in self._members):
            part = Part("parquet")
            part.said = "as it was when the manifest was signed; its content was not compared with the facts"
            yield part

    def title(self) -> str:
        """What the bundle says that it is evidence of, as soon as the signature of that is found good."""
        if not self._signed:
            return f"Evidence in {self._bundle.path}"
        asked, facts = self._manifest["range"], self._manifest["facts"]
        of = f" of {asked.get('chassis')}" if asked.get("chassis") is not None else ""
        first, last, count = asked.get("first"), asked.get("last"), facts.get("count")
        where = f"position {first}" if first == last else f"positions {first} to {last}"
        return f"Evidence of {self._manifest.get('origin')}: {count} fact{'' if count == 1 else 's'}{of}, {where}"

    def _check_manifest(self) -> Part:
        part = Part("manifest")
        with part:
            self._manifest = parse_manifest(read_whole(self._bundle, MANIFEST))
            form = self._manifest.get("format")
            part.require(form == MANIFEST_HEADING, f"{MANIFEST}: its format is {form!r}, this knows {MANIFEST_HEADING}")
            self._members = listed_members(self._manifest)
            part.said = f"names {len(self._members)} members and their digests"
        return part

    def _check_content(self) -> Part:
        part = Part("content")
        if not self._members:
            part.find("not checked, since the manifest cannot be used")
            return part
        with part:
            signed = [(name, read_whole(self._bundle, name)) for name in (MANIFEST, SIGNATURE)]
            first = [Member(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in signed]
            for wrong in self._bundle.check([*first, *self._members], self._progress):
                part.find(wrong)
            part.said = self._bundle.layout()
        return part

    def _find_key(self) -> tuple[Part, Key | None]:
        """All signatures have to be of the pinned key, where there is one; the bundle's own proves less."""
        part = Part("key")
        key = self._pinned
        with part:
            own = parse_key(read_whole(self._bundle, PUBLIC_KEY).decode().rstrip("\n"))
            key = self._pinned or own
            part.require(key == own, f"{PUBLIC_KEY} is not the key that you named")
            said = (
                "the one that you named"
                if self._pinned
                else "the bundle's own: whether it is genuine is for you to know"
            )
            part.said = f"{own.name}+{own.id.hex()} is {said}"
        return part, key

    def _check_signature(self, key: Key) -> Part:
        part = Part(SIGNED)
        with part:
            digest = hashlib.sha256(read_whole(self._bundle, MANIFEST)).hexdigest()
            try:
                signed = open_note(read_whole(self._bundle, SIGNATURE), key)
            except Wrong as wrong:
                raise Wrong(f"{SIGNATURE}: {wrong}") from wrong
            part.require(
                signed == f"{MANIFEST_HEADING}\n{key.name}\n{digest}\n",
                f"{MANIFEST} is not the one that {SIGNATURE} signs",
            )
            origin = self._manifest.get("origin")
            part.require(origin == key.name, f"{MANIFEST}: its origin is {origin!r}, its key {key.name!r}")
            part.said = f"the manifest is signed by {key.name}+{key.id.hex()}"
        self._signed = bool(self._manifest) and not part.wrong
        return part

    def _check_checkpoints(self, key: Key) -> Part:
        part = Part("checkpoints")
        with part:
            for name in [one.name for one in self._members if one.name.startswith(CHECKPOINTS)]:
                try:
                    checkpoint = self._open_checkpoint(read_whole(self._bundle, name), key)
                except Wrong as wrong:
                    part.find(f"{name}: {wrong}")
                    continue
                ordered = not self._checkpoints or checkpoint.size > self._checkpoints[-1].size
                named = name == f"{CHECKPOINTS}{checkpoint.size:020d}.note"
                part.require(ordered and named, f"{name}: it is the checkpoint of {checkpoint.size} facts")
                self._checkpoints.append(checkpoint)
            if not self._checkpoints:
                raise Wrong("there is none that can be used")
            sizes = ", ".join(str(one.size) for one in self._checkpoints)
            part.said = f"signed over the first {sizes} facts"
            newest = self._checkpoints[-1]
            tree = {"size": newest.size, "root": newest.root.hex()}
            part.require(
                self._manifest.get("tree") == tree, f"{MANIFEST}: its tree is not that of the newest checkpoint"
            )
        return part

    @staticmethod
    def _open_checkpoint(note: bytes, key: Key) -> Checkpoint:
        checkpoint = parse_checkpoint(open_note(note, key))
        if checkpoint.origin != key.name:
            raise Wrong(f"its origin is {checkpoint.origin!r}, its key {key.name!r}")
        return checkpoint

    def _check_consistency(self) -> Part:
        part = Part("consistency")
        with part:
            proofs = json.loads(read_whole(self._bundle, CONSISTENCY).decode())["proofs"]
            pairs = list(zip(self._checkpoints, self._checkpoints[1:]))  # noqa: B905 - Python 3.8
            stated = [(proof["older"], proof["newer"]) for proof in proofs]
            if stated != [(older.size, newer.size) for older, newer in pairs]:
                raise Wrong(f"{CONSISTENCY}: its proofs are not those between the checkpoints")
            for proof, (older, newer) in zip(proofs, pairs):  # noqa: B905 - Python 3.8
                hashes = [bytes.fromhex(digest) for digest in proof["hashes"]]
                holds = is_consistent((older.size, older.root), (newer.size, newer.root), hashes)
                part.require(
                    holds, f"{CONSISTENCY}: the first {newer.size} facts do not begin with the first {older.size}"
                )
            part.said = "each checkpoint is the beginning of the next" if pairs else "there is one checkpoint"
        return part

    def _check_held(self, key: Key) -> Part:
        part = Part("held")
        with part:
            newest = 0
            for note in self._held:
                held = self._open_checkpoint(note, key)
                own = [one for one in self._checkpoints if one.size == held.size]
                if not own:
                    part.find(
                        f"the checkpoint of {held.size} facts that you hold is not in the bundle: nothing follows"
                    )
                part.require(own in ([], [held]), f"the checkpoint of {held.size} facts that you hold has another root")
                newest = max(newest, held.size)
            part.said = f"what you hold is the bundle's: up to position {newest}, nothing was edited since"
        return part

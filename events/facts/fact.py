"""What every fact is: a frozen, typed record with a stored name of its own."""

from typing import ClassVar

import msgspec


class FactRoot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Root of the vocabulary. A fact says what happened, in the past tense, and is never changed.

    ``TYPE`` is the stored name. It carries the version of the shape and never depends on where the class lives.
    """

    TYPE: ClassVar[str]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Root of the records that stand inside a fact."""

"""What is found of each part of a bundle, and how that is told."""

from __future__ import annotations

from collections.abc import Iterable

from audit.bundle.verifier.signing import Wrong

MOST_TOLD = 10
"""So many findings of a part are told in words; a damaged disk may give a million."""


UNREADABLE = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)
"""What Python says of content that is not as it is expected."""


class Part:
    """The verdict on one part: good until something wrong is found."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.said = ""
        """What was found good, in words."""
        self.wrong: list[str] = []
        self.untold = 0

    def find(self, wrong: object) -> None:
        """Something is wrong; the text says what, and where."""
        if len(self.wrong) < MOST_TOLD:
            self.wrong.append(str(wrong))
        else:
            self.untold += 1

    def require(self, holds: object, wrong: str) -> None:
        """Something is wrong unless it holds."""
        if not holds:
            self.find(wrong)

    def lines(self) -> Iterable[str]:
        """The verdict as it is printed."""
        if not self.wrong:
            yield f"ok      {self.name:<12} {self.said}"
        for text in self.wrong:
            yield f"FAILED  {self.name:<12} {text}"
        if self.untold:
            yield f"FAILED  {self.name:<12} and {self.untold} more"

    def __enter__(self) -> Part:  # noqa: PYI034 - Self is newer than Python 3.8
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        """What cannot even be read is wrong; nothing that is damaged may end the verifier without a verdict."""
        if isinstance(error, Wrong):
            self.find(error)
            return True
        if isinstance(error, UNREADABLE):
            self.find(f"it cannot be read: {kind.__name__ if kind else ''}: {error}")
            return True
        return False

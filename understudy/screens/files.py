"""The files of an attempt, each with its own result, as ``admin redundancy synchronize`` prints them."""

from collections.abc import Iterable

from events.facts import FileKind, FileOutcome, FileResult

_KINDS = {
    FileKind.BOF: "boot option file",
    FileKind.BOOT_LOADER: "boot loader",
    FileKind.NVSYS: "nvsys file",
    FileKind.IMAGE: "image",
    FileKind.CONFIG: "configuration",
    FileKind.INDEX: "index",
}
_OUTCOMES = {
    FileOutcome.COPIED: "OK",
    FileOutcome.UNCHANGED: "OK (unchanged)",
    FileOutcome.REMOVED: "OK (removed)",
    FileOutcome.NOT_PRESENT: "not present",
    FileOutcome.REMOTE: "remote, not copied",
    FileOutcome.FAILED: "FAILED",
    FileOutcome.NOT_TRIED: "not tried",
}


def file_lines(files: Iterable[FileResult]) -> list[str]:
    """One line for each file."""
    named = [(f"{_KINDS[file.kind]} {file.name}", _OUTCOMES[file.outcome]) for file in files]
    width = max((len(name) for name, _ in named), default=0)
    return [f"{name:<{width}} ... {outcome}" for name, outcome in named]

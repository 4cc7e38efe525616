"""A card whose flashes are folders on this machine."""

import hashlib
import os
import stat as modes
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from errno import EINVAL, ELOOP, EMLINK, ENOENT, ENOSPC, ENOSYS, ENOTDIR, EOPNOTSUPP, EPERM
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from events.facts import Slot
from producers.cards.card import BOOT_FLASH, CHUNK, Entry, FileStat, NotSupportedError, Reader, Space, Tick, Writability

_PERMISSION_BITS = 0o777
_NOTHING_THERE = {ENOENT, ENOTDIR, ELOOP}
_NO_LINKS_HERE = {EPERM, EMLINK, ENOSYS, EOPNOTSUPP}


class LocalCard:
    """A card in a folder; ``quota`` limits, in bytes, what the files below it hold together (hard links count once)."""

    def __init__(self, slot: Slot, folder: Path, quota: int | None = None) -> None:
        self._slot = slot
        self._folder = folder
        self._quota = quota

    @property
    def slot(self) -> Slot:
        """The slot of the chassis that the card is in."""
        return self._slot

    @property
    def location(self) -> str:
        """The card's folder."""
        return str(self._folder)

    def describe(self) -> str:
        """The card in a message."""
        return f"card {self._slot} ({self._folder})"

    def connect(self) -> None:
        """Nothing to do: the folder is here."""

    def close(self) -> None:
        """Nothing to let go of."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def is_present(self) -> bool:
        """Whether anything is at the location."""
        return self.stat("") is not None

    def check_in_service(self) -> str | None:
        """None if the card can be used; otherwise why not."""
        for path, name in (("", str(self._folder)), (BOOT_FLASH, f"{BOOT_FLASH}:")):
            try:
                self.entries(path)
            except OSError as error:
                return f"{name} cannot be listed: {error.strerror}."
        return None

    def entries(self, path: str) -> list[Entry]:
        """The names in a folder, links to nothing included, in no order."""
        with os.scandir(self._real(path)) as names:
            return [_entry(name) for name in names]

    def stat(self, path: str) -> FileStat | None:
        """What is at ``path`` (links followed); none if nothing is."""
        try:
            found = self._real(path).stat()
        except OSError as error:
            if error.errno in _NOTHING_THERE:
                return None
            raise
        return FileStat(
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            inode=found.st_ino,
            is_dir=modes.S_ISDIR(found.st_mode),
            mode=modes.S_IMODE(found.st_mode) & _PERMISSION_BITS,
        )

    @contextmanager
    def open_read(self, path: str) -> Generator[Reader, None, None]:
        """Open a file for reading, unbuffered."""
        with _open_regular(self._real(path)) as file:
            yield file

    @contextmanager
    def create(self, path: str, like: FileStat) -> Generator["LocalWriter", None, None]:
        """A new file, with all of its room taken at once so that a full or limited flash shows here."""
        with self._real(path).open("xb", buffering=0) as file:
            self._check_quota(like.size)
            _take_room(file.fileno(), like.size)
            yield LocalWriter(file, like, self._check_quota)

    def digest(self, path: str, tick: Tick) -> str:
        """SHA-256 of a file's content in hexadecimal, in constant memory."""
        sha256 = hashlib.sha256()
        buffer = memoryview(bytearray(CHUNK))
        with _open_regular(self._real(path)) as file:
            while count := file.readinto(buffer):
                sha256.update(buffer[:count])
                tick(count)
        return sha256.hexdigest()

    def link(self, existing: str, new: str) -> None:
        """A second name for a file."""
        try:
            os.link(self._real(existing), self._real(new), follow_symlinks=False)
        except OSError as error:
            if error.errno in _NO_LINKS_HERE:
                raise NotSupportedError(error.errno, error.strerror) from error
            raise

    def replace(self, old: str, new: str) -> None:
        """Rename, over whatever file has the new name, in one step."""
        self._real(old).replace(self._real(new))

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._real(path).unlink()

    def make_folder(self, path: str) -> None:
        """Make one folder."""
        self._real(path).mkdir()

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        self._real(path).rmdir()

    def sync_folder(self, path: str) -> None:
        """Flush a folder's names to the disk."""
        descriptor = os.open(self._real(path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def space(self, flash: str) -> Space:
        """Room on a flash: that of its file system, or what the quota leaves of it."""
        folder = self._real(flash)
        found = os.statvfs(folder)
        free = found.f_bavail * found.f_frsize
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        if self._quota is None:
            return Space(free=free, total=used + free, pool=f"device {folder.stat().st_dev}")
        return Space(free=min(free, max(0, self._quota - self._used())), total=self._quota, pool="quota")

    def writability(self, flash: str) -> Writability:
        """Whether a flash could be written, told from its mount flags and its folder's permissions."""
        folder = self._real(flash)
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return Writability.READ_ONLY
        return Writability.WRITABLE if os.access(folder, os.W_OK | os.X_OK, effective_ids=True) else Writability.DENIED

    def _real(self, path: str) -> Path:
        return self._folder / path

    def _check_quota(self, size: int) -> None:
        if self._quota is not None and self._used() + size > self._quota:
            raise OSError(ENOSPC, f"{os.strerror(ENOSPC)} (quota of {self._quota} bytes)")

    def _used(self) -> int:
        sizes: dict[tuple[int, int], int] = {}
        for folder, _, names in os.walk(self._folder):
            for name in names:
                with suppress(FileNotFoundError):  # gone since it was listed: it uses nothing
                    found = (Path(folder) / name).lstat()
                    if modes.S_ISREG(found.st_mode):
                        sizes[found.st_dev, found.st_ino] = found.st_size
        return sum(sizes.values())


class LocalWriter:
    """A new file on this machine, for which ``like.size`` bytes have been set aside."""

    def __init__(self, file: FileIO, like: FileStat, check_quota: Callable[[int], None]) -> None:
        self._file = file
        self._like = like
        self._check_quota = check_quota
        self._written = 0

    def write(self, data: bytes, /) -> None:
        """Append all of ``data``; what goes beyond the room set aside is held against the quota again."""
        self._written += len(data)
        beyond = self._written - self._like.size
        if beyond > 0:
            self._check_quota(min(beyond, len(data)))
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def sync(self) -> None:
        """Give the file the time and permission bits of ``like``, and flush it to the disk."""
        descriptor = self._file.fileno()
        with suppress(PermissionError):  # a FAT flash has no permission bits to give
            os.fchmod(descriptor, self._like.mode)
        os.utime(descriptor, ns=(self._like.mtime_ns, self._like.mtime_ns))
        os.fsync(descriptor)
        # So that the digest taken next is of what the disk gives back, not of what memory still holds.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _entry(found: "os.DirEntry[str]") -> Entry:
    try:
        target = found.stat()
    except OSError:  # a link to nothing, or a loop of links: still a name
        return Entry(name=found.name, is_dir=False, size=0)
    return Entry(name=found.name, is_dir=modes.S_ISDIR(target.st_mode), size=target.st_size)


def _open_regular(path: Path) -> FileIO:
    # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    file = FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
    if modes.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(EINVAL, "Not a regular file")


def _take_room(descriptor: int, size: int) -> None:
    try:
        if size > 0:
            os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in {EOPNOTSUPP, ENOSYS}:  # then a full flash shows while writing
            raise

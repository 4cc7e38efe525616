"""The cards of the demonstration: real flash folders, and a standby whose flash is really small."""

import os
import random
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

MEGABYTE = 1024 * 1024
RELEASE = "TiMOS-20.10.R3"
NEXT_RELEASE = "TiMOS-21.2.R1"
IMAGES = {"both.tim": 12, "cpm.tim": 6, "support.tim": 2}
"""Names and sizes of the image files, in MB."""
STANDBY_SIZE = 64 * MEGABYTE


def bof(release: str) -> str:
    """A boot options file with a primary and a secondary configuration."""
    return (
        "# boot options\n"
        f"primary-image    cf3:\\{release}\n"
        "primary-config   cf3:\\pe1.cfg\n"
        "secondary-config cf3:\\pe1-fallback.cfg\n"
        "address          192.0.2.1/24 active\n"
        "persist          on\n"
    )


def configuration(revision: int) -> str:
    """A saved configuration."""
    ports = "".join(f"    port 1/1/{port}\n        no shutdown\n    exit\n" for port in range(1, 48))
    return f"# saved, revision {revision}\nexit all\nconfigure\n{ports}exit all\n"


def build_card(folder: Path) -> None:
    """A card as it comes out of a maintenance window: all three flashes, a BOF and everything that it names."""
    for flash in ("cf1", "cf2", "cf3"):
        (folder / flash).mkdir(parents=True, exist_ok=True)
    cf3 = folder / "cf3"
    (cf3 / "bof.cfg").write_text(bof(RELEASE))
    (cf3 / "boot.ldr").write_bytes(random.Random(1).randbytes(MEGABYTE))  # noqa: S311 - filler, not a secret
    (cf3 / "nvsys.info").write_text("nvsys 1\n")
    save_configuration(folder, 1)
    (cf3 / "pe1-fallback.cfg").write_text(configuration(0))
    add_release(folder, RELEASE)


def save_configuration(folder: Path, revision: int) -> None:
    """What ``admin save`` does: the configuration and its persistent index."""
    (folder / "cf3" / "pe1.cfg").write_text(configuration(revision))
    (folder / "cf3" / "pe1.ndx").write_text(f"index of revision {revision}\n")


def add_release(folder: Path, release: str) -> None:
    """The image files of a software release."""
    images = folder / "cf3" / release
    images.mkdir()
    for name, size in IMAGES.items():
        filler = random.Random(f"{release}/{name}")  # noqa: S311 - filler, not a secret
        (images / name).write_bytes(filler.randbytes(size * MEGABYTE))


def boot_next_release(folder: Path) -> None:
    """An upgrade: new images, and a BOF that names them."""
    add_release(folder, NEXT_RELEASE)
    (folder / "cf3" / "bof.cfg").write_text(bof(NEXT_RELEASE))


@contextmanager
def small_file_system(folder: Path) -> Generator[bool]:
    """Mounts a small file system on ``folder``, for as long as the block lasts; yields whether that could be had."""
    folder.mkdir(parents=True)
    mounted = os.geteuid() == 0 and _run(
        "mount", "-t", "tmpfs", "-o", f"size={STANDBY_SIZE}", "understudy", str(folder)
    )
    try:
        yield mounted
    finally:
        if mounted:
            _run("umount", "--lazy", str(folder))


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603 - fixed words
    except OSError:
        return False


def _used(folder: Path) -> int:
    """Bytes of all files; a synchronisation may make and remove some meanwhile."""
    used = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                used += Path(place, name).stat().st_size
    return used


def fill(folder: Path, quota: int | None) -> Path:
    """Fills the card's flash with old logs until it is full: the file system's end, or the quota."""
    logs = folder / "cf3" / "old-logs.bin"
    left = STANDBY_SIZE if quota is None else quota - _used(folder)
    with logs.open("wb") as file:
        while left > 0:
            block = min(MEGABYTE, left)
            try:
                file.write(bytes(block))
                file.flush()
            except OSError:
                break
            left -= block
    return logs

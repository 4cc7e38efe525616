"""Where the jars of the broker lie: fetched once into a cache outside of the tree, and made quick to start.

A start takes a second instead of three with an archive of the loaded classes (Java's class data sharing), and
formatting its storage takes nothing when a folder that was formatted once is copied.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

SOURCES = Path(__file__).parent / "kafka-broker"
VERSION = "4.1.2"
# A quick start counts here, and little memory.
JVM = ("-Xms64m", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")


class NoBrokerHereError(Exception):
    """This machine lacks a part that the broker needs."""


@dataclass(frozen=True)
class Installation:
    """Kafka's jars on this machine."""

    java: str
    folder: Path
    jvm: tuple[str, ...] = JVM

    @property
    def libraries(self) -> Path:
        return self.folder / "libs"

    @property
    def formatted(self) -> Path:
        """Storage of a cluster that nobody has used; to be copied."""
        return self.folder / "formatted"

    @property
    def classes(self) -> Path:
        """The archive of loaded classes, which is of use only to the Java that made it."""
        program = Path(self.java).resolve()
        made_by = f"{program} {program.stat().st_mtime_ns} {self.libraries}"
        return self.folder / f"classes-{sha256(made_by.encode()).hexdigest()[:16]}.jsa"

    def command(self, *words: str, archive: str | None = None) -> list[str]:
        """How a main class of Kafka is run."""
        if archive is None:
            archive = f"-XX:SharedArchiveFile={self.classes}"
        jars = os.pathsep.join(str(jar) for jar in sorted(self.libraries.glob("*.jar")))
        logging = f"-Dlog4j2.configurationFile={SOURCES / 'log4j2.properties'}"
        return [self.java, *self.jvm, archive, logging, "-cp", jars, *words]


def install(warm_up: Callable[[Installation, list[str]], object]) -> Installation:
    """Fetches what is missing; safe when several processes ask at once.

    ``warm_up`` starts a broker with a command, and stops it again.

    Raises:
        NoBrokerHereError: a part is missing, or cannot be fetched.
    """
    java, maven = _found("java"), _found("mvn")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "understudy-tests"
    cache.mkdir(parents=True, exist_ok=True)
    pom = SOURCES / "pom.xml"
    folder = cache / f"kafka-{VERSION}-{sha256(pom.read_bytes()).hexdigest()[:8]}"
    folder.mkdir(exist_ok=True)
    installation = Installation(java, folder)
    with _alone(folder / "lock"):
        _make(installation.libraries, lambda new: _fetch(maven, pom, new))
        _make(installation.formatted, lambda new: _format(installation, new))
        _make(
            installation.classes,
            lambda new: warm_up(
                installation, installation.command("kafka.Kafka", archive=f"-XX:ArchiveClassesAtExit={new}")
            ),
        )
    return installation


def _found(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise NoBrokerHereError(f"there is no {program} here, which a Kafka broker needs")
    return found


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(wanted: Path, make: Callable[[Path], object]) -> None:
    """Makes a file or folder under another name first, so that it is there whole or not at all."""
    if wanted.exists():
        return
    with tempfile.TemporaryDirectory(dir=wanted.parent, prefix="new-") as beside:
        new = Path(beside) / wanted.name
        make(new)
        new.rename(wanted)


def _fetch(maven: str, pom: Path, folder: Path) -> None:
    command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode != 0:
        raise NoBrokerHereError(f"Kafka's jars cannot be fetched: {(done.stdout + done.stderr)[-2000:]}")


def _format(installation: Installation, folder: Path) -> None:
    settings = folder.parent / "server.properties"
    settings.write_text(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:1\n"
        "listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1\ncontroller.listener.names=CONTROLLER\n"
        f"log.dirs={folder}\n"
    )
    words = ("kafka.tools.StorageTool", "format", "--cluster-id=understudy-test-000000", "-c", str(settings))
    done = subprocess.run(installation.command(*words), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr

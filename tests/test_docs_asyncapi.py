"""The AsyncAPI document of the topics follows from the code, is valid, and describes what is really sent."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from consumers.cloudevents import Message, alarm_message, fact_message
from events.codec import decode
from events.facts import FACTS
from projections.alarm_changes import AlarmChanges, AlarmLeft, AlarmState

ROOT = Path(__file__).parent.parent
VALIDATOR = ROOT / "tests" / "asyncapi"
DOCUMENT = ROOT / "docs" / "asyncapi.json"
Validate = Callable[[bytes], "subprocess.CompletedProcess[str]"]


def without(reason: str) -> None:
    pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@pytest.fixture(scope="session")
def validate() -> Validate:
    """AsyncAPI's own parser, fetched once into a cache outside of the tree."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        without("there is no Node.js with npm here")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "understudy-tests"
    folder = cache / f"asyncapi-{sha256((VALIDATOR / 'package-lock.json').read_bytes()).hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "fetched").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(VALIDATOR / name, folder)
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                without(f"AsyncAPI's parser cannot be fetched: {done.stderr[-500:]}")
            (folder / "fetched").touch()

    def run(document: bytes) -> "subprocess.CompletedProcess[str]":
        command = [node, str(VALIDATOR / "validate.cjs")]
        env = {**os.environ, "NODE_PATH": str(folder / "node_modules")}
        return subprocess.run(command, input=document.decode(), capture_output=True, text=True, env=env, check=False)

    return run


def test_the_document_is_that_of_the_code(tmp_path: Path) -> None:
    written = tmp_path / "asyncapi.json"
    subprocess.run([sys.executable, ROOT / "docs" / "asyncapi.py", written], check=True, cwd=ROOT)
    assert DOCUMENT.read_text() == written.read_text(), "run: python docs/asyncapi.py"


def test_the_document_is_valid(validate: Validate) -> None:
    done = validate(DOCUMENT.read_bytes())
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("part", ["info", "channels/events/messages/alarm.raised.v1/$ref"])
def test_the_validator_finds_what_is_wrong(validate: Validate, part: str) -> None:
    document = orjson.loads(DOCUMENT.read_bytes())
    *folders, last = part.split("/")
    place = document
    for name in folders:
        place = place[name]
    place[last] = "#/nowhere"
    done = validate(orjson.dumps(document))
    assert done.returncode == 1, done.stderr
    assert '"severity":0' in done.stdout


def test_the_lock_file_names_no_address_but_the_registry() -> None:
    lock = (VALIDATOR / "package-lock.json").read_text()
    assert set(re.findall(r'"resolved": "(https?://[^/]+)', lock)) <= {"https://registry.npmjs.org"}
    assert lock.count('"integrity"') > 100


def check(part: str, value: Any) -> None:
    document = orjson.loads(DOCUMENT.read_bytes())
    Draft202012Validator({**document, "$ref": f"#/components/messages/{part}"}).validate(value)


def check_message(message: Message) -> None:
    headers = {name: value.decode() for name, value in message.headers}
    check(f"{headers['ce_type']}/headers", headers)
    check(f"{headers['ce_type']}/payload", None if message.value is None else orjson.loads(message.value))


@pytest.mark.parametrize("name", FACTS)
def test_the_message_of_every_fact_is_as_described(name: str) -> None:
    (example,) = (ROOT / "tests" / "recorded" / name).glob("plain.json")
    check_message(fact_message(decode(name, example.read_bytes(), chassis="pe1", version=3, position=5)))


def test_the_messages_of_alarms_are_as_described() -> None:
    changes, kinds = AlarmChanges(), set[type]()
    for line in (ROOT / "tests" / "recorded" / "streams" / "v1" / "pe1.jsonl").read_bytes().splitlines():
        told = orjson.loads(line)
        recorded = decode(
            told["name"],
            orjson.dumps(told["body"]),
            chassis=told["chassis"],
            version=told["version"],
            position=told["position"],
        )
        for identity, change in changes.apply(recorded):
            kinds.add(type(change))
            check_message(alarm_message(identity, change, recorded))
    assert kinds == {AlarmState, AlarmLeft}

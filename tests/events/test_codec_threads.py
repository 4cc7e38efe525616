"""Threads that meet kinds of facts for the first time, all at one moment, in a process where they are the first."""

import subprocess
import sys
from pathlib import Path

SHAPES = Path(__file__).parents[1] / "recorded"
PROCESSES = 3
"""One is enough nearly always."""

READ_ALL = """
import sys, threading
from pathlib import Path
from events.codec import decode

FILES = [one for one in Path(sys.argv[1]).glob("*/*.json") if one.parent.name != "streams"]
SHAPES = [(one.parent.name, one.read_bytes()) for one in FILES]
THREADS = 8
begin, read = threading.Barrier(THREADS), []

def read_all(number):
    begin.wait()
    for at in range(len(SHAPES)):
        name, state = SHAPES[(at * (number + 1) + number) % len(SHAPES)]
        read.append(decode(name, state, chassis="pe1", version=1))

sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=read_all, args=(number,)) for number in range(THREADS)]
for one in threads:
    one.start()
for one in threads:
    one.join()
assert len(read) == THREADS * len(SHAPES) > 0
"""


def test_threads_learn_the_kinds_of_facts_one_after_the_other() -> None:
    for _ in range(PROCESSES):
        done = subprocess.run(
            [sys.executable, "-c", READ_ALL, str(SHAPES)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done

"""README command 1: the main job with real files, as a process."""

import re
import subprocess
import sys
from pathlib import Path


def test_the_demonstration_plays_to_its_end_and_tells_all_of_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "understudy", "demo", "--folder", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout
    story = [
        r"a file system of 64 MB, mounted for this|a quota of 64 MB on its location",
        r"SYSTEM #2014",  # boot-env synchronised
        r"SYSTEM #2025",  # the standby is ready
        r"#3009.*\n.*pe1\.cfg",  # a configuration was saved
        r"SYSTEM #2012",  # and picked up
        r"SYSTEM #2015.*\n.*no-space",  # the flash is full
        r"Alarm boot-env-sync-failed \(no-space\) raised",
        r"Alarm boot-env-sync-failed \(no-space\) cleared.*proved by event \d+",
        r"CHASSIS #2003",  # the active card was pulled
        r"SYSTEM #2027",
        r"SYSTEM #2028",
        r"CHASSIS #2002",  # it is back
        r"SYSTEM #2014.*\n.*to card A succeeded",
        r"Can Take Over Now +: yes",
        r"Alarms \[Critical:0 Major:0 Minor:0 Warning:0 Total:0\]",
        r"events, recorded in ",
    ]
    at = 0
    for chapter in story:
        found = re.compile(chapter).search(told, at)
        assert found, f"{chapter} is not told after:\n{told[:at][-500:]}"
        at = found.start()

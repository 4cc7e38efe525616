"""Whether anybody watches over the chassis, as ``show redundancy synchronization`` tells."""

import signal

from events.facts import SupervisionStarted, SupervisionStopped


def test_a_supervisor_shows_and_so_does_its_sudden_end(installed, quick, off, start) -> None:
    assert "Supervised By              : nobody\n" in installed.run("show", "redundancy", "synchronization").stdout

    running = start(installed, *quick)
    by = off.until_fact(SupervisionStarted).fact
    assert f": process {by.process} on" in installed.run("show", "redundancy", "synchronization").stdout
    assert installed.json("show", "redundancy", "synchronization")["supervised"] is True

    running.signal(signal.SIGKILL)
    screen = installed.run("show", "redundancy", "synchronization").stdout
    assert f"nobody: process {by.process} on" in screen
    assert installed.json("show", "redundancy", "synchronization")["supervised"] is False


def test_a_supervisor_that_stops_in_good_order_leaves_nobody(installed, quick, off, start) -> None:
    running = start(installed, *quick)
    off.until_fact(SupervisionStarted)
    running.signal(signal.SIGTERM)
    off.until_fact(SupervisionStopped)
    assert installed.json("show", "redundancy", "synchronization")["supervised_by"] == ""

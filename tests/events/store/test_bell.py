"""The bell of a SQLite record, whose file cannot always be opened."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from events.store.bell import Bell

PATIENCE_SECONDS = 30.0


def test_a_bell_that_cannot_open_the_file_at_first_rings_once_it_can(tmp_path: Path) -> None:
    folder, rung = tmp_path / "away", threading.Event()
    bell = Bell(str(folder / "record.db"))
    bell.listen(rung)
    try:
        # The listeners look themselves, and meet what is the matter.
        assert rung.wait(PATIENCE_SECONDS)
        folder.mkdir()
        with closing(sqlite3.connect(folder / "record.db", isolation_level=None)) as connection:
            connection.execute("CREATE TABLE facts (number)")
            for number in range(3):
                rung.clear()
                connection.execute("INSERT INTO facts VALUES (?)", (number,))
                assert rung.wait(PATIENCE_SECONDS)
    finally:
        bell.unlisten(rung)

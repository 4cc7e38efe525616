"""What only a record in PostgreSQL has: tables beside others, settings of its connections, and places that are URLs."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from events.commands import Provision, StartSupervision
from events.errors import (
    BadPlaceError,
    RecordAwayError,
    RecordMissingError,
    RecordNewerError,
    RecordUnreadableError,
)
from events.store import Record
from events.store.place import Place, parse_place, show_place

Open = Callable[..., Record]
Sql = Callable[[str], list[Any]]

pytestmark = [pytest.mark.postgresql, pytest.mark.xdist_group("postgresql")]


@pytest.fixture
def place(postgres_url: str) -> Place:
    """These run over PostgreSQL alone."""
    return postgres_url


def use(place: Place, *, create: bool = True) -> int:
    with Record(place, lambda: datetime.now(UTC), create=create) as record:
        return record.head()


def test_no_record_where_one_is_expected_is_refused_and_none_is_made(place: Place, execute_sql: Sql) -> None:
    with pytest.raises(RecordMissingError, match=r"there is no record at postgresql://noc@/record\d+\?host=/.*--store"):
        use(place, create=False)
    assert execute_sql("SELECT to_regclass('stored_events')") == [(None,)]


def test_a_table_of_another_program_is_refused_and_left_as_it_is(place: Place, execute_sql: Sql) -> None:
    execute_sql("CREATE TABLE stored_events (originator_id uuid)")
    with pytest.raises(RecordUnreadableError, match="has a table stored_events that is not a record but another prog"):
        use(place)
    assert execute_sql("SELECT count(*) FROM information_schema.columns WHERE table_name = 'stored_events'") == [(1,)]


@pytest.mark.usefixtures("record")
def test_a_record_of_a_newer_program_is_refused(place: Place, execute_sql: Sql) -> None:
    execute_sql("COMMENT ON TABLE stored_events IS 'A record of Understudy, format 2'")
    with pytest.raises(RecordNewerError, match="has record format 2, this program knows 1: use a newer Understudy"):
        use(place)


def test_a_record_is_not_emptied(record: Record, execute_sql: Sql) -> None:
    with pytest.raises(Exception, match="the record is append-only"):
        execute_sql("TRUNCATE stored_events")
    assert record.head() == 3


def test_guards_hold_where_the_triggers_of_replication_are_off(record: Record, execute_sql: Sql) -> None:
    with pytest.raises(Exception, match="the record is append-only"):
        execute_sql("SET session_replication_role = replica; DELETE FROM stored_events")
    assert record.head() == 3


def test_an_append_that_fails_leaves_no_gap(record: Record, execute_sql: Sql) -> None:
    with pytest.raises(Exception, match="duplicate key"):
        execute_sql("SELECT append_facts('{pe1,pe1}', '{4,3}', '{a.v1,a.v1}', ARRAY['', '']::bytea[])")
    assert record.execute("pe1", StartSupervision(host="mgmt1", process=1))[0].position == 4


def test_two_schemas_of_one_database_are_two_records(
    place: Place, open_record: Open, execute_sql: Sql, provision: Provision
) -> None:
    execute_sql("CREATE SCHEMA lab")
    lab = f"{place}&options=-csearch_path%3Dlab"
    open_record(lab).execute("pe9", provision)
    open_record().execute("pe1", provision)
    assert open_record(lab, create=False).chassis() == ["pe9"]
    assert open_record(create=False).chassis() == ["pe1"]


def test_every_commit_reaches_the_disk_whatever_the_default_of_the_database(
    open_record: Open, execute_sql: Sql
) -> None:
    execute_sql(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$"
    )
    assert execute_sql("SHOW synchronous_commit") == [("off",)]
    assert shown_by(open_record(), "synchronous_commit") == "on"


def test_a_stronger_guarantee_than_ours_is_left_as_it_is(place: Place, open_record: Open) -> None:
    assert shown_by(open_record(f"{place}&options=-csynchronous_commit%3Dremote_apply"), "synchronous_commit") == (
        "remote_apply"
    )


def test_a_dead_host_is_noticed_within_seconds_on_both_sides(postgres_server: Any, open_record: Open) -> None:
    record = open_record(postgres_server.url_over_tcp(postgres_server.new_database()))
    settings = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
    assert [shown_by(record, name) for name in settings] == ["2", "1", "3", "5000"]
    datastore: Any = getattr(record.recorder, "datastore", None)
    with datastore.get_connection() as connection, closing(socket.socket(fileno=os.dup(connection.fileno()))) as ours:
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, 18)
        assert [ours.getsockopt(socket.IPPROTO_TCP, one) for one in options] == [2, 1, 3, 5000]


def test_who_keeps_a_record_in_a_file_does_not_wait_for_the_driver_of_the_database() -> None:
    said = subprocess.check_output(
        [sys.executable, "-c", "import sys, understudy.cli; print('psycopg' in sys.modules)"]
    )
    assert said == b"False\n"


def shown_by(record: Record, setting: str) -> Any:
    datastore: Any = getattr(record.recorder, "datastore", None)
    with datastore.get_connection() as connection:
        return connection.execute(f"SHOW {setting}").fetchone()[0]


def test_a_follower_is_told_by_the_server_and_does_not_ask_it(
    record: Record, open_record: Open, execute_sql: Sql
) -> None:
    other = open_record()
    with record.follow(after=3) as facts:
        other.execute("pe1", StartSupervision(host="mgmt2", process=1))
        assert next(facts).position == 4
        [(listening,)] = execute_sql(
            "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        assert listening == "LISTEN understudy"


# Places


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://noc:s3cret@db.example.net:5433/alarms", "postgresql://noc@db.example.net:5433/alarms"),
        ("postgres://db/alarms?password=s3cret&sslmode=verify-full", "postgresql://db/alarms"),
        ("postgresql://noc:s3cret@/alarms?host=/run/postgresql", "postgresql://noc@/alarms?host=/run/postgresql"),
    ],
)
def test_a_place_is_shown_without_its_password(url: str, shown: str) -> None:
    assert show_place(parse_place(url)) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://noc:s3%cret@db/alarms",
        "postgresql://noc:s3 cret@db/alarms",
        "postgresql://noc:s3@cret@db/alarms",
        "postgresql://noc:s3cret@[::1/alarms",
        "postgresql://noc:s3cret@db/alarms?colour=red",
        "mysql://noc:s3cret@db/alarms",
    ],
)
def test_a_malformed_place_is_told_without_its_password(url: str) -> None:
    with pytest.raises(BadPlaceError) as caught:
        parse_place(url)
    said = str(caught.value)
    assert "postgresql://[USER@]HOST" in said
    assert "cret" not in said


def test_the_path_of_a_file_is_a_place(tmp_path: Path) -> None:
    assert parse_place(str(tmp_path / "record.sqlite")) == tmp_path / "record.sqlite"


def test_without_the_part_for_postgresql_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.store.place.find_spec", lambda _: None)
    with pytest.raises(BadPlaceError, match=r"pip install 'understudy\[postgresql\]'"):
        parse_place("postgresql://db/alarms")


def test_a_wrong_password_is_told_in_a_line_without_it(postgres_server: Any) -> None:
    with pytest.raises(RecordAwayError, match="password authentication failed for user") as caught:
        use(postgres_server.url_over_tcp("postgres", "wr0ng"))
    assert "wr0ng" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_password_may_come_from_a_file(
    postgres_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    passwords = tmp_path / "pgpass"
    passwords.write_text("*:*:*:*:correct horse\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    url = postgres_server.url_over_tcp(postgres_server.new_database(), "")
    assert ":@" in url
    assert use(url.replace(":@", "@")) == 0


def test_a_database_that_does_not_exist_is_told(postgres_server: Any) -> None:
    with pytest.raises(RecordAwayError, match='database "nowhere" does not exist; check the database, or have it made'):
        use(postgres_server.url("nowhere"))


def test_a_server_that_does_not_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordAwayError, match=r"cannot reach the record .*No such file or directory; check that the s"):
        use(f"postgresql:///alarms?host={tmp_path}")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("correct%20horse", "wr0ng"), "check the user and the password (see ~/.pgpass)"),
        ((":correct%20horse@", "@"), "give a password: in ~/.pgpass, or in PGPASSWORD"),
        (("127.0.0.1", "nowhere.invalid"), "check the address"),
        (("127.0.0.1:", "127.0.0.1:1"), "check that the server runs, and the address"),
    ],
)
def test_what_to_do_is_told_by_the_reason_alone(postgres_server: Any, change: tuple[str, str], told: str) -> None:
    url = postgres_server.url_over_tcp("postgres").replace(*change)
    if change[0] == "127.0.0.1:":
        url = f"{url.rpartition(':')[0]}:1/postgres"
    with pytest.raises(RecordAwayError) as caught:
        use(url)
    assert str(caught.value).endswith(f"; {told}")


@pytest.mark.usefixtures("record")
def test_a_user_without_privileges_is_told(place: Place, execute_sql: Sql) -> None:
    execute_sql("DROP ROLE IF EXISTS guest")
    execute_sql("CREATE ROLE guest LOGIN")
    with pytest.raises(RecordUnreadableError, match="permission denied for table stored_events; get the privilege"):
        use(str(place).replace("noc@", "guest@"))


def test_a_pipeline_of_threads_shares_few_connections(record: Record, execute_sql: Sql) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(lambda number: record.execute("pe1", StartSupervision(host="m", process=number)), range(200)))
    [(count,)] = execute_sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'understudy'")
    assert count <= 10
    assert record.head() == 203

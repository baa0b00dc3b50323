"""A PostgreSQL table as a source, against a real server of our own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import psycopg
import pytest

from chengshu.data.ingest.sources import Connection, Reason, SourceError, Window, connector
from chengshu.data.ingest.sources.sql import digest_of, duckdb_digest

BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/nonexistent"))
NASTY = 'odd"; DROP TABLE person; --'
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.service,
    pytest.mark.skipif(not (BIN / "initdb").exists(), reason="PostgreSQL is not installed"),
]
TABLE = f"""
CREATE TABLE person (id text, born date, seen timestamptz, money numeric(12,2), ok boolean, n bigint);
INSERT INTO person VALUES ('330383199001011234', '1990-01-01', '2026-11-23 06:05:00+00', 1200.50, true, 7),
  (NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE "{NASTY.replace('"', '""')}" ("a""b" text);
INSERT INTO "{NASTY.replace('"', '""')}" VALUES ('x');
CREATE TABLE many AS SELECT g::text AS id FROM generate_series(1, 300000) g;
"""


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = Path("/tmp") / f"reading-pg-{os.getpid()}"
    folder.mkdir(mode=0o700)
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, user=user, cwd=folder)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "secret").write_text("right")
    (folder / "secret").chmod(0o644)
    data = str(folder / "data")
    run(
        str(BIN / "initdb"),
        "-D",
        data,
        "-U",
        "test",
        "-A",
        "scram-sha-256",
        f"--pwfile={folder}/secret",
    )
    options = f"-k {folder} -p {port} -c listen_addresses=127.0.0.1"
    run(str(BIN / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    address = f"postgresql://test:right@127.0.0.1:{port}/postgres"
    try:
        subprocess.run(["psql", "-q", address, "-v", "ON_ERROR_STOP=1", "-c", TABLE], check=True)
        yield address
    finally:
        run(str(BIN / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


KIND = connector("postgresql")


@pytest.fixture
def to(uri: str, tmp_path: Path) -> Connection:
    return reach(uri, tmp_path)


def reach(uri: str, folder: Path, password: str = "right", **options: Any) -> Connection:
    parts = urlsplit(uri)
    known = {"host": parts.hostname, "port": parts.port, "database": "postgres", "user": "test"}
    return Connection(
        name="人员库", options=known | options, secrets={"password": password}, folder=folder
    )


def test_values_come_as_text_in_china_time_with_row_numbers(to: Connection) -> None:
    columns = {"id": "id", "born": "day", "seen": "seen", "money": "money", "ok": "ok", "n": "n"}
    rows = [row for b in KIND.read(to, "public.person", columns) for row in b.rows.to_pylist()]
    assert rows[0] == {
        "__row": 1, "id": "330383199001011234", "day": "1990-01-01", "seen": "2026-11-23 14:05:00+08",
        "money": "1200.50", "ok": "true", "n": "7",
    }  # fmt: skip
    assert rows[1] == {"__row": 2} | dict.fromkeys(columns.values())


def test_a_large_table_streams_in_pieces_with_running_numbers(to: Connection) -> None:
    batches = [b.rows for b in KIND.read(to, "public.many", {"id": "id"})]
    numbers = [n for b in batches for n in b.column("__row").to_pylist()]
    assert numbers == list(range(1, 300_001))


def test_names_cannot_inject(to: Connection) -> None:
    [batch] = KIND.read(to, f"public.{NASTY}", {'a"b': "c"})
    assert batch.rows.to_pylist() == [{"__row": 1, "c": "x"}]
    assert len(list(KIND.read(to, "public.person", {"id": "id"}))) == 1


@pytest.mark.parametrize("value", ["'; DROP TABLE person; --", "\\' OR 1=1 --", "x'\\"])
def test_the_borders_of_a_window_cannot_inject(to: Connection, value: str) -> None:
    assert (
        KIND.count(to, "public.person", window=Window(column="id", since=value, until=value)) == 0
    )
    assert KIND.count(to, "public.person") == 2


def test_missing_table_and_column_are_named(to: Connection) -> None:
    with pytest.raises(SourceError, match=r"没有表“public.nobody”"):
        list(KIND.read(to, "public.nobody", {"id": "id"}))
    with pytest.raises(SourceError, match="没有列 “idd”；现有的列是：born") as caught:
        list(KIND.read(to, "public.person", {"idd": "id"}))
    assert (caught.value.reason, caught.value.column) == (Reason.NO_COLUMN, "idd")


def test_a_wrong_password_is_said_and_never_shown(uri: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="用户名或密码不对") as caught:
        KIND.check(reach(uri, tmp_path, "s3cret-wrong"))
    assert caught.value.reason is Reason.WRONG_PASSWORD
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(reach(uri, tmp_path, "s3cret-wrong"))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"port": 1}, Reason.REFUSED),
        ({"host": "nobody.invalid"}, Reason.UNKNOWN_HOST),
        ({"database": "nowhere"}, Reason.NO_DATABASE),
    ],
)
def test_why_a_server_cannot_be_reached_is_said(
    uri: str, tmp_path: Path, options: dict[str, Any], reason: Reason
) -> None:
    with pytest.raises(SourceError) as caught:
        KIND.check(reach(uri, tmp_path, **options))
    assert caught.value.reason is reason
    assert caught.value.advice


def test_objects_tell_types_lengths_keys_and_comments(uri: str, to: Connection) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE told (code char(6) PRIMARY KEY, name varchar(40) NOT NULL, fee numeric(9,2));"
            "COMMENT ON TABLE told IS '收费'; COMMENT ON COLUMN told.name IS '姓名'"
        )
        [told] = [o for o in KIND.objects(to) if o.name == "public.told"]
        assert told.comment == "收费"
        facts = [
            (c.name, c.type, c.length, c.precision, c.scale, c.nullable, c.key, c.comment)
            for c in told.columns
        ]
        assert facts == [
            ("code", "character", 6, None, None, False, True, ""),
            ("name", "character varying", 40, None, None, False, False, "姓名"),
            ("fee", "numeric", None, 9, 2, True, False, ""),
        ]
        before = KIND.structure(to, "public.told").fingerprint
        connection.execute("COMMENT ON COLUMN told.fee IS '金额'")
        assert KIND.structure(to, "public.told").fingerprint == before
        connection.execute("ALTER TABLE told ALTER name TYPE varchar(50)")
        assert KIND.structure(to, "public.told").fingerprint != before


def test_the_source_and_the_lake_work_out_the_same_checksum(uri: str, to: Connection) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE summed AS SELECT g AS n, '名' || g AS name FROM generate_series(1, 500) g"
        )
    rows = [[str(n), f"名{n}"] for n in range(100, 200)]
    window = Window(column="n", since="100", until="200")
    found = KIND.checksum(to, "public.summed", ["n", "name"], window=window)
    assert found == digest_of(rows)
    lake = (
        duckdb.connect()
        .execute(
            f"SELECT count(*), {duckdb_digest(['n', 'name'])} FROM "
            "(SELECT i::text AS n, '名' || i AS name FROM range(100, 200) r(i))"
        )
        .fetchone()
    )
    assert lake == (found.rows, found.digest)
    assert KIND.highest(to, "public.summed", "n") == "500"
    assert digest_of([[None, "a"]]) == digest_of([["", "a"]]) != digest_of([["a", None]])


def test_a_connection_killed_half_way_is_an_error_never_an_end(uri: str, to: Connection) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE wide AS SELECT g AS n, repeat('长', 300) AS t FROM generate_series(1, 200000) g"
        )
        batches = KIND.read(to, "public.wide", {"n": "n", "t": "t"})
        next(batches)
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
        with pytest.raises(SourceError) as caught:
            list(batches)
        assert caught.value.reason is Reason.LOST
        assert caught.value.passing


def test_a_column_that_vanishes_between_two_readings_is_named(uri: str, to: Connection) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("CREATE TABLE fading AS SELECT 1 AS a, 2 AS b")
        assert len(list(KIND.read(to, "public.fading", {"a": "a", "b": "b"}))) == 1
        connection.execute("ALTER TABLE fading DROP COLUMN b")
    with pytest.raises(SourceError, match="没有列 “b”"):
        list(KIND.read(to, "public.fading", {"a": "a", "b": "b"}))


def test_a_table_one_may_not_read_is_as_good_as_absent(uri: str, tmp_path: Path) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("CREATE ROLE poor LOGIN PASSWORD 'p'")
    with pytest.raises(SourceError, match="看不到它"):
        list(KIND.read(reach(uri, tmp_path, "p", user="poor"), "public.person", {"id": "id"}))

"""A MariaDB table as a source, against a real server."""

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymysql
import pytest
from pymysql.cursors import Cursor

from chengshu.data.ingest.sources import Connection, Reason, SourceError, Window, connector
from chengshu.data.ingest.sources.sql import digest_of

pytestmark = [pytest.mark.mariadb, pytest.mark.service]
KIND = connector("mysql")
DATABASE = f"chengshu_sources_{os.getpid()}"


@pytest.fixture
def cursor(mariadb_url: str) -> Iterator[Cursor]:
    parts = urlsplit(mariadb_url)
    connection = pymysql.connect(
        host=parts.hostname or "", port=parts.port or 3306, user=parts.username,
        password=parts.password or "", charset="utf8mb4", autocommit=True,
    )  # fmt: skip
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
        cursor.execute(f"USE {DATABASE}")
        cursor.execute("SET sql_mode = '', time_zone = '+00:00'")
        yield cursor
        cursor.execute(f"DROP DATABASE {DATABASE}")


@pytest.fixture
def to(mariadb_url: str, tmp_path: Path) -> Connection:
    return reach(mariadb_url, tmp_path)


def reach(url: str, folder: Path, password: str = "", **options: Any) -> Connection:
    parts = urlsplit(url)
    known = {
        "host": parts.hostname, "port": parts.port, "database": DATABASE, "user": parts.username,
    }  # fmt: skip
    secrets = {"password": password or str(parts.password)}
    return Connection(name="业务库", options=known | options, secrets=secrets, folder=folder)


def rows_of(
    to: Connection, table: str, *columns: str, window: Window | None = None
) -> list[dict[str, Any]]:
    batches = KIND.read(to, f"{DATABASE}.{table}", {c: c for c in columns}, window=window)
    return [row for batch in batches for row in batch.rows.to_pylist()]


def test_odd_values_arrive_as_the_source_writes_them(cursor: Cursor, to: Connection) -> None:
    cursor.execute(
        "CREATE TABLE odd (code char(6), fee decimal(20,4), zero datetime, big bigint unsigned, "
        "bits bit(5), doc json, raw varbinary(4), at timestamp NULL, sex enum('男','女'), "
        "old varchar(9) CHARACTER SET gbk, ok tinyint(1))"
    )
    cursor.execute(
        "INSERT INTO odd VALUES ('000123', 12345678901234.5600, '0000-00-00', 18446744073709551615, "
        "b'10101', '{\"镇\":1}', x'00ff', '2026-01-01 00:00:00', '女', '龙港', 1), "
        "(NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)"
    )
    names = ("code", "fee", "zero", "big", "bits", "doc", "raw", "at", "sex", "old", "ok")
    first, second = rows_of(to, "odd", *names)
    assert first == {
        "__row": 1, "code": "000123", "fee": "12345678901234.5600", "zero": "0000-00-00 00:00:00",
        "big": "18446744073709551615", "bits": "21", "doc": '{"镇":1}', "raw": "00FF",
        "at": "2026-01-01 08:00:00", "sex": "女", "old": "龙港", "ok": "1",
    }  # fmt: skip
    assert second == {"__row": 2} | dict.fromkeys(names)


def test_types_lengths_and_comments_are_told(cursor: Cursor, to: Connection) -> None:
    cursor.execute(
        "CREATE TABLE told (code char(6) PRIMARY KEY COMMENT '代码', fee decimal(9,2) NOT NULL, "
        "sex enum('1','2')) COMMENT '收费'"
    )
    cursor.execute("CREATE VIEW seen AS SELECT code FROM told")
    found = {o.name: o for o in KIND.objects(to)}
    told = found[f"{DATABASE}.told"]
    assert (told.comment, told.kind, found[f"{DATABASE}.seen"].kind) == ("收费", "table", "view")
    assert [
        (c.name, c.type, c.length, c.precision, c.nullable, c.key, c.comment) for c in told.columns
    ] == [
        ("code", "char", 6, None, False, True, "代码"),
        ("fee", "decimal", None, 9, False, False, ""),
        ("sex", "enum('1','2')", 1, None, True, False, ""),
    ]


def test_windows_counts_and_checksums_are_worked_out_by_the_source(
    cursor: Cursor, to: Connection
) -> None:
    cursor.execute(
        "CREATE TABLE n AS SELECT seq AS n, concat('名', seq) AS name FROM seq_1_to_1000"
    )
    window = Window(column="n", since="9", until="11", until_inclusive=True)
    assert [r["n"] for r in rows_of(to, "n", "n", window=window)] == ["9", "10", "11"]
    name = f"{DATABASE}.n"
    assert KIND.count(to, name, window=window) == 3
    assert KIND.highest(to, name, "n") == "1000"
    expected = digest_of([["9", "名9"], ["10", "名10"], ["11", "名11"]])
    assert KIND.checksum(to, name, ["n", "name"], window=window) == expected
    with pytest.raises(SourceError, match="不能与数字列"):
        KIND.count(to, name, window=Window(column="n", since="1 OR 1=1"))
    nasty = Window(column="name", since="' OR 1=1 -- \\", until="' OR 1=1 -- \\")
    assert KIND.count(to, name, window=nasty) == 0


def test_a_connection_killed_half_way_is_an_error_never_an_end(
    cursor: Cursor, to: Connection
) -> None:
    cursor.execute(
        "CREATE TABLE wide AS SELECT seq AS n, repeat('长', 300) AS t FROM seq_1_to_200000"
    )
    batches = KIND.read(to, f"{DATABASE}.wide", {"n": "n", "t": "t"})
    next(batches)
    cursor.execute(
        "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> connection_id()",
        (DATABASE,),
    )
    for (number,) in cursor.fetchall():
        cursor.execute(f"KILL {int(number)}")
    with pytest.raises(SourceError) as caught:
        list(batches)
    assert caught.value.reason is Reason.LOST


def test_a_reading_nobody_finishes_leaves_no_connection_open(
    cursor: Cursor, to: Connection
) -> None:
    cursor.execute(
        "CREATE TABLE wide AS SELECT seq AS n, repeat('长', 300) AS t FROM seq_1_to_100000"
    )
    headers, lines = KIND.sample(to, f"{DATABASE}.wide", rows=3)
    assert (headers, [line[0] for line in lines]) == (("n", "t"), ["1", "2", "3"])
    for _ in range(50):
        cursor.execute("SELECT SLEEP(0.1)")
        cursor.execute(
            "SELECT count(*) FROM information_schema.processlist WHERE db = %s", (DATABASE,)
        )
        if cursor.fetchone() == (1,):
            return
    pytest.fail("the connection is still there")


def test_a_vanished_column_and_table_are_named(cursor: Cursor, to: Connection) -> None:
    cursor.execute("CREATE TABLE fading (a int, b int)")
    assert rows_of(to, "fading", "a", "b") == []
    cursor.execute("ALTER TABLE fading DROP COLUMN b")
    with pytest.raises(SourceError, match="没有列 “b”；现有的列是：a"):
        rows_of(to, "fading", "a", "b")
    with pytest.raises(SourceError, match="没有表"):
        rows_of(to, "gone", "a")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"password": "s3cret-wrong"}, Reason.WRONG_PASSWORD),
        ({"port": 1}, Reason.REFUSED),
        ({"host": "nobody.invalid"}, Reason.UNKNOWN_HOST),
        ({"database": "nowhere_at_all"}, Reason.NO_DATABASE),
    ],
)
def test_why_a_server_cannot_be_reached_is_said(
    mariadb_url: str, tmp_path: Path, cursor: Cursor, change: dict[str, Any], reason: Reason
) -> None:
    with pytest.raises(SourceError) as caught:
        KIND.check(reach(mariadb_url, tmp_path, **change))
    assert caught.value.reason is reason
    assert "s3cret" not in str(caught.value)


def test_the_servers_own_clock_is_read_whatever_its_time_zone(
    cursor: Cursor, mariadb_url: str, to: Connection, tmp_path: Path
) -> None:
    before = datetime.now(UTC)
    there = KIND.clock(to)
    assert there is not None
    assert before - timedelta(seconds=1) < there < datetime.now(UTC) + timedelta(seconds=1)
    # What init_connect sets holds for accounts that may not do everything: their server is an hour behind.
    reader = f"slow_{os.getpid()}"
    cursor.execute(f"CREATE USER {reader}@'127.0.0.1' IDENTIFIED BY 'x'")
    cursor.execute(f"GRANT SELECT ON {DATABASE}.* TO {reader}@'127.0.0.1'")
    cursor.execute("SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() - 3600'")
    try:
        there = KIND.clock(reach(mariadb_url, tmp_path, "x", user=reader))
        assert there is not None
        behind = datetime.now(UTC) - there
        assert timedelta(minutes=59) < behind < timedelta(minutes=61)
    finally:
        cursor.execute("SET GLOBAL init_connect = ''")
        cursor.execute(f"DROP USER {reader}@'127.0.0.1'")

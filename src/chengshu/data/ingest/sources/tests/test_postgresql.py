"""A PostgreSQL table as a source, against a real server of our own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chengshu.data.ingest.sources import Connection, SourceError, connector

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


def test_values_come_as_text_in_china_time_with_row_numbers(uri: str) -> None:
    columns = {"id": "id", "born": "day", "seen": "seen", "money": "money", "ok": "ok", "n": "n"}
    rows = [
        row for b in open_postgres(uri, "public", "person", columns) for row in b.rows.to_pylist()
    ]
    assert rows[0] == {
        "__row": 1, "id": "330383199001011234", "day": "1990-01-01", "seen": "2026-11-23 14:05:00+08",
        "money": "1200.50", "ok": "true", "n": "7",
    }  # fmt: skip
    assert rows[1] == {"__row": 2} | dict.fromkeys(columns.values())


def test_a_large_table_streams_in_pieces_with_running_numbers(uri: str) -> None:
    batches = [b.rows for b in open_postgres(uri, "public", "many", {"id": "id"})]
    numbers = [n for b in batches for n in b.column("__row").to_pylist()]
    assert numbers == list(range(1, 300_001))


def test_names_cannot_inject(uri: str) -> None:
    [batch] = open_postgres(uri, "public", NASTY, {'a"b': "c"})
    assert batch.rows.to_pylist() == [{"__row": 1, "c": "x"}]
    assert len(list(open_postgres(uri, "public", "person", {"id": "id"}))) == 1


def test_missing_table_and_column_are_named(uri: str) -> None:
    with pytest.raises(SourceDatabaseError, match=r"没有表“public.nobody”"):
        list(open_postgres(uri, "public", "nobody", {"id": "id"}))
    with pytest.raises(SourceDatabaseError, match="没有列 “idd”；现有的列是：born"):
        list(open_postgres(uri, "public", "person", {"idd": "id"}))


def test_a_wrong_password_is_said_and_never_shown(uri: str) -> None:
    wrong = uri.replace("right", "s3cret-wrong")
    with pytest.raises(SourceDatabaseError, match="用户名或密码不对") as caught:
        list(open_postgres(wrong, "public", "person", {"id": "id"}))
    assert "s3cret" not in str(caught.value)


def test_an_unreachable_server_is_said(uri: str) -> None:
    port = uri.rsplit(":", 1)[1].split("/", maxsplit=1)[0]
    with pytest.raises(SourceDatabaseError, match="没有在该地址和端口提供服务"):
        list(open_postgres(uri.replace(port, "1"), "public", "person", {"id": "id"}))

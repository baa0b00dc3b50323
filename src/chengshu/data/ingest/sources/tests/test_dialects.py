"""SQL of the kinds whose servers cannot be had in the tests: what is sent, and how refusals are understood."""

from pathlib import Path

import pytest

from chengshu.data.ingest.sources import (
    Connection,
    Reason,
    SourceColumn,
    SourceError,
    Window,
    connector,
    oracle,
    sqlserver,
)
from chengshu.data.ingest.sources.oracle import OracleConnector
from chengshu.data.ingest.sources.sql import SqlConnector, translate


def column(name: str, kind: str) -> SourceColumn:
    return SourceColumn(name=name, type=kind)


ORACLE, MSSQL = connector("oracle"), connector("sqlserver")
assert isinstance(ORACLE, SqlConnector)
assert isinstance(MSSQL, SqlConnector)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "NUMBER",
            "REGEXP_REPLACE(TO_CHAR(\"C\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,'''), '^(-?)[.]', '\\10.')",
        ),
        ("DATE", "TO_CHAR(\"C\", 'YYYY-MM-DD HH24:MI:SS')"),
        ("TIMESTAMP(6)", "TO_CHAR(\"C\", 'YYYY-MM-DD HH24:MI:SS.FF6')"),
        (
            "TIMESTAMP(6) WITH TIME ZONE",
            "TO_CHAR(\"C\" AT TIME ZONE '+08:00', 'YYYY-MM-DD HH24:MI:SS.FF6 TZH:TZM')",
        ),
        ("CHAR", 'RTRIM(TO_CHAR("C"))'),
        ("VARCHAR2", '"C"'),
        ("RAW", 'RAWTOHEX("C")'),
    ],
)
def test_oracle_writes_every_type_as_exact_text(kind: str, expected: str) -> None:
    assert ORACLE.as_text(column("C", kind)) == expected


def test_oracle_says_which_column_cannot_be_text() -> None:
    with pytest.raises(SourceError, match="“PHOTO”是 BLOB") as caught:
        ORACLE.as_text(column("PHOTO", "BLOB"))
    assert caught.value.column == "PHOTO"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("decimal", "CONVERT(nvarchar(max), [c])"),
        ("money", "CONVERT(nvarchar(40), [c], 2)"),
        ("float", "CONVERT(nvarchar(40), [c], 3)"),
        ("datetime2", "CONVERT(nvarchar(27), [c], 121)"),
        ("datetimeoffset", "CONVERT(nvarchar(34), SWITCHOFFSET([c], '+08:00'), 121)"),
        ("nchar", "RTRIM(CONVERT(nvarchar(4000), [c]))"),
    ],
)
def test_sql_server_writes_every_type_as_exact_text(kind: str, expected: str) -> None:
    assert MSSQL.as_text(column("c", kind)) == expected


def test_the_borders_of_windows_are_typed_and_cannot_inject() -> None:
    day = "TO_DATE('2026-01-02 03:04:05', 'YYYY-MM-DD HH24:MI:SS')"
    assert ORACLE.typed(column("D", "DATE"), "2026-01-02T03:04:05") == day
    assert MSSQL.typed(column("d", "date"), "2026-01-02") == "CONVERT(date, N'2026-01-02', 23)"
    assert ORACLE.typed(column("N", "NUMBER"), " -12.5 ") == "-12.5"
    for kind, number in ((ORACLE, "NUMBER"), (MSSQL, "int")):
        with pytest.raises(SourceError, match="不能与数字列"):
            kind.typed(column("N", number), "1 OR 1=1")
        assert kind.literal("a'; DROP TABLE t; --").endswith("'a''; DROP TABLE t; --'")
    assert MSSQL.quote("a]b") == "[a]]b]"
    with pytest.raises(SourceError):
        ORACLE.quote('a"b')


def test_a_reading_is_one_statement_with_its_window(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed = [("HR", "P", "table", None, 5, "ID", "NUMBER", None, 18, 0, 0, 1, None)]
    sent: list[str] = []
    monkeypatch.setattr(OracleConnector, "query", lambda _self, _to, _sql: listed)
    monkeypatch.setattr(
        OracleConnector, "stream", lambda _self, _to, sql: iter(sent.append(sql) or ())
    )
    to = Connection(name="库", options={}, folder=tmp_path)
    window = Window(column="ID", since="5", until="9", with_empty=True)
    assert list(ORACLE.read(to, "HR.P", {"ID": "id"}, window=window)) == []
    [statement] = sent
    assert statement.endswith(
        'AS "c0" FROM "HR"."P" WHERE ("ID" >= 5 AND "ID" < 9 OR "ID" IS NULL)'
    )


@pytest.mark.parametrize(
    ("module", "words", "reason"),
    [
        (
            oracle,
            "ORA-01017: invalid credential or not authorized; logon denied",
            Reason.WRONG_PASSWORD,
        ),
        (
            oracle,
            "DPY-6005: cannot connect to database. [Errno 111] Connection refused",
            Reason.REFUSED,
        ),
        (oracle, "ORA-12514: Service x is not registered with the listener", Reason.NO_DATABASE),
        (oracle, "ORA-00942: table or view does not exist", Reason.NO_OBJECT),
        (oracle, "DPY-4011: the database or network closed the connection", Reason.LOST),
        (sqlserver, "Login failed for user 'x'.", Reason.WRONG_PASSWORD),
        (sqlserver, "Invalid column name 'b'.", Reason.NO_COLUMN),
        (sqlserver, "The SELECT permission was denied on the object 'p'", Reason.NO_PERMISSION),
    ],
)
def test_refusals_are_understood(
    module: object, words: str, reason: Reason, tmp_path: Path
) -> None:
    to = Connection(name="库", options={}, folder=tmp_path)
    causes = module._CAUSES  # type: ignore[attr-defined]
    assert translate(to, words, causes, doing="读取").reason is reason


@pytest.mark.service
@pytest.mark.parametrize("kind", ["oracle", "sqlserver"])
def test_the_real_driver_says_when_nobody_listens(kind: str, tmp_path: Path) -> None:
    options = {"host": "127.0.0.1", "port": 1, "database": "x", "user": "u"}
    to = Connection(name="库", options=options, secrets={"password": "s3cret"}, folder=tmp_path)
    with pytest.raises(SourceError) as caught:
        connector(kind).check(to)
    assert caught.value.reason is Reason.REFUSED
    assert "s3cret" not in str(caught.value)

"""Microsoft SQL Server through python-tds, a pure driver: rows come in pieces and become Arrow here."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pyarrow as pa
import pytds
from pytds import tls as driver_tls

from chengshu.data.ingest.sources.base import Connection, SourceColumn
from chengshu.data.ingest.sources.errors import Reason, SourceError
from chengshu.data.ingest.sources.sql import (
    CONNECT_SECONDS,
    SQL_GROUP,
    SqlConnector,
    split_name,
    sql_fields,
    translate,
)
from chengshu.data.ingest.sources.tls import (
    TLS_FIELDS,
    TLS_GROUP,
    authority_file,
    encrypted,
    names_host,
)

_BATCH_ROWS = 10_000
_READ_SECONDS = 600
_UTF8 = "Latin1_General_100_BIN2_UTF8"
_NUMBERS = (
    "tinyint", "smallint", "int", "bigint", "decimal", "numeric", "money", "smallmoney", "float",
    "real", "bit",
)  # fmt: skip
_NUMBER = re.compile(r"-?\d{1,38}(\.\d{1,38})?", re.ASCII)
_CAUSES = (
    ("certificate", Reason.CERTIFICATE),
    ("encryption", Reason.ENCRYPTION),
    ("login failed", Reason.WRONG_PASSWORD),
    ("cannot open database", Reason.NO_DATABASE),
    ("permission was denied", Reason.NO_PERMISSION),
    ("invalid object name", Reason.NO_OBJECT),
    ("invalid column name", Reason.NO_COLUMN),
    ("conversion failed", Reason.BAD_VALUE),
    ("error converting", Reason.BAD_VALUE),
    ("name or service not known", Reason.UNKNOWN_HOST),
    ("name resolution", Reason.UNKNOWN_HOST),
    ("getaddrinfo", Reason.UNKNOWN_HOST),
    ("refused", Reason.REFUSED),
    ("timed out", Reason.TIMED_OUT),
    ("timeout", Reason.TIMED_OUT),
    ("server closed connection", Reason.LOST),
    ("connection closed", Reason.LOST),
    ("connection reset", Reason.LOST),
    ("broken pipe", Reason.LOST),
    ("is being shut down", Reason.LOST),
    ("deadlock", Reason.TOO_BUSY),
)
_LISTING = """
    SELECT s.name, o.name, CASE o.type WHEN 'V' THEN 'view' ELSE 'table' END,
           CAST(tc.value AS nvarchar(400)),
           (SELECT SUM(p.rows) FROM sys.partitions p WHERE p.object_id = o.object_id AND p.index_id < 2),
           c.name, ty.name,
           CASE WHEN ty.name IN ('nchar', 'nvarchar') AND c.max_length > 0 THEN c.max_length / 2
                WHEN ty.name IN ('char', 'varchar') AND c.max_length > 0 THEN c.max_length END,
           CASE WHEN ty.name IN ('decimal', 'numeric') THEN c.precision END,
           CASE WHEN ty.name IN ('decimal', 'numeric') THEN c.scale END,
           c.is_nullable, CASE WHEN k.column_id IS NULL THEN 0 ELSE 1 END,
           CAST(cc.value AS nvarchar(400))
    FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
    JOIN sys.columns c ON c.object_id = o.object_id
    JOIN sys.types ty ON ty.user_type_id = c.system_type_id
    LEFT JOIN sys.extended_properties tc ON tc.class = 1 AND tc.major_id = o.object_id
      AND tc.minor_id = 0 AND tc.name = 'MS_Description'
    LEFT JOIN sys.extended_properties cc ON cc.class = 1 AND cc.major_id = o.object_id
      AND cc.minor_id = c.column_id AND cc.name = 'MS_Description'
    LEFT JOIN (
      SELECT ic.object_id, ic.column_id FROM sys.index_columns ic JOIN sys.indexes i
        ON i.object_id = ic.object_id AND i.index_id = ic.index_id AND i.is_primary_key = 1
    ) k ON k.object_id = o.object_id AND k.column_id = c.column_id
    WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0
      AND HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'SELECT') = 1{only}
    ORDER BY s.name, o.name, c.column_id
"""
# What a failed handshake raises: no class of Python's own.
_TLS_ERRORS: tuple[type[Exception], ...] = (
    (driver_tls.OpenSSL.SSL.Error,) if driver_tls.OPENSSL_AVAILABLE else ()
)


class SqlServerConnector(SqlConnector):
    """A SQL Server database; an object is ``schema.table``."""

    key = "sqlserver"
    name = "SQL Server"
    note = "2019 及以上版本才能对账校验和；读取从 2012 起都可以"
    order = 40
    fields = (*sql_fields(1433), *TLS_FIELDS)
    groups = (SQL_GROUP, TLS_GROUP)
    clock_query = "SELECT DATEDIFF_BIG(millisecond, '1970-01-01', SYSUTCDATETIME()) / 1000.0"

    def check(self, to: Connection) -> str:
        """Connect and ask for the version."""
        version = self.query(to, "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(60))")
        return f"SQL Server {version[0][0]}"

    def _connect(self, to: Connection) -> Any:
        # Without a file of authorities the driver does not encrypt, and tells the server so.
        authorities = None
        if encrypted(to):
            if not driver_tls.OPENSSL_AVAILABLE:
                raise SourceError(
                    Reason.ENCRYPTION, "平台没有安装加密连接 SQL Server 要用的组件 pyOpenSSL。",
                    "请运维安装后再试；没有连接，密码没有发出。",
                )  # fmt: skip
            authorities = str(authority_file(to))
        try:
            return pytds.connect(
                dsn=to.text("host"), port=to.number("port", 1433), database=to.text("database"),
                user=to.text("user"), password=to.secrets.get("password", ""), autocommit=True,
                timeout=_READ_SECONDS, login_timeout=CONNECT_SECONDS, readonly=True,
                disable_connect_retry=True, appname="chengshu",
                cafile=authorities, validate_host=names_host(to),
            )  # fmt: skip
        except (pytds.Error, OSError, *_TLS_ERRORS) as error:
            # The driver reports every failure to connect as a time-out; the cause says which it was.
            text = f"{error.__cause__ or ''} {error}"
            raise translate(to, text, _CAUSES, doing="连接数据源") from error

    def query(self, to: Connection, statement: str) -> list[tuple[Any, ...]]:
        """On a connection of its own, declared read-only."""
        with closing(self._connect(to)) as connection:
            try:
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                    return [tuple(row) for row in cursor.fetchall()]
            except (pytds.Error, OSError) as error:
                raise translate(to, str(error), _CAUSES, doing="查询数据源") from error

    def stream(self, to: Connection, statement: str) -> Iterator[pa.RecordBatch]:
        """Rows as the driver reads them from the wire, in pieces."""
        with closing(self._connect(to)) as connection:
            try:
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                    names = [column[0] for column in cursor.description]
                    while rows := cursor.fetchmany(_BATCH_ROWS):
                        columns = [
                            pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)
                        ]
                        yield pa.RecordBatch.from_arrays(columns, names=names)
            except (pytds.Error, OSError, pa.ArrowException) as error:
                raise translate(to, str(error), _CAUSES, doing="读取数据源") from error

    def quote(self, name: str) -> str:
        """Square brackets."""
        if "\x00" in name:
            raise SourceError(Reason.NO_COLUMN, "表名或列名里有非法字符。")
        return "[" + name.replace("]", "]]") + "]"

    def literal(self, value: str) -> str:
        """Single quotes doubled, as national text."""
        return "N'" + value.replace("\x00", "").replace("'", "''") + "'"

    def typed(self, column: SourceColumn, value: str) -> str:
        """Dates by ISO form 126 or 23, never by the session's language; numbers bare."""
        kind, text = column.type.lower(), value.strip()
        if kind == "date":
            return f"CONVERT(date, {self.literal(text[:10])}, 23)"
        if kind in ("datetime", "smalldatetime", "datetime2"):
            return f"CONVERT(datetime2, {self.literal(text.replace(' ', 'T', 1))}, 126)"
        if kind == "datetimeoffset":
            return f"CONVERT(datetimeoffset, {self.literal(text)}, 121)"
        if kind in _NUMBERS:
            if _NUMBER.fullmatch(text) is None:
                raise SourceError(
                    Reason.BAD_VALUE,
                    f"“{text[:40]}”不能与数字列“{column.name}”比较。",
                    "请填数字。",
                )
            return text
        return self.literal(value)

    def as_text(self, column: SourceColumn) -> str:
        """Exact numbers, ISO dates, instants in China time, bytes as hexadecimal."""
        name, kind = self.quote(column.name), column.type.lower()
        if kind in ("char", "nchar"):
            return f"RTRIM(CONVERT(nvarchar(4000), {name}))"
        if kind == "date":
            return f"CONVERT(nvarchar(10), {name}, 23)"
        if kind in ("datetime", "smalldatetime", "datetime2"):
            return f"CONVERT(nvarchar(27), {name}, 121)"
        if kind == "datetimeoffset":
            return f"CONVERT(nvarchar(34), SWITCHOFFSET({name}, '+08:00'), 121)"
        if kind in ("money", "smallmoney"):
            return f"CONVERT(nvarchar(40), {name}, 2)"
        if kind in ("float", "real"):
            return f"CONVERT(nvarchar(40), {name}, 3)"
        if kind in ("binary", "varbinary", "image", "timestamp", "rowversion"):
            return f"CONVERT(nvarchar(max), CONVERT(varbinary(max), {name}), 2)"
        if kind in ("geography", "geometry", "hierarchyid"):
            return f"{name}.ToString()"
        return f"CONVERT(nvarchar(max), {name})"

    def hashed(self, expression: str) -> str:
        """Of the UTF-8 bytes, which needs a UTF-8 collation (2019 and later)."""
        text = f"CONVERT(varchar(max), ({expression}) COLLATE {_UTF8})"
        digest = f"SUBSTRING(HASHBYTES('MD5', {text}), 1, 4)"
        return f"CONVERT(decimal(38), CONVERT(bigint, {digest}))"

    def concatenated(self, parts: Sequence[str]) -> str:
        """With the plus sign; every part is a text."""
        return " + ".join(parts)

    def listing(self, to: Connection, name: str | None) -> str:
        """From the sys views."""
        del to
        if name is None:
            return _LISTING.format(only="")
        schema, table = split_name(name)
        only = f" AND s.name = {self.literal(schema)} AND o.name = {self.literal(table)}"
        return _LISTING.format(only=only)


CONNECTOR = SqlServerConnector()

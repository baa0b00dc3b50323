"""PostgreSQL through ADBC: Arrow from the wire, values in PostgreSQL's own text form."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import quote

import psycopg
import pyarrow as pa
from adbc_driver_manager import Error as AdbcError
from adbc_driver_postgresql import dbapi
from psycopg import conninfo

from chengshu.data.ingest.sources.base import Connection, SourceColumn
from chengshu.data.ingest.sources.errors import Reason, SourceError
from chengshu.data.ingest.sources.sql import (
    CONNECT_SECONDS,
    SqlConnector,
    split_name,
    sql_fields,
    translate,
)

_BATCH_BYTES = 8 * 1024 * 1024
_READ_ONLY = "-c default_transaction_read_only=on"
_SETTINGS = (
    "SET timezone = 'Asia/Shanghai'",
    "SET datestyle = 'ISO, YMD'",
    "SET intervalstyle = 'iso_8601'",
    "SET extra_float_digits = 3",
)
_CAUSES = (
    ("password authentication failed", Reason.WRONG_PASSWORD),
    ("no password supplied", Reason.WRONG_PASSWORD),
    ("could not translate host name", Reason.UNKNOWN_HOST),
    ("failed to resolve host", Reason.UNKNOWN_HOST),
    ("connection refused", Reason.REFUSED),
    ("too many", Reason.TOO_BUSY),
    ("remaining connection slots", Reason.TOO_BUSY),
    ("statement timeout", Reason.TIMED_OUT),
    ("terminating connection", Reason.LOST),
    ("server closed the connection", Reason.LOST),
    ("connection not open", Reason.LOST),
    ("no connection to the server", Reason.LOST),
    ("ssl syscall error", Reason.LOST),
    ("could not receive data", Reason.LOST),
    ("timeout", Reason.TIMED_OUT),
    ("no route to host", Reason.TIMED_OUT),
    ("no pg_hba.conf entry", Reason.NO_PERMISSION),
    ("permission denied", Reason.NO_PERMISSION),
    ("invalid input syntax", Reason.BAD_VALUE),
    ("out of range", Reason.BAD_VALUE),
    ("column", Reason.NO_COLUMN),
    ("relation", Reason.NO_OBJECT),
    ("does not exist", Reason.NO_DATABASE),
)
_LISTING = """
    SELECT n.nspname, c.relname, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END,
           coalesce(obj_description(c.oid), ''),
           CASE WHEN c.reltuples >= 0 AND c.relkind <> 'v' THEN c.reltuples::bigint END,
           a.attname, format_type(a.atttypid, NULL),
           CASE WHEN a.atttypid IN (1042, 1043) AND a.atttypmod > 4 THEN a.atttypmod - 4 END,
           CASE WHEN a.atttypid = 1700 AND a.atttypmod > 4 THEN (a.atttypmod - 4) >> 16 & 65535 END,
           CASE WHEN a.atttypid = 1700 AND a.atttypmod > 4 THEN (a.atttypmod - 4) & 65535 END,
           NOT a.attnotnull, coalesce(a.attnum = ANY (k.conkey), false),
           coalesce(col_description(c.oid, a.attnum), '')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
    WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^(pg_|information_schema)'
      AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT'){only}
    ORDER BY 1, 2, a.attnum
"""


class PostgresConnector(SqlConnector):
    """A PostgreSQL server, always read-only."""

    key = "postgresql"
    name = "PostgreSQL"
    note = "也适用于人大金仓、瀚高等兼容 PostgreSQL 的数据库"
    order = 10
    fields = sql_fields(5432)
    clock_query = "SELECT extract(epoch FROM clock_timestamp())"

    def check(self, to: Connection) -> str:
        """Connect and ask for the version."""
        return f"PostgreSQL {self.query(to, 'SHOW server_version')[0][0]}"

    def query(self, to: Connection, statement: str) -> list[tuple[Any, ...]]:
        """Through psycopg, read-only."""
        text = conninfo.make_conninfo(
            host=to.text("host"), port=to.number("port", 5432), dbname=to.text("database"),
            user=to.text("user"), password=to.secrets.get("password") or None,
            connect_timeout=CONNECT_SECONDS, options=_READ_ONLY,
        )  # fmt: skip
        try:
            with psycopg.connect(text, autocommit=True) as connection:
                for setting in _SETTINGS:
                    connection.execute(setting)
                return connection.execute(statement.encode()).fetchall()
        except psycopg.OperationalError as error:
            raise translate(to, str(error), _CAUSES, doing="连接数据源") from error
        except psycopg.Error as error:
            raise translate(to, str(error), _CAUSES, doing="查询数据源") from error

    def stream(self, to: Connection, statement: str) -> Iterator[pa.RecordBatch]:
        """Through ADBC, in pieces of a few megabytes."""
        try:
            with (
                closing(dbapi.connect(_uri(to))) as connection,
                closing(connection.cursor()) as cursor,
            ):
                for setting in _SETTINGS:
                    cursor.execute(setting)
                cursor.adbc_statement.set_options(
                    **{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
                )
                cursor.execute(statement)
                yield from cursor.fetch_record_batch()
        except (AdbcError, OSError, pa.ArrowException) as error:
            raise translate(to, str(error), _CAUSES, doing="读取数据源") from error

    def quote(self, name: str) -> str:
        """Double quotes; a zero byte cannot be part of a name."""
        if "\x00" in name:
            raise SourceError(Reason.NO_COLUMN, "表名或列名里有非法字符。")
        return '"' + name.replace('"', '""') + '"'

    def literal(self, value: str) -> str:
        """Single quotes, backslashes meaning nothing whatever the server's setting."""
        text = value.replace("\x00", "").replace("'", "''")
        return f"'{text}'" if "\\" not in text else " E'" + text.replace("\\", "\\\\") + "'"

    def as_text(self, column: SourceColumn) -> str:
        """PostgreSQL's own text form."""
        return f"{self.quote(column.name)}::text"

    def hashed(self, expression: str) -> str:
        """Of the UTF-8 bytes, whatever the server's encoding."""
        return f"('x' || lpad(substr(md5(convert_to({expression}, 'UTF8')), 1, 8), 16, '0'))::bit(64)::bigint"

    def concatenated(self, parts: Sequence[str]) -> str:
        """With the concatenation operator."""
        return " || ".join(parts)

    def listing(self, to: Connection, name: str | None) -> str:
        """From the system catalogue."""
        del to
        if name is None:
            return _LISTING.format(only="")
        schema, table = split_name(name)
        only = f" AND n.nspname = {self.literal(schema)} AND c.relname = {self.literal(table)}"
        return _LISTING.format(only=only)


def _uri(to: Connection) -> str:
    """The address for ADBC. Host and port go as parameters: it may be a socket folder or an IPv6 address."""
    password = to.secrets.get("password") or ""
    secret = f":{quote(password, safe='')}" if password else ""
    host = f"host={quote(to.text('host'), safe='')}&port={to.number('port', 5432)}"
    return (
        f"postgresql://{quote(to.text('user'), safe='')}{secret}@/{quote(to.text('database'), safe='')}"
        f"?{host}&options={quote(_READ_ONLY, safe='')}&connect_timeout={CONNECT_SECONDS}"
    )


CONNECTOR = PostgresConnector()

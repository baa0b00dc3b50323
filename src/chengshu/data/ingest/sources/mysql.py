"""MySQL and MariaDB: connectorx streams Arrow, the server writes every value as text; see ADR 0008.

connectorx alone would misread BIT, zero dates and unsigned numbers, tries a wrong password seven times, and panics
when the connection is lost. So the columns are cast in SQL, PyMySQL has always connected before, and a panic is a
lost connection.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import quote

import connectorx
import pyarrow as pa
import pymysql

from chengshu.data.ingest.sources.base import Connection, SourceColumn
from chengshu.data.ingest.sources.errors import Reason, SourceError
from chengshu.data.ingest.sources.sql import (
    CONNECT_SECONDS,
    SqlConnector,
    split_name,
    sql_fields,
    translate,
)

_BATCH_ROWS = 20_000
_READ_SECONDS = 600
_CHINA = "'+08:00'"
_NUMBERS = (
    "tinyint",
    "smallint",
    "mediumint",
    "int",
    "bigint",
    "decimal",
    "float",
    "double",
    "year",
)
_BINARY = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")
_TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set")
_NUMBER = re.compile(r"-?\d{1,65}(\.\d{1,30})?", re.ASCII)
_CAUSES = (
    ("to database", Reason.NO_PERMISSION),
    ("command denied", Reason.NO_PERMISSION),
    ("access denied for user", Reason.WRONG_PASSWORD),
    ("unknown database", Reason.NO_DATABASE),
    ("doesn't exist", Reason.NO_OBJECT),
    ("unknown column", Reason.NO_COLUMN),
    ("too many connections", Reason.TOO_BUSY),
    ("max_user_connections", Reason.TOO_BUSY),
    ("name or service not known", Reason.UNKNOWN_HOST),
    ("nodename nor servname", Reason.UNKNOWN_HOST),
    ("name resolution", Reason.UNKNOWN_HOST),
    ("connection refused", Reason.REFUSED),
    ("server disconnected", Reason.LOST),
    ("lost connection", Reason.LOST),
    ("gone away", Reason.LOST),
    ("connection was killed", Reason.LOST),
    ("query execution was interrupted", Reason.LOST),
    ("broken pipe", Reason.LOST),
    ("connection reset", Reason.LOST),
    ("unexpectedeof", Reason.LOST),
    ("codecerror", Reason.LOST),
    ("ioerror", Reason.LOST),
    ("incorrect", Reason.BAD_VALUE),
    ("timed out", Reason.TIMED_OUT),
    ("timeout", Reason.TIMED_OUT),
    ("no route to host", Reason.TIMED_OUT),
)
_LISTING = """
    SELECT c.TABLE_SCHEMA, c.TABLE_NAME, IF(t.TABLE_TYPE LIKE '%VIEW', 'view', 'table'),
           IF(t.TABLE_TYPE LIKE '%VIEW', '', t.TABLE_COMMENT), t.TABLE_ROWS, c.COLUMN_NAME,
           CASE WHEN c.DATA_TYPE IN ('enum', 'set', 'bit') THEN c.COLUMN_TYPE
                WHEN c.COLUMN_TYPE LIKE '%unsigned%' THEN CONCAT(c.DATA_TYPE, ' unsigned')
                ELSE c.DATA_TYPE END,
           c.CHARACTER_MAXIMUM_LENGTH, c.NUMERIC_PRECISION, c.NUMERIC_SCALE,
           c.IS_NULLABLE = 'YES', c.COLUMN_KEY = 'PRI', c.COLUMN_COMMENT
    FROM information_schema.COLUMNS c JOIN information_schema.TABLES t
      ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
    WHERE c.TABLE_SCHEMA = {schema}{only}
    ORDER BY 1, 2, c.ORDINAL_POSITION
"""


class MysqlConnector(SqlConnector):
    """A MySQL or MariaDB server; an object is ``database.table``."""

    key = "mysql"
    name = "MySQL / MariaDB"
    note = "也适用于达梦以外的、兼容 MySQL 协议的数据库，如 TDSQL、OceanBase（MySQL 模式）"
    order = 20
    fields = sql_fields(3306)
    clock_query = "SELECT UNIX_TIMESTAMP(NOW(6))"

    def check(self, to: Connection) -> str:
        """Connect and ask for the version."""
        version = str(self.query(to, "SELECT VERSION()")[0][0])
        return f"MariaDB {version}" if "MariaDB" in version else f"MySQL {version}"

    def query(self, to: Connection, statement: str) -> list[tuple[Any, ...]]:
        """Through PyMySQL, in a read-only transaction, in China time."""
        try:
            connection = pymysql.connect(
                host=to.text("host"), port=to.number("port", 3306), user=to.text("user"),
                password=to.secrets.get("password", ""), database=to.text("database"),
                charset="utf8mb4", connect_timeout=CONNECT_SECONDS, read_timeout=_READ_SECONDS,
                init_command=f"SET SESSION time_zone = {_CHINA}",
            )  # fmt: skip
        except (pymysql.Error, OSError, RuntimeError) as error:
            raise translate(to, str(error), _CAUSES, doing="连接数据源") from error
        try:
            with closing(connection), connection.cursor() as cursor:
                cursor.execute("START TRANSACTION READ ONLY")
                cursor.execute(statement)
                return list(cursor.fetchall())
        except (pymysql.Error, OSError) as error:
            raise translate(to, str(error), _CAUSES, doing="查询数据源") from error

    def stream(self, to: Connection, statement: str) -> Iterator[pa.RecordBatch]:
        """Through connectorx; its reader holds one batch at a time."""
        reader: Any = None
        try:
            reader = connectorx.read_sql(
                _url(to), statement, return_type="arrow_stream", batch_size=_BATCH_ROWS
            )
            for batch in reader:
                if batch.num_rows:
                    yield batch
        except GeneratorExit:
            raise
        except BaseException as error:
            # connectorx panics on a lost connection; its exception is no Exception on purpose.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            raise translate(to, str(error), _CAUSES, doing="读取数据源") from error
        finally:
            del reader

    def quote(self, name: str) -> str:
        """Back-ticks."""
        if "\x00" in name:
            raise SourceError(Reason.NO_COLUMN, "表名或列名里有非法字符。")
        return "`" + name.replace("`", "``") + "`"

    def literal(self, value: str) -> str:
        """As hexadecimal: right whatever the server's mode says about backslashes."""
        return f"_utf8mb4 X'{value.encode().hex()}'"

    def typed(self, column: SourceColumn, value: str) -> str:
        """Numbers bare: a text beside a number would be compared as floating point."""
        if _family(column) not in _NUMBERS:
            return self.literal(value)
        if _NUMBER.fullmatch(value.strip()) is None:
            raise SourceError(
                Reason.BAD_VALUE, f"“{value[:40]}”不能与数字列“{column.name}”比较。", "请填数字。"
            )
        return value.strip()

    def as_text(self, column: SourceColumn) -> str:
        """Text as UTF-8, instants in China time, bits as a number, bytes as hexadecimal."""
        name, family = self.quote(column.name), _family(column)
        if family in _TEXTS:
            return f"CONVERT({name} USING utf8mb4)"
        if family in _BINARY:
            return f"HEX({name})"
        if family == "bit":
            return f"CAST({name} + 0 AS CHAR)"
        if family == "timestamp":
            return f"CAST(CONVERT_TZ({name}, @@session.time_zone, {_CHINA}) AS CHAR)"
        if family in ("geometry", "point", "linestring", "polygon"):
            return f"ST_AsText({name})"
        return f"CAST({name} AS CHAR CHARACTER SET utf8mb4)"

    def hashed(self, expression: str) -> str:
        """Of the UTF-8 bytes."""
        return f"CAST(CONV(LEFT(MD5({expression}), 8), 16, 10) AS UNSIGNED)"

    def concatenated(self, parts: Sequence[str]) -> str:
        """CONCAT."""
        return f"CONCAT({', '.join(parts)})"

    def listing(self, to: Connection, name: str | None) -> str:
        """From information_schema, which shows only what the account may see."""
        if name is None:
            return _LISTING.format(schema=self.literal(to.text("database")), only="")
        schema, table = split_name(name)
        only = f" AND c.TABLE_NAME = {self.literal(table)}"
        return _LISTING.format(schema=self.literal(schema), only=only)


def _family(column: SourceColumn) -> str:
    return column.type.split("(")[0].split(" ")[0].lower()


def _url(to: Connection) -> str:
    user, password = quote(to.text("user"), safe=""), quote(to.secrets.get("password", ""), safe="")
    host = to.text("host")
    place = f"[{host}]" if ":" in host else host
    secret = f":{password}" if password else ""
    database = quote(to.text("database"), safe="")
    return f"mysql://{user}{secret}@{place}:{to.number('port', 3306)}/{database}"


CONNECTOR = MysqlConnector()

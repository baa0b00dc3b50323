"""Oracle through python-oracledb's thin mode (no client library), Arrow batches from the wire."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import oracledb
import pyarrow as pa

from chengshu.data.ingest.sources.base import Connection, Field, SourceColumn
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
    context,
    encrypted,
    names_host,
)

_BATCH_ROWS = 20_000
_NUMBER = re.compile(r"-?\d{1,38}(\.\d{1,38})?", re.ASCII)
_DOT = "'NLS_NUMERIC_CHARACTERS=''.,'''"
# TM9 writes all digits of a number but no zero before its point.
_FORMS = {
    "NUMBER": f"REGEXP_REPLACE(TO_CHAR({{0}}, 'TM9', {_DOT}), '^(-?)[.]', '\\10.')",
    "BINARY_DOUBLE": f"TO_CHAR({{0}}, 'TM9', {_DOT})",
    "DATE": "TO_CHAR({0}, 'YYYY-MM-DD HH24:MI:SS')",
    "INTERVAL": "TO_CHAR({0})",
    "RAW": "RAWTOHEX({0})",
    "CHAR": "RTRIM(TO_CHAR({0}))",
    "CLOB": "TO_CLOB({0})",
    "VARCHAR2": "{0}",
    "NVARCHAR2": "TO_CHAR({0})",
    "ROWID": "ROWIDTOCHAR({0})",
}
_FORMS |= {
    "FLOAT": _FORMS["NUMBER"], "INTEGER": _FORMS["NUMBER"], "VARCHAR": "{0}",
    "BINARY_FLOAT": _FORMS["BINARY_DOUBLE"], "NCHAR": _FORMS["CHAR"], "NCLOB": _FORMS["CLOB"],
}  # fmt: skip
_CAUSES = (
    ("certificate", Reason.CERTIFICATE),
    ("hostname", Reason.CERTIFICATE),
    ("wrong version number", Reason.ENCRYPTION),
    ("ssl:", Reason.ENCRYPTION),
    ("ora-01017", Reason.WRONG_PASSWORD),
    ("ora-28000", Reason.WRONG_PASSWORD),
    ("ora-28001", Reason.WRONG_PASSWORD),
    ("ora-12514", Reason.NO_DATABASE),
    ("ora-12505", Reason.NO_DATABASE),
    ("dpy-6001", Reason.NO_DATABASE),
    ("dpy-6003", Reason.NO_DATABASE),
    ("ora-01031", Reason.NO_PERMISSION),
    ("ora-01045", Reason.NO_PERMISSION),
    ("ora-00942", Reason.NO_OBJECT),
    ("ora-00904", Reason.NO_COLUMN),
    ("ora-01722", Reason.BAD_VALUE),
    ("ora-018", Reason.BAD_VALUE),
    ("ora-00018", Reason.TOO_BUSY),
    ("ora-00020", Reason.TOO_BUSY),
    ("ora-12516", Reason.TOO_BUSY),
    ("ora-03113", Reason.LOST),
    ("ora-03114", Reason.LOST),
    ("ora-03135", Reason.LOST),
    ("dpy-4011", Reason.LOST),
    ("ora-00028", Reason.LOST),
    ("ora-01555", Reason.LOST),
    ("name or service not known", Reason.UNKNOWN_HOST),
    ("name resolution", Reason.UNKNOWN_HOST),
    ("refused", Reason.REFUSED),
    ("ora-12541", Reason.REFUSED),
    ("timed out", Reason.TIMED_OUT),
    ("timeout", Reason.TIMED_OUT),
)
_LISTING = """
    SELECT c.owner, c.table_name, CASE WHEN v.view_name IS NULL THEN 'table' ELSE 'view' END,
           t.comments, s.num_rows, c.column_name, c.data_type,
           CASE WHEN c.char_length > 0 THEN c.char_length END, c.data_precision, c.data_scale,
           CASE c.nullable WHEN 'Y' THEN 1 ELSE 0 END,
           CASE WHEN k.column_name IS NULL THEN 0 ELSE 1 END, m.comments
    FROM all_tab_columns c
    LEFT JOIN all_tables s ON s.owner = c.owner AND s.table_name = c.table_name
    LEFT JOIN all_views v ON v.owner = c.owner AND v.view_name = c.table_name
    LEFT JOIN all_tab_comments t ON t.owner = c.owner AND t.table_name = c.table_name
    LEFT JOIN all_col_comments m ON m.owner = c.owner AND m.table_name = c.table_name
      AND m.column_name = c.column_name
    LEFT JOIN (
      SELECT n.owner, n.table_name, n.column_name FROM all_cons_columns n
      JOIN all_constraints p ON p.owner = n.owner AND p.constraint_name = n.constraint_name
      WHERE p.constraint_type = 'P'
    ) k ON k.owner = c.owner AND k.table_name = c.table_name AND k.column_name = c.column_name
    WHERE {only}
    ORDER BY c.owner, c.table_name, c.column_id
"""
_SYSTEM = (
    "c.owner NOT IN ('SYS', 'SYSTEM', 'XDB', 'CTXSYS', 'MDSYS', 'ORDSYS', 'WMSYS', 'OLAPSYS', "
    "'DBSNMP', 'OUTLN', 'GSMADMIN_INTERNAL', 'AUDSYS', 'LBACSYS', 'DVSYS', 'ORDDATA')"
)


class OracleConnector(SqlConnector):
    """An Oracle service; an object is ``OWNER.TABLE``."""

    key = "oracle"
    name = "Oracle"
    note = "12.1 及以上版本，不用安装 Oracle 客户端"
    order = 30
    fields: tuple[Field, ...] = (*sql_fields(1521, database="服务名"), *TLS_FIELDS)
    groups = (SQL_GROUP, TLS_GROUP)
    clock_query = (
        "SELECT (CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - DATE '1970-01-01') * 86400 FROM dual"
    )

    def check(self, to: Connection) -> str:
        """Connect and ask for the version."""
        with closing(self._connect(to)) as connection:
            return f"Oracle {connection.version}"

    def _connect(self, to: Connection) -> oracledb.Connection:
        # TCPS, usually on a port of its own (2484). The thin driver needs no wallet: the context says whom to believe.
        secured: dict[str, Any] = {}
        if encrypted(to):
            secured = {
                "protocol": "tcps", "ssl_context": context(to),
                "ssl_server_dn_match": names_host(to),
            }  # fmt: skip
        try:
            return oracledb.connect(
                user=to.text("user"), password=to.secrets.get("password", ""),
                host=to.text("host"), port=to.number("port", 1521),
                service_name=to.text("database"), tcp_connect_timeout=CONNECT_SECONDS,
                retry_count=0, **secured,
            )  # fmt: skip
        except (oracledb.Error, OSError) as error:
            raise translate(to, str(error), _CAUSES, doing="连接数据源") from error

    def query(self, to: Connection, statement: str) -> list[tuple[Any, ...]]:
        """In a read-only transaction."""
        with closing(self._connect(to)) as connection:
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION READ ONLY")
                    cursor.execute(statement)
                    return list(cursor.fetchall())
            except (oracledb.Error, OSError) as error:
                raise translate(to, str(error), _CAUSES, doing="查询数据源") from error

    def stream(self, to: Connection, statement: str) -> Iterator[pa.RecordBatch]:
        """Data frames of the driver, taken over as Arrow without copying."""
        with closing(self._connect(to)) as connection:
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION READ ONLY")
                for frame in connection.fetch_df_batches(statement, size=_BATCH_ROWS):
                    yield from pa.table(frame).to_batches()
            except (oracledb.Error, OSError, pa.ArrowException) as error:
                raise translate(to, str(error), _CAUSES, doing="读取数据源") from error

    def quote(self, name: str) -> str:
        """Double quotes; Oracle allows none inside a name."""
        if '"' in name or "\x00" in name:
            raise SourceError(Reason.NO_COLUMN, "表名或列名里有非法字符。")
        return f'"{name}"'

    def literal(self, value: str) -> str:
        """Single quotes doubled."""
        return "'" + value.replace("\x00", "").replace("'", "''") + "'"

    def typed(self, column: SourceColumn, value: str) -> str:
        """Dates and instants by an explicit form, never by the session's setting; numbers bare."""
        kind, text = column.type.upper(), value.strip()
        if kind == "DATE":
            return f"TO_DATE({self.literal(text[:19].replace('T', ' '))}, 'YYYY-MM-DD HH24:MI:SS')"
        if kind.startswith("TIMESTAMP"):
            if "TIME ZONE" in kind and "LOCAL" not in kind:
                return f"TO_TIMESTAMP_TZ({self.literal(text)}, 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM')"
            return f"TO_TIMESTAMP({self.literal(text)}, 'YYYY-MM-DD HH24:MI:SS.FF')"
        if kind in ("NUMBER", "FLOAT", "INTEGER", "BINARY_DOUBLE", "BINARY_FLOAT"):
            if _NUMBER.fullmatch(text) is None:
                raise SourceError(
                    Reason.BAD_VALUE,
                    f"“{text[:40]}”不能与数字列“{column.name}”比较。",
                    "请填数字。",
                )
            return text
        return self.literal(value)

    def as_text(self, column: SourceColumn) -> str:
        """Numbers with a point and a leading zero, dates in ISO form, instants with zone in China time."""
        name, kind = self.quote(column.name), column.type.upper()
        if kind.startswith("TIMESTAMP"):
            zoned = "TIME ZONE" in kind
            moved = f"{name} AT TIME ZONE '+08:00'" if zoned else name
            return f"TO_CHAR({moved}, 'YYYY-MM-DD HH24:MI:SS.FF6{' TZH:TZM' if zoned else ''}')"
        form = _FORMS.get("INTERVAL" if kind.startswith("INTERVAL") else kind)
        if form is None:
            raise SourceError(
                Reason.NO_COLUMN,
                f"列“{column.name}”是 {column.type}，不能当作文本读取。",
                "请在对应关系中选“不归集这一列”。",
                column=column.name,
            )
        return form.format(name)

    def hashed(self, expression: str) -> str:
        """Of the database's own bytes: UTF-8 in every AL32UTF8 database."""
        digest = f"RAWTOHEX(STANDARD_HASH({expression}, 'MD5'))"
        return f"TO_NUMBER(SUBSTR({digest}, 1, 8), 'XXXXXXXX')"

    def concatenated(self, parts: Sequence[str]) -> str:
        """With the concatenation operator."""
        return " || ".join(parts)

    def listing(self, to: Connection, name: str | None) -> str:
        """From the ALL_ views, which show only what the account may read."""
        del to
        if name is None:
            return _LISTING.format(only=_SYSTEM)
        owner, table = split_name(name)
        only = f"c.owner = {self.literal(owner)} AND c.table_name = {self.literal(table)}"
        return _LISTING.format(only=only)


CONNECTOR = OracleConnector()

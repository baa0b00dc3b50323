"""What all SQL databases have in common: listing, reading as text, windows, counts and checksums in the source.

Every value leaves the database as text written by the database itself, so that leading zeros, 20-digit codes and
exact decimals arrive as they are. A kind adds its dialect: quoting, text forms, catalogue queries, errors.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from chengshu.data.ingest.reading.rows import HeaderPlan, RowBatch
from chengshu.data.ingest.sources.base import (
    Checksum,
    Connection,
    Connector,
    Field,
    Group,
    SourceColumn,
    SourceObject,
    SourceStructure,
    Window,
)
from chengshu.data.ingest.sources.errors import Reason, SourceError

CONNECT_SECONDS = 5
LAST_PORT = 65_535
SEPARATOR = "\x1f"
_HASHED = 8


def sql_fields(port: int, database: str = "数据库") -> tuple[Field, ...]:
    """The fields of a database server."""
    return (
        Field(key="host", label="主机", maximum=253, help="主机名或地址，须能从本平台访问"),
        Field(key="port", label="端口", kind="number", default=port, maximum=LAST_PORT),
        Field(key="database", label=database, maximum=128),
        Field(key="user", label="用户", maximum=128, help="请用只读账号；平台只会读取"),
        Field(
            key="password", label="密码", required=False, secret=True,
            help="加密保存，登记后谁也看不到",
        ),
    )  # fmt: skip


SQL_GROUP = Group(
    "怎样连接", ("host", "port", "database", "user", "password"),
    "保存时会真的连接一次，连不上不会登记。",
)  # fmt: skip


class SqlConnector(Connector):
    """Base of the database kinds."""

    windows = True
    groups: tuple[Group, ...] = (SQL_GROUP,)
    # A query of the seconds since 1970 by the server's clock: no time zone can come between.
    clock_query: str

    @abstractmethod
    def query(self, to: Connection, statement: str) -> list[tuple[Any, ...]]:
        """Run a small query on a connection of its own."""

    @abstractmethod
    def stream(self, to: Connection, statement: str) -> Iterator[pa.RecordBatch]:
        """Run a large one; batches of text columns, memory bounded."""

    @abstractmethod
    def quote(self, name: str) -> str:
        """A name as an identifier of this dialect."""

    @abstractmethod
    def literal(self, value: str) -> str:
        """A text as a literal of this dialect."""

    @abstractmethod
    def as_text(self, column: SourceColumn) -> str:
        """The expression that gives a column as text, NULL staying NULL."""

    @abstractmethod
    def hashed(self, expression: str) -> str:
        """The first 32 bits of the MD5 of a text (as UTF-8), as a number."""

    @abstractmethod
    def listing(self, to: Connection, name: str | None) -> str:
        """A query of (schema, table, kind, table comment, rows, column, type, length, precision, scale,
        nullable, key, column comment), of one object or of all.
        """

    @abstractmethod
    def concatenated(self, parts: Sequence[str]) -> str:
        """One text of several that are never NULL."""

    def typed(self, column: SourceColumn, value: str) -> str:
        """A window's border as a value comparable with the column."""
        del column
        return self.literal(value)

    def clock(self, to: Connection) -> datetime:
        """The server's own time."""
        seconds = self.query(to, self.clock_query)[0][0]
        return datetime.fromtimestamp(float(seconds), UTC)

    def objects(self, to: Connection) -> list[SourceObject]:
        """Tables and views the account may read."""
        return self._listed(to, None)

    def structure(self, to: Connection, name: str) -> SourceStructure:
        """Columns of one table; ``NO_OBJECT`` when it is not there or may not be read."""
        return self._object(to, name).structure

    def read(
        self, to: Connection, name: str, mapping: Mapping[str, str], *, window: Window | None = None
    ) -> Iterator[RowBatch]:
        """Stream a table; columns are checked first, so that a vanished one is named."""
        found = self._object(to, name)
        columns = self._columns(found, tuple(mapping))
        wanted = ", ".join(
            f"{self.as_text(c)} AS {self.quote(f'c{i}')}" for i, c in enumerate(columns)
        )
        statement = f"SELECT {wanted} FROM {self.place(name)}{self._where(found, window)}"  # noqa: S608 - quoted names
        names = tuple(mapping.values())
        plan = HeaderPlan(
            positions=tuple(range(len(names))), names=names, headers=tuple(mapping),
            width=len(names),
        )  # fmt: skip
        expected = found.rows if window is None else None
        yield from _numbered(self.stream(to, statement), plan, expected)

    def count(self, to: Connection, name: str, *, window: Window | None = None) -> int:
        """COUNT(*) in the source."""
        found = self._object(to, name)
        statement = f"SELECT COUNT(*) FROM {self.place(name)}{self._where(found, window)}"  # noqa: S608 - quoted names
        return int(self.query(to, statement)[0][0])

    def checksum(
        self, to: Connection, name: str, columns: Sequence[str], *, window: Window | None = None
    ) -> Checksum:
        """Rows and digest in one scan of the source; see :func:`digest_of` for what the digest is."""
        found = self._object(to, name)
        parts: list[str] = []
        for column in self._columns(found, columns):
            parts += [f"COALESCE({self.as_text(column)}, '')", self.literal(SEPARATOR)]
        text = self.concatenated(parts[:-1])
        statement = (
            f"SELECT COUNT(*), COALESCE(SUM({self.hashed(text)}), 0) "  # noqa: S608 - quoted names
            f"FROM {self.place(name)}{self._where(found, window)}"
        )
        rows, digest = self.query(to, statement)[0]
        return Checksum(int(rows), int(digest))

    def highest(self, to: Connection, name: str, column: str) -> str | None:
        """MAX(column) in the source, as text."""
        found = self._object(to, name)
        [known] = self._columns(found, (column,))
        # The text of the maximum, not the maximum of the texts.
        inner = f"SELECT MAX({self.quote(column)}) AS {self.quote(column)} FROM {self.place(name)}"  # noqa: S608
        value = self.query(to, f"SELECT {self.as_text(known)} FROM ({inner}) m")[0][0]  # noqa: S608
        return None if value is None else str(value)

    def place(self, name: str) -> str:
        """``schema.table`` as the dialect writes it."""
        return ".".join(self.quote(part) for part in split_name(name))

    def summary(self, options: Mapping[str, Any]) -> str:
        """``host:port/database``."""
        return f"{options.get('host', '')}:{options.get('port', '')}/{options.get('database', '')}"

    def _listed(self, to: Connection, name: str | None) -> list[SourceObject]:
        found: dict[str, tuple[tuple[Any, ...], list[SourceColumn]]] = {}
        for row in self.query(to, self.listing(to, name)):
            entry = found.setdefault(f"{row[0]}.{row[1]}", (row, []))
            entry[1].append(
                SourceColumn(
                    name=str(row[5]), type=str(row[6]), length=_number(row[7]),
                    precision=_number(row[8]), scale=_number(row[9]), nullable=bool(row[10]),
                    key=bool(row[11]), comment=str(row[12] or ""),
                )
            )  # fmt: skip
        return [
            SourceObject(
                name=full, kind="view" if str(row[2]) == "view" else "table",
                comment=str(row[3] or ""), rows=_number(row[4]), columns=tuple(columns),
            )
            for full, (row, columns) in found.items()
        ]  # fmt: skip

    def _object(self, to: Connection, name: str) -> SourceObject:
        found = [one for one in self._listed(to, name) if one.name == name]
        if not found:
            raise SourceError(
                Reason.NO_OBJECT,
                f"来源数据库“{to.name}”里没有表“{name}”，或这个账号看不到它。",
                "请核对模式名、表名和授权；表改了名时请在归集任务里改选。",
            )
        return found[0]

    def _columns(self, found: SourceObject, wanted: Sequence[str]) -> list[SourceColumn]:
        known = {c.name: c for c in found.columns}
        absent = [name for name in wanted if name not in known]
        if absent or not wanted:
            listed = "、".join(f"“{c}”" for c in absent) or "（未选择任何列）"
            raise SourceError(
                Reason.NO_COLUMN,
                f"表“{found.name}”里没有列 {listed}；现有的列是：{'、'.join(sorted(known))}。",
                "请核对对方是否改了表结构，再调整对应关系。",
                column=next(iter(absent), None),
            )
        return [known[name] for name in wanted]

    def _where(self, found: SourceObject, window: Window | None) -> str:
        if window is None:
            return ""
        [column] = self._columns(found, (window.column,))
        name, parts = self.quote(window.column), []
        if window.since is not None:
            sign = ">=" if window.since_inclusive else ">"
            parts.append(f"{name} {sign} {self.typed(column, window.since)}")
        if window.until is not None:
            sign = "<=" if window.until_inclusive else "<"
            parts.append(f"{name} {sign} {self.typed(column, window.until)}")
        inside = " AND ".join(parts) or f"{name} IS NOT NULL"
        return f" WHERE ({inside} OR {name} IS NULL)" if window.with_empty else f" WHERE {inside}"


def split_name(name: str) -> tuple[str, str]:
    """Schema and table of an object's name; the schema never holds a dot."""
    schema, _, table = name.partition(".")
    if not schema or not table or "\x00" in name:
        raise SourceError(
            Reason.NO_OBJECT, f"“{name}”不是“模式.表”的写法。", "请从数据源的表里选择。"
        )
    return schema, table


def translate(
    to: Connection, text: str, causes: Sequence[tuple[str, Reason]], *, doing: str
) -> SourceError:
    """The driver's words as ours; the first sign that occurs in ``text`` decides."""
    lowered = text.lower()
    reason = next((r for sign, r in causes if sign.lower() in lowered), Reason.OTHER)
    what, advice = _WORDS[reason]
    return SourceError(reason, f"{doing}“{to.name}”失败：{what}。", advice)


_WORDS: dict[Reason, tuple[str, str]] = {
    Reason.WRONG_PASSWORD: ("用户名或密码不对", "对方换了密码时，请在数据源页面更换密码。"),
    Reason.UNKNOWN_HOST: ("找不到这个主机名", "请核对主机名，或改填地址。"),
    Reason.REFUSED: (
        "对方没有在该地址和端口提供服务", "请核对主机和端口，或联系对方确认服务已启动、防火墙已放行。",
    ),
    Reason.TIMED_OUT: ("对方没有在时限内应答", "请联系对方检查网络和负载，稍后会自动再试。"),
    Reason.LOST: ("读到一半连接断了", "已读的部分作废；请稍后重新归集。"),
    Reason.NO_PERMISSION: ("这个账号没有读取权限", "请对方数据库管理员授予读取权限。"),
    Reason.NO_DATABASE: ("数据库或用户不存在", "请核对库名和用户名。"),
    Reason.NO_OBJECT: ("表不存在", "请核对表名；改了名时请改选。"),
    Reason.NO_COLUMN: ("列不存在", "请核对对方是否改了表结构。"),
    Reason.BAD_VALUE: ("取数的条件或数据的格式对方不认", "请核对起止值的写法与列的类型。"),
    Reason.TOO_BUSY: ("对方的连接数已满", "请稍后再试，或请对方放宽连接数。"),
    Reason.CERTIFICATE: (
        "对方的证书核对不上：过期了、不是这个主机的，或签发机构不受信任，已拒绝连接，密码没有发出",
        "请核对主机名；对方自签名或用内部机构签发时，请在“修改设置”里填签发机构的证书。",
    ),
    Reason.ENCRYPTION: (
        "两边谈不成加密", "请在“修改设置”里核对“加密”：对方要求加密时选加密，对方不支持时选不加密，并核对端口。",
    ),
    Reason.OTHER: ("对方没有接受请求", "请联系来源系统的管理员查看日志。"),
}  # fmt: skip


def digest_of(rows: Iterable[Sequence[str | None]]) -> Checksum:
    """What :meth:`SqlConnector.checksum` gives for these rows, worked out here: the reference of all dialects."""
    import hashlib

    count = total = 0
    for row in rows:
        text = SEPARATOR.join("" if cell is None else cell for cell in row)
        total += int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:_HASHED], 16)
        count += 1
    return Checksum(count, total)


def duckdb_digest(columns: Sequence[str]) -> str:
    """The digest of already quoted text columns as a DuckDB expression, for the lake's side of a reconciliation."""
    parts = ", ".join(f"coalesce({c}, '')" for c in columns)
    return f"coalesce(sum(('0x' || md5(concat_ws('{SEPARATOR}', {parts}))[1:8])::BIGINT), 0)"


def _numbered(
    batches: Iterator[pa.RecordBatch], plan: HeaderPlan, expected: int | None
) -> Iterator[RowBatch]:
    first = 1
    for batch in batches:
        numbers = np.arange(first, first + batch.num_rows, dtype=np.int64)
        first += batch.num_rows
        columns: list[Any] = [
            c if c.type == pa.string() else c.cast(pa.string()) for c in batch.columns
        ]
        # The source's own estimate: good enough for a progress bar, never for a balance.
        share = min(0.99, (first - 1) / expected) if expected else None
        yield RowBatch(plan.batch(numbers, columns), (), share)


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))

"""Reads the open zone for the public: filters, search, sorting and pages, with bound values and hard limits.

Nothing a visitor writes becomes part of a query's text: column names are looked up among the published ones, values
are parameters, and the lake's sandbox refuses anything but one SELECT over the one table.
"""

# ruff: noqa: S608 - identifiers are published column names, quoted; values are parameters

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings

from chengshu.data.opening.models import DatasetRelease, OpenInterface
from chengshu.data.opening.release.values import json_value
from chengshu.data.opening.row_scope import quoted
from chengshu.kernel.errors import InvalidInput, Unavailable
from chengshu_lake import BadQuery, Lake, LakeError, TableAt

MAX_LIMIT = 1_000
MAX_OFFSET = 100_000
MAX_CONDITIONS = 10
MAX_VALUE = 200
TIMEOUT_SECONDS = 8.0
_MEMORY_MB = 384
# Visitors share the machine with the city's own work: few queries at a time, the rest wait briefly.
_SLOTS = threading.BoundedSemaphore(4)
_WAIT_SECONDS = 3.0
# Catalogued columns never begin with an underscore.
_TOTAL, _PLACE = "_total", "_place"
ROW = "_id"
# The open zone is read in the order it was written in, by one thread.
_NUMBERED = f"(SELECT row_number() OVER () AS {ROW}, * FROM t)"

OPERATORS: dict[str, str] = {
    "": "=", "gte": ">=", "lte": "<=", "gt": ">", "lt": "<", "contains": "contains", "prefix": "prefix",
}  # fmt: skip
AMONG = "among"
MAX_AMONG = 100
_TEXT_ONLY = {"contains", "prefix"}
_RANGES = {"gte", "lte", "gt", "lt"}


@dataclass(frozen=True, slots=True)
class Condition:
    """``column operator value``; the value is already of the column's type (a list of them for :data:`AMONG`)."""

    column: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a visitor asks: conditions, words to find in any text field, order, page.

    ``sort`` names fields with commas between them, ``-`` in front for descending; ``fields`` are those to return, in
    that order (none named: all). ``numbered``: each row says its place in the release as :data:`ROW`, the same in every
    answer from that release, and may be found and sorted by it. ``distinct``: equal rows of ``fields`` are one.
    """

    conditions: Sequence[Condition] = ()
    words: str = ""
    sort: str = ""
    fields: Sequence[str] = ()
    limit: int = 20
    offset: int = 0
    numbered: bool = False
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as dicts of JSON values, and how many match in all."""

    rows: list[dict[str, Any]]
    total: int


@dataclass(frozen=True, slots=True)
class OpenTable:
    """A published version of a table with its columns (see ``DatasetRelease.columns``)."""

    table: str
    version: int
    rows: int
    columns: Sequence[Mapping[str, Any]]
    types: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", {c["name"]: c["type"] for c in self.columns})

    @classmethod
    def of_release(cls, release: DatasetRelease) -> "OpenTable":
        """The table of a dataset's release."""
        return cls(release.open_table, release.open_version, release.rows, release.columns)

    @classmethod
    def of_interface(cls, interface: OpenInterface) -> "OpenTable":
        """The table an interface serves."""
        return cls(
            interface.open_table, interface.open_version or 0, interface.rows, interface.columns
        )

    def condition(self, name: str, text: str) -> Condition:
        """Parse ``field`` or ``field__operator`` and its value.

        Raises:
            InvalidInput: unknown field or operator, or a value of another type.
        """
        column, _, operator = name.partition("__")
        kind = self.types.get(column)
        if kind is None:
            raise self._unknown(column, name)
        usable = operator in OPERATORS and (
            operator == ""
            or (operator in _TEXT_ONLY and kind == "text")
            or (operator in _RANGES and kind != "boolean")
        )
        if not usable:
            raise InvalidInput(
                f"字段“{column}”不支持“{operator[:20]}”这种比较。",
                advice=f"可用：{'、'.join(key or '（等于）' for key in OPERATORS)}；contains 和 prefix 只用于文本。",
                fields={name[:80]: "不支持的比较"},
            )  # fmt: skip
        return Condition(column, operator, _typed(name, kind, text))

    def _unknown(self, column: str, parameter: str = "") -> InvalidInput:
        return InvalidInput(
            f"没有“{column[:60]}”这个字段。", advice=f"可用字段：{'、'.join(self.types)}。",
            fields={(parameter or column)[:80]: "未知字段"},
        )  # fmt: skip

    def among(self, name: str, texts: Sequence[str]) -> Condition:
        """The field has one of some values.

        Raises:
            InvalidInput: unknown field, a value of another type, or none or too many of them.
        """
        if not 0 < len(texts) <= MAX_AMONG:
            raise InvalidInput(
                f"字段“{name[:60]}”一次可以比 1 到 {MAX_AMONG} 个值。",
                fields={name[:80]: "值的个数不对"},
            )
        kind = "integer" if name == ROW else self.types.get(name)
        if kind is None:
            raise self._unknown(name)
        return Condition(name, AMONG, [_typed(name, kind, text) for text in texts])

    def ask(self, question: Question) -> Answer:
        """Answer a question.

        Raises:
            InvalidInput: beyond the limits, or an unknown field. Unavailable: too many at once, or too slow.
        """
        self._check(question)
        where, params = self.where(question)
        order = self._order(question)
        names = ", ".join(quoted(name) for name in self._shown(question))
        page = f"{order} LIMIT {int(question.limit)} OFFSET {int(question.offset)}"
        source = _NUMBERED if question.numbered else "t"
        with Slot():
            if question.distinct:
                return self._distinct(f"SELECT DISTINCT {names} FROM {source}{where}", params, page)
            if not where:
                rows = self.run(f"SELECT {names} FROM {source}{page}", []) if question.limit else []
                return _answer(rows, self.rows)
            count = f"SELECT count(*) AS {_TOTAL} FROM {source}{where}"
            rows = self._page(question, where, params, names, page) if question.limit else []
            if rows:
                return _answer(rows, rows[0][_TOTAL])
            beyond = question.offset or not question.limit
            return _answer([], self.run(count, params)[0][_TOTAL] if beyond else 0)

    def _distinct(self, rows: str, params: list[Any], page: str) -> Answer:
        """One page of what is left when equal rows are one."""
        found = self.run(
            f"WITH d AS MATERIALIZED ({rows}) SELECT *, (SELECT count(*) FROM d) AS {_TOTAL} FROM d{page}",
            params,
        )
        if found:
            return _answer(found, found[0][_TOTAL])
        return _answer(
            [], self.run(f"SELECT count(*) AS {_TOTAL} FROM ({rows})", params)[0][_TOTAL]
        )

    def _page(
        self, question: Question, where: str, params: list[Any], names: str, page: str
    ) -> list[dict[str, Any]]:
        """One page with the number of all matches beside each row, in one session.

        With a key, the table is gone through once, for the key and what it is sorted by; the page's rows, and their
        places in the release, are then found by their keys. Otherwise it is gone through for the count and again for
        the rows.
        """
        keys = self._keys()
        source = _NUMBERED if question.numbered else "t"
        if not keys:
            count = f"SELECT count(*) FROM {source}{where}"
            # The count's parameters come first in the text.
            return self.run(
                f"SELECT {names}, ({count}) AS {_TOTAL} FROM {source}{where}{page}", params * 2
            )
        sorted_by = [part.strip().removeprefix("-") for part in question.sort.split(",") if part]
        # Numbering every row is what takes time: only where rows are chosen or sorted by their numbers.
        early = ROW in (*sorted_by, *(item.column for item in question.conditions))
        found = ", ".join(quoted(name) for name in dict.fromkeys([*sorted_by, *keys]))
        by = ", ".join(quoted(name) for name in keys)
        shown = self._shown(question)
        columns = ", ".join(f"{'n' if name == ROW else 't'}.{quoted(name)}" for name in shown)
        numbers = f" JOIN (SELECT row_number() OVER () AS {ROW}, {by} FROM t) n USING ({by})"
        query = (
            f"WITH m AS MATERIALIZED (SELECT {found} FROM {source if early else 't'}{where}),"
            f" p AS MATERIALIZED (SELECT {by}, row_number() OVER () AS {_PLACE} FROM (SELECT {found} FROM m{page}))"
            f" SELECT {columns}, (SELECT count(*) FROM m) AS {_TOTAL} FROM t JOIN p USING ({by})"
            f"{numbers if ROW in shown else ''} ORDER BY p.{_PLACE}"
        )
        return self.run(query, params)

    def _keys(self) -> list[str]:
        """What tells the rows apart; nothing where a part of the key was not released as it is."""
        return [str(c["name"]) for c in self.columns if c.get("row_key")]

    def _check(self, question: Question) -> None:
        problems: dict[str, str] = {}
        if not 0 <= question.limit <= MAX_LIMIT:
            problems["limit"] = f"每次 0 到 {MAX_LIMIT} 条"
        if not 0 <= question.offset <= MAX_OFFSET:
            problems["offset"] = f"最多从第 {MAX_OFFSET:,} 条开始；需要全部数据请下载文件"
        if len(question.conditions) > MAX_CONDITIONS:
            problems["conditions"] = f"最多 {MAX_CONDITIONS} 个条件"
        if len(question.words) > MAX_VALUE:
            problems["q"] = f"最多 {MAX_VALUE} 个字"
        if problems:
            raise InvalidInput("请求超出了开放接口的限制。", fields=problems)

    def _shown(self, question: Question) -> list[str]:
        row = [ROW] if question.numbered and not question.distinct else []
        unknown = [name for name in question.fields if name not in self.types and name not in row]
        if unknown:
            raise self._unknown(unknown[0], "fields")
        return list(dict.fromkeys(question.fields)) or [*row, *self.types]

    def where(self, question: Question) -> tuple[str, list[Any]]:
        """What a question's conditions and words are in SQL over `t`, with the values to bind."""
        parts: list[str] = []
        params: list[Any] = []
        for item in question.conditions:
            name = quoted(item.column)
            if item.operator == "contains":
                parts.append(_holds(item.column, item.value))
            elif item.operator == "prefix":
                parts.append(f"starts_with({name}, ?)")
            elif item.operator == AMONG:
                parts.append(f"{name} IN ({', '.join('?' * len(item.value))})")
                params += item.value
                continue
            else:
                parts.append(f"{name} {OPERATORS[item.operator]} ?")
            params.append(item.value)
        texts = [name for name, kind in self.types.items() if kind == "text"]
        for word in question.words.split():
            if not texts:
                parts.append("false")
                continue
            found = [_holds(name, word) for name in texts]
            parts.append(f"({' OR '.join(found)})")
            params += [word] * len(texts)
        return (f" WHERE {' AND '.join(parts)}" if parts else ""), params

    def _order(self, question: Question) -> str:
        shown = self._shown(question)
        if not question.sort:
            # What is left of equal rows has no order of its own, and pages need one.
            return f" ORDER BY {', '.join(map(quoted, shown))}" if question.distinct else ""
        parts = [part.strip() for part in question.sort.split(",")]
        names = [part.removeprefix("-") for part in parts]
        usable = (
            set(shown)
            if question.distinct
            else {*self.types, *([ROW] if question.numbered else [])}
        )
        for name in names:
            if name not in usable:
                raise InvalidInput(
                    f"不能按“{name[:60]}”排序。", advice=f"可用字段：{'、'.join(self.types)}。",
                    fields={"sort": "未知字段"},
                )  # fmt: skip
        order = [
            f"{quoted(name)} {'DESC' if part.startswith('-') else 'ASC'} NULLS LAST"
            for part, name in zip(parts, names, strict=True)
        ]
        # Equal values need a further order, or a row could show on two pages and another on none.
        ties = shown if question.distinct else self._keys() or self.types
        rest = [quoted(other) for other in ties if other not in names and ROW not in names]
        return f" ORDER BY {', '.join([*order, *rest])}"

    def run(self, query: str, params: Sequence[Any]) -> list[dict[str, Any]]:
        """Answer SQL over `t`; raises Unavailable when it takes too long."""
        engine = Lake(
            settings.LAKE_ROOT,
            memory_limit_mb=_MEMORY_MB,
            threads=1,
        )
        try:
            tables = {"t": TableAt(self.table, self.version)}
            reader = engine.sql(query, tables=tables, params=params, timeout=TIMEOUT_SECONDS)
            found: list[dict[str, Any]] = reader.read_all().to_pylist()
        except BadQuery as error:
            raise Unavailable(
                "这次查询太费时，已停止。", advice="请增加筛选条件，或下载文件后在本机处理。"
            ) from error
        except LakeError as error:
            raise Unavailable("数据暂时读不到。", advice="请稍后重试，或下载文件。") from error
        return found


def _holds(column: str, word: str) -> str:
    """The condition that a text contains a word in any case; words without case need no second look at the text."""
    if word.lower() == word.upper():
        return f"contains({quoted(column)}, ?)"
    return f"contains(lower({quoted(column)}), lower(?))"


def _answer(rows: list[dict[str, Any]], total: int) -> Answer:
    shown = [{k: json_value(v) for k, v in row.items() if k != _TOTAL} for row in rows]
    return Answer(shown, int(total))


class Slot:
    """One of the few queries that may run at a time."""

    def __enter__(self) -> None:
        if not _SLOTS.acquire(timeout=_WAIT_SECONDS):
            raise Unavailable("现在查询的人太多。", advice="请几秒后重试，或下载文件。")

    def __exit__(self, *_error: object) -> None:
        _SLOTS.release()


def _typed(name: str, kind: str, text: str) -> Any:
    if len(text) > MAX_VALUE:
        raise InvalidInput(f"条件的值太长，最多 {MAX_VALUE} 个字。", fields={name[:80]: "值太长"})
    try:
        match kind:
            case "integer":
                return _whole(text)
            case "decimal":
                return _fraction(text)
            case "date":
                return date.fromisoformat(text)
            case "datetime":
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.astimezone()
            case "boolean":
                return {"true": True, "false": False, "是": True, "否": False}[text.lower()]
            case _:
                return text
    except (ValueError, KeyError, InvalidOperation) as error:
        raise InvalidInput(
            f"“{text[:40]}”不是字段“{name[:60]}”要求的{_KIND_WORDS.get(kind, kind)}。",
            fields={name[:80]: f"要求{_KIND_WORDS.get(kind, kind)}"},
        ) from error


def _whole(text: str) -> int:
    value = int(text)
    if abs(value) >= 2**63:
        raise ValueError(text)
    return value


def _fraction(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or len(text) > _DECIMAL_DIGITS:
        raise ValueError(text)
    return value


_DECIMAL_DIGITS = 38
_KIND_WORDS = {
    "integer": "整数", "decimal": "小数", "date": "日期（如 2026-11-23）",
    "datetime": "时间（如 2026-11-23T14:05:00+08:00）", "boolean": "true 或 false",
}  # fmt: skip

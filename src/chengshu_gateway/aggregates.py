"""Statistics: counts, sums and averages of groups of records; no record and no small group leaves.

The whole table is read, therefore in a thread with a connection of its own, a few at a time, and
the answer of one version is kept: asking again costs nothing and tells nothing new. There are no
conditions: with them two questions that differ in one record would tell that record.
"""

import asyncio
import contextlib
import hmac
import json
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from chengshu_gateway import disclosure, masks, rowfilter, rowfilter_sql
from chengshu_gateway.bundle import NUMERIC
from chengshu_gateway.disclosure import Cell
from chengshu_gateway.keys import GatewayKeys, hash_record_key
from chengshu_gateway.policy import CompiledGrant
from chengshu_gateway.problems import (
    BAD_CONTENT,
    BUSY,
    FIELD_NOT_GRANTED,
    NO_SNAPSHOT,
    NOT_QUERYABLE,
    Refusal,
)
from chengshu_gateway.request import CallRecord
from chengshu_gateway.shape import fingerprint
from chengshu_gateway.snapshot import Snapshot, SnapshotError
from chengshu_gateway.work import Desk, members

MOST_COLUMNS = 2
MOST_MEASURES = 5
MOST_GROUPS = 20_000
"""Groups before masks join some of them; finer questions are about single records."""
SECONDS = 20.0
AT_ONCE = threading.BoundedSemaphore(2)
_KEPT = 64
_STEPS = 100_000

_answers: "OrderedDict[tuple[str, ...], tuple[str, int]]" = OrderedDict()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: groups by these columns, sums and averages of those."""

    group: tuple[str, ...]
    sums: tuple[str, ...]
    averages: tuple[str, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        """The columns that are added up."""
        return tuple(dict.fromkeys([*self.sums, *self.averages]))

    def canonical(self) -> str:
        """Return a text that is the same for the same question."""
        return json.dumps([self.group, sorted(self.sums), sorted(self.averages)])


@dataclass(slots=True)
class _Total:
    """What is known of one measure in one group: values, their sum, the largest by amount."""

    values: int = 0
    total: float = 0.0
    largest: float = 0.0


@dataclass(slots=True)
class _Group:
    """One group: its records and measures."""

    count: int = 0
    totals: dict[str, _Total] = field(default_factory=dict)


class Statistics:
    """One question about the groups of a table."""

    cost = 1

    def __init__(self, grant: CompiledGrant, question: Question) -> None:
        """`question` was checked against the grant."""
        self._grant = grant
        self._question = question

    async def run(self, snapshot: Snapshot, call: CallRecord, desk: Desk) -> str:
        """Answer from what is kept, else read the table in a thread."""
        item = self._grant.grant
        name = (
            str(snapshot.path), item.app_id, item.interface_id, fingerprint(item),
            str(item.minimum_group), self._question.canonical(),
        )  # fmt: skip
        found = _answers.get(name)
        if found is None:
            if not AT_ONCE.acquire(blocking=False):
                raise Refusal(BUSY, retry_after=5, extra="同时进行的统计太多")
            try:
                found = await asyncio.to_thread(self._computed, snapshot, desk.keys)
            finally:
                AT_ONCE.release()
            _answers[name] = found
            while len(_answers) > _KEPT:
                _answers.popitem(last=False)
        text, call.found = found
        return text

    def _computed(self, snapshot: Snapshot, keys: GatewayKeys) -> tuple[str, int]:
        """The members of the answer and how many groups it shows."""
        groups = _joined(
            _read(snapshot, self._grant, self._question), self._shown(keys), self._question
        )
        minimum = self._grant.grant.minimum_group
        counts = {cell: group.count for cell, group in groups.items()}
        gone = disclosure.hidden(counts, minimum)
        secret = hmac.digest(keys.mask, b"statistics", "sha256")
        shown = [
            self._written(cell, groups[cell], secret)
            for cell in sorted(
                groups, key=lambda each: [(value is None, value or "") for value in each]
            )
            if cell not in gone
        ]
        text = (
            f'"data":{json.dumps(shown, ensure_ascii=False, separators=(",", ":"))},'
            f'"suppressed":{"true" if gone else "false"},"minimum":{minimum},'
            f'"rounding":{disclosure.COUNT_BASE}'
        )
        return text, len(shown)

    def _shown(self, keys: GatewayKeys) -> list[Callable[[Any], str | None]]:
        item = self._grant.grant
        kinds = {column.name: column.type for column in self._grant.columns()}
        found = []
        for name in self._question.group:
            mask = masks.parse(item.masks.get(name, "none"))
            function = mask.compile(hash_key=keys.for_application(item.app_id))
            found.append(_as_text(function, kinds[name]))
        return found

    def _written(self, cell: Cell, group: _Group, secret: bytes) -> dict[str, Any]:
        shown: dict[str, Any] = dict(zip(self._question.group, cell, strict=True))
        document: dict[str, Any] = {"group": shown, "count": disclosure.rounded_count(group.count)}
        blurred = {}
        for name, total in group.totals.items():
            # Values that few records have are as telling as a small group.
            if total.values >= self._grant.grant.minimum_group:
                context = json.dumps(
                    [
                        self._grant.interface.interface_id,
                        self._question.group,
                        cell,
                        name,
                        total.values,
                    ]
                )
                blurred[name] = disclosure.blurred(
                    total.total, total.largest, secret=secret, context=context
                )
        for word, names in (("sum", self._question.sums), ("avg", self._question.averages)):
            if names:
                document[word] = {
                    name: None if name not in blurred else disclosure.significant(
                        blurred[name] / (group.totals[name].values if word == "avg" else 1)
                    )
                    for name in names
                }  # fmt: skip
        return document


def prepare(body: bytes, keys: GatewayKeys, grant: CompiledGrant, call: CallRecord) -> Statistics:
    """Read the body of a question; raises Refusal."""
    return Statistics(grant, question_of(body, keys, grant, call))


def question_of(body: bytes, keys: GatewayKeys, grant: CompiledGrant, call: CallRecord) -> Question:
    """Read the body of a question and check it against the grant; raises Refusal."""
    grant.require("statistics")
    document = members(body, required=[], optional=["group", "sum", "avg"])
    question = Question(
        _names(document, "group", MOST_COLUMNS),
        _names(document, "sum", MOST_MEASURES),
        _names(document, "avg", MOST_MEASURES),
    )
    named = tuple(dict.fromkeys([*question.group, *question.measures]))
    call.fields = ",".join(name for name in named if name in grant.grant.fields)
    if refused := [name for name in named if name not in grant.grant.fields]:
        raise Refusal(FIELD_NOT_GRANTED, extra="未授权：" + "、".join(refused)[:200])
    kinds = {column.name: column.type for column in grant.columns()}
    declared = {name: masks.parse(grant.grant.masks.get(name, "none")) for name in named}
    if apart := [name for name in question.group if declared[name].subject]:
        raise Refusal(NOT_QUERYABLE, extra="这种脱敏方式的字段不能分组：" + "、".join(apart))
    if wrong := [n for n in question.measures if kinds[n] not in NUMERIC or declared[n].hides]:
        raise Refusal(
            NOT_QUERYABLE, extra="只能对不脱敏的数值字段求和、求平均：" + "、".join(wrong)
        )
    call.asked = len(named)
    call.record = hash_record_key(keys.record_key, question.canonical())
    return question


def _names(document: dict[str, Any], member: str, most: int) -> tuple[str, ...]:
    names = document.get(member, [])
    if (
        not isinstance(names, list)
        or len(names) > most
        or not all(isinstance(name, str) and name for name in names)
        or len(set(names)) != len(names)
    ):
        raise Refusal(BAD_CONTENT, extra=f"{member} 应为至多 {most} 个互不相同的字段名")
    return tuple(names)


def _read(snapshot: Snapshot, grant: CompiledGrant, question: Question) -> list[tuple[Any, ...]]:
    """One row per group: its values, its records, and values, sum and largest of each measure."""
    narrowed = grant.grant.row_filter
    wanted = [
        *question.group,
        *question.measures,
        *(rowfilter.fields_of(narrowed) if narrowed else ()),
    ]
    try:
        snapshot.selection(wanted)
    except SnapshotError as error:
        raise Refusal(NO_SNAPSHOT) from error
    columns = [f'"{name}"' for name in question.group] + ["count(*)"]
    for name in question.measures:
        number = f'CAST("{name}" AS REAL)'
        columns += [f'count("{name}")', f"total({number})", f"max(abs({number}))"]
    where = ""
    values: list[Any] = []
    if narrowed is not None:
        written, values = rowfilter_sql.condition(narrowed)
        where = f" WHERE {written}"
    by = ", ".join(f'"{name}"' for name in question.group)
    statement = (
        f"SELECT {', '.join(columns)} FROM data{where}"  # noqa: S608 - names of the file's own columns
        + (f" GROUP BY {by} LIMIT {MOST_GROUPS + 1}" if by else "")
    )
    rows = fetched(snapshot, statement, values)
    if len(rows) > MOST_GROUPS:
        raise Refusal(BAD_CONTENT, extra=f"分组超过 {MOST_GROUPS:,} 个，请换取值较少的字段")
    return rows


def fetched(snapshot: Snapshot, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Read with a connection of its own, not for longer than SECONDS; raises Refusal."""
    uri = f"file:{quote(str(snapshot.path.absolute()))}?mode=ro&immutable=1"
    until = time.monotonic() + SECONDS
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
        try:
            return connection.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            raise Refusal(BUSY, retry_after=60, extra="这次统计用时过长") from error


def _joined(
    rows: Sequence[tuple[Any, ...]],
    shown: Sequence[Callable[[Any], str | None]],
    question: Question,
) -> dict[Cell, _Group]:
    """Groups as they are shown: different values can look alike behind a mask."""
    found: dict[Cell, _Group] = {}
    width = len(question.group)
    for row in rows:
        cell = tuple(show(value) for show, value in zip(shown, row, strict=False))
        group = found.setdefault(cell, _Group())
        group.count += row[width]
        for at, name in enumerate(question.measures):
            values, total, largest = row[width + 1 + 3 * at : width + 4 + 3 * at]
            known = group.totals.setdefault(name, _Total())
            known.values += values
            known.total += total
            known.largest = max(known.largest, largest or 0.0)
    return found


def _as_text(function: Callable[[Any], str | None], kind: str) -> Callable[[Any], str | None]:
    """Group values are always text, null stays null."""

    def shown(value: Any) -> str | None:
        if kind == "boolean" and value is not None:
            value = bool(value)
        return function(value)

    return shown

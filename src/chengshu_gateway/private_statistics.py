"""Statistics of a grant with a privacy budget: every number with noise, every question paid for once.

The groups are the ones that were named beforehand, empty ones too; a record outside of them is in no
group. The noise of an answer is drawn once: who asks the same again in the same period gets the same
answer, from the same data, and pays nothing. Order: the expense is written, the noise drawn, the answer
kept, the call recorded; then it leaves.
"""

import asyncio
import itertools
import json
import logging
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from chengshu_gateway import aggregates, privacy_terms, rowfilter, rowfilter_sql
from chengshu_gateway.aggregates import Question
from chengshu_gateway.keys import GatewayKeys, hash_record_key
from chengshu_gateway.policy import CompiledGrant
from chengshu_gateway.privacy_terms import MICRO, Privacy
from chengshu_gateway.private.desk import PrivateDesk
from chengshu_gateway.private.ledger import Expense, Item, LedgerError
from chengshu_gateway.private.noise import Drawn, NoiseError, Release, installed
from chengshu_gateway.problems import (
    BAD_CONTENT,
    BUDGET_SPENT,
    BUSY,
    NO_SNAPSHOT,
    NOT_QUERYABLE,
    PRIVACY_UNAVAILABLE,
    Refusal,
)
from chengshu_gateway.request import CallRecord
from chengshu_gateway.shape import fingerprint
from chengshu_gateway.snapshot import Snapshot, SnapshotError
from chengshu_gateway.work import Desk, Work

_log = logging.getLogger("chengshu_gateway")
MECHANISM = "discrete_laplace"
Cell = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A column that is added up: between which bounds, with how many decimal places."""

    name: str
    low: float
    high: float
    places: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What a question asks for: its groups, what is added up, and of what the filled values are counted."""

    cells: tuple[Cell, ...]
    measures: tuple[Measure, ...]
    counted: tuple[str, ...]


class PrivateStatistics:
    """One question about the groups of a table, answered with noise."""

    cost = 1

    def __init__(
        self, grant: CompiledGrant, terms: Privacy, question: Question, shape: Shape
    ) -> None:
        """`question` and `shape` were checked against grant and terms."""
        self._grant = grant
        self._terms = terms
        self._question = question
        self._shape = shape

    async def run(self, snapshot: Snapshot, call: CallRecord, desk: Desk) -> str:
        """Pay, draw and keep in a thread; the number of the expense stands in the record of the call."""
        assert desk.private is not None
        if not installed():
            raise Refusal(PRIVACY_UNAVAILABLE, extra="没有安装 OpenDP")
        if not aggregates.AT_ONCE.acquire(blocking=False):
            raise Refusal(BUSY, retry_after=5, extra="同时进行的统计太多")
        try:
            return await asyncio.to_thread(self._answer, snapshot, call, desk.private)
        except (LedgerError, NoiseError) as error:
            _log.exception("no private answer")
            raise Refusal(PRIVACY_UNAVAILABLE) from error
        finally:
            aggregates.AT_ONCE.release()

    def _answer(self, snapshot: Snapshot, call: CallRecord, desk: PrivateDesk) -> str:
        now, terms = time.time(), self._terms
        today = privacy_terms.today(now)
        expense = desk.ledger.spend(
            Item(call.app, call.interface, call.record),
            start=privacy_terms.started(terms.period, today),
            day=today,
            micros=terms.cost,
            limit=terms.limit,
        )
        renewal = privacy_terms.renewal(terms.period, today)
        if expense is None:
            raise Refusal(
                BUDGET_SPENT,
                retry_after=privacy_terms.seconds_until(renewal, now),
                extra=f"{renewal.isoformat()} 恢复",
            )
        call.expense, call.spent, call.spent_on = expense.number, expense.micros, expense.day
        kept = expense.answer is not None
        answer, call.version = expense.answer or "", expense.version
        if not kept:
            answer = self._drawn(snapshot, desk)
            answer, call.version = desk.ledger.keep(expense.number, answer, snapshot.version)
        call.found = len(self._shape.cells)
        return f'{answer},"budget":{json.dumps(self._budget(expense, kept, renewal.isoformat()))}'

    def _budget(self, expense: Expense, kept: bool, renewal: str) -> dict[str, Any]:
        return {
            "total": self._terms.budget,
            "spent": expense.spent / MICRO,
            "remaining": max(self._terms.limit - expense.spent, 0) / MICRO,
            "period": self._terms.period,
            "renews": renewal,
            "kept": kept,
            "charged_on": expense.day,
        }

    def _drawn(self, snapshot: Snapshot, desk: PrivateDesk) -> str:
        """The answer's members that are kept: groups with their noisy numbers, and how they were made."""
        releases = self._releases(_read(snapshot, self._grant, self._question, self._shape))
        drawn = desk.noise.draw(self._terms.cost / MICRO, releases)
        counts, width = drawn[0], len(self._shape.measures)
        sums = dict(zip(self._shape.measures, drawn[1 : 1 + width], strict=True))
        filled = dict(zip(self._shape.counted, drawn[1 + width :], strict=True))
        data = [
            self._written(at, cell, counts, sums, filled)
            for at, cell in enumerate(self._shape.cells)
        ]
        told = {
            "mechanism": MECHANISM,
            "epsilon": self._terms.cost / MICRO,
            "records_per_person": self._terms.records,
            "count": _certainty(counts, 0),
            "sum": {
                each.name: _certainty(noise, each.places) | {"low": each.low, "high": each.high}
                for each, noise in sums.items()
            },
            "filled": {name: _certainty(noise, 0) for name, noise in filled.items()},
        }
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        return f'"data":{text},"privacy":{json.dumps(told)}'

    def _releases(self, found: dict[Cell, tuple[int, ...]]) -> list[Release]:
        """Counts, then sums, then numbers of filled values, each over all groups."""
        shape, most = self._shape, self._terms.records
        limits = [1]
        limits += [privacy_terms.sensitivity((m.low, m.high), m.places) for m in shape.measures]
        limits += [1] * len(shape.counted)
        empty = (0,) * len(limits)
        rows = [found.get(cell, empty) for cell in shape.cells]
        # A record is in one group at most, so a person moves all groups together by what its records do.
        return [Release(limit * most, [row[at] for row in rows]) for at, limit in enumerate(limits)]

    def _written(
        self,
        at: int,
        cell: Cell,
        counts: Drawn,
        sums: dict[Measure, Drawn],
        filled: dict[str, Drawn],
    ) -> dict[str, Any]:
        group = dict(zip(self._question.group, cell, strict=True))
        document: dict[str, Any] = {"group": group, "count": counts.values[at]}
        totals = {
            each.name: (each, noise.values[at] / 10**each.places) for each, noise in sums.items()
        }
        if self._question.sums:
            document["sum"] = {
                name: round(totals[name][1], totals[name][0].places) for name in self._question.sums
            }
        if self._question.averages:
            document["avg"] = {
                name: _average(*totals[name], filled[name].values[at])
                for name in self._question.averages
            }
        return document


def _average(measure: Measure, total: float, values: int) -> float | None:
    """The quotient of two noisy numbers, within the bounds; None where nothing is left to divide by."""
    if values < 1:
        return None
    return round(min(max(total / values, measure.low), measure.high), measure.places + 1)


def _certainty(noise: Drawn, places: int) -> dict[str, float]:
    """Scale of the noise, and how far 95 % of the numbers are off at most, in the numbers' own unit."""
    unit = 10**places
    return {"scale": noise.scale / unit, "accuracy_95": noise.accuracy / unit}


def prepare(body: bytes, keys: GatewayKeys, grant: CompiledGrant, call: CallRecord) -> Work:
    """Read the body of a question, of a grant with or without a privacy budget; raises Refusal."""
    terms = grant.grant.privacy
    if terms is None:
        return aggregates.prepare(body, keys, grant, call)
    question = aggregates.question_of(body, keys, grant, call)
    kinds = {column.name: column.type for column in grant.columns()}
    if unbounded := [name for name in question.measures if name not in terms.bounds]:
        raise Refusal(NOT_QUERYABLE, extra="没有设定上下限，不能求和：" + "、".join(unbounded))
    public = public_groups(grant, terms)
    if unnamed := [name for name in question.group if name not in public]:
        raise Refusal(NOT_QUERYABLE, extra="没有公开的分组取值，不能分组：" + "、".join(unnamed))
    cells = tuple(itertools.product(*(public[name] for name in question.group)))
    if len(cells) > privacy_terms.MOST_GROUPS:
        raise Refusal(BAD_CONTENT, extra=f"分组超过 {privacy_terms.MOST_GROUPS:,} 个")
    measures = [
        Measure(name, *terms.bounds[name], privacy_terms.digits(kinds[name], terms.bounds[name]))
        for name in question.measures
    ]
    shape = Shape(cells, tuple(measures), question.averages)
    # Other terms or another shape of the grant are another question.
    asked = json.dumps(
        [fingerprint(grant.grant), asdict(terms), question.canonical(), cells], sort_keys=True
    )
    call.record = hash_record_key(keys.record_key, asked)
    return PrivateStatistics(grant, terms, question, shape)


def public_groups(grant: CompiledGrant, terms: Privacy) -> dict[str, tuple[str, ...]]:
    """The values by which may be grouped: declared ones, else those of the column's code list.

    Masked columns are left out: what is behind a mask has other values than were named.
    """
    return {
        column.name: named
        for column in grant.columns()
        if column.type in privacy_terms.GROUPABLE
        and grant.grant.masks.get(column.name, "none") == "none"
        and (named := terms.groups.get(column.name) or tuple(column.codes))
    }


def _read(
    snapshot: Snapshot, grant: CompiledGrant, question: Question, shape: Shape
) -> dict[Cell, tuple[int, ...]]:
    """By group: records, then the bounded sums in whole units, then the numbers of filled values."""
    narrowed = grant.grant.row_filter
    wanted = [*question.group, *(each.name for each in shape.measures)]
    try:
        snapshot.selection([*wanted, *(rowfilter.fields_of(narrowed) if narrowed else ())])
    except SnapshotError as error:
        raise Refusal(NO_SNAPSHOT) from error
    by = [f'CAST("{name}" AS TEXT)' for name in question.group]
    columns = [*by, "count(*)", *map(_bounded_sum, shape.measures)]
    columns += [f'count("{name}")' for name in shape.counted]
    conditions: list[str] = []
    values: list[Any] = []
    if narrowed is not None:
        written, values = rowfilter_sql.condition(narrowed)
        conditions.append(f"({written})")
    for at, expression in enumerate(by):
        named = sorted({cell[at] for cell in shape.cells})
        conditions.append(f"{expression} IN ({_marks(named)})")
        values = [*values, *named]
    statement = f"SELECT {', '.join(columns)} FROM data"  # noqa: S608 - names of the file's own columns
    if conditions:
        statement += " WHERE " + " AND ".join(conditions)
    if by:
        statement += " GROUP BY " + ", ".join(str(at + 1) for at in range(len(by)))
    width = len(by)
    return {
        tuple(row[:width]): tuple(row[width:])
        for row in aggregates.fetched(snapshot, statement, values)
    }


def _bounded_sum(measure: Measure) -> str:
    """Whole units, so that the sum is exact and no rounding of floating point tells anything."""
    bounded = f'min(max(CAST("{measure.name}" AS REAL), {measure.low!r}), {measure.high!r})'
    return f"coalesce(sum(CAST(round({bounded} * {10**measure.places}) AS INTEGER)), 0)"


def _marks(values: Iterable[str]) -> str:
    return ", ".join("?" for _value in values)

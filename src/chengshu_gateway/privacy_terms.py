"""Differential privacy of a grant that allows statistics only: how much, for how long, between which bounds.

The provider decides. One answer may tell at most `epsilon` about a person, all answers of a period
together at most `budget` (sequential composition: what single answers tell is added up). A person has
at most `records` records; what a sum may owe to one of them is bounded by `bounds`; the groups that
are counted are named beforehand by `groups` or by the column's code list, never by the data.
See Dwork & Roth, "The Algorithmic Foundations of Differential Privacy", sections 3.3 and 3.5.
"""

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

MICRO = 1_000_000
"""Budgets are counted in whole millionths, so that adding them up loses nothing."""
PERIODS = ("day", "month")
LEAST_EPSILON, MOST_EPSILON, MOST_BUDGET = 0.001, 10.0, 1000.0
MOST_RECORDS = 100
MOST_BOUND = 1e9
MOST_GROUPS = 2_000
"""Groups that one column may name, and that one answer may have."""
LONGEST_GROUP = 200
_WHOLE_DIGITS = 6
_BEIJING = timedelta(hours=8)
_MEMBERS = frozenset({"epsilon", "budget", "period", "bounds", "groups", "records"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


class PrivacyError(ValueError):
    """Terms that nobody could keep; the text says why, in Chinese."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """The terms of one grant; `bounds` maps a numeric column to (low, high), `groups` a column to its values."""

    epsilon: float
    budget: float
    period: str = "month"
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    records: int = 1

    @property
    def cost(self) -> int:
        """What one answer takes from the budget, in millionths."""
        return math.ceil(round(self.epsilon * MICRO, 3))

    @property
    def limit(self) -> int:
        """The whole budget of a period, in millionths."""
        return math.floor(round(self.budget * MICRO, 3))


def from_document(document: Any) -> Privacy:
    """Read terms from their JSON form; raises PrivacyError for anything else."""
    if not isinstance(document, dict) or set(document) - _MEMBERS:
        raise PrivacyError("差分隐私的写法不认识。")
    try:
        found = Privacy(
            epsilon=_number(document.get("epsilon")),
            budget=_number(document.get("budget")),
            period=document.get("period", "month"),
            bounds={
                name: (_number(low), _number(high))
                for name, (low, high) in document.get("bounds", {}).items()
            },
            groups={name: tuple(values) for name, values in document.get("groups", {}).items()},
            records=document.get("records", 1),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise PrivacyError("差分隐私的写法不认识。") from error
    check(found)
    return found


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PrivacyError("差分隐私的数值应为数字。")
    return float(value)


def check(terms: Privacy) -> None:
    """Raise PrivacyError unless the terms can be kept."""
    if not LEAST_EPSILON <= terms.epsilon <= MOST_EPSILON:
        raise PrivacyError(f"每次的隐私预算应为 {LEAST_EPSILON} 至 {MOST_EPSILON:g}。")
    if not terms.epsilon <= terms.budget <= MOST_BUDGET:
        raise PrivacyError(f"每期的隐私预算不能小于每次的，最多 {MOST_BUDGET:g}。")
    if terms.period not in PERIODS:
        raise PrivacyError("隐私预算的周期应为 day 或 month。")
    whole = isinstance(terms.records, int) and not isinstance(terms.records, bool)
    if not whole or not 1 <= terms.records <= MOST_RECORDS:
        raise PrivacyError(f"一个人最多的记录条数应为 1 至 {MOST_RECORDS}。")
    for name, (low, high) in terms.bounds.items():
        if not _is_name(name) or not -MOST_BOUND <= low < high <= MOST_BOUND:
            raise PrivacyError(
                f"字段 {name} 的上下限不合规：下限要小于上限，都不超过 {MOST_BOUND:,.0f}。"
            )
    for name, values in terms.groups.items():
        proper = all(isinstance(each, str) and 0 < len(each) <= LONGEST_GROUP for each in values)
        if not _is_name(name) or not proper or not 0 < len(values) <= MOST_GROUPS:
            raise PrivacyError(f"字段 {name} 的分组取值应为 1 至 {MOST_GROUPS:,} 个文本。")
        if len(set(values)) != len(values):
            raise PrivacyError(f"字段 {name} 的分组取值重复。")


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def check_columns(terms: Privacy, columns: dict[str, str], numeric: frozenset[str]) -> None:
    """Raise PrivacyError unless bounds and groups fit the columns (name to type) of the interface."""
    for name in terms.bounds:
        if columns.get(name) not in numeric:
            raise PrivacyError(f"上下限的字段 {name} 不是接口的数值字段。")
    for name in terms.groups:
        if columns.get(name) not in GROUPABLE:
            raise PrivacyError(f"分组字段 {name} 应为接口的文本或整数字段。")


GROUPABLE = frozenset({"text", "integer"})


def digits(kind: str, bounds: tuple[float, float]) -> int:
    """Decimal places with which values of a column are added up; whole numbers have none."""
    if kind == "integer":
        return 0
    largest = max(abs(bounds[0]), abs(bounds[1]))
    return max(0, _WHOLE_DIGITS - max(0, math.ceil(math.log10(largest))))


def sensitivity(bounds: tuple[float, float], places: int) -> int:
    """The most that one record can change a sum, in units of its last decimal place."""
    largest = max(abs(bounds[0]), abs(bounds[1]))
    return max(1, math.ceil(largest * float(10**places)))


def today(now: float) -> date:
    """The Beijing day of an instant in unix seconds."""
    return (datetime.fromtimestamp(now, UTC) + _BEIJING).date()


def started(period: str, day: date) -> date:
    """The first day of the period that a day belongs to."""
    return day.replace(day=1) if period == "month" else day


def renewal(period: str, day: date) -> date:
    """The first day of the next period."""
    if period == "day":
        return day + timedelta(days=1)
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def seconds_until(day: date, now: float) -> int:
    """Seconds from an instant to the Beijing beginning of a day, at least 1."""
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC) - _BEIJING
    return max(1, math.ceil(begins.timestamp() - now))

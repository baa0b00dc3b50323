"""The chart of a dataset as a visitor sets it up: grouped by what, showing what, drawn how, over which records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from chengshu.data.opening.figures import MOMENTS, NUMBERS, Figure, Group, Measure, figures
from chengshu.data.opening.models import DatasetRelease
from chengshu.data.opening.reading import OpenTable
from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.ui.components import Chart, Series

BARS = 12
# Own names, so that a chart and the preview can stand in one address.
BY, OF, AS, ONLY = "chart", "of", "as", "only"
_KINDS = {"hbar": "横条", "bar": "柱形", "line": "折线", "pie": "占比"}
_MEASURES = {Measure.SUM: "合计", Measure.AVERAGE: "平均"}
_COUNT = "记录数"

Column = Mapping[str, Any]
Option = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose: its parameter, what it is called, the options and the chosen one."""

    name: str
    label: str
    options: list[Option]
    value: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart with what can be changed about it; ``query`` asks for the same again."""

    choices: list[Choice]
    query: str
    chart: Chart | None
    problem: str = ""


def drawn(release: DatasetRelease, asked: Mapping[str, str]) -> Drawn | None:
    """Draw what was asked, as far as it can be; None where no field of the release divides its records."""
    fields = _dividing(release)
    if not fields:
        return None
    by = asked.get(BY, "") if asked.get(BY) in fields else _telling(release, fields)
    column = fields[by]
    measures = _measures(release)
    of = asked.get(OF, "") if asked.get(OF) in measures else ""
    kinds = _kinds(column, of)
    kind = asked.get(AS, "") if asked.get(AS) in kinds else next(iter(kinds))
    only = asked.get(ONLY, "")
    some = _some(release, fields)
    if only not in dict(some):
        only = ""
    choices = [
        Choice(BY, "按", [(name, each["title"]) for name, each in fields.items()], by),
        Choice(OF, "看", [("", _COUNT), *((key, words) for key, words in measures.items() if key)], of),
        Choice(AS, "画成", list(kinds.items()), kind),
        Choice(ONLY, "只看", [("", "全部记录"), *some], only),
    ]  # fmt: skip
    query = urlencode([(each.name, each.value) for each in choices if each.value])
    try:
        groups = (
            figures(OpenTable.of_release(release), _figure(release, by, of, only))
            if of or only
            else _counted(release, by)
        )
    except ChengshuError as error:
        return Drawn(choices, query, None, error.detail)
    words = (measures[of], dict(some).get(only, ""))
    return Drawn(choices, query, _chart(column, groups, kind, of, words))


def _dividing(release: DatasetRelease) -> dict[str, Column]:
    """The fields whose few values (or years) divide the records, by name."""
    counted = release.profile.get("fields", {})
    return {
        column["name"]: column for column in release.columns
        if len(counted.get(column["name"], {}).get("values", ())) > 1
        or len(counted.get(column["name"], {}).get("years", ())) > 1
    }  # fmt: skip


def _counted(release: DatasetRelease, by: str) -> list[Group]:
    """The records by groups as they were counted when the release was made."""
    known = release.profile["fields"][by]
    found = [Group(value, count, count) for value, count in known.get("values") or known["years"]]
    empty = release.rows - sum(group.records for group in found)
    return [*found, Group(None, empty, empty)] if empty else found


def _telling(release: DatasetRelease, fields: Mapping[str, Column]) -> str:
    """The field that tells most: three to a dozen groups."""
    counted = release.profile.get("fields", {})

    def tells(name: str) -> tuple[bool, bool]:
        groups = len(counted[name].get("values", ()))
        return (2 < groups <= BARS, groups > 0)  # noqa: PLR2004 - yes/no tells little

    return max(fields, key=tells)


def _measures(release: DatasetRelease) -> dict[str, str]:
    numbers = [
        column for column in release.columns
        if column["type"] in NUMBERS and not column.get("codes") and not column.get("key")
    ]  # fmt: skip
    return {"": _COUNT} | {
        f"{measure.value}:{column['name']}": f"{column['title']}（{word}）"
        for column in numbers
        for measure, word in _MEASURES.items()
    }


def _kinds(column: Column, of: str) -> dict[str, str]:
    """How it can be drawn, the best first: averages have no shares, only years make a line."""
    names = ["bar", "line"] if column["type"] in MOMENTS else ["hbar", "bar"]
    if not of.startswith(Measure.AVERAGE.value):
        names.append("pie")
    return {name: _KINDS[name] for name in names}


def _some(release: DatasetRelease, fields: Mapping[str, Column]) -> list[Option]:
    """The parts of the records that can be looked at alone: one value of one field."""
    counted = release.profile.get("fields", {})
    return [
        (f"{name}={value}", f"{column['title']}：{_words(column).get(value, value)}")
        for name, column in fields.items()
        if len(counted[name].get("values", ())) <= BARS
        for value, _count in counted[name].get("values", ())
    ]


def _figure(release: DatasetRelease, by: str, of: str, only: str) -> Figure:
    measure, _, field = of.partition(":")
    table = OpenTable.of_release(release)
    name, separator, value = only.partition("=")
    return Figure(
        by=by, measure=Measure(measure or Measure.COUNT), of=field,
        conditions=[table.condition(name, value)] if separator else [],
    )  # fmt: skip


def _chart(
    column: Column, groups: list[Group], kind: str, of: str, words: tuple[str, str]
) -> Chart:
    measure, only = words
    known = _words(column)
    dated = column["type"] in MOMENTS
    shown = [(_called(known, group.value, dated=dated), group.number) for group in groups]
    # A group without a number (all its values are empty) is a gap in a line, and no bar.
    shown = [pair for pair in shown if pair[1] is not None or dated]
    if not dated and len(shown) > BARS:
        rest = [number for _, number in shown[BARS:] if number is not None]
        shown = shown[:BARS]
        if not of.startswith(Measure.AVERAGE.value):
            shown.append((f"其他 {len(rest)} 组", sum(rest)))
    records = sum(group.records for group in groups)
    return Chart(
        key="distribution", title=f"按{column['title']}{'（年）' if dated else ''}看{measure}",
        kind=kind, unit="" if of else "条",  # type: ignore[arg-type] # one of _KINDS
        height="high" if kind == "hbar" and len(shown) > BARS // 2 else "",
        categories=[word for word, _ in shown],
        series=[Series("记录" if not of else measure, [_rounded(number) for _, number in shown])],
        description=f"{only}，{records:,} 条记录" if only else f"共 {records:,} 条记录",
    )  # fmt: skip


def _words(column: Column) -> dict[str, str]:
    if column["type"] == "boolean":
        return {"true": "是", "false": "否"}
    return dict(column.get("codes", {}))


def _called(known: Mapping[str, str], value: Any, *, dated: bool) -> str:
    if value is None:
        return "未填"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{text} 年" if dated else known.get(text, text)


def _rounded(number: float | None) -> float | None:
    return round(number, 2) if isinstance(number, float) else number

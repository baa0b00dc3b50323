"""Charts as data: the server says what, ``static/ui/js/charts.js`` draws, a table says it again in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

ChartKind = Literal["bar", "hbar", "line", "area", "pie", "treemap"]


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values, one per category; None is a gap, not a zero.

    ``tone`` is for what means risk whatever its place among the series: late, failed, refused.
    """

    name: str
    values: Sequence[int | float | None]
    tone: Literal["", "amber", "red"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart of ``kind`` over ``categories``.

    Attributes:
        key: unique on the page; becomes the element id.
        unit: shown at the values.
        stacked: series on top of each other.
        ordered: use the ordered palette (little → much) instead of the categorical one.
        height: "low" 160, "" 280, "high" 400 pixels.
        maximum: end of the value axis, where one is known (100 points); None: as the values need.
        values: write each value at the end of its bar.
        urls: one address per category; a click opens the list behind the number.
    """

    key: str
    title: str
    kind: ChartKind
    categories: Sequence[str]
    series: Sequence[Series]
    unit: str = ""
    description: str = ""
    stacked: bool = False
    ordered: bool = False
    height: str = ""
    maximum: float | None = None
    values: bool = False
    urls: Sequence[str] = ()

    def __post_init__(self) -> None:
        for series in self.series:
            if len(series.values) != len(self.categories):
                raise ValueError(
                    f"chart {self.key}: {series.name} has {len(series.values)} values"
                    f" for {len(self.categories)} categories"
                )

    @property
    def data_id(self) -> str:
        """Id of the element that carries the JSON."""
        return f"chart-{self.key}"

    @property
    def data(self) -> dict[str, Any]:
        """What the browser gets, as JSON."""
        return {
            "kind": self.kind,
            "title": self.title,
            "unit": self.unit,
            "stacked": self.stacked,
            "ordered": self.ordered,
            "categories": list(self.categories),
            "series": [
                {"name": s.name, "values": list(s.values), "tone": s.tone} for s in self.series
            ],
            "maximum": self.maximum,
            "values": self.values,
            "whole": all(
                value is None or float(value).is_integer()
                for s in self.series
                for value in s.values
            ),
            "urls": list(self.urls),
        }

    @property
    def blank(self) -> bool:
        """Whether there is nothing to draw: axes without anything between them say less than a sentence."""
        return not any(value for series in self.series for value in series.values)

    @property
    def rows(self) -> list[tuple[str, list[int | float | None]]]:
        """The same values as table rows."""
        return [
            (category, [series.values[index] for series in self.series])
            for index, category in enumerate(self.categories)
        ]

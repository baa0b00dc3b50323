"""The rows of the items editor: they keep what was typed, right or wrong, and follow the data elements."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from chengshu.data.catalog import choices
from chengshu.data.catalog.content import ITEM_FIELDS, ItemContent, display, label
from chengshu.data.catalog.elements import ElementContent, deviations, proposed
from chengshu.data.catalog.suggestions import ElementIndex, Suggestion, unit_of

# A suggestion at least this good is bound without asking.
CERTAIN = 0.95
Elements = Mapping[str, ElementContent]

_INTEGERS = ("length", "precision", "scale")
_FLAGS = ("nullable", "is_key")


@dataclass(slots=True)
class ItemRow:
    """One row of the items editor: texts as typed, and messages by field."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    departures: tuple[str, ...] = ()
    """Where the row departs from its data element, as sentences."""
    suggestions: list[Suggestion] = field(default_factory=list)
    remarks: tuple[str, ...] = ()
    """What the reviewer said about the row, as sentences."""

    @property
    def blank(self) -> bool:
        return not any(self.values.get(n) for n in ("name", "title", "definition", "pattern"))

    @property
    def required(self) -> bool:
        """Whether the "必填" box is ticked."""
        return not self.values.get("nullable")

    @property
    def key(self) -> bool:
        return bool(self.values.get("is_key"))

    @property
    def digest(self) -> str:
        """What the folded part says, in one line."""
        parts = [
            f"{label(name)} {display(name, self.values[name])}"
            for name in (
                "element",
                "format",
                "precision",
                "scale",
                "minimum",
                "maximum",
                "pattern",
                "unit",
            )
            if self.values.get(name)
        ]
        if definition := self.values.get("definition"):
            parts.append(definition)
        return " · ".join(parts) or "数据元、格式、取值范围、定义"

    @property
    def has_details(self) -> bool:
        """Whether the folded part holds something or is wrong."""
        names = (
            "precision", "scale", "format", "minimum", "maximum", "pattern", "definition",
            "element", "english", "unit",
        )  # fmt: skip
        return any(n in self.errors for n in names)

    def content(self) -> ItemContent:
        """The row as content; numbers that are none are noted in ``errors`` and left out."""
        values: dict[str, Any] = {
            n: self.values.get(n, "") for n in ITEM_FIELDS if n not in _INTEGERS + _FLAGS
        }
        for name in _INTEGERS:
            text = self.values.get(name, "")
            values[name] = int(text) if text.isascii() and text.isdigit() else None
            if text and values[name] is None:
                self.errors[name] = f"{label(name)}要填整数，现在是“{text}”"
        key = bool(self.values.get("is_key"))
        return ItemContent(
            **values, is_key=key, nullable=bool(self.values.get("nullable")) and not key
        )


def rows_of(items: Iterable[ItemContent]) -> list[ItemRow]:
    """Editor rows for stored items."""
    found = []
    for item in items:
        values = {n: getattr(item, n) for n in ITEM_FIELDS}
        found.append(ItemRow({n: _typed(v) for n, v in values.items()}))
    return found


def new_row() -> ItemRow:
    """An empty row."""
    return ItemRow(
        {"type": choices.ItemType.TEXT, "nullable": "1", "sensitivity": choices.Level.L1}
    )


def _typed(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    return "" if value is None else str(value)


def parse_rows(data: QueryDict) -> list[ItemRow]:
    """Rows from a posted editor; fields are ``item-<index>-<field>``, required is the inverse of nullable."""
    found = []
    for index in data.getlist("item"):
        values = {n: data.get(f"item-{index}-{n}", "").strip() for n in ITEM_FIELDS}
        values["nullable"] = "" if data.get(f"item-{index}-required") else "1"
        found.append(ItemRow(values))
    return found


def rearranged(rows: list[ItemRow], order: str) -> list[ItemRow]:
    """Rows after a button of the editor: ``add``, ``remove:2``, ``up:2``, ``down:2``, ``copy:2``."""
    verb, _, position = order.partition(":")
    if verb == "add":
        return [*rows, *(new_row() for _ in range(int(position or 1)))]
    index = int(position) if position.isdigit() else -1
    if not 0 <= index < len(rows):
        return rows
    rows = list(rows)
    if verb == "remove":
        del rows[index]
    elif verb in {"up", "down"}:
        row = rows.pop(index)
        rows.insert(max(0, index - 1) if verb == "up" else index + 1, row)
    return rows


def follow(rows: Iterable[ItemRow], order: str, elements: Elements, index: ElementIndex) -> None:
    """What the buttons ``match`` and ``bind:2[:identifier]`` do, and what every row shows about its element.

    ``match`` binds the rows whose title an element or a synonym has; others get suggestions. ``bind`` takes over
    what the element says. Afterwards every bound row tells where it departs.
    """
    verb, _, rest = order.partition(":")
    position, _, chosen = rest.partition(":")
    for number, row in enumerate(rows):
        if verb == "bind" and position == str(number):
            _bind(row, chosen or row.values.get("element", ""), elements)
        elif verb == "match" and not row.blank and not row.values.get("element"):
            _match(row, elements, index)
        _compare(row, elements)


def _match(row: ItemRow, elements: Elements, index: ElementIndex) -> None:
    found = index.suggest(row.values.get("title", ""), row.values.get("name", ""), limit=3)
    if found and found[0].score >= CERTAIN and _same_unit(row, elements, found[0].identifier):
        _bind(row, found[0].identifier, elements)
    else:
        row.suggestions = found


def _same_unit(row: ItemRow, elements: Elements, identifier: str) -> bool:
    """Whether the unit the row or its title names is the element's: 元 must not silently become 万元."""
    element = elements.get(identifier)
    own = row.values.get("unit", "") or unit_of(row.values.get("title", ""))
    return not (element and element.unit and own and own != element.unit)


def _bind(row: ItemRow, identifier: str, elements: Elements) -> None:
    element = elements.get(identifier)
    if element is None:
        row.errors["element"] = (
            f"没有数据元“{identifier}”" if identifier else "请先填写数据元标识符"
        )
        return
    content = proposed(row.content(), element, identifier)
    typed = {name: row.values.get(name, "") for name in row.errors}
    row.values = {name: _typed(getattr(content, name)) for name in ITEM_FIELDS} | typed


def _compare(row: ItemRow, elements: Elements) -> None:
    element = elements.get(row.values.get("element", ""))
    if element is not None:
        row.departures = tuple(d.sentence for d in deviations(row.content(), element))

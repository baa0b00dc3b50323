"""Tables as data: columns, filters and what a page of rows looks like once it is cut out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from chengshu.kernel.ui.components.display import EmptyState
from chengshu.kernel.ui.components.status import StatusTag, status_tag

Kind = Literal[
    "text", "main", "number", "score", "date", "datetime", "ago", "code", "status", "tag", "size"
]
Getter = str | Callable[[Any], Any]
_CSS = {
    "main": "is-main", "number": "is-number", "score": "is-number", "size": "is-number", "code": "is-code",
    "date": "is-date", "datetime": "is-date", "ago": "is-date",
}  # fmt: skip


SHORT = 8


def pick(row: Any, getter: Getter) -> Any:
    """Read a value from a row: a function of the row, or a dotted path whose gaps read as None."""
    if callable(getter):
        return getter(row)
    value = row
    for name in getter.split("."):
        if value is None:
            return None
        value = value[name] if isinstance(value, dict) else getattr(value, name)
        if callable(value):
            value = value()
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        key: name in addresses and cookies.
        value: dotted path or function of the row; default the key. A :class:`StatusTag` is drawn as one.
        label: for statuses, where the word comes from (e.g. ``get_state_display``).
        sort: ORM path to sort by; empty: cannot be sorted.
        url: address of the cell's link.
        hidden: not shown until chosen. ``locked``: cannot be hidden.
    """

    key: str
    title: str
    value: Getter = ""
    label: Getter = ""
    kind: Kind = "text"
    sort: str = ""
    url: Callable[[Any], str] | None = None
    hidden: bool = False
    locked: bool = False

    @property
    def css(self) -> str:
        """Class of the column's cells."""
        return _CSS.get(self.kind, "")

    def read(self, row: Any) -> Any:
        """The raw value of a row."""
        return pick(row, self.value or self.key)

    def cell(self, row: Any) -> "Cell":
        """The drawable cell of a row."""
        value = self.read(row)
        tag = value if isinstance(value, StatusTag) else None
        if tag is None and self.kind == "status" and value is not None:
            tag = status_tag(str(value), str(pick(row, self.label)) if self.label else "")
        return Cell(self, value, self.url(row) if self.url else "", tag)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value at its place."""

    column: Column
    value: Any
    url: str = ""
    tag: StatusTag | None = None

    @property
    def css(self) -> str:
        """Class of the cell: of its column, and whether it is a word too short to be broken."""
        short = isinstance(self.value, str) and len(self.value) <= SHORT
        return f"{self.column.css} is-short" if short and not self.column.css else self.column.css


@dataclass(frozen=True, slots=True)
class Row:
    """A row with its cells; ``key`` is what bulk actions post."""

    key: str
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Header:
    """A column's head: where a click leads and how the rows are sorted now."""

    column: Column
    url: str = ""
    order: Literal["", "ascending", "descending"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A select in the filter bar.

    Attributes:
        choices: pairs of value and word, or a function that returns them.
        lookup: ORM lookup, default the key.
        apply: replaces the lookup: ``(queryset, value) -> queryset``.
    """

    key: str
    title: str
    choices: Sequence[tuple[Any, Any]] | Callable[[], Sequence[tuple[Any, Any]]]
    lookup: str = ""
    apply: Callable[[Any, str], Any] | None = None

    def options(self) -> list[tuple[str, str]]:
        """The choices as text."""
        pairs = self.choices() if callable(self.choices) else self.choices
        return [(str(value), str(word)) for value, word in pairs]


@dataclass(frozen=True, slots=True)
class FilterState:
    """A filter with its options and what is chosen now."""

    filter: Filter
    options: list[tuple[str, str]]
    value: str = ""

    @property
    def word(self) -> str:
        """The word of the chosen value."""
        return dict(self.options).get(self.value, "")


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition in force, with the address that lifts it."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAction:
    """Something to do with the selected rows: POST of ``selected`` keys to ``url``."""

    title: str
    url: str
    icon: str = ""
    confirm: str = ""
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Pager:
    """Keyset pages know their neighbours, not their number."""

    previous_url: str = ""
    next_url: str = ""
    first_url: str = ""
    total: int | None = None
    total_capped: bool = False
    page_size: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything the table templates draw. A table without ``filters`` and pager is a plain one."""

    key: str
    headers: Sequence[Header]
    rows: Sequence[Row]
    caption: str = ""
    empty: EmptyState = field(default_factory=lambda: EmptyState(title="这里还没有记录"))
    pager: Pager | None = None
    url: str = ""
    sort: str = ""
    search: str = ""
    search_hint: str = ""
    filters: Sequence[FilterState] = ()
    chips: Sequence[Chip] = ()
    clear_url: str = ""
    # What a person may keep under a name; "" where nothing is narrowed or sorted.
    query: str = ""
    columns: Sequence[tuple[Column, bool]] = ()
    bulk: Sequence[BulkAction] = ()
    exports: Sequence[tuple[str, str]] = ()
    compact: bool = False

    @classmethod
    def plain(
        cls, *, key: str, columns: Sequence[Column], rows: Sequence[Any], **more: Any
    ) -> "Table":
        """Build a small table from objects or dicts that are all there already."""
        return cls(
            key=key,
            headers=[Header(column) for column in columns],
            rows=[
                Row(str(index), [column.cell(row) for column in columns])
                for index, row in enumerate(rows)
            ],
            **more,
        )

"""Pieces that show facts: tiles, empty states, tabs, crumbs, definition lists, code."""

from dataclasses import dataclass
from decimal import Decimal

from chengshu.kernel.ui import formatting


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """A number tile. ``compact`` shows 万/亿 with the exact figure on hover; None shows ``—``."""

    label: str
    value: int | float | Decimal | None
    unit: str = ""
    note: str = ""
    note_icon: str = ""
    url: str = ""
    tone: str = ""
    compact: bool = False

    @property
    def shown(self) -> str:
        """The figure as displayed."""
        if self.value is None:
            return "—"
        return formatting.compact(self.value)[0] if self.compact else formatting.number(self.value)

    @property
    def shown_unit(self) -> str:
        """The unit as displayed, 万/亿 included."""
        if self.value is None:
            return ""
        return (formatting.compact(self.value)[1] if self.compact else "") + self.unit

    @property
    def exact(self) -> str:
        """The exact figure with its unit, for the hover text."""
        return "" if self.value is None else f"{formatting.number(self.value)} {self.unit}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A button. ``method`` "post" draws a small form; ``confirm`` asks first."""

    title: str
    url: str
    icon: str = ""
    primary: bool = False
    danger: bool = False
    method: str = "get"
    confirm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyState:
    """What an empty page says: what this is for, and the first action."""

    title: str
    text: str = ""
    icon: str = "inbox"
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the breadcrumb; the last has no address."""

    title: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a definition list; an empty value shows as ``—``."""

    term: str
    value: object = ""
    url: str = ""
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of a detail page: a link, so that it works everywhere and can be shared."""

    title: str
    url: str
    active: bool = False
    count: int | None = None
    icon: str = ""

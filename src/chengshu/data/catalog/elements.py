"""What a data element says, as plain values, and how a data item keeps to it or departs from it.

An item bound to an element takes over what the element says (:func:`proposed`). Departing is allowed and visible
(:func:`deviations`): the same rule as a condition of the database is :func:`deviating`, so that deviations can be
counted over the whole catalogue; a test keeps the two equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from django.db.models import F, Q

from chengshu.data.catalog import choices
from chengshu.data.catalog.content import ItemContent, display
from chengshu.data.catalog.models import ElementVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementContent:
    """The attributes of DB33/T 2426-2022 besides identifier and managing unit. ``code_table`` is a key; "": not set."""

    title: str
    english: str = ""
    name: str = ""
    definition: str = ""
    object_class: str = ""
    property_word: str = ""
    representation: str = ""
    type: str = choices.ItemType.TEXT
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    data_format: str = ""
    format: str = ""
    code_table: str = ""
    minimum: str = ""
    maximum: str = ""
    pattern: str = ""
    value_domain: str = ""
    unit: str = ""
    sensitivity: str = choices.Level.L1
    synonyms: tuple[str, ...] = ()
    relation: str = ""
    source: str = ""
    application: str = ""
    note: str = ""
    change_note: str = ""

    @property
    def notation(self) -> str:
        """The data format as written, else derived from type and length (an18, n..12,2, YYYY-MM-DD)."""
        return self.data_format or derived_notation(
            self.type, self.length, self.precision, self.scale
        )


ELEMENT_FIELDS: tuple[str, ...] = tuple(f.name for f in fields(ElementContent))
PLAIN_ELEMENT_FIELDS: tuple[str, ...] = tuple(
    f for f in ELEMENT_FIELDS if f not in ("code_table", "synonyms")
)
# What an item takes over from its element when the element says something about it.
GOVERNED: tuple[str, ...] = (
    "type", "length", "precision", "scale", "format", "code_table", "minimum", "maximum",
    "pattern", "unit", "sensitivity",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Deviation:
    """One attribute in which an item departs from its element; both sides as people read them."""

    field: str
    title: str
    element: str
    item: str

    @property
    def sentence(self) -> str:
        """As one phrase: 长度应为 18，现为 20."""
        return f"{self.title}应为 {self.element}，现为 {self.item}"


def derived_notation(
    kind: str, length: int | None, precision: int | None, scale: int | None
) -> str:
    """The data format of a type in the notation of GB/T 18391: c..120, n..12,2, YYYY-MM-DD."""
    match kind:
        case choices.ItemType.DATE:
            return "YYYY-MM-DD"
        case choices.ItemType.DATETIME:
            return "YYYY-MM-DD hh:mm:ss"
        case choices.ItemType.BOOLEAN:
            return "b"
        case choices.ItemType.DECIMAL if precision:
            return f"n..{precision},{scale or 0}"
        case choices.ItemType.INTEGER | choices.ItemType.DECIMAL:
            return "n"
        case _:
            return f"c..{length}" if length else "c..ul"


def element_content(version: ElementVersion) -> ElementContent:
    """The content of a stored version (load ``code_table`` with it)."""
    return ElementContent(
        **{name: getattr(version, name) for name in PLAIN_ELEMENT_FIELDS},
        code_table=version.code_table.key if version.code_table else "",
        synonyms=tuple(version.synonyms),
    )


def demanded(element: ElementContent) -> dict[str, Any]:
    """What the element says about an item: every governed attribute it does not leave open."""
    found = {name: getattr(element, name) for name in GOVERNED}
    return {name: value for name, value in found.items() if value not in (None, "")}


def proposed(item: ItemContent, element: ElementContent, identifier: str) -> ItemContent:
    """The item bound to an element: governed attributes from the element, empty names filled in.

    A stricter sensitivity level of the item stays (就高从严).
    """
    values = demanded(element)
    values["sensitivity"] = max(element.sensitivity, item.sensitivity or "L1")
    return replace(
        item, **values, element=identifier, title=item.title or element.title,
        name=item.name or element.name, english=item.english or element.english,
        definition=item.definition or element.definition,
    )  # fmt: skip


def deviations(item: ItemContent, element: ElementContent) -> tuple[Deviation, ...]:
    """In what an item departs from its element; a higher sensitivity level than the element's is no departure."""
    return tuple(
        Deviation(name, _TITLES[name], display(name, value), display(name, getattr(item, name)))
        for name, value in demanded(element).items()
        if _departs(name, getattr(item, name), value)
    )


def _departs(name: str, own: Any, value: Any) -> bool:
    return bool(own < value) if name == "sensitivity" else bool(own != value)


_TITLES: Mapping[str, str] = {
    "type": "类型", "length": "长度", "precision": "总位数", "scale": "小数位", "format": "格式",
    "code_table": "代码表", "minimum": "最小值", "maximum": "最大值", "pattern": "正则",
    "unit": "计量单位", "sensitivity": "敏感级别",
}  # fmt: skip
_TEXTS = ("format", "minimum", "maximum", "pattern", "unit")
_NUMBERS = ("length", "precision", "scale")


def deviating() -> Q:
    """Condition on data items: bound to a published element and departing from it (as :func:`deviations`)."""
    said = "element__published__"
    found = ~Q(type=F(f"{said}type")) | Q(sensitivity__lt=F(f"{said}sensitivity"))
    for name in _TEXTS:
        found |= ~Q(**{f"{said}{name}": ""}) & ~Q(**{name: F(f"{said}{name}")})
    for name in (*_NUMBERS, "code_table"):
        open_there, open_here = Q(**{f"{said}{name}": None}), Q(**{f"{name}": None})
        found |= ~open_there & (open_here | ~Q(**{name: F(f"{said}{name}")}))
    return Q(element__published__isnull=False) & found

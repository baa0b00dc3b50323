"""What inference is given and what it answers: plain values, no database.

A source says what it can (:class:`SourceTable`), the city what it knows (:class:`Knowledge`), and every answer is a
:class:`Guess`: a value, why, and how sure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SURE = 0.9
LIKELY = 0.7
OPEN = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """A column as its source describes it. ``type`` is a logical type of the catalogue, "" when the source has none."""

    name: str
    comment: str = ""
    declared: str = ""
    type: str = ""
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool | None = None
    key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable:
    """A table, sheet or file as its source describes it."""

    name: str
    comment: str = ""
    columns: tuple[SourceColumn, ...] = ()

    @property
    def declared_key(self) -> tuple[str, ...]:
        """Names of the columns of the declared primary key."""
        return tuple(c.name for c in self.columns if c.key)


@dataclass(frozen=True, slots=True)
class Guess:
    """One proposed value. ``sure`` is between 0 and 1; ``why`` is a short sentence for the person who confirms."""

    value: Any
    why: str
    sure: float

    def as_dict(self) -> dict[str, Any]:
        """For storing."""
        return {"value": self.value, "why": self.why, "sure": round(self.sure, 2)}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCodes:
    """A code table of the catalogue."""

    key: str
    name: str
    codes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownElement:
    """A published data element of the catalogue."""

    identifier: str
    title: str
    name: str = ""
    synonyms: tuple[str, ...] = ()
    type: str = "text"
    length: int | None = None
    format: str = ""
    code_table: str = ""
    sensitivity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How published entries describe the columns of one name: how many, and how many say what."""

    count: int = 0
    titles: Mapping[str, int] = field(default_factory=dict)
    required: int = 0
    types: Mapping[str, int] = field(default_factory=dict)
    lengths: Mapping[int, int] = field(default_factory=dict)
    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)
    code_tables: Mapping[str, int] = field(default_factory=dict)

    def most(self, counts: Mapping[Any, int]) -> tuple[Any, float]:
        """The most frequent value and its share; ("", 0) when there is none."""
        if not counts:
            return "", 0.0
        best = max(counts, key=lambda value: counts[value])
        return best, counts[best] / sum(counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What the city knows already. ``habits`` are by column name, ``titles`` lead from a title to column names."""

    code_tables: tuple[KnownCodes, ...] = ()
    elements: tuple[KnownElement, ...] = ()
    habits: Mapping[str, Habit] = field(default_factory=dict)
    titles: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemProposal:
    """A proposed data item: one guess per field of the catalogue's item, and how to find the column again."""

    column: str
    guesses: Mapping[str, Guess]
    sample: tuple[str, ...] = ()
    new_codes: tuple[str, ...] = ()

    def value(self, name: str) -> Any:
        """The proposed value of a field; None when nothing is proposed."""
        found = self.guesses.get(name)
        return None if found is None else found.value

    @property
    def sure(self) -> float:
        """How sure the least sure of the fields that matter is."""
        vital = ("title", "type", "sensitivity", "is_key")
        return min((self.guesses[n].sure for n in vital if n in self.guesses), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProposal:
    """A proposed entry."""

    title: Guess
    physical_name: Guess
    update_cycle: Guess
    items: tuple[ItemProposal, ...]
    rows: int
    key: tuple[str, ...] = ()
    key_candidates: tuple[tuple[str, ...], ...] = ()

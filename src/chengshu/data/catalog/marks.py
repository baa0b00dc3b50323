"""Marks of entries that packages above the catalogue know of, such as 回流: a word, and which entries carry it."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Exists, QuerySet

from chengshu.data.catalog.models import Resource

# Asked for when the list is narrowed: an Exists() over ``OuterRef("pk")`` of the entry.
Condition = Callable[[], Exists]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One mark."""

    title: str
    condition: Condition


MARKS: dict[str, Mark] = {}


def register_mark(*, key: str, title: str, condition: Condition) -> None:
    """Let people narrow the list of entries to those with a mark; the same key replaces the earlier one."""
    MARKS[key] = Mark(title=title, condition=condition)


def choices() -> list[tuple[str, str]]:
    """For the filter."""
    return [(key, mark.title) for key, mark in MARKS.items()]


def by_mark(queryset: QuerySet[Resource], value: str) -> QuerySet[Resource]:
    """The entries that carry a mark; none for a mark nobody registered."""
    mark = MARKS.get(value)
    return queryset.filter(mark.condition()) if mark else queryset.none()

"""Keyset paging: a page is "what comes after this row", so page 200 costs what page 1 costs.

Rows are ordered by one ORM path and then by primary key, both in the same direction; empty values come
last. A cursor is the last row's value and key; it holds nothing the reader has not just seen.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import F, Field, Model, Q, QuerySet

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position between two rows; ``backward`` reads towards the beginning."""

    value: Any
    key: Any
    backward: bool = False

    def encode(self) -> str:
        """Write the cursor for an address."""
        text = json.dumps([_plain(self.value), _plain(self.key), self.backward])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str) -> Cursor | None:
    """Read a cursor from an address; None when it is not one."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        value, key, backward = json.loads(raw)
    except (ValueError, TypeError, binascii.Error):
        return None
    return Cursor(value, key, bool(backward))


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """One page of rows and the cursors to its neighbours (None where there is none)."""

    rows: Sequence[M]
    previous: Cursor | None
    next: Cursor | None


def cut(queryset: QuerySet[M], *, order: str, size: int, cursor: Cursor | None) -> Page[M]:
    """Cut one page out of ``queryset`` with a single query.

    Args:
        queryset: the rows, in any order.
        order: ORM path, with a leading ``-`` for descending, e.g. ``-updated_at``.
        size: rows per page.
        cursor: where to go on; None for the first page. One that does not fit the field counts as None.
    """
    path, descending = order.lstrip("-"), order.startswith("-")
    fields, nullable = _fields(queryset, path)
    cursor = _typed(cursor, fields[-1], queryset.model._meta.pk)
    backward = cursor is not None and cursor.backward
    down = descending != backward
    ordered = queryset.order_by(
        *_ordering(path, down=down, nulls_first=backward, nullable=nullable)
    )
    if cursor is not None:
        ordered = ordered.filter(
            _beyond(path, cursor, down=down, backward=backward, nullable=nullable)
        )
    rows = list(ordered[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if backward:
        rows.reverse()
    before = more if backward else cursor is not None
    after = cursor is not None if backward else more
    return Page(
        rows,
        _cursor(rows[0], path, backward=True) if rows and before else None,
        _cursor(rows[-1], path, backward=False) if rows and after else None,
    )


def _ordering(path: str, *, down: bool, nulls_first: bool, nullable: bool) -> list[Any]:
    """Order by path and key. NULLS LAST is only asked for where needed: it can cost the index."""
    key = "-pk" if down else "pk"
    if path == "pk":
        return [key]
    if not nullable:
        return [f"-{path}" if down else path, key]
    nulls = {"nulls_first": True} if nulls_first else {"nulls_last": True}
    return [F(path).desc(**nulls) if down else F(path).asc(**nulls), key]


def _beyond(path: str, cursor: Cursor, *, down: bool, backward: bool, nullable: bool) -> Q:
    """The rows past the cursor in reading direction."""
    side = "lt" if down else "gt"
    if path == "pk":
        return Q(**{f"pk__{side}": cursor.key})
    past_key = Q(**{f"pk__{side}": cursor.key})
    if cursor.value is None:
        rest = Q(**{f"{path}__isnull": True}) & past_key
        return rest | Q(**{f"{path}__isnull": False}) if backward else rest
    rest = Q(**{f"{path}__{side}": cursor.value}) | (Q(**{path: cursor.value}) & past_key)
    return rest | Q(**{f"{path}__isnull": True}) if nullable and not backward else rest


def _cursor(row: Any, path: str, *, backward: bool) -> Cursor:
    value = row
    for name in path.split("__"):
        value = None if value is None else getattr(value, name)
    return Cursor(value, row.pk, backward)


def _fields(queryset: QuerySet[M], path: str) -> tuple[list["Field[Any, Any]"], bool]:
    """The fields along a path, and whether the value can be empty."""
    if path in queryset.query.annotations:
        return [queryset.query.annotations[path].output_field], True
    model, found = queryset.model, []
    for name in path.split("__"):
        field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
        if field is None or not field.concrete:
            raise FieldDoesNotExist(f"{model.__name__} cannot be sorted by {path}")
        found.append(field)
        model = field.related_model or model
    return found, any(field.null for field in found)


def _typed(
    cursor: Cursor | None, field: "Field[Any, Any]", key: "Field[Any, Any] | None"
) -> Cursor | None:
    """Give the cursor's plain values back their types."""
    if cursor is None or key is None:
        return None
    try:
        return Cursor(field.to_python(cursor.value), key.to_python(cursor.key), cursor.backward)
    except (ValidationError, ValueError, TypeError):
        return None


def _plain(value: Any) -> Any:
    """A JSON value that ``Field.to_python`` reads back without loss."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, (Decimal, UUID)) else value

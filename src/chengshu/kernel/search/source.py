"""How a package offers its things to the search box."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One thing that can be found.

    Attributes:
        kind, object_id: together they name the thing; indexing it again replaces it.
        title, summary: what the person reads; both are searched.
        keywords: further words that lead here and are not shown (codes, former names, items).
        parts: names of what it consists of, one a line; searched as keywords and by pinyin from their beginning.
        facets: what results can be narrowed by, e.g. ``{"level": "L3"}``; values are keys, not words.
        url: where it opens.
        organization_path: where it belongs; "" = anywhere.
        permission: what a reader must hold there; "" = public.
        updated_at: when the thing last changed; None = now.
    """

    kind: str
    object_id: str
    title: str
    url: str
    summary: str = ""
    keywords: str = ""
    parts: str = ""
    facets: Mapping[str, str] = field(default_factory=dict)
    organization_path: str = ""
    permission: str = ""
    updated_at: datetime | None = None


def subject_of(event: Any) -> Iterable[str]:
    """Default answer to "which objects does this event tell of": ``data["id"]``, else the event's subject."""
    return [str(event.data.get("id") or event.subject)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSource:
    """One kind of thing a package offers; ``Manifest.search`` leads to a function that returns these.

    Attributes:
        kind: key of the kind, e.g. ``catalog.entry``.
        name: what people call it, e.g. 数据目录; shown as the filter of the results.
        documents: called with None for all, or with object ids for some. An id it does not return is removed.
        events: event-type prefixes after which objects are read again.
        objects: event → object ids, see :func:`subject_of`.
    """

    kind: str
    name: str
    documents: Callable[[Collection[str] | None], Iterable[Document]]
    events: tuple[str, ...] = ()
    objects: Callable[[Any], Iterable[str]] = field(default=subject_of)

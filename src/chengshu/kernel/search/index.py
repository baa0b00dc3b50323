"""Keeps the index: add, remove, rebuild from what the packages offer, refresh after events."""

from collections.abc import Collection, Iterable, Iterator
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string

from chengshu.kernel.registry import registry
from chengshu.kernel.search.facets import encode
from chengshu.kernel.search.models import SearchDocument, SearchPlace
from chengshu.kernel.search.source import Document, SearchSource
from chengshu.kernel.search.text import document_tokens, part_tokens, title_tokens
from chengshu.kernel.unit_of_work import unit_of_work

BATCH = 500
TITLE_LENGTH = 200
_PLACED = ["kind", "organization_path", "permission", "facets", "weight"]
_WRITTEN = [
    "title", "summary", "url", "organization_path", "permission", "title_tokens", "tokens",
    "updated_at",
]  # fmt: skip


@cache
def sources() -> dict[str, SearchSource]:
    """What the packages offer, by kind."""
    found: dict[str, SearchSource] = {}
    for manifest in registry.manifests():
        if manifest.search:
            for source in import_string(manifest.search)():
                if source.kind in found:
                    raise ValueError(f"search kind {source.kind!r} is offered twice")
                found[source.kind] = source
    return found


def index(documents: Iterable[Document]) -> int:
    """Add documents or replace those of the same kind and id; return how many."""
    iterator, count = iter(documents), 0
    while batch := list(islice(iterator, BATCH)):
        # Twins inside one statement would make PostgreSQL refuse the whole batch.
        rows = {(d.kind, d.object_id): _row(d) for d in batch}
        with unit_of_work():
            stored = SearchDocument.objects.bulk_create(
                rows.values(),
                update_conflicts=True,
                unique_fields=["kind", "object_id"],
                update_fields=_WRITTEN,
            )
            facets = {(d.kind, d.object_id): encode(d.facets) for d in batch}
            SearchPlace.objects.bulk_create(
                [_place(row, facets[row.kind, row.object_id]) for row in stored],
                update_conflicts=True,
                unique_fields=["document"],
                update_fields=_PLACED,
            )
        count += len(batch)
    return count


def _place(row: SearchDocument, facets: str) -> SearchPlace:
    return SearchPlace(
        document_id=row.pk, kind=row.kind, organization_path=row.organization_path,
        permission=row.permission, facets=facets, weight=len(row.title),
    )  # fmt: skip


@lru_cache(maxsize=65_536)
def part(name: str) -> tuple[str, ...]:
    """Tokens of the name of a part."""
    # The same few hundred names of items occur in thousands of entries.
    return tuple(part_tokens(name))


def _row(document: Document) -> SearchDocument:
    titled = title_tokens(document.title)
    body = document_tokens(f"{document.title}\n{document.summary}\n{document.keywords}")
    parts = [token for name in document.parts.splitlines() for token in part(name)]
    return SearchDocument(
        kind=document.kind,
        object_id=document.object_id,
        title=document.title[:TITLE_LENGTH],
        summary=document.summary,
        url=document.url,
        organization_path=document.organization_path,
        permission=document.permission,
        title_tokens=" ".join(dict.fromkeys(titled)),
        # The title's too, so that one column answers "anywhere" with one index scan.
        tokens=" ".join(dict.fromkeys([*titled, *body, *parts])),
        updated_at=document.updated_at or timezone.now(),
    )


def remove(kind: str, ids: Collection[str]) -> int:
    """Take things out of the index; return how many were there."""
    with unit_of_work():
        return SearchDocument.objects.filter(kind=kind, object_id__in=list(ids)).delete()[0]


def refresh(kind: str, ids: Collection[str]) -> None:
    """Read some things again: what their package still offers is indexed, the rest is removed."""
    documents = list(sources()[kind].documents(ids))
    with unit_of_work():
        index(documents)
        remove(kind, set(ids) - {d.object_id for d in documents})


def rebuild() -> dict[str, int]:
    """Index everything anew without a moment of emptiness; return counts by kind."""
    counts = {}
    for kind, source in sources().items():
        seen: set[str] = set()
        counts[kind] = index(_noting(source.documents(None), seen))
        known = SearchDocument.objects.filter(kind=kind).values_list("object_id", flat=True)
        stale = [key for key in known.iterator() if key not in seen]
        for start in range(0, len(stale), BATCH):
            remove(kind, stale[start : start + BATCH])
    with unit_of_work():
        SearchDocument.objects.exclude(kind__in=sources()).delete()
    return counts


def _noting(documents: Iterable[Document], seen: set[str]) -> Iterator[Document]:
    for document in documents:
        seen.add(document.object_id)
        yield document


def follow(event: Any) -> None:
    """Refresh what an event tells of."""
    for kind, source in sources().items():
        if event.type.startswith(source.events):
            ids = {key for key in source.objects(event) if key}
            if ids:
                refresh(kind, ids)

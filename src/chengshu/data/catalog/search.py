"""What the catalogue offers to the city's search box: entries with their items, item names, standards, systems.

An entry carries the names of its data items as parts, so that 11,315 items need 273 documents; each name of an item
is one more document (:func:`item_name_documents`), which says in how many entries it occurs.
"""

from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from chengshu.data.catalog.choices import BusinessKind, ResourceState, StandardState, VersionState
from chengshu.data.catalog.freshness import freshness_of
from chengshu.data.catalog.models import (
    BusinessItem,
    CodeTable,
    DataElement,
    DataItem,
    InformationSystem,
    Resource,
)
from chengshu.kernel.search.source import Document, SearchSource

RESOURCE, ITEM, ELEMENT = "catalog.resource", "catalog.item", "catalog.element"
CODE_TABLE, SYSTEM, BUSINESS = "catalog.code-table", "catalog.system", "catalog.business"
KINDS = (RESOURCE, ITEM, ELEMENT, CODE_TABLE, SYSTEM, BUSINESS)
_FINDABLE = (ResourceState.PUBLISHED, ResourceState.SUSPENDED)
_CHUNK = 500
_VIEW = "catalog.resource.view"
_ID_LENGTH = 80


def sources() -> tuple[SearchSource, ...]:
    """The kinds of things the catalogue offers; ``Manifest.search`` leads here."""
    entry = ("city.catalog.resource.",)
    return (
        SearchSource(
            kind=RESOURCE, name="数据目录", documents=resource_documents, objects=_entries_of,
            events=(*entry, "city.ingest.batch.loaded"),
        ),
        SearchSource(
            kind=ITEM, name="数据项", documents=item_name_documents, events=entry,
            objects=_item_names_of,
        ),
        SearchSource(
            kind=ELEMENT, name="数据元", documents=element_documents,
            events=("city.catalog.element.",),
        ),
        SearchSource(
            kind=CODE_TABLE, name="代码表", documents=code_table_documents,
            events=("city.catalog.code_table.",),
        ),
        SearchSource(
            kind=SYSTEM, name="信息系统", documents=system_documents,
            events=("city.catalog.system.",),
        ),
        SearchSource(kind=BUSINESS, name="业务事项", documents=business_documents),
    )  # fmt: skip


def _entries_of(event: Any) -> list[str]:
    if event.data.get("id") and event.type.startswith("city.catalog."):
        return [str(event.data["id"])]
    return [
        str(pk) for pk in Resource.objects.filter(code=event.subject).values_list("pk", flat=True)
    ]


def _item_names_of(event: Any) -> list[str]:
    """Names of the items of all versions of the entry: what was dropped loses a place too."""
    rows = DataItem.objects.filter(version__resource__code=event.subject).exclude(
        version__state__in=(VersionState.DRAFT, VersionState.SUBMITTED, VersionState.RETURNED)
    )
    return sorted({_item_key(*pair) for pair in rows.values_list("name", "title")} - {""})


def resource_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Published entries with their data items as parts. All for None, else those asked for."""
    entries = Resource.objects.filter(state__in=_FINDABLE)
    if ids is not None:
        entries = entries.filter(pk__in=ids)
    keys = list(entries.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), _CHUNK):
        yield from _resource_chunk(keys[start : start + _CHUNK])


def _resource_chunk(keys: list[int]) -> Iterator[Document]:
    entries = Resource.objects.filter(pk__in=keys).select_related(
        "provider", "category", "published", "system"
    )
    parts: dict[int, list[str]] = {}
    items = DataItem.objects.filter(version__in=entries.values("published_id")).order_by("order")
    for version_id, title, name in items.values_list("version_id", "title", "name"):
        parts.setdefault(version_id, []).append(f"{title} {name}")
    now = timezone.now()
    for entry in entries:
        version = entry.published
        assert version is not None
        system = entry.system.name if entry.system else ""
        yield Document(
            kind=RESOURCE, object_id=str(entry.pk), title=entry.title,
            summary=f"{entry.provider.name} · {version.summary}",
            keywords=" ".join([
                entry.code, entry.physical_name, system, entry.category.name, *version.keywords,
            ]),
            parts="\n".join([*parts.get(version.pk, []), entry.provider.short]),
            facets={
                "unit": entry.provider.code, "class": entry.category.code.partition("/")[0],
                "sharing": version.sharing_type, "level": version.level, "form": entry.kind,
                "fresh": freshness_of(entry.fresh_at, entry.due_at, now),
            },
            url=reverse("catalog:resource", args=[entry.pk]), permission=_VIEW,
            updated_at=entry.updated_at,
        )  # fmt: skip


def _item_key(name: str, title: str) -> str:
    """Object id of a name of an item; "" for one too long to be an id."""
    key = f"{name} {title}"
    return key if len(key) <= _ID_LENGTH else ""


def item_name_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Every name a published item has, once, with the number of entries and departments."""
    items = DataItem.objects.filter(
        version__state=VersionState.PUBLISHED, version__resource__state__in=_FINDABLE
    )
    if ids is not None:
        wanted = [key.partition(" ") for key in ids]
        items = items.filter(name__in=[w[0] for w in wanted], title__in=[w[2] for w in wanted])
    groups = items.values_list("name", "title").annotate(
        entries=Count("version"), units=Count("version__resource__provider", distinct=True)
    )
    for name, title, entries, units in groups.order_by("name", "title").iterator():
        key = _item_key(name, title)
        if key and (ids is None or key in ids):
            yield Document(
                kind=ITEM, object_id=key, title=title, keywords=name,
                summary=f"{name} · {entries} 个目录、{units} 个单位有这一项",
                url=f"{reverse('catalog:items')}?{urlencode({'q': title})}", permission=_VIEW,
            )  # fmt: skip


def element_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Data elements in force, with their other names."""
    found = DataElement.objects.filter(state=StandardState.PUBLISHED)
    for element in _some(found, ids).select_related("owner", "published"):
        version = element.published
        if version is None:
            continue
        yield Document(
            kind=ELEMENT, object_id=str(element.pk), title=element.title,
            summary=f"{element.identifier} · {version.definition}",
            keywords=f"{version.name} {version.english}", parts="\n".join(version.synonyms),
            facets={"unit": element.owner.code, "level": version.sensitivity},
            url=reverse("catalog:element", args=[element.pk]), permission="catalog.element.view",
            updated_at=element.updated_at,
        )  # fmt: skip


def system_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Systems, found within their owner's scope."""
    for system in _some(InformationSystem.objects.select_related("owner"), ids):
        yield Document(
            kind=SYSTEM, object_id=str(system.pk), title=system.name,
            summary=f"{system.owner.name} · {system.purpose}", keywords=system.code,
            facets={"unit": system.owner.code}, url=reverse("catalog:system", args=[system.pk]),
            organization_path=system.owner.path, permission="catalog.system.view",
            updated_at=system.edited_at,
        )  # fmt: skip


def business_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Business items, found within their department's scope."""
    words = dict(BusinessKind.choices)
    for item in _some(BusinessItem.objects.select_related("department"), ids):
        yield Document(
            kind=BUSINESS, object_id=str(item.pk), title=item.name,
            summary=f"{item.department.name} · {words.get(item.kind, '')} {item.description}".strip(),
            keywords=item.code, facets={"unit": item.department.code},
            url=reverse("catalog:business-item", args=[item.pk]),
            organization_path=item.department.path, permission="catalog.system.view",
            updated_at=item.edited_at,
        )  # fmt: skip


def code_table_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Code tables with the first of their codes as parts."""
    found = CodeTable.objects.exclude(state=StandardState.DRAFT)
    found = found.select_related("owner").prefetch_related("values")
    for table in _some(found, ids):
        names = [value.name for value in list(table.values.all())[:_CHUNK]]
        yield Document(
            kind=CODE_TABLE, object_id=str(table.pk), title=table.name, summary=table.standard,
            keywords=table.key, parts="\n".join(names),
            facets={"unit": table.owner.code} if table.owner else {},
            url=reverse("catalog:code-table", args=[table.pk]), permission=_VIEW,
        )  # fmt: skip


def _some(found: QuerySet[Any], ids: Collection[str] | None) -> QuerySet[Any]:
    return found if ids is None else found.filter(pk__in=ids)

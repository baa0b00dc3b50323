"""What the catalogue offers to the city's search box: entries with their data items, systems, code tables."""

from collections.abc import Collection, Iterator

from django.urls import reverse

from chengshu.data.catalog.choices import ResourceState
from chengshu.data.catalog.models import CodeTable, DataItem, InformationSystem, Resource
from chengshu.kernel.search.source import Document, SearchSource

_FINDABLE = (ResourceState.PUBLISHED, ResourceState.SUSPENDED)


def sources() -> tuple[SearchSource, ...]:
    """The kinds of things the catalogue offers; ``Manifest.search`` leads here."""
    return (
        SearchSource(
            kind="catalog.resource", name="数据目录", documents=resource_documents,
            events=("city.catalog.resource.",),
        ),
        SearchSource(
            kind="catalog.system", name="信息系统", documents=system_documents,
            events=("city.catalog.system.",),
        ),
        SearchSource(kind="catalog.code-table", name="代码表", documents=code_table_documents),
    )  # fmt: skip


def resource_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Published entries; their data items are keywords. All for None, else those asked for."""
    entries = Resource.objects.filter(state__in=_FINDABLE).select_related(
        "provider", "published", "system"
    )
    if ids is not None:
        entries = entries.filter(pk__in=ids)
    words: dict[int, list[str]] = {}
    items = DataItem.objects.filter(version__in=entries.values("published_id"))
    for version_id, title, name in items.values_list("version_id", "title", "name"):
        words.setdefault(version_id, []).append(f"{title} {name}")
    for entry in entries:
        assert entry.published is not None
        system = entry.system.name if entry.system else ""
        yield Document(
            kind="catalog.resource", object_id=str(entry.pk), title=entry.title,
            summary=f"{entry.provider.name} · {entry.published.summary}",
            keywords=" ".join(
                [entry.code, entry.physical_name, system, *words.get(entry.published.pk, [])]
            ),
            url=reverse("catalog:resource", args=[entry.pk]),
            permission="catalog.resource.view", updated_at=entry.updated_at,
        )  # fmt: skip


def system_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Systems, found within their owner's scope."""
    found = InformationSystem.objects.select_related("owner")
    if ids is not None:
        found = found.filter(pk__in=ids)
    for system in found:
        yield Document(
            kind="catalog.system", object_id=str(system.pk), title=system.name,
            summary=f"{system.owner.name} · {system.purpose}", keywords=system.code,
            url=reverse("catalog:system", args=[system.pk]),
            organization_path=system.owner.path, permission="catalog.system.view",
            updated_at=system.edited_at,
        )  # fmt: skip


def code_table_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Code tables."""
    found = CodeTable.objects.all()
    if ids is not None:
        found = found.filter(pk__in=ids)
    for table in found:
        yield Document(
            kind="catalog.code-table", object_id=str(table.pk), title=table.name,
            summary=table.standard, keywords=table.key,
            url=reverse("catalog:code-table", args=[table.pk]), permission="catalog.resource.view",
        )  # fmt: skip

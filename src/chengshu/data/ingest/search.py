"""What collection offers to the city's search box: data sources, and batches by file and resource."""

from collections.abc import Collection, Iterator
from typing import Any

from django.urls import reverse
from django.utils import timezone

from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.models import Batch, DataSource
from chengshu.kernel.search.source import Document, SearchSource


def sources() -> tuple[SearchSource, ...]:
    """The kinds of things collection offers; ``Manifest.search`` leads here."""
    return (
        SearchSource(
            kind="ingest.batch", name="归集批次", documents=batch_documents,
            events=("city.ingest.batch.",), objects=_batch_of,
        ),
        SearchSource(
            kind="ingest.source", name="数据源", documents=source_documents,
            events=("city.ingest.source.",),
        ),
    )  # fmt: skip


def _batch_of(event: Any) -> list[str]:
    return [str(event.data["batch"])]


def batch_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Loaded batches; generated demo deliveries are no finds."""
    found = Batch.objects.filter(state=BatchState.LOADED).exclude(origin=Origin.DEMO)
    found = found.select_related("resource__provider", "file", "created_by").defer("options")
    if ids is not None:
        found = found.filter(pk__in=ids)
    for batch in found:
        day = timezone.localtime(batch.created_at)
        yield Document(
            kind="ingest.batch", object_id=str(batch.pk),
            title=f"{batch.resource.title}（{day:%Y-%m-%d} 归集）",
            summary=f"{batch.get_origin_display()} · 来源 {batch.source_rows:,} 行，"
            f"入库 {batch.accepted:,}，隔离 {batch.quarantined:,}",
            keywords=" ".join(
                [batch.resource.code, batch.file.name if batch.file else "", str(batch.created_by or "")]
            ),
            url=reverse("ingest:batch", args=[batch.pk]),
            organization_path=batch.resource.provider.path, permission="ingest.view",
            updated_at=batch.finished_at,
        )  # fmt: skip


def source_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Data sources, found within their owner's scope."""
    found = DataSource.objects.select_related("owner")
    if ids is not None:
        found = found.filter(pk__in=ids)
    for source in found:
        yield Document(
            kind="ingest.source", object_id=str(source.pk), title=source.name,
            summary=f"{source.owner.name} · {source.kind_name} {source.place}",
            keywords=source.place, url=reverse("ingest:source", args=[source.pk]),
            organization_path=source.owner.path, permission="ingest.source.manage",
            updated_at=source.created_at,
        )  # fmt: skip

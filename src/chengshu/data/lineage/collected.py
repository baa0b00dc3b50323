"""Edges of catalogue and collection: source column → data item in the lake, as the loaded batches mapped them."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.urls import reverse

from chengshu.data.catalog.facade import PublishedResource, list_published, published_queryset
from chengshu.data.ingest.facade import Batch, BatchState
from chengshu.data.lineage.graph import Edge, Node, NodeKind, column
from chengshu.data.lineage.naming import lake_table


def collected_edges(resources: Collection[int] | None) -> Iterator[Edge]:
    """Edges from sources into the lake; six queries."""
    codes = None
    if resources is not None:
        found = published_queryset().filter(pk__in=resources)
        codes = list(found.values_list("code", flat=True))
    known = {r.id: r for r in list_published(codes=codes)}
    for batch in _latest(known):
        yield from _edges(known[batch.resource_id], batch)


def _latest(known: Collection[int]) -> list[Batch]:
    """The last loaded batch of each entry and source, replays apart."""
    loaded = Batch.objects.filter(
        resource__in=list(known), state=BatchState.LOADED, parent__isnull=True
    )
    newest = loaded.order_by().values("resource", "data_source", "origin")
    moments: dict[tuple[int, int | None, str], datetime] = {
        (r["resource"], r["data_source"], r["origin"]): r["last"]
        for r in newest.annotate(last=Max("created_at"))
    }
    batches = loaded.filter(created_at__in=set(moments.values())).select_related(
        "data_source__owner", "file"
    )
    return [
        b for b in batches
        if moments.get((b.resource_id, b.data_source_id, b.origin)) == b.created_at
    ]  # fmt: skip


def _edges(resource: PublishedResource, batch: Batch) -> Iterator[Edge]:
    source, target = _source(resource, batch), lake_table(resource)
    options: dict[str, Any] = batch.options
    mapping: dict[str, str] = options.get("mapping") or {c.name: c.name for c in resource.columns}
    into = {c.name: c for c in resource.columns}
    yield Edge(source, target)
    for name, item in mapping.items():
        spec = into.get(item)
        if spec is not None:
            yield Edge(
                column(source, name), column(target, item, spec.title, spec.sensitivity or "")
            )


def _source(resource: PublishedResource, batch: Batch) -> Node:
    options: dict[str, Any] = batch.options
    if batch.data_source is not None:
        name = options.get("object") or ".".join(
            str(options[part]) for part in ("schema", "table") if options.get(part)
        )
        return Node(
            f"source:{batch.data_source_id}:{name}", NodeKind.SOURCE, str(name) or batch.data_source.name,
            name=str(name), owner=batch.data_source.name,
            url=reverse("ingest:source", args=[batch.data_source_id]),
        )  # fmt: skip
    title = batch.file.name if batch.file is not None else batch.get_origin_display()
    return Node(
        f"delivery:{batch.origin}:{resource.physical_name}", NodeKind.SOURCE, title,
        name=resource.physical_name, owner=resource.provider_name,
        url=reverse("ingest:batch", args=[batch.pk]),
    )  # fmt: skip

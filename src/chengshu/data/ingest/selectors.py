"""Reads of the collection package within the actor's scope."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet, Sum

from chengshu.data.ingest.models import Batch, Collected, DataSource, RegionCount
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope


@dataclass(frozen=True, slots=True)
class RegionTotal:
    """Records that lie in one community, over all resources."""

    code: str
    name: str
    rows: int
    resources: int


def count_records() -> int:
    """Records in the lake's std tables, by the last load of each."""
    return int(Collected.objects.aggregate(total=Sum("rows"))["total"] or 0)


def batches(actor: Actor) -> QuerySet[Batch]:
    """Batches the actor may see."""
    rows = Batch.objects.select_related("resource", "resource__provider", "file", "created_by")
    return scope(actor, "ingest.view", rows)


def sources(actor: Actor) -> QuerySet[DataSource]:
    """Data sources the actor may use."""
    return scope(actor, "ingest.source.manage", DataSource.objects.select_related("owner"))


def collected(actor: Actor) -> QuerySet[Collected]:
    """What the lake holds, of the resources the actor may see."""
    rows = Collected.objects.select_related("resource", "resource__provider")
    return scope(actor, "ingest.view", rows)


def region_totals() -> list[RegionTotal]:
    """Records by community for the map, largest first."""
    rows = (
        RegionCount.objects.values("region_id", "region__name")
        .annotate(total=Sum("rows"), resources=Count("resource"))
        .order_by("-total")
    )
    return [
        RegionTotal(r["region_id"], r["region__name"], int(r["total"]), int(r["resources"]))
        for r in rows
    ]

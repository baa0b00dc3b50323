"""Reads of the collection package within the actor's scope."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet, Sum

from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.models import Batch, Collected, DataSource, RegionCount
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.ui.components import Balance


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


@dataclass(frozen=True, slots=True)
class ProviderTotal:
    """Records in the lake by department."""

    name: str
    rows: int


def records_by_provider() -> list[ProviderTotal]:
    """Records by department, largest first."""
    rows = Collected.objects.values("resource__provider__short").annotate(total=Sum("rows"))
    found = [ProviderTotal(r["resource__provider__short"], int(r["total"])) for r in rows]
    return sorted(found, key=lambda item: (-item.rows, item.name))


def latest_loaded() -> QuerySet[Batch]:
    """Loaded batches, newest first."""
    rows = Batch.objects.filter(state=BatchState.LOADED).select_related("resource")
    return rows.order_by("-finished_at")


def last_loaded_at() -> datetime | None:
    """When data last came in."""
    newest = latest_loaded().first()
    return newest.finished_at if newest else None


def overall_balance() -> Balance:
    """The balance over all loaded batches that came from outside (a replay's rows were counted once already)."""
    sums = Batch.objects.filter(state=BatchState.LOADED).exclude(origin=Origin.REPLAY).aggregate(
        source=Sum("source_rows"), accepted=Sum("accepted"),
        quarantined=Sum("quarantined"), duplicates=Sum("duplicates"),
    )  # fmt: skip
    return Balance(
        source=sums["source"] or 0, accepted=sums["accepted"] or 0,
        quarantined=sums["quarantined"] or 0, duplicates=sums["duplicates"] or 0,
    )  # fmt: skip

"""Reads of the collection package within the actor's scope."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Count, F, QuerySet, Sum

from chengshu.data.catalog.facade import Resource, published_queryset
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.models import (
    Batch,
    Collected,
    DataSource,
    PushToken,
    RegionCount,
)
from chengshu.data.ingest.sources import connectors
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import NotFound
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


def batch(actor: Actor, pk: UUID) -> Batch:
    """One batch.

    Raises:
        NotFound: there is none, or it lies outside the actor's scope.
    """
    rows = batches(actor).select_related(
        "resource__provider", "resource__published", "file", "created_by", "job", "parent",
        "data_source",
    )  # fmt: skip
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这个归集批次。", advice="它可能不在您的权限范围内。")
    return found


def source(actor: Actor, pk: int) -> DataSource:
    """One data source.

    Raises:
        NotFound: there is none, or it lies outside the actor's scope.
    """
    found = sources(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这个数据源。", advice="它可能不在您的权限范围内。")
    return found


def resource(actor: Actor, pk: int, permission: str = "ingest.view") -> Resource:
    """A published resource within the actor's scope of ``permission``.

    Raises:
        NotFound: it is not published, does not exist, or lies outside the scope.
    """
    found = scope(actor, permission, published_queryset()).filter(pk=pk).first()
    if found is None:
        raise NotFound(
            "没有找到这个已发布的数据资源。", advice="它可能还没有发布，或不在您的权限范围内。"
        )
    return found


def held(actor: Actor) -> QuerySet[Resource]:
    """Published resources with what the lake holds of each (one query): ``held_rows``, ``held_bytes``, ``held_at``."""
    rows = scope(actor, "ingest.view", published_queryset())
    return rows.annotate(
        held_rows=F("collected__rows"),
        held_bytes=F("collected__bytes"),
        held_at=F("collected__updated_at"),
    )


@dataclass(frozen=True, slots=True)
class Decided:
    """How many rows of a batch are in which state of handling."""

    corrected: int = 0
    returned: int = 0
    replayed: int = 0
    given_up: int = 0

    @property
    def total(self) -> int:
        """Rows somebody has decided about."""
        return self.corrected + self.returned + self.replayed + self.given_up


def decided(item: Batch) -> Decided:
    """Counts of the decisions of a batch."""
    counts = item.decisions.values_list("kind").annotate(n=Count("pk"))
    return Decided(**dict(counts))


def sources(actor: Actor) -> QuerySet[DataSource]:
    """Data sources the actor may use."""
    return scope(
        actor, "ingest.source.manage", DataSource.objects.select_related("owner", "warehouse")
    )


def exchange_sources(actor: Actor) -> QuerySet[DataSource]:
    """Data sources the actor may use in whose folder two platforms may leave files for one another."""
    kinds = [key for key, kind in connectors().items() if kind.exchanges]
    return sources(actor).filter(kind__in=kinds).order_by("name")


def warehouses() -> QuerySet[Any]:
    """Warehouses in use (of the catalogue), by code."""
    return apps.get_model("catalog", "Warehouse").objects.filter(active=True).order_by("code")


def warehouse_choices() -> list[tuple[int, str]]:
    """Warehouses by name, for filters."""
    return list(warehouses().values_list("pk", "name"))


def tokens(actor: Actor) -> QuerySet[PushToken]:
    """Push tokens the actor may manage."""
    rows = PushToken.objects.select_related("owner", "created_by")
    return scope(actor, "ingest.source.manage", rows)


def token(actor: Actor, pk: int) -> PushToken:
    """One push token.

    Raises:
        NotFound: there is none, or it lies outside the actor's scope.
    """
    found = tokens(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这个推送令牌。", advice="它可能不在您的权限范围内。")
    return found


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


def records_by_provider(within: QuerySet[Collected] | None = None) -> list[ProviderTotal]:
    """Records by department, largest first; of the whole city unless ``within`` narrows it."""
    held_rows = Collected.objects.all() if within is None else within
    rows = held_rows.order_by().values("resource__provider__short").annotate(total=Sum("rows"))
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


def overall_balance(within: QuerySet[Batch] | None = None) -> Balance:
    """The balance over all loaded batches that came from outside (a replay's rows were counted once already).

    Of the whole city unless ``within`` narrows it.
    """
    rows = Batch.objects.all() if within is None else within.order_by()
    sums = rows.filter(state=BatchState.LOADED).exclude(origin=Origin.REPLAY).aggregate(
        source=Sum("source_rows"), accepted=Sum("accepted"),
        quarantined=Sum("quarantined"), duplicates=Sum("duplicates"),
    )  # fmt: skip
    return Balance(
        source=sums["source"] or 0, accepted=sums["accepted"] or 0,
        quarantined=sums["quarantined"] or 0, duplicates=sums["duplicates"] or 0,
    )  # fmt: skip

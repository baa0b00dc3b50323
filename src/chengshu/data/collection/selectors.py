"""Reads of collection plans within the actor's scope."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db.models import Count, F, Max, Model, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from chengshu.data.catalog.facade import Resource, published_queryset
from chengshu.data.collection.choices import TROUBLED, UNDER_WAY, CheckState, RunState
from chengshu.data.collection.models import Backfill, Plan, Reconciliation, Run
from chengshu.data.ingest.facade import Batch, BatchState, DataSource
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import NotFound

VIEW = "collection.view"
M = TypeVar("M", bound=Model)


def _newest_check() -> QuerySet[Reconciliation]:
    rows = Reconciliation.objects.filter(plan=OuterRef("pk"), finished_at__isnull=False)
    return rows.order_by("-created_at")


def plans(actor: Actor) -> QuerySet[Plan]:
    """Plans the actor may see, with the state and time of their last run."""
    newest = Run.objects.filter(plan=OuterRef("pk")).order_by("-created_at")
    rows = Plan.objects.select_related("resource", "resource__provider", "source").annotate(
        last_state=Subquery(newest.values("state")[:1]),
        last_at=Subquery(newest.values("created_at")[:1]),
        last_check=Subquery(_newest_check().values("state")[:1]),
    )
    return scope(actor, VIEW, rows)


def readers_of(source: DataSource) -> list[tuple[int, str]]:
    """The resources whose plans read a source, with what they read of it; paused plans too."""
    return list(Plan.objects.filter(source=source).values_list("resource_id", "object_name"))


def runs(actor: Actor) -> QuerySet[Run]:
    """Runs the actor may see."""
    rows = Run.objects.select_related(
        "plan", "plan__resource", "plan__resource__provider", "plan__source", "batch"
    )
    return scope(actor, VIEW, rows)


def checks(actor: Actor) -> QuerySet[Reconciliation]:
    """Reconciliations the actor may see."""
    rows = Reconciliation.objects.select_related("plan", "plan__resource__provider", "plan__source")
    return scope(actor, VIEW, rows)


def last_checks(actor: Actor) -> QuerySet[Reconciliation]:
    """The newest finished reconciliation of every plan the actor may see, newest first."""
    newest = Plan.objects.annotate(check_id=Subquery(_newest_check().values("pk")[:1]))
    return checks(actor).filter(pk__in=newest.values("check_id")).order_by("-created_at")


def unsettled_checks(actor: Actor, within: "Narrowed") -> QuerySet[Reconciliation]:
    """Plans whose newest reconciliation found a difference or could not be done."""
    rows = last_checks(actor).filter(state__in=(CheckState.DIFFERENT, CheckState.FAILED))
    if within.provider:
        rows = rows.filter(plan__resource__provider__code=within.provider)
    return rows.filter(plan__source_id=within.source) if within.source else rows


def backfills(actor: Actor) -> QuerySet[Backfill]:
    """Back-fills the actor may see."""
    return scope(actor, VIEW, Backfill.objects.select_related("plan__resource__provider"))


def one(rows: QuerySet[M], pk: int | UUID, what: str) -> M:
    """One of them.

    Raises:
        NotFound: there is none, or it lies outside the actor's scope.
    """
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound(f"没有找到这个{what}。", advice="它可能不在您的权限范围内。")
    return found


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the board looks at: a department, a 数据仓, a source, days back."""

    provider: str = ""
    warehouse: int | None = None
    source: int | None = None
    days: int = 14

    def runs(self, rows: QuerySet[Run]) -> QuerySet[Run]:
        """Runs within it."""
        rows = rows.filter(created_at__gte=self.since)
        if self.provider:
            rows = rows.filter(plan__resource__provider__code=self.provider)
        if self.warehouse:
            rows = rows.filter(plan__source__warehouse_id=self.warehouse)
        if self.source:
            rows = rows.filter(plan__source_id=self.source)
        return rows

    def resources(self, rows: QuerySet[Resource]) -> QuerySet[Resource]:
        """Entries within it; those of a 数据仓 are the ones its sources fill."""
        if self.provider:
            rows = rows.filter(provider__code=self.provider)
        if self.warehouse:
            filled = Plan.objects.filter(source__warehouse_id=self.warehouse)
            rows = rows.filter(pk__in=filled.values("resource_id"))
        if self.source:
            rows = rows.filter(collection_plans__source_id=self.source).distinct()
        return rows

    @property
    def since(self) -> datetime:
        """The first moment."""
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=self.days - 1)

    @property
    def dates(self) -> list[date]:
        """The days, oldest first."""
        first = self.since.date()
        return [first + timedelta(days=n) for n in range(self.days)]


@dataclass(frozen=True, slots=True)
class DayOfRuns:
    """What one day brought."""

    rows: int = 0
    seconds: float = 0.0
    good: int = 0
    bad: int = 0


def by_day(rows: QuerySet[Run]) -> dict[date, DayOfRuns]:
    """Rows read, run time and outcomes by day (one query)."""
    ended = rows.filter(finished_at__isnull=False).annotate(day=TruncDate("finished_at"))
    figures = ended.order_by().values("day").annotate(
        rows=Sum("batch__source_rows", filter=Q(state=RunState.SUCCEEDED)),
        spent=Sum("batch__seconds", filter=Q(state=RunState.SUCCEEDED)),
        good=Count("pk", filter=Q(state=RunState.SUCCEEDED)),
        bad=Count("pk", filter=Q(state__in=TROUBLED)),
    )  # fmt: skip
    return {
        f["day"]: DayOfRuns(f["rows"] or 0, f["spent"] or 0.0, f["good"], f["bad"]) for f in figures
    }


def freshness(actor: Actor, within: Narrowed) -> QuerySet[Resource]:
    """Published entries with plans or data, and when data last came in; the oldest first."""
    rows = scope(actor, VIEW, published_queryset())
    rows = rows.filter(Q(collected__isnull=False) | Q(collection_plans__isnull=False)).distinct()
    return within.resources(rows).annotate(held_at=F("collected__updated_at"))


def running(rows: QuerySet[Run]) -> QuerySet[Run]:
    """Runs under way or waiting."""
    return rows.filter(state__in=(*UNDER_WAY, RunState.WAITING, RunState.DEPENDING)).select_related(
        "job"
    )


def loaded_batches(actor: Actor, within: Narrowed) -> QuerySet[Batch]:
    """Batches of all origins that reached the lake within the time looked at."""
    rows = scope(actor, "ingest.view", Batch.objects.filter(state=BatchState.LOADED))
    rows = rows.filter(finished_at__gte=within.since)
    if within.provider:
        rows = rows.filter(resource__provider__code=within.provider)
    if within.warehouse:
        rows = rows.filter(data_source__warehouse_id=within.warehouse)
    if within.source:
        rows = rows.filter(data_source_id=within.source)
    return rows


def batches_by_day(rows: QuerySet[Batch]) -> dict[date, tuple[int, float]]:
    """Source rows and seconds by day (one query)."""
    figures = rows.annotate(day=TruncDate("finished_at")).order_by().values("day").annotate(
        rows=Sum("source_rows"), seconds=Sum("seconds")
    )  # fmt: skip
    return {f["day"]: (f["rows"] or 0, f["seconds"] or 0.0) for f in figures}


def slowest(rows: QuerySet[Run], most: int = 10) -> list[tuple[int, str, float]]:
    """The plans whose longest successful run took longest."""
    ended = rows.filter(state=RunState.SUCCEEDED).order_by()
    found = ended.values_list("plan_id", "plan__name").annotate(longest=Max("batch__seconds"))
    return [(pk, name, longest or 0.0) for pk, name, longest in found.order_by("-longest")[:most]]

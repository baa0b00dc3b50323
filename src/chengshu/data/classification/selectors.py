"""What people may see of the scan."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Sum

from chengshu.data.catalog.facade import published_queryset
from chengshu.data.classification.choices import FindingState, Gap
from chengshu.data.classification.models import Finding, ResourceScan
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import NotFound

VIEW = "classification.view"


def findings(actor: Actor) -> QuerySet[Finding]:
    """Findings the actor may see."""
    return scope(actor, VIEW, Finding.objects.select_related("resource__provider", "decided_by"))


def finding(actor: Actor, pk: int) -> Finding:
    """One finding.

    Raises:
        NotFound: none, or not the actor's to see.
    """
    found = findings(actor).select_related("resource__working", "resource__published")
    item = found.filter(pk=pk).first()
    if item is None:
        raise NotFound("没有找到这条扫描发现。")
    return item


@dataclass(frozen=True, slots=True)
class Department:
    """Open findings of one department by proposed level."""

    code: str
    name: str
    l2: int
    l3: int
    l4: int
    dismissed: int
    accepted: int

    @property
    def open(self) -> int:
        """Open findings."""
        return self.l2 + self.l3 + self.l4


def by_department(actor: Actor) -> list[Department]:
    """Open findings by department and level, most first (one query)."""
    state = {s: Q(state=s) for s in FindingState.values}
    rows = (
        findings(actor)
        .order_by()
        .values("resource__provider__code", "resource__provider__short")
        .annotate(
            low=Count("pk", filter=state["open"] & Q(proposed_level__lte="L2")),
            middle=Count("pk", filter=state["open"] & Q(proposed_level="L3")),
            high=Count("pk", filter=state["open"] & Q(proposed_level="L4")),
            dismissed=Count("pk", filter=state["dismissed"]),
            accepted=Count("pk", filter=state["accepted"]),
        )
    )
    found = [
        Department(
            r["resource__provider__code"], r["resource__provider__short"], r["low"], r["middle"],
            r["high"], r["dismissed"], r["accepted"],
        )
        for r in rows
    ]  # fmt: skip
    return sorted(found, key=lambda d: (-d.l4, -d.l3, -d.l2, d.code))


def by_kind(actor: Actor) -> list[tuple[str, int]]:
    """Open findings by kind, most first."""
    rows = findings(actor).filter(state=FindingState.OPEN).order_by().values("kind")
    return [(r["kind"], r["n"]) for r in rows.annotate(n=Count("pk")).order_by("-n")]


def progress(actor: Actor) -> dict[str, Any]:
    """What was scanned: tables, columns, rows looked at, when last, how many wait (two queries)."""
    scans = scope(actor, VIEW, ResourceScan.objects.all())
    waiting = scope(actor, VIEW, published_queryset()).exclude(classification_scan__stale=False)
    return {"waiting": waiting.count()} | scans.aggregate(
        tables=Count("pk", filter=Q(lake_version__isnull=False)),
        columns=Sum("columns"), looked_at=Sum("looked_at"), rows=Sum("rows"),
        seconds=Sum("seconds"), last=Max("scanned_at"), blind=Max("blind_share"),
    )  # fmt: skip


def scan_of(actor: Actor, resource_id: int) -> ResourceScan | None:
    """The last scan of an entry."""
    return scope(actor, VIEW, ResourceScan.objects.filter(resource_id=resource_id)).first()


def count_open() -> int:
    """Open findings of the city whose level is too low."""
    return Finding.objects.filter(state=FindingState.OPEN, gap=Gap.LEVEL).count()

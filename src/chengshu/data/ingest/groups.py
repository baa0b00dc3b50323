"""The quarantine over all batches a person may see, grouped by resource, rule and column.

The books of every batch stay what they are; here is only counted which of its rejected rows nobody has decided about.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from django.db.models import Count, Max, QuerySet

from chengshu.data.ingest import selectors
from chengshu.data.ingest.choices import BatchState, DecisionKind, Origin
from chengshu.data.ingest.models import Batch, BatchProblem, QuarantineDecision
from chengshu.data.ingest.quarantined import quarantine_file, undecided_problems
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import NotFound

CACHED = 2_000


@dataclass(slots=True)
class Group:
    """Rows of one resource that broke one rule in one column, over all batches."""

    resource_id: int
    resource: str
    department: str
    department_code: str
    rule: str
    rule_name: str
    column: str
    column_title: str
    rows: int = 0
    open: int = 0
    oldest: datetime | None = None
    batches: list[UUID] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Names the group for good (the key of its ticket)."""
        return f"{self.resource_id}:{self.rule}:{self.column}"

    @property
    def where(self) -> str:
        """The column in words."""
        return self.column_title or "整行"


def with_quarantine(rows: QuerySet[Batch]) -> QuerySet[Batch]:
    """Loaded batches that rejected something."""
    return rows.filter(state=BatchState.LOADED, quarantined__gt=0)


def groups(
    actor: Actor, *, resource_id: int | None = None, department: str = "", words: str = ""
) -> list[Group]:
    """Groups with undecided rows, the most rows first.

    A fixed number of queries, and one scan of a quarantine file for each batch in which somebody has decided a part.
    """
    batches = with_quarantine(selectors.batches(actor))
    if resource_id is not None:
        batches = batches.filter(resource_id=resource_id)
    if department:
        batches = batches.filter(resource__provider__code=department)
    for word in words.split():
        batches = batches.filter(resource__title__icontains=word)
    decided = _decided(batches)
    found: dict[tuple[int, str, str], Group] = {}
    problems = BatchProblem.objects.filter(batch__in=batches.order_by().values("pk"))
    for item in problems.select_related("batch__resource__provider").order_by("batch__created_at"):
        known = decided.get(item.batch_id)
        if known and known.count >= item.batch.quarantined:
            continue
        open_rows = item.rows
        if known:
            open_rows = _undecided(item.batch_id, known.count, known.newest).get(
                (item.rule, item.column), 0
            )
        if open_rows:
            _add(found, item, open_rows)
    return sorted(found.values(), key=lambda g: (-g.open, g.resource, g.rule))


def _add(found: dict[tuple[int, str, str], Group], item: BatchProblem, open_rows: int) -> None:
    batch = item.batch
    key = (batch.resource_id, item.rule, item.column)
    group = found.get(key)
    if group is None:
        group = found[key] = Group(
            resource_id=batch.resource_id, resource=batch.resource.title,
            department=batch.resource.provider.short,
            department_code=batch.resource.provider.code, rule=item.rule,
            rule_name=item.rule_name, column=item.column, column_title=item.column_title,
            oldest=batch.finished_at,
        )  # fmt: skip
    group.rows += item.rows
    group.open += open_rows
    group.batches.append(batch.pk)


def group(actor: Actor, *, resource_id: int, rule: str, column: str) -> Group:
    """One group; with no undecided row left when all is decided.

    Raises:
        NotFound: no batch in scope ever had this problem.
    """
    for item in groups(actor, resource_id=resource_id):
        if (item.rule, item.column) == (rule, column):
            return item
    batches = with_quarantine(selectors.batches(actor)).filter(resource_id=resource_id)
    problem = (
        BatchProblem.objects.filter(batch__in=batches.order_by().values("pk"))
        .filter(rule=rule, column=column)
        .select_related("batch__resource__provider")
        .first()
    )
    if problem is None:
        raise NotFound("隔离区里没有这类问题。", advice="它可能已经处理完，或不在您的权限范围内。")
    empty: dict[tuple[int, str, str], Group] = {}
    _add(empty, problem, 0)
    (found,) = empty.values()
    found.batches = []
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    count: int
    newest: datetime


def _decided(batches: QuerySet[Batch]) -> dict[UUID, _Known]:
    rows = (
        QuarantineDecision.objects.filter(batch__in=batches.order_by().values("pk"))
        .values_list("batch_id")
        .annotate(n=Count("pk"), newest=Max("decided_at"))
    )
    return {batch: _Known(count, newest) for batch, count, newest in rows}


@lru_cache(maxsize=CACHED)
def _undecided(batch_id: UUID, count: int, newest: datetime) -> dict[tuple[str, str], int]:
    """One scan for each state of a batch's decisions: decisions are only added or renewed, never removed."""
    del count, newest
    batch = Batch.objects.get(pk=batch_id)
    return undecided_problems(batch) if quarantine_file(batch).is_file() else {}


def batches_of(actor: Actor, item: Group) -> list[Batch]:
    """The batches of a group that still have undecided rows of it, oldest first."""
    rows = selectors.batches(actor).filter(pk__in=item.batches)
    return [batch for batch in rows.order_by("created_at") if quarantine_file(batch).is_file()]


@dataclass(frozen=True, slots=True)
class Books:
    """What became of all rejected rows in scope: 隔离 = 未处理 + 待回放 + 已回放 + 已退回 + 已放弃."""

    quarantined: int = 0
    corrected: int = 0
    replayed: int = 0
    returned: int = 0
    given_up: int = 0

    @property
    def open(self) -> int:
        """Rows nobody has decided about."""
        done = self.corrected + self.replayed + self.returned + self.given_up
        return self.quarantined - done


def books(actor: Actor, resource_id: int | None = None) -> Books:
    """The books over all batches in scope (two queries)."""
    batches = with_quarantine(selectors.batches(actor)).order_by()
    if resource_id is not None:
        batches = batches.filter(resource_id=resource_id)
    rows = QuarantineDecision.objects.filter(batch__in=batches.values("pk"))
    counts = dict(rows.order_by().values_list("kind").annotate(n=Count("pk")))
    return Books(
        quarantined=sum(batches.values_list("quarantined", flat=True)),
        corrected=counts.get(DecisionKind.CORRECTED, 0),
        replayed=counts.get(DecisionKind.REPLAYED, 0),
        returned=counts.get(DecisionKind.RETURNED, 0),
        given_up=counts.get(DecisionKind.GIVEN_UP, 0),
    )  # fmt: skip


def waiting_for_replay(actor: Actor, resource_ids: Iterable[int]) -> QuerySet[Batch]:
    """Batches with corrected rows that nobody has replayed."""
    rows = with_quarantine(selectors.batches(actor)).filter(resource_id__in=list(resource_ids))
    return rows.filter(decisions__kind=DecisionKind.CORRECTED).distinct().order_by("created_at")


def newer_deliveries(resource_id: int, since: datetime) -> QuerySet[Batch]:
    """Deliveries of a resource that came after ``since``, newest first; replays are none."""
    rows = Batch.objects.filter(
        resource_id=resource_id, state=BatchState.LOADED, created_at__gt=since
    )
    return rows.exclude(origin=Origin.REPLAY).order_by("-created_at")

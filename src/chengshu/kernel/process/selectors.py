"""The one to-do list and its neighbours: what waits for me, what I did, what I started, copies, what is supervised.

Each list is one query over an index of its own, so that it answers alike with a thousand tasks and with a million.
"""

from django.db.models import Q, QuerySet
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import holds, scope
from chengshu.kernel.errors import NotFound
from chengshu.kernel.process import candidates
from chengshu.kernel.process.choices import TaskState
from chengshu.kernel.process.models import (
    CaseCopy,
    HumanTask,
    ProcessCase,
    QuickPhrase,
    TraceEntry,
)
from chengshu.kernel.process.services import powers, remarks

BADGE_LIMIT = 999


def todo(actor: Actor) -> "QuerySet[HumanTask]":
    """What waits for the actor: their own tasks, and those of their groups nobody took."""
    if actor.account is None:
        return HumanTask.objects.none()
    own = Q(assignee=actor.account, state=TaskState.OPEN)
    groups = candidates.groups_of(actor)
    if groups:
        own |= Q(group__in=groups, assignee=None, state=TaskState.OPEN)
    return HumanTask.objects.filter(own).select_related("organization")


def done(actor: Actor) -> "QuerySet[HumanTask]":
    """What the actor did or returned."""
    return HumanTask.objects.filter(
        finished_by=actor.account, state__in=[TaskState.DONE, TaskState.RETURNED]
    ).select_related("organization")


def started(actor: Actor) -> "QuerySet[ProcessCase]":
    """The cases the actor started."""
    return _listed(ProcessCase.objects.filter(started_by=actor.account))


def copies(actor: Actor) -> "QuerySet[CaseCopy]":
    """Cases the actor got a copy of."""
    return CaseCopy.objects.filter(account=actor.account).select_related("case", "sent_by")


def supervised(actor: Actor) -> "QuerySet[ProcessCase]":
    """Cases under supervision where the actor may supervise."""
    rows = ProcessCase.objects.filter(supervised_at__isnull=False)
    return _listed(scope(actor, powers.SUPERVISE, rows))


def supervises(actor: Actor) -> bool:
    """Whether the list of supervised cases is for the actor at all."""
    return holds(actor, powers.SUPERVISE)


def _listed(rows: "QuerySet[ProcessCase]") -> "QuerySet[ProcessCase]":
    chosen = rows.select_related("version", "organization", "supervised_by")
    return chosen.defer("version__source", "data", "marking")


def waiting_for(actor: Actor) -> int:
    """How much waits for the actor, counted up to 999; for menus."""
    return todo(actor).order_by().values("pk")[: BADGE_LIMIT + 1].count()


def case(actor: Actor, case_id: int) -> ProcessCase:
    """A case the actor may see.

    Raises:
        NotFound: there is none, or it is not theirs to see.
    """
    rows = ProcessCase.objects.select_related("version", "organization", "region", "started_by")
    found = rows.defer("version__source").filter(pk=case_id).first()
    if found is None:
        raise NotFound("没有找到这个办件。", advice="请回到列表重新选择。")
    remarks.require_sight(actor, found)
    return found


def trace(found: ProcessCase) -> list[TraceEntry]:
    """The history of a case, the oldest first."""
    return list(found.trace.select_related("actor").order_by("number"))


def open_tasks(found: ProcessCase) -> list[HumanTask]:
    """What a case waits for now."""
    rows = found.tasks.filter(state__in=[TaskState.OPEN, TaskState.WAITING])
    return list(rows.select_related("assignee", "group__organization").order_by("token", "slot"))


def overdue(rows: "QuerySet[HumanTask]") -> "QuerySet[HumanTask]":
    """Of these tasks the ones whose term has ended."""
    return rows.filter(due_at__lte=timezone.now(), held=False)


def phrases(actor: Actor) -> list[QuickPhrase]:
    """The actor's ready words, the most used first."""
    return list(QuickPhrase.objects.filter(account=actor.account)[:30])

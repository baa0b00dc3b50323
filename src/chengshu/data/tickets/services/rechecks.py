"""Look again whether a problem is mended: when an officer asks, and after every new batch."""

from uuid import UUID

from django.utils import timezone

from chengshu.data.tickets.choices import State
from chengshu.data.tickets.kinds import KINDS, RecheckResult
from chengshu.data.tickets.models import Ticket
from chengshu.data.tickets.services.moves import act_on, take
from chengshu.data.tickets.services.trace import leave
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work

JUDGE = platform("自动复检")


def submit(
    *, actor: Actor, ticket: Ticket, reason: str = "", version: int | None = None
) -> tuple[Ticket, Job]:
    """“我已更正，请复检”: the ticket waits for the re-check, whose job starts at once.

    Raises:
        NotAllowed, Conflict: as for :func:`~chengshu.data.tickets.services.moves.act_on`.
    """
    with unit_of_work():
        moved = act_on(actor=actor, ticket=ticket, act="submit", reason=reason, version=version)
        return moved, request(ticket=moved, key=f"submit:{moved.version}")


def request(*, ticket: Ticket, key: str) -> Job:
    """Queue a re-check; the same ``key`` queues one."""
    return enqueue(
        "tickets.recheck", actor=platform("自动复检"), title=f"复检工单 {ticket.number}",
        arguments={"ticket": ticket.pk}, key=f"ticket:{ticket.pk}:{key}",
        organization=ticket.department, object_url=ticket.get_absolute_url(), unit="件",
    )  # fmt: skip


def after_batch(*, resource_id: int, event: UUID | str) -> int:
    """Queue re-checks of a resource's open tickets, because new data came; returns how many."""
    waiting = Ticket.objects.filter(resource_id=resource_id).exclude(state=State.CLOSED)
    found = list(waiting.select_related("department"))
    for ticket in found:
        request(ticket=ticket, key=f"batch:{event}")
    return len(found)


def run(ticket: Ticket) -> RecheckResult:
    """Ask the ticket's kind, and note the answer.

    Raises:
        InvalidInput: nobody registers this kind any more; the ticket stays as it is.
    """
    kind = KINDS.get(ticket.kind)
    if kind is None:
        raise InvalidInput(
            "这类工单的检查程序已停用，不能自动复检。", advice="请数据管理员人工关闭。"
        )
    result = kind.recheck(ticket)
    report_recheck(actor=JUDGE, ticket=ticket, result=result)
    return result


def report_recheck(
    *,
    actor: Actor,
    result: RecheckResult,
    ticket: Ticket | None = None,
    kind: str = "",
    key: str = "",
) -> Ticket | None:
    """Note what a second look found; the open ticket is given, or named by ``kind`` and ``key``.

    Nothing left: the ticket closes by itself. Rows left: one that waited for the check goes back to its officer,
    others only get the new count. Not to be told yet: it goes on waiting. A contested ticket waits for its judge.

    Returns None when there is no open ticket of that name. Repeating a report changes nothing.

    Raises:
        NotAllowed: only the platform reports. NotFound: the given ticket is gone.
    """
    with unit_of_work():
        locked = _open(ticket, kind, key)
        if locked is None:
            return None
        check(actor, "tickets.ticket.dispatch", locked)
        locked.checked_at, locked.check_note = timezone.now(), result.note[:300]
        if result.remaining is None:
            return _note(locked, result, "waiting")
        changed = locked.affected_rows != result.remaining
        locked.affected_rows = result.remaining
        if result.remaining == 0 and locked.state != State.CONTESTED:
            return take(actor=JUDGE, ticket=locked, act="pass", reason=result.note)
        if locked.state == State.CHECKING:
            told = result.note or f"还有 {result.remaining:,} 行不符合规则"
            return take(
                actor=JUDGE, ticket=locked, act="fail", reason=told,
                data={"rows": result.remaining},
            )  # fmt: skip
        return _note(locked, result, "recount" if changed else "")


def _open(ticket: Ticket | None, kind: str, key: str) -> Ticket | None:
    rows = Ticket.objects.select_for_update(of=("self",)).select_related("department", "owner")
    if ticket is None:
        return rows.filter(kind=kind, key=key).exclude(state=State.CLOSED).first()
    found = rows.filter(pk=ticket.pk).first()
    if found is None:
        raise NotFound("没有找到这个工单。")
    return found if found.is_open else None


def _note(locked: Ticket, result: RecheckResult, action: str) -> Ticket:
    """Keep what was found; told in the time line only when it is news."""
    locked.updated_at = timezone.now()
    locked.save(update_fields=["checked_at", "check_note", "affected_rows", "updated_at"])
    newest = locked.history.first()
    repeated = newest is not None and newest.action == action and newest.reason == result.note
    if action and not repeated and (action != "waiting" or locked.state == State.CHECKING):
        leave(
            actor=JUDGE, ticket=locked, action=action, before=locked.state, reason=result.note,
            data={"rows": locked.affected_rows},
        )  # fmt: skip
    return locked

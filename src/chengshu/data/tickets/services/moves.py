"""Move a ticket from state to state as :mod:`~chengshu.data.tickets.flow` allows, with its clock."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from chengshu.data.tickets import clock
from chengshu.data.tickets.choices import Escalation, Resolution, State
from chengshu.data.tickets.flow import DISPATCH, HANDLE, MOVES, PLATFORM, Move
from chengshu.data.tickets.models import Ticket, TicketEvent
from chengshu.data.tickets.services.trace import leave
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, check
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import add_working_days, last_day
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.events.services import emit
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.identity.models import Account, Organization
from chengshu.kernel.unit_of_work import unit_of_work

NOTHING = "工单没有变化。"
SHORTEST_REASON = 2
LONGEST_REASON = 2_000


def act_on(
    *,
    actor: Actor,
    ticket: Ticket,
    act: str,
    reason: str = "",
    owner: Account | None = None,
    department: Organization | None = None,
    until: date | None = None,
    files: Sequence[StoredFile] = (),
    version: int | None = None,
) -> Ticket:
    """Do one act of the flow as a person.

    ``act`` is a key of :data:`~chengshu.data.tickets.flow.MOVES`; ``owner`` is for ``assign``, ``department`` for
    ``transfer``, ``until`` (the last day) for ``suspend``. ``version`` is what the person saw: another version means
    that somebody acted meanwhile.

    Raises:
        NotAllowed: no permission, or an act of the platform alone. InvalidInput: something needed is missing.
        Conflict: the state does not allow it, or somebody else was first. Nothing is changed then.
    """
    move = MOVES.get(act)
    if move is None:
        raise InvalidInput(f"没有“{act}”这个操作。", kept=NOTHING)
    if move.permission == PLATFORM:
        raise NotAllowed("这一步由平台复检后自动完成，不能由人操作。", kept=NOTHING)
    check(actor, move.permission, ticket)
    with unit_of_work():
        locked = _lock(ticket, version)
        check(actor, move.permission, locked)
        return take(
            actor=actor, ticket=locked, act=act, reason=reason, owner=owner,
            department=department, until=until, files=files,
        )  # fmt: skip


def _lock(ticket: Ticket, version: int | None) -> Ticket:
    locked = (
        Ticket.objects.select_for_update(of=("self",))
        .select_related("department", "owner", "resource")
        .get(pk=ticket.pk)
    )
    if version is not None and version != locked.version:
        raise Conflict(
            "工单刚刚被别人处理过。", kept=NOTHING, advice="请看最新的办理记录后再操作。"
        )
    return locked


def take(
    *,
    actor: Actor,
    ticket: Ticket,
    act: str,
    reason: str = "",
    owner: Account | None = None,
    department: Organization | None = None,
    until: date | None = None,
    files: Sequence[StoredFile] = (),
    data: dict[str, Any] | None = None,
) -> Ticket:
    """The act itself, on a locked ticket inside a transaction; the caller has asked for the permission."""
    move, before, now = MOVES[act], State(ticket.state), timezone.now()
    if before not in move.sources:
        raise Conflict(
            f"工单现在是“{before.label}”，不能{move.verb}。", kept=NOTHING, advice="请刷新后再看。"
        )
    reason = _reason(move, reason)
    told = dict(data or {})
    _set_owner(actor, ticket, move, owner)
    if move.needs == "department":
        told |= _set_department(ticket, department)
    if move.needs == "until":
        until = _require_until(until)
        told["until"] = until.isoformat()
    if move.key == "uphold":
        _require_other_judge(actor, ticket)
    ticket.state = move.target
    ticket.waiting_for = reason[:300] if move.target == State.SUSPENDED else ""
    if move.restart:
        clock.restart(ticket, now, clock.policy().problem_days)
        ticket.escalation = Escalation.NONE
    clock.turn(ticket, before, now, until=until)
    _close_or_open(ticket, move)
    ticket.updated_at, ticket.version = now, ticket.version + 1
    ticket.save()
    if move.target == State.CLOSED:
        ticket.extensions.filter(state="pending").update(
            state="refused", decided_at=now, answer="工单已关闭"
        )
    leave(
        actor=actor, ticket=ticket, action=act, before=before, reason=reason, data=told,
        files=files,
    )  # fmt: skip
    if move.resolution == Resolution.INVALID:
        _dispute(ticket, reason)
    return ticket


def _reason(move: Move, reason: str) -> str:
    text = reason.strip()[:LONGEST_REASON]
    if move.reason and len(text) < SHORTEST_REASON:
        raise InvalidInput(
            f"{move.verb}需要写明理由。", kept=NOTHING, fields={"reason": "请写明理由"}
        )
    return text


def _set_owner(actor: Actor, ticket: Ticket, move: Move, given: Account | None) -> None:
    if move.owner == "clear":
        ticket.owner = None
    elif move.owner == "actor" and (move.key == "claim" or ticket.owner is None):
        if actor.account is None:
            raise InvalidInput("签收要由具体的人来做。", kept=NOTHING)
        ticket.owner = actor.account
    elif move.owner == "given":
        if given is None or not allows(Actor(account=given), HANDLE, ticket):
            raise InvalidInput(
                "请选择一位能处理这个单位工单的数据专员。", kept=NOTHING,
                fields={"owner": "请选择经办人"},
            )  # fmt: skip
        ticket.owner = given


def _set_department(ticket: Ticket, department: Organization | None) -> dict[str, Any]:
    if department is None or not department.active:
        raise InvalidInput(
            "请选择转给哪个单位。", kept=NOTHING, fields={"department": "请选择单位"}
        )
    if department.pk == ticket.department_id:
        raise InvalidInput(
            "工单已经在这个单位。", kept=NOTHING, fields={"department": "请选择另一个单位"}
        )
    told = {"from": ticket.department.short, "to": department.short}
    ticket.department = department
    return told


def _require_until(until: date | None) -> date:
    now = timezone.now()
    longest = last_day(
        add_working_days(now, clock.policy().longest_suspension, table=stored_table())
    )
    today = timezone.localdate()
    if until is None or not today + timedelta(days=1) <= until <= longest:
        raise InvalidInput(
            f"挂起要写明等到哪一天，从明天起，最晚 {longest:%Y-%m-%d}。", kept=NOTHING,
            fields={"until": f"请填 {today + timedelta(days=1):%Y-%m-%d} 到 {longest:%Y-%m-%d}"},
        )  # fmt: skip
    return until


def _require_other_judge(actor: Actor, ticket: Ticket) -> None:
    """Nobody decides about an objection of their own."""
    last = TicketEvent.objects.filter(ticket=ticket, action="contest").first()
    if last is not None and actor.account is not None and last.actor_id == actor.account.pk:
        raise NotAllowed(
            "不能裁定自己提出的异议。", kept=NOTHING, advice="请由另一位数据管理员裁定。"
        )


def _close_or_open(ticket: Ticket, move: Move) -> None:
    if move.target == State.CLOSED:
        ticket.resolution, ticket.closed_at = move.resolution, timezone.now()
        if move.resolution == Resolution.FIXED:
            ticket.affected_rows = 0
    elif State.CLOSED in move.sources:
        ticket.resolution, ticket.closed_at = "", None
        ticket.on_time = ticket.worked_days = None
        ticket.reopened += 1


def _dispute(ticket: Ticket, reason: str) -> None:
    """An upheld objection says that the rule is wrong: whoever keeps the rule is told."""
    emit(
        type="city.tickets.rule.disputed", source="tickets", subject=str(ticket.pk),
        data={
            "ticket": ticket.pk, "kind": ticket.kind, "key": ticket.key, "rule": ticket.rule,
            "column": ticket.column, "resource_id": ticket.resource_id, "reason": reason,
        },
        idempotency_key=f"rule-disputed:{ticket.pk}:{ticket.version}",
    )  # fmt: skip


def available(actor: Actor, ticket: Ticket) -> list[Move]:
    """The acts the actor may do on a ticket now, in the order of the flow."""
    may = {key: allows(actor, key, ticket) for key in (HANDLE, DISPATCH)}
    return [
        move for move in MOVES.values()
        if State(ticket.state) in move.sources and may.get(move.permission, False)
    ]  # fmt: skip

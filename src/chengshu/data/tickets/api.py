"""JSON API of tickets under ``/api/v1/tickets/``: list, get, act.

    GET  /api/v1/tickets/tickets?standing=mine
    GET  /api/v1/tickets/tickets/12
    POST /api/v1/tickets/tickets/12/acts/claim     {"version": 1}
    POST /api/v1/tickets/tickets/12/acts/submit    {"version": 2, "reason": "源系统已改"}

``acts`` of a ticket lists what the caller may do now. A wrong ``version`` (somebody acted meanwhile) answers 409.
"""

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Schema

from chengshu.data.tickets import selectors
from chengshu.data.tickets.choices import State
from chengshu.data.tickets.flow import MOVES, word
from chengshu.data.tickets.models import Ticket
from chengshu.data.tickets.presentation import holder
from chengshu.data.tickets.services import notes, rechecks
from chengshu.data.tickets.services.moves import act_on, available
from chengshu.data.tickets.views.lists import STANDINGS, narrow
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rest import ApiRouter, Number
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.identity.models import Account, Organization
from chengshu.kernel.ui import keyset

router = ApiRouter()
MAX_PAGE = 200


class TicketOut(Schema):
    """A ticket; ``due_at`` is the first moment that is too late for ``holder``."""

    id: int
    number: str
    kind: str
    title: str
    resource: str
    department: str
    rule: str
    column: str
    severity: str
    first_rows: int
    affected_rows: int
    state: str
    state_name: str
    resolution: str
    holder: str
    owner: str
    supervised: bool
    escalation: str
    reopened: int
    opened_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    on_time: bool | None
    version: int
    url: str


class EventOut(Schema):
    """One line of the time line."""

    at: datetime
    act: str
    name: str
    who: str
    before: str
    after: str
    reason: str


class TicketDetailOut(TicketOut):
    """A ticket with its time line and the acts the caller may do now."""

    sentence: str
    history: list[EventOut]
    acts: list[str]


class TicketListOut(Schema):
    """One page, newest first; ``next`` is the next ``cursor``, empty at the end."""

    results: list[TicketOut]
    next: str


class TicketFilters(Schema):
    """What narrows the list; ``standing`` is mine, open, overdue, soon, wish, supervised, reopened or closed."""

    standing: str = ""
    state: State | None = None
    kind: str = ""
    resource: str = ""
    department: str = ""
    cursor: str = ""
    limit: int = Field(50, ge=1, le=MAX_PAGE)


class ActIn(Schema):
    """What an act needs: ``owner`` is a user name, ``department`` a code, ``until`` the last day of a suspension."""

    version: int | None = None
    reason: str = ""
    owner: str = ""
    department: str = ""
    until: date | None = None


class CommentIn(Schema):
    """A remark."""

    text: str


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def ticket_out(item: Ticket) -> dict[str, Any]:
    """A ticket as the API shows it."""
    return {
        "id": item.pk, "number": item.number, "kind": item.kind, "title": item.title,
        "resource": item.resource.code, "department": item.department.code, "rule": item.rule,
        "column": item.column, "severity": item.severity, "first_rows": item.first_rows,
        "affected_rows": item.affected_rows, "state": item.state,
        "state_name": item.get_state_display(), "resolution": item.resolution,
        "holder": holder(item), "owner": item.owner.username if item.owner else "",
        "supervised": item.supervised, "escalation": item.escalation, "reopened": item.reopened,
        "opened_at": item.opened_at, "due_at": item.due_at, "closed_at": item.closed_at,
        "on_time": item.on_time, "version": item.version, "url": item.get_absolute_url(),
    }  # fmt: skip


def detail_out(actor: Actor, item: Ticket) -> dict[str, Any]:
    """A ticket with everything."""
    return ticket_out(item) | {
        "sentence": str(item.evidence.get("sentence", "")),
        "history": [
            {
                "at": e.at, "act": e.action, "name": word(e.action), "who": e.actor_name,
                "before": e.before, "after": e.after, "reason": e.reason,
            }
            for e in item.history.all()
        ],
        "acts": [move.key for move in available(actor, item)],
    }  # fmt: skip


@router.operation(
    "GET", "/tickets", permission="tickets.view", response=TicketListOut, summary="问题工单列表"
)
def tickets(request: HttpRequest, filters: Query[TicketFilters]) -> dict[str, Any]:
    """Tickets in the caller's scope, newest first."""
    actor = _actor(request)
    rows = selectors.tickets(actor)
    if filters.standing:
        if filters.standing not in dict(STANDINGS):
            raise InvalidInput(f"没有“{filters.standing}”这个进展条件。")
        rows = narrow(actor, rows, filters.standing)
    wanted = {
        "state": filters.state, "kind": filters.kind, "resource__code": filters.resource,
        "department__code": filters.department,
    }  # fmt: skip
    rows = rows.filter(**{name: value for name, value in wanted.items() if value})
    cursor = keyset.decode(filters.cursor)
    page = keyset.cut(rows, order="-pk", size=filters.limit, cursor=cursor)
    return {
        "results": [ticket_out(item) for item in page.rows],
        "next": page.next.encode() if page.next else "",
    }


@router.operation(
    "GET", "/tickets/{int:pk}", permission="tickets.view", response=TicketDetailOut,
    summary="一个工单和它的办理经过",
)  # fmt: skip
def ticket(request: HttpRequest, pk: Number) -> dict[str, Any]:
    """One ticket with its time line and the acts open to the caller."""
    actor = _actor(request)
    return detail_out(actor, selectors.ticket(actor, pk))


@router.operation(
    "POST", "/tickets/{int:pk}/acts/{act}", permission="tickets.view", response=TicketDetailOut,
    summary="办理工单",
)  # fmt: skip
def act(request: HttpRequest, pk: Number, act: str, body: ActIn) -> dict[str, Any]:
    """Do one act; 409 when the state does not allow it, 403 without the permission."""
    actor = _actor(request)
    item = selectors.ticket(actor, pk)
    if act not in MOVES:
        raise NotFound(f"没有“{act}”这个操作。")
    if act == "submit":
        rechecks.submit(actor=actor, ticket=item, reason=body.reason, version=body.version)
    else:
        act_on(
            actor=actor, ticket=item, act=act, reason=body.reason, until=body.until,
            owner=Account.objects.filter(username=body.owner).first() if body.owner else None,
            department=Organization.objects.filter(code=body.department).first(),
            version=body.version,
        )  # fmt: skip
    return detail_out(actor, selectors.ticket(actor, pk))


@router.operation(
    "POST", "/tickets/{int:pk}/comments", permission="tickets.view", response=TicketDetailOut,
    summary="补充说明",
)  # fmt: skip
def comment(request: HttpRequest, pk: Number, body: CommentIn) -> dict[str, Any]:
    """Add a remark."""
    actor = _actor(request)
    item = selectors.ticket(actor, pk)
    notes.comment(actor=actor, ticket=item, text=body.text)
    return detail_out(actor, selectors.ticket(actor, pk))

"""What every act leaves behind: a line in the time line, a record in the audit chain, an event, a notice."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from chengshu.data.tickets.choices import State
from chengshu.data.tickets.flow import DISPATCH, HANDLE, word
from chengshu.data.tickets.models import Ticket, TicketEvent
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.events.services import emit
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.notices.services import notify

# Acts after which the holders of a permission at the department (or above it) have something to do.
_TELL = {
    "open": HANDLE, "transfer": HANDLE, "insist": HANDLE, "reopen": HANDLE, "recur": HANDLE,
    "orphan": HANDLE, "return": DISPATCH, "contest": DISPATCH, "ask_extension": DISPATCH,
}  # fmt: skip
# Acts the officer in charge did not do himself but must know of.
_TELL_OWNER = (
    "assign", "overrule", "uphold", "withdraw", "pass", "fail", "wake", "supervise",
    "grant_extension", "refuse_extension",
)  # fmt: skip


def leave(
    *,
    actor: Actor,
    ticket: Ticket,
    action: str,
    before: State | str,
    reason: str = "",
    data: dict[str, Any] | None = None,
    files: Sequence[StoredFile] = (),
) -> TicketEvent:
    """Write all traces of one act (inside the caller's transaction)."""
    event = TicketEvent.objects.create(
        ticket=ticket, at=timezone.now(), action=action, actor=actor.account,
        actor_name=actor.name[:60], organization_name=actor.organization_name[:60],
        before=before, after=ticket.state, reason=reason, data=data or {},
    )  # fmt: skip
    if files:
        event.files.set(files)
    record(
        actor=actor, action=f"tickets.{action}", obj=ticket, reason=reason,
        before={"state": str(before)} if before else None,
        after={
            "state": str(ticket.state), "rows": ticket.affected_rows,
            "due": ticket.due_at.isoformat() if ticket.due_at else "", **(data or {}),
        },
    )  # fmt: skip
    kind = "opened" if action == "open" else "moved" if ticket.is_open else "closed"
    emit(
        type=f"city.tickets.ticket.{kind}", source="tickets", subject=str(ticket.pk),
        data={
            "ticket": ticket.pk, "number": ticket.number, "kind": ticket.kind, "key": ticket.key,
            "resource_id": ticket.resource_id, "state": str(ticket.state), "act": action,
            "resolution": ticket.resolution, "rule": ticket.rule, "column": ticket.column,
        },
    )  # fmt: skip
    _tell(ticket, event)
    return event


def _tell(ticket: Ticket, event: TicketEvent) -> None:
    key = f"ticket:{ticket.pk}:{event.pk}"
    body = "\n".join(part for part in (ticket.title, event.reason) if part)
    url = ticket.get_absolute_url()
    if event.action in _TELL:
        notify(
            organization=ticket.department, permission=_TELL[event.action], key=key,
            title=f"工单 {ticket.number} {word(event.action)}", body=body, url=url,
        )  # fmt: skip
        return
    others = ticket.owner is not None and event.actor_id != ticket.owner_id
    if event.action in _TELL_OWNER and others:
        notify(
            account=ticket.owner, title=f"工单 {ticket.number} {word(event.action)}",
            body=body, url=url, key=key,
        )  # fmt: skip

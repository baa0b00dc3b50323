"""A receipt of what we delivered: every row is accounted for, refused rows become a ticket of the source department."""

from django.utils import timezone

from chengshu.data.cascade.choices import OutgoingState
from chengshu.data.cascade.models import Outgoing
from chengshu.data.cascade.notes import Receipt, Settlement, settle
from chengshu.data.cascade.services.delivering import clear_files
from chengshu.data.cascade.services.platforms import MANAGE
from chengshu.data.tickets.facade import (
    RecheckResult,
    State,
    Ticket,
    open_ticket,
    report_recheck,
    tickets_of,
)
from chengshu.kernel.access.actor import platform as platform_actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.events.services import emit
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

KIND = "cascade.refused"
MOST_TICKETS = 20
_STATES = {
    "accepted": OutgoingState.ACCEPTED, "partly": OutgoingState.PARTLY,
    "refused": OutgoingState.REFUSED,
}  # fmt: skip


def take_receipt(*, outgoing: Outgoing, receipt: Receipt) -> Settlement:
    """Take the receipt of a delivery, once; the same again changes nothing, another one does not replace it.

    A receipt that is not about this batch, or does not account for every row, is kept as disputed and told.
    """
    found = settle(outgoing.parsed, receipt)
    with unit_of_work():
        item = (
            Outgoing.objects.select_for_update(of=("self",))
            .select_related("plan__resource__provider", "plan__platform")
            .get(pk=outgoing.pk)
        )
        if item.answered_at is not None:
            return found
        item.receipt, item.answered_at, item.error = receipt.document(), timezone.now(), ""
        item.accepted, item.refused = found.accepted, found.refused
        item.duplicates, item.unexplained = found.duplicates, found.unexplained
        item.state = _STATES[receipt.state] if found.holds else OutgoingState.DISPUTED
        item.save()
        record(
            actor=platform_actor("级联"), action="cascade.receipt_taken", obj=item,
            after={
                "state": item.state, "delivered": found.delivered, "accepted": found.accepted,
                "refused": found.refused, "duplicates": found.duplicates,
                "unexplained": found.unexplained,
            },
        )  # fmt: skip
        emit(
            type="city.cascade.delivery.answered", source="cascade", subject=str(item.pk),
            data={"dataset": receipt.dataset, "number": receipt.number, "state": item.state},
        )  # fmt: skip
        if item.state != OutgoingState.ACCEPTED:
            _tell(item, found)
            _tickets(item, receipt)
        if item.state != OutgoingState.DISPUTED:
            _look_again(item)
    if item.state in (OutgoingState.ACCEPTED, OutgoingState.PARTLY):
        clear_files(item)
    outgoing.refresh_from_db()
    return found


def _tell(item: Outgoing, found: Settlement) -> None:
    if item.state == OutgoingState.DISPUTED:
        body = "回执说的不是这一批，或行数对不上，请与对方核对。"
    else:
        body = (
            f"送出 {found.delivered:,} 行：收下 {found.accepted:,}，拒收 {found.refused:,}，"
            f"重复 {found.duplicates:,}。"
        )
    notify(
        organization=item.plan.resource.provider, permission=MANAGE,
        title=f"{item}：{item.get_state_display()}", body=body, url=item.get_absolute_url(),
        key=f"cascade-answered:{item.pk}:{item.state}",
    )  # fmt: skip


def _tickets(item: Outgoing, receipt: Receipt) -> list[Ticket]:
    """One ticket per rule and field: the next delivery that has none of it closes it."""
    plan = item.plan
    return [
        open_ticket(
            actor=platform_actor("级联"), kind=KIND, resource_id=plan.resource_id,
            title=f"上级拒收：{plan.resource.title} {reason.rows:,} 行，{reason.column or '整行'}{reason.name}",
            key=f"{plan.pk}:{reason.code}:{reason.column}"[:200], rule=reason.code[:80],
            rule_name=reason.name, affected_rows=reason.rows, source_ref=f"cascade:{item.pk}",
            evidence={
                "sentence": f"{plan.platform.name}的回执：第 {item.number} 批有 {reason.rows:,} 行"
                f"“{reason.column or '整行'}”不合要求（{reason.name}）",
                "good": "在源系统更正并重新归集；下一批送出、对方收下后自动办结",
                "plan": plan.pk, "code": reason.code, "column": reason.column,
            },
        )
        for reason in receipt.reasons[:MOST_TICKETS]
    ]  # fmt: skip


def newest_answer(ticket: Ticket) -> Outgoing | None:
    """The delivery with the newest receipt of the plan a ticket is about."""
    answered = Outgoing.objects.filter(plan=ticket.evidence.get("plan"), answered_at__isnull=False)
    return answered.order_by("-number").first()


def recheck(ticket: Ticket) -> RecheckResult:
    """What the newest receipt says of the same rule and field."""
    item = newest_answer(ticket)
    if item is None or item.state == OutgoingState.DISPUTED:
        return RecheckResult(remaining=None, note="等待下一批的回执")
    code, column = ticket.evidence.get("code"), ticket.evidence.get("column")
    receipt = item.parsed_receipt
    rows = sum(
        r.rows for r in (receipt.reasons if receipt else ()) if (r.code, r.column) == (code, column)
    )
    if rows and ticket.source_ref == f"cascade:{item.pk}":
        return RecheckResult(remaining=None, note="等待下一批的回执")
    return RecheckResult(remaining=rows, note=f"第 {item.number} 批的回执里还有 {rows:,} 行")


def _look_again(item: Outgoing) -> None:
    """A receipt without an earlier refusal closes the ticket about it."""
    for ticket in tickets_of(item.plan.resource_id).filter(kind=KIND).exclude(state=State.CLOSED):
        if ticket.evidence.get("plan") == item.plan_id:
            report_recheck(actor=platform_actor("级联"), ticket=ticket, result=recheck(ticket))

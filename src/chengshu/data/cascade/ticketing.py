"""How refused rows are looked at again: mended when a later delivery was taken without that refusal."""

from django.urls import reverse

from chengshu.data.cascade.choices import OutgoingState
from chengshu.data.cascade.models import Outgoing
from chengshu.data.cascade.services.settling import KIND
from chengshu.data.tickets.facade import RecheckResult, Ticket, register_kind


def register() -> None:
    """Tell the tickets about this kind."""
    register_kind(KIND, "上级拒收", recheck, evidence_url)


def _newest(ticket: Ticket) -> Outgoing | None:
    answered = Outgoing.objects.filter(plan=ticket.evidence.get("plan"), answered_at__isnull=False)
    return answered.order_by("-number").first()


def recheck(ticket: Ticket) -> RecheckResult:
    """What the newest receipt says of the same rule and field."""
    item = _newest(ticket)
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


def evidence_url(ticket: Ticket) -> str:
    """The delivery with the newest receipt."""
    item = _newest(ticket)
    return item.get_absolute_url() if item else reverse("cascade:outgoing")

"""How refused rows are looked at again: mended when a later delivery was taken without that refusal."""

from django.urls import reverse

from chengshu.data.cascade.services.settling import KIND, newest_answer, recheck
from chengshu.data.tickets.facade import Ticket, register_kind


def register() -> None:
    """Tell the tickets about this kind."""
    register_kind(KIND, "上级拒收", recheck, evidence_url)


def evidence_url(ticket: Ticket) -> str:
    """The delivery with the newest receipt."""
    item = newest_answer(ticket)
    return item.get_absolute_url() if item else reverse("cascade:outgoing")

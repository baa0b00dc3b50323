"""How a person's question is shown to whoever answers it, and when it counts as answered."""

from django.urls import reverse
from django.utils.http import urlencode

from chengshu.data.sharing.choices import CallKind
from chengshu.data.sharing.uses.models import UseObjection
from chengshu.data.sharing.uses.selectors import uses_of
from chengshu.data.sharing.uses.services import KIND
from chengshu.data.tickets.facade import (
    Evidence,
    EvidenceLink,
    RecheckResult,
    State,
    Ticket,
    register_kind,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.ui import formatting

SHOWN = 20


def register() -> None:
    """Tell the tickets about this kind."""
    register_kind(KIND, "群众用数疑问", recheck, evidence_url, evidence)


def recheck(ticket: Ticket) -> RecheckResult:
    """Answered when the officer who says so has written the answer; nothing in the data can tell."""
    if ticket.state != State.CHECKING:
        return RecheckResult(remaining=None, note="等待答复")
    said = ticket.history.filter(action="submit").first()
    if said is None or not said.reason.strip():
        return RecheckResult(remaining=1, note="请把给群众的答复写在说明里，再提交")
    return RecheckResult(remaining=0, note="已答复")


def _objection(ticket: Ticket) -> UseObjection | None:
    return UseObjection.objects.select_related("interface").filter(ticket_id=ticket.pk).first()


def evidence_url(ticket: Ticket) -> str:
    """The calls of that application through that interface."""
    item = _objection(ticket)
    if item is None:
        return reverse("sharing:records")
    query = urlencode({"application": item.application, "interface": item.interface.code})
    return f"{reverse('sharing:records')}?{query}"


def evidence(actor: Actor, ticket: Ticket) -> Evidence:
    """The look-ups in question, by number of the trail; who asked is not told."""
    del actor
    item = _objection(ticket)
    if item is None:
        return Evidence()
    rows = uses_of(item.key_hashes).filter(
        profile__application=item.application, profile__interface=item.interface.code
    )
    kinds = dict(CallKind.choices)
    shown = rows.select_related("profile").order_by("-called_at")[:SHOWN]
    return Evidence(
        columns=("时间", "调用方式", "用途", "留痕编号"),
        rows=tuple(
            (
                formatting.date_time(use.called_at),
                kinds.get(use.profile.kind, use.profile.kind).split("，")[0],
                use.purpose or "（调用时没有写）", use.request_id or "—",
            )
            for use in shown
        ),
        total=rows.count(),
        sentence=str(ticket.evidence.get("sentence", "")),
        good=str(ticket.evidence.get("good", "")),
        links=(EvidenceLink(title="看这个应用的调用", url=evidence_url(ticket)),),
        steps=(
            "按留痕编号和时间，向使用单位核实是谁、为哪件事查的；要使用单位自己说明的，转办给它。",
            "签收后点“我已更正，请复检”，在说明里写下给群众的答复，提交即办结并通知本人。",
            "查得不对的，到共享授权里暂停或收回，并在答复里写明。",
        ),
    )  # fmt: skip

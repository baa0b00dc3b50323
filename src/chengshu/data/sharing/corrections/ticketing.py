"""How a reported value is looked at again: corrected when the source says something else than before."""

from django.urls import reverse

from chengshu.data.sharing.corrections import source
from chengshu.data.sharing.corrections.models import Correction
from chengshu.data.sharing.corrections.services import KIND
from chengshu.data.tickets.facade import (
    Evidence,
    EvidenceLink,
    RecheckResult,
    State,
    Ticket,
    register_kind,
)
from chengshu.kernel.access.actor import Actor

SHOWN = 20


def register() -> None:
    """Tell the tickets about this kind."""
    register_kind(KIND, "校核纠错", recheck, evidence_url, evidence)


def recheck(ticket: Ticket) -> RecheckResult:
    """Read the record again in the lake."""
    item = _newest(ticket)
    if item is None:
        return RecheckResult(remaining=0, note="没有报告这个值的校核单")
    record = source.record_of(item.interface, source.key_of(item))
    if record is None:
        return RecheckResult(remaining=0, note="这条记录已从数源撤下")
    now = record.get(item.column, "")
    if now == source.value_of(item, "before"):
        if ticket.state == State.CHECKING:
            return RecheckResult(remaining=1, note="重新归集的数据里，这个值还和报告时一样")
        return RecheckResult(remaining=None, note="等待数源更正后重新归集")
    same = now == source.value_of(item, "right")
    told = "数源已按报告更正" if same else "数源已更正，查证后的值与报告的不同"
    return RecheckResult(remaining=0, note=told)


def _newest(ticket: Ticket) -> Correction | None:
    rows = Correction.objects.select_related("interface__resource").filter(ticket=ticket)
    return rows.order_by("-pk").first()


def evidence_url(ticket: Ticket) -> str:
    """The newest report."""
    item = _newest(ticket)
    return item.get_absolute_url() if item else reverse("sharing_corrections:corrections")


def evidence(actor: Actor, ticket: Ticket) -> Evidence:
    """Who reported what for which reason; the values are on the report's page, on record."""
    del actor
    found = Correction.objects.filter(ticket=ticket).select_related(
        "application__owner", "interface"
    )
    rows = tuple(
        (item.application.owner.short, item.application.name, item.column_title, item.evidence)
        for item in found[:SHOWN]
    )
    return Evidence(
        columns=("报告单位", "应用", "字段", "依据"), rows=rows, total=found.count(),
        sentence=str(ticket.evidence.get("sentence", "")),
        good=str(ticket.evidence.get("good", "")),
        links=(EvidenceLink(title="看校核单（主键和应为的值）", url=evidence_url(ticket)),),
        steps=(
            "在校核单里看原值，查证谁对。",
            "确实有误：在源系统更正并重新归集，平台比对到新值即自动办结，用过错值的应用都会收到通知。",
            "查证无误：点“提出异议”，写明理由，由数据主管部门裁定后答复报告单位。",
        ),
    )  # fmt: skip

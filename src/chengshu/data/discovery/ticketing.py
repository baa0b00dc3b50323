"""How tickets about differing values are looked at again."""

from django.urls import reverse

from chengshu.data.discovery.documents import shown
from chengshu.data.discovery.models import Conflict
from chengshu.data.discovery.services import duplicates
from chengshu.data.tickets.facade import (
    Evidence,
    EvidenceLink,
    RecheckResult,
    Ticket,
    register_kind,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import holds


def register() -> None:
    """Tell the tickets how to look again and what to show."""
    register_kind(duplicates.TICKET_KIND, "与数源不一致", recheck, evidence_url, evidence)


def _conflict(ticket: Ticket) -> Conflict | None:
    rows = Conflict.objects.filter(
        member__resource=ticket.resource_id, member__column=ticket.column
    )
    return rows.select_related("cluster", "member__resource__provider").first()


def recheck(ticket: Ticket) -> RecheckResult:
    """Count again over the lake."""
    found = _conflict(ticket)
    if found is None:
        return RecheckResult(remaining=0, note="这一项已不再需要和数源比对")
    duplicates.count_conflicts(found.cluster)
    found.refresh_from_db()
    return RecheckResult(remaining=found.differing, note=f"与数源比对 {found.compared:,} 个主体")


def evidence_url(ticket: Ticket) -> str:
    """Where the differing rows are."""
    found = _conflict(ticket)
    if found is None:
        return reverse("discovery:clusters")
    return reverse("discovery:conflict", args=[found.pk])


def evidence(actor: Actor, ticket: Ticket) -> Evidence:
    """The differing rows, masked."""
    found = _conflict(ticket)
    if found is None or not holds(actor, "discovery.view"):
        return Evidence()
    rows = masked_rows(actor, found)
    return Evidence(
        columns=("主体", "数源的值", "您单位的值"), rows=tuple(rows), total=found.differing,
        sentence=str(ticket.evidence.get("sentence", "")),
        good=str(ticket.evidence.get("good", "")),
        links=(EvidenceLink(title="查看比对", url=evidence_url(ticket)),),
    )  # fmt: skip


def masked_rows(actor: Actor, conflict: Conflict) -> list[tuple[str, str, str]]:
    """Differing rows as pages may show them."""
    return [
        (hidden(subject), shown(lead, "L2"), shown(mine, "L2"))
        for subject, lead, mine in duplicates.conflict_rows(actor=actor, conflict=conflict)
    ]


def hidden(number: str) -> str:
    """A person's or organisation's number with its middle starred."""
    return f"{number[:3]}{'*' * max(len(number) - 7, 3)}{number[-4:]}" if len(number) > 7 else "***"  # noqa: PLR2004

"""What follows from a finding: a draft of the entry, or a ticket to the department."""

from dataclasses import replace

from django.urls import reverse

from chengshu.data.catalog.facade import (
    edit_draft,
    start_change,
    version_content,
)
from chengshu.data.classification.models import Finding
from chengshu.data.tickets.facade import (
    Evidence,
    EvidenceLink,
    Severity,
    Ticket,
    open_ticket,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Conflict

TICKET_KIND = "classification.finding"


def raise_in_draft(*, actor: Actor, finding: Finding) -> int:
    """Write the proposed level and format into the entry's draft (a new one if none is open); returns its number.

    Raises:
        Conflict: a change is under review, or the column is not in the draft any more.
    """
    resource = finding.resource
    version = resource.working or start_change(actor=actor, resource=resource)
    if not version.editable:
        raise Conflict(
            f"“{resource.title}”有一个{version.get_state_display()}的版本，现在不能改。",
            kept="发现保持待确认。", advice="请等审核结束，或先撤回那个版本。",
        )  # fmt: skip
    content = version_content(version)
    if finding.column not in {item.name for item in content.items}:
        raise Conflict(
            f"草稿 v{version.number} 里已经没有“{finding.title}”。", kept="发现保持待确认。",
            advice="请重新扫描。",
        )  # fmt: skip
    items = tuple(
        replace(
            item, sensitivity=max(item.sensitivity, finding.proposed_level),
            format=item.format or finding.proposed_format,
        )
        if item.name == finding.column else item
        for item in content.items
    )  # fmt: skip
    note = f"{finding.title}含{finding.get_kind_display()}，按扫描结果调整分级"
    told = f"{content.change_note}；{note}" if content.change_note else note
    edit_draft(
        actor=actor, version=version, revision=version.revision,
        content=replace(content, items=items, change_note=told[:500]),
    )  # fmt: skip
    return version.number


def open_for(*, actor: Actor, finding: Finding) -> Ticket:
    """Open a ticket at the entry's department."""
    return open_ticket(
        actor=actor, kind=TICKET_KIND, resource_id=finding.resource_id,
        title=f"{finding.title}含{finding.get_kind_display()}，目录定为 {finding.declared_level}",
        key=f"{finding.resource_id}:{finding.column}:{finding.kind}", column=finding.column,
        rule="classification", rule_name="分级与数据相符", affected_rows=finding.hits,
        evidence={
            "finding": finding.pk, "sentence": finding.reason,
            "good": f"目录定为 {finding.proposed_level}，或数据中不再出现{finding.get_kind_display()}",
        },
        severity=Severity.NORMAL,
    )  # fmt: skip


def evidence_url(ticket: Ticket) -> str:
    """The finding's page."""
    return reverse("classification:finding", args=[ticket.evidence["finding"]])


def evidence(actor: Actor, ticket: Ticket) -> Evidence:
    """The masked examples."""
    del actor
    finding = Finding.objects.filter(pk=ticket.evidence.get("finding")).first()
    if finding is None:
        return Evidence()
    return Evidence(
        columns=(finding.title,), rows=tuple((text,) for text in finding.examples),
        total=finding.hits, sentence=finding.reason, good=ticket.evidence.get("good", ""),
        links=(EvidenceLink(title="看扫描发现", url=evidence_url(ticket), icon="scan"),),
    )  # fmt: skip

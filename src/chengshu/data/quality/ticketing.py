"""The adapter to 问题工单: a broken rule becomes a ticket, the next evaluation closes it."""

from collections.abc import Collection
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from chengshu.data.quality.choices import Severity
from chengshu.data.quality.models import Evaluation, Rule, RuleResult
from chengshu.data.tickets.facade import (
    RecheckResult,
    Ticket,
    open_ticket,
    register_kind,
    report_recheck,
)
from chengshu.data.tickets.facade import Severity as Urgency
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import check

KIND = "quality"
_URGENCY = {
    Severity.SEVERE: Urgency.HIGH, Severity.NORMAL: Urgency.NORMAL, Severity.SLIGHT: Urgency.LOW,
}  # fmt: skip


def register() -> None:
    """Tell tickets how to look again; from ``apps.py``."""
    register_kind(KIND, "质量规则", recheck, evidence_url)


def ticket_key(result: RuleResult) -> str:
    """The problem's name for good; a changed rule is another problem (its version is part of the name)."""
    version = ""
    if result.rule_id is not None:
        known = Rule.objects.filter(pk=result.rule_id).values_list("version", flat=True).first()
        version = f":v{known}"
    return f"{result.evaluation.resource_id}:{result.key}{version}"[:200]


def raise_ticket(*, actor: Actor, result: RuleResult) -> Ticket:
    """Open (or renew) the ticket of one broken rule for the department that provides the resource."""
    evaluation = result.evaluation
    check(actor, "quality.ticket.open", evaluation)
    return open_ticket(
        actor=actor, kind=KIND, resource_id=evaluation.resource_id, key=ticket_key(result),
        title=f"{result.title}：{result.total:,} 条", rule=result.key[:120], rule_name=result.title[:120],
        column=result.columns[0] if result.columns else "", affected_rows=result.total,
        evidence={
            "sentence": result.title, "good": "改正后重新归集或回放，下一次评价通过即自动办结。",
            "rule": result.key,
        },
        source_ref=f"evaluation:{evaluation.pk}", severity=_URGENCY[Severity(result.severity)],
    )  # fmt: skip


def recheck(ticket: Ticket) -> RecheckResult:
    """What the newest evaluation says of the ticket's rule."""
    latest = Evaluation.objects.filter(resource=ticket.resource_id, latest=True).first()
    if latest is None or latest.at < ticket.opened_at:
        return RecheckResult(remaining=None, note="等下一次质量评价。")
    result = latest.results.filter(key=ticket.evidence.get("rule", ticket.rule)).first()
    if result is None:
        return RecheckResult(remaining=0, note="这条规则已经停用或撤销。")
    if result.error:
        return RecheckResult(remaining=None, note=f"规则没有执行：{result.error}"[:300])
    note = f"{timezone.localtime(latest.at):%Y-%m-%d %H:%M} 评价：还有 {result.total:,} 条。"
    return RecheckResult(remaining=result.total, note=note if result.total else "质量评价已通过。")


def evidence_url(ticket: Ticket) -> str:
    """The failing rows of the ticket's rule."""
    rule = ticket.evidence.get("rule", ticket.rule)
    return f"{reverse('quality:rows', args=[ticket.resource_id])}?{urlencode({'rule': rule})}"


def recheck_open(resource_ids: Collection[int]) -> None:
    """After an evaluation: every open ticket of these resources learns what is left."""
    for ticket in Ticket.objects.filter(kind=KIND, resource__in=resource_ids).exclude(
        state="closed"
    ):
        report_recheck(actor=platform("质量评价"), ticket=ticket, result=recheck(ticket))

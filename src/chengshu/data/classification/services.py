"""Scan, decide, remember."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils import timezone

from chengshu.data.catalog.facade import (
    PublishedResource,
    Resource,
    published_by_id,
    published_queryset,
)
from chengshu.data.classification import correction
from chengshu.data.classification.choices import FindingState
from chengshu.data.classification.models import Finding, ResourceScan
from chengshu.data.classification.proposal import Proposal
from chengshu.data.classification.scanning import ScanResult, scan_table
from chengshu.data.tickets.facade import RecheckResult, Ticket
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check, scope
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work

LEAST_REASON = 4


def request_scan(*, actor: Actor, resource: Resource | None = None) -> Job:
    """Queue the scan of one entry, or of everything the actor may scan.

    Raises:
        NotAllowed: the actor may not scan it.
    """
    check(actor, "classification.scan", resource)
    if resource is not None:
        codes = [resource.code]
    else:
        found = scope(actor, "classification.scan", published_queryset())
        codes = list(found.order_by("code").values_list("code", flat=True))
    with unit_of_work():
        job = enqueue(
            "classification.scan", actor=actor, unit="张表", arguments={"codes": codes},
            title=f"分级扫描：{resource.title}" if resource else f"分级扫描：{len(codes)} 个资源",
        )  # fmt: skip
        record(
            actor=actor, action="classification.scan_requested", obj=resource,
            after={"resources": len(codes)},
        )  # fmt: skip
    return job


def mark_stale(resource_code: str) -> None:
    """New data or a new catalogue version: the entry is scanned again by the next round."""
    resource = Resource.objects.filter(code=resource_code).first()
    if resource is None:
        return
    changed = ResourceScan.objects.filter(resource=resource).update(stale=True)
    if not changed:
        ResourceScan.objects.get_or_create(resource=resource)


def waiting() -> QuerySet[Resource]:
    """Published entries whose data or description changed since the last scan, or that have none."""
    return published_queryset().exclude(classification_scan__stale=False).order_by("code")


def scan(resource: PublishedResource) -> ScanResult | None:
    """Scan one entry and bring its findings up to date; safe to repeat."""
    result = scan_table(resource)
    with unit_of_work():
        state, _ = ResourceScan.objects.select_for_update().get_or_create(resource_id=resource.id)
        state.stale = False
        state.scanned_at, state.catalogue_version = timezone.now(), resource.version
        if result is None:
            state.error = "还没有归集数据"
            state.save()
            return None
        state.lake_version, state.rows, state.looked_at = (
            result.version,
            result.rows,
            result.looked_at,
        )
        state.columns, state.blind_share = result.columns, result.blind_share
        state.seconds, state.error = result.seconds, ""
        state.save()
        opened = _keep(resource, result.found)
        if opened:
            emit(
                type="city.classification.found", source="classification", subject=resource.code,
                data={"findings": opened},
            )  # fmt: skip
    return result


def _keep(resource: PublishedResource, found: Iterable[tuple[str, Proposal]]) -> int:
    """Write findings; returns how many were not known. Decisions of people stay."""
    known = {(f.column, f.kind): f for f in Finding.objects.filter(resource_id=resource.id)}
    seen: set[tuple[str, str]] = set()
    fresh = 0
    for column, proposal in found:
        key = (column, proposal.finding.kind.value)
        seen.add(key)
        item = known.get(key)
        if item is None:
            item = Finding(resource_id=resource.id, column=column, kind=key[1])
            fresh += 1
        elif item.state in {FindingState.GONE, FindingState.ACCEPTED}:
            # Accepted, and the published catalogue still says too little, or it came back: look again.
            pending = item.state == FindingState.ACCEPTED and _pending(resource.id)
            item.state = item.state if pending else FindingState.OPEN
        _fill(item, resource, proposal)
        item.save()
    gone = [f.pk for key, f in known.items() if key not in seen and f.state == FindingState.OPEN]
    Finding.objects.filter(pk__in=gone).update(state=FindingState.GONE, last_seen=timezone.now())
    return fresh


def _pending(resource_id: int) -> bool:
    """Whether a change of the entry is being written or reviewed."""
    return Resource.objects.filter(pk=resource_id, working__isnull=False).exists()


def _fill(item: Finding, resource: PublishedResource, proposal: Proposal) -> None:
    spec, found = resource.column(item.column), proposal.finding
    item.title, item.gap, item.embedded = spec.title, proposal.gap, found.embedded
    item.share, item.hits, item.filled = found.share, found.hits, found.filled
    item.confidence, item.reason = found.confidence, found.reason[:300]
    item.examples = list(found.examples)
    item.declared_level, item.proposed_level = spec.sensitivity or "L1", proposal.level
    item.declared_format, item.proposed_format = str(spec.format or ""), proposal.form
    item.national_class, item.last_seen = proposal.national_class, timezone.now()


def accept(*, actor: Actor, finding: Finding) -> Finding:
    """Take a finding over into a draft of the entry's next version.

    Raises:
        Conflict: decided already, or somebody else's change of the entry is under review.
        NotAllowed: the actor may not decide, or may not edit the entry.
    """
    check(actor, "classification.decide", finding)
    with unit_of_work():
        item = _open(finding)
        number = correction.raise_in_draft(actor=actor, finding=item)
        _decide(item, actor, FindingState.ACCEPTED, f"已写入目录草稿 v{number}")
        record(
            actor=actor, action="classification.accepted", obj=item,
            after={"level": item.proposed_level, "format": item.proposed_format},
        )  # fmt: skip
        emit(
            type="city.classification.accepted", source="classification",
            subject=item.resource.code, data={"column": item.column, "kind": item.kind},
        )  # fmt: skip
    return item


def hand_over(*, actor: Actor, finding: Finding) -> Finding:
    """Ask the department by a ticket to correct the catalogue or the data.

    Raises:
        Conflict: decided already. NotAllowed: the actor may not decide or open tickets.
    """
    check(actor, "classification.decide", finding)
    with unit_of_work():
        item = _open(finding)
        ticket = correction.open_for(actor=actor, finding=item)
        item.decision = f"已发工单 {ticket.number}，等待单位更正"[:300]
        item.save(update_fields=["decision"])
        record(actor=actor, action="classification.handed_over", obj=item,
               after={"ticket": ticket.number})  # fmt: skip
    return item


def dismiss(*, actor: Actor, finding: Finding, reason: str) -> Finding:
    """Note a false alarm; it is not raised again for this column and kind.

    Raises:
        InvalidInput: no real reason. Conflict: decided already.
    """
    check(actor, "classification.decide", finding)
    reason = reason.strip()
    if len(reason) < LEAST_REASON:
        raise InvalidInput(
            "请写明为什么是误报。", kept="没有改变状态。", fields={"reason": "请至少写 4 个字"}
        )
    with unit_of_work():
        item = _open(finding)
        _decide(item, actor, FindingState.DISMISSED, reason)
        record(actor=actor, action="classification.dismissed", obj=item, reason=reason)
    return item


def reopen(*, actor: Actor, finding: Finding) -> Finding:
    """Take a decision back.

    Raises:
        Conflict: nothing was decided.
    """
    check(actor, "classification.decide", finding)
    with unit_of_work():
        item = Finding.objects.select_for_update(of=("self",)).get(pk=finding.pk)
        if item.state not in {FindingState.DISMISSED, FindingState.ACCEPTED}:
            raise Conflict("这一条没有处理过，不用撤回。", kept="没有改变状态。")
        _decide(item, actor, FindingState.OPEN, "")
        record(actor=actor, action="classification.reopened", obj=item)
    return item


def _open(finding: Finding) -> Finding:
    item = (
        Finding.objects.select_for_update(of=("self",))
        .select_related("resource__provider", "resource__published", "resource__working")
        .get(pk=finding.pk)
    )
    if item.state != FindingState.OPEN:
        raise Conflict(
            f"这一条{item.get_state_display()}，不能再处理。", kept="没有改变状态。",
            advice="要改变决定，请先“撤回处理”。",
        )  # fmt: skip
    return item


def _decide(item: Finding, actor: Actor, state: FindingState, text: str) -> None:
    item.state, item.decision = state, text[:300]
    item.decided_by, item.decided_at = actor.account, timezone.now()
    item.save(update_fields=["state", "decision", "decided_by", "decided_at"])


__all__ = [
    "accept",
    "dismiss",
    "hand_over",
    "mark_stale",
    "reopen",
    "request_scan",
    "scan",
    "waiting",
]


def recheck(ticket: Ticket) -> RecheckResult:
    """Scan the entry's table again and count what is left."""
    scan(published_by_id(ticket.resource_id))
    finding = Finding.objects.filter(pk=ticket.evidence.get("finding")).first()
    if finding is None or finding.state in {FindingState.GONE, FindingState.DISMISSED}:
        return RecheckResult(remaining=0, note="重新扫描后没有再发现。")
    return RecheckResult(remaining=finding.hits, note=f"重新扫描仍有 {finding.hits:,} 条。")

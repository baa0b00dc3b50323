"""Plan what of a resource goes to a platform; another person approves it; then it delivers.

Fields of level L4 never leave. Sensitive fields leave masked, as the level proposes, unless the plan says otherwise and
the approver agrees. Whatever is changed afterwards needs a new approval: the digest of what was approved is kept.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from chengshu.data.cascade.choices import Cycle, FileFormat, Mode, PlanState
from chengshu.data.cascade.models import RECEIPT_DAYS, ROWS_PER_PART, Plan, Platform
from chengshu.data.cascade.services.platforms import MANAGE
from chengshu.data.catalog.facade import Level, PublishedResource, published, published_by_id
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.protection.facade import NONE, sharing_mask
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.events.services import emit
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway import rowfilter
from chengshu_gateway.masks import MaskError, parse

APPROVE = "cascade.approve"
MOST_PART_ROWS, MOST_RECEIPT_DAYS = 500_000, 60
_STEPS = {Cycle.DAILY: 1, Cycle.WEEKLY: 7, Cycle.MONTHLY: 30}
_TYPES = {
    "text": "text", "integer": "integer", "decimal": "decimal", "date": "date",
    "datetime": "timestamp", "boolean": "boolean",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanContent:
    """A plan as somebody fills it in; ``masks`` None takes what the levels propose."""

    fields: Sequence[str]
    basis: str
    masks: Mapping[str, str] | None = None
    row_filter: Any = None
    mode: str = Mode.FULL
    cycle: str = Cycle.MANUAL
    file_format: str = FileFormat.CSV
    part_rows: int = ROWS_PER_PART
    receipt_days: int = RECEIPT_DAYS


def may_leave(resource: PublishedResource) -> list[ColumnSpec]:
    """The columns that may be delivered at all."""
    return [c for c in resource.columns if (c.sensitivity or Level.L1) < Level.L4]


def proposed_masks(columns: Sequence[ColumnSpec]) -> dict[str, str]:
    """The mask the level of each column proposes; the key is never masked, rows could not be told apart."""
    found = {}
    for c in columns:
        mask = sharing_mask({
            "name": c.name, "title": c.title, "type": str(c.type), "format": str(c.format or ""),
            "sensitivity": c.sensitivity or "",
        })  # fmt: skip
        if mask != NONE and not c.key:
            found[c.name] = mask
    return found


def gateway_types(columns: Sequence[ColumnSpec]) -> dict[str, str]:
    """Column name → type in the language of row filters."""
    return {c.name: _TYPES[str(c.type)] for c in columns}


def create(
    *, actor: Actor, platform: Platform, resource_code: str, dataset: str = "", content: PlanContent
) -> Plan:
    """Write a plan; it delivers nothing before another person has approved it.

    Raises:
        InvalidInput: with messages by field. Conflict: the entry is not published.
    """
    resource = published(resource_code)
    item = Plan(
        platform=platform, resource_id=resource.id, dataset=dataset or resource.physical_name,
        planned_by=actor.account,
    )  # fmt: skip
    check(actor, MANAGE, item)
    if Plan.objects.filter(platform=platform, dataset=item.dataset).exists():
        raise InvalidInput(
            "计划没有保存。", fields={"resource": "这个资源已有送往该平台的计划，请直接修改它"}
        )
    _fill(item, resource, content)
    with unit_of_work():
        item.save(force_insert=True)
        record(actor=actor, action="cascade.plan_created", obj=item, after=told(item))
    return item


def change(*, actor: Actor, plan: Plan, content: PlanContent) -> Plan:
    """Change a plan; what was approved before no longer holds.

    Raises:
        InvalidInput: as :func:`create`.
    """
    check(actor, MANAGE, plan)
    before = told(plan)
    _fill(plan, published_by_id(plan.resource_id), content)
    plan.state, plan.planned_by = PlanState.DRAFT, actor.account
    plan.approved_by, plan.approved_at, plan.approved_digest = None, None, ""
    with unit_of_work():
        plan.save()
        record(
            actor=actor, action="cascade.plan_changed", obj=plan, before=before, after=told(plan)
        )
    return plan


def _fill(item: Plan, resource: PublishedResource, content: PlanContent) -> None:
    columns = {c.name: c for c in may_leave(resource)}
    chosen = [name for name in columns if name in set(content.fields)]
    masks = content.masks
    if masks is None:
        masks = proposed_masks([columns[name] for name in chosen])
    masks = {name: mask for name, mask in masks.items() if mask != NONE and name in chosen}
    problems = _problems(resource, content, chosen, masks)
    if problems:
        raise InvalidInput("计划没有保存。", fields=problems)
    item.fields, item.masks, item.row_filter = chosen, masks, content.row_filter
    item.mode, item.cycle, item.file_format = content.mode, content.cycle, content.file_format
    item.part_rows, item.receipt_days = content.part_rows, content.receipt_days
    item.basis = content.basis.strip()[:300]


def _problems(
    resource: PublishedResource,
    content: PlanContent,
    chosen: Sequence[str],
    masks: Mapping[str, str],
) -> dict[str, str]:
    problems = {}
    forbidden = sorted(set(content.fields) - set(chosen))
    if forbidden:
        problems["fields"] = f"L4 或目录中没有的字段不能上报：{'、'.join(forbidden)}"
    elif not set(resource.key) <= set(chosen):
        problems["fields"] = "主键字段必须上报，否则对方认不出同一条记录"
    for name, mask in masks.items():
        try:
            parse(mask)
        except MaskError as error:
            problems["masks"] = f"{resource.column(name).title}：{error}"
    if content.row_filter is not None:
        try:
            rowfilter.validate(content.row_filter, gateway_types(resource.columns))
        except rowfilter.FilterError as error:
            problems["row_filter"] = str(error)
    if not content.basis.strip():
        problems["basis"] = "请写明依据，如省级文件的名称和文号"
    if not 1 <= content.part_rows <= MOST_PART_ROWS:
        problems["part_rows"] = f"1 至 {MOST_PART_ROWS:,}"
    if not 1 <= content.receipt_days <= MOST_RECEIPT_DAYS:
        problems["receipt_days"] = f"1 至 {MOST_RECEIPT_DAYS}"
    return problems


def digest(plan: Plan) -> str:
    """What an approval is about."""
    text = json.dumps(
        [plan.platform_id, plan.resource_id, plan.dataset, plan.fields, plan.masks, plan.row_filter,
         plan.mode, plan.cycle, plan.file_format, plan.basis],
        ensure_ascii=False, sort_keys=True,
    )  # fmt: skip
    return hashlib.sha256(text.encode()).hexdigest()


def told(plan: Plan) -> dict[str, Any]:
    """A plan as audit keeps it."""
    return {
        "platform": plan.platform.name, "dataset": plan.dataset, "fields": plan.fields,
        "masks": plan.masks, "row_filter": plan.row_filter, "mode": plan.mode,
        "cycle": plan.cycle, "basis": plan.basis, "digest": digest(plan),
    }  # fmt: skip


def submit(*, actor: Actor, plan: Plan) -> None:
    """Ask for the approval.

    Raises:
        Conflict: it is not a draft.
    """
    check(actor, MANAGE, plan)
    with unit_of_work():
        item = _locked(plan, PlanState.DRAFT, PlanState.RETURNED)
        item.state, item.planned_by = PlanState.SUBMITTED, actor.account
        item.save(update_fields=["state", "planned_by"])
        record(actor=actor, action="cascade.plan_submitted", obj=item, after=told(item))
        notify(
            organization=item.resource.provider, permission=APPROVE,
            title=f"请审批上报计划：{item}", body=f"依据：{item.basis}", url=item.get_absolute_url(),
        )  # fmt: skip
    plan.refresh_from_db()


def decide(*, actor: Actor, plan: Plan, agree: bool, reason: str = "") -> None:
    """Approve a plan, or send it back with a reason; never by who planned it.

    Raises:
        NotAllowed: the actor planned it. Conflict: it does not wait for an approval. InvalidInput: no reason.
    """
    check(actor, APPROVE, plan)
    if not agree and not reason.strip():
        raise InvalidInput("没有退回。", fields={"reason": "请写明原因"})
    with unit_of_work():
        item = _locked(plan, PlanState.SUBMITTED)
        if actor.account is None or actor.account == item.planned_by:
            raise NotAllowed(
                "计划要由另一个人审批。", kept="没有做任何改动。", advice="请同事来审批。"
            )
        if agree:
            _require_safe(item)
            item.state, item.state_reason = PlanState.ACTIVE, ""
            item.approved_by, item.approved_at = actor.account, timezone.now()
            item.approved_digest, item.next_at = digest(item), next_run(item, timezone.now())
        else:
            item.state, item.state_reason = PlanState.RETURNED, reason.strip()[:300]
        item.save()
        record(
            actor=actor, action="cascade.plan_approved" if agree else "cascade.plan_returned",
            obj=item, after=told(item), reason=reason,
        )  # fmt: skip
        emit(
            type="city.cascade.plan.decided", source="cascade", subject=str(item.pk),
            data={"platform": item.platform_id, "dataset": item.dataset, "state": item.state},
        )  # fmt: skip
    plan.refresh_from_db()


def set_running(*, actor: Actor, plan: Plan, active: bool) -> None:
    """Pause an approved plan, or go on with it.

    Raises:
        Conflict: it is not in the other state.
    """
    check(actor, MANAGE, plan)
    with unit_of_work():
        item = _locked(plan, PlanState.PAUSED if active else PlanState.ACTIVE)
        item.state = PlanState.ACTIVE if active else PlanState.PAUSED
        item.next_at = next_run(item, timezone.now()) if active else None
        item.save(update_fields=["state", "next_at"])
        record(actor=actor, action="cascade.plan_state", obj=item, after={"state": item.state})
    plan.refresh_from_db()


def _require_safe(item: Plan) -> None:
    """A field's level may have risen since the plan was written."""
    held = {c.name for c in may_leave(published_by_id(item.resource_id))}
    gone = [name for name in item.fields if name not in held]
    if gone:
        raise Conflict(
            f"字段 {'、'.join(gone)} 现在是 L4 或已从目录撤下，不能上报。",
            kept="没有送出任何数据。", advice="请修改计划，去掉这些字段后重新提交审批。",
        )  # fmt: skip


def require_approved(item: Plan) -> None:
    """Raise unless exactly this plan was approved and nothing in it has become L4.

    Raises:
        Conflict: says what is missing.
    """
    if item.state != PlanState.ACTIVE or item.approved_digest != digest(item):
        raise Conflict(
            f"“{item}”没有生效的审批。", kept="没有送出任何数据。", advice="请提交审批，由另一个人同意后再送。"
        )  # fmt: skip
    _require_safe(item)


def next_run(plan: Plan, now: datetime) -> datetime | None:
    """When the plan delivers next; None by hand only."""
    days = _STEPS.get(Cycle(plan.cycle))
    return now + timedelta(days=days) if days else None


def _locked(plan: Plan, *states: PlanState) -> Plan:
    rows = Plan.objects.select_for_update(of=("self",)).select_related(
        "platform", "resource__provider"
    )
    item = rows.get(pk=plan.pk)
    if item.state not in states:
        raise Conflict(
            f"“{item}”现在是“{item.get_state_display()}”，不能这样做。", kept="没有做任何改动。"
        )
    return item

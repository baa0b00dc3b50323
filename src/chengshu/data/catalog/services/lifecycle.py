"""Suspend, resume and retire published entries, always with a reason; whoever uses them is told."""

from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from chengshu.data.catalog.change.consumers import Consumer, consumers_of
from chengshu.data.catalog.change.models import PlannedRetirement
from chengshu.data.catalog.change.notices import tell_provider, tell_users
from chengshu.data.catalog.choices import ResourceState
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.services.locking import lock_resource
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.calendar.working_days import local_date
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.unit_of_work import unit_of_work

PERMISSION = "catalog.resource.suspend"


def suspend(*, actor: Actor, resource: Resource, reason: str) -> Resource:
    """Stop an entry for the time being; everybody who uses it is told, with the reason.

    Raises:
        InvalidInput: no reason. Conflict: the entry is not published.
    """
    return _move(actor, resource, reason, _SUSPEND)


def resume(*, actor: Actor, resource: Resource, reason: str) -> Resource:
    """Put a suspended entry back into service."""
    return _move(actor, resource, reason, _RESUME)


def retire(
    *, actor: Actor, resource: Resource, reason: str, force_on: date | None = None
) -> Resource:
    """Withdraw an entry for good; code, versions and history stay.

    While grants on it are active it is refused, unless ``force_on`` names the day: that day it is withdrawn in spite
    of them (today: at once), and their owners are told now.

    Raises:
        Conflict: a version of it is still being written or reviewed, or grants on it are active.
        InvalidInput: no reason, or a day in the past.
    """
    users = [c for c in consumers_of(resource.pk) if c.binding]
    today = local_date(timezone.now())
    if force_on is None:
        if users:
            raise _still_used(resource, users)
    elif force_on < today:
        raise InvalidInput(
            "撤销日期不能早于今天。", kept="没有做任何改动。", fields={"force_on": "请选今天或以后"}
        )
    elif force_on > today:
        return _plan_retirement(actor, resource, reason, force_on)
    return _move(actor, resource, reason, _RETIRE)


def cancel_retirement(*, actor: Actor, resource: Resource) -> None:
    """Take a planned retirement back; users are told.

    Raises:
        Conflict: none is planned.
    """
    check(actor, PERMISSION, resource)
    with unit_of_work():
        lock_resource(resource, actor=actor, permission=PERMISSION)
        planned = PlannedRetirement.objects.filter(resource=resource).first()
        if planned is None:
            raise Conflict("没有安排撤销这个目录。", kept="没有做任何改动。")
        tell_users(
            resource=resource, consumers=consumers_of(resource.pk),
            title=f"“{resource.title}”不再撤销", body=f"原定 {planned.on:%Y-%m-%d} 的撤销已取消。",
            key=f"catalog.unretire:{planned.pk}",
        )  # fmt: skip
        record(
            actor=actor, action="catalog.resource.retirement_cancelled", obj=resource,
            before={"on": planned.on.isoformat()},
        )  # fmt: skip
        planned.delete()


def retire_due(*, actor: Actor, today: date) -> int:
    """Retire what was planned for ``today`` or before; returns how many. Entries that cannot be are left for people."""
    done = 0
    due = PlannedRetirement.objects.filter(on__lte=today).select_related("resource")
    for planned in list(due):
        try:
            _move(actor, planned.resource, planned.reason, _RETIRE)
        except Conflict as problem:
            tell_provider(
                resource=planned.resource, title=f"“{planned.resource.title}”没能按时撤销",
                body=problem.detail, key=f"catalog.retire_failed:{planned.pk}:{today:%F}",
            )  # fmt: skip
        else:
            done += 1
    return done


def _plan_retirement(actor: Actor, resource: Resource, reason: str, day: date) -> Resource:
    check(actor, PERMISSION, resource)
    _demand_reason(reason)
    with unit_of_work():
        locked = lock_resource(resource, actor=actor, permission=PERMISSION)
        _refuse_wrong_state(locked, _RETIRE)
        planned, _new = PlannedRetirement.objects.update_or_create(
            resource=locked,
            defaults={
                "on": day, "reason": reason.strip()[:300], "planned_at": timezone.now(),
                "planned_by": actor.account,
            },
        )  # fmt: skip
        record(
            actor=actor, action="catalog.resource.retirement_planned", obj=locked,
            after={"on": day.isoformat()}, reason=reason.strip(),
        )  # fmt: skip
        tell_users(
            resource=locked, consumers=consumers_of(locked.pk),
            title=f"您在用的“{locked.title}”将于 {day:%Y-%m-%d} 撤销",
            body=f"原因：{reason.strip()}\n请在此之前改用其他数据。",
            key=f"catalog.retire_planned:{planned.pk}:{day:%F}",
        )  # fmt: skip
    return locked


def _still_used(resource: Resource, users: list[Consumer]) -> Conflict:
    names = "、".join(f"{c.owner_name}的{c.name}" for c in users[:3])
    more = f"等 {len(users)} 个" if len(users) > 1 else ""
    return Conflict(
        f"“{resource.title}”还有有效的共享授权：{names}{more}，不能直接撤销。",
        kept="没有做任何改动。",
        advice="请先收回授权，或勾选“仍要撤销”并定下日期，平台会通知使用单位。",
    )


@dataclass(frozen=True, slots=True)
class _Move:
    """A step of an entry's life: from which states to which."""

    verb: str
    word: str
    allowed: tuple[ResourceState, ...]
    target: ResourceState
    effect: str


_SUSPEND = _Move(
    "suspended",
    "暂停",
    (ResourceState.PUBLISHED,),
    ResourceState.SUSPENDED,
    "恢复之前接口不再应答，开放数据不再更新。",
)
_RESUME = _Move(
    "resumed", "恢复", (ResourceState.SUSPENDED,), ResourceState.PUBLISHED, "现在可以继续使用。"
)
_RETIRE = _Move(
    "retired", "撤销", (ResourceState.PUBLISHED, ResourceState.SUSPENDED), ResourceState.RETIRED,
    "今后不能再使用，请改用其他数据。",
)  # fmt: skip


def _demand_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("请写明原因。", kept="没有做任何改动。", fields={"reason": "请写明原因"})


def _refuse_wrong_state(locked: Resource, move: _Move) -> None:
    if locked.state not in move.allowed:
        raise Conflict(
            f"“{locked.title}”现在是“{locked.get_state_display()}”，不能{move.word}。",
            kept="没有做任何改动。",
        )
    if move.target == ResourceState.RETIRED and locked.working is not None:
        raise Conflict("还有未完成的变更版本。", advice="请先放弃或处理完它，再撤销目录。")


def _move(actor: Actor, resource: Resource, reason: str, move: _Move) -> Resource:
    check(actor, PERMISSION, resource)
    _demand_reason(reason)
    with unit_of_work():
        locked = lock_resource(resource, actor=actor, permission=PERMISSION)
        _refuse_wrong_state(locked, move)
        before = locked.state
        locked.state, locked.state_reason = move.target, reason.strip()[:300]
        locked.updated_at = timezone.now()
        locked.save(update_fields=["state", "state_reason", "updated_at"])
        act = record(
            actor=actor, action=f"catalog.resource.{move.verb}", obj=locked,
            before={"state": before}, after={"state": move.target}, reason=reason.strip(),
        )  # fmt: skip
        _tell(locked, move, reason.strip(), f"catalog.{move.verb}:{locked.pk}:{act.seq}")
        emit(
            type=f"city.catalog.resource.{move.verb}", source="catalog", subject=locked.code,
            data={
                "id": locked.pk, "code": locked.code, "title": locked.title,
                "reason": reason.strip(),
            },
        )  # fmt: skip
    return locked


def _tell(resource: Resource, move: _Move, reason: str, key: str) -> None:
    """Tell the provider and every user; a planned retirement is fulfilled or void now."""
    if move.target == ResourceState.RETIRED:
        PlannedRetirement.objects.filter(resource=resource).delete()
    body = f"原因：{reason}"
    tell_provider(resource=resource, title=f"“{resource.title}”已{move.word}", body=body, key=key)
    tell_users(
        resource=resource, consumers=consumers_of(resource.pk),
        title=f"您在用的“{resource.title}”已{move.word}", body=f"{body}\n{move.effect}", key=key,
    )  # fmt: skip

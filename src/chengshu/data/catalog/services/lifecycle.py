"""Suspend, resume and retire published entries, always with a reason."""

from dataclasses import dataclass

from django.utils import timezone

from chengshu.data.catalog.choices import ResourceState
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.services.locking import lock_resource
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.unit_of_work import unit_of_work

PERMISSION = "catalog.resource.suspend"


def suspend(*, actor: Actor, resource: Resource, reason: str) -> Resource:
    """Stop an entry for the time being; its users are told through the event.

    Raises:
        InvalidInput: no reason. Conflict: the entry is not published.
    """
    return _move(actor, resource, reason, _SUSPEND)


def resume(*, actor: Actor, resource: Resource, reason: str) -> Resource:
    """Put a suspended entry back into service."""
    return _move(actor, resource, reason, _RESUME)


def retire(*, actor: Actor, resource: Resource, reason: str) -> Resource:
    """Withdraw an entry for good; code, versions and history stay.

    Raises:
        Conflict: a version of it is still being written or reviewed.
    """
    return _move(actor, resource, reason, _RETIRE)


@dataclass(frozen=True, slots=True)
class _Move:
    """A step of an entry's life: from which states to which."""

    verb: str
    word: str
    allowed: tuple[ResourceState, ...]
    target: ResourceState


_SUSPEND = _Move("suspended", "暂停", (ResourceState.PUBLISHED,), ResourceState.SUSPENDED)
_RESUME = _Move("resumed", "恢复", (ResourceState.SUSPENDED,), ResourceState.PUBLISHED)
_RETIRE = _Move(
    "retired", "撤销", (ResourceState.PUBLISHED, ResourceState.SUSPENDED), ResourceState.RETIRED
)


def _move(actor: Actor, resource: Resource, reason: str, move: _Move) -> Resource:
    check(actor, PERMISSION, resource)
    if not reason.strip():
        raise InvalidInput("请写明原因。", kept="没有做任何改动。", fields={"reason": "请写明原因"})
    with unit_of_work():
        locked = lock_resource(resource, actor=actor, permission=PERMISSION)
        if locked.state not in move.allowed:
            raise Conflict(
                f"“{locked.title}”现在是“{locked.get_state_display()}”，不能{move.word}。",
                kept="没有做任何改动。",
            )
        if move.target == ResourceState.RETIRED and locked.working is not None:
            raise Conflict("还有未完成的变更版本。", advice="请先放弃或处理完它，再撤销目录。")
        before = locked.state
        locked.state, locked.state_reason = move.target, reason.strip()[:300]
        locked.updated_at = timezone.now()
        locked.save(update_fields=["state", "state_reason", "updated_at"])
        record(
            actor=actor, action=f"catalog.resource.{move.verb}", obj=locked,
            before={"state": before}, after={"state": move.target}, reason=reason.strip(),
        )  # fmt: skip
        emit(
            type=f"city.catalog.resource.{move.verb}", source="catalog", subject=locked.code,
            data={
                "id": locked.pk, "code": locked.code, "title": locked.title,
                "reason": reason.strip(),
            },
        )  # fmt: skip
    return locked

"""Register and edit information systems."""

from dataclasses import asdict
from typing import Any

from django.utils import timezone

from chengshu.data.catalog.models import BusinessItem, InformationSystem
from chengshu.data.catalog.services.locking import refuse_stale
from chengshu.data.catalog.systems import STORED_FIELDS, SystemContent, content_of, problems
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work


def register_system(
    *, actor: Actor, code: str, owner: Organization, content: SystemContent
) -> InformationSystem:
    """Register a system of ``owner``.

    Raises:
        NotAllowed: the owner is outside the actor's scope.
        InvalidInput: a field is wrong or the code is taken.
    """
    check(actor, "catalog.system.edit", owner)
    found = problems(code, content)
    if not found and InformationSystem.objects.filter(code=code).exists():
        found["code"] = "这个系统代码已经登记过"
    if found:
        raise InvalidInput("系统没有登记：" + "；".join(found.values()) + "。", fields=found)
    with unit_of_work():
        system = InformationSystem.objects.create(
            code=code, owner=owner, edited_by=actor.account, **_stored(content)
        )
        _serve(system, content.business_codes)
        record(
            actor=actor, action="catalog.system.registered", obj=system,
            after={"code": code, "owner": owner.code, **asdict(content)},
        )  # fmt: skip
        emit(
            type="city.catalog.system.registered", source="catalog", subject=code,
            data={"id": system.pk, "code": code},
        )  # fmt: skip
    return system


def edit_system(
    *, actor: Actor, system: InformationSystem, revision: int, content: SystemContent
) -> InformationSystem:
    """Change a system's registration; code and owner stay.

    Raises:
        Conflict: somebody else saved after ``revision`` was read; says who and when.
    """
    check(actor, "catalog.system.edit", system)
    found = problems(system.code, content)
    if found:
        raise InvalidInput("修改没有保存：" + "；".join(found.values()) + "。", fields=found)
    with unit_of_work():
        locked = InformationSystem.objects.select_for_update().get(pk=system.pk)
        refuse_stale(locked, revision)
        before = asdict(content_of(locked))
        for name, value in _stored(content).items():
            setattr(locked, name, value)
        locked.revision += 1
        locked.edited_at, locked.edited_by = timezone.now(), actor.account
        locked.save()
        _serve(locked, content.business_codes)
        record(
            actor=actor, action="catalog.system.edited", obj=locked,
            before=before, after=asdict(content),
        )  # fmt: skip
        emit(
            type="city.catalog.system.edited", source="catalog", subject=locked.code,
            data={"id": locked.pk, "code": locked.code},
        )  # fmt: skip
    return locked


def _stored(content: SystemContent) -> dict[str, Any]:
    return {name: getattr(content, name) for name in STORED_FIELDS}


def _serve(system: InformationSystem, codes: tuple[str, ...]) -> None:
    """Make the system's business items those named."""
    found = {item.code: item for item in BusinessItem.objects.filter(code__in=codes)}
    if absent := [code for code in codes if code not in found]:
        text = f"没有事项编码为“{'、'.join(absent)}”的业务事项"
        raise InvalidInput(f"{text}。", kept="没有保存。", fields={"business_codes": text})
    system.business_items.set(found.values())

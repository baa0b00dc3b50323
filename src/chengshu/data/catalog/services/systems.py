"""Register and edit information systems."""

import re
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.utils import timezone

from chengshu.data.catalog.choices import ProtectionLevel, SystemStatus
from chengshu.data.catalog.models import InformationSystem
from chengshu.data.catalog.services.locking import refuse_stale
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemContent:
    """What is registered about a system besides its code and owner."""

    name: str
    purpose: str
    security_level: str
    network: str = ""
    cloud: str = ""
    status: str = SystemStatus.RUNNING
    online_since: date | None = None


SYSTEM_FIELDS = tuple(SystemContent.__dataclass_fields__)


def content_of(system: InformationSystem) -> SystemContent:
    """The stored content of a system."""
    return SystemContent(**{name: getattr(system, name) for name in SYSTEM_FIELDS})


def problems(code: str, content: SystemContent) -> dict[str, str]:
    """Messages by field; empty when the system may be saved."""
    found: dict[str, str] = {}
    if not CODE.fullmatch(code):
        found["code"] = "系统代码用字母、数字、点、横线或下划线，最多 40 个字符"
    for name in ("name", "purpose", "network", "cloud"):
        field: Any = InformationSystem._meta.get_field(name)
        value = getattr(content, name)
        if not value.strip() and not field.blank:
            found[name] = f"请填写{field.verbose_name}"
        elif len(value) > field.max_length:
            found[name] = f"{field.verbose_name}最多 {field.max_length} 个字"
    if content.security_level not in ProtectionLevel.values:
        found["security_level"] = "请选择等保级别（一级至四级）"
    if content.status not in SystemStatus.values:
        found["status"] = f"请选择状态：{'、'.join(SystemStatus.labels)}"
    return found


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
            code=code, owner=owner, edited_by=actor.account, **asdict(content)
        )
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
        for name, value in asdict(content).items():
            setattr(locked, name, value)
        locked.revision += 1
        locked.edited_at, locked.edited_by = timezone.now(), actor.account
        locked.save()
        record(
            actor=actor, action="catalog.system.edited", obj=locked,
            before=before, after=asdict(content),
        )  # fmt: skip
        emit(
            type="city.catalog.system.edited", source="catalog", subject=locked.code,
            data={"id": locked.pk, "code": locked.code},
        )  # fmt: skip
    return locked

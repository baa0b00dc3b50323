"""What is registered about an information system, as plain values, and the rules it must keep."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from chengshu.data.catalog.choices import ProtectionLevel, SystemStatus
from chengshu.data.catalog.models import InformationSystem

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemContent:
    """What is registered about a system besides its code and owner."""

    name: str
    purpose: str
    security_level: str
    network: str = ""
    cloud_zone: str = ""
    cloud: str = ""
    security_record: str = ""
    builder: str = ""
    maintainer: str = ""
    contact: str = ""
    contact_phone: str = ""
    status: str = SystemStatus.RUNNING
    online_since: date | None = None
    business_codes: tuple[str, ...] = ()
    """Codes of the business items (事项) the system serves."""


SYSTEM_FIELDS = tuple(SystemContent.__dataclass_fields__)
STORED_FIELDS = tuple(name for name in SYSTEM_FIELDS if name != "business_codes")


def content_of(system: InformationSystem) -> SystemContent:
    """The stored content of a system (prefetch ``business_items`` for many)."""
    served = tuple(sorted(item.code for item in system.business_items.all()))
    values = {name: getattr(system, name) for name in STORED_FIELDS}
    return SystemContent(**values, business_codes=served)


_TEXTS = (
    "name", "purpose", "network", "cloud_zone", "cloud", "security_record", "builder",
    "maintainer", "contact", "contact_phone",
)  # fmt: skip


def problems(code: str, content: SystemContent) -> dict[str, str]:
    """Messages by field; empty when the system may be saved."""
    found: dict[str, str] = {}
    if not CODE.fullmatch(code):
        found["code"] = "系统代码用字母、数字、点、横线或下划线，最多 40 个字符"
    for name in _TEXTS:
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

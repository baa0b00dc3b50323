"""The data contract of one grant in the Open Data Contract Standard (ODCS v3.2.0, bitol.io).

The gateway knows the rules; who provides, who asks and why is added by whoever knows it (`Parties`).
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from chengshu_gateway.bundle import Column
from chengshu_gateway.description.fields import Part, answered, mask_label, mask_of
from chengshu_gateway.policy import CompiledGrant

VERSION = "v3.2.0"
_TYPES = {
    "text": "string", "integer": "integer", "real": "number", "decimal": "string",
    "boolean": "boolean", "date": "date", "timestamp": "timestamp",
}  # fmt: skip
_CYCLES = {
    "realtime": (1, "min"), "daily": (1, "d"), "weekly": (7, "d"), "monthly": (1, "m"),
    "quarterly": (3, "m"), "yearly": (1, "y"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parties:
    """What stands beside the rules of a grant: provider, consumer, purpose, state, update cycle."""

    provider: str = ""
    consumer: str = ""
    application: str = ""
    purpose: str = ""
    summary: str = ""
    contact: str = ""
    status: str = "active"
    cycle: str = ""
    granted_at: datetime | None = None
    levels: tuple[tuple[str, str], ...] = ()
    """Sensitivity level by field."""


def document(grant: CompiledGrant, parties: Parties | None = None, *, server: str = "") -> Part:
    """The contract of a grant; `server` is the gateway's address."""
    parties = parties or Parties()
    interface, given = grant.interface, grant.grant
    found: Part = {
        "kind": "DataContract", "apiVersion": VERSION,
        "id": f"{given.app_id}:{interface.interface_id}", "version": "",
        "name": interface.title or interface.interface_id, "status": parties.status,
        "description": _without_empty(
            {
                "purpose": parties.purpose,
                "usage": f"共享网关 /share/v1/{interface.interface_id}，每次调用签名，先留痕后应答。",
                "limitations": _limitations(grant),
            }
        ),
        "tags": ["共享授权"],
        "servers": [
            {
                "server": "gateway", "type": "api",
                "location": f"{server.rstrip('/')}/share/v1/{interface.interface_id}",
                "description": "签名 CS1-HMAC-SHA256",
            }
        ],
        "schema": [_schema(grant, parties)],
        "slaProperties": _service_level(grant, parties),
        "roles": [{"role": given.app_id, "access": "read", "description": parties.application}],
        "customProperties": _rules(grant),
    }  # fmt: skip
    if parties.provider:
        members = [{"username": parties.provider, "role": "provider"}]
        members += [{"username": parties.consumer, "role": "consumer"}] if parties.consumer else []
        found["team"] = {"name": parties.provider, "members": members}
    if parties.contact:
        found["support"] = [{"channel": parties.contact, "tool": "other", "scope": "interactive"}]
    if parties.granted_at is not None:
        found["contractCreatedTs"] = parties.granted_at.astimezone(UTC).isoformat()
    found["version"] = _digest(found)
    return found


def _digest(found: Part) -> str:
    content = json.dumps(found, ensure_ascii=False, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:12]


def _without_empty(members: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in members.items() if text}


def _limitations(grant: CompiledGrant) -> str:
    given, parts = grant.grant, []
    if given.masks:
        parts.append("部分字段脱敏")
    if given.row_filter is not None:
        parts.append("只有授权范围内的记录")
    if given.networks:
        parts.append("只许来自 " + "、".join(given.networks))
    if given.valid_until is not None:
        parts.append(f"{_moment(given.valid_until)} 失效")
    return "；".join(parts)


def _schema(grant: CompiledGrant, parties: Parties) -> Part:
    interface = grant.interface
    levels = dict(parties.levels)
    found: Part = {
        "name": interface.interface_id, "physicalName": interface.interface_id,
        "physicalType": "api", "logicalType": "object", "businessName": interface.title,
        "properties": [_property(grant, column, levels) for column in grant.columns()],
        "customProperties": [{"property": "catalogueCode", "value": interface.resource}],
    }  # fmt: skip
    return found | ({"description": parties.summary} if parties.summary else {})


def _property(grant: CompiledGrant, column: Column, levels: dict[str, str]) -> Part:
    mask = mask_of(grant, column)
    found: Part = {
        "name": column.name, "businessName": column.title or column.name,
        "logicalType": "string" if mask.hides else _TYPES[column.type], "physicalType": column.type,
        "required": column.required and mask.kind != "null", "examples": [answered(grant, column)],
    }  # fmt: skip
    if column.name == grant.interface.key_column:
        found |= {"primaryKey": True, "primaryKeyPosition": 1, "unique": not mask.hides}
    if level := levels.get(column.name):
        found["classification"] = level
    if mask.hides:
        found["transformLogic"] = str(mask)
        found["transformDescription"] = f"脱敏：{mask_label(mask)}"
        return found
    if column.type == "text" and column.length:
        found["logicalTypeOptions"] = {"maxLength": column.length}
    if column.codes:
        found["enum"] = [{"value": code, "label": name} for code, name in column.codes.items()]
    return found


def _service_level(grant: CompiledGrant, parties: Parties) -> list[Part]:
    given = grant.grant
    found: list[Part] = []
    if parties.cycle in _CYCLES:
        value, unit = _CYCLES[parties.cycle]
        found.append({"property": "frequency", "value": value, "unit": unit})
    if given.valid_from is not None:
        found.append({"property": "generalAvailability", "value": _moment(given.valid_from)})
    if given.valid_until is not None:
        found.append({"property": "endOfSupport", "value": _moment(given.valid_until)})
    return found


def _rules(grant: CompiledGrant) -> list[Part]:
    given = grant.grant
    rules: dict[str, Any] = {
        "application": given.app_id,
        "kinds": list(given.kinds),
        "quotaPerMinute": given.per_minute,
        "quotaPerDay": given.per_day,
        "missesPerMinute": given.misses_per_minute,
        "triesPerDay": given.tries_per_day,
        "privacy": None if given.privacy is None else asdict(given.privacy),
        "networks": list(given.networks),
        "rowsFiltered": given.row_filter is not None,
        "signing": "CS1-HMAC-SHA256",
    }
    return [{"property": name, "value": value} for name, value in rules.items()]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()

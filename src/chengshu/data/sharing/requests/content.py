"""What is asked for: the values of a request, and whether they could be granted."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chengshu.data.sharing.choices import lookup_only
from chengshu.data.sharing.masking import SENSITIVE, suggested_masks
from chengshu.data.sharing.models import Grant, ShareInterface
from chengshu.data.sharing.requests.choices import Frequency
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.services.grants import validate
from chengshu.kernel.errors import InvalidInput

LONGEST_BASIS, LONGEST_ITEM = 300, 120
KEPT = ("minimum_group", "misses_per_minute", "tries_per_day", "privacy")
"""Limits that no application asks for: whoever grants sets them, a change leaves them."""
NOT_SENT = "申请没有提交，已填的内容都还在。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What one form says for all its interfaces; ``valid_until`` is the last moment, ``per_day`` None asks no limit."""

    purpose: str
    legal_basis: str
    business_item: str
    frequency: str
    valid_until: datetime | None
    per_day: int | None = None
    networks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of one interface."""

    interface: ShareInterface
    fields: list[str]
    row_filter: dict[str, Any] | None = None
    kinds: list[str] = field(default_factory=lookup_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantTerms:
    """What is granted in the end; see ``sharing.services.grants.grant``."""

    fields: list[str]
    masks: dict[str, str]
    row_filter: dict[str, Any] | None
    per_minute: int | None
    per_day: int | None
    networks: list[str]
    valid_until: datetime | None
    kinds: list[str] = field(default_factory=lookup_only)
    minimum_group: int | None = None
    misses_per_minute: int | None = None
    tries_per_day: int | None = None
    privacy: dict[str, Any] | None = None
    unmasked_reason: str = ""


def proposed_terms(item: AccessRequest) -> GrantTerms:
    """What the request becomes when it is granted as asked: masks by the level of each field.

    A change keeps what the provider once decided: the masks of fields that stay, the reason for those that are bare,
    and the limit per minute.
    """
    masks, held = suggested_masks(item.interface.columns, item.fields), item.amends
    if held is not None:
        kept = {n: held.masks[n] for n in item.fields if n in held.masks}
        masks = {n: m for n, m in masks.items() if n not in held.fields} | kept
    return GrantTerms(
        fields=list(item.fields), masks=masks, row_filter=item.row_filter,
        per_minute=held.per_minute if held else None, per_day=item.per_day,
        networks=list(item.networks), valid_until=item.valid_until, kinds=list(item.kinds),
        unmasked_reason=held.unmasked_reason if held else "",
    )  # fmt: skip


def proposed_grant(item: AccessRequest) -> Grant:
    """The same as a grant that is not saved, for checks and for the form the provider starts from."""
    terms, held = proposed_terms(item), item.amends
    # What only the provider decides stays as it was decided, unless the provider changes it on the form.
    kept = {n: getattr(held, n) for n in KEPT} if held else {}
    return Grant(
        application=item.application, interface=item.interface, purpose=item.purpose,
        fields=terms.fields, masks=terms.masks, row_filter=terms.row_filter,
        per_minute=terms.per_minute, per_day=terms.per_day, networks=terms.networks,
        valid_until=terms.valid_until, kinds=terms.kinds, unmasked_reason=terms.unmasked_reason,
        **kept,
    )  # fmt: skip


def sensitive_fields(item: AccessRequest) -> list[str]:
    """Titles of the wanted fields of level L3 and L4."""
    return [
        c["title"]
        for c in item.interface.columns
        if c["name"] in item.fields and c.get("sensitivity", "") in SENSITIVE
    ]


def require_common(common: Common) -> None:
    """Raise InvalidInput, by field, unless the form says why, on which basis, for what and until when."""
    problems: dict[str, str] = {}
    if not common.purpose.strip():
        problems["purpose"] = "请写明用途：办什么事、给谁用"
    if not 0 < len(common.legal_basis.strip()) <= LONGEST_BASIS:
        problems["legal_basis"] = f"请写明依据的法律、法规或职责，不超过 {LONGEST_BASIS} 字"
    if not 0 < len(common.business_item.strip()) <= LONGEST_ITEM:
        problems["business_item"] = f"请写明业务事项，不超过 {LONGEST_ITEM} 字"
    if common.frequency not in Frequency.values:
        problems["frequency"] = "请选择使用频率"
    if common.valid_until is None:
        problems["valid_until"] = "请填写用到哪一天；到期可以再申请"
    if problems:
        raise InvalidInput("申请单还没填完。", kept=NOT_SENT, fields=problems)


def require_grantable(item: AccessRequest) -> None:
    """Raise InvalidInput unless the gateway could enforce what is asked for: what is sent can be granted."""
    known = {column["name"] for column in item.interface.columns}
    if strange := [name for name in item.fields if name not in known]:
        raise InvalidInput(
            f"接口里没有“{strange[0]}”这个字段。", kept=NOT_SENT,
            fields={"fields": "请从接口现有的字段中选择"},
        )  # fmt: skip
    validate(proposed_grant(item))


def common_of(item: AccessRequest) -> Common:
    """The form's values of a request."""
    return Common(
        purpose=item.purpose, legal_basis=item.legal_basis, business_item=item.business_item,
        frequency=item.frequency, valid_until=item.valid_until, per_day=item.per_day,
        networks=list(item.networks),
    )  # fmt: skip


CHANGEABLE = ("fields", "row_filter", "kinds", "per_day", "networks", "valid_until")
"""What a request may change of a grant in force."""


def differences(item: AccessRequest) -> list[str]:
    """Which of :data:`CHANGEABLE` a request asks to be other than the grant it amends; order means nothing."""
    held = item.amends
    if held is None:
        return []
    return [n for n in CHANGEABLE if _plain(getattr(held, n)) != _plain(getattr(item, n))]


def standing(held: Grant) -> dict[str, Any]:
    """What a grant allows, of :data:`CHANGEABLE`, as JSON keeps it."""
    values = {name: _plain(getattr(held, name)) for name in CHANGEABLE}
    until = values["valid_until"]
    return values | {"valid_until": until.isoformat() if until else None}


def mark_of(held: Grant) -> str:
    """A short word for what a grant allows now: what a page has shown can be told from what came since."""
    text = json.dumps(standing(held), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def moved(item: AccessRequest, held: Grant) -> list[str]:
    """Which of :data:`CHANGEABLE` the provider changed by hand since the change was asked for."""
    if item.base is None:
        return []
    now = standing(held)
    return [name for name in CHANGEABLE if item.base.get(name) != now[name]]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def set_values(item: AccessRequest, values: Mapping[str, Any]) -> None:
    """Put corrected values into a request; texts are stripped."""
    for name, value in values.items():
        setattr(item, name, value.strip() if isinstance(value, str) else value)

"""Which mask a field should carry when it is shared, and which fields are shared bare."""

import re
from typing import Any

from chengshu.data.sharing.models import Grant
from chengshu_gateway import masks

# DB33/T 2351-2021: from L3 (较敏感) on, a value leaves its department only masked, or with a stated reason.
SENSITIVE = ("L3", "L4")
NONE = "none"

_BY_FORMAT = {
    "id_number": "id_number", "mobile": "phone", "phone": "phone",
    "bank_card": "bank_card", "email": "email",
}  # fmt: skip
_BY_WORD = (
    (re.compile(r"姓名|联系人|责任人|法定代表人"), "name"),
    (re.compile(r"身份证|证件号"), "id_number"),
    (re.compile(r"电话|手机"), "phone"),
    (re.compile(r"地址|住址|坐落|住所"), "address"),
    (re.compile(r"银行账|银行卡"), "bank_card"),
    (re.compile(r"邮箱"), "email"),
)


def suggested_mask(column: dict[str, Any]) -> str:
    """The mask to propose for a column of an interface: by format, else by level and meaning; "none" for open ones.

    ``column`` is an entry of :attr:`ShareInterface.columns`: name, type, title, sensitivity, format.
    """
    by_format = _BY_FORMAT.get(column.get("format", ""))
    if by_format:
        return by_format
    if column.get("sensitivity", "") not in SENSITIVE:
        return NONE
    if column["type"] in {"date", "timestamp"}:
        return "year"
    if column["type"] in {"integer", "real", "decimal"}:
        return "band:10"
    for pattern, mask in _BY_WORD:
        if pattern.search(column["title"]):
            return mask
    return "full"


def mask_name(declaration: str) -> str:
    """The word for a mask, e.g. 姓名 for ``name``."""
    kind = declaration.partition(":")[0]
    return {item.name: item.label for item in masks.KINDS}.get(kind, declaration)


def suggested_masks(columns: list[dict[str, Any]], fields: list[str]) -> dict[str, str]:
    """The proposed masks of the chosen fields; fields that need none are left out."""
    found = {c["name"]: suggested_mask(c) for c in columns if c["name"] in fields}
    return {name: mask for name, mask in found.items() if mask != NONE}


def unmasked(item: Grant) -> list[str]:
    """Sensitive fields a grant shows bare although no reason is stated."""
    if item.unmasked_reason:
        return []
    levels = {c["name"]: c.get("sensitivity", "") for c in item.interface.columns}
    return [
        name
        for name in item.fields
        if levels.get(name) in SENSITIVE and item.masks.get(name, NONE) == NONE
    ]

"""Which mask a field should carry when it is shared, and which fields are shared bare."""

from typing import Any

from chengshu.data.protection.facade import NONE, SENSITIVE, mask_name
from chengshu.data.protection.facade import sharing_mask as suggested_mask
from chengshu.data.sharing.models import Grant


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


__all__ = ["NONE", "SENSITIVE", "mask_name", "suggested_mask", "suggested_masks", "unmasked"]

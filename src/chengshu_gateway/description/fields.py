"""How granted fields are described: schema of a value, example of a value, words for its mask."""

from typing import Any

from chengshu_gateway import masks
from chengshu_gateway.bundle import Column
from chengshu_gateway.policy import CompiledGrant

Part = dict[str, Any]

_TYPES: dict[str, Part] = {
    "text": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "real": {"type": ["number", "null"]},
    "decimal": {"type": ["string", "null"], "pattern": r"^-?\d+(\.\d+)?$"},
    "boolean": {"type": ["boolean", "null"]},
    "date": {"type": ["string", "null"], "format": "date"},
    "timestamp": {
        "type": ["string", "null"],
        "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z?$",
    },
}
_EXAMPLES: dict[str, Any] = {
    "text": "示例", "integer": 3, "real": 1.5, "decimal": "12.50", "boolean": True,
    "date": "2026-11-23", "timestamp": "2026-11-23T06:05:00Z",
}  # fmt: skip
# Fictitious values: 390383 is no area of the country, 154 no number range.
_FORMATS = {
    "id_number": "390383199001010011", "mobile": "15412345678", "region12": "330383001000",
    "region9": "330383001", "region6": "330383", "credit_code": "91390383MA00000000",
    "phone": "0577-64220000", "email": "name@example.com", "name": "王小明",
}  # fmt: skip
_BY_MASK = {
    "name": "王小明", "id_number": "390383199001010011", "phone": "15412345678",
    "address": "浙江省温州市龙港市城东社区1号", "email": "name@example.com",
}  # fmt: skip
_KINDS = {kind.name: kind for kind in masks.KINDS}
TYPE_NAMES = {
    "text": "文本", "integer": "整数", "real": "小数", "decimal": "定点小数（文本）",
    "boolean": "是否", "date": "日期", "timestamp": "时间",
}  # fmt: skip


def mask_of(grant: CompiledGrant, column: Column) -> masks.Mask:
    """The mask of a granted column."""
    return masks.parse(grant.grant.masks.get(column.name, "none"))


def mask_label(mask: masks.Mask) -> str:
    """A mask as people read it; empty when it hides nothing."""
    return _KINDS[mask.kind].label if mask.hides else ""


def value_schema(grant: CompiledGrant, column: Column) -> Part:
    """Schema of one field of an answer, masked as granted."""
    mask = mask_of(grant, column)
    schema: Part = {"title": column.title or column.name}
    notes = []
    if mask.hides:
        schema |= {"type": ["string", "null"], "x-mask": str(mask)}
        notes.append(f"脱敏：{mask_label(mask)}")
    else:
        schema |= _TYPES[column.type]
        notes += [f"最长 {column.length} 个字符"] if column.length else []
        if column.codes:
            notes.append("；".join(f"{code} {name}" for code, name in column.codes.items()))
            schema["x-code-list"] = [
                {"code": code, "name": name} for code, name in column.codes.items()
            ]
    if notes:
        schema["description"] = "。".join(notes)
    schema["examples"] = [answered(grant, column)]
    return schema


def stored(grant: CompiledGrant, column: Column) -> Any:
    """An example of a value as it is kept; fictitious."""
    if column.codes:
        return next(iter(column.codes))
    if column.type != "text":
        return _EXAMPLES[column.type]
    known = _FORMATS.get(column.format) or _BY_MASK.get(mask_of(grant, column).kind)
    if known is None and column.name == grant.interface.key_column:
        return "K0001"
    return known or _EXAMPLES["text"]


def answered(grant: CompiledGrant, column: Column) -> Any:
    """An example of a value as it is answered: masked where the grant says so."""
    mask = mask_of(grant, column)
    if not mask.hides:
        return stored(grant, column)
    if mask.kind in masks.KEYED:
        return _KINDS[mask.kind].shown
    return mask.compile()(stored(grant, column))

"""Arrow columns as the gateway keeps them: one text form per type for snapshots and masks."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chengshu_gateway.bundle import Column


class UnsupportedColumnError(ValueError):
    """A column that cannot be published in its present form."""


def type_name(kind: Any) -> str | None:
    """Return the gateway's name of an Arrow type (see bundle.COLUMN_TYPES), None if unsupported."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    checks = (
        (pa.types.is_string, "text"),
        (pa.types.is_large_string, "text"),
        (pa.types.is_string_view, "text"),
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "integer"),
        (pa.types.is_floating, "real"),
        (pa.types.is_decimal, "decimal"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "timestamp"),
    )
    return next((name for check, name in checks if check(kind)), None)


def column_of(field: Any) -> Column:
    """Return the column that an Arrow field becomes; raises UnsupportedColumnError."""
    name = type_name(field.type)
    if name is None:
        raise UnsupportedColumnError(
            f"字段 {field.name} 的类型 {field.type} 不能发布，请先转换为文本。"
        )
    if '"' in field.name or "\0" in field.name:
        raise UnsupportedColumnError(f"字段名不合规：{field.name!r}。")
    title = (field.metadata or {}).get(b"title", b"").decode()
    return Column(field.name, name, title)


def storable(array: Any, kind: str) -> Any:
    """Return a column in its kept form: ISO text for dates and instants, text for decimals."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if kind == "decimal":
        return pc.cast(array, pa.string())
    if kind == "date":
        return pc.cast(pc.cast(array, pa.date32()), pa.string())
    if kind == "timestamp":
        zone = "Z" if array.type.tz else ""
        if array.type.tz:
            array = pc.cast(array, pa.timestamp(array.type.unit, "UTC"))
        return pc.strftime(array, format=f"%Y-%m-%dT%H:%M:%S{zone}")
    return array

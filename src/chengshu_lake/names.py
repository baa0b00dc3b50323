"""Table names: ``zone/name`` text such as ``std/population``, safe as a path by construction."""

import re
from dataclasses import dataclass
from datetime import datetime

from chengshu_lake.errors import BadTableName

ZONES = ("raw", "std", "base", "theme", "open", "ops", "quarantine")
# Columns of the loader's own: where a row came from. No part of what a merge compares.
STAMP_PREFIX = "_"
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,99}")
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class TableAt:
    """A table as it was at a version number or at a time-zone-aware point in time."""

    name: str
    at: int | datetime | None = None


def check_name(table: str) -> str:
    """Return ``table`` unchanged when it is a valid ``zone/name``.

    Raises:
        BadTableName: unknown zone, or characters other than ``[a-z0-9_]``.
    """
    zone, slash, name = table.partition("/")
    if not slash or zone not in ZONES or not _NAME.fullmatch(name):
        raise BadTableName(
            f"表名 {table!r} 不符合要求：应为“分区/名称”，分区为 {'、'.join(ZONES)} 之一，"
            "名称只用小写字母、数字和下划线。"
        )
    return table


def check_zone(zone: str) -> str:
    """Return ``zone`` when it is one of :data:`ZONES`, else raise :class:`BadTableName`."""
    if zone not in ZONES:
        raise BadTableName(f"没有名为 {zone!r} 的分区，可用分区：{'、'.join(ZONES)}。")
    return zone


def check_alias(alias: str) -> str:
    """Return ``alias`` when it can name a table inside a query."""
    if not _ALIAS.fullmatch(alias):
        raise BadTableName(f"查询中的表别名 {alias!r} 不可用：请用字母、数字和下划线，字母开头。")
    return alias

"""The source's own record in the lake: what a reported value is now."""

from typing import Any

from django.conf import settings

from chengshu.data.sharing.corrections.models import Correction
from chengshu.data.sharing.models import ShareInterface
from chengshu.kernel.crypto.facade import open_sealed
from chengshu_lake import Lake

KEY_PLACE = "sharing_corrections.key"
VALUE_PLACE = "sharing_corrections.value"


def record_of(interface: ShareInterface, key: str) -> dict[str, str] | None:
    """The record of a key as texts, None when the source has none (any more)."""
    lake, table = Lake(settings.LAKE_ROOT), interface.resource.lake_table
    if not lake.exists(table):
        return None
    column = interface.key_column.replace('"', '""')
    names = [name for name in lake.schema(table).names if not name.startswith("_")]
    found = lake.read(
        table, columns=names, where=f'CAST("{column}" AS VARCHAR) = ?', params=[key], limit=1
    ).read_all()
    rows: list[dict[str, Any]] = found.to_pylist()
    return {name: as_text(value) for name, value in rows[0].items()} if rows else None


def as_text(value: object) -> str:
    """A value as people and programs write it; empty for none."""
    return "" if value is None else str(value).strip()


def key_of(item: Correction) -> str:
    """The record's key, unsealed."""
    return open_sealed(item.key_sealed, place=KEY_PLACE)


def value_of(item: Correction, name: str) -> str:
    """One of the sealed values: ``wrong``, ``right`` or ``before``."""
    return open_sealed(getattr(item, f"{name}_sealed"), place=VALUE_PLACE)


def version_of(interface: ShareInterface) -> int:
    """The newest version of the source's table."""
    return Lake(settings.LAKE_ROOT).version(interface.resource.lake_table)

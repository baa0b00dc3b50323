"""Which resources can become an interface, and the way out for those that cannot."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from chengshu.data.catalog.facade import SharingType
from chengshu.data.contract.facade import ColumnSpec
from chengshu_lake import Lake

ZONE = "std"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a resource can be published as an interface; ``reason`` says why not and what to do."""

    fits: bool
    reason: str = ""


def collected_tables() -> frozenset[str]:
    """Names of the lake's tables of collected resources."""
    return frozenset(Lake(settings.LAKE_ROOT).tables(ZONE))


def suitable(
    sharing_type: str, lake_table: str, collected: frozenset[str] | None = None
) -> Verdict:
    """Judge one resource; ``collected`` spares the look into the lake when many are judged."""
    if sharing_type == SharingType.NONE:
        return Verdict(False, "编目为“不予共享”。如有误，请先变更目录并经审核。")
    if lake_table not in (collected_tables() if collected is None else collected):
        return Verdict(False, "还没有归集数据。请先在“数据归集”中装载。")
    return Verdict(True)


def key_choices(columns: Iterable[ColumnSpec]) -> list[tuple[str, str]]:
    """Text columns as choices of the looked-up column, key columns first."""
    text = [c for c in columns if c.type == "text"]
    ordered = sorted(text, key=lambda c: not c.key)
    return [(c.name, f"{c.title}（{c.name}）{'· 主键' if c.key else ''}") for c in ordered]

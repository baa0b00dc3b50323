"""A look at the data before anybody may call for them: a few rows, masked by the level of each field, and audited.

Always the same first rows of the snapshot the gateway answers from, so that looking again shows nothing new. Masks are
those of the protection library, as a grant would propose them; what a name, a number or a level of L3 calls for is
masked even where a grant might show it, and L4 (敏感, DB33/T 2351-2021) is hidden whole.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chengshu.data.catalog.facade import SharingType, published_queryset
from chengshu.data.protection.facade import NONE, hide_personal, mask_by_title, suggested
from chengshu.data.sharing.masking import SENSITIVE, suggested_mask
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.publishing import gateway_dir
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway import masks
from chengshu_gateway.snapshot import SnapshotError, open_current

ROWS = 3
VIEW = "sharing.view"
HARMLESS, MOST_SENSITIVE = "L1", "L4"
HIDDEN = "full"
# 户主关系代码 is a code about a person, no name.
_ABOUT = ("代码", "关系", "标志")
# 所有人, 权利人, 操作人: whom a title ends with, the value names.
_PERSONS = ("人", "人姓名", "配偶")


@dataclass(frozen=True)
class Sample:
    """A few rows as people may see them.

    ``shown`` tells the mask of each column (``none`` for open ones); in the columns ``cleaned`` the detectors found
    something personal that the catalogue does not declare.
    """

    interface: ShareInterface
    version: str
    rows: list[dict[str, Any]]
    shown: dict[str, str]
    cleaned: frozenset[str] = frozenset()

    @property
    def record(self) -> str:
        """The key of the first row as it is shown, for the sample call."""
        key = self.interface.key_column
        if not self.rows or self.shown.get(key, NONE) != NONE or key in self.cleaned:
            return key.upper()
        return str(self.rows[0].get(key) or key.upper())

    @cached_property
    def answer(self) -> str:
        """What the gateway would answer to the sample call, masked; "" without rows."""
        if not self.rows:
            return ""
        document = {
            "data": self.rows[0], "interface": self.interface.code, "version": self.version,
            "request_id": "00-42",
        }  # fmt: skip
        return json.dumps(document, ensure_ascii=False, indent=2, default=str)


def preview_masks(columns: list[dict[str, Any]]) -> dict[str, str]:
    """The mask of every column of a preview."""
    return {column["name"]: _mask(column) for column in columns}


def _mask(column: dict[str, Any]) -> str:
    level = column.get("sensitivity", "")
    if level == MOST_SENSITIVE:
        return HIDDEN
    mask = suggested_mask(column)
    title = column["title"]
    if mask == NONE and title.endswith(_PERSONS):
        mask = "name"
    if mask == NONE and level != HARMLESS and not title.endswith(_ABOUT):
        # Not sensitive enough for a grant to mask it, but a name or a number of a person all the same.
        mask = "year" if "出生" in title else mask_by_title(title) or NONE
    # A pseudonym or a hash needs an application's key; a preview belongs to nobody.
    if mask != NONE and mask.partition(":")[0] in masks.KEYED:
        mask = HIDDEN
    if mask == NONE and level in SENSITIVE:
        mask = suggested(title=title, kind=column["type"], level=level)
    return mask


def look(*, actor: Actor, interface: ShareInterface) -> Sample:
    """The first rows of an interface, masked; every look leaves a record.

    Raises:
        NotAllowed: the actor may not view sharing. Conflict: the catalogue does not share the resource, or there is
            no snapshot yet.
    """
    check(actor, VIEW)
    _require_shared(interface)
    shown = preview_masks(interface.columns)
    version, rows = _read(interface, list(shown))
    compiled = {name: masks.parse(mask).compile() for name, mask in shown.items() if mask != NONE}
    hidden = [{n: _shown(value, compiled.get(n)) for n, value in row.items()} for row in rows]
    cleaned = {
        n for row, safe in zip(rows, hidden, strict=True) for n in row
        if n not in compiled and row[n] != safe[n]
    }  # fmt: skip
    with unit_of_work():
        record(
            actor=actor, action="sharing.sample_viewed", obj=interface,
            after={"rows": len(rows), "version": version,
                   "masked": [name for name in shown if name in compiled or name in cleaned]},
        )  # fmt: skip
    return Sample(interface, version, hidden, shown, frozenset(cleaned))


def _shown(value: object, mask: Callable[[Any], str | None] | None) -> object:
    """A value under its mask; in open text whatever the detectors take for personal is hidden too."""
    if mask is not None:
        return mask(value)
    return hide_personal(value) if isinstance(value, str) else value


def _require_shared(interface: ShareInterface) -> None:
    entry = published_queryset().filter(pk=interface.resource_id).first()
    if entry is None or entry.published is None:
        raise Conflict("目录里的数据资源已暂停或撤销，现在不能看样例。")
    if entry.published.sharing_type == SharingType.NONE:
        raise Conflict("编目为不予共享，不提供样例。", advice="请联系提供单位。")


def _read(interface: ShareInterface, names: list[str]) -> tuple[str, list[dict[str, Any]]]:
    try:
        snapshot = open_current(gateway_dir() / "snapshots" / interface.code)
    except SnapshotError as error:
        raise Conflict(str(error)) from error
    if snapshot is None:
        raise Conflict(
            "接口的数据快照还没有生成，现在没有样例可看。", advice="请稍后再来，或联系提供单位。"
        )
    try:
        known = [name for name in names if name in snapshot.columns]
        statement = f'{snapshot.selection(known)} ORDER BY "{snapshot.key_column}" LIMIT ?'
        found = snapshot.fetch(statement, (ROWS,)).fetchall()
        return snapshot.version, [dict(zip(known, row, strict=True)) for row in found]
    finally:
        snapshot.close()

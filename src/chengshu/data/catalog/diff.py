"""What changed between two versions: metadata with old and new, items added, removed and changed."""

from dataclasses import dataclass
from typing import Any

from chengshu.data.catalog.content import (
    ITEM_FIELDS,
    VERSION_FIELDS,
    ItemContent,
    VersionContent,
    display,
    label,
)

# A note about the change is not part of what changed.
_COMPARED_FIELDS = tuple(name for name in VERSION_FIELDS if name != "change_note")
_COMPARED_ITEM_FIELDS = tuple(name for name in ITEM_FIELDS if name != "name")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One attribute; ``old`` and ``new`` are as people read them."""

    name: str
    title: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item that is in both versions but differs."""

    name: str
    title: str
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """The whole difference. Items are matched by column name; a renamed column is removed and added.

    ``breaking`` says in words what may hurt those who already use the data.
    """

    fields: tuple[FieldChange, ...]
    added: tuple[ItemContent, ...]
    removed: tuple[ItemContent, ...]
    changed: tuple[ItemChange, ...]
    reordered: bool
    breaking: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.fields or self.added or self.removed or self.changed or self.reordered)

    @property
    def summary(self) -> str:
        """One line for lists, events and audit."""
        parts = [
            f"{name} {count} {unit}"
            for name, count, unit in (
                ("修改基本信息", len(self.fields), "处"),
                ("新增数据项", len(self.added), "个"),
                ("删除数据项", len(self.removed), "个"),
                ("修改数据项", len(self.changed), "个"),
            )
            if count
        ]
        if self.reordered:
            parts.append("调整数据项顺序")
        return "，".join(parts) or "没有变化"

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form for the API, events and audit."""
        return {
            "summary": self.summary,
            "fields": [{"field": c.name, "old": c.old, "new": c.new} for c in self.fields],
            "items_added": [item.name for item in self.added],
            "items_removed": [item.name for item in self.removed],
            "items_changed": [
                {
                    "item": item.name,
                    "changes": [
                        {"field": c.name, "old": c.old, "new": c.new} for c in item.changes
                    ],
                }
                for item in self.changed
            ],
            "reordered": self.reordered,
            "breaking": list(self.breaking),
        }


def compare(old: VersionContent, new: VersionContent) -> VersionDiff:
    """The difference from ``old`` to ``new``."""
    before = {item.name: item for item in old.items}
    after = {item.name: item for item in new.items}
    removed = tuple(item for name, item in before.items() if name not in after)
    changed = tuple(
        ItemChange(name, item.title, changes)
        for name, item in after.items()
        if name in before
        and (changes := _changes(before[name], item, _COMPARED_ITEM_FIELDS))
    )  # fmt: skip
    fields = list(_changes(old, new, _COMPARED_FIELDS))
    if old.level != new.level:
        fields.append(_change("level", old.level, new.level))
    return VersionDiff(
        fields=tuple(fields),
        added=tuple(item for name, item in after.items() if name not in before),
        removed=removed,
        changed=changed,
        reordered=_order(before, after) != _order(after, before),
        breaking=tuple(_breaking(old, new, before, after)),
    )


def _order(these: dict[str, ItemContent], others: dict[str, ItemContent]) -> list[str]:
    return [name for name in these if name in others]


def _changes(old: Any, new: Any, names: tuple[str, ...]) -> tuple[FieldChange, ...]:
    return tuple(
        _change(name, getattr(old, name), getattr(new, name))
        for name in names
        if getattr(old, name) != getattr(new, name)
    )


def _change(name: str, old: Any, new: Any) -> FieldChange:
    return FieldChange(name, label(name), display(name, old), display(name, new))


def _breaking(
    old: VersionContent,
    new: VersionContent,
    before: dict[str, ItemContent],
    after: dict[str, ItemContent],
) -> list[str]:
    found = [f"删除了数据项“{item.title}”" for name, item in before.items() if name not in after]
    for name, item in after.items():
        if name in before:
            found += _stricter(before[name], item)
    if old.kind != new.kind:
        found.append(f"资源类型由{display('kind', old.kind)}改为{display('kind', new.kind)}")
    strictness = ("unconditional", "conditional", "none")
    if (
        old.sharing_type in strictness
        and new.sharing_type in strictness
        and strictness.index(new.sharing_type) > strictness.index(old.sharing_type)
    ):
        found.append(f"共享类型收紧为“{display('sharing_type', new.sharing_type)}”")
    return found


def _stricter(was: ItemContent, item: ItemContent) -> list[str]:
    """What of one item may hurt those who already use it."""
    found = []
    if was.type != item.type:
        found.append(f"“{item.title}”的类型由{_word(was)}改为{_word(item)}")
    if was.is_key != item.is_key:
        found.append(f"“{item.title}”{'成为' if item.is_key else '不再是'}主键")
    if item.length is not None and (was.length is None or item.length < was.length):
        found.append(f"“{item.title}”的长度缩短为 {item.length}")
    if was.code_table and was.code_table != item.code_table:
        found.append(f"“{item.title}”的代码表由 {was.code_table} 改为 {item.code_table or '不限'}")
    if was.unit and was.unit != item.unit:
        found.append(f"“{item.title}”的计量单位由“{was.unit}”改为“{item.unit or '未注明'}”")
    if was.nullable and not item.nullable:
        found.append(f"“{item.title}”改为必填，空值将被拒收")
    return found


def _word(item: ItemContent) -> str:
    return display("type", item.type)

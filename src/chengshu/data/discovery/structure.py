"""Compares the agreed columns of a table with those it has now. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any

Columns = Sequence[Mapping[str, Any]]
RENAME = 0.55
_WATCHED = (
    ("type", "类型"), ("length", "长度"), ("precision", "总位数"), ("scale", "小数位"),
    ("nullable", "可空"), ("key", "主键"), ("comment", "注释"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. ``item`` is the data item the column fills ("" for none).

    ``breaking``: collection would fail or lose data.
    """

    kind: str
    column: str
    item: str = ""
    field: str = ""
    before: str = ""
    after: str = ""
    breaking: bool = False

    @property
    def sentence(self) -> str:
        """The difference in one Chinese sentence."""
        match self.kind:
            case "added":
                return f"多了列“{self.column}”（{self.after}）"
            case "removed":
                return f"列“{self.column}”不见了"
            case "renamed":
                return f"列“{self.before}”可能改名为“{self.column}”"
        word = dict(_WATCHED)[self.field]
        return f"列“{self.column}”的{word}由“{self.before or '空'}”变为“{self.after or '空'}”"

    def as_dict(self) -> dict[str, Any]:
        """For storing."""
        return {**asdict(self), "sentence": self.sentence}


def compare(agreed: Columns, found: Columns) -> list[Change]:
    """The differences from ``agreed`` (columns with their ``item``) to ``found``, breaking ones first."""
    before = {str(c["name"]): c for c in agreed}
    after = {str(c["name"]): c for c in found}
    gone = [name for name in before if name not in after]
    new = [name for name in after if name not in before]
    renames = _renames(gone, new, before, after)
    changes = [
        Change(
            kind="renamed", column=to, item=_item(before[name]), before=name, after=to,
            breaking=bool(_item(before[name])),
        )
        for name, to in renames.items()
    ]  # fmt: skip
    changes += [
        Change(
            kind="removed", column=name, item=_item(before[name]), before=_kind(before[name]),
            breaking=bool(_item(before[name])),
        )
        for name in gone if name not in renames
    ]  # fmt: skip
    changes += [
        Change(kind="added", column=name, after=_kind(after[name]))
        for name in new if name not in renames.values()
    ]  # fmt: skip
    pairs = [(name, name) for name in before if name in after] + list(renames.items())
    for old, now in pairs:
        changes += _altered(before[old], after[now])
    return sorted(changes, key=lambda c: not c.breaking)


def _altered(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    found = []
    for field, _ in _WATCHED:
        was, now = old.get(field), new.get(field)
        if was == now:
            continue
        found.append(
            Change(
                kind="altered", column=str(new["name"]), item=_item(old), field=field,
                before=_said(was), after=_said(now),
                breaking=bool(_item(old)) and _breaks(field, was, now),
            )
        )  # fmt: skip
    return found


def _breaks(field: str, was: Any, now: Any) -> bool:
    """Values that were right may be refused or cut from now on."""
    if field in {"type", "key"}:
        return True
    if field in {"length", "precision", "scale"}:
        return (now or 10**9) > (was or 10**9)
    return field == "nullable" and bool(now)


def _renames(
    gone: list[str],
    new: list[str],
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
) -> dict[str, str]:
    """Likely renames: same type, and the same comment, a similar name, or the same place among the columns."""
    order_before, order_after = list(before), list(after)
    scored = []
    for old in gone:
        for now in new:
            one, other = before[old], after[now]
            if one.get("type") != other.get("type"):
                continue
            score = SequenceMatcher(None, old.lower(), now.lower()).ratio() * 0.6
            score += 0.5 * bool(one.get("comment") and one.get("comment") == other.get("comment"))
            score += 0.2 * (order_before.index(old) == order_after.index(now))
            score += 0.1 * (one.get("length") == other.get("length"))
            if score >= RENAME:
                scored.append((score, old, now))
    found: dict[str, str] = {}
    for _, old, now in sorted(scored, reverse=True):
        if old not in found and now not in found.values():
            found[old] = now
    return found


def _item(column: Mapping[str, Any]) -> str:
    return str(column.get("item") or "")


def _kind(column: Mapping[str, Any]) -> str:
    size = f"({column['length']})" if column.get("length") else ""
    return f"{column.get('type', '')}{size}"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    return "" if value is None else str(value)


def mark(changes: Sequence[Change]) -> str:
    """The same differences have the same mark."""
    facts = sorted([c.kind, c.column, c.field, c.before, c.after] for c in changes)
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()


def summary(changes: Sequence[Change]) -> str:
    """All differences in one line, cut for lists."""
    sentences = [c.sentence for c in changes]
    text = "；".join(sentences[:3])
    return text + (f"；等 {len(sentences)} 处" if len(sentences) > 3 else "")  # noqa: PLR2004

"""A proposal as it is stored and edited: plain JSON, and the way to the catalogue's own content.

``{"title": G, "physical_name": G, "update_cycle": G, "category": G, "summary": str, "key": [...],
"key_candidates": [[...]], "items": [{"column", "sample", "new_codes", "include", "fields": {name: G}}]}`` where G is
``{"value", "why", "sure"}`` and, once a person changed it, ``"edited": true``.
"""

from collections.abc import Mapping
from typing import Any

from chengshu.data.catalog.facade import ItemContent, VersionContent
from chengshu.data.discovery.inference import Guess, ItemProposal, TableProposal
from chengshu.data.protection.facade import hide_personal

Document = dict[str, Any]
HEAD_FIELDS = ("title", "summary", "physical_name", "category", "update_cycle")
ITEM_FIELDS = (
    "title", "name", "type", "length", "precision", "scale", "nullable", "is_key", "code_table",
    "format", "sensitivity", "element",
)  # fmt: skip
NUMBERS = ("length", "precision", "scale")
FLAGS = ("nullable", "is_key")
# Below this somebody should look at the line.
DOUBT = 0.6
WATCHED = ("title", "type", "sensitivity", "is_key", "code_table", "format")
HIDDEN_FROM = "L2"


def document(found: TableProposal, *, category: Guess) -> Document:
    """What is stored of a fresh proposal; sample values of personal columns are masked before they are kept."""
    return {
        "title": found.title.as_dict(), "physical_name": found.physical_name.as_dict(),
        "update_cycle": found.update_cycle.as_dict(), "category": category.as_dict(), "summary": "",
        "key": list(found.key), "key_candidates": [list(k) for k in found.key_candidates],
        "items": [_item(item) for item in found.items],
    }  # fmt: skip


def _item(item: ItemProposal) -> Document:
    level = str(item.value("sensitivity") or "L1")
    return {
        "column": item.column, "include": True, "new_codes": list(item.new_codes),
        "sample": [shown(value, level) for value in item.sample],
        "fields": {name: guess.as_dict() for name, guess in item.guesses.items()},
    }  # fmt: skip


def shown(value: str, level: str) -> str:
    """A sample value as the page may show it: personal ones keep their first and last character."""
    if level < HIDDEN_FROM:
        return hide_personal(value)[:40]
    if len(value) <= 2:  # noqa: PLR2004 - nothing would be left
        return value[:1] + "*"
    return f"{value[0]}{'*' * min(len(value) - 2, 8)}{value[-1]}"


def value(part: Mapping[str, Any], name: str) -> Any:
    """The value of a field; None when there is none."""
    return (part.get(name) or {}).get("value")


def doubtful(item: Mapping[str, Any]) -> list[str]:
    """Fields of an item somebody should look at: unsure and not yet confirmed."""
    fields = item["fields"]
    return [
        name for name in WATCHED
        if name in fields and not fields[name].get("edited") and fields[name]["sure"] < DOUBT
    ]  # fmt: skip


def count_doubtful(content: Mapping[str, Any]) -> int:
    """How many included items have a doubtful field."""
    return sum(bool(item["include"] and doubtful(item)) for item in content.get("items", ()))


def changed(content: Document, head: Mapping[str, str], items: list[Mapping[str, str]]) -> Document:
    """The document with what a person typed; ``items`` are in the document's order, by field."""
    found = dict(content)
    for name in HEAD_FIELDS:
        if name in head:
            found[name] = (
                head[name] if name == "summary" else _typed(content.get(name) or {}, head[name])
            )
    found["items"] = [
        _changed_item(item, given) for item, given in zip(content["items"], items, strict=True)
    ]
    found["key"] = [
        i["column"] for i in found["items"] if i["include"] and value(i["fields"], "is_key")
    ]
    return found


def _changed_item(item: Document, given: Mapping[str, str]) -> Document:
    fields = dict(item["fields"])
    for name in ITEM_FIELDS:
        if name not in given:
            continue
        fields[name] = _typed(fields.get(name) or {}, _parsed(name, given[name]))
    return {**item, "include": bool(given.get("include")), "fields": fields}


def _parsed(name: str, text: str) -> Any:
    if name in NUMBERS:
        return int(text) if text.isascii() and text.isdigit() else None
    return bool(text) if name in FLAGS else text.strip()


def _typed(part: Mapping[str, Any], new: Any) -> Document:
    old = part.get("value")
    if old == new or (not old and not new and not isinstance(new, bool)):
        return dict(part) or {"value": new, "why": "", "sure": 1.0}
    return {"value": new, "why": "人工填写", "sure": 1.0, "edited": True}


def version_content(content: Mapping[str, Any], *, source: str, table: str) -> VersionContent:
    """The catalogue's content for a draft: included items only."""
    return VersionContent(
        title=str(value(content, "title") or ""), summary=str(content.get("summary") or ""),
        update_cycle=str(value(content, "update_cycle") or ""), formats=("table",),
        source_name=source, source_table=table,
        items=tuple(item_content(i) for i in content["items"] if i["include"]),
    )  # fmt: skip


def item_content(item: Mapping[str, Any]) -> ItemContent:
    """One item for the catalogue; sizes that do not go with the type are left out."""
    fields = item["fields"]
    kind = str(value(fields, "type") or "text")
    key = bool(value(fields, "is_key"))
    text = kind == "text"
    return ItemContent(
        name=str(value(fields, "name") or ""), title=str(value(fields, "title") or ""), type=kind,
        length=value(fields, "length") if text else None,
        precision=value(fields, "precision") if kind == "decimal" else None,
        scale=value(fields, "scale") if kind == "decimal" else None,
        nullable=bool(value(fields, "nullable")) and not key, is_key=key,
        code_table=str(value(fields, "code_table") or "") if text else "",
        format=str(value(fields, "format") or "") if text else "",
        sensitivity=str(value(fields, "sensitivity") or "L1"),
        element=str(value(fields, "element") or ""),
    )  # fmt: skip

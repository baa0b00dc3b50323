"""How audit records read: acts, objects and fields by their Chinese names, before and after side by side."""

from functools import cache
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist

from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.registry import registry
from chengshu.kernel.registry.registry import action_name
from chengshu.kernel.ui.components import Change, DiffTable, Fact
from chengshu.kernel.ui.formatting import date_time


@cache
def object_type_name(label: str) -> str:
    """The name of a kind of object."""
    try:
        return str(apps.get_model(label)._meta.verbose_name)
    except (LookupError, ValueError):
        return label


def field_name(item: AuditRecord, key: str) -> str:
    """The name of a key of ``before``/``after``: declared with the act, or the model's own."""
    action = registry.actions().get(item.action)
    declared = dict(action.fields) if action else {}
    if key in declared:
        return declared[key]
    try:
        field = apps.get_model(item.object_type)._meta.get_field(key)
    except (LookupError, ValueError, FieldDoesNotExist):
        return key
    related = field.related_model if field.is_relation else None
    name = getattr(field, "verbose_name", key)
    # An FK without a name of its own is called like its column; the related model's name reads better.
    if related is not None and not isinstance(related, str) and str(name).isascii():
        return str(related._meta.verbose_name)
    return str(name)


def words(value: Any) -> str:
    """One value as text."""
    if value is None or value == "":
        return "（空）"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, dict):
        return "；".join(f"{key}：{words(part)}" for key, part in value.items())
    if isinstance(value, list):
        return "、".join(words(part) for part in value) or "（空）"
    return str(value)


def difference(item: AuditRecord) -> DiffTable:
    """What changed; keys that stayed the same are left out."""
    before, after = item.before or {}, item.after or {}
    changes = [
        Change(
            field_name(item, key),
            words(before[key]) if key in before else None,
            words(after[key]) if key in after else None,
        )
        for key in dict.fromkeys([*before, *after])
        if key not in before or key not in after or before[key] != after[key]
    ]
    return DiffTable(old_title="之前", new_title="之后", changes=changes)


def facts(item: AuditRecord) -> list[Fact]:
    """Who, what, on which object, why, from where."""
    return [
        Fact("时间", f"{date_time(item.at)}:{item.at:%S}"),
        Fact("谁", f"{item.actor_name}（{item.actor_id}）" if item.actor_id else item.actor_name),
        Fact("单位", item.actor_org),
        Fact("做了什么", action_name(item.action)),
        Fact("对象", item.object_name),
        Fact("对象类别", object_type_name(item.object_type) if item.object_type else ""),
        Fact("原因", item.reason),
        Fact("来源地址", item.address, mono=True),
        Fact("请求编号", item.request_id, mono=True),
    ]


def chain_facts(item: AuditRecord) -> list[Fact]:
    """The record's place in the chain."""
    return [
        Fact("序号", f"#{item.seq}"),
        Fact("前一条的摘要", item.previous_hash, mono=True),
        Fact("本条摘要（SM3）", item.hash, mono=True),
    ]


__all__ = [
    "action_name",
    "chain_facts",
    "difference",
    "facts",
    "field_name",
    "object_type_name",
    "words",
]

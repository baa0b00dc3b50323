"""Rules a draft must keep while it is written, and what it needs before it may be submitted.

Keys of the returned messages are field names; an item's are ``items.<index>.<field>`` with the index from 0.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chengshu.data.catalog.choices import Level, OpenType, ResourceKind, SharingType
from chengshu.data.catalog.content import (
    CHOICES,
    PLAIN_ITEM_FIELDS,
    PLAIN_VERSION_FIELDS,
    ItemContent,
    VersionContent,
    label,
)
from chengshu.data.catalog.contract import column_spec
from chengshu.data.catalog.kinds import kind_of, missing_access
from chengshu.data.catalog.models import DataItem, ResourceVersion
from chengshu.data.contract.facade import ContractError

SNAKE_CASE = re.compile(r"[a-z][a-z0-9_]{0,62}")
SNAKE_ADVICE = "用小写字母开头，只含小写字母、数字和下划线，最多 63 个字符"
MAX_ITEMS = 300
MIN_SUMMARY = 10
MAX_KEYWORDS = 20
KEYWORD_LENGTH = 30
_POSITIVE = ("length", "precision")

Messages = dict[str, str]


def draft_problems(content: VersionContent) -> Messages:
    """What makes a draft impossible to save: bad values, not missing ones (only the title is demanded)."""
    found: Messages = {}
    if not content.title.strip():
        found["title"] = "请填写资源名称"
    for name in PLAIN_VERSION_FIELDS:
        _value_problem(found, name, name, getattr(content, name), ResourceVersion)
    found |= _described(content)
    known = set(CHOICES["formats"].values)  # type: ignore[attr-defined]
    if bad := [f for f in content.formats if f not in known]:
        found["formats"] = f"没有“{'、'.join(bad)}”这种数据格式"
    if len(content.items) > MAX_ITEMS:
        found["items"] = (
            f"数据项最多 {MAX_ITEMS} 个，现在有 {len(content.items)} 个；请拆成几个资源"
        )
    names: dict[str, int] = {}
    for index, item in enumerate(content.items):
        found |= _item_problems(f"items.{index}", item, names, index)
    return found


def _described(content: VersionContent) -> Messages:
    """Keywords and the time covered."""
    found: Messages = {}
    if len(content.keywords) > MAX_KEYWORDS:
        found["keywords"] = f"关键字最多 {MAX_KEYWORDS} 个，现在有 {len(content.keywords)} 个"
    if long := [word for word in content.keywords if len(word) > KEYWORD_LENGTH]:
        found["keywords"] = f"一个关键字最多 {KEYWORD_LENGTH} 个字：“{long[0]}”太长，请用顿号分开"
    start, end = content.temporal_start, content.temporal_end
    if start and end and end < start:
        found["temporal_end"] = f"时间范围的止（{end}）不能早于起（{start}）"
    return found


def _item_problems(
    prefix: str, item: ItemContent, names: dict[str, int], index: int
) -> Messages:  # fmt: skip
    found: Messages = {}
    if item.name and not SNAKE_CASE.fullmatch(item.name):
        found[f"{prefix}.name"] = f"字段名“{item.name}”不对：{SNAKE_ADVICE}"
    elif item.name and names.setdefault(item.name, index) != index:
        found[f"{prefix}.name"] = f"字段名“{item.name}”与第 {names[item.name] + 1} 项重复"
    for name in PLAIN_ITEM_FIELDS:
        _value_problem(found, f"{prefix}.{name}", name, getattr(item, name), DataItem)
    for name in _POSITIVE:
        value = getattr(item, name)
        if value is not None and value < 1:
            found[f"{prefix}.{name}"] = f"{label(name)}必须大于 0"
    return found


def _value_problem(found: Messages, key: str, name: str, value: Any, model: type) -> None:
    if not isinstance(value, str) or not value:
        return
    known = getattr(CHOICES.get(name), "labels", None)
    if known is not None:
        if value not in getattr(CHOICES[name], "values", ()):
            found[key] = f"{label(name)}不能是“{value}”，可选：{'、'.join(known)}"
        return
    limit = model._meta.get_field(name).max_length  # type: ignore[attr-defined]
    if limit is not None and len(value) > limit:
        found[key] = f"{label(name)}最多 {limit} 个字，现在有 {len(value)} 个"


def missing(content: VersionContent, codes: Mapping[str, Mapping[str, str]]) -> Messages:
    """Everything that still keeps a draft from being submitted, in the order of the form."""
    found = draft_problems(content)
    for key, text in (*_missing_metadata(content), *_contradictions(content)):
        found.setdefault(key, text)
    if not content.items and content.kind != ResourceKind.FILE:
        found["items"] = "请至少登记一个数据项"
    elif content.kind == ResourceKind.TABLE and not any(item.is_key for item in content.items):
        found["items"] = "请至少把一个数据项标为主键，归集时按主键合并"
    for index, item in enumerate(content.items):
        for field, text in _missing_item(item, codes):
            found.setdefault(f"items.{index}.{field}", f"第 {index + 1} 项：{text}")
    return found


_DEMANDED = {
    "system": "请选择数据来自哪个信息系统",
    "warehouse": "请选择所属数据仓",
    "formats": "请选择数据格式",
    "update_cycle": "请选择更新周期",
    "sharing_type": "请选择共享类型",
    "open_type": "请选择开放类型",
}


def _missing_metadata(content: VersionContent) -> Iterator[tuple[str, str]]:
    if len(content.summary.strip()) < MIN_SUMMARY:
        yield "summary", f"请填写摘要（至少 {MIN_SUMMARY} 个字），说明数据是什么、覆盖谁"
    for name, text in _DEMANDED.items():
        if not getattr(content, name):
            yield name, text
    access = {name: getattr(content, name) for name in kind_of(content.kind).fields}
    yield from missing_access(content.kind, access)
    if content.sharing_type == SharingType.CONDITIONAL and not content.sharing_condition.strip():
        yield "sharing_condition", "有条件共享须写明共享条件"
    if content.sharing_type == SharingType.NONE and not content.sharing_basis.strip():
        yield "sharing_basis", "不予共享须写明法定依据（法规名称和条款）"
    if content.open_type == OpenType.RESTRICTED and not content.open_condition.strip():
        yield "open_condition", "受限开放须写明开放条件"


_MASKING = re.compile("脱敏|匿名|去标识")
_OPENED = (OpenType.UNCONDITIONAL, OpenType.RESTRICTED)


def _contradictions(content: VersionContent) -> Iterator[tuple[str, str]]:
    highest = max((i.sensitivity for i in content.items), default=Level.L1)
    if content.level_floor and content.level_floor < highest:
        yield "level_floor", f"从严定级不能低于数据项的最高级别 {highest}（就高从严）"
    if content.open_type in _OPENED and content.level == Level.L4:
        yield "open_type", "L4 数据不得开放，请选择禁止开放"
    elif (
        content.open_type == OpenType.UNCONDITIONAL
        and content.level != Level.L1
        # Masked data may be opened to everybody (浙江省政府令 381); the entry has to say that it is meant so.
        and not _MASKING.search(content.open_condition)
    ):
        yield (
            "open_type",
            (
                f"安全级别 {content.level} 的数据不能原样无条件开放。"
                "脱敏后可以开放给所有人的，请在开放条件里写明脱敏办法；否则请选受限开放"
            ),
        )


def _missing_item(
    item: ItemContent, codes: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, str]]:
    if not item.title.strip():
        yield "title", "请填写中文名称"
    if not item.name:
        yield "name", f"请填写字段名（{SNAKE_ADVICE}）"
    if not (item.title.strip() and item.name):
        return
    try:
        column_spec(item, codes)
    except ContractError as error:
        yield "type", str(error)
    if item.pattern:
        try:
            re.compile(item.pattern)
        except re.error as error:
            yield "pattern", f"正则“{item.pattern}”写法有误（{error}）"

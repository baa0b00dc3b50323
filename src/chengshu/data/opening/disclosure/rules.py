"""What is asked of a release about people, and which fields play which part in it.

The method is the K-anonymity model of GB/T 42460-2023 (annex D): nobody may be found among fewer than ``k`` people by
what others may know of them (准标识符), so a guess is right at most once in ``k``. In a group whose members all have
the same sensitive value nobody needs to be found: ``l`` different values are asked for. The standard names no number
for open data; the defaults are the platform's (five is the least cell of most statistical offices) and can be raised
freely, lowered only with a second person's approval.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from chengshu.data.contract.facade import ColumnSpec
from chengshu.kernel.errors import InvalidInput
from chengshu_gateway.masks import parse

QUASI, SENSITIVE, PLAIN = "quasi", "sensitive", "none"
ROLE_NAMES = {QUASI: "准标识符", SENSITIVE: "敏感字段", PLAIN: "不参与"}
MOST = 1_000
# With one of these a row is about a person.
_PERSON = re.compile(r"性别|出生|年龄|民族|婚姻|学历|文化程度|籍贯|户籍|职业")
_PLACE = re.compile(r"社区|村名|街道|乡镇|区划|住址|地址|网格|邮编|邮政编码|就读学校|工作单位")
_PLACE_FORMATS = {"region12", "region6", "postcode"}
_OWN_MOMENT = re.compile(r"更新|采集|入库|推送|同步|统计")
_SENSITIVE = re.compile(
    r"病|诊断|症|残疾|伤残|低保|特困|救助|补贴|补助|抚恤|收入|工资|薪|处罚|违法|犯罪|失信|信用|欠"
    r"|宗教|信仰|政治面貌|矫正|吸毒|怀孕|妊娠|过敏|疫苗|困难|成绩|评分"
)
_PEOPLE_COUNTED = re.compile(r"人数|人口数|户数|人次$")
_AGGREGATE = re.compile(r"数量|人数|人口数|户数|人次$|占比|比例|率$")
# Masks that leave a part of the value, and masks that leave nothing anybody could know.
_BLANK = {"full", "null"}
_CODED = {"hash", "hash_sm3", "pseudo_id", "pseudo_phone", "pseudo_name", "pseudo_code"}
_NUMBERED = {"year", "month", "age_band", "shift"}


@dataclass(frozen=True, slots=True)
class Rules:
    """What a release is judged by.

    ``roles`` are the provider's own decisions by field (:data:`QUASI`, :data:`SENSITIVE`, :data:`PLAIN`); the others
    are proposed. ``suppress``: rows of groups that are too small stay out. ``differencing``: earlier releases count.
    """

    k: int
    l: int  # noqa: E741 - the letter everybody writes
    roles: Mapping[str, str] = field(default_factory=dict)
    suppress: bool = False
    differencing: bool = True


@dataclass(frozen=True, slots=True)
class Parts:
    """The fields of a release by their part; ``weight`` counts people where rows are figures about groups."""

    quasi: tuple[str, ...]
    sensitive: tuple[str, ...]
    weight: str = ""

    @property
    def about_people(self) -> bool:
        """Whether there is anything to judge."""
        return bool(self.quasi)


def default_k() -> int:
    """The least size of a group."""
    return int(settings.OPENING_LEAST_GROUP)


def default_l() -> int:
    """The least number of different sensitive values in a group."""
    return int(settings.OPENING_LEAST_VALUES)


def read(stored: Mapping[str, Any]) -> Rules:
    """The rules a dataset keeps (``OpenDataset.privacy``)."""
    return Rules(
        k=int(stored.get("k", default_k())), l=int(stored.get("l", default_l())),
        roles=dict(stored.get("roles", {})), suppress=bool(stored.get("suppress", False)),
        differencing=bool(stored.get("differencing", True)),
    )  # fmt: skip


def checked(stored: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """The rules as a dataset may keep them; roles of fields that are not opened are dropped.

    Raises:
        InvalidInput: a number out of range or an unknown role.
    """
    problems: dict[str, str] = {}
    rules = read(stored)
    if not 1 <= rules.k <= MOST:
        problems["k"] = f"1 到 {MOST:,}"
    if not 1 <= rules.l <= min(rules.k, MOST):
        problems["l"] = "1 到每组最少人数"
    if set(rules.roles.values()) - set(ROLE_NAMES):
        problems["roles"] = "只能是准标识符、敏感字段或不参与"
    if problems:
        raise InvalidInput("评估要求没有保存。", fields=problems)
    kept: dict[str, Any] = {}
    if rules.k != default_k():
        kept["k"] = rules.k
    if rules.l != default_l():
        kept["l"] = rules.l
    roles = {name: role for name, role in rules.roles.items() if name in set(fields)}
    if roles:
        kept["roles"] = roles
    if rules.suppress:
        kept["suppress"] = True
    if not rules.differencing:
        kept["differencing"] = False
    return kept


def proposed(columns: Sequence[ColumnSpec], masks: Mapping[str, str]) -> dict[str, str]:
    """The part each field should play, by format, type, title and mask; all plain where no row is about a person."""
    if not any(_about_person(column, masks) for column in columns):
        return {}
    found = {column.name: _role(column, masks.get(column.name, "")) for column in columns}
    return {name: role for name, role in found.items() if role != PLAIN}


def parts(columns: Sequence[ColumnSpec], masks: Mapping[str, str], rules: Rules) -> Parts:
    """The fields by the part they play, the provider's decisions first."""
    roles = proposed(columns, masks) | dict(rules.roles)
    names = [column.name for column in columns]
    weight = next(
        (c.name for c in columns if str(c.type) == "integer" and _PEOPLE_COUNTED.search(c.title)), ""
    )  # fmt: skip
    return Parts(
        quasi=tuple(n for n in names if roles.get(n) == QUASI and n != weight),
        sensitive=tuple(n for n in names if roles.get(n) == SENSITIVE and n != weight),
        weight=weight,
    )


def loosened(
    stored: Mapping[str, Any], columns: Sequence[ColumnSpec], masks: Mapping[str, str]
) -> list[str]:
    """In which ways a dataset asks for less than the platform would; a second person has to agree to each."""
    rules = read(stored)
    found = []
    if rules.k < default_k():
        found.append(f"每组最少 {rules.k} 人（平台默认 {default_k()} 人）")
    if rules.l < default_l():
        found.append(f"敏感值最少 {rules.l} 种（平台默认 {default_l()} 种）")
    if not rules.differencing:
        found.append("不与以前的版本比较")
    wanted = proposed(columns, masks) if rules.roles else {}
    titles = {column.name: column.title for column in columns}
    for name, role in wanted.items():
        if rules.roles.get(name, role) != role:
            found.append(f"“{titles[name]}”不再当作{ROLE_NAMES[role]}")
    return found


def _about_person(column: ColumnSpec, masks: Mapping[str, str]) -> bool:
    if _AGGREGATE.search(column.title) or _blank(masks.get(column.name, "")):
        return False
    return bool(_PERSON.search(column.title)) or str(column.format or "") == "id_number"


def _blank(mask: str) -> bool:
    return bool(mask) and parse(mask).kind in _BLANK


def _role(column: ColumnSpec, mask: str) -> str:
    kind = parse(mask).kind if mask else ""
    if kind in _BLANK | _CODED or _AGGREGATE.search(column.title):
        return PLAIN
    if _SENSITIVE.search(column.title):
        return SENSITIVE
    known = _PERSON.search(column.title) or _PLACE.search(column.title)
    if known or str(column.format or "") in _PLACE_FORMATS:
        return QUASI
    dated = str(column.type) in {"date", "datetime"} or kind in _NUMBERED
    if dated and not _OWN_MOMENT.search(column.title):
        return QUASI
    # A name or number of which a part is left: its part may be known.
    return QUASI if kind and kind not in _NUMBERED | {"band"} else PLAIN

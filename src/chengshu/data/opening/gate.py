"""The publication gate: what may be opened at all, and which fields of it.

Rules: only resources catalogued as 无条件开放 (浙江省政府令 381) and not important or core data (GB/T 43697-2024); only
fields of level L1 (DB33/T 2351-2021); never personal identifiers, whatever their level says. A refusal names every
field with the reason and the way out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.contract.facade import ColumnSpec
from chengshu.kernel.errors import Conflict, InvalidInput

OPEN_LEVEL = "L1"
GENERAL_CLASS = "general"
PERSONAL_FORMATS: dict[str, str] = {
    "id_number": "居民身份证号", "mobile": "个人手机号", "bank_card": "银行卡号",
    "plate": "机动车号牌", "email": "电子邮箱",
}  # fmt: skip
# What a person's name, number or home is called in catalogues. 单位电话、企业名称 are not among them.
_NAME_LIKE = re.compile(
    r"姓名|法定代表人|法人代表|负责人|联系人|经办人|责任人|当事人|监护人|户主|户名"
    r"|身份证|证件号|手机|银行卡|银行账号|家庭住址|家庭地址|现住址|户籍地|出生日期"
    r"|(人|员|医师|医生|律师|经理|主任|领导|亲属|书记)$"
    r"|(河|湖|队|校|院|店|站|所|路|街|班|组|局|科|处|厂|社|村|理事|会)长$"
)
_NOT_A_NAME = re.compile(r"^是否|数量|人数|次数|类型|类别|状态|数$|单位$|单位名称")
REFUSED_OPENING = {
    "forbidden": ("编目为“禁止开放”，不能开放。", "如编目有误，请先变更目录的开放类型并经审核。"),
    "restricted": (
        "编目为“受限开放”，不能在门户上无条件发布。",
        "如确可无条件开放，请先变更目录的开放类型并经审核。",
    ),
    "": ("还没有确定开放类型，不能开放。", "请先在目录中确定开放类型并经审核。"),
}


@dataclass(frozen=True, slots=True)
class FieldVerdict:
    """Whether one field may be opened; ``reason`` and ``advice`` say why not and what to do."""

    column: ColumnSpec
    reason: str = ""
    advice: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the field may be opened."""
        return not self.reason


def judge_resource(resource: PublishedResource) -> tuple[str, str] | None:
    """Why the resource as a whole cannot be opened, and what to do; None when it can."""
    if resource.open_type in REFUSED_OPENING:
        reason, advice = REFUSED_OPENING[resource.open_type]
        return f"“{resource.title}”{reason}", advice
    if resource.national_class != GENERAL_CLASS:
        return (
            f"“{resource.title}”属于重要数据或核心数据，不能开放。",
            "如定级有误，请先变更目录的国家分级并经审核。",
        )
    return None


def judge_field(column: ColumnSpec) -> FieldVerdict:
    """Whether a field may be opened."""
    kind = PERSONAL_FORMATS.get(str(column.format or ""))
    if kind:
        return FieldVerdict(column, f"是{kind}，属于个人信息", "请不要选择它。")
    if _NAME_LIKE.search(column.title) and not _NOT_A_NAME.search(column.title):
        return FieldVerdict(
            column,
            "看起来是个人姓名、证件、电话或住址",
            "请不要选择它；如确非个人信息，请先在目录中改清名称。",
        )
    if not column.sensitivity:
        return FieldVerdict(column, "还没有定级", "请先在目录中给它定级并经审核。")
    if column.sensitivity != OPEN_LEVEL:
        return FieldVerdict(
            column, f"是 {column.sensitivity} 级，只有 L1（不敏感）可以无条件开放",
            "请不要选择它，或先在目录中重新定级并经审核。",
        )  # fmt: skip
    return FieldVerdict(column)


def judge(resource: PublishedResource) -> list[FieldVerdict]:
    """The verdict on every field, in catalogue order."""
    return [judge_field(column) for column in resource.columns]


def allowed_fields(resource: PublishedResource) -> list[str]:
    """Names of the fields that may be opened."""
    return [verdict.column.name for verdict in judge(resource) if verdict.allowed]


def require(resource: PublishedResource, fields: Sequence[str]) -> tuple[ColumnSpec, ...]:
    """The chosen columns in catalogue order, or a refusal that names each field.

    Raises:
        Conflict: the resource as a whole cannot be opened.
        InvalidInput: no field, an unknown field, or fields that may not be opened.
    """
    refused = judge_resource(resource)
    if refused is not None:
        raise Conflict(refused[0], kept="没有开放任何数据。", advice=refused[1])
    if not fields:
        raise InvalidInput("请至少选择一个开放字段。", fields={"fields": "还没有选择字段"})
    wanted = set(fields)
    unknown = sorted(wanted - {column.name for column in resource.columns})
    if unknown:
        raise InvalidInput(
            f"目录中已没有这些字段：{'、'.join(unknown)}。", kept="没有开放任何数据。",
            advice="请按现行目录重新选择字段。", fields={"fields": "有字段已不在目录中"},
        )  # fmt: skip
    verdicts = [v for v in judge(resource) if v.column.name in wanted]
    problems = [v for v in verdicts if not v.allowed]
    if problems:
        told = "；".join(f"“{v.column.title}”{v.reason}，{v.advice.rstrip('。')}" for v in problems)
        raise InvalidInput(
            f"有 {len(problems)} 个字段不能开放：{told}。", kept="没有开放任何数据。",
            fields={"fields": told},
        )  # fmt: skip
    return tuple(verdict.column for verdict in verdicts)

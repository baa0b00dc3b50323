"""The publication gate: what may be opened at all, and which fields of it.

Rules: resources catalogued as 无条件开放, or 受限开放 under an agreement and with an approval (浙江省政府令 381),
禁止开放 in no way; never important or core data (GB/T 43697-2024); fields of level L1 as they are, L2 and L3 only
masked and approved, L4 never (DB33/T 2351-2021); no personal identifiers among fields declared harmless. A refusal
names every field with the reason and the way out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.opening import masking
from chengshu.kernel.errors import Conflict, InvalidInput

OPEN_LEVEL = "L1"
MASKED_LEVELS = ("L2", "L3")
RESTRICTED = "restricted"
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
        "编目为“受限开放”，审批通过了也不能开放给所有人。",
        "请勾选“按协议开放”：说明公开，数据给申请并接受协议的人；脱敏后确可给所有人的，请先变更目录的开放类型并经审核。",
    ),
    "": ("还没有确定开放类型，不能开放。", "请先在目录中确定开放类型并经审核。"),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a dataset brings to the gate: masks by field, and whether a second person approved exactly that.

    ``agreement``: it goes only to those who accept the agreement.
    ``loosened`` says in which ways it asks less than the platform of a release about people; each needs the approval.
    """

    masks: Mapping[str, str] = field(default_factory=dict)
    approved: bool = False
    agreement: bool = False
    loosened: Sequence[str] = ()


NO_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class FieldVerdict:
    """Whether one field may be opened; ``reason`` and ``advice`` say why not and what to do.

    ``maskable``: it may be, with a mask and an approval.
    """

    column: ColumnSpec
    reason: str = ""
    advice: str = ""
    maskable: bool = False

    @property
    def allowed(self) -> bool:
        """Whether the field may be opened."""
        return not self.reason


def judge_resource(
    resource: PublishedResource, *, agreement: bool = False
) -> tuple[str, str] | None:
    """Why the resource as a whole cannot be opened, and what to do; None when it can.

    ``agreement``: to those who accept the agreement only. No approval opens a restricted resource to everybody.
    """
    refusable = set(REFUSED_OPENING) - ({RESTRICTED} if agreement else set())
    if resource.open_type in refusable:
        reason, advice = REFUSED_OPENING[resource.open_type]
        return f"“{resource.title}”{reason}", advice
    if resource.national_class != GENERAL_CLASS:
        return (
            f"“{resource.title}”属于重要数据或核心数据，不能开放。",
            "如定级有误，请先变更目录的国家分级并经审核。",
        )
    return None


def judge_field(column: ColumnSpec) -> FieldVerdict:
    """Whether a field may be opened as it is."""
    if not column.sensitivity:
        return FieldVerdict(column, "还没有定级", "请先在目录中给它定级并经审核。")
    if column.sensitivity in MASKED_LEVELS:
        return FieldVerdict(
            column, f"是 {column.sensitivity} 级，只有脱敏并经审批才能开放",
            "请选择脱敏方式，或不要选择它。", maskable=True,
        )  # fmt: skip
    if column.sensitivity != OPEN_LEVEL:
        return FieldVerdict(
            column, f"是 {column.sensitivity} 级，任何时候都不开放", "请不要选择它。"
        )
    kind = PERSONAL_FORMATS.get(str(column.format or ""))
    if kind:
        return FieldVerdict(
            column, f"是{kind}，属于个人信息",
            "请不要选择它，或先在目录中重新定级，再脱敏开放。",
        )  # fmt: skip
    if _NAME_LIKE.search(column.title) and not _NOT_A_NAME.search(column.title):
        return FieldVerdict(
            column,
            "看起来是个人姓名、证件、电话或住址",
            "请不要选择它；如确非个人信息，请先在目录中改清名称。",
        )
    return FieldVerdict(column)


def judge(resource: PublishedResource) -> list[FieldVerdict]:
    """The verdict on every field as it is, in catalogue order."""
    return [judge_field(column) for column in resource.columns]


def allowed_fields(resource: PublishedResource) -> list[str]:
    """Names of the fields that may be opened as they are."""
    return [verdict.column.name for verdict in judge(resource) if verdict.allowed]


def needs_approval(resource: PublishedResource, fields: Sequence[str]) -> bool:
    """Whether a second person has to agree: the resource is restricted, or a field is above L1."""
    chosen = set(fields)
    return resource.open_type == RESTRICTED or any(
        column.sensitivity in MASKED_LEVELS for column in resource.columns if column.name in chosen
    )


def require(
    resource: PublishedResource, fields: Sequence[str], terms: Terms = NO_TERMS
) -> tuple[ColumnSpec, ...]:
    """The chosen columns in catalogue order, or a refusal that names each field.

    Raises:
        Conflict: the resource as a whole cannot be opened, or an approval is missing.
        InvalidInput: no field, an unknown field, or fields that may not be opened.
    """
    columns = choose(resource, fields, terms.masks, agreement=terms.agreement)
    if terms.loosened and not terms.approved:
        raise Conflict(
            f"隐私评估的要求放宽了，还没有经另一人审批：{'；'.join(terms.loosened)}。", kept="没有开放任何数据。",
            advice="请写明依据并提交审批，或恢复默认要求。",
        )  # fmt: skip
    if needs_approval(resource, fields) and not terms.approved:
        reason = "是受限开放的资源" if resource.open_type == RESTRICTED else "选了 L2、L3 级字段"
        raise Conflict(
            f"{reason}，还没有经另一人审批。", kept="没有开放任何数据。",
            advice="请写明依据并提交审批；内容改动后要重新提交。",
        )  # fmt: skip
    return columns


def choose(
    resource: PublishedResource,
    fields: Sequence[str],
    masks: Mapping[str, str],
    *,
    agreement: bool = False,
) -> tuple[ColumnSpec, ...]:
    """As :func:`require`, for a draft: everything but the approval itself."""
    refused = judge_resource(resource, agreement=agreement)
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
    verdicts = [
        _with_mask(v, masks.get(v.column.name, ""), resource)
        for v in judge(resource)
        if v.column.name in wanted
    ]
    problems = [v for v in verdicts if not v.allowed]
    if problems:
        told = "；".join(f"“{v.column.title}”{v.reason}，{v.advice.rstrip('。')}" for v in problems)
        raise InvalidInput(
            f"有 {len(problems)} 个字段不能开放：{told}。", kept="没有开放任何数据。",
            fields={"fields": told},
        )  # fmt: skip
    return tuple(verdict.column for verdict in verdicts)


def _with_mask(verdict: FieldVerdict, mask: str, resource: PublishedResource) -> FieldVerdict:
    """The verdict on a field together with its mask."""
    if not mask or not (verdict.maskable or verdict.allowed):
        return verdict
    problem = masking.problem_of(mask, resource.columns)
    if not problem:
        return FieldVerdict(verdict.column)
    return FieldVerdict(verdict.column, f"的脱敏方式不能用：{problem}", "请换一种脱敏方式。")

"""Forms of opening: they parse; the gate and the services judge."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.opening import gate, masking, terms
from chengshu.data.opening.choices import Licence, Theme
from chengshu.data.opening.disclosure import rules
from chengshu.data.opening.models import OpenDataset
from chengshu.data.protection.facade import NONE, choices, mask_name
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import FormSection

_SPLIT = re.compile(r"[\s,，、;；]+")
OPERATORS = (
    ("", "全部记录"), ("eq", "等于"), ("ne", "不等于"), ("prefix", "开头是"), ("in", "属于（用逗号分隔）"),
    ("ge", "不小于"), ("le", "不大于"),
)  # fmt: skip


class _FieldChoice(forms.Form):
    """Which of the allowed fields to open, and which rows."""

    sections: Sequence[FormSection]

    def __init__(self, *args: Any, resource: PublishedResource, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.resource = resource
        choice = forms.MultipleChoiceField(
            label="开放字段", widget=forms.CheckboxSelectMultiple, choices=self._choices(),
            help_text="只列出可以开放的字段；其余字段和原因在右侧。",
        )  # fmt: skip
        choice.initial = gate.allowed_fields(resource)
        self.fields["fields"] = choice
        self.fields["filter_field"] = forms.ChoiceField(
            label="按哪个字段限定", required=False,
            choices=[("", "不限定")] + [(c.name, c.title) for c in resource.columns],
        )  # fmt: skip
        self.fields["filter_operator"] = forms.ChoiceField(
            label="怎么比较", required=False, choices=OPERATORS
        )
        self.fields["filter_value"] = forms.CharField(
            label="和什么比较", required=False, max_length=500, help_text="例如区划代码开头是 33。"
        )

    def _choices(self) -> list[tuple[str, str]]:
        allowed = [v.column for v in gate.judge(self.resource) if v.allowed]
        return [(c.name, f"{c.title}（{c.name}）") for c in allowed]

    def row_filter(self) -> dict[str, Any] | None:
        """The row scope in the gateway's language; None for all rows."""
        name, operator = self.cleaned_data["filter_field"], self.cleaned_data["filter_operator"]
        if not name or not operator:
            return None
        kind = str(self.resource.column(name).type)
        text = self.cleaned_data["filter_value"].strip()
        if operator == "in":
            return {"in": [name, [_value(kind, part) for part in _SPLIT.split(text) if part]]}
        return {operator: [name, _value(kind, text)]}

    def show(self, error: InvalidInput) -> None:
        """Put a service's messages beside their fields."""
        for name, text in error.fields.items():
            place = "filter_value" if name == "row_filter" else name
            self.add_error(place if place in self.fields else None, text)
        if not error.fields:
            self.add_error(None, error.detail)


def _value(kind: str, text: str) -> Any:
    if kind == "integer" and re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        return int(text)
    if kind == "boolean" and text in {"是", "否", "true", "false"}:
        return text in {"是", "true"}
    return text


class DatasetForm(_FieldChoice):
    """Describe a dataset."""

    title = forms.CharField(label="名称", max_length=120)
    slug = forms.CharField(
        label="网址名", max_length=60,
        help_text="小写字母、数字和连字符，例如 public-facility。发布后不能改。",
    )  # fmt: skip
    summary = forms.CharField(
        label="摘要", max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="这是什么数据、怎么来的、能用来做什么。",
    )  # fmt: skip
    theme = forms.ChoiceField(label="主题", choices=[("", "请选择"), *Theme.choices])
    keywords = forms.CharField(
        label="关键词",
        max_length=200,
        required=False,
        help_text="用逗号或空格分开，3 个以上更容易被找到。",
    )
    contact = forms.CharField(
        label="联系方式", max_length=120, required=False,
        help_text="公众有问题时找谁：单位和办公电话，不写个人手机。",
    )  # fmt: skip
    licence = forms.ChoiceField(label="许可", choices=Licence.choices, initial=Licence.CC_BY)
    restricted = forms.BooleanField(
        label="按协议开放", required=False,
        help_text="只在门户上公布说明；要数据的人实名申请、接受协议、经同意后用自己的密钥下载。",
    )  # fmt: skip
    basis = forms.CharField(
        label="开放依据", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="哪条法律法规允许，或取得了谁的授权。提交审批时必填。",
    )  # fmt: skip
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, dataset: OpenDataset | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = dict(dataset.masks) if dataset is not None else {}
        masked = [
            self._add_mask(column, held.get(column.name, "")) for column in self._maskable(held)
        ]
        loosened = dataset is not None and bool(terms.ways_loosened(dataset, self.resource))
        above = bool(self._maskable({}))
        asked = above or loosened or self.resource.open_type == gate.RESTRICTED
        if not asked:
            del self.fields["basis"]
        self.sections = self._sections(masked, asked=asked)
        self._choose_way(dataset)
        if dataset is not None:
            self.fields["slug"].disabled = True
            self.fields["slug"].help_text = "发布后不能改，以免别人存下的网址失效。"

    def _choose_way(self, dataset: OpenDataset | None) -> None:
        """A restricted resource goes under the agreement only; what is public must be withdrawn before that changes."""
        if self.resource.open_type != gate.RESTRICTED or (dataset is not None and dataset.public):
            return
        self.initial["restricted"] = True
        field = self.fields["restricted"]
        field.disabled = True
        field.help_text = (
            "编目为“受限开放”，只能按协议开放：说明公开，数据给实名申请、接受协议并经同意的人。"
            "确可开放给所有人的，请先变更目录的开放类型。"
        )

    def _maskable(self, held: Mapping[str, str]) -> list[ColumnSpec]:
        """Fields that need a mask, and harmless ones that were made coarser on purpose."""
        return [
            v.column for v in gate.judge(self.resource)
            if v.maskable or (v.allowed and v.column.name in held)
        ]  # fmt: skip

    def _choices(self) -> list[tuple[str, str]]:
        return [
            (v.column.name, f"{v.column.title}（{v.column.name}）{self._hint(v)}")
            for v in gate.judge(self.resource)
            if v.allowed or v.maskable
        ]

    @staticmethod
    def _hint(verdict: gate.FieldVerdict) -> str:
        return f"· {verdict.column.sensitivity}，脱敏开放" if verdict.maskable else ""

    def _add_mask(self, column: ColumnSpec, held: str) -> str:
        suggestion, name = masking.proposed(column), f"mask_{column.name}"
        subject = self.resource.key[0] if self.resource.key else ""
        offered = choices(subject=subject, extra=(suggestion, held))
        needed = column.sensitivity in gate.MASKED_LEVELS
        self.fields[name] = forms.ChoiceField(
            label=f"{column.title}怎么脱敏", initial=held or suggestion, required=False,
            choices=[
                ("" if mask == NONE else mask, word)
                for mask, word in offered if mask != NONE or not needed
            ],
            help_text=f"建议：{mask_name(suggestion)}",
            widget=forms.Select(attrs={"data-with": f"fields={column.name}"}),
        )  # fmt: skip
        return name

    @staticmethod
    def _sections(masked: Sequence[str], *, asked: bool) -> list[FormSection]:
        described = (
            "title",
            "slug",
            "summary",
            "theme",
            "keywords",
            "contact",
            "licence",
            "restricted",
        )
        rows = ("filter_field", "filter_operator", "filter_value")
        found = [
            FormSection("说清楚是什么", described),
            FormSection("开放哪些字段", ("fields",)),
        ]
        if masked:
            found.append(
                FormSection(
                    "怎么脱敏",
                    tuple(masked),
                    "只对上面选中的字段起作用；发布前会检查是否还认得出来。",
                )
            )
        if asked:
            found.append(
                FormSection(
                    "凭什么开放",
                    ("basis",),
                    "选了 L2、L3 字段、放宽了隐私评估，或资源是受限开放的，要经另一人审批。",
                )
            )
        return [*found, FormSection("开放哪些记录", rows, "不填就开放全部记录。")]

    def content(self) -> dict[str, Any]:
        """Arguments of the service."""
        data = self.cleaned_data
        return {
            "title": data["title"], "summary": data["summary"], "fields": data["fields"],
            "theme": data["theme"], "licence": data["licence"], "row_filter": self.row_filter(),
            "keywords": [word for word in _SPLIT.split(data["keywords"]) if word],
            "masks": {n: data[f"mask_{n}"] for n in data["fields"] if data.get(f"mask_{n}")},
            "basis": data.get("basis", ""), "contact": data["contact"], "restricted": data["restricted"],
        }  # fmt: skip


def initial_of(dataset: OpenDataset) -> dict[str, Any]:
    """What the form shows of an existing dataset."""
    shown: dict[str, Any] = {
        "title": dataset.title, "slug": dataset.slug, "summary": dataset.summary,
        "theme": dataset.theme, "keywords": "、".join(dataset.keywords), "licence": dataset.licence,
        "contact": dataset.contact, "restricted": dataset.restricted,
        "fields": dataset.fields, "revision": dataset.revision, "basis": dataset.basis,
    }  # fmt: skip
    if dataset.row_filter:
        ((operator, argument),) = dataset.row_filter.items()
        if operator in dict(OPERATORS):
            value = argument[1]
            shown |= {
                "filter_field": argument[0], "filter_operator": operator,
                "filter_value": "，".join(map(str, value)) if isinstance(value, list) else str(value),
            }  # fmt: skip
    return shown


class InterfaceForm(_FieldChoice):
    """Describe an interface."""

    sections = (
        FormSection("是什么接口", ("title", "slug", "summary")),
        FormSection("开放哪些字段", ("fields",)),
        FormSection(
            "开放哪些记录",
            ("filter_field", "filter_operator", "filter_value"),
            "不填就开放全部记录。",
        ),
    )
    title = forms.CharField(label="名称", max_length=120)
    slug = forms.CharField(
        label="网址名", max_length=60, help_text="小写字母、数字和连字符；上线后不能改。"
    )
    summary = forms.CharField(
        label="说明", required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3})
    )


class PrivacyForm(forms.Form):
    """What is asked of a release about people, and the part of each field."""

    k = forms.IntegerField(label="每组最少几人（k）", min_value=1, max_value=rules.MOST)
    l = forms.IntegerField(label="敏感字段最少几种值（l）", min_value=1, max_value=rules.MOST)  # noqa: E741
    differencing = forms.BooleanField(
        label="与以前的版本比较", required=False,
        help_text="新旧两版对照，每组要么不变，要么至少增减 k 行。",
    )  # fmt: skip
    suppress = forms.BooleanField(
        label="隐去不满足的组",
        required=False,
        help_text="发布时自动不放这些行，页面上写明少了几行。",
    )

    def __init__(
        self, *args: Any, columns: Sequence[ColumnSpec], proposals: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.proposals = proposals
        self.fields["k"].help_text = (
            f"默认 {rules.default_k()}，即猜中一个人的机会不超过 1/{rules.default_k()}；"
            "方法见 GB/T 42460-2023 附录 D，数字是平台默认值。调低要经另一人审批。"
        )
        self.fields["l"].help_text = f"默认 {rules.default_l()}。调低要经另一人审批。"
        names = []
        for column in columns:
            own = proposals.get(column.name, rules.PLAIN)
            name = f"role_{column.name}"
            names.append(name)
            self.fields[name] = forms.ChoiceField(
                label=column.title, choices=list(rules.ROLE_NAMES.items()), initial=own,
                help_text=f"建议：{rules.ROLE_NAMES[own]}",
            )  # fmt: skip
        self.sections = [
            FormSection("要求", ("k", "l", "differencing", "suppress")),
            FormSection(
                "各字段的作用", tuple(names),
                "准标识符：别人可能知道的，如性别、出生年月、社区。敏感字段：不想让人知道的，如病种、补助。",
            ),
        ]  # fmt: skip

    def wanted(self) -> dict[str, Any]:
        """The rules as the service takes them; roles only where they differ from the proposal."""
        data = self.cleaned_data
        roles = {
            name.removeprefix("role_"): value
            for name, value in data.items() if name.startswith("role_")
        }  # fmt: skip
        kept = {
            name: role for name, role in roles.items()
            if role != self.proposals.get(name, rules.PLAIN)
        }  # fmt: skip
        return {
            "k": data["k"], "l": data["l"], "differencing": data["differencing"],
            "suppress": data["suppress"], "roles": kept,
        }  # fmt: skip


class ReasonForm(forms.Form):
    """Why something is taken back."""

    reason = forms.CharField(
        label="原因", max_length=300, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="会显示给还在访问的人，请写得让他们明白。",
    )  # fmt: skip

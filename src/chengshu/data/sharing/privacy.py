"""Differential privacy of a grant: the part of the grant's form, and its terms in words."""

import re
from typing import Any

from django import forms

from chengshu_gateway import privacy_terms
from chengshu_gateway.privacy_terms import (
    LEAST_EPSILON,
    MOST_BUDGET,
    MOST_EPSILON,
    MOST_RECORDS,
    Privacy,
    PrivacyError,
)
from chengshu_gateway.private.noise import installed

PERIODS = {"month": "每月", "day": "每天"}
_MISSING = "本机没有安装 OpenDP（可选组件），装好以前网关会拒绝这项授权的统计查询。"
_SPLIT = re.compile(r"[\s,，;；、]+")


def wire_terms(stored: dict[str, Any] | None) -> Privacy | None:
    """The terms as the gateway reads them, None without differential privacy; raises PrivacyError."""
    return privacy_terms.from_document(stored) if stored else None


def sentence(stored: dict[str, Any] | None) -> str:
    """The terms in words for pages."""
    if not stored:
        return "不用"
    terms = privacy_terms.from_document(stored)
    return (
        f"每次 ε {terms.epsilon:g}，{PERIODS[terms.period]}合计 {terms.budget:g}，"
        f"一个人最多 {terms.records} 条"
    )


class PrivacyFields(forms.Form):
    """What the grant's form says about noise and budget."""

    private = forms.BooleanField(
        label="统计用差分隐私", required=False,
        help_text="只许统计查询的授权可用：每个数字都加随机扰动，反复问、拼着问也推不出某个人；"
        "预算用完，本期不再答新问题。",
    )  # fmt: skip
    epsilon = forms.FloatField(
        label="每次用多少预算（ε）", required=False, initial=0.5,
        min_value=LEAST_EPSILON, max_value=MOST_EPSILON,
        help_text="越小越安全、扰动越大。0.5 时，一个只问条数的统计，95% 的数字相差不超过 6。",
    )  # fmt: skip
    budget = forms.FloatField(
        label="每期合计多少预算", required=False, initial=10.0,
        min_value=LEAST_EPSILON, max_value=MOST_BUDGET,
        help_text="每期最多问“合计 ÷ 每次”个不同的问题；问过的再问不用预算，答案相同。",
    )  # fmt: skip
    period = forms.ChoiceField(label="一期多长", required=False, choices=list(PERIODS.items()))
    records = forms.IntegerField(
        label="一个人最多几条记录", required=False, initial=1, min_value=1, max_value=MOST_RECORDS,
        help_text="按人保护：一人多条的表要如实填，填小了保护不足。",
    )  # fmt: skip
    bounds = forms.CharField(
        label="求和字段的上下限", required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="一行一个：字段名 下限 上限，如 income 0 50000。超出的按上下限算；没有写的字段不能求和。"
        "按常识定，不要照着数据里的最大值写。",
    )  # fmt: skip
    groups = forms.CharField(
        label="分组字段的取值", required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="一行一个：字段名 取值 取值…，如 area 330383001 330383002。有代码表的不用写；没有取值的不能分组。",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not installed():
            self.fields["private"].help_text = f"{self.fields['private'].help_text}{_MISSING}"

    def clean_bounds(self) -> dict[str, list[float]]:
        """Lines of name, low and high."""
        found: dict[str, list[float]] = {}
        for parts in _lines(self.cleaned_data["bounds"]):
            try:
                name, low, high = parts
                found[name] = [float(low), float(high)]
            except ValueError as error:
                raise forms.ValidationError("每行应为：字段名 下限 上限") from error
        return found

    def clean_groups(self) -> dict[str, list[str]]:
        """Lines of a name and its values."""
        return {name: values for name, *values in _lines(self.cleaned_data["groups"])}

    def terms(self) -> dict[str, Any]:
        """What the service gets; empty without differential privacy."""
        data = self.cleaned_data
        if not data["private"]:
            return {}
        return {
            "epsilon": data["epsilon"], "budget": data["budget"],
            "period": data["period"] or "month", "records": data["records"] or 1,
            "bounds": data["bounds"], "groups": data["groups"],
        }  # fmt: skip


def initial_of(stored: dict[str, Any] | None) -> dict[str, Any]:
    """The form's values of a grant."""
    try:
        terms = wire_terms(stored)
    except PrivacyError:
        terms = None
    if terms is None:
        return {}
    return {
        "private": True, "epsilon": terms.epsilon, "budget": terms.budget, "period": terms.period,
        "records": terms.records,
        "bounds": "\n".join(f"{n} {low:g} {high:g}" for n, (low, high) in terms.bounds.items()),
        "groups": "\n".join(" ".join((name, *values)) for name, values in terms.groups.items()),
    }  # fmt: skip


def _lines(text: str) -> list[list[str]]:
    found = ([part for part in _SPLIT.split(line.replace(":", " ").replace("：", " ")) if part]
             for line in text.splitlines())  # fmt: skip
    return [parts for parts in found if parts]

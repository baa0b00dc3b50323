"""Forms of the calendar's administration."""

from typing import Any

from django import forms

from chengshu.kernel.calendar.models import CalendarDay
from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.ui.components import FormSection

BASIS_LENGTH = 200


def show_error(form: forms.BaseForm, error: ChengshuError) -> None:
    """Put a service's refusal beside the field, or on top of the form."""
    for name, text in error.fields.items():
        form.add_error(name if name in form.fields else None, text)
    if not error.fields:
        form.add_error(None, error.detail)


def _date(label: str, **options: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": f"请选择{label}", "invalid": "请填写日期，例如 2027-10-01"},
        **options,
    )


def _basis() -> forms.CharField:
    return forms.CharField(
        label="依据",
        max_length=BASIS_LENGTH,
        help_text="放假通知的名称和文号",
        error_messages={"required": "请填写放假通知的名称和文号"},
    )


class DayForm(forms.Form):
    """What is said of a day."""

    kind = forms.ChoiceField(
        label="安排",
        choices=CalendarDay.Kind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "请选择上班或放假"},
    )
    name = forms.CharField(
        label="名称",
        max_length=60,
        help_text="例如：国庆节、国庆节调休上班",
        error_messages={"required": "请填写名称，例如：国庆节"},
    )
    basis = _basis()


class NewDaysForm(DayForm):
    """The same for several days in a row."""

    sections = (
        FormSection("哪几天", ("first", "last"), "连着的几天可以一次录入，最多 31 天。"),
        FormSection("怎么安排", ("kind", "name", "basis")),
    )
    first = _date("开始日期")
    last = _date("结束日期", required=False, help_text="只有一天时不填")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("first") and "last" in data and data["last"] is None:
            data["last"] = data["first"]
        return data


class DeclarationForm(forms.Form):
    """On what ground a year counts as complete."""

    basis = _basis()


class ReasonForm(forms.Form):
    """Why an entry or a declaration is taken back."""

    reason = forms.CharField(
        label="原因",
        max_length=300,
        error_messages={"required": "请写明原因"},
        help_text="会写入审计记录",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

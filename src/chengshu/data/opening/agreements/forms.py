"""Forms of restricted opening."""

from django import forms

from chengshu.kernel.errors import InvalidInput


class _Shown(forms.Form):
    def show(self, error: InvalidInput) -> None:
        """Put a service's messages beside their fields."""
        for name, text in error.fields.items():
            self.add_error(name if name in self.fields else None, text)


class ApplyForm(_Shown):
    """Apply under one's own name."""

    unit = forms.CharField(
        label="单位", max_length=80, required=False, help_text="个人申请可不填。"
    )
    purpose = forms.CharField(
        label="用途", max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="做什么、谁来用、结果是否公开。",
    )  # fmt: skip
    accepted = forms.BooleanField(label="我已阅读并接受上面的协议", required=False)
    agreement = forms.IntegerField(widget=forms.HiddenInput)


class DecisionForm(_Shown):
    """Decide on an application, or take a grant back."""

    act = forms.ChoiceField(label="怎么办", widget=forms.RadioSelect)
    until = forms.DateField(
        label="有效期至", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="同意时必填，当天仍有效。",
    )  # fmt: skip
    remark = forms.CharField(
        label="说明", required=False, max_length=300, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="不同意或收回时必填，申请人会看到。",
    )  # fmt: skip


class AgreementForm(_Shown):
    """A new version of the agreement."""

    text = forms.CharField(
        label="协议内容", max_length=20_000, widget=forms.Textarea(attrs={"rows": 14}),
        help_text="保存后成为新版本；已签署旧版的人不受影响。",
    )  # fmt: skip

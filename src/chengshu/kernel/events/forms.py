"""The form of an outside receiver."""

from typing import Any

from django import forms

from chengshu.kernel.events import web_hooks


class WebHookForm(forms.Form):
    """Name, address, and which events."""

    name = forms.CharField(
        label="名称", max_length=80, help_text="例如：省平台消息接收",
        error_messages={"required": "请填写名称"},
    )  # fmt: skip
    url = forms.CharField(
        label="接收地址",
        max_length=200,
        help_text="https:// 开头；事件以 CloudEvents 1.0 的 JSON 发送",
        error_messages={"required": "请填写 https:// 开头的地址"},
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )
    types = forms.MultipleChoiceField(
        label="接收哪些事件",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "请至少选择一类事件"},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["types"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(p, f"{name}（{p}*）") for p, name in web_hooks.offered_prefixes()]

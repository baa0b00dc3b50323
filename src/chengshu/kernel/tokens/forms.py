"""The form of a new token."""

from typing import Any

from django import forms

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.tokens.scopes import offered_to

LIVES = ((30, "30 天"), (90, "90 天"), (180, "180 天"), (365, "一年"))


class TokenForm(forms.Form):
    """What for, where, how long."""

    name = forms.CharField(
        label="用在哪里", max_length=80, help_text="例如：规划院的数据更新脚本。"
    )
    scopes = forms.MultipleChoiceField(
        label="用途", widget=forms.CheckboxSelectMultiple,
        help_text="令牌只能做选中的事，且不超过您自己的权限和范围。",
    )  # fmt: skip
    days = forms.TypedChoiceField(label="有效期", choices=LIVES, coerce=int, initial=90)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["scopes"]
        assert isinstance(choice, forms.MultipleChoiceField)
        choice.choices = [(scope.key, scope.name) for scope in offered_to(actor)]

"""What the security administrator fills in: exports of the trails, and the keys that sign them."""

from typing import Any

from django import forms

from chengshu.kernel.audit import anchor_keys, trails
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import FormSection


class _ServiceForm(forms.Form):
    def show(self, error: InvalidInput) -> None:
        """Put a service's messages beside their fields."""
        for name, text in error.fields.items():
            self.add_error(name if name in self.fields else None, text)
        if not error.fields:
            self.add_error(None, error.detail)


def _day(label: str, text: str) -> forms.DateField:
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(label=label, required=False, widget=widget, help_text=text)


class EvidenceForm(_ServiceForm):
    """Which stretch of the trails, of whom, and why."""

    since = _day("从哪天", "留空从最早的记录起")
    until = _day("到哪天", "留空到现在。按整段导出，可能略多几条")
    application = forms.ChoiceField(
        label="哪个应用", required=False,
        help_text="选定后只交这个应用的调用，其他应用的内容隐去，链条照样可以核验；平台操作记录不在其中",
    )  # fmt: skip
    reason = forms.CharField(
        label="交给谁、为什么", max_length=300, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="写进审计记录",
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        """Offer the applications there are."""
        super().__init__(*args, **options)
        field = self.fields["application"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "全部调用和平台操作")] + [
            (code, f"{name}（{code}）") for code, name in trails.applications()
        ]


class CheckForm(_ServiceForm):
    """An export that somebody brings back."""

    file = forms.FileField(
        label="导出的压缩包", widget=forms.FileInput(attrs={"accept": ".zip"}),
        help_text="用本市现用的公钥核验，核验完即删除",
    )  # fmt: skip


class KeyForm(_ServiceForm):
    """Renew the key in force, or declare a retired one compromised."""

    sections = (FormSection("哪一把密钥", ("key",)), FormSection("为什么", ("reason", "since")))

    key = forms.ChoiceField(label="密钥")
    reason = forms.CharField(
        label="原因", max_length=200, help_text="随证据交给第三方，例如“年度更换”“备份遗失”"
    )
    since = forms.DateTimeField(
        label="从何时起可能在他人手里", required=False,
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
        help_text="只在怀疑泄露时填：这之后它签的锚点不作数。停用的密钥必须填",
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        """Offer the key in force and those retired that are still trusted."""
        super().__init__(*args, **options)
        known = anchor_keys.known_keys()
        field = self.fields["key"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "现用的密钥：换一把新的")] + [
            (span.key, f"停用的 {span.key}：宣布泄露")
            for span in known[:-1]
            if span.bad_since is None
        ]
        field.required = False

"""Forms of the exchange with the public."""

from typing import Any

from django import forms

from chengshu.data.opening.voices.choices import HINTS
from chengshu.data.opening.voices.services import TEXT_LENGTH, TITLE_LENGTH
from chengshu.kernel.errors import InvalidInput


class _Shown(forms.Form):
    def show(self, error: InvalidInput) -> None:
        """Put a service's messages beside their fields."""
        for name, text in error.fields.items():
            self.add_error(name if name in self.fields else None, text)


class VoiceForm(_Shown):
    """Say something. ``homepage`` is for machines that fill in everything: people do not see it."""

    title = forms.CharField(label="标题", max_length=TITLE_LENGTH)
    text = forms.CharField(
        label="内容", max_length=TEXT_LENGTH, widget=forms.Textarea(attrs={"rows": 6})
    )
    link = forms.URLField(
        label="成果网址", required=False, max_length=300, assume_scheme="https",
        help_text="网页、应用或文章的地址。",
    )  # fmt: skip
    homepage = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[
            "text"
        ].help_text = f"{HINTS.get(kind, '')}答复后会公开；请不要写个人信息，写了也会被自动遮住。"
        if kind != "showcase":
            del self.fields["link"]

    def clean_homepage(self) -> str:
        """Refuse what only a machine fills in."""
        if self.cleaned_data["homepage"]:
            raise forms.ValidationError("没有提交。请不要填写隐藏的内容。")
        return ""


class AnswerForm(_Shown):
    """Answer."""

    answer = forms.CharField(
        label="答复", max_length=TEXT_LENGTH, widget=forms.Textarea(attrs={"rows": 6}),
        help_text="写明结论和依据；不开放、不改的，写明为什么。",
    )  # fmt: skip
    public = forms.BooleanField(
        label="公开来信和答复", required=False, initial=True,
        help_text="广告、辱骂或与开放数据无关的不公开，只有来信人看得到答复。",
    )  # fmt: skip

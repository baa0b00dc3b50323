"""Forms of discovery: they parse, the services judge."""

from typing import Any

from django import forms

from chengshu.data.catalog.facade import unit_choices
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import Organization

ENDINGS = ".csv,.txt,.tsv,.xlsx,.xls,.parquet,.json"


class OwnerForm(forms.Form):
    """For which department the entry is proposed."""

    owner = forms.ChoiceField(label="提供单位")

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        units = unit_choices(actor, "discovery.propose")
        field: Any = self.fields["owner"]
        field.choices = units
        own = actor.account.organization if actor.account else None
        if own is not None and any(code == own.code for code, _ in units):
            self.initial.setdefault("owner", own.code)

    def organization(self) -> Organization:
        """The chosen department."""
        return Organization.objects.get(code=self.cleaned_data["owner"])


class FileForm(OwnerForm):
    """A file to look at."""

    file = forms.FileField(
        label="文件", widget=forms.FileInput(attrs={"accept": ENDINGS}),
        help_text="有表头的一张表；Excel 的每个工作表各生成一份建议",
    )  # fmt: skip


class ReasonForm(forms.Form):
    """Why something is set aside."""

    reason = forms.CharField(
        label="理由", max_length=300, widget=forms.Textarea(attrs={"rows": 2}), required=False
    )

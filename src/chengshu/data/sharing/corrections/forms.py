"""Forms of corrections: they parse; the services judge."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from chengshu.data.sharing.corrections.services import LONGEST_EVIDENCE, LONGEST_VALUE, Report
from chengshu.data.sharing.forms import ServiceForm
from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.kernel.ui.components import FormSection


class ReportForm(ServiceForm):
    """Which record, which field, what is wrong with it."""

    sections = (
        FormSection("哪条记录", ("application", "key")),
        FormSection("哪里有误", ("column", "wrong", "right", "evidence")),
    )
    application = forms.ModelChoiceField(
        label="应用", queryset=Application.objects.none(), empty_label=None
    )
    key = forms.CharField(label="记录主键", max_length=256)
    column = forms.ChoiceField(label="有误的字段")
    wrong = forms.CharField(
        label="查到的值",
        max_length=LONGEST_VALUE,
        required=False,
        help_text="脱敏后的值照填，可不填。",
    )
    right = forms.CharField(label="应为", max_length=LONGEST_VALUE)
    evidence = forms.CharField(
        label="依据", max_length=LONGEST_EVIDENCE, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="凭什么说有误，如当事人出示的证件、生效文书。数源单位据此查证。",
    )  # fmt: skip

    def __init__(
        self,
        *args: Any,
        interface: ShareInterface,
        applications: QuerySet[Application],
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        chosen = self.fields["application"]
        assert isinstance(chosen, forms.ModelChoiceField)
        chosen.queryset = applications
        titles = {c["name"]: c["title"] for c in interface.columns}
        asked_by = titles.get(interface.key_column, interface.key_column)
        help_text = f"当时查询用的“{asked_by}”。加密保存，只给经办单位看。"
        self.fields["key"].help_text = help_text
        granted = {
            name
            for grant in interface.grants.filter(application__in=applications)
            for name in grant.fields
        }
        fields = self.fields["column"]
        assert isinstance(fields, forms.ChoiceField)
        fields.choices = [(name, title) for name, title in titles.items() if name in granted]

    def content(self) -> Report:
        """What the service needs."""
        values = self.cleaned_data
        return Report(
            key=values["key"], column=values["column"], wrong=values["wrong"],
            right=values["right"], evidence=values["evidence"],
        )  # fmt: skip

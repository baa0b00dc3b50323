"""Forms of the ticket package."""

from typing import Any, ClassVar

from django import forms

from chengshu.data.tickets.flow import Move
from chengshu.data.tickets.models import LONGEST_TERM, Policy, Ticket
from chengshu.data.tickets.selectors import officers
from chengshu.data.tickets.services.notes import Attachment
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.identity.choices import OrganizationKind
from chengshu.kernel.identity.models import Account, Organization
from chengshu.kernel.ui.components import FormSection


class ManyFiles(forms.ClearableFileInput):
    """A file input for several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, or none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=ManyFiles(attrs={"multiple": True}), required=False, **options)

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Clean each of them."""
        given = data if isinstance(data, list | tuple) else [data] if data else []
        return [super(FilesField, self).clean(item, initial) for item in given]


class ServiceForm(forms.Form):
    """A form that shows what a service refused beside its fields; its ids are its own on a page of many forms."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("auto_id", f"{type(self).__name__.lower()}_%s")
        super().__init__(*args, **options)

    def show(self, error: InvalidInput) -> None:
        """Put the messages of a service where they belong."""
        for name, text in error.fields.items():
            self.add_error(name if name in self.fields else None, text)
        if not error.fields:
            self.add_error(None, error.detail)

    def attachments(self) -> list[Attachment]:
        """The files given."""
        return [
            Attachment(item.name, item.chunks()) for item in self.cleaned_data.get("attached") or []
        ]


def departments() -> Any:
    """Where a ticket can be sent."""
    return Organization.objects.filter(
        active=True, kind__in=(OrganizationKind.DEPARTMENT, OrganizationKind.INSTITUTION)
    ).order_by("code")


class ActForm(ServiceForm):
    """The inputs of one act of the flow, and nothing else."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, move: Move, ticket: Ticket, **options: Any) -> None:
        options.setdefault("prefix", move.key)
        options.setdefault("initial", {"version": ticket.version})
        super().__init__(*args, **options)
        self.move = move
        if move.owner == "given":
            self.fields["owner"] = forms.ModelChoiceField(
                Account.objects.filter(pk__in=[a.pk for a in officers(ticket.department)]),
                label="经办人", empty_label="请选择",
            )  # fmt: skip
        if move.needs == "department":
            self.fields["department"] = forms.ModelChoiceField(
                departments().exclude(pk=ticket.department_id), label="转给", empty_label="请选择"
            )
        if move.needs == "until":
            self.fields["until"] = forms.DateField(
                label="等到哪一天", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
                help_text="到这一天自动恢复计时。",
            )  # fmt: skip
        self.fields["reason"] = forms.CharField(
            label=_REASONS.get(move.key, "理由" if move.reason else "说明（可不填）"),
            required=move.reason, max_length=2000,
            widget=forms.Textarea(attrs={"rows": 2}),
        )  # fmt: skip
        if move.key == "contest":
            self.fields["attached"] = FilesField(label="依据（文件，可不附）")


_REASONS = {
    "contest": "为什么不是问题",
    "submit": "改了什么（可不填）",
    "suspend": "在等谁、等什么",
    "transfer": "转办理由",
    "return": "为什么不属于本单位",
    "uphold": "裁定意见",
    "overrule": "裁定意见",
}


class CommentForm(ServiceForm):
    """A remark with files."""

    reason = forms.CharField(
        label="说明", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
    attached = FilesField(label="附件")


class SuperviseForm(ServiceForm):
    """What is demanded."""

    reason = forms.CharField(label="督办要求", max_length=300)


class ExtensionForm(ServiceForm):
    """How many days more, and why."""

    days = forms.IntegerField(
        label="延长几个工作日", min_value=1, max_value=LONGEST_TERM, initial=5
    )
    reason = forms.CharField(label="理由", max_length=300)


class AnswerForm(ServiceForm):
    """The answer to a wish for more time."""

    answer = forms.CharField(label="意见", max_length=300, required=False)


class BulkAssignForm(ServiceForm):
    """Who gets the chosen tickets."""

    owner = forms.ModelChoiceField(Account.objects.none(), label="经办人", empty_label="请选择")
    reason = forms.CharField(label="说明（可不填）", required=False, max_length=300)

    def __init__(self, *args: Any, candidates: list[Account], **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["owner"]
        field.queryset = Account.objects.filter(pk__in=[a.pk for a in candidates])


class PolicyForm(forms.ModelForm[Policy]):
    """The terms in force."""

    reason = forms.CharField(label="修改依据", max_length=300)
    sections: ClassVar = [
        FormSection(
            "办理时限", ("problem_days", "objection_days", "dispatch_days"),
            "默认值：问题数据整改 5 个工作日（参照宁波市公共数据问题工单的做法），"
            "数据异议（校核纠错）答复 10 个工作日（《政务数据共享条例》国务院令第 809 号要求明确时限，"
            "天数由本市设定）。"
            "请以本市正式制度为准修改。",
        ),
        FormSection("提醒与升级", ("remind_days", "bureau_after", "leaders_after"),
                    "超期第 1 个工作日先提醒部门负责人，再逐级上报。"),
        FormSection("其他", ("longest_suspension", "reopen_days", "reason")),
    ]  # fmt: skip

    class Meta:
        model = Policy
        fields = (
            "problem_days", "objection_days", "dispatch_days", "remind_days", "bureau_after",
            "leaders_after", "longest_suspension", "reopen_days",
        )  # fmt: skip

    def show(self, error: InvalidInput) -> None:
        """Put the messages of a service where they belong."""
        for name, text in error.fields.items():
            self.add_error(name if name in self.fields else None, text)
        if not error.fields:
            self.add_error(None, error.detail)

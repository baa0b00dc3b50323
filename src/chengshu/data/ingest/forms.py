"""Forms of collection."""

from collections.abc import Mapping
from typing import ClassVar

from django import forms

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.identity.choices import OrganizationKind
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import FormSection

_OWNERS = (
    OrganizationKind.MUNICIPAL, OrganizationKind.DEPARTMENT, OrganizationKind.INSTITUTION,
)  # fmt: skip


class UploadForm(forms.Form):
    """The file; its kind is decided by content, not here."""

    file = forms.FileField(
        label="数据文件",
        allow_empty_file=True,  # the service says it in full
        help_text="CSV、TXT、XLSX 或 XLS；编码和表头会自动识别，入库前请您核对。",
        error_messages={"required": "请选择要上传的文件"},
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,.xlsx,.xlsm,.xls"}),
    )


class CorrectionsForm(forms.Form):
    """The exported workbook, corrected."""

    file = forms.FileField(
        label="更正后的表格", allow_empty_file=True,
        error_messages={"required": "请选择要上传的表格"},
        widget=forms.FileInput(attrs={"accept": ".xlsx"}),
    )  # fmt: skip


class SourceForm(forms.Form):
    """A department's PostgreSQL."""

    name = forms.CharField(
        label="名称", max_length=80, help_text="别人一看就懂的名字，如“社保业务库（只读）”"
    )
    owner = forms.ModelChoiceField(label="所属单位", queryset=Organization.objects.none())
    host = forms.CharField(label="主机", max_length=120, help_text="主机名或地址，须能从本平台访问")
    port = forms.IntegerField(label="端口", initial=5432)
    database = forms.CharField(label="数据库", max_length=63)
    user = forms.CharField(
        label="用户", max_length=63, help_text="请用只读账号；平台只会以只读方式连接"
    )
    password = forms.CharField(
        label="密码", required=False, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="加密保存，登记后谁也看不到",
    )  # fmt: skip
    sections: ClassVar = (
        FormSection("这是谁的数据库", ("name", "owner")),
        FormSection(
            "怎样连接", ("host", "port", "database", "user", "password"),
            help="保存时会真的连接一次，连不上不会登记。",
        ),
    )  # fmt: skip

    def __init__(self, data: Mapping[str, str] | None = None, *, actor: Actor) -> None:
        super().__init__(data)
        owners = Organization.objects.filter(kind__in=_OWNERS, active=True)
        field = self.fields["owner"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = scope(actor, "ingest.source.manage", owners)
        if actor.account is not None and actor.account.organization_id is not None:
            field.initial = actor.account.organization_id


class PasswordForm(forms.Form):
    """A new password of a data source."""

    password = forms.CharField(
        label="新密码", strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="会真的连接一次，连不上就保留原密码。",
    )  # fmt: skip


def place_errors(form: forms.Form, fields: Mapping[str, str], message: str) -> None:
    """Put a service's messages beside their fields; what fits none goes to the top."""
    placed = False
    for name, text in fields.items():
        if name in form.fields:
            form.add_error(name, text)
            placed = True
    if not placed:
        form.add_error(None, message)

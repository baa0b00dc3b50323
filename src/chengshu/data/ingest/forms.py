"""Forms of collection."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet

from chengshu.data.ingest import selectors
from chengshu.data.ingest.models import REQUESTS_PER_MINUTE, ROWS_PER_MINUTE, DataSource
from chengshu.data.ingest.sources import Connector, Field
from chengshu.data.tickets.facade import Severity
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
        help_text="CSV、TXT、XLSX、XLS、Parquet 或 JSON；编码和表头会自动识别，入库前请您核对。",
        error_messages={"required": "请选择要上传的文件"},
        widget=forms.FileInput(
            attrs={"accept": ".csv,.txt,.tsv,.xlsx,.xlsm,.xls,.parquet,.json,.jsonl,.ndjson"}
        ),
    )


class CorrectionsForm(forms.Form):
    """The exported workbook, corrected."""

    file = forms.FileField(
        label="更正后的表格", allow_empty_file=True,
        error_messages={"required": "请选择要上传的表格"},
        widget=forms.FileInput(attrs={"accept": ".xlsx"}),
    )  # fmt: skip


def form_field(field: Field, *, keep: bool = False) -> forms.Field:
    """The form field of a connector's field; with ``keep`` a secret may stay empty."""
    shared: dict[str, Any] = {
        "label": field.label, "required": field.required and not keep,
        "help_text": field.help, "initial": field.default,
    }  # fmt: skip
    if field.secret:
        # A private key has lines; a password has none.
        widget: forms.Widget = (
            forms.Textarea(attrs={"rows": 5, "autocomplete": "off", "spellcheck": "false"})
            if field.kind == "lines"
            else forms.PasswordInput(attrs={"autocomplete": "new-password"})
        )
        return forms.CharField(strip=False, widget=widget, **shared)
    if field.kind == "number":
        return forms.IntegerField(min_value=1, max_value=field.maximum, **shared)
    if field.kind == "flag":
        return forms.BooleanField(**shared | {"required": False})
    if field.kind == "choice":
        return forms.ChoiceField(choices=field.choices, **shared)
    if field.kind == "lines":
        return forms.CharField(
            max_length=field.maximum, widget=forms.Textarea(attrs={"rows": 3}), **shared
        )
    return forms.CharField(max_length=field.maximum, **shared)


class SourceForm(forms.Form):
    """A data source of one kind; the connection fields come from its connector."""

    name = forms.CharField(
        label="名称", max_length=80, help_text="别人一看就懂的名字，如“社保业务库（只读）”"
    )
    owner = forms.ModelChoiceField(label="所属单位", queryset=Organization.objects.none())
    warehouse = forms.ModelChoiceField(
        label="数据仓", queryset=Organization.objects.none(), required=False,
        help_text="这个来源的数据归入哪个数据仓；可以以后再定", empty_label="暂不归入",
    )  # fmt: skip
    kind = forms.CharField(widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, str] | None = None, *, actor: Actor, connector: Connector
    ) -> None:
        super().__init__(data, initial={"kind": connector.key})
        self.connector = connector
        self.fields |= {field.key: form_field(field) for field in connector.fields}
        self.sections = (
            FormSection("这是谁的数据", ("name", "owner", "warehouse")),
            *(FormSection(g.title, g.keys, help=g.help) for g in connector.groups),
        )
        _offer(self, "owner", owners(actor))
        _offer(self, "warehouse", selectors.warehouses())
        if actor.account is not None and actor.account.organization_id is not None:
            self.fields["owner"].initial = actor.account.organization_id

    def split(self) -> dict[str, Any]:
        """The cleaned values as the service takes them."""
        values = self.cleaned_data
        return {
            "name": values["name"], "owner": values["owner"], "warehouse": values["warehouse"],
            "kind": self.connector.key,
            "options": {f.key: values.get(f.key) for f in self.connector.plain_fields()},
            "secrets": {f.key: values.get(f.key) or "" for f in self.connector.secret_fields()},
        }  # fmt: skip


class SettingsForm(forms.Form):
    """Where a registered source is; its secrets are changed elsewhere."""

    warehouse = forms.ModelChoiceField(
        label="数据仓", queryset=Organization.objects.none(), required=False,
        empty_label="暂不归入",
    )  # fmt: skip

    def __init__(self, data: Mapping[str, str] | None = None, *, source: DataSource) -> None:
        plain = source.connector.plain_fields()
        initial = {f.key: f.default for f in plain} | source.options
        super().__init__(data, initial=initial | {"warehouse": source.warehouse_id})
        self.fields |= {field.key: form_field(field) for field in plain}
        keys = {f.key for f in plain}
        self.sections = (
            FormSection("归属", ("warehouse",)),
            *(
                FormSection(g.title, [k for k in g.keys if k in keys], help=g.help)
                for g in source.connector.groups
                if keys & set(g.keys)
            ),
        )
        _offer(self, "warehouse", selectors.warehouses())

    def split(self) -> dict[str, Any]:
        """The cleaned values as the service takes them."""
        values = dict(self.cleaned_data)
        return {"warehouse": values.pop("warehouse"), "options": values}


class SecretsForm(forms.Form):
    """New secrets of a data source."""

    def __init__(self, data: Mapping[str, str] | None = None, *, source: DataSource) -> None:
        super().__init__(data)
        self.fields |= {f.key: form_field(f) for f in source.connector.secret_fields()}
        for field in self.fields.values():
            field.help_text = "会真的连接一次，连不上就保留原来的。"


def limit_field(label: str, usual: int, help_text: str) -> forms.IntegerField:
    """A limit per minute."""
    return forms.IntegerField(label=label, min_value=1, initial=usual, help_text=help_text)


class LimitsForm(forms.Form):
    """What a push token may send in a minute."""

    requests_per_minute = limit_field(
        "每分钟请求", REQUESTS_PER_MINUTE, "超过的应答 429，请对方稍后再推"
    )
    rows_per_minute = limit_field(
        "每分钟行数", ROWS_PER_MINUTE, "不少于 1 万，一个部分最多这么多行"
    )


class TokenForm(LimitsForm):
    """A new push token."""

    name = forms.CharField(
        label="名称", max_length=80, help_text="给哪个系统用，如“社保系统每日推送”"
    )
    owner = forms.ModelChoiceField(label="所属单位", queryset=Organization.objects.none())
    field_order = ("name", "owner", "requests_per_minute", "rows_per_minute")

    def __init__(self, data: Mapping[str, str] | None = None, *, actor: Actor) -> None:
        super().__init__(data)
        _offer(self, "owner", owners(actor))
        if actor.account is not None and actor.account.organization_id is not None:
            self.fields["owner"].initial = actor.account.organization_id


def owners(actor: Actor) -> QuerySet[Organization]:
    """Organizations the actor may register sources for."""
    found = Organization.objects.filter(kind__in=_OWNERS, active=True)
    return scope(actor, "ingest.source.manage", found)


def _offer(form: forms.Form, name: str, rows: QuerySet[Any]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)
    field.queryset = rows


def place_errors(form: forms.Form, fields: Mapping[str, str], message: str) -> None:
    """Put a service's messages beside their fields; what fits none goes to the top."""
    placed = False
    for name, text in fields.items():
        if name in form.fields:
            form.add_error(name, text)
            placed = True
    if not placed:
        form.add_error(None, message)


class TicketForm(forms.Form):
    """What goes with a ticket about quarantined rows."""

    severity = forms.ChoiceField(label="程度", choices=Severity.choices, initial=Severity.NORMAL)
    remark = forms.CharField(
        label="说明（可不填）", max_length=300, required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip

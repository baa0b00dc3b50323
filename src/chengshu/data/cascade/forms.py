"""Forms of cascading: they parse; the services judge."""

import json
from typing import Any

from django import forms

from chengshu.data.cascade.choices import (
    Cycle,
    FileFormat,
    Mode,
    PlatformState,
    Rank,
    Role,
    Scheme,
    Way,
)
from chengshu.data.cascade.models import RECEIPT_DAYS, ROWS_PER_PART, Platform
from chengshu.data.cascade.services.planning import PlanContent
from chengshu.data.cascade.services.platforms import Registration
from chengshu.data.catalog.facade import Resource, published_queryset
from chengshu.data.ingest.facade import DataSource, exchange_sources
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import FormSection


class CascadeForm(forms.Form):
    """A form that shows what a service refuses, beside the field it is about."""

    def show(self, error: InvalidInput) -> None:
        """Put a service's messages beside their fields."""
        for name, text in error.fields.items():
            self.add_error(name if name in self.fields else None, text)
        if not error.fields:
            self.add_error(None, error.detail)


class PlatformForm(CascadeForm):
    """Register a platform."""

    sections = (
        FormSection("是哪个平台", ("name", "role", "rank", "organization", "contact")),
        FormSection(
            "怎样连接",
            ("way", "address", "source", "scheme", "app", "key_id", "secret", "public_key"),
        ),
        FormSection("目录", ("entries_auto",)),
    )
    name = forms.CharField(label="名称", max_length=80)
    role = forms.ChoiceField(label="上下级", choices=Role.choices)
    rank = forms.ChoiceField(label="级别", choices=Rank.choices)
    organization = forms.ModelChoiceField(
        label="作为数源的单位", queryset=Organization.objects.order_by("code"), required=False,
        help_text="回流数据的数源单位，如已登记的上级部门；不选时为接收数据的单位",
    )  # fmt: skip
    contact = forms.CharField(label="联系人和电话", max_length=80, required=False)
    way = forms.ChoiceField(label="对接方式", choices=Way.choices)
    address = forms.CharField(
        label="地址", max_length=300, required=False,
        help_text="上级平台的 https:// 地址；交换文件夹填投递目录之下的文件夹名；下级平台不用填",
    )  # fmt: skip
    source = forms.ModelChoiceField(
        label="SFTP 数据源", queryset=DataSource.objects.none(), required=False,
        help_text="文件服务器用：账号、主机密钥和文件夹都用数据源里登记的；账号要有写权限",
    )  # fmt: skip
    scheme = forms.ChoiceField(label="签名方式", choices=Scheme.choices)
    app = forms.CharField(
        label="平台编号",
        max_length=40,
        required=False,
        help_text="由上级平台给；下级平台留空，自动生成",
    )
    key_id = forms.CharField(label="密钥编号", max_length=40, required=False)
    secret = forms.CharField(
        label="密钥", required=False, widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        help_text="加密保存，登记后谁也看不到。SM2 填 PEM 私钥；下级平台留空，自动生成",
    )  # fmt: skip
    public_key = forms.CharField(label="下级平台的 SM2 公钥", max_length=130, required=False)
    entries_auto = forms.BooleanField(label="L1、L2 的目录发布后自动上报", required=False)

    def __init__(self, *args: Any, actor: Actor, **more: Any) -> None:
        super().__init__(*args, **more)
        _choose(self, "source").queryset = exchange_sources(actor)

    def content(self) -> Registration:
        """What the service needs."""
        values = dict(self.cleaned_data)
        source = values.pop("source")
        if values["way"] == Way.SFTP:
            values["address"] = str(source.pk) if source else ""
        return Registration(**values)


class SecretForm(CascadeForm):
    """A new secret of an upper platform."""

    secret = forms.CharField(
        label="新密钥", widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        help_text="立即生效；加密保存，谁也看不到",
    )  # fmt: skip


class ReasonForm(CascadeForm):
    """Why something is stopped, resumed or sent back."""

    reason = forms.CharField(
        label="原因", max_length=300, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="会写入审计记录，对方单位也能看到。",
    )  # fmt: skip


class ChannelForm(CascadeForm):
    """Receive a dataset."""

    platform = forms.ModelChoiceField(
        label="平台", queryset=Platform.objects.all(), empty_label=None
    )
    dataset = forms.CharField(
        label="数据集", max_length=63, help_text="对方约定的英文名，如 person_pension"
    )
    resource = forms.ModelChoiceField(
        label="存入哪个数据资源", queryset=Resource.objects.none(), to_field_name="code"
    )
    source = forms.ModelChoiceField(
        label="用已有数据源", queryset=DataSource.objects.order_by("name"), required=False,
        help_text="对方给数据库或接口时选；给文件时留空，自动建立投递文件夹",
    )  # fmt: skip
    object_name = forms.CharField(label="表名或子地址", max_length=300, required=False)
    upper_department = forms.CharField(
        label="对方的数源单位",
        max_length=120,
        required=False,
        help_text="如 温州市人力资源和社会保障局",
    )
    answers = forms.CharField(
        label="对应我们上报的数据集", max_length=63, required=False, help_text="知道时填"
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        _choose(self, "resource").queryset = published_queryset().order_by("code")


class PlanForm(CascadeForm):
    """Write a plan of deliveries."""

    sections = (
        FormSection("送什么", ("platform", "mode", "fields_chosen", "row_filter")),
        FormSection("怎样送", ("cycle", "file_format", "part_rows", "receipt_days")),
        FormSection("依据", ("basis",)),
    )
    platform = forms.ModelChoiceField(
        label="送往", queryset=Platform.objects.none(), empty_label=None
    )
    mode = forms.ChoiceField(label="内容", choices=Mode.choices)
    fields_chosen = forms.MultipleChoiceField(
        label="字段", widget=forms.CheckboxSelectMultiple,
        help_text="L4 字段不能上报，不在列表里；L2、L3 按级别建议的方式脱敏",
    )  # fmt: skip
    row_filter = forms.CharField(
        label="行范围（JSON）", required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text='不填为全部，如 {"prefix": ["region", "330383"]}',
    )  # fmt: skip
    cycle = forms.ChoiceField(label="周期", choices=Cycle.choices)
    file_format = forms.ChoiceField(label="格式", choices=FileFormat.choices)
    part_rows = forms.IntegerField(label="每个文件最多行数", initial=ROWS_PER_PART, min_value=1)
    receipt_days = forms.IntegerField(
        label="几个工作日内应有回执", initial=RECEIPT_DAYS, min_value=1
    )
    basis = forms.CharField(label="上报依据", max_length=300, help_text="文件名称和文号")

    def __init__(self, *args: Any, columns: list[tuple[str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        chosen = self.fields["fields_chosen"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices = columns
        _choose(self, "platform").queryset = Platform.objects.filter(state=PlatformState.ACTIVE)

    def clean_row_filter(self) -> Any:
        """The filter as a value."""
        text = self.cleaned_data["row_filter"].strip()
        if not text:
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            raise forms.ValidationError("不是合规的 JSON") from error

    def content(self) -> PlanContent:
        """What the service needs."""
        values = self.cleaned_data
        return PlanContent(
            fields=values["fields_chosen"], basis=values["basis"], row_filter=values["row_filter"],
            mode=values["mode"], cycle=values["cycle"], file_format=values["file_format"],
            part_rows=values["part_rows"], receipt_days=values["receipt_days"],
        )  # fmt: skip


class EntryForm(CascadeForm):
    """Send an entry up by hand."""

    platform = forms.ModelChoiceField(
        label="送往", queryset=Platform.objects.none(), empty_label=None
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        _choose(self, "platform").queryset = Platform.objects.filter(
            state=PlatformState.ACTIVE, role=Role.UPPER
        )


def _choose(form: forms.Form, name: str) -> Any:
    return form.fields[name]

"""Forms of sharing: they parse; the services judge."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils import timezone

from chengshu.data.protection.facade import choices as mask_choices
from chengshu.data.sharing import row_filter
from chengshu.data.sharing.choices import CallKind, KeyScheme, lookup_only
from chengshu.data.sharing.declarations import kinds_of, source_of
from chengshu.data.sharing.masking import NONE, SENSITIVE, suggested_mask
from chengshu.data.sharing.models import Application, Grant, ShareInterface
from chengshu.data.sharing.privacy import PrivacyFields, initial_of
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import FormSection
from chengshu_gateway.bundle import (
    DEFAULT_MINIMUM_GROUP,
    DEFAULT_MISSES,
    DEFAULT_TRIES,
    LEAST_MINIMUM_GROUP,
    MOST_MISSES,
    MOST_TRIES,
)

_SPLIT = re.compile(r"[\s,，;；]+")


class ServiceForm(forms.Form):
    """A form that shows what a service refuses, beside the field it is about."""

    def show(self, error: InvalidInput) -> None:
        """Put a service's messages beside their fields."""
        for name, text in error.fields.items():
            self.add_error(name if name in self.fields else None, text)
        if not error.fields:
            self.add_error(None, error.detail)


class ReasonForm(ServiceForm):
    """Why something is stopped or resumed."""

    reason = forms.CharField(
        label="原因", max_length=300, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="会写入审计记录，对方单位也能看到。",
    )  # fmt: skip


def _day(label: str, text: str) -> forms.DateField:
    # Browsers take the ISO form only: any other shows an empty field, and saving would lose the day.
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(label=label, required=False, widget=widget, help_text=text)


def end_of(day: date | None) -> datetime | None:
    """The last moment of a day in the city's time; None stays None."""
    return timezone.make_aware(datetime.combine(day, time.max)) if day else None


class ApplicationForm(ServiceForm):
    """Register an application."""

    sections = (
        FormSection("是什么应用", ("name", "code", "owner")),
        FormSection("做什么用、找谁", ("purpose", "contact")),
    )
    name = forms.CharField(label="应用名称", max_length=80)
    code = forms.CharField(
        label="应用编号", max_length=40,
        help_text="调用时写在请求头里，登记后不能改。小写字母、数字和连字符，如 grid-worker-app。",
    )  # fmt: skip
    owner = forms.ModelChoiceField(
        label="使用单位", queryset=Organization.objects.none(), empty_label=None
    )
    purpose = forms.CharField(
        label="用途", widget=forms.Textarea(attrs={"rows": 3}), max_length=1000,
        help_text="为哪项业务、给谁用。数据提供单位据此决定授权。",
    )  # fmt: skip
    contact = forms.CharField(
        label="联系人", max_length=60, required=False, help_text="姓名和电话，接口有变动时通知。"
    )

    def __init__(self, *args: Any, owners: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["owner"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = owners


class KeyForm(ServiceForm):
    """Issue a key."""

    expires_on = _day("有效期至", "当天结束时失效。留空表示长期有效；建议一年一换。")

    def show(self, error: InvalidInput) -> None:
        """The service speaks of a moment, the form of a day."""
        for text in error.fields.values() or [error.detail]:
            self.add_error("expires_on", text)


class PublicKeyForm(ServiceForm):
    """Register a public key or a client certificate."""

    scheme = forms.ChoiceField(
        label="签名方式", choices=[(c.value, c.label) for c in KeyScheme if c != KeyScheme.HMAC],
        help_text="国密公钥：每次调用用 SM2 签名。OAuth 公钥：用它换取短期令牌，再凭令牌调用。"
        "客户端证书：用它建立连接并换取令牌。",
    )  # fmt: skip
    public_key = forms.CharField(
        label="公钥、证书或证书主体", max_length=8000, widget=forms.Textarea(attrs={"rows": 6}),
        help_text="PEM 文本；SM2 也可以是 04 开头的 130 位十六进制；登记主体的写 subject_dn=CN=…,O=… 或 san_dns=域名。"
        "私钥留在贵单位，请不要贴在这里。",
    )  # fmt: skip
    expires_on = _day(
        "有效期至",
        "当天结束时失效。留空：公钥长期有效，证书到它自己的期限。到期前 30 天和 7 天提醒。",
    )

    def show(self, error: InvalidInput) -> None:
        """The service speaks of a moment, the form of a day."""
        named = {"expires_at": "expires_on"}
        for name, text in error.fields.items():
            self.add_error(named.get(name, name), text)


class InterfaceForm(ServiceForm):
    """Publish a resource as an interface."""

    sections = (
        FormSection("接口叫什么", ("title", "code")),
        FormSection(
            "按什么查",
            ("key_column",),
            "调用方给出这个字段的值，得到一条记录。值必须唯一且不为空。",
        ),
    )
    title = forms.CharField(label="接口名称", max_length=120)
    code = forms.CharField(
        label="接口编号", max_length=60,
        help_text="写在调用地址里，发布后不能改。小写字母、数字和连字符，如 resident-by-id。",
    )  # fmt: skip
    key_column = forms.ChoiceField(label="查询字段", widget=forms.RadioSelect)

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["key_column"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = choices


class QueryColumnsForm(ServiceForm):
    """Columns that queries may ask for."""

    sections = (
        FormSection(
            "可以按什么查",
            ("query_columns",),
            "选常用来筛选的字段，如社区、日期。应用还须不脱敏地获得该字段的授权，才能拿它作条件。",
        ),
    )
    query_columns = forms.MultipleChoiceField(
        label="查询条件字段", required=False, widget=forms.CheckboxSelectMultiple,
        help_text="不选就不提供条件查询。",
    )  # fmt: skip

    def __init__(self, *args: Any, columns: Sequence[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["query_columns"]
        assert isinstance(choice, forms.MultipleChoiceField)
        choice.choices = [(c["name"], f"{c['title']}（{c['name']}）") for c in columns]


class _ApplicationChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Applications with the department they belong to."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}（{obj.owner.short}）"


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One line of the fields of a grant: chosen or not, level, and the mask."""

    column: dict[str, Any]
    mask: BoundField
    chosen: bool
    sensitive: bool
    suggested: str


class GrantForm(ServiceForm, PrivacyFields):
    """Give an application fields, masks, rows, quota, networks and a term."""

    purpose = forms.CharField(
        label="用途", widget=forms.Textarea(attrs={"rows": 2}), max_length=1000,
        help_text="办理什么业务时用。", error_messages={"required": "请填写用途"},
    )  # fmt: skip
    unmasked_reason = forms.CharField(
        label="不脱敏的理由", max_length=300, required=False,
        help_text="L3、L4 字段不脱敏时必填，例如“办理养老金资格认证须核对完整证件号”。",
    )  # fmt: skip
    filter_json = forms.CharField(
        label="用 JSON 写", required=False, widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text='填了就以它为准，例如 {"or": [{"prefix": ["code", "330383"]}, {"is_null": ["code"]}]}。',
    )  # fmt: skip
    per_minute = forms.IntegerField(
        label="每分钟最多", required=False, min_value=1, help_text="条；留空不限"
    )
    per_day = forms.IntegerField(
        label="每天最多", required=False, min_value=1, help_text="条；留空不限"
    )
    kinds = forms.MultipleChoiceField(
        label="可以怎么调用", required=False, choices=CallKind.choices, initial=lookup_only,
        widget=forms.CheckboxSelectMultiple,
        help_text="批量按主键个数，条件查询、增量变更按返回条数，导出按文件里的条数计入限额。"
        "核验比对的是原值，不受脱敏影响；统计查询不给出任何一条记录。",
    )  # fmt: skip
    minimum_group = forms.IntegerField(
        label="统计最小组", required=False, min_value=LEAST_MINIMUM_GROUP, initial=DEFAULT_MINIMUM_GROUP,
        help_text="条；统计查询里不足这么多条的组不出现。",
    )  # fmt: skip
    misses_per_minute = forms.IntegerField(
        label="每分钟查无记录", required=False, min_value=1, max_value=MOST_MISSES, initial=DEFAULT_MISSES,
        help_text="条；查不到的满了这么多，这个接口停一分钟，防止逐个试主键。问的人大多本来就不在册的（如核对名单），可以放宽。",
    )  # fmt: skip
    tries_per_day = forms.IntegerField(
        label="每天核验不符", required=False, min_value=1, max_value=MOST_TRIES, initial=DEFAULT_TRIES,
        help_text="次；同一条记录核验不符满了这么多次，当天不再答，防止试出原值。取值少的字段（如性别、民族）不要放宽。",
    )  # fmt: skip
    networks = forms.CharField(
        label="只许来自这些网段", required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="一行一个，如 10.33.8.0/24。留空表示不限。",
    )  # fmt: skip
    valid_on = _day("有效期至", "当天结束时失效。留空表示长期有效。")

    def __init__(
        self, *args: Any, interface: ShareInterface, grant: Grant | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.interface = interface
        self.columns: list[dict[str, Any]] = interface.columns
        self.types = {c["name"]: c["type"] for c in self.columns}
        self._add_application(grant)
        self.fields["fields"] = forms.MultipleChoiceField(
            label="字段", required=False, choices=[(c["name"], c["title"]) for c in self.columns]
        )
        for column in self.columns:
            self._add_mask(column, grant)
        self._add_conditions(grant)
        ways = self.fields["kinds"]
        assert isinstance(ways, forms.MultipleChoiceField)
        ways.choices = kinds_of(interface)
        if source_of(interface) is not None:
            ways.initial = [CallKind.PROXY.value]
        if grant is not None:
            self._fill(grant)

    def _add_application(self, grant: Grant | None) -> None:
        if grant is not None:
            del self.fields["purpose"]
            return
        taken = self.interface.grants.exclude(state="revoked").values("application")
        free = Application.objects.filter(state="active").exclude(pk__in=taken)
        choice = _ApplicationChoice(
            label="给哪个应用", queryset=free.select_related("owner"), empty_label="请选择",
            help_text="已有授权的应用不在其中，请在原授权上变更。",
        )  # fmt: skip
        self.fields["application"] = choice

    def _add_mask(self, column: dict[str, Any], grant: Grant | None) -> None:
        suggested = suggested_mask(column)
        held = (
            grant.masks.get(column["name"], NONE)
            if grant and column["name"] in grant.fields
            else ""
        )
        choices = mask_choices(subject=self.interface.key_column, extra=(suggested, held))
        self.fields[f"mask_{column['name']}"] = forms.ChoiceField(
            label=f"{column['title']}的脱敏方式", choices=choices, initial=held or suggested,
            widget=_small(forms.Select, f"{column['title']}的脱敏方式"),
        )  # fmt: skip

    def _add_conditions(self, grant: Grant | None) -> None:
        lines = row_filter.decompose(grant.row_filter) if grant else []
        columns = [("", "不限定"), *((c["name"], c["title"]) for c in self.columns)]
        for n in range(row_filter.CONDITIONS):
            line = lines[n] if lines and n < len(lines) else row_filter.Condition("", "eq", "")
            self.fields[f"field_{n}"] = forms.ChoiceField(
                label=f"第 {n + 1} 个条件的字段", required=False, choices=columns, initial=line.field,
                widget=_small(forms.Select, "字段"),
            )  # fmt: skip
            self.fields[f"operator_{n}"] = forms.ChoiceField(
                label=f"第 {n + 1} 个条件怎么比", required=False, initial=line.operator,
                choices=list(row_filter.OPERATORS.items()), widget=_small(forms.Select, "怎么比"),
            )  # fmt: skip
            self.fields[f"value_{n}"] = forms.CharField(
                label=f"第 {n + 1} 个条件的值", required=False, max_length=500, initial=line.value,
                widget=_small(forms.TextInput, "值，多个用逗号分开"),
            )  # fmt: skip
        if lines is None and grant:
            self.fields["filter_json"].initial = json.dumps(grant.row_filter, ensure_ascii=False)

    def _fill(self, grant: Grant) -> None:
        until = timezone.localtime(grant.valid_until).date() if grant.valid_until else None
        self.initial = {
            **self.initial,
            "fields": grant.fields, "kinds": grant.kinds, "minimum_group": grant.minimum_group,
            "per_minute": grant.per_minute, "per_day": grant.per_day,
            "misses_per_minute": grant.misses_per_minute, "tries_per_day": grant.tries_per_day,
            "networks": "\n".join(grant.networks), "valid_on": until,
            "unmasked_reason": grant.unmasked_reason, **initial_of(grant.privacy),
        }  # fmt: skip

    # what the page draws

    @property
    def is_new(self) -> bool:
        """Whether the form gives a new grant."""
        return "application" in self.fields

    @property
    def field_errors(self) -> list[str]:
        """What is wrong with the choice of fields."""
        return [str(text) for text in self.errors.get("fields", [])]

    @property
    def expert(self) -> bool:
        """Whether the row filter is more than the builder shows."""
        return bool(self["filter_json"].value())

    def rows(self) -> Iterator[FieldRow]:
        """The lines of the table of fields."""
        chosen = set(self["fields"].value() or [])
        for column in self.columns:
            suggested = suggested_mask(column)
            yield FieldRow(
                column, self[f"mask_{column['name']}"], column["name"] in chosen,
                column.get("sensitivity", "") in SENSITIVE, suggested,
            )  # fmt: skip

    def conditions(self) -> Iterator[tuple[BoundField, BoundField, BoundField]]:
        """The lines of the row filter."""
        for n in range(row_filter.CONDITIONS):
            yield self[f"field_{n}"], self[f"operator_{n}"], self[f"value_{n}"]

    @property
    def filter_error(self) -> str:
        """What is wrong with the row filter."""
        return " ".join(str(text) for text in self.errors.get("filter_json", []))

    # what the service gets

    def rule(self) -> dict[str, Any]:
        """Arguments of the service.

        Raises:
            InvalidInput: the row filter does not fit the columns.
        """
        data = self.cleaned_data
        chosen = data["fields"]
        found = {name: data[f"mask_{name}"] for name in chosen}
        return {
            "fields": chosen,
            "masks": {name: mask for name, mask in found.items() if mask != NONE},
            "row_filter": self._row_filter(),
            "per_minute": data["per_minute"],
            "per_day": data["per_day"],
            "kinds": data["kinds"],
            "minimum_group": data["minimum_group"],
            "misses_per_minute": data["misses_per_minute"],
            "tries_per_day": data["tries_per_day"],
            "privacy": self.terms(),
            "networks": [part for part in _SPLIT.split(data["networks"]) if part],
            "valid_until": end_of(data["valid_on"]),
            "unmasked_reason": data["unmasked_reason"],
        }

    def _row_filter(self) -> dict[str, Any] | None:
        data = self.cleaned_data
        if data["filter_json"].strip():
            return row_filter.from_json(data["filter_json"], self.types)
        lines = [
            row_filter.Condition(data[f"field_{n}"], data[f"operator_{n}"], data[f"value_{n}"])
            for n in range(row_filter.CONDITIONS)
        ]
        return row_filter.compose(lines, self.types)

    def show(self, error: InvalidInput) -> None:
        """Put a service's messages beside what the page calls the field."""
        places = {"row_filter": "filter_json", "valid_until": "valid_on"}
        fields = {places.get(name, name): text for name, text in error.fields.items()}
        super().show(InvalidInput(error.message, kept=error.kept, fields=fields))


def _small(widget: type[forms.Widget], label: str) -> forms.Widget:
    """A widget inside a table: it has no label of its own beside it."""
    return widget(attrs={"class": "cs-input", "aria-label": label})

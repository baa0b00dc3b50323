"""The form of a proxied interface: what the department's interface expects and where its answer holds what."""

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.forms import BoundField

from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.sharing.declarations import (
    Declaration,
    parameters_as_text,
    parameters_from,
)
from chengshu.data.sharing.forms import ServiceForm
from chengshu.kernel.ui.components import FormSection
from chengshu_gateway.sources import MAX_ATTEMPTS, MAX_CACHE, MAX_RECORDS, MAX_TIMEOUT

_NAMED = ("title", "code")
_NONE, _BEARER, _HEADER, _KEEP = "none", "bearer", "header", "keep"
_MILLISECONDS = 1000

_WAYS = [
    (_NONE, "不用认证"), (_BEARER, "Authorization: Bearer 令牌"), (_HEADER, "自定义请求头"),
]  # fmt: skip


class SourceForm(ServiceForm):
    """Register or change; ``columns`` are the fields of the catalogue entry."""

    title = forms.CharField(label="接口名称", max_length=120)
    code = forms.CharField(
        label="接口编号",
        max_length=60,
        help_text="写在调用地址里，登记后不能改。小写字母、数字和连字符。",
    )
    url = forms.CharField(
        label="来源地址", max_length=500,
        widget=forms.TextInput(attrs={"spellcheck": "false", "inputmode": "url"}),
        help_text="部门接口的完整地址；路径里可以写 {参数}，如 https://rs.example.gov.cn/api/person/{id}。"
        "只能是公网地址，或平台管理员允许的网段。",
    )  # fmt: skip
    method = forms.ChoiceField(label="请求方法", choices=[("GET", "GET"), ("POST", "POST（JSON）")])
    parameters = forms.CharField(
        label="请求参数", required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="一行一个：参数名 中文名 必填或选填 位置（query、path、body） 最大长度，"
        "如“sfzh 身份证号 必填 query 18”。后三项可省略。",
    )  # fmt: skip
    authentication = forms.ChoiceField(
        label="怎么认证", initial=_NONE,
        choices=_WAYS,
    )  # fmt: skip
    header_name = forms.CharField(
        label="请求头名称",
        max_length=64,
        required=False,
        help_text="如 X-Api-Key。",
        widget=forms.TextInput(attrs={"data-with": f"authentication={_HEADER}"}),
    )
    secret = forms.CharField(
        label="令牌或密钥", max_length=2000, required=False,
        widget=forms.PasswordInput(
            attrs={"autocomplete": "off", "data-with": f"authentication={_BEARER}|{_HEADER}"}
        ),
        help_text="加密保存，登记后谁也看不到。",
    )  # fmt: skip
    rows_at = forms.CharField(
        label="记录在应答的哪里", max_length=200, required=False,
        help_text="用点隔开的成员名，如 data.list；留空表示整个应答就是。一个对象或一个列表都可以。",
    )  # fmt: skip
    success_at = forms.CharField(
        label="成功标志在哪里", max_length=200, required=False,
        help_text="有的接口出错也答 200：写明看哪个成员，如 code。",
    )  # fmt: skip
    success_is = forms.CharField(
        label="什么值表示成功",
        max_length=100,
        required=False,
        help_text="多个用逗号分开，如 200,0。",
    )
    key_column = forms.ChoiceField(
        label="记录是关于谁的", required=False,
        help_text="选主键或证件号一类的字段，“谁查过这个人”才查得到。",
    )  # fmt: skip
    timeout = forms.FloatField(
        label="时限", initial=5, min_value=0.5, max_value=MAX_TIMEOUT, help_text="秒，重试也算在内"
    )
    attempts = forms.IntegerField(label="最多尝试", initial=1, min_value=1, max_value=MAX_ATTEMPTS)
    most = forms.IntegerField(
        label="一次最多返回", initial=1, min_value=1, max_value=MAX_RECORDS,
        help_text="条。调用时先按它预留限额",
    )  # fmt: skip
    cache_seconds = forms.IntegerField(
        label="缓存",
        initial=0,
        min_value=0,
        max_value=MAX_CACHE,
        help_text="秒，0 为不缓存；各授权各存各的",
    )
    idempotent = forms.BooleanField(
        label="可以重复调用", required=False, initial=True,
        help_text="只查询、不产生影响。不勾选就不重试、不缓存。",
    )  # fmt: skip
    absent_404 = forms.BooleanField(
        label="404 表示没有这条记录", required=False, help_text="不勾选时，404 算对方出错。"
    )

    sections = (
        FormSection("接口", _NAMED),
        FormSection("怎么调用部门的接口", ("url", "method", "parameters")),
        FormSection("认证", ("authentication", "header_name", "secret")),
        FormSection("应答怎么读", ("rows_at", "success_at", "success_is")),
        FormSection(
            "时限、重试和缓存",
            ("timeout", "attempts", "idempotent", "cache_seconds", "most", "absent_404"),
        ),
    )

    def __init__(
        self, *args: Any, columns: Sequence[ColumnSpec], declared: Declaration | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self.catalogued = columns
        self.declared = declared
        for column in columns:
            path = declared.mapping.get(column.name, "") if declared else column.name
            self.fields[f"path_{column.name}"] = forms.CharField(
                label=f"{column.title}在记录里的位置", required=False, max_length=200, initial=path,
                widget=forms.TextInput(attrs={"class": "cs-input", "spellcheck": "false"}),
            )  # fmt: skip
        key = self.fields["key_column"]
        assert isinstance(key, forms.ChoiceField)
        key.choices = [("", "说不上"), *((c.name, c.title) for c in columns)]
        if declared is not None:
            self._fill(declared)

    def _fill(self, declared: Declaration) -> None:
        for name in _NAMED:
            del self.fields[name]
        way = self.fields["authentication"]
        assert isinstance(way, forms.ChoiceField)
        way.choices = [(_KEEP, "和原来一样"), *_WAYS]
        self.initial = {
            "url": declared.url, "method": declared.method, "rows_at": declared.rows_at,
            "parameters": parameters_as_text(declared.parameters),
            "success_at": declared.success_at, "success_is": ",".join(declared.success_is),
            "timeout": declared.timeout_ms / _MILLISECONDS, "attempts": declared.attempts,
            "most": declared.most, "cache_seconds": declared.cache_seconds,
            "idempotent": declared.idempotent, "absent_404": declared.absent_404,
            "authentication": _KEEP, **self.initial,
        }  # fmt: skip

    @property
    def is_new(self) -> bool:
        """Whether an interface is registered."""
        return "code" in self.fields

    def parts(self) -> Iterator[tuple[FormSection, list[BoundField]]]:
        """The sections with the fields that this form has."""
        for section in self.sections:
            found = [self[name] for name in section.fields if name in self.fields]
            if found:
                yield section, found

    def rows(self) -> Iterator[tuple[ColumnSpec, BoundField]]:
        """The catalogued fields with where each is found."""
        for column in self.catalogued:
            yield column, self[f"path_{column.name}"]

    def clean_parameters(self) -> Any:
        """Read the lines."""
        try:
            return parameters_from(self.cleaned_data["parameters"])
        except ValueError as error:
            raise forms.ValidationError(f"这一行读不懂：{error}") from error

    def clean(self) -> dict[str, Any]:
        """A way of authenticating needs its secret, unless the old one stays."""
        data = super().clean() or self.cleaned_data
        chosen = data.get("authentication")
        if chosen == _HEADER and data.get("secret") and not data.get("header_name"):
            self.add_error("header_name", "请填写请求头名称")
        if chosen in {_BEARER, _HEADER} and not data.get("secret"):
            self.add_error("secret", "请填写令牌或密钥")
        return data

    def declaration(self) -> Declaration:
        """What the service takes."""
        data = self.cleaned_data
        mapping = {
            column.name: path
            for column in self.catalogued
            if (path := data[f"path_{column.name}"].strip())
        }
        values = tuple(part for part in data["success_is"].replace("，", ",").split(",") if part)
        return Declaration(
            url=data["url"].strip(), method=data["method"], parameters=data["parameters"],
            mapping=mapping, rows_at=data["rows_at"].strip(), headers=self._headers(),
            success_at=data["success_at"].strip(), success_is=values,
            timeout_ms=round(data["timeout"] * _MILLISECONDS), attempts=data["attempts"],
            idempotent=data["idempotent"], cache_seconds=data["cache_seconds"], most=data["most"],
            absent_404=data["absent_404"],
        )  # fmt: skip

    def _headers(self) -> dict[str, str] | None:
        data = self.cleaned_data
        if data["authentication"] == _KEEP:
            return None
        if data["authentication"] == _NONE:
            return {}
        if data["authentication"] == _BEARER:
            return {"Authorization": f"Bearer {data['secret']}"}
        return {data["header_name"]: data["secret"]}

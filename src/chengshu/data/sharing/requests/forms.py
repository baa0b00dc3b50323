"""Forms of access requests: they parse; the services judge."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.forms import BoundField
from django.utils import timezone

from chengshu.data.sharing import row_filter
from chengshu.data.sharing.choices import CallKind
from chengshu.data.sharing.declarations import kinds_for, kinds_of
from chengshu.data.sharing.forms import ServiceForm, end_of
from chengshu.data.sharing.models import Application, Grant, ShareInterface
from chengshu.data.sharing.requests.choices import Frequency
from chengshu.data.sharing.requests.content import (
    LONGEST_BASIS,
    LONGEST_ITEM,
    Common,
    Wanted,
    mark_of,
)
from chengshu.data.sharing.requests.flow import CORRECTABLE, Move
from chengshu.data.sharing.requests.models import AccessRequest, RequestPolicy
from chengshu.data.sharing.requests.services.attachments import (
    ALLOWED,
    MAX_AT_ONCE,
    MAX_BYTES,
    Attachment,
)
from chengshu.data.sharing.requests.services.moves import LONGEST_REASON, LONGEST_REMARK
from chengshu.data.sharing.requests.services.policies import NAMES
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import FormSection

_SPLIT = re.compile(r"[\s,，;；]+")
_CONDITION = ("row_field", "row_operator", "row_value")
# What services call a value → what forms call its field.
PLACES = {"valid_until": "valid_on", "row_filter": "row_value"}


class RequestFormBase(ServiceForm):
    """A form whose field names differ a little from those of the services."""

    def show(self, error: InvalidInput) -> None:
        """Put a service's messages beside their fields."""
        if not error.fields:
            self.add_error(None, error.detail)
        for name, text in error.fields.items():
            place = PLACES.get(name, name)
            self.add_error(place if place in self.fields else None, text)


def _area(rows: int = 2) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


def _date() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


def content_fields(names: Sequence[str], interface: ShareInterface | None) -> dict[str, Any]:
    """Form fields for values of a request; ``interface`` is needed for its fields and rows."""
    made: dict[str, Any] = {
        "purpose": forms.CharField(
            label="用途", max_length=1000, widget=_area(), required=True,
            help_text="办什么事、给谁用。提供单位据此答复。",
        ),
        "legal_basis": forms.CharField(
            label="法律依据", max_length=LONGEST_BASIS, widget=_area(), required=True,
            help_text="法律、法规或“三定”职责的名称和条款。",
        ),
        "business_item": forms.CharField(
            label="业务事项", max_length=LONGEST_ITEM, required=True,
            help_text="例如“城乡居民养老保险待遇核定”。",
        ),
        "frequency": forms.ChoiceField(
            label="使用频率", choices=Frequency.choices, required=True, widget=forms.RadioSelect
        ),
        "per_day": forms.IntegerField(
            label="每天最多", min_value=1, required=False, help_text="次；留空不限。"
        ),
        "networks": forms.CharField(
            label="调用来自哪些网段", required=False, widget=_area(),
            help_text="一行一个，如 10.33.8.0/24。留空表示不限。",
        ),
        "valid_on": forms.DateField(
            label="用到哪一天", required=True, widget=_date(),
            help_text="当天结束时失效，到期可以再申请。",
        ),
    }  # fmt: skip
    if interface is not None:
        made |= _interface_fields(interface)
    wanted: list[str] = []
    for name in names:
        wanted += _CONDITION if name == "row_filter" else (PLACES.get(name, name),)
    return {name: made[name] for name in wanted}


def _interface_fields(interface: ShareInterface) -> dict[str, Any]:
    columns = interface.columns
    return {
        "fields": forms.MultipleChoiceField(
            label="要哪些字段", required=True, widget=forms.CheckboxSelectMultiple,
            choices=[(c["name"], _title(c)) for c in columns],
            help_text="按需最少。L3、L4 字段开通时按级别脱敏，除非提供单位写明理由。",
        ),
        "kinds": forms.MultipleChoiceField(
            label="怎么调用", required=True, initial=partial(kinds_for, interface, None),
            widget=forms.CheckboxSelectMultiple,
            choices=[c for c in kinds_of(interface) if c[0] != CallKind.QUERY or interface.query_columns],
            help_text="只勾用得上的；条件查询要提供单位先设好查询条件。",
        ),
        "row_field": forms.ChoiceField(
            label="只要哪些记录：按字段", required=False,
            choices=[("", "不限定，全部记录"), *((c["name"], c["title"]) for c in columns)],
        ),
        "row_operator": forms.ChoiceField(
            label="怎么比", required=False, choices=list(row_filter.OPERATORS.items())
        ),
        "row_value": forms.CharField(
            label="值", required=False, max_length=500, help_text="多个值用逗号分开。"
        ),
    }  # fmt: skip


def _title(column: Mapping[str, Any]) -> str:
    level = column.get("sensitivity", "")
    return f"{column['title']}（{level}）" if level else str(column["title"])


def values_of(
    names: Sequence[str], data: Mapping[str, Any], interface: ShareInterface | None
) -> dict[str, Any]:
    """What the services call the cleaned data of :func:`content_fields`.

    Raises:
        InvalidInput: the value of the condition does not fit its column.
    """
    found: dict[str, Any] = {}
    for name in names:
        if name == "valid_until":
            found[name] = end_of(data["valid_on"])
        elif name == "networks":
            found[name] = [part for part in _SPLIT.split(data["networks"]) if part]
        elif name == "row_filter":
            assert interface is not None
            line = row_filter.Condition(*(data[part] for part in _CONDITION))
            found[name] = row_filter.compose(
                [line], {c["name"]: c["type"] for c in interface.columns}
            )
        else:
            found[name] = data[name]
    return found


def initial_of(item: AccessRequest | Grant, names: Sequence[str]) -> dict[str, Any]:
    """The values of a request, or of a grant that is to be changed, as :func:`content_fields` shows them."""
    found: dict[str, Any] = {}
    for name in names:
        value = getattr(item, name)
        if name == "valid_until":
            found["valid_on"] = timezone.localtime(value).date() if value else None
        elif name == "networks":
            found[name] = "\n".join(value)
        elif name == "row_filter":
            lines = row_filter.decompose(value)
            line = lines[0] if lines else row_filter.Condition("", "eq", "")
            found |= {
                "row_field": line.field,
                "row_operator": line.operator,
                "row_value": line.value,
            }
        else:
            found[name] = value
    return found


class _ApplicationChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Applications with the department they belong to."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}（{obj.owner.short}）"


_COMMON = (
    "purpose", "legal_basis", "business_item", "frequency", "per_day", "networks", "valid_until",
)  # fmt: skip
# A new request begins with all of the former one but its term: that is a new decision.
PREFILLED = tuple(name for name in _COMMON if name != "valid_until")


# What is said of each interface by itself.
_OF_ONE = ("fields", "kinds", "row_filter")


class ApplyForm(RequestFormBase):
    """The part of the form that holds for all its interfaces."""

    def __init__(
        self, *args: Any, applications: QuerySet[Application] | None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        # None: an existing grant is changed, which belongs to its application for good.
        if applications is not None:
            self.fields["application"] = _ApplicationChoice(
                label="给哪个应用用", queryset=applications, empty_label="请选择"
            )
        self.fields |= content_fields(_COMMON, None)

    def common(self) -> Common:
        """What the service gets."""
        return Common(**values_of(_COMMON, self.cleaned_data, None))

    def groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        """The fields as the page groups them."""
        yield (
            "谁用、做什么用",
            [
                self[n]
                for n in ("application", "purpose", "business_item", "legal_basis")
                if n in self.fields
            ],
        )
        yield "用多少、用多久", [self[n] for n in ("frequency", "per_day", "valid_on", "networks")]


class WantedForm(RequestFormBase):
    """What is wanted of one interface."""

    def __init__(self, *args: Any, interface: ShareInterface, **kwargs: Any) -> None:
        kwargs.setdefault("prefix", f"i{interface.pk}")
        super().__init__(*args, **kwargs)
        self.interface = interface
        self.fields |= content_fields(_OF_ONE, interface)

    def wanted(self) -> Wanted:
        """What the service gets.

        Raises:
            InvalidInput: the value of the condition does not fit its column.
        """
        found = values_of(_OF_ONE, self.cleaned_data, self.interface)
        return Wanted(interface=self.interface, **found)

    @property
    def fields_field(self) -> BoundField:
        """The choice of fields; a template cannot say ``form["fields"]``."""
        return self["fields"]

    @property
    def kinds_field(self) -> BoundField:
        """The choice of ways of calling."""
        return self["kinds"]

    def condition(self) -> list[BoundField]:
        """The line of the row filter."""
        return [self[name] for name in _CONDITION]


class _ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Several files."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        given = data if isinstance(data, list | tuple) else [data]
        return [super(_FilesField, self).clean(item, initial) for item in given]


class AttachForm(RequestFormBase):
    """Material that supports a request."""

    material = _FilesField(
        label="补充材料", widget=_ManyFiles(attrs={"multiple": True, "accept": ",".join(ALLOWED)}),
        help_text=f"红头文件、三定规定等。PDF、OFD、图片、不带宏的 Word 和 Excel，每个不超过 "
        f"{MAX_BYTES // 1024**2} MB，一次最多 {MAX_AT_ONCE} 个。",
        error_messages={"required": "请选择文件"},
    )  # fmt: skip

    def attachments(self) -> list[Attachment]:
        """What the service gets."""
        return [Attachment(item.name, item) for item in self.cleaned_data["material"]]


class WantForm(RequestFormBase):
    """By what a resource shall be looked up that has no interface yet."""

    sections = (
        FormSection(
            "按什么查",
            ("key_column",),
            "给出这个字段的值，得到一条记录。提供单位建接口时以此为准。",
        ),
    )

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key_column"] = forms.ChoiceField(label="查询字段", choices=choices)


class ActForm(RequestFormBase):
    """The inputs of one act of the flow, and nothing else; its ids are its own on a page of many forms."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, move: Move, item: AccessRequest, **options: Any) -> None:
        options.setdefault("prefix", move.key)
        seen = mark_of(item.amends) if item.amends is not None else ""
        options.setdefault("initial", {"version": item.version, "seen": seen})
        super().__init__(*args, **options)
        self.move = move
        self.fields["reason"] = forms.CharField(
            label="理由" if move.reason else "说明（可不填）", required=move.reason,
            max_length=LONGEST_REASON, widget=_area(),
            error_messages={"required": "请写明理由"},
        )  # fmt: skip


class RemarksForm(RequestFormBase):
    """What is to be corrected: a remark beside a field asks for it, an empty one does not."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, item: AccessRequest, **options: Any) -> None:
        options.setdefault("initial", {"version": item.version})
        super().__init__(*args, **options)
        for name, title in CORRECTABLE.items():
            self.fields[name] = forms.CharField(
                label=title, required=False, max_length=LONGEST_REMARK
            )

    @property
    def sections(self) -> tuple[FormSection, ...]:
        """One list of fields."""
        text = "只在要补正的项旁写意见；申请人只能改这些项，其余不动。"
        return (FormSection("哪些要补正", tuple(CORRECTABLE), text),)

    def remarks(self) -> dict[str, str]:
        """What the service gets."""
        return {name: self.cleaned_data[name] for name in CORRECTABLE}


class CorrectForm(RequestFormBase):
    """The fields that were asked to be corrected, each with its remark."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, item: AccessRequest, **options: Any) -> None:
        self.names = [name for name in CORRECTABLE if name in item.correction]
        options.setdefault("initial", {"version": item.version, **initial_of(item, self.names)})
        super().__init__(*args, **options)
        self.item = item
        self.fields |= content_fields(self.names, item.interface)
        for name in self.names:
            place = "row_field" if name == "row_filter" else PLACES.get(name, name)
            self.fields[place].help_text = f"意见：{item.correction[name]}"

    def values(self) -> dict[str, Any]:
        """What the service gets.

        Raises:
            InvalidInput: the value of the condition does not fit its column.
        """
        return values_of(self.names, self.cleaned_data, self.item.interface)


class PolicyForm(forms.ModelForm[RequestPolicy]):
    """The terms in force."""

    reason = forms.CharField(label="修改依据", max_length=300)
    sections = (
        FormSection(
            "办理时限（工作日）",
            (
                "review_days", "answer_days", "delivery_days", "correction_days",
                "negotiation_days", "dispute_days",
            ),
            "默认值：合规审核 2、答复 10、同意后开通 20 个工作日。《政务数据共享条例》（国务院令第 809 号）"
            "要求明确时限，请以本市正式制度为准修改。",
        ),
        FormSection("提醒与依据", ("remind_days", "renew_days", "reason")),
    )  # fmt: skip

    class Meta:
        model = RequestPolicy
        fields = NAMES

    def show(self, error: InvalidInput) -> None:
        """Put the messages of a service where they belong."""
        for name, text in error.fields.items():
            self.add_error(name if name in self.fields else None, text)
        if not error.fields:
            self.add_error(None, error.detail)

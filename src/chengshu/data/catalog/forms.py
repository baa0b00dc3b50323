"""Forms of the catalogue: they parse; the services judge. An item row keeps what was typed, right or wrong."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import Q

from chengshu.data.catalog import choices
from chengshu.data.catalog.change.rounds import ITEM, Remark
from chengshu.data.catalog.content import (
    LIST_VERSION_FIELDS,
    PLAIN_VERSION_FIELDS,
    ItemContent,
    VersionContent,
)
from chengshu.data.catalog.item_rows import ItemRow
from chengshu.data.catalog.models import BusinessItem, Category, InformationSystem, Warehouse
from chengshu.data.catalog.models.standards import LEAF_LEVEL
from chengshu.data.catalog.services.exchange import PROVIDER_KINDS
from chengshu.data.catalog.systems import STORED_FIELDS, SystemContent
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import FormSection

Choices = list[tuple[str, Any]]
_NONE: Choices = [("", "请选择")]


def unit_choices(actor: Actor, permission: str) -> Choices:
    """Departments the actor may write for."""
    units = Organization.objects.filter(active=True, kind__in=PROVIDER_KINDS)
    return [
        (o.code, f"{o.short}（{o.code}）") for o in scope(actor, permission, units).order_by("code")
    ]


class SystemForm(forms.Form):
    """Registration of an information system."""

    sections: Sequence[FormSection] = (
        FormSection("是什么系统", ("code", "name", "owner", "purpose", "status", "online_since")),
        FormSection(
            "部署与安全",
            ("security_level", "security_record", "network", "cloud_zone", "cloud"),
        ),
        FormSection("谁建设、谁运维、找谁", ("builder", "maintainer", "contact", "contact_phone")),
        FormSection("支撑哪些事项", ("business_codes",)),
    )
    code = forms.CharField(
        label="系统代码", max_length=40, help_text="字母、数字、点、横线，登记后不能改"
    )
    name = forms.CharField(label="系统名称", max_length=120)
    owner = forms.ChoiceField(label="责任单位")
    purpose = forms.CharField(
        label="主要用途", max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )
    status = forms.ChoiceField(
        label="状态", choices=choices.SystemStatus.choices, initial="running"
    )
    online_since = forms.DateField(
        label="上线日期",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    security_level = forms.ChoiceField(
        label="等保级别", choices=[*_NONE, *choices.ProtectionLevel.choices],
        help_text="网络安全等级保护定级备案的级别",
    )  # fmt: skip
    network = forms.CharField(
        label="所在网络", max_length=60, required=False, help_text="如 政务外网"
    )
    cloud_zone = forms.CharField(
        label="云区",
        max_length=60,
        required=False,
        help_text="如 公共服务区、行政服务区；不在云上的留空",
    )
    cloud = forms.CharField(
        label="部署位置", max_length=120, required=False, help_text="如 温州市政务云、单位机房"
    )
    security_record = forms.CharField(
        label="等保备案号", max_length=60, required=False, help_text="公安机关出具的备案证明编号"
    )
    builder = forms.CharField(label="承建单位", max_length=120, required=False)
    maintainer = forms.CharField(label="运维单位", max_length=120, required=False)
    contact = forms.CharField(label="联系人", max_length=60, required=False)
    contact_phone = forms.CharField(label="联系电话", max_length=40, required=False)
    business_codes = forms.MultipleChoiceField(
        label="业务事项", required=False, widget=forms.SelectMultiple(attrs={"size": 8}),
        help_text="这个系统支撑办理的事项，可多选",
    )  # fmt: skip

    def __init__(self, *args: Any, actor: Actor, existing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        business: Any = self.fields["business_codes"]
        business.choices = business_choices(actor, None, self.initial.get("business_codes", ()))
        if existing:
            del self.fields["code"], self.fields["owner"]
            self.fields["revision"] = forms.IntegerField(widget=forms.HiddenInput)
            self.sections = (
                FormSection("是什么系统", ("name", "purpose", "status", "online_since")),
                *self.sections[1:],
            )
            return
        owner: Any = self.fields["owner"]
        owner.choices = [*_NONE, *unit_choices(actor, "catalog.system.edit")]

    def content(self) -> SystemContent:
        """The cleaned content."""
        values = {name: self.cleaned_data[name] for name in STORED_FIELDS}
        codes = tuple(sorted(self.cleaned_data["business_codes"]))
        return SystemContent(**values, business_codes=codes)


_PLACE = ("system", "warehouse", "business_codes", "is_lead", "source_name", "source_table")
_SEPARATORS = re.compile(r"[、，,；;\n]+")


class WordsField(forms.CharField):
    """Several words in one line, parted by 、 or commas; cleans to a tuple without repeats."""

    def prepare_value(self, value: Any) -> Any:
        """Stored words as one line."""
        return "、".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        """The line as a tuple."""
        parts = (part.strip() for part in _SEPARATORS.split(str(value or "")))
        return tuple(dict.fromkeys(part for part in parts if part))

    def validate(self, value: Any) -> None:
        """Only whether something is demanded; the services judge the words."""
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """The length limits of text do not fit a tuple."""


def _day(label_text: str, help_text: str = "") -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label_text, required=False, widget=widget, help_text=help_text)


class VersionForm(forms.Form):
    """The metadata of a version. Only the title is demanded: a draft may be incomplete."""

    sections: Sequence[FormSection] = (
        FormSection(
            "是什么数据", ("title", "summary", "kind", "formats", "update_cycle", "keywords", "theme")
        ),
        FormSection(
            "归谁、放在哪里",
            ("provider", "category", "physical_name", *_PLACE),
            "数源单位：这类数据以本单位的为准，其他单位不再重复采集（一数一源）。",
        ),
        FormSection(
            "怎样取到（接口、文件、数据流）", ("access_protocol", "access_method", "access_address"),
            "库表不用填。接口填协议、方法和地址；文件填路径与文件名；数据流填协议和主题。",
        ),
        FormSection("覆盖范围", ("spatial", "temporal_start", "temporal_end", "related")),
        FormSection(
            "能不能共享", ("sharing_type", "sharing_condition", "sharing_basis", "sharing_method"),
            "《政务数据共享条例》：不予共享须有法定依据，提供方不得另加条件。",
        ),
        FormSection("能不能开放", ("open_type", "open_condition", "open_basis")),
        FormSection(
            "安全分级", ("level_floor", "national_class", "level_basis"),
            "整体级别取数据项的最高级别（就高从严）；可以定得更高，不能更低。",
        ),
    )  # fmt: skip
    provider = forms.ChoiceField(label="提供单位")
    category = forms.ChoiceField(
        label="资源分类", help_text="类 / 项 / 目 / 细目，资源代码由它生成，登记后不能改"
    )
    physical_name = forms.CharField(
        label="物理表名", max_length=63,
        help_text="小写字母开头，只含小写字母、数字、下划线，全市唯一，登记后不能改，如 rs_resident_pension",
    )  # fmt: skip
    system = forms.ChoiceField(label="所属信息系统", required=False)
    warehouse = forms.ChoiceField(label="数据仓", required=False)
    title = forms.CharField(label="资源名称", max_length=120)
    summary = forms.CharField(
        label="摘要", required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="一两句话：是什么数据、覆盖谁、从哪里来",
    )  # fmt: skip
    formats = forms.MultipleChoiceField(
        label="数据格式", required=False, choices=choices.DataFormat.choices,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    update_cycle = forms.ChoiceField(
        label="更新周期", required=False, choices=[*_NONE, *choices.UpdateCycle.choices]
    )
    kind = forms.ChoiceField(
        label="资源类型", required=False, choices=choices.ResourceKind.choices, initial="table"
    )
    keywords = WordsField(
        label="关键字",
        required=False,
        help_text="用顿号分开，如 养老保险、参保、缴费；方便别人找到",
    )
    theme = forms.ChoiceField(
        label="领域主题", required=False, choices=[*_NONE, *choices.Theme.choices]
    )
    spatial = forms.CharField(
        label="空间范围",
        required=False,
        max_length=120,
        help_text="行政区划代码或名称，如 330383 龙港市",
    )
    temporal_start = _day("时间范围起", "数据从哪一天开始有")
    temporal_end = _day("时间范围止", "仍在持续更新的留空")
    related = WordsField(
        label="关联资源", required=False, help_text="相关目录的资源代码，多个用顿号分开"
    )
    business_codes = forms.MultipleChoiceField(
        label="业务事项", required=False, help_text="数据是办理哪些事项产生的；可多选",
        widget=forms.SelectMultiple(attrs={"size": 4}),
    )  # fmt: skip
    is_lead = forms.BooleanField(label="本单位是这类数据的数源单位", required=False)
    source_name = forms.CharField(
        label="来源数据源",
        required=False,
        max_length=120,
        help_text="数据实际所在的库，如 社保前置库",
    )
    source_table = forms.CharField(
        label="来源库表",
        required=False,
        max_length=160,
        help_text="模式名.表名，如 sb.person_pension",
    )
    access_protocol = forms.CharField(
        label="协议",
        required=False,
        max_length=40,
        help_text="如 REST/JSON、WebService、MQTT、Kafka",
    )
    access_method = forms.CharField(
        label="请求方法", required=False, max_length=20, help_text="接口填写，如 GET、POST"
    )
    access_address = forms.CharField(
        label="地址、路径或主题", required=False, max_length=300,
        help_text="接口地址；文件的路径与文件名（可用 *）；数据流的主题",
    )  # fmt: skip
    open_basis = forms.CharField(
        label="开放属性依据", required=False, max_length=500, help_text="法规名称和条款"
    )
    level_basis = forms.CharField(
        label="定级依据",
        required=False,
        max_length=500,
        help_text="从严定级或定为重要、核心数据时填写",
    )
    sharing_type = forms.ChoiceField(
        label="共享类型", required=False, choices=choices.SharingType.choices,
        widget=forms.RadioSelect,
    )  # fmt: skip
    sharing_condition = forms.CharField(
        label="共享条件",
        required=False,
        max_length=500,
        help_text="有条件共享时填写，如 仅限办理本部门事项时核验",
    )
    sharing_basis = forms.CharField(
        label="共享属性依据",
        required=False,
        max_length=500,
        help_text="法规名称和条款；不予共享时必填",
    )
    sharing_method = forms.ChoiceField(
        label="共享方式", required=False, choices=choices.SharingMethod.choices
    )
    open_type = forms.ChoiceField(
        label="开放类型", required=False, choices=choices.OpenType.choices,
        widget=forms.RadioSelect, help_text="L1 可以无条件开放，L2、L3 最多受限开放，L4 不得开放",
    )  # fmt: skip
    open_condition = forms.CharField(label="开放条件", required=False, max_length=500)
    level_floor = forms.ChoiceField(
        label="从严定级", required=False,
        choices=[("", "按数据项自动定级"), *choices.Level.choices],
    )  # fmt: skip
    national_class = forms.ChoiceField(
        label="国家分级", required=False, choices=choices.NationalClass.choices,
        help_text="GB/T 43697-2024：核心、重要、一般",
    )  # fmt: skip
    change_note = forms.CharField(
        label="变更说明", required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="改了什么、为什么；发布后使用方会看到",
    )  # fmt: skip
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, *args: Any, actor: Actor, provider: Organization | None = None, change: bool = False,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        systems = scope(actor, "catalog.system.view", InformationSystem.objects.all())
        if provider is not None:
            for name in ("provider", "category", "physical_name"):
                del self.fields[name]
            systems = InformationSystem.objects.filter(
                Q(owner=provider) | Q(pk__in=systems.values("pk"))
            )
            self._sections(FormSection("放在哪里", _PLACE, self.sections[1].help))
        else:
            units = unit_choices(actor, "catalog.resource.edit")
            self._choose("provider", units)
            if len(units) == 1:
                self.initial.setdefault("provider", units[0][0])
            self._choose("category", category_choices())
        self._choose("system", list(systems.order_by("code").values_list("code", "name")))
        stored = self.initial.get("warehouse", "")
        houses = Warehouse.objects.filter(Q(active=True) | Q(code=stored))
        self._choose("warehouse", list(houses.values_list("code", "name")))
        business: Any = self.fields["business_codes"]
        business.choices = business_choices(actor, provider, self.initial.get("business_codes", ()))
        if change:
            self.sections = (*self.sections, FormSection("这次变更", ("change_note",)))
        else:
            del self.fields["change_note"]

    def _sections(self, first: FormSection) -> None:
        self.sections = (self.sections[0], first, *self.sections[2:])

    def _choose(self, name: str, found: Choices) -> None:
        target: Any = self.fields[name]
        target.choices = [*_NONE, *found]

    def content(self, items: Iterable[ItemContent]) -> VersionContent:
        """The cleaned content with ``items``."""
        data = self.cleaned_data
        values = {name: data[name] for name in PLAIN_VERSION_FIELDS if name in data}
        values["kind"] = values["kind"] or choices.ResourceKind.TABLE
        lists: dict[str, Any] = {name: tuple(data[name]) for name in LIST_VERSION_FIELDS}
        return VersionContent(
            **values, **lists, system=data["system"], warehouse=data["warehouse"],
            items=tuple(items),
        )  # fmt: skip


def business_choices(
    actor: Actor, unit: Organization | None, chosen: Iterable[str] = ()
) -> Choices:
    """Business items of a unit (or of all the actor writes for), and those already chosen."""
    found = BusinessItem.objects.filter(status=choices.BusinessStatus.ACTIVE)
    if unit is not None:
        found = found.filter(department=unit)
    else:
        units = scope(actor, "catalog.resource.edit", Organization.objects.all())
        found = found.filter(department__in=units.values("pk"))
    every = found | BusinessItem.objects.filter(code__in=list(chosen))
    return [(b.code, f"{b.name}（{b.code}）") for b in every.order_by("code")]


def category_choices() -> Choices:
    """Leaf categories, grouped by their 项."""
    groups: dict[str, Choices] = {}
    leaves = Category.objects.filter(level=LEAF_LEVEL, active=True).select_related(
        "parent__parent__parent"
    )
    for leaf in leaves:
        part = leaf.parent
        top = part.parent if part else None
        head = top.parent if top else None
        names = [n.name for n in (head, top) if n is not None]
        path = f"{part.name} / {leaf.name}" if part and part.name != leaf.name else leaf.name
        groups.setdefault(" / ".join(names) or "其他", []).append(
            (leaf.code, f"{path}（{leaf.code}）")
        )
    return list(groups.items())


def initial_of(content: VersionContent, revision: int) -> dict[str, Any]:
    """Initial values of :class:`VersionForm`."""
    values: dict[str, Any] = {name: getattr(content, name) for name in PLAIN_VERSION_FIELDS}
    values |= {name: list(getattr(content, name)) for name in LIST_VERSION_FIELDS}
    return values | {
        "system": content.system, "warehouse": content.warehouse, "revision": revision,
    }  # fmt: skip


def place_errors(
    form: forms.Form, rows: Sequence[ItemRow], messages: Mapping[str, str]
) -> list[str]:
    """Put a service's messages where they belong; return those that belong nowhere."""
    loose = []
    for key, text in messages.items():
        head, _, rest = key.partition(".")
        index, _, name = rest.partition(".")
        if head == "items" and index.isdigit() and int(index) < len(rows):
            rows[int(index)].errors[name] = text
            loose.append(
                f"第 {int(index) + 1} 个数据项：{text.removeprefix(f'第 {int(index) + 1} 项：')}"
            )
        elif key in form.fields:
            form.add_error(key, text)
        else:
            loose.append(text)
    return loose


def place_remarks(form: forms.BaseForm, rows: Sequence[ItemRow], remarks: Iterable[Remark]) -> None:
    """Put a reviewer's remarks beside the fields and rows they are about."""
    by_column = {row.values.get("name", ""): row for row in rows}
    for remark in remarks:
        sign = "✓ 已修改" if remark.changed else "待修改"
        text = f"审核意见（{sign}）：{remark.text}"
        if remark.key.startswith(ITEM):
            row = by_column.get(remark.key.removeprefix(ITEM))
            if row is not None:
                row.remarks = (*row.remarks, text)
        elif remark.key in form.fields:
            field = form.fields[remark.key]
            field.help_text = f"{text} {field.help_text}".strip()

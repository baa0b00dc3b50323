"""Forms of the catalogue: they parse; the services judge. An item row keeps what was typed, right or wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db.models import Q
from django.http import QueryDict

from chengshu.data.catalog import choices
from chengshu.data.catalog.content import (
    ITEM_FIELDS,
    PLAIN_VERSION_FIELDS,
    ItemContent,
    VersionContent,
    display,
    label,
)
from chengshu.data.catalog.models import Category, InformationSystem, Warehouse
from chengshu.data.catalog.models.standards import LEAF_LEVEL
from chengshu.data.catalog.services.exchange import PROVIDER_KINDS
from chengshu.data.catalog.systems import SYSTEM_FIELDS, SystemContent
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
        FormSection("部署与安全", ("security_level", "network", "cloud")),
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
    cloud = forms.CharField(
        label="部署位置", max_length=120, required=False, help_text="如 政务云公共服务区"
    )

    def __init__(self, *args: Any, actor: Actor, existing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if existing:
            del self.fields["code"], self.fields["owner"]
            self.fields["revision"] = forms.IntegerField(widget=forms.HiddenInput)
            self.sections = (
                FormSection("是什么系统", ("name", "purpose", "status", "online_since")),
                self.sections[1],
            )
            return
        owner: Any = self.fields["owner"]
        owner.choices = [*_NONE, *unit_choices(actor, "catalog.system.edit")]

    def content(self) -> SystemContent:
        """The cleaned content."""
        return SystemContent(**{name: self.cleaned_data[name] for name in SYSTEM_FIELDS})


class VersionForm(forms.Form):
    """The metadata of a version. Only the title is demanded: a draft may be incomplete."""

    sections: Sequence[FormSection] = (
        FormSection("是什么数据", ("title", "summary", "formats", "update_cycle")),
        FormSection("归谁、放在哪里", ("provider", "category", "physical_name", "system", "warehouse")),
        FormSection(
            "能不能共享", ("sharing_type", "sharing_condition", "sharing_basis", "sharing_method"),
            "《政务数据共享条例》：不予共享须有法定依据，提供方不得另加条件。",
        ),
        FormSection("能不能开放", ("open_type", "open_condition")),
        FormSection(
            "安全分级", ("level_floor", "national_class"),
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
        label="不予共享的依据",
        required=False,
        max_length=500,
        help_text="不予共享时填写法规名称和条款",
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
            self._sections(FormSection("放在哪里", ("system", "warehouse")))
        else:
            units = unit_choices(actor, "catalog.resource.edit")
            self._choose("provider", units)
            if len(units) == 1:
                self.initial.setdefault("provider", units[0][0])
            self._choose("category", category_choices())
        self._choose("system", list(systems.order_by("code").values_list("code", "name")))
        self._choose("warehouse", list(Warehouse.objects.values_list("code", "name")))
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
        return VersionContent(
            **values, system=data["system"], warehouse=data["warehouse"],
            formats=tuple(data["formats"]), items=tuple(items),
        )  # fmt: skip


def category_choices() -> Choices:
    """Leaf categories, grouped by their 项."""
    groups: dict[str, Choices] = {}
    leaves = Category.objects.filter(level=LEAF_LEVEL).select_related("parent__parent__parent")
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
    return values | {
        "system": content.system, "warehouse": content.warehouse,
        "formats": list(content.formats), "revision": revision,
    }  # fmt: skip


_INTEGERS = ("length", "precision", "scale")
_FLAGS = ("nullable", "is_key")


@dataclass(slots=True)
class ItemRow:
    """One row of the items editor: texts as typed, and messages by field."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def blank(self) -> bool:
        return not any(self.values.get(n) for n in ("name", "title", "definition", "pattern"))

    @property
    def required(self) -> bool:
        """Whether the "必填" box is ticked."""
        return not self.values.get("nullable")

    @property
    def key(self) -> bool:
        return bool(self.values.get("is_key"))

    @property
    def digest(self) -> str:
        """What the folded part says, in one line."""
        parts = [
            f"{label(name)} {display(name, self.values[name])}"
            for name in ("format", "precision", "scale", "minimum", "maximum", "pattern")
            if self.values.get(name)
        ]
        if definition := self.values.get("definition"):
            parts.append(definition)
        return " · ".join(parts) or "格式、取值范围、定义"

    @property
    def has_details(self) -> bool:
        """Whether the folded part holds something or is wrong."""
        names = ("precision", "scale", "format", "minimum", "maximum", "pattern", "definition")
        return any(n in self.errors for n in names)

    def content(self) -> ItemContent:
        """The row as content; numbers that are none are noted in ``errors`` and left out."""
        values: dict[str, Any] = {
            n: self.values.get(n, "") for n in ITEM_FIELDS if n not in _INTEGERS + _FLAGS
        }
        for name in _INTEGERS:
            text = self.values.get(name, "")
            values[name] = int(text) if text.isascii() and text.isdigit() else None
            if text and values[name] is None:
                self.errors[name] = f"{label(name)}要填整数，现在是“{text}”"
        key = bool(self.values.get("is_key"))
        return ItemContent(
            **values, is_key=key, nullable=bool(self.values.get("nullable")) and not key
        )


def rows_of(items: Iterable[ItemContent]) -> list[ItemRow]:
    """Editor rows for stored items."""
    found = []
    for item in items:
        values = {n: getattr(item, n) for n in ITEM_FIELDS}
        found.append(ItemRow({n: _typed(v) for n, v in values.items()}))
    return found


def new_row() -> ItemRow:
    """An empty row."""
    return ItemRow(
        {"type": choices.ItemType.TEXT, "nullable": "1", "sensitivity": choices.Level.L1}
    )


def _typed(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    return "" if value is None else str(value)


def parse_rows(data: QueryDict) -> list[ItemRow]:
    """Rows from a posted editor; fields are ``item-<index>-<field>``, required is the inverse of nullable."""
    found = []
    for index in data.getlist("item"):
        values = {n: data.get(f"item-{index}-{n}", "").strip() for n in ITEM_FIELDS}
        values["nullable"] = "" if data.get(f"item-{index}-required") else "1"
        found.append(ItemRow(values))
    return found


def rearranged(rows: list[ItemRow], order: str) -> list[ItemRow]:
    """Rows after a button of the editor: ``add``, ``remove:2``, ``up:2``, ``down:2``, ``copy:2``."""
    verb, _, position = order.partition(":")
    if verb == "add":
        return [*rows, *(new_row() for _ in range(int(position or 1)))]
    index = int(position) if position.isdigit() else -1
    if not 0 <= index < len(rows):
        return rows
    rows = list(rows)
    if verb == "remove":
        del rows[index]
    elif verb in {"up", "down"}:
        row = rows.pop(index)
        rows.insert(max(0, index - 1) if verb == "up" else index + 1, row)
    return rows


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


def remark_title(key: str, names: Mapping[str, str]) -> str:
    """What a reviewer's field remark is about: a field's name or a data item's."""
    head, _, column = key.partition(".")
    if head == "items" and column:
        return f"数据项“{names.get(column, column)}”"
    return "数据项" if head == "items" else label(head)

"""Forms of the standards: data elements, code tables, categories, warehouses, libraries, business items."""

from collections.abc import Sequence
from typing import Any

from django import forms

from chengshu.data.catalog import choices
from chengshu.data.catalog.codes import parse_lines, read_file
from chengshu.data.catalog.elements import ELEMENT_FIELDS, ElementContent
from chengshu.data.catalog.forms import WordsField, unit_choices
from chengshu.data.catalog.models import CodeTable, CyclePolicy, InformationSystem
from chengshu.data.catalog.services.exchange import PROVIDER_KINDS
from chengshu.data.catalog.services.registers import BUSINESS_FIELDS, BusinessContent
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import FormSection

_NONE = [("", "请选择")]


def _text(label: str, limit: int, **more: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=limit, required=False, **more)


def _long(label: str, limit: int, rows: int = 2, **more: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=limit, required=False, widget=widget, **more)


def _number(label: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=1_000_000)


class ElementForm(forms.Form):
    """A data element; identifier and managing unit only while it is new."""

    sections: Sequence[FormSection] = (
        FormSection(
            "是什么", ("identifier", "owner", "title", "english", "name", "definition", "synonyms")
        ),
        FormSection(
            "名称的构成", ("object_class", "property_word", "representation"),
            "对象类词 + 特性词 + 表示词，如 人员 + 出生 + 日期（DB33/T 2426-2022）。",
        ),
        FormSection(
            "怎么写",
            ("type", "length", "precision", "scale", "data_format", "format", "unit"),
            "引用它的数据项按这里的类型和长度登记；留空的不作要求。",
        ),
        FormSection("可以取哪些值", ("code_table", "minimum", "maximum", "pattern", "value_domain")),
        FormSection(
            "安全与来源", ("sensitivity", "relation", "source", "application", "note")
        ),
        FormSection("这次修订", ("change_note",)),
    )  # fmt: skip
    identifier = forms.CharField(
        label="标识符", max_length=40, help_text="字母、数字、点、横线，发布后不能改，如 DE00021"
    )
    owner = forms.ChoiceField(label="管理单位", help_text="谁负责维护这个数据元")
    title = forms.CharField(label="中文名称", max_length=120)
    english = _text("英文名称", 160)
    name = _text("建议字段名", 63, help_text="小写字母、数字、下划线，如 id_number")
    definition = _long("定义", 500)
    synonyms = WordsField(
        label="同义名称", required=False, help_text="别的叫法，用顿号分开；用来给数据项匹配数据元"
    )
    object_class = _text("对象类词", 60)
    property_word = _text("特性词", 60)
    representation = _text("表示词", 60, help_text="如 号码、名称、代码、日期、数量、金额")
    type = forms.ChoiceField(label="数据类型", choices=choices.ItemType.choices)
    length = _number("长度")
    precision = _number("总位数")
    scale = _number("小数位")
    data_format = _text("数据格式", 60, help_text="如 an18、n..12,2；留空时按类型和长度写出")
    format = forms.ChoiceField(
        label="校验格式", required=False, choices=[("", "不限"), *choices.ItemFormat.choices]
    )
    unit = _text("计量单位", 30)
    code_table = forms.ChoiceField(label="代码表", required=False)
    minimum = _text("最小值", 40)
    maximum = _text("最大值", 40)
    pattern = _text("正则", 200)
    value_domain = _text("值域说明", 300)
    sensitivity = forms.ChoiceField(label="敏感级别", choices=choices.Level.choices)
    relation = _text("与其他数据元的关系", 300)
    source = _text("来源机构", 120, help_text="如 公安部门、市场监管部门")
    application = _text("所属应用", 120)
    note = _long("备注", 500)
    change_note = _long("修订说明", 500, help_text="改了什么、为什么；发布后引用单位会看到")
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, actor: Actor, existing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.initial.get("code_table", "")
        tables: Any = self.fields["code_table"]
        known = CodeTable.objects.exclude(state=choices.StandardState.RETIRED)
        known |= CodeTable.objects.filter(key=kept)
        tables.choices = [("", "不用代码表"), *known.values_list("key", "name")]
        first = self.sections[0]
        if existing:
            del self.fields["identifier"], self.fields["owner"]
            self.sections = (FormSection(first.title, first.fields[2:]), *self.sections[1:])
        else:
            del self.fields["change_note"]
            self.sections = self.sections[:-1]
            owner: Any = self.fields["owner"]
            units = unit_choices(actor, "catalog.element.propose")
            owner.choices = [*_NONE, *units]
            if len(units) == 1:
                self.initial.setdefault("owner", units[0][0])

    def content(self) -> ElementContent:
        """The cleaned content."""
        data = self.cleaned_data
        return ElementContent(**{name: data[name] for name in ELEMENT_FIELDS if name in data})


class ReasonForm(forms.Form):
    """A reason or remark for one step."""

    reason = forms.CharField(
        label="原因", max_length=300, widget=forms.Textarea(attrs={"rows": 3}), required=False
    )


def all_units() -> list[tuple[str, str]]:
    """Units that may look after a standard."""
    units = Organization.objects.filter(active=True, kind__in=PROVIDER_KINDS).order_by("code")
    return [("", "不指定"), *((o.code, f"{o.short}（{o.code}）") for o in units)]


class _OwnedForm(forms.Form):
    """Something with a managing unit; the code only while it is new."""

    def __init__(self, *args: Any, existing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner: Any = self.fields["owner"]
        owner.choices = all_units()
        if existing:
            self.fields.pop("code", None)
            self.fields.pop("key", None)

    def unit(self) -> Organization | None:
        """The managing unit chosen."""
        return Organization.objects.filter(code=self.cleaned_data["owner"]).first()


class CodeTableForm(_OwnedForm):
    """What a code table is; its codes are edited apart."""

    key = forms.CharField(
        label="标识", max_length=60, help_text="字母、数字、横线、下划线，登记后不能改，如 gender"
    )
    name = forms.CharField(label="名称", max_length=120)
    standard = _text("依据标准", 200, help_text="如 GB/T 2261.1-2003")
    owner = forms.ChoiceField(label="管理单位", required=False)
    description = _long("说明", 500)


class CodesForm(forms.Form):
    """The codes of an open version: typed, or from a file that replaces them."""

    codes = forms.CharField(
        label="代码", required=False, widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false"}),
        help_text="一行一个：代码、空格、含义。可以从表格里直接粘贴。",
    )  # fmt: skip
    file = forms.FileField(
        label="或上传文件", required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv"}),
        help_text="第一列代码、第二列含义的 .xlsx 或 .csv；上传后整体替换上面的内容",
    )  # fmt: skip
    change_note = _long("修订说明", 500, help_text="改了什么、为什么；发布时必填（首次发布除外）")
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def pairs(self) -> list[tuple[str, str]]:
        """The codes given.

        Raises:
            InvalidInput: the file cannot be read.
        """
        upload = self.cleaned_data.get("file")
        if upload:
            return read_file(upload.name, upload.read())
        return parse_lines(self.cleaned_data["codes"])


class PublishCodesForm(forms.Form):
    """The last look before codes take effect."""

    accept_removal = forms.BooleanField(
        label="我知道：带这些代码的数据今后会被隔离，已经和上列单位说明", required=False
    )


def _length(name: str) -> forms.IntegerField:
    field: Any = CyclePolicy._meta.get_field(name)
    return forms.IntegerField(label=str(field.verbose_name), min_value=1)


class CyclesForm(forms.Form):
    """How long the update cycles are."""

    sections: Sequence[FormSection] = (
        FormSection(
            "多久没有新数据算逾期", CyclePolicy.LENGTHS,
            "《政务数据共享条例》（国务院令第 809 号）要求目录动态更新，更新周期由目录登记；"
            "法规没有规定每个周期折合多少天，这里先用平台的默认值（1、1 个工作日，7 天，1、3、12 个月）。"
            "期限末日是休息日的，顺延到下一个工作日（民法典第二百零三条）。",
        ),
        FormSection("依据", ("reason",)),
    )  # fmt: skip
    realtime = _length("realtime")
    daily = _length("daily")
    weekly = _length("weekly")
    monthly = _length("monthly")
    quarterly = _length("quarterly")
    yearly = _length("yearly")
    reason = forms.CharField(
        label="修改依据",
        max_length=300,
        required=False,
        help_text="如 本市公共数据目录管理办法第几条",
    )


class CategoryForm(forms.Form):
    """A node of 类/项/目/细目."""

    part = forms.CharField(label="本级代码", max_length=10)
    name = forms.CharField(label="名称", max_length=60)
    active = forms.BooleanField(
        label="启用",
        required=False,
        initial=True,
        help_text="停用后新目录不能再选，已有目录不受影响",
    )

    def __init__(self, *args: Any, existing: bool = False, hint: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if existing:
            del self.fields["part"]
        else:
            self.fields["part"].help_text = hint
            del self.fields["active"]


class WarehouseForm(_OwnedForm):
    """A 数据仓."""

    code = forms.CharField(label="代码", max_length=40, help_text="登记后不能改")
    name = forms.CharField(label="名称", max_length=120)
    owner = forms.ChoiceField(label="管理单位", required=False)
    description = _long("说明", 500)
    active = forms.BooleanField(
        label="启用",
        required=False,
        initial=True,
        help_text="停用后新目录不能再选，已有目录不受影响",
    )


class LibraryForm(WarehouseForm):
    """A 专题库 with its entries."""

    resource_codes = WordsField(
        label="包含的数据资源", required=False, widget=forms.Textarea(attrs={"rows": 6}),
        help_text="资源代码，一行一个或用顿号分开",
    )  # fmt: skip


class BusinessForm(forms.Form):
    """A 事项."""

    code = forms.CharField(
        label="事项编码", max_length=60, help_text="权力事项库的编码，登记后不能改"
    )
    name = forms.CharField(label="事项名称", max_length=160)
    department = forms.ChoiceField(label="实施单位")
    kind = forms.ChoiceField(label="事项类型", choices=[*_NONE, *choices.BusinessKind.choices])
    status = forms.ChoiceField(label="状态", choices=choices.BusinessStatus.choices)
    basis = _text("设定依据", 500, help_text="法规名称和条款")
    description = _long("说明", 500)
    systems = forms.MultipleChoiceField(
        label="支撑系统", required=False, widget=forms.SelectMultiple(attrs={"size": 6})
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, actor: Actor, existing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        systems: Any = self.fields["systems"]
        seen = scope(actor, "catalog.system.view", InformationSystem.objects.all())
        seen |= InformationSystem.objects.filter(code__in=self.initial.get("systems", ()))
        systems.choices = list(seen.distinct().order_by("code").values_list("code", "name"))
        if existing:
            del self.fields["code"], self.fields["department"]
        else:
            unit: Any = self.fields["department"]
            unit.choices = [*_NONE, *unit_choices(actor, "catalog.system.edit")]

    def content(self) -> BusinessContent:
        """The cleaned content."""
        data = {name: self.cleaned_data[name] for name in BUSINESS_FIELDS if name != "systems"}
        return BusinessContent(**data, systems=tuple(sorted(self.cleaned_data["systems"])))

"""The rule builder: one set of fields per kind; the engine judges what is written."""

from typing import Any

from django import forms

from chengshu.data.contract.facade import FORMAT_HINTS, ColumnFormat
from chengshu.data.quality.assembling import SQL
from chengshu.data.quality.choices import Dimension, Grade, Severity
from chengshu.data.quality.engine.expert import parse_tables
from chengshu.data.quality.engine.kinds import EXPECTATIONS, KINDS, OPERATORS, TESTS
from chengshu.data.quality.engine.model import TableShape
from chengshu.data.quality.engine.scoring import Policy
from chengshu.data.quality.engine.thresholds import LIMITS, MEASURES, THRESHOLD
from chengshu.data.quality.models import Rule
from chengshu.kernel.ui.components import FormSection

KIND_CHOICES = [
    *((kind.key, kind.title) for kind in KINDS.values() if kind.buildable),
    (THRESHOLD, "整表指标（数量、空值、变化、时间）"),
]
EXPERT_CHOICE = (SQL, "SQL（专家）")


def _choice(label: str, options: Any, *, required: bool = False, **more: Any) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, required=required, choices=[("", "请选择"), *options], **more
    )


def _text(label: str, **more: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=2000, **more)


class RuleForm(forms.Form):
    """Fields of one kind; ``definition()`` gives what the engine compiles."""

    def __init__(
        self, *args: Any, kind: str, shape: TableShape, rule: Rule | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.shape = kind, shape
        self.own = list(self._fields())
        definition = dict(rule.definition) if rule else {}
        for name, made in self.own:
            made.initial = definition.get(name)
            self.fields[name] = made
        if rule and kind == SQL:
            listed = definition.get("tables", {})
            self.fields["tables"].initial = "\n".join(f"{a}={c}" for a, c in listed.items())
        self.fields["title"] = forms.CharField(
            label="规则名称", required=False, max_length=160, initial=rule.title if rule else "",
            help_text="不写就用上面那句话。",
        )  # fmt: skip
        default = KINDS[kind].dimension if kind in KINDS else Dimension.COMPLETENESS
        self.fields["dimension"] = forms.ChoiceField(
            label="维度", choices=Dimension.choices, initial=rule.dimension if rule else default
        )
        self.fields["severity"] = forms.ChoiceField(
            label="严重程度", choices=Severity.choices,
            initial=rule.severity if rule else Severity.NORMAL,
        )  # fmt: skip
        self.sections = (
            FormSection("查什么", [name for name, _ in self.own]),
            FormSection("怎么算分", ["title", "dimension", "severity"]),
        )

    def _fields(self) -> Any:
        columns = [(c.name, f"{c.title}（{c.name}）") for c in self.shape.columns]
        return _FIELDS[self.kind](columns)

    def definition(self) -> dict[str, Any]:
        """What was filled in, without empty parts."""
        given = {name: self.cleaned_data.get(name) for name, _ in self.own}
        if self.kind == SQL:
            given["tables"] = parse_tables(str(given.get("tables") or ""))
        return {name: value for name, value in given.items() if value not in ("", None, [])} | (
            {"tables": given["tables"]} if self.kind == SQL else {}
        )


_FIELDS: dict[str, Any] = {
    "compare": lambda columns: (
        ("left", _choice("字段", columns)),
        ("operator", _choice("必须", OPERATORS.items())),
        ("right", _choice("另一个字段", columns)),
        ("value", _text("或一个固定值", help_text="两者填一个。日期写成 2026-11-23。")),
    ),
    "when": lambda columns: (
        ("when_column", _choice("当这个字段", columns)),
        ("when_operator", _choice("满足", TESTS.items())),
        ("when_value", _text("值")),
        ("then_column", _choice("那么这个字段", columns)),
        ("then_operator", _choice("必须", TESTS.items())),
        ("then_value", _text("值")),
    ),
    "lookup": lambda columns: (
        ("column", _choice("本表的字段", columns)),
        ("other", _text("对照的数据资源", help_text="写资源代码，如 1/01/001/01/00012。")),
        ("other_column", _text("那里的字段", help_text="写字段名，如 id_number。")),
        ("expectation", _choice("要求", EXPECTATIONS.items())),
        ("value_column", _choice("要对照的值（只用于“值必须一致”）", columns)),
        ("other_value_column", _text("那里的值字段")),
    ),
    "unique": lambda columns: (
        (
            "columns",
            forms.MultipleChoiceField(
                label="字段", choices=columns, required=False, widget=forms.CheckboxSelectMultiple
            ),
        ),
        ("which", _choice("哪些算有问题", (("all", "重复的都算"), ("repeats", "只算后来的（留编号最小的）")))),
    ),
    "pattern": lambda columns: (
        ("column", _choice("字段", columns)),
        ("format", _choice("已知格式", [(str(f), FORMAT_HINTS[f]) for f in ColumnFormat])),
        ("pattern", _text("或正则", help_text=r"整个值都要符合，如 [A-Z]{2}\d{6}。")),
    ),
    "gender": lambda columns: (
        ("identity", _choice("身份号码", columns)),
        ("gender", _choice("性别", columns)),
    ),
    "birth": lambda columns: (
        ("identity", _choice("身份号码", columns)),
        ("birth", _choice("出生日期", columns)),
    ),
    "stale": lambda columns: (
        ("column", _choice("日期字段", columns)),
        ("days", _text("最多多少天前", help_text="如 365。")),
    ),
    "region": lambda columns: (
        ("code", _choice("区划代码", columns)),
        ("address", _choice("地址", columns)),
    ),
    "expression": lambda _columns: (
        (
            "text",
            _text("必须成立的条件", help_text="用数据项的名称写，如：应缴金额 = 单价 * 数量"),
        ),
    ),
    "reference": lambda columns: (
        ("subject", _text("参照对象")),
        ("key_column", _choice("标识字段", columns)),
        ("value_column", _choice("要对照的字段", columns)),
        ("attribute", _text("参照的内容")),
    ),
    THRESHOLD: lambda columns: (
        ("measure", _choice("指标", MEASURES.items())),
        ("column", _choice("字段（只用于空值占比）", columns)),
        ("operator", _choice("必须", LIMITS.items())),
        ("value", _text("界限")),
    ),
    SQL: lambda _columns: (
        (
            "query",
            forms.CharField(
                label="SELECT", required=False, max_length=20_000,
                widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
                help_text="返回有问题记录的主键。本表叫 t；其他资源先在下面声明。",
            ),
        ),
        (
            "tables",
            forms.CharField(
                label="用到的资源", required=False, max_length=2000,
                widget=forms.Textarea(attrs={"rows": 3}),
                help_text="一行一个：别名=资源代码，如 pop=1/01/001/01/00012。",
            ),
        ),
    ),
}  # fmt: skip


class PolicyForm(forms.Form):
    """Weights, losses and thresholds as single numbers."""

    def __init__(self, *args: Any, policy: Policy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parts = (
            ("weights", "维度权重", Dimension), ("loss", "一条记录扣多少（0–1）", Severity),
            ("penalty", "整表规则不通过，维度扣多少（0–1）", Severity),
            ("thresholds", "等级最低分", Grade),
        )  # fmt: skip
        sections = []
        for part, title, words in parts:
            names = []
            for key, value in getattr(policy, part).items():
                name = f"{part}__{key}"
                self.fields[name] = forms.FloatField(label=words(key).label, initial=value)
                names.append(name)
            sections.append(FormSection(title, names))
        self.fields["floor"] = forms.FloatField(
            label="短板线", initial=policy.floor,
            help_text="有一个维度低于它，等级最高为“中”。",
        )  # fmt: skip
        self.sections = (*sections, FormSection("短板", ["floor"]))

    def content(self) -> dict[str, Any]:
        """The policy's content."""
        found: dict[str, Any] = {"floor": self.cleaned_data["floor"]}
        for name, value in self.cleaned_data.items():
            part, split, key = name.partition("__")
            if split:
                found.setdefault(part, {})[key] = value
        return found

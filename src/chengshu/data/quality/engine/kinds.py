"""The kinds of rules people can build: each compiles to a check, and says in one sentence what it asks.

A *definition* is a plain dict (stored as JSON). Compiling validates it against the table as it is now, so a
rule whose column the catalogue has given up is reported instead of silently passing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chengshu.data.contract.facade import FORMAT_HINTS, ColumnFormat, ColumnType
from chengshu.data.quality.choices import Dimension
from chengshu.data.quality.engine import formats
from chengshu.data.quality.engine.expressions import condition, titled
from chengshu.data.quality.engine.matching import matches
from chengshu.data.quality.engine.model import Join, RuleError, Tables, TableShape
from chengshu.data.quality.engine.references import SUBJECTS, region_table
from chengshu.data.quality.engine.spelling import organization_join, resident_joins
from chengshu.data.quality.engine.text import cell, is_blank, quoted, typed_literal

Definition = Mapping[str, Any]
OPERATORS = {
    "=": "等于", "<>": "不等于", "<": "小于", "<=": "不大于", ">": "大于", ">=": "不小于",
}  # fmt: skip
DATE_OPERATORS = OPERATORS | {
    "<": "早于", "<=": "不晚于", ">": "晚于", ">=": "不早于",
}  # fmt: skip
TESTS = {"filled": "已填写", "empty": "为空", **OPERATORS, "in": "是其中之一（用逗号分开）"}
EXPECTATIONS = {
    "exists": "必须存在", "missing": "必须不存在", "equal": "存在时，值必须一致",
}  # fmt: skip
MALE, FEMALE = "1", "2"
_DATES = (ColumnType.DATE, ColumnType.DATETIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The SQL of a rule; see :class:`~chengshu.data.quality.engine.model.Check`."""

    fails: str
    checked: str = ""
    columns: tuple[str, ...] = ()
    joins: tuple[Join, ...] = ()
    prepared: Mapping[str, str] = field(default_factory=dict)
    verdicts: Mapping[str, ColumnFormat] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of rule: what it is called, what it compiles to, and its sentence."""

    key: str
    title: str
    help: str
    dimension: Dimension
    compile: Callable[[Definition, TableShape, Tables, str], Compiled]
    sentence: Callable[[Definition, TableShape, Tables], str]
    buildable: bool = True


def need(definition: Definition, name: str, what: str) -> str:
    """A part of a definition that must be there.

    Raises:
        RuleError: it is missing; ``what`` names it.
    """
    value = str(definition.get(name, "")).strip()
    if not value:
        raise RuleError(f"请填写{what}。")
    return value


def filled(*names: str) -> str:
    """All of the columns hold something."""
    return " AND ".join(f"{cell(name)} IS NOT NULL" for name in names)


# ---- comparison of two fields, or of a field and a value


def _comparable(shape: TableShape, left: str, right: str) -> None:
    one, other = shape.column(left), shape.column(right)
    numbers = (ColumnType.INTEGER, ColumnType.DECIMAL)
    same = one.type is other.type or all(c.type in _DATES for c in (one, other))
    if not same and not all(c.type in numbers for c in (one, other)):
        raise RuleError(f"“{one.title}”和“{other.title}”的类型不同，不能比较。")


def _as_day(shape: TableShape, name: str, *, day: bool) -> str:
    """A date-time compared with a date counts as its day in China."""
    if day and shape.column(name).type is ColumnType.DATETIME:
        return f"CAST(timezone('Asia/Shanghai', {cell(name)}) AS DATE)"
    return cell(name)


def _compare(d: Definition, shape: TableShape, _tables: Tables, _alias: str) -> Compiled:
    left, operator = need(d, "left", "要比较的字段"), need(d, "operator", "比较方式")
    if operator not in OPERATORS:
        raise RuleError("请选择比较方式。")
    shape.column(left)
    if d.get("right"):
        right = str(d["right"])
        _comparable(shape, left, right)
        day = {shape.column(left).type, shape.column(right).type} == set(_DATES)
        one, other = _as_day(shape, left, day=day), _as_day(shape, right, day=day)
        return Compiled(
            fails=f"NOT ({one} {operator} {other})", checked=filled(left, right),
            columns=(left, right),
        )  # fmt: skip
    value = typed_literal(shape.column(left), need(d, "value", "另一个字段或一个值"))
    return Compiled(
        fails=f"NOT ({cell(left)} {operator} {value})", checked=filled(left), columns=(left,)
    )


def _words(shape: TableShape, name: str) -> Mapping[str, str]:
    return DATE_OPERATORS if shape.column(name).type in _DATES else OPERATORS


def _compare_words(d: Definition, shape: TableShape, _tables: Tables) -> str:
    left = shape.column(need(d, "left", "要比较的字段"))
    word = _words(shape, left.name).get(str(d.get("operator")), "…")
    other = f"“{shape.column(str(d['right'])).title}”" if d.get("right") else str(d.get("value"))
    return f"“{left.title}”必须{word}{other}；有空值的行不检查。"


# ---- condition: 当…时，必须…


def _test(d: Definition, prefix: str, shape: TableShape) -> str:
    name = need(d, f"{prefix}_column", "条件的字段")
    operator = need(d, f"{prefix}_operator", "条件的判断方式")
    column = shape.column(name)
    if operator == "filled":
        return f"NOT {is_blank(column)}"
    if operator == "empty":
        return is_blank(column)
    value = need(d, f"{prefix}_value", f"“{column.title}”的值")
    if operator == "in":
        listed = ", ".join(
            typed_literal(column, part.strip()) for part in value.replace("，", ",").split(",")
        )
        return f"coalesce({cell(name)} IN ({listed}), false)"
    if operator not in OPERATORS:
        raise RuleError("请选择条件的判断方式。")
    return f"coalesce({cell(name)} {operator} {typed_literal(column, value)}, false)"


def _when(d: Definition, shape: TableShape, _tables: Tables, _alias: str) -> Compiled:
    when, then = _test(d, "when", shape), _test(d, "then", shape)
    return Compiled(
        fails=f"{when} AND NOT ({then})", checked=when,
        columns=(str(d["when_column"]), str(d["then_column"])),
    )  # fmt: skip


def _test_words(d: Definition, prefix: str, shape: TableShape) -> str:
    column = shape.column(need(d, f"{prefix}_column", "条件的字段"))
    operator = str(d.get(f"{prefix}_operator", ""))
    value = str(d.get(f"{prefix}_value", ""))
    if operator in ("filled", "empty"):
        return f"“{column.title}”{TESTS[operator]}"
    if operator == "in":
        return f"“{column.title}”是 {value} 之一"
    return f"“{column.title}”{_words(shape, column.name).get(operator, '…')} {value}"


def _when_words(d: Definition, shape: TableShape, _tables: Tables) -> str:
    then = _test_words(d, "then", shape).replace("已填写", "必须填写").replace("为空", "必须为空")
    verb = "" if "必须" in then else "必须满足："
    return f"当{_test_words(d, 'when', shape)}时，{verb}{then}。"


# ---- identity numbers


def _identity_column(d: Definition, shape: TableShape) -> str:
    name = need(d, "identity", "身份号码字段")
    if shape.column(name).format is not ColumnFormat.ID_NUMBER:
        raise RuleError(f"“{shape.column(name).title}”在目录中不是身份号码格式。")
    return name


def _gender(d: Definition, shape: TableShape, _tables: Tables, _alias: str) -> Compiled:
    identity, gender = _identity_column(d, shape), need(d, "gender", "性别字段")
    shape.column(gender)
    male = formats.is_male(identity)
    value = cell(gender)
    return Compiled(
        fails=f"({value} = '{MALE}' AND NOT {male}) OR ({value} = '{FEMALE}' AND {male})",
        checked=filled(identity, gender), columns=(identity, gender), prepared=formats.digits(identity),
    )  # fmt: skip


def _birth(d: Definition, shape: TableShape, _tables: Tables, _alias: str) -> Compiled:
    identity, birth = _identity_column(d, shape), need(d, "birth", "出生日期字段")
    if shape.column(birth).type not in _DATES:
        raise RuleError(f"“{shape.column(birth).title}”不是日期。")
    year, month, day = formats.birth_parts(identity)
    value = _as_day(shape, birth, day=True)
    return Compiled(
        fails=f"year({value}) <> {year} OR month({value}) <> {month} OR day({value}) <> {day}",
        checked=filled(identity, birth), columns=(identity, birth),
        prepared=formats.digits(identity),
    )  # fmt: skip


def _pair_words(other: str, part: str) -> Callable[[Definition, TableShape, Tables], str]:
    def words(d: Definition, shape: TableShape, _tables: Tables) -> str:
        one = shape.column(need(d, "identity", "身份号码字段")).title
        return f"“{shape.column(need(d, other, '对照字段')).title}”必须与“{one}”中的{part}一致。"

    return words


# ---- another resource by key


def _lookup(d: Definition, shape: TableShape, tables: Tables, alias: str) -> Compiled:
    column, expectation = need(d, "column", "本表的字段"), need(d, "expectation", "要求")
    other = tables(need(d, "other", "对照的数据资源"))
    other_column = need(d, "other_column", "对照资源的字段")
    shape.column(column)
    other.column(other_column)
    key = f"CAST(o.{quoted(other_column)} AS VARCHAR)"
    on = f"{alias}.k = CAST({cell(column)} AS VARCHAR)"
    places = {"other": other.lake_table}
    if expectation in ("exists", "missing"):
        source = f"SELECT DISTINCT {key} AS k FROM {{other}} o WHERE {key} IS NOT NULL"  # noqa: S608 - quoted
        found = "IS NULL" if expectation == "exists" else "IS NOT NULL"
        return Compiled(
            fails=f"{alias}.k {found}", checked=filled(column), columns=(column,),
            joins=(Join(alias=alias, source=source, on=on, tables=places),),
        )  # fmt: skip
    if expectation != "equal":
        raise RuleError("请选择对照的要求。")
    value, other_value = (
        need(d, "value_column", "要对照的值字段"),
        need(d, "other_value_column", "对照资源的值字段"),
    )
    shape.column(value)
    other.column(other_value)
    source = (
        f"SELECT {key} AS k, list(DISTINCT CAST(o.{quoted(other_value)} AS VARCHAR)) AS vs "  # noqa: S608 - quoted
        f"FROM {{other}} o WHERE o.{quoted(other_value)} IS NOT NULL GROUP BY 1"
    )
    return Compiled(
        fails=f"{alias}.k IS NOT NULL AND NOT list_contains({alias}.vs, CAST({cell(value)} AS VARCHAR))",
        checked=f"{filled(column, value)} AND {alias}.k IS NOT NULL", columns=(column, value),
        joins=(Join(alias=alias, source=source, on=on, tables=places),),
    )  # fmt: skip


def _lookup_words(d: Definition, shape: TableShape, tables: Tables) -> str:
    column = shape.column(need(d, "column", "本表的字段")).title
    other = tables(need(d, "other", "对照的数据资源"))
    there = other.column(need(d, "other_column", "对照资源的字段")).title
    if d.get("expectation") != "equal":
        word = "能" if d.get("expectation") == "exists" else "不能"
        return f"“{column}”必须{word}在《{other.title}》的“{there}”中找到。"
    value = shape.column(need(d, "value_column", "要对照的值字段")).title
    there_value = other.column(need(d, "other_value_column", "对照资源的值字段")).title
    return f"按“{column}”在《{other.title}》找到时，“{value}”必须与那里的“{there_value}”一致。"


# ---- uniqueness


def _unique_columns(d: Definition, shape: TableShape) -> list[str]:
    names = d.get("columns") or []
    if isinstance(names, str):
        names = [part.strip() for part in names.split(",") if part.strip()]
    if not names:
        raise RuleError("请选择至少一个字段。")
    for name in names:
        shape.column(name)
    return list(names)


def _unique(d: Definition, shape: TableShape, _tables: Tables, alias: str) -> Compiled:
    names = _unique_columns(d, shape)
    listed = ", ".join(cell(name, "o") for name in names)
    repeats = d.get("which") == "repeats"
    if repeats and not shape.key:
        raise RuleError("这张表没有主键，不能区分先登记的和重复登记的；请改为“都算”。")
    first = f", min({cell(shape.key[0], 'o')}) AS first" if repeats else ""
    source = f"SELECT {listed}{first} FROM {{own}} o GROUP BY {listed} HAVING count(*) > 1"  # noqa: S608 - quoted
    same = "IS NOT DISTINCT FROM" if d.get("blanks") == "equal" else "="
    on = " AND ".join(f"{cell(name)} {same} {alias}.{quoted(name)}" for name in names)
    hit = (
        f"{cell(shape.key[0])} <> {alias}.first"
        if repeats
        else f"{alias}.{quoted(names[0])} IS NOT NULL"
    )
    if not repeats and same != "=":
        raise RuleError("空值按相同处理时，只能查重复登记。")
    return Compiled(
        fails=hit, checked="" if same != "=" else filled(*names), columns=tuple(names),
        joins=(Join(alias=alias, source=source, on=on, tables={"own": shape.lake_table}),),
    )  # fmt: skip


def _unique_words(d: Definition, shape: TableShape, _tables: Tables) -> str:
    titles = [shape.column(name).title for name in _unique_columns(d, shape)]
    if d.get("which") == "repeats":
        shown = "、".join(titles[:4]) + (f" 等 {len(titles)} 项" if len(titles) > 4 else "")  # noqa: PLR2004 - as many as read well
        return f"不能重复登记：{shown}都相同的记录，只留编号最小的一条。"
    return f"“{'、'.join(titles)}”{'合起来' if len(titles) > 1 else ''}不能重复。"


# ---- writing


def _pattern(d: Definition, shape: TableShape, _tables: Tables, _alias: str) -> Compiled:
    column = need(d, "column", "字段")
    if shape.column(column).type is not ColumnType.TEXT:
        raise RuleError("只有文本字段可以检查写法。")
    if d.get("format"):
        kind = ColumnFormat(d["format"])
        fails = formats.wrong_shape(column, kind)
        if kind in formats.CHECKED:
            fails = f"({fails}) OR ({formats.wrong_check_digit(column)})"
        return Compiled(
            fails=fails, checked=filled(column), columns=(column,),
            prepared=formats.prepared(column, kind), verdicts=formats.verdicts(column, kind),
        )  # fmt: skip
    wanted = need(d, "pattern", "格式或正则")
    return Compiled(
        fails=f"NOT {matches(cell(column), wanted)}", checked=filled(column), columns=(column,)
    )


def _pattern_words(d: Definition, shape: TableShape, _tables: Tables) -> str:
    column = shape.column(need(d, "column", "字段")).title
    if d.get("format"):
        return f"“{column}”必须是{FORMAT_HINTS[ColumnFormat(d['format'])]}。"
    return f"“{column}”必须符合写法 {need(d, 'pattern', '格式或正则')}。"


# ---- age of a record


def _stale(d: Definition, shape: TableShape, _tables: Tables, _alias: str) -> Compiled:
    column = need(d, "column", "日期字段")
    if shape.column(column).type not in _DATES:
        raise RuleError("只有日期字段可以检查久未更新。")
    days = _positive(need(d, "days", "天数"))
    limit = f"CAST(timezone('Asia/Shanghai', now()) AS DATE) - {days}"
    return Compiled(
        fails=f"{_as_day(shape, column, day=True)} < {limit}", checked=filled(column),
        columns=(column,),
    )  # fmt: skip


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise RuleError("请填写大于 0 的整数。")
    return int(text)


def _stale_words(d: Definition, shape: TableShape, _tables: Tables) -> str:
    column = shape.column(need(d, "column", "日期字段")).title
    return f"“{column}”不能早于 {_positive(need(d, 'days', '天数')):,} 天前。"


# ---- agreement with the city's references


def _reference(d: Definition, shape: TableShape, _tables: Tables, _alias: str) -> Compiled:
    subject = SUBJECTS[need(d, "subject", "参照对象")]
    key, value = need(d, "key_column", "标识字段"), need(d, "value_column", "要对照的字段")
    attribute = need(d, "attribute", "参照的内容")
    shape.column(key)
    shape.column(value)
    alias = f"ref_{subject.key}_{shape.columns.index(shape.column(key))}"
    join = Join(
        alias=alias, source="SELECT * FROM {reference}",
        on=f"{alias}.{quoted(subject.key)} = {cell(key)}", tables={"reference": subject.table},
    )  # fmt: skip
    known = f"{alias}.{quoted(attribute)}"
    return Compiled(
        fails=f"{cell(value)} <> {known}",
        checked=f"{filled(key, value)} AND {known} IS NOT NULL", columns=(key, value), joins=(join,),
    )  # fmt: skip


def _reference_words(d: Definition, shape: TableShape, _tables: Tables) -> str:
    key = shape.column(need(d, "key_column", "标识字段")).title
    value = shape.column(need(d, "value_column", "要对照的字段")).title
    return f"“{value}”必须与全市各来源按“{key}”登记的多数一致；只有一个来源的不检查。"


def _region(d: Definition, shape: TableShape, _tables: Tables, _alias: str) -> Compiled:
    code, address = need(d, "code", "区划代码字段"), need(d, "address", "地址字段")
    shape.column(address)
    alias = f"ref_region_{shape.columns.index(shape.column(code))}"
    join = Join(
        alias=alias, source="SELECT * FROM {regions}", on=f"{alias}.code = {cell(code)}",
        tables={"regions": region_table()},
    )  # fmt: skip
    return Compiled(
        fails=f"NOT contains({cell(address)}, {alias}.name)",
        checked=f"{filled(code, address)} AND {alias}.name IS NOT NULL", columns=(code, address),
        joins=(join,),
    )  # fmt: skip


def _region_words(d: Definition, shape: TableShape, _tables: Tables) -> str:
    code = shape.column(need(d, "code", "区划代码字段")).title
    return f"“{shape.column(need(d, 'address', '地址字段')).title}”必须写明“{code}”所指的社区。"


# ---- another way of writing a name the city knows


def _spelling(d: Definition, shape: TableShape, _tables: Tables, _alias: str) -> Compiled:
    name, address = need(d, "column", "名称字段"), str(d.get("address", ""))
    index = shape.columns.index(shape.column(name))
    columns: tuple[str, ...] = (name,)
    joins: tuple[Join, ...] = (organization_join(name, index),)
    if address:
        shape.column(address)
        columns = (name, address)
        joins = resident_joins(name, address, index)
    known = f"{joins[-1].alias}.name"
    return Compiled(
        fails=f"{cell(name)} <> {known}",
        checked=f"{known} IS NOT NULL",
        columns=columns,
        joins=joins,
    )


def _spelling_words(d: Definition, shape: TableShape, _tables: Tables) -> str:
    name = shape.column(need(d, "column", "名称字段")).title
    if d.get("address"):
        address = shape.column(str(d["address"])).title
        return f"“{name}”不能是“{address}”住户姓名的同音别字；同音的住户只有一人时才检查。"
    return f"“{name}”必须与名录中的全称写法一致；只对得上一家单位时才检查。"


# ---- free expression


def _expression(d: Definition, shape: TableShape, _tables: Tables, _alias: str) -> Compiled:
    text, columns = condition(need(d, "text", "表达式"), shape)
    return Compiled(
        fails=f"NOT ({text})", checked=filled(*columns) if columns else "", columns=columns
    )


def _expression_words(d: Definition, shape: TableShape, _tables: Tables) -> str:
    return f"必须成立：{titled(need(d, 'text', '表达式'), shape)}。"


KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind(key="compare", title="两个字段比较", help="日期先后、相等、大小；也可以与一个固定值比较",
             dimension=Dimension.CONSISTENCY, compile=_compare, sentence=_compare_words),
        Kind(key="when", title="当…时，必须…", help="一个字段满足条件时，另一个字段必须怎样",
             dimension=Dimension.COMPLETENESS, compile=_when, sentence=_when_words),
        Kind(key="lookup", title="对照另一个数据资源", help="按字段到另一张表里查：存在、不存在、值一致",
             dimension=Dimension.CONSISTENCY, compile=_lookup, sentence=_lookup_words),
        Kind(key="unique", title="不能重复", help="几个字段合起来不能重复，或查重复登记",
             dimension=Dimension.ACCURACY, compile=_unique, sentence=_unique_words),
        Kind(key="pattern", title="格式或写法", help="身份证、手机号等已知格式，或一个正则",
             dimension=Dimension.CONFORMITY, compile=_pattern, sentence=_pattern_words),
        Kind(key="gender", title="性别与身份号码一致", help="身份号码第 17 位单数为男、双数为女",
             dimension=Dimension.CONSISTENCY, compile=_gender, sentence=_pair_words("gender", "性别")),
        Kind(key="birth", title="出生日期与身份号码一致", help="身份号码第 7 至 14 位",
             dimension=Dimension.CONSISTENCY, compile=_birth, sentence=_pair_words("birth", "出生日期")),
        Kind(key="stale", title="久未更新", help="记录的日期不能太旧",
             dimension=Dimension.TIMELINESS, compile=_stale, sentence=_stale_words),
        Kind(key="region", title="地址与区划代码一致", help="地址里要写明代码所指的社区",
             dimension=Dimension.CONSISTENCY, compile=_region, sentence=_region_words),
        Kind(key="expression", title="表达式", help="用字段名和 + - * / 写一个条件，如：应缴金额 = 单价 * 数量",
             dimension=Dimension.ACCURACY, compile=_expression, sentence=_expression_words),
        Kind(key="reference", title="与多来源参照一致", help="全市按同一标识登记的多数",
             dimension=Dimension.CONSISTENCY, compile=_reference, sentence=_reference_words,
             buildable=False),
        Kind(key="spelling", title="名称写法与名录一致", help="单位名称对照名录全称，姓名对照同一住址的住户",
             dimension=Dimension.CONSISTENCY, compile=_spelling, sentence=_spelling_words,
             buildable=False),
    )
}  # fmt: skip

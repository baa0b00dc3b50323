"""The rules of a load, one table of them: key, Chinese name, and the sentence the person reads."""

from dataclasses import dataclass

from chengshu.data.contract.model import ColumnFormat, ColumnSpec, ColumnType

SHOWN_CHARACTERS = 60
# No text of a catalogue holds a zero character.
_ROW_MARK, _VALUE_MARK = "\x00row", "\x00value"

FORMAT_HINTS: dict[ColumnFormat, str] = {
    ColumnFormat.ID_NUMBER: "18 位身份证号（前 17 位为数字，含真实的出生日期）",
    ColumnFormat.USCC: "18 位统一社会信用代码（不含 I、O、S、V、Z）",
    ColumnFormat.REGION12: "12 位数字的区划代码",
    ColumnFormat.REGION6: "6 位数字的行政区划代码",
    ColumnFormat.MOBILE: "1 开头的 11 位手机号",
    ColumnFormat.PHONE: "手机号或带区号的固定电话",
    ColumnFormat.PLATE: "机动车号牌（如 浙C12345、浙CD12345）",
    ColumnFormat.BANK_CARD: "12 至 19 位数字的银行卡号",
    ColumnFormat.POSTCODE: "6 位数字的邮政编码",
    ColumnFormat.EMAIL: "电子邮箱（如 name@example.cn）",
}
TYPE_HINTS: dict[ColumnType, str] = {
    ColumnType.TEXT: "文本",
    ColumnType.INTEGER: "整数（如 1200 或 1,200；不接受“万”和科学计数法）",
    ColumnType.DECIMAL: "数字（如 1200.50 或 1,200.50；不接受“万”和科学计数法）",
    ColumnType.DATE: "真实存在的日期（如 2026-11-23、2026/11/23、2026.11.23、20261123、2026年11月23日）",
    ColumnType.DATETIME: "日期时间（如 2026-11-23 14:05 或 2026-11-23 14:05:30）",
    ColumnType.BOOLEAN: "是 或 否（也接受 真/假、1/0、true/false、Y/N）",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule a cell or a row can break. `bit` is its place in the violation mask (0: row rule)."""

    key: str
    name: str
    template: str
    bit: int = 0


_CELL_RULES = (
    ("required", "必填", "{at} 是必填项，但没有值；请补上。"),
    ("type", "类型", "{at}：“{value}”不是{type_hint}；请改正。"),
    (
        "precision",
        "数字位数",
        "{at}：“{value}”超出位数，总共最多 {precision} 位，其中小数 {scale} 位。",
    ),
    ("length", "长度", "{at}：“{value}”超过 {length} 个字；请缩短或申请修改目录中的长度。"),
    ("code", "代码表", "{at}：“{value}”不在代码表中；可用的代码有 {codes}。"),
    ("format", "格式", "{at}：“{value}”不是{format_hint}；请改正。"),
    ("check_digit", "校验位", "{at}：“{value}”的校验位不对，可能录错了某一位；请与原件核对。"),
    ("range", "取值范围", "{at}：“{value}”不在允许的范围内（{range}）。"),
    ("pattern", "正则", "{at}：“{value}”不符合规定的写法（{pattern}）。"),
    (
        "id_as_number",
        "编号变成数字",
        "{at}：“{value}” 被 Excel 变成了数字，末位已丢失；请把该列设为文本后重新导出。",
    ),
)
RULES: dict[str, Rule] = {
    key: Rule(key, name, template, 1 << index)
    for index, (key, name, template) in enumerate(_CELL_RULES)
}
ROW_RULES: dict[str, Rule] = {
    rule.key: rule
    for rule in (
        Rule(
            "ragged",
            "列数不对",
            "第 {row} 行应有 {expected} 列，实际有 {actual} 列：“{value}”；"
            "请检查是否多了或少了分隔符、引号。",
        ),
        Rule(
            "encoding",
            "乱码",
            "第 {row} 行“{title}”含有无法识别的字符：“{value}”；请核对该行，或换一种编码重新读取文件。",
        ),
        Rule(
            "key_conflict",
            "主键冲突",
            "第 {row} 行与第 {first_row} 行的主键相同（{value}）但内容不同；请确认保留哪一行。",
        ),
    )
}


def shorten(value: str | None) -> str:
    """A value as it is shown in a message: one line, not longer than a person reads."""
    text = " ".join((value or "").split())
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def sentence(rule: Rule, column: ColumnSpec) -> str:
    """The sentence for a broken cell rule with marks in it; `fill` puts row and value in their place."""
    precision, scale = column.decimal_size
    codes = column.codes or {}
    listed = "、".join(f"{code} {name}" for code, name in list(codes.items())[:6])
    return rule.template.format(
        at=f"第 {_ROW_MARK} 行“{column.title}”",
        value=_VALUE_MARK,
        type_hint=TYPE_HINTS[column.type],
        format_hint=FORMAT_HINTS[column.format] if column.format else "",
        length=column.length,
        precision=precision,
        scale=scale,
        codes=listed + (" 等" if len(codes) > 6 else ""),  # noqa: PLR2004 - as many as fit a line
        pattern=column.pattern,
        range=_range_text(column),
    )


def fill(text: str, *, row: int, value: str | None) -> str:
    """A sentence for one cell. `row` counts as the file does (first line is 1)."""
    return text.replace(_ROW_MARK, str(row)).replace(_VALUE_MARK, shorten(value))


def render(rule: Rule, *, row: int, column: ColumnSpec, value: str | None) -> str:
    """The sentence for one broken cell rule."""
    return fill(sentence(rule, column), row=row, value=value)


def _range_text(column: ColumnSpec) -> str:
    if column.minimum is not None and column.maximum is not None:
        return f"{column.minimum} 至 {column.maximum}"
    return f"不小于 {column.minimum}" if column.minimum is not None else f"不大于 {column.maximum}"

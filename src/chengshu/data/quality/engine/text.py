"""Identifiers and values as SQL text."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from chengshu.data.contract.facade import ColumnSpec, ColumnType
from chengshu.data.quality.engine.model import RuleError

ROW = "t"


def quoted(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def cell(name: str, table: str = ROW) -> str:
    """A column of a row."""
    return f"{table}.{quoted(name)}"


def literal(value: str) -> str:
    """Text as an SQL string."""
    return "'" + value.replace("'", "''") + "'"


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise InvalidOperation
    return number


def typed_literal(column: ColumnSpec, text: str) -> str:
    """What a person wrote as a value of the column's type.

    Raises:
        RuleError: it cannot be one.
    """
    try:
        match column.type:
            case ColumnType.INTEGER | ColumnType.DECIMAL:
                number = Decimal(text.strip())
                return f"{_finite(number):f}"
            case ColumnType.DATE:
                return f"DATE '{date.fromisoformat(text.strip())}'"
            case ColumnType.DATETIME:
                moment = datetime.fromisoformat(text.strip())
                return f"TIMESTAMPTZ '{moment:%Y-%m-%d %H:%M:%S}+08:00'"
            case ColumnType.BOOLEAN:
                return {"是": "true", "否": "false"}[text.strip()]
            case _:
                return literal(text)
    except (ValueError, InvalidOperation, KeyError) as error:
        raise RuleError(
            f"“{text}”不能与“{column.title}”比较，它应当是{_EXAMPLES[column.type]}。"
        ) from error


_EXAMPLES = {
    ColumnType.INTEGER: "整数",
    ColumnType.DECIMAL: "数字",
    ColumnType.DATE: "日期（如 2026-11-23）",
    ColumnType.DATETIME: "日期时间（如 2026-11-23 14:05）",
    ColumnType.BOOLEAN: "“是”或“否”",
    ColumnType.TEXT: "文字",
}


def is_blank(column: ColumnSpec) -> str:
    """True where nothing is written; only a text that begins with a blank is trimmed, the rest needs no work."""
    name = cell(column.name)
    if column.type is not ColumnType.TEXT:
        return f"{name} IS NULL"
    return f"CASE WHEN {name} >= '!' THEN false WHEN {name} IS NULL THEN true ELSE trim({name}) = '' END"

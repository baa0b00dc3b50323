"""Which columns of a resource are personal, and how their values are shown to people by default."""

import re
from collections.abc import Callable, Iterable, Mapping

from chengshu.data.contract.facade import ColumnFormat, ColumnSpec, ColumnType
from chengshu_gateway.masks import parse

Mask = Callable[[object], str | None]

_PERSONAL_LEVELS = frozenset({"L3", "L4"})
_BY_FORMAT = {
    ColumnFormat.ID_NUMBER: "id_number",
    ColumnFormat.MOBILE: "phone",
    ColumnFormat.BANK_CARD: "bank_card",
}
_SENSITIVE_BY_FORMAT = {ColumnFormat.PHONE: "phone", ColumnFormat.EMAIL: "email"}
_ADDRESS = re.compile("地址|住址|住所|户籍地|坐落")
_NAME = re.compile("姓名|联系人|负责人|法定代表人|户主|经办人")
# What looks like an identity, bank or mobile number in text nobody has described yet.
_LONG_DIGITS = re.compile(r"(?<![0-9A-Za-z])\d[\d\- ]{9,20}[\dXx](?![0-9A-Za-z])", re.ASCII)
_SHORTEST_NUMBER = 11


def is_personal(column: ColumnSpec) -> bool:
    """Whether values of the column are masked by default."""
    named = column.sensitivity == "L2" and bool(_NAME.search(column.title))
    return named or column.sensitivity in _PERSONAL_LEVELS or column.format in _BY_FORMAT


def mask_kind(column: ColumnSpec) -> str:
    """The declaration of the mask of a column; ``none`` for what is not personal."""
    if not is_personal(column):
        return "none"
    known = _BY_FORMAT | _SENSITIVE_BY_FORMAT
    if column.format in known:
        return known[column.format]
    if column.type in (ColumnType.DATE, ColumnType.DATETIME):
        return "year"
    if _NAME.search(column.title):
        return "name"
    return "address" if _ADDRESS.search(column.title) else "full"


def masks_of(columns: Iterable[ColumnSpec]) -> dict[str, Mask]:
    """Column name → mask, of the personal columns only."""
    return {
        column.name: parse(mask_kind(column)).compile() for column in columns if is_personal(column)
    }


def masked(masks: Mapping[str, Mask], column: str, value: object) -> str | None:
    """A value as it is shown."""
    mask = masks.get(column)
    if mask is not None:
        return mask(value)
    return None if value is None else str(value)


def hide_numbers(text: str) -> str:
    """Text of unknown meaning with everything that looks like a personal number starred."""

    def starred(found: re.Match[str]) -> str:
        digits = re.sub(r"[\- ]", "", found[0])
        if len(digits) < _SHORTEST_NUMBER:
            return found[0]
        return f"{digits[:3]}{'*' * (len(digits) - 5)}{digits[-2:]}"

    return _LONG_DIGITS.sub(starred, text)

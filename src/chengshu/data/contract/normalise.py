"""Cleaning of raw cells before they are typed: what people mean, written the one way we store.

Every cell loses surrounding blanks (also full-width and invisible ones); an empty cell and the null
words of database exports become null. Numbers, dates, codes and identifiers also become half-width.
Nothing is guessed: a value that stays doubtful is left as it is, and a rule rejects it.

Dates are brought from the six Chinese habits 2026-11-23, 2026/11/23, 2026.11.23, 20261123,
2026年11月23日 and 二〇二六年十一月二十三日; the last two are rewritten here, the others by the cast.
"""

import re
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc
from stdnum.cn import ric

from chengshu.data.contract.cells import BLANKS, trim
from chengshu.data.contract.check_digits import Verdict, verify
from chengshu.data.contract.model import ArrowColumn, ColumnFormat, ColumnSpec, ColumnType

_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_CHINESE_DIGITS = {ord(c): str(i) for i, c in enumerate("〇一二三四五六七八九")} | {
    ord("零"): "0",
    ord("○"): "0",
}
_DATE_MARKS = str.maketrans({"年": "-", "月": "-", "日": " ", "号": " "})
_TIME_MARKS = str.maketrans({"时": ":", "点": ":", "分": ":", "秒": " "})
_CHINESE_DATE = re.compile(
    r"([〇零○一二三四五六七八九]{4})年([一二三四五六七八九十]{1,3})月([一二三四五六七八九十]{1,3})[日号]"
)
_OLD_ID_LENGTH = 15

_JOINTS = re.compile(r"[\s\-·•.]+")
_PLUS_86 = re.compile(r"^(?:\+|00)86")


def normalise(column: ArrowColumn, spec: ColumnSpec) -> ArrowColumn:
    """Clean one column of text for `spec`; the result has the same length."""
    cleaned = trim(column)
    if spec.format is not None:
        return clean_format(cleaned, spec.format)[0]
    if spec.type is ColumnType.TEXT:
        return cleaned
    dated = spec.type in (ColumnType.DATE, ColumnType.DATETIME)
    foreign = pc.invert(pc.string_is_ascii(cleaned))
    return _rewrite(cleaned, foreign, _plain_date if dated else half_width)


def clean_format(column: ArrowColumn, kind: ColumnFormat) -> tuple[ArrowColumn, Verdict]:
    """Clean the trimmed values that do not have the format's shape yet, and judge all of them."""
    verdict = verify(column, kind)
    doubtful = ~verdict.shape
    if not doubtful.any():
        return column, verdict
    cleaned = _rewrite(column, pa.array(doubtful), _CLEANERS[kind])
    second = verify(cleaned.filter(pa.array(doubtful)), kind)
    verdict.shape[doubtful], verdict.check[doubtful] = second.shape, second.check
    return cleaned, verdict


def to_codes(column: ArrowColumn, meanings: Mapping[str, str]) -> tuple[ArrowColumn, ArrowColumn]:
    """Replace codes and unambiguous names by the code; the second array says which ones were known.

    `meanings` comes from `code_meanings`. Unknown values stay as they are; nulls count as known.
    """
    encoded = column.dictionary_encode()
    raw: list[str] = encoded.dictionary.to_pylist()
    found = [meanings.get(half_width(value).casefold()) for value in raw]
    known: ArrowColumn = pa.array([code is not None for code in found], pa.bool_())
    known = known.take(encoded.indices).fill_null(True)
    if all(code in (None, text) for code, text in zip(found, raw, strict=True)):
        return column, known
    values = pa.array([code or text for code, text in zip(found, raw, strict=True)], pa.string())
    return values.take(encoded.indices), known


def code_meanings(codes: Mapping[str, str]) -> dict[str, str]:
    """Everything a person may write for a code: the code, or a name that only one code has."""
    names: dict[str, str | None] = {}
    for code, name in codes.items():
        key = half_width(name.strip(BLANKS)).casefold()
        names[key] = None if key in names and names[key] != code else code
    known = {name: code for name, code in names.items() if code is not None and name}
    return known | {half_width(code.strip(BLANKS)).casefold(): code for code in codes}


def half_width(value: str) -> str:
    """Full-width digits, letters and signs to ASCII: １２Ａ → 12A."""
    return value if value.isascii() else value.translate(_HALF_WIDTH).strip()


def _rewrite(
    column: ArrowColumn, doubtful: ArrowColumn, clean: Callable[[str], str]
) -> ArrowColumn:
    """Apply `clean` to the doubtful values only, once per distinct value."""
    doubtful = pc.fill_null(doubtful, False)
    if not pc.any(doubtful).as_py():
        return column
    encoded = column.filter(doubtful).dictionary_encode()
    cleaned = pa.array([clean(v) or None for v in encoded.dictionary.to_pylist()], pa.string())
    return pc.replace_with_mask(column, doubtful, cleaned.take(encoded.indices))


def _plain_date(value: str) -> str:
    text = half_width(value)
    written = _CHINESE_DATE.search(text)
    if written:
        year, month, day = written.groups()
        spelt = f"{year.translate(_CHINESE_DIGITS)}-{_small_number(month)}-{_small_number(day)} "
        text = text[: written.start()] + spelt + text[written.end() :]
    marked = text.translate(_DATE_MARKS).translate(_TIME_MARKS)
    return re.sub(r"\s+", " ", marked).strip().rstrip(":")


def _small_number(text: str) -> int:
    """十一 → 11, 二十三 → 23, 三 → 3; nonsense gives a number no calendar has."""
    tens, ten, units = text.rpartition("十")
    if not ten:
        return int(text.translate(_CHINESE_DIGITS))
    high = int(tens.translate(_CHINESE_DIGITS)) if tens.isalpha() and "十" not in tens else 1
    return high * 10 + (int(units.translate(_CHINESE_DIGITS)) if units else 0)


def _compact(value: str) -> str:
    text = half_width(value).upper()
    # A decimal point or an exponent is the trace of a spreadsheet: keep it for the rule that explains it.
    return text if _looks_numeric(text) else _JOINTS.sub("", text)


def _looks_numeric(text: str) -> bool:
    return bool(re.fullmatch(r"\d+\.\d+|\d(?:\.\d+)?E\+?\d+", text))


def _identity_number(value: str) -> str:
    text = _compact(value)
    if len(text) == _OLD_ID_LENGTH and text.isascii() and text.isdigit():
        longer = f"{text[:6]}19{text[6:]}"
        return longer + ric.calc_check_digit(longer + "0")
    return text


def _mobile(value: str) -> str:
    text = half_width(value).upper()
    return text if _looks_numeric(text) else _JOINTS.sub("", _PLUS_86.sub("", text))


def _phone(value: str) -> str:
    text = half_width(value).upper().replace("(", "").replace(")", "-")
    if _looks_numeric(text):
        return text
    return re.sub(r"\s+", "", _PLUS_86.sub("", text)).replace("—", "-").strip("-")


_CLEANERS: dict[ColumnFormat, Callable[[str], str]] = {
    ColumnFormat.ID_NUMBER: _identity_number,
    ColumnFormat.USCC: _compact,
    ColumnFormat.REGION12: _compact,
    ColumnFormat.REGION6: _compact,
    ColumnFormat.MOBILE: _mobile,
    ColumnFormat.PHONE: _phone,
    ColumnFormat.PLATE: _compact,
    ColumnFormat.BANK_CARD: _compact,
    ColumnFormat.POSTCODE: _compact,
    ColumnFormat.EMAIL: half_width,
}

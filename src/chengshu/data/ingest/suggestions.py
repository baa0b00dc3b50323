"""What a wrong value probably means: only where it can be computed, and only what the catalogue would accept.

Nothing is corrected by itself: a person takes a suggestion or not. An identity number whose check digit is wrong gets
a hint and no suggestion, because any of its digits may be the wrong one.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from chengshu.data.contract.facade import RULES as CELL_RULES
from chengshu.data.contract.facade import (
    ColumnFormat,
    ColumnSpec,
    ColumnType,
    CompiledContract,
    TableContract,
    compile_contract,
    render,
)
from chengshu.data.ingest.reading.rows import ROW_COLUMN

_BODY = {ColumnFormat.ID_NUMBER: 17, ColumnFormat.USCC: 17}
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?", re.ASCII)
_UNITS = {"万": 10_000, "亿": 100_000_000, "千": 1_000, "百": 100}
_WORDS = re.compile(r"^[约近超逾共计大概左右￥¥元个人户亩吨米平方公里台辆套件次名%\s]+")
_FOUR_TWO_TWO = re.compile(r"^(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})\D{0,2}$", re.ASCII)
_DAY_FIRST = re.compile(r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4})$", re.ASCII)
_SHORT_YEAR = re.compile(r"^(\d{2})[./-](\d{1,2})[./-](\d{1,2})$", re.ASCII)
_SERIAL = re.compile(r"^\d{5}(?:\.\d+)?$", re.ASCII)
_EXCEL_EPOCH = date(1899, 12, 30)
_MONTHS = 12
_PIVOT = 40


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A value the catalogue accepts, and why it is likely."""

    value: str
    why: str


class ValueProbe:
    """Asks the load contract itself whether a value of one column would pass."""

    def __init__(self, column: ColumnSpec) -> None:
        self.column = column
        self._contract: CompiledContract = compile_contract(TableContract(columns=(column,)))
        self._engine: duckdb.DuckDBPyConnection | None = None

    def objection(self, value: str | None) -> str:
        """Why the value would be refused, in one sentence; "" when it would pass."""
        batch = pa.RecordBatch.from_pydict(
            {
                ROW_COLUMN: pa.array([1], pa.int64()),
                self.column.name: pa.array([value], pa.string()),
            }
        )
        checked = self._contract.check(self._connection, batch)
        if not checked.violations:
            return ""
        broken = checked.violations[0]
        sentence = render(CELL_RULES[broken.rule], row=1, column=self.column, value=broken.value)
        return sentence.removeprefix(f"第 1 行“{self.column.title}”").lstrip("： ")

    def _connection(self) -> duckdb.DuckDBPyConnection:
        """One engine for all questions, made when the contract first needs one."""
        if self._engine is None:
            self._engine = duckdb.connect()
        return self._engine


def suggest(probe: ValueProbe, value: str | None) -> Suggestion | None:
    """The first likely reading of ``value`` that the contract accepts; None when nothing can be computed."""
    if not value:
        return None
    for candidate in _candidates(probe.column, value):
        if candidate.value != value and not probe.objection(candidate.value):
            return candidate
    return None


def hint(column: ColumnSpec, value: str | None) -> str:
    """What a wrong check digit would have to be; "" where that says nothing."""
    if value is None or column.format not in _BODY:
        return ""
    text = value.strip().upper()
    module = ric if column.format is ColumnFormat.ID_NUMBER else uscc
    if len(text) != _BODY[column.format] + 1:
        return ""
    try:
        digit = module.calc_check_digit(text)
    except (ValidationError, ValueError, KeyError, IndexError):
        return ""
    return "" if text.endswith(digit) else f"若前 17 位无误，末位应为 {digit}；请与原件核对"


def _candidates(column: ColumnSpec, value: str) -> Iterator[Suggestion]:
    plain = " ".join(unicodedata.normalize("NFKC", value).split())
    tight = plain.replace(" ", "")
    if column.format in (ColumnFormat.MOBILE, ColumnFormat.PHONE):
        digits = re.sub(r"^\+?86", "", re.sub(r"[^\d+]", "", tight))
        yield Suggestion(digits, "去掉区号前缀和分隔符")
    yield Suggestion(plain, "去掉多余空格、全角改半角")
    yield Suggestion(tight, "去掉空格")
    if column.codes:
        yield from _codes(column.codes, tight)
    if column.type in (ColumnType.DATE, ColumnType.DATETIME):
        yield from _dates(tight)
    if column.type in (ColumnType.INTEGER, ColumnType.DECIMAL):
        yield from _numbers(tight)
    if column.format in (ColumnFormat.PLATE, ColumnFormat.USCC, ColumnFormat.ID_NUMBER):
        yield Suggestion(re.sub(r"[·.\-_]", "", tight).upper(), "去掉分隔符、改大写")


def _codes(codes: object, text: str) -> Iterator[Suggestion]:
    assert hasattr(codes, "items")
    pairs = [(str(code), str(name)) for code, name in codes.items()]
    stem = _stem(text)
    exact = [(c, n) for c, n in pairs if _stem(n) == stem]
    near = [
        (c, n)
        for c, n in pairs
        if stem and (_stem(n).startswith(stem) or stem.startswith(_stem(n)))
    ]
    for found in (exact, near):
        if len(found) == 1:
            yield Suggestion(found[0][0], f"按代码表，“{found[0][1]}”的代码是 {found[0][0]}")
    for code, name in pairs:
        if text.lstrip("0") == code.lstrip("0") and text:
            yield Suggestion(code, f"代码应写作 {code}（{name}）")


def _stem(text: str) -> str:
    return re.sub(r"[\s　()（）]|[性族]$|类$", "", text)


def _dates(text: str) -> Iterator[Suggestion]:
    if found := _FOUR_TWO_TWO.match(text):
        year, month, day = map(int, found.groups())
        yield from _day(year, month, day, "年月日的写法")
    if found := _DAY_FIRST.match(text):
        first, second, year = map(int, found.groups())
        # 3/4/2026 may be either: only what can be read one way is suggested.
        if first > _MONTHS:
            yield from _day(year, second, first, "日/月/年的写法")
        elif second > _MONTHS:
            yield from _day(year, first, second, "月/日/年的写法")
    if found := _SHORT_YEAR.match(text):
        year, month, day = map(int, found.groups())
        yield from _day(year + (2000 if year < _PIVOT else 1900), month, day, "两位年份")
    if _SERIAL.match(text):
        moment = _EXCEL_EPOCH + timedelta(days=int(float(text)))
        yield Suggestion(moment.isoformat(), "Excel 把日期变成了序号")


def _day(year: int, month: int, day: int, why: str) -> Iterator[Suggestion]:
    try:
        yield Suggestion(date(year, month, day).isoformat(), why)
    except ValueError:
        return


def _numbers(text: str) -> Iterator[Suggestion]:
    core = _WORDS.sub("", text)
    found = _NUMBER.match(core)
    if not found:
        return
    number, rest = Decimal(found[0].replace(",", "")), core[found.end() :]
    if rest[:1] in _UNITS:
        yield Suggestion(
            f"{number * _UNITS[rest[0]]:f}".removesuffix(".0"), f"“{rest[0]}”换算成数字"
        )
        return
    if not _WORDS.sub("", rest):
        yield Suggestion(f"{number:f}", "去掉“约”“元”一类的字，只留数字")

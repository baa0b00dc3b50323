"""The data items of one table as the loader needs them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeAlias

import pyarrow as pa

# An Arrow array. The stubs' overloads of the compute kernels are too narrow to be of help.
ArrowColumn: TypeAlias = Any

MAX_PRECISION = 38
DEFAULT_PRECISION = 18
DEFAULT_SCALE = 2
RESERVED_PREFIX = "_"


class ContractError(ValueError):
    """The table description contradicts itself; the message names the column (Chinese)."""


class ColumnType(StrEnum):
    """Logical type of a data item in the std zone."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"


class ColumnFormat(StrEnum):
    """Identifier and contact formats the loader knows how to clean and to check."""

    ID_NUMBER = "id_number"  # 居民身份证 GB 11643-1999
    USCC = "uscc"  # 统一社会信用代码 GB 32100-2015
    REGION12 = "region12"  # 统计用区划代码和城乡划分代码
    REGION6 = "region6"  # 行政区划代码 GB/T 2260
    MOBILE = "mobile"
    PHONE = "phone"
    PLATE = "plate"  # 机动车号牌 GA 36
    BANK_CARD = "bank_card"  # Luhn
    POSTCODE = "postcode"
    EMAIL = "email"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnSpec:
    """One data item.

    `length` counts characters of the normalised text. `precision`/`scale` follow SQL DECIMAL.
    `minimum`/`maximum` are written as text in the column's own type (`"0"`, `"1900-01-01"`) and are
    inclusive. `pattern` is an RE2 expression that must match the whole value. `codes` maps code to
    name; a name that belongs to one code only is accepted and stored as that code.
    """

    name: str
    title: str
    type: ColumnType = ColumnType.TEXT
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    key: bool = False
    codes: Mapping[str, str] | None = None
    format: ColumnFormat | None = None
    minimum: str | None = None
    maximum: str | None = None
    pattern: str | None = None
    sensitivity: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", ColumnType(self.type))
        if self.format is not None:
            object.__setattr__(self, "format", ColumnFormat(self.format))
        self._check_name()
        self._check_type()
        for bound in (self.minimum, self.maximum):
            if bound is not None:
                self._check_bound(bound)

    @property
    def required(self) -> bool:
        """A key is always required, whatever `nullable` says."""
        return self.key or not self.nullable

    @property
    def decimal_size(self) -> tuple[int, int]:
        """(precision, scale) with the defaults filled in."""
        scale = DEFAULT_SCALE if self.scale is None else self.scale
        precision = DEFAULT_PRECISION if self.precision is None else self.precision
        return max(precision, scale + 1 if self.precision is None else precision), scale

    @property
    def arrow_type(self) -> pa.DataType:
        """Type of the column in the std table; date-times are UTC instants in microseconds."""
        match self.type:
            case ColumnType.TEXT:
                return pa.string()
            case ColumnType.INTEGER:
                return pa.int64()
            case ColumnType.DECIMAL:
                return pa.decimal128(*self.decimal_size)
            case ColumnType.DATE:
                return pa.date32()
            case ColumnType.DATETIME:
                return pa.timestamp("us", tz="UTC")
            case ColumnType.BOOLEAN:
                return pa.bool_()

    def _check_name(self) -> None:
        if not self.name or self.name.startswith(RESERVED_PREFIX):
            raise ContractError(
                f"数据项“{self.title}”的字段名“{self.name}”不能为空或以下划线开头。"
            )
        if not self.title:
            raise ContractError(f"字段“{self.name}”缺少中文名称。")

    def _check_type(self) -> None:
        is_text = self.type is ColumnType.TEXT
        if (self.format or self.codes is not None or self.pattern) and not is_text:
            raise ContractError(
                f"数据项“{self.title}”设置了格式、代码表或正则，类型必须是文本，现在是 {self.type}。"
            )
        if self.codes is not None and not self.codes:
            raise ContractError(f"数据项“{self.title}”的代码表是空的。")
        if self.length is not None and self.length < 1:
            raise ContractError(f"数据项“{self.title}”的长度必须大于 0。")
        if self.type is ColumnType.DECIMAL:
            precision, scale = self.decimal_size
            if not 0 <= scale <= precision <= MAX_PRECISION or precision < 1:
                raise ContractError(
                    f"数据项“{self.title}”的精度不对：总位数 {precision}、小数位 {scale}；"
                    f"总位数应在 1 到 {MAX_PRECISION} 之间且不小于小数位。"
                )

    def _check_bound(self, bound: str) -> None:
        reader = _BOUND_READERS.get(self.type)
        if reader is None:
            raise ContractError(f"数据项“{self.title}”的类型 {self.type} 不支持取值范围。")
        try:
            reader(bound)
        except (ValueError, InvalidOperation) as error:
            raise ContractError(
                f"数据项“{self.title}”的取值范围“{bound}”不是合法的 {self.type}。"
            ) from error


def _finite(text: str) -> None:
    if not Decimal(text).is_finite():
        raise ValueError(text)


def _wall_clock(text: str) -> None:
    if datetime.fromisoformat(text).tzinfo is not None:
        raise ValueError(text)


_BOUND_READERS: dict[ColumnType, Callable[[str], object]] = {
    ColumnType.INTEGER: int,
    ColumnType.DECIMAL: _finite,
    ColumnType.DATE: date.fromisoformat,
    ColumnType.DATETIME: _wall_clock,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TableContract:
    """Columns of one std table, in order; `key` lists the columns marked as key."""

    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        if not self.columns:
            raise ContractError("这张表没有任何数据项，无法装载。")
        seen: dict[str, str] = {}
        for column in self.columns:
            folded = column.name.casefold()
            if folded in seen:
                raise ContractError(
                    f"数据项“{seen[folded]}”和“{column.title}”用了同一个字段名“{column.name}”。"
                )
            seen[folded] = column.title
        object.__setattr__(self, "key", tuple(c.name for c in self.columns if c.key))

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the std table (without the loader's own `_row`)."""
        return pa.schema(
            [pa.field(c.name, c.arrow_type, nullable=not c.required) for c in self.columns]
        )

    def column(self, name: str) -> ColumnSpec:
        """The column called `name`; KeyError when there is none."""
        return next((c for c in self.columns if c.name == name), None) or _missing(name)

    def match_headers(self, headers: list[str]) -> dict[str, str]:
        """Propose header → column name where a header equals a title or a name.

        Blanks, case and the `*` that templates put beside required fields are ignored. Headers that
        match nothing, and second headers for the same column, are left out.
        """
        known = {_fold(c.title): c.name for c in self.columns}
        known |= {_fold(c.name): c.name for c in self.columns}
        proposal: dict[str, str] = {}
        for header in headers:
            name = known.get(_fold(header))
            if name and name not in proposal.values():
                proposal[header] = name
        return proposal


def _missing(name: str) -> ColumnSpec:
    raise KeyError(name)


def _fold(text: str) -> str:
    return re.sub(r"[\s*＊]+", "", text).casefold()

"""Value masks, declared as text: what preview, sharing and opening show instead of the value.

`parse("keep:3,4")` gives a validated `Mask`; `mask.compile()` gives a plain function. Null stays
null; everything else becomes text. A value whose shape a mask does not know is hidden whole: a
mask never shows more than it declares. Customary forms follow Chinese administrative practice
(证件号 前6后4, 手机号 前3后4, 姓名 只留姓, 地址 留到街道社区, 银行卡 后4). Keyed kinds give the same answer
for the same value and key, so tables still join; nothing here can be turned back.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from chengshu_gateway import mask_pseudonyms
from chengshu_gateway.mask_values import (
    FULL,
    FUNCTIONS,
    Text,
    address_street,
    age_band,
    band,
    keep_first_last,
    plain_text,
    region_prefix,
)

_MAX_KEEP = 64
_MAX_BAND = 100
HASH_DIGITS = 32
HASHES = {"hash": "sha256", "hash_sm3": "sm3"}

MaskFunction = Callable[[Any], str | None]
PairFunction = Callable[[Any, Any], str | None]


class MaskError(ValueError):
    """A mask declaration that cannot be accepted; the text says why, in Chinese."""


@dataclass(frozen=True, slots=True)
class MaskKind:
    """One kind of mask as people choose it: `example` is a declaration, `shown` what it gives."""

    name: str
    label: str
    example: str
    shown: str


KINDS: tuple[MaskKind, ...] = (
    MaskKind("none", "不脱敏", "none", "原值"),
    MaskKind("keep", "保留首尾", "keep:3,4", "abc****wxyz"),
    MaskKind("name", "姓名", "name", "张**"),
    MaskKind("id_number", "证件号码", "id_number", "330383********1234"),
    MaskKind("phone", "电话号码", "phone", "138****1234"),
    MaskKind("address", "地址（到街道社区）", "address", "浙江省温州市龙港市城东社区****"),
    MaskKind("address_street", "地址（到街道乡镇）", "address_street", "龙港市新城街道****"),
    MaskKind("email", "电子邮箱", "email", "z***@example.com"),
    MaskKind("bank_card", "银行卡号", "bank_card", "************1234"),
    MaskKind("region", "区划代码只留前几位", "region:6", "330383"),
    MaskKind("hash", "不可逆编码", "hash", "9f86d081884c7d65…"),
    MaskKind("hash_sm3", "不可逆编码（国密 SM3）", "hash_sm3", "66c7f0f462eeedd9…"),
    MaskKind("pseudo_id", "假名：证件号码", "pseudo_id", "391234196507180428"),
    MaskKind(
        "pseudo_id_kept",
        "假名：证件号码（保留出生年份和性别）",
        "pseudo_id_kept",
        "391234199003121017",
    ),
    MaskKind("pseudo_phone", "假名：电话号码", "pseudo_phone", "12845120937"),
    MaskKind("pseudo_name", "假名：姓名", "pseudo_name", "田嘉书"),
    MaskKind("pseudo_code", "假名：编号（字符种类和长度不变）", "pseudo_code", "浩K7Q2M5"),
    MaskKind("year", "日期只留年份", "year", "1987"),
    MaskKind("month", "日期只留年月", "month", "1987-06"),
    MaskKind("shift", "日期平移（同一主体间隔不变）", "shift:30,id_number", "1987-06-21"),
    MaskKind("age_band", "出生日期转年龄段", "age_band:10", "30-39岁"),
    MaskKind("band", "数值分段", "band:10", "30-39"),
    MaskKind("null", "置空", "null", "（空）"),
    MaskKind("full", "全部隐藏", "full", FULL),
)
_WITH_NUMBER = {"age_band", "band", "region"}
_PLAIN = {kind.name for kind in KINDS} - {"keep", "shift"} - _WITH_NUMBER
_REGION_DIGITS = (2, 4, 6, 9)
_MAX_SHIFT = 3650
_COLUMN = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
KEYED = frozenset({"hash", "hash_sm3", "shift"}) | {
    kind.name for kind in KINDS if kind.name.startswith("pseudo")
}
"""Kinds that need a key: without one their result could be recomputed by anybody."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A validated mask declaration; `str(mask)` is the canonical text.

    `subject` names the column that says whom a row is about; only "shift" has one.
    """

    kind: str
    first: int = 0
    second: int = 0
    subject: str = ""

    def __str__(self) -> str:
        """Return the declaration that `parse` accepts."""
        if self.kind == "keep":
            return f"keep:{self.first},{self.second}"
        if self.kind == "shift":
            return f"shift:{self.first},{self.subject}"
        return f"{self.kind}:{self.first}" if self.kind in _WITH_NUMBER else self.kind

    @property
    def hides(self) -> bool:
        """Tell whether the mask changes anything."""
        return self.kind != "none"

    def compile(
        self, *, hash_key: bytes = b"", today: Callable[[], date] = date.today
    ) -> MaskFunction:
        """Return the function of one value.

        `hash_key` is needed by the `KEYED` kinds only (MaskError without it); `today` by "age_band"
        only. A mask with a `subject` hides the value whole here: it needs `compile_pair`.
        """
        if self.subject:
            return self._hidden
        if self.kind == "null":
            return _nothing
        text = self._text_function(hash_key, today)

        def masked(value: Any) -> str | None:
            if type(value) is str:  # nearly always; asking here saves a call for each value
                return text(value)
            return None if value is None else text(plain_text(value))

        return masked

    def compile_pair(self, *, hash_key: bytes) -> PairFunction:
        """Return the function of value and subject; only for masks with a `subject`."""
        self._need_key(hash_key)
        shifted = mask_pseudonyms.date_shift(hash_key, self.first)

        def masked(value: Any, subject: Any) -> str | None:
            if value is None:
                return None
            return shifted(plain_text(value), None if subject is None else plain_text(subject))

        return masked

    def _hidden(self, value: Any) -> str | None:
        return None if value is None else FULL

    def _need_key(self, key: bytes) -> None:
        if not key and self.kind in KEYED:
            raise MaskError("这种脱敏方式需要密钥，请先配置网关密钥。")

    def _text_function(self, key: bytes, today: Callable[[], date]) -> Text:
        self._need_key(key)
        if self.kind in KEYED:
            return _keyed_function(self.kind, key)
        if self.kind == "keep":
            return lambda text: keep_first_last(text, self.first, self.second)
        if self.kind == "age_band":
            return lambda text: age_band(text, self.first, today())
        if self.kind == "band":
            return lambda text: band(text, self.first)
        if self.kind == "region":
            return lambda text: region_prefix(text, self.first)
        return address_street if self.kind == "address_street" else FUNCTIONS[self.kind]


def _nothing(_value: Any) -> None:
    return None


def _keyed_function(kind: str, key: bytes) -> Text:
    if kind in HASHES:
        digest = HASHES[kind]
        return lambda text: hmac.digest(key, text.encode("utf-8", "surrogatepass"), digest).hex()[
            :HASH_DIGITS
        ]
    made: dict[str, Callable[[bytes], Text]] = {
        "pseudo_id": lambda key: mask_pseudonyms.identity_number(key, keep=False),
        "pseudo_id_kept": lambda key: mask_pseudonyms.identity_number(key, keep=True),
        "pseudo_phone": mask_pseudonyms.telephone,
        "pseudo_name": mask_pseudonyms.name,
        "pseudo_code": mask_pseudonyms.code,
    }
    return made[kind](key)


def parse(declaration: str) -> Mask:
    """Parse and validate a declaration such as "keep:3,4"; raises MaskError."""
    kind, separator, argument = declaration.strip().partition(":")
    if kind in _PLAIN and not separator:
        return Mask(kind)
    if kind == "keep" and (found := re.fullmatch(r"(\d{1,2}),(\d{1,2})", argument, re.ASCII)):
        first, last = int(found[1]), int(found[2])
        if first + last <= _MAX_KEEP:
            return Mask("keep", first, last)
    if kind in {"age_band", "band"} and re.fullmatch(r"\d{1,3}", argument, re.ASCII):
        width = int(argument)
        if 1 < width <= _MAX_BAND:
            return Mask(kind, width)
    if kind == "region" and argument in {str(digits) for digits in _REGION_DIGITS}:
        return Mask(kind, int(argument))
    if kind == "shift" and (found := re.fullmatch(rf"(\d{{1,4}}),({_COLUMN})", argument, re.ASCII)):
        days = int(found[1])
        if 1 <= days <= _MAX_SHIFT:
            return Mask(kind, days, subject=found[2])
    choices = "、".join(each.example for each in KINDS)
    raise MaskError(f"不认识的脱敏方式：{declaration!r}。可用：{choices}。")


__all__ = [
    "FULL",
    "KEYED",
    "KINDS",
    "Mask",
    "MaskError",
    "MaskFunction",
    "MaskKind",
    "PairFunction",
    "keep_first_last",
    "parse",
    "plain_text",
]

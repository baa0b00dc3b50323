"""Value masks, declared as text: what preview, sharing and opening show instead of the value.

`parse("keep:3,4")` gives a validated `Mask`; `mask.compile()` gives a plain function. Null stays
null; everything else becomes text. A value whose shape a mask does not know is hidden whole: a
mask never shows more than it declares. Customary forms follow Chinese administrative practice
(证件号 前6后4, 手机号 前3后4, 姓名 只留姓, 地址 留到街道社区, 银行卡 后4).
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

FULL = "******"
_TAIL = "****"
_MAX_KEEP = 64
_MAX_BAND = 100
_HASH_DIGITS = 32

MaskFunction = Callable[[Any], str | None]
Text = Callable[[str], str]


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
    MaskKind("email", "电子邮箱", "email", "z***@example.com"),
    MaskKind("bank_card", "银行卡号", "bank_card", "************1234"),
    MaskKind("hash", "不可逆编码", "hash", "9f86d081884c7d65…"),
    MaskKind("year", "日期只留年份", "year", "1987"),
    MaskKind("month", "日期只留年月", "month", "1987-06"),
    MaskKind("age_band", "出生日期转年龄段", "age_band:10", "30-39岁"),
    MaskKind("band", "数值分段", "band:10", "30-39"),
    MaskKind("full", "全部隐藏", "full", FULL),
)
_PLAIN = {kind.name for kind in KINDS} - {"keep", "age_band", "band"}


@dataclass(frozen=True, slots=True)
class Mask:
    """A validated mask declaration; `str(mask)` is the canonical text."""

    kind: str
    first: int = 0
    second: int = 0

    def __str__(self) -> str:
        """Return the declaration that `parse` accepts."""
        if self.kind == "keep":
            return f"keep:{self.first},{self.second}"
        return f"{self.kind}:{self.first}" if self.kind in {"age_band", "band"} else self.kind

    @property
    def hides(self) -> bool:
        """Tell whether the mask changes anything."""
        return self.kind != "none"

    def compile(
        self, *, hash_key: bytes = b"", today: Callable[[], date] = date.today
    ) -> MaskFunction:
        """Return the function of one value.

        `hash_key` is needed by "hash" only (MaskError without it); `today` by "age_band" only.
        """
        text = self._text_function(hash_key, today)

        def masked(value: Any) -> str | None:
            return None if value is None else text(plain_text(value))

        return masked

    def _text_function(self, hash_key: bytes, today: Callable[[], date]) -> Text:
        if self.kind == "hash":
            if not hash_key:
                raise MaskError("不可逆编码需要密钥，请先配置网关密钥。")
            return lambda text: hmac.digest(
                hash_key, text.encode("utf-8", "surrogatepass"), "sha256"
            ).hex()[:_HASH_DIGITS]
        if self.kind == "keep":
            return lambda text: keep_first_last(text, self.first, self.second)
        if self.kind == "age_band":
            return lambda text: _age_band(text, self.first, today())
        if self.kind == "band":
            return lambda text: _band(text, self.first)
        return _FUNCTIONS[self.kind]


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
    choices = "、".join(each.example for each in KINDS)
    raise MaskError(f"不认识的脱敏方式：{declaration!r}。可用：{choices}。")


def plain_text(value: Any) -> str:
    """Return the text that masks work on: ISO dates, 是/否 never guessed, text unchanged."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def keep_first_last(text: str, first: int, last: int) -> str:
    """Keep at most `first` and `last` characters; a text that short is starred whole."""
    hidden = len(text) - first - last
    if hidden <= 0:
        return "*" * len(text)
    return text[:first] + "*" * hidden + text[len(text) - last :]


def _name(text: str) -> str:
    # One character even for 欧阳 and the like: two would give a two-character name away.
    return keep_first_last(text.strip(), 1, 0)


_ID_18 = re.compile(r"\d{17}[\dXx]", re.ASCII)
_ID_15 = re.compile(r"\d{15}", re.ASCII)


def _id_number(text: str) -> str:
    text = text.strip()
    if _ID_18.fullmatch(text):
        return f"{text[:6]}********{text[-4:]}"
    if _ID_15.fullmatch(text):
        return f"{text[:6]}******{text[-3:]}"
    return "*" * len(text)


_MOBILE = re.compile(r"(?:\+?86[- ]?)?(1\d{10})", re.ASCII)
_LANDLINE = re.compile(r"(0\d{2,3})-?(\d{7,8})", re.ASCII)


def _phone(text: str) -> str:
    text = text.strip()
    if found := _MOBILE.fullmatch(text):
        return f"{found[1][:3]}****{found[1][-4:]}"
    if found := _LANDLINE.fullmatch(text):
        return f"{found[1]}-****{found[2][-2:]}"
    return "*" * len(text)


# A street name, a house number or a room starts here; nothing after it may be shown.
_DOOR = re.compile(
    r"[0-9０-９一二三四五六七八九十]+[号幢栋室组弄]|[0-9０-９]|路|巷|弄|街(?!道)|小区|苑|大厦|公寓"
)
_PLACE = re.compile(r"街道|社区|镇|乡|村|区|县|市|州|省")


def _address(text: str) -> str:
    door = _DOOR.search(text)
    public = text[: door.start()] if door else text
    places = list(_PLACE.finditer(public))
    return public[: places[-1].end()] + _TAIL if places else FULL


def _email(text: str) -> str:
    local, at, domain = text.strip().rpartition("@")
    if not at or not local or "." not in domain or "@" in local:
        return "*" * len(text)
    return f"{local[0] if len(local) > 1 else '*'}***@{domain}"


def _bank_card(text: str) -> str:
    digits = re.sub(r"[ -]", "", text)
    if re.fullmatch(r"\d{12,19}", digits, re.ASCII):
        return keep_first_last(digits, 0, 4)
    return "*" * len(text)


_DATE = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?(?:[T ].*)?", re.ASCII)


def _year(text: str) -> str:
    found = _DATE.fullmatch(text)
    return found[1] if found else FULL


def _month(text: str) -> str:
    found = _DATE.fullmatch(text)
    return f"{found[1]}-{found[2]}" if found else FULL


def _age_band(text: str, width: int, today: date) -> str:
    try:
        born = date.fromisoformat(text[:10])
    except ValueError:
        return FULL
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if age < 0:
        return FULL
    low = age // width * width
    return f"{low}-{low + width - 1}岁"


def _band(text: str, width: int) -> str:
    found = re.fullmatch(r"(-?\d{1,18})(?:\.\d+)?", text, re.ASCII)
    if not found:
        return FULL
    whole = int(found[1])
    if text.startswith("-") and "." in text and float("0." + text.partition(".")[2]) > 0:
        whole -= 1
    low = whole // width * width
    return f"{low}-{low + width - 1}" if low >= 0 else f"({low})-({low + width - 1})"


_FUNCTIONS: dict[str, Text] = {
    "none": lambda text: text,
    "name": _name,
    "id_number": _id_number,
    "phone": _phone,
    "address": _address,
    "email": _email,
    "bank_card": _bank_card,
    "year": _year,
    "month": _month,
    "full": lambda _text: FULL,
}

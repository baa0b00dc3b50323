"""What each mask does to one text; `masks` says how they are declared and chosen.

A value whose shape a mask does not know is hidden whole: a mask never shows more than it declares.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

FULL = "******"
_TAIL = "****"

Text = Callable[[str], str]


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
    text = text.strip()
    return text[:1] + "*" * (len(text) - 1) if len(text) > 1 else "*" * len(text)


_ID_LENGTH = 18
_ID_18 = re.compile(r"\d{17}[\dXx]", re.ASCII)
_ID_15 = re.compile(r"\d{15}", re.ASCII)


def _id_number(text: str) -> str:
    if len(text) == _ID_LENGTH and text.isascii() and text.isdigit():  # quicker for most
        return text[:6] + "********" + text[14:]
    text = text.strip()
    if _ID_18.fullmatch(text):
        return f"{text[:6]}********{text[-4:]}"
    if _ID_15.fullmatch(text):
        return f"{text[:6]}******{text[-3:]}"
    return "*" * len(text)


_MOBILE_LENGTH = 11
_MOBILE = re.compile(r"(?:\+?86[- ]?)?(1\d{10})", re.ASCII)
_LANDLINE = re.compile(r"(0\d{2,3})-?(\d{7,8})", re.ASCII)


def _phone(text: str) -> str:
    if len(text) == _MOBILE_LENGTH and text[0] == "1" and text.isascii() and text.isdigit():
        return text[:3] + "****" + text[7:]  # quicker for most
    text = text.strip()
    if found := _MOBILE.fullmatch(text):
        return f"{found[1][:3]}****{found[1][-4:]}"
    if found := _LANDLINE.fullmatch(text):
        return f"{found[1]}-****{found[2][-2:]}"
    return "*" * len(text)


# A street name, a house number or a room starts here; nothing after it may be shown. The pattern begins with the set of
# all characters it can begin with (what follows says which word they must be), so that a search skips the others.
_DOOR = re.compile(
    r"[0-9０-９一二三四五六七八九十路巷弄苑街小大公]"
    r"(?:(?<=[0-9０-９路巷弄苑])|(?<=街)(?!道)|(?<=小)区|(?<=大)厦|(?<=公)寓"
    r"|(?<=[一二三四五六七八九十])[0-9０-９一二三四五六七八九十]*[号幢栋室组弄])"
)
_TO_PLACE = re.compile(r"(?s).*(?:街道|社区|[镇乡村区县市州省])")


def _address(text: str) -> str:
    door = _DOOR.search(text)
    found = _TO_PLACE.match(text, 0, door.start() if door else len(text))
    return found[0] + _TAIL if found else FULL


def address_street(text: str) -> str:
    """Keep an address down to the street office or town (街道, 镇, 乡); the community goes too."""
    found = re.match(r"[^0-9０-９]*?(?:街道|镇(?!区)|(?<!新)乡)", text)
    if found is None:
        found = re.match(r"[^0-9０-９]*?(?:市|县|区)(?!.*?[市县区])", _address(text).rstrip("*"))
    return found[0] + _TAIL if found else FULL


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


def age_band(text: str, width: int, today: date) -> str:
    try:
        born = date.fromisoformat(text[:10])
    except ValueError:
        return FULL
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if age < 0:
        return FULL
    low = age // width * width
    return f"{low}-{low + width - 1}岁"


def band(text: str, width: int) -> str:
    found = re.fullmatch(r"(-?\d{1,18})(?:\.\d+)?", text, re.ASCII)
    if not found:
        return FULL
    whole = int(found[1])
    if text.startswith("-") and "." in text and float("0." + text.partition(".")[2]) > 0:
        whole -= 1
    low = whole // width * width
    return f"{low}-{low + width - 1}" if low >= 0 else f"({low})-({low + width - 1})"


_REGION = re.compile(r"[1-9]\d{5}|[1-9]\d{8}|[1-9]\d{11}|[1-9]\d{14}", re.ASCII)


def region_prefix(text: str, digits: int) -> str:
    """Keep the leading digits of a division code (GB/T 2260 and 12-digit codes): 6 county, 9 town."""
    text = text.strip()
    return text[:digits] if _REGION.fullmatch(text) and len(text) > digits else FULL


FUNCTIONS: dict[str, Text] = {
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

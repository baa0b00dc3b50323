"""Pseudonyms: fictitious values of the same form, the same for the same value and key.

Built from HMAC-SHA-256 as a keyed function (never a cipher of our own, and not FF1: a pseudonym that can
be decrypted is personal data with a key lying about). What follows: nobody, the key's holder included,
can turn one back except by trying all originals; equal values stay equal, so joins survive, and so does
whatever frequency tells; two originals may rarely meet in one pseudonym. Fictitious on purpose: identity
numbers begin with 39, which GB/T 2260 never assigned, mobiles with 12, which no subscriber has.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta

from chengshu_gateway.mask_keyed import keyed_bits
from chengshu_gateway.mask_values import FULL

Text = Callable[[str], str]

_ID_18 = re.compile(r"\d{6}(\d{4})\d{4}\d\d(\d)[\dXx]", re.ASCII)
_ID_15 = re.compile(r"\d{6}(\d{2})\d{4}\d\d(\d)", re.ASCII)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK = "10X98765432"
_MOBILE = re.compile(r"(?:\+?86[- ]?)?1\d{10}", re.ASCII)
_LANDLINE = re.compile(r"(0\d{2,3})(-?)(\d{7,8})", re.ASCII)
FIRST_YEAR, YEARS = 1930, 90
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任"
    "卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙史陶贺顾毛郝龚邵万"
)
GIVEN = (
    "安博晨德恩帆光海涵浩恒宏华嘉健杰景静君凯康可兰乐磊黎立林玲龙璐明铭宁诺佩鹏平琪谦倩清庆秋然仁荣瑞若珊尚"
    "诗书舒思松涛天彤婉伟文希夏祥晓欣新星秀轩学雪雅妍扬阳一怡艺逸英颖永勇雨玉元远月悦云泽珍正志智中卓子梓"
)
# So many characters are drawn from the bits of one digest.
CODE_PART = 28
ID_PURPOSE, PHONE_PURPOSE, NAME_PURPOSE = "identity number", "telephone", "name"
SHIFT_PURPOSE = "date shift"


def code_purpose(position: int) -> str:
    """Return the purpose of the digest that the characters from a position on are drawn from."""
    return f"code {position}"


def identity_number(key: bytes, *, keep: bool) -> Text:
    """Fictitious identity numbers with a right check digit; ``keep``: same birth year and sex."""
    keyed = keyed_bits(key, ID_PURPOSE)

    def pseudonym(text: str) -> str:
        text = text.strip().upper()
        year, sex = "", ""
        if found := _ID_18.fullmatch(text):
            year, sex = found[1], found[2]
        elif found := _ID_15.fullmatch(text):
            year, sex = "19" + found[1], found[2]
        else:
            return FULL
        bits = keyed(text)
        bits, region = divmod(bits, 10_000)
        bits, drawn = divmod(bits, YEARS)
        bits, day = divmod(bits, 365)
        bits, order = divmod(bits, 1000)
        born = int(year) if keep else FIRST_YEAR + drawn
        if keep:
            order = order - order % 2 + int(sex) % 2
        when = date(max(born, 1), 1, 1) + timedelta(days=day)
        body = f"39{region:04}{when:%Y%m%d}{order:03}".rjust(17, "0")
        total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
        return body + CHECK[total % 11]

    return pseudonym


def telephone(key: bytes) -> Text:
    """Fictitious telephone numbers of the same length; the area code stays."""
    keyed = keyed_bits(key, PHONE_PURPOSE)

    def pseudonym(text: str) -> str:
        text = text.strip()
        if _MOBILE.fullmatch(text):
            return f"12{keyed(text[-11:]) % 10**9:09}"
        if found := _LANDLINE.fullmatch(text):
            area, dash, number = found.groups()
            size = len(number) - 1
            return f"{area}{dash}0{keyed(area + number) % 10**size:0{size}}"
        return FULL

    return pseudonym


def name(key: bytes) -> Text:
    """Fictitious personal names of two or three characters, as long as the original up to that."""
    keyed = keyed_bits(key, NAME_PURPOSE)

    def pseudonym(text: str) -> str:
        text = text.strip()
        if not text:
            return FULL
        bits, surname = divmod(keyed(text), len(SURNAMES))
        bits, first = divmod(bits, len(GIVEN))
        second = GIVEN[bits % len(GIVEN)] if len(text) > 2 else ""  # noqa: PLR2004 - surname and one
        return SURNAMES[surname] + GIVEN[first] + second

    return pseudonym


def code(key: bytes) -> Text:
    """Same length and kinds of characters: a digit for a digit, a letter for a letter; check digits not kept."""

    def pseudonym(text: str) -> str:
        bits = 1
        found = []
        for position, character in enumerate(text):
            if position % CODE_PART == 0:
                bits = keyed_bits(key, code_purpose(position))(text)
            if "0" <= character <= "9":
                bits, drawn = divmod(bits, 10)
                found.append(chr(48 + drawn))
            elif "A" <= character <= "Z" or "a" <= character <= "z":
                bits, drawn = divmod(bits, 26)
                found.append(chr((65 if character < "a" else 97) + drawn))
            elif character.isalnum():
                bits, drawn = divmod(bits, len(GIVEN))
                found.append(GIVEN[drawn])
            else:
                found.append(character)
        return "".join(found)

    return pseudonym


def date_shift(key: bytes, days: int) -> Callable[[str, str | None], str]:
    """Dates moved by one number of days per subject (never 0), so a subject's intervals stay."""
    keyed = keyed_bits(key, SHIFT_PURPOSE)

    def shifted(text: str, subject: str | None) -> str:
        if subject is None:
            return FULL
        drawn = keyed(subject) % (2 * days)
        offset = drawn - days if drawn < days else drawn - days + 1
        try:
            return (date.fromisoformat(text[:10]) + timedelta(days=offset)).isoformat()
        except (ValueError, OverflowError):
            return FULL

    return shifted

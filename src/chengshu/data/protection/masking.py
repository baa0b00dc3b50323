"""Which mask a field should carry: one rule for preview, sharing and opening.

A mask is declared as text (:func:`chengshu_gateway.masks.parse`), the same for a grant, the gateway's bundle and a
preview. What is proposed follows the format first, then the words of the title, then the type.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from chengshu.data.contract.facade import ColumnSpec
from chengshu_gateway import masks

NONE = "none"
# DB33/T 2351-2021: from L3 (较敏感) on a value is shown, or leaves its department, only masked or with a reason.
SENSITIVE = ("L3", "L4")
PERSONAL_FORMATS = frozenset({"id_number", "mobile", "bank_card"})
_BY_FORMAT = {
    "id_number": "id_number", "mobile": "phone", "phone": "phone", "bank_card": "bank_card",
    "email": "email", "plate": "keep:2,2",
}  # fmt: skip
_BY_WORD: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("姓名|联系人|负责人|责任人|法定代表人|户主|经办人"), "name"),
    (re.compile("身份证|身份号|证件号"), "id_number"),
    (re.compile("电话|手机"), "phone"),
    (re.compile("地址|住址|住所|户籍地|坐落"), "address"),
    (re.compile("银行账|银行卡"), "bank_card"),
    (re.compile("邮箱"), "email"),
)
_NAME = _BY_WORD[0][0]
_NUMBERS = frozenset({"integer", "real", "decimal"})
_MOMENTS = frozenset({"date", "datetime", "timestamp"})
# Forms of a value that travels between tables: a pseudonym keeps joins where the usual mask breaks them.
_JOINABLE = {"id_number": "pseudo_id_kept", "phone": "pseudo_phone", "name": "pseudo_name"}


def suggested(*, title: str, kind: str, form: str = "", level: str = "") -> str:
    """The mask to propose for a field that has to be masked; never "none".

    Args:
        title: the Chinese name.
        kind: its type, as the catalogue or the gateway calls it.
        form: the catalogue's format; empty for none.
        level: DB33/T 2351-2021; from L4 numbers are hidden whole instead of in bands.
    """
    if form in _BY_FORMAT:
        return _BY_FORMAT[form]
    if kind in _MOMENTS:
        return "year"
    if kind in _NUMBERS:
        return "full" if level == "L4" else "band:10"
    return mask_by_title(title) or "full"


def mask_by_title(title: str) -> str:
    """The mask the words of a title call for; empty when they say nothing."""
    return next((mask for pattern, mask in _BY_WORD if pattern.search(title)), "")


def is_personal(column: ColumnSpec) -> bool:
    """Whether values of a column are masked by default where people look at them."""
    named = column.sensitivity == "L2" and bool(_NAME.search(column.title))
    return named or column.sensitivity in SENSITIVE or str(column.format) in PERSONAL_FORMATS


def preview_mask(column: ColumnSpec) -> str:
    """The declaration under which people see a column; ``none`` for what is not personal."""
    if not is_personal(column):
        return NONE
    return suggested(
        title=column.title, kind=str(column.type), form=str(column.format or ""),
        level=column.sensitivity or "",
    )  # fmt: skip


def sharing_mask(column: dict[str, Any]) -> str:
    """The mask to propose when a column of an interface is shared; "none" for open ones.

    ``column``: name, type, title, sensitivity, format, as interfaces keep them.
    """
    form, level = column.get("format", "") or "", column.get("sensitivity", "")
    if level not in SENSITIVE and form not in _BY_FORMAT:
        return NONE
    if level not in SENSITIVE and form == "plate":
        return NONE
    return suggested(title=column["title"], kind=column["type"], form=form, level=level)


def choices(*, subject: str = "", extra: Iterable[str] = ()) -> list[tuple[str, str]]:
    """The masks people choose from, with an example each.

    Args:
        subject: the column that says whom a row is about, for shifted dates; empty: those are not offered.
        extra: declarations that must be among them, such as the one in force.
    """
    found: dict[str, str] = {}
    for item in masks.KINDS:
        declaration = item.example
        if item.name == "shift":
            if not subject:
                continue
            declaration = f"shift:30,{subject}"
        found[declaration] = f"{item.label}　{item.shown}"
    for declaration in extra:
        if declaration and declaration not in found:
            found[declaration] = mask_name(declaration)
    return list(found.items())


def mask_name(declaration: str) -> str:
    """The word for a mask with its settings, e.g. 姓名 for ``name``, 保留首尾（2,2） for ``keep:2,2``."""
    kind, _, settings = declaration.partition(":")
    label = {item.name: item.label for item in masks.KINDS}.get(kind, declaration)
    example = {item.name: item.example for item in masks.KINDS}.get(kind)
    return f"{label}（{settings}）" if settings and declaration != example else label


def joinable(declaration: str) -> str:
    """The pseudonym that keeps joins where ``declaration`` would break them; itself if there is none."""
    return _JOINABLE.get(declaration, declaration)


@dataclass(frozen=True, slots=True)
class Example:
    """One mask for the gallery: what goes in and what comes out, computed."""

    kind: masks.MaskKind
    value: str
    shown: str
    keyed: bool


_SAMPLES = {
    "id_number": "390383199003124578", "name": "欧阳锦程", "phone": "13800001234",
    "address": "浙江省温州市龙港市新城街道城东社区龙翔路195号3幢201室",
    "address_street": "浙江省温州市龙港市新城街道城东社区龙翔路195号3幢201室",
    "email": "zhangsan@example.com", "bank_card": "6200000000000001234", "region": "330383001000",
    "hash": "390383199003124578", "hash_sm3": "390383199003124578",
    "pseudo_id": "390383199003124578", "pseudo_id_kept": "390383199003124578",
    "pseudo_phone": "13800001234", "pseudo_name": "欧阳锦程", "pseudo_code": "浙C12345",
    "year": "1990-03-12", "month": "1990-03-12", "shift": "1990-03-12", "age_band": "1990-03-12",
    "band": "37", "null": "任何值", "full": "任何值", "keep": "LG20261123000045", "none": "原值",
}  # fmt: skip


def examples(key: bytes) -> list[Example]:
    """Every kind of mask applied to a fictitious value with the given key."""
    found = []
    for kind in masks.KINDS:
        mask = masks.parse(kind.example)
        value = _SAMPLES[kind.name]
        made: Callable[[Any], str | None] = (
            _shifted(mask, key) if mask.subject else mask.compile(hash_key=key)
        )
        found.append(Example(kind, value, made(value) or "（空）", kind.name in masks.KEYED))
    return found


def _shifted(mask: masks.Mask, key: bytes) -> Callable[[Any], str | None]:
    pair = mask.compile_pair(hash_key=key)
    return lambda value: pair(value, "390383199003124578")

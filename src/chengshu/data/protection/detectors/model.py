"""What detectors look for and what they report."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A kind of data about people or organisations; values equal the catalogue's formats where it has one."""

    ID_NUMBER = "id_number"  # GB 11643-1999, 18 digits or the old 15
    NAME = "name"
    MOBILE = "mobile"
    BANK_CARD = "bank_card"
    ADDRESS = "address"
    PLATE = "plate"  # GA 36
    USCC = "uscc"  # GB 32100-2015
    EMAIL = "email"
    PHONE = "phone"

    @property
    def label(self) -> str:
        """The Chinese word."""
        return _LABELS[self]


_LABELS = {
    Kind.ID_NUMBER: "身份证号", Kind.NAME: "姓名", Kind.MOBILE: "手机号",
    Kind.BANK_CARD: "银行卡号", Kind.ADDRESS: "地址", Kind.PLATE: "车牌号",
    Kind.USCC: "统一社会信用代码", Kind.EMAIL: "电子邮箱", Kind.PHONE: "固定电话",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of data seen in a column.

    ``share`` is the part of the filled cells that carry it (0–1) and ``hits`` their number among ``filled``;
    ``confidence`` (0–1) weighs value checks, column name and context; ``reason`` says why, in Chinese, without any
    value. ``embedded``: the data stands inside longer text. ``examples`` are masked.
    """

    kind: Kind
    share: float
    confidence: float
    reason: str
    hits: int = 0
    filled: int = 0
    embedded: bool = False
    examples: tuple[str, ...] = ()

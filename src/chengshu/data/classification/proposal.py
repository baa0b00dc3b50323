"""Which level a kind of data deserves, and whether the catalogue says less.

Levels by DB33/T 2351-2021 (L1–L4); the mapping is a default of this platform, since the standard speaks of effects,
not of columns. National class by GB/T 43697-2024: personal data of so many people that
网络数据安全管理条例 art. 28 applies (10,000,000) is proposed as 重要 for assessment; everything else stays 一般.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from chengshu.data.classification.choices import Gap
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.protection.facade import Finding, Kind

LEVELS = ("L1", "L2", "L3", "L4")
IMPORTANT_ROWS = 10_000_000
_LEVEL = {
    Kind.ID_NUMBER: "L3", Kind.BANK_CARD: "L3", Kind.MOBILE: "L3", Kind.EMAIL: "L3",
    Kind.NAME: "L2", Kind.PLATE: "L2", Kind.ADDRESS: "L1", Kind.USCC: "L1", Kind.PHONE: "L1",
}  # fmt: skip
_HOME = re.compile("家庭|住址|居住|户籍|户口|现住|常住|home|resid", re.IGNORECASE)
_FORMATS = {
    Kind.ID_NUMBER, Kind.MOBILE, Kind.BANK_CARD, Kind.PLATE, Kind.USCC, Kind.EMAIL, Kind.PHONE,
}  # fmt: skip
# A format is proposed only when practically every value has it: the loader will demand it of each.
_FORMAT_SHARE = 0.98


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the catalogue should say about a column."""

    finding: Finding
    gap: Gap
    level: str
    form: str
    national_class: str


def level_of(finding: Finding, column: ColumnSpec) -> str:
    """The level the data deserves where it was found."""
    if finding.kind is Kind.ADDRESS:
        if _HOME.search(f"{column.title} {column.name}"):
            return "L3"
        return "L2" if finding.embedded else "L1"
    return _LEVEL[finding.kind]


def proposals(column: ColumnSpec, found: Sequence[Finding], *, rows: int) -> list[Proposal]:
    """Where the catalogue says too little about a column; empty when it says enough.

    ``rows`` is the number of records of the table, for the national class.
    """
    made = []
    declared = column.sensitivity or "L1"
    for finding in found:
        level = level_of(finding, column)
        form = _format(finding, column)
        if LEVELS.index(level) > LEVELS.index(declared):
            gap = Gap.LEVEL
        elif form:
            gap = Gap.FORMAT
        else:
            continue
        limit = getattr(settings, "CLASSIFICATION_IMPORTANT_ROWS", IMPORTANT_ROWS)
        national = "important" if level >= "L3" and rows >= limit else "general"
        made.append(Proposal(finding, gap, max(level, declared), form, national))
    return made


def _format(finding: Finding, column: ColumnSpec) -> str:
    plain = column.format is None and column.codes is None and str(column.type) == "text"
    if not plain or finding.embedded or finding.kind not in _FORMATS:
        return ""
    return finding.kind.value if finding.share >= _FORMAT_SHARE else ""

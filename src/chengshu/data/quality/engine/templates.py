"""Ready rules for common fields: bound to the format and the title of data items, so that every table that has the
fields gets the rule without anybody building it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from chengshu.data.contract.facade import ColumnFormat, ColumnSpec, ColumnType
from chengshu.data.quality.choices import Dimension, Severity
from chengshu.data.quality.engine.model import TableShape
from chengshu.data.quality.engine.references import named_pairs

STALE_DAYS = 7 * 365
"""Default age after which a record counts as not kept up; an officer may set another rule beside it."""
GAPLESS = r"\S+"
"""How a Chinese name is written: without a gap."""
_IDENTITY = re.compile(r"(公民)?身份证?号码?$")
_GENDER = re.compile(r"性别(代码)?$")
_UPDATED = re.compile(r"^(更新|修改|变更)(时间|日期)$")
_DATES = (ColumnType.DATE, ColumnType.DATETIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A rule for a table: ``kind`` and ``definition`` as an officer would have built it."""

    key: str
    template: str
    kind: str
    definition: dict[str, Any]
    dimension: Dimension
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template of the library: what it is for, and the rules it gives a table."""

    key: str
    title: str
    applies: str
    propose: Callable[[TableShape], Iterator[Proposal]]


def _owner(column: ColumnSpec) -> str:
    return _IDENTITY.sub("", column.title)


def _identities(shape: TableShape) -> list[ColumnSpec]:
    return [c for c in shape.columns if c.format is ColumnFormat.ID_NUMBER]


def _proposal(
    template: str, kind: str, dimension: Dimension, severity: Severity, **definition: Any
) -> Proposal:
    columns = [str(v) for v in definition.values() if isinstance(v, str)]
    return Proposal(
        key=f"{template}:{':'.join(columns[:2])}", template=template, kind=kind,
        definition=definition, dimension=dimension, severity=severity,
    )  # fmt: skip


def _gender(shape: TableShape) -> Iterator[Proposal]:
    for identity in _identities(shape):
        for column in shape.columns:
            owner = _GENDER.sub("", column.title)
            if _GENDER.search(column.title) and owner == _owner(identity):
                yield _proposal(
                    "gender", "gender", Dimension.CONSISTENCY, Severity.SEVERE,
                    identity=identity.name, gender=column.name,
                )  # fmt: skip


def _birth(shape: TableShape) -> Iterator[Proposal]:
    for identity in _identities(shape):
        wanted = f"{_owner(identity)}出生日期"
        for column in shape.columns:
            if column.type in _DATES and column.title == wanted:
                yield _proposal(
                    "birth", "birth", Dimension.CONSISTENCY, Severity.SEVERE,
                    identity=identity.name, birth=column.name,
                )  # fmt: skip


def _stale(shape: TableShape) -> Iterator[Proposal]:
    for column in shape.columns:
        if column.type in _DATES and _UPDATED.search(column.title):
            yield _proposal(
                "stale", "stale", Dimension.TIMELINESS, Severity.NORMAL,
                column=column.name, days=str(STALE_DAYS),
            )  # fmt: skip


def _identifier_missing(shape: TableShape) -> Iterator[Proposal]:
    for pair in named_pairs(shape):
        key = shape.column(pair.key)
        named = pair.subject == "person" and pair.attribute == "name"
        if named and not key.required:
            yield _proposal(
                "identifier_missing", "when", Dimension.COMPLETENESS, Severity.NORMAL,
                when_column=pair.value, then_column=pair.key, when_operator="filled",
                then_operator="filled",
            )  # fmt: skip


def _tidy_names(shape: TableShape) -> Iterator[Proposal]:
    names = {pair.value for pair in named_pairs(shape) if pair.attribute == "name"}
    for column in shape.columns:
        titled = column.type is ColumnType.TEXT and column.format is None
        if column.name in names or (titled and column.title.endswith(("姓名", "联系人"))):
            yield _proposal(
                "tidy_names", "pattern", Dimension.CONFORMITY, Severity.SLIGHT,
                column=column.name, pattern=GAPLESS,
            )  # fmt: skip


def _coordinates(shape: TableShape) -> Iterator[Proposal]:
    # The land territory of China in CGCS2000 degrees.
    for word, low, high in (("经度", 73, 136), ("纬度", 3, 54)):
        for column in shape.columns:
            if column.type is ColumnType.DECIMAL and column.title.startswith(word):
                yield _proposal(
                    "coordinates", "expression", Dimension.ACCURACY, Severity.NORMAL,
                    text=f"{column.name} BETWEEN {low} AND {high}",
                )  # fmt: skip


def _ages(shape: TableShape) -> Iterator[Proposal]:
    for column in shape.columns:
        if column.type is ColumnType.INTEGER and column.title in ("年龄", "岁数"):
            yield _proposal(
                "ages", "expression", Dimension.ACCURACY, Severity.NORMAL,
                text=f"{column.name} BETWEEN 0 AND 130",
            )  # fmt: skip


def _born_already(shape: TableShape) -> Iterator[Proposal]:
    for column in shape.columns:
        if column.type is ColumnType.DATE and column.title.endswith("出生日期"):
            yield _proposal(
                "born_already", "expression", Dimension.ACCURACY, Severity.SEVERE,
                text=f"{column.name} <= current_date",
            )  # fmt: skip


TEMPLATES: tuple[Template, ...] = (
    Template(key="gender", title="性别与身份号码一致", applies="有身份号码和性别代码", propose=_gender),
    Template(key="birth", title="出生日期与身份号码一致", applies="有身份号码和出生日期", propose=_birth),
    Template(
        key="identifier_missing", title="写了姓名，身份号码不能空", applies="身份号码可空、有对应的姓名",
        propose=_identifier_missing,
    ),
    Template(
        key="tidy_names", title="姓名、单位名称中不能有空格", applies="姓名、联系人、与标识成对的名称",
        propose=_tidy_names,
    ),
    Template(key="stale", title="记录不能多年没有更新", applies="有更新时间", propose=_stale),
    Template(key="coordinates", title="经纬度在国界之内", applies="有经度、纬度", propose=_coordinates),
    Template(key="ages", title="年龄合理", applies="有年龄", propose=_ages),
    Template(key="born_already", title="出生日期不能在将来", applies="有出生日期", propose=_born_already),
)  # fmt: skip


def proposals(shape: TableShape) -> list[Proposal]:
    """The rules the library gives this table."""
    found = [proposal for template in TEMPLATES for proposal in template.propose(shape)]
    return list({proposal.key: proposal for proposal in found}.values())


def template_title(key: str) -> str:
    """Name of a template."""
    return next((template.title for template in TEMPLATES if template.key == key), key)

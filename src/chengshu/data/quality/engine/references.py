"""The city's references: what most sources say about a person or an organisation (多元校核).

No single register is free of errors, so a table is not compared with one register but with what the sources
agree on. Per identifier and attribute the value with most mentions wins; a draw goes to the more usual way of
writing, and stays undecided (nothing is compared) when that is a draw too or only one mention exists.
"""

# ruff: noqa: S608 - identifiers are quoted, everything else is constant

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa

from chengshu.data.contract.facade import ColumnFormat, ColumnSpec, ColumnType
from chengshu.data.quality.engine.model import TableShape
from chengshu.data.quality.engine.text import quoted

ZONE = "ops"
_STYLE_MARGIN = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a reference is about: ``key`` names its identifier, ``attributes`` what it knows."""

    key: str
    title: str
    format: ColumnFormat
    attributes: Mapping[str, str]

    @property
    def table(self) -> str:
        """The lake table of the reference."""
        return f"{ZONE}/quality_{self.key}"


SUBJECTS: Final[dict[str, Subject]] = {
    subject.key: subject
    for subject in (
        Subject(
            key="person", title="自然人", format=ColumnFormat.ID_NUMBER,
            attributes={"name": "姓名", "address": "地址"},
        ),
        Subject(
            key="organization", title="法人", format=ColumnFormat.USCC,
            attributes={"name": "名称", "address": "地址"},
        ),
        Subject(
            key="mobile", title="手机号", format=ColumnFormat.MOBILE,
            attributes={"name": "姓名", "gender": "性别"},
        ),
    )
}  # fmt: skip
_IDENTIFIER = re.compile(r"(公民)?(身份证?号码?|统一社会信用代码|(联系)?(电话|手机)(号码)?)$")
_PERSON_NAME = re.compile(r"姓名$|联系人$")
_ADDRESS = re.compile(r"(家庭住址|家庭地址|户籍地址|现住地址|居住地址|注册地址|住所)$")
_ORGANIZATION_NAME = re.compile(r"(单位|企业|机构|纳税人)名称$")
_GENDER = re.compile(r"性别(代码)?$")


def region_table() -> str:
    """The lake table of region codes and names."""
    return f"{ZONE}/quality_region"


@dataclass(frozen=True, slots=True)
class Pair:
    """An identifier column of a table and a column that says something about the same subject."""

    table: str
    key: str
    value: str
    subject: str
    attribute: str

    @property
    def told(self) -> str:
        """SQL: what the value column tells; an identity number tells the gender in its 17th digit (GB 11643)."""
        value = quoted(self.value)
        if self.attribute != "gender":
            return value
        return f"CASE WHEN ascii(substr({value}, 17, 1)) % 2 = 1 THEN '1' ELSE '2' END"


def described(column: ColumnSpec) -> bool:
    """Whether the column is free text, as names and addresses are."""
    plain = column.type is ColumnType.TEXT and column.format is None
    return plain and column.codes is None and not column.key


def comparable(column: ColumnSpec, attribute: str) -> bool:
    """Whether a column may say the attribute of somebody."""
    if attribute == "gender":
        return column.type is ColumnType.TEXT and bool(_GENDER.search(column.title))
    return described(column)


def named_pairs(shape: TableShape) -> list[Pair]:
    """The pairs that the titles of a table make plain: 公民身份号码 with 姓名, 出租人身份号码 with 出租人."""
    found = []
    for subject in SUBJECTS.values():
        for key in shape.columns:
            if key.format is not subject.format:
                continue
            owner = _IDENTIFIER.sub("", key.title)
            for attribute in subject.attributes:
                column = next(
                    (c for c in shape.columns if _fits(c, owner, subject, attribute)), None
                )
                if column is not None:
                    pair = Pair(shape.lake_table, key.name, column.name, subject.key, attribute)
                    found.append(pair)
    return found


def _fits(column: ColumnSpec, owner: str, subject: Subject, attribute: str) -> bool:
    title = column.title
    if attribute == "gender":
        identity = column.format is ColumnFormat.ID_NUMBER
        return identity and _IDENTIFIER.sub("", title) == owner
    if not described(column):
        return False
    if attribute == "address":
        return owner in ("", "申请人") and bool(_ADDRESS.search(title))
    if owner:
        return title in (owner, f"{owner}姓名", f"{owner}名称")
    wanted = _ORGANIZATION_NAME if subject.key == "organization" else re.compile("^姓名$")
    return bool(wanted.search(title))


def build(
    session: duckdb.DuckDBPyConnection, subject: Subject, sources: Sequence[tuple[str, Pair]]
) -> pa.Table:
    """The reference of a subject from ``(relation in the session, pair)``; undecided values are empty."""
    parts = []
    for attribute in subject.attributes:
        pairs = [(place, pair) for place, pair in sources if pair.attribute == attribute]
        if pairs:
            _decide(session, attribute, pairs)
            parts.append(attribute)
    keys = " UNION ".join(f"SELECT k FROM decided_{name}" for name in parts)
    columns = [
        f"decided_{name}.v AS {quoted(name)}" if name in parts
        else f"NULL::VARCHAR AS {quoted(name)}"
        for name in subject.attributes
    ]  # fmt: skip
    joins = " ".join(f"LEFT JOIN decided_{name} USING (k)" for name in parts)
    if not parts:
        empty = {name: pa.array([], pa.string()) for name in (subject.key, *subject.attributes)}
        return pa.table(empty)
    query = (
        f"SELECT k AS {quoted(subject.key)}, {', '.join(columns)} FROM ({keys}) {joins} ORDER BY k"
    )
    found: pa.Table = session.sql(query).to_arrow_table()
    return found


def _decide(
    session: duckdb.DuckDBPyConnection, attribute: str, pairs: Iterable[tuple[str, Pair]]
) -> None:
    votes = " UNION ALL ".join(
        f"SELECT {quoted(pair.key)} AS k, {pair.told} AS v FROM {place} "
        f"WHERE {quoted(pair.value)} IS NOT NULL"
        for place, pair in pairs
    )
    # How usual a way of writing is: by its first and last characters, and by having no blank in it.
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE voted AS SELECT k, v, count(*) AS n FROM ({votes}) "
        "WHERE k IS NOT NULL AND v IS NOT NULL GROUP BY k, v"
    ).fetchall()
    session.execute(
        "CREATE OR REPLACE TEMP TABLE contested AS SELECT k, v, n FROM voted WHERE k IN "
        "(SELECT k FROM voted GROUP BY k HAVING count(*) > 1)"
    ).fetchall()
    usual = (
        "WITH heads AS (SELECT left(v, 3) AS p, sum(n) AS h FROM voted GROUP BY 1), "
        "tails AS (SELECT right(v, 4) AS p, sum(n) AS h FROM voted GROUP BY 1), "
        "ranked AS (SELECT k, v, n, (CASE WHEN contains(v, ' ') THEN 0 ELSE 1 END) AS tidy, "
        "ln(1 + coalesce(heads.h, 0)) + ln(1 + coalesce(tails.h, 0)) AS usual FROM contested "
        "LEFT JOIN heads ON heads.p = left(v, 3) LEFT JOIN tails ON tails.p = right(v, 4)) "
        "SELECT k, arg_max(v, (n, tidy, usual)) AS v, max((n, tidy, usual)) AS best, "
        "max((n, tidy, usual), 2)[2] AS next FROM ranked GROUP BY k"
    )
    margin = "best[1] > next[1]"
    if attribute == "name":
        # An address can be right in any style; a name is rarely written two ways.
        margin += f" OR best[2] > next[2] OR best[3] > next[3] + {_STYLE_MARGIN}"
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE decided_{attribute} AS "
        "SELECT k, any_value(v) AS v FROM voted GROUP BY k HAVING count(*) = 1 AND sum(n) > 1 "
        f"UNION ALL SELECT k, v FROM ({usual}) WHERE {margin}"
    ).fetchall()

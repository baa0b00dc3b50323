"""Other ways of writing a name that nothing beside it identifies: looked up in what the city knows for certain.

An organisation's name is compared with the directory of all registered names by its *form*: without blanks, province,
the city's own name, and with one word for the kind of company. A person's name is compared with those who live at the
address that stands beside it, by how it sounds (陈玮 for 陈伟). Only what fits exactly one name is ever reported.
"""

# ruff: noqa: S608 - identifiers are quoted, everything else is constant

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.quality.engine.model import Join
from chengshu.data.quality.engine.references import SUBJECTS, ZONE, described, region_table
from chengshu.data.quality.engine.text import ROW, cell, literal, quoted
from chengshu.kernel.search.pinyin import readings

# Arrow's stubs do not cover the compute kernels used here.
Values: TypeAlias = Any
ORGANIZATIONS: Final = f"{ZONE}/quality_organization_name"
"""``form`` and the one ``name`` that has it."""
RESIDENTS: Final = f"{ZONE}/quality_resident"
"""``address``, ``sound`` and the one ``name`` that sounds so there."""
SOUNDS: Final = f"{ZONE}/quality_sound"
"""``character`` and its ``sound`` without tone."""
LONGEST_PERSON: Final = 4
"""Characters of a Chinese person's name; longer ones are left alone."""
LONGEST_NAME: Final = 100
GLANCE: Final = 200
_PARTY: Final = re.compile(r"(姓名|名称|户名|户主|单位|企业|公司|机构|人|方|者|员|长)$")
_ADDRESS: Final = re.compile(r"(地址|住址|住所)$")
_PROVINCES: Final = (
    "北京|天津|河北|山西|内蒙古|辽宁|吉林|黑龙江|上海|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|广西|海南|"
    "重庆|四川|贵州|云南|西藏|陕西|甘肃|青海|宁夏|新疆"
)
"""Short names of GB/T 2260's provinces."""
_DROPPED: Final = rf"\s|^({_PROVINCES})省?|[（(]个体(工商户)?[)）]$"
_CITY: Final = "^[^市县区]{1,6}[市县区]"
_CHARACTERS: Final = range(0x4E00, 0x9FA6)
"""The unified ideographs of GB 13000.1."""


def reference_tables() -> tuple[str, ...]:
    """The lake tables of all references, those of spelling among them."""
    subjects = (subject.table for subject in SUBJECTS.values())
    return (*subjects, region_table(), ORGANIZATIONS, RESIDENTS, SOUNDS)


def names_a_party(column: ColumnSpec) -> bool:
    """Whether a column holds names of people or organisations, by its title."""
    short = column.length is None or column.length <= LONGEST_NAME
    return described(column) and short and bool(_PARTY.search(column.title))


def is_address(column: ColumnSpec) -> bool:
    """Whether a column holds addresses, by its title."""
    return described(column) and bool(_ADDRESS.search(column.title))


def form(text: str) -> str:
    """SQL: an organisation's name without what people write differently."""
    bare = f"regexp_replace({text}, {literal(_DROPPED)}, '', 'g')"
    return f"replace({bare}, '有限责任公司', '有限公司')"


def organization_join(column: str, index: int) -> Join:
    """The registered organisation that a name means."""
    alias = f"spelt_{index}"
    return Join(
        alias=alias, source="SELECT * FROM {names}", on=f"{alias}.form = {form(cell(column))}",
        tables={"names": ORGANIZATIONS},
    )  # fmt: skip


def resident_joins(name: str, address: str, index: int) -> tuple[Join, ...]:
    """Who lives at the address and sounds like the name; the last join is the person."""
    alias = f"spelt_{index}"
    letters = [f"sound_{index}_{place}" for place in range(1, LONGEST_PERSON + 1)]
    heard = tuple(
        Join(
            alias=letter, source="SELECT * FROM {sounds}",
            on=f"{letter}.character = substr({cell(name)}, {place}, 1)", tables={"sounds": SOUNDS},
        )
        for place, letter in enumerate(letters, 1)
    )  # fmt: skip
    resident = Join(
        alias=alias, source="SELECT * FROM {residents}",
        on=f"{alias}.address = {cell(address)} AND {alias}.sound = {_sound(cell(name), letters)}",
        tables={"residents": RESIDENTS},
    )  # fmt: skip
    return (*heard, resident)


def _sound(name: str, letters: list[str]) -> str:
    """SQL: the sounds of a name's characters; one that is not known stands for itself."""
    parts = [
        f"coalesce({letter}.sound, substr({name}, {place}, 1))"
        for place, letter in enumerate(letters, 1)
    ]
    return (
        f"CASE WHEN length({name}) <= {LONGEST_PERSON} THEN concat_ws(' ', {', '.join(parts)}) END"
    )


@dataclass(frozen=True, slots=True)
class Known:
    """The names a directory has for the rows of a sample, empty where it has none or several."""

    names: Values
    person: bool


class Directories:
    """What the directories know of the names in a sample of a table; a context, for what it puts beside the sample."""

    def __init__(
        self,
        session: duckdb.DuckDBPyConnection,
        sample: pa.Table,
        address: str,
        places: Mapping[str, str],
    ) -> None:
        self._session = session
        self._sample = sample.append_column("_nth", pa.array(range(len(sample))))
        self._address = address
        self._places = places
        self._residents: set[tuple[str, str]] | None = None

    def __enter__(self) -> Self:
        self._session.register("sampled_rows", self._sample)
        self._session.register("first_rows", self._sample.slice(0, GLANCE))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.unregister("sampled_rows")
        self._session.unregister("first_rows")

    def known(self, column: str, index: int) -> Known | None:
        """The directory's names for a column; None unless it knows half of the filled ones (a glance tells mostly)."""
        person = _are_persons(self._sample[column])
        joins: tuple[Join, ...] = (organization_join(column, index),)
        relations: tuple[str, ...] = ("first_rows", "sampled_rows")
        if person:
            if not self._live_there(column):
                return None
            joins, relations = resident_joins(column, self._address, index), ("sampled_rows",)
        for relation in relations:
            found = self._looked_up(relation, joins, column)
            known, written = (len(found) - found[name].null_count for name in found.column_names)
            if known * 2 < written:
                return None
        return Known(found["name"], person)

    def _live_there(self, column: str) -> bool:
        """Whether half of the first people live where their row says, by their very name: cheap to ask."""
        if not self._address:
            return False
        address = quoted(self._address)
        if self._residents is None:
            self._residents = {
                (address, name) for address, name in self._session.sql(
                    f"SELECT address, name FROM {self._places[RESIDENTS]} WHERE address IN "
                    f"(SELECT {address} FROM first_rows)"
                ).fetchall()
            }  # fmt: skip
        first = self._sample.slice(0, GLANCE).select([self._address, column]).to_pylist()
        rows = [(row[self._address], row[column]) for row in first if row[column] is not None]
        return sum(row in self._residents for row in rows) * 2 >= len(rows)

    def _looked_up(self, relation: str, joins: tuple[Join, ...], column: str) -> pa.Table:
        beside = []
        for join in joins:
            source = join.source
            for place, table in join.tables.items():
                source = source.replace("{" + place + "}", self._places[table])
            beside.append(f"LEFT JOIN ({source}) {join.alias} ON {join.on}")
        query = (
            f"SELECT {joins[-1].alias}.name AS name, {cell(column)} AS written "
            f"FROM {relation} {ROW} {' '.join(beside)} ORDER BY {ROW}._nth"
        )
        found: pa.Table = self._session.sql(query).to_arrow_table()
        return found


def _are_persons(values: Values) -> bool:
    """By length: nearly all names of people have at most four characters, and a gap perhaps."""
    longest = pc.quantile(pc.utf8_length(values), 0.9)[0].as_py()
    return longest is not None and longest <= LONGEST_PERSON + 1


def sounds() -> pa.Table:
    """:data:`SOUNDS`: every character with its commonest reading."""
    found = [(chr(code), readings(chr(code))[0][0]) for code in _CHARACTERS]
    return pa.table(
        {
            "character": pa.array([character for character, _ in found], pa.string()),
            "sound": pa.array([sound or None for _, sound in found], pa.string()),
        }
    )


def organizations(session: duckdb.DuckDBPyConnection, reference: str) -> pa.Table:
    """:data:`ORGANIZATIONS` out of the reference of organisations.

    The city's own name in front may be left out; it is what most names begin with.
    """
    city = literal(_CITY)
    found: pa.Table = session.sql(
        f"WITH names AS (SELECT DISTINCT name FROM {reference} WHERE name IS NOT NULL), "
        f"heads AS (SELECT regexp_extract(name, {city}) AS head, count(*) AS n FROM names GROUP BY 1), "
        "own AS (SELECT arg_max(head, n) AS head FROM heads WHERE head <> ''), "
        f"forms AS (SELECT {form('name')} AS form, name FROM names UNION "
        f"SELECT {form('substr(name, length(head) + 1)')}, name FROM names, own "
        "WHERE starts_with(name, head)) "
        "SELECT form, any_value(name) AS name FROM forms GROUP BY form "
        "HAVING count(*) = 1 ORDER BY form"
    ).to_arrow_table()
    return found


def residents(session: duckdb.DuckDBPyConnection, reference: str, heard: str) -> pa.Table:
    """:data:`RESIDENTS` out of the reference of persons and :data:`SOUNDS`."""
    letters = [f"s{place}" for place in range(1, LONGEST_PERSON + 1)]
    joins = " ".join(
        f"LEFT JOIN {heard} {letter} ON {letter}.character = substr(p.name, {place}, 1)"
        for place, letter in enumerate(letters, 1)
    )
    found: pa.Table = session.sql(
        f"SELECT address, {_sound('p.name', letters)} AS sound, any_value(name) AS name "
        f"FROM {reference} p {joins} WHERE address IS NOT NULL AND name IS NOT NULL "
        f"AND length(name) <= {LONGEST_PERSON} GROUP BY 1, 2 "
        "HAVING count(DISTINCT name) = 1 ORDER BY 1, 2"
    ).to_arrow_table()
    return found

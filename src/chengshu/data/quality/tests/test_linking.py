"""Rows without an identity number are linked to the references by what else they hold, where that is unique."""

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from chengshu.data.contract.facade import ColumnFormat, ColumnSpec, ColumnType
from chengshu.data.quality.choices import RuleOrigin
from chengshu.data.quality.engine import spelling
from chengshu.data.quality.engine.discovery import Candidate, discover
from chengshu.data.quality.engine.kinds import KINDS
from chengshu.data.quality.engine.model import Check, RuleError, TableShape
from chengshu.data.quality.engine.ordering import in_order
from chengshu.data.quality.engine.references import SUBJECTS, build, named_pairs
from chengshu.data.quality.engine.repeats import repeats
from chengshu.data.quality.engine.scan import scan

NUMBER = ColumnSpec(name="no", title="编号", key=True, length=8)
TABLE = TableShape(code="1/01/001/01/00001", title="表", lake_table="std/x", columns=(NUMBER,))
ROWS = 60


def text(name: str, title: str, **more: object) -> ColumnSpec:
    return replace(ColumnSpec(name=name, title=title, length=60), **more)  # type: ignore[arg-type]


def shape(*columns: ColumnSpec) -> TableShape:
    return replace(TABLE, columns=(NUMBER, *columns))


@pytest.fixture
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def rows(session: duckdb.DuckDBPyConnection, **columns: list[str | None]) -> None:
    size = len(next(iter(columns.values())))
    numbers = pa.array([f"N{n:03}" for n in range(size)])
    session.register("x", pa.table({"no": numbers, **columns}))


def unknown(_code: str) -> TableShape:
    raise RuleError("没有")


def failing(
    session: duckdb.DuckDBPyConnection,
    table: TableShape,
    one: Candidate,
    places: dict[str, str],
) -> list[str]:
    made = KINDS[one.kind].compile(one.definition, table, unknown, "j0")
    check = Check(
        key="k", title="k", dimension=one.dimension, severity=one.severity, origin=RuleOrigin.FOUND,
        fails=made.fails, checked=made.checked, joins=made.joins, prepared=made.prepared,
    )  # fmt: skip
    found = scan(session, table, [check], source="x", places=places | {"std/x": "x"})
    return sorted(found.keys.column(0).to_pylist())


# ---- organisations without a credit code

FIRMS = [f"龙港市鑫{a}{b}包装有限公司" for a in "达利丰泰盛昌隆兴" for b in "龙华源和顺通联创"]
TWINS = ["龙港市宏远印刷有限公司", "龙港市宏远印刷有限责任公司"]


@pytest.fixture
def firms(session: duckdb.DuckDBPyConnection) -> dict[str, str]:
    session.register("known", pa.table({"name": [*FIRMS, *TWINS]}))
    session.register("firms", spelling.organizations(session, "known"))
    session.register(
        "nobody", pa.table({n: pa.array([], pa.string()) for n in ("address", "sound", "name")})
    )
    session.register("sounds", spelling.sounds())
    return {
        spelling.ORGANIZATIONS: "firms", spelling.RESIDENTS: "nobody", spelling.SOUNDS: "sounds"
    }  # fmt: skip


def test_a_firm_written_otherwise_is_found_by_its_name_alone(
    session: duckdb.DuckDBPyConnection, firms: dict[str, str]
) -> None:
    odd = [
        FIRMS[0].removeprefix("龙港市"), "浙江" + FIRMS[1], FIRMS[2].replace("有限", "有限责任"),
        FIRMS[3].replace("市", "市 "), FIRMS[4] + "(个体)",
    ]  # fmt: skip
    others = ["温州市鑫达龙包装有限公司", TWINS[0], TWINS[0].removeprefix("龙港市")]
    table = shape(text("holder", "维保单位"))
    rows(session, holder=[*FIRMS[:60], *odd, *others])
    found = [
        one for one in discover(session, table, source="x", places=firms) if one.kind == "spelling"
    ]
    assert [one.definition for one in found] == [{"column": "holder"}]
    # Not the firm of another city, and not the one that two names could mean.
    assert failing(session, table, found[0], firms) == ["N060", "N061", "N062", "N063", "N064"]


def test_names_the_directory_does_not_know_are_left_alone(
    session: duckdb.DuckDBPyConnection, firms: dict[str, str]
) -> None:
    rows(session, holder=[*FIRMS[:20], *(f"第{n}号建设项目部" for n in range(60))])
    found = discover(session, shape(text("holder", "施工单位")), source="x", places=firms)
    assert [one for one in found if one.kind == "spelling"] == []


# ---- people at their address


def test_a_person_written_with_another_character_is_found_by_the_home(
    session: duckdb.DuckDBPyConnection,
) -> None:
    homes = [f"人民路{n}号" for n in range(ROWS)]
    names = [
        f"{'陈林黄李王'[n % 5]}{'建国海明'[n % 4]}{'强平辉军'[n // 4 % 4]}" for n in range(ROWS)
    ]
    persons = pa.table(
        {"address": [*homes, homes[1], homes[2]], "name": [*names, "林健明", names[2] + "甲"]}
    )
    session.register("persons", persons)
    session.register("sounds", spelling.sounds())
    session.register("residents", spelling.residents(session, "persons", "sounds"))
    session.register(
        "firms", pa.table({"form": pa.array([], pa.string()), "name": pa.array([], pa.string())})
    )
    places = {
        spelling.ORGANIZATIONS: "firms", spelling.RESIDENTS: "residents", spelling.SOUNDS: "sounds"
    }  # fmt: skip
    written = list(names)
    written[0], written[3] = "陈健墙", "周大山"  # 陈建强 misheard; somebody else
    table = shape(text("person", "户名"), text("place", "用水地址"))
    rows(session, person=written, place=homes)
    found = [
        one for one in discover(session, table, source="x", places=places) if one.kind == "spelling"
    ]
    assert [one.definition for one in found] == [{"column": "person", "address": "place"}]
    assert failing(session, table, found[0], places) == ["N000"]


def test_two_residents_who_sound_alike_decide_nothing(session: duckdb.DuckDBPyConnection) -> None:
    persons = pa.table({"address": ["人民路1号"] * 3, "name": ["陈伟", "陈玮", "陈红"]})
    session.register("persons", persons)
    session.register("sounds", spelling.sounds())
    assert spelling.residents(session, "persons", "sounds")["name"].to_pylist() == ["陈红"]


# ---- gender by telephone


def test_a_gender_is_compared_with_the_number_behind_the_telephone(
    session: duckdb.DuckDBPyConnection,
) -> None:
    men = [f"33038319800101{n:02}1X" for n in range(ROWS)]
    phones = [f"154{n:08}" for n in range(ROWS)]
    register = shape(
        text("id", "公民身份号码", format=ColumnFormat.ID_NUMBER),
        text("phone", "联系电话", format=ColumnFormat.MOBILE),
    )
    session.register("source", pa.table({"id": men * 2, "phone": phones * 2}))
    mobile = SUBJECTS["mobile"]
    pairs = [("source", pair) for pair in named_pairs(register) if pair.subject == "mobile"]
    session.register("mobile", build(session, mobile, pairs))
    table = shape(
        text("phone", "联系电话", format=ColumnFormat.MOBILE),
        text("gender", "性别代码", codes={"1": "男", "2": "女"}),
    )
    rows(session, phone=phones, gender=["1"] * (ROWS - 2) + ["2", None])
    places = {mobile.table: "mobile"}
    (one,) = discover(session, table, source="x", places=places)
    assert one.definition["attribute"] == "gender"
    assert failing(session, table, one, places) == [f"N{ROWS - 2:03}"]


# ---- order of dates, repeats


def _days(seed: int, low: int, high: int) -> "np.typing.NDArray[np.float64]":
    return np.random.default_rng(seed).integers(low, high, 3000).astype(np.float64)


def test_two_steps_that_begin_together_are_no_order() -> None:
    accepted = _days(1, 0, 1500)
    sealed, finished = accepted + _days(2, 0, 3), accepted + _days(3, 1, 16)
    assert (sealed <= finished).mean() > 0.97
    assert not in_order(sealed, finished)
    assert in_order(accepted, sealed)


def test_errors_anywhere_do_not_hide_an_order() -> None:
    begun = _days(4, 0, 1500)
    ended = begun + _days(5, 20, 700)
    ended[:15] = begun[:15] - np.linspace(1, 200, 15)
    assert in_order(begun, ended)


def _registrations(size: int, kinds: int) -> pa.Table:
    dealt = np.random.default_rng(6)
    return pa.table(
        {
            "who": pa.array([f"P{n}" if n % 9 else None for n in dealt.integers(0, size, size)]),
            "kind": pa.array([f"K{n}" for n in dealt.integers(0, kinds, size)]),
            "amount": pa.array(dealt.integers(0, 40, size)),
        }
    )


def test_accidents_are_told_by_what_chance_does_to_one_column() -> None:
    names = ["who", "kind", "amount"]
    rare, often = (repeats(_registrations(4000, kinds), names) for kinds in (3000, 3))
    assert rare.accidents < 1
    # About as many as there are, though nobody was registered twice on purpose.
    assert often.repeated > 5
    assert 0.3 * often.repeated < often.accidents < 3 * often.repeated


def test_what_happens_once_a_month_repeats_by_no_accident() -> None:
    dealt = np.random.default_rng(7)
    accounts = np.arange(6000) // 6
    bills = pa.table(
        {
            "account": pa.array([f"A{n}" for n in accounts]),
            "month": pa.array(np.arange(6000) % 6),
            "usage": pa.array(dealt.integers(0, 4, 6000)),
        }
    )
    found = repeats(pa.concat_tables([bills, bills.slice(0, 30)]), ["account", "month", "usage"])
    assert found.repeated == 30
    assert found.accidents < 1


def test_dates_of_a_date_type_are_ordered_days() -> None:
    """A candidate for an order names the earlier column first."""
    base = np.random.default_rng(8).integers(0, 900, ROWS)
    table = shape(
        text("a", "申请日期", type=ColumnType.DATE, length=None),
        text("b", "办结日期", type=ColumnType.DATE, length=None),
    )
    with duckdb.connect() as session:
        days = (np.datetime64("2020-01-01") + base, np.datetime64("2020-01-05") + base)
        numbers = pa.array([f"N{n}" for n in range(ROWS)])
        session.register("x", pa.table({"no": numbers, "a": days[0], "b": days[1]}))
        (one,) = discover(session, table, source="x", places={})
    assert one.definition == {"left": "a", "operator": "<=", "right": "b"}

"""Statistics: groups large enough, numbers uncertain by a fixed measure, nothing about a single record."""

import asyncio
import json
from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from chengshu_gateway import aggregates, disclosure, rowfilter, rowfilter_sql
from chengshu_gateway.bundle import Bundle, Column, Grant, Interface
from chengshu_gateway.bundle_store import publish_bundle
from chengshu_gateway.snapshot import open_current
from chengshu_gateway.snapshot_build import publish_snapshot
from chengshu_gateway.tests.sample_city import APP, KEYS, calls, local, post, signed

SCHEMA = pa.schema(
    [
        pa.field("code", pa.string()), pa.field("area", pa.string()), pa.field("sex", pa.string()),
        pa.field("born", pa.string()), pa.field("income", pa.int64()), pa.field("real", pa.float64()),
        pa.field("alive", pa.bool_()), pa.field("scope", pa.string()),
    ]
)  # fmt: skip
KINDS = {"income": "integer", "real": "real", "alive": "boolean"}
COLUMNS = tuple(Column(name, KINDS.get(name, "text")) for name in SCHEMA.names)
INTERFACE = Interface("residents", "r", "居民", "residents", "code", COLUMNS)
GRANT = Grant(
    "app-1", "residents", ("code", "area", "sex", "born", "income", "real"),
    masks={"born": "year"}, row_filter={"eq": ["scope", "in"]}, kinds=("statistics",),
)  # fmt: skip
# 40 in A, 30 in B, 4 in C, 12 in D; and 500 outside the rows of the grant.
AREAS = "A" * 40 + "B" * 30 + "C" * 4 + "D" * 12
ROWS = [
    {
        "code": f"R{at}", "area": area, "sex": "12"[at % 2], "born": f"19{60 + at % 3}-01-0{at % 7 + 1}",
        "income": 1000 + at if at % 10 else None, "real": at / 3, "alive": True, "scope": "in",
    }
    for at, area in enumerate(AREAS)
] + [
    {"code": f"X{at}", "area": "E", "sex": "1", "born": "1990-01-01", "income": 5, "scope": "out"}
    for at in range(500)
]  # fmt: skip


def publish_rows(data, rows=ROWS):
    table = pa.Table.from_pylist(rows, SCHEMA)
    folder = data / "snapshots" / "residents"
    publish_snapshot(folder, SCHEMA, table.to_batches(), key_column="code")


def publish_rules(data, grant=GRANT):
    publish_bundle(data / "bundles", Bundle((APP,), (INTERFACE,), (grant,)), KEYS.bundle)


@pytest.fixture
def city(tmp_path):
    publish_rows(tmp_path)
    publish_rules(tmp_path)
    return tmp_path


@pytest.fixture
def gateway(city):
    with local(city) as running:
        yield running


def ask(gateway, *group, **content):
    return post(gateway, "statistics", {"group": list(group), **content})


def table(reply):
    assert reply.status == 200, reply.body.decode()
    return {tuple(each["group"].values()): each for each in reply.json["data"]}


def refused(reply, status, code):
    assert (reply.status, reply.json["code"]) == (status, code), reply.body.decode()
    return True


def test_a_small_group_goes_with_the_smallest_of_its_neighbours(gateway):
    reply = ask(gateway, "area")
    # C (4) is small; D (12) goes too, or everybody could take A and B from the total.
    assert {cell: each["count"] for cell, each in table(reply).items()} == {("A",): 40, ("B",): 30}
    assert (reply.json["suppressed"], reply.json["minimum"], reply.json["rounding"]) == (
        True,
        10,
        5,
    )
    assert table(ask(gateway))[()]["count"] == 85  # of 86, and none of those out of scope
    assert "E" not in ask(gateway, "area").body.decode()
    assert table(ask(gateway, "code")) == {}
    years = table(ask(gateway, "born"))
    assert {cell: each["count"] for cell, each in years.items()} == {
        ("1960",): 30, ("1961",): 30, ("1962",): 30,
    }  # fmt: skip


def test_sums_are_near_the_truth_and_the_same_however_often_one_asks(city, gateway):
    first = table(ask(gateway, "area", sum=["income", "real"], avg=["income"]))[("A",)]
    true = [row["income"] for row in ROWS[:40] if row["income"]]
    assert abs(first["sum"]["income"] - sum(true)) <= max(true) + 0.01 * sum(true)
    assert first["sum"]["income"] != sum(true)
    assert abs(first["avg"]["income"] - sum(true) / len(true)) < 0.05 * max(true)
    answers = {
        ask(gateway, "area", sum=["income"]).json["data"][0]["sum"]["income"] for _ in range(3)
    }
    aggregates._answers.clear()
    answers |= {ask(gateway, "area", sum=["income"]).json["data"][0]["sum"]["income"]}
    assert answers == {first["sum"]["income"]}
    # Few values are a small group of their own: nobody outside A has a real number any more.
    publish_rows(
        city,
        [
            row | {"real": row.get("real") if row["code"] in {"R40", "R41"} else None}
            for row in ROWS
        ],
    )
    gateway.refresh()
    assert table(ask(gateway, "area", sum=["real"]))[("B",)]["sum"] == {"real": None}


def test_the_record_says_what_was_asked_and_names_nobody(city, gateway):
    ask(gateway, "area", sum=["income"])
    (call,) = calls(city)
    assert (call.kind, call.fields, call.asked, call.found, call.cost, call.records) == (
        "statistics", ("area", "income"), 2, 2, 1, (),
    )  # fmt: skip


def test_only_granted_columns_are_grouped_and_only_bare_numbers_added(city, gateway, monkeypatch):
    assert refused(ask(gateway, "scope"), 403, "field_not_granted")
    assert refused(ask(gateway, sum=["born"]), 403, "not_queryable")
    assert refused(ask(gateway, avg=["code"]), 403, "not_queryable")
    for content in (
        {"group": ["area", "sex", "born"]}, {"group": ["area", "area"]}, {"group": "area"},
        {"group": [5]}, {"where": {"area": "A"}}, {"sum": ["income"] * 6},
    ):  # fmt: skip
        assert refused(post(gateway, "statistics", content), 400, "bad_content")
    assert refused(
        post(gateway, "statistics", {"group": ['x" FROM data--']}), 403, "field_not_granted"
    )
    monkeypatch.setattr(aggregates, "MOST_GROUPS", 50)
    assert refused(ask(gateway, "code"), 400, "bad_content")
    publish_rules(city, replace(GRANT, masks={"income": "band:10", "born": "shift:9,code"}))
    gateway.refresh()
    assert refused(ask(gateway, sum=["income"]), 403, "not_queryable")
    assert refused(ask(gateway, "born"), 403, "not_queryable")
    publish_rules(city, replace(GRANT, kinds=("lookup",)))
    gateway.refresh()
    assert refused(ask(gateway), 403, "kind_not_granted")


def test_a_grant_sets_its_own_minimum(city, gateway):
    publish_rules(city, replace(GRANT, minimum_group=35))
    gateway.refresh()
    assert set(table(ask(gateway, "area"))) == {("A",)}


def test_too_many_at_once_are_told_to_wait(gateway, monkeypatch):
    monkeypatch.setattr(aggregates, "AT_ONCE", aggregates.threading.BoundedSemaphore(1))
    aggregates._answers.clear()

    async def both():
        path, replies = "/share/v1/residents/statistics", []
        for group in (["area"], ["sex"]):
            body = json.dumps({"group": group}).encode()
            headers = signed(path, method="POST", body=body)
            replies.append(gateway.exchange(path, headers, body))
        return await asyncio.gather(*replies)

    statuses = sorted(reply.status for reply in gateway.runner.run(both()))
    assert statuses == [200, 429]


COUNTS = st.one_of(
    st.dictionaries(st.tuples(st.sampled_from("abcdef")), st.integers(1, 40), max_size=6),
    st.dictionaries(st.tuples(*[st.sampled_from("abcd")] * 2), st.integers(1, 40), max_size=16),
)


@given(COUNTS, st.integers(3, 15))
@example({("a", "c"): 2, ("b", "b"): 7, ("c", "c"): 31, ("c", "d"): 40}, 5)
@settings(max_examples=100, deadline=None)
def test_no_line_of_a_table_tells_a_hidden_group(counts, minimum):
    gone = disclosure.hidden(counts, minimum)
    assert all(counts[cell] >= minimum for cell in counts if cell not in gone)
    if not counts:
        return
    sides = range(len(next(iter(counts)))) if len(next(iter(counts))) == 2 else ()
    lines = [[cell for cell in counts if cell[side] == value] for side in sides for value in "abcd"]
    for line in lines or [list(counts)]:
        within = [cell for cell in line if cell in gone]
        enough = len(within) >= 2 and sum(counts[cell] for cell in within) >= minimum
        assert not within or enough or len(within) == len(line)
    for side in sides:
        margin = Counter()
        for cell, count in counts.items():
            margin[cell[side],] += count
        for (value,) in disclosure.hidden(margin, minimum):
            assert any(cell[side] == value for cell in gone), "its cells would add up to it"


@given(st.floats(-1e9, 1e9), st.floats(1, 1e6))
@settings(max_examples=60, deadline=None)
def test_noise_covers_any_single_record_and_depends_on_the_content_only(total, largest):
    one, again, other, elsewhere = (
        disclosure.blurred(total + more, largest, secret=b"s", context=context)
        for more, context in ((0, "a"), (0, "a"), (largest, "a"), (0, "b"))
    )
    assert one == again
    assert abs(one - total) <= largest * 1.000001
    # Neither another content nor another group has the same noise: no difference of answers is exact. A change in
    # the tenth digit is not seen by the noise, and could not be seen in an answer of three.
    assume(largest > abs(total) * 1e-8)
    assert (one - total) != (other - total - largest)
    assert one != elsewhere


VALUES = {
    "area": st.sampled_from(["A", "AB", "é", "𝄞", "￿"]), "income": st.integers(-3, 3), "alive": st.booleans(),
    "real": st.sampled_from([-1.5, 0.0, 2.0]),
}  # fmt: skip


def leaves():
    def leaf(name):
        value, compared = VALUES[name], ["eq", "ne", "lt", "le", "gt", "ge"]
        plain = st.sampled_from(compared).flatmap(
            lambda op: value.map(lambda each: {op: [name, each]})
        )
        among = st.lists(value, min_size=1, max_size=3).map(lambda each: {"in": [name, each]})
        null = st.just({"is_null": [name]})
        prefix = value.map(lambda each: {"prefix": [name, each]}) if name == "area" else null
        return plain | among | null | prefix

    return st.sampled_from(sorted(VALUES)).flatmap(leaf)


FILTERS = st.deferred(
    lambda: (
        leaves()
        | st.tuples(st.sampled_from(["and", "or"]), st.lists(FILTERS, min_size=1, max_size=3)).map(
            lambda each: {each[0]: each[1]}
        )
        | FILTERS.map(lambda each: {"not": each})
    )
)


def depth(node):
    ((name, argument),) = node.items()
    if name in {"and", "or"}:
        return 1 + max(map(depth, argument))
    return 1 + depth(argument) if name == "not" else 1


SAMPLE = [
    {"code": f"{a}{i}", "area": area, "income": income, "alive": alive, "real": real}
    for a, (area, alive) in enumerate(
        [("A", True), ("AB", False), ("é", None), ("𝄞", True), (None, False), ("￿", None)]
    )
    for i, (income, real) in enumerate([(-3, 2.0), (0, None), (2, -1.5), (None, 0.0)])
]  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filter")
    publish_rows(folder, SAMPLE)
    snapshot = open_current(folder / "snapshots" / "residents")
    yield snapshot
    snapshot.close()


@given(FILTERS.filter(lambda each: depth(each) <= 8))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_filter_in_sql_lets_the_same_rows_through(sample, expression):
    rowfilter.validate(expression, {column.name: column.type for column in COLUMNS})
    names = list(SCHEMA.names)
    predicate = rowfilter.compile_filter(expression, {name: at for at, name in enumerate(names)})
    rows = sample.fetch(sample.selection(names)).fetchall()
    where, values = rowfilter_sql.condition(expression)
    found = sample.fetch(f"{sample.selection(['code'])} WHERE {where}", values).fetchall()
    assert sorted(found) == sorted((row[0],) for row in rows if predicate(row) is True)

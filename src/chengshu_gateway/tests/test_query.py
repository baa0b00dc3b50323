"""Conditional query: every record that meets the conditions, once, along an index, page by page."""

import base64
import sqlite3
from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu_gateway import conditions, cursors, query
from chengshu_gateway.bundle import AppKey, Application, Bundle, Column, Grant, Interface
from chengshu_gateway.bundle_store import publish_bundle
from chengshu_gateway.conditions import Condition
from chengshu_gateway.keys import hash_record_key
from chengshu_gateway.snapshot import open_current
from chengshu_gateway.snapshot_build import SnapshotBuildError, publish_snapshot
from chengshu_gateway.tests.sample_city import APP, KEYS, SECRET, calls, local, post

COUNT = 600
ROWS = [
    {
        "code": f"C{at * 7919 % COUNT:05d}",
        "area": "330383" if at % 3 else "110101",
        "street": f"S{at % 11:02d}",
        "born": date(1950, 1, 1) + timedelta(days=at * 37 % 20_000),
        "age": None if at % 17 == 0 else at % 40,
        "alive": None if at % 13 == 0 else at % 2 == 0,
        "name": f"王{at}",
        "phone": f"138{at:08d}",
    }
    for at in range(COUNT)
]
SCHEMA = pa.schema(
    [
        pa.field("code", pa.string()), pa.field("area", pa.string()), pa.field("street", pa.string()),
        pa.field("born", pa.date32()), pa.field("age", pa.int64()), pa.field("alive", pa.bool_()),
        pa.field("name", pa.string()), pa.field("phone", pa.string()),
    ]
)  # fmt: skip
KINDS = {"born": "date", "age": "integer", "alive": "boolean"}
COLUMNS = tuple(Column(name, KINDS.get(name, "text")) for name in SCHEMA.names)
QUERYABLE = ("code", "street", "born", "age", "alive", "name", "area")
INTERFACE = Interface("residents", "r", "居民", "residents", "code", COLUMNS, QUERYABLE)
GRANT = Grant(
    "app-1",
    "residents",
    ("code", "street", "born", "age", "alive", "name", "phone"),
    masks={"name": "name"},
    row_filter={"eq": ["area", "330383"]},
    kinds=("query",),
)
OTHER = Application("app-2", "另一个应用", (AppKey("k2", SECRET),))
VISIBLE = [row for row in ROWS if row["area"] == "330383"]


def publish(data, *, grant=GRANT, queryable=QUERYABLE, interface=INTERFACE):
    publish_snapshot(
        data / "snapshots" / "residents",
        SCHEMA,
        pa.Table.from_pylist(ROWS, schema=SCHEMA).to_batches(),
        key_column="code",
        queryable=queryable,
    )
    grants = (grant, replace(grant, app_id="app-2"))
    publish_bundle(data / "bundles", Bundle((APP, OTHER), (interface,), grants), KEYS.bundle)
    return data


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("query"))


@pytest.fixture(scope="module")
def gateway(city):
    with local(city) as running:
        yield running


def ask(gateway, where, **content):
    signing = content.pop("signing", {})
    return post(gateway, "query", {"where": where, **content}, **signing)


def refused(reply, status, code):
    assert (reply.status, reply.json["code"]) == (status, code), reply.body.decode()
    return True


def everything(gateway, where, **content):
    """All pages of a query, and how many records each had."""
    found, sizes, after = [], [], None
    while True:
        reply = ask(gateway, where, **content, **({"after": after} if after else {}))
        assert reply.status == 200, reply.body.decode()
        found += reply.json["data"]
        sizes.append(len(reply.json["data"]))
        after = reply.json["next"]
        if after is None:
            return found, sizes


def meets(row, where):
    compare = {
        "ge": lambda a, b: a >= b, "gt": lambda a, b: a > b,
        "le": lambda a, b: a <= b, "lt": lambda a, b: a < b, "eq": lambda a, b: a == b,
    }  # fmt: skip
    for name, asked in where.items():
        value = row[name].isoformat() if name == "born" else row[name]
        tests = asked if isinstance(asked, dict) else {"eq": asked}
        if value is None or not all(compare[op](value, bound) for op, bound in tests.items()):
            return False
    return True


def ranges(values):
    bounds = st.fixed_dictionaries(
        {}, optional={"ge": values, "lt": values}
    ) | st.fixed_dictionaries({}, optional={"gt": values, "le": values})
    return bounds.filter(bool)


DATES = st.dates(date(1949, 1, 1), date(2006, 1, 1)).map(str)
CODES = st.integers(0, COUNT).map(lambda at: f"C{at:05d}")
WHERE = st.fixed_dictionaries(
    {},
    optional={
        "street": st.integers(0, 12).map(lambda at: f"S{at:02d}") | ranges(st.just("S05")),
        "born": ranges(DATES),
        "age": st.integers(-1, 41) | ranges(st.integers(-1, 41)),
        "alive": st.booleans(),
        "code": CODES | ranges(CODES),
    },
).filter(bool)


@given(WHERE, st.integers(20, 500), st.sampled_from([50, 2_000]))
@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_pages_hold_exactly_the_visible_records_that_meet_the_conditions(
    gateway, monkeypatch, where, limit, walk
):
    monkeypatch.setattr(query, "WALK", walk)
    found, sizes = everything(gateway, where, limit=limit, fields=["code"])
    codes = [row["code"] for row in found]
    assert len(codes) == len(set(codes))
    assert set(codes) == {row["code"] for row in VISIBLE if meets(row, where)}
    assert max(sizes) <= limit


def test_records_come_masked_and_the_page_says_how_it_goes_on(gateway):
    reply = ask(gateway, {"street": "S01"}, limit=5, fields=["name", "street"])
    assert reply.json["data"] == [
        {"name": row["name"], "street": "S01"} for row in reply.json["data"]
    ]
    assert all(row["name"].startswith("王*") for row in reply.json["data"])
    assert reply.json["found"] == 5
    assert reply.json["capped"] is False
    assert isinstance(reply.json["next"], str)


@pytest.mark.parametrize(
    ("asked", "after"),
    [
        (Condition("street", (("eq", "S01"),)), None),
        (Condition("street", (("eq", "S01"),)), ["S01", "C00100"]),
        (Condition("born", (("ge", "1960-01-01"), ("lt", "1990-01-01"))), None),
        (Condition("born", (("ge", "1960-01-01"), ("lt", "1990-01-01"))), ["1970-01-01", "C1"]),
        (Condition("born", (("lt", "1990-01-01"),)), ["1970-01-01", "C00100"]),
        (Condition("code", (("gt", "C00100"),)), ["C00200", "C00200"]),
        (Condition("code", (("eq", "C00100"),)), None),
    ],
)
def test_every_page_seeks_its_place_in_an_index_and_sorts_nothing(city, asked, after):
    snapshot = open_current(city / "snapshots" / "residents")
    drive = conditions.drive(snapshot, [asked], ["name"], after)
    plan = snapshot.fetch(f"EXPLAIN QUERY PLAN {drive.statement}", (*drive.values, 10)).fetchall()
    steps = [row[3] for row in plan]
    assert len(steps) == 1
    assert steps[0].startswith("SEARCH data USING")
    if after is not None:  # the key is part of the seek: a long run of equal values is not re-read
        assert "key" in steps[0] or "code>" in steps[0] or "code)>" in steps[0], steps[0]
    snapshot.close()


def test_the_index_that_leaves_the_fewest_records_is_walked(city):
    snapshot = open_current(city / "snapshots" / "residents")
    street = Condition("street", (("eq", "S01"),))
    alive = Condition("alive", (("eq", True),))
    born = Condition("born", (("ge", "1960-01-01"),))
    code = Condition("code", (("eq", "C00001"),))
    for asked, walked in (
        ((alive, street), "street"),
        ((born, alive), "born"),
        ((street, code), "code"),
    ):
        statement = conditions.drive(snapshot, asked, ["name"], None).statement
        assert (f'"by_{walked}"' in statement) is (walked != "code")
    snapshot.close()


def test_one_call_walks_a_bounded_stretch_whatever_is_hidden(gateway, monkeypatch):
    monkeypatch.setattr(query, "WALK", 10)
    reply = ask(gateway, {"street": "S01", "age": {"ge": 1000}})
    assert reply.json["data"] == []
    assert reply.json["next"] is not None


def test_a_result_ends_at_its_limit_and_says_so(gateway, monkeypatch):
    monkeypatch.setattr(query, "MAX_RESULT", 25)
    _found, sizes = everything(gateway, {"born": {"ge": "1950-01-01"}}, limit=10)
    assert sizes == [10, 10, 5]
    last = ask(gateway, {"born": {"ge": "1950-01-01"}}, limit=25)
    assert (last.json["next"], last.json["capped"]) == (None, True)


def test_masked_ungranted_and_undeclared_columns_cannot_be_asked(gateway):
    for where in ({"name": "王1"}, {"area": "110101"}, {"phone": "13800000001"}, {"nope": 1}):
        assert refused(ask(gateway, where), 403, "not_queryable")
    assert refused(ask(gateway, {"street": "S01", "name": {"ge": "王"}}), 403, "not_queryable")
    shown = gateway.ask("/share/v1/residents").json["data"]
    assert shown["queryable"] == ["code", "street", "born", "age", "alive"]


def test_a_cursor_is_opaque_and_good_for_its_question_and_application_only(gateway):
    where = {"street": "S01"}
    cursor = ask(gateway, where, limit=5).json["next"]
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert b"C0" not in raw
    assert b"S01" not in raw
    assert ask(gateway, where, limit=7, after=cursor).status == 200
    assert refused(ask(gateway, {"street": "S02"}, after=cursor), 400, "bad_cursor")
    other = {"app": "app-2", "key_id": "k2"}
    assert refused(ask(gateway, where, after=cursor, signing=other), 400, "bad_cursor")
    for at in range(0, len(cursor), 5):
        changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        assert refused(ask(gateway, where, after=changed), 400, "bad_cursor")
    for bad in ("", "x", "=", "é", "a" * 9000, 7, ["a"]):
        assert refused(ask(gateway, where, after=bad), 400, "bad_cursor")


def test_the_record_names_each_record_that_left(tmp_path):
    with local(publish(tmp_path)) as gateway:
        codes = [row["code"] for row in ask(gateway, {"street": "S01"}, limit=5).json["data"]]
    (call,) = calls(tmp_path)
    assert (call.kind, call.asked, call.found, call.cost) == ("query", 5, 5, 5)
    assert call.records == tuple(hash_record_key(KEYS.record_key, code) for code in codes)
    log = next((tmp_path / "audit" / "w00").glob("0*.jsonl")).read_text()
    assert "S01" not in log


def test_the_quota_is_charged_what_was_answered_and_at_least_one(tmp_path):
    with local(publish(tmp_path, grant=replace(GRANT, per_day=20))) as gateway:
        few = ask(gateway, {"code": {"lt": "C00006"}}, limit=20).json["found"]
        assert 0 < few < 6
        assert ask(gateway, {"street": "none"}, limit=5).json["found"] == 0
        used = gateway.ask("/share/v1/residents").json["data"]["quota"]["used_today"]
        assert used == few + 1
        over = ask(gateway, {"street": "S01"}, limit=20)
        assert refused(over, 429, "quota_day")
        assert "20 条" in over.json["detail"]
        assert ask(gateway, {"street": "S01"}, limit=20 - used).status == 200
    (tmp_path / "state" / "limits.bin").unlink()
    with local(tmp_path) as again:
        assert refused(ask(again, {"street": "S01"}, limit=1), 429, "quota_day")


def test_a_snapshot_without_the_index_is_not_scanned_but_refused(tmp_path):
    with local(publish(tmp_path, queryable=("street",))) as gateway:
        assert ask(gateway, {"street": "S01"}).status == 200
        reply = ask(gateway, {"street": "S01", "age": 3})
        assert refused(reply, 503, "no_snapshot")
        assert "age" in reply.json["detail"]


def test_a_snapshot_of_an_older_build_still_answers_lookups(tmp_path):
    publish(tmp_path, grant=replace(GRANT, kinds=("lookup", "query")))
    (path,) = (tmp_path / "snapshots" / "residents").glob("*.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE indexes")
    connection.close()
    with local(tmp_path) as gateway:
        row = next(row for row in VISIBLE)
        assert gateway.ask(f"/share/v1/residents/{row['code']}").status == 200
        assert refused(ask(gateway, {"street": "S01"}), 503, "no_snapshot")


def test_an_unknown_column_to_index_stops_the_publication(tmp_path):
    with pytest.raises(SnapshotBuildError, match="查询条件字段"):
        publish(tmp_path, queryable=("nope",))


@pytest.mark.parametrize(
    "where",
    [
        {}, [], "street = 'S01'", {"street": None}, {"street": []}, {"street": {}},
        {"street": {"eq": "S01"}}, {"street": {"ne": "S01"}}, {"street": {"ge": "a", "gt": "b"}},
        {"street": {"ge": None}}, {"street": {"prefix": "S"}}, {"street": 7}, {"age": "3"},
        {"age": 2**70}, {"age": 1.5}, {"age": True}, {"alive": 1}, {"alive": {"ge": True}},
        {"born": "1990-1-1"}, {"born": "1990-01-01T00:00:00"}, {"born": "soon"}, {"born": "1990-02-30"},
        {"street": "\ud800"}, {"street": "x" * 1001},
    ],
)  # fmt: skip
def test_other_conditions_are_refused(gateway, where):
    assert refused(ask(gateway, where), 400, "bad_content")


@pytest.mark.parametrize("limit", [0, -1, 501, 1.5, "10", True, None])
def test_other_page_sizes_are_refused(gateway, limit):
    assert refused(ask(gateway, {"street": "S01"}, limit=limit), 400, "bad_content")


@pytest.mark.parametrize("text", ["' OR 1=1 --", '"; DROP TABLE data; --', "S01\0", "%", "*", "\\"])
def test_a_condition_is_a_value_and_never_a_piece_of_sql(gateway, text):
    reply = ask(gateway, {"street": text})
    assert (reply.status, reply.json["found"]) == (200, 0)
    assert refused(ask(gateway, {f'street" = "" OR "{text}': "x"}), 403, "not_queryable")


@given(
    st.dictionaries(
        st.sampled_from([*QUERYABLE, "x", ""]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(["ge", "lt", "gt", "le", "eq"]), inner, max_size=3
                )
            ),
            max_leaves=4,
        ),
        max_size=4,
    )
)
@settings(deadline=None, max_examples=150)
def test_no_condition_makes_the_gateway_fail(gateway, where):
    assert ask(gateway, where).status < 500


@given(st.lists(st.none() | st.integers() | st.text()), st.binary(), st.binary())
@settings(deadline=None)
def test_a_cursor_opens_for_its_context_only(position, context, other):
    cursor = cursors.seal(KEYS.cursor, context, position)
    assert cursors.open_sealed(KEYS.cursor, context, cursor) == position
    if other != context:
        with pytest.raises(cursors.CursorError):
            cursors.open_sealed(KEYS.cursor, other, cursor)

"""Snapshots that replace a table by comparison, append-only logs, and stamps that are no difference."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu_lake import (
    BadQuery,
    KeyMissing,
    Lake,
    SchemaMismatch,
    TooManyDeleted,
    merging,
    writing,
)
from chengshu_lake.tests.conftest import PEOPLE, rows_of
from chengshu_lake.tests.test_merge import BATCHES, ROWS, numbered, table_of

STAMPED = pa.schema([*ROWS, ("_batch", pa.string()), ("_row", pa.int64())])


@pytest.fixture
def tiny_files(monkeypatch):
    """Files of 100 rows, so that a few hundred rows take the paths of a large table."""
    monkeypatch.setattr(merging, "FILE_ROWS", 100)
    monkeypatch.setattr(merging, "SMALL_ROWS", 50)
    monkeypatch.setattr(writing, "FILE_ROWS", 100)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches=BATCHES)
def test_after_a_sync_the_table_is_the_snapshot(tmp_path_factory, batches):
    lake = Lake(tmp_path_factory.mktemp("lake"), memory_limit_mb=128, threads=1, reserve_mb=1)
    lake.create("std/rows", ROWS, key=["a", "b"])
    before: dict = {}
    for batch in batches:
        result = lake.sync("std/rows", table_of(batch))
        assert result.inserted == len(batch.keys() - before.keys())
        assert result.deleted == len(before.keys() - batch.keys())
        assert result.updated == sum(before[k] != batch[k] for k in batch.keys() & before.keys())
        found = {(r["a"], r["b"]): (r["v"], r["w"]) for r in rows_of(lake, "std/rows")}
        assert found == batch
        before = batch


@pytest.mark.usefixtures("tiny_files")
def test_a_sync_touches_only_files_that_differ(any_lake):
    any_lake.create("std/people", PEOPLE, key=["code"])
    any_lake.overwrite("std/people", numbered(range(1000), name="旧"))
    assert any_lake.stats("std/people").files == 10
    gone = {205, *range(700, 800)}
    result = any_lake.sync("std/people", numbered(sorted(set(range(1000)) - gone), name="旧"))
    assert (result.deleted, result.updated, result.unchanged) == (101, 0, 899)
    assert (result.files_removed, result.files_added) == (2, 1)
    assert any_lake.count("std/people") == 899


def test_a_sync_that_would_empty_the_table_is_refused_whole(people):
    people.overwrite("std/people", numbered(range(100)))
    for data in (numbered(range(70)), numbered([])):
        with pytest.raises(TooManyDeleted, match="消失") as refused:
            people.sync("std/people", data, max_lost=0.2)
        assert refused.value.rows == 100
        assert people.count("std/people") == 100
    assert people.sync("std/people", numbered(range(80)), max_lost=0.2).deleted == 20
    with pytest.raises(TooManyDeleted):
        people.overwrite("std/people", numbered(range(10)), max_lost=0.5)
    assert people.overwrite("std/people", numbered(range(10)), max_lost=1).deleted == 80


def test_a_repeated_sync_tells_what_the_first_one_did(people):
    people.overwrite("std/people", numbered(range(10)))
    first = people.sync("std/people", numbered(range(5)), commit_key="run-1")
    people.merge("std/people", numbered(range(20)))
    again = people.sync("std/people", numbered(range(5)), commit_key="run-1")
    assert again.replayed
    assert again.deleted == first.deleted == 5
    assert people.count("std/people") == 20


def test_a_table_without_key_cannot_be_compared(any_lake):
    any_lake.create("std/log", PEOPLE)
    with pytest.raises(KeyMissing, match="主键"):
        any_lake.sync("std/log", numbered([1]))


def test_a_log_leaves_known_rows_as_they_are(people):
    people.append("std/people", numbered(range(5), name="旧"))
    result = people.append("std/people", numbered(range(3, 8), name="新"), skip_known=True)
    assert (result.inserted, result.updated, result.unchanged) == (3, 0, 2)
    assert [r["name"] for r in rows_of(people, "std/people", order_by=["code"])] == (
        ["旧"] * 5 + ["新"] * 3
    )


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    readings=st.lists(
        st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([None, 1, 2])), max_size=8),
        max_size=4,
    )
)
def test_a_log_is_topped_up_to_the_fullest_reading(tmp_path_factory, readings):
    lake = Lake(tmp_path_factory.mktemp("lake"), memory_limit_mb=128, threads=1, reserve_mb=1)
    schema = pa.schema([("a", pa.string()), ("n", pa.int64()), ("_row", pa.int64())])
    lake.create("std/log", schema)
    model: Counter = Counter()
    for reading in readings:
        data = pa.Table.from_pylist(
            [{"a": a, "n": n, "_row": i} for i, (a, n) in enumerate(reading)], schema
        )
        came = Counter(reading)
        result = lake.top_up("std/log", data)
        assert result.inserted == (came - model).total()
        assert result.inserted + result.unchanged == len(reading)
        model |= came
        assert Counter((r["a"], r["n"]) for r in rows_of(lake, "std/log")) == model


def test_topping_up_looks_only_where_it_is_told_and_happens_once(any_lake):
    any_lake.create("std/log", pa.schema([("a", pa.string()), ("n", pa.int64())]))
    data = pa.table({"a": ["x", "y"], "n": [1, 5]})
    assert any_lake.top_up("std/log", data, commit_key="k").inserted == 2
    assert any_lake.top_up("std/log", data, commit_key="k").replayed
    again = any_lake.top_up("std/log", data, where='"n" >= ?', params=[5])
    assert (again.inserted, again.unchanged) == (1, 1)
    assert any_lake.top_up("std/log", data).inserted == 0
    with pytest.raises(BadQuery):
        any_lake.top_up("std/log", data, where="true) OR (SELECT true FROM x")


def test_a_table_with_key_is_not_topped_up(people):
    with pytest.raises(SchemaMismatch, match="主键"):
        people.top_up("std/people", numbered([1]))


def test_an_unchanged_row_keeps_its_first_stamp(any_lake):
    any_lake.create("std/rows", ROWS, key=["a", "b"])
    any_lake.merge("std/rows", table_of({("x", 1): ("1", None), ("x", 2): ("2", None)}))
    any_lake.evolve("std/rows", STAMPED)

    def stamped(rows, name):
        table = table_of(rows)
        numbers = pa.array(range(1, len(table) + 1), pa.int64())
        return table.append_column("_batch", pa.repeat(name, len(table))).append_column(
            "_row", numbers
        )

    first = stamped({("x", 1): ("1", None), ("x", 2): ("neu", None), ("x", 3): ("3", None)}, "b1")
    result = any_lake.merge("std/rows", first)
    assert (result.inserted, result.updated, result.unchanged) == (1, 1, 1)
    again = any_lake.sync("std/rows", first)
    assert (again.unchanged, again.files_added) == (3, 0)
    found = {r["b"]: (r["_batch"], r["_row"]) for r in rows_of(any_lake, "std/rows")}
    assert found == {1: (None, None), 2: ("b1", 2), 3: ("b1", 3)}

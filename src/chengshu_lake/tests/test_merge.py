import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu_lake import DuplicateKeys, KeyMissing, Lake, SchemaMismatch, merging, writing
from chengshu_lake.tests.conftest import PEOPLE, rows_of, some_people

ROWS = pa.schema([("a", pa.string()), ("b", pa.int64()), ("v", pa.string()), ("w", pa.float64())])
KEYS = st.tuples(st.sampled_from(["", "甲", "乙'", "z" * 40, "z" * 41]), st.integers(-2, 2))
VALUES = st.tuples(
    st.one_of(st.none(), st.text(max_size=3)),
    st.one_of(st.none(), st.sampled_from([0.0, 1.5, float("inf")])),
)
BATCHES = st.lists(st.dictionaries(KEYS, VALUES, max_size=12), min_size=1, max_size=5)


def table_of(rows: dict) -> pa.Table:
    return pa.Table.from_pylist(
        [{"a": a, "b": b, "v": v, "w": w} for (a, b), (v, w) in rows.items()], schema=ROWS
    )


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches=BATCHES)
def test_merges_behave_like_updates_of_a_dictionary(tmp_path_factory, batches):
    lake = Lake(tmp_path_factory.mktemp("lake"), memory_limit_mb=128, threads=1, reserve_mb=1)
    lake.create("std/rows", ROWS, key=["a", "b"])
    model: dict = {}
    for batch in batches:
        result = lake.merge("std/rows", table_of(batch))
        known = [key for key in batch if key in model]
        changed = [key for key in known if model[key] != batch[key]]
        assert result.inserted == len(batch) - len(known)
        assert result.updated == len(changed)
        assert result.unchanged == len(known) - len(changed)
        model.update(batch)
        assert lake.count("std/rows") == len(model)
    found = {(r["a"], r["b"]): (r["v"], r["w"]) for r in rows_of(lake, "std/rows")}
    assert found == model


@pytest.fixture
def tiny_files(monkeypatch):
    """Files of 100 rows, so that a few hundred rows take the paths of a large table."""
    monkeypatch.setattr(merging, "FILE_ROWS", 100)
    monkeypatch.setattr(merging, "SMALL_ROWS", 50)
    monkeypatch.setattr(writing, "FILE_ROWS", 100)


def numbered(numbers, **columns) -> pa.Table:
    return some_people([f"{n:06}" for n in numbers], **columns)


@pytest.mark.usefixtures("tiny_files")
def test_only_the_files_that_hold_changed_rows_are_written_anew(any_lake):
    any_lake.create("std/people", PEOPLE, key=["code"])
    any_lake.overwrite("std/people", numbered(range(0, 2000, 2), name="旧", age=1))
    assert any_lake.stats("std/people").files == 10
    batch = pa.concat_tables([numbered([10, 12, 401], name="新"), numbered([20], name="旧")])
    result = any_lake.merge("std/people", batch)
    assert (result.inserted, result.updated, result.unchanged) == (1, 2, 1)
    assert (result.files_removed, result.files_added) == (1, 2)
    assert any_lake.count("std/people") == 1001
    found = rows_of(any_lake, "std/people", where="name = '新'", order_by=["code"])
    assert [(row["code"], row["age"]) for row in found] == [
        ("000010", 1), ("000012", 1), ("000401", None),
    ]  # fmt: skip


@pytest.mark.usefixtures("tiny_files")
def test_rewritten_files_keep_the_key_order(people):
    people.overwrite("std/people", numbered(range(300), name="旧"))
    people.merge("std/people", numbered(range(0, 300, 7), name="新"))
    for file in people._snapshot("std/people").files:
        path = people._storage.local_copy("std/people", file.path, None)
        codes = pa.parquet.read_table(path, columns=["code"])["code"].to_pylist()
        assert codes == sorted(codes)
        assert (file.low["code"], file.high["code"]) == (codes[0], codes[-1])


@pytest.mark.usefixtures("tiny_files")
def test_small_files_are_folded_before_they_become_many(people):
    for n in range(20):
        people.merge("std/people", numbered(range(n * 10, n * 10 + 10)))
    assert people.count("std/people") == 200
    assert people.stats("std/people").files <= merging.MAX_SMALL_FILES + 3


def test_an_unchanged_redelivery_writes_no_file_and_makes_no_version(people):
    people.merge("std/people", numbered(range(500), name="甲"))
    before = people.stats("std/people")
    result = people.merge("std/people", numbered(range(500), name="甲"))
    assert (result.inserted, result.updated, result.unchanged) == (0, 0, 500)
    assert people.stats("std/people") == before


def test_columns_the_batch_lacks_keep_their_values(people):
    people.merge("std/people", numbered([1], name="甲", age=30))
    people.merge("std/people", numbered([1, 2], age=31))
    found = rows_of(people, "std/people", columns=["name", "age"], order_by=["code"])
    assert found == [{"name": "甲", "age": 31}, {"name": None, "age": 31}]


@pytest.mark.parametrize("operation", ["merge", "append", "overwrite"])
def test_a_key_twice_in_the_input_is_refused_and_nothing_is_written(people, operation):
    people.merge("std/people", numbered([1], name="甲"))
    before = people.stats("std/people")
    with pytest.raises(DuplicateKeys, match="1 个主键重复"):
        getattr(people, operation)("std/people", numbered([5, 6, 5]))
    assert people.stats("std/people") == before


def test_append_to_a_table_with_a_key_refuses_known_keys(people):
    people.append("std/people", numbered([1, 2]))
    with pytest.raises(DuplicateKeys, match="已经存在"):
        people.append("std/people", numbered([2, 3]))
    people.append("std/people", numbered([3]))
    assert people.count("std/people") == 3


def test_append_without_a_key_keeps_every_row_and_merge_is_refused(any_lake):
    any_lake.create("raw/people", PEOPLE)
    for _ in range(2):
        any_lake.append("raw/people", numbered([1, 1]))
    assert any_lake.count("raw/people") == 4
    with pytest.raises(KeyMissing):
        any_lake.merge("raw/people", numbered([1]))


def test_overwrite_replaces_all_rows_and_the_old_version_stays_readable(any_lake):
    any_lake.create("std/people", PEOPLE, key=["code"])
    any_lake.overwrite("std/people", numbered(range(10), name="旧"))
    result = any_lake.overwrite("std/people", numbered(range(3), name="新"))
    assert (result.inserted, any_lake.count("std/people")) == (3, 3)
    assert len(rows_of(any_lake, "std/people", as_of=result.version - 1)) == 10
    any_lake.overwrite("std/people", iter([]))
    assert any_lake.count("std/people") == 0


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (pa.table({"code": [330383199001010010]}), "以文本提供"),
        (pa.table({"code": ["1"], "age": ["12"]}), "age"),
        (pa.table({"code": ["1"], "unknown": ["x"]}), "unknown"),
        (pa.table({"name": ["甲"]}), "必填列“code”"),
        (pa.table({"code": ["1", None]}), "空值"),
        (pa.table({"code": ["1"], "age": pa.array([2**40], pa.int64())}), "int32"),
        (pa.table({"code": ["1"], "seen": pa.array([0], pa.timestamp("us"))}), "seen"),
    ],
)
def test_data_of_another_shape_is_refused_and_nothing_is_written(people, data, complaint):
    people.merge("std/people", numbered([1]))
    with pytest.raises(SchemaMismatch, match=complaint):
        people.merge("std/people", data)
    assert people.count("std/people") == 1
    assert people.version("std/people") == 1


def test_a_failing_source_leaves_nothing_behind(people, tmp_path):
    def broken():
        yield from numbered(range(10)).to_batches()
        raise RuntimeError("源库断开")

    people.create("raw/people", PEOPLE)
    for table in ("std/people", "raw/people"):
        with pytest.raises(Exception, match="源库断开"):
            people.append(table, broken())
        assert people.count(table) == 0
        assert not list((tmp_path / "lake" / table).glob("*.parquet"))
    assert not list((tmp_path / "lake" / "_tmp").iterdir())


def test_streams_and_dictionary_columns_are_taken(people):
    batches = numbered(range(100), name="甲").to_batches(max_chunksize=7)
    people.merge("std/people", iter(batches))
    coded = pa.table({"code": pa.array(["900001"]).dictionary_encode(), "age": [7]})
    people.merge("std/people", coded.to_reader())
    assert people.count("std/people") == 101


def in_batches(numbers, size=40):
    """The rows in batches, in the order given."""
    return iter(numbered(numbers, name="甲").to_batches(max_chunksize=size))


@pytest.mark.parametrize(
    "numbers",
    [
        range(200),
        [*range(120), *range(199, 119, -1)],
        [5, *range(6, 200), *range(5)],
        [1],
        [],
    ],
    ids=["in order", "order breaks later", "last batch belongs first", "one row", "nothing"],
)
@pytest.mark.parametrize("operation", ["merge", "append"])
def test_the_first_rows_of_a_table_may_come_in_any_order(any_lake, tmp_path, numbers, operation):
    any_lake.create("std/people", PEOPLE, key=["code"])
    data = in_batches(numbers) if numbers else numbered([])
    result = getattr(any_lake, operation)("std/people", data)
    assert (result.inserted, result.updated) == (len(numbers), 0)
    found = rows_of(any_lake, "std/people", columns=["code", "name"])
    assert found == [{"code": f"{n:06}", "name": "甲"} for n in sorted(numbers)]
    on_disk = list((tmp_path / "lake/std/people").glob("*.parquet"))
    assert len(on_disk) == any_lake.stats("std/people").files <= 1


@pytest.mark.parametrize("numbers", [[*range(100), 99, *range(100, 150)], [*range(100), 3], [7, 7]])
def test_a_repeated_key_is_found_although_the_rows_before_it_were_in_order(
    people, tmp_path, numbers
):
    with pytest.raises(DuplicateKeys, match="1 个主键重复"):
        people.merge("std/people", in_batches(numbers))
    assert people.count("std/people") == 0
    assert not list((tmp_path / "lake/std/people").glob("*.parquet"))


@pytest.mark.parametrize("operation", ["merge", "append"])
def test_first_rows_that_come_second_are_merged(people, tmp_path, monkeypatch, operation):
    """Another writer fills the empty table after our rows were written and before their commit."""
    honest = writing.Writer._commit_first
    other = Lake(tmp_path / "lake", reserve_mb=1)

    def late(self, *args, **how):
        monkeypatch.setattr(writing.Writer, "_commit_first", honest)
        other.merge("std/people", numbered([1, 500], name="先"))
        return honest(self, *args, **how)

    monkeypatch.setattr(writing.Writer, "_commit_first", late)
    if operation == "append":
        with pytest.raises(DuplicateKeys, match="1 个主键"):
            people.append("std/people", in_batches(range(100)))
        assert people.count("std/people") == 2
    else:
        result = people.merge("std/people", in_batches(range(100)))
        assert (result.inserted, result.updated) == (99, 1)
        assert people.count("std/people") == 101
    on_disk = list((tmp_path / "lake/std/people").glob("*.parquet"))
    assert {f.path for f in people._snapshot("std/people").files} <= {f.name for f in on_disk}
    assert len(on_disk) <= 2

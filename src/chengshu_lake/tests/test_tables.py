from datetime import date

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from chengshu_lake import (
    BadTableName,
    Lake,
    SchemaMismatch,
    TableExists,
    TableMissing,
    UnsupportedTable,
)
from chengshu_lake.tests.conftest import PEOPLE, rows_of, some_people


def test_a_new_table_is_empty_and_known_with_its_key(any_lake):
    any_lake.create("std/people", PEOPLE, key=["code"], description="人口")
    assert any_lake.exists("std/people")
    assert not any_lake.exists("std/animals")
    assert any_lake.tables() == ["std/people"]
    assert any_lake.tables("raw") == []
    assert any_lake.key("std/people") == ("code",)
    assert any_lake.count("std/people") == 0
    assert rows_of(any_lake, "std/people") == []
    assert not any_lake.schema("std/people").field("code").nullable
    assert any_lake.schema("std/people").field("born").type == pa.date32()


def test_a_taken_name_is_refused_and_the_table_stays(people):
    people.merge("std/people", some_people(["1"]))
    with pytest.raises(TableExists, match="已存在"):
        people.create("std/people", pa.schema([("other", pa.string())]))
    assert people.count("std/people") == 1


@pytest.mark.parametrize(
    "name",
    ["people", "std/", "std/../raw", "std/a/b", "/std/a", "std/A", "std/人口", "other/a", "std/a\n",
     "std/.hidden", "std/_x"],
)  # fmt: skip
def test_names_that_are_no_zone_and_name_are_refused(lake, name):
    with pytest.raises(BadTableName):
        lake.create(name, PEOPLE)
    with pytest.raises(BadTableName):
        lake.read(name)


def test_a_dropped_table_is_gone_and_its_name_is_free(any_lake):
    any_lake.create("std/people", PEOPLE, key=["code"])
    any_lake.merge("std/people", some_people(["1"]))
    any_lake.drop("std/people")
    assert any_lake.tables() == []
    with pytest.raises(TableMissing, match="没有表"):
        any_lake.count("std/people")
    any_lake.create("std/people", PEOPLE, key=["code"])
    assert any_lake.count("std/people") == 0


@pytest.mark.parametrize(
    ("schema", "key"),
    [
        (pa.schema([]), ()),
        (pa.schema([("a", pa.string()), ("A", pa.string())]), ()),
        (pa.schema([("a", pa.list_(pa.string()))]), ()),
        (pa.schema([("a", pa.string())]), ("b",)),
        (pa.schema([("a", pa.float64())]), ("a",)),
    ],
)
def test_a_schema_the_lake_cannot_keep_is_refused(lake, schema, key):
    with pytest.raises(SchemaMismatch):
        lake.create("std/odd", schema, key=key)
    assert lake.tables() == []


def test_new_nullable_columns_are_empty_in_old_rows_and_old_versions_keep_their_columns(any_lake):
    any_lake.create("std/people", PEOPLE, key=["code"])
    any_lake.merge("std/people", some_people(["1", "2"], name="甲"))
    before = any_lake.version("std/people")
    wider = PEOPLE.append(pa.field("phone", pa.string()))
    assert any_lake.evolve("std/people", wider) == before + 1
    assert [row["phone"] for row in rows_of(any_lake, "std/people")] == [None, None]
    extra = pa.table({"code": ["2", "3"], "phone": ["138", "139"]})
    result = any_lake.merge("std/people", extra)
    assert (result.inserted, result.updated) == (1, 1)
    found = rows_of(any_lake, "std/people", columns=["code", "name", "phone"])
    assert found == [
        {"code": "1", "name": "甲", "phone": None},
        {"code": "2", "name": "甲", "phone": "138"},
        {"code": "3", "name": None, "phone": "139"},
    ]
    assert "phone" not in any_lake.schema("std/people", as_of=before).names
    assert any_lake.evolve("std/people", wider) == before + 2  # nothing new: no further version


@pytest.mark.parametrize(
    "wanted",
    [
        pa.schema([("code", pa.string())]),
        pa.schema([*PEOPLE, pa.field("must", pa.string(), nullable=False)]),
        pa.schema([*PEOPLE, pa.field("NAME", pa.string())]),
        pa.schema([f if f.name != "age" else pa.field("age", pa.int64()) for f in PEOPLE]),
    ],
)
def test_only_additive_nullable_changes_of_the_schema_pass(people, wanted):
    with pytest.raises(SchemaMismatch):
        people.evolve("std/people", wanted)
    assert people.version("std/people") == 0


@pytest.mark.parametrize(
    "settings",
    [{"delta.enableDeletionVectors": "true"}, {"delta.columnMapping.mode": "name"}],
)
def test_a_table_that_asks_for_an_unread_feature_is_refused_not_misread(tmp_path, settings):
    lake = Lake(tmp_path)
    try:
        DeltaTable.create(str(tmp_path / "std" / "foreign"), PEOPLE, configuration=settings)
    except Exception as error:  # noqa: BLE001 - delta-rs may not write it; then the log is edited
        pytest.fail(str(error))
    with pytest.raises(UnsupportedTable, match="不支持"):
        lake.read("std/foreign")
    with pytest.raises(UnsupportedTable):
        lake.append("std/foreign", some_people(["1"]))


def test_a_partitioned_table_is_refused(tmp_path):
    write_deltalake(
        str(tmp_path / "std" / "foreign"), some_people(["1"], name="甲"), partition_by=["name"]
    )
    with pytest.raises(UnsupportedTable, match="partitionColumns"):
        Lake(tmp_path).read("std/foreign")


def test_append_only_tables_are_readable_but_not_writable(tmp_path):
    where = str(tmp_path / "std" / "foreign")
    write_deltalake(where, some_people(["1"]), configuration={"delta.appendOnly": "true"})
    lake = Lake(tmp_path)
    assert lake.count("std/foreign") == 1
    with pytest.raises(UnsupportedTable, match="拒绝写入"):
        lake.overwrite("std/foreign", some_people(["2"]))


def test_delta_rs_reads_what_we_write_and_we_read_what_it_writes(tmp_path):
    lake = Lake(tmp_path)
    lake.create("std/people", PEOPLE, key=["code"])
    ours = some_people(["1", "2"], name="甲", age=3, born=date(2020, 1, 2))
    lake.merge("std/people", ours)
    path = str(tmp_path / "std" / "people")
    assert DeltaTable(path).to_pyarrow_table(columns=["code", "born"]).num_rows == 2
    full = ours.append_column("seen", pa.nulls(2, PEOPLE.field("seen").type)).append_column(
        "score", pa.nulls(2, PEOPLE.field("score").type)
    )
    theirs = full.set_column(0, PEOPLE.field("code").with_nullable(False), pa.array(["3", "4"]))
    write_deltalake(path, theirs, mode="append")
    assert lake.count("std/people") == 4
    result = lake.merge("std/people", some_people(["3"], name="丙"))
    assert (result.inserted, result.updated) == (0, 1)
    assert [row["name"] for row in rows_of(lake, "std/people", order_by=["code"])] == [
        "甲", "甲", "丙", "甲",
    ]  # fmt: skip

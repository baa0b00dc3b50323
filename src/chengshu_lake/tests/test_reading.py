from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from chengshu_lake import BadQuery, KeyMissing, SchemaMismatch, TableAt, VersionMissing
from chengshu_lake.tests.conftest import PEOPLE, rows_of, some_people

MORNING = datetime(2024, 5, 1, 0, 30, tzinfo=UTC)


@pytest.fixture
def town(any_lake):
    any_lake.create("std/people", PEOPLE, key=["code"])
    for n, name in enumerate(["甲", "乙", "丙"]):
        rows = some_people([f"{n}{i}" for i in range(10)], name=name, age=n, seen=MORNING)
        any_lake.merge("std/people", rows)
    return any_lake


def test_read_filters_orders_limits_and_chooses_columns(town):
    found = rows_of(
        town,
        "std/people",
        columns=["code", "age"],
        where="name = ? OR code = ?",
        params=["丙", "00"],
        order_by=["age desc", "code"],
        limit=3,
    )
    assert found == [{"code": c, "age": 2} for c in ("20", "21", "22")]


def test_values_come_back_as_they_went_in(lake):
    lake.create("std/people", PEOPLE, key=["code"])
    row = {
        "code": "330383199001010019",
        "name": "欧阳'\"",
        "age": -1,
        "born": datetime(1949, 10, 1, tzinfo=UTC).date(),
        "seen": datetime(2024, 5, 1, 8, 30, 0, 123456, tzinfo=UTC),
        "score": Decimal("-0.05"),
    }
    lake.append("std/people", pa.Table.from_pylist([row], schema=PEOPLE))
    assert rows_of(lake, "std/people") == [row]
    assert lake.read("std/people").schema.field("seen").type == pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    "how",
    [
        {"columns": ["nobody"]},
        {"order_by": ["code; DROP TABLE t"]},
        {"where": "nobody = 1"},
        {"where": "1 = 1) UNION SELECT * FROM (VALUES (1)"},
        {"where": "1 = 1 ORDER BY 1"},
        {"where": "code IN (SELECT content FROM read_text('/etc/passwd'))"},
        {"where": "1 = 1); DROP VIEW t; --"},
        {"where": "name = ?"},
    ],
)
def test_conditions_that_are_more_than_a_condition_are_refused(people, how):
    with pytest.raises(BadQuery):
        people.read("std/people", **how)


def test_old_versions_and_moments_are_readable_until_vacuum_takes_them(people, tmp_path):
    for n in range(3):
        people.overwrite("std/people", some_people([str(n)] * 1, age=n))
    moments = {entry.version: entry.at for entry in people.history("std/people")}
    assert [rows_of(people, "std/people", as_of=v)[0]["age"] for v in (1, 2, 3)] == [0, 1, 2]
    assert people.as_of("std/people", moments[2]) == 2
    assert rows_of(people, "std/people", as_of=moments[2])[0]["age"] == 1
    assert people.count("std/people", as_of=0) == 0
    for wrong in (99, -1, moments[0] - timedelta(days=1), moments[2].replace(tzinfo=None)):
        with pytest.raises(VersionMissing):
            people.read("std/people", as_of=wrong)
    planned = people.vacuum("std/people", keep_hours=0, dry_run=True)
    assert len(planned) == 2
    assert len(rows_of(people, "std/people", as_of=1)) == 1
    people.vacuum("std/people", keep_hours=0)
    with pytest.raises(VersionMissing, match="已被清理"):
        people.read("std/people", as_of=1)
    assert rows_of(people, "std/people")[0]["age"] == 2
    assert len(list((tmp_path / "lake/std/people").glob("*.parquet"))) == 1


def test_a_reader_keeps_its_version_while_others_write(people):
    people.merge("std/people", some_people(map(str, range(1000)), age=1))
    reader = people.read("std/people")
    people.merge("std/people", some_people(map(str, range(2000)), age=2))
    ages = reader.read_all()["age"].to_pylist()
    assert ages == [1] * 1000


def test_lookup_finds_keys_and_opens_only_files_that_may_hold_them(town):
    found = town.lookup("std/people", ["25", "03", "nobody"], columns=["code", "name"])
    assert found.to_pylist() == [{"code": "03", "name": "甲"}, {"code": "25", "name": "丙"}]
    assert town.lookup("std/people", []).num_rows == 0
    with pytest.raises(KeyMissing):
        town.lookup("std/people", [("03", "x")])
    with pytest.raises(SchemaMismatch):
        town.lookup("std/people", [3])


def test_compact_makes_one_sorted_file_and_changes_no_row(town):
    before = rows_of(town, "std/people", order_by=["code"])
    assert town.stats("std/people").files == 3
    result = town.compact("std/people")
    assert (result.files_before, result.files_after) == (3, 1)
    assert rows_of(town, "std/people", order_by=["code"]) == before
    assert town.compact("std/people").files_after == 1
    assert town.history("std/people", limit=1)[0].operation == "compact"


def test_sql_joins_tables_and_versions(town):
    town.create("ops/marks", pa.schema([("code", pa.string()), ("mark", pa.int64())]))
    town.append("ops/marks", pa.table({"code": ["00", "10"], "mark": [5, 6]}))
    found = town.sql(
        "WITH m AS (SELECT * FROM marks WHERE mark > ?) "
        "SELECT p.name, m.mark, (SELECT count(*) FROM past) AS before FROM p JOIN m USING (code)",
        tables={"p": "std/people", "marks": "ops/marks", "past": TableAt("std/people", 1)},
        params=[5],
    )
    assert found.read_all().to_pylist() == [{"name": "乙", "mark": 6, "before": 10}]

"""What strangers ask of the open zone: answered within limits, never as SQL of their own."""

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from chengshu.data.opening import reading
from chengshu.data.opening.reading import MAX_LIMIT, OpenTable, Question
from chengshu.data.opening.tests.cast import ITEMS, SCHEMA, rows
from chengshu.kernel.errors import InvalidInput, Unavailable
from chengshu_lake import Lake


@pytest.fixture(scope="module")
def lake_root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with one open table of 60 facilities."""
    root = str(tmp_path_factory.mktemp("lake"))
    lake = Lake(root)
    lake.create("open/facility", pa.schema(SCHEMA))
    lake.append("open/facility", pa.Table.from_pylist(rows(60), schema=SCHEMA))
    return root


@pytest.fixture(params=[False, True], ids=["without key", "by key"])
def table(lake_root: str, settings, request) -> OpenTable:
    """The table as releases describe it; a page is found in another way where a key is known."""
    settings.LAKE_ROOT = lake_root
    columns = [
        {"name": item.name, "title": item.title, "type": item.type,
         "row_key": request.param and item.name == "facility_no"}
        for item in ITEMS
    ]  # fmt: skip
    return OpenTable("open/facility", 1, 60, columns)


def ask(table: OpenTable, *conditions: tuple[str, str], **more) -> reading.Answer:
    return table.ask(Question(conditions=[table.condition(n, v) for n, v in conditions], **more))


def test_filters_sorts_and_pages_on_the_server(table: OpenTable) -> None:
    answer = ask(table, ("is_free", "true"), ("seats__gte", "4"), sort="-seats", limit=3, offset=1)
    wanted = sorted((i % 7 for i in range(60) if i % 2 == 0 and i % 5 and i % 7 >= 4), reverse=True)
    assert [r["seats"] for r in answer.rows] == wanted[1:4]
    assert answer.total == len(wanted)


def test_pages_cover_every_row_once_although_the_sorted_values_are_equal(table: OpenTable) -> None:
    seen = [
        row["facility_no"]
        for start in range(0, 60, 13)
        for row in ask(table, sort="kind", limit=13, offset=start).rows
    ]
    assert sorted(seen) == [f"BM{i:05}" for i in range(60)]


def test_the_total_is_told_beyond_the_last_page_and_without_rows(table: OpenTable) -> None:
    for more in ({"offset": 50}, {"limit": 0}):
        answer = ask(table, ("kind", "01"), **more)
        assert (answer.rows, answer.total) == ([], 20)


def test_empty_values_come_last_in_both_directions(table: OpenTable) -> None:
    for sort in ("seats", "-seats"):
        assert [r["seats"] for r in ask(table, sort=sort, limit=60).rows][-12:] == [None] * 12


def test_words_are_looked_for_in_every_text_field(table: OpenTable) -> None:
    assert ask(table, words="设施17号").total == 1
    assert ask(table, words="bm00017 设施").total == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("opened_on", "2021-05-01"), ("checked_at__lte", "2026-03-01T12:30:00+08:00"),
     ("longitude__gt", "120.5585"), ("facility_name__prefix", "便民设施5"), ("kind", "01")],
)  # fmt: skip
def test_every_type_can_be_compared(table: OpenTable, name: str, value: str) -> None:
    wanted = {
        "opened_on": 15,
        "checked_at__lte": 1,
        "longitude__gt": 1,
        "facility_name__prefix": 11,
        "kind": 20,
    }
    assert ask(table, (name, value)).total == wanted[name]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("nowhere", "1", "没有“nowhere”这个字段"),
        ('facility_no"; DROP TABLE t; --', "1", "这个字段"),
        ("1=1", "1", "这个字段"),
        ("seats", "1 OR 1=1", "整数"),
        ("seats", "9" * 30, "整数"),
        ("longitude", "NaN", "小数"),
        ("opened_on", "2026-13-01", "日期"),
        ("is_free", "maybe", "true 或 false"),
        ("seats__contains", "1", "不支持"),
        ("facility_no__regex", "1", "不支持"),
        ("facility_no", "x" * 201, "太长"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    table: OpenTable, name: str, value: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        ask(table, (name, value))


ATTACKS = (
    "' OR '1'='1", "'; DROP TABLE t; --", '") OR 1=1 --', "1); COPY t TO '/tmp/x'", "%", "_", "\\", "\x00",
    "' UNION SELECT * FROM read_csv('/etc/passwd')--", "$1", "?", "{{7*7}}",
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_injection_finds_nothing_and_breaks_nothing(table: OpenTable, attack: str) -> None:
    assert ask(table, ("facility_name", attack)).total == 0
    assert ask(table, ("facility_name__contains", attack)).total == 0
    assert ask(table, words=attack).total == (60 if not attack.split() else 0)
    with pytest.raises(InvalidInput):
        ask(table, sort=attack)


@examples(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_is_data_never_a_query(table: OpenTable, text: str) -> None:
    assert ask(table, ("facility_no", text)).total == (text in {f"BM{i:05}" for i in range(60)})


@pytest.mark.parametrize(
    "more", [{"limit": MAX_LIMIT + 1}, {"limit": -1}, {"offset": 100_001}, {"words": "x" * 201}]
)
def test_limits_are_told(table: OpenTable, more: dict) -> None:
    with pytest.raises(InvalidInput, match="限制"):
        ask(table, **more)


def test_too_many_at_once_are_asked_to_come_back(table: OpenTable, monkeypatch) -> None:
    monkeypatch.setattr(reading, "_WAIT_SECONDS", 0.01)
    slots = [reading._SLOTS.acquire(blocking=False) for _ in range(4)]
    try:
        with pytest.raises(Unavailable, match="人太多"):
            ask(table)
    finally:
        for _ in slots:
            reading._SLOTS.release()

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu.data.lineage import openlineage
from chengshu.data.lineage.graph import Edge, Graph, Node, NodeKind, column
from chengshu.data.lineage.layout import GAP_Y, WIDTH, Box, arrange
from chengshu.data.lineage.sql_models import column_lineage, model_edges
from chengshu.kernel.errors import InvalidInput

SOURCE = Node("source:1:persons", NodeKind.SOURCE, "persons", name="persons")
LAKE = Node("std:person", NodeKind.LAKE, "人员", name="person")
SHARED = Node("interface:by-id", NodeKind.INTERFACE, "按证件查询", name="by-id")
APP = Node("application:grid", NodeKind.APPLICATION, "网格通", name="grid")
OPEN = Node("dataset:persons", NodeKind.DATASET, "人员统计", name="persons")


@pytest.fixture
def graph():
    return Graph.of(
        [
            Edge(SOURCE, LAKE),
            Edge(column(SOURCE, "sfz"), column(LAKE, "id_number", "身份证号")),
            Edge(column(SOURCE, "sq"), column(LAKE, "community", "社区")),
            Edge(LAKE, SHARED),
            Edge(column(LAKE, "id_number"), column(SHARED, "id_number", "身份证号")),
            Edge(SHARED, APP),
            Edge(column(SHARED, "id_number"), column(APP, "by-id.id_number"), "脱敏：证件号码"),
            Edge(LAKE, OPEN),
            Edge(column(LAKE, "community"), column(OPEN, "community", "社区")),
        ]
    )


def test_impact_follows_one_field_and_not_its_neighbours(graph):
    assert set(graph.downstream("std:person.id_number")) == {
        "interface:by-id.id_number", "application:grid.by-id.id_number",
    }  # fmt: skip
    assert set(graph.downstream("std:person.community")) == {"dataset:persons.community"}


def test_provenance_leads_back_to_the_source_column_with_its_distance(graph):
    assert graph.upstream("application:grid.by-id.id_number") == {
        "interface:by-id.id_number": 1, "std:person.id_number": 2, "source:1:persons.sfz": 3,
    }  # fmt: skip


def test_a_table_stands_for_all_of_its_columns(graph):
    assert "dataset:persons.community" in graph.downstream("std:person")
    assert "application:grid.by-id.id_number" in graph.downstream("std:person")


def test_tables_are_joined_once_and_count_their_fields(graph):
    tables = graph.tables()
    assert tables.down["source:1:persons"] == {"std:person": "2 个字段"}
    assert not any(node.table for node in tables.nodes.values())


def test_a_circle_ends():
    loop = Graph.of([Edge(LAKE, OPEN), Edge(OPEN, LAKE)])
    assert set(loop.downstream(LAKE.key)) == {OPEN.key}
    drawn = arrange([Box(LAKE.key), Box(OPEN.key)], [(LAKE.key, OPEN.key), (OPEN.key, LAKE.key)])
    assert len(drawn.boxes) == 2


PAIRS = [(a, b) for a in range(9) for b in range(a + 1, 9)]


@given(
    st.lists(st.sampled_from(PAIRS), max_size=16, unique=True),
    st.lists(st.integers(0, 5), min_size=9, max_size=9),
)
@settings(deadline=None, max_examples=40)
def test_boxes_never_overlap_and_edges_run_to_the_right(edges, rows):
    boxes = [Box(f"t{n}", tuple(f"t{n}.{r}" for r in range(count))) for n, count in enumerate(rows)]
    drawn = arrange(boxes, [(f"t{a}", f"t{b}") for a, b in edges])
    placed = list(drawn.boxes.values())
    for i, one in enumerate(placed):
        assert one.x + WIDTH <= drawn.width
        assert one.y + one.box.height <= drawn.height
        for other in placed[i + 1 :]:
            apart = one.y + one.box.height + GAP_Y <= other.y or (
                other.y + other.box.height + GAP_Y <= one.y
            )
            assert one.x != other.x or apart
    for a, b in edges:
        assert drawn.boxes[f"t{a}"].x < drawn.boxes[f"t{b}"].x
    assert drawn == arrange(boxes, [(f"t{a}", f"t{b}") for a, b in edges])


SCHEMA = {"person": ["id_number", "name", "born_on"], "pension": ["id_number", "amount", "month"]}


PAID_BY_NAME = """
WITH paid AS (SELECT id_number, sum(amount) AS total FROM pension GROUP BY 1)
SELECT p.name, paid.total FROM person p JOIN paid ON p.id_number = paid.id_number
"""


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT name AS who FROM person", {"who": {("person", "name")}}),
        ("SELECT * FROM pension", {c: {("pension", c)} for c in SCHEMA["pension"]}),
        (
            PAID_BY_NAME,
            {"name": {("person", "name")}, "total": {("pension", "amount")}},
        ),
        (
            "SELECT id_number AS i FROM person UNION ALL SELECT id_number FROM pension",
            {"i": {("person", "id_number"), ("pension", "id_number")}},
        ),
        (
            "SELECT concat(name, month) AS label, 1 AS one FROM person JOIN pension USING (id_number)",
            {"label": {("person", "name"), ("pension", "month")}, "one": set()},
        ),
        (
            "SELECT row_number() OVER (PARTITION BY id_number ORDER BY month) AS n FROM pension",
            {"n": {("pension", "id_number"), ("pension", "month")}},
        ),
    ],
)
def test_the_columns_of_a_model_are_traced_through_sql(sql, expected):
    assert column_lineage(sql, SCHEMA) == expected


@pytest.mark.parametrize(
    "sql", ["DELETE FROM person", "SELECT", "SELECT shoe_size FROM person", "SELECT 1; SELECT 2"]
)
def test_what_is_not_one_readable_query_is_refused(sql):
    with pytest.raises(InvalidInput):
        column_lineage(sql, SCHEMA)


def test_a_model_becomes_part_of_the_graph():
    model = Node("model:elders", NodeKind.MODEL, "老年人", name="elders")
    edges = model_edges(
        "SELECT id_number, date_part('year', born_on) AS year FROM person",
        target=model, sources={"person": LAKE}, schema=SCHEMA,
    )  # fmt: skip
    assert set(Graph.of(edges).upstream("model:elders.year")) == {"std:person.born_on"}


def test_openlineage_events_carry_schema_and_column_lineage(graph):
    moment = datetime(2026, 11, 23, 20, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    events = openlineage.events(graph, at=moment)
    assert {e["job"]["name"] for e in events} == {
        "lake:person", "interface:by-id", "application:grid", "dataset:persons",
    }  # fmt: skip
    for event in events:
        assert event.keys() >= {"eventTime", "producer", "schemaURL", "job", "inputs", "outputs"}
        for dataset in event["inputs"] + event["outputs"]:
            assert dataset["namespace"]
            assert dataset["name"]
            for facet in dataset["facets"].values():
                assert facet.keys() >= {"_producer", "_schemaURL"}
    app = next(e for e in events if e["job"]["name"] == "application:grid")
    (made,) = app["outputs"][0]["facets"]["columnLineage"]["fields"].values()
    (field,) = made["inputFields"]
    assert (field["name"], field["field"]) == ("interface:by-id", "id_number")
    assert field["transformations"][0]["masking"]

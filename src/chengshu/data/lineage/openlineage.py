"""The graph as OpenLineage events (openlineage.io, spec 2-0-2): one JobEvent per table that data flows into."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from chengshu.data.lineage.graph import Graph, Node

NAMESPACE = "chengshu"
PRODUCER = "urn:chengshu:data:lineage"
EVENT_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"
_SCHEMA_FACET = (
    "https://openlineage.io/spec/facets/1-1-1/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
)
_COLUMN_FACET = (
    "https://openlineage.io/spec/facets/1-0-1/ColumnLineageDatasetFacet.json"
    "#/$defs/ColumnLineageDatasetFacet"
)


def events(graph: Graph, *, at: datetime) -> list[dict[str, Any]]:
    """One JobEvent per table with inputs; ``at`` is the moment the graph was read (with its zone)."""
    tables = graph.tables()
    columns: dict[str, list[Node]] = {}
    for node in graph.nodes.values():
        if node.table:
            columns.setdefault(node.table, []).append(node)
    return [
        {
            "eventTime": at.isoformat(),
            "producer": PRODUCER,
            "schemaURL": EVENT_SCHEMA,
            "job": {"namespace": NAMESPACE, "name": f"{node.kind}:{node.name or key}"},
            "inputs": [
                _dataset(tables.nodes[source], columns.get(source, ()))
                for source in sorted(tables.up[key])
            ],
            "outputs": [_dataset(node, columns.get(key, ()), graph)],
        }
        for key, node in tables.nodes.items()
        if key in tables.up
    ]


def _dataset(node: Node, columns: Iterable[Node], graph: Graph | None = None) -> dict[str, Any]:
    fields = [{"name": c.name, "description": c.title} for c in columns]
    facets: dict[str, Any] = {}
    if fields:
        facets["schema"] = {
            "_producer": PRODUCER, "_schemaURL": _SCHEMA_FACET, "fields": fields
        }  # fmt: skip
    if graph is not None and (made := _column_lineage(columns, graph)):
        facets["columnLineage"] = {
            "_producer": PRODUCER, "_schemaURL": _COLUMN_FACET, "fields": made
        }  # fmt: skip
    return {"namespace": _namespace(node), "name": node.key, "facets": facets}


def _namespace(node: Node) -> str:
    return f"{NAMESPACE}/{node.kind}"


def _column_lineage(columns: Iterable[Node], graph: Graph) -> dict[str, Any]:
    made = {}
    for column in columns:
        inputs = []
        for key, how in sorted(graph.up.get(column.key, {}).items()):
            source = graph.nodes[key]
            if not source.table:
                continue
            item: dict[str, Any] = {
                "namespace": _namespace(graph.nodes[source.table]), "name": source.table,
                "field": source.name,
            }  # fmt: skip
            if how.startswith("脱敏"):
                item["transformations"] = [
                    {
                        "type": "DIRECT",
                        "subtype": "TRANSFORMATION",
                        "description": how,
                        "masking": True,
                    }
                ]
            inputs.append(item)
        if inputs:
            made[column.name] = {"inputFields": inputs}
    return made

"""What other packages use of lineage: tell it what flows through them, and ask it."""

from chengshu.data.lineage.graph import Edge, Graph, Node, NodeKind, column
from chengshu.data.lineage.naming import lake_key, lake_node, lake_table
from chengshu.data.lineage.registration import EdgeProvider, provided_edges, register_edges
from chengshu.data.lineage.rows import RowOrigin, row_origin
from chengshu.data.lineage.selectors import graph_of
from chengshu.data.lineage.sql_models import column_lineage, model_edges

__all__ = [
    "Edge",
    "EdgeProvider",
    "Graph",
    "Node",
    "NodeKind",
    "RowOrigin",
    "column",
    "column_lineage",
    "graph_of",
    "lake_key",
    "lake_node",
    "lake_table",
    "model_edges",
    "provided_edges",
    "register_edges",
    "row_origin",
]

"""The graph of data: tables and their columns, what flows where; plain values, no database.

A column belongs to a table (``Node.table``). Edges run between columns, or between tables where nobody knows which
columns. Up means towards the source, down towards those who use.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum


class NodeKind(StrEnum):
    """Where on its way the data is, in this order."""

    SOURCE = "source"
    LAKE = "lake"
    MODEL = "model"
    INTERFACE = "interface"
    DATASET = "dataset"
    APPLICATION = "application"

    @property
    def label(self) -> str:
        """The Chinese word."""
        return _LABELS[self]


_LABELS = {
    NodeKind.SOURCE: "来源", NodeKind.LAKE: "入库表", NodeKind.MODEL: "加工模型",
    NodeKind.INTERFACE: "共享接口", NodeKind.DATASET: "开放数据集", NodeKind.APPLICATION: "使用应用",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """A table, or a column of one (``table`` is then the table's key). ``url`` leads to its own page."""

    key: str
    kind: NodeKind
    title: str
    table: str = ""
    name: str = ""
    owner: str = ""
    url: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """Data flows from ``source`` to ``target``; ``how`` says what happens on the way (脱敏：姓名)."""

    source: Node
    target: Node
    how: str = ""


@dataclass(slots=True)
class Graph:
    """Nodes by key, and edges both ways."""

    nodes: dict[str, Node] = field(default_factory=dict)
    down: dict[str, dict[str, str]] = field(default_factory=dict)
    up: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, edges: Iterable[Edge], nodes: Iterable[Node] = ()) -> "Graph":
        """Build a graph; tables of columns have to be among ``nodes`` or ends of edges."""
        made = cls()
        for node in nodes:
            made.nodes.setdefault(node.key, node)
        for edge in edges:
            made.add(edge)
        return made

    def add(self, edge: Edge) -> None:
        """Add an edge and its ends."""
        for node in (edge.source, edge.target):
            self.nodes.setdefault(node.key, node)
        self.down.setdefault(edge.source.key, {})[edge.target.key] = edge.how
        self.up.setdefault(edge.target.key, {})[edge.source.key] = edge.how

    def columns(self, table: str) -> list[Node]:
        """The columns of a table, in the order they became known."""
        return [node for node in self.nodes.values() if node.table == table]

    def upstream(self, key: str) -> dict[str, int]:
        """What a node is made of, with the number of steps; a table stands for all of its columns."""
        return self._reach(key, self.up)

    def downstream(self, key: str) -> dict[str, int]:
        """What is made of a node, with the number of steps."""
        return self._reach(key, self.down)

    def _reach(self, key: str, ways: dict[str, dict[str, str]]) -> dict[str, int]:
        starts = {key, *(node.key for node in self.columns(key))}
        found = dict.fromkeys(starts, 0)
        queue = deque(starts)
        while queue:
            at = queue.popleft()
            for following in ways.get(at, ()):
                if following not in found:
                    found[following] = found[at] + 1
                    queue.append(following)
        return {node: steps for node, steps in found.items() if node not in starts}

    def around(self, key: str) -> "Graph":
        """Everything a node is made of and everything made of it."""
        keys = {key, *(node.key for node in self.columns(key))}
        return self.only(keys | set(self.upstream(key)) | set(self.downstream(key)))

    def only(self, keys: Iterable[str]) -> "Graph":
        """The part with these nodes (and the tables of columns among them)."""
        wanted = set(keys)
        wanted |= {self.nodes[k].table for k in wanted if k in self.nodes and self.nodes[k].table}
        part = Graph({k: n for k, n in self.nodes.items() if k in wanted})
        for source, targets in self.down.items():
            for target, how in targets.items():
                if source in wanted and target in wanted:
                    part.down.setdefault(source, {})[target] = how
                    part.up.setdefault(target, {})[source] = how
        return part

    def tables(self) -> "Graph":
        """The same on the level of tables; ``how`` counts the columns that flow."""
        counts: dict[tuple[str, str], int] = {}
        for source, targets in self.down.items():
            for target in targets:
                ends = self.table_of(source), self.table_of(target)
                if ends[0] != ends[1]:
                    counts[ends] = counts.get(ends, 0) + bool(self.nodes[source].table)
        made = Graph({k: n for k, n in self.nodes.items() if not n.table})
        for (source, target), count in counts.items():
            how = f"{count} 个字段" if count else ""
            made.add(Edge(self.nodes[source], self.nodes[target], how))
        return made

    def table_of(self, key: str) -> str:
        """The key of a column's table; a table's own key."""
        return self.nodes[key].table or key

    def edges(self) -> list[Edge]:
        """All edges."""
        return [
            Edge(self.nodes[source], self.nodes[target], how)
            for source, targets in self.down.items()
            for target, how in targets.items()
        ]


def column(table: Node, name: str, title: str = "", level: str = "") -> Node:
    """A column of a table."""
    return replace(
        table,
        key=f"{table.key}.{name}",
        title=title or name,
        table=table.key,
        name=name,
        level=level,
    )

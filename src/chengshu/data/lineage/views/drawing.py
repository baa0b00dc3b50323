"""A part of the graph as boxes, rows and lines for the template, and as a list for those who do not see it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from chengshu.data.lineage.graph import Edge, Graph, Node, NodeKind
from chengshu.data.lineage.layout import HEAD, ROW, WIDTH, Box, Placed, arrange

MOST_TABLES = 40
MOST_ROWS = 14
_TITLE, _NAME, _ROW, _MORE = 15, 30, 17, 8
_RANK = {kind: rank for rank, kind in enumerate(NodeKind)}
_RANK[NodeKind.APPLICATION] = _RANK[NodeKind.DATASET]

Url = Callable[[Node], str]


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """A column in its box; ``y`` is the base line of its text."""

    node: Node
    text: str
    url: str
    x: int
    y: int
    top: int
    focused: bool


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A table; ``more`` counts columns that are not drawn."""

    node: Node
    text: str
    below: str
    url: str
    x: int
    y: int
    height: int
    rows: list[DrawnRow]
    focused: bool
    more: int

    @property
    def text_x(self) -> int:
        """Left edge of the text."""
        return self.x + 12

    @property
    def title_y(self) -> int:
        """Base line of the title."""
        return self.y + 19

    @property
    def below_y(self) -> int:
        """Base line of the second line."""
        return self.y + 36

    @property
    def width(self) -> int:
        """Width of every box."""
        return WIDTH


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """An edge; ``strong`` ones touch the focus' own way, ``masked`` ones change the value."""

    path: str
    title: str
    masked: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """What the template draws. ``left_out`` counts tables beyond :data:`MOST_TABLES`."""

    boxes: list[DrawnBox]
    lines: list[DrawnLine]
    width: int
    height: int
    left_out: int
    edges: list[Edge]


def picture(
    graph: Graph, *, focus: str, opened: Collection[str], url: Url, words: str = ""
) -> Picture:
    """Draw a graph: tables in ``opened`` show their columns (those that match ``words``)."""
    keys = _nearest(graph, focus)
    part = graph.only([k for k in graph.nodes if graph.table_of(k) in keys])
    rows = {key: _rows(part, key, focus, words) if key in opened else [] for key in keys}
    shown = {node.key for found in rows.values() for node in found[:MOST_ROWS]}
    boxes = [
        Box(key, tuple(n.key for n in found[:MOST_ROWS]), _RANK[part.nodes[key].kind])
        for key, found in rows.items()
    ]
    lines = _lines(part, shown)
    made = arrange(boxes, sorted(lines))
    return Picture(
        boxes=[_box(part, made.boxes[box.key], focus, url, len(rows[box.key])) for box in boxes],
        lines=[
            DrawnLine(made.paths[ends], _told(part, ends, how), how.startswith("脱敏"))
            for ends, how in sorted(lines.items())
            if ends in made.paths
        ],
        width=made.width, height=made.height,
        left_out=len({graph.table_of(k) for k in graph.nodes}) - len(keys),
        edges=_listed(part, lines),
    )  # fmt: skip


def _nearest(graph: Graph, focus: str) -> list[str]:
    """The tables to draw: the focus first, then the nearest ones."""
    start = graph.table_of(focus)
    steps = {start: 0}
    tables = graph.tables()
    for ways in (tables.upstream(start), tables.downstream(start)):
        for key, distance in ways.items():
            steps[key] = min(distance, steps.get(key, distance))
    return sorted(steps, key=lambda key: (steps[key], key))[:MOST_TABLES]


def _rows(part: Graph, table: str, focus: str, words: str) -> list[Node]:
    columns = part.columns(table)
    wanted = words.lower()
    matching = [
        n for n in columns if wanted in n.title.lower() or wanted in n.name.lower()
    ] if wanted else columns  # fmt: skip
    return sorted(matching or columns[:0], key=lambda n: n.key != focus)


def _lines(part: Graph, shown: Collection[str]) -> dict[tuple[str, str], str]:
    """Lines between shown columns; where one end is closed, a line from table to table stands for all."""
    found: dict[tuple[str, str], str] = {}
    for edge in part.edges():
        a, b = edge.source, edge.target
        if a.key in shown and b.key in shown:
            found[a.key, b.key] = edge.how
    joined = {(part.table_of(a), part.table_of(b)) for a, b in found}
    for edge in part.tables().edges():
        ends = edge.source.key, edge.target.key
        if ends not in joined:
            found[ends] = edge.how
    return found


def _told(part: Graph, ends: tuple[str, str], how: str) -> str:
    a, b = (part.nodes[key] for key in ends)
    return f"{a.title} → {b.title}" + (f"（{how}）" if how else "")


def _listed(part: Graph, lines: dict[tuple[str, str], str]) -> list[Edge]:
    return [Edge(part.nodes[a], part.nodes[b], how) for (a, b), how in sorted(lines.items())]


def _short(text: str, most: int) -> str:
    """Text that fits: a Chinese character counts for two of the Latin ones that ``most`` is twice of."""
    used, limit = 0, most * 2
    for at, character in enumerate(text):
        used += 2 if ord(character) > 0x2E80 else 1  # noqa: PLR2004 - CJK begins there
        if used > limit:
            return text[: max(at - 1, 1)] + "…"
    return text


def _box(part: Graph, place: Placed, focus: str, url: Url, columns: int) -> DrawnBox:
    box = place.box
    node = part.nodes[box.key]
    rows = [
        DrawnRow(
            part.nodes[key], _short(part.nodes[key].title, _ROW) , url(part.nodes[key]),
            place.x + 12, place.y + HEAD + at * ROW + 16, place.y + HEAD + at * ROW, key == focus,
        )
        for at, key in enumerate(box.rows)
    ]  # fmt: skip
    below = f"{node.kind.label} · {node.owner}" if node.owner else node.kind.label
    more = max(0, columns - len(box.rows))
    # "还有 36 个字段" follows on the same line.
    room = _NAME // 2 + 2 - (_MORE if more else 0)
    return DrawnBox(
        node, _short(node.title, _TITLE), _short(below, room), url(node), place.x, place.y,
        box.height, rows, box.key == focus, more,
    )  # fmt: skip

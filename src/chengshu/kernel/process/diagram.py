"""The trace on the diagram: where a case went, where it stands, drawn on the server from the file's own coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from chengshu.kernel.process.choices import TraceAct
from chengshu.kernel.process.definition.elements import Box, Process, Step
from chengshu.kernel.process.models import HumanTask, TraceEntry

Look = Literal["idle", "done", "now", "returned"]
WORDS: dict[Look, str] = {"idle": "未到", "done": "已办", "now": "办理中", "returned": "已退回"}
MARGIN = 24
LINE = 7
"""Characters of a name in one line of a box."""
_ROUND = {"start", "end", "timer", "boundary"}
_GATEWAYS = {"exclusive": "×", "parallel": "+", "inclusive": "○"}


@dataclass(frozen=True, slots=True)
class Node:
    """One node as the drawing shows it."""

    step: Step
    box: Box
    look: Look

    @property
    def shape(self) -> str:
        """box, circle or diamond."""
        if self.step.kind in _ROUND:
            return "circle"
        return "diamond" if self.step.kind in _GATEWAYS else "box"

    @property
    def word(self) -> str:
        """The state in a word, for those who do not tell colours."""
        return WORDS[self.look]

    @property
    def mark(self) -> str:
        """The sign inside a gateway or a timer."""
        if self.step.kind in {"timer", "boundary"}:
            return "时"
        return _GATEWAYS.get(self.step.kind, "")

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the node."""
        return self.box.x + self.box.width / 2, self.box.y + self.box.height / 2

    @property
    def points(self) -> str:
        """Corners of a diamond."""
        x, y = self.centre
        box = self.box
        corners = ((x, box.y), (box.x + box.width, y), (x, box.y + box.height), (box.x, y))
        return " ".join(f"{a:g},{b:g}" for a, b in corners)

    @property
    def lines(self) -> list[tuple[float, str]]:
        """The name in lines, each with its height."""
        name = "" if self.step.name == self.step.id else self.step.name
        parts = [name[i : i + LINE] for i in range(0, len(name), LINE)][:3]
        if self.shape == "box":
            top = self.centre[1] - 8 * (len(parts) - 1) - (4 if self.look != "idle" else -4)
        else:
            top = self.box.y + self.box.height + 14
        return [(top + 16 * index, part) for index, part in enumerate(parts)]

    @property
    def word_at(self) -> float:
        """Where the word stands in a box: below the name."""
        return self.box.y + self.box.height - 8

    @property
    def radius(self) -> float:
        """Of a circle."""
        return self.box.width / 2


@dataclass(frozen=True, slots=True)
class Edge:
    """One flow as the drawing shows it."""

    points: str
    walked: bool
    name: str
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything the template draws; ``view`` is the SVG view box."""

    view: str
    width: int
    nodes: Sequence[Node]
    edges: Sequence[Edge]


@dataclass(frozen=True, slots=True)
class Walk:
    """What a trace says: which nodes were passed, which flows walked, how every step looks now."""

    looks: dict[str, Look]
    flows: frozenset[str]


def walk(process: Process, lines: Sequence[TraceEntry], waiting: Sequence[HumanTask]) -> Walk:
    """Read the trace."""
    looks: dict[str, Look] = {}
    flows: set[str] = set()
    chain: set[str] = set()
    for line in lines:
        path: list[str] = line.detail.get("path", [])
        moved = line.act in {TraceAct.START, TraceAct.COMPLETE, TraceAct.SIGN, TraceAct.TIMER}
        if moved:
            chain = {line.step}
        elif line.act in {TraceAct.RETURN, TraceAct.JUMP, TraceAct.WITHDRAW}:
            chain = set()
        if line.act == TraceAct.RETURN:
            looks[line.step] = "returned"
        elif line.act == TraceAct.WITHDRAW:
            looks.pop(line.step, None)
        elif moved and line.step:
            looks[line.step] = "done"
        targets = [*path, line.step] if line.act == TraceAct.OPEN else path
        for node in targets:
            flows |= {f.id for f in process.flows if f.target == node and f.source in chain}
            chain.add(node)
        looks |= dict.fromkeys(path, "done")
    looks |= {task.step: "now" for task in waiting if task.step in process.steps}
    return Walk(looks, frozenset(flows))


def draw(process: Process, found: Walk) -> Drawing | None:
    """The drawing; None when the file has no coordinates."""
    nodes = [
        Node(step, process.boxes[step.id], found.looks.get(step.id, "idle"))
        for step in process.steps.values()
        if step.id in process.boxes
    ]
    if not nodes:
        return None
    left = min(node.box.x for node in nodes) - MARGIN
    top = min(node.box.y for node in nodes) - MARGIN
    width = max(node.box.x + node.box.width for node in nodes) - left + MARGIN
    height = max(node.box.y + node.box.height for node in nodes) - top + MARGIN * 2
    edges = []
    for flow in process.flows:
        way = process.ways.get(flow.id, ())
        if len(way) > 1:
            points = " ".join(f"{x:g},{y:g}" for x, y in way)
            x, y = (way[0][0] + way[1][0]) / 2, (way[0][1] + way[1][1]) / 2 - 6
            edges.append(Edge(points, flow.id in found.flows, flow.name, x, y))
    # Walked flows last: they lie above the others where they cross.
    edges.sort(key=lambda edge: edge.walked)
    return Drawing(f"{left:g} {top:g} {width:g} {height:g}", round(width), nodes, edges)


def people_steps(process: Process, found: Walk) -> list[tuple[Step, Look]]:
    """The human steps in the file's order with how they look: the list beside the drawing, for small screens."""
    return [(step, found.looks.get(step.id, "idle")) for step in process.human]

"""Places boxes with rows in layers from left to right: plain arithmetic, the same result every time.

Layers by the longest way from a start; inside a layer boxes follow the middle of their neighbours (two sweeps).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, ROW, HEAD, GAP_X, GAP_Y, MARGIN = 232, 24, 44, 96, 20, 12
_SWEEPS = 2


@dataclass(frozen=True, slots=True)
class Box:
    """What is to be placed: a table with the keys of its shown rows."""

    key: str
    rows: tuple[str, ...] = ()
    rank: int = 0

    @property
    def height(self) -> int:
        """Pixels."""
        return HEAD + len(self.rows) * ROW


@dataclass(frozen=True, slots=True)
class Placed:
    """A box at its place (top left corner, pixels)."""

    box: Box
    x: int
    y: int

    def middle(self, key: str) -> int:
        """The height at which an edge meets the box, or one of its rows."""
        if key in self.box.rows:
            return self.y + HEAD + self.box.rows.index(key) * ROW + ROW // 2
        return self.y + HEAD // 2


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything placed: boxes by key, edges as SVG paths, and the size."""

    boxes: dict[str, Placed]
    paths: dict[tuple[str, str], str]
    width: int
    height: int


def arrange(boxes: Sequence[Box], edges: Sequence[tuple[str, str]]) -> Drawing:
    """Place boxes; ``edges`` join keys of boxes or of their rows."""
    home = {row: box.key for box in boxes for row in box.rows} | {b.key: b.key for b in boxes}
    joined = sorted({(home[a], home[b]) for a, b in edges if home[a] != home[b]})
    ranks = _ranks(boxes, joined)
    layers: dict[int, list[Box]] = {}
    for box in boxes:
        layers.setdefault(ranks[box.key], []).append(box)
    _order(layers, joined)
    placed = _place(layers)
    paths = {
        (a, b): _path(placed[home[a]], a, placed[home[b]], b)
        for a, b in edges
        if home[a] != home[b]
    }
    width = max((p.x + WIDTH for p in placed.values()), default=0) + MARGIN
    height = max((p.y + p.box.height for p in placed.values()), default=0) + MARGIN
    return Drawing(placed, paths, width, height)


def _ranks(boxes: Sequence[Box], joined: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way from a start; a circle is cut where it closes."""
    before: dict[str, list[str]] = {}
    for a, b in joined:
        before.setdefault(b, []).append(a)
    least = {box.key: box.rank for box in boxes}
    ranks: dict[str, int] = {}

    def rank(key: str, inside: frozenset[str]) -> int:
        if key not in ranks:
            earlier = [k for k in before.get(key, ()) if k not in inside]
            found = [rank(k, inside | {key}) + 1 for k in earlier]
            ranks[key] = max([least[key], *found])
        return ranks[key]

    for box in boxes:
        rank(box.key, frozenset())
    used = {value: index for index, value in enumerate(sorted(set(ranks.values())))}
    return {key: used[value] for key, value in ranks.items()}


def _order(layers: Mapping[int, list[Box]], joined: Sequence[tuple[str, str]]) -> None:
    near: dict[str, list[str]] = {}
    for a, b in joined:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    at = {box.key: i for layer in layers.values() for i, box in enumerate(layer)}
    for _ in range(_SWEEPS):
        for rank in (*sorted(layers), *sorted(layers, reverse=True)):
            centre = {
                box.key: sum(at[k] for k in near[box.key]) / len(near[box.key])
                if box.key in near else at[box.key]
                for box in layers[rank]
            }  # fmt: skip
            keys = sorted(centre, key=lambda key: (centre[key], key))
            at.update({key: place for place, key in enumerate(keys)})
            layers[rank].sort(key=lambda box: at[box.key])


def _place(layers: Mapping[int, list[Box]]) -> dict[str, Placed]:
    tall = {
        rank: sum(box.height for box in layer) + GAP_Y * (len(layer) - 1)
        for rank, layer in layers.items()
    }
    most = max(tall.values(), default=0)
    placed = {}
    for rank, layer in layers.items():
        y = MARGIN + (most - tall[rank]) // 2
        for box in layer:
            placed[box.key] = Placed(box, MARGIN + rank * (WIDTH + GAP_X), y)
            y += box.height + GAP_Y
    return placed


def _path(source: Placed, a: str, target: Placed, b: str) -> str:
    x1, y1 = source.x + WIDTH, source.middle(a)
    x2, y2 = target.x, target.middle(b)
    bend = max(GAP_X // 2, abs(x2 - x1) // 2)
    return f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"

"""A schematic map: one hexagon per community, placed near its true direction, every community equally large.

Communities differ a hundredfold in area; on a true map the crowded old town would be a dot. The tile map keeps the
neighbourhood roughly and gives each community the same voice. It is marked as schematic wherever it is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

SIZE = 26.0
LEVELS = 5


@dataclass(frozen=True, slots=True)
class Place:
    """A community with its centre in degrees and the value to show."""

    code: str
    name: str
    longitude: float
    latitude: float
    value: int


@dataclass(frozen=True, slots=True)
class Tile:
    """A hexagon: ``points`` for SVG, the label's centre, and the colour level 0 (nothing) to 5."""

    code: str
    name: str
    value: int
    level: int
    x: float
    y: float
    points: str

    @property
    def label(self) -> str:
        """The name without 社区, which every tile would repeat."""
        return self.name.removesuffix("社区")[:4]


@dataclass(frozen=True, slots=True)
class TileMap:
    """Tiles and the size of the drawing in SVG units."""

    tiles: tuple[Tile, ...]
    width: float
    height: float
    bounds: tuple[int, ...]


def build(places: Sequence[Place]) -> TileMap:
    """Lay out ``places``; the same places always give the same map.

    Each place takes the free cell nearest to its true position; places far from the middle choose first, so that
    the outline keeps its shape.
    """
    if not places:
        return TileMap((), 0, 0, ())
    columns, rows = _grid_size(len(places))
    targets = _targets(places, columns, rows)
    free = {(c, r) for c in range(columns) for r in range(rows)}
    middle = ((columns - 1) / 2, (rows - 1) / 2)
    order = sorted(places, key=lambda p: (-_distance(targets[p.code], middle), p.code))
    cells: dict[str, tuple[int, int]] = {}
    for place in order:
        target = targets[place.code]
        cell = min(free, key=lambda c: (_distance((c[0] + c[1] % 2 / 2, c[1]), target), c))
        free.remove(cell)
        cells[place.code] = cell
    bounds = _bounds([p.value for p in places])
    tiles = tuple(_tile(place, cells[place.code], bounds) for place in places)
    width = (columns + 0.5) * SIZE * sqrt(3) + 8
    height = (rows * 1.5 + 0.5) * SIZE + 8
    return TileMap(tiles, round(width, 1), round(height, 1), bounds)


def _grid_size(count: int) -> tuple[int, int]:
    """Columns and rows for a nearly square drawing with about a tenth of the cells left free."""
    rows = max(1, round(sqrt(count * 1.1 / 1.1)))
    return -(-int(count * 1.1 + 1) // rows), rows


def _targets(places: Sequence[Place], columns: int, rows: int) -> dict[str, tuple[float, float]]:
    """Positions by rank rather than by degree, which spreads the crowded old town over the drawing."""
    across = {p.code: i for i, p in enumerate(sorted(places, key=lambda p: (p.longitude, p.code)))}
    down = {p.code: i for i, p in enumerate(sorted(places, key=lambda p: (-p.latitude, p.code)))}
    last = max(1, len(places) - 1)
    return {
        p.code: (across[p.code] / last * (columns - 1), down[p.code] / last * (rows - 1))
        for p in places
    }


def _distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    return (a[0] - b[0]) ** 2 + ((a[1] - b[1]) * 0.87) ** 2


def _bounds(values: Sequence[int]) -> tuple[int, ...]:
    """Lower bounds of levels 2 to 5: quintiles of the values above nothing."""
    positive = sorted(v for v in values if v > 0)
    if not positive:
        return ()
    return tuple(positive[len(positive) * step // LEVELS] for step in range(1, LEVELS))


def _tile(place: Place, cell: tuple[int, int], bounds: tuple[int, ...]) -> Tile:
    x = (cell[0] + 0.5 + cell[1] % 2 / 2) * SIZE * sqrt(3) + 4
    y = (cell[1] * 1.5 + 1) * SIZE + 4
    half, quarter, radius = SIZE * sqrt(3) / 2 - 1, SIZE / 2 - 0.5, SIZE - 1
    corners = (
        (x, y - radius), (x + half, y - quarter), (x + half, y + quarter),
        (x, y + radius), (x - half, y + quarter), (x - half, y - quarter),
    )  # fmt: skip
    level = 0 if place.value <= 0 else 1 + sum(place.value >= bound for bound in bounds)
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in corners)
    return Tile(place.code, place.name, place.value, level, round(x, 1), round(y, 1), points)

"""Places as a plain drawing: dots over a graticule, no tiles from anywhere; the map engine will replace it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 860.0, 440.0, 36.0
_STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
_LINES = 6


@dataclass(frozen=True, slots=True)
class Dot:
    """A place on the drawing."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A meridian (x) or a parallel (y) with its name."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class PointMap:
    """Everything the template draws; sizes in the drawing's own units."""

    dots: list[Dot]
    meridians: list[Line]
    parallels: list[Line]
    width: float = WIDTH
    height: float = HEIGHT


def draw(points: Sequence[tuple[float, float, str]]) -> PointMap | None:
    """Place ``(longitude, latitude, label)`` in degrees; None without points.

    Equirectangular with the middle parallel true to scale, which is as good as any over one city.
    """
    if not points:
        return None
    west, east = min(p[0] for p in points), max(p[0] for p in points)
    south, north = min(p[1] for p in points), max(p[1] for p in points)
    squeeze = max(0.05, math.cos(math.radians((south + north) / 2)))
    across = max((east - west) * squeeze, 1e-4)
    scale = min((WIDTH - 2 * MARGIN) / across, (HEIGHT - 2 * MARGIN) / max(north - south, 1e-4))
    middle_x, middle_y = (west + east) / 2, (south + north) / 2

    def x_of(longitude: float) -> float:
        return round(WIDTH / 2 + (longitude - middle_x) * squeeze * scale, 1)

    def y_of(latitude: float) -> float:
        return round(HEIGHT / 2 - (latitude - middle_y) * scale, 1)

    half_x, half_y = WIDTH / 2 / scale / squeeze, HEIGHT / 2 / scale
    return PointMap(
        dots=[Dot(x_of(p[0]), y_of(p[1]), p[2]) for p in points],
        meridians=[
            Line(x_of(v), f"{v:g}°E" if v >= 0 else f"{-v:g}°W") for v in _lines(middle_x, half_x)
        ],
        parallels=[
            Line(y_of(v), f"{v:g}°N" if v >= 0 else f"{-v:g}°S") for v in _lines(middle_y, half_y)
        ],
    )


def _lines(middle: float, half: float) -> list[float]:
    """Round degrees inside ``middle ± half``, at most a handful."""
    step = next((s for s in _STEPS if 2 * half / s <= _LINES), _STEPS[-1])
    first = math.ceil((middle - half) / step)
    last = math.floor((middle + half) / step)
    return [round(index * step, 6) for index in range(first, last + 1)]

"""The city's ground: communities, roads and positions.

Community codes and names are the public statistical division codes. The positions are
generated: community centres are spread over the city's bounding box, they are not surveyed.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
import pyarrow as pa

from chengshu_demo.encoding import Ints, Texts, decimals
from chengshu_demo.randomness import stream

WEST, EAST = 120.470, 120.680
SOUTH, NORTH = 27.505, 27.620
CITY_CODE: Final = "330383000000"
COORDINATE_SCALE: Final = 6
MANAGEMENT_AREA_SUFFIX: Final = "管理区"

ROADS: Final = (
    "人民路", "龙港大道", "世纪大道", "通港路", "龙翔路", "西一街", "镇前路", "柳南路", "龙金大道", "龙洲路",
    "站港路", "文卫路", "建新路", "东城路", "宫后路", "沿江路", "纺织路", "彩虹大道", "时代大道", "新城大道", "海港路",
    "疏港大道", "月湖路", "池浦路", "象北路", "迎宾路", "朝阳路", "礼品城路", "印刷园路",
    "小包装路", "金钗街", "百有街", "河滨路",
    "永安路", "振兴路", "学院路", "仪邦大道", "泰和路", "育才路", "江滨路",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Division:
    """A community (or the one management area) with its 12-digit code and generated centre."""

    code: str
    name: str
    longitude: float
    latitude: float

    @property
    def is_community(self) -> bool:
        """False for the management area, which is not one of the 102 communities."""
        return not self.name.endswith(MANAGEMENT_AREA_SUFFIX)


def package_text(*path: str) -> str:
    """A data file of this package."""
    return files("chengshu_demo").joinpath("data", *path).read_text(encoding="utf-8")


@cache
def divisions() -> tuple[Division, ...]:
    """The 102 communities and the management area, in code order."""
    records = list(csv.DictReader(package_text("communities.csv").splitlines()))
    columns = 13
    rows = -(-len(records) // columns)
    jitter = stream("division centres").uniform(-0.35, 0.35, size=(len(records), 2))
    found = []
    for n, record in enumerate(records):
        east = (n % columns + 0.5 + jitter[n, 0]) / columns
        north = (n // columns + 0.5 + jitter[n, 1]) / rows
        longitude = round(WEST + (EAST - WEST) * east, COORDINATE_SCALE)
        latitude = round(NORTH - (NORTH - SOUTH) * north, COORDINATE_SCALE)
        found.append(Division(record["code"], record["name"], longitude, latitude))
    return tuple(found)


@cache
def division_codes() -> Texts:
    """12-digit codes by division index."""
    return pa.array([d.code for d in divisions()], pa.string())


@cache
def division_names() -> Texts:
    """Names by division index."""
    return pa.array([d.name for d in divisions()], pa.string())


@cache
def road_names() -> Texts:
    """Road names by road index."""
    return pa.array(ROADS, pa.string())


def positions(division: Ints, generator: np.random.Generator, *, axis: str) -> Texts:
    """Longitudes (``axis="x"``) or latitudes (``"y"``) near the centres of divisions."""
    base = np.array([d.longitude if axis == "x" else d.latitude for d in divisions()])
    spread = 0.004 if axis == "x" else 0.003
    values = base[division] + generator.uniform(-spread, spread, size=len(division))
    return decimals(np.rint(values * 10**COORDINATE_SCALE).astype(np.int64), COORDINATE_SCALE)

"""Where a release has places, and in which reference system its coordinates are.

The city's standard is CGCS2000 (EPSG:4490), whose axes differ from those of WGS 84 by less than a metre; RFC 7946 asks
for WGS 84, and for open data of a city the two are the same. Coordinates of map services (GCJ-02, BD-09) are shifted
by hundreds of metres: they are told as what they are and never written as GeoJSON.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chengshu.data.contract.facade import ColumnSpec

CGCS2000 = "CGCS2000"
_LONGITUDE = re.compile(r"^(lon|lng|longitude)$|经度", re.IGNORECASE)
_LATITUDE = re.compile(r"^(lat|latitude)$|纬度", re.IGNORECASE)
_SHIFTED = (
    (re.compile(r"GCJ|火星|高德|腾讯", re.IGNORECASE), "GCJ-02"),
    (re.compile(r"BD-?09|百度", re.IGNORECASE), "BD-09"),
)
_OTHER = (
    (re.compile(r"WGS-?\s?84|EPSG:?4326", re.IGNORECASE), "WGS 84"),
    (re.compile(r"西安|1980|北京54|1954"), "1954/1980 坐标系"),
)
_AS_WGS84 = {CGCS2000, "WGS 84"}


@dataclass(frozen=True, slots=True)
class Places:
    """The columns that hold longitude and latitude in degrees, and their reference system."""

    longitude: str
    latitude: str
    datum: str = CGCS2000

    @property
    def as_wgs84(self) -> bool:
        """Whether the coordinates may stand as WGS 84."""
        return self.datum in _AS_WGS84


def places_of(
    columns: Sequence[ColumnSpec], definitions: Mapping[str, str] | None = None
) -> Places | None:
    """The places of a table, if there is one column of each; the reference system is what title or definition say."""
    numbers = [c for c in columns if str(c.type) == "decimal"]
    east = [c for c in numbers if _LONGITUDE.search(c.name) or _LONGITUDE.search(c.title)]
    north = [c for c in numbers if _LATITUDE.search(c.name) or _LATITUDE.search(c.title)]
    if len(east) != 1 or len(north) != 1:
        return None
    said = " ".join(f"{c.title} {(definitions or {}).get(c.name, '')}" for c in (*east, *north))
    datum = next((word for pattern, word in _SHIFTED + _OTHER if pattern.search(said)), CGCS2000)
    return Places(east[0].name, north[0].name, datum)

"""What the cockpit shows: indicators of all manifests, the communities, and what moved."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from chengshu.data.ingest.selectors import region_totals
from chengshu.kernel.identity.choices import RegionLevel
from chengshu.kernel.identity.models import Region
from chengshu.kernel.registry import registry
from chengshu.kernel.registry.manifest import Indicator
from chengshu.kernel.ui.components import Stat
from chengshu.portals.cockpit.tilemap import Place, TileMap, build

COMPACT_FROM = 100_000


@dataclass(frozen=True, slots=True)
class Figure:
    """An indicator with its value of this moment."""

    indicator: Indicator
    value: int | float
    url: str

    @property
    def stat(self) -> Stat:
        """The tile."""
        return Stat(
            label=self.indicator.name, value=self.value, unit=self.indicator.unit, url=self.url,
            compact=self.value >= COMPACT_FROM,
        )  # fmt: skip


def figures() -> list[Figure]:
    """Every indicator of every manifest, computed from records now."""
    return [
        Figure(item, import_string(item.compute)(), _url(item)) for item in registry.indicators()
    ]


def _url(item: Indicator) -> str:
    if not item.url_name:
        return ""
    try:
        return reverse(item.url_name) + (f"?{item.url_query}" if item.url_query else "")
    except NoReverseMatch:
        return ""


def community_map() -> TileMap:
    """Collected records by community on the schematic map."""
    totals = {item.code: item.rows for item in region_totals()}
    regions = Region.objects.filter(level=RegionLevel.COMMUNITY).exclude(longitude=None)
    places = [
        Place(r.code, r.name, r.longitude or 0.0, r.latitude or 0.0, totals.get(r.code, 0))
        for r in regions
    ]
    return build(places)


@dataclass(frozen=True, slots=True)
class Movement:
    """Something that happened, for the list beside the map."""

    at: datetime
    text: str
    note: str
    url: str

"""Where one row of the lake came from: its batch and its row number in that delivery."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.ingest.facade import Batch
from chengshu_lake import Lake

BATCH, ROW = "_batch", "_row"
_HEX = 32


@dataclass(frozen=True, slots=True)
class RowOrigin:
    """``batch`` is None when it is not known any more; ``number`` is the row as collection counts it:
    a line of a file with its header, or the n-th row of a table.
    """

    batch: Batch | None
    stamp: str
    number: int


def row_origin(resource: PublishedResource, key: tuple[Any, ...]) -> RowOrigin | None:
    """The origin of the row with this key; None when there is no such row, or it carries no stamp."""
    lake = Lake(settings.LAKE_ROOT)
    if not lake.exists(resource.lake_table):
        return None
    if not {BATCH, ROW} <= set(lake.schema(resource.lake_table).names):
        return None
    found = lake.lookup(resource.lake_table, [key], columns=[BATCH, ROW]).to_pylist()
    if not found or not found[0][BATCH]:
        return None
    stamp, number = found[0][BATCH], found[0][ROW]
    return RowOrigin(_batch(resource.id, stamp), stamp, int(number))


def _batch(resource_id: int, stamp: str) -> Batch | None:
    """Stamps are the first digits of a batch's identifier (see collection's stamping)."""
    low, high = (stamp.ljust(_HEX, filler) for filler in "0f")
    batches = Batch.objects.filter(resource_id=resource_id, id__gte=low, id__lte=high)
    return batches.select_related("file", "data_source").first()

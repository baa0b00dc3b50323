"""When data last came in, for the catalogue's update terms."""

from collections.abc import Collection, Mapping
from datetime import datetime

from chengshu.data.ingest.models import Collected


def last_loads(resource_ids: Collection[int]) -> Mapping[int, datetime]:
    """Time of the last batch that reached the lake, by entry; entries without one are left out (one query)."""
    rows = Collected.objects.filter(resource__in=resource_ids)
    return dict(rows.values_list("resource_id", "updated_at"))

"""Scans a few tables of the demo city; the schedule does the rest while people look around."""

from typing import Any

from chengshu.data.catalog.facade import list_published, published_queryset
from chengshu.data.classification import services

FIRST = 12


def load(context: Any) -> None:
    """Scan the first tables by code; safe to repeat."""
    del context
    found = published_queryset().order_by("code").values_list("code", flat=True)
    for resource in list_published(codes=list(found[:FIRST])):
        services.scan(resource)

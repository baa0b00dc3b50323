"""Tells the catalogue which open datasets and public interfaces are drawn from an entry."""

from collections.abc import Sequence

from django.urls import reverse

from chengshu.data.catalog.facade import Consumer
from chengshu.data.opening.choices import DatasetState, InterfaceState
from chengshu.data.opening.models import OpenDataset, OpenInterface


def of_resource(resource_id: int) -> Sequence[Consumer]:
    """Datasets not withdrawn, interfaces not offline (two queries); the offering department answers for them."""
    datasets = (
        OpenDataset.objects.filter(resource=resource_id)
        .exclude(state=DatasetState.WITHDRAWN)
        .select_related("resource__provider")
    )
    interfaces = (
        OpenInterface.objects.filter(resource=resource_id)
        .exclude(state=InterfaceState.OFFLINE)
        .select_related("resource__provider")
    )
    return [
        *(_consumer(item, "opening:dataset") for item in datasets),
        *(_consumer(item, "opening:interface") for item in interfaces),
    ]


def _consumer(item: OpenDataset | OpenInterface, page: str) -> Consumer:
    # A public interface gives the same away as a dataset and is hit by the same changes.
    return Consumer(
        kind="dataset", name=item.title, organization=item.resource.provider,
        url=reverse(page, args=[item.slug]), fields=tuple(map(str, item.fields)),
    )  # fmt: skip

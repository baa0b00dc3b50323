"""Tells the catalogue which open datasets are drawn from an entry."""

from collections.abc import Sequence

from django.urls import reverse

from chengshu.data.catalog.facade import Consumer
from chengshu.data.opening.choices import DatasetState
from chengshu.data.opening.models import OpenDataset


def of_resource(resource_id: int) -> Sequence[Consumer]:
    """Datasets that are not withdrawn (one query); the department that offers the data answers for them."""
    datasets = (
        OpenDataset.objects.filter(resource=resource_id)
        .exclude(state=DatasetState.WITHDRAWN)
        .select_related("resource__provider")
    )
    return [
        Consumer(
            kind="dataset", name=item.title, organization=item.resource.provider,
            url=reverse("opening:dataset", args=[item.slug]), fields=tuple(map(str, item.fields)),
        )
        for item in datasets
    ]  # fmt: skip

"""Tells the machine-readable catalogue which services answer from an entry."""

from collections.abc import Collection, Mapping

from django.conf import settings

from chengshu.data.catalog.facade import ServiceOffer
from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.models import ShareInterface


def of_resources(resource_ids: Collection[int]) -> Mapping[int, list[ServiceOffer]]:
    """The interfaces in service (one query); each needs an application and a grant."""
    found: dict[int, list[ServiceOffer]] = {}
    rows = ShareInterface.objects.filter(
        resource__in=list(resource_ids), state=InterfaceState.ONLINE
    )
    for item in rows.order_by("code"):
        found.setdefault(item.resource_id, []).append(
            ServiceOffer(
                key=f"share-{item.code}", title=item.title,
                endpoint=f"{settings.GATEWAY_URL}/share/v1/{item.code}/",
            )
        )  # fmt: skip
    return found

"""What opening does when something happens elsewhere."""

from chengshu.data.opening.choices import InterfaceState
from chengshu.data.opening.models import PUBLIC_STATES, OpenDataset, OpenInterface
from chengshu.data.opening.services import datasets, interfaces
from chengshu.kernel.access.actor import platform
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe

ACTOR = "数据开放"


@subscribe("city.ingest.batch.loaded", name="opening.refresh")
def batch_loaded(event: Event) -> None:
    """New data in the lake: renew what is open of the resource, once per event."""
    actor = platform(ACTOR)
    for dataset in _datasets(event.subject):
        datasets.refresh(actor=actor, dataset=dataset, key=f"opening:{dataset.slug}:{event.id}")
    for interface in _interfaces(event.subject):
        interfaces.request_publication(
            actor=actor, interface=interface, key=f"opening-api:{interface.slug}:{event.id}"
        )


@subscribe("city.catalog.resource.", name="opening.recheck", urgent=True)
def catalogue_changed(event: Event) -> None:
    """The catalogue changed: what may no longer be open leaves the portal at once."""
    actor = platform(ACTOR)
    for dataset in _datasets(event.subject):
        datasets.recheck(actor=actor, dataset=dataset)
    for interface in _interfaces(event.subject):
        interfaces.recheck(actor=actor, interface=interface)


def _datasets(resource_code: str) -> list[OpenDataset]:
    found = OpenDataset.objects.filter(resource__code=resource_code, state__in=PUBLIC_STATES)
    return list(found.select_related("resource__provider", "current"))


def _interfaces(resource_code: str) -> list[OpenInterface]:
    found = OpenInterface.objects.filter(resource__code=resource_code)
    return list(found.exclude(state=InterfaceState.OFFLINE).select_related("resource__provider"))

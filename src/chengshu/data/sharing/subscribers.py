"""What sharing does when something happens elsewhere."""

from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.publishing import publish_rules
from chengshu.data.sharing.services.interfaces import request_snapshot
from chengshu.kernel.access.actor import platform
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe


@subscribe("city.sharing.", name="sharing.publish_rules", urgent=True)
def rules_changed(event: Event) -> None:
    """Any change of applications, keys, interfaces or grants reaches the gateway as a new bundle."""
    del event
    publish_rules()


@subscribe("city.ingest.batch.loaded", name="sharing.refresh_snapshots")
def batch_loaded(event: Event) -> None:
    """New data in the lake: rebuild the snapshots of the resource's interfaces."""
    _refresh(event)


@subscribe("city.catalog.resource.published", name="sharing.refresh_columns")
def entry_published(event: Event) -> None:
    """A new version of the entry: its fields may have other names, levels, or be gone."""
    _refresh(event)


@subscribe("city.catalog.resource.", name="sharing.follow_catalogue", urgent=True)
def entry_changed(event: Event) -> None:
    """An entry that was suspended or retired answers no more; one that was resumed answers again."""
    if ShareInterface.objects.filter(resource__code=event.subject).exists():
        publish_rules()


def _refresh(event: Event) -> None:
    # A proxied interface has no snapshot: its department answers itself.
    interfaces = ShareInterface.objects.filter(resource__code=event.subject, source=None)
    idle = (InterfaceState.OFFLINE, InterfaceState.WANTED)
    for item in interfaces.exclude(state__in=idle).select_related("resource"):
        request_snapshot(
            actor=platform("共享发布"), interface=item, key=f"snapshot:{item.code}:{event.id}"
        )

"""What sharing does when something happens elsewhere."""

from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.publishing import publish_rules
from chengshu.data.sharing.services.interfaces import request_snapshot
from chengshu.kernel.access.actor import platform
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe


@subscribe("city.sharing.", name="sharing.publish_rules")
def rules_changed(event: Event) -> None:
    """Any change of applications, keys, interfaces or grants reaches the gateway as a new bundle."""
    del event
    publish_rules()


@subscribe("city.ingest.batch.loaded", name="sharing.refresh_snapshots")
def batch_loaded(event: Event) -> None:
    """New data in the lake: rebuild the snapshots of the resource's interfaces."""
    interfaces = ShareInterface.objects.filter(resource__code=event.subject)
    for item in interfaces.exclude(state=InterfaceState.OFFLINE).select_related("resource"):
        request_snapshot(
            actor=platform("共享发布"), interface=item, key=f"snapshot:{item.code}:{event.id}"
        )

"""What collection does when something happens elsewhere."""

from chengshu.data.collection.services.following import follow_catalogue
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe


@subscribe("city.catalog.resource.published", name="collection.follow_catalogue")
def entry_published(event: Event) -> None:
    """A change of the source may have been taken over: let the plans of the entry follow."""
    if event.data.get("id"):
        follow_catalogue(int(event.data["id"]))

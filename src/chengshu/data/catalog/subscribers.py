"""What the catalogue does when something happens: due dates follow entries and data."""

from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.services.due import renew_due
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe


@subscribe("city.catalog.resource.", name="catalog.renew_due_of_entry")
def entry_changed(event: Event) -> None:
    """A new cycle, a suspension, a resumption: the entry owes something else."""
    _renew(event)


@subscribe("city.ingest.batch.loaded", name="catalog.renew_due_of_data")
def data_came(event: Event) -> None:
    """Data came in: the next update is due later."""
    _renew(event)


@subscribe("city.catalog.loaded", name="catalog.renew_all_due")
def catalogue_loaded(event: Event) -> None:
    """Many entries at once."""
    del event
    renew_due()


def _renew(event: Event) -> None:
    renew_due(Resource.objects.filter(code=event.subject).values_list("pk", flat=True))

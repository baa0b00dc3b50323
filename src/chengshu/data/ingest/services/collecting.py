"""Starting the collection of an object of a data source into a resource."""

from dataclasses import asdict

from chengshu.data.catalog.facade import collectable, published
from chengshu.data.ingest.choices import Origin
from chengshu.data.ingest.models import Batch, DataSource
from chengshu.data.ingest.services.uploads import check_mapping, queue
from chengshu.data.ingest.sources import Window
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.unit_of_work import unit_of_work


def collect(
    *,
    actor: Actor,
    resource_code: str,
    source: DataSource,
    name: str,
    mapping: dict[str, str],
    window: Window | None = None,
) -> Batch:
    """Queue the collection of an object (a table, a file pattern, an endpoint), or a window of it.

    Raises:
        InvalidInput: the mapping lacks a required data item or names an unknown one.
        Conflict: entries of this kind are not collected from such a source.
    """
    resource = published(resource_code)
    options: dict[str, object] = {"object": name, "mapping": mapping}
    if window is not None:
        options["window"] = asdict(window)
    batch = Batch(
        resource_id=resource.id, origin=Origin.TABLE, data_source=source,
        created_by=actor.account, options=options,
    )  # fmt: skip
    check(actor, "ingest.batch.create", batch)
    check(actor, "ingest.source.manage", source)
    collectable(resource, source.connector.way)
    check_mapping(resource, mapping)
    with unit_of_work():
        queue(actor=actor, batch=batch)
        record(actor=actor, action="ingest.table_requested", obj=batch, after=batch.options)
    return batch

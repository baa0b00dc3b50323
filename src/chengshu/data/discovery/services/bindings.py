"""Ties an entry to the table it describes, so that a change there is noticed."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from chengshu.data.catalog.facade import Resource
from chengshu.data.discovery.choices import BindingState
from chengshu.data.discovery.models import SourceBinding
from chengshu.data.ingest.facade import DataSource
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.unit_of_work import unit_of_work


def bind(
    *,
    actor: Actor,
    resource: Resource,
    source: DataSource,
    object_name: str,
    columns: Sequence[Mapping[str, Any]],
    fingerprint: str,
    mapping: Mapping[str, str],
) -> SourceBinding:
    """Agree on the structure of the entry's source table; an earlier agreement is replaced.

    ``columns`` are as :func:`chengshu.data.discovery.sourcing.document` writes them; ``mapping`` leads from source
    columns to data items, and columns outside it are known but not collected.
    """
    check(actor, "discovery.propose", resource)
    agreed = [{**column, "item": mapping.get(str(column["name"]), "")} for column in columns]
    with unit_of_work():
        binding, _ = SourceBinding.objects.update_or_create(
            resource=resource,
            defaults={
                "data_source": source, "object_name": object_name, "structure": agreed,
                "fingerprint": fingerprint, "state": BindingState.SAME, "message": "",
                "bound_at": timezone.now(), "checked_at": timezone.now(),
            },
        )  # fmt: skip
        record(actor=actor, action="discovery.bound", obj=resource, after={"object": object_name})
    return binding

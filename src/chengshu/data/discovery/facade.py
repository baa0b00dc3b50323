"""What other data packages may use of discovery.

:func:`lead_source` tells which resource is authoritative for a data element; :func:`bind` ties an entry to the table it
is collected from, so that changes there are noticed; :func:`check_source` looks at once (before a run);
:func:`agreement` tells what was agreed about the table last, so that plans follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.discovery.choices import FindingKind, FindingState
from chengshu.data.discovery.models import DriftFinding, LeadSource, SourceBinding
from chengshu.data.discovery.services.bindings import bind
from chengshu.data.discovery.services.drift import watch


def lead_source(element: str) -> LeadSource | None:
    """The designated source of the data element with this identifier; None while nobody is designated."""
    return (
        LeadSource.objects.filter(element=element)
        .select_related("organization", "resource")
        .first()
    )


def check_source(resource_id: int) -> DriftFinding | None:
    """Compare the entry's source with what was agreed, now; None when nothing changed or nothing is bound."""
    binding = (
        SourceBinding.objects.filter(resource=resource_id)
        .select_related("resource__provider", "data_source")
        .first()
    )
    return watch(binding) if binding is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What people agreed about an entry's table: columns (as sources describe them), items, likely renames."""

    number: int
    """Grows from one agreement to the next."""
    source_id: int
    object_name: str
    columns: tuple[Mapping[str, Any], ...]
    mapping: Mapping[str, str]
    """Column → data item, for the columns that are collected."""
    renamed: Mapping[str, str]
    """Old name → new name, as the comparison guessed them."""


def agreement(resource: PublishedResource) -> Agreement | None:
    """The last change of the entry's table that was taken over and published since; None when there is none."""
    binding = SourceBinding.objects.filter(resource=resource.id).first()
    finding = (
        DriftFinding.objects.filter(
            resource=resource.id, kind=FindingKind.STRUCTURE, state=FindingState.PROPOSED
        )
        .order_by("-decided_at")
        .first()
    )
    if binding is None or finding is None or finding.decided_at is None:
        return None
    if resource.published_at is None or resource.published_at < finding.decided_at:
        return None  # proposed, but the catalogue has not taken it over yet
    columns = [dict(column) for column in binding.structure]
    items = {str(c["name"]): str(c.pop("item", "") or "") for c in columns}
    return Agreement(
        number=finding.pk, source_id=binding.data_source_id, object_name=binding.object_name, columns=tuple(columns),
        mapping={name: item for name, item in items.items() if item},
        renamed={c["before"]: c["column"] for c in finding.changes if c["kind"] == "renamed"},
    )  # fmt: skip


__all__ = [
    "Agreement",
    "LeadSource",
    "SourceBinding",
    "agreement",
    "bind",
    "check_source",
    "lead_source",
]

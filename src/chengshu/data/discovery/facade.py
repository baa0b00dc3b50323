"""What other data packages may use of discovery.

:func:`lead_source` tells which resource is authoritative for a data element; :func:`bind` ties an entry to the table it
is collected from, so that changes there are noticed; :func:`check_source` looks at once (before a run).
"""

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


__all__ = ["LeadSource", "SourceBinding", "bind", "check_source", "lead_source"]

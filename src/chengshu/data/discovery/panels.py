"""What an entry's page says about sources and drift; registered with the catalogue at start-up."""

from django.template.loader import render_to_string

from chengshu.data.catalog.facade import Resource
from chengshu.data.discovery import selectors
from chengshu.data.discovery.choices import FindingState, MemberRole
from chengshu.data.discovery.models import ClusterMember, DriftFinding
from chengshu.kernel.access.actor import Actor


def lead_panel(actor: Actor, resource: Resource) -> str:
    """Which items of the entry have a designated source, and what this entry is to do with each."""
    del actor
    rows = (
        ClusterMember.objects.filter(resource=resource)
        .exclude(role=MemberRole.HOLDER)
        .select_related("cluster__lead__organization", "cluster__lead__resource")
        .order_by("role", "column")
    )
    found = list(rows)
    if not found:
        return ""
    return render_to_string("discovery/lead_panel.html", {"members": found})


def drift_panel(actor: Actor, resource: Resource) -> str:
    """Which table the entry is bound to, and what changed there."""
    del actor
    bound = selectors.binding(resource.pk)
    findings = DriftFinding.objects.filter(resource=resource, state=FindingState.OPEN)
    if bound is None and not findings:
        return ""
    return render_to_string(
        "discovery/drift_panel.html", {"binding": bound, "findings": findings, "resource": resource}
    )

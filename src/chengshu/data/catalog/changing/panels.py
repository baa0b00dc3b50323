"""Panels on an entry's page: what the open version would do to others, and who uses the entry."""

from django.template.loader import render_to_string
from django.urls import reverse

from chengshu.data.catalog.change.consumers import consumers_of
from chengshu.data.catalog.change.impact import impact_of
from chengshu.data.catalog.choices import EDITABLE_STATES
from chengshu.data.catalog.models import Resource
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows


def impact(actor: Actor, entry: Resource) -> str:
    """Who is hit by the open draft; empty when nobody is, or for those who may not see the draft."""
    version = entry.working
    if version is None or version.state not in EDITABLE_STATES:
        return ""
    if not allows(actor, "catalog.resource.edit", entry):
        return ""
    # The version's own row knows its entry only by id.
    version.resource = entry
    found = impact_of(version)
    if not found.breaking:
        return ""
    context = {
        "impact": found, "url": reverse("catalog_changing:submit", args=[entry.pk]),
    }  # fmt: skip
    return render_to_string("catalog_changing/impact_panel.html", context)


def consumers(actor: Actor, entry: Resource) -> str:
    """Who uses the entry, for those who look after it."""
    if not allows(actor, "catalog.resource.edit", entry):
        return ""
    found = consumers_of(entry.pk)
    return render_to_string("catalog_changing/consumers.html", {"consumers": found})

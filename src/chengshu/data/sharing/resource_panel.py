"""What an entry's page says about sharing; registered with the catalogue at start-up."""

from django.template.loader import render_to_string
from django.urls import reverse

from chengshu.data.catalog.facade import Resource, SharingType
from chengshu.data.sharing import selectors
from chengshu.data.sharing.views.presentation import tag_of
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, holds


def content(actor: Actor, resource: Resource) -> str:
    """The interfaces of an entry, and the way to a new one for those who may publish it."""
    found = selectors.listed_interfaces(actor).filter(resource=resource)
    may_publish = allows(actor, "sharing.interface.manage", resource)
    shared = resource.published is not None and resource.published.sharing_type != SharingType.NONE
    asks = shared and not found and holds(actor, "sharing.request.apply")
    context = {
        "want_url": reverse("sharing_requests:want", args=[resource.code]) if asks else "",
        "interfaces": [(item, tag_of(item)) for item in found],
        "new_url": reverse("sharing:interface-create", args=[resource.code])
        if may_publish and resource.published_id else "",
    }  # fmt: skip
    return render_to_string("sharing/resource_panel.html", context)

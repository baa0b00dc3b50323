"""Tells the catalogue who uses an entry through sharing: its interfaces and the grants on them."""

from collections.abc import Sequence

from django.urls import reverse

from chengshu.data.catalog.facade import Consumer
from chengshu.data.sharing.choices import GrantState, InterfaceState
from chengshu.data.sharing.models import Grant, ShareInterface


def of_resource(resource_id: int) -> Sequence[Consumer]:
    """Interfaces that are not taken down, and grants that are not revoked (two queries)."""
    interfaces = (
        ShareInterface.objects.filter(resource=resource_id)
        .exclude(state__in=(InterfaceState.OFFLINE, InterfaceState.WANTED))
        .select_related("resource__provider")
    )
    grants = (
        Grant.objects.filter(interface__resource=resource_id)
        .exclude(state=GrantState.REVOKED)
        .select_related("application__owner", "interface")
    )
    return [*map(_interface, interfaces), *map(_grant, grants)]


def _interface(item: ShareInterface) -> Consumer:
    return Consumer(
        kind="interface", name=item.title, organization=item.resource.provider,
        url=reverse("sharing:interface", args=[item.code]),
        fields=tuple(str(column["name"]) for column in item.columns),
    )  # fmt: skip


def _grant(item: Grant) -> Consumer:
    # The column it asks by is used as much as those it is given.
    asked_by = [item.interface.key_column] if item.interface.key_column else []
    fields = dict.fromkeys([*asked_by, *map(str, item.fields)])
    return Consumer(
        kind="grant", name=f"{item.application.name}（{item.interface.title}）",
        organization=item.application.owner, url=reverse("sharing:grant", args=[item.pk]),
        fields=tuple(fields), binding=item.state == GrantState.ACTIVE,
    )  # fmt: skip

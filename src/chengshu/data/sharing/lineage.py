"""What flows through sharing: data item → interface field → the applications that hold a grant, with masks."""

from collections.abc import Collection, Iterator

from django.urls import reverse

from chengshu.data.lineage.facade import Edge, Node, NodeKind, column, lake_node
from chengshu.data.protection.facade import NONE, mask_name
from chengshu.data.sharing.choices import GrantState, InterfaceState
from chengshu.data.sharing.models import Grant, ShareInterface


def shared_edges(resources: Collection[int] | None) -> Iterator[Edge]:
    """Edges of interfaces and grants in force; two queries."""
    interfaces = ShareInterface.objects.exclude(
        state__in=(InterfaceState.OFFLINE, InterfaceState.WANTED)
    )
    if resources is not None:
        interfaces = interfaces.filter(resource__in=resources)
    found = list(interfaces.select_related("resource__provider"))
    for item in found:
        source, target = lake_node(item.resource), _interface(item)
        yield Edge(source, target)
        for c in item.columns:
            yield Edge(
                column(source, c["name"], c["title"], c.get("sensitivity", "")),
                column(target, c["name"], c["title"], c.get("sensitivity", "")),
            )
    grants = Grant.objects.filter(state=GrantState.ACTIVE, interface__in=[i.pk for i in found])
    for grant in grants.select_related("application__owner", "interface__resource__provider"):
        yield from _granted(grant)


def _granted(grant: Grant) -> Iterator[Edge]:
    titles = {c["name"]: c["title"] for c in grant.interface.columns}
    source, target = _interface(grant.interface), _application(grant)
    yield Edge(source, target)
    for name in grant.fields:
        mask = grant.masks.get(name, NONE)
        how = "" if mask == NONE else f"脱敏：{mask_name(mask)}"
        if name in titles:
            # One application sees the same name in several interfaces; the interface keeps them apart.
            seen = column(target, f"{grant.interface.code}.{name}", titles[name])
            yield Edge(column(source, name, titles[name]), seen, how)


def _interface(item: ShareInterface) -> Node:
    return Node(
        f"interface:{item.code}", NodeKind.INTERFACE, item.title, name=item.code,
        owner=item.resource.provider.name, url=reverse("sharing:interface", args=[item.code]),
    )  # fmt: skip


def _application(grant: Grant) -> Node:
    item = grant.application
    return Node(
        f"application:{item.code}", NodeKind.APPLICATION, item.name, name=item.code,
        owner=item.owner.name, url=reverse("sharing:application", args=[item.code]),
    )  # fmt: skip


def masks_in_force() -> list[str]:
    """Declarations of all masks in active grants, one per field."""
    held = Grant.objects.filter(state=GrantState.ACTIVE).values_list("masks", flat=True)
    return [declaration for masks in held for declaration in masks.values()]

"""Keys of nodes that several packages refer to."""

from django.urls import reverse

from chengshu.data.catalog.facade import PublishedResource, Resource
from chengshu.data.lineage.graph import Node, NodeKind


def lake_table(resource: PublishedResource) -> Node:
    """The std table of an entry."""
    return Node(
        lake_key(resource.physical_name), NodeKind.LAKE, resource.title,
        name=resource.physical_name, owner=resource.provider_name,
        url=reverse("catalog:resource", args=[resource.id]), level=resource.level,
    )  # fmt: skip


def lake_node(resource: Resource) -> Node:
    """The std table of an entry's record (its provider loaded)."""
    return Node(
        lake_key(resource.physical_name), NodeKind.LAKE, resource.title,
        name=resource.physical_name, owner=resource.provider.name,
        url=reverse("catalog:resource", args=[resource.pk]),
    )  # fmt: skip


def lake_key(physical_name: str) -> str:
    """The key of a std table."""
    return f"std:{physical_name}"

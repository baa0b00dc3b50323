"""The graph as one actor may see it."""

from collections.abc import Collection

from chengshu.data.catalog.facade import published_queryset
from chengshu.data.lineage.graph import Graph
from chengshu.data.lineage.registration import provided_edges
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope

VIEW = "lineage.view"


def graph_of(actor: Actor, resources: Collection[int] | None = None) -> Graph:
    """The lineage of the entries in the actor's scope, or of those of them that are named.

    The number of queries does not depend on the number of entries.
    """
    found = scope(actor, VIEW, published_queryset())
    if resources is not None:
        found = found.filter(pk__in=resources)
    return Graph.of(provided_edges(list(found.values_list("pk", flat=True))))

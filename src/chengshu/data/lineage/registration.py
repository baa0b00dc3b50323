"""Where packages say what flows through them."""

from collections.abc import Callable, Collection, Iterable

from chengshu.data.lineage.graph import Edge

# Edges of the entries with these ids; of all entries for None. A constant number of queries, whatever their number.
EdgeProvider = Callable[[Collection[int] | None], Iterable[Edge]]
_PROVIDERS: dict[str, EdgeProvider] = {}


def register_edges(key: str, provider: EdgeProvider) -> None:
    """Add a provider of edges; the same key replaces the earlier one."""
    _PROVIDERS[key] = provider


def provided_edges(resources: Collection[int] | None) -> list[Edge]:
    """What all providers say."""
    return [edge for provider in _PROVIDERS.values() for edge in provider(resources)]

"""Facets of results: how they are stored with a document, and how one count answers for all of them."""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

Chosen = Mapping[str, Collection[str]]
"""Facet → chosen values; any of them will do, and every facet must hold."""

KIND = "kind"
"""The kind of thing counts as a facet of its own."""

_FORBIDDEN = frozenset("|=")


def encode(facets: Mapping[str, str]) -> str:
    """The stored form.

    Raises:
        ValueError: a key or value holds a sign of the stored form itself.
    """
    for pair in facets.items():
        if any(_FORBIDDEN & set(text) for text in pair):
            raise ValueError(f"a facet may not contain | or =: {pair}")
    kept = [f"{key}={value}" for key, value in sorted(facets.items()) if value]
    return f"|{'|'.join(kept)}|" if kept else ""


@lru_cache(maxsize=16_384)
def decode(stored: str) -> dict[str, str]:
    """The facets of a stored form; do not change what is returned, it is kept."""
    return dict(part.split("=", 1) for part in stored.strip("|").split("|") if part)


def tally(
    groups: Iterable[tuple[str, str, int]], chosen: Chosen
) -> tuple[dict[str, dict[str, int]], int]:
    """Counts by facet and value, and the total, from (kind, stored facets, count).

    A facet's own choice does not narrow its own counts, so that its other values show what they would add.
    """
    wanted = {key: set(values) for key, values in chosen.items() if values}
    counts: dict[str, dict[str, int]] = {}
    total = 0
    for kind, stored, count in groups:
        held = {KIND: kind, **decode(stored)}
        missed = [key for key, values in wanted.items() if held.get(key) not in values]
        if len(missed) > 1:
            continue
        if not missed:
            total += count
        for key in missed or held:
            if (value := held.get(key)) is not None:
                values = counts.setdefault(key, {})
                values[value] = values.get(value, 0) + count
    return counts, total

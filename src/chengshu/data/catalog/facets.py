"""Facets as they are drawn: a title, its values with counts, and where a click leads."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

FACETS = ("provider", "class", "kind", "sharing", "level", "fresh")
"""Filters of the list of entries that are drawn as facets."""

LONGEST = 8
"""So many values are shown at once; the rest unfold."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value."""

    word: str
    count: int
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """One facet with the values that occur, the chosen ones always among them."""

    title: str
    values: tuple[FacetValue, ...]

    @property
    def first(self) -> tuple[FacetValue, ...]:
        """The values shown at once."""
        return self.values[:LONGEST]

    @property
    def rest(self) -> tuple[FacetValue, ...]:
        """The values that unfold."""
        return self.values[LONGEST:]

    @classmethod
    def of(
        cls,
        title: str,
        words: Sequence[tuple[str, str]],
        counts: Mapping[str, int],
        chosen: Collection[str],
        url: Callable[[str, bool], str],
    ) -> "Facet":
        """Draw a facet.

        Args:
            title: what people call it.
            words: values and their words, in the order of drawing when counts are equal.
            counts: how many by value.
            chosen: the values chosen now.
            url: value and whether it is chosen → the address that chooses it, or lets it go.
        """
        drawn = [
            FacetValue(word, counts.get(value, 0), url(value, value in chosen), value in chosen)
            for value, word in words
            if counts.get(value) or value in chosen
        ]
        return cls(title, tuple(sorted(drawn, key=lambda v: (not v.chosen, -v.count))))

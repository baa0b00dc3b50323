"""Where masks are in force, told by the packages that apply them."""

from collections import Counter
from collections.abc import Callable, Iterable

# Declarations in force, one per field.
Uses = Callable[[], Iterable[str]]
_USES: dict[str, Uses] = {}


def register_mask_uses(place: str, uses: Uses) -> None:
    """Tell the gallery where masks are in force; ``place`` is a Chinese word such as 共享授权."""
    _USES[place] = uses


def mask_uses() -> dict[str, Counter[str]]:
    """Fields by kind of mask, for each place."""
    return {
        place: Counter(declaration.partition(":")[0] for declaration in uses())
        for place, uses in _USES.items()
    }

"""How a model says where it belongs. Apart from ``access``, so that identity models can use it too."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Lookups from a model to the organisation path and the region code it belongs to.

    ``everywhere=True`` marks a shared model (e.g. a published code table): a permission held anywhere suffices.
    """

    organization: str = ""
    region: str = ""
    everywhere: bool = False
